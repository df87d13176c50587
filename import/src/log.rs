//! Access logs to a mix, at their mean rate or at their rate as it changed; or to a load that repeats them row by row.
//!
//! A log is read line by line and may be larger than memory: what is kept are counts, of bounded number, or the rows that are repeated.

mod format;
mod instant;
mod json_line;
mod line;
mod moments;
mod pace;
mod rows;
mod templates;

use self::format::{FORMATS, LogFormat};
use self::line::LogLine;
use self::pace::PaceCounts;
use self::rows::{LoggedRows, RepeatedRows};
use self::templates::PathCounts;
use crate::made::{Made, MadeFile};
use crate::planned::{PlanText, PlannedRequest, REQUESTS_MAX, milliseconds};
use crate::urls;
use crate::wrong::WrongImport;
use std::collections::BTreeMap;

/// What is sent where nothing is said: a request that has no body and changes nothing.
const SAFE: [&str; 2] = ["GET", "HEAD"];
/// How long a mix runs at most where nothing is said: a log may be of a month.
const MIX_LENGTH_S: f64 = 600.0;
/// The longest run that a plan can have: 52 days.
const RUN_LENGTH_S: f64 = 4_503_599.0;
/// What rows are called in a plan, and their file where it has no other name.
const FEED: &str = "log";
const ROWS_FILE: &str = "log.csv";

/// What becomes of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogShape {
    /// The paths by their weights, at the log's mean rate.
    #[default]
    Mix,
    /// The paths by their weights, at the log's rate as it changed.
    Stages,
    /// Each request at its own moment, in the order of the log.
    Recorded,
}

/// How an access log is imported.
#[derive(Clone, Debug, Default)]
pub struct LogChoices {
    /// `combined`, `common`, `json`, or a format in the words of nginx or Apache; as the lines look if nothing is said.
    pub format: Option<String>,
    /// The server that is asked, and a path before all paths.
    pub url: Option<String>,
    /// How many times as fast as it was; 0 stands for 1.
    pub speed: f64,
    /// The methods that are sent; GET and HEAD if there are none.
    pub methods: Vec<String>,
    /// What becomes of the log.
    pub shape: LogShape,
    /// The data file of the rows that are repeated, as the plan names it; `log.csv` if nothing is said.
    pub rows_file: Option<String>,
}

/// An import of an access log under way.
#[derive(Debug)]
pub struct LogImport {
    name: String,
    choices: LogChoices,
    format: LogFormat,
    lines: u64,
    imported: u64,
    /// How many lines are of another form, and the first of them with its number.
    foreign: u64,
    first_foreign: Option<(u64, String)>,
    other_methods: BTreeMap<String, u64>,
    host: Option<String>,
    other_hosts: u64,
    paths: PathCounts,
    pace: PaceCounts,
    /// Kept where they are to be repeated.
    rows: LoggedRows,
    /// Lines were written when responses had ended, and what these took has been taken off.
    is_dated_back: bool,
}

/// A plan of a log while it is written.
struct LogPlan {
    plan: PlanText,
    notes: Vec<String>,
    /// What stands before all paths.
    prefix: String,
}

impl LogPlan {
    /// Says something at the head of the plan, and to whoever imports.
    fn say(&mut self, sentence: &str) {
        self.plan.say(sentence);
        self.notes.push(sentence.to_owned());
    }
}

impl LogImport {
    /// Begins with a log of this name.
    pub fn new(name: &str, choices: LogChoices) -> Result<LogImport, WrongImport> {
        let format = choices.format.as_deref().map_or(Ok(LogFormat::Unknown), LogFormat::parse)?;
        let speed = if choices.speed == 0.0 { 1.0 } else { choices.speed };
        if !(speed.is_finite() && (0.001..=1_000.0).contains(&speed)) {
            return Err(WrongImport::new(
                format!("a speed of {speed} is not possible"),
                "write a number from 0.001 to 1000, such as `--speed 2`",
            )
            .at("flag --speed"));
        }
        if let Some(url) = choices.url.as_ref().filter(|url| urls::split(url).is_none()) {
            return Err(WrongImport::new(
                format!("`{url}` is no URL of HTTP"),
                "write `--url http://10.0.0.2:8080`",
            )
            .at("flag --url"));
        }
        Ok(LogImport {
            name: name.to_owned(),
            choices: LogChoices { speed, ..choices },
            format,
            lines: 0,
            imported: 0,
            foreign: 0,
            first_foreign: None,
            other_methods: BTreeMap::new(),
            host: None,
            other_hosts: 0,
            paths: PathCounts::default(),
            pace: PaceCounts::default(),
            rows: LoggedRows::default(),
            is_dated_back: false,
        })
    }

    /// Reads a line, without its end.
    pub fn line(&mut self, line: &[u8]) {
        self.lines += 1;
        let text = String::from_utf8_lossy(line);
        let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
        if text.trim().is_empty() {
            return;
        }
        match self.format.read(text) {
            Some(line) => self.take(&line),
            None => {
                self.foreign += 1;
                self.first_foreign.get_or_insert_with(|| (self.lines, line::shown(text)));
            }
        }
    }

    fn take(&mut self, line: &LogLine) {
        let chosen: Vec<&str> = match self.choices.methods.as_slice() {
            [] => SAFE.into(),
            named => named.iter().map(String::as_str).collect(),
        };
        if !chosen.iter().any(|method| method.eq_ignore_ascii_case(&line.method)) {
            *self.other_methods.entry(line.method.clone()).or_insert(0) += 1;
            return;
        }
        match (&self.host, &line.host) {
            (None, Some(host)) => self.host = Some(host.clone()),
            (Some(known), Some(host)) if known != host => self.other_hosts += 1,
            _ => {}
        }
        self.imported += 1;
        self.is_dated_back |= line.is_dated_back;
        self.pace.add(line.at.unix_us);
        match self.choices.shape {
            LogShape::Recorded => self.rows.add(self.lines, line.at.unix_us, &line.method, &line.path),
            LogShape::Mix | LogShape::Stages => self.paths.add(&line.method, &line.path),
        }
    }

    /// The plan.
    pub fn finish(self) -> Result<Made, WrongImport> {
        if self.imported == 0 {
            return Err(self.nothing());
        }
        let base = self.base()?;
        let notes = self.notes();
        let mut plan =
            PlanText::new(&format!("of {}: {} of its {} lines", self.name, self.imported, self.lines));
        notes.iter().for_each(|note| plan.say(note));
        plan.set("url", base.base.as_str());
        let written = LogPlan { plan, notes, prefix: base.path.trim_end_matches('/').to_owned() };
        match self.choices.shape {
            LogShape::Recorded => self.repeated(written),
            LogShape::Mix | LogShape::Stages => self.drawn(written),
        }
    }

    /// Paths are drawn by their weights.
    fn drawn(self, mut written: LogPlan) -> Result<Made, WrongImport> {
        self.set_load(&mut written)?;
        let (paths, rest) = self.paths.top(REQUESTS_MAX);
        if rest > 0 {
            written.say(&format!(
                "{rest} requests were for other paths than the {REQUESTS_MAX} that were asked for most, and are left out."
            ));
        }
        if paths.iter().any(|path| path.has_holes) {
            written.say("Numbers are drawn from the range that the log has, and UUIDs at random: the target may not know all of them.");
        }
        let LogPlan { mut plan, notes, prefix } = written;
        let requests: Vec<PlannedRequest> = paths
            .into_iter()
            .map(|path| PlannedRequest {
                name: path.has_holes.then_some(path.name),
                method: path.method,
                path: format!("{prefix}{}", path.path),
                weight: Some(path.count),
                ..Default::default()
            })
            .collect();
        plan.requests("request", &requests);
        Ok(Made { plan: plan.finish(), notes, files: Vec::new() })
    }

    /// Each request comes when it came: row n of a data file is that of arrival n.
    fn repeated(self, mut written: LogPlan) -> Result<Made, WrongImport> {
        let speed = self.choices.speed;
        let seconds = self.pace.length_s().max(1) as f64 / speed;
        if seconds > RUN_LENGTH_S {
            return Err(self.too_long(seconds));
        }
        if let Some(note) = self.rows.note() {
            written.say(&note);
        }
        let rows = self.rows.repeated().map_err(|wrong| wrong.at(self.name.as_str()))?;
        let file = self.choices.rows_file.unwrap_or_else(|| ROWS_FILE.to_owned());
        if rows.are_whole_seconds {
            written.say("The log has whole seconds: the requests of each are spread evenly over it.");
        }
        if self.is_dated_back {
            written.say("Lines have the time at which responses had ended ($msec): what they took ($request_time) is taken off.");
        }
        let count = rows.offsets_us.len();
        written.say(&format!(
            "Request n is row n of {file}, at its own moment: {count} rows, in the order of their times."
        ));
        let LogPlan { mut plan, notes, prefix } = written;
        plan.set_in("load", "shape", "recorded");
        if speed != 1.0 {
            plan.set_in("load", "speed", speed.to_string());
        }
        let RepeatedRows { offsets_us, methods, csv, .. } = rows;
        plan.set_in(
            "load",
            "offsets",
            toml_edit::Array::from_iter(offsets_us.into_iter().map(moments::shown)),
        );
        plan.feed(FEED, &[("file", &file), ("rows", "sequential"), ("at_end", "stop")]);
        let is_one = methods.len() == 1;
        let requests: Vec<PlannedRequest> = methods
            .into_iter()
            .map(|method| PlannedRequest {
                name: Some(method.clone()),
                path: format!("{prefix}{{{{{FEED}.path}}}}"),
                condition: (!is_one).then(|| format!("{FEED}.method == {method}")),
                method,
                ..Default::default()
            })
            .collect();
        // Of several methods each iteration has the one step whose condition holds.
        plan.requests(if is_one { "request" } else { "step" }, &requests);
        Ok(Made { plan: plan.finish(), notes, files: vec![MadeFile { path: file, text: csv }] })
    }

    /// The log's rate, and for how long.
    fn set_load(&self, LogPlan { plan, notes, .. }: &mut LogPlan) -> Result<(), WrongImport> {
        let speed = self.choices.speed;
        let seconds = self.pace.length_s().max(1) as f64 / speed;
        if self.choices.shape != LogShape::Mix && seconds > RUN_LENGTH_S {
            return Err(self.too_long(seconds));
        }
        if self.choices.shape == LogShape::Stages {
            let mut stages: Vec<(String, u64)> = Vec::new();
            for stage in self.pace.stages() {
                let seconds = stage.length_s as f64 / speed;
                let (rate, ms) =
                    (rate(stage.requests as f64 / seconds), ((seconds * 1e3).round() as u64).max(1));
                match stages.last_mut().filter(|(before, _)| *before == rate) {
                    Some((_, length_ms)) => *length_ms += ms,
                    None => stages.push((rate, ms)),
                }
            }
            let stages: Vec<(String, String)> =
                stages.into_iter().map(|(rate, ms)| (rate, milliseconds(ms))).collect();
            plan.set_in("load", "shape", "stages");
            plan.stages(&stages);
            return Ok(());
        }
        if seconds > MIX_LENGTH_S {
            notes.push(format!(
                "the log is {} long at this speed; the plan runs {}: `-d` changes that, and `--as stages` follows the rate of the whole log",
                milliseconds(seconds.round() as u64 * 1_000),
                milliseconds(MIX_LENGTH_S as u64 * 1_000),
            ));
        }
        plan.set_in("run", "duration", milliseconds((seconds.min(MIX_LENGTH_S).ceil() as u64) * 1_000));
        plan.set_in("load", "rate", rate(self.imported as f64 / seconds));
        Ok(())
    }

    fn too_long(&self, seconds: f64) -> WrongImport {
        let days = |seconds: f64| (seconds / 86_400.0).ceil();
        let problem = format!(
            "the log is {} days long at this speed, and no run is longer than {}",
            days(seconds),
            days(RUN_LENGTH_S) - 1.0
        );
        let faster = (seconds * self.choices.speed / RUN_LENGTH_S).ceil();
        WrongImport::new(problem, format!("let it run faster, as in `--speed {faster}`"))
            .at(self.name.as_str())
    }

    /// The server, with a path before all paths.
    fn base(&self) -> Result<urls::SplitUrl, WrongImport> {
        let of_log = self
            .host
            .as_ref()
            .map(|host| if host.contains("://") { host.clone() } else { format!("http://{host}") });
        let url = self.choices.url.clone().or(of_log);
        url.and_then(|url| urls::split(&url)).ok_or_else(|| {
            WrongImport::new(
                "the log does not say which server it is of",
                "add `--url http://10.0.0.2:8080`, the server that is to be asked",
            )
            .at(self.name.as_str())
        })
    }

    fn nothing(&self) -> WrongImport {
        match &self.first_foreign {
            _ if self.lines == 0 => {
                WrongImport::new("the log is empty", "name the log of a server that was asked something")
                    .at(self.name.as_str())
            }
            Some((number, line)) if self.other_methods.is_empty() => {
                let problem = format!("no line has the form of an access log; the first is\n  {line}");
                WrongImport::new(problem, format!("--format says how lines look: {FORMATS}"))
                    .at(format!("{}, line {number}", self.name))
            }
            _ => {
                let methods: Vec<String> =
                    self.other_methods.iter().map(|(method, count)| format!("{count} {method}")).collect();
                let problem = match methods.is_empty() {
                    true => "all lines are empty".to_owned(),
                    false => format!("no request is to be imported: the log has {}", methods.join(", ")),
                };
                WrongImport::new(problem, "--methods names those that are, as in `--methods GET,POST`")
                    .at(self.name.as_str())
            }
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some((number, line)) = &self.first_foreign {
            let lines =
                if self.foreign == 1 { "1 line has" } else { &format!("{} lines have", self.foreign) };
            notes.push(format!("{lines} another form, and are left out; the first is line {number}: {line}"));
        }
        if !self.other_methods.is_empty() {
            let methods: Vec<String> =
                self.other_methods.iter().map(|(method, count)| format!("{count} {method}")).collect();
            notes.push(format!(
                "Left out: {}; --methods names what is sent, and a log has no bodies.",
                methods.join(", ")
            ));
        }
        let bodies = self
            .choices
            .methods
            .iter()
            .filter(|method| !SAFE.iter().any(|safe| safe.eq_ignore_ascii_case(method)));
        let bodies: Vec<&str> = bodies.map(String::as_str).collect();
        if !bodies.is_empty() {
            notes.push(format!("{} are sent without bodies: a log has none.", bodies.join(", ")));
        }
        if self.other_hosts > 0 && self.choices.url.is_none() {
            notes.push(format!(
                "{} requests were for other servers than the first; all are sent to that one.",
                self.other_hosts
            ));
        }
        notes
    }
}

/// A rate as a plan has it: with three decimals at most, and never 0.
fn rate(per_second: f64) -> String {
    let text = format!("{:.3}", per_second.max(0.001));
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
