//! What is looked at of a response: values that are taken from it, checks that it has to pass, and conditions on values.
//!
//! As typed: [`Expression`], [`ResponseCheck`], [`Condition`]. What of a response has to be kept for them: [`Wants`], and
//! kept: [`Captured`]. All of a step together: [`Inspection`], whose answers are [`Findings`]. Nothing here knows a
//! protocol, and nothing allocates for a response once its memory is as large as it has to be. What becomes of a value, and
//! what fails a request, is decided elsewhere.

mod assertion;
mod captured;
mod check;
mod condition;
mod expression;
mod findings;
mod inspection;
mod json_path;
mod json_shape;
mod json_skip;
mod json_text;
mod json_walk;
mod number;
mod operator;
mod pattern;
mod subject;
mod suggestion;
mod typed_text;
mod wants;

pub use captured::{Captured, HEADERS_BYTES_MAX};
pub use check::ResponseCheck;
pub use condition::{Condition, ResolvedCondition, UnknownVariable};
pub use expression::Expression;
pub use findings::{Findings, Trouble, VALUE_BYTES_MAX};
pub use inspection::{Inspection, SeenPart};
pub use json_path::PATH_STEPS_MAX;
pub use pattern::PATTERN_MEMORY_BYTES_MAX;
pub use typed_text::{TYPED_BYTES_MAX, WrongExpression};
pub use wants::{BODY_BYTES_MAX, Wants};
