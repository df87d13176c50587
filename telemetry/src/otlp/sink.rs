//! The sink that encodes what it hears, and hands it to the exporter.

use super::encoding::{UnixStretch, encode};
use super::exporter::Exporter;
use super::settings::{OtlpSettings, Temporality};
use crate::families::{Figures, families};
use crate::names::ENDED;
use crate::sink_parts::SinkParts;
use crate::totals::{RunLevels, RunTotals};
use engine::record::Snapshot;
use engine::run_facts::RunFacts;
use engine::seams::Sink;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// How long the end of a run may be held up by what is still to be sent.
const PATIENCE: Duration = Duration::from_secs(2);

/// Encodes what it hears.
pub struct OtlpSink {
    facts: RunFacts,
    settings: OtlpSettings,
    exporter: Arc<Exporter>,
    parts: SinkParts,
    totals: RunTotals,
    levels: RunLevels,
    started_unix_ns: u64,
    /// Where what is to be sent next begins, nanoseconds from the start of the run.
    from_ns: u64,
    has_news: bool,
}

impl OtlpSink {
    /// One that offers what it encodes to this exporter.
    pub fn new(
        facts: RunFacts,
        settings: OtlpSettings,
        exporter: Arc<Exporter>,
        parts: SinkParts,
    ) -> OtlpSink {
        let totals = RunTotals::new(&facts);
        OtlpSink {
            facts,
            settings,
            exporter,
            parts,
            totals,
            levels: RunLevels::default(),
            started_unix_ns: 0,
            from_ns: 0,
            has_news: false,
        }
    }

    /// Offers what there is since the last time, or all so far.
    fn export(&mut self) {
        let to_ns = self.totals.to_ns;
        let from_ns = match self.settings.temporality {
            Temporality::Cumulative => 0,
            Temporality::Delta => self.from_ns,
        };
        let figures = Figures { facts: &self.facts, totals: &self.totals, levels: &self.levels };
        let stretch = self.stretch(from_ns, to_ns);
        self.exporter.offer(encode(&families(figures), stretch, &self.facts.run_id, &self.settings));
        if self.settings.temporality == Temporality::Delta {
            self.totals = RunTotals::new(&self.facts);
            self.totals.to_ns = to_ns;
        }
        (self.from_ns, self.has_news) = (to_ns, false);
    }

    fn stretch(&self, from_ns: u64, to_ns: u64) -> UnixStretch {
        UnixStretch { from_unix_ns: self.started_unix_ns + from_ns, to_unix_ns: self.started_unix_ns + to_ns }
    }
}

impl Sink for OtlpSink {
    fn name(&self) -> String {
        "--otlp".into()
    }

    fn begin(&mut self, started_unix_ns: u64) -> io::Result<()> {
        (self.parts.leave_cores)();
        self.started_unix_ns = started_unix_ns;
        Ok(())
    }

    fn snapshot(&mut self, snapshot: &Arc<Snapshot>) -> io::Result<()> {
        let scheduled = self.parts.scheduled_in(snapshot.from_ns, snapshot.to_ns);
        self.totals.add(snapshot, scheduled);
        self.levels.pass(snapshot);
        self.has_news = true;
        let every_ns = self.settings.every.map_or(0, |every| every.as_nanos() as u64);
        if self.totals.to_ns >= self.from_ns + every_ns {
            self.export();
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.has_news {
            self.export();
        }
        self.levels.is_ended = true;
        let figures = Figures { facts: &self.facts, totals: &self.totals, levels: &self.levels };
        let mut last = families(figures);
        last.retain(|family| family.metric.name == ENDED);
        // A moment later: of one moment there is one value.
        let stretch = self.stretch(0, self.totals.to_ns + 1);
        self.exporter.offer(encode(&last, stretch, &self.facts.run_id, &self.settings));
        self.exporter.finish(PATIENCE);
        Ok(())
    }
}
