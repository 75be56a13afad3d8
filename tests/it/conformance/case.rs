//! A case: what a client does, and what the upstream does behind it.

use super::compare::Difference;

/// One exchange, or several on one connection.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) steps: Vec<Step>,
    /// What the upstream of exact bytes does for each request. The real one does what the target
    /// says.
    pub(super) script: Vec<Does>,
    /// How many requests reach the upstream.
    pub(super) requests: usize,
    /// What may differ besides what always may. It has to.
    pub(super) but: Vec<Difference>,
}

/// What a client does.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Reads the answer to its end.
    Answer,
    /// Finds that the other end closes, with nothing before.
    Closes,
    /// Reads the answer to a HEAD.
    HeadOnly,
    /// Waits until the upstream says that it came so far.
    Hear,
    /// Reads a head that is followed by another.
    Interim,
    /// Lets the upstream go on.
    LetGo,
    /// Reads exactly so many bytes, of no message.
    Raw(usize),
    Send(Vec<u8>),
    /// Reads the answer until so many bytes of its body are there.
    UpTo(usize),
}

/// What the upstream of exact bytes does.
#[derive(Clone, Debug)]
pub(super) enum Does {
    Close,
    /// Answers with the target.
    Echo,
    /// Reads exactly so many bytes, and says them backwards.
    Reverse(usize),
    Reset,
    Say(Vec<u8>),
    /// Reads a request to its end.
    Take,
    /// Reads a request's head.
    TakeHead,
    /// Reads the request until so many bytes of its body are there.
    TakeUpTo(usize),
    /// Tells the client that it came so far.
    Tell,
    /// Waits until the client lets it go on.
    Wait,
}

/// A case with that name, for what one request gets from an upstream of exact bytes.
pub(super) fn case(name: impl Into<String>) -> Case {
    Case {
        name: name.into(),
        steps: Vec::new(),
        script: Vec::new(),
        requests: 1,
        but: Vec::new(),
    }
}

impl Case {
    // --- the client ---

    pub(super) fn sends(self, bytes: impl AsRef<[u8]>) -> Self {
        self.step(Step::Send(bytes.as_ref().to_vec()))
    }

    /// Sends a GET for that target.
    pub(super) fn gets(self, target: &str) -> Self {
        self.sends(request("GET", target, "", ""))
    }

    pub(super) fn answer(self) -> Self {
        self.step(Step::Answer)
    }

    pub(super) fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    // --- the upstream ---

    pub(super) fn does(mut self, script: impl IntoIterator<Item = Does>) -> Self {
        self.script.extend(script);
        self
    }

    /// The upstream takes the request and says these bytes.
    pub(super) fn says(self, bytes: impl AsRef<[u8]>) -> Self {
        self.does([Does::Take, Does::Say(bytes.as_ref().to_vec())])
    }

    // --- what comes of it ---

    pub(super) fn requests(mut self, requests: usize) -> Self {
        self.requests = requests;
        self
    }

    pub(super) fn but(mut self, but: &[Difference]) -> Self {
        self.but.extend(but);
        self
    }
}

/// A request. Shape of `fields`: `Name: value\r\n`, any number of times.
pub(super) fn request(method: &str, target: &str, fields: &str, body: &str) -> Vec<u8> {
    let head = format!("{method} {target} HTTP/1.1\r\nHost: api.example\r\n{fields}\r\n");
    [head.as_bytes(), body.as_bytes()].concat()
}

/// A request with a body and its length.
pub(super) fn with_body(method: &str, target: &str, fields: &str, body: &str) -> Vec<u8> {
    let fields = format!("{fields}Content-Length: {}\r\n", body.len());
    request(method, target, &fields, body)
}

/// An answer. Shape of `status`: `200 OK`; of `fields`: as in [`request`].
pub(super) fn answer(status: &str, fields: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}
