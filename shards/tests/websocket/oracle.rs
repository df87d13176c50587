//! The other side is the `tungstenite` crate: either understands what the other sends.
//!
//! And whatever bytes come, both take the same for messages.

use crate::client::{Client, MESSAGES, message};
use crate::target::{self, *};
use engine::code::REPLIED;
use engine::outcome::Kind;
use engine::plan::{ReplyMatching, SocketMessageKind};
use engine::random::Random;
use std::io::{self, Cursor, Read, Write};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

/// What carries bytes between the two, in memory.
#[derive(Default)]
struct Pipe {
    coming: Cursor<Vec<u8>>,
    going: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.coming.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            bytes => Ok(bytes),
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.going.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn server() -> WebSocket<Pipe> {
    WebSocket::from_raw_socket(Pipe::default(), Role::Server, None)
}

/// The messages in what was sent to it.
fn read_all(socket: &mut WebSocket<Pipe>, bytes: &[u8]) -> Vec<Message> {
    socket.get_mut().coming = Cursor::new(bytes.to_vec());
    std::iter::from_fn(|| socket.read().ok()).collect()
}

#[test]
fn it_understands_messages_of_every_form_of_length() {
    for length in [0, 1, 125, 126, 127, 65_535, 65_536, 100_000] {
        let text = "x".repeat(length);
        let steps = [message(SocketMessageKind::Text, &text), message(SocketMessageKind::Binary, &text)];
        let mut client = Client::ready_with(&steps, ReplyMatching::Order);
        client.sends(0);
        client.sends(1);
        let messages = read_all(&mut server(), &client.taken());
        assert_eq!(messages, [Message::text(text.clone()), Message::binary(text.into_bytes())]);
    }
}

#[test]
fn its_replies_to_what_it_was_sent_are_replies() {
    let step = message(SocketMessageKind::Text, "{\"id\":{{seq}}}");
    let mut client = Client::ready_with(&[step], ReplyMatching::Json("/id".into()));
    let mut server = server();
    (0..5).for_each(|_| client.sends(0));
    let mut messages = read_all(&mut server, &client.taken());
    messages.reverse();
    server.send(Message::Ping("are you there".into())).unwrap();
    messages.into_iter().for_each(|message| server.send(message).unwrap());
    let going = std::mem::take(&mut server.get_mut().going);
    client.hears(&going).unwrap();
    assert_eq!(client.replies(), [4, 3, 2, 1, 0].map(|number| (number, REPLIED)));
    assert_eq!(read_all(&mut server, &client.taken()), [Message::Pong("are you there".into())]);
}

#[test]
fn it_takes_our_close_for_the_end_of_its_own() {
    let (mut client, mut server) = (Client::asking(1), server());
    server.close(Some(CloseFrame { code: CloseCode::from(4_000), reason: "enough".into() })).unwrap();
    let going = std::mem::take(&mut server.get_mut().going);
    client.hears(&going).unwrap_err();
    assert_eq!(client.replies(), [(0, 4_000)]);
    server.get_mut().coming = Cursor::new(client.taken());
    assert!(matches!(server.read(), Ok(Message::Close(Some(frame))) if frame.code == CloseCode::from(4_000)));
    assert!(matches!(server.read(), Err(Error::ConnectionClosed)));
}

/// How many messages a client of the crate finds in a stream, and whether it takes offence.
fn found_by_oracle(bytes: &[u8]) -> (usize, bool) {
    let config = WebSocketConfig::default().max_message_size(Some(16 << 20)).max_frame_size(Some(16 << 20));
    let pipe = Pipe { coming: Cursor::new(bytes.to_vec()), going: Vec::new() };
    let mut socket = WebSocket::from_raw_socket(pipe, Role::Client, Some(config));
    let mut found = 0;
    loop {
        match socket.read() {
            Ok(Message::Text(_) | Message::Binary(_)) => found += 1,
            Ok(_) => {}
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return (found, false),
            Err(Error::ConnectionClosed) => return (found, false),
            Err(_) => return (found, true),
        }
    }
}

/// The same of ours.
fn found_by_us(bytes: &[u8]) -> (usize, bool) {
    let mut client = Client::asking(MESSAGES);
    let result = client.hears(bytes);
    let is_offended = result.is_err_and(|unusable| unusable.kind == Kind::Protocol);
    (client.replies().len(), is_offended)
}

#[test]
fn whatever_frames_come_it_finds_as_many_messages_and_takes_the_same_offences() {
    for case in 0..4_000 {
        let mut random = Random::new(7, case);
        let mut bytes = Vec::new();
        for _ in 0..random.between(1, MESSAGES.into()) {
            let size = random.between(0, 200) as usize;
            let payload: Vec<u8> = match random.between(0, 3) {
                0 => "é😀a".repeat(size / 8).into_bytes(),
                1 => (0..size).map(|_| random.bits() as u8).collect(),
                _ => vec![b'x'; size.min(125)],
            };
            let first = match random.between(0, 9) {
                // Not all agree on which codes may close.
                0 => (random.bits() as u8) & !0x08,
                1 => TEXT,
                2 => CONTINUATION,
                3 => FINAL | CONTINUATION,
                4 => FINAL | PING,
                5 => FINAL | PONG,
                6 => FINAL | BINARY,
                7 => BINARY,
                _ => FINAL | TEXT,
            };
            bytes.extend(target::frame(first, &payload));
        }
        assert_eq!(found_by_us(&bytes), found_by_oracle(&bytes), "case {case}: {bytes:x?}");
    }
}
