//! Requests with holes: bytes to send, with counters and seeded random values filled in at the last moment.
//!
//! `{{seq}}` is the number of the arrival, `{{rand 1 1000}}` is a number in a range, `{{uuid}}` a version 4 UUID. All depend on the
//! seed, the scenario and the arrival's number alone, so that a request is the same whoever renders it.
//! Rendering writes into memory the caller owns and does not allocate. What a hole means is decided here; what protocol the
//! bytes speak is not.

mod numbers;

pub use numbers::{DrawnNumber, LengthForm, NumberForm};

use self::numbers::{DIGITS_MAX, decimal_bytes, write_decimal};
use crate::outbox::{self, Outbox};
use crate::random::{Draw, Draws, Random};
use serde::{Deserialize, Serialize};

/// The most values one template may be filled with. Bounds the time a rendering takes.
pub const HOLES_MAX: usize = 32;

const UUID_BYTES: usize = 36;
/// Where the two digits of each of its bytes stand.
const UUID_PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
/// The two digits of each byte.
const HEX: [[u8; 2]; 256] = hex();
/// The most lengths one template may hold: each value may stand in a string of its own, which has one.
const LENGTHS_MAX: usize = 2 * HOLES_MAX;
/// The most pieces there can be: bytes before and behind each that is none, and where a length begins or ends to count.
const PIECES_MAX: usize = 4 * (HOLES_MAX + LENGTHS_MAX) + 1;
/// As many as most templates have: memory for more is not laid out for each rendering.
const PIECES_FEW: usize = 24;

/// A piece of text as typed in a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// Bytes sent as they are.
    Bytes(#[serde(with = "as_text")] Vec<u8>),
    /// The number of the request's arrival, from 0; unique over all shards.
    Seq,
    /// A random number.
    Rand {
        /// The smallest it may be.
        low: u64,
        /// The largest it may be.
        high: u64,
    },
    /// A random UUID, version 4.
    Uuid,
    /// A number as bytes and not as digits.
    Binary {
        /// Which.
        value: DrawnNumber,
        /// How it is written.
        form: NumberForm,
    },
    /// The number of bytes that some of the pieces behind it render to.
    Length {
        /// The index of the first of them.
        from: usize,
        /// The index behind the last of them; at most the number of pieces, which a larger one stands for.
        to: usize,
        /// How the number is written.
        form: LengthForm,
    },
}

impl Piece {
    /// Whether it is something that text can say.
    pub(crate) fn is_written(&self) -> bool {
        match self {
            Piece::Bytes(_) | Piece::Seq | Piece::Uuid => true,
            Piece::Rand { low, high } => low <= high,
            Piece::Length { .. } | Piece::Binary { .. } => false,
        }
    }
}

/// Bytes as a string, which reads better than a list of numbers and takes a quarter of the room: text as it is, and what is no
/// text in base64 behind a prefix.
mod as_text {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de};

    const PREFIX: &str = "base64:";

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.starts_with(PREFIX) => serializer.serialize_str(text),
            _ => serializer.serialize_str(&format!("{PREFIX}{}", STANDARD.encode(bytes))),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.strip_prefix(PREFIX) {
            Some(encoded) => STANDARD.decode(encoded).map_err(de::Error::custom),
            None => Ok(text.into_bytes()),
        }
    }
}

/// A hole that cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongHole {
    /// As it was typed.
    pub part: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to write instead.
    pub fix: String,
}

/// Where holes begin.
pub const OPEN: &str = "{{";
const CLOSE: &str = "}}";
const KNOWN: [&str; 3] = ["seq", "uuid", "rand"];

/// Reads text with holes. Errors name all holes that are wrong.
pub fn parse(text: &str) -> Result<Vec<Piece>, Vec<WrongHole>> {
    let (mut pieces, mut wrong) = (Vec::new(), Vec::new());
    let mut rest = text;
    while let Some(open) = rest.find(OPEN) {
        if open > 0 {
            pieces.push(Piece::Bytes(rest.as_bytes()[..open].to_vec()));
        }
        let after = &rest[open + OPEN.len()..];
        let Some(close) = after.find(CLOSE) else {
            let fix = "close it, as in `{{seq}}`".to_owned();
            wrong.push(WrongHole {
                part: rest[open..].to_owned(),
                problem: "`{{` without `}}`".to_owned(),
                fix,
            });
            rest = "";
            break;
        };
        match parse_hole(after[..close].trim()) {
            Ok(piece) => pieces.push(piece),
            Err((problem, fix)) => {
                let part = rest[open..open + OPEN.len() + close + CLOSE.len()].to_owned();
                wrong.push(WrongHole { problem: format!("`{part}` {problem}"), part, fix });
            }
        }
        rest = &after[close + CLOSE.len()..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Bytes(rest.as_bytes().to_vec()));
    }
    if wrong.is_empty() { Ok(pieces) } else { Err(wrong) }
}

/// Whether pieces that somebody else has put together can be rendered: lengths count what stands behind them, and ends where the
/// lengths around it do.
pub(crate) fn is_sound(pieces: &[Piece]) -> bool {
    let mut ends: Vec<usize> = Vec::new();
    pieces.iter().enumerate().all(|(index, piece)| {
        ends.retain(|end| *end > index);
        match piece {
            Piece::Length { from, to, .. } => {
                let bound = ends.last().copied().unwrap_or(pieces.len());
                ends.push(*to);
                *from == index + 1 && (*from..=bound).contains(to)
            }
            Piece::Rand { low, high } | Piece::Binary { value: DrawnNumber::Rand { low, high }, .. } => {
                low <= high
            }
            Piece::Bytes(_) | Piece::Seq | Piece::Uuid | Piece::Binary { .. } => true,
        }
    })
}

/// The same text with a digit for each hole: what its form can be judged by.
pub(crate) fn without_holes(text: &str) -> String {
    let (mut plain, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once(OPEN) {
        let Some((_, behind)) = after.split_once(CLOSE) else { break };
        plain.push_str(before);
        plain.push('0');
        rest = behind;
    }
    plain + rest
}

/// What stands for a piece where only its form counts: a digit for a hole.
pub(crate) fn literal_of(piece: &Piece) -> &[u8] {
    match piece {
        Piece::Bytes(bytes) => bytes,
        _ => b"0",
    }
}

/// The same of all pieces of a text.
pub(crate) fn literal_bytes(pieces: &[Piece]) -> Vec<u8> {
    pieces.iter().flat_map(literal_of).copied().collect()
}

/// The fewest bytes, and the most, that pieces render to which are written as text.
pub(crate) fn least_and_most_bytes(pieces: &[Piece]) -> (usize, usize) {
    let least = |piece: &Piece| match piece {
        Piece::Rand { low, .. } => decimal_bytes(*low),
        Piece::Seq => 1,
        other => other.bytes_max(),
    };
    (pieces.iter().map(least).sum(), pieces.iter().map(Piece::bytes_max).sum())
}

/// What a hole stands for, or what is wrong with it and what to write.
fn parse_hole(hole: &str) -> Result<Piece, (String, String)> {
    let words: Vec<&str> = hole.split_whitespace().collect();
    match words.as_slice() {
        ["seq"] => Ok(Piece::Seq),
        ["uuid"] => Ok(Piece::Uuid),
        ["rand", low, high] => match (low.parse::<u64>(), high.parse::<u64>()) {
            (Ok(low), Ok(high)) if low <= high => Ok(Piece::Rand { low, high }),
            (Ok(low), Ok(high)) => {
                Err((format!("begins above its end: {low} is above {high}"), written_rand(high, low)))
            }
            _ => Err(("needs two whole numbers".to_owned(), guessed_rand(hole))),
        },
        ["rand", ..] => Err(("needs two whole numbers".to_owned(), guessed_rand(hole))),
        _ => Err(("is not known".to_owned(), guessed(hole))),
    }
}

/// What an unknown hole was probably meant to be.
fn guessed(hole: &str) -> String {
    let word: String = hole.chars().skip_while(|c| !c.is_ascii_alphabetic()).collect();
    let word = word.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
    let word = word.to_lowercase();
    let meant = match word.as_str() {
        "guid" | "randomuuid" | "uuid4" | "uuidv4" | "random_uuid" => Some("uuid"),
        "random" | "randint" | "randomint" | "random_int" | "randomnumber" | "int" | "number" => Some("rand"),
        "i" | "n" | "index" | "counter" | "id" | "sequence" | "iter" | "__iter" => Some("seq"),
        word => crate::config::closest(word, &KNOWN),
    };
    match meant {
        Some("rand") => guessed_rand(hole),
        Some(word) => format!("write `{{{{{word}}}}}`"),
        None => "there are `{{seq}}`, `{{rand LOW HIGH}}` and `{{uuid}}`".to_owned(),
    }
}

/// A range of the numbers that stand in a hole, whatever stands between them.
fn guessed_rand(hole: &str) -> String {
    let digits = hole.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let numbers: Vec<u64> = digits.filter_map(|digits| digits.parse().ok()).collect();
    match numbers[..] {
        [high] if high > 1 => written_rand(1, high),
        [one, other] => written_rand(one.min(other), one.max(other)),
        _ => written_rand(1, 1_000),
    }
}

fn written_rand(low: u64, high: u64) -> String {
    format!("write `{{{{rand {low} {high}}}}}`")
}

/// A whole request, ready to be rendered again and again.
#[derive(Clone, Debug)]
pub struct Template {
    pieces: Vec<Piece>,
    counted: CountedPart,
    bytes_max: usize,
}

/// What of a template is counted before it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CountedPart {
    Nothing,
    /// All from one piece on, for one length, which is in digits: a body behind its head.
    Rest {
        from: usize,
    },
    /// The same, of which the length does not depend on what is drawn.
    EvenRest {
        from: usize,
    },
    /// Anything else.
    Parts,
}

impl Template {
    /// Joins neighbouring bytes. Errors when there are more holes than [`HOLES_MAX`].
    pub fn new(pieces: Vec<Piece>) -> Result<Template, String> {
        let is_length = |piece: &&Piece| matches!(piece, Piece::Length { .. });
        let lengths = pieces.iter().filter(is_length).count();
        let constants = pieces.iter().filter(|piece| matches!(piece, Piece::Bytes(_))).count();
        if pieces.len() - lengths - constants > HOLES_MAX {
            return Err(format!("a request may hold at most {HOLES_MAX} values to fill in"));
        }
        if lengths > LENGTHS_MAX {
            return Err(format!(
                "a request may hold at most {LENGTHS_MAX} parts whose length depends on values to fill in"
            ));
        }
        let pieces = joined(pieces);
        assert!(pieces.len() <= PIECES_MAX, "bytes stand between what is none");
        let bytes_max = pieces.iter().map(Piece::bytes_max).sum();
        let counted = CountedPart::of(&pieces);
        Ok(Template { pieces, counted, bytes_max })
    }

    /// The bytes, if nothing in them ever changes.
    pub fn constant(&self) -> Option<Vec<u8>> {
        let is_constant =
            self.pieces.iter().all(|piece| matches!(piece, Piece::Bytes(_) | Piece::Length { .. }));
        is_constant.then(|| outbox::collected(self.bytes_max, |out| self.render(0, Draws::new(0, 0), out)))
    }

    /// The most bytes a rendering can take.
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Appends the request of the arrival with this number to `out`.
    pub fn render(&self, number: u64, draws: Draws, out: &mut Outbox<'_>) {
        let length = match self.counted {
            CountedPart::Nothing => 0,
            CountedPart::Rest { from } => self.length_from(from, number, draws),
            CountedPart::EvenRest { from } => self.even_length_from(from, number),
            CountedPart::Parts if self.pieces.len() <= PIECES_FEW => {
                return self.render_counted::<PIECES_FEW>(number, draws, out);
            }
            CountedPart::Parts => return self.render_counted::<PIECES_MAX>(number, draws, out),
        };
        let mut values = Values { number, draws, random: None };
        for piece in &self.pieces {
            match piece {
                Piece::Bytes(bytes) => out.push(bytes),
                Piece::Seq => write_decimal(number, out),
                Piece::Rand { low, high } => write_decimal(values.between(*low, *high), out),
                Piece::Uuid => write_uuid(values.uuid(), out),
                // Where there is a number in bytes, all pieces are counted, and none of it is here.
                Piece::Length { .. } | Piece::Binary { .. } => write_decimal(length, out),
            }
        }
    }

    /// How many bytes the pieces from `first` on become. What they are filled with is drawn once more when they are written:
    /// the same again, since it depends on the arrival alone.
    fn length_from(&self, first: usize, number: u64, draws: Draws) -> u64 {
        let mut values = Values { number, draws, random: None };
        let lengths = self.pieces.iter().map(|piece| piece.bytes(&mut values)).enumerate();
        let counted = lengths.filter(|(index, _)| *index >= first).map(|(_, bytes)| bytes as u64);
        counted.sum()
    }

    /// The same, of pieces that become as many bytes whatever is drawn: nothing has to be.
    fn even_length_from(&self, first: usize, number: u64) -> u64 {
        let bytes = |piece: &Piece| match piece {
            Piece::Seq => decimal_bytes(number),
            other => other.bytes_max(),
        };
        self.pieces[first..].iter().map(|piece| bytes(piece) as u64).sum()
    }

    /// Writes a template in which lengths count each other.
    #[inline(never)]
    fn render_counted<const PIECES: usize>(&self, number: u64, draws: Draws, out: &mut Outbox<'_>) {
        let mut values = Values { number, draws, random: None };
        let mut bytes = [0_u32; PIECES];
        for (bytes, piece) in bytes.iter_mut().zip(&self.pieces) {
            *bytes = piece.bytes(&mut values) as u32;
        }
        let mut lengths = [0_u32; PIECES];
        // A length counts what is behind it, which may be lengths.
        for (index, piece) in self.pieces.iter().enumerate().rev() {
            if let Piece::Length { from, to, form } = piece {
                lengths[index] = bytes[*from..*to].iter().sum();
                bytes[index] = form.bytes(lengths[index].into()) as u32;
            }
        }
        let mut values = Values { number, draws, random: None };
        for (piece, length) in self.pieces.iter().zip(lengths) {
            piece.write(&mut values, length.into(), out);
        }
    }
}

/// What the holes of one request are filled from.
struct Values {
    number: u64,
    draws: Draws,
    /// Made for the first hole that needs it: many requests have none.
    random: Option<Random>,
}

impl Values {
    fn drawn(&mut self, number: DrawnNumber) -> u64 {
        match number {
            DrawnNumber::Seq => self.number,
            DrawnNumber::Rand { low, high } => self.between(low, high),
        }
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        self.random().between(low, high)
    }

    fn uuid(&mut self) -> u128 {
        let random = self.random();
        (u128::from(random.bits()) << 64) | u128::from(random.bits())
    }

    fn random(&mut self) -> &mut Random {
        self.random.get_or_insert_with(|| self.draws.at(Draw::Values, self.number))
    }
}

impl CountedPart {
    fn of(pieces: &[Piece]) -> CountedPart {
        let mut lengths = pieces.iter().filter(|piece| matches!(piece, Piece::Length { .. }));
        let has_numbers = pieces.iter().any(|piece| matches!(piece, Piece::Binary { .. }));
        match (lengths.next(), lengths.next()) {
            _ if has_numbers => CountedPart::Parts,
            (None, _) => CountedPart::Nothing,
            (Some(&Piece::Length { from, to, form: LengthForm::Decimal }), None) if to == pieces.len() => {
                let is_even = |piece: &Piece| match piece {
                    Piece::Rand { low, high } => decimal_bytes(*low) == decimal_bytes(*high),
                    _ => true,
                };
                match pieces[from..].iter().all(is_even) {
                    true => CountedPart::EvenRest { from },
                    false => CountedPart::Rest { from },
                }
            }
            _ => CountedPart::Parts,
        }
    }
}

/// Makes one of neighbouring runs of bytes. Where what a length counts begins or ends, one run ends and another begins.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let count = pieces.len();
    let is_bound = |index: usize| {
        let is_of =
            |piece: &Piece| matches!(piece, Piece::Length { from, to, .. } if *from == index || *to == index);
        pieces.iter().any(is_of)
    };
    let bounds: Vec<bool> = (0..count).map(is_bound).collect();
    let (mut joined, mut places): (Vec<Piece>, Vec<usize>) = (Vec::new(), Vec::new());
    for (piece, is_bound) in pieces.into_iter().zip(bounds) {
        match (joined.last_mut(), piece) {
            (Some(Piece::Bytes(before)), Piece::Bytes(bytes)) if !is_bound => before.extend(bytes),
            (_, piece) => joined.push(piece),
        }
        places.push(joined.len() - 1);
    }
    places.push(joined.len());
    for piece in &mut joined {
        if let Piece::Length { from, to, .. } = piece {
            (*from, *to) = (places[*from], places[(*to).min(count)]);
        }
    }
    joined
}

const fn hex() -> [[u8; 2]; 256] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        hex[byte] = [DIGITS[byte >> 4], DIGITS[byte & 0xf]];
        byte += 1;
    }
    hex
}

impl Piece {
    fn bytes_max(&self) -> usize {
        match self {
            Piece::Bytes(bytes) => bytes.len(),
            Piece::Rand { high, .. } => decimal_bytes(*high),
            Piece::Uuid => UUID_BYTES,
            Piece::Seq => DIGITS_MAX,
            Piece::Binary { value, form } => form.bytes_max(value.max()),
            Piece::Length { form, .. } => form.bytes_max(),
        }
    }

    /// Appends what it becomes; `length` is that of what it counts, if it is a length.
    fn write(&self, values: &mut Values, length: u64, out: &mut Outbox<'_>) {
        match self {
            Piece::Bytes(bytes) => out.push(bytes),
            Piece::Seq => write_decimal(values.number, out),
            Piece::Rand { low, high } => write_decimal(values.between(*low, *high), out),
            Piece::Uuid => write_uuid(values.uuid(), out),
            Piece::Binary { value, form } => form.write(values.drawn(*value), out),
            Piece::Length { form, .. } => form.write(length, out),
        }
    }

    /// The same piece, of pieces that all stand so many places further behind.
    pub fn moved(&self, by: usize) -> Piece {
        match self {
            Piece::Length { from, to, form } => {
                Piece::Length { from: from + by, to: to.saturating_add(by), form: *form }
            }
            other => other.clone(),
        }
    }

    /// How many bytes it becomes, if it is no length.
    fn bytes(&self, values: &mut Values) -> usize {
        match self {
            Piece::Bytes(bytes) => bytes.len(),
            Piece::Seq => decimal_bytes(values.number),
            Piece::Rand { low, high } => decimal_bytes(values.between(*low, *high)),
            Piece::Uuid => {
                values.uuid();
                UUID_BYTES
            }
            Piece::Binary { value, form } => form.bytes(values.drawn(*value)),
            Piece::Length { .. } => 0,
        }
    }
}

/// RFC 9562, version 4: 122 random bits in the form 8-4-4-4-12.
fn write_uuid(bits: u128, out: &mut Outbox<'_>) {
    let bits = (bits & !(0xf << 76) & !(0b11 << 62)) | (4 << 76) | (0b10 << 62);
    let mut text = [b'-'; UUID_BYTES];
    for (byte, at) in bits.to_be_bytes().into_iter().zip(UUID_PLACES) {
        text[at..at + 2].copy_from_slice(&HEX[usize::from(byte)]);
    }
    out.push(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str, number: u64) -> String {
        let template = Template::new(parse(text).unwrap()).unwrap();
        let bytes =
            outbox::collected(template.bytes_max(), |out| template.render(number, Draws::new(5, 0), out));
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn holes_are_filled() {
        assert_eq!(rendered("/item/{{seq}}?x=1", 42), "/item/42?x=1");
        let number: u64 = rendered("{{ rand 10 20 }}", 0).parse().unwrap();
        assert!((10..=20).contains(&number));
        let uuid = rendered("{{uuid}}", 0);
        assert_eq!((uuid.len(), uuid.as_bytes()[14]), (36, b'4'));
        assert!(matches!(uuid.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{uuid}");
    }

    #[test]
    fn a_length_counts_what_the_holes_became() {
        let length = Piece::Length { from: 2, to: usize::MAX, form: LengthForm::Decimal };
        let mut pieces = vec![length, Piece::Bytes(b"|".to_vec())];
        pieces.extend(parse("{{seq}}-{{uuid}}").unwrap());
        let template = Template::new(pieces).unwrap();
        let out =
            outbox::collected(template.bytes_max(), |out| template.render(12_345, Draws::new(1, 1), out));
        let text = String::from_utf8(out).unwrap();
        let (length, body) = text.split_once('|').unwrap();
        assert_eq!(length.parse::<usize>().unwrap(), body.len());
    }

    #[test]
    fn a_length_is_right_whether_it_depends_on_what_is_drawn_or_not() {
        for (body, counted) in [
            ("{{uuid}}{{rand 10 99}}{{seq}}", CountedPart::EvenRest { from: 2 }),
            ("{{uuid}}{{rand 1 1000}}", CountedPart::Rest { from: 2 }),
        ] {
            let mut pieces = vec![Piece::Length { from: 2, to: usize::MAX, form: LengthForm::Decimal }];
            pieces.push(Piece::Bytes(b"|".to_vec()));
            pieces.extend(parse(body).unwrap());
            let template = Template::new(pieces).unwrap();
            assert_eq!(template.counted, counted);
            for number in 0..2_000 {
                let render = |out: &mut Outbox<'_>| template.render(number, Draws::new(1, 1), out);
                let text = String::from_utf8(outbox::collected(template.bytes_max(), render)).unwrap();
                let (length, body) = text.split_once('|').unwrap();
                assert_eq!(length.parse(), Ok(body.len()), "{text}");
            }
        }
    }

    #[test]
    fn a_uuid_has_all_its_digits() {
        let bits = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;
        let text = outbox::collected(UUID_BYTES, |out| write_uuid(bits, out));
        assert_eq!(text, b"01234567-89ab-4def-8123-456789abcdef");
    }

    #[test]
    fn lengths_count_lengths_and_end_where_they_are_said_to() {
        let bytes = |text: &str| Piece::Bytes(text.into());
        let length = |from, to, form| Piece::Length { from, to, form };
        let pieces = vec![
            length(1, 4, LengthForm::Be32),
            length(2, 4, LengthForm::Hpack7),
            length(4, 6, LengthForm::Decimal),
            bytes(";"),
            bytes("body"),
            Piece::Seq,
            bytes("rest"),
        ];
        let template = Template::new(pieces).unwrap();
        let render = |out: &mut Outbox<'_>| template.render(123_456, Draws::new(1, 1), out);
        let out = outbox::collected(template.bytes_max(), render);
        assert_eq!(out, b"\0\0\0\x04\x0310;body123456rest");
    }

    #[test]
    fn a_number_in_bytes_is_filled_in_as_digits_are() {
        let number = Piece::Binary { value: DrawnNumber::Seq, form: NumberForm::Varint };
        let template = Template::new(vec![Piece::Bytes(b"n=".to_vec()), number, Piece::Seq]).unwrap();
        let out = outbox::collected(template.bytes_max(), |out| template.render(300, Draws::new(1, 1), out));
        assert_eq!(out, b"n=\xac\x02300");
    }

    #[test]
    fn many_runs_of_bytes_are_one_piece_and_too_many_holes_are_refused() {
        let mut pieces: Vec<Piece> = (0..200).map(|n| Piece::Bytes(vec![n])).collect();
        pieces.insert(100, Piece::Length { from: 150, to: usize::MAX, form: LengthForm::Decimal });
        let template = Template::new(pieces).unwrap();
        assert_eq!(template.pieces.len(), 4);
        let bytes = template.constant().unwrap();
        assert_eq!(&bytes[100..102], b"51");
        assert!(Template::new(vec![Piece::Seq; HOLES_MAX + 1]).is_err());
    }

    #[test]
    fn holes_of_one_request_differ_and_those_of_an_arrival_are_the_same_again() {
        let text = "{{uuid}} {{uuid}}";
        let (first, second) = (rendered(text, 1), rendered(text, 2));
        let uuids: std::collections::BTreeSet<&str> = first.split(' ').chain(second.split(' ')).collect();
        assert_eq!(uuids.len(), 4);
        assert_eq!(rendered(text, 1), first);
    }

    #[test]
    fn what_is_wrong_with_holes_is_told_of_all_with_what_to_write() {
        for (text, part, problem, fix) in [
            ("a{{nope}}", "{{nope}}", "not known", "there are"),
            ("a{{seq", "{{seq", "without", "close it"),
            ("{{rand 5 1}}", "{{rand 5 1}}", "above", "write `{{rand 1 5}}`"),
            ("{{rand a 1}}", "{{rand a 1}}", "whole numbers", "{{rand 1 1000}}"),
            ("{{ rand(1, 50) }}", "{{ rand(1, 50) }}", "not known", "write `{{rand 1 50}}`"),
            ("{{random 10-20}}", "{{random 10-20}}", "not known", "write `{{rand 10 20}}`"),
            ("{{$guid}}", "{{$guid}}", "not known", "write `{{uuid}}`"),
            ("{{sq}}", "{{sq}}", "not known", "there are"),
            ("{{seqq}}", "{{seqq}}", "not known", "write `{{seq}}`"),
        ] {
            let wrong = parse(text).unwrap_err();
            assert_eq!((wrong.len(), wrong[0].part.as_str()), (1, part), "{text}");
            assert!(wrong[0].problem.contains(problem) && wrong[0].fix.contains(fix), "{text}: {wrong:?}");
        }
        assert_eq!(parse("{{a}} {{seq}} {{b}}").unwrap_err().len(), 2);
        assert_eq!(without_holes("/a/{{rand 1 9}}?x={{seq}}&{{"), "/a/0?x=0&{{");
    }

    #[test]
    fn a_rendering_is_no_longer_than_it_is_said_to_be() {
        let template =
            Template::new(parse("{{seq}}{{uuid}}{{rand 0 18446744073709551615}}").unwrap()).unwrap();
        let longest = outbox::collected(template.bytes_max(), |out| {
            template.render(u64::MAX, Draws::new(1, 2), out);
        });
        assert!(longest.len() > template.bytes_max() - 3, "{}", longest.len());
    }

    #[test]
    fn bytes_survive_json_whether_they_are_text_or_not() {
        for bytes in [&b"plain"[..], b"\xff\x00\xfe", b"base64:trap", b""] {
            let piece = Piece::Bytes(bytes.to_vec());
            let json = serde_json::to_string(&piece).unwrap();
            assert_eq!(serde_json::from_str::<Piece>(&json).unwrap(), piece, "{json}");
        }
        assert_eq!(serde_json::to_string(&Piece::Bytes(b"/a".to_vec())).unwrap(), r#"{"bytes":"/a"}"#);
    }

    #[test]
    fn text_without_holes_is_constant() {
        assert_eq!(Template::new(parse("abc").unwrap()).unwrap().constant().unwrap(), b"abc");
        assert!(Template::new(parse("a{{seq}}").unwrap()).unwrap().constant().is_none());
    }
}
