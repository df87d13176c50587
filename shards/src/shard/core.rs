//! What all parts of a shard have in common: the world, what is written down, the stage of the run, and the time.

use crate::protocol::Place;
use engine::record::{Instants, Recorder};

pub(super) const MILLISECOND_NS: u64 = 1_000_000;
pub(super) const SECOND_NS: u64 = 1_000 * MILLISECOND_NS;

/// How often timeouts are looked at.
pub(super) const TICK_NS: u64 = MILLISECOND_NS;

/// Where a shard is in its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Making connections, until then at the latest.
    Connecting { deadline_ns: u64 },
    /// Waiting for the common start.
    Waiting,
    /// Sending.
    Running,
    /// Finishing what is under way, until then at the latest; what is overdue is sent for a while.
    Draining { deadline_ns: u64, sends_until_ns: u64 },
    /// Handing over the last recorder.
    Closing,
    /// Done.
    Finished,
}

/// What all pools and scenarios of a shard have in common: the world, what is written down, and the time.
pub(super) struct Core<W> {
    pub(super) wire: W,
    pub(super) recorder: Box<Recorder>,
    pub(super) stage: Stage,
    pub(super) start_ns: u64,
    /// The one `now` of the turn.
    pub(super) now_ns: u64,
    /// For how long the responses that this turn takes in have lain in the kernel.
    pub(super) late_ns: u64,
    /// Requests handed to the wire since the last submission.
    pub(super) released: Vec<Released>,
    /// Those of them that had been sent before.
    pub(super) replayed: Vec<Released>,
    pub(super) operations: u64,
    /// Calls in this turn that send.
    pub(super) sends: u64,
}

impl<W> Core<W> {
    /// An absolute instant, from the start of the run.
    #[inline]
    pub(super) fn relative_ns(&self, ns: u64) -> u64 {
        ns.saturating_sub(self.start_ns)
    }

    /// Absolute instants, from the start of the run.
    pub(super) fn instants(&self, intended_ns: u64, sent_ns: u64, done_ns: u64) -> Instants {
        Instants {
            intended: self.relative_ns(intended_ns),
            sent: self.relative_ns(sent_ns),
            done: self.relative_ns(done_ns),
        }
    }
}

/// A request handed to the wire, and not yet to the kernel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Released {
    pub(super) pool: u32,
    pub(super) place: Place,
    /// When its connection became free.
    pub(super) free_ns: u64,
    pub(super) bytes: u64,
}
