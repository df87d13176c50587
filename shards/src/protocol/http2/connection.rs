//! One connection of HTTP/2, the client's side: what it knows of the target, and what it may do.

use super::blocks::{BlockSet, TABLE_BYTES, TableState};
use super::decoder::FIELDS_BYTES_MAX;
use super::error::{ConnectionError, ErrorCode, StreamFailure, connection_error};
use super::frames::{
    ANSWER_BYTES_MAX, FRAME_HEADER_BYTES, FRAME_PAYLOAD_BYTES_MAX, PREFACE, push_reset, push_settings,
    push_window_update, setting,
};
use super::memo::BlockReader;
use super::owed::{Owed, OwedFrame};
use super::request::{Http2Request, RequestBody};
use super::streams::{Http2Stream, StreamStage, StreamTable};
use super::windows::{ReceiveWindow, SendWindow, WINDOW_BYTES_DEFAULT};
use crate::protocol::{Place, Response};
use engine::outbox::Outbox;
use std::collections::VecDeque;

/// The window that load generators commonly open: responses then never wait for us.
pub const WINDOW_BYTES: u32 = 1 << 30;
/// Streams that are given up in one second at the most. Servers take more for an attack and end the connection.
pub const CANCELS_PER_SECOND_MAX: u32 = 32;
/// A connection's own bodies wait for memory of at least this size, so that they are not sent in crumbs.
pub(super) const BODY_ROOM_BYTES: usize = 1 << 10;
/// The memory that a connection has for bodies.
const BODIES_BYTES_MAX: usize = 64 << 10;
const SECOND_NS: u64 = 1_000_000_000;
const _: () = assert!(BODY_ROOM_BYTES < BODIES_BYTES_MAX, "bodies find room when all else was sent");

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
        Http2Shared {
            options,
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
        let head = self.blocks.bytes_max() + self.rendered.len();
        let frames = head.div_ceil(FRAME_PAYLOAD_BYTES_MAX).max(1) + 1;
        let head_bytes = head + frames * FRAME_HEADER_BYTES;
        let body = |request: &Http2Request| match &request.body {
            RequestBody::None => 0,
            RequestBody::Constant(body) => body.len() + FRAME_HEADER_BYTES,
            RequestBody::Rendered => request.rendered_bytes_max + FRAME_HEADER_BYTES,
        };
        let streams = self.options.streams as usize;
        let bodies = streams * self.requests.iter().map(body).max().unwrap_or(0);
        let answers = (8 + streams) * ANSWER_BYTES_MAX;
        PREFACE.len() + 64 + answers + streams * head_bytes + bodies.min(BODIES_BYTES_MAX)
    }

    /// The window of the connection: it has one of this size from the beginning, and cannot have a smaller one.
    #[inline]
    pub(super) fn connection_window_bytes(&self) -> u32 {
        self.options.window_bytes.max(WINDOW_BYTES_DEFAULT)
    }
}

/// What a connection reports.
pub trait StreamEvents {
    /// The target has said how it speaks HTTP/2: requests may be sent.
    fn ready(&mut self);

    /// A request has its response.
    fn response(&mut self, place: Place, response: Response);

    /// A request has none, and the others of its connection go on.
    fn failed(&mut self, place: Place, failure: StreamFailure);

    /// The target takes no more requests on this connection; those it has may still be answered.
    fn leaving(&mut self);

    /// Bytes came that nobody waits for: of requests that were given up.
    fn unasked(&mut self, bytes: u64);
}

/// What became of a request that was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// Its stream is ended; the others of its connection go on.
    Stream,
    /// Too many were given up in one second: the connection is to be closed.
    Connection,
}

/// What the target has said of itself (RFC 9113, section 6.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PeerSettings {
    pub(super) streams_max: u32,
    pub(super) window_bytes: u32,
    pub(super) frame_bytes_max: usize,
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
    /// When the second began in which requests were last given up, and how many were.
    cancels: (u64, u32),
}

impl Http2 {
    /// A connection that has not been made.
    pub fn new(shared: &Http2Shared) -> Http2 {
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
            partial: Vec::new(),
            block_bytes: Vec::new(),
            open_block: None,
            passing: PassingPayload::default(),
            beside_bytes: 0,
            idle_frames: 0,
            cancels: (0, 0),
        }
    }

    /// The connection is made, and not for the first time perhaps: nothing of before is left. Appends what has to be sent first.
    pub fn opened(&mut self, shared: &Http2Shared, out: &mut Outbox<'_>) {
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
        self.partial.clear();
        self.block_bytes.clear();
        (self.open_block, self.passing) = (None, PassingPayload::default());
        (self.beside_bytes, self.idle_frames, self.cancels) = (0, 0, (0, 0));
    }

    /// Whether the target has said how it speaks HTTP/2.
    pub fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// How many more requests may be sent now.
    #[inline]
    pub fn room(&self) -> u32 {
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

    /// Requests under way.
    pub fn under_way(&self) -> u32 {
        self.streams.open()
    }

    /// Whether anything waits for room in the outbox, or for the target to take more of a body.
    pub fn has_unsent(&self) -> bool {
        !self.owed.is_empty() || !self.unsent.is_empty()
    }

    /// The memory that it holds beside what it was given at its start: for frames and header blocks that came in parts.
    pub fn held_bytes(&self) -> usize {
        self.partial.capacity() + self.block_bytes.capacity()
    }

    /// Gives a request up, and tells the target so.
    pub fn cancel(&mut self, place: Place, now_ns: u64, out: &mut Outbox<'_>) -> Cancelled {
        let Some(index) = self.streams.of_place(place) else { return Cancelled::Stream };
        let (since_ns, count) = self.cancels;
        self.cancels = if now_ns - since_ns < SECOND_NS { (since_ns, count + 1) } else { (now_ns, 1) };
        if self.cancels.1 > CANCELS_PER_SECOND_MAX {
            return Cancelled::Connection;
        }
        let stream = self.streams.at(index).id;
        self.end_stream(index, StreamStage::Cancelled);
        if out.room() >= ANSWER_BYTES_MAX {
            push_reset(out, stream, ErrorCode::CANCEL);
            return Cancelled::Stream;
        }
        match self.owed.push(OwedFrame::Reset { stream, code: ErrorCode::CANCEL }) {
            Ok(()) => Cancelled::Stream,
            Err(_) => Cancelled::Connection,
        }
    }

    /// Ends a stream that is open; nothing of its body is sent any more.
    #[inline]
    pub(super) fn end_stream(&mut self, index: usize, stage: StreamStage) {
        if self.streams.at(index).is_unsent {
            self.unsent.retain(|&waiting| waiting != index);
        }
        self.streams.end(index, stage);
    }

    /// What the target may be sent on each stream has changed: those that are open change with it (section 6.9.2).
    pub(super) fn change_windows(&mut self, window_bytes: u32) -> Result<(), ConnectionError> {
        let by = i64::from(window_bytes) - i64::from(self.peer.window_bytes);
        self.peer.window_bytes = window_bytes;
        let change = |stream: &mut Http2Stream| stream.may_send.change(by);
        if self.streams.all_open().map(change).fold(true, |all, one| all & one) {
            return Ok(());
        }
        Err(connection_error!(FLOW_CONTROL_ERROR, "SETTINGS make a window larger than 2^31 - 1"))
    }
}

impl Default for PeerSettings {
    fn default() -> PeerSettings {
        PeerSettings {
            streams_max: u32::MAX,
            window_bytes: WINDOW_BYTES_DEFAULT,
            frame_bytes_max: FRAME_PAYLOAD_BYTES_MAX,
        }
    }
}
