//! A small service with logins, for plans whose requests depend on each other. It has tokens, what only their owners may see, and a ledger of
//! who came, which tells what happened without asking the load generator.

mod ledger;
mod path;
mod service;
mod tokens;

pub(crate) use path::LoginPath;
pub(crate) use service::{BODY_BYTES_MAX, LoginRequest, LoginService};
