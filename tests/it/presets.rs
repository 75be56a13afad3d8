//! The presets before the servers that they are for: what is asked of each, and what is told of it.
//!
//! A row is a request, what is sent with it, the status that the server answers and all that is told.
//! What is told of a record is what the server shows of it then, but for what it is told before.

mod kinto;
mod rest_framework;
mod restdb;

use serde_json::Value;

use crate::harness::{Sidecar, Subscriber};

/// Shape of a request: `PATCH /posts/1`, and behind it fields without a space in them. Shape of what
/// is told: `patch posts 1`, `delete posts 1,2`, `uncertain PATCH posts -`, `gap`.
type Row = (&'static str, &'static str, u16, &'static [&'static str]);

/// Everything is told at `/told`, with the record.
fn config(observe: &str) -> String {
    format!(
        "
listen: LISTEN
admin: ADMIN
upstream: UPSTREAM
observe: {observe}
realtime: {{ restdb: {{ path: /realtime }}, streams: [{{ path: /told }}] }}
access:
  keys:
    - {{ name: all, key: all-key, hear: [\"*:*\", \"*\"], publish: [\"*\"] }}
"
    )
}

/// A sidecar, and who hears all of it.
struct Run {
    sidecar: Sidecar,
    subscriber: Subscriber,
    /// Sent with every request.
    fields: Vec<(&'static str, &'static str)>,
    /// Where a record is shown, of a collection and with an id, and in which member of the answer.
    shown: fn(&str, &str) -> (String, &'static str),
}

impl Run {
    async fn start(
        upstream: &str,
        observe: &str,
        shown: fn(&str, &str) -> (String, &'static str),
    ) -> Self {
        let sidecar = Sidecar::start(upstream, &config(observe)).await;
        let subscriber = Subscriber::open(&sidecar, "/told?apikey=all-key", &[]).await;
        assert_eq!(subscriber.head.status(), 200);
        Self {
            sidecar,
            subscriber,
            fields: Vec::new(),
            shown,
        }
    }

    /// Sends each request, and hears exactly what is told of it.
    async fn walk(&mut self, rows: &[Row]) {
        for row in rows {
            self.step(*row).await;
        }
    }

    async fn step(&mut self, (request, body, status, told): Row) {
        let mut words = request.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let own: Vec<_> = words.map(|word| word.split_once(':').unwrap()).collect();
        let mut fields = [&*self.fields, &*own].concat();
        let answer = if body.is_empty() {
            self.sidecar.ask(method, path, &fields).await
        } else {
            if !own.iter().any(|(name, _)| *name == "Content-Type") {
                fields.push(("Content-Type", "application/json"));
            }
            self.sidecar
                .send(method, path, &fields, body.as_bytes())
                .await
        };
        assert_eq!(
            answer.status(),
            status,
            "{request} {body}: {}",
            answer.text()
        );
        for expected in told {
            let frame = self.subscriber.next().await;
            assert_eq!(
                line(frame.event(), &frame.json()),
                *expected,
                "{request} {body}"
            );
            if frame.event() == "message" {
                self.compare(&frame.json(), request).await;
            }
        }
        self.subscriber.hears_nothing_of(&self.sidecar).await;
    }

    /// What is told of a record that is there is what it is.
    async fn compare(&self, told: &Value, request: &str) {
        let record = &told["record"];
        if told["event"] == "delete" {
            assert_eq!(record["deleted"], Value::Null, "{request}: {record}");
            return;
        }
        let (collection, id) = (told["collection"].as_str(), told["ids"][0].as_str());
        let (path, member) = (self.shown)(collection.unwrap(), id.unwrap());
        let shown = self.sidecar.ask("GET", &path, &self.fields).await;
        let shown = shown.expect(200).json();
        assert_eq!(Some(record), shown.pointer(member), "{request}");
    }
}

/// Shape: as in [`Row`].
fn line(name: &str, told: &Value) -> String {
    let text = |name: &str| told[name].as_str().unwrap_or("-").to_owned();
    match name {
        "gap" => "gap".to_owned(),
        "uncertain" => format!(
            "uncertain {} {} {}",
            text("method"),
            text("collection"),
            text("data")
        ),
        _ => {
            let ids = told["ids"].as_array().unwrap_or_else(|| panic!("{told}"));
            let ids: Vec<_> = ids.iter().map(|id| id.as_str().unwrap()).collect();
            format!("{} {} {}", text("event"), text("collection"), ids.join(","))
        }
    }
}
