//! `realtime.streams`: streams at paths of the operator's own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Lower, choose, realtime_path};
use crate::access::Scope;
use crate::config::fault::Problem;
use crate::config::file::{self, Text};
use crate::dialect::plain::{
    CloudEvent, Data, Heartbeat, JsonTemplate, LineTemplate, NotATemplate, OWN_NAMES, Options,
};
use crate::dialect::{pocketbase, restdb};
use crate::limits;
use crate::topic::TopicPattern;

/// The compiled streams, in the order of the file, without those whose path was refused.
pub(super) fn streams(
    files: &[file::Stream],
    restdb: Option<&restdb::Options>,
    pocketbase: Option<&pocketbase::Options>,
    lower: &mut Lower<'_>,
) -> Vec<Arc<Options>> {
    let mut taken: HashMap<Box<str>, String> = HashMap::new();
    if let Some(restdb) = restdb {
        let files = restdb.client.paths().map(|path| (path, "client"));
        for (path, key) in files.chain([(&*restdb.path, "path")]) {
            taken.insert(path.into(), format!("realtime.restdb.{key}"));
        }
    }
    if let Some(pocketbase) = pocketbase {
        let of = "realtime.pocketbase.path".to_owned();
        taken.insert(pocketbase.path.clone(), of);
    }
    let streams = files.iter().enumerate().filter_map(|(at, file)| {
        let path = lower.read(&file.path, |text| {
            let path = realtime_path(text)?;
            match taken.get(&path) {
                Some(of) => Err(Problem::Taken { of: of.clone() }),
                None => Ok(path),
            }
        });
        let stream = stream(file, path.clone().unwrap_or_default(), lower);
        let of = format!("realtime.streams[{at}]");
        taken.insert(path.clone()?, of);
        path.map(|_| Arc::new(stream))
    });
    streams.collect()
}

fn stream(file: &file::Stream, path: Box<str>, lower: &mut Lower<'_>) -> Options {
    let heartbeat = file.heartbeat.as_ref();
    let heartbeat = heartbeat.map(|heartbeat| self::heartbeat(heartbeat, lower));
    let name = file.name.as_ref();
    let name = lower.or(name, LineTemplate::default(), |text| {
        let name = LineTemplate::new(text)?;
        let constant = name.constant().filter(|constant| !constant.is_empty());
        match (constant, &heartbeat) {
            (Some(name), _) if OWN_NAMES.contains(&&*name) => Err(Problem::OwnName),
            (Some(name), Some(heartbeat)) if *name == *heartbeat.name => Err(Problem::Taken {
                of: "heartbeat.name".to_owned(),
            }),
            _ => Ok(name),
        }
    });
    Options {
        scope: scope(file, lower),
        data: data(file, &path, lower),
        path,
        name,
        heartbeat,
    }
}

fn scope(file: &file::Stream, lower: &mut Lower<'_>) -> Scope {
    let scope = |open| if open { Scope::Anyone } else { Scope::Granted };
    let is_open = lower.or(file.access.as_ref(), false, |text| choose(text, ACCESS));
    let told = match &file.events {
        Some(events) => lower.all(events, str::parse::<TopicPattern>),
        None if is_open => {
            let access = file.access.as_ref().unwrap_or(&file.path);
            lower.refuse(access.place, Problem::OpenWithoutEvents);
            Vec::new()
        }
        None => vec![TopicPattern::Write(None, None), TopicPattern::Custom(None)],
    };
    scope(is_open)(told.into())
}

fn data(file: &file::Stream, path: &str, lower: &mut Lower<'_>) -> Data {
    let mut is_cloudevent = false;
    let data = lower.or(file.data.as_ref(), Data::Event, |text| {
        is_cloudevent = text == "cloudevents";
        Ok::<_, Problem>(match text {
            "event" | "cloudevents" => Data::Event,
            "id" => Data::Id,
            "record" => Data::Record,
            text if is_word(text) => return Err(Problem::StreamData),
            text => Data::Template(JsonTemplate::new(text)?),
        })
    });
    let chosen = [&file.source, &file.kind];
    if !is_cloudevent {
        for written in chosen.into_iter().flatten() {
            lower.refuse(written.place, Problem::CloudEventsAlone);
        }
        return data;
    }
    let default = LineTemplate::new(CLOUDEVENT_TYPE).expect("its words are known in a line");
    Data::CloudEvent(CloudEvent {
        source: lower.or(file.source.as_ref(), path.into(), source),
        kind: lower.or(file.kind.as_ref(), default, |text| {
            let kind = LineTemplate::new(text)?;
            if kind.may_be_empty() {
                return Err(Problem::CloudEventType);
            }
            Ok(kind)
        }),
    })
}

/// A word that is no JSON: a misspelled form.
fn is_word(text: &str) -> bool {
    let json = ["true", "false", "null"].contains(&text);
    !json && text.bytes().all(|b| b.is_ascii_alphabetic())
}

/// A URI reference (RFC 3986 § 4.1), as far as its characters go.
fn source(text: &str) -> Result<Box<str>, Problem> {
    let sound = |b: u8| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b);
    let escapes = || {
        let mut escapes = text.split('%').skip(1);
        escapes.all(|rest| {
            let digits = rest.as_bytes().get(..2);
            digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        })
    };
    if text.is_empty() || !text.bytes().all(sound) || !escapes() {
        return Err(Problem::CloudEventSource);
    }
    Ok(text.into())
}

fn heartbeat(file: &file::Heartbeat, lower: &mut Lower<'_>) -> Heartbeat {
    let text = |text: Option<&Text>, default: &str, lower: &mut Lower<'_>| {
        lower.or(text, default.into(), |text| Ok::<_, Problem>(text.into()))
    };
    Heartbeat {
        name: lower.or(file.name.as_ref(), "heartbeat".into(), |text| match text {
            own if OWN_NAMES.contains(&own) => Err(Problem::OwnName),
            text if text.chars().any(char::is_control) => Err(NotATemplate::Control.into()),
            text => Ok(text.into()),
        }),
        data: text(file.data.as_ref(), "OK", lower),
        every: lower.duration(
            file.every.as_ref(),
            HEARTBEAT_EVERY,
            &limits::HEARTBEAT_INTERVAL,
        ),
    }
}

/// Whether it is open.
pub(super) const ACCESS: &[(&str, bool)] = &[("grant", false), ("open", true)];

const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);
const CLOUDEVENT_TYPE: &str = "tidings.{event}";
