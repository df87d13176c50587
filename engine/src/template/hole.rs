//! A value that is not known before the run: where it comes from, what is made of it, and where it stands.
//!
//! As typed it has names ([`HoleName`]): variables of a flow, columns of a feed, variables of the environment. Whoever knows what
//! these are puts numbers in their place ([`Hole::resolved`]); then it can be filled (`fill.rs`).

use super::filter::{HmacKey, HoleFilter};
use super::numbers::{DIGITS_MAX, UUID_BYTES, decimal_bytes};
use super::words::quoted;
use crate::redirect::LOCATION_BYTES_MAX;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest that a value may be before filters.
pub const VALUE_BYTES_MAX: usize = 4 << 10;
/// The longest that filters may make of it: memory for it is laid out for each request under way.
pub const FILLED_BYTES_MAX: usize = 128 << 10;
/// The most bytes that the cookies of a session become, with the name of their header and the end of its line.
pub const COOKIES_BYTES_MAX: usize = 8 << 10;
/// The most filters of one hole.
pub const FILTERS_MAX: usize = 8;
/// The most words that one of them is picked from.
pub const PICKED_MAX: usize = 1_024;

/// What takes its place in a request, and is not known before the run; `N` is what a value has for a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hole<N = HoleName> {
    /// Where the value comes from.
    pub source: HoleSource<N>,
    /// What is made of it, one after the other.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<HoleFilter<N>>,
    /// Where it stands: what may not be in it.
    pub place: HolePlace,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoleSource<N = HoleName> {
    /// From where its name says.
    Named(N),
    /// This text.
    Text(String),
    /// One of these, drawn.
    Pick(Vec<String>),
    /// So many letters and digits, drawn.
    Randstr(u16),
    /// The time of the day.
    Now(NowForm),
    /// The number of the iteration of the session's user, from 0.
    Iteration,
    /// The number of the session's user, from 0.
    User,
    /// The number of the arrival, from 0.
    Seq,
    /// A random UUID, version 4.
    Uuid,
    /// A random number.
    Rand {
        /// The smallest it may be.
        low: u64,
        /// The largest it may be.
        high: u64,
    },
    /// The cookies of the session: stands in requests as they are encoded, and in no plan.
    Cookies(CookieForm),
    /// Where a redirect leads: likewise.
    Location,
}

/// How the cookies of a session stand in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CookieForm {
    /// As a line of their own, or none.
    Line,
    /// In a line, behind some that the plan sends itself.
    Continued,
    /// As a field of a header block of HTTP/2 that no table takes in, or none.
    Literal,
}

/// What a value is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoleName {
    /// A variable of a flow.
    Variable(String),
    /// A column of a feed's row.
    Column {
        /// The feed.
        feed: String,
        /// Its column.
        column: String,
    },
    /// A variable of the environment, whose text takes its place when a plan is read: no plan that can run has one.
    Environment(String),
}

/// How an instant is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NowForm {
    /// Seconds since 1970.
    S,
    /// Milliseconds since 1970.
    Ms,
    /// Nanoseconds since 1970.
    Ns,
    /// Date and time in UTC, to the millisecond (RFC 3339).
    Iso,
}

/// Where a value stands in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HolePlace {
    /// In a path or query, where a blank or a control character would end it.
    Path,
    /// The same at the beginning of a path: it has to begin with the slash.
    PathStart,
    /// In the value of a header, where a line's end or a zero would.
    Header,
    /// In a body or message, where any byte may stand.
    Body,
    /// In a message that has to be UTF-8.
    Text,
}

/// A hole whose names are numbers, and which has a number itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedHole {
    pub(super) hole: Hole<u16>,
    pub(super) number: u32,
}

/// The text of a variable of the environment, if it is set.
pub(crate) type TextOf<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Nobody knows a name of a hole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName(pub HoleName);

impl Hole {
    /// All names in it: of where its value comes from, and of keys.
    pub fn all_names(&self) -> impl Iterator<Item = &HoleName> {
        let source = match &self.source {
            HoleSource::Named(name) => Some(name),
            _ => None,
        };
        let keys = self.filters.iter().filter_map(|filter| match filter {
            HoleFilter::HmacSha256 { key: HmacKey::Named(name) } => Some(name),
            _ => None,
        });
        source.into_iter().chain(keys)
    }

    /// The variables in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all_names().filter_map(|name| match name {
            HoleName::Variable(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The columns in it, each behind its feed.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all_names().filter_map(|name| match name {
            HoleName::Column { feed, column } => Some((feed.as_str(), column.as_str())),
            _ => None,
        })
    }

    /// The same with numbers in the place of names. `number` tells it from the other holes of its scenario: holes with different
    /// ones draw different values for an arrival.
    pub fn resolved(
        &self,
        number: u32,
        mut of_name: impl FnMut(&HoleName) -> Option<u16>,
    ) -> Result<ResolvedHole, UnknownName> {
        let mut named = |name: &HoleName| of_name(name).ok_or_else(|| UnknownName(name.clone()));
        Ok(ResolvedHole { hole: self.with_names(&mut named)?, number })
    }

    /// The same with texts in the place of variables of the environment, or those that are not set.
    pub(super) fn with_environment(&self, variable: TextOf<'_>) -> Result<Hole, Vec<String>> {
        let (mut hole, mut unset) = (self.clone(), Vec::new());
        let mut text = |name: &str| match variable(name) {
            Some(text) => text,
            None => {
                unset.push(name.to_owned());
                String::new()
            }
        };
        if let HoleSource::Named(HoleName::Environment(name)) = &self.source {
            hole.source = HoleSource::Text(text(name));
        }
        for filter in &mut hole.filters {
            if let HoleFilter::HmacSha256 { key } = filter
                && let HmacKey::Named(HoleName::Environment(name)) = &*key
            {
                *key = HmacKey::Text(text(name));
            }
        }
        if unset.is_empty() { Ok(hole) } else { Err(unset) }
    }

    /// The same with something else in the place of its keys, and of the other texts in it too if that is asked for.
    pub(crate) fn with_texts(&self, also_values: bool, change: impl Fn(&str) -> String) -> Hole {
        let mut hole = self.clone();
        for filter in &mut hole.filters {
            if let HoleFilter::HmacSha256 { key: HmacKey::Text(text) } = filter {
                *text = change(text);
            }
        }
        match &mut hole.source {
            HoleSource::Text(text) if also_values => *text = change(text),
            HoleSource::Pick(texts) if also_values => texts.iter_mut().for_each(|text| *text = change(text)),
            _ => {}
        }
        hole
    }

    /// The texts in it that may be sent as they are.
    pub(crate) fn values(&self) -> &[String] {
        match &self.source {
            HoleSource::Text(text) => std::slice::from_ref(text),
            HoleSource::Pick(texts) => texts,
            _ => &[],
        }
    }

    /// The keys in it.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.filters.iter().filter_map(|filter| match filter {
            HoleFilter::HmacSha256 { key: HmacKey::Text(text) } => Some(text.as_str()),
            _ => None,
        })
    }

    /// Why no request can hold it, and what to do, if none can.
    pub(crate) fn unsound(&self) -> Option<(String, String)> {
        let told = |problem: &str, fix: &str| Some((problem.to_owned(), fix.to_owned()));
        let is_long = |text: &String| text.len() > VALUE_BYTES_MAX;
        let most = format!("a value has at most {VALUE_BYTES_MAX} bytes");
        match &self.source {
            HoleSource::Location => {
                return told("stands for where a redirect leads", "write `redirects = 5` for the request");
            }
            HoleSource::Cookies(_) => {
                return told(
                    "stands for the cookies of a session",
                    "write `cookies = true` for the scenario",
                );
            }
            HoleSource::Rand { low, high } if low > high => {
                return told("begins above its end", "write the smaller number first");
            }
            HoleSource::Pick(texts) if texts.is_empty() => {
                return told("has nothing to pick from", "write `{{pick red green blue}}` or the like");
            }
            HoleSource::Pick(texts) if texts.len() > PICKED_MAX => {
                return told("picks from too many", &format!("give at most {PICKED_MAX}"));
            }
            HoleSource::Randstr(letters) if !(1..=VALUE_BYTES_MAX).contains(&usize::from(*letters)) => {
                return told("needs a number of letters", &format!("give 1 to {VALUE_BYTES_MAX}"));
            }
            _ if self.values().iter().any(is_long) => return told("holds a text that is too long", &most),
            _ if self.keys().any(|key| key.len() > VALUE_BYTES_MAX) => {
                return told("has a key that is too long", &most);
            }
            _ => {}
        }
        if self.filters.len() > FILTERS_MAX {
            return told("has too many filters", &format!("give at most {FILTERS_MAX}"));
        }
        // Also on the way: a digest is short, and what it is made of need not be.
        let is_too_long = |count: usize| {
            let first = Hole { filters: self.filters[..count].to_vec(), ..self.clone() };
            first.bytes_max() > FILLED_BYTES_MAX
        };
        if (0..=self.filters.len()).any(is_too_long) {
            let problem = format!("may become longer than {FILLED_BYTES_MAX} bytes");
            return Some((problem, "leave out a filter: each makes it longer".to_owned()));
        }
        None
    }
}

impl<N> Hole<N> {
    /// A value of a body as it is.
    pub fn new(source: HoleSource<N>) -> Hole<N> {
        Hole { source, filters: Vec::new(), place: HolePlace::Body }
    }

    /// The most bytes that it becomes.
    pub fn bytes_max(&self) -> usize {
        let mut bytes = match &self.source {
            HoleSource::Named(_) => VALUE_BYTES_MAX,
            HoleSource::Text(text) => text.len(),
            HoleSource::Pick(texts) => texts.iter().map(String::len).max().unwrap_or(0),
            HoleSource::Randstr(letters) => usize::from(*letters),
            HoleSource::Now(NowForm::Iso) => ISO_BYTES,
            HoleSource::Now(_) | HoleSource::Iteration | HoleSource::User | HoleSource::Seq => DIGITS_MAX,
            HoleSource::Uuid => UUID_BYTES,
            HoleSource::Rand { high, .. } => decimal_bytes(*high),
            HoleSource::Cookies(_) => COOKIES_BYTES_MAX,
            HoleSource::Location => LOCATION_BYTES_MAX,
        };
        for (index, filter) in self.filters.iter().enumerate() {
            bytes = filter.bytes_max(bytes);
            if self.is_written_in_hex(index) {
                bytes = bytes.saturating_mul(2);
            }
        }
        bytes
    }

    /// Whether what a filter makes is a digest that no encoding follows.
    pub(super) fn is_written_in_hex(&self, filter: usize) -> bool {
        let is_encoded = self.filters.get(filter + 1).is_some_and(HoleFilter::is_encoding);
        self.filters[filter].is_digest() && !is_encoded
    }

    /// The same with other names.
    pub(super) fn with_names<M, E>(&self, name: &mut impl FnMut(&N) -> Result<M, E>) -> Result<Hole<M>, E> {
        let source = match &self.source {
            HoleSource::Named(named) => HoleSource::Named(name(named)?),
            HoleSource::Text(text) => HoleSource::Text(text.clone()),
            HoleSource::Pick(texts) => HoleSource::Pick(texts.clone()),
            HoleSource::Randstr(letters) => HoleSource::Randstr(*letters),
            HoleSource::Now(form) => HoleSource::Now(*form),
            HoleSource::Iteration => HoleSource::Iteration,
            HoleSource::User => HoleSource::User,
            HoleSource::Seq => HoleSource::Seq,
            HoleSource::Uuid => HoleSource::Uuid,
            HoleSource::Rand { low, high } => HoleSource::Rand { low: *low, high: *high },
            HoleSource::Cookies(form) => HoleSource::Cookies(*form),
            HoleSource::Location => HoleSource::Location,
        };
        let filters: Result<Vec<HoleFilter<M>>, E> =
            self.filters.iter().map(|filter| filter.with_names(name)).collect();
        Ok(Hole { source, filters: filters?, place: self.place })
    }
}

/// `2026-11-29T01:08:06.123Z`.
pub(super) const ISO_BYTES: usize = 24;

impl ResolvedHole {
    /// How the cookies of a session stand in it, if they do: whoever keeps them fills it.
    pub(crate) fn cookies(&self) -> Option<CookieForm> {
        match self.hole.source {
            HoleSource::Cookies(form) => Some(form),
            _ => None,
        }
    }

    /// The most bytes that it becomes.
    pub fn bytes_max(&self) -> usize {
        self.hole.bytes_max()
    }
}

impl fmt::Display for HoleName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HoleName::Variable(name) => formatter.write_str(name),
            HoleName::Column { feed, column } => write!(formatter, "{feed}.{column}"),
            HoleName::Environment(name) => write!(formatter, "env {name}"),
        }
    }
}

impl fmt::Display for HoleSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HoleSource::Named(name) => name.fmt(formatter),
            HoleSource::Text(text) => formatter.write_str(&quoted(text)),
            HoleSource::Pick(texts) => {
                formatter.write_str("pick")?;
                texts.iter().try_for_each(|text| write!(formatter, " {}", quoted(text)))
            }
            HoleSource::Randstr(letters) => write!(formatter, "randstr {letters}"),
            HoleSource::Now(NowForm::S) => formatter.write_str("now s"),
            HoleSource::Now(NowForm::Ms) => formatter.write_str("now"),
            HoleSource::Now(NowForm::Ns) => formatter.write_str("now ns"),
            HoleSource::Now(NowForm::Iso) => formatter.write_str("now iso"),
            HoleSource::Iteration => formatter.write_str("iteration"),
            HoleSource::User => formatter.write_str("user"),
            HoleSource::Seq => formatter.write_str("seq"),
            HoleSource::Uuid => formatter.write_str("uuid"),
            HoleSource::Rand { low, high } => write!(formatter, "rand {low} {high}"),
            HoleSource::Cookies(_) => formatter.write_str("cookies"),
            HoleSource::Location => formatter.write_str("location"),
        }
    }
}

/// As it is typed, without its braces.
impl fmt::Display for Hole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(formatter)?;
        self.filters.iter().try_for_each(|filter| write!(formatter, " | {filter}"))
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "nobody knows `{}`", self.0)
    }
}

impl std::error::Error for UnknownName {}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str) -> HoleName {
        HoleName::Variable(name.into())
    }

    fn hole(filters: Vec<HoleFilter<HoleName>>) -> Hole {
        Hole { filters, ..Hole::new(HoleSource::Named(variable("token"))) }
    }

    #[test]
    fn names_are_those_of_the_value_and_of_keys() {
        let column = HoleName::Column { feed: "user".into(), column: "key".into() };
        let keys = [variable("other"), column.clone()]
            .map(|name| HoleFilter::HmacSha256 { key: HmacKey::Named(name) });
        let hole = hole(keys.to_vec());
        assert_eq!(hole.names().collect::<Vec<_>>(), ["token", "other"]);
        assert_eq!(hole.columns().collect::<Vec<_>>(), [("user", "key")]);
        let number = |name: &HoleName| {
            [variable("token"), variable("other"), column.clone()]
                .iter()
                .position(|known| known == name)
                .map(|at| at as u16)
        };
        let resolved = hole.resolved(7, number).unwrap();
        assert_eq!((resolved.hole.source, resolved.number), (HoleSource::Named(0), 7));
        assert_eq!(resolved.hole.filters[1], HoleFilter::HmacSha256 { key: HmacKey::Named(2) });
        let unknown = hole.resolved(0, |name| (*name == variable("token")).then_some(0));
        assert_eq!(unknown, Err(UnknownName(variable("other"))));
    }

    #[test]
    fn a_hole_that_could_become_too_long_is_no_sound_one() {
        assert_eq!(hole(vec![HoleFilter::Json, HoleFilter::Hex]).bytes_max(), VALUE_BYTES_MAX * 12);
        assert_eq!(hole(vec![HoleFilter::Json, HoleFilter::Sha256]).bytes_max(), 64);
        assert_eq!(hole(vec![HoleFilter::Sha256, HoleFilter::Base64]).bytes_max(), 44);
        assert_eq!(hole(vec![HoleFilter::Json, HoleFilter::Url]).unsound(), None);
        let (problem, _) = hole(vec![HoleFilter::Json; 3]).unsound().unwrap();
        assert!(problem.contains("longer than"), "{problem}");
        let (problem, _) = hole(vec![HoleFilter::Trim; FILTERS_MAX + 1]).unsound().unwrap();
        assert!(problem.contains("too many filters"), "{problem}");
    }

    #[test]
    fn a_hole_survives_json() {
        let key = HmacKey::Text("k".into());
        let hole = Hole {
            place: HolePlace::Header,
            ..hole(vec![HoleFilter::HmacSha256 { key }, HoleFilter::Base64url])
        };
        let json = serde_json::to_string(&hole).unwrap();
        assert_eq!(serde_json::from_str::<Hole>(&json).unwrap(), hole, "{json}");
        assert_eq!(hole.to_string(), "token | hmac_sha256 'k' | base64url");
    }
}
