//! Plan files: which words of a command line name one, and how it is written.

use crate::exit::{Failure, USAGE};
use crate::output::figures;
use engine::config::{Document, Format};
use engine::redact;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// A plan on standard input.
const STANDARD_INPUT: [&str; 2] = ["-", "/dev/stdin"];
/// The largest plan that is read. Reports are plans, and hold the bodies of their requests and their whole history.
const PLAN_BYTES_MAX: u64 = 256 << 20;

/// The plan that a target is, if it is one: on standard input, in a file, or named like a file.
pub(crate) fn of_target(target: &str) -> Result<Option<Document>, Failure> {
    if STANDARD_INPUT.contains(&target) {
        let read = text_within(std::io::stdin(), PLAN_BYTES_MAX);
        let text = read.map_err(|error| unreadable("standard input", &error))?;
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
    let read = std::fs::File::open(path).and_then(|file| text_within(file, PLAN_BYTES_MAX));
    let text = read.map_err(|error| unreadable(target, &error))?;
    Ok(Some(document(target, text, format)))
}

/// All that a source holds, if it is text and no longer than this: some never end.
fn text_within(source: impl Read, bytes_max: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    source.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        let most = figures::bytes(bytes_max as f64);
        return Err(io::Error::new(
            ErrorKind::FileTooLarge,
            format!("it is longer than {most}, the most that a plan may be"),
        ));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not text in UTF-8"))
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

fn unreadable(name: &str, error: &io::Error) -> Failure {
    let message = format!(
        "plan `{}` cannot be read: {error}\n  help: give a URL, or a plan in TOML or JSON",
        redact::text(name)
    );
    Failure::new(USAGE, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_up_to_a_limit() {
        assert_eq!(text_within(&b"url"[..], 3).unwrap(), "url");
        let endless = text_within(io::repeat(b'x'), 1 << 20).unwrap_err();
        assert_eq!(endless.kind(), ErrorKind::FileTooLarge);
        assert!(endless.to_string().contains("longer than 1.0 MiB"), "{endless}");
        assert_eq!(text_within(&b"\xff"[..], 3).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
