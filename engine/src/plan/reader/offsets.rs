//! The recorded instants of a load, as typed: times from any beginning, in order, and how fast they are repeated.

use crate::config::{Diagnostic, LoadConfig, Text};
use crate::quantity::{DURATION_NS_MAX, SECOND_NS, parse_duration_ns, show_ns};
use crate::recorded::{RECORDED_ARRIVALS_MAX, at_speed};

/// How much faster or slower than it was, a recording is repeated at the most.
const SPEED_MAX: f64 = 1_000.0;

/// When the arrivals come, from the first one on; none where the load names none.
pub(super) fn read(config: &LoadConfig, load: &str) -> Result<Vec<u64>, Vec<Diagnostic>> {
    let mut wrong: Vec<Diagnostic> = Vec::new();
    let speed = config.speed.as_ref().map_or(Some(1.0), |Text(text)| {
        let speed = text.parse().ok().filter(|speed| (1.0 / SPEED_MAX..=SPEED_MAX).contains(speed));
        if speed.is_none() {
            let problem = format!("`{text}` is no speed");
            let fix = "write how many times as fast as it was: from 0.001 to 1000";
            wrong.push(Diagnostic::at(format!("{load}.speed"), problem, fix));
        }
        speed
    });
    let recorded_ns = config.offsets.as_ref().map_or(Ok(Vec::new()), |texts| instants(&texts.0, load));
    let repeated_ns = match (recorded_ns, speed) {
        (Ok(recorded_ns), Some(speed)) => at_speed(&recorded_ns, speed),
        (recorded_ns, _) => {
            wrong.extend(recorded_ns.err().map(|diagnostic| *diagnostic));
            return Err(wrong);
        }
    };
    if let Some(last_ns) = repeated_ns.last().filter(|last_ns| **last_ns >= DURATION_NS_MAX) {
        let problem = format!("the last arrival comes {} after the first one", show_ns(*last_ns));
        let fix = format!(
            "no run is longer than {}: leave the later ones out, or repeat them at a higher `speed`",
            show_ns(DURATION_NS_MAX)
        );
        return Err(vec![Diagnostic::at(format!("{load}.offsets"), problem, fix)]);
    }
    Ok(repeated_ns)
}

/// The instants from the first one on. The first that is wrong is told: of a long list, all others may be wrong in the same way.
fn instants(texts: &[String], load: &str) -> Result<Vec<u64>, Box<Diagnostic>> {
    if !(1..=RECORDED_ARRIVALS_MAX).contains(&texts.len()) {
        let problem = format!("{} recorded arrivals cannot be repeated", texts.len());
        let fix = format!("give 1 to {RECORDED_ARRIVALS_MAX}");
        return Err(Box::new(Diagnostic::at(format!("{load}.offsets"), problem, fix)));
    }
    let mut instants_ns: Vec<u64> = Vec::with_capacity(texts.len());
    let mut first_ns = None;
    for (index, text) in texts.iter().enumerate() {
        let path =
            if texts.len() > 1 { format!("{load}.offsets.{index}") } else { format!("{load}.offsets") };
        // Logs have seconds, often since 1970, and a list of a million is shorter without the unit.
        let instant_ns = match seconds(text) {
            Some(instant_ns) => instant_ns,
            None => match parse_duration_ns(text) {
                Ok(instant_ns) => u128::from(instant_ns),
                Err(cause) => return Err(Box::new(Diagnostic::unreadable(path, cause))),
            },
        };
        let first_ns = *first_ns.get_or_insert(instant_ns);
        let since_ns = instant_ns.checked_sub(first_ns).map(|ns| u64::try_from(ns).unwrap_or(u64::MAX));
        match since_ns.filter(|since_ns| instants_ns.last().is_none_or(|before_ns| before_ns <= since_ns)) {
            Some(since_ns) => instants_ns.push(since_ns),
            None => {
                let problem = format!("`{text}` comes before the arrival that stands before it");
                let fix = "write them in the order in which they came";
                return Err(Box::new(Diagnostic::at(path, problem, fix)));
            }
        }
    }
    Ok(instants_ns)
}

/// A number of seconds, such as `1764400000.25`, in nanoseconds; what is finer than these is left out. Nothing where it is none.
fn seconds(text: &str) -> Option<u128> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(part) {
        return None;
    }
    let part_ns: u128 = format!("{:0<9.9}", part).parse().ok()?;
    whole.parse::<u128>().ok()?.checked_mul(u128::from(SECOND_NS))?.checked_add(part_ns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Texts;
    use proptest::prelude::*;

    fn read_offsets(offsets: &[&str], speed: Option<&str>) -> Result<Vec<u64>, Vec<Diagnostic>> {
        let offsets = Some(Texts(offsets.iter().map(|text| (*text).to_owned()).collect()));
        let speed = speed.map(|text| Text(text.to_owned()));
        read(&LoadConfig { offsets, speed, ..LoadConfig::default() }, "load")
    }

    #[test]
    fn the_first_arrival_begins_the_load_whenever_it_came() {
        let since_1970 = ["1764400000", "1764400000.25", "1764400001.000000001", "1764400001.0000000019"];
        assert_eq!(read_offsets(&since_1970, None), Ok(vec![0, 250_000_000, 1_000_000_001, 1_000_000_001]));
        assert_eq!(read_offsets(&["5", "5500ms", "6s"], None), Ok(vec![0, 500_000_000, 1_000_000_000]));
        // What is longer than any run can be repeated at a higher speed.
        let years = ["0", "1764400000"];
        let wrong = read_offsets(&years, None).unwrap_err();
        assert!(wrong[0].path == "load.offsets" && wrong[0].fix.contains("`speed`"), "{wrong:?}");
        assert_eq!(read_offsets(&years, Some("1000")), Ok(vec![0, 1_764_400_000_000_000]));
    }

    #[test]
    fn what_is_no_time_is_told_as_it_was_typed() {
        for text in ["1e3", "-5", "5.", ".5", "", "5 parsecs"] {
            let wrong = read_offsets(&["0", text], None).expect_err(text);
            assert_eq!(wrong[0].path, "load.offsets.1", "{text}");
            assert!(!wrong[0].problem.contains(&format!("{text}s`")), "{wrong:?}");
        }
        let far = format!("{}", u128::MAX);
        assert!(read_offsets(&["0", &far], None).is_err());
    }

    proptest! {
        #[test]
        fn seconds_are_read_to_the_nanosecond(ns in 0_u64..4_000_000_000_000_000_000) {
            let text = format!("{}.{:09}", ns / SECOND_NS, ns % SECOND_NS);
            prop_assert_eq!(seconds(&text), Some(u128::from(ns)));
        }
    }
}
