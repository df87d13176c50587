//! What is to become of arrivals that find no free connection, as typed: the policy, and the keys that only one of them reads.

use crate::config::{Diagnostic, LoadConfig, Text, closest};
use crate::degrade::{FLOOR_PPM_DEFAULT, FLOOR_PPM_MIN, SLIP_NS_DEFAULT, WHOLE_PPM};
use crate::load::Overload;
use crate::quantity::parse_share;
use std::collections::BTreeMap;

/// The policies.
const POLICIES: [&str; 3] = ["queue", "shed", "degrade"];

/// The keys of a load that mean nothing without a schedule, each with what is typed there.
pub(super) fn open_only(config: &LoadConfig) -> [(&'static str, &Option<Text>); 5] {
    let LoadConfig { arrivals, overload, deadline, slip, floor, .. } = config;
    [("arrivals", arrivals), ("overload", overload), ("deadline", deadline), ("slip", slip), ("floor", floor)]
}

/// Reads the policy of a load that stands at `key`. Its lengths have been read; one that is wrong was told. Where a key of the load is not
/// known, nothing is said to be missing.
pub(super) fn read(
    key: &str,
    config: &LoadConfig,
    lengths_ns: &BTreeMap<&'static str, u64>,
    (is_closed, is_doubtful): (bool, bool),
) -> (Option<Overload>, Vec<Diagnostic>) {
    let mut wrong = Vec::new();
    let at = |name: &str| format!("{key}.{name}");
    let policy = config.overload.as_ref().map_or("queue", |text| text.0.as_str());
    let reads: &[&str] = match policy {
        "queue" => &[],
        "shed" => &["deadline"],
        "degrade" => &["slip", "floor"],
        other => {
            let fix = match closest(other, &POLICIES) {
                _ if matches!(other, "drop" | "reject" | "discard") => "did you mean `shed`?".to_owned(),
                _ if matches!(other, "thin" | "throttle" | "adapt") => "did you mean `degrade`?".to_owned(),
                Some(guess) => format!("did you mean `{guess}`?"),
                None => "there are `queue`, `shed` and `degrade`".to_owned(),
            };
            wrong.push(Diagnostic::at(at("overload"), format!("`{other}` is not an overload policy"), fix));
            return (None, wrong);
        }
    };
    for (name, _) in open_only(config).into_iter().filter(|(_, text)| text.is_some()) {
        let (whose, what) = match name {
            "deadline" => ("shed", "a deadline"),
            "slip" => ("degrade", "a slip"),
            "floor" => ("degrade", "a floor"),
            _ => continue,
        };
        // In a closed loop none of them means anything, which is told there.
        if !reads.contains(&name) && !is_closed {
            let fix = format!("use `overload = \"{whose}\"`, or leave it out");
            wrong.push(Diagnostic::at(at(name), format!("{what} means nothing to `{policy}`"), fix));
        }
    }
    let overload = match policy {
        "shed" => {
            if config.deadline.is_none() && !is_doubtful {
                let problem = "`shed` needs to know how long an arrival may wait";
                let missing = Diagnostic::at(at("deadline"), problem, "or the like");
                wrong.push(missing.with_values([("deadline", toml::Value::from("100ms"))]));
            }
            lengths_ns.get("deadline").map(|&deadline_ns| Overload::Shed { deadline_ns })
        }
        "degrade" => {
            let slip_ns = match config.slip {
                Some(_) => lengths_ns.get("slip").copied(),
                None => Some(SLIP_NS_DEFAULT),
            };
            let floor_ppm = match &config.floor {
                Some(Text(text)) => share_ppm(text).map_err(|problem| {
                    wrong.push(Diagnostic::at(at("floor"), problem, "write a share from `1%` to `100%`"));
                }),
                None => Ok(FLOOR_PPM_DEFAULT),
            };
            slip_ns.zip(floor_ppm.ok()).map(|(slip_ns, floor_ppm)| Overload::Degrade { slip_ns, floor_ppm })
        }
        _ => Some(Overload::Queue),
    };
    (overload.filter(|_| wrong.is_empty()), wrong)
}

/// `10%`, or `0.1`, in millionths. Errors say what is wrong with the text.
fn share_ppm(text: &str) -> Result<u32, String> {
    let share = parse_share(text).ok_or_else(|| format!("`{text}` is no share"))?;
    let share_ppm = (share * f64::from(WHOLE_PPM)).round();
    if (f64::from(FLOOR_PPM_MIN)..=f64::from(WHOLE_PPM)).contains(&share_ppm) {
        return Ok(share_ppm as u32);
    }
    Err(format!("`{text}` is no share that a load can be lowered to"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage_or_a_fraction_and_can_be_kept() {
        assert_eq!(share_ppm("10%"), Ok(100_000));
        assert_eq!(share_ppm("0.1"), Ok(100_000));
        assert_eq!(share_ppm("100%"), Ok(WHOLE_PPM));
        assert_eq!(share_ppm("12.5 %"), Ok(125_000));
        for wrong in ["0", "0%", "0.5%", "101%", "10", "-10%", "ten", "", "NaN", "inf%"] {
            assert!(share_ppm(wrong).is_err(), "{wrong}");
        }
    }
}
