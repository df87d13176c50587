//! `vajra man`: manual pages, from the definition that parses the command line.

use crate::exit::{Failure, USAGE};
use crate::help;
use crate::output::stdout::say;
use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use engine::config::hint;
use std::io;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  vajra man | man -l -
  vajra man run | man -l -
  vajra man archive list | man -l -
  vajra man > /usr/local/share/man/man1/vajra.1";

/// Which page is asked for.
#[derive(Args)]
#[command(after_help = help::MORE, after_long_help = EXAMPLES)]
pub(crate) struct ManArgs {
    /// The command, such as run or archive list [default: all].
    #[arg(value_name = "COMMAND")]
    words: Vec<String>,
}

/// Prints a page.
pub(crate) fn run(args: &ManArgs, mut definition: Command) -> Result<ExitCode, Failure> {
    let general = help_below(&definition);
    definition = definition.disable_help_subcommand(true);
    definition.build();
    let command = args.words.iter().try_fold(&definition, |command, word| find(command, word))?;
    // Made in memory first, so that there is one place where it can fail to be written.
    let mut page = Vec::new();
    let made = render(command, &general, &mut page);
    made.map_err(|error| Failure::runtime(format!("the page cannot be made: {error}")))?;
    say(&String::from_utf8_lossy(&page))?;
    Ok(ExitCode::SUCCESS)
}

fn find<'a>(command: &'a Command, word: &str) -> Result<&'a Command, Failure> {
    command.find_subcommand(word).ok_or_else(|| {
        let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        let hint = hint(word, &names);
        Failure::new(USAGE, format!("`{word}` is no command of `{}`; {hint}", name(command)))
    })
}

fn name(command: &Command) -> &str {
    command.get_bin_name().unwrap_or("vajra")
}

/// What stands below the long help of a command.
fn help_below(command: &Command) -> String {
    command.get_after_long_help().map(ToString::to_string).unwrap_or_default()
}

/// A page as manuals have it: what it is, how it is called, its flags, its commands, then the blocks of its help; and those of
/// the program, where the command has none of its own.
fn render(command: &Command, general: &str, page: &mut Vec<u8>) -> io::Result<()> {
    let source = format!("vajra {}", env!("CARGO_PKG_VERSION"));
    // What the short help leaves out belongs on the page.
    let whole = command.clone().mut_args(|arg| arg.hide_short_help(false));
    let man = Man::new(whole).source(source).manual("Vajra");
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(page)?;
    }
    let own = help_below(command);
    let own: Vec<(&str, &str)> = help::blocks(&own).collect();
    let is_told = |title: &str| own.iter().any(|(own, _)| *own == title);
    let general = help::blocks(general).filter(|(title, _)| !is_told(title));
    let mut roff = Roff::new();
    own.iter().copied().chain(general).for_each(|(title, lines)| section(&mut roff, title, lines));
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman("The guides in docs/ of the source: PLANS.md, REPORT.md, COMMANDS.md.")]);
    roff.to_writer(page)
}

/// A block of help, line by line.
fn section(roff: &mut Roff, title: &str, lines: &str) {
    roff.control("SH", [title.to_uppercase().as_str()]);
    roff.control("nf", []);
    lines.lines().for_each(|line| {
        roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
    });
    roff.control("fi", []);
}
