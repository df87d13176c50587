//! Whether a run's numbers can be believed, from the generator's own measurements.
//!
//! One table of rules. Each measures one thing that makes numbers wrong, and has a limit above which the run is
//! DEGRADED and one above which it is INVALID. The rule, the limit and the measured value are what a reader is shown.

mod evidence;
mod reason;
mod rules;

pub(crate) use rules::{LAG_SHARE_MAX, lag_share};

pub use evidence::{Evidence, has_room_for_a_shard};
pub use reason::{Cause, Reason, Status, rule};
use rules::{RULES, Rule};
use serde::{Deserialize, Serialize};

/// The verdict and why.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The worst of all reasons.
    pub status: Status,
    /// Every rule that was broken.
    pub reasons: Vec<Reason>,
}

impl Verdict {
    /// Applies every rule: to the run, and those that are about requests and arrivals to each of its scenarios where there are
    /// several. One that is broken breaks the run.
    pub fn new(run: &Evidence, scenarios: &[Evidence]) -> Verdict {
        let of_rule = |rule: &Rule| -> Vec<Reason> {
            match scenarios {
                several @ [_, _, ..] if rule.is_held_against_each => {
                    several.iter().filter_map(|evidence| rule.apply(evidence)).collect()
                }
                _ => rule.apply(run).into_iter().collect(),
            }
        };
        let reasons: Vec<Reason> = RULES.iter().flat_map(of_rule).collect();
        let status = reasons.iter().map(|reason| reason.status).max().unwrap_or_default();
        Verdict { status, reasons }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrated::Calibrated;
    use crate::outcome::{Kind, Outcome};
    use crate::phase::Phases;
    use crate::record::{Instants, Layout, Overdue, Recorder, Series, Snapshot};

    /// A thousand requests a second for ten seconds, and what else happened.
    fn snapshot(change: impl FnOnce(&mut Recorder)) -> Snapshot {
        let phases = Phases { measure_from_ns: 0, measure_to_ns: 10_000_000_000 };
        let layout = Layout::new([1]);
        let (mut recorder, mut snapshot) =
            (Recorder::new(0, &layout, phases), Snapshot::new(1, &layout, phases));
        change(&mut recorder);
        recorder.settle(true);
        snapshot.absorb(&recorder);
        snapshot
    }

    /// A hundred requests that took a millisecond, so much of it before they were sent, and so much by the generator's doing.
    fn requests(recorder: &mut Recorder, slip_ns: u64, lag_ns: u64) {
        for n in 0..100 {
            recorder.sent(0, n, n + slip_ns, 1);
            let instants = Instants { intended: n, sent: n + slip_ns, done: n + 1_000_000 };
            recorder.done(0, Outcome::Ok(200), instants, lag_ns, 1);
        }
    }

    fn evidence<'a>(snapshot: &'a Snapshot, series: &'a Series) -> Evidence<'a> {
        Evidence {
            snapshot,
            scenario: None,
            series,
            arrivals: snapshot.requests.scenario_total(),
            shards: snapshot.window_stats(),
            is_closed_loop: false,
            is_spinning: false,
            is_partial: false,
            window_s: 10.0,
            scheduled: 10_000,
            target_rps: 1_000.0,
            achieved_rps: 1_000.0,
            connections_asked: 10,
            connections_open: 10,
            run_s: 10.0,
            steal_s: Some(0.0),
            throttled_s: None,
            cores: 2,
            lost_snapshots: 0,
            unaccounted: 0,
            is_unsteady: false,
            calibration: None,
        }
    }

    /// The verdict on a changed run, by its rules and their causes.
    fn broken(
        record: impl FnOnce(&mut Recorder),
        change: impl FnOnce(&mut Evidence),
    ) -> (Status, Vec<(String, Cause)>) {
        let snapshot = snapshot(record);
        let series = snapshot.measured_total();
        let mut evidence = evidence(&snapshot, &series);
        change(&mut evidence);
        let verdict = Verdict::new(&evidence, &[]);
        let reasons = verdict.reasons.into_iter().map(|reason| (reason.rule, reason.cause)).collect();
        (verdict.status, reasons)
    }

    fn one(rule: &str, cause: Cause) -> Vec<(String, Cause)> {
        vec![(rule.to_owned(), cause)]
    }

    #[test]
    fn a_run_that_did_as_asked_is_valid() {
        assert_eq!(broken(|_| {}, |_| {}), (Status::Valid, vec![]));
    }

    #[test]
    fn a_rate_that_the_generator_did_not_carry_invalidates_and_one_that_the_target_did_not_does_not() {
        let short = |evidence: &mut Evidence| evidence.achieved_rps = 900.0;
        let own = |recorder: &mut Recorder| {
            recorder.requests.scenarios[0].unsent.measured = 1_000;
            recorder.requests.scenarios[0].unreleased_own = 900;
        };
        let generator = (
            Status::Invalid,
            ["rate_shortfall", "unsent"].map(|rule| (rule.into(), Cause::Generator)).to_vec(),
        );
        assert_eq!(broken(own, short), generator);
        let targets = |recorder: &mut Recorder| recorder.requests.scenarios[0].unsent.measured = 1_000;
        assert_eq!(broken(targets, short), (Status::Degraded, one("unsent", Cause::Target)));
        let stopped = |evidence: &mut Evidence| evidence.is_partial = true;
        assert_eq!(broken(targets, stopped).0, Status::Valid, "somebody stopped it");
        let dropped = |recorder: &mut Recorder| recorder.requests.scenarios[0].dropped.measured = 1_000;
        assert_eq!(broken(dropped, short).0, Status::Valid, "it was asked to drop");
    }

    #[test]
    fn arrivals_that_were_sent_only_after_the_end_are_held_against_whoever_made_them_late() {
        let short = |evidence: &mut Evidence| evidence.achieved_rps = 900.0;
        let overdue = |own_ns| {
            move |recorder: &mut Recorder| {
                recorder.requests.scenarios[0].overdue = Overdue { waited_ns: 900_000_000, own_ns }
            }
        };
        let own = (Status::Invalid, one("rate_shortfall", Cause::Generator));
        assert_eq!(broken(overdue(899_000_000), short), own);
        assert_eq!(broken(overdue(1_000_000), short).0, Status::Valid);
    }

    #[test]
    fn the_machine_is_named_where_it_took_the_time_that_is_missing() {
        let lost = |run_delay_ns| {
            move |recorder: &mut Recorder| {
                recorder.requests.scenarios[0].unsent.measured = 3_000;
                recorder.requests.scenarios[0].unreleased_own = 3_000;
                recorder.stats.run_delay_ns = run_delay_ns;
            }
        };
        let short = |evidence: &mut Evidence| evidence.achieved_rps = 700.0;
        let cause_of = |run_delay_ns| {
            let (_, reasons) = broken(lost(run_delay_ns), short);
            reasons.into_iter().find(|(rule, _)| rule == "rate_shortfall").expect("it is broken").1
        };
        assert_eq!(cause_of(2_500_000_000), Cause::Machine);
        assert_eq!(cause_of(300_000_000), Cause::Generator, "that does not explain 30 % of the rate");
    }

    #[test]
    fn only_the_generators_own_time_breaks_a_rule() {
        let rules =
            ["generator_lag_p50", "generator_lag_p99"].map(|rule| (rule.to_owned(), Cause::Generator));
        let late = |recorder: &mut Recorder| requests(recorder, 900_000, 900_000);
        assert_eq!(broken(late, |_| {}), (Status::Invalid, rules.to_vec()));
        let closed = |evidence: &mut Evidence| evidence.is_closed_loop = true;
        assert_eq!(
            broken(late, closed).0,
            Status::Invalid,
            "how much of it came before sending is not known"
        );
        assert_eq!(broken(|recorder| requests(recorder, 900_000, 1_000), |_| {}).0, Status::Valid);
        let failing = |recorder: &mut Recorder| {
            (0..100).for_each(|n| {
                let instants = Instants { intended: n, sent: n, done: n + 1_000_000 };
                recorder.done(0, Outcome::Refused(503), instants, 900_000, 1);
            });
        };
        assert_eq!(broken(failing, |_| {}).0, Status::Valid, "a failing target breaks no rule");
    }

    #[test]
    fn a_shard_that_has_no_time_left_is_the_limit_of_a_closed_loop() {
        // Half of the time on its core, half of it waiting for it, and a tenth watching the clock.
        let busy = |recorder: &mut Recorder| {
            recorder.stats.cpu_user_ns = 5_900_000_000;
            recorder.stats.spun_ns = 1_000_000_000;
            recorder.stats.run_delay_ns = 4_900_000_000;
        };
        let open = broken(busy, |_| {});
        assert_eq!(open.0, Status::Invalid, "it lost its core for half of the time");
        assert!(open.1.contains(&("lost_core".into(), Cause::Machine)), "{open:?}");
        let full = |recorder: &mut Recorder| recorder.stats.cpu_user_ns = 9_900_000_000;
        assert_eq!(broken(full, |_| {}), (Status::Degraded, one("shard_busy", Cause::Generator)));
        let closed = |evidence: &mut Evidence| evidence.is_closed_loop = true;
        assert_eq!(broken(full, closed), (Status::Invalid, one("generator_bound", Cause::Generator)));
        let short = |evidence: &mut Evidence| (evidence.is_closed_loop, evidence.window_s) = (true, 0.01);
        assert_eq!(broken(full, short).0, Status::Valid, "a handful of requests limits nothing");
        let mostly_waiting = |recorder: &mut Recorder| {
            (recorder.stats.cpu_user_ns, recorder.stats.run_delay_ns) = (4_000_000_000, 5_900_000_000);
        };
        let waiting = broken(mostly_waiting, closed);
        assert!(waiting.1.contains(&("generator_bound".into(), Cause::Machine)), "{waiting:?}");
        let stolen =
            |evidence: &mut Evidence| (evidence.is_closed_loop, evidence.steal_s) = (true, Some(0.15));
        let nearly = |recorder: &mut Recorder| recorder.stats.cpu_user_ns = 9_100_000_000;
        assert_eq!(broken(nearly, stolen), (Status::Invalid, one("generator_bound", Cause::Generator)));
        let nearly = |recorder: &mut Recorder| recorder.stats.cpu_user_ns = 9_100_000_000;
        assert_eq!(broken(nearly, closed).0, Status::Degraded);
        let queued = |recorder: &mut Recorder| {
            requests(recorder, 0, 500_000);
            nearly(recorder);
        };
        let queued = broken(queued, closed);
        let expected = ("generator_queue".to_owned(), Cause::Generator);
        assert!(queued.0 == Status::Invalid && queued.1.contains(&expected), "{queued:?}");
    }

    #[test]
    fn the_advice_is_one_that_the_machine_can_follow() {
        let text = |cores| {
            let snapshot = snapshot(|recorder| recorder.stats.cpu_user_ns = 9_900_000_000);
            let series = snapshot.measured_total();
            Verdict::new(&Evidence { cores, ..evidence(&snapshot, &series) }, &[]).reasons[0].text.clone()
        };
        assert!(text(8).contains("add shards") && !text(2).contains("add shards"));
    }

    #[test]
    fn a_shard_near_what_it_can_carry_degrades_and_says_that_vajra_may_be_the_limit() {
        let snapshot = snapshot(|recorder| recorder.stats.finished = 960_000);
        let calibrated = |rps| Calibrated {
            measured_at: "2026-11-01T00:00:00Z".into(),
            capacity_rps_per_shard: rps,
            ..Calibrated::default()
        };
        let series = snapshot.measured_total();
        let judge = |calibration: Option<&Calibrated>| {
            let evidence = Evidence { calibration, is_closed_loop: true, ..evidence(&snapshot, &series) };
            let verdict = Verdict::new(&evidence, &[]);
            let rules: Vec<String> = verdict.reasons.into_iter().map(|reason| reason.rule).collect();
            (verdict.status, rules)
        };
        let near = (Status::Degraded, vec!["near_capacity".to_owned()]);
        // 96,000 a second, in the window of ten seconds.
        assert_eq!(judge(Some(&calibrated(Some(100_000.0)))), near);
        assert_eq!(judge(Some(&calibrated(Some(50_000.0)))), near, "beyond is not worse than near");
        assert_eq!(judge(Some(&calibrated(Some(102_000.0)))).0, Status::Valid);
        assert_eq!(judge(Some(&calibrated(None))).0, Status::Valid, "one core cannot measure it");
        assert_eq!(judge(None).0, Status::Valid);
        let calibration = calibrated(Some(100_000.0));
        let verdict =
            Verdict::new(&Evidence { calibration: Some(&calibration), ..evidence(&snapshot, &series) }, &[]);
        let Reason { limit, measured, text, .. } = &verdict.reasons[0];
        assert_eq!((*limit, *measured), (0.95, 0.96));
        for part in ["96000/s", "96.0 %", "2026-11-01T00:00:00Z", "may be the limit"] {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
    }

    #[test]
    fn each_rule_names_itself_and_its_measure() {
        let snapshot = snapshot(|recorder| {
            recorder.stats.hiccup_ns = 2_000_000_000;
            recorder.stats.run_delay_ns = 2_000_000_000;
            recorder.stats.overflowed = 3;
            recorder.stats.starved = 5;
            recorder.stats.completions = 10;
            recorder.stats.clock_steps = 1;
            recorder.stats.clock_ppm = -900.0;
            recorder.stats.connect_failures_own = 6;
            recorder.stats.dropped_datagrams = 1;
            recorder.stats.starved_rows = 1;
            recorder.requests.series.measured[0].errors[Kind::Ports as usize] = 1;
        });
        let series = snapshot.measured_total();
        let bad = Evidence {
            connections_open: 4,
            steal_s: Some(1.0),
            throttled_s: Some(0.01),
            lost_snapshots: 2,
            unaccounted: 1,
            is_unsteady: true,
            ..evidence(&snapshot, &series)
        };
        let verdict = Verdict::new(&bad, &[]);
        let rules: Vec<&str> = verdict.reasons.iter().map(|reason| reason.rule.as_str()).collect();
        let expected = [
            "lost_core",
            "hiccups",
            "steal",
            "cgroup_throttled",
            "clock_step",
            "clock_drift",
            "cq_overflow",
            "buffers_starved",
            "dropped_datagrams",
            "starved_rows",
            "connections_short",
            "generator_errors",
            "lost_telemetry",
            "unaccounted",
            "unsteady",
        ];
        assert_eq!((verdict.status, rules), (Status::Invalid, expected.to_vec()));
        let is_told = |reason: &Reason| reason.measured > reason.limit && !reason.text.is_empty();
        assert!(verdict.reasons.iter().all(is_told));
    }

    #[test]
    fn connections_that_the_target_refused_degrade_and_never_invalidate() {
        let few = |evidence: &mut Evidence| evidence.connections_open = 1;
        assert_eq!(broken(|_| {}, few), (Status::Degraded, one("connections_refused", Cause::Target)));
        let own = |recorder: &mut Recorder| recorder.stats.connect_failures_own = 9;
        assert_eq!(broken(own, few), (Status::Invalid, one("connections_short", Cause::Generator)));
    }
}
