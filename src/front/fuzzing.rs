//! What has to hold of the gate.
#![expect(
    clippy::panic,
    reason = "a promise that is broken is found by its panic"
)]

use super::gate::{self, Admitted, Verdict, stays_behind};
use super::onward;
use crate::connection::{Framing, RequestId};
use crate::limits::HEAD_FIELDS_MAX;

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
    goes_on(head, admitted, fields.len());
}

/// What goes on is judged the same, and nothing that came stands beside what is told.
fn goes_on(came: &[u8], admitted: &Admitted, fields: usize) {
    const TOLD: &[u8] = b"Forwarded: for=a\r\nX-Forwarded-For: a\r\n";
    if fields + 3 > HEAD_FIELDS_MAX {
        return;
    }
    let id = RequestId::by_chance();
    let onward = onward::head(came, admitted.leaves_behind, TOLD, &id);
    let Verdict::Admitted(again) = gate::read(&onward) else {
        panic!("what goes on is not admitted: {}", onward.escape_ascii());
    };
    assert_eq!(again.head_bytes, onward.len());
    assert_eq!(again.framing, admitted.framing);
    assert_eq!(again.keep_alive, admitted.keep_alive);
    assert_eq!(
        (&again.path, &again.query),
        (&admitted.path, &admitted.query)
    );
    assert_eq!(again.request_id, Some(id));
    let own = onward.as_ref().split(|byte: &u8| *byte == b'\n').skip(1);
    let own = own.filter_map(|line| std::str::from_utf8(line.split(|b| *b == b':').next()?).ok());
    assert_eq!(own.filter(|name| stays_behind(name)).count(), 3);
}
