//! The loop of a shard against simulated worlds: what must hold whatever the server, the network and the machine do.
//!
//! Every claim is checked for some seeds, and a failure names the seed. `SIMULATION_SEED=7 cargo test simulation`
//! checks all of them for that one alone, and `SIMULATION_SEED=0..9999` for many more than usual.

mod attempts;
mod degrade;
mod flows;
mod flows_held_up;
mod flows_named;
mod grpc;
mod http2;
mod instantiations;
mod lines;
mod per_user;
mod resilience;
mod revisions;
mod same_requests;
mod scenarios;
mod spent;
mod targets;
mod whose_time;
mod worlds;

use engine::outcome::Kind;
use engine::phase::{Phase, Windowed};
use engine::plan::Plan;
use engine::quantity::{MICROSECOND_NS, MILLISECOND_NS, SECOND_NS};
use engine::random::Random;
use engine::record::ShardStats;
use shards::simulation::world::{
    Body, Faults, Hiccup, Network, Pieces, Service, SimulatedMachine, SimulatedServer, SimulatedStall, World,
};
use shards::simulation::{SimulatedInterval, SimulatedWindow, Simulation, SimulationResult};
use worlds::*;

#[test]
fn everything_scheduled_is_accounted_for_in_every_world() {
    for seed in seeds(100) {
        let (plan, world) = random_simulation(seed);
        run(&plan, &world, seed);
    }
}

#[test]
fn the_same_seed_does_exactly_the_same_again() {
    let digest = |seed: u64, world_seed: u64| {
        let (plan, world) = random_simulation(seed);
        worlds::digest(&run(&plan, &world, world_seed))
    };
    for seed in seeds(5) {
        assert_eq!(digest(seed, seed), digest(seed, seed), "seed {seed}");
        assert_ne!(digest(seed, seed), digest(seed, seed + 1), "seed {seed}: the seed decides");
    }
}

#[test]
fn every_rate_is_exact_whatever_the_shards_connections_and_arrivals() {
    let choices = [(1, 1, 1), (3, 8, 8), (7, 2, 5), (1_000, 3, 30), (997, 4, 16), (20_000, 2, 64)];
    for seed in seeds(3) {
        for (rate, shards, connections) in choices {
            for arrivals in ["uniform", "poisson"] {
                let plan = plan(&format!(
                    "shards = {shards}\nconnections = {connections}\nduration = '3s'\nseed = {seed}\n\
                     [load]\nrate = {rate}\narrivals = '{arrivals}'"
                ));
                let outcome = run(&plan, &World::default(), seed);
                let total = outcome.total();
                let scheduled = outcome.scheduled.expect("an open load").measured;
                if arrivals == "uniform" {
                    assert_eq!(scheduled, 3 * rate, "seed {seed}");
                }
                let context = format!("seed {seed}: {rate}/s on {shards} shards, {arrivals}");
                assert_eq!((total.sent, total.ok), (scheduled, scheduled), "{context}");
                assert_eq!((outcome.requests(), outcome.responses()), (scheduled, scheduled), "{context}");
                assert_eq!(total.bytes_received, outcome.wires.iter().map(|wire| wire.bytes).sum::<u64>());
            }
        }
    }
}

#[test]
fn requests_leave_evenly_spaced_and_never_before_they_are_intended() {
    let calm = SimulatedMachine { wake_ns_max: 20 * MICROSECOND_NS, ..SimulatedMachine::default() };
    let shaken = SimulatedMachine {
        wake_ns_max: 600 * MICROSECOND_NS,
        hiccup: Some(Hiccup { length_ns: 30 * MILLISECOND_NS, every_ns: 100 * MILLISECOND_NS }),
        ..SimulatedMachine::default()
    };
    for seed in seeds(4) {
        for (machine, wait) in [(calm, "spin"), (calm, "auto"), (shaken, "auto"), (shaken, "park")] {
            let plan = plan(&format!(
                "shards = 2\nconnections = 40\nduration = '2s'\nwait = '{wait}'\n[load]\nrate = 2_000"
            ));
            let outcome = run(&plan, &World { machine, keeps_log: true, ..World::default() }, seed);
            for (shard, wire) in outcome.wires.iter().enumerate() {
                assert_eq!(wire.sent_log.len(), 2_000, "seed {seed}");
                for (index, sent_ns) in wire.sent_log.iter().enumerate() {
                    let intended_ns = (index * 2 + shard) as u64 * SECOND_NS / 2_000;
                    // The loop sleeps until the start itself: only the first request pays for the wake-up.
                    let is_first = index == 0;
                    let late_ns = sent_ns.checked_sub(intended_ns);
                    let late_ns = late_ns.unwrap_or_else(|| panic!("seed {seed}: {index} left early"));
                    let is_punctual = is_first || late_ns < 10 * MICROSECOND_NS;
                    assert!(
                        is_punctual || machine.hiccup.is_some(),
                        "seed {seed}: {wait}, {index} is {late_ns} ns late"
                    );
                }
            }
        }
    }
}

#[test]
fn hiccups_of_the_machine_are_counted() {
    let hiccup = Hiccup { length_ns: 20 * MILLISECOND_NS, every_ns: 150 * MILLISECOND_NS };
    let world = World {
        machine: SimulatedMachine { hiccup: Some(hiccup), ..SimulatedMachine::default() },
        ..World::default()
    };
    for seed in seeds(5) {
        let plan = plan("duration = '5s'\n[load]\nrate = 1_000");
        let outcome = run(&plan, &world, seed);
        let end_ns = 5 * SECOND_NS as i64;
        let during = outcome.wires[0].hiccups.iter().filter(|(at_ns, _)| (0..end_ns).contains(at_ns));
        let (jumps, lost_ns) = during.fold((0, 0), |(jumps, sum_ns), (_, ns)| (jumps + 1, sum_ns + ns));
        let stats = outcome.snapshot.stats();
        // Two jumps within one turn are one hiccup, and one at the very end is nobody's.
        assert!(jumps > 10 && stats.hiccups.abs_diff(jumps) <= 2, "seed {seed}: {jumps} {stats:?}");
        let ratio = stats.hiccup_ns as f64 / lost_ns as f64;
        assert!((ratio - 1.0).abs() < 0.1, "seed {seed}: {} of {lost_ns} ns found", stats.hiccup_ns);
        assert!(stats.hiccup_ns_max >= 10 * MILLISECOND_NS, "seed {seed}");
    }
}

#[test]
fn a_calm_machine_has_no_hiccups() {
    for seed in seeds(5) {
        for wait in ["auto", "park", "spin"] {
            let plan = plan(&format!("duration = '1s'\nwait = '{wait}'\n[load]\nrate = 3_000"));
            assert_eq!(run(&plan, &World::default(), seed).snapshot.stats().hiccups, 0, "seed {seed}");
        }
    }
}

/// Half a second of silence every two, and five milliseconds otherwise.
fn stalling() -> World {
    let stall = Some(SimulatedStall { length_ns: 500 * MILLISECOND_NS, every_ns: 2 * SECOND_NS });
    let server =
        SimulatedServer { service: Service::Fixed(5 * MILLISECOND_NS), stall, ..SimulatedServer::default() };
    World { server, ..World::default() }
}

#[test]
fn a_stalling_server_shows_in_response_time_and_not_in_service_time() {
    for seed in seeds(3) {
        let plan = plan("duration = '8s'\nconnections = 50\n[load]\nrate = 1_000");
        let total = run(&plan, &stalling(), seed).total();
        let (response, service) = (total.response.summary(), total.service.summary());
        assert_eq!((total.sent, total.ok), (8_000, 8_000), "seed {seed}: nothing is dropped");
        assert!(response.p99 >= 400 * MILLISECOND_NS, "seed {seed}: {response:?}");
        let unstalled_ns = 5 * MILLISECOND_NS + 2 * Network::default().one_way_ns;
        assert!(service.p50.abs_diff(unstalled_ns) <= MACHINE_NS_MAX, "seed {seed}: {service:?}");
    }
}

#[test]
fn a_closed_loop_hides_the_same_stalls() {
    for seed in seeds(3) {
        let total = run(&plan("duration = '8s'\nconnections = 50"), &stalling(), seed).total();
        let response = total.response.summary();
        assert!(response.p99 < 10 * MILLISECOND_NS, "seed {seed}: {response:?}");
        assert!(response.max > 450 * MILLISECOND_NS, "seed {seed}: the stalls were there; {response:?}");
    }
}

/// Four connections of one millisecond each: 4,000/s and not one more.
fn slow() -> World {
    let server = SimulatedServer { service: Service::Fixed(MILLISECOND_NS), ..SimulatedServer::default() };
    World { server, ..World::default() }
}

#[test]
fn an_overloaded_queue_ends_in_time_and_counts_what_it_did_not_send() {
    for seed in seeds(3) {
        let plan = plan("duration = '5s'\nconnections = 4\n[load]\nrate = 20_000");
        let outcome = run(&plan, &slow(), seed);
        let total = outcome.total();
        assert_eq!(
            outcome.snapshot.requests.scenarios[0].unsent.measured,
            100_000 - total.sent,
            "seed {seed}"
        );
        assert!((17_000..20_000).contains(&total.ok), "seed {seed}: {} of 100,000", total.ok);
        assert!(outcome.finished_ns() < 5_010 * MILLISECOND_NS, "seed {seed}: {}", outcome.finished_ns());
        assert!(total.slip.max_ns() > 3 * SECOND_NS, "seed {seed}: the wait shows");
        let (lag, slip) = (outcome.snapshot.measured_total().lag.summary(), total.slip.summary());
        assert!(lag.p99 * 100 < slip.p99, "seed {seed}: the lateness is the target's, not ours; {lag:?}");
        let own = outcome.snapshot.requests.scenarios[0].unreleased_own;
        assert!(
            own * 10 < outcome.snapshot.requests.scenarios[0].unsent.measured,
            "seed {seed}: {own} are said to be ours"
        );
    }
}

#[test]
fn a_backlog_no_older_than_a_second_is_caught_up_with() {
    let down = SimulatedServer {
        stall: Some(SimulatedStall { length_ns: 800 * MILLISECOND_NS, every_ns: 2_900 * MILLISECOND_NS }),
        ..SimulatedServer::default()
    };
    for seed in seeds(3) {
        let plan = plan("duration = '3s'\nconnections = 4\n[load]\nrate = 5_000");
        let outcome = run(&plan, &World { server: down, ..World::default() }, seed);
        assert_eq!(
            outcome.total().ok,
            15_000,
            "seed {seed}: {:?}",
            outcome.snapshot.requests.scenarios[0].unsent
        );
        assert!(outcome.finished_ns() > 3 * SECOND_NS, "seed {seed}: there was something to catch up with");
    }
}

#[test]
fn what_is_not_caught_up_with_in_time_is_unsent_and_not_half_sent() {
    let server =
        SimulatedServer { service: Service::Exponential(MILLISECOND_NS), ..SimulatedServer::default() };
    for seed in seeds(10) {
        let plan = plan("duration = '1s'\nconnections = 50\ntimeout = '100ms'\n[load]\nrate = 60_000");
        let outcome = run(&plan, &World { server, ..World::default() }, seed);
        assert!(
            outcome.snapshot.requests.scenarios[0].unsent.measured > 1_000,
            "seed {seed}: {:?}",
            outcome.snapshot.requests.scenarios[0].unsent
        );
        assert!(
            outcome.finished_ns() > 1_099 * MILLISECOND_NS,
            "seed {seed}: it was caught up with for a while"
        );
    }
}

#[test]
fn what_the_target_takes_its_time_over_at_the_end_is_waited_for() {
    let server = SimulatedServer { service: Service::Fixed(7 * SECOND_NS), ..SimulatedServer::default() };
    for seed in seeds(3) {
        let plan = plan("duration = '2s'\nconnections = 40\ntimeout = '9s'\n[load]\nrate = 20");
        let total = run(&plan, &World { server, ..World::default() }, seed).total();
        assert_eq!((total.ok, total.failed()), (40, 0), "seed {seed}: {:?}", total.errors);
    }
}

#[test]
fn shedding_drops_and_counts_what_waited_too_long_and_sends_nothing_later() {
    for seed in seeds(3) {
        for arrivals in ["uniform", "poisson"] {
            let plan = plan(&format!(
                "duration = '5s'\nconnections = 4\nwarmup = '1s'\n[load]\nrate = 20_000\n\
                 overload = 'shed'\ndeadline = '50ms'\narrivals = '{arrivals}'"
            ));
            let outcome = run(&plan, &slow(), seed);
            let total = outcome.total();
            assert!(
                outcome.snapshot.requests.scenarios[0].dropped.measured > 60_000,
                "seed {seed}: {:?}",
                outcome.snapshot.requests.scenarios[0].dropped
            );
            assert!(
                outcome.snapshot.requests.scenarios[0].dropped.outside > 14_000,
                "seed {seed}: {:?}",
                outcome.snapshot.requests.scenarios[0].dropped
            );
            let slip_ns = total.slip.max_ns() as f64;
            let most_ns = (50 * MILLISECOND_NS + MACHINE_NS_MAX) as f64 * (1.0 + ROUNDING);
            assert!(slip_ns <= most_ns, "seed {seed}: {slip_ns}");
            assert!(total.ok > 17_000, "seed {seed}: the target was kept busy");
        }
    }
}

#[test]
fn a_lost_response_is_a_timeout_neither_early_nor_late_and_its_connection_is_replaced() {
    let faults = Faults { lost_ppm: 50_000, ..Faults::default() };
    for seed in seeds(5) {
        let plan = plan("duration = '3s'\nconnections = 200\ntimeout = '250ms'\n[load]\nrate = 1_000");
        let outcome = run(&plan, &World { faults, ..World::default() }, seed);
        let (total, stats) = (outcome.total(), outcome.snapshot.stats());
        let timeouts = total.errors[Kind::Timeout as usize];
        assert_eq!(timeouts, total.failed(), "seed {seed}: {:?}", total.errors);
        assert_eq!(timeouts, outcome.wires[0].fates[0], "seed {seed}: every lost response, and nothing else");
        assert!(timeouts > 80, "seed {seed}");
        let failed = total.failed_response.summary();
        let timeout_ns = 250 * MILLISECOND_NS;
        assert!(failed.min as f64 >= timeout_ns as f64 * (1.0 - ROUNDING), "seed {seed}: {failed:?}");
        assert!(failed.max <= timeout_ns + TIMEOUT_LATE_NS_MAX, "seed {seed}: {failed:?}");
        assert!(stats.reconnects + 60 > timeouts, "seed {seed}: all but the last are replaced; {stats:?}");
    }
}

#[test]
fn a_timeout_in_a_pipeline_is_noticed_before_it_has_passed_twice() {
    let faults = Faults { lost_ppm: 5_000, ..Faults::default() };
    let server =
        SimulatedServer { service: Service::Exponential(50 * MILLISECOND_NS), ..SimulatedServer::default() };
    for seed in seeds(5) {
        let plan = plan(
            "duration = '3s'\nconnections = 30\npipeline = 4\ntimeout = '400ms'\n[load]\nrate = 500\n\
             overload = 'shed'\ndeadline = '1ms'",
        );
        let total = run(&plan, &World { faults, server, ..World::default() }, seed).total();
        assert!(total.errors[Kind::Timeout as usize] > 5, "seed {seed}: {:?}", total.errors);
        // Of a connection's requests only the oldest has timed out; the others fail with it, earlier.
        let latest_ns = total.failed_response.max_ns();
        assert!(latest_ns >= 399 * MILLISECOND_NS, "seed {seed}: {latest_ns}");
        assert!(latest_ns <= 800 * MILLISECOND_NS + TIMEOUT_LATE_NS_MAX, "seed {seed}: {latest_ns}");
    }
}

#[test]
fn a_stop_lets_what_is_under_way_finish_and_schedules_nothing_more() {
    let server =
        SimulatedServer { service: Service::Exponential(30 * MILLISECOND_NS), ..SimulatedServer::default() };
    let stop_ns = 1_234_567_890;
    for seed in seeds(5) {
        for load in ["", "[load]\nrate = 500", "[load]\nrate = 3_000\noverload = 'shed'\ndeadline = '20ms'"] {
            let plan = plan(&format!("duration = '10s'\nshards = 2\nconnections = 20\n{load}"));
            let world = World { server, stops_ns: vec![stop_ns], ..World::default() };
            let outcome = run(&plan, &world, seed);
            let ended_ns = outcome.snapshot.ended_ns.expect("the run has ended");
            assert!(ended_ns.abs_diff(stop_ns) < 10 * MILLISECOND_NS, "seed {seed}: {ended_ns}");
            assert_eq!(outcome.total().failed(), 0, "seed {seed}: nothing was cut off");
            assert!(outcome.finished_ns() < stop_ns + SECOND_NS, "seed {seed}: {}", outcome.finished_ns());
        }
    }
}

#[test]
fn a_stop_waits_two_seconds_at_most_and_a_second_stop_not_at_all() {
    let faults = Faults { lost_ppm: 200_000, ..Faults::default() };
    let stop_ns = 1_500 * MILLISECOND_NS;
    for seed in seeds(5) {
        for (second_ns, finish_ns) in
            [(None, 2 * SECOND_NS), (Some(300 * MILLISECOND_NS), 300 * MILLISECOND_NS)]
        {
            let plan = plan("duration = '10s'\nconnections = 20\n[load]\nrate = 500");
            let stops_ns = std::iter::once(stop_ns).chain(second_ns.map(|ns| stop_ns + ns)).collect();
            let outcome = run(&plan, &World { faults, stops_ns, ..World::default() }, seed);
            assert_eq!(outcome.total().errors[Kind::Unfinished as usize], 20, "seed {seed}");
            let took_ns = outcome.finished_ns() - stop_ns;
            assert!(took_ns.abs_diff(finish_ns) < 10 * MILLISECOND_NS, "seed {seed}: {took_ns}");
        }
    }
}

#[test]
fn a_stop_after_the_end_cuts_the_wait_for_the_last_responses() {
    let faults = Faults { lost_ppm: 200_000, ..Faults::default() };
    let stop_ns = 1_100 * MILLISECOND_NS;
    for seed in seeds(3) {
        // With 20 connections all are stuck in the end and there is a backlog; with 400 there is none.
        for connections in [20, 400] {
            let plan = plan(&format!("duration = '1s'\nconnections = {connections}\n[load]\nrate = 500"));
            let outcome = run(&plan, &World { faults, stops_ns: vec![stop_ns], ..World::default() }, seed);
            let took_ns = outcome.finished_ns() - stop_ns;
            assert!(took_ns.abs_diff(2 * SECOND_NS) < 10 * MILLISECOND_NS, "seed {seed}: {took_ns}");
        }
    }
}

#[test]
fn waiting_for_the_last_responses_costs_no_spinning() {
    let faults = Faults { lost_ppm: 20_000, close_ppm: 300_000, ..Faults::default() };
    let server =
        SimulatedServer { service: Service::Fixed(800 * MILLISECOND_NS), ..SimulatedServer::default() };
    for seed in seeds(3) {
        let plan =
            plan("duration = '1s'\nconnections = 400\ntimeout = '20s'\nwait = 'park'\n[load]\nrate = 400");
        let outcome = run(&plan, &World { faults, server, ..World::default() }, seed);
        assert!(outcome.finished_ns() > 5 * SECOND_NS, "seed {seed}: there was something to wait for");
        let turns = outcome.snapshot.stats().turns;
        assert!(turns < 6_000, "seed {seed}: {turns} turns for 400 requests and five seconds of waiting");
    }
}

#[test]
fn ends_that_nobody_announced_are_found() {
    let faults = Faults { lost_end_ppm: 10_000, ..Faults::default() };
    for seed in seeds(5) {
        let plan = plan("duration = '6s'\nconnections = 30\ntimeout = '9s'\n[load]\nrate = 300");
        let outcome = run(&plan, &World { faults, ..World::default() }, seed);
        let (total, stats) = (outcome.total(), outcome.snapshot.stats());
        assert!(stats.lost_ends > 3, "seed {seed}: {stats:?}");
        assert_eq!(total.errors[Kind::Eof as usize], total.failed(), "seed {seed}: {:?}", total.errors);
        let slowest_ns = total.failed_response.max_ns();
        assert!(slowest_ns < 2_100 * MILLISECOND_NS, "seed {seed}: found after {slowest_ns} ns");
    }
}

#[test]
fn a_body_that_lasts_until_a_lost_end_is_complete() {
    let body = Body { bytes: (10, 3_000), chunked_ppm: 0, until_end_ppm: 1_000_000 };
    let server = SimulatedServer { body, ..SimulatedServer::default() };
    for (lost_end_ppm, found) in [(0, 0), (100_000, 1)] {
        let faults = Faults { lost_end_ppm, ..Faults::default() };
        for seed in seeds(3) {
            let plan = plan("duration = '4s'\nconnections = 60\ntimeout = '9s'\n[load]\nrate = 100");
            let outcome = run(&plan, &World { server, faults, ..World::default() }, seed);
            assert_eq!(outcome.total().ok, 400, "seed {seed}: {:?}", outcome.total().errors);
            assert!(outcome.snapshot.stats().lost_ends >= found, "seed {seed}");
        }
    }
}

/// Successes of all shards in the whole seconds from `from` to before `to`.
fn ok_between(outcome: &SimulationResult, from: u64, to: u64) -> u64 {
    let is_within = |interval: &&shards::simulation::SimulatedInterval| {
        (from * SECOND_NS..to * SECOND_NS).contains(&interval.from_ns)
    };
    outcome.intervals.iter().filter(is_within).map(|interval| interval.ok).sum()
}

#[test]
fn a_target_that_dies_and_comes_back_is_found_again_without_a_storm() {
    let service = Service::Fixed(10 * MILLISECOND_NS);
    let server =
        SimulatedServer { service, down: Some((3 * SECOND_NS, 5 * SECOND_NS)), ..SimulatedServer::default() };
    for (seed, connections) in seeds(5).flat_map(|seed| [(seed, 50), (seed, 30)]) {
        let each = connections / 2;
        let plan =
            plan(&format!("duration = '10s'\nconnections = {connections}\nshards = 2\n[load]\nrate = 1_000"));
        let outcome = run(&plan, &World { server, ..World::default() }, seed);
        let errors = outcome.total().errors;
        let expected =
            errors[Kind::Receive as usize] + errors[Kind::Connect as usize] + errors[Kind::Send as usize];
        assert_eq!(expected, outcome.total().failed(), "seed {seed}: {errors:?}");
        assert!(errors[Kind::Connect as usize] > 10, "seed {seed}: {errors:?}");
        // Ten milliseconds' worth is under way when the target dies.
        assert!((8..=12).contains(&errors[Kind::Receive as usize]), "seed {seed}: {errors:?}");
        assert!((2_988..=2_992).contains(&ok_between(&outcome, 0, 3)), "seed {seed}");
        assert_eq!(ok_between(&outcome, 4, 5), 0, "seed {seed}");
        assert!(ok_between(&outcome, 5, 7) > 2_500, "seed {seed}: the backlog is sent");
        assert_eq!(ok_between(&outcome, 8, 10), 2_000, "seed {seed}");
        assert_eq!(outcome.snapshot.stats().open, 0, "seed {seed}: all are closed at the end");
        for wire in &outcome.wires {
            // Each connection: at once, then after some 15, 30, 60 … ms, and in the end once in 0.5 to 1 s.
            assert!(
                wire.connects.iter().all(|&attempts| attempts <= each * 9),
                "seed {seed}: {:?}",
                wire.connects
            );
            assert!(wire.connects[4] <= each * 3, "seed {seed}: {:?}", wire.connects);
            assert!(wire.connects[4] >= each, "seed {seed}: they keep trying; {:?}", wire.connects);
        }
    }
}

#[test]
fn a_target_that_is_not_there_at_first_is_found_when_it_comes() {
    let server = SimulatedServer { down: Some((0, 2 * SECOND_NS)), ..SimulatedServer::default() };
    for seed in seeds(5) {
        for (connections, load) in [(1, ""), (1, "[load]\nrate = 500"), (40, "[load]\nrate = 500")] {
            let plan = plan(&format!("duration = '6s'\nconnections = {connections}\n{load}"));
            let outcome = run(&plan, &World { server, ..World::default() }, seed);
            assert!(ok_between(&outcome, 4, 6) >= 1_000, "seed {seed}: {:?}", outcome.intervals);
        }
    }
}

#[test]
fn a_connection_that_gets_no_answer_is_given_up_in_time_and_tried_again() {
    let faults = Faults { connect_lost_ppm: 500_000, ..Faults::default() };
    for seed in seeds(5) {
        let plan = plan("duration = '5s'\nconnections = 50\n[load]\nrate = 1_000");
        let outcome = run(&plan, &World { faults, ..World::default() }, seed);
        let stats = outcome.snapshot.stats();
        assert!(stats.connect_failures > 3, "seed {seed}: {stats:?}");
        assert_eq!(outcome.total().ok, 5_000, "seed {seed}");
        let last = outcome.intervals.iter().filter(|interval| interval.to_ns == 5 * SECOND_NS).count();
        assert_eq!(last, 1, "seed {seed}");
    }
}

#[test]
fn a_target_that_accepts_and_drops_is_not_stormed() {
    let faults = Faults { reset_ppm: 1_000_000, ..Faults::default() };
    for seed in seeds(3) {
        let outcome =
            run(&plan("duration = '5s'\nconnections = 20"), &World { faults, ..World::default() }, seed);
        let total = outcome.total();
        assert_eq!(total.errors[Kind::Receive as usize], total.failed(), "seed {seed}: {:?}", total.errors);
        let later = &outcome.wires[0].connects[2..];
        assert!(
            later.iter().all(|&attempts| attempts <= 20 * 3),
            "seed {seed}: {:?}",
            outcome.wires[0].connects
        );
    }
}

#[test]
fn warm_up_is_outside_the_measured_window() {
    for seed in seeds(3) {
        for load in ["[load]\nrate = 1_000", ""] {
            let plan = plan(&format!("duration = '3s'\nwarmup = '1s'\nconnections = 8\n{load}"));
            let outcome = run(&plan, &World::default(), seed);
            let measured = outcome.snapshot.measured_total();
            let outside: u64 = outcome.snapshot.requests.series.outside.iter().map(|series| series.ok).sum();
            if load.is_empty() {
                let ratio = measured.ok as f64 / outside as f64;
                assert!((ratio - 2.0).abs() < 0.01, "seed {seed}: {} and {outside}", measured.ok);
            } else {
                assert_eq!((measured.ok, outside), (2_000, 1_000), "seed {seed}");
            }
        }
    }
}

#[test]
fn a_number_of_requests_is_sent_exactly() {
    let choices = [(1, 1, 1, 1), (1, 4, 9, 3), (100, 3, 7, 8), (1_001, 2, 5, 1), (5_000, 4, 4, 5)];
    let requests = ["", "[[request]]\npath = '/{{seq}}'\n[[request]]\nmethod = 'HEAD'"];
    for seed in seeds(3) {
        for (count, shards, connections, pipeline) in choices {
            for (load, request) in
                [("", requests[0]), ("", requests[1]), ("[load]\nrate = 2_000", requests[0])]
            {
                let plan = plan(&format!(
                    "requests = {count}\nshards = {shards}\nconnections = {connections}\npipeline = {pipeline}\n\
                     {load}\n{request}"
                ));
                let outcome = run(&plan, &World::default(), seed);
                let context =
                    format!("seed {seed}: {count} by {shards} on {connections} × {pipeline} {load}");
                assert_eq!((outcome.requests(), outcome.total().ok), (count, count), "{context}");
                let longest_ns = if load.is_empty() { SECOND_NS } else { 2_520 * MILLISECOND_NS };
                assert!(outcome.finished_ns() < longest_ns, "{context}: it ends when they are answered");
            }
        }
    }
}

#[test]
fn a_closed_loop_keeps_every_connection_full() {
    for seed in seeds(3) {
        for (pipeline, batch_ns) in [(1, 0), (4, 0), (8, MILLISECOND_NS)] {
            let server = SimulatedServer {
                service: Service::Fixed(MILLISECOND_NS),
                batch_ns,
                ..SimulatedServer::default()
            };
            let plan = plan(&format!("duration = '2s'\nconnections = 10\npipeline = {pipeline}"));
            let total = run(&plan, &World { server, ..World::default() }, seed).total();
            // The server does one request at a time per connection: ten a millisecond, whatever is queued behind.
            let possible = if pipeline == 1 { 2_000 * 10 * 100 / 105 } else { 2_000 * 10 };
            let ratio = total.ok as f64 / f64::from(possible);
            assert!((0.95..=1.02).contains(&ratio), "seed {seed}: pipeline {pipeline}: {ratio}");
        }
    }
}

#[test]
fn long_bodies_are_thrown_away_and_counted_to_the_byte() {
    let body = Body { bytes: (0, 200_000), chunked_ppm: 100_000, until_end_ppm: 0 };
    let server = SimulatedServer { body, ..SimulatedServer::default() };
    let machine =
        SimulatedMachine { starved_ppm: 100_000, stopped_ppm: 100_000, ..SimulatedMachine::default() };
    for seed in seeds(4) {
        for pieces in [None, Some(Pieces { bytes_max: 9_000, gap_ns: 3 * MICROSECOND_NS })] {
            let network = Network { pieces, ..Network::default() };
            let plan = plan("duration = '2s'\nconnections = 20\n[load]\nrate = 1_000");
            let outcome = run(&plan, &World { server, machine, network, ..World::default() }, seed);
            let (total, wire, stats) = (outcome.total(), &outcome.wires[0], outcome.snapshot.stats());
            assert_eq!((total.ok, total.bytes_received), (2_000, wire.bytes), "seed {seed}");
            assert!(wire.discarded_bytes > wire.bytes / 2, "seed {seed}: {} bytes", wire.discarded_bytes);
            assert!(wire.pauses > 0 && stats.starved > 0, "seed {seed}: {stats:?}");
        }
    }
}

#[test]
fn responses_in_pieces_of_a_byte_are_responses() {
    let body = Body { bytes: (0, 30), chunked_ppm: 500_000, until_end_ppm: 0 };
    let server = SimulatedServer { body, ..SimulatedServer::default() };
    for seed in seeds(3) {
        for (pipeline, bytes_max) in [(1, 1), (4, 1), (8, 50)] {
            let pieces = Some(Pieces { bytes_max, gap_ns: 10 * MICROSECOND_NS });
            let network = Network { pieces, ..Network::default() };
            let plan = plan(&format!(
                "duration = '1s'\nconnections = 20\npipeline = {pipeline}\n[load]\nrate = 2_000"
            ));
            let outcome = run(&plan, &World { server, network, ..World::default() }, seed);
            assert_eq!(outcome.total().ok, 2_000, "seed {seed}");
            assert_eq!(outcome.total().bytes_received, outcome.wires[0].bytes, "seed {seed}");
        }
    }
}

#[test]
fn every_fate_of_a_response_is_named_by_its_kind() {
    let of = |ppm: u32| -> [(Faults, Kind); 5] {
        let none = Faults::default();
        [
            (Faults { reset_ppm: ppm, ..none }, Kind::Receive),
            (Faults { cut_ppm: ppm, ..none }, Kind::Eof),
            (Faults { refused_ppm: ppm, ..none }, Kind::Status),
            (Faults { garbage_ppm: ppm, ..none }, Kind::Protocol),
            (Faults { lost_ppm: ppm, ..none }, Kind::Timeout),
        ]
    };
    for seed in seeds(3) {
        for (faults, kind) in of(30_000) {
            let plan = plan("duration = '2s'\nconnections = 100\ntimeout = '100ms'\n[load]\nrate = 1_000");
            let outcome = run(&plan, &World { faults, ..World::default() }, seed);
            let errors = outcome.total().errors;
            let fated: u64 = outcome.wires[0].fates.iter().sum();
            assert!(fated > 20, "seed {seed}");
            assert_eq!(
                (errors[kind as usize], outcome.total().failed()),
                (fated, fated),
                "seed {seed}: {errors:?}"
            );
        }
    }
}

#[test]
fn connections_that_close_between_responses_fail_nobody() {
    let faults = Faults { close_ppm: 200_000, ..Faults::default() };
    for seed in seeds(3) {
        for load in ["", "[load]\nrate = 1_000"] {
            let plan = plan(&format!("duration = '1s'\nconnections = 20\n{load}"));
            let outcome = run(&plan, &World { faults, ..World::default() }, seed);
            let stats = outcome.snapshot.stats();
            assert_eq!(outcome.total().failed(), 0, "seed {seed}: {:?}", outcome.total().errors);
            assert!(stats.reconnects > 100, "seed {seed}: {stats:?}");
        }
    }
}

#[test]
fn a_collector_that_comes_seldom_loses_nothing() {
    let machine = SimulatedMachine { collect_ns: 7 * SECOND_NS, ..SimulatedMachine::default() };
    for seed in seeds(3) {
        let plan = plan("duration = '6s'\nconnections = 20\ninterval = '100ms'\n[load]\nrate = 1_000");
        let outcome = run(&plan, &World { machine, ..World::default() }, seed);
        assert_eq!(outcome.total().ok, 6_000, "seed {seed}");
        assert!(outcome.snapshot.stats().postponed > 10, "seed {seed}");
        let attempts: u64 = outcome.wires[0].connects.iter().sum();
        assert_eq!(attempts, 20, "seed {seed}: none is made again to wait for the collector");
    }
}

#[test]
fn a_collector_that_lets_the_lane_run_full_across_the_bounds_of_the_window_changes_no_figure_of_it() {
    let late = SimulatedMachine { collect_ns: 9 * SECOND_NS, ..SimulatedMachine::default() };
    for seed in seeds(3) {
        for load in ["", "[load]\nrate = 3_000"] {
            let plan = plan(&format!("duration = '6s'\nwarmup = '2s'\nconnections = 4\n{load}"));
            let [punctual, late] = [SimulatedMachine::default(), late]
                .map(|machine| run(&plan, &World { machine, ..World::default() }, seed));
            assert!(late.snapshot.stats().postponed > 10, "seed {seed}: the lane was never full");
            for phase in [Phase::Warmup, Phase::Measure, Phase::Drain] {
                // Of a slice that spans a bound the beginning would be in one phase and the end in the next.
                assert_eq!(
                    in_phase(&plan, &late, phase),
                    in_phase(&plan, &punctual, phase),
                    "seed {seed}, {phase:?}"
                );
            }
            let shards = |outcome: &SimulationResult| {
                outcome.snapshot.shards.iter().map(without_postponed).collect::<Vec<_>>()
            };
            assert_eq!(shards(&late), shards(&punctual), "seed {seed}");
        }
    }
}

/// Where the slices of a phase begin and end, and what was sent and ended in them.
fn in_phase(plan: &Plan, outcome: &SimulationResult, phase: Phase) -> (Option<u64>, Option<u64>, [u64; 3]) {
    let of_phase = || {
        let is_inside = |interval: &&SimulatedInterval| plan.phases.at(interval.from_ns) == phase;
        outcome.intervals.iter().filter(is_inside)
    };
    let sum = |count: fn(&SimulatedInterval) -> u64| of_phase().map(count).sum::<u64>();
    let (from_ns, to_ns) =
        (of_phase().map(|interval| interval.from_ns).min(), of_phase().map(|interval| interval.to_ns).max());
    (
        from_ns,
        to_ns,
        [sum(|interval| interval.sent), sum(|interval| interval.ok), sum(|interval| interval.failed)],
    )
}

/// A shard's figures, without the one that a late collector may change.
fn without_postponed(stats: &Windowed<ShardStats>) -> [ShardStats; 2] {
    [stats.measured, stats.outside].map(|stats| ShardStats { postponed: 0, ..stats })
}

#[test]
fn intervals_lie_end_to_end() {
    for seed in seeds(10) {
        let (plan, world) = random_simulation(seed);
        let outcome = run(&plan, &world, seed);
        for pair in outcome.intervals.windows(2).filter(|pair| pair[0].shard == pair[1].shard) {
            assert_eq!(pair[0].to_ns, pair[1].from_ns, "seed {seed}: {pair:?}");
        }
    }
}

#[test]
fn a_window_that_is_decided_in_the_run_is_exact() {
    for seed in seeds(20) {
        let mut random = Random::new(seed, 77);
        let load =
            pick(&mut random, &["rate = 3_000", "rate = 800\narrivals = 'poisson'", "shape = 'closed'"]);
        let plan = plan(&format!(
            "duration = '16s'\nwarmup = 'auto'\nshards = 2\nconnections = 12\nseed = {seed}\n[load]\n{load}"
        ));
        let told_ns = random.between(0, 3 * SECOND_NS);
        let from_ns = told_ns + random.between(300 * MILLISECOND_NS, SECOND_NS);
        let (_, world) = random_simulation(seed);
        let world = World { machine: SimulatedMachine::default(), ..world };
        let simulation = Simulation::new(plan, world, seed).with_window(SimulatedWindow { told_ns, from_ns });
        let outcome = simulation.run();
        let snapshot = &outcome.snapshot;
        // Some worlds stop the run before that.
        let has_come = snapshot.ended_ns.is_some_and(|ended_ns| ended_ns > from_ns);
        let begins = outcome.intervals.iter().any(|interval| interval.from_ns == from_ns);
        assert!(begins || !has_come, "seed {seed}: no slice begins where the window does");
        let Some(scheduled) = outcome.scheduled else { continue };
        let measured = snapshot.measured_total();
        let accounted = measured.ok
            + measured.failed()
            + snapshot.requests.scenarios[0].dropped.measured
            + snapshot.requests.scenarios[0].unsent.measured;
        assert_eq!(accounted, scheduled.measured, "seed {seed}");
    }
}
