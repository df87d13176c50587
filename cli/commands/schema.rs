//! `vajra schema`: the JSON Schema of plans, for editors and for other programs.

use crate::exit::Failure;
use engine::config::Config;
use std::process::ExitCode;

pub(crate) fn run() -> Result<ExitCode, Failure> {
    let schema = schemars::schema_for!(Config);
    let text = serde_json::to_string_pretty(&schema).map_err(|error| Failure::runtime(error.to_string()))?;
    println!("{text}");
    Ok(ExitCode::SUCCESS)
}
