//! The files of a run: the report as JSON, the percentile spectrum, the time series.

use crate::exit::Failure;
use crate::output::chart;
use crate::output::destination::{Output, Unwritten, is_stdout, stdout_of};
use crate::output::junit;
use crate::output::timeseries::TimeSeries;
use clap::Args;
use engine::distribution::Distribution;
use engine::orders::Orders;
use engine::plan::Plan;
use engine::report::Report;
use engine::seams::Sink;
use std::io::{self, Write};
use std::path::PathBuf;

/// Which files a run is to write.
#[derive(Args)]
pub(crate) struct RunFiles {
    /// Write the report as JSON; - is standard output.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the percentile spectrum of response times, as HdrHistogram's plotter reads it.
    #[arg(long, value_name = "FILE")]
    hgrm: Option<PathBuf>,
    /// Write one line per interval: as CSV into a file named .csv, else as JSON, histograms included.
    #[arg(long, value_name = "FILE")]
    timeseries: Option<PathBuf>,
    /// Write response and service times by percentile as a chart (SVG); - is standard output.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write conditions and verdict as JUnit XML, as CI servers show it; - is standard output.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// The files of one run, opened.
pub(crate) struct Outputs {
    json: Option<Output>,
    hgrm: Option<Output>,
    timeseries: Option<Output>,
    svg: Option<Output>,
    junit: Option<Output>,
}

impl RunFiles {
    pub(crate) fn open(&self) -> Result<Outputs, Failure> {
        stdout_of(&[&self.json, &self.hgrm, &self.timeseries, &self.svg, &self.junit])?;
        let open = |path: &Option<PathBuf>, flag: &str| {
            path.as_deref().map(|path| Output::open(path, flag)).transpose()
        };
        Ok(Outputs {
            json: open(&self.json, "--json")?,
            hgrm: open(&self.hgrm, "--hgrm")?,
            timeseries: (self.timeseries.as_deref())
                .map(|path| Output::open_direct(path, "--timeseries"))
                .transpose()?,
            svg: open(&self.svg, "--svg")?,
            junit: open(&self.junit, "--junit")?,
        })
    }

    /// True when a file is standard output, which the text report must then leave alone.
    pub(crate) fn use_stdout(&self) -> bool {
        [&self.json, &self.hgrm, &self.timeseries, &self.svg, &self.junit]
            .into_iter()
            .flatten()
            .any(|path| is_stdout(path))
    }
}

impl Outputs {
    /// The sink that writes the time series, if one was asked for.
    pub(crate) fn take_timeseries(
        &mut self,
        plan: &Plan,
        run_id: &str,
        orders: &Orders,
    ) -> Option<Box<dyn Sink>> {
        let mut output = self.timeseries.take()?;
        output.begin();
        Some(Box::new(TimeSeries::new(output, plan, run_id, orders)))
    }

    /// Writes what is known at the end; where it is strict, a DEGRADED run fails. Returns what could not be written.
    pub(crate) fn write(self, report: &Report, is_strict: bool) -> Vec<Unwritten> {
        let json = self.json.map(|output| output.finish_json(report));
        let hgrm = self.hgrm.map(|output| output.finish(|out| write_spectrum(report, out)));
        let svg = self.svg.map(|output| {
            let chart = chart::run(report)?;
            output.finish(|out| out.write_all(chart.as_bytes()))
        });
        let write_junit = |out: &mut dyn Write| junit::write_run(report, is_strict, out);
        let junit = self.junit.map(|output| output.finish(write_junit));
        [json, hgrm, svg, junit].into_iter().flatten().filter_map(Result::err).collect()
    }
}

/// The spectrum of response times, as wrk2 writes it.
pub(crate) fn write_spectrum(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let response = Distribution::decode(&report.response_ns.hdr).map_err(io::Error::other)?;
    response.write_spectrum(out)
}
