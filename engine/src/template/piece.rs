//! The pieces of a request: bytes, what takes its place among them at the last moment, and lengths of what is behind.

use super::filter::HoleFilter;
use super::hole::{Hole, HoleName, HolePlace, HoleSource};
use super::numbers::{DIGITS_MAX, DrawnNumber, LengthForm, NumberForm, UUID_BYTES, decimal_bytes};
use serde::{Deserialize, Serialize};

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
    /// A value that is not known before the run, and is filled in before the request is rendered.
    Value(Box<Hole>),
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
            Piece::Value(hole) => {
                let is_environment = |name: &HoleName| matches!(name, HoleName::Environment(_));
                hole.unsound().is_none() && !hole.all_names().any(is_environment)
            }
            Piece::Length { .. } | Piece::Binary { .. } => false,
        }
    }

    /// The same, as it may stand in a place.
    pub(crate) fn placed(mut self, place: HolePlace) -> Piece {
        if let Piece::Value(hole) = &mut self {
            hole.place = place;
        }
        self
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

    /// The most bytes that it becomes.
    pub(crate) fn bytes_max(&self) -> usize {
        match self {
            Piece::Bytes(bytes) => bytes.len(),
            Piece::Rand { high, .. } => decimal_bytes(*high),
            Piece::Uuid => UUID_BYTES,
            Piece::Seq => DIGITS_MAX,
            Piece::Binary { value, form } => form.bytes_max(value.max()),
            Piece::Value(hole) => hole.bytes_max(),
            Piece::Length { form, .. } => form.bytes_max(),
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
            Piece::Value(_) => piece.is_written(),
            Piece::Bytes(_) | Piece::Seq | Piece::Uuid | Piece::Binary { .. } => true,
        }
    })
}

/// The pieces of a path. A value at its beginning has to bring the slash itself, if it may.
pub(crate) fn path_of(mut pieces: Vec<Piece>) -> Vec<Piece> {
    if let Some(Piece::Value(hole)) = pieces.first_mut()
        && may_bring_slash(hole)
    {
        hole.place = HolePlace::PathStart;
    }
    pieces
}

/// Whether what a hole becomes may begin with a slash: where all it can become is known, whether all of it does.
fn may_bring_slash(hole: &Hole) -> bool {
    let made = |text: &String| hole.filters.iter().fold(text.clone(), |made, filter| filter.of_text(&made));
    hole.filters.iter().all(HoleFilter::keeps_slash)
        && match &hole.source {
            HoleSource::Named(_) => true,
            HoleSource::Pick(texts) => texts.iter().all(|text| made(text).starts_with('/')),
            _ => false,
        }
}

/// Whether some of the pieces are values that are not known before the run.
pub fn has_values(pieces: &[Piece]) -> bool {
    pieces.iter().any(|piece| matches!(piece, Piece::Value(_)))
}

/// The piece of a hole: a plain one where the value is, and no filter changes it.
pub(super) fn piece_of(hole: Hole) -> Piece {
    let changes = |filter: &HoleFilter<HoleName>| match hole.source {
        HoleSource::Seq | HoleSource::Rand { .. } => !filter.keeps_digits(),
        HoleSource::Uuid => !filter.keeps_small_letters(),
        _ => true,
    };
    match hole.source {
        _ if hole.filters.iter().any(changes) => Piece::Value(Box::new(hole)),
        HoleSource::Seq => Piece::Seq,
        HoleSource::Uuid => Piece::Uuid,
        HoleSource::Rand { low, high } => Piece::Rand { low, high },
        _ => Piece::Value(Box::new(hole)),
    }
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
        Piece::Value(_) => 0,
        other => other.bytes_max(),
    };
    (pieces.iter().map(least).sum(), pieces.iter().map(Piece::bytes_max).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_value_that_cannot_be_filled_is_none_that_is_written() {
        let value = |source: HoleSource| Piece::Value(Box::new(Hole::new(source)));
        assert!(value(HoleSource::User).is_written());
        assert!(!value(HoleSource::Rand { low: 2, high: 1 }).is_written());
        assert!(!value(HoleSource::Named(HoleName::Environment("X".into()))).is_written());
        assert!(has_values(&[Piece::Seq, value(HoleSource::User)]) && !has_values(&[Piece::Seq]));
        let placed = value(HoleSource::User).placed(HolePlace::Header);
        assert!(matches!(placed, Piece::Value(hole) if hole.place == HolePlace::Header));
    }
}
