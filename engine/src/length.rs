//! How long a run with a number of requests has to be for all of them to come.

use crate::bucket::last_position;
use crate::load::{Arrivals, Load};
use crate::quantity::{DURATION_NS_MAX, Rate, SECOND_NS};
use crate::random::Draws;
use crate::schedule::{POSITION_BITS, Position, Schedule, position_of};
use std::fmt;

/// The most random arrivals that are drawn before a run, to know when the last one comes: some seconds of work.
pub(crate) const DRAWN_MAX: u64 = 100_000_000;

/// The longest a closed run with a number of requests and no duration may take: it ends with the last request.
pub(crate) const UNBOUNDED_NS: u64 = 24 * 3_600 * SECOND_NS;

/// So many random arrivals are too many to be drawn beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyToDraw(u64);

impl fmt::Display for TooManyToDraw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} random arrivals are too many to be drawn beforehand", self.0)
    }
}

/// How many arrivals of an even schedule have to fall within a run for `requests` random ones to do so: half of all seeds
/// need more than as many. Errors say what is too much.
pub(crate) fn arrivals_to_cover(requests: u64, draws: Draws) -> Result<u64, TooManyToDraw> {
    if requests > DRAWN_MAX {
        return Err(TooManyToDraw(requests));
    }
    let last = last_position(draws, requests, Position::MAX);
    Ok(u64::try_from((last + position_of(2)) >> POSITION_BITS).unwrap_or(u64::MAX))
}

/// How long `requests` arrivals at a constant rate take: until the one after the last would come.
pub(crate) fn time_for(requests: u64, rate: Rate) -> u64 {
    let ns = u128::from(requests) * u128::from(rate.per_ns) / u128::from(rate.count.max(1));
    u64::try_from(ns).unwrap_or(u64::MAX).clamp(1, DURATION_NS_MAX)
}

/// When the arrival after the last of `requests` would come: the end of an open run with that many. Random arrivals are
/// drawn beforehand, as the shards will draw them; after the last comes what lies between two on average.
pub(crate) fn instant_of(load: &Load, requests: u64, draws: Draws) -> Option<u64> {
    let Load::Open { segments, arrivals, .. } = load else { return None };
    let schedule = Schedule::new(0, segments).ok()?;
    // Arrivals beyond the load's own end need not be drawn: they come too late to end the run.
    let enough = position_of(schedule.arrivals_before(schedule.end_ns()) + 1);
    let position = match arrivals {
        Arrivals::Uniform => position_of(requests),
        Arrivals::Poisson if requests > DRAWN_MAX => return None,
        Arrivals::Poisson => last_position(draws, requests, enough) + position_of(1),
    };
    schedule.instant_at(position, &mut 0)
}

#[cfg(test)]
mod tests {
    use crate::bucket::{Poll, Share, TokenBucket};
    use crate::config::{Diagnostic, Document, Format, Layers};
    use crate::plan::Plan;
    use crate::quantity::SECOND_NS;

    fn read(text: &str) -> Result<Plan, Vec<Diagnostic>> {
        let text = format!("url = 'h'\n{text}");
        let document = Document { name: "plan".into(), text, format: Format::Toml };
        Plan::new(&Layers::new(Some(document)).unwrap().config().unwrap(), &|_| Err(String::new()))
    }

    fn length_ns(text: &str) -> u64 {
        read(text).unwrap().phases.measure_to_ns
    }

    /// How many arrivals a shard of the plan releases before its end.
    fn released(plan: &Plan, shard: u64) -> u64 {
        let share = Share { shard, shards: plan.machine.shards.into() };
        let only = &plan.scenarios[0];
        let (load, draws) = ((only.starts_ns, &only.load), plan.draws_of(0));
        let mut bucket = TokenBucket::new(load, plan.phases, share, draws, only.requests_max).unwrap();
        let now_ns = plan.phases.measure_to_ns - 1;
        std::iter::from_fn(|| matches!(bucket.poll_due(now_ns), Poll::Due(_)).then_some(())).count() as u64
    }

    #[test]
    fn a_number_of_requests_sets_the_length_of_an_open_run() {
        assert_eq!(length_ns("[run]\nrequests = 50\n[load]\nrate = 100"), SECOND_NS / 2);
        let ramp = "[run]\nrequests = 50\nduration = '10s'\n[load]\nshape = 'ramp'\nfrom = 100\nto = 100";
        assert_eq!(length_ns(ramp), SECOND_NS / 2);
        let too_many = "[run]\nrequests = 5000\nduration = '10s'\n[load]\nrate = 100";
        assert_eq!(length_ns(too_many), 10 * SECOND_NS);
    }

    #[test]
    fn random_arrivals_have_all_come_by_the_end() {
        let cases = (1..=20).flat_map(|seed| [(seed, 1, 1), (seed, 3, 2), (seed, 4, 1_000)]);
        for (seed, shards, requests) in cases {
            let text = format!(
                "[run]\nrequests = {requests}\nshards = {shards}\nseed = {seed}\n[load]\nrate = 1000\narrivals = 'poisson'"
            );
            let plan = read(&text).unwrap();
            let released: u64 = (0..shards).map(|shard| released(&plan, shard)).sum();
            assert_eq!(released, requests, "seed {seed}, {shards} shards");
        }
    }

    #[test]
    fn the_length_of_a_run_does_not_depend_on_its_shards() {
        let text = |shards| {
            format!("[run]\nrequests = 500\nshards = {shards}\n[load]\nrate = 100\narrivals = 'poisson'")
        };
        assert_eq!(length_ns(&text(1)), length_ns(&text(7)));
    }

    #[test]
    fn more_random_arrivals_than_can_be_drawn_need_a_duration() {
        let text = "[load]\nrate = 1000\narrivals = 'poisson'\n[run]\nrequests = '1G'";
        let diagnostic = &read(text).unwrap_err()[0];
        assert!(
            diagnostic.problem.contains("too many") && diagnostic.path == "run.requests",
            "{diagnostic:?}"
        );
        assert_eq!(length_ns(&format!("{text}\nduration = '1s'")), SECOND_NS);
    }
}
