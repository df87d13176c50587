//! Calls of gRPC: what is sent, what comes back, and that it is the same however it comes.

use crate::client::{Client, Told, options};
use crate::target::*;
use engine::code;
use engine::plan::{GrpcCall, GrpcMethod, MessagePace, Request, Step};
use engine::template::{self, Piece};
use proptest::prelude::*;
use vajra_shards::protocol::{Place, Protocol, RequestFailure};

/// A call with messages, as bytes that may have holes, of a method with one message or several back.
pub(crate) fn step(messages: &[&str], server_streams: bool, pace: MessagePace) -> Step {
    let encoded: Vec<Vec<Piece>> = messages.iter().map(|text| template::parse(text).unwrap()).collect();
    let method = GrpcMethod {
        input: "a.In".into(),
        output: "a.Out".into(),
        client_streams: messages.len() > 1,
        server_streams,
        is_safe: false,
        told_by: "a.proto".into(),
        encoded: encoded.clone(),
        reply: None,
    };
    let call = GrpcCall {
        method: "a.Service/Method".into(),
        metadata: vec![("x-key".into(), template::parse("v").unwrap())],
        messages: encoded,
        count: None,
        pace,
        deadline_ns: None,
        described: Some(method),
    };
    Step {
        name: "r".into(),
        weight: 1,
        pool: 0,
        timeout_ns: 0,
        request: Request::Grpc(call),
        looks: engine::flow::StepLooks::default(),
    }
}

/// A client that has made one call, on stream 1; what it has sent was not looked at.
pub(crate) fn calling(step: Step) -> Client {
    let mut client = Client::of_steps(&[step], options());
    client.hears(&settings(&[])).unwrap();
    client.told();
    client.sent();
    assert_eq!(client.sends(), 1);
    client
}

/// A client that has called a method with one message back.
pub(crate) fn unary() -> Client {
    calling(step(&["hello"], false, MessagePace::AtOnce))
}

/// And one with several.
pub(crate) fn streaming() -> Client {
    calling(step(&["hello"], true, MessagePace::AtOnce))
}

/// A message behind its prefix.
pub(crate) fn message(flag: u8, bytes: &[u8]) -> Vec<u8> {
    [&[flag][..], &(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

/// The header of a response with messages.
pub(crate) fn head(stream: u32) -> Vec<u8> {
    headers(stream, 0, &[OK, &block(&[("content-type", "application/grpc")])].concat())
}

/// Trailers with a status.
pub(crate) fn trailers(stream: u32, status: &str) -> Vec<u8> {
    headers(stream, END_STREAM, &block(&[("grpc-status", status), ("grpc-message", "no%20luck")]))
}

/// The names of the statuses that were told.
pub(crate) fn names(told: &[Told]) -> Vec<String> {
    let name = |told: &Told| match told {
        Told::Response { status, is_ok, .. } => {
            assert_eq!(*is_ok, code::is_success(*status));
            Some(code::show(*status))
        }
        _ => None,
    };
    told.iter().filter_map(name).collect()
}

fn messages(told: &[Told]) -> usize {
    told.iter().filter(|told| matches!(told, Told::Message(..))).count()
}

fn bodies(sent: &[Sent]) -> Vec<u8> {
    sent.iter().filter(|sent| sent.frame_type == DATA).flat_map(|sent| sent.payload.clone()).collect()
}

#[test]
fn a_call_sends_its_messages_behind_five_bytes_each() {
    let mut client = calling(step(&["one", "three"], true, MessagePace::AtOnce));
    let sent = client.sent();
    assert_eq!((sent[0].frame_type, sent[0].flags), (HEADERS, END_HEADERS));
    assert_eq!(bodies(&sent), b"\0\0\0\0\x03one\0\0\0\0\x05three");
    assert_eq!(sent.last().unwrap().flags, END_STREAM);
}

#[test]
fn what_is_filled_in_changes_the_length_before_its_message() {
    let mut client = calling(step(&["u-{{seq}}", "{{seq}}"], true, MessagePace::AtOnce));
    let mut stream = 1;
    for number in 0..120 {
        let digits = number.to_string();
        let expected = [message(0, format!("u-{digits}").as_bytes()), message(0, digits.as_bytes())].concat();
        assert_eq!(bodies(&client.sent()), expected);
        client.hears(&[head(stream), trailers(stream, "0")].concat()).unwrap();
        stream = client.sends();
    }
}

#[test]
fn the_status_of_a_call_stands_in_its_trailers() {
    for (status, name) in
        [("0", "OK"), ("5", "NOT_FOUND"), ("14", "UNAVAILABLE"), ("99", "UNKNOWN"), ("x", "UNKNOWN")]
    {
        let mut client = unary();
        client.hears(&[head(1), data(1, 0, &message(0, b"hi")), trailers(1, status)].concat()).unwrap();
        assert_eq!(names(&client.told()), [name]);
        client.sends();
    }
}

#[test]
fn a_call_may_end_with_its_first_header() {
    let mut client = unary();
    let fields = [("content-type", "application/grpc"), ("grpc-status", "12")];
    client.hears(&headers(1, END_STREAM, &[OK, &block(&fields)].concat())).unwrap();
    assert_eq!(names(&client.told()), ["UNIMPLEMENTED"]);
}

#[test]
fn a_proxy_that_answers_instead_stands_for_a_status() {
    let mut client = unary();
    let head = headers(1, 0, &block(&[(":status", "503"), ("content-type", "text/html")]));
    client.hears(&[head, data(1, END_STREAM, b"\x01 no message at all")].concat()).unwrap();
    assert_eq!(names(&client.told()), ["UNAVAILABLE"]);
}

#[test]
fn messages_are_counted_and_what_is_said_to_a_status_is_kept() {
    let mut client = streaming();
    let body = [message(0, b"one"), message(0, b""), message(0, &[b'x'; 300])].concat();
    client.hears(&[head(1), data(1, 0, &body), trailers(1, "9")].concat()).unwrap();
    let told = client.told();
    assert_eq!((messages(&told), names(&told)), (3, vec!["FAILED_PRECONDITION".to_owned()]));
    assert_eq!(client.http.grpc_message().as_deref(), Some("no luck"));
}

#[test]
fn padding_is_no_part_of_a_message() {
    let mut client = streaming();
    let padded = [&[3][..], &message(0, b"hi"), &[1, 1, 1]].concat();
    let bytes =
        [head(1), frame(DATA, PADDED, 1, &padded), data(1, 0, &message(0, b"ho")), trailers(1, "0")].concat();
    for size in [1, bytes.len()] {
        let mut client = if size == 1 { streaming() } else { std::mem::replace(&mut client, streaming()) };
        bytes.chunks(size).for_each(|piece| client.hears(piece).unwrap());
        let told = client.told();
        assert_eq!((messages(&told), names(&told)), (2, vec!["OK".to_owned()]));
    }
}

#[test]
fn a_message_waits_for_the_reply_to_the_one_before_it() {
    let mut client = calling(step(&["one", "two", "three"], true, MessagePace::PingPong));
    let sent = client.sent();
    assert_eq!((bodies(&sent), sent.last().unwrap().flags), (b"\0\0\0\0\x03one".to_vec(), 0));
    assert!(!client.has_unsent(), "it waits for the target, and not for room");
    client.hears(&head(1)).unwrap();
    for (reply, next, flags) in [(1, &b"\0\0\0\0\x03two"[..], 0), (2, b"\0\0\0\0\x05three", END_STREAM)] {
        client.hears(&data(1, 0, &message(0, &[reply; 9])[..7])).unwrap();
        assert!(!client.has_unsent(), "half of a reply is none");
        client.hears(&data(1, 0, &message(0, &[reply; 9])[7..])).unwrap();
        assert!(client.has_unsent());
        client.pumps();
        let sent = client.sent();
        assert_eq!((bodies(&sent), sent.last().unwrap().flags), (next.to_vec(), flags));
    }
    client.hears(&[data(1, 0, &message(0, b"last")), trailers(1, "0")].concat()).unwrap();
    let told = client.told();
    assert_eq!((messages(&told), names(&told)), (3, vec!["OK".to_owned()]));
    assert!(client.sent().is_empty(), "all was sent, so nothing is given up");
}

#[test]
fn all_frames_of_messages_that_take_turns_count_as_sent() {
    let long = "x".repeat(40_000);
    for (messages, pace) in [
        (&["one", "two", "three"][..], MessagePace::PingPong),
        (&[long.as_str(), "", "n={{seq}}"], MessagePace::PingPong),
        (&["one", "two", "three"], MessagePace::AtOnce),
    ] {
        let mut client = calling(step(messages, true, pace));
        let said = client.last_sent_bytes;
        let mut sent = client.sent();
        client.hears(&head(1)).unwrap();
        for _ in messages {
            client.hears(&data(1, 0, &message(0, b"reply"))).unwrap();
            client.pumps();
            sent.extend(client.sent());
        }
        let is_of_call = |frame: &&Sent| matches!(frame.frame_type, HEADERS | DATA);
        let bytes: usize = sent.iter().filter(is_of_call).map(|frame| 9 + frame.payload.len()).sum();
        assert_eq!(said, bytes as u64, "{messages:?}");
    }
}

#[test]
fn a_call_that_ends_before_its_messages_are_sent_is_given_up() {
    let mut client = calling(step(&["one", "two"], true, MessagePace::PingPong));
    client.sent();
    client.hears(&[head(1), trailers(1, "8")].concat()).unwrap();
    assert_eq!(names(&client.told()), ["RESOURCE_EXHAUSTED"]);
    let sent = client.sent();
    assert!(matches!(&sent[..], [reset] if reset.frame_type == RST_STREAM), "{sent:?}");
    client.sends();
}

#[test]
fn a_reply_is_told_with_the_moment_at_which_its_message_was_sent() {
    let mut client = calling(step(&["one", "two", "three"], true, MessagePace::PingPong));
    client.hears(&head(1)).unwrap();
    let mut asked = Vec::new();
    for (sent_ns, came_ns) in [(10, 40), (50, 70), (71, 99)] {
        client.http.reach(sent_ns);
        client.pumps();
        client.http.reach(came_ns);
        client.hears(&data(1, 0, &message(0, b"reply"))).unwrap();
        asked.extend(client.told());
    }
    // The first was sent with its call, before anybody said how late it was.
    let told = |asked_ns: u64| Told::Message(Place::new(0), Some(asked_ns));
    assert_eq!(asked, [told(0), told(50), told(71)]);
    client.hears(&data(1, 0, &message(0, b"one more"))).unwrap();
    assert_eq!(client.told(), [Told::Message(Place::new(0), None)], "it is the reply to nothing");
}

const INITIAL_WINDOW_SIZE: u16 = 4;
const MILLISECOND_NS: u64 = 1_000_000;
/// Some moment, and what passes from one message to the next.
const BEGUN_NS: u64 = 7 * MILLISECOND_NS;
const PERIOD_NS: u64 = 10 * MILLISECOND_NS;

/// A client that has made a call with such messages, one each 10 ms.
fn pacing(messages: &[&str], target_settings: &[(u16, u32)]) -> Client {
    let pace = MessagePace::Every { period_ns: PERIOD_NS };
    let mut client = Client::of_steps(&[step(messages, true, pace)], options());
    client.hears(&settings(target_settings)).unwrap();
    client.told();
    client.sent();
    client.sends();
    client
}

/// It is so late: what is sent then.
fn sent_at(client: &mut Client, now_ns: u64) -> Vec<u8> {
    client.http.reach(now_ns);
    client.pumps();
    bodies(&client.sent())
}

#[test]
fn a_message_is_sent_when_its_moment_comes_and_not_before() {
    let mut client = pacing(&["a", "b", "c"], &[]);
    assert_eq!(bodies(&client.sent()), message(0, b"a"));
    assert!(!client.has_unsent(), "it waits for its moment, and not for room");
    assert!(client.http.due_ns() <= BEGUN_NS, "the moment of the first is to be told");
    assert_eq!(sent_at(&mut client, BEGUN_NS), b"");
    assert_eq!(client.http.due_ns(), BEGUN_NS + PERIOD_NS);
    assert_eq!(sent_at(&mut client, BEGUN_NS + PERIOD_NS - 1), b"");
    client.hears(&[head(1), data(1, 0, &message(0, b"reply"))].concat()).unwrap();
    assert!(!client.has_unsent(), "a reply is not waited for");
    // One that is looked at late is sent late, and the next is not.
    assert_eq!(sent_at(&mut client, BEGUN_NS + PERIOD_NS + 3), message(0, b"b"));
    assert_eq!(client.http.due_ns(), BEGUN_NS + 2 * PERIOD_NS);
    client.http.reach(BEGUN_NS + 2 * PERIOD_NS);
    client.pumps();
    let sent = client.sent();
    assert_eq!((bodies(&sent), sent[0].flags), (message(0, b"c"), END_STREAM));
    assert_eq!(client.http.due_ns(), u64::MAX, "nothing is left");
    client.hears(&trailers(1, "0")).unwrap();
    assert_eq!(names(&client.told()), ["OK"]);
}

#[test]
fn messages_whose_moments_have_passed_are_sent_together() {
    let mut client = pacing(&["a", "b", "c", "d"], &[]);
    client.sent();
    sent_at(&mut client, BEGUN_NS);
    client.http.reach(BEGUN_NS + 3 * PERIOD_NS - 1);
    client.pumps();
    let both: Vec<Vec<u8>> = client.sent().into_iter().map(|sent| sent.payload).collect();
    assert_eq!(
        both,
        [message(0, b"b"), message(0, b"c")],
        "in frames of their own, as is said of their bytes"
    );
    assert_eq!(sent_at(&mut client, BEGUN_NS + 3 * PERIOD_NS), message(0, b"d"));
}

#[test]
fn a_message_whose_moment_comes_while_the_window_is_shut_is_sent_when_it_opens() {
    // Room for one and a half.
    let mut client = pacing(&["a", "b", "c", "d"], &[(INITIAL_WINDOW_SIZE, 9)]);
    assert_eq!(bodies(&client.sent()), message(0, b"a"));
    sent_at(&mut client, BEGUN_NS);
    assert_eq!(sent_at(&mut client, BEGUN_NS + PERIOD_NS), message(0, b"b")[..3]);
    assert!(client.has_unsent(), "it waits for the target");
    assert_eq!(sent_at(&mut client, BEGUN_NS + 2 * PERIOD_NS), b"");
    client.hears(&number(WINDOW_UPDATE, 1, 1000)).unwrap();
    client.pumps();
    assert_eq!(bodies(&client.sent()), message(0, b"b")[3..]);
    assert!(client.http.due_ns() <= BEGUN_NS + 2 * PERIOD_NS, "the moment of the third has passed");
    assert_eq!(sent_at(&mut client, BEGUN_NS + 2 * PERIOD_NS + 5), message(0, b"c"));
    assert_eq!(client.http.due_ns(), BEGUN_NS + 3 * PERIOD_NS, "from the first message on, whatever waited");
    assert_eq!(sent_at(&mut client, BEGUN_NS + 3 * PERIOD_NS), message(0, b"d"));
}

#[test]
fn moments_count_from_when_the_first_message_was_sent() {
    let mut client = pacing(&["a", "b"], &[(INITIAL_WINDOW_SIZE, 0)]);
    assert_eq!(bodies(&client.sent()), b"");
    assert_eq!(client.http.due_ns(), u64::MAX, "nothing is due before it");
    client.hears(&number(WINDOW_UPDATE, 1, 1000)).unwrap();
    client.pumps();
    assert_eq!(bodies(&client.sent()), message(0, b"a"));
    client.http.reach(5 * PERIOD_NS);
    assert_eq!(client.http.due_ns(), 6 * PERIOD_NS);
}

#[test]
fn calls_beside_each_other_keep_their_own_time() {
    let mut client = pacing(&["a", "b"], &[]);
    sent_at(&mut client, BEGUN_NS);
    client.sends();
    sent_at(&mut client, BEGUN_NS + MILLISECOND_NS);
    for (after_ns, stream) in [(PERIOD_NS, 1), (PERIOD_NS + MILLISECOND_NS, 3)] {
        assert_eq!(client.http.due_ns(), BEGUN_NS + after_ns);
        client.http.reach(BEGUN_NS + after_ns);
        client.pumps();
        let sent = client.sent();
        assert_eq!((sent.len(), sent[0].stream, bodies(&sent)), (1, stream, message(0, b"b")));
    }
}

#[test]
fn a_call_that_ends_before_the_moments_of_its_messages_is_given_up() {
    let mut client = pacing(&["a", "b"], &[]);
    sent_at(&mut client, BEGUN_NS);
    client.hears(&[head(1), trailers(1, "8")].concat()).unwrap();
    assert_eq!(names(&client.told()), ["RESOURCE_EXHAUSTED"]);
    let sent = client.sent();
    assert!(matches!(&sent[..], [reset] if reset.frame_type == RST_STREAM), "{sent:?}");
    assert_eq!(sent_at(&mut client, BEGUN_NS + PERIOD_NS), b"");
    assert_eq!(client.http.due_ns(), u64::MAX, "nobody waits for a moment any more");
    client.sends();
}

/// What a reader that has the whole body at once makes of it.
fn expected(body: &[u8], is_unary: bool) -> (usize, Result<(), &'static str>) {
    let (mut rest, mut count) = (body, 0);
    while let Some((prefix, behind)) = rest.split_first_chunk::<5>() {
        let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
        match prefix[0] {
            1 => return (count, Err("compressed")),
            2.. => return (count, Err("begins with a byte")),
            0 if length > 4 << 20 => return (count, Err("longer than 4 MiB")),
            0 if is_unary && count > 0 => return (count, Err("several messages")),
            0 => {}
        }
        let Some(after) = behind.get(length..) else { return (count, Err("longer than the body")) };
        (rest, count) = (after, count + 1);
    }
    match (rest.is_empty(), count) {
        (false, _) => (count, Err("longer than the body")),
        (true, 0) if is_unary => (0, Err("sent no message")),
        (true, _) => (count, Ok(())),
    }
}

/// A body of messages and of what is none.
fn any_body() -> impl Strategy<Value = Vec<u8>> {
    let whole =
        (0_u8..40, 0_usize..60).prop_map(|(flag, size)| message(flag.saturating_sub(37), &vec![b'x'; size]));
    let noise = proptest::collection::vec(any::<u8>(), 0..12);
    let huge = Just(vec![0, 0, 0x40, 0, 1]);
    let part = prop_oneof![12 => whole, 1 => noise, 1 => huge];
    proptest::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_body_in_any_frames_and_pieces_is_what_it_is_as_a_whole(
        body in any_body(),
        is_unary in any::<bool>(),
        frames in proptest::collection::vec(1_usize..40, 1..8),
        pieces in proptest::collection::vec(1_usize..50, 1..8),
    ) {
        let mut client = if is_unary { unary() } else { streaming() };
        let (mut bytes, mut rest, mut sizes) = (head(1), &body[..], frames.iter().cycle());
        while !rest.is_empty() {
            let (part, behind) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
            bytes.extend(data(1, 0, part));
            rest = behind;
        }
        bytes.extend(trailers(1, "0"));
        let (mut rest, mut sizes) = (&bytes[..], pieces.iter().cycle());
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
            client.hears(piece).unwrap();
            rest = behind;
        }
        let told = client.told();
        let (count, outcome) = expected(&body, is_unary);
        prop_assert_eq!(messages(&told), count, "{:?}", told);
        let failed = told.iter().find_map(|told| match told {
            Told::Failed { failure: RequestFailure { why, .. }, .. } => Some(*why),
            _ => None,
        });
        match outcome {
            Ok(()) => prop_assert_eq!(names(&told), ["OK"], "{:?}", told),
            Err(wrong) => prop_assert!(failed.is_some_and(|why| why.contains(wrong)), "{:?} and not {}", told, wrong),
        }
        prop_assert!(told.iter().all(|told| !matches!(told, Told::Message(place, _) if *place != Place::new(0))));
    }
}
