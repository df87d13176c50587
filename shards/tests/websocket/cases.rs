//! What RFC 6455 asks of a client, case by case.
//!
//! The list is that which Autobahn's fuzzing server puts to clients, written out anew, each under its number there. Every case is told as a whole, then byte by byte, and in pieces between.

use crate::client::Client;
use crate::target::*;
use engine::code::REPLIED;
use engine::outcome::Kind;
use vajra_shards::protocol::websocket::MESSAGE_BYTES_MAX;

/// Tells a client the same bytes in pieces of several sizes, each time from the beginning, and lets the case judge.
fn in_all_pieces(bytes: &[u8], judge: impl Fn(Client, Result<(), vajra_shards::protocol::Unusable>)) {
    // A byte at a time is slow for the longest, which are cut all the same.
    let sizes = if bytes.len() > 300_000 { vec![usize::MAX, 65_537] } else { vec![usize::MAX, 1, 2, 997] };
    for size in sizes {
        let mut client = Client::asking(4);
        let mut end = Ok(());
        for piece in bytes.chunks(size.min(bytes.len().max(1))) {
            end = client.hears(piece);
            if end.is_err() {
                break;
            }
        }
        judge(client, end);
    }
}

/// So many replies, nothing sent in answer, and the connection goes on.
fn replies(bytes: impl AsRef<[u8]>, count: usize) {
    in_all_pieces(bytes.as_ref(), |mut client, end| {
        end.expect("the connection goes on");
        assert_eq!(client.sent(), []);
        let expected: Vec<(u32, u16)> = (0..count as u32).map(|number| (number, REPLIED)).collect();
        assert_eq!(client.replies(), expected);
        client.hears(&whole(TEXT, "more")).expect("the next message is taken");
        assert_eq!(client.replies().len(), 1);
    });
}

/// These pongs, so many replies, and the connection goes on.
fn pongs(bytes: impl AsRef<[u8]>, payloads: &[&[u8]], count: usize) {
    in_all_pieces(bytes.as_ref(), |mut client, end| {
        end.expect("the connection goes on");
        let pong = |payload: &&[u8]| Sent { first: FINAL | PONG, payload: payload.to_vec() };
        assert_eq!(client.sent(), payloads.iter().map(pong).collect::<Vec<_>>());
        assert_eq!(client.replies().len(), count);
    });
}

/// The connection is closed by us, with this code and for this reason, after so many replies.
fn fails(bytes: impl AsRef<[u8]>, code: u16, why: &str, count: usize) {
    in_all_pieces(bytes.as_ref(), |mut client, end| {
        let unusable = end.expect_err("the connection cannot be used any further");
        assert_eq!(unusable.kind, Kind::Protocol, "{}", unusable.why);
        assert!(unusable.why.contains(why), "{}", unusable.why);
        let close = Sent { first: FINAL | CLOSE, payload: code.to_be_bytes().into() };
        assert_eq!(client.sent().pop(), Some(close));
        assert_eq!(client.replies().len(), count);
        client.hears(&whole(TEXT, "late")).expect("what follows is not looked at");
        assert_eq!(client.told(), []);
    });
}

/// The target closes by this code, after so many replies, and has it back; all that is under way has it for a reply.
fn closes(bytes: impl AsRef<[u8]>, code: u16, count: usize) {
    in_all_pieces(bytes.as_ref(), |mut client, end| {
        assert_eq!(end.expect_err("it is closed").kind, Kind::Eof);
        let payload = if code == 1005 { Vec::new() } else { code.to_be_bytes().into() };
        assert_eq!(client.sent().pop(), Some(Sent { first: FINAL | CLOSE, payload }));
        let codes: Vec<u16> = client.replies().into_iter().map(|(_, code)| code).collect();
        assert_eq!(codes, [vec![REPLIED; count], vec![code; 4 - count]].concat());
    });
}

macro_rules! cases {
    ($($(#[$about:meta])* $name:ident: $judge:ident($($argument:expr),*);)*) => {
        $($(#[$about])* #[test] fn $name() { $judge($($argument),*); })*
    };
}

const PROTOCOL_ERROR: u16 = 1002;
const INVALID_DATA: u16 = 1007;
const TOO_BIG: u16 = 1009;

// 1: frames of every length.
cases! {
    case_1_1_1_an_empty_text: replies(whole(TEXT, ""), 1);
    case_1_1_2_a_text_of_125_bytes: replies(whole(TEXT, [b'*'; 125]), 1);
    case_1_1_3_a_text_of_126_bytes: replies(whole(TEXT, [b'*'; 126]), 1);
    case_1_1_4_a_text_of_127_bytes: replies(whole(TEXT, [b'*'; 127]), 1);
    case_1_1_5_a_text_of_128_bytes: replies(whole(TEXT, [b'*'; 128]), 1);
    case_1_1_6_a_text_of_65535_bytes: replies(whole(TEXT, [b'*'; 65_535]), 1);
    case_1_1_7_a_text_of_65536_bytes: replies(whole(TEXT, [b'*'; 65_536]), 1);
    case_1_2_1_an_empty_binary: replies(whole(BINARY, ""), 1);
    case_1_2_2_a_binary_of_125_bytes: replies(whole(BINARY, [0xfe; 125]), 1);
    case_1_2_3_a_binary_of_126_bytes: replies(whole(BINARY, [0xfe; 126]), 1);
    case_1_2_4_a_binary_of_127_bytes: replies(whole(BINARY, [0xfe; 127]), 1);
    case_1_2_5_a_binary_of_128_bytes: replies(whole(BINARY, [0xfe; 128]), 1);
    case_1_2_6_a_binary_of_65535_bytes: replies(whole(BINARY, [0xfe; 65_535]), 1);
    case_1_2_7_a_binary_of_65536_bytes: replies(whole(BINARY, [0xfe; 65_536]), 1);
    several_messages_in_one_piece: replies(whole(TEXT, "a").repeat(3), 3);
}

// Lengths in forms that they must not have (section 5.2), and frames that only a client may send.
cases! {
    a_length_in_two_bytes_that_one_could_hold: fails([FINAL | TEXT, 126, 0, 125], PROTOCOL_ERROR, "longer form", 0);
    a_length_in_eight_bytes_that_two_could_hold: fails([FINAL | TEXT, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], PROTOCOL_ERROR, "longer form", 0);
    a_length_with_its_highest_bit: fails([FINAL | BINARY, 127, 0x80, 0, 0, 0, 0, 1, 0, 0], PROTOCOL_ERROR, "highest bit", 0);
    a_masked_frame: fails([FINAL | TEXT, 0x81, 1, 2, 3, 4, b'x'], PROTOCOL_ERROR, "masked", 0);
    a_masked_frame_of_control: fails([FINAL | PING, 0x80, 1, 2, 3, 4], PROTOCOL_ERROR, "masked", 0);
    a_frame_longer_than_any_message: fails([FINAL | BINARY, 127, 0, 0, 0, 0, 1, 0, 0, 1], TOO_BIG, "16 MiB", 0);
    fragments_that_are_too_long_together: fails([part(BINARY, vec![0; 65_536]), vec![FINAL, 127, 0, 0, 0, 0, 1, 0, 0, 0]].concat(), TOO_BIG, "16 MiB", 0);
}

#[test]
fn case_9_2_6_a_message_as_long_as_any_may_be() {
    replies(whole(BINARY, vec![7; MESSAGE_BYTES_MAX as usize]), 1);
}

#[test]
fn case_9_4_9_a_message_as_long_in_fragments() {
    let half = vec![7; MESSAGE_BYTES_MAX as usize / 2];
    replies([part(BINARY, &half), whole(CONTINUATION, &half)].concat(), 1);
}

// 2: pings and pongs.
cases! {
    case_2_1_a_ping_without_payload: pongs(whole(PING, ""), &[b""], 0);
    case_2_2_a_ping_with_text: pongs(whole(PING, "Hello, world!"), &[b"Hello, world!"], 0);
    case_2_3_a_ping_with_bytes: pongs(whole(PING, [0, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0, 0xff]), &[&[0, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0, 0xff]], 0);
    case_2_4_a_ping_with_125_bytes: pongs(whole(PING, [0xfe; 125]), &[&[0xfe; 125]], 0);
    case_2_5_a_ping_with_126_bytes: fails([&[FINAL | PING, 126, 0, 126][..], &[0xfe; 126]].concat(), PROTOCOL_ERROR, "longer than 125", 0);
    case_2_7_a_pong_that_nobody_asked_for: replies(whole(PONG, ""), 0);
    case_2_8_a_pong_with_payload_that_nobody_asked_for: replies(whole(PONG, "unsolicited pong payload"), 0);
    case_2_9_a_pong_and_then_a_ping: pongs([whole(PONG, "unsolicited"), whole(PING, "ping payload")].concat(), &[b"ping payload"], 0);
    case_2_10_ten_pings: pongs((0..10).flat_map(|number| whole(PING, [number])).collect::<Vec<u8>>(), &[&[0], &[1], &[2], &[3], &[4], &[5], &[6], &[7], &[8], &[9]], 0);
}

// 3: reserved bits.
cases! {
    case_3_1_a_text_with_the_third_reserved_bit: fails(frame(FINAL | 0x10 | TEXT, b"Hello"), PROTOCOL_ERROR, "reserved bit", 0);
    case_3_2_the_second_after_a_good_message: fails([whole(TEXT, "Hello"), frame(FINAL | 0x20 | TEXT, b"Hello"), whole(PING, "")].concat(), PROTOCOL_ERROR, "reserved bit", 1);
    case_3_3_both_of_them: fails([whole(TEXT, "Hello"), frame(FINAL | 0x30 | TEXT, b"Hello"), whole(PING, "")].concat(), PROTOCOL_ERROR, "reserved bit", 1);
    case_3_4_the_first: fails([whole(TEXT, "Hello"), frame(FINAL | 0x40 | TEXT, b"Hello"), whole(PING, "")].concat(), PROTOCOL_ERROR, "reserved bit", 1);
    case_3_5_a_binary_with_the_first_and_third: fails(frame(FINAL | 0x50 | BINARY, &[0; 8]), PROTOCOL_ERROR, "reserved bit", 0);
    case_3_6_a_ping_with_the_first_and_second: fails(frame(FINAL | 0x60 | PING, b"ping"), PROTOCOL_ERROR, "reserved bit", 0);
    case_3_7_a_close_with_all: fails(frame(FINAL | 0x70 | CLOSE, &[0x03, 0xe8]), PROTOCOL_ERROR, "reserved bit", 0);
    a_continuation_with_a_reserved_bit: fails([part(TEXT, "a"), frame(FINAL | 0x40, b"b")].concat(), PROTOCOL_ERROR, "reserved bit", 0);
}

// 4: reserved opcodes.
cases! {
    case_4_1_1_opcode_3: fails(whole(3, ""), PROTOCOL_ERROR, "opcode", 0);
    case_4_1_2_opcode_4_with_payload: fails(whole(4, "reserved opcode payload"), PROTOCOL_ERROR, "opcode", 0);
    case_4_1_3_opcode_5_after_a_message: fails([whole(TEXT, "Hello"), whole(5, ""), whole(PING, "")].concat(), PROTOCOL_ERROR, "opcode", 1);
    case_4_1_4_opcode_6_after_a_message: fails([whole(TEXT, "Hello"), whole(6, "Hello"), whole(PING, "")].concat(), PROTOCOL_ERROR, "opcode", 1);
    case_4_1_5_opcode_7_after_a_message: fails([whole(TEXT, "Hello"), whole(7, "Hello"), whole(PING, "")].concat(), PROTOCOL_ERROR, "opcode", 1);
    case_4_2_1_opcode_11: fails(whole(11, ""), PROTOCOL_ERROR, "opcode", 0);
    case_4_2_2_opcode_12_with_payload: fails(whole(12, "reserved"), PROTOCOL_ERROR, "opcode", 0);
    case_4_2_3_opcode_13_after_a_message: fails([whole(TEXT, "Hello"), whole(13, ""), whole(PING, "")].concat(), PROTOCOL_ERROR, "opcode", 1);
    case_4_2_4_opcode_14_after_a_message: fails([whole(TEXT, "Hello"), whole(14, "x"), whole(PING, "")].concat(), PROTOCOL_ERROR, "opcode", 1);
    case_4_2_5_opcode_15_after_a_message: fails([whole(TEXT, "Hello"), whole(15, "x"), whole(PING, "")].concat(), PROTOCOL_ERROR, "opcode", 1);
}

// 5: fragments.
cases! {
    case_5_1_a_ping_in_fragments: fails([part(PING, "frag"), whole(CONTINUATION, "ment")].concat(), PROTOCOL_ERROR, "control is in fragments", 0);
    case_5_2_a_pong_in_fragments: fails([part(PONG, "frag"), whole(CONTINUATION, "ment")].concat(), PROTOCOL_ERROR, "control is in fragments", 0);
    a_close_in_fragments: fails(part(CLOSE, [3, 0xe8]), PROTOCOL_ERROR, "control is in fragments", 0);
    case_5_3_a_text_in_two_fragments: replies([part(TEXT, "fragment1"), whole(CONTINUATION, "fragment2")].concat(), 1);
    case_5_6_a_ping_between_two_fragments: pongs([part(TEXT, "fragment1"), whole(PING, "ping"), whole(CONTINUATION, "fragment2")].concat(), &[b"ping"], 1);
    case_5_9_a_continuation_of_nothing_that_is_the_last: fails([whole(CONTINUATION, "x"), whole(TEXT, "Hello")].concat(), PROTOCOL_ERROR, "has not begun", 0);
    case_5_12_a_continuation_of_nothing_that_is_not: fails([part(CONTINUATION, "x"), whole(TEXT, "Hello")].concat(), PROTOCOL_ERROR, "has not begun", 0);
    case_5_15_a_continuation_behind_the_last: fails([part(TEXT, "a"), whole(CONTINUATION, "b"), part(CONTINUATION, "c"), whole(TEXT, "d")].concat(), PROTOCOL_ERROR, "has not begun", 1);
    case_5_16_continuations_of_nothing_and_texts_in_turn: fails([part(CONTINUATION, "a"), part(TEXT, "b"), whole(CONTINUATION, "c")].concat().repeat(2), PROTOCOL_ERROR, "has not begun", 0);
    case_5_17_last_continuations_of_nothing_in_turn: fails([whole(CONTINUATION, "a"), part(TEXT, "b"), whole(CONTINUATION, "c")].concat().repeat(2), PROTOCOL_ERROR, "has not begun", 0);
    case_5_18_a_text_within_a_text: fails([part(TEXT, "fragment1"), whole(TEXT, "fragment2")].concat(), PROTOCOL_ERROR, "before the one before it has ended", 0);
    a_binary_within_a_text: fails([part(TEXT, "fragment1"), part(BINARY, "fragment2")].concat(), PROTOCOL_ERROR, "before the one before it has ended", 0);
    case_5_19_five_fragments_with_pings_between: pongs([part(TEXT, "1"), part(CONTINUATION, "2"), whole(PING, "a"), part(CONTINUATION, "3"), part(CONTINUATION, "4"), whole(PING, "b"), whole(CONTINUATION, "5")].concat(), &[b"a", b"b"], 1);
    fragments_without_payload: replies([part(BINARY, ""), part(CONTINUATION, ""), whole(CONTINUATION, "")].concat(), 1);
    case_9_3_1_a_message_in_many_fragments: replies([part(BINARY, [1; 64]), part(CONTINUATION, [2; 64]).repeat(1_000), whole(CONTINUATION, "")].concat(), 1);
}

const KOSME: &[u8] = "κόσμε".as_bytes();

// 6: UTF-8.
cases! {
    case_6_1_1_a_text_without_payload: replies(whole(TEXT, ""), 1);
    case_6_1_2_three_fragments_without_payload: replies([part(TEXT, ""), part(CONTINUATION, ""), whole(CONTINUATION, "")].concat(), 1);
    case_6_1_3_payload_in_the_middle_fragment: replies([part(TEXT, ""), part(CONTINUATION, "middle"), whole(CONTINUATION, "")].concat(), 1);
    case_6_2_1_a_text_of_many_characters: replies(whole(TEXT, "Hello-µ@ßöäüàá-UTF-8!!"), 1);
    case_6_2_2_split_between_characters: replies([part(TEXT, "Hello-µ@ßöä"), whole(CONTINUATION, "üàá-UTF-8!!")].concat(), 1);
    case_6_2_3_a_fragment_for_each_byte: replies([part(TEXT, ""), "Hello-µ@ß!!".bytes().flat_map(|byte| part(CONTINUATION, [byte])).collect(), whole(CONTINUATION, "")].concat(), 1);
    case_6_2_4_a_fragment_for_each_byte_of_greek: replies([part(TEXT, ""), KOSME.iter().flat_map(|byte| part(CONTINUATION, [*byte])).collect(), whole(CONTINUATION, "")].concat(), 1);
    case_6_3_1_a_surrogate_in_the_middle: fails(whole(TEXT, [KOSME, &[0xed, 0xa0, 0x80], b"edited"].concat()), INVALID_DATA, "not UTF-8", 0);
    case_6_3_2_the_same_by_fragments_of_a_byte: fails([part(TEXT, ""), [KOSME, &[0xed, 0xa0, 0x80]].concat().iter().flat_map(|byte| part(CONTINUATION, [*byte])).collect()].concat(), INVALID_DATA, "not UTF-8", 0);
    case_6_4_1_a_wrong_fragment_before_the_last: fails([part(TEXT, KOSME), part(CONTINUATION, [0xf4, 0x90, 0x80, 0x80])].concat(), INVALID_DATA, "not UTF-8", 0);
    case_6_4_2_a_character_that_cannot_be_one_any_more: fails([part(TEXT, [KOSME, &[0xf4]].concat()), part(CONTINUATION, [0x90])].concat(), INVALID_DATA, "not UTF-8", 0);
    /// The frame has not ended: what is wrong is told at the byte.
    case_6_4_3_a_wrong_byte_in_a_frame_that_is_still_coming: fails(&whole(TEXT, [KOSME, &[0xf4, 0x90], b"edited"].concat())[..2 + KOSME.len() + 2], INVALID_DATA, "not UTF-8", 0);
    case_6_5_1_greek: replies(whole(TEXT, KOSME), 1);
    case_6_6_1_a_character_without_its_end: fails(whole(TEXT, [0xce]), INVALID_DATA, "not UTF-8", 0);
    case_6_6_2_a_whole_character: replies(whole(TEXT, [0xce, 0xba]), 1);
    case_6_6_3_two_of_three_bytes_behind_one: fails(whole(TEXT, [0xce, 0xba, 0xe1, 0xbd]), INVALID_DATA, "not UTF-8", 0);
    case_6_6_11_all_but_the_last_byte: fails(whole(TEXT, &KOSME[..KOSME.len() - 1]), INVALID_DATA, "not UTF-8", 0);
    a_character_cut_by_the_end_of_its_message: fails([part(TEXT, "a"), whole(CONTINUATION, [0xe2, 0x82])].concat(), INVALID_DATA, "not UTF-8", 0);
    case_6_7_1_the_first_of_one_byte: replies(whole(TEXT, [0x00]), 1);
    case_6_7_2_the_first_of_two_bytes: replies(whole(TEXT, [0xc2, 0x80]), 1);
    case_6_7_3_the_first_of_three_bytes: replies(whole(TEXT, [0xe0, 0xa0, 0x80]), 1);
    case_6_7_4_the_first_of_four_bytes: replies(whole(TEXT, [0xf0, 0x90, 0x80, 0x80]), 1);
    case_6_8_1_of_five_bytes: fails(whole(TEXT, [0xf8, 0x88, 0x80, 0x80, 0x80]), INVALID_DATA, "not UTF-8", 0);
    case_6_8_2_of_six_bytes: fails(whole(TEXT, [0xfc, 0x84, 0x80, 0x80, 0x80, 0x80]), INVALID_DATA, "not UTF-8", 0);
    case_6_9_1_the_last_of_one_byte: replies(whole(TEXT, [0x7f]), 1);
    case_6_9_2_the_last_of_two_bytes: replies(whole(TEXT, [0xdf, 0xbf]), 1);
    case_6_9_3_the_last_of_three_bytes: replies(whole(TEXT, [0xef, 0xbf, 0xbf]), 1);
    case_6_9_4_the_last_of_four_bytes: replies(whole(TEXT, [0xf4, 0x8f, 0xbf, 0xbf]), 1);
    case_6_10_1_beyond_the_last: fails(whole(TEXT, [0xf7, 0xbf, 0xbf, 0xbf]), INVALID_DATA, "not UTF-8", 0);
    case_6_10_2_of_five_bytes_the_last: fails(whole(TEXT, [0xfb, 0xbf, 0xbf, 0xbf, 0xbf]), INVALID_DATA, "not UTF-8", 0);
    case_6_11_1_before_the_surrogates: replies(whole(TEXT, [0xed, 0x9f, 0xbf]), 1);
    case_6_11_2_behind_the_surrogates: replies(whole(TEXT, [0xee, 0x80, 0x80]), 1);
    case_6_11_3_the_replacement_character: replies(whole(TEXT, [0xef, 0xbf, 0xbd]), 1);
    case_6_11_4_at_the_end_of_all: replies(whole(TEXT, [0xf4, 0x8f, 0xbf, 0xbf]), 1);
    case_6_11_5_one_behind_it: fails(whole(TEXT, [0xf4, 0x90, 0x80, 0x80]), INVALID_DATA, "not UTF-8", 0);
    case_6_12_1_a_continuation_byte_alone: fails(whole(TEXT, [0x80]), INVALID_DATA, "not UTF-8", 0);
    case_6_12_2_the_last_of_them: fails(whole(TEXT, [0xbf]), INVALID_DATA, "not UTF-8", 0);
    case_6_12_8_all_of_them: fails(whole(TEXT, (0x80..=0xbf).collect::<Vec<u8>>()), INVALID_DATA, "not UTF-8", 0);
    case_6_13_1_beginnings_of_two_without_ends: fails(whole(TEXT, (0xc0..=0xdf).flat_map(|byte| [byte, b' ']).collect::<Vec<u8>>()), INVALID_DATA, "not UTF-8", 0);
    case_6_13_2_beginnings_of_three_without_ends: fails(whole(TEXT, (0xe0..=0xef).flat_map(|byte| [byte, b' ']).collect::<Vec<u8>>()), INVALID_DATA, "not UTF-8", 0);
    case_6_14_1_two_without_the_last: fails(whole(TEXT, [0xc0]), INVALID_DATA, "not UTF-8", 0);
    case_6_14_2_three_without_the_last: fails(whole(TEXT, [0xe0, 0x80]), INVALID_DATA, "not UTF-8", 0);
    case_6_14_3_four_without_the_last: fails(whole(TEXT, [0xf0, 0x80, 0x80]), INVALID_DATA, "not UTF-8", 0);
    case_6_16_1_the_byte_fe: fails(whole(TEXT, [0xfe]), INVALID_DATA, "not UTF-8", 0);
    case_6_16_2_the_byte_ff: fails(whole(TEXT, [0xff]), INVALID_DATA, "not UTF-8", 0);
    case_6_17_1_a_slash_in_two_bytes: fails(whole(TEXT, [0xc0, 0xaf]), INVALID_DATA, "not UTF-8", 0);
    case_6_17_2_a_slash_in_three_bytes: fails(whole(TEXT, [0xe0, 0x80, 0xaf]), INVALID_DATA, "not UTF-8", 0);
    case_6_17_3_a_slash_in_four_bytes: fails(whole(TEXT, [0xf0, 0x80, 0x80, 0xaf]), INVALID_DATA, "not UTF-8", 0);
    case_6_18_1_the_longest_of_two_that_one_could_hold: fails(whole(TEXT, [0xc1, 0xbf]), INVALID_DATA, "not UTF-8", 0);
    case_6_18_2_the_longest_of_three_that_two_could_hold: fails(whole(TEXT, [0xe0, 0x9f, 0xbf]), INVALID_DATA, "not UTF-8", 0);
    case_6_18_3_the_longest_of_four_that_three_could_hold: fails(whole(TEXT, [0xf0, 0x8f, 0xbf, 0xbf]), INVALID_DATA, "not UTF-8", 0);
    case_6_19_1_zero_in_two_bytes: fails(whole(TEXT, [0xc0, 0x80]), INVALID_DATA, "not UTF-8", 0);
    case_6_20_1_the_first_surrogate: fails(whole(TEXT, [0xed, 0xa0, 0x80]), INVALID_DATA, "not UTF-8", 0);
    case_6_20_7_the_last_surrogate: fails(whole(TEXT, [0xed, 0xbf, 0xbf]), INVALID_DATA, "not UTF-8", 0);
    case_6_21_1_a_pair_of_surrogates: fails(whole(TEXT, [0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80]), INVALID_DATA, "not UTF-8", 0);
    case_6_22_1_a_character_that_is_none: replies(whole(TEXT, [0xef, 0xbf, 0xbe]), 1);
    case_6_22_34_the_last_of_those: replies(whole(TEXT, [0xf4, 0x8f, 0xbf, 0xbf]), 1);
    case_6_23_1_specials: replies(whole(TEXT, [0xef, 0xbf, 0xb9, 0xef, 0xbf, 0xba, 0xef, 0xbf, 0xbb]), 1);
    bytes_that_are_no_text_in_a_binary: replies(whole(BINARY, [0xff, 0xfe, 0xc0, 0x80]), 1);
    a_character_split_by_a_ping: pongs([part(TEXT, [0xe2]), whole(PING, [0xff]), whole(CONTINUATION, [0x82, 0xac])].concat(), &[&[0xff]], 1);
}

// 7: closing.
cases! {
    case_7_1_1_a_message_and_then_a_close: closes([whole(TEXT, "Hello"), close(1000, "")].concat(), 1000, 1);
    case_7_1_2_two_closes: closes([close(1000, ""), close(1000, "")].concat(), 1000, 0);
    case_7_1_3_a_ping_behind_a_close: closes([close(1000, ""), whole(PING, "")].concat(), 1000, 0);
    case_7_1_4_a_message_behind_a_close: closes([close(1000, ""), whole(TEXT, "Hello")].concat(), 1000, 0);
    case_7_1_5_a_close_within_a_message: closes([part(TEXT, "fragment1"), close(1000, ""), whole(CONTINUATION, "fragment2")].concat(), 1000, 0);
    case_7_3_1_a_close_without_a_code: closes(whole(CLOSE, ""), 1005, 0);
    case_7_3_2_half_a_code: fails(whole(CLOSE, "a"), PROTOCOL_ERROR, "half a code", 0);
    case_7_3_3_a_code_without_a_reason: closes(close(1000, ""), 1000, 0);
    case_7_3_4_a_code_and_a_reason: closes(close(1000, "Hello World!"), 1000, 0);
    case_7_3_5_the_longest_reason: closes(close(1000, [b'*'; 123]), 1000, 0);
    case_7_3_6_a_longer_one: fails([&[FINAL | CLOSE, 126, 0, 126][..], &[3, 0xe8], &[b'*'; 124]].concat(), PROTOCOL_ERROR, "longer than 125", 0);
    case_7_5_1_a_reason_that_is_not_text: fails(close(1000, [KOSME, &[0xed, 0xa0, 0x80]].concat()), INVALID_DATA, "reason", 0);
    a_reason_whose_last_character_is_cut: fails(close(1000, [0xe2, 0x82]), INVALID_DATA, "reason", 0);
    case_7_7_1_code_1000: closes(close(1000, ""), 1000, 0);
    case_7_7_2_code_1001: closes(close(1001, ""), 1001, 0);
    case_7_7_3_code_1002: closes(close(1002, ""), 1002, 0);
    case_7_7_4_code_1003: closes(close(1003, ""), 1003, 0);
    case_7_7_5_code_1007: closes(close(1007, ""), 1007, 0);
    case_7_7_6_code_1008: closes(close(1008, ""), 1008, 0);
    case_7_7_7_code_1009: closes(close(1009, ""), 1009, 0);
    case_7_7_8_code_1010: closes(close(1010, ""), 1010, 0);
    case_7_7_9_code_1011: closes(close(1011, ""), 1011, 0);
    code_1012_that_was_registered_later: closes(close(1012, ""), 1012, 0);
    code_1014_that_was_registered_later: closes(close(1014, ""), 1014, 0);
    case_7_7_10_code_3000: closes(close(3000, ""), 3000, 0);
    case_7_7_11_code_3999: closes(close(3999, ""), 3999, 0);
    case_7_7_12_code_4000: closes(close(4000, ""), 4000, 0);
    case_7_7_13_code_4999: closes(close(4999, ""), 4999, 0);
    case_7_9_1_code_0: fails(close(0, ""), PROTOCOL_ERROR, "none may have", 0);
    case_7_9_2_code_999: fails(close(999, ""), PROTOCOL_ERROR, "none may have", 0);
    case_7_9_3_code_1004: fails(close(1004, ""), PROTOCOL_ERROR, "none may have", 0);
    case_7_9_4_code_1005: fails(close(1005, ""), PROTOCOL_ERROR, "none may have", 0);
    case_7_9_5_code_1006: fails(close(1006, ""), PROTOCOL_ERROR, "none may have", 0);
    code_1015_which_stands_in_no_frame: fails(close(1015, ""), PROTOCOL_ERROR, "none may have", 0);
    case_7_9_6_code_1016: fails(close(1016, ""), PROTOCOL_ERROR, "none may have", 0);
    case_7_9_7_code_1100: fails(close(1100, ""), PROTOCOL_ERROR, "none may have", 0);
    case_7_9_8_code_2000: fails(close(2000, ""), PROTOCOL_ERROR, "none may have", 0);
    case_7_9_9_code_2999: fails(close(2999, ""), PROTOCOL_ERROR, "none may have", 0);
    case_7_13_1_code_5000: fails(close(5000, ""), PROTOCOL_ERROR, "none may have", 0);
    case_7_13_2_code_65535: fails(close(65535, ""), PROTOCOL_ERROR, "none may have", 0);
}
