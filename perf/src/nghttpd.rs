//! nghttpd, the server of nghttp2, as one that costs over HTTP/2 are compared on: one thread, one body, no TLS.

use crate::process::explain;
use crate::target::{ServedBody, free_address, wait_until_it_accepts};
use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A running nghttpd. Dropping it stops it.
pub(crate) struct Nghttpd {
    child: Child,
    address: SocketAddr,
    /// Where its files are, which are gone with it.
    _folder: TempDir,
}

impl Nghttpd {
    /// Starts one on a core, on a port that is free; returns when it accepts connections.
    pub(crate) fn start(core: usize) -> Result<Nghttpd, String> {
        let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
        for body in [ServedBody::Small, ServedBody::Kibibytes64] {
            fs::write(folder.path().join(body.name()), body.content())
                .map_err(|error| format!("cannot write into {}: {error}", folder.path().display()))?;
        }
        let address = free_address()?;
        let mut command = Command::new("taskset");
        command.args(["-c", &core.to_string(), "nghttpd", "--no-tls", "--workers=1"]);
        command.args(["--max-concurrent-streams=1000", "--address=127.0.0.1", "--htdocs"]);
        command.arg(folder.path()).arg(address.port().to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| explain(&command, &error))?;
        let mut nghttpd = Nghttpd { child, address, _folder: folder };
        match wait_until_it_accepts(&mut nghttpd.child, address) {
            true => Ok(nghttpd),
            false => Err("nghttpd did not start; is it installed (`apt-get install nghttp2-server`)?".into()),
        }
    }

    /// Where a body is fetched.
    pub(crate) fn url(&self, body: ServedBody) -> String {
        format!("http://{}/{}", self.address, body.name())
    }
}

impl Drop for Nghttpd {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
