//! The cases of h2spec for clients, in its order and by the sections of RFC 9113, and more of the same kind.

use crate::client::{Client, PREFACE, Told, get, options, request, statuses};
use crate::target::*;

/// Frames that end a connection on which one request is under way, on stream 1: the case, the frames, the code and its name.
type Wrong = (&'static str, Vec<u8>, u32, &'static str);

const PROTOCOL_ERROR: (u32, &str) = (1, "PROTOCOL_ERROR");
const FLOW_CONTROL_ERROR: (u32, &str) = (3, "FLOW_CONTROL_ERROR");
const STREAM_CLOSED: (u32, &str) = (5, "STREAM_CLOSED");
const FRAME_SIZE_ERROR: (u32, &str) = (6, "FRAME_SIZE_ERROR");
const COMPRESSION_ERROR: (u32, &str) = (9, "COMPRESSION_ERROR");

fn wrong(case: &'static str, frames: &[Vec<u8>], (code, name): (u32, &'static str)) -> Wrong {
    (case, frames.concat(), code, name)
}

/// HEADERS that go on in another frame.
fn open_headers(stream: u32, block: &[u8]) -> Vec<u8> {
    frame(HEADERS, 0, stream, block)
}

/// Each case on a connection of its own, in one piece and byte by byte.
fn each_ends_the_connection(cases: Vec<Wrong>) {
    for (case, frames, code, name) in cases {
        let whole = Client::asking().gives_up(&frames, code, name);
        let mut client = Client::asking();
        let bytewise = frames.iter().find_map(|byte| client.hears(&[*byte]).err()).expect(case);
        assert_eq!(bytewise.why, whole, "{case}");
    }
}

fn pong_comes(client: &mut Client) {
    client.sent();
    client.hears(&frame(PING, 0, 0, b"h2spec!!")).unwrap();
    assert_eq!(client.sent(), taken_apart(&frame(PING, ACK, 0, b"h2spec!!")));
}

#[test]
fn s1_a_connection_begins_with_the_preface_and_settings_and_is_ready_after_the_targets() {
    let mut client = Client::new(&[get()], options());
    let opened = client.open();
    let frames = taken_apart(opened.strip_prefix(PREFACE).expect("the preface comes first"));
    assert_eq!((frames[0].frame_type, frames[0].flags, frames[0].stream), (SETTINGS, 0, 0));
    let entries: Vec<(u8, u32)> = (0..frames[0].payload.len() / 6)
        .map(|n| (frames[0].payload[6 * n + 1], frames[0].number_at(6 * n + 2)))
        .collect();
    assert!(entries.contains(&(2, 0)), "pushes are forbidden: {entries:?}");
    assert!(entries.contains(&(4, 1 << 30)), "streams have large windows: {entries:?}");
    assert_eq!(
        (frames[1].frame_type, frames[1].stream, frames[1].number_at(0)),
        (WINDOW_UPDATE, 0, (1 << 30) - 65_535)
    );
    assert_eq!((client.is_ready(), client.room()), (false, 0));
    client.hears(&settings(&[])).unwrap();
    assert_eq!((client.is_ready(), client.room()), (true, 8));
    assert_eq!(client.told(), []);
    assert_eq!(client.sent(), taken_apart(&frame(SETTINGS, ACK, 0, &[])));
}

#[test]
fn s4_1_unknown_types_undefined_flags_and_reserved_bits_are_passed_over() {
    let mut client = Client::asking();
    client.hears(&frame(0x16, 0xff, 0, &[0; 8])).unwrap();
    client.hears(&frame(0x16, 0, 1, &[0; 300])).unwrap();
    client.hears(&frame(PING, 0x16, 0, b"12345678")).unwrap();
    let mut reserved = frame(PING, 0, 0, b"12345678");
    reserved[5] |= 0x80;
    client.hears(&reserved).unwrap();
    assert_eq!(client.sent(), taken_apart(&frame(PING, ACK, 0, b"12345678").repeat(2)));
    client.goes_on();
}

#[test]
fn s4_2_frames_of_the_largest_size_are_taken() {
    let mut client = Client::asking();
    client.hears(&[headers(1, 0, OK), data(1, END_STREAM, &[b'x'; 16_384])].concat()).unwrap();
    assert_eq!(statuses(&client.told()), [200]);
}

#[test]
fn s4_2_and_s4_3_what_is_too_large_or_cannot_be_decoded_ends_the_connection() {
    each_ends_the_connection(vec![
        wrong("large DATA", &[headers(1, 0, OK), data(1, 0, &[0; 16_385])], FRAME_SIZE_ERROR),
        wrong("large HEADERS", &[headers(1, 0, &[0x88; 16_385])], FRAME_SIZE_ERROR),
        wrong("large SETTINGS", &[frame(SETTINGS, 0, 0, &[0; 16_386])], FRAME_SIZE_ERROR),
        wrong("an unknown frame", &[frame(0x16, 0, 0, &[0; 16_385])], FRAME_SIZE_ERROR),
        wrong("a literal without end", &[headers(1, 0, &[0x40])], COMPRESSION_ERROR),
        wrong("an index without entry", &[headers(1, 0, &[0xbe])], COMPRESSION_ERROR),
        wrong(
            "the same in two frames",
            &[open_headers(1, &[0x88]), frame(CONTINUATION, 4, 1, &[0x80])],
            COMPRESSION_ERROR,
        ),
    ]);
}

#[test]
fn s5_1_frames_on_streams_that_are_idle_or_closed_end_the_connection() {
    let dummy = block(&[("x-dummy", "1")]);
    let (begun, ended) = (headers(1, 0, OK), headers(1, END_STREAM, OK));
    let reset = number(RST_STREAM, 1, 8);
    each_ends_the_connection(vec![
        wrong("idle: DATA", &[data(2, END_STREAM, b"test")], PROTOCOL_ERROR),
        wrong("idle: RST_STREAM", &[number(RST_STREAM, 2, 8)], PROTOCOL_ERROR),
        wrong("idle: WINDOW_UPDATE", &[number(WINDOW_UPDATE, 2, 100)], PROTOCOL_ERROR),
        wrong("idle: CONTINUATION", &[frame(CONTINUATION, END_HEADERS, 2, OK)], PROTOCOL_ERROR),
        wrong("idle, of ours: DATA", &[data(3, END_STREAM, b"test")], PROTOCOL_ERROR),
        wrong("idle, of ours: HEADERS", &[headers(3, 0, OK)], PROTOCOL_ERROR),
        wrong("idle, of ours: WINDOW_UPDATE", &[number(WINDOW_UPDATE, 3, 1)], PROTOCOL_ERROR),
        wrong(
            "closed: DATA after RST_STREAM",
            &[begun.clone(), reset.clone(), data(1, 1, b"test")],
            STREAM_CLOSED,
        ),
        wrong(
            "closed: HEADERS after RST_STREAM",
            &[begun.clone(), reset.clone(), ended.clone()],
            STREAM_CLOSED,
        ),
        wrong(
            "closed: CONTINUATION after RST_STREAM",
            &[begun, reset, frame(CONTINUATION, 4, 1, &dummy)],
            PROTOCOL_ERROR,
        ),
        wrong("closed: DATA", &[ended.clone(), data(1, 1, b"test")], STREAM_CLOSED),
        wrong("closed: HEADERS", &[ended.clone(), ended.clone()], STREAM_CLOSED),
        wrong("closed: CONTINUATION", &[ended, frame(CONTINUATION, 4, 1, &dummy)], PROTOCOL_ERROR),
        wrong("s5.1.1 a stream of the server's", &[headers(2, END_STREAM, OK)], PROTOCOL_ERROR),
    ]);
}

#[test]
fn s5_1_what_may_come_on_a_closed_stream_is_passed_over() {
    let mut client = Client::asking();
    client.hears(&empty_response(1)).unwrap();
    client
        .hears(
            &[number(WINDOW_UPDATE, 1, 10), number(RST_STREAM, 1, 0), frame(PRIORITY, 0, 1, &[0; 5])]
                .concat(),
        )
        .unwrap();
    assert_eq!(statuses(&client.told()), [200]);
    client.goes_on();
}

#[test]
fn s5_4_1_a_connection_error_is_told_by_goaway_and_is_the_end() {
    let mut client = Client::asking();
    let why = client.gives_up(&frame(PING, 0, 3, b"12345678"), 1, "PROTOCOL_ERROR");
    assert_eq!(why, "PROTOCOL_ERROR: a PING frame is on a stream");
}

#[test]
fn s5_5_unknown_frames_are_passed_over_but_not_inside_a_header_block() {
    let mut client = Client::asking();
    client.hears(&frame(0xff, 0, 0, b"unknown")).unwrap();
    pong_comes(&mut client);
    let frames = [open_headers(1, OK), frame(0xff, 0, 1, b"unknown")];
    each_ends_the_connection(vec![wrong("inside a block", &frames, PROTOCOL_ERROR)]);
}

#[test]
fn s6_1_data_on_stream_0_and_with_too_much_padding_ends_the_connection() {
    each_ends_the_connection(vec![
        wrong("stream 0", &[data(0, END_STREAM, b"test")], PROTOCOL_ERROR),
        wrong("padding", &[headers(1, 0, OK), frame(DATA, PADDED, 1, b"\x06test")], PROTOCOL_ERROR),
        wrong(
            "padding as long as the frame",
            &[headers(1, 0, OK), frame(DATA, PADDED, 1, b"\x05test")],
            PROTOCOL_ERROR,
        ),
        wrong("no length of padding", &[headers(1, 0, OK), frame(DATA, PADDED, 1, b"")], FRAME_SIZE_ERROR),
    ]);
}

#[test]
fn s6_2_headers_that_are_interrupted_on_stream_0_or_padded_too_much_end_the_connection() {
    let padded = |payload: &[u8]| frame(HEADERS, END_HEADERS | PADDED, 1, payload);
    each_ends_the_connection(vec![
        wrong(
            "a PRIORITY frame inside",
            &[open_headers(1, OK), frame(PRIORITY, 0, 1, &[0; 5])],
            PROTOCOL_ERROR,
        ),
        wrong("another stream's HEADERS inside", &[open_headers(1, OK), headers(3, 0, OK)], PROTOCOL_ERROR),
        wrong("stream 0", &[headers(0, END_STREAM, OK)], PROTOCOL_ERROR),
        wrong("padding", &[padded(&[2, 0x88])], PROTOCOL_ERROR),
        wrong("no length of padding", &[padded(&[])], FRAME_SIZE_ERROR),
        wrong("no priority", &[frame(HEADERS, END_HEADERS | PRIORITIZED, 1, &[0; 4])], FRAME_SIZE_ERROR),
    ]);
}

#[test]
fn s6_2_padding_and_priority_of_headers_are_passed_over() {
    let mut client = Client::asking();
    let payload = [&[3, 0x80, 0, 0, 0, 16][..], OK, &[0; 3]].concat();
    client.hears(&frame(HEADERS, END_HEADERS | END_STREAM | PADDED | PRIORITIZED, 1, &payload)).unwrap();
    assert_eq!(statuses(&client.told()), [200]);
}

#[test]
fn s6_3_and_s6_4_priority_and_rst_stream_of_another_shape_end_the_connection() {
    each_ends_the_connection(vec![
        wrong("PRIORITY on stream 0", &[frame(PRIORITY, 0, 0, &[0; 5])], PROTOCOL_ERROR),
        wrong("PRIORITY of 4 bytes", &[frame(PRIORITY, 0, 1, &[0; 4])], FRAME_SIZE_ERROR),
        wrong("RST_STREAM on stream 0", &[number(RST_STREAM, 0, 8)], PROTOCOL_ERROR),
        wrong("RST_STREAM on an idle stream", &[number(RST_STREAM, 2, 8)], PROTOCOL_ERROR),
        wrong("RST_STREAM of 3 bytes", &[frame(RST_STREAM, 0, 1, &[0; 3])], FRAME_SIZE_ERROR),
        wrong("RST_STREAM of 5 bytes", &[frame(RST_STREAM, 0, 1, &[0; 5])], FRAME_SIZE_ERROR),
    ]);
}

#[test]
fn s6_5_settings_that_none_may_have_end_the_connection() {
    each_ends_the_connection(vec![
        wrong("ACK with payload", &[frame(SETTINGS, ACK, 0, &[0])], FRAME_SIZE_ERROR),
        wrong("on a stream", &[frame(SETTINGS, 0, 1, &[0, 3, 0, 0, 0, 100])], PROTOCOL_ERROR),
        wrong("3 bytes", &[frame(SETTINGS, 0, 0, &[0, 3, 0])], FRAME_SIZE_ERROR),
        wrong("a window above 2^31 - 1", &[settings(&[(4, 1 << 31)])], FLOW_CONTROL_ERROR),
        wrong("frames below the first size", &[settings(&[(5, 16_383)])], PROTOCOL_ERROR),
        wrong("frames above the largest size", &[settings(&[(5, 1 << 24)])], PROTOCOL_ERROR),
        wrong("pushes", &[settings(&[(2, 1)])], PROTOCOL_ERROR),
        wrong("pushes, neither on nor off", &[settings(&[(2, 2)])], PROTOCOL_ERROR),
        wrong("a second acknowledgement", &[frame(SETTINGS, ACK, 0, &[]).repeat(2)], PROTOCOL_ERROR),
    ]);
}

#[test]
fn s6_5_settings_are_acknowledged_and_unknown_ones_are_passed_over() {
    let mut client = Client::asking();
    client.hears(&settings(&[(0xff, 1), (6, 0), (2, 0)])).unwrap();
    assert_eq!(client.sent(), taken_apart(&frame(SETTINGS, ACK, 0, &[])));
    pong_comes(&mut client);
}

#[test]
fn s6_6_a_push_ends_the_connection() {
    let promise = [&[0, 0, 0, 2][..], OK].concat();
    each_ends_the_connection(vec![wrong(
        "a push",
        &[frame(PUSH_PROMISE, END_HEADERS, 1, &promise)],
        PROTOCOL_ERROR,
    )]);
}

#[test]
fn s6_7_pings_are_answered_once_and_their_answers_are_not() {
    let mut client = Client::asking();
    client.hears(&frame(PING, ACK, 0, b"invalid!")).unwrap();
    assert_eq!(client.sent(), []);
    pong_comes(&mut client);
    each_ends_the_connection(vec![
        wrong("on a stream", &[frame(PING, 0, 1, &[0; 8])], PROTOCOL_ERROR),
        wrong("6 bytes", &[frame(PING, 0, 0, &[0; 6])], FRAME_SIZE_ERROR),
    ]);
}

#[test]
fn s6_8_a_goaway_of_another_shape_ends_the_connection() {
    each_ends_the_connection(vec![
        wrong("on a stream", &[frame(GOAWAY, 0, 1, &[0; 8])], PROTOCOL_ERROR),
        wrong("7 bytes", &[frame(GOAWAY, 0, 0, &[0; 7])], FRAME_SIZE_ERROR),
    ]);
}

#[test]
fn s6_9_window_updates_that_none_may_have_end_the_connection_or_the_stream() {
    each_ends_the_connection(vec![
        wrong("nothing", &[number(WINDOW_UPDATE, 0, 0)], PROTOCOL_ERROR),
        wrong("3 bytes", &[frame(WINDOW_UPDATE, 0, 0, &[0; 3])], FRAME_SIZE_ERROR),
        wrong("above 2^31 - 1", &[number(WINDOW_UPDATE, 0, 0x7fff_ffff)], FLOW_CONTROL_ERROR),
    ]);
    for (frames, code, name) in [
        (number(WINDOW_UPDATE, 1, 0), 1, "PROTOCOL_ERROR"),
        (number(WINDOW_UPDATE, 1, 0x7fff_ffff), 3, "FLOW_CONTROL_ERROR"),
    ] {
        let mut client = Client::asking();
        client.fails(&frames, 1, code, name);
        client.goes_on();
    }
}

#[test]
fn s6_10_header_blocks_come_in_as_many_frames_as_they_like() {
    let mut client = Client::asking();
    let frames = [
        frame(HEADERS, END_STREAM, 1, OK),
        frame(CONTINUATION, 0, 1, &block(&[("x-dummy0", "1")])),
        frame(CONTINUATION, 0, 1, &[]),
        frame(CONTINUATION, END_HEADERS, 1, &block(&[("x-dummy1", "1")])),
    ];
    client.hears(&frames.concat()).unwrap();
    let bytes = frames.concat().len() as u64 + SETTINGS_BYTES;
    assert!(matches!(client.told()[..], [Told::Response { status: 200, bytes: told, .. }] if told == bytes));
    let continuation = |flags| frame(CONTINUATION, flags, 1, &block(&[("x-dummy", "1")]));
    each_ends_the_connection(vec![
        wrong(
            "followed by DATA",
            &[open_headers(1, OK), continuation(0), data(1, 1, b"test")],
            PROTOCOL_ERROR,
        ),
        wrong("on stream 0", &[open_headers(1, OK), frame(CONTINUATION, 4, 0, OK)], PROTOCOL_ERROR),
        wrong("after END_HEADERS", &[headers(1, 0, OK), continuation(4)], PROTOCOL_ERROR),
        wrong(
            "after END_HEADERS of its own",
            &[open_headers(1, OK), continuation(4), continuation(4)],
            PROTOCOL_ERROR,
        ),
        wrong("preceded by DATA", &[headers(1, 0, OK), data(1, 0, b"test"), continuation(4)], PROTOCOL_ERROR),
    ]);
}

/// Responses that break section 8 end their own stream, by RST_STREAM with PROTOCOL_ERROR, and no other.
#[test]
fn s8_malformed_responses_end_their_stream_alone() {
    let fields = |fields: &[(&str, &str)]| headers(1, 0, &block(fields));
    let status = |status: u8| fields(&[(":status", std::str::from_utf8(&[b'1', b'0', status]).unwrap())]);
    let length = |length| block(&[(":status", "200"), ("content-length", length)]);
    for (case, frames) in [
        ("no :status", vec![fields(&[("x", "y")])]),
        ("a status that is no number", vec![fields(&[(":status", "2xx")])]),
        ("a pseudo-header field of requests", vec![fields(&[(":status", "200"), (":path", "/")])]),
        ("a pseudo-header field behind others", vec![fields(&[("x", "y"), (":status", "200")])]),
        ("a capital", vec![fields(&[(":status", "200"), ("X", "y")])]),
        ("connection", vec![fields(&[(":status", "200"), ("connection", "keep-alive")])]),
        ("transfer-encoding", vec![fields(&[(":status", "200"), ("transfer-encoding", "chunked")])]),
        ("101", vec![status(b'1')]),
        (
            "an interim response that ends the stream",
            vec![headers(1, END_STREAM, &block(&[(":status", "100")]))],
        ),
        ("DATA first", vec![data(1, END_STREAM, b"test")]),
        ("DATA after an interim response", vec![status(b'0'), data(1, END_STREAM, b"test")]),
        ("a second response", vec![headers(1, 0, OK), headers(1, END_STREAM, OK)]),
        ("trailers that end nothing", vec![headers(1, 0, OK), headers(1, 0, &block(&[("x", "y")]))]),
        ("a length without body", vec![headers(1, END_STREAM, &length("1"))]),
        ("a body too short", vec![headers(1, 0, &length("5")), data(1, END_STREAM, b"test")]),
        ("a body too long", vec![headers(1, 0, &length("3")), data(1, 0, b"test")]),
        (
            "a body too short before trailers",
            vec![headers(1, 0, &length("5")), headers(1, 1, &block(&[("x", "y")]))],
        ),
        ("a body of a 204", vec![headers(1, 0, &block(&[(":status", "204")])), data(1, 0, b"x")]),
        ("a length that is no number", vec![headers(1, END_STREAM, &length("+1"))]),
    ] {
        let mut client = Client::asking();
        client.fails(&frames.concat(), 1, 1, "PROTOCOL_ERROR");
        assert_eq!(client.http.under_way(), 0, "{case}");
        client.goes_on();
    }
}

#[test]
fn s8_responses_end_in_every_place_where_they_may() {
    let early = headers(1, 0, &block(&[(":status", "103"), ("link", "x")]));
    let length = |status, length| block(&[(":status", status), ("content-length", length)]);
    for (method, frames, status) in [
        ("GET", vec![empty_response(1)], 200),
        ("GET", vec![headers(1, 0, OK), data(1, END_STREAM, b"")], 200),
        ("GET", vec![headers(1, 0, OK), data(1, 0, b"te"), data(1, END_STREAM, b"st")], 200),
        ("GET", vec![headers(1, 0, &length("404", "4")), data(1, END_STREAM, b"test")], 404),
        ("GET", vec![headers(1, 0, &length("200", "4")), data(1, 0, b"test"), data(1, END_STREAM, b"")], 200),
        (
            "GET",
            vec![headers(1, 0, OK), data(1, 0, b"x"), headers(1, 1, &block(&[("grpc-status", "0")]))],
            200,
        ),
        ("GET", vec![early.clone(), early, empty_response(1)], 200),
        ("GET", vec![headers(1, END_STREAM, &block(&[(":status", "204")]))], 204),
        ("GET", vec![headers(1, END_STREAM, &length("304", "900"))], 304),
        ("HEAD", vec![headers(1, END_STREAM, &length("200", "900"))], 200),
        ("HEAD", vec![headers(1, 0, &length("200", "900")), data(1, END_STREAM, b"")], 200),
    ] {
        let mut client = Client::ready_with(request(method, "/", &[], None));
        client.sends();
        let (last, before) = frames.split_last().unwrap();
        client.hears(&before.concat()).unwrap();
        assert_eq!(client.told(), []);
        client.hears(last).unwrap();
        let (told, bytes) = (client.told(), frames.concat().len() as u64 + SETTINGS_BYTES);
        let is_it = |told: &Told| {
            matches!(told, Told::Response { status: s, bytes: b, is_ok, .. }
            if (*s, *b, *is_ok) == (status, bytes, status < 400))
        };
        assert!(told.len() == 1 && is_it(&told[0]), "{told:?}");
        assert_eq!(client.http.under_way(), 0);
    }
}
