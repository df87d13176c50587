//! How exactly one shard sends: open loops at several rates, waiting in either way. Slip is what the shard says of itself;
//! the gaps are what arrived, as the arrival recorder saw it on another core.

use super::effort::Effort;
use super::halt::Halt;
use super::placement::halves;
use super::trial::{CONNECTIONS_PER_SHARD, TrialVerdict, list, run};
use crate::arrivals::ArrivalRecord;
use crate::null::NullResponder;
use engine::failure::RunFailure;
use engine::plan::Wait;
use engine::report::Timing;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The rate at which slip is compared with what a run asks for.
pub const SLIP_RATE_RPS: u64 = 10_000;
/// What is asked for, arrivals per second.
const RATES_RPS: [u64; 3] = [1_000, SLIP_RATE_RPS, 50_000];
/// The ways of waiting at the ends of the scale; `auto` lies between them.
const WAITS: [Wait; 2] = [Wait::Spin, Wait::Park];
/// Not measured, at the start of each run.
const WARMUP: Duration = Duration::from_millis(300);

/// One rate, waited for in one way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pacing {
    /// How the shard waited.
    pub wait: Wait,
    /// What was asked for.
    pub rate_rps: u64,
    /// What was carried.
    pub achieved_rps: f64,
    /// Sent − intended, as the shard has it.
    pub slip_ns: Timing,
    /// When requests came, as the arrival recorder has it.
    pub arrivals: ArrivalRecord,
    /// How far the run can be trusted.
    pub verdict: TrialVerdict,
}

/// What one run is to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    wait: Wait,
    pub(super) rate_rps: u64,
}

impl Trial {
    /// The way of waiting, as plans have it.
    pub(super) fn word(self) -> &'static str {
        match self.wait {
            Wait::Spin => "spin",
            Wait::Park => "park",
            Wait::Auto => "auto",
        }
    }
}

/// All runs, in the order in which they are shown.
pub(super) fn trials() -> impl Iterator<Item = Trial> {
    WAITS.into_iter().flat_map(|wait| RATES_RPS.into_iter().map(move |rate_rps| Trial { wait, rate_rps }))
}

/// One run, and what arrived of it.
pub(super) fn measure(
    effort: Effort,
    cores: &[usize],
    trial: Trial,
    halt: &Halt,
) -> Result<Pacing, RunFailure> {
    let (responder, generator) = halves(cores, 1)?;
    let recorder = NullResponder::record(([127, 0, 0, 1], 0).into(), responder[0], None, WARMUP)?;
    let (warmup_ms, run_ms) = (WARMUP.as_millis(), (WARMUP + effort.pacing()).as_millis());
    let plan = format!(
        "[run]\nshards = 1\ncores = '{}'\nconnections = {CONNECTIONS_PER_SHARD}\nwait = '{}'\n\
         warmup = '{warmup_ms}ms'\nduration = '{run_ms}ms'\n[load]\nrate = {}",
        list(generator),
        trial.word(),
        trial.rate_rps
    );
    let report = run(&plan, recorder.address(), halt);
    let arrivals = recorder.stop_recording()?;
    let report = report?;
    Ok(Pacing {
        wait: trial.wait,
        rate_rps: trial.rate_rps,
        achieved_rps: report.rate.achieved,
        verdict: TrialVerdict::new(&report),
        slip_ns: report.slip_ns,
        arrivals,
    })
}
