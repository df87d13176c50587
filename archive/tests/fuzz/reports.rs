//! Reports in JSON: read, compared with one of ours, and archived.

use crate::mutation::{bytes, document};
use crate::{Fate, fuzz, sample};
use engine::compare::refusal::{Obstacle, require_comparable, require_same_plan};
use engine::compare::{Options, compare};
use engine::random::Random;
use engine::redact;
use engine::report::Report;
use fuzzing::one_of;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use vajra_archive::{Archive, Manifest, load_reports, plan_hash};

/// Nothing is in the way that can be allowed: as much as possible is reckoned with.
fn options() -> Options {
    let allowed = Obstacle::ALL.into_iter().filter(|obstacle| obstacle.can_be_allowed());
    Options { allowed: allowed.collect::<BTreeSet<_>>(), resamples: 20, ..Options::default() }
}

/// What `vajra compare`, `gate` and `archive` do with a report.
fn use_it(report: &Report, ours: &Report) {
    let (one, other) = (std::slice::from_ref(ours), std::slice::from_ref(report));
    for options in [options(), Options { resamples: 20, ..Options::default() }] {
        for (base, candidate) in [(one, other), (other, one)] {
            if let Ok(comparison) = compare(base, candidate, &options) {
                serde_json::to_string(&comparison).unwrap();
                comparison.regression(0.05);
            }
        }
        let _ = require_comparable(other, &options);
        let _ = require_same_plan(report, &ours.plan, &options);
    }
    redact::plan(&report.plan);
    plan_hash(&report.plan).unwrap();
}

fn changed(random: &mut Random, ours: &Value) -> Vec<u8> {
    let mut value = ours.clone();
    let changes = random.between(0, 3);
    for _ in 0..changes {
        // Half of the changes where comparisons look.
        let part = *one_of(
            random,
            &["plan", "requests", "history", "rate", "response_ns", "window", "", "", "", ""],
        );
        match value.get_mut(part) {
            Some(part) => document(random, part),
            None => document(random, &mut value),
        }
    }
    let mut json = value.to_string().into_bytes();
    if changes == 0 {
        bytes(random, &mut json);
    }
    json
}

#[test]
fn reports() {
    let ours = sample::report("ours", 5);
    let value = serde_json::to_value(&ours).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (path, mut saved) = (folder.path().join("report.json"), 0_u64);
    let archive = Archive::open(&folder.path().join("vajra/archive.db")).unwrap();
    fuzz("reports", 300, |random| {
        fs::write(&path, changed(random, &value)).unwrap();
        let Ok(mut reports) = load_reports(&path) else { return Fate::Refused };
        use_it(&reports[0], &ours);
        if random.between(0, 3) == 0 {
            saved += 1;
            reports[0].run_id = format!("run-{saved}");
            let _ = archive.save(&reports[0], &Manifest::default());
        }
        Fate::Taken
    });
}
