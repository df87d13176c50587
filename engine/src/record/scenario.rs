//! What is known of a scenario beside its requests: the arrivals of its schedule that became none.

use crate::breaker::BreakerCounts;
use crate::bucket::Tally;
use serde::{Deserialize, Serialize};

/// Arrivals of one scenario that were not sent, or late. Of all scenarios as one, when merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioRecord {
    /// Requests that ended, in any way, or iterations, in the scenario's part of the measured window and outside it, whenever they were intended.
    pub finished: Tally,
    /// Arrivals dropped by the overload policy.
    pub dropped: Tally,
    /// Arrivals that were due and never sent, because the run ended first.
    pub unsent: Tally,
    /// Arrivals withheld, because the load was lowered while the target did not keep up.
    #[serde(default)]
    pub withheld: Tally,
    /// How many of the window's dropped, unsent and withheld arrivals were not sent by the generator's doing.
    pub unreleased_own: u64,
    /// What was overdue when the measured window ended, if it was still sent: the sum over shards.
    pub overdue: Overdue,
    /// The run was stopped while there was still something overdue to send.
    pub was_stopped: bool,
    /// When the last of its requests had ended, from the start of the run, if it ended with a number of them beside other scenarios;
    /// 0 otherwise.
    pub spent_ns: u64,
    /// Arrivals that waited for a session, because as many were taken as the plan allows.
    #[serde(default)]
    pub session_waits: Tally,
    /// It ended before its time, with the last row of a data file.
    #[serde(default)]
    pub is_fed_out: bool,
    /// What happened to the breakers of its clients, in the measured window and outside it.
    #[serde(default, skip_serializing_if = "BreakerCounts::is_nothing")]
    pub breaker: BreakerCounts,
}

/// How long the oldest arrival had waited that was due and not sent yet, at some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overdue {
    /// Since it was due.
    pub waited_ns: u64,
    /// How much of it by the generator's doing.
    pub own_ns: u64,
}

impl Overdue {
    /// Adds another shard's.
    pub fn add(&mut self, other: Overdue) {
        self.waited_ns += other.waited_ns;
        self.own_ns += other.own_ns;
    }

    /// The part that is the generator's doing.
    pub fn own_share(&self) -> f64 {
        self.own_ns as f64 / self.waited_ns.max(1) as f64
    }
}

impl ScenarioRecord {
    /// Counts arrivals that were dropped, and arrivals that were due and will not be sent. `own_share` of them were not sent by
    /// the generator's doing, the rest because every connection was waiting for the target.
    pub fn count_unreleased(&mut self, dropped: Tally, unsent: Tally, own_share: f64) {
        self.dropped.add(dropped);
        self.unsent.add(unsent);
        self.unreleased_own += ((dropped.measured + unsent.measured) as f64 * own_share).round() as u64;
    }

    /// Counts arrivals that are withheld, so many of the window's by the generator's doing.
    pub fn count_withheld(&mut self, withheld: Tally, own: u64) {
        self.withheld.add(withheld);
        self.unreleased_own += own;
    }

    /// Adds another shard's or interval's, or another scenario's.
    pub fn merge(&mut self, other: &ScenarioRecord) {
        let ScenarioRecord {
            finished,
            dropped,
            unsent,
            withheld,
            unreleased_own,
            overdue,
            was_stopped,
            spent_ns,
            session_waits,
            is_fed_out,
            breaker,
        } = *other;
        self.finished.add(finished);
        self.dropped.add(dropped);
        self.unsent.add(unsent);
        self.withheld.add(withheld);
        self.unreleased_own += unreleased_own;
        self.session_waits.add(session_waits);
        self.overdue.add(overdue);
        self.was_stopped |= was_stopped;
        self.is_fed_out |= is_fed_out;
        self.breaker.add(breaker);
        self.spent_ns = self.spent_ns.max(spent_ns);
    }

    /// Arrivals of the window that were dropped, or withheld, or due and never sent.
    pub fn unreleased(&self) -> u64 {
        self.dropped.measured + self.unsent.measured + self.withheld.measured
    }

    /// The share of the generator's doing in arrivals that were not sent, or only after the end.
    pub fn own_share(&self) -> f64 {
        match self.unreleased() {
            // All were sent in the end, the last ones latest.
            0 => self.overdue.own_share(),
            unreleased => self.unreleased_own as f64 / unreleased as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_sent_is_the_generators_by_its_share_and_else_by_the_wait() {
        let tally = |measured, outside| Tally { measured, outside };
        let mut record = ScenarioRecord::default();
        record.overdue.add(Overdue { waited_ns: 100, own_ns: 25 });
        assert_eq!(record.own_share(), 0.25);
        record.count_unreleased(tally(6, 100), tally(4, 50), 0.5);
        assert_eq!((record.unreleased(), record.unreleased_own, record.own_share()), (10, 5, 0.5));
    }

    #[test]
    fn records_of_shards_add_up() {
        let mut all = ScenarioRecord::default();
        all.count_unreleased(Tally { measured: 1, outside: 2 }, Tally { measured: 3, outside: 4 }, 1.0);
        let other = ScenarioRecord { was_stopped: true, ..all };
        all.merge(&other);
        assert_eq!((all.dropped.measured, all.dropped.outside), (2, 4));
        assert_eq!((all.unsent.measured, all.unsent.outside, all.unreleased_own), (6, 8, 8));
        assert!(all.was_stopped);
        all.count_withheld(Tally { measured: 5, outside: 6 }, 2);
        all.merge(&ScenarioRecord {
            withheld: Tally { measured: 1, outside: 1 },
            ..ScenarioRecord::default()
        });
        assert_eq!(
            (all.withheld, all.unreleased(), all.unreleased_own),
            (Tally { measured: 6, outside: 7 }, 14, 10)
        );
    }
}
