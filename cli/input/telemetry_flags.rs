//! Flags about who else hears what is measured while a run goes on.

use clap::{Args, ValueEnum};
use engine::plain::plain;
use engine::quantity::{Unreadable, parse_duration_ns};
use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use telemetry::prometheus::ListenAddress;
use telemetry::spool::{SpoolBounds, SpoolFolder, SpoolSync};
use telemetry::{SpoolMode, SpoolSettings};

/// Who hears of a run.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Telemetry")]
pub(crate) struct TelemetryArgs {
    /// Let Prometheus scrape the run while it goes on.
    #[arg(
        long_help = "Serve what is measured for Prometheus while the run goes on: /metrics, and /health/live, /health/ready, /run. Without an address it listens on 127.0.0.1.",
        long,
        value_name = "[ADDR:]PORT"
    )]
    pub(crate) prometheus: Option<ListenAddress>,
    /// Keep it after the run until it was scraped once, for no longer than this.
    #[arg(
        long_help = "Keep /metrics after the end of the run until it was scraped once, for no longer than this: a short run does not lose its last seconds",
        long,
        value_name = "TIME",
        requires = "prometheus",
        hide_short_help = true
    )]
    pub(crate) prometheus_hold: Option<HoldTime>,
    /// Tell Prometheus the figures by k6's names as well.
    #[arg(
        long_help = "Have what is measured on /metrics by the names that k6 gives it as well, so that Grafana dashboards for k6 (19665, and 18030 with native histograms) show the run. docs/TELEMETRY.md says which of their panels stay empty.",
        long = "k6-names",
        requires = "prometheus",
        hide_short_help = true
    )]
    pub(crate) k6_names: bool,
    /// Send metrics to a collector by OTLP: http://HOST:4318, grpc://HOST:4317.
    #[arg(
        long_help = "Send metrics to a collector of OpenTelemetry while the run goes on: http://HOST:4318 or grpc://HOST:4317, https:// and grpcs:// with TLS. Several times, for several collectors. The variables OTEL_EXPORTER_OTLP_* say the rest, and the place where this flag does not; `,delta` or `,cumulative` and `,explicit` or `,exponential` behind a URL say it for that one. Of several collectors those have the variables' headers, which may be a token, that have `,headers` there.",
        long,
        value_name = "URL"
    )]
    pub(crate) otlp: Vec<String>,
    /// Keep on disk what the collector does not take: failing, always, never.
    #[arg(
        long_help = "What of --otlp is kept on disk, for `vajra spool`: what cannot be sent now and what waits behind it, everything before it is sent, or nothing",
        long,
        value_enum,
        value_name = "WHEN",
        hide_possible_values = true,
        hide_short_help = true
    )]
    pub(crate) spool: Option<SpoolWord>,
    /// When that is made to be on the disk itself: always, 1s, never.
    #[arg(
        long_help = "When it is made sure that what is kept is on the disk, even if the machine fails: after each request, once a second, or whenever the system does it",
        long,
        value_enum,
        value_name = "WHEN",
        hide_possible_values = true,
        hide_short_help = true
    )]
    pub(crate) spool_sync: Option<SyncWord>,
    /// Listen where others than this machine can connect, without TLS or a token.
    #[arg(long, requires = "prometheus", hide_short_help = true)]
    pub(crate) insecure_listen: bool,
}

/// What of that which is exported is kept on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SpoolWord {
    /// What cannot be sent now, and what waits behind it.
    #[default]
    Failing,
    /// Everything, before it is sent.
    Always,
    /// Nothing.
    Never,
}

/// When it is made sure that it is on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SyncWord {
    /// After each request.
    Always,
    /// Once a second.
    #[default]
    #[value(name = "1s")]
    EachSecond,
    /// Whenever the system does it.
    Never,
}

impl TelemetryArgs {
    /// How what cannot be sent is kept, by flags and variables; where, is still to be said.
    pub(crate) fn spool(
        &self,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<SpoolSettings, UnknownWord> {
        let spool = self.spool.map_or_else(|| word("VAJRA_SPOOL", variable), Ok)?;
        let spool_sync = self.spool_sync.map_or_else(|| word("VAJRA_SPOOL_SYNC", variable), Ok)?;
        let mode = match spool {
            SpoolWord::Failing => SpoolMode::Failing,
            SpoolWord::Always => SpoolMode::Always,
            SpoolWord::Never => SpoolMode::Never,
        };
        let sync = match spool_sync {
            SyncWord::Always => SpoolSync::Always,
            SyncWord::EachSecond => SpoolSync::EachSecond,
            SyncWord::Never => SpoolSync::Never,
        };
        let folder = SpoolFolder::default();
        Ok(SpoolSettings { folder, mode, sync, bounds: SpoolBounds::default() })
    }
}

/// What a variable says; the default where it is not set, or empty.
fn word<T: ValueEnum + Default>(
    name: &'static str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<T, UnknownWord> {
    let given = variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let Some(given) = given else { return Ok(T::default()) };
    T::from_str(&given, true).map_err(|_| {
        let known = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        UnknownWord { name, given, known: known.map(|value| value.get_name().to_owned()).collect() }
    })
}

/// A variable that says something which is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnknownWord {
    name: &'static str,
    given: String,
    known: Vec<String>,
}

impl fmt::Display for UnknownWord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnknownWord { name, given, known } = self;
        write!(formatter, "{name}: `{}` is not known\n  help: use one of {}", plain(given), known.join(", "))
    }
}

impl Error for UnknownWord {}

/// How long something is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HoldTime(pub(crate) Duration);

impl FromStr for HoldTime {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<HoldTime, Unreadable> {
        Ok(HoldTime(Duration::from_nanos(parse_duration_ns(text)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_say_what_flags_do_not_and_one_that_is_empty_says_nothing() {
        let of = |spool: Option<SpoolWord>, name: &'static str, value: &'static str| {
            let args = TelemetryArgs { spool, ..TelemetryArgs::default() };
            args.spool(&|asked| (asked == name).then(|| value.to_owned()))
        };
        let mode = |spool, value| of(spool, "VAJRA_SPOOL", value).unwrap().mode;
        assert_eq!(mode(None, "always"), SpoolMode::Always);
        assert_eq!(mode(None, " "), SpoolMode::Failing);
        assert_eq!(mode(Some(SpoolWord::Never), "always"), SpoolMode::Never);
        assert_eq!(of(None, "VAJRA_SPOOL_SYNC", "ALWAYS").unwrap().sync, SpoolSync::Always);
        assert_eq!(of(None, "VAJRA_SPOOL_SYNC", "").unwrap().sync, SpoolSync::EachSecond);
        let mistake = of(None, "VAJRA_SPOOL_SYNC", "2s").unwrap_err().to_string();
        assert_eq!(mistake, "VAJRA_SPOOL_SYNC: `2s` is not known\n  help: use one of always, 1s, never");
    }
}
