//! However a stream of bytes is cut, the same is told and the same is sent.

use crate::client::{Client, Told, get, options};
use crate::target::*;
use proptest::prelude::*;

/// A part of what a target sends while eight requests are under way; `kind` says what.
fn part(kind: u8, stream: u32, size: usize) -> Vec<u8> {
    let fields = block(&[("server", "test"), ("x", &"y".repeat(size % 100))]);
    match kind {
        0 => headers(stream, 0, &[OK, &fields].concat()),
        1 => headers(stream, END_STREAM, OK),
        2 => data(stream, 0, &vec![b'x'; size]),
        3 => data(stream, END_STREAM, &vec![b'x'; size]),
        4 => frame(DATA, PADDED, stream, &[&[size as u8 % 50][..], &vec![0; 50 + size]].concat()),
        5 => [frame(HEADERS, 0, stream, OK), frame(CONTINUATION, END_HEADERS, stream, &fields)].concat(),
        6 => frame(PING, 0, 0, &[size as u8; 8]),
        7 => settings(&[(3, size as u32), (4, 1_000)]),
        8 => frame(0x77, 1, stream, &vec![1; size]),
        9 => number(RST_STREAM, stream, size as u32 % 16),
        10 => headers(stream, END_STREAM, &[&[0x48, 3][..], b"404", &fields].concat()),
        11 => headers(stream, END_STREAM, &[0xbe]),
        12 => number(WINDOW_UPDATE, 0, 1 + size as u32),
        _ => goaway(stream, 0),
    }
}

/// What was told and sent when bytes came in pieces of these sizes, over and over; and why it ended.
fn heard(bytes: &[u8], sizes: &[usize]) -> (Vec<Told>, Vec<u8>, Option<&'static str>) {
    let mut client = Client::new(&[get()], options());
    client.hears(&settings(&[])).unwrap();
    for _ in 0..8 {
        client.sends();
    }
    client.taken();
    client.told();
    let (mut rest, mut sizes, mut sent) = (bytes, sizes.iter().cycle(), Vec::new());
    let mut end = None;
    while !rest.is_empty() && end.is_none() {
        let (piece, behind) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
        end = client.hears(piece).err().map(|unusable| unusable.why);
        sent.extend(client.taken());
        rest = behind;
    }
    (client.told(), sent, end)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_split_of_bytes_tells_and_sends_the_same(
        parts in proptest::collection::vec((0_u8..14, 0_u32..8, 0_usize..700), 1..30),
        sizes in proptest::collection::vec(1_usize..200, 1..20),
    ) {
        let frames: Vec<Vec<u8>> = parts.iter().map(|(kind, stream, size)| part(*kind, 2 * stream + 1, *size)).collect();
        let bytes = frames.concat();
        let (told, sent, end) = heard(&bytes, &[usize::MAX]);
        for sizes in [&sizes[..], &[1]] {
            let (told_in_pieces, sent_in_pieces, end_in_pieces) = heard(&bytes, sizes);
            prop_assert_eq!(end_in_pieces, end);
            prop_assert_eq!(told_in_pieces, told.clone());
            prop_assert_eq!(sent_in_pieces, sent.clone());
        }
    }
}
