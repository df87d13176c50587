//! A small service as there are many: short links, with a life of their own, limits, metrics and settings that can be read again.

mod code;
mod link;
mod metrics;
mod middleware;
mod path;
mod service;
mod settings;
mod store;

pub(crate) use middleware::{mark, request_id};
pub(crate) use path::LinkPath;
pub(crate) use service::{LinkRequest, LinkService};
pub(crate) use settings::LinkSettings;
pub use settings::SettingsError;
