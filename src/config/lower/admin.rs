//! `admin`: where the operator asks.

use std::net::SocketAddr;

use serde_saphyr::Spanned;

use super::{Lower, address, boolean};
use crate::config::fault::Problem;
use crate::config::file::{self, Either, Text, place};

/// The address, an address alone or in a table, which is not `listen`; and whether the sidecar is
/// ready while it is degraded.
pub(super) fn admin(
    file: Option<&Spanned<Either<file::Admin>>>,
    listen: Option<SocketAddr>,
    lower: &mut Lower<'_>,
) -> (Option<SocketAddr>, bool) {
    let of_text = |text: &str| match address(text)? {
        admin if Some(admin) == listen && admin.port() != 0 => Err(Problem::Taken {
            of: "listen".to_owned(),
        }),
        admin => Ok(admin),
    };
    let Some(file) = file else {
        return (None, READY_WHEN_DEGRADED);
    };
    match &file.value {
        Either::Text(value) => {
            let text = Text {
                value: value.clone(),
                place: place(file.referenced),
            };
            (lower.read(&text, of_text), READY_WHEN_DEGRADED)
        }
        Either::Table(table) => {
            let ready = table.ready_when_degraded.as_ref();
            let ready = lower.or(ready, READY_WHEN_DEGRADED, boolean);
            (lower.read(&table.listen, of_text), ready)
        }
    }
}

/// The API comes first.
const READY_WHEN_DEGRADED: bool = true;
