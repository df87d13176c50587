//! The subcommands, a module each.

pub(crate) mod archive;
pub(crate) mod calibrate;
pub(crate) mod check;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod control;
pub(crate) mod find_max;
pub(crate) mod gate;
pub(crate) mod import;
pub(crate) mod man;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod spool;
pub(crate) mod testbed;
