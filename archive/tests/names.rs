//! Which runs are meant: ids and their beginnings, tags, baselines, the latest.

use crate::with_runs;
use vajra_archive::{Archive, Problem, check_name};

const RUNS: [&str; 4] = ["aaaa-1111", "aaaa-2222", "bbbb-3333", "cccc-4444"];

fn problem(archive: &Archive, selector: &str) -> Problem {
    archive.find(selector).unwrap_err().problem
}

#[test]
fn a_run_is_meant_by_its_id_or_enough_of_it() {
    let (_folder, archive) = with_runs(&RUNS);
    for (selector, run_id) in
        [("bbbb", RUNS[2]), ("aaaa-1", RUNS[0]), ("aaaa-2222", RUNS[1]), ("cccc-444", RUNS[3])]
    {
        assert_eq!(archive.find(selector).unwrap(), [run_id], "{selector}");
    }
    let matches = vec![RUNS[1].to_owned(), RUNS[0].to_owned()];
    assert_eq!(problem(&archive, "aaaa"), Problem::AmbiguousPrefix { prefix: "aaaa".into(), matches });
    for selector in ["bbb", "", "zzzz", "bbbb-3333-and-more", "%", "____", "BBBB"] {
        assert!(matches!(problem(&archive, selector), Problem::UnknownSelector { .. }), "{selector}");
    }
}

#[test]
fn the_latest_is_the_one_that_began_last_whenever_it_was_saved() {
    let (_folder, archive) = with_runs(&RUNS);
    archive.save(&crate::sample::report("of-the-past", 1), &crate::manifest()).unwrap();
    for (selector, run_id) in
        [("last", RUNS[3]), ("last~0", RUNS[3]), ("last~1", RUNS[2]), ("last~3", "of-the-past")]
    {
        assert_eq!(archive.find(selector).unwrap(), [run_id], "{selector}");
    }
    for selector in ["last~5", "last~", "last~-1", "last~x", "last~99999999999", "last1"] {
        assert!(matches!(problem(&archive, selector), Problem::UnknownSelector { .. }), "{selector}");
    }
}

#[test]
fn the_latest_of_nothing_is_unknown() {
    let (_folder, archive) = crate::empty();
    assert!(matches!(problem(&archive, "last"), Problem::UnknownSelector { .. }));
}

#[test]
fn a_tag_means_all_its_runs_and_comes_off_again() {
    let (_folder, archive) = with_runs(&RUNS);
    archive.tag(RUNS[0], "nightly").unwrap();
    archive.tag(RUNS[3], "nightly").unwrap();
    archive.tag(RUNS[3], "nightly").unwrap();
    assert_eq!(archive.find("nightly").unwrap(), [RUNS[3], RUNS[0]]);
    assert!(archive.untag(RUNS[0], "nightly").unwrap());
    assert!(!archive.untag(RUNS[0], "nightly").unwrap());
    assert_eq!(archive.find("nightly").unwrap(), [RUNS[3]]);
    let close = Problem::UnknownSelector { selector: "nightyl".into(), close: vec!["nightly".into()] };
    assert_eq!(problem(&archive, "nightyl"), close);
    assert!(archive.find("nightyl").unwrap_err().to_string().contains("did you mean `nightly`?"));
}

#[test]
fn a_name_comes_before_the_beginning_of_an_id_and_an_id_before_a_name() {
    let (_folder, archive) = with_runs(&RUNS);
    archive.tag(RUNS[0], "cccc").unwrap();
    assert_eq!(archive.find("cccc").unwrap(), [RUNS[0]]);
    // As an earlier version let it be.
    let connection = rusqlite::Connection::open(archive.path()).unwrap();
    connection
        .execute("INSERT INTO tags SELECT id, 'cccc-4444' FROM runs WHERE run_id = 'aaaa-1111'", [])
        .unwrap();
    assert_eq!(archive.find("cccc-4444").unwrap(), [RUNS[3]]);
}

#[test]
fn the_id_of_a_run_is_no_name() {
    let (_folder, archive) = with_runs(&RUNS);
    let errors = [archive.tag(RUNS[0], RUNS[3]), archive.set_baseline(RUNS[3], &[RUNS[0]])];
    for error in errors.map(Result::unwrap_err) {
        assert!(matches!(error.problem, Problem::BadName(_)), "{error}");
        assert!(error.to_string().contains("is the id of a run"), "{error}");
    }
    assert_eq!(archive.find(RUNS[3]).unwrap(), [RUNS[3]]);
}

#[test]
fn a_baseline_has_its_runs_in_the_order_given_until_it_is_set_again() {
    let (_folder, archive) = with_runs(&RUNS);
    archive.set_baseline("main", &[RUNS[2], RUNS[0], RUNS[3]]).unwrap();
    assert_eq!(archive.find("main").unwrap(), [RUNS[2], RUNS[0], RUNS[3]]);
    archive.set_baseline("main", &[RUNS[1]]).unwrap();
    archive.set_baseline("arm", &[RUNS[0].to_owned()]).unwrap();
    let baselines = archive.baselines().unwrap();
    let shown: Vec<(&str, &[String])> =
        baselines.iter().map(|baseline| (baseline.name.as_str(), baseline.run_ids.as_slice())).collect();
    assert_eq!(shown, [("arm", &[RUNS[0].to_owned()][..]), ("main", &[RUNS[1].to_owned()][..])]);
    let close = vec!["main".to_owned()];
    let unknown = Problem::UnknownSelector { selector: "maim".into(), close };
    assert_eq!(archive.find("maim").unwrap_err().problem, unknown);
    assert_eq!(archive.remove_baseline("maim").unwrap_err().problem, unknown);
    archive.remove_baseline("main").unwrap();
    assert!(archive.find("main").is_err());
    assert_eq!(
        (archive.baselines().unwrap().len(), archive.find(RUNS[1]).unwrap().len()),
        (1, 1),
        "runs stay"
    );
}

#[test]
fn a_baseline_of_an_unknown_run_changes_nothing() {
    let (_folder, archive) = with_runs(&RUNS);
    archive.set_baseline("main", &[RUNS[0]]).unwrap();
    let error = archive.set_baseline("main", &[RUNS[1], "nobody"]).unwrap_err();
    assert!(matches!(error.problem, Problem::UnknownSelector { .. }), "{error}");
    assert_eq!(archive.find("main").unwrap(), [RUNS[0]]);
    assert!(archive.set_baseline("main", &[] as &[&str]).is_err());
}

#[test]
fn a_name_is_a_tag_or_a_baseline_and_not_both() {
    let (_folder, archive) = with_runs(&RUNS);
    archive.tag(RUNS[0], "nightly").unwrap();
    archive.set_baseline("main", &[RUNS[0]]).unwrap();
    let error = archive.set_baseline("nightly", &[RUNS[1]]).unwrap_err();
    assert_eq!(error.problem, Problem::NameOfTag("nightly".into()));
    let error = archive.tag(RUNS[1], "main").unwrap_err();
    assert_eq!(error.problem, Problem::NameTaken("main".into()));
    assert!(error.to_string().contains("archive baselines --remove main"), "{error}");
}

#[test]
fn names_that_would_be_misread_are_refused() {
    let long = "x".repeat(65);
    for name in ["", "last", "last~1", "a b", "-x", "ü", "a\nb", "'; DROP TABLE runs", &long] {
        assert!(matches!(check_name(name), Err(Problem::BadName(_))), "{name:?}");
    }
    for name in ["main", "v1.2.3", "2026-01-01T00:00", "feature/x@y+z", "latest", &long[..64]] {
        assert_eq!(check_name(name), Ok(()), "{name:?}");
    }
    let (_folder, archive) = with_runs(&RUNS[..1]);
    assert!(matches!(archive.tag(RUNS[0], "last").unwrap_err().problem, Problem::BadName(_)));
    assert!(matches!(archive.set_baseline("a b", &RUNS[..1]).unwrap_err().problem, Problem::BadName(_)));
}
