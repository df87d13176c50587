//! What is written down of iterations: of an arrival that leads to several requests, from its beginning to its end.

use crate::bucket::Tally;
use crate::distribution::Distribution;
use crate::phase::Windowed;
use serde::{Deserialize, Serialize};

/// An iteration that has ended. Times are in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Iteration {
    /// The number of its arrival.
    pub number: u64,
    /// When its arrival was intended, from the start of the run.
    pub intended_ns: u64,
    /// How it ended.
    pub end: IterationEnd,
    /// How long its user waited, from the arrival to the last response, without the time spent thinking.
    pub waited_ns: u64,
    /// How long it took until the last response, with the time spent thinking before it.
    pub lasted_ns: u64,
    /// When its user can go on to the next, after what is thought at its end, from the start of the run.
    pub free_ns: u64,
    /// One of its requests could be sent, whatever became of it.
    pub has_sent: bool,
    /// Why it has failed without a request that did.
    pub why: &'static str,
}

/// How an iteration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IterationEnd {
    /// All its requests were successes.
    Ok,
    /// One of them was none.
    Failed,
    /// The run ended first.
    Unfinished,
}

/// How an iteration ended, or left a named flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftFlow {
    /// As iterations end.
    pub end: IterationEnd,
    /// From its beginning to its last response, without the time spent thinking between them.
    pub waited_ns: u64,
    /// The same with it.
    pub lasted_ns: u64,
}

/// The iterations of one scenario, or the times that they went through one of its named flows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct IterationRecord {
    /// Begun.
    pub begun: Tally,
    /// Ended well.
    pub ok: Tally,
    /// In which a request failed.
    pub failed: Tally,
    /// That the end of the run cut off.
    pub unfinished: Tally,
    /// How long their users waited; of those of the measured window that ended well.
    pub waited: Distribution,
    /// How long they lasted, likewise.
    pub lasted: Distribution,
    /// When the last of the window's began, from the start of the run.
    pub last_begun_ns: u64,
}

impl IterationRecord {
    /// The same with the memory that recording takes.
    pub fn preallocated() -> IterationRecord {
        IterationRecord {
            waited: Distribution::preallocated(),
            lasted: Distribution::preallocated(),
            ..IterationRecord::default()
        }
    }

    /// An arrival has begun, at this moment.
    pub(super) fn began(&mut self, is_measured: bool, now_ns: u64) {
        *self.begun.part(is_measured) += 1;
        if is_measured {
            self.last_begun_ns = self.last_begun_ns.max(now_ns);
        }
    }

    /// One has ended.
    pub(super) fn ended(&mut self, is_measured: bool, iteration: &Iteration) {
        let Iteration { end, waited_ns, lasted_ns, .. } = *iteration;
        self.left(is_measured, LeftFlow { end, waited_ns, lasted_ns });
    }

    /// A named flow was left, or an iteration ended.
    pub(super) fn left(&mut self, is_measured: bool, left: LeftFlow) {
        let counted = match left.end {
            IterationEnd::Ok => &mut self.ok,
            IterationEnd::Failed => &mut self.failed,
            IterationEnd::Unfinished => &mut self.unfinished,
        };
        *counted.part(is_measured) += 1;
        if is_measured && left.end == IterationEnd::Ok {
            self.waited.record(left.waited_ns);
            self.lasted.record(left.lasted_ns);
        }
    }

    /// Adds another shard's or interval's, or another scenario's.
    pub fn merge(&mut self, other: &IterationRecord) {
        let IterationRecord { begun, ok, failed, unfinished, waited, lasted, last_begun_ns } = other;
        self.begun.add(*begun);
        self.ok.add(*ok);
        self.failed.add(*failed);
        self.unfinished.add(*unfinished);
        self.waited.merge(waited);
        self.lasted.merge(lasted);
        self.last_begun_ns = self.last_begun_ns.max(*last_begun_ns);
    }

    /// Empties it, keeping its memory.
    pub(super) fn clear(&mut self) {
        let IterationRecord { begun, ok, failed, unfinished, waited, lasted, last_begun_ns } = self;
        for counted in [begun, ok, failed, unfinished] {
            *counted = Windowed::default();
        }
        waited.clear();
        lasted.clear();
        *last_begun_ns = 0;
    }

    /// Iterations of the measured window that ended, or were cut off.
    pub fn ended_in_window(&self) -> u64 {
        self.ok.measured + self.failed.measured + self.unfinished.measured
    }
}
