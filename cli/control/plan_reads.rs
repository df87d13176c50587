//! How often a run's plan was read, and what came of it: counted where it is read, for whoever hears of the run while it goes on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How often the file of a run's plan was read: never, where there is none.
#[derive(Debug, Default)]
pub(crate) struct PlanReads {
    taken_over: AtomicU64,
    refused: AtomicU64,
    is_last_refused: AtomicBool,
}

impl PlanReads {
    /// It was read, and what it says was refused or not.
    pub(crate) fn note(&self, is_refused: bool) {
        let count = if is_refused { &self.refused } else { &self.taken_over };
        count.fetch_add(1, Ordering::Relaxed);
        self.is_last_refused.store(is_refused, Ordering::Relaxed);
    }

    /// How often it was taken over, and how often refused.
    pub(crate) fn counts(&self) -> [u64; 2] {
        [&self.taken_over, &self.refused].map(|count| count.load(Ordering::Relaxed))
    }

    /// Whether the plan as it was read last was refused.
    pub(crate) fn is_last_refused(&self) -> bool {
        self.is_last_refused.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_a_file_has_read_none_and_what_was_read_last_is_what_counts() {
        let reads = PlanReads::default();
        assert_eq!((reads.counts(), reads.is_last_refused()), ([0, 0], false));
        [false, true].into_iter().for_each(|is_refused| reads.note(is_refused));
        assert_eq!((reads.counts(), reads.is_last_refused()), ([1, 1], true));
        reads.note(false);
        assert_eq!((reads.counts(), reads.is_last_refused()), ([2, 1], false));
    }
}
