//! What the endpoint tells: written by the sink, read by the server.

use super::{native, text};
use crate::families::{Figures, families};
use crate::totals::{RunLevels, RunTotals, phase_of};
use engine::orders::{Order, Orders};
use engine::phase::{Phase, Phases};
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
    orders: Orders,
    told: Mutex<PublishedState>,
}

#[derive(Debug)]
struct PublishedState {
    stage: RunStage,
    started_unix_ns: u64,
    /// The bounds of the phases, as the last snapshot has them.
    phases: Phases,
    totals: RunTotals,
    levels: RunLevels,
    /// When the last snapshot came.
    heard: Option<Instant>,
    /// Pages of what there is, by their format: made when they are first asked for.
    pages: [Option<Bytes>; 2],
    /// What is told of the run at this stage: made when it is first asked for, as pages are.
    run_page: Option<(RunStage, Bytes)>,
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
    /// Of a run that has not begun, and may be stopped by these orders.
    pub fn new(facts: RunFacts, orders: Orders) -> Published {
        let told = PublishedState {
            stage: RunStage::Waiting,
            started_unix_ns: 0,
            phases: facts.plan.phases,
            totals: RunTotals::new(&facts),
            levels: RunLevels::default(),
            heard: None,
            pages: [None, None],
            run_page: None,
            is_scraped_at_end: false,
        };
        Published { facts, orders, told: Mutex::new(told) }
    }

    fn told(&self) -> MutexGuard<'_, PublishedState> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sending begins.
    pub(super) fn begin(&self, started_unix_ns: u64) {
        let mut told = self.told();
        (told.stage, told.started_unix_ns) = (RunStage::Sending, started_unix_ns);
        told.heard = Some(Instant::now());
        told.forget_pages();
    }

    /// Snapshots were lost, so many of the run so far.
    pub(super) fn lose(&self, lost: u64) {
        let mut told = self.told();
        let new = told.levels.lose(lost);
        if new > 0 {
            told.totals.lost += new;
            told.forget_pages();
        }
    }

    /// Takes in a snapshot, in which so many arrivals were scheduled.
    pub(super) fn take(&self, snapshot: &Snapshot, scheduled: Option<u64>) {
        let mut told = self.told();
        told.totals.add(snapshot, scheduled);
        told.levels.pass(snapshot);
        told.phases = snapshot.phases;
        if phase_of(snapshot) == Phase::Drain {
            told.stage = RunStage::Draining;
        }
        told.heard = Some(Instant::now());
        told.forget_pages();
    }

    /// The run has ended: these figures are its last.
    pub(super) fn end(&self) {
        let mut told = self.told();
        told.stage = RunStage::Ended;
        told.levels.is_ended = true;
        told.forget_pages();
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
        let families = families(figures);
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
        self.stage(&self.told()) == RunStage::Sending
    }

    /// How far the run has come. One that is stopped drains before the window that was planned has ended.
    fn stage(&self, told: &PublishedState) -> RunStage {
        match told.stage {
            RunStage::Sending if self.orders.order() != Order::Run => RunStage::Draining,
            stage => stage,
        }
    }

    /// What is told of the run: names alone, and nothing of what requests contain.
    pub fn run(&self) -> Bytes {
        let mut told = self.told();
        let stage = self.stage(&told);
        if let Some((_, page)) = told.run_page.as_ref().filter(|(of, _)| *of == stage) {
            return page.clone();
        }
        let page = Bytes::from(format!("{}\n", self.run_of(&told)));
        told.run_page = Some((stage, page.clone()));
        page
    }

    fn run_of(&self, told: &PublishedState) -> Value {
        let stage = match self.stage(told) {
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
                "from": told.phases.measure_from_ns as f64 / 1e9,
                "to": told.phases.measure_to_ns as f64 / 1e9,
            },
            "connections": plan.connections(),
            "shards": plan.machine.shards,
            "steps": steps.collect::<Vec<_>>(),
        })
    }
}

impl PublishedState {
    fn forget_pages(&mut self) {
        (self.pages, self.run_page) = ([None, None], None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::config::{Config, Text};
    use engine::plan::Plan;

    fn facts() -> RunFacts {
        let config = Config { url: Some(Text("http://h/".into())), ..Config::default() };
        RunFacts::new(&Plan::new(&config, &|_| Err(String::new())).unwrap(), "run-1")
    }

    #[test]
    fn a_run_that_is_stopped_is_no_longer_ready_and_its_window_is_the_one_it_has() {
        let orders = Orders::default();
        let published = Published::new(facts(), orders.clone());
        let told = || serde_json::from_slice::<Value>(&published.run()).unwrap();
        assert_eq!((published.is_ready(), &told()["stage"]), (false, &"waiting".into()));
        published.begin(1);
        assert_eq!((published.is_ready(), &told()["stage"]), (true, &"sending".into()));
        let phases = Phases { measure_from_ns: 2_000_000_000, measure_to_ns: 60_000_000_000 };
        let layout = published.facts.plan.layout();
        let mut snapshot = Snapshot::new(1, &layout, phases);
        (snapshot.from_ns, snapshot.to_ns) = (0, 3_000_000_000);
        published.take(&snapshot, None);
        assert_eq!((published.is_ready(), &told()["window_s"]["from"]), (true, &2.0.into()));
        // Long before the window that was planned has ended, and before anything else is heard.
        orders.stop();
        assert_eq!((published.is_ready(), &told()["stage"]), (false, &"draining".into()));
        assert!(published.is_live());
        published.end();
        assert_eq!(told()["stage"], "ended");
    }

    #[test]
    fn what_was_lost_is_on_the_page() {
        let published = Published::new(facts(), Orders::default());
        let line = || {
            let page = published.page(PageFormat::Text).0;
            let text = String::from_utf8(page.to_vec()).unwrap();
            let line = text.lines().find(|line| line.starts_with("vajra_snapshots_lost_total"));
            line.unwrap().rsplit(' ').next().unwrap().to_owned()
        };
        assert_eq!(line(), "0");
        [2, 2, 3].into_iter().for_each(|lost| published.lose(lost));
        assert_eq!(line(), "3");
    }

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
