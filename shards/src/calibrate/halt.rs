//! How a calibration is ended from outside: a flag that its loops look at, and the run under way, which is told to drain.

use engine::orders::Orders;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Set once, from any thread.
#[derive(Debug, Default)]
pub struct Halt {
    is_set: AtomicBool,
    running: Mutex<Option<Orders>>,
}

impl Halt {
    /// Ends the calibration: the run under way drains, the next one stops as it starts.
    pub fn set(&self) {
        self.is_set.store(true, Ordering::Release);
        if let Some(orders) = &*self.running.lock().unwrap_or_else(PoisonError::into_inner) {
            orders.stop();
        }
    }

    /// Whether it was set.
    pub fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Acquire)
    }

    /// The orders of a new run, which is stopped when the calibration is, even if that has been before.
    pub(super) fn orders(&self) -> Orders {
        let orders = Orders::default();
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(orders.clone());
        if self.is_set() {
            orders.stop();
        }
        orders
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::orders::Order;

    #[test]
    fn the_run_under_way_and_every_later_one_is_told_to_drain() {
        let halt = Halt::default();
        let before = halt.orders();
        assert_eq!((halt.is_set(), before.order()), (false, Order::Run));
        halt.set();
        assert_eq!((halt.is_set(), before.order()), (true, Order::Drain));
        assert_ne!(halt.orders().order(), Order::Run);
    }
}
