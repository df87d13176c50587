//! Conditions on named flows as probes are judged by them: by the steps that are theirs, whatever these are called.

use super::judge;
use crate::config::{Document, Format, Layers};
use crate::outcome::{Kind, Outcome};
use crate::plan::Plan;
use crate::quantity::MILLISECOND_NS;
use crate::record::{Instants, LookedExamples, LookedFor, LookedResponse, Recorder, Snapshot};
use crate::report::{Identity, MachineFacts, Measured, Report};
use crate::search::ProbeOutcome;
use crate::threshold::{Metric, Threshold};

struct Told;

impl LookedExamples for Told {
    fn example(&self, _: LookedFor) -> String {
        "200".to_owned()
    }
}

/// A run of flows with these names, each of one request that is called like all others, of which one alone fails: its requests if it is
/// even, and its checks if it is odd.
fn report(names: &[String], failing: usize) -> Report {
    let flows = names.iter().map(|name| format!("[[flow.{name}]]\nget = '/x'\ncheck = 'status == 200'\n"));
    let text = format!(
        "url = 'http://h/'\n[run]\nduration = '5s'\n[scenario.all]\nload = {{ rate = 1000 }}\nflow = {names:?}\n{}",
        flows.collect::<String>()
    );
    let document = Document { name: "p".into(), text, format: Format::Toml };
    let config = Layers::new(Some(document)).unwrap().config().unwrap();
    let plan = Plan::new(&config, &|_| Err(String::new())).unwrap();
    let mut recorder = Recorder::new(0, &plan.layout(), plan.phases);
    (recorder.from_ns, recorder.to_ns) = (plan.phases.measure_from_ns, plan.phases.measure_to_ns);
    for n in 0..1_000 {
        let intended = plan.phases.measure_from_ns + n * MILLISECOND_NS;
        let instants = Instants { intended, sent: intended, done: intended + MILLISECOND_NS };
        for series in 0..names.len() {
            recorder.sent(series, intended, intended, 1);
            let (is_failed, is_held) = (series == failing && failing.is_multiple_of(2), series != failing);
            let outcome = if is_failed { Outcome::Failed(Kind::Status) } else { Outcome::Ok(200) };
            recorder.done(series, outcome, instants, 0, 1);
            let checks = &[is_held][..];
            let looked =
                LookedResponse { checks, extracts: &[], redirect: None, blamed: None, examples: &Told };
            recorder.looked(series, instants, &looked, !is_failed);
        }
    }
    recorder.settle(true);
    let mut snapshot = Snapshot::new(1, &plan.layout(), plan.phases);
    snapshot.absorb(&recorder);
    let facts = MachineFacts { connections_open: 64, cores: vec![0], ..MachineFacts::default() };
    let identity = Identity { run_id: "r".into(), started_at: "t".into() };
    Report::new(&plan, &Measured { facts, ..Measured::of(snapshot, Vec::new()) }, identity)
}

fn figures(report: &Report, conditions: &str) -> Vec<String> {
    let conditions = Threshold::parse_list(conditions).unwrap();
    let each = conditions.iter().map(|condition| {
        match super::judge_conditions(report, Vec::new(), &[condition], 0.95) {
            ProbeOutcome::Pass => "met".to_owned(),
            ProbeOutcome::Fail(why) => format!("broken: {why}"),
            other => format!("{:?} is neither: {other:?}", condition.metric),
        }
    });
    each.collect()
}

#[test]
fn a_flow_is_judged_by_its_own_requests_and_checks_though_others_are_called_the_same() {
    let names = ["a".to_owned(), "b".to_owned()];
    let outcomes = figures(&report(&names, 0), "failed{flow=b}<1%, failed{flow=a}<1%");
    assert!(outcomes[0] == "met" && outcomes[1].starts_with("broken"), "{outcomes:?}");
    let outcomes = figures(&report(&names, 1), "checks{flow=a}>99%, checks{flow=b}>99%");
    assert!(outcomes[0] == "met" && outcomes[1].starts_with("broken"), "{outcomes:?}");
}

#[test]
fn flows_whose_times_are_not_recorded_have_requests_to_judge() {
    let names: Vec<String> = (1..=34).map(|number| format!("f{number}")).collect();
    let report = report(&names, 32);
    assert!(report.scenarios[0].flows.iter().all(|flow| flow.name != "f33"));
    let outcomes = figures(&report, "response{flow=f34} p(99)<1s, failed{flow=f34}<1%, failed{flow=f33}<1%");
    assert!(outcomes[..2].iter().all(|outcome| outcome == "met"), "{outcomes:?}");
    assert!(outcomes[2].starts_with("broken"), "{outcomes:?}");
    let of_flow = Threshold::parse_list("failed{flow=f33}<1%").unwrap();
    assert_eq!(of_flow[0].metric, Metric::Failed);
    assert!(!matches!(judge(&report, None, &of_flow, 0.95), ProbeOutcome::Pass));
}
