//! A server with so many workers and no more: who waits for one, and until when. Arithmetic on times since the
//! server's start; no clock is read and nothing sleeps.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::num::NonZeroU32;
use std::time::Duration;

use crate::quantity::ValueError;

/// The most workers that can be asked for. Beyond it nothing queues that a machine of this size could send.
const WORKERS_LIMIT: u32 = 1024;

/// How many requests are served at a time over the whole server.
///
/// A request that finds all of them busy waits for the first one that becomes free, and who came first is served
/// first. So a server with N workers and a service time of S answers N / S requests a second, exactly, for as long
/// as there is always one waiting: each service begins at the later of the request's arrival and the end of the
/// service before it, computed when the request arrives, and how late the machine wakes up does not add up.
///
/// A worker is taken for the service time alone, silences that fall into it included, and not for the sending of
/// a slow body. A client that hangs up while it waits has taken its turn all the same.
pub(crate) type Workers = NonZeroU32;

/// Reads a number of workers.
pub(crate) fn parse_workers(text: &str) -> Result<Workers, ValueError> {
    let workers = text.parse().ok().filter(|workers: &Workers| workers.get() <= WORKERS_LIMIT);
    workers.ok_or_else(|| {
        ValueError::new(format!("`{text}` is not a number of workers; write 1 to {WORKERS_LIMIT}, or none"))
    })
}

/// The queues of a server, one for each number of workers that was asked for.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    queues: BTreeMap<Workers, WorkerQueue>,
}

impl Queues {
    /// Lets a request wait for one of so many workers. `serve` says when a service that begins at a time ends; so does
    /// what is returned, for the time this one begins.
    pub(crate) fn admit(
        &mut self,
        workers: Workers,
        arrived: Duration,
        serve: impl FnOnce(Duration) -> Duration,
    ) -> Duration {
        self.queues.entry(workers).or_insert_with(|| WorkerQueue::new(workers)).admit(arrived, serve)
    }
}

/// When each worker becomes free, the earliest on top: all that is to be known of a queue that is served in the order of
/// arrival (Kiefer and Wolfowitz, "On the theory of queues with many servers", 1955).
#[derive(Debug)]
struct WorkerQueue {
    free: BinaryHeap<Reverse<Duration>>,
}

impl WorkerQueue {
    fn new(workers: Workers) -> WorkerQueue {
        WorkerQueue { free: (0..workers.get()).map(|_| Reverse(Duration::ZERO)).collect() }
    }

    fn admit(&mut self, arrived: Duration, serve: impl FnOnce(Duration) -> Duration) -> Duration {
        let mut earliest = self.free.peek_mut().expect("there is at least one worker");
        let done = serve(arrived.max(earliest.0));
        *earliest = Reverse(done);
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use rand_distr::Distribution;
    use rand_xoshiro::Xoshiro256PlusPlus;
    use rand_xoshiro::rand_core::SeedableRng;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn workers(count: u32) -> Workers {
        Workers::new(count).expect("more than none")
    }

    #[test]
    fn a_request_waits_for_the_first_worker_that_becomes_free() {
        let mut queues = Queues::default();
        let mut done_ms = |arrived_ms, service_ms| {
            queues.admit(workers(2), MS(arrived_ms), |begun| begun + MS(service_ms)).as_millis()
        };
        assert_eq!((done_ms(0, 10), done_ms(1, 3)), (10, 4), "two are served at once");
        assert_eq!(done_ms(2, 5), 9, "the third begins when the second is done");
        assert_eq!(done_ms(2, 5), 14, "the fourth when the third is");
        assert_eq!(done_ms(50, 5), 55, "who finds a worker free does not wait");
    }

    #[test]
    fn queues_of_different_sizes_do_not_wait_for_each_other() {
        let mut queues = Queues::default();
        for count in [1, 2, 3] {
            assert_eq!(queues.admit(workers(count), MS(0), |begun| begun + MS(7)), MS(7));
        }
        assert_eq!(queues.admit(workers(1), MS(0), |begun| begun + MS(7)), MS(14));
        assert_eq!(queues.admit(workers(2), MS(0), |begun| begun + MS(7)), MS(7));
    }

    #[test]
    fn a_closed_loop_gets_exactly_the_capacity_however_late_its_clients_wake_up() {
        const CLIENTS: usize = 64;
        const REQUESTS: u32 = 20_000;
        let (mut queues, mut dice) = (Queues::default(), Xoshiro256PlusPlus::seed_from_u64(5));
        let mut next: BinaryHeap<Reverse<Duration>> = (0..CLIENTS).map(|_| Reverse(Duration::ZERO)).collect();
        let mut last = Duration::ZERO;
        for _ in 0..REQUESTS {
            let Reverse(arrived) = next.pop().expect("as many clients as there were");
            let done = queues.admit(workers(4), arrived, |begun| begun + MS(2));
            let late_us: f64 = rand_distr::Exp1.sample(&mut dice);
            next.push(Reverse(done + Duration::from_nanos((late_us * 300_000.0) as u64)));
            last = last.max(done);
        }
        // Four workers, two milliseconds each: the last is done when all have taken their share.
        assert_eq!(last, MS(2) * (REQUESTS / 4));
    }

    #[test]
    fn a_number_of_workers_is_from_one_to_the_limit() {
        assert_eq!(parse_workers("4"), Ok(workers(4)));
        assert_eq!(parse_workers("1024"), Ok(workers(1024)));
        for text in ["0", "-1", "1025", "4.0", "four", ""] {
            let error = parse_workers(text).expect_err(text).to_string();
            assert!(error.contains("write 1 to 1024"), "{error}");
        }
    }
}
