//! A server of HTTP/2 written in the tests, which refuses requests and goes away as a test says. It shares nothing with the client.

use super::scripted;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const ACKNOWLEDGED: u8 = 1;
const END_HEADERS: u8 = 4;
/// `:status: 200`, of the static table.
const STATUS_200: u8 = 0x88;
/// The code of an error by which a target says that it has done nothing of a request.
const REFUSED_STREAM: u32 = 7;

const PROTOCOL_ERROR: u32 = 1;
/// How long nothing has to come until it is thought that nothing will.
const SILENCE: Duration = Duration::from_millis(5);

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// 200, without a body.
    Respond,
    /// The same, once no more come; if so many more wait already, RST_STREAM with PROTOCOL_ERROR.
    Hold(usize),
    /// RST_STREAM with this code.
    Reset(u32),
    /// RST_STREAM with REFUSED_STREAM.
    Refuse,
    /// GOAWAY, which says that the one before it was the last.
    GoAway,
    /// Nothing.
    Ignore,
}

/// Serves HTTP/2 without TLS. The fate of a request is that of its number, from 0, among all; the first is preflight's. Settings are pairs
/// of an identifier and a value.
pub(crate) fn server(
    settings: &'static [(u16, u32)],
    fate: impl Fn(usize) -> Fate + Send + Sync + 'static,
) -> u16 {
    let (fate, next) = (Arc::new(fate), Arc::new(AtomicUsize::new(0)));
    scripted(move |mut stream| {
        // The end of a connection is an error of reading.
        let _ = serve(&mut stream, settings, &|| fate(next.fetch_add(1, Ordering::SeqCst)));
    })
}

fn serve(stream: &mut TcpStream, settings: &[(u16, u32)], fate: &dyn Fn() -> Fate) -> io::Result<()> {
    let mut preface = [0; PREFACE.len()];
    stream.read_exact(&mut preface)?;
    let mut said = Vec::new();
    for (identifier, value) in settings {
        said.extend(identifier.to_be_bytes());
        said.extend(value.to_be_bytes());
    }
    write(stream, SETTINGS, 0, 0, &said)?;
    let (mut last_served, mut is_leaving, mut held) = (0_u32, false, Vec::new());
    loop {
        if !held.is_empty() && is_silent(stream)? {
            for number in held.drain(..) {
                write(stream, HEADERS, END_STREAM | END_HEADERS, number, &[STATUS_200])?;
            }
        }
        let mut header = [0; 9];
        stream.read_exact(&mut header)?;
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        let (kind, flags) = (header[3], header[4]);
        let number = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
        stream.read_exact(&mut vec![0; length])?;
        match kind {
            SETTINGS if flags & ACKNOWLEDGED == 0 => write(stream, SETTINGS, ACKNOWLEDGED, 0, &[])?,
            // It reads on, so that what it said arrives: a close would throw that away.
            HEADERS if is_leaving => {}
            HEADERS => match fate() {
                Fate::Respond => {
                    last_served = number;
                    write(stream, HEADERS, END_STREAM | END_HEADERS, number, &[STATUS_200])?;
                }
                Fate::Hold(most) if held.len() < most => held.push(number),
                Fate::Hold(_) => write(stream, RST_STREAM, 0, number, &PROTOCOL_ERROR.to_be_bytes())?,
                Fate::Reset(code) => write(stream, RST_STREAM, 0, number, &code.to_be_bytes())?,
                Fate::Refuse => write(stream, RST_STREAM, 0, number, &REFUSED_STREAM.to_be_bytes())?,
                Fate::GoAway => {
                    let payload = [last_served.to_be_bytes(), [0; 4]].concat();
                    is_leaving = true;
                    write(stream, GOAWAY, 0, 0, &payload)?;
                }
                Fate::Ignore => last_served = number,
            },
            _ => {}
        }
    }
}

/// Whether nothing comes for a while.
fn is_silent(stream: &TcpStream) -> io::Result<bool> {
    stream.set_read_timeout(Some(SILENCE))?;
    let is_silent = stream.peek(&mut [0]).is_err();
    stream.set_read_timeout(None)?;
    Ok(is_silent)
}

fn write(stream: &mut TcpStream, kind: u8, flags: u8, number: u32, payload: &[u8]) -> io::Result<()> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(number.to_be_bytes());
    frame.extend(payload);
    stream.write_all(&frame)
}
