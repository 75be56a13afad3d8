//! A real upstream: a server on Node's own HTTP, with a second address at which it is led.

use std::net::SocketAddr;

use serde_json::Value;

use super::run::message;
use super::wire::Message;
use crate::harness::{Conn, Process, Response, node};

pub(super) struct Real {
    pub(super) address: SocketAddr,
    control: SocketAddr,
    _process: Process,
}

impl Real {
    pub(super) async fn start() -> Self {
        let mut process = node::<&str>("../conformance/upstream.mjs", []);
        let told = process.told().await;
        let address = |name: &str| SocketAddr::from(([127, 0, 0, 1], port(&told[name])));
        Self {
            address: address("listen"),
            control: address("control"),
            _process: process,
        }
    }

    /// Lets the request that waits go on.
    pub(super) async fn let_go(&self) {
        self.ask("/go").await;
    }

    /// Waits until a request came so far.
    pub(super) async fn hear(&self) {
        self.ask("/told").await;
    }

    /// The next so many requests that came whole.
    pub(super) async fn arrived(&self, requests: usize) -> Vec<Option<Message>> {
        let arrived = self.ask(&format!("/arrived/{requests}")).await.json();
        let arrived = arrived.as_array().unwrap().iter();
        arrived.map(|one| Some(request(one))).collect()
    }

    async fn ask(&self, path: &str) -> Response {
        let mut conn = Conn::to(self.control).await;
        conn.send(format!("GET {path} HTTP/1.1\r\nHost: control\r\n\r\n"))
            .await;
        conn.response().await.expect(200)
    }
}

fn port(told: &Value) -> u16 {
    told.as_u64().unwrap().try_into().unwrap()
}

fn request(told: &Value) -> Message {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let pairs = told["fields"].as_array().unwrap().chunks(2);
    let fields = pairs.map(|pair| (text(&pair[0]), text(&pair[1])));
    let (start, body) = (text(&told["start"]), text(&told["body"]));
    message(start, fields.collect(), body)
}
