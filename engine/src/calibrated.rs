//! What this machine was found to be able to do: what `vajra calibrate` measured, as runs are judged by it and reports keep it.

use serde::{Deserialize, Serialize};

/// What `vajra calibrate` found this machine able to do: the figures that a run is judged by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibrated {
    /// When it was measured, RFC 3339, UTC.
    pub measured_at: String,
    /// Requests per second that one of as many shards as the plan has can carry, against the null responder; absent where
    /// that could not be measured, and where it was measured with another number of requests under way on a connection.
    pub capacity_rps_per_shard: Option<f64>,
    /// Requests under way on one connection when it was measured.
    pub capacity_pipeline: u32,
    /// True when the machine was disturbed while it was measured.
    pub capacity_is_noisy: bool,
    /// 99th percentile of slip with `wait = "spin"`, nanoseconds, at [`Calibrated::slip_rate_rps`].
    pub slip_p99_spin_ns: Option<u64>,
    /// The same with `wait = "park"`.
    pub slip_p99_park_ns: Option<u64>,
    /// The rate at which slip was measured.
    pub slip_rate_rps: u64,
}

impl Calibrated {
    /// When and how it was measured, for people.
    pub fn origin(&self) -> String {
        let noise = if self.capacity_is_noisy { ", while the machine was disturbed" } else { "" };
        format!("calibrated {}{noise}", self.measured_at)
    }
}
