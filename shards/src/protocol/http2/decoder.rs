//! Header blocks into fields (RFC 7541, sections 3 and 6). Nothing is allocated: fields are seen where they lie, or in memory that is
//! lent for them.

use super::dynamic_table::{DynamicTable, ENTRY_BYTES};
use super::error::{ConnectionError, connection_error};
use super::huffman::{self, WrongString};
use super::integer::read_integer;
use super::static_table::STATIC_TABLE;

/// The largest list of fields that is accepted, as section 4.1 counts it; and the memory that decoding one of them needs.
pub(super) const FIELDS_BYTES_MAX: usize = 64 << 10;

/// Decodes the header blocks of one connection, each of which may depend on those before.
#[derive(Debug)]
pub(super) struct HpackDecoder {
    table: DynamicTable,
}

/// What a block has to do with the dynamic table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct BlockTrace {
    /// It refers to what is in the table.
    pub(super) refers: bool,
    /// What it has inserted counts for so much of the table's size.
    pub(super) inserted_bytes: usize,
    /// It has changed the table's size.
    pub(super) resizes: bool,
}

/// A string of a block: where it lies, or how much of the lent memory it takes.
#[derive(Clone, Copy)]
enum StringPlace<'a> {
    Block(&'a [u8]),
    Lent(usize),
}

impl HpackDecoder {
    /// With a dynamic table of at most so many bytes.
    pub(super) fn new(table_bytes_max: usize) -> HpackDecoder {
        HpackDecoder { table: DynamicTable::new(table_bytes_max) }
    }

    /// Forgets all, for a new connection.
    pub(super) fn reset(&mut self) {
        self.table.reset();
    }

    /// Equal numbers mean that an equal block means the same.
    #[inline]
    pub(super) fn generation(&self) -> u64 {
        self.table.generation()
    }

    /// The size that the dynamic table has at the most, now.
    #[inline]
    pub(super) fn table_bytes_max(&self) -> usize {
        self.table.size_max()
    }

    /// Decodes a whole block; `memory` has room for [`FIELDS_BYTES_MAX`].
    pub(super) fn decode(
        &mut self,
        block: &[u8],
        memory: &mut [u8],
        mut visit: impl FnMut(&[u8], &[u8]),
    ) -> Result<BlockTrace, &'static ConnectionError> {
        let (mut trace, mut at, mut list_bytes) = (BlockTrace::default(), 0, 0);
        let mut is_first = true;
        while let Some(&byte) = block.get(at) {
            if byte & 0xe0 == 0x20 {
                self.resize(block, &mut at, is_first)?;
                trace.resizes = true;
                continue;
            }
            is_first = false;
            list_bytes += if byte & 0x80 != 0 {
                self.indexed(block, &mut at, &mut trace, &mut visit)?
            } else {
                self.literal(block, &mut at, memory, &mut trace, &mut visit)?
            };
            if list_bytes > FIELDS_BYTES_MAX {
                return Err(TOO_LARGE);
            }
        }
        Ok(trace)
    }

    /// A change of the table's size, which may only stand at the beginning of a block.
    fn resize(
        &mut self,
        block: &[u8],
        at: &mut usize,
        is_first: bool,
    ) -> Result<(), &'static ConnectionError> {
        let size_max = read_integer(block, at, 5).ok_or(WRONG_INTEGER)?;
        match is_first && self.table.resize(size_max) {
            true => Ok(()),
            false if !is_first => {
                Err(connection_error!(COMPRESSION_ERROR, "the table's size changes inside a header block"))
            }
            false => {
                Err(connection_error!(COMPRESSION_ERROR, "the table is made larger than the settings allow"))
            }
        }
    }

    /// A field of either table; returns what it counts for.
    fn indexed(
        &self,
        block: &[u8],
        at: &mut usize,
        trace: &mut BlockTrace,
        visit: &mut impl FnMut(&[u8], &[u8]),
    ) -> Result<usize, &'static ConnectionError> {
        let index = read_integer(block, at, 7).ok_or(WRONG_INTEGER)?;
        let (name, value) = self.field(index, trace)?;
        visit(name, value);
        Ok(name.len() + value.len() + ENTRY_BYTES)
    }

    /// A field whose value, and perhaps name, is written out; returns what it counts for.
    fn literal(
        &mut self,
        block: &[u8],
        at: &mut usize,
        memory: &mut [u8],
        trace: &mut BlockTrace,
        visit: &mut impl FnMut(&[u8], &[u8]),
    ) -> Result<usize, &'static ConnectionError> {
        let is_inserted = block[*at] & 0x40 != 0;
        let prefix_bits = if is_inserted { 6 } else { 4 };
        let name = match read_integer(block, at, prefix_bits).ok_or(WRONG_INTEGER)? {
            0 => string(block, at, memory)?,
            index => {
                // Inserting may evict the entry that the name is taken from.
                let (name, _) = self.field(index, trace)?;
                let place = memory.get_mut(..name.len()).ok_or(TOO_LARGE)?;
                place.copy_from_slice(name);
                StringPlace::Lent(name.len())
            }
        };
        let lent = if let StringPlace::Lent(bytes) = name { bytes } else { 0 };
        let (of_name, of_value) = memory.split_at_mut(lent);
        let value = match string(block, at, of_value)? {
            StringPlace::Block(value) => value,
            StringPlace::Lent(bytes) => &of_value[..bytes],
        };
        let name = if let StringPlace::Block(name) = name { name } else { of_name };
        visit(name, value);
        let bytes = name.len() + value.len() + ENTRY_BYTES;
        if is_inserted {
            self.table.insert(name, value);
            trace.inserted_bytes += bytes;
        }
        Ok(bytes)
    }

    fn field(
        &self,
        index: usize,
        trace: &mut BlockTrace,
    ) -> Result<(&[u8], &[u8]), &'static ConnectionError> {
        let Some(place) = index.checked_sub(1) else {
            return Err(connection_error!(COMPRESSION_ERROR, "a header block refers to index 0"));
        };
        if let Some(&field) = STATIC_TABLE.get(place) {
            return Ok(field);
        }
        trace.refers = true;
        self.table.field(place - STATIC_TABLE.len()).ok_or(connection_error!(
            COMPRESSION_ERROR,
            "a header block refers to an index that the table does not have"
        ))
    }
}

/// Reads a string (section 5.2): where it lies in the block, or at the front of memory when it had to be decompressed.
fn string<'a>(
    block: &'a [u8],
    at: &mut usize,
    memory: &mut [u8],
) -> Result<StringPlace<'a>, &'static ConnectionError> {
    let is_coded = block.get(*at).is_some_and(|byte| byte & 0x80 != 0);
    let length = read_integer(block, at, 7).ok_or(WRONG_INTEGER)?;
    let Some(bytes) = block.get(*at..*at + length) else {
        return Err(connection_error!(COMPRESSION_ERROR, "a string is longer than its header block"));
    };
    *at += length;
    if !is_coded {
        return Ok(StringPlace::Block(bytes));
    }
    match huffman::decode(bytes, memory) {
        Ok(length) => Ok(StringPlace::Lent(length)),
        Err(WrongString::TooLong) => Err(TOO_LARGE),
        Err(WrongString::NotCoded) => {
            Err(connection_error!(COMPRESSION_ERROR, "a string is not in the Huffman code"))
        }
    }
}

const WRONG_INTEGER: &ConnectionError =
    connection_error!(COMPRESSION_ERROR, "an integer of a header block has no end, or is too large");
const TOO_LARGE: &ConnectionError =
    connection_error!(ENHANCE_YOUR_CALM, "a list of header fields is larger than 64 KiB");

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(
        decoder: &mut HpackDecoder,
        block: &[u8],
    ) -> Result<Vec<(String, String)>, &'static ConnectionError> {
        let (mut memory, mut fields) = (vec![0; FIELDS_BYTES_MAX], Vec::new());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        decoder.decode(block, &mut memory, |name, value| fields.push((text(name), text(value))))?;
        Ok(fields)
    }

    #[test]
    fn what_is_no_header_block_is_refused() {
        for (block, why) in [
            (&[0x80][..], "index 0"),
            (&[0xbe], "index that the table does not have"),
            (&[0xff, 0x80], "integer"),
            (&[0xff, 0x80, 0x80, 0x80, 0x80, 0x80], "integer"),
            (&[0x00, 0x05, b'a'], "longer than its header block"),
            (&[0x00, 0x81, 0x00, 0x00], "Huffman"),
            (&[0x88, 0x20], "inside a header block"),
            (&[0x3f, 0xe2, 0x1f], "larger than the settings allow"),
            (&[0x00], "integer"),
            (&[0x0f, 0x2f, 0x00], "index that the table does not have"),
        ] {
            let error = decoded(&mut HpackDecoder::new(4_096), block).unwrap_err();
            assert!(
                error.why.contains(why) && error.why.starts_with("COMPRESSION_ERROR"),
                "{block:?}: {error:?}"
            );
        }
    }

    #[test]
    fn a_few_bytes_that_become_many_are_refused() {
        let mut decoder = HpackDecoder::new(4_096);
        let mut block = vec![0x40, 0x01, b'a', 0x7f, 0xa1, 0x1e];
        block.extend([b'x'; 4_000]);
        assert_eq!(decoded(&mut decoder, &block).unwrap().len(), 1);
        assert_eq!(decoded(&mut decoder, &[0xbe; 16]).unwrap().len(), 16);
        let error = decoded(&mut decoder, &[0xbe; 17]).unwrap_err();
        assert_eq!(error, TOO_LARGE);
    }

    #[test]
    fn a_name_survives_the_eviction_of_the_entry_it_is_from() {
        let mut decoder = HpackDecoder::new(64);
        decoded(&mut decoder, b"\x40\x10abcdefghijklmnop\x01x").unwrap();
        let again = decoded(&mut decoder, b"\x7e\x02yz").unwrap();
        assert_eq!(again, [("abcdefghijklmnop".to_owned(), "yz".to_owned())]);
        assert_eq!(decoded(&mut decoder, &[0xbe]).unwrap(), again);
        decoded(&mut decoder, &[0xbf]).unwrap_err();
    }

    #[test]
    fn a_block_tells_what_it_had_to_do_with_the_table() {
        let mut decoder = HpackDecoder::new(4_096);
        let mut trace = |block: &[u8]| decoder.decode(block, &mut [0; 1 << 10], |_, _| {}).unwrap();
        let expected = |refers, inserted_bytes, resizes| BlockTrace { refers, inserted_bytes, resizes };
        assert_eq!(trace(&[0x88, 0x0f, 0x0d, 0x01, b'5']), expected(false, 0, false));
        assert_eq!(trace(b"\x88\x40\x01a\x01b"), expected(false, 34, false));
        assert_eq!(trace(&[0x3f, 0xe1, 0x1f, 0xbe]), expected(true, 0, true));
        assert_eq!(trace(b"\x3e\x40\x01a\x01b"), expected(false, 34, true));
    }
}
