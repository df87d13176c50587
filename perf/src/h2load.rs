//! h2load, the generator of nghttp2 that costs over HTTP/2 are compared with: how it is called, and what its output says.

use crate::process::{self, EndedProcess};
use crate::wrk::{self, Counted};
use std::process::Command;

/// h2load on one core, with one thread, over HTTP/2 without TLS.
pub(crate) fn command(core: usize, connections: u32, streams: u32, seconds: u32, url: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string(), "h2load", "-t1", &format!("-c{connections}")]);
    command.args([&format!("-m{streams}"), &format!("-D{seconds}"), url]);
    command
}

/// Fails with the way to get it if it is not there.
pub(crate) fn require() -> Result<(), String> {
    process::run(Command::new("h2load").arg("--version")).map(drop)
}

/// Runs it to its end.
pub(crate) fn run(command: &mut Command) -> Result<(Counted, EndedProcess), String> {
    wrk::run_and_read(command, read)
}

/// Reads the figures from its output; `None` when they are not there.
fn read(output: &str) -> Option<Counted> {
    let after = |start: &str| output.lines().find_map(|line| line.strip_prefix(start));
    let rate_rps = after("finished in ")?.split(", ").nth(1)?.strip_suffix(" req/s")?.parse().ok()?;
    let count = |what: &str| -> Option<u64> {
        let mut counts = after("requests: ")?.split(", ");
        counts.find_map(|count| count.strip_suffix(what))?.trim().parse().ok()
    };
    Some(Counted { requests: count("done")?, rate_rps, failed: count("failed")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "finished in 2.00s, 52340.50 req/s, 2.55MB/s
requests: 104681 total, 104681 started, 104681 done, 104680 succeeded, 1 failed, 0 errored, 0 timeout
status codes: 104680 2xx, 0 3xx, 1 4xx, 0 5xx
";

    #[test]
    fn the_figures_are_found_in_its_output() {
        assert_eq!(read(OUTPUT), Some(Counted { requests: 104_681, rate_rps: 52_340.5, failed: 1 }));
        assert_eq!(read("finished in 1.00s, 0.00 req/s"), None);
    }
}
