//! Datagrams of a target, changed at random: whatever comes, each message ends once, and nothing panics.
//!
//! `FUZZ_CASES=1000000 cargo test -p vajra-shards --test udp fuzz` looks longer, and a failure names its case, which `FUZZ_CASE=7` runs
//! alone.

use crate::client::{Client, Told, message, query};
use engine::random::Random;

const CASES: u64 = 4_000;

/// Small changes: bits, bytes, stretches cut out or doubled, an end that is missing.
fn change(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..random.between(0, 3) {
        if bytes.is_empty() {
            return bytes.push(random.bits() as u8);
        }
        let at = random.between(0, bytes.len() as u64 - 1) as usize;
        let length = (random.between(1, 20) as usize).min(bytes.len() - at);
        match random.between(0, 4) {
            0 => bytes[at] ^= 1 << random.between(0, 7),
            1 => bytes[at] = [0, 0x3f, 0x40, 0xc0, 0xff][random.between(0, 4) as usize],
            2 => drop(bytes.drain(at..at + length)),
            3 => {
                let again = bytes[at..at + length].to_vec();
                bytes.splice(at..at, again);
            }
            _ => bytes.truncate(at),
        }
    }
}

fn one(random: &mut Random) -> u64 {
    let rules = ["be16@0", "be32@2", "le64@0", "dns", "any", "none"];
    let rule = rules[random.between(0, rules.len() as u64 - 1) as usize];
    let step =
        if rule == "dns" { query("{{seq}}.{{uuid}}.example.org") } else { message("..........{{seq}}") };
    let mut client = Client::new(&step, rule, 4);
    let (mut begun, mut ended) = (0, 0);
    let mut known: Vec<Vec<u8>> = vec![Vec::new()];
    for _ in 0..30 {
        while client.room() > 0 && random.between(0, 2) > 0 {
            let mut sent = client.asks();
            if rule == "dns" {
                sent[2] |= 0x80;
            }
            known.push(sent);
            begun += 1;
        }
        let mut datagram = known[random.between(0, known.len() as u64 - 1) as usize].clone();
        change(random, &mut datagram);
        let told = client.hears(&datagram);
        assert!(told.len() <= 2, "{told:?}");
        ended += told.iter().filter(|told| matches!(told, Told::Response(..))).count() as u64;
        if random.between(0, 5) == 0
            && let Some(place) = client.listener.taken.iter().position(|taken| *taken)
        {
            client.gives_up(place as u32);
            ended += 1;
        }
        assert_eq!(u64::from(client.under_way()) + ended, begun, "each message ends once");
    }
    ended
}

#[test]
fn whatever_comes_is_taken() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let cases = match number("FUZZ_CASE") {
        Some(case) => case..case + 1,
        None => 0..number("FUZZ_CASES").unwrap_or(CASES),
    };
    let mut ended = 0;
    for case in cases.clone() {
        let done = std::panic::catch_unwind(|| one(&mut Random::new(0xdada, case)));
        ended += done.unwrap_or_else(|_| panic!("case {case} of {cases:?}"));
    }
    assert!(ended > 0, "some message ended");
}
