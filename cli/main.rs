//! `vajra`: the command line, and the only place where the parts are put together.
//!
//! The way of a request from here to the wire and back is in `docs/ARCHITECTURE.md`.

#![forbid(unsafe_code)]

mod args;
mod commands;
mod exit;
mod input;
mod output;
mod server_process;
mod session;
mod signals;
mod target;

use args::Command;
use commands::{archive, calibrate, check, compare, find_max, gate, run, schema, testbed};
use std::process::ExitCode;

fn main() -> ExitCode {
    let command = args::parse(std::env::args_os());
    let outcome = match command {
        Command::Run(run) => run::run(&run),
        Command::Compare(compare) => compare::run(&compare),
        Command::Gate(gate) => gate::run(&gate),
        Command::FindMax(search) => find_max::run(&search),
        Command::Check(check) => check::run(&check),
        Command::Archive(archive) => archive::run(&archive),
        Command::Calibrate(calibrate) => calibrate::run(&calibrate),
        Command::Testbed(testbed) => testbed::run(&testbed),
        Command::Schema => schema::run(),
    };
    outcome.unwrap_or_else(|failure| failure.tell())
}
