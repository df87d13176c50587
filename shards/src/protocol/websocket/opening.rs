//! How a WebSocket is opened: a request of HTTP/1.1, and what the response to it has to say (RFC 6455, section 4).

use super::close::SocketBreach;
use super::options::WebSocketOptions;
use crate::protocol::Unusable;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::failure::{FailureKind, RunFailure};
use engine::outbox::Outbox;
use engine::outcome::Kind;
use engine::plan::HttpRequest;
use engine::random::{Draw, Draws, Random};
use engine::template::{Piece, Template};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// What is put behind a key before it is hashed (section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Sixteen bytes in base64.
const KEY_LETTERS: usize = 24;
/// Twenty bytes in base64.
pub(super) const ACCEPT_LETTERS: usize = 28;
/// What stands before the key. It comes before every field of the plan, none of which can have a line's end.
const KEY_FIELD: &[u8] = b"\r\nSec-WebSocket-Key: ";
/// The longest head that is accepted, and the most fields.
pub(super) const HEAD_BYTES_MAX: usize = 16 << 10;
const FIELDS_MAX: usize = 64;
const SWITCHING: u16 = 101;

/// How the connections of a pool are opened: all alike, but for their keys and what holes become.
#[derive(Debug)]
pub struct WebSocketOpening {
    template: Template,
    draws: Draws,
    /// The number of the next, of all shards together, and how far apart those of one shard are.
    next: u64,
    stride: u64,
}

/// What the response to an opening said, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebSocketGreeting {
    /// Its first line.
    pub line: String,
    /// The subprotocol that the target chose.
    pub subprotocol: Option<String>,
    /// Why it closed the connection, when it has: its code, and its own words.
    pub farewell: Option<(u16, String)>,
}

impl WebSocketOpening {
    /// The request of a plan, sent to an authority. What is drawn for it is drawn from a stream of its own.
    pub fn new(
        request: &HttpRequest,
        authority: &str,
        options: &WebSocketOptions,
        draws: Draws,
    ) -> Result<WebSocketOpening, RunFailure> {
        let bytes = |text: String| Piece::Bytes(text.into_bytes());
        let names = |wanted: &str| request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let mut pieces = vec![bytes("GET ".into())];
        pieces.extend(request.path.iter().cloned());
        pieces.push(bytes(" HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade".into()));
        pieces.push(Piece::Bytes(KEY_FIELD.to_vec()));
        pieces.push(Piece::Bytes(vec![b'='; KEY_LETTERS]));
        pieces.push(bytes("\r\nSec-WebSocket-Version: 13\r\n".into()));
        if !options.subprotocols.is_empty() {
            pieces.push(bytes(format!("Sec-WebSocket-Protocol: {}\r\n", options.subprotocols.join(", "))));
        }
        if !names("host") {
            pieces.push(bytes(format!("Host: {authority}\r\n")));
        }
        if !names("user-agent") {
            pieces.push(bytes(concat!("User-Agent: vajra/", env!("CARGO_PKG_VERSION"), "\r\n").into()));
        }
        for (name, value) in &request.headers {
            pieces.push(bytes(format!("{name}: ")));
            pieces.extend(value.iter().cloned());
            pieces.push(bytes("\r\n".into()));
        }
        pieces.push(bytes("\r\n".into()));
        let template = Template::new(pieces).map_err(|problem| FailureKind::Plan.failure(problem))?;
        Ok(WebSocketOpening { template, draws, next: 0, stride: 1 })
    }

    /// Of one shard of so many: no two of a run have the same number.
    pub(super) fn of_shard(&mut self, shard: u64, shards: u64) {
        (self.next, self.stride) = (shard, shards);
    }

    pub(super) fn bytes_max(&self) -> usize {
        self.template.bytes_max()
    }

    /// Takes the next number: all that is drawn for a connection depends on it.
    pub(super) fn take_number(&mut self) -> u64 {
        let number = self.next;
        self.next += self.stride;
        number
    }

    /// What masks are drawn from on the connection with this number.
    pub(super) fn masks(&self, number: u64) -> Random {
        self.draws.at(Draw::Block, number)
    }

    /// The key of the connection with this number.
    fn key(&self, number: u64) -> [u8; KEY_LETTERS] {
        let mut random = self.draws.at(Draw::Place, number);
        let bits = u128::from(random.bits()) << 64 | u128::from(random.bits());
        let mut key = [0; KEY_LETTERS];
        let written = STANDARD.encode_slice(bits.to_be_bytes(), &mut key);
        assert_eq!(written, Ok(KEY_LETTERS), "sixteen bytes have as many letters");
        key
    }

    /// What the target has to show the connection with this number.
    pub(super) fn accept(&self, number: u64) -> [u8; ACCEPT_LETTERS] {
        accept_of(&self.key(number))
    }

    /// Appends the request of the connection with this number.
    pub(super) fn push(&self, number: u64, out: &mut Outbox<'_>) {
        let start = out.filled();
        self.template.render(number, self.draws, out);
        let request = out.bytes_from_mut(start);
        let field = request.windows(KEY_FIELD.len()).position(|window| window == KEY_FIELD);
        let at = field.expect("each opening has a key") + KEY_FIELD.len();
        request[at..at + KEY_LETTERS].copy_from_slice(&self.key(number));
    }
}

/// What a target that has read this key says of it (section 4.2.2).
fn accept_of(key: &[u8; KEY_LETTERS]) -> [u8; ACCEPT_LETTERS] {
    let mut text = [0; KEY_LETTERS + GUID.len()];
    text[..KEY_LETTERS].copy_from_slice(key);
    text[KEY_LETTERS..].copy_from_slice(GUID);
    let mut accept = [0; ACCEPT_LETTERS];
    let written = STANDARD.encode_slice(digest(&SHA1_FOR_LEGACY_USE_ONLY, &text).as_ref(), &mut accept);
    assert_eq!(written, Ok(ACCEPT_LETTERS), "twenty bytes have as many letters");
    accept
}

/// What was found at the front of what came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OpeningHead<'a> {
    /// Its end has not come.
    Unfinished,
    /// A response that is only of the meantime, with so many bytes.
    Interim(usize),
    /// The connection is one of WebSocket from here on.
    Opened {
        bytes: usize,
        /// Which of those that were offered was chosen.
        subprotocol: Option<&'a str>,
    },
}

/// Reads the response to an opening; `accept` is what has to be said of its key. Errors say why no WebSocket was opened.
pub(super) fn read<'a>(
    bytes: &[u8],
    accept: &[u8; ACCEPT_LETTERS],
    offered: &'a [String],
) -> Result<OpeningHead<'a>, Unusable> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut response = httparse::Response::new(&mut fields);
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= HEAD_BYTES_MAX => length,
        Ok(httparse::Status::Partial) if bytes.len() <= HEAD_BYTES_MAX => return Ok(OpeningHead::Unfinished),
        Ok(_) => return Err(too_long()),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(wrong("the response to the opening has more than 64 header fields"));
        }
        Err(_) => return Err(wrong("the response to the opening is not HTTP/1.1")),
    };
    match response.code.unwrap_or(0) {
        SWITCHING if response.version == Some(1) => {}
        SWITCHING => return Err(wrong("the response to the opening is of HTTP/1.0")),
        100..200 => return Ok(OpeningHead::Interim(length)),
        status => return Err(refused(status)),
    }
    let fields = response.headers;
    if !lists(fields, "upgrade", "websocket") {
        return Err(wrong("the response to the opening does not say `Upgrade: websocket`"));
    }
    if !lists(fields, "connection", "upgrade") {
        return Err(wrong("the response to the opening does not say `Connection: Upgrade`"));
    }
    let mut accepts = values(fields, "sec-websocket-accept");
    match (accepts.next().map(<[u8]>::trim_ascii), accepts.next()) {
        (Some(given), None) if given == accept => {}
        (None, _) => return Err(wrong("the response to the opening has no Sec-WebSocket-Accept")),
        _ => return Err(wrong("the Sec-WebSocket-Accept of the response is not the one of our key")),
    }
    if values(fields, "sec-websocket-extensions").any(|value| !value.trim_ascii().is_empty()) {
        return Err(wrong("the target chose an extension, and none was offered"));
    }
    let mut chosen = values(fields, "sec-websocket-protocol");
    let subprotocol = match (chosen.next().map(<[u8]>::trim_ascii), chosen.next()) {
        (None, _) => None,
        (Some(name), None) => match offered.iter().find(|offered| offered.as_bytes() == name) {
            Some(name) => Some(name.as_str()),
            None => return Err(wrong("the target chose a subprotocol that was not offered")),
        },
        (Some(_), Some(_)) => return Err(wrong("the target chose several subprotocols")),
    };
    Ok(OpeningHead::Opened { bytes: length, subprotocol })
}

fn values<'a>(fields: &'a [httparse::Header<'_>], name: &str) -> impl Iterator<Item = &'a [u8]> {
    fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
}

/// Whether a field, which may be there several times, has a token in its list.
fn lists(fields: &[httparse::Header<'_>], name: &str, token: &str) -> bool {
    let mut tokens = values(fields, name).flat_map(|value| value.split(|&byte| byte == b','));
    tokens.any(|found| found.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

pub(super) fn too_long() -> Unusable {
    wrong("the head of the response to the opening is longer than 16 KiB")
}

fn wrong(why: &'static str) -> Unusable {
    SocketBreach::of_protocol(why).into()
}

const REFUSED: &[u8; 46] = b"the response to the opening is 000, and no 101";
const REFUSED_DIGITS: usize = 31;
const STATUSES: usize = 1_000;
/// What is said of each status: texts of failures are constants.
static REFUSALS: [[u8; REFUSED.len()]; STATUSES] = refusals();

const fn refusals() -> [[u8; REFUSED.len()]; STATUSES] {
    let mut all = [*REFUSED; STATUSES];
    let mut status = 0;
    while status < STATUSES {
        all[status][REFUSED_DIGITS] = b'0' + (status / 100) as u8;
        all[status][REFUSED_DIGITS + 1] = b'0' + (status / 10 % 10) as u8;
        all[status][REFUSED_DIGITS + 2] = b'0' + (status % 10) as u8;
        status += 1;
    }
    all
}

/// The target speaks HTTP, and opens no WebSocket: no connection was made.
fn refused(status: u16) -> Unusable {
    let text = REFUSALS.get(usize::from(status)).and_then(|text| std::str::from_utf8(text).ok());
    Unusable { kind: Kind::Connect, why: text.unwrap_or("the response to the opening is no 101") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::outbox;
    use engine::plan::ReplyMatching;
    use engine::template;

    const KEY: &[u8; KEY_LETTERS] = b"dGhlIHNhbXBsZSBub25jZQ==";

    fn options(subprotocols: &[&str]) -> WebSocketOptions {
        let subprotocols = subprotocols.iter().map(|name| (*name).to_owned()).collect();
        WebSocketOptions { subprotocols, matching: ReplyMatching::Order, messages: 1, ping_ns: None }
    }

    fn opening(path: &str, headers: &[(&str, &str)], seed: u64) -> WebSocketOpening {
        let pieces = |text: &str| template::parse(text).unwrap();
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), pieces(value))).collect();
        let request = HttpRequest { method: "GET".into(), path: pieces(path), headers, body: None };
        WebSocketOpening::new(&request, "h:80", &options(&["chat", "superchat"]), Draws::new(seed, 0))
            .unwrap()
    }

    fn request(opening: &WebSocketOpening, number: u64) -> String {
        let bytes = outbox::collected(opening.bytes_max(), |out| opening.push(number, out));
        String::from_utf8(bytes).unwrap()
    }

    /// The response of the standard's example, with other fields in the place of some.
    fn response(status: &str, changed: &[(&str, &str)]) -> String {
        let usual = [
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ];
        let is_changed = |name: &str| changed.iter().any(|(changed, _)| *changed == name);
        let kept = usual.iter().filter(|(name, _)| !is_changed(name));
        let fields = kept.chain(changed.iter().filter(|(_, value)| !value.is_empty()));
        let fields: String = fields.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("HTTP/1.1 {status}\r\n{fields}\r\n")
    }

    fn said(text: &str) -> Result<OpeningHead<'static>, &'static str> {
        let offered: &'static [String] = Box::leak(Box::new(["chat".to_owned(), "superchat".to_owned()]));
        read(text.as_bytes(), &accept_of(KEY), offered).map_err(|unusable| unusable.why)
    }

    #[test]
    fn the_key_of_the_standard_has_the_answer_of_the_standard() {
        assert_eq!(&accept_of(KEY), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let text = response("101 Switching Protocols", &[]);
        assert_eq!(said(&text), Ok(OpeningHead::Opened { bytes: text.len(), subprotocol: None }));
        for cut in 0..text.len() {
            assert_eq!(said(&text[..cut]), Ok(OpeningHead::Unfinished));
        }
    }

    #[test]
    fn the_request_is_that_of_the_plan_and_has_a_key_of_its_own_for_each_connection() {
        let opening = opening("/ws?n={{seq}}", &[("Origin", "http://o"), ("X-A", "{{seq}}")], 1);
        let first = request(&opening, 7);
        assert!(first.starts_with("GET /ws?n=7 HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"));
        for line in [
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: chat, superchat",
            "Host: h:80",
            "Origin: http://o",
            "X-A: 7",
        ] {
            assert!(first.contains(&format!("\r\n{line}\r\n")), "{line}: {first}");
        }
        assert!(first.ends_with("\r\n\r\n"));
        let keys: std::collections::BTreeSet<[u8; KEY_LETTERS]> =
            (0..1_000).map(|number| opening.key(number)).collect();
        assert_eq!(keys.len(), 1_000);
        for key in keys {
            assert_eq!(STANDARD.decode(key).unwrap().len(), 16);
        }
        assert!(first.contains(std::str::from_utf8(&opening.key(7)).unwrap()));
    }

    #[test]
    fn the_same_seed_has_the_same_keys_and_another_has_others() {
        let request_of = |seed| request(&opening("/", &[], seed), 3);
        assert_eq!(request_of(1), request_of(1));
        assert_ne!(request_of(1), request_of(2));
    }

    #[test]
    fn shards_number_their_connections_apart() {
        let numbers = |shard| {
            let mut opening = opening("/", &[], 1);
            opening.of_shard(shard, 2);
            (0..3).map(|_| opening.take_number()).collect::<Vec<u64>>()
        };
        assert_eq!((numbers(0), numbers(1)), (vec![0, 2, 4], vec![1, 3, 5]));
    }

    #[test]
    fn fields_may_be_lists_and_of_any_case() {
        for changed in [
            &[("connection", "keep-alive, UPGRADE"), ("upgrade", "WebSocket")][..],
            &[("connection", "x"), ("Connection", "upgrade")],
            &[("sec-websocket-extensions", " ")],
        ] {
            assert!(
                matches!(said(&response("101 x", changed)), Ok(OpeningHead::Opened { .. })),
                "{changed:?}"
            );
        }
        let chosen = said(&response("101 x", &[("sec-websocket-protocol", "superchat")]));
        assert!(
            matches!(chosen, Ok(OpeningHead::Opened { subprotocol: Some("superchat"), .. })),
            "{chosen:?}"
        );
    }

    #[test]
    fn what_does_not_open_a_websocket_is_told() {
        let ok = "101 Switching Protocols";
        for (status, changed, why) in [
            ("200 OK", &[][..], "the response to the opening is 200, and no 101"),
            ("403 Forbidden", &[], "the response to the opening is 403, and no 101"),
            ("999 Odd", &[], "the response to the opening is 999, and no 101"),
            (ok, &[("upgrade", "")], "does not say `Upgrade: websocket`"),
            (ok, &[("upgrade", "h2c")], "does not say `Upgrade: websocket`"),
            (ok, &[("connection", "close")], "does not say `Connection: Upgrade`"),
            (ok, &[("sec-websocket-accept", "")], "has no Sec-WebSocket-Accept"),
            (ok, &[("sec-websocket-accept", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=")], "is not the one of our key"),
            (ok, &[("Sec-WebSocket-Accept", "x")], "is not the one of our key"),
            (ok, &[("sec-websocket-extensions", "permessage-deflate")], "chose an extension"),
            (ok, &[("sec-websocket-protocol", "Chat")], "a subprotocol that was not offered"),
            (ok, &[("sec-websocket-protocol", "chat, superchat")], "a subprotocol that was not offered"),
            (ok, &[("sec-websocket-protocol", "chat"), ("Sec-WebSocket-Protocol", "chat")], "several"),
        ] {
            let told = said(&response(status, changed)).expect_err(why);
            assert!(told.contains(why), "{why}: {told}");
        }
        let old = response(ok, &[]).replace("HTTP/1.1", "HTTP/1.0");
        assert!(said(&old).unwrap_err().contains("HTTP/1.0"));
        assert!(said("SSH-2.0-OpenSSH_9.2\r\n\r\n").unwrap_err().contains("not HTTP/1.1"));
    }

    #[test]
    fn responses_of_the_meantime_are_passed_over_and_heads_without_an_end_are_not() {
        let interim = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
        assert_eq!(said(interim), Ok(OpeningHead::Interim(interim.len())));
        let endless = format!("HTTP/1.1 101 x\r\nX: {}", "y".repeat(HEAD_BYTES_MAX));
        assert!(said(&endless).unwrap_err().contains("16 KiB"));
        let crowded = format!("HTTP/1.1 101 x\r\n{}\r\n", "X: y\r\n".repeat(FIELDS_MAX + 1));
        assert!(said(&crowded).unwrap_err().contains("64 header fields"));
    }
}
