//! Resident memory: of a small run, of each further connection, and over time.

use super::rig::{BudgetFigure, Rig};
use crate::cores::{GENERATOR_CORE, SERVER_CORE};
use crate::process::{self, shown};
use crate::target::{Nginx, ServedBody};
use crate::vajra::Vajra;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const FEW: u32 = 64;
const MANY: u32 = 10_000;
/// How often a running process is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How much longer than its duration a run may take.
const GRACE: Duration = Duration::from_secs(30);

pub(super) fn measure_connections(rig: &Rig) -> Result<Vec<BudgetFigure>, String> {
    let nginx = Nginx::start(SERVER_CORE)?;
    let url = nginx.url(ServedBody::Small);
    let resident = |connections: u32| -> Result<f64, String> {
        let more = ["--connect-timeout", "20s"];
        let mut command = rig.vajra.command(GENERATOR_CORE, connections, rig.length.pick(10, 2), &url, &more);
        let report = Vajra::run(&mut command)?.report;
        let (open, asked) = (report.connections.open, report.connections.asked);
        if open < asked {
            return Err(format!("`{}` had {open} of {asked} connections", shown(&command)));
        }
        Ok(report.cpu.resident_bytes_max as f64)
    };
    let (few, many) = (resident(FEW)?, resident(MANY)?);
    let each = (many - few) / f64::from(MANY - FEW);
    let note = format!("{:.1} MiB with {MANY}", many / 1024.0 / 1024.0);
    Ok(vec![
        BudgetFigure::new("memory", few, "the largest in the run"),
        BudgetFigure::new("memory-connection", each, note),
    ])
}

pub(super) fn measure_growth(rig: &Rig) -> Result<Vec<BudgetFigure>, String> {
    let nginx = Nginx::start(SERVER_CORE)?;
    let url = nginx.url(ServedBody::Small);
    let seconds = rig.length.pick(120, 10);
    let mut command = rig.vajra.command(GENERATOR_CORE, FEW, seconds, &url, &["--quiet"]);
    let looks = watch(&mut command, Duration::from_secs(seconds.into()))?;
    let (half, last) = (looks[looks.len() / 2], *looks.last().ok_or("the run was over at once")?);
    let mib = |bytes: u64| bytes as f64 / 1024.0 / 1024.0;
    let note = format!("{:.2} MiB after {} s, {:.2} MiB at the end", mib(half), seconds / 2, mib(last));
    Ok(vec![BudgetFigure::new("memory-flat", last as f64 / half.max(1) as f64, note)])
}

/// Resident bytes of a run again and again, until shortly before its end.
fn watch(command: &mut Command, length: Duration) -> Result<Vec<u64>, String> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| process::explain(command, &error))?;
    let begun = Instant::now();
    let mut looks = Vec::new();
    while matches!(child.try_wait(), Ok(None)) {
        // At its end a run gathers its report, which is another question.
        if begun.elapsed() < length {
            looks.extend(resident_bytes(&child));
        }
        if begun.elapsed() > length + GRACE {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("`{}` did not end", shown(command)));
        }
        std::thread::sleep(LOOK);
    }
    if looks.is_empty() { Err(format!("`{}` was over at once", shown(command))) } else { Ok(looks) }
}

/// `None` when it has just ended.
fn resident_bytes(child: &Child) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_process_has_memory_and_one_that_is_over_at_once_is_an_error() {
        let looks = watch(Command::new("sleep").arg("1"), Duration::from_secs(60)).unwrap();
        assert!(looks.iter().any(|bytes| *bytes > 64 << 10), "{looks:?}");
        assert!(watch(&mut Command::new("no-such-program"), LOOK).is_err());
    }
}
