//! Whose reply a message is: by order, by a value in the JSON of both, or nobody's.

use super::json::JsonPointer;
use crate::protocol::Place;
use engine::plan::ReplyMatching;

/// How the replies of a pool's connections find their messages.
#[derive(Clone, Debug)]
pub(super) enum ReplyRule {
    /// They come in the order of the messages.
    Order,
    /// Both have the same value there.
    Json(JsonPointer),
    /// There are none: a message is over once it is sent.
    None,
}

impl ReplyRule {
    pub(super) fn new(matching: &ReplyMatching) -> ReplyRule {
        match matching {
            ReplyMatching::Order => ReplyRule::Order,
            ReplyMatching::Json(pointer) => ReplyRule::Json(JsonPointer::new(pointer)),
            ReplyMatching::None => ReplyRule::None,
        }
    }
}

/// Messages under way on a connection, by the value that their replies will have. Those with the same value stand in their order.
#[derive(Debug, Default)]
pub(super) struct AwaitedReplies {
    all: Vec<(u64, Place)>,
}

impl AwaitedReplies {
    /// With room for so many.
    pub(super) fn with_capacity(messages: usize) -> AwaitedReplies {
        AwaitedReplies { all: Vec::with_capacity(messages) }
    }

    pub(super) fn clear(&mut self) {
        self.all.clear();
    }

    pub(super) fn await_reply(&mut self, value: u64, place: Place) {
        self.all.push((value, place));
    }

    /// The oldest message with this value, which is under way no more.
    pub(super) fn take(&mut self, value: u64) -> Option<Place> {
        let index = self.all.iter().position(|(awaited, _)| *awaited == value)?;
        Some(self.all.remove(index).1)
    }

    /// A message was given up.
    pub(super) fn forget(&mut self, place: Place) {
        self.all.retain(|(_, awaiting)| *awaiting != place);
    }
}
