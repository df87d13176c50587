//! Connections that are not used again: each request makes its own, and the attempt is a part of its response time.

use super::worlds::{plan_of_http, run, seeds};
use engine::outcome::Kind;
use engine::quantity::{MICROSECOND_NS, MILLISECOND_NS, SECOND_NS};
use shards::simulation::world::{Faults, Network, Service, SimulatedServer, World};

const WAY_NS: u64 = 2 * MILLISECOND_NS;
const SERVICE_NS: u64 = 5 * MILLISECOND_NS;

fn world() -> World {
    World {
        network: Network { one_way_ns: WAY_NS, ..Network::default() },
        server: SimulatedServer { service: Service::Fixed(SERVICE_NS), ..SimulatedServer::default() },
        ..World::default()
    }
}

#[test]
fn each_request_has_an_attempt_which_its_response_time_includes() {
    for seed in seeds(5) {
        for load in ["[load]\nrate = 200", "[load]\nrate = 200\narrivals = 'poisson'", ""] {
            let plan = plan_of_http(
                "reuse = false",
                &format!("connections = 20\nshards = 2\nduration = '2s'\n{load}"),
            );
            let outcome = run(&plan, &world(), seed);
            let (total, attempts) = (outcome.total(), &outcome.snapshot.attempts);
            assert!(total.ok > 300, "seed {seed}: {} ok", total.ok);
            assert_eq!((attempts.begun, attempts.made), (total.sent, total.sent), "seed {seed}, {load}");
            assert_eq!((attempts.connect.count(), attempts.ready.count()), (total.sent, total.sent));
            assert_eq!(attempts.tls.count(), 0, "there is none");
            assert_eq!(outcome.snapshot.stats().reconnects, 0, "none was lost");
            // A way there and back to connect, and one for the request itself.
            let (response_ns, service_ns) = (total.response.summary().p50, total.service.summary().p50);
            let attempt_ns = response_ns - service_ns;
            assert!(attempt_ns.abs_diff(2 * WAY_NS) < 500 * MICROSECOND_NS, "seed {seed}: {attempt_ns} ns");
            assert!(
                service_ns.abs_diff(2 * WAY_NS + SERVICE_NS) < 500 * MICROSECOND_NS,
                "seed {seed}: {service_ns}"
            );
            assert!(
                total.lag.summary().p99 < MILLISECOND_NS,
                "seed {seed}: the attempt is not the generator's time"
            );
        }
    }
}

#[test]
fn an_attempt_that_fails_is_the_failure_of_its_own_request() {
    for seed in seeds(5) {
        let faults = Faults { connect_refused_ppm: 200_000, ..Faults::default() };
        let plan = plan_of_http("reuse = false", "connections = 40\nduration = '3s'\n[load]\nrate = 100");
        let outcome = run(&plan, &World { faults, ..world() }, seed);
        let (total, attempts) = (outcome.total(), &outcome.snapshot.attempts);
        let failed = total.errors[Kind::Connect as usize];
        assert_eq!((total.ok + failed, attempts.failed_count()), (300, failed), "seed {seed}");
        assert!((20..120).contains(&failed), "seed {seed}: {failed} of 300");
    }
}

#[test]
fn an_attempt_without_an_answer_ends_with_the_connect_timeout() {
    for seed in seeds(3) {
        let faults = Faults { connect_lost_ppm: 1_000_000, ..Faults::default() };
        let plan = plan_of_http(
            "reuse = false",
            "connections = 10\nduration = '2s'\ntimeout = '500ms'\n[load]\nrate = 20",
        );
        let outcome = run(&plan, &World { faults, ..world() }, seed);
        let total = outcome.total();
        assert_eq!((total.ok, total.sent), (0, 0), "seed {seed}");
        let failed = total.errors[Kind::Connect as usize];
        assert!(failed >= 30, "seed {seed}: {failed}");
        assert!(total.failed_response.summary().p50 < SECOND_NS, "seed {seed}");
    }
}
