//! What is known of one kind of request: counts and histograms.

use super::message_times::{MessageTime, MessageTimes};
use super::outcome_times::{OutcomeDistribution, OutcomeTimes, TimedOutcome};
use super::request_attempts::{AttemptRecord, EndedAttempt};
use super::statuses::{Statuses, counted_as};
use crate::distribution::{CoarseTimes, Distribution};
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
    /// Done − sent, of requests that were sent and ended otherwise than with success and the expected status; nothing as long as there was
    /// none. It is for who hears snapshots while a run goes on, and is not written down with them.
    #[serde(skip)]
    pub other_outcomes: Option<Box<OutcomeTimes>>,
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
            other_outcomes: Some(Box::new(OutcomeTimes::preallocated())),
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
        let service_ns = instants.done.saturating_sub(instants.sent);
        match outcome {
            Outcome::Ok(status) => {
                self.ok += 1;
                if !self.statuses.count_expected(status) {
                    self.ok_with_another(status, service_ns);
                }
                self.response.record(response_ns);
                self.service.record(service_ns);
                self.slip.record(instants.sent.saturating_sub(instants.intended));
            }
            failure => self.failed_after(failure, response_ns, Some(service_ns)),
        }
    }

    /// Records the failure of a request that was not sent.
    pub fn failed_unsent(&mut self, failure: Outcome, instants: Instants) {
        self.failed_after(failure, instants.done.saturating_sub(instants.intended), None);
    }

    /// A success whose status is not the expected one, unless none is yet.
    #[cold]
    #[inline(never)]
    fn ok_with_another(&mut self, status: u16, service_ns: u64) {
        let status = counted_as(status);
        if self.statuses.expected().is_none() {
            self.statuses.expect(status);
        }
        self.statuses.add(status, 1);
        if self.statuses.expected() != Some(status) {
            self.others().record(Outcome::Ok(status), service_ns);
        }
    }

    /// A failure, so long after it was intended, and after it was sent, if it was.
    #[inline(never)]
    fn failed_after(&mut self, failure: Outcome, response_ns: u64, service_ns: Option<u64>) {
        let failure = match failure {
            Outcome::Ok(status) => Outcome::Ok(counted_as(status)),
            Outcome::Refused(status) => Outcome::Refused(counted_as(status)),
            Outcome::CheckFailed(status) => Outcome::CheckFailed(counted_as(status)),
            Outcome::ValueMissing(status) => Outcome::ValueMissing(counted_as(status)),
            Outcome::Failed(kind) => Outcome::Failed(kind),
        };
        failure.status().into_iter().for_each(|status| self.statuses.add(status, 1));
        let kind = failure.kind().unwrap_or(Kind::Status);
        self.errors[kind as usize] += 1;
        self.failed_response.record(response_ns);
        service_ns.into_iter().for_each(|service_ns| self.others().record(failure, service_ns));
    }

    /// The times of outcomes other than the expected one. The first of these takes the memory for all that follow.
    fn others(&mut self) -> &mut OutcomeTimes {
        self.other_outcomes.get_or_insert_with(|| Box::new(OutcomeTimes::preallocated()))
    }

    /// How long requests took that were sent, from then on, by how they ended. Together they are all that have
    /// ended and whose last attempt was sent.
    pub fn service_by_outcome(&self) -> Vec<(TimedOutcome, OutcomeDistribution<'_>)> {
        let others = self.other_outcomes.as_deref().filter(|others| !others.is_empty());
        let others_ok = others.map_or(0, OutcomeTimes::ok_count);
        let expected = self.statuses.expected().filter(|_| self.ok > others_ok);
        let expected = expected.map(|status| {
            let times = match others.filter(|_| others_ok > 0) {
                None => OutcomeDistribution::Fine(&self.service),
                Some(others) => OutcomeDistribution::Coarse(Box::new(others.rest_of(&self.service))),
            };
            (TimedOutcome::One(Outcome::Ok(status)), times)
        });
        let others = others.into_iter().flat_map(OutcomeTimes::iter);
        let others =
            others.map(|(outcome, times)| (outcome, OutcomeDistribution::Coarse(Box::new(times.clone()))));
        expected.into_iter().chain(others).collect()
    }

    /// Adds the times by outcome of another series, in which another status may be expected. Before anything else is added.
    fn merge_outcomes(&mut self, other: &Series) {
        let theirs = other.statuses.expected();
        if let (None, Some(status)) = (self.statuses.expected(), theirs) {
            self.statuses.expect(status);
        }
        let (mine, others) = (self.statuses.expected(), other.other_outcomes.as_deref());
        let others = others.filter(|others| !others.is_empty());
        if let Some(others) = others {
            self.other_outcomes.get_or_insert_default().merge(mine, others);
        }
        if let Some(status) = theirs.filter(|_| theirs != mine && other.ok > 0) {
            let times = others
                .map_or_else(|| CoarseTimes::of(&other.service), |others| others.rest_of(&other.service));
            let outcome = TimedOutcome::One(Outcome::Ok(status));
            self.other_outcomes.get_or_insert_default().add(outcome, &times);
        }
    }

    /// The status to be expected of what follows: of those that are not half as frequent as another among successes the lowest, so that all shards expect
    /// the same; without any success the one that was expected before.
    fn to_be_expected(&self) -> Option<u16> {
        let before = self.statuses.expected();
        let Some(others) = self.other_outcomes.as_deref().filter(|others| !others.is_empty()) else {
            return before;
        };
        let counts = || {
            before.map(|status| (status, self.ok - others.ok_count())).into_iter().chain(others.ok_statuses())
        };
        let most = counts().map(|(_, count)| count).max().unwrap_or(0);
        let frequent = counts().filter(|(_, count)| *count > 0 && *count >= most / 2);
        frequent.map(|(status, _)| status).min().or(before)
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
            other_outcomes: _,
        } = other;
        self.merge_outcomes(other);
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
        let expected = self.to_be_expected();
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
            other_outcomes,
        } = self;
        [sent, ok, messages, bytes_sent, bytes_received, last_sent_ns]
            .into_iter()
            .for_each(|count| *count = 0);
        errors.fill(0);
        statuses.clear(expected);
        if let Some(others) = other_outcomes {
            others.clear();
        }
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
        let outcomes = self.other_outcomes.as_ref().map_or(0, |others| others.bytes());
        size_of::<Series>()
            + statuses
            + messages
            + attempts
            + outcomes
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
    use proptest::prelude::*;

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
        assert_eq!(series.statuses.iter().collect::<Vec<_>>(), [(0, 1), (503, 1), (1011, 1)]);
    }

    /// What is told of a series by outcome, fine or coarse.
    fn told(series: &Series) -> Vec<(TimedOutcome, CoarseTimes)> {
        let coarse = |times| match times {
            OutcomeDistribution::Fine(times) => CoarseTimes::of(times),
            OutcomeDistribution::Coarse(times) => *times,
        };
        let each = series.service_by_outcome().into_iter();
        each.map(|(outcome, times)| (outcome, coarse(times))).collect()
    }

    #[test]
    fn where_all_succeed_alike_their_times_are_as_fine_as_ever_and_nothing_else_is_kept() {
        let mut series = Series::preallocated();
        let bytes = series.bytes();
        (1..=9).for_each(|ns| series.done(Outcome::Ok(204), instants(0, 0, ns), 0));
        let by_outcome = series.service_by_outcome();
        let [(TimedOutcome::One(Outcome::Ok(204)), OutcomeDistribution::Fine(times))] = by_outcome.as_slice()
        else {
            panic!("{by_outcome:?}");
        };
        assert_eq!((times.count(), series.bytes()), (9, bytes));
        series.clear();
        assert!(series.service_by_outcome().is_empty());
    }

    #[test]
    fn a_request_that_was_not_sent_has_no_service_time() {
        let mut series = Series::default();
        series.failed_unsent(Outcome::Failed(Kind::Connect), instants(0, 7, 7));
        series.done(Outcome::Failed(Kind::Timeout), instants(0, 2, 7), 0);
        let told = told(&series);
        assert_eq!((series.failed(), series.failed_response.count(), told.len()), (2, 2, 1));
        assert_eq!((told[0].0, told[0].1.sum_ns()), (TimedOutcome::One(Outcome::Failed(Kind::Timeout)), 5));
    }

    #[test]
    fn shards_that_saw_different_statuses_first_come_to_expect_the_same() {
        let mut series = [Series::preallocated(), Series::preallocated()];
        for (series, first) in series.iter_mut().zip([302, 200]) {
            series.done(Outcome::Ok(first), instants(0, 0, 1), 0);
            (0..10).for_each(|_| series.done(Outcome::Ok(302), instants(0, 0, 1), 0));
            (0..9).for_each(|_| series.done(Outcome::Ok(200), instants(0, 0, 1), 0));
            series.clear();
            series.done(Outcome::Ok(200), instants(0, 0, 1), 0);
            assert!(matches!(series.service_by_outcome().as_slice(), [(_, OutcomeDistribution::Fine(_))]));
        }
    }

    const OUTCOMES: [Outcome; 8] = [
        Outcome::Ok(200),
        Outcome::Ok(302),
        Outcome::Ok(204),
        Outcome::Refused(404),
        Outcome::Refused(500),
        Outcome::CheckFailed(200),
        Outcome::Failed(Kind::Timeout),
        Outcome::ValueMissing(302),
    ];

    /// More than there is room for, five of which are successes.
    const MANY_OUTCOMES: [Outcome; 12] = [
        Outcome::Ok(200),
        Outcome::Ok(201),
        Outcome::Ok(202),
        Outcome::Ok(204),
        Outcome::Ok(302),
        Outcome::Refused(400),
        Outcome::Refused(404),
        Outcome::Refused(429),
        Outcome::Refused(500),
        Outcome::CheckFailed(200),
        Outcome::Failed(Kind::Timeout),
        Outcome::Failed(Kind::Eof),
    ];

    proptest! {
        /// Whichever of them have times of their own: none is lost, and none is counted twice.
        #[test]
        fn of_more_outcomes_than_there_is_room_for_all_times_together_are_those_of_all_requests(
            requests in proptest::collection::vec((0..MANY_OUTCOMES.len(), 0_usize..3, 0_u64..1 << 40, 0_u8..10), 1..200),
        ) {
            let mut shards = [Series::preallocated(), Series::preallocated(), Series::preallocated()];
            let (mut whole, mut all, mut ok) = (Series::default(), (0_u64, 0_u128), (0_u64, 0_u128));
            for (outcome, shard, service_ns, event) in requests {
                let outcome = MANY_OUTCOMES[outcome];
                shards[shard].done(outcome, instants(0, 1_000, 1_000 + service_ns), 0);
                let add = |sum: (u64, u128)| (sum.0 + 1, sum.1 + u128::from(service_ns));
                all = add(all);
                ok = if outcome.kind().is_none() { add(ok) } else { ok };
                if event < 3 {
                    whole.merge(&shards[shard]);
                    shards[shard].clear();
                }
            }
            shards.iter().for_each(|shard| whole.merge(shard));
            let sum = |is_of: fn(TimedOutcome) -> bool| {
                let told = told(&whole).into_iter().filter(|(outcome, _)| is_of(*outcome));
                told.fold((0, 0), |sum: (u64, u128), (_, times)| {
                    (sum.0 + times.count(), sum.1 + times.sum_ns())
                })
            };
            prop_assert_eq!((sum(|_| true), sum(TimedOutcome::is_ok)), (all, ok));
        }

        /// However requests are spread over shards and slices, whatever was seen first in each.
        #[test]
        fn times_by_outcome_are_those_of_the_requests_that_ended_so(
            requests in proptest::collection::vec((0..OUTCOMES.len(), 0_usize..3, 0_u64..1 << 40, 0_u8..10), 1..200),
        ) {
            let mut shards = [Series::preallocated(), Series::preallocated(), Series::preallocated()];
            let (mut interval, mut whole) = (Series::default(), Series::default());
            let mut expected = [const { Vec::new() }; OUTCOMES.len()];
            let mut before = Vec::new();
            for (outcome, shard, service_ns, event) in requests {
                shards[shard].done(OUTCOMES[outcome], instants(0, 1_000, 1_000 + service_ns), 0);
                expected[outcome].push(service_ns);
                if event < 3 {
                    interval.merge(&shards[shard]);
                    shards[shard].clear();
                }
                if event == 0 {
                    whole.merge(&interval);
                    interval = Series::default();
                    // What is told so far never becomes less.
                    let now = told(&whole);
                    for (outcome, times) in &before {
                        let same: &CoarseTimes = &now.iter().find(|(of, _)| of == outcome).unwrap().1;
                        prop_assert!(same.count() >= CoarseTimes::count(times) && same.sum_ns() >= times.sum_ns());
                    }
                    before = now;
                }
            }
            shards.iter().for_each(|shard| interval.merge(shard));
            whole.merge(&interval);
            let told = told(&whole);
            prop_assert_eq!(told.len(), expected.iter().filter(|times| !times.is_empty()).count());
            for (outcome, times) in told {
                let TimedOutcome::One(outcome) = outcome else { panic!("there is room for all") };
                let mut same = CoarseTimes::default();
                let index = OUTCOMES.iter().position(|one| *one == outcome).unwrap();
                expected[index].iter().for_each(|ns| same.record(*ns));
                prop_assert_eq!(times, same, "{:?}", outcome);
            }
        }
    }
}
