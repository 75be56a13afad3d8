//! Events to the frames of a stream of the operator's own.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;

use super::told::Told;
use super::{Data, Form, Heartbeat, OWN_NAMES, Options};
use crate::access::Grant;
use crate::dialect::Opening;
use crate::dialect::notices::{gap, gap_data, uncertain_data};
use crate::event::{Cursor, Event, Gap, Kind};
use crate::sse::{self, FieldText, Frame};

/// The frame of `event`; it is the same for every subscriber of that form.
#[must_use]
pub fn encode(event: &Event, form: &Form) -> Bytes {
    let own = |name, data: &str| {
        sse::encoded(&Frame {
            id: Some(event.cursor),
            event: Some(FieldText::known(name)),
            data: Some(data),
            ..Frame::default()
        })
    };
    if let Kind::Uncertain {
        method,
        collection,
        id,
    } = &event.kind
    {
        let data = uncertain_data(*method, collection, id.as_ref());
        return own("uncertain", &data);
    }
    let Some(told) = Told::of(event, &form.fields) else {
        // Where it is told by the grant it is [`gap`].
        return own("gap", &gap_data(Gap::Lost, r#""*""#));
    };
    let name = name(&form.options, &told);
    sse::encoded(&Frame {
        id: Some(event.cursor),
        event: (!name.is_empty()).then(|| FieldText::replacing(&name)),
        data: Some(&data(&form.options.data, &told, event.cursor)),
        ..Frame::default()
    })
}

/// The first bytes of a stream: `retry`, the cursor at which it begins, the first heartbeat where
/// there is one, and the gap if there is one.
///
/// The cursor is in an event without data, which browsers do not dispatch and whose id they keep.
/// There is none before a gap: a client that was cut in between would never hear of it.
#[must_use]
pub fn opening(form: &Form, opening: Opening, grant: &Grant, again: Duration) -> Bytes {
    let id = match opening {
        Opening::AfterGap(..) => None,
        Opening::At(cursor) => Some(cursor),
    };
    let mut out = sse::retry(again).to_vec();
    if id.is_some() {
        Frame {
            id,
            ..Frame::default()
        }
        .encode(&mut out);
    }
    if let Some(heartbeat) = &form.options.heartbeat {
        out.extend_from_slice(&event_of(heartbeat, id));
    }
    if let Opening::AfterGap(cursor, reason) = opening {
        out.extend_from_slice(&gap(cursor, reason, grant));
    }
    out.into()
}

/// What comes every [`Options::beat_interval`]: the heartbeat, or a comment, and the cursor of
/// whoever has heard everything up to it. `round` counts the intervals.
#[must_use]
pub fn beat(form: &Form, id: Cursor, round: u64) -> Bytes {
    match &form.options.heartbeat {
        // There was one when the stream opened: the first again is that of the last beat.
        Some(heartbeat) if (round + 1).is_multiple_of(heartbeat.beats().into()) => {
            event_of(heartbeat, Some(id))
        }
        _ => {
            let mut out = b":\n".to_vec();
            Frame {
                id: Some(id),
                ..Frame::default()
            }
            .encode(&mut out);
            out.into()
        }
    }
}

fn event_of(heartbeat: &Heartbeat, id: Option<Cursor>) -> Bytes {
    let name = &heartbeat.name;
    sse::encoded(&Frame {
        id,
        event: (!name.is_empty()).then(|| FieldText::replacing(name)),
        data: Some(&heartbeat.data),
        ..Frame::default()
    })
}

/// The name that the event goes out under; one that would be the stream's own or the heartbeat's
/// has a `_` behind it.
fn name(options: &Options, told: &Told<'_>) -> String {
    let mut name = options.name.filled(|word| told.text(word));
    let heartbeat = options.heartbeat.as_ref().map(|heartbeat| &*heartbeat.name);
    if !name.is_empty() && (OWN_NAMES.contains(&&*name) || heartbeat == Some(&*name)) {
        name.push('_');
    }
    name
}

fn data<'a>(data: &Data, told: &Told<'a>, cursor: Cursor) -> Cow<'a, str> {
    match data {
        Data::CloudEvent(cloudevent) => Cow::Owned(cloudevent.json(told, cursor)),
        Data::Event => Cow::Owned(told.whole()),
        Data::Id => Cow::Owned(told.id_lines()),
        Data::Record => told.record().unwrap_or_else(|| Cow::Owned(told.whole())),
        Data::Template(template) => Cow::Owned(template.filled(|word| told.json(word))),
    }
}

#[cfg(test)]
mod tests;
