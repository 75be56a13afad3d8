//! The diagnostics: one line an occasion, for people on a terminal and for machines otherwise.
//!
//! Level and form can be changed while the sidecar runs. The libraries below say nothing under
//! this level: pingora's own lines quote what was sent, credentials included.

use std::io::{IsTerminal, stderr};
use std::sync::Arc;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, reload};

use crate::config::{Format, Logging};

/// Changes the diagnostics while they are written.
#[derive(Clone)]
pub struct Handle(Arc<dyn Fn(Logging) + Send + Sync>);

/// Begins to write diagnostics to standard error. Called once.
///
/// There is a layer for each form, of which one is silent: what can be changed while lines are
/// written is a layer's filter, not the layer.
#[must_use]
pub fn begin(logging: Logging) -> Handle {
    let (human, change_human) = reload::Layer::new(filter(logging, Format::Human));
    let (json, change_json) = reload::Layer::new(filter(logging, Format::Json));
    let human = fmt::layer()
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .with_target(false)
        .with_filter(human);
    let json = fmt::layer()
        .json()
        .flatten_event(true)
        .with_writer(stderr)
        .with_filter(json);
    tracing_subscriber::registry().with(human).with(json).init();
    Handle(Arc::new(move |logging| {
        // They fail only when the process has no subscriber any more.
        drop(change_human.reload(filter(logging, Format::Human)));
        drop(change_json.reload(filter(logging, Format::Json)));
    }))
}

impl Handle {
    /// Writes them in this form and from this level on.
    pub fn change(&self, logging: Logging) {
        (self.0)(logging);
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// What the layer of `form` lets through.
fn filter(logging: Logging, form: Format) -> Targets {
    let chosen = match logging.format {
        Format::Auto if stderr().is_terminal() => Format::Human,
        Format::Auto => Format::Json,
        format => format,
    };
    let level = if chosen == form {
        LevelFilter::from_level(logging.level)
    } else {
        LevelFilter::OFF
    };
    Targets::new().with_target("tidings", level)
}
