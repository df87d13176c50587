//! Generators side by side: several run by turns against one server process. Each has the same core, so that whatever else
//! the machine does meets all of them. What counts is the ratio within a round.
//!
//! The cost is the CPU time of the whole process, collector and start included, over the requests it completed.

use crate::cores::GENERATOR_CORE;
use crate::process::{self, EndedProcess};
use crate::target::{Nginx, ServedBody};
use crate::vajra::{self, Vajra};
use crate::wrk::Counted;
use crate::{floor, gcannon, wrk};
use engine::verdict::Status;
use std::process::Command;

/// One combination of connections and body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RaceCell {
    pub(crate) connections: u32,
    pub(crate) body: ServedBody,
}

/// One run of one generator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RaceSample {
    pub(crate) cpu_ns_per_request: f64,
    pub(crate) rate_rps: f64,
    pub(crate) failed: u64,
    /// Vajra's own.
    pub(crate) verdict: Option<Status>,
}

/// Who runs.
#[derive(Clone, Copy)]
pub(crate) enum Contender<'a> {
    Vajra(&'a Vajra),
    /// The least that can be done, which has no clock and is told how many requests to send.
    Floor {
        requests: u64,
    },
    Wrk,
    Gcannon,
}

/// Where they run.
pub(crate) struct Track {
    pub(crate) nginx: Nginx,
    pub(crate) seconds: u32,
}

impl Track {
    /// Every contender once, in an order that turns with the number of the round: A B, B A, and so on. The samples come in
    /// the order of the contenders.
    pub(crate) fn round(
        &self,
        contenders: &[Contender],
        cell: RaceCell,
        number: usize,
    ) -> Result<Vec<RaceSample>, String> {
        let count = contenders.len();
        let mut samples: Vec<Option<RaceSample>> = vec![None; count];
        for place in 0..count {
            let index = (place + number) % count;
            samples[index] = Some(self.run(contenders[index], cell)?);
        }
        Ok(samples.into_iter().flatten().collect())
    }

    /// The floor, with as many requests as Vajra completes in one run of the length of all: it runs about as long. The run also
    /// warms up the server for this cell.
    pub(crate) fn floor(&self, vajra: &Vajra, cell: RaceCell) -> Result<Contender<'static>, String> {
        let rate_rps = self.run(Contender::Vajra(vajra), cell)?.rate_rps;
        Ok(Contender::Floor { requests: (rate_rps * f64::from(self.seconds)) as u64 })
    }

    /// How a contender is started.
    pub(crate) fn command(&self, contender: Contender, cell: RaceCell) -> Result<Command, String> {
        let url = self.nginx.url(cell.body);
        Ok(match contender {
            Contender::Vajra(vajra) => {
                vajra.command(GENERATOR_CORE, cell.connections, self.seconds, &url, &[])
            }
            Contender::Floor { requests } => {
                floor::command(GENERATOR_CORE, cell.connections, requests, &url)?
            }
            Contender::Wrk => wrk::command(GENERATOR_CORE, cell.connections, self.seconds, &url),
            Contender::Gcannon => gcannon::command(GENERATOR_CORE, cell.connections, self.seconds, &url),
        })
    }

    fn run(&self, contender: Contender, cell: RaceCell) -> Result<RaceSample, String> {
        let mut command = self.command(contender, cell)?;
        let run: fn(&mut Command) -> Result<(Counted, EndedProcess), String> = match contender {
            Contender::Vajra(_) => {
                let vajra::Run { report, ended } = Vajra::run(&mut command)?;
                let sample = sample(&command, &ended, vajra::completed(&report), report.rate.achieved)?;
                let verdict = Some(report.verdict.status);
                return Ok(RaceSample { failed: report.requests.failed, verdict, ..sample });
            }
            Contender::Floor { .. } => floor::run_process,
            Contender::Wrk => wrk::run,
            Contender::Gcannon => gcannon::run,
        };
        let (counted, ended) = run(&mut command)?;
        let sample = sample(&command, &ended, counted.requests, counted.rate_rps)?;
        Ok(RaceSample { failed: counted.failed, ..sample })
    }
}

/// A cost per request needs requests.
fn sample(
    command: &Command,
    ended: &EndedProcess,
    requests: u64,
    rate_rps: f64,
) -> Result<RaceSample, String> {
    if requests == 0 {
        return Err(format!("`{}` completed no request", process::shown(command)));
    }
    let cpu_ns_per_request = ended.cpu_s * 1e9 / requests as f64;
    Ok(RaceSample { cpu_ns_per_request, rate_rps, failed: 0, verdict: None })
}
