//! Header blocks that came before, so that they need not be decoded again: servers send the same few blocks over and over.
//!
//! A block that refers to nothing in the dynamic table means the same whenever it comes, and all it can do to the table is to insert
//! the same fields. Servers that insert every field of every response and never refer to one are common; so insertions of
//! known blocks are put off until a block comes that is not known, and of those put off only the last count that fill the table.
//! A block that refers to the table means the same as long as the table is the same.

use super::decoder::{BlockTrace, FIELDS_BYTES_MAX, HpackDecoder};
use super::dynamic_table::ENTRY_BYTES;
use super::error::ConnectionError;
use super::facts::{BlockFacts, FactsReader};

/// Blocks that are remembered: those of a few steps, before and after the `date` in them has changed.
const BLOCKS_MAX: usize = 8;
/// How much of what is said for people is kept.
const SAID_BYTES_MAX: usize = 512;
/// The longest block that is remembered; longer ones are decoded each time.
const BLOCK_BYTES_MAX: usize = 384;

/// A block that came before.
#[derive(Debug)]
struct KnownBlock {
    length: usize,
    facts: BlockFacts,
    effect: BlockEffect,
    bytes: [u8; BLOCK_BYTES_MAX],
}

/// What a known block has to do with the dynamic table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BlockEffect {
    /// Nothing.
    None,
    /// It refers to the table of this generation.
    Refers { generation: u64 },
    /// It refers to nothing, and inserts fields that count for so much.
    Inserts { bytes: usize },
}

/// Reads the header blocks of one connection.
#[derive(Debug)]
pub(super) struct BlockReader {
    decoder: HpackDecoder,
    known: Box<[KnownBlock; BLOCKS_MAX]>,
    /// The one that came last, and the one before it: a header and trailers come in turn.
    last: usize,
    before: usize,
    /// The one that is forgotten next.
    next: usize,
    put_off: PutOff,
    /// The beginning of the `grpc-message` of the block that was decoded last.
    said: Vec<u8>,
}

/// Known blocks whose insertions have not been made, oldest first: a ring.
#[derive(Debug)]
struct PutOff {
    blocks: Box<[PutOffBlock]>,
    oldest: usize,
    count: usize,
    /// What they insert, each as often as it came.
    bytes: usize,
}

/// A block that came so many times in a row.
#[derive(Clone, Copy, Debug, Default)]
struct PutOffBlock {
    place: u8,
    times: usize,
    /// What it inserts each time.
    bytes: usize,
}

impl BlockReader {
    /// With a dynamic table of at most so many bytes.
    pub(super) fn new(table_bytes_max: usize) -> BlockReader {
        let known = || KnownBlock {
            length: 0,
            bytes: [0; BLOCK_BYTES_MAX],
            facts: FactsReader::new().finish(),
            effect: BlockEffect::None,
        };
        BlockReader {
            decoder: HpackDecoder::new(table_bytes_max),
            known: Box::new(std::array::from_fn(|_| known())),
            last: 0,
            before: 0,
            next: 0,
            put_off: PutOff::new(table_bytes_max),
            said: Vec::new(),
        }
    }

    /// What a block that came for the first time said for people, as it came.
    pub(super) fn said(&self) -> &[u8] {
        &self.said
    }

    /// Forgets what the dynamic table had in it, for a new connection. What is known of blocks that do not refer to it stays.
    pub(super) fn reset(&mut self) {
        self.put_off.clear();
        self.decoder.reset();
    }

    /// What a whole block says; `memory` has room for [`FIELDS_BYTES_MAX`].
    // The usual way of a response: the compiler would make a call of each part.
    #[inline(always)]
    pub(super) fn read(
        &mut self,
        block: &[u8],
        memory: &mut [u8],
    ) -> Result<BlockFacts, &'static ConnectionError> {
        debug_assert!(memory.len() >= FIELDS_BYTES_MAX, "any list that is accepted can be decoded");
        match self.find(block) {
            Some(place) if self.is_as_before(place) => {
                self.note(place);
                Ok(self.known[place].facts)
            }
            _ => self.read_unknown(block, memory),
        }
    }

    /// Whether a known block means the same as when it came before. What it inserts is then put off.
    // The usual way of a response: the compiler would make a call of each part.
    #[inline(always)]
    fn is_as_before(&mut self, place: usize) -> bool {
        match self.known[place].effect {
            BlockEffect::None => true,
            BlockEffect::Refers { generation } => {
                self.put_off.count == 0 && generation == self.decoder.generation()
            }
            BlockEffect::Inserts { bytes } => {
                self.put_off.push(place as u8, bytes, self.decoder.table_bytes_max());
                true
            }
        }
    }

    #[inline]
    fn find(&self, block: &[u8]) -> Option<usize> {
        if self.known[self.last].is(block) {
            Some(self.last)
        } else if self.known[self.before].is(block) {
            Some(self.before)
        } else {
            self.find_other(block)
        }
    }

    /// A known block came.
    #[inline]
    fn note(&mut self, place: usize) {
        if self.last != place {
            (self.before, self.last) = (self.last, place);
        }
    }

    #[inline(never)]
    fn find_other(&self, block: &[u8]) -> Option<usize> {
        self.known.iter().position(|known| known.is(block))
    }

    #[cold]
    fn read_unknown(
        &mut self,
        block: &[u8],
        memory: &mut [u8],
    ) -> Result<BlockFacts, &'static ConnectionError> {
        self.read_each(block, memory, |_, _| {})
    }

    /// What a whole block says, decoded whether or not it came before, and each of its fields.
    pub(super) fn read_each(
        &mut self,
        block: &[u8],
        memory: &mut [u8],
        mut each: impl FnMut(&[u8], &[u8]),
    ) -> Result<BlockFacts, &'static ConnectionError> {
        while let Some(place) = self.put_off.pop() {
            let known = &self.known[usize::from(place)];
            self.decoder.decode(&known.bytes[..known.length], memory, |_, _| {})?;
        }
        let mut reader = FactsReader::new();
        let said = &mut self.said;
        said.clear();
        let trace = self.decoder.decode(block, memory, |name, value| {
            if name == b"grpc-message" {
                said.extend_from_slice(&value[..value.len().min(SAID_BYTES_MAX)]);
            }
            reader.field(name, value);
            each(name, value);
        })?;
        let facts = reader.finish();
        self.remember(block, facts, trace);
        Ok(facts)
    }

    fn remember(&mut self, block: &[u8], facts: BlockFacts, trace: BlockTrace) {
        let effect = match trace {
            BlockTrace { resizes: true, .. } => return,
            // By what it inserts it is not the same the next time.
            BlockTrace { refers: true, inserted_bytes: 1.., .. } => return,
            BlockTrace { refers: true, .. } => BlockEffect::Refers { generation: self.decoder.generation() },
            BlockTrace { inserted_bytes: 0, .. } => BlockEffect::None,
            BlockTrace { inserted_bytes, .. } => BlockEffect::Inserts { bytes: inserted_bytes },
        };
        if block.is_empty() || block.len() > BLOCK_BYTES_MAX {
            return;
        }
        // One that referred to another table is of no use any more.
        let place = self.find(block).unwrap_or(self.next);
        if place == self.next {
            self.next = (self.next + 1) % BLOCKS_MAX;
        }
        let known = &mut self.known[place];
        known.length = block.len();
        known.bytes[..block.len()].copy_from_slice(block);
        (known.facts, known.effect) = (facts, effect);
        self.note(place);
    }
}

impl KnownBlock {
    #[inline]
    fn is(&self, block: &[u8]) -> bool {
        self.length == block.len() && self.bytes[..self.length] == *block && self.length > 0
    }
}

impl PutOff {
    /// For a table of at most so many bytes: as many blocks as it can have entries, and one that is about to go.
    fn new(table_bytes_max: usize) -> PutOff {
        let blocks = vec![PutOffBlock::default(); table_bytes_max / ENTRY_BYTES + 2].into();
        PutOff { blocks, oldest: 0, count: 0, bytes: 0 }
    }

    fn clear(&mut self) {
        (self.count, self.bytes) = (0, 0);
    }

    /// Adds a block. One that comes again and fills the table alone changes nothing more.
    #[inline]
    fn push(&mut self, place: u8, bytes: usize, table_bytes: usize) {
        let last = &mut self.blocks[self.oldest];
        if self.count == 1 && last.place == place {
            if self.bytes < table_bytes {
                last.times += 1;
                self.bytes += bytes;
            }
            return;
        }
        self.push_other(place, bytes, table_bytes);
    }

    /// The same beside others. Those whose entries could not be left in a table of this size, after all that came later, are dropped.
    #[inline(never)]
    fn push_other(&mut self, place: u8, bytes: usize, table_bytes: usize) {
        let newest = (self.oldest + self.count + self.blocks.len() - 1) % self.blocks.len();
        self.bytes += bytes;
        if self.count > 0 && self.blocks[newest].place == place {
            self.blocks[newest].times += 1;
        } else {
            let index = (self.oldest + self.count) % self.blocks.len();
            self.blocks[index] = PutOffBlock { place, times: 1, bytes };
            self.count += 1;
        }
        while self.bytes - self.blocks[self.oldest].bytes >= table_bytes
            && (self.count > 1 || self.blocks[self.oldest].times > 1)
        {
            self.drop_oldest();
        }
    }

    fn pop(&mut self) -> Option<u8> {
        if self.count == 0 {
            return None;
        }
        let place = self.blocks[self.oldest].place;
        self.drop_oldest();
        Some(place)
    }

    /// Drops the oldest block, once.
    fn drop_oldest(&mut self) {
        let oldest = &mut self.blocks[self.oldest];
        self.bytes -= oldest.bytes;
        oldest.times -= 1;
        if oldest.times == 0 {
            self.oldest = (self.oldest + 1) % self.blocks.len();
            self.count -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(reader: &mut BlockReader, block: &[u8]) -> Result<BlockFacts, &'static ConnectionError> {
        reader.read(block, &mut vec![0; FIELDS_BYTES_MAX])
    }

    /// A few kinds of blocks: constants, insertions, references, changes of size; and what is none.
    fn block(kind: u8, number: u8) -> Vec<u8> {
        let digit = b'0' + number % 3;
        match kind {
            0 => vec![0x88],
            1 => vec![0x8d, 0x0f, 0x0d, 0x01, digit],
            2 => vec![0x88, 0x5c, 0x01, digit, 0x40, 0x01, b'a', 0x01, digit],
            3 => [&[0x48, 0x03, b'2', b'0', digit][..], &[0x40, 0x01, b'b', 30], &[b'x'; 30]].concat(),
            4 => vec![0xbe + number % 4],
            5 => vec![0x88, 0x7e, 0x02, digit, digit],
            6 => vec![0x20 + number % 3 * 9, 0x88],
            7 => vec![0x3f, 0x81, 0x01, 0x88],
            _ => vec![0x48, 0x03, b'3', b'0', digit],
        }
    }

    proptest! {
        #[test]
        fn what_is_recalled_is_what_would_be_decoded(
            blocks in proptest::collection::vec((0_u8..9, 0_u8..8), 1..300),
            table_bytes in prop_oneof![Just(0_usize), Just(64), Just(160), Just(4_096)],
        ) {
            let (mut reader, mut plain) = (BlockReader::new(table_bytes), HpackDecoder::new(table_bytes));
            for (kind, number) in blocks {
                let block = block(kind, number);
                let mut facts = FactsReader::new();
                let mut memory = vec![0; FIELDS_BYTES_MAX];
                let decoded = plain.decode(&block, &mut memory, |name, value| facts.field(name, value));
                let expected = decoded.map(|_| facts.finish());
                prop_assert_eq!(read(&mut reader, &block), expected);
                if expected.is_err() {
                    break;
                }
            }
        }
    }

    #[test]
    fn a_server_that_inserts_every_field_is_not_decoded_again() {
        let mut reader = BlockReader::new(4_096);
        let block = block(2, 0);
        read(&mut reader, &block).unwrap();
        let generation = reader.decoder.generation();
        for _ in 0..10_000 {
            read(&mut reader, &block).unwrap();
        }
        assert_eq!(reader.decoder.generation(), generation, "insertions are put off");
        assert!(reader.put_off.count <= 4_096 / ENTRY_BYTES);
        // Whoever refers to what was inserted makes them happen.
        assert_eq!(read(&mut reader, &[0xbe]).unwrap().wrong, None);
        assert!(reader.decoder.generation() > generation && reader.put_off.count == 0);
    }

    #[test]
    fn blocks_that_refer_to_the_table_are_recalled_until_it_changes() {
        let mut reader = BlockReader::new(4_096);
        read(&mut reader, &[0x48, 0x03, b'2', b'0', b'6']).unwrap();
        assert_eq!(read(&mut reader, &[0xbe]).unwrap().status, 206);
        assert_eq!(read(&mut reader, &[0xbe]).unwrap().status, 206);
        read(&mut reader, &[0x48, 0x03, b'2', b'0', b'7']).unwrap();
        assert_eq!(read(&mut reader, &[0xbe]).unwrap().status, 207);
        assert_eq!(read(&mut reader, &[0xbf]).unwrap().status, 206);
    }

    #[test]
    fn a_new_connection_knows_nothing_of_the_table_before() {
        let mut reader = BlockReader::new(4_096);
        read(&mut reader, &[0x48, 0x03, b'2', b'0', b'6']).unwrap();
        read(&mut reader, &[0xbe]).unwrap();
        reader.reset();
        read(&mut reader, &[0xbe]).unwrap_err();
    }
}
