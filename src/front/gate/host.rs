//! What a Host field may say.

/// `uri-host [ ":" port ]` (RFC 9110 § 7.2), where the port is a number that there is; or nothing.
pub(super) fn is_host(text: &[u8]) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(byte);
    let (named, port) = match text.strip_prefix(b"[") {
        Some(literal) => {
            let Some(end) = literal.iter().position(|byte| *byte == b']') else {
                return false;
            };
            let (address, after) = literal.split_at(end);
            let of_address = |byte: &u8| is_name(byte) || *byte == b':';
            let named = !address.is_empty() && address.iter().all(of_address);
            (named, after.get(1..).unwrap_or_default())
        }
        None => {
            let end = text.iter().position(|byte| *byte == b':');
            let (name, port) = text.split_at(end.unwrap_or(text.len()));
            (name.iter().all(is_name), port)
        }
    };
    let port = match port.strip_prefix(b":") {
        None => port.is_empty(),
        Some(b"") => true,
        Some(digits) => {
            let number = std::str::from_utf8(digits).ok();
            let digits = digits.iter().all(u8::is_ascii_digit);
            digits && number.is_some_and(|n| n.parse::<u16>().is_ok())
        }
    };
    named && port
}
