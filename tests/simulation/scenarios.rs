//! Several scenarios side by side: each is carried, ended and counted as if it were alone.

use super::worlds::{plan, report, run, seeds};
use engine::plan::Plan;
use engine::quantity::{MILLISECOND_NS, SECOND_NS};
use engine::report::{Report, ScenarioReport};
use shards::simulation::SimulationResult;
use shards::simulation::world::{Service, SimulatedServer, SimulatedStall, World};

/// A server that takes this long on average.
fn serving(service: Service) -> World {
    World { server: SimulatedServer { service, ..SimulatedServer::default() }, ..World::default() }
}

fn scenario<'a>(report: &'a Report, name: &str) -> &'a ScenarioReport {
    report.scenarios.iter().find(|scenario| scenario.name == name).expect(name)
}

/// A run, and what would be reported of it.
fn reported(plan: &Plan, world: &World, seed: u64) -> (SimulationResult, Report) {
    let outcome = run(plan, world, seed);
    let report = report(plan, &outcome);
    (outcome, report)
}

#[test]
fn a_closed_loop_holds_no_schedule_beside_it_up_not_even_when_it_is_over() {
    for seed in seeds(6) {
        let shards = 1 + seed % 2;
        let plan = plan(&format!(
            "shards = {shards}\nduration = '3s'\nseed = {seed}\n[scenario.closed]\nconnections = 64\nduration = '1s'\n\
             [scenario.paced]\nconnections = 8\nload = {{ rate = 400 }}"
        ));
        let (_, report) = reported(&plan, &serving(Service::Exponential(MILLISECOND_NS / 2)), seed);
        let paced = &scenario(&report, "paced");
        assert_eq!((paced.requests.ok, paced.requests.unsent), (1_200, 0), "seed {seed}");
        assert!(paced.slip_ns.p99 < 20 * MILLISECOND_NS, "seed {seed}: late by {} ns", paced.slip_ns.p99);
    }
}

#[test]
fn connections_that_a_closed_loop_leaves_unused_at_its_end_hold_nobody_up() {
    // All connections are free at once, more of them than one turn uses; some of these ends lie between two such turns.
    let world = World {
        server: SimulatedServer { batch_ns: 10 * MILLISECOND_NS, ..SimulatedServer::default() },
        ..World::default()
    };
    for seed in seeds(50) {
        let ends_us = 20_000 + 20 * seed % 1_000;
        let plan = plan(&format!(
            "duration = '100ms'\n[scenario.closed]\nconnections = 200\nduration = '{ends_us}us'\n\
             [scenario.paced]\nconnections = 8\nload = {{ rate = 400 }}"
        ));
        let (_, report) = reported(&plan, &world, seed);
        let paced = &scenario(&report, "paced").requests;
        assert_eq!((paced.ok, paced.unsent), (40, 0), "seed {seed}");
    }
}

#[test]
fn a_scenario_of_its_own_length_has_the_rate_that_it_has_alone() {
    // One that takes 600 ms answers one request on each connection in a second.
    let world = serving(Service::Fixed(600 * MILLISECOND_NS));
    for seed in seeds(3) {
        let slow = "[scenario.slow]\nconnections = 16";
        let beside = plan(&format!(
            "duration = '4s'\n{slow}\nduration = '1s'\n[scenario.paced]\nconnections = 8\nload = {{ rate = 2 }}"
        ));
        let alone = plan(&format!("duration = '1s'\n{slow}"));
        let rate = |plan: &Plan| scenario(&reported(plan, &world, seed).1, "slow").rate.achieved;
        assert_eq!((rate(&beside), rate(&alone)), (16.0, 16.0), "seed {seed}");
    }
}

#[test]
fn the_rate_of_a_closed_loop_is_of_what_ended_in_its_part_of_the_window() {
    for seed in seeds(3) {
        let world = serving(Service::Fixed(70 * MILLISECOND_NS));
        let loops = "[scenario.loops]\nconnections = 16";
        let paced = "[scenario.paced]\nconnections = 8\nload = { rate = 20 }";
        let rate = |run: &str, length: &str, others: &str| {
            let plan = plan(&format!("{run}\n{loops}\n{length}\n{others}"));
            scenario(&reported(&plan, &world, seed).1, "loops").rate.achieved
        };
        // What began in the warm-up and ended in the window counts beside others as it does alone.
        let run = "duration = '2s'\nwarmup = '500ms'";
        let alone = rate(run, "", "");
        assert!((rate(run, "", paced) / alone - 1.0).abs() < 0.02, "seed {seed}: not {alone} beside another");
        // An end just before that of the run, and one within a response time of the warm-up's.
        for ends in ["1950ms", "580ms"] {
            let alone = rate(&format!("duration = '{ends}'\nwarmup = '500ms'"), "", "");
            let beside = rate(run, &format!("duration = '{ends}'"), paced);
            assert!(
                (beside / alone - 1.0).abs() < 0.02,
                "seed {seed}, until {ends}: {beside} and not {alone}"
            );
        }
        // Over before the window, it has no part of it.
        assert_eq!(rate(run, "duration = '500ms'", paced), 0.0, "seed {seed}");
    }
}

#[test]
fn a_backlog_is_caught_up_with_for_as_long_as_the_scenario_itself_would() {
    // Silent for the last 200 ms and after: a backlog that is young, and never gets smaller.
    let stall = Some(SimulatedStall { length_ns: 60 * SECOND_NS, every_ns: 60_600 * MILLISECOND_NS });
    let world = World { server: SimulatedServer { stall, ..SimulatedServer::default() }, ..World::default() };
    for seed in seeds(3) {
        let slow = "[scenario.patient]\nconnections = 1\ntimeout = '4s'\nload = { rate = 10 }";
        let quick = "[scenario.quick]\nconnections = 2\ntimeout = '100ms'\nload = { rate = 100 }";
        let run = "duration = '800ms'";
        let sent = |others: &str| {
            let plan = plan(&format!("{run}\n{quick}\n{others}"));
            scenario(&reported(&plan, &world, seed).1, "quick").requests.sent
        };
        assert_eq!(sent(slow), sent(""), "seed {seed}");
    }
}

#[test]
fn a_shard_without_a_request_to_send_connects_as_it_was_asked_to() {
    for seed in seeds(3) {
        let plan = plan("shards = 2\nconnections = 8\nrequests = 1");
        let (outcome, report) = reported(&plan, &World::default(), seed);
        assert_eq!((report.requests.ok, outcome.snapshot.stats().connect_failures), (1, 0), "seed {seed}");
        let opened: u64 = outcome.wires.iter().flat_map(|wire| &wire.connects).sum();
        assert_eq!(opened, 8, "seed {seed}");
    }
}

#[test]
fn a_number_of_requests_ends_the_window_of_its_scenario_and_a_run_in_which_nothing_is_left_to_do() {
    for seed in seeds(4) {
        let world = serving(Service::Fixed(10 * MILLISECOND_NS));
        let counted = "[scenario.counted]\nconnections = 4\nrequests = 400";
        let paced = "[scenario.paced]\nconnections = 8\nduration = '2s'\nload = { rate = 100 }";
        let (outcome, report) = reported(&plan(&format!("{counted}\n{paced}")), &world, seed);
        assert!(
            outcome.finished_ns() < 3 * SECOND_NS,
            "seed {seed}: it went on until {}",
            outcome.finished_ns()
        );
        assert!(!report.window.is_partial, "seed {seed}");
        let (counted, paced) = (scenario(&report, "counted"), scenario(&report, "paced"));
        assert_eq!((counted.requests.ok, paced.requests.ok), (400, 200), "seed {seed}");
        // A hundred rounds of ten milliseconds and a little.
        let window_s = counted.window_s;
        assert!((1.0..1.2).contains(&window_s), "seed {seed}: {window_s} s");
        assert!((counted.rate.achieved - 400.0 / window_s).abs() < 1e-6, "seed {seed}: {:?}", counted.rate);
    }
}

#[test]
fn a_backlog_is_given_up_at_the_end_of_its_own_scenario() {
    // Silent from the first second to the end of the run: what was due before is too old to be caught up with.
    let stall = Some(SimulatedStall { length_ns: 60 * SECOND_NS, every_ns: 61 * SECOND_NS });
    let world = World { server: SimulatedServer { stall, ..SimulatedServer::default() }, ..World::default() };
    for seed in seeds(3) {
        let plan = plan(
            "duration = '12s'\ntimeout = '20s'\n[scenario.early]\nconnections = 2\nduration = '4s'\nload = { rate = 50 }\n\
             [scenario.late]\nconnections = 2\nload = { rate = 1 }",
        );
        let (_, report) = reported(&plan, &world, seed);
        let early = &scenario(&report, "early").requests;
        assert_eq!(early.ok + early.failed + early.unsent, 200, "seed {seed}: {early:?}");
        assert!(early.unsent > 140 && early.sent <= 60, "seed {seed}: {early:?}");
    }
}

#[test]
fn what_ends_after_a_stop_is_of_no_window_though_its_scenario_would_have_gone_on() {
    // Stopped a moment before the end of the scenario, and the third round ends between the two.
    let world =
        World { stops_ns: vec![1_900 * MILLISECOND_NS], ..serving(Service::Fixed(650 * MILLISECOND_NS)) };
    for seed in seeds(3) {
        let plan = plan(
            "duration = '4s'\n[scenario.loops]\nconnections = 8\nduration = '1970ms'\n\
             [scenario.paced]\nconnections = 2\nload = { rate = 2 }",
        );
        let (_, report) = reported(&plan, &world, seed);
        let rate = scenario(&report, "loops").rate.achieved;
        assert!((rate - 16.0 / 1.9).abs() < 0.1, "seed {seed}: {rate}");
    }
}
