//! What the rules look at, and what several of them measure on it.

use super::reason::Cause;
use crate::calibrated::Calibrated;
use crate::record::{ScenarioRecord, Series, ShardStats, Snapshot, sum_of};

/// Arrivals whose wait was the generator's by at least this share were not sent by its doing.
const OWN_SHARE_MIN: f64 = 0.5;

/// Of those, the machine is named where it took at least this much of the time that is missing.
const TAKEN_SHARE_MIN: f64 = 0.5;

/// What the rules look at, all of the measured window.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// Everything the shards wrote down.
    pub snapshot: &'a Snapshot,
    /// The scenario that requests, arrivals, the schedule and its rates are of; nothing for all. The rest is the run's.
    pub scenario: Option<&'a str>,
    /// The requests of the window, all series as one.
    pub series: &'a Series,
    /// Arrivals that became no request.
    pub arrivals: ScenarioRecord,
    /// How each shard fared in the measured window.
    pub shards: Vec<ShardStats>,
    /// True without a schedule.
    pub is_closed_loop: bool,
    /// True when the shards never sleep.
    pub is_spinning: bool,
    /// True when the run was stopped before its end, or before it had sent what was overdue then.
    pub is_partial: bool,
    /// Length of the window.
    pub window_s: f64,
    /// Arrivals scheduled.
    pub scheduled: u64,
    /// The same per second.
    pub target_rps: f64,
    /// Requests that were carried per second: of a schedule, those that ended; of a closed loop, those that ended inside the window.
    pub achieved_rps: f64,
    /// Connections the plan asked for.
    pub connections_asked: u64,
    /// Connections that were open when sending began.
    pub connections_open: u64,
    /// Length of the whole run.
    pub run_s: f64,
    /// Time the hypervisor took from the shards' cores, over the whole run; nothing where that is not counted.
    pub steal_s: Option<f64>,
    /// Time the cgroup's quota stopped this process, over the whole run; nothing where that is not counted.
    pub throttled_s: Option<f64>,
    /// Cores that this process may use.
    pub cores: u64,
    /// Snapshots that sinks were too slow to take.
    pub lost_snapshots: u64,
    /// Arrivals by which the schedule and what was accounted for differ. Known for even arrivals and whole runs.
    pub unaccounted: u64,
    /// The warm-up was to end when response times are steady, and they never were.
    pub is_unsteady: bool,
    /// What the machine was found to be able to do, if it was calibrated.
    pub calibration: Option<&'a Calibrated>,
}

impl Evidence<'_> {
    /// The part of the arrivals asked for that was not carried.
    pub(super) fn shortfall(&self) -> f64 {
        if self.is_closed_loop {
            0.0
        } else {
            1.0 - self.achieved_rps / self.target_rps.max(f64::MIN_POSITIVE)
        }
    }

    /// Whose doing it is that arrivals were not sent, or only after the end.
    pub(crate) fn cause_of_shortfall(&self) -> Cause {
        if self.arrivals.own_share() < OWN_SHARE_MIN {
            return Cause::Target;
        }
        let unreleased_share = self.arrivals.unreleased() as f64 / self.scheduled.max(1) as f64;
        let missing_share = self.shortfall().max(unreleased_share);
        let is_taken = taken_share(self) >= TAKEN_SHARE_MIN * missing_share;
        if is_taken { Cause::Machine } else { Cause::Generator }
    }

    /// What to do when the shards have too much to do: it depends on whether there are cores for more of them.
    pub(super) fn advice(&self) -> &'static str {
        if has_room_for_a_shard(self.shards.len() as u64, self.cores) {
            "add shards (-t), or ask for less"
        } else {
            "ask for less, or use a machine with more cores"
        }
    }
}

/// Whether another shard would leave a core to the rest of the machine.
pub fn has_room_for_a_shard(shards: u64, cores: u64) -> bool {
    shards < cores.saturating_sub(1)
}

/// Time for which a shard's thread could have run and did not, as a share of the window, of the shard where it is largest.
pub(super) fn lost_core_share(evidence: &Evidence) -> f64 {
    let delay_ns = evidence.shards.iter().map(|stats| stats.run_delay_ns).max().unwrap_or(0);
    // A shard that stands still at the end of the window finds out after it.
    (delay_ns as f64 / 1e9 / evidence.window_s).min(1.0)
}

pub(super) fn hiccup_share(evidence: &Evidence) -> f64 {
    let whole_s = evidence.window_s * evidence.shards.len() as f64;
    (sum_of(&evidence.shards).hiccup_ns as f64 / 1e9 / whole_s).min(1.0)
}

pub(super) fn steal_share(evidence: &Evidence) -> f64 {
    let whole_s = evidence.run_s.max(f64::MIN_POSITIVE) * evidence.shards.len().max(1) as f64;
    evidence.steal_s.unwrap_or(0.0) / whole_s
}

pub(super) fn throttled_share(evidence: &Evidence) -> f64 {
    evidence.throttled_s.unwrap_or(0.0) / evidence.run_s.max(f64::MIN_POSITIVE)
}

/// The share of the time that the machine did not let the shards run.
fn taken_share(evidence: &Evidence) -> f64 {
    let shares = [lost_core_share, hiccup_share, steal_share, throttled_share];
    shares.into_iter().map(|share| share(evidence)).fold(0.0, f64::max)
}
