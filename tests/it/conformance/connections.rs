//! Several requests on a connection, and what becomes of a connection.

use super::case::Does::{Close, Echo, Reverse, Say, Take};
use super::case::{Case, Step, answer, case, request, with_body};

const SWITCHES: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Sec-WebSocket-Extensions: a; b=1\r\n\r\n";

const ASKS_TO_SWITCH: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Extensions: a; b\r\n";

pub(super) fn kept() -> Vec<Case> {
    let get = |target: &str| request("GET", target, "", "");
    let mut cases = Vec::new();
    let mut three = case("three requests in turn")
        .does([Take, Echo])
        .requests(3);
    for target in ["/a?1", "/b?2", "/c?3"] {
        three = three.sends(get(target)).answer();
    }
    cases.push(three);
    for count in [2, 5, 20] {
        let all: Vec<_> = (0..count).flat_map(|n| get(&format!("/a/{n}"))).collect();
        let mut case = case(format!("{count} requests at once"));
        case = case.sends(all).does([Take, Echo]).requests(count);
        cases.push((0..count).fold(case, |case, _| case.answer()));
    }
    let mixed = [
        with_body("POST", "/a", "", "{}"),
        request(
            "PUT",
            "/b",
            "Transfer-Encoding: chunked\r\n",
            "2\r\n{}\r\n0\r\n\r\n",
        ),
        get("/c"),
        with_body("DELETE", "/d", "", "\r\n"),
        get("/e"),
    ];
    let case_of_mixed = case("writes and reads at once").sends(mixed.concat());
    let case_of_mixed = case_of_mixed.does([Take, Echo]).requests(5);
    cases.push((0..5).fold(case_of_mixed, |case, _| case.answer()));
    let spaced = [
        with_body("POST", "/a", "", "{}"),
        b"\r\n".to_vec(),
        get("/b"),
    ]
    .concat();
    let spaced = case("an empty line behind a body").sends(spaced);
    cases.push(spaced.does([Take, Echo]).requests(2).answer().answer());
    for (name, says) in [
        ("a 204", "HTTP/1.1 204 No Content\r\n\r\n"),
        (
            "a 304",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        ),
        (
            "chunks",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        ),
        ("an error", "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno"),
        ("nothing", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ] {
        let case = case(format!("a request behind {name}")).says(says);
        let case = case.gets("/a").answer().gets("/b").answer();
        cases.push(case.requests(2));
    }
    let behind_head = case("a request behind a HEAD")
        .says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        .sends(request("HEAD", "/a", "", ""))
        .step(Step::HeadOnly)
        .sends(request("HEAD", "/b", "", ""))
        .step(Step::HeadOnly);
    cases.push(behind_head.requests(2));
    let closed = case("a request that says close")
        .sends(request("GET", "/a", "Connection: close\r\n", ""))
        .says(answer("200 OK", "Connection: close\r\n", "a"))
        .does([Close])
        .answer();
    cases.push(closed.step(Step::Closes));
    cases
}

/// Connections that become tunnels, or do not.
pub(super) fn tunnels() -> Vec<Case> {
    let asks = || request("GET", "/chat?a=b", ASKS_TO_SWITCH, "");
    let mut cases = vec![
        case("bytes both ways")
            .sends(asks())
            .says(SWITCHES)
            .step(Step::Interim)
            .sends("drow\0")
            .does([Reverse(5), Reverse(3), Close])
            .step(Step::Raw(5))
            .sends("cba")
            .step(Step::Raw(3))
            .step(Step::Closes),
        case("bytes behind the answer at once")
            .sends(asks())
            .says(format!("{SWITCHES}hello"))
            .step(Step::Interim)
            .step(Step::Raw(5))
            .sends("dlrow")
            .does([Reverse(5), Close])
            .step(Step::Raw(5))
            .step(Step::Closes),
        case("a tunnel that the upstream ends at once")
            .sends(asks())
            .says(format!("{SWITCHES}bye"))
            .does([Close])
            .step(Step::Interim)
            .step(Step::Raw(3))
            .step(Step::Closes),
    ];
    let many = "0123456789".repeat(30_000);
    let large = case("many bytes both ways")
        .sends(asks())
        .says(SWITCHES)
        .does([Reverse(many.len()), Close])
        .step(Step::Interim)
        .sends(&many)
        .step(Step::Raw(many.len()));
    cases.push(large.step(Step::Closes));
    for status in [
        "403 Forbidden",
        "426 Upgrade Required",
        "200 OK",
        "404 Not Found",
    ] {
        let says = answer(status, "Sec-WebSocket-Version: 13\r\n", "no");
        let case = case(format!("no tunnel, but {status}, and a request behind it"));
        let case = case.does([Take, Say(says)]).sends(asks()).answer();
        cases.push(case.gets("/b").answer().requests(2));
    }
    cases
}
