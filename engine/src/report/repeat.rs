//! A report as a plan: what was run, to be run again.

use super::earlier::{SCHEMAS, lift};
use crate::plan::Plan;
use serde_json::Value;
use std::fmt;

/// Why the run of a report cannot be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unrepeatable {
    /// It is of a schema that is not known.
    Schema(u64),
    /// Its plan is none, for this reason.
    Plan(String),
}

impl fmt::Display for Unrepeatable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unrepeatable::Schema(schema) => {
                let (first, last) = (SCHEMAS.start(), SCHEMAS.end());
                write!(
                    formatter,
                    "this is a report of schema {schema}, and schemas {first} to {last} are read"
                )
            }
            Unrepeatable::Plan(reason) => {
                write!(formatter, "the plan in this report cannot be run: {reason}")
            }
        }
    }
}

impl std::error::Error for Unrepeatable {}

/// The plan in a text, if the text is a report: it has a schema, the id of a run, and its plan.
pub fn plan_in(text: &str) -> Option<Result<Plan, Unrepeatable>> {
    let mut report: Value = serde_json::from_str(text).ok()?;
    let schema = report.get("schema").and_then(Value::as_u64)?;
    report.get("run_id").and_then(Value::as_str)?;
    report.get("plan").filter(|plan| plan.is_object())?;
    if !SCHEMAS.contains(&schema) {
        return Some(Err(Unrepeatable::Schema(schema)));
    }
    lift(&mut report);
    let plan = serde_json::from_value(report["plan"].take());
    Some(plan.map_err(|error| Unrepeatable::Plan(error.to_string())))
}
