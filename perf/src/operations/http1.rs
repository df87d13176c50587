//! Finding the end of one HTTP/1.1 response, by how it arrives.

use super::operation::{CountedOperation, Work};
use shards::protocol::http1::{HeadMemo, Http1};

/// What nginx says to a small file.
pub(super) const HEAD: &str = "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Thu, 20 Nov 2025 17:00:00 GMT\r\n\
    Content-Type: text/plain\r\nContent-Length: 12\r\nLast-Modified: Thu, 20 Nov 2025 16:00:00 GMT\r\n\
    Connection: keep-alive\r\nETag: \"691f3c20-c\"\r\nAccept-Ranges: bytes\r\n\r\n";
pub(super) const BODY: &str = "hello world\n";
/// A receive buffer's worth.
const PIECE_BYTES: usize = 16 << 10;
const LARGE_BODY_BYTES: usize = 64 << 10;
const RESPONSES_IN_BUFFER: usize = 16;

/// One for each way to arrive.
pub const OPERATIONS: [CountedOperation; 6] = [
    operation("repeated_head", || work(vec![small().into_bytes()])),
    operation("changed_head", || {
        work(vec![small().into_bytes(), small().replace("17:00:00", "17:00:01").into_bytes()])
    }),
    operation("sixteen_in_buffer", || work(vec![small().repeat(RESPONSES_IN_BUFFER).into_bytes()])),
    operation("chunked_body", || work(vec![chunked().into_bytes()])),
    operation("split_head", || {
        let response = small().into_bytes();
        let (begin, end) = response.split_at(HEAD.len() / 2);
        work(vec![begin.to_vec(), end.to_vec()])
    }),
    operation("64_kib_body", || work(large())),
];

const fn operation(name: &'static str, make: fn() -> Work) -> CountedOperation {
    // A multiple of the responses in every cycle of pieces.
    CountedOperation { noun: "http1", name, batch: 160 * RESPONSES_IN_BUFFER as u64, make }
}

fn small() -> String {
    format!("{HEAD}{BODY}")
}

fn chunked() -> String {
    let head = HEAD.replace("Content-Length: 12", "Transfer-Encoding: chunked");
    let chunk = format!("400;part=1\r\n{}\r\n", "x".repeat(0x400));
    format!("{head}{}0\r\nChecksum: none\r\n\r\n", chunk.repeat(4))
}

fn large() -> Vec<Vec<u8>> {
    let head = HEAD.replace("Content-Length: 12", &format!("Content-Length: {LARGE_BODY_BYTES}"));
    let mut bytes = head.into_bytes();
    bytes.extend(std::iter::repeat_n(b'x', LARGE_BODY_BYTES));
    bytes.chunks(PIECE_BYTES).map(<[u8]>::to_vec).collect()
}

/// Feeds the pieces of a cycle again and again, each as one receive, until enough responses are complete.
fn work(pieces: Vec<Vec<u8>>) -> Work {
    let (mut http, mut memo) = (Http1::default(), HeadMemo::default());
    Box::new(move |count| {
        let (mut responses, mut response_bytes, mut fed_bytes) = (0, 0, 0);
        while responses < count {
            for piece in &pieces {
                let (found, bytes) = feed(&mut http, &mut memo, piece);
                responses += found;
                response_bytes += bytes;
                fed_bytes += piece.len() as u64;
            }
        }
        assert_eq!((responses, response_bytes), (count, fed_bytes), "every byte belongs to a response");
    })
}

/// The responses that end in a piece, and their bytes, found as the shard's loop finds them.
fn feed(http: &mut Http1, memo: &mut HeadMemo, piece: &[u8]) -> (u64, u64) {
    let (mut rest, mut responses, mut bytes) = (piece, 0, 0);
    while !rest.is_empty() {
        let (used, response) = http.feed(memo, rest, false).expect("the responses are HTTP");
        rest = &rest[used..];
        if let Some(response) = response {
            responses += 1;
            bytes += response.bytes;
        }
    }
    (responses, bytes)
}
