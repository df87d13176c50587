//! HAR files to a flow: the requests of a page in their order, with the waits between them, and what comes from earlier responses.
//!
//! Two recordings of the same session show what differs from one to the next; one alone lets it be guessed.

mod alignment;
mod cookies;
mod correlation;
mod document;
mod followed;
mod recorded;
mod slots;
mod sources;
mod steps;

use self::recorded::{Chosen, EXACTNESS_MS, HarRecording, Recorded};
use self::steps::StepTiming;
use crate::made::Made;
use crate::planned::{PlanText, REDIRECTS_MAX, REQUESTS_MAX};
use crate::secrets::Secrets;
use crate::servers;
use crate::wrong::WrongImport;
use toml_edit::Value;

/// The most requests of a recording that another is compared with: each is held against each.
const COMPARED_MAX: usize = 4_096;
/// No recording that becomes a plan has more, however many of its requests are redirects.
const _: () = assert!(REQUESTS_MAX * (REDIRECTS_MAX as usize + 1) <= COMPARED_MAX);
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
    /// The host whose requests are imported, or its URL; that of the first page if there is none. Where several are given, the first
    /// request goes to the plan's own target, and each other server is one with a name.
    pub hosts: Vec<String>,
    /// Imports images, style sheets, scripts and fonts, too.
    pub keeps_assets: bool,
    /// Writes no think times.
    pub has_no_think: bool,
    /// Writes credentials as they are, in place of variables of the environment.
    pub keeps_secrets: bool,
    /// Each request is intended when it was recorded, from the beginning of the session, in the place of a time after the one before it.
    pub has_timeline: bool,
}

/// Makes a flow of a recording. With a second one of the same session, what differs between the two is found.
pub fn from_har(
    first: HarFile<'_>,
    second: Option<HarFile<'_>>,
    choices: &HarChoices,
) -> Result<Made, WrongImport> {
    let chosen = Chosen { hosts: &choices.hosts, has_assets: choices.keeps_assets };
    let text = first.text.trim_start_matches('\u{feff}');
    let recording = with_redirects(recorded::read(text, first.name, &chosen)?, REQUESTS_MAX, first.name)?;
    if recording.requests.is_empty() {
        return Err(nothing_left(&recording, first.name));
    }
    let titles = steps::titles(&recording.requests);
    let correlation = match second {
        Some(second) => {
            let text = second.text.trim_start_matches('\u{feff}');
            let other = recorded::read(text, second.name, &chosen)?;
            let other = with_redirects(other, COMPARED_MAX, second.name)?;
            correlation::of_two(&recording.requests, &other.requests, &titles)
        }
        None => correlation::of_one(&recording.requests, &titles),
    };
    let (mut secrets, mut notes) = (Secrets::new(choices.keeps_secrets), Vec::new());
    let requests = &recording.requests;
    let timing = match (choices.has_timeline, choices.has_no_think) {
        (true, _) => StepTiming::Recorded,
        (false, false) => StepTiming::Think,
        (false, true) => StepTiming::None,
    };
    let mut steps = steps::steps(requests, &titles, &correlation, timing, &mut secrets, &mut notes);
    let origin = second
        .map_or(format!("of {}", first.name), |second| format!("of {} and {}", first.name, second.name));
    let mut plan = PlanText::new(&origin);
    if let Some(sentence) = left_out(&recording) {
        plan.say(&sentence);
        notes.insert(0, sentence);
    }
    plan.set("url", requests[0].url.base.as_str());
    let others = servers::names(requests.iter().map(|request| (&*request.url.base, &*request.url.host)));
    for (step, request) in steps.iter_mut().zip(requests) {
        let other = others.iter().find(|(base, _)| *base == request.url.base);
        step.target = other.map(|(_, name)| name.clone());
    }
    if !others.is_empty() && cookies::are_kept(requests) {
        notes.push("cookies go to the target that has set them alone, whatever their `Domain`".to_owned());
    }
    if cookies::are_kept(requests) {
        plan.set("cookies", Value::from(true));
    }
    if let Some(sentence) = cookies::note(requests, &titles) {
        plan.say(&sentence);
        notes.push(sentence);
    }
    if timing == StepTiming::Recorded {
        plan.set("timeline", "recorded");
    }
    plan.set_in("run", "duration", "1m");
    plan.set_in("load", "rate", Value::from(1));
    if timing != StepTiming::None
        && requests.windows(2).any(|pair| pair[1].starts_ms + EXACTNESS_MS < pair[0].ends_ms)
    {
        notes.push("requests that were under way at one time are sent one after the other".to_owned());
    }
    notes.extend(redirects_note(requests, &titles));
    notes.extend(correlation.notes);
    notes.extend(secrets.note());
    others.iter().for_each(|(base, name)| plan.target(name, base));
    plan.requests("step", &steps);
    Ok(Made { plan: plan.finish(), notes, files: Vec::new() })
}

/// A recording whose requests have the redirects in them that the browser followed: then so many at the most.
fn with_redirects<'a>(
    mut recording: HarRecording<'a>,
    most: usize,
    name: &str,
) -> Result<HarRecording<'a>, WrongImport> {
    // Each is looked for among all others: what is too long anyway is not looked at.
    if recording.requests.len() <= COMPARED_MAX {
        recording.requests = followed::collapsed(recording.requests);
    }
    check_length(&recording, most, name)?;
    Ok(recording)
}

/// Which requests follow redirects, in a sentence.
fn redirects_note(requests: &[Recorded<'_>], titles: &[String]) -> Option<String> {
    let led = requests.iter().zip(titles).filter(|(request, _)| request.redirects > 0);
    let named: Vec<String> = led.map(|(request, title)| format!("{title} ({})", request.redirects)).collect();
    let more = if named.len() > NAMED_MAX { ", …" } else { "" };
    (!named.is_empty()).then(|| {
        format!(
            "redirects that the browser followed are `redirects` of the request that led to them, whose check and values are those of the last response: {}{more}",
            named[..named.len().min(NAMED_MAX)].join(", ")
        )
    })
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
        format!("; --host imports another in place of this one: {}{more}", named.join(", "))
    };
    (!reasons.is_empty()).then(|| format!("Left out: requests {}{hosts}.", reasons.join(", ")))
}

fn check_length(recording: &HarRecording<'_>, most: usize, name: &str) -> Result<(), WrongImport> {
    let count = recording.requests.len();
    if count <= most {
        return Ok(());
    }
    let problem = format!("{count} requests of the recording are to be imported, and {most} are the most");
    Err(WrongImport::new(problem, "record a shorter session, or its parts one by one").at(name))
}

fn nothing_left(recording: &HarRecording<'_>, name: &str) -> WrongImport {
    let problem = match left_out(recording) {
        Some(sentence) => format!("no request of the recording is to be imported. {sentence}"),
        None => "the recording has no requests".to_owned(),
    };
    WrongImport::new(
        problem,
        "name the host that is tested with --host, or record again with the page's requests in it",
    )
    .at(name)
}
