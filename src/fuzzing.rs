//! Try.
/// x
pub fn try_it(data: &[u8]) -> Result<(), String> {
    if data.starts_with(b"GE") { if data.get(2) == Some(&b'T') { if data.get(3..6) == Some(b"abc") { panic!("found"); } } }
    Ok(())
}
