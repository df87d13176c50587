//! What a target does at each rate: the conditions, the probes, and the answer.

use super::axis::{rates, times};
use super::picture::{LegendKey, Mark, Picture, Plot, Stroke};
use super::{TICKS_ACROSS, TICKS_UP, rate_of};
use crate::output::layout::shortened;

/// Characters of the target in the title, so that the answer after it has room.
const TARGET_MAX: usize = 44;

/// What a search did, for its chart.
#[derive(Debug)]
pub(crate) struct SearchCurve {
    pub(crate) name: String,
    pub(crate) target: String,
    /// The one whose rate was searched; nothing for all.
    pub(crate) scenario: Option<String>,
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

/// Which time of a probe.
type TimeOf = fn(&ProbePoint) -> Option<u64>;

const TIMES: [(Stroke, &str, TimeOf); 2] =
    [(Stroke::First, "p50", |probe| probe.p50_ns), (Stroke::Second, "p99", |probe| probe.p99_ns)];

/// Response times by rate, with the conditions and the answer.
pub(crate) fn search(curve: &SearchCurve) -> String {
    let answer = curve.sustained_rps.map_or_else(
        || "no rate sustained".to_owned(),
        |rate_rps| format!("sustained {}", rate_of(rate_rps)),
    );
    let conditions: Vec<&str> = curve.conditions.iter().map(|(text, _)| text.as_str()).collect();
    let of_scenario = curve.scenario.as_ref().map_or_else(String::new, |name| format!(", {name}"));
    let target = shortened(&format!("{}{of_scenario}", curve.target), TARGET_MAX);
    let title = format!("{target}: {answer}");
    // A plan without a name of its own has that of its target, which is in the title already.
    let name = Some(&curve.name).filter(|name| **name != curve.target).cloned();
    let under = format!("under {}", conditions.join(", "));
    let mut picture = Picture::new(&title, &name.into_iter().chain([under]).collect::<Vec<_>>());
    picture.legend(&legend());
    let height = picture.room_px(2);
    let mut plot = picture.plot(height, 2, ["requests per second, offered", "response time"], axes(curve));
    for (text, limit_ns) in &curve.conditions {
        limit_ns.iter().for_each(|limit_ns| picture.level(&mut plot, *limit_ns, text));
    }
    probes(&mut picture, &plot, &curve.probes);
    // The name in the lower row comes last, and so lies over the line of the other.
    if let Some(rate_rps) = curve.refused_rps {
        picture.upright(&plot, Stroke::Refused, rate_rps, 1, &format!("refused {}", rate_of(rate_rps)));
    }
    if let Some(rate_rps) = curve.sustained_rps {
        picture.upright(&plot, Stroke::Answer, rate_rps, 0, &answer);
    }
    picture.finish()
}

fn legend() -> Vec<(LegendKey, String)> {
    let lines = TIMES.map(|(stroke, name, _)| (LegendKey::Line(stroke), name));
    let marks = [
        (LegendKey::Point(Mark::Dot), "sustained"),
        (LegendKey::Point(Mark::Cross), "not sustained"),
        (LegendKey::Point(Mark::Hollow), "unclear or disturbed"),
    ];
    lines.into_iter().chain(marks).map(|(key, name)| (key, name.to_owned())).collect()
}

fn axes(curve: &SearchCurve) -> (super::axis::Axis, super::axis::Axis) {
    let figures = curve.probes.iter().flat_map(|probe| [probe.p50_ns, probe.p99_ns]);
    let measured = figures.flatten().map(|ns| ns as f64);
    let limits = curve.conditions.iter().filter_map(|(_, limit_ns)| *limit_ns);
    let answers = [curve.sustained_rps, curve.refused_rps].into_iter().flatten();
    let offered = curve.probes.iter().map(|probe| probe.rate_rps);
    (rates(offered.chain(answers), TICKS_ACROSS), times(measured.chain(limits), TICKS_UP))
}

fn probes(picture: &mut Picture, plot: &Plot, probes: &[ProbePoint]) {
    for (stroke, _, time_of) in TIMES {
        picture.line(plot, stroke, &joined(probes, time_of));
        for probe in probes {
            let mark = match probe.finding {
                Finding::Sustained => Mark::Dot,
                Finding::NotSustained => Mark::Cross,
                Finding::Undecided => Mark::Hollow,
            };
            let place = time_of(probe).map(|ns| (probe.rate_rps, ns as f64));
            place.into_iter().for_each(|place| picture.mark(plot, mark, place));
        }
    }
    if !probes.iter().any(|probe| probe.p50_ns.is_some()) {
        let why = if probes.is_empty() { "no probe was made" } else { "no request succeeded" };
        picture.remark(plot, why);
    }
}

/// One point for each rate, ascending: the median of its probes. A line through repeats would go up and down at one place.
/// What was disturbed counts only where nothing else is known of the rate.
pub(super) fn joined(probes: &[ProbePoint], time_of: TimeOf) -> Vec<(f64, f64)> {
    let mut offered: Vec<f64> = probes.iter().map(|probe| probe.rate_rps).collect();
    offered.sort_by(f64::total_cmp);
    offered.dedup();
    let of_rate = |rate_rps: f64| {
        let here = || probes.iter().filter(move |probe| probe.rate_rps == rate_rps);
        let is_known = here().any(|probe| probe.finding != Finding::Undecided);
        let counted = here().filter(|probe| !is_known || probe.finding != Finding::Undecided);
        let mut found: Vec<u64> = counted.filter_map(time_of).collect();
        found.sort_unstable();
        let (low, high) = (*found.get(found.len().checked_sub(1)? / 2)?, *found.get(found.len() / 2)?);
        Some((rate_rps, low.midpoint(high) as f64))
    };
    offered.into_iter().filter_map(of_rate).collect()
}
