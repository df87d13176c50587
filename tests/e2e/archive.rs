//! Runs kept, named, carried elsewhere and removed; and an archive that cannot be used costs a run nothing.

use crate::peers;
use crate::vajra::{Done, Vajra};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Where one user's data are.
struct Home(TempDir);

impl Home {
    fn new() -> Home {
        Home(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Vajra {
        Vajra::new(words).variable("XDG_DATA_HOME", self.0.path().to_str().unwrap())
    }

    fn run(&self, url: &str, words: &[&str]) -> Done {
        let vajra = Vajra::run(url, words).variable("XDG_DATA_HOME", self.0.path().to_str().unwrap());
        vajra.done()
    }

    /// `vajra archive` with these words, which has to end well; what it printed.
    fn archive(&self, words: &[&str]) -> String {
        let done = self.command(&[&["archive"], words].concat()).done();
        assert_eq!(done.code, 0, "{words:?}: {}", done.stderr);
        done.stdout
    }

    /// The same, which has to end with this code.
    fn refused(&self, code: i32, words: &[&str], parts: &[&str]) {
        let done = self.command(&[&["archive"], words].concat()).done();
        assert_eq!(done.code, code, "{words:?}: {}", done.stderr);
        done.assert_says(parts);
    }

    fn list(&self, words: &[&str]) -> Vec<Value> {
        let text = self.archive(&[&["list", "--json"], words].concat());
        serde_json::from_str::<Value>(&text).unwrap().as_array().unwrap().clone()
    }
}

/// The bytes of the report a run wrote.
fn written(done: &Done) -> String {
    fs::read_to_string(done.folder.path().join("report.json")).unwrap()
}

fn run_id(done: &Done) -> String {
    done.report["run_id"].as_str().unwrap().to_owned()
}

#[test]
fn runs_are_kept_listed_named_shown_and_carried_elsewhere() {
    let testbed = peers::testbed(&["--error", "0.2"]);
    let (here, there) = (Home::new(), Home::new());
    let first = here.run(&testbed.url("/"), &["-R", "100", "-d", "1s", "--tag", "nightly", "--tag", "v1.0"]);
    let second = here.run(&testbed.url("/"), &["-R", "200", "-d", "1s"]);
    let listed = here.list(&[]);
    let ids: Vec<&str> = listed.iter().map(|entry| entry["run_id"].as_str().unwrap()).collect();
    assert_eq!(ids, [run_id(&second), run_id(&first)], "newest first");
    assert_eq!(listed[1]["tags"], serde_json::json!(["nightly", "v1.0"]));
    assert_eq!(here.list(&["--tag", "v1.0"]).len(), 1);
    assert_eq!(here.list(&["--limit", "1"])[0]["run_id"], run_id(&second));
    let text = here.archive(&["list"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[1].starts_with(&run_id(&second)[..8]) && lines[2].ends_with("nightly, v1.0"), "{text}");
    assert!(!text.contains('\u{1b}'), "no terminal, no colour: {text}");
    for (selector, done) in
        [("last", &second), ("last~1", &first), ("nightly", &first), (&run_id(&second)[..8], &second)]
    {
        assert_eq!(here.archive(&["show", selector, "--json"]), written(done), "{selector}");
    }
    let bundle = here.file("both.vajra");
    here.archive(&["export", "last", "nightly", "last", "-o", bundle.to_str().unwrap()]);
    let imported = there.archive(&["import", bundle.to_str().unwrap()]);
    assert_eq!(imported.matches(" imported\n").count(), 2, "{imported}");
    assert_eq!(there.archive(&["show", "nightly", "--json"]), written(&first), "equal to the byte elsewhere");
    let again = there.archive(&["import", bundle.to_str().unwrap()]);
    assert_eq!(again.matches(" skipped: it is archived already\n").count(), 2, "{again}");
    assert_eq!(there.list(&[]).len(), 2);
}

#[test]
fn a_shown_run_looks_as_it_did_and_names_its_slowest_requests() {
    let testbed = peers::testbed(&["--service", "fixed:20ms"]);
    let home = Home::new();
    let done =
        home.run(&testbed.url("/"), &["-R", "50", "-d", "1s", "-c", "4", "--timeout", "10ms", "--force"]);
    let slowest = done.report["slowest"].as_array().unwrap();
    assert_eq!(slowest.len(), 16);
    assert!(
        slowest.iter().any(|slow| slow["error"] == "timeout"),
        "a timeout is what one wants to see: {slowest:?}"
    );
    let times: Vec<u64> = slowest.iter().map(|slow| slow["response_ns"].as_u64().unwrap()).collect();
    assert!(times.is_sorted_by(|slower, faster| slower >= faster), "{times:?}");
    let shown = home.archive(&["show", "last"]);
    assert!(shown.starts_with(&done.stdout), "{shown}\nis not\n{}", done.stdout);
    let rest = &shown[done.stdout.len()..];
    assert!(rest.contains("Slowest requests") && rest.contains("timeout"), "{rest}");
    assert_eq!(rest.matches("GET /").count(), 16, "{rest}");
}

#[test]
fn the_manifest_says_where_a_run_came_from() {
    let testbed = peers::testbed(&[]);
    let home = Home::new();
    let done = home.run(&testbed.url("/"), &["-n", "20"]);
    let manifest: Value = serde_json::from_str(&home.archive(&["show", "last", "--manifest"])).unwrap();
    assert_eq!(manifest["run_id"], done.report["run_id"]);
    assert_eq!(manifest["environment"], done.report["environment"]);
    assert_eq!(manifest["started_at"], done.report["started_at"]);
    let words: Vec<&str> =
        manifest["command_line"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(words[1..], ["run", &testbed.url("/"), "-n", "20", "--json", "report.json"]);
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(manifest["host"], host.trim());
    assert_eq!(manifest["plan_hash"].as_str().unwrap().len(), 16);
}

#[test]
fn runs_are_removed_by_name_and_what_is_held_stays() {
    let testbed = peers::testbed(&[]);
    let home = Home::new();
    let ids = [0, 1, 2].map(|_| run_id(&home.run(&testbed.url("/"), &["-n", "20"])));
    home.archive(&["tag", &ids[0], "keep"]);
    home.refused(2, &["rm", &ids[0], &ids[1]], &["is held by keep", "untag", "--all"]);
    assert_eq!(home.list(&[]).len(), 3, "all that is named goes, or nothing");
    home.refused(2, &["rm", "nothing-of-that-name"], &["nothing-of-that-name"]);
    let text = home.archive(&["rm", &ids[1][..8], "last"]);
    assert!(text.contains("2 runs removed") && text.contains(&ids[2][..8]), "{text}");
    assert!(home.archive(&["rm", "keep", "--all"]).contains("1 run removed"));
    assert!(home.list(&[]).is_empty());
}

#[test]
fn every_run_is_kept_unless_it_is_not_to_be() {
    let home = Home::new();
    let testbed = peers::testbed(&[]);
    home.run(&testbed.url("/"), &["-n", "5", "--no-archive"]);
    assert!(!home.file("vajra").exists(), "nothing was made");
    assert!(home.list(&[]).is_empty());
    let nothing = format!("http://127.0.0.1:{}/", peers::free_port());
    let done = home.run(&nothing, &["-R", "20", "-d", "1s", "--force"]);
    assert_eq!(done.code, 1, "{}", done.stderr);
    let listed = home.list(&[]);
    assert_eq!(
        (listed.len(), &listed[0]["failed_share"]),
        (1, &serde_json::json!(1.0)),
        "not one succeeded, and it is kept"
    );
    assert!(
        listed[0]["response_p50_ns"].is_null() && listed[0]["response_p99_ns"].is_null(),
        "{}",
        listed[0]
    );
    let text = home.archive(&["list"]);
    let [head, line] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    assert!(head.find("VERDICT") < head.find("FAILED") && head.find("FAILED") < head.find("P50"), "{text}");
    let times = line.split_whitespace().rev().skip(1).take(2).collect::<Vec<_>>();
    assert_eq!(times, ["-", "-"], "what was not measured is no number: {text}");
    assert!(line.contains("100 %"), "{text}");
    let refused = home.command(&["run", &testbed.url("/"), "-n", "5", "--no-archive", "--tag", "x"]).done();
    assert_eq!(refused.code, 2);
}

#[test]
fn runs_at_the_same_time_are_all_kept() {
    const RUNS: usize = 4;
    let testbed = peers::testbed(&[]);
    let home = Home::new();
    let words = ["run", &testbed.url("/"), "-n", "40", "-c", "2", "--force", "--tag", "together"];
    let running: Vec<_> = (0..RUNS).map(|_| home.command(&words).start()).collect();
    for running in running {
        let done = running.done();
        assert!(!done.stderr.contains("not archived"), "{}", done.stderr);
    }
    assert_eq!(home.list(&["--tag", "together"]).len(), RUNS);
}

#[test]
fn a_name_that_cannot_be_one_is_refused_before_anything_is_sent() {
    let testbed = peers::testbed(&[]);
    let home = Home::new();
    let done = home.command(&["run", &testbed.url("/"), "-n", "5", "--tag", "a b"]).done();
    assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{}", done.stderr);
    done.assert_says(&["' ' cannot be in a name", "flag --tag a b", "help:"]);
}

#[test]
fn tags_come_and_go_and_hold_their_runs() {
    let testbed = peers::testbed(&[]);
    let home = Home::new();
    let ids: Vec<String> = (0..4).map(|_| run_id(&home.run(&testbed.url("/"), &["-n", "5"]))).collect();
    home.archive(&["tag", &ids[0], "first", "kept"]);
    home.archive(&["tag", "last~1", "passing"]);
    assert!(home.archive(&["untag", "last~1", "passing"]).contains("is no longer tagged passing"));
    assert!(home.archive(&["untag", "last~1", "passing"]).contains("was not tagged passing"));
    let dry = home.archive(&["prune", "--keep", "1", "--dry-run"]);
    assert!(dry.contains("2 runs would be removed") && dry.contains("1 run held by a tag"), "{dry}");
    assert_eq!(home.list(&[]).len(), 4, "nothing is removed by asking");
    assert!(home.archive(&["prune", "--older-than", "1d"]).contains("0 runs removed"));
    let pruned = home.archive(&["prune", "--keep", "1"]);
    assert!(pruned.contains(&format!("{}  ", &ids[1][..8])) && pruned.contains("2 runs removed"), "{pruned}");
    let left: Vec<Value> = home.list(&[]).into_iter().map(|entry| entry["run_id"].clone()).collect();
    assert_eq!(left, [ids[3].as_str(), ids[0].as_str()]);
    assert!(home.archive(&["prune", "--older-than", "0d", "--all"]).contains("2 runs removed"));
    assert!(home.list(&[]).is_empty());
}

#[test]
fn what_is_asked_for_wrongly_ends_with_2_and_says_what_there_is() {
    let testbed = peers::testbed(&[]);
    let home = Home::new();
    home.refused(2, &["show", "last"], &["no run is archived yet", "--no-archive"]);
    home.run(&testbed.url("/"), &["-n", "5", "--tag", "nightly"]);
    home.refused(2, &["show", "nightyl"], &["`nightyl`", "did you mean `nightly`?"]);
    home.refused(2, &["show", "last~3"], &["`last~3`", "archive list"]);
    home.refused(2, &["tag", "last", "last"], &["cannot be a name"]);
    home.refused(2, &["prune"], &["--keep", "--older-than"]);
    home.refused(2, &["prune", "--older-than", "30"], &["--older-than 30", "no unit", "30d"]);
    home.refused(2, &["import", "missing.vajra"], &["no such file", "missing.vajra"]);
    home.refused(2, &["export", "nobody", "-o", "x.vajra"], &["`nobody`"]);
    assert_eq!(home.list(&[]).len(), 1);
}

#[test]
fn what_a_foreign_report_says_does_not_steer_the_terminal() {
    let testbed = peers::testbed(&[]);
    let home = Home::new();
    let done = home.run(&testbed.url("/"), &["-R", "100", "-d", "1s"]);
    let steering = "x\u{1b}[2J\u{9b}31m\u{202e}\nVALID";
    let mut report = done.report.clone();
    report["run_id"] = "another".into();
    report["plan"]["name"] = steering.into();
    report["limits"] = serde_json::json!([steering]);
    report["outcome"] = serde_json::json!({ "status": "failed", "since_s": null, "text": steering });
    report["trust"]["why"] = steering.into();
    report["thresholds"] = serde_json::json!([{ "text": steering, "metric": "response", "comparison": "below", "limit": 1.0, "measured": 1.0, "shown": steering, "ok": true }]);
    report["verdict"]["reasons"] = serde_json::json!([{ "rule": steering, "status": "DEGRADED", "limit": 0.0, "measured": 0.0, "text": steering }]);
    report["scenarios"][0]["name"] = steering.into();
    let mut first = report["scenarios"][0]["steps"][0].clone();
    first["name"] = steering.into();
    report["scenarios"][0]["steps"] = serde_json::json!([first, first]);
    report["slowest"][0]["step"] = steering.into();
    fs::write(home.file("evil.json"), report.to_string()).unwrap();
    let foreign: engine::report::Report = serde_json::from_value(report).unwrap();
    let evil = Home::new();
    fs::create_dir(evil.file("vajra")).unwrap();
    let archive = archive::Archive::open(&evil.file("vajra/archive.db")).unwrap();
    archive.save(&foreign, &archive::Manifest { host: steering.into(), ..Default::default() }).unwrap();
    archive.export(&["another"], &evil.file("evil.vajra")).unwrap();
    home.archive(&["import", evil.file("evil.vajra").to_str().unwrap()]);
    let (json, id) = (home.file("evil.json").display().to_string(), run_id(&done));
    let allowed = ["--allow", "invalid,slices,environment", "--markdown", "-"];
    for words in [
        vec!["archive", "list"],
        vec!["archive", "show", "another"],
        vec!["archive", "show", "another", "--json"],
        vec!["archive", "show", "another", "--manifest"],
        [&["compare", &id, &json][..], &allowed].concat(),
        [&["compare", &json, &id][..], &allowed[..2]].concat(),
        vec!["compare", &id, "another"],
        vec!["archive", "prune", "--keep", "0", "--older-than", "0d", "--dry-run"],
    ] {
        let done = home.command(&words).done();
        let (all, odd) = (format!("{}{}", done.stdout, done.stderr), ['\u{1b}', '\u{9b}', '\u{202e}']);
        assert!(!all.contains(odd), "{words:?}: {all:?}");
        assert!(all.lines().filter(|line| line.trim() == "VALID").count() <= 1, "{words:?}: {all}");
    }
}

#[test]
fn an_archive_that_others_can_read_is_closed_by_whatever_opens_it() {
    use std::os::unix::fs::PermissionsExt;
    let testbed = peers::testbed(&[]);
    let home = Home::new();
    home.run(&testbed.url("/"), &["-n", "5"]);
    let (folder, file) = (home.file("vajra"), home.file("vajra/archive.db"));
    for words in [&["archive", "list"][..], &["archive", "baselines"], &["compare", "last", "nobody"]] {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        home.command(words).done();
        let modes = [&folder, &file].map(|path| path.metadata().unwrap().permissions().mode() & 0o777);
        assert_eq!(modes, [0o700, 0o600], "{words:?}");
    }
}

#[test]
fn files_that_are_no_bundles_are_told_as_what_they_are() {
    let testbed = peers::testbed(&[]);
    let home = Home::new();
    home.run(&testbed.url("/"), &["-n", "5"]);
    let bundle = home.file("run.vajra");
    home.archive(&["export", "last", "-o", bundle.to_str().unwrap()]);
    let whole = fs::read(&bundle).unwrap();
    let foreign = home.file("foreign.db");
    as_if_of_another_program(&foreign, &whole);
    let cut = home.file("cut.vajra");
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let text = home.file("text.vajra");
    fs::write(&text, "not a bundle").unwrap();
    let table = [
        (1, &foreign, "belongs to another program"),
        (1, &cut, "damaged or cut off"),
        (2, &text, "not a bundle"),
    ];
    for (code, path, cause) in table {
        home.refused(code, &["import", path.to_str().unwrap()], &[cause, path.to_str().unwrap(), "help:"]);
    }
    assert_eq!(home.list(&[]).len(), 1);
}

/// A bundle whose head names another program.
fn as_if_of_another_program(path: &Path, bundle: &[u8]) {
    const APPLICATION_ID_AT: usize = 68;
    let mut bytes = bundle.to_vec();
    bytes[APPLICATION_ID_AT..APPLICATION_ID_AT + 4].copy_from_slice(&0x0f05_5112_u32.to_be_bytes());
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_bundle_does_not_take_the_place_of_a_device() {
    let testbed = peers::testbed(&[]);
    let home = Home::new();
    home.run(&testbed.url("/"), &["-n", "5"]);
    home.refused(1, &["export", "last", "-o", "/dev/full"], &["/dev/full", "not a file"]);
    home.refused(1, &["export", "last", "-o", "no/such/folder.vajra"], &["no/such/folder.vajra"]);
}

#[test]
fn an_archive_that_cannot_be_used_is_a_warning_and_the_run_is_what_it_was() {
    let testbed = peers::testbed(&[]);
    let below_a_file = Home::new();
    fs::write(below_a_file.file("vajra"), "a file where a folder should be").unwrap();
    let foreign = Home::new();
    fs::create_dir(foreign.file("vajra")).unwrap();
    fs::write(foreign.file("vajra/archive.db"), "something of somebody else's").unwrap();
    for (home, cause) in [(&below_a_file, "cannot be written"), (&foreign, "not a SQLite database")] {
        let done = home.run(&testbed.url("/"), &["-n", "50"]);
        assert!([0, 3].contains(&done.code), "{}", done.stderr);
        assert_eq!(done.count("/requests/ok"), 50);
        done.assert_says(&["warning: the run is not archived as asked", cause, "archive.db", "help:"]);
        assert!(done.stdout.contains("Requests"), "{}", done.stdout);
    }
    let kept = fs::read_to_string(foreign.file("vajra/archive.db")).unwrap();
    assert_eq!(kept, "something of somebody else's");
}

#[test]
fn a_disk_that_takes_no_more_costs_the_archive_and_not_the_run() {
    let testbed = peers::testbed(&[]);
    let home = Home::new();
    home.run(&testbed.url("/"), &["-n", "5"]);
    // No file may grow beyond a size that a run does not fit into; what is in the archive is there already.
    let wrapper = ["prlimit", "--fsize=20000", "env", "--ignore-signal=XFSZ"];
    let data = home.0.path().to_str().unwrap();
    let vajra = Vajra::under(&wrapper, &["run", &testbed.url("/"), "-R", "100", "-d", "1s"]);
    let done = vajra.variable("XDG_DATA_HOME", data).done();
    assert!([0, 3].contains(&done.code), "{}", done.stderr);
    done.assert_says(&["warning: the run is not archived as asked"]);
    assert!(done.stdout.contains("Requests"), "{}", done.stdout);
    assert_eq!(home.list(&[]).len(), 1, "what was there is there, and nothing by half");
    let vajra = Vajra::under(&wrapper, &["archive", "export", "last", "-o", "run.vajra"]);
    let done = vajra.variable("XDG_DATA_HOME", data).done();
    assert_eq!(done.code, 1, "{}", done.stderr);
    assert_eq!(fs::read_dir(done.folder.path()).unwrap().count(), 0, "nothing is left of what failed");
    home.run(&testbed.url("/"), &["-n", "5"]);
    assert_eq!(home.list(&[]).len(), 2, "it goes on where there is room");
}

#[test]
fn a_run_that_is_stopped_is_kept_too() {
    let testbed = peers::testbed(&[]);
    let home = Home::new();
    let running = home.command(&["run", &testbed.url("/"), "-R", "100", "-d", "1h", "--force"]).start();
    running.await_thread("collector");
    running.signal(2);
    let done = running.done();
    assert_eq!(done.code, 130, "{}", done.stderr);
    assert_eq!(home.list(&[]).len(), 1, "{}", done.stderr);
}
