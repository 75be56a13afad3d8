//! The JavaScript client, as the files that are served.
//!
//! | file | what it is |
//! | --- | --- |
//! | `PATH.js`, and `jsapi` | a classic script: assigns `restdb` and `db` on `globalThis` |
//! | `PATH.mjs` | an ES module: exports `restdb` |
//! | `PATH.d.ts` | its types |
//!
//! Both scripts are `client/core.js` and `client/parser.js`, word for word, with a few lines around it: these name the
//! paths, from which a script knows where the server is that it came from. They are made once,
//! when a configuration is read.

use std::fmt;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Response, StatusCode};
use serde_json::Value;

use crate::dialect::Request;
use crate::dialect::answer::{build, method_not_allowed};
use crate::dialect::presented::text;

/// The files of the client, each with its path.
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    files: Vec<File>,
}

/// A file that anyone may have.
#[derive(Clone, PartialEq, Eq)]
struct File {
    path: Box<str>,
    content_type: &'static str,
    etag: HeaderValue,
    body: Bytes,
}

impl Client {
    /// The client of the stream at `realtime`: at `client` with its endings, and as a classic
    /// script at `jsapi` too. None of both: nothing is served.
    #[must_use]
    pub fn new(realtime: &str, client: Option<&str>, jsapi: Option<&str>) -> Self {
        let mut files = Vec::new();
        if let Some(client) = client {
            let [js, mjs, types] = ENDINGS.map(|ending| format!("{client}{ending}"));
            files.push(File::new(&js, JAVASCRIPT, classic(realtime, &js)));
            files.push(File::new(&mjs, JAVASCRIPT, module(realtime, &mjs)));
            files.push(File::new(&types, PLAIN, TYPES.to_owned()));
        }
        if let Some(jsapi) = jsapi {
            files.push(File::new(jsapi, JAVASCRIPT, classic(realtime, jsapi)));
        }
        Self { files }
    }

    /// Where files are served.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| &*file.path)
    }

    /// The answer to a request for one of the files; none to any other.
    #[must_use]
    pub fn answer(&self, request: &Request<'_>) -> Option<Response<Bytes>> {
        let file = self.files.iter().find(|file| *file.path == *request.path)?;
        Some(file.answer(request))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.paths()).finish()
    }
}

impl File {
    fn new(path: &str, content_type: &'static str, body: String) -> Self {
        let etag = format!(
            "\"{:08x}-{:x}\"",
            crc32fast::hash(body.as_bytes()),
            body.len()
        );
        Self {
            path: path.into(),
            content_type,
            etag: HeaderValue::try_from(etag).expect("hexadecimal digits in quotes"),
            body: body.into(),
        }
    }

    fn answer(&self, request: &Request<'_>) -> Response<Bytes> {
        if !matches!(*request.method, Method::GET | Method::HEAD) {
            return method_not_allowed("GET, HEAD", "expected GET");
        }
        // A copy that is kept is asked for again each time: a page may not run last year's.
        let builder = Response::builder()
            .header(header::ETAG, &self.etag)
            .header(header::CACHE_CONTROL, "no-cache")
            // It is the same for everyone, and holds no secret: any page may have it.
            .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")
            .header("cross-origin-resource-policy", "cross-origin");
        if self.is_known(request) {
            return build(builder.status(StatusCode::NOT_MODIFIED), Bytes::new());
        }
        let builder = builder
            .header(header::CONTENT_TYPE, self.content_type)
            .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        build(builder, self.body.clone())
    }

    /// Whether the request names the file's tag (RFC 9110 § 13.1.2: compared weakly).
    fn is_known(&self, request: &Request<'_>) -> bool {
        let known = text(request.headers, header::IF_NONE_MATCH).unwrap_or("");
        let own = self.etag.to_str().unwrap_or("");
        known.split(',').map(str::trim).any(|tag| {
            let tag = tag.strip_prefix("W/").unwrap_or(tag);
            tag == "*" || tag == own
        })
    }
}

fn classic(realtime: &str, script: &str) -> String {
    let names = names(realtime, script);
    format!(
        "(() => {{\n\"use strict\";\n\
         const SOURCE = globalThis.document?.currentScript?.src;\n{names}\n{CORE}\n\
         globalThis.restdb = restdb;\nglobalThis.db = restdb;\n}})();\n"
    )
}

fn module(realtime: &str, script: &str) -> String {
    let names = names(realtime, script);
    format!(
        "const SOURCE = import.meta.url;\n{names}\n{CORE}\n\
         export {{ restdb }};\nexport default restdb;\n"
    )
}

/// What the text takes as given.
fn names(realtime: &str, script: &str) -> String {
    // JSON is JavaScript.
    let [realtime, script] = [realtime, script].map(Value::from);
    format!("const REALTIME = {realtime};\nconst SCRIPT = {script};\n")
}

/// What follows `realtime.restdb.client`.
pub const ENDINGS: [&str; 3] = [".js", ".mjs", ".d.ts"];

const CORE: &str = concat!(
    include_str!("client/core.js"),
    "\n",
    include_str!("client/parser.js")
);
const TYPES: &str = include_str!("client/client.d.ts");
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
/// TypeScript has no registered type, and browsers show this one rather than save it.
const PLAIN: &str = "text/plain; charset=utf-8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_knows_its_paths_however_they_are_written() {
        let client = Client::new("/a'b", Some("/c\u{2028}"), Some("/d"));
        let paths: Vec<_> = client.paths().collect();
        assert_eq!(
            paths,
            ["/c\u{2028}.js", "/c\u{2028}.mjs", "/c\u{2028}.d.ts", "/d"]
        );
        let text = |at: usize| String::from_utf8(client.files[at].body.to_vec()).unwrap();
        assert!(text(0).contains("const REALTIME = \"/a'b\";\nconst SCRIPT = \"/c\u{2028}.js\";"));
        assert!(text(3).contains("const SCRIPT = \"/d\";"));
        assert!(text(0).contains(CORE) && text(1).contains(CORE) && text(3).contains(CORE));
    }
}
