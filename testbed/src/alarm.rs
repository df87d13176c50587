//! Waiting until an instant, precisely. One kernel timer serves every request of the server.
//!
//! tokio's timers round up to a millisecond, which would turn a service time of 200 µs into anything up
//! to 2 ms. Here the instants waited for are kept in order, a timerfd (an hrtimer of nanosecond
//! resolution, not subject to the thread's timer slack) is set to the earliest, and its becoming readable
//! wakes every task whose instant has come. A wait never ends early. It does not spin: on a shared machine
//! a spinning server takes the time of the load generator that measures it.
//!
//! Accuracy, by `cargo run --release --example accuracy` on a 2-core virtual machine with the client on the
//! same machine (µs, from sending a request to having its response; the first line is the loopback alone):
//!
//! | service | min | p50 | p90 | p99 | | p50, p99 of 16 clients at once |
//! |---|---|---|---|---|---|---|
//! | none | 13 | 44 | 73 | 95 | | 165, 263 |
//! | 50 µs | 83 | 95 | 133 | 160 | | 205, 302 |
//! | 200 µs | 235 | 247 | 292 | 317 | | 328, 406 |
//! | 1 ms | 1038 | 1052 | 1099 | 1135 | | 1181, 1411 |
//! | 5 ms | 5042 | 5085 | 5151 | 5201 | | 5184, 5488 |
//!
//! The median is 45 to 85 µs above the service time, of which the loopback alone is 44. The worst
//! of a thousand were up to 2 ms late, of sixteen thousand up to 4 ms, the latter also without any wait;
//! the cause was not traced. On a saturated server add its queue.
//!
//! Not for coarse deadlines, such as the server's grace on stopping: tokio's own timers do for those.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The alarm of one server thread.
pub(crate) struct PreciseAlarm {
    timer: AsyncFd<KernelTimer>,
    waiting: RefCell<Waiting>,
}

/// tokio asks for `AsRawFd`, where nix has only the newer `AsFd`.
struct KernelTimer(TimerFd);

impl AsRawFd for KernelTimer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// Who waits for when. The ticket keeps apart tasks that wait for the same instant.
#[derive(Default)]
struct Waiting {
    wakers: BTreeMap<(Instant, u64), Waker>,
    tickets_issued: u64,
}

impl PreciseAlarm {
    /// Must be called inside a tokio runtime. Fails when the process is out of file descriptors.
    pub(crate) fn new() -> io::Result<PreciseAlarm> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = KernelTimer(TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?);
        #[expect(
            deprecated,
            reason = "its successor is unsafe, for types whose descriptor may change; ours cannot"
        )]
        let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
        Ok(PreciseAlarm { timer, waiting: RefCell::default() })
    }

    /// Wakes those who wait, for as long as it is polled. One task of the server runs this.
    pub(crate) async fn ring(self: Rc<Self>) {
        loop {
            let mut ready = self.timer.readable().await.expect("the reactor outlives the tasks it runs");
            // How often the timer expired is of no interest, nor is a read that finds it already re-set.
            let _ = self.timer.get_ref().0.wait();
            ready.clear_ready();
            self.wake_due(Instant::now());
        }
    }

    fn wake_due(&self, now: Instant) {
        let mut waiting = self.waiting.borrow_mut();
        while let Some(earliest) = waiting.wakers.first_entry() {
            let (due, _) = *earliest.key();
            if due > now {
                self.set(due);
                return;
            }
            earliest.remove().wake();
        }
    }

    fn set(&self, due: Instant) {
        // Zero would disarm the timer; an instant that has passed is due as soon as can be.
        let wait = due.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
        let once = Expiration::OneShot(TimeSpec::from_duration(wait));
        let KernelTimer(timer) = self.timer.get_ref();
        timer.set(once, TimerSetTimeFlags::empty()).expect("a timer of our own takes any time");
    }
}

/// Waits until an instant. Dropping it gives up the wait at once.
pub(crate) struct Sleep {
    alarm: Rc<PreciseAlarm>,
    due: Instant,
    ticket: Option<u64>,
}

impl Sleep {
    pub(crate) fn until(alarm: &Rc<PreciseAlarm>, due: Instant) -> Sleep {
        Sleep { alarm: Rc::clone(alarm), due, ticket: None }
    }

    fn wait(&mut self, waker: &Waker) {
        let waiting = &mut *self.alarm.waiting.borrow_mut();
        let ticket = *self.ticket.get_or_insert_with(|| {
            waiting.tickets_issued += 1;
            waiting.tickets_issued
        });
        let is_earliest =
            waiting.wakers.first_key_value().is_none_or(|(earliest, _)| (self.due, ticket) < *earliest);
        waiting.wakers.insert((self.due, ticket), waker.clone());
        if is_earliest {
            self.alarm.set(self.due);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.due {
            return Poll::Ready(());
        }
        self.wait(context.waker());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.alarm.waiting.borrow_mut().wakers.remove(&(self.due, ticket));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::runtime::{Builder, LocalOptions};
    use tokio::task::{JoinSet, spawn_local};

    /// Runs `body` beside a ringing alarm.
    fn with_alarm<F: Future<Output = ()>>(body: impl FnOnce(Rc<PreciseAlarm>) -> F) {
        let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        runtime.expect("a runtime").block_on(async {
            let alarm = Rc::new(PreciseAlarm::new().expect("a timer"));
            spawn_local(Rc::clone(&alarm).ring());
            body(alarm).await;
        });
    }

    #[test]
    fn no_wait_ends_early_whatever_the_order_of_the_instants() {
        with_alarm(|alarm| async move {
            let mut sleepers = JoinSet::new();
            for wait_us in [900, 100, 500, 300, 0, 700, 100] {
                let due = Instant::now() + Duration::from_micros(wait_us);
                let sleep = Sleep::until(&alarm, due);
                sleepers.spawn_local(async move {
                    sleep.await;
                    assert!(Instant::now() >= due);
                });
            }
            assert_eq!(sleepers.join_all().await.len(), 7);
            assert!(alarm.waiting.borrow().wakers.is_empty());
        });
    }

    #[test]
    fn waits_of_many_pass_together() {
        with_alarm(|alarm| async move {
            let started = Instant::now();
            let mut sleepers = JoinSet::new();
            for _ in 0..200 {
                sleepers.spawn_local(Sleep::until(&alarm, started + Duration::from_millis(50)));
            }
            sleepers.join_all().await;
            // One after the other they would take ten seconds.
            assert!(started.elapsed() < Duration::from_secs(5));
        });
    }

    #[test]
    fn a_wait_given_up_leaves_nothing_behind_and_the_others_still_ring() {
        with_alarm(|alarm| async move {
            let now = Instant::now();
            let mut given_up = Sleep::until(&alarm, now + Duration::from_secs(3600));
            let kept = Sleep::until(&alarm, now + Duration::from_millis(2));
            tokio::select! {
                () = &mut given_up => panic!("an hour has not passed"),
                () = kept => {}
            }
            assert_eq!(alarm.waiting.borrow().wakers.len(), 1);
            drop(given_up);
            assert!(alarm.waiting.borrow().wakers.is_empty());
            Sleep::until(&alarm, Instant::now() + Duration::from_millis(1)).await;
        });
    }
}
