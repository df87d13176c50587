//! What is wrong with a command line, in one line: which word, and what would be right.

use crate::input::typed::WrongWord;
use crate::output::plain::plain;
use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use engine::config::closest;
use engine::redact;
use std::error::Error;
use std::ffi::OsString;
use std::num::ParseIntError;

/// A mistake that clap found.
pub(crate) fn told(error: &clap::Error, words: &[OsString], definition: &Command) -> String {
    let command = command_of(words, definition);
    let arg = texts(error, ContextKind::InvalidArg);
    let arg = arg.first().map_or("", String::as_str);
    let message = match error.kind() {
        ErrorKind::UnknownArgument if arg.starts_with('-') => unknown_flag(arg, &command),
        ErrorKind::UnknownArgument => {
            format!("`{arg}` is one word too many: `{}`", usage(&command))
        }
        ErrorKind::InvalidSubcommand => unknown_command(error, &command),
        ErrorKind::MissingRequiredArgument | ErrorKind::MissingSubcommand => {
            let missing = texts(error, ContextKind::InvalidArg).join(" and ");
            let missing = if missing.is_empty() { "a command".into() } else { missing };
            let name = command.get_bin_name().unwrap_or("vajra");
            format!("`{name}` needs {missing}; `{name} -h` says more")
        }
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => wrong_value(error, arg),
        _ => first_paragraph(error),
    };
    plain(&redact::told(&message))
}

/// The command whose name is most like a word.
pub(crate) fn command_like<'a>(word: &str, definition: &'a Command) -> Option<&'a str> {
    let names: Vec<&str> = definition.get_subcommands().map(Command::get_name).collect();
    closest(word, &names)
}

/// The command that the words name, with its parents' names.
fn command_of(words: &[OsString], definition: &Command) -> Command {
    let mut built = definition.clone();
    built.build();
    let mut command = &built;
    for word in words.iter().skip(1) {
        match word.to_str().and_then(|word| command.find_subcommand(word)) {
            Some(found) => command = found,
            None => break,
        }
    }
    command.clone()
}

fn unknown_flag(flag: &str, command: &Command) -> String {
    let flag = flag.split('=').next().unwrap_or(flag);
    let name = command.get_bin_name().unwrap_or("vajra");
    let longs = command.get_arguments().filter_map(clap::Arg::get_long).chain(["help", "version"]);
    let longs: Vec<&str> = longs.collect();
    let like = flag.strip_prefix("--").and_then(|long| closest(long, &longs));
    let hint = like.map_or(format!("`{name} -h` lists them"), |like| format!("did you mean `--{like}`?"));
    format!("`{flag}` is no flag of `{name}`; {hint}")
}

fn unknown_command(error: &clap::Error, command: &Command) -> String {
    let word = texts(error, ContextKind::InvalidSubcommand).join(" ");
    let name = command.get_bin_name().unwrap_or("vajra");
    let like = command_like(&word, command);
    let hint = like.map_or(format!("`{name} -h` lists them"), |like| format!("did you mean `{like}`?"));
    format!("`{word}` is no command of `{name}`; {hint}")
}

/// The reader of a value says what is wrong with it; that of a target, which has no flag, says all.
fn wrong_value(error: &clap::Error, arg: &str) -> String {
    let flag = arg.split(' ').next().filter(|flag| flag.starts_with('-'));
    let value = texts(error, ContextKind::InvalidValue).join(" ");
    let valid = texts(error, ContextKind::ValidValue).join(", ");
    let source = error.source();
    let own = source.and_then(|source| source.downcast_ref::<WrongWord>());
    let problem = match (own, source) {
        (Some(WrongWord(problem)), _) => problem.clone(),
        (None, Some(source)) if source.is::<ParseIntError>() => format!("`{value}` is not a whole number"),
        (None, Some(source)) => source.to_string(),
        (None, None) if value.is_empty() => "a value is missing".into(),
        (None, None) => format!("`{value}` is none of {valid}"),
    };
    flag.map_or(problem.clone(), |flag| format!("{flag}: {problem}"))
}

/// How a command is called, without the flags.
fn usage(command: &Command) -> String {
    let name = command.get_bin_name().unwrap_or("vajra");
    let words: Vec<String> = command.get_positionals().map(ToString::to_string).collect();
    [vec![name.to_owned()], words].concat().join(" ")
}

/// What clap says, without its advice on help, in one line.
fn first_paragraph(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let lines = text.lines().take_while(|line| !line.is_empty()).map(str::trim);
    let line = lines.collect::<Vec<_>>().join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

fn texts(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}
