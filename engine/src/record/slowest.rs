//! The slowest requests of a run, one by one: what a histogram's tail is made of.
//!
//! A shard keeps a fixed number of them; a request that is not among them costs one comparison. Merging is exact: each
//! recorder keeps as many as the run does, and the order is total, so that the slowest of the run are the same however its
//! requests were divided. It is not a sample: what was ordinary is in the histograms.

use super::series::Instants;
use crate::outcome::{Kind, Outcome};
use serde::{Deserialize, Serialize};

/// How many are kept, of an interval and of a run.
pub const SLOWEST_MAX: usize = 16;

/// A request that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// The shard that sent it.
    pub shard: u32,
    /// Which kind of request: the index of its series.
    pub series: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// Its three instants.
    pub instants: Instants,
}

impl Finished {
    const NONE: Finished = Finished {
        shard: 0,
        series: 0,
        outcome: Outcome::Failed(Kind::Unfinished),
        instants: Instants { intended: 0, sent: 0, done: 0 },
    };

    /// Done − intended, in nanoseconds.
    #[inline]
    pub fn response_ns(&self) -> u64 {
        self.instants.done.saturating_sub(self.instants.intended)
    }

    /// Slowest first; then oldest first, and by where it was sent, so that no two requests are left to chance.
    fn rank(&self) -> impl Ord + use<> {
        let Instants { intended, sent, .. } = self.instants;
        (std::cmp::Reverse(self.response_ns()), intended, self.shard, self.series, sent, self.outcome.code())
    }
}

/// The slowest of the requests that were offered, slowest first. Never allocates.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "Vec<Finished>", from = "Vec<Finished>")]
pub struct Slowest {
    kept: [Finished; SLOWEST_MAX],
    count: usize,
    /// What a request must take, in nanoseconds, to be looked at: 0 until there are as many as can be kept.
    floor_ns: u64,
}

impl Default for Slowest {
    fn default() -> Slowest {
        Slowest { kept: [Finished::NONE; SLOWEST_MAX], count: 0, floor_ns: 0 }
    }
}

impl From<Slowest> for Vec<Finished> {
    fn from(slowest: Slowest) -> Vec<Finished> {
        slowest.iter().copied().collect()
    }
}

impl From<Vec<Finished>> for Slowest {
    fn from(finished: Vec<Finished>) -> Slowest {
        let mut slowest = Slowest::default();
        finished.into_iter().for_each(|finished| slowest.offer(finished));
        slowest
    }
}

impl Slowest {
    /// True if a request that took so long is worth offering.
    #[inline]
    pub fn wants(&self, response_ns: u64) -> bool {
        response_ns >= self.floor_ns
    }

    /// Keeps a request if it is among the slowest.
    pub fn offer(&mut self, finished: Finished) {
        if self.wants(finished.response_ns()) {
            self.keep(finished);
        }
    }

    /// Those kept, slowest first.
    pub fn iter(&self) -> impl Iterator<Item = &Finished> {
        self.kept[..self.count].iter()
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &Slowest) {
        other.iter().for_each(|finished| self.offer(*finished));
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        (self.count, self.floor_ns) = (0, 0);
    }

    #[cold]
    #[inline(never)]
    fn keep(&mut self, finished: Finished) {
        let rank = finished.rank();
        let at = self.kept[..self.count].partition_point(|kept| kept.rank() < rank);
        if at == SLOWEST_MAX {
            return;
        }
        let last = self.count.min(SLOWEST_MAX - 1);
        self.kept.copy_within(at..last, at + 1);
        self.kept[at] = finished;
        self.count = last + 1;
        if self.count == SLOWEST_MAX {
            self.floor_ns = self.kept[SLOWEST_MAX - 1].response_ns();
        }
    }
}

/// One of the slowest requests, as the report has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlowRequest {
    /// The name of its scenario, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// The name of its step.
    pub step: String,
    /// The status of its response, if a complete one came.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::code::optional")]
    pub status: Option<u16>,
    /// The kind of its failure, if none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it should have been sent, seconds from the start of sending.
    pub intended_s: f64,
    /// Done − intended.
    pub response_ns: u64,
    /// Done − sent.
    pub service_ns: u64,
    /// Sent − intended.
    pub slip_ns: u64,
    /// The shard that sent it.
    pub shard: u32,
}

impl SlowRequest {
    /// A finished request of a step with this name, in the scenario with this name if there are several.
    pub fn new(finished: &Finished, scenario: Option<&str>, step: &str) -> SlowRequest {
        let Instants { intended, sent, done } = finished.instants;
        let (status, error) = match finished.outcome {
            Outcome::Ok(status) | Outcome::Refused(status) => (Some(status), None),
            Outcome::Failed(kind) => (None, Some(kind.name().to_owned())),
            Outcome::CheckFailed(status) => (Some(status), Some(Kind::Check.name().to_owned())),
            Outcome::ValueMissing(status) => (Some(status), Some(Kind::Extract.name().to_owned())),
        };
        SlowRequest {
            scenario: scenario.map(str::to_owned),
            step: step.to_owned(),
            status,
            error,
            intended_s: intended as f64 / 1e9,
            response_ns: finished.response_ns(),
            service_ns: done.saturating_sub(sent),
            slip_ns: sent.saturating_sub(intended),
            shard: finished.shard,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use proptest::prelude::*;

    fn draw(random: &mut Random) -> Finished {
        let intended = random.between(0, 50);
        let sent = intended + random.between(0, 3);
        // Few different times, so that many requests are equally slow.
        let instants = Instants { intended, sent, done: sent + random.between(0, 20) };
        let outcome = match random.between(0, 2) {
            0 => Outcome::Failed(Kind::Timeout),
            1 => Outcome::Refused(503),
            _ => Outcome::Ok(200),
        };
        let (shard, series) = (random.between(0, 3) as u32, random.between(0, 2) as u32);
        Finished { shard, series, outcome, instants }
    }

    proptest! {
        #[test]
        fn the_slowest_are_the_same_however_the_requests_are_divided(
            seed in any::<u64>(), requests in 0_usize..400, parts in 1_usize..6,
        ) {
            let mut random = Random::new(seed, 0);
            let all: Vec<Finished> = (0..requests).map(|_| draw(&mut random)).collect();
            let mut divided = vec![Slowest::default(); parts];
            for finished in &all {
                divided[random.between(0, parts as u64 - 1) as usize].offer(*finished);
            }
            let mut merged = Slowest::default();
            divided.iter().rev().for_each(|part| merged.merge(part));
            let mut sorted = all;
            sorted.sort_by_key(Finished::rank);
            sorted.truncate(SLOWEST_MAX);
            prop_assert_eq!(merged.iter().copied().collect::<Vec<_>>(), sorted);
        }
    }

    #[test]
    fn a_failure_is_among_the_slowest_with_its_kind_and_a_response_with_its_status() {
        let instants = Instants { intended: 1_500_000_000, sent: 1_500_000_010, done: 1_500_000_110 };
        let timeout = Finished { shard: 3, series: 0, outcome: Outcome::Failed(Kind::Timeout), instants };
        let shown = SlowRequest::new(&timeout, None, "home");
        assert_eq!((shown.response_ns, shown.service_ns, shown.slip_ns), (110, 100, 10));
        assert_eq!((shown.intended_s, shown.shard, shown.step.as_str()), (1.5, 3, "home"));
        assert_eq!((shown.status, shown.error.as_deref()), (None, Some("timeout")));
        let refused = Finished { outcome: Outcome::Refused(503), ..timeout };
        let json = serde_json::to_string(&SlowRequest::new(&refused, Some("read"), "home")).unwrap();
        assert!(json.contains("\"status\":503") && !json.contains("error"), "{json}");
    }

    #[test]
    fn cleared_it_keeps_what_comes_next() {
        let slow = Finished { instants: Instants { intended: 0, sent: 0, done: 9 }, ..Finished::NONE };
        let mut slowest = Slowest::default();
        (0..100).for_each(|_| slowest.offer(slow));
        slowest.clear();
        slowest.offer(Finished { instants: Instants { intended: 0, sent: 0, done: 1 }, ..slow });
        assert_eq!(slowest.iter().map(Finished::response_ns).collect::<Vec<_>>(), [1]);
    }
}
