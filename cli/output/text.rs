//! The report as text, in the order in which a reader needs it. What the target did wrong, whether the generator can be believed,
//! whether the load was carried, what failed, how long it took, how much went through, what it cost.

use crate::output::checks_text::{checks, redirects};
use crate::output::figures::{
    self, NOTHING, PERCENTILES, bytes, group, grouped, grouped_exactly, seconds, share, time,
};
use crate::output::flows_text::flows;
use crate::output::layout::{hanging, row};
use crate::output::plain;
use crate::output::screen::{Screen, Tone};
use crate::output::table::{Cell, Column, TextTable};
use engine::breaker::BreakerCounts;
use engine::code;
use engine::outcome::Kind;
use engine::plan::Target;
use engine::quantity::{counted, show_ns};
use engine::record::{AttemptFailure, FailureReason, RedirectCounts};
use engine::report::{
    Iterations, RateBlock, Report, Requests, RunEvent, ScenarioReport, SetupTally, StepReport, Timing,
};
use engine::revision::Revision;
use engine::until::UntilOutcome;
use engine::verdict::{Reason, Status};
use std::fmt::Write;

/// Characters of a run id that are shown: enough to tell runs apart, and to be given as a selector.
const SHORT_ID: usize = 8;

/// How many reasons of failures are shown, of which the report has all.
const REASONS_SHOWN_MAX: usize = 6;

/// The whole report.
pub(crate) fn report(report: &Report, screen: &Screen) -> String {
    let report = &plain::report(report);
    let mut text = String::new();
    let sections: [fn(&Report, &Screen) -> String; 16] = [
        verdict, until, setup, rate, requests, redirects, failures, checks, timings, scenarios, flows,
        throughput, cost, thresholds, changes, limits,
    ];
    for section in sections {
        text.push_str(&section(report, screen));
    }
    text
}

/// Why the run is not simply good, a line each: for runs that print nothing else.
pub(crate) fn objections(report: &Report) -> Vec<String> {
    let reason = |reason: &Reason| {
        let Reason { rule, cause, status, text, .. } = reason;
        format!("{}: {} ({}): {text}", status.name(), rule, cause.name())
    };
    let mut lines: Vec<String> = target(report).into_iter().chain(aborted(report)).collect();
    lines.extend(report.verdict.reasons.iter().map(reason));
    let breached = report.thresholds.iter().filter(|threshold| !threshold.ok);
    lines.extend(breached.map(|threshold| format!("✗ {}, measured {}", threshold.text, threshold.shown)));
    lines.iter().map(|line| plain::plain(line)).collect()
}

/// A run id for people.
pub(crate) fn short_id(run_id: &str) -> String {
    plain::plain(run_id).chars().take(SHORT_ID).collect()
}

/// How a verdict looks.
pub(crate) fn tone_of(status: Status) -> Tone {
    match status {
        Status::Valid => Tone::Good,
        Status::Degraded => Tone::Caution,
        Status::Invalid => Tone::Bad,
    }
}

/// What the target did wrong, if it did.
fn target(report: &Report) -> Option<String> {
    report.outcome.is_failure().then(|| format!("TARGET {}", report.outcome.text))
}

/// Which condition ended the run, and when, if one did.
fn aborted(report: &Report) -> Option<String> {
    let aborting = report.aborting()?;
    let at_ns = aborting.aborted_at_ns?;
    Some(format!("ABORTED after {}: `{}` was broken", show_ns(at_ns), aborting.text))
}

/// The two statements: how the target did, where it failed, and whether the generator can be believed.
fn verdict(report: &Report, screen: &Screen) -> String {
    let line = |tone: Tone, text: &str| hanging(screen.width, "", &screen.paint(tone, text));
    let mut text = String::from("\n");
    text.extend(target(report).map(|target| line(Tone::Bad, &target)));
    text.extend(aborted(report).map(|aborted| line(Tone::Bad, &aborted)));
    text.push_str(&line(tone_of(report.verdict.status), &conclusion(report)));
    text.push_str(&hanging(screen.width, "", &about(report)));
    for Reason { rule, cause, text: why, .. } in &report.verdict.reasons {
        text.push_str(&hanging(screen.width, "  ", &format!("{rule} ({}): {why}", cause.name())));
    }
    text.push('\n');
    text
}

/// The verdict, and what follows from it.
pub(crate) fn conclusion(report: &Report) -> String {
    match (report.verdict.status, report.outcome.is_failure()) {
        (Status::Invalid, _) => format!("{}: do not use these numbers", headline(report)),
        (_, true) => format!("{}: what is said of the target can be believed", headline(report)),
        (_, false) => headline(report),
    }
}

/// Which run this is, and what was measured of it.
fn about(report: &Report) -> String {
    let warmup = match report.window.from_s {
        0.0 => String::new(),
        length_s => format!(" after {} of warm-up{}", seconds(length_s), steadiness(report)),
    };
    let partial = if report.window.is_partial { ", stopped early" } else { "" };
    let (name, length, id) = (&report.plan.name, seconds(report.window_s), short_id(&report.run_id));
    format!("{name}: {length} measured{warmup}{partial}, run {id}")
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
fn until(report: &Report, screen: &Screen) -> String {
    report.until.as_ref().map_or_else(String::new, |until| row(screen, "Until", &knowledge(until)))
}

fn knowledge(until: &UntilOutcome) -> String {
    let word = match (until.reached, until.given_up) {
        (true, _) => "reached",
        (false, true) => "given up",
        (false, false) => "not reached in time",
    };
    let estimate = until.estimate.map_or_else(|| NOTHING.to_owned(), |ns| show_ns(ns as u64));
    let half = until.half_width.map_or_else(String::new, |half| format!(" ± {:.2} %", half * 100.0));
    let confidence = figures::typed_percentage(until.confidence);
    let why = until.obstacle.as_ref().map_or_else(String::new, |obstacle| format!("; {obstacle}"));
    let needed = match until.needed_s {
        Some(needed_s) if !until.reached => format!("; at this pace it takes {}", length(needed_s)),
        _ => String::new(),
    };
    format!("{}: {word}, {estimate}{half} at {confidence}{why}{needed}", until.goal)
}

/// What became of what was done before the start, and again while the run went on.
fn setup(report: &Report, screen: &Screen) -> String {
    let Some(SetupTally { took_ns, refreshes, failed, reason }) = &report.setup else { return String::new() };
    let mut text = format!("{} before the start", show_ns(*took_ns));
    if *refreshes + *failed > 0 {
        text.push_str(&format!(", refreshed {}", counted(*refreshes, "time")));
    }
    if *failed > 0 {
        let why = reason.as_deref().unwrap_or_default();
        text.push_str(&format!(", and failed {}: {why}", counted(*failed, "time")));
    }
    row(screen, "Setup", &text)
}

/// A length in the unit that fits.
pub(crate) fn length(length_s: f64) -> String {
    match length_s {
        short if short < 120.0 => format!("{short:.0} s"),
        long if long < 7_200.0 => format!("{:.0} min", long / 60.0),
        longer => format!("{:.0} h", longer / 3_600.0),
    }
}

fn rate(report: &Report, screen: &Screen) -> String {
    let is_flow = |scenario: &engine::plan::Scenario| scenario.flow().is_some();
    let unit = match report.plan.scenarios.iter().filter(|scenario| is_flow(scenario)).count() {
        0 => "req/s",
        flows if flows == report.plan.scenarios.len() => "iterations/s",
        _ => "arrivals/s",
    };
    row(screen, "Rate", &rate_of(&report.rate, report.plan.is_closed(), unit))
}

/// A rate, and what it was to be; of a mixture of schedules and closed loops there is no saying.
fn rate_of(rate: &RateBlock, is_closed: bool, unit: &str) -> String {
    let achieved = grouped_exactly(rate.achieved);
    match (rate.target, rate.ratio) {
        (Some(target), Some(ratio)) => {
            let drawn = rate.asked.filter(|asked| (asked - target).abs() >= 0.005);
            let drawn = drawn.map_or_else(String::new, |asked| {
                format!("; the plan asks for {} {unit}", grouped_exactly(asked))
            });
            format!("{achieved} of {} {unit} ({:.4} %){drawn}", grouped_exactly(target), ratio * 100.0)
        }
        _ if is_closed => format!("{achieved} {unit} (closed loop)"),
        _ => format!("{achieved} {unit}"),
    }
}

/// How iterations ended, where there are some, and how requests did.
fn requests(report: &Report, screen: &Screen) -> String {
    let Requests { ok, failed, dropped, unsent, withheld, .. } = report.requests;
    let of_iterations = report.iterations.as_ref().map(|iterations| {
        let Iterations { ok, failed, unfinished, dropped, unsent, withheld, .. } = *iterations;
        let others = [
            (unfinished, "unfinished"),
            (dropped, "dropped"),
            (unsent, "never begun"),
            (withheld, "withheld"),
        ];
        row(screen, "Iterations", &ends((ok, failed), &others, screen))
    });
    let others = [(dropped, "dropped"), (unsent, "never sent"), (withheld, "withheld")];
    let of_requests = ends((ok, failed), &others, screen);
    let mut shown = of_iterations.unwrap_or_default() + &row(screen, "Requests", &of_requests);
    shown.extend(report.scenarios.iter().map(|scenario| failures_answered(scenario, report, screen)));
    shown
}

/// What the clients of a scenario did about failures; of several, its name before that.
fn failures_answered(scenario: &ScenarioReport, report: &Report, screen: &Screen) -> String {
    let named = |text: String| match report.scenarios.len() {
        1 => text,
        _ => format!("{}: {text}", scenario.name),
    };
    let retries = scenario.attempts.as_ref().map(|attempts| {
        let (made, further) = (group(attempts.made), group(attempts.further));
        let tried = format!("{further} of {made} attempts, {:.3} attempts per request", attempts.ratio);
        // Attempts to connect have a row of their own.
        row(screen, "Retries", &named(tried))
    });
    let breakers = scenario.breaker.map(|breaker| {
        let BreakerCounts { openings, half_openings, closings, rejections } = breaker;
        let [opened, half_opened, closed, rejected] =
            [openings, half_openings, closings, rejections].map(group);
        let counted = format!("{opened} opened, {half_opened} half-opened, {closed} closed");
        // All else is of the measured window.
        let counted = format!("{counted}, {rejected} rejected, over the whole run");
        row(screen, "Breakers", &named(counted))
    });
    retries.unwrap_or_default() + &breakers.unwrap_or_default()
}

fn ends((ok, failed): (u64, u64), others: &[(u64, &str)], screen: &Screen) -> String {
    let counted = |count: u64, word: &str| {
        let tone = if count > 0 { Tone::Bad } else { Tone::Plain };
        screen.paint(tone, &format!("{} {word}", group(count)))
    };
    let mut parts = vec![format!("{} ok", group(ok)), counted(failed, "failed")];
    for &(count, word) in others {
        parts.extend((count > 0).then(|| counted(count, word)));
    }
    parts.join(", ")
}

fn failures(report: &Report, screen: &Screen) -> String {
    let all = report.requests.scheduled();
    let codes: Vec<u16> = report.requests.status.keys().copied().collect();
    let unfollowed = |counts: RedirectCounts| counts.over_limit + counts.elsewhere + counts.unusable;
    let led_nowhere = report
        .scenarios
        .iter()
        .filter_map(|scenario| scenario.redirects)
        .any(|counts| unfollowed(counts) > 0);
    let line = |(name, count): (&String, &u64)| {
        let meaning = Kind::ALL.into_iter().find(|kind| kind.name() == name).map_or("", |kind| match kind {
            Kind::Status if led_nowhere => {
                "the response's status was 400 or above, or it led where it is not followed"
            }
            Kind::Status => code::meaning_of_failures(&codes),
            kind => kind.meaning(),
        });
        row(screen, "", &format!("{name} {} ({}): {meaning}", group(*count), share(*count, all)))
    };
    let mut text: String = report.requests.errors.iter().map(line).collect();
    let reason = |reason: &FailureReason| {
        let example = reason.example.as_ref();
        let first = example.map_or_else(String::new, |came| format!("; the first was {came}"));
        row(screen, "", &format!("{} × {}{first}", group(reason.count), reason.why))
    };
    text.extend(report.reasons.iter().take(REASONS_SHOWN_MAX).map(reason));
    let has_other = report.requests.status.keys().any(|status| !code::is_usual(*status));
    if has_other {
        let codes: Vec<String> = (report.requests.status.iter())
            .map(|(status, count)| format!("{}: {}", code::show(*status), group(*count)))
            .collect();
        text.push_str(&row(screen, "Status", &codes.join("  ")));
    }
    if report.requests.messages > 0 {
        let came = format!("{} received", group(report.requests.messages));
        text.push_str(&row(screen, "Messages", &came));
    }
    text
}

fn timings(report: &Report, screen: &Screen) -> String {
    let label = Column::word("");
    let percentiles = PERCENTILES.iter().map(|(name, _)| Column::figure(name));
    // What has no place on a narrow screen is in the JSON all the same.
    let others = [Column::figure("mean").left_out(1), Column::figure("min").left_out(2)];
    let mut table = TextTable::new([label].into_iter().chain(percentiles).chain(others).collect());
    let mut add = |name: &str, timing: &Timing| table.push(timing_row(name, timing));
    add("Response", &report.response_ns);
    add("Service", &report.service_ns);
    if !report.plan.is_closed() {
        add("Slip", &report.slip_ns);
        add("Own lag", &report.generator_lag_ns);
    }
    for (name, timing) in
        [("First msg", &report.requests.first_message_ns), ("Message", &report.requests.message_ns)]
    {
        if let Some(timing) = timing {
            add(name, timing);
        }
    }
    if report.failed_response_ns.count > 0 {
        add("Failed", &report.failed_response_ns);
    }
    if let Some(iterations) =
        report.iterations.as_ref().filter(|iterations| iterations.iteration_ns.count > 0)
    {
        add("Iteration", &iterations.iteration_ns);
        add("Duration", &iterations.duration_ns);
    }
    format!("\n{}\n", table.show(screen))
}

fn timing_row(name: &str, timing: &Timing) -> Vec<Cell> {
    let shown = |ns: u64| Cell::from(time((timing.count > 0).then_some(ns)));
    let mut cells = vec![Cell::from(name)];
    cells.extend(PERCENTILES.iter().map(|(_, of)| shown(of(timing))));
    cells.extend([shown(timing.mean as u64), shown(timing.min)]);
    cells
}

/// Each scenario where there are several, and each of its kinds of request where it has several.
fn scenarios(report: &Report, screen: &Screen) -> String {
    let mut table = TextTable::new(vec![
        Column::name("", 12),
        Column::figure("req/s"),
        Column::figure("ok"),
        Column::figure("failed"),
        Column::figure("p50"),
        Column::figure("p95").left_out(2),
        Column::figure("p99"),
        Column::figure("max").left_out(1),
    ]);
    let mut outcomes = String::new();
    for scenario in &report.scenarios {
        if report.scenarios.len() > 1 {
            table.push(scenario_row(scenario));
            let failed = Some(&scenario.outcome).filter(|outcome| outcome.is_failure());
            outcomes.extend(failed.map(|outcome| row(screen, &scenario.name, &outcome.text)));
        }
        if scenario.steps.len() > 1 {
            scenario.steps.iter().for_each(|step| table.push(step_row(step, scenario.window_s)));
        }
    }
    if table.is_empty() { String::new() } else { format!("{}{outcomes}\n", table.show(screen)) }
}

fn scenario_row(scenario: &ScenarioReport) -> Vec<Cell> {
    let rate = grouped(scenario.rate.achieved);
    figures_row(scenario.name.clone(), rate, &scenario.requests, &scenario.response_ns)
}

fn step_row(step: &StepReport, window_s: f64) -> Vec<Cell> {
    let rate = grouped((step.requests.ok + step.requests.failed) as f64 / window_s);
    figures_row(format!("  {}", step.name), rate, &step.requests, &step.response_ns)
}

fn figures_row(name: String, rate: String, requests: &Requests, response: &Timing) -> Vec<Cell> {
    let failed = requests.failed + requests.dropped + requests.unsent;
    let tone = if failed > 0 { Tone::Bad } else { Tone::Plain };
    let shown = |ns: u64| Cell::from(time((response.count > 0).then_some(ns)));
    vec![
        name.into(),
        rate.into(),
        group(requests.ok).into(),
        Cell::toned(group(failed), tone),
        shown(response.p50),
        shown(response.p95),
        shown(response.p99),
        shown(response.max),
    ]
}

fn throughput(report: &Report, screen: &Screen) -> String {
    let per_second = |count: u64| bytes(count as f64 / report.window_s);
    let (received, sent) = (per_second(report.bytes.received), per_second(report.bytes.sent));
    row(screen, "Throughput", &format!("{received}/s received, {sent}/s sent"))
}

fn cost(report: &Report, screen: &Screen) -> String {
    let cpu = &report.cpu;
    let spun = match cpu.spun_per_request_ns {
        ns if ns >= 1.0 => format!(", {} of it watching the clock", show_ns(ns as u64)),
        _ => String::new(),
    };
    let each = show_ns(cpu.per_request_ns as u64);
    let (user_s, sys_s) = (cpu.user_s, cpu.sys_s);
    let cpu = format!("{each} per request{spun}; {user_s:.2} s user, {sys_s:.2} s kernel");
    [
        row(screen, "CPU", &cpu),
        row(screen, "Memory", &bytes(report.cpu.resident_bytes_max as f64)),
        row(screen, "Connections", &connections(report)),
        looked_up(report).map(|line| row(screen, "DNS", &line)).unwrap_or_default(),
        handshakes(report).map(|line| row(screen, "Handshakes", &line)).unwrap_or_default(),
        failed_attempts(report).map(|line| row(screen, "Attempts", &line)).unwrap_or_default(),
    ]
    .concat()
}

/// How long it took to look up the names of targets; which ones, where there are several targets.
fn looked_up(report: &Report) -> Option<String> {
    let (targets, dns_ns) = (&report.plan.targets, &report.connections.attempts.as_ref()?.dns_ns);
    let one = |target: &Target| {
        let took = show_ns(*dns_ns.get(&target.name)?);
        Some(if targets.len() == 1 { took } else { format!("{} {took}", target.name) })
    };
    let all: Vec<String> = targets.iter().filter_map(one).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// How long TLS took, and how often it could be short.
fn handshakes(report: &Report) -> Option<String> {
    let attempts = report.connections.attempts.as_ref().filter(|attempts| attempts.tls_ns.count > 0)?;
    let Timing { p50, p99, max, count, .. } = attempts.tls_ns;
    let (p50, p99, max) = (show_ns(p50), show_ns(p99), show_ns(max));
    let (count, resumed) = (group(count), group(attempts.resumed));
    Some(format!("{count}, {resumed} resumed; p50 {p50}, p99 {p99}, max {max}"))
}

/// Why attempts to connect failed.
fn failed_attempts(report: &Report) -> Option<String> {
    let failures = &report.connections.attempts.as_ref()?.failures;
    let one = |failure: &AttemptFailure| format!("{} × {}", group(failure.count), failure.why);
    let all: Vec<String> = failures.iter().map(one).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// How many connections users made, those included that took the place of another.
fn made(report: &Report) -> String {
    report.connections.attempts.as_ref().map_or(String::new(), |all| format!(", {} made", group(all.made)))
}

fn connections(report: &Report) -> String {
    let connections = &report.connections;
    let once = report.plan.targets.iter().filter(|target| !target.reuse()).count();
    let asked = group(connections.asked);
    let own = report.plan.connections_per_user();
    let mut line = match once {
        0 if own > 0 && own == report.plan.connections() => {
            format!("one per user, at most {asked}{}", made(report))
        }
        0 if own > 0 => format!("{asked} at most, {} of them one per user", group(own.into())),
        0 => format!("{} of {asked} open", group(connections.open)),
        all if all == report.plan.targets.len() => {
            format!("one for each request, {asked} at a time at the most")
        }
        some => format!("{asked}, those to {} made for each request", counted(some as u64, "target")),
    };
    for (count, thing) in [
        (connections.reconnects, "reconnect"),
        (connections.failures, "failed attempt"),
        (connections.lost_ends, "lost end"),
        (connections.unasked_bytes, "unasked byte"),
        (connections.replays, "replayed request"),
        (connections.late_datagrams, "late datagram"),
        (connections.repeated_datagrams, "repeated datagram"),
        (connections.stray_datagrams, "stray datagram"),
        (connections.truncated_replies, "truncated response"),
        (connections.refused_datagrams, "refused datagram"),
        (connections.dropped_datagrams, "dropped datagram"),
    ] {
        if count > 0 {
            let _ = write!(line, ", {}", counted(count, thing));
        }
    }
    line
}

/// A condition and how it was met, as a line.
pub(crate) fn threshold(threshold: &engine::report::ThresholdResult, screen: &Screen) -> String {
    let (mark, tone) = if threshold.ok { ("✓", Tone::Good) } else { ("✗", Tone::Bad) };
    let prefix = format!("  {} ", screen.paint(tone, mark));
    hanging(
        screen.width,
        &prefix,
        &plain::plain(&format!("{}, measured {}", threshold.text, threshold.shown)),
    )
}

fn thresholds(report: &Report, screen: &Screen) -> String {
    let lines: String = report.thresholds.iter().map(|result| threshold(result, screen)).collect();
    titled("Thresholds", &lines, screen)
}

/// What was changed while the run went on, and what could not be.
fn changes(report: &Report, screen: &Screen) -> String {
    let at = |ns: u64| format!("{:.1} s", ns as f64 / 1e9);
    let mut lines: Vec<(u64, String)> = report
        .revisions
        .iter()
        .map(|revision| {
            let Revision { cut_ns, by, .. } = revision;
            (*cut_ns, format!("{}: {revision} ({by})", at(*cut_ns)))
        })
        .collect();
    let refused =
        |event: &RunEvent| (event.at_ns, format!("{}: {} ({})", at(event.at_ns), event.what, event.by));
    lines.extend(report.events.iter().map(refused));
    lines.sort_by_key(|(at_ns, _)| *at_ns);
    let lines: String = lines.iter().map(|(_, line)| hanging(screen.width, "  ", line)).collect();
    titled("Changed while it went on", &lines, screen)
}

fn limits(report: &Report, screen: &Screen) -> String {
    let lines: String = report.limits.iter().map(|limit| hanging(screen.width, "  ", limit)).collect();
    titled("Limits of this run", &lines, screen)
}

/// Lines under a title, if there are any.
pub(crate) fn titled(title: &str, lines: &str, screen: &Screen) -> String {
    match lines.is_empty() {
        true => String::new(),
        false => format!("\n{}\n{lines}", screen.paint(Tone::Strong, title)),
    }
}
