//! Collectors that are away for a while, or for good: what they do not take waits on disk, and `vajra spool` sends it.

use super::otlp::{
    PLAN, TEMPORALITY, account, account_of, assert_is_in_order, assert_is_the_reports, series, url,
};
use crate::peers::otlp::{points, receiver, receiver_on};
use crate::peers::{self, free_port};
use crate::vajra::{Done, Running, Vajra};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const SIGINT: i32 = 2;
const SIGKILL: i32 = 9;
/// A run that goes on until it is told to end.
const LONG_PLAN: &str = "url = 'testbed:/'\n[load]\nrate = 200\n[run]\nwarmup = '0s'\nduration = '10m'\ninterval = '100ms'\n\
    connections = 4\n";

/// A collector that accepts and never answers.
fn black_hole() -> u16 {
    peers::scripted(|stream| {
        std::thread::sleep(Duration::from_secs(600));
        drop(stream);
    })
}

/// A run of this plan whose metrics, as deltas, go there.
fn run(plan: &str, url: &str, words: &[&str]) -> Vajra {
    let words = [&["--force", "--otlp", url], words].concat();
    Vajra::run("plan.toml", &words).file("plan.toml", plan).variable(TEMPORALITY, "delta")
}

/// `vajra spool` with these words, of the user whose run that was.
fn spool(of: &Path, words: &[&str]) -> Done {
    let data = of.join("data").display().to_string();
    Vajra::new(&[&["spool"], words].concat()).variable("XDG_DATA_HOME", &data).done()
}

/// What waits.
fn listed(of: &Path) -> Vec<Value> {
    let done = spool(of, &["list", "--json"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    serde_json::from_str(&done.stdout).unwrap()
}

/// Waits until something waits on disk, more than is written at once.
fn await_spooled(running: &Running, segments: u64) {
    while listed(running.folder()).iter().all(|queue| queue["requests"].as_u64().unwrap() < segments) {
        running.assert_runs("anything was in the spool");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Of each series, no point is before one that was measured earlier.
fn assert_is_in_turn(points: &[Value]) {
    let mut last = BTreeMap::new();
    for point in points {
        let time = point["time"].as_u64().unwrap();
        assert!(last.insert(series(point), time).is_none_or(|before| before < time), "{point}");
    }
}

#[test]
fn what_a_collector_that_never_responds_does_not_take_is_sent_afterwards_and_is_the_report() {
    for (protocol, mode) in [("http", "failing"), ("grpc", "always")] {
        let hole = format!("{protocol}://127.0.0.1:{}", black_hole());
        let done = run(PLAN, &hole, &["--spool", mode]).done();
        done.assert_ended_with(0);
        let [offered, sent, _, dropped, spooled] = account(&done);
        // How much a disk takes within the exporter's patience is a matter of the machine.
        assert_eq!((sent, dropped + spooled), (0, offered), "{}", done.report["exports"]);
        // One was on its way, and nobody knows whether it arrived.
        let ambiguous = done.count("/exports/0/ambiguous");
        assert!(ambiguous > 0 && ambiguous < offered);
        done.assert_says(&["points of deltas may be at"]);
        let [queue] = listed(done.folder.path()).try_into().unwrap();
        assert_eq!((queue["points"].as_u64(), queue["lost"].as_u64()), (Some(spooled), Some(0)));
        let id = done.report["run_id"].as_str().unwrap();
        assert!(spool(done.folder.path(), &["list"]).stdout.contains(&id[..8]));

        let receiver = receiver(protocol, 1, 0);
        let replayed = spool(done.folder.path(), &["replay", &id[..8], "--otlp", &url(protocol, &receiver)]);
        assert_eq!(replayed.code, 0, "{}", replayed.stderr);
        let points = points(&receiver);
        assert_eq!(points.len() as u64, spooled);
        if dropped == 0 {
            assert_is_the_reports(&done, &points, true);
            assert_is_in_order(&points, true);
        }
        assert_is_in_turn(&points);
        assert!(listed(done.folder.path()).is_empty(), "nothing is left");
    }
}

#[test]
fn each_of_several_collectors_that_are_away_has_what_is_its_own_afterwards() {
    let holes = [black_hole(), black_hole()].map(|port| format!("http://127.0.0.1:{port}"));
    let cumulative = format!("{},cumulative", holes[1]);
    let done = run(PLAN, &holes[0], &["--spool", "always", "--otlp", &cumulative]).done();
    done.assert_ended_with(0);
    let queues = listed(done.folder.path());
    for (index, hole) in holes.iter().enumerate() {
        let [offered, sent, rejected, dropped, spooled] = account_of(&done, index);
        assert_eq!((sent + rejected, spooled + dropped), (0, offered), "{}", done.report["exports"]);
        let own =
            queues.iter().find(|queue| queue["to"].as_str().unwrap().starts_with(hole.as_str())).unwrap();
        assert_eq!((own["points"].as_u64(), own["lost"].as_u64()), (Some(spooled), Some(0)));
    }
    assert_eq!(queues.len(), holes.len());
    // One by one, for what each has is the same.
    let of = done.folder.path();
    let receiver = receiver("http", 0, 0);
    let to = url("http", &receiver);
    let mixed = spool(of, &["replay", "--otlp", &to]);
    assert_eq!(mixed.code, 2, "{}", mixed.stderr);
    let replayed = spool(of, &["replay", "--to", &holes[1], "--otlp", &to]);
    assert_eq!(replayed.code, 0, "{}", replayed.stderr);
    assert_eq!(points(&receiver).len() as u64, account_of(&done, 1)[4]);
    assert_eq!(spool(of, &["drop", "--all"]).code, 0);
    assert!(listed(of).is_empty());
}

#[test]
fn a_collector_that_is_killed_and_comes_back_has_every_point_in_the_end() {
    let (port, place) = (free_port(), tempfile::tempdir().unwrap());
    let file = place.path().join("points");
    let to = format!("http://127.0.0.1:{port}");
    let first = receiver_on("http", port, &file);
    let running = run(LONG_PLAN, &to, &[]).start();
    while !std::fs::read_to_string(&file).is_ok_and(|text| text.lines().count() > 100) {
        running.assert_runs("the collector had anything");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(first);
    await_spooled(&running, 3);
    let second = receiver_on("http", port, &file);
    // It has caught up once nothing waits.
    while !listed(running.folder()).is_empty() && listed(running.folder())[0]["points"] != 0 {
        running.assert_runs("the collector had caught up");
        std::thread::sleep(Duration::from_millis(20));
    }
    running.signal(SIGINT);
    let done = running.done();
    let [offered, _, rejected, dropped, spooled] = account(&done);
    assert_eq!((rejected, dropped), (0, 0), "{}", done.report["exports"]);
    if spooled > 0 {
        assert_eq!(spool(done.folder.path(), &["replay"]).code, 0);
    }
    drop(second);
    let text = std::fs::read_to_string(&file).unwrap();
    let points: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    // A request that was being written down when the collector was killed may be there in part, and then whole.
    let mut unique = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for point in points {
        if seen.insert((series(&point), point["start"].as_u64(), point["time"].as_u64())) {
            unique.push(point);
        }
    }
    assert_eq!(unique.len() as u64, offered);
    assert_is_in_turn(&unique);
    assert_eq!(spooled > 0, done.report["exports"][0]["why"].is_string(), "{}", done.report["exports"]);
}

#[test]
fn a_run_that_is_interrupted_before_a_black_hole_accounts_for_every_point() {
    let run = run(LONG_PLAN, &format!("grpc://127.0.0.1:{}", black_hole()), &[]);
    let running = run.variable("OTEL_EXPORTER_OTLP_TIMEOUT", "200").start();
    await_spooled(&running, 3);
    running.signal(SIGINT);
    let done = running.done();
    assert_eq!(done.code, 130, "{}", done.stderr);
    let [offered, sent, _, dropped, spooled] = account(&done);
    assert_eq!((sent, dropped + spooled), (0, offered));
    let receiver = receiver("grpc", 0, 0);
    let replayed = spool(done.folder.path(), &["replay", "--otlp", &url("grpc", &receiver)]);
    assert_eq!(replayed.code, 0, "{}", replayed.stderr);
    assert_eq!(points(&receiver).len() as u64, spooled);
}

#[test]
fn what_is_on_disk_survives_a_run_that_is_killed() {
    let to = format!("http://127.0.0.1:{}", black_hole());
    let running = run(LONG_PLAN, &to, &["--spool", "always", "--spool-sync", "always"]).start();
    await_spooled(&running, 5);
    let open = spool(running.folder(), &["replay"]);
    assert_eq!(open.code, 1, "its run goes on");
    open.assert_says(&["is left alone"]);
    let open = spool(running.folder(), &["drop", "--all"]);
    assert_eq!(open.code, 1);
    open.assert_says(&["is not dropped", "another program has it open"]);
    running.signal(SIGKILL);
    let done = running.done();
    let [queue] = listed(done.folder.path()).try_into().unwrap();
    let waiting = queue["points"].as_u64().unwrap();
    assert!(waiting > 0 && queue["is_open"] == false, "{queue}");
    let receiver = receiver("http", 0, 0);
    let replayed = spool(done.folder.path(), &["replay", "--otlp", &url("http", &receiver)]);
    assert_eq!(replayed.code, 0, "{}", replayed.stderr);
    let points = points(&receiver);
    assert_eq!(points.len() as u64, waiting);
    assert_is_in_turn(&points);
}

#[test]
fn a_disk_that_is_full_costs_what_does_not_fit_and_the_run_nothing() {
    let to = format!("http://127.0.0.1:{}", black_hole());
    let plan = PLAN.replace("'500ms'\nconnections", "'100ms'\nconnections");
    let wrapper = ["prlimit", "--fsize=100000", "env", "--ignore-signal=XFSZ"];
    let done = Vajra::run_under(&wrapper, "plan.toml", &["--force", "--no-archive", "--otlp", &to])
        .file("plan.toml", &plan)
        .done();
    done.assert_ended_with(0);
    assert_eq!(done.arrivals(), 300);
    let [_, sent, _, dropped, spooled] = account(&done);
    assert!(sent == 0 && dropped > 0 && spooled > 0, "{}", done.report["exports"]);
    done.assert_says(&["points did not reach", "cannot be written"]);
    let receiver = receiver("http", 0, 0);
    let replayed = spool(done.folder.path(), &["replay", "--otlp", &url("http", &receiver)]);
    assert_eq!(replayed.code, 0, "{}", replayed.stderr);
    assert_eq!(points(&receiver).len() as u64, spooled);
}

#[test]
fn a_spool_that_cannot_be_written_is_told_and_stops_nothing() {
    let to = format!("http://127.0.0.1:{}", free_port());
    let done = run(PLAN, &to, &[]).folder("data").folder("data/vajra").file("data/vajra/spool", "").done();
    done.assert_ended_with(0);
    assert_eq!(done.arrivals(), 300);
    let [offered, _, _, dropped, _] = account(&done);
    assert_eq!(dropped, offered);
    done.assert_says(&["points did not reach", "cannot be created"]);
}

#[test]
fn nothing_is_kept_where_nothing_is_to_be() {
    let to = format!("http://127.0.0.1:{}", free_port());
    let done = run(PLAN, &to, &[]).variable("VAJRA_SPOOL", "never").done();
    let [offered, _, _, dropped, spooled] = account(&done);
    assert_eq!((dropped, spooled), (offered, 0));
    assert!(!done.folder.path().join("data/vajra/spool").exists());
    let empty = spool(done.folder.path(), &["list"]);
    assert_eq!((empty.code, empty.stdout.as_str()), (0, ""));
    empty.assert_says(&["nothing waits"]);
}

#[test]
fn what_is_refused_waits_until_it_is_dropped() {
    let to = format!("http://127.0.0.1:{}", free_port());
    let done = run(PLAN, &to, &["--spool", "always"]).done();
    let id = done.report["run_id"].as_str().unwrap();
    let (of, offered) = (done.folder.path(), done.count("/exports/0/offered"));
    let receiver = receiver("http", 0, 0);
    let wrong = format!("{}/wrong", url("http", &receiver));
    let refused = spool(of, &["replay", "--otlp", &wrong]);
    assert_eq!(refused.code, 1);
    refused.assert_says(&["refuses the next request", "404", "--drop-refused"]);
    assert_eq!(listed(of)[0]["points"], offered);
    for (words, problem) in [
        (&["replay", "ab"][..], "four characters"),
        (&["drop", "ffffffff"], "no run whose points wait"),
        (&["drop"], "needs <RUN|--all>"),
        (&["replay", "--otlp", "ftp://h"], "neither http nor grpc"),
    ] {
        let wrong = spool(of, words);
        assert_eq!(wrong.code, 2, "{words:?}: {}", wrong.stderr);
        wrong.assert_says(&[problem]);
    }
    let dropped = spool(of, &["drop", &id[..8]]);
    assert_eq!(dropped.stdout, format!("{}: {offered} points dropped\n", &id[..8]));
    assert!(listed(of).is_empty());
}
