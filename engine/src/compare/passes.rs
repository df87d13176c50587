//! Rows of iterations and of named flows: how long users waited for each, and how long it took with what they thought.
//!
//! They stand behind the rows of requests, of scenarios in which requests follow each other. Where an iteration is one request there are
//! none: its response times say the same.

use super::metric::RowMetric;
use super::obstacle::{Obstacle, Refusal};
use super::options::Options;
use super::refusal::SLICES_MIN;
use super::row::{BEYOND_MIN, ComparedSide, Draft, Omission, percentile, portions};
use crate::distribution::Distribution;
use crate::history::Slice;
use crate::pass_slice::PassSlice;
use crate::phase::Phase;
use crate::report::{FlowReport, Report};

/// What is gone through: all of an iteration, or one of its named flows.
#[derive(Clone, Copy)]
struct PassOf<'a> {
    flow: Option<&'a str>,
}

/// The rows of runs of one scenario, or of that one of several, and in words what was left out.
pub(super) fn drafts(
    base: &[Report],
    candidate: &[Report],
    options: &Options,
) -> Result<(Vec<Draft>, Vec<String>), Refusal> {
    let (mut drafts, mut omitted) = (Vec::new(), Vec::new());
    if !base.iter().chain(candidate).any(has_iterations) {
        return Ok((drafts, omitted));
    }
    if let Some(report) = base.iter().chain(candidate).find(|report| !has_iterations(report)) {
        omitted.push(format!(
            "iterations are not compared: in run {} there are none of several requests",
            report.run_id
        ));
        return Ok((drafts, omitted));
    }
    if let Some(report) = base.iter().chain(candidate).find(|report| !has_history(report)) {
        omitted.push(format!(
            "iterations are not compared: the history of run {}, made by an earlier version, does not have them",
            report.run_id
        ));
        return Ok((drafts, omitted));
    }
    for flow in [None].into_iter().chain(names(base, candidate).into_iter().map(Some)) {
        let of = PassOf { flow };
        let place = |report: &Report| of.place(report);
        let (Some(in_base), Some(in_candidate)) = (
            base.iter().map(place).collect::<Option<Vec<_>>>(),
            candidate.iter().map(place).collect::<Option<Vec<_>>>(),
        ) else {
            omitted.push(format!("`{}` is not in all runs, and is not compared", flow.unwrap_or_default()));
            continue;
        };
        if let Some(reason) =
            too_seldom(base, &in_base, options).or_else(|| too_seldom(candidate, &in_candidate, options))
        {
            let which = flow.map_or("iterations are".to_owned(), |name| format!("`{name}` is"));
            omitted.push(format!("{which} not compared: {reason}"));
            continue;
        }
        let has_thought = has_thought(base, &in_base) || has_thought(candidate, &in_candidate);
        for holds_thinking in [false, true].into_iter().filter(|holds| has_thought || !holds) {
            let base = side(base, &in_base, holds_thinking)?;
            let candidate = side(candidate, &in_candidate, holds_thinking)?;
            let (found, note) = of.rows(holds_thinking, &base, &candidate, options);
            drafts.extend(found);
            omitted.extend(note);
        }
    }
    Ok((drafts, omitted))
}

impl PassOf<'_> {
    /// In which place of each slice it stands.
    fn place(self, report: &Report) -> Option<usize> {
        match self.flow {
            None => Some(0),
            Some(name) => Some(1 + flows(report).iter().position(|flow| flow.name == name)?),
        }
    }

    /// Its rows, and which percentiles have too little beyond them, in one note.
    fn rows(
        self,
        holds_thinking: bool,
        base: &ComparedSide,
        candidate: &ComparedSide,
        options: &Options,
    ) -> (Vec<Draft>, Option<String>) {
        let (mut drafts, mut few) = (Vec::new(), Vec::new());
        let prefix = self.flow.map_or_else(String::new, |name| format!("{name}/"));
        let metrics = RowMetric::OF_PASSES.into_iter();
        for metric in metrics.filter(|metric| metric.holds_thinking() == holds_thinking) {
            match percentile(metric, base, candidate, options) {
                Ok(mut draft) => {
                    draft.flow = self.flow.map(str::to_owned);
                    drafts.push(draft);
                }
                Err(omission) => few.push((format!("{prefix}{}", metric.title()), omission)),
            }
        }
        let names: Vec<&str> = few.iter().map(|(name, _)| name.as_str()).collect();
        let note = match few.first() {
            None => None,
            Some((_, Omission::FewBeyond(_))) => Some(format!(
                "{}: fewer than {BEYOND_MIN} of the times it was gone through on a side lie beyond",
                names.join(", ")
            )),
            Some((_, other)) => Some(format!("{}: {other}", names.join(", "))),
        };
        (drafts, note)
    }
}

/// Whether requests follow each other in its iterations.
fn has_iterations(report: &Report) -> bool {
    let has_several = report.plan.scenarios[0].flow().is_some_and(|flow| !flow.is_one_request());
    has_several && report.scenarios.first().is_some_and(|scenario| scenario.iterations.is_some())
}

fn flows(report: &Report) -> &[FlowReport] {
    report.scenarios.first().map_or(&[], |scenario| &scenario.flows)
}

/// The flows of all runs, each once.
fn names<'a>(base: &'a [Report], candidate: &'a [Report]) -> Vec<&'a str> {
    let mut names = Vec::new();
    for flow in base.iter().chain(candidate).flat_map(flows) {
        if !names.contains(&flow.name.as_str()) {
            names.push(&flow.name);
        }
    }
    names
}

/// Why what was gone through in these places has no rows: a run that has none that ended well has no figure, and one that has them in
/// a few slices alone does not say how they vary.
fn too_seldom(reports: &[Report], places: &[usize], options: &Options) -> Option<String> {
    reports.iter().zip(places).find_map(|(report, &place)| {
        let of_window = report.history.iter().filter(|slice| slice.phase != Phase::Warmup);
        let ended_well = |slice: &&Slice| slice.passes.get(place).is_some_and(|pass| pass.ok > 0);
        match of_window.filter(ended_well).count() {
            0 => Some(format!("in run {} not one ended well", report.run_id)),
            slices if slices < SLICES_MIN && !options.allowed.contains(&Obstacle::Slices) => Some(format!(
                "in run {} they ended well in {slices} of its slices, fewer than {SLICES_MIN}",
                report.run_id
            )),
            _ => None,
        }
    })
}

/// Whether every slice of the window says how its iterations were gone through, and every named flow.
fn has_history(report: &Report) -> bool {
    let mut of_window = report.history.iter().filter(|slice| slice.phase != Phase::Warmup);
    of_window.all(|slice| slice.passes.len() > flows(report).len())
}

fn has_thought(reports: &[Report], places: &[usize]) -> bool {
    let all = reports.iter().zip(places);
    all.flat_map(|(report, &place)| report.history.iter().filter_map(move |slice| slice.passes.get(place)))
        .any(PassSlice::has_thought)
}

/// One side: what was gone through, slice by slice.
fn side(reports: &[Report], places: &[usize], holds_thinking: bool) -> Result<ComparedSide, Refusal> {
    let histories: Vec<Vec<Slice>> = reports
        .iter()
        .zip(places)
        .map(|(report, &place)| {
            report.history.iter().filter_map(|slice| of_pass(slice, place, holds_thinking)).collect()
        })
        .collect();
    let runs = reports.iter().zip(&histories);
    let runs = portions(runs.map(|(report, history)| (report.run_id.as_str(), history.as_slice())))?;
    Ok(ComparedSide::of_runs(runs, Vec::new(), Distribution::new()))
}

/// A slice as if what was gone through were its requests. What ended after the window stays in slices of its own: iterations are long, and
/// together in one they would be a large part of the run that varies as one.
fn of_pass(slice: &Slice, place: usize, holds_thinking: bool) -> Option<Slice> {
    let pass = slice.passes.get(place)?;
    let phase = match slice.phase {
        Phase::Drain if pass.ok + pass.failed == 0 => return None,
        Phase::Drain => Phase::Measure,
        phase => phase,
    };
    let times = if holds_thinking { pass.duration_hdr() } else { &pass.iteration_hdr };
    Some(Slice {
        phase,
        ok: pass.ok,
        failed: pass.failed,
        response_hdr: times.to_owned(),
        passes: Vec::new(),
        scenarios: Vec::new(),
        ..*slice
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Comparison, Judgement, Options, compare, row::Row};
    use crate::fixtures::{report, slices};
    use crate::history::ScenarioSlice;
    use crate::random::Random;
    use crate::statistics::student::normal;

    const FLOWS: &str = "url = 'h'\n[run]\nduration = '3s'\n[load]\nrate = 500\n\
        [[step]]\nrun = 'login'\n[[step]]\nrun = 'work'\n[[flow.login]]\nget = '/l'\n[[flow.work]]\nget = '/w'\n[[flow.work]]\nget = '/x'\nthink = '1s'";

    /// How a slice of iterations was gone through that take some milliseconds, and the same with a second of thought.
    fn pass(random: &mut Random, count: usize, factor: f64, thinks: bool) -> PassSlice {
        let (mut waited, mut lasted) = (Distribution::new(), Distribution::new());
        for _ in 0..count {
            let ns = ((0.5 * normal(random)).exp() * factor * 1e6) as u64;
            waited.record(ns);
            lasted.record(ns + 1_000_000_000);
        }
        let duration_hdr = if thinks { lasted.encode() } else { String::new() };
        PassSlice { ok: count as u64, failed: 0, iteration_hdr: waited.encode(), duration_hdr }
    }

    /// A run whose logins take so many milliseconds, and its work one, with so many iterations in a slice.
    fn run(id: &str, seed: u64, count: usize, login: f64) -> Report {
        let (mut report, mut random) = (report(id, FLOWS, &slices(seed, 30, 50, 1.0)), Random::new(seed, 7));
        for slice in &mut report.history {
            let of = [(1.0 + login, true), (login, false), (1.0, true)];
            slice.passes = of.map(|(factor, thinks)| pass(&mut random, count, factor, thinks)).to_vec();
        }
        report
    }

    fn compared(base: Report, candidate: Report) -> Comparison {
        let allowed = crate::compare::refusal::Obstacle::ALL.into_iter().collect();
        compare(&[base], &[candidate], &Options { allowed, resamples: 300, ..Options::default() }).unwrap()
    }

    fn titles(found: &Comparison) -> Vec<String> {
        let of_passes = found.rows.iter().filter(|row| RowMetric::OF_PASSES.contains(&row.metric));
        of_passes.map(Row::title).collect()
    }

    fn row<'a>(found: &'a Comparison, title: &str) -> &'a Row {
        found.rows.iter().find(|row| row.title() == title).unwrap_or_else(|| panic!("{title}"))
    }

    #[test]
    fn a_named_flow_that_became_slower_is_told_by_its_name_and_the_others_are_not() {
        let found = compared(run("a", 1, 60, 1.0), run("b", 2, 60, 1.5));
        let three = |of: &str| ["p50", "p95", "p99"].map(|percentile| format!("{of} {percentile}"));
        let expected = ["iteration", "duration", "login/iteration", "work/iteration", "work/duration"];
        assert_eq!(titles(&found), expected.map(three).concat(), "login thinks nothing");
        let login = row(&found, "login/iteration p50");
        assert_eq!(
            (login.verdict, login.flow.as_deref(), login.scenario.as_deref()),
            (Judgement::Worse, Some("login"), None)
        );
        assert!(login.low < 0.5 && 0.5 < login.high && login.is_decisive, "{login:?}");
        assert!((login.base - 1e6).abs() < 1e5, "{login:?}");
        assert_ne!(row(&found, "work/iteration p50").verdict, Judgement::Worse);
        let duration = row(&found, "work/duration p50");
        assert!(!duration.is_decisive && duration.base > 1e9, "what users think is the plan's: {duration:?}");
        assert_eq!(found.verdict, Judgement::Worse);
        let held = found.regression(0.05);
        let regressed = held.rows.iter().find(|row| row.flow.as_deref() == Some("login")).unwrap();
        assert_eq!(regressed.status, crate::compare::RegressionStatus::Regressed);
        assert!(found.row(RowMetric::IterationP50).unwrap().flow.is_none());
        let json = serde_json::to_value(login).unwrap();
        assert_eq!((json["flow"].as_str(), json["metric"].as_str()), (Some("login"), Some("iteration_p50")));
        assert_eq!(&serde_json::from_value::<Row>(json).unwrap(), login);
    }

    #[test]
    fn percentiles_with_little_beyond_them_have_one_note_and_runs_without_a_history_of_iterations_another() {
        let found = compared(run("a", 1, 5, 1.0), run("b", 2, 5, 1.0));
        assert!(!titles(&found).iter().any(|title| title.ends_with("p95") || title.ends_with("p99")));
        let note = "login/iteration p95, login/iteration p99: fewer than 10";
        assert!(found.notes.iter().any(|told| told.starts_with(note)), "{:?}", found.notes);
        let mut earlier = run("old", 3, 60, 1.0);
        earlier.history.iter_mut().for_each(|slice| slice.passes.clear());
        let found = compared(run("a", 1, 60, 1.0), earlier);
        assert!(titles(&found).is_empty());
        assert!(found.notes.iter().any(|note| note.contains("the history of run old")), "{:?}", found.notes);
    }

    #[test]
    fn a_flow_that_ended_well_in_no_slice_of_a_run_or_in_few_is_not_judged_by_the_other_runs() {
        let few = |id: &str, seed: u64, slices: usize| {
            let (mut run, none) = (run(id, seed, 60, 1.0), pass(&mut Random::new(seed, 8), 0, 1.0, false));
            run.history.iter_mut().skip(slices).for_each(|slice| slice.passes[1] = none.clone());
            run
        };
        let compared = |slices: usize, allowed: &[Obstacle]| {
            let candidate = [run("c", 3, 60, 1.5), few("d", 4, slices)];
            let allowed: std::collections::BTreeSet<_> = allowed.iter().copied().collect();
            let options = Options { allowed, resamples: 300, ..Options::default() };
            drafts(&[run("a", 1, 60, 1.0), run("b", 2, 60, 1.0)], &candidate, &options).unwrap()
        };
        for (slices, allowed, note) in [
            (0, &[Obstacle::Slices][..], Some("`login` is not compared: in run d not one ended well")),
            (
                19,
                &[],
                Some("`login` is not compared: in run d they ended well in 19 of its slices, fewer than 20"),
            ),
            (19, &[Obstacle::Slices], None),
            (20, &[], None),
        ] {
            let (drafts, notes) = compared(slices, allowed);
            let of_login = drafts.iter().filter(|draft| draft.flow.as_deref() == Some("login")).count();
            assert_eq!(of_login > 0, note.is_none(), "{notes:?}");
            assert_eq!(notes.iter().find(|told| told.starts_with("`login`")).map(String::as_str), note);
            assert!(drafts.iter().any(|draft| draft.flow.as_deref() == Some("work")), "that one is");
        }
    }

    #[test]
    fn a_flow_or_iterations_that_one_side_alone_has_are_told() {
        let options = Options { resamples: 300, ..Options::default() };
        let (with, mut without) = (run("a", 1, 60, 1.0), run("b", 2, 60, 1.0));
        without.scenarios[0].flows.remove(1);
        for (base, candidate) in [(with.clone(), without.clone()), (without, with.clone())] {
            let notes = drafts(&[base], &[candidate], &options).unwrap().1;
            assert!(
                notes.iter().any(|note| note == "`work` is not in all runs, and is not compared"),
                "{notes:?}"
            );
        }
        let mut plain = run("p", 3, 60, 1.0);
        plain.scenarios[0].iterations = None;
        for (base, candidate) in [(with.clone(), plain.clone()), (plain.clone(), with)] {
            let (drafts, notes) = drafts(&[base], &[candidate], &options).unwrap();
            assert!(drafts.is_empty() && notes.iter().any(|note| note.contains("in run p")), "{notes:?}");
        }
        let (drafts, notes) = drafts(&[plain.clone()], &[plain], &options).unwrap();
        assert!(drafts.is_empty() && notes.is_empty(), "{notes:?}");
    }

    #[test]
    fn of_several_scenarios_each_has_rows_of_its_own_and_requests_that_are_iterations_have_none() {
        let two = "url = 'h'\n[run]\nduration = '3s'\n[scenario.read]\nload = { rate = 500 }\n[[scenario.read.request]]\n\
            get = '/'\ncheck = 'status == 200'\n[scenario.agents]\nload = { rate = 500 }\nflow = ['login']\n[[flow.login]]\n\
            get = '/l'\n[[flow.login]]\nget = '/m'";
        let of_two = |id: &str, seed: u64| {
            let (mut report, mut random) =
                (report(id, two, &slices(seed, 30, 50, 1.0)), Random::new(seed, 7));
            for slice in &mut report.history {
                let mut part = |passes: usize| ScenarioSlice {
                    ok: slice.ok,
                    failed: 0,
                    dropped: 0,
                    withheld: 0,
                    response_hdr: slice.response_hdr.clone(),
                    passes: (0..passes).map(|_| pass(&mut random, 60, 1.0, false)).collect(),
                };
                slice.scenarios = vec![part(1), part(2)];
            }
            report.scenarios.iter_mut().for_each(|scenario| scenario.requests.ok = 1_500);
            report
        };
        let found = compared(of_two("a", 1), of_two("b", 2));
        let three = |of: &str| ["p50", "p95", "p99"].map(|percentile| format!("{of} {percentile}"));
        assert_eq!(titles(&found), ["agents/iteration", "agents/login/iteration"].map(three).concat());
    }

    #[test]
    fn what_ended_after_the_window_stays_apart() {
        let mut late = run("a", 1, 60, 1.0);
        let drained = |slice: &Slice, ok| {
            let passes = slice.passes.iter().map(|pass| PassSlice { ok, ..pass.clone() }).collect();
            Slice { phase: Phase::Drain, passes, ..slice.clone() }
        };
        let last = late.history[29].clone();
        late.history.extend([drained(&last, 60), drained(&last, 0)]);
        let of_login = side(&[late], &[1], false).unwrap();
        assert_eq!(of_login.sample.portions().len(), 31);
    }
}
