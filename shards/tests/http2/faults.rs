//! What targets do wrong, or do that is not often seen: each has its own words, and does no more harm than it has to.

use crate::client::{Client, STREAMS, Told, failures, get, options, request, statuses};
use crate::target::*;
use vajra_shards::protocol::http2::{CANCELS_PER_SECOND_MAX, Http2Options, IDLE_FRAMES_MAX};
use vajra_shards::protocol::{Cancelled, Place, Touched};

const SECOND_NS: u64 = 1_000_000_000;

fn unready() -> Client {
    Client::new(&[get()], options())
}

#[test]
fn no_settings() {
    let why = unready().gives_up(&empty_response(1), 1, "PROTOCOL_ERROR");
    assert!(why.contains("does not begin with SETTINGS"), "{why}");
    unready().gives_up(&frame(SETTINGS, ACK, 0, &[]), 1, "PROTOCOL_ERROR");
    let ended = unready().ended();
    assert!(ended.why.contains("before the target said anything in HTTP/2"), "{}", ended.why);
}

#[test]
fn an_http_1_answer() {
    let why = unready().gives_up(b"HTTP/1.1 400 Bad Request\r\n\r\n", 1, "PROTOCOL_ERROR");
    assert!(why.contains("HTTP/1"), "{why}");
}

#[test]
fn an_answer_in_tls() {
    let why = unready().gives_up(&[21, 3, 3, 0, 2, 2, 70, 0, 0], 1, "PROTOCOL_ERROR");
    assert!(why.contains("TLS"), "{why}");
}

#[test]
fn max_concurrent_0_then_raised() {
    let mut client = unready();
    client.hears(&settings(&[(3, 0)])).unwrap();
    assert_eq!((client.is_ready(), client.room()), (true, 0));
    client.hears(&settings(&[(3, 3)])).unwrap();
    assert_eq!(client.room(), 3);
    client.goes_on();
}

#[test]
fn initial_window_shrunk_below_zero() {
    let body = "x".repeat(1_000);
    let mut client = Client::new(&[request("POST", "/", &[], Some(&body))], options());
    client.hears(&settings(&[(4, 600)])).unwrap();
    client.sends();
    let of_body = |client: &mut Client| -> usize {
        client.sent().iter().filter(|sent| sent.frame_type == DATA).map(|sent| sent.payload.len()).sum()
    };
    assert_eq!(of_body(&mut client), 600);
    // 600 are sent and 100 are allowed: 500 below zero.
    client.hears(&[settings(&[(4, 100)]), number(WINDOW_UPDATE, 1, 500)].concat()).unwrap();
    client.pumps();
    assert_eq!(of_body(&mut client), 0);
    client.hears(&number(WINDOW_UPDATE, 1, 1)).unwrap();
    client.pumps();
    assert_eq!(of_body(&mut client), 1);
    client.hears(&settings(&[(4, 65_535)])).unwrap();
    client.pumps();
    assert_eq!(of_body(&mut client), 399);
    assert!(!client.has_unsent());
    client.hears(&empty_response(1)).unwrap();
    assert_eq!(statuses(&client.told()), [200]);
}

#[test]
fn initial_window_raised_beyond_any_window() {
    let mut client = Client::asking();
    client.hears(&number(WINDOW_UPDATE, 1, 0x7fff_ffff - 65_535)).unwrap();
    client.gives_up(&settings(&[(4, 65_536)]), 3, "FLOW_CONTROL_ERROR");
}

#[test]
fn zero_increment() {
    let why = Client::asking().gives_up(&number(WINDOW_UPDATE, 0, 0), 1, "PROTOCOL_ERROR");
    assert!(why.contains("adds nothing"), "{why}");
}

#[test]
fn continuation_flood() {
    let endless = [frame(HEADERS, 0, 1, OK), frame(CONTINUATION, 0, 1, &[]).repeat(100)].concat();
    Client::asking().gives_up(&endless, 11, "ENHANCE_YOUR_CALM");
    let field = block(&[("x", &"y".repeat(100))]);
    let large = [frame(HEADERS, 0, 1, OK), frame(CONTINUATION, 0, 1, &field.repeat(150)).repeat(5)].concat();
    Client::asking().gives_up(&large, 11, "ENHANCE_YOUR_CALM");
}

#[test]
fn ping_settings_priority_and_unknown_floods() {
    let endless = IDLE_FRAMES_MAX as usize + 1;
    for flood in [
        frame(PING, ACK, 0, &[0; 8]),
        frame(PRIORITY, 0, 1, &[0; 5]),
        frame(0x42, 0, 0, &[]),
        frame(DATA, 0, 1, &[]),
        frame(RST_STREAM, 0, 1, &[0; 4]),
    ] {
        let mut client = Client::asking();
        client.hears(&headers(1, 0, OK)).unwrap();
        let why = client.gives_up(&flood.repeat(endless), 11, "ENHANCE_YOUR_CALM");
        assert!(why.contains("without end"), "{why}");
    }
}

#[test]
fn answers_that_are_asked_for_and_not_read() {
    for flood in [frame(PING, 0, 0, &[0; 8]), settings(&[])] {
        let mut client = Client::asking();
        let unusable = client.hears_without_room(&flood.repeat(1_000)).unwrap_err();
        assert!(unusable.why.starts_with("ENHANCE_YOUR_CALM"), "{}", unusable.why);
    }
}

#[test]
fn a_few_answers_wait_for_room() {
    let mut client = Client::asking();
    let ping = frame(PING, 0, 0, b"12345678");
    client.hears_without_room(&[ping.repeat(3), settings(&[])].concat()).unwrap();
    assert!(client.has_unsent());
    client.pumps();
    let expected = [frame(PING, ACK, 0, b"12345678").repeat(3), frame(SETTINGS, ACK, 0, &[])].concat();
    assert_eq!(client.sent(), taken_apart(&expected));
    assert!(!client.has_unsent());
}

#[test]
fn an_empty_data_flood_between_responses_is_no_flood() {
    let mut client = Client::ready();
    for _ in 0..3 {
        let stream = client.sends();
        client.hears(&headers(stream, 0, OK)).unwrap();
        client.hears(&data(stream, 0, &[]).repeat(IDLE_FRAMES_MAX as usize - 10)).unwrap();
        client.hears(&data(stream, END_STREAM, &[])).unwrap();
    }
    assert_eq!(statuses(&client.told()), [200; 3]);
}

#[test]
fn hpack_bomb() {
    let mut bomb = vec![0x88, 0x40, 1, b'a', 0x7f, 0xa1, 0x1e];
    bomb.extend([b'x'; 4_000]);
    bomb.extend([0xbe; 12_000]);
    let why = Client::asking().gives_up(&headers(1, END_STREAM, &bomb), 11, "ENHANCE_YOUR_CALM");
    assert!(why.contains("larger than 64 KiB"), "{why}");
}

#[test]
fn goaway_as_a_graceful_pair() {
    let mut client = Client::asking();
    client.sends();
    client.hears(&goaway(0x7fff_ffff, 0)).unwrap();
    assert_eq!((client.told(), client.room(), client.http.under_way()), (vec![], 0, 2));
    client.hears(&goaway(1, 0)).unwrap();
    assert_eq!(failures(&client.told()), [(Place::new(1), "NO_ERROR", true)], "it may be sent again");
    let unusable = client.hears(&empty_response(1)).unwrap_err();
    assert_eq!(unusable.why, "the target ended the connection by GOAWAY");
    assert_eq!(statuses(&client.told()), [200], "what was under way is answered");
}

#[test]
fn a_target_that_goes_has_passed_over_what_it_did_nothing_of_only_if_it_did_others() {
    for (last, code, touched) in [(1, 0, Touched::Passed), (0, 0, Touched::No), (1, 11, Touched::No)] {
        let mut client = Client::asking();
        client.sends();
        // The first is answered, so that the connection ends only then.
        let _ = client.hears(&goaway(last, code));
        let told = client.told();
        let Some(Told::Failed { failure, .. }) = told.last() else { panic!("{told:?}") };
        assert_eq!(failure.touched, touched, "GOAWAY of {last} with {code}");
    }
}

#[test]
fn what_has_begun_to_be_answered_is_not_sent_again() {
    for end in [number(RST_STREAM, 1, 7), goaway(0, 0)] {
        let mut client = Client::asking();
        client.hears(&headers(1, 0, OK)).unwrap();
        let _ = client.hears(&end);
        let told = client.told();
        let [Told::Failed { failure, .. }] = &told[..] else { panic!("{told:?}") };
        assert_eq!(failure.touched, Touched::Perhaps);
    }
}

#[test]
fn goaway_with_an_error() {
    let mut client = Client::asking();
    client.sends();
    let unusable = client.hears(&goaway(0, 11)).unwrap_err();
    assert_eq!(unusable.why, "the target ended the connection by GOAWAY with ENHANCE_YOUR_CALM");
    let told = client.told();
    let untouched = |place| (Place::new(place), "ENHANCE_YOUR_CALM", true);
    assert_eq!(failures(&told), [untouched(0), untouched(1)]);
}

#[test]
fn goaway_and_then_the_end() {
    let mut client = Client::asking();
    client.hears(&goaway(1, 2)).unwrap();
    assert_eq!(client.ended().why, "the target ended the connection by GOAWAY with INTERNAL_ERROR");
}

#[test]
fn goaway_whose_id_is_higher_than_the_one_before() {
    let mut client = Client::asking();
    client.hears(&goaway(1, 0)).unwrap();
    client.gives_up(&goaway(3, 0), 1, "PROTOCOL_ERROR");
}

#[test]
fn rst_after_headers() {
    let mut client = Client::asking();
    client.hears(&[headers(1, 0, OK), number(RST_STREAM, 1, 2)].concat()).unwrap();
    let told = client.told();
    let [Told::Failed { failure, .. }] = &told[..] else { panic!("{told:?}") };
    assert_eq!(failure.why, "the target reset the stream with INTERNAL_ERROR");
    assert_eq!(failure.touched, Touched::Perhaps);
    client.goes_on();
}

#[test]
fn refused_streams_may_be_sent_again() {
    let mut client = Client::asking();
    client.hears(&number(RST_STREAM, 1, 7)).unwrap();
    assert_eq!(failures(&client.told()), [(Place::new(0), "REFUSED_STREAM", true)]);
    client.goes_on();
}

#[test]
fn data_on_an_idle_stream() {
    let why = Client::asking().gives_up(&data(5, 0, b"x"), 1, "PROTOCOL_ERROR");
    assert!(why.contains("did not open"), "{why}");
}

#[test]
fn more_than_a_window() {
    let small = Http2Options { window_bytes: 100_000, ..options() };
    let mut client = Client::new(&[get()], small);
    client.hears(&settings(&[])).unwrap();
    let streams = [client.sends(), client.sends()];
    client.sent();
    for stream in streams {
        client.hears(&headers(stream, 0, OK)).unwrap();
    }
    // No update may leave before it is too much.
    for stream in streams {
        client.hears_without_room(&data(stream, 0, &[0; 16_000]).repeat(3)).unwrap();
    }
    let updates: Vec<(u32, u32)> = {
        client.pumps();
        client.sent().iter().map(|sent| (sent.stream, sent.number_at(0))).collect()
    };
    assert_eq!(updates, [(0, 64_000)], "half of the connection's window, none of a stream's");
    client.hears(&data(1, 0, &[0; 16_000])).unwrap();
    assert_eq!(client.sent().len(), 1, "the first stream's window is given back");
    let flood = data(3, 0, &[0; 16_384]).repeat(20);
    // Windows are given back while it floods, so the flood is no fault; without being read, it is bounded by them.
    client.hears(&flood).unwrap();
    let mut streams: Vec<u32> = client.sent().iter().map(|sent| sent.stream).collect();
    streams.sort_unstable();
    assert_eq!(streams, [0, 3], "one frame for each window, however often it was given back");
}

#[test]
fn a_stream_that_sends_more_than_its_window_fails_alone() {
    let mut client = Client::new(&[get()], Http2Options { window_bytes: 1_000, ..options() });
    client.hears(&settings(&[])).unwrap();
    client.sends();
    client.hears(&headers(1, 0, OK)).unwrap();
    client.fails(&data(1, 0, &[0; 1_001]), 1, 3, "FLOW_CONTROL_ERROR");
    client.goes_on();
}

#[test]
fn requests_that_are_given_up_leave_the_connection_usable() {
    let mut client = Client::asking();
    client.sends();
    client.sent();
    assert_eq!(client.cancels(0, 0), Cancelled::Request);
    assert_eq!(client.sent(), taken_apart(&number(RST_STREAM, 1, 8)));
    // Its response was on the way. What its header block inserts is known to those after it.
    let inserted = [&[0x48, 3][..], b"418"].concat();
    let late =
        [headers(1, 0, &inserted), data(1, 0, b"late"), data(1, END_STREAM, b""), number(RST_STREAM, 1, 8)];
    client.hears(&late.concat()).unwrap();
    let unasked = |told: &Told| if let Told::Unasked(bytes) = told { *bytes } else { panic!("{told:?}") };
    let bytes: u64 = client.told().iter().map(unasked).sum();
    assert_eq!(bytes, late[..3].concat().len() as u64);
    client.hears(&headers(3, END_STREAM, &[0xbe])).unwrap();
    assert_eq!(statuses(&client.told()), [418]);
    client.goes_on();
}

#[test]
fn giving_up_too_many_requests_in_a_second_ends_the_connection() {
    let mut client = Client::ready();
    let mut request = 0;
    let mut cancel = |client: &mut Client, now_ns| {
        client.sends();
        client.sent();
        request += 1;
        client.cancels(request - 1, now_ns)
    };
    for second in 0..3 {
        for _ in 0..CANCELS_PER_SECOND_MAX {
            assert_eq!(cancel(&mut client, second * SECOND_NS), Cancelled::Request);
        }
    }
    assert_eq!(cancel(&mut client, 3 * SECOND_NS - 1), Cancelled::Connection);
}

#[test]
fn a_request_that_has_ended_is_not_given_up_once_more() {
    let mut client = Client::asking();
    client.hears(&empty_response(1)).unwrap();
    assert_eq!(client.cancels(0, 0), Cancelled::Request);
    assert_eq!(client.sent(), []);
}

#[test]
fn answers_leave_room_for_the_requests_that_may_still_be_sent() {
    for streams in [1, STREAMS] {
        let mut client = Client::new(&[get()], Http2Options { streams, ..options() });
        client.hears(&settings(&[])).unwrap();
        (0..streams).for_each(|_| _ = client.sends());
        client.sent();
        // Nothing is taken out of the outbox from here on, as within one turn of the loop.
        client.hears(&frame(PING, 0, 0, &[0; 8]).repeat(66)).unwrap();
        (0..streams).for_each(|stream| client.hears(&empty_response(1 + 2 * stream)).unwrap());
        (0..streams).for_each(|_| _ = client.sends());
        let requests = client.sent().iter().filter(|sent| sent.frame_type == HEADERS).count();
        assert_eq!(requests as u32, streams);
        while client.has_unsent() {
            client.pumps();
            assert!(client.sent().iter().all(|sent| sent.frame_type == PING));
        }
    }
}

#[test]
fn what_a_target_says_of_a_long_upload_is_no_flood() {
    let mut client = Client::ready_with(request("POST", "/", &[], Some(&"x".repeat(200_000))));
    client.hears(&settings(&[(4, 0)])).unwrap();
    client.sends();
    for _ in 0..IDLE_FRAMES_MAX {
        let updates = [number(WINDOW_UPDATE, 0, 10), number(WINDOW_UPDATE, 1, 10)].concat();
        client.hears(&updates).unwrap();
        client.pumps();
        client.sent();
    }
}

#[test]
fn a_connection_that_was_left_ends_with_its_last_request_however_that_ends() {
    let mut client = Client::ready();
    (0..2).for_each(|_| _ = client.sends());
    client.hears(&goaway(3, 0)).unwrap();
    assert_eq!(client.cancels(0, 0), Cancelled::Request, "another is under way");
    assert_eq!(client.cancels(1, 0), Cancelled::Connection);
}
