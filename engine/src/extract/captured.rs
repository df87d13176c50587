//! A response as far as it is wanted, in memory that is used again for the next.

use super::wants::Wants;
use crate::message_form::{MessageForm, RecordPlace, tell};
use std::ops::Range;

/// The most that is kept of the headers of one response, in bytes: all values that are wanted together.
pub const HEADERS_BYTES_MAX: usize = 16 << 10;

const SET_COOKIE: &[u8] = b"set-cookie";

/// What was kept of a response. It comes in any pieces, for the same [`Wants`] each time until it is cleared.
#[derive(Clone, Debug, Default)]
pub struct Captured {
    /// The values of headers, one behind another.
    values: Vec<u8>,
    /// The first value of each header that is wanted, in the order of the wants.
    headers: Vec<Option<Range<usize>>>,
    cookies: Vec<Range<usize>>,
    are_headers_cut: bool,
    are_cookies_cut: bool,
    body: Vec<u8>,
    body_length: u64,
    /// A message of gRPC has begun, and which of its forms the body is in.
    message: MessageState,
    /// The other form of it.
    told: Vec<u8>,
    /// Memory for telling it.
    places: Vec<RecordPlace>,
    /// As much memory is kept for each of its forms.
    kept_max: usize,
}

/// What a body is of a message of gRPC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum MessageState {
    /// Nothing.
    #[default]
    None,
    /// Its bytes.
    Bytes,
    /// Its JSON.
    Told,
    /// It could not be told.
    Untold,
}

/// A message's JSON has no more than so many times the bytes that may be kept of it.
const TOLD_TIMES_MAX: usize = 16;
/// And the memory that is kept for another has no more than so many times.
const KEPT_TIMES_MAX: usize = 4;

impl Captured {
    /// Forgets the response and keeps the memory.
    pub fn clear(&mut self) {
        self.values.clear();
        self.headers.clear();
        self.cookies.clear();
        self.are_headers_cut = false;
        self.are_cookies_cut = false;
        self.body.clear();
        self.body_length = 0;
        self.message = MessageState::None;
        self.told.clear();
        // Targets that once send what is long as JSON do not keep the memory of it for good.
        if self.kept_max > 0 && self.body.capacity().max(self.told.capacity()) > self.kept_max {
            self.body.shrink_to(self.kept_max);
            self.told.shrink_to(self.kept_max);
        }
    }

    /// A message of gRPC begins. Of several, the last one is looked at.
    pub fn message_begins(&mut self) {
        self.body.clear();
        self.body_length = 0;
        self.message = MessageState::Bytes;
    }

    /// The message that came becomes its JSON. Where none came, or it is cut, nothing does.
    pub fn retell(&mut self, form: &MessageForm, body_bytes_max: usize) {
        if self.message != MessageState::Bytes || self.is_body_cut() {
            return;
        }
        self.told.clear();
        let told_max = body_bytes_max.saturating_mul(TOLD_TIMES_MAX);
        let told = tell(form, &self.body, told_max, &mut self.places, &mut self.told);
        self.kept_max = body_bytes_max.saturating_mul(KEPT_TIMES_MAX);
        self.places.shrink_to(body_bytes_max / 2);
        self.message = if told.is_ok() { MessageState::Told } else { MessageState::Untold };
        if told.is_ok() {
            std::mem::swap(&mut self.body, &mut self.told);
        }
    }

    /// Whether what came could not be told as a message.
    pub(super) fn is_untold(&self) -> bool {
        self.message == MessageState::Untold
    }

    /// A header came. It is kept if it is wanted; of several with one name the first, but all that set cookies.
    pub fn header(&mut self, wants: &Wants, name: &[u8], value: &[u8]) {
        let wanted = wants.headers.iter().position(|wanted| wanted.as_bytes().eq_ignore_ascii_case(name));
        if let Some(index) = wanted {
            self.headers.resize(wants.headers.len(), None);
            if self.headers[index].is_none() {
                self.headers[index] = self.keep(value);
            }
        }
        if wants.has_cookies && name.eq_ignore_ascii_case(SET_COOKIE) {
            let kept = self.keep(value);
            self.are_cookies_cut |= kept.is_none();
            self.cookies.extend(kept);
        }
    }

    /// A piece of the body came. As much of it is kept as is wanted.
    pub fn body(&mut self, wants: &Wants, bytes: &[u8]) {
        self.body_length += bytes.len() as u64;
        let room = wants.body_bytes_max.saturating_sub(self.body.len());
        self.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Keeps a value, if there is room for it.
    fn keep(&mut self, value: &[u8]) -> Option<Range<usize>> {
        let value = value.trim_ascii();
        if self.values.len() + value.len() > HEADERS_BYTES_MAX {
            self.are_headers_cut = true;
            return None;
        }
        let start = self.values.len();
        self.values.extend_from_slice(value);
        Some(start..self.values.len())
    }

    /// The value of the header with this index among those that are wanted.
    pub(crate) fn header_value(&self, index: usize) -> Option<&[u8]> {
        let range = self.headers.get(index)?.clone()?;
        Some(&self.values[range])
    }

    /// The value of the last cookie with a name (RFC 6265, section 5.2), which is the one that a client keeps.
    pub(super) fn cookie_value(&self, name: &str) -> Option<&[u8]> {
        self.cookies.iter().rev().find_map(|range| {
            let pair = self.values[range.clone()].split(|byte| *byte == b';').next()?;
            let at = pair.iter().position(|byte| *byte == b'=')?;
            (pair[..at].trim_ascii() == name.as_bytes()).then(|| pair[at + 1..].trim_ascii())
        })
    }

    /// The headers that set cookies, in their order.
    pub fn cookies(&self) -> impl Iterator<Item = &[u8]> {
        self.cookies.iter().map(|range| &self.values[range.clone()])
    }

    /// Whether some header that sets a cookie did not fit.
    pub fn are_cookies_cut(&self) -> bool {
        self.are_cookies_cut
    }

    /// Whether some header that is wanted did not fit.
    pub fn are_headers_cut(&self) -> bool {
        self.are_headers_cut
    }

    /// What was kept of the body.
    pub(super) fn kept_body(&self) -> &[u8] {
        &self.body
    }

    /// Whether some of the body was not kept.
    pub(super) fn is_body_cut(&self) -> bool {
        let kept = if self.message == MessageState::Told { &self.told } else { &self.body };
        self.body_length > kept.len() as u64
    }

    /// How many bytes the body had, kept or not.
    pub(super) fn body_length(&self) -> u64 {
        self.body_length
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message_form::{FieldShape, FieldType, MessageType, ValueKind};
    use proptest::prelude::*;

    fn wants() -> Wants {
        Wants {
            headers: vec!["location".into(), "x-id".into()],
            has_cookies: true,
            has_body: true,
            body_bytes_max: 10,
        }
    }

    #[test]
    fn of_headers_with_one_name_the_first_counts_and_of_cookies_the_last() {
        let mut captured = Captured::default();
        for (name, value) in [
            ("X-ID", " 17 "),
            ("x-id", "18"),
            ("Server", "x"),
            ("Set-Cookie", "sid=a=1; Path=/; HttpOnly"),
            ("set-cookie", "other=2"),
            ("SET-COOKIE", " sid = b "),
            ("Set-Cookie", "novalue"),
            ("Set-Cookie", ""),
        ] {
            captured.header(&wants(), name.as_bytes(), value.as_bytes());
        }
        assert_eq!((captured.header_value(0), captured.header_value(1)), (None, Some(&b"17"[..])));
        assert_eq!(captured.cookie_value("sid"), Some(&b"b"[..]));
        assert_eq!(captured.cookie_value("novalue"), None);
        captured.clear();
        assert_eq!((captured.header_value(1), captured.cookie_value("sid")), (None, None));
    }

    #[test]
    fn a_flood_of_cookies_is_cut_and_told() {
        let mut captured = Captured::default();
        for number in 0..100_000 {
            captured.header(&wants(), b"set-cookie", format!("c{number}=x").as_bytes());
        }
        assert!(captured.are_headers_cut() && captured.values.len() <= HEADERS_BYTES_MAX);
        assert_eq!(captured.cookie_value("c0"), Some(&b"x"[..]));
    }

    #[test]
    fn a_body_that_is_too_long_is_cut_and_its_length_known() {
        let mut captured = Captured::default();
        captured.body(&wants(), b"0123456789");
        assert!(!captured.is_body_cut());
        captured.body(&wants(), b"x");
        assert_eq!((captured.kept_body(), captured.body_length()), (&b"0123456789"[..], 11));
        assert!(captured.is_body_cut());
        captured.clear();
        assert_eq!(
            (captured.kept_body(), captured.body_length(), captured.is_body_cut()),
            (&b""[..], 0, false)
        );
    }

    #[test]
    fn memory_of_a_message_that_was_long_as_json_is_not_kept() {
        let list = FieldType {
            number: 1,
            name: "a".into(),
            kind: ValueKind::Bool,
            shape: FieldShape::List,
            oneof: None,
            has_default: true,
        };
        let messages = vec![MessageType { fields: vec![list], known: None }];
        let form = MessageForm { messages, enums: Vec::new() };
        let wants = Wants { body_bytes_max: 10_000, ..wants() };
        let mut captured = Captured::default();
        for _ in 0..3 {
            captured.message_begins();
            captured.body(&wants, &[&b"\x0a\x8d\x4e"[..], &[0; 9_997]].concat());
            captured.retell(&form, 10_000);
            assert!(captured.message == MessageState::Told && captured.body.len() > 40_000);
            captured.clear();
            assert!(captured.body.capacity().max(captured.told.capacity()) <= 40_000);
        }
    }

    proptest! {
        #[test]
        fn a_body_is_the_same_in_any_pieces(
            body in proptest::collection::vec(any::<u8>(), 0..20),
            cuts in proptest::collection::vec(0usize..20, 0..5),
        ) {
            let mut whole = Captured::default();
            whole.body(&wants(), &body);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(body.len())).collect();
            cuts.extend([0, body.len()]);
            cuts.sort_unstable();
            let mut pieces = Captured::default();
            for ends in cuts.windows(2) {
                pieces.body(&wants(), &body[ends[0]..ends[1]]);
            }
            prop_assert_eq!(pieces.kept_body(), whole.kept_body());
            prop_assert_eq!(pieces.body_length(), whole.body_length());
            prop_assert_eq!(pieces.is_body_cut(), whole.is_body_cut());
        }
    }
}
