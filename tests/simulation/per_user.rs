//! Connections of users' own, in virtual time: who has which, when it is made again, and that nobody waits for another's.

use super::worlds::{pick, plan, plan_of, random_faults, random_machine, random_server, report, run, seeds};
use engine::outcome::Kind;
use engine::plan::Plan;
use engine::quantity::{MILLISECOND_NS, SECOND_NS};
use engine::random::Random;
use engine::record::IterationRecord;
use shards::simulation::world::{
    Faults, Network, ServedProtocol, Service, SimulatedServer, SimulatedStall, World,
};
use shards::simulation::{Simulation, SimulationResult};
use std::collections::{BTreeMap, BTreeSet};

/// A connection: whose shard it is of, its slot there, and which of the slot's it was.
type Taken = (usize, u32, u32);

fn server(service_ns: u64) -> SimulatedServer {
    SimulatedServer { service: Service::Fixed(service_ns), ..SimulatedServer::default() }
}

fn logging(server: SimulatedServer) -> World {
    World { server, keeps_log: true, ..World::default() }
}

fn iterations(outcome: &SimulationResult) -> &IterationRecord {
    outcome.snapshot.requests.iterations[0].as_ref().expect("the scenario is a flow")
}

/// The connections that the requests of each user were sent on, by what a path is after its second slash; and to which target, by what is
/// before it.
fn taken(outcome: &SimulationResult) -> BTreeMap<(String, String), BTreeSet<Taken>> {
    let mut taken: BTreeMap<(String, String), BTreeSet<Taken>> = BTreeMap::new();
    for (shard, wire) in outcome.wires.iter().enumerate() {
        for request in &wire.connection_log {
            let (target, user) = request.path[1..].split_once('/').expect("a target and a user");
            let whose = (target.to_owned(), user.to_owned());
            taken.entry(whose).or_default().insert((shard, request.slot, request.connection));
        }
    }
    taken
}

/// That no connection was taken by two.
fn assert_disjoint(taken: &BTreeMap<(String, String), BTreeSet<Taken>>, context: &str) {
    let mut of: BTreeMap<Taken, &(String, String)> = BTreeMap::new();
    for (whose, connections) in taken {
        for &connection in connections {
            let other = of.insert(connection, whose);
            assert_eq!(other, None, "{context}: {connection:?} was taken by {whose:?} too");
        }
    }
}

fn connects(outcome: &SimulationResult) -> u64 {
    outcome.wires.iter().flat_map(|wire| &wire.connects).sum()
}

fn of_users(seed: u64, shards: u64, users: &str, steps: &str) -> Plan {
    plan(&format!(
        "seed = {seed}\nshards = {shards}\nduration = '3s'\nconnections = 'per user'\n[load]\n{users}\n{steps}"
    ))
}

const TWO_STEPS: &str = "[[step]]\nget = '/a/{{user}}'\nthink = '3ms'\n[[step]]\nget = '/a/{{user}}'\nthink = 'exp:5ms'\nrepeat = 2\n";

#[test]
fn each_user_has_a_connection_and_keeps_it_from_loop_to_loop() {
    for seed in seeds(6) {
        let (shards, users) = (1 + seed % 2, 2 + seed);
        let plan = of_users(seed, shards, &format!("users = {users}"), TWO_STEPS);
        let outcome = run(&plan, &logging(server(MILLISECOND_NS)), seed);
        let taken = taken(&outcome);
        assert_eq!(taken.len() as u64, users, "seed {seed}");
        assert!(taken.values().all(|connections| connections.len() == 1), "seed {seed}: {taken:?}");
        assert_disjoint(&taken, &format!("seed {seed}"));
        assert_eq!((connects(&outcome), u64::from(plan.connections())), (users, users), "seed {seed}");
        assert!(iterations(&outcome).ok.measured > 50 * users, "seed {seed}");
        let (report, stats) = (report(&plan, &outcome), outcome.snapshot.stats());
        let attempts = report.connections.attempts.expect("there were some");
        assert_eq!((attempts.begun, attempts.made, stats.reconnects), (users, users, 0), "seed {seed}");
    }
}

#[test]
fn an_iteration_of_a_rate_makes_its_connection_and_closes_it_at_its_end() {
    for seed in seeds(6) {
        let shards = 1 + seed % 2;
        let steps = "[[step]]\nget = '/a/{{seq}}'\nthink = '3ms'\n[[step]]\nget = '/a/{{seq}}'\nrepeat = 2\n";
        let plan = of_users(seed, shards, "rate = 200\narrivals = 'poisson'", steps);
        assert_eq!(plan.connections(), 10_000, "as many sessions where nothing is said");
        let outcome = run(&plan, &logging(server(MILLISECOND_NS)), seed);
        let begun = iterations(&outcome).ok.measured;
        let taken = taken(&outcome);
        assert!(taken.values().all(|connections| connections.len() == 1), "seed {seed}: {taken:?}");
        assert_disjoint(&taken, &format!("seed {seed}"));
        assert!(begun > 500, "seed {seed}: {begun}");
        assert_eq!((taken.len() as u64, connects(&outcome)), (begun, begun), "seed {seed}");
        assert_eq!(outcome.snapshot.stats().reconnects, 0, "seed {seed}: each is a new user's");
        // Places are taken again, so that no more are ever in use than there were at a time.
        let slots: BTreeSet<u32> = taken.values().flatten().map(|&(_, slot, _)| slot).collect();
        assert!(slots.len() < 30, "seed {seed}: {}", slots.len());
    }
}

#[test]
fn making_the_connection_is_in_the_time_of_the_request_that_needs_it_and_of_no_other() {
    let network = Network { one_way_ns: 10 * MILLISECOND_NS, ..Network::default() };
    for seed in seeds(3) {
        let steps =
            "[[step]]\nname = 'first'\nget = '/a/{{seq}}'\n[[step]]\nname = 'second'\nget = '/a/{{seq}}'\n";
        let plan = of_users(seed, 1, "rate = 20", steps);
        let outcome = run(&plan, &World { network, ..logging(server(MILLISECOND_NS)) }, seed);
        let report = report(&plan, &outcome);
        let [first, second] = &report.scenarios[0].steps[..] else { panic!("there are two steps") };
        let round_ns = 20 * MILLISECOND_NS;
        for (step, expected_ns) in
            [(first, 2 * round_ns + MILLISECOND_NS), (second, round_ns + MILLISECOND_NS)]
        {
            let (p50, max) = (step.response_ns.p50, step.response_ns.max);
            let is_near = |ns: u64| ns.abs_diff(expected_ns) < MILLISECOND_NS;
            assert!(is_near(p50) && is_near(max), "seed {seed}: {:?}", step.response_ns);
        }
        let attempts = report.connections.attempts.expect("there were some");
        assert_eq!((attempts.made, attempts.connect_ns.count), (60, 60), "seed {seed}");
    }
}

#[test]
fn a_connection_that_the_server_closes_is_made_again_for_the_same_user() {
    for seed in seeds(8) {
        let (shards, users) = (1 + seed % 2, 8);
        let plan = of_users(seed, shards, &format!("users = {users}"), TWO_STEPS);
        let faults = Faults {
            close_ppm: 30_000,
            quiet_end_ppm: 30_000,
            reset_ppm: 10_000,
            lost_end_ppm: 5_000,
            cut_ppm: 5_000,
            ..Faults::default()
        };
        let outcome = run(&plan, &World { faults, ..logging(server(MILLISECOND_NS)) }, seed);
        let taken = taken(&outcome);
        assert_eq!(taken.len() as u64, users, "seed {seed}");
        assert_disjoint(&taken, &format!("seed {seed}"));
        // Each stays in its place, whichever connection it has there.
        let places = |taken: &BTreeSet<Taken>| {
            taken.iter().map(|&(shard, slot, _)| (shard, slot)).collect::<BTreeSet<_>>()
        };
        assert!(taken.values().all(|taken| places(taken).len() == 1), "seed {seed}: {taken:?}");
        let (made, stats) = (connects(&outcome), outcome.snapshot.stats());
        assert!(stats.reconnects > 50 && made == stats.reconnects + users, "seed {seed}: {made} {stats:?}");
        assert!(iterations(&outcome).ok.measured > 100, "seed {seed}");
    }
}

#[test]
fn what_one_user_waits_for_delays_no_other() {
    for seed in seeds(3) {
        // Some responses never come, and some attempts to connect get no answer: both for as long as a second.
        let plan = plan(&format!(
            "seed = {seed}\nshards = {}\nduration = '4s'\ntimeout = '1s'\nconnections = 'per user'\n             [load]\nusers = 40\n{TWO_STEPS}",
            1 + seed % 2
        ));
        let faults = Faults { lost_ppm: 10_000, connect_lost_ppm: 200_000, ..Faults::default() };
        let outcome = run(&plan, &World { faults, ..logging(server(MILLISECOND_NS)) }, seed);
        let (total, report) = (outcome.total(), report(&plan, &outcome));
        assert!(total.errors[Kind::Timeout as usize] > 20, "seed {seed}: {:?}", total.errors);
        assert!(total.errors[Kind::Connect as usize] > 3, "seed {seed}: {:?}", total.errors);
        // What succeeds waits for its own connection alone: its attempt, and a wait after one that has failed.
        let all: Vec<u64> = report.scenarios[0].steps.iter().map(|step| step.response_ns.p99).collect();
        assert!(all[1] < 3 * MILLISECOND_NS, "seed {seed}: {all:?}");
        let lag = total.lag.summary();
        assert!(lag.p99 < MILLISECOND_NS, "seed {seed}: {lag:?}");
        assert_disjoint(&taken(&outcome), &format!("seed {seed}"));
    }
}

#[test]
fn a_target_that_stalls_keeps_no_more_connections_than_there_are_sessions_and_its_wait_is_its_own() {
    for seed in seeds(3) {
        let stall = SimulatedStall { every_ns: 2 * SECOND_NS, length_ns: SECOND_NS };
        let stalling = SimulatedServer { stall: Some(stall), ..server(MILLISECOND_NS) };
        let plan = plan(&format!(
            "seed = {seed}\nduration = '4s'\nconnections = 'per user'\nsessions = 20\n[load]\nrate = 100\n[[step]]\nget = '/a/{{{{seq}}}}'\n"
        ));
        assert_eq!(plan.connections(), 20);
        let outcome = run(&plan, &logging(stalling), seed);
        let total = outcome.total();
        assert!(total.slip.max_ns() > 500 * MILLISECOND_NS, "seed {seed}: arrivals wait for a session");
        assert!(total.lag.summary().p99 < MILLISECOND_NS, "seed {seed}: {:?}", total.lag.summary());
        let slots: BTreeSet<u32> =
            outcome.wires[0].connection_log.iter().map(|request| request.slot).collect();
        assert_eq!(slots.len(), 20, "seed {seed}");
        assert_eq!(total.ok, 400, "seed {seed}");
    }
}

#[test]
fn users_who_go_close_their_connections_and_make_others_when_they_come_again() {
    for seed in seeds(2) {
        let stages = "stages = [ { users = 6, duration = '1s' }, { users = 2, duration = '1s' }, { users = 6, duration = '1s' } ]";
        let plan = of_users(seed, 1 + seed % 2, &format!("of = 'users'\n{stages}"), TWO_STEPS);
        let outcome = run(&plan, &logging(server(MILLISECOND_NS)), seed);
        let taken = taken(&outcome);
        assert_disjoint(&taken, &format!("seed {seed}"));
        let had: Vec<usize> = taken.values().map(BTreeSet::len).collect();
        assert_eq!(had, [1, 1, 2, 2, 2, 2], "seed {seed}: two stay, four go and come again");
        assert_eq!((connects(&outcome), outcome.snapshot.stats().reconnects), (10, 0), "seed {seed}");
        assert_eq!(outcome.total().failed(), 0, "seed {seed}");
        // A ramp down to nobody leaves no connection open.
        let ramp = "stages = [ { shape = 'ramp', from = 0, to = 9, duration = '1s' }, { shape = 'ramp', from = 9, to = 0, duration = '2s' } ]";
        let plan = of_users(seed, 1, &format!("of = 'users'\n{ramp}"), TWO_STEPS);
        let outcome = run(&plan, &logging(server(MILLISECOND_NS)), seed);
        assert_eq!(connects(&outcome), 9, "seed {seed}");
        assert_eq!(outcome.snapshot.stats().open, 0, "seed {seed}");
    }
}

#[test]
fn a_user_has_a_connection_to_each_of_its_targets() {
    for seed in seeds(4) {
        let steps = "[target.b]\nurl = 'http://other/'\n[[step]]\nget = '/a/{{user}}'\n[[step]]\nget = '/b/{{user}}'\ntarget = 'b'\n\
                     repeat = '0..2'\n[[step]]\nget = '/a/{{user}}'\nthink = '2ms'\n";
        let plan = of_users(seed, 1 + seed % 2, "users = 5", steps);
        assert_eq!(plan.connections(), 10);
        let world = World { others: vec![server(3 * MILLISECOND_NS)], ..logging(server(MILLISECOND_NS)) };
        let outcome = run(&plan, &world, seed);
        let taken = taken(&outcome);
        assert_eq!((taken.len(), connects(&outcome)), (10, 10), "seed {seed}");
        assert!(taken.values().all(|connections| connections.len() == 1), "seed {seed}: {taken:?}");
        assert_disjoint(&taken, &format!("seed {seed}"));
        assert_eq!(outcome.total().failed(), 0, "seed {seed}");
    }
}

#[test]
fn a_target_that_is_gone_is_tried_again_by_each_user_and_never_in_a_rush() {
    for seed in seeds(4) {
        let gone = SimulatedServer { down: Some((SECOND_NS, 2 * SECOND_NS)), ..server(MILLISECOND_NS) };
        let plan = of_users(seed, 1, "users = 10", TWO_STEPS);
        let outcome = run(&plan, &logging(gone), seed);
        let during = outcome.wires[0].connects[1];
        // 10 ms, then twice as long each time, up to a second: some seven attempts of each in a second.
        assert!((10..=100).contains(&during), "seed {seed}: {during}");
        let total = outcome.total();
        assert!(total.errors[Kind::Connect as usize] >= 10, "seed {seed}: {:?}", total.errors);
        assert_eq!(
            total.errors[Kind::Connect as usize],
            during + outcome.wires[0].connects[2] - 10,
            "seed {seed}"
        );
        assert!(iterations(&outcome).ok.measured > 500, "seed {seed}");
    }
}

#[test]
fn a_connection_for_each_request_stays_one_for_each_request() {
    for seed in seeds(2) {
        let plan = plan(&format!(
            "seed = {seed}\nduration = '1s'\nconnections = 'per user'\n[http]\nreuse = false\n[load]\nusers = 4\n{TWO_STEPS}"
        ));
        let outcome = run(&plan, &logging(server(MILLISECOND_NS)), seed);
        assert_eq!(connects(&outcome), outcome.total().sent, "seed {seed}");
        assert_disjoint(&taken(&outcome), &format!("seed {seed}"));
        assert_eq!(outcome.snapshot.stats().reconnects, 0, "seed {seed}: none was lost");
    }
}

#[test]
fn connections_to_a_target_that_is_gone_wait_to_be_made_once_each() {
    // The shard itself asserts that none of them waits twice.
    for seed in seeds(2) {
        let gone = SimulatedServer { down: Some((0, 5 * SECOND_NS)), ..server(MILLISECOND_NS) };
        let plan = plan(&format!(
            "seed = {seed}\nduration = '3s'\nsessions = 8\nconnections = 'per user'\n[load]\nrate = 2_000\n[[step]]\nget = '/a/1'\n"
        ));
        let outcome = run(&plan, &logging(gone), seed);
        let total = outcome.total();
        assert_eq!(total.errors[Kind::Connect as usize], total.failed(), "seed {seed}");
        assert!(total.failed() > 1_000, "seed {seed}: {}", total.failed());
    }
}

#[test]
fn each_user_has_its_own_connection_whatever_is_spoken_on_it() {
    for seed in seeds(4) {
        let (protocol, http) = match seed % 2 {
            0 => (ServedProtocol::Http2, "[http]\nversion = '2-prior-knowledge'\nstreams = 3\n"),
            _ => (ServedProtocol::Lines, ""),
        };
        let (url, step) = match protocol {
            ServedProtocol::Lines => ("tcp://simulated:1", "text = \"hello\\n\""),
            _ => ("http://simulated/", "get = '/a/{{user}}'"),
        };
        let world = logging(SimulatedServer { protocol, ..server(MILLISECOND_NS) });
        let of = |load: &str| {
            let plan = plan_of(
                url,
                &format!(
                    "seed = {seed}\nduration = '2s'\nconnections = 'per user'\n{http}[load]\n{load}\n[[step]]\n{step}\nthink = '2ms'\n\
                     [[step]]\n{step}\n"
                ),
            );
            let outcome = run(&plan, &world, seed);
            assert_eq!(outcome.total().failed(), 0, "seed {seed}");
            (connects(&outcome), iterations(&outcome).ok.measured)
        };
        let (made, loops) = of("users = 6");
        assert!(made == 6 && loops > 500, "seed {seed}: {made} {loops}");
        let (made, begun) = of("rate = 100");
        assert_eq!((made, begun), (200, 200), "seed {seed}");
    }
}

#[test]
fn accounts_close_and_nobody_takes_anothers_connection_whatever_goes_wrong() {
    for seed in seeds(40) {
        let mut random = Random::new(seed, 79);
        let load = pick(
            &mut random,
            &[
                "users = 9",
                "users = 5\npacing = '20ms'",
                "users = 4\nloops = 9",
                "of = 'users'\nstages = [ { shape = 'ramp', from = 0, to = 12, duration = '1s' }, { shape = 'ramp', from = 12, to = 0, duration = '1s' } ]",
                "rate = 300",
                "rate = 900\narrivals = 'poisson'",
                "rate = 2_000\noverload = 'shed'\ndeadline = '50ms'",
            ],
        );
        let sessions = pick(&mut random, &["", "sessions = 12\n"]);
        let retry = pick(
            &mut random,
            &["", "[retry]\nattempts = 3\non = ['connect', 'timeout', 'eof', 503]\nwait = 'exp:5ms,50ms'\n"],
        );
        let whose = if load.contains("rate") { "seq" } else { "user" };
        let (shards, graceful) = (random.between(1, 3), pick(&mut random, &["0s", "200ms", "5s"]));
        let timeout = pick(&mut random, &["50ms", "300ms", "2s"]);
        let second = pick(&mut random, &["", "target = 'b'\n"]);
        let path = if second.is_empty() { "a" } else { "b" };
        let target = if second.is_empty() { "" } else { "[target.b]\nurl = 'http://other/'\n" };
        let plan = plan(&format!(
            "seed = {seed}\nshards = {shards}\nduration = '2s'\nwarmup = '300ms'\ntimeout = '{timeout}'\ngraceful = '{graceful}'\n\
             connections = 'per user'\n{sessions}[load]\n{load}\n{retry}{target}[[step]]\nget = '/a/{{{{{whose}}}}}'\nthink = 'exp:5ms'\n\
             [[step]]\nchance = '50%'\nget = '/{path}/{{{{{whose}}}}}'\non_failure = 'continue'\n{second}[[step]]\nget = '/a/{{{{{whose}}}}}'\n\
             always = true\n"
        ).replace("warmup = '300ms'\n", if load.contains("loops") { "" } else { "warmup = '300ms'\n" }));
        let one_way_ns = pick(&mut random, &[0, 20_000, MILLISECOND_NS]);
        let world = World {
            server: random_server(&mut random),
            others: if second.is_empty() { Vec::new() } else { vec![random_server(&mut random)] },
            network: Network { one_way_ns, pieces: None },
            machine: random_machine(&mut random),
            faults: random_faults(&mut random),
            stops_ns: pick(&mut random, &[None, None, Some(random_stop(seed))]).into_iter().collect(),
            keeps_log: true,
        };
        // A request that is tried again may have been sent before its last attempt made no connection.
        let outcome = match retry {
            "" => run(&plan, &world, seed),
            _ => Simulation::new(plan.clone(), world.clone(), seed).run(),
        };
        let total = outcome.total();
        assert_eq!(outcome.snapshot.stats().finished, total.ok + total.failed(), "seed {seed}");
        assert_disjoint(&taken(&outcome), &format!("seed {seed}"));
    }
}

fn random_stop(seed: u64) -> u64 {
    Random::new(seed, 80).between(1, 3 * SECOND_NS)
}
