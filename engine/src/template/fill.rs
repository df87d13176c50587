//! Filling a hole: its value is written, filtered where it lies, and looked at for what may not stand in its place.
//!
//! What is drawn depends on the seed, the scenario, the arrival and the number of the hole alone.

use super::filter::{HmacKey, HoleFilter, WrongValue};
use super::hole::{Hole, HoleName, HolePlace, HoleSource, ISO_BYTES, NowForm, ResolvedHole, VALUE_BYTES_MAX};
use super::numbers::{DIGITS_MAX, UUID_BYTES, write_decimal, write_uuid};
use crate::outbox::Outbox;
use crate::random::{Draws, Random};
use std::fmt;
use std::io::Write;
use time::OffsetDateTime;

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const MILLISECOND_NS: u64 = 1_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// What the holes of one request are filled from.
#[derive(Clone, Copy)]
pub struct HoleContext<'a> {
    /// The number of the arrival.
    pub number: u64,
    /// What is drawn for the scenario.
    pub draws: Draws,
    /// The number of the iteration of the session's user.
    pub iteration: u64,
    /// The number of the session's user.
    pub user: u64,
    /// The time since 1970.
    pub unix_ns: u64,
    /// The values by the numbers that stand in the place of their names; nothing for one that is not set.
    pub values: &'a dyn Fn(u16) -> Option<&'a [u8]>,
}

/// Why a hole could not be filled: the request cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfilled {
    /// The value with this number is not set.
    NotSet(u16),
    /// It is no number, and `number` is to see to that.
    NotNumber,
    /// It is not UTF-8, and has to be text there.
    NotText,
    /// It is longer than [`VALUE_BYTES_MAX`].
    TooLong,
    /// A path begins with it, and it does not begin with a slash.
    NoSlash,
    /// It holds a byte that may not stand there.
    Invalid {
        /// Where it was to stand.
        place: HolePlace,
        /// The first such byte.
        byte: u8,
    },
}

impl fmt::Debug for HoleContext<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HoleContext { number, draws, iteration, user, unix_ns, values: _ } = self;
        formatter
            .debug_struct("HoleContext")
            .field("number", number)
            .field("draws", draws)
            .field("iteration", iteration)
            .field("user", user)
            .field("unix_ns", unix_ns)
            .finish_non_exhaustive()
    }
}

impl ResolvedHole {
    /// Appends what it becomes. Where it cannot be filled, nothing is appended.
    pub fn fill(&self, context: &HoleContext<'_>, out: &mut Vec<u8>) -> Result<(), Unfilled> {
        let start = out.len();
        let filled = self.write(context, out, start);
        if filled.is_err() {
            out.truncate(start);
        }
        filled
    }

    fn write(&self, context: &HoleContext<'_>, out: &mut Vec<u8>, start: usize) -> Result<(), Unfilled> {
        let Hole { source, filters, place } = &self.hole;
        let random = || context.draws.at_hole(self.number, context.number);
        append(source, context, random, out)?;
        if out.len() - start > VALUE_BYTES_MAX {
            return Err(Unfilled::TooLong);
        }
        for (index, filter) in filters.iter().enumerate() {
            let key = key_of(filter, context)?;
            filter.apply(key, out, start).map_err(|wrong| match wrong {
                WrongValue::NotNumber => Unfilled::NotNumber,
                WrongValue::NotText => Unfilled::NotText,
            })?;
            if self.hole.is_written_in_hex(index) {
                HoleFilter::<u16>::Hex.apply(&[], out, start).expect("any bytes can be written so");
            }
        }
        place.check(&out[start..])
    }
}

impl HolePlace {
    /// Whether these bytes may stand there.
    pub(super) fn check(self, bytes: &[u8]) -> Result<(), Unfilled> {
        let refused = match self {
            HolePlace::PathStart if bytes.first() != Some(&b'/') => return Err(Unfilled::NoSlash),
            HolePlace::Path | HolePlace::PathStart => {
                first_refused(bytes, |byte| matches!(byte, 0..=b' ' | 0x7f))
            }
            HolePlace::Header => first_refused(bytes, |byte| matches!(byte, b'\r' | b'\n' | 0)),
            HolePlace::Body => None,
            HolePlace::Text => match std::str::from_utf8(bytes) {
                Ok(_) => None,
                Err(_) => return Err(Unfilled::NotText),
            },
        };
        refused.map_or(Ok(()), |byte| Err(Unfilled::Invalid { place: self, byte }))
    }
}

/// The first byte that is refused. Whether there is one is asked of all bytes, without stopping in between, so that many are looked
/// at at once.
#[inline(always)]
fn first_refused(bytes: &[u8], is_refused: impl Fn(u8) -> bool) -> Option<u8> {
    let is_any = bytes.iter().fold(false, |is_any, byte| is_any | is_refused(*byte));
    if is_any { bytes.iter().copied().find(|byte| is_refused(*byte)) } else { None }
}

fn append(
    source: &HoleSource<u16>,
    context: &HoleContext<'_>,
    random: impl FnOnce() -> Random,
    out: &mut Vec<u8>,
) -> Result<(), Unfilled> {
    match source {
        HoleSource::Named(name) => {
            let value = (context.values)(*name).ok_or(Unfilled::NotSet(*name))?;
            // Told before it is copied: nobody has laid out memory for more.
            if value.len() > VALUE_BYTES_MAX {
                return Err(Unfilled::TooLong);
            }
            out.extend_from_slice(value);
        }
        HoleSource::Text(text) => out.extend_from_slice(text.as_bytes()),
        HoleSource::Pick(texts) => {
            let picked = random().between(0, texts.len() as u64 - 1);
            out.extend_from_slice(texts[picked as usize].as_bytes());
        }
        HoleSource::Randstr(letters) => {
            let mut random = random();
            let letter = |_| LETTERS[random.between(0, LETTERS.len() as u64 - 1) as usize];
            out.extend((0..*letters).map(letter));
        }
        HoleSource::Now(form) => append_now(*form, context.unix_ns, out),
        HoleSource::Iteration => append_decimal(context.iteration, out),
        HoleSource::User => append_decimal(context.user, out),
        HoleSource::Seq => append_decimal(context.number, out),
        HoleSource::Uuid => {
            let mut random = random();
            let bits = (u128::from(random.bits()) << 64) | u128::from(random.bits());
            append_rendered::<UUID_BYTES>(out, |out| write_uuid(bits, out));
        }
        HoleSource::Rand { low, high } => append_decimal(random().between(*low, *high), out),
        // Whoever keeps them fills it. Where nobody does, there are none.
        HoleSource::Cookies(_) | HoleSource::Location => {}
    }
    Ok(())
}

fn append_decimal(value: u64, out: &mut Vec<u8>) {
    append_rendered::<DIGITS_MAX>(out, |out| write_decimal(value, out));
}

fn append_rendered<const BYTES_MAX: usize>(out: &mut Vec<u8>, write: impl FnOnce(&mut Outbox<'_>)) {
    let (mut memory, mut filled) = ([0; BYTES_MAX], 0);
    write(&mut Outbox::new(&mut memory, &mut filled));
    out.extend_from_slice(&memory[..filled]);
}

fn append_now(form: NowForm, unix_ns: u64, out: &mut Vec<u8>) {
    match form {
        NowForm::S => append_decimal(unix_ns / SECOND_NS, out),
        NowForm::Ms => append_decimal(unix_ns / MILLISECOND_NS, out),
        NowForm::Ns => append_decimal(unix_ns, out),
        NowForm::Iso => {
            let now = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ns));
            let now = now.expect("64 bits of nanoseconds end in the year 2554");
            let (year, month, day) = (now.year(), u8::from(now.month()), now.day());
            let (hour, minute, second, ms) = (now.hour(), now.minute(), now.second(), now.millisecond());
            let start = out.len();
            write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
                .expect("memory takes all that is written to it");
            debug_assert_eq!(out.len() - start, ISO_BYTES);
        }
    }
}

/// The key of a code; of other filters none.
fn key_of<'a>(filter: &'a HoleFilter<u16>, context: &'a HoleContext<'_>) -> Result<&'a [u8], Unfilled> {
    match filter {
        HoleFilter::HmacSha256 { key: HmacKey::Text(text) } => Ok(text.as_bytes()),
        HoleFilter::HmacSha256 { key: HmacKey::Named(name) } => {
            (context.values)(*name).ok_or(Unfilled::NotSet(*name))
        }
        _ => Ok(&[]),
    }
}

impl Hole {
    /// What it always becomes, or why it never can be filled; nothing where it depends on something.
    pub(super) fn constant(&self) -> Option<Result<Vec<u8>, Unfilled>> {
        self.with_constants(|_| None)
    }

    /// The same where some variables have the same text for all requests, or none.
    pub(crate) fn with_constants<'v>(
        &self,
        constant: impl Fn(&str) -> Option<Option<&'v [u8]>>,
    ) -> Option<Result<Vec<u8>, Unfilled>> {
        let (HoleSource::Text(_) | HoleSource::Named(_)) = self.source else { return None };
        let mut texts: Vec<Option<&'v [u8]>> = Vec::new();
        let number = |name: &HoleName| {
            let HoleName::Variable(name) = name else { return None };
            texts.push(constant(name)?);
            Some(texts.len() as u16 - 1)
        };
        let resolved = self.resolved(0, number).ok()?;
        let mut bytes = Vec::new();
        let context = HoleContext {
            number: 0,
            draws: Draws::new(0, 0),
            iteration: 0,
            user: 0,
            unix_ns: 0,
            values: &|number| texts[usize::from(number)],
        };
        Some(resolved.fill(&context, &mut bytes).map(|()| bytes))
    }
}

impl fmt::Display for Unfilled {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfilled::NotSet(number) => write!(formatter, "the value {number} is not set"),
            Unfilled::NotNumber => formatter.write_str("it is no number"),
            Unfilled::NotText => formatter.write_str("it is no text: not UTF-8"),
            Unfilled::TooLong => write!(formatter, "it has more than {VALUE_BYTES_MAX} bytes"),
            Unfilled::NoSlash => formatter.write_str("a path begins with it, and it does not begin with `/`"),
            Unfilled::Invalid { place, byte } => {
                let place = match place {
                    HolePlace::Path | HolePlace::PathStart => "a path",
                    HolePlace::Header => "a header",
                    HolePlace::Body | HolePlace::Text => "a body",
                };
                write!(formatter, "it holds the byte 0x{byte:02x}, which cannot stand in {place}")
            }
        }
    }
}

impl std::error::Error for Unfilled {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{HoleName, Piece, parse};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// The hole of a text, with numbers for `a` and `b`.
    fn hole(text: &str, place: HolePlace, number: u32) -> ResolvedHole {
        let pieces = parse(text).unwrap();
        let [Piece::Value(hole)] = pieces.as_slice() else { panic!("{text} is one value: {pieces:?}") };
        let known = |name: &HoleName| match name {
            HoleName::Variable(name) => ["a", "b"].iter().position(|known| known == name).map(|at| at as u16),
            _ => None,
        };
        Hole { place, ..hole.as_ref().clone() }.resolved(number, known).unwrap()
    }

    fn filled_at(hole: &ResolvedHole, number: u64, values: [Option<&[u8]>; 2]) -> Result<Vec<u8>, Unfilled> {
        let context = HoleContext {
            number,
            draws: Draws::new(5, 1),
            iteration: 3,
            user: 4,
            unix_ns: 1_764_378_486_123_456_789,
            values: &|value| values[usize::from(value)],
        };
        let mut out = b"before".to_vec();
        let filled = hole.fill(&context, &mut out);
        assert!(filled.is_ok() || out == b"before", "what failed leaves nothing");
        filled.map(|()| out.split_off(6))
    }

    fn filled(text: &str, values: [Option<&[u8]>; 2]) -> Result<Vec<u8>, Unfilled> {
        filled_at(&hole(text, HolePlace::Body, 0), 7, values)
    }

    fn text(text: &str) -> String {
        String::from_utf8(filled(text, [Some(b"a value"), Some(b"key")]).unwrap()).unwrap()
    }

    #[test]
    fn each_source_gives_what_it_is_called() {
        for (typed, expected) in [
            ("{{a}}", "a value"),
            ("{{iteration}}", "3"),
            ("{{user}}", "4"),
            ("{{seq | base64}}", "Nw=="),
            ("{{now}}", "1764378486123"),
            ("{{now ms}}", "1764378486123"),
            ("{{now s}}", "1764378486"),
            ("{{now ns}}", "1764378486123456789"),
            ("{{now iso}}", "2025-11-29T01:08:06.123Z"),
            ("{{pick 'only one'}}", "only one"),
            ("{{a | url}}", "a%20value"),
            ("{{ a|upper|base64url }}", "QSBWQUxVRQ"),
        ] {
            assert_eq!(text(typed), expected, "{typed}");
        }
        let drawn = text("{{randstr 40}}");
        assert!(drawn.len() == 40 && drawn.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{drawn}");
        assert!(["x", "y y", "z"].contains(&text("{{pick x \"y y\" z}}").as_str()));
        let uuid = text("{{uuid | upper}}");
        assert!(uuid.len() == 36 && uuid.as_bytes()[14] == b'4' && uuid == uuid.to_uppercase(), "{uuid}");
        assert!(["3130", "3131"].contains(&text("{{rand 10 11 | hex}}").as_str()));
    }

    #[test]
    fn a_digest_is_written_in_hex_unless_an_encoding_follows() {
        let digits = text("{{a | sha256}}");
        assert_eq!((digits.len(), text("{{a | sha256 | hex}}")), (64, digits.clone()));
        assert_eq!(text("{{a | sha256 | upper}}"), digits.to_uppercase());
        assert_eq!(text("{{a | sha256 | base64}}").len(), 44);
        assert_eq!(text("{{a | hmac_sha256 b}}"), text("{{a | hmac_sha256 'key'}}"));
        assert_ne!(text("{{a | hmac_sha256 b}}"), text("{{a | hmac_sha256 'other'}}"));
    }

    #[test]
    fn what_cannot_be_filled_says_why() {
        let not_set = [None, Some(&b"key"[..])];
        assert_eq!(filled("{{a}}", not_set), Err(Unfilled::NotSet(0)));
        assert_eq!(filled("{{b | hmac_sha256 a}}", not_set), Err(Unfilled::NotSet(0)));
        assert_eq!(filled("{{b | number}}", not_set), Err(Unfilled::NotNumber));
        assert_eq!(filled("{{a | json}}", [Some(b"\xff"), None]), Err(Unfilled::NotText));
        let long = vec![b'x'; VALUE_BYTES_MAX + 1];
        assert_eq!(filled("{{a}}", [Some(&long), None]), Err(Unfilled::TooLong));
        assert!(filled("{{a}}", [Some(&long[1..]), None]).is_ok());
        assert!(Unfilled::NotSet(0).to_string().contains("not set"));
    }

    #[test]
    fn the_holes_of_a_request_draw_apart_and_the_same_again() {
        let all: Vec<Vec<u8>> = (0..4)
            .flat_map(|place| (0..50).map(move |number| (place, number)))
            .map(|(place, number)| {
                let hole = hole("{{randstr 12}}", HolePlace::Body, place);
                let drawn = filled_at(&hole, number, [None, None]).unwrap();
                assert_eq!(filled_at(&hole, number, [None, None]).unwrap(), drawn);
                drawn
            })
            .collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn letters_and_words_are_drawn_evenly() {
        let (mut letters, mut words) = ([0_u32; 256], [0_u32; 3]);
        for number in 0..2_000 {
            let drawn = filled_at(&hole("{{randstr 31}}", HolePlace::Body, 1), number, [None, None]).unwrap();
            drawn.iter().for_each(|byte| letters[usize::from(*byte)] += 1);
            let word = filled_at(&hole("{{pick 0 1 2}}", HolePlace::Body, 2), number, [None, None]).unwrap();
            words[usize::from(word[0] - b'0')] += 1;
        }
        // Of 62,000 letters each is drawn 1,000 times, give or take five deviations of 31.4.
        assert!(LETTERS.iter().all(|letter| letters[usize::from(*letter)].abs_diff(1_000) < 157));
        assert!(words.iter().all(|count| count.abs_diff(667) < 106), "{words:?}");
    }

    proptest! {
        #[test]
        fn what_would_end_a_line_reaches_no_path_and_no_header(
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let at = |place| filled_at(&hole("{{a}}", place, 0), 0, [Some(&bytes), None]);
            let in_path = at(HolePlace::Path);
            prop_assert_eq!(in_path.is_ok(), bytes.iter().all(|byte| *byte > b' ' && *byte != 0x7f));
            let rooted = [b"/", &bytes[..]].concat();
            let at_start = filled_at(&hole("{{a}}", HolePlace::PathStart, 0), 0, [Some(&rooted), None]);
            prop_assert_eq!(at_start.is_ok(), in_path.is_ok());
            if bytes.first() != Some(&b'/') {
                prop_assert_eq!(at(HolePlace::PathStart), Err(Unfilled::NoSlash));
            }
            let in_header = at(HolePlace::Header);
            prop_assert_eq!(in_header.is_ok(), !bytes.iter().any(|byte| b"\r\n\0".contains(byte)));
            prop_assert_eq!(at(HolePlace::Body), Ok(bytes.clone()));
            prop_assert_eq!(at(HolePlace::Text).is_ok(), std::str::from_utf8(&bytes).is_ok());
            if let Err(Unfilled::Invalid { byte, place }) = in_path {
                prop_assert!(bytes.contains(&byte) && place == HolePlace::Path);
            }
        }

        #[test]
        fn nothing_is_longer_than_it_is_said_to_be(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            filters in proptest::collection::vec(0..crate::template::FILTERS.len(), 0..4),
        ) {
            let name = |index: &usize| match crate::template::FILTERS[*index] {
                "hmac_sha256" => "hmac_sha256 'k'",
                name => name,
            };
            let chain: String = filters.iter().map(|index| format!(" | {}", name(index))).collect();
            let Ok(pieces) = parse(&format!("{{{{a{chain}}}}}")) else { return Ok(()) };
            let [Piece::Value(value)] = pieces.as_slice() else { panic!("{pieces:?}") };
            let resolved = value.resolved(0, |_| Some(0)).unwrap();
            if let Ok(made) = filled_at(&resolved, 0, [Some(&bytes), None]) {
                prop_assert!(made.len() <= resolved.bytes_max(), "{}", chain);
            }
        }
    }
}
