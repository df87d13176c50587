//! Where a plan that is imported goes, and how it is told what is wrong with its source.

use crate::exit::{Failure, USAGE};
use crate::output::destination::{Output, is_stdout};
use crate::output::messages::{Severity, tell};
use crate::output::stdout::say;
use clap::Args;
use import::{Made, WrongImport};
use std::path::{Path, PathBuf};

/// Where the plan goes.
#[derive(Args)]
pub(super) struct PlanFileArgs {
    /// Write the plan to this file, in place of standard output.
    #[arg(short = 'o', long, value_name = "FILE", help_heading = "Output")]
    pub(super) output: Option<PathBuf>,
    /// Replace the file if it is there.
    #[arg(long, help_heading = "Output")]
    pub(super) force: bool,
}

/// The file of the plan, before anything is read; nothing stands for standard output.
pub(super) fn open(args: &PlanFileArgs) -> Result<Option<Output>, Failure> {
    let Some(path) = args.output.as_deref().filter(|path| !is_stdout(path)) else { return Ok(None) };
    may_be_written(path, args.force)?;
    Output::open(path, "-o").map(Some)
}

/// Whether a file may be written that is there already.
pub(super) fn may_be_written(path: &Path, is_forced: bool) -> Result<(), Failure> {
    if is_forced || !path.is_file() {
        return Ok(());
    }
    let path = path.display();
    let message = format!(
        "`{path}` is there already\n  --> flag -o {path}\n  help: name another file, or replace it with --force"
    );
    Err(Failure::new(USAGE, message))
}

/// Writes the plan, and says what has to be known about it.
pub(super) fn finish(output: Option<Output>, made: Made) -> Result<(), Failure> {
    match output {
        None => say(&made.plan)?,
        Some(output) => output.finish(|out| out.write_all(made.plan.as_bytes()))?,
    }
    made.notes.iter().for_each(|note| tell(Severity::Note, note));
    Ok(())
}

/// What is wrong with what was to be imported.
pub(super) fn refused(wrong: WrongImport) -> Failure {
    Failure::new(USAGE, wrong.to_string())
}
