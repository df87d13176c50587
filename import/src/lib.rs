//! Plans from what others wrote: curl commands, HAR files, access logs, OpenAPI documents, k6 scripts.
//!
//! Text goes in; a plan as text, and notes on what is not in it, come out. No file is opened here and nothing is printed. Nothing of
//! Vajra is used: a plan is a text that people read and change before it runs, and what it may say is known to its reader alone.

mod csv;
mod curl;
mod har;
mod k6;
mod log;
mod made;
mod names;
mod openapi;
mod ordered;
mod planned;
mod secrets;
mod servers;
mod shell;
mod urls;
mod wrong;

pub use curl::{CurlChoices, from_curl};
pub use har::{HarChoices, HarFile, from_har};
pub use k6::{K6Choices, ReadsScriptFile, from_k6};
pub use log::{LogChoices, LogImport, LogShape};
pub use made::{Made, MadeFile};
pub use openapi::{OpenApiChoices, from_openapi};
pub use wrong::WrongImport;
