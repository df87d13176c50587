//! The cases of gRPC's interoperability tests for HTTP/2 clients: what each of its servers does, and what a client makes of it.

use crate::client::{Client, failures, get, options, statuses};
use crate::target::*;
use vajra_shards::protocol::Place;

/// The body of a response, as their servers send it: in frames of five bytes.
fn response(stream: u32, padding: Option<u8>) -> Vec<u8> {
    let body: Vec<u8> = (0..400).flat_map(|n: u32| n.to_be_bytes()).collect();
    let mut frames =
        headers(stream, 0, &[OK, &block(&[("content-type", "application/grpc+proto")])].concat());
    for part in body.chunks(5) {
        frames.extend(match padding {
            None => data(stream, 0, part),
            Some(length) => {
                let payload = [&[length][..], part, &vec![0; length.into()]].concat();
                frame(DATA, PADDED, stream, &payload)
            }
        });
    }
    frames.extend(headers(stream, END_STREAM, &block(&[("grpc-status", "0")])));
    frames
}

#[test]
fn goaway_after_a_response_makes_the_next_request_take_another_connection() {
    let mut client = Client::asking();
    client.hears(&response(1, None)).unwrap();
    assert_eq!(statuses(&client.told()), [200]);
    let unusable = client.hears(&goaway(1, 0)).unwrap_err();
    assert_eq!(unusable.why, "the target ended the connection by GOAWAY");
    assert_eq!((client.room(), client.http.is_leaving(), client.told()), (0, true, vec![]));
    client.open();
    client.hears(&settings(&[])).unwrap();
    assert!(!client.http.is_leaving());
    assert_eq!(client.sends(), 1, "a new connection counts from the beginning");
    client.hears(&response(1, None)).unwrap();
    assert_eq!(statuses(&client.told()), [200]);
}

#[test]
fn ping_is_answered_before_during_and_after_a_response() {
    let mut client = Client::ready();
    let ping = frame(PING, 0, 0, b"\0\0\0\0\0\0\0\x01");
    client.hears(&ping).unwrap();
    client.sends();
    let whole = response(1, None);
    // Behind the first frames of the body.
    let at =
        headers(1, 0, &[OK, &block(&[("content-type", "application/grpc+proto")])].concat()).len() + 3 * 14;
    client.hears(&[&whole[..at], &ping, &whole[at..], &ping].concat()).unwrap();
    let pongs = client.sent().into_iter().filter(|sent| sent.frame_type == PING && sent.flags == ACK).count();
    assert_eq!((pongs, statuses(&client.told())), (3, vec![200]));
}

#[test]
fn max_streams_is_obeyed_when_it_comes_late() {
    let mut client = Client::new(&[get()], options());
    client.hears(&settings(&[(3, 2)])).unwrap();
    assert_eq!((client.sends(), client.sends(), client.room()), (1, 3, 0));
    client.hears(&response(1, None)).unwrap();
    assert_eq!(client.room(), 1);
    // Fewer than are under way: those go on.
    client.hears(&settings(&[(3, 1)])).unwrap();
    assert_eq!((client.room(), client.http.under_way()), (0, 1));
    client.hears(&response(3, None)).unwrap();
    assert_eq!((client.room(), statuses(&client.told())), (1, vec![200, 200]));
    assert_eq!(client.sends(), 5);
}

#[test]
fn data_frame_padding_is_no_part_of_a_body_and_is_given_back() {
    let window_bytes = 70_000;
    let mut client =
        Client::new(&[get()], vajra_shards::protocol::http2::Http2Options { window_bytes, ..options() });
    client.hears(&settings(&[])).unwrap();
    let mut given_back = 0;
    let mut received = 0;
    for stream in (1..20).step_by(2) {
        client.sends();
        client.hears(&response(stream, Some(255))).unwrap();
        received += 320 * 261;
        let updates = |sent: &Sent| sent.frame_type == WINDOW_UPDATE && sent.stream == 0;
        given_back +=
            client.sent().iter().filter(|sent| updates(sent)).map(|sent| sent.number_at(0)).sum::<u32>();
    }
    assert_eq!(statuses(&client.told()), [200; 10]);
    assert!(
        given_back <= received && received - given_back <= window_bytes / 2 + 261,
        "{given_back} of {received}"
    );
}

#[test]
fn no_df_padding_sanity_test() {
    let mut client = Client::asking();
    client.hears(&response(1, None)).unwrap();
    assert_eq!(statuses(&client.told()), [200]);
}

#[test]
fn rst_after_header_fails_the_request_and_no_other() {
    let mut client = Client::asking();
    client.sends();
    client.hears(&[headers(1, 0, OK), number(RST_STREAM, 1, 0)].concat()).unwrap();
    client.hears(&response(3, None)).unwrap();
    let told = client.told();
    assert_eq!(failures(&told), [(Place::new(0), "NO_ERROR", false)]);
    assert_eq!(statuses(&told), [200]);
}

#[test]
fn rst_during_data_fails_the_request_and_no_other() {
    let mut client = Client::asking();
    client.sends();
    let begun = [headers(1, 0, OK), data(1, 0, b"12345"), data(1, 0, b"67890"), number(RST_STREAM, 1, 8)];
    client.hears(&begun.concat()).unwrap();
    client.hears(&response(3, None)).unwrap();
    let told = client.told();
    assert_eq!(failures(&told), [(Place::new(0), "CANCEL", false)]);
    assert_eq!(statuses(&told), [200]);
}

#[test]
fn rst_after_data_fails_a_request_whose_response_has_not_ended() {
    let mut client = Client::asking();
    let length = block(&[(":status", "200"), ("content-length", "5")]);
    client.hears(&[headers(1, 0, &length), data(1, 0, b"12345"), number(RST_STREAM, 1, 0)].concat()).unwrap();
    assert_eq!(failures(&client.told()), [(Place::new(0), "NO_ERROR", false)]);
    client.goes_on();
}
