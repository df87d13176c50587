//! Flow control (RFC 9113, section 5.2): what may be sent, and what may be received.

use super::frames::THIRTY_ONE_BITS;

/// The size of every window before anything is said about it.
pub(super) const WINDOW_BYTES_DEFAULT: u32 = 65_535;

/// What may still be sent. May be below zero when the other side has made it smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SendWindow(i64);

impl SendWindow {
    pub(super) fn new(bytes: u32) -> SendWindow {
        SendWindow(bytes.into())
    }

    #[inline]
    pub(super) fn available(self) -> usize {
        self.0.max(0) as usize
    }

    #[inline]
    pub(super) fn take(&mut self, bytes: usize) {
        self.0 -= bytes as i64;
    }

    /// Changes it; false when it would be larger than any window can be.
    #[must_use]
    pub(super) fn change(&mut self, by: i64) -> bool {
        self.0 += by;
        self.0 <= i64::from(THIRTY_ONE_BITS)
    }
}

/// What may still be received, of a window that is filled up again when half of it is used.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ReceiveWindow {
    used: u32,
}

impl ReceiveWindow {
    /// Counts bytes that came; false when they were more than was allowed.
    #[inline]
    #[must_use]
    pub(super) fn take(&mut self, bytes: usize, size: u32) -> bool {
        self.used += bytes as u32;
        self.used <= size
    }

    /// What to give back, once it is worth a frame.
    #[inline]
    pub(super) fn give_back(&mut self, size: u32) -> Option<u32> {
        if self.used <= size / 2 {
            return None;
        }
        Some(std::mem::take(&mut self.used))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_may_be_below_zero_and_not_above_31_bits() {
        let mut window = SendWindow::new(WINDOW_BYTES_DEFAULT);
        window.take(60_000);
        assert!(window.change(-60_000));
        assert_eq!(window.available(), 0);
        assert!(window.change(54_466));
        assert_eq!(window.available(), 1);
        assert!(!window.change(i64::from(THIRTY_ONE_BITS)));
    }

    #[test]
    fn what_was_received_is_given_back_by_halves() {
        let mut window = ReceiveWindow::default();
        assert!(window.take(50, 100));
        assert_eq!(window.give_back(100), None);
        assert!(window.take(1, 100));
        assert_eq!(window.give_back(100), Some(51));
        assert!(window.take(100, 100) && !window.take(1, 100));
    }
}
