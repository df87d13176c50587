//! The flow of a scenario, as typed, to its steps and the items that name them.

use super::requests::StepContext;
use super::targets::StepTargets;
use super::timeline::StepTimeline;
use super::{PlanReader, Typed};
use crate::config::{Diagnostic, RequestConfig, Text, hint};
use crate::extract::{Condition, Expression, ResponseCheck, WrongExpression};
use crate::flow::{
    Extract, FlowAction, FlowBranch, FlowItem, FlowScript, OnFailure, Repetition, SESSIONS_DEFAULT,
    SESSIONS_MAX, StepLooks, Think,
};
use crate::plan::bounds::{FLOW_DEPTH_MAX, ITEMS_MAX, REPEAT_MAX};
use crate::plan::fields::{Script, Step, Target};
use crate::plan::{setup, values};
use crate::quantity::{SECOND_NS, parse_bytes, parse_count, parse_share};
use crate::redirect::REDIRECTS_MAX;
use crate::template::Piece;
use std::collections::BTreeMap;

/// The most of a body that may be looked at.
const BODY_BYTES_LIMIT: u64 = 64 << 20;
const GRACEFUL_NS_DEFAULT: u64 = 30 * SECOND_NS;
const REPEAT_FIX: &str = "write a number of times such as `3`, or two such as `1..5`";
/// Keys that mean something in a step of a flow alone.
const STEP_KEYS: [&str; 11] =
    ["think", "at", "repeat", "chance", "always", "on_failure", "run", "if", "extract", "choose", "target"];

/// A flow as far as it has been read.
struct ReadFlow<'t, 'a> {
    steps: Vec<Step>,
    /// The number of each step, by the key of its table: one that is named twice is one step.
    numbers: BTreeMap<String, usize>,
    /// The flows that what is being read stands in.
    within: Vec<&'a str>,
    /// Items so far, those of flows that are run as often as they are.
    items: usize,
    /// What was read of moments that were recorded.
    timeline: StepTimeline,
    /// Where steps go that do not go to the scenario's target.
    targets: StepTargets<'t, 'a>,
}

impl<'a> PlanReader<'a> {
    /// What each arrival of a scenario leads to, and the targets of the pools that it is sent on, of which the first has this number.
    pub(super) fn script(
        &mut self,
        typed: &Typed<'a>,
        targets: &[Target],
        target: usize,
        pool: usize,
        has_users: bool,
    ) -> (Script, Vec<usize>) {
        let config = &typed.config;
        let context = self.step_context(typed, &targets[target], pool);
        let given = [("request", !config.request.is_empty()), ("step", !config.step.is_empty())];
        let given = given.into_iter().chain([("flow", config.flow.is_some())]);
        let given: Vec<&str> = given.filter(|(_, is_given)| *is_given).map(|(key, _)| key).collect();
        if let [first, second, ..] = given[..] {
            let problem = format!("a scenario has `{first}` or `{second}`, and not both");
            self.wrong(&typed.at(second), problem, "leave one out");
        }
        if config.step.is_empty() && config.flow.is_none() {
            self.refuse_step_keys(typed);
            self.refuse_timeline(typed);
            return (self.drawn_requests(typed, &context, has_users), vec![target]);
        }
        let had_values = std::mem::replace(&mut self.has_values, true);
        let mut flow = ReadFlow {
            steps: Vec::new(),
            numbers: BTreeMap::new(),
            within: Vec::new(),
            items: 0,
            timeline: self.step_timeline(typed),
            targets: StepTargets::new(typed, targets, target, pool),
        };
        let items = match &config.flow {
            Some(words) => self.named_flows(&words.0, &typed.at("flow"), &context, &mut flow),
            None => {
                let steps = config.step.clone();
                self.items(&steps, &typed.at("step"), &context, &mut flow)
            }
        };
        self.has_values = had_values;
        let mut steps = flow.steps;
        let reached = flow.targets.of_pools(&mut steps);
        if steps.is_empty() && !self.is_wrong(&typed.at("step")) && !self.is_wrong("flow") {
            let key = if config.flow.is_some() { "flow" } else { "step" };
            self.wrong(
                &typed.at(key),
                "the flow has no request",
                "write a step with `get = \"/path\"` or the like",
            );
        }
        let (sessions_max, graceful_ns) = (self.sessions(typed, has_users), self.graceful(typed));
        let resilience = self.resilience(typed);
        let cookies = config.cookies.unwrap_or(false);
        let flow = FlowScript { items, sessions_max, graceful_ns, resilience, cookies };
        (Script::Flow { steps, flow }, reached)
    }

    /// Requests of which one is drawn for each arrival. Where responses are looked at, something is filled in that is not known before, there are
    /// users, or something is done about failures, it is a flow of one choice.
    fn drawn_requests(
        &mut self,
        typed: &Typed<'a>,
        context: &StepContext<'_, 'a>,
        has_users: bool,
    ) -> Script {
        let steps = self.mix(context);
        let needs_session =
            |step: &Step| !step.looks.is_empty() || step.request.parts().any(|part| self.has_unknown(part));
        let needs_session = steps.iter().any(needs_session);
        let resilience = self.resilience(typed);
        let cookies = typed.config.cookies == Some(true);
        if cookies && steps.iter().all(|step| step.looks.redirects == 0) {
            let problem = "each iteration is one request here, and begins without cookies: none is ever sent";
            let fix = "make steps of a flow of the requests, `[[step]]`, or leave `cookies` out";
            self.wrong(&typed.at("cookies"), problem, fix);
        }
        // A connection of one's own is a session's.
        let needs_session = needs_session || self.is_per_user(typed);
        if !has_users && resilience.is_nothing() && !needs_session {
            return Script::Mix(steps);
        }
        let branch = |(index, step): (usize, &Step)| FlowBranch {
            weight: step.weight,
            items: vec![FlowItem::new(FlowAction::Request(index))],
            flow: None,
        };
        let branches = steps.iter().enumerate().map(branch).collect();
        let (sessions_max, graceful_ns) = (self.sessions(typed, has_users), self.graceful(typed));
        let items = vec![FlowItem::new(FlowAction::OneOf(branches))];
        let flow = FlowScript { items, sessions_max, graceful_ns, resilience, cookies };
        Script::Flow { steps, flow }
    }

    /// Whether some of the pieces are values that are not known when the run begins, or may change while it goes on.
    fn has_unknown(&self, pieces: &[Piece]) -> bool {
        let names = self.setup_names.iter().map(String::as_str).collect();
        let is_renewed = self.is_setup_renewed();
        values::has_unknown(pieces, &|hole| !is_renewed && setup::is_given(hole, &names))
    }

    /// What is looked at of the responses to a request.
    pub(super) fn looks(&mut self, config: &RequestConfig, table: &str) -> StepLooks {
        let mut looks = StepLooks::default();
        for (name, Text(text)) in &config.extract {
            let key = format!("{table}.extract.{name}");
            let wrong = |wrong: WrongExpression| Diagnostic::at(key, wrong.problem, wrong.fix);
            if let Some(from) = self.take_with(Expression::parse(text), wrong) {
                looks.extracts.push(Extract { name: name.clone(), from });
            }
        }
        let checks = config.check.as_ref().map_or(&[][..], |texts| &texts.0);
        for (index, text) in checks.iter().enumerate() {
            let key =
                if checks.len() > 1 { format!("{table}.check.{index}") } else { format!("{table}.check") };
            let wrong = |wrong: WrongExpression| Diagnostic::at(key, wrong.problem, wrong.fix);
            looks.checks.extend(self.take_with(ResponseCheck::parse(text), wrong));
        }
        looks.redirects = config.redirects.unwrap_or(0);
        if looks.redirects > REDIRECTS_MAX {
            let problem = format!("{} redirects of one request are too many", looks.redirects);
            self.wrong(&format!("{table}.redirects"), problem, format!("give at most {REDIRECTS_MAX}"));
        }
        if let Some(Text(text)) = &config.body_max {
            let key = format!("{table}.body_max");
            let bytes = self.take(&key, parse_bytes(text), "write `64KiB` or the like");
            match bytes {
                Some(bytes) if bytes > BODY_BYTES_LIMIT => {
                    self.wrong(&key, format!("`{text}` is too much"), "give at most 64MiB");
                }
                Some(bytes) => looks.body_bytes_max = bytes as usize,
                None => {}
            }
        }
        looks
    }

    /// Named flows that no scenario goes through are noted.
    pub(super) fn note_unused_flows(&mut self) {
        let names = self.config.flow.keys().filter(|name| !self.flows_used.contains(*name));
        let notes: Vec<Diagnostic> = names
            .map(|name| {
                let problem = format!("no scenario goes through the flow `{name}`");
                Diagnostic::at(format!("flow.{name}"), problem, "name it in a `flow`, or in `run` of a step")
            })
            .collect();
        self.notes.extend(notes);
    }

    fn sessions(&mut self, typed: &Typed, has_users: bool) -> u32 {
        let (key, text) = match (&typed.config.sessions, &self.config.run.sessions) {
            (Some(text), _) => (typed.at("sessions"), text.clone()),
            (None, Some(text)) => ("run.sessions".to_owned(), text.clone()),
            (None, None) => return self.sessions_default(typed, has_users),
        };
        let Some(count) = self.take_with(parse_count(&text.0), |cause| Diagnostic::unreadable(&key, cause))
        else {
            return SESSIONS_DEFAULT;
        };
        if !(1..=u64::from(SESSIONS_MAX)).contains(&count) {
            self.wrong(&key, format!("{count} sessions cannot be"), format!("give 1 to {SESSIONS_MAX}"));
            return SESSIONS_DEFAULT;
        }
        count as u32
    }

    fn graceful(&mut self, typed: &Typed) -> u64 {
        let (key, text) = match &typed.config.graceful {
            Some(text) => (typed.at("graceful"), Some(text.clone())),
            None => ("run.graceful".to_owned(), self.config.run.graceful.clone()),
        };
        self.duration(&text, &key).unwrap_or(GRACEFUL_NS_DEFAULT)
    }

    /// What belongs to steps means nothing where requests are drawn by weight.
    fn refuse_step_keys(&mut self, typed: &Typed) {
        for (index, request) in typed.config.request.iter().enumerate() {
            for key in given_step_keys(request) {
                let problem =
                    format!("`{key}` is of a step of a flow, and `request` is one of several that are drawn");
                let fix = "write `[[step]]` in the place of `[[request]]`: steps follow each other";
                self.wrong(&typed.at(&format!("request.{index}.{key}")), problem, fix);
            }
        }
    }

    /// Flows by their names, each perhaps several times: `browse*2..5`.
    fn named_flows(
        &mut self,
        words: &[String],
        key: &str,
        context: &StepContext<'_, 'a>,
        flow: &mut ReadFlow<'_, 'a>,
    ) -> Vec<FlowItem> {
        let mut items = Vec::new();
        for (index, word) in words.iter().enumerate() {
            let key = if words.len() > 1 { format!("{key}.{index}") } else { key.to_owned() };
            let (name, times) =
                word.split_once('*').map_or((word.as_str(), None), |(name, times)| (name, Some(times)));
            let name = name.trim();
            let mut item = FlowItem::new(FlowAction::Items(self.named_flow(name, &key, context, flow)));
            item.flow = Some(name.to_owned());
            item.repeat = times.and_then(|times| self.repetition(times, &key));
            items.push(item);
        }
        items
    }

    /// The items of a flow with a name.
    fn named_flow(
        &mut self,
        name: &str,
        key: &str,
        context: &StepContext<'_, 'a>,
        flow: &mut ReadFlow<'_, 'a>,
    ) -> Vec<FlowItem> {
        let config = self.config;
        let Some((name, steps)) = config.flow.get_key_value(name) else {
            let names: Vec<&str> = config.flow.keys().map(String::as_str).collect();
            let fix = match names.is_empty() {
                true => format!("write its steps, each as `[[flow.{name}]]`"),
                false => hint(name, &names),
            };
            self.wrong(key, format!("there is no flow `{name}`"), fix);
            return Vec::new();
        };
        self.flows_used.insert(name.clone());
        if flow.within.contains(&name.as_str()) {
            let way = flow.within.iter().copied().chain([name.as_str()]).collect::<Vec<_>>().join(" → ");
            self.wrong(
                key,
                format!("the flow `{name}` runs itself: {way}"),
                "use `repeat` to do something again",
            );
            return Vec::new();
        }
        if flow.within.len() >= FLOW_DEPTH_MAX {
            let problem = format!("flows run each other more than {FLOW_DEPTH_MAX} deep");
            self.wrong(key, problem, "write the steps of some of them where they are run");
            return Vec::new();
        }
        flow.items += steps.len();
        if flow.items > ITEMS_MAX {
            let problem =
                format!("the flow has more than {ITEMS_MAX} steps, those of flows it runs included");
            if !self.diagnostics.iter().any(|known| known.problem == problem) {
                self.wrong(key, problem, "run fewer flows, or use `repeat`");
            }
            return Vec::new();
        }
        flow.within.push(name);
        let items = self.items(steps, &format!("flow.{name}"), context, flow);
        flow.within.pop();
        items
    }

    fn items(
        &mut self,
        steps: &[RequestConfig],
        key: &str,
        context: &StepContext<'_, 'a>,
        flow: &mut ReadFlow<'_, 'a>,
    ) -> Vec<FlowItem> {
        let item =
            |(index, step): (usize, &RequestConfig)| self.item(step, format!("{key}.{index}"), context, flow);
        steps.iter().enumerate().map(item).collect()
    }

    fn item(
        &mut self,
        config: &RequestConfig,
        table: String,
        context: &StepContext<'_, 'a>,
        flow: &mut ReadFlow<'_, 'a>,
    ) -> FlowItem {
        if config.weight.is_some() {
            let fix = "use `chance`, or `choose` to draw one of several flows";
            self.wrong(
                &format!("{table}.weight"),
                "`weight` is of requests that are drawn, and steps are not",
                fix,
            );
        }
        let action = match (&config.run, config.choose.is_empty()) {
            (Some(_), false) => {
                self.wrong(
                    &format!("{table}.choose"),
                    "a step has `run` or `choose`, and not both",
                    "leave one out",
                );
                FlowAction::Items(Vec::new())
            }
            (Some(Text(name)), true) => {
                self.refuse_request_in(config, "run", &table);
                FlowAction::Items(self.named_flow(name, &format!("{table}.run"), context, flow))
            }
            (None, false) => {
                self.refuse_request_in(config, "choose", &table);
                FlowAction::OneOf(self.branches(config, &table, context, flow))
            }
            (None, true) => FlowAction::Request(self.step_number(config, &table, context, flow)),
        };
        FlowItem {
            action,
            flow: config.run.as_ref().map(|Text(name)| name.clone()),
            condition: self.condition(config, &table),
            chance: self.chance(config, &table),
            repeat: config
                .repeat
                .as_ref()
                .and_then(|Text(text)| self.repetition(text, &format!("{table}.repeat"))),
            think: self.think(config, &table),
            at_ns: self.moment(config, &table, flow.within.is_empty(), &mut flow.timeline),
            always: config.always.unwrap_or(false),
            on_failure: self.on_failure(config, &table),
        }
    }

    fn step_number(
        &mut self,
        config: &RequestConfig,
        table: &str,
        context: &StepContext<'_, 'a>,
        flow: &mut ReadFlow<'_, 'a>,
    ) -> usize {
        if let Some(&number) = flow.numbers.get(table) {
            return number;
        }
        let other = self.other_target(config, table, &mut flow.targets);
        let context = other.map_or(context, |other| flow.targets.other(other));
        let step = self.step_of(config, context, table.to_owned(), false, &flow.steps);
        flow.numbers.insert(table.to_owned(), flow.steps.len());
        flow.steps.push(step);
        flow.steps.len() - 1
    }

    fn branches(
        &mut self,
        config: &RequestConfig,
        table: &str,
        context: &StepContext<'_, 'a>,
        flow: &mut ReadFlow<'_, 'a>,
    ) -> Vec<FlowBranch> {
        if config.choose.values().all(|&weight| weight == 0) {
            self.wrong(&format!("{table}.choose"), "no flow has a weight above 0", "give one a weight");
        }
        let branch = |(name, &weight): (&String, &u32)| {
            let items = self.named_flow(name, &format!("{table}.choose.{name}"), context, flow);
            FlowBranch { weight, items, flow: Some(name.clone()) }
        };
        config.choose.iter().map(branch).collect()
    }

    /// A step that goes through flows sends nothing itself.
    fn refuse_request_in(&mut self, config: &RequestConfig, word: &str, table: &str) {
        let texts = [
            ("name", &config.name),
            ("method", &config.method),
            ("path", &config.path),
            ("get", &config.get),
            ("head", &config.head),
            ("post", &config.post),
            ("put", &config.put),
            ("patch", &config.patch),
            ("delete", &config.delete),
            ("body", &config.body),
            ("text", &config.text),
            ("binary", &config.binary),
            ("dns", &config.dns),
            ("call", &config.call),
            ("message", &config.message),
            ("target", &config.target),
            ("body_max", &config.body_max),
            ("on_failure", &config.on_failure),
        ];
        let texts = texts.into_iter().map(|(key, text)| (key, text.is_some()));
        let others = [
            ("check", config.check.is_some()),
            ("redirects", config.redirects.is_some()),
            ("extract", !config.extract.is_empty()),
            ("json", config.json.is_some()),
            ("form", config.form.is_some()),
            ("multipart", config.multipart.is_some()),
            ("headers", !config.headers.is_empty()),
            ("messages", config.messages.is_some()),
            ("metadata", !config.metadata.is_empty()),
        ];
        for (key, _) in texts.chain(others).filter(|(_, is_given)| *is_given) {
            let problem = format!("`{key}` is of a request, and a step with `{word}` sends none itself");
            self.wrong(&format!("{table}.{key}"), problem, "leave one out, or make two steps of it");
        }
    }

    fn condition(&mut self, config: &RequestConfig, table: &str) -> Option<Condition> {
        let Text(text) = config.condition.as_ref()?;
        let wrong = |wrong: WrongExpression| Diagnostic::at(format!("{table}.if"), wrong.problem, wrong.fix);
        self.take_with(Condition::parse(text), wrong)
    }

    /// A probability: `20%`, or `0.2`.
    fn chance(&mut self, config: &RequestConfig, table: &str) -> Option<f64> {
        let Text(text) = config.chance.as_ref()?;
        let chance = parse_share(text).filter(|chance| (0.0..=1.0).contains(chance));
        if chance.is_none() {
            let problem = format!("`{text}` is no probability");
            self.wrong(&format!("{table}.chance"), problem, "write `20%`, or `0.2`");
        }
        chance
    }

    fn repetition(&mut self, text: &str, key: &str) -> Option<Repetition> {
        let (min, max) = text.split_once("..").unwrap_or((text, text));
        let (min, max) = (min.trim().parse::<u32>(), max.trim().parse::<u32>());
        let (Ok(min), Ok(max)) = (min, max) else {
            self.wrong(key, format!("`{text}` is no number of times"), REPEAT_FIX);
            return None;
        };
        if min > max || max > REPEAT_MAX {
            let problem = match min > max {
                true => format!("`{text}` begins above its end"),
                false => {
                    format!("nothing is repeated {max} times in one iteration; {REPEAT_MAX} at the most")
                }
            };
            self.wrong(key, problem, REPEAT_FIX);
            return None;
        }
        Some(Repetition { min, max })
    }

    fn think(&mut self, config: &RequestConfig, table: &str) -> Option<Think> {
        let Text(text) = config.think.as_ref()?;
        self.take_with(Think::parse(text), |wrong| {
            Diagnostic::at(format!("{table}.think"), wrong.problem, wrong.fix)
        })
    }

    fn on_failure(&mut self, config: &RequestConfig, table: &str) -> OnFailure {
        match config.on_failure.as_ref().map(|text| text.0.as_str()) {
            None | Some("stop") => OnFailure::Stop,
            Some("continue") => OnFailure::Continue,
            Some(other) => {
                let problem = format!("`{other}` is not something to do after a failure");
                self.wrong(&format!("{table}.on_failure"), problem, "there are `stop` and `continue`");
                OnFailure::Stop
            }
        }
    }
}

/// Which of the keys of steps a request has.
pub(super) fn given_step_keys(config: &RequestConfig) -> impl Iterator<Item = &'static str> {
    let RequestConfig {
        think,
        at,
        repeat,
        chance,
        always,
        on_failure,
        run,
        condition,
        extract,
        choose,
        target,
        ..
    } = config;
    let given = [
        think.is_some(),
        at.is_some(),
        repeat.is_some(),
        chance.is_some(),
        always.is_some(),
        on_failure.is_some(),
        run.is_some(),
        condition.is_some(),
        !extract.is_empty(),
        !choose.is_empty(),
        target.is_some(),
    ];
    STEP_KEYS.into_iter().zip(given).filter(|(_, is_given)| *is_given).map(|(key, _)| key)
}
