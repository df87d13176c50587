//! Looking at one response of JSON, by how it differs from the ones before.

use super::flow::{FEW_ITEMS, json};
use super::operation::{CountedOperation, Work};
use engine::extract::{BODY_BYTES_MAX, Captured, Expression, Findings, Inspection, Wants};

/// Bodies that come in turn: more than would be remembered of those that have shapes of their own.
const BODIES: usize = 64;

/// One for each way in which bodies may differ.
pub const OPERATIONS: [CountedOperation; 3] = [
    operation("json_that_stays", || work(|_| json(FEW_ITEMS, 0, ""))),
    operation("json_with_other_values", || work(|body| json(FEW_ITEMS, body, ""))),
    operation("json_of_other_shapes", || {
        work(|body| json(FEW_ITEMS, body, &format!("\"{}\": null, ", "x".repeat(body + 1))))
    }),
];

const fn operation(name: &'static str, make: fn() -> Work) -> CountedOperation {
    CountedOperation { noun: "extract", name, batch: 128 * BODIES as u64, make }
}

/// A pointer into each of some bodies.
fn work(body: fn(usize) -> String) -> Work {
    let pointer = Expression::parse("json /session/token").expect("it is an expression");
    let wants = Wants::new(std::slice::from_ref(&pointer), &[], BODY_BYTES_MAX);
    let mut inspection = Inspection::new(&[pointer], &[]);
    let bodies: Vec<Captured> = (0..BODIES).map(|number| captured(&wants, &body(number))).collect();
    let (mut found, mut values) = (Findings::default(), 0);
    Box::new(move |count| {
        let before = values;
        for body in bodies.iter().cycle().take(count as usize) {
            inspection.look(200, 1, body, &mut found);
            values += u64::from(found.value(0).is_some());
        }
        assert_eq!(values - before, count, "each has a value");
    })
}

fn captured(wants: &Wants, body: &str) -> Captured {
    let mut captured = Captured::default();
    captured.body(wants, body.as_bytes());
    captured
}
