//! Who else hears what a run measures: an endpoint for Prometheus, and collectors; made ready before anything is sent.

mod collectors;

use self::collectors::Collectors;
use crate::exit::{self, Failure};
use crate::input::telemetry_flags::{HoldTime, TelemetryArgs};
use crate::output::messages::{Severity, tell};
use crate::output::offered_now::OfferedNow;
use crate::session::{NewRun, Session};
use ::telemetry::prometheus::{ListenAddress, PrometheusServer, PrometheusSink, Published};
use ::telemetry::totals::RunChanges;
use ::telemetry::{Exported, LeaveCores, SinkParts};
use engine::plan::Plan;
use engine::report::ExportReport;
use engine::run_facts::RunFacts;
use shards::{cores_for, leave_cores};
use std::net::TcpListener;
use std::sync::Arc;

/// What of it one run has.
#[derive(Default)]
pub(crate) struct TelemetryOutputs {
    /// Opened, and served from the moment at which the run begins.
    listener: Option<TcpListener>,
    server: Option<PrometheusServer>,
    hold: Option<HoldTime>,
    has_k6_names: bool,
    collectors: Collectors,
}

impl TelemetryOutputs {
    /// Opens what can be opened before the run: what is in the way is told before anything is sent.
    pub(crate) fn open(args: &TelemetryArgs) -> Result<TelemetryOutputs, Failure> {
        let listener = args.prometheus.map(|address| listen(address, args.insecure_listen)).transpose()?;
        Ok(TelemetryOutputs {
            listener,
            hold: args.prometheus_hold,
            has_k6_names: args.k6_names,
            collectors: Collectors::open(args)?,
            server: None,
        })
    }

    /// Asks each collector whether it takes metrics.
    pub(crate) fn check(&mut self, session: &Session, is_forced: bool) -> Result<(), Failure> {
        self.collectors.check(session, is_forced)
    }

    /// Adds the sinks of a run that is about to begin.
    pub(crate) fn begin(&mut self, plan: &Plan, run: &mut NewRun, is_quiet: bool) -> Result<(), Failure> {
        if self.listener.is_none() && self.collectors.is_empty() {
            return Ok(());
        }
        let cores = cores_for(plan)?;
        let leave: LeaveCores = Arc::new(move || leave_cores(&cores));
        self.collectors
            .begin(plan, run, &leave, &|run| sink_parts(plan, run, leave.clone(), Box::new(|| None)))?;
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
        run.sinks.push(Box::new(PrometheusSink::new(
            published,
            sink_parts(plan, run, leave, self.collectors.exported()),
        )));
        self.server = Some(server);
        Ok(())
    }

    /// What became of what was sent. What is missing at a collector is told.
    pub(crate) fn exports(&self, run_id: &str) -> Vec<ExportReport> {
        self.collectors.exports(run_id)
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
