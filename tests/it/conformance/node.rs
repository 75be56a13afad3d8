//! What a real server does.

use super::case::{Case, Step, case, request, with_body};
use super::compare::Difference::{Trailers, Version};

pub(super) fn answers() -> Vec<Case> {
    let mut cases = Vec::new();
    for method in [
        "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "PURGE", "M-SEARCH",
    ] {
        let case = case(format!("{method} is echoed"));
        let case = case.sends(with_body(
            method,
            "/echo/1?a=b&c",
            "X-A: b\r\n",
            "{\"a\": 1}",
        ));
        cases.push(case.answer());
    }
    for code in [
        "201", "204", "205", "301", "302", "303", "304", "307", "308", "400", "401", "403", "404",
        "409", "410", "422", "429", "500", "503",
    ] {
        cases.push(
            case(format!("a {code}"))
                .gets(&format!("/status/{code}"))
                .answer(),
        );
    }
    for accepts in ["gzip", "br", "deflate", "gzip, br", "identity", "zstd"] {
        let fields = format!("Accept-Encoding: {accepts}\r\n");
        let case = case(format!("a text for who accepts {accepts}"));
        cases.push(case.sends(request("GET", "/text", &fields, "")).answer());
    }
    cases.push(case("cookies").gets("/cookies").answer());
    cases.push(case("trailers").gets("/trailers").answer().but(&[Trailers]));
    for (target, length) in [
        ("/text", "gzip"),
        ("/text", "identity"),
        ("/files/text.txt", "a"),
        ("/status/404", "a"),
    ] {
        let fields = format!("Accept-Encoding: {length}\r\n");
        let case = case(format!("HEAD {target} for who accepts {length}"));
        let case = case.sends(request("HEAD", target, &fields, ""));
        cases.push(case.step(Step::HeadOnly).gets("/echo").answer().requests(2));
    }
    for target in [
        "/bytes/0",
        "/bytes/1",
        "/bytes/70000",
        "/bytes/1000000",
        "/bytes/1000000?chunked",
    ] {
        cases.push(case(target).gets(target).answer());
    }
    let old = "GET /text HTTP/1.0\r\nHost: a\r\n\r\n";
    cases.push(
        case("HTTP/1.0")
            .sends(old)
            .answer()
            .step(Step::Closes)
            .but(&[Version]),
    );
    let old = "GET /bytes/1000?chunked HTTP/1.0\r\nHost: a\r\n\r\n";
    cases.push(
        case("HTTP/1.0 and no length")
            .sends(old)
            .answer()
            .step(Step::Closes)
            .but(&[Version]),
    );
    cases
}

/// The file's validators, as Node's `send` makes them.
const MODIFIED: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

pub(super) fn parts() -> Vec<Case> {
    let asks = |name: &str, fields: &str| {
        let fields = fields.replace("MODIFIED", MODIFIED);
        case(name)
            .sends(request("GET", "/files/text.txt", &fields, ""))
            .answer()
    };
    [
        ("a whole file", ""),
        ("its first bytes", "Range: bytes=0-99\r\n"),
        ("its last bytes", "Range: bytes=-100\r\n"),
        ("all but the first", "Range: bytes=1-\r\n"),
        ("one byte", "Range: bytes=5-5\r\n"),
        ("two ranges", "Range: bytes=0-1,5-6\r\n"),
        ("a range beyond its end", "Range: bytes=999999-\r\n"),
        ("a range that is none", "Range: bytes=5-1\r\n"),
        ("a range of another unit", "Range: lines=1-2\r\n"),
        (
            "a range if it is the same",
            "Range: bytes=0-99\r\nIf-Range: MODIFIED\r\n",
        ),
        (
            "a range if it is another",
            "Range: bytes=0-99\r\nIf-Range: \"another\"\r\n",
        ),
        (
            "a file if it was changed",
            "If-Modified-Since: MODIFIED\r\n",
        ),
        (
            "a file if it was changed long ago",
            "If-Modified-Since: Tue, 14 Nov 2000 22:13:20 GMT\r\n",
        ),
        (
            "a file unless it was changed",
            "If-Unmodified-Since: Tue, 14 Nov 2000 22:13:20 GMT\r\n",
        ),
        ("a file if none matches", "If-None-Match: \"another\"\r\n"),
        ("a file if any is there", "If-None-Match: *\r\n"),
        ("a file if it matches", "If-Match: \"another\"\r\n"),
        ("a file if there is one", "If-Match: *\r\n"),
    ]
    .into_iter()
    .map(|(name, fields)| asks(name, fields))
    .collect()
}

pub(super) fn flows() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, target, method) in [
        ("chunks", "/drip", "GET"),
        ("a length", "/drip/11", "GET"),
        ("chunks, to a write", "/drip", "POST"),
        ("a length, to a write", "/drip/11", "PATCH"),
    ] {
        let case = case(format!("an answer that drips in {name}"));
        let case = case.sends(with_body(method, target, "", ""));
        cases.push(case.step(Step::UpTo(5)).step(Step::LetGo).answer());
    }
    let mut events = case("events of its own").gets("/events");
    for bytes in [17, 31, 65] {
        events = events.step(Step::UpTo(bytes)).step(Step::LetGo);
    }
    cases.push(events.answer());
    for (framing, first, last) in [
        ("Content-Length: 10\r\n", "hello", "world"),
        (
            "Transfer-Encoding: chunked\r\n",
            "5\r\nhello\r\n",
            "5\r\nworld\r\n0\r\n\r\n",
        ),
    ] {
        let case = case(format!("a body that drips, {framing}"));
        let case = case
            .sends(request("PUT", "/upload", framing, ""))
            .sends(first);
        cases.push(case.step(Step::Hear).sends(last).answer());
    }
    for how in ["length", "chunks"] {
        let case = case(format!("an answer with {how} that is cut"));
        let case = case.gets(&format!("/cut/{how}")).step(Step::UpTo(5));
        cases.push(case.step(Step::LetGo).answer());
    }
    let hints = case("hints").gets("/hints").step(Step::Interim);
    cases.push(hints.step(Step::Interim).step(Step::LetGo).answer());
    let early = case("an answer before the body came")
        .sends(request("POST", "/early", "Content-Length: 10\r\n", ""))
        .sends("hello")
        .answer();
    cases.push(early.sends("world"));
    cases.extend(expecting());
    cases
}

fn expecting() -> Vec<Case> {
    let fields = "Expect: 100-continue\r\nContent-Length: 5\r\n";
    let mut cases = vec![
        case("who asks may continue")
            .sends(request("POST", "/continue", fields, ""))
            .step(Step::Hear)
            .step(Step::LetGo)
            .step(Step::Interim)
            .sends("hello")
            .answer(),
        case("who asks is not answered")
            .sends(request("POST", "/echo", fields, ""))
            .sends("hello")
            .answer(),
        case("who asks for what nobody knows")
            .sends(request(
                "POST",
                "/echo",
                "Expect: a-pony\r\nContent-Length: 0\r\n",
                "",
            ))
            .answer(),
    ];
    for status in ["401", "413", "417"] {
        let case = case(format!("who asks is refused with {status}"));
        let case = case.sends(request("PUT", &format!("/refuse/{status}"), fields, ""));
        cases.push(case.answer());
    }
    cases
}

pub(super) fn uploads() -> Vec<Case> {
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b\r\n\
        Content-Disposition: form-data; name=\"f\"; filename=\"\u{e4}.bin\"\r\n\
        Content-Type: application/octet-stream\r\n\r\n\0\r\n--a\r\n\r\n--b--\r\n";
    let mut cases = Vec::new();
    for (name, kind, body) in [
        ("multipart", "multipart/form-data; boundary=b", multipart),
        (
            "a form",
            "application/x-www-form-urlencoded",
            "a=1&b=%C3%A4&c=+",
        ),
        (
            "JSON",
            "application/json",
            "{\"a\": [1, 2.50, null], \"a\": 1e400}",
        ),
        ("JSON that is none", "application/json", "{\"a\": "),
        ("XML", "text/xml", "<?xml version=\"1.0\"?><a>&lt;</a>"),
        ("nothing", "application/json", ""),
    ] {
        for method in ["POST", "PUT"] {
            let fields = format!("Content-Type: {kind}\r\n");
            let case = case(format!("{method} of {name}"));
            let case = case.sends(with_body(method, "/echo", &fields, body));
            cases.push(case.answer());
        }
    }
    for length in [1_000, 100_000, 2_000_000] {
        let body = "0123456789".repeat(length / 10);
        let case = case(format!("POST of {length} bytes"));
        cases.push(case.sends(with_body("POST", "/upload", "", &body)).answer());
    }
    cases
}

/// The frame of a client: first byte, and what it carries.
fn frame(first: u8, data: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let length = 0x80 | u8::try_from(data.len()).unwrap();
    let masked = data.iter().zip(mask.iter().cycle()).map(|(d, m)| d ^ m);
    let head = [first, length].into_iter().chain(mask);
    head.chain(masked).collect()
}

pub(super) fn websockets() -> Vec<Case> {
    let asks = |target: &str| {
        let fields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat\r\n\
            Origin: http://a.example\r\n";
        request("GET", target, fields, "")
    };
    let talks = |name: &str, frames: &[Vec<u8>]| {
        let mut case = case(name).sends(asks("/websocket?a=b")).step(Step::Interim);
        for frame in frames {
            // What comes back has no mask.
            case = case.sends(frame).step(Step::Raw(frame.len() - 4));
        }
        case
    };
    let goodbye = |code: u16| frame(0x88, &[&code.to_be_bytes()[..], b"bye"].concat());
    let mut cases = vec![
        talks("a text", &[frame(0x81, "h\u{e9}llo".as_bytes())]),
        talks("bytes", &[frame(0x82, &[0, 255, 13, 10])]),
        talks("an empty text", &[frame(0x81, b"")]),
        talks(
            "fragments",
            &[
                frame(0x01, b"a"),
                frame(0x00, b"b"),
                frame(0x89, b"p"),
                frame(0x80, b"c"),
            ],
        ),
        talks("a ping", &[frame(0x89, b"are you there?")]),
        talks("125 bytes", &[frame(0x82, &[7; 125])]),
        talks("a close without a code", &[frame(0x88, b"")]).step(Step::Closes),
    ];
    for code in [1000, 1001, 1008, 1011, 4321] {
        let name = format!("a close with {code}");
        cases.push(talks(&name, &[frame(0x81, b"a"), goodbye(code)]).step(Step::Closes));
    }
    let at_once = case("a text behind the request at once")
        .sends([asks("/websocket"), frame(0x81, b"early")].concat())
        .step(Step::Interim);
    cases.push(at_once.step(Step::Raw(7)));
    cases.push(case("no websocket here").sends(asks("/echo")).answer());
    cases
}
