//! What a client submits: `{"clientId": ID, "subscriptions": [...]}`, as JSON or as a form.
//!
//! A body that cannot be read is refused as a whole, and a field with a fault is named; the
//! texts are those of PocketBase, which its SDKs show.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use multer::Multipart;
use serde_json::{Map, Value, json};

use super::topic::{NotASubscription, Subscription};
use crate::limits::{POCKETBASE_CLIENT_ID_CHARS_MAX, POCKETBASE_SUBSCRIPTIONS_MAX};

/// What a client wants to hear from now on, instead of what it heard before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Whose stream.
    pub client_id: Box<str>,
    /// To what; none: to nothing.
    pub subscriptions: Vec<Subscription>,
}

/// Why a body is no submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotASubmission {
    /// By field what is wrong with it; none: with the whole.
    fields: Map<String, Value>,
}

/// How a body is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `application/json`, or nothing that says otherwise.
    Json,
    /// `multipart/form-data`, with its boundary.
    Multipart(String),
}

impl Media {
    /// What a `Content-Type` says.
    #[must_use]
    pub fn of(content_type: &str) -> Self {
        if let Ok(boundary) = multer::parse_boundary(content_type) {
            return Self::Multipart(boundary);
        }
        let essence = content_type.split(';').next().unwrap_or("").trim();
        if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Self::Form
        } else {
            Self::Json
        }
    }
}

impl Submission {
    /// Reads a body.
    ///
    /// # Errors
    /// [`NotASubmission`]: what is wrong, for the client.
    pub async fn read(body: Bytes, media: &Media) -> Result<Self, NotASubmission> {
        let fields = match media {
            Media::Form => form(&body),
            Media::Json => json_fields(&body)?,
            Media::Multipart(boundary) => multipart(body, boundary).await?,
        };
        Self::of(&fields)
    }

    fn of(fields: &Map<String, Value>) -> Result<Self, NotASubmission> {
        let mut faults = Map::new();
        let client_id = match fields.get("clientId") {
            None | Some(Value::Null) => "",
            Some(Value::String(text)) => text,
            Some(_) => return Err(NotASubmission::unreadable()),
        };
        let length = client_id.chars().count();
        if length == 0 {
            let required = fault("validation_required", "Missing required value.");
            faults.insert("clientId".to_owned(), required);
        } else if length > POCKETBASE_CLIENT_ID_CHARS_MAX {
            let text =
                format!("The length must be between 1 and {POCKETBASE_CLIENT_ID_CHARS_MAX}.");
            let out = fault("validation_length_out_of_range", &text);
            faults.insert("clientId".to_owned(), out);
        }
        let texts = texts(fields.get("subscriptions"))?;
        let (subscriptions, wrong) = subscriptions(&texts);
        if let Some(wrong) = wrong {
            faults.insert("subscriptions".to_owned(), wrong);
        }
        if faults.is_empty() {
            let client_id = client_id.into();
            Ok(Self {
                client_id,
                subscriptions,
            })
        } else {
            Err(NotASubmission { fields: faults })
        }
    }
}

impl NotASubmission {
    fn unreadable() -> Self {
        Self { fields: Map::new() }
    }

    /// The answer's body: 400.
    #[must_use]
    pub fn body(self) -> String {
        let message = if self.fields.is_empty() {
            "Failed to load the submitted data due to invalid formatting."
        } else {
            "Something went wrong while processing your request."
        };
        let status = StatusCode::BAD_REQUEST.as_u16();
        json!({ "data": self.fields, "message": message, "status": status }).to_string()
    }
}

/// The subscriptions, each once; and what is wrong with them, by their places.
fn subscriptions(texts: &[&str]) -> (Vec<Subscription>, Option<Value>) {
    if texts.len() > POCKETBASE_SUBSCRIPTIONS_MAX {
        let text = format!("The length must be no more than {POCKETBASE_SUBSCRIPTIONS_MAX}.");
        return (Vec::new(), Some(fault("validation_length_too_long", &text)));
    }
    let mut read: Vec<Subscription> = Vec::with_capacity(texts.len());
    let mut seen = BTreeMap::new();
    let mut wrong = Map::new();
    for (place, text) in texts.iter().enumerate() {
        let Entry::Vacant(unseen) = seen.entry(*text) else {
            continue;
        };
        unseen.insert(());
        match Subscription::new(text) {
            Ok(subscription) => read.push(subscription),
            Err(why) => {
                let code = match why {
                    NotASubscription::Line => "validation_match_invalid",
                    NotASubscription::TooLong => "validation_length_too_long",
                };
                wrong.insert(place.to_string(), fault(code, &why.to_string()));
            }
        }
    }
    (read, (!wrong.is_empty()).then_some(Value::Object(wrong)))
}

fn fault(code: &str, message: &str) -> Value {
    json!({ "code": code, "message": message })
}

/// The elements of a list of texts; a text alone is one of one.
fn texts(value: Option<&Value>) -> Result<Vec<&str>, NotASubmission> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![text]),
        Some(Value::Array(all)) => {
            let texts = all.iter().map(Value::as_str);
            let texts: Option<Vec<_>> = texts.collect();
            texts.ok_or_else(NotASubmission::unreadable)
        }
        Some(_) => Err(NotASubmission::unreadable()),
    }
}

fn json_fields(body: &[u8]) -> Result<Map<String, Value>, NotASubmission> {
    if body.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(body).map_err(|_no_object| NotASubmission::unreadable())
}

fn form(body: &[u8]) -> Map<String, Value> {
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(body) {
        add(&mut fields, &name, value.into_owned());
    }
    fields
}

async fn multipart(body: Bytes, boundary: &str) -> Result<Map<String, Value>, NotASubmission> {
    let whole = stream::iter([Ok::<_, std::io::Error>(body)]);
    let mut parts = Multipart::new(whole, boundary);
    let mut fields = Map::new();
    loop {
        let part = parts.next_field().await;
        let Some(part) = part.map_err(|_broken| NotASubmission::unreadable())? else {
            return Ok(fields);
        };
        let Some(name) = part.name().map(str::to_owned) else {
            continue;
        };
        let text = part.text().await;
        let text = text.map_err(|_broken| NotASubmission::unreadable())?;
        if name == JSON_PAYLOAD {
            fields.extend(json_fields(text.as_bytes())?);
        } else {
            add(&mut fields, &name, text);
        }
    }
}

/// Several fields of one name are a list.
fn add(fields: &mut Map<String, Value>, name: &str, text: String) {
    let name = name.strip_suffix("[]").unwrap_or(name);
    match fields.get_mut(name) {
        None => {
            fields.insert(name.to_owned(), Value::String(text));
        }
        Some(Value::Array(all)) => all.push(Value::String(text)),
        Some(one) => *one = Value::Array(vec![one.take(), Value::String(text)]),
    }
}

/// The part of a form in which SDKs put JSON.
const JSON_PAYLOAD: &str = "@jsonPayload";

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(content_type: &str, body: &str) -> Result<(String, Vec<String>), Value> {
        let body = Bytes::copy_from_slice(body.as_bytes());
        match Submission::read(body, &Media::of(content_type)).await {
            Ok(read) => {
                let texts = read.subscriptions.iter();
                let texts = texts.map(|one| one.text().to_owned()).collect();
                Ok((read.client_id.into(), texts))
            }
            Err(refused) => Err(serde_json::from_str(&refused.body()).unwrap()),
        }
    }

    #[tokio::test]
    async fn a_submission_is_read_in_each_form() {
        let multipart = "--B\r\nContent-Disposition: form-data; name=\"clientId\"\r\n\r\nc\r\n\
             --B\r\nContent-Disposition: form-data; name=\"subscriptions\"\r\n\r\na/*\r\n\
             --B\r\nContent-Disposition: form-data; name=\"subscriptions\"\r\n\r\nb\r\n--B--\r\n";
        let payload = "--B\r\nContent-Disposition: form-data; name=\"@jsonPayload\"\r\n\r\n\
             {\"clientId\":\"c\",\"subscriptions\":[\"a/*\",\"b\"]}\r\n--B--\r\n";
        for (content_type, body) in [
            (
                "application/json",
                r#"{"clientId":"c","subscriptions":["a/*","b","a/*"]}"#,
            ),
            ("multipart/form-data; boundary=B", multipart),
            ("multipart/form-data; boundary=B", payload),
            (
                "application/x-www-form-urlencoded",
                "clientId=c&subscriptions=a%2F*&subscriptions=b",
            ),
        ] {
            let read = read(content_type, body).await;
            assert_eq!(
                read,
                Ok(("c".to_owned(), vec!["a/*".to_owned(), "b".to_owned()])),
                "{body}"
            );
        }
        for none in [
            r#"{"clientId":"c"}"#,
            r#"{"clientId":"c","subscriptions":null}"#,
        ] {
            assert_eq!(read("", none).await, Ok(("c".to_owned(), Vec::new())));
        }
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_refused_as_a_whole() {
        for (content_type, body) in [
            ("application/json", "{"),
            ("application/json", "[]"),
            ("application/json", r#"{"clientId":7}"#),
            (
                "application/json",
                r#"{"clientId":"c","subscriptions":[1]}"#,
            ),
            ("application/json", r#"{"clientId":"c","subscriptions":{}}"#),
            ("multipart/form-data; boundary=B", "--B\r\n"),
        ] {
            let refused = read(content_type, body).await.unwrap_err();
            assert_eq!(refused["data"], json!({}), "{body}");
            assert_eq!(refused["status"], 400);
        }
    }

    #[tokio::test]
    async fn each_field_with_a_fault_is_named() {
        let long = "x".repeat(POCKETBASE_CLIENT_ID_CHARS_MAX + 1);
        let topic = "y".repeat(3000);
        let many = vec!["a"; POCKETBASE_SUBSCRIPTIONS_MAX + 1];
        for (body, pointer, code) in [
            (json!({}), "/data/clientId/code", "validation_required"),
            (
                json!({"clientId": ""}),
                "/data/clientId/code",
                "validation_required",
            ),
            (
                json!({ "clientId": long }),
                "/data/clientId/code",
                "validation_length_out_of_range",
            ),
            (
                json!({"clientId": "c", "subscriptions": many}),
                "/data/subscriptions/code",
                "validation_length_too_long",
            ),
            (
                json!({"clientId": "c", "subscriptions": ["a", topic]}),
                "/data/subscriptions/1/code",
                "validation_length_too_long",
            ),
            (
                json!({"clientId": "c", "subscriptions": ["a\nb"]}),
                "/data/subscriptions/0/code",
                "validation_match_invalid",
            ),
        ] {
            let refused = read("application/json", &body.to_string()).await;
            let refused = refused.unwrap_err();
            assert_eq!(refused.pointer(pointer), Some(&json!(code)), "{refused}");
            assert_eq!(
                refused["message"],
                "Something went wrong while processing your request."
            );
        }
    }
}
