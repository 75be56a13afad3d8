//! What is wrong with a configuration, as its author reads it.
//!
//! ```text
//! tidings.yaml:12:32: access.keys[0].hear[1]: has no method that writes before the colon: expected ...
//!    |
//! 12 |       hear: ["POST:company", "GET:x"]
//!    |                              ^
//! ```
//! No problem repeats a value: the line that is shown does, as far as it may.

use std::fmt;
use std::io;
use std::path::Path;

use super::environment::Unfilled;
use super::outline::Place;
use super::outline::shown::Shown;
use super::unit::NotAMeasure;
use crate::access::{NotAKey, NotAnAsk};
use crate::dialect::plain::NotATemplate;
use crate::limits;
use crate::observe::rule::{NotAPath, NotATarget};
use crate::rule::{Need, RuleError};
use crate::topic::NotAPattern;

/// Everything that is wrong with a configuration, in the order of its files. Prints as text of
/// several lines without a secret in it.
#[derive(Debug)]
pub struct ConfigErrors {
    faults: Vec<Fault>,
    /// How many more there are than are kept.
    more: usize,
}

/// One thing that is wrong, and where.
#[derive(Debug)]
pub(super) struct Fault {
    file: String,
    /// None for the file as a whole.
    spot: Option<Box<Spot>>,
    problem: Problem,
}

/// A place in a file as it is shown.
#[derive(Debug)]
struct Spot {
    place: Place,
    /// Shape: `access.keys[0].hear[1]`; empty for the file as a whole.
    path: String,
    shown: Shown,
}

/// What is wrong, told so that it can follow the key's path.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("is no address: write an IP and a port, as 0.0.0.0:8080 or [::1]:8080")]
    Address,
    #[error(
        "does not go with these keys: HS256 is for `secret`, the others for `jwks` and `key_file`, and a key in a file has one alone"
    )]
    AlgorithmOfKey,
    #[error("stands alone: it is another name of the collection that `collection` finds")]
    AliasAlone,
    #[error("{0}")]
    Ask(#[from] NotAnAsk),
    #[error("asks nothing: say what in `ask`, or name a `preset`")]
    AskNothing,
    #[error("is said by the preset: leave out one of the two")]
    AskTwice,
    #[error("has no certificate in it: expected PEM, which begins `-----BEGIN CERTIFICATE-----`")]
    CaFileEmpty,
    #[error("counts with an https upstream alone")]
    CaFileWithoutTls,
    #[error("must be {known}{}", did_you_mean(*.meant))]
    Choice {
        known: String,
        meant: Option<&'static str>,
    },
    #[error(
        "has an empty name in it: write a claim, as realtime, or a path to one, as app.realtime"
    )]
    ClaimPath,
    #[error("is no URI reference: write an address, as https://api.example/todos, a path or a urn")]
    CloudEventSource,
    #[error("may come to nothing: write some text beside the words, or {{event}} or {{action}}")]
    CloudEventType,
    #[error("counts with `data: cloudevents` alone")]
    CloudEventsAlone,
    #[error("is no name of a cookie: it has letters, digits and !#$%&'*+-.^_`|~ alone")]
    CookieName,
    #[error("is written twice")]
    DuplicateKey,
    #[error("is empty")]
    Empty,
    #[error("must name at least one of HS256, RS256, ES256 and EdDSA")]
    EmptyAlgorithms,
    #[error("must not be empty: leave the key out instead")]
    EmptyList,
    #[error("is no name of a field of a head: it has letters, digits and !#$%&'*+-.^_`|~ alone")]
    FieldName,
    #[error(
        "is no address of keys: write https://HOST/PATH; http:// is for this very machine alone, and no password may be in it"
    )]
    JwksUrl,
    #[error(transparent)]
    Key(#[from] NotAKey),
    #[error("{why}")]
    KeyFile { why: String },
    #[error("is not in this version: use memory, process or disk")]
    Level,
    #[error("{level} needs log.dir: a directory of this sidecar's own")]
    LogDirMissing { level: &'static str },
    #[error("is the configuration's own directory: give the log one that nothing else uses")]
    LogDirShared,
    #[error(
        "has no effect at level memory, where the log ends with the process: set log.level to process or disk, or leave the key out"
    )]
    LogDirUnused,
    #[error("is the sidecar's own address: every request would come back to it")]
    Loop,
    #[error("holds more than one YAML document: keep one")]
    ManyDocuments,
    #[error(transparent)]
    Measure(#[from] NotAMeasure),
    #[error("is missing")]
    Missing,
    #[error("must not hold control characters: logs print it")]
    Name,
    #[error("is no address and no network: write an IP, as 10.0.0.1, or a network, as 10.0.0.0/8")]
    Network,
    #[error("has no value")]
    NoValue,
    #[error("must be true or false")]
    NotABool,
    #[error("is no file")]
    NotAFile,
    #[error("is no method that writes: expected POST, PUT, PATCH or DELETE")]
    NotAMethod,
    #[error("is no status: expected one as 201 or a range as 200-299, from 200 to 599")]
    NotAStatus,
    #[error("is no text in UTF-8")]
    NotText,
    #[error("is not YAML: {why}")]
    NotYaml { why: String },
    #[error("needs keys from one place: exactly one of jwks, secret and key_file")]
    OneKeySource,
    #[error("open needs `events`: anyone hears what they name, and nothing is named by default")]
    OpenWithoutEvents,
    #[error(
        "is no origin: write scheme://host or scheme://host:port in lower case as a browser sends it, without a path or a default port, or * for any"
    )]
    Origin,
    #[error("is a name of the stream's own: close, error, gap, open and uncertain are")]
    OwnName,
    #[error("is no name of a parameter: write letters, digits and _")]
    Parameter,
    #[error(transparent)]
    Path(#[from] NotAPath),
    #[error("{0}")]
    Target(#[from] NotATarget),
    #[error("cannot be used: what the environment gives is no valid path here")]
    PathFromEnvironment,
    #[error(transparent)]
    Pattern(#[from] NotAPattern),
    #[error(
        "must start with `/`, not end with one, and have segments of letters, digits and -._~ alone"
    )]
    Prefix,
    #[error("goes with `preset`, and there is none: write whole paths in `rules`")]
    PrefixAlone,
    #[error("is reserved: the sidecar alone sends events of this name")]
    PublishReserved,
    #[error("names writes, which nobody can publish: name a custom event, as GOAL, or * for all")]
    PublishWrite,
    #[error("must start with `/` and hold no white space and none of ?#%{{}}\"<>\\^`|")]
    RealtimePath,
    #[error(transparent)]
    Rule(#[from] RuleError),
    #[error("{0}: `rule: upstream` beside it lets the API decide")]
    RuleNeeds(Need),
    #[error("names no collection: write each by its name, or * for every other")]
    RuleOfNothing,
    #[error("is both `list` and `view`, and one of them stands beside it: leave one out")]
    RuleTwice,
    #[error("must be visible ASCII without white space: anything else cannot be sent as x-apikey")]
    Secret,
    #[error(
        "is too short for HS256: it needs {} bytes at least",
        limits::TOKEN_SECRET_BYTES_MIN
    )]
    SecretShort,
    #[error("has another shape: expected {expected}")]
    Shape { expected: String },
    #[error(
        "must be event, record, id or cloudevents, or JSON with {{words}} in it, as {{\"id\":{{id}}}}"
    )]
    StreamData,
    #[error("asks about a record: superusers are told by `@request.auth` alone")]
    SuperusersRecord,
    #[error("is that of {of} already")]
    Taken { of: String },
    #[error("is longer than {} bytes", limits::CONFIG_BYTES_MAX)]
    TooLong,
    #[error(transparent)]
    Template(#[from] NotATemplate),
    #[error("makes the file too large: too many values, anchors or levels")]
    TooMuch,
    #[error(transparent)]
    Unfilled(#[from] Unfilled),
    #[error("unknown key {key:?}{hint}: the keys here are {known}")]
    UnknownKey {
        key: String,
        /// Shape: ` (did you mean limits?)`; empty where nobody knows.
        hint: String,
        known: String,
    },
    #[error("cannot be read: {why}")]
    Unreadable {
        #[from]
        why: io::Error,
    },
    #[error("has a value that cannot be used here")]
    Unusable,
    #[error("is no URL of a host: write http://HOST:PORT or https://HOST:PORT")]
    Upstream,
    #[error("holds more than a host and a port: leave out the path, the query and any password")]
    UpstreamBeyondHost,
    #[error("must be http:// or https://")]
    UpstreamScheme,
}

// === impl ConfigErrors ===

impl ConfigErrors {
    /// Nothing wrong so far.
    pub(super) fn none() -> Self {
        Self {
            faults: Vec::new(),
            more: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// Takes a fault in. Beyond [`limits::CONFIG_FAULTS_MAX`] it is counted and not made: a file
    /// of one long line with a fault in each word would take hours to be shown.
    pub(super) fn push(&mut self, fault: impl FnOnce() -> Fault) {
        if self.faults.len() < limits::CONFIG_FAULTS_MAX {
            self.faults.push(fault());
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// Takes in what is wrong with another file, behind what is wrong so far.
    pub(super) fn append(&mut self, others: Self) {
        self.more = self.more.saturating_add(others.more);
        for fault in others.faults {
            self.push(|| fault);
        }
    }

    /// Puts the faults of one file in its order.
    pub(super) fn sort(&mut self) {
        self.faults
            .sort_by_key(|fault| fault.spot.as_ref().map(|spot| spot.place));
    }
}

impl From<Fault> for ConfigErrors {
    fn from(fault: Fault) -> Self {
        Self {
            faults: vec![fault],
            more: 0,
        }
    }
}

impl std::error::Error for ConfigErrors {}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{fault}")?;
        }
        if self.more > 0 {
            write!(f, "\nand {} more", self.more)?;
        }
        Ok(())
    }
}

// === impl Fault ===

impl Fault {
    /// Something wrong with a file as a whole.
    pub(super) fn of_file(path: &Path, problem: Problem) -> Self {
        Self {
            file: path.display().to_string(),
            spot: None,
            problem,
        }
    }

    /// Something wrong at a place of a file.
    pub(super) fn at(
        file: &str,
        place: Place,
        path: String,
        shown: Shown,
        problem: Problem,
    ) -> Self {
        Self {
            file: file.to_owned(),
            spot: Some(Box::new(Spot { place, path, shown })),
            problem,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(spot) = &self.spot else {
            return write!(f, "{}: {}", self.file, self.problem);
        };
        let Place { line, column } = spot.place;
        write!(f, "{}:{line}:{column}: ", self.file)?;
        if !spot.path.is_empty() {
            write!(f, "{}: ", spot.path)?;
        }
        write!(f, "{}", self.problem)?;
        let Some((text, caret)) = window(&spot.shown) else {
            return Ok(());
        };
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        let before = " ".repeat(caret);
        write!(f, "\n{margin} |\n{number} | {text}\n{margin} | {before}^")
    }
}

/// What a fault says of the word that was meant.
pub(super) fn did_you_mean(word: Option<&str>) -> String {
    word.map_or_else(String::new, |word| format!(" (did you mean `{word}`?)"))
}

/// The part of a long line that is around its caret, and where the caret is in it; none for a
/// blank line.
fn window(shown: &Shown) -> Option<(String, usize)> {
    const BEFORE: usize = 60;
    const AFTER: usize = 60;

    let line = shown.text.trim_end();
    if line.is_empty() {
        return None;
    }
    let skipped = shown.caret.saturating_sub(BEFORE);
    let text: String = line.chars().skip(skipped).take(BEFORE + AFTER).collect();
    Some((text, shown.caret - skipped))
}

// === impl Problem ===

impl Problem {
    /// The same without the words of a value, for one that the environment gave.
    pub(super) fn without_value(self) -> Self {
        match self {
            Self::Path(_) => Self::PathFromEnvironment,
            other => other,
        }
    }
}
