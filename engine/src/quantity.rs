//! Durations and rates as people type them, and as the arithmetic wants them.
//!
//! A duration is whole nanoseconds. A rate is a reduced fraction, arrivals per nanoseconds, so that `600/m`, `2.5`
//! and `10k` are all exact and no schedule built from them can drift.

mod spelling;

use serde::{Deserialize, Serialize};
use std::fmt;

/// Nanoseconds in one second.
pub const SECOND_NS: u64 = 1_000_000_000;
/// Nanoseconds in one millisecond.
pub const MILLISECOND_NS: u64 = 1_000_000;
/// Nanoseconds in one microsecond.
pub const MICROSECOND_NS: u64 = 1_000;

/// The longest duration a plan may hold: 52 days. Keeps the schedule's products inside 128 bits.
pub const DURATION_NS_MAX: u64 = 1 << 52;
/// The highest rate a plan may hold, per second. Far above what a machine sends; keeps products inside 128 bits.
pub const RATE_RPS_MAX: u64 = 1_000_000_000;

const DURATION_FORM: &str = "a duration is a number and a unit, such as `250ms`, `10s` or `2m`";
const RATE_FORM: &str = "a rate is arrivals per second, such as `500` or `10k`, or `600/m`";
const COUNT_FORM: &str = "a count is a whole number, such as `5000` or `10k`";

/// Why a text is no duration, rate or count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// What is wrong with it.
    pub problem: String,
    /// How it would be written, if that is clear.
    pub instead: Option<String>,
    /// What is wanted, with examples.
    pub form: &'static str,
    /// One of them.
    pub example: &'static str,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.instead {
            Some(instead) => write!(formatter, "{}; write `{instead}`", self.problem),
            None => write!(formatter, "{}; {}", self.problem, self.form),
        }
    }
}

impl std::error::Error for Unreadable {}

/// An offered rate: `count` arrivals per `per_ns` nanoseconds, in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Arrivals in `per_ns`. Zero is a silent segment inside a shape.
    pub count: u64,
    /// Nanoseconds; never zero.
    pub per_ns: u64,
}

impl Rate {
    /// The silent rate.
    pub const ZERO: Rate = Rate { count: 0, per_ns: 1 };

    /// `count` arrivals in every `per_ns` nanoseconds, reduced. Panics if `per_ns` is zero.
    pub fn new(count: u64, per_ns: u64) -> Rate {
        assert!(per_ns > 0, "a rate is per some time");
        let divisor = greatest_common_divisor(count, per_ns).max(1);
        Rate { count: count / divisor, per_ns: per_ns / divisor }
    }

    /// `count` arrivals each second.
    pub fn per_second(count: u64) -> Rate {
        Rate::new(count, SECOND_NS)
    }

    /// This rate times a factor, to a thousandth of an arrival per second and at least that.
    pub(crate) fn times(self, factor: f64) -> Rate {
        let thousandths = (self.rps() * factor * 1_000.0).round().max(1.0);
        Rate::new(thousandths as u64, 1_000 * SECOND_NS)
    }

    /// Arrivals per second, as a number to show.
    pub fn rps(self) -> f64 {
        self.count as f64 * SECOND_NS as f64 / self.per_ns as f64
    }

    /// Reads `10000`, `2.5`, `10k`, `1.5M`, `600/m`, `5/s`, `3/h`. Errors say what was wrong and what would do.
    pub fn parse(text: &str) -> Result<Rate, Unreadable> {
        let wrong =
            |problem: String, instead| Unreadable { problem, instead, form: RATE_FORM, example: "1k" };
        let (number, unit) = match text.split_once('/') {
            Some((number, unit)) => (number, unit.trim()),
            None => (text, "s"),
        };
        let unit_ns = match unit {
            "s" => SECOND_NS,
            "m" => 60 * SECOND_NS,
            "h" => 3_600 * SECOND_NS,
            other => {
                let problem = format!("`{other}` is not a unit of a rate, which are `/s`, `/m` and `/h`");
                return Err(wrong(problem, spelling::rate(text)));
            }
        };
        let (number, factor) = split_magnitude(number.trim());
        let Some((mantissa, scale)) = parse_decimal(number) else {
            return Err(wrong(format!("`{text}` is not a rate"), spelling::rate(text)));
        };
        let too_large = || wrong(format!("`{text}` is too large"), None);
        let count = mantissa.checked_mul(factor).ok_or_else(too_large)?;
        let per_ns = unit_ns
            .checked_mul(scale)
            .ok_or_else(|| wrong(format!("`{text}` has too many decimals"), None))?;
        let rate = Rate::new(count, per_ns);
        if rate.rps() > RATE_RPS_MAX as f64 {
            let problem = format!("`{text}` is above the highest rate, {RATE_RPS_MAX} per second");
            return Err(wrong(problem, Some("1G".to_owned())));
        }
        Ok(rate)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/s", self.rps())
    }
}

/// Reads `250us`, `10ms`, `1.5s`, `2m`, `1h`; returns nanoseconds. A bare number is refused: its unit would be a guess.
pub fn parse_duration_ns(text: &str) -> Result<u64, Unreadable> {
    let wrong =
        |problem: String, instead| Unreadable { problem, instead, form: DURATION_FORM, example: "10s" };
    let text = text.trim();
    if text.starts_with('-') {
        return Err(wrong(format!("`{text}` is negative"), None));
    }
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let unit_ns = match unit.trim() {
        "ns" => 1,
        "us" | "µs" => MICROSECOND_NS,
        "ms" => MILLISECOND_NS,
        "s" => SECOND_NS,
        "m" => 60 * SECOND_NS,
        "h" => 3_600 * SECOND_NS,
        "" if !number.is_empty() => {
            return Err(wrong(format!("`{text}` has no unit"), spelling::duration(text)));
        }
        _ => return Err(wrong(format!("`{text}` is not a duration"), spelling::duration(text))),
    };
    let Some((mantissa, scale)) = parse_decimal(number) else {
        return Err(wrong(format!("`{text}` is not a duration"), None));
    };
    let whole = u128::from(mantissa) * u128::from(unit_ns) / u128::from(scale);
    match u64::try_from(whole) {
        Ok(ns) if ns <= DURATION_NS_MAX => Ok(ns),
        _ => Err(wrong(
            format!("`{text}` is longer than the longest run, {}", show_ns(DURATION_NS_MAX)),
            Some("1250h".to_owned()),
        )),
    }
}

/// A count as typed: `5000`, `10k`, `1.5M`. Returns the whole number.
pub fn parse_count(text: &str) -> Result<u64, Unreadable> {
    let (number, factor) = split_magnitude(text.trim());
    let wrong = || Unreadable {
        problem: format!("`{text}` is not a whole number"),
        instead: spelling::count(text),
        form: COUNT_FORM,
        example: "10k",
    };
    let (mantissa, scale) = parse_decimal(number).ok_or_else(wrong)?;
    let scaled = mantissa.checked_mul(factor).ok_or_else(wrong)?;
    if scaled % scale != 0 {
        return Err(wrong());
    }
    Ok(scaled / scale)
}

/// Reads a share: `10%`, or `0.1`. Which ones there may be is for others to say.
pub fn parse_share(text: &str) -> Option<f64> {
    let text = text.trim();
    let (number, divisor) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    number.trim().parse::<f64>().ok().map(|number| number / divisor)
}

/// Reads a number of bytes: `4096`, `64KiB`, `1MiB`, `1GiB`. A byte's letter may be left out, and is binary then as well.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let unit = unit.trim();
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kib" => 10,
        "m" | "mib" => 20,
        "g" | "gib" => 30,
        _ => return Err(format!("`{text}` is not a number of bytes")),
    };
    let number: u64 = number.parse().map_err(|_| format!("`{text}` is not a number of bytes"))?;
    number.checked_mul(1 << shift).ok_or_else(|| format!("`{text}` is too much"))
}

/// The two rates of a text that means "from one to the other", such as `100-5000`.
pub fn rate_ends(text: &str) -> Option<(&str, &str)> {
    let separators = ["..", "->", "→", "–", ":", "-", " to "];
    let (from, to) = separators.iter().find_map(|separator| text.split_once(separator))?;
    let is_rate = |text: &str| Rate::parse(text).is_ok();
    let (from, to) = (from.trim(), to.trim());
    (is_rate(from) && is_rate(to)).then_some((from, to))
}

/// A duration for people: three significant digits and the unit that fits, such as `1.23 ms`.
pub fn show_ns(ns: u64) -> String {
    let (divisor, unit) = match ns {
        0..MICROSECOND_NS => return format!("{ns} ns"),
        MICROSECOND_NS..MILLISECOND_NS => (MICROSECOND_NS, "us"),
        MILLISECOND_NS..SECOND_NS => (MILLISECOND_NS, "ms"),
        SECOND_NS.. => (SECOND_NS, "s"),
    };
    let value = ns as f64 / divisor as f64;
    match value {
        v if v < 10.0 => format!("{v:.2} {unit}"),
        v if v < 100.0 => format!("{v:.1} {unit}"),
        v => format!("{v:.0} {unit}"),
    }
}

/// A count, in groups of three.
pub fn group(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things for people: `1 shard`, `2 shards`. For words whose plural is an `s`.
pub fn counted(count: u64, thing: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{ending}")
}

/// `k`, `M` and `G` multiply by powers of a thousand.
fn split_magnitude(text: &str) -> (&str, u64) {
    match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 1_000),
        Some(b'M') => (&text[..text.len() - 1], 1_000_000),
        Some(b'G') => (&text[..text.len() - 1], 1_000_000_000),
        _ => (text, 1),
    }
}

/// `12.5` → (125, 10): a decimal as a fraction, so that nothing is rounded. At most nine decimals.
fn parse_decimal(text: &str) -> Option<(u64, u64)> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 9 || (whole.is_empty() && decimals.is_empty()) {
        return None;
    }
    let digits: String = whole.chars().chain(decimals.chars()).filter(|&c| c != '_').collect();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let scale = 10_u64.pow(decimals.chars().filter(|&c| c != '_').count() as u32);
    Some((digits.parse().ok()?, scale))
}

/// Euclid's algorithm.
pub fn greatest_common_divisor(mut left: u64, mut right: u64) -> u64 {
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_read_as_exact_fractions() {
        assert_eq!(Rate::parse("10k").unwrap(), Rate { count: 1, per_ns: 100_000 });
        assert_eq!(Rate::parse("600/m").unwrap(), Rate::per_second(10));
        assert_eq!(Rate::parse("2.5").unwrap(), Rate { count: 1, per_ns: 400_000_000 });
        assert_eq!(Rate::parse("100/m").unwrap(), Rate { count: 1, per_ns: 600_000_000 });
        assert_eq!(Rate::parse("0").unwrap().count, 0);
    }

    #[test]
    fn a_rate_that_is_none_says_what_one_looks_like() {
        for text in ["", "abc", "-5", "1e3", "5/d", "1..2", "2000M"] {
            let error = Rate::parse(text).unwrap_err().to_string();
            assert!(error.contains("rate") || error.contains("unit"), "{text}: {error}");
        }
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(parse_duration_ns("1.5s").unwrap(), 1_500_000_000);
        assert_eq!(parse_duration_ns("250us").unwrap(), 250_000);
        assert_eq!(parse_duration_ns("2m").unwrap(), 120 * SECOND_NS);
        assert!(parse_duration_ns("10").unwrap_err().problem.contains("no unit"));
        assert!(parse_duration_ns("-1s").unwrap_err().problem.contains("negative"));
        assert!(parse_duration_ns("5 parsecs").is_err());
        assert!(parse_duration_ns("99999999h").is_err());
    }

    #[test]
    fn counts_are_whole() {
        assert_eq!(parse_count("1.5k").unwrap(), 1_500);
        assert!(parse_count("1.5").is_err());
    }

    #[test]
    fn one_thing_is_no_plural() {
        assert_eq!((counted(1, "shard").as_str(), counted(0, "shard").as_str()), ("1 shard", "0 shards"));
    }

    #[test]
    fn two_rates_in_one_text_are_the_ends_of_a_ramp() {
        for text in ["100-5000", "100:5000", "100..5000", "100 → 5000", "100 to 5000"] {
            assert_eq!(rate_ends(text), Some(("100", "5000")), "{text}");
        }
        assert_eq!((rate_ends("-5"), rate_ends("10"), rate_ends("a-b")), (None, None, None));
    }
}
