//! The `tidings` command; all of it is in the library.

use std::process::ExitCode;

/// pingora allocates per request; the system's allocator costs it several microseconds each.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    tidings::cli::main()
}
