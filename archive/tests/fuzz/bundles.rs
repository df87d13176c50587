//! Bundles: changed as files, as schemas, and as rows.

use crate::mutation::{bytes, document};
use crate::{Fate, fuzz, sample};
use engine::random::Random;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use fuzzing::{number, one_of};
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use vajra_archive::{Archive, Filter, Manifest, PruneRule, check_name, load_reports};

/// Statements that make a schema something else; `{}` is a name.
const SCHEMAS: [&str; 14] = [
    "ALTER TABLE runs ADD COLUMN \"{}\" TEXT",
    "ALTER TABLE tags ADD COLUMN \"{}\" TEXT DEFAULT (hex(randomblob(9)))",
    "ALTER TABLE slices RENAME COLUMN ok TO \"{}\"",
    "ALTER TABLE traces RENAME TO \"{}\"",
    "CREATE VIEW \"{}\" AS SELECT * FROM runs",
    "CREATE TABLE \"{}\" (a, b)",
    "CREATE TABLE \"{}\" (a, b GENERATED ALWAYS AS (a || zeroblob(1000000)))",
    "CREATE INDEX \"{}\" ON runs (substr(name, 1, 3))",
    "CREATE TRIGGER \"{}\" BEFORE INSERT ON tags BEGIN DELETE FROM runs; END",
    "DROP TABLE tags; CREATE VIEW tags AS WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n) SELECT a AS run, 'x' AS tag FROM n",
    "DROP TABLE traces",
    "DROP INDEX tags_by_name",
    "PRAGMA user_version = 1",
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'TEXT', '{}') WHERE type = 'table'",
];
const NAMES: [&str; 8] = [
    "x",
    "tag) VALUES (1, 2); DROP TABLE runs; --",
    "last",
    "runs2",
    "sqlite_fake",
    "a\u{1b}[2J",
    "BLOB",
    "id, id, id",
];
const COLUMNS: [(&str, &str); 27] = [
    ("runs", "run_id"),
    ("runs", "name"),
    ("runs", "started_at"),
    ("runs", "started_ns"),
    ("runs", "archived_at"),
    ("runs", "command_line"),
    ("runs", "verdict"),
    ("runs", "rate_rps"),
    ("runs", "response_p50_ns"),
    ("runs", "failed_share"),
    ("runs", "report"),
    ("slices", "run"),
    ("slices", "slice"),
    ("slices", "from_ns"),
    ("slices", "phase"),
    ("slices", "ok"),
    ("slices", "response_hdr"),
    ("pass_slices", "scenario"),
    ("pass_slices", "place"),
    ("pass_slices", "iteration_hdr"),
    ("traces", "step"),
    ("traces", "status"),
    ("traces", "intended_s"),
    ("traces", "shard"),
    ("traces", "run"),
    ("tags", "tag"),
    ("tags", "run"),
];

fn value(random: &mut Random) -> Value {
    match random.between(0, 6) {
        0 => Value::Null,
        1 => Value::Integer(number(random) as i64),
        2 => Value::Real(*one_of(random, &[0.0, -1.0, 1e308, f64::INFINITY, f64::NAN])),
        3 => Value::Text((*one_of(random, &NAMES)).to_owned()),
        4 => Value::Text("n".repeat(random.between(0, 300) as usize)),
        5 => Value::Blob(vec![0; random.between(0, 3_000) as usize]),
        _ => Value::Text((*one_of(random, &["last~1", "-n", "", "measure", "[]", "nightly"])).to_owned()),
    }
}

/// A change of a row, of a report in it, of the schema, or none. What SQLite does not let in is not tried.
fn change(random: &mut Random, bundle: &Connection) {
    match random.between(0, 4) {
        0 => {
            let statements = one_of(random, &SCHEMAS).replace("{}", NAMES[random.between(0, 7) as usize]);
            let _ = bundle.execute_batch(&statements);
        }
        1 => {
            let tag = value(random);
            let _ = bundle.execute("INSERT INTO tags SELECT id, ?1 FROM runs", [tag]);
        }
        2 => change_report(random, bundle),
        _ => {
            let (table, column) = one_of(random, &COLUMNS);
            let which = format!("UPDATE {table} SET {column} = ?1 WHERE rowid % 3 = ?2");
            let _ = bundle.execute(&which, params![value(random), random.between(0, 2) as i64]);
        }
    }
}

fn change_report(random: &mut Random, bundle: &Connection) {
    let Ok(packed) = bundle.query_row("SELECT report FROM runs LIMIT 1", [], |row| row.get::<_, Vec<u8>>(0))
    else {
        return;
    };
    let mut json = Vec::new();
    if ZlibDecoder::new(packed.as_slice()).read_to_end(&mut json).is_err() {
        return;
    }
    match (random.between(0, 2), serde_json::from_slice(&json)) {
        (0, _) => bytes(random, &mut json),
        (_, Ok(mut value)) => {
            document(random, &mut value);
            json = value.to_string().into_bytes();
        }
        (_, Err(_)) => return,
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&json).unwrap();
    let packed = encoder.finish().unwrap();
    let _ = bundle.execute("UPDATE runs SET report = ?1 WHERE id = (SELECT min(id) FROM runs)", [packed]);
}

/// The objects of the archive's own schema: what no import may change.
fn schema(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut statement =
        connection.prepare("SELECT name || coalesce(sql, '') FROM sqlite_schema ORDER BY 1").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn bundles() {
    let folder = tempfile::tempdir().unwrap();
    let (path, original) = (folder.path().join("b.vajra"), folder.path().join("original.vajra"));
    let here = Archive::open(&folder.path().join("here/archive.db")).unwrap();
    for run in ["run-0", "run-1"] {
        here.save(&sample::report(run, 7), &Manifest::default()).unwrap();
        here.tag(run, "nightly").unwrap();
    }
    here.export(&["run-0", "run-1"], &original).unwrap();
    let whole = fs::read(&original).unwrap();
    let there = Archive::open(&folder.path().join("there/archive.db")).unwrap();
    there.save(&sample::report("mine", 9), &Manifest::default()).unwrap();
    there.set_baseline("main", &["mine"]).unwrap();
    let tables = schema(there.path());
    fuzz("bundles", 150, |random| {
        let mut content = whole.clone();
        let changes_bytes = random.between(0, 2) == 0;
        if changes_bytes {
            bytes(random, &mut content);
        }
        fs::write(&path, content).unwrap();
        if !changes_bytes {
            let bundle = Connection::open(&path).unwrap();
            bundle.pragma_update(None, "synchronous", "OFF").unwrap();
            bundle.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false).unwrap();
            (0..random.between(0, 3)).for_each(|_| change(random, &bundle));
        }
        let read = load_reports(&path);
        let imported = there.import(&path);
        let entries = there.list(&Filter::default()).unwrap();
        assert_eq!(there.find("last").unwrap(), [entries[0].run_id.as_str()], "the word means what it means");
        assert_eq!(there.find("main").unwrap(), ["mine"], "names here are decided here");
        let Ok(imported) = imported else {
            assert_eq!(entries.len(), 1, "nothing came in of what was refused");
            return Fate::Refused;
        };
        assert!(read.is_ok(), "what comes in can be read");
        assert_eq!(entries.len(), 1 + imported.added.len());
        for entry in &entries {
            let report = there.report(&entry.run_id).unwrap();
            there.manifest(&entry.run_id).unwrap();
            assert_eq!((&report.run_id, &report.plan.name), (&entry.run_id, &entry.name));
            assert!(
                entry.tags.iter().chain([&entry.run_id]).all(|name| check_name(name).is_ok()),
                "{entry:?}"
            );
        }
        if !imported.added.is_empty() {
            let again = folder.path().join("again.vajra");
            there.export(&imported.added, &again).unwrap();
            assert_eq!(load_reports(&again).unwrap().len(), imported.added.len());
        }
        let rule = PruneRule { keep: 0, older_than: None, takes_held: false };
        imported.added.iter().for_each(|run| {
            entries.iter().filter(|entry| entry.run_id == *run).flat_map(|entry| &entry.tags).for_each(
                |tag| {
                    there.untag(run, tag).unwrap();
                },
            );
        });
        there.prune(&rule).unwrap();
        assert_eq!(there.list(&Filter::default()).unwrap().len(), 1);
        assert_eq!(schema(there.path()), tables, "the archive is what it was");
        Fate::Taken
    });
}
