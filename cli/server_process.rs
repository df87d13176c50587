//! A server that a command starts: up before a run, gone after it.

use crate::exit::Failure;
use engine::redact;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use shards::preflight::connect;
use socket2::SockAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

/// How long a server may take until it accepts connections.
const READY_MAX: Duration = Duration::from_secs(60);
/// How long it may take to end once it was asked to.
const END_MAX: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);
const CONNECT_MAX: Duration = Duration::from_secs(1);

/// The process group of the server that is running; 0 when there is none.
static GROUP: AtomicI32 = AtomicI32::new(0);

/// Ends the running server at once, if there is one: for a process that is about to end without dropping anything.
pub(crate) fn kill() {
    let group = GROUP.load(Ordering::Acquire);
    if group > 0 {
        // That it is gone already is as good.
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}

/// A running server, of which there is one at a time. Dropping it ends it and all that it started.
pub(crate) struct Served {
    command: String,
    child: Child,
}

impl Served {
    /// Starts a shell command, where nothing answers yet. Its standard output goes nowhere; what it complains of is seen. That
    /// it cannot be started says nothing of the server.
    pub(crate) fn start(command: &str, addresses: &[SockAddr]) -> Result<Served, Failure> {
        if addresses.iter().any(accepts) {
            let shown = redact::text(command);
            let message = format!(
                "something else already answers at the target's address, so `{shown}` cannot be measured there\n  help: stop it first"
            );
            return Err(Failure::runtime(message));
        }
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::null()).process_group(0);
        let child = shell.spawn();
        let child = child.map_err(|error| {
            Failure::runtime(format!("`{}` cannot be started: {error}", redact::text(command)))
        })?;
        GROUP.store(child.id() as i32, Ordering::Release);
        Ok(Served { command: command.to_owned(), child })
    }

    /// Waits until one of the addresses accepts a connection, for as long as `go_on` has no objection. That none does is the
    /// server's doing.
    pub(crate) fn wait_until_ready(
        &mut self,
        addresses: &[SockAddr],
        go_on: impl Fn() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let asked = Instant::now();
        while asked.elapsed() < READY_MAX {
            go_on()?;
            if let Some(status) = self.ended() {
                let message = format!(
                    "`{}` ended ({status}) before it accepted connections",
                    redact::text(&self.command)
                );
                return Err(Failure::runtime(message));
            }
            if addresses.iter().any(accepts) {
                return Ok(());
            }
            std::thread::sleep(POLL);
        }
        let (command, seconds) = (redact::text(&self.command), READY_MAX.as_secs());
        let message = format!(
            "`{command}` accepted no connection at the target's address within {seconds} s\n  help: let it listen where the plan's URL points"
        );
        Err(Failure::runtime(message))
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Sends a signal to the shell and all that it started, which are a group of their own, and waits until they are gone.
    fn end_by(&mut self, signal: Signal) {
        let group = Pid::from_raw(self.child.id() as i32);
        let asked = Instant::now();
        // That it is gone already is as good.
        let _ = killpg(group, signal);
        while killpg(group, None).is_ok() && asked.elapsed() < END_MAX {
            // The shell itself is gone once it was waited for.
            self.ended();
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.end_by(Signal::SIGTERM);
        self.end_by(Signal::SIGKILL);
        GROUP.store(0, Ordering::Release);
        let _ = self.child.wait();
    }
}

fn accepts(address: &SockAddr) -> bool {
    connect(address, CONNECT_MAX).is_ok()
}
