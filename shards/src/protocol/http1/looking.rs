//! Responses of HTTP/1.1 that are looked at: their fields and their bodies are handed on as they come.

use super::{Chunk, HeadMemo, Http1, NotHttp, State};
use crate::protocol::{Events, Place, Response};
use memchr::memchr;

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
                        hand_on_fields(&rest[..taken], place, on);
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
                        hand_on_fields(&joined[..taken], place, on);
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

/// Hands on the fields of a head that was found to be one. What a line that is folded goes on with is left out.
fn hand_on_fields(head: &[u8], place: Place, on: &mut impl Events) {
    if !on.wants_fields(place) {
        return;
    }
    let line_end = |at: usize| memchr(b'\n', &head[at..]).map(|length| at + length);
    let Some(mut end) = line_end(0) else { return };
    while let Some(next) = line_end(end + 1) {
        let line = &head[end + 1..next];
        end = next;
        let is_folded = line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
        if let Some(colon) = memchr(b':', line)
            && !is_folded
        {
            // Blanks around it are no part of a value, and neither is what is left of the line's end.
            on.field(place, &line[..colon], line[colon + 1..].trim_ascii());
        }
    }
}
