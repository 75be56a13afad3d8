//! Whether requests are to be sent here: what `/readyz` says.
//!
//! It is not ready from the moment that it drains, so that whoever spreads the load sends new
//! requests elsewhere while those in flight finish. What is *degraded* is told, and counts only
//! where `admin.ready_when_degraded` is false: a sidecar without its log or its streams passes
//! requests on all the same, and the API comes first.
//!
//! Two things are no part of it, since they would take every replica out at once and help
//! nobody. A configuration that was refused: what runs is the one before, and it runs well. An
//! upstream that does not answer: nothing here asks it, its own health is its own to tell, and a
//! client is better served by a 502 than by no one. Both are in the metrics.

use http::StatusCode;
use serde_json::{Value, json};

use crate::hub;
use crate::log;

/// Whether requests are to be sent here, and why not.
#[derive(Debug)]
pub(super) struct Readiness {
    /// Whether no new request is taken any more.
    pub(super) draining: bool,
    /// What does not do what it is there for, and why.
    pub(super) degraded: Vec<(&'static str, String)>,
}

impl Readiness {
    pub(super) fn of(draining: bool, log: &log::Standing, hub: &hub::Standing) -> Self {
        let mut degraded = Vec::new();
        if let Some(failure) = log.failure.as_deref() {
            degraded.push(("log", failure.to_owned()));
        }
        // At the end of a drain there are none, as it should be.
        if !hub.serves && !draining {
            degraded.push(("streams", "no stream is served any more".to_owned()));
        }
        Self { draining, degraded }
    }

    /// The answer: 200 if requests are to be sent here.
    pub(super) fn answer(&self, ready_when_degraded: bool) -> (StatusCode, Value) {
        let sound = self.degraded.is_empty();
        let ready = !self.draining && (sound || ready_when_degraded);
        let status = match (self.draining, sound) {
            (true, _) => "draining",
            (false, false) => "degraded",
            (false, true) => "ok",
        };
        let degraded = self.degraded.iter();
        let degraded: Vec<_> = degraded
            .map(|(part, why)| json!({"part": part, "why": why}))
            .collect();
        let told = json!({"ready": ready, "status": status, "degraded": degraded});
        let code = if ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        (code, told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readiness(draining: bool, degraded: bool) -> Readiness {
        let degraded = degraded.then(|| ("log", "/log: No space left on device".to_owned()));
        Readiness {
            draining,
            degraded: degraded.into_iter().collect(),
        }
    }

    #[test]
    fn it_is_ready_unless_it_drains_or_was_told_not_to_be_when_degraded() {
        for (draining, degraded, anyway, code, status) in [
            (false, false, true, 200, "ok"),
            (false, false, false, 200, "ok"),
            (false, true, true, 200, "degraded"),
            (false, true, false, 503, "degraded"),
            (true, false, true, 503, "draining"),
            (true, true, true, 503, "draining"),
        ] {
            let (answered, told) = readiness(draining, degraded).answer(anyway);
            assert_eq!((answered.as_u16(), &told["status"]), (code, &status.into()));
            assert_eq!(told["ready"], answered.is_success());
        }
    }

    #[test]
    fn what_is_degraded_is_told_with_why() {
        let (_, told) = readiness(false, true).answer(true);
        let why = json!([{"part": "log", "why": "/log: No space left on device"}]);
        assert_eq!(told["degraded"], why);
    }
}
