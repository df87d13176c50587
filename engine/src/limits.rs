//! What a run could not measure, in words.

use crate::distribution::Distribution;
use crate::plan::{Plan, Target};
use crate::quantity::counted;

/// A percentile that rests on fewer requests than this is named among the limits.
const TAIL_COUNT_MIN: u64 = 10;
/// More failures than this can move a percentile that the report shows.
const FAILED_SHARE_MAX: f64 = 0.000_1;

/// Failures have no response time, or one that says little: a percentile of the successes alone may look better than what users
/// saw.
pub(crate) fn of_failures(ok: u64, lost: u64, scheduled: u64) -> Option<String> {
    let share = lost as f64 / scheduled.max(1) as f64;
    (share > FAILED_SHARE_MAX && ok > 0).then(|| {
        format!(
            "response times are of successes alone; {:.2} % of the requests failed or were dropped, more than lie above p99.99",
            share * 100.0
        )
    })
}

/// The plan allows only so many sessions at a time, which holds arrivals up as a lack of connections does.
pub(crate) fn of_sessions(waited: u64) -> Option<String> {
    (waited > 0).then(|| {
        format!(
            "{} waited for a session, because as many were taken as `sessions` allows: the wait is part of the response times, and of no doing of Vajra's",
            counted(waited, "arrival")
        )
    })
}

/// What the machine does not count, so that no rule could be held against it.
pub(crate) fn of_machine(steal_s: Option<f64>, throttled_s: Option<f64>) -> Vec<String> {
    let told = [
        (steal_s, "the kernel does not count time that a hypervisor takes"),
        (throttled_s, "no control group says whether a CPU quota stopped this process"),
    ];
    told.into_iter()
        .filter(|(figure, _)| figure.is_none())
        .map(|(_, what)| format!("not measured: {what}"))
        .collect()
}

/// Targets whose certificates nobody looked at: another server may have answered.
pub(crate) fn of_certificates(plan: &Plan) -> Option<String> {
    let is_taken_on_trust = |target: &&Target| target.tls().is_some_and(|tls| !tls.verify);
    let names: Vec<&str> =
        plan.targets.iter().filter(is_taken_on_trust).map(|target| target.name.as_str()).collect();
    let whose = if plan.targets.len() > 1 { format!(" of {}", names.join(", ")) } else { String::new() };
    (!names.is_empty()).then(|| format!("certificates{whose} were not verified (tls.verify = false)"))
}

/// Percentiles that rest on too few requests to mean anything.
pub(crate) fn of_tails(response: &Distribution) -> Vec<String> {
    let tails = [("p99", 100), ("p99.9", 1_000), ("p99.99", 10_000)];
    let is_thin =
        |(_, one_in): &(&str, u64)| response.count() < one_in * TAIL_COUNT_MIN && response.count() > 0;
    let thin: Vec<&str> = tails.iter().filter(|tail| is_thin(tail)).map(|(name, _)| *name).collect();
    match thin.as_slice() {
        [] => Vec::new(),
        [name] => vec![format!("{name} rests on fewer than {TAIL_COUNT_MIN} requests; run longer")],
        names => vec![format!(
            "{} rest on fewer than {TAIL_COUNT_MIN} requests each; run longer",
            names.join(", ")
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Document, Format, Layers};

    #[test]
    fn certificates_that_nobody_looked_at_are_named() {
        let told = |text: &str| {
            let document = Document { name: "p".into(), text: text.into(), format: Format::Toml };
            let config = Layers::new(Some(document)).unwrap().config().unwrap();
            of_certificates(&Plan::new(&config, &|_| Err(String::new())).unwrap())
        };
        let one = "certificates were not verified (tls.verify = false)";
        assert_eq!(told("url = 'https://h/'\n[tls]\nverify = false").as_deref(), Some(one));
        assert_eq!(told("url = 'https://h/'"), None);
        assert_eq!(told("url = 'http://h/'"), None);
        let two = "[target.a]\nurl = 'https://a/'\n[target.b]\nurl = 'https://b/'\ntls.verify = false\n\
                   [scenario.x]\ntarget = 'a'\n[scenario.y]\ntarget = 'b'";
        assert_eq!(told(two).unwrap(), one.replace("certificates", "certificates of b"));
    }

    #[test]
    fn failures_that_could_move_a_percentile_are_told() {
        assert_eq!(of_failures(10_000, 1, 10_001), None, "fewer than lie above the highest percentile shown");
        assert!(of_failures(990, 10, 1_000).unwrap().contains("1.00 % of the requests"));
        assert_eq!(of_failures(0, 10, 10), None, "then there is no response time at all");
    }

    #[test]
    fn arrivals_that_waited_for_a_session_are_told() {
        assert_eq!(of_sessions(0), None);
        assert!(of_sessions(1).unwrap().starts_with("1 arrival waited"));
    }

    #[test]
    fn what_the_machine_does_not_count_is_told() {
        assert!(of_machine(Some(0.0), Some(0.0)).is_empty());
        assert_eq!(of_machine(None, None).len(), 2);
    }

    #[test]
    fn percentiles_that_rest_on_too_little_are_named_in_the_singular_and_in_the_plural() {
        let limits = |count: u64| {
            let mut response = Distribution::new();
            (0..count).for_each(|n| response.record(n + 1));
            of_tails(&response)
        };
        assert_eq!(limits(10_000), ["p99.99 rests on fewer than 10 requests; run longer"]);
        assert_eq!(limits(1_000), ["p99.9, p99.99 rest on fewer than 10 requests each; run longer"]);
        assert_eq!(limits(100_000), Vec::<String>::new());
    }
}
