//! The recorded instants of a load, as typed: times from any beginning, in order, and how fast they are repeated.

use crate::config::{Diagnostic, LoadConfig, Text};
use crate::quantity::parse_duration_ns;
use crate::recorded::{RECORDED_ARRIVALS_MAX, at_speed};
use std::borrow::Cow;

/// How much faster or slower than it was, a recording is repeated at the most.
const SPEED_MAX: f64 = 1_000.0;

/// When the arrivals come, from the first one on; none where the load names none.
pub(super) fn read(config: &LoadConfig, load: &str) -> Result<Vec<u64>, Vec<Diagnostic>> {
    let mut wrong: Vec<Diagnostic> = Vec::new();
    if config.offsets.is_some() && config.arrivals.as_ref().is_some_and(|Text(text)| text == "poisson") {
        let problem = "recorded arrivals come when they came, and not at random";
        wrong.push(Diagnostic::at(format!("{load}.arrivals"), problem, "leave it out"));
    }
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
    match (recorded_ns, speed) {
        (Ok(recorded_ns), Some(speed)) if wrong.is_empty() => Ok(at_speed(&recorded_ns, speed)),
        (recorded_ns, _) => {
            wrong.extend(recorded_ns.err().map(|diagnostic| *diagnostic));
            Err(wrong)
        }
    }
}

/// The first that is wrong is told: of a long list, all others may be wrong in the same way.
fn instants(texts: &[String], load: &str) -> Result<Vec<u64>, Box<Diagnostic>> {
    if !(1..=RECORDED_ARRIVALS_MAX).contains(&texts.len()) {
        let problem = format!("{} recorded arrivals cannot be repeated", texts.len());
        let fix = format!("give 1 to {RECORDED_ARRIVALS_MAX}");
        return Err(Box::new(Diagnostic::at(format!("{load}.offsets"), problem, fix)));
    }
    let mut instants_ns: Vec<u64> = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let path =
            if texts.len() > 1 { format!("{load}.offsets.{index}") } else { format!("{load}.offsets") };
        let instant_ns = match parse_duration_ns(&with_unit(text)) {
            Ok(instant_ns) => instant_ns,
            Err(cause) => return Err(Box::new(Diagnostic::unreadable(path, cause))),
        };
        if instants_ns.last().is_some_and(|before_ns| *before_ns > instant_ns) {
            let problem = format!("`{text}` comes before the arrival that stands before it");
            let fix = "write them in the order in which they came";
            return Err(Box::new(Diagnostic::at(path, problem, fix)));
        }
        instants_ns.push(instant_ns);
    }
    Ok(instants_ns)
}

/// Logs have seconds, and a list of a million is shorter without the unit.
fn with_unit(text: &str) -> Cow<'_, str> {
    let is_number = text.parse::<f64>().is_ok_and(f64::is_finite);
    if is_number { Cow::Owned(format!("{text}s")) } else { Cow::Borrowed(text) }
}
