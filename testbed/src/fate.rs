//! One request's lot, drawn from a behaviour: how long it is served and how it ends.

use std::time::Duration;

use rand_distr::{Distribution, StandardUniform};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::Behaviour;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Answer,
    Error,
    Reset,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestFate {
    pub(crate) service: Duration,
    pub(crate) ending: Ending,
}

impl RequestFate {
    pub(crate) fn draw(behaviour: &Behaviour, dice: &mut Xoshiro256PlusPlus) -> RequestFate {
        let service = behaviour.service.draw(dice);
        // Both are always drawn, so that changing one rate does not move the other's draws.
        let (reset, error) = (occurs(behaviour.reset_rate, dice), occurs(behaviour.error_rate, dice));
        let ending = match (reset, error) {
            (true, _) => Ending::Reset,
            (false, true) => Ending::Error,
            (false, false) => Ending::Answer,
        };
        RequestFate { service, ending }
    }
}

/// Draws from [0, 1), so a rate of 1 always occurs and a rate of 0 never does.
pub(crate) fn occurs(rate: f64, dice: &mut Xoshiro256PlusPlus) -> bool {
    let variate: f64 = StandardUniform.sample(dice);
    variate < rate
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_xoshiro::rand_core::SeedableRng;

    const DRAWS: usize = 100_000;

    fn share(ending: Ending, error_rate: f64, reset_rate: f64) -> f64 {
        let behaviour = Behaviour { error_rate, reset_rate, ..Behaviour::default() };
        let mut dice = Xoshiro256PlusPlus::seed_from_u64(11);
        let fates = (0..DRAWS).map(|_| RequestFate::draw(&behaviour, &mut dice).ending);
        fates.filter(|drawn| *drawn == ending).count() as f64 / DRAWS as f64
    }

    #[test]
    fn zero_never_occurs_and_one_always_does() {
        assert_eq!(share(Ending::Answer, 0.0, 0.0), 1.0);
        assert_eq!(share(Ending::Error, 1.0, 0.0), 1.0);
        assert_eq!(share(Ending::Reset, 1.0, 1.0), 1.0);
    }

    #[test]
    fn a_rate_occurs_as_often_as_it_says() {
        // Four standard errors at p = 0.1 over 100,000 draws are 0.0038.
        assert!((share(Ending::Error, 0.1, 0.0) - 0.1).abs() < 0.0038);
        assert!((share(Ending::Reset, 0.5, 0.1) - 0.1).abs() < 0.0038);
    }

    #[test]
    fn the_same_seed_draws_the_same_fates() {
        assert_eq!(share(Ending::Error, 0.3, 0.1), share(Ending::Error, 0.3, 0.1));
    }
}
