//! Charts as SVG: response times of one run, of two sides of a comparison, and what a target does at each rate.
//!
//! Written without a library, so that ticks are round, texts stay inside, and colours follow the reader's scheme.

mod axis;
mod picture;

use axis::{Axis, grouped, percentiles, rates, show_rate, times};
use engine::compare::{Comparison, Judgement, Regression, RegressionStatus, SideSummary};
use engine::distribution::{Distribution, UnreadableHistogram};
use engine::report::Report;
use engine::verdict::Status;
use picture::{Heads, Picture, Sample, Shape, Stroke};

/// The curve is read at this many quantiles for each tenfold nearness to 100 %.
const QUANTILES_PER_DECADE: u32 = 40;
/// A percentile is shown as far as this many requests lie beyond it.
const BEYOND_MIN: f64 = 10.0;

/// What a search did, for its chart.
#[derive(Debug)]
pub(crate) struct SearchCurve {
    pub(crate) target: String,
    /// The conditions as they may be shown, with the limit in nanoseconds of those on response times.
    pub(crate) conditions: Vec<(String, Option<f64>)>,
    pub(crate) sustained_rps: Option<f64>,
    pub(crate) refused_rps: Option<f64>,
    /// In the order in which they were made.
    pub(crate) probes: Vec<ProbePoint>,
}

/// What a target did at one rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProbePoint {
    pub(crate) rate_rps: f64,
    pub(crate) p50_ns: Option<u64>,
    pub(crate) p99_ns: Option<u64>,
    pub(crate) finding: Finding,
}

/// What a probe said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    Sustained,
    NotSustained,
    /// The probe was disturbed, or unclear, or at the generator's limit.
    Undecided,
}

/// One run: its response and service times by percentile.
pub(crate) fn run(report: &Report) -> Result<String, UnreadableHistogram> {
    let response = Distribution::decode(&report.response_ns.hdr)?;
    let service = Distribution::decode(&report.service_ns.hdr)?;
    let targets: Vec<String> = report.plan.targets.iter().map(|target| target.url.to_string()).collect();
    let rate = match report.rate.target {
        Some(target) => format!("{} of {} asked", rate_of(report.rate.achieved), rate_of(target)),
        None => rate_of(report.rate.achieved),
    };
    let lines = vec![
        format!("{}: {rate}, {}", word(report.verdict.status), targets.join(", ")),
        format!("run {}, {}", short(&report.run_id), minute(&report.started_at)),
    ];
    let count = grouped(response.count() as f64, 0);
    let curves = [
        (format!("response time (from the intended start), {count} requests"), &response),
        ("service time (from sending)".to_owned(), &service),
    ];
    Ok(by_percentile(format!("{}: response time by percentile", report.plan.name), lines, &curves))
}

/// Two sides of a comparison by percentile.
pub(crate) fn comparison(
    comparison: &Comparison,
    regression: Option<&Regression>,
) -> Result<String, UnreadableHistogram> {
    let (base, candidate) = (comparison.base.response()?, comparison.candidate.response()?);
    let curves =
        [(side("base", &comparison.base), &base), (side("candidate", &comparison.candidate), &candidate)];
    let judgement = match comparison.verdict {
        Judgement::Better => "the candidate is better",
        Judgement::Same => "no difference of interest",
        Judgement::Unclear => "the runs do not tell which is better",
        Judgement::Worse => "the candidate is worse",
    };
    let sureness = format!("{judgement}, at {} % confidence", number(comparison.confidence * 100.0));
    let mut lines = vec![match regression {
        Some(regression) => {
            let limit = number(regression.limit * 100.0);
            format!("{} a limit of {limit} %; {sureness}", gate_word(regression.status))
        }
        None => sureness,
    }];
    let mut targets = comparison.base.targets.clone();
    targets.extend(comparison.candidate.targets.iter().cloned());
    targets.dedup();
    lines.push(targets.join(", "));
    Ok(by_percentile("Response time by percentile".to_owned(), lines, &curves))
}

/// Response times by rate, with the conditions and the answer.
pub(crate) fn search(curve: &SearchCurve) -> String {
    let all: Vec<&str> = curve.conditions.iter().map(|(text, _)| text.as_str()).collect();
    let answer = curve.sustained_rps.map_or_else(
        || "no rate was sustained".to_owned(),
        |rate_rps| format!("sustained {}", rate_of(rate_rps)),
    );
    let heads = Heads {
        title: "Response time by rate".to_owned(),
        lines: vec![format!("{answer} under {}", all.join(", ")), curve.target.clone()],
        x: "requests per second",
        y: "response time",
    };
    let legend = [
        (Sample::Line(Stroke::First), "p50"),
        (Sample::Line(Stroke::Second), "p99"),
        (Sample::Mark(Shape::Dot), "sustained"),
        (Sample::Mark(Shape::Cross), "not sustained"),
        (Sample::Mark(Shape::Hollow), "undecided"),
    ];
    let legend = legend.map(|(sample, name)| (sample, name.to_owned()));
    let (x, y) = axes_of(curve);
    let mut picture = Picture::new(&heads, &legend, x, y);
    for (text, limit_ns) in &curve.conditions {
        limit_ns.iter().for_each(|limit_ns| picture.level(Stroke::Limit, *limit_ns, text));
    }
    for (stroke, figure) in [(Stroke::First, p50 as Figure), (Stroke::Second, p99 as Figure)] {
        picture.line(stroke, &decisive(&curve.probes, figure));
        for probe in &curve.probes {
            let place = figure(probe).map(|ns| (probe.rate_rps, ns as f64));
            place.into_iter().for_each(|place| picture.mark(shape(probe.finding), place));
        }
    }
    if let Some(rate_rps) = curve.sustained_rps {
        picture.upright(Stroke::Answer, rate_rps, &answer, true);
    }
    if let Some(rate_rps) = curve.refused_rps {
        picture.upright(Stroke::Refused, rate_rps, &format!("refused {}", rate_of(rate_rps)), false);
    }
    picture.finish()
}

type Figure = fn(&ProbePoint) -> Option<u64>;

fn p50(probe: &ProbePoint) -> Option<u64> {
    probe.p50_ns
}

fn p99(probe: &ProbePoint) -> Option<u64> {
    probe.p99_ns
}

/// One point for each rate, ascending: its last decisive probe. A line through repeats would go up and down at one place.
fn decisive(probes: &[ProbePoint], figure: Figure) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for probe in probes.iter().filter(|probe| probe.finding != Finding::Undecided) {
        if let Some(ns) = figure(probe) {
            points.retain(|(rate_rps, _)| *rate_rps != probe.rate_rps);
            points.push((probe.rate_rps, ns as f64));
        }
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}

fn axes_of(curve: &SearchCurve) -> (Axis, Axis) {
    let figures = curve.probes.iter().flat_map(|probe| [probe.p50_ns, probe.p99_ns]);
    let measured = figures.flatten().map(|ns| ns as f64);
    let limits = curve.conditions.iter().filter_map(|(_, limit_ns)| *limit_ns);
    let all: Vec<f64> = measured.chain(limits).collect();
    let fastest = curve.probes.iter().map(|probe| probe.rate_rps).fold(1.0, f64::max);
    (rates(fastest), times_around(&all))
}

fn shape(finding: Finding) -> Shape {
    match finding {
        Finding::Sustained => Shape::Dot,
        Finding::NotSustained => Shape::Cross,
        Finding::Undecided => Shape::Hollow,
    }
}

fn by_percentile(title: String, lines: Vec<String>, curves: &[(String, &Distribution); 2]) -> String {
    let points: Vec<Vec<(f64, f64)>> = curves.iter().map(|(_, curve)| by_nearness(curve)).collect();
    let strokes = [Stroke::First, Stroke::Second];
    let decades = points.iter().flatten().map(|point| point.0).fold(1.0, f64::max);
    let all: Vec<f64> = points.iter().flatten().map(|point| point.1).collect();
    let heads = Heads { title, lines, x: "percentile of requests that succeeded", y: "response time" };
    let legend: Vec<(Sample, String)> =
        strokes.iter().zip(curves).map(|(stroke, (name, _))| (Sample::Line(*stroke), name.clone())).collect();
    let mut picture = Picture::new(&heads, &legend, percentiles(decades), times_around(&all));
    strokes.into_iter().zip(&points).for_each(|(stroke, points)| picture.line(stroke, points));
    picture.finish()
}

fn times_around(all: &[f64]) -> Axis {
    let high = all.iter().copied().fold(1.0, f64::max);
    times(all.iter().copied().fold(high, f64::min), high)
}

/// Points of a distribution: how near to 100 % in decades (1 is 90 %, 2 is 99 %), and nanoseconds. As far as ten requests
/// lie beyond; the fastest few are left out, because on a scale of magnitudes one of them would take most of the room.
fn by_nearness(distribution: &Distribution) -> Vec<(f64, f64)> {
    if distribution.count() == 0 {
        return Vec::new();
    }
    let decades = (distribution.count() as f64 / BEYOND_MIN).log10().max(1.0);
    let steps = (decades * f64::from(QUANTILES_PER_DECADE)) as u32;
    let nearness = (2..=steps).map(|step| f64::from(step) / f64::from(QUANTILES_PER_DECADE));
    let point = |decades: f64| (decades, distribution.quantile_ns(1.0 - 10_f64.powf(-decades)) as f64);
    nearness.map(point).filter(|(_, ns)| *ns > 0.0).collect()
}

/// A side by its name, its run or how many runs it has, when it began, and how many requests it has.
fn side(role: &str, side: &SideSummary) -> String {
    const NAME_MAX: usize = 50;
    let mut names = side.names.join(", ");
    if names.chars().count() > NAME_MAX {
        names = names.chars().take(NAME_MAX - 1).chain(['…']).collect();
    }
    let runs = match side.run_ids.as_slice() {
        [id] => format!("run {}", short(id)),
        ids => format!("{} runs", ids.len()),
    };
    let began = side.started_at.iter().min().map_or_else(String::new, |at| format!(", {}", minute(at)));
    format!("{role} {names}: {runs}{began}, {} requests", grouped(side.ok as f64, 0))
}

fn short(run_id: &str) -> String {
    run_id.chars().take(8).collect()
}

/// `2026-01-02T03:04:05.6Z` to the minute.
fn minute(started_at: &str) -> String {
    let minute: String = started_at.chars().take(16).collect();
    format!("{} UTC", minute.replace('T', " "))
}

fn rate_of(rate_rps: f64) -> String {
    show_rate(rate_rps, if rate_rps < 100.0 { 1 } else { 0 })
}

/// With three decimals, but for the zeros at their end.
fn number(value: f64) -> String {
    format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Valid => "VALID",
        Status::Degraded => "DEGRADED",
        Status::Invalid => "INVALID: do not use these numbers",
    }
}

fn gate_word(status: RegressionStatus) -> &'static str {
    match status {
        RegressionStatus::Passed => "PASSED with",
        RegressionStatus::Unclear => "UNCLEAR against",
        RegressionStatus::Regressed => "REGRESSED beyond",
    }
}

#[cfg(test)]
mod tests;
