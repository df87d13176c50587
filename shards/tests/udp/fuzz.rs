//! Datagrams of a target, changed at random: whatever comes, each message ends once, and nothing panics.
//!
//! `FUZZ_SECONDS=600 cargo test -p vajra-shards --test udp fuzz` looks longer, see [`fuzzing`].

use crate::client::{Client, Told, message, query};
use engine::random::Random;
use fuzzing::{Fate, fuzz};

const CASES: u64 = 4_000;

/// One case; whether some message has had its end by then, so that there is room for another.
fn one(random: &mut Random) -> bool {
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
        fuzzing::change(random, &mut datagram, 0..=3, |random| fuzzing::noise(random, 20));
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
    client.room() > 0
}

#[test]
fn whatever_comes_is_taken() {
    fuzz("udp", CASES, |random| Fate::when(one(random)));
}
