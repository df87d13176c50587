//! Connections that are spent after some requests, as by a key that has sealed enough: they are replaced, and nothing fails.

use super::worlds::{pick, plan_of, seeds};
use engine::mix::Mix;
use engine::outbox::Outbox;
use engine::plan::Plan;
use engine::random::Random;
use engine::seams::Source;
use shards::protocol::http1::{HeadMemo, Http1};
use shards::protocol::{Events, Protocol, Readiness, Receive, Response, Sending, Unusable};
use shards::simulation::Simulation;
use shards::simulation::world::World;

/// HTTP/1.1 of which a connection is spent once it has sent so many requests.
struct Spending {
    http: Http1,
    left: u64,
}

impl Protocol for Spending {
    type Shared = (HeadMemo, u64);

    const IS_VERBATIM: bool = false;
    const IS_IN_ORDER: bool = true;
    const ANSWER_BYTES_MAX: usize = 0;

    fn is_verbatim(_shared: &Self::Shared) -> bool {
        false
    }

    fn is_in_order(_shared: &Self::Shared) -> bool {
        true
    }

    fn outbox_bytes((memo, _): &Self::Shared, request_bytes: usize, requests: usize) -> usize {
        Http1::outbox_bytes(memo, request_bytes, requests)
    }

    fn new((memo, left): &Self::Shared) -> Spending {
        Spending { http: Http1::new(memo), left: *left }
    }

    fn opened(&mut self, (memo, left): &mut Self::Shared, out: &mut Outbox<'_>) -> Result<(), Unusable> {
        self.left = *left;
        self.http.opened(memo, out)
    }

    fn readiness(&self) -> Readiness {
        self.http.readiness()
    }

    fn room(&self, depth: u32, under_way: u32) -> u32 {
        if self.is_spent() { 0 } else { self.http.room(depth, under_way) }
    }

    fn is_spent(&self) -> bool {
        self.left == 0
    }

    fn send<S: Source>(
        &mut self,
        (memo, _): &mut Self::Shared,
        source: &mut S,
        request: Sending,
        out: &mut Outbox<'_>,
    ) -> Result<u64, Unusable> {
        self.left = self.left.saturating_sub(1);
        self.http.send(memo, source, request, out)
    }

    fn receive(
        &mut self,
        (memo, _): &mut Self::Shared,
        bytes: &mut [u8],
        out: &mut Outbox<'_>,
        on: &mut impl Events,
    ) -> Result<(), Unusable> {
        self.http.receive(memo, bytes, out, on)
    }

    fn wish(&self) -> Receive {
        Receive::Stream
    }

    fn discarded(&mut self, bytes: u64, on: &mut impl Events) -> Result<(), Unusable> {
        self.http.discarded(bytes, on)
    }

    fn ended(&mut self, on: &mut impl Events) -> Unusable {
        self.http.ended(on)
    }

    fn begun(&self) -> Option<Response> {
        self.http.begun()
    }
}

fn plan(random: &mut Random) -> (Plan, u64) {
    let pipeline = pick(random, &[1, 1, 4, 16]);
    let load = pick(random, &["", "[load]\nrate = 500\n"]);
    let (connections, requests) = (random.between(1, 6), random.between(200, 1_000));
    let plan = plan_of(
        "http://simulated:1",
        &format!("connections = {connections}\npipeline = {pipeline}\nrequests = {requests}\n{load}"),
    );
    (plan, requests)
}

#[test]
fn a_spent_connection_is_replaced_once_nothing_is_under_way_on_it_and_nothing_fails() {
    for seed in seeds(50) {
        let mut random = Random::new(seed, 83);
        let (plan, requests) = plan(&mut random);
        let each = random.between(5, 60);
        let simulation = Simulation::new(plan.clone(), World::default(), seed);
        let outcome = simulation.run_with::<Mix, Spending>(|mix| (mix, (HeadMemo::default(), each)));
        let (total, stats) = (outcome.total(), outcome.snapshot.stats());
        assert_eq!((total.ok, total.failed()), (requests, 0), "seed {seed}");
        // Those under way when it was spent may have been begun beside the last one that it had left.
        let pipeline = u64::from(plan.targets[0].pipeline());
        let made = stats.reconnects + u64::from(plan.connections());
        assert!(made * (each + pipeline) >= requests, "seed {seed}: {made} connections");
        assert!(stats.reconnects <= requests / each, "seed {seed}: {} reconnects", stats.reconnects);
    }
}
