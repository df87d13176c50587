//! The slices of a run as rows, with the parts of scenarios, iterations and named flows.

use crate::error::Problem;
use crate::stored::{count, packed, stored, unpacked};
use engine::history::{ScenarioSlice, Slice};
use engine::pass_slice::PassSlice;
use engine::phase::Phase;
use rusqlite::{Connection, Row, Statement, params};

/// The scenario of what stands in a slice itself, because the run has one.
const ONLY_SCENARIO: i64 = -1;

/// Writes the slices of a run.
pub(crate) fn insert(connection: &Connection, run: i64, history: &[Slice]) -> Result<(), Problem> {
    let sql = "INSERT INTO slices VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let mut statement = connection.prepare(sql)?;
    let sql = "INSERT INTO scenario_slices VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let mut of_scenarios = connection.prepare(sql)?;
    let sql = "INSERT INTO pass_slices VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let mut of_passes = connection.prepare(sql)?;
    for (place, slice) in history.iter().enumerate() {
        let Slice {
            from_ns,
            to_ns,
            phase,
            ok,
            failed,
            dropped,
            withheld,
            cpu_ns,
            response_hdr,
            passes,
            scenarios,
        } = slice;
        let counts = [from_ns, to_ns, ok, failed, dropped, cpu_ns, withheld].map(|&count| stored(count));
        let [from_ns, to_ns, ok, failed, dropped, cpu_ns, withheld] = counts;
        let (place, word, hdr) = (place as i64, word_of(*phase), packed(response_hdr));
        statement
            .execute(params![run, place, from_ns, to_ns, word, ok, failed, dropped, cpu_ns, hdr, withheld])?;
        insert_passes(&mut of_passes, (run, place, ONLY_SCENARIO), passes)?;
        for (number, part) in scenarios.iter().enumerate() {
            let ScenarioSlice { ok, failed, dropped, withheld, response_hdr, passes } = part;
            let [ok, failed, dropped, withheld] = [ok, failed, dropped, withheld].map(|&count| stored(count));
            let (number, hdr) = (number as i64, packed(response_hdr));
            of_scenarios.execute(params![run, place, number, ok, failed, dropped, hdr, withheld])?;
            insert_passes(&mut of_passes, (run, place, number), passes)?;
        }
    }
    Ok(())
}

fn insert_passes(
    statement: &mut Statement,
    (run, slice, scenario): (i64, i64, i64),
    passes: &[PassSlice],
) -> Result<(), Problem> {
    for (place, pass) in passes.iter().enumerate() {
        let PassSlice { ok, failed, iteration_hdr, duration_hdr } = pass;
        let (ok, failed, place) = (stored(*ok), stored(*failed), place as i64);
        let (iteration, duration) = (packed(iteration_hdr), packed(duration_hdr));
        statement.execute(params![run, slice, scenario, place, ok, failed, iteration, duration])?;
    }
    Ok(())
}

/// The slices of a run, in their order.
pub(crate) fn read(connection: &Connection, run: i64) -> Result<Vec<Slice>, Problem> {
    let sql = "SELECT from_ns, to_ns, phase, ok, failed, dropped, cpu_ns, withheld, response_hdr
               FROM slices WHERE run = ?1 ORDER BY slice";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([run])?;
    let mut slices = Vec::new();
    while let Some(row) = rows.next()? {
        let word: String = row.get(2)?;
        slices.push(Slice {
            from_ns: count(row, 0)?,
            to_ns: count(row, 1)?,
            phase: phase_of(&word).ok_or_else(|| Problem::Damaged(format!("`{word}` is not a phase")))?,
            ok: count(row, 3)?,
            failed: count(row, 4)?,
            dropped: count(row, 5)?,
            withheld: count(row, 7)?,
            cpu_ns: count(row, 6)?,
            response_hdr: unpacked(row, "response_hdr")?,
            passes: Vec::new(),
            scenarios: Vec::new(),
        });
    }
    add_scenarios(connection, run, &mut slices)?;
    add_passes(connection, run, &mut slices)?;
    Ok(slices)
}

/// Adds each scenario's part to the slices of a run.
fn add_scenarios(connection: &Connection, run: i64, slices: &mut [Slice]) -> Result<(), Problem> {
    let sql = "SELECT slice, scenario, ok, failed, dropped, withheld, response_hdr
               FROM scenario_slices WHERE run = ?1 ORDER BY slice, scenario";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([run])?;
    while let Some(row) = rows.next()? {
        let (slice, scenario): (i64, i64) = (row.get(0)?, row.get(1)?);
        let parts = at(slices, slice).map(|slice| &mut slice.scenarios);
        let parts = parts.filter(|parts| usize::try_from(scenario) == Ok(parts.len()));
        let Some(parts) = parts else {
            return Err(Problem::Damaged(format!("slice {slice} has no scenario {scenario}")));
        };
        parts.push(ScenarioSlice {
            ok: count(row, 2)?,
            failed: count(row, 3)?,
            dropped: count(row, 4)?,
            withheld: count(row, 5)?,
            response_hdr: unpacked(row, "response_hdr")?,
            passes: Vec::new(),
        });
    }
    Ok(())
}

/// Adds how iterations and named flows were gone through.
fn add_passes(connection: &Connection, run: i64, slices: &mut [Slice]) -> Result<(), Problem> {
    let sql = "SELECT slice, scenario, place, ok, failed, iteration_hdr, duration_hdr
               FROM pass_slices WHERE run = ?1 ORDER BY slice, scenario, place";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([run])?;
    while let Some(row) = rows.next()? {
        let (slice, scenario, place): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let passes = at(slices, slice).and_then(|slice| passes_of(slice, scenario));
        let passes = passes.filter(|passes| usize::try_from(place) == Ok(passes.len()));
        let Some(passes) = passes else {
            return Err(Problem::Damaged(format!(
                "scenario {scenario} of slice {slice} has no place {place}"
            )));
        };
        passes.push(pass(row)?);
    }
    Ok(())
}

fn at(slices: &mut [Slice], slice: i64) -> Option<&mut Slice> {
    slices.get_mut(usize::try_from(slice).ok()?)
}

fn passes_of(slice: &mut Slice, scenario: i64) -> Option<&mut Vec<PassSlice>> {
    match scenario {
        ONLY_SCENARIO => Some(&mut slice.passes),
        number => {
            let part = slice.scenarios.get_mut(usize::try_from(number).ok()?)?;
            Some(&mut part.passes)
        }
    }
}

fn pass(row: &Row) -> Result<PassSlice, Problem> {
    Ok(PassSlice {
        ok: count(row, 3)?,
        failed: count(row, 4)?,
        iteration_hdr: unpacked(row, "iteration_hdr")?,
        duration_hdr: unpacked(row, "duration_hdr")?,
    })
}

const PHASES: [(Phase, &str); 3] =
    [(Phase::Warmup, "warmup"), (Phase::Measure, "measure"), (Phase::Drain, "drain")];

fn word_of(phase: Phase) -> &'static str {
    PHASES.iter().find(|(known, _)| *known == phase).map_or("measure", |(_, word)| word)
}

fn phase_of(word: &str) -> Option<Phase> {
    PHASES.iter().find(|(_, known)| *known == word).map(|(phase, _)| *phase)
}
