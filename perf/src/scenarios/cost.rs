//! CPU time per request beside wrk's, for three sizes of body; beside gcannon's where that is installed, and beside the floor's.

use super::{Figure, Rig};
use crate::SERVER_CORE;
use crate::race::{Cell, Contender, Track};
use crate::statistics::{median, median_interval};
use crate::target::{Body, Nginx};
use crate::{gcannon, wrk};

const CONNECTIONS: u32 = 64;
const CELLS: [(&str, Body); 3] =
    [("cpu-small", Body::Small), ("cpu-64k", Body::Kibibytes64), ("cpu-1m", Body::Mebibyte)];

pub(super) fn measure(rig: &Rig) -> Result<Vec<Figure>, String> {
    wrk::require()?;
    let track = Track { nginx: Nginx::start(SERVER_CORE)?, seconds: rig.length.pick(3, 1) };
    let mut figures = Vec::new();
    for (name, body) in CELLS {
        figures.push(measure_cell(rig, &track, name, body, Contender::Wrk)?);
    }
    figures.push(match gcannon::is_there() {
        // One that cannot be run does not cost the figures beside wrk.
        true => measure_cell(rig, &track, "cpu-gcannon", Body::Small, Contender::Gcannon)
            .unwrap_or_else(|problem| Figure::absent("cpu-gcannon", problem)),
        false => Figure::absent("cpu-gcannon", "gcannon is not in the PATH; no package has it"),
    });
    let floor = track.floor(&rig.vajra, Cell { connections: CONNECTIONS, body: Body::Small })?;
    figures.push(measure_cell(rig, &track, "cpu-floor", Body::Small, floor)?);
    Ok(figures)
}

fn measure_cell(
    rig: &Rig,
    track: &Track,
    name: &'static str,
    body: Body,
    peer: Contender,
) -> Result<Figure, String> {
    let cell = Cell { connections: CONNECTIONS, body };
    let contenders = [Contender::Vajra(&rig.vajra), peer];
    let rounds = (0..rig.length.pick(9, 3)).map(|number| track.round(&contenders, cell, number));
    let rounds = rounds.collect::<Result<Vec<_>, _>>()?;
    let cost =
        |index: usize| -> Vec<f64> { rounds.iter().map(|round| round[index].cpu_ns_per_request).collect() };
    let (ours, theirs) = (cost(0), cost(1));
    let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
    let interval = median_interval(&ratios);
    let note = format!(
        "{:.2} µs and {:.2} µs, {} pairs of {} s; {:.3} to {:.3} at {:.0} %",
        median(&ours) / 1e3,
        median(&theirs) / 1e3,
        rounds.len(),
        track.seconds,
        interval.low,
        interval.high,
        interval.confidence * 100.0
    );
    Ok(Figure::new(name, median(&ratios), note))
}
