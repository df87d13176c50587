//! Puts together what the parts of a run hand over, each at its own pace: slices that lie end to end, and the whole.
//!
//! A shard hands over a recorder for each slice. A slice is complete when every shard has reported beyond it; until then it stays
//! open. What is counted cannot be wrong, because merging is exact and a shard keeps what it could not hand over.

use super::layout::Layout;
use super::recorder::Recorder;
use super::snapshot::Snapshot;
use crate::phase::Phases;
use std::collections::BTreeMap;

/// How many slices a shard may be ahead of another before what it hands over is put together.
const OPEN_MAX: usize = 4;

/// The slices of a run that goes on, and all of it so far.
#[derive(Debug)]
pub struct Gather {
    layout: Layout,
    phases: Phases,
    /// How far each shard has reported; to the end of time, once it has ended.
    through_ns: Vec<u64>,
    /// What came since the last slice was complete, by where it ends: a shard that is ahead fills slices of its own.
    open: BTreeMap<u64, Snapshot>,
    /// Where the last complete slice ended.
    sliced_ns: u64,
    whole: Snapshot,
}

impl Gather {
    /// Of a run of so many shards.
    pub fn new(shards: usize, layout: Layout, phases: Phases) -> Gather {
        Gather {
            phases,
            through_ns: vec![0; shards],
            open: BTreeMap::new(),
            sliced_ns: 0,
            whole: Snapshot::new(shards, &layout, phases),
            layout,
        }
    }

    /// The bounds of the phases, as far as they are known.
    pub fn phases(&self) -> Phases {
        self.phases
    }

    /// Moves a bound of the phases that was decided in the run. It lies ahead of every shard, so no slice spans it.
    pub fn set_phases(&mut self, phases: Phases) {
        (self.phases, self.whole.phases) = (phases, phases);
    }

    /// Takes in what a shard hands over. Returns the slice that is complete with it: of several, all as one.
    pub fn absorb(&mut self, recorder: &Recorder) -> Option<Snapshot> {
        self.open_slice(recorder.to_ns).absorb(recorder);
        self.through_ns[recorder.shard] = if recorder.ended_ns.is_some() { u64::MAX } else { recorder.to_ns };
        self.close_through(self.through_ns.iter().copied().min().unwrap_or(0))
    }

    /// Closes what is still open: nothing more will come.
    pub fn close(&mut self) -> Option<Snapshot> {
        self.close_through(u64::MAX)
    }

    /// The whole run, as far as its slices are complete.
    pub fn whole(self) -> Snapshot {
        self.whole
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
        let fresh = || Snapshot::new(self.through_ns.len(), &self.layout, self.phases);
        self.open.entry(to_ns).or_insert_with(fresh)
    }

    /// Closes what ends until then, as one slice. Slices lie end to end, whichever shard was ahead of the others.
    fn close_through(&mut self, through_ns: u64) -> Option<Snapshot> {
        let still_open = self.open.split_off(&through_ns.saturating_add(1));
        let mut closed = std::mem::replace(&mut self.open, still_open).into_iter();
        let (mut to_ns, mut slice) = closed.next()?;
        for (later_ns, later) in closed {
            slice.merge(&later);
            to_ns = later_ns;
        }
        let from_ns = self.sliced_ns;
        self.sliced_ns = to_ns.max(from_ns);
        (slice.from_ns, slice.to_ns, slice.phases) = (from_ns, self.sliced_ns, self.phases);
        self.whole.merge(&slice);
        Some(slice)
    }
}

/// Slices put together to the plan's intervals: a whole number of them from the start of the run, and the bounds of phases.
#[derive(Debug)]
pub struct Intervals {
    interval_ns: u64,
    /// Where the last one ended.
    published_ns: u64,
    open: Option<Snapshot>,
}

impl Intervals {
    /// Intervals of this length.
    pub fn new(interval_ns: u64) -> Intervals {
        Intervals { interval_ns, published_ns: 0, open: None }
    }

    /// Adds the next slice. Returns the interval that is complete with it.
    pub fn push(&mut self, slice: &Snapshot, phases: Phases) -> Option<Snapshot> {
        match &mut self.open {
            Some(interval) => interval.merge(slice),
            None => self.open = Some(slice.clone()),
        }
        if slice.to_ns < self.next_end_ns(phases) {
            return None;
        }
        self.published_ns = slice.to_ns;
        self.open.take()
    }

    /// What is left at the end of the run.
    pub fn rest(&mut self) -> Option<Snapshot> {
        self.open.take()
    }

    fn next_end_ns(&self, phases: Phases) -> u64 {
        let regular_ns = (self.published_ns / self.interval_ns + 1) * self.interval_ns;
        let bounds = [phases.measure_from_ns, phases.measure_to_ns];
        bounds.into_iter().filter(|&bound| bound > self.published_ns).fold(regular_ns, u64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::super::series::Instants;
    use super::*;
    use crate::outcome::Outcome;
    use crate::phase::Phase;
    use crate::quantity::MILLISECOND_NS;
    use crate::random::Random;
    use proptest::prelude::*;

    const SLICE_NS: u64 = 100 * MILLISECOND_NS;
    /// A run of two seconds whose first half warms up.
    const PHASES: Phases = Phases { measure_from_ns: 10 * SLICE_NS, measure_to_ns: 20 * SLICE_NS };

    fn layout() -> Layout {
        Layout::new([1])
    }

    /// What a shard hands over for one slice: one request that was intended in it.
    fn handed_over(shard: usize, slice: u64, is_last: bool) -> Recorder {
        let mut recorder = Recorder::new(shard, &layout(), PHASES);
        let intended = slice * SLICE_NS + 1;
        recorder.done(0, Outcome::Ok(200), Instants { intended, sent: intended, done: intended + 5 }, 0, 1);
        (recorder.from_ns, recorder.to_ns) = (slice * SLICE_NS, (slice + 1) * SLICE_NS);
        recorder.ended_ns = is_last.then_some(recorder.to_ns);
        recorder
    }

    /// Phase and requests of each slice.
    fn shown(slices: &[Snapshot]) -> Vec<(Phase, u64)> {
        slices.iter().map(|slice| (slice.phases.at(slice.from_ns), slice.total().ok)).collect()
    }

    #[test]
    fn a_shard_that_is_ahead_does_not_fill_the_slices_of_another() {
        let (mut gather, mut slices) = (Gather::new(2, layout(), PHASES), Vec::new());
        for slice in 0..20 {
            slices.extend(gather.absorb(&handed_over(0, slice, false)));
            let behind = u64::checked_sub(slice, 3).map(|slice| handed_over(1, slice, false));
            slices.extend(behind.and_then(|recorder| gather.absorb(&recorder)));
        }
        slices.extend((17..20).filter_map(|slice| gather.absorb(&handed_over(1, slice, false))));
        slices.extend(gather.close());
        let expected: Vec<_> =
            (0..20).map(|slice| (if slice < 10 { Phase::Warmup } else { Phase::Measure }, 2)).collect();
        assert_eq!(shown(&slices), expected);
    }

    #[test]
    fn a_shard_that_is_through_holds_nobody_up() {
        let (mut gather, mut slices) = (Gather::new(2, layout(), PHASES), Vec::new());
        for slice in 0..20 {
            if slice < 4 {
                slices.extend(gather.absorb(&handed_over(0, slice, slice == 3)));
            }
            slices.extend(gather.absorb(&handed_over(1, slice, slice == 19)));
            assert_eq!(slices.last().map(|last| last.to_ns), Some((slice + 1) * SLICE_NS));
        }
        let requests: Vec<u64> = shown(&slices).into_iter().map(|(_, ok)| ok).collect();
        assert_eq!(requests, [vec![2; 4], vec![1; 16]].concat());
    }

    #[test]
    fn a_shard_far_ahead_is_put_together_and_nothing_is_lost() {
        let mut gather = Gather::new(2, layout(), PHASES);
        for slice in 0..20 {
            assert!(gather.absorb(&handed_over(0, slice, false)).is_none());
        }
        let ends: Vec<u64> = gather.open.keys().map(|end_ns| end_ns / SLICE_NS).collect();
        assert_eq!(ends, [1, 2, 3, 10, 20], "beyond the limit, one for each phase");
        gather.close();
        assert_eq!(gather.whole().total().ok, 20);
    }

    proptest! {
        /// Whatever the order in which shards report, slices lie end to end, and slices, intervals and the whole hold the same.
        #[test]
        fn slices_intervals_and_the_whole_agree(seed in any::<u64>(), shards in 1_usize..5, per_interval in 1_u64..7) {
            let mut random = Random::new(seed, 0);
            let mut gather = Gather::new(shards, layout(), PHASES);
            let mut intervals = Intervals::new(per_interval * SLICE_NS);
            let (mut next, mut slices, mut published) = (vec![0_u64; shards], Vec::new(), Vec::new());
            while next.iter().any(|&slice| slice < 20) {
                let shard = random.between(0, shards as u64 - 1) as usize;
                if next[shard] < 20 {
                    let recorder = handed_over(shard, next[shard], next[shard] == 19);
                    next[shard] += 1;
                    if let Some(slice) = gather.absorb(&recorder) {
                        published.extend(intervals.push(&slice, gather.phases()));
                        slices.push(slice);
                    }
                }
            }
            prop_assert!(gather.close().is_none(), "all have ended");
            published.extend(intervals.rest());
            for stretches in [&slices, &published] {
                prop_assert!(stretches.windows(2).all(|pair| pair[0].to_ns == pair[1].from_ns));
                prop_assert_eq!(stretches.iter().map(|snapshot| snapshot.total().ok).sum::<u64>(), 20 * shards as u64);
                let spans = |snapshot: &&Snapshot| {
                    snapshot.from_ns < PHASES.measure_from_ns && snapshot.to_ns > PHASES.measure_from_ns
                };
                prop_assert_eq!(stretches.iter().find(spans).map(|snapshot| snapshot.to_ns), None);
            }
            prop_assert_eq!(gather.whole().total().ok, 20 * shards as u64);
        }
    }
}
