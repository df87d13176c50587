//! Charts of real runs, comparisons and searches, read by an XML parser.
//!
//! The machine may be busy while tests run, so runs may be INVALID, and a search may find nothing: there is a picture all the same.

use crate::vajra::Vajra;
use std::path::Path;
use std::process::Command;

/// Prints the root, the title, and every text of a picture; fails where it is not well-formed.
const READ: &str = "
import sys, xml.etree.ElementTree as tree
space = '{http://www.w3.org/2000/svg}'
root = tree.parse(sys.argv[1]).getroot()
assert root.tag == space + 'svg' and root.get('role') == 'img' and root.get('viewBox')
print('title', root.find(space + 'title').text)
for text in root.iter(space + 'text'):
    print(text.get('class') or 'label', text.text)
";

/// The texts of a picture, each after its class.
fn texts(path: &Path) -> String {
    let read = Command::new("python3").args(["-c", READ]).arg(path).output().unwrap();
    assert!(read.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&read.stderr));
    String::from_utf8(read.stdout).unwrap()
}

fn assert_holds(texts: &str, all: &[&str]) {
    for wanted in all {
        assert!(texts.contains(wanted), "{wanted} is not in:\n{texts}");
    }
}

/// A plan whose name is not plain XML.
fn plan(service: &str) -> String {
    let url = format!("url = \"testbed:/?service={service}\"\n");
    let rest = "[run]\nconnections = 100\nduration = \"4s\"\n[load]\nrate = 300\n";
    format!("name = 'read & <write>'\n{url}{rest}")
}

fn run(service: &str) -> (tempfile::TempDir, String) {
    let words = ["run", "plan.toml", "--warmup", "1s", "--json", "report.json", "--svg", "run.svg"];
    let done = Vajra::new(&words).file("plan.toml", &plan(service)).done();
    let path = done.folder.path().join("report.json");
    assert!(path.exists(), "{}", done.stderr);
    (done.folder, path.display().to_string())
}

#[test]
fn a_run_and_a_comparison_have_charts_with_names_times_and_percentiles() {
    let ((folder, base), (_other, candidate)) = (run("fixed:2ms"), run("fixed:40ms"));
    let svg = texts(&folder.path().join("run.svg"));
    assert_holds(
        &svg,
        &["title read & <write>\n", "response time, ", "service time", "warm-up", "p50\n", "p90\n", " ms\n"],
    );
    assert_holds(&svg, &["label 50 %\n", "label 90 %\n", "UTC"]);
    let words = ["compare", &base, &candidate, "--allow", "invalid,plan,slices", "--svg", "-"];
    let done = Vajra::new(&words).done();
    assert!(done.stdout.starts_with("<svg") && done.stderr.contains("response p50"), "{}", done.stderr);
    let path = done.folder.path().join("compared.svg");
    std::fs::write(&path, &done.stdout).unwrap();
    let svg = texts(&path);
    assert_holds(&svg, &["base: read & <write>, run ", "candidate: read & <write>, run ", " requests\n"]);
    assert_holds(&svg, &["worse: response mean", "confidence 95 %"]);
}

#[test]
fn a_search_has_a_chart_with_its_conditions_and_its_answer() {
    let slo = ["--slo", "p(99)<10s", "--to", "200", "--svg", "max.svg"];
    let words =
        [&["find-max", "plan.toml", "-R", "100", "-d", "500ms", "--tolerance", "50%"][..], &slo].concat();
    let done = Vajra::new(&words).file("plan.toml", &plan("fixed:1ms")).done();
    let svg = texts(&done.folder.path().join("max.svg"));
    let answer = if done.code == 0 { "sustained " } else { "no rate sustained" };
    assert_holds(&svg, &["soft read & <write>\n", "title testbed:/?service=fixed:1ms: ", answer]);
    assert_holds(&svg, &["over response p(99)<10s\n", "failed <1%", "not sustained", "unclear or disturbed"]);
}
