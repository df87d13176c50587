//! `vajra calibrate`: what this machine can do, as a table and as JSON, kept for later runs to be judged by.

use crate::exit::{Failure, SIGNAL};
use crate::help;
use crate::output::calibration_text;
use crate::output::destination::{self, Output};
use crate::output::messages::{Severity, tell};
use crate::output::screen::Screen;
use crate::output::stdout::say_beside;
use clap::Args;
use engine::plan::Plan;
use engine::report::Calibrated;
use shards::calibrate::{self, Calibrating, Calibration, Effort, Halt, Host};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::SystemTime;

/// The folder of Vajra inside the user's folder for caches.
const FOLDER: &str = "vajra";

const EXAMPLES: &str = "\
Examples:
  vajra calibrate                    about a minute; kept for check and run
  vajra calibrate --quick --json calibration.json";

/// What is asked of a calibration.
#[derive(Args)]
#[command(after_help = help::MORE, after_long_help = EXAMPLES)]
pub(crate) struct CalibrateArgs {
    /// A look of some seconds in place of a minute; rough.
    #[arg(long)]
    quick: bool,
    /// Write all figures as JSON; - is standard output.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Measures, prints, and keeps what was measured. A signal ends it, and then nothing is kept.
pub(crate) fn run(args: &CalibrateArgs) -> Result<ExitCode, Failure> {
    let uses_stdout = destination::stdout_of(&[&args.json])?;
    let json = args.json.as_deref().map(|path| Output::open(path, "--json")).transpose()?;
    let halt = Arc::new(Halt::default());
    let signal = listen(halt.clone())?;
    let calibrating = Calibrating {
        effort: Effort { is_quick: args.quick },
        program: std::env::current_exe().ok(),
        measured_at: crate::session::show_time(SystemTime::now()),
    };
    let calibration = calibrate::measure(&calibrating, &halt, &mut |step| eprintln!("calibrating: {step}"));
    if halt.is_set() {
        eprintln!("stopped: nothing was kept");
        return Ok(ExitCode::from(signal.load(Ordering::Acquire)));
    }
    let text = calibration_text::calibration(&calibration, &Screen::beside(uses_stdout));
    let said = say_beside(uses_stdout, &text);
    // One that cannot be written does not cost the other.
    let kept = keep(&calibration);
    let written = json.map(|output| output.finish_json(&calibration));
    written.transpose()?;
    kept.and(said)?;
    Ok(ExitCode::SUCCESS)
}

fn keep(calibration: &Calibration) -> Result<(), Failure> {
    let Some(folder) = folder() else {
        eprintln!("not kept: neither XDG_CACHE_HOME nor HOME is set");
        return Ok(());
    };
    let path = calibrate::store(&folder, calibration)?;
    eprintln!("kept in {}, for `vajra check` and `vajra run`", path.display());
    Ok(())
}

/// What this machine was found to be able to do, if it was calibrated: the figures that a plan is judged by. A cache that
/// cannot be used costs a warning, and nothing else.
pub(crate) fn cached(plan: &Plan) -> Option<Calibrated> {
    let found = calibrate::load(&folder()?, &Host::here()).unwrap_or_else(|problem| {
        tell(Severity::Warning, &format!("{problem}\n  help: `vajra calibrate` measures anew"));
        None
    });
    found.map(|calibration| calibration.for_plan(plan))
}

/// Where calibrations are kept, by the XDG Base Directory Specification, which has relative paths ignored.
fn folder() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(caches.join(FOLDER))
}

/// Ends the calibration at the first signal, and the process at the second. Returns where the exit code will be.
fn listen(halt: Arc<Halt>) -> Result<Arc<AtomicU8>, Failure> {
    let signals = Signals::new([SIGINT, SIGTERM]);
    let mut signals =
        signals.map_err(|error| Failure::runtime(format!("signals cannot be caught: {error}")))?;
    let code = Arc::new(AtomicU8::new(0));
    let shared = code.clone();
    let listen = move || {
        for (count, signal) in signals.forever().enumerate() {
            shared.store(SIGNAL + signal as u8, Ordering::Release);
            halt.set();
            if count > 0 {
                std::process::exit(i32::from(SIGNAL) + signal);
            }
        }
    };
    let thread = std::thread::Builder::new().name("signals".into()).spawn(listen);
    thread.map_err(|error| Failure::runtime(format!("no thread for signals: {error}")))?;
    Ok(code)
}
