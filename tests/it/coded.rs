//! Bodies that are compressed: they pass byte for byte, and are read all the same.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use serde_json::{Value, json};

use crate::harness::{
    Conn, EVERYTHING, Frame, JsonServer, Response, Scripted, Sidecar, Subscriber, answer, ok,
};

/// [`EVERYTHING`] with a stream that tells whole events.
fn whole() -> String {
    EVERYTHING.replace(
        "restdb: { path: /realtime }",
        "restdb: { path: /realtime }, streams: [{ path: /events, data: event }]",
    )
}

async fn hear(sidecar: &Sidecar) -> Subscriber {
    Subscriber::open(sidecar, "/events?apikey=all-key", &[]).await
}

/// A record whose text is of no use to a compressor, so that it stays long.
fn record(id: u32, bytes: usize) -> Value {
    let letter = |n: usize| char::from(b'a' + u8::try_from(n * n % 7919 % 26).unwrap());
    json!({"id": id, "text": (0..bytes).map(letter).collect::<String>()})
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn bare(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn br(text: &[u8]) -> Vec<u8> {
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
    encoder.write_all(text).unwrap();
    encoder.into_inner()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 3).unwrap()
}

fn undone(coding: &str, body: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    match coding {
        "br" => brotli::Decompressor::new(body, 4096).read_to_end(&mut text),
        "deflate" => ZlibDecoder::new(body).read_to_end(&mut text),
        _ => GzDecoder::new(body).read_to_end(&mut text),
    }
    .unwrap();
    text
}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug)]
enum Framing {
    Chunked,
    Close,
    Length,
}

/// An upstream that answers each request with that status, those fields and that body, and closes.
async fn answering(head: &str, framing: Framing, body: &[u8]) -> Scripted {
    let (head, body) = (head.to_owned(), body.to_vec());
    Scripted::start(move |mut peer| {
        let (mut bytes, body) = (format!("HTTP/1.1 {head}\r\n"), body.clone());
        async move {
            peer.request().await;
            bytes += &match framing {
                Framing::Chunked => "Transfer-Encoding: chunked\r\n\r\n".to_owned(),
                Framing::Close => "Connection: close\r\n\r\n".to_owned(),
                Framing::Length => format!("Content-Length: {}\r\n\r\n", body.len()),
            };
            peer.conn.send(bytes).await;
            let Framing::Chunked = framing else {
                return peer.conn.send(body).await;
            };
            for piece in body.chunks(7) {
                peer.conn.send(format!("{:x}\r\n", piece.len())).await;
                peer.conn.send(piece).await;
                peer.conn.send("\r\n").await;
            }
            peer.conn.send("0\r\n\r\n").await;
        }
    })
    .await
}

/// What comes of a write that is answered so: the answer as it passed, and the event.
async fn written(head: &str, framing: Framing, body: &[u8]) -> (Response, Frame) {
    let upstream = answering(head, framing, body).await;
    let sidecar = Sidecar::start(&upstream.url(), &whole()).await;
    let mut stream = hear(&sidecar).await;
    let response = sidecar.put("/posts/7", json!({})).await;
    (response, stream.next().await)
}

#[tokio::test]
async fn what_json_server_compresses_is_told_whole_and_passes_as_it_is() {
    let upstream = JsonServer::start(json!({"posts": []})).await;
    let sidecar = Sidecar::start(&upstream.url(), &whole()).await;
    let mut stream = hear(&sidecar).await;
    for (id, coding) in (1..).zip(["gzip", "deflate", "br", "identity"]) {
        let record = record(id, 5000);
        let fields = [
            ("Content-Type", "application/json"),
            ("Accept-Encoding", coding),
        ];
        let body = record.to_string();
        let created = sidecar
            .send("POST", "/posts", &fields, body.as_bytes())
            .await;
        let created = created.expect(201);
        let text = match coding {
            "identity" => created.body.clone(),
            coding => {
                assert_eq!(created.field("content-encoding"), coding);
                undone(coding, &created.body)
            }
        };
        assert_eq!(serde_json::from_slice::<Value>(&text).unwrap(), record);
        assert_eq!(stream.next().await.json()["record"], record, "{coding}");
        // What it sends to somebody who asks it without the sidecar is the same.
        let path = format!("/posts/{id}");
        let through = sidecar.ask("GET", &path, &fields[1..]).await.expect(200);
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {coding}\r\n\r\n");
        let address = upstream.url().replace("http://", "").parse().unwrap();
        let mut direct = Conn::to(address).await;
        direct.send(request).await;
        assert_eq!(through.body, direct.response().await.body, "{coding}");
    }
    // A delete is answered too shortly to be compressed, and what it took away is known.
    sidecar.delete("/posts/3").await.expect(200);
    assert_eq!(stream.next().await.json()["record"], record(3, 5000));
}

#[tokio::test]
async fn each_coding_and_each_framing_is_told_whole_and_passes_byte_for_byte() {
    let record = record(7, 300);
    let text = record.to_string();
    let text = text.as_bytes();
    for (coding, body) in [
        ("gzip", gzip(text)),
        ("X-GZIP", gzip(text)),
        ("gzip", [gzip(&text[..9]), gzip(&text[9..])].concat()),
        ("deflate", zlib(text)),
        ("deflate", bare(text)),
        ("br", br(text)),
        ("zstd", zstd(text)),
        ("zstd", [zstd(&text[..9]), zstd(&text[9..])].concat()),
        ("gzip, br", br(&gzip(text))),
        ("identity", text.to_vec()),
    ] {
        for framing in [Framing::Length, Framing::Chunked, Framing::Close] {
            let head = format!("200 OK\r\nContent-Encoding: {coding}");
            let (response, frame) = written(&head, framing, &body).await;
            assert_eq!(response.field("content-encoding"), coding);
            assert_eq!(response.body, body, "{coding} {framing:?}");
            assert_eq!(frame.json()["record"], record, "{coding} {framing:?}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_decoded_passes_and_is_uncertain() {
    let text = record(7, 300).to_string();
    let text = text.as_bytes();
    let cut = |body: Vec<u8>| body[..body.len() - 5].to_vec();
    let bomb = [&br#"{"id":7,"text":""#[..], &b"x".repeat(900_000), b"\"}"].concat();
    let long = vec![b' '; 1_100_000];
    for (coding, body) in [
        ("gzip", cut(gzip(text))),
        ("deflate", cut(zlib(text))),
        ("br", cut(br(text))),
        ("zstd", cut(zstd(text))),
        ("gzip", [&gzip(text)[..], b"more"].concat()),
        ("gzip", text.to_vec()),
        ("identity, compress", text.to_vec()),
        ("gzip, gzip, gzip", gzip(&gzip(&gzip(text)))),
        ("br, gzip", br(&gzip(text))),
        // What becomes too much for what it is, or for what is kept.
        ("gzip", gzip(&bomb)),
        ("br", br(&bomb)),
        ("zstd", zstd(&bomb)),
        ("gzip, gzip", gzip(&gzip(&bomb))),
        ("br", br(&long)),
    ] {
        for framing in [Framing::Length, Framing::Close] {
            let head = format!("200 OK\r\nContent-Encoding: {coding}");
            let (response, frame) = written(&head, framing, &body).await;
            assert!(response.body == body, "{coding} {framing:?}");
            assert_eq!(frame.event(), "uncertain", "{coding} {framing:?}");
            assert_eq!(frame.json()["data"], "7", "{}", frame.raw);
        }
    }
}

#[tokio::test]
async fn an_answer_without_a_body_has_none_however_it_says_that_it_is_coded() {
    for head in ["204 No Content", "200 OK\r\nContent-Length: 0"] {
        let head = format!("{head}\r\nContent-Encoding: gzip\r\n\r\n");
        let upstream = Scripted::answering(format!("HTTP/1.1 {head}")).await;
        let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
        let mut stream = hear_all(&sidecar).await;
        sidecar.delete("/posts/7").await;
        let expected = json!({"event": "delete", "collection": "posts", "data": ["7"]});
        assert_eq!(stream.next().await.json(), expected);
    }
}

async fn hear_all(sidecar: &Sidecar) -> Subscriber {
    sidecar.hear(crate::harness::ALL).await
}

#[tokio::test]
async fn a_coded_request_arrives_as_it_was_sent_and_is_read() {
    let upstream = Scripted::answering(
        "HTTP/1.1 201 Created\r\nLocation: /posts/7\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut stream = hear_all(&sidecar).await;
    let text = br#"{"id":7,"text":"sent"}"#;
    for (number, (coding, body, read)) in [
        ("gzip", gzip(text), true),
        ("deflate", zlib(text), true),
        ("br", br(text), true),
        ("zstd", zstd(text), true),
        ("zstd, gzip", gzip(&zstd(text)), true),
        ("Identity", text.to_vec(), true),
        ("gzip", text.to_vec(), false),
        ("compress", text.to_vec(), false),
    ]
    .into_iter()
    .enumerate()
    {
        let fields = [
            ("Content-Type", "application/json"),
            ("Content-Encoding", coding),
        ];
        let sent = sidecar.send("POST", "/posts", &fields, &body).await;
        sent.expect(201);
        let came = upstream.request(number).await;
        assert_eq!(came.body, body, "{coding}");
        assert_eq!(came.head.field("content-encoding"), Some(coding));
        let frame = stream.next().await.json();
        let expected = match read {
            true => {
                json!({"event": "post", "collection": "posts", "data": {"id": 7, "text": "sent"}})
            }
            false => json!({
                "event": "uncertain", "collection": "posts", "method": "POST", "data": "7"
            }),
        };
        assert_eq!(frame, expected, "{coding}");
    }
}

#[tokio::test]
async fn what_the_sidecar_asks_itself_it_wants_uncoded_and_reads_all_the_same() {
    let record = record(7, 2000);
    let shown = gzip(record.to_string().as_bytes());
    let upstream = Scripted::start(move |mut peer| {
        let shown = shown.clone();
        async move {
            while let Some(request) = peer.request().await {
                if request.head.start().starts_with("GET ") {
                    let length = shown.len();
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n"
                    );
                    peer.conn.send([head.as_bytes(), &shown].concat()).await;
                } else {
                    peer.conn.send("HTTP/1.1 204 No Content\r\n\r\n").await;
                }
            }
        }
    })
    .await;
    let rules = "{ rules: [{ path: '/{collection}/{id?}', complete: upstream }] }";
    let yaml = whole().replace("{ preset: json-server }", rules);
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let mut stream = hear(&sidecar).await;
    let fields = [("Accept-Encoding", "gzip, br")];
    let patched = sidecar.send("PATCH", "/posts/7", &fields, b"{}").await;
    patched.expect(204);
    assert_eq!(stream.next().await.json()["record"], record);
    let asked = upstream.request(1).await;
    assert_eq!(asked.head.field("accept-encoding"), Some("identity"));
}

// --- JSON that is no more than text ---

#[tokio::test]
async fn a_record_keeps_every_digit_in_every_dialect() {
    let record =
        r#"{"id":9007199254740993,"n":1.10,"big":12345678901234567890123,"e":1e400,"z":-0.0}"#;
    let upstream = Scripted::answering(answer("201 Created", record)).await;
    let streams = "pocketbase: {}, streams: [{ path: /events, data: event }, \
                   { path: /records, data: record }, { path: /cloud, data: cloudevents, source: /a, type: a.b }, \
                   { path: /own, data: '{\"r\":{record},\"i\":{id}}' }]";
    let yaml = EVERYTHING.replace(
        "restdb: { path: /realtime }",
        &format!("restdb: {{ path: /realtime }}, {streams}"),
    ) + "  global: true\n";
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let (pocketbase, id) = crate::pocketbase::connected_with(&sidecar, &[]).await;
    let body = json!({"clientId": id, "subscriptions": ["posts/*"]});
    sidecar.post("/api/realtime", body).await.expect(204);
    let mut all = vec![
        ("pocketbase", pocketbase),
        ("restdb", hear_all(&sidecar).await),
    ];
    for path in ["/events", "/records", "/cloud", "/own"] {
        all.push((path, Subscriber::open(&sidecar, path, &[]).await));
    }
    sidecar.post("/posts", json!({})).await.expect(201);
    // PocketBase's dialect adds members of its own.
    let members = record.trim_matches(['{', '}']);
    for (name, stream) in &mut all {
        let frame = stream.next().await;
        assert!(frame.raw.contains(members), "{name}: {}", frame.raw);
    }
}

#[tokio::test]
async fn a_record_that_can_be_read_in_two_ways_is_uncertain() {
    let deep = format!("{{\"id\":7,\"a\":{}1{}}}", "[".repeat(128), "]".repeat(128));
    for answered in [
        r#"{"id":7,"owner":"ada","owner":"eve"}"#,
        r#"{"id":7,"a":{"b":1,"\u0062":2}}"#,
        r#"{"id":7,"a":"\ud800"}"#,
        r#"{"id":7,"a":NaN}"#,
        r#"{"id":7} {}"#,
        "\u{feff}{\"id\":7}",
        &*deep,
    ] {
        let upstream = Scripted::answering(ok(answered)).await;
        let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
        let mut stream = hear_all(&sidecar).await;
        sidecar.post("/posts", json!({})).await.expect(200);
        sidecar.put("/posts/7", json!({})).await.expect(200);
        for (method, id) in [("POST", Value::Null), ("PUT", json!("7"))] {
            let frame = stream.next().await;
            assert_eq!(frame.event(), "uncertain", "{answered:.60}");
            let told = frame.json();
            assert_eq!((&told["method"], &told["data"]), (&json!(method), &id));
        }
    }
}

#[tokio::test]
async fn a_record_that_is_no_utf_8_is_uncertain() {
    let body = b"{\"id\":7,\"a\":\"\xff\"}";
    let head = "200 OK\r\nContent-Type: application/json";
    let (response, frame) = written(head, Framing::Length, body).await;
    assert_eq!(response.body, body);
    assert_eq!(frame.event(), "uncertain");
}
