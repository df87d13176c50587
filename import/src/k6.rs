//! k6 scripts to flows: a script is run once with responses that are made up, and what it does is written down.
//!
//! Parts of a response are markers while it runs. One that is found in a later request becomes an extraction and a hole.

mod drafts;
mod draws;
mod feeds;
mod groups;
mod holes;
mod limits;
mod loads;
mod modules;
mod observed;
mod parts;
mod runtime;
mod setup;
mod steps;
mod surroundings;

use self::draws::{RANDOM_LEAST, RANDOM_MOST, drawn};
use self::feeds::PlannedFeed;
use self::groups::NamedFlows;
use self::holes::{Holes, ScriptExtract};
use self::loads::ScriptScenario;
use self::observed::{Observed, ScriptAction};
pub use self::runtime::ReadsScriptFile;
use self::runtime::{Ran, ScriptPass, ScriptSource};
use self::setup::ScriptSetup;
use self::steps::ScriptSteps;
use crate::made::{Made, MadeFile};
use crate::planned::PlanText;
use crate::secrets::Secrets;
use crate::wrong::WrongImport;
use crate::{servers, urls};
use std::collections::BTreeMap;

/// How often a script is run again because its checks want other statuses than those that were made up.
const STATUS_RUNS_MAX: usize = 4;

/// How a k6 script is imported.
#[derive(Clone, Debug, Default)]
pub struct K6Choices {
    /// What `__ENV` has.
    pub environment: BTreeMap<String, String>,
    /// Writes credentials as they are, in place of variables of the environment.
    pub keeps_secrets: bool,
    /// What stands before the names of data files that are written: nothing, or a folder with a slash.
    pub folder: String,
}

/// A scenario of a script with what it does.
struct Translated {
    scenario: ScriptScenario,
    steps: ScriptSteps,
}

/// Makes a plan of a script, and the data files that it needs; `name` is the script's path.
pub fn from_k6(
    text: &str,
    name: &str,
    reads: ReadsScriptFile,
    choices: &K6Choices,
) -> Result<Made, WrongImport> {
    let script = ScriptSource { name, text: text.trim_start_matches('\u{feff}'), reads };
    let none = BTreeMap::new();
    let pass = ScriptPass {
        random: None,
        exec: None,
        scenario: "default",
        environment: &choices.environment,
        statuses: &none,
    };
    let loaded = runtime::run(&script, &pass)?.observed;
    let mut notes = Vec::new();
    let scenarios = loads::scenarios(&loaded.options, &loaded.scenarios, &mut notes);
    let mut import = ScriptImport {
        script,
        choices,
        secrets: Secrets::new(choices.keeps_secrets),
        notes,
        feeds: Vec::new(),
        seed: None,
        setup: None,
        setup_extracts: Vec::new(),
        setup_prefix: if scenarios.len() > 1 { "setup_" } else { "" },
    };
    let mut translated = Vec::new();
    for scenario in scenarios {
        let steps = import.scenario(&scenario)?;
        translated.extend(steps.map(|steps| Translated { scenario, steps }));
    }
    if translated.is_empty() {
        let told = import.notes.iter().map(|note| format!(". {note}")).collect::<String>();
        let fix = "give what it needs with -e NAME=VALUE, and requests of HTTP in the function that is an iteration";
        return Err(WrongImport::new(format!("the script makes no request{told}"), fix).at(name));
    }
    for export in
        loaded.exports.iter().filter(|export| ["teardown", "handleSummary"].contains(&export.as_str()))
    {
        import.notes.push(format!("`{export}()` is left out"));
    }
    let ScriptImport { secrets, mut notes, feeds, seed, setup, .. } = import;
    let mut plan =
        PlanText::new(&format!("of {name}: what one iteration of it did, with responses that were made up"));
    name_servers(&mut translated, &mut plan);
    let mut flows = NamedFlows::default();
    for Translated { steps: ScriptSteps { steps, flows: of_scenario, .. }, .. } in &mut translated {
        flows.add(of_scenario, steps, &mut notes);
    }
    let scenarios = translated_parts(&translated);
    surroundings::write(&mut plan, &loaded.options, &scenarios, setup, seed, &mut notes)
        .map_err(|wrong| wrong.at(name))?;
    surroundings::flows(&mut plan, flows);
    surroundings::feeds(&mut plan, &feeds);
    notes.extend(secrets.note());
    let files = feeds.into_iter().filter_map(|feed| Some(MadeFile { path: feed.file, text: feed.text? }));
    Ok(Made { plan: plan.finish(), notes, files: files.collect() })
}

/// Servers that steps go to and their scenario does not are targets of the plan, which the steps name.
fn name_servers(translated: &mut [Translated], plan: &mut PlanText) {
    let steps = translated.iter().flat_map(|one| &one.steps.steps);
    let bases = steps.filter_map(|step| urls::split(step.target.as_deref()?));
    let bases: Vec<(String, String)> = bases.map(|url| (url.base, url.host)).collect();
    // None of them is the first server of the plan, which needs no name.
    let all = bases.iter().map(|(base, host)| (base.as_str(), host.as_str()));
    let named = servers::names([("", "")].into_iter().chain(all));
    named.iter().for_each(|(base, name)| plan.target(name, base));
    for target in
        translated.iter_mut().flat_map(|one| &mut one.steps.steps).filter_map(|step| step.target.as_mut())
    {
        if let Some((_, name)) = named.iter().find(|(base, _)| *base == target) {
            target.clone_from(name);
        }
    }
}

fn translated_parts(translated: &[Translated]) -> Vec<(&ScriptScenario, &ScriptSteps)> {
    translated.iter().map(|one| (&one.scenario, &one.steps)).collect()
}

/// An import while it goes on.
struct ScriptImport<'i> {
    script: ScriptSource<'i>,
    choices: &'i K6Choices,
    secrets: Secrets,
    notes: Vec<String>,
    feeds: Vec<PlannedFeed>,
    seed: Option<f64>,
    /// What is done before the start, as far as it is known, and what stands before the names of its values.
    setup: Option<ScriptSetup>,
    setup_prefix: &'static str,
    setup_extracts: Vec<ScriptExtract>,
}

impl ScriptImport<'_> {
    /// What a scenario does; nothing if it asks no server.
    fn scenario(&mut self, scenario: &ScriptScenario) -> Result<Option<ScriptSteps>, WrongImport> {
        let mut environment = self.choices.environment.clone();
        environment.extend(scenario.environment.clone());
        let mut statuses = BTreeMap::new();
        let mut ran = self.run(scenario, &environment, None, &statuses)?;
        for _ in 0..STATUS_RUNS_MAX {
            let wanted = statuses_of(&ran.observed);
            if wanted == statuses {
                break;
            }
            statuses = wanted;
            ran = self.run(scenario, &environment, None, &statuses)?;
        }
        let least = self.run(scenario, &environment, Some(RANDOM_LEAST), &statuses)?.observed;
        let most = self.run(scenario, &environment, Some(RANDOM_MOST), &statuses)?.observed;
        let Ran { mut observed, thrown } = ran;
        self.told(&observed, thrown);
        let events = drawn(&mut observed, &least, &most, &mut self.notes);
        let names = self.feed_names(&observed);
        let mut holes = Holes {
            values: observed.values,
            feeds: names.clone(),
            setup_prefix: self.setup_prefix,
            extracts: self.setup_extracts.clone(),
            ..Holes::default()
        };
        let variables = observed.variables.iter().filter_map(|name| environment.get_key_value(name));
        if !self.choices.keeps_secrets {
            holes.keep_variables(variables.map(|(name, value)| (name.as_str(), value.as_str())));
        }
        let mut steps = steps::steps(&events, &mut holes, &mut self.secrets);
        if let Some(setup) = steps.as_mut().and_then(|steps| steps.setup.take()) {
            let of_setup = holes.extracts.iter().filter(|extract| holes.setup.contains(&extract.step));
            self.setup_extracts = of_setup.cloned().collect();
            self.setup = Some(match self.setup.take() {
                Some(known) => {
                    known.joined(setup, &mut self.notes).map_err(|wrong| wrong.at(self.script.name))?
                }
                None => setup,
            });
        }
        for note in std::mem::take(&mut holes.notes) {
            self.note(note);
        }
        if !holes.used_variables.is_empty() {
            self.note(format!("set these variables before a run: {}", holes.used_variables.join(", ")));
        }
        for (number, feed) in observed.feeds.iter().enumerate() {
            let is_used = holes.used_feeds.iter().any(|(used, _)| *used == number);
            if is_used && self.feeds.iter().all(|known| known.name != names[number]) {
                let others = [least.feeds.get(number), most.feeds.get(number)];
                let planned = feeds::planned(feed, &names[number], &self.choices.folder, others);
                let order = if planned.is_random { "drawn" } else { "taken in their order" };
                self.note(format!(
                    "rows of `{}` are {order}, one for each iteration: `rows` says so",
                    planned.name
                ));
                self.feeds.push(planned);
            }
        }
        Ok(steps)
    }

    fn run(
        &self,
        scenario: &ScriptScenario,
        environment: &BTreeMap<String, String>,
        random: Option<f64>,
        statuses: &BTreeMap<usize, u16>,
    ) -> Result<Ran, WrongImport> {
        let (exec, name) = (Some(scenario.exec.as_str()), scenario.name.as_str());
        runtime::run(&self.script, &ScriptPass { random, exec, scenario: name, environment, statuses })
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// What a run of the script has to say.
    fn told(&mut self, observed: &Observed, thrown: Option<WrongImport>) {
        self.seed = observed.seed.or(self.seed);
        for note in &observed.notes {
            self.note(note.clone());
        }
        match observed.failed.as_deref() {
            Some("limit") => self.note(format!(
                "the script made {} requests in an iteration, and was not looked at further",
                runtime::SCRIPT_REQUESTS_MAX
            )),
            Some(why) => self.note(format!(
                "the script ended its iteration by `{why}`: what would have come behind it is not in the plan"
            )),
            None => {}
        }
        if let Some(WrongImport { problem, place, .. }) = thrown {
            self.note(format!("{problem} ({place}): what would have come behind it is not in the plan"));
        }
    }

    /// What the feeds of a run are called in the plan: the same for the same rows.
    fn feed_names(&self, observed: &Observed) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for feed in &observed.feeds {
            let name = feeds::name(feed, &names);
            names.push(name);
        }
        names
    }
}

/// The statuses for which checks hold, where they are not 200.
fn statuses_of(observed: &Observed) -> BTreeMap<usize, u16> {
    let checks = observed.events.iter().filter_map(|event| match &event.action {
        ScriptAction::Check(check) => Some(check),
        _ => None,
    });
    let atoms = checks.flat_map(|check| &check.atoms).filter(|atom| atom.part.subject == "status");
    let mut statuses = BTreeMap::new();
    for atom in atoms {
        if let Some(status) = parts::status(&atom.outcomes).filter(|status| *status != 200) {
            statuses.entry(atom.part.step).or_insert(status);
        }
    }
    statuses
}
