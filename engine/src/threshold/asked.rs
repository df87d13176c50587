//! How much was asked of a target and how much of it failed, as conditions count it.

/// Counts of the measured window that conditions are judged on. What was withheld was asked of nobody, and is in none of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AskedCounts {
    /// Requests that did not succeed. Where an arrival is one request, those count too that were dropped or never sent: it is known how
    /// many these would have been.
    pub failed: u64,
    /// All requests, counted in the same way.
    pub total: u64,
    /// Those of them that were due and never sent.
    pub unsent: u64,
    /// Arrivals of the schedule, of requests or of iterations.
    pub arrivals: u64,
    /// Those of them that were due and never began; their requests would have waited longest.
    pub arrivals_unsent: u64,
}
