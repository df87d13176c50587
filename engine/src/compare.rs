//! Two sides compared, with confidence: is the candidate better, the same, or worse, or can nobody say?
//!
//! Every row has an estimate of the difference and an interval, and a verdict that follows from both:
//!
//! - `worse` or `better`: the interval excludes no difference, and the estimate is at least the minimum of interest;
//! - `same`: the whole interval lies within the minimum of interest;
//! - `unclear`: anything else. Unclear is not the same.
//!
//! Eight rows have eight chances to be wrong. The intervals shown are therefore wider than a single row's would be: of a
//! comparison of confidence c with m rows that can go wrong, each interval leaves (1 − c) / m out on either side, and never
//! more than a single row's (1 − c) / 2 (Bonferroni, by direction). So each interval has at least confidence c; and the
//! probability that any row is `worse` although no metric is, is at most 1 − c for all rows together. The overall verdict
//! follows from the rows as they are shown, so the two cannot contradict each other.
//!
//! One run on each side tells how a statistic varies within a run, not how runs vary from one to the next; then the probability
//! above is that of runs that do not differ, and [`Comparison::holds_spread_of_runs`] is false.
//! With several runs the interval is the wider of what the slices say and what the runs say.

mod metric;
mod obstacle;
mod options;
mod passes;
pub mod refusal;
mod regression;
pub mod row;

pub use metric::{Judgement, RowMetric};
pub use options::{Minimums, Options};
pub use regression::{Regression, RegressionRow, RegressionStatus};

use crate::distribution::{Distribution, UnreadableHistogram};
use crate::load::Load;
use crate::redact;
use crate::report::Report;
use crate::verdict::Status;
use obstacle::{Objection, Refusal};
use refusal::objections;
use row::{ComparedSide, Draft, Row};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Version of the keys of a [`Comparison`].
pub const SCHEMA: u32 = 1;

/// The result of a comparison: stable, documented JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// [`SCHEMA`].
    pub schema: u32,
    /// `worse` when a decisive row is; otherwise `better` when one is; otherwise `unclear` when one is; otherwise `same`.
    pub verdict: Judgement,
    /// The probability that no decisive row is called worse by mistake.
    pub confidence: f64,
    /// The confidence of each single interval, which is at least as high.
    pub row_confidence: f64,
    /// Whether the intervals hold how runs differ from one to the next: with two runs a side or more. Otherwise both
    /// confidences are those of these very runs, and nothing is known of others.
    pub holds_spread_of_runs: bool,
    /// What is compared with.
    pub base: SideSummary,
    /// What is compared.
    pub candidate: SideSummary,
    /// The metrics that both sides have.
    pub rows: Vec<Row>,
    /// What a reader has to know, obstacles that were allowed included.
    pub notes: Vec<String>,
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SideSummary {
    /// Its runs.
    pub run_ids: Vec<String>,
    /// Names of the runs' plans, without repetition.
    pub names: Vec<String>,
    /// When each run began.
    #[serde(default)]
    pub started_at: Vec<String>,
    /// Where the runs' requests went, without secrets and without repetition.
    #[serde(default)]
    pub targets: Vec<String>,
    /// Slices of all runs' windows.
    pub slices: usize,
    /// Requests that ended with success.
    pub ok: u64,
    /// Response times of all runs' successes: HdrHistogram V2, compressed, base64.
    pub response_hdr: String,
}

impl SideSummary {
    /// The response times of all runs' successes. Errors when the histogram was not written by this program.
    pub fn response(&self) -> Result<Distribution, UnreadableHistogram> {
        Distribution::decode(&self.response_hdr)
    }
}

/// Compares runs of a candidate with runs of a base. Panics without a run on either side, and on a confidence that is none.
pub fn compare(base: &[Report], candidate: &[Report], options: &Options) -> Result<Comparison, Refusal> {
    assert!(!base.is_empty() && !candidate.is_empty(), "a comparison has two sides");
    assert!((0.5..1.0).contains(&options.confidence), "a confidence is a share below 1");
    let (allowed, refused): (Vec<Objection>, Vec<Objection>) =
        objections(base, candidate, options).into_iter().partition(|objection| options.allows(objection));
    if !refused.is_empty() {
        return Err(Refusal { objections: refused });
    }
    let (base_side, candidate_side) = (ComparedSide::new(base)?, ComparedSide::new(candidate)?);
    let mut notes: Vec<String> = allowed.into_iter().map(|objection| objection.text).collect();
    let (mut drafts, omitted) = row::drafts(&base_side, &candidate_side, options);
    notes.extend(omitted);
    if base[0].plan.scenarios.len() == 1 {
        let (of_passes, omitted) = passes::drafts(base, candidate, options)?;
        drafts.extend(of_passes);
        notes.extend(omitted);
    } else {
        for scenario in &base[0].plan.scenarios {
            let (of_scenario, omitted) = scenario_drafts(&scenario.name, base, candidate, options)?;
            drafts.extend(of_scenario);
            notes.extend(omitted);
        }
    }
    notes.extend(general_notes(base, candidate, &drafts));
    let (rows, row_confidence) = finished(drafts, options);
    Ok(Comparison {
        schema: SCHEMA,
        verdict: overall(&rows),
        confidence: options.confidence,
        row_confidence,
        holds_spread_of_runs: base.len() > 1 && candidate.len() > 1,
        base: summary(base, &base_side),
        candidate: summary(candidate, &candidate_side),
        rows,
        notes,
    })
}

/// The rows of one scenario, where both sides have it, and in words what was left out. The generator's CPU time is not told apart by
/// scenario.
fn scenario_drafts(
    name: &str,
    base: &[Report],
    candidate: &[Report],
    options: &Options,
) -> Result<(Vec<Draft>, Vec<String>), Refusal> {
    let of_side = |reports: &[Report]| -> Option<Vec<Report>> {
        reports.iter().map(|report| report.of_scenario(name)).collect()
    };
    let (Some(base), Some(candidate)) = (of_side(base), of_side(candidate)) else {
        return Ok((
            Vec::new(),
            vec![format!("`{name}` is not in all runs, and is not compared on its own")],
        ));
    };
    if base.iter().chain(&candidate).any(|report| report.requests.ok == 0) {
        let note =
            format!("`{name}` is not compared on its own: in one of the runs none of its requests succeeded");
        return Ok((Vec::new(), vec![note]));
    }
    let few = |report: &Report| report.measured_slices() < refusal::SLICES_MIN;
    if base.iter().chain(&candidate).any(few) {
        let note = format!(
            "`{name}` is not compared on its own: its part of one of the runs has fewer than {} slices",
            refusal::SLICES_MIN
        );
        return Ok((Vec::new(), vec![note]));
    }
    let (mut drafts, mut omitted) =
        row::drafts(&ComparedSide::new(&base)?, &ComparedSide::new(&candidate)?, options);
    drafts.retain(|draft| draft.metric != RowMetric::CpuPerRequest);
    let (of_passes, of_passes_omitted) = passes::drafts(&base, &candidate, options)?;
    drafts.extend(of_passes);
    omitted.extend(of_passes_omitted);
    drafts.iter_mut().for_each(|draft| draft.scenario = Some(name.to_owned()));
    Ok((drafts, omitted.into_iter().map(|note| format!("{name}/{note}")).collect()))
}

/// Rows with intervals wide enough for all of them together, and the confidence of each.
fn finished(drafts: Vec<Draft>, options: &Options) -> (Vec<Row>, f64) {
    let fallible = drafts.iter().filter(|draft| draft.is_decisive && draft.is_fallible()).count();
    let left_out = (1.0 - options.confidence) * (2.0 / fallible.max(2) as f64);
    let row_confidence = 1.0 - left_out;
    (drafts.into_iter().map(|draft| draft.finish(row_confidence)).collect(), row_confidence)
}

fn overall(rows: &[Row]) -> Judgement {
    let has = |verdict| rows.iter().any(|row| row.is_decisive && row.verdict == verdict);
    let order = [Judgement::Worse, Judgement::Better, Judgement::Unclear];
    order.into_iter().find(|verdict| has(*verdict)).unwrap_or(Judgement::Same)
}

fn summary(reports: &[Report], side: &ComparedSide) -> SideSummary {
    let names: BTreeSet<String> = reports.iter().map(|report| redact::text(&report.plan.name)).collect();
    let urls = |report: &Report| {
        let written = redact::written(&report.plan);
        written.targets.iter().map(|target| redact::text(&target.url.to_string())).collect::<Vec<_>>()
    };
    let targets: BTreeSet<String> = reports.iter().flat_map(urls).collect();
    SideSummary {
        started_at: reports.iter().map(|report| report.started_at.clone()).collect(),
        targets: targets.into_iter().collect(),
        run_ids: reports.iter().map(|report| report.run_id.clone()).collect(),
        names: names.into_iter().collect(),
        slices: side.sample.portions().len(),
        ok: side.sample.sum(|portion| portion.ok),
        response_hdr: side.response.encode(),
    }
}

/// Fewer stretches than this that vary on their own make an interval that rests on few witnesses.
const DEGREES_FEW: f64 = 7.0;

fn general_notes(base: &[Report], candidate: &[Report], drafts: &[Draft]) -> Vec<String> {
    let mut notes: Vec<String> = base.iter().chain(candidate).filter_map(disturbance).collect();
    if base.len() == 1 || candidate.len() == 1 {
        notes.push(
            "one run on a side: how runs differ from one to the next is not in the intervals; make several of each, in turns"
                .to_owned(),
        );
    }
    if !base[0].plan.scenarios.iter().all(|scenario| is_constant(&scenario.load)) {
        notes.push(
            "the offered rate is not constant: what changes with it is taken for noise, and intervals are wide"
                .to_owned(),
        );
    }
    let forgetful = drafts.iter().filter(|draft| draft.degrees() < DEGREES_FEW && draft.is_fallible());
    let titles: Vec<String> = forgetful.map(Draft::title).collect();
    if !titles.is_empty() {
        notes.push(format!(
            "{}: the runs vary so slowly that they are worth fewer than eight independent stretches; run longer",
            titles.join(", ")
        ));
    }
    notes
}

/// What a DEGRADED run has to be read with.
fn disturbance(report: &Report) -> Option<String> {
    let rules = report.verdict.reasons.iter().map(|reason| reason.rule.as_str());
    let rules = rules.collect::<Vec<_>>().join(", ");
    let is_degraded = report.verdict.status == Status::Degraded;
    is_degraded.then(|| {
        format!("run {} is DEGRADED ({rules}): what its machine did is in its numbers", report.run_id)
    })
}

/// True for a load that asks for the same from start to end.
pub(crate) fn is_constant(load: &Load) -> bool {
    load.is_closed() || load.constant_rate().is_some()
}

impl Comparison {
    /// Holds every row against the share of the base by which it may be worse. The intervals are those of the comparison, so
    /// the probability that anything is called a regression by mistake is at most 1 − its confidence.
    pub fn regression(&self, limit: f64) -> Regression {
        let rows: Vec<RegressionRow> = self.rows.iter().map(|row| row.against(limit)).collect();
        let has = |status| rows.iter().any(|row| row.is_decisive && row.status == status);
        let order = [RegressionStatus::Regressed, RegressionStatus::Unclear];
        let status = order.into_iter().find(|status| has(*status)).unwrap_or(RegressionStatus::Passed);
        Regression { status, limit, rows }
    }

    /// The row of a metric of the whole run, if both sides have it.
    pub fn row(&self, metric: RowMetric) -> Option<&Row> {
        self.rows.iter().find(|row| row.metric == metric && row.scenario.is_none() && row.flow.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::refusal::Obstacle;
    use super::*;
    use crate::fixtures::{CLOSED, OPEN, report, slices};
    use crate::random::Random;
    use crate::report::RateBlock;
    use crate::statistics::sample::Portion;
    use crate::statistics::student::normal;

    fn quick() -> Options {
        Options { resamples: 400, ..Options::default() }
    }

    #[test]
    fn a_slower_candidate_is_worse_and_the_same_one_is_not() {
        let base = report("a", OPEN, &slices(1, 30, 200, 1.0));
        let (again, slower) =
            (report("b", OPEN, &slices(2, 30, 200, 1.0)), report("c", OPEN, &slices(3, 30, 200, 1.3)));
        let options = Options { allowed: BTreeSet::from([Obstacle::Invalid]), ..quick() };
        let same = compare(std::slice::from_ref(&base), &[again], &options).unwrap();
        assert!(same.verdict != Judgement::Worse && same.verdict != Judgement::Better, "{same:?}");
        let worse = compare(std::slice::from_ref(&base), &[slower], &options).unwrap();
        assert_eq!(worse.verdict, Judgement::Worse);
        let p50 = worse.row(RowMetric::ResponseP50).unwrap();
        assert!(p50.low < 0.3 && 0.3 < p50.high && p50.basis == row::Basis::WithinRuns, "{p50:?}");
        assert!(worse.notes.iter().any(|note| note.contains("one run on a side")));
        assert!(worse.notes.iter().any(|note| note.starts_with("response p99.9: ")), "6 lie beyond it");
        assert_eq!(worse.regression(0.05).status, RegressionStatus::Regressed);
        assert_eq!(worse.regression(0.60).status, RegressionStatus::Passed);
        let (reach, seen) = (p50.difference - p50.low, p50.detectable.unwrap());
        assert!((seen - reach).abs() < 1e-12 && (0.01..0.1).contains(&seen), "{p50:?}");
        let held = worse.regression(0.05).rows[1].detectable.unwrap();
        assert!((held - 0.05 - reach).abs() < 1e-12, "{held}");
        assert!(!worse.holds_spread_of_runs, "one run a side");
        assert_eq!(worse.candidate.response().unwrap().count(), 6_000);
    }

    #[test]
    fn a_run_against_itself_differs_by_nothing() {
        let one = report("a", CLOSED, &slices(4, 30, 100, 1.0));
        let found = compare(std::slice::from_ref(&one), std::slice::from_ref(&one), &quick()).unwrap();
        assert!(found.rows.iter().all(|row| row.difference == 0.0 && row.low <= 0.0 && row.high >= 0.0));
        assert!(found.rows.iter().all(|row| row.verdict != Judgement::Worse));
    }

    #[test]
    fn runs_without_any_spread_are_the_same_or_not_without_doubt() {
        let still = |id: &str, ns: u64| report(id, CLOSED, &vec![(vec![ns; 50], 0); 30]);
        let (base, again, slower) = (still("a", 1_000_000), still("b", 1_000_000), still("c", 1_100_000));
        let same = compare(std::slice::from_ref(&base), &[again], &quick()).unwrap();
        let p50 = same.row(RowMetric::ResponseP50).unwrap();
        assert_eq!((p50.verdict, p50.low, p50.high), (Judgement::Same, 0.0, 0.0));
        let worse = compare(&[base], &[slower], &quick()).unwrap();
        assert_eq!(worse.row(RowMetric::ResponseP50).unwrap().verdict, Judgement::Worse);
    }

    #[test]
    fn failures_count_even_where_response_times_do_not_change() {
        let with = |failed| -> Vec<(Vec<u64>, u64)> {
            slices(5, 30, 100, 1.0).into_iter().map(|(responses, _)| (responses, failed)).collect()
        };
        let (none, some) = (report("a", CLOSED, &with(0)), report("b", CLOSED, &with(5)));
        let found = compare(std::slice::from_ref(&none), &[some], &quick()).unwrap();
        let row = found.row(RowMetric::Failed).unwrap();
        assert_eq!((row.verdict, found.verdict), (Judgement::Worse, Judgement::Worse));
        assert!((row.difference - 5.0 / 105.0).abs() < 1e-9);
        let neither = compare(std::slice::from_ref(&none), &[report("c", CLOSED, &with(0))], &quick());
        let row = neither.unwrap().row(RowMetric::Failed).unwrap().clone();
        // Ten in a thousand could fail unseen: 3000 requests do not show that a thousandth does not.
        assert_eq!((row.difference, row.verdict), (0.0, Judgement::Unclear));
        assert!(row.high > 0.001 && row.high < 0.003, "{row:?}");
    }

    #[test]
    fn a_rate_that_both_carried_is_the_same_by_construction() {
        let base = report("a", OPEN, &slices(1, 10, 100, 1.0));
        let options = Options { allowed: BTreeSet::from([Obstacle::Slices]), ..quick() };
        let found = compare(std::slice::from_ref(&base), std::slice::from_ref(&base), &options).unwrap();
        let row = found.row(RowMetric::Rate).unwrap();
        assert_eq!((row.basis, row.verdict), (row::Basis::ByConstruction, Judgement::Same));
        assert!(found.notes.iter().any(|note| note.contains("too few")), "what was allowed is told");
    }

    #[test]
    fn runs_that_scatter_widen_the_interval() {
        let side = |name: &str, factors: [f64; 3]| -> Vec<Report> {
            let one = |(index, factor): (usize, &f64)| {
                let id = format!("{name}{index}");
                report(&id, CLOSED, &slices(id.len() as u64 + index as u64, 20, 100, *factor))
            };
            factors.iter().enumerate().map(one).collect()
        };
        let (base, candidate) = (side("a", [1.0, 1.2, 0.8]), side("bb", [1.1, 1.32, 0.88]));
        let found = compare(&base, &candidate, &quick()).unwrap();
        let p50 = found.row(RowMetric::ResponseP50).unwrap();
        assert_eq!((p50.basis, p50.verdict), (row::Basis::BetweenRuns, Judgement::Unclear));
        assert!(
            found.holds_spread_of_runs && p50.detectable.unwrap() > 0.3,
            "three runs see little: {p50:?}"
        );
        let in_turns = compare(&base, &candidate, &Options { is_paired: true, ..quick() }).unwrap();
        let paired = in_turns.row(RowMetric::ResponseP50).unwrap();
        assert!(paired.high - paired.low < 0.5 * (p50.high - p50.low), "pairs share what scatters");
        let refused = compare(&base[..2], &candidate, &Options { is_paired: true, ..quick() });
        assert_eq!(refused.unwrap_err().objections[0].obstacle, Obstacle::Pairs);
    }

    #[test]
    fn a_comparison_survives_json_and_has_the_documented_keys() {
        let one = report("a", CLOSED, &slices(4, 20, 60, 1.0));
        let found = compare(std::slice::from_ref(&one), std::slice::from_ref(&one), &quick()).unwrap();
        let value = serde_json::to_value(&found).unwrap();
        for key in "schema verdict confidence row_confidence holds_spread_of_runs base candidate rows notes"
            .split_whitespace()
        {
            assert!(value.get(key).is_some(), "{key}");
        }
        for key in "metric base candidate difference low high minimum detectable verdict basis is_decisive"
            .split_whitespace()
        {
            assert!(value["rows"][0].get(key).is_some(), "{key}");
        }
        assert_eq!(value["rows"][0]["metric"], "response_mean");
        assert_eq!(serde_json::from_value::<Comparison>(value).unwrap(), found);
    }

    /// How the logarithms of a made-up side's times come about.
    #[derive(Clone, Copy, Debug)]
    enum Law {
        /// Normal with σ = 0.5, around a level that varies from slice to slice by `level` and remembers `memory` of itself.
        Lognormal { level: f64, memory: f64 },
        /// Pareto's: P(X > x) = x⁻ᵅ.
        Pareto(f64),
        /// Normal with σ = 0.5, and ten times as long in slices that stall, with this chance each.
        Stalls(f64),
    }

    const CALM: Law = Law::Lognormal { level: 0.0, memory: 0.0 };
    const REMEMBERING: Law = Law::Lognormal { level: 0.05, memory: 0.8 };

    /// A side of 100 slices with so many requests each; `bend` changes each request's logarithm.
    fn side(random: &mut Random, law: Law, requests: u64, bend: fn(f64) -> f64) -> ComparedSide {
        let mut state = normal(random);
        let slice = |_| {
            let mut counts = vec![0_u64; 12_000];
            if let Law::Lognormal { memory, .. } = law {
                state = memory * state + (1.0 - memory * memory).sqrt() * normal(random);
            }
            let stall = match law {
                Law::Stalls(chance) if random.unit() <= chance => 10_f64.ln(),
                _ => 0.0,
            };
            (0..requests).for_each(|_| {
                let log = match law {
                    Law::Lognormal { level, .. } => level * state + bend(0.5 * normal(random)),
                    Law::Pareto(index) => bend(random.exponential() / index),
                    Law::Stalls(_) => stall + bend(0.5 * normal(random)),
                };
                counts[((1_000.0 * (3.0 + log)) as usize).min(11_999)] += 1;
            });
            let value = |index: usize| (7.0 + index as f64 / 1_000.0).exp() as u64;
            let seen = counts.into_iter().enumerate().filter(|(_, count)| *count > 0);
            let responses: Vec<(u64, u64)> = seen.map(|(index, count)| (value(index), count)).collect();
            let sum_ns = responses.iter().map(|(value, count)| (value * count) as f64).sum();
            Portion { responses, sum_ns, ok: requests, length_ns: 100_000_000, ..Portion::default() }
        };
        let run = (0..100).map(slice).collect();
        let rate =
            RateBlock { asked: Some(5_000.0), target: Some(5_000.0), achieved: 5_000.0, ratio: Some(1.0) };
        ComparedSide::of_runs(vec![run], vec![rate], Distribution::new())
    }

    /// Nothing below the 95th percentile, and 5 % above.
    fn slower_tail(log: f64) -> f64 {
        if log > 0.5 * 1.645 { log + 1.05_f64.ln() } else { log }
    }

    /// In how many of so many comparisons the whole, p99 and p99.9 are `worse`, and in how many p99.9 is judged at all.
    #[derive(Debug, Default)]
    struct Worse {
        whole: u64,
        p99: u64,
        p999: u64,
        p999_judged: u64,
    }

    fn worse(seeds: std::ops::Range<u64>, law: Law, requests: u64, bend: fn(f64) -> f64) -> Worse {
        let mut worse = Worse::default();
        for seed in seeds {
            let mut random = Random::new(seed, 5);
            let base = side(&mut random, law, requests, |log| log);
            let candidate = side(&mut random, law, requests, bend);
            let options = Options { resamples: 300, seed, ..Options::default() };
            let (rows, _) = finished(row::drafts(&base, &candidate, &options).0, &options);
            let is_worse = |metric: RowMetric| {
                rows.iter().any(|row| row.metric == metric && row.verdict == Judgement::Worse)
            };
            worse.whole += u64::from(overall(&rows) == Judgement::Worse);
            worse.p99 += u64::from(is_worse(RowMetric::ResponseP99));
            worse.p999 += u64::from(is_worse(RowMetric::ResponseP999));
            worse.p999_judged += u64::from(rows.iter().any(|row| row.metric == RowMetric::ResponseP999));
        }
        worse
    }

    #[test]
    fn five_percent_at_p99_are_found_and_nothing_is_not() {
        let found = worse(0..REPEATS, CALM, 500, slower_tail).p99;
        println!("5 % above p95 only: p99 worse in {found} of {REPEATS}");
        assert!(found * 10 >= REPEATS * 9, "{found} of {REPEATS}");
        for (law, requests) in
            [(CALM, 500), (REMEMBERING, 500), (Law::Pareto(1.5), 100), (Law::Stalls(0.02), 100)]
        {
            let alarms = worse(0..REPEATS, law, requests, |log| log).whole;
            println!("identical, {law:?}: worse in {alarms} of {REPEATS}");
            assert!(alarms * 20 <= REPEATS, "{law:?}: {alarms} of {REPEATS}");
        }
    }

    /// With 1000 repeats: found 91.2 %, and false alarms 2.2, 4.5, 3.3 and 3.7 %.
    const REPEATS: u64 = 20;

    /// The figures that are documented. In a release build: they take minutes.
    #[test]
    #[ignore = "the false alarms that are documented: cargo test --release -p vajra-engine --lib false_alarms -- --ignored --nocapture"]
    fn false_alarms_of_a_thousand_comparisons() {
        const ALL: u64 = 1_000;
        for requests in [100, 200, 300, 500] {
            let varying = Law::Lognormal { level: 0.3, memory: 0.8 };
            for law in [
                CALM,
                REMEMBERING,
                varying,
                Law::Pareto(1.5),
                Law::Stalls(0.005),
                Law::Stalls(0.02),
                Law::Stalls(0.05),
            ] {
                let halves = [0..ALL / 2, ALL / 2..ALL];
                let found = std::thread::scope(|scope| {
                    let handles =
                        halves.map(|seeds| scope.spawn(move || worse(seeds, law, requests, |log| log)));
                    handles.map(|handle| handle.join().unwrap())
                });
                let sum = |part: fn(&Worse) -> u64| found.iter().map(part).sum::<u64>();
                let (whole, p999, judged) =
                    (sum(|worse| worse.whole), sum(|worse| worse.p999), sum(|worse| worse.p999_judged));
                println!(
                    "{requests} requests a slice, {law:?}: worse in {whole} of {ALL}; p99.9 worse in {p999}, judged in {judged}"
                );
                assert!(whole * 20 <= ALL, "{whole} of {ALL}");
            }
        }
    }
}
