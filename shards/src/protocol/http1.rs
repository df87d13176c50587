//! HTTP/1.1, the client's side (RFC 9112): finds where responses end, and nothing else of them.
//!
//! Bodies are counted, not kept. A head that repeats the one before byte for byte is recognised instead of parsed: a
//! server's heads change once a second, with its `Date`, and comparing 200 bytes is ten times cheaper than parsing them.
//! The comparison includes the blank line at the head's end, so equal bytes mean an equal response.

mod encoding;
mod looking;

use super::{Events, Protocol, Readiness, Receive, Response, Sending, Unusable};
use engine::outbox::Outbox;
use engine::outcome::Kind;
use engine::seams::Source;

pub use encoding::{encode, encode_with_cookies};

/// The longest head that is accepted.
pub const HEAD_BYTES_MAX: usize = 64 << 10;
/// The most header fields that are accepted.
pub const HEADERS_MAX: usize = 128;
/// The longest line inside a chunked body: a chunk's size with its extensions, or one trailer.
const LINE_BYTES_MAX: u32 = 8 << 10;
/// The longest head that is remembered; longer ones are parsed each time.
const MEMO_BYTES_MAX: usize = 1_024;
/// A body of at least this size lets the next response be received by throwing its body away in the kernel.
const DISCARD_BYTES_MIN: u64 = 8 << 10;
/// From this status on, a response is no success (RFC 9110 section 15).
const STATUS_REFUSED: u16 = 400;

/// Why a response is not HTTP. The text is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotHttp(pub &'static str);

/// The responses of one connection.
#[derive(Debug, Default)]
pub struct Http1 {
    state: State,
    status: u16,
    keeps_alive: bool,
    bytes: u64,
    /// The announced length of the last response's body; 0 when it announced none.
    last_length: u64,
    /// The beginning of a head that came in parts.
    partial: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Before or inside a head.
    #[default]
    Head,
    /// This much of a body of known length is left.
    Length(u64),
    /// Inside a chunked body.
    Chunked(Chunk),
    /// The body ends when the connection does.
    UntilEnd,
}

/// Where in a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    /// In the line with the size: the size so far, and how much of the line has been seen.
    Size { size: u64, seen: u32, is_extension: bool },
    /// This much data is left in the chunk.
    Data(u64),
    /// In the line end after the data.
    DataEnd,
    /// In a trailer line that has this many bytes.
    Trailer(u32),
}

/// What a head says about the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    framing: Framing,
    keeps_alive: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(u64),
    Chunked,
    /// Until the connection ends; or not to be known, for this reason. A response that has no body does not need it. One variant
    /// for both, so that the usual ones are told apart as fast as ever.
    UntilEnd(Result<(), &'static NotHttp>),
}

/// The last head of a pool's connections, and what it said.
#[derive(Debug)]
pub struct HeadMemo {
    bytes: Vec<u8>,
    head: Option<Head>,
    /// Connections take another request after a response.
    reuses: bool,
}

impl Default for HeadMemo {
    fn default() -> HeadMemo {
        HeadMemo::new(true)
    }
}

impl Protocol for Http1 {
    type Shared = HeadMemo;

    const IS_VERBATIM: bool = true;
    const IS_IN_ORDER: bool = true;
    const ANSWER_BYTES_MAX: usize = 0;

    fn is_verbatim(_memo: &HeadMemo) -> bool {
        true
    }

    fn is_in_order(_memo: &HeadMemo) -> bool {
        true
    }

    fn outbox_bytes(_memo: &HeadMemo, request_bytes: usize, requests: usize) -> usize {
        request_bytes * requests
    }

    fn new(_memo: &HeadMemo) -> Http1 {
        Http1::default()
    }

    fn opened(&mut self, _memo: &mut HeadMemo, _out: &mut Outbox<'_>) -> Result<(), Unusable> {
        self.state = State::Head;
        self.bytes = 0;
        self.last_length = 0;
        self.partial.clear();
        Ok(())
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready { is_resumed: false }
    }

    #[inline]
    fn send<S: Source>(
        &mut self,
        _memo: &mut HeadMemo,
        source: &mut S,
        Sending { call, number, .. }: Sending,
        out: &mut Outbox<'_>,
    ) -> Result<u64, Unusable> {
        let before = out.filled();
        match &source.steps()[call.step as usize].constant {
            Some(constant) => out.push(constant),
            None => source.render(call, number, out),
        }
        Ok((out.filled() - before) as u64)
    }

    // A part of the loop, wherever it stands: the compiler would count its callers.
    #[inline(always)]
    fn receive(
        &mut self,
        memo: &mut HeadMemo,
        bytes: &mut [u8],
        _out: &mut Outbox<'_>,
        on: &mut impl Events,
    ) -> Result<(), Unusable> {
        let mut bytes = &bytes[..];
        while !bytes.is_empty() {
            let Some((place, step)) = on.oldest() else {
                on.unasked(bytes.len() as u64);
                return Err(NotHttp("bytes came that nobody asked for").into());
            };
            let (used, response) = match may_look(on) && step.is_looked_at {
                false => self.feed(memo, bytes, step.is_bodyless)?,
                true => {
                    let is_bodyless = step.is_bodyless;
                    self.feed_seen(memo, bytes, is_bodyless, place, on)?
                }
            };
            bytes = &bytes[used..];
            if let Some(response) = response {
                on.response(place, response);
                self.require_alive()?;
            }
        }
        Ok(())
    }

    /// A response as long as the last one's body was is received head first, so that its body can be discarded.
    #[inline]
    fn wish(&self) -> Receive {
        match self.state {
            State::Head if self.last_length >= DISCARD_BYTES_MIN => Receive::Head,
            State::Length(left) => Receive::Discard(left),
            State::Head | State::Chunked(_) | State::UntilEnd => Receive::Stream,
        }
    }

    fn discarded(&mut self, bytes: u64, on: &mut impl Events) -> Result<(), Unusable> {
        let State::Length(left) = self.state else { return Ok(()) };
        self.bytes += bytes.min(left);
        self.state = State::Length(left.saturating_sub(bytes));
        if bytes < left {
            return Ok(());
        }
        self.complete_oldest(on);
        self.require_alive()
    }

    /// Completes a body that was to last until the end; anything else half-way is cut short.
    fn ended(&mut self, on: &mut impl Events) -> Unusable {
        if self.state == State::UntilEnd {
            self.complete_oldest(on);
        }
        CLOSED
    }

    fn begun(&self) -> Option<Response> {
        (self.state != State::Head).then(|| self.response())
    }
}

/// The other side takes no more requests.
const CLOSED: Unusable = Unusable { kind: Kind::Eof, why: "the connection was closed" };

impl From<NotHttp> for Unusable {
    fn from(NotHttp(why): NotHttp) -> Unusable {
        Unusable { kind: Kind::Protocol, why }
    }
}

impl Http1 {
    /// Takes bytes that arrived; returns how many belong to the current response, and the response if they complete it. Call
    /// again with the rest for the next one.
    #[inline]
    pub fn feed(
        &mut self,
        memo: &mut HeadMemo,
        bytes: &[u8],
        is_bodyless: bool,
    ) -> Result<(usize, Option<Response>), NotHttp> {
        let mut used = 0;
        while used < bytes.len() {
            let rest = &bytes[used..];
            let (taken, is_complete) = match self.state {
                State::Head => self.head(memo, rest, is_bodyless)?,
                State::Length(left) => self.length(left, rest.len()),
                State::Chunked(chunk) => self.chunked(chunk, rest)?,
                State::UntilEnd => (rest.len(), false),
            };
            used += taken;
            self.bytes += taken as u64;
            if is_complete {
                return Ok((used, Some(self.complete())));
            }
        }
        Ok((used, None))
    }

    /// An error when the last response was the connection's last.
    #[inline]
    fn require_alive(&self) -> Result<(), Unusable> {
        if self.keeps_alive { Ok(()) } else { Err(CLOSED) }
    }

    fn complete_oldest(&mut self, on: &mut impl Events) {
        let response = self.complete();
        if let Some((place, _)) = on.oldest() {
            on.response(place, response);
        }
    }

    #[inline]
    fn complete(&mut self) -> Response {
        let response = self.response();
        self.state = State::Head;
        self.bytes = 0;
        response
    }

    /// The response as far as it has come.
    #[inline]
    fn response(&self) -> Response {
        Response { code: self.status, is_ok: self.status < STATUS_REFUSED, bytes: self.bytes }
    }

    /// Reads a head; interim responses (1xx) are passed over, because the real one follows.
    fn head(
        &mut self,
        memo: &mut HeadMemo,
        bytes: &[u8],
        is_bodyless: bool,
    ) -> Result<(usize, bool), NotHttp> {
        let Some((taken, head)) = self.find_head(memo, bytes)? else { return Ok((bytes.len(), false)) };
        if (100..200).contains(&head.status) {
            if head.status == 101 {
                return Err(NotHttp("the response switches protocols (101), which nobody asked for"));
            }
            return Ok((taken, false));
        }
        self.status = head.status;
        self.keeps_alive = head.keeps_alive;
        let has_body = !is_bodyless && head.status != 204 && head.status != 304;
        self.last_length = 0;
        self.state = match head.framing {
            _ if !has_body => return Ok((taken, true)),
            Framing::Length(0) => return Ok((taken, true)),
            Framing::Length(bytes) => {
                self.last_length = bytes;
                State::Length(bytes)
            }
            Framing::Chunked => State::Chunked(Chunk::start()),
            Framing::UntilEnd(known) => {
                known.map_err(|reason| *reason)?;
                self.keeps_alive = false;
                State::UntilEnd
            }
        };
        Ok((taken, false))
    }

    /// The head at the front of `bytes`, joined to what came before; `None` when its end has not come.
    fn find_head(&mut self, memo: &mut HeadMemo, bytes: &[u8]) -> Result<Option<(usize, Head)>, NotHttp> {
        if self.partial.is_empty() {
            if let Some(head) = memo.recall(bytes) {
                return Ok(Some((memo.bytes.len(), head)));
            }
            if let Some((length, head)) = parse(bytes)? {
                let head = memo.meant(head);
                memo.remember(&bytes[..length], head);
                return Ok(Some((length, head)));
            }
        }
        let before = self.partial.len();
        self.partial.extend_from_slice(&bytes[..bytes.len().min(HEAD_BYTES_MAX + 1 - before)]);
        match parse(&self.partial)? {
            Some((length, head)) => {
                self.partial.clear();
                Ok(Some((length - before, memo.meant(head))))
            }
            None if self.partial.len() > HEAD_BYTES_MAX => {
                Err(NotHttp("the response's head is longer than 64 KiB"))
            }
            None => Ok(None),
        }
    }

    #[inline]
    fn length(&mut self, left: u64, available: usize) -> (usize, bool) {
        let taken = left.min(available as u64);
        self.state = State::Length(left - taken);
        (taken as usize, taken == left)
    }

    fn chunked(&mut self, chunk: Chunk, bytes: &[u8]) -> Result<(usize, bool), NotHttp> {
        let (taken, next) = chunk.step(bytes)?;
        match next {
            Some(next) => {
                self.state = State::Chunked(next);
                Ok((taken, false))
            }
            None => Ok((taken, true)),
        }
    }
}

/// Whether there are steps whose responses are looked at.
fn may_look<E: Events>(_on: &E) -> bool {
    E::MAY_LOOK
}

impl Chunk {
    fn start() -> Chunk {
        Chunk::Size { size: 0, seen: 0, is_extension: false }
    }

    /// Takes what it can of `bytes`; returns how much, and where that leads, `None` being the body's end.
    fn step(self, bytes: &[u8]) -> Result<(usize, Option<Chunk>), NotHttp> {
        match self {
            Chunk::Data(left) => {
                let taken = left.min(bytes.len() as u64);
                let next = if taken == left { Chunk::DataEnd } else { Chunk::Data(left - taken) };
                Ok((taken as usize, Some(next)))
            }
            Chunk::Size { size, seen, is_extension } => {
                Ok((1, Some(Chunk::size_byte(size, seen, is_extension, bytes[0])?)))
            }
            Chunk::DataEnd => match bytes[0] {
                b'\r' => Ok((1, Some(Chunk::DataEnd))),
                b'\n' => Ok((1, Some(Chunk::start()))),
                _ => Err(NotHttp("a chunk is longer than its size says")),
            },
            Chunk::Trailer(length) => match bytes[0] {
                b'\n' if length == 0 => Ok((1, None)),
                b'\n' => Ok((1, Some(Chunk::Trailer(0)))),
                b'\r' => Ok((1, Some(self))),
                _ if length >= LINE_BYTES_MAX => Err(NotHttp("a trailer is longer than 8 KiB")),
                _ => Ok((1, Some(Chunk::Trailer(length + 1)))),
            },
        }
    }

    fn size_byte(size: u64, seen: u32, is_extension: bool, byte: u8) -> Result<Chunk, NotHttp> {
        let digit = (byte as char).to_digit(16);
        match (byte, digit) {
            (b'\n' | b'\r', _) if seen == 0 => Err(NotHttp("a chunk has no size")),
            (b'\n', _) if size == 0 => Ok(Chunk::Trailer(0)),
            (b'\n', _) => Ok(Chunk::Data(size)),
            // Digits after it would belong to another line.
            (b'\r', _) => Ok(Chunk::Size { size, seen, is_extension: true }),
            _ if seen >= LINE_BYTES_MAX => Err(NotHttp("a chunk's size line is longer than 8 KiB")),
            (b';' | b' ' | b'\t', _) if seen > 0 => {
                Ok(Chunk::Size { size, seen: seen + 1, is_extension: true })
            }
            _ if is_extension => Ok(Chunk::Size { size, seen: seen + 1, is_extension }),
            (_, Some(digit)) => match size.checked_mul(16) {
                Some(shifted) => {
                    Ok(Chunk::Size { size: shifted + u64::from(digit), seen: seen + 1, is_extension })
                }
                None => Err(NotHttp("a chunk's size does not fit 64 bits")),
            },
            _ => Err(NotHttp("a chunk's size is not a hexadecimal number")),
        }
    }
}

impl HeadMemo {
    /// What a head says of connections that are used again, or are not whatever it says.
    fn meant(&self, head: Head) -> Head {
        Head { keeps_alive: head.keeps_alive && self.reuses, ..head }
    }

    /// Of connections that are used again after a response, or are not.
    pub fn new(reuses: bool) -> HeadMemo {
        HeadMemo { bytes: Vec::new(), head: None, reuses }
    }

    #[inline]
    fn recall(&self, bytes: &[u8]) -> Option<Head> {
        self.head.filter(|_| bytes.starts_with(&self.bytes))
    }

    fn remember(&mut self, bytes: &[u8], head: Head) {
        self.head = None;
        if bytes.len() <= MEMO_BYTES_MAX {
            self.bytes.clear();
            self.bytes.extend_from_slice(bytes);
            self.head = Some(head);
        }
    }
}

/// The head at the front of `bytes` with its length; `None` when it is not complete.
fn parse(bytes: &[u8]) -> Result<Option<(usize, Head)>, NotHttp> {
    let mut headers = [std::mem::MaybeUninit::uninit(); HEADERS_MAX];
    let mut response = httparse::Response::new(&mut []);
    let mut config = httparse::ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true);
    match config.parse_response_with_uninit_headers(&mut response, bytes, &mut headers) {
        Ok(httparse::Status::Partial) => Ok(None),
        Ok(httparse::Status::Complete(length)) => Ok(Some((length, understand(&response)?))),
        Err(httparse::Error::TooManyHeaders) => Err(NotHttp("the response has more than 128 header fields")),
        Err(httparse::Error::Version) => Err(NotHttp("the response is not HTTP/1.0 or HTTP/1.1")),
        Err(httparse::Error::Status) => Err(NotHttp("the response's status line is malformed")),
        Err(_) => Err(NotHttp("the response's head is malformed")),
    }
}

/// RFC 9112 sections 6.3 and 9.3: which framing a head announces, and whether the connection can be used again. Fields of
/// one name say together what one field with all their values would say.
fn understand(response: &httparse::Response) -> Result<Head, NotHttp> {
    let status = response.code.ok_or(NotHttp("the response has no status"))?;
    if status < 100 {
        return Err(NotHttp("the response's status is below 100"));
    }
    let (mut length, mut last_coding) = (None, None);
    let (mut closes, mut asks_to_keep) = (false, false);
    for header in response.headers.iter() {
        let name = header.name;
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(parse_length(header.value, length));
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            last_coding = words(header.value).next_back().or(last_coding).or(Some(b""));
        } else if name.eq_ignore_ascii_case("connection") {
            closes |= words(header.value).any(|word| word.eq_ignore_ascii_case(b"close"));
            asks_to_keep |= words(header.value).any(|word| word.eq_ignore_ascii_case(b"keep-alive"));
        }
    }
    let is_old = response.version != Some(1);
    let framing = match (last_coding, length) {
        (Some(coding), _) => framing_of(coding),
        (None, Some(Ok(length))) => Framing::Length(length),
        (None, Some(Err(reason))) => Framing::UntilEnd(Err(reason)),
        (None, None) => Framing::UntilEnd(Ok(())),
    };
    // Section 6.1: two framings, or one that HTTP/1.0 does not have, may be an attempt to slip in another response.
    let is_suspect = last_coding.is_some() && (length.is_some() || is_old);
    let keeps_alive = !closes && !is_suspect && (!is_old || asks_to_keep);
    Ok(Head { status, framing, keeps_alive })
}

/// The framing by the coding that was applied last.
fn framing_of(coding: &[u8]) -> Framing {
    match coding.split_at_checked(b"chunked".len()) {
        Some((name, rest)) if name.eq_ignore_ascii_case(b"chunked") => {
            match rest.trim_ascii_start().first() {
                None => Framing::Chunked,
                Some(b';') => {
                    Framing::UntilEnd(Err(&NotHttp("the response's chunked coding has parameters")))
                }
                Some(_) => Framing::UntilEnd(Ok(())),
            }
        }
        _ => Framing::UntilEnd(Ok(())),
    }
}

/// A Content-Length, which may be given several times, as a list or in fields, if it is the same each time (RFC 9110,
/// section 8.6).
fn parse_length(
    value: &[u8],
    before: Option<Result<u64, &'static NotHttp>>,
) -> Result<u64, &'static NotHttp> {
    let mut length = before;
    for element in value.split(|&byte| byte == b',') {
        let parsed = parse_number(element.trim_ascii())?;
        match length {
            Some(Err(reason)) => return Err(reason),
            Some(Ok(other)) if other != parsed => {
                return Err(&NotHttp("the response has two different lengths"));
            }
            _ => length = Some(Ok(parsed)),
        }
    }
    length.unwrap_or(Err(&NotHttp("the response's Content-Length is not a number")))
}

fn parse_number(digits: &[u8]) -> Result<u64, &'static NotHttp> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(&NotHttp("the response's Content-Length is not a number"));
    }
    let parsed = digits
        .iter()
        .try_fold(0_u64, |number, digit| number.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
    parsed.ok_or(&NotHttp("the response's Content-Length does not fit 64 bits"))
}

/// The elements of a list; empty ones are passed over (RFC 9110, section 5.6.1). Folded lines are white space.
fn words(value: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|word| !word.is_empty())
}

/// Hands bytes over as a pool does.
#[cfg(test)]
fn receive(
    http: &mut Http1,
    memo: &mut HeadMemo,
    bytes: &[u8],
    on: &mut impl Events,
) -> Result<(), Unusable> {
    let (mut bytes, mut filled) = (bytes.to_vec(), 0);
    http.receive(memo, &mut bytes, &mut Outbox::new(&mut [], &mut filled), on)
}

#[cfg(test)]
mod responses;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Single;
    use engine::seams::StepFacts;

    /// A response, and whether the connection can be used again.
    type Complete = (Response, bool);

    const STEP: StepFacts =
        StepFacts { constant: None, bytes_max: 0, is_bodyless: false, is_looked_at: false };

    /// Feeds a whole stream in pieces of every size and checks that the responses are the same.
    fn responses(stream: &str, is_bodyless: bool) -> Result<Vec<Complete>, NotHttp> {
        let whole = feed_in(stream.as_bytes(), stream.len().max(1), is_bodyless);
        for size in 1..stream.len().min(40) {
            assert_eq!(feed_in(stream.as_bytes(), size, is_bodyless), whole, "in pieces of {size}");
        }
        whole
    }

    fn feed_in(stream: &[u8], size: usize, is_bodyless: bool) -> Result<Vec<Complete>, NotHttp> {
        let (mut http, mut memo) = (Http1::default(), HeadMemo::default());
        let mut responses = Vec::new();
        for mut piece in stream.chunks(size) {
            while !piece.is_empty() {
                let (used, response) = http.feed(&mut memo, piece, is_bodyless)?;
                piece = &piece[used..];
                responses.extend(response.map(|response| (response, http.keeps_alive)));
            }
        }
        let mut on = Single::new(&STEP);
        http.ended(&mut on);
        responses.extend(on.response.map(|response| (response, false)));
        Ok(responses)
    }

    fn response(code: u16, bytes: usize) -> Response {
        Response { code, is_ok: code < STATUS_REFUSED, bytes: bytes as u64 }
    }

    fn complete(code: u16, bytes: usize, keeps_alive: bool) -> Complete {
        (response(code, bytes), keeps_alive)
    }

    #[test]
    fn a_body_of_known_length_ends_where_it_says() {
        let one = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(responses(one, false).unwrap(), [complete(200, one.len(), true)]);
        assert_eq!(responses(&one.repeat(3), false).unwrap(), [complete(200, one.len(), true); 3]);
    }

    #[test]
    fn chunks_extensions_and_trailers_are_passed_over() {
        let stream = "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked\r\n\r\n\
                      5;name=\"v\"\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n";
        assert_eq!(responses(stream, false).unwrap(), [complete(200, stream.len(), true)]);
        assert_eq!(responses(&stream.repeat(2), false).unwrap().len(), 2);
    }

    #[test]
    fn interim_responses_are_passed_over() {
        let stream = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(responses(stream, false).unwrap(), [complete(201, stream.len(), true)]);
    }

    #[test]
    fn head_no_content_and_not_modified_have_no_body() {
        let with_length = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n";
        assert_eq!(responses(with_length, true).unwrap(), [complete(200, with_length.len(), true)]);
        for status in [204, 304] {
            let stream = format!("HTTP/1.1 {status} X\r\nContent-Length: 500\r\n\r\n");
            assert_eq!(responses(&stream, false).unwrap(), [complete(status, stream.len(), true)]);
        }
    }

    #[test]
    fn a_body_without_length_lasts_until_the_end() {
        let stream = "HTTP/1.0 200 OK\r\nServer: old\r\n\r\nsome text";
        assert_eq!(responses(stream, false).unwrap(), [complete(200, stream.len(), false)]);
    }

    #[test]
    fn connection_says_whether_it_can_be_used_again() {
        for (version, header, keeps_alive) in [
            ("1.1", "", true),
            ("1.1", "Connection: close\r\n", false),
            ("1.1", "Connection: foo, Close\r\n", false),
            ("1.0", "", false),
            ("1.0", "connection: Keep-Alive\r\n", true),
        ] {
            let stream = format!("HTTP/{version} 200 OK\r\n{header}Content-Length: 0\r\n\r\n");
            assert_eq!(responses(&stream, false).unwrap()[0].1, keeps_alive, "{stream}");
        }
    }

    #[test]
    fn what_is_not_http_is_refused() {
        for stream in [
            "SSH-2.0-OpenSSH_9.2\r\n",
            "HTTP/2.0 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n",
            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        ] {
            assert!(responses(stream, false).is_err(), "{stream}");
        }
    }

    #[test]
    fn heads_without_end_and_with_too_many_fields_are_refused() {
        let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(HEAD_BYTES_MAX));
        assert!(feed_in(endless.as_bytes(), 16 << 10, false).is_err());
        let crowded = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(HEADERS_MAX + 1));
        assert!(feed_in(crowded.as_bytes(), 512, false).is_err());
    }

    #[test]
    fn a_repeated_head_is_recalled_and_a_changed_one_is_not() {
        let (mut http, mut memo) = (Http1::default(), HeadMemo::default());
        for (length, body) in [(3, "abc"), (3, "xyz"), (2, "no"), (3, "abc")] {
            let stream = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
            let (used, response) = http.feed(&mut memo, stream.as_bytes(), false).unwrap();
            assert_eq!((used, response.unwrap().bytes), (stream.len(), stream.len() as u64));
        }
    }

    #[test]
    fn discarded_bytes_count_as_received() {
        let (mut http, mut memo, mut on) = (Http1::default(), HeadMemo::default(), Single::new(&STEP));
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n";
        receive(&mut http, &mut memo, format!("{head}0123456789").as_bytes(), &mut on).unwrap();
        assert_eq!(
            (http.wish(), http.begun()),
            (Receive::Discard(9_990), Some(response(200, head.len() + 10)))
        );
        assert_eq!((http.discarded(9_900, &mut on), on.response), (Ok(()), None));
        assert_eq!(http.discarded(90, &mut on), Ok(()));
        assert_eq!(on.response, Some(response(200, head.len() + 10_000)));
        assert_eq!((http.wish(), http.begun()), (Receive::Head, None), "the next is likely to be as long");
    }

    #[test]
    fn short_bodies_are_not_worth_another_way_of_receiving() {
        let (mut http, mut memo, mut on) = (Http1::default(), HeadMemo::default(), Single::new(&STEP));
        let stream = "HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\nabc";
        receive(&mut http, &mut memo, stream.as_bytes(), &mut on).unwrap();
        assert_eq!((on.response, http.wish()), (Some(response(404, stream.len())), Receive::Stream));
    }

    #[test]
    fn bytes_that_nobody_asked_for_are_an_error() {
        let (mut http, mut memo, mut on) = (Http1::default(), HeadMemo::default(), Single::new(&STEP));
        let stream = "HTTP/1.1 204 No\r\n\r\n\r\n";
        let unusable = receive(&mut http, &mut memo, stream.as_bytes(), &mut on).unwrap_err();
        assert_eq!((on.response, unusable.kind), (Some(response(204, stream.len() - 2)), Kind::Protocol));
    }

    #[test]
    fn a_cut_response_is_no_response() {
        let (mut http, mut memo, mut on) = (Http1::default(), HeadMemo::default(), Single::new(&STEP));
        receive(&mut http, &mut memo, b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", &mut on).unwrap();
        assert!(http.begun().is_some());
        assert_eq!((http.ended(&mut on), on.response), (CLOSED, None));
    }
}
