//! What finding the end of one HTTP/1.1 response costs, by how it arrives.

mod timing;

use criterion::{Criterion, criterion_group, criterion_main};
use perf::operations::http1;

fn http1(criterion: &mut Criterion) {
    timing::time(criterion, &http1::OPERATIONS);
}

criterion_group!(benches, http1);
criterion_main!(benches);
