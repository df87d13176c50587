//! Conditions on a result, in the small language k6 made familiar: `response p(99)<50ms`, `failed rate<0.1%`.

mod asked;
mod scope;
mod terms;

use crate::config;
use crate::distribution::Distribution;
use crate::quantity::{Rate, Unreadable, parse_duration_ns, show_ns};
use crate::record::{AttemptRecord, CheckCounts, IterationRecord, Series};
use crate::trust::sent_share;
pub use asked::AskedCounts;
pub use scope::Scope;
use scope::{scope_length, split_outside};
use serde::{Deserialize, Serialize};
use std::fmt;
pub use terms::{ConditionTerms, exact};

/// The metrics a threshold may be about.
pub const METRICS: [&str; 9] =
    ["response", "service", "slip", "failed", "rate", "iteration", "duration", "attempts", "checks"];

/// One condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// What it is about.
    pub metric: Metric,
    /// Of which part of the run.
    #[serde(default, skip_serializing_if = "Scope::is_all")]
    pub scope: Scope,
    /// Which figure of it.
    pub statistic: Aggregation,
    /// How the figure has to stand to the limit.
    pub comparison: Relation,
    /// The limit, in the figure's own unit: nanoseconds, a share of 1, a count, or arrivals per second.
    pub limit: f64,
    /// As typed, for showing: it can be read again.
    pub text: String,
    /// How it is held.
    #[serde(default, flatten)]
    pub terms: ConditionTerms,
}

/// What a threshold is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Done − intended, of successes.
    Response,
    /// Done − sent, of successes.
    Service,
    /// Sent − intended, of successes.
    Slip,
    /// Requests that did not succeed, those included that were dropped or never sent.
    Failed,
    /// What was sent against what was asked.
    Rate,
    /// How long users waited in an iteration of a flow, without the time spent thinking; of those that ended well.
    Iteration,
    /// How long an iteration lasted, with the time spent thinking; likewise.
    Duration,
    /// Attempts at requests, where something is done about failures.
    Attempts,
    /// Checks of responses.
    Checks,
}

/// Which figure of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// This share (0 to 1) of all are at most the figure.
    Quantile(f64),
    /// Arithmetic mean.
    Mean,
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// How many.
    Count,
    /// A share of 1 (`failed`, and of `checks` those that held), or a number per second (`rate`).
    Rate,
    /// Achieved over target (`rate`), or made per request that was tried (`attempts`).
    Ratio,
}

/// How a figure has to stand to its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
}

/// The figures thresholds are judged on, all of the measured window.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Response times of successes.
    pub response: &'a Distribution,
    /// Service times of successes.
    pub service: &'a Distribution,
    /// Slips of successes.
    pub slip: &'a Distribution,
    /// How much was asked, and how much of it failed.
    pub asked: AskedCounts,
    /// Sent per second.
    pub achieved_rps: f64,
    /// Achieved over target; 1 for a closed load.
    pub ratio: f64,
    /// How long iterations took, where requests follow each other.
    pub iterations: Option<IterationTimes<'a>>,
    /// The attempts at requests, where something is done about failures.
    pub attempts: Option<AttemptCounts>,
    /// How checks went, where a condition is on them.
    pub checks: Option<CheckCounts>,
}

/// How many attempts there were at how many requests.
#[derive(Clone, Copy, Debug)]
pub struct AttemptCounts {
    /// Attempts that were made.
    pub made: u64,
    /// Requests that were tried and have ended. In a part of a run, further attempts end whose requests began before it, and requests
    /// begin that go on after it: a ratio is of requests that have come to their end alone.
    pub requests: u64,
    /// All attempts at these.
    pub made_for_these: u64,
}

impl AttemptCounts {
    fn of_record(record: &AttemptRecord) -> AttemptCounts {
        AttemptCounts {
            made: record.made,
            requests: record.requests_ended,
            made_for_these: record.made_for_ended,
        }
    }

    /// Made per request. There has to be one.
    fn ratio(self) -> f64 {
        self.made_for_these as f64 / self.requests.max(1) as f64
    }

    /// How many there are of what a figure is of.
    fn count_of(self, statistic: Aggregation) -> u64 {
        if statistic == Aggregation::Ratio { self.requests } else { self.made }
    }
}

/// How long iterations took that ended well.
#[derive(Clone, Copy, Debug)]
pub struct IterationTimes<'a> {
    /// Without the time spent thinking.
    pub iteration: &'a Distribution,
    /// With it.
    pub duration: &'a Distribution,
}

impl<'a> IterationTimes<'a> {
    pub(crate) fn of_record(record: &'a IterationRecord) -> IterationTimes<'a> {
        IterationTimes { iteration: &record.waited, duration: &record.lasted }
    }
}

/// Why a text is no condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongCondition {
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub fix: String,
    /// The expression as it would be right, if that is clear.
    pub instead: Option<String>,
}

impl WrongCondition {
    fn new(problem: impl Into<String>, fix: impl Into<String>) -> WrongCondition {
        WrongCondition { problem: problem.into(), fix: fix.into(), instead: None }
    }
}

impl fmt::Display for WrongCondition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.instead {
            Some(instead) => write!(formatter, "{}; write `{instead}`", self.problem),
            None => write!(formatter, "{}; {}", self.problem, self.fix),
        }
    }
}

impl std::error::Error for WrongCondition {}

impl<'a> Facts<'a> {
    /// What is known of some requests alone: a step has no schedule, and its drops are not known.
    pub(crate) fn of_series(series: &'a Series) -> Facts<'a> {
        let total = series.ok + series.failed();
        Facts {
            response: &series.response,
            service: &series.service,
            slip: &series.slip,
            asked: AskedCounts { failed: series.failed(), total, arrivals: total, ..AskedCounts::default() },
            achieved_rps: 0.0,
            ratio: 1.0,
            iterations: None,
            attempts: series.attempts.as_deref().map(AttemptCounts::of_record),
            checks: None,
        }
    }
}

impl Threshold {
    /// Reads `METRIC EXPRESSION`, such as `response p(99)<50ms`, `failed<1%`, `rate{scenario=read}>=9990`; behind it, how it is held:
    /// `failed<1%; over=10s; abort; after=30s`.
    pub fn parse(text: &str) -> Result<Threshold, WrongCondition> {
        let text = text.trim();
        let word = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
        let end = word + scope_length(&text[word..]);
        let (metric, expression) = text.split_at(end);
        let expression = expression.trim_start_matches(|c: char| c == ':' || c.is_whitespace());
        // As in a plan, `failed=rate<1%`; but `failed==0` compares.
        let assigned = expression.strip_prefix('=').map(str::trim_start);
        let is_figure = |rest: &&str| rest.starts_with(|c: char| c.is_ascii_alphabetic());
        Threshold::parse_parts(metric, assigned.filter(is_figure).unwrap_or(expression))
    }

    /// Reads several conditions with commas between them, such as `p(99)<50ms, failed<0.1%`. One that names no metric is
    /// about response times.
    pub fn parse_list(text: &str) -> Result<Vec<Threshold>, WrongCondition> {
        let parts = split_outside(text, ',').into_iter().map(str::trim).filter(|part| !part.is_empty());
        let parse = |part: &str| {
            let word = part.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or("");
            let is_figure = matches!(word, "p" | "avg" | "mean" | "med" | "min" | "max");
            if is_figure { Threshold::parse_parts("response", part) } else { Threshold::parse(part) }
        };
        let thresholds: Vec<Threshold> = parts.map(parse).collect::<Result<_, WrongCondition>>()?;
        match thresholds.is_empty() {
            true => Err(WrongCondition::new("no condition", "an example is `p(99)<50ms, failed<0.1%`")),
            false => Ok(thresholds),
        }
    }

    /// Reads a metric, with the scope behind it if there is one, and an expression that stand apart, as in a plan's
    /// `[thresholds]`.
    pub fn parse_parts(metric: &str, expression: &str) -> Result<Threshold, WrongCondition> {
        let (word, scope) = metric.split_at(metric.find('{').unwrap_or(metric.len()));
        let (metric, scope) = (Metric::parse(word.trim())?, Scope::parse(scope).map_err(wrong_scope)?);
        let (expression, terms) = expression.split_once(';').unwrap_or((expression, ""));
        let parts: Vec<&str> = terms.split(';').collect();
        let terms =
            ConditionTerms::parse(&parts).map_err(|(problem, fix)| WrongCondition::new(problem, fix))?;
        let expression = expression.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = format!("{}{scope} {expression}{terms}", metric.name());
        if let Some(part) = scope.part().filter(|_| metric == Metric::Rate) {
            let problem = format!("`{text}`: a {part} has no rate of its own");
            return Err(WrongCondition::new(problem, "ask for its scenario's"));
        }
        if metric.is_of_iterations() && scope.step.is_some() {
            let problem = format!("`{text}`: an iteration is of all steps");
            return Err(WrongCondition::new(problem, "write `response{step=NAME}` for one step alone"));
        }
        if let Some(part) = scope.part().filter(|_| metric == Metric::Attempts) {
            let problem = format!("`{text}`: attempts are told of a scenario as a whole");
            return Err(WrongCondition::new(problem, format!("leave `{part}` out of the scope")));
        }
        let at = expression.find(['<', '>', '=']).ok_or_else(|| {
            let fix = format!("write a figure, one of < <= > >= ==, and a limit: `{}`", metric.example());
            WrongCondition::new(format!("`{text}` compares nothing"), fix)
        })?;
        let (figure, rest) = expression.split_at(at);
        let operator_end = rest.find(|c: char| !matches!(c, '<' | '>' | '=')).unwrap_or(rest.len());
        let (operator, limit) = rest.split_at(operator_end);
        let statistic = metric.statistic(figure.trim())?;
        let comparison = Relation::parse(operator)?;
        let limit = metric.limit(statistic, limit.trim()).map_err(|(problem, instead)| WrongCondition {
            instead: instead.map(|limit| format!("{}{operator}{limit}{terms}", figure.trim())),
            ..WrongCondition::new(problem, format!("an example is `{}`", metric.example()))
        })?;
        let threshold = Threshold { metric, scope, statistic, comparison, limit, text, terms };
        threshold.undecided().map_or(Ok(threshold.clone()), |(problem, fix)| {
            Err(WrongCondition::new(format!("`{}`: {problem}", threshold.text), fix))
        })
    }

    /// Why it cannot be judged while the run goes on, where its terms ask for that, and what to do.
    fn undecided(&self) -> Option<(String, &'static str)> {
        if !self.terms.are_watched() {
            return None;
        }
        if self.metric == Metric::Rate && self.statistic == Aggregation::Ratio {
            let problem = "the ratio is of the whole run, so there is nothing to judge before its end";
            return Some((
                problem.to_owned(),
                "put it on `rate`, such as `rate>=9990`, or leave `over` and `abort` out",
            ));
        }
        let grows = self.statistic == Aggregation::Count;
        let may_come = !matches!(self.comparison, Relation::Below | Relation::AtMost);
        (self.terms.over_ns.is_none() && grows && may_come).then(|| {
            let problem = "the count goes on growing, so there is nothing to abort on before the end";
            (problem.to_owned(), "add `over=10s`, which counts in each window, or leave `abort` out")
        })
    }

    /// The same condition on one scenario alone, if it names none itself.
    pub(crate) fn within(mut self, scenario: &str) -> Threshold {
        if self.scope.scenario.is_none() {
            let bare = format!("{}{}", self.metric.name(), self.scope);
            self.scope.scenario = Some(scenario.to_owned());
            self.text = format!("{}{}{}", self.metric.name(), self.scope, &self.text[bare.len()..]);
        }
        self
    }

    /// What it is about, as it is typed: a metric, and the scope behind it.
    pub fn subject(&self) -> String {
        format!("{}{}", self.metric.name(), self.scope)
    }

    /// True when it is about how a schedule was kept, which a load without one keeps by not having it.
    pub fn needs_schedule(&self) -> bool {
        self.metric == Metric::Slip || (self.metric == Metric::Rate && self.statistic == Aggregation::Ratio)
    }

    /// The figure of a result, in the unit of the limit. Nothing where there was nothing to measure it on: no request succeeded,
    /// or there was none.
    pub fn measure(&self, facts: &Facts) -> Option<f64> {
        let is_empty = match self.metric {
            Metric::Response | Metric::Service | Metric::Slip => facts.response.count() == 0,
            Metric::Failed => facts.asked.total == 0,
            Metric::Rate => false,
            Metric::Iteration | Metric::Duration => {
                facts.iterations.is_none_or(|times| times.iteration.count() == 0)
            }
            Metric::Attempts => facts.attempts.is_none_or(|attempts| attempts.count_of(self.statistic) == 0),
            Metric::Checks => facts.checks.is_none_or(|checks| checks.ran() == 0),
        };
        (!is_empty).then(|| self.figure(facts))
    }

    fn figure(&self, facts: &Facts) -> f64 {
        match self.metric {
            Metric::Response => of_distribution(facts.response, self.statistic),
            Metric::Service => of_distribution(facts.service, self.statistic),
            Metric::Slip => of_distribution(facts.slip, self.statistic),
            Metric::Failed if self.statistic == Aggregation::Count => facts.asked.failed as f64,
            Metric::Failed => facts.asked.failed as f64 / facts.asked.total.max(1) as f64,
            Metric::Rate if self.statistic == Aggregation::Ratio => facts.ratio,
            Metric::Rate => facts.achieved_rps,
            Metric::Iteration | Metric::Duration => {
                let of = |times: IterationTimes| match self.metric {
                    Metric::Duration => of_distribution(times.duration, self.statistic),
                    _ => of_distribution(times.iteration, self.statistic),
                };
                facts.iterations.map_or(0.0, of)
            }
            Metric::Attempts if self.statistic == Aggregation::Count => {
                facts.attempts.map_or(0.0, |attempts| attempts.made as f64)
            }
            Metric::Attempts => facts.attempts.map_or(0.0, AttemptCounts::ratio),
            Metric::Checks => facts.checks.map_or(0.0, CheckCounts::rate),
        }
    }

    /// Why the figure cannot be believed, whatever was measured: arrivals that were never sent would have waited longer than any
    /// that was, so percentiles above their share are not known, and no mean or maximum is. A check that never ran has not held.
    pub fn doubt(&self, facts: &Facts) -> Option<String> {
        if self.metric == Metric::Checks {
            let never_ran = facts.checks.map_or(0, |checks| checks.never_ran);
            return (never_ran > 0).then(|| format!("and {never_ran} of the checks never ran"));
        }
        let is_time = matches!(self.metric, Metric::Response | Metric::Slip);
        let needed = match self.statistic {
            Aggregation::Quantile(quantile) => quantile,
            Aggregation::Mean | Aggregation::Max => 1.0,
            Aggregation::Min | Aggregation::Count | Aggregation::Rate | Aggregation::Ratio => 0.0,
        };
        let AskedCounts { arrivals, arrivals_unsent, .. } = facts.asked;
        let is_doubtful = is_time && needed > sent_share(arrivals_unsent, arrivals);
        is_doubtful
            .then(|| format!("not to be trusted: {arrivals_unsent} of {arrivals} arrivals were never sent"))
    }

    /// Whether the condition is met. A figure that was not measured, or cannot be believed, meets none.
    pub fn is_met(&self, measured: Option<f64>, facts: &Facts) -> bool {
        measured.is_some_and(|figure| self.holds(figure)) && self.doubt(facts).is_none()
    }

    /// Whether a figure stands to the limit as it has to.
    pub fn holds(&self, figure: f64) -> bool {
        self.comparison.holds(figure, self.limit)
    }

    /// A figure for people, in the unit that suits it.
    pub fn show(&self, figure: f64) -> String {
        match (self.metric, self.statistic) {
            (_, Aggregation::Count) => format!("{figure:.0}"),
            (Metric::Failed | Metric::Checks, _) => format!("{:.4} %", figure * 100.0),
            (Metric::Rate, Aggregation::Ratio) => format!("{figure:.6}"),
            (Metric::Rate, _) => format!("{figure:.1}/s"),
            (Metric::Attempts, _) => format!("{figure:.4}"),
            _ => show_ns(figure as u64),
        }
    }
}

fn of_distribution(distribution: &Distribution, statistic: Aggregation) -> f64 {
    match statistic {
        Aggregation::Quantile(quantile) => distribution.quantile_ns(quantile) as f64,
        Aggregation::Mean => distribution.mean_ns(),
        Aggregation::Min => distribution.min_ns() as f64,
        Aggregation::Max => distribution.max_ns() as f64,
        Aggregation::Count | Aggregation::Rate | Aggregation::Ratio => distribution.count() as f64,
    }
}

impl Metric {
    fn parse(word: &str) -> Result<Metric, WrongCondition> {
        Ok(match word {
            "response" => Metric::Response,
            "service" => Metric::Service,
            "slip" => Metric::Slip,
            "failed" => Metric::Failed,
            "rate" => Metric::Rate,
            "iteration" => Metric::Iteration,
            "duration" => Metric::Duration,
            "attempts" => Metric::Attempts,
            "checks" => Metric::Checks,
            _ => {
                let fix = match meant_metric(word) {
                    Some(guess) => format!("did you mean `{guess}`?"),
                    None => format!("there are {}", METRICS.join(", ")),
                };
                return Err(WrongCondition::new(format!("`{word}` is not a metric"), fix));
            }
        })
    }

    fn example(self) -> &'static str {
        match self {
            Metric::Response => "response p(99)<50ms",
            Metric::Service => "service p(50)<5ms",
            Metric::Slip => "slip p(99)<1ms",
            Metric::Failed => "failed rate<0.1%",
            Metric::Rate => "rate ratio>0.999",
            Metric::Iteration => "iteration p(95)<2s",
            Metric::Duration => "duration p(95)<10s",
            Metric::Attempts => "attempts ratio<1.15",
            Metric::Checks => "checks rate>99%",
        }
    }

    fn statistic(self, word: &str) -> Result<Aggregation, WrongCondition> {
        let unknown = || {
            let problem = format!("`{word}` is not a figure of `{}`", self.name());
            WrongCondition::new(problem, format!("an example is `{}`", self.example()))
        };
        if self.is_of_numbers() {
            return match (self, word) {
                (Metric::Attempts, "" | "ratio") => Ok(Aggregation::Ratio),
                (Metric::Failed | Metric::Rate | Metric::Checks, "" | "rate") => Ok(Aggregation::Rate),
                (Metric::Failed | Metric::Attempts, "count") => Ok(Aggregation::Count),
                (Metric::Rate, "ratio") => Ok(Aggregation::Ratio),
                _ => Err(unknown()),
            };
        }
        if let Some(percent) = percentile(word) {
            return match percent.trim().parse::<f64>() {
                Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Aggregation::Quantile(percent / 100.0)),
                _ => {
                    let problem = format!("`{word}` is not a percentile");
                    Err(WrongCondition::new(problem, "one is between 0 and 100, such as `p(99.9)`"))
                }
            };
        }
        match word {
            "avg" | "mean" => Ok(Aggregation::Mean),
            "min" => Ok(Aggregation::Min),
            "max" => Ok(Aggregation::Max),
            "med" => Ok(Aggregation::Quantile(0.5)),
            "count" => Ok(Aggregation::Count),
            _ => Err(unknown()),
        }
    }

    /// The limit; otherwise what is wrong with it, and how it would be right.
    fn limit(self, statistic: Aggregation, text: &str) -> Result<f64, (String, Option<String>)> {
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let is_duration = !self.is_of_numbers() && statistic != Aggregation::Count;
        if is_duration {
            // Programs that take bare numbers for times count milliseconds.
            let instead = |cause: Unreadable| number(text).map(|_| format!("{text}ms")).or(cause.instead);
            let read = parse_duration_ns(text).map(|ns| ns as f64);
            return read.map_err(|cause| (cause.problem.clone(), instead(cause)));
        }
        let read = match text.strip_suffix('%') {
            Some(percent)
                if matches!(self, Metric::Failed | Metric::Checks) && statistic == Aggregation::Rate =>
            {
                number(percent).map(|percent| percent / 100.0)
            }
            Some(_) => None,
            None => number(text),
        };
        read.ok_or_else(|| {
            let problem = format!("`{text}` is not a limit for `{}`", self.name());
            let share = text.strip_suffix('%').and_then(number).map(|percent| (percent / 100.0).to_string());
            let rate = || Rate::parse(text).ok().map(|rate| rate.rps().to_string());
            (
                problem,
                share
                    .filter(|_| statistic == Aggregation::Ratio)
                    .or_else(|| rate().filter(|_| self == Metric::Rate)),
            )
        })
    }

    /// Whether its figures are no times.
    fn is_of_numbers(self) -> bool {
        matches!(self, Metric::Failed | Metric::Rate | Metric::Attempts | Metric::Checks)
    }

    /// Whether it is about what several requests are together.
    pub fn is_of_iterations(self) -> bool {
        matches!(self, Metric::Iteration | Metric::Duration)
    }

    /// The word it is typed as.
    pub fn name(self) -> &'static str {
        METRICS[self as usize]
    }
}

/// What stands between the `p` and the end of a percentile, with or without brackets.
fn percentile(word: &str) -> Option<&str> {
    let bare = word.strip_prefix('p').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    word.strip_prefix("p(").and_then(|rest| rest.strip_suffix(')')).or(bare)
}

/// The metric that a word was probably meant to be.
pub(crate) fn meant_metric(word: &str) -> Option<&'static str> {
    config::metric(word).or_else(|| config::closest(word, &METRICS))
}

/// Whether a word is a figure of times, which needs its metric before it.
pub(crate) fn is_figure_of_times(word: &str) -> bool {
    percentile(word).is_some() || matches!(word, "avg" | "mean" | "med" | "min" | "max")
}

fn wrong_scope(problem: String) -> WrongCondition {
    WrongCondition::new(problem, "a scope looks like `response{scenario=read,step=find}`")
}

impl Relation {
    fn parse(operator: &str) -> Result<Relation, WrongCondition> {
        Ok(match operator {
            "<" => Relation::Below,
            "<=" => Relation::AtMost,
            ">" => Relation::Above,
            ">=" => Relation::AtLeast,
            "==" => Relation::Equal,
            other => {
                let problem = format!("`{other}` is not a comparison");
                return Err(WrongCondition::new(problem, "there are < <= > >= =="));
            }
        })
    }

    fn holds(self, measured: f64, limit: f64) -> bool {
        match self {
            Relation::Below => measured < limit,
            Relation::AtMost => measured <= limit,
            Relation::Above => measured > limit,
            Relation::AtLeast => measured >= limit,
            Relation::Equal => measured == limit,
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str, response_ns: &[u64], failed: u64, total: u64) -> bool {
        let mut response = Distribution::new();
        response_ns.iter().for_each(|&ns| response.record(ns));
        let (service, slip) = (Distribution::new(), Distribution::new());
        let facts = Facts {
            response: &response,
            service: &service,
            slip: &slip,
            asked: AskedCounts { failed, total, arrivals: total, ..AskedCounts::default() },
            achieved_rps: 999.0,
            ratio: 0.999,
            iterations: None,
            attempts: None,
            checks: None,
        };
        let threshold = Threshold::parse(text).unwrap();
        threshold.is_met(threshold.measure(&facts), &facts)
    }

    #[test]
    fn the_language_is_k6s_with_units() {
        let millis: Vec<u64> = (1..=100).map(|ms| ms * 1_000_000).collect();
        assert!(judged("response p(50)<51ms", &millis, 0, 100));
        assert!(!judged("response p(99)<50ms", &millis, 0, 100));
        assert!(judged("response p50<51ms", &millis, 0, 100));
        assert!(judged("response max>=100ms", &millis, 0, 100));
        assert!(judged("response avg <= 50.5ms", &millis, 0, 100));
        assert!(judged("response: count==100", &millis, 0, 100));
        assert!(judged("failed<1%", &[], 0, 100));
        assert!(!judged("failed rate<1%", &[], 1, 100));
        assert!(judged("failed count<=1", &[], 1, 100));
        assert!(judged("rate>=999", &[], 0, 1));
        assert!(judged("rate ratio>0.99", &[], 0, 1));
    }

    #[test]
    fn iterations_have_times_of_their_own() {
        let (mut iteration, mut duration) = (Distribution::new(), Distribution::new());
        (1..=100).for_each(|ms| iteration.record(ms * 1_000_000));
        (1..=100).for_each(|ms| duration.record(ms * 10_000_000));
        let series = Series::default();
        let times = IterationTimes { iteration: &iteration, duration: &duration };
        let facts = Facts { iterations: Some(times), ..Facts::of_series(&series) };
        let is_met = |text: &str, facts: &Facts| {
            let threshold = Threshold::parse(text).unwrap();
            threshold.is_met(threshold.measure(facts), facts)
        };
        assert!(is_met("iteration p(95)<96ms", &facts) && !is_met("iteration p(95)<95ms", &facts));
        assert!(is_met("duration max>=1s", &facts) && is_met("iteration count==100", &facts));
        assert!(!is_met("iteration p(95)<1h", &Facts::of_series(&series)), "nothing iterates");
        let wrong = Threshold::parse("iteration{step=login} p(95)<2s").unwrap_err().to_string();
        assert!(wrong.contains("response{step=NAME}"), "{wrong}");
    }

    #[test]
    fn attempts_are_counted_and_set_against_the_requests_they_were_made_for() {
        let record = AttemptRecord {
            made: 23,
            further: 3,
            requests_ended: 20,
            made_for_ended: 23,
            ..AttemptRecord::default()
        };
        let series = Series { attempts: Some(Box::new(record)), ..Series::default() };
        let untried = Series { attempts: Some(Box::default()), ..Series::default() };
        let read = |text: &str| Threshold::parse(text).unwrap();
        let is_met = |text: &str, series: &Series| {
            let facts = Facts::of_series(series);
            read(text).is_met(read(text).measure(&facts), &facts)
        };
        assert!(is_met("attempts ratio<=1.15", &series) && !is_met("attempts ratio<1.15", &series));
        assert!(is_met("attempts=ratio<1.16", &series) && is_met("attempts<1.16", &series));
        assert!(is_met("attempts count==23", &series) && !is_met("attempts count<23", &series));
        for nothing in [Series::default(), untried] {
            assert!(!is_met("attempts ratio<100", &nothing), "nothing was tried");
        }
        assert_eq!(read("attempts ratio<2").show(1.15), "1.1500");
        assert_eq!(read("attempts count<9").show(8.0), "8");
        for (text, reason) in [
            ("attempts ratio<115%", "write `ratio<1.15`"),
            ("attempts p(99)<5ms", "not a figure of `attempts`"),
            ("attempts{step=login} ratio<2", "leave `step` out"),
        ] {
            let wrong = Threshold::parse(text).unwrap_err().to_string();
            assert!(wrong.contains(reason), "{text}: {wrong}");
        }
    }

    #[test]
    fn a_threshold_on_nothing_is_not_met() {
        assert!(!judged("response p(99)<10s", &[], 5, 5));
        assert!(!judged("failed<1%", &[], 0, 0));
    }

    #[test]
    fn a_percentile_that_unsent_arrivals_reach_into_is_not_met() {
        let (mut response, empty) = (Distribution::new(), Distribution::new());
        (0..993).for_each(|_| response.record(1_000_000));
        let facts = Facts {
            response: &response,
            service: &response,
            slip: &empty,
            asked: AskedCounts { failed: 7, total: 1_000, unsent: 7, arrivals: 1_000, arrivals_unsent: 7 },
            achieved_rps: 99.3,
            ratio: 0.993,
            iterations: None,
            attempts: None,
            checks: None,
        };
        let is_met = |text: &str| {
            let threshold = Threshold::parse(text).unwrap();
            threshold.is_met(threshold.measure(&facts), &facts)
        };
        assert!(is_met("response p(99)<2ms") && is_met("response min<2ms") && is_met("service max<2ms"));
        assert!(
            !is_met("response p(99.5)<2ms") && !is_met("response max<2ms") && !is_met("response avg<2ms")
        );
        assert!(!is_met("failed<0.5%") && is_met("failed<1%"));
        let doubt = Threshold::parse("response p(99.5)<2ms").unwrap().doubt(&facts).unwrap();
        assert!(doubt.contains("7 of 1000 arrivals were never sent"), "{doubt}");
    }

    #[test]
    fn a_list_is_about_response_times_unless_it_says_otherwise() {
        let texts = |list: &str| -> Result<Vec<String>, String> {
            let read = Threshold::parse_list(list).map_err(|wrong| wrong.to_string())?;
            Ok(read.into_iter().map(|threshold| threshold.text).collect())
        };
        let expected = ["response p(99)<50ms", "failed <0.1%", "service max<1s"].map(String::from);
        assert_eq!(texts("p(99)<50ms, failed<0.1%,service max<1s"), Ok(expected.to_vec()));
        assert!(texts("p(99)<50ms, latency<5ms").unwrap_err().contains("`latency` is not a metric"));
        assert!(texts(" , ").unwrap_err().contains("an example"));
    }

    #[test]
    fn terms_stand_behind_a_condition_and_are_shown_with_it() {
        for typed in [
            "failed rate<1%; over=10s; abort; after=30s",
            "failed=rate<1%;abort;after=30s;over=10s",
            "failed: rate<1% ;  over = 10s ; abort ; after = 0.5m",
        ] {
            let read = Threshold::parse(typed).unwrap();
            assert_eq!(read.text, "failed rate<1%; over=10s; abort; after=30s", "{typed}");
            assert_eq!(Threshold::parse(&read.text).unwrap(), read);
            let json = serde_json::to_value(&read).unwrap();
            assert_eq!((&json["over_ns"], &json["abort"]), (&10_000_000_000_u64.into(), &true.into()));
            assert_eq!(serde_json::from_value::<Threshold>(json).unwrap(), read);
        }
        let plain = serde_json::to_value(Threshold::parse("failed==0").unwrap()).unwrap();
        assert!(plain.get("abort").is_none() && plain.get("over_ns").is_none());
        let within = Threshold::parse("failed <1%; abort").unwrap().within("read");
        assert_eq!(within.text, "failed{scenario=read} <1%; abort");
    }

    #[test]
    fn what_is_known_at_the_end_alone_aborts_nothing() {
        for (typed, reason) in [
            ("response count>=100; abort", "goes on growing"),
            ("failed count==0; abort", "goes on growing"),
            ("rate ratio>0.9; abort", "the ratio is of the whole run"),
            ("rate ratio>0.9; over=5s", "the ratio is of the whole run"),
        ] {
            let error = Threshold::parse(typed).unwrap_err().to_string();
            assert!(error.contains(reason), "{typed}: {error}");
        }
        for typed in ["failed count<10; abort", "response count>=100; over=5s; abort", "rate>=100; abort"] {
            assert!(Threshold::parse(typed).is_ok(), "{typed}");
        }
    }

    #[test]
    fn mistakes_name_the_word_and_what_would_do() {
        for (text, reason) in [
            ("respons p(99)<5ms", "did you mean `response`"),
            ("latency p(99)<5ms", "did you mean `response`"),
            ("response p(99)<5", "no unit"),
            ("response p(101)<5ms", "between 0 and 100"),
            ("response p999<5ms", "between 0 and 100"),
            ("response q99<5ms", "not a figure"),
            ("response p(99)", "compares nothing"),
            ("response p(99)=<5ms", "not a comparison"),
            ("failed p(99)<5ms", "not a figure"),
            ("failed rate<x", "not a limit"),
            ("failed rate<1%; ovr=5s", "nothing that a condition has"),
            ("response p(99)<5; abort", "write `p(99)<5ms; abort`"),
        ] {
            let error = Threshold::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
