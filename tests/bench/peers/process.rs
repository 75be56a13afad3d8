//! Programs as processes, each on its core, and all of them gone when the benchmark is.
//!
//! A process is started by way of this program itself: that pins it, lets it open as many sockets as
//! it may, has the kernel end it with whoever started it, and becomes the program.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Resource, Rlimit, Signal, getrlimit, kill_process, set_parent_process_death_signal,
    setrlimit,
};

use crate::cores::{self, Whose};
use crate::http::Result;

/// A running process; it is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    printed: PathBuf,
}

/// Becomes that program: what the process does that [`command`] starts.
pub(crate) fn become_program(core: Option<usize>, program: &OsStr, arguments: &[OsString]) -> ! {
    set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
    if let Some(core) = core {
        cores::pin(core);
    }
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    let error = Command::new(program).args(arguments).exec();
    panic!("{} cannot be started: {error}", program.display());
}

/// A program on a core, with the first of its arguments.
pub(crate) fn command(
    whose: Whose,
    program: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Command {
    let mut command = Command::new(this());
    command.arg("exec");
    if let Some(core) = cores::of(whose) {
        command.args(["--core", &core.to_string()]);
    }
    command.arg("--").args(program).env("RUST_BACKTRACE", "0");
    command.stdin(Stdio::null());
    command
}

/// The same of a role of this program itself.
pub(crate) fn own_role(whose: Whose, role: &str) -> Command {
    command(whose, [this().as_os_str(), OsStr::new(role)])
}

/// This program.
pub(crate) fn this() -> PathBuf {
    std::env::current_exe().unwrap()
}

impl Process {
    /// Starts it. What it prints is kept in `folder`.
    pub(crate) fn start(name: &'static str, mut command: Command, folder: &Path) -> Result<Self> {
        let printed = folder.join(format!("{name}.printed"));
        let file = File::create(&printed).map_err(|error| error.to_string())?;
        let both = file.try_clone().map_err(|error| error.to_string())?;
        let child = command.stdout(file).stderr(both).spawn();
        let child = child.map_err(|error| format!("{name} cannot be started: {error}"))?;
        Ok(Self {
            name,
            child,
            printed,
        })
    }

    /// Waits until it listens at `address`.
    pub(crate) fn listens(mut self, address: SocketAddr) -> Result<Self> {
        let until = Instant::now() + START_MAX;
        while TcpStream::connect(address).is_err() {
            let name = self.name;
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("{name} ended ({status}): {}", self.last_lines()));
            }
            if Instant::now() > until {
                return Err(format!("{name} does not listen: {}", self.last_lines()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(self)
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a key on its terminal would: in order, and at once.
    pub(crate) fn interrupt(&mut self) -> Result<ExitStatus> {
        // It may have ended by itself.
        kill_process(Pid::from_child(&self.child), Signal::INT).ok();
        self.ends_within(END_MAX)
    }

    /// Waits until it ends by itself.
    pub(crate) fn ends_within(&mut self, most: Duration) -> Result<ExitStatus> {
        let until = Instant::now() + most;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                _ => return Err(format!("{} does not end: {}", self.name, self.last_lines())),
            }
        }
    }

    /// The end of what it has printed, on one line.
    pub(crate) fn last_lines(&self) -> String {
        last_lines(&std::fs::read(&self.printed).unwrap_or_default())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The end of what was printed, on one line.
pub(crate) fn last_lines(printed: &[u8]) -> String {
    let text = String::from_utf8_lossy(printed);
    let told = |line: &&str| !line.trim().is_empty() && !line.starts_with("note: ");
    let lines: Vec<_> = text.lines().filter(told).map(str::trim).collect();
    lines[lines.len().saturating_sub(LINES)..].join(" ")
}

const START_MAX: Duration = Duration::from_mins(1);
const END_MAX: Duration = Duration::from_secs(30);
const LINES: usize = 6;
