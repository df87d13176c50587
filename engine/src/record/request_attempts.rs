//! What is written down of attempts at requests, where a request that has failed may be tried again.

use super::statuses::Statuses;
use crate::distribution::Distribution;
use crate::outcome::{Kind, Outcome};
use serde::{Deserialize, Serialize};

/// What an attempt was that has ended. Times are in nanoseconds from the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndedAttempt {
    /// When the first attempt at its request was intended.
    pub first_intended_ns: u64,
    /// When that was sent.
    pub first_sent_ns: u64,
    /// It was made: a request that is rejected or cannot be filled in is not tried.
    pub was_made: bool,
    /// How many have been made at its request by now.
    pub made: u32,
    /// It was not the first one that was made.
    pub is_further: bool,
    /// Another one follows it, and its request has not ended.
    pub is_tried_again: bool,
    /// None does because there were as many as there may be.
    pub is_exhausted: bool,
    /// None does because as many requests were tried again as may be.
    pub is_over_budget: bool,
    /// It is not counted as an attempt: it leads to the next hop, or nothing is done about failures.
    pub is_uncounted: bool,
    /// When it was sent, where redirects were followed since.
    pub sent_ns: Option<u64>,
}

/// The attempts at one kind of request. Each is counted where its request is: in the measured window if that was intended there.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// Attempts that have ended, those that found no connection included.
    pub made: u64,
    /// Those of them that were not the first at their request.
    pub further: u64,
    /// Those that were put on the wire.
    pub sent: u64,
    /// Those that succeeded.
    pub ok: u64,
    /// Those that ended any other way, by kind; index with `Kind as usize`.
    pub errors: [u64; Kind::COUNT],
    /// Responses by status.
    pub statuses: Statuses,
    /// Requests that failed after as many attempts as there may be.
    pub exhausted: u64,
    /// Requests that failed because as many were tried again as may be.
    pub over_budget: u64,
    /// Requests that were tried and have ended.
    #[serde(default)]
    pub requests_ended: u64,
    /// All attempts at these, whenever they were made.
    #[serde(default)]
    pub made_for_ended: u64,
    /// Done − sent, of every attempt that was sent.
    pub service: Distribution,
}

impl AttemptRecord {
    /// The same with the memory that recording takes.
    pub fn preallocated() -> AttemptRecord {
        AttemptRecord {
            statuses: Statuses::preallocated(),
            service: Distribution::preallocated(),
            ..AttemptRecord::default()
        }
    }

    /// Requests that were tried.
    pub fn requests(&self) -> u64 {
        self.made - self.further
    }

    /// Records an attempt that has ended, and how long it took from being sent, if it was.
    pub(super) fn ended(&mut self, attempt: &EndedAttempt, outcome: Outcome, service_ns: Option<u64>) {
        // One that its client's breaker rejects ends its request too, which has been tried if something was made at it.
        if !attempt.is_tried_again && attempt.made > 0 {
            self.requests_ended += 1;
            self.made_for_ended += u64::from(attempt.made);
        }
        if !attempt.was_made {
            return;
        }
        self.made += 1;
        self.further += u64::from(attempt.is_further);
        self.exhausted += u64::from(attempt.is_exhausted);
        self.over_budget += u64::from(attempt.is_over_budget);
        if let Some(service_ns) = service_ns {
            self.sent += 1;
            self.service.record(service_ns);
        }
        match outcome.kind() {
            None => self.ok += 1,
            Some(kind) => self.errors[kind as usize] += 1,
        }
        outcome.status().into_iter().for_each(|status| self.statuses.count(status));
    }

    /// Adds others.
    pub fn merge(&mut self, other: &AttemptRecord) {
        let AttemptRecord {
            made,
            further,
            sent,
            ok,
            errors,
            statuses,
            exhausted,
            over_budget,
            requests_ended,
            made_for_ended,
            service,
        } = other;
        self.made += made;
        self.further += further;
        self.sent += sent;
        self.ok += ok;
        self.errors.iter_mut().zip(errors).for_each(|(mine, theirs)| *mine += theirs);
        self.statuses.merge(statuses);
        self.exhausted += exhausted;
        self.over_budget += over_budget;
        self.requests_ended += requests_ended;
        self.made_for_ended += made_for_ended;
        self.service.merge(service);
    }

    /// Empties it, keeping its memory.
    pub(super) fn clear(&mut self) {
        let AttemptRecord {
            made,
            further,
            sent,
            ok,
            errors,
            statuses,
            exhausted,
            over_budget,
            requests_ended,
            made_for_ended,
            service,
        } = self;
        for count in [made, further, sent, ok, exhausted, over_budget, requests_ended, made_for_ended] {
            *count = 0;
        }
        errors.fill(0);
        statuses.clear(statuses.expected());
        service.clear();
    }

    /// Bytes of memory that it takes, but for some.
    pub(super) fn bytes(&self) -> usize {
        size_of::<AttemptRecord>() + self.service.allocated_bytes()
    }
}
