//! The command line: which command is meant. What the flags of a plan mean is decided in `input/load.rs`, by the same rules as
//! a plan file.

mod habits;
mod mistakes;

use crate::commands::archive::ArchiveArgs;
use crate::commands::calibrate::CalibrateArgs;
use crate::commands::check::CheckArgs;
use crate::commands::compare::CompareArgs;
use crate::commands::completions::CompletionsArgs;
use crate::commands::control::ControlArgs;
use crate::commands::find_max::FindMaxArgs;
use crate::commands::gate::{self, GateArgs};
use crate::commands::import::ImportPlanArgs;
use crate::commands::man::ManArgs;
use crate::commands::run::RunArgs;
use crate::commands::spool::SpoolArgs;
use crate::commands::testbed::TestbedArgs;
use crate::exit::{Failure, USAGE};
use crate::help;
use crate::input::target_word;
use crate::output::screen::{WhenColour, use_colour};
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Columns of help, on however wide a terminal.
const HELP_COLUMNS: usize = 80;
/// The commands that carry out a plan, and so have its flags.
const RUNNING: [&str; 4] = ["run", "gate", "find-max", "check"];

/// A load generator that can be believed.
#[derive(Parser)]
#[command(name = "vajra", version = env!("VERSION_LINE"), max_term_width = HELP_COLUMNS)]
#[command(override_usage = "vajra [run] <URL|PLAN> [OPTIONS]\n       vajra <COMMAND>")]
#[command(arg_required_else_help = true, after_help = help::MORE, after_long_help = help::of_program())]
struct CommandLine {
    /// Colours: auto, always or never.
    #[arg(
        long_help = "When to use colours; auto does on terminals that have them, unless NO_COLOR is set",
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value_t,
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = "Output"
    )]
    color: WhenColour,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a load test. `vajra URL` means `vajra run URL`.
    Run(Box<RunArgs>),
    /// Compare runs: better, same, worse, or unclear.
    Compare(Box<CompareArgs>),
    /// Hold a plan against a baseline: exit 98 on a regression.
    Gate(Box<GateArgs>),
    /// Find the highest rate that a target sustains.
    FindMax(Box<FindMaxArgs>),
    /// Check machine and target, without any load.
    Check(Box<CheckArgs>),
    /// List, show, name, export, import and remove kept runs.
    Archive(ArchiveArgs),
    /// Make a plan of curl commands, a HAR, a log or an OpenAPI document.
    Import(Box<ImportPlanArgs>),
    /// Change the load of a run that goes on, or ask how it fares.
    Control(ControlArgs),
    /// List, send and drop what collectors have not taken yet.
    Spool(SpoolArgs),
    /// Measure what this machine can do, for check and run.
    Calibrate(CalibrateArgs),
    /// Run the built-in server alone.
    Testbed(Box<TestbedArgs>),
    /// Print the JSON Schema of plans.
    #[command(after_long_help = help::OF_SCHEMA)]
    Schema,
    /// Print the completion script of a shell.
    Completions(CompletionsArgs),
    /// Print the manual page of the program or of a command.
    Man(ManArgs),
    /// Print the version and the commit it was built from.
    #[command(after_long_help = help::OF_VERSION)]
    Version,
}

/// The whole definition of the command line.
pub(crate) fn definition() -> clap::Command {
    CommandLine::command().mut_subcommand("gate", gate::with_limit_first)
}

/// Reads the command line. A mistake is told in a line; a call for help or the version is answered, and ends the process.
pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<Command, Failure> {
    let mut words: Vec<OsString> = words.collect();
    let definition = definition();
    let first = first_word(&words);
    // Mistakes are told in the colours that were asked for, whatever else is wrong.
    use_colour(asked_colour(&words));
    if let Some(word) = words.get(first) {
        require_command(word, &definition)?;
        if names_no_command(word, &definition) {
            words.insert(first, "run".into());
        }
    }
    let is_running = words.get(first).is_some_and(|word| RUNNING.iter().any(|command| word == command));
    if let Some(answer) = is_running.then(|| habits::answer(&words[first + 1..])).flatten() {
        return Err(Failure::new(USAGE, answer));
    }
    let parsed = definition.clone().try_get_matches_from(&words);
    let command = parsed.and_then(|matches| CommandLine::from_arg_matches(&matches));
    match command {
        Ok(line) => Ok(line.command),
        Err(error) if is_answer(error.kind()) => error.exit(),
        Err(error) => Err(Failure::new(USAGE, mistakes::told(&error, &words, &definition))),
    }
}

/// When to use colours, as far as the words say so.
fn asked_colour(words: &[OsString]) -> WhenColour {
    let texts: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let after = texts.windows(2).rev().find(|pair| pair[0] == "--color").map(|pair| pair[1]);
    let joined = texts.iter().rev().find_map(|word| word.strip_prefix("--color="));
    after.or(joined).and_then(|when| WhenColour::from_str(when, false).ok()).unwrap_or_default()
}

/// Where the first word is that may be a command: `--color`, which all commands have, may stand before it.
fn first_word(words: &[OsString]) -> usize {
    let mut at = 1;
    while let Some(word) = words.get(at).and_then(|word| word.to_str()) {
        at += match word {
            "--color" => 2,
            word if word.starts_with("--color=") => 1,
            _ => break,
        };
    }
    at
}

/// True for what was asked for and is no mistake, and for bare words that need a look at the help.
fn is_answer(kind: ErrorKind) -> bool {
    use ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
    [DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion].contains(&kind)
}

/// The names of all commands.
fn commands(definition: &clap::Command) -> Vec<&str> {
    definition.get_subcommands().map(clap::Command::get_name).chain(["help"]).collect()
}

/// `vajra URL …` means `vajra run URL …`: true when the first word is neither a command nor a call for help.
fn names_no_command(word: &OsStr, definition: &clap::Command) -> bool {
    const HELP: [&str; 4] = ["-h", "--help", "-V", "--version"];
    !HELP.iter().chain(&commands(definition)).any(|known| word == *known)
}

/// Refuses a first word that is no command and cannot be a target, before anything is looked up by its name.
fn require_command(word: &OsStr, definition: &clap::Command) -> Result<(), Failure> {
    let word = word.to_str().filter(|word| !word.starts_with('-'));
    let Some(word) = word.filter(|word| !commands(definition).contains(word)) else { return Ok(()) };
    let is_like_a_command = word.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    if !is_like_a_command || target_word::problem(word).is_none() || Path::new(word).exists() {
        return Ok(());
    }
    let hint = match mistakes::command_like(word, definition) {
        Some(command) => format!("did you mean `vajra {command}`?"),
        None => format!("`vajra --help` lists the commands; a host is written `http://{word}/`"),
    };
    Err(Failure::new(USAGE, format!("`{word}` is no command and no target; {hint}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &str) -> Command {
        parse(std::iter::once("vajra").chain(words.split_whitespace()).map(OsString::from)).unwrap()
    }

    /// What is said of a wrong command line.
    fn told(words: &str) -> String {
        let words = std::iter::once("vajra").chain(words.split_whitespace()).map(OsString::from);
        parse(words).err().expect("it is wrong").message
    }

    #[test]
    fn the_definition_is_consistent() {
        definition().debug_assert();
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
        assert!(matches!(parsed("--color=never schema"), Command::Schema));
        assert!(matches!(parsed("--color never http://h/"), Command::Run(_)));
        assert!(matches!(parsed("version"), Command::Version));
        assert!(matches!(parsed("calibrate --quick"), Command::Calibrate(_)));
    }

    #[test]
    fn a_word_that_is_no_command_is_told_with_the_one_that_is_like_it() {
        assert_eq!(
            told("comapre a b"),
            "`comapre` is no command and no target; did you mean `vajra compare`?"
        );
        assert!(told("qqq").contains("`http://qqq/`"), "{}", told("qqq"));
        assert!(told("run qqq").contains("as a host it is `http://qqq/`"), "{}", told("run qqq"));
    }

    #[test]
    fn an_unknown_flag_is_told_with_the_one_that_is_like_it() {
        for (words, like) in [
            ("run http://h/ --conections 5", "--connections"),
            ("http://h/ --treshold x", "--threshold"),
            ("--vresion", "--version"),
            ("archive list --jsn", "--json"),
            ("gate p.toml --agianst x", "--against"),
        ] {
            assert!(told(words).ends_with(&format!("did you mean `{like}`?")), "{words}: {}", told(words));
        }
    }

    #[test]
    fn every_mistake_is_told_in_one_line() {
        for words in [
            "run",
            "run http://h/ http://h/",
            "run http://h/ -c ten",
            "run http://h/ -c",
            "run http://h/ --seed -1",
            "run http://h/ --tag a --no-archive",
            "compare a",
            "archive lst",
            "archive prune",
            "completions",
            "completions csh",
            "gate p.toml --runs 0 --against x",
            "run http://h/ -u s3cret",
            "--nonsense",
        ] {
            let told = told(words);
            assert!(!told.contains('\n') && !told.contains("s3cret"), "{words}: {told}");
        }
    }

    /// A command and all below it.
    fn all(command: &clap::Command) -> Vec<clap::Command> {
        let below = command.get_subcommands().flat_map(all);
        std::iter::once(command.clone()).chain(below).collect()
    }

    #[test]
    fn help_fits_its_columns_and_has_examples() {
        let mut definition = definition();
        definition.build();
        for mut command in all(&definition) {
            let name = command.get_name().to_owned();
            for help in [command.render_help(), command.render_long_help()] {
                for line in help.to_string().lines() {
                    assert!(line.chars().count() <= HELP_COLUMNS, "{name}: {line}");
                }
            }
        }
        for command in definition.get_subcommands().filter(|command| command.get_name() != "help") {
            let long = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            assert!(long.contains("Examples:\n"), "{}", command.get_name());
        }
    }

    #[test]
    fn the_gate_names_its_sides_and_its_limit_first() {
        let mut definition = definition();
        definition.build();
        let gate = definition.find_subcommand_mut("gate").expect("a command");
        let help = gate.render_long_help().to_string();
        let mut flags = help.lines().map(str::trim).filter(|line| line.starts_with("--"));
        assert!(flags.next().is_some_and(|flag| flag.starts_with("--against")), "{help}");
        assert!(flags.next().is_some_and(|flag| flag.starts_with("--threshold")), "{help}");
        assert!(help.contains("--threshold 5%"), "{help}");
    }
}
