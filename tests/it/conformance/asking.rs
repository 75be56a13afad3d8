//! Methods and targets.

use super::case::{Case, Step, answer, case, request, with_body};
use super::compare::Difference;

/// Any token is a method: those of HTTP, of WebDAV, of caches, of UPnP, and what nobody knows.
const METHODS: [&str; 28] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "PURGE",
    "BAN",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "QUERY",
    "M-SEARCH",
    "NOTIFY",
    "SUBSCRIBE",
    "LINK",
    "ACL",
    "BREW",
    "X",
    "!#$%&'*+-.^_`|~1",
];

const METHODS_WITH_BODIES: [&str; 10] = [
    "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "REPORT", "QUERY", "X",
];

pub(super) fn methods() -> Vec<Case> {
    let mut cases = Vec::new();
    for method in METHODS {
        let ends = if method == "HEAD" {
            Step::HeadOnly
        } else {
            Step::Answer
        };
        let body = if method == "HEAD" { "" } else { "done" };
        let says = answer("200 OK", "X-Is: 1\r\n", body);
        let case = case(format!("the method {method}"));
        let case = case.sends(request(method, "/notes/1", "", ""));
        cases.push(case.says(says).step(ends));
    }
    for method in METHODS_WITH_BODIES {
        let json = "Content-Type: application/json\r\n";
        let case = case(format!("the method {method} with a body"));
        let case = case.sends(with_body(method, "/notes/1", json, r#"{"a":1}"#));
        cases.push(case.says(answer("200 OK", json, r#"{"id":1}"#)).answer());
    }
    cases
}

const TARGETS: [&str; 36] = [
    "/",
    "/a/b/c",
    "//",
    "//a//b",
    "/a//",
    "/./a/../b/.",
    "/a%2Fb%2fc",
    "/%41%7e%2E%2e",
    "/a%00b%0d%0a",
    "/a%",
    "/a%zz",
    "/?",
    "/a?",
    "/a??",
    "/a?x=1&x=2&&=&y",
    "/a?x=%20+y",
    "/a?/b?c/../d",
    "/a?x[]=1&x[a]=2",
    "/a;b=c;d/e;f",
    "/'()*!$&+,=:@",
    "/a|b",
    "/{a}^[b]\\c",
    "/~a/-_.",
    "/%C3%A4/%E2%82%AC",
    "/\u{e4}/\u{20ac}?\u{fc}=\u{df}",
    "/.well-known/a",
    "/index.php/a.b.c",
    "/http://b.example/c",
    "/a:1@b",
    "/a?http://b.example/?c",
    "/a?x=\\^|{}[]`",
    "http://api.example/a?b=c",
    "http://api.example",
    "http://api.example?a",
    "HTTP://api.example/A",
    "https://api.example/a",
];

/// What no URI may hold, and clients send all the same.
const ESCAPED: [&str; 5] = [
    "/a?q={\"a\":1}",
    "/a<b>",
    "/a?b=<c>",
    "/a`b",
    "/a`b?c=\"`\"",
];

pub(super) fn targets() -> Vec<Case> {
    let says = || answer("200 OK", "", "here");
    let case_of = |target: &str| {
        let case = case(format!("the target {target}"));
        case.gets(target).says(says()).answer()
    };
    let mut cases: Vec<_> = TARGETS.into_iter().map(case_of).collect();
    let escaped = ESCAPED.into_iter().map(case_of);
    cases.extend(escaped.map(|case| case.but(&[Difference::Target])));
    for length in [255, 8_000, 30_000] {
        let path = format!("/{}", "a/".repeat(length / 2));
        let query = format!("/a?{}", "b=%20&".repeat(length / 6));
        for (what, target) in [("path", path), ("query", query)] {
            let case = case(format!("a {what} of {length} bytes"));
            cases.push(case.gets(&target).says(says()).answer());
        }
    }
    let all = request("OPTIONS", "*", "", "");
    cases.push(case("the target *").sends(all).says(says()).answer());
    for target in ["/a/", "/a;v=1", "/a?b", "/%61"] {
        let case = case(format!("a write to {target}"));
        let case = case.sends(with_body("POST", target, "", "{}"));
        cases.push(case.says(answer("201 Created", "", r#"{"id":1}"#)).answer());
    }
    cases
}
