//! The loop per step of a flow: what sessions cost, and what looking at responses and filling requests adds.

use super::bare::BareWire;
use super::dispatch::{SHARE, launched};
use super::http1::HEAD;
use super::operation::{CountedOperation, Work};
use engine::config::{Document, Format, Layers};
use engine::flow::rows::NoRows;
use engine::plan::{Plan, Purpose};
use shards::protocol::any::{AnyProtocol, AnyShared};
use shards::protocol::http1::HeadMemo;
use shards::shard::Turn;

/// Three requests that never change, each user one after the other.
const STEPS: &str = "[[step]]\nget = '/a'\n[[step]]\nget = '/b'\n[[step]]\nget = '/c'";
/// The first response brings a value, which the others send, in a path and in a header.
const VALUES: &str = "[[step]]\nget = '/a'\nextract = { token = 'json /session/token' }\ncheck = 'status == 200'\n\
     [[step]]\nget = '/b/{{token}}'\n[[step]]\nget = '/c'\nheaders.Authorization = 'Bearer {{token}}'";
/// Each response is looked at: a pointer into 300 bytes of JSON.
const POINTERS: &str = "[[step]]\nget = '/a'\nextract = { token = 'json /session/token' }";

/// One for each.
pub const OPERATIONS: [CountedOperation; 4] = [
    operation("three_constant_steps", || work(STEPS, &body(FEW_ITEMS))),
    operation("value_taken_and_sent_twice", || work(VALUES, &body(FEW_ITEMS))),
    operation("json_pointer_each_step", || work(POINTERS, &body(FEW_ITEMS))),
    CountedOperation {
        batch: 450,
        ..operation("json_pointer_in_64_kib", || work(POINTERS, &body(MANY_ITEMS)))
    },
];

/// As many make about 300 bytes.
pub(super) const FEW_ITEMS: usize = 6;
/// As many make nearly 64 KiB, which is the most of a body that is looked at where a plan says nothing.
const MANY_ITEMS: usize = 1_925;

const fn operation(name: &'static str, make: fn() -> Work) -> CountedOperation {
    CountedOperation { noun: "flow", name, batch: 9_000, make }
}

/// What each request is answered.
fn body(items: usize) -> String {
    json(items, 0, "")
}

/// So many items before what is looked for, and before them members. Another number brings other values.
pub(super) fn json(items: usize, number: usize, members: &str) -> String {
    let item = |item| format!("{{\"id\": {item}, \"name\": \"item {item}\"}}");
    let items: Vec<String> = (number * items..(number + 1) * items).map(item).collect();
    let items = items.join(", ");
    let token = format!("{number:04}456789abcdef");
    format!(
        "{{{members}\"items\": [{items}], \"total\": 6, \"session\": {{\"user\": \"ann\", \"token\": \"{token}\"}}}}"
    )
}

/// Sixty-four users, who go through the steps again and again, and are all answered the same.
fn work(steps: &'static str, body: &str) -> Work {
    let plan = plan(steps);
    let sources = shards::sources(&plan, SHARE, || NoRows).expect("the requests can be encoded");
    let shared = vec![AnyShared::Http1(HeadMemo::default())];
    let response = HEAD.replace("Content-Length: 12", &format!("Content-Length: {}", body.len())) + body;
    let wire = BareWire::answering(plan.connections() as usize, 1, response);
    let answered = wire.answered();
    let (mut shard, lane) = launched::<_, AnyProtocol>(&plan, sources, shared, wire);
    let mut wanted = 0;
    Box::new(move |count| {
        wanted += count;
        while answered.get() < wanted {
            let turn = shard.turn().expect("nothing is refused here");
            assert_eq!(turn, Turn::Continue, "there is always something to do");
            assert!(lane.pop().is_none(), "the run is shorter than its interval");
        }
    })
}

fn plan(steps: &str) -> Plan {
    let text = format!(
        "url = 'http://simulated/'\nrun = {{ duration = '1h', interval = '1h', wait = 'park' }}\nload = {{ users = 64 }}\n{steps}"
    );
    let document = Document { name: "plan".into(), text, format: Format::Toml };
    let reading = Layers::new(Some(document)).expect("the plan is TOML").read();
    let none = |name: &str| Err(format!("no file {name} here"));
    Plan::read(&reading, &none, Purpose::Run).expect("the plan is valid").0
}
