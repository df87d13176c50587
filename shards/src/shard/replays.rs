//! Requests that a target has not touched, as it says itself: kept to be sent once more.

use crate::connection::Flight;
use crate::protocol::{Place, Touched};
use engine::seams::Call;
use std::collections::VecDeque;

/// How often a request is sent at the most that the target refuses. Ends of connections do not count: the target has done others by then, so
/// that it gets on, and what is sent again is sent first.
const TRIES_MAX: u8 = 3;

/// What is known of requests under way beside their times, by their places; and those that are to be sent once more.
#[derive(Debug, Default)]
pub(super) struct Replays {
    sent: Vec<SentRequest>,
    /// None is kept to be sent once more.
    keeps_none: bool,
    pub(super) waiting: VecDeque<Replay>,
}

/// A request under way.
#[derive(Clone, Copy, Debug, Default)]
struct SentRequest {
    /// The number of its arrival.
    number: u64,
    /// How often it has been sent, as far as that counts.
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
    /// Of so many places; none where no request is kept for longer than its sending. `keeps` says whether any may be sent once more: on
    /// another connection, so none where each session has its own.
    pub(super) fn new(places: u32, keeps: bool) -> Replays {
        Replays {
            keeps_none: !keeps,
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

    /// Keeps a request that has just ended to be sent once more; false when it must not be, or has been often enough.
    pub(super) fn keep(&mut self, place: Place, flight: Flight, touched: Touched, now_ns: u64) -> bool {
        let Some(&SentRequest { number, tries }) = self.sent.get(place.0 as usize) else { return false };
        let tries = match touched {
            _ if self.keeps_none => return false,
            Touched::Perhaps => return false,
            Touched::No if tries >= TRIES_MAX => return false,
            Touched::No => tries,
            Touched::Passed => tries - 1,
        };
        let request = SentRequest { number, tries };
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

#[cfg(test)]
mod tests {
    use super::*;

    /// How often a request is sent that always ends like this, at the most a hundred times.
    fn sent(touched: Touched) -> u32 {
        let (mut replays, place) = (Replays::new(1, true), Place::FIRST);
        replays.note(place, 7);
        let mut sent = 1;
        while sent < 100 && replays.keep(place, Flight::default(), touched, 0) {
            let replay = replays.waiting.pop_front().unwrap();
            assert_eq!(replays.note_again(place, &replay), 7);
            sent += 1;
        }
        sent
    }

    #[test]
    fn what_is_refused_is_sent_three_times_and_what_is_passed_over_until_it_is_not() {
        assert_eq!([Touched::Perhaps, Touched::No, Touched::Passed].map(sent), [1, 3, 100]);
    }
}
