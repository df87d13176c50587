//! Loads that are lowered while their target does not keep up: every arrival is counted once, and none waits for long.

use super::worlds::{plan, report, run, seeds};
use engine::quantity::MILLISECOND_NS;
use engine::report::Report;
use engine::verdict::{Cause, Status, rule};
use shards::simulation::world::{Service, SimulatedServer, World};

/// Two connections of 4 ms each: half of what is asked for.
fn overloaded() -> World {
    let service = Service::Fixed(4 * MILLISECOND_NS);
    World { server: SimulatedServer { service, ..SimulatedServer::default() }, ..World::default() }
}

/// What a thousand arrivals a second lead to under a policy.
fn reported(policy: &str, what: &str, seed: u64) -> Report {
    let (shards, arrivals) = (1 + seed % 2, ["uniform", "poisson"][(seed / 2 % 2) as usize]);
    let plan = plan(&format!(
        "shards = {shards}\nseed = {seed}\nduration = '8s'\nwarmup = '1s'\nconnections = 2\n[load]\nrate = 1000\n\
         arrivals = '{arrivals}'\n{policy}\n[[{what}]]\nget = '/a'\n"
    ));
    report(&plan, &run(&plan, &overloaded(), seed))
}

#[test]
fn whatever_the_policy_all_that_is_scheduled_is_accounted_for() {
    for seed in seeds(4) {
        for policy in ["", "overload = 'shed'\ndeadline = '50ms'", "overload = 'degrade'\nslip = '50ms'"] {
            for what in ["request", "step"] {
                // `run` holds every arrival against the schedule; here the report is held against itself.
                let report = reported(policy, what, seed);
                let (requests, rate) = (&report.requests, report.rate);
                let (scheduled, withheld, others) = match &report.iterations {
                    None => (
                        requests.scheduled(),
                        requests.withheld,
                        requests.ok + requests.dropped + requests.unsent,
                    ),
                    Some(all) => (all.scheduled(), all.withheld, all.begun() + all.dropped + all.unsent),
                };
                let asked = rate.target.expect("it has a schedule") * report.window_s;
                assert_eq!(scheduled, asked.round() as u64, "seed {seed}: {policy}");
                assert_eq!(others + withheld, scheduled, "seed {seed}: {policy}");
                assert_eq!(withheld > 0, policy.contains("degrade"), "seed {seed}: {policy}");
            }
        }
    }
}

#[test]
fn a_load_that_is_lowered_keeps_its_slip_near_what_is_allowed_and_says_what_it_withheld() {
    for seed in seeds(4) {
        for what in ["request", "step"] {
            let report = reported("overload = 'degrade'\nslip = '50ms'", what, seed);
            let iterations = report.iterations.as_ref();
            let withheld = iterations.map_or(report.requests.withheld, |iterations| iterations.withheld);
            // It is found out a period too late at most, and takes some periods to fall.
            let slip = report.slip_ns;
            assert!(
                slip.p99 < 150 * MILLISECOND_NS && slip.p50 < 60 * MILLISECOND_NS,
                "seed {seed}: {slip:?}"
            );
            // Half of seven thousand, and not many more: connections are not left idle.
            assert!((3_200..4_400).contains(&withheld), "seed {seed}: {withheld}");
            assert_eq!(report.verdict.status, Status::Degraded, "seed {seed}: {:?}", report.verdict);
            let reason = report.verdict.reasons.iter().find(|reason| reason.rule == rule::WITHHELD);
            let reason = reason.expect("some were withheld");
            assert_eq!((reason.cause, reason.measured), (Cause::Target, withheld as f64), "seed {seed}");
            assert!(report.rate.ratio.is_some_and(|ratio| ratio < 0.6), "seed {seed}: {:?}", report.rate);
        }
    }
}

#[test]
fn a_target_that_keeps_up_is_asked_for_everything() {
    for seed in seeds(4) {
        let plan = |policy: &str| {
            plan(&format!("seed = {seed}\nduration = '2s'\nconnections = 8\n[load]\nrate = 500\n{policy}"))
        };
        let of = |policy: &str| report(&plan(policy), &run(&plan(policy), &overloaded(), seed));
        let (plain, lowered) = (of(""), of("overload = 'degrade'"));
        assert_eq!((lowered.requests.ok, lowered.requests.withheld), (1_000, 0), "seed {seed}");
        assert_eq!((lowered.slip_ns, lowered.verdict), (plain.slip_ns, plain.verdict), "seed {seed}");
    }
}
