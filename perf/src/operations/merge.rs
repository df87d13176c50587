//! What the collector does with an interval: merges it, writes its slice of the history, and empties the recorder.
//!
//! Off the request path, and once for each interval; but its memory is the shards' cache.

use super::operation::{CountedOperation, Work};
use super::record::{PHASES, filled};
use engine::history::History;
use engine::outcome::Outcome;
use engine::quantity::SECOND_NS;
use engine::record::{Instants, Layout, Recorder, Snapshot};

/// One for each step.
pub const OPERATIONS: [CountedOperation; 4] = [
    CountedOperation { noun: "merge", name: "recorder_into_snapshot", batch: 20, make: absorb },
    CountedOperation { noun: "merge", name: "snapshot_into_snapshot", batch: 20, make: merge },
    CountedOperation { noun: "merge", name: "slice_of_history", batch: 4, make: slice },
    CountedOperation { noun: "merge", name: "clear_recorder", batch: 20, make: clear },
];

fn absorb() -> Work {
    let (full, mut snapshot) = (filled(), Snapshot::new(1, &Layout::new([1]), PHASES));
    let (each, mut total) = (full.requests.series.measured[0].response.count(), 0);
    Box::new(move |count| {
        (0..count).for_each(|_| snapshot.absorb(&full));
        total += count * each;
        assert_eq!(snapshot.requests.series.measured[0].response.count(), total, "merging is exact");
    })
}

fn merge() -> Work {
    let (mut whole, interval) = (Snapshot::new(1, &Layout::new([1]), PHASES), interval());
    let (each, mut total) = (interval.requests.series.measured[0].response.count(), 0);
    Box::new(move |count| {
        (0..count).for_each(|_| whole.merge(&interval));
        total += count * each;
        assert_eq!(whole.requests.series.measured[0].response.count(), total, "merging is exact");
    })
}

/// A slice for each, beginning again before the history is full: joining slices is another cost.
fn slice() -> Work {
    let (interval, mut history) = (interval(), History::default());
    Box::new(move |count| {
        for _ in 0..count {
            if history.slices().len() == engine::history::SLICES_MAX {
                history = History::default();
            }
            history.push(&interval);
        }
        let last = history.slices().last().expect("a slice was added");
        assert_eq!(last.ok, interval.requests.series.measured[0].ok, "the slice is of the interval");
    })
}

/// One request is written first, because what is empty is not emptied.
fn clear() -> Work {
    let mut recorder = filled();
    Box::new(move |count| {
        for _ in 0..count {
            write_one(&mut recorder);
            recorder.clear(SECOND_NS);
        }
        let series = &recorder.requests.series.measured[0];
        assert_eq!((series.response.count(), series.lag.count()), (0, 0));
    })
}

fn write_one(recorder: &mut Recorder) {
    recorder.sent(0, 0, 1_000, 1);
    recorder.done(0, Outcome::Ok(200), Instants { intended: 0, sent: 1_000, done: 200_000 }, 1_000, 1);
}

fn interval() -> Snapshot {
    let mut snapshot = Snapshot::new(1, &Layout::new([1]), PHASES);
    snapshot.absorb(&filled());
    snapshot
}
