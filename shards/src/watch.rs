//! Watches a run that is to go on until a figure is known well enough, and brings its end forward then. A sink on slices like any other: it may
//! take its time, and the run does not wait for it.

use crate::lanes::Control;
use engine::phase::Phase;
use engine::plan::Plan;
use engine::record::Snapshot;
use engine::seams::{Grain, Sink};
use engine::until::{Times, Until, UntilOutcome};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

/// Confidence of the interval that is to be narrow.
const CONFIDENCE: f64 = 0.95;

/// The watch of one run.
pub(crate) struct Watch {
    until: Until,
    is_over: bool,
    slice_ns: u64,
    control: Arc<Control>,
    outcome: Sender<UntilOutcome>,
}

impl Watch {
    /// The watch of a plan that has a goal, and where its outcome will come out.
    pub(crate) fn of(plan: &Plan, control: &Arc<Control>) -> Option<(Watch, Receiver<UntilOutcome>)> {
        let goal = plan.until.clone()?;
        let (outcome, receiver) = channel();
        let until = Until::new(goal, CONFIDENCE, plan.seed);
        let (control, slice_ns) = (control.clone(), plan.slice_ns());
        Some((Watch { until, is_over: false, slice_ns, control, outcome }, receiver))
    }
}

impl Sink for Watch {
    fn name(&self) -> String {
        "--until".into()
    }

    fn grain(&self) -> Grain {
        Grain::Slice
    }

    fn snapshot(&mut self, snapshot: &Arc<Snapshot>) -> io::Result<()> {
        let middle_ns = snapshot.from_ns / 2 + snapshot.to_ns / 2;
        if self.is_over || snapshot.phases.at(middle_ns) != Phase::Measure {
            return Ok(());
        }
        let series = snapshot.measured_total();
        let times = match self.until.times() {
            Times::Response => &series.response,
            Times::Service => &series.service,
        };
        if self.until.push(times) {
            self.is_over = true;
            self.control.measure_to(self.control.ahead_ns(snapshot.to_ns, self.slice_ns));
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        // Nobody listens when the run was given up; then nobody wants to know.
        let _ = self.outcome.send(self.until.outcome());
        Ok(())
    }
}
