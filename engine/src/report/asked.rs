//! How much a run asked of its target and how much of that failed, as the conditions on a report count it.

use super::figures::{Iterations, Requests};
use crate::plan::Scenario;
use crate::threshold::AskedCounts;

/// Arrivals of flows that would have been one request each, and became none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NeverMade {
    pub(super) dropped: u64,
    pub(super) unsent: u64,
}

impl NeverMade {
    /// Those of a scenario. Of a flow of several requests it is not known how many an arrival would have become; of a scenario without a
    /// flow they are counted as requests already.
    pub(super) fn of(scenario: &Scenario, iterations: Option<&Iterations>) -> NeverMade {
        let is_counted = scenario.flow().is_some_and(|flow| flow.is_one_request());
        iterations.filter(|_| is_counted).map_or(NeverMade::default(), |iterations| NeverMade {
            dropped: iterations.dropped,
            unsent: iterations.unsent,
        })
    }

    /// Adds those of another scenario.
    pub(super) fn add(&mut self, other: NeverMade) {
        self.dropped += other.dropped;
        self.unsent += other.unsent;
    }
}

/// What conditions count, of requests and of arrivals that became none. `arrivals` are all that were not withheld, and those of them that
/// were never sent.
pub(super) fn asked(requests: &Requests, never: NeverMade, arrivals: (u64, u64)) -> AskedCounts {
    let unsent = requests.unsent + never.unsent;
    let failed = requests.failed + requests.dropped + never.dropped + unsent;
    AskedCounts {
        failed,
        total: requests.ok + failed,
        unsent,
        arrivals: arrivals.0,
        arrivals_unsent: arrivals.1,
    }
}
