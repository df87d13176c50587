//! However a stream of bytes is cut, the same is told, and it ends for the same reason.

use crate::client::{Client, Told};
use proptest::prelude::*;

const ENDS: [&str; 9] = [
    "delimiter:\\n",
    "delimiter:\\r\\n",
    "delimiter:ab\\0ab",
    "length:be16",
    "length:le16",
    "length:be32",
    "length:le32",
    "bytes:7",
    "close",
];

/// What is told when bytes come in pieces of these sizes, over and over; and why it ended.
fn heard(ends: &str, greets: bool, bytes: &[u8], sizes: &[usize]) -> (Vec<Told>, &'static str) {
    let mut client = Client::new(ends, greets);
    (0..6).for_each(|_| drop(client.sends()));
    let (mut rest, mut sizes, mut refused) = (bytes, sizes.iter().cycle(), None);
    while !rest.is_empty() && refused.is_none() {
        let (piece, behind) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
        refused = client.hears_or_discards(piece).err();
        rest = behind;
    }
    let unusable = refused.unwrap_or_else(|| client.is_closed());
    // What nobody asked for is counted as it comes.
    let told = client.told().into_iter().filter(|told| matches!(told, Told::Response(_)));
    (told.collect(), unusable.why)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_split_of_bytes_tells_the_same(
        bytes in proptest::collection::vec(prop_oneof![
            3 => Just(0_u8), 2 => Just(b'a'), 2 => Just(b'b'), 2 => Just(b'\n'), 1 => Just(b'\r'), 2 => 1_u8..9, 1 => any::<u8>()
        ], 0..300),
        sizes in proptest::collection::vec(1_usize..40, 1..9),
        ends in proptest::sample::select(&ENDS[..]),
        greets in any::<bool>(),
    ) {
        let greets = greets && ends != "close";
        let whole = heard(ends, greets, &bytes, &[usize::MAX]);
        for sizes in [&sizes[..], &[1]] {
            prop_assert_eq!(heard(ends, greets, &bytes, sizes), whole.clone());
        }
    }
}
