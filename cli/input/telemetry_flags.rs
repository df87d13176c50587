//! Flags about who else hears what is measured while a run goes on.

use clap::Args;
use engine::quantity::{Unreadable, parse_duration_ns};
use std::str::FromStr;
use std::time::Duration;
use telemetry::prometheus::ListenAddress;

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
        long_help = "Send metrics to a collector of OpenTelemetry while the run goes on: http://HOST:4318 or grpc://HOST:4317. The variables OTEL_EXPORTER_OTLP_* say the rest, and the place where this flag does not.",
        long,
        value_name = "URL"
    )]
    pub(crate) otlp: Option<String>,
    /// Listen where others than this machine can connect, without TLS or a token.
    #[arg(long, requires = "prometheus", hide_short_help = true)]
    pub(crate) insecure_listen: bool,
}

/// How long something is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HoldTime(pub(crate) Duration);

impl FromStr for HoldTime {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<HoldTime, Unreadable> {
        Ok(HoldTime(Duration::from_nanos(parse_duration_ns(text)?)))
    }
}
