//! Named flows in virtual time: what is entered is left, on any number of shards, and the times of the parts are those of the whole.

use super::worlds::{plan, report, run, seeds};
use engine::bucket::Tally;
use engine::plan::Plan;
use engine::quantity::MILLISECOND_NS;
use engine::record::IterationRecord;
use engine::report::{FlowReport, Report};
use shards::simulation::SimulationResult;
use shards::simulation::world::{Faults, Service, SimulatedServer, World};

const FLOWS: &str = "[[flow.login]]\nget = '/session'\nthink = '20ms'\n\
    [[flow.ticket]]\nget = '/next'\nthink = 'exp:10ms'\n[[flow.ticket]]\nrun = 'answer'\nchance = '60%'\n\
    [[flow.answer]]\nget = '/answer'\non_failure = 'continue'\nthink = '5ms'\n[[flow.answer]]\nget = '/close'\n\
    [[flow.logout]]\nget = '/leave'\nalways = true\n";
const NAMES: [&str; 4] = ["login", "ticket", "answer", "logout"];

fn agents(run: &str, load: &str) -> Plan {
    plan(&format!(
        "{run}\n[scenario.agents]\nflow = ['login', 'ticket*1..3', 'logout']\nload = {{ {load} }}\n{FLOWS}"
    ))
}

fn reported(plan: &Plan, world: &World, seed: u64) -> (SimulationResult, Report) {
    let outcome = run(plan, world, seed);
    let report = report(plan, &outcome);
    (outcome, report)
}

fn flows(report: &Report) -> &[FlowReport] {
    let flows = &report.scenarios[0].flows;
    assert_eq!(flows.iter().map(|flow| flow.name.as_str()).collect::<Vec<_>>(), NAMES);
    flows
}

#[test]
fn what_is_entered_is_left_whatever_fails_and_whenever_the_run_ends() {
    let mut seen = [0; 3];
    for seed in seeds(60) {
        let run = format!(
            "shards = {}\nseed = {seed}\nduration = '1s'\nwarmup = '{}ms'\nconnections = {}\ntimeout = '60ms'\ngraceful = '{}ms'",
            1 + seed % 3,
            100 * (seed % 3),
            6 + 10 * (seed % 2),
            30 * (seed % 4),
        );
        let plan = agents(&run, "rate = 120, arrivals = 'poisson'");
        let world = World {
            server: SimulatedServer {
                service: Service::Exponential(12 * MILLISECOND_NS),
                down: (seed % 4 == 1).then_some((400 * MILLISECOND_NS, 600 * MILLISECOND_NS)),
                ..SimulatedServer::default()
            },
            faults: Faults { refused_ppm: 50_000, ..Faults::default() },
            ..World::default()
        };
        let (outcome, report) = reported(&plan, &world, seed);
        for (record, flow) in outcome.snapshot.requests.flows_of(0).iter().zip(flows(&report)) {
            let IterationRecord { begun, ok, failed, unfinished, waited, lasted, .. } = record;
            let ended = ok.measured + failed.measured + unfinished.measured;
            assert_eq!(begun.measured, ended, "seed {seed}, {}", flow.name);
            let outside = ok.outside + failed.outside + unfinished.outside;
            assert_eq!(begun.outside, outside, "seed {seed}, {}", flow.name);
            assert_eq!((waited.count(), lasted.count()), (ok.measured, ok.measured), "seed {seed}");
            assert_eq!((flow.entered, flow.ok), (begun.measured, ok.measured), "seed {seed}");
            seen = [seen[0] + flow.ok, seen[1] + flow.failed, seen[2] + flow.unfinished];
        }
        let of = |record: &IterationRecord| record.begun.measured + record.begun.outside;
        let [login, ticket, answer, logout] = outcome.snapshot.requests.flows_of(0) else {
            panic!("there are four")
        };
        let all = outcome.snapshot.requests.iterations[0].as_ref().unwrap();
        assert!(of(login) <= of(all) && of(logout) <= of(login), "seed {seed}: each once at the most");
        assert!(of(answer) <= of(ticket) && of(ticket) <= 3 * of(login), "seed {seed}");
        // Of each flow, what its own steps are: each request was one of a step.
        let sent: Vec<u64> =
            (0..5).map(|step| outcome.snapshot.requests.steps_of(0).nth(step).unwrap().sent).collect();
        assert!(sent[1] <= of(ticket) && sent[2] <= of(answer), "seed {seed}: {sent:?}");
    }
    assert!(seen.iter().all(|count| *count > 100), "it says nothing of what never happened: {seen:?}");
}

#[test]
fn the_shards_of_a_run_make_one_record_of_each_flow() {
    let figures = |shards: u32| {
        let run = format!("shards = {shards}\nseed = 5\nduration = '2s'\nconnections = 60");
        let plan = agents(&run, "rate = 100");
        let server =
            SimulatedServer { service: Service::Fixed(7 * MILLISECOND_NS), ..SimulatedServer::default() };
        let (outcome, _) = reported(&plan, &World { server, ..World::default() }, 1);
        let all = |tally: Tally| tally.measured + tally.outside;
        let of = |record: &IterationRecord| {
            (all(record.begun), all(record.ok), record.waited.mean_ns(), record.lasted.mean_ns())
        };
        outcome.snapshot.requests.flows_of(0).iter().map(of).collect::<Vec<_>>()
    };
    let one = figures(1);
    // What comes last in an iteration may be intended after the window, and is counted all the same.
    assert_eq!((one[0].0, one[3].0), (200, 200));
    for shards in [2, 3] {
        // The same draws, so the same ways; and the same think times, so times that differ by what shards are late by.
        for (of_one, of_several) in one.iter().zip(figures(shards)) {
            assert_eq!((of_one.0, of_one.1), (of_several.0, of_several.1), "{shards} shards");
            let is_near = |a: f64, b: f64| (a - b).abs() <= 50_000.0 + a * 0.01;
            assert!(is_near(of_one.2, of_several.2) && is_near(of_one.3, of_several.3), "{shards} shards");
        }
    }
}

#[test]
fn a_flow_takes_as_long_as_its_requests_and_what_was_thought_between_them() {
    let plan = plan(
        "duration = '2s'\nconnections = 64\n[scenario.s]\nflow = ['first', 'second*2']\nload = { rate = 50 }\n\
         [[flow.first]]\nget = '/a'\nthink = '40ms'\n[[flow.first]]\nget = '/b'\nrepeat = '3'\nthink = '10ms'\n\
         [[flow.second]]\nget = '/c'\nthink = '1s'\n",
    );
    let server =
        SimulatedServer { service: Service::Fixed(7 * MILLISECOND_NS), ..SimulatedServer::default() };
    let (outcome, report) = reported(&plan, &World { server, ..World::default() }, 1);
    let [first, second] = outcome.snapshot.requests.flows_of(0) else { panic!("there are two") };
    assert_eq!((first.ok.measured + first.ok.outside, second.ok.measured + second.ok.outside), (100, 200));
    let steps = &report.scenarios[0].steps;
    // Four responses with 40 ms once and 10 ms twice between them; and one alone, behind which nothing counts.
    let sum = steps[0].response_ns.mean + 3.0 * steps[1].response_ns.mean;
    let is_near = |what: f64, expected: f64| {
        assert!((what - expected).abs() <= 20_000.0 + expected * 0.002, "{what} is not {expected}");
    };
    is_near(first.waited.mean_ns(), sum);
    is_near(first.lasted.mean_ns(), sum + 60e6);
    is_near(second.waited.mean_ns(), steps[2].response_ns.mean);
    is_near(second.lasted.mean_ns(), steps[2].response_ns.mean);
    let whole = outcome.snapshot.requests.iterations[0].as_ref().unwrap();
    is_near(whole.waited.mean_ns(), first.waited.mean_ns() + 2.0 * second.waited.mean_ns());
}
