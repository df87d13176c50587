//! A plan as typed: raw, layered, and with every value's place remembered.
//!
//! Precedence is flag > environment > file > default. The layers are merged as a TOML table before anything is read
//! from it, and the origin of each key is kept, so that a mistake can point at the flag, the variable, or the line and
//! column it came from. Keys and kinds of values are looked at here, all in one go; whether a plan can run is
//! [`crate::plan::Plan`]'s to judge, which is valid by construction.

mod check;
mod conditions;
mod connection_count;
mod diagnostic;
mod document;
mod draft;
mod foreign;
mod form;
mod json;
mod kinds;
mod layers;
mod likeness;
mod notation;
mod places;
#[cfg(test)]
mod tests;
mod typed;
mod unknown;
mod variables;

pub use connection_count::ConnectionCount;
pub use diagnostic::{Diagnostic, Location, Origin, Spot};
pub use document::{Document, Format};
pub(crate) use foreign::metric;
pub use layers::{Layers, ReadConfig};
pub use likeness::{closest, hint};
pub use typed::{
    BasicConfig, BreakerConfig, Conditions, Config, FeedConfig, GrpcConfig, HttpConfig, JsonValue,
    LoadConfig, OAuthConfig, RequestConfig, RetryConfig, RunConfig, ScenarioConfig, SetupConfig,
    TargetConfig, TcpConfig, Text, Texts, TlsConfig, UdpConfig, WebSocketConfig,
};
pub(crate) use variables::EnvironmentTexts;
pub use variables::VariableUse;
