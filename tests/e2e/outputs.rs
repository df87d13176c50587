//! Reports, files, thresholds and exit codes.

use crate::peers;
use crate::vajra::Vajra;
use engine::distribution::Distribution;

#[test]
fn thresholds_pass_or_end_with_99_and_say_what_was_measured() {
    let testbed = peers::testbed(&[]);
    let run = |threshold: &str| {
        Vajra::run(&testbed.url("/"), &["-R", "600", "-d", "1s", "-c", "2", "--threshold", threshold]).done()
    };
    let met = run("response p(99)<10m");
    met.assert_ended_with(0);
    assert_eq!(met.report["thresholds"][0]["ok"], true);
    assert!(met.stdout.contains("✓ response p(99)<10m, measured"), "{}", met.stdout);
    let breached = run("response p(99)<1us");
    breached.assert_ended_with(99);
    assert!(breached.stdout.contains("✗ response p(99)<1us, measured"), "{}", breached.stdout);
    assert_eq!(breached.report["thresholds"][0]["ok"], false);
    let breached = run("failed rate>0");
    breached.assert_ended_with(99);
    assert_eq!(breached.report["thresholds"][0]["ok"], false);
}

#[test]
fn the_text_report_comes_in_its_order() {
    let testbed = peers::testbed(&["--error", "0.5"]);
    let done = Vajra::run(&testbed.url("/"), &["-R", "100", "-d", "2s", "-L"]).done();
    let mut rest = done.stdout.as_str();
    for part in [
        "s measured",
        "Rate",
        "Requests",
        "status",
        "Response",
        "Service",
        "Slip",
        "Throughput",
        "CPU",
        "Connections",
        "#[Mean",
    ] {
        let at = rest
            .find(part)
            .unwrap_or_else(|| panic!("{part} is not where it should be in:\n{}", done.stdout));
        rest = &rest[at..];
    }
}

#[test]
fn json_on_standard_output_is_nothing_but_json() {
    let testbed = peers::testbed(&[]);
    let done = Vajra::new(&["run", &testbed.url("/"), "-n", "50", "--json", "-"]).done();
    let report: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(report["schema"], 2);
    assert!(done.stderr.contains("Requests"), "{}", done.stderr);
}

#[test]
fn nothing_else_is_written_beside_json_on_standard_output() {
    let testbed = peers::testbed(&[]);
    let done = Vajra::new(&["run", &testbed.url("/"), "-n", "50", "--json", "-", "-L"]).done();
    assert!(serde_json::from_str::<serde_json::Value>(&done.stdout).is_ok(), "{}", done.stdout);
    assert!(done.stderr.contains("#[Mean"), "{}", done.stderr);
    let done = Vajra::new(&["run", &testbed.url("/"), "--json", "-", "--timeseries", "-"]).done();
    assert_eq!(done.code, 2, "{}", done.stderr);
}

#[test]
fn a_run_that_is_refused_leaves_the_last_ones_report_alone() {
    let target = format!("http://127.0.0.1:{}/", peers::free_port());
    let done =
        Vajra::new(&["run", &target, "--json", "report.json"]).file("report.json", "{\"old\": 1}").done();
    assert_eq!((done.code, &done.report["old"]), (4, &serde_json::json!(1)), "{}", done.stderr);
    let testbed = peers::testbed(&[]);
    let long = " ".repeat(1 << 20);
    let done = Vajra::run(&testbed.url("/"), &["-n", "10"]).file("report.json", &long).done();
    assert_eq!(done.count("/requests/ok"), 10, "the old text is gone");
}

#[test]
fn the_histograms_of_all_outputs_agree() {
    let testbed = peers::testbed(&[]);
    let words = ["-R", "300", "-d", "3s", "--hgrm", "out.hgrm", "--timeseries", "out.ndjson"];
    let done = Vajra::run(&testbed.url("/"), &words).done();
    let of = |value: &serde_json::Value| Distribution::decode(value.as_str().unwrap()).unwrap();
    let whole = of(&done.report["response_ns"]["hdr"]);
    let mut merged = Distribution::new();
    for line in done.json_lines("out.ndjson") {
        merged.merge(&of(&line["response_ns"]["hdr"]));
    }
    assert_eq!((whole.count(), whole.quantile_ns(0.99)), (merged.count(), merged.quantile_ns(0.99)));
    let spectrum = std::fs::read_to_string(done.folder.path().join("out.hgrm")).unwrap();
    assert!(spectrum.contains(&format!("Total count    = {:12}]", whole.count())), "{spectrum}");
}

#[test]
fn a_file_that_cannot_be_written_is_known_before_anything_is_sent() {
    let testbed = peers::testbed(&[]);
    let done = Vajra::new(&["run", &testbed.url("/"), "--json", "no/such/folder/x.json"]).done();
    assert_eq!(done.code, 2, "{}", done.stderr);
    done.assert_says(&["no/such/folder/x.json", "cannot be written", "flag --json"]);
}

#[test]
fn a_full_disk_costs_the_file_and_not_the_report() {
    let testbed = peers::testbed(&[]);
    for flag in ["--json", "--hgrm", "--timeseries"] {
        let done =
            Vajra::new(&["run", &testbed.url("/"), "-R", "100", "-d", "1s", "-q", flag, "/dev/full"]).done();
        // 3 when the machine was too busy to measure on: that says more than an output that is not whole.
        assert!([1, 3].contains(&done.code), "{flag}: {}", done.stderr);
        let all = format!("{}{}", done.stdout, done.stderr);
        assert!(all.contains("/dev/full") && all.contains("No space left"), "{flag}: {all}");
        assert!(done.stdout.contains("Requests"), "{flag}: the text report still comes: {}", done.stdout);
    }
}

#[test]
fn a_standard_output_that_is_full_costs_the_text_and_not_the_file() {
    let testbed = peers::testbed(&[]);
    let script = ["sh", "-c", "exec \"$@\" >/dev/full", "sh"];
    let done = Vajra::run_under(&script, &testbed.url("/"), &["-n", "50"]).done();
    assert!([1, 3].contains(&done.code), "{}", done.stderr);
    done.assert_says(&["standard output cannot be written"]);
    assert_eq!(done.count("/requests/ok"), 50);
    let words = [
        "find-max",
        &testbed.url("/"),
        "--slo",
        "failed<1%",
        "-d",
        "300ms",
        "--to",
        "20",
        "--json",
        "x.json",
    ];
    let done = Vajra::under(&script, &words).done();
    assert!(done.code != 0 && done.folder.path().join("x.json").is_file(), "{}", done.stderr);
}

#[test]
fn the_committed_schema_is_the_programs() {
    let done = Vajra::new(&["schema"]).done();
    let committed =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/plan.schema.json")).unwrap();
    assert!(committed == done.stdout, "write it again: vajra schema > docs/plan.schema.json");
}
