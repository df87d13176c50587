//! How often a run's plan was read, and what came of it: counted where it is read, for whoever hears of the run while it goes on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How often a plan was read. A run that goes on has read it once and taken it over.
#[derive(Debug)]
pub(crate) struct PlanReads {
    taken_over: AtomicU64,
    refused: AtomicU64,
    is_last_refused: AtomicBool,
}

impl Default for PlanReads {
    fn default() -> PlanReads {
        PlanReads {
            taken_over: AtomicU64::new(1),
            refused: AtomicU64::new(0),
            is_last_refused: AtomicBool::new(false),
        }
    }
}

impl PlanReads {
    /// It was read again, and what it says was refused or not.
    pub(crate) fn note(&self, is_refused: bool) {
        let count = if is_refused { &self.refused } else { &self.taken_over };
        count.fetch_add(1, Ordering::Relaxed);
        self.is_last_refused.store(is_refused, Ordering::Relaxed);
    }

    /// How often it was taken over, and how often refused.
    pub(crate) fn counts(&self) -> [u64; 2] {
        [&self.taken_over, &self.refused].map(|count| count.load(Ordering::Relaxed))
    }

    /// Whether the run goes by something else than what the plan said when it was read last.
    pub(crate) fn is_last_refused(&self) -> bool {
        self.is_last_refused.load(Ordering::Relaxed)
    }
}
