//! What the server is told to be: slow, failing, stalling. The grammar shared by flags and queries.
//!
//! A `Behaviour` only says; `fate` draws one request's lot from it and `session` carries it out.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::quantity::{ValueError, parse_duration, parse_rate};
use crate::workers::parse_workers;
use crate::{ServiceTime, Stall, Warm};

/// How the server treats a request. The default is to answer at once, always.
///
/// | key | value | meaning |
/// |---|---|---|
/// | `service` | `fixed:5ms`, `exp:5ms`, `lognormal:5ms,0.5`, `pareto:1ms,1.5`, `none` | the [`ServiceTime`] |
/// | `workers` | `4`, `none` | how many requests are served at a time, over all connections |
/// | `warm` | `10/30s`, `none` | the [`Warm`] |
/// | `error` | `0.01`, `1%` | the share answered with status 500, a call of gRPC with status 13, a message of a WebSocket by closing with code 1011, after the service time |
/// | `reset` | `0.001`, `0.1%` | the share whose connection is reset (RST), with HTTP/2 whose stream (RST_STREAM), after the service time |
/// | `stall` | `500ms/2s`, `none` | the [`Stall`] |
/// | `slow` | `10ms`, `none` | the pause between the parts of a body |
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Behaviour {
    /// How long each request is served. Requests of different connections, and of different streams of one, are served in
    /// parallel, unless there are too few workers.
    pub service: ServiceTime,
    /// How many requests are served at a time over the whole server, from 1 to 1024; who came first is served
    /// first. The capacity is then exactly this many for each service time: with `fixed:2ms` and 4, 2000 requests
    /// a second. Requests with the same number in their query, or by the server's own, share the same workers.
    /// `None`: any number.
    pub workers: Option<NonZeroU32>,
    /// How much slower the server is until it is warm. Requests that meet the same warm-up share it.
    pub warm: Option<Warm>,
    /// The share of requests answered with status 500, from 0 to 1.
    pub error_rate: f64,
    /// The share of requests whose connection is reset instead of answered, from 0 to 1; with HTTP/2, whose stream is. A reset wins
    /// over an error.
    pub reset_rate: f64,
    /// When the whole server is silent.
    pub stall: Option<Stall>,
    /// The pause between the parts of a body. A body has at most eight parts of equal size, the last
    /// perhaps shorter, so a long enough body takes seven pauses.
    pub slow_body: Option<Duration>,
}

impl Behaviour {
    /// The keys that [`Behaviour::set`] knows, for messages and help texts.
    pub const KEYS: [&'static str; 7] = ["service", "workers", "warm", "error", "reset", "stall", "slow"];

    /// Sets one property from its text; see the table above.
    ///
    /// # Errors
    ///
    /// [`BehaviourError::UnknownKey`], or [`BehaviourError::Malformed`] when the key is known and the value
    /// is not of its shape. `self` is then unchanged.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), BehaviourError> {
        let outcome = match key {
            "service" => value.parse().map(|service| self.service = service),
            "workers" => optional(value, parse_workers).map(|workers| self.workers = workers),
            "warm" => optional(value, str::parse).map(|warm| self.warm = warm),
            "error" => parse_rate(value).map(|rate| self.error_rate = rate),
            "reset" => parse_rate(value).map(|rate| self.reset_rate = rate),
            "stall" => optional(value, str::parse).map(|stall| self.stall = stall),
            "slow" => optional(value, parse_duration).map(|pause| self.slow_body = pause),
            _ => return Err(BehaviourError::UnknownKey { key: key.to_owned() }),
        };
        outcome.map_err(|problem| BehaviourError::Malformed {
            key: key.to_owned(),
            value: value.to_owned(),
            problem,
        })
    }

    /// This behaviour with the known keys of a query string in its place. Unknown keys belong to someone
    /// else: load tests put cache-busters and user ids there.
    pub(crate) fn with_query(mut self, query: &str) -> Result<Behaviour, BehaviourError> {
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match self.set(&key, &value) {
                Ok(()) | Err(BehaviourError::UnknownKey { .. }) => {}
                Err(malformed) => return Err(malformed),
            }
        }
        Ok(self)
    }
}

fn optional<T>(value: &str, parse: impl Fn(&str) -> Result<T, ValueError>) -> Result<Option<T>, ValueError> {
    match value {
        "none" => Ok(None),
        _ => parse(value).map(Some),
    }
}

/// Why a behaviour could not be set: the operator's mistake, to be shown as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BehaviourError {
    /// No property has this name.
    UnknownKey {
        /// The name as it was given.
        key: String,
    },
    /// The property exists and the value is not of its shape.
    Malformed {
        /// The property.
        key: String,
        /// The value as it was given.
        value: String,
        /// What is wrong with it and what would be right.
        problem: ValueError,
    },
}

impl fmt::Display for BehaviourError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BehaviourError::UnknownKey { key } => {
                write!(f, "`{key}` is not a behaviour; the behaviours are {}", Behaviour::KEYS.join(", "))
            }
            BehaviourError::Malformed { key, value, problem } => write!(f, "{key}={value}: {problem}"),
        }
    }
}

impl std::error::Error for BehaviourError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn behaviour(query: &str) -> Behaviour {
        Behaviour::default().with_query(query).expect(query)
    }

    #[test]
    fn each_key_sets_its_property_and_no_other() {
        let untouched = Behaviour::default();
        let service = ServiceTime::Fixed(Duration::from_millis(5));
        assert_eq!(behaviour("service=fixed:5ms"), Behaviour { service, ..untouched });
        let workers = NonZeroU32::new(4);
        assert_eq!(behaviour("workers=4"), Behaviour { workers, ..untouched });
        let warm = Some(Warm { factor: 10.0, time: Duration::from_secs(30) });
        assert_eq!(behaviour("warm=10/30s"), Behaviour { warm, ..untouched });
        assert_eq!(behaviour("error=0.5"), Behaviour { error_rate: 0.5, ..untouched });
        assert_eq!(behaviour("reset=1%25"), Behaviour { reset_rate: 0.01, ..untouched });
        let stall = Some(Stall { length: Duration::from_millis(500), every: Duration::from_secs(2) });
        assert_eq!(behaviour("stall=500ms/2s"), Behaviour { stall, ..untouched });
        let slow_body = Some(Duration::from_millis(10));
        assert_eq!(behaviour("slow=10ms"), Behaviour { slow_body, ..untouched });
    }

    #[test]
    fn every_listed_key_is_known() {
        for key in Behaviour::KEYS {
            let error = Behaviour::default().set(key, "nonsense").expect_err(key);
            assert!(matches!(error, BehaviourError::Malformed { .. }), "{key}");
        }
    }

    #[test]
    fn none_undoes_what_the_server_was_told() {
        let told = behaviour("service=exp:5ms&workers=2&warm=2/1s&stall=1s/2s&slow=1ms&error=1&reset=1");
        let undone =
            told.with_query("service=none&workers=none&warm=none&stall=none&slow=none&error=0&reset=0");
        assert_eq!(undone, Ok(Behaviour::default()));
    }

    #[test]
    fn a_query_may_be_percent_encoded() {
        assert_eq!(behaviour("service=lognormal%3A5ms%2C0.5"), behaviour("service=lognormal:5ms,0.5"));
        assert_eq!(behaviour("stall=500ms%2F2s"), behaviour("stall=500ms/2s"));
        assert_eq!(behaviour("error=1%"), behaviour("error=1%25"));
    }

    #[test]
    fn an_unknown_key_is_ignored_in_a_query_and_refused_from_a_flag() {
        assert_eq!(behaviour("user=7&error=1"), behaviour("error=1"));
        let error = Behaviour::default().set("latency", "5ms").expect_err("not a key").to_string();
        assert_eq!(
            error,
            "`latency` is not a behaviour; the behaviours are service, workers, warm, error, reset, stall, slow"
        );
    }

    #[test]
    fn a_malformed_value_names_its_key_and_changes_nothing() {
        let mut told = behaviour("slow=1ms");
        let error = told.set("slow", "10").expect_err("no unit").to_string();
        assert_eq!(error, "slow=10: `10` has no unit; add us, ms, s, m or h, as in 1.5ms");
        assert_eq!(told, behaviour("slow=1ms"));
    }
}
