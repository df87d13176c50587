//! The result of a run: stable, documented JSON. Every number is of the measured window unless its name says otherwise.

mod asked;
mod conditions;
pub mod earlier;
mod exports;
mod figures;
mod looks;
mod part;
pub mod repeat;
mod total_asked;
mod view;

pub use crate::calibrated::Calibrated;
use crate::history::Slice;
use crate::limits;
pub use crate::measured::{Environment, MachineFacts, Measured, SetupTally};
use crate::phase::Warmup;
use crate::plan::{self, Plan, Wait};
use crate::record::{
    AttemptFailure, Attempts, FailureReason, Finished, ReportedStats, ShardStats, SlowRequest, Snapshot,
    sum_of,
};
use crate::revision::{ChangeAsker, Revision};
use crate::target_outcome::TargetOutcome;
pub use crate::timing::Timing;
use crate::trust::Trust;
use crate::until;
use crate::verdict::{Evidence, Status, Verdict};
pub use conditions::ThresholdResult;
pub use exports::ExportReport;
pub use figures::{
    Bytes, CheckReport, FlowReport, Iterations, RateBlock, RequestAttempts, Requests, ScenarioReport,
    StepReport,
};
pub use looks::checks_in;
use part::{Part, Whole};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the keys. It changes when a key changes its meaning or goes; new keys do not change it.
pub const SCHEMA: u32 = 2;

/// The whole result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Unique to the run.
    pub run_id: String,
    /// What was asked for, as it was run: every default and every file filled in.
    pub plan: Plan,
    /// When sending began, RFC 3339, UTC.
    pub started_at: String,
    /// Length of the measured window, seconds.
    pub window_s: f64,
    /// Where the window lies: seconds from the start of sending.
    pub window: Window,
    /// How the end of the warm-up was found.
    #[serde(default)]
    pub warmup: WarmupBlock,
    /// How well the figure is known that the run was to go on for; `null` when it was to go on for none.
    #[serde(default)]
    pub until: Option<until::UntilOutcome>,
    /// What became of what was done before the start; nothing where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup: Option<SetupTally>,
    /// Whether the generator can be believed.
    pub verdict: Verdict,
    /// How the target did. Says nothing in reports of versions before 0.2.
    #[serde(default)]
    pub outcome: TargetOutcome,
    /// Up to which percentile response times can be believed.
    #[serde(default)]
    pub trust: Trust,
    /// What was asked against what was sent.
    pub rate: RateBlock,
    /// How requests ended.
    pub requests: Requests,
    /// How iterations ended, of scenarios in which requests follow each other, all together. Its times are those of the only one there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<Iterations>,
    /// Why requests failed, as far as the target or the protocol said so: the most frequent reason first. Empty in reports of versions
    /// before 0.2.
    #[serde(default)]
    pub reasons: Vec<FailureReason>,
    /// What went over the wire.
    pub bytes: Bytes,
    /// Done − intended, of successes.
    pub response_ns: Timing,
    /// Done − sent, of successes.
    pub service_ns: Timing,
    /// Sent − intended, of successes.
    pub slip_ns: Timing,
    /// Done − intended, of failures.
    pub failed_response_ns: Timing,
    /// The part of the response time that is the generator's own, of all requests that were sent.
    pub generator_lag_ns: Timing,
    /// What the run cost.
    pub cpu: Cpu,
    /// Connections.
    pub connections: Connections,
    /// The streams of traffic.
    pub scenarios: Vec<ScenarioReport>,
    /// Every condition, met or not.
    pub thresholds: Vec<ThresholdResult>,
    /// What the run ran on.
    pub environment: Environment,
    /// What this run could not measure, in words.
    pub limits: Vec<String>,
    /// The slowest requests, in success or failure, slowest first. Empty in reports of versions before 0.2.
    #[serde(default)]
    pub slowest: Vec<SlowRequest>,
    /// What was changed of the load while the run went on, in the order in which it was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<Revision>,
    /// What else happened while it went on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<RunEvent>,
    /// What became of what was sent to collectors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exports: Vec<ExportReport>,
    /// The run slice by slice: what comparing needs. Empty in reports of versions before 0.2.
    #[serde(default)]
    pub history: Vec<Slice>,
}

/// Something that happened while a run went on: a change that was asked for and could not be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunEvent {
    /// When, in nanoseconds from the start of sending.
    pub at_ns: u64,
    /// Who asked for it.
    pub by: ChangeAsker,
    /// What was in the way, and what to do.
    pub what: String,
}

/// Where the measured window lies, in seconds from the start of sending.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// End of the warm-up.
    pub from_s: f64,
    /// End of scheduling.
    pub to_s: f64,
    /// True when the run was stopped before its planned end.
    pub is_partial: bool,
}

/// How the end of the warm-up was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WarmupBlock {
    /// Said beforehand, or found in the run.
    pub how: Warmup,
    /// Whether response times were found to be steady before the window began; `null` when nobody looked.
    pub is_steady: Option<bool>,
}

/// What the run cost, over the measured window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cpu {
    /// CPU time in user space, seconds: of the shards in the window, and of the collector over the whole run.
    pub user_s: f64,
    /// The same in the kernel.
    pub sys_s: f64,
    /// CPU time per finished request, time spent spinning included.
    pub per_request_ns: f64,
    /// The part of it that was spent watching the clock.
    pub spun_per_request_ns: f64,
    /// Largest resident memory of the process, bytes, over the whole run.
    pub resident_bytes_max: u64,
    /// Each shard.
    pub shards: Vec<ShardCpu>,
}

/// One shard's cost and health, over the measured window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardCpu {
    /// The core it was pinned to.
    pub core: usize,
    /// CPU time in user space, seconds.
    pub user_s: f64,
    /// CPU time in the kernel, seconds.
    pub sys_s: f64,
    /// Watching the clock with nothing to do, seconds.
    pub spun_s: f64,
    /// Time in which its thread could have run and did not, seconds. 0 in reports of versions before 0.2.
    #[serde(default)]
    pub run_delay_s: f64,
    /// The rest as it was counted.
    #[serde(flatten)]
    pub counted: ReportedStats,
}

/// Connections.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Connections {
    /// What the plan asked for.
    pub asked: u64,
    /// Open when sending began.
    pub open: u64,
    /// Made again after having been open, over the whole run.
    pub reconnects: u64,
    /// Attempts that failed, over the whole run.
    pub failures: u64,
    /// Found closed by the watchdog without an announcement, over the whole run.
    pub lost_ends: u64,
    /// Bytes that came with nothing under way, over the whole run.
    #[serde(default)]
    pub unasked_bytes: u64,
    /// Requests that were sent once more because the target said that it had done nothing of them, over the whole run: each time counts.
    /// 0 in reports of versions before 0.2.
    #[serde(default)]
    pub replays: u64,
    /// Datagrams that came when their request had been given up, over the whole run.
    #[serde(default)]
    pub late_datagrams: u64,
    /// Datagrams that came once more, over the whole run.
    #[serde(default)]
    pub repeated_datagrams: u64,
    /// Datagrams that were to nothing that was sent, over the whole run.
    #[serde(default)]
    pub stray_datagrams: u64,
    /// Replies that said of themselves that they had been cut short, as those of DNS can, over the whole run.
    #[serde(default)]
    pub truncated_replies: u64,
    /// Times that the target was told to have refused a datagram to which nobody was to reply, over the whole run.
    #[serde(default)]
    pub refused_datagrams: u64,
    /// Datagrams that came, and that the kernel dropped because they were not taken soon enough, over the whole run.
    #[serde(default)]
    pub dropped_datagrams: u64,
    /// Attempts to make them. Nothing in reports of versions that did not look.
    #[serde(default)]
    pub attempts: Option<AttemptsBlock>,
}

/// Attempts to make connections, from the first one on, and over the whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptsBlock {
    /// Begun.
    pub begun: u64,
    /// That led to a connection on which requests could be sent.
    pub made: u64,
    /// Those of them that took up the TLS session of an earlier one.
    pub resumed: u64,
    /// That failed: in which part, how, and why.
    pub failures: Vec<AttemptFailure>,
    /// How long it took to look up the host of each target by its name, nanoseconds, once and before any of them; without those that
    /// are addresses, or that another stands in for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dns_ns: BTreeMap<String, u64>,
    /// From begun to connected.
    pub connect_ns: Timing,
    /// From connected to the end of the TLS handshake, where there is one.
    pub tls_ns: Timing,
    /// From begun to ready for the first request.
    pub ready_ns: Timing,
}

/// The identity of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Unique to the run.
    pub run_id: String,
    /// When sending began, RFC 3339, UTC.
    pub started_at: String,
}

impl Report {
    /// The report of a run.
    pub fn new(plan: &Plan, measured: &Measured, identity: Identity) -> Report {
        // Before anything is taken from it: names of requests are made of their paths.
        let plan = &crate::redact::written(plan);
        let Measured { whole, history, is_steady, until, facts, watched, revisions, .. } = measured;
        let planned_ns = whole.phases.measure_to_ns;
        let from_ns = whole.phases.measure_from_ns;
        let to_ns = whole.ended_ns.unwrap_or(planned_ns).clamp(from_ns, planned_ns);
        // A run that was to end with a number of requests is whole when it has reached it; of one that was to end when enough
        // is known, the end was brought forward.
        let is_partial = to_ns < planned_ns && !all_have_ended(plan, whole, to_ns);
        let window_ns = (from_ns, to_ns);
        let written = |one: &Revision| match plan.keeps_secrets {
            true => one.clone(),
            false => crate::redact::revision(one),
        };
        let revisions: Vec<Revision> = revisions.iter().map(written).collect();
        let of_run = Whole { plan, snapshot: whole, history, window_ns, is_partial, revisions: &revisions };
        let parts = Part::of_each(of_run);
        let part = Part::whole(of_run, &parts);
        let window_s = part.window_s();
        let evidence = evidence(plan, measured, &part, is_partial);
        let evidences: Vec<Evidence> = parts.iter().map(|part| part.evidence(&evidence)).collect();
        let verdict = Verdict::new(&evidence, &evidences);
        let is_invalid = verdict.status == Status::Invalid;
        let scenarios = scenarios(plan, whole, &parts, &evidences, is_invalid);
        let (outcome, trust) = match scenarios.as_slice() {
            [only] => (only.outcome.clone(), only.trust.clone()),
            several => (worst_outcome(several), worst_trust(several)),
        };
        let thresholds = conditions::judge(plan, whole, watched, &part, &parts);
        let (limits, series) = (limits(plan, measured, &part, &trust), &part.series);
        Report {
            schema: SCHEMA,
            run_id: identity.run_id,
            plan: plan.clone(),
            started_at: identity.started_at,
            window_s,
            window: Window { from_s: from_ns as f64 / 1e9, to_s: to_ns as f64 / 1e9, is_partial },
            warmup: WarmupBlock { how: plan.warmup, is_steady: *is_steady },
            until: until.clone(),
            setup: measured.setup.clone(),
            verdict,
            outcome,
            trust,
            rate: part.rate,
            requests: part.requests.clone(),
            iterations: part.iterations.clone(),
            reasons: looks::reasons(plan, whole),
            bytes: Bytes { sent: series.bytes_sent, received: series.bytes_received },
            response_ns: Timing::new(&series.response),
            service_ns: Timing::new(&series.service),
            slip_ns: Timing::new(&series.slip),
            failed_response_ns: Timing::new(&series.failed_response),
            generator_lag_ns: Timing::new(&series.lag),
            cpu: cpu(&evidence.shards, facts),
            connections: connections(plan, whole, facts),
            scenarios,
            thresholds,
            environment: environment(whole, facts.environment.clone()),
            limits,
            slowest: slowest(plan, whole),
            revisions,
            events: Vec::new(),
            exports: Vec::new(),
            history: history.clone(),
        }
    }

    /// The condition that ended the run, if one did.
    pub fn aborting(&self) -> Option<&ThresholdResult> {
        self.thresholds.iter().find(|threshold| threshold.aborted_at_ns.is_some())
    }

    /// True when every condition is met.
    pub fn meets_thresholds(&self) -> bool {
        self.thresholds.iter().all(|threshold| threshold.ok)
    }
}

/// What the rules look at, of all scenarios together.
fn evidence<'a>(plan: &Plan, measured: &'a Measured, part: &'a Part, is_partial: bool) -> Evidence<'a> {
    let Measured { whole, facts, .. } = measured;
    Evidence {
        snapshot: whole,
        scenario: None,
        series: &part.series,
        arrivals: part.arrivals,
        shards: whole.window_stats(),
        is_closed_loop: plan.is_closed(),
        is_spinning: plan.machine.wait == Wait::Spin,
        is_partial: is_partial || part.arrivals.was_stopped,
        window_s: part.window_s(),
        scheduled: part.scheduled,
        target_rps: part.rate.target.unwrap_or(0.0),
        achieved_rps: part.rate.achieved,
        connections_asked: u64::from(plan.connections()),
        connections_open: facts.connections_open,
        run_s: facts.run_s,
        steal_s: facts.environment.steal_s,
        throttled_s: facts.environment.throttled_s,
        cores: facts.cores_allowed,
        lost_snapshots: whole.lost,
        unaccounted: part.unaccounted(),
        is_unsteady: measured.is_steady == Some(false),
        calibration: facts.environment.calibration.as_ref(),
    }
}

/// What the run could not measure, in words.
fn limits(plan: &Plan, measured: &Measured, part: &Part, trust: &Trust) -> Vec<String> {
    let facts = &measured.facts;
    let (requests, series) = (&part.requests, &part.series);
    let mut limits = measured.incomplete_outputs();
    limits.extend(limits::of_certificates(plan));
    limits.extend_from_slice(&facts.limits);
    limits.extend(trust.limit());
    limits.extend(limits::of_sessions(part.arrivals.session_waits.measured));
    limits.extend(limits::of_tails(&series.response));
    limits.extend(limits::of_failures(requests.ok, requests.failed + requests.dropped, requests.scheduled()));
    limits.extend(limits::of_machine(facts.environment.steal_s, facts.environment.throttled_s));
    if plan.is_closed() {
        limits.push(
            "closed loop: a slow target is asked less, so these response times are not what users would see"
                .into(),
        );
    }
    limits
}

/// Whether every scenario came to its end by a moment: that of its schedule, or the last of its requests.
fn all_have_ended(plan: &Plan, whole: &Snapshot, to_ns: u64) -> bool {
    plan.scenarios.iter().enumerate().all(|(index, scenario)| {
        scenario.ends_ns() <= to_ns
            || whole.requests.scenarios[index].is_fed_out
            || scenario.arrivals_max().is_some_and(|asked| whole.requests.arrivals_ended_of(index) >= asked)
    })
}

fn cpu(window: &[ShardStats], facts: &MachineFacts) -> Cpu {
    let stats = sum_of(window);
    let user_s = stats.cpu_user_ns as f64 / 1e9 + facts.collector_user_s;
    let sys_s = stats.cpu_system_ns as f64 / 1e9 + facts.collector_sys_s;
    let finished = stats.finished.max(1) as f64;
    let shards = window.iter().zip(&facts.cores);
    Cpu {
        user_s,
        sys_s,
        per_request_ns: (user_s + sys_s) * 1e9 / finished,
        spun_per_request_ns: stats.spun_ns as f64 / finished,
        resident_bytes_max: facts.resident_bytes_max,
        shards: shards.map(|(stats, &core)| shard_cpu(stats, core)).collect(),
    }
}

fn shard_cpu(stats: &ShardStats, core: usize) -> ShardCpu {
    ShardCpu {
        core,
        user_s: stats.cpu_user_ns as f64 / 1e9,
        sys_s: stats.cpu_system_ns as f64 / 1e9,
        spun_s: stats.spun_ns as f64 / 1e9,
        run_delay_s: stats.run_delay_ns as f64 / 1e9,
        counted: stats.reported(),
    }
}

fn connections(plan: &Plan, whole: &Snapshot, facts: &MachineFacts) -> Connections {
    let stats = whole.stats();
    Connections {
        asked: u64::from(plan.connections()),
        open: facts.connections_open,
        reconnects: stats.reconnects,
        failures: stats.connect_failures,
        lost_ends: stats.lost_ends,
        unasked_bytes: stats.unasked_bytes,
        replays: stats.replays,
        late_datagrams: stats.late_datagrams,
        repeated_datagrams: stats.repeated_datagrams,
        stray_datagrams: stats.stray_datagrams,
        truncated_replies: stats.truncated_replies,
        refused_datagrams: stats.refused_datagrams,
        dropped_datagrams: stats.dropped_datagrams,
        attempts: Some(attempts(plan, &whole.attempts, facts)),
    }
}

fn attempts(plan: &Plan, attempts: &Attempts, facts: &MachineFacts) -> AttemptsBlock {
    let looked_up = plan.targets.iter().zip(&facts.dns_ns);
    AttemptsBlock {
        begun: attempts.begun,
        made: attempts.made,
        resumed: attempts.resumed,
        failures: attempts.failures.clone(),
        dns_ns: looked_up.filter_map(|(target, ns)| Some((target.name.clone(), (*ns)?))).collect(),
        connect_ns: Timing::new(&attempts.connect),
        tls_ns: Timing::new(&attempts.tls),
        ready_ns: Timing::new(&attempts.ready),
    }
}

fn scenarios(
    plan: &Plan,
    whole: &Snapshot,
    parts: &[Part],
    evidences: &[Evidence],
    is_invalid: bool,
) -> Vec<ScenarioReport> {
    let of_each = |(index, scenario): (usize, &plan::Scenario)| {
        let part = &parts[index];
        let (outcome, trust) = (part.outcome(&evidences[index], is_invalid), part.trust(is_invalid));
        let report = part.report(scenario, whole.requests.measured_of(index), outcome, trust);
        let (checks, redirects) = (looks::checks(plan, whole, index), looks::redirects(plan, whole, index));
        let flows = part::flows(scenario, whole.requests.flows_of(index));
        ScenarioReport { flows, checks, redirects, ..report }
    };
    plan.scenarios.iter().enumerate().map(of_each).collect()
}

/// Of several scenarios, how the target did that did worst.
fn worst_outcome(scenarios: &[ScenarioReport]) -> TargetOutcome {
    let worst =
        that_took_part(scenarios).into_iter().rev().max_by_key(|scenario| scenario.outcome.severity());
    let named = |scenario: &ScenarioReport| TargetOutcome {
        text: format!("of `{}` {}", scenario.name, scenario.outcome.text),
        ..scenario.outcome.clone()
    };
    worst.map(named).unwrap_or_default()
}

/// The scenarios that had something to send in the window; one that was over before says nothing of it. All, if none had.
fn that_took_part(scenarios: &[ScenarioReport]) -> Vec<&ScenarioReport> {
    let had_some = |scenario: &&ScenarioReport| scenario.requests.scheduled() > 0;
    let is_none = !scenarios.iter().any(|scenario| had_some(&scenario));
    scenarios.iter().filter(|scenario| is_none || had_some(scenario)).collect()
}

/// Of several scenarios, the least of what can be believed.
fn worst_trust(scenarios: &[ScenarioReport]) -> Trust {
    let worst = that_took_part(scenarios).into_iter().min_by(|a, b| {
        let percentile = |scenario: &ScenarioReport| scenario.trust.percentile.unwrap_or(-1.0);
        percentile(a).total_cmp(&percentile(b))
    });
    let named = |scenario: &ScenarioReport| Trust {
        why: scenario.trust.why.as_ref().map(|why| format!("of `{}` {why}", scenario.name)),
        ..scenario.trust.clone()
    };
    worst.map(named).unwrap_or_default()
}

fn slowest(plan: &Plan, whole: &Snapshot) -> Vec<SlowRequest> {
    let is_one = plan.scenarios.len() == 1;
    let named = |scenario: &plan::Scenario| {
        let name = (!is_one).then(|| scenario.name.clone());
        scenario.steps().iter().map(move |step| (name.clone(), step.name.clone())).collect::<Vec<_>>()
    };
    let names: Vec<(Option<String>, String)> = plan.scenarios.iter().flat_map(named).collect();
    let of_series = |finished: &Finished| {
        let (scenario, step) = &names[finished.series as usize];
        SlowRequest::new(finished, scenario.as_deref(), step)
    };
    whole.requests.slowest.iter().map(of_series).collect()
}

fn environment(whole: &Snapshot, environment: Environment) -> Environment {
    let stats = whole.stats();
    Environment { clock_ppm: stats.clock_ppm, clock_steps: stats.clock_steps, ..environment }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Tally;
    use crate::config::{Document, Format, Layers};
    use crate::distribution::Distribution;
    use crate::outcome::Outcome;
    use crate::record::{Instants, Recorder};
    use crate::verdict::Status;
    use std::collections::BTreeMap;

    fn plan(text: &str) -> Plan {
        let document = Document { name: "p".into(), text: text.into(), format: Format::Toml };
        Plan::new(&Layers::new(Some(document)).unwrap().config().unwrap(), &|_| Err(String::new())).unwrap()
    }

    fn report(plan: &Plan, change: impl FnOnce(&mut Recorder)) -> Report {
        let (mut recorder, mut snapshot) =
            (Recorder::new(0, &plan.layout(), plan.phases), Snapshot::new(1, &plan.layout(), plan.phases));
        change(&mut recorder);
        recorder.settle(true);
        snapshot.absorb(&recorder);
        let facts = MachineFacts { connections_open: 64, cores: vec![0], ..MachineFacts::default() };
        let identity = Identity { run_id: "r".into(), started_at: "t".into() };
        Report::new(plan, &Measured { facts, ..Measured::of(snapshot, Vec::new()) }, identity)
    }

    fn answer(recorder: &mut Recorder, intended: u64) {
        recorder.sent(0, intended, intended + 10, 5);
        let instants = Instants { intended, sent: intended + 10, done: intended + 1_000 };
        recorder.done(0, Outcome::Ok(200), instants, 10, 7);
    }

    #[test]
    fn what_was_scheduled_is_accounted_for() {
        let plan = plan("url = 'h'\n[run]\nduration = '1s'\n[load]\nrate = 10");
        let report = report(&plan, |recorder| {
            (0..8).for_each(|n| answer(recorder, n * 100_000_000));
            let one = Tally { measured: 1, outside: 0 };
            recorder.requests.scenarios[0].count_unreleased(one, one, 1.0);
        });
        assert_eq!(
            (report.rate.target, report.rate.achieved, report.rate.ratio),
            (Some(10.0), 8.0, Some(0.8))
        );
        assert_eq!(report.verdict.status, Status::Invalid);
        assert!(report.verdict.reasons.iter().all(|reason| reason.rule != "unaccounted"));
        assert_eq!(report.requests.status, BTreeMap::from([(200, 8)]));
    }

    #[test]
    fn an_arrival_that_nobody_accounts_for_invalidates() {
        let plan = plan("url = 'h'\n[run]\nduration = '1s'\n[load]\nrate = 1000");
        let report = report(&plan, |recorder| (1..1_000).for_each(|n| answer(recorder, n * 1_000_000)));
        assert_eq!(report.verdict.reasons[0].rule, "unaccounted");
        assert_eq!((report.verdict.status, report.verdict.reasons[0].measured), (Status::Invalid, 1.0));
    }

    #[test]
    fn a_stopped_run_has_a_shorter_window() {
        let plan = plan("url = 'h'\n[run]\nduration = '10s'\nwarmup = '1s'");
        let report = report(&plan, |recorder| {
            answer(recorder, 2_000_000_000);
            recorder.ended_ns = Some(3_000_000_000);
        });
        assert_eq!((report.window_s, report.window.is_partial, report.rate.achieved), (2.0, true, 0.5));
    }

    #[test]
    fn the_report_survives_json_and_has_the_documented_keys() {
        let plan = plan("url = 'h'\n[thresholds]\nresponse = 'p(99)<1s'\nfailed = 'rate<1%'");
        let report = report(&plan, |recorder| answer(recorder, 0));
        let value = serde_json::to_value(&report).unwrap();
        let keys = "schema run_id plan started_at window_s verdict rate requests bytes response_ns service_ns slip_ns cpu \
                    connections scenarios thresholds environment limits";
        for key in keys.split_whitespace() {
            assert!(value.get(key).is_some(), "{key}");
        }
        assert_eq!(report.slowest.iter().map(|slow| slow.response_ns).collect::<Vec<_>>(), [1_000]);
        let mut old = value.clone();
        old.as_object_mut().unwrap().retain(|key, _| key != "slowest" && key != "history");
        assert!(serde_json::from_value::<Report>(old).unwrap().slowest.is_empty(), "an older report is read");
        assert_eq!(serde_json::from_value::<Report>(value).unwrap(), report);
        assert!(report.meets_thresholds());
        assert_eq!(Distribution::decode(&report.response_ns.hdr).unwrap().count(), 1);
    }
}
