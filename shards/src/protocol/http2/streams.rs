//! The streams of one connection: which request each is, and what has come of its response. A fixed table; nothing is allocated for a
//! request.
//!
//! A stream stands at a place that follows from its identifier. Where that place is still taken by one that is open, the identifier
//! is passed over, which the standard allows (RFC 9113, section 5.1.1).

use super::frames::THIRTY_ONE_BITS;
use super::grpc::GrpcProgress;
use super::windows::{ReceiveWindow, SendWindow};
use crate::protocol::Place;
use engine::seams::Call;

/// A response whose length nobody has said.
pub(super) const LENGTH_UNKNOWN: u64 = u64::MAX;

/// One stream.
#[derive(Clone, Debug)]
pub(super) struct Http2Stream {
    pub(super) id: u32,
    pub(super) stage: StreamStage,
    /// Responses to its request have no body.
    pub(super) is_bodyless: bool,
    /// A part of the request's body is still to be sent.
    pub(super) is_unsent: bool,
    /// What comes of the response is handed on. Set where there are steps of which it is, and never elsewhere.
    pub(super) is_looked_at: bool,
    pub(super) status: u16,
    pub(super) place: Place,
    pub(super) call: Call,
    pub(super) number: u64,
    /// How much of the request's body was sent.
    pub(super) sent_bytes: usize,
    /// What came of the response on the wire.
    pub(super) wire_bytes: u64,
    /// How much of the response's body is to come; [`LENGTH_UNKNOWN`] where that was not said.
    pub(super) left_bytes: u64,
    pub(super) may_send: SendWindow,
    pub(super) received: ReceiveWindow,
    /// What has come of a call's response.
    pub(super) grpc: GrpcProgress,
}

/// How far a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamStage {
    /// Its response is awaited.
    Head,
    /// The response's header has come.
    Body,
    /// The response was complete, or the target gave it up.
    Ended,
    /// We gave it up: what still comes on it is passed over.
    Cancelled,
}

/// What is known of an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FoundStream {
    /// It is open, at this index.
    Open(usize),
    /// It has ended on the target's side.
    Ended,
    /// We gave it up, or it may be that we did.
    Cancelled,
    /// There was never such a stream.
    Idle,
}

/// The streams of a connection.
#[derive(Debug)]
pub(super) struct StreamTable {
    all: Box<[Http2Stream]>,
    mask: usize,
    open: u32,
    next_id: u32,
    /// From this identifier on none is given: some may have to be passed over, and the last few are kept for that.
    end_id: u32,
    has_cancelled: bool,
}

impl StreamTable {
    /// For at most so many open streams at a time.
    pub(super) fn new(open_max: u32) -> StreamTable {
        // Twice as many: those that ended last are remembered.
        let count = (2 * open_max as usize).next_power_of_two().max(8);
        let all = vec![Http2Stream::unused(); count].into();
        let end_id = THIRTY_ONE_BITS - 4 * count as u32;
        StreamTable { all, mask: count - 1, open: 0, next_id: 1, end_id, has_cancelled: false }
    }

    /// Forgets all, for a new connection.
    pub(super) fn reset(&mut self) {
        self.all.fill(Http2Stream::unused());
        (self.open, self.next_id, self.has_cancelled) = (0, 1, false);
    }

    /// Streams that are open.
    #[inline]
    pub(super) fn open(&self) -> u32 {
        self.open
    }

    /// How many more there can be until identifiers run out.
    #[inline]
    pub(super) fn ids_left(&self) -> u32 {
        self.end_id.saturating_sub(self.next_id).div_ceil(2)
    }

    /// Opens a stream; returns its index. There must be fewer than were said to be open at a time.
    #[inline]
    pub(super) fn begin(&mut self, place: Place, call: Call, number: u64, may_send: SendWindow) -> usize {
        let mut index = self.index_of(self.next_id);
        while self.all[index].is_open() {
            self.next_id += 2;
            index = self.index_of(self.next_id);
        }
        let id = self.next_id;
        self.next_id += 2;
        self.open += 1;
        // All but what is only of calls, which those begin themselves.
        let stream = &mut self.all[index];
        (stream.id, stream.stage) = (id, StreamStage::Head);
        (stream.is_bodyless, stream.is_unsent, stream.status) = (false, false, 0);
        (stream.place, stream.call, stream.number) = (place, call, number);
        (stream.sent_bytes, stream.wire_bytes, stream.left_bytes) = (0, 0, LENGTH_UNKNOWN);
        (stream.may_send, stream.received) = (may_send, ReceiveWindow::default());
        index
    }

    #[inline]
    pub(super) fn at(&mut self, index: usize) -> &mut Http2Stream {
        &mut self.all[index]
    }

    /// What is known of a stream.
    #[inline]
    pub(super) fn find(&self, id: u32) -> FoundStream {
        let index = self.index_of(id);
        let stream = &self.all[index];
        match stream.stage {
            _ if id >= self.next_id || id.is_multiple_of(2) => FoundStream::Idle,
            _ if stream.id != id => {
                if self.has_cancelled {
                    FoundStream::Cancelled
                } else {
                    FoundStream::Ended
                }
            }
            StreamStage::Head | StreamStage::Body => FoundStream::Open(index),
            StreamStage::Ended => FoundStream::Ended,
            StreamStage::Cancelled => FoundStream::Cancelled,
        }
    }

    /// Ends an open stream.
    #[inline]
    pub(super) fn end(&mut self, index: usize, stage: StreamStage) {
        debug_assert!(self.all[index].is_open(), "it ends once");
        debug_assert!(matches!(stage, StreamStage::Ended | StreamStage::Cancelled), "it has ended then");
        self.has_cancelled |= stage == StreamStage::Cancelled;
        self.all[index].stage = stage;
        self.open -= 1;
    }

    /// The open stream of a request.
    pub(super) fn of_place(&self, place: Place) -> Option<usize> {
        self.all.iter().position(|stream| stream.is_open() && stream.place == place)
    }

    /// An open stream with an identifier above this one.
    pub(super) fn open_above(&self, id: u32) -> Option<usize> {
        self.all.iter().position(|stream| stream.is_open() && stream.id > id)
    }

    /// An open stream whose response has begun.
    pub(super) fn first_with_head(&self) -> Option<&Http2Stream> {
        self.all.iter().find(|stream| stream.stage == StreamStage::Body)
    }

    /// Every open stream, with its index.
    pub(super) fn open_with_index(&mut self) -> impl Iterator<Item = (usize, &mut Http2Stream)> {
        self.all.iter_mut().enumerate().filter(|(_, stream)| stream.is_open())
    }

    /// Every open stream.
    pub(super) fn all_open(&mut self) -> impl Iterator<Item = &mut Http2Stream> {
        self.all.iter_mut().filter(|stream| stream.is_open())
    }

    /// As if so many identifiers had been used.
    #[cfg(test)]
    pub(super) fn pass_over_ids(&mut self, next_id: u32) {
        self.next_id = next_id;
    }

    #[inline]
    fn index_of(&self, id: u32) -> usize {
        (id >> 1) as usize & self.mask
    }
}

impl Http2Stream {
    fn unused() -> Http2Stream {
        Http2Stream {
            id: 0,
            stage: StreamStage::Ended,
            is_bodyless: false,
            is_unsent: false,
            is_looked_at: false,
            status: 0,
            place: Place(0),
            call: Call { step: 0, session: 0 },
            number: 0,
            sent_bytes: 0,
            wire_bytes: 0,
            left_bytes: LENGTH_UNKNOWN,
            may_send: SendWindow::new(0),
            received: ReceiveWindow::default(),
            grpc: GrpcProgress::NOTHING,
        }
    }

    #[inline]
    pub(super) fn is_open(&self) -> bool {
        matches!(self.stage, StreamStage::Head | StreamStage::Body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(streams: &mut StreamTable, place: u32) -> (usize, u32) {
        let index = streams.begin(Place(place), Call::default(), 0, SendWindow::new(0));
        (index, streams.at(index).id)
    }

    #[test]
    fn a_stream_that_stays_open_is_passed_over() {
        let mut streams = StreamTable::new(4);
        let (first, id) = begin(&mut streams, 0);
        let mut ids = Vec::new();
        for place in 1..17 {
            let (index, id) = begin(&mut streams, place);
            streams.end(index, StreamStage::Ended);
            ids.push(id);
        }
        assert!(ids.is_sorted() && !ids.contains(&17) && ids.contains(&19), "{ids:?}");
        assert_eq!((streams.find(id), streams.open()), (FoundStream::Open(first), 1));
        assert_eq!(streams.of_place(Place(0)), Some(first));
    }

    #[test]
    fn identifiers_run_out_before_there_is_none_to_give() {
        let mut streams = StreamTable::new(4);
        streams.pass_over_ids(THIRTY_ONE_BITS - 100);
        let mut begun = 0;
        while streams.ids_left() > 0 {
            let (index, id) = begin(&mut streams, 0);
            assert!(id <= THIRTY_ONE_BITS);
            streams.end(index, StreamStage::Ended);
            begun += 1;
        }
        assert_eq!(begun, 34);
    }

    #[test]
    fn what_is_known_of_an_identifier() {
        let mut streams = StreamTable::new(1);
        let (index, id) = begin(&mut streams, 0);
        assert_eq!((streams.find(id + 2), streams.find(2)), (FoundStream::Idle, FoundStream::Idle));
        streams.end(index, StreamStage::Ended);
        assert_eq!(streams.find(id), FoundStream::Ended);
        let (index, cancelled) = begin(&mut streams, 0);
        streams.end(index, StreamStage::Cancelled);
        for _ in 0..20 {
            let (index, _) = begin(&mut streams, 0);
            streams.end(index, StreamStage::Ended);
        }
        assert_eq!(streams.find(cancelled), FoundStream::Cancelled, "it may have been");
    }
}
