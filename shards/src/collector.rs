//! The collector: takes full recorders from the shards, merges them, and feeds the sinks.
//!
//! It runs on a thread of its own, off the shards' cores where there is another. What it does can be late; what it counts
//! cannot be wrong, because merging is exact and a shard keeps what it could not hand over.

use crate::lanes::{CollectorLane, Control};
use crate::sinks::Sinks;
use crate::warming::Warming;
use engine::history::History;
use engine::phase::Phases;
use engine::plan::Plan;
use engine::record::{Figures, Recorder};
use engine::seams::Grain;
use engine::snapshot::Snapshot;
use std::sync::Arc;
use std::time::Duration;

/// How often the lanes are looked at. A shard has two slices' worth of recorders in hand.
const POLL: Duration = Duration::from_millis(20);

/// Everything that was collected.
pub struct Collected {
    /// The whole run.
    pub whole: Snapshot,
    /// How each shard fared in the measured window.
    pub window: Vec<Figures>,
    /// The run slice by slice.
    pub history: History,
    /// Whether response times were found to be steady before the window began, if that was looked for.
    pub is_steady: Option<bool>,
    /// CPU time of the collector itself.
    pub cpu_ns: (u64, u64),
    /// What sinks could not do.
    pub complaints: Vec<String>,
}

/// The collecting of one run.
pub(crate) struct Collector {
    lanes: Vec<CollectorLane>,
    /// How far each shard has reported.
    through_ns: Vec<u64>,
    series: usize,
    phases: Phases,
    interval_ns: u64,
    /// What came since the last slice was complete.
    slice: Option<Snapshot>,
    sliced_ns: u64,
    /// What came since the last interval was complete; kept for sinks alone.
    interval: Option<Snapshot>,
    published_ns: u64,
    whole: Snapshot,
    window: Vec<Figures>,
    history: History,
    sinks: Sinks,
    warming: Warming,
}

impl Collector {
    pub(crate) fn new(
        plan: &Plan,
        lanes: Vec<CollectorLane>,
        sinks: Sinks,
        control: Arc<Control>,
    ) -> Collector {
        let (shards, series) = (lanes.len(), plan.requests.len());
        Collector {
            through_ns: vec![0; shards],
            series,
            phases: plan.phases,
            interval_ns: plan.interval_ns,
            slice: None,
            sliced_ns: 0,
            interval: None,
            published_ns: 0,
            whole: Snapshot::new(shards, series, plan.phases),
            window: vec![Figures::default(); shards],
            history: History::default(),
            sinks,
            warming: Warming::new(plan, control),
            lanes,
        }
    }

    /// Collects until `is_over` and the lanes are empty.
    pub(crate) fn run(mut self, is_over: impl Fn() -> bool) -> Collected {
        loop {
            // Asked before the lanes are emptied: what was handed over before the end is then not missed.
            let is_last = is_over();
            self.drain();
            if is_last {
                break;
            }
            std::thread::sleep(POLL);
        }
        let from_ns =
            std::mem::replace(&mut self.sliced_ns, self.through_ns.iter().copied().max().unwrap_or(0));
        self.close_slice(from_ns);
        self.publish_interval();
        self.whole.lost = self.sinks.lost();
        let complaints = self.sinks.finish();
        Collected {
            whole: self.whole,
            window: self.window,
            history: self.history,
            is_steady: self.warming.is_steady(),
            cpu_ns: crate::ring::thread_cpu_ns(),
            complaints,
        }
    }

    fn drain(&mut self) {
        for shard in 0..self.lanes.len() {
            while let Some(recorder) = self.lanes[shard].pop() {
                self.absorb(shard, &recorder);
                self.lanes[shard].give_back(recorder);
            }
        }
    }

    fn absorb(&mut self, shard: usize, recorder: &Recorder) {
        if let Some(to_ns) = self.warming.end_ns().filter(|&to_ns| to_ns < self.phases.measure_to_ns) {
            self.phases.measure_to_ns = to_ns;
            self.whole.phases = self.phases;
        }
        // Recorders end at the phases' bounds, so each lies wholly inside the window or outside it.
        if recorder.from_ns >= self.phases.measure_from_ns && recorder.to_ns <= self.phases.measure_to_ns {
            self.window[shard].merge(&recorder.figures);
        }
        let fresh = || Snapshot::new(self.lanes.len(), self.series, self.phases);
        self.slice.get_or_insert_with(fresh).absorb(recorder);
        self.through_ns[shard] = recorder.to_ns;
        let through_ns = self.through_ns.iter().copied().min().unwrap_or(0);
        if through_ns > self.sliced_ns {
            let from_ns = std::mem::replace(&mut self.sliced_ns, through_ns);
            self.close_slice(from_ns);
        }
        if through_ns >= self.next_interval_ns() {
            self.published_ns = through_ns;
            self.publish_interval();
        }
    }

    /// Where the interval that is being collected ends: a whole number of intervals, or the bound of a phase.
    fn next_interval_ns(&self) -> u64 {
        let regular_ns = (self.published_ns / self.interval_ns + 1) * self.interval_ns;
        let bounds = [self.phases.measure_from_ns, self.phases.measure_to_ns];
        bounds.into_iter().filter(|&bound| bound > self.published_ns).fold(regular_ns, u64::min)
    }

    /// Slices lie end to end, whichever shard was ahead of the others.
    fn close_slice(&mut self, from_ns: u64) {
        let Some(mut slice) = self.slice.take() else { return };
        (slice.from_ns, slice.to_ns) = (from_ns, self.sliced_ns.max(from_ns));
        slice.phases = self.phases;
        self.whole.merge(&slice);
        self.history.push(&slice);
        if let Some(phases) = self.warming.watch(&slice) {
            self.phases = phases;
            self.whole.phases = phases;
        }
        if self.sinks.is_empty() {
            return;
        }
        slice.lost = self.sinks.lost();
        match &mut self.interval {
            Some(interval) => interval.merge(&slice),
            None => self.interval = Some(slice.clone()),
        }
        self.sinks.offer(Grain::Slice, &Arc::new(slice));
    }

    fn publish_interval(&mut self) {
        if let Some(mut snapshot) = self.interval.take() {
            snapshot.lost = self.sinks.lost();
            self.sinks.offer(Grain::Interval, &Arc::new(snapshot));
        }
    }
}
