//! A slice's part of iterations and of named flows: how often they were gone through, and how long that took.

use crate::distribution::{Distribution, UnreadableHistogram};
use crate::record::IterationRecord;
use serde::{Deserialize, Serialize};

/// How the iterations of a scenario ended in a slice, or the times that one of its named flows was gone through.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PassSlice {
    /// Whose requests were all successes. Of warm-up slices: all; of the others: those that the report is about.
    pub ok: u64,
    /// In which a request failed.
    pub failed: u64,
    /// How long those of the measured window took that ended well, without the time spent thinking: HdrHistogram V2, compressed, base64.
    pub iteration_hdr: String,
    /// The same with the time spent thinking; empty where none was, so that it is the same.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub duration_hdr: String,
}

impl PassSlice {
    /// What is recorded of a slice.
    pub(crate) fn of(record: &IterationRecord, counts_all: bool) -> PassSlice {
        let counted = |of: &crate::bucket::Tally| of.measured + if counts_all { of.outside } else { 0 };
        let pass =
            PassSlice { ok: counted(&record.ok), failed: counted(&record.failed), ..PassSlice::default() };
        pass.with_times(record.waited.encode(), record.lasted.encode())
    }

    fn with_times(self, iteration_hdr: String, duration_hdr: String) -> PassSlice {
        // One text means one distribution: it is the same library that writes both.
        let duration_hdr = if duration_hdr == iteration_hdr { String::new() } else { duration_hdr };
        PassSlice { iteration_hdr, duration_hdr, ..self }
    }

    /// With the time spent thinking.
    pub fn duration_hdr(&self) -> &str {
        if self.duration_hdr.is_empty() { &self.iteration_hdr } else { &self.duration_hdr }
    }

    /// Whether something was thought.
    pub fn has_thought(&self) -> bool {
        !self.duration_hdr.is_empty()
    }

    /// The times without thinking. Errors name what is wrong with a histogram that this program did not write.
    pub fn iteration(&self) -> Result<Distribution, UnreadableHistogram> {
        Distribution::decode(&self.iteration_hdr)
    }

    /// Takes over that of the slice that follows.
    pub(crate) fn absorb(&mut self, next: &PassSlice) {
        let (mut iteration_hdr, mut duration_hdr) =
            (self.iteration_hdr.clone(), self.duration_hdr().to_owned());
        merge_encoded(&mut iteration_hdr, &next.iteration_hdr);
        match self.has_thought() || next.has_thought() {
            true => merge_encoded(&mut duration_hdr, next.duration_hdr()),
            false => duration_hdr.clone_from(&iteration_hdr),
        }
        let (ok, failed) = (self.ok + next.ok, self.failed + next.failed);
        *self = PassSlice { ok, failed, ..PassSlice::default() }.with_times(iteration_hdr, duration_hdr);
    }
}

/// Adds one encoded histogram to another.
pub(crate) fn merge_encoded(own: &mut String, other: &str) {
    const OURS: &str = "slices of a history are encoded here";
    let mut merged = Distribution::decode(own).expect(OURS);
    merged.merge(&Distribution::decode(other).expect(OURS));
    *own = merged.encode();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Tally;

    /// Iterations of so many nanoseconds each, with so much thought.
    fn slice(times: &[(u64, u64)]) -> PassSlice {
        let mut record =
            IterationRecord { ok: Tally { measured: times.len() as u64, outside: 5 }, ..Default::default() };
        for (waited_ns, thought_ns) in times {
            record.waited.record(*waited_ns);
            record.lasted.record(waited_ns + thought_ns);
        }
        PassSlice::of(&record, false)
    }

    #[test]
    fn times_with_thinking_stand_beside_those_without_where_they_differ() {
        let (plain, thinking) = (slice(&[(5, 0), (7, 0)]), slice(&[(5, 100)]));
        assert_eq!((plain.has_thought(), thinking.has_thought(), plain.ok), (false, true, 2));
        assert_eq!(plain.duration_hdr(), plain.iteration_hdr);
        for (first, second) in
            [(&plain, &thinking), (&thinking, &plain), (&plain, &plain), (&thinking, &thinking)]
        {
            let mut both = first.clone();
            both.absorb(second);
            let counted = |text: &str| Distribution::decode(text).unwrap().counts().collect::<Vec<_>>();
            let mut expected = [Distribution::new(), Distribution::new()];
            for one in [first, second] {
                expected[0].merge(&Distribution::decode(&one.iteration_hdr).unwrap());
                expected[1].merge(&Distribution::decode(one.duration_hdr()).unwrap());
            }
            assert_eq!(both.ok, first.ok + second.ok);
            assert_eq!(counted(&both.iteration_hdr), expected[0].counts().collect::<Vec<_>>());
            assert_eq!(counted(both.duration_hdr()), expected[1].counts().collect::<Vec<_>>());
            assert_eq!(both.has_thought(), first.has_thought() || second.has_thought());
        }
    }
}
