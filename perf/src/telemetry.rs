//! What telemetry costs: runs with more and more of it, by turns, each beside the run without any of its round.
//!
//! Every rung is the same open loop, against the null responder on a core of its own. Of each run is taken what its shards used for a request,
//! without the time spent watching the clock; what threads of telemetry used, from /proc while it runs; its slip, and its memory. A
//! run in which nobody was told anything is no measurement, so whoever listens here says what it was given.

mod figures;
mod listeners;
mod rungs;
mod soundness;
mod threads;

use crate::budgets::Gate;
use crate::builtin::Builtin;
use crate::cores::{GENERATOR_CORE, SERVER_CORE};
use crate::process::shown;
use crate::vajra::Vajra;
use clap::Args;
use engine::bucket::Share;
use engine::plan::REQUESTS_MAX;
use figures::{FEW_SERIES, RungSample, told};
use listeners::{Scraper, StubCollector};
use rungs::{RUNGS, Rung};
use soundness::{WitnessedRun, unsound};
use std::path::{Path, PathBuf};
use std::process::Command;
use threads::ThreadTimes;

#[derive(Args)]
pub(crate) struct TelemetryOptions {
    /// Rounds of one run for each rung; at least six for an interval worth 95 %
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Length of each run
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..))]
    seconds: u32,
    /// Requests per second
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// Kinds of requests, each of which has figures of its own
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=256))]
    series: u32,
    /// Shards; one has a core of its own here, more share what there is
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    shards: u32,
    /// Connections
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// The binary [default: the workspace's target/release/vajra, built if absent]
    #[arg(long)]
    vajra: Option<PathBuf>,
}

/// What every run of a measurement has in common.
struct TelemetryRig<'a> {
    vajra: &'a Vajra,
    options: &'a TelemetryOptions,
    /// Where the plan is, and what runs write.
    folder: &'a Path,
}

/// Measures every rung in every round, prints the table, and fails if one is beyond its limits.
pub(crate) fn run(options: &TelemetryOptions) -> Result<Gate, String> {
    let vajra = Vajra::find(options.vajra.as_deref())?;
    let server = Builtin::null(&vajra, &[SERVER_CORE])?;
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    std::fs::write(folder.path().join("plan.toml"), plan(&server.url("/"), options))
        .map_err(|error| format!("cannot write into {}: {error}", folder.path().display()))?;
    let rig = TelemetryRig { vajra: &vajra, options, folder: folder.path() };
    println!(
        "server: the null responder on core {SERVER_CORE}; {} requests per second in {} series, {} shards, {} s each, {} rounds\n",
        options.rate, options.series, options.shards, options.seconds, options.rounds
    );
    let mut samples: Vec<Vec<RungSample>> = vec![Vec::new(); RUNGS.len()];
    for round in 0..options.rounds as usize {
        for place in 0..RUNGS.len() {
            let index = (place + round) % RUNGS.len();
            samples[index].push(rig.measure(&RUNGS[index])?);
        }
        println!("round {} of {}", round + 1, options.rounds);
    }
    let measured: Vec<(&str, Vec<RungSample>)> = RUNGS.iter().map(|rung| rung.name).zip(samples).collect();
    let (table, gate) = told(&measured, options.series);
    print!("\n{}", table.text());
    println!("telemetry within its limits: {}", gate.word());
    Ok(gate)
}

/// A plan of as many kinds of requests as there are to be series: of one scenario, or of several where one cannot have so many.
fn plan(url: &str, options: &TelemetryOptions) -> String {
    let TelemetryOptions { rate, seconds, connections, series, .. } = *options;
    let mut plan = format!("url = '{url}'\n[run]\nduration = '{seconds}s'\n");
    let scenarios = series.div_ceil(REQUESTS_MAX as u32);
    for scenario in 0..scenarios {
        let share = Share { shard: u64::from(scenario), shards: u64::from(scenarios) };
        let [rate, connections, series] = [rate, connections, series].map(|all| share.of(u64::from(all)));
        let load = format!("load.rate = {}\nconnections = {}\n", rate.max(1), connections.max(1));
        plan.push_str(&format!("[scenario.s{scenario}]\n{load}"));
        for request in 0..series {
            plan.push_str(&format!("[[scenario.s{scenario}.request]]\nname = 'r{request}'\nget = '/'\n"));
        }
    }
    plan
}

impl TelemetryRig<'_> {
    fn measure(&self, rung: &Rung) -> Result<RungSample, String> {
        let collector = rung.collector.map(StubCollector::start).transpose()?;
        let scraper = rung.is_scraped.then(Scraper::start).transpose()?;
        let mut command = self.command(rung, collector.as_ref(), scraper.as_ref());
        let mut threads = ThreadTimes::default();
        let run = Vajra::run_watched(&mut command, |process| threads.look(process))?;
        let said = |what: &str| format!("`{}`: {what}", shown(&command));
        if let Some(collector) = collector.filter(|collector| collector.heard() == 0) {
            return Err(said(&format!("nothing came to {}", collector.url())));
        }
        let witnessed = WitnessedRun {
            exports: &run.report.exports,
            pages: scraper.map(Scraper::stop),
            seconds: self.options.seconds,
            spent: threads.spent(),
            collector_counts: self.options.series > FEW_SERIES,
        };
        if let Some(what) = unsound(rung, &witnessed) {
            return Err(said(&what));
        }
        RungSample::of(&run.report, witnessed.spent).ok_or_else(|| said("no request ended"))
    }

    fn command(&self, rung: &Rung, collector: Option<&StubCollector>, scraper: Option<&Scraper>) -> Command {
        let plan = self.folder.join("plan.toml");
        let mut command = self.vajra.words(&["run", &plan.display().to_string(), "--no-archive", "--force"]);
        command.args(["-t", &self.options.shards.to_string()]);
        if self.options.shards == 1 {
            command.args(["--cores", &GENERATOR_CORE.to_string()]);
        }
        if let Some(collector) = collector {
            command.args(["--otlp", &collector.url()]);
        }
        if let Some(scraper) = scraper {
            command.args(["--prometheus", &scraper.port().to_string()]);
        }
        // What is set for other programs is in the way of no rung, and what a collector does not take is nobody's spool.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OTEL_")) {
            command.env_remove(name);
        }
        command.env("XDG_DATA_HOME", self.folder.join(rung.name));
        // Preflight asks the collector, too, and one that never answers would hold it up for longer.
        command.env("OTEL_EXPORTER_OTLP_TIMEOUT", "1000");
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: TelemetryOptions,
    }

    #[test]
    fn the_plan_has_as_many_kinds_of_requests_and_as_high_a_rate_as_were_asked_for() {
        for (asked, scenarios) in [("3", 1), ("64", 1), ("100", 2), ("256", 4)] {
            let Line { options } = Line::parse_from(["telemetry", "--series", asked, "--rate", "70"]);
            let plan: toml::Table = plan("http://h/", &options).parse().unwrap();
            let told = plan["scenario"].as_table().unwrap();
            let (mut requests, mut rate) = (0, 0);
            for scenario in told.values() {
                requests += scenario["request"].as_array().unwrap().len();
                rate += scenario["load"]["rate"].as_integer().unwrap();
            }
            assert_eq!((told.len(), requests.to_string().as_str(), rate), (scenarios, asked, 70));
        }
    }
}
