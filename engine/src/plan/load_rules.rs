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

#[cfg(test)]
mod tests {
    use crate::config::{Document, Format, Layers, ReadConfig};
    use crate::plan::Plan;

    fn config(text: &str) -> ReadConfig {
        let document = Document { name: "plan".into(), text: text.into(), format: Format::Toml };
        Layers::new(Some(document)).unwrap().read()
    }

    fn read(load: &str) -> Plan {
        let read = config(&format!("url = 'h'\nload = {load}"));
        Plan::new(&read.config, &|_| Err(String::new())).unwrap()
    }

    #[test]
    fn a_stored_load_that_no_shard_can_keep_is_none() {
        let json = |load: &str| serde_json::to_value(read(load)).unwrap();
        let degrade = json("{ rate = 5, overload = 'degrade' }");
        let shed = json("{ rate = 5, overload = 'shed', deadline = '1s' }");
        for (json, value, place) in [
            (&degrade, serde_json::json!({ "degrade": { "slip_ns": 1, "floor_ppm": 0 } }), "load.floor"),
            (
                &degrade,
                serde_json::json!({ "degrade": { "slip_ns": 1, "floor_ppm": 5_000_000 } }),
                "load.floor",
            ),
            (&degrade, serde_json::json!({ "degrade": { "slip_ns": 0, "floor_ppm": 100_000 } }), "load.slip"),
            (&shed, serde_json::json!({ "shed": { "deadline_ns": u64::MAX } }), "load.deadline"),
        ] {
            let mut broken = json.clone();
            *broken.pointer_mut("/scenarios/0/load/open/overload").unwrap() = value;
            let error = serde_json::from_value::<Plan>(broken).unwrap_err().to_string();
            assert!(error.contains(&format!("plan.scenarios[0].{place}")), "{error}");
        }
        assert_eq!(
            serde_json::from_value::<Plan>(degrade).unwrap(),
            read("{ rate = 5, overload = 'degrade' }")
        );
    }

    #[test]
    fn recorded_arrivals_are_not_drawn_wherever_that_is_asked_for() {
        let recorded = read("{ shape = 'recorded', offsets = [0, 1, 2.5] }");
        let given = config("[load]\narrivals = 'poisson'");
        let wrong = recorded.repeated(&given, &|_| Err(String::new())).unwrap_err();
        let told = (wrong.len(), wrong[0].path.as_str());
        assert!(told == (1, "load.arrivals") && wrong[0].problem.contains("not at random"), "{wrong:?}");
        let mut stored = serde_json::to_value(&recorded).unwrap();
        *stored.pointer_mut("/scenarios/0/load/open/arrivals").unwrap() = "poisson".into();
        assert!(serde_json::from_value::<Plan>(stored).unwrap_err().to_string().contains("load.arrivals"));
    }

    #[test]
    fn what_a_repeated_plan_says_itself_is_not_given_beside_it() {
        let plan = read("{ rate = 5 }");
        for (key, given) in [
            ("retry", "retry = { attempts = 5, on = [503] }"),
            ("retry", "retry = { attempts = 5 }"),
            ("breaker", "breaker = { opens = '50% of 20' }"),
            ("cookies", "cookies = true"),
            ("run.sessions", "run.sessions = 5"),
            ("run.graceful", "run.graceful = '5s'"),
        ] {
            let wrong = plan.repeated(&config(given), &|_| Err(String::new())).expect_err(given);
            let told: Vec<(&str, &str)> =
                wrong.iter().map(|wrong| (wrong.path.as_str(), wrong.problem.as_str())).collect();
            assert_eq!(told, [(key, "the report's plan has its own")], "{given}");
        }
    }
}
