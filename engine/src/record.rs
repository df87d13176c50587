//! What a shard writes down: counters and histograms of one interval, for every request, without allocating.

use crate::bucket::Tally;
use crate::distribution::Distribution;
use crate::outcome::{Fault, Kind, Outcome};
use crate::phase::{Phase, Phases, Windowed};
use crate::slowest::{Finished, Slowest};

/// Lowest status code with a counter of its own.
const STATUS_MIN: u16 = 100;
/// One past the highest.
const STATUS_END: u16 = 600;

/// How many answers came with each status.
#[derive(Clone, Debug)]
pub struct Statuses(Box<[u64]>);

impl Default for Statuses {
    fn default() -> Statuses {
        Statuses(vec![0; usize::from(STATUS_END - STATUS_MIN) + 1].into_boxed_slice())
    }
}

impl Statuses {
    #[inline]
    fn count(&mut self, status: u16) {
        // Codes outside the standard's range share the last counter.
        let index = usize::from(status.wrapping_sub(STATUS_MIN)).min(self.0.len() - 1);
        self.0[index] += 1;
    }

    /// Status and count, for every status seen; codes outside 100–599 are counted together as 0.
    pub fn iter(&self) -> impl Iterator<Item = (u16, u64)> {
        let named = |index: usize| if index + 1 == self.0.len() { 0 } else { STATUS_MIN + index as u16 };
        self.0
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(move |(index, count)| (named(index), *count))
    }

    fn merge(&mut self, other: &Statuses) {
        self.0.iter_mut().zip(&other.0).for_each(|(mine, theirs)| *mine += theirs);
    }
}

/// One stream of requests: a step of a scenario.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Requests put on the wire.
    pub sent: u64,
    /// Complete answers with a status below 400.
    pub ok: u64,
    /// Requests that ended any other way, by kind; index with `Kind as usize`.
    pub errors: [u64; Kind::COUNT],
    /// Answers by status.
    pub statuses: Statuses,
    /// Bytes of requests.
    pub bytes_sent: u64,
    /// Bytes of answers, heads and bodies, kept or thrown away.
    pub bytes_received: u64,
    /// Done − intended, of successes.
    pub response: Distribution,
    /// Done − sent, of successes.
    pub service: Distribution,
    /// Sent − intended, of successes.
    pub slip: Distribution,
    /// Done − intended, of failures.
    pub failed_response: Distribution,
}

/// The three instants of a request, in nanoseconds from the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instants {
    /// When it should have been sent. In a closed loop, which has no such moment: when it was.
    pub intended: u64,
    /// When it was handed to the kernel.
    pub sent: u64,
    /// When its answer was complete, or its failure known.
    pub done: u64,
}

impl Series {
    /// Requests that ended without success.
    pub fn failed(&self) -> u64 {
        self.errors.iter().sum()
    }

    /// Those of them that failed for want of something on this machine.
    pub fn failed_by_generator(&self) -> u64 {
        let own = Kind::ALL.into_iter().filter(|kind| kind.fault() == Fault::Generator);
        own.map(|kind| self.errors[kind as usize]).sum()
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
        }
    }

    /// Adds all of another series.
    pub fn merge(&mut self, other: &Series) {
        self.sent += other.sent;
        self.ok += other.ok;
        self.errors.iter_mut().zip(&other.errors).for_each(|(mine, theirs)| *mine += theirs);
        self.statuses.merge(&other.statuses);
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        self.response.merge(&other.response);
        self.service.merge(&other.service);
        self.slip.merge(&other.slip);
        self.failed_response.merge(&other.failed_response);
    }

    fn clear(&mut self) {
        self.sent = 0;
        self.ok = 0;
        self.errors = [0; Kind::COUNT];
        self.statuses.0.fill(0);
        self.bytes_sent = 0;
        self.bytes_received = 0;
        self.response.clear();
        self.service.clear();
        self.slip.clear();
        self.failed_response.clear();
    }
}

/// How a shard itself fared: what the verdict is made from.
#[derive(Clone, Copy, Debug, Default)]
pub struct ShardStats {
    /// Turns of the loop.
    pub turns: u64,
    /// Calls of io_uring_enter.
    pub enters: u64,
    /// Submissions to the ring.
    pub submissions: u64,
    /// Completions from the ring.
    pub completions: u64,
    /// Requests that ended, in any way and any phase.
    pub finished: u64,
    /// Time spent watching the clock with nothing to do: CPU time that carried no load. Never more than the CPU time.
    pub spun_ns: u64,
    /// Time in which the shard's thread could have run and did not, because something else had its core.
    pub run_delay_ns: u64,
    /// CPU time of the shard's thread in user space.
    pub cpu_user_ns: u64,
    /// CPU time of the shard's thread in the kernel.
    pub cpu_system_ns: u64,
    /// Times the loop lost control of its core for longer than a hiccup is long.
    pub hiccups: u64,
    /// Time lost in them.
    pub hiccup_ns: u64,
    /// The longest of them.
    pub hiccup_ns_max: u64,
    /// Receives that found no free buffer.
    pub starved: u64,
    /// Completions that the kernel had to keep aside.
    pub overflowed: u64,
    /// Connections found closed by the watchdog, whose end the kernel never announced.
    pub lost_ends: u64,
    /// Bytes that came on connections with nothing under way, which were closed for them.
    pub unasked_bytes: u64,
    /// Connections made again after having been open.
    pub reconnects: u64,
    /// Attempts to connect that failed.
    pub connect_failures: u64,
    /// Those of them that failed before the start, for want of something on this machine.
    pub connect_failures_own: u64,
    /// Connections open at the end of the interval.
    pub open: u64,
    /// Intervals handed over late because the lane to the collector was full.
    pub postponed: u64,
    /// Those of them that were to end with the warm-up or the window.
    pub postponed_at_bounds: u64,
    /// Steps of the clock that were too large to smooth.
    pub clock_steps: u64,
    /// How far the TSC ran from CLOCK_MONOTONIC, in parts per million.
    pub clock_ppm: f64,
}

impl ShardStats {
    /// Adds another interval of the same shard: sums, and the latest of what is a level.
    pub fn merge(&mut self, later: &ShardStats) {
        self.turns += later.turns;
        self.enters += later.enters;
        self.submissions += later.submissions;
        self.completions += later.completions;
        self.finished += later.finished;
        self.spun_ns += later.spun_ns;
        self.run_delay_ns += later.run_delay_ns;
        self.cpu_user_ns += later.cpu_user_ns;
        self.cpu_system_ns += later.cpu_system_ns;
        self.hiccups += later.hiccups;
        self.hiccup_ns += later.hiccup_ns;
        self.hiccup_ns_max = self.hiccup_ns_max.max(later.hiccup_ns_max);
        self.starved += later.starved;
        self.overflowed += later.overflowed;
        self.lost_ends += later.lost_ends;
        self.unasked_bytes += later.unasked_bytes;
        self.reconnects += later.reconnects;
        self.connect_failures += later.connect_failures;
        self.connect_failures_own += later.connect_failures_own;
        if later.turns > 0 {
            self.open = later.open;
        }
        self.postponed += later.postponed;
        self.postponed_at_bounds += later.postponed_at_bounds;
        self.clock_steps += later.clock_steps;
        if later.clock_ppm.abs() > self.clock_ppm.abs() {
            self.clock_ppm = later.clock_ppm;
        }
    }
}

/// How long the oldest arrival had waited that was due and not sent yet, at some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overdue {
    /// Since it was due.
    pub waited_ns: u64,
    /// How much of it by the generator's doing.
    pub own_ns: u64,
}

impl Overdue {
    /// Adds another shard's.
    pub fn add(&mut self, other: Overdue) {
        self.waited_ns += other.waited_ns;
        self.own_ns += other.own_ns;
    }

    /// The part that is the generator's doing.
    pub fn own_share(&self) -> f64 {
        self.own_ns as f64 / self.waited_ns.max(1) as f64
    }
}

/// What one shard wrote down in one interval.
#[derive(Clone, Debug)]
pub struct Recorder {
    /// Which shard.
    pub shard: usize,
    /// The interval's start, in nanoseconds from the start of the run.
    pub from_ns: u64,
    /// Its end.
    pub to_ns: u64,
    /// Requests intended in the measured window, by series.
    pub measured: Vec<Series>,
    /// Requests intended outside it, by series; empty when the run has no warm-up.
    pub outside: Vec<Series>,
    /// Arrivals dropped by the overload policy.
    pub dropped: Tally,
    /// Arrivals that were due and never sent, because the run ended first.
    pub unsent: Tally,
    /// How many of the window's dropped and unsent arrivals were not sent by the generator's doing.
    pub unreleased_own: u64,
    /// What was overdue when the measured window ended, if it was still sent.
    pub overdue: Overdue,
    /// The run was stopped while it still had something overdue to send.
    pub was_stopped: bool,
    /// When the last request of the measured window was sent; 0 when none was.
    pub last_sent_ns: u64,
    /// When the shard stopped scheduling, in its last recorder.
    pub ended_ns: Option<u64>,
    /// How the shard fares in the slice that is being written.
    pub stats: ShardStats,
    /// How it fared in slices that are over. A recorder that could not be handed over in time holds several, of more than one
    /// phase at times.
    pub settled: Windowed<ShardStats>,
    /// The part of the response time that is the generator's own, of every request of the measured window that was sent.
    pub lag: Distribution,
    /// The slowest requests of the measured window, in success or failure.
    pub slowest: Slowest,
    phases: Phases,
}

impl Recorder {
    /// An empty recorder; allocates all it will ever need.
    pub fn new(shard: usize, series: usize, phases: Phases) -> Recorder {
        let outside = if phases.measure_from_ns > 0 { series } else { 0 };
        Recorder {
            shard,
            from_ns: 0,
            to_ns: 0,
            measured: vec![Series::default(); series],
            outside: vec![Series::default(); outside],
            dropped: Tally::default(),
            unsent: Tally::default(),
            unreleased_own: 0,
            overdue: Overdue::default(),
            was_stopped: false,
            last_sent_ns: 0,
            ended_ns: None,
            stats: ShardStats::default(),
            settled: Windowed::default(),
            lag: Distribution::new(),
            slowest: Slowest::default(),
            phases,
        }
    }

    /// Records that a request went on the wire.
    #[inline]
    pub fn sent(&mut self, series: usize, intended_ns: u64, sent_ns: u64, bytes: u64) {
        let of_phase = if self.is_measured(intended_ns) {
            self.last_sent_ns = self.last_sent_ns.max(sent_ns);
            &mut self.measured
        } else {
            &mut self.outside
        };
        let series = &mut of_phase[series];
        series.sent += 1;
        series.bytes_sent += bytes;
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
        if is_measured {
            self.lag.record(lag_ns);
        }
        self.ended(series, outcome, instants, bytes_received, is_measured);
    }

    /// Records the failure of a request that could not be sent, because there was no connection.
    pub fn not_sent(&mut self, series: usize, outcome: Outcome, instants: Instants) {
        let is_measured = self.is_measured(instants.intended);
        self.ended(series, outcome, instants, 0, is_measured);
    }

    #[inline]
    fn ended(
        &mut self,
        series: usize,
        outcome: Outcome,
        instants: Instants,
        bytes_received: u64,
        is_measured: bool,
    ) {
        self.stats.finished += 1;
        let of_phase = if is_measured { &mut self.measured } else { &mut self.outside };
        of_phase[series].done(outcome, instants, bytes_received);
        let response_ns = instants.done.saturating_sub(instants.intended);
        if is_measured && self.slowest.wants(response_ns) {
            self.keep_slow(series, outcome, instants);
        }
    }

    #[cold]
    #[inline(never)]
    fn keep_slow(&mut self, series: usize, outcome: Outcome, instants: Instants) {
        let (shard, series) = (self.shard as u32, series as u32);
        self.slowest.offer(Finished { shard, series, outcome, instants });
    }

    /// Counts arrivals that were dropped, and arrivals that were due and will not be sent. `own_share` of them were not sent by
    /// the generator's doing, the rest because every connection was waiting for the target.
    pub fn count_unreleased(&mut self, dropped: Tally, unsent: Tally, own_share: f64) {
        self.dropped.add(dropped);
        self.unsent.add(unsent);
        self.unreleased_own += ((dropped.measured + unsent.measured) as f64 * own_share).round() as u64;
    }

    /// Moves the bounds of the phases. What was recorded stays where it is, so the bounds it lies at must not move.
    pub fn set_phases(&mut self, phases: Phases) {
        self.phases = phases;
    }

    /// Ends a slice, which lay inside the measured window or outside it.
    pub fn settle(&mut self, is_measured: bool) {
        let stats = std::mem::take(&mut self.stats);
        self.settled.part(is_measured).merge(&stats);
    }

    /// How the shard fared in all slices of this recorder.
    pub fn all_stats(&self) -> ShardStats {
        let mut all = self.settled.outside;
        // The window's after those before it: a level is that of the last slice.
        [&self.settled.measured, &self.stats].into_iter().for_each(|stats| all.merge(stats));
        all
    }

    /// Empties it for the next interval, keeping its memory.
    pub fn clear(&mut self, from_ns: u64) {
        (self.from_ns, self.to_ns, self.last_sent_ns) = (from_ns, from_ns, 0);
        self.measured.iter_mut().chain(&mut self.outside).for_each(Series::clear);
        (self.dropped, self.unsent, self.unreleased_own) = (Tally::default(), Tally::default(), 0);
        (self.overdue, self.was_stopped) = (Overdue::default(), false);
        self.ended_ns = None;
        self.stats = ShardStats::default();
        self.settled = Windowed::default();
        self.lag.clear();
        self.slowest.clear();
    }

    fn is_measured(&self, intended_ns: u64) -> bool {
        self.outside.is_empty() || self.phases.at(intended_ns) == Phase::Measure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHASES: Phases = Phases { measure_from_ns: 100, measure_to_ns: 1_000 };

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
    fn a_request_belongs_to_the_phase_of_its_intended_time() {
        let mut recorder = Recorder::new(0, 1, PHASES);
        recorder.sent(0, 99, 150, 1);
        recorder.done(0, Outcome::Ok(200), instants(99, 150, 200), 51, 1);
        recorder.sent(0, 100, 150, 1);
        assert_eq!((recorder.outside[0].ok, recorder.measured[0].ok), (1, 0));
        assert_eq!((recorder.outside[0].sent, recorder.measured[0].sent), (1, 1));
        assert_eq!(recorder.slowest.iter().count(), 0, "the slowest are of the measured window alone");
        assert_eq!(recorder.lag.count(), 0, "and so is the lag");
        recorder.done(0, Outcome::Failed(Kind::Timeout), instants(100, 150, 900), 10, 0);
        assert_eq!((recorder.lag.count(), recorder.lag.max_ns()), (1, 10), "failures have one too");
        recorder.not_sent(0, Outcome::Failed(Kind::Connect), instants(100, 150, 150));
        assert_eq!((recorder.lag.count(), recorder.measured[0].failed()), (1, 2));
    }

    #[test]
    fn failures_are_counted_by_kind_and_kept_apart() {
        let mut series = Series::default();
        series.done(Outcome::Failed(Kind::Timeout), instants(0, 0, 500), 0);
        series.done(Outcome::Refused(503), instants(0, 0, 5), 3);
        series.done(Outcome::Ok(999), instants(0, 0, 5), 3);
        assert_eq!((series.failed(), series.ok, series.response.count()), (2, 1, 1));
        assert_eq!(series.failed_response.count(), 2);
        assert_eq!(series.statuses.iter().collect::<Vec<_>>(), [(503, 1), (0, 1)]);
    }

    #[test]
    fn figures_stay_with_the_phase_of_their_slice_however_late_they_are_handed_over() {
        let mut recorder = Recorder::new(0, 1, PHASES);
        recorder.stats.turns = 3;
        recorder.settle(false);
        recorder.stats.turns = 5;
        recorder.settle(true);
        recorder.stats.turns = 7;
        recorder.settle(false);
        assert_eq!((recorder.settled.measured.turns, recorder.settled.outside.turns), (5, 10));
        assert_eq!(recorder.all_stats().turns, 15);
    }

    #[test]
    fn a_cleared_recorder_is_as_new() {
        let mut recorder = Recorder::new(0, 1, PHASES);
        recorder.sent(0, 500, 600, 9);
        recorder.done(0, Outcome::Ok(200), instants(500, 600, 700), 100, 9);
        recorder.settle(true);
        recorder.clear(1_000);
        assert_eq!((recorder.measured[0].sent, recorder.measured[0].response.count()), (0, 0));
        assert_eq!((recorder.lag.count(), recorder.all_stats().finished, recorder.from_ns), (0, 0, 1_000));
        assert_eq!(recorder.slowest.iter().count(), 0);
    }
}
