//! Letting work that costs much take turns with everything else on the thread.
//!
//! A handshake takes the processor for a tenth of a millisecond at a time. When a thousand clients connect at once, a response that is due
//! would wait for all of them, since the runtime polls its tasks in turn. Here a few are let through in each round of the runtime,
//! and the others pass: who is not a handshake waits for those few at the most.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use tokio::task::spawn_local;

/// How many are let through in a round.
const PER_ROUND: u32 = 4;

/// What a thread's handshakes have in common.
pub(crate) struct Turns {
    left: Cell<u32>,
    is_round_awaited: Cell<bool>,
}

impl Turns {
    pub(crate) fn new() -> Rc<Turns> {
        Rc::new(Turns { left: Cell::new(PER_ROUND), is_round_awaited: Cell::new(false) })
    }

    /// Runs work, each step of which waits for its turn.
    pub(crate) async fn take<F: Future>(self: &Rc<Turns>, work: F) -> F::Output {
        let mut work = pin!(work);
        std::future::poll_fn(|context| {
            if self.begin() {
                return work.as_mut().poll(context);
            }
            // At the back of the runtime's queue, behind all that is ready by now.
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }

    /// Whether a step may be done in this round.
    fn begin(self: &Rc<Turns>) -> bool {
        if !self.is_round_awaited.replace(true) {
            let turns = Rc::clone(self);
            // It runs once everything that is ready by now has had its turn, which is when a round is over.
            spawn_local(async move {
                turns.is_round_awaited.set(false);
                turns.left.set(PER_ROUND);
            });
        }
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::runtime::{Builder, LocalOptions};
    use tokio::task::JoinSet;

    /// Goes to the back of the queue of what is ready. tokio's own `yield_now` waits for events as well.
    async fn pass() {
        let mut has_passed = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut has_passed, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    #[test]
    fn who_is_ready_waits_for_a_few_steps_and_not_for_all() {
        let runtime = Builder::new_current_thread().build_local(LocalOptions::default()).expect("a runtime");
        runtime.block_on(async {
            let (turns, steps, mut tasks) = (Turns::new(), Rc::new(Cell::new(0)), JoinSet::new());
            for _ in 0..500 {
                let (turns, steps) = (Rc::clone(&turns), Rc::clone(&steps));
                let work = async move {
                    for _ in 0..3 {
                        steps.set(steps.get() + 1);
                        pass().await;
                    }
                };
                tasks.spawn_local(async move { turns.take(work).await });
            }
            // Another task: what is run outside of all tasks has turns of its own.
            let observed = spawn_local(async move {
                let mut most = 0;
                while steps.get() < 500 * 3 {
                    let before = steps.get();
                    pass().await;
                    most = most.max(steps.get() - before);
                }
                most
            });
            let most = observed.await.expect("it ends");
            assert!((1..=2 * PER_ROUND).contains(&most), "{most} steps between two turns of another task");
            tasks.join_all().await;
        });
    }
}
