//! The command line: which command is meant. What the flags of a plan mean is decided in `input/load.rs`, by the same rules as
//! a plan file.

use crate::commands::archive::ArchiveArgs;
use crate::commands::calibrate::CalibrateArgs;
use crate::commands::check::CheckArgs;
use crate::commands::compare::CompareArgs;
use crate::commands::find_max::FindMaxArgs;
use crate::commands::gate::GateArgs;
use crate::commands::run::RunArgs;
use crate::commands::testbed::TestbedArgs;
use crate::output::screen::{WhenColour, use_colour};
use clap::{CommandFactory, Parser, Subcommand};
use std::ffi::OsString;

const EXIT_CODES: &str = "\
Exit codes:
    0  the run is valid (or degraded, unless --strict) and passed
    1  runtime error, or not one request succeeded
    2  usage or configuration error; nothing was sent
    3  the run is INVALID: its numbers must not be used
    4  preflight refused; no load was sent
   98  a regression against the baseline (gate)
   99  a threshold was breached, or the target fell behind, went silent or failed
  130  SIGINT: drained, partial report written (143: SIGTERM)";

/// A load generator that can be believed.
#[derive(Parser)]
#[command(name = "vajra", version, max_term_width = 110, after_help = EXIT_CODES)]
#[command(override_usage = "vajra [run] <URL|PLAN> [OPTIONS]\n       vajra <COMMAND>")]
struct CommandLine {
    /// When to use colours; NO_COLOR is honoured.
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    color: WhenColour,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a load test: a URL, or a plan file. `vajra URL` means `vajra run URL`.
    Run(Box<RunArgs>),
    /// Compare runs with confidence: better, same, worse, or unclear.
    Compare(Box<CompareArgs>),
    /// Run a plan and hold it against a baseline: exit 98 on a regression.
    Gate(Box<GateArgs>),
    /// Find the highest rate that a target sustains under conditions.
    FindMax(Box<FindMaxArgs>),
    /// Check, without any load, whether this machine can carry a plan and its target is there.
    Check(Box<CheckArgs>),
    /// List, show, name, export, import and remove the runs that were kept.
    Archive(ArchiveArgs),
    /// Measure what this machine can do, and keep it for `check` and `run`.
    Calibrate(CalibrateArgs),
    /// Run the built-in server alone.
    Testbed(Box<TestbedArgs>),
    /// Print the JSON Schema of plans.
    Schema,
}

/// Reads the command line; on a mistake or a call for help it says so and ends the process, as clap does.
pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Command {
    let mut words: Vec<OsString> = words.collect();
    if names_no_command(&words) {
        words.insert(1, "run".into());
    }
    let line = CommandLine::parse_from(words);
    use_colour(line.color);
    line.command
}

/// `vajra URL …` means `vajra run URL …`: true when the first word is neither a command nor a call for help.
fn names_no_command(words: &[OsString]) -> bool {
    const HELP: [&str; 5] = ["help", "-h", "--help", "-V", "--version"];
    let line = CommandLine::command();
    let commands = line.get_subcommands().map(clap::Command::get_name);
    let known: Vec<&str> = HELP.into_iter().chain(commands).collect();
    words.get(1).is_some_and(|word| !known.iter().any(|known| word == known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &str) -> Command {
        parse(std::iter::once("vajra").chain(words.split_whitespace()).map(OsString::from))
    }

    #[test]
    fn the_definition_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn a_url_alone_means_run() {
        for words in ["http://h/ -c 5", "run http://h/ -c 5", "-c 5 http://h/"] {
            match parsed(words) {
                Command::Run(run) => {
                    assert_eq!((run.plan.target.as_str(), run.plan.connections), ("http://h/", Some(5)));
                }
                _ => panic!("{words}"),
            }
        }
        assert!(matches!(parsed("schema"), Command::Schema));
        assert!(matches!(parsed("calibrate --quick"), Command::Calibrate(_)));
    }
}
