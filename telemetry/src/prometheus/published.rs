//! What the endpoint tells: written by the sink, read by the server.

use super::{native, text};
use crate::families::{Figures, families};
use crate::k6_names::k6_families;
use crate::sink_parts::BesideSnapshot;
use crate::totals::{RunLevels, RunTotals, phase_of};
use engine::phase::Phase;
use engine::record::Snapshot;
use engine::run_facts::RunFacts;
use hyper::body::Bytes;
use serde_json::{Value, json};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How much later than its interval a snapshot may come before the run is taken for dead.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// The forms that a page can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageFormat {
    /// Text, with classic buckets.
    Text,
    /// Protobuf, with native histograms as well.
    Native,
}

/// What the endpoint tells of one run.
#[derive(Debug)]
pub struct Published {
    facts: RunFacts,
    has_k6_names: bool,
    told: Mutex<PublishedState>,
}

#[derive(Debug)]
struct PublishedState {
    stage: RunStage,
    started_unix_ns: u64,
    totals: RunTotals,
    levels: RunLevels,
    /// When the last snapshot came.
    heard: Option<Instant>,
    /// Pages of what there is, by their format: made when they are first asked for.
    pages: [Option<Bytes>; 2],
    is_scraped_at_end: bool,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RunStage {
    Waiting,
    Sending,
    Draining,
    Ended,
}

impl PageFormat {
    /// The format that is asked for by the values of `Accept`.
    pub fn of_accept(accept: &str) -> PageFormat {
        let mut best = (PageFormat::Text, 0.0);
        for range in accept.split(',') {
            let mut parameters = range.split(';').map(str::trim);
            let name = parameters.next().unwrap_or("");
            let (mut quality, mut is_family, mut is_delimited) = (1.0, false, false);
            for parameter in parameters {
                match parameter.split_once('=') {
                    Some(("q", value)) => quality = value.parse().unwrap_or(0.0),
                    Some(("proto", value)) => is_family = value == "io.prometheus.client.MetricFamily",
                    Some(("encoding", value)) => is_delimited = value == "delimited",
                    _ => {}
                }
            }
            let format = match name {
                "application/vnd.google.protobuf" if is_family && is_delimited => PageFormat::Native,
                "text/plain" | "text/*" | "*/*" => PageFormat::Text,
                _ => continue,
            };
            if quality > best.1 {
                best = (format, quality);
            }
        }
        best.0
    }

    /// What it is called in `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            PageFormat::Text => text::CONTENT_TYPE,
            PageFormat::Native => native::CONTENT_TYPE,
        }
    }
}

impl Published {
    /// Of a run that has not begun; by the names of k6 as well, or not.
    pub fn new(facts: RunFacts, has_k6_names: bool) -> Published {
        let told = PublishedState {
            stage: RunStage::Waiting,
            started_unix_ns: 0,
            totals: RunTotals::new(&facts),
            levels: RunLevels::default(),
            heard: None,
            pages: [None, None],
            is_scraped_at_end: false,
        };
        Published { facts, has_k6_names, told: Mutex::new(told) }
    }

    fn told(&self) -> MutexGuard<'_, PublishedState> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sending begins.
    pub(super) fn begin(&self, started_unix_ns: u64) {
        let mut told = self.told();
        (told.stage, told.started_unix_ns) = (RunStage::Sending, started_unix_ns);
        told.heard = Some(Instant::now());
    }

    /// Takes in a snapshot, and what is known beside it.
    pub(super) fn take(&self, snapshot: &Snapshot, beside: BesideSnapshot) {
        let mut told = self.told();
        told.totals.add(snapshot, beside.scheduled);
        told.levels.pass(snapshot);
        (told.levels.exported, told.levels.changes) = (beside.exported, beside.changes);
        if phase_of(snapshot) == Phase::Drain {
            told.stage = RunStage::Draining;
        }
        told.heard = Some(Instant::now());
        told.pages = [None, None];
    }

    /// The run has ended: these figures are its last.
    pub(super) fn end(&self, beside: BesideSnapshot) {
        let mut told = self.told();
        told.stage = RunStage::Ended;
        told.levels.is_ended = true;
        (told.levels.exported, told.levels.changes) = (beside.exported, beside.changes);
        told.pages = [None, None];
    }

    /// The page as it is now, and whether it is the last one there will be.
    pub fn page(&self, format: PageFormat) -> (Bytes, bool) {
        let mut told = self.told();
        let is_last = told.stage == RunStage::Ended;
        let place = format as usize;
        if let Some(page) = &told.pages[place] {
            return (page.clone(), is_last);
        }
        let figures = Figures { facts: &self.facts, totals: &told.totals, levels: &told.levels };
        let mut families = families(figures);
        if self.has_k6_names {
            families.extend(k6_families(figures));
        }
        let page = Bytes::from(match format {
            PageFormat::Text => text::page(&families),
            PageFormat::Native => native::page(&families),
        });
        told.pages[place] = Some(page.clone());
        (page, is_last)
    }

    /// Somebody has been given the last page.
    pub(super) fn note_last_scrape(&self) {
        self.told().is_scraped_at_end = true;
    }

    /// Whether somebody has been given the last page.
    pub fn is_scraped_at_end(&self) -> bool {
        self.told().is_scraped_at_end
    }

    /// Whether snapshots come as often as they should.
    pub fn is_live(&self) -> bool {
        let told = self.told();
        let latest = Duration::from_nanos(self.facts.plan.interval_ns) + HEARTBEAT;
        told.stage == RunStage::Ended || told.heard.is_none_or(|heard| heard.elapsed() < latest)
    }

    /// Whether the run sends.
    pub fn is_ready(&self) -> bool {
        self.told().stage == RunStage::Sending
    }

    /// What is told of the run: names alone, and nothing of what requests contain.
    pub fn run(&self) -> Value {
        let told = self.told();
        let stage = match told.stage {
            RunStage::Waiting => "waiting",
            RunStage::Sending => "sending",
            RunStage::Draining => "draining",
            RunStage::Ended => "ended",
        };
        let plan = &self.facts.plan;
        let steps = self.facts.series.iter().map(|key| {
            json!({
                "scenario": key.scenario, "step": key.step, "method": key.method,
                "server": key.server, "port": key.port, "protocol": key.protocol,
            })
        });
        json!({
            "run_id": self.facts.run_id,
            "name": plan.name,
            "stage": stage,
            "started_unix_ns": told.started_unix_ns,
            "reached_s": told.totals.to_ns as f64 / 1e9,
            "window_s": {
                "from": plan.phases.measure_from_ns as f64 / 1e9,
                "to": plan.phases.measure_to_ns as f64 / 1e9,
            },
            "connections": plan.connections(),
            "shards": plan.machine.shards,
            "steps": steps.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_the_one_that_is_liked_best() {
        let native =
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
        let prometheus = format!(
            "{native},application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
        );
        assert_eq!(PageFormat::of_accept(&prometheus), PageFormat::Native);
        assert_eq!(
            PageFormat::of_accept("application/openmetrics-text;q=0.8,text/plain;q=0.5"),
            PageFormat::Text
        );
        assert_eq!(PageFormat::of_accept(&format!("text/plain, {native};q=0.5")), PageFormat::Text);
        assert_eq!(PageFormat::of_accept("application/vnd.google.protobuf"), PageFormat::Text);
        assert_eq!(PageFormat::of_accept(""), PageFormat::Text);
    }
}
