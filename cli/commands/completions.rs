//! `vajra completions`: what a shell completes, as a script it reads at its start.

use crate::exit::Failure;
use crate::help;
use crate::output::stdout::say;
use clap::{Args, Command};
use clap_complete::{Shell, generate};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  eval \"$(vajra completions bash)\"                       in ~/.bashrc
  vajra completions zsh > ~/.zfunc/_vajra                in a folder of $fpath
  vajra completions fish > ~/.config/fish/completions/vajra.fish";

/// Which shell is asked for.
#[derive(Args)]
#[command(after_help = help::MORE, after_long_help = EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: CompletionShell,
}

/// The shells that there are scripts for.
#[derive(Clone, Copy, clap::ValueEnum)]
enum CompletionShell {
    Bash,
    Zsh,
    Fish,
}

/// Prints the script.
pub(crate) fn run(args: &CompletionsArgs, mut definition: Command) -> Result<ExitCode, Failure> {
    let shell = match args.shell {
        CompletionShell::Bash => Shell::Bash,
        CompletionShell::Zsh => Shell::Zsh,
        CompletionShell::Fish => Shell::Fish,
    };
    // Made in memory first: the generator takes any failure to write for a mistake of the program.
    let mut script = Vec::new();
    generate(shell, &mut definition, "vajra", &mut script);
    say(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
