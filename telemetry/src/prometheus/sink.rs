//! The sink behind the endpoint: adds up what it hears.

use super::published::Published;
use crate::sink_parts::SinkParts;
use engine::record::Snapshot;
use engine::seams::Sink;
use std::io;
use std::sync::Arc;

/// Adds up what it hears, for the endpoint.
pub struct PrometheusSink {
    published: Arc<Published>,
    parts: SinkParts,
}

impl PrometheusSink {
    /// One that writes there.
    pub fn new(published: Arc<Published>, parts: SinkParts) -> PrometheusSink {
        PrometheusSink { published, parts }
    }
}

impl Sink for PrometheusSink {
    fn name(&self) -> String {
        "--prometheus".into()
    }

    fn begin(&mut self, started_unix_ns: u64) -> io::Result<()> {
        (self.parts.leave_cores)();
        self.published.begin(started_unix_ns);
        Ok(())
    }

    fn note_lost(&mut self, lost: u64) {
        self.published.lose(lost);
    }

    fn snapshot(&mut self, snapshot: &Arc<Snapshot>) -> io::Result<()> {
        let scheduled = self.parts.scheduled_in(snapshot.from_ns, snapshot.to_ns);
        self.published.take(snapshot, scheduled);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.published.end();
        Ok(())
    }
}
