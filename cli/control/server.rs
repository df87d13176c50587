//! The thread of a run that listens: to its socket, to SIGHUP, and to changes of its plan's file.

use super::changes::{ControlledRun, shown};
use super::messages::{Ask, ControlAnswer, LINE_BYTES_MAX, RefusedChange};
use super::reload::PlanFile;
use super::sockets::{self, PATIENCE};
use crate::output::messages::{Severity, tell};
use engine::report::RunEvent;
use engine::revision::{ChangeAsker, Revision};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use shards::now_ns;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often it is looked whether the run is over, a signal has come, or the file has changed; milliseconds.
const LOOK_MS: u16 = 250;
/// The most events that are kept.
const EVENTS_MAX: usize = 1_000;
/// How long the end of the run waits for this thread.
const END_PATIENCE: Duration = Duration::from_secs(1);

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
    events: Arc<Mutex<Vec<RunEvent>>>,
    path: Option<PathBuf>,
    thread: JoinHandle<()>,
}

struct Serving {
    run: ControlledRun,
    hearing: Hearing,
    events: Arc<Mutex<Vec<RunEvent>>>,
    is_quiet: bool,
}

impl ControlServer {
    /// Listens from now on. A socket that cannot be had is told, and costs nothing but itself.
    pub(crate) fn start(run: ControlledRun, hearing: Hearing) -> io::Result<ControlServer> {
        let (listener, path) = match sockets::listen(&run.run_id) {
            Ok((listener, path)) => (Some(listener), Some(path)),
            Err(error) => {
                let text = format!("`vajra control` cannot reach this run: {error}");
                tell(Severity::Warning, &text);
                (None, None)
            }
        };
        let is_over = Arc::new(AtomicBool::new(false));
        let flag = is_over.clone();
        let is_quiet = hearing.is_quiet;
        let events = Arc::default();
        let mut serving = Serving { run, hearing, events: Arc::clone(&events), is_quiet };
        let serve = move || {
            if let Ok(cores) = shards::cores_for(&serving.run.plan) {
                shards::leave_cores(&cores);
            }
            while !flag.load(Ordering::Acquire) {
                serving.turn(listener.as_ref());
            }
        };
        let thread = std::thread::Builder::new().name("control".into()).spawn(serve)?;
        Ok(ControlServer { is_over, events, path, thread })
    }

    /// The run is over. Returns what happened. Who is in the middle of asking is not waited for: a report does not hang on that.
    pub(crate) fn stop(self) -> Vec<RunEvent> {
        self.is_over.store(true, Ordering::Release);
        if let Some(path) = self.path {
            // Wakes the thread, which may be waiting for somebody who asks.
            drop(UnixStream::connect(&path));
            // One that is gone already was taken for one that was left behind.
            let _ = std::fs::remove_file(path);
        }
        let begun = Instant::now();
        while !self.thread.is_finished() && begun.elapsed() < END_PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::mem::take(&mut self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }
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
        // Before there is anything to change, both are kept for later.
        if self.run.elapsed_ns(now_ns()).is_none() {
            return;
        }
        if self.hearing.hangup.swap(false, Ordering::AcqRel) {
            self.reload(ChangeAsker::Signal);
        }
        let watches = self.hearing.watches;
        if watches && self.hearing.file.as_mut().is_some_and(PlanFile::has_changed) {
            self.reload(ChangeAsker::Watch);
        }
    }

    fn serve(&mut self, mut stream: &UnixStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let line = sockets::line(stream, LINE_BYTES_MAX)?;
        let answer = match serde_json::from_str::<Ask>(&line) {
            Ok(Ask::Reload) => self.reload(ChangeAsker::Control),
            Ok(ask) => {
                let answer = self.run.answer(&ask, now_ns());
                self.tell_all(&answer.revisions);
                answer
            }
            Err(error) => {
                let problem = format!("the line cannot be read: {error}");
                ControlAnswer::refused(RefusedChange::new(problem, "docs/CONTROL.md has what can be asked"))
            }
        };
        stream.write_all(format!("{}\n", serde_json::to_string(&answer)?).as_bytes())
    }

    /// Reads the plan again, and takes over what has changed, or nothing.
    fn reload(&mut self, by: ChangeAsker) -> ControlAnswer {
        match self.reloaded(by) {
            Ok(revisions) => {
                self.tell_all(&revisions);
                if revisions.is_empty() && by != ChangeAsker::Control {
                    self.happened(by, "the plan says what it said before".into());
                }
                ControlAnswer::done(revisions)
            }
            Err(refused) => {
                self.happened(by, format!("{}; {}", refused.problem, refused.fix));
                ControlAnswer::refused(refused)
            }
        }
    }

    fn reloaded(&mut self, by: ChangeAsker) -> Result<Vec<Revision>, RefusedChange> {
        let file = self.hearing.file.as_mut();
        let file =
            file.ok_or_else(|| RefusedChange::new("there is no plan to read again", "run a plan file"))?;
        let (changes, plan) = file.changes()?;
        // Reading takes its time, and the cut lies ahead of when it is over.
        let revisions = self.run.change(changes, by, now_ns())?;
        file.take_over(plan);
        Ok(shown(revisions))
    }

    /// What did not change the run is an event of its report.
    fn happened(&mut self, by: ChangeAsker, what: String) {
        if !self.is_quiet {
            tell(Severity::Note, &format!("{by}: {what}"));
        }
        let at_ns = self.run.elapsed_ns(now_ns()).unwrap_or(0);
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() < EVENTS_MAX {
            events.push(RunEvent { at_ns, by, what });
        }
    }

    fn tell_all(&self, revisions: &[Revision]) {
        for revision in revisions.iter().filter(|_| !self.is_quiet) {
            let Revision { cut_ns, by, .. } = revision;
            let text = format!("{by}: {revision} from {:.1} s on", *cut_ns as f64 / 1e9);
            tell(Severity::Note, &text);
        }
    }
}
