//! A comparison as text, for a terminal and for a pull request.

use crate::output::plain;
use engine::compare::row::{Basis, Row};
use engine::compare::{Comparison, Judgement, Regression, RegressionStatus, RowMetric, SideSummary};
use engine::quantity::show_ns;
use std::fmt::Write;

/// For a terminal.
pub(crate) fn plain(comparison: &Comparison, regression: Option<&Regression>) -> String {
    let mut text = format!("\n{}\n\n", headline(comparison, regression));
    for (name, side) in [("base", &comparison.base), ("candidate", &comparison.candidate)] {
        let _ = writeln!(text, "{name:<11}{}", summary(side));
    }
    // Titles with the name of a scenario before them may be longer than those without.
    let width = comparison.rows.iter().map(|row| row.title().chars().count()).max().unwrap_or(0).max(16) + 1;
    let _ = writeln!(
        text,
        "\n{:<width$}{:>11}{:>11}{:>12}   {:<22} {:>10}  verdict",
        "", "base", "candidate", "difference", "interval", "seen from"
    );
    for (index, row) in comparison.rows.iter().enumerate() {
        let [base, candidate, difference, interval] = cells(row);
        let title = plain::plain(&row.title());
        let seen = seen_from(row, regression, index);
        let _ = writeln!(
            text,
            "{title:<width$}{base:>11}{candidate:>11}{difference:>12}   {interval:<22} {seen:>10}  {}",
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
    text.push_str("| | base | candidate | difference | interval | seen from | verdict |\n|---|---:|---:|---:|---|---:|---|\n");
    for (index, row) in comparison.rows.iter().enumerate() {
        let [base, candidate, difference, interval] = cells(row);
        let shown = verdict(row, regression, index);
        let is_notable = row.is_decisive && matches!(row.verdict, Judgement::Worse | Judgement::Better);
        let shown = if is_notable { format!("**{shown}**") } else { shown };
        let (title, seen) = (escaped(&plain::plain(&row.title())), seen_from(row, regression, index));
        let _ = writeln!(
            text,
            "| {title} | {base} | {candidate} | {difference} | {interval} | {seen} | {shown} |"
        );
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
        let shown = rows.iter().map(|row| format!("{} {}", plain::plain(&row.title()), cells(row)[2]));
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
        RegressionStatus::Regressed => match with(RegressionStatus::Regressed) {
            // What no row tells, a note does.
            rows if rows.is_empty() => {
                "REGRESSED: the candidate did not do what was asked of it, and the base did".to_owned()
            }
            rows => format!("REGRESSED beyond {limit}: {}", named(rows)),
        },
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

/// The smallest change for the worse that could have been seen: at all, or to be beyond the gate's limit.
fn seen_from(row: &Row, regression: Option<&Regression>, index: usize) -> String {
    let held = regression.and_then(|regression| regression.rows.get(index));
    let detectable = held.map_or(row.detectable, |held| held.detectable);
    let worse = if row.metric.is_better_higher() { -1.0 } else { 1.0 };
    detectable.map_or_else(|| "-".to_owned(), |size| change(row.metric, worse * size))
}

/// Base, candidate, difference and interval, in the row's units.
fn cells(row: &Row) -> [String; 4] {
    let figure = |value: f64| match row.metric {
        RowMetric::Rate => format!("{value:.1}/s"),
        RowMetric::Failed => format!("{:.4} %", value * 100.0),
        _ => show_ns(value as u64),
    };
    let change = |value: f64| change(row.metric, value);
    let interval = match row.basis {
        Basis::ByConstruction => "by construction".to_owned(),
        Basis::WithinRuns | Basis::BetweenRuns => format!("{} to {}", change(row.low), change(row.high)),
    };
    [figure(row.base), figure(row.candidate), change(row.difference), interval]
}

fn change(metric: RowMetric, value: f64) -> String {
    signed(value * 100.0, if metric.is_relative() { " %" } else { " pp" })
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
    let chance = percent(1.0 - comparison.confidence);
    let trust = match comparison.holds_spread_of_runs {
        true => format!(
            "intervals of {single} each, so that the chance that any row is called worse by mistake is at most {chance}; confidence {whole}"
        ),
        false => format!(
            "intervals of {single} each, which do not hold the spread between runs, because a side has one run: the chance that any row is called worse by mistake is at most {chance} only if runs do not differ from one to the next; confidence {whole} within these runs"
        ),
    };
    format!("{trust}\nseen from: a smaller change for the worse could not have been seen, as a rule")
}

/// The word for a verdict.
fn word(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Better => "better",
        Judgement::Same => "same",
        Judgement::Unclear => "unclear",
        Judgement::Worse => "worse",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::compare::SCHEMA;

    fn comparison(holds_spread_of_runs: bool) -> Comparison {
        let side = || SideSummary {
            run_ids: vec!["r".into()],
            names: vec!["n".into()],
            slices: 30,
            ok: 1,
            response_hdr: String::new(),
        };
        let row = |metric, detectable, basis| Row {
            scenario: None,
            metric,
            base: 1e6,
            candidate: 1.01e6,
            difference: 0.01,
            low: -0.05,
            high: 0.07,
            minimum: 0.01,
            detectable,
            verdict: Judgement::Unclear,
            basis,
            is_decisive: true,
        };
        Comparison {
            schema: SCHEMA,
            verdict: Judgement::Unclear,
            confidence: 0.95,
            row_confidence: 0.99,
            holds_spread_of_runs,
            base: side(),
            candidate: side(),
            rows: vec![
                row(RowMetric::ResponseP50, Some(0.06), Basis::WithinRuns),
                row(RowMetric::Rate, None, Basis::ByConstruction),
            ],
            notes: Vec::new(),
        }
    }

    #[test]
    fn one_run_a_side_does_not_claim_what_several_would_show() {
        let both = |comparison: &Comparison| [plain(comparison, None), markdown(comparison, None)];
        for text in both(&comparison(false)) {
            assert!(text.contains("do not hold the spread between runs"), "{text}");
            assert!(text.contains("at most 5 % only if runs do not differ"), "{text}");
        }
        for text in both(&comparison(true)) {
            assert!(text.contains("by mistake is at most 5 %;"), "{text}");
        }
    }

    #[test]
    fn what_could_not_have_been_seen_stands_beside_each_row() {
        let comparison = comparison(true);
        let regression = comparison.regression(0.05);
        for (regression, seen) in [(None, "+6.00 %"), (Some(&regression), "+11.0 %")] {
            let text = plain(&comparison, regression);
            let line = text.lines().find(|line| line.starts_with("response p50")).unwrap();
            assert!(line.contains(seen), "{line}");
            let text = markdown(&comparison, regression);
            assert!(text.contains(&format!("| {seen} |")), "{text}");
            assert!(text.contains("| by construction | - |"), "{text}");
        }
    }
}
