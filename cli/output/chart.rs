//! Charts as SVG: two distributions laid over each other, and what a target does at each rate.
//!
//! Drawn by plotters without fonts of its own: text is text, in the reader's sans-serif.

use engine::distribution::Distribution;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;
use std::fmt;

const SIZE: (u32, u32) = (960, 540);
const BASE: RGBColor = RGBColor(66, 99, 176);
const CANDIDATE: RGBColor = RGBColor(207, 92, 28);
const FAILED: RGBColor = RGBColor(176, 40, 60);
/// The curve is read at this many quantiles for each tenfold nearness to 100 %.
const QUANTILES_PER_DECADE: u32 = 40;
const MILLISECOND_NS: f64 = 1e6;

/// A line of a chart: its name, its colour, and its points.
struct ChartLine {
    name: String,
    colour: RGBColor,
    points: Vec<(f64, f64)>,
}

/// What a target did at one rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoadPoint {
    pub(crate) rate_rps: f64,
    pub(crate) p50_ns: Option<u64>,
    pub(crate) p99_ns: Option<u64>,
    pub(crate) failed_share: Option<f64>,
    pub(crate) is_sustained: bool,
}

/// Why a chart cannot be drawn, in the words of what draws it.
#[derive(Debug)]
pub(crate) struct Undrawable(String);

impl fmt::Display for Undrawable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the chart cannot be drawn: {}", self.0)
    }
}

/// Two distributions of response times by percentile, the upper ones as far apart as the lower.
pub(crate) fn distributions(base: &Distribution, candidate: &Distribution) -> Result<String, Undrawable> {
    let line = |name: &str, colour, distribution: &Distribution| ChartLine {
        name: format!("{name}, {} requests", distribution.count()),
        colour,
        points: by_nearness(distribution),
    };
    let lines = [line("base", BASE, base), line("candidate", CANDIDATE, candidate)];
    let all = || lines.iter().flat_map(|line| &line.points);
    let decades = all().map(|point| point.0).fold(1.0, f64::max);
    let top = all().map(|point| point.1).fold(f64::MIN_POSITIVE, f64::max);
    let bottom = all().map(|point| point.1).fold(top, f64::min);
    let axes = Axes {
        title: "Response time by percentile",
        x: "percentile",
        y: "response time, ms",
        show_x: &|decades: &f64| show_percentile(*decades),
        legend: SeriesLabelPosition::LowerRight,
    };
    draw(&axes, 0.0..decades * 1.02, (bottom * 0.9..top * 1.1).log_scale(), &lines, &[])
}

/// Response times by offered rate; the rates that were not sustained are marked.
pub(crate) fn loads(loads: &[LoadPoint]) -> Result<String, Undrawable> {
    let mut sorted: Vec<LoadPoint> = loads.to_vec();
    sorted.sort_by(|a, b| a.rate_rps.total_cmp(&b.rate_rps));
    let points = |of: fn(&LoadPoint) -> Option<u64>| {
        let place = |load: &LoadPoint| Some((load.rate_rps, of(load)? as f64 / MILLISECOND_NS));
        sorted.iter().filter_map(place).collect::<Vec<_>>()
    };
    let lines = [
        ChartLine { name: "p50".into(), colour: BASE, points: points(|load| load.p50_ns) },
        ChartLine { name: "p99".into(), colour: CANDIDATE, points: points(|load| load.p99_ns) },
    ];
    let all = || lines.iter().flat_map(|line| &line.points);
    let top = all().map(|point| point.1).fold(f64::MIN_POSITIVE, f64::max);
    let bottom = all().map(|point| point.1).fold(top, f64::min);
    let right = sorted.last().map_or(1.0, |load| load.rate_rps) * 1.05;
    let mark = |load: &LoadPoint| {
        let failed = load.failed_share.map_or_else(String::new, show_share);
        Some((load.rate_rps, load.p99_ns? as f64 / MILLISECOND_NS, failed))
    };
    let marks: Vec<(f64, f64, String)> =
        sorted.iter().filter(|load| !load.is_sustained).filter_map(mark).collect();
    let axes = Axes {
        title: "Response time by rate; crosses: not sustained, with the share that failed",
        x: "requests per second",
        y: "response time, ms",
        show_x: &|rate: &f64| format!("{rate:.0}"),
        legend: SeriesLabelPosition::UpperLeft,
    };
    draw(&axes, 0.0..right, (bottom * 0.9..top * 1.1).log_scale(), &lines, &marks)
}

struct Axes<'a> {
    title: &'a str,
    x: &'a str,
    y: &'a str,
    show_x: &'a dyn Fn(&f64) -> String,
    legend: SeriesLabelPosition,
}

fn draw<Y>(
    axes: &Axes,
    x: std::ops::Range<f64>,
    y: Y,
    lines: &[ChartLine],
    marks: &[(f64, f64, String)],
) -> Result<String, Undrawable>
where
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        let drawn = draw_on(&area, axes, x, y, lines, marks).and_then(|()| area.present());
        drawn.map_err(|error| Undrawable(error.to_string()))?;
    }
    Ok(text)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

fn draw_on<'a, Y>(
    area: &Area<'a>,
    axes: &Axes,
    x: std::ops::Range<f64>,
    y: Y,
    lines: &[ChartLine],
    marks: &[(f64, f64, String)],
) -> Drawn<'a>
where
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(area)
        .caption(axes.title, ("sans-serif", 20))
        .margin(16)
        .margin_right(40)
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d(x, y)?;
    let mut mesh = chart.configure_mesh();
    mesh.x_desc(axes.x).y_desc(axes.y).x_label_formatter(axes.show_x).label_style(("sans-serif", 14));
    mesh.light_line_style(WHITE.mix(0.0)).draw()?;
    for line in lines {
        let style = line.colour.stroke_width(2);
        let series = chart.draw_series(LineSeries::new(line.points.iter().copied(), style))?;
        let colour = line.colour;
        series
            .label(line.name.clone())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    let crosses = marks.iter().map(|(x, y, _)| Cross::new((*x, *y), 5, FAILED.stroke_width(2)));
    chart.draw_series(crosses)?;
    let words = marks.iter().map(|(x, y, word)| Text::new(word.clone(), (*x, *y), ("sans-serif", 12)));
    chart.draw_series(words)?;
    let mut legend = chart.configure_series_labels();
    legend.position(axes.legend.clone()).label_font(("sans-serif", 14));
    legend.background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3)).draw()
}

/// Points of a distribution: how near to 100 % in decades (1 is 90 %, 2 is 99 %), and milliseconds. As far as ten requests
/// lie beyond; the fastest few are left out, because on a scale of magnitudes one of them would take most of the room.
fn by_nearness(distribution: &Distribution) -> Vec<(f64, f64)> {
    const BEYOND_MIN: f64 = 10.0;
    let decades = (distribution.count() as f64 / BEYOND_MIN).log10().max(1.0);
    let steps = (decades * f64::from(QUANTILES_PER_DECADE)) as u32;
    let nearness = (2..=steps).map(|step| f64::from(step) / f64::from(QUANTILES_PER_DECADE));
    let point = |decades: f64| {
        let ns = distribution.quantile_ns(1.0 - 10_f64.powf(-decades));
        (decades, ns as f64 / MILLISECOND_NS)
    };
    nearness.map(point).filter(|(_, milliseconds)| *milliseconds > 0.0).collect()
}

/// A percentile for people, from its nearness to 100 % in decades.
fn show_percentile(decades: f64) -> String {
    let percent = 100.0 * (1.0 - 10_f64.powf(-decades));
    let digits = (decades - 1.5).max(0.0).ceil() as usize;
    format!("{percent:.digits$} %")
}

fn show_share(share: f64) -> String {
    if share > 0.0 { format!("  {:.2} %", share * 100.0) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_shown_as_exactly_as_they_are_near_to_all() {
        assert_eq!([0.0, 1.0, 2.0, 3.0].map(show_percentile), ["0 %", "90 %", "99.0 %", "99.90 %"]);
    }

    #[test]
    fn a_chart_of_two_distributions_has_both_lines_to_the_last_percentile_that_ten_requests_support() {
        let mut slow = Distribution::new();
        (1..=100_000).for_each(|n| slow.record(n * 1_000));
        assert_eq!(by_nearness(&slow).last().map(|point| point.0), Some(4.0));
        let svg = distributions(&slow, &slow).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
        assert!(svg.matches("<polyline").count() >= 2, "{svg}");
        assert!(svg.contains("candidate, 100000 requests"), "{svg}");
    }

    #[test]
    fn a_chart_of_loads_marks_what_was_not_sustained() {
        let load = |rate_rps: f64, is_sustained| LoadPoint {
            rate_rps,
            p50_ns: Some(1_000_000),
            p99_ns: Some(2_000_000),
            failed_share: Some(if is_sustained { 0.0 } else { 0.05 }),
            is_sustained,
        };
        let svg = loads(&[load(2_000.0, false), load(1_000.0, true)]).unwrap();
        assert!(svg.contains("5.00 %"), "{svg}");
    }
}
