//! How long the messages of calls took that stream: the first of each call, and those that followed it.

use crate::distribution::Distribution;
use serde::{Deserialize, Serialize};

/// How long one message of a response took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageTime {
    /// The first of its call: so many nanoseconds after the call was intended.
    First(u64),
    /// One that followed: so many nanoseconds after the message was sent that it is the reply to, where they are matched, else after the one
    /// before it.
    Following(u64),
}

/// The times of messages of one kind of call.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct MessageTimes {
    /// Of the first messages.
    pub first: Distribution,
    /// Of all others.
    pub following: Distribution,
}

impl MessageTimes {
    /// Nothing yet, and all the memory that writing them down will need.
    pub fn preallocated() -> MessageTimes {
        MessageTimes { first: Distribution::preallocated(), following: Distribution::preallocated() }
    }

    /// Writes one down.
    #[inline]
    pub fn record(&mut self, time: MessageTime) {
        match time {
            MessageTime::First(ns) => self.first.record(ns),
            MessageTime::Following(ns) => self.following.record(ns),
        }
    }

    /// Adds those of another stretch, or of another shard.
    pub fn merge(&mut self, other: &MessageTimes) {
        self.first.merge(&other.first);
        self.following.merge(&other.following);
    }

    /// Forgets all, keeping its memory.
    pub fn clear(&mut self) {
        self.first.clear();
        self.following.clear();
    }

    /// Bytes of memory that it takes, or may come to take without being given more.
    pub fn bytes(&self) -> usize {
        size_of::<MessageTimes>() + self.first.allocated_bytes() + self.following.allocated_bytes()
    }
}
