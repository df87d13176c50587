//! How many requests came when: second by second, then as the stages of a load.

use super::moments::SECOND_US;
use std::collections::BTreeMap;

/// The most moments that are counted each; when there are more, they are counted ten by ten.
const MOMENTS_MAX: usize = 100_000;
/// The most stages of a plan that are read at a glance.
const STAGES_MAX: i64 = 60;

/// Requests by the second in which they came.
#[derive(Debug)]
pub(super) struct PaceCounts {
    counts: BTreeMap<i64, u64>,
    /// The length of one moment, in seconds.
    width_s: i64,
}

/// A part of a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CountedStage {
    pub(super) requests: u64,
    pub(super) length_s: i64,
}

impl Default for PaceCounts {
    fn default() -> PaceCounts {
        PaceCounts { counts: BTreeMap::new(), width_s: 1 }
    }
}

impl PaceCounts {
    pub(super) fn add(&mut self, unix_us: i64) {
        *self.counts.entry(unix_us.div_euclid(SECOND_US * self.width_s)).or_insert(0) += 1;
        while self.counts.len() > MOMENTS_MAX {
            self.width_s *= 10;
            let mut wider = BTreeMap::new();
            for (moment, count) in std::mem::take(&mut self.counts) {
                *wider.entry(moment.div_euclid(10)).or_insert(0) += count;
            }
            self.counts = wider;
        }
    }

    /// The seconds from the first request to the end of the last one's second.
    pub(super) fn length_s(&self) -> i64 {
        match (self.counts.first_key_value(), self.counts.last_key_value()) {
            (Some((first, _)), Some((last, _))) => (last - first + 1) * self.width_s,
            _ => 0,
        }
    }

    /// Stages of one length each, but where nothing came: that is a part of the stage before it.
    pub(super) fn stages(&self) -> Vec<CountedStage> {
        let Some((first, _)) = self.counts.first_key_value() else { return Vec::new() };
        let moments = self.length_s() / self.width_s;
        let per_stage = (moments + STAGES_MAX - 1) / STAGES_MAX;
        let mut stages: Vec<CountedStage> = Vec::new();
        let mut from = 0;
        while from < moments {
            let to = (from + per_stage).min(moments);
            let requests = self.counts.range(first + from..first + to).map(|(_, count)| count).sum();
            let length_s = (to - from) * self.width_s;
            match stages.last_mut() {
                Some(last) if requests == 0 => last.length_s += length_s,
                _ => stages.push(CountedStage { requests, length_s }),
            }
            from = to;
        }
        stages
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pause_is_a_part_of_the_stage_before_it() {
        let mut pace = PaceCounts::default();
        [0, 400, 1_000, 9_999].into_iter().for_each(|ms| pace.add((1_000_000 + ms) * 1_000));
        let stage = |requests, length_s| CountedStage { requests, length_s };
        assert_eq!(pace.length_s(), 10);
        assert_eq!(pace.stages(), [stage(2, 1), stage(1, 8), stage(1, 1)]);
    }

    proptest! {
        #[test]
        fn stages_have_all_requests_and_all_the_time(times in prop::collection::vec(0_i64..3_000_000, 1..300)) {
            let mut pace = PaceCounts::default();
            times.iter().for_each(|ms| pace.add(*ms * 1_000));
            let stages = pace.stages();
            prop_assert_eq!(stages.iter().map(|stage| stage.requests).sum::<u64>(), times.len() as u64);
            prop_assert_eq!(stages.iter().map(|stage| stage.length_s).sum::<i64>(), pace.length_s());
            prop_assert!(stages.len() as i64 <= STAGES_MAX && stages.iter().all(|stage| stage.requests > 0));
        }
    }
}
