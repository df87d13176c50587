//! What is known of one kind of request: counts and histograms.

use super::message_times::{MessageTime, MessageTimes};
use super::request_attempts::{AttemptRecord, EndedAttempt};
use super::statuses::Statuses;
use crate::distribution::Distribution;
use crate::outcome::{Fault, Kind, Outcome};
use serde::{Deserialize, Serialize};

/// One stream of requests: a step of a scenario.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Series {
    /// Requests put on the wire.
    pub sent: u64,
    /// Complete responses with a status below 400.
    pub ok: u64,
    /// Requests that ended any other way, by kind; index with `Kind as usize`.
    pub errors: [u64; Kind::COUNT],
    /// Responses by status.
    pub statuses: Statuses,
    /// Messages of responses that have several, or could.
    pub messages: u64,
    /// How long they took, of calls that stream; nothing as long as there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_times: Option<Box<MessageTimes>>,
    /// The attempts at them, where requests may be tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<Box<AttemptRecord>>,
    /// Bytes of requests.
    pub bytes_sent: u64,
    /// Bytes of responses, heads and bodies, kept or thrown away.
    pub bytes_received: u64,
    /// When the last request was sent, in nanoseconds from the start of the run; 0 when none was.
    pub last_sent_ns: u64,
    /// Done − intended, of successes.
    pub response: Distribution,
    /// Done − sent, of successes.
    pub service: Distribution,
    /// Sent − intended, of successes.
    pub slip: Distribution,
    /// Done − intended, of failures.
    pub failed_response: Distribution,
    /// The part of the response time that is the generator's own, of every request that was sent.
    pub lag: Distribution,
}

/// The three instants of a request, in nanoseconds from the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instants {
    /// When it should have been sent. In a closed loop, which has no such moment: when it was.
    pub intended: u64,
    /// When it was handed to the kernel.
    pub sent: u64,
    /// When its response was complete, or its failure known.
    pub done: u64,
}

impl Series {
    /// An empty series that does not allocate when requests are written into it.
    pub fn preallocated() -> Series {
        Series {
            statuses: Statuses::preallocated(),
            response: Distribution::preallocated(),
            service: Distribution::preallocated(),
            slip: Distribution::preallocated(),
            failed_response: Distribution::preallocated(),
            lag: Distribution::preallocated(),
            ..Series::default()
        }
    }

    /// Takes the memory that recording attempts takes.
    pub(super) fn expect_attempts(&mut self) {
        self.attempts = Some(Box::new(AttemptRecord::preallocated()));
    }

    /// Requests that ended without success.
    pub fn failed(&self) -> u64 {
        self.errors.iter().sum()
    }

    /// Those of them that failed for want of something on this machine.
    pub fn failed_by_generator(&self) -> u64 {
        let own = Kind::ALL.into_iter().filter(|kind| kind.fault() == Fault::Generator);
        own.map(|kind| self.errors[kind as usize]).sum()
    }

    /// Records that a request went on the wire.
    #[inline]
    pub fn sent(&mut self, sent_ns: u64, bytes: u64) {
        self.sent += 1;
        self.bytes_sent += bytes;
        self.last_sent_ns = self.last_sent_ns.max(sent_ns);
    }

    /// Records how one request ended.
    #[inline]
    pub fn done(&mut self, outcome: Outcome, instants: Instants, bytes_received: u64) {
        self.bytes_received += bytes_received;
        let response_ns = instants.done.saturating_sub(instants.intended);
        match outcome {
            Outcome::Ok(status) => {
                self.ok += 1;
                self.statuses.count(status);
                self.response.record(response_ns);
                self.service.record(instants.done.saturating_sub(instants.sent));
                self.slip.record(instants.sent.saturating_sub(instants.intended));
            }
            Outcome::Refused(status) => {
                self.statuses.count(status);
                self.errors[Kind::Status as usize] += 1;
                self.failed_response.record(response_ns);
            }
            Outcome::Failed(kind) => {
                self.errors[kind as usize] += 1;
                self.failed_response.record(response_ns);
            }
            Outcome::CheckFailed(status) => self.unwanted(Kind::Check, status, response_ns),
            Outcome::ValueMissing(status) => self.unwanted(Kind::Extract, status, response_ns),
        }
    }

    /// A complete response that is not as the plan wants it.
    #[cold]
    fn unwanted(&mut self, kind: Kind, status: u16, response_ns: u64) {
        self.statuses.count(status);
        self.errors[kind as usize] += 1;
        self.failed_response.record(response_ns);
    }

    /// Records that a message of a response came, and how long it took where that is wanted. The first such time takes memory for all that
    /// follow.
    #[inline]
    pub fn message(&mut self, time: Option<MessageTime>) {
        self.messages += 1;
        if let Some(time) = time {
            self.message_times.get_or_insert_with(|| Box::new(MessageTimes::preallocated())).record(time);
        }
    }

    /// Records an attempt at a request, and how long it took from being sent, if it was. Where none was expected, the first one takes memory for
    /// all that follow.
    pub(super) fn attempted(&mut self, attempt: &EndedAttempt, outcome: Outcome, service_ns: Option<u64>) {
        let attempts = self.attempts.get_or_insert_with(|| Box::new(AttemptRecord::preallocated()));
        attempts.ended(attempt, outcome, service_ns);
    }

    /// Adds all of another series.
    pub fn merge(&mut self, other: &Series) {
        // Every field by its name, so that none can be forgotten: here, and when it is emptied.
        let Series {
            sent,
            ok,
            errors,
            statuses,
            messages,
            message_times,
            attempts,
            bytes_sent,
            bytes_received,
            last_sent_ns,
            response,
            service,
            slip,
            failed_response,
            lag,
        } = other;
        self.sent += sent;
        self.ok += ok;
        self.errors.iter_mut().zip(errors).for_each(|(mine, theirs)| *mine += theirs);
        self.statuses.merge(statuses);
        self.messages += messages;
        if let Some(times) = message_times {
            self.message_times.get_or_insert_default().merge(times);
        }
        if let Some(attempts) = attempts {
            self.attempts.get_or_insert_default().merge(attempts);
        }
        self.bytes_sent += bytes_sent;
        self.bytes_received += bytes_received;
        self.last_sent_ns = self.last_sent_ns.max(*last_sent_ns);
        self.response.merge(response);
        self.service.merge(service);
        self.slip.merge(slip);
        self.failed_response.merge(failed_response);
        self.lag.merge(lag);
    }

    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        let Series {
            sent,
            ok,
            errors,
            statuses,
            messages,
            message_times,
            attempts,
            bytes_sent,
            bytes_received,
            last_sent_ns,
            response,
            service,
            slip,
            failed_response,
            lag,
        } = self;
        [sent, ok, messages, bytes_sent, bytes_received, last_sent_ns]
            .into_iter()
            .for_each(|count| *count = 0);
        errors.fill(0);
        statuses.clear();
        if let Some(times) = message_times {
            times.clear();
        }
        if let Some(attempts) = attempts {
            attempts.clear();
        }
        [response, service, slip, failed_response, lag].into_iter().for_each(Distribution::clear);
    }

    /// Bytes of memory that it takes, or may come to take without being given more.
    pub fn bytes(&self) -> usize {
        let distributions =
            [&self.response, &self.service, &self.slip, &self.failed_response, &self.lag].into_iter();
        let statuses = self.statuses.bytes();
        let messages = self.message_times.as_ref().map_or(0, |times| times.bytes());
        let attempts = self.attempts.as_ref().map_or(0, |attempts| attempts.bytes());
        size_of::<Series>()
            + statuses
            + messages
            + attempts
            + distributions.map(Distribution::allocated_bytes).sum::<usize>()
    }

    /// Several as one.
    pub fn total<'a>(all: impl IntoIterator<Item = &'a Series>) -> Series {
        let mut total = Series::default();
        all.into_iter().for_each(|series| total.merge(series));
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instants(intended: u64, sent: u64, done: u64) -> Instants {
        Instants { intended, sent, done }
    }

    #[test]
    fn response_is_service_plus_slip() {
        let mut series = Series::default();
        series.done(Outcome::Ok(200), instants(10, 25, 125), 7);
        let (response, service, slip) =
            (series.response.max_ns(), series.service.max_ns(), series.slip.max_ns());
        assert_eq!((response, service, slip), (115, 100, 15));
        assert_eq!(response, service + slip);
    }

    #[test]
    fn times_of_messages_are_merged_and_forgotten_like_all_others() {
        let (mut one, mut other) = (Series::default(), Series::default());
        one.message(None);
        assert!(one.message_times.is_none(), "none was wanted");
        one.merge(&other);
        assert!(one.message_times.is_none());
        other.message(Some(MessageTime::First(900)));
        other.message(Some(MessageTime::Following(30)));
        other.message(Some(MessageTime::Following(70)));
        one.merge(&other);
        one.merge(&other);
        let times = one.message_times.as_ref().unwrap();
        assert_eq!((one.messages, times.first.count(), times.following.count()), (7, 2, 4));
        assert_eq!((times.first.min_ns(), times.following.min_ns(), times.following.max_ns()), (900, 30, 70));
        assert!(one.bytes() > Series::default().bytes());
        let read: Series = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
        assert_eq!(read.message_times.unwrap().following.count(), 4);
        one.clear();
        assert_eq!((one.messages, one.message_times.unwrap().first.count()), (0, 0));
    }

    #[test]
    fn failures_are_counted_by_kind_and_kept_apart() {
        let mut series = Series::default();
        series.done(Outcome::Failed(Kind::Timeout), instants(0, 0, 500), 0);
        series.done(Outcome::Refused(503), instants(0, 0, 5), 3);
        series.done(Outcome::Ok(999), instants(0, 0, 5), 3);
        assert_eq!((series.failed(), series.ok, series.response.count()), (2, 1, 1));
        assert_eq!(series.failed_response.count(), 2);
        series.done(Outcome::Refused(1011), instants(0, 0, 5), 3);
        assert_eq!(series.statuses.iter().collect::<Vec<_>>(), [(503, 1), (0, 1), (1011, 1)]);
    }
}
