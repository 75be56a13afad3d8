//! Keys for the tests of tokens: `tests/run` makes them, by `make.mjs` beside this.

use std::path::PathBuf;

/// Where they are.
pub(crate) fn folder() -> PathBuf {
    let tools = std::env::var_os("TIDINGS_TEST_TOOLS").map(PathBuf::from);
    // Where `tests/run` puts them: beside the folder that the tests were built into.
    let beside = || {
        let test = std::env::current_exe().unwrap();
        test.ancestors().nth(3).unwrap().join("test-tools")
    };
    tools.unwrap_or_else(beside).join("keys")
}

/// The text of the key of that name. Shape: `rsa.pub.pem`.
pub(crate) fn key(name: &str) -> &'static str {
    let file = folder().join(name);
    let text = std::fs::read_to_string(&file);
    let text = text.unwrap_or_else(|_| panic!("{} is missing: tests/run makes it", file.display()));
    text.leak()
}
