//! Protocols as state machines: bytes of a connection go in, responses come out. Time, sockets and records are not theirs.
//!
//! A shard knows connections, and requests under way on them. Where a response ends, what it says, whether the connection can be
//! used again and what to receive next is its protocol's to know ([`Protocol`]), which tells it what has happened ([`Events`]).

pub mod any;
pub mod http1;
pub mod secured;

use engine::outbox::Outbox;
use engine::outcome::Kind;
use engine::seams::{Call, Source, StepFacts};

/// What is spoken on one connection.
pub trait Protocol {
    /// What all connections of a pool share.
    type Shared;

    /// Whatever the pool, it is [`Protocol::is_verbatim`]: the loop is compiled without asking.
    const IS_VERBATIM: bool;

    /// The most that is appended in answer to what comes at a time, or once the connection is made.
    const ANSWER_BYTES_MAX: usize;

    /// Whether requests go on the wire as they are rendered, and nothing else does: no handshake, no acknowledgement.
    fn is_verbatim(shared: &Self::Shared) -> bool;

    /// How much memory of a connection what is sent at a time takes, of requests with at most so many bytes together.
    fn outbox_bytes(shared: &Self::Shared, request_bytes: usize) -> usize;

    /// Of a connection that has not been made.
    fn new(shared: &Self::Shared) -> Self;

    /// The connection is made, and not for the first time perhaps: nothing of before is left. Appends what has to be sent first.
    fn opened(&mut self, shared: &mut Self::Shared, out: &mut Outbox<'_>) -> Result<(), Unusable>;

    /// How far the connection is on its way to the first request.
    fn readiness(&self) -> Readiness;

    /// Appends the request of a call, whose arrival has this number. Returns how many bytes it has, without those of what carries it.
    fn send<S: Source>(
        &mut self,
        shared: &mut Self::Shared,
        source: &mut S,
        call: Call,
        number: u64,
        out: &mut Outbox<'_>,
    ) -> Result<u64, Unusable>;

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
    /// Requests may be sent.
    Ready {
        /// It has taken up the session of an earlier one.
        is_resumed: bool,
    },
}

/// What a protocol reports of its connection.
pub trait Events {
    /// The request that has been under way for the longest, and what is known of its step.
    fn oldest(&self) -> Option<(Place, &StepFacts)>;

    /// A request has its response.
    fn response(&mut self, place: Place, response: Response);

    /// Bytes came that nobody asked for.
    fn unasked(&mut self, bytes: u64);
}

/// Where a request under way is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(pub(crate) u32);

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
}

impl Single<'_> {
    /// A request of a step, under way.
    pub fn new(step: &StepFacts) -> Single<'_> {
        Single { step, response: None }
    }
}

impl Events for Single<'_> {
    fn oldest(&self) -> Option<(Place, &StepFacts)> {
        self.response.is_none().then_some((Place(0), self.step))
    }

    fn response(&mut self, _place: Place, response: Response) {
        self.response = Some(response);
    }

    fn unasked(&mut self, _bytes: u64) {}
}
