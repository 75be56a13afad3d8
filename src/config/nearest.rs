//! What somebody meant who wrote a word that is not known.
//!
//! A word that is meant is one that the program knows, so it may be shown; what was written may
//! be a secret in the wrong place.

use strsim::damerau_levenshtein;

use super::schema;

/// The word of `known` that is nearest to what was written, if one is near: a letter of three may
/// be another one, and `readTimeout` and `read-timeout` are `read_timeout`.
pub(super) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    /// Letters of a word: no key is as long, and the time to compare grows by their square.
    const LETTERS_MAX: usize = 32;

    let letters = written.chars().count();
    if letters > LETTERS_MAX {
        return None;
    }
    let written = written.to_lowercase().replace('-', "_");
    let near = |word: &'a str| {
        let distance = damerau_levenshtein(&written, &word.replace('-', "_"));
        (distance <= (letters / 3).max(1) && distance < letters).then_some((distance, word))
    };
    let nearest = known.into_iter().filter_map(near);
    nearest
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// The tables that have a key of this name, where there are no more than two: `access` for
/// `keys`, `observe` and `access.identity` for `preset`.
pub(super) fn elsewhere(written: &str) -> Option<String> {
    let keys = schema::keys();
    // At the top there is no table to name.
    if keys.iter().any(|path| *path == written) {
        return None;
    }
    let tables = keys.iter().filter_map(|path| path.rsplit_once('.'));
    let mut tables = tables.filter(|(_, key)| *key == written && written != "*");
    match (tables.next(), tables.next(), tables.next()) {
        (Some((one, _)), None, None) => Some(format!("`{one}`")),
        (Some((one, _)), Some((other, _)), None) => Some(format!("`{one}` or `{other}`")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_nearly_known_is_meant() {
        let known = [
            "listen",
            "upstream",
            "limits",
            "log",
            "logging",
            "read_timeout",
            "key",
        ];
        for (written, meant) in [
            ("limts", Some("limits")),
            ("limist", Some("limits")),
            ("Upstream", Some("upstream")),
            ("readTimeout", Some("read_timeout")),
            ("read-timeout", Some("read_timeout")),
            ("loging", Some("logging")),
            ("lgo", Some("log")),
            ("kye", Some("key")),
            ("k", None),
            ("", None),
            ("colour", None),
            ("s3cr3t-th4t-1s-n0-k3y", None),
        ] {
            assert_eq!(nearest(written, known), meant, "{written}");
        }
        assert_eq!(nearest(&"limits".repeat(1000), known), None);
    }

    #[test]
    fn a_key_of_another_table_is_known_there() {
        for (written, tables) in [
            ("keys", Some("`access`")),
            ("preset", Some("`access.identity` or `observe`")),
            ("publish_rate", Some("`realtime.restdb`")),
            ("leaving", Some("`access.rules.*`")),
            ("path", None),
            ("listen", None),
            ("*", None),
            ("nonsense", None),
        ] {
            assert_eq!(elsewhere(written).as_deref(), tables, "{written}");
        }
    }
}
