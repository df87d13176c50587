//! Lines on a stream of bytes in virtual time: responses in order, connections that break, messages that nobody responds to.

use super::worlds::{digest, pick, plan_of, random_load, random_world, run, seeds};
use engine::outcome::Kind;
use engine::plan::Plan;
use engine::quantity::{MICROSECOND_NS, MILLISECOND_NS};
use engine::random::Random;
use shards::simulation::world::{
    Faults, Network, ServedProtocol, Service, SimulatedServer, SimulatedStall, World,
};

const WAY_NS: u64 = 2 * MILLISECOND_NS;
const SERVICE_NS: u64 = 5 * MILLISECOND_NS;
/// A message and its response.
const EXCHANGE_NS: u64 = 2 * WAY_NS + SERVICE_NS;

fn plan(ends: &str, run: &str) -> Plan {
    let (run, load) = run.split_once("[load]").unwrap_or((run, ""));
    let load = if load.is_empty() { String::new() } else { format!("[load]{load}\n") };
    let text = "n={{seq}}\\n";
    plan_of(
        "tcp://simulated:1",
        &format!("{run}\n[tcp]\nends = '{ends}'\n[[request]]\ntext = \"{text}\"\n{load}"),
    )
}

fn world(faults: Faults) -> World {
    let server = SimulatedServer {
        service: Service::Fixed(SERVICE_NS),
        protocol: ServedProtocol::Lines,
        ..SimulatedServer::default()
    };
    World {
        server,
        faults,
        network: Network { one_way_ns: WAY_NS, ..Network::default() },
        ..World::default()
    }
}

#[test]
fn nothing_is_lost_and_nothing_counts_twice_in_any_world_of_lines() {
    for seed in seeds(100) {
        let mut random = Random::new(seed, 79);
        let (shards, timeout) = (pick(&mut random, &[1, 2]), pick(&mut random, &["50ms", "300ms", "2s"]));
        let (connections, pipeline) = (shards + random.between(0, 8), pick(&mut random, &[1, 1, 4, 16]));
        let ends = pick(&mut random, &["delimiter:\\n", "delimiter:\\n", "none"]);
        let load = random_load(&mut random);
        let plan = plan(
            ends,
            &format!(
                "shards = {shards}\nconnections = {connections}\npipeline = {pipeline}\ntimeout = '{timeout}'\nduration = '2s'\nseed = {seed}\n{load}"
            ),
        );
        let mut world = random_world(&mut random);
        world.server.protocol = ServedProtocol::Lines;
        run(&plan, &world, seed);
    }
}

#[test]
fn a_message_takes_as_long_as_its_way_and_its_service() {
    for seed in seeds(5) {
        let plan = plan("delimiter:\\n", "connections = 4\nduration = '5s'\n[load]\nrate = 100");
        let total = run(&plan, &world(Faults::default()), seed).total();
        assert_eq!((total.ok, total.failed()), (500, 0), "seed {seed}");
        let service_ns = total.service.summary().p50;
        assert!(service_ns.abs_diff(EXCHANGE_NS) < 200 * MICROSECOND_NS, "seed {seed}: {service_ns} ns");
    }
}

#[test]
fn a_stall_shows_in_response_times_and_not_in_the_median_of_service_times() {
    for seed in seeds(5) {
        let mut world = world(Faults::default());
        let stall = SimulatedStall { length_ns: 200 * MILLISECOND_NS, every_ns: 1_000 * MILLISECOND_NS };
        world.server.stall = Some(stall);
        let plan = plan("delimiter:\\n", "connections = 2\nduration = '10s'\n[load]\nrate = 100");
        let total = run(&plan, &world, seed).total();
        let (response_ns, service_ns) = (total.response.summary().p99, total.service.summary().p50);
        assert!(response_ns > 150 * MILLISECOND_NS, "seed {seed}: {response_ns} ns");
        assert!(service_ns < 2 * EXCHANGE_NS, "seed {seed}: {service_ns} ns");
    }
}

#[test]
fn a_message_that_nobody_responds_to_takes_no_longer_than_its_send() {
    for seed in seeds(5) {
        let plan = plan("none", "connections = 2\npipeline = 4\nduration = '5s'\n[load]\nrate = 200");
        let outcome = run(&plan, &world(Faults::default()), seed);
        let total = outcome.total();
        assert_eq!((total.ok, total.failed(), outcome.requests()), (1_000, 0, 1_000), "seed {seed}");
        assert!(total.service.summary().max < WAY_NS, "seed {seed}: {:?}", total.service.summary());
        assert!(outcome.snapshot.stats().unasked_bytes > 0, "seed {seed}: what came all the same is counted");
    }
}

#[test]
fn a_response_that_does_not_come_takes_its_connection_with_it() {
    for seed in seeds(10) {
        let faults = Faults { lost_ppm: 10_000, ..Faults::default() };
        let run_as = "connections = 8\ntimeout = '300ms'\nduration = '5s'\n[load]\nrate = 200";
        let outcome = run(&plan("delimiter:\\n", run_as), &world(faults), seed);
        let (total, stats) = (outcome.total(), outcome.snapshot.stats());
        let lost = outcome.wires[0].fates[0];
        assert_eq!((total.errors[Kind::Timeout as usize], total.failed()), (lost, lost), "seed {seed}");
        assert!(
            stats.reconnects <= lost && stats.reconnects + 1 >= lost,
            "seed {seed}: {} of {lost}",
            stats.reconnects
        );
    }
}

#[test]
fn the_same_seed_does_the_same_again() {
    for seed in seeds(5) {
        let faults = Faults { cut_ppm: 20_000, close_ppm: 20_000, reset_ppm: 5_000, ..Faults::default() };
        let plan = plan(
            "delimiter:\\n",
            "connections = 4\npipeline = 4\nshards = 2\nduration = '1s'\n[load]\nrate = 500",
        );
        let twice = [(); 2].map(|()| digest(&run(&plan, &world(faults), seed)));
        assert_eq!(twice[0], twice[1], "seed {seed}");
    }
}
