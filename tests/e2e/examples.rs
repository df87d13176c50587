//! The plans in `examples/` run as they stand.

use crate::vajra::Vajra;
use std::path::PathBuf;

#[test]
fn every_example_is_a_plan_that_can_run() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut plans = 0;
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let done = Vajra::new(&["check", path.to_str().unwrap()]).done();
            assert_eq!(done.code, 0, "{}: {}{}", path.display(), done.stdout, done.stderr);
            plans += 1;
        }
    }
    assert!(plans >= 4, "{plans} examples");
}

#[test]
fn the_quick_start_runs() {
    let plan = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart.toml");
    let done = Vajra::run(plan, &["-d", "2s", "--warmup", "500ms"]).done();
    done.assert_accounted();
    assert!(done.count("/requests/ok") > 0);
    assert!([0, 3].contains(&done.code), "{}", done.stdout);
}
