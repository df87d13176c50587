//! Streams of a target, changed at random: whatever comes, it is taken or refused. No panic, no hang, no memory beyond a bound.
//!
//! `FUZZ_SECONDS=600 cargo test -p vajra-shards --test http2 fuzz::frames` (or `calls`, `header_blocks`) looks longer, see [`fuzzing`].

use crate::client::{Client, Told, failures, get, options, request, statuses};
use crate::grpc::{head, message, step, trailers};
use crate::target::{
    CONTINUATION, END_HEADERS, END_STREAM, HEADERS, OK, PING, RST_STREAM, WINDOW_UPDATE, data,
    empty_response, frame, goaway, headers, number, settings,
};
use engine::plan::MessagePace;
use engine::random::Random;
use fuzzing::{Fate, below, fuzz, noise, one_of};
use vajra_shards::protocol::Protocol as _;

const CASES: u64 = 3_000;
/// Requests that a case sends at the most.
const REQUESTS: u32 = 8;
/// What one connection may hold beside what it was given at its start: a frame, and a header block.
const HELD_BYTES_MAX: usize = (16 << 10) + (64 << 10) + (16 << 10);

/// A stream of frames as a server sends them, with responses to eight requests.
fn stream(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    for request in 0..REQUESTS {
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

/// A frame of any kind.
fn any_frame(random: &mut Random) -> Vec<u8> {
    let kind = random.between(0, 10) as u8;
    let payload = fuzzing::noise(random, 12);
    frame(kind, random.bits() as u8, random.between(0, 18) as u32, &payload)
}

/// What a target begins with, which is changed now and then: requests are sent once it has come.
fn opening(random: &mut Random) -> Vec<u8> {
    let values = [(3, random.between(0, 200) as u32), (4, random.between(0, 1 << 20) as u32)];
    let mut bytes = settings(&values);
    if random.between(0, 9) == 0 {
        fuzzing::change(random, &mut bytes, 0..=3, any_frame);
    }
    bytes
}

/// What a connection is told in pieces, after its opening, while requests are sent and given up: each ends once, and memory is
/// bounded. Whether the connection was still usable at its end.
fn converse(client: &mut Client, steps: u32, bytes: &[u8], random: &mut Random) -> bool {
    let (mut begun, mut told, mut rest) = (0_u32, 0_u32, bytes);
    let (mut first, mut now_ns) = (Some(opening(random)), 0);
    while first.is_some() || !rest.is_empty() {
        let result = if let Some(first) = first.take() {
            client.hears(&first)
        } else {
            let (piece, behind) = rest.split_at((random.between(1, 2_000) as usize).min(rest.len()));
            rest = behind;
            client.hears(piece)
        };
        let ended = |told: &Told| matches!(told, Told::Response { .. } | Told::Failed { .. });
        told += client.told().iter().filter(|told| ended(told)).count() as u32;
        assert!(told <= begun, "no more requests end than were sent");
        assert!(client.http.held_bytes() <= HELD_BYTES_MAX, "{} bytes are held", client.http.held_bytes());
        if result.is_err() {
            return false;
        }
        assert_eq!(client.http.under_way() + told, begun, "each request ends once");
        client.taken();
        while client.room() > 0 && begun < REQUESTS {
            client.sends_step(begun % steps);
            begun += 1;
        }
        if random.between(0, 30) == 0 && begun > 0 {
            let before = client.http.under_way();
            client.cancels(random.between(0, u64::from(begun) - 1) as u32, 0);
            told += before - client.http.under_way();
        }
        now_ns += random.between(0, 2_000_000);
        client.http.reach(now_ns);
        client.pumps();
        client.taken();
    }
    true
}

/// One case of frames of any kind.
fn frames(random: &mut Random) -> bool {
    let mut bytes = stream(random);
    fuzzing::change(random, &mut bytes, 0..=5, any_frame);
    let body = request("POST", "/{{seq}}", &[], Some("{{uuid}}"));
    converse(&mut Client::new(&[get(), body], options()), 2, &bytes, random)
}

/// A response to a call: messages of any length in frames of any length, and a status.
fn call_response(random: &mut Random, id: u32) -> Vec<u8> {
    let message = |random: &mut Random| message(0, &noise(random, 200));
    let messages: Vec<u8> = (0..random.between(0, 4)).flat_map(|_| message(random)).collect();
    let piece = 1 + below(random, 300);
    let bodies = messages.chunks(piece).flat_map(|piece| data(id, 0, piece));
    let bodies: Vec<u8> = bodies.collect();
    let status = *one_of(random, &["0", "5", "14", "99", "x", ""]);
    [head(id), bodies, trailers(id, status)].concat()
}

/// One case of calls of all kinds.
fn calls(random: &mut Random) -> bool {
    let mut bytes = Vec::new();
    (0..REQUESTS).for_each(|request| bytes.extend(call_response(random, 2 * request + 1)));
    fuzzing::change(random, &mut bytes, 0..=5, any_frame);
    let steps = [
        step(&["hello"], false, MessagePace::AtOnce),
        step(&["u-{{seq}}"], true, MessagePace::AtOnce),
        step(&["one", "two"], false, MessagePace::AtOnce),
        step(&["one", "{{uuid}}", "three"], true, MessagePace::PingPong),
        step(&["one", "{{seq}}"], true, MessagePace::Every { period_ns: 1_000_000 }),
    ];
    converse(&mut Client::of_steps(&steps, options()), 5, &bytes, random)
}

/// Fields of a response as a server may compress them: by index, in full, with names of the table, and to be put into it.
fn block(random: &mut Random) -> Vec<u8> {
    let mut block = one_of(
        random,
        &[vec![0x88], vec![0x8d], vec![0x48, 3, b'2', b'0', b'4'], vec![0x48, 0x82, 0x10, 0x01]],
    )
    .clone();
    for _ in 0..random.between(0, 5) {
        block.extend(match random.between(0, 5) {
            0 => vec![0x80 | (56 + random.between(0, 7)) as u8],
            1 => [&[0x40, 1, b'a' + random.between(0, 3) as u8, 4][..], &random.bits().to_be_bytes()[..4]]
                .concat(),
            2 => [&[0x5c, 1][..], &[b'0' + random.between(0, 9) as u8]].concat(),
            3 => vec![0x0f, 0x2f, 0x84, 0xaa, 0x63, 0x55, 0xe7],
            4 => vec![0x10, 1, b'x', 2, b'y', b'z'],
            _ => vec![0x7e, 3, b'a', b'b', b'c'],
        });
    }
    if random.between(0, 9) == 0 {
        block.insert(0, 0x20 + random.between(0, 31) as u8);
    }
    block
}

/// One case of header blocks: one that comes in many frames says the same as in one.
fn header_blocks(random: &mut Random) -> bool {
    let (mut whole, mut cut) = (Client::ready(), Client::ready());
    for _ in 0..12 {
        let id = whole.sends();
        assert_eq!(cut.sends(), id);
        let mut block = block(random);
        if random.between(0, 7) == 0 {
            fuzzing::change(random, &mut block, 0..=3, |random| noise(random, 12));
        }
        let at = below(random, block.len() + 1);
        let behind = below(random, block.len() - at + 1);
        let (first, rest) = block.split_at(at);
        let (second, third) = rest.split_at(behind);
        let frames = [
            frame(HEADERS, END_STREAM, id, first),
            frame(CONTINUATION, 0, id, second),
            frame(CONTINUATION, END_HEADERS, id, third),
        ];
        let results = (whole.hears(&headers(id, END_STREAM, &block)), cut.hears(&frames.concat()));
        assert_eq!(results.0, results.1, "it is the same in one frame and in several");
        let (told, told_of_cut) = (whole.told(), cut.told());
        assert_eq!(statuses(&told), statuses(&told_of_cut));
        assert_eq!(failures(&told), failures(&told_of_cut));
        whole.taken();
        cut.taken();
        if results.0.is_err() {
            return false;
        }
    }
    true
}

#[test]
fn frames_are_taken_or_refused() {
    fuzz("frames", CASES, |random| Fate::when(frames(random)));
}

#[test]
fn calls_are_taken_or_refused() {
    fuzz("calls", CASES, |random| Fate::when(calls(random)));
}

#[test]
fn header_blocks_are_taken_or_refused() {
    fuzz("header blocks", CASES, |random| Fate::when(header_blocks(random)));
}
