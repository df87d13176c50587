//! Conditions that are judged while a run goes on: in every full window of it, or as long as nothing has broken them. Slices come in, and
//! what breaks a condition comes out. No clock is read: where a slice lies is said in it.
//!
//! A request is in the slice in which it *ended*. Windows begin with the measured window and slide by the plan's interval; what is left
//! behind the last full one, requests among it that ended after the measured window, is judged together with that one, so that nothing
//! of the window is in none. Of several slices that were put together, all is counted at their end.

use crate::phase::Phases;
use crate::plan::Plan;
use crate::quantity::SECOND_NS;
use crate::record::{CheckCounts, IterationRecord, Series, Snapshot};
use crate::threshold::{Aggregation, AskedCounts, Facts, IterationTimes, Metric, Relation, Threshold};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How often it is judged whether a run is to be ended, where windows do not say.
const ABORT_EVERY_NS: u64 = SECOND_NS;

/// The watch over the conditions of one run.
#[derive(Debug)]
pub struct ThresholdWatch {
    plan: Plan,
    interval_ns: u64,
    watched: Vec<WatchedThreshold>,
    abort: Option<Abort>,
    /// The conditions as they are, once they have changed.
    revised: Option<Vec<Threshold>>,
    /// What became of the windows of those that hold no more.
    replaced: Vec<ReplacedCondition>,
    /// Nothing new is sent any more.
    is_over: bool,
}

/// What became of the windows of a condition until another came in its place while the run went on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplacedCondition {
    /// The condition.
    pub threshold: Threshold,
    /// Until when it held, nanoseconds from the start of sending.
    pub until_ns: u64,
    /// Its windows until then.
    pub windows: JudgedWindows,
}

/// A condition that ended the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Abort {
    /// Which of the plan's conditions, from 0.
    pub threshold: usize,
    /// Up to which moment it was judged, nanoseconds from the start of sending.
    pub at_ns: u64,
    /// The figure that broke it, in the unit of its limit; nothing where no request succeeded.
    pub measured: Option<f64>,
}

/// What became of the windows of one condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgedWindows {
    /// Which of the plan's conditions, from 0.
    pub threshold: usize,
    /// How many windows were judged. One in which nothing ended is not, unless the condition is on the rate.
    pub judged: u64,
    /// In how many of them it did not hold.
    pub broken: u64,
    /// The worst one: the first of those that are furthest on the wrong side, or nearest to it.
    pub worst: Option<WorstWindow>,
}

/// One window of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorstWindow {
    /// Start, in nanoseconds from the start of sending.
    pub from_ns: u64,
    /// End.
    pub to_ns: u64,
    /// Its figure, in the unit of the limit; `null` where no request succeeded.
    pub measured: Option<f64>,
}

/// What came out of watching a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WatchedRun {
    /// Of each condition on windows, what became of them.
    pub windows: Vec<JudgedWindows>,
    /// What ended the run, if a condition did.
    pub abort: Option<Abort>,
    /// The conditions that the run is judged by, where they are not the plan's any more: what has a number here is one of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revised: Option<Vec<Threshold>>,
    /// Those that were judged on windows and hold no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<ReplacedCondition>,
}

/// One condition under watch.
#[derive(Clone, Debug)]
struct WatchedThreshold {
    index: usize,
    threshold: Threshold,
    /// The series it is about.
    series: Vec<usize>,
    /// The scenarios whose dropped and unsent arrivals count as requests that have failed: those whose arrivals are one request each.
    scenarios: Vec<usize>,
    /// The others. Of these it is known alone that arrivals became nothing.
    several: Vec<usize>,
    /// The scenarios whose iterations are counted, and whose series are not of what the rate is of.
    flows: Vec<usize>,
    /// The records of the named flow whose times it is about, where it is about one.
    passes: Vec<usize>,
    /// All of the measured window so far; of a condition on windows, what no full interval has yet.
    open: Stretch,
    /// The intervals of the window that ends next, oldest first; empty where there are no windows.
    intervals: VecDeque<Stretch>,
    /// How many intervals a window has; 0 where there are none.
    size: usize,
    /// When it is judged next, nanoseconds from the start of sending.
    next_ns: Option<u64>,
    /// What ended before this is not of it: it was asked for while the run went on.
    begins_ns: u64,
    judged: JudgedWindows,
}

/// What ended in some time.
#[derive(Clone, Debug, Default)]
struct Stretch {
    from_ns: u64,
    to_ns: u64,
    series: Series,
    /// Of them, requests of flows: the rate of those is of iterations.
    following: u64,
    iterations: IterationRecord,
    /// Arrivals that would have been one request each.
    dropped: u64,
    unsent: u64,
    /// Those that would have been several.
    several_dropped: u64,
    several_unsent: u64,
    checks: CheckCounts,
}

/// How a condition stands in a stretch.
struct ConditionStanding {
    measured: Option<f64>,
    is_met: bool,
}

impl ThresholdWatch {
    /// Over the plan's conditions that have something to watch.
    pub fn new(plan: &Plan) -> ThresholdWatch {
        let watched =
            plan.thresholds.iter().enumerate().filter(|(_, threshold)| threshold.terms.are_watched());
        let watched = watched.map(|(index, threshold)| WatchedThreshold::new(plan, index, threshold));
        ThresholdWatch {
            plan: plan.clone(),
            interval_ns: plan.interval_ns,
            watched: watched.collect(),
            abort: None,
            revised: None,
            replaced: Vec::new(),
            is_over: false,
        }
    }

    /// Nothing new is sent from here on: what still ends makes no windows of its own, and ends no run.
    pub fn close(&mut self) {
        self.is_over = true;
    }

    /// The conditions are these from a cut on, which lies before the end of the next slice. What is watched as before goes on; of what only
    /// its limit has changed, all is kept that has ended so far; what is new is watched from the cut on, and in whole intervals where it has
    /// windows. After one has ended the run, nothing changes any more.
    pub fn revise(&mut self, thresholds: &[Threshold], cut_ns: u64, phases: Phases) {
        if self.abort.is_some() {
            return;
        }
        let before = std::mem::take(&mut self.watched);
        for (index, threshold) in thresholds.iter().enumerate().filter(|(_, one)| one.terms.are_watched()) {
            let of_same = before.iter().find(|watched| watched.threshold == *threshold);
            // One that stays has not become another.
            let is_gone = |watched: &&WatchedThreshold| !thresholds.contains(&watched.threshold);
            let of_other = || before.iter().filter(is_gone).find(|watched| watched.watches_for(threshold));
            self.watched.push(match (of_same, of_same.is_none().then(of_other).flatten()) {
                (Some(same), _) => same.numbered(index),
                (None, Some(other)) => other.followed_by(index, threshold),
                (None, None) => {
                    let begins_ns = self.begins_ns(threshold, cut_ns, phases);
                    WatchedThreshold { begins_ns, ..WatchedThreshold::new(&self.plan, index, threshold) }
                }
            });
        }
        let is_replaced = |watched: &WatchedThreshold| {
            watched.judged.judged > 0 && !thresholds.contains(&watched.threshold)
        };
        self.replaced.extend(before.into_iter().filter(is_replaced).map(|watched| ReplacedCondition {
            threshold: watched.threshold,
            until_ns: cut_ns,
            windows: watched.judged,
        }));
        self.revised = Some(thresholds.to_vec());
    }

    /// From when on a new condition is watched: windows are of whole intervals, which begin with the measured window.
    fn begins_ns(&self, threshold: &Threshold, cut_ns: u64, phases: Phases) -> u64 {
        match cut_ns.checked_sub(phases.measure_from_ns) {
            None | Some(0) => 0,
            Some(passed_ns) if threshold.terms.over_ns.is_some() => {
                phases.measure_from_ns + passed_ns.next_multiple_of(self.interval_ns)
            }
            Some(_) => cut_ns,
        }
    }

    /// Takes in the next slice. Returns what ends the run, once.
    pub fn push(&mut self, slice: &Snapshot) -> Option<Abort> {
        if slice.to_ns <= slice.phases.measure_from_ns {
            return None;
        }
        let is_over = self.is_over || slice.to_ns > slice.phases.measure_to_ns;
        for watched in &mut self.watched {
            watched.absorb(slice, is_over);
            if !is_over {
                let broken = watched.advance(slice, self.interval_ns);
                self.abort = self.abort.take().or(broken.map(|measured| Abort {
                    threshold: watched.index,
                    at_ns: slice.to_ns,
                    measured,
                }));
            }
        }
        // Told with the slice in which it happened, and never again.
        let abort = self.abort.clone().filter(|abort| !is_over && abort.at_ns == slice.to_ns);
        self.is_over |= abort.is_some();
        abort
    }

    /// The end of the run: judges what is left, and says what came out.
    pub fn finish(mut self) -> WatchedRun {
        self.watched.iter_mut().for_each(WatchedThreshold::judge_rest);
        let windows =
            self.watched.into_iter().filter(|watched| watched.size > 0).map(|watched| watched.judged);
        let (revised, replaced) = (self.revised, self.replaced);
        WatchedRun { windows: windows.collect(), abort: self.abort, revised, replaced }
    }
}

impl WatchedThreshold {
    fn new(plan: &Plan, index: usize, threshold: &Threshold) -> WatchedThreshold {
        let wanted = threshold.scope.scenario.as_deref().and_then(|name| plan.scenario_named(name));
        let scenarios =
            (0..plan.scenarios.len()).filter(|scenario| wanted.is_none_or(|wanted| wanted == *scenario));
        let scenarios: Vec<usize> = scenarios.collect();
        let layout = plan.layout();
        let flows: Vec<usize> =
            scenarios.iter().copied().filter(|&scenario| layout.is_flow(scenario)).collect();
        let is_one =
            |scenario: &usize| plan.scenarios[*scenario].flow().is_none_or(|flow| flow.is_one_request());
        let (ones, several): (Vec<usize>, Vec<usize>) = scenarios.iter().copied().partition(is_one);
        let series = scenarios.iter().flat_map(|&scenario| {
            let first = layout.series_of(scenario).start;
            plan.scenarios[scenario].steps_in(&threshold.scope).into_iter().map(move |step| first + step)
        });
        let is_whole = threshold.scope.part().is_none();
        let size = threshold.terms.over_ns.map_or(0, |over_ns| over_ns / plan.interval_ns) as usize;
        WatchedThreshold {
            index,
            threshold: threshold.clone(),
            series: series.collect(),
            // Which kind of request a dropped arrival would have been is not known.
            scenarios: if is_whole { ones } else { Vec::new() },
            several: if is_whole { several } else { Vec::new() },
            // A step has no rate and no iterations: what is said of it is said of its requests.
            flows: if is_whole { flows } else { Vec::new() },
            passes: plan.flow_records(&threshold.scope),
            open: Stretch::default(),
            intervals: VecDeque::new(),
            size,
            next_ns: None,
            begins_ns: 0,
            judged: JudgedWindows { threshold: index, judged: 0, broken: 0, worst: None },
        }
    }

    /// The same condition, which has another number now.
    fn numbered(&self, index: usize) -> WatchedThreshold {
        let judged = JudgedWindows { threshold: index, ..self.judged.clone() };
        WatchedThreshold { index, judged, ..self.clone() }
    }

    /// Whether another condition is on the same figure of the same, so that it differs in how that is held alone.
    fn watches_for(&self, other: &Threshold) -> bool {
        let Threshold { metric, scope, statistic, terms, .. } = &self.threshold;
        (metric, scope, statistic) == (&other.metric, &other.scope, &other.statistic)
            && terms.over_ns == other.terms.over_ns
    }

    /// A condition that takes its place, with all that has ended so far.
    fn followed_by(&self, index: usize, threshold: &Threshold) -> WatchedThreshold {
        let judged = JudgedWindows { threshold: index, judged: 0, broken: 0, worst: None };
        WatchedThreshold { index, threshold: threshold.clone(), judged, ..self.clone() }
    }

    fn absorb(&mut self, slice: &Snapshot, is_over: bool) {
        if slice.to_ns <= self.begins_ns {
            return;
        }
        if self.next_ns.is_none() {
            self.open.from_ns = slice.phases.measure_from_ns.max(self.begins_ns);
        }
        let requests = &slice.requests;
        self.series.iter().for_each(|&series| self.open.series.merge(&requests.series.measured[series]));
        let looks = self.series.iter().filter_map(|&series| slice.looks.of(series));
        let checks = looks.map(|looks| looks.check_counts(0));
        self.open.checks = checks.chain([self.open.checks]).sum();
        for &scenario in &self.scenarios {
            self.open.dropped += requests.scenarios[scenario].dropped.measured;
            self.open.unsent += requests.scenarios[scenario].unsent.measured;
        }
        for &scenario in &self.several {
            self.open.several_dropped += requests.scenarios[scenario].dropped.measured;
            self.open.several_unsent += requests.scenarios[scenario].unsent.measured;
        }
        for &flow in &self.flows {
            let of_flow = |series: &Series| series.ok + series.failed();
            self.open.following += requests.measured_of(flow).iter().map(of_flow).sum::<u64>();
            requests.iterations[flow].iter().for_each(|record| self.open.iterations.merge(record));
        }
        for &flow in &self.passes {
            self.open.iterations.merge(&requests.flows[flow]);
        }
        if !is_over {
            self.open.to_ns = slice.to_ns;
        }
    }

    /// Judges what is complete with this slice. Returns the figure that ends the run, if one does.
    fn advance(&mut self, slice: &Snapshot, interval_ns: u64) -> Option<Option<f64>> {
        let every_ns = if self.size > 0 { interval_ns } else { ABORT_EVERY_NS };
        let from_ns = slice.phases.measure_from_ns;
        if slice.to_ns <= self.begins_ns {
            return None;
        }
        let passed_ns = self.begins_ns.saturating_sub(from_ns);
        let next_ns = *self.next_ns.get_or_insert(from_ns + (passed_ns / every_ns + 1) * every_ns);
        if slice.to_ns < next_ns {
            return None;
        }
        // On the bounds that were planned, however late a slice is.
        self.next_ns = Some(from_ns + ((slice.to_ns - from_ns) / every_ns + 1) * every_ns);
        let standing = if self.size > 0 { self.judge_window() } else { self.open.standing(&self.threshold) }?;
        let passed_ns = slice.to_ns - from_ns;
        let may_abort = self.threshold.terms.abort && passed_ns >= self.threshold.terms.after_ns.unwrap_or(0);
        (may_abort && !standing.is_met).then_some(standing.measured)
    }

    /// Judges the window that ends with the interval that is complete now, if it is a full one.
    fn judge_window(&mut self) -> Option<ConditionStanding> {
        let next = Stretch { from_ns: self.open.to_ns, to_ns: self.open.to_ns, ..Stretch::default() };
        self.intervals.push_back(std::mem::replace(&mut self.open, next));
        if self.intervals.len() > self.size {
            self.intervals.pop_front();
        }
        (self.intervals.len() == self.size).then(|| self.note_window()).flatten()
    }

    /// What is left of a run behind its last full window, judged together with that window.
    fn judge_rest(&mut self) {
        // A rate is one of full windows alone: in the drain nothing is sent.
        let is_wanted = self.size > 0 && self.threshold.metric != Metric::Rate;
        if is_wanted
            && self.intervals.len() == self.size
            && !self.open.is_empty_for(&self.threshold)
            && let Some(last) = self.intervals.back_mut()
        {
            last.merge(&self.open);
            self.note_window();
        }
    }

    fn note_window(&mut self) -> Option<ConditionStanding> {
        let mut window = Stretch { from_ns: u64::MAX, ..Stretch::default() };
        self.intervals.iter().for_each(|interval| window.merge(interval));
        let standing = window.standing(&self.threshold)?;
        self.judged.judged += 1;
        self.judged.broken += u64::from(!standing.is_met);
        let this = WorstWindow { from_ns: window.from_ns, to_ns: window.to_ns, measured: standing.measured };
        if self.judged.worst.is_none_or(|worst| is_worse(&self.threshold, this.measured, worst.measured)) {
            self.judged.worst = Some(this);
        }
        Some(standing)
    }
}

/// Whether a figure is further on the wrong side of the limit than another, or nearer to it. Nothing measured is the worst there is.
fn is_worse(threshold: &Threshold, this: Option<f64>, other: Option<f64>) -> bool {
    let (Some(this), Some(other)) = (this, other) else { return this.is_none() && other.is_some() };
    match threshold.comparison {
        Relation::Below | Relation::AtMost => this > other,
        Relation::Above | Relation::AtLeast => this < other,
        Relation::Equal => (this - threshold.limit).abs() > (other - threshold.limit).abs(),
    }
}

impl Stretch {
    fn merge(&mut self, next: &Stretch) {
        self.from_ns = self.from_ns.min(next.from_ns);
        self.to_ns = self.to_ns.max(next.to_ns);
        self.series.merge(&next.series);
        self.following += next.following;
        self.iterations.merge(&next.iterations);
        self.dropped += next.dropped;
        self.unsent += next.unsent;
        self.several_dropped += next.several_dropped;
        self.several_unsent += next.several_unsent;
        self.checks = [self.checks, next.checks].into_iter().sum();
    }

    /// Arrivals that came to their end in it, one way or another.
    fn ended(&self) -> u64 {
        self.series.ok + self.series.failed() + self.dropped + self.unsent
    }

    /// Whether there is nothing in it to judge a condition on.
    fn is_empty_for(&self, threshold: &Threshold) -> bool {
        match threshold.metric {
            Metric::Rate => false,
            // A request ends with the last of its attempts, and one that a breaker rejects has none.
            Metric::Attempts => self.series.attempts.as_ref().is_none_or(|attempts| {
                let is_ratio = threshold.statistic == Aggregation::Ratio;
                (if is_ratio { attempts.requests_ended } else { attempts.made }) == 0
            }),
            // Requests end before the iteration does that they are of.
            Metric::Iteration | Metric::Duration => {
                self.iterations.ok.measured + self.iterations.failed.measured == 0
            }
            Metric::Checks => self.checks.ran() == 0,
            Metric::Response | Metric::Service | Metric::Slip | Metric::Failed => self.ended() == 0,
        }
    }

    /// How a condition stands in it; nothing where there is nothing to judge it on.
    fn standing(&self, threshold: &Threshold) -> Option<ConditionStanding> {
        if self.is_empty_for(threshold) {
            return None;
        }
        let of_series = Facts::of_series(&self.series);
        let length_s = (self.to_ns - self.from_ns).max(1) as f64 / 1e9;
        let begun = of_series.asked.total - self.following + self.iterations.begun.measured;
        let (dropped, unsent) = (self.dropped + self.several_dropped, self.unsent + self.several_unsent);
        let asked = AskedCounts {
            failed: of_series.asked.failed + self.dropped + self.unsent,
            total: self.ended(),
            unsent: self.unsent,
            arrivals: begun + dropped + unsent,
            arrivals_unsent: unsent,
        };
        let facts = Facts {
            asked,
            achieved_rps: begun as f64 / length_s,
            iterations: Some(IterationTimes::of_record(&self.iterations)),
            checks: Some(self.checks),
            ..of_series
        };
        let measured = threshold.measure(&facts);
        Some(ConditionStanding { measured, is_met: threshold.is_met(measured, &facts) })
    }
}

#[cfg(test)]
mod flow_tests;
#[cfg(test)]
mod revised_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Tally;
    use crate::config::{Document, Format, Layers};
    use crate::outcome::{Kind, Outcome};
    use crate::quantity::MILLISECOND_NS;
    use crate::random::Random;
    use crate::record::{Instants, Recorder};
    use proptest::prelude::*;

    pub(super) const SLICE_NS: u64 = 500 * MILLISECOND_NS;

    /// A run of ten seconds after two of warm-up, with these conditions.
    pub(super) fn plan(thresholds: &str) -> Plan {
        let text = format!(
            "url = 'http://h/'\n[run]\nduration = '12s'\nwarmup = '2s'\n[scenario.read]\nload = {{ rate = 100 }}\n\
             [[scenario.read.request]]\nget = '/a'\n[[scenario.read.request]]\nget = '/b'\n[scenario.write]\n\
             [thresholds]\n{thresholds}"
        );
        let document = Document { name: "p".into(), text, format: Format::Toml };
        Plan::new(&Layers::new(Some(document)).unwrap().config().unwrap(), &|_| Err(String::new())).unwrap()
    }

    /// What ended in a slice: successes and failures of each series, and what `read` dropped.
    #[derive(Clone, Copy, Debug, Default)]
    pub(super) struct Ended {
        ok: [u64; 3],
        failed: [u64; 3],
        dropped: u64,
    }

    pub(super) const fn of_a(ok: u64, failed: u64) -> Ended {
        Ended { ok: [ok, 0, 0], failed: [failed, 0, 0], dropped: 0 }
    }

    /// The slice with this number from the start of the run; what ends in it took as many milliseconds.
    pub(super) fn slice(plan: &Plan, number: u64, ended: Ended) -> Snapshot {
        let mut recorder = Recorder::new(0, &plan.layout(), plan.phases);
        (recorder.from_ns, recorder.to_ns) = (number * SLICE_NS, (number + 1) * SLICE_NS);
        // What ends in the drain was intended in the window.
        let intended = recorder.from_ns.min(plan.phases.measure_to_ns - 1);
        let done = intended + number * MILLISECOND_NS;
        let instants = Instants { intended, sent: intended, done };
        for series in 0..3 {
            (0..ended.ok[series]).for_each(|_| recorder.done(series, Outcome::Ok(200), instants, 0, 1));
            let failed = Outcome::Failed(Kind::Eof);
            (0..ended.failed[series]).for_each(|_| recorder.done(series, failed, instants, 0, 0));
        }
        let dropped = Tally { measured: ended.dropped, outside: 0 };
        recorder.requests.scenarios[0].count_unreleased(dropped, Tally::default(), 0.0);
        let mut snapshot = Snapshot::new(1, &plan.layout(), plan.phases);
        snapshot.absorb(&recorder);
        snapshot
    }

    /// The run of these slices, from the start of the run on; and which slices said that it is to end.
    fn watched(plan: &Plan, slices: &[Ended]) -> (WatchedRun, Vec<u64>) {
        let mut watch = ThresholdWatch::new(plan);
        let said = (0..)
            .zip(slices)
            .filter_map(|(number, ended)| watch.push(&slice(plan, number, *ended)).map(|_| number));
        let said = said.collect();
        (watch.finish(), said)
    }

    /// Slices of 24 that are all alike but for some.
    fn slices(each: Ended, but: &[(usize, Ended)]) -> Vec<Ended> {
        let mut slices = vec![each; 24];
        but.iter().for_each(|&(place, ended)| slices[place] = ended);
        slices
    }

    #[test]
    fn a_condition_has_to_hold_in_every_full_window() {
        let plan = plan("failed = { limit = 'rate<10%', over = '3s' }");
        let (run, said) = watched(&plan, &slices(of_a(10, 0), &[(11, of_a(0, 10))]));
        let [windows] = &run.windows[..] else { panic!("one condition") };
        // Ten seconds have eight windows of three; the second from 5 s to 6 s is in three of them, and ends the first one at 6 s.
        assert_eq!((windows.judged, windows.broken), (8, 3));
        let worst = windows.worst.unwrap();
        assert_eq!((worst.from_ns, worst.to_ns), (3 * SECOND_NS, 6 * SECOND_NS));
        assert!((worst.measured.unwrap() - 10.0 / 60.0).abs() < 1e-9, "{worst:?}");
        assert!(run.abort.is_none() && said.is_empty(), "nobody asked for an end");
    }

    #[test]
    fn the_warm_up_is_in_no_window() {
        let plan = plan("failed = { limit = 'rate<10%', over = '1s', abort = true }");
        let (run, said) = watched(&plan, &slices(of_a(10, 0), &[(0, of_a(0, 99)), (3, of_a(0, 99))]));
        assert_eq!((run.windows[0].judged, run.windows[0].broken, said.len()), (10, 0, 0));
    }

    #[test]
    fn what_ends_after_the_window_is_judged_with_its_last_one() {
        let plan = plan(
            "failed = { limit = 'rate<10%', over = '5s' }\nresponse = { limit = 'max<1s', over = '5s' }",
        );
        let mut all = slices(of_a(10, 0), &[]);
        let (run, _) = watched(&plan, &all);
        assert_eq!((run.windows[0].judged, run.windows[0].broken), (6, 0));
        all.extend([of_a(0, 30), of_a(0, 30)]);
        let (run, _) = watched(&plan, &all);
        assert_eq!((run.windows[0].judged, run.windows[0].broken), (7, 1));
        let worst = run.windows[0].worst.unwrap();
        assert_eq!((worst.from_ns, worst.to_ns), (7 * SECOND_NS, 12 * SECOND_NS));
        assert_eq!(worst.measured, Some(60.0 / 160.0));
    }

    #[test]
    fn a_window_in_which_nothing_ended_is_none_and_one_without_a_success_breaks_times() {
        let plan =
            plan("response = { limit = 'p(99)<1s', over = '1s' }\nrate = { limit = '>=1', over = '1s' }");
        let idle = [(8, Ended::default()), (9, Ended::default())];
        let (run, _) = watched(&plan, &slices(of_a(10, 0), &idle));
        let shown =
            |windows: &JudgedWindows| (windows.judged, windows.broken, windows.worst.unwrap().measured);
        assert_eq!(shown(&run.windows[1]).0, 9, "conditions are in the order of the alphabet");
        assert_eq!(shown(&run.windows[0]), (10, 1, Some(0.0)), "a rate of nothing is known");
        let (run, _) = watched(&plan, &slices(of_a(10, 0), &[(8, of_a(0, 1)), (9, of_a(0, 1))]));
        assert_eq!(shown(&run.windows[1]), (10, 1, None));
    }

    #[test]
    fn once_nothing_is_sent_there_are_no_more_windows() {
        let conditions = "failed = { limit = 'rate<10%', over = '1s', abort = true }\nrate = { limit = '>=20', over = '1s' }";
        let plan = plan(conditions);
        let mut watch = ThresholdWatch::new(&plan);
        (0..10).for_each(|number| assert!(watch.push(&slice(&plan, number, of_a(10, 0))).is_none()));
        watch.close();
        // The drain of a run that was stopped: failures, and then nothing.
        assert!(
            (10..20)
                .all(|number| watch.push(&slice(&plan, number, of_a(0, u64::from(number < 12)))).is_none())
        );
        let run = watch.finish();
        let shown: Vec<(u64, u64)> =
            run.windows.iter().map(|windows| (windows.judged, windows.broken)).collect();
        assert_eq!(
            shown,
            [(4, 0), (3, 0)],
            "what failed then is judged with the last window, and is few beside it"
        );
        assert_eq!(run.windows[0].worst.unwrap().measured, Some(2.0 / 22.0));
    }

    #[test]
    fn a_run_too_short_for_a_window_has_none() {
        let plan = plan("failed = { limit = 'rate<10%', over = '10s' }");
        let (run, _) = watched(&plan, &slices(of_a(10, 0), &[])[..20]);
        assert_eq!((run.windows[0].judged, run.windows[0].worst), (0, None));
    }

    #[test]
    fn a_condition_without_windows_is_judged_each_second_on_all_so_far() {
        let plan = plan("failed = { limit = 'rate<20%', abort = true }");
        // Of 80 by the end of the sixth second 20 have failed; of 60 by the end of the fifth, none.
        let broken = slices(of_a(10, 0), &[(10, of_a(0, 10)), (11, of_a(0, 10))]);
        let (run, said) = watched(&plan, &broken);
        assert_eq!((said, run.windows.len()), (vec![11], 0));
        assert_eq!(run.abort, Some(Abort { threshold: 0, at_ns: 6 * SECOND_NS, measured: Some(0.25) }));
        // A slice that is bad within a second that is not ends nothing.
        let (run, said) = watched(&plan, &slices(of_a(10, 0), &[(4, of_a(1, 1)), (5, of_a(60, 0))]));
        assert_eq!((said, run.abort), (vec![], None));
    }

    #[test]
    fn nothing_ends_a_run_before_its_time() {
        let failing = slices(of_a(5, 5), &[]);
        for (after, at) in [("1ms", 5), ("1s", 5), ("2500ms", 9), ("9s", 21)] {
            let plan = plan(&format!("failed = {{ limit = 'rate<1%', abort = true, after = '{after}' }}"));
            assert_eq!(watched(&plan, &failing).1, [at], "{after}");
            let plan = self::plan(&format!(
                "failed = {{ limit = '<1%', abort = true, after = '{after}', over = '1s' }}"
            ));
            assert_eq!(watched(&plan, &failing).1, [at], "{after}, in windows");
        }
    }

    #[test]
    fn where_nothing_was_measured_nothing_ends_the_run() {
        let plan = plan(
            "failed = { limit = 'rate<1%', abort = true }\nresponse = { limit = 'p(99)<1ms', abort = true }",
        );
        let (run, said) = watched(&plan, &[Ended::default(); 24]);
        assert_eq!((said, run.abort), (vec![], None));
        let (run, _) =
            watched(&plan, &[of_a(0, 0), of_a(0, 0), of_a(0, 0), of_a(0, 0), of_a(0, 1), of_a(0, 1)]);
        assert_eq!(run.abort.map(|abort| (abort.threshold, abort.measured)), Some((0, Some(1.0))));
    }

    #[test]
    fn a_scope_is_of_its_scenario_and_its_steps_alone() {
        let of = |condition: &str, ended: Ended| {
            let plan = plan(&format!("{condition} = {{ limit = 'rate<50%', abort = true }}"));
            !watched(&plan, &[ended; 24]).1.is_empty()
        };
        let failed = |series: usize| {
            let mut ended = Ended { ok: [1, 1, 1], failed: [0; 3], dropped: 0 };
            (ended.ok[series], ended.failed[series]) = (0, 9);
            ended
        };
        assert!(of("failed", failed(0)) && of("failed", failed(2)));
        assert!(of("'failed{scenario=write}'", failed(2)) && !of("'failed{scenario=write}'", failed(0)));
        assert!(of("'failed{step=\"GET /b\"}'", failed(1)) && !of("'failed{step=\"GET /b\"}'", failed(0)));
        let dropped = Ended { ok: [1, 1, 1], failed: [0; 3], dropped: 20 };
        assert!(of("'failed{scenario=read}'", dropped) && !of("'failed{scenario=write}'", dropped));
        assert!(
            !of("'failed{step=\"GET /a\"}'", dropped),
            "of which step a dropped arrival is, is not known"
        );
    }

    proptest! {
        /// Windows by their definition: all that ended in each stretch of so many whole seconds, counted anew.
        #[test]
        fn windows_are_those_of_the_definition(seed: u64, over_s in 1_u64..=10, drained in 0_usize..3) {
            let plan = plan(&format!("failed = {{ limit = 'rate<30%', over = '{over_s}s' }}"));
            let mut random = Random::new(seed, 0);
            let mut draw = |max: u64| random.between(0, max);
            let slices: Vec<Ended> = (0..24 + drained).map(|_| of_a(draw(9), draw(3))).collect();
            let (run, _) = watched(&plan, &slices);
            let ends: Vec<u64> = (2 + over_s..=12).collect();
            let mut figures: Vec<f64> = Vec::new();
            let mut add = |from: u64, to: usize| {
                let window = &slices[from as usize * 2..to];
                let sum = |count: fn(&Ended) -> u64| window.iter().map(count).sum::<u64>();
                let (ok, failed) = (sum(|ended| ended.ok[0]), sum(|ended| ended.failed[0]));
                if ok + failed > 0 {
                    figures.push(failed as f64 / (ok + failed) as f64);
                }
            };
            ends.iter().for_each(|&end| add(end - over_s, end as usize * 2));
            let is_left = slices[24..].iter().any(|ended| ended.ok[0] + ended.failed[0] > 0);
            if is_left {
                add(12 - over_s, slices.len());
            }
            let windows = &run.windows[0];
            prop_assert_eq!(windows.judged, figures.len() as u64);
            prop_assert_eq!(windows.broken, figures.iter().filter(|figure| **figure >= 0.3).count() as u64);
            let worst = figures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert_eq!(windows.worst.and_then(|worst| worst.measured), Some(worst).filter(|worst| worst.is_finite()));
        }
    }
}
