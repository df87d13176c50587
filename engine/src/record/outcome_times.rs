//! How long requests took by how they ended, of one kind of request.
//!
//! Of successes with the status that is expected nothing is kept here: all successes have a distribution, and theirs is what is left of it when the
//! others are taken away. So the usual request costs one comparison, and every other one a few counts more.

use crate::distribution::{CoarseTimes, Distribution};
use crate::outcome::Outcome;

/// Outcomes that have times of their own, besides the one that is expected. Those that come when there are so many are put together.
pub const OTHER_OUTCOMES_MAX: usize = 7;

/// Whose times they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimedOutcome {
    /// Requests that ended so.
    One(Outcome),
    /// Requests that succeeded, or failed, in ways for which there was no room.
    Rest {
        /// They succeeded.
        is_ok: bool,
    },
}

/// The service times of one outcome.
#[derive(Clone, Debug)]
pub enum OutcomeDistribution<'a> {
    /// To three digits: every success had the status that is expected.
    Fine(&'a Distribution),
    /// In few buckets.
    Coarse(Box<CoarseTimes>),
}

/// The times of outcomes other than the expected one.
#[derive(Clone, Debug, Default)]
pub struct OutcomeTimes {
    /// In the order in which they were first seen.
    outcomes: Vec<TimedOutcome>,
    /// Of each of them.
    times: Vec<CoarseTimes>,
}

impl TimedOutcome {
    /// They succeeded.
    pub fn is_ok(self) -> bool {
        match self {
            TimedOutcome::One(outcome) => outcome.kind().is_none(),
            TimedOutcome::Rest { is_ok } => is_ok,
        }
    }
}

impl OutcomeTimes {
    /// Nothing yet, and all the memory that recording takes.
    pub(super) fn preallocated() -> OutcomeTimes {
        // And two for the rest: of successes, and of failures.
        let most = OTHER_OUTCOMES_MAX + 2;
        OutcomeTimes { outcomes: Vec::with_capacity(most), times: Vec::with_capacity(most) }
    }

    /// Nothing was recorded.
    pub(super) fn is_empty(&self) -> bool {
        self.outcomes.is_empty()
    }

    /// Bytes of memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<OutcomeTimes>()
            + self.outcomes.capacity() * size_of::<TimedOutcome>()
            + self.times.capacity() * size_of::<CoarseTimes>()
    }

    /// Records a request that took so long.
    pub(super) fn record(&mut self, outcome: Outcome, service_ns: u64) {
        self.of(TimedOutcome::One(outcome)).record(service_ns);
    }

    /// Adds times of one outcome.
    pub(super) fn add(&mut self, outcome: TimedOutcome, times: &CoarseTimes) {
        if times.count() > 0 {
            self.of(outcome).merge(times);
        }
    }

    /// Adds others. Successes with the status that is expected here are what is left of all.
    pub(super) fn merge(&mut self, expected: Option<u16>, other: &OutcomeTimes) {
        for (outcome, times) in other.iter() {
            let is_expected =
                matches!(outcome, TimedOutcome::One(Outcome::Ok(status)) if Some(status) == expected);
            if !is_expected {
                self.add(outcome, times);
            }
        }
    }

    /// Those of an outcome, or of the rest that it belongs to.
    fn of(&mut self, outcome: TimedOutcome) -> &mut CoarseTimes {
        let place = |outcomes: &[TimedOutcome], wanted| outcomes.iter().position(|seen| *seen == wanted);
        let mut found = place(&self.outcomes, outcome);
        let mut outcome = outcome;
        let is_one = |seen: &&TimedOutcome| matches!(seen, TimedOutcome::One(_));
        if found.is_none() && self.outcomes.iter().filter(is_one).count() >= OTHER_OUTCOMES_MAX {
            outcome = TimedOutcome::Rest { is_ok: outcome.is_ok() };
            found = place(&self.outcomes, outcome);
        }
        let place = found.unwrap_or_else(|| {
            self.outcomes.push(outcome);
            self.times.push(CoarseTimes::default());
            self.times.len() - 1
        });
        &mut self.times[place]
    }

    /// Each outcome, and its times.
    pub fn iter(&self) -> impl Iterator<Item = (TimedOutcome, &CoarseTimes)> {
        self.outcomes.iter().copied().zip(&self.times)
    }

    /// The statuses of successes that have times here, and how many there are of each.
    pub(super) fn ok_statuses(&self) -> impl Iterator<Item = (u16, u64)> {
        self.iter().filter_map(|(outcome, times)| match outcome {
            TimedOutcome::One(Outcome::Ok(status)) => Some((status, times.count())),
            _ => None,
        })
    }

    /// How many successes have times here.
    pub(super) fn ok_count(&self) -> u64 {
        self.iter().filter(|(outcome, _)| outcome.is_ok()).map(|(_, times)| times.count()).sum()
    }

    /// What is left of the times of all successes: those with the status that is expected.
    pub(super) fn rest_of(&self, successes: &Distribution) -> CoarseTimes {
        let mut rest = CoarseTimes::of(successes);
        self.iter().filter(|(outcome, _)| outcome.is_ok()).for_each(|(_, times)| rest.subtract(times));
        rest
    }

    /// Forgets all, keeping its memory.
    pub(super) fn clear(&mut self) {
        self.outcomes.clear();
        self.times.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Kind;

    #[test]
    fn what_there_is_no_room_for_is_put_together_by_success() {
        let mut times = OutcomeTimes::preallocated();
        let bytes = times.bytes();
        for status in 201..=204 {
            times.record(Outcome::Ok(status), 10);
        }
        for status in [400, 401, 402] {
            times.record(Outcome::Refused(status), 10);
        }
        assert_eq!(times.iter().count(), OTHER_OUTCOMES_MAX);
        for (outcome, ns) in [
            (Outcome::Ok(205), 1),
            (Outcome::Ok(206), 2),
            (Outcome::Failed(Kind::Timeout), 4),
            (Outcome::Refused(401), 10),
        ] {
            times.record(outcome, ns);
        }
        let of = |wanted: TimedOutcome| {
            let found = times.iter().find(|(outcome, _)| *outcome == wanted).unwrap().1;
            (found.count(), found.sum_ns())
        };
        assert_eq!(of(TimedOutcome::Rest { is_ok: true }), (2, 3));
        assert_eq!(of(TimedOutcome::Rest { is_ok: false }), (1, 4));
        assert_eq!(of(TimedOutcome::One(Outcome::Refused(401))), (2, 20));
        assert_eq!((times.iter().count(), times.ok_count(), times.bytes()), (9, 6, bytes));
        times.clear();
        assert!(times.is_empty() && times.bytes() == bytes);
    }

    #[test]
    fn what_is_expected_here_is_not_kept_when_it_comes_from_where_it_is_not() {
        let (mut mine, mut theirs) = (OutcomeTimes::default(), OutcomeTimes::default());
        theirs.record(Outcome::Ok(200), 5);
        theirs.record(Outcome::CheckFailed(200), 6);
        mine.merge(Some(200), &theirs);
        let kept: Vec<TimedOutcome> = mine.iter().map(|(outcome, _)| outcome).collect();
        assert_eq!(kept, [TimedOutcome::One(Outcome::CheckFailed(200))]);
    }
}
