//! Reports to be archived: made by the engine, as those of runs are.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use engine::config::{Document, Format, Layers};
use engine::history::{History, ScenarioSlice};
use engine::outcome::{Kind, Outcome};
use engine::pass_slice::PassSlice;
use engine::plan::Plan;
use engine::random::Random;
use engine::record::{Instants, Recorder, Snapshot};
use engine::report::{Identity, MachineFacts, Measured, Report};
use std::sync::OnceLock;

const SLICES: u64 = 20;
const SLICE_NS: u64 = 100_000_000;
const REQUESTS_PER_SLICE: u64 = 50;

/// The report of a run with two kinds of request, successes, refusals and timeouts; it began `started_s` seconds into 2026.
/// Runs that began at different times have different figures.
pub(crate) fn report(run_id: &str, started_s: u64) -> Report {
    static MADE: OnceLock<Report> = OnceLock::new();
    let mut report = MADE.get_or_init(make).clone();
    let (day, rest) = (1 + started_s / 86_400, started_s % 86_400);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    report.run_id = run_id.into();
    report.started_at = format!("2026-01-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
    let figure = started_s as f64 / 7.0;
    (report.rate.achieved, report.slowest[3].intended_s) = (figure, figure);
    (report.history[5].ok, report.requests.sent) = (started_s, started_s);
    // What loads that are lowered have, flows, and several scenarios.
    let response_hdr = report.history[5].response_hdr.clone();
    let pass =
        PassSlice { ok: 7, failed: 2, iteration_hdr: response_hdr.clone(), duration_hdr: String::new() };
    let thinking = PassSlice { duration_hdr: report.history[6].response_hdr.clone(), ..pass.clone() };
    let part = ScenarioSlice {
        ok: 3,
        failed: 1,
        dropped: 4,
        withheld: 5,
        response_hdr,
        passes: vec![thinking.clone()],
    };
    (report.history[7].withheld, report.history[7].passes) = (3, vec![pass, thinking]);
    report.history[8].scenarios = vec![part.clone(), ScenarioSlice { passes: Vec::new(), ..part }];
    report
}

fn make() -> Report {
    let text = "name = 'sample'\nurl = 'http://h/'\n[run]\nduration = '2s'\nshards = 2\n[load]\nrate = 500\n\
                [thresholds]\nresponse = 'p(99)<1s'\n[[request]]\npath = '/a'\n[[request]]\npath = '/b'\n";
    let document = Document { name: "sample".into(), text: text.into(), format: Format::Toml };
    let config = Layers::new(Some(document)).unwrap().config().unwrap();
    let plan = Plan::new(&config, &|_| Err(String::new())).unwrap();
    let mut random = Random::new(1, 0);
    let (mut whole, mut history) = (Snapshot::new(2, &plan.layout(), plan.phases), History::default());
    for slice in 0..SLICES {
        let snapshot = slice_of(&plan, slice, &mut random);
        whole.merge(&snapshot);
        history.push(&snapshot);
    }
    let facts = MachineFacts { connections_open: 64, cores: vec![0, 1], ..MachineFacts::default() };
    let identity = Identity { run_id: String::new(), started_at: String::new() };
    let measured = Measured { facts, ..Measured::of(whole, history.slices().to_vec()) };
    Report::new(&plan, &measured, identity)
}

fn slice_of(plan: &Plan, slice: u64, random: &mut Random) -> Snapshot {
    let mut snapshot = Snapshot::new(2, &plan.layout(), plan.phases);
    for shard in 0..2 {
        let mut recorder = Recorder::new(shard, &plan.layout(), plan.phases);
        (recorder.from_ns, recorder.to_ns) = (slice * SLICE_NS, (slice + 1) * SLICE_NS);
        for request in 0..REQUESTS_PER_SLICE / 2 {
            let intended = recorder.from_ns + (2 * request + shard as u64) * SLICE_NS / REQUESTS_PER_SLICE;
            let sent = intended + random.between(100, 5_000);
            let instants = Instants { intended, sent, done: sent + random.between(50_000, 5_000_000) };
            let outcome = match random.between(0, 19) {
                0 => Outcome::Failed(Kind::Timeout),
                1 => Outcome::Refused(503),
                _ => Outcome::Ok(200),
            };
            let series = random.between(0, 1) as usize;
            recorder.sent(series, intended, sent, 100);
            recorder.done(series, outcome, instants, sent - intended, 250);
        }
        recorder.settle(true);
        snapshot.absorb(&recorder);
    }
    snapshot
}
