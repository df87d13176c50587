//! One connection of HTTP/2, the client's side: what it knows of the target, and what it may do.

use super::blocks::{BlockSet, TABLE_BYTES, TableState};
use super::decoder::FIELDS_BYTES_MAX;
use super::error::{ConnectionError, ErrorCode, connection_error};
use super::frames::{
    ANSWER_BYTES_MAX, FRAME_HEADER_BYTES, FRAME_PAYLOAD_BYTES_MAX, PREFACE, push_reset, push_settings,
    push_window_update, setting,
};
use super::grpc::ResponseForm;
use super::memo::BlockReader;
use super::owed::{Owed, OwedFrame};
use super::request::{Http2Request, RequestBody};
use super::streams::{Http2Stream, StreamStage, StreamTable};
use super::windows::{ReceiveWindow, SendWindow, WINDOW_BYTES_DEFAULT};
use crate::protocol::{Cancelled, Place, Response};
use engine::outbox::Outbox;
use engine::plan::MessagePace;
use std::collections::VecDeque;

/// The window that load generators commonly open: responses then never wait for us.
pub const WINDOW_BYTES: u32 = 1 << 30;
/// Streams that are given up in one second at the most. Servers take more for an attack and end the connection.
pub const CANCELS_PER_SECOND_MAX: u32 = 32;
/// A connection's own bodies wait for memory of at least this size, so that they are not sent in crumbs.
pub(super) const BODY_ROOM_BYTES: usize = 1 << 10;
/// The memory that a connection has for bodies.
const BODIES_BYTES_MAX: usize = 64 << 10;
/// From this status on, a response is no success (RFC 9110, section 15).
const STATUS_UNSUCCESSFUL: u16 = 400;
/// What a connection begins with, and more.
pub(super) const OPENING_BYTES_MAX: usize = 128;
/// What a request may be carried in takes no more than this beside it, as a record of TLS does.
pub(super) const CARRIER_BYTES: usize = 64;
const SECOND_NS: u64 = 1_000_000_000;
const _: () = assert!(2 * BODY_ROOM_BYTES < BODIES_BYTES_MAX, "bodies find room when all else was sent");

/// How HTTP/2 is to be spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http2Options {
    /// Requests under way on one connection at a time.
    pub streams: u32,
    /// How much the target may send on a stream, and on a connection, before we take note; at most 2³¹ − 1.
    pub window_bytes: u32,
    /// How large the target's table of header fields may be.
    pub header_table_bytes: u32,
}

impl Default for Http2Options {
    fn default() -> Http2Options {
        Http2Options { streams: 1, window_bytes: WINDOW_BYTES, header_table_bytes: TABLE_BYTES as u32 }
    }
}

/// What all connections of a pool share.
#[derive(Debug)]
pub struct Http2Shared {
    pub(super) options: Http2Options,
    pub(super) requests: Vec<Http2Request>,
    pub(super) blocks: BlockSet,
    /// The most bytes that the frames of one header block have.
    pub(super) head_bytes_max: usize,
    /// Where requests with holes are rendered.
    pub(super) rendered: Box<[u8]>,
    /// Where header blocks are put together that are not sent as they are.
    pub(super) assembled: Vec<u8>,
    /// Where header fields are decoded.
    pub(super) fields: Box<[u8]>,
}

impl Http2Shared {
    /// Of a pool that sends these requests: one for each step, in their order.
    pub fn new(requests: Vec<Http2Request>, options: Http2Options) -> Http2Shared {
        let blocks = BlockSet::new(&requests);
        let rendered = requests.iter().map(|request| request.rendered_bytes_max).max().unwrap_or(0);
        let head = blocks.bytes_max() + rendered + FRAME_HEADER_BYTES;
        let head_bytes_max = head + head.div_ceil(FRAME_PAYLOAD_BYTES_MAX) * FRAME_HEADER_BYTES;
        Http2Shared {
            options,
            head_bytes_max,
            rendered: vec![0; rendered].into(),
            assembled: Vec::with_capacity(blocks.bytes_max() + rendered + FRAME_HEADER_BYTES),
            fields: vec![0; FIELDS_BYTES_MAX].into(),
            requests,
            blocks,
        }
    }

    /// The memory that a connection's outbox needs: for as many requests as it can have under way, for what it answers, and for a
    /// part of their bodies, which wait for each other where they are longer.
    pub fn outbox_bytes(&self) -> usize {
        let body = |request: &Http2Request| match &request.body {
            RequestBody::None => 0,
            RequestBody::Constant(body) => body.len() + FRAME_HEADER_BYTES,
            RequestBody::Rendered => request.rendered_bytes_max + FRAME_HEADER_BYTES,
        };
        let streams = self.options.streams as usize;
        let bodies = match streams * self.requests.iter().map(body).max().unwrap_or(0) {
            0 => 0,
            bytes => bytes.clamp(2 * BODY_ROOM_BYTES, BODIES_BYTES_MAX),
        };
        let answers = (8 + streams) * ANSWER_BYTES_MAX;
        let heads = streams * (self.head_bytes_max + CARRIER_BYTES);
        OPENING_BYTES_MAX + answers + heads + bodies
    }

    /// Whether messages of some call are sent one by one.
    pub(super) fn is_paced(&self) -> bool {
        self.requests.iter().any(|request| request.pace != MessagePace::AtOnce)
    }

    /// Whether requests are calls of gRPC: all of a target are, or none.
    fn is_grpc(&self) -> bool {
        self.requests.iter().any(|request| request.form != ResponseForm::Http)
    }

    /// The window of the connection: it has one of this size from the beginning, and cannot have a smaller one.
    #[inline]
    pub(super) fn connection_window_bytes(&self) -> u32 {
        self.options.window_bytes.max(WINDOW_BYTES_DEFAULT)
    }
}

/// What the target has said of itself (RFC 9113, section 6.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerSettings {
    /// How many streams of ours it takes at a time.
    pub streams_max: u32,
    /// How much may be sent on a stream before it takes note.
    pub window_bytes: u32,
    /// The longest payload of a frame.
    pub frame_bytes_max: usize,
    /// How large its table of our header fields may be.
    pub header_table_bytes: u32,
}

/// A header block that goes on in the next frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenBlock {
    pub(super) stream: u32,
    pub(super) ends_stream: bool,
    pub(super) frames: u32,
    pub(super) wire_bytes: u64,
}

/// The payload of a frame whose bytes need not be kept: DATA, or of a type that is not known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PassingPayload {
    pub(super) left: usize,
    /// So much of it, at its end, is no part of a body.
    pub(super) padding: usize,
    /// Whose it is; 0 when that does not matter.
    pub(super) stream: u32,
    pub(super) ends_stream: bool,
}

/// One connection.
#[derive(Debug)]
pub struct Http2 {
    pub(super) streams: StreamTable,
    streams_max: u32,
    pub(super) table: TableState,
    pub(super) blocks: BlockReader,
    pub(super) peer: PeerSettings,
    pub(super) is_ready: bool,
    /// Our SETTINGS have not been acknowledged.
    pub(super) awaits_acknowledgement: bool,
    /// The last stream that the target says it works on, and why it goes, once it does.
    pub(super) going_away: Option<(u32, ErrorCode)>,
    pub(super) may_send: SendWindow,
    pub(super) received: ReceiveWindow,
    pub(super) owed: Owed,
    /// Streams with a part of a body left to be sent.
    pub(super) unsent: VecDeque<usize>,
    /// No message whose moment is waited for is due before this.
    pub(super) due_ns: u64,
    /// How late it was said to be last, where messages of calls are sent one by one.
    pub(super) now_ns: u64,
    /// A frame that came in parts.
    pub(super) partial: Vec<u8>,
    /// A header block that came in several frames.
    pub(super) block_bytes: Vec<u8>,
    pub(super) open_block: Option<OpenBlock>,
    pub(super) passing: PassingPayload,
    /// Bytes of frames that belong to no response, since the last one.
    pub(super) beside_bytes: u64,
    /// Frames since anything came of a response.
    pub(super) idle_frames: u32,
    /// Responses are those of calls.
    pub(super) is_grpc: bool,
    /// When the second began in which requests were last given up, and how many were.
    cancels: (u64, u32),
}

impl Http2 {
    /// A connection that has not been made.
    pub(super) fn unmade(shared: &Http2Shared) -> Http2 {
        let streams = shared.options.streams;
        Http2 {
            streams: StreamTable::new(streams),
            streams_max: streams,
            table: TableState::new(&shared.blocks),
            blocks: BlockReader::new(shared.options.header_table_bytes as usize),
            peer: PeerSettings::default(),
            is_ready: false,
            awaits_acknowledgement: false,
            going_away: None,
            may_send: SendWindow::new(WINDOW_BYTES_DEFAULT),
            received: ReceiveWindow::default(),
            owed: Owed::new(streams),
            unsent: VecDeque::with_capacity(streams as usize),
            due_ns: u64::MAX,
            now_ns: 0,
            partial: Vec::new(),
            block_bytes: Vec::new(),
            open_block: None,
            passing: PassingPayload::default(),
            beside_bytes: 0,
            idle_frames: 0,
            is_grpc: shared.is_grpc(),
            cancels: (0, 0),
        }
    }

    /// The connection is made: nothing of before is left. Appends what has to be sent first.
    pub(super) fn begin(&mut self, shared: &Http2Shared, out: &mut Outbox<'_>) {
        self.forget(shared);
        let options = shared.options;
        out.push(PREFACE);
        push_settings(
            out,
            &[
                (setting::HEADER_TABLE_SIZE, options.header_table_bytes),
                (setting::ENABLE_PUSH, 0),
                (setting::INITIAL_WINDOW_SIZE, options.window_bytes),
                (setting::MAX_HEADER_LIST_SIZE, FIELDS_BYTES_MAX as u32),
            ],
        );
        let more = shared.connection_window_bytes() - WINDOW_BYTES_DEFAULT;
        if more > 0 {
            push_window_update(out, 0, more);
        }
    }

    fn forget(&mut self, shared: &Http2Shared) {
        self.streams.reset();
        self.table = TableState::new(&shared.blocks);
        self.blocks.reset();
        self.peer = PeerSettings::default();
        (self.is_ready, self.awaits_acknowledgement, self.going_away) = (false, true, None);
        (self.may_send, self.received) = (SendWindow::new(WINDOW_BYTES_DEFAULT), ReceiveWindow::default());
        self.owed.clear();
        self.unsent.clear();
        self.due_ns = u64::MAX;
        self.partial.clear();
        self.block_bytes.clear();
        (self.open_block, self.passing) = (None, PassingPayload::default());
        (self.beside_bytes, self.idle_frames, self.cancels) = (0, 0, (0, 0));
    }

    /// How many streams there can be, as far as we are concerned.
    #[inline]
    pub(super) fn streams_max(&self) -> u32 {
        self.streams_max
    }

    /// How many more streams there can be, as far as we are concerned.
    #[inline]
    pub(super) fn free_streams(&self) -> u32 {
        self.streams_max - self.streams.open()
    }

    /// How many more requests may be sent now.
    #[inline]
    pub(super) fn free_for_requests(&self) -> u32 {
        if !self.is_ready || self.going_away.is_some() {
            return 0;
        }
        let streams_max = self.streams_max.min(self.peer.streams_max);
        streams_max.saturating_sub(self.streams.open()).min(self.streams.ids_left())
    }

    /// Whether the connection takes no more requests, ever.
    #[inline]
    pub fn is_leaving(&self) -> bool {
        self.going_away.is_some() || self.streams.ids_left() == 0
    }

    /// What the target has said of itself so far.
    pub fn peer_settings(&self) -> PeerSettings {
        self.peer
    }

    /// Whether the connection takes no more requests, and has none.
    #[inline]
    pub(super) fn has_left(&self) -> bool {
        self.streams.open() == 0 && self.is_leaving()
    }

    /// Requests under way.
    pub fn under_way(&self) -> u32 {
        self.streams.open()
    }

    /// Whether anything waits for room in the outbox, or for the target to take more of a body.
    pub(super) fn has_waiting(&self) -> bool {
        !self.owed.is_empty() || !self.unsent.is_empty()
    }

    /// The memory that it holds beside what it was given at its start: for frames and header blocks that came in parts.
    pub fn held_bytes(&self) -> usize {
        self.partial.capacity() + self.block_bytes.capacity()
    }

    /// Gives a request up, and tells the target so.
    pub(super) fn give_up_request(&mut self, place: Place, now_ns: u64, out: &mut Outbox<'_>) -> Cancelled {
        let Some(index) = self.streams.of_place(place) else { return Cancelled::Request };
        let (since_ns, count) = self.cancels;
        self.cancels = if now_ns - since_ns < SECOND_NS { (since_ns, count + 1) } else { (now_ns, 1) };
        if self.cancels.1 > CANCELS_PER_SECOND_MAX {
            return Cancelled::Connection;
        }
        let stream = self.streams.at(index).id;
        self.end_stream(index, StreamStage::Cancelled);
        if self.has_left() {
            return Cancelled::Connection;
        }
        if out.room() >= ANSWER_BYTES_MAX {
            push_reset(out, stream, ErrorCode::CANCEL);
            return Cancelled::Request;
        }
        match self.owed.push(OwedFrame::Reset { stream, code: ErrorCode::CANCEL }) {
            Ok(()) => Cancelled::Request,
            Err(_) => Cancelled::Connection,
        }
    }

    /// What has come of a response where there is one request.
    pub(super) fn only_response(&self) -> Option<Response> {
        let stream = self.streams.first_with_head()?;
        Some(response_of(stream.status, stream.wire_bytes + self.beside_bytes))
    }

    /// Ends a stream that is open; nothing of its body is sent any more.
    #[inline]
    pub(super) fn end_stream(&mut self, index: usize, stage: StreamStage) {
        if self.streams.at(index).is_unsent {
            self.forget_unsent(index);
        }
        self.streams.end(index, stage);
    }

    #[cold]
    fn forget_unsent(&mut self, index: usize) {
        self.unsent.retain(|&waiting| waiting != index);
    }

    /// What the target may be sent on each stream has changed: those that are open change with it (section 6.9.2).
    pub(super) fn change_windows(&mut self, window_bytes: u32) -> Result<(), &'static ConnectionError> {
        let by = i64::from(window_bytes) - i64::from(self.peer.window_bytes);
        self.peer.window_bytes = window_bytes;
        let change = |stream: &mut Http2Stream| stream.may_send.change(by);
        if self.streams.all_open().map(change).fold(true, |all, one| all & one) {
            return Ok(());
        }
        Err(connection_error!(FLOW_CONTROL_ERROR, "SETTINGS make a window larger than 2^31 - 1"))
    }
}

/// A response, or what has come of it.
#[inline]
pub(super) fn response_of(code: u16, bytes: u64) -> Response {
    Response { code, is_ok: code < STATUS_UNSUCCESSFUL, bytes }
}

impl Default for PeerSettings {
    fn default() -> PeerSettings {
        PeerSettings {
            streams_max: u32::MAX,
            window_bytes: WINDOW_BYTES_DEFAULT,
            frame_bytes_max: FRAME_PAYLOAD_BYTES_MAX,
            header_table_bytes: TABLE_BYTES as u32,
        }
    }
}
