//! What a target could send, changed at random: it is taken or refused, without a panic, and no data comes out that was not sent.
//!
//! `FUZZ_SECONDS=600 cargo test -p vajra-shards --lib tls::tests::fuzz` looks longer at each, see [`fuzzing`]. Keys are new each time; all
//! else of a case is drawn from its seed.

use super::rig::{Authority, Ends, OurEnd, REQUEST_BYTES_MAX};
use crate::protocol::Unusable;
use crate::tls::keys::RecordKey;
use crate::tls::records::RecordContent;
use engine::plan::{TlsSettings, TlsVersion};
use engine::random::Random;
use fuzzing::{Fate, below, change, fuzz, noise};
use rustls::{ServerConfig, ServerConnection};
use std::sync::Arc;

const CASES: u64 = 100;

/// One server's configuration, and settings of clients of both versions: made once, because that takes longest.
struct Laboratory {
    server: Arc<ServerConfig>,
    settings: [TlsSettings; 2],
    _authority: Authority,
}

impl Laboratory {
    fn new() -> Laboratory {
        let authority = Authority::new();
        let server = Arc::new(authority.server(&authority.sign("server", |_| ()), None, false));
        let only = |version| TlsSettings { oldest: version, newest: version, ..authority.settings() };
        let settings = [only(TlsVersion::V1_2), only(TlsVersion::V1_3)];
        Laboratory { server, settings, _authority: authority }
    }

    fn client(&self, random: &mut Random) -> OurEnd {
        OurEnd::new(&self.settings[below(random, 2)])
    }
}

/// Tries a target on cases; `one` says whether what it did was refused.
fn try_all(target: &str, mut one: impl FnMut(&Laboratory, &mut Random) -> bool) {
    let laboratory = Laboratory::new();
    fuzz(target, CASES, |random| Fate::when(!one(&laboratory, random)));
}

/// Bytes arrive in pieces of any length.
fn arrive(ours: &mut OurEnd, mut bytes: &[u8], random: &mut Random) -> Result<(), Unusable> {
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at(1 + below(random, bytes.len()));
        ours.arrive(piece, usize::MAX)?;
        // What we answer goes nowhere: it must only have had room.
        ours.sent();
        bytes = rest;
    }
    Ok(())
}

fn some_noise(random: &mut Random) -> Vec<u8> {
    noise(random, 20)
}

fn seal(key: &mut RecordKey, content: RecordContent, plaintext: &[u8]) -> Vec<u8> {
    let (front, back) = (key.front_bytes(), key.back_bytes());
    let mut record = [&vec![0; front][..], plaintext, &vec![0; back]].concat();
    key.seal(content, &mut record).unwrap();
    record
}

/// Records changed on the way: data that comes out is the beginning of what was sent.
fn changed_records(laboratory: &Laboratory, random: &mut Random) -> bool {
    let ends = Ends::connect(laboratory.client(random), &laboratory.server, usize::MAX);
    let (mut ours, mut sealing, _) = ends.take_over();
    ours.taken.clear();
    let sent: Vec<u8> = noise(random, 5_000);
    let pieces = sent.chunks(1 + below(random, 2_000));
    let mut bytes: Vec<u8> =
        pieces.flat_map(|piece| seal(&mut sealing, RecordContent::Application, piece)).collect();
    change(random, &mut bytes, 0..=3, some_noise);
    let result = arrive(&mut ours, &bytes, random);
    assert!(sent.starts_with(&ours.taken.concat()), "data came that was not sent");
    result.is_err()
}

/// Records of the server's own keys with anything in them.
fn strange_records(laboratory: &Laboratory, random: &mut Random) -> bool {
    use RecordContent::{Alert, Application, ChangeCipherSpec, Handshake};
    let ends = Ends::connect(laboratory.client(random), &laboratory.server, usize::MAX);
    let (mut ours, mut sealing, _) = ends.take_over();
    for _ in 0..1 + below(random, 8) {
        let content = [Application, Alert, Handshake, ChangeCipherSpec, Application][below(random, 5)];
        let mut plaintext: Vec<u8> = match below(random, 5) {
            0 => vec![4, 0, 0, 13, 0, 0, 0, 9, 1, 2, 3, 4, 0, 0, 1, 7, 0],
            1 => vec![0, 0, 0, 0],
            2 => vec![1, below(random, 120) as u8],
            _ => noise(random, 30),
        };
        if below(random, 3) == 0 {
            change(random, &mut plaintext, 0..=3, some_noise);
        }
        let record = seal(&mut sealing, content, &plaintext);
        if arrive(&mut ours, &record, random).is_err() {
            return true;
        }
    }
    let request = ours.request(&vec![7; below(random, REQUEST_BYTES_MAX)]);
    request.is_err()
}

/// Handshakes changed on the way: they fail, or nothing that matters was changed.
fn changed_handshakes(laboratory: &Laboratory, random: &mut Random) -> bool {
    let mut ours = laboratory.client(random);
    ours.start();
    let mut server = ServerConnection::new(laboratory.server.clone()).unwrap();
    for _ in 0..3 {
        let mut sent = &ours.sent()[..];
        while !sent.is_empty() {
            server.read_tls(&mut sent).unwrap();
        }
        if server.process_new_packets().is_err() {
            return true;
        }
        let mut answer = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut answer).unwrap();
        }
        change(random, &mut answer, 0..=3, some_noise);
        for piece in answer.chunks(1 + below(random, 3_000)) {
            if ours.arrive(piece, usize::MAX).is_err() {
                assert!(!ours.tls.is_ready());
                return true;
            }
        }
    }
    !ours.tls.is_ready()
}

#[test]
fn changed_records_bring_no_data_that_was_not_sent() {
    try_all("changed records", changed_records);
}

#[test]
fn strange_records_are_taken_or_refused() {
    try_all("strange records", strange_records);
}

#[test]
fn changed_handshakes_fail_in_order() {
    try_all("changed handshakes", changed_handshakes);
}
