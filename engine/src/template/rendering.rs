//! Rendering: a whole request, written with its holes filled in, and its lengths counted, again and again.

use super::filled::FilledValues;
use super::hole::Hole;
use super::numbers::{DrawnNumber, LengthForm, UUID_BYTES, decimal_bytes, write_decimal, write_uuid};
use super::piece::{Piece, has_values};
use crate::outbox::{self, Outbox};
use crate::random::{Draw, Draws, Random};

/// The most values one template may be filled with. Bounds the time a rendering takes.
pub const HOLES_MAX: usize = 32;
/// The most lengths one template may hold: each value may stand in a string of its own, which has one.
const LENGTHS_MAX: usize = 2 * HOLES_MAX;
/// The most pieces there can be: bytes before and behind each that is none, and where a length begins or ends to count.
const PIECES_MAX: usize = 4 * (HOLES_MAX + LENGTHS_MAX) + 1;
/// As many as most templates have: memory for more is not laid out for each rendering.
const PIECES_FEW: usize = 24;

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
    /// The same where values are filled before.
    Filled,
    /// Nothing, where values are filled before.
    FilledAlone,
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

    /// The values that are filled before it is rendered, in their order.
    pub fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Value(hole) => Some(hole.as_ref()),
            _ => None,
        })
    }

    /// Appends the request of the arrival with this number to `out`. Panics where the template has values that are filled before.
    pub fn render(&self, number: u64, draws: Draws, out: &mut Outbox<'_>) {
        let length = match self.counted {
            CountedPart::Nothing => 0,
            CountedPart::Rest { from } => self.length_from(from, number, draws),
            CountedPart::EvenRest { from } => self.even_length_from(from, number),
            CountedPart::Parts if self.pieces.len() <= PIECES_FEW => {
                return self.render_counted::<PIECES_FEW, _>(number, draws, || NoTexts, out);
            }
            CountedPart::Parts => {
                return self.render_counted::<PIECES_MAX, _>(number, draws, || NoTexts, out);
            }
            CountedPart::Filled | CountedPart::FilledAlone => {
                panic!("a template with values is rendered by `render_filled`")
            }
        };
        let mut values = Values { number, draws, random: None, filled: NoTexts };
        for piece in &self.pieces {
            match piece {
                Piece::Bytes(bytes) => out.push(bytes),
                Piece::Seq => write_decimal(number, out),
                Piece::Rand { low, high } => write_decimal(values.between(*low, *high), out),
                Piece::Uuid => write_uuid(values.uuid(), out),
                // Where there is a number in bytes, or a value that was filled, all pieces are counted, and none of it is here.
                Piece::Length { .. } | Piece::Binary { .. } | Piece::Value(_) => write_decimal(length, out),
            }
        }
    }

    /// The same, with the texts that its values were filled with, in the order of [`Template::holes`]. Panics where there are fewer.
    pub fn render_filled(&self, number: u64, draws: Draws, filled: &FilledValues, out: &mut Outbox<'_>) {
        let texts = || InOrder { texts: filled, at: 0 };
        match self.counted {
            CountedPart::FilledAlone => {
                let mut values = Values { number, draws, random: None, filled: texts() };
                self.pieces.iter().for_each(|piece| piece.write(&mut values, 0, out));
            }
            CountedPart::Filled if self.pieces.len() <= PIECES_FEW => {
                self.render_counted::<PIECES_FEW, _>(number, draws, texts, out);
            }
            CountedPart::Filled => self.render_counted::<PIECES_MAX, _>(number, draws, texts, out),
            _ => self.render(number, draws, out),
        }
    }

    /// How many bytes the pieces from `first` on become. What they are filled with is drawn once more when they are written:
    /// the same again, since it depends on the arrival alone.
    fn length_from(&self, first: usize, number: u64, draws: Draws) -> u64 {
        let mut values = Values { number, draws, random: None, filled: NoTexts };
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
    fn render_counted<const PIECES: usize, F: FilledTexts>(
        &self,
        number: u64,
        draws: Draws,
        texts: impl Fn() -> F,
        out: &mut Outbox<'_>,
    ) {
        let mut values = Values { number, draws, random: None, filled: texts() };
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
        let mut values = Values { number, draws, random: None, filled: texts() };
        for (piece, length) in self.pieces.iter().zip(lengths) {
            piece.write(&mut values, length.into(), out);
        }
    }
}

/// What the holes of one request are filled from.
struct Values<F> {
    number: u64,
    draws: Draws,
    /// Made for the first hole that needs it: many requests have none.
    random: Option<Random>,
    /// What was filled before.
    filled: F,
}

/// Where the texts come from that were filled before the request is rendered.
trait FilledTexts {
    /// The next one, in the order of the holes.
    fn next(&mut self) -> &[u8];
}

/// There are none: a template without them is rendered by code that knows nothing of them.
struct NoTexts;

/// One after the other.
struct InOrder<'a> {
    texts: &'a FilledValues,
    at: usize,
}

impl FilledTexts for NoTexts {
    fn next(&mut self) -> &[u8] {
        unreachable!("a template with values is rendered by `render_filled`")
    }
}

impl FilledTexts for InOrder<'_> {
    fn next(&mut self) -> &[u8] {
        self.at += 1;
        self.texts.get(self.at - 1).expect("each value of the template was filled")
    }
}

impl<F: FilledTexts> Values<F> {
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
            (None, _) if has_values(pieces) => CountedPart::FilledAlone,
            _ if has_values(pieces) => CountedPart::Filled,
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
impl Piece {
    /// Appends what it becomes; `length` is that of what it counts, if it is a length.
    fn write<F: FilledTexts>(&self, values: &mut Values<F>, length: u64, out: &mut Outbox<'_>) {
        match self {
            Piece::Bytes(bytes) => out.push(bytes),
            Piece::Seq => write_decimal(values.number, out),
            Piece::Rand { low, high } => write_decimal(values.between(*low, *high), out),
            Piece::Uuid => write_uuid(values.uuid(), out),
            Piece::Binary { value, form } => form.write(values.drawn(*value), out),
            Piece::Value(_) => out.push(values.filled.next()),
            Piece::Length { form, .. } => form.write(length, out),
        }
    }

    /// How many bytes it becomes, if it is no length.
    fn bytes<F: FilledTexts>(&self, values: &mut Values<F>) -> usize {
        match self {
            Piece::Bytes(bytes) => bytes.len(),
            Piece::Seq => decimal_bytes(values.number),
            Piece::Rand { low, high } => decimal_bytes(values.between(*low, *high)),
            Piece::Uuid => {
                values.uuid();
                UUID_BYTES
            }
            Piece::Binary { value, form } => form.bytes(values.drawn(*value)),
            Piece::Value(_) => values.filled.next().len(),
            Piece::Length { .. } => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{HoleSource, NumberForm, Unfilled, parse};

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
    fn a_rendering_is_no_longer_than_it_is_said_to_be() {
        let template =
            Template::new(parse("{{seq}}{{uuid}}{{rand 0 18446744073709551615}}").unwrap()).unwrap();
        let longest = outbox::collected(template.bytes_max(), |out| {
            template.render(u64::MAX, Draws::new(1, 2), out);
        });
        assert!(longest.len() > template.bytes_max() - 3, "{}", longest.len());
    }

    #[test]
    fn text_without_holes_is_constant() {
        assert_eq!(Template::new(parse("abc").unwrap()).unwrap().constant().unwrap(), b"abc");
        assert!(Template::new(parse("a{{seq}}").unwrap()).unwrap().constant().is_none());
    }

    /// The pieces with what two values were filled with, all lengths counted.
    fn with_filled(pieces: Vec<Piece>, texts: [&[u8]; 2]) -> Vec<u8> {
        let template = Template::new(pieces).unwrap();
        assert_eq!(template.constant(), None);
        let mut filled = FilledValues::default();
        assert_eq!(template.holes().count(), texts.len());
        for text in texts {
            let append = |out: &mut Vec<u8>| {
                out.extend_from_slice(text);
                Ok::<(), Unfilled>(())
            };
            filled.push_with(append).unwrap();
        }
        let render = |out: &mut Outbox<'_>| template.render_filled(300, Draws::new(1, 1), &filled, out);
        outbox::collected(template.bytes_max(), render)
    }

    #[test]
    fn values_take_their_places_and_lengths_count_them() {
        let mut pieces = vec![
            Piece::Length { from: 1, to: 3, form: LengthForm::Be32 },
            Piece::Length { from: 2, to: 3, form: LengthForm::Hpack7 },
        ];
        pieces.push(Piece::Value(Box::new(Hole::new(HoleSource::User))));
        pieces.push(Piece::Length { from: 4, to: usize::MAX, form: LengthForm::Decimal });
        pieces.extend(parse(";{{token}}-{{seq}}").unwrap());
        assert_eq!(with_filled(pieces.clone(), [b"abc", b""]), b"\0\0\0\x04\x03abc5;-300");
        let long = [b'x'; 4_096];
        let rendered = with_filled(pieces, [b"", &long]);
        assert!(
            rendered.starts_with(b"\0\0\0\x01\x004101;xxx") && rendered.ends_with(b"x-300"),
            "{rendered:?}"
        );
    }

    #[test]
    fn many_pieces_are_rendered_with_values_too() {
        let text = format!("{}{{{{a}}}}{{{{b}}}}", "{{seq}}-".repeat(20));
        let rendered = with_filled(parse(&text).unwrap(), [b"1", b"2"]);
        assert_eq!(String::from_utf8(rendered).unwrap(), format!("{}12", "300-".repeat(20)));
    }

    #[test]
    fn a_template_without_values_is_the_same_either_way() {
        let template = Template::new(parse("{{seq}} {{uuid}} {{rand 1 99}}").unwrap()).unwrap();
        let (draws, none) = (Draws::new(2, 3), FilledValues::default());
        let filled = outbox::collected(99, |out| template.render_filled(7, draws, &none, out));
        assert_eq!(filled, outbox::collected(99, |out| template.render(7, draws, out)));
    }

    #[test]
    #[should_panic(expected = "render_filled")]
    fn a_template_with_values_is_not_rendered_without_them() {
        let template = Template::new(parse("{{token}}").unwrap()).unwrap();
        outbox::collected(99, |out| template.render(7, Draws::new(1, 1), out));
    }
}
