//! What is imported, as it is read: whole texts, and logs line by line.

use crate::exit::{Failure, USAGE};
use crate::output::figures;
use crate::output::plain::plain;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

/// The largest text that is read whole: recordings of an hour have some hundred megabytes.
const TEXT_BYTES_MAX: u64 = 2 << 30;
/// The longest line of a log that is looked at; what is behind it belongs to no request.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// How files begin that gzip or zstd has made smaller.
const COMPRESSED: [(&[u8], &str); 2] = [(b"\x1f\x8b", "zcat"), (b"\x28\xb5\x2f\xfd", "zstdcat")];

/// What a file is called in messages.
pub(super) fn name_of(path: &Path) -> String {
    if is_stdin(path) { "standard input".to_owned() } else { plain(&path.display().to_string()) }
}

/// Whether a path stands for standard input.
pub(super) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn source(path: &Path) -> Result<BufReader<Box<dyn Read>>, Failure> {
    let source: Box<dyn Read> = match is_stdin(path) {
        true => Box::new(io::stdin()),
        false => Box::new(File::open(path).map_err(|error| unreadable(path, &error))?),
    };
    let mut source = BufReader::with_capacity(1 << 16, source);
    let begin = source.fill_buf().map_err(|error| unreadable(path, &error))?;
    if let Some((_, program)) = COMPRESSED.iter().find(|(magic, _)| begin.starts_with(magic)) {
        let name = name_of(path);
        let message = format!(
            "`{name}` is compressed\n  --> {name}\n  help: read what it holds from standard input: `{program} {name} | vajra import … -`"
        );
        return Err(Failure::new(USAGE, message));
    }
    Ok(source)
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let name = name_of(path);
    let fix = match error.kind() {
        ErrorKind::NotFound => {
            "name a file that is there, as from where Vajra is started; - is standard input"
        }
        ErrorKind::FileTooLarge => "record a shorter session",
        ErrorKind::InvalidData => "save it as UTF-8",
        _ => "name a file that can be read; - is standard input",
    };
    Failure::new(USAGE, format!("`{name}` cannot be read: {error}\n  --> {name}\n  help: {fix}"))
}

/// All of a file, or of standard input, as text.
pub(super) fn text_of(path: &Path) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = source(path)?.take(TEXT_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > TEXT_BYTES_MAX {
        let most = figures::bytes(TEXT_BYTES_MAX as f64);
        let error = io::Error::new(ErrorKind::FileTooLarge, format!("it is longer than {most}"));
        return Err(unreadable(path, &error));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let problem = format!("it is not text in UTF-8, from byte {at} on");
        unreadable(path, &io::Error::new(ErrorKind::InvalidData, problem))
    })
}

/// The lines of a log, one at a time.
pub(super) struct Lines<'p> {
    path: &'p Path,
    source: BufReader<Box<dyn Read>>,
    line: Vec<u8>,
}

impl<'p> Lines<'p> {
    pub(super) fn open(path: &'p Path) -> Result<Lines<'p>, Failure> {
        Ok(Lines { path, source: source(path)?, line: Vec::new() })
    }

    /// The next line, without its end. Of one that is too long the rest is passed over.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, Failure> {
        self.line.clear();
        let read = (&mut self.source).take(LINE_BYTES_MAX).read_until(b'\n', &mut self.line);
        let read = read.map_err(|error| unreadable(self.path, &error))?;
        if read == 0 {
            return Ok(None);
        }
        match self.line.last() {
            Some(b'\n') => drop(self.line.pop()),
            _ if read as u64 == LINE_BYTES_MAX => {
                self.source.skip_until(b'\n').map_err(|error| unreadable(self.path, &error))?;
            }
            _ => {}
        }
        Ok(Some(&self.line))
    }
}
