//! What a target sends, written out as RFC 6455 has it; and what it makes of what it is sent.

pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xa;
/// The bit of a frame that is the last of its message.
pub(crate) const FINAL: u8 = 0x80;

/// A frame whose first byte is this, and whose length is in the form that it has to have.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = match payload.len() {
        short @ 0..=125 => vec![short as u8],
        middle @ 126..=0xffff => [&[126][..], &(middle as u16).to_be_bytes()].concat(),
        long => [&[127][..], &(long as u64).to_be_bytes()].concat(),
    };
    [&[first][..], &length, payload].concat()
}

/// A frame that is the whole of a message, or one of control.
pub(crate) fn whole(opcode: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(FINAL | opcode, payload.as_ref())
}

/// A frame that is not the last of its message.
pub(crate) fn part(opcode: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(opcode, payload.as_ref())
}

/// A close frame with a code and a reason.
pub(crate) fn close(code: u16, reason: impl AsRef<[u8]>) -> Vec<u8> {
    whole(CLOSE, [&code.to_be_bytes()[..], reason.as_ref()].concat())
}

/// The response that opens a WebSocket for whoever sent this request.
pub(crate) fn opening(request: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(request).unwrap();
    let key = text.split("Sec-WebSocket-Key: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .into_bytes()
}

/// A frame that a client has sent, unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
}

/// The frames of what a client has sent, each of which is masked and has the shortest length.
pub(crate) fn taken_apart(mut bytes: &[u8]) -> Vec<Sent> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        assert!(bytes[1] & 0x80 != 0, "a client masks what it sends");
        let (length, behind) = match bytes[1] & 0x7f {
            126 => (u16::from_be_bytes(bytes[2..4].try_into().unwrap()) as usize, 4),
            127 => (u64::from_be_bytes(bytes[2..10].try_into().unwrap()) as usize, 10),
            short => (short as usize, 2),
        };
        assert_eq!(
            behind,
            if length < 126 {
                2
            } else if length < 65_536 {
                4
            } else {
                10
            },
            "the shortest form"
        );
        let (mask, masked) = (&bytes[behind..behind + 4], &bytes[behind + 4..behind + 4 + length]);
        let payload = masked.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]).collect();
        frames.push(Sent { first: bytes[0], payload });
        bytes = &bytes[behind + 4 + length..];
    }
    frames
}
