//! Bundles that were made to do harm: what is not ours is refused or left out, and nothing that a file says is run or taken for a
//! name.

use crate::{empty, with_runs};
use rusqlite::Connection;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use vajra_archive::{Archive, Filter, Problem, load_reports};

/// A bundle of one run, changed by these statements.
fn bundle(statements: &str) -> (TempDir, PathBuf) {
    let (folder, here) = with_runs(&["run-0"]);
    here.tag("run-0", "nightly").unwrap();
    let path = folder.path().join("b.vajra");
    here.export(&["run-0"], &path).unwrap();
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(statements).unwrap_or_else(|error| panic!("{statements}: {error}"));
    drop(connection);
    (folder, path)
}

/// What reading and importing say of it; nothing may have come in.
fn refused(path: &Path) -> Problem {
    let (_folder, there) = with_runs(&["mine"]);
    let problem = there.import(path).expect_err("it is refused").problem;
    assert_eq!(there.list(&Filter::default()).unwrap().len(), 1);
    problem
}

#[test]
fn tables_that_are_not_ours_are_refused_before_a_row_is_read() {
    for statements in [
        // A column whose name goes on as a statement, were it part of one.
        r#"ALTER TABLE tags ADD COLUMN "tag) VALUES (1, 'x'); DROP TABLE runs; --" TEXT"#,
        "ALTER TABLE runs ADD COLUMN more TEXT",
        "ALTER TABLE slices RENAME COLUMN ok TO well",
        "CREATE VIEW more AS SELECT * FROM runs",
        "CREATE TRIGGER t AFTER INSERT ON tags BEGIN DELETE FROM runs; END",
        "CREATE TABLE more (a)",
        "CREATE INDEX more ON runs (name)",
        "DROP INDEX tags_by_name",
        "DROP TABLE traces; CREATE VIEW traces AS SELECT 1 AS run, 0 AS place, 'x' AS step",
        // A row for ever, for whoever would ask for it.
        "DROP TABLE slices; CREATE VIEW slices AS WITH RECURSIVE n(run) AS (SELECT 1 UNION ALL SELECT run FROM n) SELECT * FROM n",
        "DROP TABLE tags; CREATE TABLE tags (run, tag TEXT GENERATED ALWAYS AS (hex(zeroblob(100000000))))",
        "DROP TABLE tags; CREATE TABLE tags (run INTEGER, tag, PRIMARY KEY (run, tag)) WITHOUT ROWID",
        "CREATE TABLE more (a DEFAULT (load_extension('x')), CHECK (a > randomblob(1000000000)))",
    ] {
        let (_folder, path) = bundle(statements);
        assert!(matches!(refused(&path), Problem::OtherTables(_)), "{statements}: {:?}", refused(&path));
        assert!(load_reports(&path).is_err(), "{statements}");
    }
}

#[test]
fn a_schema_that_was_written_by_hand_is_refused() {
    for change in [
        "UPDATE sqlite_schema SET sql = replace(sql, 'tag TEXT', 'tag BLOB') WHERE name = 'tags'",
        "UPDATE sqlite_schema SET sql = 'CREATE TABLE tags(x' WHERE name = 'tags'",
        "UPDATE sqlite_schema SET rootpage = 2 WHERE name = 'tags'",
        "UPDATE sqlite_schema SET rootpage = 99999 WHERE name = 'traces'",
        "DELETE FROM sqlite_schema WHERE name = 'traces'",
        "INSERT INTO sqlite_schema VALUES ('view', 'v', 'v', 0, 'CREATE VIEW v AS SELECT 1')",
        "INSERT INTO sqlite_schema VALUES ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING fts5(a)')",
    ] {
        let (_folder, path) = bundle(&format!("PRAGMA writable_schema = ON; {change}"));
        let problem = refused(&path);
        assert!(
            matches!(problem, Problem::OtherTables(_) | Problem::Damaged(_) | Problem::Failed(_)),
            "{change}: {problem:?}"
        );
        assert!(load_reports(&path).is_err(), "{change}");
    }
}

#[test]
fn what_a_file_calls_things_adds_no_line_to_what_is_said_of_it() {
    let line = "x`\n\nall runs imported and verified\n";
    for statements in [
        format!("CREATE TABLE \"{line}\" (a)"),
        format!("UPDATE slices SET phase = '{line}'"),
        format!("UPDATE runs SET run_id = '{line}'"),
    ] {
        let (_folder, path) = bundle(&statements);
        let (_other, there) = with_runs(&["mine"]);
        let said = there.import(&path).unwrap_err().to_string();
        assert_eq!(said.lines().count(), 3, "{said}");
        assert!(!said.contains("\nall runs"), "{said}");
    }
}

#[test]
fn tags_that_nothing_can_be_called_are_left_out_and_told() {
    let (_folder, path) = bundle(
        "INSERT INTO tags SELECT id, 'last' FROM runs; INSERT INTO tags SELECT id, 'last~1' FROM runs;
         INSERT INTO tags SELECT id, char(27) || '[2J' FROM runs; INSERT INTO tags SELECT id, '-n' FROM runs;
         INSERT INTO tags SELECT id, 'mine-0' FROM runs",
    );
    let (_folder, there) = with_runs(&["mine-0", "mine-1"]);
    let imported = there.import(&path).unwrap();
    assert_eq!(imported.misnamed, ["\u{1b}[2J", "-n", "last", "last~1", "mine-0"]);
    assert_eq!(there.find("last").unwrap(), ["mine-1"], "the word means what it means");
    assert_eq!(there.find("nightly").unwrap(), ["run-0"]);
}

#[test]
fn a_tag_that_is_called_last_by_an_earlier_import_does_not_outrank_the_word() {
    let (_folder, there) = with_runs(&["mine-0", "mine-1"]);
    let connection = Connection::open(there.path()).unwrap();
    connection.execute("INSERT INTO tags SELECT id, 'last' FROM runs WHERE run_id = 'mine-0'", []).unwrap();
    assert_eq!(there.find("last").unwrap(), ["mine-1"]);
}

#[test]
fn a_run_whose_id_is_a_name_does_not_come_in() {
    for id in ["last", "a b", "", "-x", "x\u{1b}[0m"] {
        let (_folder, path) = bundle(&format!("UPDATE runs SET run_id = '{id}'"));
        assert!(matches!(refused(&path), Problem::Damaged(_)), "{id}");
    }
    let (_folder, path) = bundle("UPDATE runs SET run_id = 'run-1'");
    assert!(matches!(refused(&path), Problem::Damaged(_)), "its report says another id");
    let (_folder, path) = bundle("SELECT 1");
    let (_folder, there) = with_runs(&["mine"]);
    there.tag("mine", "run-0").unwrap();
    assert!(matches!(there.import(&path).unwrap_err().problem, Problem::BadName(_)));
}

#[test]
fn what_a_list_shows_of_an_imported_run_is_what_its_report_says() {
    let (_folder, path) = bundle(
        "UPDATE runs SET name = 'good', verdict = 'VALID', rate_rps = 1e9, response_p50_ns = 1, failed_share = 0.0,
         started_ns = 9223372036854775807, plan_hash = 'x'",
    );
    let ((_one, honest), (_other, there)) = (with_runs(&["run-0"]), empty());
    there.import(&path).unwrap();
    honest.tag("run-0", "nightly").unwrap();
    let shown = |archive: &Archive| {
        let entry = archive.list(&Filter::default()).unwrap().remove(0);
        serde_json::to_string(&entry).unwrap()
    };
    assert_eq!(shown(&there), shown(&honest));
}

#[test]
fn values_of_other_kinds_and_sizes_are_refused() {
    for statement in [
        "UPDATE slices SET phase = 'never'",
        "UPDATE slices SET ok = -1",
        "UPDATE slices SET from_ns = to_ns + 1",
        "UPDATE slices SET response_hdr = 7",
        "UPDATE slices SET withheld = -1",
        "UPDATE pass_slices SET place = place + 5",
        "UPDATE pass_slices SET scenario = 9",
        "UPDATE pass_slices SET failed = -1",
        "UPDATE pass_slices SET duration_hdr = 7",
        "UPDATE traces SET intended_s = 9e999",
        "UPDATE traces SET intended_s = -9e999",
        "UPDATE runs SET report = zeroblob(100000000)",
        "UPDATE runs SET command_line = 'no list'",
    ] {
        let (_folder, path) = bundle(statement);
        assert!(matches!(refused(&path), Problem::Damaged(_) | Problem::NotAReport(_)), "{statement}");
    }
}

#[test]
fn an_archive_is_closed_to_others_however_it_was_made() {
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let (folder, archive) = with_runs(&["run-0"]);
    let home = folder.path().join("vajra");
    let files = || fs::read_dir(&home).unwrap().flatten().map(|entry| entry.path()).collect::<Vec<_>>();
    assert_eq!(mode(&home), 0o700);
    assert!(files().len() >= 3, "the archive, its log and the log's index: {:?}", files());
    assert!(files().iter().all(|file| mode(file) == 0o600), "{:?}", files());
    // As an earlier version, or a copy, left them.
    fs::set_permissions(&home, fs::Permissions::from_mode(0o755)).unwrap();
    files().iter().for_each(|file| fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap());
    let again = Archive::open(archive.path()).unwrap();
    assert_eq!(mode(&home), 0o700);
    assert!(files().iter().all(|file| mode(file) == 0o600), "{:?}", files());
    assert_eq!(again.list(&Filter::default()).unwrap().len(), 1);
}
