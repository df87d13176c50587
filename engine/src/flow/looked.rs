//! What was looked at of the response that ended the last call: which checks held, which values were there, and where it led.

use super::constants::SetupValues;
use crate::code;
use crate::excerpt::excerpt;
use crate::extract::{Captured, Findings, Inspection, SeenPart, Wants};
use crate::quantity::show_ns;
use crate::record::{LookedExamples, LookedFor, LookedResponse, RedirectEnd};
use crate::redact;

/// What became of the last response, in memory that is used again for the next one.
#[derive(Clone, Debug, Default)]
pub(super) struct LastLook {
    /// Something was looked at.
    is_of_response: bool,
    /// Whether each check held.
    checks: Vec<bool>,
    /// Whether each value was there, of those that were needed.
    extracts: Vec<Option<bool>>,
    redirect: Option<RedirectEnd>,
    blamed: Option<LookedFor>,
    /// Why that could not be looked at, where there is a reason.
    trouble: &'static str,
    code: u16,
    elapsed_ns: u64,
    /// The step, and the memory in which the response still lies: it is used again by no call before the next.
    pub(super) step: usize,
    pub(super) memory: Option<u32>,
}

impl LastLook {
    /// A call has ended, of this step and with what was kept in this memory. Nothing is known of its response yet.
    pub(super) fn begin(&mut self, step: usize, memory: Option<u32>, elapsed_ns: u64) {
        if self.is_of_response {
            self.checks.clear();
            self.extracts.clear();
            (self.is_of_response, self.redirect, self.blamed, self.trouble) = (false, None, None, "");
        }
        (self.step, self.memory, self.elapsed_ns) = (step, memory, elapsed_ns);
    }

    /// Its response was looked at by so many checks.
    pub(super) fn checked(&mut self, code: u16, checks: usize, found: &Findings) {
        (self.is_of_response, self.code) = (true, code);
        self.checks.resize(checks, true);
        found.failed_checks().iter().for_each(|&failed| self.checks[failed] = false);
        self.blamed = found.failed_check().map(LookedFor::Check);
        self.trouble = found.trouble().map_or("", |trouble| trouble.text());
    }

    /// The next value was there or not; nothing where it does not matter.
    pub(super) fn extracted(&mut self, found: Option<bool>) {
        if found == Some(false) {
            self.blamed = Some(LookedFor::Extract(self.extracts.len()));
        }
        self.extracts.push(found);
    }

    /// The response leads elsewhere.
    pub(super) fn redirected(&mut self, code: u16, end: RedirectEnd) {
        (self.is_of_response, self.code, self.redirect) = (true, code, Some(end));
        self.blamed = (end != RedirectEnd::Followed).then_some(LookedFor::Redirect);
    }

    /// The status of a response that leads elsewhere.
    pub(super) fn code(&self) -> u16 {
        self.code
    }

    /// The same for whoever writes it down; nothing where nothing was looked at.
    pub(super) fn of_response<'a>(&'a self, examples: &'a dyn LookedExamples) -> Option<LookedResponse<'a>> {
        self.is_of_response.then_some(LookedResponse {
            checks: &self.checks,
            extracts: &self.extracts,
            redirect: self.redirect,
            blamed: self.blamed,
            examples,
        })
    }

    /// What came, of a response that is still kept, in words: what was wanted of it, how it was looked at, and where it led.
    pub(super) fn example(
        &self,
        looked_for: LookedFor,
        captured: &Captured,
        (wants, inspection, location): (&Wants, Option<&Inspection>, Option<&[u8]>),
        secrets: &SetupValues,
    ) -> String {
        let status = code::show(self.code);
        let seen = match (looked_for, inspection) {
            (LookedFor::Check(index), Some(inspection)) => inspection.seen_by_check(index, captured),
            (LookedFor::Extract(index), Some(inspection)) => inspection.seen_by_extract(index, captured),
            (LookedFor::Redirect, _) | (_, None) => {
                return format!("{status} to {}", excerpt(location.unwrap_or_default(), secrets));
            }
        };
        let came = match seen {
            SeenPart::Body(b"") | SeenPart::Cookies => status,
            SeenPart::Body(body) => format!("{status} {}", excerpt(body, secrets)),
            SeenPart::Header(index, value) => {
                let name = &wants.headers[index];
                match value {
                    Some(value) if redact::is_secret(name) => {
                        format!("{status}, {name}: {}", redact::value(name, &String::from_utf8_lossy(value)))
                    }
                    Some(value) => format!("{status}, {name}: {}", excerpt(value, secrets)),
                    None => format!("{status} without the header `{name}`"),
                }
            }
            SeenPart::Time => format!("{status} after {}", show_ns(self.elapsed_ns)),
            SeenPart::Size(bytes) => format!("{status} with a body of {bytes} bytes"),
        };
        match self.trouble {
            trouble if !trouble.is_empty() && self.blamed == Some(looked_for) => {
                format!("{came} ({trouble})")
            }
            _ => came,
        }
    }
}
