//! What a programmed server must look like from outside. Quantiles of its service times, and how far counts and sample
//! quantiles may be from them by chance.

/// How many standard deviations chance is given: a fair count lies outside once in 16,000.
const DEVIATIONS: f64 = 4.0;

/// A distribution of service times, milliseconds, as the testbed draws them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ServiceLaw {
    Fixed { ms: f64 },
    Exponential { mean_ms: f64 },
    Lognormal { median_ms: f64, sigma: f64 },
}

impl ServiceLaw {
    /// As a query of the testbed has it.
    pub(crate) fn text(self) -> String {
        match self {
            ServiceLaw::Fixed { ms } => format!("fixed:{ms}ms"),
            ServiceLaw::Exponential { mean_ms } => format!("exp:{mean_ms}ms"),
            ServiceLaw::Lognormal { median_ms, sigma } => format!("lognormal:{median_ms}ms,{sigma}"),
        }
    }

    /// The time that a share of all are at most, milliseconds; the share lies between 0 and 1, both excluded.
    pub(crate) fn quantile_ms(self, share: f64) -> f64 {
        match self {
            ServiceLaw::Fixed { ms } => ms,
            ServiceLaw::Exponential { mean_ms } => -mean_ms * (1.0 - share).ln(),
            ServiceLaw::Lognormal { median_ms, sigma } => median_ms * (sigma * normal_quantile(share)).exp(),
        }
    }

    /// Between what times the quantile of so many draws lies: the number of draws below a quantile is binomial, so the
    /// sample's lies between the quantiles of `share` ± a standard error's multiple.
    pub(crate) fn quantile_bounds_ms(self, share: f64, draws: u64) -> (f64, f64) {
        let draws = draws.max(1) as f64;
        let slack = DEVIATIONS * (share * (1.0 - share) / draws).sqrt();
        let inside = |share: f64| share.clamp(1e-6, 1.0 - 0.5 / draws);
        (self.quantile_ms(inside(share - slack)), self.quantile_ms(inside(share + slack)))
    }
}

/// Between what counts the number of events of a chance lies, in so many trials.
pub(crate) fn binomial_bounds(chance: f64, trials: u64) -> (u64, u64) {
    let trials = trials as f64;
    let (mean, deviation) = (trials * chance, (trials * chance * (1.0 - chance)).sqrt());
    let slack = DEVIATIONS * deviation;
    ((mean - slack).max(0.0).ceil() as u64, (mean + slack).floor() as u64)
}

/// The standard normal distribution's quantile, by Acklam's rational approximations ("An algorithm for computing the inverse
/// normal cumulative distribution function", 2003): within 1.2e-9 of it, relatively.
pub(crate) fn normal_quantile(share: f64) -> f64 {
    const LOW: f64 = 0.02425;
    const A: [f64; 6] = [
        -3.969683028665376e1,
        2.209460984245205e2,
        -2.759285104469687e2,
        1.38357751867269e2,
        -3.066479806614716e1,
        2.506628277459239,
    ];
    const B: [f64; 6] = [
        -5.447609879822406e1,
        1.615858368580409e2,
        -1.556989798598866e2,
        6.680131188771972e1,
        -1.328068155288572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784894002430293e-3,
        -3.223964580411365e-1,
        -2.400758277161838,
        -2.549732539343734,
        4.374664141464968,
        2.938163982698783,
    ];
    const D: [f64; 5] =
        [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416, 1.0];
    let tail = |share: f64| {
        let q = (-2.0 * share.ln()).sqrt();
        polynomial(&C, q) / polynomial(&D, q)
    };
    if share < LOW {
        tail(share)
    } else if share > 1.0 - LOW {
        -tail(1.0 - share)
    } else {
        let q = share - 0.5;
        q * polynomial(&A, q * q) / polynomial(&B, q * q)
    }
}

/// The highest power first.
fn polynomial(coefficients: &[f64], at: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, coefficient| sum * at + coefficient)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_close(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-6 * right.abs().max(1.0)
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (share, expected) in [
            (0.5, 0.0),
            (0.975, 1.959963985),
            (0.99, 2.326347874),
            (0.001, -3.090232306),
            (0.01, -2.326347874),
        ] {
            assert!(is_close(normal_quantile(share), expected), "{share}: {}", normal_quantile(share));
        }
        let exponential = ServiceLaw::Exponential { mean_ms: 2.0 };
        assert!(is_close(exponential.quantile_ms(0.5), 2.0 * 2.0_f64.ln()));
        assert!(is_close(exponential.quantile_ms(0.99), 2.0 * 100.0_f64.ln()));
        let lognormal = ServiceLaw::Lognormal { median_ms: 2.0, sigma: 0.5 };
        assert!(is_close(lognormal.quantile_ms(0.5), 2.0));
        assert!(is_close(lognormal.quantile_ms(0.99), 2.0 * (0.5_f64 * 2.326347874).exp()));
    }

    #[test]
    fn more_draws_bring_the_bounds_closer() {
        let service = ServiceLaw::Exponential { mean_ms: 2.0 };
        let width = |draws| {
            let (low, high) = service.quantile_bounds_ms(0.99, draws);
            assert!(low < service.quantile_ms(0.99) && service.quantile_ms(0.99) < high, "{draws}");
            high - low
        };
        assert!(width(1_000_000) < width(10_000) && width(10_000) < width(100));
        assert_eq!(ServiceLaw::Fixed { ms: 2.0 }.quantile_bounds_ms(0.99, 10), (2.0, 2.0));
    }

    #[test]
    fn chance_is_given_four_deviations_and_none_where_nothing_can_happen() {
        assert_eq!(binomial_bounds(0.0, 1_000_000), (0, 0));
        assert_eq!(binomial_bounds(1.0, 10), (10, 10));
        assert_eq!(binomial_bounds(0.01, 10_000), (61, 139));
    }

    #[test]
    fn services_are_written_as_the_testbed_reads_them() {
        for service in [
            ServiceLaw::Fixed { ms: 2.0 },
            ServiceLaw::Exponential { mean_ms: 0.5 },
            ServiceLaw::Lognormal { median_ms: 2.0, sigma: 0.5 },
        ] {
            assert!(service.text().parse::<testbed::ServiceTime>().is_ok(), "{}", service.text());
        }
    }
}
