//! Responses of HTTP/1.1 that are looked at: their fields and their bodies are handed on as they come.

use super::{Chunk, HeadMemo, Http1, NotHttp, State};
use crate::protocol::{Events, Place, Response};

impl Http1 {
    /// The same of a response that is looked at: its fields and its body are handed on.
    #[inline(never)]
    pub(super) fn feed_seen(
        &mut self,
        memo: &mut HeadMemo,
        bytes: &[u8],
        is_bodyless: bool,
        place: Place,
        on: &mut impl Events,
    ) -> Result<(usize, Option<Response>), NotHttp> {
        let mut used = 0;
        while used < bytes.len() {
            let rest = &bytes[used..];
            let before = self.state;
            let (taken, is_complete) = match before {
                State::Head if self.partial.is_empty() => {
                    let (taken, is_complete) = self.head(memo, rest, is_bodyless)?;
                    if is_complete || self.state != State::Head {
                        each_field(&rest[..taken], |name, value| on.field(place, name, value));
                    }
                    (taken, is_complete)
                }
                State::Head => {
                    let mut joined = std::mem::take(&mut self.partial);
                    let was_joined = joined.len();
                    joined.extend_from_slice(rest);
                    let head = self.head(memo, &joined, is_bodyless);
                    if let Ok((taken, is_complete)) = head
                        && (is_complete || self.state != State::Head)
                    {
                        each_field(&joined[..taken], |name, value| on.field(place, name, value));
                    }
                    let head = head.map(|(taken, is_complete)| (taken - was_joined.min(taken), is_complete));
                    if self.partial.is_empty() {
                        joined.clear();
                        self.partial = joined;
                    }
                    head?
                }
                State::Length(left) => self.length(left, rest.len()),
                State::Chunked(chunk) => self.chunked(chunk, rest)?,
                State::UntilEnd => (rest.len(), false),
            };
            if matches!(before, State::Length(_) | State::UntilEnd | State::Chunked(Chunk::Data(_))) {
                on.body(place, &rest[..taken]);
            }
            used += taken;
            self.bytes += taken as u64;
            if is_complete {
                return Ok((used, Some(self.complete())));
            }
        }
        Ok((used, None))
    }
}

/// The fields of a head that was found to be one. What a line that is folded goes on with is left out.
fn each_field(head: &[u8], mut take: impl FnMut(&[u8], &[u8])) {
    for line in head.split(|byte| *byte == b'\n').skip(1) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let is_folded = line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
        if let Some(colon) = line.iter().position(|byte| *byte == b':')
            && !is_folded
        {
            take(&line[..colon], line[colon + 1..].trim_ascii());
        }
    }
}
