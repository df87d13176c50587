//! Searching for the highest rate that a target sustains: which rate is tried next, and when enough is known.
//!
//! Pure: a caller asks for the next step, runs it, and says how it went ([`crate::judge`] can tell). Upwards the rate doubles
//! until it is not sustained; then the gap between the highest sustained and the lowest refused rate is halved, on a
//! logarithmic scale, until it is narrow enough; then the best rate is confirmed by a longer probe, because the last of many
//! probes to pass may have passed by luck.

use serde::{Deserialize, Serialize};

/// Rates are tried with this many significant digits: they have exact schedules, and nobody needs more.
pub const RATE_DIGITS: i32 = 4;
/// From one rate to the next on the way up, and down.
const STRIDE: f64 = 2.0;
/// An unclear probe is repeated this often, each time longer by [`STRIDE`].
const REPEATS_MAX: u32 = 3;
/// How much longer the probe is that confirms the answer.
const CONFIRM_FACTOR: u32 = 3;
/// When a confirming probe fails, sustained rates above this part of it are forgotten.
const DISTRUST: f64 = 0.75;
/// An answer that is refused on confirming is searched for again below, this often.
const CONFIRMS_MAX: u32 = 4;

/// What is searched for, and where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The first rate, arrivals per second; between floor and ceiling.
    pub start_rps: f64,
    /// The lowest rate worth finding.
    pub floor_rps: f64,
    /// The highest rate to try.
    pub ceiling_rps: f64,
    /// The search ends when the lowest refused rate is at most this share above the highest sustained one.
    pub tolerance: f64,
    /// Probes after which the search ends wherever it is.
    pub probes_max: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            start_rps: 100.0,
            floor_rps: 1.0,
            ceiling_rps: 10_000_000.0,
            tolerance: 0.02,
            probes_max: 100,
        }
    }
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Run at this rate, for so many times the usual length, and say how it went.
    Probe {
        /// Arrivals per second.
        rate_rps: f64,
        /// Times the usual length.
        length_factor: u32,
    },
    /// Enough is known.
    Done(Answer),
}

/// How a probe went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every condition is met.
    Pass,
    /// A condition is not met, or the rate was not carried; why.
    Fail(String),
    /// It cannot be told; why.
    Unclear(String),
    /// The machine disturbed the probe, so nothing can be told; how.
    Disturbed(String),
    /// The generator could not do it, so nothing is known of the target; why.
    GeneratorLimit(String),
}

/// What kept the answer from being higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitedBy {
    /// The target, by the conditions.
    Target,
    /// The generator: the target sustains at least the answer.
    Generator,
    /// The highest rate to try: the target sustains at least the answer.
    Ceiling,
    /// The end of the search before it was done: the target sustains at least the answer.
    Unfinished,
}

/// The end of a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The highest rate that was sustained and confirmed, arrivals per second; `null` when none was.
    pub sustained_rps: Option<f64>,
    /// The lowest rate above it that was not.
    pub refused_rps: Option<f64>,
    /// What kept the answer from being higher.
    pub limited_by: LimitedBy,
    /// Why the lowest refused rate was refused; empty when none was.
    pub why: String,
    /// What a reader should know of how the answer came about.
    pub notes: Vec<String>,
}

/// A rate that was not sustained.
#[derive(Clone, Debug)]
struct Refused {
    rate_rps: f64,
    by: LimitedBy,
    why: String,
}

/// A search under way.
#[derive(Clone, Debug)]
pub struct Search {
    settings: Settings,
    /// What is being tried, for how many times the usual length.
    trying: (f64, u32),
    /// How long a probe is now, unclear ones apart.
    length_factor: u32,
    is_confirming: bool,
    repeats: u32,
    confirms: u32,
    probes: u32,
    /// Every sustained rate, ascending, and how long it was.
    sustained: Vec<(f64, u32)>,
    refused: Option<Refused>,
    notes: Vec<String>,
    is_over: bool,
}

impl Search {
    /// A search that has not tried anything yet. Floor and ceiling are taken as the nearest rates that can be tried, and the
    /// start is brought between them.
    pub fn new(mut settings: Settings) -> Search {
        settings.floor_rps = rounded(settings.floor_rps);
        settings.ceiling_rps = rounded(settings.ceiling_rps);
        let start_rps = rounded(settings.start_rps).clamp(settings.floor_rps, settings.ceiling_rps);
        Search {
            settings,
            trying: (start_rps, 1),
            length_factor: 1,
            is_confirming: false,
            repeats: 0,
            confirms: 0,
            probes: 0,
            sustained: Vec::new(),
            refused: None,
            notes: Vec::new(),
            is_over: false,
        }
    }

    /// What to do next. Asking again before saying how it went gives the same.
    pub fn poll_step(&self) -> Step {
        match (self.is_over, self.trying) {
            (true, _) => Step::Done(self.answer()),
            (false, (rate_rps, length_factor)) => Step::Probe { rate_rps, length_factor },
        }
    }

    /// Takes in how the last probe went.
    pub fn handle_outcome(&mut self, outcome: Outcome) {
        self.probes += 1;
        let rate_rps = self.trying.0;
        match outcome {
            Outcome::Pass => self.pass(rate_rps),
            Outcome::Fail(why) => self.refuse(rate_rps, LimitedBy::Target, why),
            Outcome::GeneratorLimit(why) => self.refuse(rate_rps, LimitedBy::Generator, why),
            Outcome::Unclear(why) => self.repeat_or_refuse(rate_rps, LimitedBy::Target, why),
            Outcome::Disturbed(why) => self.repeat_or_refuse(rate_rps, LimitedBy::Generator, why),
        }
        if !self.is_over && self.probes >= self.settings.probes_max {
            self.notes.push(format!("the search ended after {} probes, before it was done", self.probes));
            self.is_over = true;
        }
    }

    fn pass(&mut self, rate_rps: f64) {
        self.sustained.retain(|(sustained_rps, _)| *sustained_rps != rate_rps);
        self.sustained.push((rate_rps, self.trying.1));
        self.sustained.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.go_on();
    }

    fn refuse(&mut self, rate_rps: f64, by: LimitedBy, why: String) {
        if self.is_confirming {
            self.confirms += 1;
            self.notes.push(format!("{rate_rps}/s passed once, and not when it was tried for longer"));
            // Short probes have shown to be too kind: those near by are forgotten, and what follows is longer.
            self.length_factor = CONFIRM_FACTOR;
        }
        let distrusted_rps = if self.is_confirming { rate_rps * DISTRUST } else { rate_rps };
        self.sustained.retain(|(sustained_rps, _)| *sustained_rps < distrusted_rps);
        let is_lower = self.refused.as_ref().is_none_or(|refused| rate_rps <= refused.rate_rps);
        if is_lower {
            self.refused = Some(Refused { rate_rps, by, why });
        }
        self.go_on();
    }

    fn repeat_or_refuse(&mut self, rate_rps: f64, by: LimitedBy, why: String) {
        if self.repeats < REPEATS_MAX {
            self.repeats += 1;
            self.trying.1 *= STRIDE as u32;
            return;
        }
        self.notes.push(format!("{rate_rps}/s stayed unclear and counts as not sustained: {why}"));
        self.refuse(rate_rps, by, why);
    }

    /// Chooses what is tried next.
    fn go_on(&mut self) {
        self.repeats = 0;
        self.is_confirming = false;
        let Settings { floor_rps, ceiling_rps, tolerance, .. } = self.settings;
        let best_rps = self.sustained.last().map(|(rate_rps, _)| *rate_rps);
        let refused_rps = self.refused.as_ref().map(|refused| refused.rate_rps);
        let next_rps = match (best_rps, refused_rps) {
            (Some(best), None) if best < ceiling_rps => (best * STRIDE).min(ceiling_rps),
            (None, Some(refused)) if refused > floor_rps => (refused / STRIDE).max(floor_rps),
            (Some(best), Some(refused)) if refused > best * (1.0 + tolerance) => (best * refused).sqrt(),
            (None, _) => return self.is_over = true,
            (Some(best), _) => return self.confirm(best),
        };
        let next_rps = rounded(next_rps);
        match best_rps {
            // Closer than rates are told apart.
            Some(best) if next_rps <= best || Some(next_rps) == refused_rps => self.confirm(best),
            _ => self.trying = (next_rps, self.length_factor),
        }
    }

    fn confirm(&mut self, best_rps: f64) {
        if self.sustained.last().is_some_and(|(_, length)| *length >= CONFIRM_FACTOR) {
            self.is_over = true;
            return;
        }
        if self.confirms >= CONFIRMS_MAX {
            self.notes.push(format!("{best_rps}/s is not confirmed: {CONFIRMS_MAX} rates above it were not"));
            self.is_over = true;
            return;
        }
        self.is_confirming = true;
        self.trying = (best_rps, CONFIRM_FACTOR);
    }

    /// What is known by now, of a search that is given up before it is done.
    pub fn give_up(mut self, why: &str) -> Answer {
        self.notes.push(format!("{why}: the rate is not confirmed, and may not be the highest"));
        self.answer()
    }

    fn answer(&self) -> Answer {
        let refused = self.refused.as_ref();
        let sustained_rps = self.sustained.last().map(|(rate_rps, _)| *rate_rps);
        let is_at_ceiling = sustained_rps.is_some_and(|best| best >= self.settings.ceiling_rps);
        let unrefused = if is_at_ceiling { LimitedBy::Ceiling } else { LimitedBy::Unfinished };
        Answer {
            sustained_rps,
            refused_rps: refused.map(|refused| refused.rate_rps),
            limited_by: refused.map_or(unrefused, |refused| refused.by),
            why: refused.map_or(String::new(), |refused| refused.why.clone()),
            notes: self.notes.clone(),
        }
    }
}

/// A rate with [`RATE_DIGITS`] significant digits. Panics on a rate that is not above zero.
pub fn rounded(rate_rps: f64) -> f64 {
    assert!(rate_rps > 0.0, "a rate to search at is above zero");
    let scale = 10_f64.powi(RATE_DIGITS - 1 - rate_rps.log10().floor() as i32);
    (rate_rps * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// More probes than these for one search would try a user's patience.
    const PROBES_PATIENCE: u32 = 45;

    fn outcome(is_sustained: bool) -> Outcome {
        if is_sustained { Outcome::Pass } else { Outcome::Fail("too slow".into()) }
    }

    fn search(settings: Settings, mut oracle: impl FnMut(f64, u32) -> Outcome) -> (Answer, u32) {
        let mut search = Search::new(settings);
        for probes in 0..=settings.probes_max {
            match search.poll_step() {
                Step::Done(answer) => return (answer, probes),
                Step::Probe { rate_rps, length_factor } => {
                    assert!(
                        rate_rps >= settings.floor_rps * 0.999 && rate_rps <= settings.ceiling_rps * 1.001
                    );
                    search.handle_outcome(oracle(rate_rps, length_factor));
                }
            }
        }
        panic!("more probes than are allowed");
    }

    #[test]
    fn a_capacity_of_any_magnitude_is_found_within_the_tolerance() {
        for capacity in [1.3, 7.0, 99.0, 100.0, 1_234.0, 54_321.0, 987_654.0, 9_000_000.0] {
            for start_rps in [1.0, 100.0, 50_000.0] {
                let settings = Settings { start_rps, ..Settings::default() };
                let (answer, probes) = search(settings, |rate, _| outcome(rate <= capacity));
                let (best, refused) = (answer.sustained_rps.unwrap(), answer.refused_rps.unwrap());
                assert!(best <= capacity && capacity < refused, "{capacity} from {start_rps}: {answer:?}");
                assert!(refused / best <= 1.0205, "{capacity} from {start_rps}: {answer:?}");
                assert_eq!(answer.limited_by, LimitedBy::Target);
                assert!(probes <= PROBES_PATIENCE, "{capacity} from {start_rps}: {probes} probes");
            }
        }
    }

    #[test]
    fn a_noisy_target_is_found_near_its_capacity_nearly_always() {
        // The chance to pass falls from 88 % to 12 % within ±2 % of the capacity; longer probes are surer.
        let (mut near, repeats) = (0, 300);
        for seed in 0..repeats {
            let mut random = Random::new(seed, 3);
            let capacity = 500.0 + random.unit() * 5_000.0;
            let (answer, _) = search(Settings::default(), |rate, length| {
                let steepness = 100.0 * f64::from(length).sqrt();
                let chance = 1.0 / (1.0 + ((rate / capacity - 1.0) * steepness).exp());
                outcome(random.unit() < chance)
            });
            near += u32::from((answer.sustained_rps.unwrap_or(0.0) / capacity - 1.0).abs() < 0.05);
        }
        println!("{near} of {repeats} within 5 %");
        assert!(near >= 285, "{near} of {repeats}");
    }

    #[test]
    fn a_generator_limit_below_the_capacity_is_named_and_one_above_is_not() {
        let limited = |rate: f64, capacity: f64, generator: f64| {
            if rate > generator { Outcome::GeneratorLimit("busy".into()) } else { outcome(rate <= capacity) }
        };
        let (answer, _) = search(Settings::default(), |rate, _| limited(rate, 50_000.0, 8_000.0));
        assert_eq!(answer.limited_by, LimitedBy::Generator, "{answer:?}");
        assert!((answer.sustained_rps.unwrap() / 8_000.0 - 1.0).abs() < 0.02, "{answer:?}");
        assert_eq!(answer.why, "busy");
        let (answer, _) = search(Settings::default(), |rate, _| limited(rate, 5_000.0, 6_000.0));
        assert_eq!(answer.limited_by, LimitedBy::Target, "{answer:?}");
        assert!((answer.sustained_rps.unwrap() / 5_000.0 - 1.0).abs() < 0.02, "{answer:?}");
    }

    #[test]
    fn a_target_that_fails_at_the_lowest_rate_has_no_answer() {
        let (answer, probes) = search(Settings::default(), |_, _| outcome(false));
        assert_eq!((answer.sustained_rps, answer.refused_rps), (None, Some(1.0)));
        assert_eq!((answer.why.as_str(), probes), ("too slow", 8));
    }

    #[test]
    fn bounds_of_many_digits_are_tried_once_and_not_again() {
        for bounds in [(12_346.0, 99_999.0), (0.123_46, 7.0), (9_999.6, 12_344.0), (12_345.0, 12_346.0)] {
            let (floor_rps, ceiling_rps) = bounds;
            let settings = Settings { floor_rps, ceiling_rps, start_rps: 0.001, ..Settings::default() };
            let (answer, probes) = search(settings, |_, _| outcome(false));
            assert_eq!((answer.sustained_rps, probes), (None, 1), "{bounds:?}");
            let (answer, probes) = search(settings, |_, _| Outcome::Pass);
            assert_eq!((answer.limited_by, answer.refused_rps), (LimitedBy::Ceiling, None), "{bounds:?}");
            assert!(probes <= 10, "{bounds:?}: {probes} probes");
        }
    }

    #[test]
    fn a_target_that_sustains_everything_ends_at_the_ceiling() {
        let settings = Settings { ceiling_rps: 3_000.0, ..Settings::default() };
        let (answer, _) = search(settings, |_, _| Outcome::Pass);
        assert_eq!((answer.sustained_rps, answer.refused_rps), (Some(3_000.0), None));
        assert_eq!(answer.limited_by, LimitedBy::Ceiling);
    }

    #[test]
    fn an_unclear_probe_is_repeated_longer_and_then_counts_against_the_rate() {
        let mut lengths = Vec::new();
        let settings = Settings { start_rps: 1_000.0, ..Settings::default() };
        let (answer, _) = search(settings, |rate, length| {
            if rate > 1_500.0 {
                lengths.push(length);
                return Outcome::Unclear("p(99) may be either".into());
            }
            Outcome::Pass
        });
        assert_eq!(lengths[..4], [1, 2, 4, 8]);
        assert!(answer.notes[0].contains("stayed unclear"), "{answer:?}");
        let mut disturbances = 0;
        let (answer, _) = search(settings, |rate, _| {
            disturbances += 1;
            if disturbances % 2 == 1 { Outcome::Disturbed("steal".into()) } else { outcome(rate < 4_500.0) }
        });
        assert!((answer.sustained_rps.unwrap() / 4_500.0 - 1.0).abs() < 0.02, "{answer:?}");
        assert_eq!(answer.limited_by, LimitedBy::Target);
    }

    #[test]
    fn a_rate_that_passed_by_luck_is_refused_by_the_longer_probe() {
        let (answer, _) = search(Settings::default(), |rate, length| {
            outcome(if length == 1 { rate <= 2_000.0 } else { rate <= 1_700.0 })
        });
        assert!(answer.notes.iter().any(|note| note.contains("tried for longer")), "{answer:?}");
        assert!(answer.sustained_rps.unwrap() <= 1_700.0, "{answer:?}");
    }

    #[test]
    fn a_search_that_is_given_up_says_what_it_found_so_far() {
        let mut search = Search::new(Settings::default());
        search.handle_outcome(Outcome::Pass);
        let answer = search.give_up("stopped");
        assert_eq!((answer.sustained_rps, answer.refused_rps), (Some(100.0), None));
        assert_eq!(answer.limited_by, LimitedBy::Unfinished);
        assert!(answer.notes[0].starts_with("stopped: "), "{answer:?}");
    }

    #[test]
    fn a_search_always_ends() {
        for seed in 0..500 {
            let mut random = Random::new(seed, 9);
            let (answer, _) = search(Settings::default(), |_, _| match random.between(0, 4) {
                0 => Outcome::Fail("x".into()),
                1 => Outcome::Unclear("x".into()),
                2 => Outcome::Disturbed("x".into()),
                3 => Outcome::GeneratorLimit("x".into()),
                _ => Outcome::Pass,
            });
            if let (Some(best), Some(refused)) = (answer.sustained_rps, answer.refused_rps) {
                assert!(best < refused, "seed {seed}: {answer:?}");
            }
        }
    }

    #[test]
    fn rates_have_four_digits() {
        for (asked, tried) in [(1_987.654, 1_988.0), (0.123_456, 0.1235), (123_456.0, 123_500.0), (7.0, 7.0)]
        {
            assert_eq!(rounded(asked), tried, "{asked}");
        }
    }
}
