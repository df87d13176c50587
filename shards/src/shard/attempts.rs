//! Connections being made: begun, agreed on, ready, or failed and tried again.
//!
//! A connection is ready once its protocol is: after the handshake, where there is one. Where connections are not used again,
//! each request makes its own, and waits on it: the attempt is a part of its response time.

use super::core::{Core, MILLISECOND_NS, Released, SECOND_NS, Stage, TICK_NS};
use super::endings::write_down;
use super::pool::ConnectionPool;
use super::scenario::{Course, ScenarioRun};
use crate::connection::{Armed, Flight, Link};
use crate::protocol::{Protocol, Readiness, Sending, Unusable};
use crate::wire::{Slot, Wire};
use engine::outcome::{Fault, Kind};
use engine::record::{AttemptPhase, Instants};
use engine::seams::{End, EndedAt, Following, Source};

/// Connections are begun no faster than this, and no more are under way at a time: servers' backlogs are short.
const CONNECTS_PER_TURN: usize = 16;
const CONNECTING_MAX: u32 = 256;
const _: () =
    assert!(CONNECTS_PER_TURN <= CONNECTING_MAX as usize, "a turn begins no more than may be under way");
/// First and longest wait before a failed connection is tried again. The wait doubles, and is drawn from its upper half.
const BACKOFF_NS_MIN: u64 = 10 * MILLISECOND_NS;
const BACKOFF_NS_MAX: u64 = SECOND_NS;
const _: () = assert!(BACKOFF_NS_MIN <= BACKOFF_NS_MAX, "a wait doubles from the one to the other");
/// A connection that is begun counts as so many operations.
const OPERATIONS_PER_CONNECT: u64 = 4;

impl<P: Protocol> ConnectionPool<P> {
    /// Begins to make a connection.
    fn connect<W: Wire>(&mut self, core: &mut Core<W>, slot: Slot) {
        self.connecting += 1;
        self.attempted = self.attempted.max(slot + 1);
        core.operations += OPERATIONS_PER_CONNECT;
        core.recorder.attempts.began();
        let deadline_ns = core.now_ns + self.connect_timeout_ns;
        let connection = self.connections.at(slot);
        connection.begun_ns = core.now_ns;
        connection.set_link(Link::Connecting { deadline_ns });
        core.wire.connect(self.first_slot + slot);
    }

    /// There is a connection; what is spoken on it may have to be agreed on yet.
    pub(super) fn connected<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
    ) {
        let connection = self.connections.at(slot);
        let Link::Connecting { deadline_ns } = connection.link() else { return };
        connection.set_link(Link::Agreeing { deadline_ns });
        (connection.made_ns, connection.secured_ns) = (core.now_ns, 0);
        connection.heard_ns = core.now_ns;
        core.recorder.attempts.connected(core.now_ns.saturating_sub(connection.begun_ns));
        let mut out = core.wire.outbox(self.first_slot + slot);
        let opened = self.protocols[slot as usize].opened(&mut self.shared, &mut out);
        let has_output = out.filled() > 0;
        if let Err(unusable) = opened {
            return self.attempt_failed(core, scenario, slot, unusable);
        }
        if has_output {
            self.connections.note_output(slot);
        }
        self.arm_stream(core, slot);
        self.agreed(core, scenario, slot);
    }

    /// If all is agreed on, the connection is ready.
    pub(super) fn agreed<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
    ) {
        let readiness = self.protocols[slot as usize].readiness();
        let connection = self.connections.at(slot);
        if self.is_secured && readiness != Readiness::Securing && connection.secured_ns == 0 {
            connection.secured_ns = core.now_ns;
            core.recorder.attempts.secured(core.now_ns.saturating_sub(connection.made_ns));
        }
        let Readiness::Ready { is_resumed } = readiness else { return };
        self.connecting -= 1;
        self.connections.open += 1;
        let connection = self.connections.at(slot);
        core.recorder.attempts.succeeded(core.now_ns.saturating_sub(connection.begun_ns), is_resumed);
        if connection.was_open && self.is_reused {
            core.recorder.stats.reconnects += 1;
        }
        connection.was_open = true;
        connection.has_answered = false;
        connection.set_link(Link::Open);
        match self.is_on_demand {
            true => self.send_awaited(core, scenario, slot),
            false => self.make_room(core.now_ns, slot),
        }
    }

    /// A request makes its own connection, and is sent once that is ready.
    pub(super) fn attempt<W: Wire>(
        &mut self,
        core: &mut Core<W>,
        slot: Slot,
        Following { call, arrival, .. }: Following,
        free_ns: u64,
    ) {
        let now = core.now_ns;
        let intended_ns = match self.is_closed_loop {
            true => now,
            false => core.start_ns + arrival.intended_ns,
        };
        let mut flight = Flight::new(call, intended_ns);
        flight.set_sent(now.max(intended_ns));
        flight.set_lag(now.saturating_sub(intended_ns.max(free_ns)));
        let place = self.connections.begin(P::IS_IN_ORDER, slot, flight);
        self.replays.note(place, arrival.number);
        self.connect(core, slot);
    }

    /// The connection is there: sends the request that waited for it.
    fn send_awaited<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
    ) {
        let Some(place) = self.connections.oldest(P::IS_IN_ORDER, slot) else { return };
        let flight = self.connections.flight(place);
        let sending = Sending { call: flight.call(), number: self.replays.number_of(place), place };
        let mut out = core.wire.outbox(self.first_slot + slot);
        let protocol = &mut self.protocols[slot as usize];
        let sent = protocol.send(&mut self.shared, &mut scenario.source, sending, &mut out);
        self.connections.restart_timeout(place);
        // What it owes of the time before the attempt stays as it was.
        let free_ns = core.now_ns.saturating_sub(flight.lag_ns());
        core.released.push(Released { pool: self.number, place, free_ns, bytes: sent.unwrap_or(0) });
        core.sends += 1;
        if let Err(unusable) = sent {
            return self.broken(core, scenario, slot, unusable);
        }
        self.finish_send(core, slot);
    }

    /// No connection was made.
    pub(super) fn connect_failed<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
        kind: Kind,
    ) {
        self.attempt_failed(core, scenario, slot, Unusable { kind, why: kind.meaning() });
    }

    /// An attempt came to nothing, for this reason.
    pub(super) fn attempt_failed<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
        unusable: Unusable,
    ) {
        let Unusable { kind, why } = unusable;
        let connection = self.connections.at(slot);
        let phase = match connection.link() {
            Link::Agreeing { .. } if self.is_secured && connection.secured_ns == 0 => AttemptPhase::Tls,
            Link::Agreeing { .. } => AttemptPhase::Ready,
            _ => AttemptPhase::Connect,
        };
        self.connecting -= 1;
        core.recorder.attempts.failed(phase, kind, why);
        core.recorder.stats.connect_failures += 1;
        let is_starting = core.start_ns == u64::MAX;
        let is_own = is_starting && kind.fault() == Fault::Generator;
        core.recorder.stats.connect_failures_own += u64::from(is_own);
        core.wire.close(self.first_slot + slot);
        let connection = self.connections.at(slot);
        connection.has_output = false;
        connection.set_sending(false);
        self.fail_awaited(core, scenario, slot, unusable);
        self.retry_later(core.now_ns, slot);
        // With several targets, how arrivals wait is of them all, and what is dropped is written down in the turn that comes to all.
        if scenario.sheds && !scenario.has_targets() {
            self.shed(core, scenario);
        }
        if !self.is_on_demand {
            self.fail_longest_waiting(core, scenario, unusable);
        }
    }

    /// The request that waited for this connection has failed with it.
    fn fail_awaited<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
        Unusable { kind, why }: Unusable,
    ) {
        while let Some(place) = self.connections.oldest(P::IS_IN_ORDER, slot) {
            let flight = self.connections.end(P::IS_IN_ORDER, slot, place);
            let instants = core.instants(flight.intended_ns, flight.sent_ns(), core.now_ns);
            let at = EndedAt { sent_ns: instants.sent, done_ns: instants.done, lag_ns: flight.lag_ns() };
            let outcome = scenario.source.end(flight.call(), End::Failed(kind), at);
            let series = self.first_series + flight.step();
            if write_down(&mut core.recorder, &scenario.source, series, outcome, instants, None) {
                core.recorder.failed_because(instants.intended, kind, why);
            }
        }
    }

    /// While nothing at all can be reached, an attempt that fails is the failure of the arrival that waited longest.
    fn fail_longest_waiting<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        Unusable { kind, why }: Unusable,
    ) {
        let relative_ns = core.relative_ns(core.now_ns);
        if core.stage == Stage::Running
            && scenario.course == Course::Scheduling
            && self.connections.open == 0
            && let Some(Following { call, arrival, .. }) =
                scenario.longest_waiting(core, (self.number as usize, self.first_series), relative_ns)
        {
            let at = EndedAt { sent_ns: relative_ns, done_ns: relative_ns, lag_ns: 0 };
            let outcome = scenario.source.end(call, End::Failed(kind), at);
            let instants = Instants { intended: arrival.intended_ns, sent: relative_ns, done: relative_ns };
            let series = self.first_series + call.step as usize;
            if write_down(&mut core.recorder, &scenario.source, series, outcome, instants, None) {
                core.recorder.failed_because(instants.intended, kind, why);
            }
        }
    }

    pub(super) fn retry_later(&mut self, now: u64, slot: Slot) {
        let connection = self.connections.at(slot);
        connection.attempts += 1;
        let longest_ns = (BACKOFF_NS_MIN << connection.attempts.min(10)).min(BACKOFF_NS_MAX);
        let wait_ns = self.random.between(longest_ns / 2, longest_ns);
        connection.set_link(Link::Closed { retry_ns: now + wait_ns });
        connection.armed = Armed::No;
        // It waits for the target from now on, and not for what the generator owed.
        connection.carried_ns = 0;
        self.next_retry_ns = self.next_retry_ns.min(now + wait_ns);
        // One of a session that has left may stand there still.
        if !std::mem::replace(&mut self.connections.at(slot).is_listed, true) {
            self.closed.push_back(slot);
        }
        debug_assert!(self.closed.len() <= self.connections.count() as usize, "each is listed once");
    }

    /// What failed while connecting is tried afresh at the start: the first arrivals do not inherit a long wait.
    pub(super) fn start(&mut self, start_ns: u64) {
        for &slot in &self.closed {
            self.connections.at(slot).attempts = 0;
            self.connections.at(slot).set_link(Link::Closed { retry_ns: start_ns });
        }
        self.next_retry_ns = start_ns;
    }

    /// Makes connections that are closed and whose time has come, a few at a time. Those that requests make are free to be made.
    pub(super) fn reconnect<W: Wire>(&mut self, core: &mut Core<W>) {
        let now = core.now_ns;
        if self.closed.is_empty() || now < self.next_retry_ns {
            return;
        }
        let mut begun = 0;
        let mut next_ns = u64::MAX;
        for _ in 0..self.closed.len() {
            let Some(slot) = self.closed.pop_front() else { break };
            self.connections.at(slot).is_listed = false;
            let Link::Closed { retry_ns } = self.connections.at(slot).link() else { continue };
            if retry_ns <= now && self.is_on_demand {
                self.await_demand(now, slot);
            } else if retry_ns <= now && begun < CONNECTS_PER_TURN && self.connecting < CONNECTING_MAX {
                begun += 1;
                self.connect(core, slot);
            } else {
                next_ns = next_ns.min(retry_ns.max(now + TICK_NS / 10));
                self.connections.at(slot).is_listed = true;
                self.closed.push_back(slot);
            }
        }
        self.next_retry_ns = next_ns;
    }

    /// The next request makes this connection.
    pub(super) fn await_demand(&mut self, now: u64, slot: Slot) {
        self.connections.at(slot).set_link(Link::OnDemand);
        if !P::IS_VERBATIM {
            // How many more the connection before would have taken says nothing of the next.
            self.connections.allow(slot, self.connections.depth());
        }
        self.make_ready(now, slot);
    }

    /// The longest that a request may take, from when it is taken up: its timeout begins when it is sent.
    pub(super) fn longest_request_ns(&self) -> u64 {
        if self.is_on_demand { self.connect_timeout_ns + self.timeout_ns } else { self.timeout_ns }
    }

    /// How many connections are as they are to be before the start: open, or waiting for the request that makes them.
    pub(super) fn prepared(&self) -> u64 {
        if self.is_on_demand { u64::from(self.connections.count()) } else { self.connections.open }
    }

    /// Whether all of them are.
    pub(super) fn is_prepared(&self) -> bool {
        self.prepared() == u64::from(self.connections.count())
    }
}
