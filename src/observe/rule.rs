//! What is observed: paths, and where ids and records are found. SKELETON.

use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::event::Method;

/// One entry of `observe.rules`, or of a preset.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Which requests.
    pub path: PathPattern,
    /// Where an id is found in a body, in this order.
    pub id: Box<[Pointer]>,
    /// Where the record is found in an answer; the empty pointer is the whole of it.
    pub record: Pointer,
    /// Which methods.
    pub methods: Box<[Method]>,
    /// Which statuses tell success.
    pub success: Box<[RangeInclusive<u16>]>,
}

/// Which paths, and where the collection and the id stand in them.
#[derive(Clone, Debug)]
pub struct PathPattern(());

/// Paths by their segments: `*` is one segment, `**` at the end is any number. Shape: `/auth/**`.
#[derive(Clone, Debug)]
pub struct Glob(());

/// A JSON pointer (RFC 6901). Shape: `/data/id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(());

/// Why a text is no path pattern, glob or pointer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPath {
    /// It does not begin with a slash.
    #[error("must start with `/`")]
    Slash,
}

impl PathPattern {
    /// Shape: `/api/v1/{collection}/{id?}`.
    ///
    /// # Errors
    /// [`NotAPath`]: what is wrong with it.
    pub fn template(_text: &str) -> Result<Self, NotAPath> {
        Ok(Self(()))
    }

    /// A regular expression over the whole path, with a group named `collection` and perhaps one named `id`.
    ///
    /// # Errors
    /// [`NotAPath`]: what is wrong with it.
    pub fn regex(_text: &str) -> Result<Self, NotAPath> {
        Ok(Self(()))
    }
}

impl Glob {
    /// Reads a glob.
    ///
    /// # Errors
    /// [`NotAPath`]: what is wrong with it.
    pub fn new(_text: &str) -> Result<Self, NotAPath> {
        Ok(Self(()))
    }
}

impl FromStr for Pointer {
    type Err = NotAPath;

    fn from_str(_text: &str) -> Result<Self, NotAPath> {
        Ok(Self(()))
    }
}
