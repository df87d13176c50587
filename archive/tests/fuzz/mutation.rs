//! Small changes to bytes and to JSON, drawn at random.

use engine::random::Random;
use fuzzing::{noise, number, one_of};
use serde_json::{Value, json};

/// Changes bytes in up to four places.
pub(crate) fn bytes(random: &mut Random, bytes: &mut Vec<u8>) {
    fuzzing::change(random, bytes, 1..=4, |random| noise(random, 20));
}

/// A value in place of another.
fn value(random: &mut Random) -> Value {
    match random.between(0, 11) {
        0 => Value::Null,
        1 => json!([]),
        2 => json!({}),
        3 => json!(""),
        4 => json!("\u{1b}[2J\n'; DROP TABLE runs; --"),
        5 => json!("x".repeat(random.between(0, 3_000) as usize)),
        6 => json!(-1),
        7 => json!(*one_of(random, &[1e308, -1e308, 5e-324, 0.5, -0.0])),
        8 => json!(random.between(0, 1) == 1),
        _ => json!(number(random)),
    }
}

/// Changes a value somewhere in a document: replaced, removed, doubled, emptied.
pub(crate) fn document(random: &mut Random, place: &mut Value) {
    if random.between(0, 9) > 0 {
        match place {
            Value::Object(members) if !members.is_empty() => {
                let at = random.between(0, members.len() as u64 - 1) as usize;
                let key = members.keys().nth(at).cloned().unwrap_or_default();
                if random.between(0, 29) == 0 {
                    members.remove(&key);
                } else {
                    document(random, &mut members[&key]);
                }
                return;
            }
            Value::Array(values) if !values.is_empty() => {
                let at = random.between(0, values.len() as u64 - 1) as usize;
                match random.between(0, 19) {
                    0 => drop(values.remove(at)),
                    1 => values.truncate(at),
                    2 => values.insert(at, values[at].clone()),
                    _ => document(random, &mut values[at]),
                }
                return;
            }
            _ => {}
        }
    }
    // Values of the same kind get further than others.
    let is_alike = random.between(0, 4) > 0;
    *place = match place {
        Value::Number(old) if is_alike => match random.between(0, 2) {
            0 if old.is_f64() => json!(*one_of(random, &[0.0, -1.0, 1e308, -1e308, 5e-324, 0.5])),
            _ => json!(number(random)),
        },
        Value::String(_) if is_alike => {
            let texts = [
                "",
                "\u{1b}[2J\n",
                "'; DROP TABLE runs; --",
                "\u{202e}x",
                "measure",
                "warmup",
                "drain",
                "INVALID",
            ];
            json!(*one_of(random, &texts))
        }
        Value::Array(_) if is_alike => json!([]),
        _ => value(random),
    };
}
