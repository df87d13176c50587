//! gcannon, the other generator on io_uring that costs are compared with. No package has it: built by hand and in the `PATH`, it
//! is measured.

use crate::process::{self, EndedProcess};
use crate::wrk::Counted;
use serde_json::Value;
use std::process::Command;

const PROGRAM: &str = "gcannon";
/// What it does before it begins to count, at the same pace, and does not say.
const UNCOUNTED_S: f64 = 0.1;

/// Whether it can be run here.
pub(crate) fn is_there() -> bool {
    process::run(Command::new("sh").args(["-c", "command -v gcannon"]))
        .is_ok_and(|ended| ended.status.success())
}

/// gcannon on one core, with one thread.
pub(crate) fn command(core: usize, connections: u32, seconds: u32, url: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string(), PROGRAM, url, "-t", "1", "--json"]);
    command.args(["-c", &connections.to_string(), "-d", &format!("{seconds}s")]);
    command
}

/// Runs it to its end. The CPU time is that of what it counted.
pub(crate) fn run(command: &mut Command) -> Result<(Counted, EndedProcess), String> {
    let ended = process::run(command)?;
    let figures = read(&ended.stdout).filter(|_| ended.status.success()).ok_or_else(|| {
        let shown = process::shown(command);
        format!("`{shown}` printed no figures ({}): {}{}", ended.status, ended.stdout, ended.stderr)
    })?;
    let (counted, length_s) = figures;
    let cpu_s = ended.cpu_s * length_s / (length_s + UNCOUNTED_S);
    Ok((counted, EndedProcess { cpu_s, ..ended }))
}

/// Reads the figures from its JSON, and how long it counted; `None` when they are not there.
fn read(output: &str) -> Option<(Counted, f64)> {
    let json: Value = serde_json::from_str(output).ok()?;
    let (requests, ok) = (json["responses"].as_u64()?, json["status"]["2xx"].as_u64()?);
    let errors: u64 = json["errors"].as_object()?.values().filter_map(Value::as_u64).sum();
    let (rate_rps, failed) = (json["rps"].as_f64()?, requests.checked_sub(ok)? + errors);
    Some((Counted { requests, rate_rps, failed }, json["elapsed_sec"].as_f64()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_found_in_its_json() {
        let output = r#"{"elapsed_sec": 2.0, "requests": 130, "responses": 120, "rps": 60.5,
            "status": {"2xx": 117, "4xx": 3}, "errors": {"connect": 1, "read": 2, "timeout": 0}}"#;
        assert_eq!(read(output), Some((Counted { requests: 120, rate_rps: 60.5, failed: 6 }, 2.0)));
        assert_eq!(read("gcannon: cannot connect"), None);
    }
}
