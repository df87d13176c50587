//! `vajra schema`: the JSON Schema of plans, for editors and for other programs.

use crate::exit::Failure;
use crate::output::stdout::say_json;
use engine::config::Config;
use std::process::ExitCode;

pub(crate) fn run() -> Result<ExitCode, Failure> {
    say_json(&schemars::schema_for!(Config))?;
    Ok(ExitCode::SUCCESS)
}
