//! Flags that several commands have: those of a plan, and shares as they are typed.

use crate::exit::{Failure, USAGE};
use crate::input::call_flags::CallArgs;
use crate::input::connection_flags::ConnectionArgs;
use crate::input::typed::{self, Suggested};
use clap::{Args, ValueHint};
use engine::quantity::parse_share;

/// What is asked of a run, in flags that follow wrk2's. What users of other tools type and means the same is taken as well.
#[derive(Args, Clone, Default)]
pub(crate) struct PlanArgs {
    /// A URL, or a plan file.
    #[arg(
        long_help = "A URL such as http://host:port/path or host:port, unix:/path.sock:/path for a Unix socket, testbed:/path for the built-in server; or a plan in TOML or JSON, where - is standard input",
        value_name = "URL|PLAN", value_parser = typed::target, value_hint = ValueHint::AnyPath,
    )]
    pub(crate) target: String,
    /// Target, in place of the plan's.
    #[arg(long, value_name = "URL", hide_short_help = true, help_heading = "Target and load")]
    pub(crate) url: Option<String>,
    /// Requests per second, in all: 10k, 600/m.
    #[arg(
        long_help = "Arrivals per second, over all shards and connections: 10000, 10k, 600/m; 100:5000 ramps. Without it the loop is closed: as many requests as the connections carry.",
        short = 'R',
        long,
        value_name = "RATE",
        aliases = ["qps", "rps"],
        help_heading = "Target and load",
    )]
    pub(crate) rate: Option<String>,
    /// Connections, over all shards [default: 64].
    #[arg(short = 'c', long, value_name = "N", value_parser = typed::count, help_heading = "Target and load")]
    pub(crate) connections: Option<u32>,
    /// Requests under way on a connection [default: 1].
    #[arg(
        long_help = "So many requests may be under way on one connection at a time [default: 1]",
        long,
        value_name = "N",
        value_parser = typed::count,
        hide_short_help = true,
        help_heading = "Target and load",
    )]
    pub(crate) pipeline: Option<u32>,
    /// Evenly spaced or at random.
    #[arg(
        long_help = "uniform, evenly spaced, or poisson, at random as independent users come [default: uniform]",
        long,
        value_name = "HOW",
        value_parser = Suggested::words(&["uniform", "poisson"]),
        hide_possible_values = true,
        hide_short_help = true,
        help_heading = "Target and load",
    )]
    pub(crate) arrivals: Option<String>,
    /// When no connection is free: queue, shed=TIME, degrade.
    #[arg(
        long_help = "What happens to an arrival that finds no free connection: queue; shed=TIME, which drops it after waiting so long; or degrade[=TIME], which sends fewer while the oldest waits for longer than that [default: queue]",
        long,
        value_name = "POLICY",
        value_parser = Suggested::words(&["queue", "shed=", "degrade", "degrade="]),
        hide_possible_values = true,
        hide_short_help = true,
        help_heading = "Target and load",
    )]
    pub(crate) overload: Option<String>,
    /// The method [default: GET, or POST with a body].
    #[arg(
        short = 'm',
        long,
        value_name = "METHOD",
        short_alias = 'X',
        alias = "request",
        value_parser = Suggested::words(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
        hide_possible_values = true,
        help_heading = "Requests"
    )]
    pub(crate) method: Option<String>,
    /// A header: 'Accept: text/html'. Repeatable.
    #[arg(
        long_help = "A header, such as 'Accept: text/html'. May be given several times.",
        short = 'H',
        long = "header",
        value_name = "HEADER",
        help_heading = "Requests"
    )]
    pub(crate) headers: Vec<String>,
    /// The body, or @file.
    #[arg(
        long_help = "The body: text, in which {{seq}}, {{rand 1 9}} and {{uuid}} are filled in, or @file; of a call of gRPC its message as JSON",
        short = 'b',
        long,
        value_name = "BODY",
        help_heading = "Requests"
    )]
    pub(crate) body: Option<String>,
    /// Send the body as any bytes: over WebSocket, a stream or UDP.
    #[arg(
        long_help = "Send the body as any bytes, over WebSocket, a stream of bytes or UDP. Without it, it is text.",
        long,
        requires = "body",
        hide_short_help = true,
        help_heading = "Requests"
    )]
    pub(crate) binary: bool,
    /// Fill in what stands in {{…}} in a body @file.
    #[arg(long, requires = "body", hide_short_help = true, help_heading = "Requests")]
    pub(crate) template: bool,
    /// Basic authentication: NAME:PASSWORD.
    #[arg(
        long_help = "Name and password of Basic authentication, sent as an Authorization header, and kept out of what is written",
        short = 'u',
        long,
        value_name = "NAME:PASSWORD",
        value_parser = typed::user,
        hide_short_help = true,
        help_heading = "Requests",
    )]
    pub(crate) user: Option<String>,
    /// How long a request may take [default: 10s].
    #[arg(long, value_name = "TIME", value_parser = typed::time, help_heading = "Requests")]
    pub(crate) timeout: Option<String>,
    /// How long connecting may take [default: 3s].
    #[arg(
        long,
        value_name = "TIME",
        value_parser = typed::time,
        hide_short_help = true,
        help_heading = "Requests"
    )]
    pub(crate) connect_timeout: Option<String>,
    #[command(flatten)]
    pub(crate) calls: CallArgs,
    #[command(flatten)]
    pub(crate) transport: ConnectionArgs,
    /// Length of the run: 500ms, 10s, 2m [default: 10s].
    #[arg(
        long_help = "Length of the run, warm-up included: 500ms, 10s, 2m; a bare number is seconds [default: 10s]",
        short = 'd',
        long,
        value_name = "TIME",
        short_alias = 'z',
        value_parser = typed::time,
        help_heading = "Length and measuring",
    )]
    pub(crate) duration: Option<String>,
    /// Stop after this many requests, in all.
    #[arg(
        long_help = "Stop after this many requests, over all shards: 5000, 10k",
        short = 'n',
        long,
        value_name = "N",
        alias = "iterations",
        help_heading = "Length and measuring"
    )]
    pub(crate) requests: Option<String>,
    /// The first part, not measured: 5s, or auto.
    #[arg(
        long_help = "The first part of the duration, which is not measured: 5s, or auto, which ends when response times are steady",
        long,
        value_name = "TIME",
        value_parser = Suggested::time_or(&["auto"]),
        hide_possible_values = true,
        help_heading = "Length and measuring",
    )]
    pub(crate) warmup: Option<String>,
    /// Go on until a figure is known: 'p99 ± 2%'.
    #[arg(
        long_help = "Run until a figure is known well enough, such as 'p99 ± 2%', and for the duration at the most",
        long,
        value_name = "GOAL",
        help_heading = "Length and measuring"
    )]
    pub(crate) until: Option<String>,
    /// Length of an interval [default: 1s].
    #[arg(
        long_help = "Length of one interval of progress and time series [default: 1s]",
        long,
        value_name = "TIME",
        value_parser = typed::time,
        hide_short_help = true,
        help_heading = "Length and measuring",
    )]
    pub(crate) interval: Option<String>,
    /// A condition: 'response p(99)<50ms'. Repeatable.
    #[arg(
        long_help = "A condition on the result, such as 'response p(99)<50ms' or 'failed<0.1%'. May be given several times. A broken one ends with exit code 99. Behind it may stand how it is held: 'failed<1%; over=10s' in every window of ten seconds, 'failed<1%; abort; after=30s' ends the run as soon as it is broken.",
        long = "threshold",
        value_name = "CONDITION",
        help_heading = "Conditions"
    )]
    pub(crate) thresholds: Vec<String>,
    /// Pinned cores that send [default: 1].
    #[arg(
        short = 't',
        long,
        value_name = "N",
        alias = "threads",
        value_parser = typed::count,
        help_heading = "Machine"
    )]
    pub(crate) shards: Option<u32>,
    /// The cores to pin shards to: 1,3-5.
    #[arg(long, value_name = "LIST", help_heading = "Machine")]
    pub(crate) cores: Option<String>,
    /// How to wait: spin, park, auto [default: auto].
    #[arg(
        long_help = "How a shard waits for the next moment: spin, which keeps the core busy, park, or auto [default: auto]",
        long,
        value_name = "HOW",
        value_parser = Suggested::words(&["auto", "spin", "park"]),
        hide_possible_values = true,
        hide_short_help = true,
        help_heading = "Machine",
    )]
    pub(crate) wait: Option<String>,
    /// Seed of all random draws [default: 1].
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64),
        hide_short_help = true,
        help_heading = "Machine"
    )]
    pub(crate) seed: Option<u64>,
    /// Let preflight send POST, PUT, … too.
    #[arg(
        long_help = "Let preflight send requests whose method may change something (POST, PUT, …) as well, once each",
        long,
        hide_short_help = true,
        help_heading = "Preflight"
    )]
    pub(crate) probe_all: bool,
    /// Write secrets in clear.
    #[arg(
        long_help = "Keep secrets (Authorization, Cookie, tokens, keys, passwords) in clear in reports, archive and bundles",
        long,
        hide_short_help = true,
        help_heading = "Output"
    )]
    pub(crate) keep_secrets: bool,
}

/// A share that is typed as `2%` or `0.02`, above 0 and below 1.
pub(crate) fn share(text: &str, flag: &str) -> Result<f64, Failure> {
    parse_share(text).filter(|share| *share > 0.0 && *share < 1.0).ok_or_else(|| {
        let message = format!(
            "`{text}` is not a share between 0 and 1\n  --> flag {flag} {text}\n  help: write `2%` or `0.02`"
        );
        Failure::new(USAGE, message)
    })
}

/// How sure a statement has to be, as it is typed: a share of at least a half.
pub(crate) fn confidence(text: &str) -> Result<f64, Failure> {
    let confidence = share(text, "--confidence")?;
    if confidence < 0.5 {
        let help = "give `95%`, or another share from 50 % on";
        let message = format!(
            "a confidence of {text} is less than a coin's\n  --> flag --confidence {text}\n  help: {help}"
        );
        return Err(Failure::new(USAGE, message));
    }
    Ok(confidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_typed_either_way_and_refused_with_their_flag() {
        assert_eq!((share("2%", "-x").unwrap(), share("0.5", "-x").unwrap()), (0.02, 0.5));
        for wrong in ["0", "1", "-2%", "x", "200%"] {
            assert!(share(wrong, "--tolerance").unwrap_err().message.contains("--tolerance"), "{wrong}");
        }
    }
}
