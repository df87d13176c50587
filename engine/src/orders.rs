//! What whoever started a run can ask of it while it goes on, whoever carries it out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// More stops than this are not counted: two already abort.
const STOPS_MAX: u8 = 100;

/// A handle on a run, which any thread may hold. Copies speak of the same run.
#[derive(Clone, Debug, Default)]
pub struct Orders(Arc<AtomicU8>);

/// What a run is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Go on.
    Run,
    /// Send nothing new, let what is under way finish.
    Drain,
    /// Stop at once.
    Abort,
}

impl Orders {
    /// Asks for a drain the first time, for an abort after that.
    pub fn stop(&self) {
        let count = |stops: u8| (stops < STOPS_MAX).then_some(stops + 1);
        // An error means that it was asked for often enough.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count);
    }

    /// What is asked now.
    #[inline]
    pub fn order(&self) -> Order {
        match self.0.load(Ordering::Relaxed) {
            0 => Order::Run,
            1 => Order::Drain,
            _ => Order::Abort,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_stop_aborts_and_so_does_any_further_one() {
        let orders = Orders::default();
        assert_eq!(orders.order(), Order::Run);
        orders.clone().stop();
        assert_eq!(orders.order(), Order::Drain);
        orders.stop();
        assert_eq!(orders.order(), Order::Abort);
        (0..1_000).for_each(|_| orders.stop());
        assert_eq!(orders.order(), Order::Abort);
    }
}
