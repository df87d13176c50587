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

/// How long the executor sleeps at most. It may fall asleep although the loop wants to go on: when its preemption timer is over
/// before it has looked at its tasks, because something else had the core, it takes them for idle (glommio 0.9,
/// `run_task_queues`). A timer of ours wakes it.
const SLEEP_MAX: Duration = Duration::from_millis(10);

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
    spawn_preempted(core, PREEMPT, make, on_failure)
}

fn spawn_preempted<L: Looping + 'static>(
    core: usize,
    preempt: Duration,
    make: impl FnOnce() -> Result<L, String> + Send + 'static,
    on_failure: impl FnOnce() + Send + 'static,
) -> Result<Pinned, String> {
    let builder = LocalExecutorBuilder::new(Placement::Fixed(core))
        .name(&format!("shard-{core}"))
        // No file is read on a shard; the blocking thread must not sit on the shard's core.
        .io_memory(0)
        .blocking_thread_pool_placement(PoolPlacement::Unbound(1))
        .preempt_timer(preempt);
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
    // Ends with this function: a task that is dropped is cancelled.
    let _waker = glommio::spawn_local(async {
        loop {
            glommio::timer::sleep(SLEEP_MAX).await;
        }
    });
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// A loop of so many turns, each long enough for the preemption timer to be over.
    struct Counted(u32);

    impl Looping for Counted {
        fn turn(&mut self) -> Result<Turn, String> {
            let since = Instant::now();
            while since.elapsed() < Duration::from_micros(150) {}
            self.0 -= 1;
            Ok(if self.0 == 0 { Turn::Finished } else { Turn::Continue })
        }
    }

    #[test]
    fn an_executor_that_is_preempted_before_it_looks_at_its_tasks_goes_on_all_the_same() {
        let core = crate::allowed_cores()[0];
        // So short that it is often over between being set and being asked for.
        let preempt = Duration::from_micros(100);
        let pinned = spawn_preempted(core, preempt, || Ok(Counted(2_000)), || {}).unwrap();
        assert_eq!(pinned.join(), Ok(()));
    }
}
