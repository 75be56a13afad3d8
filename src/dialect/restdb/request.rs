//! Requests on RestDB's path to commands, and the answers to what is refused.

use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, Response, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Options, Patch, View};
use crate::access::{Access, Credential};
use crate::dialect::answer::{
    Reader, json, message_json, method_not_allowed, preflight, refusal, with_reader,
};
use crate::dialect::asked::asked;
use crate::dialect::presented::{Query, credential, text};
use crate::dialect::{self, Command, Listen, Published, Request};
use crate::event::{Json, Kind};
use crate::limits::{JSON_DEPTH, Rate};
use crate::topic::is_reserved;

/// A publish whose credential, type and announced length are sound; its body is still unread.
#[derive(Clone, Debug)]
pub struct Publish {
    /// Bytes of body at most; a longer one is answered 413 with [`Publish::too_large`].
    pub body_bytes_max: usize,
    /// How often whoever publishes may; more is answered 429 with [`Publish::too_often`].
    pub rate: Rate,
    credential: Credential,
    /// Who may read the answer.
    reader: Reader,
}

/// What `request` asks for.
///
/// The checks of a publish come in RestDB's order: credential (401), type (415), size (413),
/// then, with the body, its shape (400), the right (403) and the rate (429).
#[must_use]
pub fn command(
    request: &Request<'_>,
    options: &Options,
    access: &Access,
    now: Timestamp,
) -> Command {
    if let Some(file) = options.client.answer(request) {
        return Command::Reply(file);
    }
    let credential = credential(request);
    let refuse = |denied| Command::Reply(refusal(denied, &credential, access));
    match *request.method {
        Method::GET | Method::HEAD => {
            let granted = access.grant(&credential, now);
            match asked(request, granted, &credential, access) {
                Ok(asked) if *request.method == Method::GET => Command::Listen(Listen {
                    grant: asked.grant,
                    since: asked.since,
                    view: dialect::View::Restdb(View {
                        patch: patch(Query(request.query)),
                        fields: asked.fields,
                    }),
                    head: asked.head,
                }),
                Ok(asked) => Command::Reply(asked.head.map(|()| Bytes::new())),
                Err(instead) => *instead,
            }
        }
        Method::POST => {
            if let Err(denied) = access.publisher(&credential, now) {
                return refuse(denied);
            }
            let publish = Publish {
                body_bytes_max: options.publish_body_bytes,
                reader: Reader::of(&credential.origin, access),
                rate: options.publish_rate,
                credential: credential.clone(),
            };
            if !is_json(request.headers) {
                return Command::Reply(publish.answer(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "expected Content-Type: application/json",
                ));
            }
            if content_length(request.headers) > Some(options.publish_body_bytes) {
                return Command::Reply(publish.too_large());
            }
            Command::Publish(publish)
        }
        Method::OPTIONS => Command::Reply(preflight(&credential.origin, access, METHODS)),
        _ => Command::Reply(method_not_allowed(
            METHODS,
            "expected GET to listen or POST to publish",
        )),
    }
}

impl Publish {
    /// What its sender presented: it is looked at again once the body is there.
    #[must_use]
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// The event to append and the answer to give once it is; or the answer that refuses it.
    ///
    /// # Errors
    /// The answer: 400 for a body without a string `event`, with a reserved name or with `data`
    /// nested deeper than [`JSON_DEPTH`], 401 or 403 for a credential that may not publish it.
    pub fn kind(
        &self,
        body: &[u8],
        access: &Access,
        now: Timestamp,
    ) -> Result<Published, Box<Response<Bytes>>> {
        #[derive(Deserialize)]
        struct Body<'a> {
            event: String,
            #[serde(borrow)]
            data: Option<&'a RawValue>,
        }
        let bad = |message: &str| Box::new(self.answer(StatusCode::BAD_REQUEST, message));
        let no_event =
            || bad("expected a JSON object with a string `event`, and `data` of any kind");
        // A struct could be read from an array as well.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(no_event());
        }
        let body: Body<'_> = serde_json::from_slice(body).map_err(|_why| no_event())?;
        if body.event.is_empty() || body.event.len() > EVENT_NAME_BYTES_MAX {
            return Err(bad("expected an `event` of 1 to 255 bytes"));
        }
        if body.event.chars().any(char::is_control) {
            return Err(bad("expected an `event` without control characters"));
        }
        if is_reserved(&body.event) {
            return Err(bad("this `event` is a reserved name: choose another"));
        }
        let data = body.data.map_or("", RawValue::get);
        if Json::is_too_deep(data) {
            return Err(bad(&format!(
                "expected `data` nested at most {JSON_DEPTH} deep"
            )));
        }
        let by = access
            .may_publish(&self.credential, &body.event, now)
            .map_err(|denied| Box::new(refusal(denied, &self.credential, access)))?;
        Ok(Published {
            by,
            kind: Kind::Custom {
                name: body.event.into(),
                data: body.data.map_or_else(Json::null, Json::compact),
            },
            reply: json(
                with_reader(Response::builder(), &self.reader),
                r#"{"message":"OK"}"#.to_owned(),
            ),
        })
    }

    /// The answer to a body longer than [`Publish::body_bytes_max`].
    #[must_use]
    pub fn too_large(&self) -> Response<Bytes> {
        self.answer(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!("expected a body of at most {} bytes", self.body_bytes_max),
        )
    }

    /// The answer to one publish too many: there is room for another after `wait`.
    #[must_use]
    pub fn too_often(&self, wait: Duration) -> Response<Bytes> {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let mut refused = self.answer(
            StatusCode::TOO_MANY_REQUESTS,
            &format!("expected no more than {} publishes", self.rate),
        );
        let fields = refused.headers_mut();
        fields.insert(header::RETRY_AFTER, seconds.max(1).into());
        // A page of another site sees no field but those that it is shown.
        let shown = HeaderValue::from_static("retry-after");
        fields.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, shown);
        refused
    }

    /// An answer that the page which sent the request may read.
    #[must_use]
    pub fn answer(&self, status: StatusCode, message: &str) -> Response<Bytes> {
        json(
            with_reader(Response::builder().status(status), &self.reader),
            message_json(status, message),
        )
    }
}

fn patch(query: Query<'_>) -> Patch {
    match query.value(&["patch"]).as_deref() {
        Some("patch") => Patch::Patch,
        _ => Patch::Configured,
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media = text(headers, header::CONTENT_TYPE).unwrap_or("");
    let essence = media.split(';').next().unwrap_or("").trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    text(headers, header::CONTENT_LENGTH)?.parse().ok()
}

const METHODS: &str = "GET, HEAD, OPTIONS, POST";
const EVENT_NAME_BYTES_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::access::{Key, Secret};

    /// The data that a publish of `body` tells, or the status and the text that refuse it.
    fn published(body: &str) -> Result<String, (u16, String)> {
        let key = Key {
            name: "any".into(),
            secret: Secret::new("k"),
            hear: [].into(),
            publish: ["*".parse().unwrap()].into(),
            superuser: false,
            origins: None,
        };
        let access = Access {
            keys: vec![Arc::new(key)],
            ..Access::default()
        };
        let publish = Publish {
            body_bytes_max: usize::MAX,
            rate: Options::default().publish_rate,
            credential: Credential {
                key: Some(Secret::new("k")),
                ..Credential::default()
            },
            reader: Reader::Nobody,
        };
        match publish.kind(body.as_bytes(), &access, Timestamp::UNIX_EPOCH) {
            Ok(published) => match published.kind {
                Kind::Custom { data, .. } => Ok(data.as_str().to_owned()),
                told => panic!("{told:?} was not published"),
            },
            Err(refused) => {
                let text = String::from_utf8(refused.body().to_vec()).unwrap();
                Err((refused.status().as_u16(), text))
            }
        }
    }

    #[test]
    fn data_nested_deeper_than_the_limit_is_refused_with_the_limit() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let body = |data: &str| format!(r#"{{"event":"GOAL","data":{data}}}"#);
        let deepest = nested(JSON_DEPTH);
        assert_eq!(published(&body(&deepest)), Ok(deepest));
        let message = r#"{"message":"expected `data` nested at most 128 deep","status":400}"#;
        for depth in [JSON_DEPTH + 1, 30_000] {
            let refused = Err((400, message.to_owned()));
            assert_eq!(published(&body(&nested(depth))), refused, "{depth}");
        }
        let objects = r#"{"a":"#.repeat(JSON_DEPTH + 1) + "1" + &"}".repeat(JSON_DEPTH + 1);
        assert_eq!(published(&body(&objects)), Err((400, message.to_owned())));
        let text = format!("\"{}\"", "[".repeat(30_000));
        assert_eq!(published(&body(&text)), Ok(text));
    }

    #[test]
    fn a_body_that_is_no_event_is_refused() {
        for (body, said) in [
            ("", "a JSON object with a string `event`"),
            ("{", "a JSON object with a string `event`"),
            ("[]", "a JSON object with a string `event`"),
            (r#"{"data":1}"#, "a JSON object with a string `event`"),
            (r#"{"event":1}"#, "a JSON object with a string `event`"),
            (r#"{"event":""}"#, "1 to 255 bytes"),
            (r#"{"event":"a\nb"}"#, "without control characters"),
            (r#"{"event":"put"}"#, "reserved"),
        ] {
            let (status, text) = published(body).unwrap_err();
            assert_eq!(status, 400, "{body}");
            assert!(text.contains(said), "{body}: {text}");
        }
        assert_eq!(published(r#"{"event":"GOAL"}"#), Ok("null".to_owned()));
    }
}
