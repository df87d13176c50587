//! What every sink of telemetry is given by whoever puts it together.

use crate::totals::ExportedPoints;
use std::sync::Arc;

/// How many arrivals the schedules have before a moment of the run, in nanoseconds from its start; nothing where there is none.
pub type Scheduled = Box<dyn FnMut(u64) -> Option<u64> + Send>;

/// What has become of points that are sent to a collector; nothing where none are.
pub type Exported = Box<dyn Fn() -> Option<ExportedPoints> + Send>;

/// Takes the thread that calls it off the cores of shards.
pub type LeaveCores = Arc<dyn Fn() + Send + Sync>;

/// Parts of a sink.
pub struct SinkParts {
    /// What is scheduled.
    pub scheduled: Scheduled,
    /// What is exported.
    pub exported: Exported,
    /// Keeps its threads off the cores of shards.
    pub leave_cores: LeaveCores,
}

impl SinkParts {
    /// Arrivals that are scheduled in a stretch of the run.
    pub(crate) fn scheduled_in(&mut self, from_ns: u64, to_ns: u64) -> Option<u64> {
        let before = (self.scheduled)(from_ns)?;
        Some((self.scheduled)(to_ns)?.saturating_sub(before))
    }
}
