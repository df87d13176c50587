//! `curl` commands to the requests of a mix.
//!
//! What an option says of the request or of the connection becomes a key of the plan; what it says of output is left out without a
//! word, and anything else with one.

mod authorization;
mod options;
mod request;

use self::request::CurlRequest;
use crate::made::Made;
use crate::planned::{PlanText, PlannedRequest, REQUESTS_MAX};
use crate::secrets::Secrets;
use crate::shell;
use crate::wrong::WrongImport;
use toml_edit::Value;

/// How curl commands are imported.
#[derive(Clone, Copy, Debug, Default)]
pub struct CurlChoices {
    /// Writes credentials as they are, in place of variables of the environment.
    pub keeps_secrets: bool,
}

/// Makes a plan of the curl commands in a text: one request for each.
pub fn from_curl(text: &str, choices: CurlChoices) -> Result<Made, WrongImport> {
    let mut requests: Vec<CurlRequest> = Vec::new();
    let mut notes = Vec::new();
    // What stands for variables is in no text that is typed.
    let text = text.replace([shell::VARIABLE_OPEN, shell::VARIABLE_CLOSE], "\u{fffd}");
    for words in shell::commands(&text)? {
        let is_curl = |word: &String| {
            word.rsplit(['/', '\\']).next().is_some_and(|name| matches!(name, "curl" | "curl.exe"))
        };
        match words.iter().position(is_curl) {
            Some(at) => requests.extend(request::read(&words[at + 1..], &mut notes)?),
            None => notes.push(format!("`{}` is no curl command, and left out", words[0])),
        }
    }
    let Some(first) = requests.first() else {
        return Err(WrongImport::new(
            "there is no curl command",
            "give one as a word, as in `vajra import curl 'curl http://10.0.0.2/items'`, or on standard input with `-`",
        ));
    };
    let base = first.base.clone();
    if requests.len() > REQUESTS_MAX {
        let problem = format!("there are {} requests, and a plan has {REQUESTS_MAX} at most", requests.len());
        return Err(WrongImport::new(problem, "import fewer commands at once"));
    }
    if let Some(other) = requests.iter().find(|request| request.base != base) {
        let problem = format!("the commands have two servers: {base} and {}", other.base);
        return Err(WrongImport::new(problem, "import the commands of each server by themselves"));
    }
    let mut secrets = Secrets::new(choices.keeps_secrets);
    let text = plan(&base, &requests, &mut secrets, &mut notes);
    notes.extend(secrets.note());
    let notes = notes.iter().map(|note| shell::shown(note)).collect();
    Ok(Made { plan: text, notes, files: Vec::new() })
}

fn plan(base: &str, requests: &[CurlRequest], secrets: &mut Secrets, notes: &mut Vec<String>) -> String {
    let count = requests.len();
    let mut plan =
        PlanText::new(&format!("of {count} curl {}", if count == 1 { "command" } else { "commands" }));
    plan.set("url", base);
    let longest = |time: fn(&CurlRequest) -> Option<f64>| requests.iter().filter_map(time).reduce(f64::max);
    for (key, seconds) in [
        ("timeout", longest(|request| request.timeout_s)),
        ("connect_timeout", longest(|request| request.connect_timeout_s)),
    ] {
        if let Some(seconds) = seconds {
            plan.set_in("run", key, format!("{seconds}s"));
        }
    }
    if base.starts_with("https://") {
        let files: Vec<(&str, &String)> =
            requests.iter().flat_map(|request| request.tls.iter().map(|(key, file)| (*key, file))).collect();
        for (at, (key, file)) in files.iter().enumerate() {
            match files[..at].iter().find(|(earlier, _)| earlier == key) {
                None => plan.set_in("tls", key, file.as_str()),
                Some((_, first)) if first == file => {}
                Some((_, first)) => notes.push(format!("of two values of `{key}`, `{first}` is in the plan")),
            }
        }
        if requests.iter().any(|request| request.is_insecure) {
            plan.set_in("tls", "verify", false);
        }
    }
    if let Some(version) = requests.iter().find_map(|request| request.version) {
        plan.set_in("http", "version", version);
    }
    let planned: Vec<PlannedRequest> =
        requests.iter().map(|request| request.planned(secrets, notes)).collect();
    // Without a rate the plan is a closed loop, which is no likeness of anything: one request a second is safe, and easily changed.
    plan.set_in("load", "rate", Value::from(1));
    plan.requests("request", &planned);
    plan.finish()
}
