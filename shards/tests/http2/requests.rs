//! What a client sends: header blocks that get short, bodies within windows, and requests that HTTP/2 does not have.

use crate::client::{Client, get, options, request, statuses, step};
use crate::target::*;
use engine::outbox;
use engine::plan::HttpRequest;
use engine::random::Draws;
use engine::template::FilledValues;
use vajra_shards::protocol::http2::{Http2Options, encode};

/// The bytes of bodies among frames, by stream, and whether they end.
fn bodies(frames: &[Sent]) -> Vec<(u32, Vec<u8>, bool)> {
    let mut bodies: Vec<(u32, Vec<u8>, bool)> = Vec::new();
    for sent in frames.iter().filter(|sent| sent.frame_type == DATA) {
        let ends = sent.flags & END_STREAM != 0;
        match bodies.iter_mut().find(|body| body.0 == sent.stream) {
            Some(body) => {
                assert!(!body.2, "nothing comes behind the end");
                body.1.extend(&sent.payload);
                body.2 = ends;
            }
            None => bodies.push((sent.stream, sent.payload.clone(), ends)),
        }
    }
    bodies
}

fn post(body: &str) -> HttpRequest {
    request("POST", "/", &[], Some(body))
}

#[test]
fn a_request_that_was_sent_before_is_a_few_bytes() {
    let mut client = Client::ready();
    client.sends();
    let first = client.taken();
    client.sends();
    let second = client.taken();
    assert!(first.len() > 25, "{first:?}");
    // Method, scheme and path stand in the static table, authority and agent were inserted.
    assert_eq!(second, [0, 0, 5, 1, 5, 0, 0, 0, 3, 0x82, 0x86, 0xbf, 0x84, 0xbe]);
}

#[test]
fn a_target_without_a_table_gets_everything_written_out() {
    let mut client = Client::new(&[get()], options());
    client.hears(&settings(&[(1, 0)])).unwrap();
    client.sent();
    client.sends();
    let first = client.sent().remove(0);
    client.sends();
    let second = client.sent().remove(0);
    assert_eq!(first.payload[0], 0x20, "the table is emptied");
    assert_eq!(first.payload[1..], second.payload[..]);
    assert!(second.payload.len() > 15 && !second.payload.contains(&0xbe), "{second:?}");
}

#[test]
fn a_table_that_is_taken_away_is_not_used_any_more() {
    let mut client = Client::asking();
    client.hears(&settings(&[(1, 30)])).unwrap();
    client.sent();
    client.sends();
    let next = client.sent().remove(0);
    assert_eq!(next.payload[0], 0x20);
    assert!(!next.payload.contains(&0xbe) && !next.payload.contains(&0xbf), "{next:?}");
}

#[test]
fn a_new_connection_begins_with_an_empty_table() {
    let mut client = Client::ready();
    client.sends();
    let first = client.sent();
    client.sends();
    client.open();
    client.hears(&settings(&[])).unwrap();
    client.sent();
    client.sends();
    assert_eq!(client.sent(), first);
}

#[test]
fn a_body_goes_in_frames_of_the_size_that_the_target_allows() {
    let body = "x".repeat(40_000);
    for (setting, sizes) in [(None, vec![16_384, 16_384, 7_232]), (Some((5, 30_000)), vec![30_000, 10_000])] {
        let mut client = Client::new(&[post(&body)], options());
        client.hears(&settings(setting.as_slice())).unwrap();
        client.sent();
        client.sends();
        let sent = client.sent();
        assert_eq!((sent[0].frame_type, sent[0].flags), (HEADERS, END_HEADERS));
        let lengths: Vec<usize> = sent[1..].iter().map(|sent| sent.payload.len()).collect();
        assert_eq!(lengths, sizes);
        assert_eq!(bodies(&sent), [(1, body.clone().into_bytes(), true)]);
    }
}

#[test]
fn bodies_larger_than_the_connections_window_wait_and_take_turns() {
    let body = "x".repeat(50_000);
    let mut client = Client::new(&[post(&body)], options());
    client.hears(&settings(&[])).unwrap();
    client.sent();
    client.sends();
    client.sends();
    client.sends();
    let mut sent = client.sent();
    let bytes = |sent: &[Sent]| bodies(sent).iter().map(|body| body.1.len()).sum::<usize>();
    assert_eq!(bytes(&sent), 65_535, "the window of the connection");
    for _ in 0..20 {
        client.hears(&number(WINDOW_UPDATE, 0, 10_000)).unwrap();
        client.pumps();
        sent.extend(client.sent());
    }
    let whole = |stream| (stream, body.clone().into_bytes(), true);
    assert_eq!(bodies(&sent), [whole(1), whole(3), whole(5)]);
    assert!(!client.has_unsent());
}

#[test]
fn a_body_with_holes_goes_on_as_it_began() {
    let holed = format!("{{{{seq}}}}-{{{{uuid}}}}-{}", "y".repeat(3_000));
    let mut client = Client::new(&[post(&holed)], options());
    client.hears(&settings(&[(4, 20)])).unwrap();
    client.sent();
    client.sends();
    client.sends();
    let mut sent = client.sent();
    for stream in [1, 3] {
        client.hears(&number(WINDOW_UPDATE, stream, 5_000)).unwrap();
        client.pumps();
        sent.extend(client.sent());
    }
    let bodies = bodies(&sent);
    assert_eq!(bodies.len(), 2);
    for (number, (_, body, ends)) in bodies.iter().enumerate() {
        let text = String::from_utf8(body.clone()).unwrap();
        let parts: Vec<&str> = text.splitn(2, '-').collect();
        assert_eq!(
            (parts[0], *ends, text.len()),
            (number.to_string().as_str(), true, 1 + 1 + 36 + 1 + 3_000)
        );
    }
    assert_ne!(bodies[0].1[2..38], bodies[1].1[2..38], "each has a value of its own");
}

#[test]
fn the_rest_of_a_body_is_not_sent_once_the_response_is_complete() {
    let mut client = Client::new(&[post(&"x".repeat(100))], options());
    client.hears(&settings(&[(4, 60)])).unwrap();
    client.sends();
    client.sent();
    client.hears(&headers(1, END_STREAM, &block(&[(":status", "413")]))).unwrap();
    assert_eq!(statuses(&client.told()), [413]);
    assert_eq!(client.sent(), taken_apart(&number(RST_STREAM, 1, 8)));
    client.hears(&number(WINDOW_UPDATE, 0, 10_000)).unwrap();
    client.pumps();
    assert_eq!(client.sent(), []);
    assert!(!client.has_unsent());
}

#[test]
fn a_request_that_is_given_up_sends_nothing_more() {
    let mut client = Client::new(&[post(&"x".repeat(100))], options());
    client.hears(&settings(&[(4, 60)])).unwrap();
    client.sends();
    client.sent();
    client.cancels(0, 0);
    client.sent();
    client.hears(&settings(&[(4, 60_000)])).unwrap();
    client.sent();
    client.pumps();
    assert_eq!(client.sent(), []);
}

#[test]
fn an_empty_body_ends_with_its_header() {
    let mut client = Client::ready_with(post(""));
    client.sends();
    let sent = client.sent();
    assert_eq!((sent.len(), sent[0].flags), (1, END_HEADERS | END_STREAM));
}

#[test]
fn a_header_block_longer_than_a_frame_goes_on_in_another() {
    let long = "x".repeat(20_000);
    let mut client = Client::ready_with(request("GET", "/", &[("x-long", &long)], None));
    client.sends();
    let sent = client.sent();
    let shapes: Vec<(u8, u8, usize)> =
        sent.iter().map(|sent| (sent.frame_type, sent.flags, sent.payload.len().min(16_384))).collect();
    assert_eq!(shapes[0], (HEADERS, END_STREAM, 16_384));
    assert_eq!((shapes.len(), shapes[1].0, shapes[1].1), (2, CONTINUATION, END_HEADERS));
}

#[test]
fn as_many_requests_as_there_is_room_for_fit_the_outbox() {
    let long = "x".repeat(20_000);
    let holed = request("POST", "/{{seq}}", &[("x-long", &long), ("x-id", "{{uuid}}")], Some("{{uuid}}"));
    let streams = 64;
    let mut client = Client::new(&[holed], Http2Options { streams, ..options() });
    client.hears(&settings(&[(3, 1_000)])).unwrap();
    while client.room() > 0 {
        client.sends();
    }
    let sent = client.sent();
    assert_eq!(sent.iter().filter(|sent| sent.frame_type == HEADERS).count(), streams as usize);
    assert_eq!(bodies(&sent).len(), streams as usize);
}

#[test]
fn fields_that_http_2_does_not_have_are_refused_with_what_to_do() {
    for (name, value, problem) in [
        ("Connection", "keep-alive", "belongs to connections of HTTP/1.1"),
        ("keep-alive", "timeout=5", "belongs to connections of HTTP/1.1"),
        ("Proxy-Connection", "close", "belongs to connections of HTTP/1.1"),
        ("transfer-encoding", "chunked", "belongs to connections of HTTP/1.1"),
        ("upgrade", "h2c", "belongs to connections of HTTP/1.1"),
        ("HTTP2-Settings", "AAMAAABk", "belongs to connections of HTTP/1.1"),
        ("te", "gzip", "may only be `trailers`"),
        ("content-length", "5", "is set from the body"),
        (":path", "/", "begins with a colon"),
        ("a b", "c", "a name that HTTP/2 does not allow"),
        ("a", "b\nc", "a value that HTTP/2 does not allow"),
    ] {
        let request = request("GET", "/", &[(name, value)], None);
        let failure = encode(&step(request, 1), "http", "h").unwrap_err();
        assert!(failure.text.contains(problem), "{name}: {}", failure.text);
        assert!(failure.text.starts_with("request `r`: header `") && failure.fix.is_some(), "{failure:?}");
    }
    let tunnel = encode(&step(request("CONNECT", "/", &[], None), 1), "http", "h").unwrap_err();
    assert!(tunnel.text.contains("CONNECT"), "{}", tunnel.text);
    encode(&step(request("GET", "/", &[("TE", "trailers")], None), 1), "http", "h").unwrap();
}

#[test]
fn a_body_that_waits_counts_as_sent_from_the_beginning() {
    let mut client = Client::new(&[post(&"x".repeat(40_000))], options());
    client.hears(&settings(&[(4, 10)])).unwrap();
    client.sent();
    client.sends();
    let head: usize = client.sent().iter().map(|sent| 9 + sent.payload.len()).sum::<usize>() - 9 - 10;
    assert_eq!(client.last_sent_bytes, (head + 40_000 + 3 * 9) as u64);
}

#[test]
fn a_value_of_a_flow_stands_wherever_a_number_does() {
    const FILLED: &str = "1234567";
    let with = |hole: &str| {
        let text = |text: &str| text.replace("HOLE", hole);
        let (path, host, key, body) = (
            text("/a/HOLE?b=HOLE"),
            text("HOLE.test:81"),
            text("k-HOLE"),
            text("{\"n\": HOLE, \"s\": \"HOLE\"}"),
        );
        request("PUT", &path, &[("Host", &host), ("X-Key", &key), ("Accept", "*/*")], Some(&body))
    };
    let number = format!("{{{{rand {FILLED} {FILLED}}}}}");
    let (flow, mix) = (step(with("{{token}}"), 1), step(with(&number), 1));
    let http2 = |step| encode(step, "http", "h:80").unwrap().0.template;
    let http1 = |step| vajra_shards::protocol::http1::encode(step, "h:80", true).unwrap().template;
    for (of_flow, of_mix) in [(http2(&flow), http2(&mix)), (http1(&flow), http1(&mix))] {
        let mut filled = FilledValues::default();
        assert_eq!(of_flow.holes().count(), 6);
        for _ in of_flow.holes() {
            let append = |out: &mut Vec<u8>| {
                out.extend_from_slice(FILLED.as_bytes());
                Ok::<(), ()>(())
            };
            filled.push_with(append).unwrap();
        }
        let draws = Draws::new(1, 0);
        let of_flow =
            outbox::collected(of_flow.bytes_max(), |out| of_flow.render_filled(0, draws, &filled, out));
        let of_mix = outbox::collected(of_mix.bytes_max(), |out| of_mix.render(0, draws, out));
        assert_eq!(String::from_utf8_lossy(&of_flow), String::from_utf8_lossy(&of_mix));
    }
}
