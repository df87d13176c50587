//! The offered rate over time, and its exact inverse.
//!
//! For an offered rate λ(t), Λ(t) = ∫λ is the number of arrivals that should have happened by t. Arrival n is
//! intended at Λ⁻¹(n): a pure function of n, so every shard can compute its own arrivals without talking to the
//! others, and nothing accumulates a rounding error, however long the run.
//!
//! Positions on the Λ axis are fixed point with 32 fractional bits ([`Position`]); times are whole nanoseconds. A
//! constant segment is inverted by one division, a ramp by a floating-point estimate that an exact integer comparison
//! then corrects (see `docs/decisions/003-schedule-arithmetic.md`), a sine by Newton's method inside one period.

use crate::quantity::{DURATION_NS_MAX, RATE_RPS_MAX, Rate, SECOND_NS, greatest_common_divisor};
use crate::recorded;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A place on the Λ axis: arrivals × 2³².
pub type Position = u128;

/// Fractional bits of a [`Position`].
pub const POSITION_BITS: u32 = 32;

/// The position of arrival `n`.
pub fn position_of(arrival: u64) -> Position {
    u128::from(arrival) << POSITION_BITS
}

/// One segment of time with one formula for its rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// How long it lasts, in nanoseconds; more than zero.
    pub length_ns: u64,
    /// The formula.
    pub shape: Shape,
}

impl Segment {
    /// The highest rate that its formula comes to.
    pub fn highest_rps(&self) -> f64 {
        match &self.shape {
            Shape::Constant(rate) => rate.rps(),
            Shape::Ramp { from, to } => from.rps().max(to.rps()),
            Shape::Sine { mean, amplitude, .. } => mean.rps() + amplitude.rps(),
            Shape::Recorded { offsets_ns } => recorded::most_in_a_second(offsets_ns) as f64,
        }
    }
}

/// A segment of one rate.
pub(crate) fn constant(rate: Rate, length_ns: u64) -> Segment {
    Segment { length_ns, shape: Shape::Constant(rate) }
}

/// The formula of a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// λ(t) = rate.
    Constant(Rate),
    /// λ(t) goes from one rate to another in a straight line.
    Ramp {
        /// At the segment's start.
        from: Rate,
        /// At its end.
        to: Rate,
    },
    /// λ(t) = mean + amplitude · sin(2πt / period); the amplitude is never above the mean.
    Sine {
        /// The middle rate.
        mean: Rate,
        /// How far the rate swings either way.
        amplitude: Rate,
        /// One full swing, in nanoseconds.
        period_ns: u64,
    },
    /// No formula: arrivals at instants that were recorded.
    Recorded {
        /// When each comes, from the segment's start: in order, and all before its end.
        offsets_ns: Vec<u64>,
    },
}

impl Segment {
    /// Whether it lasts some time, and its rates can be offered: what was typed always can, what was read from JSON may not.
    pub(crate) fn is_sound(&self) -> bool {
        // Half of what a word holds: a ramp multiplies one rate's count by the other's time.
        let is_rate = |rate: &Rate| {
            (1..1 << 63).contains(&rate.per_ns) && rate.count < 1 << 63 && rate.rps() <= RATE_RPS_MAX as f64
        };
        (1..=DURATION_NS_MAX).contains(&self.length_ns)
            && match &self.shape {
                Shape::Constant(rate) => is_rate(rate),
                Shape::Ramp { from, to } => is_rate(from) && is_rate(to),
                Shape::Sine { mean, amplitude, period_ns } => {
                    is_rate(mean)
                        && is_rate(amplitude)
                        && amplitude.rps() <= mean.rps()
                        && (1..=DURATION_NS_MAX).contains(period_ns)
                }
                Shape::Recorded { offsets_ns } => recorded::are_sound(offsets_ns, self.length_ns),
            }
    }
}

/// The whole offered rate: segments one after the other.
#[derive(Clone, Debug)]
pub struct Schedule {
    pieces: Vec<SchedulePiece>,
    end_ns: u64,
    end_position: Position,
}

#[derive(Clone, Debug)]
struct SchedulePiece {
    start_ns: u64,
    length_ns: u64,
    start: Position,
    end: Position,
    formula: Formula,
}

#[derive(Clone, Debug)]
enum Formula {
    Constant(Rate),
    Ramp(Ramp),
    Sine(Sine),
    /// Shared, because a revised schedule has them once more.
    Recorded(Arc<[u64]>),
    Rest(Box<Rest>),
}

/// What is left of a formula from an instant on, so many thousandths of it.
#[derive(Clone, Debug)]
struct Rest {
    formula: Formula,
    /// Of the whole formula.
    length_ns: u64,
    skipped_ns: u64,
    skipped: Position,
    thousandths: u64,
}

/// λ(t) = (a + (b − a)·t/T) / P with a, b over one denominator P, so that Λ is a ratio of integers.
#[derive(Clone, Debug)]
struct Ramp {
    a: i128,
    b: i128,
    denominator: u128,
    length_ns: i128,
}

#[derive(Clone, Debug)]
struct Sine {
    mean: Rate,
    swing: f64,
    period_ns: u64,
}

/// Why segments have no schedule that is exact to the nanosecond: their numbers are too large for 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InexactSchedule {
    /// A rate, times the time it lasts.
    Segment,
    /// A ramp, over its time.
    Ramp {
        /// Where it begins.
        from: Rate,
        /// Where it ends.
        to: Rate,
    },
}

impl fmt::Display for InexactSchedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InexactSchedule::Segment => formatter.write_str("rate × duration is too large to be exact"),
            InexactSchedule::Ramp { from, to } => {
                write!(formatter, "a ramp from {from} to {to} over this time is too large to be exact")
            }
        }
    }
}

impl std::error::Error for InexactSchedule {}

impl Schedule {
    /// Lays the segments end to end, from an instant on. Errors when the numbers are too large for exact 128-bit arithmetic.
    pub fn new(starts_ns: u64, segments: &[Segment]) -> Result<Schedule, InexactSchedule> {
        let mut pieces: Vec<SchedulePiece> = Vec::with_capacity(segments.len());
        let (mut start_ns, mut start) = (starts_ns, 0_u128);
        for segment in segments {
            let formula = Formula::new(segment)?;
            let gained = formula.position_at(segment.length_ns).ok_or(InexactSchedule::Segment)?;
            let end = start + gained;
            pieces.push(SchedulePiece { start_ns, length_ns: segment.length_ns, start, end, formula });
            start_ns += segment.length_ns;
            start = end;
        }
        Ok(Schedule { pieces, end_ns: start_ns, end_position: start })
    }

    /// The same until `cut_ns`, and from there to its own end another one, so many thousandths of it. Arrivals intended before the cut keep
    /// their numbers and their instants; those behind it are numbered on, and Λ has no step at the cut. A cut before the first segment
    /// changes all of it, one at the end or behind it nothing. Errors when the numbers are too large for exact 128-bit arithmetic.
    pub fn continued(
        &self,
        cut_ns: u64,
        other: &Schedule,
        thousandths: u64,
    ) -> Result<Schedule, InexactSchedule> {
        let Some(first) = self.pieces.first().filter(|_| cut_ns < self.end_ns) else {
            return Ok(self.clone());
        };
        let cut_ns = cut_ns.max(first.start_ns);
        let mut pieces: Vec<SchedulePiece> =
            self.pieces.iter().filter(|piece| piece.start_ns < cut_ns).cloned().collect();
        let mut start = pieces.last_mut().map_or(0, |last| last.cut_at(cut_ns));
        let mut start_ns = cut_ns;
        for piece in &other.pieces {
            let end_ns = (piece.start_ns + piece.length_ns).min(self.end_ns);
            if end_ns <= start_ns {
                continue;
            }
            let formula = piece.rest(start_ns.saturating_sub(piece.start_ns), thousandths);
            let length_ns = end_ns - start_ns;
            let gained = formula.position_at(length_ns).ok_or(InexactSchedule::Segment)?;
            let end = start.checked_add(gained).ok_or(InexactSchedule::Segment)?;
            pieces.push(SchedulePiece { start_ns, length_ns, start, end, formula });
            (start_ns, start) = (end_ns, end);
        }
        Ok(Schedule { pieces, end_ns: self.end_ns, end_position: start })
    }

    /// When the offered load ends, in nanoseconds from the start of the run.
    pub fn end_ns(&self) -> u64 {
        self.end_ns
    }

    /// The intended time of a position, or `None` past the end. Rounded up to whole nanoseconds, so it may be the end itself, at
    /// which nothing is due. `piece` is the caller's cursor: positions usually
    /// only grow, so it makes the search for the right segment free. It may be any index a former call left there.
    pub fn instant_at(&self, position: Position, piece: &mut usize) -> Option<u64> {
        if position >= self.end_position {
            return None;
        }
        while *piece > 0 && self.pieces[*piece].start > position {
            *piece -= 1;
        }
        while self.pieces[*piece].end <= position {
            *piece += 1;
        }
        let here = &self.pieces[*piece];
        let local = here.formula.invert(position - here.start, here.length_ns);
        Some(here.start_ns + local.min(here.length_ns))
    }

    /// How many whole-numbered arrivals (0, 1, 2 …) are intended before `instant_ns`. Exact: agrees with
    /// [`Schedule::instant_at`] to the arrival; one that lands on the end is before no instant.
    pub fn arrivals_before(&self, instant_ns: u64) -> u64 {
        if self.pieces.is_empty() {
            return 0;
        }
        let instant_ns = instant_ns.min(self.end_ns);
        let most =
            u64::try_from((self.end_position + position_of(1) - 1) >> POSITION_BITS).unwrap_or(u64::MAX);
        let mut piece = self.piece_at(instant_ns);
        let here = &self.pieces[piece];
        let local = here.formula.position_at(instant_ns.saturating_sub(here.start_ns)).unwrap_or(0);
        let guess = u64::try_from((here.start + local) >> POSITION_BITS).unwrap_or(u64::MAX);
        let is_before = |arrival: u64, piece: &mut usize| {
            self.instant_at(position_of(arrival), piece).is_some_and(|at| at < instant_ns)
        };
        first_false(guess, most, |arrival| is_before(arrival, &mut piece))
    }

    /// λ at an instant, arrivals per second, for showing.
    pub fn rate_rps_at(&self, instant_ns: u64) -> f64 {
        let begins_ns = self.pieces.first().map_or(u64::MAX, |piece| piece.start_ns);
        if !(begins_ns..self.end_ns).contains(&instant_ns) {
            return 0.0;
        }
        let here = &self.pieces[self.piece_at(instant_ns)];
        here.formula.rate_rps((instant_ns - here.start_ns) as f64)
    }

    fn piece_at(&self, instant_ns: u64) -> usize {
        self.pieces
            .partition_point(|piece| piece.start_ns + piece.length_ns <= instant_ns)
            .min(self.pieces.len() - 1)
    }
}

impl SchedulePiece {
    /// Ends it at an instant, unless it ends before. Returns the position that it ends at.
    fn cut_at(&mut self, cut_ns: u64) -> Position {
        let local_ns = cut_ns - self.start_ns;
        if local_ns >= self.length_ns {
            return self.end;
        }
        let mut gained = self.formula.position_at(local_ns).expect("checked at the end, where it is largest");
        // Positions are rounded down: at a very low rate this one was reached before the cut, and belongs to what lies before it.
        while self.start + gained < self.end && self.formula.invert(gained, self.length_ns) < local_ns {
            gained += 1;
        }
        self.length_ns = local_ns;
        self.end = self.end.min(self.start + gained);
        self.end
    }

    /// What is left of its formula from an instant on, so many thousandths of it.
    fn rest(&self, skipped_ns: u64, thousandths: u64) -> Formula {
        if let Formula::Constant(rate) = &self.formula
            && let Some(scaled) = scaled(*rate, thousandths)
        {
            return Formula::Constant(scaled);
        }
        Formula::Rest(Box::new(Rest {
            skipped: self.formula.position_at(skipped_ns).expect("checked at the end, where it is largest"),
            formula: self.formula.clone(),
            length_ns: self.length_ns,
            skipped_ns,
            thousandths,
        }))
    }
}

impl Formula {
    fn new(segment: &Segment) -> Result<Formula, InexactSchedule> {
        assert!(segment.length_ns > 0, "a segment lasts some time");
        Ok(match &segment.shape {
            Shape::Constant(rate) => Formula::Constant(*rate),
            Shape::Ramp { from, to } if from == to => Formula::Constant(*from),
            Shape::Ramp { from, to } => Formula::Ramp(Ramp::new(*from, *to, segment.length_ns)?),
            Shape::Sine { mean, amplitude, period_ns } => Formula::Sine(Sine {
                mean: *mean,
                swing: amplitude.rps() / SECOND_NS as f64,
                period_ns: *period_ns,
            }),
            Shape::Recorded { offsets_ns } => Formula::Recorded(offsets_ns.as_slice().into()),
        })
    }

    /// Λ at `local_ns` into the segment, rounded down; `None` when it does not fit.
    fn position_at(&self, local_ns: u64) -> Option<Position> {
        match self {
            Formula::Constant(rate) => constant_position(*rate, local_ns),
            Formula::Ramp(ramp) => ramp.position_at(local_ns),
            Formula::Sine(sine) => sine.position_at(local_ns),
            Formula::Recorded(offsets_ns) => Some(position_of(recorded::before(offsets_ns, local_ns))),
            Formula::Rest(rest) => rest.position_at(local_ns),
        }
    }

    /// The smallest whole nanosecond at which Λ has reached `position`.
    // A part of what is asked for each arrival: a call of its own would be made ready for all of these.
    #[inline(always)]
    fn invert(&self, position: Position, length_ns: u64) -> u64 {
        match self {
            Formula::Constant(rate) => {
                let ticks = position * u128::from(rate.per_ns);
                ticks.div_ceil(u128::from(rate.count) << POSITION_BITS) as u64
            }
            Formula::Ramp(ramp) => ramp.invert(position, length_ns),
            Formula::Sine(sine) => sine.invert(position),
            Formula::Recorded(offsets_ns) => offsets_ns[arrival_at(position)],
            Formula::Rest(rest) => rest.invert(position),
        }
    }

    fn rate_rps(&self, local_ns: f64) -> f64 {
        match self {
            Formula::Constant(rate) => rate.rps(),
            Formula::Ramp(ramp) => {
                let (a, b) = ramp.rates_per_ns();
                (a + (b - a) * local_ns / ramp.length_ns as f64) * SECOND_NS as f64
            }
            Formula::Sine(sine) => {
                sine.mean.rps() + sine.swing * SECOND_NS as f64 * sine.angle(local_ns).sin()
            }
            Formula::Recorded(offsets_ns) => recorded::in_the_second_of(offsets_ns, local_ns as u64) as f64,
            Formula::Rest(rest) => {
                rest.formula.rate_rps(rest.skipped_ns as f64 + local_ns) * rest.thousandths as f64 / 1e3
            }
        }
    }
}

/// So many thousandths of a rate, where its numbers do not become too large.
fn scaled(rate: Rate, thousandths: u64) -> Option<Rate> {
    let per_ns = rate.per_ns.checked_mul(1_000).filter(|&per_ns| per_ns < 1 << 63)?;
    Some(Rate::new(rate.count.checked_mul(thousandths)?, per_ns))
}

impl Rest {
    #[inline(never)]
    fn position_at(&self, local_ns: u64) -> Option<Position> {
        let gained = self.formula.position_at(self.skipped_ns + local_ns)? - self.skipped;
        Some(gained.checked_mul(u128::from(self.thousandths))? / 1_000)
    }

    /// Rounded down, so that what lies before the end of the rest lies before that of the whole.
    #[inline(never)]
    fn invert(&self, position: Position) -> u64 {
        if self.thousandths == 0 {
            return 0;
        }
        let whole = self.skipped + position * 1_000 / u128::from(self.thousandths);
        self.formula.invert(whole, self.length_ns).saturating_sub(self.skipped_ns)
    }
}

/// The number of the arrival at a position of recorded arrivals, which begin at a whole one.
fn arrival_at(position: Position) -> usize {
    (position >> POSITION_BITS) as usize
}

fn constant_position(rate: Rate, local_ns: u64) -> Option<Position> {
    let scaled = u128::from(local_ns).checked_mul(u128::from(rate.count))?;
    let position = scaled.checked_mul(1 << POSITION_BITS)? / u128::from(rate.per_ns);
    // The inverse multiplies the position by `per_ns`; it must fit too.
    position.checked_mul(u128::from(rate.per_ns))?;
    Some(position)
}

impl Ramp {
    fn new(from: Rate, to: Rate, length_ns: u64) -> Result<Ramp, InexactSchedule> {
        let divisor = greatest_common_divisor(from.per_ns, to.per_ns);
        let (from_factor, to_factor) = (to.per_ns / divisor, from.per_ns / divisor);
        let ramp = Ramp {
            a: i128::from(from.count) * i128::from(from_factor),
            b: i128::from(to.count) * i128::from(to_factor),
            denominator: u128::from(from.per_ns) * u128::from(from_factor),
            length_ns: i128::from(length_ns),
        };
        ramp.doubled_numerator(i128::from(length_ns)).ok_or(InexactSchedule::Ramp { from, to })?;
        ramp.divisor().ok_or(InexactSchedule::Ramp { from, to })?;
        Ok(ramp)
    }

    /// 2T·(Λ(t)·P) = 2aTt + (b − a)t².
    fn doubled_numerator(&self, t: i128) -> Option<u128> {
        let linear = self.a.checked_mul(2)?.checked_mul(self.length_ns)?.checked_mul(t)?;
        let square = (self.b - self.a).checked_mul(t)?.checked_mul(t)?;
        u128::try_from(linear.checked_add(square)?).ok()
    }

    /// 2T·P.
    fn divisor(&self) -> Option<u128> {
        self.denominator.checked_mul(2)?.checked_mul(self.length_ns as u128)
    }

    fn position_at(&self, local_ns: u64) -> Option<Position> {
        let numerator = self.doubled_numerator(i128::from(local_ns))?;
        let divisor = self.divisor()?;
        let whole = numerator / divisor;
        // The remainder is below the divisor; bits that a 32-bit shift would push out are shed from both first.
        let shed = (numerator % divisor).leading_zeros();
        let spill = POSITION_BITS.saturating_sub(shed);
        let fraction = (((numerator % divisor) >> spill) << POSITION_BITS)
            / ((divisor >> spill) + u128::from(spill > 0));
        Some((whole << POSITION_BITS) + fraction.min((1 << POSITION_BITS) - 1))
    }

    fn rates_per_ns(&self) -> (f64, f64) {
        (self.a as f64 / self.denominator as f64, self.b as f64 / self.denominator as f64)
    }

    fn invert(&self, position: Position, length_ns: u64) -> u64 {
        if position == 0 && self.a > 0 {
            return 0;
        }
        first_false(self.estimate(position), length_ns, |t| !self.has_reached(t, position))
    }

    /// The root of the quadratic in the form that does not cancel: t = 2x / (a + √(a² + 2(b − a)x/T)).
    fn estimate(&self, position: Position) -> u64 {
        let (a, b) = self.rates_per_ns();
        let x = position as f64 / (1_u64 << POSITION_BITS) as f64;
        let root = (a * a + 2.0 * (b - a) * x / self.length_ns as f64).max(0.0).sqrt();
        let t = 2.0 * x / (a + root);
        if t.is_finite() { t as u64 } else { 0 }
    }

    /// Λ(t) ≥ position, without rounding: both sides multiplied out, in 256 bits.
    fn has_reached(&self, t: u64, position: Position) -> bool {
        let numerator =
            self.doubled_numerator(i128::from(t)).expect("checked at the segment's end, where it is largest");
        let divisor = self.divisor().expect("checked when the ramp was made");
        wide_product(numerator, 1 << POSITION_BITS) >= wide_product(divisor, position)
    }
}

impl Sine {
    fn angle(&self, local_ns: f64) -> f64 {
        std::f64::consts::TAU * local_ns / self.period_ns as f64
    }

    /// Λ inside one period, in arrivals.
    fn arrivals_at(&self, local_ns: f64) -> f64 {
        let mean = self.mean.count as f64 / self.mean.per_ns as f64;
        let swing = self.swing * self.period_ns as f64 / std::f64::consts::TAU;
        mean * local_ns + swing * (1.0 - self.angle(local_ns).cos())
    }

    /// Whole periods are exact (the swing cancels); only the rest is floating point.
    fn position_at(&self, local_ns: u64) -> Option<Position> {
        let (periods, rest) = (local_ns / self.period_ns, local_ns % self.period_ns);
        let whole = constant_position(self.mean, periods * self.period_ns)?;
        Some(whole + (self.arrivals_at(rest as f64) * (1_u64 << POSITION_BITS) as f64) as u128)
    }

    fn invert(&self, position: Position) -> u64 {
        let per_period =
            constant_position(self.mean, self.period_ns).expect("fits: the whole segment did").max(1);
        let period_start = |periods: u128| {
            constant_position(self.mean, (periods as u64) * self.period_ns).unwrap_or(u128::MAX)
        };
        let mut periods = position / per_period;
        while period_start(periods) > position {
            periods -= 1;
        }
        while period_start(periods + 1) <= position {
            periods += 1;
        }
        let rest = (position - period_start(periods)) as f64 / (1_u64 << POSITION_BITS) as f64;
        let within = first_false(self.estimate(rest), self.period_ns, |t| self.arrivals_at(t as f64) < rest);
        (periods as u64) * self.period_ns + within
    }

    /// Newton's method kept inside a shrinking bracket, so that a flat segment cannot throw it out.
    fn estimate(&self, arrivals: f64) -> u64 {
        let (mut low, mut high) = (0.0_f64, self.period_ns as f64);
        let mut t = arrivals / (self.mean.count as f64 / self.mean.per_ns as f64);
        for _ in 0..NEWTON_STEPS_MAX {
            let error = self.arrivals_at(t) - arrivals;
            if error < 0.0 {
                low = t
            } else {
                high = t
            }
            let rate = self.mean.count as f64 / self.mean.per_ns as f64 + self.swing * self.angle(t).sin();
            let step = t - error / rate;
            let next = if step > low && step < high { step } else { (low + high) / 2.0 };
            if (next - t).abs() < 0.5 {
                return next as u64;
            }
            t = next;
        }
        t as u64
    }
}

/// Newton converges quadratically; the bracket halves at worst. Whatever is left, [`first_false`] corrects.
const NEWTON_STEPS_MAX: usize = 24;

/// The smallest value in `0..=limit` for which `is_below` is false, given that it is true and then false, and a guess
/// that is usually off by one or two: gallop away from the guess, then halve.
fn first_false(guess: u64, limit: u64, mut is_below: impl FnMut(u64) -> bool) -> u64 {
    let guess = guess.min(limit);
    let (mut low, mut high) = if is_below(guess) {
        let (mut low, mut step) = (guess, 1);
        loop {
            let probe = low.saturating_add(step).min(limit);
            if probe == limit || !is_below(probe) {
                break (low + 1, probe);
            }
            (low, step) = (probe, step * 2);
        }
    } else {
        let (mut high, mut step) = (guess, 1);
        loop {
            if high == 0 {
                return 0;
            }
            let probe = high.saturating_sub(step);
            if is_below(probe) {
                break (probe + 1, high);
            }
            (high, step) = (probe, step * 2);
        }
    };
    while low < high {
        let middle = low + (high - low) / 2;
        if is_below(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

/// 128 × 128 → 256 bits, as (high, low).
fn wide_product(left: u128, right: u128) -> (u128, u128) {
    const HALF: u128 = u64::MAX as u128;
    let (left_high, left_low) = (left >> 64, left & HALF);
    let (right_high, right_low) = (right >> 64, right & HALF);
    let low = left_low * right_low;
    let middle = left_high * right_low + (low >> 64);
    let cross = left_low * right_high + (middle & HALF);
    (left_high * right_high + (middle >> 64) + (cross >> 64), (cross << 64) | (low & HALF))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn constant(rate: Rate, length_ns: u64) -> Segment {
        Segment { length_ns, shape: Shape::Constant(rate) }
    }

    fn ramp(from: u64, to: u64, length_ns: u64) -> Segment {
        let (from, to) = (Rate::per_second(from), Rate::per_second(to));
        Segment { length_ns, shape: Shape::Ramp { from, to } }
    }

    fn instants(schedule: &Schedule) -> Vec<u64> {
        let mut piece = 0;
        (0..).map_while(|n| schedule.instant_at(position_of(n), &mut piece)).collect()
    }

    #[test]
    fn a_constant_rate_is_exact_after_a_month() {
        let month_ns = 30 * 24 * 3_600 * SECOND_NS;
        let schedule = Schedule::new(0, &[constant(Rate::per_second(3), month_ns)]).unwrap();
        let last = 3 * 30 * 24 * 3_600 - 1;
        assert_eq!(schedule.arrivals_before(month_ns), last + 1);
        assert_eq!(schedule.instant_at(position_of(last), &mut 0), Some(month_ns - SECOND_NS / 3));
        assert_eq!(schedule.instant_at(position_of(last + 1), &mut 0), None);
    }

    #[test]
    fn ten_thousand_a_second_for_two_minutes_is_one_million_two_hundred_thousand() {
        let schedule = Schedule::new(0, &[constant(Rate::per_second(10_000), 120 * SECOND_NS)]).unwrap();
        assert_eq!(schedule.arrivals_before(u64::MAX), 1_200_000);
        assert_eq!(schedule.instant_at(position_of(1_199_999), &mut 0), Some(119_999_900_000));
    }

    #[test]
    fn a_ramp_offers_the_area_under_it() {
        let schedule = Schedule::new(0, &[ramp(100, 5_000, 10 * SECOND_NS)]).unwrap();
        let all = instants(&schedule);
        assert_eq!(all.len(), 25_500);
        assert_eq!(schedule.arrivals_before(u64::MAX), 25_500);
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        // Λ(5 s) = 100·5 + 490/2·25 = 6,625.
        assert_eq!(schedule.arrivals_before(5 * SECOND_NS), 6_625);
    }

    #[test]
    fn a_ramp_from_and_to_silence_starts_and_ends() {
        let schedule = Schedule::new(0, &[ramp(0, 1_000, SECOND_NS), ramp(1_000, 0, SECOND_NS)]).unwrap();
        let all = instants(&schedule);
        assert_eq!(all.len(), 1_000);
        assert_eq!(all[0], 0);
        // √(2·1/1000) s.
        assert_eq!(all[1], 44_721_360);
        assert!(*all.last().unwrap() < 2 * SECOND_NS);
    }

    #[test]
    fn a_sine_offers_its_mean_over_whole_periods() {
        let (mean, amplitude) = (Rate::per_second(500), Rate::per_second(500));
        let shape = Shape::Sine { mean, amplitude, period_ns: 2 * SECOND_NS };
        let schedule = Schedule::new(0, &[Segment { length_ns: 10 * SECOND_NS, shape }]).unwrap();
        let all = instants(&schedule);
        assert_eq!(all.len(), 5_000);
        assert!(all.windows(2).all(|pair| pair[0] <= pair[1]));
        let first_half = all.iter().filter(|&&at| at < SECOND_NS).count() as f64;
        let expected = 500.0 + 500.0 * 2.0 / std::f64::consts::PI;
        assert!((first_half - expected).abs() <= 1.0, "{first_half} against {expected}");
    }

    #[test]
    fn an_arrival_that_lands_on_the_end_is_neither_due_nor_counted() {
        // Arrival 1 of 3/s is at 333,333,333.33 ns, rounded up to the end itself.
        let schedule = Schedule::new(0, &[constant(Rate::per_second(3), 333_333_334)]).unwrap();
        assert_eq!(instants(&schedule), [0, 333_333_334]);
        assert_eq!((schedule.arrivals_before(333_333_334), schedule.arrivals_before(u64::MAX)), (1, 1));
        let longer = Schedule::new(0, &[constant(Rate::per_second(3), 333_333_335)]).unwrap();
        assert_eq!((instants(&longer).len(), longer.arrivals_before(u64::MAX)), (2, 2));
    }

    #[test]
    fn a_silent_segment_is_skipped() {
        let schedule = Schedule::new(
            0,
            &[
                constant(Rate::per_second(10), SECOND_NS),
                constant(Rate::ZERO, SECOND_NS),
                constant(Rate::per_second(10), SECOND_NS),
            ],
        )
        .unwrap();
        let all = instants(&schedule);
        assert_eq!(all.len(), 20);
        assert_eq!(all[9], 900_000_000);
        assert_eq!(all[10], 2 * SECOND_NS);
    }

    #[test]
    fn wide_products_carry() {
        assert_eq!(wide_product(u128::MAX, u128::MAX), (u128::MAX - 1, 1));
        assert_eq!(wide_product(1 << 100, 1 << 100), (1 << 72, 0));
    }

    proptest! {
        /// The union over shards is every arrival once, evenly spaced to the nanosecond, for any rate.
        #[test]
        fn any_constant_rate_is_even(count in 1_u64..5_000, per in 1_u64..120, seconds in 1_u64..20) {
            let rate = Rate::new(count, per * SECOND_NS);
            let schedule = Schedule::new(0, &[constant(rate, seconds * SECOND_NS)]).unwrap();
            let all = instants(&schedule);
            let expected = (u128::from(seconds) * u128::from(count)).div_ceil(u128::from(per));
            prop_assert_eq!(all.len() as u128, expected);
            for (n, at) in all.iter().enumerate() {
                let exact = (n as u128 * u128::from(rate.per_ns)).div_ceil(u128::from(rate.count));
                prop_assert_eq!(u128::from(*at), exact);
            }
        }

        #[test]
        fn any_ramp_is_monotone_and_counts_what_it_offers(from in 0_u64..3_000, to in 0_u64..3_000, ms in 1_u64..5_000) {
            prop_assume!(from + to > 0);
            let schedule = Schedule::new(0, &[ramp(from, to, ms * 1_000_000)]).unwrap();
            let all = instants(&schedule);
            let area = u128::from(from + to) * u128::from(ms);
            prop_assert_eq!(all.len() as u128, area.div_ceil(2_000));
            prop_assert!(all.windows(2).all(|pair| pair[0] <= pair[1]));
            // Where the ramp ends in silence, the last arrival can land on the end.
            let before_end = all.iter().filter(|&&at| at < schedule.end_ns()).count() as u64;
            prop_assert_eq!(schedule.arrivals_before(u64::MAX), before_end);
        }

        #[test]
        fn arrivals_before_agrees_with_the_instants(
            rates in proptest::collection::vec((0_u64..2_000, 0_u64..2_000, 1_u64..500), 1..5),
            cut_ms in 0_u64..2_500,
        ) {
            let segments: Vec<Segment> = rates.iter().map(|&(a, b, ms)| ramp(a, b, ms * 1_000_000)).collect();
            let schedule = Schedule::new(0, &segments).unwrap();
            let cut_ns = cut_ms * 1_000_000;
            let counted = instants(&schedule).iter().filter(|&&at| at < cut_ns).count() as u64;
            prop_assert_eq!(schedule.arrivals_before(cut_ns), counted);
        }
    }
}
