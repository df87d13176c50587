//! The simulated server's HTTP/1.1: counts requests, and writes real responses so that the real parser reads them. It is no
//! server for anyone else: what the shard sends has to be whole and well-formed, and anything else is the shard's mistake.

use super::world::{Body, Fate, happens};
use engine::random::Random;
use std::io::Write;
use std::ops::Range;

/// Bytes of a chunk, at most.
const CHUNK_BYTES: u64 = 1_000;
/// What a server that is not one says.
pub(super) const GARBAGE: &[u8] = b"SSH-2.0-OpenSSH_9.2\r\n\r\n";

/// Calls `found` with each request's "is it a HEAD". Panics when the bytes are not whole requests.
pub(super) fn requests(mut bytes: &[u8], mut found: impl FnMut(bool)) {
    while !bytes.is_empty() {
        let end = find(bytes, b"\r\n\r\n").expect("a request's head is sent whole") + 4;
        let length = end + content_length(&bytes[..end]);
        assert!(length <= bytes.len(), "a request's body is sent whole");
        found(bytes.starts_with(b"HEAD "));
        bytes = &bytes[length..];
    }
}

fn content_length(head: &[u8]) -> usize {
    const NAME: &[u8] = b"\r\nContent-Length: ";
    let Some(at) = find(head, NAME) else { return 0 };
    let digits = head[at + NAME.len()..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// What a response looks like on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// The body, counted from the response's first byte, if its length was announced: that much may be thrown away unseen.
    pub(super) announced: Range<u64>,
    /// The body ends when the connection does.
    pub(super) lasts_until_end: bool,
}

/// Appends one response.
pub(super) fn response(
    out: &mut Vec<u8>,
    body: Body,
    fate: Fate,
    is_head: bool,
    random: &mut Random,
) -> Written {
    let start = out.len();
    let none = Written { announced: 0..0, lasts_until_end: false };
    if fate == Fate::Garbage {
        out.extend_from_slice(GARBAGE);
        return none;
    }
    let bytes = random.between(body.bytes.0, body.bytes.1);
    out.extend_from_slice(match fate {
        Fate::Refused => b"HTTP/1.1 503 Service Unavailable\r\n",
        _ => b"HTTP/1.1 200 OK\r\n",
    });
    if fate == Fate::Close {
        out.extend_from_slice(b"Connection: close\r\n");
    }
    if happens(body.chunked_ppm, random) {
        chunked(out, bytes, is_head, random);
        return none;
    }
    if happens(body.until_end_ppm, random) {
        out.extend_from_slice(b"\r\n");
        fill(out, if is_head { 0 } else { bytes });
        return Written { lasts_until_end: !is_head, ..none };
    }
    write!(out, "Content-Length: {bytes}\r\n\r\n").expect("writing to memory cannot fail");
    let head = (out.len() - start) as u64;
    fill(out, if is_head { 0 } else { bytes });
    Written { announced: head..out.len() as u64 - start as u64, lasts_until_end: false }
}

fn chunked(out: &mut Vec<u8>, mut bytes: u64, is_head: bool, random: &mut Random) {
    out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
    if is_head {
        return;
    }
    while bytes > 0 {
        let chunk = random.between(1, bytes.min(CHUNK_BYTES));
        write!(out, "{chunk:x}\r\n").expect("writing to memory cannot fail");
        fill(out, chunk);
        out.extend_from_slice(b"\r\n");
        bytes -= chunk;
    }
    out.extend_from_slice(b"0\r\n\r\n");
}

fn fill(out: &mut Vec<u8>, mut bytes: u64) {
    static FILLER: [u8; 16 << 10] = [b'x'; 16 << 10];
    while bytes > 0 {
        let piece = bytes.min(FILLER.len() as u64);
        out.extend_from_slice(&FILLER[..piece as usize]);
        bytes -= piece;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads(bytes: &[u8]) -> Vec<bool> {
        let mut heads = Vec::new();
        requests(bytes, |is_head| heads.push(is_head));
        heads
    }

    #[test]
    fn requests_are_counted_with_their_bodies() {
        let stream = b"GET / HTTP/1.1\r\nHost: h\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n\r\n\r\nHEAD / HTTP/1.1\r\n\r\n";
        assert_eq!(heads(stream), [false, false, true]);
    }

    #[test]
    #[should_panic(expected = "sent whole")]
    fn half_a_request_is_a_mistake() {
        heads(b"GET / HTTP/1.1\r\nHost: h\r\n");
    }
}
