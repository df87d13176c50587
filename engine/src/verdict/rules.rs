//! The table of rules: what each measures, and from where on it breaks.

use super::evidence::{Evidence, hiccup_share, lost_core_share, steal_share, throttled_share};
use super::reason::{Cause, Reason, Status, rule};
use crate::calibrated::Calibrated;
use crate::distribution::Distribution;
use crate::quantity::counted;
use crate::record::{ShardStats, sum_of};

/// One thing that makes numbers wrong.
pub(super) struct Rule {
    name: &'static str,
    /// Held against each of several scenarios, because what it measures, or whether it applies, is not the same for all of them; others
    /// are held against the run.
    pub(super) is_held_against_each: bool,
    degraded_above: f64,
    invalid_above: f64,
    cause: fn(&Evidence) -> Cause,
    measure: fn(&Evidence) -> f64,
    explain: fn(&Evidence, f64) -> String,
}

/// A limit that nothing passes: the rule degrades and never invalidates.
const NEVER: f64 = f64::MAX;

/// Lateness below this is not worth a word, however fast the target.
pub(crate) const LAG_NS_MIN: u64 = 20_000;
/// A percentile of which a larger part than this is the generator's own is not the target's alone.
pub(crate) const LAG_SHARE_MAX: f64 = 0.25;
/// A shard that works more than this may be the limit of a closed loop.
const BOUND_SHARE_MIN: f64 = 0.90;
/// A closed loop that ran for less than this does not say what limited it.
const BOUND_WINDOW_S_MIN: f64 = 0.1;
/// A clock that runs off by more than this, in parts per million, before it is corrected once a second.
const CLOCK_PPM_MAX: f64 = 500.0;

const GENERATOR: fn(&Evidence) -> Cause = |_| Cause::Generator;
const MACHINE: fn(&Evidence) -> Cause = |_| Cause::Machine;
const TARGET: fn(&Evidence) -> Cause = |_| Cause::Target;
const OPERATOR: fn(&Evidence) -> Cause = |_| Cause::Operator;

pub(super) const RULES: [Rule; 25] = [
    Rule {
        name: rule::RATE_SHORTFALL,
        is_held_against_each: true,
        degraded_above: 0.01,
        invalid_above: 0.05,
        cause: |evidence| evidence.cause_of_shortfall(),
        measure: |evidence| match evidence.cause_of_shortfall() {
            // How the target did is its outcome, and no question of whether the generator can be believed.
            Cause::Target => 0.0,
            _ => evidence.shortfall(),
        },
        explain: |evidence, _| {
            let (target, achieved) = (evidence.target_rps, evidence.achieved_rps);
            let why = match evidence.cause_of_shortfall() {
                Cause::Machine => "something else had Vajra's cores: leave it its own".to_owned(),
                _ => format!("Vajra could not send more; {}", evidence.advice()),
            };
            format!("asked for {target:.0}/s, sent {achieved:.0}/s, and connections were free: {why}")
        },
    },
    Rule {
        name: rule::UNSENT,
        is_held_against_each: true,
        degraded_above: 0.0,
        invalid_above: NEVER,
        cause: |evidence| evidence.cause_of_shortfall(),
        measure: |evidence| {
            if evidence.is_partial { 0.0 } else { evidence.arrivals.unsent.measured as f64 }
        },
        explain: |evidence, count| {
            let scheduled = evidence.scheduled;
            let share = percent(count / scheduled.max(1) as f64);
            let why = match evidence.cause_of_shortfall() {
                Cause::Target => "every connection was waiting for the target",
                Cause::Machine => "something else had Vajra's cores",
                _ => "Vajra could not keep up",
            };
            format!(
                "{count:.0} of {scheduled} arrivals ({share}) were due and never sent, because {why}: no percentile counts how long they would have waited"
            )
        },
    },
    Rule {
        name: rule::WITHHELD,
        is_held_against_each: true,
        degraded_above: 0.0,
        invalid_above: NEVER,
        cause: |evidence| evidence.cause_of_shortfall(),
        measure: |evidence| evidence.arrivals.withheld.measured as f64,
        explain: |evidence, count| {
            let scheduled = evidence.scheduled;
            let share = percent(count / scheduled.max(1) as f64);
            let why = match evidence.cause_of_shortfall() {
                Cause::Target => "the target did not keep up",
                Cause::Machine => "something else had Vajra's cores",
                _ => "Vajra could not keep up",
            };
            format!(
                "{count:.0} of {scheduled} arrivals ({share}) were withheld, because {why}: all response times are those of a load that was lowered until they were bearable (overload = \"degrade\")"
            )
        },
    },
    Rule {
        name: rule::GENERATOR_LAG_P50,
        is_held_against_each: true,
        degraded_above: LAG_SHARE_MAX,
        invalid_above: 0.75,
        cause: GENERATOR,
        measure: |evidence| lag_share_of(evidence, 0.5),
        explain: |evidence, share| explain_lag(evidence, share, 0.5, "median"),
    },
    Rule {
        name: rule::GENERATOR_LAG_P99,
        is_held_against_each: true,
        degraded_above: LAG_SHARE_MAX,
        invalid_above: 0.75,
        cause: GENERATOR,
        measure: |evidence| lag_share_of(evidence, 0.99),
        explain: |evidence, share| explain_lag(evidence, share, 0.99, "99th percentile"),
    },
    Rule {
        name: rule::LOST_CORE,
        is_held_against_each: false,
        degraded_above: 0.02,
        invalid_above: 0.10,
        cause: MACHINE,
        measure: lost_core_share,
        explain: |_, share| {
            format!(
                "a shard's thread could have run and did not for {} of the time, because something else had its core; leave the cores of --cores to Vajra",
                percent(share)
            )
        },
    },
    Rule {
        name: rule::HICCUPS,
        is_held_against_each: false,
        degraded_above: 0.01,
        invalid_above: 0.10,
        cause: MACHINE,
        measure: hiccup_share,
        explain: |evidence, share| {
            let stats = sum_of(&evidence.shards);
            let longest = crate::quantity::show_ns(stats.hiccup_ns_max);
            let count = counted(stats.hiccups, "time");
            format!(
                "the shards' loops stood still {count}, {} of the time, {longest} at the longest",
                percent(share)
            )
        },
    },
    Rule {
        name: rule::SHARD_BUSY,
        is_held_against_each: false,
        degraded_above: BUSY_MAX,
        invalid_above: NEVER,
        cause: cause_of_work,
        measure: |evidence| if evidence.is_closed_loop { 0.0 } else { busiest_share(evidence) },
        explain: |evidence, share| {
            let advice = evidence.advice();
            format!(
                "the busiest shard worked, or waited for its core, {} of the time, and had none to spare for being on time: {advice}",
                percent(share)
            )
        },
    },
    Rule {
        name: rule::GENERATOR_BOUND,
        is_held_against_each: true,
        degraded_above: BOUND_SHARE_MIN,
        // A saturated loop still looks at the clock between turns, and finds nothing now and then where the other side is nearly
        // as busy.
        invalid_above: 0.92,
        cause: cause_of_work,
        measure: bound_share,
        explain: |evidence, share| {
            let advice = evidence.advice();
            format!(
                "the busiest shard worked, or waited for its core, {} of the time: the throughput is Vajra's limit and not the target's, and responses waited for Vajra; {advice}",
                percent(share)
            )
        },
    },
    Rule {
        name: rule::GENERATOR_QUEUE,
        is_held_against_each: true,
        degraded_above: LAG_SHARE_MAX,
        // Either sign alone may mislead; both together do not.
        invalid_above: LAG_SHARE_MAX,
        cause: cause_of_work,
        measure: |evidence| match bound_share(evidence) {
            share if share > BOUND_SHARE_MIN => lag_share_of(evidence, 0.5),
            _ => 0.0,
        },
        explain: |evidence, share| {
            let (busy, advice) = (percent(busiest_share(evidence)), evidence.advice());
            format!(
                "responses waited for Vajra for {} of their time (median), and its busiest shard worked, or waited for its core, {busy} of the time: the throughput is Vajra's limit and not the target's; {advice}",
                percent(share)
            )
        },
    },
    Rule {
        name: rule::NEAR_CAPACITY,
        is_held_against_each: false,
        degraded_above: 0.95,
        invalid_above: NEVER,
        cause: GENERATOR,
        measure: |evidence| {
            // A figure from a disturbed calibration is too low to judge by.
            let calibration = evidence.calibration.filter(|found| !found.capacity_is_noisy);
            let capacity_rps = calibration.and_then(|found| found.capacity_rps_per_shard);
            capacity_rps.map_or(0.0, |capacity_rps| busiest_rps(evidence) / capacity_rps)
        },
        explain: |evidence, share| {
            let (rps, advice) = (busiest_rps(evidence), evidence.advice());
            let origin = evidence.calibration.map_or_else(String::new, Calibrated::origin);
            format!(
                "the busiest shard carried {rps:.0}/s, {} of what one can carry on this machine ({origin}): Vajra may be the limit, not the target; {advice}",
                percent(share)
            )
        },
    },
    Rule {
        name: rule::STEAL,
        is_held_against_each: false,
        degraded_above: 0.02,
        invalid_above: 0.20,
        cause: MACHINE,
        measure: steal_share,
        explain: |_, share| {
            format!("the hypervisor took {} of the shards' cores; run on a quieter host", percent(share))
        },
    },
    Rule {
        name: rule::CGROUP_THROTTLED,
        is_held_against_each: false,
        degraded_above: 0.0,
        invalid_above: 0.05,
        cause: MACHINE,
        measure: throttled_share,
        explain: |_, share| {
            format!(
                "the CPU quota stopped this process for {} of the time; raise cpu.max, or cpu.cfs_quota_us where control groups are of version 1",
                percent(share)
            )
        },
    },
    Rule {
        name: rule::CLOCK_STEP,
        is_held_against_each: false,
        degraded_above: 0.0,
        invalid_above: NEVER,
        cause: MACHINE,
        measure: |evidence| evidence.snapshot.stats().clock_steps as f64,
        explain: |_, count| {
            format!(
                "the clock jumped {} by more than it can make up for, as after a suspend: times that span a jump are wrong by it",
                counted(count as u64, "time")
            )
        },
    },
    Rule {
        name: rule::CLOCK_DRIFT,
        is_held_against_each: false,
        degraded_above: CLOCK_PPM_MAX,
        invalid_above: NEVER,
        cause: MACHINE,
        measure: |evidence| evidence.snapshot.stats().clock_ppm.abs(),
        explain: |_, ppm| {
            format!(
                "the processor's counter ran {ppm:.0} ppm off the kernel's clock, and was corrected once a second; rates and times are off by as much in between"
            )
        },
    },
    Rule {
        name: rule::CQ_OVERFLOW,
        is_held_against_each: false,
        degraded_above: 0.0,
        invalid_above: NEVER,
        cause: GENERATOR,
        measure: |evidence| sum_of(&evidence.shards).overflowed as f64,
        explain: |_, count| format!("the kernel set {count:.0} completions aside because the queue was full"),
    },
    Rule {
        name: rule::BUFFERS_STARVED,
        is_held_against_each: false,
        degraded_above: 0.01,
        invalid_above: NEVER,
        cause: GENERATOR,
        measure: |evidence| {
            let stats = sum_of(&evidence.shards);
            stats.starved as f64 / stats.completions.max(1) as f64
        },
        explain: |_, share| {
            format!("{} of receives found no free buffer and had to be asked for again", percent(share))
        },
    },
    Rule {
        name: rule::DROPPED_DATAGRAMS,
        is_held_against_each: false,
        degraded_above: 0.0,
        invalid_above: NEVER,
        cause: GENERATOR,
        measure: |evidence| evidence.snapshot.stats().dropped_datagrams as f64,
        explain: |evidence, count| {
            format!(
                "the kernel dropped {} that had come, because sockets were full before Vajra read them: what was lost so was no loss of the target's; raise net.core.rmem_max, or {}",
                counted(count as u64, "datagram"),
                evidence.advice()
            )
        },
    },
    Rule {
        name: rule::STARVED_ROWS,
        is_held_against_each: false,
        degraded_above: 0.0,
        invalid_above: NEVER,
        cause: GENERATOR,
        measure: |evidence| evidence.snapshot.stats().starved_rows as f64,
        explain: |_, count| {
            format!(
                "{} had to wait for their rows of a data file, which had not been read yet: put the file on a faster disk, or make it small enough to be kept in memory (256 MiB)",
                counted(count as u64, "arrival")
            )
        },
    },
    Rule {
        name: rule::CONNECTIONS_SHORT,
        is_held_against_each: false,
        degraded_above: 0.0,
        invalid_above: 0.5,
        cause: GENERATOR,
        measure: |evidence| if has_own_connect_failures(evidence) { missing_share(evidence) } else { 0.0 },
        explain: |evidence, _| {
            let (open, asked) = (evidence.connections_open, evidence.connections_asked);
            format!(
                "{open} of {asked} connections were open at the start; this machine ran out of ports, descriptors or memory"
            )
        },
    },
    Rule {
        name: rule::CONNECTIONS_REFUSED,
        is_held_against_each: false,
        degraded_above: 0.0,
        invalid_above: NEVER,
        cause: TARGET,
        measure: |evidence| if has_own_connect_failures(evidence) { 0.0 } else { missing_share(evidence) },
        explain: |evidence, _| {
            let (open, asked) = (evidence.connections_open, evidence.connections_asked);
            format!(
                "{open} of {asked} connections were open at the start; the target accepted no more in time"
            )
        },
    },
    Rule {
        name: rule::GENERATOR_ERRORS,
        is_held_against_each: true,
        degraded_above: 0.0,
        invalid_above: 0.01,
        cause: GENERATOR,
        measure: |evidence| {
            let (series, own) = (evidence.series, evidence.series.failed_by_generator());
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
        name: rule::LOST_TELEMETRY,
        is_held_against_each: false,
        degraded_above: 0.0,
        invalid_above: NEVER,
        cause: MACHINE,
        measure: |evidence| evidence.lost_snapshots as f64,
        explain: |_, count| {
            format!(
                "{count:.0} intervals are missing from the outputs, which were too slow; the report has them"
            )
        },
    },
    Rule {
        name: rule::UNACCOUNTED,
        is_held_against_each: true,
        degraded_above: 0.0,
        invalid_above: 0.0,
        cause: GENERATOR,
        measure: |evidence| evidence.unaccounted as f64,
        explain: |_, count| {
            format!(
                "the schedule and the counts differ by {}: please report it",
                counted(count as u64, "arrival")
            )
        },
    },
    Rule {
        name: rule::UNSTEADY,
        is_held_against_each: false,
        degraded_above: 0.0,
        invalid_above: NEVER,
        cause: OPERATOR,
        measure: |evidence| f64::from(u8::from(evidence.is_unsteady)),
        explain: |_, _| {
            "response times were not steady by the end of the longest warm-up there can be; let the run take longer".into()
        },
    },
];

/// A shard that works more than this has no time left to be on time.
const BUSY_MAX: f64 = 0.98;

impl Rule {
    /// What is said of it, if it is broken.
    pub(super) fn apply(&self, evidence: &Evidence) -> Option<Reason> {
        let measured = (self.measure)(evidence);
        let (status, limit) = match measured {
            measured if measured > self.invalid_above => (Status::Invalid, self.invalid_above),
            measured if measured > self.degraded_above => (Status::Degraded, self.degraded_above),
            _ => return None,
        };
        let (cause, text) = ((self.cause)(evidence), (self.explain)(evidence, measured));
        let scenario = evidence.scenario.map(str::to_owned);
        let text = scenario.as_ref().map_or(text.clone(), |name| format!("of `{name}`, {text}"));
        Some(Reason { rule: self.name.to_owned(), cause, status, limit, measured, text, scenario })
    }
}

/// The generator's own time against the response time, at a quantile of both. Without a success there is no response time that it
/// could have made longer. In a closed loop some of it passes before a request is sent, and makes the loop slower instead; how
/// much is not known, so all of it is held against the response time.
pub(crate) fn lag_share(lag: &Distribution, response: &Distribution, quantile: f64) -> f64 {
    let (lag_ns, response_ns) = (lag.quantile_ns(quantile), response.quantile_ns(quantile));
    if lag_ns < LAG_NS_MIN || response_ns == 0 { 0.0 } else { (lag_ns as f64 / response_ns as f64).min(1.0) }
}

fn lag_share_of(evidence: &Evidence, quantile: f64) -> f64 {
    lag_share(&evidence.series.lag, &evidence.series.response, quantile)
}

/// Whose doing it is that a shard has no time to spare: the machine's, where its thread waited for its core for longer than it worked.
fn cause_of_work(evidence: &Evidence) -> Cause {
    let waited_ns = busiest(evidence).map_or(0, |stats| stats.run_delay_ns) as f64;
    let waited_share = waited_ns / (evidence.window_s * 1e9) + steal_share(evidence);
    if 2.0 * waited_share > busiest_share(evidence) { Cause::Machine } else { Cause::Generator }
}

/// Time for which a shard's thread worked or waited for its core.
fn busy_ns(stats: &ShardStats) -> u64 {
    (stats.cpu_user_ns + stats.cpu_system_ns + stats.run_delay_ns).saturating_sub(stats.spun_ns)
}

fn busiest<'a>(evidence: &'a Evidence) -> Option<&'a ShardStats> {
    evidence.shards.iter().max_by_key(|stats| busy_ns(stats))
}

fn explain_lag(evidence: &Evidence, share: f64, quantile: f64, word: &str) -> String {
    let lag = crate::quantity::show_ns(evidence.series.lag.quantile_ns(quantile));
    let wait = if evidence.is_spinning { "" } else { "--wait spin or " };
    format!(
        "Vajra's own time comes to {} of the {word} of response time ({lag}); use {wait}a quieter machine, {}",
        percent(share),
        evidence.advice()
    )
}

fn has_own_connect_failures(evidence: &Evidence) -> bool {
    evidence.snapshot.stats().connect_failures_own > 0
}

fn missing_share(evidence: &Evidence) -> f64 {
    1.0 - evidence.connections_open as f64 / evidence.connections_asked.max(1) as f64
}

/// The busy time of the busiest shard, as a share of the window. What the hypervisor took is in no thread's account, and no less gone.
fn busiest_share(evidence: &Evidence) -> f64 {
    let busiest_ns = busiest(evidence).map_or(0, busy_ns) as f64;
    (busiest_ns / (evidence.window_s * 1e9) + steal_share(evidence)).min(1.0)
}

/// The same in a closed loop. A handful of requests, one after the other, is all work, and limits nothing.
fn bound_share(evidence: &Evidence) -> f64 {
    let is_telling = evidence.is_closed_loop && evidence.window_s >= BOUND_WINDOW_S_MIN;
    if is_telling { busiest_share(evidence) } else { 0.0 }
}

/// Requests that ended in the window, per second, of the shard with the most.
fn busiest_rps(evidence: &Evidence) -> f64 {
    let finished = evidence.shards.iter().map(|stats| stats.finished).max().unwrap_or(0);
    finished as f64 / evidence.window_s
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
