//! `drive`: one case of the loop, in a process of its own, and what it counted. What the gate runs pinned to a core, away from
//! its server, because counts of a loop that competes with its server are counts of the scheduler.

use crate::cases::{LoopCase, RATE_RPS, UNCOUNTED};
use crate::drive::Driven;
use clap::Args;
use serde_json::{Value, json};
use std::net::SocketAddr;

/// A case, its server, and how long.
#[derive(Args)]
pub(crate) struct DriveOptions {
    /// The case, such as closed/constant/1
    case: String,
    /// Where the server listens
    #[arg(long)]
    address: SocketAddr,
    /// Requests to count, after the first that warm up
    #[arg(long)]
    requests: u64,
}

/// What one request of a case took, on average.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct PerRequest {
    pub(crate) allocations: f64,
    pub(crate) submissions: f64,
    pub(crate) completions: f64,
    pub(crate) enters: f64,
    /// Not per request, but per turn of the loop.
    pub(crate) enters_per_turn: f64,
    pub(crate) switches: f64,
    /// Requests that all of these are per.
    pub(crate) requests: f64,
}

/// Drives the case and prints what it counted, as one line of JSON.
pub(crate) fn run(options: &DriveOptions) -> Result<(), String> {
    let case = LoopCase::find(&options.case)?;
    let driven = case.drive(options.address, UNCOUNTED, options.requests, RATE_RPS)?;
    println!("{}", PerRequest::of(&driven).to_json());
    Ok(())
}

impl PerRequest {
    fn of(driven: &Driven) -> PerRequest {
        let stats = &driven.stats;
        let (whole, counted) = (stats.finished.max(1) as f64, driven.counted.max(1) as f64);
        PerRequest {
            allocations: driven.allocations.count as f64 / counted,
            submissions: stats.submissions as f64 / whole,
            completions: stats.completions as f64 / whole,
            enters: stats.enters as f64 / whole,
            enters_per_turn: stats.enters as f64 / stats.turns.max(1) as f64,
            switches: driven.switches as f64 / counted,
            requests: whole,
        }
    }

    fn to_json(self) -> Value {
        json!({
            "allocations": self.allocations,
            "submissions": self.submissions,
            "completions": self.completions,
            "enters": self.enters,
            "enters_per_turn": self.enters_per_turn,
            "switches": self.switches,
            "requests": self.requests,
        })
    }

    /// Reads what [`run`] printed.
    pub(crate) fn from_json(text: &str) -> Result<PerRequest, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("{error}: {text}"))?;
        let figure = |key: &str| value[key].as_f64().ok_or_else(|| format!("no `{key}` in {text}"));
        Ok(PerRequest {
            allocations: figure("allocations")?,
            submissions: figure("submissions")?,
            completions: figure("completions")?,
            enters: figure("enters")?,
            enters_per_turn: figure("enters_per_turn")?,
            switches: figure("switches")?,
            requests: figure("requests")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_read() {
        let counted = PerRequest { submissions: 1.5, enters: 0.25, requests: 1e6, ..PerRequest::default() };
        assert_eq!(PerRequest::from_json(&counted.to_json().to_string()), Ok(counted));
        assert!(PerRequest::from_json("{}").unwrap_err().contains("no `allocations`"));
    }
}
