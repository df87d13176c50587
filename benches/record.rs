//! What writing a request down costs, and what an interval costs the collector.

mod timing;

use criterion::{Criterion, criterion_group, criterion_main};
use perf::operations::{merge, record};

fn record(criterion: &mut Criterion) {
    timing::time(criterion, &record::OPERATIONS);
    timing::time(criterion, &merge::OPERATIONS);
}

criterion_group!(benches, record);
criterion_main!(benches);
