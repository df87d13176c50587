//! What the links service is told by a file: limits and times, read at the start and at each reload.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::links::store::LinkBounds;
use crate::quantity::ValueError;

/// More than this would be no bound: with the longest URLs they take 2 GB.
const LINKS_LIMIT: usize = 1_000_000;
const BODY_LIMIT_BYTES: usize = 1024 * 1024;
const URL_LIMIT_BYTES: usize = 2048;
/// Longer than any test: a year.
const TTL_LIMIT_S: u64 = 366 * 24 * 60 * 60;

/// Limits and times of the links service, as its file has them. Every key may be left out.
///
/// ```toml
/// links_max = 100000       # links in mind at a time, those that are gone among them
/// body_max_bytes = 16384   # of a request
/// url_max_bytes = 2048
/// ttl_default_s = 0        # of a link that asks for none; 0 is for ever
/// ttl_max_s = 2592000
/// gone_s = 60              # how long an expired or removed link answers 410, and then 404
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LinkSettings {
    pub(crate) links_max: usize,
    pub(crate) body_max_bytes: usize,
    pub(crate) url_max_bytes: usize,
    pub(crate) ttl_default_s: u64,
    pub(crate) ttl_max_s: u64,
    pub(crate) gone_s: u64,
}

impl Default for LinkSettings {
    fn default() -> LinkSettings {
        LinkSettings {
            links_max: 100_000,
            body_max_bytes: 16 * 1024,
            url_max_bytes: URL_LIMIT_BYTES,
            ttl_default_s: 0,
            ttl_max_s: 30 * 24 * 60 * 60,
            gone_s: 60,
        }
    }
}

impl LinkSettings {
    /// Reads the file; without one these are the defaults.
    pub(crate) fn read(file: Option<&Path>) -> Result<LinkSettings, SettingsError> {
        let Some(file) = file else { return Ok(LinkSettings::default()) };
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|source| SettingsError::Unreadable { file: file.to_owned(), source })?;
        let malformed = |problem| SettingsError::Malformed { file: file.to_owned(), problem };
        let settings: LinkSettings = toml::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        settings.check().map_err(|error| malformed(error.to_string()))?;
        Ok(settings)
    }

    pub(crate) fn bounds(&self) -> LinkBounds {
        LinkBounds { links_max: self.links_max, gone: Duration::from_secs(self.gone_s) }
    }

    /// How long a link lives that asks for so many seconds, or for none.
    pub(crate) fn ttl(&self, asked_s: Option<u64>) -> Result<Option<Duration>, ValueError> {
        match asked_s {
            Some(asked_s) if !(1..=self.ttl_max_s).contains(&asked_s) => {
                Err(ValueError::new(format!("`ttl_s` is from 1 to {}", self.ttl_max_s)))
            }
            Some(asked_s) => Ok(Some(Duration::from_secs(asked_s))),
            None => Ok((self.ttl_default_s > 0).then(|| Duration::from_secs(self.ttl_default_s))),
        }
    }

    fn check(&self) -> Result<(), ValueError> {
        let ranges = [
            ("links_max", self.links_max as u64, 1, LINKS_LIMIT as u64),
            ("body_max_bytes", self.body_max_bytes as u64, 1, BODY_LIMIT_BYTES as u64),
            ("url_max_bytes", self.url_max_bytes as u64, 1, URL_LIMIT_BYTES as u64),
            ("ttl_default_s", self.ttl_default_s, 0, self.ttl_max_s),
            ("ttl_max_s", self.ttl_max_s, 1, TTL_LIMIT_S),
            ("gone_s", self.gone_s, 0, TTL_LIMIT_S),
        ];
        let wrong = ranges.iter().find(|(_, value, low, high)| !(low..=high).contains(&value));
        wrong.map_or(Ok(()), |(key, value, low, high)| {
            Err(ValueError::new(format!("{key} = {value} is out of range: write {low} to {high}")))
        })
    }
}

/// Why the settings of the links service cannot be taken. What was there before stays.
#[derive(Debug)]
pub enum SettingsError {
    /// The file cannot be read.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is read and does not hold settings.
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong in it, with its place.
        problem: String,
    },
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingsError::Unreadable { file, source } => {
                write!(f, "the settings in `{}` cannot be read: {source}", file.display())
            }
            SettingsError::Malformed { file, problem } => {
                write!(f, "the settings in `{}` cannot be taken: {problem}", file.display())
            }
        }
    }
}

impl std::error::Error for SettingsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SettingsError::Unreadable { source, .. } => Some(source),
            SettingsError::Malformed { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(text: &str) -> Result<LinkSettings, SettingsError> {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(text.as_bytes()).expect("room for it");
        LinkSettings::read(Some(file.path()))
    }

    #[test]
    fn keys_that_are_left_out_are_the_defaults() {
        let settings = read("links_max = 5\ngone_s = 0\n").expect("valid settings");
        assert_eq!(settings, LinkSettings { links_max: 5, gone_s: 0, ..LinkSettings::default() });
        assert_eq!(read("").expect("valid settings"), LinkSettings::read(None).expect("the defaults"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let cases = [
            ("links_max = 0", "links_max = 0 is out of range: write 1 to 1000000"),
            ("ttl_default_s = 9\nttl_max_s = 8", "ttl_default_s = 9 is out of range: write 0 to 8"),
            ("links = 5", "unknown field `links`"),
            ("links_max = -1", "invalid value"),
            ("links_max", "line 1"),
        ];
        for (text, problem) in cases {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(problem) && error.contains("the settings in `"), "{text}: {error}");
        }
        let error = LinkSettings::read(Some(Path::new("/nonexistent/links.toml"))).expect_err("no file");
        assert!(error.to_string().contains("cannot be read"), "{error}");
    }

    #[test]
    fn a_link_lives_as_long_as_it_asks_within_bounds() {
        let settings = LinkSettings { ttl_default_s: 7, ttl_max_s: 10, ..LinkSettings::default() };
        assert_eq!(settings.ttl(Some(10)), Ok(Some(Duration::from_secs(10))));
        assert_eq!(settings.ttl(None), Ok(Some(Duration::from_secs(7))));
        assert_eq!(LinkSettings::default().ttl(None), Ok(None));
        for asked_s in [0, 11] {
            assert!(settings.ttl(Some(asked_s)).is_err(), "{asked_s}");
        }
    }
}
