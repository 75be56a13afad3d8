//! What a side of a comparison is.

use std::borrow::Cow;

use crate::limits::{RULE_CLAIM_BYTES_MAX, RULE_CLAIM_ELEMENTS_MAX, RULE_ELEMENTS_MAX};

use super::record::{Record, Stand, elements, value};
use super::tree::{Modifier, Part, Path, Term};
use super::value::Value;
use super::{Facts, Request, function, moment, request};

/// The values that are compared.
#[derive(Clone, Debug)]
pub(super) enum Given<'a> {
    /// The elements of an array; and its text, but where each is asked for.
    Many(Vec<Value<'a>>, Option<Cow<'a, str>>),
    One(Value<'a>),
    /// It cannot be said.
    Unknown,
}

impl<'a> Given<'a> {
    /// The values: an empty array is null. None where it cannot be said.
    pub(super) fn values(&self) -> &[Value<'a>] {
        const NULL: &[Value<'static>] = &[Value::Null];
        match self {
            Self::Many(values, _) if values.is_empty() => NULL,
            Self::Many(values, _) => values,
            Self::One(value) => std::slice::from_ref(value),
            Self::Unknown => &[],
        }
    }

    /// An array as one text.
    pub(super) fn whole(self) -> Self {
        match self {
            Self::Many(_, Some(text)) => Self::One(Value::Text(text)),
            other => other,
        }
    }

    /// What stands there, with at most `most` elements.
    fn of(stand: Stand<'a>, modifier: Option<Modifier>, most: usize) -> Self {
        let given = match (stand, modifier) {
            (Stand::Unknown, _) => return Self::Unknown,
            (stand, Some(Modifier::Changed | Modifier::Isset)) => {
                return Self::One(Value::Bool(!matches!(stand, Stand::Absent)));
            }
            (stand, Some(Modifier::Length)) => return Self::One(Value::count(length(stand))),
            (Stand::Absent, _) => Self::One(Value::Null),
            (Stand::Ids(raw), _) => Self::many(raw, None, most),
            (Stand::Raw(raw), modifier) if raw.starts_with('[') => {
                let text = (modifier != Some(Modifier::Each)).then_some(raw);
                Self::many(raw, text.map(Cow::Borrowed), most)
            }
            (Stand::Raw(raw), _) => Self::One(value(raw)),
        };
        if modifier == Some(Modifier::Lower) {
            given.lower()
        } else {
            given
        }
    }

    fn many(raw: &'a str, text: Option<Cow<'a, str>>, most: usize) -> Self {
        let values: Vec<_> = elements(raw).take(most + 1).map(value).collect();
        if values.len() > most {
            return Self::Unknown;
        }
        Self::Many(values, text)
    }

    fn lower(self) -> Self {
        match self {
            Self::Many(values, text) => Self::Many(
                values.into_iter().map(Value::lower).collect(),
                text.map(|text| Cow::Owned(text.to_ascii_lowercase())),
            ),
            Self::One(value) => Self::One(value.lower()),
            Self::Unknown => Self::Unknown,
        }
    }
}

/// How many values stand there.
fn length(stand: Stand<'_>) -> usize {
    match stand {
        Stand::Absent | Stand::Unknown => 0,
        Stand::Ids(raw) => elements(raw).count(),
        Stand::Raw(raw) if raw.starts_with('[') => elements(raw).count(),
        Stand::Raw(raw) => usize::from(!value(raw).is_empty()),
    }
}

/// What a term is; none for a claim that cannot be read, or for what came with the request and
/// is too long.
pub(super) fn given<'a>(term: &'a Term, facts: &Facts<'a>, steps: &mut u64) -> Option<Given<'a>> {
    match term {
        Term::Claim(path, modifier) => claim(facts.auth, path, *modifier, steps),
        Term::Collection(..) => Some(Given::Unknown),
        Term::Field(path, modifier) => Some(match facts.record {
            Some(record) => field(record, path, *modifier, steps),
            None => Given::Unknown,
        }),
        Term::Function(function) => function::given(function, facts, steps),
        Term::Literal(literal) => Some(Given::One(Value::of(literal))),
        Term::Macro(of) => Some(Given::One(moment::value(*of, facts.now))),
        Term::Request(part, modifier) => asked(facts.request, part, *modifier),
    }
}

/// The values of a field.
pub(super) fn field<'a>(
    record: &'a Record<'_>,
    path: &Path,
    modifier: Option<Modifier>,
    steps: &mut u64,
) -> Given<'a> {
    Given::of(record.find(path, steps), modifier, RULE_ELEMENTS_MAX)
}

/// The values of a claim: null for a guest; none where it cannot be read.
pub(super) fn claim<'a>(
    auth: Option<&'a Record<'_>>,
    path: &Path,
    modifier: Option<Modifier>,
    steps: &mut u64,
) -> Option<Given<'a>> {
    let stand = auth.map_or(Stand::Absent, |auth| auth.find(path, steps));
    // Of what is not claimed the length is none: a guest has not just an empty list.
    let given = match (stand, modifier) {
        (Stand::Absent, Some(Modifier::Length)) => Given::One(Value::Null),
        (stand, modifier) => Given::of(stand, modifier, RULE_CLAIM_ELEMENTS_MAX),
    };
    let is_read = |value: &Value<'_>| {
        *value != Value::Unreadable && value.bytes() <= RULE_CLAIM_BYTES_MAX as u64
    };
    let values = given.values();
    let is_readable = !values.is_empty() && values.iter().all(is_read);
    is_readable.then_some(given)
}

/// What a part of the request is; none for a text that is too long.
pub(super) fn asked<'a>(
    request: Option<&'a Request>,
    part: &Part,
    modifier: Option<Modifier>,
) -> Option<Given<'a>> {
    let value = match modifier {
        Some(Modifier::Changed | Modifier::Isset) => Value::Bool(request::is_set(request, part)),
        Some(Modifier::Length) => Value::count(0),
        Some(Modifier::Lower) => request::value(request, part)?.lower(),
        Some(Modifier::Each) | None => request::value(request, part)?,
    };
    Some(Given::One(value))
}
