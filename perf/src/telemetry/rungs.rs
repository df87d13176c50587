//! The rungs: what of telemetry a run has. The first has nothing, and every other is held against it.

/// What a collector does with what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CollectorManner {
    /// Takes it.
    Takes,
    /// Accepts connections, and never says anything.
    BlackHole,
}

/// One rung.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rung {
    /// What it is called in the table.
    pub(super) name: &'static str,
    /// Metrics are sent there by OTLP, each second.
    pub(super) collector: Option<CollectorManner>,
    /// The page for Prometheus is fetched each second.
    pub(super) is_scraped: bool,
}

/// Every rung.
pub(super) const RUNGS: [Rung; 4] = [
    Rung { name: "off", collector: None, is_scraped: false },
    Rung { name: "otlp", collector: Some(CollectorManner::Takes), is_scraped: false },
    Rung { name: "otlp, scrape", collector: Some(CollectorManner::Takes), is_scraped: true },
    Rung { name: "black hole, scrape", collector: Some(CollectorManner::BlackHole), is_scraped: true },
];
