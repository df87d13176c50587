//! The thread of a run that listens: to its socket, to SIGHUP, and to changes of its plan's file.

use super::changes::ControlledRun;
use super::messages::{Answer, Ask, Refused};
use super::reload::PlanFile;
use super::sockets::{self, PATIENCE};
use crate::output::messages::{Severity, tell};
use engine::report::RunEvent;
use engine::revision::{Asker, Revision};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use shards::now_ns;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// How often it is looked whether the run is over, a signal has come, or the file has changed; milliseconds.
const LOOK_MS: u16 = 250;
/// The most events that are kept.
const EVENTS_MAX: usize = 1_000;

/// What else is listened to.
pub(crate) struct Hearing {
    /// The plan's file, where there is one.
    pub(crate) file: Option<PlanFile>,
    /// Its changes are taken over as they come.
    pub(crate) watches: bool,
    /// SIGHUP has come.
    pub(crate) hangup: Arc<AtomicBool>,
    /// Nothing is told on standard error.
    pub(crate) is_quiet: bool,
}

/// A run that listens, until this is told that it is over.
pub(crate) struct ControlServer {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<RunEvent>>,
}

struct Serving {
    run: ControlledRun,
    hearing: Hearing,
    events: Vec<RunEvent>,
    is_quiet: bool,
}

impl ControlServer {
    /// Listens from now on. A socket that cannot be had is told, and costs nothing but itself.
    pub(crate) fn start(run: ControlledRun, hearing: Hearing) -> io::Result<ControlServer> {
        let listener = match sockets::listen(&run.run_id) {
            Ok(listener) => Some(listener),
            Err(error) => {
                let text = format!("`vajra control` cannot reach this run: {error}");
                tell(Severity::Warning, &text);
                None
            }
        };
        let is_over = Arc::new(AtomicBool::new(false));
        let flag = is_over.clone();
        let is_quiet = hearing.is_quiet;
        let mut serving = Serving { run, hearing, events: Vec::new(), is_quiet };
        let serve = move || {
            while !flag.load(Ordering::Acquire) {
                serving.turn(listener.as_ref().map(|(listener, _)| listener));
            }
            if let Some((_, path)) = listener {
                remove(path);
            }
            serving.events
        };
        let thread = std::thread::Builder::new().name("control".into()).spawn(serve)?;
        Ok(ControlServer { is_over, thread })
    }

    /// The run is over. Returns what happened.
    pub(crate) fn stop(self) -> Vec<RunEvent> {
        self.is_over.store(true, Ordering::Release);
        self.thread.join().unwrap_or_default()
    }
}

/// A socket that is gone already was taken for one that was left behind.
fn remove(path: PathBuf) {
    let _ = std::fs::remove_file(path);
}

impl Serving {
    /// Waits for somebody who asks, and looks at all else.
    fn turn(&mut self, listener: Option<&UnixListener>) {
        let timeout = PollTimeout::from(LOOK_MS);
        let has_come = match listener {
            Some(listener) => {
                let mut fds = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
                // An interruption is as good as nobody.
                poll(&mut fds, timeout).is_ok_and(|ready| ready > 0)
            }
            None => {
                let _ = poll(&mut [], timeout);
                false
            }
        };
        if let Some(listener) = listener.filter(|_| has_come)
            && let Ok((stream, _)) = listener.accept()
        {
            // One who asks and goes away before the answer does without it.
            let _ = self.serve(&stream);
        }
        if self.hearing.hangup.swap(false, Ordering::AcqRel) {
            self.reload(Asker::Signal);
        }
        let watches = self.hearing.watches;
        if watches && self.hearing.file.as_mut().is_some_and(PlanFile::has_changed) {
            self.reload(Asker::Watch);
        }
    }

    fn serve(&mut self, mut stream: &UnixStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let line = sockets::line(stream)?;
        let answer = match serde_json::from_str::<Ask>(&line) {
            Ok(Ask::Reload) => self.reload(Asker::Control),
            Ok(ask) => {
                let answer = self.run.answer(&ask, now_ns());
                self.tell_all(&answer.revisions);
                answer
            }
            Err(error) => {
                let problem = format!("the line cannot be read: {error}");
                Answer::refused(Refused::new(problem, "docs/CONTROL.md has what can be asked"))
            }
        };
        stream.write_all(format!("{}\n", serde_json::to_string(&answer)?).as_bytes())
    }

    /// Reads the plan again, and takes over what has changed, or nothing.
    fn reload(&mut self, by: Asker) -> Answer {
        let now_ns = now_ns();
        match self.reloaded(by, now_ns) {
            Ok(revisions) => {
                self.tell_all(&revisions);
                if revisions.is_empty() && by != Asker::Control {
                    self.happened(by, now_ns, "the plan says what it said before".into());
                }
                Answer::done(revisions)
            }
            Err(refused) => {
                self.happened(by, now_ns, format!("{}; {}", refused.problem, refused.fix));
                Answer::refused(refused)
            }
        }
    }

    fn reloaded(&mut self, by: Asker, now_ns: u64) -> Result<Vec<Revision>, Refused> {
        let file = self.hearing.file.as_mut();
        let file = file.ok_or_else(|| Refused::new("there is no plan to read again", "run a plan file"))?;
        let (changes, plan) = file.changes()?;
        let revisions = self.run.change(changes, by, now_ns)?;
        file.take_over(plan);
        Ok(revisions)
    }

    /// What did not change the run is an event of its report.
    fn happened(&mut self, by: Asker, now_ns: u64, what: String) {
        if !self.is_quiet {
            tell(Severity::Note, &format!("{by}: {what}"));
        }
        if self.events.len() < EVENTS_MAX {
            let at_ns = self.run.elapsed_ns(now_ns).unwrap_or(0);
            self.events.push(RunEvent { at_ns, by, what });
        }
    }

    fn tell_all(&self, revisions: &[Revision]) {
        for revision in revisions.iter().filter(|_| !self.is_quiet) {
            let Revision { scenario, cut_ns, change, by, .. } = revision;
            let text = format!("{by}: `{scenario}` {change} from {:.1} s on", *cut_ns as f64 / 1e9);
            tell(Severity::Note, &text);
        }
    }
}
