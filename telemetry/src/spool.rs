//! The spool: requests that a collector has not taken, on disk and in order, until it takes them or they are dropped.
//!
//! A folder has a queue for each run and signal, and a queue is a folder of segments. Whoever holds a queue's lock alone writes, sends
//! and drops what is in it; anybody may look. Nothing here knows the time: whoever calls says what it is.

mod cursor;
mod folder;
mod frame;
mod mistake;
mod queue;
mod segment;

pub use cursor::SpoolOrigin;
pub use folder::{MadeRoom, QueueSummary, SpoolFolder};
pub use mistake::SpoolMistake;
pub use queue::{SpoolBounds, SpoolMoment, SpoolQueue, SpoolSync};

#[cfg(test)]
mod tests;
