//! What this machine can do, part by part. How much one shard carries, how evenly it sends, how often the machine takes a core away,
//! and what a request and a connection cost.
//!
//! Every figure is measured by the parts that a run is made of, for a short and bounded time. Runs go through
//! [`crate::Shards`] like any other and carry their verdict, so that a noisy machine's figures are marked as such. What
//! cannot be measured here is left out, and why is said. How the figures are kept is `cache.rs`'s.

mod cache;
mod capacity;
mod cost;
mod halt;
mod hiccups;
mod pacing;
mod trial;
mod wakeups;

pub use cache::{Host, load, store};
pub use capacity::{CapacityRun, Scaling};
pub use cost::{MemoryCost, Recording};
pub use halt::Halt;
pub use hiccups::CoreHiccups;
pub use pacing::Pacing;
pub use trial::TrialVerdict;
pub use wakeups::Wakeups;

use crate::machine::allowed_cores;
use engine::plan::{Plan, Target, Wait};
use engine::report::Calibrated;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Version of the keys. A cache of another version is not read.
pub const SCHEMA: u32 = 1;
/// The rate at which slip is compared with what a run asks for.
pub const SLIP_RATE_RPS: u64 = 10_000;
/// Why everything that needs somebody to answer is left out on one core.
const ONE_CORE: &str = "responder and generator need a core each, and this process may use one";

/// What is to be measured, and with what.
pub struct Calibrating {
    /// How long to measure.
    pub effort: Effort,
    /// The program itself, run again to see what connections cost. `None` leaves that out.
    pub program: Option<PathBuf>,
    /// When the calibration began, RFC 3339, UTC.
    pub measured_at: String,
}

/// How long each part is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Some seconds in all, for a look; figures are rough.
    pub is_quick: bool,
}

impl Effort {
    /// One run for capacity, without its warm-up.
    fn capacity(self) -> Duration {
        if self.is_quick { Duration::from_millis(500) } else { Duration::from_secs(2) }
    }

    /// How many of them; the best counts, because whatever disturbs a run makes it slower.
    fn rounds(self) -> usize {
        if self.is_quick { 1 } else { 3 }
    }

    /// One run for pacing, without its warm-up.
    fn pacing(self) -> Duration {
        if self.is_quick { Duration::from_millis(600) } else { Duration::from_secs(5) }
    }

    /// Watching for hiccups. More than a second: the clock compares itself once a second.
    fn watching(self) -> Duration {
        if self.is_quick { Duration::from_millis(1_200) } else { Duration::from_secs(5) }
    }

    /// Waits of each length.
    fn waits(self) -> u32 {
        if self.is_quick { 200 } else { 2_000 }
    }
}

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
    fn take<T>(&mut self, name: &str, measure: impl FnOnce() -> Result<T, String>) -> Option<T> {
        if self.halt.is_set() {
            return None;
        }
        (self.on_step)(name);
        measure().map_err(|why| self.left_out.push(format!("{name}: {why}"))).ok()
    }
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

/// The cores of `shards` generators and as many responders, which share none: responders from the lowest core on,
/// generators on the highest, as a run would be placed. An error on one core.
fn halves(cores: &[usize], shards: usize) -> Result<(&[usize], &[usize]), String> {
    match cores.len() {
        0 | 1 => Err(ONE_CORE.to_owned()),
        count => Ok((&cores[..shards], &cores[count - shards..])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrivals::{ArrivalRecord, TimeSpread};
    use engine::config::{Document, Format, Layers};
    use engine::report::Timing;
    use engine::verdict::Status;

    /// A calibration of this host, made up.
    pub(super) fn sample() -> Calibration {
        let scaling = |pipeline, rps_per_shard| Scaling {
            pipeline,
            rps_per_shard,
            is_noisy: pipeline > 1,
            contention: Some(0.25),
            runs: Vec::new(),
        };
        let trust = TrialVerdict { status: Status::Valid, rules: Vec::new(), is_noisy: false };
        let pacing = |wait, rate_rps, p99| Pacing {
            wait,
            rate_rps,
            achieved_rps: rate_rps as f64,
            slip_ns: Timing { p99, count: 1, ..Timing::default() },
            arrivals: ArrivalRecord::default(),
            verdict: trust.clone(),
        };
        Calibration {
            schema: SCHEMA,
            host: Host::here(),
            measured_at: "2026-11-01T00:00:00Z".into(),
            took_s: 60.5,
            is_quick: false,
            cores: vec![0, 1],
            capacity: vec![scaling(1, 100_000.0), scaling(32, 1_000_000.0)],
            pacing: vec![
                pacing(Wait::Spin, 1_000, 1),
                pacing(Wait::Spin, SLIP_RATE_RPS, 900),
                pacing(Wait::Park, SLIP_RATE_RPS, 60_000),
            ],
            hiccups: Vec::new(),
            clock_ppm: 0.5,
            wakeups: vec![Wakeups { wait_ns: 100_000, late_ns: TimeSpread::default() }],
            recording: Recording { per_request_ns: 15.25, rounds_ns: vec![15.25] },
            memory: Some(MemoryCost { bytes_per_connection: 1_500.5, processes: vec![(64, 9), (4_096, 99)] }),
            left_out: Vec::new(),
        }
    }

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

    #[test]
    fn responders_and_generators_share_no_core() {
        assert_eq!(halves(&[0, 1, 2, 3, 4], 2).unwrap(), (&[0, 1][..], &[3, 4][..]));
        assert_eq!(halves(&[2, 5], 1).unwrap(), (&[2][..], &[5][..]));
        assert!(halves(&[0], 1).unwrap_err().contains("a core each"));
    }

    #[test]
    fn a_part_that_fails_is_left_out_with_its_reason_and_the_others_go_on() {
        let (halt, mut begun) = (Halt::default(), Vec::new());
        let mut on_step = |name: &str| begun.push(name.to_owned());
        let mut steps = Steps { halt: &halt, on_step: &mut on_step, left_out: Vec::new() };
        assert_eq!(steps.take::<u8>("first", || Err("no ring".into())), None);
        assert_eq!(steps.take("second", || Ok(7)), Some(7));
        halt.set();
        assert_eq!(steps.take("third", || Ok(9)), None);
        assert_eq!(steps.left_out, ["first: no ring"]);
        assert_eq!(begun, ["first", "second"]);
    }
}
