//! The simulated server's HTTP/2: finds requests among frames, and writes those of a response. It keeps no table of header fields: a
//! status is one byte, an index of the static table. As with HTTP/1.1, what is not whole and well-formed is the shard's mistake.

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADER_BYTES: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const ACKNOWLEDGED: u8 = 1;
const END_HEADERS: u8 = 4;
/// The longest payload that a client has to take.
const PAYLOAD_BYTES: u64 = 16_384;
/// `:status: 200` and `:status: 500`.
const OK: u8 = 0x88;
const REFUSED: u8 = 0x8e;
/// A code: nothing was done of the stream.
const REFUSED_STREAM: u32 = 7;

/// What a client has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FromClient {
    /// Its preface and settings.
    Greeting,
    /// The beginning of a request.
    Begun(u32),
    /// The end of one that was begun before.
    Completed(u32),
    /// A whole request.
    Request(u32),
}

impl FromClient {
    /// Whether a request begins with it.
    pub(super) fn begins(self) -> bool {
        matches!(self, FromClient::Begun(_) | FromClient::Request(_))
    }
}

/// Calls `found` with what is told from each frame. Panics when the bytes are not whole frames.
pub(super) fn found_in(mut bytes: &[u8], mut found: impl FnMut(FromClient)) {
    if let Some(rest) = bytes.strip_prefix(PREFACE) {
        found(FromClient::Greeting);
        bytes = rest;
    }
    while !bytes.is_empty() {
        let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>().expect("a frame is sent whole");
        let &[l0, l1, l2, kind, flags, s0, s1, s2, s3] = header;
        let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
        assert!(length <= rest.len(), "a frame is sent whole");
        let stream = u32::from_be_bytes([s0, s1, s2, s3]);
        let told = match (kind, flags & END_STREAM != 0) {
            (HEADERS, true) => Some(FromClient::Request(stream)),
            (HEADERS, false) => Some(FromClient::Begun(stream)),
            (DATA, true) => Some(FromClient::Completed(stream)),
            _ => None,
        };
        if let Some(told) = told {
            assert!(stream % 2 == 1, "a client's streams are odd");
            found(told);
        }
        bytes = &rest[length..];
    }
}

/// Appends what a server begins with, and its acknowledgement of the client's settings.
pub(super) fn greeting(out: &mut Vec<u8>) {
    frame(out, SETTINGS, 0, 0, &[]);
    frame(out, SETTINGS, ACKNOWLEDGED, 0, &[]);
}

/// Appends a response with a body of so many bytes.
pub(super) fn response(out: &mut Vec<u8>, stream: u32, is_ok: bool, mut body_bytes: u64) {
    let status = if is_ok { OK } else { REFUSED };
    let ends = |left: u64| if left == 0 { END_STREAM } else { 0 };
    frame(out, HEADERS, END_HEADERS | ends(body_bytes), stream, &[status]);
    while body_bytes > 0 {
        let piece = body_bytes.min(PAYLOAD_BYTES);
        body_bytes -= piece;
        frame(out, DATA, ends(body_bytes), stream, &[b'x'; PAYLOAD_BYTES as usize][..piece as usize]);
    }
}

/// Appends the header of the response to a call. Its names and values are written out, but for one that is in the static table.
pub(super) fn head_of_call(out: &mut Vec<u8>, stream: u32) {
    frame(out, HEADERS, END_HEADERS, stream, &[&[OK, 0x0f, 0x10, 16][..], b"application/grpc"].concat());
}

/// Appends a reply of gRPC: a message of two bytes behind its prefix.
pub(super) fn reply(out: &mut Vec<u8>, stream: u32) {
    frame(out, DATA, 0, stream, b"\0\0\0\0\x02\x08\x01");
}

/// Appends that a call has gone well.
pub(super) fn end_of_call(out: &mut Vec<u8>, stream: u32) {
    frame(out, HEADERS, END_HEADERS | END_STREAM, stream, b"\0\x0bgrpc-status\x010");
}

/// Appends that nothing was done of a request.
pub(super) fn refusal(out: &mut Vec<u8>, stream: u32) {
    frame(out, RST_STREAM, 0, stream, &REFUSED_STREAM.to_be_bytes());
}

/// Appends that the server goes away, and works on no stream above this one.
pub(super) fn goaway(out: &mut Vec<u8>, last: u32) {
    frame(out, GOAWAY, 0, 0, &[last.to_be_bytes(), [0; 4]].concat());
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    out.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bytes: &[u8]) -> Vec<FromClient> {
        let mut all = Vec::new();
        found_in(bytes, |one| all.push(one));
        all
    }

    #[test]
    fn requests_are_told_from_what_else_a_client_sends() {
        let mut bytes = PREFACE.to_vec();
        frame(&mut bytes, SETTINGS, 0, 0, &[0; 6]);
        frame(&mut bytes, HEADERS, END_HEADERS | END_STREAM, 1, &[0x82]);
        frame(&mut bytes, HEADERS, END_HEADERS, 3, &[0x83]);
        frame(&mut bytes, DATA, END_STREAM, 3, b"body");
        frame(&mut bytes, RST_STREAM, 0, 1, &[0; 4]);
        let expected =
            [FromClient::Greeting, FromClient::Request(1), FromClient::Begun(3), FromClient::Completed(3)];
        assert_eq!(found(&bytes), expected);
        assert_eq!(found(&[]), []);
    }

    #[test]
    #[should_panic(expected = "sent whole")]
    fn half_a_frame_is_a_mistake() {
        found(&[0, 0, 4, DATA, 0, 0, 0, 0, 1, b'x']);
    }
}
