//! What rendering one request costs, by what has to be filled in.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use engine::plan::Request;
use engine::random::Random;
use engine::template::{Piece, Template, parse};
use shards::protocol::http1;

/// Requests in one iteration, all into one buffer as a pipeline would.
const REQUESTS: u64 = 100;

fn render(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("template");
    group.throughput(Throughput::Elements(REQUESTS));
    let cases = [
        ("seq in the path", "/item/{{seq}}", None),
        ("seq and rand in the path", "/item/{{seq}}?pick={{rand 1 1000000}}", None),
        ("uuid in a body of computed length", "/orders", Some(r#"{"id": "{{uuid}}", "n": {{seq}}}"#)),
    ];
    for (name, path, body) in cases {
        let template = encoded(path, body);
        check(&template, body.is_some());
        let buffer = || Vec::with_capacity(template.bytes_max() * REQUESTS as usize);
        let render = |out: &mut Vec<u8>| render_all(&template, out);
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(buffer, render, BatchSize::SmallInput);
        });
    }
    group.finish();
}

/// A request as a plan would hold it, encoded for the wire.
fn encoded(path: &str, body: Option<&str>) -> Template {
    let pieces = |text: &str| -> Vec<Piece> { parse(text).expect("the holes are known") };
    let request = Request {
        name: "bench".into(),
        weight: 1,
        method: if body.is_some() { "POST" } else { "GET" }.into(),
        path: pieces(path),
        headers: vec![("Accept".into(), pieces("*/*"))],
        body: body.map(pieces),
    };
    http1::encode(&request, "127.0.0.1:8080").expect("the request can be encoded").template
}

fn render_all(template: &Template, out: &mut Vec<u8>) {
    let mut random = Random::new(1, 0);
    let (before, place) = (out.len(), out.as_ptr());
    (0..REQUESTS).for_each(|seq| template.render(seq, &mut random, out));
    assert!(out.len() > before && out.as_ptr() == place, "rendered in place, without growing the buffer");
}

/// What is measured is a request: it says how long its body is, and it is.
fn check(template: &Template, has_body: bool) {
    let mut out = Vec::new();
    template.render(7, &mut Random::new(1, 0), &mut out);
    let text = String::from_utf8(out).expect("requests of this bench are text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head ends with an empty line");
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    assert_eq!(length.map(str::to_owned), has_body.then(|| body.len().to_string()), "{head}");
}

criterion_group!(benches, render);
criterion_main!(benches);
