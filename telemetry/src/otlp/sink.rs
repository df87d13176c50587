//! The sink that encodes what it hears, and hands it to the exporter.

use super::encoding::{UnixStretch, encode};
use super::exporter::Exporter;
use super::settings::{OtlpSettings, Temporality};
use crate::families::{Figures, families};
use crate::names::{ENDED, LOST};
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
    patience: Duration,
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
            patience: PATIENCE,
        }
    }

    /// Offers what there is since the last time, or all so far.
    fn export(&mut self) {
        let (from_ns, to_ns) = (self.begins_at(), self.totals.to_ns);
        let figures = Figures { facts: &self.facts, totals: &self.totals, levels: &self.levels };
        let stretch = self.stretch(from_ns, to_ns);
        self.exporter.offer(encode(&families(figures), stretch, &self.facts.run_id, &self.settings));
        if self.settings.temporality == Temporality::Delta {
            self.totals = RunTotals::new(&self.facts);
            self.totals.to_ns = to_ns;
            self.totals.changes_before = self.levels.changes;
        }
        (self.from_ns, self.has_news) = (to_ns, false);
    }

    /// Where what is told next begins.
    fn begins_at(&self) -> u64 {
        match self.settings.temporality {
            Temporality::Cumulative => 0,
            Temporality::Delta => self.from_ns,
        }
    }

    fn stretch(&self, from_ns: u64, to_ns: u64) -> UnixStretch {
        UnixStretch { from_unix_ns: self.started_unix_ns + from_ns, to_unix_ns: self.started_unix_ns + to_ns }
    }
}

impl Sink for OtlpSink {
    fn name(&self) -> String {
        self.settings.place.clone()
    }

    fn wants_machine(&self) -> bool {
        true
    }

    fn begin(&mut self, started_unix_ns: u64) -> io::Result<()> {
        (self.parts.leave_cores)();
        self.started_unix_ns = started_unix_ns;
        Ok(())
    }

    fn note_lost(&mut self, lost: u64) {
        self.totals.lost += self.levels.lose(lost);
    }

    fn snapshot(&mut self, snapshot: &Arc<Snapshot>) -> io::Result<()> {
        let beside = self.parts.beside(snapshot);
        self.totals.add(snapshot, beside.scheduled);
        self.levels.pass(snapshot);
        self.levels.changes = beside.changes;
        self.has_news = true;
        let every = self.settings.every.unwrap_or_default();
        let every_ns = u64::try_from(every.as_nanos()).unwrap_or(u64::MAX);
        if self.totals.to_ns >= self.from_ns.saturating_add(every_ns) {
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
        last.retain(|family| [ENDED, LOST].contains(&family.metric.name));
        // A moment later: of one moment there is one value.
        let stretch = self.stretch(self.begins_at(), self.totals.to_ns + 1);
        self.exporter.offer(encode(&last, stretch, &self.facts.run_id, &self.settings));
        self.exporter.finish(self.patience);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{OK, SENT};
    use crate::otlp::test_collector::TestCollector;
    use engine::config::{Config, Text};
    use engine::outcome::Outcome;
    use engine::phase::Phases;
    use engine::plan::Plan;
    use engine::record::{Instants, Recorder};
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use opentelemetry_proto::tonic::metrics::v1::{NumberDataPoint, number_data_point};

    const INTERVAL_NS: u64 = 1_000;
    const DELTA: (&str, &str) = ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta");

    fn facts() -> RunFacts {
        let config = Config { url: Some(Text("http://h:81/".into())), ..Config::default() };
        RunFacts::new(&Plan::new(&config, &|_| Err(String::new())).unwrap(), "run-1")
    }

    /// An interval in which so many requests were sent and succeeded.
    fn snapshot(facts: &RunFacts, index: u64, requests: u64) -> Arc<Snapshot> {
        let (layout, phases) = (facts.plan.layout(), Phases { measure_from_ns: 0, measure_to_ns: u64::MAX });
        let mut recorder = Recorder::new(0, &layout, phases);
        let from_ns = index * INTERVAL_NS;
        (recorder.from_ns, recorder.to_ns) = (from_ns, from_ns + INTERVAL_NS);
        for _ in 0..requests {
            let instants = Instants { intended: from_ns, sent: from_ns, done: from_ns + 500 };
            recorder.sent(0, from_ns, from_ns, 10);
            recorder.done(0, Outcome::Ok(200), instants, 1, 20);
        }
        recorder.settle(true);
        let mut snapshot = Snapshot::new(1, &layout, phases);
        snapshot.absorb(&recorder);
        Arc::new(snapshot)
    }

    /// The counts of a metric that arrived, each with where it begins and ends.
    fn counts(collector: &TestCollector, name: &str) -> Vec<(u64, u64, i64)> {
        let metrics = collector.requests().into_iter().flat_map(|request| request.resource_metrics);
        let metrics = metrics.flat_map(|resource| resource.scope_metrics).flat_map(|scope| scope.metrics);
        let points = metrics.filter(|metric| metric.name == name).flat_map(|metric| match metric.data {
            Some(Data::Sum(sum)) => sum.data_points,
            other => panic!("{name}: {other:?}"),
        });
        let told = points.map(
            |NumberDataPoint { start_time_unix_nano: from, time_unix_nano: to, value, .. }| match value {
                Some(number_data_point::Value::AsInt(count)) => (from, to, count),
                other => panic!("{name}: {other:?}"),
            },
        );
        told.collect()
    }

    /// A run of intervals with so many requests each, and with losses: before the third interval, and after the last.
    fn exported(variables: &[(&str, &str)]) -> (TestCollector, Arc<Exporter>) {
        let collector = TestCollector::start(&[]);
        let plain = ("OTEL_EXPORTER_OTLP_COMPRESSION", "none");
        let variable = |name: &str| {
            let known = variables.iter().chain([&plain]).find(|(known, _)| *known == name);
            known.map(|(_, value)| (*value).to_owned())
        };
        let url = format!("http://127.0.0.1:{}", collector.port);
        let settings = OtlpSettings::read(Some(&url), &variable).unwrap().unwrap();
        let exporter = Arc::new(Exporter::start(&settings, None, Arc::new(|| {})).unwrap());
        let mut sink = OtlpSink::new(facts(), settings, exporter.clone(), SinkParts::of_nothing());
        sink.patience = Duration::from_secs(60);
        sink.begin(0).unwrap();
        for (index, requests, lost) in [(0, 3, 0), (1, 4, 0), (4, 5, 2)] {
            sink.note_lost(lost);
            sink.snapshot(&snapshot(&sink.facts, index, requests)).unwrap();
        }
        sink.note_lost(3);
        sink.finish().unwrap();
        (collector, exporter)
    }

    #[test]
    fn what_arrives_is_what_was_heard_and_what_was_lost_is_told_once() {
        let (collector, exporter) = exported(&[]);
        for name in [SENT, OK] {
            assert_eq!(counts(&collector, name), [(0, 1_000, 3), (0, 2_000, 7), (0, 5_000, 12)], "{name}");
        }
        let losses = [(0, 1_000, 0), (0, 2_000, 0), (0, 5_000, 2), (0, 5_001, 3)];
        assert_eq!(counts(&collector, LOST), losses);
        let tally = exporter.tally();
        assert!(tally.offered > 0 && tally.sent == tally.offered && tally.why.is_none(), "{tally:?}");
        let (collector, _) = exported(&[DELTA]);
        for name in [SENT, OK] {
            let told = [(0, 1_000, 3), (1_000, 2_000, 4), (2_000, 5_000, 5)];
            assert_eq!(counts(&collector, name), told, "{name}");
        }
        assert_eq!(counts(&collector, LOST), [(2_000, 5_000, 2), (5_000, 5_001, 1)]);
    }

    #[test]
    fn an_interval_longer_than_any_run_is_exported_at_its_end() {
        let every = ("OTEL_METRIC_EXPORT_INTERVAL", "18446744073709551615");
        for variables in [&[every][..], &[every, DELTA]] {
            let (collector, _) = exported(variables);
            assert_eq!(counts(&collector, SENT), [(0, 5_000, 12)]);
        }
    }
}
