//! `prove`: that the gate catches what it is there for, and nothing else.
//!
//! The source is copied to a scratch tree, a regression is planted in it, this program is built there, with the same
//! profile, and its `gate` is run: it must fail, by the counter that was to notice. A change that changes nothing must pass,
//! again and again.

use crate::budgets::Gate;
use crate::plants::{NOTHING, Plant, REGRESSIONS};
use crate::process::{self, EndedProcess};
use crate::scratch::Scratch;
use crate::table::Table;
use clap::Args;
use std::process::Command;
use std::time::Instant;

#[derive(Args)]
pub(crate) struct ProveOptions {
    /// How often the change that changes nothing has to pass
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// Plant only these, such as sleep,allocation
    #[arg(long, value_delimiter = ',', value_parser = parse_plant)]
    only: Vec<Plant>,
}

/// What came of one.
struct PlantOutcome {
    is_as_wanted: bool,
    /// The gate's last line, or how often it passed.
    said: String,
}

/// Plants everything, one after the other; fails when anything gets past the gate, or nothing is held up.
pub(crate) fn run(options: &ProveOptions) -> Result<Gate, String> {
    let scratch = Scratch::of_this_tree("prove")?;
    let mut table = Table::new(&["planted", "in", "seconds", "wanted", "outcome"]);
    let mut is_proven = true;
    let wanted = if options.only.is_empty() { REGRESSIONS.to_vec() } else { options.only.clone() };
    for plant in wanted.iter().chain([&NOTHING]) {
        let begun = Instant::now();
        let outcome = try_one(&scratch, plant, options.repeats)?;
        let wanted = match plant.caught_by {
            Some(kind) => format!("caught by {}", kind.name()),
            None => format!("passes {0} of {0}", options.repeats),
        };
        let seconds = format!("{:.0}", begun.elapsed().as_secs_f64());
        println!("{}: {} after {seconds} s: {}", plant.name, word(outcome.is_as_wanted), outcome.said);
        is_proven &= outcome.is_as_wanted;
        table.push(vec![
            plant.name.into(),
            plant.file.into(),
            seconds,
            wanted,
            word(outcome.is_as_wanted).into(),
        ]);
    }
    print!("\n{}", table.text());
    Ok(Gate::when(is_proven))
}

fn word(is_as_wanted: bool) -> &'static str {
    if is_as_wanted { "as wanted" } else { "NOT AS WANTED" }
}

fn parse_plant(name: &str) -> Result<Plant, String> {
    let names = || REGRESSIONS.map(|plant| plant.name).join(", ");
    let found = REGRESSIONS.into_iter().find(|plant| plant.name == name);
    found.ok_or_else(|| format!("there is nothing called `{name}` to plant; there are {}", names()))
}

fn try_one(scratch: &Scratch, plant: &Plant, repeats: u32) -> Result<PlantOutcome, String> {
    let before = plant.plant(&scratch.tree())?;
    let built = scratch.build(&["-p", "vajra-perf"]);
    let path = scratch.tree().join(plant.file);
    let outcome = built.and_then(|()| match plant.caught_by {
        Some(kind) => try_regression(scratch, plant.seen_in, kind.name()),
        None => try_nothing(scratch, repeats),
    });
    std::fs::write(&path, before).map_err(|error| format!("{}: {error}", path.display()))?;
    outcome
}

/// Runs the gate over a regression, where it has to be seen.
fn try_regression(scratch: &Scratch, seen_in: &str, counter: &str) -> Result<PlantOutcome, String> {
    let ended = gate(scratch, seen_in)?;
    let said = last_line(&ended).to_owned();
    let is_caught = ended.status.code() == Some(1) && names_counter(&said, counter);
    match ended.status.code() {
        Some(0 | 1) => Ok(PlantOutcome { is_as_wanted: is_caught, said }),
        _ => Err(format!("the gate could not measure:\n{}{}", ended.stdout, ended.stderr)),
    }
}

/// Runs the gate over a change that changes nothing, so many times.
fn try_nothing(scratch: &Scratch, repeats: u32) -> Result<PlantOutcome, String> {
    let mut passed = 0;
    for repeat in 1..=repeats {
        let ended = gate(scratch, NOTHING.seen_in)?;
        match ended.status.code() {
            Some(0) => passed += 1,
            Some(1) => println!("{}, run {repeat}: {}", NOTHING.name, last_line(&ended)),
            _ => return Err(format!("the gate could not measure:\n{}{}", ended.stdout, ended.stderr)),
        }
    }
    Ok(PlantOutcome { is_as_wanted: passed == repeats, said: format!("passed {passed} of {repeats}") })
}

fn gate(scratch: &Scratch, only: &str) -> Result<EndedProcess, String> {
    process::run(Command::new(scratch.binary("vajra-perf")).args(["gate", "--brief", "--only", only]))
}

fn last_line(ended: &EndedProcess) -> &str {
    ended.stdout.lines().last().unwrap_or_default()
}

/// Whether the gate's last line has a counter of this name among those beyond their limits.
fn names_counter(line: &str, counter: &str) -> bool {
    let (_, beyond) = line.split_once(&format!("{}: ", Gate::Failed.word())).unwrap_or_default();
    beyond.split(", ").any(|one| one.split(' ').next() == Some(counter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regression_is_caught_only_by_the_counter_that_was_to_notice() {
        let line =
            "2 of 102 counters: FAIL: calls of dispatch/closed_loop, loop_calls of loop/open/constant/1";
        assert!(names_counter(line, "calls") && names_counter(line, "loop_calls"));
        assert!(!names_counter(line, "instructions") && !names_counter(line, "dispatch/closed_loop"));
        assert!(!names_counter("102 counters within their limits: pass", "calls"));
    }

    #[test]
    fn what_is_planted_is_chosen_by_name() {
        assert_eq!(parse_plant("sleep").unwrap().name, "sleep");
        assert!(parse_plant("slep").unwrap_err().contains("allocation"));
    }
}
