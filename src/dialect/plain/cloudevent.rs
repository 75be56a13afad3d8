//! Events as CloudEvents 1.0, in the structured form of the JSON format.

use std::borrow::Cow;

use super::template::{LineTemplate, Word};
use super::told::Told;
use crate::dialect::notices::quoted;
use crate::event::{Cursor, Id};

/// What of a CloudEvent an operator chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudEvent {
    /// `source`: a URI reference, never empty. With the event's cursor, which is the `id`, it names
    /// one event and no other.
    pub source: Box<str>,
    /// `type`; it never comes to nothing.
    pub kind: LineTemplate,
}

impl CloudEvent {
    /// The JSON text of an event.
    ///
    /// `id`, `source`, `specversion` and `type` are "REQUIRED to be present in all CloudEvents"
    /// (CloudEvents § Required attributes). `data` is the record, or the ids of what has none; of a
    /// published event it is what was published.
    pub(super) fn json(&self, told: &Told<'_>, cursor: Cursor) -> String {
        let kind = self.kind.filled(|word| told.text(word));
        let subject = match (told.collection(), told.id().map(Id::as_str)) {
            (Some(collection), Some(id)) => Cow::Owned(format!("{collection}/{id}")),
            (Some(collection), None) => Cow::Borrowed(collection),
            (None, _) => Cow::Borrowed(told.event()),
        };
        let data = match (told.collection(), told.record()) {
            (None, _) => told.json(Word::Data),
            (Some(_), Some(record)) => record,
            (Some(_), None) => Cow::Owned(format!(r#"{{"ids":{}}}"#, told.json(Word::Ids))),
        };
        format!(
            r#"{{"specversion":"1.0","id":"{cursor}","source":{},"type":{},"subject":{},"time":{},"datacontenttype":"application/json","data":{data}}}"#,
            quoted(&self.source),
            quoted(&attribute(&kind)),
            quoted(&attribute(&subject)),
            told.json(Word::Time),
        )
    }
}

/// The text without what no attribute may hold: control characters and code points that are no
/// characters (CloudEvents § Type System, "String").
fn attribute(text: &str) -> Cow<'_, str> {
    let refused = |c: char| {
        let code = u32::from(c);
        c.is_control() || code & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&code)
    };
    if text.contains(refused) {
        Cow::Owned(text.replace(refused, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_attribute_may_hold_is_replaced() {
        for (text, expected) in [
            ("posts/7", "posts/7"),
            ("a\u{7f}b\u{85}", "a\u{fffd}b\u{fffd}"),
            ("\u{ffff}\u{fdd0}\u{1fffe}", "\u{fffd}\u{fffd}\u{fffd}"),
            ("\u{fffd}é漢\u{10000}", "\u{fffd}é漢\u{10000}"),
        ] {
            assert_eq!(attribute(text), expected, "{text:?}");
        }
    }
}
