//! `${NAME}` and `${NAME:-default}` in the values of a configuration.
//!
//! They are filled in after the YAML was read, value by value: whatever a variable holds
//! stays one text and cannot add a key. Quoted values are filled as plain ones are, because
//! a placeholder within `{ .. }` or `[ .. ]` has to be quoted.

/// A value with its placeholders filled in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Filled {
    pub(super) text: String,
    /// Whether the environment gave a part of it, which no error may then show.
    pub(super) from_environment: bool,
}

/// Why a placeholder cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfilled {
    #[error(
        "has a `${{` that begins no ${{NAME}} and no ${{NAME:-default}}: write `$${{` for the two signs"
    )]
    Malformed,
    #[error(
        "needs the environment variable {name}, which is not set: set it, or write ${{{name}:-default}}"
    )]
    Unset { name: String },
}

/// Fills in `text` from `env`. A default counts where the variable is not set or empty;
/// `$${` stands for `${`.
pub(super) fn fill(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Filled, Unfilled> {
    let mut filled = Filled {
        text: String::with_capacity(text.len()),
        from_environment: false,
    };
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            filled.text.push_str(before);
            filled.text.push_str("${");
            rest = after;
            continue;
        }
        filled.text.push_str(before);
        let (inner, after) = after.split_once('}').ok_or(Unfilled::Malformed)?;
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        if !is_name(name) || default.is_some_and(|default| default.contains("${")) {
            return Err(Unfilled::Malformed);
        }
        match (env(name), default) {
            (Some(value), None) => filled.push_from_environment(&value),
            (Some(value), Some(_)) if !value.is_empty() => filled.push_from_environment(&value),
            (_, Some(default)) => filled.text.push_str(default),
            (None, None) => {
                let name = name.to_owned();
                return Err(Unfilled::Unset { name });
            }
        }
        rest = after;
    }
    filled.text.push_str(rest);
    Ok(filled)
}

impl Filled {
    fn push_from_environment(&mut self, value: &str) {
        self.text.push_str(value);
        self.from_environment = true;
    }
}

/// POSIX.1-2017, "Environment Variables": letters, digits and `_`, not beginning with a digit.
fn is_name(name: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    !name.is_empty() && name.bytes().all(word) && !name.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "SET" => Some("value".to_owned()),
            "EMPTY" => Some(String::new()),
            "NESTED" => Some("${SET}".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn placeholders_are_filled_in() {
        for (text, filled) in [
            ("", ""),
            ("plain $ $SET }", "plain $ $SET }"),
            ("${SET}", "value"),
            ("a-${SET}-${SET}.b", "a-value-value.b"),
            ("${SET:-other}", "value"),
            ("${UNSET:-other}", "other"),
            ("${EMPTY:-other}", "other"),
            ("${UNSET:-}", ""),
            ("${EMPTY}", ""),
            ("$${SET}", "${SET}"),
            ("$$${SET}", "$${SET}"),
            ("^/a$", "^/a$"),
        ] {
            assert_eq!(fill(text, &env).unwrap().text, filled, "{text}");
        }
    }

    #[test]
    fn what_a_variable_holds_is_not_filled_in_again() {
        assert_eq!(fill("${NESTED}", &env).unwrap().text, "${SET}");
    }

    #[test]
    fn what_cannot_be_filled_in_is_refused() {
        let unset = |name: &str| Unfilled::Unset {
            name: name.to_owned(),
        };
        assert_eq!(fill("a${UNSET}", &env), Err(unset("UNSET")));
        for text in [
            "${",
            "${SET",
            "${}",
            "${1A}",
            "${A B}",
            "${SET-x}",
            "${A:-${SET}}",
        ] {
            assert_eq!(fill(text, &env), Err(Unfilled::Malformed), "{text}");
        }
    }

    #[test]
    fn a_value_says_whether_the_environment_gave_a_part_of_it() {
        for (text, from) in [
            ("a", false),
            ("${UNSET:-a}", false),
            ("a${SET}", true),
            ("${SET:-a}", true),
        ] {
            assert_eq!(fill(text, &env).unwrap().from_environment, from, "{text}");
        }
    }
}
