//! What a runner brings back from a run: what was written down, and what only the machine knows. Reports are made of it.

use crate::calibrated::Calibrated;
use crate::history::Slice;
use crate::record::Snapshot;
use crate::revision::Revision;
use crate::threshold_watch::WatchedRun;
use crate::until::UntilOutcome;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A run as it was measured. It can be written as JSON and read again, and then makes the same report, with the plan that was run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    /// Everything, in all phases; the measured window is in its `phases`.
    pub whole: Snapshot,
    /// The run slice by slice.
    pub history: Vec<Slice>,
    /// Whether response times were found to be steady before the window began, if that was looked for.
    pub is_steady: Option<bool>,
    /// How well the figure is known that the run was to go on for, if it was to go on for one.
    pub until: Option<UntilOutcome>,
    /// What became of conditions that were judged while it went on.
    #[serde(default)]
    pub watched: WatchedRun,
    /// What was changed of the load while it went on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<Revision>,
    /// What became of what was done before the start, if anything was.
    #[serde(default)]
    pub setup: Option<SetupTally>,
    /// When sending began, in nanoseconds since 1970, UTC.
    pub started_unix_ns: u64,
    /// What only the machine knows.
    pub facts: MachineFacts,
    /// What outputs could not do, each with its name: such an output is not whole.
    pub complaints: Vec<String>,
}

impl Measured {
    /// The outputs that are not whole, in words.
    pub fn incomplete_outputs(&self) -> Vec<String> {
        self.complaints.iter().map(|complaint| format!("an output is incomplete: {complaint}")).collect()
    }

    /// What was written down, of a run of which nothing else is known.
    pub fn of(whole: Snapshot, history: Vec<Slice>) -> Measured {
        Measured {
            whole,
            history,
            is_steady: None,
            until: None,
            watched: WatchedRun::default(),
            revisions: Vec::new(),
            setup: None,
            started_unix_ns: 0,
            facts: MachineFacts::default(),
            complaints: Vec::new(),
        }
    }
}

/// What became of what was done before the start. It has no values: those are secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupTally {
    /// How long it took before the start, nanoseconds.
    pub took_ns: u64,
    /// How often it was done again while the run went on, with new values.
    pub refreshes: u64,
    /// How often that failed, so that the values stayed.
    pub failed: u64,
    /// Why, the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What the run ran on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Release of the kernel.
    pub kernel: String,
    /// Model of the processor.
    pub cpu: String,
    /// Cores of the machine.
    pub cores: u64,
    /// How far the TSC ran from CLOCK_MONOTONIC at the worst, parts per million.
    pub clock_ppm: f64,
    /// Steps of the clock that were too large to smooth.
    pub clock_steps: u64,
    /// Time the hypervisor took from the shards' cores, seconds, over the run; `null` where that is not counted.
    pub steal_s: Option<f64>,
    /// Time the cgroup's quota stopped this process, seconds, over the run; `null` where that is not counted.
    pub throttled_s: Option<f64>,
    /// What io_uring offered.
    pub io_uring: String,
    /// Program and version.
    pub versions: BTreeMap<String, String>,
    /// What the machine was found to be able to do, if it was calibrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibrated>,
}

/// What only the machine that ran the plan knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineFacts {
    /// What the run ran on.
    pub environment: Environment,
    /// The core of each shard.
    pub cores: Vec<usize>,
    /// How many cores this process may use.
    pub cores_allowed: u64,
    /// Connections open when sending began.
    pub connections_open: u64,
    /// How long it took to look up the host of each target, before anything was sent, nanoseconds; nothing of what has no name.
    #[serde(default)]
    pub dns_ns: Vec<Option<u64>>,
    /// CPU time of the collector in user space, seconds, over the run.
    pub collector_user_s: f64,
    /// The same in the kernel.
    pub collector_sys_s: f64,
    /// Largest resident memory of the process, bytes.
    pub resident_bytes_max: u64,
    /// Length of the run, seconds: what steal and throttling are a part of.
    pub run_s: f64,
    /// What the machine could not do or measure, in words.
    pub limits: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Tally;
    use crate::config::{Document, Format, Layers};
    use crate::history::History;
    use crate::outcome::{Kind, Outcome};
    use crate::plan::Plan;
    use crate::random::Random;
    use crate::record::{Instants, Recorder};
    use crate::report::{Identity, Report};
    use proptest::prelude::*;

    const PLAN: &str = "url = 'http://h/'\n[run]\nduration = '2s'\nwarmup = '500ms'\nshards = 2\n[scenario.read]\n\
         load = { rate = 100 }\n[[scenario.read.request]]\nget = '/a'\n[[scenario.read.request]]\nget = '/b'\n\
         [scenario.write]\nconnections = 3\n[thresholds]\n'response{scenario=read}' = 'p(99)<1s'";

    fn plan() -> Plan {
        let document = Document { name: "p".into(), text: PLAN.into(), format: Format::Toml };
        Plan::new(&Layers::new(Some(document)).unwrap().config().unwrap(), &|_| Err(String::new())).unwrap()
    }

    /// What two shards wrote down in some slices.
    fn measured(plan: &Plan, seed: u64) -> Measured {
        let mut random = Random::new(seed, 0);
        let (mut whole, mut history) = (Snapshot::new(2, &plan.layout(), plan.phases), History::default());
        for slice in 0..random.between(1, 20) {
            let mut snapshot = Snapshot::new(2, &plan.layout(), plan.phases);
            for shard in 0..2 {
                let mut recorder = Recorder::new(shard, &plan.layout(), plan.phases);
                (recorder.from_ns, recorder.to_ns) = (slice * 100_000_000, (slice + 1) * 100_000_000);
                for _ in 0..random.between(0, 30) {
                    let intended = recorder.from_ns + random.between(0, 99_999_999);
                    let sent = intended + random.between(0, 1 << 20);
                    let done = sent + random.between(1, 1 << 34);
                    let (series, kind) = (random.between(0, 2) as usize, random.between(0, 9) as usize);
                    let outcome = match random.between(0, 3) {
                        0 => Outcome::Failed(Kind::ALL[kind]),
                        1 => Outcome::Refused(500),
                        _ => Outcome::Ok(200 + kind as u16),
                    };
                    recorder.sent(series, intended, sent, 10);
                    recorder.done(series, outcome, Instants { intended, sent, done }, sent - intended, 20);
                }
                let dropped = Tally { measured: random.between(0, 2), outside: random.between(0, 2) };
                recorder.requests.scenarios[0].count_unreleased(dropped, Tally::default(), 0.5);
                (recorder.stats.turns, recorder.stats.clock_ppm) = (random.between(0, 9), -0.1);
                recorder.settle(slice > 4);
                snapshot.absorb(&recorder);
            }
            whole.merge(&snapshot);
            history.push(&snapshot);
        }
        let facts =
            MachineFacts { connections_open: 67, cores: vec![0, 1], run_s: 2.1, ..MachineFacts::default() };
        let complaints = vec!["--timeseries x: disk full".to_owned()];
        Measured { facts, complaints, started_unix_ns: 7, ..Measured::of(whole, history.into_slices()) }
    }

    fn report(plan: &Plan, measured: &Measured) -> Report {
        let identity = Identity { run_id: "r".into(), started_at: "t".into() };
        Report::new(plan, measured, identity)
    }

    proptest! {
        // Each case reads and writes some fifty histograms.
        #![proptest_config(ProptestConfig::with_cases(12))]

        /// Nothing of a report is lost on the way through JSON, and what is merged afterwards is the same too.
        #[test]
        fn what_was_measured_makes_the_same_report_after_json(seed in any::<u64>()) {
            let plan = plan();
            let (mut measured, other) = (measured(&plan, seed), measured(&plan, !seed));
            let mut read: Measured =
                serde_json::from_str(&serde_json::to_string(&measured).unwrap()).expect("what was written is read");
            prop_assert_eq!(report(&plan, &read), report(&plan, &measured));
            read.whole.merge(&other.whole);
            measured.whole.merge(&other.whole);
            prop_assert_eq!(report(&plan, &read), report(&plan, &measured));
        }
    }

    #[test]
    fn a_flow_without_a_warm_up_is_read_again() {
        let text = "url = 'http://h/'\nload = { rate = 1 }\n[[step]]\nget = '/a'\n[[step]]\nget = '/b'";
        let document = Document { name: "p".into(), text: text.into(), format: Format::Toml };
        let config = Layers::new(Some(document)).unwrap().config().unwrap();
        let plan = Plan::new(&config, &|_| Err(String::new())).unwrap();
        let measured = Measured::of(Snapshot::new(1, &plan.layout(), plan.phases), Vec::new());
        let read: Measured = serde_json::from_str(&serde_json::to_string(&measured).unwrap()).unwrap();
        assert_eq!(report(&plan, &read), report(&plan, &measured));
    }

    #[test]
    fn what_does_not_fit_together_is_refused_when_it_is_read() {
        let written = serde_json::to_value(measured(&plan(), 1)).unwrap();
        let breaks = [
            ("layout/ends", serde_json::json!([2, 4]), "its series are not those of its layout"),
            ("layout/ends", serde_json::json!([3]), "its scenarios are not those of its layout"),
            ("layout/ends", serde_json::json!([3, 2]), "its scenarios are not those of its layout"),
            ("series/outside", serde_json::json!([]), "it has a warm-up and no record of it"),
            ("series/measured/0/ok", serde_json::json!(u64::MAX), "more requests than any run has"),
            ("../phases/measure_from_ns", serde_json::json!(u64::MAX), "its window ends before it begins"),
            ("series/measured", serde_json::json!([]), "its series are not those of its layout"),
            ("slowest/0/series", serde_json::json!(3), "one of its slowest requests is of no series"),
            ("series/measured/0/response/hdr", serde_json::json!("AAAA"), "no histogram in"),
        ];
        for (place, value, why) in breaks {
            let mut broken = written.clone();
            let pointer = match place.strip_prefix("../") {
                Some(beside) => format!("/whole/{beside}"),
                None => format!("/whole/requests/{place}"),
            };
            *broken.pointer_mut(&pointer).expect(place) = value;
            let error = serde_json::from_value::<Measured>(broken).expect_err(place);
            assert!(error.to_string().contains(why), "{place}: {error}");
        }
    }
}
