//! What one shard writes down in one interval, for every request, without allocating.

use super::series::{Instants, Series};
use super::slowest::{Finished, Slowest};
use super::stats::ShardStats;
use crate::bucket::Tally;
use crate::distribution::Distribution;
use crate::outcome::{Kind, Outcome};
use crate::phase::{Phase, Phases, Windowed};

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
    pub fn not_sent(&mut self, series: usize, kind: Kind, instants: Instants) {
        let is_measured = self.is_measured(instants.intended);
        self.ended(series, Outcome::Failed(kind), instants, 0, is_measured);
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
        recorder.not_sent(0, Kind::Connect, instants(100, 150, 150));
        assert_eq!((recorder.lag.count(), recorder.measured[0].failed()), (1, 2));
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
