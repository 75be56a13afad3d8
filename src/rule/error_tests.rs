//! Where an expression is none, and what is said of it.

use super::{Found, Rule};

const OPERATOR: &str = "an operator, such as = or ~";
const OPERAND: &str = "a field or a value";
const COMPARISON: &str = "a comparison";
const COORDINATE: &str = "a number or a field";
const COORDINATES: &str = "a comma and one of four coordinates";

/// A text, the bytes before its fault, what was expected there, and what is found.
const FAULTS: &[(&str, usize, &str, &str)] = &[
    ("", 0, COMPARISON, ""),
    ("   ", 3, COMPARISON, ""),
    ("// only", 7, COMPARISON, ""),
    ("a", 1, OPERATOR, ""),
    ("a b", 2, OPERATOR, "b"),
    ("a =", 3, OPERAND, ""),
    ("a == 1", 3, OPERAND, "= 1"),
    ("a =~ 1", 3, OPERAND, "~ 1"),
    ("a ! 1", 2, OPERATOR, "! 1"),
    ("a ? 1", 2, OPERATOR, "? 1"),
    ("a like 'x'", 2, OPERATOR, "like 'x'"),
    ("= 1", 0, COMPARISON, "= 1"),
    ("a = 1 b = 2", 6, "&&, || or the end", "b = 2"),
    ("a = 1 & b = 2", 6, "&&, || or the end", "& b = 2"),
    ("a = 1 and b = 2", 6, "&&, || or the end", "and b = 2"),
    ("a = 1 &&", 8, COMPARISON, ""),
    ("a = 1 || || b = 1", 9, COMPARISON, "|| b = 1"),
    ("a = 1)", 5, "&&, || or the end", ")"),
    ("(a = 1", 6, "&&, || or )", ""),
    ("(a = 1 b", 7, "&&, || or )", "b"),
    ("()", 1, COMPARISON, ")"),
    ("a = 'x", 4, "a text with a quote at its end", "'x"),
    ("a = 'x\\'", 4, "a text with a quote at its end", "'x\\'"),
    ("a = \"x'", 4, "a text with a quote at its end", "\"x'"),
    ("a = 1.", 4, "a number", "1."),
    ("a = 1.2.3", 4, "a number", "1.2.3"),
    ("a = 12x", 4, "a number", "12x"),
    ("a = -", 4, "a number", "-"),
    ("a = .5", 4, OPERAND, ".5"),
    ("a. = 1", 2, "a name", " = 1"),
    ("a..b = 1", 2, "a name", ".b = 1"),
    ("é = 1", 0, COMPARISON, "é = 1"),
    ("a = é", 4, OPERAND, "é"),
    ("a:big = 1", 2, "isset, length, each or lower", "big = 1"),
    ("a: = 1", 2, "isset, length, each or lower", " = 1"),
    (
        "f(1) = 1",
        0,
        "a function: geoDistance or strftime",
        "f(1) = 1",
    ),
    ("geoDistance() = 1", 12, COORDINATE, ") = 1"),
    ("geoDistance(1 2) = 1", 14, COORDINATES, "2) = 1"),
    ("geoDistance(1, 2, 3) = 1", 19, COORDINATES, ") = 1"),
    (
        "geoDistance(1, 2, 3, 4, 5) = 1",
        22,
        ") after four coordinates",
        ", 5) = 1",
    ),
    (
        "geoDistance('1', 2, 3, 4) = 1",
        12,
        COORDINATE,
        "'1', 2, 3, 4",
    ),
    (
        "geoDistance(1, strftime('%Y'), 3, 4) = 1",
        15,
        COORDINATE,
        "strftime('%Y",
    ),
    ("strftime() = 1", 9, "a format in quotes", ") = 1"),
    ("strftime(a) = 1", 9, "a format in quotes", "a) = 1"),
    ("strftime('%Y' a) = 1", 14, "a comma or )", "a) = 1"),
    ("strftime('%Y', ) = 1", 15, "a field or a time", ") = 1"),
    (
        "strftime('%Y', strftime('%Y')) = 1",
        15,
        "a field or a time",
        "strftime('%Y",
    ),
    (
        "strftime('%Y', a, b) = 1",
        18,
        "a modifier in quotes",
        "b) = 1",
    ),
    (
        "strftime('', a, '1','2','3','4','5','6','7','8','9') = 1",
        48,
        "fewer modifiers: 8 are the most",
        "'9') = 1",
    ),
    (
        "@request.query.a:length = 1",
        17,
        "isset or lower",
        "length = 1",
    ),
    (
        "@request.headers.a:each = 1",
        19,
        "isset or lower",
        "each = 1",
    ),
    (
        "@request.body.a:big = 1",
        16,
        "changed, each, isset, length or lower",
        "big = 1",
    ),
    ("@request.method:lower = 1", 15, OPERATOR, ":lower = 1"),
    (
        "a:changed = 1",
        2,
        "isset, length, each or lower",
        "changed = 1",
    ),
    (
        "a = @soon",
        4,
        "@request, @collection or a time such as @now",
        "@soon",
    ),
    (
        "a = @",
        4,
        "@request, @collection or a time such as @now",
        "@",
    ),
    ("@request = 1", 8, "a dot and a part of the request", " = 1"),
    (
        "@request.data.x = 1",
        9,
        "auth, query, headers, body, context or method",
        "data.x = 1",
    ),
    ("@request.auth = 1", 13, "a dot and a name", " = 1"),
    ("@request.query = 1", 14, "a dot and a name", " = 1"),
    ("@collection = 1", 11, "a dot and a collection", " = 1"),
    ("@collection.t = 1", 13, "a dot and a name", " = 1"),
    (
        "a = 1 && \"a very long text",
        9,
        "a text with a quote at its end",
        "\"a very long",
    ),
];

#[test]
fn an_error_says_where_what_and_instead_of_what() {
    for &(text, offset, expected, found) in FAULTS {
        let error = Rule::parse(text).unwrap_err();
        let found = if found.is_empty() {
            Found::End
        } else {
            Found::Text(found.into())
        };
        let said = (error.offset, error.expected, &error.found);
        assert_eq!(said, (offset, expected, &found), "{text}");
        assert_eq!(error.column, text[..offset].chars().count() + 1, "{text}");
        assert_eq!(error.line, 1);
    }
}

#[test]
fn an_error_counts_lines_and_characters() {
    let error = Rule::parse("a = 'é' &&\n  b = 'ü' x").unwrap_err();
    assert_eq!((error.line, error.column, error.offset), (2, 11, 23));
    let text = "line 2, column 11: expected &&, || or the end, found \"x\"";
    assert_eq!(error.to_string(), text);
    let error = Rule::parse(&"é".repeat(3000)).unwrap_err();
    assert_eq!(error.offset, 4096);
    assert!(error.to_string().len() < 120);
}
