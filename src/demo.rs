//! The upstream of `tidings demo`: a small REST database inside the process.
//!
//! It knows nothing of events and nothing of the sidecar before it: it is the API that
//! somebody else wrote, so that the demo shows what the sidecar adds.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /` | the page that lists the todos and hears of their changes |
//! | `GET /todos`, `GET /todos/1` | all of them, one of them |
//! | `POST /todos` | `201` with `Location` and the record, its `id` included |
//! | `PUT /todos/1`, `PATCH /todos/1` | the record, replaced or merged |
//! | `DELETE /todos/1` | `{}` |
//!
//! What it refuses it tells as `{"message": TEXT}`. Records, bodies and connections are
//! bounded; everything is gone when the process ends.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::limits::{ACCEPT_PAUSE, DEMO_BODY_BYTES_MAX, DEMO_CONNECTIONS_MAX, DEMO_RECORDS_MAX};

/// Serves the database and its page to whoever connects to `listener`. It never returns; who
/// drops the future ends it, and connections that are open end with the runtime.
pub async fn serve(listener: TcpListener) {
    // Held for one request's look at the map, never across an await.
    let todos = Arc::new(Mutex::new(Todos::with_examples()));
    let room = Arc::new(Semaphore::new(DEMO_CONNECTIONS_MAX));
    loop {
        // A connection too many waits in the listener's queue until another one ends.
        let permit = Arc::clone(&room).acquire_owned().await;
        let Ok((stream, _)) = listener.accept().await else {
            // The peer left before it was accepted, or there is no descriptor free.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let todos = Arc::clone(&todos);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&todos), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            // How a connection of the demo ends is nobody's concern.
            drop(connection.await);
            drop(permit);
        });
    }
}

/// The configuration of the sidecar before the database: the key `demo` hears and publishes all.
#[must_use]
pub fn configuration(listen: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        r#"
listen: "{listen}"
upstream: http://{upstream}
observe: {{ preset: json-server }}
realtime:
  restdb: {{ path: /realtime }}
access:
  keys:
    - {{ name: demo, key: demo, hear: ["*:*", "*"], publish: ["*"] }}
"#
    )
}

/// What to try, for whoever started the demo.
#[must_use]
pub fn welcome(listen: SocketAddr) -> String {
    let base = format!("http://{listen}");
    format!(
        r#"
Open {base}/ in two browser windows, side by side, and change something in one.

Or listen in one terminal:
  curl -N '{base}/realtime?apikey=demo'
and write in another:
  curl -X POST  -H 'Content-Type: application/json' -d '{{"title":"Hello"}}' {base}/todos
  curl -X PATCH -H 'Content-Type: application/json' -d '{{"done":true}}' {base}/todos/1
  curl -X DELETE {base}/todos/2
or publish an event of your own:
  curl -H 'x-apikey: demo' -H 'Content-Type: application/json' -d '{{"event":"GOAL","data":{{"value":"3-0"}}}}' {base}/realtime

Ctrl-C ends it.

"#
    )
}

async fn answer(
    todos: Arc<Mutex<Todos>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let response = match Limited::new(body, DEMO_BODY_BYTES_MAX).collect().await {
        Ok(body) => todos
            .lock()
            .respond(&head.method, head.uri.path(), &body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            "a record of the demo has at most 16 KiB",
        ),
        Err(_) => refusal(StatusCode::BAD_REQUEST, "the body did not come whole"),
    };
    Ok(response.map(Full::new))
}

/// The collection `/todos`.
struct Todos {
    /// By id, in the order in which they came to be. At most [`DEMO_RECORDS_MAX`].
    records: BTreeMap<u64, Map<String, Value>>,
    /// The next record's id: none is ever given twice.
    next_id: u64,
}

impl Todos {
    fn with_examples() -> Self {
        let mut todos = Self {
            records: BTreeMap::new(),
            next_id: 1,
        };
        for title in [
            "Open this page in a second window",
            "Tick me there, and look here",
            "Change a record with curl",
        ] {
            let record = [("title", json!(title)), ("done", json!(false))];
            todos.insert(
                record
                    .map(|(key, value)| (key.to_owned(), value))
                    .into_iter()
                    .collect(),
            );
        }
        todos
    }

    /// What the API answers to a request with that body; the path is without its query.
    fn respond(&mut self, method: &Method, path: &str, body: &[u8]) -> Response<Bytes> {
        let reads = matches!(*method, Method::GET | Method::HEAD);
        match (path, path.strip_prefix("/todos/")) {
            ("/", _) if reads => page(),
            ("/todos", _) if reads => {
                let all: Vec<Value> = self.records.values().cloned().map(Value::Object).collect();
                reply(StatusCode::OK, &Value::Array(all))
            }
            ("/todos", _) if *method == Method::POST => self.create(body),
            (_, Some(id)) => match id.parse() {
                Ok(id) if self.records.contains_key(&id) => self.respond_of(id, method, body),
                Ok(_) | Err(_) => refusal(StatusCode::NOT_FOUND, "there is no such record"),
            },
            ("/", _) => not_allowed("GET, HEAD"),
            ("/todos", _) => not_allowed("GET, HEAD, POST"),
            _ => refusal(StatusCode::NOT_FOUND, "there are / and /todos"),
        }
    }

    /// As [`Self::respond`], of a record that exists.
    fn respond_of(&mut self, id: u64, method: &Method, body: &[u8]) -> Response<Bytes> {
        match *method {
            Method::GET | Method::HEAD => {}
            Method::DELETE => {
                self.records.remove(&id);
                return reply(StatusCode::OK, &json!({}));
            }
            Method::PATCH | Method::PUT => {
                let Some(mut record) = object(body) else {
                    return not_an_object();
                };
                record.insert("id".to_owned(), id.into());
                let own = self.records.entry(id).or_default();
                if *method == Method::PUT {
                    own.clear();
                }
                own.extend(record);
            }
            _ => return not_allowed("DELETE, GET, HEAD, PATCH, PUT"),
        }
        let record = self.records.get(&id).cloned().unwrap_or_default();
        reply(StatusCode::OK, &Value::Object(record))
    }

    fn create(&mut self, body: &[u8]) -> Response<Bytes> {
        let Some(record) = object(body) else {
            return not_an_object();
        };
        if self.records.len() >= DEMO_RECORDS_MAX {
            return refusal(
                StatusCode::INSUFFICIENT_STORAGE,
                "the demo is full: delete a record first",
            );
        }
        let (id, record) = self.insert(record);
        let mut created = reply(StatusCode::CREATED, &record);
        created.headers_mut().insert(
            header::LOCATION,
            HeaderValue::try_from(format!("/todos/{id}")).expect("digits and slashes"),
        );
        created
    }

    /// Takes a record in under a new id.
    fn insert(&mut self, mut record: Map<String, Value>) -> (u64, Value) {
        let id = self.next_id;
        self.next_id += 1;
        record.insert("id".to_owned(), id.into());
        self.records.insert(id, record.clone());
        (id, Value::Object(record))
    }
}

fn object(body: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(body).ok()
}

fn not_an_object() -> Response<Bytes> {
    refusal(StatusCode::BAD_REQUEST, "expected a JSON object")
}

fn not_allowed(methods: &'static str) -> Response<Bytes> {
    let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, "not here");
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(methods));
    response
}

fn refusal(status: StatusCode, message: &str) -> Response<Bytes> {
    reply(status, &json!({ "message": message }))
}

fn reply(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

fn page() -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(include_bytes!("demo/page.html")));
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        // Nothing is loaded from anywhere, and nothing that a record holds can run.
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
             connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'",
        ),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn todos() -> Todos {
        Todos {
            records: BTreeMap::new(),
            next_id: 1,
        }
    }

    fn ask(todos: &mut Todos, request: &str, body: &str) -> (u16, Value) {
        let (method, path) = request.split_once(' ').unwrap();
        let method = method.parse().unwrap();
        let response = todos.respond(&method, path, body.as_bytes());
        let body = serde_json::from_slice(response.body()).unwrap();
        (response.status().as_u16(), body)
    }

    #[test]
    fn a_record_lives_from_post_to_delete() {
        let todos = &mut todos();
        let first = json!({"id": 1, "title": "a"});
        assert_eq!(
            ask(todos, "POST /todos", r#"{"title":"a"}"#),
            (201, first.clone())
        );
        assert_eq!(ask(todos, "GET /todos", ""), (200, json!([first])));
        let merged = json!({"id": 1, "title": "a", "done": true});
        assert_eq!(
            ask(todos, "PATCH /todos/1", r#"{"done":true}"#),
            (200, merged)
        );
        let replaced = json!({"id": 1, "title": "b"});
        assert_eq!(
            ask(todos, "PUT /todos/1", r#"{"title":"b","id":9}"#),
            (200, replaced.clone())
        );
        assert_eq!(ask(todos, "GET /todos/1", ""), (200, replaced));
        assert_eq!(ask(todos, "DELETE /todos/1", ""), (200, json!({})));
        assert_eq!(ask(todos, "GET /todos", ""), (200, json!([])));
        assert_eq!(
            ask(todos, "POST /todos", "{}").1["id"],
            2,
            "no id is given twice"
        );
    }

    #[test]
    fn a_new_record_says_where_it_is() {
        let created = todos().respond(&Method::POST, "/todos", b"{}");
        assert_eq!(created.headers()[header::LOCATION], "/todos/1");
    }

    #[test]
    fn what_is_not_there_or_no_record_is_refused() {
        let todos = &mut todos();
        ask(todos, "POST /todos", "{}");
        for (request, body, status) in [
            ("GET /todos/2", "", 404),
            ("PUT /todos/2", "{}", 404),
            ("DELETE /todos/x", "", 404),
            ("GET /other", "", 404),
            ("POST /todos", "[]", 400),
            ("POST /todos", "{", 400),
            ("PATCH /todos/1", "3", 400),
            ("DELETE /todos", "", 405),
            ("POST /todos/1", "{}", 405),
            ("POST /", "", 405),
        ] {
            let (told, body) = ask(todos, request, body);
            assert_eq!(told, status, "{request}");
            assert!(body["message"].is_string(), "{request}");
        }
        assert_eq!(ask(todos, "GET /todos", "").1, json!([{"id": 1}]));
    }

    #[test]
    fn a_record_too_many_is_refused() {
        let todos = &mut todos();
        for _ in 0..DEMO_RECORDS_MAX {
            assert_eq!(ask(todos, "POST /todos", "{}").0, 201);
        }
        assert_eq!(ask(todos, "POST /todos", "{}").0, 507);
        ask(todos, "DELETE /todos/1", "");
        assert_eq!(ask(todos, "POST /todos", "{}").0, 201);
    }

    #[test]
    fn the_page_loads_nothing_from_elsewhere() {
        let page = todos().respond(&Method::GET, "/", b"");
        let text = std::str::from_utf8(page.body()).unwrap();
        for foreign in ["src=", "href=", "@import", "url(", "innerHTML"] {
            assert!(!text.contains(foreign), "{foreign}");
        }
    }
}
