//! What the next arrival costs: one step of a shard's token bucket, for each shape of load.
//!
//! Not about when arrivals are intended, which the engine's tests claim; only about how long it takes to say so.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use engine::bucket::{Poll, Share, TokenBucket};
use engine::load::{Arrivals, Load, Overload};
use engine::phase::Phases;
use engine::quantity::{Rate, SECOND_NS};
use engine::schedule::{Shape, Stretch};

/// Arrivals taken in one iteration; each load below offers more.
const ARRIVALS: u64 = 1_000;
const LENGTH_NS: u64 = 60 * SECOND_NS;
const SEED: u64 = 1;

fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("schedule");
    group.throughput(Throughput::Elements(ARRIVALS));
    for (name, load) in loads() {
        let fresh = || bucket(&load);
        group.bench_function(name, |bencher| bencher.iter_batched_ref(fresh, take, BatchSize::SmallInput));
    }
    group.finish();
}

fn loads() -> [(&'static str, Load); 4] {
    let (low, high) = (Rate::per_second(1_000), Rate::per_second(100_000));
    let sine = Shape::Sine { mean: high, amplitude: high, period_ns: SECOND_NS };
    [
        ("uniform", open(Shape::Constant(high), Arrivals::Uniform)),
        ("poisson", open(Shape::Constant(high), Arrivals::Poisson)),
        ("ramp", open(Shape::Ramp { from: low, to: high }, Arrivals::Uniform)),
        ("sine", open(sine, Arrivals::Uniform)),
    ]
}

fn open(shape: Shape, arrivals: Arrivals) -> Load {
    let stretches = vec![Stretch { length_ns: LENGTH_NS, shape }];
    Load::Open { name: "bench".into(), stretches, arrivals, overload: Overload::Queue }
}

/// The bucket of the second of four shards: the step from one arrival to the next is then more than one.
fn bucket(load: &Load) -> TokenBucket {
    let phases = Phases { measure_from_ns: 0, measure_to_ns: LENGTH_NS };
    let share = Share { shard: 1, shards: 4 };
    TokenBucket::new(load, phases, share, SEED, None).expect("an open load has a bucket")
}

/// Takes the arrivals of one iteration, which must be there, in order.
fn take(bucket: &mut TokenBucket) -> u64 {
    let mut last_ns = 0;
    for arrival in 0..ARRIVALS {
        match bucket.poll_due(LENGTH_NS) {
            Poll::Due { intended_ns } if intended_ns >= last_ns => last_ns = intended_ns,
            other => panic!("arrival {arrival} after {last_ns} ns: {other:?}"),
        }
    }
    last_ns
}

criterion_group!(benches, steps);
criterion_main!(benches);
