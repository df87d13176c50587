//! wrk, the peer that costs are compared with: how it is called, and what its output says.

use crate::perf_stat::{self, Counts};
use crate::process::{self, EndedProcess};
use std::process::Command;

/// What one run of a peer did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Counted {
    /// Complete responses.
    pub(crate) requests: u64,
    /// As the peer rounds it.
    pub(crate) rate_rps: f64,
    /// What the peer does not count as success: errors, timeouts, and responses with a status of 400 or more.
    pub(crate) failed: u64,
}

/// wrk on one core, with one thread.
pub(crate) fn command(core: usize, connections: u32, seconds: u32, url: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string(), "wrk", "-t1"]);
    command.args([&format!("-c{connections}"), &format!("-d{seconds}s"), url]);
    command
}

/// Fails with the way to get wrk if it is not there. taskset would say so in words of its own.
pub(crate) fn require() -> Result<(), String> {
    process::run(Command::new("wrk").arg("-v")).map(drop)
}

/// Runs it to its end.
pub(crate) fn run(command: &mut Command) -> Result<(Counted, EndedProcess), String> {
    run_and_read(command, read)
}

/// Runs any peer to its end, and reads the figures from its output.
pub(crate) fn run_and_read(
    command: &mut Command,
    read: fn(&str) -> Option<Counted>,
) -> Result<(Counted, EndedProcess), String> {
    let ended = process::run(command)?;
    Ok((figures(command, &ended, read)?, ended))
}

/// The same, with the counts of `perf stat` for these events.
pub(crate) fn run_counted(command: &Command, events: &[&str]) -> Result<(Counted, Counts), String> {
    let (ended, counts) = perf_stat::run(command, events)?;
    Ok((figures(command, &ended, read)?, counts))
}

fn figures(
    command: &Command,
    ended: &EndedProcess,
    read: fn(&str) -> Option<Counted>,
) -> Result<Counted, String> {
    if !ended.status.success() {
        return Err(format!("`{}` failed: {}", process::shown(command), ended.stderr.trim()));
    }
    read(&ended.stdout)
        .ok_or_else(|| format!("`{}` printed no figures:\n{}", process::shown(command), ended.stdout))
}

/// Reads the figures from wrk's output; `None` when they are not there.
fn read(output: &str) -> Option<Counted> {
    let lines = || output.lines().map(str::trim);
    let (requests, _) = lines().find_map(|line| line.split_once(" requests in "))?;
    let rate_rps = lines().find_map(|line| line.strip_prefix("Requests/sec:"))?;
    let socket_errors =
        lines().find_map(|line| line.strip_prefix("Socket errors:")).map_or(0, sum_of_numbers);
    let refused =
        lines().find_map(|line| line.strip_prefix("Non-2xx or 3xx responses:")).map_or(0, sum_of_numbers);
    Some(Counted {
        requests: requests.parse().ok()?,
        rate_rps: rate_rps.trim().parse().ok()?,
        failed: socket_errors + refused,
    })
}

fn sum_of_numbers(text: &str) -> u64 {
    text.split(|letter: char| !letter.is_ascii_digit()).filter_map(|digits| digits.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "Running 2s test @ http://127.0.0.1:18081/small
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   302.12us  221.10us  10.01ms   98.64%
    Req/Sec   115.09k     4.40k  121.93k    80.95%
  228399 requests in 2.00s, 57.07MB read
  Socket errors: connect 0, read 1, write 2, timeout 3
  Non-2xx or 3xx responses: 10
Requests/sec: 114077.95
Transfer/sec:     28.51MB
";

    #[test]
    fn the_figures_are_found_in_wrks_output() {
        let expected = Counted { requests: 228_399, rate_rps: 114_077.95, failed: 16 };
        assert_eq!(read(OUTPUT), Some(expected));
        assert_eq!(read("unable to connect to 127.0.0.1:1 Connection refused"), None);
    }
}
