//! What a request costs to write down, and what a connection costs to have.

use super::placement::halves;
use super::trial::list;
use crate::null::NullResponder;
use engine::failure::{FailureKind, RunFailure};
use engine::outcome::Outcome;
use engine::phase::Phases;
use engine::record::{Instants, Layout, Recorder};
use engine::report::Report;
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Requests written down in one round, and rounds. The best counts: whatever disturbs one makes it slower.
const REQUESTS: u64 = 500_000;
const ROUNDS: usize = 5;
/// The two numbers of connections that are compared.
const FEW: u32 = 64;
const MANY: u32 = 4_096;

/// What writing down a request costs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// From `Recorder::sent` to the end of `Recorder::done`: two calls, four histograms. Nanoseconds.
    pub per_request_ns: f64,
    /// Of each round.
    pub rounds_ns: Vec<f64>,
}

/// What a connection costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryCost {
    /// Resident bytes for each further connection.
    pub bytes_per_connection: f64,
    /// Connections, and the most resident bytes of a process with them.
    pub processes: Vec<(u32, u64)>,
}

/// Times a recorder on requests of all lengths, as a shard would use it.
pub(super) fn recording() -> Recording {
    let phases = Phases { measure_from_ns: 0, measure_to_ns: u64::MAX };
    let mut recorder = Recorder::new(0, &Layout::new([1]), phases);
    let rounds_ns: Vec<f64> = (0..ROUNDS).map(|_| record(&mut recorder)).collect();
    Recording { per_request_ns: rounds_ns.iter().copied().fold(f64::MAX, f64::min), rounds_ns }
}

fn record(recorder: &mut Recorder) -> f64 {
    let began = Instant::now();
    for n in 0..REQUESTS {
        let intended = n * 1_000;
        // Multiplied by primes, so that neighbours fall into different buckets.
        let sent = intended + n * 7_919 % 8_192;
        let done = sent + 20_000 + n * 104_729 % 1_000_000;
        recorder.sent(0, intended, sent, 60);
        let lag_ns = sent - intended;
        recorder.done(0, black_box(Outcome::Ok(200)), Instants { intended, sent, done }, lag_ns, 120);
    }
    let elapsed_ns = began.elapsed().as_nanos() as f64;
    assert!(
        recorder.requests.series.measured[0].ok.is_multiple_of(REQUESTS),
        "every request was written down"
    );
    elapsed_ns / REQUESTS as f64
}

/// Runs the program itself twice, with few connections and with many, and compares what it had resident at the most.
pub(super) fn memory(program: Option<&Path>, cores: &[usize]) -> Result<MemoryCost, RunFailure> {
    let program =
        program.ok_or_else(|| FailureKind::System.failure("the program does not know where it is"))?;
    let (responder, generator) = halves(cores, 1)?;
    let null = NullResponder::start(([127, 0, 0, 1], 0).into(), responder, None)?;
    let url = format!("http://{}/", null.address());
    let resident =
        |connections| Ok((connections, resident_bytes_max(program, &url, connections, generator)?));
    let processes: Result<Vec<(u32, u64)>, RunFailure> = [FEW, MANY].into_iter().map(resident).collect();
    null.stop()?;
    let processes = processes?;
    let grown = processes[1].1 as f64 - processes[0].1 as f64;
    Ok(MemoryCost { bytes_per_connection: grown / f64::from(MANY - FEW), processes })
}

/// A closed loop of a second: long enough for every connection to have carried requests.
fn resident_bytes_max(
    program: &Path,
    url: &str,
    connections: u32,
    cores: &[usize],
) -> Result<u64, RunFailure> {
    let connections = connections.to_string();
    let mut command = Command::new(program);
    command.args(["run", url, "-c", &connections, "-d", "1s", "--cores", &list(cores)]);
    command.args(["--quiet", "--no-archive", "--json", "-"]).stdin(Stdio::null());
    let not_started =
        |error| FailureKind::System.failure(format!("the program does not start again: {error}"));
    let output = command.output().map_err(not_started)?;
    let report: Report = serde_json::from_slice(&output.stdout).map_err(|_| {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim().lines().next().unwrap_or("nothing").to_owned();
        FailureKind::System
            .failure(format!("a run with {connections} connections gave no report; it said: {said}"))
    })?;
    if report.connections.open < report.connections.asked {
        let text = format!("only {} of {connections} connections were open", report.connections.open);
        return Err(FailureKind::Unready.failure(text));
    }
    Ok(report.cpu.resident_bytes_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recording_costs_something_and_the_best_round_counts() {
        let recording = recording();
        assert_eq!(recording.rounds_ns.len(), ROUNDS);
        assert!(recording.per_request_ns > 0.0);
        assert!(recording.rounds_ns.iter().all(|ns| *ns >= recording.per_request_ns));
    }

    #[test]
    fn a_program_that_is_no_vajra_is_told() {
        let cores = [0, 1];
        let error = memory(Some(Path::new("/bin/true")), &cores).unwrap_err();
        assert!(error.text.contains("64 connections gave no report"), "{error}");
        let error = memory(Some(Path::new("/no/such/program")), &cores).unwrap_err();
        assert!(error.text.contains("does not start"), "{error}");
        assert!(memory(Some(Path::new("/bin/true")), &[0]).unwrap_err().text.contains("a core each"));
    }
}
