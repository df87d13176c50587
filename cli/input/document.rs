//! Plan files: which words of a command line name one, and how it is written.

use crate::exit::{Failure, USAGE};
use engine::config::{Document, Format};
use engine::redact;
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// A plan on standard input.
const STANDARD_INPUT: [&str; 2] = ["-", "/dev/stdin"];

/// The plan that a target is, if it is one: on standard input, in a file, or named like a file.
pub(crate) fn of_target(target: &str) -> Result<Option<Document>, Failure> {
    if STANDARD_INPUT.contains(&target) {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        read.map_err(|error| unreadable("standard input", &error))?;
        return Ok(Some(document("standard input", text, None)));
    }
    let path = Path::new(target);
    let extension = path.extension().and_then(|extension| extension.to_str());
    let format = match extension {
        Some("toml") => Some(Format::Toml),
        Some("json") => Some(Format::Json),
        _ if holds_text(path) => None,
        _ => return Ok(None),
    };
    if target.contains("://") {
        return Ok(None);
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(target, &error))?;
    Ok(Some(document(target, text, format)))
}

/// True for a file, and for what is none of its own, such as what a shell makes of `<(…)`.
fn holds_text(path: &Path) -> bool {
    let kind = std::fs::metadata(path).map(|about| about.file_type());
    kind.is_ok_and(|kind| kind.is_file() || kind.is_fifo() || kind.is_char_device())
}

fn document(name: &str, text: String, format: Option<Format>) -> Document {
    let format = format.unwrap_or_else(|| Format::of_text(&text));
    Document { name: name.to_owned(), text, format }
}

fn unreadable(name: &str, error: &std::io::Error) -> Failure {
    let message = format!(
        "plan `{}` cannot be read: {error}\n  help: give a URL, or a plan in TOML or JSON",
        redact::text(name)
    );
    Failure::new(USAGE, message)
}
