//! What a calibration found, and what of it a plan is judged by.

use super::capacity::Scaling;
use super::cost::{MemoryCost, Recording};
use super::hiccups::CoreHiccups;
use super::host::Host;
use super::pacing::{Pacing, SLIP_RATE_RPS};
use super::wakeups::Wakeups;
use engine::plan::{Plan, Target, Wait};
use engine::report::Calibrated;
use serde::{Deserialize, Serialize};

/// Version of the keys. A cache of another version is not read.
pub const SCHEMA: u32 = 1;

/// Everything that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What the figures hold for.
    pub host: Host,
    /// When it was begun, RFC 3339, UTC.
    pub measured_at: String,
    /// How long it took, seconds.
    pub took_s: f64,
    /// True for a short look.
    pub is_quick: bool,
    /// The cores that this process may use.
    pub cores: Vec<usize>,
    /// Closed loops against the null responder: one request under way on a connection, and many. Empty on one core.
    pub capacity: Vec<Scaling>,
    /// Open loops against the arrival recorder, by way of waiting and rate. Empty on one core.
    pub pacing: Vec<Pacing>,
    /// How often each core was taken away.
    pub hiccups: Vec<CoreHiccups>,
    /// How far the TSC, as scaled, ran from CLOCK_MONOTONIC in a second at the worst, parts per million.
    pub clock_ppm: f64,
    /// How late io_uring's waits end.
    pub wakeups: Vec<Wakeups>,
    /// What writing down a request costs.
    pub recording: Recording,
    /// What a connection costs.
    pub memory: Option<MemoryCost>,
    /// What was not measured, and why.
    pub left_out: Vec<String>,
}

impl Calibration {
    /// The figures that a plan is judged by.
    pub fn for_plan(&self, plan: &Plan) -> Calibrated {
        // A connection of an open loop has as many requests under way as happen to be, whatever its pipeline allows.
        let pipeline = plan.targets.iter().map(Target::pipeline).max().unwrap_or(1);
        let is_filled = pipeline == 1 || plan.is_closed();
        let is_alike = |scaling: &&Scaling| is_filled && scaling.pipeline == pipeline;
        let scaling = self.capacity.iter().find(is_alike);
        let slip_p99_ns = |wait| {
            let pacing = self.pacing.iter().find(|p| p.wait == wait && p.rate_rps == SLIP_RATE_RPS);
            pacing.map(|pacing| pacing.slip_ns.p99)
        };
        Calibrated {
            measured_at: self.measured_at.clone(),
            capacity_rps_per_shard: scaling
                .map(|scaling| scaling.model_rps(plan.machine.shards) / f64::from(plan.machine.shards)),
            capacity_pipeline: scaling.map_or(pipeline, |scaling| scaling.pipeline),
            capacity_is_noisy: scaling.is_some_and(|scaling| scaling.is_noisy),
            slip_p99_spin_ns: slip_p99_ns(Wait::Spin),
            slip_p99_park_ns: slip_p99_ns(Wait::Park),
            slip_rate_rps: SLIP_RATE_RPS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::sample;
    use super::*;
    use engine::config::{Document, Format, Layers};

    fn plan(run: &str) -> Plan {
        let text = format!("url = 'http://h/'\n[run]\n{run}");
        let document = Document { name: "p".into(), text, format: Format::Toml };
        Plan::new(&Layers::new(Some(document)).unwrap().config().unwrap(), &|_| Err(String::new())).unwrap()
    }

    #[test]
    fn a_plan_is_judged_by_the_capacity_of_its_depth_and_number_of_shards() {
        let capacity_rps = |run| sample().for_plan(&plan(run)).capacity_rps_per_shard.unwrap();
        assert_eq!(capacity_rps("shards = 1"), 100_000.0);
        assert_eq!(capacity_rps("shards = 1\npipeline = 32"), 1_000_000.0);
        assert!(sample().for_plan(&plan("pipeline = 32")).capacity_is_noisy);
        // What was measured with another number under way on each connection says nothing of this one.
        for unlike in ["pipeline = 2", "pipeline = 64", "pipeline = 32\n[load]\nrate = 10"] {
            assert_eq!(sample().for_plan(&plan(unlike)).capacity_rps_per_shard, None, "{unlike}");
        }
        // Amdahl: five shards with a quarter in common do as much as two and a half.
        assert!((capacity_rps("shards = 5") - 50_000.0).abs() < 1e-6);
    }

    #[test]
    fn slip_is_that_of_the_same_rate_for_both_ways_of_waiting() {
        let calibrated = sample().for_plan(&plan("shards = 1"));
        assert_eq!((calibrated.slip_p99_spin_ns, calibrated.slip_p99_park_ns), (Some(900), Some(60_000)));
        assert_eq!((calibrated.slip_rate_rps, calibrated.capacity_pipeline), (10_000, 1));
    }

    #[test]
    fn a_calibration_of_one_core_judges_no_plan() {
        let calibration = Calibration { capacity: Vec::new(), pacing: Vec::new(), ..sample() };
        let calibrated = calibration.for_plan(&plan("shards = 1"));
        assert_eq!((calibrated.capacity_rps_per_shard, calibrated.slip_p99_park_ns), (None, None));
    }
}
