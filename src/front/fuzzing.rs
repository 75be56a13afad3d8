//! What has to hold of the gate.
#![expect(
    clippy::panic,
    reason = "a promise that is broken is found by its panic"
)]

use super::gate::{self, Verdict};
use crate::connection::Framing;

/// A head is judged the same however much of it has come, and what is let through can be read in one
/// way.
pub(crate) fn head(data: &[u8]) {
    let verdict = gate::read(data);
    for part in 1..8 {
        let before = gate::read(data.get(..data.len() * part / 8).unwrap_or_default());
        assert!(
            before == Verdict::Partial || before == verdict,
            "{before:?}"
        );
    }
    let Verdict::Admitted(admitted) = &verdict else {
        return;
    };
    let head = data.get(..admitted.head_bytes).unwrap_or_default();
    assert!(head.ends_with(b"\r\n\r\n"));
    let lines: Vec<_> = head.split(|byte| *byte == b'\n').collect();
    let mut fields = Vec::new();
    for line in lines.iter().filter(|line| !line.is_empty()) {
        let line = line.strip_suffix(b"\r").expect("each line ends in CR LF");
        assert!(
            !line
                .iter()
                .any(|byte| matches!(byte, 0..=8 | 10..=31 | 127))
        );
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        fields.push(name.to_ascii_lowercase());
    }
    let fields = fields.get(1..).unwrap_or_default();
    let count = |name: &[u8]| fields.iter().filter(|field| **field == name).count();
    let old = lines
        .first()
        .is_some_and(|line| line.ends_with(b" HTTP/1.0\r"));
    assert!(count(b"host") == 1 || (old && count(b"host") == 0));
    let told = (count(b"content-length"), count(b"transfer-encoding"));
    match admitted.framing {
        Framing::Length(_) => assert_eq!(told, (1, 0)),
        Framing::Chunked(_) => assert_eq!(told, (0, 1)),
        Framing::Complete => assert_eq!(told, (0, 0)),
    }
    // What goes on is judged the same.
    if let Ok(passable) = gate::passable(head.into()) {
        let Verdict::Admitted(again) = gate::read(&passable) else {
            panic!("what passes is not admitted: {}", passable.escape_ascii());
        };
        assert_eq!(again.head_bytes, passable.len());
        assert_eq!(again.method, admitted.method);
        assert_eq!(again.framing, admitted.framing);
        assert_eq!(again.keep_alive, admitted.keep_alive);
    }
}
