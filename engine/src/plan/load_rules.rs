//! The rules that the load of every scenario keeps: it has an exact schedule, and can be lowered no further than shards can lower it.

use super::mistake::Mistake;
use crate::degrade::{FLOOR_PPM_MIN, WHOLE_PPM};
use crate::load::{Arrivals, Load, Overload};
use crate::quantity::DURATION_NS_MAX;
use crate::schedule::{Schedule, Segment, Shape};

/// What is wrong with a load that has a schedule, each with the key of the scenario that says it.
pub(super) fn mistakes(load: &Load) -> Vec<(&'static str, Mistake)> {
    let Load::Open { segments, arrivals, overload, .. } = load else { return Vec::new() };
    let mut mistakes = Vec::new();
    if let Some(problem) = inexactness(segments) {
        mistakes.push(("load", Mistake::new(problem, "use a rounder rate, or a shorter run")));
    }
    let is_recorded = |segment: &Segment| matches!(segment.shape, Shape::Recorded { .. });
    if *arrivals == Arrivals::Poisson && segments.iter().any(is_recorded) {
        let problem = "recorded arrivals come when they came, and not at random";
        mistakes.push(("load.arrivals", Mistake::new(problem, "leave `poisson` out")));
    }
    let wrong_length = |ns: u64| !(1..=DURATION_NS_MAX).contains(&ns);
    match *overload {
        Overload::Queue => {}
        Overload::Shed { deadline_ns } if !wrong_length(deadline_ns) => {}
        Overload::Shed { .. } => {
            let problem = "arrivals are dropped that have waited for a time that none can wait";
            mistakes.push(("load.deadline", Mistake::new(problem, "write `100ms` or the like")));
        }
        Overload::Degrade { slip_ns, floor_ppm } => {
            if !(FLOOR_PPM_MIN..=WHOLE_PPM).contains(&floor_ppm) {
                let problem = format!("{floor_ppm} millionths are no share that a load can be lowered to");
                mistakes.push(("load.floor", Mistake::new(problem, "write a share from `1%` to `100%`")));
            }
            if wrong_length(slip_ns) {
                let problem = "a load is lowered where arrivals wait for a time that none can wait";
                mistakes.push(("load.slip", Mistake::new(problem, "write `100ms` or the like")));
            }
        }
    }
    mistakes
}

/// Why a load has no exact schedule, if it has none.
fn inexactness(segments: &[Segment]) -> Option<String> {
    if segments.is_empty() || segments.iter().any(|segment| !segment.is_sound()) {
        return Some("a segment of the load is no time, or has no rate that can be offered".into());
    }
    Schedule::new(0, segments).err().map(|inexact| inexact.to_string())
}
