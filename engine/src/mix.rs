//! The built-in source: request templates drawn by weight.

use crate::outcome::Outcome;
use crate::random::Random;
use crate::seams::Source;
use crate::template::Template;

/// One request of a mix, encoded for its protocol.
#[derive(Clone, Debug)]
pub struct Step {
    /// The bytes to send, with their holes.
    pub template: Template,
    /// How often it is drawn, relative to the others.
    pub weight: u32,
    /// True when the answer has no body whatever its head says, as for HEAD.
    pub is_bodyless: bool,
}

/// Weighted templates, for one shard.
#[derive(Clone, Debug)]
pub struct Mix {
    steps: Vec<Step>,
    constants: Vec<Option<Vec<u8>>>,
    /// Weights summed up: step k is drawn for numbers below `cumulated[k]` and not below the one before.
    cumulated: Vec<u64>,
    random: Random,
    seq: u64,
    seq_step: u64,
}

impl Mix {
    /// The mix of shard `shard` of `shards`; their counters interleave, so `{{seq}}` is unique over the run. Panics on an
    /// empty mix or one that weighs nothing, which no plan holds.
    pub fn new(steps: Vec<Step>, seed: u64, shard: u64, shards: u64) -> Mix {
        let sum = |total: &mut u64, step: &Step| {
            *total += u64::from(step.weight);
            Some(*total)
        };
        let cumulated: Vec<u64> = steps.iter().scan(0, sum).collect();
        assert!(cumulated.last().is_some_and(|&total| total > 0), "a plan's requests weigh something");
        let constants = steps.iter().map(|step| step.template.constant()).collect();
        // Arrivals draw from streams numbered from 0; values draw from the other end of the numbers.
        Mix {
            steps,
            constants,
            cumulated,
            random: Random::new(seed, u64::MAX - shard),
            seq: shard,
            seq_step: shards,
        }
    }
}

impl Source for Mix {
    fn steps(&self) -> usize {
        self.steps.len()
    }

    #[inline]
    fn next_step(&mut self) -> usize {
        if self.steps.len() == 1 {
            return 0;
        }
        let total = self.cumulated[self.cumulated.len() - 1];
        let drawn = self.random.between(0, total - 1);
        self.cumulated.partition_point(|&bound| bound <= drawn)
    }

    fn constant(&self, step: usize) -> Option<&[u8]> {
        self.constants[step].as_deref()
    }

    fn bytes_max(&self, step: usize) -> usize {
        self.steps[step].template.bytes_max()
    }

    #[inline]
    fn render(&mut self, step: usize, out: &mut Vec<u8>) {
        self.steps[step].template.render(self.seq, &mut self.random, out);
        self.seq += self.seq_step;
    }

    fn is_bodyless(&self, step: usize) -> bool {
        self.steps[step].is_bodyless
    }

    #[inline]
    fn judge(&self, _step: usize, status: u16) -> Outcome {
        Outcome::of_status(status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template;

    fn step(text: &str, weight: u32) -> Step {
        Step { template: Template::new(template::parse(text).unwrap()).unwrap(), weight, is_bodyless: false }
    }

    #[test]
    fn steps_are_drawn_by_weight() {
        let mut mix = Mix::new(vec![step("a", 1), step("b", 0), step("c", 9)], 1, 0, 1);
        let mut drawn = [0_u32; 3];
        (0..10_000).for_each(|_| drawn[mix.next_step()] += 1);
        assert_eq!(drawn[1], 0);
        assert!(drawn[0].abs_diff(1_000) < 150, "{drawn:?}");
    }

    #[test]
    fn counters_of_shards_interleave() {
        let rendered = |shard| {
            let mut mix = Mix::new(vec![step("{{seq}}", 1)], 1, shard, 2);
            let mut out = Vec::new();
            (0..3).for_each(|_| mix.render(0, &mut out));
            String::from_utf8(out).unwrap()
        };
        assert_eq!((rendered(0).as_str(), rendered(1).as_str()), ("024", "135"));
    }
}
