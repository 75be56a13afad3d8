//! The diagnostics: one line an occasion, for people on a terminal and for machines otherwise.
//!
//! Level and form can be changed while the sidecar runs. The libraries below say nothing under
//! this level: pingora's own lines quote what was sent, credentials included.

use std::fmt;
use std::io::{IsTerminal, stderr};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

use crate::config::{Format, Logging};

type Lines = Box<dyn Layer<Registry> + Send + Sync>;

/// Changes the diagnostics while they are written.
#[derive(Clone)]
pub struct Handle(reload::Handle<Lines, Registry>);

/// Begins to write diagnostics to standard error. Called once.
#[must_use]
pub fn begin(logging: Logging) -> Handle {
    let (layer, handle) = reload::Layer::new(lines(logging));
    tracing_subscriber::registry().with(layer).init();
    Handle(handle)
}

impl Handle {
    /// Writes them in this form and from this level on.
    pub fn change(&self, logging: Logging) {
        // It fails only when the process has no subscriber any more.
        drop(self.0.reload(lines(logging)));
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

fn lines(logging: Logging) -> Lines {
    let human = match logging.format {
        Format::Auto => stderr().is_terminal(),
        Format::Human => true,
        Format::Json => false,
    };
    let own = Targets::new()
        .with_target("tidings", LevelFilter::from_level(logging.level))
        .with_default(LevelFilter::OFF);
    let lines = tracing_subscriber::fmt::layer().with_writer(stderr).with_ansi(human);
    if human {
        lines.with_target(false).with_filter(own).boxed()
    } else {
        lines.json().flatten_event(true).with_filter(own).boxed()
    }
}
