//! `vajra spool`: what collectors have not taken of what runs measured, listed, sent and dropped.

use crate::commands::archive;
use crate::exit::{Failure, RUNTIME, USAGE};
use crate::help;
use crate::output::messages::{Severity, tell};
use crate::output::plain::plain;
use crate::output::screen::Screen;
use crate::output::spool_text;
use crate::output::stdout::{say, say_json};
use crate::output::text::short_id;
use crate::session::Session;
use ::telemetry::moment;
use ::telemetry::otlp::{OtlpMistake, OtlpSettings, ReplayEnd, ReplayTally, replay};
use ::telemetry::spool::{QueueSummary, SpoolBounds, SpoolFolder, SpoolMistake, SpoolQueue};
use clap::{Args, Subcommand};
use engine::quantity::counted;
use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The shortest beginning of a run id that names one.
const ID_LETTERS_MIN: usize = 4;
/// Variables of fields that may be secrets.
const HEADERS: [&str; 2] = ["OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
/// A century.
const ANY_AGE: Duration = Duration::from_secs(100 * 365 * 86_400);

const EXAMPLES: &str = "\
Examples:
  vajra spool list
  vajra spool replay                          everything, to where it was to go
  vajra spool replay 3f2a --otlp http://other:4318
  vajra spool replay 3f2a --to http://a:4318  what was to go to one of several collectors
  vajra spool drop 3f2a";

#[derive(Args)]
#[command(after_help = help::MORE, after_long_help = EXAMPLES)]
pub(crate) struct SpoolArgs {
    #[command(subcommand)]
    verb: SpoolVerb,
}

#[derive(Subcommand)]
enum SpoolVerb {
    /// List what waits, the oldest first.
    List(ListQueuesArgs),
    /// Send what waits, in order.
    Replay(ReplayArgs),
    /// Drop what waits.
    Drop(DropArgs),
}

#[derive(Args)]
struct ListQueuesArgs {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct ReplayArgs {
    /// The runs whose points are sent: ids or their first characters. Without any, all.
    #[arg(value_name = "RUN")]
    runs: Vec<String>,
    /// Only what was to go there, of runs that had several collectors.
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Send it there, and not where it was to go. The variables OTEL_EXPORTER_OTLP_* say the rest.
    #[arg(
        long_help = "Send it there, and not where it was to go. The variables OTEL_EXPORTER_OTLP_* say the rest. Where headers are set and runs went to several collectors, it has to be said: a token of one is not sent to another.",
        long,
        value_name = "URL"
    )]
    otlp: Option<String>,
    /// Drop requests that the collector refuses, and go on with the next.
    #[arg(long)]
    drop_refused: bool,
}

#[derive(Args)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["runs", "all"]))]
struct DropArgs {
    /// The runs whose points are dropped: ids or their first characters.
    #[arg(value_name = "RUN")]
    runs: Vec<String>,
    /// Only what was to go there, of runs that had several collectors.
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Drop all that waits.
    #[arg(long)]
    all: bool,
}

/// Does what the words after `vajra spool` say.
pub(crate) fn run(args: &SpoolArgs) -> Result<ExitCode, Failure> {
    match &args.verb {
        SpoolVerb::List(args) => list(args).map(|()| ExitCode::SUCCESS),
        SpoolVerb::Replay(args) => replay_runs(args),
        SpoolVerb::Drop(args) => drop_runs(args),
    }
}

/// Where the spool of this user is: beside the archive.
pub(crate) fn default_folder() -> Result<SpoolFolder, Failure> {
    Ok(SpoolFolder(archive::default_path()?.with_file_name("spool")))
}

fn list(args: &ListQueuesArgs) -> Result<(), Failure> {
    let queues = default_folder()?.queues().map_err(failure)?;
    if args.json {
        return say_json(&queues);
    }
    if queues.is_empty() {
        eprintln!("nothing waits in the spool");
        return Ok(());
    }
    say(&spool_text::list(&queues, &Screen::stdout()))
}

/// The queues of these runs, of all where none is named, that were to go there, if that is said.
fn queues_of(runs: &[String], to: Option<&str>) -> Result<Vec<QueueSummary>, Failure> {
    let queues = default_folder()?.queues().map_err(failure)?;
    for run in runs {
        let found = |queue: &&QueueSummary| queue.run_id.starts_with(run.as_str());
        let mut ids: Vec<&str> = queues.iter().filter(found).map(|queue| queue.run_id.as_str()).collect();
        ids.dedup();
        let problem = match ids.as_slice() {
            _ if run.len() < ID_LETTERS_MIN => "names no run: an id needs four characters at least",
            [] => "is no run whose points wait in the spool",
            [_] => continue,
            _ => "is the beginning of more than one run's id",
        };
        let text = format!("`{}` {problem}\n  help: `vajra spool list` shows what waits", plain(run));
        return Err(Failure::new(USAGE, text));
    }
    let is_named = |queue: &QueueSummary| runs.iter().any(|run| queue.run_id.starts_with(run.as_str()));
    let queues = queues.into_iter().filter(|queue| runs.is_empty() || is_named(queue)).collect();
    match to {
        Some(to) => only_to(queues, to),
        None => Ok(queues),
    }
}

/// Those that were to go there; there has to be one.
fn only_to(queues: Vec<QueueSummary>, to: &str) -> Result<Vec<QueueSummary>, Failure> {
    let told = |mistake: OtlpMistake| {
        Failure::new(USAGE, format!("--to: {}\n  help: {}", mistake.problem, mistake.fix))
    };
    // As `--otlp` has it, with the path that is added there, or as a variable has it, without.
    let as_flag = OtlpSettings::read(Some(to), &|_| None).map_err(told)?.map(|place| place.to_string());
    let as_variable = OtlpSettings::at(to, &|_| None).map_err(told)?.to_string();
    let is_meant = |queue: &QueueSummary| queue.to == as_variable || Some(&queue.to) == as_flag.as_ref();
    let (chosen, others): (Vec<_>, Vec<_>) = queues.into_iter().partition(is_meant);
    if chosen.is_empty() && !others.is_empty() {
        let known: BTreeSet<String> = others.iter().map(|queue| plain(&queue.to)).collect();
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        let text = format!(
            "--to: nothing waits that was to go to {}\n  help: what waits was for {known}",
            plain(&as_variable)
        );
        return Err(Failure::new(USAGE, text));
    }
    Ok(chosen)
}

/// What a run had for several collectors is the same for each of them: sent to one place, all of it would be there as often.
fn refuse_to_mix(queues: &[QueueSummary]) -> Result<(), Failure> {
    for queue in queues {
        let is_other = |other: &&QueueSummary| {
            (&other.run_id, &other.signal) == (&queue.run_id, &queue.signal) && other.to != queue.to
        };
        if let Some(other) = queues.iter().find(is_other) {
            let text = format!(
                "what waits of {} was to go to several collectors: {}, {}\n  \
                 help: say which is to be sent with --to URL",
                short_id(&queue.run_id),
                plain(&queue.to),
                plain(&other.to)
            );
            return Err(Failure::new(USAGE, text));
        }
    }
    Ok(())
}

fn replay_runs(args: &ReplayArgs) -> Result<ExitCode, Failure> {
    let queues = queues_of(&args.runs, args.to.as_deref())?;
    let variable = |name: &str| std::env::var(name).ok();
    let asked = args.otlp.as_deref().map(|url| OtlpSettings::read(Some(url), &variable)).transpose();
    let asked = asked.map_err(|mistake| Failure::new(USAGE, mistake.to_string()))?.flatten();
    match asked {
        Some(_) => refuse_to_mix(&queues)?,
        None => refuse_to_share_headers(&queues, &variable)?,
    }
    if queues.is_empty() {
        eprintln!("nothing waits in the spool");
    }
    let session = Session::begin()?;
    let mut is_whole = true;
    for summary in queues {
        if summary.is_open {
            warn_of(&summary, "is left alone: its run goes on, or somebody sends it");
            is_whole = false;
            continue;
        }
        let settings = asked.clone().map_or_else(|| OtlpSettings::at(&summary.to, &variable), Ok);
        // What is wrong with one is in the way of no other.
        is_whole &= match settings {
            Ok(settings) => replay_one(&summary, settings, args.drop_refused, &session)?,
            Err(mistake) => {
                warn_of(&summary, &format!("is not sent: {mistake}"));
                false
            }
        };
    }
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(RUNTIME) })
}

/// Fields of the environment may be a token of one collector, which is none of another one's business.
fn refuse_to_share_headers(
    queues: &[QueueSummary],
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(), Failure> {
    let places: BTreeSet<String> = queues.iter().map(|queue| plain(&queue.to)).collect();
    let is_set = |name: &&&str| variable(name).is_some_and(|value| !value.trim().is_empty());
    let Some(name) = HEADERS.iter().find(is_set).filter(|_| places.len() > 1) else { return Ok(()) };
    let places: Vec<String> = places.into_iter().collect();
    let text = format!(
        "{name} would be sent to several collectors: {}\n  \
         help: say which of them with --to URL, or where all of it is to go with --otlp URL",
        places.join(", ")
    );
    Err(Failure::new(USAGE, text))
}

fn warn_of(summary: &QueueSummary, what: &str) {
    tell(Severity::Warning, &format!("{} {what}", short_id(&summary.run_id)));
}

/// Sends what one queue has, and says what became of it. True if nothing is left.
fn replay_one(
    summary: &QueueSummary,
    settings: OtlpSettings,
    drops_refused: bool,
    session: &Session,
) -> Result<bool, Failure> {
    let mut queue = match open(summary) {
        Ok(queue) => queue,
        Err(mistake) => {
            warn_of(summary, &format!("is not sent: {mistake}"));
            return Ok(false);
        }
    };
    let to = settings.to_string();
    let is_stopped = Arc::new(AtomicBool::new(false));
    let stop = is_stopped.clone();
    let work = move || {
        let (end, mut tally) = replay(&mut queue, &settings, drops_refused, &|| stop.load(Ordering::Relaxed));
        // In the end it is written down again how far it was read, or nothing is left.
        tally.trouble = queue
            .close()
            .err()
            .map(|mistake| mistake.to_string())
            .or_else(|| tally.trouble.take().filter(|_| end == ReplayEnd::Unreadable));
        (end, tally)
    };
    let replayed = session.heeding(work);
    is_stopped.store(true, Ordering::Relaxed);
    let (end, tally) = replayed?;
    say(&spool_text::replayed(summary, &tally, &to))?;
    tell_end(end, &tally, &to);
    if tally.ambiguous > 0 {
        tell(Severity::Warning, &spool_text::may_be_twice(tally.ambiguous, &to));
    }
    if let Some(trouble) = &tally.trouble {
        let text = format!("may be sent again the next time, in part: {}", plain(trouble));
        warn_of(summary, &text);
    }
    Ok(end == ReplayEnd::Whole && tally.trouble.is_none())
}

fn tell_end(end: ReplayEnd, tally: &ReplayTally, to: &str) {
    let why = tally.why.as_ref().map_or_else(String::new, |why| format!(": {}", plain(why)));
    let wait = counted(tally.left, "point");
    match end {
        ReplayEnd::Whole | ReplayEnd::Stopped => {}
        ReplayEnd::Unreadable => {
            tell(Severity::Warning, &format!("{wait} wait still: the next request cannot be read"));
        }
        ReplayEnd::Away => tell(Severity::Warning, &format!("{wait} wait still: {to} takes none now{why}")),
        ReplayEnd::Refused => tell(
            Severity::Warning,
            &format!(
                "{wait} wait still: {to} refuses the next request{why}\n  \
                 help: set OTEL_EXPORTER_OTLP_HEADERS if it asks for a token, or skip what it refuses with --drop-refused"
            ),
        ),
    }
}

fn drop_runs(args: &DropArgs) -> Result<ExitCode, Failure> {
    let mut is_whole = true;
    for summary in queues_of(&args.runs, args.to.as_deref())? {
        let dropped = open(&summary).and_then(|queue| {
            let points = queue.points();
            queue.drop_all().map(|()| points)
        });
        match dropped {
            Ok(points) => {
                say(&format!("{}: {} dropped\n", short_id(&summary.run_id), counted(points, "point")))?;
            }
            // What is wrong with one is in the way of no other.
            Err(mistake) => {
                warn_of(&summary, &format!("is not dropped: {mistake}"));
                is_whole = false;
            }
        }
    }
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(RUNTIME) })
}

fn open(summary: &QueueSummary) -> Result<SpoolQueue, SpoolMistake> {
    let now = moment(Instant::now());
    // What somebody asks for by name is not too old for it.
    let bounds = SpoolBounds { age_max: ANY_AGE, ..SpoolBounds::default() };
    SpoolQueue::open(&summary.folder, bounds, now)
}

fn failure(mistake: SpoolMistake) -> Failure {
    Failure::runtime(mistake.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn queue(to: &str) -> QueueSummary {
        QueueSummary {
            run_id: "run".into(),
            to: to.into(),
            signal: "metrics".into(),
            requests: 1,
            points: 10,
            bytes: 100,
            lost: 0,
            oldest_unix_ns: None,
            is_open: false,
            folder: PathBuf::new(),
        }
    }

    #[test]
    fn what_may_be_a_token_goes_to_one_collector_alone() {
        let (one, other) = (queue("http://staging:4318/v1/metrics"), queue("https://prod:443/v1/metrics"));
        let set = |name: &str| (name == "OTEL_EXPORTER_OTLP_HEADERS").then(|| "authorization=x".to_owned());
        let empty = |name: &str| (name == "OTEL_EXPORTER_OTLP_HEADERS").then(|| " ".to_owned());
        let both = [one.clone(), other];
        assert!(refuse_to_share_headers(&both, &empty).is_ok());
        assert!(refuse_to_share_headers(&[one.clone(), one], &set).is_ok());
        assert!(refuse_to_share_headers(&both, &set).is_err());
    }

    #[test]
    fn what_was_for_several_collectors_is_sent_one_by_one() {
        let (one, other) = (queue("http://a:4318/v1/metrics"), queue("grpc://b:4317"));
        let both = vec![one.clone(), other.clone()];
        assert!(refuse_to_mix(&both).err().unwrap().message.contains("--to URL"));
        let elsewhere = QueueSummary { run_id: "other".into(), ..other.clone() };
        assert!(refuse_to_mix(&[one.clone(), elsewhere]).is_ok(), "each has one");
        for to in ["http://a:4318", "http://a:4318/v1/metrics"] {
            assert_eq!(only_to(both.clone(), to).ok().unwrap(), std::slice::from_ref(&one), "{to}");
        }
        assert_eq!(only_to(both.clone(), "grpc://b").ok().unwrap(), [other]);
        assert!(
            only_to(both.clone(), "http://c").err().unwrap().message.contains("http://a:4318/v1/metrics")
        );
        assert!(only_to(both, "c").is_err());
        assert_eq!(only_to(Vec::new(), "http://c").ok().unwrap(), [], "an empty spool is no mistake");
    }
}
