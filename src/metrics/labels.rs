//! The labels and all of their values. None comes from a request, a record or a key, so that the
//! number of series is the same whatever comes.

use http::StatusCode;

use super::count::Label;
use crate::event::Gap;

/// Defines a label: each of its values with what it is and how it is written.
macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident = $label:literal { $($(#[$what:meta])* $value:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$what])* $value,)*
        }

        impl Label for $name {
            const NAME: &'static str = $label;
            const ALL: &'static [Self] = &[$(Self::$value,)*];

            fn place(self) -> usize {
                self as usize
            }

            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $text,)*
                }
            }
        }
    )*};
}

labels! {
    /// Who answered a request.
    Class = "class" {
        /// A realtime path: the sidecar, as what it is there for.
        Realtime = "realtime",
        /// The sidecar, because the request could not be passed on or was not answered.
        Sidecar = "sidecar",
        /// The upstream; or nobody, where the client left first.
        Upstream = "upstream",
    }

    /// The class of an answer's status.
    Status = "status" {
        /// 101: a tunnel.
        Informational = "1xx",
        /// 2xx.
        Success = "2xx",
        /// 3xx.
        Redirection = "3xx",
        /// 4xx.
        ClientError = "4xx",
        /// 5xx, and what is no status of HTTP.
        ServerError = "5xx",
        /// No answer was begun.
        None = "none",
    }

    /// Why a connection was closed for others.
    Shed = "reason" {
        /// It waited for a request, and there was a newcomer.
        GivenUp = "given_up",
        /// It was the newcomer, and none waited.
        NoRoom = "no_room",
    }

    /// Why the gate let a head not pass.
    Refusal = "reason" {
        /// How long its body is can be read in two ways.
        Framing = "framing",
        /// It is longer than it may be.
        HeadTooLarge = "head_too_large",
        /// It did not come to its end in time.
        HeadTooSlow = "head_too_slow",
        /// It is not well formed, or can be read in two ways elsewhere.
        Malformed = "malformed",
        /// A method that is not served.
        Method = "method",
        /// The target is longer than it may be.
        TargetTooLong = "target_too_long",
        /// A version that is not spoken.
        Version = "version",
    }

    /// How the upstream failed a request.
    UpstreamError = "kind" {
        /// It closed or reset the connection before the end of its answer.
        Closed = "closed",
        /// No connection came about.
        Connect = "connect",
        /// No connection came about in time.
        ConnectTimeout = "connect_timeout",
        /// Anything else.
        Other = "other",
        /// What it answered is not HTTP/1.1.
        Protocol = "protocol",
        /// It was silent for too long.
        ReadTimeout = "read_timeout",
        /// The TLS handshake failed.
        Tls = "tls",
        /// It took nothing for too long.
        WriteTimeout = "write_timeout",
    }

    /// What became of an observed write.
    WriteOutcome = "outcome" {
        /// The upstream refused it: nobody is told.
        Refused = "refused",
        /// Its events were told.
        Told = "told",
        /// What it did is not known: that was told.
        Uncertain = "uncertain",
        /// The upstream took it, and says that no record changed.
        Unchanged = "unchanged",
        /// The upstream never saw it: nobody is told.
        Unsent = "unsent",
    }

    /// Why it is not known what a write did.
    Doubt = "reason" {
        /// Its path can be read in two ways.
        AmbiguousPath = "ambiguous_path",
        /// A body is longer than what is kept of one, or coded in a way that is not read.
        BodyUnread = "body_unread",
        /// The upstream answered that it failed, or only that it will try: 5xx, 202, 207.
        Failed = "failed",
        /// The upstream was lost before it answered.
        Lost = "lost",
        /// Which records changed is not in what was sent and answered.
        Records = "records",
        /// The answer was cut.
        Truncated = "truncated",
    }

    /// What kind of event.
    EventKind = "kind" {
        /// A gap: whoever listens reads again.
        Gap = "gap",
        /// A record that some may see no more.
        Left = "left",
        /// An operator's or a user's own.
        Publish = "publish",
        /// A write of which it is not known what it did.
        Uncertain = "uncertain",
        /// A write.
        Write = "write",
    }

    /// By which dialect a stream is spoken to.
    Dialect = "dialect" {
        /// A stream of the operator's own.
        Plain = "plain",
        /// PocketBase's.
        Pocketbase = "pocketbase",
        /// RestDB's.
        Restdb = "restdb",
    }

    /// Why a stream was sent away before it began.
    Away = "reason" {
        /// What it might hear was over before it began.
        Denied = "denied",
        /// The sidecar is being stopped.
        Draining = "draining",
        /// There are as many as there may be.
        Limit = "limit",
        /// Who it is could not be asked.
        Undecided = "undecided",
    }

    /// Why a stream ended.
    Disconnect = "reason" {
        /// The sidecar is being stopped.
        Drained = "drained",
        /// The token by which it heard has expired.
        Expired = "expired",
        /// The subscriber left.
        Left = "left",
        /// It was told nothing for too long, or was open for too long.
        Over = "over",
        /// The configuration, or the upstream, no longer lets it hear.
        Revoked = "revoked",
        /// It did not take its events before the log let them go, or took none for too long.
        TooSlow = "slow",
        /// Who hears by it cannot be asked about for the moment.
        Undecided = "undecided",
    }

    /// Where a delivered event came from.
    Source = "source" {
        /// It was told as it came.
        Live = "live",
        /// It was read from the log, for one that came back or was behind.
        Replay = "replay",
    }

    /// What became of what somebody sent to a realtime path.
    Sent = "result" {
        /// It was taken.
        Accepted = "accepted",
        /// Its sender may not.
        Denied = "denied",
        /// It cannot be read.
        Invalid = "invalid",
        /// Its sender did so too often.
        TooOften = "too_often",
        /// It is longer than it may be.
        TooLarge = "too_large",
        /// It could not be decided or kept for the moment.
        Unavailable = "unavailable",
    }

    /// Whether something was done.
    Success = "result" {
        /// It was not.
        Failure = "failure",
        /// It was.
        Success = "success",
    }

    /// What the upstream said when it was asked something.
    Said = "result" {
        /// It did not say.
        Failed = "failed",
        /// No: it does not know the credential, or shows no record.
        No = "no",
        /// Yes.
        Yes = "yes",
    }
}

impl Status {
    /// The class of that status.
    #[must_use]
    pub fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            100..=199 => Self::Informational,
            200..=299 => Self::Success,
            300..=399 => Self::Redirection,
            400..=499 => Self::ClientError,
            _ => Self::ServerError,
        }
    }
}

impl Sent {
    /// What the answer to it says.
    #[must_use]
    pub fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::Denied,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::TOO_MANY_REQUESTS => Self::TooOften,
            status if status.is_success() => Self::Accepted,
            status if status.is_server_error() => Self::Unavailable,
            _ => Self::Invalid,
        }
    }
}

impl Success {
    /// Whether it was.
    #[must_use]
    pub fn of(done: bool) -> Self {
        if done { Self::Success } else { Self::Failure }
    }
}

impl Label for Gap {
    const NAME: &'static str = "reason";
    const ALL: &'static [Self] = &[Self::Foreign, Self::Lost, Self::Malformed, Self::TooOld];

    fn place(self) -> usize {
        self as usize
    }

    fn as_str(self) -> &'static str {
        self.reason()
    }
}
