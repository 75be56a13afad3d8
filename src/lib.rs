//! Tidings: a reverse-proxy sidecar that adds realtime to any REST API.

pub mod limits;

pub mod event;
pub mod topic;

pub mod access;
pub mod dialect;
pub mod observe;
pub mod sse;

pub mod hub;
pub mod log;

pub mod config;

pub mod front;
pub mod proxy;
pub mod demo;
