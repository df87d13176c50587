//! HTTP/2 in virtual time: requests that are served beside each other, refused, passed over by a server that goes away, and given up.

use super::worlds::{digest, pick, plan_of_http, random_load, random_ppm, random_world, run, seeds};
use engine::outcome::Kind;
use engine::plan::Plan;
use engine::quantity::{MICROSECOND_NS, MILLISECOND_NS};
use engine::random::Random;
use shards::simulation::world::{Faults, Network, ServedProtocol, Service, SimulatedServer, World};

const WAY_NS: u64 = 2 * MILLISECOND_NS;
const SERVICE_NS: u64 = 5 * MILLISECOND_NS;
/// A request, there and back.
const EXCHANGE_NS: u64 = 2 * WAY_NS + SERVICE_NS;

fn plan(streams: u32, run: &str) -> Plan {
    plan_of_http(&format!("version = '2-prior-knowledge'\nstreams = {streams}"), run)
}

fn world(faults: Faults) -> World {
    let server = SimulatedServer {
        service: Service::Fixed(SERVICE_NS),
        protocol: ServedProtocol::Http2,
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
fn nothing_is_lost_and_nothing_counts_twice_in_any_world_of_http_2() {
    for seed in seeds(300) {
        let mut random = Random::new(seed, 77);
        let streams = pick(&mut random, &[1, 2, 8, 64]);
        let (shards, timeout) = (pick(&mut random, &[1, 2]), pick(&mut random, &["50ms", "300ms", "2s"]));
        let connections = shards + random.between(0, 8);
        let load = random_load(&mut random);
        let plan = plan(
            streams,
            &format!(
                "shards = {shards}\nconnections = {connections}\ntimeout = '{timeout}'\nduration = '2s'\nseed = {seed}\n{load}"
            ),
        );
        let mut world = random_world(&mut random);
        world.server.protocol = ServedProtocol::Http2;
        let faults = &mut world.faults;
        faults.refused_stream_ppm = random_ppm(&mut random, 200_000);
        faults.goaway_ppm = random_ppm(&mut random, 50_000);
        let never_replays = faults.refused_stream_ppm == 0 && faults.goaway_ppm == 0;
        let outcome = run(&plan, &world, seed);
        let (total, stats) = (outcome.total(), outcome.snapshot.stats());
        assert!(stats.replays <= 2 * total.sent, "seed {seed}: three tries at the most");
        assert!(!never_replays || stats.replays == 0, "seed {seed}");
    }
}

#[test]
fn responses_come_as_they_are_ready_and_not_in_the_order_of_requests() {
    for seed in seeds(5) {
        let mut world = world(Faults::default());
        world.server.service = Service::Exponential(SERVICE_NS);
        let outcome = run(&plan(20, "connections = 1\nduration = '20s'\n[load]\nrate = 500"), &world, seed);
        let total = outcome.total();
        assert_eq!((total.ok, total.failed()), (10_000, 0), "seed {seed}");
        // One behind the other would wait for all before it: ten are under way on average.
        let service_ns = total.service.mean_ns();
        let expected_ns = EXCHANGE_NS as f64;
        assert!((service_ns - expected_ns).abs() < 0.1 * expected_ns, "seed {seed}: {service_ns} ns");
    }
}

#[test]
fn a_request_that_is_refused_each_time_fails_after_three_tries_which_its_time_spans() {
    for seed in seeds(5) {
        let faults = Faults { refused_stream_ppm: 1_000_000, ..Faults::default() };
        let plan = plan(4, "connections = 2\nduration = '2s'\n[load]\nrate = 100");
        let outcome = run(&plan, &world(faults), seed);
        let (total, stats) = (outcome.total(), outcome.snapshot.stats());
        assert_eq!((total.sent, total.errors[Kind::Receive as usize]), (200, 200), "seed {seed}");
        assert_eq!((stats.replays, outcome.requests()), (400, 600), "seed {seed}");
        let failed_ns = total.failed_response.summary().p50;
        assert!(failed_ns.abs_diff(3 * EXCHANGE_NS) < 500 * MICROSECOND_NS, "seed {seed}: {failed_ns} ns");
        let reasons = outcome.snapshot.reasons.sorted();
        assert_eq!((reasons.len(), reasons[0].count), (1, 200), "seed {seed}: {reasons:?}");
        assert!(reasons[0].why.contains("REFUSED_STREAM"), "{reasons:?}");
    }
}

#[test]
fn a_server_that_goes_away_now_and_then_costs_no_request() {
    for seed in seeds(20) {
        let faults = Faults { goaway_ppm: 4_000, ..Faults::default() };
        for load in ["[load]\nrate = 500", "requests = 1000"] {
            let plan = plan(4, &format!("connections = 3\nduration = '2s'\n{load}"));
            let outcome = run(&plan, &world(faults), seed);
            let (total, stats) = (outcome.total(), outcome.snapshot.stats());
            assert_eq!((total.ok, total.failed()), (1_000, 0), "seed {seed}, {load}: {:?}", total.errors);
            let left = outcome.wires[0].fates[9];
            assert!(left > 0 && stats.replays >= left, "seed {seed}, {load}: {left}, {}", stats.replays);
            assert!(stats.reconnects + 3 >= left, "seed {seed}: {left} times, {} new", stats.reconnects);
        }
    }
}

#[test]
fn a_request_that_takes_too_long_is_given_up_and_those_beside_it_are_not() {
    for seed in seeds(10) {
        let faults = Faults { lost_ppm: 10_000, ..Faults::default() };
        let plan = plan(16, "connections = 2\ntimeout = '300ms'\nduration = '5s'\n[load]\nrate = 400");
        let outcome = run(&plan, &world(faults), seed);
        let (total, stats) = (outcome.total(), outcome.snapshot.stats());
        let lost = outcome.wires[0].fates[0];
        assert_eq!(total.errors[Kind::Timeout as usize], lost, "seed {seed}");
        assert_eq!((total.ok, total.failed(), stats.reconnects), (2_000 - lost, lost, 0), "seed {seed}");
        let service_ns = total.service.summary().max;
        assert!(service_ns < 2 * EXCHANGE_NS, "seed {seed}: {service_ns} ns");
    }
}

#[test]
fn the_same_seed_does_the_same_again() {
    for seed in seeds(5) {
        let faults =
            Faults { refused_stream_ppm: 50_000, goaway_ppm: 10_000, reset_ppm: 5_000, ..Faults::default() };
        let plan = plan(8, "connections = 4\nshards = 2\nduration = '1s'\n[load]\nrate = 500");
        let twice = [(); 2].map(|()| digest(&run(&plan, &world(faults), seed)));
        assert_eq!(twice[0], twice[1], "seed {seed}");
    }
}
