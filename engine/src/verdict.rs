//! Whether a run's numbers can be believed, from the generator's own measurements.
//!
//! One table of rules. Each measures one thing that makes numbers wrong, and has a limit above which the run is
//! DEGRADED and one above which it is INVALID. The rule, the limit and the measured value are what a reader is shown.

use crate::outcome::{Fault, Kind};
use crate::record::Figures;
use crate::report::Calibrated;
use crate::snapshot::{Snapshot, sum_of};
use serde::{Deserialize, Serialize};

/// The verdict's word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// The generator did what was asked; the numbers are the target's.
    #[default]
    Valid,
    /// The generator or the machine disturbed the numbers; read them with the reasons.
    Degraded,
    /// The numbers must not be used.
    Invalid,
}

/// The verdict and why.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The worst of all reasons.
    pub status: Status,
    /// Every rule that was broken.
    pub reasons: Vec<Reason>,
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The rule's name.
    pub rule: String,
    /// How bad it is.
    pub status: Status,
    /// The limit that was passed.
    pub limit: f64,
    /// What was measured, in the unit of the limit.
    pub measured: f64,
    /// The same for people, with what to do.
    pub text: String,
}

/// What the rules look at, all of the measured window.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Everything the shards wrote down about requests.
    pub snapshot: &'a Snapshot,
    /// How each shard fared in the measured window.
    pub shards: &'a [Figures],
    /// True without a schedule.
    pub is_closed_loop: bool,
    /// Length of the window.
    pub window_s: f64,
    /// Arrivals scheduled per second.
    pub target_rps: f64,
    /// Arrivals sent per second.
    pub achieved_rps: f64,
    /// Median response time.
    pub response_p50_ns: u64,
    /// 99th percentile of response time.
    pub response_p99_ns: u64,
    /// Connections the plan asked for.
    pub connections_asked: u64,
    /// Connections that were open when sending began.
    pub connections_open: u64,
    /// Length of the whole run.
    pub run_s: f64,
    /// Time the hypervisor took from this machine's cores, over the whole run.
    pub steal_s: f64,
    /// Time the cgroup's quota stopped this process, over the whole run.
    pub throttled_s: f64,
    /// Cores of the machine.
    pub cores: u64,
    /// Snapshots that sinks were too slow to take.
    pub lost_snapshots: u64,
    /// Arrivals by which the schedule and what was accounted for differ. Known for even arrivals and whole runs.
    pub unaccounted: u64,
    /// The warm-up was to end when response times are steady, and they never were.
    pub is_unsteady: bool,
    /// What the machine was found to be able to do, if it was calibrated.
    pub calibration: Option<&'a Calibrated>,
}

struct Rule {
    name: &'static str,
    degraded_above: f64,
    invalid_above: f64,
    measure: fn(&Evidence) -> f64,
    explain: fn(&Evidence, f64) -> String,
}

/// A limit that nothing passes: the rule degrades and never invalidates.
const NEVER: f64 = f64::MAX;

/// Lateness below this is not worth a word, however fast the target.
const LAG_NS_MIN: u64 = 20_000;

const RULES: [Rule; 15] = [
    Rule {
        name: "rate_shortfall",
        degraded_above: 0.01,
        invalid_above: 0.05,
        measure: |evidence| {
            if evidence.is_closed_loop {
                0.0
            } else {
                1.0 - evidence.achieved_rps / evidence.target_rps.max(f64::MIN_POSITIVE)
            }
        },
        explain: |evidence, _| {
            let (target, achieved) = (evidence.target_rps, evidence.achieved_rps);
            let cause = match busiest_share(evidence) {
                _ if evidence.connections_open == 0 => {
                    "no connection was open: see what preflight says of the target"
                }
                share if share > BUSY_MAX => {
                    "the shards' cores were fully busy: add shards (-t), or ask for less"
                }
                _ => {
                    "all connections were waiting for the target: it is the limit, or there are too few connections (-c)"
                }
            };
            format!("asked for {target:.0}/s, sent {achieved:.0}/s; {cause}")
        },
    },
    Rule {
        name: "generator_lag_p50",
        degraded_above: 0.25,
        invalid_above: 0.75,
        measure: |evidence| lag_share(evidence, 0.5, evidence.response_p50_ns),
        explain: |evidence, share| explain_lag(evidence, share, 0.5, "median"),
    },
    Rule {
        name: "generator_lag_p99",
        degraded_above: 0.25,
        invalid_above: 0.75,
        measure: |evidence| lag_share(evidence, 0.99, evidence.response_p99_ns),
        explain: |evidence, share| explain_lag(evidence, share, 0.99, "99th percentile"),
    },
    Rule {
        name: "hiccups",
        degraded_above: 0.01,
        invalid_above: 0.10,
        measure: |evidence| {
            let figures = sum_of(evidence.shards);
            figures.hiccup_ns as f64 / 1e9 / (evidence.window_s * evidence.shards.len() as f64)
        },
        explain: |evidence, share| {
            let figures = sum_of(evidence.shards);
            let longest = crate::quantity::show_ns(figures.hiccup_ns_max);
            let count = figures.hiccups;
            format!(
                "the shards lost their cores {count} times, {} of the time, {longest} at the longest",
                percent(share)
            )
        },
    },
    Rule {
        name: "shard_busy",
        degraded_above: BUSY_MAX,
        invalid_above: NEVER,
        measure: busiest_share,
        explain: |evidence, share| {
            let meaning = match evidence.is_closed_loop {
                true => "the throughput is Vajra's limit, not the target's; add shards (-t)",
                false => "there was no time to spare for being on time; add shards (-t)",
            };
            format!("the busiest shard worked {} of the time: {meaning}", percent(share))
        },
    },
    Rule {
        name: "near_capacity",
        degraded_above: 0.95,
        invalid_above: NEVER,
        measure: |evidence| {
            // A figure from a disturbed calibration is too low to judge by.
            let calibration = evidence.calibration.filter(|found| !found.capacity_is_noisy);
            let capacity_rps = calibration.and_then(|found| found.capacity_rps_per_shard);
            capacity_rps.map_or(0.0, |capacity_rps| busiest_rps(evidence) / capacity_rps)
        },
        explain: |evidence, share| {
            let rps = busiest_rps(evidence);
            let origin = evidence.calibration.map_or_else(String::new, Calibrated::origin);
            format!(
                "the busiest shard carried {rps:.0}/s, {} of what one can carry on this machine ({origin}): Vajra may be the limit, not the target; add shards (-t)",
                percent(share)
            )
        },
    },
    Rule {
        name: "steal",
        degraded_above: 0.02,
        invalid_above: 0.20,
        measure: |evidence| {
            evidence.steal_s / (evidence.run_s.max(f64::MIN_POSITIVE) * evidence.cores.max(1) as f64)
        },
        explain: |_, share| {
            format!("the hypervisor took {} of this machine's time; run on a quieter host", percent(share))
        },
    },
    Rule {
        name: "cgroup_throttled",
        degraded_above: 0.0,
        invalid_above: 0.05,
        measure: |evidence| evidence.throttled_s / evidence.run_s.max(f64::MIN_POSITIVE),
        explain: |_, share| {
            format!("the CPU quota stopped this process for {} of the time; raise cpu.max", percent(share))
        },
    },
    Rule {
        name: "cq_overflow",
        degraded_above: 0.0,
        invalid_above: NEVER,
        measure: |evidence| sum_of(evidence.shards).overflowed as f64,
        explain: |_, count| format!("the kernel set {count:.0} completions aside because the queue was full"),
    },
    Rule {
        name: "buffers_starved",
        degraded_above: 0.01,
        invalid_above: NEVER,
        measure: |evidence| {
            let figures = sum_of(evidence.shards);
            figures.starved as f64 / figures.completions.max(1) as f64
        },
        explain: |_, share| {
            format!("{} of receives found no free buffer and had to be asked for again", percent(share))
        },
    },
    Rule {
        name: "connections_short",
        degraded_above: 0.0,
        invalid_above: 0.5,
        measure: |evidence| 1.0 - evidence.connections_open as f64 / evidence.connections_asked.max(1) as f64,
        explain: |evidence, _| {
            let (open, asked) = (evidence.connections_open, evidence.connections_asked);
            format!(
                "{open} of {asked} connections were open at the start; the target accepted no more in time"
            )
        },
    },
    Rule {
        name: "generator_errors",
        degraded_above: 0.0,
        invalid_above: 0.01,
        measure: |evidence| {
            let series = evidence.snapshot.measured_total();
            let own = Kind::ALL.into_iter().filter(|kind| kind.fault() == Fault::Generator);
            let own: u64 = own.map(|kind| series.errors[kind as usize]).sum();
            own as f64 / (series.ok + series.failed()).max(1) as f64
        },
        explain: |_, share| {
            format!(
                "{} of requests failed for want of ports, descriptors or memory on this machine",
                percent(share)
            )
        },
    },
    Rule {
        name: "lost_telemetry",
        degraded_above: 0.0,
        invalid_above: NEVER,
        measure: |evidence| evidence.lost_snapshots as f64,
        explain: |_, count| {
            format!(
                "{count:.0} intervals are missing from the outputs, which were too slow; the report has them"
            )
        },
    },
    Rule {
        name: "unaccounted",
        degraded_above: 0.0,
        invalid_above: 0.0,
        measure: |evidence| evidence.unaccounted as f64,
        explain: |_, count| {
            format!(
                "{count:.0} arrivals of the schedule are missing from the counts, or too many: please report it"
            )
        },
    },
    Rule {
        name: "unsteady",
        degraded_above: 0.0,
        invalid_above: NEVER,
        measure: |evidence| f64::from(u8::from(evidence.is_unsteady)),
        explain: |_, _| {
            "response times were not steady by the end of the longest warm-up there can be; let the run take longer".into()
        },
    },
];

/// A shard that works more than this has no time left to be on time.
const BUSY_MAX: f64 = 0.98;

impl Verdict {
    /// Applies every rule.
    pub fn new(evidence: &Evidence) -> Verdict {
        let reasons: Vec<Reason> = RULES.iter().filter_map(|rule| rule.apply(evidence)).collect();
        let status = reasons.iter().map(|reason| reason.status).max().unwrap_or_default();
        Verdict { status, reasons }
    }
}

impl Rule {
    fn apply(&self, evidence: &Evidence) -> Option<Reason> {
        let measured = (self.measure)(evidence);
        let (status, limit) = match measured {
            measured if measured > self.invalid_above => (Status::Invalid, self.invalid_above),
            measured if measured > self.degraded_above => (Status::Degraded, self.degraded_above),
            _ => return None,
        };
        let text = (self.explain)(evidence, measured);
        Some(Reason { rule: self.name.to_owned(), status, limit, measured, text })
    }
}

/// The generator's own lateness as a share of the response time at the same quantile. Without a success there is no
/// response time that it could have made longer.
fn lag_share(evidence: &Evidence, quantile: f64, response_ns: u64) -> f64 {
    let lag_ns = evidence.snapshot.lag.quantile_ns(quantile);
    if evidence.is_closed_loop || lag_ns < LAG_NS_MIN || response_ns == 0 {
        0.0
    } else {
        lag_ns as f64 / response_ns as f64
    }
}

fn explain_lag(evidence: &Evidence, share: f64, quantile: f64, word: &str) -> String {
    let lag = crate::quantity::show_ns(evidence.snapshot.lag.quantile_ns(quantile));
    format!(
        "{} of the {word} response time is Vajra's own lateness ({lag} with a connection free); use --wait spin, more shards (-t), or a quieter machine",
        percent(share)
    )
}

/// CPU time that carried load, as a share of the window, of the shard where it is largest.
fn busiest_share(evidence: &Evidence) -> f64 {
    let busy_ns = |figures: &Figures| {
        (figures.cpu_user_ns + figures.cpu_system_ns).saturating_sub(figures.spun_ns) as f64
    };
    evidence.shards.iter().map(busy_ns).fold(0.0, f64::max) / (evidence.window_s * 1e9)
}

/// Requests that ended in the window, per second, of the shard with the most.
fn busiest_rps(evidence: &Evidence) -> f64 {
    let finished = evidence.shards.iter().map(|figures| figures.finished).max().unwrap_or(0);
    finished as f64 / evidence.window_s
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phase::Phases;
    use crate::record::Recorder;

    fn snapshot(change: impl FnOnce(&mut Recorder)) -> Snapshot {
        let phases = Phases { measure_from_ns: 0, measure_to_ns: 10_000_000_000 };
        let (mut recorder, mut snapshot) = (Recorder::new(0, 1, phases), Snapshot::new(1, 1, phases));
        change(&mut recorder);
        snapshot.absorb(&recorder);
        snapshot
    }

    fn evidence(snapshot: &Snapshot) -> Evidence<'_> {
        Evidence {
            snapshot,
            shards: &snapshot.shards,
            is_closed_loop: false,
            window_s: 10.0,
            target_rps: 1_000.0,
            achieved_rps: 1_000.0,
            response_p50_ns: 1_000_000,
            response_p99_ns: 2_000_000,
            connections_asked: 10,
            connections_open: 10,
            run_s: 10.0,
            steal_s: 0.0,
            throttled_s: 0.0,
            cores: 2,
            lost_snapshots: 0,
            unaccounted: 0,
            is_unsteady: false,
            calibration: None,
        }
    }

    fn broken(evidence: &Evidence) -> (Status, Vec<String>) {
        let verdict = Verdict::new(evidence);
        (verdict.status, verdict.reasons.into_iter().map(|reason| reason.rule).collect())
    }

    #[test]
    fn a_run_that_did_as_asked_is_valid() {
        assert_eq!(broken(&evidence(&snapshot(|_| {}))), (Status::Valid, vec![]));
    }

    #[test]
    fn a_rate_that_was_not_carried_invalidates() {
        let snapshot = snapshot(|recorder| recorder.figures.cpu_user_ns = 9_900_000_000);
        let short = Evidence { achieved_rps: 900.0, ..evidence(&snapshot) };
        assert_eq!(broken(&short), (Status::Invalid, vec!["rate_shortfall".into(), "shard_busy".into()]));
        let closed = Evidence { is_closed_loop: true, ..short };
        assert_eq!(broken(&closed).0, Status::Degraded);
    }

    #[test]
    fn lateness_counts_only_while_a_connection_was_free() {
        let late = snapshot(|recorder| (0..100).for_each(|n| recorder.sent(0, n, n + 900_000, n, 1)));
        assert_eq!(broken(&evidence(&late)).0, Status::Invalid);
        let none_succeeded = Evidence { response_p50_ns: 0, response_p99_ns: 0, ..evidence(&late) };
        assert_eq!(broken(&none_succeeded).0, Status::Valid, "a failing target breaks no rule");
        let waiting =
            snapshot(|recorder| (0..100).for_each(|n| recorder.sent(0, n, n + 900_000, n + 899_999, 1)));
        assert_eq!(broken(&evidence(&waiting)).0, Status::Valid);
    }

    #[test]
    fn a_shard_near_what_it_can_carry_degrades_and_says_that_vajra_may_be_the_limit() {
        let snapshot = snapshot(|recorder| recorder.figures.finished = 960_000);
        let calibrated = |rps| Calibrated {
            measured_at: "2026-11-01T00:00:00Z".into(),
            capacity_rps_per_shard: rps,
            ..Calibrated::default()
        };
        let judge = |calibration: Option<&Calibrated>| {
            broken(&Evidence { calibration, is_closed_loop: true, ..evidence(&snapshot) })
        };
        let near = (Status::Degraded, vec!["near_capacity".to_owned()]);
        // 96,000 a second, in the window of ten seconds.
        assert_eq!(judge(Some(&calibrated(Some(100_000.0)))), near);
        assert_eq!(judge(Some(&calibrated(Some(50_000.0)))), near, "beyond is not worse than near");
        assert_eq!(judge(Some(&calibrated(Some(102_000.0)))).0, Status::Valid);
        assert_eq!(judge(Some(&calibrated(None))).0, Status::Valid, "one core cannot measure it");
        assert_eq!(judge(None).0, Status::Valid);
        let calibration = calibrated(Some(100_000.0));
        let verdict = Verdict::new(&Evidence { calibration: Some(&calibration), ..evidence(&snapshot) });
        let Reason { limit, measured, text, .. } = &verdict.reasons[0];
        assert_eq!((*limit, *measured), (0.95, 0.96));
        for part in ["96000/s", "96.0 %", "2026-11-01T00:00:00Z", "may be the limit"] {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
    }

    #[test]
    fn each_rule_names_itself_and_its_measure() {
        let snapshot = snapshot(|recorder| {
            recorder.figures.hiccup_ns = 2_000_000_000;
            recorder.figures.overflowed = 3;
            recorder.figures.starved = 5;
            recorder.figures.completions = 10;
            recorder.measured[0].errors[Kind::Ports as usize] = 1;
        });
        let bad = Evidence {
            connections_open: 4,
            steal_s: 1.0,
            throttled_s: 0.01,
            lost_snapshots: 2,
            unaccounted: 1,
            is_unsteady: true,
            ..evidence(&snapshot)
        };
        let rules = ["hiccups", "steal", "cgroup_throttled", "cq_overflow", "buffers_starved"];
        let more = ["connections_short", "generator_errors", "lost_telemetry", "unaccounted", "unsteady"];
        let expected: Vec<String> = rules.into_iter().chain(more).map(String::from).collect();
        assert_eq!(broken(&bad), (Status::Invalid, expected));
        assert!(
            Verdict::new(&bad)
                .reasons
                .iter()
                .all(|reason| reason.measured > reason.limit && !reason.text.is_empty())
        );
    }
}
