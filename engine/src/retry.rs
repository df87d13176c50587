//! When a client tries a request again that has failed: how often, after what, after how long, and for which share of requests.

use crate::outcome::{Kind, Outcome};
use crate::quantity::SECOND_NS;
use crate::random::Random;
use serde::{Deserialize, Serialize};

/// The most attempts of one request.
pub const ATTEMPTS_MAX: u32 = 100;

/// How failed requests are tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetryRules {
    /// So many attempts of a request at the most, the first one included.
    pub attempts: u32,
    /// After these failures.
    pub on: Vec<RetryCause>,
    /// How long after a failure.
    pub wait: RetryWait,
    /// The share of requests that may be tried again; all of them where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<f64>,
}

/// A failure after which a request is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryCause {
    /// Of this kind.
    Kind(Kind),
    /// With this status, however the response was found to be none that is wanted.
    Status(u16),
    /// With a status of this class: 5 is 500 to 599.
    Class(u16),
}

/// How long passes from a failure to the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryWait {
    /// Always as long.
    Constant {
        /// So long.
        wait_ns: u64,
        /// The longest that a target's `Retry-After` can make it.
        longest_ns: u64,
    },
    /// Anything up to a bound, each time as likely as any other; the bound doubles with each attempt ("full jitter").
    Exponential {
        /// The bound after the first attempt.
        first_ns: u64,
        /// The bound that no doubling goes beyond, nor a target's `Retry-After`.
        longest_ns: u64,
    },
}

impl RetryRules {
    /// Whether a request that has ended like this is one to be tried again.
    pub fn applies_to(&self, outcome: Outcome) -> bool {
        let (Some(kind), status) = (outcome.kind(), outcome.status()) else { return false };
        self.on.iter().any(|cause| match *cause {
            RetryCause::Kind(named) => named == kind,
            RetryCause::Status(named) => status == Some(named),
            RetryCause::Class(class) => status.is_some_and(|status| status / 100 == class),
        })
    }
}

impl RetryWait {
    /// How long passes after an attempt, the first one being 1, if the target asked for some time.
    pub fn after(self, attempt: u32, asked_ns: Option<u64>, random: &mut Random) -> u64 {
        let (wait_ns, longest_ns) = match self {
            RetryWait::Constant { wait_ns, longest_ns } => (wait_ns, longest_ns),
            RetryWait::Exponential { first_ns, longest_ns } => {
                let doubled_ns = u128::from(first_ns) << attempt.saturating_sub(1).min(u64::BITS - 1);
                (random.between(0, doubled_ns.min(longest_ns.into()) as u64), longest_ns)
            }
        };
        wait_ns.max(asked_ns.map_or(0, |asked_ns| asked_ns.min(longest_ns)))
    }
}

/// How many further attempts may be made: each request brings a share of one, and what is not used is lost after some seconds.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    /// What a request brings, and what an attempt takes, in millionths.
    share: i64,
    /// What came, less what was taken, in each of the last seconds, and their sum.
    seconds: [i64; BUDGET_SECONDS],
    sum: i64,
    /// The second that is being counted.
    second: u64,
}

/// As long as Finagle's `RetryBudget` keeps what was brought.
const BUDGET_SECONDS: usize = 10;
const WHOLE: i64 = 1_000_000;

impl RetryBudget {
    /// One that lets this share of requests be tried again.
    pub fn new(share: f64) -> RetryBudget {
        RetryBudget {
            share: (share * WHOLE as f64).round() as i64,
            seconds: [0; BUDGET_SECONDS],
            sum: 0,
            second: 0,
        }
    }

    /// A request begins, at a moment of a clock that starts near 0.
    pub fn deposit(&mut self, now_ns: u64) {
        self.add(self.share, now_ns);
    }

    /// Takes what a further attempt costs. False where there is not as much.
    pub fn withdraw(&mut self, now_ns: u64) -> bool {
        self.pass(now_ns);
        let has_enough = self.sum >= WHOLE;
        if has_enough {
            self.add(-WHOLE, now_ns);
        }
        has_enough
    }

    fn add(&mut self, amount: i64, now_ns: u64) {
        self.pass(now_ns);
        self.seconds[(self.second % BUDGET_SECONDS as u64) as usize] += amount;
        self.sum += amount;
    }

    /// Forgets what is older than is kept. A moment before the latest one counts as that.
    fn pass(&mut self, now_ns: u64) {
        let passed = (now_ns / SECOND_NS).saturating_sub(self.second);
        for _ in 0..passed.min(BUDGET_SECONDS as u64) {
            self.second += 1;
            let oldest = &mut self.seconds[(self.second % BUDGET_SECONDS as u64) as usize];
            self.sum -= std::mem::take(oldest);
        }
        self.second = self.second.max(now_ns / SECOND_NS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::MILLISECOND_NS;
    use proptest::prelude::*;

    #[test]
    fn only_failures_that_are_named_are_tried_again() {
        let on = vec![RetryCause::Kind(Kind::Timeout), RetryCause::Status(429), RetryCause::Class(5)];
        let wait = RetryWait::Constant { wait_ns: 0, longest_ns: 0 };
        let rules = RetryRules { attempts: 2, on, wait, budget: None };
        for outcome in [
            Outcome::Failed(Kind::Timeout),
            Outcome::Refused(429),
            Outcome::Refused(503),
            Outcome::CheckFailed(500),
            Outcome::ValueMissing(599),
        ] {
            assert!(rules.applies_to(outcome), "{outcome:?}");
        }
        for outcome in [
            Outcome::Ok(503),
            Outcome::Failed(Kind::Eof),
            Outcome::Refused(404),
            Outcome::CheckFailed(200),
            Outcome::ValueMissing(200),
        ] {
            assert!(!rules.applies_to(outcome), "{outcome:?}");
        }
        let named = RetryRules { on: vec![RetryCause::Kind(Kind::Check)], ..rules };
        assert!(named.applies_to(Outcome::CheckFailed(200)) && !named.applies_to(Outcome::Refused(500)));
    }

    #[test]
    fn a_wait_doubles_up_to_its_bound_and_is_as_long_as_the_target_asks_up_to_it_too() {
        let mut random = Random::new(3, 0);
        let wait = RetryWait::Exponential { first_ns: 50 * MILLISECOND_NS, longest_ns: 150 * MILLISECOND_NS };
        for (attempt, bound_ms) in [(1, 50), (2, 100), (3, 150), (90, 150)] {
            let waits: Vec<u64> = (0..400).map(|_| wait.after(attempt, None, &mut random)).collect();
            let longest_ns = waits.iter().copied().max().unwrap_or(0);
            assert!(longest_ns <= bound_ms * MILLISECOND_NS, "after attempt {attempt}");
            assert!(longest_ns > bound_ms * MILLISECOND_NS * 9 / 10, "after attempt {attempt}");
            assert!(waits.iter().any(|&ns| ns < bound_ms * MILLISECOND_NS / 10), "anything from 0 on");
        }
        assert_eq!(wait.after(1, Some(SECOND_NS), &mut random), 150 * MILLISECOND_NS);
        assert!(wait.after(1, Some(120 * MILLISECOND_NS), &mut random) == 120 * MILLISECOND_NS);
        let constant = RetryWait::Constant { wait_ns: 7, longest_ns: 9 };
        assert_eq!(
            [None, Some(3), Some(8), Some(90)].map(|asked| constant.after(5, asked, &mut random)),
            [7, 7, 8, 9]
        );
    }

    #[test]
    fn what_is_not_used_is_lost_after_ten_seconds() {
        let mut budget = RetryBudget::new(0.5);
        (0..4).for_each(|_| budget.deposit(0));
        assert!(budget.clone().withdraw(9 * SECOND_NS));
        assert!(!budget.withdraw(10 * SECOND_NS));
    }

    proptest! {
        /// However requests come and fail, no more of them are tried again than their share.
        #[test]
        fn a_budget_is_never_overdrawn(
            percent in 0_u32..=100,
            steps in prop::collection::vec((0_u64..3_000, any::<bool>()), 1..500),
        ) {
            let mut budget = RetryBudget::new(f64::from(percent) / 100.0);
            let (mut now_ns, mut requests, mut retries) = (0, 0_u64, 0_u64);
            for (passes_ms, is_retry) in steps {
                now_ns += passes_ms * MILLISECOND_NS;
                match is_retry {
                    true => retries += u64::from(budget.withdraw(now_ns)),
                    false => {
                        budget.deposit(now_ns);
                        requests += 1;
                    }
                }
                prop_assert!(retries * 100 <= requests * u64::from(percent));
                prop_assert_eq!(budget.sum, budget.seconds.iter().sum::<i64>());
            }
        }
    }
}
