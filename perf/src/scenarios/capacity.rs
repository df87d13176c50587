//! What one core can do against the fastest response there is, and whether a second shard makes requests dearer.

use super::rig::{BudgetFigure, Rig};
use crate::builtin::Builtin;
use crate::cores::{GENERATOR_CORE, SERVER_CORE};
use crate::statistics::median;
use crate::vajra::Vajra;
use engine::report::Report;

const CONNECTIONS: u32 = 64;
const PIPELINE: &str = "32";

pub(super) fn measure(rig: &Rig) -> Result<Vec<BudgetFigure>, String> {
    let null = Builtin::null(&rig.vajra, &[SERVER_CORE])?;
    let single = runs(rig, &null, CONNECTIONS, &[])?;
    let pipelined = runs(rig, &null, CONNECTIONS, &["--pipeline", PIPELINE])?;
    drop(null);
    let (one, two) = shards(rig)?;
    let rate = |reports: &[Report]| median_of(reports, |report| report.rate.achieved);
    let note = |reports: &[Report]| {
        let cost_ns = median_of(reports, |report| report.cpu.per_request_ns);
        format!("{cost_ns:.0} ns of CPU each; {}", verdicts(reports))
    };
    Ok(vec![
        BudgetFigure::new("null", rate(&single), note(&single)),
        BudgetFigure::new("null-pipelined", rate(&pipelined), note(&pipelined)),
        BudgetFigure::new("million", rate(&pipelined), note(&pipelined)),
        one,
        two,
    ])
}

/// One shard on a core whose other half is the responder's, and two shards on two such cores: the same neighbourhood for
/// each, so that the difference is what shards cost each other.
fn shards(rig: &Rig) -> Result<(BudgetFigure, BudgetFigure), String> {
    let cost = |name, cores: &[usize]| -> Result<BudgetFigure, String> {
        let null = Builtin::null(&rig.vajra, cores)?;
        let list: Vec<String> = cores.iter().map(usize::to_string).collect();
        let (count, list) = (cores.len().to_string(), list.join(","));
        let more = ["-t", &count, "--cores", &list, "--pipeline", PIPELINE];
        let reports = runs_of(rig, |seconds| {
            rig.vajra.bare_command(CONNECTIONS * cores.len() as u32, seconds, &null.url("/"), &more)
        })?;
        let rate = median_of(&reports, |report| report.rate.achieved);
        let note = format!("{:.2} million/s, responders on the same cores", rate / 1e6);
        Ok(BudgetFigure::new(name, median_of(&reports, |report| report.cpu.per_request_ns), note))
    };
    Ok((cost("shards-1", &[GENERATOR_CORE])?, cost("shards-2", &[SERVER_CORE, GENERATOR_CORE])?))
}

fn runs(rig: &Rig, null: &Builtin, connections: u32, more: &[&str]) -> Result<Vec<Report>, String> {
    runs_of(rig, |seconds| rig.vajra.command(GENERATOR_CORE, connections, seconds, &null.url("/"), more))
}

fn runs_of(rig: &Rig, command: impl Fn(u32) -> std::process::Command) -> Result<Vec<Report>, String> {
    let one = |_| Ok(Vajra::run(&mut command(rig.length.pick(5, 1)))?.report);
    (0..rig.length.pick(5, 1)).map(one).collect()
}

fn median_of(reports: &[Report], figure: impl Fn(&Report) -> f64) -> f64 {
    median(&reports.iter().map(figure).collect::<Vec<f64>>())
}

fn verdicts(reports: &[Report]) -> String {
    let words: Vec<&str> = reports.iter().map(|report| report.verdict.status.name()).collect();
    format!("verdicts {}", words.join(", "))
}
