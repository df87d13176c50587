//! Flows whose steps go to several targets, in virtual time: what hangs at one holds up nothing at another, and accounts close.

use super::worlds::{plan, report, run, seeds};
use engine::outcome::Kind;
use engine::plan::Plan;
use engine::quantity::{MICROSECOND_NS, MILLISECOND_NS, SECOND_NS};
use engine::record::IterationRecord;
use shards::simulation::world::{
    Faults, ServedProtocol, Service, SimulatedMachine, SimulatedServer, SimulatedStall, World,
};
use shards::simulation::{Simulation, SimulationResult};

/// A plan of `[run]` and `[load]`, and what comes behind them.
fn two(run: &str, more: &str) -> Plan {
    plan(&format!("{run}\n{more}"))
}

const TARGETS: &str = "[target.b]\nurl = 'http://other/'\n";

fn server(service_ns: u64) -> SimulatedServer {
    SimulatedServer { service: Service::Fixed(service_ns), ..SimulatedServer::default() }
}

/// The plan's `url` is behind the first server, and `b` behind the second.
fn world(first: SimulatedServer, second: SimulatedServer) -> World {
    World { server: first, others: vec![second], ..World::default() }
}

fn iterations(outcome: &SimulationResult) -> &IterationRecord {
    outcome.snapshot.requests.iterations[0].as_ref().expect("the scenario is a flow")
}

fn reached(outcome: &SimulationResult) -> [u64; 2] {
    let each = |pool: usize| {
        outcome.wires.iter().map(|wire| wire.requests_each.get(pool).copied().unwrap_or(0)).sum()
    };
    [each(0), each(1)]
}

#[test]
fn each_target_is_sent_its_own_steps_whatever_both_speak() {
    for seed in seeds(6) {
        let (shards, is_second) = (1 + seed % 2, seed % 3 == 0);
        let http = if is_second { "http = { version = '2-prior-knowledge' }\n" } else { "" };
        let plan = two(
            &format!(
                "seed = {seed}\nshards = {shards}\nduration = '2s'\nconnections = 8\n[load]\nrate = 300\n"
            ),
            &format!(
                "{TARGETS}{http}[[step]]\nget = '/a'\n[[step]]\nget = '/b'\ntarget = 'b'\nrepeat = 2\n[[step]]\nget = '/c'\nthink = '1ms'\n"
            ),
        );
        let protocol = if is_second { ServedProtocol::Http2 } else { ServedProtocol::Http1 };
        let second = SimulatedServer { protocol, ..server(2 * MILLISECOND_NS) };
        let outcome = run(&plan, &world(server(MILLISECOND_NS), second), seed);
        assert_eq!(reached(&outcome), [1_200, 1_200], "seed {seed}");
        assert_eq!(iterations(&outcome).ok.measured, 600, "seed {seed}");
        let report = report(&plan, &outcome);
        let p50 = |step: usize| report.scenarios[0].steps[step].service_ns.p50;
        let (first, second) = (p50(0), p50(1));
        assert!(
            first < 1_500_000 && (2_000_000..2_500_000).contains(&second),
            "seed {seed}: {first} {second}"
        );
    }
}

/// How many sends were reported on each of two pools.
fn reported(outcome: &SimulationResult) -> [u64; 2] {
    let each = |pool: usize| {
        outcome.wires.iter().map(|wire| wire.reported_each.get(pool).copied().unwrap_or(0)).sum()
    };
    [each(0), each(1)]
}

#[test]
fn what_one_target_takes_is_no_matter_of_what_another_speaks() {
    // The first speaks HTTP/1.1: HTTP/2 would refuse its headers, and has the end of each send reported.
    for seed in seeds(2) {
        let plan = two(
            &format!("seed = {seed}\nduration = '1s'\nconnections = 2\n[load]\nrate = 100\n"),
            &format!(
                "{TARGETS}http = {{ version = '2-prior-knowledge' }}\n[[step]]\npost = '/a'\nbody = 'a'\nheaders.TE = 'gzip'\n\
                 headers.Keep-Alive = 'timeout=5'\n[[step]]\nget = '/{{{{seq}}}}'\n[[step]]\nget = '/b'\ntarget = 'b'\n"
            ),
        );
        let second = SimulatedServer { protocol: ServedProtocol::Http2, ..server(MILLISECOND_NS) };
        let outcome = run(&plan, &world(server(MILLISECOND_NS), second), seed);
        assert_eq!((reached(&outcome), iterations(&outcome).ok.measured), ([200, 100], 100), "seed {seed}");
        let [first, second] = reported(&outcome);
        assert!(first == 0 && second >= 100, "seed {seed}: {first} {second}");
    }
}

#[test]
fn of_requests_that_differ_in_length_the_long_ones_are_reported_sent_and_what_follows_each() {
    // What is left of the long one may fill the socket's buffer, if it is answered early; of a short one, that is not much.
    let long = "x".repeat(6_000);
    for (seed, path) in seeds(4).zip(["", "{{seq}}"].into_iter().cycle()) {
        let plan = plan(&format!(
            "seed = {seed}\nduration = '2s'\nconnections = 1\n[load]\nrate = 20\n[[step]]\npost = '/{path}'\nbody = '{long}'\n\
             [[step]]\nget = '/a{path}'\nrepeat = 3\n"
        ));
        let outcome = run(&plan, &World { server: server(MILLISECOND_NS), ..World::default() }, seed);
        assert_eq!((iterations(&outcome).ok.measured, reported(&outcome)), (40, [80, 0]), "seed {seed}");
    }
}

#[test]
fn iterations_that_send_nothing_begin_and_end_whatever_they_might_have_reached() {
    for seed in seeds(2) {
        for (nothing, load) in [("repeat = 0", "rate = 100\n"), ("chance = '0%'", "users = 2\n")] {
            let of = |target: &str| {
                plan(&format!(
                    "seed = {seed}\nduration = '1s'\nconnections = 2\n[load]\n{load}{}[[step]]\nget = '/a'\n{nothing}\n[[step]]\n\
                     get = '/b'\n{target}{nothing}\n",
                    if target.is_empty() { "" } else { TARGETS }
                ))
            };
            let of = |target: &str| {
                let outcome = run(&of(target), &world(server(MILLISECOND_NS), server(MILLISECOND_NS)), seed);
                assert_eq!(reached(&outcome), [0, 0], "seed {seed}: {nothing}");
                iterations(&outcome).ok.measured
            };
            let (one, several) = (of(""), of("target = 'b'\n"));
            assert!(one >= 100 && several.abs_diff(one) <= one / 50, "seed {seed}: {one} {several}");
        }
    }
}

#[test]
fn a_target_that_cannot_be_reached_takes_no_arrivals_out_of_what_is_dropped_for_another() {
    // One in a hundred begins at a target that is gone. The other one is sent twice what it can take, and drops what waits for 100 ms.
    for seed in seeds(4) {
        let plan = two(
            &format!(
                "seed = {seed}\nduration = '4s'\ntimeout = '20s'\nconnections = 1\n[load]\nrate = 200\noverload = 'shed'\ndeadline = '100ms'\n"
            ),
            &format!(
                "{TARGETS}[[step]]\nchoose = {{ here = 99, there = 1 }}\n[[flow.here]]\nget = '/here'\n[[flow.there]]\nget = '/there'\ntarget = 'b'\n"
            ),
        );
        let gone = SimulatedServer { down: Some((0, 10 * SECOND_NS)), ..server(MILLISECOND_NS) };
        let outcome = run(&plan, &world(server(10 * MILLISECOND_NS), gone), seed);
        let report = report(&plan, &outcome);
        let here = &report.scenarios[0].steps[0];
        // An attempt to connect begins one arrival at the most, so few wait as sessions for what they were drawn for.
        assert!(here.response_ns.max < 500 * MILLISECOND_NS, "seed {seed}: {:?}", here.response_ns);
        let dropped = outcome.snapshot.requests.scenarios[0].dropped.measured;
        assert!(dropped > 300, "seed {seed}: {dropped}");
        assert!(outcome.total().errors[Kind::Connect as usize] > 0, "seed {seed}");
    }
}

#[test]
fn a_target_that_hangs_holds_up_nothing_at_another() {
    // Each iteration begins at one of two targets; one of these is silent for two seconds in each four, and has two connections alone.
    for seed in seeds(6) {
        let shards = 1 + seed % 2;
        let plan = two(
            &format!(
                "seed = {seed}\nshards = {shards}\nduration = '8s'\ntimeout = '5s'\nconnections = 4\n[load]\nrate = 400\n"
            ),
            &format!(
                "{TARGETS}connections = 2\n[[step]]\nchoose = {{ here = 1, there = 1 }}\n[[flow.here]]\nget = '/here'\n[[flow.here]]\n\
                 get = '/again'\nthink = '3ms'\n[[flow.there]]\nget = '/there'\ntarget = 'b'\n"
            ),
        );
        let stall = SimulatedStall { every_ns: 4 * SECOND_NS, length_ns: 2 * SECOND_NS };
        let second = SimulatedServer { stall: Some(stall), ..server(MILLISECOND_NS) };
        let outcome = run(&plan, &world(server(MILLISECOND_NS), second), seed);
        let report = report(&plan, &outcome);
        let [here, again, there] = &report.scenarios[0].steps[..] else { panic!("there are three steps") };
        for step in [here, again] {
            assert!(step.response_ns.max < 6 * MILLISECOND_NS, "seed {seed}: {:?}", step.response_ns);
        }
        // What waits there waits for the target: it is in the response time, and not in that of the server, nor is it the generator's.
        assert!(there.response_ns.p90 > SECOND_NS, "seed {seed}: {:?}", there.response_ns);
        assert!(there.service_ns.p50 < 2 * MILLISECOND_NS, "seed {seed}: {:?}", there.service_ns);
        let lag = outcome.total().lag.summary();
        assert!(lag.p99 < MILLISECOND_NS, "seed {seed}: {lag:?}");
        let record = iterations(&outcome);
        assert_eq!(record.ok.measured + record.failed.measured, 3_200, "seed {seed}: {record:?}");
    }
}

#[test]
fn an_arrival_waits_for_a_connection_to_its_first_target_and_to_no_other() {
    // All begin at the second target, which has one connection and takes 10 ms: 100 of 200 arrivals a second get through.
    for seed in seeds(4) {
        let plan = two(
            &format!(
                "seed = {seed}\nduration = '4s'\ntimeout = '20s'\nconnections = 8\n[load]\nrate = 200\noverload = 'shed'\ndeadline = '100ms'\n"
            ),
            &format!("{TARGETS}connections = 1\n[[step]]\nget = '/b'\ntarget = 'b'\n[[step]]\nget = '/a'\n"),
        );
        let outcome = run(&plan, &world(server(MILLISECOND_NS), server(10 * MILLISECOND_NS)), seed);
        let record = iterations(&outcome);
        assert!((380..=420).contains(&record.ok.measured), "seed {seed}: {record:?}");
        assert_eq!(reached(&outcome)[0], reached(&outcome)[1], "seed {seed}");
        let dropped = outcome.snapshot.requests.scenarios[0].dropped.measured;
        assert!(dropped > 350, "seed {seed}: {dropped}");
    }
}

#[test]
fn a_target_that_is_gone_fails_its_own_steps_and_lets_the_others_go_on() {
    for seed in seeds(4) {
        let plan = two(
            &format!("seed = {seed}\nduration = '4s'\nconnections = 8\ntimeout = '1s'\n[load]\nrate = 100\n"),
            &format!(
                "{TARGETS}[[step]]\nget = '/a'\n[[step]]\nget = '/b'\ntarget = 'b'\non_failure = 'continue'\n[[step]]\nget = '/c'\n"
            ),
        );
        let gone = SimulatedServer { down: Some((SECOND_NS, 3 * SECOND_NS)), ..server(MILLISECOND_NS) };
        let outcome = run(&plan, &world(server(MILLISECOND_NS), gone), seed);
        let report = report(&plan, &outcome);
        let [first, second, third] = &report.scenarios[0].steps[..] else { panic!("there are three steps") };
        assert_eq!((first.requests.failed, third.requests.failed), (0, 0), "seed {seed}");
        assert_eq!(first.requests.ok, 400, "seed {seed}");
        assert!(
            second.requests.failed > 20 && second.requests.ok > 150,
            "seed {seed}: {} {}",
            second.requests.failed,
            second.requests.ok
        );
        let record = iterations(&outcome);
        assert_eq!(record.ok.measured + record.failed.measured, 400, "seed {seed}: {record:?}");
        assert!(outcome.total().errors[Kind::Connect as usize] > 0, "seed {seed}");
    }
}

#[test]
fn accounts_close_whatever_goes_wrong_at_either_target() {
    for seed in seeds(16) {
        let (shards, arrivals) = (1 + seed % 2, if seed % 3 == 0 { "poisson" } else { "uniform" });
        let version =
            if seed % 2 == 0 { "" } else { "http = { version = '2-prior-knowledge', streams = 4 }\n" };
        let plan = plan(&format!(
            "seed = {seed}\nshards = {shards}\nduration = '2s'\nwarmup = '300ms'\ntimeout = '150ms'\nconnections = 3\nsessions = 200\n\
             graceful = '200ms'\n[load]\nrate = 500\narrivals = '{arrivals}'\n{TARGETS}{version}[[step]]\nchance = '50%'\nget = '/a'\n\
             [[step]]\nget = '/b'\ntarget = 'b'\nthink = 'exp:20ms'\nrepeat = '0..2'\n[[step]]\nget = '/c'\non_failure = 'continue'\n\
             [[step]]\nget = '/d'\ntarget = 'b'\nalways = true\n"
        ));
        let protocol = if version.is_empty() { ServedProtocol::Http1 } else { ServedProtocol::Http2 };
        let stall = SimulatedStall { every_ns: 700 * MILLISECOND_NS, length_ns: 300 * MILLISECOND_NS };
        let second = SimulatedServer {
            service: Service::Exponential(3 * MILLISECOND_NS),
            stall: Some(stall),
            protocol,
            down: (seed % 5 == 0).then_some((SECOND_NS, 1_300 * MILLISECOND_NS)),
            ..SimulatedServer::default()
        };
        let faults = Faults {
            lost_ppm: 3_000,
            reset_ppm: 3_000,
            close_ppm: 3_000,
            refused_ppm: 10_000,
            connect_refused_ppm: 20_000,
            ..Faults::default()
        };
        let world = World { faults, ..world(server(2 * MILLISECOND_NS), second) };
        // `run` holds what was scheduled against what came of it.
        let outcome = run(&plan, &world, seed);
        let [first, second] = reached(&outcome);
        assert!(first > 100 && second > 100, "seed {seed}: {first} {second}");
    }
}

#[test]
fn the_same_flow_to_one_target_twice_is_the_same_flow() {
    // Two names of one server, and one: what is sent, and when, does not depend on that, as long as connections are free.
    for seed in seeds(4) {
        let flow = |target: &str| {
            plan(&format!(
                "seed = {seed}\nduration = '2s'\nconnections = 64\n[load]\nrate = 200\narrivals = 'poisson'\n{}[[step]]\n\
                 get = '/{{{{rand 1 1000}}}}'\n[[step]]\nget = '/b/{{{{rand 1 1000000}}}}'\nthink = 'exp:10ms'\n{target}[[step]]\nget = '/c'\n",
                if target.is_empty() { "" } else { TARGETS }
            ))
        };
        let of = |plan: &Plan| {
            let outcome = run(plan, &world(server(MILLISECOND_NS), server(MILLISECOND_NS)), seed);
            let record = iterations(&outcome).clone();
            (record.ok, outcome.total().bytes_sent, record.lasted.mean_ns() as u64 / 20_000)
        };
        let (one, several) = (of(&flow("")), of(&flow("target = 'b'\n")));
        assert_eq!(one.0, several.0, "seed {seed}");
        // The other one's name is two letters shorter.
        let shorter = several.0.measured * ("simulated".len() - "other".len()) as u64;
        assert_eq!(one.1, several.1 + shorter, "seed {seed}");
        assert!(one.2.abs_diff(several.2) <= 1, "seed {seed}: {} {}", one.2, several.2);
    }
}

#[test]
fn attempts_go_to_the_target_of_their_step_and_each_is_counted_once() {
    for seed in seeds(6) {
        let plan = plan(&format!(
            "seed = {seed}\nduration = '3s'\nconnections = 6\ntimeout = '1s'\n[load]\nrate = 200\n[retry]\nattempts = 3\non = [503]\n\
             wait = '20ms'\n{TARGETS}[[step]]\nget = '/a'\n[[step]]\nget = '/b'\ntarget = 'b'\non_failure = 'continue'\n"
        ));
        let faults = Faults { refused_ppm: 200_000, ..Faults::default() };
        let world = World { faults, ..world(server(MILLISECOND_NS), server(MILLISECOND_NS)) };
        let outcome = Simulation::new(plan, world, seed).run();
        let total = outcome.total();
        let attempts = total.attempts.as_ref().expect("something is done about failures");
        let [first, second] = reached(&outcome);
        assert_eq!(attempts.sent, first + second, "seed {seed}");
        assert_eq!(attempts.made, attempts.ok + attempts.errors.iter().sum::<u64>(), "seed {seed}");
        // One of five is refused, and each has three attempts: 1.24 for each request.
        assert!(
            (690..=810).contains(&first) && (680..=810).contains(&second),
            "seed {seed}: {first} {second}"
        );
        let record = iterations(&outcome);
        assert_eq!(record.ok.measured + record.failed.measured, 600, "seed {seed}: {record:?}");
    }
}

#[test]
fn whose_doing_it_is_that_arrivals_wait_is_told_of_all_targets_that_they_may_begin_at() {
    // One in a hundred begins at the first target, which answers nothing in time and has one connection. The others begin at the second.
    let silent = server(15 * SECOND_NS);
    let weak = SimulatedMachine { submission_ns: 150 * MICROSECOND_NS, ..SimulatedMachine::default() };
    for (seed, policy) in seeds(3).flat_map(|seed| {
        ["", "overload = 'shed'\ndeadline = '50ms'", "overload = 'degrade'\nslip = '50ms'"]
            .map(|policy| (seed, policy))
    }) {
        let own_share = |machine: SimulatedMachine, connections: u32, second_ns: u64| {
            let plan = two(
                &format!(
                    "seed = {seed}\nduration = '3s'\ntimeout = '20s'\ngraceful = '0s'\nconnections = 1\nsessions = 20_000\n[load]\nrate = 20_000\n{policy}\n"
                ),
                &format!(
                    "{TARGETS}connections = {connections}\n[[step]]\nchoose = {{ here = 1, there = 99 }}\n[[flow.here]]\nget = '/here'\n\
                     [[flow.there]]\nget = '/there'\ntarget = 'b'\n"
                ),
            );
            let outcome = run(&plan, &World { machine, ..world(silent, server(second_ns)) }, seed);
            let scenario = &outcome.snapshot.requests.scenarios[0];
            let unreleased =
                scenario.dropped.measured + scenario.unsent.measured + scenario.withheld.measured;
            assert!(unreleased > 10_000, "seed {seed}, {policy}: {unreleased}");
            scenario.unreleased_own as f64 / unreleased as f64
        };
        let ours = own_share(weak, 50, MILLISECOND_NS);
        let targets = own_share(SimulatedMachine::default(), 4, 2 * MILLISECOND_NS);
        assert!(ours > 0.7, "seed {seed}, {policy}: {ours} of a weak machine's");
        assert!(targets < 0.2, "seed {seed}, {policy}: {targets} of a slow target's");
    }
}
