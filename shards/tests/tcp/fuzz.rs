//! Streams of a target, changed at random: whatever comes, it is taken or refused, and every message ends once.
//!
//! `FUZZ_SECONDS=600 cargo test -p vajra-shards --test tcp fuzz` looks longer, see [`fuzzing`].

use crate::client::{Client, Told};
use engine::random::Random;
use fuzzing::{Fate, fuzz};

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

/// One case; whether the connection was still usable at its end.
fn one(random: &mut Random) -> bool {
    let all = ["delimiter:\\r\\n", "length:be16", "length:le32", "bytes:64", "none", "close"];
    let ends = all[random.between(0, 5) as usize];
    let greets = random.between(0, 3) == 0 && !matches!(ends, "none" | "close");
    let mut client = Client::new(ends, greets);
    let mut bytes = stream(random, ends);
    fuzzing::change(random, &mut bytes, 0..=4, |random| fuzzing::noise(random, 40));
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
    fuzz("tcp", CASES, |random| Fate::when(one(random)));
}
