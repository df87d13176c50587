//! Charts as SVG: one run, two sides of a comparison, and what a target does at each rate.
//!
//! Written without a library, so that ticks are round, texts stay inside, and colours follow the reader's scheme.

mod axis;
mod picture;
mod run;
mod search;
mod sides;

pub(crate) use run::run;
pub(crate) use search::{Finding, ProbePoint, SearchCurve, search};
pub(crate) use sides::{comparison, without_figures};

use crate::output::figures::{group, grouped};
use axis::{percentiles, times};
use engine::distribution::Distribution;
use picture::{LegendKey, Picture, Stroke};

/// The curve is read at this many quantiles for each tenfold nearness to 100 %.
const QUANTILES_PER_DECADE: u32 = 40;
/// A percentile is shown as far as this many requests lie beyond it …
const BEYOND_MIN: f64 = 10.0;
/// … and up to here, the median, however few there are.
const DECADES_MIN: f64 = 0.301;
/// So many labels have room beside each other …
const TICKS_ACROSS: usize = 8;
/// … and below each other in a plot that has a picture to itself, and in one of several.
const TICKS_UP: usize = 12;
const TICKS_UP_LOW: usize = 6;

/// Two distributions of times by percentile, the upper percentiles as far apart as the lower, with their legend above.
fn by_percentile(picture: &mut Picture, height: Option<f64>, curves: [(String, &Distribution); 2]) {
    let points = curves.each_ref().map(|(_, curve)| by_nearness(curve));
    let strokes = [Stroke::First, Stroke::Second];
    let names: Vec<(LegendKey, String)> =
        strokes.into_iter().zip(curves).map(|(stroke, (name, _))| (LegendKey::Line(stroke), name)).collect();
    picture.legend(&names);
    let decades = points.iter().flatten().map(|point| point.0).fold(1.0, f64::max);
    let (height, ticks_max) = match height {
        None => (picture.room_px(0), TICKS_UP),
        Some(height) => (height, TICKS_UP_LOW),
    };
    let axes = (percentiles(decades), times(points.iter().flatten().map(|point| point.1), ticks_max));
    let plot = picture.plot(height, 0, ["percentile of requests that succeeded", "time"], axes);
    strokes.into_iter().zip(&points).for_each(|(stroke, points)| picture.line(&plot, stroke, points));
    if points.iter().all(Vec::is_empty) {
        picture.remark(&plot, "no request succeeded");
    }
}

/// Points of a distribution: how near to 100 % in decades (1 is 90 %, 2 is 99 %), and nanoseconds. As far as ten requests
/// lie beyond, and to the median at least; the fastest few are left out, because on a scale of magnitudes one of them would take most of the room.
fn by_nearness(distribution: &Distribution) -> Vec<(f64, f64)> {
    if distribution.count() == 0 {
        return Vec::new();
    }
    let decades = (distribution.count() as f64 / BEYOND_MIN).log10().max(DECADES_MIN);
    let steps = (decades * f64::from(QUANTILES_PER_DECADE)) as u32;
    let nearness = (2..=steps).map(|step| f64::from(step) / f64::from(QUANTILES_PER_DECADE));
    let point = |decades: f64| (decades, distribution.quantile_ns(1.0 - 10_f64.powf(-decades)) as f64);
    nearness.map(point).filter(|(_, ns)| *ns > 0.0).collect()
}

/// `2026-01-02T03:04:05.6Z` to the minute.
fn minute(started_at: &str) -> String {
    let minute: String = started_at.chars().take(16).collect();
    format!("{} UTC", minute.replace('T', " "))
}

/// How many requests, for people.
fn requests(count: u64) -> String {
    format!("{} request{}", group(count), if count == 1 { "" } else { "s" })
}

/// A rate for people: a decimal only where it tells something.
fn rate_of(rate_rps: f64) -> String {
    let shown = grouped(rate_rps);
    format!("{}/s", shown.strip_suffix(".0").unwrap_or(&shown))
}

#[cfg(test)]
mod tests;
