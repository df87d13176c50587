//! `report`: every budget measured, in one table, with what is missed and why; written where readers look.

use crate::budgets::Gate;
use crate::budgets::{BUDGETS, Budget};
use crate::process;
use crate::scenarios::{BudgetFigure, BudgetScenario, Length, Rig, SCENARIOS};
use crate::scratch::workspace;
use crate::table::Table;
use crate::vajra::Vajra;
use clap::Args;
use std::path::PathBuf;
use std::process::Command;

/// Between these the table is written.
const BEGIN: &str = "<!-- budgets -->";
const END: &str = "<!-- /budgets -->";
/// The files that have them.
const FILES: [&str; 2] = ["docs/BUDGETS.md", "README.md"];
const COMMAND: &str = "cargo run --release -p vajra-perf -- report";

#[derive(Args)]
pub(crate) struct ReportOptions {
    /// Measure only these budgets or scenarios, and write nothing
    #[arg(long, value_delimiter = ',', value_parser = parse_name)]
    only: Vec<String>,
    /// How thorough to be; a short report is not written anywhere
    #[arg(long, value_enum, default_value = "full")]
    runs: Length,
    /// Exit with 1 if a budget is missed
    #[arg(long)]
    limit: bool,
    /// The binary [default: the workspace's target/release/vajra, built if absent]
    #[arg(long)]
    vajra: Option<PathBuf>,
}

/// Measures, prints, and writes the whole table into the documents.
pub(crate) fn run(options: &ReportOptions) -> Result<Gate, String> {
    if cfg!(debug_assertions) {
        return Err(format!("budgets are of release builds: {COMMAND}"));
    }
    let rig = Rig { vajra: Vajra::find(options.vajra.as_deref())?, length: options.runs };
    let mut figures = Vec::new();
    for scenario in SCENARIOS.iter().filter(|scenario| is_wanted(scenario, &options.only)) {
        eprintln!("{} …", scenario.name);
        figures.extend(measure(scenario, &rig));
    }
    let is_asked = |budget: &&Budget| figures.iter().any(|figure| figure.name == budget.name);
    let budgets: Vec<&Budget> = BUDGETS.iter().filter(is_asked).collect();
    print!("{}", table(&budgets, &figures, true).text());
    println!("\n{}", reasons(&budgets, &figures));
    if options.only.is_empty() && options.runs == Length::Full {
        write(&document(&budgets, &figures)?)?;
    } else {
        println!("a part of the report, or a short one: not written to {}", FILES.join(" and "));
    }
    let is_kept = |budget: &&Budget| value_of(budget, &figures).and_then(|value| budget.limit.is_kept(value));
    let is_missed = budgets.iter().any(|budget| is_kept(budget) == Some(false));
    Ok(Gate::when(!is_missed || !options.limit))
}

fn is_wanted(scenario: &BudgetScenario, only: &[String]) -> bool {
    let is_named = |name: &String| name == scenario.name || scenario.budgets.contains(&name.as_str());
    only.is_empty() || only.iter().any(is_named)
}

fn parse_name(name: &str) -> Result<String, String> {
    let names = || {
        SCENARIOS
            .iter()
            .flat_map(|scenario| [scenario.name].into_iter().chain(scenario.budgets.iter().copied()))
    };
    if names().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    Err(format!(
        "no budget and no scenario is called `{name}`; there are {}",
        names().collect::<Vec<_>>().join(", ")
    ))
}

/// A scenario's figures. One that cannot be run leaves its rows empty, and says why in each.
fn measure(scenario: &BudgetScenario, rig: &Rig) -> Vec<BudgetFigure> {
    (scenario.measure)(rig).unwrap_or_else(|problem| {
        let absent = |name: &&'static str| BudgetFigure { name, value: None, note: problem.clone() };
        scenario.budgets.iter().map(absent).collect()
    })
}

fn value_of(budget: &Budget, figures: &[BudgetFigure]) -> Option<f64> {
    figures.iter().find(|figure| figure.name == budget.name)?.value
}

fn table(budgets: &[&Budget], figures: &[BudgetFigure], has_notes: bool) -> Table {
    let head = ["what", "budget", "measured", "margin", "met", "how"];
    let mut table = Table::new(if has_notes { &head } else { &head[..5] });
    for budget in budgets {
        let figure = figures.iter().find(|figure| figure.name == budget.name);
        let note = figure.map_or("", |figure| figure.note.as_str());
        let mut row = cells(budget, value_of(budget, figures), note);
        if has_notes {
            row.push(note.to_owned());
        }
        table.push(row);
    }
    table
}

fn cells(budget: &Budget, value: Option<f64>, note: &str) -> Vec<String> {
    let show = |value| format!("{}{}", budget.unit.show(value), standing(note));
    let measured = value.map_or_else(|| "not measured".into(), show);
    let margin = value.and_then(|value| budget.limit.margin(value));
    let margin = margin.map_or_else(|| "–".into(), |share| format!("{:+.0} %", share * 100.0));
    let met = match value.and_then(|value| budget.limit.is_kept(value)) {
        Some(true) => "yes",
        Some(false) => "**no**",
        None => "–",
    };
    vec![budget.what.into(), budget.limit.show(budget.unit), measured, margin, met.into()]
}

/// What a figure's runs were, where they were not all VALID: it stands beside the figure wherever that is shown.
fn standing(note: &str) -> String {
    let has = |word: &str| note.split(|c: char| !c.is_ascii_uppercase()).any(|found| found == word);
    let Some(worst) = ["INVALID", "DEGRADED"].into_iter().find(|word| has(word)) else {
        return String::new();
    };
    let part = if has("VALID") { "partly " } else { "" };
    format!(", {part}{worst}")
}

/// Why each missed budget is missed; a sentence when none is.
fn reasons(budgets: &[&Budget], figures: &[BudgetFigure]) -> String {
    let is_missed = |budget: &&&Budget| {
        value_of(budget, figures).and_then(|value| budget.limit.is_kept(value)) == Some(false)
    };
    let reason = |budget: &&Budget| {
        let why = if budget.if_missed.is_empty() { "no reason is known" } else { budget.if_missed };
        format!("- {}: {why}.\n", budget.what)
    };
    let reasons: String = budgets.iter().filter(is_missed).map(reason).collect();
    if reasons.is_empty() {
        "Every budget that was measured is met.\n".into()
    } else {
        format!("Missed, and why:\n\n{reasons}")
    }
}

/// What is written between the markers of each file: where, when and how, the table, and the reasons.
fn document(budgets: &[&Budget], figures: &[BudgetFigure]) -> Result<[String; 2], String> {
    let head = format!("Measured {} on {}, by `{COMMAND}`.\n", date()?, machine());
    let promised: Vec<&Budget> =
        budgets.iter().copied().filter(|budget| budget.limit != crate::budgets::Limit::Shown).collect();
    let whole = table(budgets, figures, true).markdown();
    let short = table(&promised, figures, false).markdown();
    let why = reasons(budgets, figures);
    Ok([format!("{head}\n{whole}\n{why}"), format!("{head}\n{short}\n{why}")])
}

fn date() -> Result<String, String> {
    Ok(process::run(Command::new("date").args(["-u", "+%Y-%m-%d"]))?.stdout.trim().to_owned())
}

fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{cores} cores of {model}, Linux {}", kernel.trim())
}

fn write(texts: &[String; 2]) -> Result<(), String> {
    for (file, text) in FILES.iter().zip(texts) {
        let path = workspace().join(file);
        let before = std::fs::read_to_string(&path).map_err(|error| format!("{file}: {error}"))?;
        let after = replaced(&before, text).ok_or_else(|| format!("{file} has no {BEGIN} … {END}"))?;
        std::fs::write(&path, after).map_err(|error| format!("{file}: {error}"))?;
        println!("written to {file}");
    }
    Ok(())
}

/// The document with other text between the markers.
fn replaced(document: &str, text: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n{END}{after}", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &'static str, value: Option<f64>) -> BudgetFigure {
        BudgetFigure { name, value, note: "how".into() }
    }

    #[test]
    fn the_documents_have_a_place_for_the_table() {
        for file in FILES {
            let text = std::fs::read_to_string(workspace().join(file)).unwrap();
            let after = replaced(&text, "the table").unwrap();
            assert!(after.contains("<!-- budgets -->\nthe table\n<!-- /budgets -->"), "{file}");
            assert_eq!(replaced(&after, "another"), replaced(&text, "another"), "{file}");
        }
        assert_eq!(replaced("no markers", "x"), None);
    }

    #[test]
    fn a_missed_budget_is_named_with_its_reason_and_a_kept_one_is_not() {
        let missed = BUDGETS.iter().find(|budget| budget.name == "cpu-small").unwrap();
        let kept = BUDGETS.iter().find(|budget| budget.name == "cpu-1m").unwrap();
        let figures = [figure("cpu-small", Some(0.9)), figure("cpu-1m", Some(0.1))];
        let text = reasons(&[missed, kept], &figures);
        assert!(text.contains(missed.if_missed) && !text.contains(kept.what), "{text}");
        assert_eq!(cells(missed, Some(0.9), "")[3..], ["-12 %", "**no**"]);
        assert_eq!(cells(kept, Some(0.1), "")[3..], ["+60 %", "yes"]);
        assert_eq!(cells(kept, None, "")[2..], ["not measured", "–", "–"]);
    }

    #[test]
    fn a_figure_of_runs_that_were_not_valid_says_so() {
        assert_eq!(standing("188 ns of CPU each; verdicts DEGRADED, DEGRADED"), ", DEGRADED");
        assert_eq!(standing("verdicts VALID, DEGRADED, INVALID"), ", partly INVALID");
        assert_eq!(standing("1200000 of 1200000 in 120 s, VALID"), "");
        let budget = BUDGETS.iter().find(|budget| budget.name == "cpu-1m").unwrap();
        assert_eq!(cells(budget, Some(0.1), "DEGRADED")[2], "0.100 ×, DEGRADED");
    }

    #[test]
    fn budgets_and_scenarios_can_be_named() {
        assert!(parse_name("cpu-small").is_ok() && parse_name("cost").is_ok());
        assert!(parse_name("cpu").unwrap_err().contains("cpu-small"));
        let wanted = |only: &str| SCENARIOS.iter().filter(|one| is_wanted(one, &[only.to_owned()])).count();
        assert_eq!((wanted("cost"), wanted("slip-p99")), (1, 1));
    }
}
