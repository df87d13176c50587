//! Runs go in and come out whole, whoever else writes; and those that may go, go.

use crate::{empty, manifest, sample, with_runs};
use engine::history::{ScenarioSlice, Slice};
use engine::pass_slice::PassSlice;
use engine::phase::Phase;
use engine::record::SlowRequest;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::Cell;
use std::time::{Duration, SystemTime};
use vajra_archive::{Archive, Entry, Filter, Manifest, Problem, PruneRule};

const DAY: Duration = Duration::from_secs(86_400);

fn ids(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.run_id.as_str()).collect()
}

/// The first moment of 2026: day 0 of the samples.
fn new_year() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)
}

#[test]
fn a_report_comes_back_equal_to_the_byte() {
    let (_folder, archive) = empty();
    let report = sample::report("run-1", 5);
    assert!(report.history.len() > 10 && report.slowest.len() == 16, "the sample has everything");
    archive.save(&report, &manifest()).unwrap();
    let again = archive.report("run-1").unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), serde_json::to_string(&report).unwrap());
    assert_eq!(archive.manifest("run-1").unwrap(), manifest());
}

#[test]
fn the_list_is_newest_first_and_says_what_a_run_was() {
    let (_folder, archive) = with_runs(&["run-0", "run-1", "run-2"]);
    archive.tag("run-1", "nightly").unwrap();
    archive.set_baseline("main", &["run-1", "run-0"]).unwrap();
    let all = archive.list(&Filter::default()).unwrap();
    assert_eq!(ids(&all), ["run-2", "run-1", "run-0"]);
    let report = sample::report("run-1", 86_400);
    let entry = &all[1];
    assert_eq!(
        (entry.name.as_str(), entry.verdict.as_str(), entry.host.as_str()),
        ("sample", "VALID", "bench-7")
    );
    assert_eq!(
        (entry.response_p50_ns, entry.response_p99_ns),
        (Some(report.response_ns.p50), Some(report.response_ns.p99))
    );
    let failed = report.requests.failed as f64;
    assert!(failed > 0.0);
    assert_eq!(entry.failed_share, failed / (report.requests.ok as f64 + failed));
    assert_eq!(
        (entry.tags.as_slice(), entry.baselines.as_slice()),
        (&["nightly".to_owned()][..], &["main".to_owned()][..])
    );
    assert!(all.iter().all(|other| other.plan_hash == entry.plan_hash), "all samples have one plan");
    let filter = Filter { limit: Some(1), tag: None };
    assert_eq!(ids(&archive.list(&filter).unwrap()), ["run-2"]);
    let filter = Filter { limit: None, tag: Some("nightly".into()) };
    assert_eq!(ids(&archive.list(&filter).unwrap()), ["run-1"]);
}

#[test]
fn a_run_is_archived_once() {
    let (_folder, archive) = with_runs(&["run-0"]);
    let error = archive.save(&sample::report("run-0", 9), &manifest()).unwrap_err();
    assert_eq!(error.problem, Problem::AlreadyArchived("run-0".into()));
    assert_eq!(archive.report("run-0").unwrap(), sample::report("run-0", 0), "the first one stays");
}

#[test]
fn a_report_that_json_cannot_hold_is_refused_whole() {
    let (_folder, archive) = empty();
    let mut report = sample::report("run-0", 0);
    report.cpu.user_s = f64::NAN;
    let error = archive.save(&report, &manifest()).unwrap_err();
    assert!(matches!(error.problem, Problem::NotWhole(_)), "{error}");
    assert!(archive.list(&Filter::default()).unwrap().is_empty());
}

#[test]
fn threads_that_save_at_the_same_time_lose_nothing() {
    const THREADS: u64 = 8;
    const RUNS: u64 = 5;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("not/there/yet/archive.db");
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let path = &path;
            scope.spawn(move || {
                for run in 0..RUNS {
                    let archive = Archive::open(path).unwrap();
                    let report = sample::report(&format!("run-{thread}-{run}"), thread * RUNS + run);
                    archive.save(&report, &Manifest::default()).unwrap();
                }
            });
        }
    });
    let archive = Archive::open_read_only(&path).unwrap();
    assert_eq!(archive.list(&Filter::default()).unwrap().len() as u64, THREADS * RUNS);
    for (thread, run) in (0..THREADS).flat_map(|thread| (0..RUNS).map(move |run| (thread, run))) {
        let run_id = format!("run-{thread}-{run}");
        assert_eq!(archive.report(&run_id).unwrap(), sample::report(&run_id, thread * RUNS + run));
    }
}

#[test]
fn an_archive_that_another_holds_is_told_after_a_while() {
    let (_folder, archive) = with_runs(&["run-0"]);
    let other = rusqlite::Connection::open(archive.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let impatient = Archive::open_within(archive.path(), Duration::from_millis(50)).unwrap();
    assert_eq!(impatient.tag("run-0", "x").unwrap_err().problem, Problem::Locked);
    assert_eq!(impatient.list(&Filter::default()).unwrap().len(), 1, "reading waits for no one");
    other.execute_batch("ROLLBACK").unwrap();
    impatient.tag("run-0", "x").unwrap();
}

#[test]
fn pruning_takes_what_is_old_and_held_by_nothing() {
    let day = |day: u32| Some(new_year() + DAY * day);
    let keep = |keep| PruneRule { keep, ..PruneRule::default() };
    let older_than = |older_than| PruneRule { older_than, ..PruneRule::default() };
    let table: [(PruneRule, &[&str]); 8] = [
        (keep(5), &[]),
        (keep(9), &[]),
        (keep(2), &["run-0"]),
        (PruneRule { takes_held: true, ..keep(2) }, &["run-2", "run-1", "run-0"]),
        (older_than(day(0)), &[]),
        (older_than(day(4)), &["run-3", "run-0"]),
        (PruneRule { keep: 2, ..older_than(day(9)) }, &["run-0"]),
        (
            PruneRule { keep: 0, older_than: day(9), takes_held: true },
            &["run-4", "run-3", "run-2", "run-1", "run-0"],
        ),
    ];
    for (rule, expected) in table {
        let (_folder, archive) = with_runs(&["run-0", "run-1", "run-2", "run-3", "run-4"]);
        archive.tag("run-1", "release").unwrap();
        archive.set_baseline("main", &["run-2"]).unwrap();
        assert_eq!(ids(&archive.prunable(&rule).unwrap()), expected, "{rule:?}");
        assert_eq!(archive.list(&Filter::default()).unwrap().len(), 5, "asking removes nothing");
        assert_eq!(ids(&archive.prune(&rule).unwrap()), expected, "{rule:?}");
        let left = archive.list(&Filter::default()).unwrap();
        assert_eq!(left.len(), 5 - expected.len(), "{rule:?}");
        left.iter().for_each(|entry| drop(archive.report(&entry.run_id).unwrap()));
    }
}

#[test]
fn pruning_leaves_nothing_behind_and_gives_its_space_back() {
    let (_folder, archive) = with_runs(&["run-0", "run-1", "run-2", "run-3"]);
    archive.tag("run-0", "x").unwrap();
    archive.set_baseline("main", &["run-1"]).unwrap();
    archive.prune(&PruneRule { takes_held: true, ..PruneRule::default() }).unwrap();
    let other = rusqlite::Connection::open(archive.path()).unwrap();
    for table in ["runs", "slices", "pass_slices", "traces", "tags", "baselines"] {
        let rows: i64 =
            other.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0, "{table}");
    }
    let free: i64 = other.pragma_query_value(None, "freelist_count", |row| row.get(0)).unwrap();
    assert_eq!(free, 0);
}

fn any_time_s() -> impl Strategy<Value = f64> {
    prop_oneof![0.0..1e9_f64, proptest::num::f64::POSITIVE | proptest::num::f64::NORMAL]
}

prop_compose! {
    fn any_part()(counts in any::<[u64; 4]>(), response_hdr in any_hdr(), passes in any_passes()) -> ScenarioSlice {
        let [ok, failed, dropped, withheld] = counts;
        ScenarioSlice { ok, failed, dropped, withheld, response_hdr, passes }
    }
}

prop_compose! {
    fn any_pass()(ok in any::<u64>(), failed in any::<u64>(), iteration_hdr in any_hdr(), duration_hdr in any_hdr()) -> PassSlice {
        PassSlice { ok, failed, iteration_hdr, duration_hdr }
    }
}

fn any_passes() -> impl Strategy<Value = Vec<PassSlice>> {
    proptest::collection::vec(any_pass(), 0..3)
}

fn any_hdr() -> impl Strategy<Value = String> {
    prop_oneof![".{0,20}", "([A-Za-z0-9+/]{4}){0,8}", Just("AB==".to_owned())]
}

prop_compose! {
    fn any_slice()(
        counts in any::<[u64; 7]>(),
        phase in prop_oneof![Just(Phase::Warmup), Just(Phase::Measure), Just(Phase::Drain)],
        response_hdr in any_hdr(),
        passes in any_passes(),
        scenarios in proptest::collection::vec(any_part(), 0..4),
    ) -> Slice {
        let [from_ns, to_ns, ok, failed, dropped, withheld, cpu_ns] = counts;
        Slice { from_ns, to_ns, phase, ok, failed, dropped, withheld, cpu_ns, response_hdr, passes, scenarios }
    }
}

prop_compose! {
    fn any_slow_request()(
        scenario in proptest::option::of(".{0,8}"), step in ".{0,12}", status in any::<Option<u16>>(), error in proptest::option::of("[a-z]{1,9}"),
        intended_s in any_time_s(), times in any::<[u64; 3]>(), shard in any::<u32>(),
    ) -> SlowRequest {
        let [response_ns, service_ns, slip_ns] = times;
        SlowRequest { scenario, step, status, error, intended_s, response_ns, service_ns, slip_ns, shard }
    }
}

#[test]
fn any_history_and_any_slow_requests_come_back_equal_to_the_byte() {
    let (_folder, archive) = empty();
    let number = Cell::new(0);
    let any = (
        proptest::collection::vec(any_slice(), 0..20),
        proptest::collection::vec(any_slow_request(), 0..17),
        ".{0,20}",
        any_time_s(),
    );
    let result = TestRunner::default().run(&any, |(history, slowest, name, window_s)| {
        let run_id = format!("run-{}", number.replace(number.get() + 1));
        let mut report = sample::report(&run_id, 0);
        (report.history, report.slowest, report.window_s) = (history, slowest, window_s);
        report.plan = report.plan.changed(|plan| plan.name = name).unwrap();
        archive.save(&report, &manifest()).unwrap();
        let again = archive.report(&run_id).unwrap();
        prop_assert_eq!(serde_json::to_string(&again).unwrap(), serde_json::to_string(&report).unwrap());
        Ok(())
    });
    result.unwrap();
}
