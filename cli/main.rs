//! `vajra`: the command line, and the only place where the parts are put together.
//!
//! The way of a request from here to the wire and back is in `docs/ARCHITECTURE.md`.

#![forbid(unsafe_code)]

mod args;
mod commands;
mod control;
mod exit;
mod help;
mod input;
mod output;
mod reflection;
mod server_process;
mod session;
mod signals;
mod target;
mod telemetry;

use args::Command;
use commands::{
    archive, calibrate, check, compare, completions, control as control_command, find_max, gate, import, man,
    run, schema, spool, testbed,
};
use exit::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = args::parse(std::env::args_os()).and_then(|command| carry_out(&command));
    outcome.unwrap_or_else(Failure::tell)
}

fn carry_out(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Run(run) => run::run(run),
        Command::Compare(compare) => compare::run(compare),
        Command::Gate(gate) => gate::run(gate),
        Command::FindMax(search) => find_max::run(search),
        Command::Check(check) => check::run(check),
        Command::Archive(archive) => archive::run(archive),
        Command::Import(import) => import::run(import),
        Command::Control(control) => control_command::run(control),
        Command::Calibrate(calibrate) => calibrate::run(calibrate),
        Command::Spool(spool) => spool::run(spool),
        Command::Testbed(testbed) => testbed::run(testbed),
        Command::Schema => schema::run(),
        Command::Completions(completions) => completions::run(completions, args::definition()),
        Command::Man(man) => man::run(man, args::definition()),
        Command::Version => {
            output::stdout::say(concat!("vajra ", env!("VERSION_LINE"), "\n"))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
