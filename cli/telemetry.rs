//! Who else hears what a run measures: an endpoint for Prometheus, and a collector; made ready before anything is sent.

use crate::commands::spool::default_folder;
use crate::exit::{self, Failure};
use crate::input::telemetry_flags::{HoldTime, TelemetryArgs};
use crate::output::messages::{Severity, tell};
use crate::output::offered_now::OfferedNow;
use crate::output::plain::plain;
use crate::output::spool_text::may_be_twice;
use crate::output::text::short_id;
use crate::session::{NewRun, Session};
use ::telemetry::otlp::{ExportTally, Exporter, OtlpSettings, OtlpSink, probe};
use ::telemetry::prometheus::{ListenAddress, PrometheusServer, PrometheusSink, Published};
use ::telemetry::spool::SpoolOrigin;
use ::telemetry::totals::{ExportedPoints, RunChanges};
use ::telemetry::{Exported, LeaveCores, RunSpool, SinkParts, SpoolMode, SpoolSettings};
use engine::plan::Plan;
use engine::quantity::counted;
use engine::report::ExportReport;
use engine::run_facts::RunFacts;
use shards::{cores_for, leave_cores};
use std::net::TcpListener;
use std::sync::Arc;

/// What is exported.
const SIGNAL: &str = "metrics";

/// What of it one run has.
#[derive(Default)]
pub(crate) struct TelemetryOutputs {
    /// Opened, and served from the moment at which the run begins.
    listener: Option<TcpListener>,
    server: Option<PrometheusServer>,
    hold: Option<HoldTime>,
    has_k6_names: bool,
    /// Where metrics are sent, from the moment at which the run begins.
    otlp: Option<OtlpSettings>,
    /// Where what cannot be sent is kept.
    spool: Option<SpoolSettings>,
    /// By the flag, and not by a variable that may be set for other programs.
    is_otlp_asked_for: bool,
    exporter: Option<Arc<Exporter>>,
}

impl TelemetryOutputs {
    /// Opens what can be opened before the run: what is in the way is told before anything is sent.
    pub(crate) fn open(args: &TelemetryArgs) -> Result<TelemetryOutputs, Failure> {
        let listener = args.prometheus.map(|address| listen(address, args.insecure_listen)).transpose()?;
        let variable = |name: &str| std::env::var(name).ok();
        let otlp = match OtlpSettings::read(args.otlp.as_deref(), &variable) {
            Ok(otlp) => otlp,
            Err(mistake) if args.otlp.is_some() => {
                return Err(Failure::new(exit::USAGE, mistake.to_string()));
            }
            // Variables may be set for other programs: what is wrong with them is in the way of no run.
            Err(mistake) => {
                tell(Severity::Warning, &format!("no metrics are sent: {mistake}"));
                None
            }
        };
        let is_otlp_asked_for = args.otlp.is_some();
        let spool = otlp.is_some().then(|| spool(args)).transpose()?.flatten();
        Ok(TelemetryOutputs {
            listener,
            hold: args.prometheus_hold,
            has_k6_names: args.k6_names,
            otlp,
            is_otlp_asked_for,
            spool,
            ..TelemetryOutputs::default()
        })
    }

    /// Asks the collector whether it takes metrics. One that refuses is in the way of the run, unless that is to go on anyway; where only
    /// variables say where it is, it is sent nothing instead. One that is away is told, for it may come back.
    pub(crate) fn check(&mut self, session: &Session, is_forced: bool) -> Result<(), Failure> {
        let Some(settings) = &self.otlp else { return Ok(()) };
        let asked = settings.clone();
        let Err(failure) = session.heeding(move || probe(&asked))? else { return Ok(()) };
        let place = &settings.place;
        if failure.is_refusal && !self.is_otlp_asked_for {
            let text = format!(
                "no metrics are sent: {place}: {settings} takes none: {failure}\n  \
                 help: check the URL, and OTEL_EXPORTER_OTLP_HEADERS, or set OTEL_METRICS_EXPORTER=none"
            );
            tell(Severity::Warning, &text);
            self.otlp = None;
            return Ok(());
        }
        if failure.is_refusal && !is_forced {
            let text = format!(
                "{place}: {settings} takes no metrics: {failure}\n  \
                 help: no load was sent; check the URL, and OTEL_EXPORTER_OTLP_HEADERS"
            );
            return Err(Failure::new(exit::PREFLIGHT, text));
        }
        tell(Severity::Warning, &format!("{place}: {settings} takes no metrics now: {failure}"));
        Ok(())
    }

    /// Adds the sinks of a run that is about to begin.
    pub(crate) fn begin(&mut self, plan: &Plan, run: &mut NewRun, is_quiet: bool) -> Result<(), Failure> {
        if self.listener.is_none() && self.otlp.is_none() {
            return Ok(());
        }
        let cores = cores_for(plan)?;
        let leave: LeaveCores = Arc::new(move || leave_cores(&cores));
        self.begin_to_export(plan, run, leave.clone())?;
        let Some(listener) = self.listener.take() else { return Ok(()) };
        let facts = RunFacts::new(plan, &run.id);
        let published = Arc::new(Published::new(facts, run.orders.clone(), self.has_k6_names));
        let started = PrometheusServer::start(listener, published.clone(), leave.clone());
        let server = started.map_err(|error| {
            Failure::runtime(format!("the endpoint for Prometheus does not start: {error}"))
        })?;
        if !is_quiet {
            tell(Severity::Note, &format!("Prometheus can scrape http://{}/metrics", server.address()));
        }
        run.sinks
            .push(Box::new(PrometheusSink::new(published, sink_parts(plan, run, leave, self.exported()))));
        self.server = Some(server);
        Ok(())
    }

    fn begin_to_export(&mut self, plan: &Plan, run: &mut NewRun, leave: LeaveCores) -> Result<(), Failure> {
        let Some(settings) = &self.otlp else { return Ok(()) };
        let origin = SpoolOrigin { run_id: run.id.clone(), to: settings.to_string(), signal: SIGNAL.into() };
        let spool = self.spool.as_ref().and_then(|spool| RunSpool::new(spool, origin));
        let started = Exporter::start(settings, spool, leave.clone());
        let exporter = started
            .map_err(|error| Failure::runtime(format!("no thread for {}: {error}", settings.place)))?;
        let exporter = Arc::new(exporter);
        // What is sent does not say of itself what becomes of it.
        let parts = sink_parts(plan, run, leave, Box::new(|| None));
        let facts = RunFacts::new(plan, &run.id);
        run.sinks.push(Box::new(OtlpSink::new(facts, settings.clone(), exporter.clone(), parts)));
        self.exporter = Some(exporter);
        Ok(())
    }

    /// What has become of points, for whoever hears of it while the run goes on.
    fn exported(&self) -> Exported {
        let exporter = self.exporter.clone();
        Box::new(move || {
            let ExportTally { sent, rejected, dropped, spooled, breaker, .. } = exporter.as_ref()?.tally();
            let breaker_openings = breaker.openings;
            Some(ExportedPoints { sent, rejected, dropped, spooled, breaker_openings })
        })
    }

    /// What became of what was sent. What is missing at the collector is told.
    pub(crate) fn exports(&self, run_id: &str) -> Vec<ExportReport> {
        let (Some(settings), Some(exporter)) = (&self.otlp, &self.exporter) else { return Vec::new() };
        let tally = exporter.tally();
        tell_tally(settings, &tally, run_id);
        let ExportTally { offered, sent, rejected, spooled, dropped, .. } = tally;
        let ExportTally { ambiguous, retries, breaker, evicted, why, .. } = tally;
        let (to, signal) = (settings.to_string(), SIGNAL.into());
        vec![ExportReport {
            to,
            signal,
            offered,
            sent,
            rejected,
            spooled,
            dropped,
            ambiguous,
            evicted,
            retries,
            breaker,
            why,
        }]
    }

    /// After the end: keeps the endpoint until its last page was fetched, where that is asked for, and no longer than a signal allows.
    pub(crate) fn hold(self, session: &Session, is_quiet: bool) {
        let (Some(server), Some(HoldTime(patience))) = (self.server, self.hold) else { return };
        let is_scraped = server.hold(patience, || session.signal().is_some());
        if !is_scraped && !is_quiet {
            tell(
                Severity::Warning,
                "nobody has scraped the run after its end: its last figures are in the report alone",
            );
        }
    }
}

/// Tells what is missing at the collector, what may be there twice, and what earlier runs have lost.
fn tell_tally(settings: &OtlpSettings, tally: &ExportTally, run_id: &str) {
    let (to, place) = (settings.to_string(), &settings.place);
    let warn = |text: &str| tell(Severity::Warning, &format!("{place}: {text}"));
    let points = |count: u64| counted(count, "point");
    let said = tally.why.as_ref().map_or_else(String::new, |why| format!(": {}", plain(why)));
    for (count, what) in [(tally.dropped, "did not reach"), (tally.rejected, "were rejected by")] {
        if count > 0 {
            warn(&format!("{count} of {} {what} {to}{said}", points(tally.offered)));
        }
    }
    if tally.spooled > 0 {
        let (waiting, id) = (points(tally.spooled), short_id(run_id));
        warn(&format!("{waiting} wait on disk{said}\n  help: `vajra spool replay {id}` sends them"));
    }
    if tally.ambiguous > 0 {
        warn(&may_be_twice(tally.ambiguous, &to));
    }
    if tally.evicted > 0 {
        let gone = points(tally.evicted);
        warn(&format!("{gone} of earlier runs went from the spool: they were too old, or had to make room"));
    }
}

fn sink_parts(plan: &Plan, run: &NewRun, leave_cores: LeaveCores, exported: Exported) -> SinkParts {
    let mut offered = OfferedNow::new(plan, &run.orders);
    let (orders, reads) = (run.orders.clone(), run.reads.clone());
    let changes = move || RunChanges {
        plans: reads.counts(),
        is_last_plan_refused: reads.is_last_refused(),
        revisions: orders.revision_count() as u64,
    };
    let scheduled = Box::new(move |ns| offered.listen().arrivals_before(ns));
    SinkParts::new(scheduled, Box::new(changes), exported, leave_cores)
}

/// Where what cannot be sent is kept, if there is a place for it. One that was asked for has to be there.
fn spool(args: &TelemetryArgs) -> Result<Option<SpoolSettings>, Failure> {
    let wanted = args.spool(&|name| std::env::var(name).ok());
    let wanted = wanted.map_err(|mistake| Failure::new(exit::USAGE, mistake.to_string()))?;
    match default_folder() {
        Ok(folder) => Ok(Some(SpoolSettings { folder, ..wanted })),
        Err(failure) if wanted.mode == SpoolMode::Always => Err(failure),
        Err(_) => Ok(None),
    }
}

fn listen(address: ListenAddress, is_insecure: bool) -> Result<TcpListener, Failure> {
    if !address.is_loopback() && !is_insecure {
        let text = format!(
            "--prometheus {address}: others than this machine can connect there, without TLS or a token\n  \
             help: listen on 127.0.0.1, or say --insecure-listen"
        );
        return Err(Failure::new(exit::USAGE, text));
    }
    TcpListener::bind(address.0).map_err(|error| {
        let text = format!(
            "--prometheus cannot listen at {address}: {error}\n  \
             help: no load was sent; choose another port, or end what listens there"
        );
        Failure::new(exit::PREFLIGHT, text)
    })
}
