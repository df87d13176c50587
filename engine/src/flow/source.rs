//! A flow as the loop sees it: arrivals begin iterations, responses lead to the next request.

use super::item::{FlowScript, OnFailure};
use super::program::{CallOperation, Operation, Program};
use super::sessions::{SessionState, Sessions};
use crate::bucket::Arrival;
use crate::mix::EncodedStep;
use crate::outbox::Outbox;
use crate::outcome::{Kind, Outcome};
use crate::random::{Draw, Draws, Random};
use crate::record::{Iteration, IterationEnd};
use crate::seams::{Call, End, EndedAt, Following, Source, StepFacts};
use crate::template::Template;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// The iterations of one scenario on one shard.
#[derive(Clone, Debug)]
pub struct FlowSource {
    program: Program,
    templates: Vec<Template>,
    facts: Vec<StepFacts>,
    draws: Draws,
    sessions: Sessions,
    /// Requests that follow others, by when they are due; of those due at once, the one that was first.
    due: BinaryHeap<Reverse<DueCall>>,
    queued: u64,
    ended: VecDeque<Iteration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct DueCall {
    due_ns: u64,
    order: u64,
    step: u32,
    session: u32,
}

/// What a session comes to.
enum NextStop {
    /// A request, due at this moment.
    Call { step: usize, due_ns: u64 },
    /// Its end.
    End,
}

impl FlowSource {
    /// The flow of a scenario, of whose sessions a shard may have so many.
    pub fn new(script: &FlowScript, steps: Vec<EncodedStep>, draws: Draws, sessions_max: usize) -> FlowSource {
        let program = Program::new(&script.items);
        let facts = |step: &EncodedStep| StepFacts {
            constant: step.template.constant(),
            bytes_max: step.template.bytes_max(),
            is_bodyless: step.is_bodyless,
        };
        FlowSource {
            sessions: Sessions::new(sessions_max.max(1), program.counters),
            facts: steps.iter().map(facts).collect(),
            templates: steps.into_iter().map(|step| step.template).collect(),
            program,
            draws,
            due: BinaryHeap::new(),
            queued: 0,
            ended: VecDeque::new(),
        }
    }

    /// A session goes on from its next operation, at a moment, to its next request or its end.
    fn advance(&mut self, session: u32, mut at_ns: u64) -> NextStop {
        loop {
            let next = self.sessions.get(session).next;
            self.sessions.at(session).next = next + 1;
            if self.sessions.get(session).is_stopping && !self.program.operations[next].is_always() {
                continue;
            }
            match self.program.operations[next] {
                Operation::Call(call) => return NextStop::Call { step: call.step, due_ns: at_ns },
                Operation::Choose(choice) => {
                    let mut random = self.drawn(session, Draw::Step);
                    let choice = &self.program.choices[choice];
                    // As a mix draws; one branch alone need not be drawn.
                    let total = choice.cumulated[choice.cumulated.len() - 1];
                    let drawn = random.between(0, total - 1);
                    let branch = choice.cumulated.partition_point(|&bound| bound <= drawn);
                    self.sessions.at(session).next = choice.branches[branch];
                }
                Operation::Jump { to } => self.sessions.at(session).next = to,
                Operation::Skip { chance, to } => {
                    // A draw in (0, 1].
                    if self.drawn(session, Draw::Way).unit() > chance {
                        self.sessions.at(session).next = to;
                    }
                }
                Operation::Repeat { counter, times, to } => {
                    let count = match times.min == times.max {
                        true => times.min,
                        false => self.drawn(session, Draw::Way).between(times.min.into(), times.max.into()) as u32,
                    };
                    *self.sessions.counter(session, counter) = count;
                    if count == 0 {
                        self.sessions.at(session).next = to;
                    }
                }
                Operation::Again { counter, to } => {
                    let left = self.sessions.counter(session, counter);
                    *left -= 1;
                    if *left > 0 {
                        self.sessions.at(session).next = to;
                    }
                }
                Operation::Pause(think) => {
                    let thought_ns = think.draw(&mut self.drawn(session, Draw::Way));
                    self.sessions.at(session).thought_ns += thought_ns;
                    at_ns += thought_ns;
                }
                Operation::End => return NextStop::End,
            }
        }
    }

    /// The numbers of a session's next draw of this kind.
    fn drawn(&mut self, session: u32, draw: Draw) -> Random {
        let kept = self.sessions.at(session);
        let draws = self.draws.after(kept.draws);
        kept.draws += 1;
        draws.at(draw, kept.arrival.number)
    }

    /// A request of a session is on its way.
    fn call(&mut self, session: u32, step: u32) -> Call {
        let kept = self.sessions.at(session);
        kept.state = SessionState::Calling;
        kept.thought_before_last_ns = kept.thought_ns;
        kept.calls += 1;
        Call { step, session }
    }

    fn queue(&mut self, session: u32, step: usize, due_ns: u64) {
        self.sessions.at(session).state = SessionState::Waiting;
        self.queued += 1;
        self.due.push(Reverse(DueCall { due_ns, order: self.queued, step: step as u32, session }));
    }

    fn end_session(&mut self, session: u32, end: IterationEnd) {
        let kept = self.sessions.get(session);
        let intended_ns = kept.arrival.intended_ns;
        let lasted_ns = kept.last_done_ns.saturating_sub(intended_ns);
        let waited_ns = lasted_ns.saturating_sub(kept.thought_before_last_ns);
        self.ended.push_back(Iteration { intended_ns, end, waited_ns, lasted_ns });
        self.sessions.end(session);
    }

    /// What the session's last request was, which stands before its next operation.
    fn last_call(&self, session: u32) -> CallOperation {
        match self.program.operations[self.sessions.get(session).next - 1] {
            Operation::Call(call) => call,
            ref other => unreachable!("{other:?} sends nothing"),
        }
    }
}

impl Operation {
    /// Whether it is done when an iteration is over before its end.
    fn is_always(&self) -> bool {
        match self {
            Operation::Call(call) => call.always,
            Operation::End => true,
            _ => false,
        }
    }
}

impl Source for FlowSource {
    fn steps(&self) -> &[StepFacts] {
        &self.facts
    }

    fn begin(&mut self, _arrival: Arrival) -> Call {
        unreachable!("an arrival of a flow may have no request at once: it is started")
    }

    fn render(&mut self, call: Call, number: u64, out: &mut Outbox<'_>) {
        // What one request is filled with is no other's.
        let draws = self.draws.after(self.sessions.get(call.session).calls - 1);
        self.templates[call.step as usize].render(number, draws, out);
    }

    fn end(&mut self, call: Call, end: End, at: EndedAt) -> Outcome {
        let (outcome, session) = (end.outcome(), call.session);
        let on_failure = self.last_call(session).on_failure;
        let kept = self.sessions.at(session);
        kept.last_done_ns = at.done_ns;
        if !matches!(outcome, Outcome::Ok(_)) {
            kept.has_failed = true;
            kept.is_stopping |= on_failure == OnFailure::Stop;
        }
        if outcome == Outcome::Failed(Kind::Unfinished) {
            self.end_session(session, IterationEnd::Unfinished);
            return outcome;
        }
        match self.advance(session, at.done_ns.saturating_sub(at.lag_ns)) {
            NextStop::Call { step, due_ns } => self.queue(session, step, due_ns),
            NextStop::End => {
                let has_failed = self.sessions.get(session).has_failed;
                self.end_session(session, if has_failed { IterationEnd::Failed } else { IterationEnd::Ok });
            }
        }
        outcome
    }

    const MAY_CONTINUE: bool = true;

    fn continues(&self) -> bool {
        true
    }

    fn start(&mut self, arrival: Arrival) -> Option<Call> {
        let session = self.sessions.begin(arrival);
        match self.advance(session, arrival.intended_ns) {
            NextStop::Call { step, due_ns } if due_ns == arrival.intended_ns => {
                Some(self.call(session, step as u32))
            }
            NextStop::Call { step, due_ns } => {
                self.queue(session, step, due_ns);
                None
            }
            NextStop::End => {
                self.end_session(session, IterationEnd::Ok);
                None
            }
        }
    }

    fn has_room(&self) -> bool {
        self.sessions.has_room()
    }

    #[inline]
    fn next_due_ns(&self) -> Option<u64> {
        self.due.peek().map(|Reverse(due)| due.due_ns)
    }

    fn take_due(&mut self) -> Following {
        let Reverse(due) = self.due.pop().expect("something is due");
        let number = self.sessions.get(due.session).arrival.number;
        let call = self.call(due.session, due.step);
        Following { call, arrival: Arrival { number, intended_ns: due.due_ns } }
    }

    fn under_way(&self) -> u64 {
        self.sessions.count() as u64
    }

    fn next_ended(&mut self) -> Option<Iteration> {
        self.ended.pop_front()
    }

    fn abandon(&mut self, now_ns: u64) {
        self.due.clear();
        let live: Vec<u32> = self.sessions.live().collect();
        for session in live {
            self.sessions.at(session).last_done_ns = now_ns;
            self.end_session(session, IterationEnd::Unfinished);
        }
    }
}
