//! A comparison as text, for a terminal and for a pull request.

use crate::compare::word;
use crate::plain;
use engine::compare::row::{Basis, Row};
use engine::compare::{Comparison, Judgement, Metric, Regression, RegressionStatus, SideSummary};
use engine::quantity::show_ns;
use std::fmt::Write;

/// For a terminal.
pub(crate) fn plain(comparison: &Comparison, regression: Option<&Regression>) -> String {
    let mut text = format!("\n{}\n\n", headline(comparison, regression));
    for (name, side) in [("base", &comparison.base), ("candidate", &comparison.candidate)] {
        let _ = writeln!(text, "{name:<11}{}", summary(side));
    }
    let _ = writeln!(
        text,
        "\n{:<17}{:>11}{:>11}{:>12}   {:<22} verdict",
        "", "base", "candidate", "difference", "interval"
    );
    for (index, row) in comparison.rows.iter().enumerate() {
        let [base, candidate, difference, interval] = cells(row);
        let title = row.metric.title();
        let _ = writeln!(
            text,
            "{title:<17}{base:>11}{candidate:>11}{difference:>12}   {interval:<22} {}",
            verdict(row, regression, index)
        );
    }
    let _ = writeln!(text, "\n{}", legend(comparison));
    comparison.notes.iter().for_each(|note| {
        let _ = writeln!(text, "note: {}", plain::plain(note));
    });
    text
}

/// For a comment on a pull request.
pub(crate) fn markdown(comparison: &Comparison, regression: Option<&Regression>) -> String {
    let mut text = format!("### {}\n\n", headline(comparison, regression));
    text.push_str("| | base | candidate | difference | interval | verdict |\n|---|---:|---:|---:|---|---|\n");
    for (index, row) in comparison.rows.iter().enumerate() {
        let [base, candidate, difference, interval] = cells(row);
        let shown = verdict(row, regression, index);
        let is_notable = row.is_decisive && matches!(row.verdict, Judgement::Worse | Judgement::Better);
        let shown = if is_notable { format!("**{shown}**") } else { shown };
        let title = row.metric.title();
        let _ = writeln!(text, "| {title} | {base} | {candidate} | {difference} | {interval} | {shown} |");
    }
    let _ = writeln!(text, "\n<sub>{}</sub>", legend(comparison));
    for (name, side) in [("base", &comparison.base), ("candidate", &comparison.candidate)] {
        let _ = writeln!(text, "\n<sub>{name}: {}</sub>", escaped(&summary(side)));
    }
    comparison.notes.iter().for_each(|note| {
        let _ = writeln!(text, "\n> {}", escaped(&plain::plain(note)));
    });
    text
}

/// The whole in a line: what to conclude, and from which rows.
fn headline(comparison: &Comparison, regression: Option<&Regression>) -> String {
    let named = |rows: Vec<&Row>| {
        let shown = rows.iter().map(|row| format!("{} {}", row.metric.title(), cells(row)[2]));
        shown.collect::<Vec<_>>().join(", ")
    };
    let Some(regression) = regression else {
        let rows = comparison.rows.iter();
        let causes = rows.filter(|row| row.is_decisive && row.verdict == comparison.verdict).collect();
        return match comparison.verdict {
            Judgement::Same => "same: no difference of interest".to_owned(),
            verdict => format!("{}: {}", word(verdict), named(causes)),
        };
    };
    let limit = percent(regression.limit);
    let with = |status: RegressionStatus| {
        let pairs = comparison.rows.iter().zip(&regression.rows);
        let chosen = pairs.filter(|(_, held)| held.is_decisive && held.status == status);
        chosen.map(|(row, _)| row).collect::<Vec<&Row>>()
    };
    match regression.status {
        RegressionStatus::Passed => format!("passed: nothing is more than {limit} worse"),
        RegressionStatus::Regressed => {
            format!("REGRESSED beyond {limit}: {}", named(with(RegressionStatus::Regressed)))
        }
        RegressionStatus::Unclear => format!(
            "UNCLEAR: the runs do not tell whether this is more than {limit} worse: {}; run longer, more often, or on a quieter machine",
            named(with(RegressionStatus::Unclear))
        ),
    }
}

/// What stands last in a row: the verdict, and how it stands to the gate's limit.
fn verdict(row: &Row, regression: Option<&Regression>, index: usize) -> String {
    let held = regression.and_then(|regression| regression.rows.get(index)).map(|row| row.status);
    let beyond = match held {
        Some(RegressionStatus::Regressed) => ", beyond the limit",
        Some(RegressionStatus::Unclear) => ", unclear to the limit",
        Some(RegressionStatus::Passed) | None => "",
    };
    let aside = if row.is_decisive { "" } else { " (aside)" };
    format!("{}{beyond}{aside}", word(row.verdict))
}

/// Base, candidate, difference and interval, in the row's units.
fn cells(row: &Row) -> [String; 4] {
    let figure = |value: f64| match row.metric {
        Metric::Rate => format!("{value:.1}/s"),
        Metric::Failed => format!("{:.4} %", value * 100.0),
        _ => show_ns(value as u64),
    };
    let change = |value: f64| match row.metric.is_relative() {
        true => signed(value * 100.0, " %"),
        false => signed(value * 100.0, " pp"),
    };
    let interval = match row.basis {
        Basis::ByConstruction => "by construction".to_owned(),
        Basis::WithinRuns | Basis::BetweenRuns => format!("{} to {}", change(row.low), change(row.high)),
    };
    [figure(row.base), figure(row.candidate), change(row.difference), interval]
}

/// Beyond this it is not known to a digit, and need not be.
const SHOWN_MAX: f64 = 1_000.0;

fn signed(value: f64, unit: &str) -> String {
    if value > SHOWN_MAX {
        return format!("over {SHOWN_MAX:+}{unit}");
    }
    let digits = if value.abs() < 10.0 { 2 } else { 1 };
    format!("{value:+.digits$}{unit}")
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1e4).round() / 1e2)
}

fn summary(side: &SideSummary) -> String {
    let runs = match side.run_ids.as_slice() {
        [id] => format!("run {id}"),
        ids => format!("{} runs", ids.len()),
    };
    let names = plain::plain(&side.names.join(", "));
    format!("{names}: {runs}, {} requests ok, {} slices", side.ok, side.slices)
}

/// A text that Markdown and HTML take for text: names of plans and requests are others' words.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '[' | ']' | '`' | '*' | '@' | '\\' | '|' | '!' => shown.extend(['\\', c]),
            c => shown.push(c),
        }
    }
    shown
}

fn legend(comparison: &Comparison) -> String {
    let (whole, single) = (percent(comparison.confidence), percent(comparison.row_confidence));
    format!(
        "intervals of {single} each, so that the chance that any row is called worse by mistake is at most {}; confidence {whole}",
        percent(1.0 - comparison.confidence)
    )
}
