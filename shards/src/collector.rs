//! The collector: takes full recorders from the shards, merges them, and feeds the sinks.
//!
//! It runs on a thread of its own, off the shards' cores where there is another. What it does can be late; what it counts
//! cannot be wrong, because merging is exact and a shard keeps what it could not hand over.

use crate::auto_warmup::Warming;
use crate::lanes::{CollectorLane, Control};
use crate::sinks::Sinks;
use engine::history::History;
use engine::phase::Phases;
use engine::plan::Plan;
use engine::record::{Layout, Recorder, Snapshot};
use engine::seams::Grain;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How often the lanes are looked at. A shard has two slices' worth of recorders in hand.
const POLL: Duration = Duration::from_millis(20);

/// How many slices a shard may be ahead of another before what it hands over is put together.
const OPEN_MAX: usize = 4;

/// Everything that was collected.
pub struct Collected {
    /// The whole run.
    pub whole: Snapshot,
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
    /// How far each shard has reported; to the end of time, once it has ended.
    through_ns: Vec<u64>,
    layout: Layout,
    phases: Phases,
    interval_ns: u64,
    /// What came since the last slice was complete, by where it ends: a shard that is ahead fills slices of its own.
    open: BTreeMap<u64, Snapshot>,
    sliced_ns: u64,
    /// What came since the last interval was complete; kept for sinks alone.
    interval: Option<Snapshot>,
    published_ns: u64,
    whole: Snapshot,
    history: History,
    sinks: Sinks,
    auto_warmup: Warming,
}

impl Collector {
    pub(crate) fn new(
        plan: &Plan,
        lanes: Vec<CollectorLane>,
        sinks: Sinks,
        control: Arc<Control>,
    ) -> Collector {
        let (shards, layout) = (lanes.len(), plan.layout());
        Collector {
            through_ns: vec![0; shards],
            phases: plan.phases,
            interval_ns: plan.interval_ns,
            open: BTreeMap::new(),
            sliced_ns: 0,
            interval: None,
            published_ns: 0,
            whole: Snapshot::new(shards, &layout, plan.phases),
            layout,
            history: History::default(),
            sinks,
            auto_warmup: Warming::new(plan, control),
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
        self.close_through(u64::MAX);
        self.publish_interval();
        self.whole.lost = self.sinks.lost();
        let complaints = self.sinks.finish();
        Collected {
            whole: self.whole,
            history: self.history,
            is_steady: self.auto_warmup.is_steady(),
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
        if let Some(to_ns) = self.auto_warmup.end_ns().filter(|&to_ns| to_ns < self.phases.measure_to_ns) {
            self.phases.measure_to_ns = to_ns;
            self.whole.phases = self.phases;
        }
        self.open_slice(recorder.to_ns).absorb(recorder);
        self.through_ns[shard] = if recorder.ended_ns.is_some() { u64::MAX } else { recorder.to_ns };
        self.close_through(self.through_ns.iter().copied().min().unwrap_or(0));
        if self.sliced_ns >= self.next_interval_ns() {
            self.published_ns = self.sliced_ns;
            self.publish_interval();
        }
    }

    /// The slice that ends there.
    fn open_slice(&mut self, to_ns: u64) -> &mut Snapshot {
        // A slice never spans two phases.
        let phase_of = |end_ns: u64| self.phases.at(end_ns.saturating_sub(1));
        let last_ns = self.open.keys().next_back().copied().filter(|_| self.open.len() >= OPEN_MAX);
        let put_together = last_ns.filter(|&last_ns| last_ns < to_ns && phase_of(last_ns) == phase_of(to_ns));
        if let Some(last) = put_together.and_then(|last_ns| self.open.remove(&last_ns)) {
            self.open.insert(to_ns, last);
        }
        let fresh = || Snapshot::new(self.lanes.len(), &self.layout, self.phases);
        self.open.entry(to_ns).or_insert_with(fresh)
    }

    /// Where the interval that is being collected ends: a whole number of intervals, or the bound of a phase.
    fn next_interval_ns(&self) -> u64 {
        let regular_ns = (self.published_ns / self.interval_ns + 1) * self.interval_ns;
        let bounds = [self.phases.measure_from_ns, self.phases.measure_to_ns];
        bounds.into_iter().filter(|&bound| bound > self.published_ns).fold(regular_ns, u64::min)
    }

    /// Closes what ends until then, as one slice.
    fn close_through(&mut self, through_ns: u64) {
        let still_open = self.open.split_off(&through_ns.saturating_add(1));
        let mut closed = std::mem::replace(&mut self.open, still_open).into_iter();
        let Some((mut to_ns, mut slice)) = closed.next() else { return };
        for (later_ns, later) in closed {
            slice.merge(&later);
            to_ns = later_ns;
        }
        let from_ns = self.sliced_ns;
        self.sliced_ns = to_ns.max(from_ns);
        self.close_slice(from_ns, slice);
    }

    /// Slices lie end to end, whichever shard was ahead of the others.
    fn close_slice(&mut self, from_ns: u64, mut slice: Snapshot) {
        (slice.from_ns, slice.to_ns) = (from_ns, self.sliced_ns);
        slice.phases = self.phases;
        self.whole.merge(&slice);
        self.history.push(&slice);
        if let Some(phases) = self.auto_warmup.watch(&slice) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::{ShardLane, lane};
    use engine::config::{Config, Text};
    use engine::outcome::Outcome;
    use engine::phase::Phase;
    use engine::quantity::MILLISECOND_NS;
    use engine::record::Instants;

    const SLICE_NS: u64 = 100 * MILLISECOND_NS;

    /// A shard of a made-up run: each of its slices holds one request that was intended in it.
    struct Shard {
        lane: ShardLane,
        recorder: Box<Recorder>,
    }

    impl Shard {
        fn hand_over(&mut self, slice: u64, is_last: bool) {
            let intended = slice * SLICE_NS + 1;
            let instants = Instants { intended, sent: intended, done: intended + 5 };
            self.recorder.done(0, Outcome::Ok(200), instants, 0, 1);
            (self.recorder.from_ns, self.recorder.to_ns) = (slice * SLICE_NS, (slice + 1) * SLICE_NS);
            self.recorder.ended_ns = is_last.then_some(self.recorder.to_ns);
            assert!(self.lane.swap(&mut self.recorder));
        }
    }

    /// The collector of two shards, in a run of two seconds whose first half warms up.
    fn collector() -> (Collector, [Shard; 2]) {
        let text = |value: &str| Some(Text(value.into()));
        let mut config = Config { url: text("http://h/"), ..Config::default() };
        (config.run.duration, config.run.warmup) = (text("2s"), text("1s"));
        config.load.rate = text("1000");
        let plan = Plan::new(&config, &|_| Err(String::new())).unwrap();
        let (mut lanes, mut shards) = (Vec::new(), Vec::new());
        for shard in 0..2 {
            let (shard_lane, collector_lane, recorder) = lane(shard, &plan.layout(), plan.phases);
            shards.push(Shard { lane: shard_lane, recorder });
            lanes.push(collector_lane);
        }
        let sinks = Sinks::start(Vec::new()).unwrap();
        let control = Arc::new(Control::default());
        let shards = shards.try_into().unwrap_or_else(|_| panic!("two shards"));
        (Collector::new(&plan, lanes, sinks, control), shards)
    }

    /// Phase and requests of each slice.
    fn slices(collector: Collector) -> Vec<(Phase, u64)> {
        let history = collector.run(|| true).history;
        history.slices().iter().map(|slice| (slice.phase, slice.ok)).collect()
    }

    #[test]
    fn a_shard_that_is_ahead_does_not_fill_the_slices_of_another() {
        let (mut collector, [mut ahead, mut behind]) = collector();
        for slice in 0..20 {
            ahead.hand_over(slice, false);
            collector.drain();
            if let Some(slice) = u64::checked_sub(slice, 3) {
                behind.hand_over(slice, false);
                collector.drain();
            }
        }
        for slice in 17..20 {
            behind.hand_over(slice, false);
            collector.drain();
        }
        let expected: Vec<_> =
            (0..20).map(|slice| (if slice < 10 { Phase::Warmup } else { Phase::Measure }, 2)).collect();
        assert_eq!(slices(collector), expected);
    }

    #[test]
    fn a_shard_that_is_through_holds_nobody_up() {
        let (mut collector, [mut through, mut other]) = collector();
        for slice in 0..20 {
            if slice < 4 {
                through.hand_over(slice, slice == 3);
            }
            other.hand_over(slice, slice == 19);
            collector.drain();
            assert_eq!(collector.sliced_ns, (slice + 1) * SLICE_NS);
        }
        let requests: Vec<u64> = slices(collector).into_iter().map(|(_, ok)| ok).collect();
        assert_eq!(requests, [vec![2; 4], vec![1; 16]].concat());
    }

    #[test]
    fn a_shard_far_ahead_is_put_together_and_nothing_is_lost() {
        let (mut collector, [mut ahead, _]) = collector();
        for slice in 0..20 {
            ahead.hand_over(slice, false);
            collector.drain();
        }
        let ends: Vec<u64> = collector.open.keys().map(|end_ns| end_ns / SLICE_NS).collect();
        assert_eq!(ends, [1, 2, 3, 10, 20], "beyond the limit, one for each phase");
        assert_eq!(collector.run(|| true).whole.total().ok, 20);
    }
}
