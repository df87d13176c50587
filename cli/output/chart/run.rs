//! One run: its times by percentile, and below them how it went from its beginning to its end.

use super::axis::{linear, show_seconds, times};
use super::picture::{LegendKey, Picture, Plot, Stroke};
use super::{TICKS_ACROSS, TICKS_UP_LOW, axis, by_percentile, minute, rate_of, requests};
use crate::output::text::{conclusion, short_id};
use engine::distribution::{Distribution, UnreadableHistogram};
use engine::history::Slice;
use engine::phase::Phase;
use engine::quantity::{MILLISECOND_NS, show_ns};
use engine::report::Report;

const BY_PERCENTILE_PX: f64 = 260.0;
const OVER_TIME_PX: f64 = 140.0;
/// Shorter moments, in parts of the usual, are left out: a rate over next to nothing is no rate.
const SHORTEST: f64 = 0.25;
/// No more moments than these have room beside each other …
const MOMENTS_MAX: usize = 100;
/// … and fewer do not tell how a run went.
const MOMENTS_MIN: usize = 10;
/// Percentiles that are shown of a moment, and how many successes it has to have for ten to lie beyond.
const UPPER: [(&str, f64, u64); 3] = [("p99", 0.99, 1_000), ("p90", 0.9, 100), ("max", 1.0, 0)];

/// One or several neighbouring slices, as they are drawn: at their middle, in seconds.
struct Moment {
    at_s: f64,
    ended_rps: f64,
    failed_rps: f64,
    response: Distribution,
}

/// The moments of a run, in their order.
struct Moments {
    all: Vec<Moment>,
    /// How long one is, as a rule.
    length_s: f64,
    /// Which upper percentile they support: its name, and its share.
    upper: (&'static str, f64),
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
    if !moments.all.is_empty() {
        rates_over_time(&mut picture, report, &moments);
        times_over_time(&mut picture, report, &moments);
    }
    Ok(picture.finish())
}

/// The verdict and what the target did wrong, the rate, where to and when.
fn subtitle(report: &Report) -> Vec<String> {
    let failure = report.outcome.is_failure().then(|| format!("TARGET {}", report.outcome.text));
    let achieved = rate_of(report.rate.achieved);
    let rate = match report.rate.asked.or(report.rate.target) {
        Some(asked) => format!("{achieved} of {} asked", rate_of(asked)),
        None if report.plan.is_closed() => format!("{achieved}, closed loop"),
        None => achieved,
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

/// The warm-up and the window, in moments that are long enough for what is shown of them; what came later was not asked for at a rate.
fn moments(report: &Report) -> Result<Moments, UnreadableHistogram> {
    let slices: Vec<&Slice> = report.history.iter().filter(|slice| slice.phase != Phase::Drain).collect();
    let ok: u64 = slices.iter().map(|slice| slice.ok).sum();
    let together = |needed: u64| needed.saturating_mul(slices.len() as u64).div_ceil(ok.max(1)) as usize;
    let fewest = slices.len().div_ceil(MOMENTS_MAX).max(1);
    let most = (slices.len() / MOMENTS_MIN).max(fewest);
    // As fine as the highest percentile allows that the run can support at all.
    let (name, share, needed) =
        UPPER.into_iter().find(|(_, _, needed)| together(*needed) <= most).unwrap_or(UPPER[UPPER.len() - 1]);
    let size = together(needed).max(fewest);
    let phases = slices.chunk_by(|one, next| one.phase == next.phase);
    let all = phases.flat_map(|slices| slices.chunks(size)).map(moment).collect::<Result<Vec<_>, _>>()?;
    let length_s = all.iter().map(|(_, length_s)| *length_s).fold(0.0, f64::max);
    let long = all.into_iter().filter(|(_, own_s)| *own_s > length_s * SHORTEST);
    Ok(Moments { all: long.map(|(moment, _)| moment).collect(), length_s, upper: (name, share) })
}

/// Neighbouring slices as one moment, and its length in seconds.
fn moment(slices: &[&Slice]) -> Result<(Moment, f64), UnreadableHistogram> {
    let (from_ns, to_ns) = (slices[0].from_ns, slices[slices.len() - 1].to_ns);
    let length_s = to_ns.saturating_sub(from_ns).max(1) as f64 / 1e9;
    let mut response = Distribution::new();
    for slice in slices {
        response.merge(&slice.response()?);
    }
    let failed: u64 = slices.iter().map(|slice| slice.failed + slice.dropped).sum();
    let ok: u64 = slices.iter().map(|slice| slice.ok).sum();
    let moment = Moment {
        at_s: from_ns as f64 / 1e9 + length_s / 2.0,
        ended_rps: (ok + failed) as f64 / length_s,
        failed_rps: failed as f64 / length_s,
        response,
    };
    Ok((moment, length_s))
}

fn rates_over_time(picture: &mut Picture, report: &Report, moments: &Moments) {
    let highest = moments.all.iter().map(|moment| moment.ended_rps).fold(1.0, f64::max);
    let y = linear(highest, TICKS_UP_LOW, axis::grouped);
    let y_name = format!("requests per second, over {} each", shown_length(moments.length_s));
    let plot = over_time(picture, report, ["all requests", "failed or dropped"], &y_name, y);
    let points =
        |of: fn(&Moment) -> f64| moments.all.iter().map(|one| (one.at_s, of(one))).collect::<Vec<_>>();
    picture.line(&plot, Stroke::First, &points(|moment| moment.ended_rps));
    picture.line(&plot, Stroke::Second, &points(|moment| moment.failed_rps));
}

fn times_over_time(picture: &mut Picture, report: &Report, moments: &Moments) {
    let (name, share) = moments.upper;
    let lines = [(Stroke::First, 0.5), (Stroke::Second, share)]
        .map(|(stroke, share)| (stroke, unbroken(&moments.all, share)));
    let values = lines.iter().flat_map(|(_, pieces)| pieces.iter().flatten()).map(|point| point.1);
    let y = times(values, TICKS_UP_LOW);
    let y_name = format!("response time, over {} each", shown_length(moments.length_s));
    let plot = over_time(picture, report, ["p50", name], &y_name, y);
    if lines.iter().all(|(_, pieces)| pieces.is_empty()) {
        picture.remark(&plot, "no request succeeded");
    }
    for (stroke, pieces) in &lines {
        pieces.iter().for_each(|piece| picture.line(&plot, *stroke, piece));
    }
}

/// A percentile over time, in pieces: where nothing succeeded there is no time, and no line across.
fn unbroken(moments: &[Moment], share: f64) -> Vec<Vec<(f64, f64)>> {
    let pieces = moments.chunk_by(|one, next| (one.response.count() > 0) == (next.response.count() > 0));
    let known = pieces.filter(|piece| piece[0].response.count() > 0);
    let point = |moment: &Moment| (moment.at_s, moment.response.quantile_ns(share) as f64);
    known.map(|piece| piece.iter().map(point).collect()).collect()
}

fn shown_length(length_s: f64) -> String {
    show_ns((length_s * 1e3).round() as u64 * MILLISECOND_NS)
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
