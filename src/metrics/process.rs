//! What the system says of this process, under the names that every exporter has for it.

use std::fmt;
use std::fs;

use jiff::Timestamp;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::page::Page;

/// What the system says; none of what it does not.
#[derive(Clone, Debug)]
pub struct Process {
    cpu_seconds: f64,
    resident_bytes: Option<u64>,
    virtual_bytes: Option<u64>,
    open_fds: Option<u64>,
    max_fds: Option<u64>,
    start_seconds: u64,
}

impl Process {
    /// Asks the system. Reads files of `/proc`: with very many descriptors that takes a while.
    #[must_use]
    pub fn read(started: Timestamp) -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let cpu = std::time::Duration::try_from(cpu).unwrap_or_default();
        // The directory is open itself while it is read.
        let open = fs::read_dir("/proc/self/fd").map(|fds| fds.count().saturating_sub(1) as u64);
        Self {
            cpu_seconds: cpu.as_secs_f64(),
            resident_bytes: bytes_of(&status, "VmRSS:"),
            virtual_bytes: bytes_of(&status, "VmSize:"),
            open_fds: open.ok(),
            max_fds: getrlimit(Resource::Nofile).current,
            start_seconds: super::seconds(started),
        }
    }

    /// What is known without the system.
    #[must_use]
    pub fn unknown(started: Timestamp) -> Self {
        Self {
            cpu_seconds: 0.0,
            resident_bytes: None,
            virtual_bytes: None,
            open_fds: None,
            max_fds: None,
            start_seconds: super::seconds(started),
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// Those of writing to the page.
    pub fn write(&self, page: &mut Page<'_>) -> fmt::Result {
        page.seconds(
            "process_cpu_seconds",
            "Processor time that the process has used, in seconds.",
            self.cpu_seconds,
        )?;
        let gauges = [
            (
                "process_resident_memory_bytes",
                "Memory of the process that is resident, in bytes.",
                self.resident_bytes,
            ),
            (
                "process_virtual_memory_bytes",
                "Memory of the process that is mapped, in bytes.",
                self.virtual_bytes,
            ),
            (
                "process_open_fds",
                "Descriptors that the process has open.",
                self.open_fds,
            ),
            (
                "process_max_fds",
                "Descriptors that the process may have open.",
                self.max_fds,
            ),
            (
                "process_start_time_seconds",
                "When the process began, in seconds since 1970.",
                Some(self.start_seconds),
            ),
        ];
        for (name, help, value) in gauges {
            if let Some(value) = value {
                page.gauge(name, help, value)?;
            }
        }
        Ok(())
    }
}

/// The line of that name, which is in kB.
fn bytes_of(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}
