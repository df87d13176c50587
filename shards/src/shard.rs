//! One shard: the loop that sends what is due and records what comes back.
//!
//! A turn reads like a table of contents, and every decision in it is made at one `now`. The loop knows no socket, no
//! executor and no other shard; the world is a [`Wire`], so that the same loop runs on io_uring and in simulation.
//! It allocates nothing once its connections are made.

mod accounting;
mod expiry;
mod receiving;
mod stages;

use crate::connection::{Armed, Connections, Flight, Link};
use crate::lanes::{Control, Order, ShardLane};
use crate::pace::{Pace, Pause as Waiting};
use crate::protocol::{Place, Protocol};
use crate::wire::{Completion, Slot, Wire, WireCounters};
use engine::bucket::{Arrival, Poll, Share, TokenBucket};
use engine::load::{Load, Overload};
use engine::outcome::{Fault, Kind};
use engine::phase::Warmup;
use engine::plan::Plan;
use engine::random::{Draws, Random};
use engine::record::{Instants, Recorder};
use engine::seams::{Call, End, Source};
use engine::target::Endpoint;
use std::collections::VecDeque;
use std::sync::Arc;

const MILLISECOND_NS: u64 = 1_000_000;
const SECOND_NS: u64 = 1_000 * MILLISECOND_NS;

/// Sends execute one after the other inside one system call, some microseconds each; responses wait meanwhile. A longer
/// batch would cost less and bias response times.
pub const SENDS_PER_TURN: usize = 16;
/// Connections are begun no faster than this, and no more are under way at a time: servers' backlogs are short.
const CONNECTS_PER_TURN: usize = 16;
const CONNECTING_MAX: u32 = 256;
/// Completions handled before sends get their turn.
const COMPLETIONS_PER_TURN: usize = 1_024;
/// How often timeouts are looked at.
const TICK_NS: u64 = MILLISECOND_NS;
/// First and longest wait before a failed connection is tried again. The wait doubles, and is drawn from its upper half.
const BACKOFF_NS_MIN: u64 = 10 * MILLISECOND_NS;
const BACKOFF_NS_MAX: u64 = SECOND_NS;
/// This much always fits the socket's buffer when nothing else is in it, so its send is over when the system call is.
/// Where a connection may have more under way, the end of a send is reported, and waited for before the next: its memory
/// could be in use, and a second send could overtake the rest of the first.
const SEND_BYTES_SILENT: usize = 4 << 10;
/// A connection that is begun counts as so many operations.
const OPERATIONS_PER_CONNECT: u64 = 4;

/// What the executor is to do after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Go on.
    Continue,
    /// The shard has handed over its last recorder.
    Finished,
}

/// Where a shard is in its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Making connections, until then at the latest.
    Connecting { deadline_ns: u64 },
    /// Waiting for the common start.
    Waiting,
    /// Sending.
    Running,
    /// Finishing what is under way, until then at the latest; what is overdue is sent for a while.
    Draining { deadline_ns: u64, sends_until_ns: u64 },
    /// Handing over the last recorder.
    Closing,
    /// Done.
    Finished,
}

/// What one shard is made of.
pub struct Parts<W, S, P: Protocol> {
    /// The world.
    pub wire: W,
    /// What to send.
    pub source: S,
    /// What the connections share, which says what is spoken on them.
    pub shared: P::Shared,
    /// Which shard of how many.
    pub share: Share,
    /// Where recorders go.
    pub lane: ShardLane,
    /// The first recorder.
    pub recorder: Box<Recorder>,
    /// When to start and stop.
    pub control: Arc<Control>,
    /// Called once, with the number of open connections, when the shard is ready to start.
    pub on_ready: Box<dyn FnOnce(u64) + Send>,
}

/// One shard of a run.
pub struct Shard<W: Wire, S: Source, P: Protocol> {
    wire: W,
    source: S,
    rules: Rules,
    stage: Stage,
    bucket: Option<TokenBucket>,
    /// Requests a closed loop may still send, and the number of the next one.
    left: u64,
    next_number: u64,
    connections: Connections,
    /// What is spoken on each of them.
    protocols: Vec<P>,
    shared: P::Shared,
    closed: VecDeque<Slot>,
    connecting: u32,
    pace: Pace,
    random: Random,
    /// Requests handed to the wire since the last submission.
    released: Vec<Released>,
    recorder: Box<Recorder>,
    lane: ShardLane,
    control: Arc<Control>,
    on_ready: Option<Box<dyn FnOnce(u64) + Send>>,
    published: WireCounters,
    start_ns: u64,
    /// When scheduling stopped, from the start of the run; the end of time before that.
    ended_ns: u64,
    /// Where the slice began that is being written, from the start of the run.
    slice_from_ns: u64,
    now_ns: u64,
    /// For how long the responses that this turn takes in have lain in the kernel.
    late_ns: u64,
    /// How long the last turn took.
    turn_ns: u64,
    /// When the core was lost last, until all that came meanwhile has been taken in; 0 otherwise.
    lost_core_at_ns: u64,
    /// All ones where a connection carries its lag on, and none in a closed loop.
    carry_mask: u64,
    next_publish_ns: u64,
    next_tick_ns: u64,
    next_watched: Slot,
    /// The last turn left completions unhandled.
    is_behind: bool,
    next_retry_ns: u64,
    operations: u64,
    /// Calls in this turn that send.
    sends: u64,
    parked_until_ns: Option<u64>,
    is_spinning: bool,
}

/// A request handed to the wire, and not yet to the kernel.
#[derive(Clone, Copy, Debug)]
struct Released {
    place: Place,
    /// When its connection became free.
    free_ns: u64,
    bytes: u64,
}

/// The plan, as one shard reads it.
#[derive(Clone, Copy, Debug)]
struct Rules {
    phases: engine::phase::Phases,
    /// The measured window begins when the control says so.
    awaits_window: bool,
    /// It may end before it was planned to.
    awaits_end: bool,
    slice_ns: u64,
    timeout_ns: u64,
    connect_timeout_ns: u64,
    is_closed_loop: bool,
    /// How many shards share the numbers of a closed loop's requests.
    shards: u64,
    /// Bytes can be thrown away in the kernel: MSG_TRUNC does that on TCP alone. Where several requests are under way on a
    /// connection, receiving whatever comes takes fewer calls.
    can_discard: bool,
    /// The only request there is, and its bytes never change.
    is_one_constant: bool,
    /// Requests are so long that the end of a send has to be waited for.
    reports_sends: bool,
    /// The same for sends that are copied, whose memory the next one overwrites.
    reports_copies: bool,
    /// Arrivals that have waited for too long are dropped.
    sheds: bool,
}

impl<W: Wire, S: Source, P: Protocol> Shard<W, S, P> {
    /// A shard of a plan, about to connect.
    pub fn new(plan: &Plan, parts: Parts<W, S, P>) -> Shard<W, S, P> {
        let Parts { mut wire, source, shared, share, lane, recorder, control, on_ready } = parts;
        let now_ns = wire.now();
        let slots = plan.connections_of(share.shard as u32);
        let steps = source.steps();
        let request_bytes_max = steps.iter().map(|step| step.bytes_max).max().unwrap_or(0);
        let rules = Rules {
            phases: plan.phases,
            awaits_window: plan.warmup == Warmup::Auto,
            awaits_end: plan.until.is_some(),
            slice_ns: plan.slice_ns(),
            timeout_ns: plan.timeout_ns,
            connect_timeout_ns: plan.connect_timeout_ns,
            is_closed_loop: plan.load.is_closed(),
            shards: share.shards,
            can_discard: plan.pipeline == 1 && !matches!(plan.target.endpoint, Endpoint::Unix { .. }),
            is_one_constant: matches!(steps, [only] if only.constant.is_some()),
            reports_sends: request_bytes_max * plan.pipeline as usize > SEND_BYTES_SILENT,
            reports_copies: plan.pipeline > 1 || request_bytes_max > SEND_BYTES_SILENT,
            sheds: matches!(plan.load, Load::Open { overload: Overload::Shed { .. }, .. }),
        };
        let draws = Draws::new(plan.seed, 0);
        Shard {
            published: wire.counters(),
            wire,
            source,
            stage: Stage::Connecting { deadline_ns: now_ns + plan.connect_timeout_ns },
            bucket: TokenBucket::new(&plan.load, plan.phases, share, draws, plan.requests_max),
            left: plan.requests_max.map_or(u64::MAX, |requests| share.of(requests)),
            next_number: share.shard,
            connections: Connections::new(slots, plan.pipeline),
            protocols: (0..slots).map(|_| P::new(&shared)).collect(),
            shared,
            closed: (0..slots).collect(),
            connecting: 0,
            pace: Pace::new(plan.wait),
            random: Random::new(plan.seed, u64::MAX / 2 - share.shard),
            released: Vec::with_capacity(SENDS_PER_TURN * plan.pipeline as usize),
            recorder,
            lane,
            control,
            on_ready: Some(on_ready),
            start_ns: u64::MAX,
            ended_ns: u64::MAX,
            slice_from_ns: 0,
            now_ns,
            late_ns: 0,
            turn_ns: 0,
            lost_core_at_ns: 0,
            carry_mask: if rules.is_closed_loop { 0 } else { u64::MAX },
            next_publish_ns: u64::MAX,
            next_tick_ns: now_ns,
            next_watched: 0,
            is_behind: false,
            next_retry_ns: now_ns,
            operations: 0,
            sends: 0,
            parked_until_ns: None,
            is_spinning: false,
            rules,
        }
    }

    /// One turn of the loop. Errors are the machine's, and end the run.
    pub fn turn(&mut self) -> Result<Turn, String> {
        let now = self.wire.now();
        self.account(now);
        self.complete(now);
        self.expire(now);
        self.reconnect(now);
        self.release(now);
        self.publish(now);
        self.poll_stop(now);
        if self.stage == Stage::Finished {
            return Ok(Turn::Finished);
        }
        self.submit_and_wait(now)?;
        Ok(Turn::Continue)
    }

    /// Takes in everything that happened.
    fn complete(&mut self, now: u64) {
        self.is_behind = true;
        for handled in 0..COMPLETIONS_PER_TURN {
            let Some(completion) = self.wire.next() else {
                self.is_behind = false;
                // Nothing was there: what came while the core was lost has been taken in, if the ring was asked since.
                if self.lost_core_at_ns != 0 && handled == 0 && self.lost_core_at_ns < now {
                    self.lost_core_at_ns = 0;
                }
                return;
            };
            self.operations += 1;
            match completion {
                Completion::Received(slot, buffer, goes_on) => self.receive(now, slot, buffer, goes_on),
                Completion::Discarded(slot, bytes) => self.discarded(now, slot, bytes),
                Completion::Connected(slot) => self.connected(now, slot),
                Completion::ConnectFailed(slot, kind) => self.connect_failed(now, slot, kind),
                Completion::Paused(slot, pause) => self.paused(now, slot, pause),
                Completion::Sent(slot) => {
                    self.connections.at(slot).is_sending = false;
                    self.make_ready(now, slot);
                }
                Completion::Ended(slot) => self.ended(now, slot),
                Completion::Broken(slot, kind) => self.broken(now, slot, kind),
            }
        }
    }

    fn connected(&mut self, now: u64, slot: Slot) {
        self.connecting -= 1;
        self.connections.open += 1;
        let connection = self.connections.at(slot);
        if connection.was_open {
            self.recorder.stats.reconnects += 1;
        }
        connection.was_open = true;
        connection.has_answered = false;
        connection.link = Link::Open;
        connection.heard_ns = now;
        self.protocols[slot as usize].opened();
        self.arm_stream(slot);
        self.make_ready(now, slot);
    }

    fn connect_failed(&mut self, now: u64, slot: Slot, kind: Kind) {
        self.connecting -= 1;
        self.recorder.stats.connect_failures += 1;
        let is_starting = self.start_ns == u64::MAX;
        let is_own = is_starting && kind.fault() == Fault::Generator;
        self.recorder.stats.connect_failures_own += u64::from(is_own);
        self.wire.close(slot);
        self.retry_later(now, slot);
        if self.rules.sheds {
            self.shed(now);
        }
        // While nothing at all can be reached, an attempt that fails is the failure of the arrival that waited longest.
        if self.stage == Stage::Running
            && self.connections.open == 0
            && let Some(arrival) = self.next_arrival(now, now)
        {
            let call = self.source.begin(arrival);
            let outcome = self.source.end(call, End::Failed(kind));
            let instants = Instants { intended: arrival.intended_ns, ..self.instants(now, now, now) };
            self.recorder.not_sent(call.step as usize, outcome, instants);
        }
    }

    /// The connection cannot be used any more. Whatever was under way on it has failed; an idle connection that ends has
    /// failed nobody.
    fn broken(&mut self, now: u64, slot: Slot, kind: Kind) {
        if !self.connections.at(slot).is_open() {
            return;
        }
        if self.connections.is_idle(slot) {
            // It waited for nobody: what the generator owed on it is settled.
            self.connections.at(slot).carried_ns = 0;
        }
        while let Some(place) = self.connections.oldest(slot) {
            let flight = self.connections.end(slot, place);
            // A failure that something told us of has lain there as a response would have; a timeout is our own finding.
            let late_ns = if matches!(kind, Kind::Timeout | Kind::Unfinished) { 0 } else { self.late_ns };
            let instants = self.instants(flight.intended_ns, flight.sent_ns(), now);
            let lag_ns = flight.lag_when_done(now, late_ns);
            self.connections.at(slot).carried_ns = lag_ns & self.carry_mask;
            let outcome = self.source.end(flight.call(), End::Failed(kind));
            self.recorder.done(flight.step(), outcome, instants, lag_ns, 0);
        }
        self.connections.open -= 1;
        self.wire.close(slot);
        let connection = self.connections.at(slot);
        connection.is_sending = false;
        connection.armed = Armed::No;
        // One that has worked is made again at once; one that has not is a target that accepts and drops.
        if connection.has_answered {
            connection.attempts = 0;
            connection.link = Link::Closed { retry_ns: now };
            self.next_retry_ns = now;
            self.closed.push_back(slot);
        } else {
            self.retry_later(now, slot);
        }
    }

    fn retry_later(&mut self, now: u64, slot: Slot) {
        let connection = self.connections.at(slot);
        connection.attempts += 1;
        let longest_ns = (BACKOFF_NS_MIN << connection.attempts.min(10)).min(BACKOFF_NS_MAX);
        let wait_ns = self.random.between(longest_ns / 2, longest_ns);
        connection.link = Link::Closed { retry_ns: now + wait_ns };
        connection.armed = Armed::No;
        // It waits for the target from now on, and not for what the generator owed.
        connection.carried_ns = 0;
        self.next_retry_ns = self.next_retry_ns.min(now + wait_ns);
        self.closed.push_back(slot);
    }

    /// Makes connections that are closed and whose time has come, a few at a time.
    fn reconnect(&mut self, now: u64) {
        if self.closed.is_empty() || now < self.next_retry_ns || !self.makes_connections() {
            return;
        }
        let mut begun = 0;
        let mut next_ns = u64::MAX;
        for _ in 0..self.closed.len() {
            let Some(slot) = self.closed.pop_front() else { break };
            let Link::Closed { retry_ns } = self.connections.at(slot).link else { continue };
            if retry_ns <= now && begun < CONNECTS_PER_TURN && self.connecting < CONNECTING_MAX {
                begun += 1;
                self.connecting += 1;
                self.operations += OPERATIONS_PER_CONNECT;
                let deadline_ns = now + self.rules.connect_timeout_ns;
                self.connections.at(slot).link = Link::Connecting { deadline_ns };
                self.wire.connect(slot);
            } else {
                next_ns = next_ns.min(retry_ns.max(now + TICK_NS / 10));
                self.closed.push_back(slot);
            }
        }
        self.next_retry_ns = next_ns;
    }

    /// A connection made after the last request has been sent would serve nobody.
    fn makes_connections(&self) -> bool {
        match self.stage {
            Stage::Connecting { .. } | Stage::Waiting | Stage::Running => true,
            Stage::Draining { sends_until_ns, .. } => self.now_ns < sends_until_ns,
            Stage::Closing | Stage::Finished => false,
        }
    }

    /// Sends what is due on the connections that are free. Nothing in the turn that ends the run: it would be counted as
    /// ended, and never be sent.
    fn release(&mut self, now: u64) {
        let may_send = match self.stage {
            Stage::Running => true,
            Stage::Draining { sends_until_ns, .. } => {
                now < sends_until_ns && self.control.order() == Order::Run
            }
            _ => false,
        };
        if !may_send {
            return;
        }
        if self.rules.sheds {
            self.shed(now);
        }
        for _ in 0..SENDS_PER_TURN {
            let Some(slot) = self.connections.first_ready() else { return };
            let free_ns = self.connections.at(slot).free_ns;
            let Some(arrival) = self.next_arrival(now, free_ns) else { return };
            self.connections.unqueue_first();
            self.send(slot, arrival, free_ns);
            self.connections.queue(slot);
        }
    }

    /// The arrival to be sent now, if one is.
    #[inline]
    fn next_arrival(&mut self, now: u64, free_ns: u64) -> Option<Arrival> {
        match &mut self.bucket {
            Some(bucket) => match bucket.poll_due(now.checked_sub(self.start_ns)?) {
                Poll::Due(arrival) => Some(arrival),
                Poll::Idle { .. } | Poll::Finished => None,
            },
            None if self.left == 0 || self.stage != Stage::Running => None,
            None => Some(self.next_of_closed_loop(free_ns.saturating_sub(self.start_ns))),
        }
    }

    /// A closed loop's next request. Its numbers are dealt out as arrivals are, so that a number of requests are the same ones on
    /// any number of shards.
    #[inline]
    fn next_of_closed_loop(&mut self, intended_ns: u64) -> Arrival {
        let number = self.next_number;
        self.left -= 1;
        self.next_number += self.rules.shards;
        Arrival { number, intended_ns }
    }

    /// Puts one request on the wire; in a closed loop as many as the connection has room for.
    fn send(&mut self, slot: Slot, first: Arrival, free_ns: u64) {
        let room = if self.rules.is_closed_loop {
            u64::from(self.connections.room(slot)).min(self.left + 1)
        } else {
            1
        };
        if self.rules.is_one_constant {
            let bytes = self.source.steps()[0].constant.as_ref().map_or(0, Vec::len) as u64;
            let mut arrival = first;
            for more in (0..room).rev() {
                let call = self.source.begin(arrival);
                self.begin(slot, call, arrival, free_ns, bytes);
                if more > 0 {
                    arrival = self.next_of_closed_loop(first.intended_ns);
                }
            }
            self.connections.at(slot).is_sending = self.rules.reports_sends;
            self.wire.send_constant(slot, 0, room as usize, self.rules.reports_sends);
        } else {
            self.send_drawn(slot, room, first, free_ns);
        }
        self.sends += 1;
        self.operations += 1;
    }

    /// Sends requests that are drawn or filled in: one constant as it is, anything else through the outbox.
    fn send_drawn(&mut self, slot: Slot, room: u64, first: Arrival, free_ns: u64) {
        let mut arrival = first;
        for more in (0..room).rev() {
            let call = self.source.begin(arrival);
            if room == 1
                && let Some(constant) = &self.source.steps()[call.step as usize].constant
            {
                let bytes = constant.len() as u64;
                self.begin(slot, call, arrival, free_ns, bytes);
                self.connections.at(slot).is_sending = self.rules.reports_sends;
                return self.wire.send_constant(slot, call.step as usize, 1, self.rules.reports_sends);
            }
            let mut out = self.wire.outbox(slot);
            let before = out.filled();
            self.protocols[slot as usize].send(&mut self.source, call, arrival.number, &mut out);
            let bytes = (out.filled() - before) as u64;
            self.begin(slot, call, arrival, free_ns, bytes);
            if more > 0 {
                arrival = self.next_of_closed_loop(first.intended_ns);
            }
        }
        self.connections.at(slot).is_sending = self.rules.reports_copies;
        self.wire.flush(slot, self.rules.reports_copies);
    }

    #[inline]
    fn begin(&mut self, slot: Slot, call: Call, arrival: Arrival, free_ns: u64, bytes: u64) {
        let flight = Flight::new(call, self.start_ns + arrival.intended_ns);
        let place = self.connections.begin(slot, flight);
        self.released.push(Released { place, free_ns, bytes });
    }

    /// Queues a connection that can take a request. One that could before has been free since then.
    ///
    /// Lindley's recursion: had the generator not been late with the request before, the connection would have been free that
    /// much earlier. Without this, each use of a connection would wipe out what the generator owes, and a generator that
    /// cannot keep up would find that every arrival had to wait for a connection.
    fn make_ready(&mut self, now: u64, slot: Slot) {
        if self.connections.queue(slot) {
            let connection = self.connections.at(slot);
            connection.free_ns = now.saturating_sub(connection.carried_ns);
        }
    }

    /// Stamps and hands over what was released; then waits for the next moment, if there is time.
    fn submit_and_wait(&mut self, now: u64) -> Result<(), String> {
        let now = self.stamp(now);
        if self.has_more_to_send(now) {
            return self.wire.submit();
        }
        let (due_ns, until_ns) = (self.next_due_ns(), self.next_moment_ns(now));
        match self.pace.pause(now, due_ns, until_ns) {
            Waiting::Spin => {
                self.is_spinning = self.operations == 0;
                if self.wire.has_work() { self.wire.submit() } else { Ok(()) }
            }
            Waiting::Park { until_ns } => {
                // Sends execute within the call, one after the other. What is answered before the last of them is over has waited
                // for us, and not we for it: with several, that is looked at before going to sleep.
                if self.sends > 1 {
                    self.wire.submit()?;
                    if self.wire.has_work() {
                        return Ok(());
                    }
                }
                self.parked_until_ns = Some(until_ns);
                self.wire.wait(until_ns)
            }
        }
    }

    /// The moment of sending is the moment of handing over, just before the system call; one stamp for the batch.
    fn stamp(&mut self, now: u64) -> u64 {
        if self.released.is_empty() {
            return now;
        }
        let sent_ns = self.wire.now();
        let start_ns = self.start_ns;
        for &Released { place, free_ns, bytes } in &self.released {
            let flight = self.connections.flight_mut(place);
            let due_ns = flight.intended_ns.max(free_ns);
            if self.rules.is_closed_loop {
                // No moment was intended: what passed since the connection was free is the generator's, not the target's.
                flight.intended_ns = sent_ns;
            } else {
                flight.set_sent(sent_ns);
            }
            flight.set_lag(sent_ns.saturating_sub(due_ns));
            let relative = |ns: u64| ns.saturating_sub(start_ns);
            self.recorder.sent(flight.step(), relative(flight.intended_ns), relative(sent_ns), bytes);
        }
        self.released.clear();
        sent_ns
    }

    /// True when the turn ended for its bounds, not for want of work; or when the ring has to be asked what came meanwhile.
    fn has_more_to_send(&mut self, now: u64) -> bool {
        if self.lost_core_at_ns != 0 {
            return true;
        }
        if self.stage != Stage::Running || self.connections.first_ready().is_none() {
            return false;
        }
        match &self.bucket {
            Some(_) => self.next_due_ns().is_some_and(|due_ns| due_ns <= now),
            None => self.left > 0,
        }
    }

    /// When the next request must leave, if a connection is free to take it.
    fn next_due_ns(&mut self) -> Option<u64> {
        if self.stage == Stage::Waiting {
            // The start is as due as any request: the first one is to leave at it.
            return self.control.start_ns();
        }
        let next_ns = self.bucket.as_ref()?.next_ns()?;
        let can_send = self.stage == Stage::Running
            || matches!(self.stage, Stage::Draining { sends_until_ns, .. } if self.now_ns < sends_until_ns);
        (can_send && self.connections.first_ready().is_some()).then(|| self.start_ns + next_ns)
    }

    /// When anything but a request wants a turn.
    fn next_moment_ns(&self, now: u64) -> u64 {
        let start_ns = match self.stage {
            Stage::Waiting => self.control.start_ns().unwrap_or(now + MILLISECOND_NS),
            Stage::Connecting { deadline_ns } => deadline_ns,
            Stage::Draining { deadline_ns, sends_until_ns } if sends_until_ns <= now => deadline_ns,
            Stage::Draining { deadline_ns, sends_until_ns } => deadline_ns.min(sends_until_ns),
            Stage::Closing => now + MILLISECOND_NS,
            Stage::Running | Stage::Finished => self.start_ns + self.rules.phases.measure_to_ns,
        };
        let waits = !self.closed.is_empty() && self.makes_connections();
        let retry_ns = if waits { self.next_retry_ns } else { u64::MAX };
        self.next_publish_ns.min(start_ns).min(retry_ns)
    }

    /// Absolute instants, from the start of the run.
    fn instants(&self, intended_ns: u64, sent_ns: u64, done_ns: u64) -> Instants {
        let relative = |ns: u64| ns.saturating_sub(self.start_ns);
        Instants { intended: relative(intended_ns), sent: relative(sent_ns), done: relative(done_ns) }
    }
}
