//! Streams of the operator's own, in words.

use super::{Page, list, or_nothing};
use crate::access::Scope;
use crate::config::unit::show_duration;
use crate::dialect::Realtime;
use crate::dialect::plain::{Data, Options};
use crate::limits::SILENCE_MAX;

/// Whether anybody who listens is asked who they are.
pub(super) fn asks_who(realtime: &Realtime) -> bool {
    let mut streams = realtime.streams.iter();
    realtime.restdb.is_some() || streams.len() == 0 || streams.any(|stream| !stream.scope.is_open())
}

/// What is valid and yet seldom meant.
pub(super) fn warning(stream: &Options) -> Option<String> {
    let (path, told) = (&stream.path, stream.scope.told());
    if stream.scope.is_open() && !told.is_empty() {
        let told = list(&**told);
        return Some(format!(
            "stream {path}: access: open: anyone hears {told}, without a key and from any page"
        ));
    }
    let is_idle = told.is_empty() && stream.heartbeat.is_none();
    is_idle.then(|| format!("stream {path}: tells nothing: name `events` or a `heartbeat`"))
}

impl Page {
    pub(super) fn stream(&mut self, stream: &Options) {
        self.line("", format_args!("stream {}", stream.path));
        let told = or_nothing(list(&**stream.scope.told()));
        match stream.scope {
            Scope::Anyone(_) => self.line("", format_args!("  tells anyone {told}")),
            Scope::Granted(_) => self.line(
                "",
                format_args!("  tells {told}, as far as a key or token may hear it"),
            ),
        }
        let name = stream.name.to_string();
        let name = if name.is_empty() { "message" } else { &name };
        self.line("", format_args!("  as {name}, {}", data(&stream.data)));
        if let Some(heartbeat) = &stream.heartbeat {
            let name = match &*heartbeat.name {
                "" => "message",
                name => name,
            };
            let every = show_duration(heartbeat.every);
            self.line("", format_args!("  and {name} every {every}"));
        } else {
            let every = show_duration(SILENCE_MAX);
            self.line("", format_args!("  and a comment every {every}"));
        }
    }
}

fn data(data: &Data) -> String {
    match data {
        Data::CloudEvent(event) => {
            format!("a CloudEvent of {}, typed {}", event.source, event.kind)
        }
        Data::Event => "the whole event".to_owned(),
        Data::Id => "the id".to_owned(),
        Data::Record => "the record".to_owned(),
        Data::Template(template) => template.to_string(),
    }
}
