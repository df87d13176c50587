//! Standard output, which may be a pipe whose reader has seen enough, such as `head`: that is no failure.

use crate::exit::Failure;
use crate::output::json;
use serde::Serialize;
use std::io::{self, Write};

/// Prints a text as it is.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::runtime(format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints a value as JSON.
pub(crate) fn say_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = json::pretty(value);
    let text = text.map_err(|error| Failure::runtime(format!("it cannot be written as JSON: {error}")))?;
    say(&format!("{text}\n"))
}

/// Prints a text, on standard error where standard output holds a document.
pub(crate) fn say_beside(uses_stdout: bool, text: &str) -> Result<(), Failure> {
    if uses_stdout {
        // Where standard error cannot be written, nobody reads it; the document is not to suffer.
        let _ = io::stderr().write_all(text.as_bytes());
        return Ok(());
    }
    say(text)
}
