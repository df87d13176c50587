//! CPU time per request beside wrk's, in plain and over TLS, beside gcannon's where that is installed, and beside the floor's.

use super::rig::{BudgetFigure, Rig};
use crate::race::{Contender, RaceCell, Track};
use crate::statistics::{median, median_interval};
use crate::target::{ServedBody, ServedOver};
use crate::{gcannon, wrk};

const CONNECTIONS: u32 = 64;
const CELLS: [(&str, ServedBody); 3] = [
    ("cpu-small", ServedBody::Small),
    ("cpu-64k", ServedBody::Kibibytes64),
    ("cpu-1m", ServedBody::Mebibyte),
];

const TLS_CELLS: [(&str, ServedBody); 2] =
    [("cpu-tls-small", ServedBody::Small), ("cpu-tls-64k", ServedBody::Kibibytes64)];

pub(super) fn measure(rig: &Rig) -> Result<Vec<BudgetFigure>, String> {
    wrk::require()?;
    let track = Track::on_nginx(ServedOver::Tcp, rig.length.pick(3, 1))?;
    let mut figures = Vec::new();
    for (name, body) in CELLS {
        figures.push(measure_cell(rig, &track, name, body, Contender::Wrk)?);
    }
    let secured = Track::on_nginx(ServedOver::Tls, track.seconds)?;
    for (name, body) in TLS_CELLS {
        figures.push(measure_cell(rig, &secured, name, body, Contender::Wrk)?);
    }
    figures.push(match gcannon::is_there() {
        // One that cannot be run does not cost the figures beside wrk.
        true => measure_cell(rig, &track, "cpu-gcannon", ServedBody::Small, Contender::Gcannon)
            .unwrap_or_else(|problem| BudgetFigure::absent("cpu-gcannon", problem)),
        false => BudgetFigure::absent("cpu-gcannon", "gcannon is not in the PATH; no package has it"),
    });
    let floor = track.floor(&rig.vajra, RaceCell::of(CONNECTIONS, ServedBody::Small))?;
    figures.push(measure_cell(rig, &track, "cpu-floor", ServedBody::Small, floor)?);
    Ok(figures)
}

fn measure_cell(
    rig: &Rig,
    track: &Track,
    name: &'static str,
    body: ServedBody,
    peer: Contender,
) -> Result<BudgetFigure, String> {
    let cell = RaceCell::of(CONNECTIONS, body);
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
    Ok(BudgetFigure::new(name, median(&ratios), note))
}
