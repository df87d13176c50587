//! What no target of gRPC may do: each ends its own call, with words that begin with the status that other clients make of it.

use crate::client::{Client, Told, failures};
use crate::grpc::{head, message, names, streaming, trailers, unary};
use crate::target::*;

/// The code of a RST_STREAM for what is not wanted any more.
const CANCEL: u32 = 8;

/// Why a call has failed whose response is over.
#[track_caller]
fn failed(mut client: Client, bytes: &[u8]) -> &'static str {
    client.hears(bytes).unwrap();
    let told = client.told();
    let why = told.iter().find_map(|told| match told {
        Told::Failed { failure, .. } => Some(failure.why),
        _ => None,
    });
    assert!(names(&told).is_empty(), "{told:?}");
    let why = why.unwrap_or_else(|| panic!("{told:?}"));
    assert!(client.sends() > 1, "its connection goes on");
    why
}

#[test]
fn a_compressed_message_was_not_asked_for() {
    let bytes = [head(1), data(1, 0, &message(1, b"hi"))].concat();
    let why = unary().fails(&bytes, 1, CANCEL, "INTERNAL");
    assert!(why.contains("compressed a message, and no compression was agreed on"), "{why}");
}

#[test]
fn a_message_longer_than_four_mebibytes_is_not_waited_for() {
    let bytes = [head(1), data(1, 0, &[0, 0, 0x40, 0, 1])].concat();
    let why = streaming().fails(&bytes, 1, CANCEL, "RESOURCE_EXHAUSTED");
    assert!(why.contains("longer than 4 MiB"), "{why}");
    let mut client = streaming();
    client.hears(&[head(1), data(1, 0, &[0, 0, 0x40, 0, 0])].concat()).unwrap();
    assert!(client.told().is_empty(), "one of just so many is");
}

#[test]
fn several_messages_where_there_is_one_are_refused() {
    let bytes = [head(1), data(1, 0, &[message(0, b"one"), message(0, b"two")].concat())].concat();
    let why = unary().fails(&bytes, 1, CANCEL, "INTERNAL");
    assert!(why.contains("several messages"), "{why}");
}

#[test]
fn a_length_above_the_body_is_told() {
    let cut = [head(1), data(1, 0, &message(0, b"hello")[..8])].concat();
    let why = failed(unary(), &[cut.clone(), trailers(1, "0")].concat());
    assert!(why.starts_with("INTERNAL: a message is longer than the body"), "{why}");
    let ended = [head(1), data(1, END_STREAM, &message(0, b"hello")[..8])].concat();
    assert!(failed(unary(), &ended).contains("longer than the body"));
    let mut client = unary();
    client.hears(&[cut, trailers(1, "13")].concat()).unwrap();
    assert_eq!(names(&client.told()), ["INTERNAL"], "a target that says that it has failed is believed");
}

#[test]
fn a_status_that_is_missing_is_told() {
    let whole = [head(1), data(1, END_STREAM, &message(0, b"hi"))].concat();
    assert_eq!(failed(unary(), &whole), "INTERNAL: the response ended without grpc-status");
    let empty = [head(1), headers(1, END_STREAM, &block(&[("x", "y")]))].concat();
    assert_eq!(failed(streaming(), &empty), "INTERNAL: the response ended without grpc-status");
}

#[test]
fn success_without_a_message_is_none() {
    assert!(failed(unary(), &[head(1), trailers(1, "0")].concat()).contains("says OK and sent no message"));
    let mut client = streaming();
    client.hears(&[head(1), trailers(1, "0")].concat()).unwrap();
    assert_eq!(names(&client.told()), ["OK"], "of a stream, none may be all");
}

#[test]
fn a_response_that_is_not_one_of_grpc_is_told() {
    let page = headers(1, 0, &[OK, &block(&[("content-type", "text/html")])].concat());
    let why = failed(unary(), &[page, data(1, END_STREAM, b"<html>")].concat());
    assert!(why.starts_with("UNKNOWN: the response is not one of gRPC"), "{why}");
}

#[test]
fn a_call_that_is_given_up_ends_its_stream() {
    let mut client = unary();
    client.sent();
    client.cancels(0, 0);
    let sent = client.sent();
    assert!(
        matches!(&sent[..], [reset] if reset.frame_type == RST_STREAM && reset.number_at(0) == CANCEL),
        "{sent:?}"
    );
    client.hears(&[head(1), data(1, 0, &message(1, b"late")), trailers(1, "0")].concat()).unwrap();
    assert!(names(&client.told()).is_empty());
}

#[test]
fn a_call_that_was_not_begun_is_untouched() {
    let mut client = unary();
    client.hears(&number(RST_STREAM, 1, 7)).unwrap();
    let told = client.told();
    assert!(matches!(failures(&told)[..], [(_, "REFUSED_STREAM", true)]), "{told:?}");
}
