//! The three places where others plug in. There is no fourth.
//!
//! | seam | question | implemented by |
//! |---|---|---|
//! | [`Source`] | what shall we send next, and was the response right? | [`crate::mix::Mix`] |
//! | [`Runner`] | who carries out the plan? | `shards::Shards` |
//! | [`Sink`] | who hears what is measured while the run goes on? | progress, files |

use crate::bucket::Arrival;
use crate::failure::RunFailure;
use crate::measured::Measured;
use crate::orders::Orders;
use crate::outbox::Outbox;
use crate::outcome::{Kind, Outcome};
use crate::plan::Plan;
use crate::record::Snapshot;
use std::io;
use std::sync::Arc;

/// What to send. One per shard; nothing in it is shared, and nothing in it depends on the shard: the same arrival is the same
/// request on every one.
pub trait Source {
    /// What is known of each step beforehand; [`Call::step`] is an index into it.
    fn steps(&self) -> &[StepFacts];

    /// An arrival is to be sent now: what it begins with.
    fn begin(&mut self, arrival: Arrival) -> Call;

    /// Appends the request of a call, whose arrival has this number: at most [`StepFacts::bytes_max`]. Must not allocate.
    fn render(&mut self, call: Call, number: u64, out: &mut Outbox<'_>);

    /// A call has ended: how that counts. A source whose requests follow each other will say here what comes next.
    fn end(&mut self, call: Call, end: End) -> Outcome;
}

/// What is known of a step beforehand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepFacts {
    /// The request's bytes, when they never change: they are then sent without being rendered.
    pub constant: Option<Vec<u8>>,
    /// The most bytes one request can have.
    pub bytes_max: usize,
    /// Responses have no body whatever their head says.
    pub is_bodyless: bool,
}

/// One request of a source, from its beginning to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// Which step it is.
    pub step: u32,
    /// Whose it is, where the source keeps something from one request to the next; 0 where it does not.
    pub session: u32,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a complete response.
    Response {
        /// The protocol's code for what it says.
        code: u16,
        /// By the protocol's own rule, the code is a success.
        is_ok: bool,
    },
    /// Without one.
    Failed(Kind),
}

/// Who carries out a plan.
pub trait Runner {
    /// Runs to the end, or until it is ordered to stop; every snapshot goes to the sinks on the way. Returns what was measured, of
    /// which a report is made. Errors say what was in the way of the run.
    fn run(
        &mut self,
        plan: &Plan,
        sinks: Vec<Box<dyn Sink>>,
        orders: &Orders,
    ) -> Result<Measured, RunFailure>;
}

/// Who hears what is measured while a run goes on. A sink may be slow: it then loses snapshots, which are counted, and never slows
/// the run. One that fails hears nothing more, and what it says of it stands in the report.
pub trait Sink: Send {
    /// What the sink is called in messages.
    fn name(&self) -> String;

    /// How fine the snapshots are that it wants.
    fn grain(&self) -> Grain {
        Grain::Interval
    }

    /// Sending begins, at this moment in nanoseconds since 1970 (UTC). Comes first, and once; a run that is given up before has none.
    fn begin(&mut self, started_unix_ns: u64) -> io::Result<()> {
        let _ = started_unix_ns;
        Ok(())
    }

    /// One interval, or one slice of it, all shards merged.
    fn snapshot(&mut self, snapshot: &Arc<Snapshot>) -> io::Result<()>;

    /// The end of the run. Comes last, and once.
    fn finish(&mut self) -> io::Result<()> {
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
