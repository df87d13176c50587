//! Streams of a target, changed at random: whatever comes, it is taken or refused. No panic, no hang, no memory beyond a bound.
//!
//! As a test it runs some thousand cases from a fixed seed; `FUZZ_CASES=1000000 cargo test -p vajra-shards --test http2 fuzz` looks longer,
//! and a failure names its case, which `FUZZ_CASE=7` runs alone.

use crate::client::{Client, Told, get, options, request};
use crate::target::*;
use engine::random::Random;

const CASES: u64 = 3_000;
/// What one connection may hold beside what it was given at its start: a frame, and a header block.
const HELD_BYTES_MAX: usize = (16 << 10) + (64 << 10) + (16 << 10);

/// A stream of frames as a server sends them, with responses to eight requests.
fn stream(random: &mut Random) -> Vec<u8> {
    let mut bytes = settings(&[(3, random.between(0, 200) as u32), (4, random.between(0, 1 << 20) as u32)]);
    for request in 0..8 {
        let id = 2 * request + 1;
        let inserted =
            [&[0x88, 0x5c, 1, b'0' + request as u8, 0x40, 1, b'a', 1][..], &[b'0' + request as u8]].concat();
        bytes.extend(match random.between(0, 6) {
            0 => empty_response(id),
            1 => [headers(id, 0, &inserted), data(id, END_STREAM, &[b'x'; 300])].concat(),
            2 => [headers(id, 0, &[0x88, 0xbe]), data(id, 0, b"abc"), headers(id, END_STREAM, &[0xbf])]
                .concat(),
            3 => [frame(HEADERS, 0, id, OK), frame(CONTINUATION, END_HEADERS, id, &inserted[1..])].concat(),
            4 => [frame(PING, 0, 0, &[7; 8]), number(RST_STREAM, id, 7)].concat(),
            5 => [number(WINDOW_UPDATE, id, 900), frame(HEADERS, 0x2d, id, &[&[0; 6][..], OK].concat())]
                .concat(),
            _ => [goaway(id, 0), frame(0x50, 0xff, id, &[1; 40])].concat(),
        });
    }
    bytes
}

/// Small changes: bits, bytes, whole frames cut out, doubled or moved, lengths at the end of a range.
fn change(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..random.between(0, 5) {
        let at = random.between(0, bytes.len() as u64 - 1) as usize;
        let length = (random.between(1, 40) as usize).min(bytes.len() - at);
        match random.between(0, 6) {
            0 => bytes[at] ^= 1 << random.between(0, 7),
            1 => bytes[at] = random.bits() as u8,
            2 => bytes[at..at + length].fill([0, 0x7f, 0x80, 0xff][random.between(0, 3) as usize]),
            3 if bytes.len() > length => drop(bytes.drain(at..at + length)),
            4 => {
                let again = bytes[at..at + length].to_vec();
                bytes.splice(at..at, again);
            }
            5 => bytes.truncate(at + 1),
            _ => {
                let kind = random.between(0, 10) as u8;
                let payload: Vec<u8> = (0..random.between(0, 12)).map(|_| random.bits() as u8).collect();
                let drawn = frame(kind, random.bits() as u8, random.between(0, 18) as u32, &payload);
                bytes.splice(at..at, drawn);
            }
        }
    }
}

/// One case; whether the connection was still usable at its end.
fn one(random: &mut Random) -> bool {
    let mut bytes = stream(random);
    change(random, &mut bytes);
    let body = request("POST", "/{{seq}}", &[], Some("{{uuid}}"));
    let mut client = Client::new(&[get(), body], options());
    let mut rest = &bytes[..];
    let mut begun: u32 = 0;
    let mut told: u32 = 0;
    while !rest.is_empty() {
        let size = (random.between(1, 2_000) as usize).min(rest.len());
        let result = client.hears(&rest[..size]);
        rest = &rest[size..];
        let ended = |told: &Told| matches!(told, Told::Response { .. } | Told::Failed { .. });
        told += client.told().iter().filter(|told| ended(told)).count() as u32;
        assert!(told <= begun, "no more requests end than were sent");
        assert!(client.http.held_bytes() <= HELD_BYTES_MAX, "{} bytes are held", client.http.held_bytes());
        if result.is_err() {
            return false;
        }
        assert_eq!(client.http.under_way() + told, begun, "each request ends once");
        client.taken();
        while client.room() > 0 && begun < 8 {
            client.sends_step(begun % 2);
            begun += 1;
        }
        if random.between(0, 30) == 0 && begun > 0 {
            let before = client.http.under_way();
            client.cancels(random.between(0, u64::from(begun) - 1) as u32, 0);
            told += before - client.http.under_way();
        }
        client.pumps();
        client.taken();
    }
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
        count == 1 || (0 < usable && usable < count),
        "{usable} of {count} were usable, so nothing was tried"
    );
}
