//! curl, run as a program: another's TLS and another's HTTP/2.

use std::io::Write;
use std::process::Command;

use tempfile::NamedTempFile;
use vajra_testbed::Server;

/// What curl did.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// curl's own exit code: 35 for a failed handshake, 60 for a certificate that it does not trust.
    pub(crate) code: i32,
    pub(crate) body: Vec<u8>,
    /// What curl says of a failure, or writes by `--write-out` with `%{stderr}`.
    pub(crate) told: String,
}

impl Fetched {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text")
    }
}

/// A file with this text, for as long as it is held.
pub(crate) fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("room for it");
    file
}

/// Runs curl with these arguments, which include URLs.
pub(crate) fn curl(arguments: &[&str]) -> Fetched {
    let mut command = Command::new("curl");
    // No configuration of the user, no proxy of the environment, and an end to a hang.
    command.args(["--disable", "--silent", "--show-error", "--noproxy", "*", "--max-time", "30"]);
    let output = command.args(arguments).output().expect("curl is installed");
    Fetched {
        code: output.status.code().expect("curl is not killed"),
        body: output.stdout,
        told: String::from_utf8(output.stderr).expect("a text"),
    }
}

/// The same with trust in the server's authority.
pub(crate) fn trusting(server: &Server, arguments: &[&str]) -> Fetched {
    let authority = file(server.ca_pem().expect("a server of TLS"));
    let authority = authority.path().to_str().expect("a plain path");
    curl(&[&["--cacert", authority], arguments].concat())
}

/// The URL of a path on a server, by a name that its certificate has.
pub(crate) fn url(server: &Server, path: &str) -> String {
    let scheme = if server.ca_pem().is_some() { "https" } else { "http" };
    format!("{scheme}://127.0.0.1:{}{path}", server.address().port())
}
