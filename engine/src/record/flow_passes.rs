//! What is written down of named flows: each time that an iteration goes through one, from its first request to its last response.

use super::iterations::LeftFlow;

/// An iteration has entered a named flow, or left it. Times are in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowPass {
    /// Which of the scenario's.
    pub flow: usize,
    /// When the first request in it was intended, from the start of the run; of one without a request, when it was come to.
    pub intended_ns: u64,
    /// How it was left; nothing where it was entered.
    pub left: Option<LeftFlow>,
}
