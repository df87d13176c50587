//! Conditions over windows, conditions that end a run, and JUnit XML.

use crate::peers;
use crate::vajra::{Vajra, one_line};
use quick_junit::{Report, TestCaseStatus};

const SECOND_NS: u64 = 1_000_000_000;

/// Names and failures of the test cases in a file.
fn cases(xml: &str) -> Vec<(String, bool)> {
    let report = Report::deserialize_from_str(xml).unwrap();
    let cases = report.test_suites.iter().flat_map(|suite| &suite.test_cases);
    let failed = |status: &TestCaseStatus| matches!(status, TestCaseStatus::NonSuccess { .. });
    cases.map(|case| (case.name.to_string(), failed(&case.status))).collect()
}

#[test]
fn a_broken_condition_ends_the_run_and_every_arrival_is_accounted_for() {
    let testbed = peers::testbed(&["--error", "0.5"]);
    let plan = format!(
        "url = '{}'\n[run]\nduration = '5m'\nwarmup = '500ms'\nconnections = 4\n[load]\nrate = 200\n[thresholds]\n\
         failed = {{ limit = 'rate<10%', abort = true, after = '2s' }}\nresponse = 'max<1h'",
        testbed.url("/")
    );
    let vajra = Vajra::run("plan.toml", &["--junit", "junit.xml"]).file("plan.toml", &plan);
    let done = vajra.done();
    done.assert_ended_with(99);
    let [broken, met] = &done.report["thresholds"].as_array().unwrap()[..] else { panic!("two conditions") };
    let at_ns = broken["aborted_at_ns"].as_u64().unwrap();
    let to_s = done.report["window"]["to_s"].as_f64().unwrap();
    assert!(at_ns >= 2 * SECOND_NS + SECOND_NS / 2 && (at_ns as f64) < to_s * 1e9, "{at_ns} and {to_s}");
    assert!(to_s < 300.0, "it ended long before its time");
    assert_eq!((&broken["ok"], &met["ok"]), (&false.into(), &true.into()));
    assert_eq!(done.report["window"]["is_partial"], true);
    done.assert_accounted();
    let count = |key: &str| done.count(&format!("/requests/{key}"));
    assert_eq!(count("sent"), count("ok") + count("failed"), "what was under way could finish");
    let asked = (done.report["window_s"].as_f64().unwrap() * 200.0).round() as u64;
    assert!(done.arrivals().abs_diff(asked) <= 1, "the schedule until then: {} and {asked}", done.arrivals());
    let said = one_line(&done.stdout);
    assert!(said.contains("ABORTED after") && said.contains("which ended the run"), "{said}");
    let xml = std::fs::read_to_string(done.folder.path().join("junit.xml")).unwrap();
    let named = ["failed rate<10%; abort; after=2s".to_owned(), "response max<1h".to_owned()];
    let conditions: Vec<(String, bool)> = cases(&xml).split_off(2);
    assert_eq!(conditions, named.into_iter().zip([true, false]).collect::<Vec<_>>(), "{xml}");
}

#[test]
fn a_closed_loop_is_ended_too_and_by_flags() {
    let testbed = peers::testbed(&["--error", "0.5"]);
    let words = ["-d", "5m", "-c", "2", "--threshold", "failed=count<10;abort", "-q", "--junit", "-"];
    let done = Vajra::run(&testbed.url("/?service=fixed:10ms"), &words).done();
    done.assert_ended_with(99);
    assert!(done.report["window"]["to_s"].as_f64().unwrap() < 300.0);
    assert!(cases(&done.stdout).contains(&("failed count<10; abort".to_owned(), true)), "{}", done.stdout);
    assert!(one_line(&done.stderr).contains("ABORTED after"), "{}", done.stderr);
}

#[test]
fn a_condition_over_windows_tells_of_the_worst_one() {
    let testbed = peers::testbed(&["--error", "0.2"]);
    let run = |limit: &str| {
        let plan = format!(
            "url = '{}'\n[run]\nduration = '4s'\nconnections = 4\n[load]\nrate = 200\n[thresholds]\n\
             failed = [{{ limit = '{limit}', over = '2s' }}, 'rate<100%']",
            testbed.url("/")
        );
        Vajra::run("plan.toml", &[]).file("plan.toml", &plan).done()
    };
    for (limit, code, is_met) in [("rate<90%", 0, true), ("rate<1%", 99, false)] {
        let done = run(limit);
        done.assert_ended_with(code);
        let result = &done.report["thresholds"][0];
        assert_eq!((&result["ok"], &result["over_ns"]), (&is_met.into(), &(2 * SECOND_NS).into()));
        let (judged, broken) =
            (result["windows"].as_u64().unwrap(), result["windows_broken"].as_u64().unwrap());
        assert!(judged >= 3 && broken == if is_met { 0 } else { judged }, "{result}");
        let worst = &result["worst"];
        assert_eq!(worst["measured"], result["measured"]);
        let length_ns = worst["to_ns"].as_u64().unwrap() - worst["from_ns"].as_u64().unwrap();
        assert!(length_ns >= 2 * SECOND_NS, "{worst}");
        assert!(one_line(&done.stdout).contains("in the worst window, from"), "{}", done.stdout);
    }
}

#[test]
fn a_gate_writes_its_runs_and_what_it_found() {
    let testbed = peers::testbed(&[]);
    let plan = format!(
        "url = '{}'\n[run]\nduration = '1s'\n[load]\nrate = 200\n[thresholds]\nfailed = '<1%'",
        testbed.url("/")
    );
    let words = [
        "gate",
        "plan.toml",
        "--baseline",
        "b",
        "--save-baseline",
        "--runs",
        "2",
        "--allow",
        "invalid",
        "--junit",
        "g.xml",
    ];
    let done = Vajra::new(&words).file("plan.toml", &plan).done();
    let xml = std::fs::read_to_string(done.folder.path().join("g.xml"))
        .unwrap_or_else(|_| panic!("{}", done.stderr));
    let names: Vec<String> = cases(&xml).into_iter().map(|(name, _)| name).collect();
    let of_run = ["verdict", "target", "failed <1%"];
    assert_eq!(names, [&of_run[..], &of_run[..], &["regression"]].concat());
}

#[test]
fn mistakes_in_conditions_have_their_place_their_cause_and_what_to_do() {
    let head = "url = 'http://h/'\nrun.duration = '10s'\n[thresholds]\n";
    for (condition, parts) in [
        (
            "failed = { limit = '<1%', ovr = '5s' }",
            &["plan.toml:4", "unknown key `ovr`", "did you mean `over`"][..],
        ),
        ("failed = { over = '5s' }", &["plan.toml:4", "needs a `limit`", "limit ="]),
        ("failed = { limit = '<1%', over = '-5s' }", &["plan.toml:4", "`-5s` is negative"]),
        ("failed = { limit = '<1%', over = '0s' }", &["plan.toml:4", "longer than zero"]),
        ("failed = { limit = '<1%', over = 5 }", &["plan.toml:4", "`5` has no unit"]),
        (
            "failed = { limit = '<1%', over = '11s' }",
            &["plan.toml:4", "longer than the measured window", "shorten it"],
        ),
        (
            "failed = { limit = '<1%', over = '1500ms' }",
            &["plan.toml:4", "no whole number of intervals", "over=2s"],
        ),
        ("failed = { limit = '<1%', after = '5s' }", &["plan.toml:4", "without `abort`", "abort = true"]),
        ("failed = { limit = '<1%', abort = true, after = '10s' }", &["plan.toml:4", "not before the end"]),
        ("failed = { limit = '<1%', abort = 5 }", &["plan.toml:4", "`abort` is true or false"]),
        ("failed = { limit = 'count>5', abort = true }", &["plan.toml:4", "goes on growing", "over=10s"]),
        ("rate = { limit = 'ratio>0.9', abort = true }", &["plan.toml:4", "of the whole run", "rate>=9990"]),
        (
            "failed = ['<1%', { limit = '<2%', aftr = '1s', abort = true }]",
            &["plan.toml:4", "did you mean `after`"],
        ),
        ("failed = '<1%; abort; atfer=5s'", &["plan.toml:4", "`atfer`", "after"]),
        ("failed = true", &["plan.toml:4", "`failed`", "`true`"]),
    ] {
        let done =
            Vajra::new(&["run", "plan.toml"]).file("plan.toml", &format!("{head}{condition}\n")).done();
        assert_eq!(done.code, 2, "{condition}: {}", done.stderr);
        done.assert_says(parts);
    }
    for (flag, parts) in [
        (
            "failed<1%; over=20s",
            &["--threshold 'failed<1%; over=20s'", "longer than the measured window"][..],
        ),
        ("failed<1%; abort=5", &["--threshold 'failed<1%; abort=5'", "true or false"]),
    ] {
        let done = Vajra::new(&["run", "http://h/", "-d", "5s", "--threshold", flag]).done();
        assert_eq!(done.code, 2, "{flag}: {}", done.stderr);
        done.assert_says(parts);
    }
    let done = Vajra::new(&["find-max", "http://h/", "--slo", "failed<1%; abort"]).done();
    assert_eq!(done.code, 2, "{}", done.stderr);
    done.assert_says(&["judged as a whole", "leave both out"]);
}
