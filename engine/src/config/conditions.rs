//! A condition that is a table, as the text that says the same: `{ limit = "rate<1%", over = "10s" }` is `rate<1%; over=10s`.

use super::diagnostic::Diagnostic;
use crate::quantity::parse_duration_ns;
use toml::{Table, Value};

/// The text of a condition whose values are of their forms, or all that is wrong with it.
pub(super) fn as_text(table: &Table, path: &[String]) -> Result<String, Vec<Diagnostic>> {
    let path_of = |key: &str| format!("{}.{key}", path.join("."));
    let mut wrong = Vec::new();
    let mut text = match table.get("limit").map(typed) {
        Some(limit) => limit,
        None => {
            let problem = "a condition needs a `limit`";
            let missing = Diagnostic::at(path.join("."), problem, "such as `limit = \"p(99)<50ms\"`");
            wrong.push(missing);
            String::new()
        }
    };
    for key in ["over", "after"] {
        let Some(length) = table.get(key).map(typed) else { continue };
        match parse_duration_ns(&length) {
            Ok(0) => {
                wrong.push(Diagnostic::at(path_of(key), "must be longer than zero", "").with_value("10s"))
            }
            Ok(_) => text.push_str(&format!("; {key}={length}")),
            Err(cause) => wrong.push(Diagnostic::unreadable(path_of(key), cause)),
        }
    }
    let aborts = table.get("abort").and_then(Value::as_bool).unwrap_or(false);
    if aborts {
        text.push_str("; abort");
    } else if table.contains_key("after") {
        let problem = "`after` without `abort` means nothing";
        wrong.push(Diagnostic::at(path_of("after"), problem, "add `abort = true`, or leave `after` out"));
    }
    if wrong.is_empty() { Ok(text) } else { Err(wrong) }
}

/// A text, or a number as it is typed.
fn typed(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
