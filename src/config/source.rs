//! One file of the configuration: its name and text, and the errors that point into it.

use std::cell::OnceCell;
use std::fs;
use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::fault::{Fault, Problem, did_you_mean};
use super::file::place;
use super::nearest::{elsewhere, nearest};
use super::outline::{Outline, Place, join, printable_key};
use crate::limits;

/// A text that was read, under the name that errors give it.
#[derive(Debug)]
pub(super) struct Source {
    name: String,
    text: String,
    /// Read when the first error asks for it.
    outline: OnceCell<Outline>,
}

impl Source {
    /// A text that is no file's, or is already read.
    pub(super) fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
            outline: OnceCell::new(),
        }
    }

    /// Reads a file of at most [`limits::CONFIG_BYTES_MAX`].
    ///
    /// # Errors
    /// What cannot be read, is too long or no text, without a place in it.
    pub(super) fn read(path: &Path) -> Result<Self, Problem> {
        // A pipe would make the caller wait for whoever writes to it.
        let metadata = fs::metadata(path)?;
        if !metadata.is_file() {
            return Err(Problem::NotAFile);
        }
        let file = fs::File::open(path)?;
        let bytes_max = u64::try_from(limits::CONFIG_BYTES_MAX).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        file.take(bytes_max.saturating_add(1))
            .read_to_end(&mut bytes)?;
        if bytes.len() > limits::CONFIG_BYTES_MAX {
            return Err(Problem::TooLong);
        }
        let text = String::from_utf8(bytes).map_err(|_not_utf8| Problem::NotText)?;
        Ok(Self::new(path.display().to_string(), text))
    }

    /// The text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Reads the text as YAML of that shape.
    ///
    /// # Errors
    /// The first thing that is no YAML or has another shape.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        let options = serde_saphyr::options! { with_snippet: false };
        serde_saphyr::from_str_with_options(&self.text, options)
            .map_err(|error| self.parse_fault(&error))
    }

    /// An error at `place`, with the key that stands there.
    pub(super) fn fault(&self, place: Place, problem: Problem) -> Fault {
        let outline = self.outline();
        self.fault_of(outline.path(place).to_owned(), place, problem)
    }

    fn fault_of(&self, path: String, place: Place, problem: Problem) -> Fault {
        Fault::at(
            &self.name,
            place,
            path,
            self.outline().shown(&self.text, place),
            problem,
        )
    }

    fn outline(&self) -> &Outline {
        self.outline.get_or_init(|| Outline::read(&self.text))
    }

    /// Says in our words what the parser refused. Its own may quote a value, and a value may
    /// be a secret.
    fn parse_fault(&self, error: &serde_saphyr::Error) -> Fault {
        use serde_saphyr::Error;

        if let Some(stop) = &self.outline().stop {
            let place = Place {
                line: stop.marker().line(),
                column: stop.marker().col() + 1,
            };
            return self.fault(place, Problem::NotYaml { why: stop.info() });
        }
        let mut error = error.without_snippet();
        while let Error::AliasError { error: inner, .. } = error {
            error = inner;
        }
        let location = error.location().map(place);
        let at = location.unwrap_or(Place { line: 1, column: 1 });
        match error {
            Error::SerdeMissingField { field, .. } => {
                let path = join(self.outline().mapping(at), field);
                self.fault_of(path, at, Problem::Missing)
            }
            Error::SerdeUnknownField {
                field, expected, ..
            } => {
                let key = printable_key(field).to_owned();
                let hint = hint(field, expected);
                let known = expected.join(", ");
                self.fault(at, Problem::UnknownKey { key, hint, known })
            }
            Error::DuplicateMappingKey { .. } => self.fault(at, Problem::DuplicateKey),
            Error::NullIntoString { .. } => self.fault(at, Problem::NoValue),
            Error::Eof { .. } => self.fault(at, Problem::Empty),
            Error::MultipleDocuments { .. } => self.fault(at, Problem::ManyDocuments),
            Error::Unexpected { expected, .. } => {
                let expected = match *expected {
                    "mapping start" => "a table of keys",
                    "sequence start" => "a list",
                    "string scalar" => "a single value",
                    other => other,
                };
                let expected = expected.to_owned();
                self.fault(at, Problem::Shape { expected })
            }
            Error::SerdeInvalidType { expected, .. } => {
                let expected = expected.clone();
                self.fault(at, Problem::Shape { expected })
            }
            Error::Budget { .. }
            | Error::AliasReplayLimitExceeded { .. }
            | Error::AliasExpansionLimitExceeded { .. }
            | Error::AliasReplayStackDepthExceeded { .. } => self.fault(at, Problem::TooMuch),
            _ => self.fault(at, Problem::Unusable),
        }
    }
}

/// What somebody meant who wrote `key` where the keys are `known`.
fn hint(key: &str, known: &[&str]) -> String {
    if let Some(near) = nearest(key, known.iter().copied()) {
        return did_you_mean(Some(near));
    }
    elsewhere(key).map_or_else(String::new, |table| format!(" (it belongs under {table})"))
}
