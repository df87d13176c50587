//! Files a run writes: the report as JSON, the percentile spectrum, the time series. They are opened before anything is
//! sent, so that a name that cannot be written is known in time; what goes wrong later is told and costs nothing else.

use crate::exit::{Failure, USAGE};
use crate::output::chart::Undrawable;
use crate::output::plain;
use clap::Args;
use engine::distribution::{Distribution, UnreadableHistogram};
use engine::outcome::Kind;
use engine::plan::{Offered, Plan};
use engine::record::{Series, Snapshot};
use engine::redact;
use engine::report::Report;
use engine::seams::Sink;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Which files a run is to write.
#[derive(Args)]
pub(crate) struct RunFiles {
    /// Write the report as JSON; - is standard output.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the percentile spectrum of response times, as HdrHistogram's plotter reads it.
    #[arg(long, value_name = "FILE")]
    hgrm: Option<PathBuf>,
    /// Write one line of JSON per interval, histograms included.
    #[arg(long, value_name = "FILE")]
    timeseries: Option<PathBuf>,
}

/// The files of one run, opened.
pub(crate) struct Outputs {
    json: Option<Output>,
    hgrm: Option<Output>,
    timeseries: Option<Output>,
}

/// A file that is opened before anything is sent, and written at the end.
pub(crate) struct Output {
    path: PathBuf,
    /// The file, until it is emptied of what an earlier run wrote: a run that is refused leaves that alone.
    old: Option<File>,
    writer: Box<dyn Write + Send>,
}

/// Why a file does not hold what it was to hold.
#[derive(Debug)]
pub(crate) enum Unwritten {
    /// Not all could be written.
    Incomplete { path: PathBuf, error: io::Error },
    /// What it was to show cannot be read.
    Unreadable(UnreadableHistogram),
    /// What it was to show cannot be drawn.
    Undrawable(Undrawable),
}

impl fmt::Display for Unwritten {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unwritten::Incomplete { path, error } => {
                write!(formatter, "`{}` is incomplete: {error}", path.display())
            }
            Unwritten::Unreadable(cause) => cause.fmt(formatter),
            Unwritten::Undrawable(cause) => cause.fmt(formatter),
        }
    }
}

impl From<UnreadableHistogram> for Unwritten {
    fn from(cause: UnreadableHistogram) -> Unwritten {
        Unwritten::Unreadable(cause)
    }
}

impl From<Undrawable> for Unwritten {
    fn from(cause: Undrawable) -> Unwritten {
        Unwritten::Undrawable(cause)
    }
}

impl From<Unwritten> for Failure {
    fn from(unwritten: Unwritten) -> Failure {
        Failure::runtime(unwritten.to_string())
    }
}

impl RunFiles {
    pub(crate) fn open(&self) -> Result<Outputs, Failure> {
        stdout_of(&[&self.json, &self.hgrm, &self.timeseries])?;
        let open = |path: &Option<PathBuf>, flag: &str| {
            path.as_deref().map(|path| Output::open(path, flag)).transpose()
        };
        Ok(Outputs {
            json: open(&self.json, "--json")?,
            hgrm: open(&self.hgrm, "--hgrm")?,
            timeseries: open(&self.timeseries, "--timeseries")?,
        })
    }

    /// True when a file is standard output, which the text report must then leave alone.
    pub(crate) fn use_stdout(&self) -> bool {
        [&self.json, &self.hgrm, &self.timeseries].into_iter().flatten().any(|path| is_stdout(path))
    }
}

impl Outputs {
    /// The sink that writes the time series, if one was asked for.
    pub(crate) fn take_timeseries(&mut self, plan: &Plan) -> Option<Box<dyn Sink>> {
        let mut output = self.timeseries.take()?;
        output.begin();
        let written = redact::written(plan);
        let scenarios = written.scenarios.iter().map(|scenario| scenario.name.clone()).collect();
        Some(Box::new(TimeSeries { output, offered: plan.offered(), scenarios }))
    }

    /// Writes what is known at the end. Returns what could not be written.
    pub(crate) fn write(self, report: &Report) -> Vec<Unwritten> {
        let json = self.json.map(|output| output.finish_json(report));
        let hgrm = self.hgrm.map(|output| output.finish(|out| write_spectrum(report, out)));
        [json, hgrm].into_iter().flatten().filter_map(Result::err).collect()
    }
}

/// Whether one of some outputs is standard output; at most one can be.
pub(crate) fn stdout_of(paths: &[&Option<PathBuf>]) -> Result<bool, Failure> {
    match paths.iter().filter_map(|path| path.as_deref()).filter(|path| is_stdout(path)).count() {
        count @ 0..=1 => Ok(count == 1),
        _ => {
            let message = "only one output can be standard output\n  help: name a file for the others";
            Err(Failure::new(USAGE, message))
        }
    }
}

/// Whether a path stands for standard output.
pub(crate) fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

impl Output {
    /// Opens a file, or standard output for `-`. The flag is named when that is not possible.
    pub(crate) fn open(path: &Path, flag: &str) -> Result<Output, Failure> {
        if is_stdout(path) {
            return Ok(Output { path: path.to_owned(), old: None, writer: Box::new(io::stdout()) });
        }
        let shown = path.display();
        let file = File::options().write(true).create(true).truncate(false).open(path).map_err(|error| {
            let message = format!("`{shown}` cannot be written: {error}\n  --> flag {flag} {shown}\n  help: name a file in a folder that exists and is yours");
            Failure::new(USAGE, message)
        })?;
        Ok(Output {
            path: path.to_owned(),
            old: file.try_clone().ok(),
            writer: Box::new(BufWriter::new(file)),
        })
    }

    /// Empties the file. Devices cannot be emptied, and need not be.
    fn begin(&mut self) {
        if let Some(file) = self.old.take() {
            let _ = file.set_len(0);
        }
    }

    /// Writes what there is to say, in place of what the file held.
    pub(crate) fn finish(
        mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Unwritten> {
        self.begin();
        write(&mut self.writer).and_then(|()| self.writer.flush()).map_err(|error| self.incomplete(error))
    }

    /// Writes a value as JSON.
    pub(crate) fn finish_json(self, value: &impl Serialize) -> Result<(), Unwritten> {
        self.finish(|out| {
            // Standard output may be a terminal; and what `archive show` prints is the same to the byte.
            let text = serde_json::to_string_pretty(value)?;
            writeln!(out, "{}", plain::json(&text))
        })
    }

    fn incomplete(&self, error: io::Error) -> Unwritten {
        Unwritten::Incomplete { path: self.path.clone(), error }
    }
}

/// The spectrum of response times, as wrk2 writes it.
pub(crate) fn write_spectrum(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let response = Distribution::decode(&report.response_ns.hdr).map_err(io::Error::other)?;
    response.write_spectrum(out)
}

/// One line of JSON per interval.
struct TimeSeries {
    output: Output,
    offered: Offered,
    /// Names of the scenarios, as they may be written down.
    scenarios: Vec<String>,
}

impl Sink for TimeSeries {
    fn name(&self) -> String {
        format!("--timeseries {}", self.output.path.display())
    }

    fn snapshot(&mut self, snapshot: &Arc<Snapshot>) -> io::Result<()> {
        let line = self.line(snapshot);
        writeln!(self.output.writer, "{line}")
            .map_err(|error| io::Error::other(self.output.incomplete(error).to_string()))
    }

    fn finish(&mut self) -> io::Result<()> {
        self.output
            .writer
            .flush()
            .map_err(|error| io::Error::other(self.output.incomplete(error).to_string()))
    }
}

impl TimeSeries {
    fn line(&self, snapshot: &Snapshot) -> Value {
        let series = snapshot.total();
        let (stats, dropped) = (snapshot.stats(), snapshot.requests.scenario_total().dropped);
        let length_s = snapshot.to_ns.saturating_sub(snapshot.from_ns).max(1) as f64 / 1e9;
        let before = |ns: u64| self.offered.arrivals_before(ns);
        let scheduled = before(snapshot.to_ns).zip(before(snapshot.from_ns)).map(|(to, from)| to - from);
        let named = Kind::ALL.into_iter().filter(|kind| series.errors[*kind as usize] > 0);
        let errors: Map<String, Value> =
            named.map(|kind| (kind.name().to_owned(), series.errors[kind as usize].into())).collect();
        let mut line = json!({
            "from_s": snapshot.from_ns as f64 / 1e9,
            "to_s": snapshot.to_ns as f64 / 1e9,
            "phase": snapshot.phases.at(snapshot.from_ns / 2 + snapshot.to_ns / 2),
            "rate": {
                "target": scheduled.map(|arrivals| arrivals as f64 / length_s),
                "achieved": series.sent as f64 / length_s,
            },
            "requests": {
                "sent": series.sent,
                "ok": series.ok,
                "failed": series.failed(),
                "dropped": dropped.measured + dropped.outside,
                "errors": errors,
            },
            "bytes": { "sent": series.bytes_sent, "received": series.bytes_received },
            "connections": { "open": stats.open, "reconnects": stats.reconnects },
            "hiccups": stats.hiccups,
            "response_ns": timing(&series.response),
            "service_ns": timing(&series.service),
            "slip_ns": timing(&series.slip),
            "lost": snapshot.lost,
        });
        if self.scenarios.len() > 1 {
            line["scenarios"] = self.scenarios(snapshot, length_s).into();
        }
        line
    }

    /// Each scenario, by its name.
    fn scenarios(&self, snapshot: &Snapshot, length_s: f64) -> Map<String, Value> {
        let of_scenario = |(index, name): (usize, &String)| {
            let series = Series::total(snapshot.requests.each_of(index));
            let dropped = snapshot.requests.scenarios[index].dropped;
            let line = json!({
                "rate": { "achieved": series.sent as f64 / length_s },
                "requests": {
                    "sent": series.sent,
                    "ok": series.ok,
                    "failed": series.failed(),
                    "dropped": dropped.measured + dropped.outside,
                },
                "response_ns": timing(&series.response),
            });
            (name.clone(), line)
        };
        self.scenarios.iter().enumerate().map(of_scenario).collect()
    }
}

fn timing(distribution: &Distribution) -> Value {
    let summary = distribution.summary();
    // Nothing was measured on no request: null, and never 0.
    let ns = |ns: u64| (summary.count > 0).then_some(ns);
    json!({
        "p50": ns(summary.p50), "p90": ns(summary.p90), "p99": ns(summary.p99), "p999": ns(summary.p999),
        "max": ns(summary.max), "mean": (summary.count > 0).then_some(summary.mean), "count": summary.count,
        "hdr": distribution.encode(),
    })
}
