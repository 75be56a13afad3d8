//! What the sidecar promises, tried on the real program.
//!
//! A file a subject, a test a promise. Each starts what it needs, on ports of its own, and
//! leaves nothing behind; `harness` is the language that they are written in. In `faults`
//! everything around the sidecar fails, and a checker judges what came of it.
//!
//! `tests/run` installs json-server, Django, Kinto, PocketBase, the npm and Python clients and Chromium,
//! without which some fail.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and what it prints is its report"
)]

mod harness;

mod access;
mod asking;
mod bodies;
mod changing;
mod cli;
mod clients;
mod coded;
mod completing;
mod conformance;
mod cutting;
mod demo;
mod drain;
#[path = "../faults/mod.rs"]
mod faults;
mod forms;
mod gate;
mod healthcheck;
mod identity;
mod javascript;
mod jwt;
mod keeping;
#[path = "../keys/mod.rs"]
mod keys;
mod limits;
mod listening;
mod loadtest;
mod metrics;
mod narrowing;
mod observing;
mod packaged;
mod pages;
mod passing;
mod pocketbase;
mod pocketbase_itself;
mod presets;
mod proxied;
mod publishing;
mod reaching;
mod reload;
mod repeating;
mod replay;
mod rest_framework;
mod restdb;
mod rules;
mod schema;
mod shown;
mod streams;
mod strict;
mod tail;
mod tidy;
mod wire;
