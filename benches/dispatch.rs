//! What the whole loop costs per request, without a kernel. The real shard on a wire that costs next to nothing, and on
//! the simulated one.

mod timing;

use criterion::{Criterion, criterion_group, criterion_main};
use perf::operations::dispatch;

fn dispatch(criterion: &mut Criterion) {
    timing::time(criterion, &dispatch::OPERATIONS);
}

criterion_group!(benches, dispatch);
criterion_main!(benches);
