//! The same plan and seed send the same requests on any number of shards, and in an open loop at the same instants.

use super::worlds::{pick, plan, seeds};
use engine::bucket::Arrival;
use engine::mix::Mix;
use engine::outbox::Outbox;
use engine::outcome::Outcome;
use engine::random::Random;
use engine::seams::{Call, End, EndedAt, Source, StepFacts};
use shards::protocol::http1::{HeadMemo, Http1};
use shards::simulation::Simulation;
use shards::simulation::world::World;
use std::cell::RefCell;
use std::rc::Rc;

/// A request as it was sent: its arrival, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sent {
    number: u64,
    pub(super) intended_ns: u64,
    bytes: Vec<u8>,
}

/// A mix that writes down what it begins.
pub(super) struct Logged {
    pub(super) mix: Mix,
    pub(super) log: Rc<RefCell<Vec<Sent>>>,
}

impl Source for Logged {
    fn steps(&self) -> &[StepFacts] {
        self.mix.steps()
    }

    fn begin(&mut self, Arrival { number, intended_ns }: Arrival) -> Call {
        let call = self.mix.begin(Arrival { number, intended_ns });
        let bytes = self.mix.steps()[call.step as usize].constant.clone().unwrap_or_default();
        self.log.borrow_mut().push(Sent { number, intended_ns, bytes });
        call
    }

    fn render(&mut self, call: Call, number: u64, out: &mut Outbox<'_>) {
        let before = out.filled();
        self.mix.render(call, number, out);
        let mut log = self.log.borrow_mut();
        let begun = log.last_mut().expect("what is rendered has begun");
        assert_eq!(begun.number, number);
        begun.bytes = out.bytes()[before..].to_vec();
    }

    fn end(&mut self, call: Call, end: End, at: EndedAt) -> Outcome {
        self.mix.end(call, end, at)
    }
}

const REQUESTS: [&str; 3] = [
    "[[request]]\npath = '/constant'",
    "[[request]]\npath = '/{{seq}}/{{rand 1 1000000}}'\nheaders = { X-Id = '{{uuid}}' }",
    "[[request]]\npath = '/constant'\n[[request]]\nmethod = 'HEAD'\npath = '/{{uuid}}'\nweight = 3\n\
     [[request]]\nbody = 'n={{seq}}&m={{rand 1 9}}{{rand 10 99}}'\nweight = 2\n[[request]]\npath = '/never'\nweight = 0",
];

/// A load, and whether its requests have intended instants.
const LOADS: [(&str, bool); 6] = [
    ("requests = 777\nduration = '1h'", false),
    ("duration = '1s'\n[load]\nrate = 700", true),
    ("duration = '1s'\n[load]\nrate = 700\narrivals = 'poisson'", true),
    ("requests = 333\n[load]\nrate = 1_000\narrivals = 'poisson'", true),
    ("requests = 333\n[load]\nrate = 1_000", true),
    ("duration = '1s'\n[load]\nshape = 'ramp'\nfrom = 10\nto = 900\narrivals = 'poisson'", true),
];

/// Everything that is sent, in order of number.
fn sent(settings: &str, shards: u32, pipeline: u32, seed: u64) -> Vec<Sent> {
    let plan = plan(&format!(
        "shards = {shards}\nconnections = 16\npipeline = {pipeline}\nseed = {seed}\n{settings}"
    ));
    let log = Rc::new(RefCell::new(Vec::new()));
    let simulation = Simulation::new(plan, World::default(), seed);
    let outcome =
        simulation.run_with::<Logged, Http1>(|mix| (Logged { mix, log: log.clone() }, HeadMemo::default()));
    let mut sent = log.take();
    sent.sort();
    assert_eq!(outcome.total().ok, sent.len() as u64, "seed {seed}: each is sent and answered");
    let bytes: u64 = sent.iter().map(|sent| sent.bytes.len() as u64).sum();
    assert_eq!(outcome.total().bytes_sent, bytes, "seed {seed}: what is written down is what is sent");
    sent
}

#[test]
fn one_two_and_four_shards_send_the_same_requests_at_the_same_instants() {
    for seed in seeds(4) {
        for ((load, is_open), requests) in
            LOADS.into_iter().flat_map(|load| REQUESTS.map(|requests| (load, requests)))
        {
            let pipeline = pick(&mut Random::new(seed, 5), &[1, 4]);
            let on = |shards| {
                let mut sent = sent(&format!("{load}\n{requests}"), shards, pipeline, seed);
                // A closed loop has no schedule: its requests are sent when something is free to take them.
                sent.iter_mut().filter(|_| !is_open).for_each(|sent| sent.intended_ns = 0);
                sent
            };
            let one = on(1);
            let context = format!("seed {seed}: {load}\n{requests}");
            assert!(
                one.windows(2).all(|pair| pair[0].number < pair[1].number),
                "{context}: numbers are unique"
            );
            for shards in [2, 4] {
                assert!(on(shards) == one, "{context}: on {shards} shards");
            }
            assert!(
                requests == REQUESTS[0] || one.iter().any(|sent| sent.bytes != one[0].bytes),
                "{context}"
            );
        }
    }
}

#[test]
fn a_number_of_requests_is_those_with_the_first_numbers() {
    for seed in seeds(3) {
        for (load, _) in LOADS.iter().filter(|(load, _)| load.starts_with("requests")) {
            let numbers: Vec<u64> = sent(load, 3, 1, seed).iter().map(|sent| sent.number).collect();
            assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<u64>>(), "seed {seed}: {load}");
        }
    }
}
