//! The command line as typed. What it means is decided in `input/load.rs`, by the same rules as a plan file.

use crate::commands::archive::ArchiveArgs;
use crate::commands::calibrate::CalibrateArgs;
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

const EXIT_CODES: &str = "\
Exit codes:
    0  the run is valid (or degraded, unless --strict) and passed
    1  runtime error, or not one request succeeded
    2  usage or configuration error; nothing was sent
    3  the run is INVALID: its numbers must not be used
    4  preflight refused; no load was sent
   98  a regression against the baseline (gate)
   99  a threshold was breached, or the target fell behind, went silent or failed
  130  SIGINT: drained, partial report written (143: SIGTERM)";

/// A load generator that can be believed.
#[derive(Parser)]
#[command(name = "vajra", version, max_term_width = 110, after_help = EXIT_CODES)]
#[command(override_usage = "vajra [run] <URL|PLAN> [OPTIONS]\n       vajra <COMMAND>")]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a load test: a URL, or a plan file. `vajra URL` means `vajra run URL`.
    Run(Box<RunArgs>),
    /// Compare runs with confidence: better, same, worse, or unclear.
    Compare(Box<crate::commands::compare::CompareArgs>),
    /// Run a plan and hold it against a baseline: exit 98 on a regression.
    Gate(Box<crate::commands::gate::GateArgs>),
    /// Find the highest rate that a target sustains under conditions.
    FindMax(Box<crate::commands::find_max::FindMaxArgs>),
    /// Check, without any load, whether this machine can carry a plan and its target is there.
    Check(Box<CheckArgs>),
    /// List, show, name, export, import and remove the runs that were kept.
    Archive(ArchiveArgs),
    /// Measure what this machine can do, and keep it for `check` and `run`.
    Calibrate(CalibrateArgs),
    /// Run the built-in server alone.
    Testbed(Box<TestbedArgs>),
    /// Print the JSON Schema of plans.
    Schema,
}

/// What is asked of a run, in flags that follow wrk2's.
#[derive(Args, Clone, Default)]
pub(crate) struct PlanArgs {
    /// http://host:port/path, unix:/path.sock:/path, testbed:/path, or a plan in TOML or JSON.
    #[arg(value_name = "URL|PLAN")]
    pub(crate) target: String,
    /// Target, in place of the plan's.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Pinned cores that send [default: 1].
    #[arg(short = 't', long, value_name = "N")]
    pub(crate) shards: Option<u32>,
    /// Connections, over all shards [default: 64].
    #[arg(short = 'c', long, value_name = "N")]
    pub(crate) connections: Option<u32>,
    /// Length of the run, warm-up included: 500ms, 10s, 2m [default: 10s].
    #[arg(short = 'd', long, value_name = "TIME")]
    pub(crate) duration: Option<String>,
    /// Arrivals per second, over all shards: 10000, 10k, 600/m; 100:5000 ramps. Absent: closed loop.
    #[arg(short = 'R', long, value_name = "RATE")]
    pub(crate) rate: Option<String>,
    /// Stop after this many requests, over all shards.
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) requests: Option<String>,
    /// A header, such as 'Accept: text/html'. May be given several times.
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub(crate) headers: Vec<String>,
    /// The method [default: GET, or POST with a body].
    #[arg(short = 'm', long, value_name = "METHOD")]
    pub(crate) method: Option<String>,
    /// The body: text with {{seq}}, {{rand 1 9}}, {{uuid}}, or @file.
    #[arg(short = 'b', long, value_name = "BODY")]
    pub(crate) body: Option<String>,
    /// How long one request may take [default: 10s].
    #[arg(long, value_name = "TIME")]
    pub(crate) timeout: Option<String>,
    /// How long making one connection may take [default: 3s].
    #[arg(long, value_name = "TIME")]
    pub(crate) connect_timeout: Option<String>,
    /// Requests under way on one connection at a time [default: 1].
    #[arg(long, value_name = "N")]
    pub(crate) pipeline: Option<u32>,
    /// The cores to pin shards to: 1,3-5.
    #[arg(long, value_name = "LIST")]
    pub(crate) cores: Option<String>,
    /// How a shard waits for the next moment: spin, park or auto [default: auto].
    #[arg(long, value_name = "HOW")]
    pub(crate) wait: Option<String>,
    /// The first part of the duration, which is not measured: 5s, or auto, which ends when response times are steady.
    #[arg(long, value_name = "TIME")]
    pub(crate) warmup: Option<String>,
    /// Run until a figure is known well enough, such as 'p99 ± 2%', and for the duration at the most.
    #[arg(long, value_name = "GOAL")]
    pub(crate) until: Option<String>,
    /// uniform or poisson [default: uniform].
    #[arg(long, value_name = "HOW")]
    pub(crate) arrivals: Option<String>,
    /// What happens to an arrival that finds no free connection: queue, or shed=TIME [default: queue].
    #[arg(long, value_name = "POLICY")]
    pub(crate) overload: Option<String>,
    /// Seed of all random draws [default: 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub(crate) seed: Option<u64>,
    /// Length of one interval of progress and time series [default: 1s].
    #[arg(long, value_name = "TIME")]
    pub(crate) interval: Option<String>,
    /// A condition on the result, such as 'response p(99)<50ms' or 'failed<0.1%'. May be given several times.
    #[arg(long = "threshold", value_name = "CONDITION")]
    pub(crate) thresholds: Vec<String>,
    /// Keep secrets (Authorization, Cookie, tokens, keys, passwords) in clear in reports, archive and bundles.
    #[arg(long)]
    pub(crate) keep_secrets: bool,
    /// Let preflight send requests whose method may change something (POST, PUT, …) as well, once each.
    #[arg(long)]
    pub(crate) probe_all: bool,
}

#[derive(Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) plan: PlanArgs,
    /// Write the report as JSON; - is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write the percentile spectrum of response times, as HdrHistogram's plotter reads it.
    #[arg(long, value_name = "FILE")]
    pub(crate) hgrm: Option<PathBuf>,
    /// Write one line of JSON per interval, histograms included.
    #[arg(long, value_name = "FILE")]
    pub(crate) timeseries: Option<PathBuf>,
    /// Print the percentile spectrum of response times after the report.
    #[arg(short = 'L', long)]
    pub(crate) spectrum: bool,
    /// Run even though preflight says that the run cannot be what was asked for.
    #[arg(long)]
    pub(crate) force: bool,
    /// Let a DEGRADED run end with the code of an INVALID one.
    #[arg(long)]
    pub(crate) strict: bool,
    /// No progress, and no report on standard output.
    #[arg(short = 'q', long)]
    pub(crate) quiet: bool,
    /// Do not keep the run in the archive.
    #[arg(long, conflicts_with = "tags")]
    pub(crate) no_archive: bool,
    /// Name the run in the archive. May be given several times.
    #[arg(long = "tag", value_name = "NAME")]
    pub(crate) tags: Vec<String>,
}

#[derive(Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) plan: PlanArgs,
    /// Print the checks as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct TestbedArgs {
    /// Port to listen on; 0 is any free one.
    #[arg(long, default_value_t = 8080)]
    pub(crate) port: u16,
    /// Address to listen on. Anything but loopback lets others in.
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) host: std::net::IpAddr,
    /// Pin the server to these cores. The testbed uses the first one, the null responder all of them.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) cores: Vec<usize>,
    /// Be the null responder: the fastest answer this machine can give, for calibration.
    #[arg(long, conflicts_with_all = ["service", "workers", "warm", "error", "reset", "stall", "slow"])]
    pub(crate) null: bool,
    /// With --null: stamp every request, and write when they came as JSON at the end; - is standard output.
    #[arg(long, value_name = "FILE", requires = "null")]
    pub(crate) arrivals: Option<PathBuf>,
    /// Record arrivals from this long after the first request on.
    #[arg(long, value_name = "TIME", requires = "arrivals")]
    pub(crate) arrivals_after: Option<String>,
    /// Service time: fixed:5ms, exp:5ms, lognormal:5ms,0.5, pareto:1ms,1.5.
    #[arg(long, value_name = "DISTRIBUTION")]
    pub(crate) service: Option<String>,
    /// Serve at most this many requests at a time: the capacity is this many for each service time.
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<String>,
    /// Be slow at first, FACTOR times, and warm after TIME, in steps as tiered compilation makes them: 10/30s.
    #[arg(long, value_name = "FACTOR/TIME")]
    pub(crate) warm: Option<String>,
    /// Share of requests answered with status 500: 0.01 or 1%.
    #[arg(long, value_name = "SHARE")]
    pub(crate) error: Option<String>,
    /// Share of requests whose connection is reset.
    #[arg(long, value_name = "SHARE")]
    pub(crate) reset: Option<String>,
    /// Be silent for a while, again and again: 500ms/2s.
    #[arg(long, value_name = "LENGTH/EVERY")]
    pub(crate) stall: Option<String>,
    /// Pause between the parts of a body.
    #[arg(long, value_name = "TIME")]
    pub(crate) slow: Option<String>,
    /// Seed of all random draws.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// Reads the command line; on a mistake or a call for help it says so and ends the process, as clap does.
pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Command {
    let mut words: Vec<OsString> = words.collect();
    if names_no_command(&words) {
        words.insert(1, "run".into());
    }
    Line::parse_from(words).command
}

/// `vajra URL …` means `vajra run URL …`: true when the first word is neither a command nor a call for help.
fn names_no_command(words: &[OsString]) -> bool {
    const HELP: [&str; 5] = ["help", "-h", "--help", "-V", "--version"];
    let line = Line::command();
    let commands = line.get_subcommands().map(clap::Command::get_name);
    let known: Vec<&str> = HELP.into_iter().chain(commands).collect();
    words.get(1).is_some_and(|word| !known.iter().any(|known| word == known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &str) -> Command {
        parse(std::iter::once("vajra").chain(words.split_whitespace()).map(OsString::from))
    }

    #[test]
    fn the_definition_is_consistent() {
        Line::command().debug_assert();
    }

    #[test]
    fn a_url_alone_means_run() {
        for words in ["http://h/ -c 5", "run http://h/ -c 5", "-c 5 http://h/"] {
            match parsed(words) {
                Command::Run(run) => {
                    assert_eq!((run.plan.target.as_str(), run.plan.connections), ("http://h/", Some(5)));
                }
                _ => panic!("{words}"),
            }
        }
        assert!(matches!(parsed("schema"), Command::Schema));
        assert!(matches!(parsed("calibrate --quick"), Command::Calibrate(_)));
    }
}
