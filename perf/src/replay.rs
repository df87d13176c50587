//! Whether a log is repeated with its own gaps, so many times as fast, at a server that writes down when requests come.
//!
//! The log is of real arrivals: Vajra sends at random moments for a while, and nginx writes `$msec` and `$request_time` of each request.
//! `vajra import log --as recorded` makes a plan of it, which is run as anybody would run it. A gap is the time from one request of
//! the log to the next one; its error is how far the gap at the second server is from the log's divided by the speed. The
//! log has whole milliseconds, and its gaps are taken as they stand there.

use crate::budgets;
use crate::budgets::Gate;
use crate::cores::{GENERATOR_CORE, SERVER_CORE};
use crate::process::{self, shown};
use crate::target::{LOG_FORMAT, Nginx, ServedBody};
use crate::vajra::Vajra;
use crate::witness::{ArrivalWitness, ArrivedRequest};
use clap::Args;
use engine::quantity::show_ns;
use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Args)]
pub(crate) struct ReplayOptions {
    /// Length of the log that is made
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Requests per second in it, at random moments
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// How many times as fast it is repeated
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100))]
    speed: u32,
    /// Connections of either run
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// The binary [default: the workspace's target/release/vajra, built if absent]
    #[arg(long)]
    vajra: Option<PathBuf>,
}

/// A request of the log: when it came, and method and path.
#[derive(Clone, Debug, PartialEq)]
struct LoggedRequest {
    unix_ms: i64,
    asked: String,
}

/// What became of the rows of the log.
#[derive(Debug, Default, PartialEq)]
struct RepeatedLog {
    /// How far each gap is from the log's, in order of size.
    errors_ns: Vec<u64>,
    /// Rows that did not come, and requests that are of no row.
    missing: usize,
    foreign: usize,
    /// Rows that came before the row in front of them.
    overtaking: usize,
}

/// Runs, prints the figures, and fails if a row is missing or gaps are further off than is promised.
pub(crate) fn run(options: &ReplayOptions) -> Result<Gate, String> {
    let vajra = Vajra::find(options.vajra.as_deref())?;
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let (log, plan) = (folder.path().join("access.log"), folder.path().join("again.toml"));
    record(options, &vajra, &log)?;
    let text = std::fs::read_to_string(&log).map_err(|error| format!("{}: {error}", log.display()))?;
    let logged = in_order(&text)?;
    let server = ArrivalWitness::start(SERVER_CORE)?;
    let (url, speed) = (format!("http://{}/", server.address), options.speed.to_string());
    let mut command = vajra.words(&["import", "log", &log.display().to_string(), "--as", "recorded"]);
    command.args(["--speed", &speed, "--url", &url, "--format", LOG_FORMAT, "-o"]).arg(&plan);
    done(&mut command)?;
    let mut command = vajra.words(&["run", &plan.display().to_string()]);
    pinned(&mut command, options.connections);
    println!("{}", shown(&command));
    let run = Vajra::run(&mut command)?;
    println!("verdict    {}", run.report.verdict.status.name());
    for reason in &run.report.verdict.reasons {
        println!("           {}: {}", reason.rule, reason.text);
    }
    Ok(told(&compared(&logged, &server.arrived(), options.speed), logged.len()))
}

/// A log of requests at random moments, each with a path of its own.
fn record(options: &ReplayOptions, vajra: &Vajra, log: &Path) -> Result<(), String> {
    let nginx = Nginx::start_logging(SERVER_CORE)?;
    let url = format!("{}?n={{{{seq}}}}", nginx.url(ServedBody::Small));
    let (rate, seconds) = (options.rate.to_string(), format!("{}s", options.seconds));
    let mut command = vajra.words(&["run", &url, "-R", &rate, "-d", &seconds, "--arrivals", "poisson"]);
    pinned(&mut command, options.connections);
    println!("{}", shown(&command));
    Vajra::run(&mut command)?;
    std::fs::copy(nginx.log(), log).map(drop).map_err(|error| format!("nginx has no log: {error}"))
}

fn pinned(command: &mut Command, connections: u32) {
    let (core, connections) = (GENERATOR_CORE.to_string(), connections.to_string());
    command.args(["--no-archive", "-t", "1", "--cores", &core, "--wait", "spin", "-c", &connections]);
}

fn done(command: &mut Command) -> Result<(), String> {
    println!("{}", shown(command));
    let ended = process::run(command)?;
    match ended.status.success() {
        true => Ok(()),
        false => Err(format!("`{}` ended with {}: {}", shown(command), ended.status, ended.stderr.trim())),
    }
}

/// The requests of a log by when they came: nginx writes a line when a response has ended.
fn in_order(log: &str) -> Result<Vec<LoggedRequest>, String> {
    let read = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let mut ms = || {
            let (seconds, ms) = words.next()?.split_once('.')?;
            Some(seconds.parse::<i64>().ok()? * 1_000 + ms.parse::<i64>().ok()?)
        };
        let (ended_ms, took_ms) = (ms()?, ms()?);
        Some(LoggedRequest { unix_ms: ended_ms - took_ms, asked: words.next()?.to_owned() })
    };
    let mut requests = Vec::new();
    for line in log.lines() {
        requests.push(read(line).ok_or_else(|| format!("`{line}` is no line of the log"))?);
    }
    if requests.len() < 2 {
        return Err(format!("a log of {} lines has no gaps; let it be longer", requests.len()));
    }
    requests.sort_by_key(|request| request.unix_ms);
    Ok(requests)
}

/// Holds what came against the log. Rows are told apart by what they ask for; those that ask for the same are taken in their order.
fn compared(logged: &[LoggedRequest], arrived: &[ArrivedRequest], speed: u32) -> RepeatedLog {
    let mut rows: HashMap<&str, VecDeque<usize>> = HashMap::new();
    for (row, request) in logged.iter().enumerate() {
        rows.entry(request.asked.as_str()).or_default().push_back(row);
    }
    let mut all = RepeatedLog::default();
    let mut came = vec![None; logged.len()];
    for request in arrived {
        match rows.get_mut(request.asked.as_str()).and_then(VecDeque::pop_front) {
            Some(row) => came[row] = Some(request.at),
            None => all.foreign += 1,
        }
    }
    all.missing = came.iter().filter(|at| at.is_none()).count();
    for (row, pair) in came.windows(2).enumerate() {
        let [Some(at), Some(next)] = pair else { continue };
        all.overtaking += usize::from(next < at);
        let gap_ns = match next.checked_duration_since(*at) {
            Some(gap) => gap.as_nanos() as i64,
            None => -(at.duration_since(*next).as_nanos() as i64),
        };
        let wanted_ns = (logged[row + 1].unix_ms - logged[row].unix_ms) * 1_000_000 / i64::from(speed);
        all.errors_ns.push(gap_ns.abs_diff(wanted_ns));
    }
    all.errors_ns.sort_unstable();
    all
}

/// The smallest value that so large a share of all are not above.
fn quantile_ns(sorted_ns: &[u64], share: f64) -> u64 {
    let rank = (share * sorted_ns.len() as f64).ceil() as usize;
    sorted_ns.get(rank.max(1) - 1).copied().unwrap_or(u64::MAX)
}

fn told(all: &RepeatedLog, rows: usize) -> Gate {
    let RepeatedLog { errors_ns, missing, foreign, overtaking } = all;
    println!("rows       {rows} in the log, {missing} missing; {foreign} requests of no row");
    println!("order      {overtaking} rows came before the one in front of them");
    for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)] {
        println!("gap error  {name} {}", show_ns(quantile_ns(errors_ns, share)));
    }
    let p99_ns = quantile_ns(errors_ns, 0.99);
    let gate = Gate::when(p99_ns <= budgets::GAP_ERROR_P99_NS_MAX && *missing == 0 && *foreign == 0);
    println!(
        "gap error  p99 {} of {} allowed: {}",
        show_ns(p99_ns),
        show_ns(budgets::GAP_ERROR_P99_NS_MAX),
        gate.word()
    );
    gate
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    const LOG: &str = "10.020 0.010 GET /b\n10.013 0.003 GET /a\n11.000 0.000 GET /c?n=1 2\n";

    #[test]
    fn a_log_is_read_in_the_order_in_which_requests_came() {
        let logged = in_order(LOG).unwrap();
        let shown: Vec<(i64, &str)> =
            logged.iter().map(|request| (request.unix_ms, request.asked.as_str())).collect();
        assert_eq!(shown, [(10_010, "GET /b"), (10_010, "GET /a"), (11_000, "GET /c?n=1 2")]);
        assert!(in_order("x").unwrap_err().contains("`x` is no line"));
        assert!(in_order("1.000 0.000 GET /").unwrap_err().contains("has no gaps"));
    }

    #[test]
    fn gaps_are_held_against_those_of_the_log_at_its_speed() {
        let (logged, begun) = (in_order(LOG).unwrap(), Instant::now());
        let at = |us: u64, asked: &str| ArrivedRequest {
            at: begun + Duration::from_micros(us),
            asked: asked.to_owned(),
        };
        let came = [at(7, "GET /b"), at(8, "GET /a"), at(495_010, "GET /c?n=1 2")];
        let all = compared(&logged, &came, 2);
        assert_eq!(all, RepeatedLog { errors_ns: vec![1_000, 2_000], ..RepeatedLog::default() });
        // What comes in another order is off by as much as it is early.
        let came = [at(7, "GET /a"), at(9, "GET /b"), at(10, "GET /b"), at(11, "GET /")];
        let all = compared(&logged, &came, 2);
        assert_eq!(all, RepeatedLog { errors_ns: vec![2_000], missing: 1, foreign: 2, overtaking: 1 });
    }

    #[test]
    fn a_quantile_is_a_value_that_was_measured() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!([0.5, 0.99, 0.999, 1.0].map(|share| quantile_ns(&hundred, share)), [50, 99, 100, 100]);
        assert_eq!(quantile_ns(&[], 0.5), u64::MAX, "nothing was measured, and nothing is within");
    }
}
