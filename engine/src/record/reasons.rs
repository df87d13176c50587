//! Why requests of the measured window failed, as far as somebody has said so: the target, or the protocol by which it broke a rule.

use crate::outcome::Kind;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A reason, and how many requests failed for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureReason {
    /// What kind of failure it was.
    pub kind: Kind,
    /// What was said, for people.
    pub why: Cow<'static, str>,
    /// How many.
    pub count: u64,
    /// What came the first time, in short and without secrets, where a response was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

/// All reasons. They are texts of ours, of which there are few.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FailureReasons(Vec<FailureReason>);

impl FailureReasons {
    /// One more request failed for this reason.
    pub(super) fn note(&mut self, kind: Kind, why: &'static str) {
        self.add(FailureReason { kind, why: Cow::Borrowed(why), count: 1, example: None });
    }

    fn add(&mut self, reason: FailureReason) {
        match self.0.iter_mut().find(|known| (known.kind, &known.why) == (reason.kind, &reason.why)) {
            Some(known) => known.count += reason.count,
            None => self.0.push(reason),
        }
    }

    /// Adds those of another stretch, or of another shard.
    pub(super) fn merge(&mut self, other: &FailureReasons) {
        other.0.iter().for_each(|reason| self.add(reason.clone()));
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        if !self.0.is_empty() {
            self.0.clear();
        }
    }

    /// The most frequent first.
    pub fn sorted(&self) -> Vec<FailureReason> {
        let mut reasons = self.0.clone();
        sort(&mut reasons);
        reasons
    }
}

/// Puts the most frequent first.
pub(crate) fn sort(reasons: &mut [FailureReason]) {
    reasons.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.why.cmp(&other.why)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_together_and_the_most_frequent_comes_first() {
        let (mut one, mut other) = (FailureReasons::default(), FailureReasons::default());
        one.note(Kind::Receive, "the target reset the stream with CANCEL");
        other.note(Kind::Eof, "the target reset the stream with CANCEL");
        (0..2).for_each(|_| other.note(Kind::Receive, "the target reset the stream with INTERNAL_ERROR"));
        other.note(Kind::Receive, "the target reset the stream with CANCEL");
        other.note(Kind::Receive, "the target reset the stream with CANCEL");
        one.merge(&other);
        let counts: Vec<(Kind, u64)> =
            one.sorted().iter().map(|reason| (reason.kind, reason.count)).collect();
        assert_eq!(counts, [(Kind::Receive, 3), (Kind::Receive, 2), (Kind::Eof, 1)]);
        one.clear();
        assert_eq!(one, FailureReasons::default());
    }
}
