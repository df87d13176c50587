//! Flags that several commands have: those of a plan, and shares as they are typed.

use crate::exit::{Failure, USAGE};
use clap::Args;

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

/// A share that is typed as `2%` or `0.02`, above 0 and below 1.
pub(crate) fn share(text: &str, flag: &str) -> Result<f64, Failure> {
    let number = match text.trim().strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok().map(|percent| percent / 100.0),
        None => text.trim().parse::<f64>().ok(),
    };
    number.filter(|share| *share > 0.0 && *share < 1.0).ok_or_else(|| {
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
