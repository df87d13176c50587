//! Runs of this machine, one or several in turn, which all stop at the same signal.

use crate::control::plan_reads::PlanReads;
use crate::exit::Failure;
use crate::signals::Listener;
use engine::orders::Orders;
use engine::plan::Plan;
use engine::report::{Calibrated, Identity, Report};
use engine::seams::{Runner, Sink};
use shards::Shards;
use socket2::SockAddr;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// How long a signal may go unnoticed by what waits.
const POLL: Duration = Duration::from_millis(20);

/// A run that has ended, however it went.
pub(crate) struct EndedRun {
    pub(crate) report: Report,
    /// Outputs that could not be written while it went on, in words.
    pub(crate) incomplete_outputs: Vec<String>,
}

/// A run that is to be made of a plan.
pub(crate) struct NewRun {
    /// Unique to it.
    pub(crate) id: String,
    /// What the machine was found to be able to do.
    pub(crate) calibration: Option<Calibrated>,
    /// Who hears of it while it goes on.
    pub(crate) sinks: Vec<Box<dyn Sink>>,
    /// How long it took to look up the host of each target, nanoseconds, where that was done.
    pub(crate) dns_ns: Vec<Option<u64>>,
    /// What can be asked of it while it goes on.
    pub(crate) orders: Orders,
    /// How often its plan is read.
    pub(crate) reads: Arc<PlanReads>,
}

impl NewRun {
    /// A run that nobody hears of, whose targets took so long to look up.
    pub(crate) fn new(calibration: Option<Calibrated>, dns_ns: Vec<Option<u64>>) -> NewRun {
        NewRun {
            id: Uuid::new_v4().to_string(),
            calibration,
            sinks: Vec::new(),
            dns_ns,
            orders: Orders::default(),
            reads: Arc::default(),
        }
    }
}

/// Carries out plans, and knows whether it was told to stop.
pub(crate) struct Session {
    signals: Listener,
}

impl Session {
    /// Listens for signals from now on.
    pub(crate) fn begin() -> Result<Session, Failure> {
        Ok(Session { signals: Listener::start()? })
    }

    /// Runs a plan to its end, or until a signal.
    pub(crate) fn run(
        &self,
        plan: &Plan,
        addresses: &[Vec<SockAddr>],
        run: NewRun,
    ) -> Result<EndedRun, Failure> {
        let orders = run.orders;
        self.signals.pass_on_to(&orders);
        let mut shards = Shards::new(addresses.to_vec()).calibrated(run.calibration).looked_up(run.dns_ns);
        let measured = match shards.run(plan, run.sinks, &orders) {
            Ok(measured) => measured,
            // A signal says more than what did not come to its end because of it.
            Err(failure) => return Err(self.go_on().err().unwrap_or_else(|| failure.into())),
        };
        let started_at = UNIX_EPOCH + Duration::from_nanos(measured.started_unix_ns);
        let identity = Identity { run_id: run.id, started_at: show_time(started_at) };
        let report = Report::new(plan, &measured, identity);
        Ok(EndedRun { report, incomplete_outputs: measured.incomplete_outputs() })
    }

    /// Does something that may wait for long, and gives up on it when a signal comes: it is left behind, on its own thread.
    pub(crate) fn heeding<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let (done, outcome) = channel();
        let run = move || {
            // Nobody waits for it any more after a signal.
            let _ = done.send(work());
        };
        let spawned = std::thread::Builder::new().name("preflight".into()).spawn(run);
        spawned.map_err(|error| Failure::runtime(format!("no thread for preflight: {error}")))?;
        loop {
            let outcome = outcome.recv_timeout(POLL);
            self.go_on()?;
            match outcome {
                Ok(outcome) => return Ok(outcome),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::runtime("preflight died; this is a mistake in Vajra"));
                }
            }
        }
    }

    /// The exit code of the signal that came last, if one came.
    pub(crate) fn signal(&self) -> Option<u8> {
        self.signals.code()
    }

    /// Ends the command when a signal came: what was asked for is not complete.
    pub(crate) fn go_on(&self) -> Result<(), Failure> {
        match self.signal() {
            Some(code) => Err(Failure::new(code, "stopped by a signal before it was done")),
            None => Ok(()),
        }
    }
}

/// An instant as RFC 3339 has it, UTC.
pub(crate) fn show_time(time: SystemTime) -> String {
    OffsetDateTime::from(time).format(&Rfc3339).unwrap_or_else(|_| "unknown".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::{Signal, raise};

    #[test]
    fn a_signal_ends_the_wait_for_what_does_not_end() {
        let session = Session::begin().unwrap();
        assert_eq!(session.heeding(|| 7).unwrap(), 7);
        let (began, has_begun) = channel();
        std::thread::spawn(move || {
            // Only once the work has begun, which never ends.
            has_begun.recv().unwrap();
            raise(Signal::SIGINT).unwrap();
        });
        let endless = move || -> () {
            began.send(()).unwrap();
            loop {
                std::thread::park();
            }
        };
        let failure = session.heeding(endless).unwrap_err();
        assert_eq!(failure.code, 130, "{}", failure.message);
    }
}
