//! However a stream of bytes is cut, the same is told, and it ends for the same reason.

use crate::client::{Client, Told, message};
use crate::target::*;
use engine::plan::{ReplyMatching, SocketMessageKind};
use proptest::prelude::*;

/// A part of what a target sends; `kind` says what.
fn stretch(kind: u8, size: usize, byte: u8) -> Vec<u8> {
    match kind {
        0 => whole(TEXT, "é".repeat(size)),
        1 => whole(BINARY, vec![byte; size]),
        2 => [part(TEXT, "ab😀"), whole(PING, vec![byte; size % 126]), whole(CONTINUATION, "é")].concat(),
        3 => [part(TEXT, &"😀".as_bytes()[..size % 4]), whole(CONTINUATION, &"😀".as_bytes()[size % 4..])]
            .concat(),
        4 => whole(PONG, vec![byte; size % 126]),
        5 => whole(TEXT, format!("{{\"pad\":\"{}\",\"id\":{}}}", "x".repeat(size), byte % 8)),
        6 => [part(TEXT, "{\"id\""), part(CONTINUATION, ""), whole(CONTINUATION, format!(":{}}}", byte % 8))]
            .concat(),
        7 => whole(TEXT, [b'a', byte]),
        8 => vec![byte],
        _ => close(1000 + u16::from(byte), ""),
    }
}

/// What was told when bytes came in pieces of these sizes, over and over; and why it ended, and what the target was told of that.
fn heard(
    matching: &ReplyMatching,
    bytes: &[u8],
    sizes: &[usize],
) -> (Vec<Told>, Option<&'static str>, Vec<Sent>) {
    let step = message(SocketMessageKind::Text, "{\"id\":{{seq}}}");
    let mut client = Client::ready_with(&[step], matching.clone());
    (0..8).for_each(|_| client.sends(0));
    client.taken();
    let (mut rest, mut sizes, mut end, mut sent) = (bytes, sizes.iter().cycle(), None, Vec::new());
    while !rest.is_empty() && end.is_none() {
        let (piece, behind) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
        end = client.hears(piece).err().map(|unusable| unusable.why);
        sent.extend(client.sent());
        rest = behind;
    }
    // Of several pings that come at once not all need be answered.
    sent.retain(|sent| sent.first != FINAL | PONG);
    (client.told(), end, sent)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_split_of_bytes_tells_the_same(
        parts in proptest::collection::vec((0_u8..10, 0_usize..400, any::<u8>()), 1..12),
        sizes in proptest::collection::vec(1_usize..90, 1..12),
        matching in prop_oneof![Just(ReplyMatching::Order), Just(ReplyMatching::Json("/id".into())), Just(ReplyMatching::None)],
    ) {
        let bytes: Vec<u8> = parts.iter().flat_map(|(kind, size, byte)| stretch(*kind, *size, *byte)).collect();
        let whole = heard(&matching, &bytes, &[usize::MAX]);
        for sizes in [&sizes[..], &[1]] {
            prop_assert_eq!(heard(&matching, &bytes, sizes), whole.clone());
        }
    }

    #[test]
    fn an_opening_may_come_in_any_pieces(size in 1_usize..200, behind in 0_usize..3) {
        let step = message(SocketMessageKind::Text, "hello");
        let mut client = Client::new(&[step], ReplyMatching::Order);
        let opening = opening(&client.taken());
        let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
        let stream = [&interim[..], &opening, &whole(TEXT, "welcome").repeat(behind)].concat();
        for piece in stream.chunks(size) {
            client.hears(piece).unwrap();
        }
        prop_assert!(client.is_ready());
        prop_assert_eq!(client.told(), vec![Told::Unasked(9); behind]);
    }
}
