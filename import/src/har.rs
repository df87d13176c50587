//! HAR files to a flow: the requests of a page in their order, with the waits between them, and what comes from earlier responses.
//!
//! Two recordings of the same session show what differs from one to the next; one alone lets it be guessed.

mod alignment;
mod correlation;
mod document;
mod recorded;
mod slots;
mod sources;
mod steps;

use self::recorded::{Chosen, HarRecording, Recorded};
use self::steps::StepPacing;
use crate::made::Made;
use crate::planned::{PlanText, PlannedRequest};
use crate::secrets::Secrets;
use crate::wrong::WrongImport;
use toml_edit::Value;

/// Recordings know when a request began to the millisecond: one that began so much before an end began after it.
const EXACTNESS_MS: f64 = 1.0;
/// The most steps that a recording becomes: nobody reads a longer flow.
const STEPS_MAX: usize = 4_096;
/// The most servers that are named in a note.
const NAMED_MAX: usize = 5;

/// A HAR file: what it is called, and its text.
#[derive(Clone, Copy, Debug)]
pub struct HarFile<'a> {
    /// Its name, for messages and for the head of the plan.
    pub name: &'a str,
    /// What is in it.
    pub text: &'a str,
}

/// How HAR files are imported.
#[derive(Clone, Debug, Default)]
pub struct HarChoices {
    /// The hosts whose requests are imported; that of the first page if there are none.
    pub hosts: Vec<String>,
    /// Imports images, style sheets, scripts and fonts, too.
    pub keeps_assets: bool,
    /// Writes no think times.
    pub has_no_think: bool,
    /// Sends each request at the moment at which it was recorded, in place of think times.
    pub is_recorded_timeline: bool,
    /// Writes credentials as they are, in place of variables of the environment.
    pub keeps_secrets: bool,
}

/// Makes a flow of a recording. With a second one of the same session, what differs between the two is found.
pub fn from_har(
    first: HarFile<'_>,
    second: Option<HarFile<'_>>,
    choices: &HarChoices,
) -> Result<Made, WrongImport> {
    let chosen = Chosen { hosts: &choices.hosts, has_assets: choices.keeps_assets };
    let text = first.text.trim_start_matches('\u{feff}');
    let recording = recorded::read(text, first.name, &chosen)?;
    if recording.requests.is_empty() {
        return Err(nothing_left(&recording, first.name));
    }
    check_length(&recording, first.name)?;
    let titles = steps::titles(&recording.requests);
    let correlation = match second {
        Some(second) => {
            let other = recorded::read(second.text.trim_start_matches('\u{feff}'), second.name, &chosen)?;
            check_length(&other, second.name)?;
            correlation::of_two(&recording.requests, &other.requests, &titles)
        }
        None => correlation::of_one(&recording.requests, &titles),
    };
    let times = match (choices.is_recorded_timeline, choices.has_no_think) {
        (true, _) => StepPacing::Recorded,
        (false, false) => StepPacing::Think,
        (false, true) => StepPacing::None,
    };
    let (mut secrets, mut notes) = (Secrets::new(choices.keeps_secrets), Vec::new());
    let requests = &recording.requests;
    let mut steps = steps::steps(requests, &titles, &correlation, times, &mut secrets, &mut notes);
    let origin = second
        .map_or(format!("of {}", first.name), |second| format!("of {} and {}", first.name, second.name));
    let mut plan = PlanText::new(&origin);
    if let Some(sentence) = left_out(&recording) {
        plan.say(&sentence);
        notes.insert(0, sentence);
    }
    plan.set("url", requests[0].url.base.as_str());
    if times == StepPacing::Recorded {
        plan.set("timeline", "recorded");
    }
    set_cookies(&mut plan, requests, &mut notes);
    plan.set_in("run", "duration", "1m");
    plan.set_in("load", "rate", Value::from(1));
    set_targets(&mut plan, requests, &mut steps);
    if times == StepPacing::Think
        && requests.windows(2).any(|pair| pair[1].starts_ms + EXACTNESS_MS < pair[0].ends_ms)
    {
        notes.push("requests that were under way at one time are sent one after the other".to_owned());
    }
    notes.extend(correlation.notes);
    notes.extend(secrets.note());
    plan.requests("step", &steps);
    Ok(Made { plan: plan.finish(), notes })
}

/// What was left out, in a sentence.
fn left_out(recording: &HarRecording<'_>) -> Option<String> {
    let reasons: Vec<String> =
        recording.left_out.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    let mut foreign: Vec<(&String, &usize)> = recording.foreign.iter().collect();
    foreign.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let named: Vec<&str> = foreign.iter().take(NAMED_MAX).map(|(host, _)| host.as_str()).collect();
    let more = if foreign.len() > NAMED_MAX { ", …" } else { "" };
    let hosts = if named.is_empty() {
        String::new()
    } else {
        format!("; --host adds one of {}{more}", named.join(", "))
    };
    (!reasons.is_empty()).then(|| format!("Left out: requests {}{hosts}.", reasons.join(", ")))
}

fn check_length(recording: &HarRecording<'_>, name: &str) -> Result<(), WrongImport> {
    let count = recording.requests.len();
    if count <= STEPS_MAX {
        return Ok(());
    }
    let problem =
        format!("{count} requests of the recording are to be imported, and {STEPS_MAX} are the most");
    Err(WrongImport::new(problem, "record a shorter session, or name fewer hosts with --host").at(name))
}

fn nothing_left(recording: &HarRecording<'_>, name: &str) -> WrongImport {
    let problem = match left_out(recording) {
        Some(sentence) => format!("no request of the recording is to be imported. {sentence}"),
        None => "the recording has no requests".to_owned(),
    };
    WrongImport::new(
        problem,
        "name the hosts that are tested with --host, or record again with the page's requests in it",
    )
    .at(name)
}

/// Cookies are kept by the session where the server sets them.
fn set_cookies(plan: &mut PlanText, requests: &[Recorded<'_>], notes: &mut Vec<String>) {
    let sets = |request: &Recorded<'_>| {
        request.response.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
    };
    let sends = |request: &Recorded<'_>| {
        request.headers.iter().any(|header| header.name.eq_ignore_ascii_case("cookie"))
    };
    let is_set = requests.iter().any(sets);
    if is_set {
        plan.set("cookies", true);
    }
    if requests.first().is_some_and(sends) {
        let advice = if is_set { "; those that the server sets are kept" } else { "" };
        notes.push(format!(
            "the browser had cookies before the recording began, which are left out{advice}: record in a private window, from the login on"
        ));
    }
}

/// Requests to other servers than the first's name theirs.
fn set_targets(plan: &mut PlanText, requests: &[Recorded<'_>], steps: &mut [PlannedRequest]) {
    let mut known: Vec<(String, String)> = Vec::new();
    for (request, step) in requests.iter().zip(steps) {
        let base = &request.url.base;
        if *base == requests[0].url.base {
            continue;
        }
        let name = match known.iter().find(|(_, known)| known == base) {
            Some((name, _)) => name.clone(),
            None => {
                let letters = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
                let plain: String = base
                    .split_once("://")
                    .map_or(base.as_str(), |(_, rest)| rest)
                    .chars()
                    .map(letters)
                    .collect();
                let numbered = (2..).map(|number| format!("{plain}-{number}"));
                let is_free = |name: &String| known.iter().all(|(other, _)| other != name);
                let name = std::iter::once(plain.clone()).chain(numbered).find(is_free).unwrap_or(plain);
                plan.named_url("target", &name, base);
                known.push((name.clone(), base.clone()));
                name
            }
        };
        step.target = Some(name);
    }
}
