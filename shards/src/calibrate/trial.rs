//! One run of a calibration: an ordinary plan, carried out by ordinary shards, and how far its figures can be trusted.

use super::halt::Halt;
use crate::failures::stopped;
use crate::runner::Shards;
use engine::config::{Diagnostic, Document, Format, Layers};
use engine::failure::{FailureKind, RunFailure};
use engine::plan::Plan;
use engine::report::{Identity, Report};
use engine::seams::Runner;
use engine::verdict::{Cause, Reason, Status, rule};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// The rules that the machine breaks, not the generator.
const NOISE: [&str; 4] = [rule::HICCUPS, rule::LOST_CORE, rule::STEAL, rule::CGROUP_THROTTLED];

/// Connections of each shard.
pub(super) const CONNECTIONS_PER_SHARD: usize = 64;

/// A run's verdict, in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialVerdict {
    /// Its status.
    pub status: Status,
    /// The rules it broke.
    pub rules: Vec<String>,
    /// True when the machine disturbed it: it lost its cores, to the hypervisor, to a quota, or to other programs.
    pub is_noisy: bool,
}

impl TrialVerdict {
    /// The whole verdict.
    pub(super) fn new(report: &Report) -> TrialVerdict {
        TrialVerdict::of_reasons(report.verdict.reasons.iter())
    }

    /// The verdict without what says that Vajra is the limit, of a run that is to find that limit.
    pub(super) fn of_saturated(report: &Report) -> TrialVerdict {
        TrialVerdict::of_reasons(
            report.verdict.reasons.iter().filter(|reason| reason.cause != Cause::Generator),
        )
    }

    fn of_reasons<'a>(reasons: impl Iterator<Item = &'a Reason>) -> TrialVerdict {
        let (statuses, rules): (Vec<Status>, Vec<String>) =
            reasons.map(|reason| (reason.status, reason.rule.clone())).unzip();
        let is_noisy = rules.iter().any(|rule| NOISE.contains(&rule.as_str()));
        TrialVerdict { status: statuses.into_iter().max().unwrap_or_default(), rules, is_noisy }
    }

    /// The status and why, for people.
    pub fn show(&self) -> String {
        let word = self.status.name();
        let rules =
            if self.rules.is_empty() { String::new() } else { format!(" ({})", self.rules.join(", ")) };
        let noise = if self.is_noisy { ", noisy" } else { "" };
        format!("{word}{rules}{noise}")
    }
}

/// Carries out a plan, given as TOML but for its target. An error when it was halted, or not one request succeeded.
pub(super) fn run(plan: &str, address: SocketAddr, halt: &Halt) -> Result<Report, RunFailure> {
    let text = format!("url = 'http://{address}/'\n{plan}");
    let plan = read(&text)?;
    let measured = Shards::new(vec![vec![address.into()]]).run(&plan, Vec::new(), &halt.orders())?;
    let identity = Identity { run_id: "calibration".into(), started_at: String::new() };
    let report = Report::new(&plan, &measured, identity);
    match report.requests.ok {
        _ if halt.is_set() => Err(stopped()),
        0 => Err(FailureKind::Unanswered.failure("not one request succeeded")),
        _ => Ok(report),
    }
}

fn read(text: &str) -> Result<Plan, RunFailure> {
    let wrong = |diagnostics: Vec<Diagnostic>| {
        let problems: Vec<String> = diagnostics.into_iter().map(|diagnostic| diagnostic.problem).collect();
        FailureKind::Plan.failure(problems.join("; "))
    };
    let document = Document { name: "calibration".into(), text: text.to_owned(), format: Format::Toml };
    let layers = Layers::new(Some(document)).map_err(|unread| wrong(unread.0))?;
    let config = layers.config().map_err(wrong)?;
    Plan::new(&config, &|name| Err(format!("{name} is not read"))).map_err(wrong)
}

/// A list of cores, as plans have it.
pub(super) fn list(cores: &[usize]) -> String {
    cores.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_in_a_plan_of_ours_is_told() {
        let wrong = read("url = 'h'\n[run]\nshards = 0").unwrap_err().text;
        assert!(wrong.contains("`shards` is a whole number from 1"), "{wrong}");
        assert_eq!(read("url = 'h'\n[run]\nshards = 2\ncores = '0,1'").unwrap().machine.cores, [0, 1]);
    }

    #[test]
    fn a_verdict_is_shown_with_its_reasons() {
        let trust = |rules: &[&str], is_noisy| TrialVerdict {
            status: Status::Degraded,
            rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
            is_noisy,
        };
        assert_eq!(trust(&["shard_busy"], false).show(), "DEGRADED (shard_busy)");
        assert_eq!(trust(&["steal", "hiccups"], true).show(), "DEGRADED (steal, hiccups), noisy");
    }
}
