//! An encoded message as it grows: runs of bytes, holes, and the lengths of parts that have some.

use engine::template::{LengthForm, Piece};

/// How a field is put down (protobuf.dev, "Encoding").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireForm {
    Varint = 0,
    Fixed64 = 1,
    Counted = 2,
    GroupStart = 3,
    GroupEnd = 4,
    Fixed32 = 5,
}

/// A part of a message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Encoded {
    pieces: Vec<Piece>,
    /// Bytes are not added to pieces before this one: a length counts up to there.
    closed: usize,
}

impl Encoded {
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The pieces of it, which are one where there are no holes.
    pub(crate) fn into_pieces(mut self) -> Vec<Piece> {
        if self.pieces.is_empty() {
            self.pieces.push(Piece::Bytes(Vec::new()));
        }
        self.pieces
    }

    /// The same, if there are no holes.
    pub(crate) fn constant(&self) -> Option<&[u8]> {
        match self.pieces.as_slice() {
            [] => Some(&[]),
            [Piece::Bytes(bytes)] => Some(bytes),
            _ => None,
        }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let is_open = self.pieces.len() > self.closed;
        match self.pieces.last_mut() {
            _ if bytes.is_empty() => {}
            Some(Piece::Bytes(before)) if is_open => before.extend_from_slice(bytes),
            _ => self.pieces.push(Piece::Bytes(bytes.to_vec())),
        }
    }

    pub(crate) fn hole(&mut self, hole: Piece) {
        self.pieces.push(hole);
    }

    pub(crate) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes(&[value as u8 | 0x80]);
            value >>= 7;
        }
        self.bytes(&[value as u8]);
    }

    pub(crate) fn tag(&mut self, number: u32, form: WireForm) {
        self.varint(u64::from(number) << 3 | form as u64);
    }

    /// Another part as it is.
    pub(crate) fn append(&mut self, part: Encoded) {
        if let Some(bytes) = part.constant() {
            return self.bytes(bytes);
        }
        let (from, closed) = (self.pieces.len(), part.closed);
        self.pieces.extend(part.pieces.iter().map(|piece| piece.moved(from)));
        self.closed = self.closed.max(from + closed);
    }

    /// Another part behind its length.
    pub(crate) fn counted(&mut self, part: Encoded) {
        if let Some(bytes) = part.constant() {
            self.varint(bytes.len() as u64);
            return self.bytes(bytes);
        }
        let from = self.pieces.len() + 1;
        self.pieces.push(Piece::Length { from, to: from + part.pieces.len(), form: LengthForm::Varint });
        self.closed = from;
        self.append(part);
        self.closed = self.pieces.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::outbox;
    use engine::random::Draws;
    use engine::template::Template;

    fn rendered(encoded: Encoded, number: u64) -> Vec<u8> {
        let template = Template::new(encoded.into_pieces()).unwrap();
        outbox::collected(template.bytes_max(), |out| template.render(number, Draws::new(1, 0), out))
    }

    #[test]
    fn a_length_counts_its_part_and_not_what_is_added_behind_it() {
        let mut inner = Encoded::default();
        inner.bytes(b"u-");
        inner.hole(Piece::Seq);
        inner.bytes(b"!");
        let mut middle = Encoded::default();
        middle.bytes(b"<");
        middle.counted(inner);
        middle.bytes(b">");
        let mut outer = Encoded::default();
        outer.bytes(b"[");
        outer.counted(middle);
        outer.bytes(b"]");
        outer.bytes(b".");
        assert_eq!(rendered(outer.clone(), 7), b"[\x07<\x04u-7!>].");
        assert_eq!(rendered(outer, 12_345), b"[\x0b<\x08u-12345!>].");
    }

    #[test]
    fn what_has_no_holes_is_one_piece() {
        let mut inner = Encoded::default();
        inner.bytes(&[b'x'; 200]);
        let mut outer = Encoded::default();
        outer.tag(1, WireForm::Counted);
        outer.counted(inner);
        let pieces = outer.into_pieces();
        assert!(
            matches!(&pieces[..], [Piece::Bytes(bytes)] if bytes[..3] == [10, 0xc8, 1] && bytes.len() == 203)
        );
    }
}
