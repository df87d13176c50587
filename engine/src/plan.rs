//! A plan: valid by construction, immutable, serialisable. What runs here is byte for byte what a fleet would be sent.
//!
//! There is no `validate()`: a [`Plan`] is made from a [`Config`] (`plan/reader.rs`) or from [`Fields`] that came from somewhere
//! else, and either way it keeps every rule of `plan/rules.rs`, or is not made.

pub(crate) mod bounds;
mod datagrams;
mod encryption;
mod feeds;
mod fields;
mod flow_names;
mod flow_rules;
mod load_rules;
mod message_end;
mod mistake;
mod own_connections;
#[cfg(test)]
mod own_connections_tests;
mod pool_size;
mod pools;
mod reader;
mod records;
mod repeat;
mod retarget;
mod retry_rules;
mod rules;
mod series;
mod setup;
mod setup_script;
#[cfg(test)]
mod setup_tests;
mod sockets;
mod streams;
mod target_rules;
#[cfg(test)]
mod target_tests;
#[cfg(test)]
mod tests;
mod threshold_rules;
mod values;

use crate::config::{Config, Diagnostic, ReadConfig};
pub use crate::feed::{AtEnd, Feed, FeedFormat, RowOrder};
use crate::flow::SetupValues;
use crate::load::{Arrivals, Load, Overload};
use crate::phase::{Phases, Warmup};
use crate::quantity::Rate;
pub use crate::recorded::RECORDED_ARRIVALS_MAX;
use crate::schedule::constant;
use crate::threshold::Threshold;
use bounds::longest_warmup_ns;
pub use bounds::{
    CONNECTIONS_MAX, INTERVAL_NS_MIN, PIPELINE_MAX, REQUEST_BYTES_MAX, REQUESTS_MAX, SCENARIOS_MAX,
    SERIES_MAX, SHARDS_MAX, SLICE_NS_MIN, SLICES_WANTED, STREAM_RESPONSE_BYTES_MAX,
};
pub use datagrams::DATAGRAM_BYTES_MAX;
pub use fields::{
    BytesMessage, DatagramField, DatagramMatching, DnsQuery, Fields, GrpcCall, GrpcMethod, GrpcSource,
    HttpRequest, Machine, MessagePace, Offered, Pool, ReplyMatching, Request, Scenario, Script,
    SocketMessageKind, Step, Target, TargetProtocol, TlsSettings, TlsVersion, Transport, Wait,
    WebSocketMessage,
};
pub use message_end::{LengthPrefix, MessageEnd, UnknownEnd};
pub use pool_size::PoolSize;
pub use reader::{FileHead, PlanFiles, ReadFile, ReadHead};
pub use records::RecordType;
pub use rules::{Broken, PlanPlace, Violation};
use serde::{Deserialize, Serialize, Serializer};
pub use setup::UnfilledStep;
pub use setup_script::SetupScript;
use std::ops::Deref;

/// All that a run needs to know. It can be read and not changed: whoever wants another plan makes one, by [`Plan::changed`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Fields")]
pub struct Plan {
    fields: Fields,
}

/// What a plan is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be run as it is.
    Run,
    /// To be run as [`Plan::probe`]s alone: they have a rate, whatever its load is.
    Probes,
}

/// What a probe changes the rate of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probed {
    /// All scenarios, in the proportions of the plan.
    Sum,
    /// The one with this number; the others keep their load.
    Scenario(usize),
}

impl Deref for Plan {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.fields
    }
}

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields.serialize(serializer)
    }
}

impl TryFrom<Fields> for Plan {
    type Error = Broken;

    fn try_from(fields: Fields) -> Result<Plan, Broken> {
        match rules::violations(&fields) {
            violations if violations.is_empty() => Ok(Plan { fields }),
            violations => Err(Broken(violations)),
        }
    }
}

impl Plan {
    /// The plan a config describes, or all that is wrong with it. `read_file` is how `@file` bodies are fetched: the
    /// engine opens nothing itself.
    pub fn new(config: &Config, read_file: ReadFile) -> Result<Plan, Vec<Diagnostic>> {
        let reading = ReadConfig { config: config.clone(), ..ReadConfig::default() };
        Plan::read(&reading, read_file, Purpose::Run).map(|(plan, _)| plan)
    }

    /// The same of what was read of a plan, with all that is wrong with its keys beside all else; and notes of what is no mistake and
    /// may not be what was meant.
    pub fn read(
        reading: &ReadConfig,
        read_file: ReadFile,
        purpose: Purpose,
    ) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
        let head = |name: &str| Ok(FileHead { bytes: read_file(name)?, is_whole: true });
        Plan::read_with(reading, PlanFiles { whole: read_file, head: &head }, purpose)
    }

    /// The same, where the beginning of a file can be read without the rest of it.
    pub fn read_with(
        reading: &ReadConfig,
        files: PlanFiles,
        purpose: Purpose,
    ) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
        let read = reader::read(reading, files, purpose == Purpose::Probes)?;
        Ok((Plan { fields: read.fields }, read.notes))
    }

    /// The plan of a report, to be run again, with what was read of flags and variables in the place of what it says.
    pub fn repeated(
        &self,
        given: &ReadConfig,
        read_file: ReadFile,
    ) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
        let (fields, notes) = repeat::repeated(&self.fields, given, read_file)?;
        Ok((Plan { fields }, notes))
    }

    /// What a condition is about has to be there; otherwise what is wrong, and what to do about it.
    pub fn finds(&self, threshold: &Threshold) -> Result<(), (String, String)> {
        threshold_rules::found(self, threshold)
    }

    /// The same plan but for a change, which has to keep the rules.
    pub fn changed(&self, change: impl FnOnce(&mut Fields)) -> Result<Plan, Broken> {
        let mut fields = self.fields.clone();
        change(&mut fields);
        Plan::try_from(fields)
    }

    /// The same plan, whose secrets are kept where it is written down, or are not.
    pub fn keeping_secrets(mut self, keeps_secrets: bool) -> Plan {
        self.fields.keeps_secrets = keeps_secrets;
        self
    }

    /// The same plan as it is written down: only texts change, and none is run.
    pub(crate) fn rewritten(&self, change: impl FnOnce(&mut Fields)) -> Plan {
        let mut plan = self.clone();
        change(&mut plan.fields);
        plan
    }

    /// What is done before the start, as a plan of one iteration; nothing where nothing is.
    pub fn setup_plan(&self) -> Option<Plan> {
        let setup = self.setup.as_ref()?;
        Some(Plan { fields: setup::own_fields(self, setup) })
    }

    /// The names of the values that the setup gives, in the order of their numbers.
    pub fn setup_names(&self) -> Vec<&str> {
        self.setup.as_ref().map_or_else(Vec::new, |setup| setup::names(setup))
    }

    /// The same plan with values of the setup in the place of their names, where they stay as they are.
    pub fn filled(&self, values: &SetupValues) -> Result<Plan, UnfilledStep> {
        let mut plan = self.clone();
        if self.setup.as_ref().is_some_and(|setup| !setup.is_renewed()) {
            setup::fill(&mut plan.fields, values)?;
        }
        Ok(plan)
    }

    /// The same requests at a constant rate, as a probe: no conditions, and no number of requests to end at.
    /// A warm-up that ends by itself does so here too, whatever `warmup_ns` is. Errors say why there is no exact schedule.
    pub fn probe(&self, probed: Probed, rate: Rate, warmup_ns: u64, length_ns: u64) -> Result<Plan, Broken> {
        let warmup_ns = match self.warmup {
            Warmup::Fixed => warmup_ns,
            Warmup::Auto => longest_warmup_ns(length_ns),
        };
        let rates = self.probed_rates(probed, rate);
        self.changed(|fields| {
            for (scenario, rate) in fields.scenarios.iter_mut().zip(rates) {
                let (arrivals, overload) = match &scenario.load {
                    Load::Closed | Load::Users(_) => (Arrivals::default(), Overload::default()),
                    Load::Open { arrivals, overload, .. } => (*arrivals, *overload),
                };
                if let Some(rate) = rate {
                    let segments = vec![constant(rate, length_ns)];
                    scenario.load = Load::Open { name: "constant".into(), segments, arrivals, overload };
                }
                (scenario.starts_ns, scenario.length_ns, scenario.requests_max) = (0, length_ns, None);
            }
            fields.phases = Phases { measure_from_ns: warmup_ns, measure_to_ns: length_ns };
            fields.until = None;
            fields.thresholds.clear();
        })
    }

    /// The rate of each scenario in a probe; none of a closed loop that is not probed.
    fn probed_rates(&self, probed: Probed, rate: Rate) -> Vec<Option<Rate>> {
        let planned: Vec<Option<Rate>> =
            self.scenarios.iter().map(|scenario| scenario.load.constant_rate()).collect();
        let sum_rps: f64 = planned.iter().flatten().map(|rate| rate.rps()).sum();
        let of_scenario = |(index, planned): (usize, &Option<Rate>)| match (probed, planned) {
            (Probed::Sum, _) if self.scenarios.len() == 1 => Some(rate),
            (Probed::Sum, Some(planned)) => Some(rate.times(planned.rps() / sum_rps)),
            (Probed::Scenario(probed), _) if probed == index => Some(rate),
            (_, planned) => *planned,
        };
        planned.iter().enumerate().map(of_scenario).collect()
    }

    /// Length of one slice of the history: a whole part of the interval, so fine that the measured window has
    /// [`SLICES_WANTED`] of them where [`SLICE_NS_MIN`] allows it.
    pub fn slice_ns(&self) -> u64 {
        // A run that ends when enough is known is looked at as finely as can be: its end is not known.
        let window_ns = if self.until.is_some() { 0 } else { self.phases.window_ns() };
        let is_fine = |slice_ns: &u64| window_ns / slice_ns >= SLICES_WANTED;
        let parts = [1, 2, 4, 5, 10].into_iter().map(|parts| self.interval_ns / parts);
        let allowed: Vec<u64> = parts.filter(|&slice_ns| slice_ns >= SLICE_NS_MIN).collect();
        let finest_ns = allowed.last().copied().unwrap_or(self.interval_ns);
        allowed.into_iter().find(is_fine).unwrap_or(finest_ns)
    }
}
