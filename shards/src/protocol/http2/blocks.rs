//! The header blocks of all requests of a pool, encoded beforehand: a request of the usual kind is a copy of a few bytes.
//!
//! A field that was sent once on a connection can be one byte from then on, an index into the server's dynamic table. Which one depends on
//! what was inserted before. So steps insert their fields in one order, that of their weights: a connection on which the first k
//! steps of that order have been sent is in state k, and for each state there is a block of each step. The block that takes a connection
//! from one state to the next inserts; all others use what is there and insert nothing.

use super::dynamic_table::ENTRY_BYTES;
use super::frames::{FRAME_HEADER_BYTES, FRAME_PAYLOAD_BYTES_MAX, FrameHeader, flag, frame_type};
use super::integer::write_integer;
use super::request::{ConstantField, Http2Request, RequestBody, write_name, write_string};
use super::static_table::{STATIC_TABLE, static_field};

/// The size of a server's table that may be relied on where it says nothing (RFC 9113, section 6.5.2); no more is used.
pub(super) const TABLE_BYTES: usize = 4_096;
/// Steps that insert; the fields of further ones are always written out, but for those that others have inserted.
const STATES_MAX: usize = 16;

/// The constant part of a request's header block.
#[derive(Debug)]
pub(super) struct RequestBlock {
    /// A HEADERS frame without its stream.
    pub(super) frame: Box<[u8]>,
    /// Where in it the fields end that begin with a colon.
    pub(super) pseudo_end: usize,
    /// The frame can be sent as it is: nothing has to be put into it, and it is not too long.
    pub(super) is_whole: bool,
}

/// The blocks of all requests, in all states of a connection.
#[derive(Debug)]
pub(super) struct BlockSet {
    steps: usize,
    /// The steps that insert, in their order.
    order: Vec<usize>,
    /// For each state but the last the one that leads to the next; then for each state that of each step which inserts nothing.
    all: Vec<RequestBlock>,
    /// What is in the table in each state.
    table_bytes: Vec<usize>,
}

/// What one connection has in the server's table.
#[derive(Debug)]
pub(super) struct TableState {
    state: usize,
    /// The last state that the server has room for.
    state_max: usize,
    /// The size that we have told the server that the table has.
    table_bytes: usize,
    /// A size that it is still to be told.
    pub(super) resize: Option<usize>,
}

impl RequestBlock {
    /// The fields that begin with a colon, and the others.
    pub(super) fn parts(&self) -> (&[u8], &[u8]) {
        let (pseudo, regular) = self.frame.split_at(self.pseudo_end);
        (&pseudo[FRAME_HEADER_BYTES..], regular)
    }
}

impl BlockSet {
    /// The blocks of a pool's requests.
    pub(super) fn new(requests: &[Http2Request]) -> BlockSet {
        let mut order: Vec<usize> = (0..requests.len()).collect();
        order.sort_by_key(|&step| std::cmp::Reverse(requests[step].weight));
        order.truncate(STATES_MAX);
        let (mut table, mut inserting, mut plain) = (SentTable::default(), Vec::new(), Vec::new());
        let mut table_bytes = vec![0];
        let without = |table: &SentTable| {
            let table = table.clone();
            requests.iter().map(move |request| block(request, &mut table.clone(), false))
        };
        plain.extend(without(&table));
        for &step in &order {
            inserting.push(block(&requests[step], &mut table, true));
            plain.extend(without(&table));
            table_bytes.push(table.bytes);
        }
        inserting.append(&mut plain);
        BlockSet { steps: requests.len(), order, all: inserting, table_bytes }
    }

    /// Which block a step has on a connection in this state, which it may change.
    #[inline]
    pub(super) fn choose(&self, table: &mut TableState, step: usize) -> usize {
        let state = table.state;
        if state < table.state_max && self.order[state] == step {
            table.state += 1;
            return state;
        }
        self.order.len() + state * self.steps + step
    }

    /// A block that was chosen.
    #[inline]
    pub(super) fn at(&self, chosen: usize) -> &RequestBlock {
        &self.all[chosen]
    }

    /// The longest block there is, with its frame's header.
    pub(super) fn bytes_max(&self) -> usize {
        self.all.iter().map(|block| block.frame.len()).max().unwrap_or(0)
    }
}

impl TableState {
    /// Of a connection on which nothing was sent.
    pub(super) fn new(blocks: &BlockSet) -> TableState {
        TableState { state: 0, state_max: blocks.order.len(), table_bytes: TABLE_BYTES, resize: None }
    }

    /// The server has said how large its table may be. More than we use makes no difference.
    pub(super) fn limit(&mut self, blocks: &BlockSet, bytes_max: usize) {
        if bytes_max >= self.table_bytes {
            return;
        }
        self.table_bytes = bytes_max;
        if blocks.table_bytes[self.state] > bytes_max {
            // What is in it would be evicted in part: it is emptied, and not used again on this connection.
            (self.table_bytes, self.state) = (0, 0);
        }
        let last = blocks.table_bytes.partition_point(|&bytes| bytes <= self.table_bytes);
        self.state_max = if self.table_bytes == 0 { 0 } else { last.saturating_sub(1) };
        self.resize = Some(self.table_bytes);
    }
}

/// The dynamic table as the server has it, which never is so full that an entry would be evicted.
#[derive(Clone, Default)]
struct SentTable {
    fields: Vec<ConstantField>,
    bytes: usize,
}

impl SentTable {
    /// The index of a field, the newest having the lowest.
    fn index_of(&self, field: &ConstantField) -> Option<usize> {
        let newest_first = self.fields.iter().rev().position(|known| known == field);
        newest_first.map(|age| STATIC_TABLE.len() + 1 + age)
    }

    fn insert(&mut self, field: &ConstantField) -> bool {
        let bytes = field.name.len() + field.value.len() + ENTRY_BYTES;
        let fits = self.bytes + bytes <= TABLE_BYTES;
        if fits {
            self.bytes += bytes;
            self.fields.push(field.clone());
        }
        fits
    }
}

/// The block of a request, given what is in the server's table.
fn block(request: &Http2Request, table: &mut SentTable, inserts: bool) -> RequestBlock {
    let mut frame = vec![0; FRAME_HEADER_BYTES];
    request.pseudo.iter().for_each(|field| write_field(&mut frame, field, table, inserts));
    let pseudo_end = frame.len();
    request.regular.iter().for_each(|field| write_field(&mut frame, field, table, inserts));
    let ends = if request.body == RequestBody::None { flag::END_STREAM } else { 0 };
    let length = frame.len() - FRAME_HEADER_BYTES;
    let header =
        FrameHeader { length, frame_type: frame_type::HEADERS, flags: flag::END_HEADERS | ends, stream: 0 };
    frame[..FRAME_HEADER_BYTES].copy_from_slice(&header.bytes());
    let is_whole = !request.has_holes && length <= FRAME_PAYLOAD_BYTES_MAX;
    RequestBlock { frame: frame.into(), pseudo_end, is_whole }
}

/// Appends a field: its index in either table, or written out (RFC 7541, sections 6.1 and 6.2).
fn write_field(out: &mut Vec<u8>, field: &ConstantField, table: &mut SentTable, inserts: bool) {
    if let Some(index) = static_field(&field.name, &field.value).or_else(|| table.index_of(field)) {
        return write_integer(out, 0x80, 7, index);
    }
    if inserts && table.insert(field) {
        write_name(out, 0x40, 6, &field.name);
    } else {
        write_name(out, 0, 4, &field.name);
    }
    write_string(out, &field.value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::http2::grpc::ResponseForm;
    use engine::plan::MessagePace;

    fn request(path: &str, weight: u32) -> Http2Request {
        let field = |name: &str, value: &str| ConstantField { name: name.into(), value: value.into() };
        Http2Request {
            pseudo: vec![field(":method", "GET"), field(":path", path)],
            regular: vec![field("user-agent", "test/1")],
            body: RequestBody::None,
            has_holes: false,
            rendered_bytes_max: 0,
            weight,
            is_bodyless: false,
            form: ResponseForm::Http,
            pace: MessagePace::AtOnce,
        }
    }

    fn fields(blocks: &BlockSet, table: &mut TableState, step: usize) -> Vec<u8> {
        blocks.at(blocks.choose(table, step)).frame[FRAME_HEADER_BYTES..].to_vec()
    }

    #[test]
    fn a_step_inserts_once_and_is_a_few_bytes_from_then_on() {
        let blocks = BlockSet::new(&[request("/a", 1)]);
        let mut table = TableState::new(&blocks);
        let first = fields(&blocks, &mut table, 0);
        assert!(first.len() > 8, "{first:?}");
        assert_eq!(fields(&blocks, &mut table, 0), [0x82, 0xbf, 0xbe]);
        assert_eq!(fields(&blocks, &mut table, 0), [0x82, 0xbf, 0xbe]);
    }

    #[test]
    fn steps_insert_in_the_order_of_their_weights_and_not_before_it_is_their_turn() {
        let blocks = BlockSet::new(&[request("/light", 1), request("/heavy", 9)]);
        let mut table = TableState::new(&blocks);
        let cold = fields(&blocks, &mut table, 0);
        assert_eq!(fields(&blocks, &mut table, 0), cold, "nothing was inserted");
        fields(&blocks, &mut table, 1);
        assert_eq!(fields(&blocks, &mut table, 1), [0x82, 0xbf, 0xbe]);
        assert_eq!(
            fields(&blocks, &mut table, 0).last(),
            Some(&0xbf),
            "the path is inserted before the agent is named"
        );
        assert_eq!(fields(&blocks, &mut table, 0), [0x82, 0xbe, 0xbf]);
        assert_eq!(fields(&blocks, &mut table, 1), [0x82, 0xc0, 0xbf]);
    }

    #[test]
    fn a_server_with_a_small_table_is_told_so_and_gets_what_fits() {
        let blocks = BlockSet::new(&[request("/a", 2), request("/b", 1)]);
        let mut table = TableState::new(&blocks);
        table.limit(&blocks, 65_536);
        assert_eq!((table.resize, table.state_max), (None, 2));
        table.limit(&blocks, 100);
        assert_eq!((table.resize, table.state_max), (Some(100), 1));
        table.limit(&blocks, 0);
        assert_eq!((table.resize, table.state_max), (Some(0), 0));
        let cold = fields(&blocks, &mut table, 0);
        assert_eq!(fields(&blocks, &mut table, 0), cold);
    }

    #[test]
    fn a_table_that_shrinks_below_what_is_in_it_is_not_used_any_more() {
        let blocks = BlockSet::new(&[request("/a", 1)]);
        let mut table = TableState::new(&blocks);
        fields(&blocks, &mut table, 0);
        table.limit(&blocks, 60);
        assert_eq!(table.resize, Some(0));
        let cold = fields(&blocks, &mut table, 0);
        assert!(cold.iter().all(|byte| *byte != 0xbe && *byte != 0xbf), "{cold:?}");
    }
}
