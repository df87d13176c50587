//! What every output looks like, held by files in `tests/golden`, at 80 and at 140 columns. `UPDATE_GOLDEN=1 cargo test --bin vajra golden` writes
//! them anew; the change is then read like any other. No part of the product.

use crate::commands::check;
use crate::output::screen::Screen;
use crate::output::{archive_text, comparison_text, progress, text};
use engine::breaker::BreakerCounts;
use engine::bucket::Tally;
use engine::compare::{Options, compare};
use engine::config::{Document, Format, Layers};
use engine::history::History;
use engine::orders::Orders;
use engine::outcome::{Kind, Outcome};
use engine::plan::Plan;
use engine::random::Random;
use engine::record::{Instants, Recorder, Snapshot};
use engine::report::{Identity, MachineFacts, Measured, Report, RequestAttempts};
use engine::until::UntilOutcome;
use std::path::{Path, PathBuf};
use textwrap::core::display_width;

const WIDTHS: [usize; 2] = [80, 140];
const SLICE_NS: u64 = 100_000_000;
const OPEN: &str = "name = 'checkout'\nurl = 'http://10.0.0.2:8080/items'\n[run]\nduration = '4s'\nwarmup = '1s'\n\
                    [load]\nrate = 1000\n[thresholds]\nresponse = 'p(99)<50ms'\nfailed = 'rate<1%'\n";
const CLOSED: &str = "name = 'checkout'\nurl = 'http://10.0.0.2:8080/items'\n[run]\nduration = '4s'\n";
const SEVERAL: &str = "name = 'shop'\n[run]\nduration = '4s'\n[target.api]\nurl = 'http://10.0.0.2:8080'\n\
    [scenario.read]\ntarget = 'api'\nload = { rate = 900, arrivals = 'poisson' }\n\
    [[scenario.read.request]]\nget = '/items/{{rand 1 100000}}'\nweight = 9\n\
    [[scenario.read.request]]\nget = '/search?q=a-rather-long-query-that-nobody-would-like-to-read-in-a-table'\n\
    [scenario.write]\ntarget = 'api'\nload = { rate = 100 }\n[[scenario.write.request]]\npost = '/items'\n";

/// Compares an output with its files, and every line of it with the rules that hold for all.
pub(crate) fn holds(name: &str, show: impl Fn(&Screen) -> String) {
    for width in WIDTHS {
        let shown = show(&Screen::plain(width));
        for line in shown.lines() {
            assert!(display_width(line) <= width, "{name}: wider than {width}: {line}");
            assert_tidy(name, line);
        }
        let path = folder().join(format!("{name}.{width}.txt"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(folder()).unwrap();
            std::fs::write(&path, &shown).unwrap();
        }
        let held = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(held == shown, "{} differs; UPDATE_GOLDEN=1 writes it anew:\n{shown}", path.display());
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// No digits that arithmetic left behind, and no figure at the end of a sentence without a unit.
fn assert_tidy(name: &str, line: &str) {
    for word in line.split(|c: char| !c.is_ascii_digit() && c != '.') {
        let decimals = word.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        assert!(decimals <= 6, "{name}: {word} has more digits than it needs: {line}");
    }
    assert!(!line.ends_with(' '), "{name}: blanks at the end: {line}");
    for plural in ["1 shards", "1 runs", "1 slices", "1 requests", "p9999", "p999 "] {
        assert!(!format!(" {line}").contains(&format!(" {plural}")), "{name}: {plural}: {line}");
    }
}

/// What happens in a made-up run.
struct World {
    plan: &'static str,
    seed: u64,
    /// Times on top of which response times lie.
    base_ns: u64,
    /// One request in so many fails; 0: none.
    one_fails_in: u64,
    /// One arrival in so many is dropped, or never sent; 0: none.
    one_dropped_in: u64,
    one_unsent_in: u64,
    /// How late sending is, on its own account.
    lag_ns: u64,
    /// When it is stopped.
    ended_ns: Option<u64>,
}

const CALM: World = World {
    plan: OPEN,
    seed: 1,
    base_ns: 800_000,
    one_fails_in: 0,
    one_dropped_in: 0,
    one_unsent_in: 0,
    lag_ns: 900,
    ended_ns: None,
};

fn plan(text: &str) -> Plan {
    let document = Document { name: "plan.toml".into(), text: text.into(), format: Format::Toml };
    Plan::new(&Layers::new(Some(document)).unwrap().config().unwrap(), &|_| Err(String::new())).unwrap()
}

impl World {
    fn slice(&self, plan: &Plan, index: u64, random: &mut Random) -> Snapshot {
        let mut recorder = Recorder::new(0, &plan.layout(), plan.phases);
        (recorder.from_ns, recorder.to_ns) = (index * SLICE_NS, (index + 1) * SLICE_NS);
        recorder.ended_ns = self.ended_ns.filter(|ended_ns| *ended_ns <= recorder.to_ns);
        let steps = plan.steps().count() as u64;
        for n in 0..100 {
            let number = index * 100 + n + 1;
            let is_one = |every: u64| every > 0 && number.is_multiple_of(every);
            if is_one(self.one_dropped_in) || is_one(self.one_unsent_in) {
                continue;
            }
            let intended = recorder.from_ns + n * SLICE_NS / 100;
            let sent = intended + random.between(0, self.lag_ns);
            let tail = random.between(1, 1_000).pow(2) * random.between(1, 20);
            let instants = Instants { intended, sent, done: sent + self.base_ns + tail };
            // Of several, one in ten is of the second scenario, as its rate has it.
            let series = match n % 10 {
                _ if steps == 1 => 0,
                9 => 2,
                0 => 1,
                _ => 0,
            };
            let outcome = match self.one_fails_in {
                0 => Outcome::Ok(200),
                every if number.is_multiple_of(5 * every) => Outcome::Failed(Kind::Timeout),
                every if number.is_multiple_of(every) => Outcome::Refused(503),
                _ => Outcome::Ok(200),
            };
            recorder.sent(series, intended, sent, 120);
            recorder.done(series, outcome, instants, sent - intended, 4_096);
        }
        recorder.settle(plan.phases.measure_from_ns <= index * SLICE_NS);
        let mut snapshot = Snapshot::new(1, &plan.layout(), plan.phases);
        snapshot.absorb(&recorder);
        snapshot
    }

    fn measured(&self, plan: &Plan) -> Measured {
        let mut random = Random::new(self.seed, 0);
        let mut whole = Snapshot::new(1, &plan.layout(), plan.phases);
        let mut history = History::default();
        let length_ns = self.ended_ns.unwrap_or(plan.phases.measure_to_ns);
        for index in 0..length_ns / SLICE_NS {
            let snapshot = self.slice(plan, index, &mut random);
            whole.merge(&snapshot);
            history.push(&snapshot);
        }
        let lost = |every: u64| {
            let before = |ns: u64| (ns / SLICE_NS * 100).checked_div(every).unwrap_or(0);
            let outside = before(plan.phases.measure_from_ns);
            Tally { measured: before(length_ns) - outside, outside }
        };
        let (dropped, unsent) = (lost(self.one_dropped_in), lost(self.one_unsent_in));
        let own_share = if unsent.measured > 0 { 1.0 } else { 0.0 };
        whole.requests.scenarios[0].count_unreleased(dropped, unsent, own_share);
        let facts = MachineFacts {
            connections_open: u64::from(plan.connections()),
            cores: vec![1],
            cores_allowed: 2,
            run_s: 4.0,
            resident_bytes_max: 13 << 20,
            ..MachineFacts::default()
        };
        Measured { facts, ..Measured::of(whole, history.into_slices()) }
    }

    fn report(&self, id: &str) -> Report {
        let plan = plan(self.plan);
        let identity = Identity {
            run_id: format!("{id}-2fa1-41d2-883f-0016d3cca427"),
            started_at: "2026-11-28T05:24:26.123456Z".into(),
        };
        Report::new(&plan, &self.measured(&plan), identity)
    }
}

#[test]
fn golden_reports_of_runs() {
    let shown = |name: &str, report: Report| holds(name, |screen| text::report(&report, screen));
    shown("run-open", CALM.report("1b4e28ba"));
    shown("run-closed", World { plan: CLOSED, ..CALM }.report("1b4e28bb"));
    shown("run-failing", World { one_fails_in: 7, one_dropped_in: 30, ..CALM }.report("1b4e28bc"));
    shown("run-invalid", World { lag_ns: 90_000_000, one_unsent_in: 4, ..CALM }.report("1b4e28bd"));
    shown("run-interrupted", World { ended_ns: Some(2_500_000_000), ..CALM }.report("1b4e28be"));
    shown("run-scenarios", World { plan: SEVERAL, one_fails_in: 50, ..CALM }.report("1b4e28bf"));
    let mut report = CALM.report("1b4e28c0");
    report.until = Some(UntilOutcome {
        goal: "p99 ± 0.5%".into(),
        reached: false,
        estimate: Some(12_345_678.9),
        low: Some(12_000_000.0),
        high: Some(12_700_000.0),
        half_width: Some(0.028_349),
        confidence: 0.95,
        checks: 3,
        obstacle: None,
        given_up: true,
        needed_s: Some(4_100.0),
    });
    shown("run-until", report);
    let mut report = World { plan: SEVERAL, ..CALM }.report("1b4e28c1");
    report.requests.withheld = 1_234;
    report.scenarios[0].attempts =
        Some(RequestAttempts { made: 12_345, further: 678, ratio: 1.058_1, ..RequestAttempts::default() });
    report.scenarios[1].breaker =
        Some(BreakerCounts { openings: 1_003, half_openings: 1_002, closings: 1_001, rejections: 45_678 });
    shown("run-resilient", report);
}

#[test]
fn golden_comparisons_and_gates() {
    let (base, slower) = (CALM, World { seed: 2, base_ns: 1_400_000, ..CALM });
    let comparison =
        compare(&[base.report("1b4e28ba")], &[slower.report("1b4e28bb")], &Options::default()).unwrap();
    holds("compare", |screen| comparison_text::plain(&comparison, None, screen));
    let same = World { seed: 3, ..CALM };
    let runs = |world: &World| {
        [("1b4e28c1", 4), ("1b4e28c2", 5), ("1b4e28c3", 6)]
            .map(|(id, seed)| World { seed: seed + world.seed, ..*world }.report(id))
    };
    for (name, candidate) in [("gate-passed", &same), ("gate-regressed", &slower)] {
        let comparison = compare(&runs(&base), &runs(candidate), &Options::default()).unwrap();
        let regression = comparison.regression(0.05);
        holds(name, |screen| comparison_text::plain(&comparison, Some(&regression), screen));
    }
    let several = World { plan: SEVERAL, ..CALM };
    let comparison =
        compare(&[several.report("1b4e28ba")], &[several.report("1b4e28bb")], &Options::default()).unwrap();
    holds("compare-scenarios", |screen| comparison_text::plain(&comparison, None, screen));
}

#[test]
fn golden_progress() {
    let plan_with_goal = format!("{OPEN}\n").replace("warmup", "until = 'p99 ± 2%'\nwarmup");
    for (name, text, world) in [
        ("progress-open", OPEN, CALM),
        ("progress-closed", CLOSED, CALM),
        ("progress-failing", OPEN, World { one_fails_in: 3, ..CALM }),
        ("progress-until", plan_with_goal.as_str(), World { one_fails_in: 9, ..CALM }),
    ] {
        let plan = plan(text);
        holds(name, |screen| {
            let (mut random, mut frame) =
                (Random::new(1, 0), progress::Frame::new(&plan, &Orders::default(), *screen));
            let mut lines = String::new();
            for second in 0..plan.phases.measure_to_ns / (10 * SLICE_NS) {
                let mut whole = Snapshot::new(1, &plan.layout(), plan.phases);
                (10 * second..10 * second + 10)
                    .for_each(|slice| whole.merge(&world.slice(&plan, slice, &mut random)));
                whole.goal = plan.until.as_ref().map(|goal| engine::until::GoalProgress {
                    goal: goal.text.clone(),
                    estimate_ns: (second > 1).then_some(18_123_456.0),
                    half_width: (second > 1).then_some(0.081),
                    needed_s: (second > 1).then_some(48.0),
                });
                lines.push_str(&format!("{}\n", frame.line(&whole)));
            }
            let failed = world.one_fails_in > 0;
            assert_eq!(lines.lines().all(|line| line.contains(" failed")), failed, "{lines}");
            lines
        });
    }
}

#[test]
fn golden_checks() {
    use shards::preflight::{Check, Grade};
    let check_of = |name, grade, found: &str, fix: &str| Check {
        name,
        grade,
        found: found.into(),
        fix: fix.into(),
        is_of_target: false,
    };
    let checks = [
        check_of("kernel", Grade::Pass, "Linux 6.12, io_uring with all that Vajra uses", ""),
        check_of(
            "descriptors",
            Grade::Warn,
            "1,024 open files are allowed, and this plan needs 2,100",
            "raise it with `ulimit -n 4096`, or LimitNOFILE= in a unit of systemd",
        ),
        check_of(
            "request",
            Grade::Fail,
            "GET /items of `http://10.0.0.2:8080/items` was answered with status 404 within 1.20 ms",
            "fix the path, or go on with --force",
        ),
        check_of(
            "capacity",
            Grade::Skip,
            "this machine has not been calibrated",
            "`vajra calibrate --quick` takes some seconds",
        ),
    ];
    holds("check", |screen| checks.iter().map(|one| check::show(one, screen)).collect());
}

#[test]
fn golden_lists_of_the_archive() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive::Archive::open(&folder.path().join("archive.db")).unwrap();
    let worlds = [
        ("1b4e28ba-2fa1-41d2-883f-0016d3cca421", CALM),
        ("2b4e28ba-2fa1-41d2-883f-0016d3cca422", World { one_fails_in: 7, one_dropped_in: 30, ..CALM }),
        ("3b4e28ba-2fa1-41d2-883f-0016d3cca423", World { plan: SEVERAL, ..CALM }),
    ];
    for (index, (id, world)) in worlds.iter().enumerate() {
        let mut report = world.report("x");
        report.run_id = (*id).into();
        report.started_at = format!("2026-11-28T05:24:2{index}.123456Z");
        let ended = std::time::UNIX_EPOCH;
        archive.save(&report, &crate::commands::archive::manifest(ended, &report)).unwrap();
    }
    archive.tag(worlds[0].0, "nightly").unwrap();
    archive.tag(worlds[1].0, "release/2026-11-with-a-long-name").unwrap();
    let entries = archive.list(&archive::Filter::default()).unwrap();
    holds("archive-list", |screen| archive_text::list(&entries, screen));
    let slowest = worlds[1].1.report("x").slowest;
    holds("archive-slowest", |screen| archive_text::slowest(&slowest[..4], screen));
}
