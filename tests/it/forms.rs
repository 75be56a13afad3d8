//! Forms, whose records are told as they are answered; and requests that say that they are another
//! method than they are sent with.

use serde_json::{Value, json};

use crate::harness::{
    ALL, EVERYTHING, Frame, JsonServer, Request, Scripted, Sidecar, Subscriber, answer,
};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const PARTS: (&str, &str) = ("Content-Type", "multipart/form-data; boundary=x");

/// A form with a field of that name and text, and a file.
fn parts(name: &str, text: &str) -> Vec<u8> {
    [
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
            .as_bytes(),
        b"--x\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\n",
        b"Content-Type: image/png\r\n\r\n\x89PNG\r\n\x1a\n\0\xff{\"id\":9}\r\n--x--\r\n",
    ]
    .concat()
}

/// Shape: `post 7`, `put 7`, `delete 7`, `uncertain PATCH 7`, `uncertain POST -`.
fn line(frame: &Frame) -> String {
    let told = frame.json();
    let data = match &told["data"] {
        Value::Array(ids) => ids[0].clone(),
        Value::Object(record) => record["id"].clone(),
        other => other.clone(),
    };
    let data = match data {
        Value::Null => "-".to_owned(),
        Value::String(id) => id,
        other => other.to_string(),
    };
    match told["method"].as_str() {
        Some(method) => format!("uncertain {method} {data}"),
        None => format!("{} {data}", frame.event()),
    }
}

async fn heard(stream: &mut Subscriber, sidecar: &Sidecar, expected: &[&str]) {
    for expected in expected {
        assert_eq!(line(&stream.next().await), *expected);
    }
    stream.hears_nothing_of(sidecar).await;
}

// --- forms ---

#[tokio::test]
async fn a_form_that_json_server_takes_is_told_as_it_answers() {
    let upstream = JsonServer::start(json!({"posts": []})).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut stream = sidecar.hear(ALL).await;
    let sent = sidecar
        .send("POST", "/posts", &[FORM], b"title=a%20b&n=1")
        .await;
    let record = sent.expect(201).json();
    assert_eq!(record, json!({"title": "a b", "n": "1", "id": 1}));
    assert_eq!(stream.next().await.json()["data"], record);
    // It reads no such form, and makes a record all the same.
    let sent = sidecar
        .send("POST", "/posts", &[PARTS], &parts("title", "c"))
        .await;
    assert_eq!(sent.expect(201).json(), json!({"id": 2}));
    assert_eq!(stream.next().await.json()["data"], json!({"id": 2}));
}

#[tokio::test]
async fn a_form_is_told_as_it_is_answered_and_else_uncertain() {
    let upstream =
        Scripted::replying(
            |request: &Request| match request.head.start().split(' ').nth(1) {
                Some("/posts?record") => answer("201 Created", r#"{"id":7,"title":"told"}"#),
                Some("/posts?place") => {
                    "HTTP/1.1 201 Created\r\nLocation: /posts/7\r\nContent-Length: 0\r\n\r\n"
                        .to_owned()
                }
                _ => "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n".to_owned(),
            },
        )
        .await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut stream = sidecar.hear(ALL).await;
    let json = br#"{"id":9,"title":"sent"}"#.to_vec();
    for (field, body) in [
        (FORM, b"id=9&title=sent".to_vec()),
        (FORM, json),
        (PARTS, parts("id", "9")),
    ] {
        for (path, told) in [
            ("/posts?record", "post 7"),
            ("/posts?place", "uncertain POST 7"),
            ("/posts", "uncertain POST -"),
            ("/posts/7", "uncertain POST 7"),
        ] {
            let sent = sidecar.send("POST", path, &[field], &body).await;
            sent.expect(201);
            assert_eq!(line(&stream.next().await), told, "{path}");
        }
    }
    stream.hears_nothing_of(&sidecar).await;
    assert_eq!(upstream.requests()[8].body, parts("id", "9"));
}

// --- another method than the one that it is sent with ---

const OVERRIDE: &str = "X-HTTP-Method-Override";

#[tokio::test]
async fn a_post_that_json_server_takes_for_another_method_is_told_as_that() {
    let upstream = JsonServer::start(json!({"posts": [{"id": 1, "n": 0}]})).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut stream = sidecar.hear(ALL).await;
    let json = ("Content-Type", "application/json");
    for (named, body, status, told) in [
        ("PATCH", &b"{\"n\":1}"[..], 200, &["put 1"][..]),
        ("put", b"{\"n\":2}", 200, &["put 1"]),
        ("GET", b"", 200, &[]),
        ("DELETE", b"", 200, &["delete 1"]),
        ("DELETE", b"", 404, &[]),
    ] {
        let sent = sidecar
            .send("POST", "/posts/1", &[json, (OVERRIDE, named)], body)
            .await;
        sent.expect(status);
        heard(&mut stream, &sidecar, told).await;
    }
    // It looks at a POST alone.
    let fields = [(OVERRIDE, "DELETE")];
    sidecar.ask("GET", "/posts", &fields).await.expect(200);
    heard(&mut stream, &sidecar, &[]).await;
}

#[tokio::test]
async fn where_nothing_is_said_of_it_a_method_is_what_it_is() {
    let upstream = Scripted::answering(answer("200 OK", r#"{"id":1}"#)).await;
    for observe in [
        "{ preset: rest }",
        "{ preset: json-server, method_override: {} }",
    ] {
        let yaml = EVERYTHING.replace("{ preset: json-server }", observe);
        let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
        let mut stream = sidecar.hear(ALL).await;
        let fields = [FORM, (OVERRIDE, "DELETE")];
        let path = "/posts/1?_method=DELETE";
        sidecar
            .send("POST", path, &fields, b"_method=DELETE")
            .await
            .expect(200);
        heard(&mut stream, &sidecar, &["post 1"]).await;
        sidecar.ask("GET", path, &fields[1..]).await.expect(200);
        heard(&mut stream, &sidecar, &[]).await;
    }
}

#[tokio::test]
async fn a_body_may_say_what_method_its_request_is() {
    let upstream = Scripted::answering(answer("200 OK", r#"{"id":7}"#)).await;
    let observe = format!(
        "{{ preset: rest, method_override: {{ headers: [{OVERRIDE}], query: _method, body: _method }} }}"
    );
    let yaml = EVERYTHING.replace("{ preset: json-server }", &observe)
        + "limits: { observed_body: 2KiB }\n";
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let mut stream = sidecar.hear(ALL).await;
    let any = [
        "uncertain DELETE 7",
        "uncertain PATCH 7",
        "uncertain POST 7",
        "uncertain PUT 7",
    ];
    let json = ("Content-Type", "application/json");
    let coded = ("Content-Encoding", "gzip");
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(3000));
    for (path, fields, body, told) in [
        (
            "/posts/7",
            &[FORM][..],
            b"a=1&_method=DELETE".to_vec(),
            &["delete 7"][..],
        ),
        ("/posts/7", &[FORM], b"a=1".to_vec(), &["post 7"]),
        ("/posts/7", &[PARTS], parts("_method", "PATCH"), &["put 7"]),
        ("/posts/7", &[PARTS], parts("a", "PATCH"), &["post 7"]),
        (
            "/posts/7",
            &[json],
            br#"{"_method":"DELETE"}"#.to_vec(),
            &["delete 7"],
        ),
        (
            "/posts",
            &[json],
            br#"{"_method":"GET","where":{}}"#.to_vec(),
            &[],
        ),
        ("/posts/7?_method=put", &[json], b"{}".to_vec(), &["put 7"]),
        (
            "/posts/7?_method=put",
            &[FORM],
            b"_method=put".to_vec(),
            &["put 7"],
        ),
        // Two that differ, and what cannot be read.
        (
            "/posts/7?_method=DELETE",
            &[FORM],
            b"_method=PUT".to_vec(),
            &["uncertain DELETE 7", "uncertain PUT 7"],
        ),
        ("/posts/7", &[json], large.into_bytes(), &any),
        ("/posts/7", &[json, coded], b"{}".to_vec(), &any),
        ("/posts/7", &[json, PARTS], parts("_method", "PATCH"), &any),
    ] {
        let sent = sidecar.send("POST", path, fields, &body).await;
        sent.expect(200);
        heard(&mut stream, &sidecar, told).await;
    }
}
