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
/// After this a wait is told, and again after each of the longer ones.
const TOLD_AFTER: Duration = Duration::from_secs(3);
const TOLD_EVERY: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);
const CONNECT_MAX: Duration = Duration::from_secs(1);

/// Why what a server says may not be seen.
const HIDDEN_OUTPUT: &str = "its standard output is not shown, unless its command ends in `>&2`";

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
        let (command, place) = (redact::text(&self.command), places(addresses));
        let (asked, mut told) = (Instant::now(), 0);
        while asked.elapsed() < READY_MAX {
            go_on()?;
            if let Some(status) = self.ended() {
                return Err(Failure::runtime(format!(
                    "`{command}` ended ({status}) before it accepted connections at {place}\n  help: {HIDDEN_OUTPUT}"
                )));
            }
            if addresses.iter().any(accepts) {
                return Ok(());
            }
            if tellings(asked.elapsed()) > told {
                told = tellings(asked.elapsed());
                let (waited, most) = (asked.elapsed().as_secs(), READY_MAX.as_secs());
                eprintln!("waiting for `{command}` to accept connections at {place}: {waited} s of {most} s");
            }
            std::thread::sleep(POLL);
        }
        Err(Failure::runtime(format!(
            "`{command}` accepted no connection at {place} within {} s\n  help: let it listen where the plan's URL points; {HIDDEN_OUTPUT}",
            READY_MAX.as_secs()
        )))
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

/// How often a wait of this length is to have been told.
fn tellings(waited: Duration) -> u64 {
    match waited.checked_sub(TOLD_AFTER) {
        Some(longer) => 1 + longer.as_secs() / TOLD_EVERY.as_secs(),
        None => 0,
    }
}

/// Where a server is to listen.
fn places(addresses: &[SockAddr]) -> String {
    let place = |address: &SockAddr| match (address.as_socket(), address.as_pathname()) {
        (Some(address), _) => address.to_string(),
        (None, Some(path)) => path.display().to_string(),
        (None, None) => "the target's address".into(),
    };
    addresses.iter().map(place).collect::<Vec<_>>().join(" or ")
}

fn accepts(address: &SockAddr) -> bool {
    connect(address, CONNECT_MAX).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_after_seconds_and_then_now_and_again() {
        let told = |seconds| tellings(Duration::from_secs(seconds));
        assert_eq!([0, 2, 3, 12, 13, 22, 23].map(told), [0, 0, 1, 1, 2, 2, 3]);
    }
}
