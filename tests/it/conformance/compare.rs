//! What may differ, and what does.

use std::collections::BTreeMap;

use super::wire::{End, Head, Message};

/// What passes differently through the sidecar. The README says each, in these words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Difference {
    /// Fields that concern one connection.
    Connection,
    Date,
    /// The end of an answer that ended with the connection.
    End,
    /// What the sidecar adds for the upstream.
    Forwarded,
    Host,
    Order,
    Reason,
    /// What no target may hold.
    Target,
    Trailers,
    /// Offers of other protocols than WebSocket.
    Upgrade,
    Version,
}

impl Difference {
    /// Every one, and what the README says of it.
    pub(super) const ALL: [(Self, &'static str); 11] = [
        (Self::Connection, "**Fields of one connection** do not pass"),
        (Self::Date, "**`Date`** of an answer"),
        (Self::End, "**An answer that ends with its connection**"),
        (
            Self::Forwarded,
            "**Whom a request comes from** the upstream is told",
        ),
        (Self::Host, "**`Host`** is added"),
        (Self::Order, "**The order of fields**"),
        (Self::Reason, "**A reason phrase**"),
        (Self::Target, "**In a target**"),
        (Self::Trailers, "**Trailers** are dropped"),
        (Self::Upgrade, "**Offers of other protocols**"),
        (Self::Version, "**The version** is HTTP/1.1"),
    ];

    /// What may differ in every case.
    pub(super) const ALWAYS: [Self; 4] =
        [Self::Connection, Self::Date, Self::Forwarded, Self::Order];
}

/// What came of a case.
pub(super) struct Outcome {
    pub(super) seen: Vec<Seen>,
    /// The requests that reached the upstream, as far as it took them.
    pub(super) arrived: Vec<Option<Message>>,
}

/// What a client saw in one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Answer(Message),
    /// The other end closed, or did not.
    Closed(bool),
    /// A head that another follows.
    Head(Head),
    Raw(Vec<u8>),
}

/// Differences that were found: known ones, and what nobody has allowed.
#[derive(Default)]
pub(super) struct Found {
    pub(super) known: Vec<Difference>,
    pub(super) unknown: Vec<String>,
}

/// Fields that concern one connection, besides those that `Connection` names.
const OF_ONE_CONNECTION: [&str; 6] = [
    "connection",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
];

const FORWARDED: [&str; 5] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
];

/// Compares what came directly with what came through the sidecar.
pub(super) fn compare(direct: &Outcome, through: &Outcome) -> Found {
    let mut found = Found::default();
    let counts = |outcome: &Outcome| (outcome.seen.len(), outcome.arrived.len());
    found.same("steps and requests", &counts(direct), &counts(through));
    for (direct, through) in direct.seen.iter().zip(&through.seen) {
        match (direct, through) {
            (Seen::Answer(direct), Seen::Answer(through)) => found.answers(direct, through),
            (Seen::Head(direct), Seen::Head(through)) => found.answer_heads(direct, through, false),
            (direct, through) => found.same("what was seen", direct, through),
        }
    }
    for (direct, through) in direct.arrived.iter().zip(&through.arrived) {
        match (direct, through) {
            (Some(direct), Some(through)) => found.requests(direct, through),
            (direct, through) => found.same("a request", direct, through),
        }
    }
    found.known.sort_unstable();
    found.known.dedup();
    found
}

impl Found {
    fn knows(&mut self, difference: Difference) {
        self.known.push(difference);
    }

    fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, direct: &T, through: &T) {
        if direct != through {
            let show = |it: &T| format!("{it:?}").chars().take(1500).collect::<String>();
            let (direct, through) = (show(direct), show(through));
            let told = format!("{what}\n    directly {direct}\n    through  {through}");
            self.unknown.push(told);
        }
    }

    fn answers(&mut self, direct: &Message, through: &Message) {
        // Nothing but the end of the connection ends it, if it has a body at all.
        let has_body = !direct.body.is_empty() || direct.end == End::Cut;
        let to_the_end = direct.head.framing().is_none() && (has_body || is_coded(&through.head));
        self.answer_heads(&direct.head, &through.head, to_the_end);
        self.bodies(direct, through);
    }

    fn answer_heads(&mut self, direct: &Head, through: &Head, to_the_end: bool) {
        if direct.word(0) != through.word(0) {
            self.same("the version", &"HTTP/1.1", &through.word(0));
            self.knows(Difference::Version);
        }
        self.same("the status", &direct.word(1), &through.word(1));
        if direct.word(2) != through.word(2) {
            self.same("the reason", &"", &through.word(2));
            self.knows(Difference::Reason);
        }
        let named = named(direct);
        self.fields(direct, through, |name, direct, through| {
            if through == ["chunked"] && name == "transfer-encoding" && to_the_end {
                return Some(Difference::End);
            }
            match name {
                "date" if through.len() == 1 => Some(Difference::Date),
                "connection" => Some(Difference::Connection),
                "keep-alive" | "proxy-connection" if through.is_empty() => {
                    Some(Difference::Connection)
                }
                name if named.iter().any(|n| n == name) && through.is_empty() => {
                    Some(Difference::Connection)
                }
                // Two lengths that are the same are one.
                "content-length" if direct.first() == through.first() => Some(Difference::End),
                _ => None,
            }
        });
    }

    fn requests(&mut self, direct: &Message, through: &Message) {
        let (d, t) = (&direct.head, &through.head);
        self.same("the method", &d.word(0), &t.word(0));
        if d.word(1) != t.word(1) {
            self.same("the target", &escaped(d.word(1)), &t.word(1).to_owned());
            self.knows(Difference::Target);
        }
        if d.word(2) != t.word(2) {
            self.same("the version", &"HTTP/1.1", &t.word(2));
            self.knows(Difference::Version);
        }
        let named = named(d);
        self.fields(d, t, |name, direct, through| match name {
            _ if FORWARDED.contains(&name) && !through.is_empty() => Some(Difference::Forwarded),
            "host" if direct.is_empty() && through.len() == 1 => Some(Difference::Host),
            "upgrade" if through.is_empty() => Some(Difference::Upgrade),
            "http2-settings" if through.is_empty() => Some(Difference::Upgrade),
            "upgrade" if through == ["websocket"] => Some(Difference::Connection),
            "connection" if through == ["Upgrade"] => Some(Difference::Connection),
            name if OF_ONE_CONNECTION.contains(&name) && through.is_empty() => {
                Some(Difference::Connection)
            }
            name if named.iter().any(|n| n == name) && through.is_empty() => {
                Some(Difference::Connection)
            }
            _ => None,
        });
        self.bodies(direct, through);
    }

    /// Compares fields. `known` says for a name, in small letters, whether its values may differ.
    fn fields(
        &mut self,
        direct: &Head,
        through: &Head,
        known: impl Fn(&str, &[&str], &[&str]) -> Option<Difference>,
    ) {
        let mut names = [&direct.fields, &through.fields]
            .into_iter()
            .flatten()
            .map(|(name, _)| name.to_ascii_lowercase())
            .collect::<Vec<_>>();
        names.sort_unstable();
        names.dedup();
        for name in &names {
            if spelt(direct, name) == spelt(through, name) {
                continue;
            }
            match known(name, &direct.values(name), &through.values(name)) {
                Some(difference) => self.knows(difference),
                None => self.same("fields", &spelt(direct, name), &spelt(through, name)),
            }
        }
        if order(direct, through) != order(through, direct) {
            self.knows(Difference::Order);
        }
    }

    fn bodies(&mut self, direct: &Message, through: &Message) {
        self.same("the end", &direct.end, &through.end);
        if direct.end != End::Open && direct.body != through.body {
            let lengths = (direct.body.len(), through.body.len());
            self.unknown.push(format!("the body: {lengths:?} bytes"));
        }
        if direct.trailers != through.trailers {
            self.same("trailers", &Vec::new(), &through.trailers);
            self.knows(Difference::Trailers);
        }
    }
}

/// The fields of a name, as their names and values were written.
fn spelt<'a>(head: &'a Head, name: &str) -> Vec<&'a (String, String)> {
    let named = head.fields.iter();
    named
        .filter(|(n, _)| n.eq_ignore_ascii_case(name))
        .collect()
}

/// The names of `head` in their order, without those that `other` has not.
fn order(head: &Head, other: &Head) -> Vec<String> {
    let count = |head: &Head| {
        let mut counts = BTreeMap::new();
        for (name, _) in &head.fields {
            *counts.entry(name.to_ascii_lowercase()).or_insert(0) += 1;
        }
        counts
    };
    let (own, others) = (count(head), count(other));
    let names = head
        .fields
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase());
    names
        .filter(|name| own.get(name) == others.get(name))
        .collect()
}

/// The names that `Connection` names, in small letters.
fn named(head: &Head) -> Vec<String> {
    let values = head.values("connection").into_iter();
    let names = values.flat_map(|value| value.split(','));
    names.map(|n| n.trim().to_ascii_lowercase()).collect()
}

fn is_coded(head: &Head) -> bool {
    !head.values("transfer-encoding").is_empty()
}

/// A target as it passes, if it holds what none may.
fn escaped(target: &str) -> String {
    let query = target.find('?').unwrap_or(target.len());
    let escape = |(at, c): (usize, char)| match c {
        '<' | '>' => format!("%{:02X}", u32::from(c)),
        '"' if at > query => "%22".to_owned(),
        '`' if at < query => "%60".to_owned(),
        c => c.to_string(),
    };
    target.char_indices().map(escape).collect()
}
