//! The body of a response, produced piece by piece so that a gigabyte costs no memory, and paced.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::body::{Body, Bytes, Frame, SizeHint};

use crate::alarm::Sleep;
use crate::site::Site;
use crate::{Behaviour, Stall};

/// Bodies of a given length are cut from this. Its size is near what a socket takes in one write.
static FILLER: [u8; FILLER_BYTES as usize] = [b'x'; FILLER_BYTES as usize];
const FILLER_BYTES: u64 = 64 * 1024;

/// Into how many parts a chunked or a slow body falls, at most. A fixed number rather than a fixed size
/// keeps the delay of a slow body the same for all lengths.
const PARTS_LIMIT: u64 = 8;

/// A response's body.
pub(crate) struct Payload {
    content: Content,
    length_bytes: u64,
    sent_bytes: u64,
    /// The length of every part but the last, at least 1.
    part_bytes: u64,
    framing: BodyFraming,
    pace: Option<BodyPace>,
}

enum Content {
    Filler,
    Whole(Bytes),
}

/// How the wire says where the body ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFraming {
    Length,
    Chunked,
}

impl Payload {
    /// A body of `length_bytes` times the same byte.
    pub(crate) fn filler(length_bytes: u64, framing: BodyFraming) -> Payload {
        Payload::new(Content::Filler, length_bytes, framing)
    }

    /// These bytes, with `Content-Length`.
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Payload {
        let bytes = bytes.into();
        let length_bytes = bytes.len() as u64;
        Payload::new(Content::Whole(bytes), length_bytes, BodyFraming::Length)
    }

    fn new(content: Content, length_bytes: u64, framing: BodyFraming) -> Payload {
        let parts = if framing == BodyFraming::Chunked { PARTS_LIMIT } else { 1 };
        let part_bytes = length_bytes.div_ceil(parts).max(1);
        Payload { content, length_bytes, sent_bytes: 0, part_bytes, framing, pace: None }
    }

    /// The same body, with the pauses and the silences of a behaviour.
    pub(crate) fn paced(mut self, behaviour: &Behaviour, site: &Rc<Site>) -> Payload {
        let Behaviour { stall, slow_body, .. } = *behaviour;
        if slow_body.is_some() {
            self.part_bytes = self.length_bytes.div_ceil(PARTS_LIMIT).max(1);
        }
        if slow_body.is_some() || stall.is_some() {
            let pause = slow_body.unwrap_or_default();
            self.pace = Some(BodyPace { site: Rc::clone(site), stall, pause, sleep: None });
        }
        self
    }

    fn next_piece(&mut self) -> Bytes {
        let left_of_part_bytes = self.part_bytes - self.sent_bytes % self.part_bytes;
        let left_bytes = self.length_bytes - self.sent_bytes;
        let piece_bytes = FILLER_BYTES.min(left_of_part_bytes).min(left_bytes);
        let piece = match &self.content {
            Content::Filler => Bytes::from_static(&FILLER[..piece_bytes as usize]),
            Content::Whole(bytes) => {
                let start = self.sent_bytes as usize;
                bytes.slice(start..start + piece_bytes as usize)
            }
        };
        self.sent_bytes += piece_bytes;
        piece
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.sent_bytes == self.length_bytes {
            return Poll::Ready(None);
        }
        // The head has just waited for its time, so the first piece goes with it.
        let begins_part = self.sent_bytes.is_multiple_of(self.part_bytes);
        if self.sent_bytes > 0
            && let Some(pace) = &mut self.pace
        {
            ready!(pace.poll(begins_part, context));
        }
        Poll::Ready(Some(Ok(Frame::data(self.next_piece()))))
    }

    /// A chunked body never says so itself: hyper would then give an empty one a `Content-Length`.
    fn is_end_stream(&self) -> bool {
        self.framing == BodyFraming::Length && self.sent_bytes == self.length_bytes
    }

    fn size_hint(&self) -> SizeHint {
        match self.framing {
            BodyFraming::Length => SizeHint::with_exact(self.length_bytes - self.sent_bytes),
            BodyFraming::Chunked => SizeHint::default(),
        }
    }
}

/// When the next piece may go: a pause after the last part, and not into a silence.
struct BodyPace {
    site: Rc<Site>,
    stall: Option<Stall>,
    pause: Duration,
    /// The wait for the piece under way, so that polling again does not begin it anew.
    sleep: Option<Sleep>,
}

impl BodyPace {
    fn poll(&mut self, begins_part: bool, context: &mut Context<'_>) -> Poll<()> {
        let BodyPace { site, stall, pause, sleep } = self;
        let sleep_now = sleep.get_or_insert_with(|| {
            let pause = if begins_part { *pause } else { Duration::ZERO };
            Sleep::until(&site.alarm, site.release(*stall, Instant::now() + pause))
        });
        ready!(Pin::new(sleep_now).poll(context));
        *sleep = None;
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(mut payload: Payload) -> Vec<usize> {
        let mut sizes = Vec::new();
        while payload.sent_bytes < payload.length_bytes {
            sizes.push(payload.next_piece().len());
        }
        sizes
    }

    #[test]
    fn a_body_falls_into_its_length_exactly() {
        for length_bytes in [0, 1, 7, 8, 9, 65_535, 65_536, 65_537, 1_000_000] {
            for framing in [BodyFraming::Length, BodyFraming::Chunked] {
                let sizes = pieces(Payload::filler(length_bytes, framing));
                assert_eq!(sizes.iter().sum::<usize>() as u64, length_bytes);
                assert!(sizes.iter().all(|size| *size > 0));
            }
        }
    }

    #[test]
    fn a_chunked_body_has_at_most_eight_equal_parts() {
        assert_eq!(pieces(Payload::filler(80, BodyFraming::Chunked)), [10; 8]);
        assert_eq!(pieces(Payload::filler(10, BodyFraming::Chunked)), [2; 5]);
        assert_eq!(pieces(Payload::filler(3, BodyFraming::Chunked)), [1; 3]);
        assert_eq!(pieces(Payload::filler(80, BodyFraming::Length)), [80]);
    }

    #[test]
    fn the_hint_is_what_is_left_and_absent_when_chunked() {
        let mut payload = Payload::whole("hello");
        assert_eq!(payload.size_hint().exact(), Some(5));
        assert_eq!(payload.next_piece(), "hello");
        assert_eq!(payload.size_hint().exact(), Some(0));
        assert!(payload.is_end_stream());
        let empty = Payload::filler(0, BodyFraming::Chunked);
        assert_eq!(empty.size_hint().exact(), None);
        assert!(!empty.is_end_stream());
    }
}
