//! In a time namespace, as a container may have one, CLOCK_MONOTONIC is another than the kernel's own.

use crate::vajra::Vajra;
use std::process::Command;

/// A wait that never ends has to fail: long beyond what the slowest machine takes for a run of a second.
const WATCHDOG: [&str; 3] = ["timeout", "--kill-after=10", "300"];
const ARRIVALS: u64 = 500;

/// The options of `unshare` for a clock that is so many seconds ahead.
fn namespace(offset_s: i64) -> Vec<String> {
    let offset = [format!("--monotonic={offset_s}"), format!("--boottime={offset_s}")];
    ["unshare", "--time", "--fork", "--kill-child"].map(String::from).into_iter().chain(offset).collect()
}

/// Fails with the cause where a time namespace cannot be made: it needs CAP_SYS_ADMIN, and a kernel that has them.
fn assert_possible() {
    let words = namespace(100);
    let output = Command::new(&words[0]).args(&words[1..]).arg("true").output();
    let output =
        output.unwrap_or_else(|error| panic!("unshare does not start ({error}); .ci/run installs it"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "a time namespace cannot be made here; it takes root and CONFIG_TIME_NS: {said}"
    );
}

#[test]
fn every_arrival_is_accounted_for_and_no_wait_hangs_or_spins_in_a_time_namespace() {
    assert_possible();
    // The clock may not go below 0, so the machine has to be up for longer than it is set back.
    for offset_s in [100_000, -5] {
        for wait in ["spin", "park", "auto"] {
            let namespace = namespace(offset_s);
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
