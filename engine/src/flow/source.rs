//! A flow as the loop sees it: arrivals begin iterations, responses lead to the next request.

mod requests;

use super::attempts::SessionAttempts;
use super::constants::{FlowConstants, KeptConstants};
use super::cookies::CookieRules;
use super::due_calls::{DueCall, TargetQueues};
use super::exchange::FlowExchange;
use super::item::{FlowScript, OnFailure, StepLooks};
use super::jars::SessionJars;
use super::looked::LastLook;
use super::open_flows::OpenFlows;
use super::own_slots::OwnSlots;
use super::program::{CallOperation, FlowOperation, Program};
use super::redirects::{FollowedRedirects, RedirectForms};
use super::revised_thinks::RevisedThinks;
use super::rows::{RowSource, RowTaken};
use super::sessions::{CallMemories, FlowSessions, SessionState};
use super::think::Think;
use super::values::{SessionValues, ValueNames};
use crate::breaker::BreakerCounts;
use crate::bucket::{Arrival, Share};
use crate::due_queue::DueQueue;
use crate::extract::{Findings, ResolvedCondition};
use crate::feed::Feed;
use crate::mix::EncodedStep;
use crate::outbox::Outbox;
use crate::outcome::{Kind, Outcome};
use crate::random::{Draw, Draws, Random};
use crate::record::{
    EndedAttempt, FlowPass, Iteration, IterationEnd, LookedExamples, LookedFor, LookedResponse, RedirectEnd,
};
use crate::seams::{Call, End, EndedAt, Following, Source, Started, StepFacts, Unprepared};
use std::collections::VecDeque;

/// What the iterations of a scenario on a shard are made of.
pub struct FlowParts<'a, R> {
    /// What they go through.
    pub script: &'a FlowScript,
    /// The requests, encoded, and what is looked at of the responses to each.
    pub steps: Vec<(EncodedStep, &'a StepLooks)>,
    /// What is drawn for the scenario.
    pub draws: Draws,
    /// As many may be under way on this shard.
    pub sessions_max: usize,
    /// How many users there are, where iterations are of users that begin again.
    pub users: Option<u64>,
    /// The feeds of the plan, and where their rows come from.
    pub feeds: &'a [Feed],
    /// The same.
    pub rows: R,
    /// Which shard of how many this is.
    pub share: Share,
    /// What the time of the run's clock is to be added to for the time since 1970.
    pub unix_offset_ns: u64,
    /// How sessions keep cookies, where they do.
    pub cookies: Option<CookieRules>,
    /// Values that all iterations have.
    pub constants: FlowConstants,
    /// How redirects of the responses to each step are followed; nothing of those of which none is, and none at all where that is all of them.
    pub redirects: Vec<Option<RedirectForms>>,
}

/// The iterations of one scenario on one shard.
pub struct FlowSource<R> {
    program: Program,
    conditions: Vec<ResolvedCondition>,
    exchanges: Vec<FlowExchange>,
    facts: Vec<StepFacts>,
    draws: Draws,
    users: Option<u64>,
    names: ValueNames,
    rows: R,
    sessions: FlowSessions,
    /// The named flows that they are in, where any is reported.
    flows: Option<Box<OpenFlows>>,
    values: SessionValues,
    /// Of each request under way, what it is filled with and what came of the response to it.
    memories: CallMemories,
    found: Findings,
    /// Requests that follow others, by when they are due; of those due at once, the one that was first.
    due: DueQueue<DueCall>,
    queued: u64,
    ended: VecDeque<Iteration>,
    why: &'static str,
    /// What was looked at of the response that ended the last call.
    last: LastLook,
    /// Attempts at requests, where they may be tried again or rejected.
    attempts: Option<Box<SessionAttempts>>,
    unix_offset_ns: u64,
    /// Where sessions keep cookies.
    cookies: Option<SessionJars>,
    /// The same of what is due, where requests go to several targets: in the place of `due`.
    targets: Option<Box<TargetQueues>>,
    /// Where sessions have connections of their own, for which what is due waits then.
    own: Option<Box<OwnSlots>>,
    /// Redirects, where they are followed.
    redirects: Option<Box<FollowedRedirects>>,
    /// What is due and was looked past for requests that are to be tried again: memory that is used again.
    set_aside: Vec<DueCall>,
    scratch: Vec<u8>,
    /// Where values that all iterations have come from anew.
    constants: KeptConstants,
    /// Think times, once they have changed.
    thinks: Option<Box<RevisedThinks>>,
}

/// What a session comes to, and when.
enum NextStop {
    /// A request.
    Call { step: usize, due_ns: u64 },
    /// Its end.
    End { free_ns: u64 },
}

const NO_ROW: &str = "no row was left in a data file";

impl<R: RowSource> FlowSource<R> {
    /// Nothing is under way yet. Panics on names that are not there, which no plan holds.
    pub fn new(parts: FlowParts<'_, R>) -> FlowSource<R> {
        let FlowParts {
            script,
            steps,
            draws,
            sessions_max,
            users,
            feeds,
            rows,
            share,
            unix_offset_ns,
            cookies,
            constants,
            redirects,
        } = parts;
        // Values that all iterations have come first: their numbers are those that they have among themselves.
        let mut names = ValueNames::of_constants(&constants.values);
        // Variables first: what is called as one is one, whatever feeds there are.
        for extract in steps.iter().flat_map(|(_, looks)| &looks.extracts) {
            names.variable(&extract.name);
        }
        let mut hole = 0;
        let exchanges = steps.into_iter().map(|(step, looks)| {
            FlowExchange::new(step, looks, &mut names, feeds, &mut hole, cookies.is_some())
        });
        let (exchanges, mut facts): (Vec<FlowExchange>, Vec<StepFacts>) = exchanges.unzip();
        // A field of a response may say how long to wait.
        facts.iter_mut().for_each(|facts| facts.is_looked_at |= script.resilience.retry.is_some());
        let redirects = FollowedRedirects::new(redirects, exchanges.iter().map(|each| &each.template));
        if let Some(redirects) = &redirects {
            for (step, facts) in facts.iter_mut().enumerate() {
                if let Some(bytes_max) = redirects.bytes_max(step) {
                    (facts.constant, facts.bytes_max) = (None, facts.bytes_max.max(bytes_max));
                }
            }
        }
        let attempts = (redirects.is_some() || !script.resilience.is_nothing()).then(|| {
            let clients = script.resilience.breaker.map_or(0, |breaker| share.of(breaker.clients.into()));
            Box::new(SessionAttempts::new(&script.resilience, draws, clients, share.shards))
        });
        let program = Program::new(&script.items, &script.named_flows());
        let conditions = names.resolve(&program.conditions, feeds);
        FlowSource {
            sessions: FlowSessions::new(sessions_max.max(1), program.counters),
            flows: OpenFlows::new(program.flows_deep),
            values: SessionValues::new(names.count(), constants.values),
            memories: CallMemories::default(),
            found: Findings::default(),
            conditions,
            exchanges,
            facts,
            program,
            draws,
            users,
            names,
            rows,
            due: DueQueue::new(),
            queued: 0,
            ended: VecDeque::new(),
            why: "",
            last: LastLook::default(),
            attempts,
            unix_offset_ns,
            scratch: vec![0; cookies.as_ref().map_or(0, CookieRules::path_bytes_max)],
            cookies: cookies.map(SessionJars::new),
            targets: None,
            own: None,
            redirects,
            set_aside: Vec::new(),
            constants: KeptConstants::new(constants.renewed),
            thinks: None,
        }
    }

    /// The same where requests go to several targets: the number of each step's, and how cookies of each target are kept, where they are.
    pub fn with_targets(mut self, of_step: Vec<usize>, cookies: Vec<CookieRules>) -> FlowSource<R> {
        if !cookies.is_empty() {
            self.cookies = Some(SessionJars::with_targets(cookies, of_step.clone()));
        }
        self.targets = Some(Box::new(TargetQueues::new(of_step)));
        self
    }

    /// The same where each session has connections of its own, and is told apart by its target or targets: a request waits for no other's. A
    /// user keeps its place, and a session of any other load has it until [`Source::next_left`] has named it.
    pub fn with_own_connections(mut self, share: Share) -> FlowSource<R> {
        assert!(self.targets.is_some(), "what is due waits by its target");
        self.own = Some(Box::new(OwnSlots::new(self.users, share)));
        self
    }

    /// What a session knows by a name, or knew when it ended; nothing before another has its place.
    pub fn value(&self, session: u32, name: &str) -> Option<&[u8]> {
        self.values.get(session, self.names.known(name)?)
    }

    /// Which check of its step the call that ended last has not passed, if any.
    pub fn failed_check(&self) -> Option<usize> {
        self.found.failed_check()
    }

    /// A session goes on from its next operation, at a moment, to its next request or its end.
    fn advance(&mut self, session: u32, mut at_ns: u64) -> NextStop {
        loop {
            let kept = self.sessions.at(session);
            let next = kept.next;
            kept.next = next + 1;
            let is_stopping = kept.is_stopping;
            let operation = self.program.operations[next];
            if is_stopping && !self.program.is_always[next] {
                // What has not been entered is passed over as a whole.
                let behind = match operation {
                    FlowOperation::Unless { to, .. }
                    | FlowOperation::Skip { to, .. }
                    | FlowOperation::Repeat { to, .. } => to,
                    FlowOperation::Choose(choice) => self.program.choices[choice].end,
                    _ => next + 1,
                };
                self.sessions.at(session).next = behind;
                continue;
            }
            match operation {
                FlowOperation::Call(call) => return NextStop::Call { step: call.step, due_ns: at_ns },
                FlowOperation::End => return NextStop::End { free_ns: at_ns },
                FlowOperation::Pause(think) => at_ns = at_ns.saturating_add(self.think(session, think)),
                FlowOperation::RevisedPause(pause) => {
                    let think = self.thinks.as_ref().and_then(|thinks| thinks.at(pause, at_ns));
                    at_ns = at_ns.saturating_add(think.map_or(0, |think| self.think(session, think)));
                }
                FlowOperation::At { offset_ns } => {
                    let kept = self.sessions.at(session);
                    let intended_ns = kept.arrival.intended_ns.saturating_add(offset_ns);
                    kept.recorded_ns = Some(intended_ns);
                    // What is left until then is not waited for the target. Where nothing is left, it is due at once, and late.
                    let left_ns = intended_ns.saturating_sub(at_ns);
                    kept.thought_ns = kept.thought_ns.saturating_add(left_ns);
                    at_ns = at_ns.saturating_add(left_ns);
                }
                FlowOperation::Enter { flow } => self.flows.iter_mut().for_each(|of| of.enter(session, flow)),
                FlowOperation::Leave => {
                    let kept = self.sessions.get(session);
                    self.flows.iter_mut().for_each(|of| of.leave(session, kept, at_ns));
                }
                other => {
                    if let Some(to) = self.jump(session, other) {
                        self.sessions.at(session).next = to;
                    }
                }
            }
        }
    }

    /// A session thinks, for so long.
    #[inline(never)]
    fn think(&mut self, session: u32, think: Think) -> u64 {
        let thought_ns = think.draw(&mut self.drawn(session, Draw::Way));
        let kept = self.sessions.at(session);
        kept.thought_ns = kept.thought_ns.saturating_add(thought_ns);
        thought_ns
    }

    /// Where an operation that takes no time leads, if not to the next one.
    // A call, because most operations are requests: within `advance` it would be made ready for at each of them.
    #[inline(never)]
    fn jump(&mut self, session: u32, operation: FlowOperation) -> Option<usize> {
        match operation {
            FlowOperation::Choose(choice) => {
                let mut random = self.drawn(session, Draw::Step);
                let choice = &self.program.choices[choice];
                // As a mix draws.
                let total = choice.cumulated[choice.cumulated.len() - 1];
                let drawn = random.between(0, total - 1);
                Some(choice.branches[choice.cumulated.partition_point(|&bound| bound <= drawn)])
            }
            FlowOperation::Jump { to } => Some(to),
            // A draw in (0, 1].
            FlowOperation::Skip { chance, to } => {
                (self.drawn(session, Draw::Way).unit() > chance).then_some(to)
            }
            FlowOperation::Unless { condition, to } => {
                let holds = self.conditions[condition].holds(|value| self.values.get(session, value));
                (!holds).then_some(to)
            }
            FlowOperation::Repeat { counter, times, to } => {
                let count = match times.min == times.max {
                    true => times.min,
                    false => {
                        self.drawn(session, Draw::Way).between(times.min.into(), times.max.into()) as u32
                    }
                };
                *self.sessions.counter(session, counter) = count;
                (count == 0).then_some(to)
            }
            FlowOperation::Again { counter, to } => {
                let left = self.sessions.counter(session, counter);
                *left -= 1;
                (*left > 0).then_some(to)
            }
            FlowOperation::Call(_)
            | FlowOperation::Pause(_)
            | FlowOperation::RevisedPause(_)
            | FlowOperation::At { .. }
            | FlowOperation::Enter { .. }
            | FlowOperation::Leave
            | FlowOperation::End => None,
        }
    }

    /// The numbers of a session's next draw of this kind.
    fn drawn(&mut self, session: u32, draw: Draw) -> Random {
        let kept = self.sessions.at(session);
        let draws = self.draws.after(kept.draws);
        kept.draws += 1;
        draws.at(draw, kept.arrival.number)
    }

    /// A request of a session, intended then, is on its way.
    fn call(&mut self, session: u32, step: u32, intended_ns: u64) -> Call {
        let is_again = self.attempts.as_mut().is_some_and(|attempts| attempts.call(session, intended_ns));
        if let Some(redirects) = &mut self.redirects {
            redirects.call(session);
        }
        let kept = self.sessions.at(session);
        kept.state = SessionState::Calling;
        kept.thought_before_last_ns = kept.thought_ns;
        kept.calls += u32::from(!is_again);
        if let Some(flows) = &mut self.flows {
            flows.call(session, intended_ns, kept.thought_ns);
        }
        match kept.memory {
            // It is filled as it was, and what came the last time is forgotten.
            Some(memory) => self.memories.at(memory).captured.clear(),
            None if self.exchanges[step as usize].needs_memory() => {
                kept.memory = Some(self.memories.take());
            }
            None => {}
        }
        Call { step, session }
    }

    /// A request that was due, on its way.
    fn taken(&mut self, due: DueCall) -> Following {
        let kept = self.sessions.get(due.session);
        let (number, own_ns) = (kept.arrival.number, kept.recorded_ns.unwrap_or(due.due_ns));
        let call = self.call(due.session, due.step, own_ns);
        let first_ns = self.attempts.as_ref().map(|attempts| attempts.first_intended_ns(due.session));
        let intended_ns = first_ns.unwrap_or(own_ns);
        Following { call, arrival: Arrival { number, intended_ns }, due_ns: due.due_ns }
    }

    fn queue(&mut self, session: u32, step: usize, due_ns: u64) {
        self.sessions.at(session).state = SessionState::Waiting;
        self.queued += 1;
        let call = DueCall { due_ns, order: self.queued, step: step as u32, session };
        match &mut self.targets {
            None => self.due.push(call),
            Some(targets) => targets.push(call),
        }
    }

    fn end_session(&mut self, session: u32, end: IterationEnd, free_ns: u64, why: &'static str) {
        let kept = self.sessions.get(session);
        self.flows.iter_mut().for_each(|flows| flows.end(session, kept));
        let intended_ns = kept.arrival.intended_ns;
        let lasted_ns = kept.last_done_ns.saturating_sub(intended_ns);
        let waited_ns = lasted_ns.saturating_sub(kept.thought_before_last_ns);
        let number = kept.arrival.number;
        let has_sent = kept.has_sent;
        if let Some(memory) = self.sessions.at(session).memory.take() {
            self.memories.give_back(memory);
        }
        let ended = Iteration { number, intended_ns, end, waited_ns, lasted_ns, free_ns, has_sent, why };
        self.ended.push_back(ended);
        self.give_up_place(session);
    }

    /// The memory of a session is free for another one.
    #[inline]
    fn give_up_place(&mut self, session: u32) {
        match &mut self.own {
            None => self.sessions.end(session),
            Some(own) => own.end(session, &mut self.sessions),
        }
    }

    /// What waits for the connection of its session is due as all else is.
    fn resume_all(&mut self) {
        if let (Some(own), Some(targets)) = (&mut self.own, &mut self.targets) {
            own.resume_all(targets);
        }
    }

    /// What the session's last request was, which stands before its next operation.
    fn last_call(&self, session: u32) -> CallOperation {
        match self.program.operations[self.sessions.get(session).next - 1] {
            FlowOperation::Call(call) => call,
            ref other => unreachable!("{other:?} sends nothing"),
        }
    }

    /// Memory for a session, and the values of its rows.
    fn begin_session(&mut self, arrival: Arrival) -> (u32, RowTaken) {
        let session = match &mut self.own {
            None => self.sessions.begin(arrival),
            Some(own) => own.begin(arrival, &mut self.sessions),
        };
        self.values.begin(session);
        self.flows.iter_mut().for_each(|flows| flows.begin(session));
        if let Some(attempts) = &mut self.attempts {
            attempts.begin(session);
        }
        if let Some(redirects) = &mut self.redirects {
            redirects.begin(session);
        }
        if let Some(jars) = &mut self.cookies {
            jars.begin(session);
        }
        for used in &self.names.feeds {
            let values = &mut self.values;
            let mut take = |place: usize, text: &[u8]| values.set(session, used.values[place], Some(text));
            let taken = self.rows.row(used.feed, arrival.number, &used.columns, &mut take);
            if taken != RowTaken::Taken {
                return (session, taken);
            }
        }
        (session, RowTaken::Taken)
    }

    /// Cuts off a session.
    fn cut_off(&mut self, session: u32, now_ns: u64) {
        self.sessions.at(session).last_done_ns = now_ns;
        self.end_session(session, IterationEnd::Unfinished, now_ns, "");
    }
}

impl<R: RowSource> Source for FlowSource<R> {
    fn steps(&self) -> &[StepFacts] {
        &self.facts
    }

    fn begin(&mut self, _arrival: Arrival) -> Call {
        unreachable!("an arrival of a flow may have no request at once: it is started")
    }

    fn render(&mut self, call: Call, number: u64, out: &mut Outbox<'_>) {
        let exchange = &self.exchanges[call.step as usize];
        // What one request is filled with is no other's.
        let draws = self.draws.after(self.sessions.get(call.session).calls - 1);
        if let Some(redirects) = self.redirects.as_ref().filter(|redirects| redirects.is_hop(call.session)) {
            let memory = self.sessions.get(call.session).memory.expect("a hop has been filled");
            let hop = &self.memories.get(memory).hop;
            return redirects.render((call.session, call.step), number, draws, hop, out);
        }
        if exchange.holes.is_empty() {
            return exchange.template.render(number, draws, out);
        }
        let memory = self.sessions.get(call.session).memory.expect("a request with holes has been filled");
        exchange.template.render_filled(number, draws, &self.memories.get(memory).filled, out);
    }

    fn end(&mut self, call: Call, end: End, at: EndedAt) -> Outcome {
        let session = call.session;
        let memory = self.sessions.get(session).memory;
        // With its hops, where it has some.
        let sent_ns = self.attempts.as_ref().and_then(|attempts| attempts.sent_ns(session));
        let elapsed_ns = at.done_ns.saturating_sub(sent_ns.unwrap_or(at.sent_ns));
        self.last.begin(call.step as usize, memory, elapsed_ns);
        self.why = "";
        if let Some(memory) = memory {
            self.exchanges[call.step as usize].retell(&mut self.memories.at(memory).captured);
        }
        let led = match end {
            End::Response { code, .. } if self.redirects.is_some() => self.lead(call, code),
            _ => None,
        };
        let mut outcome = match led {
            None => self.judge(call, end, elapsed_ns),
            Some(RedirectEnd::Followed) => Outcome::Ok(self.last.code()),
            Some(_) => Outcome::Refused(self.last.code()),
        };
        if let End::Response { code, .. } = end
            && let Some(more) = self.keep_cookies(call, at.done_ns)
            && matches!(outcome, Outcome::Ok(_))
        {
            (outcome, self.why) = (Outcome::ValueMissing(code), more);
            if let Some(redirects) = self.redirects.as_mut().filter(|_| led.is_some()) {
                redirects.give_up(session);
                self.last.begin(call.step as usize, memory, elapsed_ns);
            }
        }
        let on_failure = self.last_call(session).on_failure;
        let kept = self.sessions.at(session);
        kept.last_done_ns = at.done_ns;
        let number = kept.arrival.number;
        if led == Some(RedirectEnd::Followed)
            && matches!(outcome, Outcome::Ok(_))
            && let Some(attempts) = &mut self.attempts
        {
            let due_ns = attempts.redirected(session, at);
            self.queue(session, call.step as usize, due_ns);
            return outcome;
        }
        if let Some(attempts) = &mut self.attempts
            && let Some(due_ns) = attempts.end(session, number, outcome, at)
        {
            self.queue(session, call.step as usize, due_ns);
            return outcome;
        }
        let kept = self.sessions.at(session);
        if let Some(memory) = kept.memory.take() {
            self.memories.give_back(memory);
        }
        if !matches!(outcome, Outcome::Ok(_)) {
            self.flows.iter_mut().for_each(|flows| flows.fail(session));
            kept.has_failed = true;
            kept.is_stopping |= on_failure == OnFailure::Stop;
        }
        if outcome == Outcome::Failed(Kind::Unfinished) {
            self.end_session(session, IterationEnd::Unfinished, at.done_ns, "");
            return outcome;
        }
        match self.advance(session, at.done_ns.saturating_sub(at.lag_ns)) {
            NextStop::Call { step, due_ns } => self.queue(session, step, due_ns),
            NextStop::End { free_ns } => {
                let has_failed = self.sessions.get(session).has_failed;
                let end = if has_failed { IterationEnd::Failed } else { IterationEnd::Ok };
                self.end_session(session, end, free_ns, "");
            }
        }
        outcome
    }

    const MAY_CONTINUE: bool = true;

    fn continues(&self) -> bool {
        true
    }

    fn starts(&mut self, start_ns: u64) {
        self.unix_offset_ns = self.unix_offset_ns.wrapping_add(start_ns);
    }

    fn revise_thinks(&mut self, thinks: &RevisedThinks) {
        if self.thinks.is_none() {
            thinks.take_over(&mut self.program, &mut self.sessions);
        }
        self.thinks = Some(Box::new(thinks.clone()));
    }

    fn start(&mut self, arrival: Arrival) -> Started {
        let (session, taken) = self.begin_session(arrival);
        match taken {
            RowTaken::Taken => {}
            RowTaken::Starved | RowTaken::Stop => {
                self.give_up_place(session);
                return if taken == RowTaken::Starved { Started::Starved } else { Started::Over };
            }
            RowTaken::Missing => {
                self.end_session(session, IterationEnd::Failed, arrival.intended_ns, NO_ROW);
                return Started::Later;
            }
        }
        match self.advance(session, arrival.intended_ns) {
            // Where there are several targets, it waits for a connection to its own.
            NextStop::Call { step, due_ns } if due_ns == arrival.intended_ns && self.targets.is_none() => {
                return Started::Call(self.call(session, step as u32, due_ns));
            }
            NextStop::Call { step, due_ns } => self.queue(session, step, due_ns),
            NextStop::End { free_ns } => self.end_session(session, IterationEnd::Ok, free_ns, ""),
        }
        Started::Later
    }

    fn has_room(&self) -> bool {
        self.sessions.has_room()
    }

    #[inline]
    fn next_due_ns(&self) -> Option<u64> {
        self.due.peek().map(|due| due.due_ns)
    }

    fn take_due(&mut self) -> Following {
        let due = self.due.pop().expect("something is due");
        self.taken(due)
    }

    fn next_due_at(&self, target: usize) -> Option<u64> {
        self.targets.as_ref()?.next_due_ns(target)
    }

    fn take_due_at(&mut self, target: usize) -> Following {
        let due = self.targets.as_mut().and_then(|targets| targets.pop(target));
        self.taken(due.expect("something is due at the target"))
    }

    fn next_session_at(&self, target: usize) -> Option<u32> {
        self.targets.as_ref()?.next_session(target)
    }

    fn hold_due_at(&mut self, target: usize) {
        let due = self.targets.as_mut().and_then(|targets| targets.pop(target));
        if let (Some(own), Some(due)) = (&mut self.own, due) {
            own.hold(due);
        }
    }

    fn resume_at(&mut self, target: usize, session: u32) {
        if let (Some(own), Some(targets)) = (&mut self.own, &mut self.targets) {
            own.resume(session, target, targets);
        }
    }

    fn next_left(&mut self) -> Option<u32> {
        self.own.as_mut()?.next_left(&mut self.sessions)
    }

    fn under_way(&self) -> u64 {
        self.sessions.count() as u64
    }

    fn next_ended(&mut self) -> Option<Iteration> {
        self.ended.pop_front()
    }

    fn next_passed(&mut self) -> Option<FlowPass> {
        self.flows.as_mut()?.next_passed()
    }

    fn prepare(&mut self, call: Call, now_ns: u64) -> Result<(), Unprepared> {
        if self.is_hop(call.session) {
            self.fill_hop(call, self.unix_s(now_ns));
            return Ok(());
        }
        if let Some(values) = self.constants.look(now_ns) {
            self.values.renew(values);
        }
        self.fill(call, now_ns)?;
        self.sessions.at(call.session).has_sent = true;
        Ok(())
    }

    #[inline]
    fn wants_fields(&self, call: Call) -> bool {
        // Attempts look for one that says how long to wait.
        self.exchanges[call.step as usize].wants.has_fields() || self.attempts.is_some()
    }

    fn field(&mut self, call: Call, name: &[u8], value: &[u8]) {
        let wants = &self.exchanges[call.step as usize].wants;
        // None where the request has ended before its response.
        if let Some(memory) = self.sessions.get(call.session).memory {
            self.memories.at(memory).captured.header(wants, name, value);
        }
        if let Some(attempts) = &mut self.attempts {
            attempts.field(call.session, name, value);
        }
    }

    fn body(&mut self, call: Call, bytes: &[u8]) {
        let wants = &self.exchanges[call.step as usize].wants;
        if let Some(memory) = self.sessions.get(call.session).memory {
            self.memories.at(memory).captured.body(wants, bytes);
        }
    }

    fn message_begins(&mut self, call: Call) {
        if let Some(memory) = self.sessions.get(call.session).memory {
            self.memories.at(memory).captured.message_begins();
        }
    }

    fn why(&self) -> &'static str {
        self.why
    }

    #[inline]
    fn looked(&self) -> Option<LookedResponse<'_>> {
        self.last.of_response(self)
    }

    fn ended_attempt(&self) -> Option<EndedAttempt> {
        self.attempts.as_ref().map(|attempts| attempts.ended)
    }

    fn take_breaker_counts(&mut self) -> BreakerCounts {
        self.attempts.as_mut().map_or(BreakerCounts::default(), |attempts| attempts.take_counts())
    }

    fn take_untried(&mut self) -> Option<Following> {
        self.attempts.as_ref()?;
        self.resume_all();
        let attempts = self.attempts.as_mut()?;
        if let Some(targets) = &mut self.targets {
            let untried = targets.pop_where(|session| attempts.is_again(session), &mut self.set_aside)?;
            attempts.give_up(untried.session);
            return Some(self.taken(untried));
        }
        while let Some(due) = self.due.peek() {
            if let Some(attempts) = self.attempts.as_mut().filter(|attempts| attempts.is_again(due.session)) {
                attempts.give_up(due.session);
                return Some(self.take_due());
            }
            // What else is due has not begun, and is not counted. It stays due.
            self.due.pop();
            self.set_aside.push(due);
        }
        self.set_aside.drain(..).for_each(|due| self.due.push(due));
        None
    }

    fn abandon_waiting(&mut self, now_ns: u64) {
        self.resume_all();
        while let Some(next) = self.targets.as_mut().and_then(|targets| targets.pop_any()) {
            self.cut_off(next.session, now_ns);
        }
        // Whatever waits is due at some moment. All other sessions, of which there may be many, are not looked at.
        let mut due = std::mem::replace(&mut self.due, DueQueue::new());
        while let Some(next) = due.pop() {
            self.cut_off(next.session, now_ns);
        }
        // Its memory is used again.
        self.due = due;
    }

    fn abandon(&mut self, now_ns: u64) {
        self.resume_all();
        self.due.clear();
        if let Some(targets) = &mut self.targets {
            targets.clear();
        }
        let all: Vec<u32> = self.sessions.live().collect();
        all.into_iter().for_each(|session| self.cut_off(session, now_ns));
    }
}

impl<R> LookedExamples for FlowSource<R> {
    fn example(&self, looked_for: LookedFor) -> String {
        let captured = self.last.memory.map(|memory| &self.memories.get(memory).captured);
        let exchange = &self.exchanges[self.last.step];
        captured.map_or_else(String::new, |captured| {
            let looked = (&exchange.wants, exchange.inspection(), exchange.location(captured));
            self.last.example(looked_for, captured, looked, self.values.constants())
        })
    }
}
