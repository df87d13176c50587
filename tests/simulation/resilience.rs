//! Clients that try again and that leave a failing target alone, in virtual time: what is reported is what the server saw.

use super::worlds::{plan_of_http, seeds};
use engine::breaker::BreakerCounts;
use engine::outcome::Kind;
use engine::quantity::{MILLISECOND_NS, SECOND_NS};
use engine::record::AttemptRecord;
use shards::simulation::world::{Faults, ServedProtocol, SimulatedServer, World};
use shards::simulation::{Simulation, SimulationResult};
use std::collections::VecDeque;

/// From one arrival to the next, where one has ended when the next one comes.
const BETWEEN_NS: u64 = 100 * MILLISECOND_NS;
const WAIT_NS: u64 = 30 * MILLISECOND_NS;
/// An attempt takes less.
const ATTEMPT_NS_MAX: u64 = 2 * MILLISECOND_NS;
const STAYS_OPEN_NS: u64 = 5 * SECOND_NS;
const WINDOW: usize = 20;
const FAILURES: usize = 10;

/// Three responses of ten are errors, and for five seconds from then on the server is not there.
fn failing(down_ns: u64) -> World {
    World {
        server: SimulatedServer {
            down: Some((down_ns, down_ns + 5 * SECOND_NS)),
            ..SimulatedServer::default()
        },
        faults: Faults { refused_ppm: 300_000, ..Faults::default() },
        keeps_log: true,
        ..World::default()
    }
}

/// A run of a scenario with settings of its own.
fn run_of(run: &str, http: &str, scenario: &str, world: World, seed: u64) -> SimulationResult {
    let plan = plan_of_http(&format!("{http}\n[scenario.calls]\n{scenario}"), run);
    Simulation::new(plan, world, seed).run()
}

fn attempts(outcome: &SimulationResult) -> AttemptRecord {
    outcome.total().attempts.map(|attempts| *attempts).expect("something is done about failures")
}

/// What holds of every run: each arrival ends once, and each attempt is counted once, here as at the server.
fn assert_nothing_is_lost(outcome: &SimulationResult, context: &str) {
    let (total, attempts) = (outcome.total(), attempts(outcome));
    let ended = total.ok + total.failed();
    let arrivals = outcome.snapshot.requests.scenario_total();
    let outside = [arrivals.dropped, arrivals.unsent, arrivals.withheld].map(|tally| tally.outside);
    let scheduled = outcome.scheduled.expect("an open load");
    assert_eq!(
        ended + arrivals.unreleased() + outside.iter().sum::<u64>(),
        scheduled.measured + scheduled.outside,
        "{context}: scheduled = ok + failed + dropped + unsent"
    );
    let reached: u64 = outcome.wires.iter().map(|wire| wire.requests + wire.unheard).sum();
    assert_eq!(reached, attempts.sent + outcome.snapshot.stats().replays, "{context}: sent");
    assert_eq!(attempts.ok, total.ok, "{context}: a request succeeds with its last attempt");
    assert_eq!(attempts.made, attempts.ok + attempts.errors.iter().sum::<u64>(), "{context}: made");
    assert_eq!(attempts.made_for_ended, attempts.made, "{context}: every attempt is of a request that ended");
    assert_eq!(attempts.requests_ended, attempts.requests(), "{context}: ended");
    let rejected = arrivals.breaker.rejections;
    assert_eq!(total.errors[Kind::Breaker as usize], rejected, "{context}: what is rejected ends so");
    assert_eq!(attempts.errors[Kind::Breaker as usize], 0, "{context}: and is no attempt");
    // Those that were rejected at once were never tried; a further attempt that was rejected is of a request that was.
    let untried = ended - attempts.requests();
    assert!(untried <= rejected, "{context}: {untried} of {ended} were not tried, {rejected} rejected");
}

#[test]
fn with_errors_and_an_outage_every_attempt_and_every_arrival_is_accounted_for() {
    for seed in seeds(6) {
        let shards = 1 + seed % 2;
        let run = format!("shards = {shards}\nseed = {seed}\nduration = '30s'\nconnections = 40");
        let retry =
            "retry = { attempts = 3, on = ['connect', 'send', 'receive', 503], wait = 'exp:50ms,2s' }";
        let load = "load = { rate = 200 }";
        let breaker = "breaker = { clients = 4, opens = '50% of 20', stays_open = '5s', probes = 1 }";
        for http in ["", "reuse = false"] {
            let context = format!("seed {seed}, `{http}`");
            let alone = run_of(&run, http, &format!("{retry}\n{load}"), failing(10 * SECOND_NS), seed);
            assert_nothing_is_lost(&alone, &context);
            let (total, of_alone) = (alone.total(), attempts(&alone));
            assert_eq!(of_alone.made, total.ok + total.failed() + of_alone.further, "{context}");
            assert!(of_alone.further > 1_000, "{context}: {} further attempts", of_alone.further);

            let scenario = format!("{retry}\n{breaker}\n{load}");
            let guarded = run_of(&run, http, &scenario, failing(10 * SECOND_NS), seed);
            assert_nothing_is_lost(&guarded, &context);
            let counts = guarded.snapshot.requests.scenarios[0].breaker;
            let BreakerCounts { openings, half_openings, closings, rejections } = counts;
            // The outage opens the breaker of each of the four clients.
            assert!(openings >= 4 && rejections > 0, "{context}: {counts:?}");
            assert!(half_openings >= closings && half_openings <= openings, "{context}: {counts:?}");
            // Each opening is followed by a half-opening, but for those of breakers that are open at the end.
            assert!(openings - half_openings <= 4, "{context}: {counts:?}");
        }
    }
}

#[test]
fn users_whose_breaker_is_open_begin_no_more_often_than_once_a_millisecond() {
    for seed in seeds(3) {
        let run = format!("shards = 1\nseed = {seed}\nduration = '300ms'\nconnections = 10");
        let scenario = "breaker = { opens = '50% of 10', stays_open = '5s' }\nload = { users = 10 }";
        let faults = Faults { refused_ppm: 1_000_000, ..Faults::default() };
        let outcome = run_of(&run, "", scenario, World { faults, ..World::default() }, seed);
        let rejections = outcome.snapshot.requests.scenarios[0].breaker.rejections;
        // Ten users for 300 ms.
        assert!((300..=3_000).contains(&rejections), "seed {seed}: {rejections}");
    }
}

#[test]
fn over_http2_requests_are_tried_again_as_well_and_a_budget_bounds_how_many() {
    for seed in seeds(3) {
        let run = format!("shards = 1\nseed = {seed}\nduration = '20s'\nconnections = 4");
        let http = "version = '2-prior-knowledge'\nstreams = 8";
        let world = || World {
            server: SimulatedServer { protocol: ServedProtocol::Http2, ..SimulatedServer::default() },
            faults: Faults { refused_ppm: 300_000, ..Faults::default() },
            keeps_log: true,
            ..World::default()
        };
        let scenario = |budget: &str| {
            format!("retry = {{ attempts = 3, on = ['5xx'], wait = '5ms'{budget} }}\nload = {{ rate = 200 }}")
        };
        let context = format!("seed {seed}");
        let unbounded = run_of(&run, http, &scenario(""), world(), seed);
        assert_nothing_is_lost(&unbounded, &context);
        let record = attempts(&unbounded);
        // Three of ten fail: 0.3 + 0.09 further ones for each request, and 2.7 % of the requests after three attempts.
        assert!((1_300..1_850).contains(&record.further), "{context}: {} further", record.further);
        assert!((50..180).contains(&record.exhausted) && record.over_budget == 0, "{context}: {record:?}");
        let bounded = run_of(&run, http, &scenario(", budget = '10%'"), world(), seed);
        assert_nothing_is_lost(&bounded, &context);
        let record = attempts(&bounded);
        assert!(record.further <= record.requests() / 10, "{context}: {} further", record.further);
        assert!(record.further > 300 && record.over_budget > 500, "{context}: {record:?}");
    }
}

/// A client of its own making: what its breaker and its further attempts come to, given what the server did each time.
#[derive(Debug, Default)]
struct ModelClient {
    last: VecDeque<bool>,
    open_until_ns: Option<u64>,
    is_probing: bool,
    counts: BreakerCounts,
    made: u64,
    further: u64,
    ok: u64,
    ok_later: u64,
}

impl ModelClient {
    /// Whether something may be sent.
    fn asks(&mut self, now_ns: u64) -> bool {
        match self.open_until_ns {
            Some(until_ns) if now_ns < until_ns => {
                self.counts.rejections += 1;
                return false;
            }
            Some(_) => {
                self.counts.half_openings += 1;
                (self.open_until_ns, self.is_probing) = (None, true);
            }
            None => {}
        }
        true
    }

    fn ended(&mut self, is_ok: bool, now_ns: u64) {
        self.last.push_back(is_ok);
        if self.last.len() > WINDOW {
            self.last.pop_front();
        }
        let failures = self.last.iter().filter(|is_ok| !**is_ok).count();
        let was_probe = std::mem::take(&mut self.is_probing);
        let opens = if was_probe { !is_ok } else { self.last.len() == WINDOW && failures >= FAILURES };
        if opens {
            self.counts.openings += 1;
            self.open_until_ns = Some(now_ns + STAYS_OPEN_NS);
        }
        if was_probe && is_ok {
            self.counts.closings += 1;
        }
        if was_probe || opens {
            self.last.clear();
        }
    }

    /// A request that arrives then, is tried twice at the most, and has ended before the next one arrives.
    fn request(&mut self, arrived_ns: u64, outcomes: &mut impl Iterator<Item = bool>) {
        for attempt in 0..2 {
            let asked_ns = arrived_ns + attempt * (WAIT_NS + ATTEMPT_NS_MAX);
            if !self.asks(asked_ns) {
                return;
            }
            let Some(is_ok) = outcomes.next() else { return };
            self.made += 1;
            self.further += attempt;
            self.ended(is_ok, asked_ns + ATTEMPT_NS_MAX);
            if is_ok {
                self.ok += 1;
                self.ok_later += attempt;
                return;
            }
        }
    }
}

#[test]
fn a_breaker_does_what_the_outcomes_at_the_server_say() {
    let mut all = BreakerCounts::default();
    for seed in seeds(20) {
        let run = format!("shards = 1\nseed = {seed}\nduration = '120s'\nconnections = 100");
        let scenario = "retry = { attempts = 2, on = ['connect', 503], wait = '30ms' }\n\
                        breaker = { clients = 1, opens = '50% of 20', stays_open = '5s', probes = 1 }\n\
                        load = { rate = 10 }";
        // The outage begins and ends between two arrivals.
        let world = failing(20 * SECOND_NS + 80 * MILLISECOND_NS);
        let outcome = run_of(&run, "reuse = false", scenario, world, seed);
        assert_nothing_is_lost(&outcome, &format!("seed {seed}"));

        let (total, record) = (outcome.total(), attempts(&outcome));
        let arrivals = outcome.scheduled.expect("an open load").measured;
        let log = &outcome.wires[0].outcome_log;
        let (mut client, mut outcomes) = (ModelClient::default(), log.iter().copied());
        (0..arrivals).for_each(|number| client.request(number * BETWEEN_NS, &mut outcomes));
        assert_eq!(outcomes.count(), 0, "seed {seed}: the model sends as often");
        let counts = outcome.snapshot.requests.scenarios[0].breaker;
        assert_eq!(counts, client.counts, "seed {seed}");
        let expected = (client.made, client.further, client.ok);
        assert_eq!((record.made, record.further, record.ok), expected, "seed {seed}");
        assert_eq!(record.made as usize, log.len(), "seed {seed}");
        // Each opening is followed by a half-opening, unless it is open at the end; a half-opening by a closing or an opening.
        let is_open = u64::from(client.open_until_ns.is_some());
        assert_eq!(counts.openings, counts.half_openings + is_open, "seed {seed}");
        assert!(!client.is_probing && counts.half_openings >= counts.closings, "seed {seed}");

        // What succeeds at its second attempt has waited for it since the first one was intended.
        let waited_ns = total.response.mean_ns() * total.ok as f64;
        let least_ns = (client.ok_later * WAIT_NS) as f64;
        let most_ns = least_ns + (total.ok * ATTEMPT_NS_MAX) as f64;
        assert!(client.ok_later > 0 && total.response.max_ns() >= WAIT_NS, "seed {seed}");
        assert!((least_ns..most_ns).contains(&waited_ns), "seed {seed}: {waited_ns} of {least_ns}");
        assert!(record.service.max_ns() < ATTEMPT_NS_MAX, "seed {seed}: each by itself is quick");
        all.add(counts);
    }
    assert!(all.openings > 0 && all.closings > 0, "{all:?}");
}
