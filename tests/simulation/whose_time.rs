//! Whose time it was: what the generator's own lateness, and what the target's, must show as, whatever else happens.

use super::slow;
use super::worlds::*;
use engine::outcome::Kind;
use engine::quantity::{MICROSECOND_NS, MILLISECOND_NS, SECOND_NS};
use engine::target_outcome::TargetStatus;
use shards::simulation::world::{
    Faults, Hiccup, Service, SimulatedMachine, SimulatedServer, SimulatedStall, World,
};

/// A machine that needs 150 µs for each send: 6,600 requests a second, and no more.
fn weak() -> World {
    let machine = SimulatedMachine { submission_ns: 150 * MICROSECOND_NS, ..SimulatedMachine::default() };
    World { machine, ..World::default() }
}

#[test]
fn a_generator_too_slow_for_the_rate_shows_it_as_its_own_lateness() {
    // With few connections none is ever idle, and the generator's backlog looks like waiting for the target. With fewer than one
    // turn sends on, each response waits for half of a turn, as far as can be known, which is not quite all of it.
    for (seed, (connections, least)) in
        seeds(3).flat_map(|seed| [(10, 0.55), (50, 0.9), (2_000, 0.9)].map(|case| (seed, case)))
    {
        let plan = plan(&format!("duration = '3s'\nconnections = {connections}\n[load]\nrate = 20_000"));
        let outcome = run(&plan, &weak(), seed);
        let (lag, slip) = (outcome.snapshot.measured_total().lag.summary(), outcome.total().slip.summary());
        let context = format!("seed {seed}, {connections} connections");
        assert!(lag.p50 > 100 * MILLISECOND_NS, "{context}: {lag:?}");
        assert!(lag.p50 as f64 > slip.p50 as f64 * least, "{context}: {lag:?} of {slip:?}");
        let (own, unsent) = (
            outcome.snapshot.requests.scenarios[0].unreleased_own as f64,
            outcome.snapshot.requests.scenarios[0].unsent.measured as f64,
        );
        assert!(unsent > 10_000.0 && own > unsent * least, "{context}: {own} of {unsent} are ours");
        assert_eq!(report(&plan, &outcome).outcome.status, TargetStatus::Unknown, "{context}");
    }
}

#[test]
fn a_generator_just_above_what_it_can_do_is_blamed_for_all_of_its_backlog() {
    for seed in seeds(3) {
        let plan = plan("duration = '6s'\nconnections = 50\n[load]\nrate = 6_950");
        let outcome = run(&plan, &weak(), seed);
        let (lag, slip) = (outcome.snapshot.measured_total().lag.summary(), outcome.total().slip.summary());
        assert!(slip.p50 > 20 * MILLISECOND_NS, "seed {seed}: there was a backlog; {slip:?}");
        assert!(lag.p50 * 4 > slip.p50 * 3, "seed {seed}: {lag:?} of {slip:?}");
    }
}

#[test]
fn a_session_with_a_connection_of_its_own_waits_for_no_session_before_it() {
    for seed in seeds(3) {
        let plan = plan(
            "seed = 1\nduration = '3s'\nconnections = 'per user'\n[load]\nrate = 7_000\n[[step]]\nget = '/'\n",
        );
        let outcome = run(&plan, &weak(), seed);
        let (lag, slip) = (outcome.snapshot.measured_total().lag.summary(), outcome.total().slip.summary());
        assert!(slip.p50 > 20 * MILLISECOND_NS, "seed {seed}: there was a backlog; {slip:?}");
        assert!(lag.p50 as f64 > slip.p50 as f64 * 0.95, "seed {seed}: {lag:?} of {slip:?}");
    }
}

#[test]
fn a_shed_arrival_is_held_against_whoever_kept_it_waiting() {
    for seed in seeds(3) {
        let load = "[load]\nrate = 20_000\noverload = 'shed'\ndeadline = '50ms'";
        let own_share = |connections: u32, world: &World| {
            let plan = plan(&format!("duration = '3s'\nconnections = {connections}\n{load}"));
            let snapshot = run(&plan, world, seed).snapshot;
            assert!(
                snapshot.requests.scenarios[0].dropped.measured > 10_000,
                "seed {seed}: {:?}",
                snapshot.requests.scenarios[0].dropped
            );
            snapshot.requests.scenarios[0].unreleased_own as f64
                / snapshot.requests.scenarios[0].dropped.measured as f64
        };
        let (ours, targets) = (own_share(50, &weak()), own_share(4, &slow()));
        assert!(
            ours > 0.7 && targets < 0.2,
            "seed {seed}: {ours} of a weak machine's, {targets} of a slow target's"
        );
    }
}

#[test]
fn responses_that_came_while_the_core_was_lost_are_no_timeouts() {
    let hiccup = Some(Hiccup { length_ns: 2 * SECOND_NS, every_ns: 3 * SECOND_NS });
    let machine = SimulatedMachine { hiccup, ..SimulatedMachine::default() };
    let server =
        SimulatedServer { service: Service::Fixed(50 * MILLISECOND_NS), ..SimulatedServer::default() };
    for seed in seeds(10) {
        let plan = plan("duration = '20s'\nconnections = 50\ntimeout = '500ms'\n[load]\nrate = 200");
        let outcome = run(&plan, &World { machine, server, ..World::default() }, seed);
        let total = outcome.total();
        assert!(outcome.snapshot.stats().hiccups > 2, "seed {seed}: the core was lost");
        assert_eq!(total.errors[Kind::Timeout as usize], 0, "seed {seed}: {:?}", total.errors);
        let lag = outcome.snapshot.measured_total().lag.summary();
        assert!(lag.max > 500 * MILLISECOND_NS, "seed {seed}: and the generator owns up to it; {lag:?}");
    }
}

#[test]
fn arrivals_shed_between_rare_ones_are_held_against_whoever_kept_them_waiting() {
    // The next arrival is later than now when the ones before it are dropped: it has not waited at all.
    let stall = Some(SimulatedStall { length_ns: 700 * MILLISECOND_NS, every_ns: SECOND_NS });
    let silent =
        World { server: SimulatedServer { stall, ..SimulatedServer::default() }, ..World::default() };
    let hiccup = Some(Hiccup { length_ns: SECOND_NS, every_ns: SECOND_NS });
    let stopped =
        World { machine: SimulatedMachine { hiccup, ..SimulatedMachine::default() }, ..World::default() };
    for seed in seeds(5) {
        let own_share = |world: &World| {
            let load = "[load]\nrate = 100\noverload = 'shed'\ndeadline = '5ms'";
            let plan = plan(&format!("duration = '20s'\nconnections = 4\n{load}"));
            let snapshot = run(&plan, world, seed).snapshot;
            assert!(
                snapshot.requests.scenarios[0].dropped.measured > 200,
                "seed {seed}: {:?}",
                snapshot.requests.scenarios[0].dropped
            );
            snapshot.requests.scenarios[0].unreleased_own as f64
                / snapshot.requests.scenarios[0].dropped.measured as f64
        };
        let (ours, targets) = (own_share(&stopped), own_share(&silent));
        assert!(
            ours > 0.9 && targets < 0.1,
            "seed {seed}: {ours} of a stopped machine's, {targets} of a target's"
        );
    }
}

#[test]
fn a_backlog_that_is_not_caught_up_with_in_time_is_held_against_the_generator() {
    for seed in seeds(3) {
        let plan = plan("duration = '3s'\nconnections = 50\ntimeout = '200ms'\n[load]\nrate = 8_500");
        let snapshot = run(&plan, &weak(), seed).snapshot;
        let (own, unsent) =
            (snapshot.requests.scenarios[0].unreleased_own, snapshot.requests.scenarios[0].unsent.measured);
        assert!(unsent > 1_000 && own * 10 > unsent * 9, "seed {seed}: {own} of {unsent} are ours");
    }
}

#[test]
fn a_backlog_that_is_caught_up_with_tells_whose_it_was() {
    let stall = Some(SimulatedStall { length_ns: 800 * MILLISECOND_NS, every_ns: 2_900 * MILLISECOND_NS });
    let stalls =
        World { server: SimulatedServer { stall, ..SimulatedServer::default() }, ..World::default() };
    for seed in seeds(3) {
        let own_share = |plan_text: &str, world: &World| {
            let outcome = run(&plan(plan_text), world, seed);
            assert_eq!(
                outcome.snapshot.requests.scenarios[0].unsent.measured, 0,
                "seed {seed}: it was caught up with"
            );
            assert!(
                outcome.snapshot.requests.scenarios[0].overdue.waited_ns > 50 * MILLISECOND_NS,
                "seed {seed}: there was a backlog"
            );
            outcome.snapshot.requests.scenarios[0].overdue.own_share()
        };
        let ours = own_share("duration = '6s'\nconnections = 50\n[load]\nrate = 7_000", &weak());
        let targets = own_share("duration = '3s'\nconnections = 4\n[load]\nrate = 5_000", &stalls);
        assert!(ours > 0.7 && targets < 0.2, "seed {seed}: {ours} of ours, {targets} of the target's");
    }
}

#[test]
fn a_target_that_closes_after_each_response_does_not_hide_the_generators_backlog() {
    let faults = Faults { close_ppm: 1_000_000, ..Faults::default() };
    for seed in seeds(3) {
        let plan = plan("duration = '3s'\nconnections = 50\n[load]\nrate = 5_000");
        let outcome = run(&plan, &World { faults, ..weak() }, seed);
        let (lag, slip) = (outcome.snapshot.measured_total().lag.summary(), outcome.total().slip.summary());
        assert!(slip.p50 > 100 * MILLISECOND_NS, "seed {seed}: there was a backlog; {slip:?}");
        assert!(lag.p50 * 4 > slip.p50 * 3, "seed {seed}: {lag:?} of {slip:?}");
    }
}

#[test]
fn nothing_times_out_for_the_generators_sake_after_the_end_either() {
    let hiccup = Some(Hiccup { length_ns: 2 * SECOND_NS, every_ns: 500 * MILLISECOND_NS });
    let machine = SimulatedMachine { hiccup, ..SimulatedMachine::default() };
    let server =
        SimulatedServer { service: Service::Fixed(400 * MILLISECOND_NS), ..SimulatedServer::default() };
    let mut in_drain = 0;
    for seed in seeds(30) {
        let plan = plan("duration = '1s'\nconnections = 200\ntimeout = '500ms'\n[load]\nrate = 200");
        let outcome = run(&plan, &World { machine, server, ..World::default() }, seed);
        let total = outcome.total();
        assert_eq!(total.errors[Kind::Timeout as usize], 0, "seed {seed}: {:?}", total.errors);
        let end_ns = SECOND_NS as i64..(SECOND_NS + 400 * MILLISECOND_NS) as i64;
        in_drain += outcome.wires[0].hiccups.iter().filter(|(at_ns, _)| end_ns.contains(at_ns)).count();
    }
    assert!(in_drain > 0 || std::env::var("SIMULATION_SEED").is_ok(), "no run lost its core in the drain");
}

#[test]
fn what_a_lost_core_kept_waiting_is_not_the_targets_time() {
    let hiccup = Some(Hiccup { length_ns: 2 * SECOND_NS, every_ns: 3 * SECOND_NS });
    let machine = SimulatedMachine { hiccup, ..SimulatedMachine::default() };
    let server =
        SimulatedServer { service: Service::Fixed(50 * MILLISECOND_NS), ..SimulatedServer::default() };
    for (seed, wait) in seeds(5).flat_map(|seed| ["spin", "auto", "park"].map(|wait| (seed, wait))) {
        let plan = plan(&format!(
            "duration = '20s'\nconnections = 500\nwait = '{wait}'\ntimeout = '5s'\n[load]\nrate = 200"
        ));
        let outcome = run(&plan, &World { machine, server, ..World::default() }, seed);
        let targets_ns = outcome.total().response.mean_ns() - outcome.snapshot.measured_total().lag.mean_ns();
        // All that came in a lost turn is taken to have come at its beginning, which is hard on the generator.
        let is_fair = (48e6..51e6).contains(&targets_ns);
        assert!(is_fair, "seed {seed}, {wait}: {targets_ns} of 50 ms are said to be the target's");
    }
}

#[test]
fn responses_that_wait_while_a_turn_sends_are_the_generators_time() {
    let machine = SimulatedMachine { submission_ns: 4 * MICROSECOND_NS, ..SimulatedMachine::default() };
    let server =
        SimulatedServer { service: Service::Exponential(20 * MICROSECOND_NS), ..SimulatedServer::default() };
    for seed in seeds(3) {
        let plan = plan("duration = '1s'\nconnections = 16");
        let outcome = run(&plan, &World { machine, server, ..World::default() }, seed);
        let lag = outcome.snapshot.measured_total().lag.summary();
        assert!(lag.p50 > 3 * MICROSECOND_NS, "seed {seed}: {lag:?}");
    }
}
