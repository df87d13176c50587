//! What is handed on of responses that are looked at: fields and bodies, each of its own stream, however the bytes are cut.

use crate::client::{get, options, step};
use crate::target::*;
use engine::bucket::Arrival;
use engine::mix::Mix;
use engine::outbox::Outbox;
use engine::outcome::Outcome;
use engine::random::Draws;
use engine::seams::{Call, End, EndedAt, Source, StepFacts};
use proptest::prelude::*;
use std::collections::BTreeMap;
use vajra_shards::protocol::http2::{Http2, Http2Options, Http2Shared, encode};
use vajra_shards::protocol::{Events, Place, Protocol, RequestFailure, Response, Sending};

/// Steps of which the first is looked at, and the second is not.
struct LookingSource {
    mix: Mix,
    facts: Vec<StepFacts>,
}

impl Source for LookingSource {
    const MAY_CONTINUE: bool = true;

    fn steps(&self) -> &[StepFacts] {
        &self.facts
    }

    fn begin(&mut self, arrival: Arrival) -> Call {
        self.mix.begin(arrival)
    }

    fn render(&mut self, call: Call, number: u64, out: &mut Outbox<'_>) {
        self.mix.render(call, number, out);
    }

    fn end(&mut self, call: Call, end: End, at: EndedAt) -> Outcome {
        self.mix.end(call, end, at)
    }
}

/// What came of one request.
#[derive(Clone, Debug, Default, PartialEq)]
struct SeenResponse {
    fields: Vec<(String, String)>,
    body: Vec<u8>,
    /// Its status, once it was complete; 0 where it failed.
    status: Option<u16>,
}

#[derive(Default)]
struct SeenResponses(BTreeMap<u32, SeenResponse>);

impl SeenResponses {
    fn of(&mut self, place: Place) -> &mut SeenResponse {
        // Places are the numbers of requests here.
        let number = (0..64).find(|number| Place::new(*number) == place).expect("a place that was given");
        let seen = self.0.entry(number).or_default();
        assert_eq!(seen.status, None, "nothing comes behind a response's end");
        seen
    }
}

impl Events for SeenResponses {
    const MAY_LOOK: bool = true;

    fn oldest(&self) -> Option<(Place, &StepFacts)> {
        panic!("responses say whose they are");
    }

    fn response(&mut self, place: Place, response: Response) {
        self.of(place).status = Some(response.code);
    }

    fn failed(&mut self, place: Place, _failure: RequestFailure) {
        self.of(place).status = Some(0);
    }

    fn unasked(&mut self, _bytes: u64) {}

    fn field(&mut self, place: Place, name: &[u8], value: &[u8]) {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        self.of(place).fields.push((text(name), text(value)));
    }

    fn body(&mut self, place: Place, bytes: &[u8]) {
        assert!(!bytes.is_empty(), "a piece has something in it");
        self.of(place).body.extend_from_slice(bytes);
    }
}

/// What came of requests of these steps, of a target that says this, in pieces of these sizes.
fn seen(steps: &[u32], bytes: &[u8], sizes: &[usize]) -> BTreeMap<u32, SeenResponse> {
    seen_with(options(), steps, bytes, sizes).0
}

/// The same, and what was sent meanwhile.
fn seen_with(
    options: Http2Options,
    steps: &[u32],
    bytes: &[u8],
    sizes: &[usize],
) -> (BTreeMap<u32, SeenResponse>, Vec<Sent>) {
    let encoded = |_| encode(&step(get(), 1), "http", "h:80").unwrap();
    let (of_mix, requests): (Vec<_>, Vec<_>) = (0..2).map(encoded).unzip();
    let mut shared = Http2Shared::new(requests, options);
    let facts = |is_looked_at| StepFacts { constant: None, bytes_max: 0, is_bodyless: false, is_looked_at };
    let mut source =
        LookingSource { mix: Mix::new(of_mix, Draws::new(1, 0)), facts: vec![facts(true), facts(false)] };
    let mut memory = vec![0; shared.outbox_bytes()];
    let (mut filled, mut on) = (0, SeenResponses::default());
    let mut http = Http2::new(&shared);
    http.opened(&mut shared, &mut Outbox::new(&mut memory, &mut filled)).unwrap();
    let mut hello = settings(&[]);
    http.receive(&mut shared, &mut hello, &mut Outbox::new(&mut memory, &mut filled), &mut on).unwrap();
    filled = 0;
    for (number, step) in steps.iter().enumerate() {
        let call = Call { step: *step, session: number as u32 };
        let request = Sending { call, number: number as u64, place: Place::new(number as u32) };
        http.send(&mut shared, &mut source, request, &mut Outbox::new(&mut memory, &mut filled)).unwrap();
    }
    filled = 0;
    let (mut rest, mut sizes, mut sent) = (bytes, sizes.iter().cycle(), Vec::new());
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
        let mut out = Outbox::new(&mut memory, &mut filled);
        http.receive(&mut shared, &mut piece.to_vec(), &mut out, &mut on).unwrap();
        sent.extend(taken_apart(&memory[..filled]));
        filled = 0;
        rest = behind;
    }
    (on.0, sent)
}

fn whole(steps: &[u32], bytes: &[u8]) -> BTreeMap<u32, SeenResponse> {
    seen(steps, bytes, &[usize::MAX])
}

fn fields(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn fields_and_bodies_are_handed_on_without_interim_responses_trailers_and_padding() {
    let early = [&[0x08, 3][..], b"103", &block(&[("link", "early")])].concat();
    let head = [OK, &block(&[("x", "1"), ("set-cookie", "a=b"), ("set-cookie", "c=d")])].concat();
    let padded = frame(DATA, PADDED, 1, b"\x04defPPPP");
    let bytes = [
        headers(1, 0, &early),
        headers(1, 0, &head),
        data(1, 0, b"abc"),
        padded,
        headers(1, END_STREAM, &block(&[("trailer", "no")])),
    ]
    .concat();
    for sizes in [&[usize::MAX][..], &[1], &[7, 2]] {
        let came = seen(&[0], &bytes, sizes);
        let expected = SeenResponse {
            fields: fields(&[("x", "1"), ("set-cookie", "a=b"), ("set-cookie", "c=d")]),
            body: b"abcdef".to_vec(),
            status: Some(200),
        };
        assert_eq!(came[&0], expected, "in pieces of {sizes:?}");
    }
}

#[test]
fn a_header_block_that_came_before_is_handed_on_each_time() {
    // With an insertion into the table, which is put off where nobody looks, and then referred to.
    let inserts = [OK, &[0x40, 1, b'n', 1, b'v']].concat();
    let bytes = [
        headers(1, END_STREAM, &inserts),
        headers(3, END_STREAM, &inserts),
        headers(5, END_STREAM, &inserts),
        headers(7, END_STREAM, &[0x88, 0xbe]),
        headers(9, END_STREAM, &[0x88, 0xbe]),
    ]
    .concat();
    let came = whole(&[1, 0, 0, 1, 0], &bytes);
    for number in [1, 2, 4] {
        assert_eq!(came[&number].fields, fields(&[("n", "v")]), "request {number}");
    }
    for number in [0, 3] {
        assert_eq!(came[&number].fields, [], "nobody looks at request {number}");
    }
}

#[test]
fn nothing_is_handed_on_of_a_stream_that_broke_the_standard() {
    let short = [OK, &block(&[("content-length", "2")])].concat();
    let bytes =
        [headers(1, 0, &short), data(1, 0, b"abc"), data(1, END_STREAM, b"d"), empty_response(3)].concat();
    let came = whole(&[0, 0], &bytes);
    assert_eq!((came[&0].status, came[&0].body.len()), (Some(0), 0));
    assert_eq!(came[&1].status, Some(200));
}

#[test]
fn windows_are_filled_again_while_a_body_is_looked_at() {
    let piece = vec![b'x'; 16 << 10];
    let mut bytes = headers(1, 0, OK);
    (0..20).for_each(|_| bytes.extend(data(1, 0, &piece)));
    bytes.extend(data(1, END_STREAM, b"end"));
    let narrow = Http2Options { window_bytes: 64 << 10, ..options() };
    let (came, sent) = seen_with(narrow, &[0], &bytes, &[1 << 10]);
    assert_eq!(came[&0].body.len(), 20 * piece.len() + 3);
    let refilled: Vec<u32> =
        sent.iter().filter(|sent| sent.frame_type == WINDOW_UPDATE).map(|sent| sent.stream).collect();
    assert!(refilled.contains(&0) && refilled.contains(&1), "{refilled:?}");
}

/// A part of the response to a request: what is sent of it.
fn piece(stream: u32, body: &[u8], padding: Option<u8>, is_last: bool) -> Vec<u8> {
    let end = if is_last { END_STREAM } else { 0 };
    match padding {
        None => data(stream, end, body),
        Some(padding) => {
            let behind = vec![0; padding.into()];
            frame(DATA, end | PADDED, stream, &[&[padding][..], body, &behind].concat())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_split_of_interleaved_responses_is_handed_on_as_it_was_sent(
        responses in proptest::collection::vec(
            (
                0_u32..2,
                proptest::collection::vec("[a-z]{1,9}", 0..4),
                proptest::collection::vec(
                    (proptest::collection::vec(any::<u8>(), 0..60), proptest::option::of(0_u8..20)), 1..6),
            ),
            1..8,
        ),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 64),
        sizes in proptest::collection::vec(1_usize..50, 1..20),
    ) {
        let steps: Vec<u32> = responses.iter().map(|(step, ..)| *step).collect();
        // The frames of each response, in order, mixed with those of the others.
        let mut frames: Vec<Vec<Vec<u8>>> = Vec::new();
        for (number, (_, values, pieces)) in responses.iter().enumerate() {
            let stream = 2 * number as u32 + 1;
            let list: Vec<(&str, &str)> = values.iter().map(|value| ("x", value.as_str())).collect();
            let mut of_response = vec![headers(stream, 0, &[OK, &block(&list)].concat())];
            let last = pieces.len() - 1;
            of_response.extend(
                pieces.iter().enumerate().map(|(at, (body, padding))| piece(stream, body, *padding, at == last)));
            of_response.reverse();
            frames.push(of_response);
        }
        let (mut bytes, mut turn) = (Vec::new(), order.iter().cycle());
        while frames.iter().any(|left| !left.is_empty()) {
            let open: Vec<usize> = (0..frames.len()).filter(|at| !frames[*at].is_empty()).collect();
            let at = open[turn.next().unwrap().index(open.len())];
            bytes.extend(frames[at].pop().unwrap());
        }
        for sizes in [&sizes[..], &[usize::MAX], &[1]] {
            let came = seen(&steps, &bytes, sizes);
            for (number, (step, values, pieces)) in responses.iter().enumerate() {
                let is_looked_at = *step == 0;
                let mut expected = SeenResponse { status: Some(200), ..SeenResponse::default() };
                if is_looked_at {
                    expected.fields = values.iter().map(|value| ("x".to_owned(), value.clone())).collect();
                    expected.body = pieces.iter().flat_map(|(body, _)| body.clone()).collect();
                }
                prop_assert_eq!(&came[&(number as u32)], &expected);
            }
        }
    }
}
