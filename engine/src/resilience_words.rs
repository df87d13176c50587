//! What clients do about failures, in words that are equal where they do the same.

use crate::breaker::BreakerRules;
use crate::code;
use crate::quantity::counted;
use crate::resilience::{ClientBreaker, Resilience};
use crate::retry::{RetryCause, RetryRules, RetryWait};
use crate::threshold::exact;
use std::fmt;

impl fmt::Display for Resilience {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.retry, &self.breaker) {
            (None, None) => formatter.write_str("nothing"),
            (Some(retry), None) => write!(formatter, "{retry}"),
            (None, Some(breaker)) => write!(formatter, "{breaker}"),
            (Some(retry), Some(breaker)) => write!(formatter, "{retry}, {breaker}"),
        }
    }
}

impl fmt::Display for RetryRules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RetryRules { attempts, on, wait, budget } = self;
        let on = on.iter().map(RetryCause::to_string).collect::<Vec<_>>().join(", ");
        write!(formatter, "{attempts} attempts on {on} after {wait}")?;
        budget.map_or(Ok(()), |share| write!(formatter, " of {} % of the requests", share * 100.0))
    }
}

impl fmt::Display for RetryCause {
    /// As it is typed.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RetryCause::Kind(kind) => formatter.write_str(kind.name()),
            RetryCause::Status(status) => match code::name(*status) {
                Some(name) => formatter.write_str(name),
                None => write!(formatter, "{status}"),
            },
            RetryCause::Class(class) => write!(formatter, "{class}xx"),
        }
    }
}

impl fmt::Display for RetryWait {
    /// As it is typed.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            RetryWait::Constant { wait_ns, longest_ns } if wait_ns == longest_ns => {
                formatter.write_str(&exact(wait_ns))
            }
            RetryWait::Constant { wait_ns, longest_ns } => {
                write!(formatter, "{},{}", exact(wait_ns), exact(longest_ns))
            }
            RetryWait::Exponential { first_ns, longest_ns } => {
                write!(formatter, "exp:{},{}", exact(first_ns), exact(longest_ns))
            }
        }
    }
}

impl fmt::Display for ClientBreaker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ClientBreaker { clients, rules: BreakerRules { failures, window, stays_open_ns, probes } } =
            *self;
        let who = match clients {
            1 => "1 client whose breaker opens".to_owned(),
            several => format!("{several} clients whose breakers open"),
        };
        let (stays_open, probes) = (exact(stays_open_ns), counted(probes.into(), "success"));
        write!(formatter, "{who} at {failures} failures of {window}, for {stays_open} and until {probes}")
    }
}
