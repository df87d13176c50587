//! Streams of a target, changed at random: whatever comes, it is taken or refused, and every message ends once.
//!
//! As a test it runs some thousand cases from a fixed seed; `FUZZ_CASES=1000000 cargo test -p vajra-shards --test tcp fuzz` looks
//! longer, and a failure names its case, which `FUZZ_CASE=7` runs alone.

use crate::client::{Client, Told};
use engine::random::Random;

const CASES: u64 = 6_000;

/// Responses as a target sends them, whose ends are like this.
fn stream(random: &mut Random, ends: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..random.between(1, 8) {
        let body: Vec<u8> = (0..random.between(0, 300)).map(|_| random.between(32, 126) as u8).collect();
        let length = body.len() as u16;
        match ends {
            "length:be16" => bytes.extend([&length.to_be_bytes()[..], &body].concat()),
            "length:le32" => bytes.extend([&u32::from(length).to_le_bytes()[..], &body].concat()),
            "bytes:64" => bytes.extend([b'x'; 64]),
            _ => bytes.extend([&body[..], b"\r\n"].concat()),
        }
    }
    bytes
}

/// Small changes: bits, bytes, stretches cut out or doubled.
fn change(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..random.between(0, 4) {
        let at = random.between(0, bytes.len() as u64 - 1) as usize;
        let length = (random.between(1, 40) as usize).min(bytes.len() - at);
        match random.between(0, 4) {
            0 => bytes[at] ^= 1 << random.between(0, 7),
            1 => bytes[at] = random.bits() as u8,
            2 if bytes.len() > length => drop(bytes.drain(at..at + length)),
            3 => {
                let again = bytes[at..at + length].to_vec();
                bytes.splice(at..at, again);
            }
            _ => bytes.truncate(at + 1),
        }
    }
}

/// One case; whether the connection was still usable at its end.
fn one(random: &mut Random) -> bool {
    let all = ["delimiter:\\r\\n", "length:be16", "length:le32", "bytes:64", "none", "close"];
    let ends = all[random.between(0, 5) as usize];
    let greets = random.between(0, 3) == 0 && !matches!(ends, "none" | "close");
    let mut client = Client::new(ends, greets);
    let mut bytes = stream(random, ends);
    change(random, &mut bytes);
    let (mut begun, mut ended, mut rest) = (0, 0, &bytes[..]);
    let responses =
        |told: Vec<Told>| told.iter().filter(|told| matches!(told, Told::Response(_) | Told::Sent)).count();
    while !rest.is_empty() {
        if client.is_ready() {
            while client.under_way() < 4 && begun < 40 {
                client.sends();
                begun += 1;
            }
            client.has_sent();
        }
        let (piece, behind) = rest.split_at((random.between(1, 600) as usize).min(rest.len()));
        rest = behind;
        let result = client.hears_or_discards(piece);
        ended += responses(client.told());
        assert_eq!(client.under_way() + ended, begun, "each message ends once");
        if result.is_err() {
            return false;
        }
    }
    client.is_closed();
    ended += responses(client.told());
    assert_eq!(client.under_way() + ended, begun, "each message ends once");
    true
}

#[test]
fn whatever_comes_is_taken_or_refused() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let cases = match number("FUZZ_CASE") {
        Some(case) => case..case + 1,
        None => 0..number("FUZZ_CASES").unwrap_or(CASES),
    };
    let count = cases.end - cases.start;
    let mut usable = 0;
    for case in cases {
        let tried = std::panic::catch_unwind(|| one(&mut Random::new(1, case)));
        usable += u64::from(tried.unwrap_or_else(|_| panic!("FUZZ_CASE={case} does it again")));
    }
    assert!(
        count == 1 || (count / 20 < usable && usable < count * 19 / 20),
        "{usable} of {count} were usable, so little was tried"
    );
}
