//! Flows: requests that follow each other, as one user makes them, with think time between them. An arrival begins an iteration of a
//! flow; what is kept of it until its end is a session.
//!
//! A plan's items ([`FlowItem`]) are compiled into flat operations ([`program`]), which sessions ([`sessions`]) go through one by one.
//! Nothing here waits: [`FlowSource`] says when the next request of a session is due, and the loop sends it as it sends arrivals.
//!
//! Times, of an arrival A and think times T: the first request is intended at A; one that follows a response is intended at D − lag + T,
//! where D is when that response was complete and lag the part of its time that was the generator's own. So the generator's lateness
//! is carried on as lag and slows no user down in silence.

#[cfg(test)]
mod attempt_tests;
mod attempts;
mod constants;
mod cookie_date;
mod cookies;
mod due_calls;
mod exchange;
mod first_steps;
pub(crate) mod item;
mod jars;
mod looked;
#[cfg(test)]
mod named_flow_tests;
mod open_flows;
mod own_slots;
mod program;
mod redirects;
pub mod revised_thinks;
#[cfg(test)]
mod revised_thinks_tests;
pub mod rows;
mod sessions;
pub(crate) mod source;
#[cfg(test)]
mod tests;
pub(crate) mod think;
mod unfilled;
mod values;

pub use constants::{FlowConstants, RenewedValues, SetupValues};
pub use cookies::{COOKIES_MAX, CookieRules, JAR_BYTES_MAX};
pub use item::{
    Extract, FlowAction, FlowBranch, FlowItem, FlowScript, NAMED_FLOWS_MAX, OWN_SESSIONS_DEFAULT, OnFailure,
    Repetition, SESSIONS_DEFAULT, SESSIONS_MAX, StepLooks,
};
pub use redirects::RedirectForms;
pub use source::{FlowParts, FlowSource};
pub use think::{Think, WrongThink};
