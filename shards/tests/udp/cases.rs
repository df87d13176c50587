//! What one datagram is, rule by rule.

use crate::client::{Client, Told, message, query};
use engine::code;
use vajra_shards::protocol::{DatagramNote, Response};

fn replied(place: u32, bytes: u64) -> Vec<Told> {
    vec![Told::Response(place, Response { code: code::REPLIED, is_ok: true, bytes })]
}

fn note(note: DatagramNote) -> Vec<Told> {
    vec![Told::Note(note)]
}

/// A reply of DNS to a query, with these flags and code.
fn answer(query: &[u8], flags: u8, rcode: u8) -> Vec<u8> {
    let mut answer = query.to_vec();
    (answer[2], answer[3]) = (0x80 | flags, 0x80 | rcode);
    answer
}

fn answered(place: u32, rcode: u8, bytes: usize) -> Told {
    let code = code::of_dns(rcode);
    Told::Response(place, Response { code, is_ok: matches!(rcode, 0 | 3), bytes: bytes as u64 })
}

#[test]
fn replies_in_any_order_find_their_messages_by_the_number_that_was_written_into_them() {
    for rule in ["be16@0", "be32@0", "be64@0", "le16@2", "le32@4", "le64@5"] {
        let mut client = Client::new(&message("................"), rule, 4);
        let sent: Vec<Vec<u8>> = (0..4).map(|_| client.asks()).collect();
        assert!(sent.iter().enumerate().all(|(index, one)| !sent[..index].contains(one)), "{rule}: {sent:?}");
        for place in [2, 0, 3, 1] {
            assert_eq!(client.hears(&sent[place as usize]), replied(place, 16), "{rule}");
        }
        assert_eq!(client.under_way(), 0);
    }
}

#[test]
fn a_number_is_written_over_what_stands_there_and_over_nothing_else() {
    let mut client = Client::new(&message("abcdefgh{{seq}}"), "be32@2", 1);
    let sent = client.asks();
    assert_eq!(sent, b"ab\0\0\0\0gh0");
    client.hears(&sent);
    assert_eq!(client.asks(), b"ab\0\0\0\x01gh1");
}

#[test]
fn the_next_datagram_is_of_the_oldest_message_where_anything_is_a_reply() {
    let mut client = Client::new(&message("hello"), "any", 3);
    (0..3).for_each(|_| drop(client.asks()));
    assert_eq!(client.hears(b"whatever"), replied(0, 8));
    client.gives_up(1);
    assert_eq!(client.hears(b""), replied(2, 0));
    assert_eq!(client.hears(b"more"), note(DatagramNote::Stray));
}

#[test]
fn a_message_that_nobody_replies_to_is_over_once_it_is_sent() {
    let mut client = Client::new(&message("hello"), "none", 3);
    client.sends();
    client.sends();
    let over = |place| Told::Response(place, Response { code: code::SENT, is_ok: true, bytes: 0 });
    assert_eq!(client.has_sent(), [over(0), over(1)]);
    assert_eq!(client.hears(b"all the same"), [Told::Unasked(12)]);
}

#[test]
fn where_there_are_replies_being_sent_ends_nothing() {
    for rule in ["any", "be32@0"] {
        let mut client = Client::new(&message("hello"), rule, 1);
        client.sends();
        assert_eq!(client.has_sent(), [], "{rule}");
    }
}

#[test]
fn a_late_reply_is_counted_and_given_to_nobody() {
    for rule in ["be16@0", "be32@0", "le64@0"] {
        let mut client = Client::new(&message("........"), rule, 2);
        let late = client.asks();
        client.gives_up(0);
        let next = client.asks();
        assert_eq!(client.hears(&late), note(DatagramNote::Late), "{rule}");
        assert_eq!(client.hears(&late), note(DatagramNote::Repeated), "{rule}");
        assert_eq!(client.hears(&next), replied(0, 8), "{rule}");
    }
}

#[test]
fn a_reply_that_comes_twice_counts_once() {
    let mut client = Client::new(&message("hello"), "be32@0", 2);
    let (first, second) = (client.asks(), client.asks());
    assert_eq!(client.hears(&first), replied(0, 5));
    assert_eq!(client.hears(&first), note(DatagramNote::Repeated));
    assert_eq!(client.hears(&second), replied(1, 5));
}

#[test]
fn what_has_no_number_or_one_that_was_never_sent_is_a_stray() {
    let mut client = Client::new(&message("hello"), "be32@0", 2);
    client.asks();
    for stray in [&b""[..], b"\0\0\0", b"\0\0\0\x01", b"\xff\xff\xff\xffxx"] {
        assert_eq!(client.hears(stray), note(DatagramNote::Stray), "{stray:?}");
    }
    assert_eq!(client.under_way(), 1);
}

#[test]
fn a_socket_that_is_made_again_knows_nothing_of_the_one_before() {
    let mut client = Client::new(&message("hello"), "be32@0", 2);
    let before = client.asks();
    client.gives_up(0);
    client.opens();
    assert_eq!(client.hears(&before), note(DatagramNote::Stray));
    let again = client.asks();
    assert_eq!(client.hears(&again), replied(0, 5));
}

#[test]
fn codes_of_dns_say_whether_a_query_succeeded() {
    for rcode in 0..16 {
        let mut client = Client::new(&query("u-{{seq}}.example.org"), "dns", 1);
        let asked = client.asks();
        let told = client.hears(&answer(&asked, 0, rcode));
        assert_eq!(told, [answered(0, rcode, asked.len())], "{rcode}");
    }
}

#[test]
fn a_reply_of_dns_has_the_number_and_the_question_of_its_query() {
    let mut client = Client::new(&query("u-{{seq}}.example.org"), "dns", 2);
    let (first, second) = (client.asks(), client.asks());
    let mut forged = answer(&first, 0, 0);
    forged[..2].copy_from_slice(&second[..2]);
    assert_eq!(
        client.hears(&forged),
        note(DatagramNote::Stray),
        "the number of one, the question of the other"
    );
    assert_eq!(client.hears(&first), note(DatagramNote::Stray), "a query is no reply");
    let mut upper = answer(&second, 0, 0);
    upper[12..30].make_ascii_uppercase();
    assert_eq!(client.hears(&upper), [answered(1, 0, second.len())]);
    assert_eq!(client.hears(&answer(&first, 0, 0)), [answered(0, 0, first.len())]);
}

#[test]
fn a_failure_of_dns_may_leave_the_question_out() {
    let mut client = Client::new(&query("example.org"), "dns", 1);
    let asked = client.asks();
    let mut bare = answer(&asked, 0, 1)[..12].to_vec();
    bare[5] = 0;
    assert_eq!(client.hears(&bare), [answered(0, 1, 12)]);
}

#[test]
fn a_reply_of_dns_that_was_cut_short_is_one_and_is_counted() {
    let mut client = Client::new(&query("example.org"), "dns", 1);
    let asked = client.asks();
    let told = client.hears(&answer(&asked, 0x02, 0));
    assert_eq!(told, [Told::Note(DatagramNote::Truncated), answered(0, 0, asked.len())]);
}

#[test]
fn late_and_doubled_replies_of_dns_are_told_apart() {
    let mut client = Client::new(&query("u-{{seq}}.example.org"), "dns", 2);
    let (first, second) = (client.asks(), client.asks());
    client.gives_up(0);
    assert_eq!(client.hears(&answer(&first, 0, 0)), note(DatagramNote::Late));
    client.hears(&answer(&second, 0, 0));
    assert_eq!(client.hears(&answer(&second, 0, 0)), note(DatagramNote::Repeated));
}
