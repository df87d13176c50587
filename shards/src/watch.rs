//! Watches a run that is to go on until a figure is known well enough, and brings its end forward then. A sink on slices like any other: it may
//! take its time, and the run does not wait for it.

use crate::lanes::Control;
use engine::phase::Phase;
use engine::plan::Plan;
use engine::record::Snapshot;
use engine::seams::{Grain, Sink};
use engine::until::{GoalProgress, Times, Until, UntilOutcome};
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

/// Confidence of the interval that is to be narrow.
const CONFIDENCE: f64 = 0.95;

/// How far a run has come on the way to its goal: the watch writes, the collector reads.
#[derive(Clone, Default)]
pub(crate) struct Looks(Arc<Mutex<Option<GoalProgress>>>);

impl Looks {
    /// As it was last seen.
    pub(crate) fn last(&self) -> Option<GoalProgress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, progress: GoalProgress) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress);
    }
}

/// The watch of one run.
pub(crate) struct Watch {
    until: Until,
    looks: Looks,
    is_over: bool,
    slice_ns: u64,
    control: Arc<Control>,
    outcome: Sender<UntilOutcome>,
}

impl Watch {
    /// The watch of a plan that has a goal, and where its outcome will come out.
    pub(crate) fn of(
        plan: &Plan,
        control: &Arc<Control>,
        looks: &Looks,
    ) -> Option<(Watch, Receiver<UntilOutcome>)> {
        let goal = plan.until.clone()?;
        let (outcome, receiver) = channel();
        let (control, slice_ns) = (control.clone(), plan.slice_ns());
        let window_ns = plan.phases.measure_to_ns - plan.phases.measure_from_ns;
        let until = Until::new(goal, CONFIDENCE, plan.seed).within(window_ns / slice_ns, slice_ns);
        looks.set(until.progress());
        let looks = looks.clone();
        Some((Watch { until, looks, is_over: false, slice_ns, control, outcome }, receiver))
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
        let is_over = self.until.push(times);
        self.looks.set(self.until.progress());
        if is_over {
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
