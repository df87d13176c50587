//! Links in mind: a bounded number, each until its life is over. No clock is read: time is an argument, since the server's start.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::links::code::LinkCode;
use crate::links::link::{LinkEvent, LinkState, ShortLink};

/// Links that are moved on in passing, by each request. More would let one request wait for the end of many links.
const TENDED_MAX: usize = 64;

/// The links of a server.
#[derive(Debug)]
pub(crate) struct LinkStore {
    links: HashMap<LinkCode, ShortLink>,
    /// When each link has to be looked at next: at the end of its time, or to be forgotten.
    due: BTreeSet<(Duration, LinkCode)>,
    created: u64,
    seed: u64,
}

/// How many links are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LinkStates {
    pub(crate) active: usize,
    pub(crate) expired: usize,
    pub(crate) removed: usize,
}

/// Bounds of a store, as its settings have them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LinkBounds {
    pub(crate) links_max: usize,
    /// How long a link that is gone is known as such.
    pub(crate) gone: Duration,
}

impl LinkStore {
    pub(crate) fn new(seed: u64) -> LinkStore {
        LinkStore { links: HashMap::new(), due: BTreeSet::new(), created: 0, seed }
    }

    /// A new link; `None` if there is no room.
    pub(crate) fn create(
        &mut self,
        url: String,
        ttl: Option<Duration>,
        now: Duration,
        bounds: LinkBounds,
    ) -> Option<LinkCode> {
        if self.links.len() >= bounds.links_max {
            self.tend(now, bounds, usize::MAX);
        }
        if self.links.len() >= bounds.links_max {
            return None;
        }
        let code = LinkCode::of(self.created, self.seed);
        self.created += 1;
        let until = ttl.map(|ttl| now + ttl);
        let state = LinkState::Active { until };
        self.links.insert(code, ShortLink { url, created: now, state, visits: 0, due: until });
        self.due.extend(until.map(|until| (until, code)));
        Some(code)
    }

    /// A link as it is now.
    pub(crate) fn look(
        &mut self,
        code: LinkCode,
        now: Duration,
        bounds: LinkBounds,
    ) -> Option<&mut ShortLink> {
        self.happen(code, LinkEvent::Looked, now, bounds)
    }

    /// A link after it was deleted.
    pub(crate) fn delete(
        &mut self,
        code: LinkCode,
        now: Duration,
        bounds: LinkBounds,
    ) -> Option<&mut ShortLink> {
        self.happen(code, LinkEvent::Deleted, now, bounds)
    }

    pub(crate) fn states(&self) -> LinkStates {
        let mut states = LinkStates::default();
        for link in self.links.values() {
            match link.state {
                LinkState::Active { .. } => states.active += 1,
                LinkState::Expired { .. } => states.expired += 1,
                LinkState::Removed { .. } => states.removed += 1,
            }
        }
        states
    }

    fn happen(
        &mut self,
        code: LinkCode,
        event: LinkEvent,
        now: Duration,
        bounds: LinkBounds,
    ) -> Option<&mut ShortLink> {
        self.tend(now, bounds, TENDED_MAX);
        self.move_on(code, event, now, bounds);
        self.links.get_mut(&code)
    }

    /// Looks at links that are due, at most so many.
    fn tend(&mut self, now: Duration, bounds: LinkBounds, at_most: usize) {
        for _ in 0..at_most {
            match self.due.first() {
                Some((due, code)) if *due <= now => self.move_on(*code, LinkEvent::Looked, now, bounds),
                _ => return,
            }
        }
    }

    /// Lets an event happen to a link, and forgets it if its life is over.
    fn move_on(&mut self, code: LinkCode, event: LinkEvent, now: Duration, bounds: LinkBounds) {
        let Some(link) = self.links.get_mut(&code) else { return };
        if let Some(due) = link.due.take() {
            self.due.remove(&(due, code));
        }
        link.state = link.state.after(event, now);
        let due = match link.state {
            LinkState::Active { until } => until,
            LinkState::Expired { since } | LinkState::Removed { since } => Some(since + bounds.gone),
        };
        if !link.state.is_active() && due.is_some_and(|due| due <= now) {
            self.links.remove(&code);
            return;
        }
        link.due = due;
        self.due.extend(due.map(|due| (due, code)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;
    const BOUNDS: LinkBounds = LinkBounds { links_max: 3, gone: Duration::from_secs(60) };

    fn store() -> LinkStore {
        LinkStore::new(1)
    }

    fn create(store: &mut LinkStore, ttl_s: u64, now_s: u64) -> Option<LinkCode> {
        let ttl = (ttl_s > 0).then(|| S(ttl_s));
        store.create("http://a.test/".to_owned(), ttl, S(now_s), BOUNDS)
    }

    fn state(store: &mut LinkStore, code: LinkCode, now_s: u64) -> Option<&'static str> {
        store.look(code, S(now_s), BOUNDS).map(|link| link.state.name())
    }

    #[test]
    fn a_link_expires_is_known_as_gone_for_a_while_and_is_forgotten() {
        let mut store = store();
        let code = create(&mut store, 10, 0).expect("room");
        let cases =
            [(9, Some("active")), (10, Some("expired")), (69, Some("expired")), (70, None), (71, None)];
        for (now_s, expected) in cases {
            assert_eq!(state(&mut store, code, now_s), expected, "after {now_s} s");
        }
    }

    #[test]
    fn a_deleted_link_is_known_as_gone_from_then_on() {
        let mut store = store();
        let code = create(&mut store, 0, 0).expect("room");
        assert!(store.delete(code, S(5), BOUNDS).is_some());
        assert_eq!(state(&mut store, code, 64), Some("removed"));
        assert_eq!(state(&mut store, code, 65), None);
        assert!(store.delete(code, S(66), BOUNDS).is_none());
    }

    #[test]
    fn there_is_room_for_so_many_and_again_once_some_are_forgotten() {
        let mut store = store();
        for ttl_s in [10, 20, 0] {
            assert!(create(&mut store, ttl_s, 0).is_some());
        }
        assert_eq!(create(&mut store, 0, 69), None, "what is gone takes up room while it is known");
        assert!(create(&mut store, 0, 70).is_some());
        assert_eq!(store.states(), LinkStates { active: 2, expired: 1, removed: 0 });
    }

    #[test]
    fn nothing_is_left_of_what_is_forgotten() {
        let mut store = store();
        for round in 0..1000 {
            assert!(create(&mut store, 1, round * 100).is_some(), "round {round}");
        }
        assert!(store.links.len() <= BOUNDS.links_max && store.due.len() <= BOUNDS.links_max);
    }

    #[test]
    fn a_link_is_what_it_is_however_much_else_is_due() {
        let bounds = LinkBounds { links_max: 10_000, ..BOUNDS };
        let mut store = store();
        let new = |store: &mut LinkStore| store.create("http://a.test/".into(), Some(S(1)), S(0), bounds);
        let codes: Vec<LinkCode> = (0..10_000).map(|_| new(&mut store).expect("room")).collect();
        let last = codes.last().copied().expect("one of many");
        assert_eq!(store.look(last, S(30), bounds).map(|link| link.state.name()), Some("expired"));
        assert!(store.states().active >= 10_000 - 1 - TENDED_MAX, "one look moves few links on");
    }
}
