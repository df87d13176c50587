//! The simulated wire: a virtual clock, a heap of events, and a server behind every connection. No real time passes in it,
//! and the same seed does the same again.
//!
//! It behaves as [`crate::ring::RingWire`] does on a DEFER_TASKRUN ring: what the shard asks for is done when it submits,
//! and what has arrived becomes completions then too, coalesced as it would be in a socket's buffer. Looking at the clock,
//! entering, submitting and completing take virtual time, so a shard can be overloaded.
//!
//! It also watches the shard: asking for something that [`Wire`] does not allow panics, with the seed.

mod serving;

use super::frames::{self, FromClient};
use super::http;
use super::ledger::{Ledger, Statistics};
use super::lines;
use super::link::{
    ArmedReceive, Asked, Event, Happening, LinkStage, Side, SimulatedLink, StreamEnd, Submission,
};
use super::world::{ServedProtocol, SimulatedServer, World, happens};
use crate::lanes::Control;
use crate::wire::{Completion, Pause, RefusedAt, Slot, Wire};
use engine::outbox::Outbox;
use engine::outcome::Kind;
use engine::quantity::SECOND_NS;
use engine::random::Random;
use engine::record::ShardStats;
use engine::seams::StepFacts;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::rc::Rc;
use std::sync::Arc;

/// When a simulated clock begins.
const BIRTH_NS: u64 = 1_000 * SECOND_NS;
/// Receives as the ring's are: a buffer's size, and what a head may take.
const BUFFER_BYTES: usize = 16 << 10;
const HEAD_BYTES: usize = 512;
/// Bytes that were read are kept up to this many, so that moving the rest to the front is rare.
const READ_BYTES_MAX: usize = 64 << 10;

/// A filled receive buffer.
#[derive(Debug)]
pub struct SimulatedBuffer(Vec<u8>);

/// Whose world it is, and what it is to carry.
#[derive(Clone, Copy, Debug)]
pub struct Seat {
    /// The shard, which has its own stream of the seed.
    pub shard: u64,
    /// Its connections.
    pub slots: u32,
    /// What is sent on one of them at a time, at the most.
    pub outbox_bytes: usize,
    /// When the run is to start, from the clock's birth.
    pub start_ns: u64,
}

/// The world of one shard.
pub struct SimulatedWire {
    world: World,
    seed: u64,
    random: Random,
    control: Arc<Control>,
    start_ns: u64,
    clock_ns: u64,
    /// Looks at the clock since anything was done.
    idle_looks: u32,
    next_hiccup_ns: u64,
    links: Vec<SimulatedLink>,
    /// One past the last connection of each pool, where several servers are behind them; empty where there is one.
    pool_ends: Vec<Slot>,
    /// For each constant, whether it is a HEAD request.
    constants: Vec<bool>,
    submissions: Vec<Submission>,
    /// What the submissions carry, oldest first.
    asked: VecDeque<Message>,
    events: BinaryHeap<Event>,
    events_made: u64,
    /// Connections on which something may have to be received.
    stirred: Vec<Slot>,
    completions: VecDeque<(u32, Completion<SimulatedBuffer>)>,
    spare: Vec<SimulatedBuffer>,
    buffers_out: u64,
    counters: ShardStats,
    statistics: Statistics,
    ledger: Rc<Ledger>,
}

/// What is sent to a server, as far as it is asked to do something.
#[derive(Clone, Copy, Debug)]
enum Message {
    /// A request of HTTP/1.1.
    Http1 {
        is_head: bool,
    },
    Http2(FromClient),
    Line,
}

impl Message {
    /// Whether a request begins with it.
    fn begins(&self) -> bool {
        match self {
            Message::Http1 { .. } | Message::Line => true,
            Message::Http2(told) => told.begins(),
        }
    }
}

impl SimulatedWire {
    /// The world of one shard, with its own clock. `control` is who the world's stop orders are given to.
    pub fn new(
        world: World,
        steps: &[StepFacts],
        seat: Seat,
        seed: u64,
        control: Arc<Control>,
    ) -> SimulatedWire {
        let is_head = |step: &StepFacts| {
            let mut is_head = false;
            let mut servers = [world.server].into_iter().chain(world.others.iter().copied());
            if servers.any(|server| server.protocol == ServedProtocol::Http1) {
                http::requests(step.constant.as_deref().unwrap_or_default(), |found| is_head = found);
            }
            is_head
        };
        let constants = steps.iter().map(is_head).collect();
        let mut wire = SimulatedWire {
            world,
            seed,
            random: Random::new(seed, seat.shard),
            control,
            start_ns: BIRTH_NS + seat.start_ns,
            clock_ns: BIRTH_NS,
            idle_looks: 0,
            next_hiccup_ns: u64::MAX,
            links: (0..seat.slots).map(|_| SimulatedLink::new(seat.outbox_bytes)).collect(),
            pool_ends: Vec::new(),
            constants,
            submissions: Vec::new(),
            asked: VecDeque::new(),
            events: BinaryHeap::new(),
            events_made: 0,
            stirred: Vec::new(),
            completions: VecDeque::new(),
            spare: Vec::new(),
            buffers_out: 0,
            counters: ShardStats::default(),
            statistics: Statistics::default(),
            ledger: Rc::default(),
        };
        wire.foresee();
        wire
    }

    /// The same where connections are of several pools, each with so many of them, in order: a server is behind each pool.
    pub fn with_pools(mut self, slots: &[u32]) -> SimulatedWire {
        if self.world.others.is_empty() {
            return self;
        }
        let ends = slots.iter().scan(0, |end, slots| {
            *end += slots;
            Some(*end)
        });
        self.pool_ends = ends.collect();
        for (other, server) in self.world.others.clone().into_iter().enumerate() {
            if let (Some((from_ns, _)), Some(&first)) = (server.down, self.pool_ends.get(other)) {
                self.happen(self.start_ns + from_ns, first, Happening::Fall);
            }
        }
        self
    }

    /// The number of the pool that a connection is of.
    fn pool_of(&self, slot: Slot) -> usize {
        self.pool_ends.partition_point(|&end| end <= slot)
    }

    /// The server behind a connection.
    #[inline]
    fn server(&self, slot: Slot) -> SimulatedServer {
        if self.pool_ends.is_empty() {
            return self.world.server;
        }
        let other = self.pool_of(slot).checked_sub(1).and_then(|other| self.world.others.get(other));
        other.copied().unwrap_or(self.world.server)
    }

    /// Whether the same server is behind two connections.
    fn is_same_server(&self, one: Slot, other: Slot) -> bool {
        let number = |slot| match self.pool_of(slot) {
            pool if pool <= self.world.others.len() => pool,
            _ => 0,
        };
        number(one) == number(other)
    }

    /// Where the clock is seen from outside, and the statistics are left at the end.
    pub fn ledger(&self) -> Rc<Ledger> {
        self.ledger.clone()
    }

    /// When the run starts, on this wire's clock.
    pub fn start_ns(&self) -> u64 {
        self.start_ns
    }

    /// What is known to happen from the start.
    fn foresee(&mut self) {
        if let Some((from_ns, _)) = self.world.server.down {
            self.happen(self.start_ns + from_ns, 0, Happening::Fall);
        }
        for index in 0..self.world.stops_ns.len() {
            self.happen(self.start_ns + self.world.stops_ns[index], 0, Happening::Stop);
        }
        self.plan_hiccup();
    }

    fn plan_hiccup(&mut self) {
        if let Some(hiccup) = self.world.machine.hiccup {
            let wait_ns = self.random.exponential() * hiccup.every_ns as f64;
            self.next_hiccup_ns = self.clock_ns + wait_ns as u64;
        }
    }

    /// The shard did what a wire does not allow.
    #[track_caller]
    fn check(&self, is_allowed: bool, slot: Slot, rule: &str) {
        assert!(
            is_allowed,
            "seed {}, slot {slot}, {} ns from the start: {rule}; {:?}",
            self.seed,
            self.clock_ns as i64 - self.start_ns as i64,
            self.links[slot as usize]
        );
    }

    fn link(&mut self, slot: Slot) -> &mut SimulatedLink {
        &mut self.links[slot as usize]
    }

    fn ask(&mut self, slot: Slot, what: Asked) {
        let generation = self.link(slot).generation;
        self.submissions.push(Submission { slot, generation, what });
        self.idle_looks = 0;
    }

    fn arm(&mut self, slot: Slot, armed: ArmedReceive) {
        let (stage, believed) = (self.link(slot).stage, self.link(slot).believed);
        self.check(stage == LinkStage::Open, slot, "only an open connection receives");
        self.check(believed == ArmedReceive::No, slot, "one receive at a time");
        self.link(slot).believed = armed;
        self.ask(slot, Asked::Receive(armed));
    }

    fn happen(&mut self, at_ns: u64, slot: Slot, what: Happening) {
        let life = self.links.get(slot as usize).map_or(0, |link| link.life);
        self.events_made += 1;
        self.events.push(Event { at_ns, number: self.events_made, slot, life, what });
    }

    /// System time passes.
    fn toil(&mut self, ns: u64) {
        self.clock_ns += ns;
        self.counters.cpu_system_ns += ns;
    }

    /// One system call: does what was asked, lets happen what is due, and turns what has come into completions.
    fn enter(&mut self) {
        self.idle_looks = 0;
        self.counters.enters += 1;
        self.toil(self.world.machine.enter_ns);
        self.perform();
        self.come_to_pass();
        self.flow_all();
    }

    fn perform(&mut self) {
        let mut submissions = std::mem::take(&mut self.submissions);
        for Submission { slot, generation, what } in submissions.drain(..) {
            self.counters.submissions += 1;
            self.toil(self.world.machine.submission_ns);
            let is_current = self.link(slot).generation == generation;
            match what {
                Asked::Send { messages, .. } if !is_current => drop(self.asked.drain(..messages)),
                _ if !is_current => {}
                Asked::Connect => self.reach(slot),
                Asked::Send { messages, is_own, is_reported } => {
                    self.send(slot, messages, is_own, is_reported);
                }
                Asked::Receive(armed) => {
                    self.link(slot).armed = armed;
                    self.stir(slot);
                }
                Asked::Pause => {
                    if self.link(slot).armed == ArmedReceive::Stream {
                        self.link(slot).armed = ArmedReceive::No;
                        self.complete(slot, Completion::Paused(slot, Pause::Asked));
                    }
                }
            }
        }
        self.submissions = submissions;
    }

    fn complete(&mut self, slot: Slot, completion: Completion<SimulatedBuffer>) {
        let generation = self.link(slot).generation;
        self.completions.push_back((generation, completion));
        self.counters.completions += 1;
    }

    fn stir(&mut self, slot: Slot) {
        let link = self.link(slot);
        if !link.is_stirred
            && link.armed != ArmedReceive::No
            && (link.arrived > link.read || link.end.is_some())
        {
            link.is_stirred = true;
            self.stirred.push(slot);
        }
    }

    /// An attempt to connect.
    fn reach(&mut self, slot: Slot) {
        let second = (self.clock_ns.saturating_sub(self.start_ns) / SECOND_NS) as usize;
        let connects = &mut self.statistics.connects;
        connects.resize(connects.len().max(second + 1), 0);
        connects[second] += 1;
        let one_way_ns = self.world.network.one_way_ns;
        let reached_ns = self.clock_ns + one_way_ns;
        let faults = self.world.faults;
        if happens(faults.connect_lost_ppm, &mut self.random) {
            return;
        }
        let is_refused = self.server(slot).is_down(reached_ns.saturating_sub(self.start_ns))
            || happens(faults.connect_refused_ppm, &mut self.random);
        if is_refused && self.world.keeps_log {
            self.statistics.outcome_log.push(false);
        }
        let what = if is_refused { Happening::Refused } else { Happening::Connected };
        self.happen(reached_ns + one_way_ns, slot, what);
    }

    fn send(&mut self, slot: Slot, messages: usize, is_own: bool, is_reported: bool) {
        let at_ns = self.clock_ns;
        if is_own && !is_reported {
            self.link(slot).is_lent = false;
        }
        if self.link(slot).end == Some(StreamEnd::Reset) {
            self.statistics.unheard +=
                self.asked.drain(..messages).filter(|message| message.begins()).count() as u64;
            self.complete(slot, Completion::Broken(slot, Kind::Send));
            return;
        }
        for _ in 0..messages {
            match self.asked.pop_front().expect("every message sent was counted") {
                Message::Http2(FromClient::Greeting) => {
                    self.happen(at_ns + self.world.network.one_way_ns, slot, Happening::Greeted);
                }
                request => self.serve(slot, request, at_ns),
            }
        }
        if is_reported {
            let pool = self.pool_of(slot);
            let each = &mut self.statistics.reported_each;
            each.resize(each.len().max(pool + 1), 0);
            each[pool] += 1;
            let late_ns = self.world.machine.sent_ns_max;
            let sent_ns = at_ns + if late_ns > 0 { self.random.between(0, late_ns) } else { 0 };
            self.happen(sent_ns, slot, Happening::Sent);
        }
    }

    /// Lets everything happen whose time has come.
    fn come_to_pass(&mut self) {
        while let Some(event) = self.events.peek().copied().filter(|event| event.at_ns <= self.clock_ns) {
            self.events.pop();
            match event.what {
                Happening::Fall => self.fall(event.slot),
                Happening::Stop => self.control.stop(),
                _ if self.link(event.slot).life != event.life => {}
                what => self.befall(event.slot, event.at_ns, what),
            }
        }
    }

    /// Something happens to a connection.
    fn befall(&mut self, slot: Slot, at_ns: u64, what: Happening) {
        let link = self.link(slot);
        match what {
            Happening::Arrive(bytes) => link.arrived += bytes,
            Happening::End(end) => link.end = Some(end),
            Happening::Connected => self.answer_connect(slot, true),
            Happening::Refused => self.answer_connect(slot, false),
            Happening::Sent => self.complete(slot, Completion::Sent(slot)),
            Happening::Greeted => {
                let from = link.stream.len();
                frames::greeting(&mut link.stream);
                let bytes = link.stream.len() - from;
                self.deliver(slot, at_ns, bytes);
            }
            Happening::Served(stream, fate) => self.respond_on(slot, stream, fate, at_ns),
            Happening::Reply(stream, left) => self.reply_on(slot, stream, left, at_ns),
            Happening::Fall | Happening::Stop => unreachable!("nothing of one connection"),
        }
        self.stir(slot);
    }

    fn answer_connect(&mut self, slot: Slot, is_made: bool) {
        self.link(slot).stage = LinkStage::Answered { is_made };
        self.complete(
            slot,
            match is_made {
                true => Completion::Connected(slot),
                false => Completion::ConnectFailed(slot, Kind::Connect),
            },
        );
    }

    /// The server behind a connection dies: all its connections are reset, and those being made are refused.
    fn fall(&mut self, of: Slot) {
        for slot in 0..self.links.len() as Slot {
            if !self.is_same_server(of, slot) {
                continue;
            }
            let clock_ns = self.clock_ns;
            let link = self.link(slot);
            link.life += 1;
            match link.stage {
                LinkStage::Closed | LinkStage::Answered { is_made: false } => {}
                LinkStage::Connecting => self.answer_connect(slot, false),
                LinkStage::Open | LinkStage::Answered { is_made: true } => {
                    link.stream.truncate(link.arrived);
                    link.end = Some(StreamEnd::Reset);
                    link.server = Side::Closed(clock_ns);
                    self.stir(slot);
                }
            }
        }
    }

    fn flow_all(&mut self) {
        let mut stirred = std::mem::take(&mut self.stirred);
        for slot in stirred.drain(..) {
            self.link(slot).is_stirred = false;
            self.flow(slot);
        }
        self.stirred = stirred;
    }

    /// Receives what can be received on a connection, until nothing is there or nothing is armed.
    fn flow(&mut self, slot: Slot) {
        loop {
            let link = self.link(slot);
            let available = link.arrived - link.read;
            match (link.armed, link.end) {
                (ArmedReceive::No, _) => return,
                (ArmedReceive::Discard(bytes), _) if available > 0 => {
                    let taken = bytes.min(available as u64) as usize;
                    self.take(slot, taken);
                    self.statistics.discarded_bytes += taken as u64;
                    self.disarm(slot, Completion::Discarded(slot, taken as u64));
                }
                (armed, _) if available > 0 => self.fill(slot, armed, available),
                (_, Some(StreamEnd::Closed)) => self.disarm(slot, Completion::Ended(slot)),
                (_, Some(StreamEnd::Reset)) => self.disarm(slot, Completion::Broken(slot, Kind::Receive)),
                (_, Some(StreamEnd::Lost) | None) => return,
            }
        }
    }

    fn disarm(&mut self, slot: Slot, completion: Completion<SimulatedBuffer>) {
        self.link(slot).armed = ArmedReceive::No;
        self.complete(slot, completion);
    }

    /// Receives into a buffer, if one is free.
    fn fill(&mut self, slot: Slot, armed: ArmedReceive, available: usize) {
        if happens(self.world.machine.starved_ppm, &mut self.random) {
            return self.disarm(slot, Completion::Paused(slot, Pause::Starved));
        }
        let bytes = available.min(if armed == ArmedReceive::Head { HEAD_BYTES } else { BUFFER_BYTES });
        let mut buffer =
            self.spare.pop().unwrap_or_else(|| SimulatedBuffer(Vec::with_capacity(BUFFER_BYTES)));
        let link = self.link(slot);
        buffer.0.extend_from_slice(&link.stream[link.read..link.read + bytes]);
        self.take(slot, bytes);
        self.buffers_out += 1;
        let goes_on =
            armed == ArmedReceive::Stream && !happens(self.world.machine.stopped_ppm, &mut self.random);
        if !goes_on {
            self.link(slot).armed = ArmedReceive::No;
        }
        self.complete(slot, Completion::Received(slot, buffer, goes_on));
    }

    /// Takes bytes off the front of a stream.
    fn take(&mut self, slot: Slot, bytes: usize) {
        let link = self.link(slot);
        link.read += bytes;
        if link.read == link.stream.len() || link.read > READ_BYTES_MAX {
            link.stream.drain(..link.read);
            link.base += link.read as u64;
            link.arrived -= link.read;
            link.read = 0;
        }
        let position = link.base + link.read as u64;
        while link.bodies.front().is_some_and(|body| body.end <= position) {
            link.bodies.pop_front();
        }
    }

    /// Before a completion is delivered: what the shard may believe from now on.
    fn deliverable(&mut self, completion: &Completion<SimulatedBuffer>) {
        let (slot, is_over) = match completion {
            Completion::Received(slot, _, goes_on) => (*slot, !goes_on),
            Completion::Discarded(slot, _) | Completion::Paused(slot, _) => (*slot, true),
            Completion::Ended(slot) | Completion::Broken(slot, _) | Completion::Empty(slot) => (*slot, true),
            Completion::Refused(slot, at) => (*slot, *at == RefusedAt::Receive),
            Completion::Connected(slot) => {
                self.link(*slot).stage = LinkStage::Open;
                return;
            }
            Completion::ConnectFailed(slot, _) => {
                self.link(*slot).stage = LinkStage::Closed;
                return;
            }
            Completion::Sent(slot) => {
                self.link(*slot).is_lent = false;
                return;
            }
        };
        if is_over {
            self.link(slot).believed = ArmedReceive::No;
            self.link(slot).is_pausing = false;
        }
    }

    /// How far the clock moves by being looked at: more and more while nothing else is done, but never past an event.
    fn look(&mut self) {
        let machine = self.world.machine;
        let mut step_ns = machine.look_ns;
        if self.idle_looks > 2 {
            let next_ns = self.events.peek().map_or(u64::MAX, |event| event.at_ns);
            let longest_ns = (machine.look_ns << self.idle_looks.min(16)).min(machine.spin_ns_max);
            step_ns = longest_ns.min(next_ns.saturating_sub(self.clock_ns)).max(machine.look_ns);
        }
        self.idle_looks += 1;
        self.clock_ns += step_ns;
        self.counters.cpu_user_ns += step_ns;
        if self.clock_ns >= self.next_hiccup_ns {
            self.hiccup();
        }
        self.ledger.set_clock(self.clock_ns);
    }

    fn hiccup(&mut self) {
        let Some(hiccup) = self.world.machine.hiccup else { return };
        let lost_ns = self.random.between(hiccup.length_ns / 2, hiccup.length_ns);
        let at_ns = self.clock_ns as i64 - self.start_ns as i64;
        self.statistics.hiccups.push((at_ns, lost_ns));
        self.clock_ns += lost_ns;
        self.plan_hiccup();
    }

    /// Sleeps from event to event until one completes something or the time has come; wakes late.
    fn sleep(&mut self, until_ns: u64) {
        while self.completions.is_empty() && self.clock_ns < until_ns {
            let next_ns = self.events.peek().map_or(u64::MAX, |event| event.at_ns);
            self.clock_ns = self.clock_ns.max(next_ns.min(until_ns));
            self.come_to_pass();
            self.flow_all();
        }
        let late_ns = self.world.machine.wake_ns_max;
        self.clock_ns += if late_ns > 0 { self.random.between(0, late_ns) } else { 0 };
        self.come_to_pass();
        self.flow_all();
    }
}

impl Wire for SimulatedWire {
    type Buffer = SimulatedBuffer;

    fn now(&mut self) -> u64 {
        self.look();
        self.clock_ns
    }

    fn connect(&mut self, slot: Slot) {
        let stage = self.link(slot).stage;
        self.check(stage == LinkStage::Closed, slot, "only a closed connection is made");
        self.close(slot);
        self.link(slot).stage = LinkStage::Connecting;
        self.ask(slot, Asked::Connect);
    }

    fn close(&mut self, slot: Slot) {
        let link = self.link(slot);
        let (mut stream, mut bodies) = (std::mem::take(&mut link.stream), std::mem::take(&mut link.bodies));
        let outbox = std::mem::take(&mut link.outbox);
        stream.clear();
        bodies.clear();
        let (generation, life, is_stirred) = (link.generation + 1, link.life + 1, link.is_stirred);
        *link = SimulatedLink {
            generation,
            life,
            is_stirred,
            stream,
            bodies,
            outbox,
            ..SimulatedLink::default()
        };
    }

    fn send_constant(&mut self, slot: Slot, constant: usize, copies: usize, is_reported: bool) {
        let stage = self.link(slot).stage;
        self.check(stage == LinkStage::Open, slot, "only an open connection sends");
        self.check(copies > 0, slot, "a send sends something");
        let message = match self.server(slot).protocol {
            ServedProtocol::Lines => Message::Line,
            _ => Message::Http1 { is_head: self.constants[constant] },
        };
        self.asked.extend(std::iter::repeat_n(message, copies));
        self.ask(slot, Asked::Send { messages: copies, is_own: false, is_reported });
    }

    fn outbox(&mut self, slot: Slot) -> Outbox<'_> {
        let is_lent = self.link(slot).is_lent;
        self.check(!is_lent, slot, "the memory of the last send is still in use");
        let link = &mut self.links[slot as usize];
        Outbox::new(&mut link.outbox, &mut link.filled)
    }

    fn flush(&mut self, slot: Slot, is_reported: bool) {
        let (stage, is_lent) = (self.link(slot).stage, self.link(slot).is_lent);
        self.check(stage == LinkStage::Open, slot, "only an open connection sends");
        self.check(!is_lent, slot, "the memory of the last send is still in use");
        let protocol = self.server(slot).protocol;
        let link = &mut self.links[slot as usize];
        link.is_lent = true;
        let bytes = std::mem::take(&mut link.filled);
        let before = self.asked.len();
        let sent = &link.outbox[..bytes];
        self.statistics.note_request(self.world.keeps_log, (slot, link.generation), sent);
        match protocol {
            ServedProtocol::Http1 => {
                http::requests(sent, |is_head| self.asked.push_back(Message::Http1 { is_head }));
            }
            ServedProtocol::Http2 | ServedProtocol::Grpc { .. } => {
                frames::found_in(sent, |found| self.asked.push_back(Message::Http2(found)));
            }
            ServedProtocol::Lines => self.asked.extend((0..lines::count(sent)).map(|_| Message::Line)),
        }
        let messages = self.asked.len() - before;
        let is_something = messages > 0 || (bytes > 0 && protocol.has_frames());
        self.check(is_something, slot, "a send sends something");
        self.ask(slot, Asked::Send { messages, is_own: true, is_reported });
    }

    fn flush_datagrams(&mut self, slot: Slot, _is_reported: bool) {
        self.check(false, slot, "nothing of this world is reached by datagrams");
    }

    fn receive(&mut self, slot: Slot) {
        self.arm(slot, ArmedReceive::Stream);
    }

    fn receive_head(&mut self, slot: Slot) {
        self.arm(slot, ArmedReceive::Head);
    }

    fn discard(&mut self, slot: Slot, bytes: u64) {
        let link = self.link(slot);
        let position = link.base + link.read as u64;
        let rest =
            link.bodies.front().filter(|body| body.contains(&position)).map(|body| body.end - position);
        let is_announced = rest.is_some_and(|rest| (1..=rest).contains(&bytes));
        self.check(is_announced, slot, "what is thrown away was announced");
        self.arm(slot, ArmedReceive::Discard(bytes));
    }

    fn pause(&mut self, slot: Slot) {
        let (believed, is_pausing) = (self.link(slot).believed, self.link(slot).is_pausing);
        self.check(
            believed == ArmedReceive::Stream && !is_pausing,
            slot,
            "what is paused is a receive that goes on",
        );
        self.link(slot).is_pausing = true;
        self.statistics.pauses += 1;
        self.ask(slot, Asked::Pause);
    }

    fn next(&mut self) -> Option<Completion<SimulatedBuffer>> {
        loop {
            let (generation, completion) = self.completions.pop_front()?;
            let slot = slot_of(&completion);
            if self.link(slot).generation == generation {
                self.idle_looks = 0;
                self.clock_ns += self.world.machine.completion_ns;
                self.counters.cpu_user_ns += self.world.machine.completion_ns;
                self.deliverable(&completion);
                return Some(completion);
            }
            if let Completion::Received(_, buffer, _) = completion {
                self.recycle(buffer);
            }
        }
    }

    fn bytes<'a>(&'a mut self, buffer: &'a mut SimulatedBuffer) -> &'a mut [u8] {
        &mut buffer.0
    }

    fn exchange<'a>(&'a mut self, slot: Slot, buffer: &'a mut SimulatedBuffer) -> (&'a mut [u8], Outbox<'a>) {
        let link = &mut self.links[slot as usize];
        let memory = if link.is_lent { &mut [][..] } else { &mut link.outbox };
        (&mut buffer.0, Outbox::new(memory, &mut link.filled))
    }

    fn recycle(&mut self, mut buffer: SimulatedBuffer) {
        buffer.0.clear();
        self.buffers_out -= 1;
        self.spare.push(buffer);
    }

    fn submit(&mut self) -> io::Result<()> {
        self.enter();
        Ok(())
    }

    fn wait(&mut self, until_ns: u64) -> io::Result<()> {
        self.enter();
        if self.completions.is_empty() && self.clock_ns < until_ns {
            self.sleep(until_ns);
        }
        Ok(())
    }

    fn has_work(&mut self) -> bool {
        self.come_to_pass();
        !self.submissions.is_empty() || !self.stirred.is_empty() || !self.completions.is_empty()
    }

    fn is_ended(&mut self, slot: Slot) -> bool {
        let (stage, end) = (self.link(slot).stage, self.link(slot).end);
        self.check(stage == LinkStage::Open, slot, "only an open connection can be found ended");
        end.is_some() && self.link(slot).arrived == self.link(slot).read
    }

    fn counters(&mut self) -> ShardStats {
        self.counters
    }
}

impl Drop for SimulatedWire {
    /// Leaves the statistics behind. Every buffer has to be back by now, but for those in completions nobody took.
    fn drop(&mut self) {
        while let Some((_, completion)) = self.completions.pop_front() {
            if let Completion::Received(_, buffer, _) = completion {
                self.recycle(buffer);
            }
        }
        if !std::thread::panicking() {
            assert_eq!(self.buffers_out, 0, "seed {}: buffers were not given back", self.seed);
        }
        self.statistics.finished_ns = self.clock_ns.saturating_sub(self.start_ns);
        self.ledger.leave(std::mem::take(&mut self.statistics));
    }
}

fn slot_of(completion: &Completion<SimulatedBuffer>) -> Slot {
    match completion {
        Completion::Connected(slot)
        | Completion::ConnectFailed(slot, _)
        | Completion::Received(slot, _, _)
        | Completion::Discarded(slot, _)
        | Completion::Paused(slot, _)
        | Completion::Sent(slot)
        | Completion::Ended(slot)
        | Completion::Broken(slot, _)
        | Completion::Empty(slot)
        | Completion::Refused(slot, _) => *slot,
    }
}

#[cfg(test)]
mod tests;
