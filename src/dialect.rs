//! Wire protocols: a request to a [`Command`], an event to the bytes of a frame.
//!
//! A dialect is a file of its own. It reads a request and says what is to be done; it
//! encodes events for those who listen by it. It reaches no socket, no clock and no log:
//! the front reads and writes for it, the hub calls its encoder when an event leaves.

pub mod restdb;

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, Response};

use crate::access::Grant;
use crate::event::{Kind, Since};

/// A request on a dialect's path, its body still unread.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The path of its target, as it was sent.
    pub path: &'a str,
    /// What follows the `?` of its target, as it was sent; empty where there is none.
    pub query: &'a str,
    /// Its header fields.
    pub headers: &'a HeaderMap,
}

impl fmt::Debug for Request<'_> {
    /// Neither query nor fields: there are credentials in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", self.method)
            .finish_non_exhaustive()
    }
}

/// What a request asks of the sidecar.
#[derive(Debug)]
pub enum Command {
    /// Open a stream.
    Listen(Listen),
    /// Publish an event: read the body, then ask [`restdb::Publish::kind`].
    Publish(restdb::Publish),
    /// Answer at once.
    Reply(Response<Bytes>),
}

/// A stream to open, with the permission to open it.
#[derive(Debug)]
pub struct Listen {
    /// What may be heard.
    pub grant: Grant,
    /// From where.
    pub since: Since,
    /// How events look to this subscriber.
    pub view: restdb::View,
    /// The head of the answer.
    pub head: Response<()>,
}

/// A publish that may be appended to the log, and the answer once it is.
#[derive(Debug)]
pub struct Published {
    /// What was published.
    pub kind: Kind,
    /// What its publisher is told once the log holds it.
    pub reply: Response<Bytes>,
}
