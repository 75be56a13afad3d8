//! Nothing waits for what does not come: what is said is seen before the next word is said.
//!
//! No time is measured. The second half of a body is not sent before the first was seen: who
//! holds anything back waits for ever.

use super::case::Does::{Close, Reset, Say, Take, TakeHead, TakeUpTo, Tell, Wait};
use super::case::{Case, Does, Step, answer, case, request};
use super::compare::Difference::{self, End, Version};

fn say(bytes: &str) -> Does {
    Say(bytes.into())
}

fn last() -> Does {
    Say(answer("200 OK", "", "{\"id\":1}"))
}

/// Answers in two halves: how the end is told, both halves, whether the connection ends, and
/// what may differ.
type Halves = (
    &'static str,
    &'static str,
    &'static str,
    bool,
    &'static [Difference],
);

const HALVES: [Halves; 5] = [
    (
        "a length",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        "world",
        false,
        &[],
    ),
    (
        "chunks",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "5\r\nworld\r\n0\r\n\r\n",
        false,
        &[],
    ),
    (
        "half a chunk",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\nhello",
        "world\r\n0\r\n\r\n",
        false,
        &[],
    ),
    (
        "an end",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello",
        "world",
        true,
        &[End],
    ),
    (
        "HTTP/1.0",
        "HTTP/1.0 200 OK\r\n\r\nhello",
        "world",
        true,
        &[End, Version],
    ),
];

/// Answers that drip.
pub(super) fn of_answers() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, first, second, ends, but) in HALVES {
        for method in ["GET", "POST", "DELETE"] {
            let case = case(format!("{method} answered in two halves with {name}"))
                .sends(request(method, "/notes/1", "Content-Length: 0\r\n", ""))
                .step(Step::UpTo(5))
                .step(Step::LetGo)
                .answer()
                .does([Take, say(first), Wait, say(second)])
                .but(but);
            cases.push(if ends { case.does([Close]) } else { case });
        }
    }
    let byte_by_byte = "one byte at a time".bytes();
    let mut drips = case("an answer that comes byte by byte").gets("/notes");
    let script = [Take, say("HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n")];
    drips = drips.does(script);
    for (at, byte) in byte_by_byte.enumerate() {
        drips = drips.does([Say(vec![byte]), Wait]);
        drips = drips.step(Step::UpTo(at + 1)).step(Step::LetGo);
    }
    cases.push(drips.answer());
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let events = case("a stream of events of the upstream's own")
        .sends(request(
            "GET",
            "/events",
            "Accept: text/event-stream\r\n",
            "",
        ))
        .does([Take, say(head), say("6\r\n: hi\n\n\r\n"), Wait])
        .step(Step::UpTo(6))
        .step(Step::LetGo)
        .does([say("9\r\ndata: 1\n\n\r\n"), Wait, say("0\r\n\r\n")])
        .step(Step::UpTo(15))
        .step(Step::LetGo)
        .answer();
    cases.push(events);
    cases
}

/// Requests that drip, and answers before their end.
pub(super) fn of_requests() -> Vec<Case> {
    let mut cases = Vec::new();
    for (framing, first, second) in [
        ("Content-Length: 10", "hello", "world"),
        (
            "Transfer-Encoding: chunked",
            "5\r\nhello\r\n",
            "5\r\nworld\r\n0\r\n\r\n",
        ),
        (
            "Transfer-Encoding: chunked",
            "A\r\nhello",
            "world\r\n0\r\n\r\n",
        ),
    ] {
        for method in ["PUT", "SEARCH"] {
            let head = request(method, "/notes/1", &format!("{framing}\r\n"), "");
            let of = |what: &str| case(format!("{method} {what}, {framing}, {first:?}"));
            cases.push(
                of("in two halves")
                    .sends(&head)
                    .sends(first)
                    .step(Step::Hear)
                    .sends(second)
                    .does([TakeUpTo(5), Tell, Take, Say(answer("200 OK", "", "{}"))])
                    .answer(),
            );
            cases.push(
                of("answered in full before its second half")
                    .sends(&head)
                    .sends(first)
                    .does([TakeUpTo(5), Say(answer("403 Forbidden", "", "no"))])
                    .answer()
                    .sends(second)
                    .does([Take]),
            );
            let begun = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
            cases.push(
                of("answered in part before its second half")
                    .sends(&head)
                    .sends(first)
                    .does([TakeUpTo(5), say(begun)])
                    .step(Step::UpTo(5))
                    .sends(second)
                    .does([Take, say("world")])
                    .answer(),
            );
        }
    }
    let mut drips = case("a body that comes byte by byte");
    drips = drips.sends(request("PUT", "/notes/1", "Content-Length: 12\r\n", ""));
    for (at, byte) in "drip by drip".bytes().enumerate() {
        drips = drips.sends([byte]).step(Step::Hear);
        drips = drips.does([TakeUpTo(at + 1), Tell]);
    }
    cases.push(drips.does([Take, Say(answer("200 OK", "", "{}"))]).answer());
    cases
}

/// Who asks before the body is sent.
pub(super) fn expecting() -> Vec<Case> {
    let expects = |expect: &str, framing: &str| {
        let fields = format!("Expect: {expect}\r\n{framing}\r\n");
        request("PUT", "/notes/1", &fields, "")
    };
    let mut cases = Vec::new();
    for expect in ["100-continue", "100-Continue"] {
        for (framing, body) in [
            ("Content-Length: 5", "hello"),
            ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
        ] {
            let of = |what: &str| case(format!("{expect}, {framing}: {what}"));
            cases.push(
                of("the upstream continues")
                    .sends(expects(expect, framing))
                    .does([TakeHead, say("HTTP/1.1 100 Continue\r\n\r\n"), Take, last()])
                    .step(Step::Interim)
                    .sends(body)
                    .answer(),
            );
            cases.push(
                of("the upstream says nothing of it")
                    .sends(expects(expect, framing))
                    .does([TakeHead, Tell, Take, last()])
                    .step(Step::Hear)
                    .sends(body)
                    .answer(),
            );
            for status in [
                "417 Expectation Failed",
                "413 Content Too Large",
                "401 Unauthorized",
            ] {
                cases.push(
                    of(&format!("the upstream refuses with {status}"))
                        .sends(expects(expect, framing))
                        .does([TakeHead, Say(answer(status, "Connection: close\r\n", "no"))])
                        .answer(),
                );
            }
        }
    }
    cases
}

/// What is said on the way to an answer.
pub(super) fn on_the_way() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, interim) in [
        (
            "early hints",
            "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b.js>\r\n\r\n",
        ),
        ("processing", "HTTP/1.1 102 Processing\r\n\r\n"),
        (
            "a continue that nobody asked for",
            "HTTP/1.1 100 Continue\r\n\r\n",
        ),
        (
            "a word that nobody knows",
            "HTTP/1.1 199 Thinking\r\nX-A: b\r\n\r\n",
        ),
    ] {
        for method in ["GET", "POST"] {
            cases.push(
                case(format!("{method} with {name}"))
                    .sends(request(method, "/notes", "Content-Length: 0\r\n", ""))
                    .does([Take, say(interim), Wait, last()])
                    .step(Step::Interim)
                    .step(Step::LetGo)
                    .answer(),
            );
        }
    }
    let hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let mut often = case("early hints three times").gets("/notes").does([Take]);
    for _ in 0..3 {
        often = often.does([say(hint), Wait]);
        often = often.step(Step::Interim).step(Step::LetGo);
    }
    cases.push(often.does([last()]).answer());
    cases
}

/// Answers that are cut: the client sees the cut.
pub(super) fn cuts() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, says) in [
        (
            "a length",
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        ),
        (
            "chunks",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        ),
        (
            "half a chunk",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\nhello",
        ),
        (
            "no last line",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        ),
    ] {
        for method in ["GET", "POST"] {
            for (how, end) in [("closes", Close), ("resets", Reset)] {
                let case = case(format!("{method}, {name}, and the upstream {how}"))
                    .sends(request(method, "/notes", "Content-Length: 0\r\n", ""))
                    .does([Take, say(says), Wait, end])
                    .step(Step::UpTo(5))
                    .step(Step::LetGo);
                cases.push(case.answer());
            }
        }
    }
    let without = "HTTP/1.1 200 OK\r\n\r\nhello";
    cases.push(
        case("an answer without a length, and the upstream resets")
            .gets("/notes")
            .does([Take, say(without), Wait, Reset])
            .step(Step::UpTo(5))
            .step(Step::LetGo)
            .answer()
            .but(&[End]),
    );
    cases
}
