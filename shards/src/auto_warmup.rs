//! The end of a warm-up that nobody set. Response times are watched slice by slice, and once they are steady every shard is told
//! where the measured window begins.

use crate::lanes::Control;
use engine::phase::{Phase, Phases, Warmup};
use engine::plan::Plan;
use engine::record::Snapshot;
use engine::steady::{Reading, Steady};
use std::sync::Arc;

/// Waits for a run to be steady.
pub(crate) struct Warming {
    steady: Steady,
    control: Arc<Control>,
    phases: Phases,
    slice_ns: u64,
    is_closed_loop: bool,
    /// When all scenarios have begun, from the start of the run: before, nothing is steady.
    begun_ns: u64,
    /// `None` where the plan says how long the warm-up is.
    is_found: Option<bool>,
}

impl Warming {
    pub(crate) fn new(plan: &Plan, control: Arc<Control>) -> Warming {
        Warming {
            steady: Steady::new(Steady::SLICES_MIN),
            control,
            phases: plan.phases,
            slice_ns: plan.slice_ns(),
            is_closed_loop: plan.is_closed(),
            begun_ns: plan.scenarios.iter().map(|scenario| scenario.starts_ns).max().unwrap_or(0),
            is_found: (plan.warmup == Warmup::Auto).then_some(false),
        }
    }

    /// Whether response times were found to be steady; `None` when nobody looked.
    pub(crate) fn is_steady(&self) -> Option<bool> {
        self.is_found
    }

    /// Where the window ends, once somebody decided that in the run.
    pub(crate) fn end_ns(&self) -> Option<u64> {
        self.control.measure_to_ns()
    }

    /// Looks at the next slice. Returns the bounds of the phases when that changed them, which the shards then know of.
    pub(crate) fn watch(&mut self, slice: &Snapshot) -> Option<Phases> {
        let is_warming = self.phases.at(slice.from_ns / 2 + slice.to_ns / 2) == Phase::Warmup;
        if self.is_found != Some(false) || !is_warming || slice.from_ns < self.begun_ns {
            return None;
        }
        self.steady.push(self.reading(slice))?;
        self.is_found = Some(true);
        let from_ns = self.control.ahead_ns(slice.to_ns, self.slice_ns);
        if from_ns >= self.phases.measure_from_ns {
            // The bound that was planned comes first.
            return None;
        }
        self.control.measure_from(from_ns);
        self.phases.measure_from_ns = from_ns;
        Some(self.phases)
    }

    fn reading(&self, slice: &Snapshot) -> Reading {
        let series = slice.total();
        let length_s = slice.to_ns.saturating_sub(slice.from_ns).max(1) as f64 / 1e9;
        let ended = (series.ok + series.failed()) as f64;
        Reading {
            median_ns: series.response.quantile_ns(0.5) as f64,
            p90_ns: series.response.quantile_ns(0.9) as f64,
            rate_rps: self.is_closed_loop.then_some(ended / length_s),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::config::{Config, Text};
    use engine::outcome::Outcome;
    use engine::quantity::{MILLISECOND_NS, SECOND_NS};
    use engine::record::{Instants, Recorder};

    const SLICE_NS: u64 = 100 * MILLISECOND_NS;

    fn auto_warmup(warmup: &str) -> (Warming, Arc<Control>, Plan) {
        let text = |value: &str| Some(Text(value.into()));
        let mut config = Config { url: text("http://h/"), ..Config::default() };
        (config.run.duration, config.run.warmup) = (text("20s"), text(warmup));
        config.load.rate = text("1000");
        let plan = Plan::new(&config, &|_| Err(String::new())).unwrap();
        let control = Arc::new(Control::default());
        (Warming::new(&plan, control.clone()), control, plan)
    }

    fn slice(index: u64, response_ns: u64, plan: &Plan) -> Snapshot {
        let mut recorder = Recorder::new(0, &plan.layout(), plan.phases);
        (recorder.from_ns, recorder.to_ns) = (index * SLICE_NS, (index + 1) * SLICE_NS);
        for n in 0..50 {
            let intended = recorder.from_ns + n * MILLISECOND_NS;
            let instants = Instants { intended, sent: intended, done: intended + response_ns + n * 1_000 };
            recorder.done(0, Outcome::Ok(200), instants, 0, 1);
        }
        let mut snapshot = Snapshot::new(1, &plan.layout(), plan.phases);
        snapshot.absorb(&recorder);
        snapshot
    }

    /// A target that is slow for two seconds. Where the window begins, and when that was decided.
    fn window(warmup: &str, slices: u64) -> (Option<(u64, u64)>, Option<bool>) {
        let (mut auto_warmup, control, plan) = auto_warmup(warmup);
        for index in 0..slices {
            let response_ns = (5 + 20_u64.saturating_sub(index)) * MILLISECOND_NS;
            if let Some(phases) = auto_warmup.watch(&slice(index, response_ns, &plan)) {
                assert_eq!(
                    control.measure_from_ns(),
                    Some(phases.measure_from_ns),
                    "shards are told the same"
                );
                return (Some((phases.measure_from_ns, (index + 1) * SLICE_NS)), auto_warmup.is_steady());
            }
        }
        (None, auto_warmup.is_steady())
    }

    #[test]
    fn the_window_begins_ahead_of_what_was_seen_and_after_the_slow_start() {
        let (Some((from_ns, decided_ns)), Some(true)) = window("auto", 100) else { panic!("never steady") };
        assert!(from_ns > 2 * SECOND_NS && from_ns > decided_ns, "{from_ns} {decided_ns}");
        assert!(from_ns.is_multiple_of(SLICE_NS));
    }

    #[test]
    fn without_enough_to_see_it_is_not_steady_and_the_planned_bound_stays() {
        assert_eq!(window("auto", 40), (None, Some(false)));
    }

    #[test]
    fn a_warm_up_of_a_set_length_is_nobodys_business() {
        assert_eq!(window("2s", 100), (None, None));
    }
}
