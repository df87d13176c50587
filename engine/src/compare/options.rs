//! What a comparison is made with.

use super::metric::RowMetric;
use super::obstacle::{Objection, Obstacle};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a comparison is made with.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The probability, below 1, that no row is called worse by mistake; each interval has at least this confidence.
    pub confidence: f64,
    /// Differences below these are of no interest.
    pub minimums: Minimums,
    /// Obstacles that become notes.
    pub allowed: BTreeSet<Obstacle>,
    /// Rows that take part in the overall verdict. The CPU time is the generator's own, and what users think is the plan's: rows of both
    /// are shown, but are left out as a rule.
    pub decisive: BTreeSet<RowMetric>,
    /// True when the first run of a side was made beside the first of the other, and so on.
    pub is_paired: bool,
    /// How often each side is resampled.
    pub resamples: usize,
    /// Seed of the resampling.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            confidence: 0.95,
            minimums: Minimums::default(),
            allowed: BTreeSet::new(),
            decisive: RowMetric::ALL
                .into_iter()
                .chain(RowMetric::OF_PASSES)
                .filter(|metric| *metric != RowMetric::CpuPerRequest && !metric.holds_thinking())
                .collect(),
            is_paired: false,
            resamples: 2_000,
            seed: 1,
        }
    }
}

impl Options {
    /// Whether an objection is one that becomes a note.
    pub(super) fn allows(&self, objection: &Objection) -> bool {
        objection.obstacle.can_be_allowed() && self.allowed.contains(&objection.obstacle)
    }
}

/// Differences below these are of no interest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Minimums {
    /// Of response times, as a share of the base.
    pub response: f64,
    /// Of the rate, as a share of the base.
    pub rate: f64,
    /// Of the CPU time of a request, as a share of the base.
    pub cpu: f64,
    /// Of the share of requests that failed, in shares of all: 0.001 are 0.1 percentage points.
    pub failed: f64,
}

impl Default for Minimums {
    fn default() -> Minimums {
        Minimums { response: 0.01, rate: 0.01, cpu: 0.05, failed: 0.001 }
    }
}

impl Minimums {
    /// One minimum for all differences that are shares of the base; failures keep theirs, which is of another kind.
    pub fn relative(share: f64) -> Minimums {
        Minimums { response: share, rate: share, cpu: share, ..Minimums::default() }
    }

    pub(super) fn of(&self, metric: RowMetric) -> f64 {
        match metric {
            RowMetric::Rate => self.rate,
            RowMetric::Failed => self.failed,
            RowMetric::CpuPerRequest => self.cpu,
            _ => self.response,
        }
    }
}
