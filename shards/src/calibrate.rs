//! What this machine can do, part by part. How much one shard carries, how evenly it sends, how often the machine takes a core away,
//! and what a request and a connection cost.
//!
//! Every figure is measured by the parts that a run is made of, for a short and bounded time. Runs go through
//! [`crate::Shards`] like any other and carry their verdict, so that a noisy machine's figures are marked as such. What
//! cannot be measured here is left out, and why is said. How the figures are kept is `cache.rs`'s, and what
//! runs are judged by is `calibration.rs`'s.

mod cache;
mod calibration;
mod capacity;
mod cost;
mod effort;
mod halt;
mod hiccups;
mod host;
mod pacing;
mod placement;
#[cfg(test)]
mod sample;
mod trial;
mod wakeups;

pub use cache::{load, store};
pub use calibration::{Calibration, SCHEMA};
pub use capacity::{CapacityRun, Scaling};
pub use cost::{MemoryCost, Recording};
pub use effort::Effort;
pub use halt::Halt;
pub use hiccups::CoreHiccups;
pub use host::Host;
pub use pacing::{Pacing, SLIP_RATE_RPS};
pub use trial::TrialVerdict;
pub use wakeups::Wakeups;

use crate::machine::allowed_cores;
use engine::failure::RunFailure;
use std::path::PathBuf;
use std::time::Instant;

/// What is to be measured, and with what.
pub struct Calibrating {
    /// How long to measure.
    pub effort: Effort,
    /// The program itself, run again to see what connections cost. `None` leaves that out.
    pub program: Option<PathBuf>,
    /// When the calibration began, RFC 3339, UTC.
    pub measured_at: String,
}

/// Measures everything, or what can be measured before `halt` is set. `on_step` hears what is begun.
pub fn measure(calibrating: &Calibrating, halt: &Halt, on_step: &mut dyn FnMut(&str)) -> Calibration {
    let began = Instant::now();
    let (effort, cores) = (calibrating.effort, allowed_cores());
    let mut steps = Steps { halt, on_step, left_out: Vec::new() };
    let capacity = capacity::PIPELINES.into_iter().filter_map(|pipeline| {
        let name = format!("capacity, pipeline {pipeline}");
        steps.take(&name, || capacity::measure(effort, &cores, pipeline, halt))
    });
    let capacity: Vec<Scaling> = capacity.collect();
    let pacing = pacing::trials().filter_map(|trial| {
        let name = format!("pacing, {} at {} a second", trial.word(), trial.rate_rps);
        steps.take(&name, || pacing::measure(effort, &cores, trial, halt))
    });
    let pacing: Vec<Pacing> = pacing.collect();
    let watched = steps.take("hiccups", || hiccups::measure(effort.watching(), &cores, halt));
    let (hiccups, clock_ppm) = watched.unwrap_or_default();
    let wakeups = steps.take("wake-ups", || wakeups::measure(effort.waits(), &cores, halt));
    let recording = steps.take("recording", || Ok(cost::recording()));
    let memory = steps.take("memory", || cost::memory(calibrating.program.as_deref(), &cores));
    Calibration {
        schema: SCHEMA,
        host: Host::here(),
        measured_at: calibrating.measured_at.clone(),
        took_s: began.elapsed().as_secs_f64(),
        is_quick: effort.is_quick,
        capacity,
        pacing,
        hiccups,
        clock_ppm,
        wakeups: wakeups.unwrap_or_default(),
        recording: recording.unwrap_or_default(),
        memory,
        left_out: steps.left_out,
        cores,
    }
}

/// The parts, one after the other; one that cannot be measured costs nothing but itself.
struct Steps<'a> {
    halt: &'a Halt,
    on_step: &'a mut dyn FnMut(&str),
    left_out: Vec<String>,
}

impl Steps<'_> {
    fn take<T>(&mut self, name: &str, measure: impl FnOnce() -> Result<T, RunFailure>) -> Option<T> {
        if self.halt.is_set() {
            return None;
        }
        (self.on_step)(name);
        measure().map_err(|why| self.left_out.push(format!("{name}: {why}"))).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::failure::FailureKind;

    #[test]
    fn a_part_that_fails_is_left_out_with_its_reason_and_the_others_go_on() {
        let (halt, mut begun) = (Halt::default(), Vec::new());
        let mut on_step = |name: &str| begun.push(name.to_owned());
        let mut steps = Steps { halt: &halt, on_step: &mut on_step, left_out: Vec::new() };
        assert_eq!(steps.take::<u8>("first", || Err(FailureKind::Ring.failure("no ring"))), None);
        assert_eq!(steps.take("second", || Ok(7)), Some(7));
        halt.set();
        assert_eq!(steps.take("third", || Ok(9)), None);
        assert_eq!(steps.left_out, ["first: no ring"]);
        assert_eq!(begun, ["first", "second"]);
    }
}
