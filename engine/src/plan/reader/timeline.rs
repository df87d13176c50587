//! Moments that were recorded: when each step of a flow is intended, from the arrival of its iteration.

use super::{PlanReader, Typed};
use crate::config::{RequestConfig, Text};

/// What is known of a flow's moments while its steps are read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StepTimeline {
    /// Each step says when it is intended.
    is_recorded: bool,
    /// When the last one is.
    last_ns: u64,
}

impl<'a> PlanReader<'a> {
    /// Whether the steps of a scenario are intended when they were recorded.
    pub(super) fn step_timeline(&mut self, typed: &Typed<'a>) -> StepTimeline {
        let Some(Text(word)) = &typed.config.timeline else { return StepTimeline::default() };
        let key = typed.at("timeline");
        if word != "recorded" {
            let fix = "write `recorded`, and `at` in each step, or leave it out: steps then follow the responses before them";
            self.wrong(&key, format!("`{word}` is no timeline"), fix);
            return StepTimeline::default();
        }
        if typed.config.flow.is_some() {
            let fix = "write its steps as `step`, each with `at`, or leave `timeline` out";
            self.wrong(&key, "what was recorded is one list of steps, and `flow` names several", fix);
        }
        StepTimeline { is_recorded: true, last_ns: 0 }
    }

    /// A timeline is one of steps.
    pub(super) fn refuse_timeline(&mut self, typed: &Typed<'a>) {
        if typed.config.timeline.is_some() {
            let fix = "write `[[step]]` in the place of `[[request]]`, each with `at`, or leave it out";
            self.wrong(&typed.at("timeline"), "`timeline` is of steps, and the scenario has none", fix);
        }
    }

    /// When a step is intended, where that was recorded; `is_own` where it stands in no flow that another runs.
    pub(super) fn moment(
        &mut self,
        config: &RequestConfig,
        table: &str,
        is_own: bool,
        timeline: &mut StepTimeline,
    ) -> Option<u64> {
        let key = format!("{table}.at");
        if !timeline.is_recorded || !is_own {
            if config.at.is_some() {
                let fix = "write `timeline = \"recorded\"` beside the steps, or `think` in the step before";
                self.wrong(&key, "`at` is of the steps of a timeline that was recorded", fix);
            }
            return None;
        }
        let given = [
            ("think", config.think.is_some()),
            ("repeat", config.repeat.is_some()),
            ("run", config.run.is_some()),
            ("choose", !config.choose.is_empty()),
        ];
        for (other, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
            let problem = format!(
                "`{other}` moves what follows, and the steps of a recorded timeline have moments of their own"
            );
            self.wrong(
                &format!("{table}.{other}"),
                problem,
                "leave it out, and let `at` of the steps say when",
            );
        }
        let Some(at_ns) = self.duration(&config.at, &key) else {
            if config.at.is_none() {
                let fix = "write how long after the arrival it is intended, such as `at = \"1.25s\"`";
                self.wrong(table, "a step of a recorded timeline needs `at`", fix);
            }
            return None;
        };
        if at_ns < timeline.last_ns {
            self.wrong(
                &key,
                "it is before that of the step before it",
                "write steps in the order of their moments",
            );
        }
        timeline.last_ns = timeline.last_ns.max(at_ns);
        Some(at_ns)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Diagnostic, Document, Format, Layers};
    use crate::flow::FlowItem;
    use crate::plan::Plan;
    use crate::quantity::MILLISECOND_NS;

    fn read(text: &str) -> Result<Plan, Vec<Diagnostic>> {
        let text = format!("url = 'http://h/'\nload = {{ rate = 5 }}\n{text}");
        let document = Document { name: "plan".into(), text, format: Format::Toml };
        let config = Layers::new(Some(document)).expect("it is TOML").config().expect("its keys are known");
        Plan::new(&config, &|_| Err("there are no files".into()))
    }

    #[test]
    fn each_step_has_its_moment_and_a_plan_with_them_survives_being_sent() {
        let text = "timeline = 'recorded'\n[[step]]\nget = '/a'\nat = '0s'\n[[step]]\nget = '/b'\nat = '1.25s'\nif = 'x exists'\n\
                    [[step]]\nget = '/c'\nat = '1250ms'\nalways = true\n";
        let plan = read(&text.replace("get = '/a'", "get = '/a'\nextract = { x = 'json /x ?' }"))
            .expect("it can run");
        let flow = plan.scenarios[0].flow().expect("it is a flow");
        let moments: Vec<Option<u64>> = flow.items.iter().map(|item: &FlowItem| item.at_ns).collect();
        assert_eq!(moments, [Some(0), Some(1_250 * MILLISECOND_NS), Some(1_250 * MILLISECOND_NS)]);
        let sent = serde_json::to_string(&plan).expect("plans are JSON");
        assert_eq!(serde_json::from_str::<Plan>(&sent).expect("it is a plan"), plan);
    }

    #[test]
    fn what_is_no_timeline_is_told_where_it_stands() {
        let recorded = "timeline = 'recorded'\n";
        let step = |more: &str| format!("[[step]]\nget = '/a'\n{more}\n");
        for (text, path, problem) in [
            (format!("timeline = 'free'\n{}", step("")), "timeline", "`free` is no timeline"),
            (recorded.to_owned(), "timeline", "is of steps"),
            (format!("{recorded}[[request]]\nget = '/'\n"), "timeline", "is of steps"),
            (format!("{recorded}{}", step("")), "step.0", "needs `at`"),
            (step("at = '1s'"), "step.0.at", "a timeline that was recorded"),
            (format!("{recorded}{}", step("at = '1'")), "step.0.at", ""),
            (
                format!("{recorded}{}{}", step("at = '2s'"), step("at = '1s'")),
                "step.1.at",
                "before that of the step before",
            ),
            (format!("{recorded}{}", step("at = '1s'\nthink = '1s'")), "step.0.think", "moves what follows"),
            (format!("{recorded}{}", step("at = '1s'\nrepeat = '2'")), "step.0.repeat", "moves what follows"),
            (
                format!(
                    "{recorded}{}[[step]]\nrun = 'b'\nat = '1s'\n[[flow.b]]\nget = '/b'\n",
                    step("at = '0s'")
                ),
                "step.1.run",
                "moves what follows",
            ),
            (
                format!("{}[[step]]\nrun = 'b'\n[[flow.b]]\nget = '/b'\nat = '1s'\n", step("")),
                "flow.b.0.at",
                "recorded",
            ),
            ("[[request]]\nget = '/a'\nat = '1s'\n".to_owned(), "request.0.at", "is of a step of a flow"),
        ] {
            let told = read(&text).expect_err(&text);
            let is_told = |one: &Diagnostic| {
                one.path == path
                    && one.problem.contains(problem)
                    && (!one.fix.is_empty() || !one.instead.is_empty())
            };
            assert!(told.iter().any(is_told), "{text}: {told:#?}");
        }
        let text = "[scenario.a]\ntimeline = 'recorded'\nflow = ['b']\n[[flow.b]]\nget = '/b'\n";
        let text = format!("url = 'http://h/'\n{text}");
        let document = Document { name: "plan".into(), text, format: Format::Toml };
        let config = Layers::new(Some(document)).expect("it is TOML").config().expect("its keys are known");
        let told = Plan::new(&config, &|_| Err("there are no files".into())).expect_err("it is no timeline");
        assert!(told.iter().any(|one| one.path == "scenario.a.timeline"), "{told:#?}");
    }
}
