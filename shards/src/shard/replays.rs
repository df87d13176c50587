//! Requests that a target has not touched, as it says itself: kept to be sent once more.

use crate::connection::Flight;
use crate::protocol::Place;
use engine::seams::Call;
use std::collections::VecDeque;

/// How often a request is sent at the most.
const TRIES_MAX: u8 = 3;

/// What is known of requests under way beside their times, by their places; and those that are to be sent once more.
#[derive(Debug, Default)]
pub(super) struct Replays {
    sent: Vec<SentRequest>,
    pub(super) waiting: VecDeque<Replay>,
}

/// A request under way.
#[derive(Clone, Copy, Debug, Default)]
struct SentRequest {
    /// The number of its arrival.
    number: u64,
    /// How often it has been sent before.
    tries: u8,
}

/// A request that is to be sent once more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replay {
    request: SentRequest,
    pub(super) call: Call,
    pub(super) intended_ns: u64,
    /// What it owed to the generator when it was sent last.
    pub(super) lag_ns: u64,
    /// Since when it waits.
    pub(super) since_ns: u64,
}

impl Replays {
    /// Of so many places; none where no request is kept for longer than its sending.
    pub(super) fn new(places: u32) -> Replays {
        Replays {
            sent: vec![SentRequest::default(); places as usize],
            waiting: VecDeque::with_capacity(places as usize),
        }
    }

    /// A request is sent for the first time.
    #[inline]
    pub(super) fn note(&mut self, place: Place, number: u64) {
        if let Some(sent) = self.sent.get_mut(place.0 as usize) {
            *sent = SentRequest { number, tries: 1 };
        }
    }

    /// A request is sent once more, from another place perhaps. Returns the number of its arrival.
    pub(super) fn note_again(&mut self, place: Place, replay: &Replay) -> u64 {
        let SentRequest { number, tries } = replay.request;
        self.sent[place.0 as usize] = SentRequest { number, tries: tries + 1 };
        number
    }

    /// The number of a request's arrival.
    pub(super) fn number_of(&self, place: Place) -> u64 {
        self.sent[place.0 as usize].number
    }

    /// Keeps a request that has just ended to be sent once more; false when that has been done often enough.
    pub(super) fn keep(&mut self, place: Place, flight: Flight, now_ns: u64) -> bool {
        let request = self.sent[place.0 as usize];
        if request.tries >= TRIES_MAX {
            return false;
        }
        let (call, intended_ns, lag_ns) = (flight.call(), flight.intended_ns, flight.lag_ns());
        self.waiting.push_back(Replay { request, call, intended_ns, lag_ns, since_ns: now_ns });
        true
    }

    /// Whether none waits.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
