//! What no server may do, each by name: sealed by the server's own keys where it has to be.

use super::rig::{OurEnd, ends};
use crate::protocol::Unusable;
use crate::tls::keys::RecordKey;
use crate::tls::records::RecordContent;
use engine::outcome::Kind;
use engine::plan::TlsVersion;
use rustls::AlertDescription;

/// A connection whose server's keys are in our hands.
struct Rogue {
    ours: OurEnd,
    sealing: RecordKey,
    opening: RecordKey,
}

impl Rogue {
    fn new(version: TlsVersion) -> Rogue {
        let (ours, sealing, opening) = ends(version).take_over();
        Rogue { ours, sealing, opening }
    }

    /// A record of the server.
    fn record(&mut self, content: RecordContent, plaintext: &[u8]) -> Vec<u8> {
        let (front, back) = (self.sealing.front_bytes(), self.sealing.back_bytes());
        let mut record = [&vec![0; front][..], plaintext, &vec![0; back]].concat();
        self.sealing.seal(content, &mut record).unwrap();
        record
    }

    fn send(&mut self, content: RecordContent, plaintext: &[u8]) -> Result<(), Unusable> {
        let record = self.record(content, plaintext);
        self.ours.arrive(&record, usize::MAX)
    }

    /// What we answered, opened.
    fn answer(&mut self) -> Vec<(RecordContent, Vec<u8>)> {
        let mut sent = self.ours.sent();
        let (mut deframer, mut at, mut found) = (crate::tls::records::Deframer::default(), 0, Vec::new());
        while at < sent.len() {
            let record = deframer.next(&mut sent, &mut at).unwrap().unwrap();
            let (content, plaintext) = self.opening.open(record).unwrap();
            found.push((content, plaintext.to_vec()));
        }
        found
    }

    /// The connection is over, for this reason, and the server is told by this alert.
    #[track_caller]
    fn assert_over(&mut self, result: Result<(), Unusable>, why: &str, alert: &str, code: u8) {
        let unusable = result.unwrap_err();
        assert_eq!(unusable.kind, Kind::Tls);
        assert!(unusable.why.contains(why), "{}", unusable.why);
        assert_eq!(self.ours.tls.alert(), Some(alert));
        assert_eq!(self.answer(), [(RecordContent::Alert, vec![2, code])]);
        assert!(!self.ours.tls.is_ready());
        assert!(self.ours.arrive(b"\x17\x03\x03\0\0", usize::MAX).is_err(), "it is over for good");
    }
}

const VERSIONS: [TlsVersion; 2] = [TlsVersion::V1_2, TlsVersion::V1_3];

#[test]
fn a_record_that_was_changed_is_not_opened_whichever_byte_it_is() {
    for version in VERSIONS {
        let length = Rogue::new(version).record(RecordContent::Application, b"abc").len();
        for at in [0, 1, 5, length - 17, length - 1] {
            let mut rogue = Rogue::new(version);
            let mut record = rogue.record(RecordContent::Application, b"abc");
            record[at] ^= 1;
            let result = rogue.ours.arrive(&record, usize::MAX);
            assert!(rogue.ours.taken.is_empty());
            match at {
                // Of another kind, or not TLS at all.
                0 | 1 => assert!(result.is_err(), "{at}"),
                _ => rogue.assert_over(result, "its key does not open", "bad_record_mac", 20),
            }
        }
    }
}

#[test]
fn a_record_that_comes_twice_or_out_of_order_is_not_opened() {
    for version in VERSIONS {
        let mut rogue = Rogue::new(version);
        let record = rogue.record(RecordContent::Application, b"abc");
        rogue.ours.arrive(&record, usize::MAX).unwrap();
        let again = rogue.ours.arrive(&record, usize::MAX);
        rogue.assert_over(again, "its key does not open", "bad_record_mac", 20);
        let mut rogue = Rogue::new(version);
        rogue.record(RecordContent::Application, b"lost");
        let second = rogue.send(RecordContent::Application, b"abc");
        rogue.assert_over(second, "its key does not open", "bad_record_mac", 20);
    }
}

#[test]
fn a_record_cut_off_by_the_end_is_told_from_an_end_without_goodbye() {
    for version in VERSIONS {
        let mut rogue = Rogue::new(version);
        let record = rogue.record(RecordContent::Application, b"abc");
        rogue.ours.arrive(&record[..record.len() - 1], usize::MAX).unwrap();
        let ended = rogue.ours.tls.ended();
        assert!(ended.why.contains("in the middle of a TLS record"), "{}", ended.why);
        rogue.ours.arrive(&record[record.len() - 1..], usize::MAX).unwrap();
        let ended = rogue.ours.tls.ended();
        assert_eq!(ended.kind, Kind::Eof);
        assert!(ended.why.contains("without the close_notify"), "{}", ended.why);
    }
}

#[test]
fn a_record_longer_than_any_is_not_waited_for() {
    for version in VERSIONS {
        let mut rogue = Rogue::new(version);
        let result = rogue.ours.arrive(&[23, 3, 3, 0x41, 0x01], usize::MAX);
        rogue.assert_over(result, "longer than any may be", "record_overflow", 22);
        // Sealed, and short enough outside, with too much inside.
        let mut rogue = Rogue::new(version);
        let result = rogue.send(RecordContent::Application, &vec![7; (1 << 14) + 1]);
        rogue.assert_over(result, "more in it than may be", "record_overflow", 22);
        let mut rogue = Rogue::new(version);
        rogue.send(RecordContent::Application, &vec![7; 1 << 14]).unwrap();
        assert_eq!(rogue.ours.taken[0].len(), 1 << 14);
    }
}

#[test]
fn a_record_too_short_for_a_tag_is_refused() {
    for version in VERSIONS {
        let mut rogue = Rogue::new(version);
        let result = rogue.ours.arrive(&[&[23, 3, 3, 0, 16][..], &[0; 16]].concat(), usize::MAX);
        rogue.assert_over(result, "too short for its tag", "decode_error", 50);
    }
}

#[test]
fn padding_is_taken_off_and_may_not_be_all() {
    let mut rogue = Rogue::new(TlsVersion::V1_3);
    // The content's number stands before its padding.
    let padded = |plaintext: &[u8], rogue: &mut Rogue| {
        let mut record = [&[0; 5][..], plaintext, &[0; 16]].concat();
        rogue.sealing.seal_inner(&mut record).unwrap();
        rogue.ours.arrive(&record, usize::MAX)
    };
    padded(b"abc\x17\0\0\0\0\0\0", &mut rogue).unwrap();
    assert_eq!(rogue.ours.taken, [b"abc"]);
    let result = padded(b"\0\0\0", &mut rogue);
    rogue.assert_over(result, "unknown kind", "unexpected_message", 10);
}

#[test]
fn http_on_the_port_of_tls_is_told_in_words() {
    let mut rogue = Rogue::new(TlsVersion::V1_3);
    rogue.ours.start();
    let answer = b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n";
    for piece_bytes in [1, 3, 1_000] {
        rogue.ours.start();
        let unusable = rogue.ours.arrive(answer, piece_bytes).unwrap_err();
        assert_eq!(unusable.kind, Kind::Tls);
        assert!(unusable.why.contains("plain HTTP") && unusable.why.contains("http://"), "{}", unusable.why);
    }
    rogue.ours.start();
    assert!(rogue.ours.arrive(b"220 smtp ready\r\n", 100).unwrap_err().why.contains("not TLS"));
    rogue.ours.start();
    let ended = rogue.ours.tls.ended();
    assert_eq!((ended.kind, ended.why), (Kind::Tls, "the target closed the connection in the TLS handshake"));
}

#[test]
fn alerts_of_the_target_are_named() {
    for version in VERSIONS {
        let mut rogue = Rogue::new(version);
        let unusable = rogue.send(RecordContent::Alert, &[2, 80]).unwrap_err();
        assert_eq!(unusable.why, "the target sent the alert internal_error");
        assert_eq!(rogue.ours.tls.alert(), Some("internal_error"));
        assert!(rogue.ours.sent().is_empty(), "an alert is not answered by one");
        let mut rogue = Rogue::new(version);
        let result = rogue.send(RecordContent::Alert, &[2]);
        rogue.assert_over(result, "alert that is none", "decode_error", 50);
    }
}

#[test]
fn warnings_are_taken_on_tls_1_2_and_fatal_on_1_3() {
    let mut rogue = Rogue::new(TlsVersion::V1_2);
    rogue.send(RecordContent::Alert, &[1, 112]).unwrap();
    rogue.send(RecordContent::Application, b"abc").unwrap();
    assert_eq!(rogue.ours.taken, [b"abc"]);
    let mut rogue = Rogue::new(TlsVersion::V1_3);
    rogue.send(RecordContent::Alert, &[1, 90]).unwrap();
    assert!(rogue.send(RecordContent::Alert, &[1, 112]).is_err());
}

#[test]
fn nothing_is_taken_after_the_announced_end() {
    for version in VERSIONS {
        let mut rogue = Rogue::new(version);
        rogue.send(RecordContent::Application, b"abc").unwrap();
        rogue.send(RecordContent::Alert, &[1, 0]).unwrap();
        rogue.send(RecordContent::Application, b"injected").unwrap();
        assert_eq!(rogue.ours.taken, [b"abc"]);
        assert!(rogue.ours.tls.was_closed_properly());
    }
}

#[test]
fn floods_without_data_end_the_connection() {
    let floods: [(TlsVersion, RecordContent, &[u8]); 4] = [
        (TlsVersion::V1_3, RecordContent::Application, b""),
        (TlsVersion::V1_3, RecordContent::Alert, &[1, 90]),
        (TlsVersion::V1_2, RecordContent::Alert, &[1, 112]),
        (TlsVersion::V1_2, RecordContent::Application, b""),
    ];
    for (version, content, plaintext) in floods {
        let mut rogue = Rogue::new(version);
        for _ in 0..5 {
            for _ in 0..30 {
                rogue.send(content, plaintext).unwrap();
            }
            rogue.send(RecordContent::Application, b"data in between").unwrap();
        }
        let mut results: Vec<_> = (0..33).map(|_| rogue.send(content, plaintext)).collect();
        let last = results.pop().unwrap();
        assert!(results.iter().all(Result::is_ok));
        rogue.assert_over(last, "a flood", "unexpected_message", 10);
    }
}

#[test]
fn a_flood_of_key_updates_ends_the_connection() {
    let mut ends = ends(TlsVersion::V1_3);
    let result = (0..40).try_for_each(|_| {
        ends.server.refresh_traffic_keys().unwrap();
        let update = ends.sent_by_server();
        ends.ours.arrive(&update, usize::MAX)
    });
    assert!(result.unwrap_err().why.contains("a flood of TLS messages (KeyUpdates"));
    assert_eq!(ends.ours.tls.alert(), Some("unexpected_message"));
    let alert = ends.ours.sent();
    assert_eq!(ends.give(&alert), Err(rustls::Error::AlertReceived(AlertDescription::UnexpectedMessage)));
}

#[test]
fn a_request_for_our_next_key_is_answered_once_and_before_the_next_data() {
    let mut rogue = Rogue::new(TlsVersion::V1_3);
    rogue.send(RecordContent::Handshake, &[24, 0, 0, 1, 1]).unwrap();
    assert!(rogue.ours.sent().is_empty());
    let request = rogue.ours.request(b"abc").unwrap();
    let (update, data) = request.split_at(5 + 5 + 17);
    let mut update = update.to_vec();
    let (content, plaintext) = rogue.opening.open(&mut update).unwrap();
    assert_eq!((content, &plaintext[..]), (RecordContent::Handshake, &[24, 0, 0, 1, 0][..]));
    assert!(rogue.opening.open(&mut data.to_vec()).is_err(), "the data is sealed by the next key");
    assert_eq!(rogue.ours.request(b"abc").unwrap().len(), data.len());
}

#[test]
fn messages_that_have_no_place_after_the_handshake_are_refused() {
    let mut rogue = Rogue::new(TlsVersion::V1_3);
    let result = rogue.send(RecordContent::Handshake, &[13, 0, 0, 0]);
    rogue.assert_over(result, "no place after the handshake", "unexpected_message", 10);
    let mut rogue = Rogue::new(TlsVersion::V1_3);
    let result = rogue.send(RecordContent::Handshake, b"");
    rogue.assert_over(result, "empty record", "unexpected_message", 10);
    let mut rogue = Rogue::new(TlsVersion::V1_3);
    let result = rogue.send(RecordContent::Handshake, &[24, 0, 0, 1, 0, 24, 0, 0, 1, 0]);
    rogue.assert_over(result, "has to be its last message", "unexpected_message", 10);
    let mut rogue = Rogue::new(TlsVersion::V1_3);
    let result = rogue.send(RecordContent::Handshake, &[4, 0, 0, 3, 1, 2, 3]);
    rogue.assert_over(result, "malformed session ticket", "decode_error", 50);
}

#[test]
fn data_in_the_middle_of_a_message_is_refused() {
    for content in [RecordContent::Application, RecordContent::Alert] {
        let mut rogue = Rogue::new(TlsVersion::V1_3);
        rogue.send(RecordContent::Handshake, &[24, 0, 0]).unwrap();
        let result = rogue.send(content, &[1, 90]);
        rogue.assert_over(result, "in the middle of a TLS message", "unexpected_message", 10);
    }
}

#[test]
fn a_change_of_ciphers_after_the_handshake_is_refused() {
    let mut rogue = Rogue::new(TlsVersion::V1_3);
    let result = rogue.ours.arrive(&[20, 3, 3, 0, 1, 1], usize::MAX);
    rogue.assert_over(result, "in clear after the handshake", "unexpected_message", 10);
    let mut rogue = Rogue::new(TlsVersion::V1_2);
    let result = rogue.send(RecordContent::ChangeCipherSpec, &[1]);
    rogue.assert_over(result, "ChangeCipherSpec", "unexpected_message", 10);
}

#[test]
fn a_renegotiation_is_declined() {
    let mut rogue = Rogue::new(TlsVersion::V1_2);
    rogue.send(RecordContent::Handshake, &[0, 0, 0, 0]).unwrap();
    assert_eq!(rogue.answer(), [(RecordContent::Alert, vec![1, 100])]);
    rogue.send(RecordContent::Application, b"abc").unwrap();
    assert_eq!(rogue.ours.taken, [b"abc"]);
    let unusable = rogue.send(RecordContent::Handshake, &[0, 0, 0, 0]).unwrap_err();
    assert!(unusable.why.contains("which was refused before"), "{unusable:?}");
}
