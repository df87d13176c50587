//! How runs went as JUnit XML, which CI servers show beside unit tests. A run is a suite, with a test case for the verdict, one for the target and one
//! for each condition; a gate has one more for what was compared.

use crate::output::plain;
use crate::output::text;
use engine::compare::{Regression, RegressionStatus};
use engine::report::{Report, ThresholdResult};
use engine::verdict::Status;
use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};
use std::io::{self, Write};
use std::time::Duration;

/// What a gate found by comparing.
pub(crate) enum GateFinding<'a> {
    /// How the candidate stands to the limit.
    Judged(&'a Regression),
    /// It is worse in a way that needs no figures, in words.
    Regressed(&'a str),
    /// It was not compared with anything.
    NotCompared,
}

/// Writes one run.
pub(crate) fn write_run(report: &Report, is_strict: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut document = Document::new("vajra run");
    document.add_test_suite(suite(&plain::plain(&report.plan.name), report, is_strict));
    write(&document, out)
}

/// Writes the runs of a gate's candidate, and what the gate found.
pub(crate) fn write_gate(
    candidate: &[Report],
    finding: &GateFinding,
    is_strict: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut document = Document::new("vajra gate");
    for (number, report) in (1..).zip(candidate) {
        let name = format!("{}, run {number} of {}", plain::plain(&report.plan.name), candidate.len());
        document.add_test_suite(suite(&name, report, is_strict));
    }
    let mut gate = TestSuite::new("gate");
    gate.add_test_case(case("gate", "regression", found(finding, is_strict)));
    document.add_test_suite(gate);
    write(&document, out)
}

fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let text = document.to_string().map_err(io::Error::other)?;
    out.write_all(text.as_bytes())
}

fn suite(name: &str, report: &Report, is_strict: bool) -> TestSuite {
    let report = &plain::report(report);
    let mut suite = TestSuite::new(name);
    suite.set_time(Duration::try_from_secs_f64(report.window_s).unwrap_or_default());
    suite.add_property(("run_id", report.run_id.as_str()));
    suite.add_test_case(case(name, "verdict", verdict(report, is_strict)));
    suite.add_test_case(case(name, "target", target(report)));
    for result in &report.thresholds {
        suite.add_test_case(case(name, &result.text, threshold(result)));
    }
    suite
}

fn case(suite: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(suite);
    case
}

fn failure(kind: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(kind).set_message(message).set_description(message);
    status
}

/// Whether the numbers can be used: as the exit code has it.
fn verdict(report: &Report, is_strict: bool) -> TestCaseStatus {
    let is_failure = match report.verdict.status {
        Status::Invalid => true,
        Status::Degraded => is_strict,
        Status::Valid => false,
    };
    if !is_failure {
        return TestCaseStatus::success();
    }
    let reasons = report.verdict.reasons.iter().map(|reason| format!("{}: {}", reason.rule, reason.text));
    let reasons: Vec<String> = [text::conclusion(report)].into_iter().chain(reasons).collect();
    failure("verdict", &reasons.join("\n"))
}

/// Whether the target did what was asked of it.
fn target(report: &Report) -> TestCaseStatus {
    match report.outcome.is_failure() {
        _ if report.requests.ok == 0 => failure("target", "not one request succeeded"),
        true => failure("target", &report.outcome.text),
        false => TestCaseStatus::success(),
    }
}

fn threshold(result: &ThresholdResult) -> TestCaseStatus {
    match result.ok {
        true => TestCaseStatus::success(),
        false => failure("threshold", &format!("{}, measured {}", result.text, result.shown)),
    }
}

fn found(finding: &GateFinding, is_strict: bool) -> TestCaseStatus {
    match finding {
        GateFinding::NotCompared => TestCaseStatus::skipped(),
        GateFinding::Regressed(text) => failure("regression", &plain::plain(text)),
        GateFinding::Judged(regression) => {
            let rows = |status: RegressionStatus| {
                let rows = regression.rows.iter().filter(|row| row.is_decisive && row.status == status);
                rows.map(|row| plain::plain(&row.title())).collect::<Vec<_>>().join(", ")
            };
            match regression.status {
                RegressionStatus::Passed => TestCaseStatus::success(),
                RegressionStatus::Regressed => failure(
                    "regression",
                    &format!("worse than the limit: {}", rows(RegressionStatus::Regressed)),
                ),
                RegressionStatus::Unclear if is_strict => {
                    failure("regression", &format!("unclear: {}", rows(RegressionStatus::Unclear)))
                }
                RegressionStatus::Unclear => TestCaseStatus::skipped(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::flags::PlanArgs;
    use crate::input::load;
    use engine::compare::{RegressionRow, RowMetric};
    use engine::record::Snapshot;
    use engine::report::{Identity, Measured};
    use engine::target_outcome::TargetStatus;

    fn report() -> Report {
        let thresholds = vec!["failed<1%".to_owned(), "response{step=\"GET /<a>\"} p(99)<5ms".to_owned()];
        let target = "http://h/<a>".to_owned();
        let plan = load::plan(&PlanArgs { target, thresholds, ..PlanArgs::default() }).unwrap();
        let whole = Snapshot::new(1, &plan.layout(), plan.phases);
        let identity = Identity { run_id: "r-1".into(), started_at: "t".into() };
        let mut report = Report::new(&plan, &Measured::of(whole, Vec::new()), identity);
        report.verdict.status = Status::Valid;
        report.outcome.status = TargetStatus::Held;
        report.requests.ok = 1;
        report.thresholds[0].ok = true;
        report.thresholds[1].shown = "7 ms & more \u{1b}[2J".into();
        report
    }

    /// Tests, failures and skipped ones, as a reader of such files counts them; and the file.
    fn read(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> ((usize, usize, usize), String) {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        let document = Document::deserialize_from_str(std::str::from_utf8(&out).unwrap()).unwrap();
        let cases: Vec<&TestCase> = document.test_suites.iter().flat_map(|suite| &suite.test_cases).collect();
        let count = |is: fn(&TestCaseStatus) -> bool| cases.iter().filter(|case| is(&case.status)).count();
        let failed = count(|status| matches!(status, TestCaseStatus::NonSuccess { .. }));
        let skipped = count(|status| matches!(status, TestCaseStatus::Skipped { .. }));
        ((cases.len(), failed, skipped), String::from_utf8(out).unwrap())
    }

    #[test]
    fn each_condition_is_a_case_and_so_is_the_verdict() {
        let (counts, xml) = read(|out| write_run(&report(), false, out));
        assert_eq!(counts, (4, 1, 0), "{xml}");
        assert!(
            xml.contains("GET /&lt;a&gt;") && xml.contains("7 ms &amp; more") && !xml.contains('\u{1b}'),
            "{xml}"
        );
    }

    #[test]
    fn what_fails_is_what_the_exit_code_says() {
        let mut degraded = report();
        degraded.verdict.status = Status::Degraded;
        let of = |is_strict| read(|out| write_run(&degraded, is_strict, out)).0;
        assert_eq!((of(false).1, of(true).1), (1, 2));
        let mut invalid = report();
        invalid.verdict.status = Status::Invalid;
        invalid.requests.ok = 0;
        assert_eq!(read(|out| write_run(&invalid, false, out)).0, (4, 3, 0));
    }

    #[test]
    fn a_gate_has_the_suites_of_its_runs_and_one_of_its_own() {
        let runs = [report(), report()];
        let of = |finding: &GateFinding, is_strict| read(|out| write_gate(&runs, finding, is_strict, out)).0;
        assert_eq!(of(&GateFinding::NotCompared, false), (9, 2, 1));
        assert_eq!(of(&GateFinding::Regressed("worse"), false), (9, 3, 0));
        let judged = |status| Regression { status, limit: 0.05, rows: Vec::new() };
        assert_eq!(of(&GateFinding::Judged(&judged(RegressionStatus::Passed)), false), (9, 2, 0));
        assert_eq!(of(&GateFinding::Judged(&judged(RegressionStatus::Regressed)), false), (9, 3, 0));
        assert_eq!(of(&GateFinding::Judged(&judged(RegressionStatus::Unclear)), false), (9, 2, 1));
        assert_eq!(of(&GateFinding::Judged(&judged(RegressionStatus::Unclear)), true), (9, 3, 0));
    }

    #[test]
    fn rows_that_are_worse_are_named_with_their_scenario_and_their_flow() {
        let row = |scenario: Option<&str>, flow: Option<&str>| RegressionRow {
            scenario: scenario.map(str::to_owned),
            flow: flow.map(str::to_owned),
            metric: RowMetric::IterationP50,
            status: RegressionStatus::Regressed,
            limit: 0.05,
            detectable: None,
            is_decisive: true,
        };
        let rows = vec![row(None, Some("log\u{1b}in")), row(Some("s"), Some("pay")), row(Some("s"), None)];
        let regression = Regression { status: RegressionStatus::Regressed, limit: 0.05, rows };
        let (_, xml) = read(|out| write_gate(&[report()], &GateFinding::Judged(&regression), false, out));
        let named = plain::plain("log\u{1b}in/iteration p50");
        assert!(xml.contains(&format!("{named}, s/pay/iteration p50, s/iteration p50")), "{xml}");
    }
}
