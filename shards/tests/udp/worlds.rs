//! Sockets on networks drawn from seeds, which lose, double, delay and reorder: all adds up exactly, and no reply is another's.

use crate::client::{Client, Told, message, query};
use engine::random::Random;
use std::collections::BTreeMap;
use vajra_shards::protocol::DatagramNote;

const DEPTH: u32 = 16;
const STEPS: u64 = 30_000;
const SECOND_NS: u64 = 1_000_000_000;

/// What became of the copies of a datagram so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    UnderWay(u32),
    Answered,
    GivenUp,
    /// Given up, and a copy has come since.
    Late,
}

/// A network, and all that was ever sent on it.
struct Network {
    random: Random,
    client: Client,
    is_dns: bool,
    /// Copies on their way, by the number of what was sent.
    flying: Vec<(u64, Vec<u8>)>,
    fates: BTreeMap<u64, Fate>,
    told: BTreeMap<&'static str, u64>,
}

impl Network {
    fn new(seed: u64, rule: &str) -> Network {
        let is_dns = rule == "dns";
        let step = if is_dns { query("u-{{seq}}.example.org") } else { message("........{{seq}}") };
        Network {
            random: Random::new(seed, 0),
            client: Client::new(&step, rule, DEPTH),
            is_dns,
            flying: Vec::new(),
            fates: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    fn occurs(&mut self, percent: u64) -> bool {
        self.random.between(1, 100) <= percent
    }

    fn count(&mut self, what: &'static str) {
        *self.told.entry(what).or_default() += 1;
    }

    fn send(&mut self) {
        let (place, number) = self.client.sends();
        let mut reply = self.client.sent().pop().unwrap();
        if self.is_dns {
            reply[2] |= 0x80;
        }
        self.fates.insert(number, Fate::UnderWay(place));
        self.count("sent");
        let copies = if self.occurs(10) { 0 } else { 1 + u64::from(self.occurs(10)) };
        (0..copies).for_each(|_| self.flying.push((number, reply.clone())));
    }

    fn deliver(&mut self) {
        let index = self.random.between(0, self.flying.len() as u64 - 1) as usize;
        let (number, reply) = self.flying.swap_remove(index);
        let told = self.client.hears(&reply);
        let expected = match self.fates[&number] {
            Fate::UnderWay(place) => {
                assert!(matches!(told[..], [Told::Response(told, _)] if told == place), "{number}: {told:?}");
                self.fates.insert(number, Fate::Answered);
                return self.count("answered");
            }
            Fate::Answered | Fate::Late => DatagramNote::Repeated,
            Fate::GivenUp => DatagramNote::Late,
        };
        assert_eq!(told, [Told::Note(expected)], "{number}");
        if expected == DatagramNote::Late {
            self.fates.insert(number, Fate::Late);
        }
        self.count(if expected == DatagramNote::Late { "late" } else { "repeated" });
    }

    fn give_up(&mut self) {
        let is_under_way = |fate: &Fate| matches!(fate, Fate::UnderWay(_));
        let Some((&number, &Fate::UnderWay(place))) = self.fates.iter().find(|(_, fate)| is_under_way(fate))
        else {
            return;
        };
        self.client.gives_up(place);
        self.fates.insert(number, Fate::GivenUp);
        self.count("given up");
    }

    /// What was long over is not looked at any more.
    fn forget(&mut self) {
        let last = self.fates.keys().last().copied().unwrap_or(0);
        let flying: Vec<u64> = self.flying.iter().map(|(number, _)| *number).collect();
        self.fates.retain(|number, fate| {
            matches!(fate, Fate::UnderWay(_)) || number + 2_000 > last || flying.contains(number)
        });
    }

    fn told(&self, what: &str) -> u64 {
        self.told.get(what).copied().unwrap_or(0)
    }
}

fn run(seed: u64, rule: &str, steps: u64) -> Network {
    let mut network = Network::new(seed, rule);
    for step in 0..steps {
        network.client.ticks(step * SECOND_NS / 1_000);
        match network.random.between(0, 9) {
            0..=4 if network.client.room() > 0 => network.send(),
            9 if network.client.room() == 0 || network.random.between(0, 4) == 0 => network.give_up(),
            _ if !network.flying.is_empty() => network.deliver(),
            _ => network.give_up(),
        }
        if step % 1_000 == 0 {
            network.forget();
        }
    }
    while !network.flying.is_empty() {
        network.deliver();
    }
    let under_way = u64::from(network.client.under_way());
    let ended = network.told("answered") + network.told("given up");
    assert_eq!(network.told("sent"), ended + under_way, "seed {seed}: {:?}", network.told);
    network
}

#[test]
fn every_datagram_that_comes_is_a_reply_late_or_repeated_and_no_reply_is_anothers() {
    for rule in ["be16@0", "be32@0", "le64@0", "dns"] {
        for seed in 0..4 {
            let network = run(seed, rule, STEPS);
            for what in ["answered", "late", "repeated", "given up"] {
                assert!(network.told(what) > 20, "{rule}, seed {seed}: {:?}", network.told);
            }
        }
    }
}

#[test]
fn sixteen_bits_are_enough_for_more_requests_than_they_have_numbers() {
    let network = run(7, "be16@0", 300_000);
    assert!(network.told("sent") > 100_000, "{:?}", network.told);
}
