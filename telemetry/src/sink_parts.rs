//! What every sink of telemetry is given by whoever puts it together.

use crate::totals::{ExportedPoints, RunChanges};
use engine::record::Snapshot;
use std::sync::Arc;

/// How many arrivals the schedules have before a moment of the run, in nanoseconds from its start; nothing where there is none.
pub type Scheduled = Box<dyn FnMut(u64) -> Option<u64> + Send>;

/// What has become of points that are sent to a collector; nothing where none are.
pub type Exported = Box<dyn Fn() -> Option<ExportedPoints> + Send>;

/// Takes the thread that calls it off the cores of shards.
pub type LeaveCores = Arc<dyn Fn() + Send + Sync>;

/// What has become of a run's plan and load so far.
pub type Changes = Box<dyn Fn() -> RunChanges + Send>;

/// Parts of a sink.
pub struct SinkParts {
    scheduled: Scheduled,
    changes: Changes,
    exported: Exported,
    /// Keeps its threads off the cores of shards.
    pub(crate) leave_cores: LeaveCores,
}

/// What is known of a run beside a snapshot of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BesideSnapshot {
    /// Arrivals that are scheduled in it.
    pub(crate) scheduled: Option<u64>,
    /// What has become of the run's plan and load by now.
    pub(crate) changes: RunChanges,
    /// What has become of points by now.
    pub(crate) exported: Option<ExportedPoints>,
}

impl SinkParts {
    /// Of these.
    pub fn new(
        scheduled: Scheduled,
        changes: Changes,
        exported: Exported,
        leave_cores: LeaveCores,
    ) -> SinkParts {
        SinkParts { scheduled, changes, exported, leave_cores }
    }

    /// Of a run that is not: it has no schedule, no plan and no collector.
    #[cfg(test)]
    pub(crate) fn of_nothing() -> SinkParts {
        let changes = Box::new(RunChanges::default);
        SinkParts::new(Box::new(|_| None), changes, Box::new(|| None), Arc::new(|| {}))
    }

    /// What is known beside a snapshot.
    pub(crate) fn beside(&mut self, snapshot: &Snapshot) -> BesideSnapshot {
        let scheduled = self.scheduled_in(snapshot.from_ns, snapshot.to_ns);
        BesideSnapshot { scheduled, ..self.at_end() }
    }

    /// What is known at the end, when nothing more is scheduled.
    pub(crate) fn at_end(&self) -> BesideSnapshot {
        BesideSnapshot { scheduled: None, changes: (self.changes)(), exported: (self.exported)() }
    }

    /// Arrivals that are scheduled in a stretch of the run.
    fn scheduled_in(&mut self, from_ns: u64, to_ns: u64) -> Option<u64> {
        let before = (self.scheduled)(from_ns)?;
        Some((self.scheduled)(to_ns)?.saturating_sub(before))
    }
}
