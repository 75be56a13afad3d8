//! Text to expression. Recursion is bounded by [`RULE_DEPTH`].

use crate::limits::{RULE_BYTES_MAX, RULE_COMPARISONS_MAX, RULE_DEPTH};

use super::error::RuleError;
use super::number;
use super::tree::{Comparison, FUNCTIONS, Literal, MACROS, Modifier, Node, Op, Path, Term};

// What the messages below say.
const _: () = assert!(RULE_BYTES_MAX == 4096 && RULE_COMPARISONS_MAX == 200 && RULE_DEPTH == 16);

type Result<T> = std::result::Result<T, RuleError>;

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

    /// A text in quotes: only a `\` before a quote of that kind is taken out.
    fn quoted(&mut self, quote: char) -> Result<Term> {
        let inner = self.rest().get(1..).unwrap_or_default();
        let mut before = quote;
        for (len, c) in inner.char_indices() {
            if c == quote && before != '\\' {
                let text = inner.get(..len).unwrap_or_default();
                self.at += len + 2;
                let text = text.replace(&format!("\\{quote}"), quote.encode_utf8(&mut [0; 4]));
                return Ok(Term::Literal(Literal::Text(text.into())));
            }
            before = c;
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

    fn modifier(&mut self) -> Result<Option<Modifier>> {
        if !self.eat(":") {
            return Ok(None);
        }
        let start = self.at;
        let name = self.step();
        let named =
            |modifier: &&Modifier| name.as_ref().is_ok_and(|name| *name == modifier.as_str());
        let found = Modifier::ALL.iter().find(named);
        if found.is_none() {
            self.at = start;
            return self.fail("isset, length, each or lower");
        }
        Ok(found.copied())
    }

    /// A field, a function, `true`, `false` or `null`.
    fn named(&mut self) -> Result<Term> {
        let start = self.at;
        let first = self.step()?;
        if self.rest().starts_with('(') {
            let Some(name) = FUNCTIONS.iter().find(|name| **name == first) else {
                self.at = start;
                return self.fail("a function: geoDistance or strftime");
            };
            return self.arguments(name);
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
        Ok(Term::Field(path, self.modifier()?))
    }

    fn arguments(&mut self, name: &'static str) -> Result<Term> {
        self.open()?;
        let mut arguments = vec![self.term("an argument")?];
        self.skip();
        while self.eat(",") {
            arguments.push(self.term("an argument")?);
            self.skip();
        }
        if !self.eat(")") {
            return self.fail("a comma or )");
        }
        self.depth -= 1;
        Ok(Term::Function(name, arguments.into()))
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
        match MACROS.iter().find(|name| **name == first) {
            Some(name) => Ok(Term::Macro(name)),
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
        let path = match part {
            "auth" => {
                let path = self.path()?;
                return Ok(Term::Claim(path, self.modifier()?));
            }
            "query" | "headers" | "body" => {
                if !self.rest().starts_with('.') {
                    return self.fail("a dot and a name");
                }
                self.steps(vec![part.into()])?
            }
            "context" | "method" => Path([part.into()].into()),
            _ => {
                self.at = start;
                return self.fail(PARTS);
            }
        };
        Ok(Term::Request(path, self.modifier()?))
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
        Ok(Term::Collection(path, alias, self.modifier()?))
    }
}
