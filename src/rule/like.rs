//! Patterns of `~`, in time linear in the text.
//!
//! A pattern is what stands between its `%`. The first piece has to begin the text, the last to
//! end it, and each between is taken where it comes first, which is never wrong since a piece
//! matches a fixed number of characters. A piece without `_` is found by Knuth, Morris and
//! Pratt's algorithm, and one with it is tried everywhere, so its length has a cap.

use crate::limits::RULE_HOLES_CHARS_MAX;

/// The right side of a `~`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pattern {
    /// The pieces between the `%`; at least two.
    Pieces(Box<[Piece]>),
    /// Ends in a `\` that takes nothing: matches nothing.
    Never,
    /// A piece with `_` is longer than is tried.
    TooLong,
}

/// What stands between two `%`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Piece {
    /// Characters in lower case; none for any character.
    Holes(Box<[Option<char>]>),
    /// Bytes in lower case; and for each how many of the first bytes end there again.
    Plain(Box<[u8]>, Box<[usize]>),
}

impl Pattern {
    /// Reads a pattern; one without a `%` of its own matches every text that contains it.
    pub(super) fn new(text: &str) -> Self {
        if !has_wildcard(text) {
            let any = || Piece::new(Vec::new());
            return Self::Pieces([any(), Piece::new(contained(text)), any()].into());
        }
        Self::of(text)
    }

    /// Reads what stands in a field: what contains it matches, and each `%` is its own.
    pub(super) fn around(text: &str) -> Self {
        Self::of(&format!("%{text}%"))
    }

    fn of(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut piece = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '%' => pieces.push(std::mem::take(&mut piece)),
                '_' => piece.push(None),
                '\\' => match chars.next() {
                    Some(c) => piece.push(Some(c)),
                    None => return Self::Never,
                },
                c => piece.push(Some(c)),
            }
        }
        pieces.push(piece);
        let is_long =
            |piece: &Vec<Option<char>>| piece.len() > RULE_HOLES_CHARS_MAX && piece.contains(&None);
        if pieces.iter().any(is_long) {
            return Self::TooLong;
        }
        Self::Pieces(pieces.into_iter().map(Piece::new).collect())
    }

    /// Whether it is too long to be tried.
    pub(super) fn is_too_long(&self) -> bool {
        *self == Self::TooLong
    }

    /// Whether the whole of `text` matches; none if it is not tried.
    pub(super) fn matches(&self, text: &str, steps: &mut u64) -> Option<bool> {
        let pieces = match self {
            Self::Pieces(pieces) => pieces,
            Self::Never => return Some(false),
            Self::TooLong => return None,
        };
        let [first, middle @ .., last] = pieces.as_ref() else {
            return Some(false);
        };
        let matched = first.begins(text, steps).and_then(|text| {
            let mut text = last.ends(text, steps)?;
            for piece in middle {
                text = piece.find(text, steps)?;
            }
            Some(())
        });
        Some(matched.is_some())
    }
}

impl Piece {
    fn new(chars: Vec<Option<char>>) -> Self {
        let folded = |c: Option<char>| c.map(|c| c.to_ascii_lowercase());
        let chars: Vec<_> = chars.into_iter().map(folded).collect();
        let whole: Option<String> = chars.iter().copied().collect();
        match whole {
            Some(text) => {
                let table = repeats(text.as_bytes());
                Self::Plain(text.into_bytes().into(), table)
            }
            None => Self::Holes(chars.into()),
        }
    }

    /// What of `text` comes after the piece, if it begins so.
    fn begins<'a>(&self, text: &'a str, steps: &mut u64) -> Option<&'a str> {
        match self {
            Self::Plain(bytes, _) => {
                *steps += bytes.len() as u64;
                let (start, rest) = text.split_at_checked(bytes.len())?;
                is_same(start, bytes).then_some(rest)
            }
            Self::Holes(holes) => {
                let mut chars = text.chars();
                for hole in holes {
                    *steps += 1;
                    let c = chars.next()?.to_ascii_lowercase();
                    if hole.is_some_and(|hole| hole != c) {
                        return None;
                    }
                }
                Some(chars.as_str())
            }
        }
    }

    /// What of `text` comes before the piece, if it ends so.
    fn ends<'a>(&self, text: &'a str, steps: &mut u64) -> Option<&'a str> {
        match self {
            Self::Plain(bytes, _) => {
                *steps += bytes.len() as u64;
                let (rest, end) = text.split_at_checked(text.len().checked_sub(bytes.len())?)?;
                is_same(end, bytes).then_some(rest)
            }
            Self::Holes(holes) => {
                let mut chars = text.chars();
                for hole in holes.iter().rev() {
                    *steps += 1;
                    let c = chars.next_back()?.to_ascii_lowercase();
                    if hole.is_some_and(|hole| hole != c) {
                        return None;
                    }
                }
                Some(chars.as_str())
            }
        }
    }

    /// What of `text` comes after the first place where the piece is.
    fn find<'a>(&self, text: &'a str, steps: &mut u64) -> Option<&'a str> {
        match self {
            Self::Plain(bytes, table) => {
                let end = find_plain(bytes, table, text.as_bytes(), steps)?;
                text.get(end..)
            }
            Self::Holes(_) => {
                let mut chars = text.chars();
                loop {
                    if let Some(rest) = self.begins(chars.as_str(), steps) {
                        return Some(rest);
                    }
                    chars.next()?;
                }
            }
        }
    }
}

/// The end of the first place where `piece` is.
fn find_plain(piece: &[u8], table: &[usize], text: &[u8], steps: &mut u64) -> Option<usize> {
    if piece.is_empty() {
        return Some(0);
    }
    let mut matched = 0;
    for (at, byte) in text.iter().enumerate() {
        *steps += 1;
        let byte = byte.to_ascii_lowercase();
        while matched > 0 && piece.get(matched) != Some(&byte) {
            *steps += 1;
            matched = back(table, matched);
        }
        if piece.get(matched) == Some(&byte) {
            matched += 1;
        }
        if matched == piece.len() {
            return Some(at + 1);
        }
    }
    None
}

/// For each of the first bytes of `piece`, how many of them end there again.
fn repeats(piece: &[u8]) -> Box<[usize]> {
    let mut table = Vec::with_capacity(piece.len());
    let mut matched = 0;
    for (at, byte) in piece.iter().enumerate() {
        if at > 0 {
            while matched > 0 && piece.get(matched) != Some(byte) {
                matched = back(&table, matched);
            }
            if piece.get(matched) == Some(byte) {
                matched += 1;
            }
        }
        table.push(matched);
    }
    table.into()
}

/// How many bytes still match after `matched` of them did and the next does not.
fn back(table: &[usize], matched: usize) -> usize {
    table.get(matched - 1).copied().unwrap_or_default()
}

/// Whether `text` is `lower`, but for the case of ASCII's letters.
fn is_same(text: &str, lower: &[u8]) -> bool {
    text.as_bytes().eq_ignore_ascii_case(lower)
}

/// The characters that a text without a `%` of its own asks for.
fn contained(text: &str) -> Vec<Option<char>> {
    let mut found = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.next_if(|next| c == '\\' && matches!(next, '\\' | '%' | '_'));
        found.push(Some(next.unwrap_or(c)));
    }
    found
}

/// Whether a `%` stands in `text` that no `\` takes.
fn has_wildcard(text: &str) -> bool {
    let mut escaped = false;
    for c in text.chars() {
        if c == '%' && !escaped {
            return true;
        }
        escaped = c == '\\' && !escaped;
    }
    false
}
