//! Where a plan that is imported goes, and how it is told what is wrong with its source.

use crate::exit::{Failure, USAGE};
use crate::output::destination::{Output, is_stdout};
use crate::output::messages::{Severity, tell};
use crate::output::stdout::say;
use clap::Args;
use import::{Made, MadeFile, WrongImport};
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

impl PlanFileArgs {
    /// The file of the plan; nothing stands for standard output.
    pub(super) fn file(&self) -> Option<&Path> {
        self.output.as_deref().filter(|path| !is_stdout(path))
    }
}

/// The file of the plan, before anything is read; nothing stands for standard output.
pub(super) fn open(args: &PlanFileArgs) -> Result<Option<Output>, Failure> {
    let Some(path) = args.file() else { return Ok(None) };
    if !args.force && path.is_file() {
        let path = path.display();
        let message = format!(
            "`{path}` is there already\n  --> flag -o {path}\n  help: name another file, or replace it with --force"
        );
        return Err(Failure::new(USAGE, message));
    }
    Output::open(path, "-o").map(Some)
}

/// Writes the plan and the data files that it needs, and says what has to be known about it.
pub(super) fn finish(output: Option<Output>, made: Made, args: &PlanFileArgs) -> Result<(), Failure> {
    let is_written = output.is_some();
    if let Some(plan) = args.file() {
        // None is replaced before all may be.
        let files: Vec<(Output, &MadeFile)> = made
            .files
            .iter()
            .map(|file| Ok((open_beside(plan, file, args.force)?, file)))
            .collect::<Result<_, Failure>>()?;
        for (output, file) in files {
            output.finish(|out| out.write_all(file.text.as_bytes()))?;
        }
    }
    match output {
        None => say(&made.plan)?,
        Some(output) => output.finish(|out| out.write_all(made.plan.as_bytes()))?,
    }
    made.notes.iter().for_each(|note| tell(Severity::Note, note));
    for MadeFile { path, .. } in &made.files {
        let note = match is_written {
            true => format!("`{path}` is written: the rows that the plan takes its values from"),
            false => format!(
                "the plan takes its values from rows in `{path}`: with -o PLAN it is written beside it"
            ),
        };
        tell(Severity::Note, &note);
    }
    Ok(())
}

/// A data file beside a plan, in place of none or of one that is the same.
fn open_beside(plan: &Path, file: &MadeFile, is_forced: bool) -> Result<Output, Failure> {
    let path = Path::new(&file.path);
    let is_same = || std::fs::read(path).is_ok_and(|there| there == file.text.as_bytes());
    if !is_forced && path.is_file() && !is_same() {
        let (plan, path) = (plan.display(), path.display());
        let message = format!(
            "`{path}` is there already, and would be the data file of the plan\n  --> flag -o {plan}\n  help: give the plan another name, or replace the data file with --force"
        );
        return Err(Failure::new(USAGE, message));
    }
    Output::open(path, "-o")
}

/// What is wrong with what was to be imported.
pub(super) fn refused(wrong: WrongImport) -> Failure {
    Failure::new(USAGE, wrong.to_string())
}
