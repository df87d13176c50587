//! Live progress: a bar on a terminal, plain lines elsewhere. A sink like any other; the run does not wait for it.

use crate::output::text::{grouped, share};
use engine::phase::Phase;
use engine::plan::{Offered, Plan};
use engine::quantity::show_ns;
use engine::record::Snapshot;
use engine::seams::Sink;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io;
use std::io::IsTerminal;
use std::sync::Arc;

const MILLISECOND_NS: u64 = 1_000_000;
/// A shorter interval, such as the last one, would show a rate of a few requests blown up to a second.
const SHOWN_NS_MIN: u64 = 50 * MILLISECOND_NS;

/// Progress of one run, on standard error.
pub(crate) struct Progress {
    offered: Offered,
    /// `None` writes lines.
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn new(plan: &Plan) -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| bar(plan));
        Progress { offered: plan.offered(), bar }
    }

    fn line(&self, snapshot: &Snapshot) -> String {
        let series = snapshot.total();
        let length_s = snapshot.to_ns.saturating_sub(snapshot.from_ns).max(1) as f64 / 1e9;
        let achieved = grouped((series.ok + series.failed()) as f64 / length_s);
        let middle_ns = snapshot.from_ns / 2 + snapshot.to_ns / 2;
        let target = self.offered.rate_rps_at(middle_ns);
        let of_target = target.map_or(String::new(), |rps| format!(" of {}", grouped(rps)));
        let shown = |quantile: f64| match series.response.count() {
            0 => "-".to_owned(),
            _ => show_ns(series.response.quantile_ns(quantile)),
        };
        let dropped = snapshot.requests.scenario_total().dropped;
        let failed = series.failed() + dropped.measured + dropped.outside;
        let trouble = match failed {
            0 => String::new(),
            failed => format!("  {failed} failed ({})", share(failed, series.ok + failed)),
        };
        let phase = match snapshot.phases.at(middle_ns) {
            Phase::Warmup => "warm-up",
            Phase::Measure => "measure",
            Phase::Drain => "drain",
        };
        format!("{phase}  {achieved}{of_target} req/s  p50 {}  p99 {}{trouble}", shown(0.5), shown(0.99))
    }
}

impl Sink for Progress {
    fn name(&self) -> String {
        "progress".into()
    }

    fn snapshot(&mut self, snapshot: &Arc<Snapshot>) -> io::Result<()> {
        if snapshot.to_ns.saturating_sub(snapshot.from_ns) < SHOWN_NS_MIN {
            return Ok(());
        }
        let line = self.line(snapshot);
        match &self.bar {
            Some(bar) => {
                bar.set_position(snapshot.to_ns / MILLISECOND_NS);
                bar.set_message(line);
            }
            None => eprintln!("{:7.1} s  {line}", snapshot.to_ns as f64 / 1e9),
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

fn bar(plan: &Plan) -> ProgressBar {
    let is_counted =
        plan.scenarios.iter().all(|scenario| scenario.requests_max.is_some() && scenario.load.is_closed());
    let template =
        if is_counted { "{spinner} {elapsed} {wide_msg}" } else { "{bar:24} {elapsed}/{eta}  {wide_msg}" };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let length_ms = plan.phases.measure_to_ns / MILLISECOND_NS;
    let bar = ProgressBar::with_draw_target(Some(length_ms), ProgressDrawTarget::stderr());
    bar.with_style(style.progress_chars("━╸ "))
}
