//! The points of metrics about shards, threads and the machine.

use crate::names;
use crate::points::{AttributeValue, Attributes, Figures, Point, PointValue, of_run, text};
use engine::record::ShardStats;

/// The points of such a metric; nothing of another.
pub(crate) fn of_machine<'a>(name: &str, figures: Figures<'a>) -> Option<Vec<Point<'a>>> {
    let Figures { totals, levels, .. } = figures;
    let machine = &totals.machine;
    let values: Vec<(Attributes<'a>, f64)> = match name {
        names::SHARD_CPU => {
            let modes = |(shard, stats): (usize, &ShardStats)| {
                let modes = [("user", stats.cpu_user_ns), ("system", stats.cpu_system_ns)];
                modes.map(|(mode, ns)| {
                    ([number(names::SHARD, shard), text(names::CPU_MODE, mode)].concat(), seconds(ns))
                })
            };
            totals.shards.iter().enumerate().flat_map(modes).collect()
        }
        names::SHARD_IDLE => of_shards(figures, |stats| stats.spun_ns),
        names::SHARD_DELAY => of_shards(figures, |stats| stats.run_delay_ns),
        names::THREAD_CPU => {
            let owners = ["collector", "outputs"].into_iter().zip(machine.cpu_ns.into_iter().flatten());
            owners.map(|(owner, ns)| (text(names::THREAD, owner), seconds(ns))).collect()
        }
        names::STEAL => {
            let cores = machine.steal_ns.iter();
            cores.map(|(core, ns)| (number(names::CORE, *core), seconds(*ns))).collect()
        }
        names::THROTTLED => of_all(machine.throttled_ns.map(seconds)),
        names::LOAD => of_all(levels.load),
        names::AVAILABLE => of_all(levels.available_bytes.map(|bytes| bytes as f64)),
        names::RESIDENT => of_all(levels.resident_bytes.map(|bytes| bytes as f64)),
        _ => return None,
    };
    let points = values.into_iter().map(|(own, value)| {
        let attributes = of_run(figures).into_iter().chain(own).collect();
        Point { attributes, value: PointValue::Real(value) }
    });
    Some(points.collect())
}

fn of_shards<'a>(figures: Figures<'_>, ns: impl Fn(&ShardStats) -> u64) -> Vec<(Attributes<'a>, f64)> {
    let shards = figures.totals.shards.iter().enumerate();
    shards.map(|(shard, stats)| (number(names::SHARD, shard), seconds(ns(stats)))).collect()
}

fn of_all<'a>(value: Option<f64>) -> Vec<(Attributes<'a>, f64)> {
    value.into_iter().map(|value| (Attributes::new(), value)).collect()
}

fn number<'a>(name: &'static str, number: usize) -> Attributes<'a> {
    vec![(name, AttributeValue::Number(number as i64))]
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::totals::{RunLevels, RunTotals};
    use engine::config::{Config, Text};
    use engine::phase::Phases;
    use engine::plan::Plan;
    use engine::record::{MachineSample, Snapshot};
    use engine::run_facts::RunFacts;

    fn values(name: &str, figures: Figures<'_>) -> Vec<(String, f64)> {
        let of = |point: &Point<'_>| {
            let own = point.attributes.iter().skip(1).map(|(_, value)| match value {
                AttributeValue::Text(text) => text.to_string(),
                AttributeValue::Number(number) => number.to_string(),
            });
            let PointValue::Real(value) = point.value else { panic!("{point:?}") };
            (own.collect::<Vec<_>>().join(" "), value)
        };
        of_machine(name, figures).unwrap().iter().map(of).collect()
    }

    #[test]
    fn what_shards_count_and_the_machine_tells_is_added_up_and_levels_are_the_last() {
        let config = Config { url: Some(Text("http://h/".into())), ..Config::default() };
        let facts = RunFacts::new(&Plan::new(&config, &|_| Err(String::new())).unwrap(), "r");
        let (mut totals, mut levels) = (RunTotals::new(&facts), RunLevels::default());
        for n in 1..=2 {
            let phases = Phases { measure_from_ns: 0, measure_to_ns: 10 };
            let mut snapshot = Snapshot::new(2, &facts.plan.layout(), phases);
            snapshot.shards[1].measured.cpu_user_ns = n * 1_000_000_000;
            snapshot.shards[1].outside.run_delay_ns = n * 500_000_000;
            snapshot.machine = Some(Box::new(MachineSample {
                steal_ns: vec![(3, n * 10_000_000)],
                collector_cpu_ns: n * 1_000_000,
                load: Some(n as f64 / 2.0),
                resident_bytes: Some(n * 4_096),
                ..MachineSample::default()
            }));
            totals.add(&snapshot, None);
            levels.pass(&snapshot);
        }
        let figures = Figures { facts: &facts, totals: &totals, levels: &levels };
        let pair = |name: &str, value: f64| (name.to_owned(), value);
        let cpu = [pair("0 user", 0.0), pair("0 system", 0.0), pair("1 user", 3.0), pair("1 system", 0.0)];
        assert_eq!(values(names::SHARD_CPU, figures), cpu);
        assert_eq!(values(names::SHARD_DELAY, figures), [pair("0", 0.0), pair("1", 1.5)]);
        assert_eq!(values(names::STEAL, figures), [pair("3", 0.03)]);
        assert_eq!(values(names::THREAD_CPU, figures), [pair("collector", 0.003), pair("outputs", 0.0)]);
        assert_eq!(
            (values(names::LOAD, figures), values(names::RESIDENT, figures)),
            (vec![pair("", 1.0)], vec![pair("", 8_192.0)])
        );
        // What this machine does not tell is nothing.
        assert_eq!(
            (values(names::THROTTLED, figures).len(), values(names::AVAILABLE, figures).len()),
            (0, 0)
        );
        assert!(of_machine(names::OK, figures).is_none());
    }
}
