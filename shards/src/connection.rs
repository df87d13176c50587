//! The connections of one pool, and the requests under way on them. All memory is laid out at the start.

use crate::protocol::Place;
use crate::timeouts::Timeouts;
use crate::wire::Slot;
use engine::record::MessageTime;
use engine::seams::Call;
use std::collections::VecDeque;

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    link: Link,
    pub(crate) armed: Armed,
    /// Requests under way, oldest first: indices into the shard's flights, from `oldest`, wrapping.
    pub(crate) under_way: u32,
    oldest: u32,
    /// How many may be under way, as far as its protocol lets them; never fewer than are.
    capacity: u32,
    /// A send was to be reported and has not been.
    is_sending: bool,
    /// Whether these two let it take requests: asked several times for each.
    is_able: bool,
    /// Stands in the queue of ready connections.
    is_queued: bool,
    /// Stands in its pool's list of those that are closed.
    pub(crate) is_listed: bool,
    /// The last send was longer than what always fits the socket's buffer, where that is asked: some of it may still be there.
    pub(crate) sent_long: bool,
    /// Was open at least once.
    pub(crate) was_open: bool,
    /// A response came since it was last made.
    pub(crate) has_answered: bool,
    /// Failed attempts in a row.
    pub(crate) attempts: u32,
    /// When it became free to take a request, or would have without the generator's own lateness.
    pub(crate) free_ns: u64,
    /// How much of the last response's time was the generator's doing: without it, the connection would have been free so much
    /// earlier. Stays 0 in a closed loop, in which a request is never late for more than its own time.
    pub(crate) carried_ns: u64,
    /// When anything last happened on it.
    pub(crate) heard_ns: u64,
    /// When the watchdog last looked at it.
    pub(crate) looked_ns: u64,
    /// When it was last begun, and when it was there, agreed on or not.
    pub(crate) begun_ns: u64,
    pub(crate) made_ns: u64,
    /// When its keys had been agreed on; 0 before.
    pub(crate) secured_ns: u64,
    /// Something in its outbox is to go out at the end of the turn.
    pub(crate) has_output: bool,
}

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// To be made at this moment, or later.
    Closed { retry_ns: u64 },
    /// Being made, until then.
    Connecting { deadline_ns: u64 },
    /// Made, and its protocol is being agreed on, until then.
    Agreeing { deadline_ns: u64 },
    /// Made, but between two ways of receiving: nothing is sent until the old one has stopped.
    Switching,
    /// To be made by the next request.
    OnDemand,
    /// Made, and ready for requests.
    Open,
}

/// What the kernel has been asked to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Armed {
    /// Nothing.
    No,
    /// Whatever comes, until told otherwise.
    Stream,
    /// One piece: the beginning of a response.
    Head,
    /// One piece, to be thrown away.
    Discard,
}

/// One request under way. Times are absolute. There may be tens of thousands, so three words have to do: the moment of sending is
/// kept as how long after the intended one it was, which leaves room for the step beside it, and the lag shares a word with the
/// session.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flight {
    pub(crate) intended_ns: u64,
    slip_and_step: u64,
    lag_and_session: u64,
}

const STEP_BITS: u32 = 10;
const SESSION_BITS: u32 = 24;
/// A longer lag is written down as this one, 18 minutes: a run in which the generator was late by so much is worth nothing.
const LAG_NS_MAX: u64 = u64::MAX >> SESSION_BITS;
const _: () = assert!(size_of::<Flight>() == 24, "three words");
const _: () = assert!(engine::plan::REQUESTS_MAX <= 1 << STEP_BITS, "every step has a number in a flight");
const _: () = assert!(
    engine::quantity::DURATION_NS_MAX <= u64::MAX >> STEP_BITS,
    "a request can be as late as a run is long"
);

impl Flight {
    /// A request that is sent at the moment it is intended, until something else is said.
    #[inline]
    pub(crate) fn new(call: Call, intended_ns: u64) -> Flight {
        debug_assert!(call.step < 1 << STEP_BITS && call.session < 1 << SESSION_BITS, "{call:?} fits");
        Flight { intended_ns, slip_and_step: call.step.into(), lag_and_session: call.session.into() }
    }

    #[inline]
    pub(crate) fn call(self) -> Call {
        let session = self.lag_and_session & ((1 << SESSION_BITS) - 1);
        Call { step: self.step() as u32, session: session as u32 }
    }

    #[inline]
    pub(crate) fn step(self) -> usize {
        (self.slip_and_step & ((1 << STEP_BITS) - 1)) as usize
    }

    /// When it was sent.
    #[inline]
    pub(crate) fn sent_ns(self) -> u64 {
        self.intended_ns + (self.slip_and_step >> STEP_BITS)
    }

    #[inline]
    pub(crate) fn set_sent(&mut self, sent_ns: u64) {
        debug_assert!(sent_ns >= self.intended_ns, "nothing is sent before it is intended");
        self.slip_and_step = (sent_ns - self.intended_ns) << STEP_BITS | self.step() as u64;
    }

    /// How late it was sent by the generator's doing.
    #[inline]
    pub(crate) fn lag_ns(self) -> u64 {
        self.lag_and_session >> SESSION_BITS
    }

    /// How much of its response time is the generator's, of a request that ends now. What ended it has lain in the kernel for
    /// `late_ns`, but not since before it was sent.
    #[inline]
    pub(crate) fn lag_when_done(self, now: u64, late_ns: u64) -> u64 {
        self.lag_ns() + late_ns.min(now.saturating_sub(self.sent_ns()))
    }

    #[inline]
    pub(crate) fn set_lag(&mut self, lag_ns: u64) {
        let session = self.lag_and_session & ((1 << SESSION_BITS) - 1);
        self.lag_and_session = lag_ns.min(LAG_NS_MAX) << SESSION_BITS | session;
    }
}

/// All connections of a pool.
#[derive(Debug)]
pub(crate) struct ConnectionTable {
    all: Vec<Connection>,
    flights: Vec<Flight>,
    /// Requests of a connection end in the order they began: their places are a ring. Otherwise each takes the place that was free
    /// last.
    is_in_order: bool,
    free: Vec<u32>,
    depth: u32,
    timeouts: Timeouts,
    ready: VecDeque<Slot>,
    /// When messages of calls came, where some calls stream.
    messages: Option<Box<MessageClock>>,
    /// Connections with something in their outboxes; some may have been closed since.
    outputs: Vec<Slot>,
    /// Connections that are made.
    pub(crate) open: u64,
    /// Requests under way on all of them.
    pub(crate) under_way: u64,
}

impl ConnectionTable {
    /// `count` connections, all closed, each taking up to `depth` requests at a time, which end in the order they began or in any.
    pub(crate) fn new(count: u32, depth: u32, is_in_order: bool) -> ConnectionTable {
        ConnectionTable {
            is_in_order,
            free: if is_in_order { Vec::new() } else { (0..count).flat_map(|_| (0..depth).rev()).collect() },
            all: (0..count).map(|_| Connection::new(depth)).collect(),
            flights: vec![Flight::default(); count as usize * depth as usize],
            timeouts: Timeouts::new(count * depth),
            depth,
            messages: None,
            ready: VecDeque::with_capacity(count as usize + 1),
            outputs: Vec::with_capacity(count as usize),
            open: 0,
            under_way: 0,
        }
    }

    #[inline]
    pub(crate) fn at(&mut self, slot: Slot) -> &mut Connection {
        &mut self.all[slot as usize]
    }

    pub(crate) fn count(&self) -> u32 {
        self.all.len() as u32
    }

    /// How many more requests a connection can take now.
    #[inline]
    pub(crate) fn room(&self, slot: Slot) -> u32 {
        self.all[slot as usize].room()
    }

    /// How many more requests a connection may take, as its protocol says.
    pub(crate) fn allow(&mut self, slot: Slot, more: u32) {
        let connection = &mut self.all[slot as usize];
        connection.capacity = (connection.under_way + more).min(self.depth);
    }

    /// The times of messages are wanted of these calls, by step.
    pub(crate) fn time_messages(&mut self, is_timed: Box<[bool]>) {
        self.messages = Some(Box::new(MessageClock::new(self.flights.len(), is_timed)));
    }

    /// A message of a response came now, the reply to one that was sent then, where they are matched: how long it took, if that is wanted.
    pub(crate) fn message_came(
        &mut self,
        place: Place,
        now_ns: u64,
        asked_ns: Option<u64>,
    ) -> Option<MessageTime> {
        let flight = self.flight(place);
        self.messages.as_mut()?.came(place, flight, now_ns, asked_ns)
    }

    /// The connection that a request is under way on.
    pub(crate) fn slot_of(&self, place: Place) -> Slot {
        place.0 / self.depth
    }

    /// Whether requests of a connection end in the order they began.
    pub(crate) fn is_in_order(&self) -> bool {
        self.is_in_order
    }

    /// How many requests a connection may have under way at a time.
    pub(crate) fn depth(&self) -> u32 {
        self.depth
    }

    /// Whether a connection stands in the queue with nothing under way.
    pub(crate) fn is_idle(&self, slot: Slot) -> bool {
        let connection = &self.all[slot as usize];
        connection.is_queued && connection.under_way == 0
    }

    /// Puts a connection at the end of the queue, if it can take a request and is not queued; returns it when it did.
    #[inline]
    pub(crate) fn queue(&mut self, slot: Slot) -> Option<&mut Connection> {
        let connection = &mut self.all[slot as usize];
        if connection.is_queued || connection.room() == 0 {
            return None;
        }
        connection.is_queued = true;
        self.ready.push_back(slot);
        Some(connection)
    }

    /// The connection that has been free the longest, without taking it. Taking turns keeps every connection in use, and
    /// makes its `free_ns` the earliest moment any connection could have taken a request.
    #[inline]
    pub(crate) fn first_ready(&mut self) -> Option<Slot> {
        while let Some(&slot) = self.ready.front() {
            if self.room(slot) > 0 {
                return Some(slot);
            }
            self.unqueue_first();
        }
        None
    }

    /// Takes the connection that [`ConnectionTable::first_ready`] named off the queue.
    #[inline]
    pub(crate) fn unqueue_first(&mut self) {
        if let Some(slot) = self.ready.pop_front() {
            self.all[slot as usize].is_queued = false;
        }
    }

    /// A connection that has become able to take a request since the last time this was asked. It stays in its place, to be taken by its slot:
    /// this is for connections that do not take turns.
    pub(crate) fn next_readied(&mut self) -> Option<Slot> {
        self.ready.pop_front()
    }

    /// Whether a connection can take a request now. If not, it is told when it can ([`ConnectionTable::next_readied`]).
    pub(crate) fn is_ready(&mut self, slot: Slot) -> bool {
        let connection = &mut self.all[slot as usize];
        let is_ready = connection.room() > 0;
        connection.is_queued &= is_ready;
        is_ready
    }

    /// Takes a connection by its slot.
    pub(crate) fn unqueue(&mut self, slot: Slot) {
        self.all[slot as usize].is_queued = false;
    }

    /// Adds a request under way; returns where it is kept.
    // A part of the loop: the compiler would count its callers, and make it a call for every request.
    #[inline(always)]
    pub(crate) fn begin(&mut self, is_in_order: bool, slot: Slot, flight: Flight) -> Place {
        let connection = &mut self.all[slot as usize];
        debug_assert!(connection.under_way < self.depth, "only a connection with room is given a request");
        let index = match is_in_order || self.is_in_order {
            true => flight_index(slot, self.depth, connection.oldest + connection.under_way),
            false => {
                let left = (self.depth - 1 - connection.under_way) as usize;
                slot as usize * self.depth as usize
                    + self.free[slot as usize * self.depth as usize + left] as usize
            }
        };
        connection.under_way += 1;
        self.under_way += 1;
        self.timeouts.join(index as u32);
        self.flights[index] = flight;
        Place(index as u32)
    }

    /// Where the oldest request under way on a connection is kept; where they end in any order, one of them.
    // A part of the loop, like `begin`.
    #[inline(always)]
    pub(crate) fn oldest(&self, is_in_order: bool, slot: Slot) -> Option<Place> {
        let connection = &self.all[slot as usize];
        if !(is_in_order || self.is_in_order) {
            return self.any(slot);
        }
        (connection.under_way > 0).then(|| Place(flight_index(slot, self.depth, connection.oldest) as u32))
    }

    /// Where a request under way on a connection is kept, whichever.
    #[inline(never)]
    fn any(&self, slot: Slot) -> Option<Place> {
        let first = slot * self.depth;
        (first..first + self.depth).find(|&place| self.timeouts.has(place)).map(Place)
    }

    /// Ends a request under way on a connection: the oldest, where they end in order.
    // A part of the loop: the compiler would count its callers, and make it a call for every request.
    #[inline(always)]
    pub(crate) fn end(&mut self, is_in_order: bool, slot: Slot, place: Place) -> Flight {
        let connection = &mut self.all[slot as usize];
        connection.under_way -= 1;
        if is_in_order || self.is_in_order {
            debug_assert_eq!(
                flight_index(slot, self.depth, connection.oldest),
                place.0 as usize,
                "requests of a connection end in the order they began"
            );
            connection.oldest = (connection.oldest + 1) % self.depth;
        } else {
            debug_assert!(self.timeouts.has(place.0), "only a request that is under way ends");
            let free = (self.depth - 1 - connection.under_way) as usize;
            self.free[slot as usize * self.depth as usize + free] = place.0 - slot * self.depth;
        }
        self.timeouts.leave(place.0);
        self.under_way -= 1;
        self.flights[place.0 as usize]
    }

    /// The time that a request may take begins now.
    pub(crate) fn restart_timeout(&mut self, place: Place) {
        self.timeouts.join(place.0);
    }

    /// Something was written to a connection's outbox.
    #[inline]
    pub(crate) fn note_output(&mut self, slot: Slot) {
        let connection = &mut self.all[slot as usize];
        if !connection.has_output {
            connection.has_output = true;
            self.outputs.push(slot);
        }
    }

    /// A connection with something in its outbox, taken off the list of them.
    #[inline]
    pub(crate) fn next_output(&mut self) -> Option<Slot> {
        while let Some(slot) = self.outputs.pop() {
            if std::mem::take(&mut self.all[slot as usize].has_output) {
                return Some(slot);
            }
        }
        None
    }

    /// The next request makes this connection.
    pub(crate) fn await_demand(&mut self, slot: Slot) {
        self.all[slot as usize].set_link(Link::OnDemand);
        self.queue(slot);
    }

    /// The request that was sent longest ago, on which connection, and when.
    pub(crate) fn longest_under_way(&self) -> Option<(Slot, Place, u64)> {
        let index = self.timeouts.first()?;
        Some((index / self.depth, Place(index), self.flights[index as usize].sent_ns()))
    }

    /// Connections that are open, or on which something is under way.
    pub(crate) fn used(&self) -> u32 {
        self.used_slots().count() as u32
    }

    fn used_slots(&self) -> impl Iterator<Item = Slot> + '_ {
        let is_used = |connection: &Connection| connection.is_open() || connection.under_way > 0;
        (0..self.count()).filter(move |&slot| is_used(&self.all[slot as usize]))
    }

    /// How late what is under way was sent by the generator's doing, on average over the connections that are open.
    pub(crate) fn mean_lag_ns(&self) -> u64 {
        let slots = self.used_slots();
        let lags = slots.map(|slot| match self.oldest(false, slot) {
            Some(place) => self.flight(place).lag_ns(),
            None => self.all[slot as usize].carried_ns,
        });
        let (sum, count) = lags.fold((0_u128, 0_u128), |(sum, count), ns| (sum + u128::from(ns), count + 1));
        (sum / count.max(1)) as u64
    }

    /// A request under way.
    #[inline]
    pub(crate) fn flight(&self, place: Place) -> Flight {
        self.flights[place.0 as usize]
    }

    /// The same, to be changed.
    #[inline]
    pub(crate) fn flight_mut(&mut self, place: Place) -> &mut Flight {
        &mut self.flights[place.0 as usize]
    }
}

fn flight_index(slot: Slot, depth: u32, place: u32) -> usize {
    slot as usize * depth as usize + (place % depth) as usize
}

impl Connection {
    /// How many more requests it can take now.
    #[inline]
    fn room(&self) -> u32 {
        if self.is_able { self.capacity - self.under_way } else { 0 }
    }

    /// Where it is in its life.
    #[inline]
    pub(crate) fn link(&self) -> Link {
        self.link
    }

    #[inline]
    pub(crate) fn set_link(&mut self, link: Link) {
        self.link = link;
        self.note_ability();
    }

    /// Whether a send was to be reported and has not been.
    #[inline]
    pub(crate) fn is_sending(&self) -> bool {
        self.is_sending
    }

    #[inline]
    pub(crate) fn set_sending(&mut self, is_sending: bool) {
        self.is_sending = is_sending;
        self.note_ability();
    }

    #[inline]
    fn note_ability(&mut self) {
        self.is_able = matches!(self.link, Link::Open | Link::OnDemand) && !self.is_sending;
    }

    fn new(capacity: u32) -> Connection {
        Connection {
            link: Link::Closed { retry_ns: 0 },
            armed: Armed::No,
            under_way: 0,
            capacity,
            oldest: 0,
            is_sending: false,
            sent_long: false,
            is_able: false,
            is_queued: false,
            is_listed: false,
            was_open: false,
            has_answered: false,
            attempts: 0,
            free_ns: 0,
            carried_ns: 0,
            heard_ns: 0,
            looked_ns: 0,
            begun_ns: 0,
            made_ns: 0,
            secured_ns: 0,
            has_output: false,
        }
    }

    /// Whether there is a connection, ready or not.
    pub(crate) fn is_made(&self) -> bool {
        self.is_open() || matches!(self.link, Link::Agreeing { .. })
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.link, Link::Open | Link::Switching)
    }
}

/// When the last message came of each call that is under way.
#[derive(Debug)]
struct MessageClock {
    /// By place; of a call that is over as long as none has come of the one in its place.
    last_ns: Box<[u64]>,
    /// By step: whether times are wanted.
    is_timed: Box<[bool]>,
}

impl MessageClock {
    fn new(places: usize, is_timed: Box<[bool]>) -> MessageClock {
        MessageClock { last_ns: vec![0; places].into(), is_timed }
    }

    fn came(
        &mut self,
        place: Place,
        flight: Flight,
        now_ns: u64,
        asked_ns: Option<u64>,
    ) -> Option<MessageTime> {
        if !self.is_timed[flight.step()] {
            return None;
        }
        let before_ns = std::mem::replace(&mut self.last_ns[place.0 as usize], now_ns);
        // What came before this call was sent is none of its messages.
        Some(match before_ns <= flight.sent_ns() {
            true => MessageTime::First(now_ns.saturating_sub(flight.intended_ns)),
            false => MessageTime::Following(now_ns.saturating_sub(asked_ns.unwrap_or(before_ns))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(count: u32, depth: u32) -> ConnectionTable {
        let mut connections = ConnectionTable::new(count, depth, true);
        for slot in 0..count {
            connections.at(slot).set_link(Link::Open);
            connections.queue(slot);
        }
        connections
    }

    fn end_oldest(connections: &mut ConnectionTable) -> Option<Flight> {
        let place = connections.oldest(true, 0)?;
        Some(connections.end(true, 0, place))
    }

    #[test]
    fn ready_connections_take_turns_and_stand_once_in_the_queue() {
        let mut connections = opened(2, 1);
        connections.queue(0);
        let mut order = Vec::new();
        while let Some(slot) = connections.first_ready() {
            connections.unqueue_first();
            connections.begin(true, slot, Flight::default());
            order.push(slot);
        }
        assert_eq!(order, [0, 1]);
    }

    #[test]
    fn a_flight_keeps_its_call_its_moments_and_its_lag() {
        let call = Call { step: (1 << STEP_BITS) - 1, session: (1 << SESSION_BITS) - 1 };
        let intended_ns = 1 << 60;
        let sent_ns = intended_ns + engine::quantity::DURATION_NS_MAX;
        let mut flight = Flight::new(call, intended_ns);
        flight.set_sent(sent_ns);
        flight.set_lag(LAG_NS_MAX);
        assert_eq!((flight.call(), flight.intended_ns, flight.sent_ns()), (call, intended_ns, sent_ns));
        assert_eq!(flight.lag_ns(), LAG_NS_MAX);
        flight.set_lag(u64::MAX);
        assert_eq!((flight.call(), flight.lag_ns()), (call, LAG_NS_MAX));
    }

    #[test]
    fn messages_of_a_call_are_timed_from_when_it_was_intended_and_then_from_each_other() {
        let mut connections = ConnectionTable::new(1, 2, false);
        connections.at(0).set_link(Link::Open);
        let begin = |connections: &mut ConnectionTable, step: u32, intended_ns: u64| {
            let place = connections.begin(false, 0, Flight::new(Call { step, session: 0 }, intended_ns));
            connections.flight_mut(place).set_sent(intended_ns + 5);
            place
        };
        let first = begin(&mut connections, 0, 100);
        assert_eq!(connections.message_came(first, 120, None), None, "nobody wants to know");
        connections.time_messages(vec![true, false].into());
        let (first_time, following) = (MessageTime::First, MessageTime::Following);
        assert_eq!(connections.message_came(first, 130, Some(105)), Some(first_time(30)));
        assert_eq!(connections.message_came(first, 150, None), Some(following(20)));
        assert_eq!(
            connections.message_came(first, 190, Some(151)),
            Some(following(39)),
            "a reply to a message"
        );
        assert_eq!(connections.message_came(first, 190, None), Some(following(0)), "two at once");
        let unary = begin(&mut connections, 1, 100);
        assert_eq!(connections.message_came(unary, 200, None), None, "it has one message alone");
        // Another call in the same place.
        connections.end(false, 0, first);
        let next = begin(&mut connections, 0, 190);
        assert_eq!(next, first);
        assert_eq!(connections.message_came(next, 260, None), Some(first_time(70)));
    }

    #[test]
    fn a_connection_is_idle_while_it_is_queued_with_nothing_under_way() {
        let mut connections = opened(1, 2);
        assert!(connections.is_idle(0));
        connections.unqueue_first();
        assert!(!connections.is_idle(0), "it is about to be used");
        connections.begin(true, 0, Flight::default());
        connections.queue(0);
        assert!(!connections.is_idle(0), "it has room, and a request under way");
        end_oldest(&mut connections);
        assert!(connections.is_idle(0));
    }

    #[test]
    fn requests_end_in_the_order_they_began() {
        let mut connections = opened(1, 3);
        for step in 0..3 {
            connections.begin(true, 0, Flight::new(Call { step, session: 0 }, 0));
        }
        assert_eq!(connections.room(0), 0);
        assert_eq!(end_oldest(&mut connections).unwrap().step(), 0);
        connections.begin(true, 0, Flight::new(Call { step: 3, session: 0 }, 0));
        let rest: Vec<usize> =
            std::iter::from_fn(|| end_oldest(&mut connections)).map(|flight| flight.step()).collect();
        assert_eq!(rest, [1, 2, 3]);
        assert_eq!(connections.under_way, 0);
    }
}
