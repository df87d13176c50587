//! A report as if one of its scenarios had been the whole run: what compares, searches and gates on one scenario.

use super::Report;
use crate::history::Slice;
use crate::phase::Phase;
use crate::plan::Fields;
use crate::quantity::counted;

impl Report {
    /// The report of one scenario, by its name. What belongs to the machine – CPU time, shards, environment – stays that of the
    /// run, and so do its verdict and its slowest requests. Nothing when there is no such scenario.
    pub fn of_scenario(&self, name: &str) -> Option<Report> {
        let index = self.plan.scenario_named(name)?;
        let scenario = self.scenarios.get(index)?;
        let plan = self.plan.rewritten(|fields| keep_scenario(fields, index));
        let others = self.plan.scenarios.len() as u64 - 1;
        let (from_ns, to_ns) = self.part_ns(index);
        // Before its start it had nothing to do; after its end it is drained, as a run is.
        let own = |slice: &Slice| {
            let (is_before, is_after) = (slice.to_ns <= from_ns, slice.from_ns >= to_ns);
            let phase = if is_after { Phase::Drain } else { Phase::Measure };
            match slice.phase {
                Phase::Measure if is_before && !is_after => None,
                Phase::Measure => Some(Slice { phase, ..slice.of_scenario(index) }),
                Phase::Warmup | Phase::Drain => Some(slice.of_scenario(index)),
            }
        };
        let mut limits = self.limits.clone();
        if others > 0 {
            limits.push(format!("CPU time is that of {} as well", counted(others, "other scenario")));
        }
        Some(Report {
            plan,
            window_s: scenario.window_s,
            outcome: scenario.outcome.clone(),
            trust: scenario.trust.clone(),
            rate: scenario.rate,
            requests: scenario.requests.clone(),
            iterations: scenario.iterations.clone(),
            bytes: scenario.bytes,
            response_ns: scenario.response_ns.clone(),
            service_ns: scenario.service_ns.clone(),
            slip_ns: scenario.slip_ns.clone(),
            failed_response_ns: scenario.failed_response_ns.clone(),
            generator_lag_ns: scenario.generator_lag_ns.clone(),
            scenarios: vec![scenario.clone()],
            history: self.history.iter().filter_map(own).collect(),
            limits,
            ..self.clone()
        })
    }
}

impl Report {
    /// Slices of the measured window.
    pub(crate) fn measured_slices(&self) -> usize {
        self.history.iter().filter(|slice| slice.phase == Phase::Measure).count()
    }

    /// A scenario's part of the window, in nanoseconds from the start of the run.
    fn part_ns(&self, index: usize) -> (u64, u64) {
        let ns = |seconds: f64| (seconds * 1e9).round() as u64;
        let (from_ns, to_ns) = (ns(self.window.from_s), ns(self.window.to_s));
        let starts_ns = self.plan.scenarios[index].starts_ns.clamp(from_ns, to_ns.max(from_ns));
        (starts_ns, starts_ns.saturating_add(ns(self.scenarios[index].window_s)))
    }
}

/// Leaves one scenario of a plan, and what it uses.
fn keep_scenario(fields: &mut Fields, index: usize) {
    let mut scenario = fields.scenarios.swap_remove(index);
    let (targets, pools) = (std::mem::take(&mut fields.targets), std::mem::take(&mut fields.pools));
    let mut used: Vec<usize> = Vec::new();
    for step in scenario.steps_mut() {
        let known = used.iter().position(|pool| *pool == step.pool);
        step.pool = known.unwrap_or_else(|| {
            used.push(step.pool);
            used.len() - 1
        });
    }
    for pool in used {
        let mut pool = pools[pool];
        fields.targets.push(targets[pool.target].clone());
        pool.target = fields.targets.len() - 1;
        fields.pools.push(pool);
    }
    if let Some(setup) = &mut fields.setup {
        let target = &targets[setup.target];
        setup.target =
            fields.targets.iter().position(|known| known == target).unwrap_or(fields.targets.len());
        if setup.target == fields.targets.len() {
            fields.targets.push(target.clone());
        }
    }
    fields.scenarios = vec![scenario];
    fields.thresholds.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Document, Format, Layers};
    use crate::plan::Plan;
    use crate::record::{Iteration, IterationEnd, Recorder, Snapshot};
    use crate::report::{Identity, Measured};

    #[test]
    fn the_iterations_of_a_scenario_are_its_own() {
        let flow = |name: &str| {
            format!("[scenario.{name}]\nload = {{ rate = 1 }}\n[[scenario.{name}.step]]\nget = '/'\n")
        };
        let mix = "[scenario.mix]\nload = { rate = 1 }\n";
        let text = format!("url = 'http://h/'\nrun.duration = '1s'\n{}{}{mix}", flow("one"), flow("other"));
        let document = Document { name: "p".into(), text, format: Format::Toml };
        let config = Layers::new(Some(document)).unwrap().config().unwrap();
        let plan = Plan::new(&config, &|_| Err(String::new())).unwrap();
        let mut recorder = Recorder::new(0, &plan.layout(), plan.phases);
        for (scenario, count) in [(0, 3_u64), (1, 4)] {
            for number in 0..count {
                let (intended_ns, end, has_sent, why) = (0, IterationEnd::Ok, true, "");
                let (waited_ns, lasted_ns, free_ns) = (5, 5, 5);
                let ended =
                    Iteration { number, intended_ns, end, waited_ns, lasted_ns, free_ns, has_sent, why };
                recorder.iteration_ended(scenario, &ended);
            }
        }
        let mut snapshot = Snapshot::new(1, &plan.layout(), plan.phases);
        snapshot.absorb(&recorder);
        let identity = Identity { run_id: "r".into(), started_at: "t".into() };
        let whole = Report::new(&plan, &Measured::of(snapshot, Vec::new()), identity);
        let ok = |name: &str| {
            let iterations = whole.of_scenario(name).unwrap().iterations;
            iterations.map(|iterations| (iterations.ok, iterations.iteration_ns.count))
        };
        assert_eq!([ok("one"), ok("other"), ok("mix")], [Some((3, 3)), Some((4, 4)), None]);
    }
}
