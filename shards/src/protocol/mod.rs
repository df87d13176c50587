//! Protocols as state machines: bytes of a connection go in, responses come out. Time, sockets and records are not theirs.
//!
//! A shard knows connections, and requests under way on them. Where a response ends, what it says, whether the connection can be
//! used again and what to receive next is its protocol's to know ([`Protocol`]), which tells it what has happened ([`Events`]).

pub mod any;
pub mod http1;
pub mod http2;
pub mod secured;
pub mod tcp;
pub mod udp;
pub mod websocket;

use engine::outbox::Outbox;
use engine::outcome::Kind;
use engine::seams::{Call, Source, StepFacts};

/// What is spoken on one connection.
pub trait Protocol {
    /// What all connections of a pool share.
    type Shared;

    /// Whatever the pool, it is [`Protocol::is_verbatim`]: the loop is compiled without asking.
    const IS_VERBATIM: bool;

    /// Whatever the pool, it is [`Protocol::is_in_order`].
    const IS_IN_ORDER: bool;

    /// The most that is appended in answer to what comes at a time, or once the connection is made.
    const ANSWER_BYTES_MAX: usize;

    /// Whether requests go on the wire as they are rendered, and nothing else does: no handshake, no acknowledgement.
    fn is_verbatim(shared: &Self::Shared) -> bool;

    /// Whether responses come in the order of their requests. Otherwise each says whose it is.
    fn is_in_order(shared: &Self::Shared) -> bool;

    /// Whether it wants to be told when what it appended has been sent ([`Protocol::sent`]).
    fn awaits_sent(shared: &Self::Shared) -> bool {
        let _ = shared;
        false
    }

    /// Whether each message is a datagram of its own, which stands in the outbox behind its length
    /// ([`datagrams`](crate::wire::datagrams)). Silence then says nothing of the connection, and nothing closes it.
    fn sends_datagrams(shared: &Self::Shared) -> bool {
        let _ = shared;
        false
    }

    /// How much memory of a connection what is sent at a time takes: so many requests, of at most so many bytes each.
    fn outbox_bytes(shared: &Self::Shared, request_bytes: usize, requests: usize) -> usize;

    /// Of a connection that has not been made.
    fn new(shared: &Self::Shared) -> Self;

    /// The connection is made, and not for the first time perhaps: nothing of before is left. Appends what has to be sent first.
    fn opened(&mut self, shared: &mut Self::Shared, out: &mut Outbox<'_>) -> Result<(), Unusable>;

    /// How far the connection is on its way to the first request.
    fn readiness(&self) -> Readiness;

    /// How many requests more it takes now, of a connection that may have `depth` under way and has `under_way`.
    fn room(&self, depth: u32, under_way: u32) -> u32 {
        depth - under_way
    }

    /// Appends the request of a call, which is kept at a place and whose arrival has this number. Returns how many bytes it has, without those of what carries it.
    fn send<S: Source>(
        &mut self,
        shared: &mut Self::Shared,
        source: &mut S,
        request: Sending,
        out: &mut Outbox<'_>,
    ) -> Result<u64, Unusable>;

    /// All that was appended has been sent: of a request that nothing answers, that is the end.
    fn sent(&mut self, shared: &Self::Shared, on: &mut impl Events) {
        let _ = (shared, on);
    }

    /// Whether the connection is to be replaced as soon as nothing is under way on it.
    fn is_spent(&self) -> bool {
        false
    }

    /// Whether something waits for memory of the outbox, or for the other side to take more.
    fn has_unsent(&self) -> bool {
        false
    }

    /// Appends what waits, as far as it can.
    fn pump<S: Source>(
        &mut self,
        shared: &mut Self::Shared,
        source: &mut S,
        out: &mut Outbox<'_>,
    ) -> Result<(), Unusable> {
        let _ = (shared, source, out);
        Ok(())
    }

    /// Whether there are requests of which some parts are sent one by one, each at its moment ([`Protocol::due_ns`]) or after a response to
    /// the one before: it is told the time then ([`Protocol::reach`]).
    fn is_paced(shared: &Self::Shared) -> bool {
        let _ = shared;
        false
    }

    /// When the next such part is due, or an earlier moment; the end of time where none is.
    fn due_ns(&self) -> u64 {
        u64::MAX
    }

    /// It is so late: what is due by now waits to be sent ([`Protocol::pump`]).
    fn reach(&mut self, now_ns: u64) {
        let _ = now_ns;
    }

    /// Gives a request up, and the connection with it where nothing else is possible.
    fn cancel(
        &mut self,
        shared: &mut Self::Shared,
        place: Place,
        now_ns: u64,
        out: &mut Outbox<'_>,
    ) -> Cancelled {
        let _ = (shared, place, now_ns, out);
        Cancelled::Connection
    }

    /// Whether it wants to be told the time ([`Protocol::tick`]).
    fn wants_ticks(shared: &Self::Shared) -> bool {
        let _ = shared;
        false
    }

    /// Time has passed on a connection that is ready and may send: appends what is due.
    fn tick(&mut self, shared: &mut Self::Shared, now_ns: u64, out: &mut Outbox<'_>) -> Result<(), Unusable> {
        let _ = (shared, now_ns, out);
        Ok(())
    }

    /// The connection is about to be closed from this side: appends its last words, if it has any.
    fn leave(&mut self, shared: &mut Self::Shared, out: &mut Outbox<'_>) {
        let _ = (shared, out);
    }

    /// Takes bytes that arrived, which it may change, and appends what is to be answered at once. An error says that the
    /// connection cannot be used any further.
    fn receive(
        &mut self,
        shared: &mut Self::Shared,
        bytes: &mut [u8],
        out: &mut Outbox<'_>,
        on: &mut impl Events,
    ) -> Result<(), Unusable>;

    /// What to receive next.
    fn wish(&self) -> Receive;

    /// So many of the bytes that were to be discarded are.
    fn discarded(&mut self, bytes: u64, on: &mut impl Events) -> Result<(), Unusable>;

    /// The other side has closed its end: what that means for what is still under way.
    fn ended(&mut self, on: &mut impl Events) -> Unusable;

    /// As much of a response as has come, once it is known what it says.
    fn begun(&self) -> Option<Response>;
}

/// How far a connection is on its way to the first request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Its keys are being agreed on.
    Securing,
    /// What the other side says before it takes requests has not come.
    Greeting,
    /// Requests may be sent.
    Ready {
        /// It has taken up the session of an earlier one.
        is_resumed: bool,
    },
}

/// What a protocol reports of its connection.
pub trait Events {
    /// Whether there are steps whose responses are looked at: a protocol is compiled without that where there are none.
    const MAY_LOOK: bool = false;

    /// The request that has been under way for the longest, and what is known of its step.
    fn oldest(&self) -> Option<(Place, &StepFacts)>;

    /// A request has its response.
    fn response(&mut self, place: Place, response: Response);

    /// A request will have no response, and those beside it on its connection may have theirs.
    fn failed(&mut self, place: Place, failure: RequestFailure);

    /// Bytes came that nobody asked for.
    fn unasked(&mut self, bytes: u64);

    /// Something is to be counted of a datagram that came.
    fn datagram(&mut self, note: DatagramNote) {
        let _ = note;
    }

    /// A message of a response is whole, of a protocol whose responses have several. Where it is the reply to a message alone, that was
    /// sent then.
    fn message(&mut self, place: Place, asked_ns: Option<u64>) {
        let _ = (place, asked_ns);
    }

    /// Such a message begins.
    fn message_begins(&mut self, place: Place) {
        let _ = place;
    }

    /// A part of such a message, as it came.
    fn message_bytes(&mut self, place: Place, bytes: &[u8]) {
        let _ = (place, bytes);
    }

    /// Whether the fields of a response are wanted, of a step that is looked at: where they are not, they need not be handed over.
    fn wants_fields(&self, place: Place) -> bool {
        let _ = place;
        true
    }

    /// A field of a response came, of a step that is looked at: its name in any case.
    fn field(&mut self, place: Place, name: &[u8], value: &[u8]) {
        let _ = (place, name, value);
    }

    /// A piece of the body of a response came, of a step that is looked at, without what frames it.
    fn body(&mut self, place: Place, bytes: &[u8]) {
        let _ = (place, bytes);
    }
}

/// What is to be counted of a datagram that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatagramNote {
    /// The request that it is to has been given up.
    Late,
    /// It came before.
    Repeated,
    /// It is to nothing that was sent.
    Stray,
    /// It says of itself that it has been cut short.
    Truncated,
}

/// Where a request under way is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(pub(crate) u32);

/// A request that is sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sending {
    /// What it is.
    pub call: Call,
    /// The number of its arrival.
    pub number: u64,
    /// Where it is kept while it is under way.
    pub place: Place,
}

/// Why a request has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestFailure {
    /// How it has failed.
    pub kind: Kind,
    /// What is wrong, for people.
    pub why: &'static str,
    /// What the other side has done of it.
    pub touched: Touched,
}

/// What the other side has done of a request that has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched {
    /// Something, perhaps: it must not be sent again.
    Perhaps,
    /// Nothing, as it says itself, and it may not want to do it at all: it is sent again some times.
    No,
    /// Nothing, because it ends a connection on which it has done others: whoever sends it again gets on.
    Passed,
}

/// What became of a request that was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// The others of its connection go on.
    Request,
    /// The connection is to be closed.
    Connection,
}

impl Place {
    /// Where the only request of a connection is kept.
    pub const FIRST: Place = Place(0);

    /// The place with this number.
    pub const fn new(number: u32) -> Place {
        Place(number)
    }
}

/// A complete response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// The protocol's code for what it says: of HTTP, the status.
    pub code: u16,
    /// By the protocol's own rule, the code is a success.
    pub is_ok: bool,
    /// All its bytes on the wire, whatever came before it included.
    pub bytes: u64,
}

/// Why a connection cannot be used any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// How what is still under way on it has failed.
    pub kind: Kind,
    /// What is wrong, for people.
    pub why: &'static str,
}

impl Unusable {
    /// Nothing is known but the kind.
    pub const fn of(kind: Kind) -> Unusable {
        Unusable { kind, why: "" }
    }
}

/// What to receive next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receive {
    /// Whatever comes, again and again.
    Stream,
    /// Once, no more than a response's beginning: what follows it is likely to be discarded.
    Head,
    /// This many bytes, which need not be seen.
    Discard(u64),
}

/// The events of a connection on which there is one request.
pub struct Single<'a> {
    step: &'a StepFacts,
    /// Its response, once that is complete.
    pub response: Option<Response>,
    /// Why there will be none.
    pub failure: Option<RequestFailure>,
    /// Its messages as they come, where they are wanted; the last one may not be whole.
    pub messages: Option<Vec<Vec<u8>>>,
    /// The last message is whole.
    is_between: bool,
}

/// What came of a response that is looked at: its fields, and its body.
#[derive(Clone, Debug, Default)]
pub struct SeenResponse {
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

impl SeenResponse {
    /// Hands it to the source that looks at it. Returns the body.
    pub fn hand_on(&mut self, source: &mut impl Source, call: Call) -> Vec<u8> {
        for (name, value) in self.fields.drain(..) {
            source.field(call, &name, &value);
        }
        source.body(call, &self.body);
        std::mem::take(&mut self.body)
    }
}

impl Single<'_> {
    /// A request of a step, under way.
    pub fn new(step: &StepFacts) -> Single<'_> {
        Single { step, response: None, failure: None, messages: None, is_between: true }
    }

    /// The same; its messages are kept with those that there are, if any are wanted.
    pub fn gathering(self, messages: Option<Vec<Vec<u8>>>) -> Self {
        Single { messages, ..self }
    }
}

impl Events for Single<'_> {
    fn oldest(&self) -> Option<(Place, &StepFacts)> {
        self.response.is_none().then_some((Place::FIRST, self.step))
    }

    fn response(&mut self, _place: Place, response: Response) {
        self.response = Some(response);
    }

    fn failed(&mut self, _place: Place, failure: RequestFailure) {
        self.failure = Some(failure);
    }

    fn unasked(&mut self, _bytes: u64) {}

    fn message(&mut self, _place: Place, _asked_ns: Option<u64>) {
        self.is_between = true;
    }

    fn message_bytes(&mut self, _place: Place, bytes: &[u8]) {
        let Some(messages) = &mut self.messages else { return };
        match messages.last_mut() {
            Some(last) if !self.is_between => last.extend_from_slice(bytes),
            _ => messages.push(bytes.to_vec()),
        }
        self.is_between = false;
    }
}

/// The same of a request whose response may be looked at.
pub struct LookedAtSingle<'a> {
    /// The request.
    pub single: Single<'a>,
    /// What came of its response.
    pub seen: SeenResponse,
}

impl<'a> LookedAtSingle<'a> {
    /// Nothing has come yet.
    pub fn new(single: Single<'a>) -> LookedAtSingle<'a> {
        LookedAtSingle { single, seen: SeenResponse::default() }
    }
}

impl Events for LookedAtSingle<'_> {
    const MAY_LOOK: bool = true;

    fn oldest(&self) -> Option<(Place, &StepFacts)> {
        self.single.oldest()
    }

    fn response(&mut self, place: Place, response: Response) {
        self.single.response(place, response);
    }

    fn failed(&mut self, place: Place, failure: RequestFailure) {
        self.single.failed(place, failure);
    }

    fn unasked(&mut self, bytes: u64) {
        self.single.unasked(bytes);
    }

    fn message(&mut self, place: Place, asked_ns: Option<u64>) {
        self.single.message(place, asked_ns);
    }

    fn message_bytes(&mut self, place: Place, bytes: &[u8]) {
        self.single.message_bytes(place, bytes);
    }

    fn field(&mut self, _place: Place, name: &[u8], value: &[u8]) {
        self.seen.fields.push((name.to_vec(), value.to_vec()));
    }

    fn body(&mut self, _place: Place, bytes: &[u8]) {
        self.seen.body.extend_from_slice(bytes);
    }
}
