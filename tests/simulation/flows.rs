//! Requests that follow each other, in virtual time: when each is intended, what shows where, and how iterations are counted.

use super::worlds::{plan, report, run, seeds};
use engine::plan::Plan;
use engine::quantity::{MILLISECOND_NS, SECOND_NS};
use engine::record::{IterationRecord, Series};
use engine::report::Report;
use shards::simulation::SimulationResult;
use shards::simulation::world::{Faults, Service, SimulatedServer, SimulatedStall, World};

/// A server that takes this long on average.
fn serving(service: Service) -> World {
    World { server: SimulatedServer { service, ..SimulatedServer::default() }, ..World::default() }
}

fn reported(plan: &Plan, world: &World, seed: u64) -> (SimulationResult, Report) {
    let outcome = run(plan, world, seed);
    let report = report(plan, &outcome);
    (outcome, report)
}

fn iterations(outcome: &SimulationResult) -> &IterationRecord {
    outcome.snapshot.requests.iterations[0].as_ref().expect("the scenario is a flow")
}

#[test]
fn one_step_is_what_one_request_is() {
    for seed in seeds(20) {
        let shards = 1 + seed % 2;
        let of = |what: &str| {
            plan(&format!(
                "shards = {shards}\nseed = {seed}\nduration = '1s'\nwarmup = '200ms'\nconnections = 16\n[load]\nrate = 400\n\
                 arrivals = 'poisson'\n[[{what}]]\npath = '/{{{{seq}}}}/{{{{rand 1 1000000}}}}'\n"
            ))
        };
        let world = World {
            server: SimulatedServer {
                service: Service::Exponential(5 * MILLISECOND_NS),
                stall: Some(SimulatedStall {
                    every_ns: 500 * MILLISECOND_NS,
                    length_ns: 100 * MILLISECOND_NS,
                }),
                ..SimulatedServer::default()
            },
            ..World::default()
        };
        let figures = |outcome: &SimulationResult| {
            let of_series = |series: &Series| {
                let times =
                    [&series.response, &series.service, &series.slip, &series.failed_response, &series.lag];
                let Series { sent, ok, errors, bytes_sent, bytes_received, .. } = series;
                format!(
                    "{sent} {ok} {errors:?} {bytes_sent} {bytes_received} {:?}",
                    times.map(|time| time.summary())
                )
            };
            outcome.snapshot.requests.each_series().map(of_series).collect::<Vec<_>>()
        };
        let (mix, flow) = (run(&of("request"), &world, seed), run(&of("step"), &world, seed));
        assert_eq!(figures(&mix), figures(&flow), "seed {seed}");
        let record = iterations(&flow);
        assert_eq!(record.ok.measured, mix.snapshot.requests.measured_total().ok, "seed {seed}");
    }
}

#[test]
fn a_stall_between_two_steps_shows_in_the_response_time_of_the_second_and_not_in_its_service_time() {
    // Each user waits 300 ms; the server is silent for half a second in each two. With few connections the second step of those who
    // come back then has to wait for one.
    for seed in seeds(4) {
        let plan = plan(&format!(
            "seed = {seed}\nduration = '6s'\nconnections = 4\ntimeout = '5s'\n[load]\nrate = 100\n[[step]]\nget = '/a'\n\
             think = '300ms'\n[[step]]\nget = '/b'\n"
        ));
        let server = SimulatedServer {
            service: Service::Fixed(MILLISECOND_NS),
            stall: Some(SimulatedStall { every_ns: 2 * SECOND_NS, length_ns: 500 * MILLISECOND_NS }),
            ..SimulatedServer::default()
        };
        let (outcome, report) = reported(&plan, &World { server, ..World::default() }, seed);
        let second = &report.scenarios[0].steps[1];
        assert_eq!(iterations(&outcome).ok.measured, 600, "seed {seed}");
        assert!(second.response_ns.p90 > 150 * MILLISECOND_NS, "seed {seed}: {:?}", second.response_ns);
        assert!(second.service_ns.p90 < 5 * MILLISECOND_NS, "seed {seed}: {:?}", second.service_ns);
    }
}

#[test]
fn steps_of_a_recorded_timeline_keep_their_moments_and_what_holds_them_up_is_in_their_response_times() {
    // The second step is meant 100 ms after the arrival, and the first takes 7 ms, or a stall of half a second more.
    let text = |seed: u64| {
        format!(
            "seed = {seed}\nduration = '8s'\n[scenario.s]\nconnections = 256\ntimeout = '5s'\ntimeline = 'recorded'\nload = {{ rate = 100 }}\n\
             [[scenario.s.step]]\nget = '/a'\nat = '0s'\n[[scenario.s.step]]\nget = '/b'\nat = '100ms'\n\
             [[scenario.s.step]]\nget = '/c'\nat = '1s'\n"
        )
    };
    let server = |stall| SimulatedServer {
        service: Service::Fixed(7 * MILLISECOND_NS),
        stall,
        ..SimulatedServer::default()
    };
    for seed in seeds(4) {
        let plan = plan(&text(seed));
        let (outcome, calm) = reported(&plan, &World { server: server(None), ..World::default() }, seed);
        assert_eq!(iterations(&outcome).ok.measured, 800, "seed {seed}");
        for step in &calm.scenarios[0].steps {
            assert!(step.response_ns.max < 12 * MILLISECOND_NS, "seed {seed}: {:?}", step.response_ns);
        }
        let lasted_ns = iterations(&outcome).lasted.mean_ns();
        assert!((lasted_ns - 1_007e6).abs() < 2e6, "seed {seed}: {lasted_ns}");
        // What is sent while the server is silent waits up to half a second, and so does the step that is meant in that time: its
        // first one is not there yet. The last one has its own moment again.
        let stall = SimulatedStall { every_ns: 4 * SECOND_NS, length_ns: 500 * MILLISECOND_NS };
        let world = World { server: server(Some(stall)), ..World::default() };
        let (outcome, held_up) = reported(&plan, &world, seed);
        assert_eq!(iterations(&outcome).ok.measured, 800, "seed {seed}");
        let [_, second, _] = &held_up.scenarios[0].steps[..] else { panic!("there are three steps") };
        assert!(second.response_ns.max > 350 * MILLISECOND_NS, "seed {seed}: {:?}", second.response_ns);
        assert!(second.service_ns.p50 < 12 * MILLISECOND_NS, "seed {seed}: {:?}", second.service_ns);
        // None of it is taken for the generator's own.
        assert!(
            held_up.generator_lag_ns.max < 5 * MILLISECOND_NS,
            "seed {seed}: {:?}",
            held_up.generator_lag_ns
        );
    }
}

#[test]
fn an_iteration_lasts_as_long_as_its_parts() {
    let plan = plan(
        "duration = '2s'\nconnections = 64\n[load]\nrate = 50\n[[step]]\nget = '/a'\nthink = '40ms'\n[[step]]\nget = '/b'\nrepeat = '3'\n\
         think = '10ms'\n[[step]]\nget = '/c'\nthink = '1s'\n",
    );
    let (outcome, _) = reported(&plan, &serving(Service::Fixed(7 * MILLISECOND_NS)), 1);
    let (record, total) = (iterations(&outcome), outcome.total());
    assert_eq!((record.ok.measured, total.ok), (100, 500));
    // Five responses, and what passed between them: 40 ms once, 10 ms three times. Thinking after the last is no part of it.
    let (waited, lasted) = (record.waited.mean_ns(), record.lasted.mean_ns());
    let responses = total.response.mean_ns() * 5.0;
    assert!((waited - responses).abs() <= 1_000.0 + responses * 0.002, "{waited} is not {responses}");
    let thought = 70.0 * MILLISECOND_NS as f64;
    assert!(
        (lasted - waited - thought).abs() <= 1_000.0 + lasted * 0.002,
        "{lasted} is not {waited} and {thought}"
    );
}

#[test]
fn every_arrival_is_counted_once_whatever_fails() {
    for seed in seeds(60) {
        let shards = 1 + seed % 3;
        let plan = plan(&format!(
            "shards = {shards}\nseed = {seed}\nduration = '1s'\nwarmup = '{}ms'\nconnections = {}\ntimeout = '80ms'\ngraceful = '{}ms'\n\
             [load]\nrate = 300\narrivals = 'poisson'\n{}[[step]]\nget = '/a'\nthink = 'exp:30ms'\n[[step]]\nget = '/b'\nchance = '50%'\n\
             repeat = '0..4'\non_failure = 'continue'\nthink = 'uniform:0ms,9ms'\n[[step]]\nget = '/c'\nalways = true\n",
            100 * (seed % 3),
            6 + 10 * (seed % 2),
            50 * (seed % 4),
            if seed % 5 == 0 { "overload = 'shed'\ndeadline = '40ms'\n" } else { "" },
        ));
        let world = World {
            server: SimulatedServer {
                service: Service::Exponential(15 * MILLISECOND_NS),
                down: (seed % 4 == 1).then_some((400 * MILLISECOND_NS, 600 * MILLISECOND_NS)),
                ..SimulatedServer::default()
            },
            faults: Faults { refused_ppm: 50_000, ..Faults::default() },
            ..World::default()
        };
        let (outcome, report) = reported(&plan, &world, seed);
        let (record, of_report) = (iterations(&outcome), report.iterations.expect("there are iterations"));
        assert_eq!(record.begun.measured, record.ended_in_window(), "seed {seed}: all that began has ended");
        let scheduled = outcome.scheduled.expect("it has a schedule").measured;
        assert_eq!(of_report.scheduled(), scheduled, "seed {seed}");
        assert!(of_report.failed > 0 && of_report.ok > 0, "seed {seed}: {of_report:?}");
    }
}

#[test]
fn users_come_and_go_as_they_are_told_and_finish_what_they_have_begun() {
    let plan = plan(
        "duration = '6s'\nwait = 'park'\n[load]\nof = 'users'\nstages = [\n{ shape = 'ramp', from = 0, to = 20, duration = '2s' },\n\
         { users = 20, duration = '2s' },\n{ shape = 'ramp', from = 20, to = 0, duration = '2s' } ]\n[[step]]\nget = '/a'\nthink = '50ms'\n",
    );
    let (outcome, report) = reported(&plan, &serving(Service::Fixed(50 * MILLISECOND_NS)), 3);
    let record = iterations(&outcome);
    // Each takes 100 ms: ten loops a second and user, of twenty users for two seconds, and of half as many for four.
    assert!(record.ok.measured.abs_diff(800) < 40, "{}", record.ok.measured);
    assert_eq!((record.unfinished.measured, record.failed.measured), (0, 0));
    assert_eq!((report.rate.target, report.rate.asked), (None, None));
    assert_eq!(plan.connections(), 20, "each user has a connection");
}

#[test]
fn a_step_of_a_user_who_is_alone_takes_one_system_call() {
    // An iteration of one request; and one whose later requests are short, and could be as long as a value may be.
    for steps in [
        "[[step]]\nget = '/a'\n",
        "[[step]]\nget = '/a'\nextract = { code = 'status' }\n[[step]]\nget = '/{{code}}'\n[[step]]\nget = '/b/{{code}}'\n",
    ] {
        let plan = plan(&format!("duration = '2s'\nwait = 'park'\n[load]\nusers = 1\n{steps}"));
        let (outcome, _) = reported(&plan, &serving(Service::Fixed(MILLISECOND_NS)), 3);
        let (sent, enters) = (outcome.total().ok, outcome.snapshot.stats().enters);
        assert!(sent > 1_000 && enters < sent + sent / 10, "{sent} requests, {enters} calls");
    }
}

#[test]
fn what_is_not_finished_within_its_grace_is_counted_as_that() {
    let of = |graceful: &str| {
        plan(&format!(
            "duration = '1s'\nconnections = 8\ngraceful = '{graceful}'\n[load]\nrate = 100\n[[step]]\nget = '/a'\nthink = '300ms'\n\
             [[step]]\nget = '/b'\n"
        ))
    };
    let world = serving(Service::Fixed(MILLISECOND_NS));
    let (outcome, _) = reported(&of("1s"), &world, 1);
    assert_eq!((iterations(&outcome).ok.measured, iterations(&outcome).unfinished.measured), (100, 0));
    let (outcome, report) = reported(&of("0s"), &world, 1);
    let record = iterations(&outcome);
    assert_eq!(record.ok.measured + record.unfinished.measured, 100);
    // Those of the last 300 ms.
    assert!(record.unfinished.measured.abs_diff(30) <= 2, "{}", record.unfinished.measured);
    assert_eq!(report.iterations.map(|all| all.unfinished), Some(record.unfinished.measured));
}

#[test]
fn users_who_are_paced_and_late_show_it_in_their_slip() {
    let plan =
        plan("duration = '6s'\nwait = 'park'\n[load]\nusers = 20\npacing = '100ms'\n[[step]]\nget = '/a'\n");
    let server = SimulatedServer {
        service: Service::Fixed(MILLISECOND_NS),
        stall: Some(SimulatedStall { every_ns: 5 * SECOND_NS, length_ns: SECOND_NS }),
        ..SimulatedServer::default()
    };
    let (_, report) = reported(&plan, &World { server, ..World::default() }, 1);
    assert!(report.slip_ns.p99 > 500 * MILLISECOND_NS, "{:?}", report.slip_ns);
    assert!(report.slip_ns.p50 < 5 * MILLISECOND_NS, "{:?}", report.slip_ns);
}
