//! The bytes of a message, record by record (protobuf.dev, "Encoding").

use std::fmt;

/// Why bytes are not told as a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMessage {
    /// They are none of its type.
    Bytes,
    /// Its JSON would be longer than may be, or there is too much to look at for it.
    TooLong,
    /// Messages stand in each other too deep.
    TooDeep,
}

impl fmt::Display for NotMessage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            NotMessage::Bytes => "the bytes are no message of the method's type",
            NotMessage::TooLong => "the message is too long as JSON",
            NotMessage::TooDeep => "messages stand in each other too deep",
        })
    }
}

impl std::error::Error for NotMessage {}

/// A value as it stands behind its tag.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stored<'a> {
    Varint(u64),
    Fixed64(u64),
    Counted(&'a [u8]),
    Fixed32(u32),
    /// What stands between the two tags of a group, which is a message as well.
    Group(&'a [u8]),
}

/// How groups may stand in each other.
const GROUPS_DEEP_MAX: usize = 100;

/// Reads records one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Records<'a> {
        Records { rest: bytes }
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next record: the number of its field, and what is stored.
    pub(super) fn next_record(&mut self) -> Result<Option<(u32, Stored<'a>)>, NotMessage> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (number, form) = self.tag()?;
        Ok(Some((number, self.stored(number, form, 0)?)))
    }

    fn tag(&mut self) -> Result<(u32, u8), NotMessage> {
        let tag = u32::try_from(self.varint()?).map_err(|_| NotMessage::Bytes)?;
        let number = tag >> 3;
        if number == 0 { Err(NotMessage::Bytes) } else { Ok((number, (tag & 7) as u8)) }
    }

    fn stored(&mut self, number: u32, form: u8, depth: usize) -> Result<Stored<'a>, NotMessage> {
        Ok(match form {
            0 => Stored::Varint(self.varint()?),
            1 => Stored::Fixed64(self.fixed64()?),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| NotMessage::Bytes)?;
                Stored::Counted(self.take(length)?)
            }
            3 if depth < GROUPS_DEEP_MAX => {
                let whole = self.rest;
                loop {
                    let length = whole.len() - self.rest.len();
                    match self.tag()? {
                        (inner, 4) if inner == number => break Stored::Group(&whole[..length]),
                        (_, 4) => return Err(NotMessage::Bytes),
                        (inner, form) => self.stored(inner, form, depth + 1)?,
                    };
                }
            }
            5 => Stored::Fixed32(self.fixed32()?),
            _ => return Err(NotMessage::Bytes),
        })
    }

    pub(super) fn varint(&mut self) -> Result<u64, NotMessage> {
        let mut value = 0;
        for place in 0..10 {
            let (&byte, rest) = self.rest.split_first().ok_or(NotMessage::Bytes)?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                // The tenth byte has one bit.
                return if place == 9 && byte > 1 { Err(NotMessage::Bytes) } else { Ok(value) };
            }
        }
        Err(NotMessage::Bytes)
    }

    pub(super) fn fixed64(&mut self) -> Result<u64, NotMessage> {
        let bytes = self.take(8)?.try_into().map_err(|_| NotMessage::Bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    pub(super) fn fixed32(&mut self) -> Result<u32, NotMessage> {
        let bytes = self.take(4)?.try_into().map_err(|_| NotMessage::Bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], NotMessage> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(NotMessage::Bytes)?;
        self.rest = rest;
        Ok(taken)
    }
}
