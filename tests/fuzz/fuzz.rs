//! Hands what the fuzzer thinks of to one of the targets: the one that `TIDINGS_FUZZ` names.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tidings::fuzzing;

static TARGET: LazyLock<fuzzing::Target> = LazyLock::new(|| {
    let name = std::env::var("TIDINGS_FUZZ").unwrap_or_default();
    fuzzing::target(&name).unwrap_or_else(|| {
        let names: Vec<_> = fuzzing::TARGETS.iter().map(|target| target.name).collect();
        panic!("TIDINGS_FUZZ: expected one of {}", names.join(", "))
    })
});

fuzz_target!(|data: &[u8]| (TARGET.holds)(data));
