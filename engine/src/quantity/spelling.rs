//! How quantities that were written as elsewhere would be written here: guesses, for messages only.

/// A duration as other programs and people write it: `10`, `10sec`, `1m30s`, `1,5s`.
pub(super) fn duration(text: &str) -> Option<String> {
    let text = text.trim().replace(',', ".");
    if text.parse::<f64>().is_ok() {
        return Some(format!("{text}s"));
    }
    let mut total_ms = 0.0;
    let mut parts = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(unit_at);
        let tail = tail.trim_start();
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, left) = tail.split_at(end);
        let (unit, unit_ms) = unit_of(unit.trim())?;
        total_ms += number.parse::<f64>().ok()? * unit_ms;
        parts.push((number, unit));
        rest = left;
    }
    match parts[..] {
        [] => None,
        [(number, "d")] => Some(format!("{}h", number.parse::<f64>().ok()? * 24.0)),
        [(number, unit)] => Some(format!("{number}{unit}")),
        _ if total_ms % 1_000.0 == 0.0 => Some(format!("{}s", total_ms / 1_000.0)),
        _ => Some(format!("{total_ms}ms")),
    }
}

fn unit_of(word: &str) -> Option<(&'static str, f64)> {
    Some(match word.to_lowercase().as_str() {
        "ms" | "msec" | "msecs" | "millis" | "millisecond" | "milliseconds" => ("ms", 1.0),
        "us" | "usec" | "micros" | "microseconds" => ("us", 0.001),
        "s" | "sec" | "secs" | "second" | "seconds" => ("s", 1_000.0),
        "m" | "min" | "mins" | "minute" | "minutes" => ("m", 60_000.0),
        "h" | "hr" | "hrs" | "hour" | "hours" => ("h", 3_600_000.0),
        "d" | "day" | "days" => ("d", 86_400_000.0),
        _ => return None,
    })
}

/// A rate as others write it: `1e3`, `10,000`, `50rps`, `50 req/s`, `600/min`.
pub(super) fn rate(text: &str) -> Option<String> {
    let text = ungrouped(text).to_lowercase();
    let number_end = text.find(|c: char| !c.is_ascii_digit() && !".,_e+".contains(c)).unwrap_or(text.len());
    let (digits, unit) = text.split_at(number_end);
    let (magnitude, unit) = match unit.trim().split_at_checked(1) {
        Some(("k", rest)) => ("k", rest.trim()),
        _ => ("", unit.trim()),
    };
    let words = unit.replace("requests", "").replace("request", "").replace("reqs", "").replace("req", "");
    let per = match words.trim().replace("per", "/").replace(' ', "").as_str() {
        "" | "rps" | "qps" | "hz" | "/s" | "/sec" | "/second" | "r/s" | "s" => "",
        "rpm" | "/min" | "/minute" | "/m" => "/m",
        "/hour" | "/hr" | "/h" => "/h",
        _ => return None,
    };
    Some(format!("{}{magnitude}{per}", number(digits)?))
}

/// A count as others write it: `1e6`, `10,000`.
pub(super) fn count(text: &str) -> Option<String> {
    let text = ungrouped(text);
    let text = text.as_str();
    let digits = text.trim().trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let digits = if digits.is_empty() { text } else { digits };
    number(digits).or_else(|| number(text.trim())).filter(|number| !number.contains('.'))
}

/// Digits without the blanks that some put between thousands.
fn ungrouped(text: &str) -> String {
    let is_grouped = text.chars().all(|c| c.is_ascii_digit() || c == ' ');
    if is_grouped { text.replace(' ', "") } else { text.trim().to_owned() }
}

fn number(text: &str) -> Option<String> {
    let groups: Vec<&str> = text.split(',').collect();
    let is_grouped = groups.len() > 1 && groups[1..].iter().all(|group| group.len() == 3);
    let plain = match groups[..] {
        _ if is_grouped => groups.concat(),
        [whole, decimals] => format!("{whole}.{decimals}"),
        _ => text.to_owned(),
    };
    let value = plain.replace('_', "").parse::<f64>().ok().filter(|value| value.is_finite())?;
    Some(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::{Rate, parse_count, parse_duration_ns};

    #[test]
    fn durations_of_others_are_understood() {
        for (typed, ours) in [
            ("10", Some("10s")),
            ("10sec", Some("10s")),
            ("5 minutes", Some("5m")),
            ("1m30s", Some("90s")),
            ("1,5s", Some("1.5s")),
            ("500 millis", Some("500ms")),
            ("1d", Some("24h")),
            ("1s500ms", Some("1500ms")),
            ("soon", None),
            ("", None),
        ] {
            let guess = duration(typed);
            assert_eq!(guess.as_deref(), ours, "{typed}");
            assert!(guess.is_none_or(|guess| parse_duration_ns(&guess).is_ok()), "{typed}");
        }
    }

    #[test]
    fn rates_and_counts_of_others_are_understood() {
        for (typed, ours) in [
            ("1e3", Some("1000")),
            ("10,000", Some("10000")),
            ("10 000", Some("10000")),
            ("50rps", Some("50")),
            ("50 req/s", Some("50")),
            ("600/min", Some("600/m")),
            ("600 rpm", Some("600/m")),
            ("5k/sec", Some("5k")),
            ("2,5", Some("2.5")),
            ("fast", None),
            ("5/d", None),
            ("-5", None),
        ] {
            let guess = rate(typed);
            assert_eq!(guess.as_deref(), ours, "{typed}");
            assert!(guess.is_none_or(|guess| Rate::parse(&guess).is_ok()), "{typed}");
        }
        for (typed, ours) in [("1e6", Some("1000000")), ("10,000", Some("10000")), ("1.5", None)] {
            assert_eq!(count(typed).as_deref(), ours, "{typed}");
            assert!(count(typed).is_none_or(|guess| parse_count(&guess).is_ok()), "{typed}");
        }
    }
}
