//! The three places where others plug in. There is no fourth.
//!
//! | seam | question | implemented by |
//! |---|---|---|
//! | [`Source`] | what shall we send next, and was the response right? | [`crate::mix::Mix`], [`crate::flow::FlowSource`] |
//! | [`Runner`] | who carries out the plan? | `shards::Shards` |
//! | [`Sink`] | who hears what is measured while the run goes on? | progress, files, `telemetry` |

use crate::breaker::BreakerCounts;
use crate::bucket::Arrival;
use crate::failure::RunFailure;
use crate::flow::revised_thinks::RevisedThinks;
use crate::measured::Measured;
use crate::orders::Orders;
use crate::outbox::Outbox;
use crate::outcome::{Kind, Outcome};
use crate::plan::Plan;
use crate::record::{EndedAttempt, FlowPass, Iteration, LookedResponse, Snapshot};
use std::io;
use std::sync::Arc;

/// What to send. One per shard; nothing in it is shared, and nothing in it depends on the shard: the same arrival is the same
/// request on every one.
pub trait Source {
    /// What is known of each step beforehand; [`Call::step`] is an index into it.
    fn steps(&self) -> &[StepFacts];

    /// An arrival is to be sent now: what it begins with. Where requests follow each other, it is started instead.
    fn begin(&mut self, arrival: Arrival) -> Call;

    /// Appends the request of a call, whose arrival has this number: at most [`StepFacts::bytes_max`]. Must not allocate.
    fn render(&mut self, call: Call, number: u64, out: &mut Outbox<'_>);

    /// A call has ended, at this moment: how that counts.
    fn end(&mut self, call: Call, end: End, at: EndedAt) -> Outcome;

    /// Whether there is a source of this type whose requests follow each other: a response leads to the next one, which the loop sends
    /// beside arrivals. Where there is none, the loop is compiled without asking.
    const MAY_CONTINUE: bool = false;

    /// Whether requests follow each other.
    fn continues(&self) -> bool {
        false
    }

    /// The run starts, at this moment of its clock.
    fn starts(&mut self, start_ns: u64) {
        let _ = start_ns;
    }

    /// Think times are these from now on, each from its own moment on.
    fn revise_thinks(&mut self, thinks: &RevisedThinks) {
        let _ = thinks;
    }

    /// An arrival begins. There has to be room for it.
    fn start(&mut self, arrival: Arrival) -> Started {
        Started::Call(self.begin(arrival))
    }

    /// Whether another arrival can begin.
    fn has_room(&self) -> bool {
        true
    }

    /// When the next request that follows another is due.
    fn next_due_ns(&self) -> Option<u64> {
        None
    }

    /// Takes the request that is due next. There has to be one.
    fn take_due(&mut self) -> Following {
        unreachable!("nothing is due where nothing follows")
    }

    /// When the next request to a target is due, by its number in the scenario: where requests go to several, each waits for a connection
    /// to its own, the first one of an arrival too.
    fn next_due_at(&self, target: usize) -> Option<u64> {
        let _ = target;
        None
    }

    /// Takes the request to a target that is due next. There has to be one.
    fn take_due_at(&mut self, target: usize) -> Following {
        unreachable!("nothing is due at target {target} where nothing follows")
    }

    /// Whose the request to a target is that is due next. Where sessions have connections of their own, a session's number is that of its
    /// connection to each target.
    fn next_session_at(&self, target: usize) -> Option<u32> {
        let _ = target;
        None
    }

    /// The request to a target that is due next waits from now on, because the connection of its session cannot take it yet.
    fn hold_due_at(&mut self, target: usize) {
        unreachable!("nothing waits at target {target} where nothing follows")
    }

    /// The connection of a session to a target can take a request: one that was held for it is due again.
    fn resume_at(&mut self, target: usize, session: u32) {
        let _ = (target, session);
    }

    /// A session that has ended since the last time this was asked, where its connections are its own and end with it.
    fn next_left(&mut self) -> Option<u32> {
        None
    }

    /// How many arrivals have begun and not ended.
    fn under_way(&self) -> u64 {
        0
    }

    /// An arrival that has ended since the last time this was asked.
    fn next_ended(&mut self) -> Option<Iteration> {
        None
    }

    /// A named flow that an iteration has entered or left since the last time this was asked.
    fn next_passed(&mut self) -> Option<FlowPass> {
        None
    }

    /// What a request is filled with is put together, before it is rendered. One that cannot be filled is not sent.
    fn prepare(&mut self, call: Call, now_ns: u64) -> Result<(), Unprepared> {
        let _ = (call, now_ns);
        Ok(())
    }

    /// Whether the fields of responses to a call are wanted, of a step that is looked at. What is not wanted need not be handed over.
    fn wants_fields(&self, call: Call) -> bool {
        let _ = call;
        true
    }

    /// A field of a response came, of a step that is looked at: its name in any case, and its value.
    fn field(&mut self, call: Call, name: &[u8], value: &[u8]) {
        let _ = (call, name, value);
    }

    /// A piece of the body came, of a step that is looked at.
    fn body(&mut self, call: Call, bytes: &[u8]) {
        let _ = (call, bytes);
    }

    /// A message of a response begins, of a step that is looked at: what comes of the body from here on is its, up to the next.
    fn message_begins(&mut self, call: Call) {
        let _ = call;
    }

    /// Why the call that ended last has failed, where that says more than its kind.
    fn why(&self) -> &'static str {
        ""
    }

    /// What was looked at of the response that ended the last call, where anything was.
    fn looked(&self) -> Option<LookedResponse<'_>> {
        None
    }

    /// What the call that ended last was an attempt at, where requests may be tried again.
    fn ended_attempt(&self) -> Option<EndedAttempt> {
        None
    }

    /// What has happened to breakers since the last time this was asked.
    fn take_breaker_counts(&mut self) -> BreakerCounts {
        BreakerCounts::default()
    }

    /// Takes a request that was to be tried again, and is given up before it ends.
    fn take_untried(&mut self) -> Option<Following> {
        None
    }

    /// Ends what has begun and waits for its next request, which is not sent any more.
    fn abandon_waiting(&mut self, now_ns: u64) {
        let _ = now_ns;
    }

    /// Ends all that has begun: nothing of it is under way any more.
    fn abandon(&mut self, now_ns: u64) {
        let _ = now_ns;
    }
}

/// What an arrival begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// A request, which is due at once.
    Call(Call),
    /// Nothing yet: what there is of it is due later.
    Later,
    /// Nothing: what it needs has not been read, and it has not begun. Ask again.
    Starved,
    /// Nothing: it has not begun, and no later one will.
    Over,
}

/// Why a request cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unprepared {
    /// How it has failed.
    pub kind: Kind,
    /// What is wrong, for people.
    pub why: &'static str,
}

/// A request that follows another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Following {
    /// The request.
    pub call: Call,
    /// The arrival that it is of, and when it is intended itself; where it has been tried before, when the first attempt was.
    pub arrival: Arrival,
    /// When it is due: as intended, but for one that has been tried before.
    pub due_ns: u64,
}

/// When a call has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndedAt {
    /// When it was sent, in nanoseconds from the start of the run.
    pub sent_ns: u64,
    /// When it was complete, likewise.
    pub done_ns: u64,
    /// How much of the time until then was the generator's.
    pub lag_ns: u64,
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
    /// Fields and bodies of its responses are looked at: they are handed to the source as they come.
    pub is_looked_at: bool,
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

impl End {
    /// How it counts where nobody looks at what the response says.
    #[inline]
    pub fn outcome(self) -> Outcome {
        match self {
            End::Response { code, is_ok } => Outcome::of_response(code, is_ok),
            End::Failed(kind) => Outcome::Failed(kind),
        }
    }
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

    /// Whether it wants to know how the machine fares, in each interval. It is read only where a sink does.
    fn wants_machine(&self) -> bool {
        false
    }

    /// Sending begins, at this moment in nanoseconds since 1970 (UTC). Comes first, and once; a run that is given up before has none.
    fn begin(&mut self, started_unix_ns: u64) -> io::Result<()> {
        let _ = started_unix_ns;
        Ok(())
    }

    /// One interval, or one slice of it, all shards merged.
    fn snapshot(&mut self, snapshot: &Arc<Snapshot>) -> io::Result<()>;

    /// How many snapshots this sink was too slow to take, so far. Comes before each snapshot and before the end.
    fn note_lost(&mut self, lost: u64) {
        let _ = lost;
    }

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
