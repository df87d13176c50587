//! The highest rate that a target sustains: which rate to try next, and what the answers add up to.
//!
//! Pure: whoever drives it runs the probes and says how they went. The rate is doubled for as long as probes pass; then the gap
//! between the highest that passed and the lowest that did not is halved, as a ratio, until it is within the tolerance. Both ends
//! are then probed once more, for longer, because one probe can be lucky or unlucky; what does not hold is taken back, and the
//! search goes on from there. A probe that tells nothing is repeated, longer each time, and counts as failed in the end. One that
//! was the generator's limit bounds the search from above like a failure, and the answer says so.
//!
//! Nothing is remembered but the probes: bounds follow from them, a later probe of the same rate overruling an earlier one.

pub mod judge;

use serde::{Deserialize, Serialize};

/// How often a probe that tells nothing is repeated, each time twice as long.
pub const REPEATS_MAX: u32 = 3;
/// How much longer than an ordinary probe one is that has to confirm an end.
pub const CONFIRMING: f64 = 2.0;
/// The finest tolerance: rates are rounded to five digits.
pub const TOLERANCE_MIN: f64 = 0.001;

/// What a search is to find and how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The first rate, per second.
    pub start_rps: f64,
    /// The lowest rate worth trying.
    pub floor_rps: f64,
    /// The highest rate to try.
    pub ceiling_rps: f64,
    /// The gap, as a share, to which the answer is narrowed down.
    pub tolerance: f64,
    /// The most probes, repetitions included.
    pub probes_max: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { start_rps: 100.0, floor_rps: 1.0, ceiling_rps: 1e7, tolerance: 0.02, probes_max: 60 }
    }
}

impl Settings {
    /// What is wrong with them, in words, if anything is.
    pub fn mistake(&self) -> Option<String> {
        let Settings { start_rps, floor_rps, ceiling_rps, tolerance, probes_max } = *self;
        if !(floor_rps > 0.0 && ceiling_rps.is_finite()) {
            return Some(format!(
                "the rates from {floor_rps}/s to {ceiling_rps}/s cannot be searched; begin above 0"
            ));
        }
        if !(floor_rps <= start_rps && start_rps <= ceiling_rps) {
            return Some(format!(
                "a start of {start_rps}/s is not between the floor, {floor_rps}/s, and the ceiling, {ceiling_rps}/s"
            ));
        }
        if !(TOLERANCE_MIN..=0.5).contains(&tolerance) {
            return Some(format!("a tolerance of {tolerance} is not between {TOLERANCE_MIN} and 0.5"));
        }
        (probes_max == 0).then(|| "no probes are allowed; allow some 20".to_owned())
    }
}

/// How a probe went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome", content = "why")]
pub enum Outcome {
    /// The target carried the rate and met every objective.
    Pass,
    /// It did not; why, for people.
    Fail(String),
    /// The probe does not tell; why.
    Unclear(String),
    /// The generator could not carry the rate, whatever the target can; why.
    GeneratorLimit(String),
}

/// A probe to be made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe {
    /// The rate, per second.
    pub rate_rps: f64,
    /// How much longer than an ordinary probe.
    pub length_factor: f64,
}

/// A probe that was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probed {
    /// The rate, per second.
    pub rate_rps: f64,
    /// How much longer than an ordinary probe.
    pub length_factor: f64,
    /// How it went.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What bounds the answer from above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitedBy {
    /// The target: above, it misses an objective.
    Slo,
    /// This machine: above, nobody can say from here.
    Generator,
    /// The highest rate that was to be tried.
    Ceiling,
    /// The number of probes that were allowed.
    Probes,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The highest rate that passed; `null` when none did.
    pub rate_rps: Option<f64>,
    /// The lowest rate that did not; `null` when all did.
    pub failed_rps: Option<f64>,
    /// What bounds the answer.
    pub limited_by: LimitedBy,
    /// Whether the answer was confirmed by a longer probe.
    pub is_confirmed: bool,
    /// Why the lowest rate that did not pass did not.
    pub why: Option<String>,
    /// Every probe, in the order they were made.
    pub probes: Vec<Probed>,
    /// What a reader has to know.
    pub notes: Vec<String>,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Make this probe and say how it went.
    Probe(Probe),
    /// The search is over.
    Done(Answer),
}

/// A search under way.
#[derive(Clone, Debug)]
pub struct Search {
    settings: Settings,
    probes: Vec<Probed>,
}

/// The last word on one rate.
#[derive(Clone, Copy, Debug)]
struct Word<'a> {
    rate_rps: f64,
    length_factor: f64,
    outcome: &'a Outcome,
}

impl Search {
    /// A search that has made no probe yet. Panics on settings with a [`Settings::mistake`].
    pub fn new(settings: Settings) -> Search {
        assert_eq!(settings.mistake(), None, "settings were looked at before");
        Search { settings, probes: Vec::new() }
    }

    /// What is to be done now. The same until an outcome is handled.
    pub fn next(&self) -> Step {
        match self.next_probe() {
            Some(probe) if self.probes.len() < self.settings.probes_max => Step::Probe(probe),
            Some(_) => Step::Done(self.answer(true)),
            None => Step::Done(self.answer(false)),
        }
    }

    /// Takes how the probe that [`Search::next`] asked for went. Panics when it asked for none.
    pub fn handle(&mut self, outcome: Outcome) {
        let Step::Probe(Probe { rate_rps, length_factor }) = self.next() else {
            panic!("a search that is over takes no outcome");
        };
        self.probes.push(Probed { rate_rps, length_factor, outcome });
    }

    fn next_probe(&self) -> Option<Probe> {
        if let Some(again) = self.repetition() {
            return Some(again);
        }
        let Settings { start_rps, floor_rps, ceiling_rps, tolerance, .. } = self.settings;
        let first = |rate_rps: f64| Some(Probe { rate_rps, length_factor: 1.0 });
        match (self.passed(), self.bound()) {
            (None, None) => first(start_rps),
            (None, Some(bound)) if bound.rate_rps <= floor_rps => self.confirmation(&[bound]),
            (None, Some(bound)) => first(rounded(bound.rate_rps / 2.0).max(floor_rps)),
            (Some(passed), None) if passed.rate_rps >= ceiling_rps => self.confirmation(&[passed]),
            (Some(passed), None) => first(rounded(passed.rate_rps * 2.0).min(ceiling_rps)),
            (Some(passed), Some(bound)) if bound.rate_rps / passed.rate_rps <= 1.0 + tolerance => {
                self.confirmation(&[passed, bound])
            }
            (Some(passed), Some(bound)) => first(rounded((passed.rate_rps * bound.rate_rps).sqrt())),
        }
    }

    /// The last probe once more and longer, when it told nothing and has not been repeated often enough.
    fn repetition(&self) -> Option<Probe> {
        let last = self.probes.last().filter(|probe| matches!(probe.outcome, Outcome::Unclear(_)))?;
        let is_same =
            |probe: &&Probed| probe.rate_rps == last.rate_rps && matches!(probe.outcome, Outcome::Unclear(_));
        let repeats = self.probes.iter().rev().take_while(is_same).count() as u32 - 1;
        (repeats < REPEATS_MAX)
            .then_some(Probe { rate_rps: last.rate_rps, length_factor: last.length_factor * 2.0 })
    }

    /// A longer probe of the first of these rates that has had none.
    fn confirmation(&self, ends: &[Word]) -> Option<Probe> {
        let end = ends.iter().find(|end| end.length_factor < CONFIRMING)?;
        Some(Probe { rate_rps: end.rate_rps, length_factor: CONFIRMING })
    }

    /// The last word on every rate that was tried.
    fn words(&self) -> impl Iterator<Item = Word<'_>> {
        let last = |index: usize, rate_rps: f64| {
            self.probes[index + 1..].iter().all(|later| later.rate_rps != rate_rps)
        };
        let words = self.probes.iter().enumerate().filter(move |(index, probe)| last(*index, probe.rate_rps));
        words.map(|(_, Probed { rate_rps, length_factor, outcome })| Word {
            rate_rps: *rate_rps,
            length_factor: *length_factor,
            outcome,
        })
    }

    /// The lowest rate that did not pass.
    fn bound(&self) -> Option<Word<'_>> {
        let refused = self.words().filter(|word| *word.outcome != Outcome::Pass);
        refused.min_by(|a, b| a.rate_rps.total_cmp(&b.rate_rps))
    }

    /// The highest rate that passed, below all that did not.
    fn passed(&self) -> Option<Word<'_>> {
        let bound_rps = self.bound().map_or(f64::INFINITY, |bound| bound.rate_rps);
        let passed = self.words().filter(|word| *word.outcome == Outcome::Pass && word.rate_rps < bound_rps);
        passed.max_by(|a, b| a.rate_rps.total_cmp(&b.rate_rps))
    }

    fn answer(&self, is_cut_short: bool) -> Answer {
        let (passed, bound) = (self.passed(), self.bound());
        let limited_by = match bound.map(|bound| bound.outcome) {
            _ if is_cut_short => LimitedBy::Probes,
            None => LimitedBy::Ceiling,
            Some(Outcome::GeneratorLimit(_)) => LimitedBy::Generator,
            Some(_) => LimitedBy::Slo,
        };
        let why = bound.and_then(|bound| match bound.outcome {
            Outcome::Pass => None,
            Outcome::Fail(why) | Outcome::Unclear(why) | Outcome::GeneratorLimit(why) => Some(why.clone()),
        });
        Answer {
            rate_rps: passed.map(|passed| passed.rate_rps),
            failed_rps: bound.map(|bound| bound.rate_rps),
            limited_by,
            is_confirmed: passed.is_some_and(|passed| passed.length_factor >= CONFIRMING),
            why,
            probes: self.probes.clone(),
            notes: self.notes(is_cut_short),
        }
    }

    fn notes(&self, is_cut_short: bool) -> Vec<String> {
        let mut notes = Vec::new();
        if is_cut_short {
            notes.push(format!(
                "the search ended after {} probes, before the gap was within {}%",
                self.probes.len(),
                self.settings.tolerance * 100.0
            ));
        }
        let unclear = self.words().filter(|word| matches!(word.outcome, Outcome::Unclear(_)));
        for word in unclear {
            notes.push(format!(
                "{}/s stayed unclear in probes up to {} times as long, and counts as failed",
                word.rate_rps, word.length_factor
            ));
        }
        let overruled = |probe: &&Probed| {
            let last = self.words().find(|word| word.rate_rps == probe.rate_rps);
            let is_pass = probe.outcome == Outcome::Pass;
            last.is_some_and(|word| (*word.outcome == Outcome::Pass) != is_pass)
                && !matches!(probe.outcome, Outcome::Unclear(_))
        };
        for probe in self.probes.iter().filter(overruled) {
            let (first, then) = match probe.outcome {
                Outcome::Pass => ("passed", "did not when probed for longer"),
                _ => ("did not pass", "did when probed for longer"),
            };
            notes.push(format!("{}/s {first} at first and {then}", probe.rate_rps));
        }
        notes
    }
}

/// A rate in five digits, so that what is shown is what was run.
fn rounded(rate_rps: f64) -> f64 {
    let digits = 4 - rate_rps.log10().floor() as i32;
    let scale = 10_f64.powi(digits.abs());
    if digits >= 0 { (rate_rps * scale).round() / scale } else { (rate_rps / scale).round() * scale }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Runs a search to its end against an oracle.
    fn searched(settings: Settings, mut oracle: impl FnMut(Probe) -> Outcome) -> Answer {
        let mut search = Search::new(settings);
        for _ in 0..=settings.probes_max {
            match search.next() {
                Step::Probe(probe) => search.handle(oracle(probe)),
                Step::Done(answer) => return answer,
            }
        }
        panic!("the search goes on after {} probes", settings.probes_max);
    }

    fn fail() -> Outcome {
        Outcome::Fail("too slow".into())
    }

    fn exact(capacity_rps: f64) -> impl Fn(Probe) -> Outcome {
        move |probe| if probe.rate_rps <= capacity_rps { Outcome::Pass } else { fail() }
    }

    #[test]
    fn an_exact_capacity_is_found_within_the_tolerance() {
        let mut most = 0;
        for magnitude in 0..60 {
            let capacity_rps = 1.7 * 10_f64.powf(f64::from(magnitude) / 10.0);
            for tolerance in [0.005, 0.02, 0.1] {
                let answer = searched(Settings { tolerance, ..Settings::default() }, exact(capacity_rps));
                let (low, high) = (answer.rate_rps.unwrap(), answer.failed_rps.unwrap());
                assert!(low <= capacity_rps && capacity_rps < high, "{capacity_rps}: {low} {high}");
                assert!(high / low <= 1.0 + tolerance && answer.is_confirmed, "{capacity_rps}");
                assert_eq!((answer.limited_by, answer.why.as_deref()), (LimitedBy::Slo, Some("too slow")));
                most = most.max(answer.probes.len());
            }
        }
        println!("at most {most} probes");
        assert!(most <= 30, "{most}");
    }

    #[test]
    fn a_start_far_above_walks_down_and_one_far_below_climbs() {
        for start_rps in [1.0, 50.0, 1e6] {
            let answer = searched(Settings { start_rps, ..Settings::default() }, exact(437.0));
            assert!((answer.rate_rps.unwrap() / 437.0 - 1.0).abs() < 0.02, "{start_rps}");
        }
    }

    #[test]
    fn noise_around_the_capacity_costs_little() {
        let (mut worst, mut most) = (0.0_f64, 0);
        for seed in 0..500 {
            let mut random = Random::new(seed, 0);
            let capacity_rps = 10_f64.powf(1.0 + 4.0 * random.unit());
            // Of rates 4 % from the capacity, one in fifty goes the wrong way; longer probes are surer.
            let answer = searched(Settings::default(), |probe| {
                let distance = (probe.rate_rps / capacity_rps).ln() / 0.01 * probe.length_factor.sqrt();
                if random.unit() < 1.0 / (1.0 + distance.exp()) { Outcome::Pass } else { fail() }
            });
            worst = worst.max((answer.rate_rps.unwrap() / capacity_rps).ln().abs());
            most = most.max(answer.probes.len());
        }
        println!("at most {worst:.3} off, at most {most} probes");
        assert!(worst < 0.06 && most <= 45, "{worst} {most}");
    }

    #[test]
    fn one_unlucky_probe_does_not_bound_the_answer() {
        let mut is_unlucky = true;
        let answer = searched(Settings::default(), |probe| match probe.rate_rps {
            rate if rate > 300.0 && std::mem::take(&mut is_unlucky) => fail(),
            rate if rate <= 5_000.0 => Outcome::Pass,
            _ => fail(),
        });
        assert!((answer.rate_rps.unwrap() / 5_000.0 - 1.0).abs() < 0.03, "{answer:?}");
        assert!(answer.notes.iter().any(|note| note.contains("did when probed for longer")), "{answer:?}");
    }

    #[test]
    fn a_best_rate_that_does_not_hold_for_longer_is_taken_back() {
        let answer = searched(Settings::default(), |probe| {
            let capacity_rps = if probe.length_factor > 1.0 { 800.0 } else { 1_000.0 };
            exact(capacity_rps)(probe)
        });
        let rate_rps = answer.rate_rps.unwrap();
        assert!(rate_rps <= 800.0 && rate_rps > 780.0 && answer.is_confirmed, "{answer:?}");
        assert!(answer.notes.iter().any(|note| note.contains("passed at first")), "{answer:?}");
    }

    #[test]
    fn a_generator_limit_below_the_capacity_is_said_and_one_above_is_not() {
        let limited = |limit_rps: f64, capacity_rps: f64| {
            searched(Settings::default(), move |probe| match probe.rate_rps {
                rate if rate > limit_rps => Outcome::GeneratorLimit("shards are busy".into()),
                rate if rate > capacity_rps => fail(),
                _ => Outcome::Pass,
            })
        };
        let below = limited(3_000.0, 10_000.0);
        assert_eq!((below.limited_by, below.why.as_deref()), (LimitedBy::Generator, Some("shards are busy")));
        assert!((below.rate_rps.unwrap() / 3_000.0 - 1.0).abs() < 0.02);
        let above = limited(10_000.0, 9_000.0);
        assert_eq!(above.limited_by, LimitedBy::Slo);
        assert!((above.rate_rps.unwrap() / 9_000.0 - 1.0).abs() < 0.02);
    }

    #[test]
    fn a_target_that_always_fails_has_no_answer_but_a_reason() {
        let answer = searched(Settings::default(), |_| fail());
        assert_eq!((answer.rate_rps, answer.failed_rps), (None, Some(1.0)));
        assert_eq!((answer.limited_by, answer.why.as_deref()), (LimitedBy::Slo, Some("too slow")));
        assert!(answer.probes.len() <= 10 && !answer.is_confirmed, "{}", answer.probes.len());
        let answer = searched(Settings::default(), |_| Outcome::GeneratorLimit("no ports".into()));
        assert_eq!((answer.rate_rps, answer.limited_by), (None, LimitedBy::Generator));
    }

    #[test]
    fn a_target_that_always_passes_is_bounded_by_the_ceiling() {
        let answer = searched(Settings { ceiling_rps: 5_000.0, ..Settings::default() }, |_| Outcome::Pass);
        assert_eq!((answer.rate_rps, answer.failed_rps), (Some(5_000.0), None));
        assert_eq!((answer.limited_by, answer.is_confirmed), (LimitedBy::Ceiling, true));
    }

    #[test]
    fn unclear_probes_are_repeated_longer_and_count_as_failed_in_the_end() {
        let mut lengths = Vec::new();
        let answer = searched(Settings::default(), |probe| {
            if probe.rate_rps > 900.0 {
                lengths.push(probe.length_factor);
                return Outcome::Unclear("p99 straddles 50 ms".into());
            }
            Outcome::Pass
        });
        assert_eq!(lengths[..4], [1.0, 2.0, 4.0, 8.0]);
        assert!((answer.rate_rps.unwrap() / 900.0 - 1.0).abs() < 0.02);
        assert!(answer.notes.iter().any(|note| note.contains("counts as failed")), "{answer:?}");
        let clears = searched(Settings::default(), |probe| match probe.rate_rps {
            rate if rate > 900.0 => fail(),
            rate if rate > 700.0 && probe.length_factor < 4.0 => Outcome::Unclear("few".into()),
            _ => Outcome::Pass,
        });
        assert!((clears.rate_rps.unwrap() / 900.0 - 1.0).abs() < 0.02, "{clears:?}");
    }

    #[test]
    fn an_oracle_that_flaps_ends_the_search_all_the_same() {
        for seed in 0..200 {
            let mut random = Random::new(seed, 1);
            let answer = searched(Settings::default(), |_| match random.between(0, 3) {
                0 => Outcome::Pass,
                1 => fail(),
                2 => Outcome::Unclear("who knows".into()),
                _ => Outcome::GeneratorLimit("busy".into()),
            });
            assert!(answer.probes.len() <= 60);
            if let (Some(low), Some(high)) = (answer.rate_rps, answer.failed_rps) {
                assert!(low < high);
            }
        }
    }

    #[test]
    fn running_out_of_probes_is_said() {
        let answer = searched(Settings { probes_max: 4, ..Settings::default() }, exact(1e5));
        assert_eq!((answer.limited_by, answer.rate_rps), (LimitedBy::Probes, Some(800.0)));
        assert!(answer.notes[0].contains("after 4 probes"));
    }

    #[test]
    fn settings_that_cannot_be_searched_say_why() {
        let settings = Settings::default();
        for (wrong, said) in [
            (Settings { floor_rps: 0.0, ..settings }, "begin above 0"),
            (Settings { start_rps: 1e8, ..settings }, "not between the floor"),
            (Settings { tolerance: 0.0, ..settings }, "a tolerance of 0"),
            (Settings { probes_max: 0, ..settings }, "no probes"),
        ] {
            assert!(wrong.mistake().unwrap().contains(said));
        }
        assert_eq!(settings.mistake(), None);
    }

    #[test]
    fn rates_have_five_digits_and_the_answer_survives_json() {
        assert_eq!(
            (rounded(141.421_356), rounded(1_414_213.562), rounded(0.012_345_67)),
            (141.42, 1_414_200.0, 0.012_346)
        );
        let answer = searched(Settings::default(), exact(123.0));
        let value = serde_json::to_value(&answer).unwrap();
        assert_eq!((&value["limited_by"], &value["probes"][0]["outcome"]), (&"slo".into(), &"pass".into()));
        assert_eq!(serde_json::from_value::<Answer>(value).unwrap(), answer);
    }
}
