//! Text to expression. Recursion is bounded by [`RULE_DEPTH`].

use crate::limits::{
    RULE_BYTES_MAX, RULE_COMPARISONS_MAX, RULE_DEPTH, RULE_STRFTIME_MODIFIERS_MAX,
};

use super::error::RuleError;
use super::number;
use super::tree::{Comparison, Function, Literal, Macro, Modifier, Node, Op, Part, Path, Term};

// What the messages below say.
const _: () = assert!(RULE_BYTES_MAX == 4096 && RULE_COMPARISONS_MAX == 200 && RULE_DEPTH == 16);
const _: () = assert!(RULE_STRFTIME_MODIFIERS_MAX == 8);

type Result<T> = std::result::Result<T, RuleError>;

/// Modifiers that may stand somewhere, and what is expected there.
type Among = (&'static [Modifier], &'static str);

const OF_BODY: Among = (Modifier::ALL, "changed, each, isset, length or lower");
const OF_PATHS: Among = (
    &[
        Modifier::Each,
        Modifier::Isset,
        Modifier::Length,
        Modifier::Lower,
    ],
    "isset, length, each or lower",
);
const OF_TEXTS: Among = (&[Modifier::Isset, Modifier::Lower], "isset or lower");

/// Reads a whole text.
pub(super) fn rule(text: &str) -> Result<Node> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
        comparisons: 0,
    };
    if text.len() > RULE_BYTES_MAX {
        let end = text.floor_char_boundary(RULE_BYTES_MAX);
        return Err(RuleError::at(text, end, "the end: 4 KiB are the most"));
    }
    let node = parser.either()?;
    parser.skip();
    if parser.rest().is_empty() {
        Ok(node)
    } else {
        parser.fail("&&, || or the end")
    }
}

struct Parser<'a> {
    text: &'a str,
    /// The bytes that are read.
    at: usize,
    /// Parentheses and functions that are open.
    depth: usize,
    comparisons: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn fail<T>(&self, expected: &'static str) -> Result<T> {
        Err(RuleError::at(self.text, self.at, expected))
    }

    /// Takes white space and comments.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let after = rest.trim_start_matches([' ', '\t', '\n', '\r']);
            self.at += rest.len() - after.len();
            if !after.starts_with("//") {
                return;
            }
            self.at += after.find('\n').unwrap_or(after.len());
        }
    }

    /// Takes `token` if it is next.
    fn eat(&mut self, token: &str) -> bool {
        let is_next = self.rest().starts_with(token);
        if is_next {
            self.at += token.len();
        }
        is_next
    }

    fn either(&mut self) -> Result<Node> {
        let mut nodes = vec![self.both()?];
        while self.eat("||") {
            nodes.push(self.both()?);
        }
        Ok(Node::any(nodes))
    }

    fn both(&mut self) -> Result<Node> {
        let mut nodes = vec![self.unit()?];
        self.skip();
        while self.eat("&&") {
            nodes.push(self.unit()?);
            self.skip();
        }
        Ok(Node::all(nodes))
    }

    fn unit(&mut self) -> Result<Node> {
        self.skip();
        if !self.rest().starts_with('(') {
            return self.comparison();
        }
        self.open()?;
        let node = self.either()?;
        if !self.eat(")") {
            return self.fail("&&, || or )");
        }
        self.depth -= 1;
        Ok(node)
    }

    /// Takes an opening parenthesis, which is next.
    fn open(&mut self) -> Result<()> {
        if self.depth == RULE_DEPTH {
            return self.fail("fewer parentheses within one another: 16 are the most");
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    fn comparison(&mut self) -> Result<Node> {
        if self.comparisons == RULE_COMPARISONS_MAX {
            return self.fail("fewer comparisons: 200 are the most");
        }
        self.comparisons += 1;
        let left = self.term("a comparison")?;
        self.skip();
        let start = self.at;
        let any = self.eat("?");
        let found = Op::ALL.iter().find(|(written, _)| self.eat(written));
        let Some(&(_, op)) = found else {
            self.at = start;
            return self.fail("an operator, such as = or ~");
        };
        let right = self.term("a field or a value")?;
        let comparison = Comparison::new(left, op, any, right);
        Ok(Node::Compare(Box::new(comparison)))
    }

    fn term(&mut self, expected: &'static str) -> Result<Term> {
        self.skip();
        match self.rest().bytes().next() {
            Some(b'"') => self.quoted('"'),
            Some(b'\'') => self.quoted('\''),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'@') => self.special(),
            Some(b'_' | b'a'..=b'z' | b'A'..=b'Z') => self.named(),
            _ => self.fail(expected),
        }
    }

    /// A text in quotes. A `\` stays but for [`escaped`].
    fn quoted(&mut self, quote: char) -> Result<Term> {
        let inner = self.rest().get(1..).unwrap_or_default();
        let mut text = String::new();
        let mut chars = inner.char_indices().peekable();
        while let Some((len, c)) = chars.next() {
            if c == quote {
                self.at += len + 2;
                return Ok(Term::Literal(Literal::Text(text.into())));
            }
            let next = chars.peek().and_then(|(_, next)| escaped(*next));
            match next {
                Some(next) if c == '\\' => {
                    text.push(next);
                    chars.next();
                }
                _ => text.push(c),
            }
        }
        self.fail("a text with a quote at its end")
    }

    fn number(&mut self) -> Result<Term> {
        let rest = self.rest();
        let Some((digits, after)) = rest.split_at_checked(number::len(rest)) else {
            return self.fail("a number");
        };
        let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        if digits.is_empty() || after.starts_with(goes_on) {
            return self.fail("a number");
        }
        self.at += digits.len();
        Ok(Term::Literal(Literal::Number(digits.into())))
    }

    /// One step of a path.
    fn step(&mut self) -> Result<&'a str> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        match rest.get(..end.unwrap_or(rest.len())) {
            Some(step) if !step.is_empty() => {
                self.at += step.len();
                Ok(step)
            }
            _ => self.fail("a name"),
        }
    }

    /// The steps that follow, each after a dot.
    fn steps(&mut self, mut steps: Vec<Box<str>>) -> Result<Path> {
        while self.eat(".") {
            steps.push(self.step()?.into());
        }
        Ok(Path(steps.into()))
    }

    /// A path after its dot.
    fn path(&mut self) -> Result<Path> {
        if !self.eat(".") {
            return self.fail("a dot and a name");
        }
        let first = self.step()?;
        self.steps(vec![first.into()])
    }

    fn modifier(&mut self, (among, expected): Among) -> Result<Option<Modifier>> {
        if !self.eat(":") {
            return Ok(None);
        }
        let start = self.at;
        let name = self.step();
        let named =
            |modifier: &&Modifier| name.as_ref().is_ok_and(|name| *name == modifier.as_str());
        let found = among.iter().find(named);
        if found.is_none() {
            self.at = start;
            return self.fail(expected);
        }
        Ok(found.copied())
    }

    /// A field, a function, `true`, `false` or `null`.
    fn named(&mut self) -> Result<Term> {
        let start = self.at;
        let first = self.step()?;
        if self.rest().starts_with('(') {
            let [distance, time] = Function::NAMES;
            let function = match first {
                name if name == distance => self.geo_distance(),
                name if name == time => self.strftime(),
                _ => {
                    self.at = start;
                    return self.fail("a function: geoDistance or strftime");
                }
            };
            return function.map(|function| Term::Function(Box::new(function)));
        }
        if !self.rest().starts_with(['.', ':']) {
            let literal = match first.to_ascii_lowercase().as_str() {
                "true" => Some(Literal::Bool(true)),
                "false" => Some(Literal::Bool(false)),
                "null" => Some(Literal::Null),
                _ => None,
            };
            if let Some(literal) = literal {
                return Ok(Term::Literal(literal));
            }
        }
        let path = self.steps(vec![first.into()])?;
        Ok(Term::Field(path, self.modifier(OF_PATHS)?))
    }

    fn geo_distance(&mut self) -> Result<Function> {
        self.open()?;
        let places = [
            self.coordinate()?,
            self.next_coordinate()?,
            self.next_coordinate()?,
            self.next_coordinate()?,
        ];
        self.close(") after four coordinates")?;
        Ok(Function::GeoDistance(places))
    }

    fn strftime(&mut self) -> Result<Function> {
        self.open()?;
        self.skip();
        let format = self.argument("a format in quotes")?;
        let mut at = None;
        let mut modifiers = Vec::new();
        self.skip();
        while self.eat(",") {
            self.skip();
            if at.is_none() {
                at = Some(self.time()?);
            } else if modifiers.len() < RULE_STRFTIME_MODIFIERS_MAX {
                modifiers.push(self.argument("a modifier in quotes")?);
            } else {
                return self.fail("fewer modifiers: 8 are the most");
            }
            self.skip();
        }
        self.close("a comma or )")?;
        Ok(Function::Strftime {
            format,
            at,
            modifiers: modifiers.into(),
        })
    }

    fn next_coordinate(&mut self) -> Result<Term> {
        self.skip();
        if !self.eat(",") {
            return self.fail("a comma and one of four coordinates");
        }
        self.coordinate()
    }

    fn coordinate(&mut self) -> Result<Term> {
        const COORDINATE: &str = "a number or a field";
        self.skip();
        let start = self.at;
        match self.term(COORDINATE)? {
            Term::Function(_) | Term::Literal(Literal::Text(_)) => {
                self.at = start;
                self.fail(COORDINATE)
            }
            term => Ok(term),
        }
    }

    /// Takes the end of a function.
    fn close(&mut self, expected: &'static str) -> Result<()> {
        self.skip();
        if !self.eat(")") {
            return self.fail(expected);
        }
        self.depth -= 1;
        Ok(())
    }

    fn time(&mut self) -> Result<Term> {
        const TIME: &str = "a field or a time";
        let start = self.at;
        match self.term(TIME)? {
            Term::Function(_) => {
                self.at = start;
                self.fail(TIME)
            }
            term => Ok(term),
        }
    }

    /// An argument that is a text.
    fn argument(&mut self, expected: &'static str) -> Result<Box<str>> {
        let start = self.at;
        match self.term(expected)? {
            Term::Literal(Literal::Text(text)) => Ok(text),
            _ => {
                self.at = start;
                self.fail(expected)
            }
        }
    }

    /// What begins with `@`.
    fn special(&mut self) -> Result<Term> {
        let start = self.at;
        self.at += 1;
        let first = self.step().unwrap_or_default();
        match first {
            "request" => return self.request(),
            "collection" => return self.collection(),
            _ => {}
        }
        match Macro::ALL.iter().find(|(name, _)| *name == first) {
            Some((_, of)) => Ok(Term::Macro(*of)),
            None => {
                self.at = start;
                self.fail("@request, @collection or a time such as @now")
            }
        }
    }

    fn request(&mut self) -> Result<Term> {
        const PARTS: &str = "auth, query, headers, body, context or method";
        if !self.eat(".") {
            return self.fail("a dot and a part of the request");
        }
        let start = self.at;
        let part = self.step().unwrap_or_default();
        let (part, among) = match part {
            "auth" => {
                let path = self.path()?;
                return Ok(Term::Claim(path, self.modifier(OF_PATHS)?));
            }
            "body" => (Part::Body(self.path()?), OF_BODY),
            "context" => return Ok(Term::Request(Part::Context, None)),
            "headers" => (Part::Headers(self.path()?), OF_TEXTS),
            "method" => return Ok(Term::Request(Part::Method, None)),
            "query" => (Part::Query(self.path()?), OF_TEXTS),
            _ => {
                self.at = start;
                return self.fail(PARTS);
            }
        };
        Ok(Term::Request(part, self.modifier(among)?))
    }

    fn collection(&mut self) -> Result<Term> {
        if !self.eat(".") {
            return self.fail("a dot and a collection");
        }
        let name = self.step()?;
        let alias = if self.eat(":") {
            Some(self.step()?.into())
        } else {
            None
        };
        if !self.rest().starts_with('.') {
            return self.fail("a dot and a name");
        }
        let path = self.steps(vec![name.into()])?;
        Ok(Term::Collection(path, alias, self.modifier(OF_PATHS)?))
    }
}

/// What a `\` in a text makes of the character after it; none where both stay.
fn escaped(c: char) -> Option<char> {
    match c {
        '"' | '\'' | '\\' => Some(c),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        _ => None,
    }
}
