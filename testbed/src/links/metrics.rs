//! What the links service has done, in Prometheus' text format.

use std::fmt::Write;

use crate::links::store::LinkStates;

/// What is counted, in the order of [`COUNTERS`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum LinkCount {
    Created,
    Redirected,
    VisitedGone,
    VisitedUnknown,
    Deleted,
    RefusedMalformed,
    RefusedTooLarge,
    RefusedFull,
    RefusedMethod,
    ReloadsTaken,
    ReloadsRefused,
}

/// Each counter: its name and its labels.
const COUNTERS: [(&str, &str); 11] = [
    ("links_created_total", ""),
    ("link_visits_total", "{outcome=\"redirected\"}"),
    ("link_visits_total", "{outcome=\"gone\"}"),
    ("link_visits_total", "{outcome=\"unknown\"}"),
    ("links_deleted_total", ""),
    ("link_requests_refused_total", "{reason=\"malformed\"}"),
    ("link_requests_refused_total", "{reason=\"too_large\"}"),
    ("link_requests_refused_total", "{reason=\"full\"}"),
    ("link_requests_refused_total", "{reason=\"method\"}"),
    ("link_reloads_total", "{outcome=\"taken\"}"),
    ("link_reloads_total", "{outcome=\"refused\"}"),
];

/// What each counter's name means.
const HELP: [(&str, &str); 5] = [
    ("links_created_total", "Links that were made."),
    ("link_visits_total", "Requests for a short link, by what came of them."),
    ("links_deleted_total", "Links that somebody deleted while they were active."),
    ("link_requests_refused_total", "Requests that were not carried out, by the reason."),
    ("link_reloads_total", "Times that settings were read again, by whether they were taken."),
];

/// The counters of the service.
#[derive(Debug, Default)]
pub(crate) struct LinkCounts([u64; COUNTERS.len()]);

impl LinkCounts {
    pub(crate) fn count(&mut self, what: LinkCount) {
        self.0[what as usize] += 1;
    }

    /// The page that Prometheus reads. `served` is what all of the server has answered.
    pub(crate) fn page(&self, states: LinkStates, served: u64) -> String {
        let mut page = String::new();
        for (name, help) in HELP {
            head(&mut page, name, "counter", help);
            let own = COUNTERS.iter().zip(&self.0).filter(|((of, _), _)| *of == name);
            own.for_each(|((_, labels), count)| line(&mut page, name, labels, *count));
        }
        head(&mut page, "links", "gauge", "Links in mind, by their state.");
        let states = [("active", states.active), ("expired", states.expired), ("removed", states.removed)];
        for (state, count) in states {
            line(&mut page, "links", &format!("{{state=\"{state}\"}}"), count as u64);
        }
        head(&mut page, "responses_total", "counter", "Responses of the whole server.");
        line(&mut page, "responses_total", "", served);
        page
    }
}

fn head(page: &mut String, name: &str, kind: &str, help: &str) {
    let name = format!("vajra_testbed_{name}");
    write!(page, "# HELP {name} {help}\n# TYPE {name} {kind}\n").expect("a string takes all text");
}

fn line(page: &mut String, name: &str, labels: &str, count: u64) {
    writeln!(page, "vajra_testbed_{name}{labels} {count}").expect("a string takes all text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_its_own_line_below_its_help() {
        let mut counts = LinkCounts::default();
        counts.count(LinkCount::VisitedGone);
        counts.count(LinkCount::ReloadsRefused);
        let page = counts.page(LinkStates { active: 3, expired: 0, removed: 1 }, 9);
        let visits = "# HELP vajra_testbed_link_visits_total Requests for a short link, by what came of them.\n\
             # TYPE vajra_testbed_link_visits_total counter\n\
             vajra_testbed_link_visits_total{outcome=\"redirected\"} 0\n\
             vajra_testbed_link_visits_total{outcome=\"gone\"} 1\n\
             vajra_testbed_link_visits_total{outcome=\"unknown\"} 0\n";
        assert!(page.contains(visits), "{page}");
        for line in
            ["link_reloads_total{outcome=\"refused\"} 1", "links{state=\"active\"} 3", "responses_total 9"]
        {
            assert!(page.contains(&format!("\nvajra_testbed_{line}\n")), "{line} in {page}");
        }
        let lines = page.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(lines, COUNTERS.len() + 4);
        assert!(COUNTERS.iter().all(|(name, _)| HELP.iter().any(|(known, _)| known == name)));
    }
}
