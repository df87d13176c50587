//! How clients of a target go on when it fails: by trying again, and by leaving it alone for a while.

use crate::breaker::{BREAKER_WINDOW_MAX, BreakerRules, PROBES_MAX};
use crate::outcome::Kind;
use crate::quantity::DURATION_NS_MAX;
use crate::retry::{ATTEMPTS_MAX, RetryCause, RetryRules, RetryWait};
use serde::{Deserialize, Serialize};

/// The most clients with a breaker each.
pub const CLIENTS_MAX: u32 = 1 << 20;

/// What the clients that a scenario models do about failures; nothing where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resilience {
    /// When they try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryRules>,
    /// When they do not even try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<ClientBreaker>,
}

/// A breaker for each of a number of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientBreaker {
    /// How many there are, over all shards.
    pub clients: u32,
    /// What each goes by.
    pub rules: BreakerRules,
}

/// What is wrong with rules: in which of the keys, what, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongResilience {
    /// Such as `retry.attempts`.
    pub key: &'static str,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub fix: String,
}

impl Resilience {
    /// Whether nothing is done.
    pub fn is_nothing(&self) -> bool {
        self.retry.is_none() && self.breaker.is_none()
    }

    /// All that is wrong with it.
    pub fn mistakes(&self) -> Vec<WrongResilience> {
        let of_retry = self.retry.iter().flat_map(mistakes_of_retry);
        of_retry.chain(self.breaker.iter().flat_map(mistakes_of_breaker)).collect()
    }
}

fn wrong(key: &'static str, problem: impl Into<String>, fix: impl Into<String>) -> WrongResilience {
    WrongResilience { key, problem: problem.into(), fix: fix.into() }
}

fn mistakes_of_retry(retry: &RetryRules) -> Vec<WrongResilience> {
    let mut mistakes = Vec::new();
    if !(2..=ATTEMPTS_MAX).contains(&retry.attempts) {
        let problem = format!("{} attempts cannot be, the first one included", retry.attempts);
        mistakes.push(wrong(
            "retry.attempts",
            problem,
            format!("give 2 to {ATTEMPTS_MAX}, or leave `retry` out"),
        ));
    }
    if retry.on.is_empty() {
        let fix = "name kinds and statuses, such as `[\"connect\", \"timeout\", 503]`";
        mistakes.push(wrong("retry.on", "nothing is tried again", fix));
    }
    mistakes.extend(retry.on.iter().filter_map(mistake_of_cause));
    let (RetryWait::Constant { wait_ns: first_ns, longest_ns }
    | RetryWait::Exponential { first_ns, longest_ns }) = retry.wait;
    if first_ns > longest_ns || longest_ns > DURATION_NS_MAX {
        let fix = "write the longer time last, such as `exp:50ms,2s`";
        mistakes.push(wrong("retry.wait", "the longest wait is shorter than the first one", fix));
    }
    if retry.budget.is_some_and(|share| !(share > 0.0 && share <= 1.0)) {
        let problem = "a budget is a share of the requests above 0 % and up to 100 %";
        mistakes.push(wrong("retry.budget", problem, "write `10%`, or leave it out"));
    }
    mistakes
}

/// Which statuses there are is a matter of what the target speaks.
fn mistake_of_cause(cause: &RetryCause) -> Option<WrongResilience> {
    let RetryCause::Kind(kind) = *cause else { return None };
    let why = match kind {
        Kind::Unfinished => "the run is over then",
        Kind::Template => "it could not be filled in, and would be filled with the same",
        Kind::Feed => "there was no row for it, and there will be none",
        Kind::Breaker => "its client leaves the target alone",
        _ => return None,
    };
    let problem = format!("a request that ends as `{}` is not tried again: {why}", kind.name());
    Some(wrong("retry.on", problem, "leave it out"))
}

fn mistakes_of_breaker(breaker: &ClientBreaker) -> Vec<WrongResilience> {
    let mut mistakes = Vec::new();
    let BreakerRules { failures, window, stays_open_ns, probes } = breaker.rules;
    if !(1..=CLIENTS_MAX).contains(&breaker.clients) {
        let problem = format!("{} clients cannot be", breaker.clients);
        mistakes.push(wrong("breaker.clients", problem, format!("give 1 to {CLIENTS_MAX}")));
    }
    if !(1..=BREAKER_WINDOW_MAX).contains(&window) {
        let problem = format!("a breaker does not go by the last {window} outcomes");
        mistakes.push(wrong(
            "breaker.opens",
            problem,
            format!("give 1 to {BREAKER_WINDOW_MAX}: `50% of 20`"),
        ));
    } else if !(1..=window).contains(&failures) {
        let problem = format!("{failures} of the last {window} outcomes cannot be failures that open it");
        mistakes.push(wrong("breaker.opens", problem, "give more than 0 % and up to 100 %: `50% of 20`"));
    }
    if !(1..=DURATION_NS_MAX).contains(&stays_open_ns) {
        mistakes.push(wrong("breaker.stays_open", "it would not stay open", "give a time, such as `5s`"));
    }
    if !(1..=PROBES_MAX).contains(&probes) {
        let problem = format!("{probes} requests cannot try whether the target is well again");
        mistakes.push(wrong("breaker.probes", problem, format!("give 1 to {PROBES_MAX}")));
    }
    mistakes
}
