//! A PocketBase, and perhaps the sidecar before it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::program::Pocketbase;
use crate::http::Result;
use crate::sidecar::Sidecar;

/// Who tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Teller {
    Pocketbase,
    Tidings,
}

/// What is running.
#[derive(Debug)]
pub(crate) struct Served {
    // Ends first: nothing is asked of an API that is gone.
    sidecar: Option<Sidecar>,
    pub(crate) pocketbase: Pocketbase,
}

impl Teller {
    pub(crate) const ALL: [Self; 2] = [Self::Pocketbase, Self::Tidings];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pocketbase => "PocketBase",
            Self::Tidings => "Tidings",
        }
    }
}

impl Served {
    /// Starts a PocketBase with so many users, and what tells of its records.
    pub(crate) fn start(teller: Teller, program: &Path, users: usize) -> Result<Self> {
        let pocketbase = Pocketbase::start(program, users)?;
        let sidecar = match teller {
            Teller::Pocketbase => None,
            Teller::Tidings => Some(Sidecar::start_as(pocketbase.address, CONFIG)?),
        };
        Ok(Self {
            sidecar,
            pocketbase,
        })
    }

    /// Where clients connect.
    pub(crate) fn address(&self) -> SocketAddr {
        let sidecar = self.sidecar.as_ref();
        sidecar.map_or(self.pocketbase.address, |sidecar| sidecar.address)
    }

    /// The CPU time that the process that tells has taken so far.
    pub(crate) fn cpu(&self) -> Duration {
        let sidecar = self.sidecar.as_ref();
        sidecar.map_or_else(|| self.pocketbase.cpu(), Sidecar::cpu)
    }

    /// The memory that the process that tells has.
    pub(crate) fn resident_kib(&self) -> f64 {
        let sidecar = self.sidecar.as_ref();
        let process = sidecar.map_or_else(|| self.pocketbase.process(), Sidecar::process);
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.parse().ok()).unwrap_or(f64::NAN)
    }
}

/// The same rule as PocketBase's own, and the same users.
const CONFIG: &str = "\
observe: { preset: pocketbase }
realtime: { pocketbase: {} }
access:
  global: true
  identity: { preset: pocketbase, cache: 1h }
  superusers: \"@request.auth.collectionName = '_superusers'\"
  rules:
    posts: { list: 'owner = @request.auth.id', view: 'owner = @request.auth.id' }
";
