//! A comparison as text, for a terminal and for a pull request.

use crate::output::figures::{group, grouped, percentage, typed_percentage};
use crate::output::layout::hanging;
use crate::output::plain;
use crate::output::screen::{Screen, Tone};
use crate::output::table::{Cell, Column, TextTable};
use crate::output::text::short_id;
use engine::compare::row::{Basis, Row};
use engine::compare::{Comparison, Judgement, Regression, RegressionStatus, RowMetric, SideSummary};
use engine::quantity::{counted, show_ns};
use std::fmt::Write;

/// No more rows than these are named in the headline.
const NAMED_MAX: usize = 4;
/// The column that says from where on a change could have been seen.
const SEEN_FROM: usize = 5;

/// For a terminal.
pub(crate) fn plain(comparison: &Comparison, regression: Option<&Regression>, screen: &Screen) -> String {
    let headline = screen.paint(tone(comparison, regression), &headline(comparison, regression));
    let mut text = format!("\n{}\n", hanging(screen.width, "", &headline));
    for (name, side) in sides(comparison) {
        text.push_str(&hanging(screen.width, &format!("{name:<11}"), &summary(side)));
    }
    let mut table = TextTable::new(vec![
        Column::name("", 13),
        Column::figure("base"),
        Column::figure("candidate"),
        Column::figure("difference"),
        Column::word("interval"),
        Column::figure("seen from").left_out(1),
        Column::text("verdict"),
    ]);
    let mut heading = String::new();
    for (index, row) in comparison.rows.iter().enumerate() {
        let own = heading_of(row);
        if own != heading && !own.is_empty() {
            let blank = || Cell::from(String::new());
            table.push(vec![own.as_str().into(), blank(), blank(), blank(), blank(), blank(), blank()]);
        }
        heading = own;
        table.push(table_row(row, regression, index));
    }
    let _ = write!(text, "\n{}\n", table.show(screen));
    let [trust, seen_from] = legend(comparison);
    let seen_from = table.has_room_for(SEEN_FROM, screen).then_some(seen_from);
    for line in [trust].into_iter().chain(seen_from) {
        text.push_str(&hanging(screen.width, "", &screen.paint(Tone::Faint, &line)));
    }
    for note in &comparison.notes {
        text.push_str(&hanging(screen.width, "note: ", &plain::plain(note)));
    }
    text
}

fn sides(comparison: &Comparison) -> [(&'static str, &SideSummary); 2] {
    [("base", &comparison.base), ("candidate", &comparison.candidate)]
}

/// What stands above rows of a scenario's iterations and of its named flows: beside their titles there is too little room for the names.
fn heading_of(row: &Row) -> String {
    let names = row.scenario.iter().chain(&row.flow).map(|name| format!("{}/", plain::plain(name)));
    if RowMetric::OF_PASSES.contains(&row.metric) { names.collect() } else { String::new() }
}

fn table_row(row: &Row, regression: Option<&Regression>, index: usize) -> Vec<Cell> {
    let [base, candidate, difference, interval] = cells(row);
    let judged = Cell::toned(short_verdict(row, regression, index), tone_of(row));
    let seen = seen_from(row, regression, index);
    let title = match heading_of(row).is_empty() {
        true => plain::plain(&row.title()),
        false => row.metric.title().to_owned(),
    };
    vec![title.into(), base.into(), candidate.into(), difference.into(), interval.into(), seen.into(), judged]
}

/// How the whole stands, in a colour beside the words.
fn tone(comparison: &Comparison, regression: Option<&Regression>) -> Tone {
    match (regression.map(|regression| regression.status), comparison.verdict) {
        (Some(RegressionStatus::Regressed), _) | (None, Judgement::Worse) => Tone::Bad,
        (Some(RegressionStatus::Unclear), _) | (None, Judgement::Unclear) => Tone::Caution,
        (Some(RegressionStatus::Passed), _) | (None, Judgement::Same | Judgement::Better) => Tone::Good,
    }
}

fn tone_of(row: &Row) -> Tone {
    match row.verdict {
        _ if !row.is_decisive => Tone::Plain,
        Judgement::Better => Tone::Good,
        Judgement::Worse => Tone::Bad,
        Judgement::Same | Judgement::Unclear => Tone::Plain,
    }
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
    let _ = writeln!(text, "\n<sub>{}</sub>", legend(comparison).join("\n"));
    for (name, side) in sides(comparison) {
        let _ = writeln!(text, "\n<sub>{name}: {}</sub>", escaped(&summary(side)));
    }
    comparison.notes.iter().for_each(|note| {
        let _ = writeln!(text, "\n> {}", escaped(&plain::plain(note)));
    });
    text
}

/// The whole in a line: what to conclude, and from which rows.
pub(crate) fn headline(comparison: &Comparison, regression: Option<&Regression>) -> String {
    let named = |rows: Vec<&Row>| {
        let shown = rows.iter().map(|row| format!("{} {}", plain::plain(&row.title()), cells(row)[2]));
        let mut named: Vec<String> = shown.take(NAMED_MAX).collect();
        if rows.len() > NAMED_MAX {
            named.push(format!("and {} more", rows.len() - NAMED_MAX));
        }
        named.join(", ")
    };
    let Some(regression) = regression else {
        let rows = comparison.rows.iter();
        let causes = rows.filter(|row| row.is_decisive && row.verdict == comparison.verdict).collect();
        return match comparison.verdict {
            Judgement::Same => "same: no difference of interest".to_owned(),
            verdict => format!("{}: {}", word(verdict), named(causes)),
        };
    };
    let limit = typed_percentage(regression.limit);
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

/// The same where there is little room: what is beyond the limit is worse.
fn short_verdict(row: &Row, regression: Option<&Regression>, index: usize) -> String {
    let held = regression.and_then(|regression| regression.rows.get(index)).map(|row| row.status);
    let verdict = match (held, row.verdict) {
        (Some(RegressionStatus::Regressed), _) => "beyond limit".to_owned(),
        (Some(RegressionStatus::Unclear), Judgement::Unclear) => "limit unclear".to_owned(),
        (Some(RegressionStatus::Unclear), judgement) => format!("{}, limit unclear", word(judgement)),
        (Some(RegressionStatus::Passed) | None, judgement) => word(judgement).to_owned(),
    };
    if row.is_decisive { verdict } else { format!("{verdict} (aside)") }
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
        RowMetric::Rate => format!("{}/s", grouped(value)),
        RowMetric::Failed => percentage(value),
        _ => show_ns(value as u64),
    };
    let change = |value: f64| change(row.metric, value);
    let interval = match row.basis {
        Basis::ByConstruction => "by construction".to_owned(),
        Basis::WithinRuns | Basis::BetweenRuns => between(row),
    };
    [figure(row.base), figure(row.candidate), change(row.difference), interval]
}

/// Both ends of an interval; their unit once, where neither has left the scale.
fn between(row: &Row) -> String {
    let (low, high) = (change(row.metric, row.low), change(row.metric, row.high));
    match low.strip_suffix(unit(row.metric)) {
        Some(bare) if !low.starts_with("over") => format!("{bare} to {high}"),
        _ => format!("{low} to {high}"),
    }
}

fn change(metric: RowMetric, value: f64) -> String {
    signed(value * 100.0, unit(metric))
}

fn unit(metric: RowMetric) -> &'static str {
    if metric.is_relative() { " %" } else { " pp" }
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

fn summary(side: &SideSummary) -> String {
    let runs = match side.run_ids.as_slice() {
        [id] => format!("run {}", short_id(id)),
        ids => counted(ids.len() as u64, "run"),
    };
    let names = plain::plain(&side.names.join(", "));
    format!("{names}: {runs}, {} requests ok, {} slices", group(side.ok), side.slices)
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

/// How the rows are to be read.
fn legend(comparison: &Comparison) -> [String; 2] {
    let (whole, single) =
        (typed_percentage(comparison.confidence), typed_percentage(comparison.row_confidence));
    let chance = typed_percentage(1.0 - comparison.confidence);
    let trust = match comparison.holds_spread_of_runs {
        true => format!(
            "intervals of {single} each, so that the chance that any row is called worse by mistake is at most {chance}; confidence {whole}"
        ),
        false => format!(
            "intervals of {single} each, which do not hold the spread between runs, because a side has one run: the chance that any row is called worse by mistake is at most {chance} only if runs do not differ from one to the next; confidence {whole} within these runs"
        ),
    };
    [trust, "seen from: a smaller change for the worse could not have been seen, as a rule".to_owned()]
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
    use std::sync::LazyLock;

    static WIDE: LazyLock<Screen> = LazyLock::new(|| Screen::plain(10_000));

    fn comparison(holds_spread_of_runs: bool) -> Comparison {
        let side = || SideSummary {
            started_at: Vec::new(),
            targets: Vec::new(),
            run_ids: vec!["r".into()],
            names: vec!["n".into()],
            slices: 30,
            ok: 1,
            response_hdr: String::new(),
        };
        let row = |metric, detectable, basis| Row {
            scenario: None,
            flow: None,
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
        let both = |comparison: &Comparison| [plain(comparison, None, &WIDE), markdown(comparison, None)];
        for text in both(&comparison(false)) {
            assert!(text.contains("do not hold the spread between runs"), "{text}");
            assert!(text.contains("at most 5 % only if runs do not differ"), "{text}");
        }
        for text in both(&comparison(true)) {
            assert!(text.contains("by mistake is at most 5 %;"), "{text}");
        }
    }

    #[test]
    fn named_flows_stand_above_their_rows_where_there_is_little_room_and_before_their_titles_elsewhere() {
        let mut comparison = comparison(true);
        let rows = [
            (None, "login", RowMetric::IterationP50),
            (None, "login", RowMetric::IterationP99),
            (Some("agents"), "pay", RowMetric::DurationP50),
        ];
        for (scenario, flow, metric) in rows {
            let (scenario, flow) = (scenario.map(str::to_owned), Some(flow.to_owned()));
            comparison.rows.push(Row { scenario, flow, metric, ..comparison.rows[0].clone() });
        }
        for screen in [Screen::plain(80), Screen::plain(200)] {
            let text = plain(&comparison, None, &screen);
            let names: Vec<&str> = text
                .lines()
                .skip_while(|line| !line.starts_with("rate"))
                .skip(1)
                .take(5)
                .map(|line| line.split("  ").next().unwrap())
                .collect();
            assert_eq!(
                names,
                ["login/", "iteration p50", "iteration p99", "agents/pay/", "duration p50"],
                "{text}"
            );
        }
        let text = markdown(&comparison, None);
        assert!(
            text.contains("| login/iteration p99 |") && text.contains("| agents/pay/duration p50 |"),
            "{text}"
        );
    }

    #[test]
    fn what_could_not_have_been_seen_stands_beside_each_row() {
        let comparison = comparison(true);
        let regression = comparison.regression(0.05);
        for (regression, seen) in [(None, "+6.00 %"), (Some(&regression), "+11.0 %")] {
            let text = plain(&comparison, regression, &WIDE);
            let line = text.lines().find(|line| line.starts_with("response p50")).unwrap();
            assert!(line.contains(seen), "{line}");
            let text = markdown(&comparison, regression);
            assert!(text.contains(&format!("| {seen} |")), "{text}");
            assert!(text.contains("| by construction | - |"), "{text}");
        }
    }
}
