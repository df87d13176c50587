//! One connection of WebSocket, the client's side: what it knows of the target, and what it owes it.

use super::close::CloseCode;
use super::frames::{CONTROL_BYTES_MAX, HeaderReader, Opcode};
use super::opening::{ACCEPT_LETTERS, WebSocketGreeting, WebSocketOpening};
use super::options::WebSocketOptions;
use super::owed::{ANSWER_BYTES_MAX, SocketDebts, mask};
use super::replies::{AwaitedReplies, ReplyRule};
use super::utf8::Utf8Check;
use super::{frames, masking};
use crate::protocol::{Cancelled, Place, Response, Sending, Unusable};
use engine::code;
use engine::outbox::Outbox;
use engine::outcome::Kind;
use engine::quantity::SECOND_NS;
use engine::random::Random;
use engine::seams::Source;

/// What all connections of a pool share.
#[derive(Debug)]
pub struct WebSocketShared {
    pub(super) opening: WebSocketOpening,
    pub(super) rule: ReplyRule,
    pub(super) offered: Vec<String>,
    messages: usize,
    /// The memory of an outbox that is kept free for messages.
    reserved_bytes: usize,
    /// Connections keep what the target said in words.
    pub(super) keeps_greetings: bool,
    pub(super) ping_ns: Option<u64>,
}

impl WebSocketShared {
    /// Of a pool whose connections are opened so, and whose longest message, as a frame, has so many bytes.
    pub fn new(
        opening: WebSocketOpening,
        options: &WebSocketOptions,
        message_bytes_max: usize,
    ) -> WebSocketShared {
        WebSocketShared {
            opening,
            rule: ReplyRule::new(&options.matching),
            offered: options.subprotocols.clone(),
            messages: options.messages as usize,
            reserved_bytes: message_bytes_max * options.messages as usize,
            keeps_greetings: false,
            ping_ns: options.ping_ns,
        }
    }

    /// Of one shard of so many: keys, masks and what holes of the opening become differ from those of the others.
    pub fn of_shard(&mut self, shard: u64, shards: u64) {
        self.opening.of_shard(shard, shards);
    }

    /// From here on each connection keeps what the target says of it in words.
    pub fn keep_greetings(&mut self) {
        self.keeps_greetings = true;
    }

    /// Whether replies come in the order of the messages, as far as there are any.
    pub(super) fn is_in_order(&self) -> bool {
        !matches!(self.rule, ReplyRule::Json(_))
    }

    pub(super) fn has_replies(&self) -> bool {
        !matches!(self.rule, ReplyRule::None)
    }

    /// The memory that a connection's outbox needs for so many messages, of at most so many bytes each.
    pub(super) fn outbox_bytes(&self, message_bytes: usize, messages: usize) -> usize {
        let messages = self.reserved_bytes.max(message_bytes * messages);
        self.opening.bytes_max().max(messages) + 2 * ANSWER_BYTES_MAX
    }
}

/// Where a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SocketStage {
    /// The response to the opening has not come, or not all of it.
    Opening,
    /// Messages go and come.
    Open,
    /// It was closed: what comes is not looked at.
    Closed,
}

/// A frame whose payload is coming.
#[derive(Clone, Copy, Debug)]
pub(super) struct ComingFrame {
    pub(super) opcode: Opcode,
    pub(super) is_final: bool,
    pub(super) left: u64,
}

/// One connection.
#[derive(Debug)]
pub struct WebSocket {
    pub(super) stage: SocketStage,
    pub(super) accept: [u8; ACCEPT_LETTERS],
    masks: Random,
    pub(super) debts: SocketDebts,
    /// A response to the opening that came in parts; or a message, where its JSON is looked into.
    pub(super) partial: Vec<u8>,
    pub(super) header: HeaderReader,
    pub(super) frame: Option<ComingFrame>,
    /// The message that is coming, and how long it is so far.
    pub(super) message: Option<Opcode>,
    pub(super) message_bytes: u64,
    pub(super) utf8: Utf8Check,
    /// The payload of a frame of control that is coming.
    pub(super) control: [u8; CONTROL_BYTES_MAX],
    pub(super) control_filled: u8,
    pub(super) awaited: AwaitedReplies,
    /// When the next ping is due; 0 where that has not been said.
    next_ping_ns: u64,
    /// When the first ping was sent since anything came; 0 where none was.
    pub(super) pinged_ns: u64,
    /// Bytes since the last message, on the wire.
    pub(super) bytes: u64,
    pub(super) greeting: Option<Box<WebSocketGreeting>>,
}

/// For so long, and for an interval of pings more, nothing may come after a ping: the time that most servers give their clients.
const PONG_NS: u64 = 20 * SECOND_NS;

const UNANSWERED_PING: Unusable = Unusable {
    kind: Kind::Timeout,
    why: "nothing came on a connection for 20 s and an interval after a ping: nobody is there any more",
};
const NO_ROOM: Unusable =
    Unusable { kind: Kind::Protocol, why: "the target made the connection say more than there is room for" };
const NO_VALUE: Unusable =
    Unusable { kind: Kind::Protocol, why: "a message has nothing where its reply is to have the same" };
const CLOSED_IN_OPENING: Unusable =
    Unusable { kind: Kind::Eof, why: "the target closed the connection without a response to the opening" };
const GONE: Unusable =
    Unusable { kind: Kind::Eof, why: "the target closed the connection without a close frame of WebSocket" };

impl WebSocket {
    /// Of a connection that has not been made.
    pub(super) fn unmade(shared: &WebSocketShared) -> WebSocket {
        let awaited = if shared.is_in_order() { 0 } else { shared.messages };
        WebSocket {
            stage: SocketStage::Opening,
            accept: [0; ACCEPT_LETTERS],
            masks: Random::new(0, 0),
            debts: SocketDebts::new(),
            partial: Vec::new(),
            header: HeaderReader::default(),
            frame: None,
            message: None,
            message_bytes: 0,
            utf8: Utf8Check::default(),
            control: [0; CONTROL_BYTES_MAX],
            control_filled: 0,
            awaited: AwaitedReplies::with_capacity(awaited),
            next_ping_ns: 0,
            pinged_ns: 0,
            bytes: 0,
            greeting: None,
        }
    }

    /// The connection is made.
    pub(super) fn begin(&mut self, shared: &mut WebSocketShared, out: &mut Outbox<'_>) {
        let number = shared.opening.take_number();
        self.stage = SocketStage::Opening;
        (self.accept, self.masks) = (shared.opening.accept(number), shared.opening.masks(number));
        self.debts.open(number);
        self.partial.clear();
        self.header = HeaderReader::default();
        (self.frame, self.message) = (None, None);
        (self.bytes, self.message_bytes, self.control_filled) = (0, 0, 0);
        self.utf8 = Utf8Check::default();
        (self.next_ping_ns, self.pinged_ns) = (0, 0);
        self.awaited.clear();
        self.greeting = shared.keeps_greetings.then(Box::default);
        self.pay(shared, out);
    }

    /// Appends what is owed, as far as there is room.
    pub(super) fn pay(&mut self, shared: &WebSocketShared, out: &mut Outbox<'_>) {
        if self.debts.is_any() {
            self.debts.push(&shared.opening, &mut self.masks, shared.reserved_bytes, out);
        }
    }

    /// Appends a ping, where one is due. The first is drawn from a whole interval, so that connections made together do not ping together.
    /// Nobody may be there any more where pings have been followed by nothing for too long.
    pub(super) fn ping_if_due(
        &mut self,
        shared: &WebSocketShared,
        now_ns: u64,
        out: &mut Outbox<'_>,
    ) -> Result<(), Unusable> {
        let Some(interval_ns) = shared.ping_ns.filter(|_| self.stage == SocketStage::Open) else {
            return Ok(());
        };
        if self.pinged_ns > 0 && now_ns - self.pinged_ns >= PONG_NS + interval_ns {
            return Err(UNANSWERED_PING);
        }
        if self.next_ping_ns == 0 {
            self.next_ping_ns = now_ns + self.masks.between(1, interval_ns);
        }
        let bytes = 2 + masking::MASK_BYTES;
        if now_ns >= self.next_ping_ns && out.room() >= bytes + shared.reserved_bytes {
            frames::push_control(Opcode::Ping, &[], mask(&mut self.masks), out);
            self.next_ping_ns = now_ns + interval_ns;
            if self.pinged_ns == 0 {
                self.pinged_ns = now_ns;
            }
        }
        Ok(())
    }

    /// Appends a close, where the connection is open.
    pub(super) fn say_goodbye(&mut self, shared: &WebSocketShared, out: &mut Outbox<'_>) {
        if self.stage == SocketStage::Open {
            self.stage = SocketStage::Closed;
            self.debts.close(CloseCode::NORMAL);
            self.pay(shared, out);
        }
    }

    /// Appends a message.
    #[inline]
    pub(super) fn send_message<S: Source>(
        &mut self,
        shared: &WebSocketShared,
        source: &mut S,
        Sending { call, number, place }: Sending,
        out: &mut Outbox<'_>,
    ) -> Result<u64, Unusable> {
        let facts = &source.steps()[call.step as usize];
        if out.room() < facts.bytes_max {
            return Err(NO_ROOM);
        }
        let start = out.filled();
        match &facts.constant {
            Some(constant) => out.push(constant),
            None => source.render(call, number, out),
        }
        let frame = out.bytes_from_mut(start);
        let (_, behind) = frame.split_at_mut(frames::mask_offset(frame));
        let (place_of_mask, payload) = behind.split_at_mut(masking::MASK_BYTES);
        if let ReplyRule::Json(pointer) = &shared.rule {
            let value = pointer.find(payload).ok_or(NO_VALUE)?;
            self.awaited.await_reply(value, place);
        }
        let mask = mask(&mut self.masks);
        place_of_mask.copy_from_slice(&mask);
        masking::apply(mask, payload);
        Ok((out.filled() - start) as u64)
    }

    /// Gives a message up. Where replies say whose they are, one that comes late does no harm.
    pub(super) fn give_up(&mut self, shared: &WebSocketShared, place: Place) -> Cancelled {
        match shared.is_in_order() {
            true => Cancelled::Connection,
            false => {
                self.awaited.forget(place);
                Cancelled::Request
            }
        }
    }

    /// The other side has closed its end of the connection.
    pub(super) fn gone(&mut self) -> Unusable {
        match self.stage {
            SocketStage::Opening => CLOSED_IN_OPENING,
            SocketStage::Open => GONE,
            SocketStage::Closed => CloseCode::NORMAL.unusable(),
        }
    }

    /// What has come of a reply.
    pub(super) fn begun_reply(&self) -> Option<Response> {
        let is_coming = self.stage == SocketStage::Open && (self.message.is_some() || self.bytes > 0);
        is_coming.then_some(Response { code: code::REPLIED, is_ok: true, bytes: self.bytes })
    }

    /// What the target has said in words, where that is kept.
    pub fn greeting(&self) -> Option<&WebSocketGreeting> {
        self.greeting.as_deref()
    }

    /// The memory that the connection holds beside what it was given at its start.
    pub fn held_bytes(&self) -> usize {
        self.partial.capacity()
    }
}
