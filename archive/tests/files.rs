//! Files that are no archive, no report, cut off, of others or of later versions: each is told as what it is, and none of them
//! makes the program stop.

use crate::{sample, with_runs};
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use vajra_archive::{APPLICATION_ID, Archive, Error, Filter, Problem, VERSION, load_reports};

fn file(content: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, content).unwrap();
    (folder, path)
}

/// A database with a table, and these words in its head.
fn database(application_id: i32, version: u32) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("CREATE TABLE things (thing TEXT)").unwrap();
    connection.pragma_update(None, "application_id", application_id).unwrap();
    connection.pragma_update(None, "user_version", version).unwrap();
    (folder, path)
}

/// What all three ways of opening say; they have to agree.
fn refused(path: &Path) -> Error {
    let before = fs::read(path).unwrap();
    let errors = [
        Archive::open(path).map(drop),
        Archive::open_read_only(path).map(drop),
        load_reports(path).map(drop),
    ];
    let errors = errors.map(|result| result.expect_err("it is refused"));
    assert!(errors.iter().all(|error| error.problem == errors[0].problem), "{errors:?}");
    assert!(fs::read(path).unwrap() == before, "it is left alone");
    errors[0].clone()
}

fn problem_of(content: &[u8]) -> Problem {
    let (_folder, path) = file(content);
    load_reports(&path).unwrap_err().problem
}

#[test]
fn a_database_of_another_program_is_told_and_left_alone() {
    for (id, version) in [(0, 0), (0, 2), (0x1234_5678, 1), (APPLICATION_ID, 0)] {
        let (_folder, path) = database(id, version);
        let error = refused(&path);
        assert_eq!(error.problem, Problem::Foreign(id));
        assert!(error.to_string().contains("belongs to another program"), "{error}");
        assert!(error.to_string().contains(&format!("--> {}", path.display())), "{error}");
    }
}

#[test]
fn an_archive_of_a_later_version_is_told_with_both_versions() {
    let (_folder, path) = database(APPLICATION_ID, VERSION + 7);
    let error = refused(&path);
    assert_eq!(error.problem, Problem::Newer { version: VERSION + 7, known: VERSION });
    assert!(
        error.to_string().contains(&format!("schema {}, this one knows up to {VERSION}", VERSION + 7)),
        "{error}"
    );
}

#[test]
fn what_is_no_database_is_no_archive() {
    for content in [&b"a text, and longer than what a database begins with"[..], b"x", &[0; 4_096]] {
        let (_folder, path) = file(content);
        assert_eq!(Archive::open_read_only(&path).err().unwrap().problem, Problem::NotADatabase);
        assert!(Archive::open(&path).is_err());
        assert_eq!(fs::read(&path).unwrap(), content, "it is left alone");
    }
}

#[test]
fn an_archive_below_a_file_cannot_be_made() {
    let (_folder, path) = file(b"");
    let error = Archive::open(&path.join("vajra/archive.db")).err().unwrap();
    assert!(matches!(error.problem, Problem::Unwritable(_)), "{error}");
    assert!(error.to_string().contains("XDG_DATA_HOME"), "{error}");
}

#[test]
fn an_archive_that_is_not_there_is_missing_and_not_made_by_reading() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive.db");
    assert_eq!(Archive::open_read_only(&path).err().unwrap().problem, Problem::Missing);
    assert_eq!(load_reports(&path).unwrap_err().problem, Problem::Missing);
    assert!(!path.exists());
}

#[test]
fn a_folder_is_neither_archive_nor_report() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Archive::open(folder.path()).is_err());
    assert!(matches!(load_reports(folder.path()).unwrap_err().problem, Problem::Unreadable(_)));
}

#[test]
fn an_archive_whose_making_was_interrupted_is_empty_and_can_be_used() {
    let (_folder, path) = file(b"");
    assert!(Archive::open_read_only(&path).unwrap().list(&Filter::default()).unwrap().is_empty());
    let archive = Archive::open(&path).unwrap();
    archive.save(&sample::report("run-0", 0), &crate::manifest()).unwrap();
}

#[test]
fn an_archive_cut_off_at_any_length_is_an_error_and_never_a_panic() {
    let (_folder, archive) = with_runs(&["run-0", "run-1", "run-2"]);
    let path = archive.path().to_owned();
    drop(archive);
    let whole = fs::read(&path).unwrap();
    let page = 4_096;
    let lengths = (0..whole.len()).step_by(page / 4).skip(1).chain([1, 15, 16, 17, 99, 100, whole.len() - 1]);
    for length in lengths {
        let (_folder, cut) = file(&whole[..length]);
        let read = || {
            let archive = Archive::open_read_only(&cut)?;
            archive.list(&Filter::default())?;
            ["run-0", "run-1", "run-2"]
                .map(|run| archive.report(run))
                .into_iter()
                .collect::<Result<Vec<_>, _>>()
        };
        // A part of a page that nothing points into may be missing; what is read is then what was written.
        match read() {
            Ok(reports) => assert_eq!(reports[1], sample::report("run-1", 86_400), "{length}"),
            Err(error) => assert!(
                matches!(error.problem, Problem::Damaged(_) | Problem::NotADatabase),
                "{length}: {error}"
            ),
        }
        let error = load_reports(&cut).unwrap_err();
        assert!(matches!(error.problem, Problem::Damaged(_)), "{length}: {error}");
    }
}

#[test]
fn a_json_report_is_read_as_it_was_written() {
    let report = sample::report("run-0", 3);
    for json in [serde_json::to_vec(&report).unwrap(), serde_json::to_vec_pretty(&report).unwrap()] {
        let (_folder, path) = file(&json);
        assert_eq!(load_reports(&path).unwrap(), std::slice::from_ref(&report));
    }
}

#[test]
fn a_report_cut_off_at_any_length_is_told_as_that() {
    let json = serde_json::to_vec_pretty(&sample::report("run-0", 3)).unwrap();
    for length in (1..json.len()).step_by(997).chain([json.len() - 1]) {
        assert!(matches!(problem_of(&json[..length]), Problem::CutOff { .. }), "{length}");
    }
    let (_folder, path) = file(&json[..json.len() / 2]);
    let error = load_reports(&path).unwrap_err();
    assert!(error.to_string().contains("the report is cut off in line"), "{error}");
    assert!(error.is_of_usage());
}

#[test]
fn what_is_no_report_is_told_with_the_reason() {
    let report = serde_json::to_value(sample::report("run-0", 3)).unwrap();
    let mut other_schema = report.clone();
    other_schema["schema"] = 99.into();
    assert_eq!(problem_of(other_schema.to_string().as_bytes()), Problem::OtherSchema { found: 99 });
    let mut without_rate = report.clone();
    without_rate.as_object_mut().unwrap().remove("rate");
    let without_rate = without_rate.to_string();
    let twice = format!("{report}\n{report}\n");
    let table: [(&[u8], &str); 9] = [
        (b"", "empty"),
        (b"  \n ", "empty"),
        (b"hello", "expected value"),
        (b"{}", "no key `schema`"),
        (b"[]", "schema"),
        (b"42", "invalid type"),
        (b"\xff\xfe{}", "expected value"),
        (without_rate.as_bytes(), "missing field `rate`"),
        (twice.as_bytes(), "trailing characters"),
    ];
    for (content, reason) in table {
        match problem_of(content) {
            Problem::NotAReport(cause) => assert!(cause.contains(reason), "{cause}"),
            other => panic!("{}: {other:?}", String::from_utf8_lossy(content)),
        }
    }
}

#[test]
fn a_report_of_before_there_was_a_history_is_read() {
    let mut value = serde_json::to_value(sample::report("run-0", 3)).unwrap();
    value.as_object_mut().unwrap().retain(|key, _| key != "history" && key != "slowest");
    let (_folder, path) = file(value.to_string().as_bytes());
    let report = load_reports(&path).unwrap().remove(0);
    assert_eq!((report.run_id.as_str(), report.history.len(), report.slowest.len()), ("run-0", 0, 0));
}
