//! Writing a request down: its counts when it is sent, and four times when it is done.

use super::operation::{CountedOperation, Work};
use engine::outcome::Outcome;
use engine::phase::Phases;
use engine::quantity::SECOND_NS;
use engine::random::Random;
use engine::record::{Instants, Layout, Recorder};

pub(super) const PHASES: Phases = Phases { measure_from_ns: 0, measure_to_ns: 3_600 * SECOND_NS };
/// Means of the drawn times: loopback's, so that about as many buckets are touched as in a busy run.
const SLIP_NS_MEAN: f64 = 300.0;
const SERVICE_NS_MEAN: f64 = 200_000.0;
const REQUEST_BYTES: u64 = 100;
const RESPONSE_BYTES: u64 = 250;
/// Requests that are drawn; they are written down again and again.
const DRAWN: usize = 1_024;

/// How requests end whose status is not always the expected one: a quarter each.
const FOUR_STATUSES: [Outcome; 4] =
    [Outcome::Ok(200), Outcome::Ok(302), Outcome::Refused(404), Outcome::Refused(500)];

/// The two halves, and the whole: what recording costs per request; and where statuses differ.
pub const OPERATIONS: [CountedOperation; 4] = [
    operation("sent", || work(|recorder, at| recorder.sent(0, at.intended, at.sent, REQUEST_BYTES))),
    operation("done_four_histograms", || {
        work(|recorder, at| recorder.done(0, Outcome::Ok(200), at, at.sent - at.intended, RESPONSE_BYTES))
    }),
    operation("request", || work(write)),
    operation("done_four_statuses", four_statuses),
];

const fn operation(name: &'static str, make: fn() -> Work) -> CountedOperation {
    CountedOperation { noun: "record", name, batch: 10 * DRAWN as u64, make }
}

fn work(write: impl Fn(&mut Recorder, Instants) + 'static) -> Work {
    let (drawn, mut recorder) = (draw(), Recorder::new(0, &Layout::new([1]), PHASES));
    let mut written = 0;
    Box::new(move |count| {
        let rounds = count.div_ceil(DRAWN as u64);
        for _ in 0..rounds {
            drawn.iter().for_each(|at| write(&mut recorder, *at));
        }
        written += rounds * DRAWN as u64;
        let series = &recorder.requests.series.measured[0];
        let recorded = series.sent.max(series.response.count());
        assert_eq!(recorded, written, "every request is recorded");
        assert_eq!(series.slip.count(), series.lag.count());
    })
}

fn four_statuses() -> Work {
    let (drawn, mut recorder) = (draw(), Recorder::new(0, &Layout::new([1]), PHASES));
    let mut written = 0;
    Box::new(move |count| {
        let rounds = count.div_ceil(DRAWN as u64);
        for _ in 0..rounds {
            for (at, outcome) in drawn.iter().zip(FOUR_STATUSES.into_iter().cycle()) {
                recorder.done(0, outcome, *at, at.sent - at.intended, RESPONSE_BYTES);
            }
        }
        written += rounds * DRAWN as u64;
        let series = &recorder.requests.series.measured[0];
        let others = series.other_outcomes.as_ref().expect("some have another status");
        let counted: Vec<u64> = others.iter().map(|(_, times)| times.count()).collect();
        assert_eq!(counted, [written / 4; 3], "every request is recorded by its status");
        assert_eq!(series.lag.count(), written);
    })
}

/// One request, from sending to its end.
fn write(recorder: &mut Recorder, at: Instants) {
    recorder.sent(0, at.intended, at.sent, REQUEST_BYTES);
    recorder.done(0, Outcome::Ok(200), at, at.sent - at.intended, RESPONSE_BYTES);
}

/// A recorder as it is handed over after a busy interval.
pub(super) fn filled() -> Recorder {
    let mut recorder = Recorder::new(0, &Layout::new([1]), PHASES);
    draw().into_iter().for_each(|at| write(&mut recorder, at));
    recorder
}

fn draw() -> Vec<Instants> {
    let mut random = Random::new(1, 0);
    let mut instants = |intended: u64| {
        let sent = intended + (random.exponential() * SLIP_NS_MEAN) as u64;
        Instants { intended, sent, done: sent + (random.exponential() * SERVICE_NS_MEAN) as u64 }
    };
    (0..DRAWN as u64).map(|request| instants(request * 100_000)).collect()
}
