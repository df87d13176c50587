//! Collectors that metrics are sent to: each asked before the run, each with an exporter and a place on disk of its own.

use crate::commands::spool::default_folder;
use crate::exit::{self, Failure};
use crate::input::telemetry_flags::TelemetryArgs;
use crate::output::messages::{Severity, tell};
use crate::output::plain::plain;
use crate::output::spool_text::may_be_twice;
use crate::output::text::short_id;
use crate::session::{NewRun, Session};
use ::telemetry::otlp::{ExportTally, Exporter, OtlpSettings, OtlpSink, probe};
use ::telemetry::spool::SpoolOrigin;
use ::telemetry::totals::ExportedPoints;
use ::telemetry::{Exported, LeaveCores, RunSpool, SinkParts, SpoolMode, SpoolSettings};
use engine::plan::Plan;
use engine::quantity::counted;
use engine::report::ExportReport;
use engine::run_facts::RunFacts;
use std::sync::Arc;

/// What is exported.
const SIGNAL: &str = "metrics";

/// Where metrics are sent.
#[derive(Default)]
pub(super) struct Collectors {
    each: Vec<OtlpOutput>,
    /// Where what cannot be sent is kept.
    spool: Option<SpoolSettings>,
    /// By the flag, and not by a variable that may be set for other programs.
    is_asked_for: bool,
}

/// One of them.
struct OtlpOutput {
    settings: OtlpSettings,
    /// From the moment at which the run begins.
    exporter: Option<Arc<Exporter>>,
}

impl Collectors {
    /// Those of flags and variables.
    pub(super) fn open(args: &TelemetryArgs) -> Result<Collectors, Failure> {
        let variable = |name: &str| std::env::var(name).ok();
        let is_asked_for = !args.otlp.is_empty();
        let each = match OtlpSettings::read_each(&args.otlp, &variable) {
            Ok(each) => each,
            Err(mistake) if is_asked_for => return Err(Failure::new(exit::USAGE, mistake.to_string())),
            // Variables may be set for other programs: what is wrong with them is in the way of no run.
            Err(mistake) => {
                tell(Severity::Warning, &format!("no metrics are sent: {mistake}"));
                Vec::new()
            }
        };
        let spool = (!each.is_empty()).then(|| spool(args)).transpose()?.flatten();
        let each = each.into_iter().map(|settings| OtlpOutput { settings, exporter: None }).collect();
        Ok(Collectors { each, spool, is_asked_for })
    }

    /// There are none.
    pub(super) fn is_empty(&self) -> bool {
        self.each.is_empty()
    }

    /// Asks each whether it takes metrics. One that refuses is in the way of the run, unless that is to go on anyway; where only
    /// variables say where it is, it is sent nothing instead. One that is away is told, for it may come back.
    pub(super) fn check(&mut self, session: &Session, is_forced: bool) -> Result<(), Failure> {
        for collector in std::mem::take(&mut self.each) {
            let asked = collector.settings.clone();
            let Err(failure) = session.heeding(move || probe(&asked))? else {
                self.each.push(collector);
                continue;
            };
            let settings = &collector.settings;
            let place = &settings.place;
            if failure.is_refusal && !self.is_asked_for {
                let text = format!(
                    "no metrics are sent: {place}: {settings} takes none: {failure}\n  \
                     help: check the URL, and OTEL_EXPORTER_OTLP_HEADERS, or set OTEL_METRICS_EXPORTER=none"
                );
                tell(Severity::Warning, &text);
                continue;
            }
            if failure.is_refusal && !is_forced {
                let text = format!(
                    "{place}: {settings} takes no metrics: {failure}\n  \
                     help: no load was sent; check the URL, and OTEL_EXPORTER_OTLP_HEADERS"
                );
                return Err(Failure::new(exit::PREFLIGHT, text));
            }
            tell(Severity::Warning, &format!("{place}: {settings} takes no metrics now: {failure}"));
            self.each.push(collector);
        }
        Ok(())
    }

    /// Adds a sink for each to a run that is about to begin. What is sent does not say of itself what becomes of it.
    pub(super) fn begin(
        &mut self,
        plan: &Plan,
        run: &mut NewRun,
        leave: &LeaveCores,
        parts: &dyn Fn(&NewRun) -> SinkParts,
    ) -> Result<(), Failure> {
        for OtlpOutput { settings, exporter } in &mut self.each {
            let origin =
                SpoolOrigin { run_id: run.id.clone(), to: settings.to_string(), signal: SIGNAL.into() };
            let spool = self.spool.as_ref().and_then(|spool| RunSpool::new(spool, origin));
            let started = Exporter::start(settings, spool, leave.clone());
            let started = started
                .map_err(|error| Failure::runtime(format!("no thread for {}: {error}", settings.place)))?;
            let started = exporter.insert(Arc::new(started));
            let facts = RunFacts::new(plan, &run.id);
            let sink = OtlpSink::new(facts, settings.clone(), started.clone(), parts(run));
            run.sinks.push(Box::new(sink));
        }
        Ok(())
    }

    /// What has become of points, of all of them together, for whoever hears of it while the run goes on.
    pub(super) fn exported(&self) -> Exported {
        let exporters: Vec<_> = self.each.iter().filter_map(|collector| collector.exporter.clone()).collect();
        Box::new(move || {
            let tallies = exporters.iter().map(|exporter| exporter.tally());
            tallies.fold(None, |sum: Option<ExportedPoints>, tally| {
                let ExportTally { sent, rejected, dropped, spooled, .. } = tally;
                let breaker_openings = tally.breaker.openings;
                let of_one = ExportedPoints { sent, rejected, dropped, spooled, breaker_openings };
                Some(sum.unwrap_or_default() + of_one)
            })
        })
    }

    /// What became of what was sent. What is missing at a collector is told.
    pub(super) fn exports(&self, run_id: &str) -> Vec<ExportReport> {
        let each = self.each.iter().filter_map(|collector| {
            let tally = collector.exporter.as_ref()?.tally();
            tell_tally(&collector.settings, &tally, run_id, self.each.len() > 1);
            Some(report(&collector.settings, tally))
        });
        each.collect()
    }
}

fn report(settings: &OtlpSettings, tally: ExportTally) -> ExportReport {
    let ExportTally { offered, sent, rejected, spooled, dropped, .. } = tally;
    let ExportTally { ambiguous, retries, breaker, evicted, why, .. } = tally;
    let (to, signal) = (settings.to_string(), SIGNAL.into());
    ExportReport {
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
    }
}

/// Tells what is missing at the collector, what may be there twice, and what earlier runs have lost.
fn tell_tally(settings: &OtlpSettings, tally: &ExportTally, run_id: &str, is_one_of_several: bool) {
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
        let which = if is_one_of_several { format!(" --to {to}") } else { String::new() };
        warn(&format!(
            "{waiting} for {to} wait on disk{said}\n  help: `vajra spool replay {id}{which}` sends them"
        ));
    }
    if tally.ambiguous > 0 {
        warn(&may_be_twice(tally.ambiguous, &to));
    }
    if tally.evicted > 0 {
        let gone = points(tally.evicted);
        warn(&format!("{gone} of earlier runs went from the spool: they were too old, or had to make room"));
    }
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
