//! What one shard writes down from one hand-over to the next, for every request, without allocating.

use super::attempts::Attempts;
use super::flow_passes::FlowPass;
use super::iterations::Iteration;
use super::layout::Layout;
use super::looked::{LookRecord, LookedResponse};
use super::message_times::MessageTime;
use super::reasons::FailureReasons;
use super::request_attempts::EndedAttempt;
use super::requests::RequestRecord;
use super::series::Instants;
use super::slowest::Finished;
use super::stats::ShardStats;
use crate::outcome::{Kind, Outcome};
use crate::phase::{Phase, Phases, Windowed};

/// What one shard wrote down since its last hand-over: in a slice, or in several where it could not be handed over in time.
#[derive(Clone, Debug)]
pub struct Recorder {
    /// Which shard.
    pub shard: usize,
    /// Since when, in nanoseconds from the start of the run.
    pub from_ns: u64,
    /// Until when.
    pub to_ns: u64,
    /// When the shard stopped scheduling, in its last recorder.
    pub ended_ns: Option<u64>,
    /// Its requests.
    pub requests: RequestRecord,
    /// How the shard fares in the slice that is being written.
    pub stats: ShardStats,
    /// How it fared in slices that are over: those that lay inside the measured window, and the others. A recorder that could not
    /// be handed over in time holds several.
    pub settled: Windowed<ShardStats>,
    /// Its attempts to make connections.
    pub attempts: Attempts,
    /// Why requests of the measured window failed, where somebody said so.
    pub reasons: FailureReasons,
    /// What came of looking at responses to requests of the measured window.
    pub looks: LookRecord,
    phases: Phases,
}

impl Recorder {
    /// An empty recorder; allocates all it will ever need.
    pub fn new(shard: usize, layout: &Layout, phases: Phases) -> Recorder {
        Recorder::with(shard, RequestRecord::preallocated(layout, phases), phases)
    }

    /// An empty recorder that takes memory as it needs it: for times when it is better to allocate than to have none.
    pub fn growing(shard: usize, layout: &Layout, phases: Phases) -> Recorder {
        Recorder::with(shard, RequestRecord::new(layout, phases), phases)
    }

    fn with(shard: usize, requests: RequestRecord, phases: Phases) -> Recorder {
        Recorder {
            shard,
            from_ns: 0,
            to_ns: 0,
            ended_ns: None,
            stats: ShardStats::default(),
            settled: Windowed::default(),
            attempts: Attempts::default(),
            reasons: FailureReasons::default(),
            looks: LookRecord::default(),
            requests,
            phases,
        }
    }

    /// Records that a request went on the wire.
    #[inline]
    pub fn sent(&mut self, series: usize, intended_ns: u64, sent_ns: u64, bytes: u64) {
        let is_measured = self.is_measured(intended_ns);
        self.requests.series.part(is_measured)[series].sent(sent_ns, bytes);
    }

    /// Records how a request that was sent has ended. `lag_ns` is the part of its response time that is the generator's own.
    #[inline]
    pub fn done(
        &mut self,
        series: usize,
        outcome: Outcome,
        instants: Instants,
        lag_ns: u64,
        bytes_received: u64,
    ) {
        let is_measured = self.is_measured(instants.intended);
        let recorded = &mut self.requests.series.part(is_measured)[series];
        recorded.lag.record(lag_ns);
        recorded.done(outcome, instants, bytes_received);
        self.ended(series, outcome, instants, is_measured);
    }

    /// Keeps why a request has failed, beside how it ended, where that says more than its kind.
    #[cold]
    pub fn failed_because(&mut self, intended_ns: u64, kind: Kind, why: &'static str) {
        let says_more = !why.is_empty() && why != kind.meaning();
        if says_more && self.is_measured(intended_ns) {
            self.reasons.note(kind, why);
        }
    }

    /// Records what was looked at of a response, with which its request has ended or not.
    #[inline(never)]
    pub fn looked(
        &mut self,
        series: usize,
        instants: Instants,
        looked: &LookedResponse<'_>,
        has_ended: bool,
    ) {
        if self.is_measured(instants.intended) {
            self.looks.note(series, instants.done, looked, has_ended);
        }
    }

    /// Records the failure of a request that could not be sent, because there was no connection.
    pub fn not_sent(&mut self, series: usize, outcome: Outcome, instants: Instants) {
        let is_measured = self.is_measured(instants.intended);
        self.requests.series.part(is_measured)[series].failed_unsent(outcome, instants);
        self.ended(series, outcome, instants, is_measured);
    }

    /// Records how an attempt at a request has ended, where requests may be tried again: how much of its time was the generator's, and the
    /// bytes that came, if it was sent. The request ends with it if no other one follows: its times are from the first attempt on.
    pub fn attempted(
        &mut self,
        series: usize,
        outcome: Outcome,
        instants: Instants,
        sent: Option<(u64, u64)>,
        attempt: &EndedAttempt,
    ) {
        let is_measured = self.is_measured(attempt.first_intended_ns);
        let recorded = &mut self.requests.series.part(is_measured)[series];
        if !attempt.is_uncounted {
            let sent_ns = attempt.sent_ns.unwrap_or(instants.sent);
            let service_ns = sent.map(|_| instants.done.saturating_sub(sent_ns));
            recorded.attempted(attempt, outcome, service_ns);
        }
        let (lag_ns, bytes_received) = sent.unwrap_or_default();
        if sent.is_some() {
            recorded.lag.record(lag_ns);
        }
        if attempt.is_tried_again {
            recorded.bytes_received += bytes_received;
            return;
        }
        let instants = Instants {
            intended: attempt.first_intended_ns,
            sent: attempt.first_sent_ns,
            done: instants.done,
        };
        match (sent, outcome) {
            // Nothing of it was on the wire in the end: it has no service time.
            (None, Outcome::Failed(_)) => recorded.failed_unsent(outcome, instants),
            _ => recorded.done(outcome, instants, bytes_received),
        }
        self.ended(series, outcome, instants, is_measured);
    }

    /// Records a message of a response, to a request that was intended at this moment, and how long it took where that is wanted.
    #[inline]
    pub fn message(&mut self, series: usize, intended_ns: u64, time: Option<MessageTime>) {
        let is_measured = self.is_measured(intended_ns);
        self.requests.series.part(is_measured)[series].message(time);
    }

    /// Records that an arrival of a scenario has begun which leads to several requests.
    pub fn iteration_began(&mut self, scenario: usize, intended_ns: u64, now_ns: u64) {
        let is_measured = self.is_measured(intended_ns);
        if let Some(record) = &mut self.requests.iterations[scenario] {
            record.began(is_measured, now_ns);
        }
    }

    /// Records that such an arrival has waited for a session, all of which were taken.
    pub fn iteration_waited(&mut self, scenario: usize, intended_ns: u64) {
        let is_measured = self.is_measured(intended_ns);
        *self.requests.scenarios[scenario].session_waits.part(is_measured) += 1;
    }

    /// Records how such an arrival has ended.
    pub fn iteration_ended(&mut self, scenario: usize, iteration: &Iteration) {
        let is_measured = self.is_measured(iteration.intended_ns);
        if let Some(record) = &mut self.requests.iterations[scenario] {
            record.ended(is_measured, iteration);
        }
    }

    /// Records that an iteration has entered a named flow of its scenario, or left it.
    pub fn flow_passed(&mut self, scenario: usize, pass: &FlowPass) {
        let is_measured = self.is_measured(pass.intended_ns);
        if let Some(record) = self.requests.flow_at(scenario, pass.flow) {
            match pass.left {
                None => record.began(is_measured, pass.intended_ns),
                Some(left) => record.left(is_measured, left),
            }
        }
    }

    #[inline]
    fn ended(&mut self, series: usize, outcome: Outcome, instants: Instants, is_measured: bool) {
        self.stats.finished += 1;
        let response_ns = instants.done.saturating_sub(instants.intended);
        if is_measured && self.requests.slowest.wants(response_ns) {
            self.keep_slow(series, outcome, instants);
        }
    }

    #[cold]
    #[inline(never)]
    fn keep_slow(&mut self, series: usize, outcome: Outcome, instants: Instants) {
        let (shard, series) = (self.shard as u32, series as u32);
        self.requests.slowest.offer(Finished { shard, series, outcome, instants });
    }

    /// The bounds of the phases.
    pub fn phases(&self) -> Phases {
        self.phases
    }

    /// Moves the bounds of the phases. What was recorded stays where it is, so the bounds it lies at must not move.
    pub fn set_phases(&mut self, phases: Phases) {
        self.phases = phases;
    }

    /// Ends a slice, which lay inside the measured window or outside it.
    pub fn settle(&mut self, is_measured: bool) {
        let stats = std::mem::take(&mut self.stats);
        self.settled.add_slice(&stats, is_measured);
        (0..self.requests.scenarios.len()).for_each(|scenario| self.settle_scenario(scenario, is_measured));
    }

    /// Counts what ended of a scenario since the last time as of the measured window or not. One that ends before the run is counted
    /// then, and what ends of it afterwards is not of its window.
    pub fn settle_scenario(&mut self, scenario: usize, is_measured: bool) {
        let ended = self.requests.finished_of(scenario);
        let finished = &mut self.requests.scenarios[scenario].finished;
        *finished.part(is_measured) += ended - (finished.measured + finished.outside);
    }

    /// Empties it for the next hand-over, keeping its memory.
    pub fn clear(&mut self, from_ns: u64) {
        (self.from_ns, self.to_ns, self.ended_ns) = (from_ns, from_ns, None);
        self.requests.clear();
        self.stats = ShardStats::default();
        self.settled = Windowed::default();
        self.attempts.clear();
        self.reasons.clear();
        self.looks.clear();
    }

    fn is_measured(&self, intended_ns: u64) -> bool {
        self.requests.series.outside.is_empty() || self.phases.at(intended_ns) == Phase::Measure
    }
}

#[cfg(test)]
mod tests {
    use super::super::scenario::ScenarioRecord;
    use super::*;

    const PHASES: Phases = Phases { measure_from_ns: 100, measure_to_ns: 1_000 };

    fn recorder() -> Recorder {
        Recorder::new(0, &Layout::new([1]), PHASES)
    }

    fn instants(intended: u64, sent: u64, done: u64) -> Instants {
        Instants { intended, sent, done }
    }

    #[test]
    fn a_request_belongs_to_the_phase_of_its_intended_time() {
        let mut recorder = recorder();
        recorder.sent(0, 99, 150, 1);
        recorder.done(0, Outcome::Ok(200), instants(99, 150, 200), 51, 1);
        assert_eq!(recorder.requests.slowest.iter().count(), 0, "the slowest are of the window alone");
        recorder.sent(0, 100, 160, 1);
        recorder.done(0, Outcome::Failed(Kind::Timeout), instants(100, 160, 900), 10, 0);
        let Windowed { measured, outside } = &recorder.requests.series;
        assert_eq!((outside[0].sent, outside[0].ok, outside[0].failed()), (1, 1, 0));
        assert_eq!((measured[0].sent, measured[0].ok, measured[0].failed()), (1, 0, 1));
        assert_eq!((outside[0].last_sent_ns, measured[0].last_sent_ns), (150, 160));
        assert_eq!((outside[0].lag.max_ns(), measured[0].lag.max_ns()), (51, 10), "failures have one too");
        recorder.not_sent(0, Outcome::Failed(Kind::Connect), instants(100, 150, 150));
        let measured = &recorder.requests.series.measured[0];
        assert_eq!((measured.lag.count(), measured.failed()), (1, 2));
    }

    #[test]
    fn a_request_whose_last_attempt_was_not_sent_has_failed_without_a_service_time() {
        let mut recorder = recorder();
        let first = EndedAttempt {
            first_intended_ns: 100,
            first_sent_ns: 110,
            was_made: true,
            made: 1,
            is_tried_again: true,
            ..EndedAttempt::default()
        };
        recorder.sent(0, 100, 110, 1);
        let reset = Outcome::Failed(Kind::Eof);
        recorder.attempted(0, reset, instants(100, 110, 150), Some((0, 0)), &first);
        let second = EndedAttempt { made: 2, is_further: true, is_tried_again: false, ..first };
        recorder.attempted(0, Outcome::Failed(Kind::Connect), instants(160, 160, 170), None, &second);
        let series = &recorder.requests.series.measured[0];
        assert_eq!((series.sent, series.failed(), series.failed_response.max_ns()), (1, 1, 70));
        assert!(series.service_by_outcome().is_empty());
        // A response without success is one, whoever sent what led to it.
        recorder.attempted(0, Outcome::Refused(503), instants(160, 160, 170), None, &second);
        let series = &recorder.requests.series.measured[0];
        assert_eq!((series.failed(), series.service_by_outcome().len()), (2, 1));
    }

    #[test]
    fn without_a_warm_up_all_is_measured() {
        let phases = Phases { measure_from_ns: 0, ..PHASES };
        let mut recorder = Recorder::new(0, &Layout::new([1]), phases);
        recorder.sent(0, 2_000, 2_001, 1);
        assert!(recorder.requests.series.outside.is_empty());
        assert_eq!(recorder.requests.series.measured[0].sent, 1);
    }

    #[test]
    fn figures_stay_with_the_phase_of_their_slice_however_late_they_are_handed_over() {
        let mut recorder = recorder();
        for (turns, is_measured) in [(3, false), (5, true), (7, false)] {
            recorder.stats.turns = turns;
            recorder.settle(is_measured);
        }
        assert_eq!((recorder.settled.measured.turns, recorder.settled.outside.turns), (5, 10));
        assert_eq!(recorder.settled.total().turns, 15);
    }

    #[test]
    fn a_cleared_recorder_is_as_new() {
        let mut recorder = recorder();
        recorder.sent(0, 500, 600, 9);
        recorder.done(0, Outcome::Ok(200), instants(500, 600, 700), 100, 9);
        recorder.requests.scenarios[0].was_stopped = true;
        recorder.settle(true);
        recorder.clear(1_000);
        let series = &recorder.requests.series.measured[0];
        assert_eq!((series.sent, series.ok, series.statuses.iter().count()), (0, 0, 0));
        assert_eq!((series.response.count(), series.lag.count(), series.last_sent_ns), (0, 0, 0));
        assert_eq!((recorder.settled.total().finished, recorder.from_ns), (0, 1_000));
        assert_eq!(recorder.requests.slowest.iter().count(), 0);
        assert_eq!(recorder.requests.scenarios[0], ScenarioRecord::default());
    }

    #[test]
    fn what_ended_of_a_scenario_is_counted_once_in_the_slice_it_ended_in() {
        let mut recorder = recorder();
        let end = |recorder: &mut Recorder, count: u64| {
            (0..count).for_each(|_| recorder.done(0, Outcome::Ok(200), instants(500, 600, 700), 0, 1));
        };
        end(&mut recorder, 3);
        recorder.settle(false);
        end(&mut recorder, 4);
        recorder.settle_scenario(0, true);
        end(&mut recorder, 5);
        recorder.settle_scenario(0, false);
        recorder.settle(true);
        let finished = recorder.requests.scenarios[0].finished;
        assert_eq!(
            (finished.measured, finished.outside),
            (4, 8),
            "its part of the slice was over before the slice"
        );
        assert_eq!(recorder.settled.measured.finished, 9);
    }
}
