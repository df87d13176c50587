//! An open-loop rate over minutes: what was achieved, and how late requests left, outside the stalls that were detected.

use super::rig::{BudgetFigure, Rig};
use crate::cores::{GENERATOR_CORE, SERVER_CORE};
use crate::target::{Nginx, ServedBody};
use crate::vajra::{self, Vajra};
use engine::distribution::Distribution;
use serde_json::Value;
use std::path::Path;

const CONNECTIONS: u32 = 64;
const RATE: &str = "10000";
/// Stalls are told apart by intervals of this length: one with a stall in it is left out.
const INTERVAL: &str = "100ms";
/// A 99th percentile of fewer requests would rest on less than ten.
const CALM_REQUESTS_MIN: u64 = 1_000;

/// The slip of the intervals without stalls.
#[derive(Debug)]
struct Calm {
    slip: Distribution,
    calm: usize,
    all: usize,
}

pub(super) fn measure(rig: &Rig) -> Result<Vec<BudgetFigure>, String> {
    let nginx = Nginx::start(SERVER_CORE)?;
    let seconds = rig.length.pick(120, 5);
    let file = tempfile::NamedTempFile::new().map_err(|error| format!("no temporary file: {error}"))?;
    let series = file.path().display().to_string();
    let more = ["-R", RATE, "--wait", "spin", "--interval", INTERVAL, "--timeseries", &series];
    let url = nginx.url(ServedBody::Small);
    let mut command = rig.vajra.command(GENERATOR_CORE, CONNECTIONS, seconds, &url, &more);
    let vajra::Run { report, .. } = Vajra::run(&mut command)?;
    let ratio = report.rate.ratio.ok_or("the report of an open-loop run has no rate.ratio")?;
    let calm = calm(file.path())?;
    if calm.slip.count() < CALM_REQUESTS_MIN {
        return Err(format!(
            "{} of {} intervals had no stall, with {} requests: the machine is too busy",
            calm.calm,
            calm.all,
            calm.slip.count()
        ));
    }
    let share = format!("{} of {} intervals of {INTERVAL} had no stall", calm.calm, calm.all);
    let note = format!(
        "{} of {} in {seconds} s, {}",
        report.requests.ok,
        report.requests.sent + report.requests.unsent,
        report.verdict.status.name()
    );
    Ok(vec![
        BudgetFigure::new("rate", (ratio - 1.0).abs(), note),
        BudgetFigure::new("slip-p50", calm.slip.quantile_ns(0.5) as f64, share.clone()),
        BudgetFigure::new("slip-p99", calm.slip.quantile_ns(0.99) as f64, share),
    ])
}

/// Merges the slip of the intervals in a time series that had no stall.
fn calm(path: &Path) -> Result<Calm, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("no time series: {error}"))?;
    let mut calm = Calm { slip: Distribution::new(), calm: 0, all: 0 };
    for line in text.lines() {
        let value: Value =
            serde_json::from_str(line).map_err(|error| format!("a line of the time series: {error}"))?;
        calm.all += 1;
        if value["hiccups"] == 0 {
            calm.calm += 1;
            let hdr =
                value["slip_ns"]["hdr"].as_str().ok_or("a line of the time series has no slip_ns.hdr")?;
            calm.slip.merge(&Distribution::decode(hdr).map_err(|error| error.to_string())?);
        }
    }
    Ok(calm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn intervals_with_stalls_are_left_out() {
        let hdr = |slip_ns| {
            let mut slip = Distribution::new();
            slip.record(slip_ns);
            slip.encode()
        };
        let line = |hiccups, slip_ns| {
            serde_json::json!({"hiccups": hiccups, "slip_ns": {"hdr": hdr(slip_ns)}}).to_string()
        };
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "{}\n{}\n{}", line(0, 200), line(2, 5_000_000), line(0, 300)).unwrap();
        let calm = calm(file.path()).unwrap();
        assert_eq!((calm.calm, calm.all, calm.slip.count(), calm.slip.max_ns()), (2, 3, 2, 300));
    }
}
