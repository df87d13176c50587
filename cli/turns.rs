//! Runs of this machine, one or several in turn, with one pair of ears for signals.

use crate::exit::Failure;
use crate::signals::Listener;
use engine::plan::Plan;
use engine::report::{Calibrated, Identity, Report};
use engine::seams::{Runner, Sink};
use shards::Shards;
use shards::lanes::Control;
use socket2::SockAddr;
use std::sync::Arc;
use std::time::SystemTime;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// Carries out plans, and knows whether it was told to stop.
pub(crate) struct Turns {
    signals: Listener,
}

impl Turns {
    /// Listens for signals from now on.
    pub(crate) fn begin() -> Result<Turns, Failure> {
        Ok(Turns { signals: Listener::start().map_err(Failure::runtime)? })
    }

    /// Runs a plan to its end, or until a signal.
    pub(crate) fn run(
        &self,
        plan: &Plan,
        addresses: &[SockAddr],
        calibration: Option<Calibrated>,
        sinks: Vec<Box<dyn Sink>>,
    ) -> Result<Report, Failure> {
        let control = Arc::new(Control::default());
        self.signals.pass_on_to(control.clone());
        let mut shards = Shards::new(addresses.to_vec(), control, Box::new(identity)).calibrated(calibration);
        shards.run(plan, sinks).map_err(Failure::runtime)
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

fn identity(started_at: SystemTime) -> Identity {
    Identity { run_id: Uuid::new_v4().to_string(), started_at: show_time(started_at) }
}

/// An instant as RFC 3339 has it, UTC.
pub(crate) fn show_time(time: SystemTime) -> String {
    OffsetDateTime::from(time).format(&Rfc3339).unwrap_or_else(|_| "unknown".into())
}
