//! The cookies of all sessions: a jar for each target of each session. What one target sets is sent to no other.

use super::cookies::{CookieJar, CookieRules};
use crate::seams::Call;
use crate::template::Template;

/// Jars, and what they are kept by.
#[derive(Debug)]
pub(super) struct SessionJars {
    /// Of each target; the first has the paths of all steps.
    rules: Vec<CookieRules>,
    /// Of each step, the number of its target; empty where there is one.
    of_step: Vec<usize>,
    /// Those of a session stand beside each other.
    jars: Vec<CookieJar>,
}

impl SessionJars {
    /// Of sessions whose requests all go to one target.
    pub(super) fn new(rules: CookieRules) -> SessionJars {
        SessionJars { rules: vec![rules], of_step: Vec::new(), jars: Vec::new() }
    }

    /// The same where they go to several.
    pub(super) fn with_targets(rules: Vec<CookieRules>, of_step: Vec<usize>) -> SessionJars {
        SessionJars { rules, of_step, jars: Vec::new() }
    }

    /// The path of a step, with its query.
    pub(super) fn path(&self, step: u32) -> &Template {
        &self.rules[0].paths[step as usize]
    }

    /// A session begins without cookies.
    pub(super) fn begin(&mut self, session: u32) {
        let (each, first) = (self.rules.len(), session as usize * self.rules.len());
        if self.jars.len() < first + each {
            self.jars.resize(first + each, CookieJar::default());
        }
        self.jars[first..first + each].iter_mut().for_each(CookieJar::clear);
    }

    /// The jar for the target of a request, and what it is kept by.
    pub(super) fn of(&mut self, call: Call) -> (&mut CookieJar, &CookieRules) {
        let target = self.of_step.get(call.step as usize).copied().unwrap_or(0);
        (&mut self.jars[call.session as usize * self.rules.len() + target], &self.rules[target])
    }
}
