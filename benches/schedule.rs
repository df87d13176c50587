//! What the next arrival costs: one step of a shard's token bucket, for each shape of load.

mod timing;

use criterion::{Criterion, criterion_group, criterion_main};
use perf::operations::schedule;

fn schedule(criterion: &mut Criterion) {
    timing::time(criterion, &schedule::OPERATIONS);
}

criterion_group!(benches, schedule);
criterion_main!(benches);
