//! One run: its times by percentile, and below them how it went from its beginning to its end.

use super::axis::{linear, show_seconds, times};
use super::picture::{LegendKey, Picture, Plot, Stroke};
use super::{TICKS_ACROSS, TICKS_UP_LOW, axis, by_percentile, minute, rate_of, requests};
use crate::output::text::{conclusion, short_id};
use engine::distribution::{Distribution, UnreadableHistogram};
use engine::history::Slice;
use engine::phase::Phase;
use engine::report::Report;

const BY_PERCENTILE_PX: f64 = 260.0;
const OVER_TIME_PX: f64 = 140.0;
/// Shorter slices, in parts of the longest, are left out: a rate over a moment is no rate.
const SLICE_MIN: f64 = 0.25;

/// One stretch of a run, as it is drawn: at its middle, in seconds.
struct Moment {
    at_s: f64,
    ended_rps: f64,
    failed_rps: f64,
    p50_ns: Option<f64>,
    p99_ns: Option<f64>,
}

/// The chart of a run.
pub(crate) fn run(report: &Report) -> Result<String, UnreadableHistogram> {
    let response = Distribution::decode(&report.response_ns.hdr)?;
    let service = Distribution::decode(&report.service_ns.hdr)?;
    let moments = moments(report)?;
    let mut picture = Picture::new(&report.plan.name, &subtitle(report));
    let curves = [
        (format!("response time, {}", requests(response.count())), &response),
        ("service time (without waiting to be sent)".to_owned(), &service),
    ];
    by_percentile(&mut picture, Some(BY_PERCENTILE_PX), curves);
    if !moments.is_empty() {
        rates_over_time(&mut picture, report, &moments);
        times_over_time(&mut picture, report, &moments);
    }
    Ok(picture.finish())
}

/// The verdict and what the target did wrong, the rate, where to and when.
fn subtitle(report: &Report) -> Vec<String> {
    let failure = report.outcome.is_failure().then(|| format!("TARGET {}", report.outcome.text));
    let achieved = rate_of(report.rate.achieved);
    let rate = match report.rate.target {
        Some(target) => format!("{achieved} of {} asked", rate_of(target)),
        None => format!("{achieved}, closed loop"),
    };
    let targets: Vec<String> = report.plan.targets.iter().map(|target| target.url.to_string()).collect();
    let (id, at) = (short_id(&report.run_id), minute(&report.started_at));
    let mut facts = format!("{rate} · run {id} · {at}");
    // A plan without a name of its own has that of its target, which is the title already.
    if targets != [report.plan.name.as_str()] {
        facts.push_str(&format!(" · {}", targets.join(", ")));
    }
    failure.into_iter().chain([conclusion(report), facts]).collect()
}

/// The slices of the warm-up and of the window; what came later was not asked for at a rate.
fn moments(report: &Report) -> Result<Vec<Moment>, UnreadableHistogram> {
    let slices = || report.history.iter().filter(|slice| slice.phase != Phase::Drain);
    let length_s = |slice: &Slice| slice.to_ns.saturating_sub(slice.from_ns) as f64 / 1e9;
    let longest_s = slices().map(length_s).fold(0.0, f64::max);
    let long = slices().filter(|slice| length_s(slice) > longest_s * SLICE_MIN);
    let moment = |slice: &Slice| {
        let response = slice.response()?;
        let quantile = |share: f64| (response.count() > 0).then(|| response.quantile_ns(share) as f64);
        let failed = (slice.failed + slice.dropped) as f64;
        Ok(Moment {
            at_s: slice.from_ns as f64 / 1e9 + length_s(slice) / 2.0,
            ended_rps: (slice.ok as f64 + failed) / length_s(slice),
            failed_rps: failed / length_s(slice),
            p50_ns: quantile(0.5),
            p99_ns: quantile(0.99),
        })
    };
    long.map(moment).collect()
}

fn rates_over_time(picture: &mut Picture, report: &Report, moments: &[Moment]) {
    let names = ["all requests", "failed or dropped"];
    let highest = moments.iter().map(|moment| moment.ended_rps).fold(1.0, f64::max);
    let y = linear(highest, TICKS_UP_LOW, axis::grouped);
    let plot = over_time(picture, report, names, "requests per second", y);
    let points = |of: fn(&Moment) -> f64| moments.iter().map(|one| (one.at_s, of(one))).collect::<Vec<_>>();
    picture.line(&plot, Stroke::First, &points(|moment| moment.ended_rps));
    picture.line(&plot, Stroke::Second, &points(|moment| moment.failed_rps));
}

fn times_over_time(picture: &mut Picture, report: &Report, moments: &[Moment]) {
    let points = |of: fn(&Moment) -> Option<f64>| {
        moments.iter().filter_map(|moment| Some((moment.at_s, of(moment)?))).collect::<Vec<_>>()
    };
    let (p50, p99) = (points(|moment| moment.p50_ns), points(|moment| moment.p99_ns));
    let y = times(p50.iter().chain(&p99).map(|point| point.1), TICKS_UP_LOW);
    let plot = over_time(picture, report, ["p50", "p99"], "response time", y);
    picture.line(&plot, Stroke::First, &p50);
    picture.line(&plot, Stroke::Second, &p99);
}

/// A plot from the beginning of the run to the end of its window, in which the warm-up is shaded.
fn over_time(picture: &mut Picture, report: &Report, names: [&str; 2], y_name: &str, y: axis::Axis) -> Plot {
    let has_warmup = report.window.from_s > 0.0;
    let warmup = has_warmup.then(|| (LegendKey::Shade, "warm-up, not part of the result".to_owned()));
    let lines = [Stroke::First, Stroke::Second].map(LegendKey::Line).into_iter().zip(names.map(String::from));
    picture.legend(&lines.chain(warmup).collect::<Vec<_>>());
    let x = linear(report.window.to_s, TICKS_ACROSS, show_seconds);
    let plot = picture.plot(OVER_TIME_PX, 0, ["time since the first request", y_name], (x, y));
    if has_warmup {
        picture.shade_to(&plot, report.window.from_s);
    }
    plot
}
