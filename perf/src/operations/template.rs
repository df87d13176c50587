//! Rendering one request, by what has to be filled in.

use super::operation::{CountedOperation, Work};
use engine::flow::StepLooks;
use engine::outbox::{self, Outbox};
use engine::plan::{HttpRequest, Request, Step};
use engine::random::Draws;
use engine::template::{Piece, Template, parse};
use shards::protocol::http1;

/// Requests rendered into one buffer before it is emptied, as for a pipeline.
const REQUESTS: usize = 100;

/// One for each kind of hole.
pub const OPERATIONS: [CountedOperation; 3] = [
    operation("seq_in_path", || work("/item/{{seq}}", None)),
    operation("seq_and_rand_in_path", || work("/item/{{seq}}?pick={{rand 1 1000000}}", None)),
    operation("uuid_in_body", || work("/orders", Some(r#"{"id": "{{uuid}}", "n": {{seq}}}"#))),
];

const fn operation(name: &'static str, make: fn() -> Work) -> CountedOperation {
    CountedOperation { noun: "template", name, batch: 10_000, make }
}

fn work(path: &str, body: Option<&str>) -> Work {
    let template = encoded(path, body);
    check(&template, body.is_some());
    let mut memory = vec![0; template.bytes_max() * REQUESTS];
    let (draws, mut number, mut filled) = (Draws::new(1, 0), 0, 0);
    Box::new(move |count| {
        for _ in 0..count {
            if number % REQUESTS as u64 == 0 {
                filled = 0;
            }
            template.render(number, draws, &mut Outbox::new(&mut memory, &mut filled));
            number += 1;
        }
        assert!(filled > 0, "something is rendered");
    })
}

/// A request as a plan would hold it, encoded for the wire.
fn encoded(path: &str, body: Option<&str>) -> Template {
    let pieces = |text: &str| -> Vec<Piece> { parse(text).expect("the holes are known") };
    let request = Request::Http(HttpRequest {
        method: if body.is_some() { "POST" } else { "GET" }.into(),
        path: pieces(path),
        headers: vec![("Accept".into(), pieces("*/*"))],
        body: body.map(pieces),
    });
    let step = Step {
        name: "counted".into(),
        weight: 1,
        pool: 0,
        timeout_ns: 1,
        request,
        looks: StepLooks::default(),
    };
    http1::encode(&step, "127.0.0.1:8080", true).expect("the request can be encoded").template
}

/// What is rendered is a request: it says how long its body is, and it is.
fn check(template: &Template, has_body: bool) {
    let rendered = outbox::collected(template.bytes_max(), |out| template.render(7, Draws::new(1, 0), out));
    let text = String::from_utf8(rendered).expect("these requests are text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head ends with an empty line");
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    assert_eq!(length.map(str::to_owned), has_body.then(|| body.len().to_string()), "{head}");
}
