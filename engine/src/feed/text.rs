//! Whether bytes are text in UTF-8, and what they are if not.

use super::wrong::WrongFeed;

const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];
/// As many bytes as it takes to tell how a file is encoded.
pub(super) const START_BYTES: usize = 4;

/// How many bytes at the start of a file belong to no row: a byte order mark. Files of other encodings are refused.
pub(super) fn start(bytes: &[u8]) -> Result<usize, WrongFeed> {
    let utf16 = || {
        let fix = "save it as UTF-8: `iconv -f UTF-16 -t UTF-8`";
        Err(WrongFeed::at(1, "the file is UTF-16, and not UTF-8", fix))
    };
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => utf16(),
        // A letter of ASCII, without a byte order mark before it.
        [0, 1..=0x7f, 0, 1..=0x7f, ..] | [1..=0x7f, 0, 1..=0x7f, 0, ..] => utf16(),
        _ if bytes.starts_with(&BOM) => Ok(BOM.len()),
        _ => Ok(0),
    }
}

/// Bytes as text. The line is that of the first byte.
pub(super) fn checked(bytes: &[u8], line: u64) -> Result<&str, WrongFeed> {
    let line_at = |at: usize| line + bytes[..at].iter().filter(|byte| **byte == b'\n').count() as u64;
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        let fix = "a data file is text in UTF-8: save it as that";
        return Err(WrongFeed::at(line_at(at), "there is a NUL byte", fix));
    }
    std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to(), &line_at))
}

/// What is wrong with a byte that is no part of UTF-8.
pub(super) fn not_utf8(bytes: &[u8], at: usize, line_at: &dyn Fn(usize) -> u64) -> WrongFeed {
    let byte = bytes[at];
    let problem = format!("byte 0x{byte:02X} is not UTF-8");
    // In Latin-1 and its like a letter with an accent is one byte, among letters of ASCII.
    let is_alone = bytes.get(at + 1).is_none_or(u8::is_ascii) && (at == 0 || bytes[at - 1].is_ascii());
    let fix = match is_alone {
        true => "save the file as UTF-8; if it is Latin-1: `iconv -f LATIN1 -t UTF-8`",
        false => "save the file as UTF-8",
    };
    WrongFeed::at(line_at(at), problem, fix)
}
