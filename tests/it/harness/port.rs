//! Ports for processes that cannot be told to choose one.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// A port on loopback that nobody listens at.
///
/// Taken from below the range that the kernel gives to outgoing connections, so that none
/// of those takes it before the process that is told of it does, and never the same twice.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Another run of the tests at the same time begins elsewhere.
    let begin = u16::try_from(std::process::id() % 100).expect("below 100") * 120;
    loop {
        let port = FIRST + (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % (LAST - FIRST);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

const FIRST: u16 = 20_000;
const LAST: u16 = 32_000;
