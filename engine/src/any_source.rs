//! Any source there is, where the loop is not compiled for one: a closed set, told apart by one match.

use crate::breaker::BreakerCounts;
use crate::bucket::Arrival;
use crate::flow::FlowSource;
use crate::flow::revised_thinks::RevisedThinks;
use crate::flow::rows::RowSource;
use crate::mix::Mix;
use crate::outbox::Outbox;
use crate::outcome::Outcome;
use crate::record::{EndedAttempt, FlowPass, Iteration, LookedResponse};
use crate::seams::{Call, End, EndedAt, Following, Source, Started, StepFacts, Unprepared};

/// One of the sources there are.
pub enum AnySource<R> {
    /// Templates drawn by weight.
    Mix(Mix),
    /// Requests that follow each other.
    Flow(Box<FlowSource<R>>),
}

impl<R: RowSource> Source for AnySource<R> {
    #[inline]
    fn steps(&self) -> &[StepFacts] {
        match self {
            AnySource::Mix(mix) => mix.steps(),
            AnySource::Flow(flow) => flow.steps(),
        }
    }

    #[inline]
    fn begin(&mut self, arrival: Arrival) -> Call {
        match self {
            AnySource::Mix(mix) => mix.begin(arrival),
            AnySource::Flow(flow) => flow.begin(arrival),
        }
    }

    #[inline]
    fn render(&mut self, call: Call, number: u64, out: &mut Outbox<'_>) {
        match self {
            AnySource::Mix(mix) => mix.render(call, number, out),
            AnySource::Flow(flow) => flow.render(call, number, out),
        }
    }

    #[inline]
    fn end(&mut self, call: Call, end: End, at: EndedAt) -> Outcome {
        match self {
            AnySource::Mix(mix) => mix.end(call, end, at),
            AnySource::Flow(flow) => flow.end(call, end, at),
        }
    }

    const MAY_CONTINUE: bool = true;

    #[inline]
    fn continues(&self) -> bool {
        matches!(self, AnySource::Flow(_))
    }

    fn start(&mut self, arrival: Arrival) -> Started {
        match self {
            AnySource::Mix(mix) => mix.start(arrival),
            AnySource::Flow(flow) => flow.start(arrival),
        }
    }

    fn starts(&mut self, start_ns: u64) {
        if let AnySource::Flow(flow) = self {
            flow.starts(start_ns);
        }
    }

    fn revise_thinks(&mut self, thinks: &RevisedThinks) {
        if let AnySource::Flow(flow) = self {
            flow.revise_thinks(thinks);
        }
    }

    fn has_room(&self) -> bool {
        match self {
            AnySource::Mix(mix) => mix.has_room(),
            AnySource::Flow(flow) => flow.has_room(),
        }
    }

    #[inline]
    fn next_due_ns(&self) -> Option<u64> {
        match self {
            AnySource::Mix(mix) => mix.next_due_ns(),
            AnySource::Flow(flow) => flow.next_due_ns(),
        }
    }

    fn take_due(&mut self) -> Following {
        match self {
            AnySource::Mix(mix) => mix.take_due(),
            AnySource::Flow(flow) => flow.take_due(),
        }
    }

    fn next_due_at(&self, target: usize) -> Option<u64> {
        match self {
            AnySource::Mix(mix) => mix.next_due_at(target),
            AnySource::Flow(flow) => flow.next_due_at(target),
        }
    }

    fn take_due_at(&mut self, target: usize) -> Following {
        match self {
            AnySource::Mix(mix) => mix.take_due_at(target),
            AnySource::Flow(flow) => flow.take_due_at(target),
        }
    }

    fn next_session_at(&self, target: usize) -> Option<u32> {
        match self {
            AnySource::Mix(_) => None,
            AnySource::Flow(flow) => flow.next_session_at(target),
        }
    }

    fn hold_due_at(&mut self, target: usize) {
        if let AnySource::Flow(flow) = self {
            flow.hold_due_at(target);
        }
    }

    fn resume_at(&mut self, target: usize, session: u32) {
        if let AnySource::Flow(flow) = self {
            flow.resume_at(target, session);
        }
    }

    fn next_left(&mut self) -> Option<u32> {
        match self {
            AnySource::Mix(_) => None,
            AnySource::Flow(flow) => flow.next_left(),
        }
    }

    fn under_way(&self) -> u64 {
        match self {
            AnySource::Mix(mix) => mix.under_way(),
            AnySource::Flow(flow) => flow.under_way(),
        }
    }

    fn next_ended(&mut self) -> Option<Iteration> {
        match self {
            AnySource::Mix(mix) => mix.next_ended(),
            AnySource::Flow(flow) => flow.next_ended(),
        }
    }

    fn next_passed(&mut self) -> Option<FlowPass> {
        match self {
            AnySource::Mix(_) => None,
            AnySource::Flow(flow) => flow.next_passed(),
        }
    }

    fn prepare(&mut self, call: Call, now_ns: u64) -> Result<(), Unprepared> {
        match self {
            AnySource::Mix(mix) => mix.prepare(call, now_ns),
            AnySource::Flow(flow) => flow.prepare(call, now_ns),
        }
    }

    #[inline]
    fn wants_fields(&self, call: Call) -> bool {
        match self {
            AnySource::Mix(mix) => mix.wants_fields(call),
            AnySource::Flow(flow) => flow.wants_fields(call),
        }
    }

    fn field(&mut self, call: Call, name: &[u8], value: &[u8]) {
        if let AnySource::Flow(flow) = self {
            flow.field(call, name, value);
        }
    }

    fn body(&mut self, call: Call, bytes: &[u8]) {
        if let AnySource::Flow(flow) = self {
            flow.body(call, bytes);
        }
    }

    fn message_begins(&mut self, call: Call) {
        if let AnySource::Flow(flow) = self {
            flow.message_begins(call);
        }
    }

    fn why(&self) -> &'static str {
        match self {
            AnySource::Mix(mix) => mix.why(),
            AnySource::Flow(flow) => flow.why(),
        }
    }

    #[inline]
    fn looked(&self) -> Option<LookedResponse<'_>> {
        match self {
            AnySource::Mix(_) => None,
            AnySource::Flow(flow) => flow.looked(),
        }
    }

    #[inline]
    fn ended_attempt(&self) -> Option<EndedAttempt> {
        match self {
            AnySource::Mix(_) => None,
            AnySource::Flow(flow) => flow.ended_attempt(),
        }
    }

    fn take_breaker_counts(&mut self) -> BreakerCounts {
        match self {
            AnySource::Mix(_) => BreakerCounts::default(),
            AnySource::Flow(flow) => flow.take_breaker_counts(),
        }
    }

    fn take_untried(&mut self) -> Option<Following> {
        match self {
            AnySource::Mix(_) => None,
            AnySource::Flow(flow) => flow.take_untried(),
        }
    }

    fn abandon_waiting(&mut self, now_ns: u64) {
        if let AnySource::Flow(flow) = self {
            flow.abandon_waiting(now_ns);
        }
    }

    fn abandon(&mut self, now_ns: u64) {
        match self {
            AnySource::Mix(mix) => mix.abandon(now_ns),
            AnySource::Flow(flow) => flow.abandon(now_ns),
        }
    }
}
