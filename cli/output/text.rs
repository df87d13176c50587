//! The report as text, in the order in which a reader needs it. What the target did wrong, whether the generator can be believed,
//! whether the load was carried, what failed, how long it took, how much went through, what it cost.

use crate::output::plain;
use engine::outcome::Kind;
use engine::quantity::{counted, show_ns};
use engine::report::{RateBlock, Report, Requests, StepReport, Timing};
use engine::verdict::{Reason, Status};
use std::fmt::Write;

/// The whole report.
pub(crate) fn report(report: &Report) -> String {
    let report = &plain::report(report);
    let mut text = String::new();
    let sections: [fn(&Report) -> String; 11] =
        [verdict, until, rate, requests, failures, timings, scenarios, throughput, cost, thresholds, limits];
    for section in sections {
        text.push_str(&section(report));
    }
    text
}

/// Why the run is not simply good, a line each: for runs that print nothing else.
pub(crate) fn objections(report: &Report) -> Vec<String> {
    let reason = |reason: &Reason| {
        let Reason { rule, cause, status, text, .. } = reason;
        format!("{}: {} ({}): {text}", status.name(), rule, cause.name())
    };
    let mut lines: Vec<String> = target(report).into_iter().collect();
    lines.extend(report.verdict.reasons.iter().map(reason));
    let breached = report.thresholds.iter().filter(|threshold| !threshold.ok);
    lines.extend(breached.map(|threshold| format!("✗ {}, measured {}", threshold.text, threshold.shown)));
    lines.iter().map(|line| plain::plain(line)).collect()
}

/// What the target did wrong, if it did.
fn target(report: &Report) -> Option<String> {
    report.outcome.is_failure().then(|| format!("TARGET {}", report.outcome.text))
}

/// The two statements: how the target did, where it failed, and whether the generator can be believed.
fn verdict(report: &Report) -> String {
    let target = target(report).map_or_else(String::new, |line| format!("{line}\n"));
    let word = match (report.verdict.status, report.outcome.is_failure()) {
        (Status::Invalid, _) => format!("{}: do not use these numbers", headline(report)),
        (_, true) => format!("{}: what is said of the target can be believed", headline(report)),
        (_, false) => headline(report),
    };
    let partial = if report.window.is_partial { ", stopped early" } else { "" };
    let warmup = match report.window.from_s {
        0.0 => String::new(),
        seconds => format!(" after {seconds} s of warm-up{}", steadiness(report)),
    };
    let (window_s, name) = (report.window_s, &report.plan.name);
    let mut text = format!(
        "\n{target}{word}\n{name}: {window_s:.3} s measured{warmup}{partial}, run {}\n",
        report.run_id
    );
    for Reason { rule, cause, text: why, .. } in &report.verdict.reasons {
        let _ = writeln!(text, "  {rule} ({}): {why}", cause.name());
    }
    text.push('\n');
    text
}

/// Whether the warm-up was long enough, if that was looked for.
fn steadiness(report: &Report) -> &'static str {
    match report.warmup.is_steady {
        Some(true) => ", then steady",
        Some(false) => ", and not steady",
        None => "",
    }
}

/// The verdict's word, and whose doing it is when it is not VALID: that of the first of the worst reasons.
fn headline(report: &Report) -> String {
    let status = report.verdict.status;
    let worst = report.verdict.reasons.iter().find(|reason| reason.status == status);
    match worst.map(|reason| reason.cause) {
        None => status.name().to_owned(),
        Some(cause) => format!("{} ({})", status.name(), cause.name()),
    }
}

/// What a run with a goal came to know.
fn until(report: &Report) -> String {
    let Some(until) = &report.until else { return String::new() };
    let word = if until.reached { "reached" } else { "not reached in time" };
    let estimate = until.estimate.map_or("-".into(), |ns| show_ns(ns as u64));
    let half = until.half_width.map_or("-".into(), |half_width| format!("{:.2} %", half_width * 100.0));
    let why = until.obstacle.as_ref().map_or(String::new(), |obstacle| format!("; {obstacle}"));
    let confidence = until.confidence * 100.0;
    row("Until", &format!("{}: {word}, {estimate} ± {half} at {confidence:.0} %{why}", until.goal))
}

fn rate(report: &Report) -> String {
    row("Rate", &rate_of(&report.rate, report.plan.is_closed()))
}

/// A rate, and what it was to be; of a mixture of schedules and closed loops there is no saying.
fn rate_of(rate: &RateBlock, is_closed: bool) -> String {
    let achieved = grouped_exactly(rate.achieved);
    match (rate.target, rate.ratio) {
        (Some(target), Some(ratio)) => {
            format!("{achieved} of {} req/s, ratio {ratio:.6}", grouped_exactly(target))
        }
        _ if is_closed => format!("{achieved} req/s (closed loop)"),
        _ => format!("{achieved} req/s"),
    }
}

fn requests(report: &Report) -> String {
    row("Requests", &ends(&report.requests))
}

fn ends(requests: &Requests) -> String {
    let mut text = format!("{} ok, {} failed", requests.ok, requests.failed);
    if requests.dropped > 0 {
        let _ = write!(text, ", {} dropped", requests.dropped);
    }
    if requests.unsent > 0 {
        let _ = write!(text, ", {} never sent", requests.unsent);
    }
    text
}

fn failures(report: &Report) -> String {
    let all = report.requests.scheduled();
    let line = |(name, count): (&String, &u64)| {
        let meaning = Kind::ALL.into_iter().find(|kind| kind.name() == name).map_or("", Kind::meaning);
        row("", &format!("{name} {count} ({}): {meaning}", share(*count, all)))
    };
    let mut text: String = report.requests.errors.iter().map(line).collect();
    let has_other = report.requests.status.keys().any(|status| *status != 200);
    if has_other {
        let codes: Vec<String> =
            report.requests.status.iter().map(|(status, count)| format!("{status}: {count}")).collect();
        text.push_str(&row("Status", &codes.join("  ")));
    }
    text
}

fn timings(report: &Report) -> String {
    let columns = ["p50", "p75", "p90", "p99", "p99.9", "p99.99", "max", "mean"];
    let mut text = format!("\n{:13}", "");
    columns.iter().for_each(|column| {
        let _ = write!(text, "{column:>9}");
    });
    text.push('\n');
    text.push_str(&timing("Response", &report.response_ns));
    text.push_str(&timing("Service", &report.service_ns));
    if !report.plan.is_closed() {
        text.push_str(&timing("Slip", &report.slip_ns));
        text.push_str(&timing("Vajra's own", &report.generator_lag_ns));
    }
    if report.failed_response_ns.count > 0 {
        text.push_str(&timing("Failed", &report.failed_response_ns));
    }
    text.push('\n');
    text
}

fn timing(name: &str, timing: &Timing) -> String {
    if timing.count == 0 {
        return row(name, "-");
    }
    let values = [
        timing.p50,
        timing.p75,
        timing.p90,
        timing.p99,
        timing.p999,
        timing.p9999,
        timing.max,
        timing.mean as u64,
    ];
    let mut text = format!("{name:13}");
    values.iter().for_each(|&ns| {
        let _ = write!(text, "{:>9}", show_ns(ns));
    });
    text.push('\n');
    text
}

/// Each scenario where there are several, and each of its kinds of request where it has several.
fn scenarios(report: &Report) -> String {
    let mut text = String::new();
    for scenario in &report.scenarios {
        if report.scenarios.len() > 1 {
            let (rate, counts) =
                (rate_of(&scenario.rate, true), counts(&scenario.requests, &scenario.response_ns));
            text.push_str(&row(&scenario.name, &rate));
            text.push_str(&row("", &counts));
            let outcome = Some(&scenario.outcome).filter(|outcome| outcome.is_failure());
            text.push_str(&outcome.map_or_else(String::new, |outcome| row("", &outcome.text)));
        }
        let line =
            |step: &StepReport| row(&format!("  {}", step.name), &counts(&step.requests, &step.response_ns));
        if scenario.steps.len() > 1 {
            text.extend(scenario.steps.iter().map(line));
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// How requests ended, and how long they took.
fn counts(requests: &Requests, response: &Timing) -> String {
    let times = match response.count {
        0 => String::new(),
        _ => format!(", response p50 {}, p99 {}", show_ns(response.p50), show_ns(response.p99)),
    };
    format!("{}{times}", ends(requests))
}

fn throughput(report: &Report) -> String {
    let per_second = |bytes: u64| show_bytes(bytes as f64 / report.window_s);
    let (received, sent) = (per_second(report.bytes.received), per_second(report.bytes.sent));
    row("Throughput", &format!("{received}/s received, {sent}/s sent"))
}

fn cost(report: &Report) -> String {
    let cpu = &report.cpu;
    let spun = match cpu.spun_per_request_ns {
        ns if ns >= 1.0 => format!(", {} of it watching the clock", show_ns(ns as u64)),
        _ => String::new(),
    };
    let each = show_ns(cpu.per_request_ns as u64);
    let (user_s, sys_s) = (cpu.user_s, cpu.sys_s);
    let mut text = row("CPU", &format!("{each} per request{spun}; {user_s:.2} s user, {sys_s:.2} s kernel"));
    text.push_str(&row("Memory", &show_bytes(cpu.resident_bytes_max as f64)));
    let connections = &report.connections;
    let mut line = format!("{} of {} open", connections.open, connections.asked);
    for (count, thing) in [
        (connections.reconnects, "reconnect"),
        (connections.failures, "failed attempt"),
        (connections.lost_ends, "lost end"),
        (connections.unasked_bytes, "unasked byte"),
    ] {
        if count > 0 {
            let _ = write!(line, ", {}", counted(count, thing));
        }
    }
    text.push_str(&row("Connections", &line));
    text
}

fn thresholds(report: &Report) -> String {
    let line = |threshold: &engine::report::ThresholdResult| {
        let mark = if threshold.ok { "✓" } else { "✗" };
        format!("  {mark} {}, measured {}\n", threshold.text, threshold.shown)
    };
    let lines: String = report.thresholds.iter().map(line).collect();
    if lines.is_empty() { lines } else { format!("\nThresholds\n{lines}") }
}

fn limits(report: &Report) -> String {
    let lines: String = report.limits.iter().map(|limit| format!("  {limit}\n")).collect();
    if lines.is_empty() { lines } else { format!("\nLimits of this run\n{lines}") }
}

/// A line with a name before it.
pub(crate) fn row(name: &str, text: &str) -> String {
    format!("{name:12} {text}\n")
}

/// A rate for people: whole numbers in groups of three, small ones with decimals.
pub(crate) fn grouped(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { group(value.round() as u64) }
}

/// With two decimals, rounded before it is split, so that what is rounded up is carried.
fn grouped_exactly(value: f64) -> String {
    let cents = (value * 100.0).round() as u64;
    format!("{}.{:02}", group(cents / 100), cents % 100)
}

fn group(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A part of a whole, as a percentage.
pub(crate) fn share(part: u64, whole: u64) -> String {
    format!("{:.3} %", part as f64 / whole.max(1) as f64 * 100.0)
}

fn show_bytes(bytes: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB"];
    let (mut value, mut unit) = (bytes, 0);
    while value >= 1_024.0 && unit + 1 < units.len() {
        value /= 1_024.0;
        unit += 1;
    }
    format!("{value:.1} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_bytes_scaled() {
        assert_eq!((grouped(1_234_567.0).as_str(), grouped(3.25).as_str()), ("1,234,567", "3.2"));
        assert_eq!(grouped_exactly(9_999.996), "10,000.00", "what is rounded up is carried");
        assert_eq!(grouped_exactly(9_999.994), "9,999.99");
        assert_eq!((grouped_exactly(0.0).as_str(), grouped_exactly(0.05).as_str()), ("0.00", "0.05"));
        assert_eq!(show_bytes(1_536.0), "1.5 KiB");
        assert_eq!(share(1, 8), "12.500 %");
    }
}
