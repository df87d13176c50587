//! Runs carried from one archive to another.

use crate::{empty, manifest, sample, with_runs};
use std::fs;
use std::path::Path;
use vajra_archive::{Archive, Error, Filter, Imported, Problem, load_reports};

const PAGE: usize = 4_096;

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn run_count(archive: &Archive) -> usize {
    archive.list(&Filter::default()).unwrap().len()
}

#[test]
fn an_exported_run_is_the_same_elsewhere() {
    let (folder, here) = with_runs(&["run-0", "run-1", "run-2"]);
    here.tag("run-2", "nightly").unwrap();
    here.set_baseline("main", &["run-2"]).unwrap();
    let path = folder.path().join("two.vajra");
    here.export(&["run-0", "run-2", "run-0"], &path).unwrap();
    assert_eq!(names_in(folder.path()), ["two.vajra", "vajra"], "one file, and nothing beside it");
    let (_folder, there) = empty();
    let imported = there.import(&path).unwrap();
    assert_eq!(imported.added, ["run-2", "run-0"]);
    for run_id in ["run-0", "run-2"] {
        let (one, other) = (here.report(run_id).unwrap(), there.report(run_id).unwrap());
        assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&other).unwrap());
        assert_eq!(there.manifest(run_id).unwrap(), manifest());
    }
    assert_eq!(there.find("nightly").unwrap(), ["run-2"], "tags travel");
    assert!(there.baselines().unwrap().is_empty(), "what is measured against here is decided here");
}

#[test]
fn a_bundle_can_be_used_where_a_report_can() {
    let (folder, here) = with_runs(&["run-0", "run-1"]);
    let path = folder.path().join("named-like-a-report.json");
    here.export(&["run-0", "run-1"], &path).unwrap();
    let reports = load_reports(&path).unwrap();
    assert_eq!(reports, [sample::report("run-1", 86_400), sample::report("run-0", 0)]);
    assert_eq!(names_in(folder.path()), ["named-like-a-report.json", "vajra"], "reading leaves nothing");
    assert_eq!(load_reports(here.path()).unwrap(), reports, "an archive is a bundle of all its runs");
}

#[test]
fn what_is_there_already_is_skipped_and_stays() {
    let (folder, here) = with_runs(&["run-0", "run-1"]);
    let path = folder.path().join("b.vajra");
    here.export(&["run-0", "run-1"], &path).unwrap();
    let (_folder, there) = with_runs(&["run-0"]);
    let imported = there.import(&path).unwrap();
    let expected =
        Imported { added: vec!["run-1".into()], skipped: vec!["run-0".into()], ..Imported::default() };
    assert_eq!(imported, expected);
    let again = there.import(&path).unwrap();
    assert_eq!((again.added.len(), again.skipped.len(), run_count(&there)), (0, 2, 2));
}

#[test]
fn a_tag_that_is_a_baseline_here_does_not_come_along() {
    let (folder, here) = with_runs(&["run-0"]);
    here.tag("run-0", "main").unwrap();
    here.tag("run-0", "nightly").unwrap();
    let path = folder.path().join("b.vajra");
    here.export(&["run-0"], &path).unwrap();
    let (_folder, there) = with_runs(&["other"]);
    there.set_baseline("main", &["other"]).unwrap();
    there.import(&path).unwrap();
    assert_eq!(there.find("main").unwrap(), ["other"]);
    assert_eq!(there.find("nightly").unwrap(), ["run-0"]);
}

#[test]
fn a_bundle_cut_off_at_any_length_is_an_error_and_lets_nothing_in() {
    let (folder, here) = with_runs(&["run-0", "run-1"]);
    let path = folder.path().join("b.vajra");
    here.export(&["run-0", "run-1"], &path).unwrap();
    let whole = fs::read(&path).unwrap();
    let (_folder, there) = empty();
    let lengths = (1..whole.len()).step_by(PAGE / 5).chain([1, 15, 16, 17, 99, 100, PAGE, whole.len() - 1]);
    for length in lengths {
        fs::write(&path, &whole[..length]).unwrap();
        let errors: [Error; 2] = [load_reports(&path).unwrap_err(), there.import(&path).unwrap_err()];
        for error in errors {
            assert!(matches!(error.problem, Problem::Damaged(_)), "{length}: {error}");
            assert_eq!(error.path, path);
        }
    }
    fs::write(&path, b"").unwrap();
    assert!(load_reports(&path).is_err() && there.import(&path).is_err());
    assert_eq!(run_count(&there), 0);
    fs::write(&path, &whole).unwrap();
    assert_eq!(there.import(&path).unwrap().added.len(), 2);
}

#[test]
fn a_bundle_with_any_byte_changed_never_stops_the_program() {
    let (folder, here) = with_runs(&["run-0"]);
    let path = folder.path().join("b.vajra");
    here.export(&["run-0"], &path).unwrap();
    let whole = fs::read(&path).unwrap();
    let (mut refused, mut changed) = (0, 0);
    for at in (0..whole.len()).step_by(whole.len() / 400) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x5a;
        fs::write(&path, &bytes).unwrap();
        changed += 1;
        refused += usize::from(load_reports(&path).is_err());
    }
    assert!(changed >= 400 && refused > 0, "{refused} of {changed}");
}

#[test]
fn importing_is_all_or_nothing() {
    let (folder, here) = with_runs(&["run-0", "run-1", "run-2"]);
    let path = folder.path().join("b.vajra");
    here.export(&["run-0", "run-1", "run-2"], &path).unwrap();
    let bundle = rusqlite::Connection::open(&path).unwrap();
    bundle.execute("UPDATE runs SET report = x'00' WHERE run_id = 'run-0'", []).unwrap();
    drop(bundle);
    let (_folder, there) = empty();
    assert!(matches!(there.import(&path).unwrap_err().problem, Problem::Damaged(_)));
    assert_eq!(run_count(&there), 0);
}

#[test]
fn a_bundle_replaces_a_file_and_nothing_else() {
    let (folder, here) = with_runs(&["run-0"]);
    let path = folder.path().join("b.vajra");
    fs::write(&path, "an old one").unwrap();
    here.export(&["run-0"], &path).unwrap();
    assert_eq!(load_reports(&path).unwrap().len(), 1);
    for place in
        [Path::new("/dev/full"), folder.path(), here.path(), &folder.path().join("no/such/folder.vajra")]
    {
        let error = here.export(&["run-0"], place).unwrap_err();
        assert!(matches!(error.problem, Problem::Unwritable(_)), "{error}");
        assert_eq!(error.path, place);
    }
    assert_eq!(names_in(folder.path()), ["b.vajra", "vajra"], "nothing is left of what failed");
    assert!(!Path::new("/dev/full").is_file());
    assert_eq!(run_count(&here), 1);
}

#[test]
fn exporting_what_is_not_there_writes_no_file() {
    let (folder, here) = with_runs(&["run-0"]);
    let path = folder.path().join("b.vajra");
    let error = here.export(&["run-0", "run-9"], &path).unwrap_err();
    assert!(matches!(error.problem, Problem::UnknownSelector { .. }), "{error}");
    assert!(matches!(here.export(&[] as &[&str], &path).unwrap_err().problem, Problem::NoRuns));
    assert!(!path.exists());
}

#[test]
fn an_archive_without_runs_is_no_bundle() {
    let (_folder, nothing) = empty();
    assert_eq!(load_reports(nothing.path()).unwrap_err().problem, Problem::NoRuns);
    let (_folder, there) = empty();
    assert_eq!(there.import(nothing.path()).unwrap_err().problem, Problem::NoRuns);
}
