//! What is done about failures, as typed: when a request is tried again, and when its client leaves the target alone.

use super::{PlanReader, Typed};
use crate::breaker::BreakerRules;
use crate::code;
use crate::config::{BreakerConfig, Diagnostic, RetryConfig, Text, hint};
use crate::outcome::Kind;
use crate::quantity::{SECOND_NS, parse_count, parse_duration_ns, parse_share};
use crate::resilience::{ClientBreaker, Resilience};
use crate::retry::{RetryCause, RetryRules, RetryWait};

const ATTEMPTS_DEFAULT: u32 = 3;
const WAIT_DEFAULT: &str = "exp:50ms,2s";
const STAYS_OPEN_NS_DEFAULT: u64 = 5 * SECOND_NS;
const OPENS_FIX: &str = "write which share of how many of the last outcomes, such as `50% of 20`";
const WAIT_FIX: &str = "write `100ms`, `100ms,5s`, or `exp:50ms,2s`";

impl<'a> PlanReader<'a> {
    /// What a scenario does about failures of its requests.
    pub(super) fn resilience(&mut self, typed: &Typed<'a>) -> Resilience {
        let (retry, breaker) = (typed.config.retry.clone(), typed.config.breaker.clone());
        Resilience {
            retry: (retry != RetryConfig::default()).then(|| self.retry(&retry, &typed.at("retry"))),
            breaker: (breaker != BreakerConfig::default())
                .then(|| self.breaker(&breaker, &typed.at("breaker")))
                .flatten(),
        }
    }

    fn retry(&mut self, config: &RetryConfig, key: &str) -> RetryRules {
        let texts = config.on.as_ref().map_or(&[][..], |texts| &texts.0);
        let mut on = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let key = if texts.len() > 1 { format!("{key}.on.{index}") } else { format!("{key}.on") };
            on.extend(self.retry_cause(text, &key));
        }
        if texts.is_empty() {
            let fix = "name kinds and statuses, such as `on = [\"connect\", \"timeout\", 503]`";
            self.wrong(&format!("{key}.on"), "it is not said after which failures to try again", fix);
        }
        RetryRules {
            attempts: self.count_of(&config.attempts, &format!("{key}.attempts"), ATTEMPTS_DEFAULT),
            on,
            wait: self.retry_wait(
                config.wait.as_ref().map_or(WAIT_DEFAULT, |Text(text)| text),
                &format!("{key}.wait"),
            ),
            budget: config.budget.as_ref().and_then(|Text(text)| self.share(text, &format!("{key}.budget"))),
        }
    }

    fn breaker(&mut self, config: &BreakerConfig, key: &str) -> Option<ClientBreaker> {
        let opens = format!("{key}.opens");
        let read = match &config.opens {
            Some(Text(text)) => self.opening(text, &opens),
            None => {
                self.wrong(&opens, "it is not said which failures open it", OPENS_FIX);
                None
            }
        };
        let stays_open = format!("{key}.stays_open");
        let (clients, probes) = (format!("{key}.clients"), format!("{key}.probes"));
        let (clients, probes) =
            (self.count_of(&config.clients, &clients, 1), self.count_of(&config.probes, &probes, 1));
        let stays_open_ns = self.positive(&config.stays_open, &stays_open, STAYS_OPEN_NS_DEFAULT);
        let (failures, window) = read?;
        Some(ClientBreaker { clients, rules: BreakerRules { failures, window, stays_open_ns, probes } })
    }

    fn retry_cause(&mut self, text: &str, key: &str) -> Option<RetryCause> {
        if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name() == text) {
            return Some(RetryCause::Kind(kind));
        }
        if let Some(class) = text.strip_suffix("xx").and_then(|class| class.parse().ok()) {
            return Some(RetryCause::Class(class));
        }
        if let Some(status) = code::typed(text) {
            return Some(RetryCause::Status(status));
        }
        let names: Vec<&str> = Kind::ALL.into_iter().map(Kind::name).collect();
        let problem =
            format!("`{text}` is no kind of failure, no status, and no class of statuses such as `5xx`");
        let fix = code::meant_name(text).map_or_else(|| hint(text, &names), |name| format!("write `{name}`"));
        self.wrong(key, problem, fix);
        None
    }

    fn retry_wait(&mut self, text: &str, key: &str) -> RetryWait {
        let (exponential, times) = text.strip_prefix("exp:").map_or((false, text), |times| (true, times));
        let (first, longest) = times.split_once(',').unwrap_or((times, if exponential { "" } else { times }));
        if longest.trim().is_empty() {
            self.wrong(key, format!("`{text}` has no longest wait"), WAIT_FIX);
            return RetryWait::Constant { wait_ns: 0, longest_ns: 0 };
        }
        let mut read = |time: &str| {
            self.take_with(parse_duration_ns(time.trim()), |cause| Diagnostic::unreadable(key, cause))
                .unwrap_or(0)
        };
        let (first_ns, longest_ns) = (read(first), read(longest));
        match exponential {
            true => RetryWait::Exponential { first_ns, longest_ns },
            false => RetryWait::Constant { wait_ns: first_ns, longest_ns },
        }
    }

    /// Of `50% of 20`: so many failures of so many outcomes.
    fn opening(&mut self, text: &str, key: &str) -> Option<(u32, u32)> {
        let parts = text.split_once(" of ").and_then(|(share, window)| {
            let share: f64 = share.trim().strip_suffix('%')?.trim().parse().ok()?;
            Some((share, window.trim().parse::<u32>().ok()?))
        });
        let Some((share, window)) = parts.filter(|(share, _)| share.is_finite()) else {
            self.wrong(key, format!("`{text}` does not say which failures open it"), OPENS_FIX);
            return None;
        };
        // As many as are at least the share; above 0 %, one at least.
        let failures = (share / 100.0 * f64::from(window) - 1e-9).ceil();
        Some((if share > 0.0 { failures.max(1.0) as u32 } else { 0 }, window))
    }

    /// A share: `10%`, or `0.1`.
    fn share(&mut self, text: &str, key: &str) -> Option<f64> {
        let share = parse_share(text);
        if share.is_none() {
            self.wrong(key, format!("`{text}` is no share of the requests"), "write `10%`, or `0.1`");
        }
        share
    }

    fn count_of(&mut self, text: &Option<Text>, key: &str, default: u32) -> u32 {
        let Some(Text(text)) = text else { return default };
        let count = self.take_with(parse_count(text), |cause| Diagnostic::unreadable(key, cause));
        count.map_or(default, |count| count.try_into().unwrap_or(u32::MAX))
    }
}
