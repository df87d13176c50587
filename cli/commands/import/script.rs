//! `vajra import k6`: what a script may read, and where data files go that are written beside its plan.

use super::inputs::{is_stdin, text_of};
use super::written::{PlanFileArgs, finish, open, refused};
use crate::exit::{Failure, USAGE};
use clap::Args;
use import::{K6Choices, from_k6};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The largest file that a script reads.
const FILE_BYTES_MAX: u64 = 64 << 20;

#[derive(Args)]
pub(super) struct K6Args {
    /// The script; - is standard input.
    #[arg(value_name = "SCRIPT")]
    script: PathBuf,
    /// A variable of the script's __ENV; several times for several.
    #[arg(
        short = 'e',
        long = "env",
        value_name = "NAME=VALUE",
        long_help = "A variable of the script's __ENV, which has those of the environment, too; several times for several"
    )]
    variables: Vec<String>,
    /// Write credentials as they are, in place of variables.
    #[arg(long)]
    keep_secrets: bool,
    #[command(flatten)]
    plan: PlanFileArgs,
}

/// Runs a script once, and writes the plan.
pub(super) fn of_k6(args: &K6Args) -> Result<(), Failure> {
    let output = open(&args.plan)?;
    let text = text_of(&args.script)?;
    let mut environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    for word in &args.variables {
        let Some((name, value)) = word.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            let message = format!(
                "`{word}` is no variable\n  --> flag -e {word}\n  help: write its name and its value, as in `-e BASE_URL=http://10.0.0.2:8080`"
            );
            return Err(Failure::new(USAGE, message));
        };
        environment.insert(name.to_owned(), value.to_owned());
    }
    let choices =
        K6Choices { environment, keeps_secrets: args.keep_secrets, folder: folder(args.plan.file()) };
    let name = match is_stdin(&args.script) {
        true => "script.js".to_owned(),
        false => args.script.display().to_string(),
    };
    let made = from_k6(&text, &name, Rc::new(read), &choices).map_err(refused)?;
    finish(output, made, &args.plan)
}

/// The folder of a plan, with a slash behind it; nothing for the one in which Vajra is started.
fn folder(plan: Option<&Path>) -> String {
    let folder = plan.and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or_else(String::new, |folder| format!("{}/", folder.display()))
}

fn read(path: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is longer than 64 MiB"));
    }
    Ok(bytes)
}
