//! The load a plan asks for: the shape of the offered rate, how arrivals are spaced, and what to do when behind.

use crate::config::{Diagnostic, LoadConfig, Text, closest};
use crate::quantity::{DURATION_NS_MAX, Rate, SECOND_NS, parse_duration_ns, show_ns};
use crate::schedule::{Schedule, Segment, Shape};
use serde::{Deserialize, Serialize};

/// What drives the requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// No schedule: a request is sent whenever a connection is free. Measures the highest throughput; its response
    /// times say nothing about users, because a slow target is asked less.
    Closed,
    /// A schedule: arrivals come when they come, whether the target keeps up or not.
    Open {
        /// The word the plan used for the shape.
        name: String,
        /// The offered rate: one segment after the other.
        // What it was called in reports before.
        #[serde(alias = "stretches")]
        segments: Vec<Segment>,
        /// How arrivals are spaced along it.
        arrivals: Arrivals,
        /// What to do with arrivals that are overdue.
        overload: Overload,
    },
}

/// How arrivals are spaced along the offered rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Evenly: the most repeatable.
    #[default]
    Uniform,
    /// At random and independently, as independent users arrive: shows queueing that even spacing hides.
    Poisson,
}

/// What to do with an arrival that finds no free connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overload {
    /// Wait for one, however long; the wait is part of the response time.
    #[default]
    Queue,
    /// Wait this many nanoseconds at most; then count the arrival as dropped.
    Shed {
        /// The longest wait.
        deadline_ns: u64,
    },
}

impl Load {
    /// The schedule of an open load that begins at an instant; `None` for a closed one. Panics on segments that
    /// [`Schedule::new`] refuses, which a [`crate::plan::Plan`] never holds.
    pub fn schedule(&self, starts_ns: u64) -> Option<Schedule> {
        match self {
            Load::Closed => None,
            Load::Open { segments, .. } => {
                Some(Schedule::new(starts_ns, segments).expect("a plan holds only exact schedules"))
            }
        }
    }

    /// The rate, where it never changes.
    pub fn constant_rate(&self) -> Option<Rate> {
        let Load::Open { segments, .. } = self else { return None };
        let rate_of = |segment: &Segment| match segment.shape {
            Shape::Constant(rate) => Some(rate),
            Shape::Ramp { .. } | Shape::Sine { .. } => None,
        };
        let first = rate_of(segments.first()?);
        first.filter(|_| segments.iter().all(|segment| rate_of(segment) == first))
    }

    /// True for a load that waits for responses instead of following a schedule.
    pub fn is_closed(&self) -> bool {
        matches!(self, Load::Closed)
    }
}

impl Load {
    /// The load a config describes, and the length of the run in nanoseconds. A shape that knows its own length sets it;
    /// otherwise `asked_ns` does, or what `requests_max` arrivals need, or the default. `place` is the key of the load, and
    /// `duration` that of the duration asked for.
    pub(crate) fn read(
        (place, duration): (&str, &str),
        config: &LoadConfig,
        asked_ns: Option<u64>,
        requests_max: Option<u64>,
        default_ns: u64,
    ) -> Result<(Load, u64), Vec<Diagnostic>> {
        let mut reader =
            LoadReader { place: place.into(), duration: duration.into(), diagnostics: Vec::new() };
        let read = reader.load(config, asked_ns, requests_max, default_ns);
        match read {
            Some(read) if reader.diagnostics.is_empty() => Ok(read),
            _ => Err(reader.diagnostics),
        }
    }
}

/// The longest a closed run with a number of requests and no duration may take: it ends with the last request.
const UNBOUNDED_NS: u64 = 24 * 3_600 * SECOND_NS;

/// Which keys each shape reads; any other is a mistake, because it would silently do nothing.
const SHAPES: [(&str, &[&str]); 7] = [
    ("constant", &["rate"]),
    ("ramp", &["from", "to", "over"]),
    ("steps", &["rates", "every"]),
    ("spike", &["rate", "peak", "at", "length", "every"]),
    ("sine", &["mean", "amplitude", "period"]),
    ("stages", &["stages"]),
    ("closed", &[]),
];

/// Reads one `[load]` or one stage of it.
struct LoadReader {
    place: String,
    /// Where the duration was asked for.
    duration: String,
    diagnostics: Vec<Diagnostic>,
}

impl LoadReader {
    fn load(
        &mut self,
        config: &LoadConfig,
        asked_ns: Option<u64>,
        requests_max: Option<u64>,
        default_ns: u64,
    ) -> Option<(Load, u64)> {
        let shape = self.shape(config)?;
        if shape == "closed" {
            return self.closed(config, asked_ns, requests_max, default_ns);
        }
        let length_ns = match (shape, asked_ns, requests_max, &config.rate) {
            ("stages", ..) => self.stages_length(config, asked_ns)?,
            ("steps", None, ..) => self.steps_length(config, default_ns)?,
            ("constant", None, Some(requests), Some(rate)) => time_for(requests, Rate::parse(&rate.0).ok()?),
            _ => asked_ns.unwrap_or(default_ns),
        };
        let segments = self.segments(shape, config, length_ns)?;
        let arrivals = self.arrivals(config)?;
        let overload = self.overload(config)?;
        Some((Load::Open { name: shape.into(), segments, arrivals, overload }, length_ns))
    }

    /// The shape's name, with every key checked to belong to it.
    fn shape(&mut self, config: &LoadConfig) -> Option<&'static str> {
        let default = if config.rate.is_some() { "constant" } else { "closed" };
        let word = config.shape.as_ref().map_or(default, |shape| shape.0.as_str());
        let Some((shape, keys)) = SHAPES.iter().find(|(name, _)| *name == word) else {
            let names: Vec<&str> = SHAPES.iter().map(|(name, _)| *name).collect();
            let fix = match closest(word, &names) {
                Some(guess) => format!("did you mean `{guess}`?"),
                None => format!("there are {}", names.join(", ")),
            };
            self.wrong("shape", format!("`{word}` is not a shape"), fix);
            return None;
        };
        for (key, _) in
            given_keys(config).into_iter().filter(|(key, is_given)| *is_given && !keys.contains(key))
        {
            let reads = if keys.is_empty() { "nothing".into() } else { keys.join(", ") };
            self.wrong(
                key,
                format!("`{key}` means nothing to a load of shape `{shape}`"),
                format!("`{shape}` reads {reads}"),
            );
        }
        self.diagnostics.is_empty().then_some(shape)
    }

    fn closed(
        &mut self,
        config: &LoadConfig,
        asked_ns: Option<u64>,
        requests_max: Option<u64>,
        default_ns: u64,
    ) -> Option<(Load, u64)> {
        let open_only = [
            ("arrivals", config.arrivals.is_some()),
            ("overload", config.overload.is_some()),
            ("deadline", config.deadline.is_some()),
        ];
        for (key, _) in open_only.into_iter().filter(|(_, is_given)| *is_given) {
            self.wrong(
                key,
                format!("`{key}` means nothing in a closed loop"),
                "give a rate, or leave it out",
            );
        }
        let length_ns = match (asked_ns, requests_max) {
            (Some(ns), _) => ns,
            (None, Some(_)) => UNBOUNDED_NS,
            (None, None) => default_ns,
        };
        Some((Load::Closed, length_ns))
    }

    fn segments(&mut self, shape: &str, config: &LoadConfig, length_ns: u64) -> Option<Vec<Segment>> {
        match shape {
            "constant" => Some(vec![constant(self.positive_rate("rate", &config.rate)?, length_ns)]),
            "ramp" => self.ramp(config, length_ns),
            "steps" => self.steps(config, length_ns),
            "spike" => self.spike(config, length_ns),
            "sine" => self.sine(config, length_ns),
            "stages" => self.stages(config),
            other => unreachable!("`{other}` is not in the table of shapes"),
        }
    }

    fn ramp(&mut self, config: &LoadConfig, length_ns: u64) -> Option<Vec<Segment>> {
        let (from, to) = (self.rate("from", &config.from), self.rate("to", &config.to));
        let (from, to) = (from?, to?);
        if from.count == 0 && to.count == 0 {
            self.wrong("to", "a ramp from 0 to 0 offers nothing", "give a rate above 0 at one end");
            return None;
        }
        let over_ns = match &config.over {
            None => length_ns,
            Some(over) => self.length("over", over)?,
        };
        if over_ns > length_ns {
            self.wrong("over", "the ramp is longer than the run", "make it shorter, or the run longer");
            return None;
        }
        let mut segments = vec![Segment { length_ns: over_ns, shape: Shape::Ramp { from, to } }];
        if over_ns < length_ns {
            segments.push(constant(to, length_ns - over_ns));
        }
        Some(segments)
    }

    fn steps(&mut self, config: &LoadConfig, length_ns: u64) -> Option<Vec<Segment>> {
        let rates = config.rates.as_ref().map_or(&[][..], |rates| rates.0.as_slice());
        let rates: Vec<Rate> = rates.iter().filter_map(|text| self.parsed_rate("rates", text)).collect();
        if rates.iter().all(|rate| rate.count == 0) {
            self.wrong(
                "rates",
                "steps without a rate above 0 offer nothing",
                "give rates such as `[100, 200, 400]`",
            );
            return None;
        }
        let step_ns = match &config.every {
            Some(every) => self.length("every", every)?,
            None => (length_ns / rates.len() as u64).max(1),
        };
        Some(self.fill(rates.into_iter().map(|rate| (rate, step_ns)), length_ns))
    }

    /// Lays (rate, length) pairs end to end, holds the last one, and cuts at the run's end.
    fn fill(&self, parts: impl Iterator<Item = (Rate, u64)>, length_ns: u64) -> Vec<Segment> {
        let mut segments = Vec::new();
        let mut left_ns = length_ns;
        for (rate, part_ns) in parts {
            let part_ns = part_ns.min(left_ns);
            if part_ns > 0 {
                segments.push(constant(rate, part_ns));
                left_ns -= part_ns;
            }
        }
        if let Some(last) = segments.last_mut() {
            last.length_ns += left_ns;
        }
        segments
    }

    fn spike(&mut self, config: &LoadConfig, length_ns: u64) -> Option<Vec<Segment>> {
        let (rate, peak) = (self.rate("rate", &config.rate), self.positive_rate("peak", &config.peak));
        let at_ns = self.needed_length("at", &config.at);
        let spike_ns = self.needed_length("length", &config.length);
        let (rate, peak, at_ns, spike_ns) = (rate?, peak?, at_ns?, spike_ns?);
        let every_ns = match &config.every {
            None => length_ns.max(spike_ns + 1),
            Some(every) => self.length("every", every)?,
        };
        if every_ns <= spike_ns {
            self.wrong("every", "spikes overlap", "let `every` be longer than `length`");
            return None;
        }
        if at_ns >= length_ns {
            self.wrong("at", "the spike would begin after the run has ended", "let it begin earlier");
            return None;
        }
        let later = (1..=length_ns / every_ns).flat_map(|_| [(rate, every_ns - spike_ns), (peak, spike_ns)]);
        let parts = [(rate, at_ns), (peak, spike_ns)].into_iter().chain(later).chain([(rate, length_ns)]);
        Some(self.fill(parts, length_ns))
    }

    fn sine(&mut self, config: &LoadConfig, length_ns: u64) -> Option<Vec<Segment>> {
        let (mean, amplitude) =
            (self.positive_rate("mean", &config.mean), self.rate("amplitude", &config.amplitude));
        let period_ns = self.needed_length("period", &config.period);
        let (mean, amplitude, period_ns) = (mean?, amplitude?, period_ns?);
        if amplitude.rps() > mean.rps() {
            self.wrong("amplitude", "the rate would fall below 0", "let the amplitude be at most the mean");
            return None;
        }
        Some(vec![Segment { length_ns, shape: Shape::Sine { mean, amplitude, period_ns } }])
    }

    fn stages(&mut self, config: &LoadConfig) -> Option<Vec<Segment>> {
        let mut segments = Vec::new();
        for (index, stage) in config.stages.iter().enumerate() {
            let place = format!("{}.stages.{index}", self.place);
            let mut inner = LoadReader { place, duration: self.duration.clone(), diagnostics: Vec::new() };
            let stage_segments = inner.stage(stage);
            self.diagnostics.append(&mut inner.diagnostics);
            segments.extend(stage_segments?);
        }
        Some(segments)
    }

    fn stage(&mut self, config: &LoadConfig) -> Option<Vec<Segment>> {
        let length_ns = self.needed_length("duration", &config.duration)?;
        let mut plain = config.clone();
        plain.duration = None;
        match self.shape(&plain)? {
            shape @ ("closed" | "stages") => {
                self.wrong(
                    "shape",
                    format!("a stage cannot be `{shape}`"),
                    "give the stage a rate, or another shape",
                );
                None
            }
            shape => self.segments(shape, &plain, length_ns),
        }
    }

    fn stages_length(&mut self, config: &LoadConfig, asked_ns: Option<u64>) -> Option<u64> {
        if config.stages.is_empty() {
            self.wrong(
                "stages",
                "no stages",
                "write at least one [[load.stages]] with a shape and a duration",
            );
            return None;
        }
        let lengths =
            config.stages.iter().filter_map(|stage| parse_duration_ns(&stage.duration.as_ref()?.0).ok());
        let total_ns: u64 = lengths.sum();
        if asked_ns.is_some_and(|asked_ns| asked_ns != total_ns) {
            let problem = format!("the stages last {}, which is not the run's duration", show_ns(total_ns));
            self.diagnostics.push(Diagnostic::at(
                self.duration.clone(),
                problem,
                "leave the duration out, or make them equal",
            ));
            return None;
        }
        Some(total_ns)
    }

    fn steps_length(&mut self, config: &LoadConfig, default_ns: u64) -> Option<u64> {
        let Some(every) = &config.every else { return Some(default_ns) };
        let every_ns = self.length("every", every)?;
        Some(every_ns * config.rates.as_ref().map_or(1, |rates| rates.0.len().max(1) as u64))
    }

    fn arrivals(&mut self, config: &LoadConfig) -> Option<Arrivals> {
        match config.arrivals.as_ref().map(|text| text.0.as_str()) {
            None | Some("uniform") => Some(Arrivals::Uniform),
            Some("poisson") => Some(Arrivals::Poisson),
            Some(other) => {
                self.wrong(
                    "arrivals",
                    format!("`{other}` is not a way to arrive"),
                    "there are `uniform` and `poisson`",
                );
                None
            }
        }
    }

    fn overload(&mut self, config: &LoadConfig) -> Option<Overload> {
        match (config.overload.as_ref().map(|text| text.0.as_str()), &config.deadline) {
            (None | Some("queue"), None) => Some(Overload::Queue),
            (Some("shed"), Some(deadline)) => {
                Some(Overload::Shed { deadline_ns: self.length("deadline", deadline)? })
            }
            (Some("shed"), None) => {
                self.wrong(
                    "deadline",
                    "`shed` needs to know how long an arrival may wait",
                    "give `deadline = \"100ms\"`",
                );
                None
            }
            (None | Some("queue"), Some(_)) => {
                self.wrong(
                    "deadline",
                    "a deadline means nothing to `queue`",
                    "use `overload = \"shed\"`, or leave it out",
                );
                None
            }
            (Some(other), _) => {
                self.wrong(
                    "overload",
                    format!("`{other}` is not an overload policy"),
                    "there are `queue` and `shed`",
                );
                None
            }
        }
    }

    fn positive_rate(&mut self, key: &str, text: &Option<Text>) -> Option<Rate> {
        let rate = self.rate(key, text)?;
        if rate.count == 0 {
            self.wrong(
                key,
                "a rate of 0 offers nothing",
                "give a rate above 0, or leave it out for a closed loop",
            );
            return None;
        }
        Some(rate)
    }

    fn rate(&mut self, key: &str, text: &Option<Text>) -> Option<Rate> {
        match text {
            Some(text) => self.parsed_rate(key, &text.0),
            None => {
                self.wrong(
                    key,
                    format!("this shape needs `{key}`"),
                    format!("give `{key} = \"1k\"` or the like"),
                );
                None
            }
        }
    }

    fn parsed_rate(&mut self, key: &str, text: &str) -> Option<Rate> {
        Rate::parse(text)
            .map_err(|problem| self.wrong(key, problem, "rates look like `500`, `10k` or `600/m`"))
            .ok()
    }

    fn needed_length(&mut self, key: &str, text: &Option<Text>) -> Option<u64> {
        match text {
            Some(text) => self.length(key, text),
            None => {
                self.wrong(key, format!("`{key}` is missing"), format!("give `{key} = \"10s\"` or the like"));
                None
            }
        }
    }

    fn length(&mut self, key: &str, text: &Text) -> Option<u64> {
        match parse_duration_ns(&text.0) {
            Ok(0) if key != "at" => {
                self.wrong(key, "must be longer than zero", "durations look like `500ms` or `10s`")
            }
            Ok(ns) => return Some(ns),
            Err(problem) => self.wrong(key, problem, "durations look like `500ms` or `10s`"),
        }
        None
    }

    fn wrong(&mut self, key: &str, problem: impl Into<String>, fix: impl Into<String>) {
        self.diagnostics.push(Diagnostic::at(format!("{}.{key}", self.place), problem, fix));
    }
}

/// Every key that only some shapes read, and whether it is given.
fn given_keys(config: &LoadConfig) -> Vec<(&'static str, bool)> {
    let texts = [
        ("rate", &config.rate),
        ("from", &config.from),
        ("to", &config.to),
        ("over", &config.over),
        ("every", &config.every),
        ("peak", &config.peak),
        ("at", &config.at),
        ("length", &config.length),
        ("mean", &config.mean),
        ("amplitude", &config.amplitude),
        ("period", &config.period),
        ("duration", &config.duration),
    ];
    let mut keys: Vec<_> = texts.iter().map(|(key, text)| (*key, text.is_some())).collect();
    keys.push(("rates", config.rates.is_some()));
    keys.push(("stages", !config.stages.is_empty()));
    keys
}

/// How long `requests` arrivals at a constant rate take: until the one after the last would come.
fn time_for(requests: u64, rate: Rate) -> u64 {
    let ns = u128::from(requests) * u128::from(rate.per_ns) / u128::from(rate.count.max(1));
    u64::try_from(ns).unwrap_or(u64::MAX).clamp(1, DURATION_NS_MAX)
}

/// A segment of one rate.
pub(crate) fn constant(rate: Rate, length_ns: u64) -> Segment {
    Segment { length_ns, shape: Shape::Constant(rate) }
}
