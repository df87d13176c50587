//! The load of a scenario, as typed: a shape and its numbers. First each value is read by itself, then the shape says which belong
//! to it, then the numbers have to go together; so that every mistake is found, and none that only follows from another.

use super::offsets;
use super::overload;
use crate::config::{Diagnostic, LoadConfig, Spot, Text, closest};
use crate::length::{self, UNBOUNDED_NS};
use crate::load::UserLoad;
use crate::load::{Arrivals, Load, Overload};
use crate::quantity::{Rate, parse_count, parse_duration_ns, rate_ends, show_ns};
use crate::recorded;
use crate::schedule::{Segment, Shape, constant};
use std::collections::BTreeMap;

/// A shape of load. Any key that it does not read is a mistake, because it would silently do nothing.
struct ShapeForm {
    name: &'static str,
    needs: &'static [&'static str],
    may_have: &'static [&'static str],
}

const SHAPES: [ShapeForm; 8] = [
    ShapeForm { name: "constant", needs: &["rate"], may_have: &[] },
    ShapeForm { name: "ramp", needs: &["from", "to"], may_have: &["over"] },
    ShapeForm { name: "steps", needs: &["rates"], may_have: &["every"] },
    ShapeForm { name: "spike", needs: &["rate", "peak", "at", "length"], may_have: &["every"] },
    ShapeForm { name: "sine", needs: &["mean", "amplitude", "period"], may_have: &[] },
    ShapeForm { name: "recorded", needs: &["offsets"], may_have: &["speed"] },
    ShapeForm { name: "stages", needs: &["stages"], may_have: &[] },
    ShapeForm { name: "closed", needs: &[], may_have: &[] },
];

impl ShapeForm {
    fn reads(&self, key: &str) -> bool {
        self.needs.contains(&key) || self.may_have.contains(&key)
    }
}

/// Where a load stands in a config, and what is known of its scenario.
pub(super) struct LoadPlace<'a> {
    /// The key of the load.
    pub(super) key: &'a str,
    /// The key of the duration that was asked for.
    pub(super) duration_key: &'a str,
    /// Keys of the config whose values are not known.
    pub(super) doubtful: &'a [String],
    /// Nothing that says how long it is to last is wrong: otherwise no number is held against its length.
    pub(super) is_length_known: bool,
    /// How long it is to last, if that was asked for.
    pub(super) asked_ns: Option<u64>,
    /// How many arrivals it is to be long enough for otherwise.
    pub(super) requests_max: Option<u64>,
    /// How long it lasts if nothing says so.
    pub(super) default_ns: u64,
}

/// The load a config describes, and its length in nanoseconds. A shape that knows its own length sets it; otherwise what was
/// asked for does, or what so many arrivals need, or the default. No mistakes and no load: it is not known, and that was told before.
pub(super) fn read(place: &LoadPlace, config: &LoadConfig) -> Result<(Load, u64), Vec<Diagnostic>> {
    if is_of_users(config) {
        return users(place, config);
    }
    let mut reader = LoadReader::new(place.key.to_owned(), place.doubtful, config);
    match reader.load(place) {
        Some(load) if reader.diagnostics.is_empty() => Ok(load),
        _ => Err(reader.diagnostics),
    }
}

/// Whether its numbers are of users.
fn is_of_users(config: &LoadConfig) -> bool {
    let is_said = config.of.as_ref().is_some_and(|Text(of)| of != "rate");
    is_said || config.users.is_some() || config.stages.iter().any(|stage| stage.users.is_some())
}

/// A load whose numbers are of users: its shapes are those of rates.
fn users(place: &LoadPlace, config: &LoadConfig) -> Result<(Load, u64), Vec<Diagnostic>> {
    let mut wrong = Vec::new();
    let mut tell = |key: &str, problem: String, fix: &str| {
        wrong.push(Diagnostic::at(format!("{}.{key}", place.key), problem, fix));
    };
    if let Some(Text(of)) = config.of.as_ref().filter(|Text(of)| of != "users" && of != "rate") {
        tell("of", format!("`{of}` is nothing that a load is of"), "there are `rate` and `users`");
    }
    if config.users.is_some() && config.rate.is_some() {
        tell("rate", "a load has `users` or a `rate`, and not both".to_owned(), "leave one out");
    }
    if config.of.as_ref().is_some_and(|Text(of)| of == "rate") {
        tell("of", "the load is said to be of a rate, and has `users`".to_owned(), "leave one out");
    }
    for (key, _) in overload::open_only(config).into_iter().filter(|(_, text)| text.is_some()) {
        let fix = "leave it out: a user begins again when it has ended";
        tell(key, format!("`{key}` means nothing to users"), fix);
    }
    wrong.extend(wrong_in_stages(place.key, config));
    let duration = |key: &str, text: &Option<Text>, wrong: &mut Vec<Diagnostic>| {
        let path = format!("{}.{key}", place.key);
        let parsed = parse_duration_ns(&text.as_ref()?.0);
        parsed.map_err(|cause| wrong.push(Diagnostic::unreadable(path, cause))).ok()
    };
    let pacing_ns = duration("pacing", &config.pacing, &mut wrong);
    let loops_max = config.loops.as_ref().and_then(|Text(text)| {
        let path = format!("{}.loops", place.key);
        parse_count(text).map_err(|cause| wrong.push(Diagnostic::unreadable(path, cause))).ok()
    });
    let plain = as_rates(config);
    let mut reader = LoadReader::new(place.key.to_owned(), place.doubtful, &plain);
    // Users of whom it is known how often they begin need no time to be told, if their number never changes.
    let ends_by_count = loops_max.is_some() || place.requests_max.is_some();
    let is_constant =
        config.shape.as_ref().is_none_or(|Text(shape)| shape == "constant") && config.stages.is_empty();
    let default_ns = if ends_by_count && is_constant { UNBOUNDED_NS } else { place.default_ns };
    let place = LoadPlace { requests_max: None, default_ns, ..*place };
    let read = reader.load(&place);
    let is_of_stage = |path: &str| path.contains(".stages.");
    for mut found in std::mem::take(&mut reader.diagnostics) {
        if found.path.ends_with(".rate") && (config.users.is_some() || is_of_stage(&found.path)) {
            found.path.truncate(found.path.len() - "rate".len());
            found.path.push_str("users");
        }
        wrong.push(found);
    }
    match read {
        Some((Load::Open { segments, .. }, length_ns)) if wrong.is_empty() => {
            Ok((Load::Users(UserLoad { segments, pacing_ns, loops_max }), length_ns))
        }
        _ => Err(wrong),
    }
}

/// What cannot stand in the stages of a load of users.
fn wrong_in_stages(load: &str, config: &LoadConfig) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    for (index, stage) in config.stages.iter().enumerate() {
        let LoadConfig { rate, pacing, loops, .. } = stage;
        let of_load = [("pacing", pacing), ("loops", loops)].into_iter().chain(overload::open_only(stage));
        let key = |key: &str| format!("{load}.stages.{index}.{key}");
        for (name, _) in of_load.filter(|(_, text)| text.is_some()) {
            let problem = format!("`{name}` is of the whole load");
            wrong.push(Diagnostic::at(key(name), problem, "write it under `[load]`"));
        }
        if rate.is_some() {
            let problem = "the stages of a load are all of users, or all of rates";
            wrong.push(Diagnostic::at(key("rate"), problem, "write `users` in its place"));
        }
    }
    wrong
}

/// The same in which numbers of users are rates.
fn as_rates(config: &LoadConfig) -> LoadConfig {
    let LoadConfig { users, rate, stages, shape, .. } = config.clone();
    let stages_shape = (!stages.is_empty()).then(|| Text("stages".to_owned()));
    LoadConfig {
        shape: shape.or(stages_shape),
        rate: users.or(rate),
        stages: stages.iter().map(as_rates).collect(),
        users: None,
        of: None,
        pacing: None,
        loops: None,
        arrivals: None,
        overload: None,
        deadline: None,
        slip: None,
        floor: None,
        ..config.clone()
    }
}

/// Reads one `[load]` or one stage of it.
struct LoadReader<'a> {
    key: String,
    config: &'a LoadConfig,
    doubtful: &'a [String],
    /// A key of this table is not known: what seems to be missing may be that one.
    is_doubtful: bool,
    rates: BTreeMap<&'static str, Rate>,
    lengths_ns: BTreeMap<&'static str, u64>,
    steps: Vec<Rate>,
    /// When recorded arrivals come.
    offsets_ns: Vec<u64>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> LoadReader<'a> {
    /// Reads each value by itself.
    fn new(key: String, doubtful: &'a [String], config: &'a LoadConfig) -> LoadReader<'a> {
        let is_own = |path: &String| match path.strip_prefix(key.as_str()) {
            Some("") => true,
            Some(rest) => rest.starts_with('.') && !rest.starts_with(".stages."),
            None => false,
        };
        let is_doubtful = doubtful.iter().any(is_own);
        let (rates, lengths_ns) = (BTreeMap::new(), BTreeMap::new());
        let mut reader = LoadReader {
            key,
            config,
            doubtful,
            is_doubtful,
            rates,
            lengths_ns,
            steps: Vec::new(),
            offsets_ns: Vec::new(),
            diagnostics: Vec::new(),
        };
        reader.values();
        reader
    }

    fn values(&mut self) {
        let config = self.config;
        for (key, text) in rates_of(config) {
            if let Some(Text(text)) = text
                && let Some(rate) = self.parsed_rate(key, key, text)
            {
                self.rates.insert(key, rate);
            }
        }
        for (key, text) in lengths_of(config) {
            if let Some(text) = text
                && let Some(ns) = self.length(key, text)
            {
                self.lengths_ns.insert(key, ns);
            }
        }
        let steps = config.rates.iter().flat_map(|texts| &texts.0).enumerate();
        for (index, text) in steps {
            let key = if config.rates.as_ref().is_some_and(|texts| texts.0.len() > 1) {
                format!("rates.{index}")
            } else {
                "rates".to_owned()
            };
            let step = self.parsed_rate(&key, "rates", text);
            self.steps.extend(step);
        }
        match offsets::read(config, &self.key) {
            Ok(offsets_ns) => self.offsets_ns = offsets_ns,
            Err(mut wrong) => self.diagnostics.append(&mut wrong),
        }
    }

    fn load(&mut self, place: &LoadPlace) -> Option<(Load, u64)> {
        self.refuse_keys_of_users();
        let shape = self.shape();
        let (arrivals, overload) = (self.arrivals(), self.overload());
        let shape = shape?;
        self.check_positive(shape);
        if shape == "closed" {
            return self.closed(place);
        }
        let is_read = self.diagnostics.is_empty() && !self.is_doubtful;
        // Stages are looked at whatever is wrong beside them.
        let stages = if shape == "stages" { self.stages() } else { None };
        if !is_read || !self.diagnostics.is_empty() || !place.is_length_known {
            return None;
        }
        let length_ns = self.length_ns(shape, place)?;
        let segments = stages.or_else(|| self.segments(shape, length_ns))?;
        let (arrivals, overload) = (arrivals?, overload?);
        Some((Load::Open { name: shape.into(), segments, arrivals, overload }, length_ns))
    }

    /// What is of users means nothing without any.
    fn refuse_keys_of_users(&mut self) {
        let LoadConfig { pacing, loops, .. } = self.config;
        for (key, _) in [("pacing", pacing), ("loops", loops)].into_iter().filter(|(_, text)| text.is_some())
        {
            let fix = "give the load `users`, or leave it out";
            self.wrong(key, format!("`{key}` is of users, and there are none"), fix);
        }
    }

    fn length_ns(&mut self, shape: &str, place: &LoadPlace) -> Option<u64> {
        Some(match (shape, place.asked_ns, place.requests_max) {
            ("stages", ..) => self.stages_length(place)?,
            ("steps", None, _) => match self.lengths_ns.get("every") {
                None => place.default_ns,
                Some(every_ns) => every_ns.saturating_mul(self.steps.len().max(1) as u64),
            },
            ("recorded", None, _) => recorded::length_ns(&self.offsets_ns),
            ("constant", None, Some(requests)) => length::time_for(requests, *self.rates.get("rate")?),
            (_, asked_ns, _) => asked_ns.unwrap_or(place.default_ns),
        })
    }

    /// The shape's name; every key was checked to belong to it, and to be there.
    fn shape(&mut self) -> Option<&'static str> {
        let config = self.config;
        let given = given_keys(config);
        let form = match &config.shape {
            Some(Text(word)) => match SHAPES.iter().find(|shape| shape.name == word) {
                Some(form) => form,
                None => {
                    self.unknown_shape(word);
                    return None;
                }
            },
            None => self.unnamed_shape(&given),
        };
        for key in given.iter().filter(|key| !form.reads(key)) {
            // What is to be written in place of a wrong value may be another shape.
            let path = format!("{}.{key}", self.key);
            if !self.diagnostics.iter().any(|wrong| wrong.path == path) {
                self.foreign_key(form, key);
            }
        }
        let missing = form.needs.iter().filter(|key| !given.contains(key) && !self.is_doubtful);
        for key in missing.copied().collect::<Vec<_>>() {
            self.missing_key(form, key);
        }
        Some(form.name)
    }

    fn unknown_shape(&mut self, word: &str) {
        let names: Vec<&str> = SHAPES.iter().map(|shape| shape.name).collect();
        let meant = match word.to_lowercase().as_str() {
            "linear" | "ramp-up" | "rampup" | "ramping" | "ramping-arrival-rate" | "ramping-vus" => {
                Some("ramp")
            }
            "fixed" | "flat" | "open" | "rate" | "constant-arrival-rate" => Some("constant"),
            "stairs" | "staircase" | "step" => Some("steps"),
            "burst" | "bursts" | "peak" => Some("spike"),
            "wave" | "sinus" | "diurnal" => Some("sine"),
            "loop" | "constant-vus" | "closed-loop" | "max" | "shared-iterations" => Some("closed"),
            word => closest(word, &names),
        };
        let fix = match meant {
            Some(guess) => format!("did you mean `{guess}`?"),
            None => format!("there are {}", names.join(", ")),
        };
        self.wrong("shape", format!("`{word}` is not a shape"), fix);
    }

    /// The shape of a load that names none: constant with a rate, else closed. Where other keys are given, the one that reads
    /// them was meant, and has to be named.
    fn unnamed_shape(&mut self, given: &[&'static str]) -> &'static ShapeForm {
        let [constant, .., closed] = &SHAPES;
        let default = if self.config.rate.is_some() { constant } else { closed };
        let is_read = |form: &&ShapeForm| given.iter().all(|key| form.reads(key));
        if is_read(&default) || self.is_doubtful {
            return if self.is_doubtful { SHAPES.iter().find(is_read).unwrap_or(default) } else { default };
        }
        let Some(meant) = SHAPES.iter().find(is_read) else { return default };
        let names: Vec<String> = given.iter().map(|key| format!("`{key}`")).collect();
        let problem = format!("a load with {} needs its shape", names.join(" and "));
        let wrong = Diagnostic::at(format!("{}.{}", self.key, given[0]), problem, "").spotted(Spot::Key);
        self.diagnostics.push(wrong.with_values([("shape", toml::Value::from(meant.name))]));
        meant
    }

    fn foreign_key(&mut self, form: &ShapeForm, key: &str) {
        let reads: Vec<&str> = form.needs.iter().chain(form.may_have).copied().collect();
        let fix = match (key, reads.is_empty()) {
            ("duration", _) if !self.key.contains("stages") => match self.key.strip_suffix(".load") {
                Some(scenario) => format!("write it under `[{scenario}]`"),
                None => "how long the run lasts is `duration` under `[run]`".to_owned(),
            },
            ("rate", true) => "leave out the shape, or the rate".to_owned(),
            (_, true) => format!("leave it out: `{}` reads nothing", form.name),
            (_, false) => format!("leave it out: `{}` reads {}", form.name, reads.join(", ")),
        };
        self.wrong(key, format!("`{key}` means nothing to a load of shape `{}`", form.name), fix);
    }

    fn missing_key(&mut self, form: &ShapeForm, key: &'static str) {
        if key == "stages" {
            let fix = "write at least one `[[load.stages]]` with a shape and a duration";
            return self.wrong(key, "no stages", fix);
        }
        let problem = format!("a load of shape `{}` needs `{key}`", form.name);
        let example = match key {
            "rates" => toml::Value::Array(vec![toml::Value::Integer(100), toml::Value::Integer(200)]),
            "offsets" => [0.0, 0.5].map(toml::Value::from).to_vec().into(),
            "at" | "length" | "period" => toml::Value::from("10s"),
            "amplitude" => toml::Value::Integer(100),
            _ => toml::Value::from("1k"),
        };
        let wrong = Diagnostic::at(format!("{}.{key}", self.key), problem, "or the like");
        self.diagnostics.push(wrong.with_values([(key, example)]));
    }

    fn closed(&mut self, place: &LoadPlace) -> Option<(Load, u64)> {
        let open_only = overload::open_only(self.config);
        let is_doubtful = self.is_doubtful;
        for (key, _) in open_only.into_iter().filter(|(_, text)| text.is_some() && !is_doubtful) {
            self.wrong(
                key,
                format!("`{key}` means nothing in a closed loop"),
                "give a rate, or leave it out",
            );
        }
        let length_ns = match (place.asked_ns, place.requests_max) {
            (Some(ns), _) => ns,
            (None, Some(_)) => UNBOUNDED_NS,
            (None, None) => place.default_ns,
        };
        // Whether it is closed is not known where a key is not.
        (!self.is_doubtful).then_some((Load::Closed, length_ns))
    }

    fn segments(&mut self, shape: &str, length_ns: u64) -> Option<Vec<Segment>> {
        match shape {
            "constant" => Some(vec![constant(*self.rates.get("rate")?, length_ns)]),
            "ramp" => self.ramp(length_ns),
            "steps" => self.steps(length_ns),
            "spike" => self.spike(length_ns),
            "sine" => self.sine(length_ns),
            "recorded" => Some(self.recorded(length_ns)),
            _ => None,
        }
    }

    fn ramp(&mut self, length_ns: u64) -> Option<Vec<Segment>> {
        let (from, to) = (*self.rates.get("from")?, *self.rates.get("to")?);
        if from.count == 0 && to.count == 0 {
            self.wrong("to", "a ramp from 0 to 0 offers nothing", "give one end a rate above 0");
            return None;
        }
        let over_ns = self.lengths_ns.get("over").copied().unwrap_or(length_ns);
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

    fn steps(&mut self, length_ns: u64) -> Option<Vec<Segment>> {
        if self.steps.iter().all(|rate| rate.count == 0) {
            let fix = "give rates such as `[100, 200, 400]`";
            self.wrong("rates", "steps without a rate above 0 offer nothing", fix);
            return None;
        }
        let equal_ns = (length_ns / self.steps.len() as u64).max(1);
        let step_ns = self.lengths_ns.get("every").copied().unwrap_or(equal_ns);
        let parts: Vec<(Rate, u64)> = self.steps.iter().map(|rate| (*rate, step_ns)).collect();
        Some(fill(parts, length_ns))
    }

    fn spike(&mut self, length_ns: u64) -> Option<Vec<Segment>> {
        let (rate, peak) = (*self.rates.get("rate")?, *self.rates.get("peak")?);
        let (at_ns, spike_ns) = (*self.lengths_ns.get("at")?, *self.lengths_ns.get("length")?);
        let every_ns = self.lengths_ns.get("every").copied().unwrap_or(length_ns.max(spike_ns + 1));
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
        Some(fill(parts, length_ns))
    }

    fn sine(&mut self, length_ns: u64) -> Option<Vec<Segment>> {
        let (mean, amplitude) = (*self.rates.get("mean")?, *self.rates.get("amplitude")?);
        let period_ns = *self.lengths_ns.get("period")?;
        if amplitude.rps() > mean.rps() {
            self.wrong("amplitude", "the rate would fall below 0", "let the amplitude be at most the mean");
            return None;
        }
        Some(vec![Segment { length_ns, shape: Shape::Sine { mean, amplitude, period_ns } }])
    }

    /// What comes after the end is left out.
    fn recorded(&self, length_ns: u64) -> Vec<Segment> {
        let kept = recorded::before(&self.offsets_ns, length_ns) as usize;
        vec![Segment { length_ns, shape: Shape::Recorded { offsets_ns: self.offsets_ns[..kept].to_vec() } }]
    }

    /// The segments of all stages; every stage is looked at.
    fn stages(&mut self) -> Option<Vec<Segment>> {
        let mut segments = Some(Vec::new());
        for (index, stage) in self.config.stages.iter().enumerate() {
            let key = format!("{}.stages.{index}", self.key);
            // Its length is read with the stage; it is no key of its shape.
            let plain = LoadConfig { duration: None, ..stage.clone() };
            let mut inner = LoadReader::new(key, self.doubtful, &plain);
            let read = inner.stage(stage);
            self.diagnostics.append(&mut inner.diagnostics);
            match (&mut segments, read) {
                (Some(segments), Some(read)) => segments.extend(read),
                _ => segments = None,
            }
        }
        segments
    }

    fn stage(&mut self, stage: &LoadConfig) -> Option<Vec<Segment>> {
        let length_ns = match &stage.duration {
            Some(text) => self.length("duration", text),
            None if self.is_doubtful => None,
            None => {
                let wrong = Diagnostic::at(
                    format!("{}.duration", self.key),
                    "a stage needs a duration",
                    "or the like",
                );
                self.diagnostics.push(wrong.with_values([("duration", toml::Value::from("10s"))]));
                None
            }
        };
        for (key, text) in overload::open_only(stage) {
            if text.is_some() {
                self.wrong(key, format!("`{key}` is of the whole load"), "write it under `[load]`");
            }
        }
        let shape = self.shape()?;
        self.check_positive(shape);
        if matches!(shape, "closed" | "stages" | "recorded") && !self.is_doubtful {
            let problem = format!("a stage cannot be `{shape}`");
            self.wrong("shape", problem, "give the stage a rate, or another shape");
        }
        if self.is_doubtful || !self.diagnostics.is_empty() {
            return None;
        }
        self.segments(shape, length_ns?)
    }

    fn stages_length(&mut self, place: &LoadPlace) -> Option<u64> {
        let stages = self.config.stages.iter();
        let lengths = stages.filter_map(|stage| parse_duration_ns(&stage.duration.as_ref()?.0).ok());
        let total_ns: u64 = lengths.sum();
        if place.asked_ns.is_some_and(|asked_ns| asked_ns != total_ns) {
            let problem = format!("the stages last {}, which is not the run's duration", show_ns(total_ns));
            let fix = "leave the duration out, or make them equal";
            self.diagnostics.push(Diagnostic::at(place.duration_key, problem, fix));
            return None;
        }
        Some(total_ns)
    }

    fn arrivals(&mut self) -> Option<Arrivals> {
        match self.config.arrivals.as_ref().map(|text| text.0.as_str()) {
            None | Some("uniform") => Some(Arrivals::Uniform),
            Some("poisson") => Some(Arrivals::Poisson),
            Some(other) => {
                let meant = match other.to_lowercase().as_str() {
                    "exponential" | "exp" | "random" => "poisson",
                    "even" | "constant" | "regular" | "fixed" => "uniform",
                    word => closest(word, &["uniform", "poisson"]).unwrap_or_default(),
                };
                let fix = match meant {
                    "" => "there are `uniform` and `poisson`".to_owned(),
                    meant => format!("did you mean `{meant}`?"),
                };
                self.wrong("arrivals", format!("`{other}` is not a way to arrive"), fix);
                None
            }
        }
    }

    fn overload(&mut self) -> Option<Overload> {
        let about = (self.is_closed(), self.is_doubtful);
        let (policy, wrong) = overload::read(&self.key, self.config, &self.lengths_ns, about);
        self.diagnostics.extend(wrong);
        policy
    }

    fn is_closed(&self) -> bool {
        let LoadConfig { shape, rate, .. } = self.config;
        shape.as_ref().map_or(rate.is_none(), |shape| shape.0 == "closed")
    }

    /// The rate without which a shape would offer nothing is not 0.
    fn check_positive(&mut self, shape: &str) {
        let (key, fix) = match shape {
            "constant" => ("rate", "give a rate above 0, or leave it out for a closed loop"),
            "spike" => ("peak", "give a rate above 0"),
            "sine" => ("mean", "give a rate above 0"),
            _ => return,
        };
        if self.rates.get(key).is_some_and(|rate| rate.count == 0) {
            self.wrong(key, "a rate of 0 offers nothing", fix);
        }
    }

    fn parsed_rate(&mut self, key: &str, name: &str, text: &str) -> Option<Rate> {
        let path = format!("{}.{key}", self.key);
        match Rate::parse(text) {
            Ok(rate) => return Some(rate),
            Err(cause) => match rate_ends(text).filter(|_| name == "rate") {
                Some((from, to)) => {
                    let problem = format!("`{text}` is two rates, the ends of a ramp");
                    let values = [("shape", "ramp"), ("from", from), ("to", to)];
                    let values = values.map(|(key, value)| (key, toml::Value::from(value)));
                    self.diagnostics.push(Diagnostic::at(path, problem, "").with_values(values));
                }
                None => self.diagnostics.push(Diagnostic::unreadable(path, cause)),
            },
        }
        None
    }

    fn length(&mut self, key: &str, text: &Text) -> Option<u64> {
        let path = format!("{}.{key}", self.key);
        match parse_duration_ns(&text.0) {
            Ok(0) if key != "at" => {
                let fix = "durations look like `500ms` or `10s`";
                self.wrong(key, "must be longer than zero", fix);
            }
            Ok(ns) => return Some(ns),
            Err(cause) => self.diagnostics.push(Diagnostic::unreadable(path, cause)),
        }
        None
    }

    fn wrong(&mut self, key: &str, problem: impl Into<String>, fix: impl Into<String>) {
        self.diagnostics.push(Diagnostic::at(format!("{}.{key}", self.key), problem, fix));
    }
}

/// Lays (rate, length) pairs end to end, holds the last one, and cuts at the run's end.
fn fill(parts: impl IntoIterator<Item = (Rate, u64)>, length_ns: u64) -> Vec<Segment> {
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

fn rates_of(config: &LoadConfig) -> [(&'static str, &Option<Text>); 6] {
    [
        ("rate", &config.rate),
        ("from", &config.from),
        ("to", &config.to),
        ("peak", &config.peak),
        ("mean", &config.mean),
        ("amplitude", &config.amplitude),
    ]
}

fn lengths_of(config: &LoadConfig) -> [(&'static str, &Option<Text>); 8] {
    [
        ("over", &config.over),
        ("every", &config.every),
        ("at", &config.at),
        ("length", &config.length),
        ("period", &config.period),
        ("duration", &config.duration),
        ("deadline", &config.deadline),
        ("slip", &config.slip),
    ]
}

/// The keys that only some shapes read, of those that are given.
fn given_keys(config: &LoadConfig) -> Vec<&'static str> {
    let texts = rates_of(config).into_iter().chain(lengths_of(config));
    let texts = texts
        .filter(|(key, text)| text.is_some() && !matches!(*key, "deadline" | "slip"))
        .map(|(key, _)| key);
    let lists = [
        ("rates", config.rates.is_some()),
        ("offsets", config.offsets.is_some()),
        ("speed", config.speed.is_some()),
        ("stages", !config.stages.is_empty()),
    ];
    let lists = lists.into_iter().filter(|(_, is_given)| *is_given).map(|(key, _)| key);
    texts.chain(lists).collect()
}
