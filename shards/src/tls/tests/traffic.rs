//! Data both ways, in whatever pieces it comes, and keys that change on the way.

use super::rig::{Authority, Ends, HOST, OurEnd, REQUEST_BYTES_MAX, client_of, ends};
use crate::protocol::http1::{HeadMemo, Http1};
use crate::protocol::secured::{Secured, SecuredShared};
use crate::protocol::{Protocol, Readiness, Single};
use crate::tls::established::RECORDS_WHEN_WORN;
use crate::tls::sealing_bytes_max;
use engine::outbox::Outbox;
use engine::plan::{TlsSettings, TlsVersion};
use engine::seams::StepFacts;
use proptest::prelude::*;
use rustls::ServerConnection;
use std::sync::Arc;

fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at * 7 + at / 251) as u8).collect()
}

/// A connection with one suite: bytes arrive at our end in pieces of this length.
fn with_suite(at: usize, piece_bytes: usize) -> Ends {
    let authority = Authority::new();
    let suites: Vec<_> = rustls::crypto::ring::ALL_CIPHER_SUITES
        .iter()
        .copied()
        .filter(|suite| !crate::tls::names::cipher_name(*suite).contains("_RSA_"))
        .collect();
    let suite = suites[at % suites.len()];
    let server = authority.server(&authority.sign("server", |_| ()), Some(vec![suite]), false);
    Ends::connect(OurEnd::new(&authority.settings()), &Arc::new(server), piece_bytes)
}

#[test]
fn requests_of_any_length_arrive_whole() {
    for suite in 0..6 {
        let mut ends = with_suite(suite, usize::MAX);
        for bytes in [0, 1, 200, 16_383, 16_384, 16_385, 32_768, 50_000, REQUEST_BYTES_MAX] {
            let plaintext = pattern(bytes);
            let sealed = ends.ours.request(&plaintext).unwrap();
            assert_eq!(sealed.is_empty(), bytes == 0);
            ends.give_slowly(&sealed, &plaintext);
        }
    }
}

#[test]
fn requests_shorter_than_the_room_for_them_arrive_whole() {
    for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
        let mut ends = ends(version);
        for bytes in [0, 1, 16_384, 16_385, 40_000] {
            let plaintext = pattern(bytes);
            ends.ours
                .with(|tls, _, out| {
                    let mark = tls.begin(REQUEST_BYTES_MAX, out);
                    out.push(&plaintext);
                    tls.seal(mark, out)
                })
                .unwrap();
            let sealed = ends.ours.sent();
            ends.give_slowly(&sealed, &plaintext);
        }
    }
}

#[test]
fn several_requests_go_in_one_flight() {
    let mut ends = ends(TlsVersion::V1_3);
    ends.ours.with(|tls, _, out| {
        for request in [&b"one"[..], b"two", b"three"] {
            let mark = tls.begin(request.len(), out);
            out.push(request);
            tls.seal(mark, out).unwrap();
        }
    });
    let sealed = ends.ours.sent();
    assert!(sealed.len() <= 11 + 3 * sealing_bytes_max(5));
    ends.give_slowly(&sealed, b"onetwothree");
}

impl Ends {
    /// The server takes what was sealed, and has this plaintext.
    fn give_slowly(&mut self, sealed: &[u8], plaintext: &[u8]) {
        let mut heard = Vec::new();
        for piece in sealed.chunks(4_096) {
            self.give(piece).unwrap();
            heard.extend(self.heard());
        }
        assert!(heard == plaintext, "{} bytes became {}", plaintext.len(), heard.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn any_split_of_the_bytes_gives_the_same_plaintext(
        suite in 0_usize..6,
        handshake_piece in 1_usize..3_000,
        lengths in prop::collection::vec(1_usize..40_000, 1..5),
        cuts in prop::collection::vec(1_usize..9_000, 1..8),
    ) {
        let mut ends = with_suite(suite, handshake_piece);
        let responses: Vec<Vec<u8>> = lengths.into_iter().map(pattern).collect();
        let bytes: Vec<u8> = responses.iter().flat_map(|response| ends.response(response)).collect();
        let (mut at, mut cuts) = (0, cuts.iter().cycle());
        while at < bytes.len() {
            let end = (at + cuts.next().unwrap()).min(bytes.len());
            ends.ours.arrive(&bytes[at..end], usize::MAX).unwrap();
            at = end;
        }
        prop_assert_eq!(ends.ours.taken.concat(), responses.concat());
    }
}

#[test]
fn bytes_may_come_one_by_one() {
    for suite in 0..6 {
        let mut ends = with_suite(suite, 1);
        let response = ends.response(&pattern(3_000));
        ends.ours.arrive(&response, 1).unwrap();
        assert_eq!(ends.ours.taken.concat(), pattern(3_000));
    }
}

#[test]
fn answers_to_what_came_are_sealed_on_the_way() {
    let mut ends = ends(TlsVersion::V1_3);
    let mut bytes = [ends.response(b"ping"), ends.response(b"quiet"), ends.response(b"ping")].concat();
    ends.ours
        .with(|tls, client, out| {
            tls.open(client, &mut bytes, 4, out, |plaintext, out| {
                if plaintext == b"ping" {
                    out.push(b"pong");
                }
                Ok(())
            })
        })
        .unwrap();
    let sealed = ends.ours.sent();
    ends.give_slowly(&sealed, b"pongpong");
}

#[test]
fn a_key_update_of_the_other_side_is_followed_and_answered() {
    let mut ends = ends(TlsVersion::V1_3);
    for round in 0..100_u8 {
        ends.server.refresh_traffic_keys().unwrap();
        let response = ends.response(&[round; 100]);
        ends.ours.arrive(&response, 50).unwrap();
        assert_eq!(ends.ours.taken.pop().unwrap(), [round; 100]);
        let request = ends.ours.request(&[round; 30]).unwrap();
        ends.give_slowly(&request, &[round; 30]);
    }
}

#[test]
fn a_proper_end_is_told_from_any_other() {
    for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
        let mut ends = ends(version);
        let response = ends.response(b"half");
        ends.ours.arrive(&response, usize::MAX).unwrap();
        assert!(!ends.ours.tls.was_closed_properly());
        assert!(ends.ours.tls.ended().why.contains("without the close_notify"));
        ends.server.send_close_notify();
        let goodbye = ends.sent_by_server();
        ends.ours.arrive(&goodbye, usize::MAX).unwrap();
        assert!(ends.ours.tls.was_closed_properly());
        ends.ours.with(|tls, _, out| tls.close(out));
        let goodbye = ends.ours.sent();
        assert!(ends.give(&goodbye).is_ok());
        assert!(ends.server.process_new_packets().unwrap().peer_has_closed());
    }
}

#[test]
fn a_connection_is_made_again_with_nothing_left_of_before() {
    let authority = Authority::new();
    let server = Arc::new(authority.server(&authority.sign("server", |_| ()), None, false));
    let mut ours = OurEnd::new(&TlsSettings { ..authority.settings() });
    for _ in 0..4 {
        let mut ends = Ends::connect(ours, &server, 100);
        let response = ends.response(&[1; 500]);
        // It breaks in the middle of a record.
        ends.ours.arrive(&response[..300], 7).unwrap();
        assert!(ends.ours.tls.ended().why.contains("middle of a TLS record"));
        ours = ends.ours;
    }
    assert!(ours.taken.is_empty());
}

#[test]
fn keys_are_renewed_before_they_have_sealed_too_much() {
    let mut ends = ends(TlsVersion::V1_3);
    for left in [200, 10, 9, 8, 1, 0] {
        ends.ours.tls.established().sealing_mut().leave(left);
        for round in 0..20_u8 {
            // With one left there is no record to spare for the announcement: it is made while there are.
            if left > 0 {
                let request = ends.ours.request(&pattern(40_000)).unwrap();
                ends.give_slowly(&request, &pattern(40_000));
            }
            let response = ends.response(&[round; 10]);
            ends.ours.arrive(&response, usize::MAX).unwrap();
        }
    }
    assert!(ends.ours.request(b"too late").unwrap_err().why.contains("as many records as is safe"));
}

#[test]
fn a_key_of_tls_1_2_is_worn_while_it_may_still_seal_what_is_under_way() {
    let mut ends = ends(TlsVersion::V1_2);
    ends.ours.tls.established().sealing_mut().leave(RECORDS_WHEN_WORN + 3);
    for left in (0..3).rev() {
        assert!(!ends.ours.tls.is_worn());
        let request = ends.ours.request(b"abc").unwrap();
        ends.give_slowly(&request, b"abc");
        assert_eq!(ends.ours.tls.is_worn(), left == 0);
    }
    let request = ends.ours.request(&pattern(REQUEST_BYTES_MAX)).unwrap();
    ends.give_slowly(&request, &pattern(REQUEST_BYTES_MAX));
    assert!(ends.ours.tls.is_ready() && ends.ours.tls.is_worn());
}

#[test]
fn a_key_of_tls_1_3_is_never_worn_because_it_has_a_next_one() {
    let mut ends = ends(TlsVersion::V1_3);
    ends.ours.tls.established().sealing_mut().leave(10);
    for _ in 0..20 {
        let request = ends.ours.request(b"abc").unwrap();
        ends.give_slowly(&request, b"abc");
        assert!(!ends.ours.tls.is_worn());
    }
}

/// A connection of HTTP/1.1 inside TLS 1.2 that takes requests, and its server.
fn http_inside() -> (Secured<Http1>, SecuredShared<HeadMemo>, Vec<u8>, ServerConnection) {
    let authority = Authority::new();
    let server = authority.server(&authority.sign("server", |_| ()), None, false);
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    let settings = TlsSettings { newest: TlsVersion::V1_2, ..authority.settings() };
    let client = client_of(&settings, HOST, &[]).unwrap();
    let mut shared = SecuredShared { client, inner: HeadMemo::default() };
    let mut memory = vec![0; Secured::<Http1>::outbox_bytes(&shared, 100, 1)];
    let mut connection = Secured::<Http1>::new(&shared);
    let mut filled = 0;
    connection.opened(&mut shared, &mut Outbox::new(&mut memory, &mut filled)).unwrap();
    let step = StepFacts { constant: None, bytes_max: 100, is_bodyless: false, is_looked_at: false };
    for _ in 0..4 {
        server.read_tls(&mut &memory[..filled]).unwrap();
        server.process_new_packets().unwrap();
        let mut answer = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut answer).unwrap();
        }
        filled = 0;
        let mut out = Outbox::new(&mut memory, &mut filled);
        connection.receive(&mut shared, &mut answer, &mut out, &mut Single::new(&step)).unwrap();
    }
    assert_eq!(connection.readiness(), Readiness::Ready { is_resumed: false });
    (connection, shared, memory, server)
}

#[test]
fn a_connection_whose_key_is_worn_takes_no_more_requests_and_is_to_be_replaced() {
    let (mut connection, ..) = http_inside();
    assert_eq!((connection.room(8, 3), connection.is_spent()), (5, false));
    connection.tls_mut().established().sealing_mut().leave(RECORDS_WHEN_WORN + 1);
    assert_eq!((connection.room(8, 3), connection.is_spent()), (5, false));
    connection.tls_mut().established().sealing_mut().leave(RECORDS_WHEN_WORN);
    assert_eq!((connection.room(8, 3), connection.is_spent()), (0, true));
}

#[test]
fn who_leaves_announces_the_end_and_where_there_is_no_room_says_nothing() {
    let (mut connection, mut shared, mut memory, mut server) = http_inside();
    connection.leave(&mut shared, &mut Outbox::new(&mut [], &mut 0));
    let mut filled = 0;
    connection.leave(&mut shared, &mut Outbox::new(&mut memory, &mut filled));
    server.read_tls(&mut &memory[..filled]).unwrap();
    let state = server.process_new_packets().unwrap();
    assert!(filled > 0 && state.peer_has_closed() && state.plaintext_bytes_to_read() == 0);
    // Before keys are agreed on nothing can be said.
    let mut filled = 0;
    connection.opened(&mut shared, &mut Outbox::new(&mut memory, &mut filled)).unwrap();
    let before = filled;
    connection.leave(&mut shared, &mut Outbox::new(&mut memory, &mut filled));
    assert_eq!(filled, before);
}

#[test]
fn a_connection_of_tls_1_2_ends_before_its_key_has_sealed_too_much() {
    let mut ends = ends(TlsVersion::V1_2);
    ends.ours.tls.established().sealing_mut().leave(5);
    for _ in 0..5 {
        let request = ends.ours.request(b"abc").unwrap();
        ends.give_slowly(&request, b"abc");
    }
    let unusable = ends.ours.request(b"abc").unwrap_err();
    assert!(unusable.why.contains("the connection is made again"), "{}", unusable.why);
    assert!(!ends.ours.tls.is_ready());
}
