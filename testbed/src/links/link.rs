//! One short link's life: active, then expired or removed, then forgotten. A state machine without a clock: time is an argument.
//!
//! ```text
//!            ┌── visited ──┐
//!            ▼             │
//! created → Active ────────┘
//!            │  └── its time is over ──→ Expired ──┐
//!            └────── deleted ──────────→ Removed ──┴─ kept in mind long enough ──→ forgotten
//! ```

use std::time::Duration;

/// What a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkState {
    /// It leads somewhere, until the time it is given; both since the server's start.
    Active { until: Option<Duration> },
    /// Its time was over.
    Expired { since: Duration },
    /// Somebody deleted it.
    Removed { since: Duration },
}

/// What happens to a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkEvent {
    /// Time passes: what every look at a link begins with.
    Looked,
    /// Somebody deletes it.
    Deleted,
}

impl LinkState {
    /// What a link is after an event. Nothing brings back what is expired or removed.
    pub(crate) fn after(self, event: LinkEvent, now: Duration) -> LinkState {
        match (self, event) {
            (LinkState::Active { until: Some(until) }, _) if now >= until => {
                LinkState::Expired { since: until }
            }
            (LinkState::Active { .. }, LinkEvent::Deleted) => LinkState::Removed { since: now },
            (state, _) => state,
        }
    }

    pub(crate) fn is_active(self) -> bool {
        matches!(self, LinkState::Active { .. })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            LinkState::Active { .. } => "active",
            LinkState::Expired { .. } => "expired",
            LinkState::Removed { .. } => "removed",
        }
    }
}

/// A short link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShortLink {
    pub(crate) url: String,
    pub(crate) created: Duration,
    pub(crate) state: LinkState,
    pub(crate) visits: u64,
    /// When it has to be looked at next, as the store has put it down.
    pub(crate) due: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn an_active_link_stays_so_until_its_time_is_over() {
        let link = LinkState::Active { until: Some(S(10)) };
        assert_eq!(link.after(LinkEvent::Looked, S(9)), link);
        assert_eq!(link.after(LinkEvent::Looked, S(10)), LinkState::Expired { since: S(10) });
        assert_eq!(link.after(LinkEvent::Looked, S(99)), LinkState::Expired { since: S(10) });
        let endless = LinkState::Active { until: None };
        assert_eq!(endless.after(LinkEvent::Looked, Duration::MAX), endless);
    }

    #[test]
    fn a_deletion_removes_and_comes_too_late_for_what_is_expired() {
        let link = LinkState::Active { until: Some(S(10)) };
        assert_eq!(link.after(LinkEvent::Deleted, S(5)), LinkState::Removed { since: S(5) });
        assert_eq!(link.after(LinkEvent::Deleted, S(15)), LinkState::Expired { since: S(10) });
    }

    #[test]
    fn nothing_comes_back() {
        for gone in [LinkState::Expired { since: S(1) }, LinkState::Removed { since: S(1) }] {
            for event in [LinkEvent::Looked, LinkEvent::Deleted] {
                assert_eq!(gone.after(event, S(2)), gone);
            }
            assert!(!gone.is_active());
        }
    }
}
