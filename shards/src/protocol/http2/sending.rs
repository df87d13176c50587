//! Requests onto the wire: a header block, and as much of the body as the target takes.

use super::connection::{BODY_ROOM_BYTES, CARRIER_BYTES, Http2, Http2Shared};
use super::frames::{FRAME_HEADER_BYTES, FRAME_PAYLOAD_BYTES_MAX, FrameHeader, flag, frame_type};
use super::grpc::{GrpcProgress, message_end};
use super::integer::write_integer;
use super::request::{Rendered, RequestBody};
use super::windows::SendWindow;
use crate::protocol::Sending;
use engine::outbox::Outbox;
use engine::plan::MessagePace;
use engine::seams::Source;

/// Where in a frame its stream stands.
const STREAM_AT: usize = 5;

/// How much of a body was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodySent {
    Whole,
    /// What the target or the memory had room for.
    InPart,
    /// What may be sent before the next reply, or the next moment.
    ToTurn,
}

impl Http2 {
    /// Appends a request, and as much of its body as may be sent; returns how many bytes all of it has. The connection must take it, and the outbox have memory for its
    /// header block.
    #[inline]
    pub(super) fn send_request<S: Source>(
        &mut self,
        shared: &mut Http2Shared,
        source: &mut S,
        Sending { call, number, place }: Sending,
        out: &mut Outbox<'_>,
    ) -> u64 {
        let index = self.streams.begin(place, call, number, SendWindow::new(self.peer.window_bytes));
        let request = &shared.requests[call.step as usize];
        let chosen = shared.blocks.choose(&mut self.table, call.step as usize);
        let block = shared.blocks.at(chosen);
        let stream = self.streams.at(index);
        stream.is_bodyless = request.is_bodyless;
        if S::MAY_CONTINUE {
            stream.is_looked_at = source.steps()[call.step as usize].is_looked_at;
        }
        if self.is_grpc {
            stream.grpc = GrpcProgress::begun(request.form, request.pace);
        }
        if !block.is_whole || self.table.resize.is_some() {
            return self.send_assembled(shared, source, index, chosen, out);
        }
        let at = out.filled();
        out.push(&block.frame);
        out.bytes_from_mut(at + STREAM_AT)[..4].copy_from_slice(&stream.id.to_be_bytes());
        let head_bytes = out.filled() - at;
        match &request.body {
            RequestBody::Constant(body) => {
                self.begin_body(index, body, shared.head_bytes_max, out);
                request_bytes(head_bytes, body, request.pace != MessagePace::AtOnce)
            }
            RequestBody::None | RequestBody::Rendered => head_bytes as u64,
        }
    }

    /// The same of a request with holes, with a header block that is too long for one frame, or that begins with the table's size.
    #[inline(never)]
    fn send_assembled<S: Source>(
        &mut self,
        shared: &mut Http2Shared,
        source: &mut S,
        index: usize,
        chosen: usize,
        out: &mut Outbox<'_>,
    ) -> u64 {
        let (stream, call) = (self.streams.at(index).id, self.streams.at(index).call);
        let rendered = self.render(shared, source, index);
        let rendered = Rendered::new(&shared.rendered[..rendered]);
        shared.assembled.clear();
        if let Some(bytes) = self.table.resize.take() {
            write_integer(&mut shared.assembled, 0x20, 5, bytes);
        }
        let (pseudo, regular) = shared.blocks.at(chosen).parts();
        for part in [pseudo, rendered.pseudo, regular, rendered.regular] {
            shared.assembled.extend_from_slice(part);
        }
        let request = &shared.requests[call.step as usize];
        let body = request.body.bytes(rendered);
        let before = out.filled();
        push_block(out, stream, &shared.assembled, body.is_empty());
        let head_bytes = out.filled() - before;
        if !body.is_empty() {
            self.begin_body(index, body, shared.head_bytes_max, out);
        }
        request_bytes(head_bytes, body, request.pace != MessagePace::AtOnce)
    }

    /// Renders the request of a stream; returns how many bytes that are.
    fn render<S: Source>(&mut self, shared: &mut Http2Shared, source: &mut S, index: usize) -> usize {
        let stream = self.streams.at(index);
        if !shared.requests[stream.call.step as usize].has_holes {
            return 0;
        }
        let mut rendered = 0;
        source.render(stream.call, stream.number, &mut Outbox::new(&mut shared.rendered, &mut rendered));
        rendered
    }

    /// Appends as much of a body as may be sent. What is left waits for its turn.
    fn begin_body(&mut self, index: usize, body: &[u8], head_bytes_max: usize, out: &mut Outbox<'_>) {
        // Those that have waited longer come first.
        let room = |http: &Http2, out: &Outbox<'_>| http.body_room(head_bytes_max, out);
        let sent = match self.unsent.is_empty() {
            true => self.push_body(index, body, room, out),
            false => BodySent::InPart,
        };
        self.note_body(index, sent);
    }

    /// Appends what there was no room for, and what the target did not take before: answers, and the rest of bodies, which are
    /// rendered once more where they have holes.
    pub(super) fn send_waiting<S: Source>(
        &mut self,
        shared: &mut Http2Shared,
        source: &mut S,
        out: &mut Outbox<'_>,
    ) {
        self.owed.settle(self.heads_bytes(shared.head_bytes_max), out);
        for _ in 0..self.unsent.len() {
            let has_room = self.waiting_room(shared.head_bytes_max, out) >= BODY_ROOM_BYTES;
            if self.may_send.available() == 0 || !has_room {
                return;
            }
            let Some(index) = self.unsent.pop_front() else { return };
            let rendered = self.render(shared, source, index);
            let rendered = Rendered::new(&shared.rendered[..rendered]);
            let step = self.streams.at(index).call.step as usize;
            let body = shared.requests[step].body.bytes(rendered);
            let head_bytes_max = shared.head_bytes_max;
            let room = |http: &Http2, out: &Outbox<'_>| http.waiting_room(head_bytes_max, out);
            let sent = self.push_body(index, body, room, out);
            self.note_body(index, sent);
        }
    }

    /// Messages of calls that are due by now stand in line, where all before them was sent; notes when the next are.
    pub(super) fn let_due_go_on(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
        if self.due_ns > now_ns {
            return;
        }
        let Http2 { streams, unsent, due_ns, .. } = self;
        *due_ns = u64::MAX;
        for (index, stream) in streams.open_with_index() {
            let Some(turns) = &mut stream.grpc.turns else { continue };
            if turns.reach(now_ns) {
                turns.is_over = false;
                unsent.push_back(index);
            }
            *due_ns = turns.due_ns().min(*due_ns);
        }
    }

    /// So much of a body is sent: what is left stands in line, unless it waits for a reply or a moment.
    fn note_body(&mut self, index: usize, sent: BodySent) {
        let stream = self.streams.at(index);
        stream.is_unsent = sent != BodySent::Whole;
        if let Some(turns) = &mut stream.grpc.turns {
            turns.is_over = sent == BodySent::ToTurn;
            if sent != BodySent::InPart {
                turns.note_sent(self.now_ns);
            }
            self.due_ns = self.due_ns.min(turns.due_ns());
        }
        if sent == BodySent::InPart {
            self.unsent.push_back(index);
        }
    }

    /// How much of the bodies that waited there is memory for.
    #[inline]
    fn waiting_room(&self, head_bytes_max: usize, out: &Outbox<'_>) -> usize {
        out.room().saturating_sub(self.heads_bytes(head_bytes_max) + FRAME_HEADER_BYTES)
    }

    /// How much of a body there is memory for beside its request: responses have been looked at when requests are sent, so those that
    /// are open stay so.
    #[inline]
    fn body_room(&self, head_bytes_max: usize, out: &Outbox<'_>) -> usize {
        let heads = self.free_streams() as usize * (head_bytes_max + CARRIER_BYTES);
        out.room().saturating_sub(heads + FRAME_HEADER_BYTES)
    }

    /// The memory that the header blocks of all requests take which may be sent before the outbox is empty again, each in what
    /// carries it: any stream that is open may have its response by then.
    #[inline]
    pub(super) fn heads_bytes(&self, head_bytes_max: usize) -> usize {
        self.streams_max() as usize * (head_bytes_max + CARRIER_BYTES)
    }

    /// Appends DATA frames as far as windows and memory reach, and as it is the body's turn.
    fn push_body(
        &mut self,
        index: usize,
        body: &[u8],
        room: impl Fn(&Http2, &Outbox<'_>) -> usize,
        out: &mut Outbox<'_>,
    ) -> BodySent {
        loop {
            let room = room(self, out);
            let stream = self.streams.at(index);
            let end = match &mut stream.grpc.turns {
                Some(turns) => turns.end_in(body, stream.sent_bytes),
                None => body.len(),
            };
            let left = end - stream.sent_bytes;
            if left == 0 {
                return BodySent::ToTurn;
            }
            let windows = stream.may_send.available().min(self.may_send.available());
            let length = left.min(room).min(windows).min(self.peer.frame_bytes_max);
            if length == 0 {
                return BodySent::InPart;
            }
            let is_last = stream.sent_bytes + length == body.len();
            let flags = if is_last { flag::END_STREAM } else { 0 };
            let header = FrameHeader { length, frame_type: frame_type::DATA, flags, stream: stream.id };
            out.push(&header.bytes());
            out.push(&body[stream.sent_bytes..][..length]);
            stream.sent_bytes += length;
            // The target takes something: what it says of that is not said for nothing.
            self.idle_frames = 0;
            stream.may_send.take(length);
            self.may_send.take(length);
            if is_last {
                return BodySent::Whole;
            }
        }
    }
}

/// The bytes of a request whose body is sent in frames of the usual size; in frames of its own each message that waits for its turn.
#[inline]
fn request_bytes(head_bytes: usize, body: &[u8], is_in_turns: bool) -> u64 {
    let frames = match is_in_turns {
        true => message_lengths(body).map(|bytes| bytes.div_ceil(FRAME_PAYLOAD_BYTES_MAX)).sum(),
        false => body.len().div_ceil(FRAME_PAYLOAD_BYTES_MAX),
    };
    (head_bytes + body.len() + frames * FRAME_HEADER_BYTES) as u64
}

/// How long the messages of a call are, each with what stands before it.
fn message_lengths(body: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let mut from = 0;
    std::iter::from_fn(move || {
        let end = message_end(body, from)?;
        Some(end - std::mem::replace(&mut from, end))
    })
}

/// Appends a header block, in as many frames as it needs.
fn push_block(out: &mut Outbox<'_>, stream: u32, block: &[u8], ends_stream: bool) {
    let mut frame_type = frame_type::HEADERS;
    let mut flags = if ends_stream { flag::END_STREAM } else { 0 };
    let mut rest = block;
    loop {
        let (part, behind) = rest.split_at(rest.len().min(FRAME_PAYLOAD_BYTES_MAX));
        flags |= if behind.is_empty() { flag::END_HEADERS } else { 0 };
        out.push(&FrameHeader { length: part.len(), frame_type, flags, stream }.bytes());
        out.push(part);
        if behind.is_empty() {
            return;
        }
        (frame_type, flags, rest) = (frame_type::CONTINUATION, 0, behind);
    }
}
