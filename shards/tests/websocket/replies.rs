//! Which message a reply is to, what is sent, and what becomes of messages that nobody replies to.

use crate::client::{Client, MESSAGES, PING_NS, Told, message};
use crate::target::{self, *};
use engine::code::{REPLIED, SENT};
use engine::outcome::Kind;
use engine::plan::{ReplyMatching, SocketMessageKind};
use vajra_shards::protocol::{Cancelled, Place, Protocol, Response};

fn by_id() -> Client {
    let text = r#"{"id":{{seq}},"x":"{{uuid}}"}"#;
    Client::ready_with(&[message(SocketMessageKind::Text, text)], ReplyMatching::Json("/id".into()))
}

fn one_way() -> Client {
    Client::ready_with(&[message(SocketMessageKind::Binary, "{{seq}}")], ReplyMatching::None)
}

#[test]
fn a_message_goes_out_in_one_masked_frame_with_what_its_holes_became() {
    let steps = [
        message(SocketMessageKind::Text, "n={{seq}}"),
        message(SocketMessageKind::Binary, &"x".repeat(70_000)),
    ];
    let mut client = Client::ready_with(&steps, ReplyMatching::Order);
    client.sends(0);
    client.sends(1);
    client.sends(0);
    let text = |text: &str| Sent { first: FINAL | TEXT, payload: text.into() };
    let binary = Sent { first: FINAL | BINARY, payload: vec![b'x'; 70_000] };
    assert_eq!(client.sent(), [text("n=0"), binary, text("n=2")]);
}

#[test]
fn masks_differ_from_message_to_message_and_are_the_same_again_for_the_same_seed() {
    let sent = || {
        let mut client = Client::asking(0);
        client.sends(0);
        client.sends(0);
        client.taken()
    };
    let bytes = sent();
    let (first, second) = bytes.split_at(bytes.len() / 2);
    assert_ne!(first, second, "the same message under another mask");
    assert_eq!(sent(), bytes);
}

#[test]
fn a_connection_that_is_made_again_has_another_key_and_other_masks() {
    let mut client = Client::asking(0);
    client.open();
    let request = client.taken();
    client.hears(&target::opening(&request)).unwrap();
    client.sends(0);
    let again = client.taken();
    let mut first = Client::new(&[message(SocketMessageKind::Text, "hello")], ReplyMatching::Order);
    assert_ne!(first.taken(), request);
    let mut first = Client::asking(0);
    first.sends(0);
    assert_ne!(first.taken(), again);
}

#[test]
fn what_is_left_of_a_connection_is_gone_when_it_is_made_again() {
    let mut client = Client::asking(1);
    client.hears(&[part(TEXT, [0xf0, 0x9f]), frame(PING, &[])[..1].to_vec()].concat()).unwrap_err();
    client.open();
    let request = client.taken();
    client.hears(&target::opening(&request)).unwrap();
    client.hears(&whole(BINARY, "x")).unwrap();
    assert_eq!(client.replies(), [(0, REPLIED)], "the message that is under way now");
}

#[test]
fn replies_in_order_are_to_the_oldest_message_and_have_all_their_bytes() {
    let mut client = Client::asking(2);
    let fragments = [part(TEXT, "ab"), whole(PING, "p"), whole(CONTINUATION, "c")].concat();
    client.hears(&[fragments.clone(), whole(BINARY, "longer")].concat()).unwrap();
    let response = |bytes| Response { code: REPLIED, is_ok: true, bytes };
    let expected = [
        Told::Unasked(3),
        Told::Response { place: Place::new(0), response: response(fragments.len() as u64 - 3) },
        Told::Response { place: Place::new(1), response: response(8) },
    ];
    assert_eq!(client.told(), expected);
}

#[test]
fn a_message_that_nobody_asked_for_is_counted_and_does_no_harm() {
    let mut client = Client::asking(1);
    client.hears(&[whole(TEXT, "reply"), whole(TEXT, "pushed")].concat()).unwrap();
    assert_eq!(client.told().pop(), Some(Told::Unasked(8)));
    client.sends(0);
    client.hears(&whole(TEXT, "reply")).unwrap();
    assert_eq!(client.replies(), [(1, REPLIED)]);
}

#[test]
fn what_comes_right_behind_the_opening_is_a_message_already() {
    let mut client = Client::new(&[message(SocketMessageKind::Text, "hello")], ReplyMatching::Order);
    let opening = target::opening(&client.taken());
    client.hears(&[&opening[..], &whole(TEXT, "welcome")].concat()).unwrap();
    assert!(client.is_ready());
    assert_eq!(client.told(), [Told::Unasked(9)]);
}

#[test]
fn replies_find_their_messages_by_a_value_in_their_json_in_any_order() {
    let mut client = by_id();
    (0..4).for_each(|_| client.sends(0));
    for id in [2, 0, 3, 1] {
        client.hears(&whole(TEXT, format!("{{\"ok\": true, \"id\" : {id} }}"))).unwrap();
    }
    assert_eq!(client.replies(), [2, 0, 3, 1].map(|number| (number, REPLIED)));
}

#[test]
fn a_reply_in_fragments_and_in_crumbs_is_looked_into_as_a_whole() {
    let mut client = by_id();
    (0..2).for_each(|_| client.sends(0));
    let reply =
        [part(TEXT, "{\"i"), part(CONTINUATION, ""), whole(PING, ""), whole(CONTINUATION, "d\":1}")].concat();
    reply.iter().for_each(|byte| client.hears(&[*byte]).unwrap());
    client.hears(&[part(TEXT, "{\"id"), whole(CONTINUATION, "\":0}")].concat()).unwrap();
    assert_eq!(client.replies(), [(1, REPLIED), (0, REPLIED)]);
}

#[test]
fn what_has_no_such_value_or_one_that_was_not_sent_is_nobodys_reply() {
    let mut client = by_id();
    client.sends(0);
    for text in ["{\"event\":\"tick\"}", "{\"id\":7}", "{\"id\":\"0\"}", "no json", "", "{\"id\":"] {
        client.hears(&whole(TEXT, text)).unwrap();
        assert_eq!(client.told(), [Told::Unasked(text.len() as u64 + 2)], "{text}");
    }
    client.hears(&whole(TEXT, "{\"id\":0}")).unwrap();
    assert_eq!(client.replies(), [(0, REPLIED)]);
}

#[test]
fn messages_with_the_same_value_are_replied_to_in_their_order() {
    let step = message(SocketMessageKind::Text, "{\"id\":\"same\"}");
    let mut client = Client::ready_with(&[step], ReplyMatching::Json("/id".into()));
    (0..3).for_each(|_| client.sends(0));
    (0..3).for_each(|_| client.hears(&whole(TEXT, "{\"id\":\"s\\u0061me\"}")).unwrap());
    assert_eq!(client.replies(), [(0, REPLIED), (1, REPLIED), (2, REPLIED)]);
}

#[test]
fn a_message_that_is_given_up_leaves_the_others_and_its_late_reply_does_no_harm() {
    let mut client = by_id();
    (0..2).for_each(|_| client.sends(0));
    assert_eq!(client.cancels(0), Cancelled::Request);
    client.hears(&[whole(TEXT, "{\"id\":0}"), whole(TEXT, "{\"id\":1}")].concat()).unwrap();
    assert_eq!(client.replies(), [(1, REPLIED)]);
    assert_eq!(Client::asking(1).cancels(0), Cancelled::Connection, "order cannot do without a reply");
}

#[test]
fn a_message_that_nobody_replies_to_is_over_once_it_is_sent_and_not_before() {
    let mut client = one_way();
    (0..2).for_each(|_| client.sends(0));
    assert_eq!(client.told(), []);
    client.has_sent();
    assert_eq!(client.replies(), [(0, SENT), (1, SENT)]);
    client.hears(&whole(TEXT, "pushed")).unwrap();
    assert_eq!(client.told(), [Told::Unasked(8)]);
    let mut client = Client::asking(1);
    client.has_sent();
    assert_eq!(client.told(), [], "what is replied to is not over");
}

#[test]
fn a_close_is_the_reply_to_all_that_is_under_way_and_is_answered_with_its_code() {
    for mut client in [Client::asking(3), by_id()] {
        while client.listener.under_way.len() < 3 {
            client.sends(0);
        }
        client.taken();
        let unusable = client.hears(&close(1011, "out of memory")).unwrap_err();
        assert_eq!(unusable.kind, Kind::Eof);
        assert!(unusable.why.contains("1011, internal error"), "{}", unusable.why);
        assert_eq!(client.replies(), [(0, 1011), (1, 1011), (2, 1011)]);
        assert_eq!(client.sent(), [Sent { first: FINAL | CLOSE, payload: 1011_u16.to_be_bytes().into() }]);
    }
}

#[test]
fn nothing_is_looked_at_behind_a_close() {
    let mut client = Client::asking(2);
    let behind = [close(1000, ""), whole(TEXT, "late"), vec![0xff; 9]].concat();
    client.hears(&behind).unwrap_err();
    client.hears(&[0xff; 9]).unwrap();
    assert_eq!(client.replies(), [(0, 1000), (1, 1000)]);
}

#[test]
fn an_end_without_a_close_says_where_it_came() {
    let mut opening = Client::new(&[message(SocketMessageKind::Text, "hello")], ReplyMatching::Order);
    let mut listener = Client::asking(0).listener;
    assert!(opening.socket.ended(&mut listener).why.contains("without a response to the opening"));
    let mut open = Client::asking(1);
    assert!(open.socket.ended(&mut listener).why.contains("without a close frame"));
}

#[test]
fn a_pong_waits_for_room_and_of_several_pings_the_last_is_answered() {
    let mut client = Client::asking(0);
    client.hears_without_room(&[whole(PING, "first"), whole(PING, "last")].concat()).unwrap();
    assert!(client.socket.has_unsent());
    assert_eq!(client.sent(), []);
    client.pumps();
    assert_eq!(client.sent(), [Sent { first: FINAL | PONG, payload: "last".into() }]);
    assert!(!client.socket.has_unsent());
}

#[test]
fn pongs_leave_the_room_that_messages_need() {
    let mut client = Client::asking(0);
    for _ in 0..50 {
        client.hears(&whole(PING, [7; 125])).unwrap();
    }
    (0..MESSAGES).for_each(|_| client.sends(0));
    let sent = client.sent();
    let pongs = sent.iter().filter(|sent| sent.first == FINAL | PONG).count();
    assert_eq!(sent.len() - pongs, MESSAGES as usize);
    assert!((1..50).contains(&pongs), "{pongs}");
}

#[test]
fn an_opening_waits_for_room() {
    let steps = [message(SocketMessageKind::Text, "hello")];
    let mut client = Client::new(&steps, ReplyMatching::Order);
    let Client { socket, shared, .. } = &mut client;
    socket.opened(shared, &mut engine::outbox::Outbox::new(&mut [], &mut 0)).unwrap();
    client.taken();
    assert!(client.socket.has_unsent());
    client.pumps();
    assert!(client.taken().starts_with(b"GET /ws HTTP/1.1\r\n"));
}

#[test]
fn pings_go_out_at_their_interval_and_their_pongs_are_nobodys_replies() {
    let mut client = Client::asking(1);
    let mut at = Vec::new();
    for now_ns in 1..=10 * PING_NS {
        client.ticks(now_ns);
        for sent in client.sent() {
            assert_eq!(sent, Sent { first: FINAL | PING, payload: Vec::new() });
            at.push(now_ns);
            client.hears(&whole(PONG, "")).unwrap();
        }
    }
    assert!((9..=10).contains(&at.len()) && at[0] <= PING_NS + 1, "{at:?}");
    assert!(at.windows(2).all(|pair| pair[1] - pair[0] == PING_NS), "{at:?}");
    assert_eq!(client.told(), vec![Told::Unasked(2); at.len()]);
    client.hears(&whole(TEXT, "reply")).unwrap();
    assert_eq!(client.replies(), [(0, REPLIED)]);
}

/// The moments at which a client pings, and when it gives its connection up; told the time every so often, from a moment on.
fn pings_until_given_up(client: &mut Client, from_ns: u64, step_ns: u64) -> (Vec<u64>, u64) {
    let mut pings = Vec::new();
    for now_ns in (0..100_000).map(|step| from_ns + step * step_ns) {
        if let Err(unusable) = client.hears_the_time(now_ns) {
            assert_eq!(unusable.kind, Kind::Timeout);
            assert!(unusable.why.contains("after a ping"), "{}", unusable.why);
            return (pings, now_ns);
        }
        pings.extend(client.sent().iter().map(|_| now_ns));
    }
    panic!("a connection on which nothing comes is given up");
}

#[test]
fn a_connection_on_which_nothing_comes_after_a_ping_is_given_up() {
    const STEP_NS: u64 = 10_000_000;
    const PATIENCE_NS: u64 = 20_000_000_000 + PING_NS;
    let mut client = Client::asking(1);
    let (pings, given_up_ns) = pings_until_given_up(&mut client, 1, STEP_NS);
    let waited_ns = given_up_ns - pings[0];
    assert!((PATIENCE_NS..PATIENCE_NS + STEP_NS).contains(&waited_ns), "{waited_ns} after {}", pings[0]);
    assert!(pings.len() > 1_000, "pings go on while nothing comes: {}", pings.len());

    // A connection that is made again has all the time there is.
    client.open();
    let request = client.taken();
    client.hears(&target::opening(&request)).unwrap();
    let again_ns = given_up_ns + STEP_NS;
    let (pings, given_up_ns) = pings_until_given_up(&mut client, again_ns, STEP_NS);
    assert!(pings[0] >= again_ns && given_up_ns - pings[0] >= PATIENCE_NS);
}

#[test]
fn whatever_comes_after_a_ping_shows_that_somebody_is_there() {
    const SECOND_NS: u64 = 1_000_000_000;
    for comes in [whole(PONG, ""), whole(TEXT, "{}"), whole(TEXT, "{}")[..1].to_vec()] {
        let mut client = by_id();
        client.ticks(1);
        client.ticks(1 + PING_NS);
        assert_eq!(client.sent().len(), 1);
        client.hears(&comes).unwrap();
        client.ticks(30 * SECOND_NS);
        let (_, given_up_ns) = pings_until_given_up(&mut client, 31 * SECOND_NS, SECOND_NS);
        assert_eq!(given_up_ns, 51 * SECOND_NS, "20 s and a part of one after the ping at 30 s");
    }
}

#[test]
fn connections_do_not_all_ping_at_once() {
    let first_ping = |mut client: Client, connections: u32| {
        // A client that has been connected so often has the number of another connection.
        for _ in 0..connections {
            client.open();
            let request = client.taken();
            client.hears(&target::opening(&request)).unwrap();
        }
        (1..).find(|now_ns| {
            client.ticks(*now_ns);
            !client.sent().is_empty()
        })
    };
    let moments: std::collections::BTreeSet<_> =
        (0..20).map(|connections| first_ping(Client::asking(0), connections)).collect();
    assert!(moments.len() > 10, "{moments:?}");
}

#[test]
fn a_ping_waits_for_the_opening_and_for_the_room_that_messages_need() {
    let mut client = Client::new(&[message(SocketMessageKind::Text, "hello")], ReplyMatching::Order);
    client.taken();
    client.ticks(1);
    client.ticks(PING_NS * 9);
    assert_eq!(client.filled, 0, "nothing but the opening goes before the response to it");
}

#[test]
fn who_leaves_says_so_once() {
    let mut client = Client::asking(1);
    client.leaves();
    let close = Sent { first: FINAL | CLOSE, payload: 1000_u16.to_be_bytes().into() };
    assert_eq!(client.sent(), [close]);
    client.leaves();
    client.ticks(PING_NS * 9);
    assert_eq!(client.sent(), []);
    let mut unopened = Client::new(&[message(SocketMessageKind::Text, "hello")], ReplyMatching::Order);
    unopened.taken();
    unopened.leaves();
    assert_eq!(unopened.filled, 0, "what is not open is not closed");
}
