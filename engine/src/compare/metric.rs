//! What the rows of a comparison are about, and what can be said of each.

use serde::{Deserialize, Serialize};

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowMetric {
    /// Mean response time, nanoseconds.
    ResponseMean,
    /// Median response time, nanoseconds.
    ResponseP50,
    /// 90th percentile.
    ResponseP90,
    /// 95th percentile.
    ResponseP95,
    /// 99th percentile.
    ResponseP99,
    /// 99.9th percentile.
    ResponseP999,
    /// Requests that ended, per second.
    Rate,
    /// Failed and dropped, as a share of all.
    Failed,
    /// CPU time of the generator for each request that ended, without what it spent watching the clock, nanoseconds.
    CpuPerRequest,
    /// Median time of an iteration, or of a named flow, without the time spent thinking, nanoseconds.
    IterationP50,
    /// 95th percentile.
    IterationP95,
    /// 99th percentile.
    IterationP99,
    /// Median time with what was spent thinking, nanoseconds.
    DurationP50,
    /// 95th percentile.
    DurationP95,
    /// 99th percentile.
    DurationP99,
}

impl RowMetric {
    /// Every metric of requests, in the order of the rows.
    pub const ALL: [RowMetric; 9] = [
        RowMetric::ResponseMean,
        RowMetric::ResponseP50,
        RowMetric::ResponseP90,
        RowMetric::ResponseP95,
        RowMetric::ResponseP99,
        RowMetric::ResponseP999,
        RowMetric::Rate,
        RowMetric::Failed,
        RowMetric::CpuPerRequest,
    ];
    /// Those of iterations and of named flows, behind these.
    pub const OF_PASSES: [RowMetric; 6] = [
        RowMetric::IterationP50,
        RowMetric::IterationP95,
        RowMetric::IterationP99,
        RowMetric::DurationP50,
        RowMetric::DurationP95,
        RowMetric::DurationP99,
    ];

    /// The share of requests, or of iterations, that a percentile is about, 0 to 1; `None` for what is no percentile.
    pub fn quantile(self) -> Option<f64> {
        match self {
            RowMetric::ResponseP50 | RowMetric::IterationP50 | RowMetric::DurationP50 => Some(0.5),
            RowMetric::ResponseP90 => Some(0.9),
            RowMetric::ResponseP95 | RowMetric::IterationP95 | RowMetric::DurationP95 => Some(0.95),
            RowMetric::ResponseP99 | RowMetric::IterationP99 | RowMetric::DurationP99 => Some(0.99),
            RowMetric::ResponseP999 => Some(0.999),
            _ => None,
        }
    }

    /// What the row is called, for people.
    pub fn title(self) -> &'static str {
        match self {
            RowMetric::ResponseMean => "response mean",
            RowMetric::ResponseP50 => "response p50",
            RowMetric::ResponseP90 => "response p90",
            RowMetric::ResponseP95 => "response p95",
            RowMetric::ResponseP99 => "response p99",
            RowMetric::ResponseP999 => "response p99.9",
            RowMetric::Rate => "rate",
            RowMetric::Failed => "failed",
            RowMetric::CpuPerRequest => "CPU per request",
            RowMetric::IterationP50 => "iteration p50",
            RowMetric::IterationP95 => "iteration p95",
            RowMetric::IterationP99 => "iteration p99",
            RowMetric::DurationP50 => "duration p50",
            RowMetric::DurationP95 => "duration p95",
            RowMetric::DurationP99 => "duration p99",
        }
    }

    /// True for times in which what users think is contained, which is no doing of the target.
    pub fn holds_thinking(self) -> bool {
        matches!(self, RowMetric::DurationP50 | RowMetric::DurationP95 | RowMetric::DurationP99)
    }

    /// True when more of it is better.
    pub fn is_better_higher(self) -> bool {
        self == RowMetric::Rate
    }

    /// True when differences are shares of the base; false when they are plain differences.
    pub fn is_relative(self) -> bool {
        self != RowMetric::Failed
    }
}

/// A verdict on a row, or on all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// The candidate is better.
    Better,
    /// Any difference is too small to be of interest.
    Same,
    /// The runs do not tell.
    Unclear,
    /// The candidate is worse.
    Worse,
}

/// A metric for people, with the scenario before it if it is of one, and the named flow.
pub(super) fn title(scenario: Option<&str>, flow: Option<&str>, metric: RowMetric) -> String {
    let parts = scenario.into_iter().chain(flow).chain([metric.title()]);
    parts.collect::<Vec<_>>().join("/")
}
