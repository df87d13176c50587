//! Up to which percentile the response times of a run can be believed.
//!
//! Two things make a percentile wrong that nobody can see in it: time that was the generator's own, and arrivals that were never
//! sent, which would have waited longest of all. Both weigh on the upper percentiles first.

use crate::distribution::Distribution;
use crate::quantity::show_ns;
use crate::verdict::{LAG_SHARE_MAX, lag_share};
use serde::{Deserialize, Serialize};

/// The percentiles that a report shows, ascending; the last is the maximum.
const PERCENTILES: [f64; 8] = [50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99, 100.0];

/// How far the percentiles of response time can be believed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trust {
    /// The highest percentile, of those that a report shows, that can be believed together with all below it; 100 is the maximum.
    /// `null` when not even the median can.
    pub percentile: Option<f64>,
    /// Why none above can; `null` when all can.
    pub why: Option<String>,
}

/// What the trust rests on, all of the measured window.
#[derive(Clone, Copy, Debug)]
pub struct Grounds<'a> {
    /// Response times of successes.
    pub response: &'a Distribution,
    /// The part of response times that is the generator's own.
    pub lag: &'a Distribution,
    /// Arrivals that were due and never sent.
    pub unsent: u64,
    /// All arrivals.
    pub scheduled: u64,
    /// True when the verdict says that no number must be used.
    pub is_invalid: bool,
}

impl Trust {
    /// How far the percentiles can be believed.
    pub fn new(grounds: &Grounds) -> Trust {
        if grounds.response.count() == 0 {
            return Trust { percentile: None, why: Some("nothing succeeded".into()) };
        }
        if grounds.is_invalid {
            return Trust { percentile: None, why: Some("the run is INVALID".into()) };
        }
        let mut trusted = None;
        for percentile in PERCENTILES {
            if let Some(why) = grounds.doubt(percentile / 100.0) {
                return Trust { percentile: trusted, why: Some(why) };
            }
            trusted = Some(percentile);
        }
        Trust { percentile: trusted, why: None }
    }

    /// The same in a line, where there is anything to say.
    pub fn limit(&self) -> Option<String> {
        let why = self.why.as_ref()?;
        Some(match self.percentile {
            None => format!("no percentile of response time can be trusted: {why}"),
            Some(percentile) => format!("percentiles above p{percentile} cannot be trusted: {why}"),
        })
    }
}

impl Grounds<'_> {
    /// Why a quantile cannot be believed.
    fn doubt(&self, quantile: f64) -> Option<String> {
        if quantile > sent_share(self.unsent, self.scheduled) {
            return Some(format!("{} of {} arrivals were never sent", self.unsent, self.scheduled));
        }
        let share = lag_share(self.lag, self.response, quantile);
        (share > LAG_SHARE_MAX).then(|| {
            let lag_ns = self.lag.quantile_ns(quantile);
            let at =
                if quantile < 1.0 { format!("at p{}", quantile * 100.0) } else { "at the maximum".into() };
            format!("{at} {} were Vajra's own time", show_ns(lag_ns))
        })
    }
}

/// The highest quantile that arrivals which were never sent leave known: their times would have been the longest.
pub fn sent_share(unsent: u64, scheduled: u64) -> f64 {
    1.0 - unsent as f64 / scheduled.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thousand requests of 1 ms; the last few of them with so much time of the generator's.
    fn trust(unsent: u64, late: u64, lag_ns: u64) -> Trust {
        let (mut response, mut lag) = (Distribution::new(), Distribution::new());
        for n in 0..1_000 {
            response.record(1_000_000);
            lag.record(if n < late { lag_ns } else { 100 });
        }
        let scheduled = 1_000 + unsent;
        Trust::new(&Grounds { response: &response, lag: &lag, unsent, scheduled, is_invalid: false })
    }

    #[test]
    fn a_punctual_run_can_be_believed_to_its_maximum() {
        assert_eq!(trust(0, 0, 0), Trust { percentile: Some(100.0), why: None });
        assert_eq!(trust(0, 0, 0).limit(), None);
        assert_eq!(trust(0, 1_000, 19_000).percentile, Some(100.0), "too little to be worth a word");
    }

    #[test]
    fn arrivals_that_were_never_sent_take_the_upper_percentiles_with_them() {
        let trust = trust(7, 0, 0);
        assert_eq!(trust.percentile, Some(99.0));
        assert_eq!(
            trust.limit().unwrap(),
            "percentiles above p99 cannot be trusted: 7 of 1007 arrivals were never sent"
        );
    }

    #[test]
    fn time_of_the_generator_takes_those_it_weighs_on() {
        assert_eq!(trust(0, 5, 900_000).percentile, Some(99.0));
        assert_eq!(trust(0, 300, 900_000).percentile, Some(50.0));
        assert_eq!(trust(0, 600, 900_000).percentile, None);
        assert!(trust(0, 600, 900_000).limit().unwrap().contains("no percentile"));
    }
}
