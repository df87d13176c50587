//! `vajra control`: asks something of a run that goes on.

use crate::control::messages::{Ask, ControlAnswer, RunStatus};
use crate::control::sockets::{self, ListeningRun};
use crate::exit::{Failure, USAGE};
use crate::help;
use crate::output::figures::{group, grouped, seconds};
use crate::output::stdout::say;
use clap::Args;
use engine::config::closest;
use engine::revision::Revision;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  vajra control rate 2000              one rate, from a quarter of a second on
  vajra control last rate read=12k     of one scenario of the newest run
  vajra control scale 1.5              half as much again as the plan says
  vajra control users agents=50
  vajra control think 0.5              think times half as long as the plan says
  vajra control pause                  nothing until `vajra control resume`
  vajra control 3f2a reload            the plan's file again, as SIGHUP does
  vajra control status --json";

/// What can be asked, and what with.
const VERBS: [&str; 9] = ["rate", "users", "scale", "think", "pause", "resume", "reload", "status", "stop"];

/// What is asked of which run.
#[derive(Args)]
#[command(after_help = help::MORE, after_long_help = EXAMPLES)]
#[command(override_usage = "vajra control [RUN] <VERB> [[SCENARIO=]VALUE] [OPTIONS]")]
pub(crate) struct ControlArgs {
    /// [RUN] and one of: rate, users, scale, think, pause, resume, reload, status, stop.
    #[arg(
        long_help = "The run, if there are several: the beginning of its id, or last. Then what is asked of it: rate VALUE, users COUNT, \
            scale FACTOR, think FACTOR, pause, resume, reload, status or stop. SCENARIO=VALUE means one scenario of several.",
        value_name = "WORDS",
        required = true
    )]
    words: Vec<String>,
    /// Print the answer as JSON.
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Asks, and says what came of it.
pub(crate) fn run(args: &ControlArgs) -> Result<ExitCode, Failure> {
    let words: Vec<&str> = args.words.iter().map(String::as_str).collect();
    let (run, words) = match words.split_first() {
        Some((first, rest))
            if !VERBS.contains(first) && rest.first().is_some_and(|word| VERBS.contains(word)) =>
        {
            (Some(*first), rest)
        }
        _ => (None, &words[..]),
    };
    let ask = asked(words)?;
    let run = found(run)?;
    let unanswered = |error| {
        Failure::runtime(format!("run {} does not answer: {error}\n  help: is it about to end?", run.id))
    };
    let answer = sockets::ask(&run.path, &ask).map_err(unanswered)?;
    if args.json {
        let text = serde_json::to_string(&answer).map_err(|error| Failure::runtime(error.to_string()))?;
        say(&format!("{text}\n"))?;
    } else {
        say(&told(&ask, &answer))?;
    }
    match (answer.ok, answer.problem, answer.fix) {
        (true, ..) => Ok(ExitCode::SUCCESS),
        (false, problem, fix) => {
            let (problem, fix) = (problem.unwrap_or_default(), fix.unwrap_or_default());
            Err(Failure::new(USAGE, format!("{problem}\n  help: {fix}")))
        }
    }
}

/// What the words ask for.
fn asked(words: &[&str]) -> Result<Ask, Failure> {
    let (verb, values) = match words {
        [verb, values @ ..] => (*verb, values),
        [] => ("", &[][..]),
    };
    if !VERBS.contains(&verb) {
        let guess = match closest(verb, &VERBS) {
            Some(guess) => format!("did you mean `{guess}`?"),
            None => format!("it can be one of {}", VERBS.join(", ")),
        };
        return Err(wrong(format!("`{verb}` is nothing that can be asked of a run"), &guess));
    }
    let value = match values {
        [] => None,
        [value] => Some(*value),
        [_, further, ..] => {
            return Err(wrong(
                format!("`{further}` is one word too many"),
                "write SCENARIO=VALUE as one word",
            ));
        }
    };
    let needed = |example: &str| {
        let value =
            value.ok_or_else(|| wrong(format!("`{verb}` needs a value"), &format!("write `{example}`")))?;
        let (scenario, value) = match value.split_once('=') {
            Some((scenario, value)) => (Some(scenario.to_owned()), value),
            None => (None, value),
        };
        Ok::<_, Failure>((scenario, value.to_owned()))
    };
    let number = |value: &str, example: &str| {
        let unread = |_| wrong(format!("`{value}` is no number"), &format!("write `{example}`"));
        value.parse::<f64>().map_err(unread)
    };
    let scenario = value.map(str::to_owned);
    Ok(match verb {
        "rate" => {
            let (scenario, rate) = needed("rate 2k")?;
            Ask::Rate { scenario, rate }
        }
        "users" => {
            let (scenario, users) = needed("users 50")?;
            let unread = |_| wrong(format!("`{users}` is no number of users"), "write `users 50`");
            Ask::Users { scenario, users: users.parse().map_err(unread)? }
        }
        "scale" => {
            let (scenario, factor) = needed("scale 2")?;
            Ask::Scale { scenario, factor: number(&factor, "scale 2")? }
        }
        "think" => {
            let (scenario, factor) = needed("think 2")?;
            Ask::Think { scenario, factor: number(&factor, "think 2")? }
        }
        "pause" => Ask::Pause { scenario },
        "resume" => Ask::Resume { scenario },
        _ if value.is_some() => {
            return Err(wrong(format!("`{verb}` takes no value"), &format!("write `{verb}` alone")));
        }
        "reload" => Ask::Reload,
        "stop" => Ask::Stop,
        _ => Ask::Status,
    })
}

fn wrong(problem: String, help: &str) -> Failure {
    Failure::new(USAGE, format!("{problem}\n  help: {help}"))
}

/// The run that is meant: the only one, the newest, or the one whose id begins so.
fn found(wanted: Option<&str>) -> Result<ListeningRun, Failure> {
    let mut runs = sockets::runs();
    let ids = runs.iter().map(|run| run.id.clone()).collect::<Vec<_>>().join(", ");
    if runs.is_empty() {
        return Err(wrong("no run goes on here that can be asked".into(), "begin one: `vajra run PLAN`"));
    }
    match wanted {
        None if runs.len() > 1 => {
            Err(wrong(format!("several runs go on: {ids}"), "say which: `vajra control last status`"))
        }
        None | Some("last") => Ok(runs.remove(0)),
        Some(wanted) => {
            runs.retain(|run| run.id.starts_with(wanted));
            match runs.len() {
                1 => Ok(runs.remove(0)),
                0 => Err(wrong(format!("no run `{wanted}` goes on here"), &format!("there is {ids}"))),
                _ => {
                    Err(wrong(format!("`{wanted}` is the beginning of several runs"), "write more of the id"))
                }
            }
        }
    }
}

/// An answer in words.
fn told(ask: &Ask, answer: &ControlAnswer) -> String {
    if !answer.ok {
        return String::new();
    }
    if *ask == Ask::Stop {
        return "stopping: what is under way may finish\n".into();
    }
    if let Some(status) = &answer.status {
        return status_told(status);
    }
    if answer.revisions.is_empty() {
        return "done; nothing has changed\n".into();
    }
    let line = |revision: &Revision| {
        let cut_s = revision.cut_ns as f64 / 1e9;
        format!("{revision} from {cut_s:.1} s on\n")
    };
    answer.revisions.iter().map(line).collect()
}

fn status_told(status: &RunStatus) -> String {
    let elapsed = match status.elapsed_s {
        Some(elapsed_s) => format!("{} of {}", seconds(elapsed_s), seconds(status.ends_s)),
        None => "not sending yet".into(),
    };
    let mut text = format!("run {}, process {}: {elapsed}\n", status.run_id, status.pid);
    for scenario in &status.scenarios {
        let rate = match (scenario.target, scenario.achieved) {
            (Some(target), Some(achieved)) => format!("{} of {}/s", grouped(achieved), grouped(target)),
            (None, Some(achieved)) => format!("{}/s", grouped(achieved)),
            (Some(target), None) => format!("{}/s asked", grouped(target)),
            (None, None) => "nothing measured yet".into(),
        };
        text += &format!(
            "  {}: {rate}, {}{}; requests so far: {} ok, {} failed\n",
            scenario.name,
            scenario.load,
            scenario.thinks.as_ref().map_or(String::new(), |thinks| format!(", {thinks}")),
            group(scenario.ok),
            group(scenario.failed)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_what_is_asked() {
        let rate =
            |scenario: Option<&str>| Ask::Rate { scenario: scenario.map(str::to_owned), rate: "12k".into() };
        assert_eq!(asked(&["rate", "12k"]).unwrap(), rate(None));
        assert_eq!(asked(&["rate", "read=12k"]).unwrap(), rate(Some("read")));
        assert_eq!(asked(&["pause", "read"]).unwrap(), Ask::Pause { scenario: Some("read".into()) });
        assert_eq!(asked(&["scale", "2"]).unwrap(), Ask::Scale { scenario: None, factor: 2.0 });
        let think = Ask::Think { scenario: Some("read".into()), factor: 0.5 };
        assert_eq!(asked(&["think", "read=0.5"]).unwrap(), think);
        for (words, told) in [
            (&["rte", "1"][..], "did you mean `rate`?"),
            (&["rate"], "needs a value"),
            (&["users", "many"], "no number of users"),
            (&["think", "long"], "no number"),
            (&["stop", "now"], "takes no value"),
            (&["rate", "read", "12k"], "SCENARIO=VALUE"),
        ] {
            let message = asked(words).unwrap_err().message;
            assert!(message.contains(told), "{message}");
        }
    }
}
