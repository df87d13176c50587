//! A client's socket, what it reports, and what it sends.

use engine::mix::Mix;
use engine::outbox::Outbox;
use engine::plan::{BytesMessage, DatagramMatching, DnsQuery, RecordType, Request, Step};
use engine::random::Draws;
use engine::seams::{Call, Source, StepFacts};
use engine::template;
use vajra_shards::protocol::udp::{Udp, UdpShared, encode};
use vajra_shards::protocol::{
    Cancelled, DatagramNote, Events, Place, Protocol, RequestFailure, Response, Sending,
};
use vajra_shards::wire::datagrams;

/// What a socket has reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Response(u32, Response),
    Note(DatagramNote),
    Unasked(u64),
}

/// What was told, in order; and which places are taken.
pub(crate) struct Listener {
    pub(crate) told: Vec<Told>,
    pub(crate) taken: Vec<bool>,
    step: StepFacts,
}

impl Listener {
    fn number(&self, place: Place) -> u32 {
        (0..self.taken.len() as u32).find(|number| Place::new(*number) == place).unwrap()
    }
}

impl Events for Listener {
    fn oldest(&self) -> Option<(Place, &StepFacts)> {
        let number = self.taken.iter().position(|taken| *taken)?;
        Some((Place::new(number as u32), &self.step))
    }

    fn response(&mut self, place: Place, response: Response) {
        let number = self.number(place);
        assert!(self.taken[number as usize], "only what is under way has a reply");
        self.taken[number as usize] = false;
        self.told.push(Told::Response(number, response));
    }

    fn failed(&mut self, _place: Place, failure: RequestFailure) {
        panic!("nothing that comes makes a request fail: {failure:?}");
    }

    fn unasked(&mut self, bytes: u64) {
        self.told.push(Told::Unasked(bytes));
    }

    fn datagram(&mut self, note: DatagramNote) {
        self.told.push(Told::Note(note));
    }
}

/// A client on one socket.
pub(crate) struct Client {
    pub(crate) socket: Udp,
    shared: UdpShared,
    mix: Mix,
    pub(crate) listener: Listener,
    memory: Vec<u8>,
    filled: usize,
    next: u64,
    depth: u32,
}

fn step(request: Request) -> Step {
    Step {
        name: "m".into(),
        weight: 1,
        pool: 0,
        timeout_ns: 0,
        request,
        looks: engine::flow::StepLooks::default(),
    }
}

/// A message; its text may have holes.
pub(crate) fn message(text: &str) -> Step {
    step(Request::Bytes(BytesMessage { payload: template::parse(text).unwrap() }))
}

/// A query; its name may have holes.
pub(crate) fn query(name: &str) -> Step {
    let name = template::parse(name).unwrap();
    step(Request::Dns(DnsQuery { name, record_type: RecordType::A, recursion: true, edns_bytes: None }))
}

/// How replies find messages, as it is typed.
pub(crate) fn matching(text: &str) -> DatagramMatching {
    DatagramMatching::parse(text).unwrap()
}

impl Client {
    /// A client whose socket is made.
    pub(crate) fn new(step: &Step, rule: &str, depth: u32) -> Client {
        let encoded = encode(step).unwrap();
        let shared = UdpShared::new(matching(rule), depth);
        let memory = vec![0; Udp::outbox_bytes(&shared, encoded.template.bytes_max(), depth as usize)];
        let facts = StepFacts { constant: None, bytes_max: 0, is_bodyless: false, is_looked_at: false };
        let mut client = Client {
            socket: Udp::new(&shared),
            shared,
            mix: Mix::new(vec![encoded], Draws::new(1, 0)),
            listener: Listener { told: Vec::new(), taken: vec![false; depth as usize], step: facts },
            memory,
            filled: 0,
            next: 0,
            depth,
        };
        client.opens();
        client
    }

    /// The socket is made, again perhaps.
    pub(crate) fn opens(&mut self) {
        self.filled = 0;
        self.listener.taken.fill(false);
        let Client { socket, shared, memory, filled, .. } = self;
        socket.opened(shared, &mut Outbox::new(memory, filled)).unwrap();
    }

    pub(crate) fn under_way(&self) -> u32 {
        self.listener.taken.iter().filter(|taken| **taken).count() as u32
    }

    pub(crate) fn room(&self) -> u32 {
        self.socket.room(self.depth, self.under_way())
    }

    /// Sends a message; returns the place that it is kept at, and the number of its arrival.
    pub(crate) fn sends(&mut self) -> (u32, u64) {
        assert!(self.room() > 0);
        let place = self.listener.taken.iter().position(|taken| !taken).unwrap() as u32;
        let number = self.next;
        self.next += 1;
        self.listener.taken[place as usize] = true;
        let Client { socket, shared, mix, memory, filled, .. } = self;
        let before = *filled;
        let sending = Sending { call: Call { step: 0, session: 0 }, number, place: Place::new(place) };
        let bytes = socket.send(shared, mix, sending, &mut Outbox::new(memory, filled)).unwrap();
        assert_eq!(*filled - before, bytes as usize + 4, "a message behind its length");
        assert_eq!(mix.steps().len(), 1);
        (place, number)
    }

    /// The datagrams that it has sent since it was last asked.
    pub(crate) fn sent(&mut self) -> Vec<Vec<u8>> {
        let outbox = &self.memory[..self.filled];
        let sent = datagrams(outbox).map(|range| outbox[range].to_vec()).collect();
        self.filled = 0;
        sent
    }

    /// Sends a message, and returns it.
    pub(crate) fn asks(&mut self) -> Vec<u8> {
        self.sends();
        self.sent().pop().unwrap()
    }

    /// A datagram comes; what is told of it.
    pub(crate) fn hears(&mut self, datagram: &[u8]) -> Vec<Told> {
        let Client { socket, shared, listener, .. } = self;
        let mut none = 0;
        let mut out = Outbox::new(&mut [], &mut none);
        socket.receive(shared, &mut datagram.to_vec(), &mut out, listener).unwrap();
        std::mem::take(&mut listener.told)
    }

    /// All that was appended is sent.
    pub(crate) fn has_sent(&mut self) -> Vec<Told> {
        self.filled = 0;
        self.socket.sent(&self.shared, &mut self.listener);
        std::mem::take(&mut self.listener.told)
    }

    /// Gives up what is kept at a place.
    pub(crate) fn gives_up(&mut self, place: u32) {
        let Client { socket, shared, memory, filled, listener, .. } = self;
        let before = *filled;
        let cancelled = socket.cancel(shared, Place::new(place), 0, &mut Outbox::new(memory, filled));
        assert_eq!(
            (cancelled, *filled),
            (Cancelled::Request, before),
            "nothing is said of it, and the socket stays"
        );
        listener.taken[place as usize] = false;
    }

    /// Time passes.
    pub(crate) fn ticks(&mut self, now_ns: u64) {
        let Client { socket, shared, memory, filled, .. } = self;
        socket.tick(shared, now_ns, &mut Outbox::new(memory, filled)).unwrap();
    }
}
