//! Calls of gRPC in virtual time: messages that are sent each at its moment.

use super::worlds::{pick, plan_of, random_faults, random_load, run, seeds};
use engine::outcome::Kind;
use engine::plan::{GrpcMethod, Plan, Request};
use engine::quantity::{MICROSECOND_NS, MILLISECOND_NS};
use engine::random::Random;
use engine::template::Piece;
use shards::simulation::world::{Network, ServedProtocol, Service, SimulatedServer, World};

const WAY_NS: u64 = 2 * MILLISECOND_NS;
const SERVICE_NS: u64 = 5 * MILLISECOND_NS;
/// The last message of a call, there, and its reply back.
const EXCHANGE_NS: u64 = 2 * WAY_NS + SERVICE_NS;

/// A plan of calls, by the keys of the request; `run` is as for other plans.
fn plan(request: &str, streams: u32, run: &str) -> Plan {
    let (run, load) = run.split_once("[load]").unwrap_or((run, ""));
    let load = if load.is_empty() { String::new() } else { format!("[load]{load}\n") };
    let plan = plan_of(
        "grpc://simulated",
        &format!("{run}\n[http]\nstreams = {streams}\n{load}[[request]]\ncall = 'a.B/C'\n{request}\n"),
    );
    let described = plan.changed(|fields| {
        let Request::Grpc(call) = &mut fields.scenarios[0].steps_mut()[0].request else {
            panic!("it is a call")
        };
        call.described = Some(GrpcMethod {
            input: "a.In".into(),
            output: "a.Out".into(),
            client_streams: true,
            server_streams: true,
            is_safe: false,
            told_by: "a.proto".into(),
            encoded: call.messages.iter().map(|_| vec![Piece::Bytes(b"\x08\x01".to_vec())]).collect(),
            reply: None,
        });
    });
    described.expect("the method takes a stream")
}

fn world(replies: u32, gap_ns: u64) -> World {
    let server = SimulatedServer {
        service: Service::Fixed(SERVICE_NS),
        protocol: ServedProtocol::Grpc { replies, gap_ns },
        ..SimulatedServer::default()
    };
    World { server, network: Network { one_way_ns: WAY_NS, ..Network::default() }, ..World::default() }
}

#[test]
fn a_call_lasts_until_the_last_of_its_moments() {
    for (wait, late_ns) in
        [("spin", 300 * MICROSECOND_NS), ("auto", 300 * MICROSECOND_NS), ("park", MILLISECOND_NS)]
    {
        for seed in seeds(5) {
            let plan = plan(
                "count = 5\nevery = '7ms'",
                4,
                &format!(
                    "connections = 3\nduration = '4s'\nwait = '{wait}'\n[load]\nrate = 100\narrivals = 'poisson'"
                ),
            );
            let outcome = run(&plan, &world(1, 0), seed);
            let total = outcome.total();
            assert!(total.ok > 300 && total.failed() == 0, "seed {seed}, {wait}");
            let expected_ns = 4 * 7 * MILLISECOND_NS + EXCHANGE_NS;
            let service = total.service.summary();
            // As exact as times are recorded.
            let least_ns = expected_ns - expected_ns / 1_000;
            assert!(service.min >= least_ns, "seed {seed}, {wait}: {} ns, none is sent early", service.min);
            assert!(service.p99 < expected_ns + late_ns, "seed {seed}, {wait}: {} ns", service.p99);
        }
    }
}

#[test]
fn messages_are_timed_from_the_intended_moment_of_their_call_and_then_from_each_other() {
    for seed in seeds(5) {
        for (request, paced_ns) in [("", 0), ("count = 3\nevery = '10ms'", 20 * MILLISECOND_NS)] {
            let run_keys = "connections = 8\nduration = '2s'\n[load]\nrate = 40";
            let outcome = run(&plan(request, 1, run_keys), &world(4, 7 * MILLISECOND_NS), seed);
            let total = outcome.total();
            assert_eq!((total.ok, total.messages), (80, 320), "seed {seed}");
            let times = total.message_times.as_ref().expect("the method streams");
            let (first, following) = (times.first.summary(), times.following.summary());
            assert_eq!((first.count, following.count), (80, 240), "seed {seed}");
            let first_ns = paced_ns + EXCHANGE_NS;
            let is_about = |ns: u64, expected_ns: u64| ns.abs_diff(expected_ns) < 400 * MICROSECOND_NS;
            assert!(is_about(first.p50, first_ns), "seed {seed}: {} ns", first.p50);
            assert!(is_about(following.p50, 7 * MILLISECOND_NS), "seed {seed}: {} ns", following.p50);
            // From the first on they follow each other until the call ends.
            let (response_ns, sum_ns) = (total.response.mean_ns(), first.mean + 3.0 * following.mean);
            assert!((response_ns - sum_ns).abs() < 200_000.0, "seed {seed}: {response_ns} and {sum_ns} ns");
        }
    }
}

#[test]
fn a_call_that_waits_for_a_connection_has_its_first_message_late_and_not_the_others() {
    for seed in seeds(3) {
        let run_keys = "connections = 1\nduration = '1s'\ntimeout = '30s'\n[load]\nrate = 100";
        let outcome = run(&plan("", 1, run_keys), &world(2, 7 * MILLISECOND_NS), seed);
        let times = outcome.total().message_times.expect("the method streams");
        let (first, following) = (times.first.summary(), times.following.summary());
        assert!(first.max > 500 * MILLISECOND_NS, "seed {seed}: {} ns", first.max);
        assert!(following.max < 9 * MILLISECOND_NS, "seed {seed}: {} ns", following.max);
    }
}

#[test]
fn calls_that_are_under_way_when_the_last_begins_send_all_of_their_messages() {
    for seed in seeds(5) {
        let plan = plan("count = 11\nevery = '50ms'", 1, "connections = 2\nrequests = 6");
        let outcome = run(&plan, &world(1, 0), seed);
        assert_eq!((outcome.total().ok, outcome.total().failed()), (6, 0), "seed {seed}");
    }
}

#[test]
fn nothing_is_lost_whatever_becomes_of_calls_between_their_messages() {
    let mut timeouts = 0;
    for seed in seeds(60) {
        let mut random = Random::new(seed, 78);
        let (shards, timeout) = (pick(&mut random, &[1, 2]), pick(&mut random, &["30ms", "100ms", "2s"]));
        let (streams, connections) = (pick(&mut random, &[1, 3, 8]), shards + random.between(0, 8));
        let (count, every) = (random.between(2, 9), random.between(1, 30));
        let load = random_load(&mut random);
        let plan = plan(
            &format!("count = {count}\nevery = '{every}ms'"),
            streams,
            &format!(
                "shards = {shards}\nconnections = {connections}\ntimeout = '{timeout}'\nduration = '2s'\nseed = {seed}\n{load}"
            ),
        );
        let faulty = world(random.between(0, 4) as u32, random.between(0, 9) * MILLISECOND_NS);
        let outcome = run(&plan, &World { faults: random_faults(&mut random), ..faulty }, seed);
        timeouts += outcome.total().errors[Kind::Timeout as usize];
    }
    assert!(timeouts > 0, "some have to be given up between their messages");
}
