//! Iterations in the time series: of flows, what began and ended in an interval, and what was under way at its end.

use engine::bucket::Tally;
use engine::record::{IterationRecord, Snapshot};

/// The iterations of some scenarios in an interval.
pub(super) struct IterationInterval {
    pub(super) record: IterationRecord,
    /// Arrivals that were dropped, and never began.
    pub(super) dropped: u64,
    /// Arrivals that were withheld, and never began.
    pub(super) withheld: u64,
    /// How many were under way at its end; nothing where intervals before are missing.
    pub(super) under_way: Option<u64>,
}

/// How many iterations are under way, of each scenario.
#[derive(Debug, Default)]
pub(super) struct IterationsUnderWay(Vec<i64>);

pub(super) fn all(tally: Tally) -> u64 {
    tally.measured + tally.outside
}

impl IterationInterval {
    /// Of these scenarios; nothing where none of them is a flow.
    pub(super) fn new(
        snapshot: &Snapshot,
        under_way: &IterationsUnderWay,
        scenarios: impl Iterator<Item = usize>,
    ) -> Option<IterationInterval> {
        let mut together: Option<IterationInterval> = None;
        for scenario in scenarios {
            let Some(record) = &snapshot.requests.iterations[scenario] else { continue };
            let interval = together.get_or_insert_with(|| IterationInterval {
                record: IterationRecord::default(),
                dropped: 0,
                withheld: 0,
                under_way: (snapshot.lost == 0).then_some(0),
            });
            interval.record.merge(record);
            interval.dropped += all(snapshot.requests.scenarios[scenario].dropped);
            interval.withheld += all(snapshot.requests.scenarios[scenario].withheld);
            if let Some(count) = &mut interval.under_way {
                *count += under_way.of(scenario);
            }
        }
        together
    }

    pub(super) fn begun(&self) -> u64 {
        all(self.record.begun)
    }
}

impl IterationsUnderWay {
    /// Takes in the next interval.
    pub(super) fn pass(&mut self, snapshot: &Snapshot) {
        let iterations = &snapshot.requests.iterations;
        self.0.resize(iterations.len(), 0);
        for (count, record) in self.0.iter_mut().zip(iterations) {
            let Some(record) = record else { continue };
            let ended = all(record.ok) + all(record.failed) + all(record.unfinished);
            *count += all(record.begun) as i64 - ended as i64;
        }
    }

    fn of(&self, scenario: usize) -> u64 {
        self.0.get(scenario).map_or(0, |count| (*count).max(0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::phase::Phases;
    use engine::record::{Iteration, IterationEnd, Layout, Recorder};

    /// An interval in which so many began and ended.
    fn interval(layout: &Layout, begun: u64, ended: u64) -> Snapshot {
        let phases = Phases { measure_from_ns: 0, measure_to_ns: u64::MAX };
        let mut recorder = Recorder::new(0, layout, phases);
        (0..begun).for_each(|_| recorder.iteration_began(0, 1, 1));
        for number in 0..ended {
            let end = if number == 0 { IterationEnd::Failed } else { IterationEnd::Ok };
            let (waited_ns, lasted_ns, free_ns, why) = (5, 7, 8, "");
            let has_sent = true;
            let ended =
                Iteration { number, intended_ns: 1, end, waited_ns, lasted_ns, free_ns, has_sent, why };
            recorder.iteration_ended(0, &ended);
        }
        recorder.requests.scenarios[0].count_withheld(Tally { measured: 1, outside: 2 }, 0);
        let mut snapshot = Snapshot::new(1, layout, phases);
        snapshot.absorb(&recorder);
        snapshot
    }

    #[test]
    fn what_has_begun_and_not_ended_is_under_way() {
        let layout = Layout::new([2]).with_flows([0]);
        let mut under_way = IterationsUnderWay::default();
        let shown: Vec<_> = [(10, 2), (5, 5), (0, 8)]
            .into_iter()
            .map(|(begun, ended)| {
                let snapshot = interval(&layout, begun, ended);
                under_way.pass(&snapshot);
                let of_flow = IterationInterval::new(&snapshot, &under_way, 0..1).unwrap();
                assert_eq!((of_flow.dropped, of_flow.withheld), (0, 3));
                (of_flow.begun(), all(of_flow.record.failed), of_flow.under_way)
            })
            .collect();
        assert_eq!(shown, [(10, 1, Some(8)), (5, 1, Some(8)), (0, 1, Some(0))]);
        let mut torn = interval(&layout, 1, 0);
        torn.lost = 1;
        under_way.pass(&torn);
        assert_eq!(IterationInterval::new(&torn, &under_way, 0..1).unwrap().under_way, None);
        let mix = Layout::new([2]);
        assert!(IterationInterval::new(&interval(&mix, 0, 0), &under_way, 0..1).is_none());
    }
}
