//! What was found in a response: values, the first check that does not hold, and why something could not be found.

use super::captured::HEADERS_BYTES_MAX;
use super::json_text::unescape;
use super::json_walk::WalkMemory;
use crate::code;
use std::io::Write;
use std::ops::Range;

/// The longest value that is taken from a response, in bytes. Each virtual user keeps its values.
pub const VALUE_BYTES_MAX: usize = 4 << 10;

/// Why something in a response could not be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is no body.
    NoBody,
    /// The body is not JSON, or its text is not UTF-8.
    NotJson,
    /// The message is none of its type, or too long as JSON.
    NotMessage,
    /// The body is longer than what is kept of it; what is cut off is not guessed at.
    LongBody,
    /// The headers that are wanted are longer than what is kept of them.
    LongHeaders,
    /// A value is longer than [`VALUE_BYTES_MAX`].
    LongValue,
    /// A string of JSON has half a surrogate pair, which is no character.
    NoText,
}

impl Trouble {
    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Trouble::NoBody => "the body is empty",
            Trouble::NotJson => "the body is not JSON",
            Trouble::NotMessage => "the message is not of its method's type, or is too long as JSON",
            Trouble::LongBody => "the body is longer than body_max",
            Trouble::LongHeaders => "the headers that are wanted are longer than 16 KiB together",
            Trouble::LongValue => "the value is longer than 4 KiB",
            Trouble::NoText => "the value has half a surrogate pair",
        }
    }
}

// The words above say these limits.
const _: () = assert!(VALUE_BYTES_MAX == 4 << 10 && HEADERS_BYTES_MAX == 16 << 10);

/// What stands at one place of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight<'a> {
    /// Bytes.
    Bytes(&'a [u8]),
    /// A string of JSON, which is no number even if it looks like one.
    String(&'a [u8]),
    /// The same with escapes in it.
    Escaped(&'a [u8]),
    /// The code of the response.
    Code(u16),
    /// Nothing.
    Absent,
    /// It could not be looked at.
    Unknown(Trouble),
}

/// What was found in a response, in memory that is used again for the next.
#[derive(Debug, Default)]
pub struct Findings {
    /// The values, one behind another.
    memory: Vec<u8>,
    values: Vec<Option<Range<usize>>>,
    failed_checks: Vec<usize>,
    trouble: Option<Trouble>,
    /// A string that a check looks at, without its escapes.
    unescaped: Vec<u8>,
    /// Where the JSON values of the step are in the body.
    pub(super) places: Vec<Option<Range<usize>>>,
    pub(super) walk: WalkMemory,
}

impl Findings {
    /// The value of the expression with this index; `None` where it was not found.
    pub fn value(&self, index: usize) -> Option<&[u8]> {
        let range = self.values.get(index)?.clone()?;
        Some(&self.memory[range])
    }

    /// The index of the first check that does not hold.
    pub fn failed_check(&self) -> Option<usize> {
        self.failed_checks.first().copied()
    }

    /// The indices of all checks that do not hold, in their order.
    pub fn failed_checks(&self) -> &[usize] {
        &self.failed_checks
    }

    /// Why the first of what was not found, or not checked, could not be looked at. None where it was simply absent.
    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble
    }

    /// Forgets what was found, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.memory.clear();
        self.values.clear();
        self.places.clear();
        self.failed_checks.clear();
        self.trouble = None;
    }

    /// Takes the value of the next expression.
    pub(super) fn take(&mut self, sight: Sight<'_>) {
        let start = self.memory.len();
        let is_value = self.append(sight).unwrap_or_else(|trouble| self.note(trouble));
        if !is_value {
            self.memory.truncate(start);
        }
        self.values.push(is_value.then_some(start..self.memory.len()));
    }

    /// Appends what is seen to the memory; whether that is a value.
    fn append(&mut self, sight: Sight<'_>) -> Result<bool, Trouble> {
        let start = self.memory.len();
        match sight {
            Sight::Absent => return Ok(false),
            Sight::Unknown(trouble) => return Err(trouble),
            Sight::Code(code) => match code::name(code) {
                Some(name) => self.memory.extend_from_slice(name.as_bytes()),
                None => write!(self.memory, "{code}").expect("memory takes what is written"),
            },
            // Not copied first, so that memory is not made for what is too long.
            Sight::Bytes(bytes) | Sight::String(bytes) if bytes.len() > VALUE_BYTES_MAX => {
                return Err(Trouble::LongValue);
            }
            Sight::Bytes(bytes) | Sight::String(bytes) => self.memory.extend_from_slice(bytes),
            Sight::Escaped(string) => unescape(string, &mut self.memory).map_err(|_| Trouble::NoText)?,
        }
        if self.memory.len() - start > VALUE_BYTES_MAX { Err(Trouble::LongValue) } else { Ok(true) }
    }

    /// Whether something holds of what is seen, given as text and whether it is known to be text; what could not be looked
    /// at passes no check.
    pub(super) fn holds(&mut self, sight: Sight<'_>, test: impl Fn(Option<(&[u8], bool)>) -> bool) -> bool {
        match sight {
            Sight::Absent => test(None),
            Sight::Bytes(bytes) => test(Some((bytes, false))),
            Sight::String(text) => test(Some((text, true))),
            Sight::Escaped(string) => {
                self.unescaped.clear();
                match unescape(string, &mut self.unescaped) {
                    Ok(()) => test(Some((&self.unescaped, true))),
                    Err(_) => self.note(Trouble::NoText),
                }
            }
            Sight::Unknown(trouble) => self.note(trouble),
            Sight::Code(_) => unreachable!("checks of the code are checks of a number"),
        }
    }

    /// A check does not hold.
    pub(super) fn fail(&mut self, check: usize) {
        self.failed_checks.push(check);
    }

    /// Remembers the first trouble; returns that nothing came of what was looked at.
    fn note(&mut self, trouble: Trouble) -> bool {
        self.trouble.get_or_insert(trouble);
        false
    }
}
