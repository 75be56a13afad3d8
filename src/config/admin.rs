//! Of a configuration `admin` alone, for who asks a sidecar that runs by it.

use std::net::SocketAddr;
use std::path::Path;

use super::ConfigErrors;
use super::fault::Fault;
use super::file::{Either, NamesAdmin, Text, place};
use super::lower::{Lower, address};
use super::source::Source;

/// Where the configuration at `path` has the admin address; none: nowhere. Whatever else is in it
/// may be wrong, or need a variable that is not set.
///
/// # Errors
/// [`ConfigErrors`]: the file cannot be read, is no YAML, or has no address there.
pub fn admin(
    path: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<SocketAddr>, ConfigErrors> {
    let source = Source::read(path).map_err(|problem| Fault::of_file(path, problem))?;
    let file: NamesAdmin = source.parse()?;
    let mut lower = Lower::new(&source, env);
    let text = file.admin.map(|admin| match admin.value {
        Either::Table(table) => table.listen,
        Either::Text(value) => Text {
            value,
            place: place(admin.referenced),
        },
    });
    let admin = text.and_then(|text| lower.read(&text, address));
    let errors = lower.into_errors();
    if errors.is_empty() {
        Ok(admin)
    } else {
        Err(errors)
    }
}
