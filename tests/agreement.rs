//! The figures of one report agree with each other: a part is no larger than its whole, and no two statements contradict.
//!
//! Checked on the report of every simulated world, and on every `report.json` that the built program writes in a test.

use engine::report::{Report, Requests};
use engine::target_outcome::TargetStatus;
use engine::timing::Timing;
use engine::verdict::{Cause, Status};
use serde_json::Value;

/// Rules that measure a share of something.
const SHARES: [&str; 13] = [
    "rate_shortfall",
    "generator_lag_p50",
    "generator_lag_p99",
    "lost_core",
    "hiccups",
    "shard_busy",
    "generator_bound",
    "generator_queue",
    "cgroup_throttled",
    "buffers_starved",
    "connections_short",
    "connections_refused",
    "generator_errors",
];
/// Figures that are sums of others differ by no more than this part.
const ROUNDING: f64 = 1e-6;

/// Fails, and says everything that does not agree.
pub(crate) fn assert_agrees(report: &Report, context: &str) {
    let found = contradictions(report);
    assert!(found.is_empty(), "{context}: {}\n{:#?}", found.join("; "), report.verdict);
}

fn contradictions(report: &Report) -> Vec<String> {
    let mut found = Vec::new();
    let mut expect = |holds: bool, what: String| {
        if !holds {
            found.push(what);
        }
    };
    let requests = &report.requests;
    let attempts = report.scenarios.iter().filter_map(|scenario| scenario.attempts.as_ref());
    let redirects = report.scenarios.iter().filter_map(|scenario| scenario.redirects);
    let hops = redirects.map(|redirects| redirects.followed);
    expect(
        ends(requests, attempts.map(|attempts| attempts.further).chain(hops).sum()),
        format!("kinds, statuses and counts of {requests:?}"),
    );
    let steps: u64 =
        report.scenarios.iter().flat_map(|scenario| &scenario.steps).map(|step| step.requests.ok).sum();
    expect(steps == requests.ok, format!("{steps} successes in steps, {} in all", requests.ok));
    for (name, timing, count) in [
        ("response", &report.response_ns, requests.ok),
        ("service", &report.service_ns, requests.ok),
        ("slip", &report.slip_ns, requests.ok),
        ("failed response", &report.failed_response_ns, requests.failed),
    ] {
        expect(timing.count == count, format!("{} times of {name}, {count} requests", timing.count));
    }
    let counts = |timing: &Option<Timing>| timing.as_ref().map_or(0, |timing| timing.count);
    let (first, following) = (counts(&requests.first_message_ns), counts(&requests.message_ns));
    expect(
        first <= requests.ok + requests.failed && first + following <= requests.messages,
        format!("times of {first} and {following} messages, {} came", requests.messages),
    );
    let all = [&report.response_ns, &report.service_ns, &report.slip_ns, &report.generator_lag_ns];
    expect(all.into_iter().all(is_ordered), "percentiles that do not ascend".into());
    for export in &report.exports {
        let told = export.sent + export.rejected + export.spooled + export.dropped;
        expect(export.offered == told && export.ambiguous <= told, format!("{export:?}"));
    }
    let cpu = &report.cpu;
    expect(cpu.spun_per_request_ns <= cpu.per_request_ns * (1.0 + ROUNDING), format!("{cpu:?}"));
    for shard in &cpu.shards {
        let used_s = shard.user_s + shard.sys_s;
        expect(shard.spun_s <= used_s * (1.0 + ROUNDING), format!("{} s watched of {used_s}", shard.spun_s));
    }
    if let (Some(target), Some(ratio)) = (report.rate.target, report.rate.ratio) {
        let product = target * ratio;
        expect((product - report.rate.achieved).abs() <= product * ROUNDING, format!("{:?}", report.rate));
        let longest_ns = report.response_ns.max.max(report.failed_response_ns.max);
        expect(
            report.generator_lag_ns.max <= longest_ns,
            format!("{} ns of lag in {longest_ns}", report.generator_lag_ns.max),
        );
    }
    found.extend(of_judgement(report));
    found
}

/// Verdict, outcome and trust against the figures and each other.
fn of_judgement(report: &Report) -> Vec<String> {
    let mut found = Vec::new();
    let reasons = &report.verdict.reasons;
    let rule = |name: &str| reasons.iter().find(|reason| reason.rule == name);
    let worst = reasons.iter().map(|reason| reason.status).max().unwrap_or_default();
    let mut expect = |holds: bool, what: &str| {
        if !holds {
            found.push(what.to_owned());
        }
    };
    expect(worst == report.verdict.status, "the verdict is not the worst of its reasons");
    expect(reasons.iter().all(|reason| reason.measured > reason.limit), "a rule within its limit is broken");
    let is_share = |name: &str| SHARES.contains(&name);
    let is_within =
        reasons.iter().filter(|reason| is_share(&reason.rule)).all(|reason| reason.measured <= 1.0);
    expect(is_within, "a share of more than all");
    let (requests, outcome) = (&report.requests, report.outcome.status);
    let is_ours = rule("rate_shortfall").is_some();
    expect(!(is_ours && outcome == TargetStatus::FellBehind), "both Vajra and the target are too slow");
    let blames_target = rule("unsent").is_some_and(|reason| reason.cause == Cause::Target);
    expect(!(is_ours && blames_target), "a shortfall of ours, and arrivals unsent for the target's sake");
    expect(
        outcome != TargetStatus::Held || report.rate.ratio.is_none_or(|ratio| ratio >= 0.989),
        "a rate not carried was held",
    );
    let is_invalid = report.verdict.status == Status::Invalid;
    expect(
        !(is_invalid && outcome == TargetStatus::FellBehind),
        "an INVALID run says that the target fell behind",
    );
    expect(requests.ok > 0 || outcome != TargetStatus::Held, "a target held with no success");
    let trusted = report.trust.percentile.unwrap_or(0.0);
    expect(report.verdict.status != Status::Invalid || trusted == 0.0, "an INVALID run is trusted");
    expect(requests.ok > 0 || trusted == 0.0, "nothing succeeded, and its times are trusted");
    expect(
        rule("generator_lag_p50").is_none() || trusted < 50.0,
        "the median is said to be ours, and trusted",
    );
    expect(rule("generator_lag_p99").is_none() || trusted < 99.0, "p99 is said to be ours, and trusted");
    expect(
        report.trust.why.is_some() == (trusted < 100.0),
        "no reason for what is not trusted, or one for what is",
    );
    found
}

/// Whether two documents say the same; numbers with a fraction to ten digits, because what is written has twelve.
pub(crate) fn say_the_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| say_the_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let is_in_other = |(key, value): (&String, &Value)| {
                other.get(key).is_some_and(|other| say_the_same(value, other))
            };
            one.len() == other.len() && one.iter().all(is_in_other)
        }
        (Value::Number(one), Value::Number(other)) if one.is_f64() || other.is_f64() => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            (one - other).abs() <= 1e-10 * one.abs()
        }
        _ => one == other,
    }
}

/// `further` is how many requests were sent because one before had failed.
fn ends(requests: &Requests, further: u64) -> bool {
    let kinds: u64 = requests.errors.values().sum();
    let statuses: u64 = requests.status.values().sum();
    // What a plan's check or extraction fails has a status all the same.
    let with_status =
        ["status", "check", "extract"].map(|kind| requests.errors.get(kind).copied().unwrap_or(0));
    let refused: u64 = with_status.iter().sum();
    kinds == requests.failed
        && statuses == requests.ok + refused
        && requests.sent <= requests.ok + requests.failed + further
}

fn is_ordered(timing: &Timing) -> bool {
    let Timing { min, p50, p75, p90, p95, p99, p999, p9999, max, .. } = *timing;
    let figures = [min, p50, p75, p90, p95, p99, p999, p9999, max];
    // The mean is exact, and the ends are rounded to three digits.
    let (low, high) = (min as f64 * 0.999, max as f64 * 1.001 + 1.0);
    figures.is_sorted() && (timing.count == 0 || (low..=high).contains(&timing.mean))
}
