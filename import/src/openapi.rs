//! OpenAPI documents to a mix: a request for each operation, filled from examples, defaults and schemas.

mod described;
mod operation;
mod samples;

use self::described::Described;
use self::operation::{DescribedOperation, OperationFindings};
use crate::made::Made;
use crate::ordered::Ordered;
use crate::planned::{PlanText, PlannedRequest, REQUESTS_MAX};
use crate::urls::{self, SplitUrl};
use crate::wrong::WrongImport;
use toml_edit::Value;

/// How an OpenAPI document is imported.
#[derive(Clone, Debug, Default)]
pub struct OpenApiChoices {
    /// Which of the document's servers, from 1, or a URL in their place.
    pub server: Option<String>,
    /// The operations, by their ids or as `METHOD /path`; those that change nothing if there are none.
    pub operations: Vec<String>,
    /// All operations, also those that change something.
    pub is_all: bool,
}

/// Makes a mix of a document, JSON or YAML; `name` is what it is called.
pub fn from_openapi(text: &str, name: &str, choices: &OpenApiChoices) -> Result<Made, WrongImport> {
    let described = Described::read(text, name)?;
    let base = server(&described, choices.server.as_deref(), name)?;
    let all = DescribedOperation::all(&described);
    let mut findings = OperationFindings::default();
    let chosen = chosen(&all, choices, name, &mut findings)?;
    let prefix = base.path.trim_end_matches('/');
    let requests: Vec<PlannedRequest> =
        chosen.iter().map(|operation| operation.request(&described, prefix, &mut findings)).collect();
    let mut notes = findings.notes;
    if !findings.variables.is_empty() {
        let told: Vec<String> =
            findings.variables.iter().map(|(name, what)| format!("{name} ({what})")).collect();
        notes.push(format!("set these variables before a run: {}", told.join(", ")));
    }
    let mut plan = PlanText::new(&format!("of {name}: {} of its {} operations", requests.len(), all.len()));
    notes.iter().for_each(|note| plan.say(note));
    plan.set("url", base.base.as_str());
    plan.set_in("load", "rate", Value::from(1));
    plan.requests("request", &requests);
    Ok(Made { plan: plan.finish(), notes, files: Vec::new() })
}

/// The operations that become requests.
fn chosen<'a, 'd>(
    all: &'a [DescribedOperation<'d>],
    choices: &OpenApiChoices,
    name: &str,
    findings: &mut OperationFindings,
) -> Result<Vec<&'a DescribedOperation<'d>>, WrongImport> {
    let mut chosen: Vec<&DescribedOperation<'d>> = Vec::new();
    for word in &choices.operations {
        let is_meant = |operation: &&DescribedOperation<'_>| {
            operation.id() == Some(word) || format!("{} {}", operation.method, operation.path) == *word
        };
        let Some(found) = all.iter().find(is_meant) else {
            let titles: Vec<String> = all.iter().take(8).map(DescribedOperation::title).collect();
            let more = if all.len() > titles.len() { ", …" } else { "" };
            let fix = format!("there are {}{more}", titles.join(", "));
            return Err(WrongImport::new(format!("the document has no operation `{word}`"), fix)
                .at("flag --operation"));
        };
        chosen.push(found);
    }
    if choices.operations.is_empty() {
        let is_safe =
            |operation: &&DescribedOperation<'_>| matches!(operation.method.as_str(), "GET" | "HEAD");
        chosen = all.iter().filter(|operation| choices.is_all || is_safe(operation)).collect();
        let left_out = all.len() - chosen.len();
        if left_out > 0 {
            findings.notes.push(format!(
                "{left_out} operations that may change something are left out: --all imports them, and --operation those that are named"
            ));
        }
    }
    if chosen.len() > REQUESTS_MAX {
        findings.notes.push(format!(
            "a plan has {REQUESTS_MAX} requests at most: {} operations are left out",
            chosen.len() - REQUESTS_MAX
        ));
        chosen.truncate(REQUESTS_MAX);
    }
    if chosen.is_empty() {
        let (problem, fix) = match all.is_empty() {
            true => ("the document has no operations", "name one that has `paths`"),
            false => (
                "the document has no operation that changes nothing",
                "--all imports those that may, and --operation those that are named",
            ),
        };
        return Err(WrongImport::new(problem, fix).at(name));
    }
    Ok(chosen)
}

/// The server that is asked.
fn server(described: &Described, choice: Option<&str>, name: &str) -> Result<SplitUrl, WrongImport> {
    let servers = described.root.get("servers").map(Ordered::items).unwrap_or_default();
    let number = choice.map_or(Some(1), |choice| choice.parse::<usize>().ok());
    let url = match (number, choice) {
        (None, Some(url)) => url.to_owned(),
        (Some(number), _) if choice.is_some() && (number == 0 || number > servers.len()) => {
            let problem = format!("the document has {} servers, and no number {number}", servers.len());
            return Err(WrongImport::new(
                problem,
                "count from 1, or write `--server http://10.0.0.2:8080/v1`",
            )
            .at("flag --server"));
        }
        (number, _) => {
            number.and_then(|number| servers.get(number - 1)).map(with_defaults).unwrap_or_default()
        }
    };
    urls::split(&url).ok_or_else(|| {
        let problem = match url.as_str() {
            "" => "the document names no server".to_owned(),
            url => format!("`{url}` names no host"),
        };
        WrongImport::new(
            problem,
            "add `--server http://10.0.0.2:8080`, with the path before all paths if there is one",
        )
        .at(name)
    })
}

/// The URL of a server, with the defaults of its variables.
fn with_defaults(server: &Ordered) -> String {
    let url = server.get("url").and_then(Ordered::text).unwrap_or_default().to_owned();
    let variables = server.get("variables").map(Ordered::entries).unwrap_or_default();
    variables.iter().fold(url, |url, (name, variable)| {
        let default = variable.get("default").and_then(Ordered::scalar).unwrap_or_default();
        url.replace(&format!("{{{name}}}"), &default)
    })
}
