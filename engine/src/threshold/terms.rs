//! How a condition is held: over the whole window or over every stretch of it, and whether breaking it ends the run. As text it stands behind the
//! condition: `failed rate<1%; over=10s; abort; after=30s`.

use crate::config::hint;
use crate::quantity::{MICROSECOND_NS, MILLISECOND_NS, SECOND_NS, parse_duration_ns, show_ns};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The keys that a condition has beside its limit, where it is a table.
const WORDS: [&str; 3] = ["over", "abort", "after"];

/// How many intervals a window can have: each of them is kept until the last window that it is in has been judged.
const WINDOW_INTERVALS_MAX: u64 = 600;

/// How a condition is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionTerms {
    /// It has to hold in every full window of this length, nanoseconds; absent: in the measured window as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_ns: Option<u64>,
    /// Breaking it ends the run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub abort: bool,
    /// But not before so much of the measured window has passed, nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_ns: Option<u64>,
}

impl ConditionTerms {
    /// Reads the parts that follow a condition. Errors say what is wrong, and what to do about it.
    pub(super) fn parse(parts: &[&str]) -> Result<ConditionTerms, (String, String)> {
        let mut terms = ConditionTerms::default();
        for part in parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()) {
            let (word, value) =
                part.split_once('=').map_or((part, None), |(word, value)| (word, Some(value)));
            match (word.trim(), value.map(str::trim)) {
                ("abort", None | Some("true")) => terms.abort = true,
                ("abort", Some("false")) => terms.abort = false,
                ("over", Some(value)) => terms.over_ns = Some(duration("over", value)?),
                ("after", Some(value)) => terms.after_ns = Some(duration("after", value)?),
                (word @ ("over" | "after"), None) => {
                    return Err((format!("`{word}` has no length"), format!("write `{word}=10s`")));
                }
                ("abort", Some(value)) => {
                    return Err((
                        format!("`abort` is true or false, and not `{value}`"),
                        "write `abort`".into(),
                    ));
                }
                (other, _) => {
                    let problem = format!("`{other}` is nothing that a condition has behind it");
                    return Err((problem, hint(other, &WORDS)));
                }
            }
        }
        terms.require_abort()?;
        Ok(terms)
    }

    /// A time before which the run does not end means nothing where it does not end.
    fn require_abort(self) -> Result<(), (String, String)> {
        match (self.abort, self.after_ns) {
            (false, Some(_)) => Err((
                "`after` without `abort` means nothing".into(),
                "add `abort`, or leave `after` out".into(),
            )),
            _ => Ok(()),
        }
    }

    /// Whether something has to be judged while the run goes on.
    pub fn are_watched(&self) -> bool {
        self.abort || self.over_ns.is_some()
    }

    /// Why a run with such a measured window and such intervals cannot be held to these terms, and what to do.
    pub(crate) fn misfit(&self, window_ns: u64, interval_ns: u64) -> Option<(String, String)> {
        let (interval_ns, window) = (interval_ns.max(1), show_ns(window_ns));
        if let Some(over_ns) = self.over_ns {
            let (over, interval) = (exact(over_ns), exact(interval_ns));
            if over_ns > window_ns {
                let problem = format!("`over={over}` is longer than the measured window, {window}");
                return Some((problem, "shorten it, or let the run take longer".into()));
            }
            if !over_ns.is_multiple_of(interval_ns) {
                let next = exact(over_ns.next_multiple_of(interval_ns));
                let problem = format!("`over={over}` is no whole number of intervals, which have {interval}");
                return Some((problem, format!("write `over={next}`, or set `interval` under `[run]`")));
            }
            if over_ns / interval_ns > WINDOW_INTERVALS_MAX {
                let problem =
                    format!("`over={over}` has more than {WINDOW_INTERVALS_MAX} intervals of {interval}");
                let longer = exact((over_ns / WINDOW_INTERVALS_MAX).next_multiple_of(SECOND_NS));
                return Some((
                    problem,
                    format!("set `interval = \"{longer}\"` under `[run]`, or shorten it"),
                ));
            }
        }
        let after_ns = self.after_ns.filter(|&after_ns| after_ns >= window_ns)?;
        let problem =
            format!("`after={}` is not before the end of the measured window, {window}", exact(after_ns));
        Some((problem, "shorten it, or let the run take longer".into()))
    }
}

impl fmt::Display for ConditionTerms {
    /// As they are typed, behind a condition; nothing for none.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(over_ns) = self.over_ns {
            write!(formatter, "; over={}", exact(over_ns))?;
        }
        if self.abort {
            formatter.write_str("; abort")?;
        }
        match self.after_ns {
            Some(after_ns) => write!(formatter, "; after={}", exact(after_ns)),
            None => Ok(()),
        }
    }
}

fn duration(word: &str, value: &str) -> Result<u64, (String, String)> {
    let read = parse_duration_ns(value).map_err(|cause| {
        let instead = cause.instead.unwrap_or_else(|| cause.example.to_owned());
        (format!("`{word}`: {}", cause.problem), format!("write `{word}={instead}` or the like"))
    })?;
    match read {
        0 => Err((format!("`{word}` is no time at all"), format!("write `{word}=10s` or the like"))),
        ns => Ok(ns),
    }
}

/// A duration as it is typed, to the nanosecond.
pub fn exact(ns: u64) -> String {
    let units = [(SECOND_NS, "s"), (MILLISECOND_NS, "ms"), (MICROSECOND_NS, "us"), (1, "ns")];
    let (unit_ns, unit) =
        units.into_iter().find(|(unit_ns, _)| ns.is_multiple_of(*unit_ns)).expect("one divides every number");
    format!("{}{unit}", ns / unit_ns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<ConditionTerms, (String, String)> {
        ConditionTerms::parse(&text.split(';').collect::<Vec<_>>())
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_as_the_same(over in any::<Option<u32>>(), abort: bool, after in any::<Option<u32>>()) {
            let ns = |ns: Option<u32>| ns.map(|ns| u64::from(ns) * 1_000 + 1);
            let terms = ConditionTerms { over_ns: ns(over), abort, after_ns: ns(after).filter(|_| abort) };
            prop_assert_eq!(parse(&terms.to_string()), Ok(terms));
        }
    }

    #[test]
    fn terms_are_read_in_any_order() {
        let all =
            ConditionTerms { over_ns: Some(10 * SECOND_NS), abort: true, after_ns: Some(90 * SECOND_NS) };
        assert_eq!(parse(" after = 1.5m; abort ;over=10s;"), Ok(all));
        assert_eq!(all.to_string(), "; over=10s; abort; after=90s");
        assert_eq!(parse("abort=false"), Ok(ConditionTerms::default()));
        assert_eq!(
            (parse(""), ConditionTerms::default().to_string().as_str()),
            (Ok(ConditionTerms::default()), "")
        );
    }

    #[test]
    fn mistakes_name_the_word_and_what_would_do() {
        for (typed, problem, fix) in [
            ("ovr=10s", "`ovr`", "over"),
            ("over", "no length", "over=10s"),
            ("over=10", "no unit", "over=10s"),
            ("abort; after=-5s", "negative", "after=10s"),
            ("over=0s", "no time at all", "over=10s"),
            ("abort=maybe", "`maybe`", "write `abort`"),
            ("after=5s", "without `abort`", "add `abort`"),
        ] {
            let (told, advice) = parse(typed).unwrap_err();
            assert!(told.contains(problem) && advice.contains(fix), "{typed}: {told}; {advice}");
        }
    }

    #[test]
    fn terms_have_to_fit_the_run() {
        let misfit = |typed: &str, window_s: u64| {
            parse(typed)
                .unwrap()
                .misfit(window_s * SECOND_NS, SECOND_NS)
                .map_or(String::new(), |(problem, _)| problem)
        };
        assert_eq!((misfit("over=10s", 10), misfit("abort; after=9s", 10)), (String::new(), String::new()));
        assert!(misfit("over=11s", 10).contains("longer than the measured window"));
        assert!(misfit("over=1500ms", 10).contains("no whole number of intervals"));
        assert!(misfit("over=601s", 1000).contains("more than 600 intervals"));
        assert!(misfit("abort; after=10s", 10).contains("not before the end"));
    }
}
