//! How much the run of a report asked of its targets, and how much of it failed, for whoever holds it against something.

use super::Report;
use super::asked::{NeverMade, asked};
use super::figures::Requests;
use crate::threshold::AskedCounts;

impl Report {
    /// How much was asked of the targets, and how much of it failed, as conditions count it.
    pub fn asked(&self) -> AskedCounts {
        let mut never = NeverMade::default();
        let scenarios = self.plan.scenarios.iter().zip(&self.scenarios);
        scenarios.for_each(|(planned, run)| never.add(NeverMade::of(planned, run.iterations.as_ref())));
        let sent = |requests: &Requests| requests.ok + requests.failed + requests.dropped + requests.unsent;
        let arrivals = match &self.iterations {
            None => (sent(&self.requests), self.requests.unsent),
            Some(flows) => {
                let mixes = self.scenarios.iter().filter(|scenario| scenario.iterations.is_none());
                let of_mixes: u64 = mixes.map(|scenario| sent(&scenario.requests)).sum();
                let of_flows = flows.begun() + flows.dropped + flows.unsent;
                (of_mixes + of_flows, self.requests.unsent + flows.unsent)
            }
        };
        asked(&self.requests, never, arrivals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Tally;
    use crate::config::{Document, Format, Layers};
    use crate::outcome::Outcome;
    use crate::plan::Plan;
    use crate::quantity::MILLISECOND_NS;
    use crate::record::{Instants, Iteration, IterationEnd, Recorder, Snapshot};
    use crate::report::{Identity, Measured};

    const CONDITIONS: &str = "failed = 'rate<1%'\nresponse = 'p(99)<60s'";

    /// A second at 1,000/s, of which a fifth was sent, some was dropped and the rest never sent.
    fn report(scenario: &str) -> Report {
        let text = format!(
            "url = 'http://h/'\nrun.duration = '1s'\nload = {{ rate = 1000 }}\n{scenario}\n[thresholds]\n{CONDITIONS}"
        );
        let document = Document { name: "p".into(), text, format: Format::Toml };
        let config = Layers::new(Some(document)).unwrap().config().unwrap();
        let plan = Plan::new(&config, &|_| Err(String::new())).unwrap();
        let mut recorder = Recorder::new(0, &plan.layout(), plan.phases);
        for number in 0..200 {
            let intended = number * MILLISECOND_NS;
            recorder.iteration_began(0, intended, intended);
            for series in 0..plan.layout().series() {
                recorder.sent(series, intended, intended, 1);
                let instants = Instants { intended, sent: intended, done: intended + 1 };
                recorder.done(series, Outcome::Ok(200), instants, 0, 1);
            }
            let (end, why) = (IterationEnd::Ok, "");
            let (waited_ns, lasted_ns, free_ns) = (1, 1, intended);
            let has_sent = true;
            let iteration = Iteration {
                number,
                intended_ns: intended,
                end,
                waited_ns,
                lasted_ns,
                free_ns,
                has_sent,
                why,
            };
            recorder.iteration_ended(0, &iteration);
        }
        let tally = |measured| Tally { measured, outside: 0 };
        recorder.requests.scenarios[0].count_unreleased(tally(100), tally(690), 0.0);
        recorder.requests.scenarios[0].count_withheld(tally(10), 0);
        recorder.settle(true);
        let mut snapshot = Snapshot::new(1, &plan.layout(), plan.phases);
        snapshot.absorb(&recorder);
        let identity = Identity { run_id: "r".into(), started_at: "t".into() };
        Report::new(&plan, &Measured::of(snapshot, Vec::new()), identity)
    }

    #[test]
    fn what_is_done_about_failures_does_not_change_what_has_failed() {
        let plain = report("");
        let asked = plain.asked();
        assert_eq!((asked.failed, asked.total, asked.unsent), (790, 990, 690));
        assert_eq!((asked.arrivals, asked.arrivals_unsent), (990, 690));
        for scenario in ["retry = { on = [503] }", "breaker = { opens = '50% of 20' }", "[[step]]\nget = '/'"]
        {
            let report = report(scenario);
            assert!(report.iterations.is_some(), "{scenario}");
            assert_eq!(report.asked(), asked, "{scenario}");
            let results = |report: &Report| -> Vec<(Option<f64>, bool)> {
                report.thresholds.iter().map(|result| (result.measured, result.ok)).collect()
            };
            assert_eq!(results(&report), results(&plain), "{scenario}");
            assert!(!report.meets_thresholds(), "{scenario}");
        }
    }

    #[test]
    fn of_a_flow_of_several_requests_those_of_arrivals_that_never_began_are_not_known() {
        let report = report("[[step]]\nget = '/a'\n[[step]]\nget = '/b'");
        let asked = report.asked();
        assert_eq!((asked.failed, asked.total, asked.unsent), (0, 400, 0));
        assert_eq!((asked.arrivals, asked.arrivals_unsent), (990, 690));
        let [failed, response] = &report.thresholds[..] else { panic!("two conditions") };
        assert!(failed.ok && !response.ok, "no percentile is known that two thirds are missing from");
        assert!(response.shown.contains("690 of 990 arrivals were never sent"), "{}", response.shown);
    }
}
