//! The three places where others plug in. There is no fourth.
//!
//! | seam | question | implemented by |
//! |---|---|---|
//! | [`Source`] | what shall we send next, and was the answer right? | [`crate::mix::Mix`] |
//! | [`Runner`] | who carries out the plan? | `shards::Shards` |
//! | [`Sink`] | who hears the snapshots and the report? | progress, files |

use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::record::Snapshot;
use crate::report::Report;
use std::sync::Arc;

/// What to send. One per shard; nothing in it is shared.
pub trait Source {
    /// How many kinds of request there are.
    fn steps(&self) -> usize;

    /// Which kind comes next, below [`Source::steps`].
    fn next_step(&mut self) -> usize;

    /// The bytes of a kind, when they never change: they are then sent without being copied.
    fn constant(&self, step: usize) -> Option<&[u8]>;

    /// The most bytes one request of this kind can have.
    fn bytes_max(&self, step: usize) -> usize;

    /// Appends one request. Must not allocate when `out` has room for [`Source::bytes_max`].
    fn render(&mut self, step: usize, out: &mut Vec<u8>);

    /// True when answers to this kind have no body whatever their head says.
    fn is_bodyless(&self, step: usize) -> bool;

    /// Whether a complete answer with this status is the one wanted.
    fn judge(&self, step: usize, status: u16) -> Outcome;
}

/// Who carries out a plan.
pub trait Runner {
    /// Runs to the end, or until stopped; every snapshot goes to the sinks on the way. The report is complete but for what
    /// only the caller knows. Errors say what the machine lacked.
    fn run(&mut self, plan: &Plan, sinks: Vec<Box<dyn Sink>>) -> Result<Report, String>;
}

/// Who hears the snapshots and the report. A sink may be slow: it then loses snapshots, which are counted, and never slows
/// the run.
pub trait Sink: Send {
    /// What the sink is called in messages.
    fn name(&self) -> String;

    /// How fine the snapshots are that it wants.
    fn grain(&self) -> Grain {
        Grain::Interval
    }

    /// One interval, or one slice of it, all shards merged.
    fn snapshot(&mut self, snapshot: &Arc<Snapshot>) -> Result<(), String>;

    /// The end of the run. Comes last, and once.
    fn finish(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// How fine the snapshots are that a sink is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// Slices, the finest there are: `Plan::slice_ns`.
    Slice,
    /// The plan's intervals.
    Interval,
}
