//! Sessions that have connections of their own: which place each has, and what waits until its connection can take it.
//!
//! The place of a session is that of its connections. A user of a load of users keeps its place from one iteration to the next, and its
//! connections with it. The place of an iteration of any other load is free again once its connections are closed.

use super::due_calls::{DueCall, TargetQueues};
use super::sessions::FlowSessions;
use crate::bucket::{Arrival, Share};
use std::collections::VecDeque;

/// What is known of them beside what is known of every session.
#[derive(Clone, Debug)]
pub(super) struct OwnSlots {
    /// How many users there are on all shards, where each keeps its place.
    users: Option<u64>,
    share: Share,
    /// Of each session, the request that is due and waits for its connection.
    held: Vec<Option<DueCall>>,
    held_count: usize,
    /// Sessions that have ended, whose connections are still there.
    left: VecDeque<u32>,
}

impl OwnSlots {
    /// Nobody is there yet.
    pub(super) fn new(users: Option<u64>, share: Share) -> OwnSlots {
        OwnSlots { users, share, held: Vec::new(), held_count: 0, left: VecDeque::new() }
    }

    /// A session for an arrival: in the place of its user, or in whichever is free.
    pub(super) fn begin(&mut self, arrival: Arrival, sessions: &mut FlowSessions) -> u32 {
        let session = match self.users {
            Some(most) => {
                // Users are dealt out to shards one by one.
                let place = (arrival.number % most / self.share.shards) as u32;
                sessions.begin_at(place, arrival);
                place
            }
            None => sessions.begin(arrival),
        };
        if self.held.len() <= session as usize {
            self.held.resize(session as usize + 1, None);
        }
        session
    }

    /// It has ended. A place that is no user's own is not free before its connections are closed.
    pub(super) fn end(&mut self, session: u32, sessions: &mut FlowSessions) {
        match self.users {
            Some(_) => sessions.end_at(session),
            None => {
                sessions.leave(session);
                self.left.push_back(session);
            }
        }
    }

    /// A session that has ended, whose connections are to be closed: its place is free from here on.
    pub(super) fn next_left(&mut self, sessions: &mut FlowSessions) -> Option<u32> {
        let session = self.left.pop_front()?;
        sessions.free(session);
        Some(session)
    }

    /// A request that is due waits from here on until its connection can take it.
    pub(super) fn hold(&mut self, due: DueCall) {
        let held = &mut self.held[due.session as usize];
        debug_assert!(held.is_none(), "a session has one request at a time");
        *held = Some(due);
        self.held_count += 1;
    }

    /// The connection of a session to a target can take a request: one that waits for it is due again.
    pub(super) fn resume(&mut self, session: u32, target: usize, queues: &mut TargetQueues) {
        let Some(held) = self.held.get_mut(session as usize) else { return };
        if let Some(due) = held.take_if(|due| queues.target_of(due.step) == target) {
            self.held_count -= 1;
            queues.push(due);
        }
    }

    /// All that wait are due again, whatever becomes of them.
    pub(super) fn resume_all(&mut self, queues: &mut TargetQueues) {
        if self.held_count > 0 {
            self.held_count = 0;
            self.held.iter_mut().filter_map(Option::take).for_each(|due| queues.push(due));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(number: u64) -> Arrival {
        Arrival { number, intended_ns: 0 }
    }

    #[test]
    fn a_user_has_the_same_place_in_each_of_its_iterations_and_no_other_has_it() {
        // Seven users on two shards: the first has the users 0, 2, 4 and 6.
        let (mut sessions, share) = (FlowSessions::new(100, 0), Share { shard: 0, shards: 2 });
        let mut own = OwnSlots::new(Some(7), share);
        for (number, place) in [(6, 3), (0, 0), (4, 2), (2, 1)] {
            assert_eq!(own.begin(arrival(number), &mut sessions), place);
        }
        assert_eq!(sessions.count(), 4);
        own.end(2, &mut sessions);
        assert_eq!((sessions.count(), own.next_left(&mut sessions)), (3, None), "its connection stays");
        assert_eq!(own.begin(arrival(4 + 7), &mut sessions), 2);
        assert_eq!((sessions.count(), sessions.at(2).arrival.number), (4, 11));
    }

    #[test]
    fn the_place_of_an_iteration_is_free_once_its_connections_are_closed() {
        let mut sessions = FlowSessions::new(2, 0);
        let mut own = OwnSlots::new(None, Share { shard: 0, shards: 1 });
        let places = [own.begin(arrival(0), &mut sessions), own.begin(arrival(1), &mut sessions)];
        own.end(places[0], &mut sessions);
        assert!(!sessions.has_room(), "its connections are still there");
        assert_eq!(own.next_left(&mut sessions), Some(places[0]));
        assert_eq!((sessions.has_room(), own.next_left(&mut sessions)), (true, None));
        assert_eq!(own.begin(arrival(2), &mut sessions), places[0]);
    }

    #[test]
    fn what_waits_for_a_connection_is_due_again_when_that_to_its_own_target_is_there() {
        let (mut sessions, mut queues) = (FlowSessions::new(9, 0), TargetQueues::new(vec![0, 1]));
        let mut own = OwnSlots::new(None, Share { shard: 0, shards: 1 });
        let due = |session: u32| DueCall { due_ns: 5, order: 1, step: 1, session };
        let session = own.begin(arrival(0), &mut sessions);
        own.hold(due(session));
        own.resume(session, 0, &mut queues);
        own.resume(session + 1, 1, &mut queues);
        assert_eq!(queues.next_due_ns(1), None, "another target, and another session");
        own.resume(session, 1, &mut queues);
        assert_eq!(queues.pop(1), Some(due(session)));
        own.hold(due(session));
        own.resume_all(&mut queues);
        own.resume(session, 1, &mut queues);
        assert_eq!((queues.pop(1), queues.pop(1)), (Some(due(session)), None));
    }
}
