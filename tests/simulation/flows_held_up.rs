//! Iterations that wait for a row, for a session or for their end: whose time that is, and that nobody else is held up.

use super::worlds::{plan, report, run, seeds};
use engine::config::{Document, Format, Layers};
use engine::flow::rows::{RowSource, RowTaken};
use engine::plan::Plan;
use engine::quantity::{MILLISECOND_NS, SECOND_NS};
use engine::report::Report;
use shards::simulation::world::{Service, SimulatedServer, World};
use shards::simulation::{Simulation, SimulationResult};

fn serving(service_ns: u64) -> World {
    let service = Service::Fixed(service_ns);
    World { server: SimulatedServer { service, ..SimulatedServer::default() }, ..World::default() }
}

/// Rows of which one is there only when it has been asked for often enough, and none behind the last.
struct SimulatedRows {
    starved: u64,
    asks_left: u64,
    count: u64,
}

impl RowSource for SimulatedRows {
    fn row(
        &mut self,
        _: usize,
        number: u64,
        columns: &[usize],
        take: &mut dyn FnMut(usize, &[u8]),
    ) -> RowTaken {
        if number >= self.count {
            return RowTaken::Stop;
        }
        if number == self.starved && self.asks_left > 0 {
            self.asks_left -= 1;
            return RowTaken::Starved;
        }
        (0..columns.len()).for_each(|place| take(place, b"x"));
        RowTaken::Taken
    }
}

/// A plan with a data file, and what came of it with these rows.
fn fed(text: &str, rows: impl Fn() -> SimulatedRows) -> (SimulationResult, Report) {
    let text = format!(
        "url = 'http://simulated/'\n{text}\n[feed.user]\nfile = 'users.csv'\nrows = 'unique'\nat_end = 'stop'\n"
    );
    let document = Document { name: "plan".into(), text: text.clone(), format: Format::Toml };
    let config = Layers::new(Some(document)).map_err(|wrong| wrong.0).expect(&text).config().expect(&text);
    let plan = Plan::new(&config, &|_| Ok(b"name\nx\n".to_vec())).expect(&text);
    let outcome = Simulation::new(plan.clone(), serving(MILLISECOND_NS), 1).run_with_rows(rows);
    let report = report(&plan, &outcome);
    (outcome, report)
}

#[test]
fn a_row_that_is_not_there_is_asked_for_now_and_then_and_holds_no_other_scenario_up() {
    let (outcome, report) = fed(
        "run = { duration = '2s', wait = 'park' }\n[scenario.fed]\nconnections = 4\nload = { rate = 100 }\n[[scenario.fed.step]]\n\
         get = '/{{user.name}}'\n[scenario.other]\nconnections = 4\nload = { rate = 500 }\n",
        || SimulatedRows { starved: 20, asks_left: 300, count: u64::MAX },
    );
    let [fed, other] = &report.scenarios[..] else { panic!("there are two") };
    // Asked for once in a millisecond, it is there after 300 of them.
    assert!(fed.slip_ns.max >= 290 * MILLISECOND_NS, "it was asked for again and again: {:?}", fed.slip_ns);
    assert!(fed.slip_ns.max <= 400 * MILLISECOND_NS, "{:?}", fed.slip_ns);
    assert!(other.slip_ns.max < 5 * MILLISECOND_NS, "{:?}", other.slip_ns);
    assert_eq!((other.requests.ok, fed.iterations.as_ref().map(|all| all.ok)), (1_000, Some(200)));
    assert_eq!(outcome.snapshot.stats().starved_rows, 1, "however often it was asked for");
}

#[test]
fn a_run_whose_rows_are_used_up_ends_when_nothing_is_under_way() {
    let (outcome, report) = fed(
        "run = { duration = '20s', connections = 4 }\n[load]\nrate = 100\n[[step]]\nget = '/{{user.name}}'\nthink = '300ms'\n\
         [[step]]\nget = '/end'\n",
        || SimulatedRows { starved: u64::MAX, asks_left: 0, count: 50 },
    );
    // Half a second until the last begins, and a third until it has ended.
    let finished_ns = outcome.finished_ns();
    assert!(finished_ns < 3 * SECOND_NS / 2, "it went on until {finished_ns}");
    assert!(!report.window.is_partial, "{:?}", report.window);
    let iterations = report.iterations.expect("there are iterations");
    assert_eq!((iterations.ok, iterations.unfinished, iterations.unsent), (50, 0, 0));
}

#[test]
fn iterations_of_a_scenario_end_with_its_own_grace_and_not_with_the_run() {
    for seed in seeds(3) {
        let step = |name: &str| {
            format!(
                "[[scenario.{name}.step]]\nget = '/a'\nthink = '600ms'\n[[scenario.{name}.step]]\nget = '/b'\n"
            )
        };
        let plan = plan(&format!(
            "seed = {seed}\nduration = '4s'\n[scenario.early]\nconnections = 8\nduration = '1s'\ngraceful = '200ms'\n\
             load = {{ rate = 100 }}\n{}[scenario.late]\nconnections = 8\ngraceful = '2s'\nload = {{ rate = 100 }}\n{}\
             [scenario.short]\nconnections = 8\ngraceful = '0s'\nload = {{ rate = 100 }}\n{}",
            step("early"),
            step("late"),
            step("short"),
        ));
        let report = report(&plan, &run(&plan, &serving(MILLISECOND_NS), seed));
        let ends: Vec<(u64, u64)> = report
            .scenarios
            .iter()
            .map(|scenario| scenario.iterations.as_ref().map_or((0, 0), |all| (all.ok, all.unfinished)))
            .collect();
        let [early, late, short] = ends[..] else { panic!("there are three") };
        // Those of its last 400 ms would have sent their second request after 1.2 s.
        assert!(early.0 + early.1 == 100 && early.1.abs_diff(40) <= 2, "seed {seed}: {early:?}");
        assert_eq!(late, (400, 0), "seed {seed}");
        assert!(short.0 + short.1 == 400 && short.1.abs_diff(60) <= 2, "seed {seed}: {short:?}");
    }
}

#[test]
fn waiting_for_a_session_is_no_doing_of_the_generators_and_is_told() {
    for seed in seeds(3) {
        let plan = plan(&format!(
            "seed = {seed}\nduration = '2s'\nconnections = 64\ntimeout = '10s'\nsessions = 5\n[load]\nrate = 100\n[[step]]\nget = '/a'\n\
             think = '50ms'\n[[step]]\nget = '/b'\n"
        ));
        // Five at a time, each of 70 ms: seventy in a second.
        let report = report(&plan, &run(&plan, &serving(10 * MILLISECOND_NS), seed));
        let waits = report.iterations.as_ref().map_or(0, |all| all.session_waits);
        assert!(waits > 100, "seed {seed}: {waits}");
        assert!(
            report.limits.iter().any(|limit| limit.contains("waited for a session")),
            "{:?}",
            report.limits
        );
        assert!(report.slip_ns.p99 > 300 * MILLISECOND_NS, "seed {seed}: {:?}", report.slip_ns);
        let lag = report.generator_lag_ns;
        assert!(lag.max < 5 * MILLISECOND_NS, "seed {seed}: {lag:?}");
        assert!(!report.verdict.reasons.iter().any(|reason| reason.rule.starts_with("generator_lag")));
    }
}

#[test]
fn the_rate_of_users_is_of_what_ended_inside_the_window() {
    let plan = plan(
        "duration = '1s'\nwait = 'park'\ngraceful = '10s'\n[load]\nusers = 10\n[[step]]\nget = '/a'\nthink = '3s'\n[[step]]\nget = '/b'\n",
    );
    let report = report(&plan, &run(&plan, &serving(MILLISECOND_NS), 1));
    assert_eq!(report.iterations.as_ref().map(|all| all.ok), Some(10), "all that began has ended");
    assert_eq!(report.rate.achieved, 0.0, "and none of it inside the window");
}
