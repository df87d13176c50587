//! How much shards carry: closed loops against the null responder. With one request under way on each connection and with
//! many, on one shard and on more for as long as there are cores for as many responders.

use super::effort::Effort;
use super::halt::Halt;
use super::placement::{halves, one_core};
use super::trial::{CONNECTIONS_PER_SHARD, TrialVerdict, list, run};
use crate::null::NullResponder;
use engine::failure::RunFailure;
use engine::report::Report;
use serde::{Deserialize, Serialize};

/// The depths: none, and deep enough that the system calls hardly count.
pub(super) const PIPELINES: [u32; 2] = [1, 32];
/// The part of a run's length that comes before it as warm-up.
const WARMUP_SHARE: f64 = 0.2;

/// How capacity grows with shards, for one depth of pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// Requests under way on one connection.
    pub pipeline: u32,
    /// What one shard carries that has its core to itself and never waits for the responder, requests per second: the best
    /// round's requests over the share of the time in which it was busy.
    pub rps_per_shard: f64,
    /// True when the machine disturbed a round that the figures rest on.
    pub is_noisy: bool,
    /// The share of the work that shards cannot do side by side (Amdahl, "Validity of the single processor approach",
    /// 1967), from the run with the most of them. `None` when there was none with more than one.
    pub contention: Option<f64>,
    /// What was run, fewest shards first.
    pub runs: Vec<CapacityRun>,
}

/// So many shards against as many responders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CapacityRun {
    /// Shards, and responders.
    pub shards: u32,
    /// Connections, over all shards.
    pub connections: u32,
    /// Requests per second, of the best round.
    pub rps: f64,
    /// CPU time of the shards in the best round, as a share of it. Well below 1 they waited for the responders, or had lost
    /// their cores to somebody else.
    pub busy: f64,
    /// What they would have carried if they had been busy all the time: requests per second of CPU time. The best round is
    /// the one in which this is most, because whatever disturbs a run makes requests dearer, not cheaper.
    pub full_rps: f64,
    /// The same of each round.
    pub rounds_full_rps: Vec<f64>,
    /// CPU time for each request in the best round, nanoseconds.
    pub cpu_per_request_ns: f64,
    /// How far the best round can be trusted.
    pub verdict: TrialVerdict,
}

impl Scaling {
    /// What so many shards carry, as a model: measured for one, and beyond it by Amdahl's law with the measured contention,
    /// or in proportion where only one was measured, because shards share nothing.
    pub fn model_rps(&self, shards: u32) -> f64 {
        let shards = f64::from(shards);
        self.rps_per_shard * shards / (1.0 + self.contention.unwrap_or(0.0) * (shards - 1.0))
    }
}

/// One depth, on as many shards as there are cores for.
pub(super) fn measure(
    effort: Effort,
    cores: &[usize],
    pipeline: u32,
    halt: &Halt,
) -> Result<Scaling, RunFailure> {
    let measure = |shards| measure_one(effort, cores, shards, pipeline, halt);
    let runs: Vec<CapacityRun> = steps(cores.len() / 2).into_iter().map(measure).collect::<Result<_, _>>()?;
    let rps_per_shard = runs.first().map(|run| run.full_rps).ok_or_else(one_core)?;
    let contention = runs.last().filter(|run| run.shards > 1).map(|run| {
        let (shards, ideal_rps) = (f64::from(run.shards), f64::from(run.shards) * rps_per_shard);
        // Better than in proportion is noise.
        ((ideal_rps / run.full_rps - 1.0) / (shards - 1.0)).max(0.0)
    });
    let is_noisy = runs.iter().any(|run| run.verdict.is_noisy);
    Ok(Scaling { pipeline, rps_per_shard, is_noisy, contention, runs })
}

/// 1, 2, 4 … and the most there can be.
fn steps(most: usize) -> Vec<usize> {
    let mut steps: Vec<usize> = (0..).map(|power| 1 << power).take_while(|&shards| shards < most).collect();
    steps.extend((most > 0).then_some(most));
    steps
}

fn measure_one(
    effort: Effort,
    cores: &[usize],
    shards: usize,
    pipeline: u32,
    halt: &Halt,
) -> Result<CapacityRun, RunFailure> {
    let (responders, generators) = halves(cores, shards)?;
    let null = NullResponder::start(([127, 0, 0, 1], 0).into(), responders, None)?;
    let (warmup_ms, run_ms) = warmed_up(effort);
    let connections = shards * CONNECTIONS_PER_SHARD;
    let plan = format!(
        "[run]\nshards = {shards}\ncores = '{}'\nconnections = {connections}\npipeline = {pipeline}\n\
         warmup = '{warmup_ms}ms'\nduration = '{run_ms}ms'",
        list(generators)
    );
    let rounds = if shards == 1 { effort.rounds() } else { 1 };
    let reports: Result<Vec<Report>, RunFailure> =
        (0..rounds).map(|_| run(&plan, null.address(), halt)).collect();
    null.stop()?;
    let reports = reports?;
    let best = reports.iter().max_by(|a, b| full_rps(a).total_cmp(&full_rps(b)));
    let best = best.expect("there is at least one round");
    Ok(CapacityRun {
        shards: shards as u32,
        connections: connections as u32,
        rps: best.rate.achieved,
        busy: busy_share(best),
        full_rps: full_rps(best),
        rounds_full_rps: reports.iter().map(full_rps).collect(),
        cpu_per_request_ns: best.cpu.per_request_ns,
        verdict: TrialVerdict::of_saturated(best),
    })
}

fn warmed_up(effort: Effort) -> (u128, u128) {
    let measured_ms = effort.capacity().as_millis();
    let warmup_ms = (measured_ms as f64 * WARMUP_SHARE) as u128;
    (warmup_ms, warmup_ms + measured_ms)
}

/// CPU time that carried load, over all shards, as a share of theirs. Never so small that dividing by it says nothing.
fn busy_share(report: &Report) -> f64 {
    const SHARE_MIN: f64 = 0.001;
    let shards = &report.cpu.shards;
    let busy_s: f64 = shards.iter().map(|shard| shard.user_s + shard.sys_s - shard.spun_s).sum();
    (busy_s / (report.window_s * shards.len() as f64)).clamp(SHARE_MIN, 1.0)
}

fn full_rps(report: &Report) -> f64 {
    report.rate.achieved / busy_share(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_doubled_until_there_are_no_cores_for_responders() {
        assert!(steps(0).is_empty());
        assert_eq!(steps(1), [1]);
        assert_eq!(steps(2), [1, 2]);
        assert_eq!(steps(6), [1, 2, 4, 6]);
        assert_eq!(steps(8), [1, 2, 4, 8]);
    }

    #[test]
    fn the_model_is_proportional_without_contention_and_amdahls_with_it() {
        let scaling = |contention| Scaling {
            pipeline: 1,
            rps_per_shard: 100.0,
            is_noisy: false,
            contention,
            runs: Vec::new(),
        };
        assert_eq!((scaling(None).model_rps(1), scaling(None).model_rps(8)), (100.0, 800.0));
        assert_eq!(scaling(Some(0.1)).model_rps(1), 100.0);
        // 1 / (0.1 + 0.9 / 11) = 5.5.
        assert!((scaling(Some(0.1)).model_rps(11) - 550.0).abs() < 1e-9);
    }
}
