//! The built-in servers as a user has them: `vajra testbed`, as the testbed or the null responder, in a process of its own.

use crate::process;
use crate::theory::ServiceLaw;
use crate::vajra::Vajra;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// A running server. Dropping it stops it.
pub(crate) struct Builtin {
    child: Child,
    address: SocketAddr,
}

impl Builtin {
    /// The testbed on a core, answering at once; what else it is to do, requests say in their query.
    pub(crate) fn testbed(vajra: &Vajra, core: usize) -> Result<Builtin, String> {
        Builtin::start(vajra.testbed(&["--cores", &core.to_string()]))
    }

    /// The testbed on a core, with a service time of its own.
    pub(crate) fn serving(vajra: &Vajra, core: usize, service: ServiceLaw) -> Result<Builtin, String> {
        Builtin::start(vajra.testbed(&["--cores", &core.to_string(), "--service", &service.text()]))
    }

    /// The null responder, a thread on each core.
    pub(crate) fn null(vajra: &Vajra, cores: &[usize]) -> Result<Builtin, String> {
        let cores: Vec<String> = cores.iter().map(usize::to_string).collect();
        Builtin::start(vajra.testbed(&["--null", "--cores", &cores.join(",")]))
    }

    fn start(mut command: Command) -> Result<Builtin, String> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| process::explain(&command, &error))?;
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("its output is piped");
        // It prints one line, when it listens.
        let read = BufReader::new(stdout).read_line(&mut line);
        match read.ok().and_then(|_| address_in(&line)) {
            Some(address) => Ok(Builtin { child, address }),
            None => Err(explain(child, &command)),
        }
    }

    /// Where a path is fetched.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Builtin {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address_in(line: &str) -> Option<SocketAddr> {
    line.split_once("http://")?.1.split('/').next()?.parse().ok()
}

fn explain(mut child: Child, command: &Command) -> String {
    let _ = child.kill();
    let mut stderr = String::new();
    let _ = child.stderr.take().map(|mut pipe| pipe.read_to_string(&mut stderr));
    let _ = child.wait();
    format!("`{}` did not start: {}", process::shown(command), stderr.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_in_the_line() {
        let line = "null responder listens on http://127.0.0.1:8081/, on cores [0]\n";
        assert_eq!(address_in(line), Some(SocketAddr::from(([127, 0, 0, 1], 8081))));
        assert_eq!(address_in(""), None);
    }
}
