//! How a candidate stands to what a limit allows, row by row.

use super::metric::{RowMetric, title};
use serde::{Deserialize, Serialize};

/// Whether a candidate is worse than a limit allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Regression {
    /// `regressed` when a decisive row has; otherwise `unclear` when one is; otherwise `passed`.
    pub status: RegressionStatus,
    /// The share of the base by which a row may be worse.
    pub limit: f64,
    /// Each row of the comparison, in the same order.
    pub rows: Vec<RegressionRow>,
}

/// One row against the limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegressionRow {
    /// The scenario it is about; nothing for all of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// The named flow it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// What the row is about.
    pub metric: RowMetric,
    /// How it stands to the limit.
    pub status: RegressionStatus,
    /// The limit it was held to: the one asked for; for failures, which are no share of the base, their minimum of interest.
    pub limit: f64,
    /// The smallest change for the worse that runs like these show to be beyond the limit in half of all cases. `null` where
    /// chance had no part.
    pub detectable: Option<f64>,
    /// Whether it takes part in the whole.
    pub is_decisive: bool,
}

impl RegressionRow {
    /// What the row is called, for people: as the one of the comparison.
    pub fn title(&self) -> String {
        title(self.scenario.as_deref(), self.flow.as_deref(), self.metric)
    }
}

/// How a difference stands to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegressionStatus {
    /// The whole interval is within the limit.
    Passed,
    /// The limit is within the interval.
    Unclear,
    /// The whole interval is beyond the limit.
    Regressed,
}
