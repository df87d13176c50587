//! A client's connection, what it reports, and what it sends.

use crate::target::{self, Sent};
use engine::mix::Mix;
use engine::outbox::Outbox;
use engine::plan::{HttpRequest, ReplyMatching, Request, SocketMessageKind, Step, WebSocketMessage};
use engine::random::Draws;
use engine::seams::{Call, Source, StepFacts};
use engine::template;
use std::collections::VecDeque;
use vajra_shards::protocol::websocket::{
    WebSocket, WebSocketOpening, WebSocketOptions, WebSocketShared, encode,
};
use vajra_shards::protocol::{
    Cancelled, Events, Place, Protocol, Readiness, RequestFailure, Response, Sending, Unusable,
};

/// The messages that a client here may have under way.
pub(crate) const MESSAGES: u32 = 8;

/// How often a client here pings, if it is told the time.
pub(crate) const PING_NS: u64 = 1_000;

/// What a connection has reported, by the number of its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Response { place: Place, response: Response },
    Unasked(u64),
}

/// What was told, in order; and which messages are under way.
pub(crate) struct Listener {
    pub(crate) told: Vec<Told>,
    pub(crate) under_way: VecDeque<Place>,
    step: StepFacts,
}

impl Events for Listener {
    fn oldest(&self) -> Option<(Place, &StepFacts)> {
        Some((*self.under_way.front()?, &self.step))
    }

    fn response(&mut self, place: Place, response: Response) {
        let index = self.under_way.iter().position(|known| *known == place);
        self.under_way.remove(index.expect("only what is under way has a reply"));
        self.told.push(Told::Response { place, response });
    }

    fn failed(&mut self, _place: Place, failure: RequestFailure) {
        panic!("no message fails alone: {failure:?}");
    }

    fn unasked(&mut self, bytes: u64) {
        self.told.push(Told::Unasked(bytes));
    }
}

/// A client on one connection.
pub(crate) struct Client {
    pub(crate) socket: WebSocket,
    pub(crate) shared: WebSocketShared,
    pub(crate) mix: Mix,
    pub(crate) listener: Listener,
    pub(crate) memory: Vec<u8>,
    pub(crate) filled: usize,
    next: u32,
}

/// A message of a plan; its text may have holes.
pub(crate) fn message(kind: SocketMessageKind, text: &str) -> Step {
    let pieces = |text: &str| template::parse(text).unwrap();
    let opening = HttpRequest { method: "GET".into(), path: pieces("/ws"), headers: Vec::new(), body: None };
    let request = Request::WebSocket(WebSocketMessage { opening, kind, payload: pieces(text) });
    Step {
        name: "m".into(),
        weight: 1,
        pool: 0,
        timeout_ns: 0,
        request,
        looks: engine::flow::StepLooks::default(),
    }
}

impl Client {
    /// A client that has sent its opening, which is in its outbox.
    pub(crate) fn new(steps: &[Step], matching: ReplyMatching) -> Client {
        let ping_ns = Some(PING_NS);
        let subprotocols = vec!["chat".into()];
        let options = WebSocketOptions { subprotocols, matching, messages: MESSAGES, ping_ns };
        let encoded: Vec<_> = steps.iter().map(|step| encode(step).unwrap()).collect();
        let bytes_max = encoded.iter().map(|step| step.template.bytes_max()).max().unwrap();
        let request = steps[0].request.http().unwrap();
        let opening = WebSocketOpening::new(request, "h:80", &options, Draws::new(1, 64)).unwrap();
        let shared = WebSocketShared::new(opening, &options, bytes_max);
        let memory = vec![0; WebSocket::outbox_bytes(&shared, bytes_max, MESSAGES as usize)];
        let step = StepFacts { constant: None, bytes_max: 0, is_bodyless: false, is_looked_at: false };
        let mut client = Client {
            socket: WebSocket::new(&shared),
            shared,
            mix: Mix::new(encoded, Draws::new(1, 0)),
            listener: Listener { told: Vec::new(), under_way: VecDeque::new(), step },
            memory,
            filled: 0,
            next: 0,
        };
        client.open();
        client
    }

    /// The connection is made, again perhaps.
    pub(crate) fn open(&mut self) {
        let Client { socket, shared, memory, filled, .. } = self;
        *filled = 0;
        socket.opened(shared, &mut Outbox::new(memory, filled)).unwrap();
    }

    /// A client whose connection is open.
    pub(crate) fn ready_with(steps: &[Step], matching: ReplyMatching) -> Client {
        let mut client = Client::new(steps, matching);
        let response = target::opening(&client.taken());
        assert!(!client.is_ready());
        client.hears(&response).unwrap();
        assert!(client.is_ready());
        client
    }

    /// A client that has sent so many messages, whose replies come in order.
    pub(crate) fn asking(messages: u32) -> Client {
        let mut client =
            Client::ready_with(&[message(SocketMessageKind::Text, "hello")], ReplyMatching::Order);
        (0..messages).for_each(|_| client.sends(0));
        client.taken();
        client
    }

    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.socket.readiness(), Readiness::Ready { .. })
    }

    /// Sends a message. Its number is its place.
    pub(crate) fn sends(&mut self, step: u32) {
        self.tries_to_send(step).unwrap();
    }

    pub(crate) fn tries_to_send(&mut self, step: u32) -> Result<u64, Unusable> {
        let Client { socket, shared, mix, memory, filled, next, listener, .. } = self;
        let place = Place::new(*next);
        let sending = Sending { call: Call { step, session: 0 }, number: u64::from(*next), place };
        listener.under_way.push_back(place);
        *next += 1;
        assert!(listener.under_way.len() <= MESSAGES as usize && mix.steps().len() > step as usize);
        socket.send(shared, mix, sending, &mut Outbox::new(memory, filled))
    }

    /// Bytes come from the target.
    pub(crate) fn hears(&mut self, bytes: &[u8]) -> Result<(), Unusable> {
        let Client { socket, shared, listener, memory, filled, .. } = self;
        socket.receive(shared, &mut bytes.to_vec(), &mut Outbox::new(memory, filled), listener)
    }

    /// Bytes come, and there is no room to answer.
    pub(crate) fn hears_without_room(&mut self, bytes: &[u8]) -> Result<(), Unusable> {
        let Client { socket, shared, listener, .. } = self;
        socket.receive(shared, &mut bytes.to_vec(), &mut Outbox::new(&mut [], &mut 0), listener)
    }

    /// Sends what waits.
    pub(crate) fn pumps(&mut self) {
        let Client { socket, shared, mix, memory, filled, .. } = self;
        socket.pump(shared, mix, &mut Outbox::new(memory, filled)).unwrap();
    }

    /// All that was appended is sent.
    pub(crate) fn has_sent(&mut self) {
        let Client { socket, shared, listener, .. } = self;
        socket.sent(shared, listener);
    }

    /// The time is told.
    pub(crate) fn ticks(&mut self, now_ns: u64) {
        self.hears_the_time(now_ns).unwrap();
    }

    /// The same; the connection may be given up at that.
    pub(crate) fn hears_the_time(&mut self, now_ns: u64) -> Result<(), Unusable> {
        let Client { socket, shared, memory, filled, .. } = self;
        socket.tick(shared, now_ns, &mut Outbox::new(memory, filled))
    }

    /// The connection is about to be closed.
    pub(crate) fn leaves(&mut self) {
        let Client { socket, shared, memory, filled, .. } = self;
        socket.leave(shared, &mut Outbox::new(memory, filled));
    }

    /// Gives up the message with this number.
    pub(crate) fn cancels(&mut self, message: u32) -> Cancelled {
        let Client { socket, shared, memory, filled, listener, .. } = self;
        let place = Place::new(message);
        let cancelled = socket.cancel(shared, place, 0, &mut Outbox::new(memory, filled));
        listener.under_way.retain(|known| *known != place);
        cancelled
    }

    /// The bytes it has sent since it was last asked.
    pub(crate) fn taken(&mut self) -> Vec<u8> {
        let taken = self.memory[..self.filled].to_vec();
        self.filled = 0;
        taken
    }

    /// The frames of those.
    pub(crate) fn sent(&mut self) -> Vec<Sent> {
        target::taken_apart(&self.taken())
    }

    /// What it has reported since it was last asked.
    pub(crate) fn told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.listener.told)
    }

    /// The replies of that, by the numbers of their messages.
    pub(crate) fn replies(&mut self) -> Vec<(u32, u16)> {
        let told = self.told();
        let number = |place: Place| (0..u32::MAX).find(|number| Place::new(*number) == place).unwrap();
        let reply = |told: &Told| match told {
            Told::Response { place, response } => Some((number(*place), response.code)),
            Told::Unasked(_) => None,
        };
        told.iter().filter_map(reply).collect()
    }
}
