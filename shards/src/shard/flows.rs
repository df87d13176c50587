//! Requests that follow each other: beside arrivals, the loop sends what is due of iterations that have begun.

use super::Shard;
use super::core::{Core, MILLISECOND_NS};
use super::endings::write_down;
use super::pool::ConnectionPool;
use super::scenario::{Course, ScenarioRun, StarvedArrival};
use crate::protocol::Protocol;
use crate::wire::{Slot, Wire};
use engine::bucket::{Arrival, TokenBucket};
use engine::outcome::Kind;
use engine::record::{Instants, Recorder};
use engine::seams::{End, EndedAt, Following, Source, Started, Unprepared};

/// Requests that cannot be filled in and are passed over in a turn, so that responses get theirs.
pub(super) const UNPREPARED_PER_TURN: usize = 64;
/// How long a user waits at least whose iteration has sent nothing.
const IDLE_LOOP_NS: u64 = MILLISECOND_NS;
/// How long it is until a row that had not been read yet is asked for again.
const STARVED_NS: u64 = MILLISECOND_NS;

impl<S: Source> ScenarioRun<S> {
    /// Until when its iterations may go on, from the start of the run, if that ends no later than this.
    fn grace_ends_ns(&self, ended_ns: u64) -> u64 {
        self.ends_ns.min(ended_ns).saturating_add(self.graceful_ns)
    }

    /// Whether its requests follow each other.
    #[inline(always)]
    pub(super) fn is_flow(&self) -> bool {
        S::MAY_CONTINUE && self.source.continues()
    }

    /// When the next request of a flow is due, or its next arrival.
    pub(super) fn next_due_of_flow(&self) -> Option<u64> {
        match (self.source.next_due_ns(), self.next_arrival_of_flow()) {
            (Some(following_ns), Some(arrival_ns)) => Some(following_ns.min(arrival_ns)),
            (following_ns, arrival_ns) => following_ns.or(arrival_ns),
        }
    }

    /// When its next arrival is due, if there is room for it.
    #[inline(always)]
    pub(super) fn next_arrival_of_flow(&self) -> Option<u64> {
        // It is not due before its row is asked for again: the loop can sleep, and others are not held up.
        let starved_ns = self.starved.map(|starved| starved.again_ns);
        let arrival_ns = starved_ns.or_else(|| match &self.users {
            Some(users) => users.next_ns(),
            None => self.bucket().and_then(TokenBucket::next_ns),
        });
        arrival_ns.filter(|_| self.source.has_room())
    }

    /// What is due by now and has been due for longest: a request that follows another, or the first one of an arrival. An arrival whose
    /// first request is due later is begun, and looked past.
    pub(super) fn next_of_flow(&mut self, recorder: &mut Recorder, now_ns: u64) -> Option<Following> {
        if self.is_closed {
            self.end_untried(recorder, now_ns);
            self.source.abandon_waiting(now_ns);
        }
        loop {
            self.withhold(recorder, now_ns);
            let (following_ns, arrival_ns) = (self.source.next_due_ns(), self.next_arrival_of_flow());
            let is_due =
                |due_ns: u64| due_ns <= now_ns && arrival_ns.is_none_or(|other_ns| due_ns <= other_ns);
            if following_ns.is_some_and(is_due) {
                return Some(self.take_due());
            }
            arrival_ns.filter(|&due_ns| due_ns <= now_ns)?;
            let (arrival, started) = self.begin_arrival(recorder, now_ns)?;
            match started {
                Started::Call(call) => {
                    return Some(Following { call, arrival, due_ns: arrival.intended_ns });
                }
                Started::Starved => {
                    // What follows in iterations that have begun waits for no row.
                    let is_due = self.source.next_due_ns().is_some_and(|due_ns| due_ns <= now_ns);
                    return is_due.then(|| self.take_due());
                }
                Started::Over | Started::Later => {}
            }
        }
    }

    /// Begins the next arrival, which is due, or finds that it cannot begin.
    #[inline(always)]
    pub(super) fn begin_arrival(
        &mut self,
        recorder: &mut Recorder,
        now_ns: u64,
    ) -> Option<(Arrival, Started)> {
        let was_starved = self.starved.is_some();
        let arrival = match self.starved.take() {
            Some(starved) => starved.arrival,
            None => match &mut self.users {
                Some(users) => users.poll_due(now_ns)?,
                None => self.next_arrival(now_ns, now_ns)?,
            },
        };
        let started = self.source.start(arrival);
        match started {
            Started::Starved => {
                recorder.stats.starved_rows += u64::from(!was_starved);
                self.starved = Some(StarvedArrival { arrival, again_ns: now_ns + STARVED_NS });
            }
            Started::Over => {
                recorder.requests.scenarios[self.number].is_fed_out = true;
                match self.bucket_mut() {
                    Some(bucket) => {
                        bucket.forget_rest();
                        self.course = Course::Over;
                    }
                    None => self.end_closed_loop(),
                }
            }
            Started::Later | Started::Call(_) => {
                self.is_full = !self.source.has_room();
                recorder.iteration_began(self.number, arrival.intended_ns, now_ns);
                self.has_waited_for_room = arrival.intended_ns < self.room_ns;
                if self.has_waited_for_room {
                    recorder.iteration_waited(self.number, arrival.intended_ns);
                }
            }
        }
        Some((arrival, started))
    }

    /// A request that follows another. It has waited for no room, whatever arrival was begun on the way to it.
    fn take_due(&mut self) -> Following {
        self.has_waited_for_room = false;
        self.source.take_due()
    }

    /// The next request of a flow, filled in. One that cannot be filled has failed, and the next one is looked for.
    fn next_prepared(
        &mut self,
        core: &mut Core<impl Wire>,
        first_series: usize,
        now_ns: u64,
    ) -> Option<Following> {
        for _ in 0..UNPREPARED_PER_TURN {
            let next = self.next_of_flow(&mut core.recorder, now_ns)?;
            let Err(Unprepared { kind, why }) = self.source.prepare(next.call, now_ns) else {
                return Some(next);
            };
            self.end_unsent(&mut core.recorder, first_series, next, (kind, why), now_ns);
        }
        None
    }

    /// A request has failed without being sent.
    pub(super) fn end_unsent(
        &mut self,
        recorder: &mut Recorder,
        first_series: usize,
        Following { call, arrival, .. }: Following,
        (kind, why): (Kind, &'static str),
        now_ns: u64,
    ) {
        let at = EndedAt { sent_ns: now_ns, done_ns: now_ns, lag_ns: 0 };
        let outcome = self.source.end(call, End::Failed(kind), at);
        let instants = Instants { intended: arrival.intended_ns, sent: now_ns, done: now_ns };
        let series = first_series + call.step as usize;
        if write_down(recorder, &self.source, series, outcome, instants, None) {
            recorder.failed_because(instants.intended, kind, why);
        }
    }

    /// What waits for a connection of a pool and has waited for longest, of any scenario.
    pub(super) fn longest_waiting(
        &mut self,
        core: &mut Core<impl Wire>,
        (pool, first_series): (usize, usize),
        now_ns: u64,
    ) -> Option<Following> {
        if self.has_targets() {
            return self.longest_waiting_on(core, pool, now_ns);
        }
        if self.is_flow() {
            return self.next_prepared(core, first_series, now_ns);
        }
        self.withhold(&mut core.recorder, now_ns);
        let arrival = self.next_arrival(now_ns, now_ns)?;
        Some(Following { call: self.source.begin(arrival), arrival, due_ns: arrival.intended_ns })
    }

    /// A request that has failed and is to be tried again has been begun: it ends with the run, or with its scenario.
    pub(super) fn end_untried(&mut self, recorder: &mut Recorder, now_ns: u64) {
        while let Some(next) = self.source.take_untried() {
            let why = (Kind::Unfinished, Kind::Unfinished.meaning());
            self.end_unsent(recorder, self.first_series, next, why, now_ns);
        }
    }

    /// Notes since when there is room for a session again, in the turn in which one ends: since the response came that ended it, which
    /// was so long ago at the most.
    pub(super) fn note_room(&mut self, now_ns: u64, late_ns: u64) {
        if self.is_full && self.source.has_room() {
            (self.is_full, self.room_ns) = (false, now_ns.saturating_sub(late_ns));
        }
    }

    /// Writes down the iterations that have ended since the last time.
    pub(super) fn note_iterations(&mut self, recorder: &mut Recorder, now_ns: u64) {
        if self.is_closed {
            self.end_untried(recorder, now_ns);
            self.source.abandon_waiting(now_ns);
        }
        while let Some(iteration) = self.source.next_ended() {
            recorder.iteration_ended(self.number, &iteration);
            if let Some(users) = &mut self.users {
                // One that has sent nothing took no time of the target's: its user begins no more often than once in a while.
                let earliest_ns = if iteration.has_sent { 0 } else { now_ns + IDLE_LOOP_NS };
                users.ended(iteration.number, iteration.free_ns.max(earliest_ns));
            }
            if !iteration.why.is_empty() {
                recorder.failed_because(iteration.intended_ns, Kind::Feed, iteration.why);
            }
        }
        while let Some(pass) = self.source.next_passed() {
            recorder.flow_passed(self.number, &pass);
        }
        recorder.requests.scenarios[self.number].breaker.add(self.source.take_breaker_counts());
    }
}

impl<P: Protocol> ConnectionPool<P> {
    /// Sends what is due next of a flow on a connection that is free. True when something was sent.
    #[inline(never)]
    pub(super) fn release_of_flow<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
    ) -> bool {
        let Some(now_ns) = core.now_ns.checked_sub(core.start_ns) else { return false };
        scenario.note_room(now_ns, core.late_ns);
        let Some(next) = scenario.next_prepared(core, self.first_series, now_ns) else { return false };
        self.send_of_flow(core, scenario, slot, next);
        true
    }

    /// Sends a request of a flow, filled in, on a connection that is free.
    #[inline(always)]
    pub(super) fn send_of_flow<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
        next: Following,
    ) {
        let free_ns = self.free_since_ns(core, scenario, slot, next);
        self.connections.unqueue_first();
        self.send_call(core, scenario, slot, next, free_ns);
        self.connections.queue(slot);
        core.sends += 1;
        core.operations += 1;
    }

    /// Since when a connection could have taken a request of a flow.
    #[inline(always)]
    pub(super) fn free_since_ns<W: Wire, S: Source>(
        &mut self,
        core: &Core<W>,
        scenario: &ScenarioRun<S>,
        slot: Slot,
        next: Following,
    ) -> u64 {
        let free_ns = self.connections.at(slot).free_ns;
        // What waited for a session could not be sent before one was free, and it was no doing of the generator's that none was.
        let room_ns = if scenario.has_waited_for_room { scenario.room_ns } else { 0 };
        let free_ns = free_ns.max(core.start_ns + room_ns);
        // One that is tried again was intended long ago, and could not leave before it was due.
        free_ns.max(core.start_ns + next.due_ns)
    }
}

impl<W: Wire, S: Source, P: Protocol> Shard<W, S, P> {
    /// Writes down the iterations that have ended in this turn.
    #[inline(never)]
    pub(super) fn note_iterations(&mut self) {
        let Shard { core, scenarios, .. } = self;
        let now_ns = core.relative_ns(core.now_ns);
        for scenario in scenarios.iter_mut().filter(|scenario| scenario.is_flow()) {
            scenario.note_room(now_ns, core.late_ns);
            scenario.note_iterations(&mut core.recorder, now_ns);
        }
    }

    /// Closes the connections of those who have left, of scenarios in which they have their own.
    pub(super) fn close_left(&mut self) {
        let Shard { core, scenarios, pools, .. } = self;
        for scenario in scenarios.iter_mut().filter(|scenario| scenario.has_own_connections()) {
            scenario.close_left(core, pools);
        }
    }

    /// Whether iterations are under way.
    pub(super) fn has_iterations(&self) -> bool {
        S::MAY_CONTINUE && self.scenarios.iter().any(|scenario| scenario.source.under_way() > 0)
    }

    /// Until when iterations may go on after the end of the run, from its start, if any are under way.
    pub(super) fn graceful_until_ns(&self) -> Option<u64> {
        let flows = self.scenarios.iter().filter(|scenario| scenario.is_flow());
        let under_way = flows.filter(|scenario| scenario.source.under_way() > 0);
        under_way.map(|scenario| scenario.grace_ends_ns(self.ended_ns)).max()
    }

    /// Begins or ends the grace of the scenarios whose time it is, each by its own end.
    pub(super) fn end_graces(&mut self, now: u64) {
        let (now_ns, ended_ns) = (self.core.relative_ns(now), self.ended_ns);
        for scenario in self.scenarios.iter_mut().filter(|scenario| scenario.is_flow() && !scenario.is_closed)
        {
            let has_ended = scenario.course != Course::Scheduling && scenario.ends_ns.min(ended_ns) <= now_ns;
            if has_ended && scenario.grace_until_ns.is_none() {
                scenario.grace_until_ns = Some(scenario.grace_ends_ns(ended_ns));
            }
            if scenario.grace_until_ns.is_some_and(|until_ns| until_ns <= now_ns) {
                (scenario.is_closed, scenario.grace_until_ns) = (true, None);
            }
        }
    }

    /// Ends the iterations that the run has not finished.
    pub(super) fn abandon_iterations(&mut self, now: u64) {
        let now_ns = self.core.relative_ns(now);
        for scenario in &mut self.scenarios {
            scenario.end_untried(&mut self.core.recorder, now_ns);
            scenario.source.abandon(now_ns);
        }
        self.note_iterations();
    }
}
