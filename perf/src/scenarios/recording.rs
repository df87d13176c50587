//! What writing a request down costs, by the clock, and what it is of a request; and that nothing is allocated.

use super::rig::{BudgetFigure, Rig};
use crate::allocations;
use crate::cores::{GENERATOR_CORE, SERVER_CORE};
use crate::statistics::median;
use crate::target::{Nginx, ServedBody};
use crate::vajra::Vajra;
use std::time::Instant;
use vajra_perf::operations::{self, Work};

const CONNECTIONS: u32 = 64;

pub(super) fn measure(rig: &Rig) -> Result<Vec<BudgetFigure>, String> {
    let recording = operations::find("record/request").expect("the operation is there");
    let recording_ns = median_ns((recording.make)(), recording.batch, rig.length.pick(500, 50));
    let nginx = Nginx::start(SERVER_CORE)?;
    let url = nginx.url(ServedBody::Small);
    let mut command = rig.vajra.command(GENERATOR_CORE, CONNECTIONS, rig.length.pick(10, 2), &url, &[]);
    let request_ns = Vajra::run(&mut command)?.report.cpu.per_request_ns;
    let counted = rig.length.pick(100_000, 20_000);
    let allocated = allocations::total(counted)?;
    Ok(vec![
        BudgetFigure::new(
            "recording",
            recording_ns,
            "response, service, slip and lag; median of many batches, memory warm",
        ),
        BudgetFigure::new(
            "recording-share",
            recording_ns / request_ns,
            format!("of {:.2} µs, closed loop, 12 B, 64 connections", request_ns / 1e3),
        ),
        BudgetFigure::new("allocations", allocated as f64, format!("12 cases, {counted} requests each")),
    ])
}

/// What one of something takes, in nanoseconds: the median of so many batches.
pub(super) fn median_ns(mut work: Work, batch: u64, batches: usize) -> f64 {
    work(batch);
    let mut time_batch = || {
        let begun = Instant::now();
        work(batch);
        begun.elapsed().as_nanos() as f64 / batch as f64
    };
    median(&(0..batches).map(|_| time_batch()).collect::<Vec<f64>>())
}
