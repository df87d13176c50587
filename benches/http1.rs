//! What finding the end of one HTTP/1.1 answer costs, by how it arrives.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shards::protocol::http1::{Answer, HeadMemo, Http1};

/// What nginx says to a small file.
const HEAD: &str = "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Thu, 20 Nov 2025 17:00:00 GMT\r\n\
    Content-Type: text/plain\r\nContent-Length: 12\r\nLast-Modified: Thu, 20 Nov 2025 16:00:00 GMT\r\n\
    Connection: keep-alive\r\nETag: \"691f3c20-c\"\r\nAccept-Ranges: bytes\r\n\r\n";
const BODY: &str = "hello world\n";
/// A receive buffer's worth.
const PIECE_BYTES: usize = 16 << 10;
const LARGE_BODY_BYTES: usize = 64 << 10;

/// A way for answers to arrive: the pieces of a cycle of them, as they are received, and how many answers they make.
struct Case {
    name: &'static str,
    pieces: Vec<Vec<u8>>,
    answers: u64,
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("http1");
    for case in cases() {
        let bytes: usize = case.pieces.iter().map(Vec::len).sum();
        group.throughput(Throughput::Elements(case.answers));
        let (mut http, mut memo) = (Http1::default(), HeadMemo::default());
        let (mut rounds, mut answers, mut counted_bytes) = (0, 0, 0);
        group.bench_function(case.name, |bencher| {
            bencher.iter(|| {
                for answer in feed(&mut http, &mut memo, &case.pieces) {
                    answers += 1;
                    counted_bytes += answer.bytes;
                }
                rounds += 1;
            });
        });
        assert_eq!(answers, rounds * case.answers, "{}: every answer is found", case.name);
        assert_eq!(counted_bytes, rounds * bytes as u64, "{}: every byte belongs to an answer", case.name);
    }
    group.finish();
}

fn cases() -> [Case; 6] {
    let small = format!("{HEAD}{BODY}");
    let other = small.replace("17:00:00", "17:00:01");
    let (begin, end) = small.split_at(HEAD.len() / 2);
    let case = |name, pieces: &[&str], answers| {
        let pieces = pieces.iter().map(|piece| piece.as_bytes().to_vec()).collect();
        Case { name, pieces, answers }
    };
    [
        case("repeated head", &[&small], 1),
        case("changed head", &[&small, &other], 2),
        case("sixteen in one buffer", &[&small.repeat(16)], 16),
        case("chunked body", &[&chunked()], 1),
        case("split inside the head", &[begin, end], 1),
        Case { name: "64 KiB in full buffers", pieces: large(), answers: 1 },
    ]
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

/// The answers that a cycle of pieces completes, as the shard's loop finds them.
fn feed<'a>(
    http: &'a mut Http1,
    memo: &'a mut HeadMemo,
    pieces: &'a [Vec<u8>],
) -> impl Iterator<Item = Answer> + 'a {
    let mut rest: &[u8] = &[];
    let mut pieces = pieces.iter();
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                rest = pieces.next()?;
            }
            let (used, answer) = http.feed(memo, rest, false).expect("the answers are HTTP");
            rest = &rest[used..];
            if answer.is_some() {
                return answer;
            }
        }
    })
}

criterion_group!(benches, parse);
criterion_main!(benches);
