//! Data files in plans: what is told of good ones, and of each way in which one can be bad, before anything is sent.

use crate::e2e::bad_input::counting_target;
use crate::vajra::{Done, Vajra, one_line};
use std::sync::atomic::Ordering;
use tempfile::TempDir;

/// `vajra check` of a plan with one feed, whose file holds this.
fn check(file: &str, bytes: &[u8], feed: &str) -> Done {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(file), bytes).unwrap();
    check_in(&folder, file, feed)
}

fn check_in(folder: &TempDir, file: &str, feed: &str) -> Done {
    let path = folder.path().join(file).display().to_string();
    let plan = format!("url = 'testbed:'\nload = {{ rate = 10 }}\n[feed.user]\nfile = '{path}'\n{feed}");
    Vajra::new(&["check", "plan.toml"]).file("plan.toml", &plan).done()
}

#[test]
fn a_check_says_of_each_feed_its_rows_its_columns_and_their_order() {
    let plan = "url = 'testbed:'\n[feed.user]\nfile = 'users.csv'\nrows = 'unique'\n[feed.item]\nfile = 'items.jsonl'";
    let done = Vajra::new(&["check", "plan.toml"])
        .file("plan.toml", plan)
        // As spreadsheets write it: with a byte order mark, and lines that end in two bytes.
        .file("users.csv", "\u{feff}name,pass\r\nann,x\r\n\"b,ob\",y\r\n")
        .file("items.jsonl", "{\"id\": 7}\n")
        .done();
    assert_eq!(done.code, 0, "{}", done.stderr);
    let said = one_line(&done.stdout);
    for part in [
        "feed: user: users.csv, 2 rows of 2 columns (name, pass), unique",
        "feed: item: items.jsonl, 1 row of 1 column (id), sequential",
    ] {
        assert!(said.contains(part), "`{part}` is not in:\n{}", done.stdout);
    }
    done.assert_says(&["no request uses the feed `user`", "{{user.name}}"]);
}

#[test]
fn a_bad_file_ends_with_2_and_says_where_and_what_to_do() {
    let cases: [(&str, &[u8], &str, &[&str]); 14] = [
        ("u.csv", b"", "", &["the file is empty", "help:"]),
        ("u.csv", b"name,pass\n", "", &["u.csv: there is a header, and no row after it"]),
        ("u.csv", b"name,pass\nann,x\nbob\n", "", &["u.csv:3: the row has 1 value, and there are 2 columns"]),
        ("u.csv", b"name,name\nann,x\n", "", &["u.csv:1: two columns are called `name`", "plan.toml:4"]),
        ("u.csv", b"name\nann\nb\0b\n", "", &["u.csv:3: there is a NUL byte"]),
        ("u.csv", b"name\nren\xe9\n", "", &["u.csv:2: byte 0xE9 is not UTF-8", "iconv -f LATIN1"]),
        ("u.csv", b"\xff\xfen\0\n\0", "", &["u.csv:1: the file is UTF-16", "iconv -f UTF-16"]),
        ("u.csv", b"name;pass\nann;x\n", "", &["looks like several", "delimiter = \";\""]),
        ("u.csv", b"name,pass\nann,\"x\nbob,y\n", "", &["u.csv:2: the file ends within quotes"]),
        ("u.jsonl", b"{\"a\": 1}\n{\"b\": 1}\n", "", &["u.jsonl:2: `b` is not a key of the first row"]),
        ("u.json", b"[{\"a\": 1},\n{\"a\": ]", "", &["u.json:2: it is not JSON"]),
        ("u.dat", b"name\nann\n", "", &["plan.toml", "does not say how it is written", "format = \"csv\""]),
        ("u.csv", b"name\nann\n", "rows = 'uniqe'", &["plan.toml:5", "did you mean `unique`"]),
        (
            "u.csv",
            b"name\nann\n",
            "rows = 'unique'\nat_end = 'repeat'",
            &["plan.toml:6", "cannot be repeated"],
        ),
    ];
    for (file, bytes, feed, parts) in cases {
        let done = check(file, bytes, feed);
        assert_eq!(done.code, 2, "{bytes:?}: {}\n{}", done.stderr, done.stdout);
        done.assert_says(parts);
    }
}

#[test]
fn a_file_that_is_not_there_is_told_at_the_line_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let done = check_in(&folder, "gone.csv", "");
    assert_eq!(done.code, 2);
    done.assert_says(&["plan.toml:4", "gone.csv` cannot be read", "help:"]);
    std::fs::create_dir(folder.path().join("folder.csv")).unwrap();
    let done = check_in(&folder, "folder.csv", "");
    assert_eq!(done.code, 2);
    done.assert_says(&["cannot be read", "it is no regular file"]);
}

#[test]
fn a_file_too_large_for_memory_is_read_ahead_or_it_is_said_why_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.csv");
    std::fs::write(&path, "name\nann\n").unwrap();
    // A hole in the file takes no room on the disk; nothing of it is read here.
    std::fs::File::options().append(true).open(&path).unwrap().set_len(300 << 20).unwrap();
    let done = check_in(&folder, "large.csv", "");
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(one_line(&done.stdout).contains("rows that are read ahead"), "{}", done.stdout);
    let done = check_in(&folder, "large.csv", "rows = 'shuffle'");
    assert_eq!(done.code, 2);
    done.assert_says(&[
        "feed `user`",
        "has 300 MiB, more than the 256",
        "`shuffle` needs every row at hand",
        "`shuf`",
    ]);
}

#[test]
fn nothing_is_sent_where_a_file_is_bad() {
    let (port, count) = counting_target();
    let plan = format!("url = 'http://127.0.0.1:{port}/'\n[feed.user]\nfile = 'users.csv'");
    let run = Vajra::new(&["run", "plan.toml", "-n", "3"]).file("plan.toml", &plan);
    let done = run.file("users.csv", "name,pass\nann,x\nbob\n").done();
    assert_eq!(done.code, 2, "{}", done.stderr);
    done.assert_says(&["users.csv:3"]);
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[test]
fn the_report_names_the_file_and_holds_nothing_of_it() {
    let plan = "url = 'testbed:'\n[feed.user]\nfile = 'users.csv'";
    let run = || Vajra::run("plan.toml", &["-n", "3"]).file("plan.toml", plan);
    let done = run().file("users.csv", "name,pass\nzebulon,x\n").done();
    assert_eq!(done.report["plan"]["feeds"][0]["file"], "users.csv");
    assert_eq!(done.report["plan"]["feeds"][0]["columns"], serde_json::json!(["name", "pass"]));
    assert!(!done.report.to_string().contains("zebulon"));
    // The run is repeated with the file as it is now.
    let again = Vajra::run("first.json", &[]).file("first.json", &done.report.to_string());
    let done = again.file("users.csv", "name,mail\nann,x\n").done();
    assert_eq!(done.code, 2, "{}", done.stderr);
    done.assert_says(&["users.csv:1: the columns are name, mail, and those of the plan are name, pass"]);
}
