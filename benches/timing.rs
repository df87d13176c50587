//! An operation of `perf`, as criterion times it. What is done, and that it was done, is checked there.

use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use perf::operations::{CountedOperation, Work};
use std::time::{Duration, Instant};

/// A run of a loop takes some milliseconds, most of them always the same.
const SAMPLES: usize = 20;

/// Times every operation of a noun.
pub(crate) fn time(criterion: &mut Criterion, operations: &[CountedOperation]) {
    for operation in operations {
        let mut group = criterion.benchmark_group(operation.noun);
        group.throughput(Throughput::Elements(operation.batch)).sample_size(SAMPLES);
        time_one(&mut group, operation);
        group.finish();
    }
}

fn time_one(group: &mut BenchmarkGroup<WallTime>, operation: &CountedOperation) {
    let mut work = (operation.make)();
    group.bench_function(operation.name, |bencher| {
        bencher.iter_custom(|iterations| time_work(&mut work, iterations * operation.batch));
    });
}

fn time_work(work: &mut Work, count: u64) -> Duration {
    let begun = Instant::now();
    work(count);
    begun.elapsed()
}
