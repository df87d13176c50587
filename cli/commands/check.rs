//! `vajra check`, and the same checks before a run.

use crate::commands::calibrate;
use crate::exit::{Failure, PREFLIGHT};
use crate::help;
use crate::input::flags::PlanArgs;
use crate::input::load;
use crate::output::layout::hanging;
use crate::output::plain;
use crate::output::screen::{Screen, Tone};
use crate::output::stdout::{say, say_json};
use crate::session::Session;
use crate::target;
use crate::target::Ready;
use clap::Args;
use engine::plan::Plan;
use engine::redact;
use engine::report::Calibrated;
use serde_json::json;
use shards::preflight::{Check, Grade, capacity, check, feeds};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  vajra check plan.toml              is this machine, and the target, up to it?
  vajra check http://10.0.0.2:8080/ -R 20k -c 500 -t 2
  vajra check testbed: --json        what this machine allows, for scripts";

/// What is asked of a check.
#[derive(Args)]
#[command(after_help = help::MORE, after_long_help = help::of_runs(EXAMPLES))]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    plan: PlanArgs,
    /// Print the checks as JSON.
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Looks, says what it saw and what it sent, and sends no load.
pub(crate) fn run(args: &CheckArgs) -> Result<ExitCode, Failure> {
    let plan = load::plan(&args.plan)?;
    let session = Session::begin()?;
    let (plan, ready) = target::make_ready(plan, &session)?;
    let calibration = calibrate::cached(&plan);
    let checks = look(&plan, &ready, &session, calibration.as_ref(), args.plan.probe_all)?;
    ready.stop();
    if args.json {
        say_json(&to_json(&checks))?;
    } else {
        let screen = Screen::stdout();
        say(&checks.iter().map(|check| show(check, &screen)).collect::<String>())?;
    }
    Ok(ExitCode::from(if worst(&checks) == Grade::Fail { PREFLIGHT } else { 0 }))
}

/// Everything that is looked at before a run, until a signal comes.
pub(crate) fn look(
    plan: &Plan,
    ready: &Ready,
    session: &Session,
    calibration: Option<&Calibrated>,
    sends_all: bool,
) -> Result<Vec<Check>, Failure> {
    let (own_plan, addresses) = (plan.clone(), ready.addresses.clone());
    let mut checks = session.heeding(move || check(&own_plan, &addresses, sends_all))?;
    checks.extend(capacity(plan, calibration));
    checks.extend(feeds(plan, &ready.feeds));
    // A check may quote the plan, and what a server said to it.
    for text in checks.iter_mut().flat_map(|check| [&mut check.found, &mut check.fix]) {
        *text = plain::lines(&redact::text(text));
    }
    Ok(checks)
}

/// The worst grade of all.
pub(crate) fn worst(checks: &[Check]) -> Grade {
    checks.iter().map(|check| check.grade).max().unwrap_or(Grade::Pass)
}

/// A check as a line, and a second one with what to do.
pub(crate) fn show(check: &Check, screen: &Screen) -> String {
    let tone = match check.grade {
        Grade::Pass => Tone::Good,
        Grade::Skip => Tone::Faint,
        Grade::Warn => Tone::Caution,
        Grade::Fail => Tone::Bad,
    };
    let grade = format!("{} ", screen.paint(tone, word(check.grade)));
    let mut text = hanging(screen.width, &grade, &format!("{}: {}", check.name, check.found));
    if !check.fix.is_empty() {
        text.push_str(&hanging(screen.width, "     help: ", &check.fix));
    }
    text
}

fn word(grade: Grade) -> &'static str {
    match grade {
        Grade::Pass => "PASS",
        Grade::Skip => "SKIP",
        Grade::Warn => "WARN",
        Grade::Fail => "FAIL",
    }
}

fn to_json(checks: &[Check]) -> serde_json::Value {
    let rows = checks.iter().map(|check| {
        json!({ "name": check.name, "grade": word(check.grade), "found": check.found, "fix": check.fix })
    });
    json!({ "grade": word(worst(checks)), "checks": rows.collect::<Vec<_>>() })
}
