//! Made-up reports, for the tests of what reads reports. No part of the product.

use crate::config::{Document, Format, Layers};
use crate::distribution::Distribution;
use crate::history::Slice;
use crate::outcome::{Kind, Outcome};
use crate::phase::Phase;
use crate::plan::Plan;
use crate::random::Random;
use crate::record::{Instants, Recorder, Snapshot};
use crate::report::{Identity, MachineFacts, Measured, Report};
use crate::statistics::student::normal;

/// A plan of a closed loop.
pub(crate) const CLOSED: &str = "url = 'h'\n[run]\nduration = '10s'";
/// A plan with a rate.
pub(crate) const OPEN: &str = "url = 'h'\n[run]\nduration = '1s'\n[load]\nrate = 1000";

/// A report of a made-up run: response times and failures of each slice of 100 ms.
pub(crate) fn report(id: &str, plan: &str, slices: &[(Vec<u64>, u64)]) -> Report {
    let document = Document { name: "p".into(), text: plan.into(), format: Format::Toml };
    let config =
        Layers::new(Some(document)).expect("made up to be read").config().expect("made up to be read");
    let plan = Plan::new(&config, &|_| Err(String::new())).expect("made up to be valid");
    let mut recorder = Recorder::new(0, &plan.layout(), plan.phases);
    let mut history = Vec::new();
    for (index, (responses, failed)) in slices.iter().enumerate() {
        let from_ns = index as u64 * 100_000_000;
        let mut response = Distribution::new();
        for ns in responses {
            response.record(*ns);
            let instants = Instants { intended: from_ns, sent: from_ns, done: from_ns + ns };
            recorder.sent(0, from_ns, from_ns, 1);
            recorder.done(0, Outcome::Ok(200), instants, 0, 1);
        }
        let lost = Instants { intended: from_ns, sent: from_ns, done: from_ns + 1 };
        (0..*failed).for_each(|_| recorder.done(0, Outcome::Failed(Kind::Eof), lost, 0, 0));
        history.push(Slice {
            from_ns,
            to_ns: from_ns + 100_000_000,
            phase: Phase::Measure,
            ok: responses.len() as u64,
            failed: *failed,
            dropped: 0,
            withheld: 0,
            cpu_ns: 5_000 * responses.len() as u64,
            response_hdr: response.encode(),
            passes: Vec::new(),
            scenarios: Vec::new(),
        });
    }
    recorder.settle(true);
    let mut snapshot = Snapshot::new(1, &plan.layout(), plan.phases);
    snapshot.absorb(&recorder);
    let facts = MachineFacts { connections_open: 64, cores: vec![0], ..MachineFacts::default() };
    let identity = Identity { run_id: id.into(), started_at: "t".into() };
    Report::new(&plan, &Measured { facts, ..Measured::of(snapshot, history) }, identity)
}

/// Lognormal response times around 1 ms, times a factor.
pub(crate) fn slices(seed: u64, count: usize, requests: usize, factor: f64) -> Vec<(Vec<u64>, u64)> {
    let mut random = Random::new(seed, 2);
    let mut draw = || ((0.5 * normal(&mut random)).exp() * factor * 1e6) as u64;
    (0..count).map(|_| ((0..requests).map(|_| draw()).collect(), 0)).collect()
}
