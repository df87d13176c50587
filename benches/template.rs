//! What rendering one request costs, by what has to be filled in.

mod timing;

use criterion::{Criterion, criterion_group, criterion_main};
use perf::operations::template;

fn template(criterion: &mut Criterion) {
    timing::time(criterion, &template::OPERATIONS);
}

criterion_group!(benches, template);
criterion_main!(benches);
