//! Arrivals at instants that were recorded: how many come when. The load has them in order.

use crate::quantity::{DURATION_NS_MAX, MILLISECOND_NS, SECOND_NS};

/// The most recorded arrivals of a load: a plan and its reports hold them all.
pub const RECORDED_ARRIVALS_MAX: usize = 1_000_000;

/// Whether there are some, in order, and all before the end.
pub(crate) fn are_sound(offsets_ns: &[u64], length_ns: u64) -> bool {
    (1..=RECORDED_ARRIVALS_MAX).contains(&offsets_ns.len())
        && offsets_ns.is_sorted()
        && offsets_ns.last().is_some_and(|last| *last < length_ns)
}

/// How many come before an instant.
pub(crate) fn before(offsets_ns: &[u64], instant_ns: u64) -> u64 {
    offsets_ns.partition_point(|offset| *offset < instant_ns) as u64
}

/// How many come within the whole second in which an instant lies.
pub(crate) fn in_the_second_of(offsets_ns: &[u64], instant_ns: u64) -> u64 {
    let from_ns = instant_ns - instant_ns % SECOND_NS;
    before(offsets_ns, from_ns + SECOND_NS) - before(offsets_ns, from_ns)
}

/// The most that come within one second, wherever it begins.
pub(crate) fn most_in_a_second(offsets_ns: &[u64]) -> usize {
    let mut first = 0;
    let counts = offsets_ns.iter().enumerate().map(|(index, offset)| {
        while offset - offsets_ns[first] >= SECOND_NS {
            first += 1;
        }
        index + 1 - first
    });
    counts.max().unwrap_or(0)
}

/// The instants as they are to be repeated: from the first one on, and so many times as fast.
pub(crate) fn at_speed(recorded_ns: &[u64], speed: f64) -> Vec<u64> {
    let first_ns = recorded_ns.first().copied().unwrap_or(0);
    recorded_ns.iter().map(|ns| ((ns - first_ns) as f64 / speed).round() as u64).collect()
}

/// How long a load of them lasts where nothing says so: until the first whole millisecond after the last.
pub(crate) fn length_ns(offsets_ns: &[u64]) -> u64 {
    let last_ns = offsets_ns.last().copied().unwrap_or(0);
    ((last_ns / MILLISECOND_NS + 1) * MILLISECOND_NS).min(DURATION_NS_MAX)
}

/// A number that differs where the instants do, but by rare chance (FNV-1a, 64 bits).
pub(crate) fn fingerprint(offsets_ns: &[u64]) -> u64 {
    let bytes = offsets_ns.iter().flat_map(|ns| ns.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::{Poll, Share, TokenBucket};
    use crate::config::{Diagnostic, Document, Format, Layers};
    use crate::load::{Arrivals, Load, Overload};
    use crate::phase::Phases;
    use crate::plan::Plan;
    use crate::random::Draws;
    use crate::schedule::{Schedule, Segment, Shape};
    use proptest::prelude::*;

    fn segment(offsets_ns: &[u64], length_ns: u64) -> Segment {
        Segment { length_ns, shape: Shape::Recorded { offsets_ns: offsets_ns.to_vec() } }
    }

    fn read(text: &str) -> Result<Plan, Vec<Diagnostic>> {
        let document =
            Document { name: "plan".into(), text: format!("url = 'h'\n{text}"), format: Format::Toml };
        Plan::new(&Layers::new(Some(document)).unwrap().config().unwrap(), &|_| Err(String::new()))
    }

    #[test]
    fn a_plan_repeats_what_was_recorded_at_the_speed_it_says() {
        let plan = read("load = { shape = 'recorded', offsets = [10, 10, '10.5s', 12], speed = 2 }").unwrap();
        let scenario = &plan.scenarios[0];
        let Load::Open { segments, .. } = &scenario.load else { panic!("it is open") };
        assert_eq!(segments, &[segment(&[0, 0, 250_000_000, SECOND_NS], 1_001_000_000)]);
        let kept = read("load = { shape = 'recorded', offsets = [0, 1, 2] }\nrun.duration = '2s'").unwrap();
        let Load::Open { segments, .. } = &kept.scenarios[0].load else { panic!("it is open") };
        assert_eq!(segments, &[segment(&[0, SECOND_NS], 2 * SECOND_NS)]);
        let stored = serde_json::to_string(&plan.scenarios[0].load).unwrap();
        assert_eq!(serde_json::from_str::<Load>(&stored).unwrap(), plan.scenarios[0].load);
    }

    #[test]
    fn what_is_no_recording_is_told_at_its_key() {
        let of = |load: &str| {
            let wrong = read(&format!("load = {load}")).expect_err(load);
            wrong.into_iter().map(|wrong| wrong.path).collect::<Vec<_>>()
        };
        assert_eq!(of("{ shape = 'recorded', offsets = [0, 2, 1] }"), ["load.offsets.2"]);
        assert_eq!(of("{ shape = 'recorded', offsets = [0, 'soon'] }"), ["load.offsets.1"]);
        assert_eq!(of("{ shape = 'recorded', offsets = [] }"), ["load.offsets"]);
        assert_eq!(of("{ shape = 'recorded', offsets = [0, 1], speed = 0 }"), ["load.speed"]);
        assert_eq!(of("{ shape = 'recorded', offsets = [0, 1], speed = 'fast' }"), ["load.speed"]);
        assert_eq!(of("{ shape = 'recorded', offsets = [0, 1], arrivals = 'poisson' }"), ["load.arrivals"]);
        assert_eq!(of("{ shape = 'recorded' }"), ["load.offsets"]);
        assert_eq!(of("{ rate = 5, speed = 2 }"), ["load.speed"]);
    }

    proptest! {
        #[test]
        fn shards_release_together_what_was_recorded_when_it_was(
            mut offsets in proptest::collection::vec(0_u64..5_000_000_000, 1..200),
            shards in 1_u64..5,
            starts_ns in 0_u64..3_000_000_000,
        ) {
            offsets.sort_unstable();
            let segments = vec![segment(&offsets, length_ns(&offsets))];
            let load = Load::Open {
                name: "recorded".into(), segments, arrivals: Arrivals::Uniform, overload: Overload::Queue,
            };
            let phases = Phases { measure_from_ns: 0, measure_to_ns: u64::MAX };
            let mut found = Vec::new();
            for shard in 0..shards {
                let share = Share { shard, shards };
                let mut bucket =
                    TokenBucket::new((starts_ns, &load), phases, share, Draws::new(1, 0), None).unwrap();
                while let Poll::Due(arrival) = bucket.poll_due(u64::MAX) {
                    found.push((arrival.number, arrival.intended_ns));
                }
            }
            found.sort_unstable();
            let expected: Vec<(u64, u64)> =
                (0_u64..).zip(offsets.iter().map(|offset| starts_ns + offset)).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn counts_agree_with_the_instants(
            mut offsets in proptest::collection::vec(0_u64..5_000_000_000, 1..200),
            cut_ns in 0_u64..6_000_000_000,
        ) {
            offsets.sort_unstable();
            let schedule = Schedule::new(0, &[segment(&offsets, length_ns(&offsets))]).unwrap();
            let counted = offsets.iter().filter(|offset| **offset < cut_ns).count() as u64;
            prop_assert_eq!(schedule.arrivals_before(cut_ns), counted);
            let within = |from: &u64| offsets.iter().filter(|at| (*from..from + SECOND_NS).contains(at)).count();
            prop_assert_eq!(most_in_a_second(&offsets), offsets.iter().map(within).max().unwrap());
        }
    }
}
