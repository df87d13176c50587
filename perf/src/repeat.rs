//! `operation`: does one operation so many times and says what was allocated. What `counters` runs under valgrind.

use crate::counting::{self, Allocations};
use clap::Args;
use vajra_perf::operations::{self, CountedOperation};

/// An operation and how often.
#[derive(Args)]
pub(crate) struct RepeatOptions {
    /// The operation, such as schedule/constant
    title: String,
    /// How many; rounded up to whole batches
    #[arg(long)]
    count: u64,
}

/// Does it.
pub(crate) fn run(options: &RepeatOptions) -> Result<(), String> {
    let titles = || operations::all().map(CountedOperation::title).collect::<Vec<_>>().join(", ");
    let operation = operations::find(&options.title)
        .ok_or_else(|| format!("there is no operation `{}`; there are {}", options.title, titles()))?;
    let count = options.count.next_multiple_of(operation.batch);
    let allocated = allocated(operation, count);
    println!("{count} times {}: {} allocations, {} bytes", options.title, allocated.count, allocated.bytes);
    Ok(())
}

/// What doing an operation allocates, preparing excluded, on the calling thread.
pub(crate) fn allocated(operation: &CountedOperation, count: u64) -> Allocations {
    let mut work = (operation.make)();
    let before = counting::on_this_thread();
    work(count);
    counting::on_this_thread() - before
}
