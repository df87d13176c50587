//! The next arrival: one step of a shard's token bucket, for each shape of load. When arrivals are intended is the
//! business of the engine's tests.

use super::operation::{CountedOperation, Work};
use engine::bucket::{Poll, Share, TokenBucket};
use engine::load::{Arrivals, Load, Overload};
use engine::phase::Phases;
use engine::quantity::{Rate, SECOND_NS};
use engine::random::Draws;
use engine::schedule::{Segment, Shape};

/// Long enough that a measurement is a small part of it, so that every shape is measured where it is itself.
const LENGTH_NS: u64 = 60 * SECOND_NS;
const SEED: u64 = 1;
/// The second of four shards: the step from one arrival to the next is then more than one.
const SHARE: Share = Share { shard: 1, shards: 4 };

/// One for each shape of load.
pub const OPERATIONS: [CountedOperation; 4] = [
    operation("constant", || work(open(Shape::Constant(high()), Arrivals::Uniform))),
    operation("poisson", || work(open(Shape::Constant(high()), Arrivals::Poisson))),
    operation("ramp", || work(open(Shape::Ramp { from: low(), to: high() }, Arrivals::Uniform))),
    operation("sine", || work(open(sine(), Arrivals::Uniform))),
];

const fn operation(name: &'static str, make: fn() -> Work) -> CountedOperation {
    CountedOperation { noun: "schedule", name, batch: 10_000, make }
}

fn low() -> Rate {
    Rate::per_second(1_000)
}

fn high() -> Rate {
    Rate::per_second(100_000)
}

fn sine() -> Shape {
    Shape::Sine { mean: high(), amplitude: high(), period_ns: SECOND_NS }
}

fn open(shape: Shape, arrivals: Arrivals) -> Load {
    let segments = vec![Segment { length_ns: LENGTH_NS, shape }];
    Load::Open { name: "counted".into(), segments, arrivals, overload: Overload::Queue }
}

fn bucket(load: &Load) -> TokenBucket {
    let phases = Phases { measure_from_ns: 0, measure_to_ns: LENGTH_NS };
    TokenBucket::new((0, load), phases, SHARE, Draws::new(SEED, 0), None).expect("an open load has a bucket")
}

/// Takes arrivals, which must come in order; when the load is over it begins again.
fn work(load: Load) -> Work {
    let (mut current, mut last_ns) = (bucket(&load), 0);
    Box::new(move |count| {
        let mut taken = 0;
        while taken < count {
            match current.poll_due(LENGTH_NS) {
                Poll::Due(arrival) if arrival.intended_ns >= last_ns => {
                    last_ns = arrival.intended_ns;
                    taken += 1;
                }
                Poll::Finished => (current, last_ns) = (bucket(&load), 0),
                other => panic!("after {last_ns} ns: {other:?}"),
            }
        }
    })
}
