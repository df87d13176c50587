//! In a time namespace, as a container may have one, CLOCK_MONOTONIC is another than the kernel's own.

use crate::vajra::Vajra;
use std::process::Command;

/// A wait that never ends has to fail: long beyond what the slowest machine takes for a run of a second.
const WATCHDOG: [&str; 3] = ["timeout", "--kill-after=10", "300"];
const ARRIVALS: u64 = 500;

/// What a time namespace is made with: as root alone, and by anybody in a user namespace of their own.
const AS_ROOT: &[&str] = &["unshare", "--time", "--fork", "--kill-child"];
const AS_ANYBODY: &[&str] = &["unshare", "--user", "--map-root-user", "--time", "--fork", "--kill-child"];

/// The words that start a program with a clock that is so many seconds ahead.
fn namespace(way: &[&str], offset_s: i64) -> Vec<String> {
    let offset = [format!("--monotonic={offset_s}"), format!("--boottime={offset_s}")];
    way.iter().map(|word| (*word).to_owned()).chain(offset).collect()
}

/// The way that works here. Fails with the cause where none does: it takes a kernel that has time namespaces, and root or a
/// machine that allows user namespaces.
fn possible_way() -> &'static [&'static str] {
    let mut said = String::new();
    for way in [AS_ROOT, AS_ANYBODY] {
        let words = namespace(way, 100);
        let output = Command::new(&words[0]).args(&words[1..]).arg("true").output();
        let output =
            output.unwrap_or_else(|error| panic!("unshare does not start ({error}); .ci/run installs it"));
        if output.status.success() {
            return way;
        }
        said.push_str(&String::from_utf8_lossy(&output.stderr));
    }
    panic!(
        "a time namespace cannot be made here; it takes CONFIG_TIME_NS, and root or user namespaces: {said}"
    );
}

#[test]
fn every_arrival_is_accounted_for_and_no_wait_hangs_or_spins_in_a_time_namespace() {
    let way = possible_way();
    // The clock may not go below 0, so the machine has to be up for longer than it is set back.
    for offset_s in [100_000, -5] {
        for wait in ["spin", "park", "auto"] {
            let namespace = namespace(way, offset_s);
            let wrapper: Vec<&str> =
                WATCHDOG.into_iter().chain(namespace.iter().map(String::as_str)).collect();
            // The built-in server keeps its times by a timer of the same clock.
            let target = "testbed:/?service=fixed:1ms";
            let words = ["-R", "500", "-c", "8", "-t", "1", "-d", "1s", "--wait", wait, "--force"];
            let done = Vajra::run_under(&wrapper, target, &words).done();
            let case = format!("{wait}, {offset_s} s: code {}\n{}", done.code, done.stderr);
            assert!([0, 3].contains(&done.code), "{case}");
            done.assert_accounted();
            // On a machine that is too busy for the target some arrivals may be left; none is lost or added.
            let (sent, unsent) = (done.count("/requests/sent"), done.count("/requests/unsent"));
            assert!(sent > 0 && sent + unsent == ARRIVALS, "{case}{}", done.report["requests"]);
            let scheduled = done.number("/rate/target") * done.number("/window_s");
            assert_eq!(scheduled.round() as u64, ARRIVALS, "{case}");
            if wait == "park" {
                // A few turns for each request and each 5 ms; a shard whose waits end at once makes a million in a second.
                assert!(done.count("/cpu/shards/0/turns") < 5_000, "{case}{}", done.report["cpu"]);
            }
        }
    }
}
