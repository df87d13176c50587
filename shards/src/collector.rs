//! The collector: takes full recorders from the shards, lets them be put together, and feeds the sinks.
//!
//! It runs on a thread of its own, off the shards' cores where there is another. What it does can be late; what it counts
//! cannot be wrong.

use crate::auto_warmup::Warming;
use crate::lanes::{CollectorLane, Control};
use crate::sinks::Sinks;
use crate::watch::Looks;
use engine::history::History;
use engine::orders::Order;
use engine::plan::Plan;
use engine::record::{Gather, Intervals, Snapshot};
use engine::revision::Revised;
use engine::seams::Grain;
use engine::threshold_watch::{ThresholdWatch, WatchedRun};
use std::sync::Arc;
use std::time::Duration;

/// How often the lanes are looked at. A shard has two slices' worth of recorders in hand.
const POLL: Duration = Duration::from_millis(20);

/// Everything that was collected.
pub(crate) struct Collected {
    /// The whole run.
    pub(crate) whole: Snapshot,
    /// The run slice by slice.
    pub(crate) history: History,
    /// Whether response times were found to be steady before the window began, if that was looked for.
    pub(crate) is_steady: Option<bool>,
    /// What became of conditions that were judged while it went on.
    pub(crate) watched: WatchedRun,
    /// CPU time of the collector itself, in user space and in the kernel.
    pub(crate) cpu_ns: (u64, u64),
    /// What sinks could not do.
    pub(crate) complaints: Vec<String>,
}

/// The collecting of one run.
pub(crate) struct Collector {
    lanes: Vec<CollectorLane>,
    gather: Gather,
    /// For sinks alone.
    intervals: Intervals,
    history: History,
    sinks: Sinks,
    auto_warmup: Warming,
    /// Not a sink: a condition is judged on every slice, and sinks may lose some.
    thresholds: ThresholdWatch,
    /// How many revisions of the run hold by now.
    revisions_heard: usize,
    control: Arc<Control>,
    /// How far the run has come on the way to its goal, for sinks alone.
    looks: Looks,
    has_begun: bool,
}

impl Collector {
    pub(crate) fn new(
        plan: &Plan,
        lanes: Vec<CollectorLane>,
        sinks: Sinks,
        control: Arc<Control>,
        looks: Looks,
    ) -> Collector {
        Collector {
            gather: Gather::new(lanes.len(), plan.layout(), plan.phases),
            intervals: Intervals::new(plan.interval_ns),
            history: History::default(),
            sinks,
            auto_warmup: Warming::new(plan, control.clone()),
            thresholds: ThresholdWatch::new(plan),
            revisions_heard: 0,
            control,
            looks,
            has_begun: false,
            lanes,
        }
    }

    /// Collects until `is_over` and the lanes are empty.
    pub(crate) fn run(mut self, is_over: impl Fn() -> bool) -> Collected {
        loop {
            // Asked before the lanes are emptied: what was handed over before the end is then not missed.
            let is_last = is_over();
            self.tell_begin();
            self.drain();
            if is_last {
                break;
            }
            std::thread::sleep(POLL);
        }
        let left_open = self.gather.close();
        left_open.into_iter().for_each(|slice| self.take_slice(slice));
        let rest = self.intervals.rest();
        rest.into_iter().for_each(|interval| self.publish(Grain::Interval, interval));
        let mut whole = self.gather.whole();
        whole.lost = self.sinks.lost();
        Collected {
            whole,
            history: self.history,
            is_steady: self.auto_warmup.is_steady(),
            watched: self.thresholds.finish(),
            complaints: self.sinks.finish(),
            cpu_ns: crate::ring::thread_cpu_ns(),
        }
    }

    /// Tells the sinks when sending begins, once that is known.
    fn tell_begin(&mut self) {
        if let Some(started_unix_ns) = self.control.started_unix_ns().filter(|_| !self.has_begun) {
            self.has_begun = true;
            self.sinks.begin(started_unix_ns);
        }
    }

    fn drain(&mut self) {
        for shard in 0..self.lanes.len() {
            while let Some(recorder) = self.lanes[shard].pop() {
                self.hear_of_end();
                let slice = self.gather.absorb(&recorder);
                self.lanes[shard].give_back(recorder);
                slice.into_iter().for_each(|slice| self.take_slice(slice));
            }
        }
    }

    /// Takes over where the measured window ends, once that was decided.
    fn hear_of_end(&mut self) {
        let mut phases = self.gather.phases();
        if let Some(to_ns) = self.auto_warmup.end_ns().filter(|&to_ns| to_ns < phases.measure_to_ns) {
            phases.measure_to_ns = to_ns;
            self.gather.set_phases(phases);
        }
    }

    fn take_slice(&mut self, slice: Snapshot) {
        self.history.push(&slice);
        if let Some(phases) = self.auto_warmup.watch(&slice) {
            self.gather.set_phases(phases);
        }
        self.judge(&slice);
        if self.sinks.is_empty() {
            return;
        }
        let interval = self.intervals.push(&slice, self.gather.phases());
        self.publish(Grain::Slice, slice);
        interval.into_iter().for_each(|interval| self.publish(Grain::Interval, interval));
    }

    /// Ends the run as a signal does when a condition is broken that asks for it: what is under way may finish.
    fn judge(&mut self, slice: &Snapshot) {
        self.hear_of_conditions(slice);
        let is_stopped = self.control.order() != Order::Run;
        if is_stopped {
            self.thresholds.close();
        }
        // Of two orders to stop the second would cut off what is under way.
        if self.thresholds.push(slice).is_some() && !is_stopped {
            self.control.stop();
        }
    }

    /// Takes over the conditions that hold from a cut on that the run has come to with this slice.
    fn hear_of_conditions(&mut self, slice: &Snapshot) {
        for ordered in self.control.revisions_from(self.revisions_heard) {
            let cut_ns = ordered.revision.cut_ns;
            if cut_ns >= slice.to_ns {
                break;
            }
            self.revisions_heard += 1;
            if let Revised::Thresholds(thresholds) = &ordered.revised {
                self.thresholds.revise(thresholds, cut_ns, slice.phases);
            }
        }
    }

    fn publish(&mut self, grain: Grain, mut snapshot: Snapshot) {
        snapshot.lost = self.sinks.lost();
        snapshot.goal = self.looks.last();
        self.sinks.offer(grain, &Arc::new(snapshot));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::lane;
    use engine::config::{Config, Text};
    use engine::outcome::Outcome;
    use engine::quantity::MILLISECOND_NS;
    use engine::record::Instants;
    use std::sync::Mutex;

    const SLICE_NS: u64 = 100 * MILLISECOND_NS;

    /// Notes where each snapshot ends, in slices.
    struct Noting(Grain, Arc<Mutex<Vec<u64>>>);

    impl engine::seams::Sink for Noting {
        fn name(&self) -> String {
            "noting".into()
        }

        fn grain(&self) -> Grain {
            self.0
        }

        fn snapshot(&mut self, snapshot: &Arc<Snapshot>) -> std::io::Result<()> {
            self.1.lock().unwrap().push(snapshot.to_ns / SLICE_NS);
            Ok(())
        }
    }

    #[test]
    fn what_shards_hand_over_reaches_the_history_the_sinks_and_the_whole() {
        let text = |value: &str| Some(Text(value.into()));
        let mut config = Config { url: text("http://h/"), ..Config::default() };
        (config.run.duration, config.run.warmup) = (text("2s"), text("700ms"));
        config.load.rate = text("1000");
        let plan = Plan::new(&config, &|_| Err(String::new())).unwrap();
        let (slices, intervals) = (Arc::<Mutex<Vec<u64>>>::default(), Arc::<Mutex<Vec<u64>>>::default());
        let sinks = Sinks::start(vec![
            Box::new(Noting(Grain::Slice, slices.clone())),
            Box::new(Noting(Grain::Interval, intervals.clone())),
        ]);
        let (mut lanes, mut shards) = (Vec::new(), Vec::new());
        for shard in 0..2 {
            let (shard_lane, collector_lane, recorder) = lane(shard, &plan.layout(), plan.phases);
            shards.push((shard_lane, recorder));
            lanes.push(collector_lane);
        }
        let mut collector =
            Collector::new(&plan, lanes, sinks.unwrap(), Arc::new(Control::default()), Looks::default());
        for slice in 0..27 {
            for (lane, recorder) in &mut shards {
                let intended = slice * SLICE_NS + 1;
                let instants = Instants { intended, sent: intended, done: intended + 5 };
                recorder.done(0, Outcome::Ok(200), instants, 0, 1);
                (recorder.from_ns, recorder.to_ns) = (slice * SLICE_NS, (slice + 1) * SLICE_NS);
                assert!(lane.swap(recorder));
            }
            collector.drain();
        }
        let collected = collector.run(|| true);
        let of_slices: Vec<u64> = collected.history.slices().iter().map(|slice| slice.ok).collect();
        assert_eq!(
            of_slices,
            [vec![2; 20], vec![0; 7]].concat(),
            "after the window, what was intended in it"
        );
        assert_eq!((collected.whole.total().ok, collected.whole.lost), (54, 0));
        assert_eq!(collected.complaints, Vec::<String>::new());
        assert_eq!(*slices.lock().unwrap(), (1..=27).collect::<Vec<_>>());
        assert_eq!(
            *intervals.lock().unwrap(),
            [7, 10, 20, 27],
            "whole seconds, and the bounds of the window"
        );
    }
}
