//! The plans in `examples/` run as they stand.

use crate::peers::{self, datagrams, streams};
use crate::vajra::Vajra;
use std::path::PathBuf;

/// Every example runs for a moment against a server such as it names, which has a port of its own here.
#[test]
fn every_example_runs() {
    let (testbed, redis, unbound) = (peers::testbed(&[]), streams::redis(), datagrams::unbound());
    let servers = [("websocket", testbed.port), ("redis", redis.port), ("dns", unbound.port)];
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut plans = 0;
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let is = |name: &str| path.file_stem().is_some_and(|stem| stem == name);
        // Of several scenarios one begins later.
        let length = if is("scenarios") { "4s" } else { "1s" };
        // Stages have a length of their own.
        let mut words = if is("users") || is("agents") {
            vec!["--warmup", "0s"]
        } else {
            vec!["-d", length, "--warmup", "0s"]
        };
        let server = servers.iter().find(|(name, _)| is(name));
        let elsewhere = server.map(|(_, port)| format!("::127.0.0.1:{port}"));
        words.extend(elsewhere.iter().flat_map(|elsewhere| ["--connect-to", elsewhere]));
        let run = Vajra::run(path.to_str().unwrap(), &words);
        // Data files are found from where Vajra is started.
        let done = run
            .folder("examples")
            .file("examples/users.csv", include_str!("../../examples/users.csv"))
            .done();
        // A machine that is busy with other things serves more slowly than the plan's conditions allow, as its target runs there too.
        let is_met = [0, 3].contains(&done.code) || (done.code == 99 && done.is_held_up());
        assert!(is_met, "{}: {}{}", path.display(), done.stdout, done.stderr);
        done.assert_accounted();
        assert!(done.count("/requests/ok") > 0, "{}: {}", path.display(), done.stdout);
        plans += 1;
    }
    assert!(plans >= 15, "{plans} examples");
}

#[test]
fn the_quick_start_runs() {
    let plan = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart.toml");
    let done = Vajra::run(plan, &["-d", "2s", "--warmup", "500ms"]).done();
    done.assert_accounted();
    assert!(done.count("/requests/ok") > 0);
    assert!([0, 3].contains(&done.code), "{}", done.stdout);
}
