//! The simulated server's lines: counts those that come, and writes one for each. What is sent to it has to be whole.

use super::http::Written;
use super::world::{Body, Fate};
use engine::random::Random;

const END: u8 = b'\n';

/// How many lines there are. Panics when the last is not whole.
pub(super) fn count(bytes: &[u8]) -> usize {
    assert!(bytes.last().is_none_or(|&last| last == END), "a line is sent whole");
    bytes.iter().filter(|&&byte| byte == END).count()
}

/// Appends one response. One that makes no sense does not end.
pub(super) fn response(out: &mut Vec<u8>, body: Body, fate: Fate, random: &mut Random) -> Written {
    let bytes = random.between(body.bytes.0, body.bytes.1).max(1);
    out.resize(out.len() + bytes as usize, b'x');
    if fate != Fate::Garbage {
        out.push(END);
    }
    Written { announced: 0..0, lasts_until_end: false }
}
