//! A calibration made up for tests.

use super::calibration::{Calibration, SCHEMA};
use super::capacity::Scaling;
use super::cost::{MemoryCost, Recording};
use super::host::Host;
use super::pacing::{Pacing, SLIP_RATE_RPS};
use super::trial::TrialVerdict;
use super::wakeups::Wakeups;
use crate::arrivals::{ArrivalRecord, TimeSpread};
use engine::plan::Wait;
use engine::report::Timing;
use engine::verdict::Status;

/// A calibration of this host, made up.
pub(super) fn sample() -> Calibration {
    let scaling = |pipeline, rps_per_shard| Scaling {
        pipeline,
        rps_per_shard,
        is_noisy: pipeline > 1,
        contention: Some(0.25),
        runs: Vec::new(),
    };
    let trust = TrialVerdict { status: Status::Valid, rules: Vec::new(), is_noisy: false };
    let pacing = |wait, rate_rps, p99| Pacing {
        wait,
        rate_rps,
        achieved_rps: rate_rps as f64,
        slip_ns: Timing { p99, count: 1, ..Timing::default() },
        arrivals: ArrivalRecord::default(),
        verdict: trust.clone(),
    };
    Calibration {
        schema: SCHEMA,
        host: Host::here(),
        measured_at: "2026-11-01T00:00:00Z".into(),
        took_s: 60.5,
        is_quick: false,
        cores: vec![0, 1],
        capacity: vec![scaling(1, 100_000.0), scaling(32, 1_000_000.0)],
        pacing: vec![
            pacing(Wait::Spin, 1_000, 1),
            pacing(Wait::Spin, SLIP_RATE_RPS, 900),
            pacing(Wait::Park, SLIP_RATE_RPS, 60_000),
        ],
        hiccups: Vec::new(),
        clock_ppm: 0.5,
        wakeups: vec![Wakeups { wait_ns: 100_000, late_ns: TimeSpread::default() }],
        recording: Recording { per_request_ns: 15.25, rounds_ns: vec![15.25] },
        memory: Some(MemoryCost { bytes_per_connection: 1_500.5, processes: vec![(64, 9), (4_096, 99)] }),
        left_out: Vec::new(),
    }
}
