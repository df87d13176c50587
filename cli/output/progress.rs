//! Live progress: one line that is drawn anew on a terminal, a line each elsewhere. A sink like any other; the run does not wait for it.
//!
//! What went wrong comes first, and what does not fit is left out from the least important on: a line that is cut off says nothing.

use crate::output::figures::{NOTHING, group, grouped, seconds, share};
use crate::output::layout::shortened;
use crate::output::offered_now::OfferedNow;
use crate::output::screen::{Screen, Tone};
use crate::output::text::length;
use engine::orders::Orders;
use engine::phase::Phase;
use engine::plan::Plan;
use engine::quantity::{MILLISECOND_NS, show_ns};
use engine::record::{ScenarioRecord, Series, Snapshot};
use engine::seams::Sink;
use engine::until::GoalProgress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io;
use std::sync::Arc;
use textwrap::core::display_width;

/// A shorter interval, such as the last one, would show a rate of a few requests blown up to a second.
const SHOWN_NS_MIN: u64 = 50 * MILLISECOND_NS;
/// From this width on there is room for a bar.
const BAR_WIDTH_MIN: usize = 120;
const BAR_COLUMNS: usize = 24;
/// Between two parts of a line.
const GAP: &str = "  ";

/// Progress of one run, on standard error.
pub(crate) struct Progress {
    frame: Frame,
    /// `None` writes lines.
    bar: Option<ProgressBar>,
}

/// What a line is made from.
pub(super) struct Frame {
    offered: Option<OfferedNow>,
    /// When the run is to end; nothing where it ends with a number of requests.
    ends_ns: Option<u64>,
    requests_max: Option<u64>,
    /// Requests that have ended so far.
    ended: u64,
    screen: Screen,
}

/// A part of a line: it is left out, or made shorter, in the order of its number; 0 stays.
struct LinePart {
    left_out: u8,
    tone: Tone,
    text: String,
    shorter: Option<String>,
}

impl Progress {
    pub(crate) fn new(plan: &Plan, orders: &Orders) -> Progress {
        let screen = Screen::stderr();
        let bar = screen.is_live().then(|| bar(plan, &screen));
        let room = if bar.is_some() && has_bar(plan, &screen) { BAR_COLUMNS + 1 } else { 0 };
        Progress { frame: Frame::new(plan, orders, screen.narrower(room)), bar }
    }
}

impl Frame {
    pub(super) fn new(plan: &Plan, orders: &Orders, screen: Screen) -> Frame {
        let is_counted = is_counted(plan);
        let has_flows = plan.scenarios.iter().any(|scenario| scenario.flow().is_some());
        let requests = plan.scenarios.iter().map(|scenario| scenario.requests_max).sum();
        Frame {
            // Of flows the rate is one of iterations, and requests are what is counted here.
            offered: (!has_flows).then(|| OfferedNow::new(plan, orders)),
            ends_ns: (!is_counted).then_some(plan.phases.measure_to_ns),
            requests_max: if is_counted { requests } else { None },
            ended: 0,
            screen,
        }
    }

    /// The line of an interval.
    pub(super) fn line(&mut self, snapshot: &Snapshot) -> String {
        let series = snapshot.total();
        self.ended += series.ok + series.failed();
        let middle_ns = snapshot.from_ns / 2 + snapshot.to_ns / 2;
        let phase = match snapshot.phases.at(middle_ns) {
            Phase::Warmup => "warm-up",
            Phase::Measure => "measure",
            Phase::Drain => "drain",
        };
        let ScenarioRecord { dropped, withheld, .. } = snapshot.requests.scenario_total();
        let mut parts =
            vec![LinePart::fixed(Tone::Plain, self.elapsed(snapshot)), LinePart::fixed(Tone::Plain, phase)];
        let [dropped, withheld] = [dropped, withheld].map(|tally| tally.measured + tally.outside);
        parts.extend(trouble(&series, dropped, withheld));
        parts.extend(snapshot.goal.as_ref().map(goal));
        parts.push(self.rate(&series, snapshot, middle_ns));
        parts.push(percentile("p50", 0.5, &series, 3));
        parts.push(percentile("p99", 0.99, &series, 2));
        fitted(parts, &self.screen)
    }

    /// How far the run has come.
    fn elapsed(&self, snapshot: &Snapshot) -> String {
        let shown = |ns: u64| seconds((ns as f64 / 1e8).round() / 10.0);
        let elapsed = shown(snapshot.to_ns);
        match (self.requests_max, self.ends_ns) {
            (Some(requests), _) => {
                format!("{elapsed}, {} of {} requests", group(self.ended), group(requests))
            }
            (None, Some(ends_ns)) if snapshot.to_ns <= ends_ns => format!("{elapsed} of {}", shown(ends_ns)),
            _ => elapsed,
        }
    }

    fn rate(&mut self, series: &Series, snapshot: &Snapshot, middle_ns: u64) -> LinePart {
        let length_s = snapshot.to_ns.saturating_sub(snapshot.from_ns).max(1) as f64 / 1e9;
        let achieved = grouped((series.ok + series.failed()) as f64 / length_s);
        let target = self.offered.as_mut().and_then(|offered| offered.listen().rate_rps_at(middle_ns));
        let text = match target {
            Some(target) => format!("{achieved} of {} req/s", grouped(target)),
            None => format!("{achieved} req/s"),
        };
        let shorter = target.map(|_| format!("{achieved} req/s"));
        LinePart { left_out: 4, tone: Tone::Plain, text, shorter }
    }
}

impl LinePart {
    fn fixed(tone: Tone, text: impl Into<String>) -> LinePart {
        LinePart { left_out: 0, tone, text: text.into(), shorter: None }
    }
}

/// What failed in an interval.
fn trouble(series: &Series, dropped: u64, withheld: u64) -> Option<LinePart> {
    let (failed, all) = (series.failed(), series.ok + series.failed() + dropped + withheld);
    let named: Vec<String> = [(failed, "failed"), (dropped, "dropped"), (withheld, "withheld")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{} {word}", group(count)))
        .collect();
    let named = named.join(", ");
    (!named.is_empty()).then(|| LinePart {
        left_out: 0,
        tone: Tone::Bad,
        text: format!("{named} ({})", share(failed + dropped + withheld, all)),
        shorter: Some(named),
    })
}

/// How near a run has come to its goal.
fn goal(progress: &GoalProgress) -> LinePart {
    let known = match (progress.estimate_ns, progress.half_width) {
        (Some(ns), Some(half)) => format!("{} ± {:.1} %", show_ns(ns as u64), half * 100.0),
        (Some(ns), None) => show_ns(ns as u64),
        (None, _) => "not known yet".to_owned(),
    };
    let needed =
        progress.needed_s.map_or_else(String::new, |needed_s| format!(", needs {}", length(needed_s)));
    LinePart {
        left_out: 1,
        tone: Tone::Plain,
        text: format!("until {}: {known}{needed}", progress.goal),
        shorter: Some(format!("until {}: {known}", progress.goal)),
    }
}

fn percentile(name: &str, quantile: f64, series: &Series, left_out: u8) -> LinePart {
    let shown = match series.response.count() {
        0 => NOTHING.to_owned(),
        _ => show_ns(series.response.quantile_ns(quantile)),
    };
    LinePart { left_out, tone: Tone::Plain, text: format!("{name} {shown}"), shorter: None }
}

/// The parts that there is room for, as a line.
fn fitted(mut parts: Vec<LinePart>, screen: &Screen) -> String {
    let width = |parts: &[LinePart]| {
        let texts: usize = parts.iter().map(|part| display_width(&part.text)).sum();
        texts + GAP.len() * parts.len().saturating_sub(1)
    };
    while width(&parts) > screen.width {
        let most = |part: &&mut LinePart| (part.left_out, part.shorter.is_some());
        if let Some(part) = parts.iter_mut().max_by_key(most).filter(|part| part.shorter.is_some()) {
            part.text = part.shorter.take().unwrap_or_default();
            continue;
        }
        match parts.iter().enumerate().max_by_key(|(_, part)| part.left_out) {
            Some((index, part)) if part.left_out > 0 => _ = parts.remove(index),
            _ => {
                let texts: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
                return shortened(&texts.join(GAP), screen.width);
            }
        }
    }
    let painted: Vec<String> = parts.iter().map(|part| screen.paint(part.tone, &part.text)).collect();
    painted.join(GAP)
}

impl Sink for Progress {
    fn name(&self) -> String {
        "progress".into()
    }

    fn snapshot(&mut self, snapshot: &Arc<Snapshot>) -> io::Result<()> {
        let line = self.frame.line(snapshot);
        if snapshot.to_ns.saturating_sub(snapshot.from_ns) < SHOWN_NS_MIN {
            return Ok(());
        }
        match &self.bar {
            Some(bar) => {
                bar.set_position(snapshot.to_ns / MILLISECOND_NS);
                bar.set_message(line);
            }
            None => eprintln!("{line}"),
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        Ok(())
    }
}

/// Whether the run ends with a number of requests, and nobody knows when.
fn is_counted(plan: &Plan) -> bool {
    plan.scenarios.iter().all(|scenario| scenario.is_counted_out())
}

fn has_bar(plan: &Plan, screen: &Screen) -> bool {
    screen.width >= BAR_WIDTH_MIN && !is_counted(plan)
}

fn bar(plan: &Plan, screen: &Screen) -> ProgressBar {
    let template = if has_bar(plan, screen) { "{bar:24} {msg}" } else { "{msg}" };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let length_ms = plan.phases.measure_to_ns / MILLISECOND_NS;
    let bar = ProgressBar::with_draw_target(Some(length_ms), ProgressDrawTarget::stderr());
    bar.with_style(style.progress_chars("━╸ "))
}
