//! What comes on a connection: handed to its protocol, written down as that reports it, and asked for in the way it wishes.

use super::core::Core;
use super::endings::write_down;
use super::pool::ConnectionPool;
use super::replays::Replays;
use super::scenario::ScenarioRun;
use crate::connection::{Armed, ConnectionTable, Link};
use crate::protocol::{DatagramNote, Events, Place, Protocol, Receive, RequestFailure, Response, Unusable};
use crate::wire::{Pause, RefusedAt, Slot, Wire};
use engine::outbox::Outbox;
use engine::outcome::{Kind, Outcome};
use engine::record::{Instants, Recorder, ShardStats};
use engine::seams::{End, EndedAt, Source, StepFacts};
use std::marker::PhantomData;

/// A step of a handshake counts as so many operations: keys are agreed on and signatures checked in it.
const OPERATIONS_PER_HANDSHAKE_STEP: u64 = 16;

const REFUSED: Unusable =
    Unusable { kind: Kind::Connect, why: "the target refused a datagram: nobody listens on its port (ICMP)" };

/// Responses of one connection, written down as they are found.
struct Responses<'a, S, P> {
    slot: Slot,
    replays: &'a mut Replays,
    protocol: PhantomData<P>,
    connections: &'a mut ConnectionTable,
    source: &'a mut S,
    recorder: &'a mut Recorder,
    now_ns: u64,
    start_ns: u64,
    /// For how long they have lain in the kernel.
    late_ns: u64,
    carry_mask: u64,
    first_series: usize,
}

impl<S: Source, P: Protocol> Events for Responses<'_, S, P> {
    const MAY_LOOK: bool = S::MAY_CONTINUE;

    // A part of the loop, like `response`.
    #[inline(always)]
    fn oldest(&self) -> Option<(Place, &StepFacts)> {
        let place = self.connections.oldest(P::IS_IN_ORDER, self.slot)?;
        Some((place, &self.source.steps()[self.connections.flight(place).step()]))
    }

    // The compiler would count its callers: the two that are rare would make it a call for every response.
    #[inline(always)]
    fn response(&mut self, place: Place, Response { code, is_ok, bytes }: Response) {
        let flight = self.connections.end(P::IS_IN_ORDER, self.slot, place);
        let relative = |ns: u64| ns.saturating_sub(self.start_ns);
        let instants = Instants {
            intended: relative(flight.intended_ns),
            sent: relative(flight.sent_ns()),
            done: relative(self.now_ns),
        };
        let lag_ns = flight.lag_when_done(self.now_ns, self.late_ns);
        let at = EndedAt { sent_ns: instants.sent, done_ns: instants.done, lag_ns };
        let outcome = self.source.end(flight.call(), End::Response { code, is_ok }, at);
        let series = self.first_series + flight.step();
        let has_ended =
            write_down(self.recorder, self.source, series, outcome, instants, Some((lag_ns, bytes)));
        if S::MAY_CONTINUE
            && let Some(looked) = self.source.looked()
        {
            self.recorder.looked(series, instants, &looked, has_ended);
        }
        if S::MAY_CONTINUE && has_ended {
            let kind = match outcome {
                Outcome::CheckFailed(_) => Kind::Check,
                Outcome::ValueMissing(_) => Kind::Extract,
                Outcome::Ok(_) | Outcome::Refused(_) | Outcome::Failed(_) => Kind::Status,
            };
            if kind != Kind::Status {
                self.recorder.failed_because(instants.intended, kind, self.source.why());
            }
        }
        let connection = self.connections.at(self.slot);
        connection.carried_ns = lag_ns & self.carry_mask;
        connection.has_answered = true;
    }

    #[inline(never)]
    fn failed(&mut self, place: Place, RequestFailure { kind, why, touched }: RequestFailure) {
        let flight = self.connections.end(P::IS_IN_ORDER, self.slot, place);
        if self.replays.keep(place, flight, touched, self.now_ns) {
            return;
        }
        let relative = |ns: u64| ns.saturating_sub(self.start_ns);
        let instants = Instants {
            intended: relative(flight.intended_ns),
            sent: relative(flight.sent_ns()),
            done: relative(self.now_ns),
        };
        let lag_ns = flight.lag_when_done(self.now_ns, self.late_ns);
        let at = EndedAt { sent_ns: instants.sent, done_ns: instants.done, lag_ns };
        let outcome = self.source.end(flight.call(), End::Failed(kind), at);
        let series = self.first_series + flight.step();
        if write_down(self.recorder, self.source, series, outcome, instants, Some((lag_ns, 0))) {
            self.recorder.failed_because(instants.intended, kind, why);
        }
    }

    fn unasked(&mut self, bytes: u64) {
        self.recorder.stats.unasked_bytes += bytes;
    }

    #[cold]
    fn datagram(&mut self, note: DatagramNote) {
        let stats = &mut self.recorder.stats;
        *match note {
            DatagramNote::Late => &mut stats.late_datagrams,
            DatagramNote::Repeated => &mut stats.repeated_datagrams,
            DatagramNote::Stray => &mut stats.stray_datagrams,
            DatagramNote::Truncated => &mut stats.truncated_replies,
        } += 1;
    }

    #[inline]
    fn wants_fields(&self, place: Place) -> bool {
        self.source.wants_fields(self.connections.flight(place).call())
    }

    fn field(&mut self, place: Place, name: &[u8], value: &[u8]) {
        self.source.field(self.connections.flight(place).call(), name, value);
    }

    fn body(&mut self, place: Place, bytes: &[u8]) {
        self.source.body(self.connections.flight(place).call(), bytes);
    }

    // Two calls of each message of a loop of plain requests, and nothing in them there.
    #[inline(always)]
    fn message_begins(&mut self, place: Place) {
        if S::MAY_CONTINUE {
            let call = self.connections.flight(place).call();
            if self.source.steps()[call.step as usize].is_looked_at {
                self.source.message_begins(call);
            }
        }
    }

    #[inline(always)]
    fn message_bytes(&mut self, place: Place, bytes: &[u8]) {
        if S::MAY_CONTINUE {
            let call = self.connections.flight(place).call();
            if self.source.steps()[call.step as usize].is_looked_at {
                self.source.body(call, bytes);
            }
        }
    }

    #[inline]
    fn message(&mut self, place: Place, asked_ns: Option<u64>) {
        let flight = self.connections.flight(place);
        let intended_ns = flight.intended_ns.saturating_sub(self.start_ns);
        let time = self.connections.message_came(place, self.now_ns, asked_ns);
        self.recorder.message(self.first_series + flight.step(), intended_ns, time);
    }
}

/// The events of a connection on which nothing has been asked.
struct NothingAsked<'a> {
    stats: &'a mut ShardStats,
}

impl Events for NothingAsked<'_> {
    fn oldest(&self) -> Option<(Place, &StepFacts)> {
        None
    }

    fn response(&mut self, _place: Place, _response: Response) {}

    fn failed(&mut self, _place: Place, _failure: RequestFailure) {}

    fn unasked(&mut self, bytes: u64) {
        self.stats.unasked_bytes += bytes;
    }
}

impl<P: Protocol> ConnectionPool<P> {
    /// Bytes arrived.
    pub(super) fn receive<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
        buffer: W::Buffer,
        goes_on: bool,
    ) {
        let connection = self.connections.at(slot);
        connection.heard_ns = core.now_ns;
        if !goes_on {
            connection.armed = Armed::No;
        }
        if !self.is_verbatim() {
            return self.exchange(core, scenario, slot, buffer);
        }
        let mut buffer = buffer;
        let result = self.with_protocol(core, scenario, slot, |protocol, shared, wire, on| {
            let mut filled = 0;
            protocol.receive(shared, wire.bytes(&mut buffer), &mut Outbox::new(&mut [], &mut filled), on)
        });
        core.wire.recycle(buffer);
        self.went_on(core, scenario, slot, result);
    }

    /// The same where the protocol may have something to say to it.
    #[inline(never)]
    fn exchange<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
        mut buffer: W::Buffer,
    ) {
        let on_wire = self.first_slot + slot;
        let is_agreeing = matches!(self.connections.at(slot).link(), Link::Agreeing { .. });
        let (result, has_output) = match is_agreeing {
            true => self.agree(core, slot, &mut buffer),
            false => self.with_protocol(core, scenario, slot, |protocol, shared, wire, on| {
                let (bytes, mut out) = wire.exchange(on_wire, &mut buffer);
                let before = out.filled();
                (protocol.receive(shared, bytes, &mut out, on), out.filled() > before)
            }),
        };
        core.wire.recycle(buffer);
        if has_output && result.is_err() {
            // Its last words go out before the connection is closed. Should that fail, so does the next submission.
            core.wire.flush(on_wire, false);
            let _ = core.wire.submit();
        } else if has_output {
            self.connections.note_output(slot);
        }
        self.went_on(core, scenario, slot, result);
        if is_agreeing && matches!(self.connections.at(slot).link(), Link::Agreeing { .. }) {
            self.agreed(core, scenario, slot);
        }
        if self.connections.at(slot).is_made() {
            self.pump(core, scenario, slot);
            self.make_room(core.now_ns, slot);
            self.retire(core, scenario, slot);
        }
    }

    /// The same before the first request may be sent. One that waits for the connection has not been, so no response can be its own.
    fn agree<W: Wire>(
        &mut self,
        core: &mut Core<W>,
        slot: Slot,
        buffer: &mut W::Buffer,
    ) -> (Result<(), Unusable>, bool) {
        if self.is_secured {
            core.operations += OPERATIONS_PER_HANDSHAKE_STEP;
        }
        let (bytes, mut out) = core.wire.exchange(self.first_slot + slot, buffer);
        let before = out.filled();
        let mut on = NothingAsked { stats: &mut core.recorder.stats };
        let result = self.protocols[slot as usize].receive(&mut self.shared, bytes, &mut out, &mut on);
        (result, out.filled() > before)
    }

    /// Bytes that were to be discarded are.
    pub(super) fn discarded<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
        bytes: u64,
    ) {
        let connection = self.connections.at(slot);
        connection.heard_ns = core.now_ns;
        connection.armed = Armed::No;
        let result =
            self.with_protocol(core, scenario, slot, |protocol, _, _, on| protocol.discarded(bytes, on));
        self.went_on(core, scenario, slot, result);
    }

    /// The other side closed its end.
    pub(super) fn ended<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
    ) {
        let unusable = self.with_protocol(core, scenario, slot, |protocol, _, _, on| protocol.ended(on));
        self.unusable(core, scenario, slot, unusable);
    }

    /// A protocol says that its connection is of no more use.
    #[inline(never)]
    fn unusable<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
        unusable: Unusable,
    ) {
        match self.connections.at(slot).link() {
            Link::Agreeing { .. } => self.attempt_failed(core, scenario, slot, unusable),
            _ => self.broken(core, scenario, slot, unusable),
        }
    }

    /// A datagram without any bytes arrived.
    #[cold]
    pub(super) fn receive_empty<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
    ) {
        let connection = self.connections.at(slot);
        (connection.heard_ns, connection.armed) = (core.now_ns, Armed::No);
        let result = self.with_protocol(core, scenario, slot, |protocol, shared, _, on| {
            let mut filled = 0;
            protocol.receive(shared, &mut [], &mut Outbox::new(&mut [], &mut filled), on)
        });
        self.went_on(core, scenario, slot, result);
    }

    /// The other side has refused a datagram: it is not said which, and the port that nobody listens on is that of all that is under way
    /// on the socket. Where nobody is to reply, what was refused is over, and is counted; one in whose place it is told was not sent.
    #[cold]
    pub(super) fn refused<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
        at: RefusedAt,
    ) {
        if at == RefusedAt::Receive {
            self.connections.at(slot).armed = Armed::No;
        }
        let is_one_way = P::awaits_sent(&self.shared);
        let mut failing = match (is_one_way, at) {
            (false, _) => u32::MAX,
            (true, RefusedAt::Receive) => 0,
            (true, RefusedAt::Send | RefusedAt::ReportedSend) => 1,
        };
        core.recorder.stats.refused_datagrams += u64::from(is_one_way);
        while failing > 0
            && let Some(place) = self.connections.oldest(P::IS_IN_ORDER, slot)
        {
            failing -= 1;
            let (mut memory, mut filled) = ([], 0);
            let mut out = Outbox::new(&mut memory, &mut filled);
            self.protocols[slot as usize].cancel(&mut self.shared, place, core.now_ns, &mut out);
            self.fail(core, scenario, slot, place, REFUSED);
        }
        if at == RefusedAt::ReportedSend {
            self.sent(core, scenario, slot);
        }
        if self.connections.at(slot).is_made() {
            self.await_more(core, slot);
            self.make_room(core.now_ns, slot);
        }
    }

    /// What was appended for a connection has been sent.
    pub(super) fn note_sent<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
    ) {
        self.with_protocol(core, scenario, slot, |protocol, shared, _, on| protocol.sent(shared, on));
    }

    /// Receiving stopped by itself, or because it was asked to.
    pub(super) fn paused<W: Wire>(&mut self, core: &mut Core<W>, slot: Slot, pause: Pause) {
        if pause == Pause::Starved {
            core.recorder.stats.starved += 1;
        }
        let connection = self.connections.at(slot);
        connection.armed = Armed::No;
        if connection.link() == Link::Switching {
            connection.set_link(Link::Open);
        }
        if connection.is_made() {
            self.await_more(core, slot);
            self.make_ready(core.now_ns, slot);
        }
    }

    pub(super) fn arm_stream<W: Wire>(&mut self, core: &mut Core<W>, slot: Slot) {
        self.connections.at(slot).armed = Armed::Stream;
        core.wire.receive(self.first_slot + slot);
    }

    /// Lets the protocol of a connection do something, and writes down what it reports.
    #[inline]
    fn with_protocol<W: Wire, S: Source, R>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
        work: impl FnOnce(&mut P, &mut P::Shared, &mut W, &mut Responses<'_, S, P>) -> R,
    ) -> R {
        let mut on = Responses {
            slot,
            replays: &mut self.replays,
            protocol: PhantomData,
            connections: &mut self.connections,
            source: &mut scenario.source,
            recorder: &mut core.recorder,
            now_ns: core.now_ns,
            start_ns: core.start_ns,
            late_ns: core.late_ns,
            carry_mask: self.carry_mask,
            first_series: self.first_series,
        };
        work(&mut self.protocols[slot as usize], &mut self.shared, &mut core.wire, &mut on)
    }

    /// The protocol has taken in what came: what to receive next, and whether to send.
    // A part of the loop: as a call for every response it would cost eighteen instructions more.
    #[inline(always)]
    fn went_on<W: Wire, S: Source>(
        &mut self,
        core: &mut Core<W>,
        scenario: &mut ScenarioRun<S>,
        slot: Slot,
        result: Result<(), Unusable>,
    ) {
        match result {
            Ok(()) => {
                self.await_more(core, slot);
                self.make_ready(core.now_ns, slot);
            }
            Err(unusable) => self.unusable(core, scenario, slot, unusable),
        }
    }

    /// Lets what comes next be received as the protocol wishes, where something else, or nothing, is armed.
    #[inline]
    fn await_more<W: Wire>(&mut self, core: &mut Core<W>, slot: Slot) {
        let wish = if self.can_discard { self.protocols[slot as usize].wish() } else { Receive::Stream };
        let armed = self.connections.at(slot).armed;
        if armed == Armed::No || (armed == Armed::Stream && wish == Receive::Head) {
            self.arm(core, slot, wish);
        }
    }

    /// Nothing is armed, or what is would copy the next response's body.
    #[inline(never)]
    fn arm<W: Wire>(&mut self, core: &mut Core<W>, slot: Slot, wish: Receive) {
        let on_wire = self.first_slot + slot;
        let connection = self.connections.at(slot);
        match (connection.armed, wish) {
            (Armed::No, Receive::Stream) => self.arm_stream(core, slot),
            (Armed::No, Receive::Head) => {
                connection.armed = Armed::Head;
                core.wire.receive_head(on_wire);
            }
            (Armed::No, Receive::Discard(bytes)) => {
                connection.armed = Armed::Discard;
                core.wire.discard(on_wire, bytes);
            }
            (Armed::Stream, Receive::Head) if connection.link() == Link::Open => {
                // It stops before anything is asked for.
                connection.set_link(Link::Switching);
                core.wire.pause(on_wire);
            }
            _ => {}
        }
    }
}
