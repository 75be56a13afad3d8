//! What an event costs at the index.

use std::sync::Arc;

use jiff::Timestamp;

use super::{SeatsMax, Terms, audience};
use crate::access::{Access, Grant, Leaving};
use crate::dialect::{Fields, Form, View, restdb};
use crate::event::Event;

/// Audiences of RestDB's streams.
#[derive(Debug)]
pub struct Audiences {
    all: audience::Audiences,
    found: Vec<usize>,
}

impl Audiences {
    /// Nobody yet, by the rules of `access`.
    #[must_use]
    pub fn new(access: Arc<Access>) -> Self {
        let terms = Terms {
            access,
            realtime: Arc::default(),
            seats_max: SeatsMax {
                all: 0,
                of_each: None,
                from_each: None,
            },
            subscription_bytes_max: 0,
        };
        Self {
            all: audience::Audiences::new(&terms),
            found: Vec::new(),
        }
    }

    /// Takes in a stream of who has that grant.
    pub fn join(&mut self, grant: Grant) {
        let view = restdb::View {
            patch: restdb::Patch::Configured,
            fields: Fields::default(),
        };
        let form = Form::Restdb(view.form(&restdb::Options::default()));
        self.all.join(grant, View::Restdb(view), form, 0);
    }

    /// How many audiences the event touches.
    pub fn find(&mut self, event: &Event, now: Timestamp) -> usize {
        self.all.find(&Leaving::new(event, now), &mut self.found);
        self.found.len()
    }
}
