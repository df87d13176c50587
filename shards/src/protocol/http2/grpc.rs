//! A response of gRPC as it comes (grpc.io, "gRPC over HTTP2"): messages, each behind five bytes, and a status.
//!
//! Messages are counted and passed by, not kept. What is wrong with a call ends its stream alone, by RST_STREAM, and the words for it
//! begin with the status that other clients make of it.

use super::facts::{BlockFacts, GRPC_STATUS_NONE};
use crate::protocol::{Events, Place};
use engine::code;
use engine::plan::MessagePace;

/// What stands before each message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;
/// The longest message that common clients take where nothing else is said.
pub const MESSAGE_BYTES_MAX: u32 = 4 << 20;
/// The status of success, of HTTP and of gRPC.
const HTTP_OK: u16 = 200;
const GRPC_OK: u16 = 0;

const COMPRESSED: &str = "INTERNAL: the target compressed a message, and no compression was agreed on";
const FLAGGED: &str =
    "INTERNAL: a message begins with a byte that says neither that it is compressed nor that it is not";
const TOO_LONG: &str = "RESOURCE_EXHAUSTED: a message is longer than 4 MiB";
const SEVERAL: &str = "INTERNAL: the target sent several messages, and the method has one";
const CUT_SHORT: &str = "INTERNAL: a message is longer than the body that it is in";
const NO_MESSAGE: &str = "INTERNAL: the target says OK and sent no message";
const NO_STATUS: &str = "INTERNAL: the response ended without grpc-status";
const NO_GRPC: &str = "UNKNOWN: the response is not one of gRPC: its content-type is not application/grpc";

/// What the response to a request is, by its protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ResponseForm {
    /// One of HTTP.
    #[default]
    Http,
    /// One message of gRPC.
    OneMessage,
    /// Any number of them.
    Messages,
}

/// What has come of a call's response.
#[derive(Clone, Copy, Debug)]
pub(super) struct GrpcProgress {
    form: ResponseForm,
    /// The header said that messages of gRPC come.
    pub(super) is_grpc: bool,
    status: u16,
    prefix: [u8; PREFIX_BYTES],
    prefix_bytes: u8,
    /// Of the message that has begun.
    left_bytes: u32,
    messages: u32,
    /// Where messages are sent one by one: how far they may be.
    pub(super) turns: Option<MessageTurns>,
}

/// Messages of a call that are sent one by one: each once the reply to the one before it has come, or at its moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct MessageTurns {
    /// Messages that may be sent.
    due: u32,
    /// Messages whose end in the body is known, and where that is.
    found: u32,
    end_bytes: usize,
    /// All that may be sent is.
    pub(super) is_over: bool,
    /// The time from one to the next; 0 where replies are waited for.
    period_ns: u64,
    /// When the first was sent, once that is known.
    first_ns: Option<u64>,
    /// When the one was sent whose reply is waited for.
    asked_ns: Option<u64>,
}

impl MessageTurns {
    /// The first may be sent, if they take turns at all.
    fn of(pace: MessagePace) -> Option<MessageTurns> {
        let period_ns = match pace {
            MessagePace::AtOnce => return None,
            MessagePace::PingPong => 0,
            MessagePace::Every { period_ns } => period_ns,
        };
        Some(MessageTurns {
            due: 1,
            found: 0,
            end_bytes: 0,
            is_over: false,
            period_ns,
            first_ns: None,
            asked_ns: None,
        })
    }

    /// More may be sent than was when all was sent that could be.
    pub(super) fn may_go_on(&self) -> bool {
        self.is_over && self.found < self.due
    }

    /// All that may be sent is, since this moment: a reply is waited for, where replies are.
    pub(super) fn note_sent(&mut self, now_ns: u64) {
        if self.period_ns == 0 {
            self.asked_ns = Some(now_ns);
        }
    }

    /// A reply has come: when the message was sent that it is to, where one waits for it.
    fn note_reply(&mut self) -> Option<u64> {
        self.due += u32::from(self.period_ns == 0);
        self.asked_ns.take()
    }

    /// When it wants to be told the time: as soon as the first has been sent, and when another is due of which all before have been;
    /// the end of time otherwise.
    pub(super) fn due_ns(&self) -> u64 {
        match self.first_ns {
            _ if self.period_ns == 0 || !self.is_over => u64::MAX,
            None => 0,
            Some(first_ns) => first_ns.saturating_add(self.period_ns.saturating_mul(self.due.into())),
        }
    }

    /// It is so late: whether more may be sent by now.
    pub(super) fn reach(&mut self, now_ns: u64) -> bool {
        if self.due_ns() > now_ns {
            return false;
        }
        let first_ns = *self.first_ns.get_or_insert(now_ns);
        let due = 1 + now_ns.saturating_sub(first_ns) / self.period_ns;
        self.due = u32::try_from(due).unwrap_or(u32::MAX);
        self.may_go_on()
    }

    /// How much of a body may be sent in one frame, of which so much was: to the end of a message. Nothing more where none is due.
    pub(super) fn end_in(&mut self, body: &[u8], sent_bytes: usize) -> usize {
        if self.end_bytes == sent_bytes
            && self.found < self.due
            && let Some(end_bytes) = message_end(body, sent_bytes)
        {
            self.found += 1;
            self.end_bytes = end_bytes;
        }
        self.end_bytes
    }
}

/// Where the message ends that begins at a place of a body, with what stands before it: whether it is compressed, and its length in four
/// bytes.
pub(super) fn message_end(body: &[u8], from: usize) -> Option<usize> {
    let &[_, a, b, c, d] = body.get(from..)?.first_chunk()?;
    Some((from + PREFIX_BYTES + u32::from_be_bytes([a, b, c, d]) as usize).min(body.len()))
}

impl GrpcProgress {
    /// Nothing has, of a call whose response is to be so and whose messages are sent so.
    #[inline]
    pub(super) fn begun(form: ResponseForm, pace: MessagePace) -> GrpcProgress {
        GrpcProgress { form, turns: MessageTurns::of(pace), ..GrpcProgress::NOTHING }
    }

    /// What no call is.
    pub(super) const NOTHING: GrpcProgress = GrpcProgress {
        form: ResponseForm::Http,
        is_grpc: false,
        status: GRPC_STATUS_NONE,
        prefix: [0; PREFIX_BYTES],
        prefix_bytes: 0,
        left_bytes: 0,
        messages: 0,
        turns: None,
    };

    /// Whether it is one of a call.
    pub(super) fn is_of_call(&self) -> bool {
        self.form != ResponseForm::Http
    }

    /// A header block came: the response's, or trailers.
    #[inline]
    pub(super) fn note(&mut self, facts: BlockFacts) {
        self.is_grpc |= facts.is_grpc;
        if facts.grpc_status != GRPC_STATUS_NONE {
            self.status = facts.grpc_status;
        }
    }

    /// Takes a part of the body. The messages that it completes are told, and their bytes as they come.
    #[inline]
    pub(super) fn take(
        &mut self,
        place: Place,
        bytes: &[u8],
        on: &mut impl Events,
    ) -> Result<(), &'static str> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let prefix_bytes = usize::from(self.prefix_bytes);
            if prefix_bytes < PREFIX_BYTES {
                let taken = (PREFIX_BYTES - prefix_bytes).min(rest.len());
                self.prefix[prefix_bytes..][..taken].copy_from_slice(&rest[..taken]);
                self.prefix_bytes += taken as u8;
                rest = &rest[taken..];
                if prefix_bytes + taken < PREFIX_BYTES {
                    return Ok(());
                }
                self.begin()?;
                on.message_begins(place);
            }
            let taken = (self.left_bytes as usize).min(rest.len());
            on.message_bytes(place, &rest[..taken]);
            self.left_bytes -= taken as u32;
            rest = &rest[taken..];
            if self.left_bytes == 0 {
                self.prefix_bytes = 0;
                self.messages += 1;
                let asked_ns = self.turns.as_mut().and_then(MessageTurns::note_reply);
                on.message(place, asked_ns);
            }
        }
        Ok(())
    }

    /// A prefix is there.
    #[inline]
    fn begin(&mut self) -> Result<(), &'static str> {
        let [flag, a, b, c, d] = self.prefix;
        self.left_bytes = u32::from_be_bytes([a, b, c, d]);
        match flag {
            0 => {}
            1 => return Err(COMPRESSED),
            _ => return Err(FLAGGED),
        }
        if self.left_bytes > MESSAGE_BYTES_MAX {
            return Err(TOO_LONG);
        }
        if self.messages > 0 && self.form == ResponseForm::OneMessage {
            return Err(SEVERAL);
        }
        Ok(())
    }

    /// What the response says, now that it is complete; or why it says nothing.
    #[inline]
    pub(super) fn outcome(&self, http_status: u16) -> Result<u16, &'static str> {
        match self.status {
            GRPC_OK if self.prefix_bytes > 0 => Err(CUT_SHORT),
            GRPC_OK if self.messages == 0 && self.form == ResponseForm::OneMessage => Err(NO_MESSAGE),
            GRPC_STATUS_NONE if http_status != HTTP_OK => Ok(code::grpc_of_http(http_status)),
            GRPC_STATUS_NONE if !self.is_grpc => Err(NO_GRPC),
            GRPC_STATUS_NONE if self.prefix_bytes > 0 => Err(CUT_SHORT),
            GRPC_STATUS_NONE => Err(NO_STATUS),
            status => Ok(status),
        }
    }
}
