//! Very many requests under way: on real sockets, fifty thousand of them, and in the loop alone, up to a million.
//!
//! On sockets it is a closed loop with several requests on each connection, because a process has no more descriptors than
//! its limit, and Linux comes with 20,000 or so: as many are under way as connections times that, all the time. The testbed
//! answers them one after the other, after exponential times, so that responses do not come in waves. How late Vajra is
//! itself is the time from the moment that a connection could take a request until the request was handed to the kernel.

use super::recording::median_ns;
use super::rig::{BudgetFigure, Rig};
use crate::builtin::Builtin;
use crate::cores::{GENERATOR_CORE, SERVER_CORE};
use crate::process::shown;
use crate::vajra::{self, Vajra};
use vajra_perf::operations::dispatch;

/// Their product is somewhat more than fifty thousand.
const CONNECTIONS: u32 = 17_000;
const PIPELINE: u32 = 3;
/// The mean time of one: 17,000 connections then have 10,000 responses a second.
const PATH: &str = "/?service=exp:1700ms";
/// Until responses come evenly.
const WARMUP_S: u32 = 10;
/// In flight in the loop alone: connections, and requests on each.
const LOOPS: [(&str, u32, u32); 5] = [
    ("loop-64", 64, 1),
    ("loop-10k", 10_000, 1),
    ("loop-50k", 50_000, 1),
    ("loop-100k", 100_000, 1),
    ("loop-1m", 62_500, 16),
];

pub(super) fn measure(rig: &Rig) -> Result<Vec<BudgetFigure>, String> {
    let testbed = Builtin::testbed(&rig.vajra, SERVER_CORE)?;
    let (pipeline, warmup) = (PIPELINE.to_string(), format!("{WARMUP_S}s"));
    let more =
        ["--pipeline", &pipeline, "--warmup", &warmup, "--connect-timeout", "60s", "--timeout", "120s"];
    let seconds = WARMUP_S + rig.length.pick(30, 5);
    let mut command = rig.vajra.command(GENERATOR_CORE, CONNECTIONS, seconds, &testbed.url(PATH), &more);
    let vajra::Run { report, .. } = Vajra::run(&mut command)?;
    if report.connections.open < u64::from(CONNECTIONS) {
        return Err(format!("`{}` had {} connections", shown(&command), report.connections.open));
    }
    let lag = &report.generator_lag_ns;
    let word = report.verdict.status.name();
    let note =
        format!("{CONNECTIONS} connections × {PIPELINE}, {:.0} responses/s, {word}", report.rate.achieved);
    let cpu_ns = report.cpu.per_request_ns - report.cpu.spun_per_request_ns;
    let mib = report.cpu.resident_bytes_max as f64 / 1024.0 / 1024.0;
    Ok(vec![
        BudgetFigure::new("in-flight", f64::from(CONNECTIONS * PIPELINE), note.clone()),
        BudgetFigure::new("in-flight-lag", lag.p99 as f64, note),
        BudgetFigure::new("in-flight-lag-p50", lag.p50 as f64, format!("of {} sendings", lag.count)),
        BudgetFigure::new("in-flight-cpu", cpu_ns, format!("resident {mib:.0} MiB")),
    ])
}

/// What the loop takes per request with so many under way, no kernel in it.
pub(super) fn measure_loop(rig: &Rig) -> Result<Vec<BudgetFigure>, String> {
    let batches = rig.length.pick(200, 20);
    let figure = |(name, connections, pipeline): (&'static str, u32, u32)| {
        let each_ns = median_ns(dispatch::in_flight(connections, pipeline), BATCH, batches);
        BudgetFigure::new(name, each_ns, "user space alone: parse, record, release, stamp")
    };
    Ok(LOOPS.into_iter().map(figure).collect())
}

/// Responses that are timed together.
const BATCH: u64 = 10_000;
