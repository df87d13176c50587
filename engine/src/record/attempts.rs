//! Attempts to make connections: how many, how they ended, and how long each part of them took.

use crate::distribution::Distribution;
use crate::outcome::Kind;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The attempts of a stretch of time. They are of no phase: most are made before the run begins.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Attempts {
    /// Begun.
    pub begun: u64,
    /// That led to a connection on which requests could be sent.
    pub made: u64,
    /// Those of them that took up the session of an earlier one.
    pub resumed: u64,
    /// That failed, by how.
    pub failures: Vec<AttemptFailure>,
    /// From begun to connected, nanoseconds.
    pub connect: Distribution,
    /// From connected to the end of the handshake, where there is one.
    pub tls: Distribution,
    /// From begun to ready for the first request.
    pub ready: Distribution,
    /// Something was written down since it was last emptied: most slices have none.
    #[serde(skip, default = "true_of_what_was_read")]
    is_touched: bool,
}

fn true_of_what_was_read() -> bool {
    true
}

/// How attempts failed, and how many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptFailure {
    /// In which part of the attempt.
    pub phase: AttemptPhase,
    /// What kind of failure it was.
    pub kind: Kind,
    /// What was wrong, for people.
    pub why: Cow<'static, str>,
    /// How many.
    pub count: u64,
}

/// A part of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptPhase {
    /// Making the connection.
    Connect,
    /// Agreeing on keys.
    Tls,
    /// Waiting for what else has to be agreed on before the first request.
    Ready,
}

impl Attempts {
    /// One more is begun.
    pub fn began(&mut self) {
        self.is_touched = true;
        self.begun += 1;
    }

    /// One is connected, so long after it was begun.
    pub fn connected(&mut self, after_ns: u64) {
        self.is_touched = true;
        self.connect.record(after_ns);
    }

    /// Keys are agreed on, so long after it was connected.
    pub fn secured(&mut self, after_ns: u64) {
        self.is_touched = true;
        self.tls.record(after_ns);
    }

    /// One is ready for its first request, so long after it was begun.
    pub fn succeeded(&mut self, after_ns: u64, is_resumed: bool) {
        self.is_touched = true;
        self.made += 1;
        self.resumed += u64::from(is_resumed);
        self.ready.record(after_ns);
    }

    /// One more has failed.
    pub fn failed(&mut self, phase: AttemptPhase, kind: Kind, why: &'static str) {
        self.is_touched = true;
        self.add(AttemptFailure { phase, kind, why: Cow::Borrowed(why), count: 1 });
    }

    /// How many failed.
    pub fn failed_count(&self) -> u64 {
        self.failures.iter().map(|failure| failure.count).sum()
    }

    fn add(&mut self, failure: AttemptFailure) {
        let is_same = |other: &&mut AttemptFailure| {
            (other.phase, other.kind, &other.why) == (failure.phase, failure.kind, &failure.why)
        };
        match self.failures.iter_mut().find(is_same) {
            Some(same) => same.count += failure.count,
            None => self.failures.push(failure),
        }
    }

    /// Adds those of another stretch, or of another shard.
    pub fn merge(&mut self, other: &Attempts) {
        if !other.is_touched {
            return;
        }
        self.is_touched = true;
        self.begun += other.begun;
        self.made += other.made;
        self.resumed += other.resumed;
        other.failures.iter().for_each(|failure| self.add(failure.clone()));
        self.connect.merge(&other.connect);
        self.tls.merge(&other.tls);
        self.ready.merge(&other.ready);
    }

    /// Forgets all, keeping its memory.
    pub fn clear(&mut self) {
        if !self.is_touched {
            return;
        }
        self.is_touched = false;
        (self.begun, self.made, self.resumed) = (0, 0, 0);
        self.failures.clear();
        self.connect.clear();
        self.tls.clear();
        self.ready.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_the_same_kind_and_reason_are_counted_together() {
        let mut one = Attempts::default();
        (0..3).for_each(|_| one.began());
        one.succeeded(2_000, true);
        one.failed(AttemptPhase::Tls, Kind::Tls, "the certificate has expired");
        one.failed(AttemptPhase::Tls, Kind::Tls, "the certificate has expired");
        let mut other = Attempts::default();
        (0..2).for_each(|_| other.began());
        other.failed(AttemptPhase::Connect, Kind::Connect, "refused");
        other.failed(AttemptPhase::Tls, Kind::Tls, "the certificate has expired");
        one.merge(&other);
        let counts: Vec<_> = one.failures.iter().map(|failure| (failure.phase, failure.count)).collect();
        assert_eq!(counts, [(AttemptPhase::Tls, 3), (AttemptPhase::Connect, 1)]);
        assert_eq!((one.begun, one.made, one.failed_count()), (5, 1, 4));
        let read: Attempts = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
        let mut again = Attempts::default();
        again.merge(&read);
        assert_eq!(
            (again.begun, again.resumed, again.failed_count()),
            (5, 1, 4),
            "what was read is not passed over"
        );
        one.clear();
        assert_eq!((one.begun, one.made, one.failed_count(), one.connect.count()), (0, 0, 0, 0));
    }
}
