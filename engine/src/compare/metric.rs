//! What the rows of a comparison are about, and what can be said of each.

use serde::{Deserialize, Serialize};

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Mean response time, nanoseconds.
    ResponseMean,
    /// Median response time, nanoseconds.
    ResponseP50,
    /// 90th percentile.
    ResponseP90,
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
}

impl Metric {
    /// Every metric, in the order of the rows.
    pub const ALL: [Metric; 8] = [
        Metric::ResponseMean,
        Metric::ResponseP50,
        Metric::ResponseP90,
        Metric::ResponseP99,
        Metric::ResponseP999,
        Metric::Rate,
        Metric::Failed,
        Metric::CpuPerRequest,
    ];

    /// The share of requests that a percentile is about, 0 to 1; `None` for what is no percentile.
    pub fn quantile(self) -> Option<f64> {
        match self {
            Metric::ResponseP50 => Some(0.5),
            Metric::ResponseP90 => Some(0.9),
            Metric::ResponseP99 => Some(0.99),
            Metric::ResponseP999 => Some(0.999),
            _ => None,
        }
    }

    /// What the row is called, for people.
    pub fn title(self) -> &'static str {
        match self {
            Metric::ResponseMean => "response mean",
            Metric::ResponseP50 => "response p50",
            Metric::ResponseP90 => "response p90",
            Metric::ResponseP99 => "response p99",
            Metric::ResponseP999 => "response p99.9",
            Metric::Rate => "rate",
            Metric::Failed => "failed",
            Metric::CpuPerRequest => "CPU per request",
        }
    }

    /// True when more of it is better.
    pub fn is_better_higher(self) -> bool {
        self == Metric::Rate
    }

    /// True when differences are shares of the base; false when they are plain differences.
    pub fn is_relative(self) -> bool {
        self != Metric::Failed
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
