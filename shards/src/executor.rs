//! The pinned executors. The only file that names glommio, whose upstream is quiet: whatever replaces it replaces this.
//!
//! One `LocalExecutor` per core hosts the shard's loop as one long-lived task. The loop asks `need_preempt` each turn
//! (two loads) and yields only then, so that timers and other tasks on the executor get their time; it never blocks longer
//! than a few milliseconds (see `pace.rs`).

use crate::shard::Turn;
use glommio::{ExecutorJoinHandle, LocalExecutorBuilder, Placement, PoolPlacement};
use std::time::Duration;

/// How often the executor wants to look at its other tasks.
const PREEMPT: Duration = Duration::from_millis(5);

/// A loop to be run on a pinned core.
pub(crate) trait Looping {
    /// One turn. An error ends the loop.
    fn turn(&mut self) -> Result<Turn, String>;
}

/// A loop that is running.
pub(crate) struct Pinned {
    core: usize,
    handle: ExecutorJoinHandle<Result<(), String>>,
}

/// Starts a loop on a core. `make` runs there, so that what it makes is at home on that core; `on_failure` runs there when
/// the loop ends with an error or a panic.
pub(crate) fn spawn<L: Looping + 'static>(
    core: usize,
    make: impl FnOnce() -> Result<L, String> + Send + 'static,
    on_failure: impl FnOnce() + Send + 'static,
) -> Result<Pinned, String> {
    let builder = LocalExecutorBuilder::new(Placement::Fixed(core))
        .name(&format!("shard-{core}"))
        // No file is read on a shard; the blocking thread must not sit on the shard's core.
        .io_memory(0)
        .blocking_thread_pool_placement(PoolPlacement::Unbound(1))
        .preempt_timer(PREEMPT);
    let handle = builder
        .spawn(move || async move {
            let mut alarm = Alarm(Some(on_failure));
            run(make()?).await?;
            alarm.0 = None;
            Ok(())
        })
        .map_err(|error| format!("the executor on core {core} did not start: {error}"))?;
    Ok(Pinned { core, handle })
}

/// Goes off when it is dropped, unless it was emptied before.
struct Alarm<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for Alarm<F> {
    fn drop(&mut self) {
        if let Some(on_failure) = self.0.take() {
            on_failure();
        }
    }
}

async fn run(mut looping: impl Looping) -> Result<(), String> {
    while looping.turn()? == Turn::Continue {
        if glommio::executor().need_preempt() {
            glommio::executor().yield_now().await;
        }
    }
    Ok(())
}

impl Pinned {
    /// Waits for the loop to end.
    pub(crate) fn join(self) -> Result<(), String> {
        let core = self.core;
        self.handle.join().map_err(|error| format!("the shard on core {core} died: {error}"))?
    }
}
