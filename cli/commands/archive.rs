//! `vajra archive`: runs that were kept, listed, shown, named, carried elsewhere and removed. And keeping one, at the end of a run.

use crate::exit::{Failure, USAGE};
use crate::help;
use crate::output::messages::{Severity, tell};
use crate::output::plain::{self, plain};
use crate::output::screen::Screen;
use crate::output::stdout::{say, say_json};
use crate::output::text::short_id;
use crate::output::{archive_text, text};
use ::archive::{
    Archive, Baseline, Error, Filter, Manifest, PATIENCE, Problem, PruneRule, check_name, in_words,
};
use clap::{ArgGroup, Args, Subcommand};
use engine::quantity::{counted, parse_duration_ns};
use engine::redact;
use engine::report::Report;
use serde_json::{Value, json as object};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

/// How long other processes are waited for when a signal ended the run: it is to be over within seconds.
const PATIENCE_AFTER_SIGNAL: Duration = Duration::from_secs(1);
const DAY_S: u64 = 86_400;

const EXAMPLES: &str = "\
Examples:
  vajra archive list -n 10
  vajra archive show last
  vajra archive tag last before-upgrade
  vajra archive export main -o main.vajra
  vajra archive prune --keep 100 --older-than 30d --dry-run";

#[derive(Args)]
#[command(after_help = help::MORE, after_long_help = EXAMPLES)]
pub(crate) struct ArchiveArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// List runs, newest first.
    List(ListArgs),
    /// Print a run's report as `run` did, and its slowest requests.
    Show(ShowArgs),
    /// Give a run names. What has a name is not pruned.
    Tag(TagArgs),
    /// Take names from a run.
    Untag(TagArgs),
    /// List the baselines of `vajra gate`, or take one's name away.
    Baselines(BaselinesArgs),
    /// Write runs into a bundle: one file that another machine can import, open and compare.
    Export(ExportArgs),
    /// Copy the runs of bundles into the archive. Those that are there already stay as they are.
    Import(ImportArgs),
    /// Remove the runs that are named. Those that a tag or a baseline holds stay, unless there is --all.
    Rm(RmArgs),
    /// Remove runs by age and number. Those that a tag or a baseline holds stay.
    Prune(PruneArgs),
    /// Print where the archive is.
    Path,
}

const SELECTOR: &str =
    "A run id or its first characters (4 at least), a tag, a baseline, last, or last~1 for the one before";

#[derive(Args)]
struct ListArgs {
    /// No more than these.
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,
    /// Those with this tag alone.
    #[arg(long, value_name = "NAME")]
    tag: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct ShowArgs {
    #[arg(value_name = "SELECTOR", help = SELECTOR)]
    selector: String,
    /// Print the report as JSON, as `run --json` wrote it.
    #[arg(long, conflicts_with = "manifest")]
    json: bool,
    /// Print where the run came from as JSON: host, command line, version, environment, plan hash.
    #[arg(long)]
    manifest: bool,
}

#[derive(Args)]
struct TagArgs {
    #[arg(value_name = "SELECTOR", help = SELECTOR)]
    selector: String,
    /// 1 to 64 letters, digits and any of . _ - + : / @
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
}

#[derive(Args)]
struct BaselinesArgs {
    /// The baseline to remove. Its runs stay in the archive, and may be pruned.
    #[arg(long, value_name = "NAME")]
    remove: Option<String>,
}

#[derive(Args)]
struct ExportArgs {
    #[arg(value_name = "SELECTOR", required = true, help = SELECTOR)]
    selectors: Vec<String>,
    /// The bundle, such as nightly.vajra.
    #[arg(short = 'o', long, value_name = "FILE")]
    output: PathBuf,
}

#[derive(Args)]
struct ImportArgs {
    /// Bundles.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

#[derive(Args)]
struct RmArgs {
    #[arg(value_name = "SELECTOR", required = true, help = SELECTOR)]
    selectors: Vec<String>,
    /// Remove what a tag or a baseline holds, too.
    #[arg(long)]
    all: bool,
}

#[derive(Args)]
#[command(group = ArgGroup::new("rule").required(true).multiple(true).args(["keep", "older_than"]))]
struct PruneArgs {
    /// So many of the newest stay.
    #[arg(long, value_name = "N")]
    keep: Option<usize>,
    /// Only what is older goes: 30d, 2w, 12h.
    #[arg(long, value_name = "TIME")]
    older_than: Option<String>,
    /// Remove what a tag or a baseline holds, too.
    #[arg(long)]
    all: bool,
    /// Say what would be removed, and remove nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Does what the words after `vajra archive` say.
pub(crate) fn run(args: &ArchiveArgs) -> Result<ExitCode, Failure> {
    match &args.verb {
        Verb::List(args) => list(args),
        Verb::Show(args) => show(args),
        Verb::Tag(args) => tag(args),
        Verb::Untag(args) => untag(args),
        Verb::Baselines(args) => baselines(args),
        Verb::Export(args) => export(args),
        Verb::Import(args) => import(args),
        Verb::Rm(args) => rm(args),
        Verb::Prune(args) => prune(args),
        Verb::Path => say(&format!("{}\n", default_path()?.display())),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Where the archive of this user is, by the XDG base directory specification.
pub(crate) fn default_path() -> Result<PathBuf, Failure> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    // The specification has relative paths ignored.
    let data = variable("XDG_DATA_HOME").filter(|path| path.is_absolute());
    let home = || variable("HOME").filter(|path| path.is_absolute()).map(|home| home.join(".local/share"));
    let folder = data.or_else(home).ok_or_else(|| {
        Failure::runtime("there is no place for an archive: neither XDG_DATA_HOME nor HOME is a path\n  help: set one of them")
    })?;
    Ok(folder.join("vajra/archive.db"))
}

/// Refuses names that a tag cannot have, before anything is sent.
pub(crate) fn check_tags(tags: &[String]) -> Result<(), Failure> {
    let wrong = tags.iter().find_map(|tag| check_name(tag).err().map(|problem| (tag, problem)));
    wrong.map_or(Ok(()), |(tag, problem)| {
        let error = Error { path: PathBuf::from(format!("flag --tag {tag}")), problem };
        Err(Failure::new(USAGE, error.to_string()))
    })
}

/// A run that is over, and what is to be kept with it.
pub(crate) struct KeptRun<'a> {
    pub(crate) report: &'a Report,
    pub(crate) ended_at: SystemTime,
    pub(crate) tags: &'a [String],
    /// True when a signal ended it.
    pub(crate) is_hurried: bool,
}

/// Keeps a run. That it cannot be kept is told, and costs nothing else.
pub(crate) fn keep(ended: &KeptRun) {
    let patience = if ended.is_hurried { PATIENCE_AFTER_SIGNAL } else { PATIENCE };
    let kept = default_path().and_then(|path| {
        let save = || {
            let archive = Archive::open_within(&path, patience)?;
            archive.save(ended.report, &manifest(ended.ended_at, ended.report))?;
            ended.tags.iter().try_for_each(|tag| archive.tag(&ended.report.run_id, tag))
        };
        save().map_err(failure)
    });
    if let Err(failure) = kept {
        let why = plain::lines(&failure.message);
        tell(Severity::Warning, &format!("the run is not archived as asked: {why}"));
    }
}

/// Where a run of this process came from, without secrets unless the run keeps them.
pub(crate) fn manifest(ended_at: SystemTime, report: &Report) -> Manifest {
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname");
    Manifest {
        host: host.map_or_else(|_| "unknown".into(), |host| host.trim().to_owned()),
        command_line: if report.plan.keeps_secrets { words } else { redact::words(&words) },
        version: env!("CARGO_PKG_VERSION").into(),
        ended_at: in_words(ended_at),
        archived_at: in_words(SystemTime::now()),
    }
}

fn list(args: &ListArgs) -> Result<(), Failure> {
    let path = default_path()?;
    let filter = Filter { limit: args.limit, tag: args.tag.clone() };
    let entries = match open_own(&path) {
        Err(error) if error.problem == Problem::Missing => Vec::new(),
        archive => archive.and_then(|archive| archive.list(&filter)).map_err(failure)?,
    };
    if args.json {
        return say_json(&entries);
    }
    if entries.is_empty() {
        eprintln!("no run is archived{}", if args.tag.is_some() { " with this tag" } else { "" });
        return Ok(());
    }
    say(&archive_text::list(&entries, &Screen::stdout()))
}

fn show(args: &ShowArgs) -> Result<(), Failure> {
    let archive = open_read_only()?;
    for run_id in archive.find(&args.selector).map_err(failure)? {
        if args.manifest {
            say_json(&origin(&archive, &run_id).map_err(failure)?)?;
            continue;
        }
        let report = archive.report(&run_id).map_err(failure)?;
        if args.json {
            say_json(&report)?;
        } else {
            let screen = Screen::stdout();
            let slowest = archive_text::slowest(&report.slowest, &screen);
            say(&format!("{}{slowest}", text::report(&report, &screen)))?;
        }
    }
    Ok(())
}

/// Where a run came from, and what the archive says of it.
fn origin(archive: &Archive, run_id: &str) -> Result<Value, Error> {
    let (report, manifest) = (archive.report(run_id)?, archive.manifest(run_id)?);
    let entries = archive.list(&Filter::default())?;
    let entry = entries.iter().find(|entry| entry.run_id == run_id);
    Ok(object!({
        "run_id": run_id,
        "name": report.plan.name,
        "host": manifest.host,
        "command_line": manifest.command_line,
        "version": manifest.version,
        "environment": report.environment,
        "plan_hash": entry.map(|entry| &entry.plan_hash),
        "started_at": report.started_at,
        "ended_at": manifest.ended_at,
        "archived_at": manifest.archived_at,
        "tags": entry.map(|entry| &entry.tags),
        "baselines": entry.map(|entry| &entry.baselines),
    }))
}

fn tag(args: &TagArgs) -> Result<(), Failure> {
    let archive = open()?;
    for run_id in archive.find(&args.selector).map_err(failure)? {
        args.names.iter().try_for_each(|name| archive.tag(&run_id, name)).map_err(failure)?;
        say(&format!("{} is tagged {}\n", short_id(&run_id), args.names.join(", ")))?;
    }
    Ok(())
}

fn untag(args: &TagArgs) -> Result<(), Failure> {
    let archive = open()?;
    for run_id in archive.find(&args.selector).map_err(failure)? {
        for name in &args.names {
            let had_it = archive.untag(&run_id, name).map_err(failure)?;
            let said = if had_it { "is no longer tagged" } else { "was not tagged" };
            say(&format!("{} {said} {name}\n", short_id(&run_id)))?;
        }
    }
    Ok(())
}

fn baselines(args: &BaselinesArgs) -> Result<(), Failure> {
    if let Some(name) = &args.remove {
        open()?.remove_baseline(name).map_err(failure)?;
        return say(&format!("{name} is no longer a baseline\n"));
    }
    let baselines = match open_own(&default_path()?) {
        Err(error) if error.problem == Problem::Missing => Vec::new(),
        archive => archive.and_then(|archive| archive.baselines()).map_err(failure)?,
    };
    if baselines.is_empty() {
        eprintln!("there is no baseline: `vajra gate PLAN --baseline NAME --save-baseline` saves one");
    }
    let lines = baselines.iter().map(|Baseline { name, saved_at, run_ids }| {
        let ids: Vec<String> = run_ids.iter().map(|run_id| short_id(run_id)).collect();
        format!(
            "{}  saved {}  {}: {}\n",
            plain(name),
            archive_text::to_the_second(saved_at),
            runs(ids.len()),
            ids.join(", ")
        )
    });
    say(&lines.collect::<String>())
}

fn export(args: &ExportArgs) -> Result<(), Failure> {
    let archive = open_read_only()?;
    let mut run_ids = Vec::new();
    for selector in &args.selectors {
        run_ids.extend(archive.find(selector).map_err(failure)?);
    }
    run_ids.sort();
    run_ids.dedup();
    archive.export(&run_ids, &args.output).map_err(failure)?;
    say(&format!("{} written to {}\n", runs(run_ids.len()), args.output.display()))
}

fn import(args: &ImportArgs) -> Result<(), Failure> {
    let archive = Archive::open(&default_path()?).map_err(failure)?;
    for file in &args.files {
        let imported = archive.import(file).map_err(failure)?;
        let mut text = String::new();
        for run_id in &imported.added {
            let _ = writeln!(text, "{} imported", plain(run_id));
        }
        for run_id in &imported.skipped {
            let _ = writeln!(text, "{} skipped: it is archived already", plain(run_id));
        }
        for tag in &imported.untagged {
            let _ = writeln!(text, "tag {} left out: a baseline here is called so", plain(tag));
        }
        for tag in &imported.misnamed {
            let _ = writeln!(text, "tag `{}` left out: nothing can be called so", plain(tag));
        }
        say(&text)?;
    }
    Ok(())
}

/// Removes all the runs that are named, or none: one that is held is left to its holder.
fn rm(args: &RmArgs) -> Result<(), Failure> {
    let archive = open()?;
    let mut run_ids = Vec::new();
    for selector in &args.selectors {
        run_ids.extend(archive.find(selector).map_err(failure)?);
    }
    let removed = archive.remove(&run_ids, args.all).map_err(failure)?;
    let lines = archive_text::removed(&removed, "removed", &Screen::stdout());
    say(&format!("{lines}{} removed\n", runs(removed.len())))
}

fn prune(args: &PruneArgs) -> Result<(), Failure> {
    let rule = PruneRule {
        keep: args.keep.unwrap_or(0),
        older_than: args.older_than.as_deref().map(moment_before).transpose()?,
        takes_held: args.all,
    };
    let archive = open()?;
    let with_held = archive.prunable(&PruneRule { takes_held: true, ..rule }).map_err(failure)?;
    let gone = if args.dry_run { archive.prunable(&rule) } else { archive.prune(&rule) }.map_err(failure)?;
    let verb = if args.dry_run { "would be removed" } else { "removed" };
    let mut text = archive_text::removed(&gone, verb, &Screen::stdout());
    let _ = writeln!(text, "{} {verb}", runs(gone.len()));
    let held = with_held.len().saturating_sub(gone.len());
    if held > 0 {
        let _ = writeln!(text, "{} held by a tag or a baseline stay; --all removes them too", runs(held));
    }
    say(&text)
}

/// The moment so long ago: days and weeks, and whatever else a duration is written in.
fn moment_before(age: &str) -> Result<SystemTime, Failure> {
    let wrong = |cause: &str| {
        let help = "write a number with a unit: `30d`, `2w` or `12h`";
        Failure::new(USAGE, format!("{cause}\n  --> flag --older-than {age}\n  help: {help}"))
    };
    let days = |suffix: char, days: u64| {
        let count = age.trim().strip_suffix(suffix)?.parse::<u64>().ok()?;
        Some(Duration::from_secs(count.checked_mul(days * DAY_S)?))
    };
    let length = match days('d', 1).or_else(|| days('w', 7)) {
        Some(length) => length,
        None => Duration::from_nanos(parse_duration_ns(age).map_err(|cause| wrong(&cause.problem))?),
    };
    SystemTime::now().checked_sub(length).ok_or_else(|| wrong("that is before time began"))
}

/// The archive as it is. One that is not there is not made.
fn open() -> Result<Archive, Failure> {
    let path = default_path()?;
    require(&path)?;
    Archive::open(&path).map_err(failure)
}

fn open_read_only() -> Result<Archive, Failure> {
    let path = default_path()?;
    require(&path)?;
    open_own(&path).map_err(failure)
}

/// This user's archive, for reading alone, closed to others first, however it was made.
pub(crate) fn open_own(path: &Path) -> Result<Archive, Error> {
    ::archive::protect(path);
    Archive::open_read_only(path)
}

fn require(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        return Ok(());
    }
    let help = "every `vajra run` is archived, unless it has --no-archive";
    Err(Failure::new(USAGE, format!("no run is archived yet\n  --> {}\n  help: {help}", path.display())))
}

pub(crate) fn failure(error: Error) -> Failure {
    let text = plain::lines(&error.to_string());
    if error.is_of_usage() { Failure::new(USAGE, text) } else { Failure::runtime(text) }
}

fn runs(count: usize) -> String {
    counted(count as u64, "run")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_days_weeks_or_any_duration() {
        let now = SystemTime::now();
        for (age, seconds) in [("30d", 30 * DAY_S), ("2w", 14 * DAY_S), ("12h", DAY_S / 2), ("0d", 0)] {
            let moment = moment_before(age).unwrap();
            let length = now.duration_since(moment).map_or(0, |length| length.as_secs());
            assert!(length <= seconds && seconds - length <= 600, "{age}: {length}");
        }
        for age in ["", "d", "-3d", "30", "a week", "99999999999999w", "1.5d"] {
            let failure = moment_before(age).unwrap_err();
            assert_eq!(failure.code, USAGE, "{age}");
            assert!(failure.message.contains("--older-than"), "{}", failure.message);
        }
    }
}
