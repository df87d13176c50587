//! `power`: how often `vajra compare` finds a difference that is there, and how often one that is not.
//!
//! Two testbeds share a core and differ in the spread of their service times alone: the medians are equal, and one has a 99th
//! percentile 5 % longer. Runs against them alternate, one at a time. Each slowed run is compared with the run before it
//! (the 99th percentile is to be `worse`), and each run against the first testbed with the next one (nothing is).
//!
//! Runs that are INVALID cannot be compared and are repeated, as a user would.

use crate::budgets::Gate;
use crate::builtin::Builtin;
use crate::cores::{GENERATOR_CORE, SERVER_CORE};
use crate::process::shown;
use crate::theory::{ServiceLaw, normal_quantile};
use crate::vajra::{self, Vajra};
use clap::Args;
use engine::compare::row::Row;
use engine::compare::{Comparison, Judgement, RowMetric};
use engine::verdict::Status;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// More than the rate ever has under way.
const CONNECTIONS: u32 = 192;
/// The shares of right answers that are promised.
const FOUND_MIN: f64 = 0.9;
const LEFT_ALONE_MIN: f64 = 0.95;
const ATTEMPTS: u32 = 3;

const MEDIAN_MS: f64 = 5.0;
const SIGMA: f64 = 0.5;

#[derive(Args)]
pub(crate) struct PowerOptions {
    /// Comparisons of runs that differ
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    different: u32,
    /// Comparisons of runs that do not
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..))]
    identical: u32,
    /// By how much the 99th percentile is longer, percent
    #[arg(long, default_value_t = 5.0)]
    percent: f64,
    /// Arrivals per second
    #[arg(long, default_value_t = 8_000, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// Length of each run
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(2..))]
    seconds: u32,
    /// The binary [default: the workspace's target/release/vajra, built if absent]
    #[arg(long)]
    vajra: Option<PathBuf>,
}

/// Runs against one testbed or the other, and where their reports are kept.
struct Laboratory {
    vajra: Vajra,
    folder: TempDir,
    rate_rps: u32,
    seconds: u32,
}

/// How many comparisons gave the right answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Score {
    right: u32,
    all: u32,
}

/// Makes every run and every comparison, prints both shares, and fails if one is below what is promised.
pub(crate) fn run(options: &PowerOptions) -> Result<Gate, String> {
    let vajra = Vajra::find(options.vajra.as_deref())?;
    let usual = serving(&vajra, SIGMA)?;
    let slowed = serving(&vajra, slowed_sigma(options.percent))?;
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let laboratory = Laboratory { vajra, folder, rate_rps: options.rate, seconds: options.seconds };
    println!("two testbeds on core {SERVER_CORE}, vajra on core {GENERATOR_CORE}; each run:");
    println!("{}\n", shown(&laboratory.command(&usual)));

    let (mut found, mut left_alone) = (Score::default(), Score::default());
    let mut last: Option<PathBuf> = None;
    for number in 1..=options.different.max(options.identical + 1) {
        let base = laboratory.measure(&usual, &format!("usual-{number}"))?;
        if let Some(last) = last.filter(|_| left_alone.all < options.identical) {
            let comparison = laboratory.compare("identical", &last, &base)?;
            left_alone.count(comparison.verdict != Judgement::Worse);
        }
        if number <= options.different {
            let candidate = laboratory.measure(&slowed, &format!("slowed-{number}"))?;
            let comparison = laboratory.compare("different", &base, &candidate)?;
            found.count(p99(&comparison)?.verdict == Judgement::Worse);
        }
        last = Some(base);
    }

    let (found, left_alone) = (found.judge(FOUND_MIN), left_alone.judge(LEFT_ALONE_MIN));
    println!("\np99 {} % longer: worse in {}", options.percent, found.1);
    println!("identical: not worse in {}", left_alone.1);
    Ok(Gate::when(found.0 == Gate::Passed && left_alone.0 == Gate::Passed))
}

fn serving(vajra: &Vajra, sigma: f64) -> Result<Builtin, String> {
    Builtin::serving(vajra, SERVER_CORE, ServiceLaw::Lognormal { median_ms: MEDIAN_MS, sigma })
}

/// The spread whose 99th percentile is so much longer, of the same median.
fn slowed_sigma(percent: f64) -> f64 {
    SIGMA + (1.0 + percent / 100.0).ln() / normal_quantile(0.99)
}

impl Laboratory {
    fn command(&self, target: &Builtin) -> Command {
        let rate = self.rate_rps.to_string();
        let more = ["-R", rate.as_str(), "--warmup", "1s"];
        self.vajra.command(GENERATOR_CORE, CONNECTIONS, self.seconds, &target.url("/"), &more)
    }

    /// One run, and where its report is.
    fn measure(&self, target: &Builtin, name: &str) -> Result<PathBuf, String> {
        for _ in 0..ATTEMPTS {
            let vajra::Run { report, .. } = Vajra::run(&mut self.command(target))?;
            if report.verdict.status != Status::Invalid {
                let path = self.folder.path().join(format!("{name}.json"));
                let text = serde_json::to_vec(&report).map_err(|error| format!("{name}: {error}"))?;
                std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
                return Ok(path);
            }
            println!("{name} is INVALID ({}); again", report.verdict.reasons[0].rule);
        }
        Err(format!("{name} was INVALID {ATTEMPTS} times: this machine is too busy to measure on"))
    }

    /// What `vajra compare` says.
    fn compare(&self, kind: &str, base: &Path, candidate: &Path) -> Result<Comparison, String> {
        let comparison = self.vajra.compare(base, candidate)?;
        println!("{kind:<9}  {}", described(&comparison)?);
        Ok(comparison)
    }
}

fn p99(comparison: &Comparison) -> Result<&Row, String> {
    comparison.row(RowMetric::ResponseP99).ok_or("the comparison has no row for p99".to_owned())
}

/// The verdict of the whole, and how it stands with p99.
fn described(comparison: &Comparison) -> Result<String, String> {
    let row = p99(comparison)?;
    let word = format!("{:?}", comparison.verdict).to_lowercase();
    let [difference, low, high] = [row.difference, row.low, row.high].map(|share| share * 100.0);
    Ok(format!("{word:<8} p99 {difference:+.1} % ({low:+.1} to {high:+.1})"))
}

impl Score {
    fn count(&mut self, is_right: bool) {
        self.all += 1;
        self.right += u32::from(is_right);
    }

    fn judge(self, share_min: f64) -> (Gate, String) {
        let share = f64::from(self.right) / f64::from(self.all);
        let gate = Gate::when(share >= share_min);
        let Score { right, all } = self;
        let shown =
            format!("{right} of {all}, {:.0} % of at least {:.0} %", share * 100.0, share_min * 100.0);
        (gate, format!("{shown}: {}", gate.word()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowed_service_has_its_99th_percentile_where_it_was_asked_for() {
        let p99_ms = |sigma| ServiceLaw::Lognormal { median_ms: MEDIAN_MS, sigma }.quantile_ms(0.99);
        let ratio = p99_ms(slowed_sigma(5.0)) / p99_ms(SIGMA);
        assert!((ratio - 1.05).abs() < 1e-9, "{ratio}");
        assert!((slowed_sigma(0.0) - SIGMA).abs() < 1e-12);
    }

    #[test]
    fn a_share_is_kept_up_to_the_minimum_itself() {
        let score = |right| Score { right, all: 20 };
        assert_eq!(score(18).judge(0.9), (Gate::Passed, "18 of 20, 90 % of at least 90 %: pass".into()));
        assert_eq!(score(17).judge(0.9).0, Gate::Failed);
    }
}
