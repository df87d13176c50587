//! How checks went and what became of redirects, in the report as text: of runs that have any.

use super::figures::{group, share};
use super::layout::row;
use super::screen::{Screen, Tone};
use engine::record::RedirectCounts;
use engine::report::{CheckReport, Report};

/// All checks together. Those that did not hold are told of among the reasons of failures.
pub(super) fn checks(report: &Report, screen: &Screen) -> String {
    let all: Vec<&CheckReport> = report.scenarios.iter().flat_map(|scenario| &scenario.checks).collect();
    if all.is_empty() {
        return String::new();
    }
    let passed: u64 = all.iter().map(|check| check.passed).sum();
    let ran: u64 = passed + all.iter().map(|check| check.failed).sum::<u64>();
    let never_ran = all.iter().filter(|check| check.passed + check.failed == 0).count();
    let mut parts = vec![format!("{} of {} held ({})", group(passed), group(ran), share(passed, ran))];
    if never_ran > 0 {
        parts.push(screen.paint(Tone::Bad, &format!("{never_ran} of {} never ran", all.len())));
    }
    row(screen, "Checks", &parts.join(", "))
}

/// Redirects that were followed, and those that were not.
pub(super) fn redirects(report: &Report, screen: &Screen) -> String {
    let each = report.scenarios.iter().filter_map(|scenario| scenario.redirects);
    let Some(all) = each.reduce(|mut all, one| {
        all.add(one);
        all
    }) else {
        return String::new();
    };
    let RedirectCounts { followed, over_limit, elsewhere, unusable } = all;
    let mut parts = vec![format!("{} followed", group(followed))];
    for (count, words) in [
        (over_limit, "beyond the limit"),
        (elsewhere, "to another host or scheme"),
        (unusable, "to what cannot be asked for"),
    ] {
        parts.extend((count > 0).then(|| screen.paint(Tone::Bad, &format!("{} {words}", group(count)))));
    }
    row(screen, "Redirects", &parts.join(", "))
}
