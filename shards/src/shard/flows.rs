//! Requests that follow each other: beside arrivals, the loop sends what is due of iterations that have begun.

use super::Shard;
use super::core::{Core, MILLISECOND_NS};
use super::endings::write_down;
use super::pool::ConnectionPool;
use super::scenario::ScenarioRun;
use crate::protocol::Protocol;
use crate::wire::{Slot, Wire};
use engine::bucket::TokenBucket;
use engine::outcome::Kind;
use engine::record::{Instants, Recorder};
use engine::seams::{End, EndedAt, Following, Source, Started, Unprepared};

/// Requests that cannot be filled in and are passed over in a turn, so that responses get theirs.
const UNPREPARED_PER_TURN: usize = 64;
/// How long a user waits at least whose iteration has sent nothing.
const IDLE_LOOP_NS: u64 = MILLISECOND_NS;

impl<S: Source> ScenarioRun<S> {
    /// Whether its requests follow each other.
    #[inline(always)]
    pub(super) fn is_flow(&self) -> bool {
        S::MAY_CONTINUE && self.source.continues()
    }

    /// When the next request of a flow is due, or its next arrival.
    pub(super) fn next_due_of_flow(&self) -> Option<u64> {
        let starved_ns = self.starved.map(|arrival| arrival.intended_ns);
        let arrival_ns = starved_ns.or_else(|| match &self.users {
            Some(users) => users.next_ns(),
            None => self.bucket().and_then(TokenBucket::next_ns),
        });
        let arrival_ns = arrival_ns.filter(|_| self.source.has_room());
        [self.source.next_due_ns(), arrival_ns].into_iter().flatten().min()
    }

    /// What is due by now and has been due for longest: a request that follows another, or the first one of an arrival. An arrival whose
    /// first request is due later is begun, and looked past.
    pub(super) fn next_of_flow(&mut self, recorder: &mut Recorder, now_ns: u64) -> Option<Following> {
        loop {
            let due_ns = self.next_due_of_flow().filter(|&due_ns| due_ns <= now_ns)?;
            if self.source.next_due_ns() == Some(due_ns) {
                return Some(self.source.take_due());
            }
            let was_starved = self.starved.is_some();
            let arrival = match self.starved.take() {
                Some(arrival) => arrival,
                None => match &mut self.users {
                    Some(users) => users.poll_due(now_ns)?,
                    None => self.next_arrival(now_ns, now_ns)?,
                },
            };
            let started = self.source.start(arrival);
            match started {
                Started::Starved => {
                    recorder.stats.starved_rows += u64::from(!was_starved);
                    // What follows in iterations that have begun waits for no row.
                    self.starved = Some(arrival);
                    let is_due = self.source.next_due_ns().is_some_and(|due_ns| due_ns <= now_ns);
                    return is_due.then(|| self.source.take_due());
                }
                Started::Over => {
                    recorder.requests.scenarios[self.number].is_fed_out = true;
                    match self.bucket_mut() {
                        Some(bucket) => bucket.forget_rest(),
                        None => self.end_closed_loop(),
                    }
                    continue;
                }
                Started::Later | Started::Call(_) => {}
            }
            recorder.iteration_began(self.number, arrival.intended_ns, now_ns);
            if let Started::Call(call) = started {
                return Some(Following { call, arrival, due_ns: arrival.intended_ns });
            }
        }
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
    fn end_unsent(
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

    /// What waits for a connection and has waited for longest, of any scenario.
    pub(super) fn longest_waiting(
        &mut self,
        core: &mut Core<impl Wire>,
        first_series: usize,
        now_ns: u64,
    ) -> Option<Following> {
        if self.is_flow() {
            return self.next_prepared(core, first_series, now_ns);
        }
        let arrival = self.next_arrival(now_ns, now_ns)?;
        Some(Following { call: self.source.begin(arrival), arrival, due_ns: arrival.intended_ns })
    }

    /// Writes down the iterations that have ended since the last time.
    pub(super) fn note_iterations(&mut self, recorder: &mut Recorder, now_ns: u64) {
        while let Some(iteration) = self.source.next_ended() {
            recorder.iteration_ended(self.number, &iteration);
            if let Some(users) = &mut self.users {
                // One that has sent nothing took no time: its user begins no more often than once in a while.
                let took_time = iteration.free_ns > iteration.intended_ns;
                users.ended(
                    iteration.number,
                    if took_time { iteration.free_ns } else { now_ns + IDLE_LOOP_NS },
                );
            }
            if !iteration.why.is_empty() {
                recorder.failed_because(iteration.intended_ns, Kind::Feed, iteration.why);
            }
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
        let free_ns = self.connections.at(slot).free_ns;
        let Some(now_ns) = core.now_ns.checked_sub(core.start_ns) else { return false };
        let Some(next) = scenario.next_prepared(core, self.first_series, now_ns) else { return false };
        self.connections.unqueue_first();
        // One that is tried again was intended long ago, and could not leave before it was due.
        let free_ns = free_ns.max(core.start_ns + next.due_ns);
        self.send_call(core, scenario, slot, next, free_ns);
        self.connections.queue(slot);
        core.sends += 1;
        core.operations += 1;
        true
    }
}

impl<W: Wire, S: Source, P: Protocol> Shard<W, S, P> {
    /// Writes down the iterations that have ended in this turn.
    #[inline(never)]
    pub(super) fn note_iterations(&mut self) {
        let Shard { core, scenarios, .. } = self;
        let now_ns = core.relative_ns(core.now_ns);
        for scenario in scenarios.iter_mut().filter(|scenario| scenario.is_flow()) {
            scenario.note_iterations(&mut core.recorder, now_ns);
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
        under_way.map(|scenario| self.ended_ns.saturating_add(scenario.graceful_ns)).max()
    }

    /// Ends the iterations that the run has not finished.
    pub(super) fn abandon_iterations(&mut self, now: u64) {
        let now_ns = self.core.relative_ns(now);
        for scenario in &mut self.scenarios {
            // A request that has failed and is to be tried again has been begun, and ends with the run.
            while let Some(next) = scenario.source.take_untried() {
                let why = (Kind::Unfinished, Kind::Unfinished.meaning());
                let first_series = scenario.first_series;
                scenario.end_unsent(&mut self.core.recorder, first_series, next, why, now_ns);
            }
            scenario.source.abandon(now_ns);
        }
        self.note_iterations();
    }
}
