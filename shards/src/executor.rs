//! Executors: the loop of a shard on a pinned core. The only file that names glommio, whose upstream is quiet: whatever
//! replaces it replaces this.
//!
//! One `LocalExecutor` per core hosts the shard's loop as its one task, which has the core until it ends and never gives it
//! back: see [`NEVER`]. It never blocks longer than a few milliseconds (see `pace.rs`).

use crate::failures::enter_failed;
use crate::shard::Turn;
use engine::failure::{FailureKind, RunFailure};
use glommio::{ExecutorJoinHandle, LocalExecutorBuilder, Placement, PoolPlacement};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::io;
use std::time::Duration;

/// When the executor's preemption timer goes off. When it is over before the executor has looked at its tasks, because
/// something else had the core, glommio 0.9 takes them for idle and sleeps for ever (`run_task_queues`); a timer that wakes it
/// is lost in the same way. So a task that gives way may never go on, and nor may one that has not begun. The loop is the
/// executor's only task, so there is nobody to give way to.
const NEVER: Duration = Duration::from_secs(100 * 365 * 86_400);

/// A loop to be run on a pinned core.
pub(crate) trait Looping {
    /// One turn. An error ends the loop.
    fn turn(&mut self) -> io::Result<Turn>;
}

/// A loop that is running.
pub(crate) struct Pinned {
    core: usize,
    handle: ExecutorJoinHandle<Result<(), RunFailure>>,
}

/// Starts a loop on a core. `make` runs there, so that what it makes is at home on that core; `on_failure` runs there when
/// the loop ends with an error or a panic.
pub(crate) fn spawn<L: Looping + 'static>(
    core: usize,
    make: impl FnOnce() -> Result<L, RunFailure> + Send + 'static,
    on_failure: impl FnOnce() + Send + 'static,
) -> Result<Pinned, RunFailure> {
    // Pinned by `pin`, not by glommio, which reads the cores from /sys and panics where a bare root has none.
    let builder = LocalExecutorBuilder::new(Placement::Unbound)
        .name(&format!("shard-{core}"))
        // No file is read on a shard; the blocking thread must not sit on the shard's core.
        .io_memory(0)
        .blocking_thread_pool_placement(PoolPlacement::Unbound(1))
        .preempt_timer(NEVER);
    let handle = builder
        .spawn(move || async move {
            let mut alarm = Alarm(Some(on_failure));
            pin(core)?;
            let mut looping = make()?;
            while looping.turn().map_err(enter_failed)? == Turn::Continue {}
            alarm.0 = None;
            Ok(())
        })
        .map_err(|error| {
            FailureKind::Thread.failure(format!("the executor on core {core} did not start: {error}"))
        })?;
    Ok(Pinned { core, handle })
}

/// Keeps this thread on a core. The executor's blocking thread was started before, so it is not kept there.
fn pin(core: usize) -> Result<(), RunFailure> {
    let mut only = CpuSet::new();
    only.set(core).and_then(|()| sched_setaffinity(Pid::from_raw(0), &only)).map_err(|error| {
        FailureKind::Thread.failure(format!("the shard cannot be kept on core {core}: {error}"))
    })
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

impl Pinned {
    /// Waits for the loop to end.
    pub(crate) fn join(self) -> Result<(), RunFailure> {
        let core = self.core;
        let died = |error| FailureKind::Panic.failure(format!("the shard on core {core} died: {error}"));
        self.handle.join().map_err(died)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// A loop of one turn, longer than the preemption timer that glommio has where none is given: 100 ms.
    struct Asking;

    impl Looping for Asking {
        fn turn(&mut self) -> io::Result<Turn> {
            let since = Instant::now();
            while since.elapsed() < Duration::from_millis(250) {}
            match glommio::executor().need_preempt() {
                true => Err(io::Error::other("the executor wants its core back")),
                false => Ok(Turn::Finished),
            }
        }
    }

    /// A loop that looks where it may run.
    struct Looking(usize);

    impl Looping for Looking {
        fn turn(&mut self) -> io::Result<Turn> {
            let allowed = crate::machine::allowed_cores();
            match allowed == [self.0] {
                true => Ok(Turn::Finished),
                false => Err(io::Error::other(format!("may run on {allowed:?}"))),
            }
        }
    }

    #[test]
    fn a_loop_runs_on_its_core_alone_and_a_core_that_is_none_is_told() {
        for core in crate::machine::allowed_cores() {
            assert_eq!(spawn(core, move || Ok(Looking(core)), || {}).unwrap().join(), Ok(()));
        }
        for core in [1_023, 9_999] {
            let failure = spawn(core, move || Ok(Looking(core)), || {}).unwrap().join().unwrap_err();
            assert!(failure.text.contains(&format!("cannot be kept on core {core}")), "{}", failure.text);
        }
    }

    #[test]
    fn a_loop_is_never_asked_to_give_way() {
        let core = crate::machine::allowed_cores()[0];
        let pinned = spawn(core, || Ok(Asking), || {}).unwrap();
        assert_eq!(pinned.join(), Ok(()));
    }
}
