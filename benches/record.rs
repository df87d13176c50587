//! What writing a request down costs, and what merging an interval costs the collector.
//!
//! One request is four histograms: response, service and slip when it is done, and the generator's lag when it is sent.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use engine::outcome::Outcome;
use engine::phase::Phases;
use engine::quantity::SECOND_NS;
use engine::random::Random;
use engine::record::{Instants, Recorder};
use engine::snapshot::Snapshot;

const PHASES: Phases = Phases { measure_from_ns: 0, measure_to_ns: 3_600 * SECOND_NS };
/// Requests in one iteration.
const REQUESTS: usize = 1_024;
/// Means of the drawn times: loopback's, so that about as many buckets are touched as in a busy run.
const SLIP_NS_MEAN: f64 = 300.0;
const SERVICE_NS_MEAN: f64 = 200_000.0;
const REQUEST_BYTES: u64 = 100;
const ANSWER_BYTES: u64 = 250;

fn record(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record");
    group.throughput(Throughput::Elements(REQUESTS as u64));
    let drawn = draw();
    let mut recorder = Recorder::new(0, 1, PHASES);
    let mut rounds = 0;
    group.bench_function("done: three histograms", |bencher| {
        bencher.iter(|| {
            drawn.iter().for_each(|&instants| recorder.done(0, Outcome::Ok(200), instants, ANSWER_BYTES));
            rounds += 1;
        });
    });
    assert_eq!(recorder.measured[0].response.count(), rounds * REQUESTS as u64, "every request is recorded");
    assert_eq!(recorder.measured[0].slip.count(), recorder.figures.finished);
    let mut rounds = 0;
    group.bench_function("sent: one histogram", |bencher| {
        bencher.iter(|| {
            drawn.iter().for_each(|at| recorder.sent(0, at.intended, at.sent, at.intended, REQUEST_BYTES));
            rounds += 1;
        });
    });
    assert_eq!(recorder.lag.count(), rounds * REQUESTS as u64, "every sending is recorded");
    group.finish();
}

fn hand_over(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("interval");
    let full = filled();
    let mut snapshot = Snapshot::new(1, 1, PHASES);
    let mut rounds = 0;
    group.bench_function("merge into a snapshot", |bencher| {
        bencher.iter(|| {
            snapshot.absorb(&full);
            rounds += 1;
        });
    });
    assert_eq!(snapshot.measured[0].response.count(), rounds * REQUESTS as u64, "merging is exact");
    group.bench_function("clear a recorder", |bencher| {
        let clear = |recorder: &mut Recorder| {
            recorder.clear(SECOND_NS);
            assert_eq!(recorder.measured[0].response.count(), 0);
        };
        bencher.iter_batched_ref(|| full.clone(), clear, BatchSize::LargeInput);
    });
    group.finish();
}

fn filled() -> Recorder {
    let mut recorder = Recorder::new(0, 1, PHASES);
    for at in draw() {
        recorder.sent(0, at.intended, at.sent, at.intended, REQUEST_BYTES);
        recorder.done(0, Outcome::Ok(200), at, ANSWER_BYTES);
    }
    recorder
}

fn draw() -> Vec<Instants> {
    let mut random = Random::new(1, 0);
    let mut instants = |intended: u64| {
        let sent = intended + (random.exponential() * SLIP_NS_MEAN) as u64;
        Instants { intended, sent, done: sent + (random.exponential() * SERVICE_NS_MEAN) as u64 }
    };
    (0..REQUESTS as u64).map(|request| instants(request * 100_000)).collect()
}

criterion_group!(benches, record, hand_over);
criterion_main!(benches);
