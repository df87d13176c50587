//! Where responses end, case by case, and what becomes of what does not end as it should.

use crate::client::{Client, Told};
use Told::{Response, Sent, Unasked};
use engine::outcome::Kind;

/// So many messages are sent, then this comes; what is told.
#[track_caller]
fn told(ends: &str, sent: usize, comes: &[u8]) -> Vec<Told> {
    let mut client = Client::new(ends, false);
    (0..sent).for_each(|_| drop(client.sends()));
    client.hears(comes).unwrap();
    client.told()
}

/// The same, and the connection is of no more use: how, and why.
#[track_caller]
fn refused(ends: &str, sent: usize, comes: &[u8], kind: Kind, words: &str) -> Vec<Told> {
    let mut client = Client::new(ends, false);
    (0..sent).for_each(|_| drop(client.sends()));
    let unusable = client.hears(comes).unwrap_err();
    assert!(unusable.kind == kind && unusable.why.contains(words), "{unusable:?}");
    client.told()
}

#[test]
fn a_message_goes_out_as_it_is_written_with_its_holes_filled_in() {
    let mut client = Client::new("delimiter:\\n", false);
    assert_eq!((client.sends(), client.sends()), (b"n=0\n".to_vec(), b"n=1\n".to_vec()));
}

#[test]
fn a_delimiter_ends_a_response_and_belongs_to_it() {
    assert_eq!(told("delimiter:\\n", 1, b"pong\n"), [Response(5)]);
    assert_eq!(told("delimiter:\\n", 1, b"\n"), [Response(1)]);
    assert_eq!(told("delimiter:\\r\\n", 1, b"a\nb\rc\r\n"), [Response(7)]);
    assert_eq!(told("delimiter:\\0", 1, b"a\0"), [Response(2)]);
    assert_eq!(told("delimiter:\\xff", 1, b"a\xff"), [Response(2)]);
    assert_eq!(told("delimiter:END\\r\\n", 1, b"VALUE 1\r\nEND\r\n"), [Response(14)]);
}

#[test]
fn several_responses_may_come_at_once_and_one_in_several_pieces() {
    assert_eq!(told("delimiter:\\n", 3, b"a\nbb\nccc\n"), [Response(2), Response(3), Response(4)]);
    let mut client = Client::new("delimiter:\\r\\n", false);
    (0..2).for_each(|_| drop(client.sends()));
    for piece in [&b"+PO"[..], b"NG\r", b"\n+P", b"ONG", b"\r\n"] {
        client.hears(piece).unwrap();
    }
    assert_eq!(client.told(), [Response(7), Response(7)]);
}

#[test]
fn a_length_counts_what_follows_it_in_its_order_of_bytes() {
    assert_eq!(told("length:be16", 1, b"\x00\x03abc"), [Response(5)]);
    assert_eq!(told("length:le16", 1, b"\x03\x00abc"), [Response(5)]);
    assert_eq!(told("length:be32", 1, b"\x00\x00\x00\x03abc"), [Response(7)]);
    assert_eq!(told("length:le32", 1, b"\x03\x00\x00\x00abc"), [Response(7)]);
    let long = [&b"\x01\x00"[..], &[7; 256]].concat();
    assert_eq!(told("length:be16", 1, &long), [Response(258)]);
    assert_eq!(told("length:be16", 2, b"\x00\x00\x00\x01a"), [Response(2), Response(3)]);
}

#[test]
fn a_length_may_come_byte_by_byte() {
    let mut client = Client::new("length:be32", false);
    client.sends();
    for byte in b"\x00\x00\x00\x02ab" {
        assert_eq!(client.told(), []);
        client.hears(&[*byte]).unwrap();
    }
    assert_eq!(client.told(), [Response(6)]);
}

#[test]
fn a_number_of_bytes_is_a_response() {
    assert_eq!(told("bytes:4", 2, b"aaaabbbb"), [Response(4), Response(4)]);
    let mut client = Client::new("bytes:4", false);
    client.sends();
    client.hears(b"aaa").unwrap();
    assert_eq!((client.told(), client.begun()), (vec![], Some(3)));
    client.hears(b"a").unwrap();
    assert_eq!((client.told(), client.begun()), (vec![Response(4)], None));
}

#[test]
fn the_end_of_the_connection_ends_a_response_of_any_length() {
    let mut client = Client::new("close", false);
    client.sends();
    client.hears(b"one\ntwo\n").unwrap();
    client.hears(&[0; 9_000]).unwrap();
    assert_eq!(client.told(), []);
    let unusable = client.is_closed();
    assert_eq!((client.told(), unusable.kind), (vec![Response(9_008)], Kind::Eof));
}

#[test]
fn an_end_without_a_byte_before_it_is_no_response() {
    let mut client = Client::new("close", false);
    client.sends();
    let unusable = client.is_closed();
    assert_eq!((unusable.kind, client.told()), (Kind::Eof, vec![]));
    assert!(unusable.why.contains("nothing had come"), "{unusable:?}");
}

#[test]
fn a_message_that_nobody_responds_to_is_over_once_it_is_sent() {
    let mut client = Client::new("none", false);
    (0..3).for_each(|_| drop(client.sends()));
    assert_eq!(client.told(), []);
    client.has_sent();
    assert_eq!(client.told(), [Sent, Sent, Sent]);
    client.hears(b"thanks").unwrap();
    assert_eq!(client.told(), [Unasked(6)]);
    assert!(client.is_closed().why.contains("closed the connection"));
}

#[test]
fn what_has_a_response_is_not_over_once_it_is_sent() {
    let mut client = Client::new("delimiter:\\n", false);
    client.sends();
    client.has_sent();
    assert_eq!((client.told(), client.under_way()), (vec![], 1));
}

#[test]
fn an_end_in_the_middle_of_a_response_says_so() {
    for (ends, part) in [("delimiter:\\r\\n", &b"pong\r"[..]), ("length:be16", b"\x00"), ("bytes:4", b"abc")]
    {
        let mut client = Client::new(ends, false);
        client.sends();
        client.hears(part).unwrap();
        let unusable = client.is_closed();
        assert_eq!((unusable.kind, client.told()), (Kind::Eof, vec![]), "{ends}");
        assert!(unusable.why.contains("in the middle of a response"), "{ends}: {unusable:?}");
    }
}

#[test]
fn bytes_before_anything_was_asked_are_told_with_what_to_do() {
    assert_eq!(
        refused("delimiter:\\n", 0, b"220 ready\r\n", Kind::Protocol, "greeting = true"),
        [Unasked(11)]
    );
}

#[test]
fn more_responses_than_requests_end_the_connection() {
    let told = refused("delimiter:\\n", 1, b"a\nb\n", Kind::Protocol, "more came than was asked for");
    assert_eq!(told, [Response(2), Unasked(2)]);
}

#[test]
fn a_greeting_is_waited_for_and_is_no_response() {
    let mut client = Client::new("delimiter:\\r\\n", true);
    assert!(!client.is_ready());
    client.hears(b"220 mail").unwrap();
    assert!(!client.is_ready());
    client.hears(b" ready\r\n").unwrap();
    assert!(client.is_ready());
    assert_eq!(client.told(), []);
    client.sends();
    client.hears(b"250 hello\r\n").unwrap();
    assert_eq!(client.told(), [Response(11)]);
}

#[test]
fn a_greeting_of_a_known_length_is_no_response_to_whoever_waits_for_it() {
    let mut client = Client::new("length:be16", true);
    client.sends();
    for piece in [&b"\x00\x02"[..], b"hi\x00\x01a"] {
        client.hears_or_discards(piece).unwrap();
    }
    assert_eq!(client.told(), [Response(3)]);
}

#[test]
fn a_greeting_that_does_not_end_says_so() {
    let mut client = Client::new("delimiter:\\r\\n", true);
    client.hears(b"220").unwrap();
    assert!(client.is_closed().why.contains("before it had greeted"));
}

#[test]
fn a_response_without_an_end_is_refused_at_its_bound() {
    let mut client = Client::new("delimiter:\\n", false);
    client.sends();
    let piece = vec![b'x'; 1 << 20];
    (0..16).for_each(|_| client.hears(&piece).unwrap());
    let unusable = client.hears(b"x").unwrap_err();
    assert!(
        unusable.kind == Kind::Protocol && unusable.why.contains("16 MiB and no delimiter"),
        "{unusable:?}"
    );
}

#[test]
fn a_length_that_is_none_is_refused() {
    let why = "the length before a response is more than 16 MiB";
    assert_eq!(refused("length:be32", 1, b"HTTP/1.1 400", Kind::Protocol, why), []);
    assert_eq!(refused("length:le32", 1, b"\x01\x00\x00\x01", Kind::Protocol, why), []);
    assert_eq!(told("length:be32", 1, b"\x01\x00\x00\x00"), [], "16 MiB are not too many");
}

#[test]
fn long_responses_of_a_known_length_need_not_be_looked_at() {
    for (ends, first, length) in
        [("bytes:100000", &b""[..], 100_000), ("length:be32", b"\x00\x01\x86\xa0", 100_000)]
    {
        let mut client = Client::new(ends, false);
        let response = [first, &vec![7; length]].concat();
        for _ in 0..3 {
            client.sends();
            client.hears_or_discards(&response).unwrap();
            assert_eq!(client.told(), [Response(response.len() as u64)], "{ends}");
        }
    }
}

#[test]
fn a_connection_that_is_made_again_remembers_nothing() {
    let mut client = Client::new("length:be16", false);
    client.sends();
    client.hears(b"\x00\x09abc").unwrap();
    let mut again = Client::new("length:be16", false);
    again.sends();
    again.hears(b"\x00\x01a").unwrap();
    assert_eq!(again.told(), [Response(3)]);
}
