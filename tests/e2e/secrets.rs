//! Secrets of a plan are sent, and written down nowhere.

use crate::peers;
use crate::vajra::{Done, Vajra};
use archive::{Archive, Filter, load_reports};
use engine::report::Report;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const SECRET: &str = "s3cret";
/// So a secret could be hidden in what is printed of a histogram or a body.
const AS_BASE64: &str = "czNjcmV0";

/// Where one user's data and files are.
struct Home(TempDir);

impl Home {
    fn new() -> Home {
        Home(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The words with `@NAME` for files in here.
    fn done(&self, words: &[&str]) -> Done {
        let words: Vec<String> = words
            .iter()
            .map(|word| match word.strip_prefix('@') {
                Some(name) => self.file(name).display().to_string(),
                None => (*word).to_owned(),
            })
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Vajra::new(&words).variable("XDG_DATA_HOME", self.0.path().to_str().unwrap()).done()
    }

    /// The same; what it printed may hold no secret.
    fn silent(&self, words: &[&str]) -> Done {
        let done = self.done(words);
        assert_clean(&words.join(" "), done.stdout.as_bytes());
        assert_clean(&words.join(" "), done.stderr.as_bytes());
        done
    }
}

fn assert_clean(what: &str, bytes: &[u8]) {
    for secret in [SECRET, AS_BASE64] {
        let at = bytes.windows(secret.len()).position(|window| window == secret.as_bytes());
        if let Some(at) = at {
            let around = String::from_utf8_lossy(&bytes[at.saturating_sub(200)..(at + 100).min(bytes.len())]);
            panic!("{what}: {around}");
        }
    }
}

/// Every byte of every file below a folder. Returns how many files there were.
fn assert_files_clean(folder: &Path) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        count += if path.is_dir() {
            assert_files_clean(&path)
        } else {
            assert_clean(&path.display().to_string(), &fs::read(&path).unwrap());
            1
        };
    }
    count
}

/// Reports as they are stored, unpacked.
fn assert_reports_clean(reports: &[Report]) {
    assert!(!reports.is_empty());
    reports.iter().for_each(|report| assert_clean("report", &serde_json::to_vec(report).unwrap()));
}

const HEADERS: [&str; 4] = ["-H", "Authorization: Bearer s3cret", "-H", "Cookie: a=s3cret"];

fn run<'a>(url: &'a str, headers: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [&["run", url, "-R", "200", "-d", "1s", "--force"], headers, more].concat()
}

#[test]
fn nothing_that_a_run_leaves_behind_holds_its_secrets() {
    let testbed = peers::testbed(&[]);
    let url = testbed.url("/?api_key=s3cret&x=1");
    let home = Home::new();
    let outputs = [
        "--json",
        "@report.json",
        "--timeseries",
        "@series.jsonl",
        "--hgrm",
        "@spectrum.hgrm",
        "-L",
        "--tag",
        "one",
    ];
    let done = home.silent(&run(&url, &HEADERS, &outputs));
    assert!(done.stdout.contains("/?api_key=redacted:sha256:1ec1c26b&x=1"), "{}", done.stdout);
    home.silent(&run(&url, &HEADERS, &["--tag", "two", "-b", "user=me&password=s3cret"]));
    home.silent(&["archive", "export", "one", "two", "-o", "@both.vajra"]);
    for words in [
        &["archive", "list"][..],
        &["archive", "list", "--json"],
        &["archive", "show", "one"],
        &["archive", "show", "two", "--json"],
        &["archive", "show", "two", "--manifest"],
        &["compare", "one", "two"],
        &[
            "compare",
            "one",
            "two",
            "--allow",
            "plan,invalid,slices,environment",
            "--json",
            "@c.json",
            "--markdown",
            "@c.md",
            "--svg",
            "@c.svg",
        ],
        &["check", &url, "-H", "Authorization: Bearer s3cret"],
    ] {
        home.silent(words);
    }
    assert!(home.file("c.md").metadata().unwrap().len() > 0, "there is a comparison");
    assert!(assert_files_clean(home.0.path()) >= 8);
    assert_reports_clean(&load_reports(&home.file("both.vajra")).unwrap());
    assert_reports_clean(&load_reports(&home.file("report.json")).unwrap());
    let archive = Archive::open_read_only(&home.file("vajra/archive.db")).unwrap();
    let entries = archive.list(&Filter::default()).unwrap();
    assert_eq!(entries.len(), 2);
    for entry in &entries {
        assert_reports_clean(&[archive.report(&entry.run_id).unwrap()]);
        let words = archive.manifest(&entry.run_id).unwrap().command_line;
        assert_clean("command line", words.join(" ").as_bytes());
        assert!(words.iter().any(|word| word.starts_with("Authorization: redacted:")), "{words:?}");
    }
}

#[test]
fn the_same_secret_is_the_same_plan_and_another_is_another() {
    let testbed = peers::testbed(&[]);
    let url = testbed.url("/?api_key=s3cret");
    let home = Home::new();
    home.silent(&run(&url, &HEADERS, &["--tag", "one"]));
    home.silent(&run(&url, &HEADERS, &["--tag", "two"]));
    let kept = home.done(&run(&url, &HEADERS, &["--tag", "kept", "--keep-secrets"]));
    assert!(kept.stdout.contains(SECRET), "as it was asked for: {}", kept.stdout);
    let allowed = ["--allow", "invalid,slices,environment"];
    for other in ["two", "kept"] {
        let done = home.silent(&[&["compare", "one", other][..], &allowed].concat());
        assert_eq!(done.code, 0, "{other}: {}", done.stderr);
    }
    let archive = Archive::open_read_only(&home.file("vajra/archive.db")).unwrap();
    let entries = archive.list(&Filter { tag: Some("kept".into()), limit: None }).unwrap();
    assert!(
        serde_json::to_string(&archive.report(&entries[0].run_id).unwrap())
            .unwrap()
            .contains("Bearer s3cret")
    );
    for (url, headers) in [
        (testbed.url("/?api_key=s3cret2"), HEADERS),
        (url, ["-H", "Authorization: Bearer other", "-H", "Cookie: a=s3cret"]),
    ] {
        home.silent(&run(&url, &headers, &["--tag", "other"]));
        let done = home.silent(&[&["compare", "one", "last"][..], &allowed].concat());
        assert_eq!(done.code, 2, "{}", done.stderr);
        done.assert_says(&["the plans of", "differ", "--allow plan"]);
    }
}

#[test]
fn what_is_sent_is_not_redacted() {
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = heads.clone();
    let port = peers::scripted(move |stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut head, mut stream) = (String::new(), stream);
        while reader.read_line(&mut head).is_ok_and(|bytes| bytes > 0) {
            if head.ends_with("\r\n\r\n") {
                seen.lock().unwrap().push(std::mem::take(&mut head));
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        }
    });
    let url = format!("http://127.0.0.1:{port}/?api_key=s3cret");
    let home = Home::new();
    home.silent(&[&["run", &url, "-n", "5", "-c", "1", "--force"][..], &HEADERS].concat());
    let heads = heads.lock().unwrap();
    let sent = heads.iter().filter(|head| head.contains("Authorization: Bearer s3cret\r\n"));
    assert!(
        sent.filter(|head| head.contains("?api_key=s3cret") && head.contains("Cookie: a=s3cret\r\n")).count()
            >= 5
    );
}

#[test]
fn mistakes_are_told_without_the_secrets_beside_them() {
    let plan = "url = 'http://h/?token=s3cret'\n[headers]\nAuthorization = 'Bearer s3cret'\nX = { Cookie = 'a=s3cret' }\n";
    let broken = "url = 'h'\n[headers]\n'X-API-Key' = s3cret\n";
    type Words<'a> = &'a [&'a str];
    type Variables<'a> = &'a [(&'a str, &'a str)];
    let line = "url = 'http://h/'\nheaders = \"Authorization: Bearer s3cret phrase\"\n";
    let table: [(Words, Variables); 12] = [
        (&["run", "http://u:s3cret@h/"], &[]),
        (&["run", "tcp://h/?token=s3cret"], &[]),
        (&["run", "http://h/", "-H", "Authorization: Bearer s3cret\n"], &[("VAJRA_NOBODY__X", "1")]),
        (&["run", "http://h/", "-H", "Authorization: {{s3cret"], &[]),
        (&["run", "http://h/", "-H", "Authorization Bearer s3cret"], &[]),
        (&["run", "http://h/", "-b", "{{x}}&password=s3cret"], &[]),
        (&["run", "http://h/"], &[("VAJRA_RUN__TOKEN", "s3cret")]),
        (&["run", "http://h/"], &[("VAJRA_HEADERS__AUTHORIZATION", "s3cret\n{{x}}")]),
        (&["run", "plan.toml"], &[]),
        (&["check", "broken.toml"], &[]),
        (&["check", "line.toml"], &[]),
        (&["run", "http://h/"], &[("VAJRA_HEADERS", "Authorization: Bearer s3cret")]),
    ];
    for (words, variables) in table {
        let mut vajra =
            Vajra::new(words).file("plan.toml", plan).file("broken.toml", broken).file("line.toml", line);
        for (name, value) in variables {
            vajra = vajra.variable(name, value);
        }
        let done = vajra.done();
        assert_eq!(done.code, 2, "{words:?}: {}", done.stderr);
        assert_clean(&words.join(" "), done.stderr.as_bytes());
        assert_clean(&words.join(" "), done.stdout.as_bytes());
    }
}

#[test]
fn a_gate_and_a_search_keep_secrets_to_themselves() {
    let testbed = peers::testbed(&[]);
    let url = testbed.url("/?token=s3cret");
    let home = Home::new();
    let plan = ["-R", "100", "-d", "1s", "--force", "-H", "Cookie: s3cret"];
    let save = ["--runs", "1", "--allow", "invalid,slices", "--baseline", "@base.vajra", "--save-baseline"];
    let done = home.silent(&[&["gate", &url][..], &plan, &save].concat());
    assert_eq!(done.code, 0, "{}", done.stderr);
    let gate =
        ["--runs", "1", "--allow", "invalid,slices", "--baseline", "@base.vajra", "--markdown", "@g.md"];
    home.silent(&[&["gate", &url][..], &plan, &gate].concat());
    assert!(home.file("g.md").exists());
    let search = [
        "--slo",
        "p(99)<10s",
        "--from",
        "10",
        "--to",
        "20",
        "--json",
        "@found.json",
        "-d",
        "500ms",
        "--force",
    ];
    home.silent(&[&["find-max", &url][..], &search].concat());
    let found: Value = serde_json::from_slice(&fs::read(home.file("found.json")).unwrap()).unwrap();
    assert!(found["target"].as_str().unwrap().contains("?token=redacted:sha256:"), "{found}");
    assert!(assert_files_clean(home.0.path()) >= 4);
    assert_reports_clean(&load_reports(&home.file("base.vajra")).unwrap());
}
