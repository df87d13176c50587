//! Server reflection: a target of gRPC is asked which services it has, and for the files that say what is in them.
//!
//! Each question is a call on a connection of its own, made as the run's are: by the same HTTP/2, inside the same TLS. The newer version
//! of the protocol is asked for first (grpc/reflection/v1), and where there is none, the older one (v1alpha), whose messages are the
//! same.

use super::check::Check;
use super::exchange::{AskedRequest, Came, Exchange};
use super::requests::{connect, unreachable_target};
use crate::assembly::{grpc_shared, http2_request};
use engine::code;
use engine::failure::{FailureKind, RunFailure};
use engine::flow::StepLooks;
use engine::mix::Mix;
use engine::plain::plain;
use engine::plan::{GrpcCall, GrpcMethod, MessagePace, Request, Step, Target};
use engine::random::Draws;
use engine::seams::{Call, Source};
use engine::template::Piece;
use socket2::SockAddr;
use std::time::Duration;

/// The versions of the protocol, the newest first.
const METHODS: [&str; 2] = [
    "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];
/// How long an answer may take: a target that is about to be loaded is not busy yet.
const PATIENCE: Duration = Duration::from_secs(10);
/// Fields of a question (grpc/reflection/v1/reflection.proto, `ServerReflectionRequest`).
const FILE_BY_NAME: u32 = 3;
const FILE_OF_SYMBOL: u32 = 4;
const LIST_SERVICES: u32 = 7;
/// And of what comes back (`ServerReflectionResponse`).
const FILES: u32 = 4;
const SERVICES: u32 = 6;
const ERROR: u32 = 7;
/// Statuses of gRPC: of an error, what was asked for is not there; of a call, there is no such method.
const NOT_FOUND: u64 = 5;
const UNIMPLEMENTED: u16 = 12;

/// A target that is asked.
pub struct Reflection<'a> {
    target: &'a Target,
    address: &'a SockAddr,
    /// Sent with each question: who may not call may not ask.
    metadata: Vec<(String, Vec<Piece>)>,
    version: usize,
}

/// How a call has ended.
enum CallEnd {
    Messages(Vec<Vec<u8>>),
    /// Without success, and what was said to that.
    Status(u16, Option<String>),
}

/// What a target says to a question.
enum Said {
    Files(Vec<Vec<u8>>),
    Services(Vec<String>),
    Error { code: u64, text: String },
}

impl<'a> Reflection<'a> {
    /// Of a target at an address.
    pub fn new(
        target: &'a Target,
        address: &'a SockAddr,
        metadata: Vec<(String, Vec<Piece>)>,
    ) -> Reflection<'a> {
        Reflection { target, address, metadata, version: 0 }
    }

    /// The full names of its services.
    pub fn services(&mut self) -> Result<Vec<String>, RunFailure> {
        match self.ask(LIST_SERVICES, "*")? {
            Said::Services(names) => Ok(names),
            other => Err(self.unexpected(other, "which services there are")),
        }
    }

    /// The file in which something is said of a service, and perhaps those it needs; nothing where the target knows none.
    pub fn files_of(&mut self, symbol: &str) -> Result<Option<Vec<Vec<u8>>>, RunFailure> {
        match self.ask(FILE_OF_SYMBOL, symbol)? {
            Said::Files(files) => Ok(Some(files)),
            Said::Error { code: NOT_FOUND, .. } => Ok(None),
            other => Err(self.unexpected(other, &format!("what `{symbol}` is"))),
        }
    }

    /// The file of a name.
    pub fn file_named(&mut self, name: &str) -> Result<Vec<Vec<u8>>, RunFailure> {
        match self.ask(FILE_BY_NAME, name)? {
            Said::Files(files) => Ok(files),
            other => Err(self.unexpected(other, &format!("what is in `{name}`"))),
        }
    }

    fn unexpected(&self, said: Said, asked: &str) -> RunFailure {
        let told = match said {
            Said::Error { code, text } => {
                let status = u16::try_from(code).map_or(2, |status| status);
                format!("{}: {}", code::show(code::of_grpc(status)), plain(&text))
            }
            Said::Files(_) | Said::Services(_) => "something else".to_owned(),
        };
        self.refused(&format!("it was asked {asked}, and said {told}"))
    }

    fn refused(&self, why: &str) -> RunFailure {
        let text = format!("{} does not say what can be called there: {why}", self.target.url);
        FailureKind::Unanswered
            .with_fix(text, "name the `.proto` files that do (`--proto`), or let it have server reflection")
    }

    /// Nobody listens there, or nothing leads there.
    fn unreachable(&self, error: &std::io::Error, timeout: Duration) -> RunFailure {
        let Check { found, fix, .. } = unreachable_target(&self.target.url.to_string(), error, timeout);
        FailureKind::Unanswered.with_fix(format!("{found}, and is to say what can be called there"), fix)
    }

    /// Asks one thing, in the version that the target has.
    fn ask(&mut self, field: u32, about: &str) -> Result<Said, RunFailure> {
        let mut question = Vec::new();
        push_field(&mut question, field, about.as_bytes());
        loop {
            match self.exchange(&question)? {
                CallEnd::Messages(messages) => {
                    let said = messages.first().and_then(|message| said(message));
                    return said.ok_or_else(|| self.refused("what it said cannot be read"));
                }
                CallEnd::Status(status, _) if status == UNIMPLEMENTED && self.version + 1 < METHODS.len() => {
                    self.version += 1
                }
                CallEnd::Status(status, message) => {
                    let named = code::show(code::of_grpc(status));
                    let why = match (status, message) {
                        (UNIMPLEMENTED, _) => "it has no server reflection".to_owned(),
                        (_, Some(message)) => format!("the call ended with {named}: {}", plain(&message)),
                        (_, None) => format!("the call ended with {named}"),
                    };
                    return Err(self.refused(&why));
                }
            }
        }
    }

    /// One call.
    fn exchange(&self, question: &[u8]) -> Result<CallEnd, RunFailure> {
        let (encoded, request) = http2_request(&self.step(question), self.target, false)?;
        let mut mix = Mix::new(vec![encoded], Draws::new(0, 0));
        let mut shared = grpc_shared(self.target, vec![request])?;
        let connect_timeout = Duration::from_nanos(self.target.connect_timeout_ns);
        let failed = |error: std::io::Error| self.refused(&error.to_string());
        let socket = connect(self.address, connect_timeout)
            .map_err(|error| self.unreachable(&error, connect_timeout))?;
        let bytes_max = mix.steps()[0].bytes_max;
        let mut exchange = Exchange::gathering(socket, &mut shared, bytes_max).map_err(failed)?;
        let mut asked = AskedRequest {
            source: &mut mix,
            call: Call::default(),
            number: 0,
            timeout: PATIENCE,
            connect_timeout,
        };
        let came = match exchange.agree(&mut asked).map_err(failed)? {
            Some(came) => came,
            None => exchange.ask(&mut asked).map_err(failed)?,
        };
        match came {
            Came::Whole(response) if response.is_ok => Ok(CallEnd::Messages(exchange.take_messages())),
            Came::Whole(response) => match code::grpc_status(response.code) {
                Some(status) => Ok(CallEnd::Status(status, exchange.grpc_message())),
                None => Err(self.refused("it does not speak gRPC")),
            },
            Came::Part { why, .. } => Err(self.refused(&why)),
            Came::Nonsense(why, _) | Came::Ended(why) | Came::Broken(why) | Came::NotAgreed(why) => {
                Err(self.refused(why))
            }
            Came::Closed => Err(self.refused("it closed the connection")),
            Came::Agreed | Came::Silent => Err(self.refused(&format!("it said nothing within {PATIENCE:?}"))),
        }
    }

    fn step(&self, question: &[u8]) -> Step {
        let method = GrpcMethod {
            input: String::new(),
            output: String::new(),
            client_streams: true,
            server_streams: true,
            is_safe: true,
            told_by: String::new(),
            encoded: vec![vec![Piece::Bytes(question.to_vec())]],
            reply: None,
        };
        let call = GrpcCall {
            method: METHODS[self.version].to_owned(),
            metadata: self.metadata.clone(),
            messages: vec![Vec::new()],
            count: None,
            pace: MessagePace::AtOnce,
            deadline_ns: None,
            described: Some(method),
        };
        Step {
            name: "reflection".into(),
            weight: 1,
            pool: 0,
            timeout_ns: 0,
            request: Request::Grpc(call),
            looks: StepLooks::default(),
        }
    }
}

/// Appends a field that has its length before it. Numbers and lengths fit into what is asked.
fn push_field(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    out.push((number << 3) as u8 | 2);
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
}

/// What a message says, if it can be read.
fn said(message: &[u8]) -> Option<Said> {
    for (number, value) in fields(message)? {
        let WireValue::Bytes(inner) = value else { continue };
        match number {
            FILES => {
                let files = fields(inner)?.into_iter().filter_map(|field| field.1.bytes(field.0, 1));
                return Some(Said::Files(files.map(<[u8]>::to_vec).collect()));
            }
            SERVICES => {
                let services = fields(inner)?.into_iter().filter_map(|field| field.1.bytes(field.0, 1));
                let name = |service: &[u8]| {
                    let name = fields(service)?.into_iter().find_map(|field| field.1.bytes(field.0, 1))?;
                    Some(String::from_utf8_lossy(name).into_owned())
                };
                return Some(Said::Services(services.filter_map(name).collect()));
            }
            ERROR => {
                let (mut code, mut text) = (0, String::new());
                for (number, value) in fields(inner)? {
                    match value {
                        WireValue::Number(value) if number == 1 => code = value,
                        WireValue::Bytes(bytes) if number == 2 => {
                            text = String::from_utf8_lossy(bytes).into_owned()
                        }
                        _ => {}
                    }
                }
                return Some(Said::Error { code, text });
            }
            _ => {}
        }
    }
    None
}

/// A value in a message.
#[derive(Clone, Copy, Debug, PartialEq)]
enum WireValue<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> WireValue<'a> {
    /// The bytes of a field, if they are of the one that is wanted.
    fn bytes(self, number: u32, wanted: u32) -> Option<&'a [u8]> {
        match self {
            WireValue::Bytes(bytes) if number == wanted => Some(bytes),
            _ => None,
        }
    }
}

/// The fields of a message, if it is one.
fn fields(mut message: &[u8]) -> Option<Vec<(u32, WireValue<'_>)>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        let value = match tag & 7 {
            0 => WireValue::Number(varint(&mut message)?),
            1 => WireValue::Bytes(split(&mut message, 8)?),
            2 => {
                let length = varint(&mut message)?;
                WireValue::Bytes(split(&mut message, usize::try_from(length).ok()?)?)
            }
            5 => WireValue::Bytes(split(&mut message, 4)?),
            _ => return None,
        };
        fields.push((u32::try_from(tag >> 3).ok()?, value));
    }
    Some(fields)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn split<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u32, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        push_field(&mut out, number, bytes);
        out
    }

    #[test]
    fn what_a_target_says_is_read() {
        let files = field(FILES, &[field(1, b"one"), field(1, &[b'x'; 300])].concat());
        assert!(
            matches!(said(&files), Some(Said::Files(files)) if files[0] == b"one" && files[1].len() == 300)
        );
        let services = field(SERVICES, &field(1, &field(1, b"greet.Greeter")));
        assert!(matches!(said(&services), Some(Said::Services(names)) if names == ["greet.Greeter"]));
        let error = field(ERROR, &[&[8, 5][..], &field(2, b"no such")].concat());
        assert!(matches!(said(&error), Some(Said::Error { code: 5, text }) if text == "no such"));
    }

    #[test]
    fn what_is_no_message_is_not_read() {
        for bytes in [&[0x22][..], &[0x22, 5, 1], &[0xff; 11], &[0x23], &[0x21, 1]] {
            assert!(said(bytes).is_none(), "{bytes:?}");
        }
        assert!(said(&[]).is_none());
    }
}
