//! The connections of one shard to one target: made, used, broken and made again. What is sent on them is a scenario's.
//!
//! A pool serves one scenario: a target that does not answer takes up the connections of that scenario and no other's.

use super::core::{Core, Released};
use super::endings::write_down;
use super::moments::SlotMoments;
use super::replays::Replays;
use super::scenario::{LoadState, SEND_BYTES_SILENT, ScenarioRun};
use crate::connection::{Armed, ConnectionTable, Flight, Link};
use crate::protocol::{Place, Protocol, Sending, Unusable};
use crate::wire::{Slot, Wire};
use engine::bucket::Arrival;
use engine::outcome::Kind;
use engine::plan::{Fields, Request, SHARDS_MAX, Step, Transport};
use engine::random::Random;
use engine::record::Recorder;
use engine::seams::{Call, End, EndedAt, Following, Source};
use engine::url::Endpoint;
use std::collections::VecDeque;

/// Nothing fails by it: nothing is under way.
const SPENT: Unusable =
    Unusable { kind: Kind::Tls, why: "the connection takes no more requests: its keys are worn" };

/// The connections to one target. Slots are the pool's own here, from 0; the wire's begin at `first_slot`.
pub(super) struct ConnectionPool<P: Protocol> {
    pub(super) first_slot: Slot,
    /// Which pool it is.
    pub(super) number: u32,
    /// The scenario it serves, and its first series.
    pub(super) scenario: usize,
    pub(super) first_series: usize,
    pub(super) connections: ConnectionTable,
    /// What is spoken on each of them.
    pub(super) protocols: Vec<P>,
    pub(super) shared: P::Shared,
    pub(super) closed: VecDeque<Slot>,
    pub(super) connecting: u32,
    pub(super) next_retry_ns: u64,
    pub(super) next_watched: Slot,
    pub(super) timeout_ns: u64,
    pub(super) connect_timeout_ns: u64,
    /// Bytes can be thrown away in the kernel: MSG_TRUNC does that on TCP alone. Where several requests are under way on a
    /// connection, receiving whatever comes takes fewer calls.
    pub(super) can_discard: bool,
    pub(super) is_closed_loop: bool,
    /// Its requests are intended when they are sent: no moment was said for them, and none waits for a connection.
    is_intended_when_sent: bool,
    /// Requests go on the wire as they are rendered, each with a send of its own, and nothing else does.
    is_verbatim: bool,
    /// Keys are agreed on before the first request.
    pub(super) is_secured: bool,
    /// Connections are not used again: each request makes its own.
    pub(super) is_on_demand: bool,
    /// Each connection is of one session, whose number its slot is: it is made by the first request of that, and kept.
    pub(super) is_own: bool,
    /// A connection takes more than one request.
    pub(super) is_reused: bool,
    /// One past the last connection that an attempt was ever made at.
    pub(super) attempted: Slot,
    pub(super) replays: Replays,
    /// When connections are to go on with requests that are sent in parts, where there are any.
    pub(super) moments: Option<Box<SlotMoments>>,
    /// Requests are so long that the end of a send has to be waited for.
    reports_sends: bool,
    /// The same for sends that are copied, whose memory the next one overwrites.
    reports_copies: bool,
    /// Of both only those that are as long indeed, and those that follow them: nearly all requests are far shorter than the longest that their values allow for.
    reports_long_alone: bool,
    /// All ones where a connection carries its lag on, and none in a closed loop.
    pub(super) carry_mask: u64,
    pub(super) random: Random,
}

impl<P: Protocol> ConnectionPool<P> {
    /// The pool of a number, about to connect.
    pub(super) fn new(
        plan: &Fields,
        number: usize,
        shard: u64,
        first_slot: Slot,
        shared: P::Shared,
    ) -> ConnectionPool<P> {
        let serves =
            |scenario: &engine::plan::Scenario| scenario.steps().iter().any(|step| step.pool == number);
        let scenario = plan.scenarios.iter().position(serves).expect("every pool of a plan is used");
        let served = &plan.scenarios[scenario];
        let target = &plan.targets[plan.pools[number].target];
        let (slots, pipeline) = (plan.connections_of(number, shard as u32), target.pipeline());
        let is_own = plan.pools[number].connections.is_per_session();
        let is_on_demand = is_own || !target.reuse();
        // In a flow, moments are said for all requests.
        let is_closed_loop = served.load.is_closed() && served.flow().is_none();
        let is_secured = matches!(target.transport, Transport::Tls(_));
        let is_in_order = P::IS_IN_ORDER || P::is_in_order(&shared);
        let mut connections = ConnectionTable::new(slots, pipeline, is_in_order);
        if is_on_demand {
            (0..slots).for_each(|slot| connections.await_demand(slot));
        }
        let is_timed: Box<[bool]> = served.steps().iter().map(streams).collect();
        if is_timed.contains(&true) {
            connections.time_messages(is_timed);
        }
        let stream = shard + number as u64 * u64::from(SHARDS_MAX);
        ConnectionPool {
            first_slot,
            number: number as u32,
            scenario,
            first_series: plan.layout().series_of(scenario).start,
            connections,
            moments: P::is_paced(&shared).then(|| Box::new(SlotMoments::new(slots))),
            protocols: (0..slots).map(|_| P::new(&shared)).collect(),
            is_verbatim: P::is_verbatim(&shared),
            shared,
            closed: if is_on_demand { VecDeque::new() } else { (0..slots).collect() },
            connecting: 0,
            next_retry_ns: 0,
            next_watched: 0,
            timeout_ns: served.steps()[0].timeout_ns,
            connect_timeout_ns: target.connect_timeout_ns,
            // What is looked at has to be there.
            can_discard: pipeline == 1
                && !is_secured
                && !matches!(target.endpoint(), Endpoint::Unix { .. })
                && served.steps().iter().all(|step| step.pool != number || step.looks.is_empty()),
            is_closed_loop,
            is_intended_when_sent: is_closed_loop && !is_on_demand,
            is_secured,
            is_on_demand,
            is_own,
            is_reused: target.reuse(),
            attempted: 0,
            replays: Replays::new(if is_on_demand || !is_in_order { slots * pipeline } else { 0 }, !is_own),
            reports_sends: false,
            reports_copies: false,
            reports_long_alone: false,
            carry_mask: if is_closed_loop { 0 } else { u64::MAX },
            random: Random::new(plan.seed, u64::MAX / 2 - stream),
        }
    }

    /// The connection cannot be used any more. Whatever was under way on it has failed; an idle connection that ends has
    /// failed nobody.
    pub(super) fn broken<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
        unusable: Unusable,
    ) {
        let now = core.now_ns;
        let kind = unusable.kind;
        match self.connections.at(slot).link() {
            Link::Open | Link::Switching => {}
            Link::Closed { .. } | Link::OnDemand => return,
            Link::Connecting { .. } | Link::Agreeing { .. } => {
                // At the end of a run an attempt has failed nobody but the request that waits for it.
                if kind != Kind::Unfinished || self.connections.at(slot).under_way > 0 {
                    self.connect_failed(core, scenario, slot, kind);
                }
                return;
            }
        }
        if self.connections.is_idle(slot) {
            // It waited for nobody: what the generator owed on it is settled.
            self.connections.at(slot).carried_ns = 0;
        }
        while let Some(place) = self.connections.oldest(P::IS_IN_ORDER, slot) {
            self.fail(core, scenario, slot, place, unusable);
        }
        self.connections.open -= 1;
        core.wire.close(self.first_slot + slot);
        let connection = self.connections.at(slot);
        connection.set_sending(false);
        connection.has_output = false;
        connection.armed = Armed::No;
        // One that has worked is made again at once; one that has not is a target that accepts and drops.
        if connection.has_answered && self.is_on_demand {
            connection.attempts = 0;
            self.await_demand(now, slot);
        } else if connection.has_answered {
            connection.attempts = 0;
            connection.set_link(Link::Closed { retry_ns: now });
            self.next_retry_ns = now;
            self.connections.at(slot).is_listed = true;
            self.closed.push_back(slot);
        } else {
            self.retry_later(now, slot);
        }
    }

    /// A request under way has failed.
    pub(super) fn fail<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
        place: Place,
        Unusable { kind, why }: Unusable,
    ) {
        let now = core.now_ns;
        let flight = self.connections.end(P::IS_IN_ORDER, slot, place);
        // A failure that something told us of has lain there as a response would have; a timeout is our own finding.
        let late_ns = if matches!(kind, Kind::Timeout | Kind::Unfinished) { 0 } else { core.late_ns };
        let instants = core.instants(flight.intended_ns, flight.sent_ns(), now);
        let lag_ns = flight.lag_when_done(now, late_ns);
        self.connections.at(slot).carried_ns = lag_ns & self.carry_mask;
        let at = EndedAt { sent_ns: instants.sent, done_ns: instants.done, lag_ns };
        let outcome = scenario.source.end(flight.call(), End::Failed(kind), at);
        let series = self.first_series + flight.step();
        if write_down(&mut core.recorder, &scenario.source, series, outcome, instants, Some((lag_ns, 0))) {
            core.recorder.failed_because(instants.intended, kind, why);
        }
    }

    /// Sends what is due next, if a connection is free for it. True when something was sent.
    #[inline(always)]
    pub(super) fn release<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
    ) -> bool {
        let Some(slot) = self.connections.first_ready() else { return false };
        if scenario.is_flow() {
            return self.release_of_flow(core, scenario, slot);
        }
        let free_ns = self.connections.at(slot).free_ns;
        let Some(now_ns) = core.now_ns.checked_sub(core.start_ns) else { return false };
        let Some(arrival) = scenario.next_arrival(now_ns, core.relative_ns(free_ns)) else { return false };
        self.connections.unqueue_first();
        self.send(core, scenario, slot, arrival, free_ns);
        self.connections.queue(slot);
        true
    }

    /// Puts one request on the wire; in a closed loop as many as the connection has room for.
    // A part of the loop, like `make_ready`.
    #[inline(always)]
    fn send<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
        first: Arrival,
        free_ns: u64,
    ) {
        let room = match &scenario.load {
            LoadState::Open(_) => 1,
            // What is left no longer counts the first, which has been taken.
            LoadState::Closed(closed) => u64::from(self.connections.room(slot)).min(closed.left + 1),
        };
        if scenario.is_one_constant {
            let bytes = scenario.source.steps()[0].constant.as_ref().map_or(0, Vec::len) as u64;
            let call = scenario.source.begin(first);
            self.begin(core, slot, call, first, free_ns, bytes);
            for _ in 1..room {
                let arrival = scenario.next_of_closed_loop(first.intended_ns);
                let call = scenario.source.begin(arrival);
                self.begin(core, slot, call, arrival, free_ns, bytes);
            }
            // It was not: a connection that is sending is given nothing.
            if self.reports_sends {
                self.connections.at(slot).set_sending(true);
            }
            let (slot, constant) = (self.first_slot + slot, scenario.first_series);
            core.wire.send_constant(slot, constant, room as usize, self.reports_sends);
        } else {
            self.send_drawn(core, scenario, slot, room, first, free_ns);
        }
        core.sends += 1;
        core.operations += 1;
    }

    /// Sends requests that are drawn or filled in: one constant as it is, anything else through the outbox.
    #[inline(never)]
    fn send_drawn<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
        room: u64,
        first: Arrival,
        free_ns: u64,
    ) {
        let mut arrival = first;
        for more in (0..room).rev() {
            let next =
                Following { call: scenario.source.begin(arrival), arrival, due_ns: arrival.intended_ns };
            if room == 1 {
                return self.send_call(core, scenario, slot, next, free_ns);
            }
            if !self.append(core, scenario, slot, next, free_ns) {
                return;
            }
            if more > 0 {
                arrival = scenario.next_of_closed_loop(first.intended_ns);
            }
        }
        self.finish_send(core, slot);
    }

    /// Sends one request, from where it is kept if it never changes.
    #[inline(always)]
    pub(super) fn send_call<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
        next: Following,
        free_ns: u64,
    ) {
        let Following { call, arrival, .. } = next;
        if self.is_on_demand {
            return self.attempt(core, slot, next, free_ns);
        }
        if self.is_verbatim()
            && let Some(constant) = &scenario.source.steps()[call.step as usize].constant
        {
            let bytes = constant.len() as u64;
            self.begin(core, slot, call, arrival, free_ns, bytes);
            let is_reported =
                self.reports_sends && (!self.reports_long_alone || self.is_reported(slot, bytes as usize));
            self.connections.at(slot).set_sending(is_reported);
            let constant = scenario.first_series + call.step as usize;
            return core.wire.send_constant(self.first_slot + slot, constant, 1, is_reported);
        }
        if self.append(core, scenario, slot, next, free_ns) {
            self.finish_send(core, slot);
        }
    }

    /// Lets the protocol append a request to what is to be sent. False when the connection is of no use any more.
    #[inline(always)]
    pub(super) fn append<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
        Following { call, arrival, .. }: Following,
        free_ns: u64,
    ) -> bool {
        let mut out = core.wire.outbox(self.first_slot + slot);
        let flight = Flight::new(call, core.start_ns + arrival.intended_ns);
        let place = self.connections.begin(P::IS_IN_ORDER, slot, flight);
        self.replays.note(place, arrival.number);
        let request = Sending { call, number: arrival.number, place };
        let protocol = &mut self.protocols[slot as usize];
        let sent = protocol.send(&mut self.shared, &mut scenario.source, request, &mut out);
        core.released.push(Released { pool: self.number, place, free_ns, bytes: sent.unwrap_or(0) });
        if let Err(unusable) = sent {
            self.broken(core, scenario, slot, unusable);
        }
        sent.is_ok()
    }

    /// What is in the outbox goes out: at once where nothing else could join it in this turn.
    pub(super) fn finish_send<W: Wire>(&mut self, core: &mut Core<W>, slot: Slot) {
        if !self.is_verbatim() {
            return self.connections.note_output(slot);
        }
        let on_wire = self.first_slot + slot;
        let is_reported = self.reports_copies
            && (!self.reports_long_alone || self.is_reported(slot, core.wire.outbox(on_wire).filled()));
        self.connections.at(slot).set_sending(is_reported);
        core.wire.flush(on_wire, is_reported);
    }

    /// Whether a send of so many bytes is reported, where long ones alone are: one that is long itself, or follows such a one.
    #[inline(always)]
    fn is_reported(&mut self, slot: Slot, bytes: usize) -> bool {
        let is_long = bytes > SEND_BYTES_SILENT;
        let followed_long = std::mem::replace(&mut self.connections.at(slot).sent_long, is_long);
        is_long || followed_long
    }

    /// Which of its sends are reported: that depends on what is spoken here, and on how long the requests are that are sent here.
    pub(super) fn note_reported_sends<S: Source>(&mut self, plan: &Fields, scenario: &mut ScenarioRun<S>) {
        scenario.is_one_constant &= self.sends_constants();
        let steps = scenario.source.steps().iter().zip(plan.scenarios[self.scenario].steps());
        let here = steps.filter(|(_, step)| step.pool == self.number as usize);
        let bytes_max = here.map(|(facts, _)| facts.bytes_max).max().unwrap_or(0);
        let pipeline = plan.targets[plan.pools[self.number as usize].target].pipeline() as usize;
        let (is_in_order, awaits_sent) = (self.connections.is_in_order(), P::awaits_sent(&self.shared));
        self.reports_sends = bytes_max * pipeline > SEND_BYTES_SILENT;
        self.reports_copies = match self.sends_datagrams() {
            // None waits, so their memory is free again as soon as the kernel has taken them.
            true => awaits_sent,
            false => pipeline > 1 || bytes_max > SEND_BYTES_SILENT || !is_in_order || awaits_sent,
        };
        let is_by_itself = self.is_verbatim() && is_in_order && !self.sends_datagrams() && !awaits_sent;
        self.reports_long_alone = pipeline == 1 && is_by_itself;
    }

    /// What was to be reported sent is: its memory is free for what waits for it.
    pub(super) fn sent<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
    ) {
        self.connections.at(slot).set_sending(false);
        if !self.is_verbatim() {
            self.note_sent(core, scenario, slot);
            self.pump(core, scenario, slot);
            self.make_room(core.now_ns, slot);
            return self.retire(core, scenario, slot);
        }
        self.make_ready(core.now_ns, slot);
    }

    /// Replaces a connection that is spent, once nothing is under way on it.
    pub(super) fn retire<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
    ) {
        let connection = self.connections.at(slot);
        if !self.protocols[slot as usize].is_spent()
            || !connection.is_open()
            || connection.is_sending()
            || connection.under_way > 0
        {
            return;
        }
        self.say_last_words(core, slot);
        // They go out before the connection is closed. Should that fail, so does the next submission.
        let _ = core.wire.submit();
        self.broken(core, scenario, slot, SPENT);
    }

    /// Lets a protocol append what it could not before, and what has become due since.
    pub(super) fn pump<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
    ) {
        self.append_unsent(core, scenario, slot);
        if self.is_paced() {
            self.keep_pace(core, scenario, slot);
        }
    }

    /// Whether there are requests that are sent in parts, each at its moment.
    pub(super) fn is_paced(&self) -> bool {
        !P::IS_VERBATIM && self.moments.is_some()
    }

    /// Lets a protocol append what it could not before.
    pub(super) fn append_unsent<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
    ) {
        let connection = self.connections.at(slot);
        let protocol = &mut self.protocols[slot as usize];
        if !connection.is_made() || connection.is_sending() || !protocol.has_unsent() {
            return;
        }
        if !P::IS_VERBATIM && self.moments.is_some() {
            protocol.reach(core.now_ns);
        }
        let mut out = core.wire.outbox(self.first_slot + slot);
        let before = out.filled();
        let pumped = protocol.pump(&mut self.shared, &mut scenario.source, &mut out);
        if out.filled() > before {
            core.sends += 1;
            self.connections.note_output(slot);
        }
        if let Err(unusable) = pumped {
            self.broken(core, scenario, slot, unusable);
        }
    }

    /// Sends what protocols have left in their outboxes in this turn.
    pub(super) fn flush<W: Wire>(&mut self, core: &mut Core<W>) {
        while let Some(slot) = self.connections.next_output() {
            self.connections.at(slot).set_sending(self.reports_copies);
            match self.sends_datagrams() {
                true => core.wire.flush_datagrams(self.first_slot + slot, self.reports_copies),
                false => core.wire.flush(self.first_slot + slot, self.reports_copies),
            }
            core.operations += 1;
        }
    }

    /// Whether each message is a datagram of its own, and its socket outlives whatever becomes of it.
    pub(super) fn sends_datagrams(&self) -> bool {
        !P::IS_VERBATIM && P::sends_datagrams(&self.shared)
    }

    /// Whether a request that never changes can be sent from where it is kept.
    pub(super) fn sends_constants(&self) -> bool {
        self.is_verbatim && !self.is_on_demand
    }

    /// Whether requests go out as they are rendered. Where they always do, the loop is compiled without the question.
    #[inline(always)]
    pub(super) fn is_verbatim(&self) -> bool {
        P::IS_VERBATIM || self.is_verbatim
    }

    #[inline(always)]
    fn begin<W: Wire>(
        &mut self,
        core: &mut Core<W>,
        slot: Slot,
        call: Call,
        arrival: Arrival,
        free_ns: u64,
        bytes: u64,
    ) {
        let flight = Flight::new(call, core.start_ns + arrival.intended_ns);
        let place = self.connections.begin(P::IS_IN_ORDER, slot, flight);
        core.released.push(Released { pool: self.number, place, free_ns, bytes });
    }

    /// Stamps a request that is handed to the kernel now.
    #[inline(always)]
    pub(super) fn stamp(&mut self, recorder: &mut Recorder, released: Released, sent_ns: u64, start_ns: u64) {
        let Released { place, free_ns, bytes, .. } = released;
        if self.is_paced() {
            self.note_first_part(place, sent_ns);
        }
        let flight = self.connections.flight_mut(place);
        let could_leave_ns = flight.intended_ns.max(free_ns);
        if self.is_intended_when_sent {
            // No moment was intended: what passed since the connection was free is the generator's, not the target's.
            flight.intended_ns = sent_ns;
        } else {
            flight.set_sent(sent_ns);
        }
        flight.set_lag(sent_ns.saturating_sub(could_leave_ns));
        let (series, intended_ns) = (self.first_series + flight.step(), flight.intended_ns);
        recorder.sent(series, intended_ns.saturating_sub(start_ns), sent_ns.saturating_sub(start_ns), bytes);
    }

    /// Queues a connection that can take a request. One that could before has been free since then.
    ///
    /// Lindley's recursion: had the generator not been late with the request before, the connection would have been free that
    /// much earlier. Without this, each use of a connection would wipe out what the generator owes, and a generator that
    /// cannot keep up would find that every arrival had to wait for a connection.
    // A part of the loop: the compiler would count its callers, and make it a call for every response.
    #[inline(always)]
    pub(super) fn make_ready(&mut self, now: u64, slot: Slot) {
        if let Some(connection) = self.connections.queue(slot) {
            connection.free_ns = now.saturating_sub(connection.carried_ns);
        }
    }
}

/// Whether a request is a call that has several messages to send or to receive.
fn streams(step: &Step) -> bool {
    let Request::Grpc(call) = &step.request else { return false };
    call.described.as_ref().is_some_and(|method| method.client_streams || method.server_streams)
}
