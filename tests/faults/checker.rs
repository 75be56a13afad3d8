//! From a history to what in it breaks a promise. Pure.
//!
//! Each listener is judged alone: all of them listen from before the first write to after the
//! last. What one hears again after it resumed, with the same id, counts once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::history::{Deed, Heard, Hearing, History, Outcome, What, Write};

/// What may have happened to the log meanwhile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Promise {
    /// Whether a gap may be told.
    pub(crate) gaps: bool,
    /// How many logs there may have been.
    pub(crate) epochs: usize,
}

/// Nothing was lost.
pub(crate) const WHOLE: Promise = Promise {
    gaps: false,
    epochs: 1,
};

/// A promise that was broken: by which listener it was seen, about which write.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Violation {
    /// A write came to the upstream more than once.
    Repeated { token: String },
    /// A write was acknowledged that never happened.
    NeverHappened { token: String },
    /// A writer got the answer to something else.
    ForeignAnswer { token: String },
    /// Neither an event nor an `uncertain`, where there had to be one; or not the event.
    Missing { listener: usize, token: String },
    /// Told although there was nothing to tell, or not as it was.
    Unjustified { listener: usize, token: String },
    /// Told more than once, with different ids.
    ToldTwice { listener: usize, token: String },
    /// It tells of no write that anybody sent.
    Stranger { listener: usize, id: String },
    /// More or fewer `uncertain` without an id than there are writes for.
    Uncounted {
        listener: usize,
        collection: String,
        heard: usize,
        least: usize,
        most: usize,
    },
    /// An id that does not come after the one before it.
    NotRising {
        listener: usize,
        id: String,
        before: String,
    },
    /// A write is told before one that was acknowledged before it was sent.
    Reordered {
        listener: usize,
        first: String,
        second: String,
    },
    /// The same id with other bytes.
    OtherBytes { id: String },
    /// A gap where nothing was lost.
    Gap { listener: usize, reason: String },
    /// More logs than there may have been.
    Epochs { found: usize },
}

impl Violation {
    /// Whether what is told later may mend it.
    pub(crate) fn may_be_mended(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Uncounted { .. })
    }
}

/// How often a write was told to one listener.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    events: usize,
    uncertain: usize,
}

/// How often it has to be and may be told.
#[derive(Clone, Copy, Debug)]
struct Due {
    /// Of both together.
    least: usize,
    /// Of both together.
    most: usize,
    /// Whether an event is right.
    event: bool,
    /// Whether `uncertain` is right.
    uncertain: bool,
}

/// What breaks `promise`; empty if nothing does.
pub(crate) fn check(history: &History, promise: Promise) -> Vec<Violation> {
    let mut violations = Vec::new();
    for write in &history.writes {
        let token = write.token.clone();
        let deed = deed(history, write);
        if deed.seen > 1 || deed.executed > 1 {
            violations.push(Violation::Repeated {
                token: token.clone(),
            });
        }
        match write.outcome {
            Outcome::Acknowledged if deed.executed == 0 => {
                violations.push(Violation::NeverHappened { token });
            }
            Outcome::Foreign => violations.push(Violation::ForeignAnswer { token }),
            _ => {}
        }
    }
    check_ids(history, promise, &mut violations);
    for (listener, hearings) in history.listeners.iter().enumerate() {
        let judge = Judge {
            history,
            listener,
            heard: first_hearings(hearings),
            by_token: history
                .writes
                .iter()
                .map(|write| (&*write.token, write))
                .collect(),
        };
        judge.check_told(&mut violations);
        judge.check_order(&mut violations);
    }
    violations
}

fn deed(history: &History, write: &Write) -> Deed {
    let deed = history.journal.get(&write.token);
    deed.copied().unwrap_or_default()
}

/// What a listener heard, in order, without what it heard again.
fn first_hearings(hearings: &[Hearing]) -> Vec<&Heard> {
    let mut known = BTreeSet::new();
    let all = hearings.iter().flat_map(|hearing| &hearing.heard);
    all.filter(|heard| is_gap(heard) || known.insert(&*heard.id))
        .collect()
}

fn is_gap(heard: &Heard) -> bool {
    matches!(heard.what, What::Gap { .. })
}

/// An id as its epoch and its number.
fn split(id: &str) -> (&str, u64) {
    let (epoch, number) = id.split_once('-').unwrap_or((id, "0"));
    (epoch, u64::from_str_radix(number, 16).unwrap_or_default())
}

/// Ids rise on each connection, are of one log between gaps, and stand for the same bytes.
fn check_ids(history: &History, promise: Promise, violations: &mut Vec<Violation>) {
    let mut bytes: HashMap<&str, &str> = HashMap::new();
    let mut epochs = BTreeSet::new();
    for (listener, hearings) in history.listeners.iter().enumerate() {
        for hearing in hearings {
            let mut before = hearing.after.as_deref();
            for heard in &hearing.heard {
                epochs.insert(split(&heard.id).0);
                if let What::Gap { reason, .. } = &heard.what {
                    if !promise.gaps {
                        violations.push(Violation::Gap {
                            listener,
                            reason: reason.clone(),
                        });
                    }
                } else {
                    let ((epoch, number), last) = (split(&heard.id), before.map(split));
                    if last.is_some_and(|last| last.0 != epoch || last.1 >= number) {
                        violations.push(Violation::NotRising {
                            listener,
                            id: heard.id.clone(),
                            before: before.unwrap_or_default().to_owned(),
                        });
                    }
                    if *bytes.entry(&heard.id).or_insert(&heard.raw) != heard.raw {
                        violations.push(Violation::OtherBytes {
                            id: heard.id.clone(),
                        });
                    }
                }
                before = Some(&heard.id);
            }
        }
    }
    if epochs.len() > promise.epochs {
        violations.push(Violation::Epochs {
            found: epochs.len(),
        });
    }
}

/// What one listener heard, and what it is held against.
struct Judge<'a> {
    history: &'a History,
    listener: usize,
    heard: Vec<&'a Heard>,
    by_token: HashMap<&'a str, &'a Write>,
}

impl<'a> Judge<'a> {
    /// Each write is told as it has to be.
    fn check_told(&self, violations: &mut Vec<Violation>) {
        let listener = self.listener;
        let (told, nameless) = self.told(violations);
        let gaps = self.gaps();
        // By collection, of the writes whose `uncertain` need not have an id: at least, at most.
        let mut open: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for write in &self.history.writes {
            let token = write.token.clone();
            let told = told.get(&*write.token).copied().unwrap_or_default();
            let mut due = due(write, deed(self.history, write));
            if gaps.iter().any(|gap| gap.covers(write)) {
                due.least = 0;
            }
            let total = told.events + told.uncertain;
            if total > 1 {
                violations.push(Violation::ToldTwice { listener, token });
            } else if (told.events > 0 && !due.event)
                || (told.uncertain > 0 && !due.uncertain)
                || total > due.most
            {
                violations.push(Violation::Unjustified { listener, token });
            } else if total == 0 {
                if write.method == "POST" && due.uncertain {
                    let (least, most) = open.entry(&write.collection).or_default();
                    *least += due.least;
                    *most += due.most;
                } else if due.least > 0 {
                    violations.push(Violation::Missing { listener, token });
                }
            }
        }
        for collection in open.keys().chain(nameless.keys()).collect::<BTreeSet<_>>() {
            let (least, most) = open.get(collection).copied().unwrap_or_default();
            let heard = nameless.get(collection).copied().unwrap_or_default();
            if !(least..=most).contains(&heard) {
                violations.push(Violation::Uncounted {
                    listener,
                    collection: (*collection).to_owned(),
                    heard,
                    least,
                    most,
                });
            }
        }
    }

    /// How often each write was told, and how often `uncertain` had no id, by collection.
    fn told(
        &self,
        violations: &mut Vec<Violation>,
    ) -> (HashMap<&'a str, Told>, BTreeMap<&'a str, usize>) {
        let mut told: HashMap<&str, Told> = HashMap::new();
        let mut nameless: BTreeMap<&str, usize> = BTreeMap::new();
        for heard in &self.heard {
            let known = |collection: &str, id: &str| {
                let write = self.by_token.get(id);
                write.filter(|write| write.collection == *collection)
            };
            let fits = match &heard.what {
                What::Gap { .. } | What::Published(_) => true,
                What::Uncertain {
                    method,
                    collection,
                    id: None,
                } => {
                    *nameless.entry(collection).or_default() += 1;
                    method == "POST"
                }
                What::Uncertain {
                    method,
                    collection,
                    id: Some(id),
                } => known(collection, id).is_some_and(|write| {
                    told.entry(&write.token).or_default().uncertain += 1;
                    write.method == method
                }),
                What::Written {
                    event,
                    collection,
                    id,
                } => known(collection, id).is_some_and(|write| {
                    told.entry(&write.token).or_default().events += 1;
                    event_of(write.method) == event
                }),
            };
            if !fits {
                violations.push(Violation::Stranger {
                    listener: self.listener,
                    id: heard.id.clone(),
                });
            }
        }
        (told, nameless)
    }

    /// What was acknowledged before another write was sent is told before it.
    fn check_order(&self, violations: &mut Vec<Violation>) {
        // Of what was told so far, the write that was sent last.
        let mut latest: Option<&Write> = None;
        for write in self.heard.iter().filter_map(|heard| self.write(heard)) {
            if let (Some(latest), Outcome::Acknowledged) = (latest, write.outcome)
                && write.ended.is_some_and(|ended| ended < latest.sent)
            {
                violations.push(Violation::Reordered {
                    listener: self.listener,
                    first: latest.token.clone(),
                    second: write.token.clone(),
                });
            }
            if latest.is_none_or(|latest| latest.sent < write.sent) {
                latest = Some(write);
            }
        }
    }

    /// The write that it tells of.
    fn write(&self, heard: &Heard) -> Option<&'a Write> {
        match &heard.what {
            What::Written { id, .. } | What::Uncertain { id: Some(id), .. } => {
                self.by_token.get(&**id).copied()
            }
            What::Gap { .. } | What::Published(_) | What::Uncertain { id: None, .. } => None,
        }
    }

    fn gaps(&self) -> Vec<Lost<'a>> {
        let (mut gaps, mut floor) = (Vec::new(), 0);
        for heard in &self.heard {
            if let What::Gap { collections, .. } = &heard.what {
                gaps.push(Lost {
                    collections,
                    from: floor,
                    to: heard.at,
                });
            } else if let Some(write) = self.write(heard) {
                floor = floor.max(write.sent);
            }
        }
        gaps
    }
}

/// What a gap that was told says is gone.
struct Lost<'a> {
    collections: &'a [String],
    /// What ended before this had to be told before the gap.
    from: u64,
    /// What was sent after this comes after the gap.
    to: u64,
}

impl Lost<'_> {
    fn covers(&self, write: &Write) -> bool {
        let named = |name: &String| name == "*" || *name == write.collection;
        let before =
            write.outcome == Outcome::Acknowledged && write.ended.is_some_and(|e| e < self.from);
        write.sent < self.to && !before && self.collections.iter().any(named)
    }
}

/// As what a success is told.
fn event_of(method: &str) -> &'static str {
    match method {
        "POST" => "post",
        "DELETE" => "delete",
        _ => "put",
    }
}

fn due(write: &Write, deed: Deed) -> Due {
    let due = |range: std::ops::RangeInclusive<usize>, event, uncertain| Due {
        least: *range.start(),
        most: *range.end(),
        event,
        uncertain,
    };
    match write.outcome {
        Outcome::Acknowledged => due(1..=1, true, !write.sound),
        // Nobody else can refuse it but the sidecar, before it goes upstream.
        Outcome::Refused => due(0..=0, false, false),
        Outcome::Failed | Outcome::Foreign | Outcome::Unknown => {
            if deed.executed > 0 {
                due(1..=1, true, true)
            } else if deed.seen > 0 && !deed.refused {
                due(1..=1, false, true)
            } else {
                // It may have been on its way, or refused by an answer that was lost.
                due(0..=1, false, true)
            }
        }
    }
}
