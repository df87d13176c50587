//! Streams of a target, changed at random: whatever comes, it is taken or refused. No panic, no hang, no memory beyond a bound.
//!
//! `FUZZ_SECONDS=600 cargo test -p vajra-shards --test websocket fuzz` looks longer, see [`fuzzing`].

use crate::client::{Client, Told, message};
use crate::target::*;
use engine::plan::{ReplyMatching, SocketMessageKind};
use engine::random::Random;
use fuzzing::{Fate, fuzz};

const CASES: u64 = 6_000;
/// What one connection may hold beside what it was given at its start: more than any stream here has, twice, as vectors grow.
const HELD_BYTES_MAX: usize = 64 << 10;

/// An opening and frames as a server sends them.
fn stream(random: &mut Random, request: &[u8]) -> Vec<u8> {
    let mut bytes = opening(request);
    for number in 0..random.between(1, 8) {
        let size = random.between(0, 300) as usize;
        bytes.extend(match random.between(0, 7) {
            0 => whole(TEXT, format!("{{\"id\":{number},\"s\":\"{}\"}}", "é".repeat(size))),
            1 => whole(BINARY, vec![number as u8; size]),
            2 => [part(TEXT, "{\"id\":"), whole(PING, "p"), whole(CONTINUATION, format!("{number}}}"))]
                .concat(),
            3 => whole(PONG, vec![0; size.min(125)]),
            4 => [part(BINARY, vec![1; size]), part(CONTINUATION, vec![2; size]), whole(CONTINUATION, "")]
                .concat(),
            5 => whole(TEXT, "😀".repeat(size)),
            6 if number > 5 => close(1000 + number as u16, "bye"),
            _ => whole(PING, vec![number as u8; size.min(125)]),
        });
    }
    bytes
}

/// A frame of any kind.
fn any_frame(random: &mut Random) -> Vec<u8> {
    let payload = fuzzing::noise(random, 12);
    frame(random.bits() as u8, &payload)
}

/// One case; whether the connection was still usable at its end.
fn one(random: &mut Random) -> bool {
    let matching = match random.between(0, 2) {
        0 => ReplyMatching::Order,
        1 => ReplyMatching::Json("/id".into()),
        _ => ReplyMatching::None,
    };
    let steps = [
        message(SocketMessageKind::Text, "{\"id\":{{seq}}}"),
        message(SocketMessageKind::Binary, "{\"id\":\"{{uuid}}\"}"),
    ];
    let mut client = Client::new(&steps, matching);
    let request = client.taken();
    let mut bytes = stream(random, &request);
    fuzzing::change(random, &mut bytes, 0..=5, any_frame);
    let (mut begun, mut ended) = (0_u32, 0_usize);
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let size = (random.between(1, 600) as usize).min(rest.len());
        let result = client.hears(&rest[..size]);
        rest = &rest[size..];
        ended += client.told().iter().filter(|told| matches!(told, Told::Response { .. })).count();
        assert!(
            client.socket.held_bytes() <= HELD_BYTES_MAX,
            "{} bytes are held",
            client.socket.held_bytes()
        );
        if result.is_err() {
            return false;
        }
        assert_eq!(client.listener.under_way.len() + ended, begun as usize, "each message ends once");
        if client.is_ready() {
            client.taken();
            while client.listener.under_way.len() < 4 && begun < 40 {
                client.sends(begun % 2);
                begun += 1;
            }
            client.has_sent();
            ended += client.told().len();
            client.pumps();
        }
        client.taken();
    }
    client.is_ready()
}

#[test]
fn whatever_comes_is_taken_or_refused() {
    fuzz("websocket", CASES, |random| Fate::when(one(random)));
}
