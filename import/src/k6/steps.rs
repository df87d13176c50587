//! What a script did, as steps of a flow.

use super::drafts::{NAME_LETTERS_MAX, StepDraft, thought, title};
use super::draws::DrawnEvent;
use super::groups::{self, GROUPS_DEEP_MAX, ScriptFlow, ScriptItem};
use super::holes::{Holes, MARKER_LENGTH, MISSING, markers};
use super::observed::{EnteredGroup, ScriptAction, ScriptBody, ScriptCheck, ScriptRequest, ScriptValueKind};
use super::parts;
use super::setup::{self, ScriptSetup};
use crate::ordered::{Ordered, json_body};
use crate::planned::{PlannedBody, PlannedRequest, REDIRECTS_MAX};
use crate::secrets::Secrets;
use crate::urls::{self, SplitUrl, escaped};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The time a request may take where the script says nothing.
pub(super) const TIMEOUT_MS: f64 = 60_000.0;

/// The steps of a scenario.
pub(super) struct ScriptSteps {
    pub(super) steps: Vec<PlannedRequest>,
    /// The group of each, with those that it stands in; empty where it stands in none.
    pub(super) groups: Vec<String>,
    /// What is done of steps and flows, in its order.
    pub(super) items: Vec<ScriptItem>,
    /// What became of groups.
    pub(super) flows: Vec<ScriptFlow>,
    /// The server that most of them go to. Any other is the target of the steps that go there.
    pub(super) base: String,
    /// Some go inside TLS.
    pub(super) has_tls: bool,
    pub(super) timeout_ms: f64,
    /// k6 would follow where responses lead to.
    pub(super) follows: bool,
    /// What is done before the start.
    pub(super) setup: Option<ScriptSetup>,
}

/// Makes steps of what a script did; `None` if it asked no server for anything in an iteration.
pub(super) fn steps(events: &[DrawnEvent], holes: &mut Holes, secrets: &mut Secrets) -> Option<ScriptSteps> {
    let of_phase = |phase: &str| -> Vec<&DrawnEvent> {
        events.iter().filter(|event| event.event.phase == phase).collect()
    };
    let (setup, mut iteration) = (of_phase("setup"), of_phase("iteration"));
    // What is done before the start has no users and no rows.
    let setup = match (setup::is_of_iterations(&setup, holes), setup::is_needed(&setup, &iteration, holes)) {
        (false, _) => setup,
        (true, true) => {
            holes.note("requests of `setup()` are the first steps, because they have values of users or of rows: k6 makes them once, and the plan in each iteration".to_owned());
            iteration = events.iter().collect();
            Vec::new()
        }
        (true, false) => {
            holes.left_out.extend(
                setup.iter().filter_map(|event| setup::request_of(event)).map(|request| request.step),
            );
            holes.note("requests of `setup()` are left out: they have values of users or of rows, which there are in iterations alone".to_owned());
            Vec::new()
        }
    };
    holes.setup.extend(setup.iter().filter_map(|event| setup::request_of(event)).map(|request| request.step));
    let setup = drafted(&setup, holes, secrets, false);
    let drafted = drafted(&iteration, holes, secrets, true)?;
    let mut all = ScriptSteps {
        steps: Vec::new(),
        groups: Vec::new(),
        items: Vec::new(),
        flows: Vec::new(),
        base: drafted.base,
        timeout_ms: drafted.timeout_ms,
        follows: drafted.follows,
        has_tls: false,
        setup: None,
    };
    if let Some(setup) = setup {
        all.timeout_ms = all.timeout_ms.max(setup.timeout_ms);
        all.follows |= setup.follows;
        if setup.drafts.iter().any(StepDraft::has_pause) {
            holes.note("pauses in `setup()` are left out".to_owned());
        }
        let mut known = HashSet::new();
        let named = |draft: StepDraft| PlannedRequest { name: Some(title(&draft, &mut known)), ..draft.step };
        let steps: Vec<PlannedRequest> = extracting(setup.drafts, holes).into_iter().map(named).collect();
        all.setup = Some(ScriptSetup { base: setup.base, steps });
    }
    let arranged = groups::arranged(extracting(drafted.drafts, holes));
    arranged.notes().into_iter().for_each(|note| holes.note(note));
    (all.items, all.flows) = (arranged.items, arranged.flows);
    let mut known = HashSet::new();
    for draft in arranged.drafts {
        let name = title(&draft, &mut known);
        all.groups.push(groups::path(&draft.groups));
        let think = thought(draft.own_pause());
        let repeat = (draft.repeat > 1).then_some(draft.repeat);
        all.steps.push(PlannedRequest { name: Some(name), think, repeat, ..draft.step });
    }
    let setup_base = all.setup.as_ref().map(|setup| setup.base.as_str());
    let others = all.steps.iter().filter_map(|step| step.target.as_deref()).chain(setup_base);
    all.has_tls = others.chain([all.base.as_str()]).any(|base| base.starts_with("https"));
    Some(all)
}

/// Steps before they are named, and the server that most of them go to.
struct DraftedSteps {
    base: String,
    drafts: Vec<StepDraft>,
    timeout_ms: f64,
    follows: bool,
}

fn drafted(
    events: &[&DrawnEvent],
    holes: &mut Holes,
    secrets: &mut Secrets,
    names_targets: bool,
) -> Option<DraftedSteps> {
    let base = server(events, holes)?;
    if !names_targets {
        leave_others_out(events, &base, holes);
    }
    let mut writer =
        StepDrafts { base: &base, drafts: Vec::new(), holes, secrets, timeout_ms: 0.0, follows: false };
    for event in events {
        writer.event(event);
    }
    let StepDrafts { drafts, timeout_ms, follows, .. } = writer;
    Some(DraftedSteps { base, drafts, timeout_ms, follows })
}

/// The server that most requests go to.
fn server(events: &[&DrawnEvent], holes: &mut Holes) -> Option<String> {
    let mut servers: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for event in events {
        let ScriptAction::Request(request) = &event.event.action else { continue };
        match url_of(request, holes) {
            Some(url) => {
                let first = servers.len();
                servers.entry(url.base).or_insert((0, first)).0 += 1;
            }
            None => leave_out(request, holes),
        }
    }
    let most = servers.iter().max_by_key(|(_, (count, first))| (*count, std::cmp::Reverse(*first)));
    most.map(|(base, _)| base.clone())
}

/// Leaves out the requests of `setup()` to other servers than the one of its steps.
fn leave_others_out(events: &[&DrawnEvent], base: &str, holes: &mut Holes) {
    let requests = || events.iter().filter_map(|event| setup::request_of(event));
    let others: Vec<(usize, String)> = requests()
        .filter_map(|request| Some((request.step, url_of(request, holes)?.base)))
        .filter(|(_, other)| other != base)
        .collect();
    let servers: BTreeSet<&str> = others.iter().map(|(_, other)| other.as_str()).collect();
    for server in servers {
        let count = others.iter().filter(|(_, other)| other == server).count();
        holes.note(format!(
            "{count} requests of `setup()` to {server} are left out: all of its steps go to one server, {base}"
        ));
    }
    holes.left_out.extend(others.iter().map(|(step, _)| *step));
    // In their order: what takes its path from a response goes with the request for that.
    for request in requests() {
        if !holes.left_out.contains(&request.step) && url_of(request, holes).is_none() {
            leave_out(request, holes);
        }
    }
}

/// Leaves a request out whose URL is none that a plan can have.
fn leave_out(request: &ScriptRequest, holes: &mut Holes) {
    holes.left_out.insert(request.step);
    let server_end = request
        .url
        .split_once("://")
        .map_or(0, |(scheme, rest)| scheme.len() + 3 + rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let why = match markers(&request.url).first() {
        Some((0, _, _)) => "it begins with a value, and the server of a plan is known before the run",
        Some((at, _, _)) if *at < server_end => {
            "a value follows its server that is no path of a row or of a response that the plan has"
        }
        _ if request.url.starts_with("undefined") => {
            "it is no URL of HTTP; -e NAME=VALUE gives a variable that it may need"
        }
        _ => "it is no URL of HTTP",
    };
    let shown = holes.fill(&request.url, request.step, "a request that is left out");
    holes.note(format!("the request to `{shown}` is left out: {why}"));
}

/// What may bring the slash at the beginning of a path: `a response` or `a row`. What is drawn has none.
fn slash_source(number: usize, step: usize, holes: &Holes) -> Option<&'static str> {
    let value = holes.values.get(number)?;
    if !value.filters.iter().all(|filter| ["lower", "upper", "trim"].contains(&filter.as_str())) {
        return None;
    }
    match &value.kind {
        ScriptValueKind::Column { .. } => Some("a row"),
        ScriptValueKind::Response(part) => {
            let is_there = part.step < step && !holes.left_out.contains(&part.step);
            (is_there && parts::expression(part).is_some()).then_some("a response")
        }
        ScriptValueKind::Hole { .. } | ScriptValueKind::Absent { .. } => None,
    }
}

/// The URL of a request in its parts. Where a value follows the server that may be a path, the path begins with it.
fn url_of(request: &ScriptRequest, holes: &Holes) -> Option<SplitUrl> {
    let text = &request.url;
    let begins_with_value = || {
        let (at, number, _) = *markers(text).first()?;
        slash_source(number, request.step, holes)?;
        let (server, path) = text.split_at(at);
        let behind = path.get(MARKER_LENGTH..)?;
        let is_path = behind.is_empty() || behind.starts_with(['/', '?', '&', '#']);
        let split =
            urls::split(server).filter(|split| is_path && split.path == "/" && !server.ends_with('/'))?;
        let path = urls::on_the_wire(path.split('#').next().unwrap_or(path));
        Some(SplitUrl { path, ..split })
    };
    let is_known = |split: &SplitUrl| markers(&split.base).is_empty();
    begins_with_value().or_else(|| urls::split(text).filter(is_known))
}

struct StepDrafts<'d> {
    base: &'d str,
    drafts: Vec<StepDraft>,
    holes: &'d mut Holes,
    secrets: &'d mut Secrets,
    timeout_ms: f64,
    follows: bool,
}

impl StepDrafts<'_> {
    fn event(&mut self, event: &DrawnEvent) {
        match &event.event.action {
            ScriptAction::Request(request) if self.holes.left_out.contains(&request.step) => {}
            ScriptAction::Request(request) => {
                let step = self.request(request);
                let groups = self.groups(&event.event.groups);
                self.drafts.push(StepDraft::new(request.step, groups, request.name.clone(), step));
            }
            ScriptAction::Sleep { .. } => match self.drafts.last_mut() {
                Some(draft) => draft.pauses_in(&event.event.groups, event.shortest, event.longest),
                None => self.holes.note("a pause before the first request is left out".to_owned()),
            },
            ScriptAction::Check(check) => self.check(check),
        }
    }

    /// The groups of a request, as many as may be within each other.
    fn groups(&mut self, entered: &[EnteredGroup]) -> Vec<EnteredGroup> {
        if let Some(first) = entered.get(GROUPS_DEEP_MAX) {
            self.holes.note(format!(
                "the group `{}` is no flow of its own: groups are more than {GROUPS_DEEP_MAX} deep within each other",
                first.name
            ));
        }
        entered.iter().take(GROUPS_DEEP_MAX).cloned().collect()
    }

    fn check(&mut self, check: &ScriptCheck) {
        let lost = |holes: &mut Holes, why: &str| {
            holes.note(format!("the check `{}` is left out: {why}", check.name));
        };
        if let Some(why) = &check.lost {
            return lost(self.holes, why);
        }
        let Some(number) = check.atoms.first().map(|atom| atom.part.step) else { return };
        if check.atoms.iter().any(|atom| atom.part.step != number) {
            return lost(self.holes, "it asks about several responses");
        }
        if self.holes.left_out.contains(&number) {
            return lost(self.holes, "its request is");
        }
        let texts: Option<Vec<String>> = check.atoms.iter().map(parts::checks).collect();
        let has_secret =
            |text: &String| self.holes.variables.keys().any(|secret| text.contains(secret.as_str()));
        if texts.iter().flatten().any(has_secret) {
            return lost(
                self.holes,
                "it asks for a secret, which would stand in the plan; --keep-secrets writes it",
            );
        }
        let draft = self.drafts.iter_mut().find(|draft| draft.number == number);
        match (texts, draft) {
            (Some(texts), Some(draft)) => {
                for text in texts {
                    if !draft.step.checks.contains(&text) {
                        draft.step.checks.push(text);
                    }
                }
            }
            _ => lost(self.holes, "no check of a plan asks the same"),
        }
    }

    fn request(&mut self, request: &ScriptRequest) -> PlannedRequest {
        let url = url_of(request, self.holes).expect("what is no URL is left out");
        let target = (url.base != self.base).then(|| url.base.clone());
        let place = format!("{} {}", request.method, url.path.split('?').next().unwrap_or("/"));
        let place = self.shown(&place);
        let first = markers(&url.path).first().copied().filter(|(at, _, _)| *at == 0);
        if let Some(source) = first.and_then(|(_, number, _)| slash_source(number, request.step, self.holes))
        {
            self.holes
                .note(format!("{place}: the path is a value of {source}, which has to begin with a slash"));
        }
        self.follows |= request.redirects.is_none();
        self.timeout_ms = self.timeout_ms.max(request.timeout_ms.unwrap_or(TIMEOUT_MS));
        let path = match url.path.split_once('?') {
            Some((path, query)) => {
                let (path, query) = (self.fill(path, request, &place), self.fill(query, request, &place));
                format!("{path}?{}", self.secrets.hidden_fields(&query, &place))
            }
            None => self.fill(&url.path, request, &place),
        };
        let mut step = PlannedRequest { target, method: request.method.clone(), path, ..Default::default() };
        // More than a plan may follow are as many as it may.
        step.redirects = request
            .redirects
            .filter(|&most| most >= 1.0)
            .map(|most| most.min(f64::from(REDIRECTS_MAX)) as u32);
        for (name, value) in &request.headers {
            let filled = self.fill(value, request, &place);
            step.headers.push((name.clone(), self.hidden(name, &filled, &place)));
        }
        self.login(&url, request, &mut step, &place);
        self.body(request, &mut step, &place);
        step.drop_unsendable(&place, &mut self.holes.notes);
        step
    }

    /// What a URL has before its host.
    fn login(&mut self, url: &SplitUrl, request: &ScriptRequest, step: &mut PlannedRequest, place: &str) {
        if let Some(kind) = request.auth.as_deref().filter(|kind| *kind != "basic" && *kind != "auth_basic") {
            self.holes.note(format!("{place}: authentication by {kind} is left out"));
            return;
        }
        let Some(user) = &url.user else { return };
        if !markers(user).is_empty() {
            self.holes.note(format!(
                "{place}: the name and password before its host are left out: they have values in them"
            ));
            return;
        }
        let value = format!("Basic {}", STANDARD.encode(user));
        step.headers.push(("Authorization".to_owned(), self.secrets.hidden("Authorization", &value, place)));
    }

    /// What a plan has in the place of a value whose name may be that of a secret.
    fn hidden(&mut self, name: &str, filled: &str, place: &str) -> String {
        match filled.contains(MISSING) {
            true => filled.to_owned(),
            false => self.secrets.hidden(name, filled, place),
        }
    }

    fn fill(&mut self, text: &str, request: &ScriptRequest, place: &str) -> String {
        self.holes.fill(text, request.step, place)
    }

    /// A place as it is shown: with names in braces where it has values.
    fn shown(&mut self, place: &str) -> String {
        let filled = self.holes.fill(place, usize::MAX, place);
        filled.replace("{{", "{").replace("}}", "}").chars().take(NAME_LETTERS_MAX).collect()
    }

    fn body(&mut self, request: &ScriptRequest, step: &mut PlannedRequest, place: &str) {
        match &request.body {
            ScriptBody::Absent => {}
            ScriptBody::File { file } => step.body = PlannedBody::File(file.clone()),
            ScriptBody::Text { text } => self.text(text, request, step, place),
            ScriptBody::Form { fields } => {
                let names: HashSet<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
                let filled = self.fields(fields, request, place);
                if names.len() == fields.len() && fields.iter().all(|(name, _)| markers(name).is_empty()) {
                    step.body = PlannedBody::Form(filled);
                    return;
                }
                let pair = |(name, value): &(String, String)| {
                    let value =
                        if value.contains("{{") { value.replace("}}", " | url}}") } else { escaped(value) };
                    format!("{}={value}", escaped(name))
                };
                let pairs: Vec<String> = filled.iter().map(pair).collect();
                step.headers
                    .push(("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
                step.body = PlannedBody::Text(pairs.join("&"));
            }
            ScriptBody::Multipart { fields } => {
                step.body = PlannedBody::Multipart(self.fields(fields, request, place))
            }
        }
    }

    fn fields(
        &mut self,
        fields: &[(String, String)],
        request: &ScriptRequest,
        place: &str,
    ) -> Vec<(String, String)> {
        let mut filled = Vec::new();
        for (name, value) in fields {
            let value = self.fill(value, request, place);
            filled.push((name.clone(), self.hidden(name, &value, place)));
        }
        filled
    }

    fn text(&mut self, text: &str, request: &ScriptRequest, step: &mut PlannedRequest, place: &str) {
        if text.starts_with('@') {
            self.holes
                .note(format!("{place}: the body is left out: `@` at its beginning names a file in a plan"));
            return;
        }
        if let Some(document) = json_body(text).filter(|document| !has_marked_key(document)) {
            let mut texts: Vec<(String, Ordered)> = Vec::new();
            document.each_scalar(&mut |pointer, value| {
                let filled = match value {
                    Ordered::Text(text) => {
                        let key = pointer.rsplit('/').next().unwrap_or_default();
                        let filled = self.holes.fill_json(text, request.step, place);
                        Some(self.hidden(key, &filled, place))
                    }
                    Ordered::Whole(number) => Holes::time(*number),
                    _ => None,
                };
                texts.extend(filled.map(|text| (pointer.to_owned(), Ordered::Text(text))));
            });
            let text_at =
                |pointer: &str| texts.iter().find(|(at, _)| at == pointer).map(|(_, text)| text.clone());
            step.set_json(document.replaced(&text_at));
            return;
        }
        let is_form = step.headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("content-type")
                && value.starts_with("application/x-www-form-urlencoded")
        });
        let filled = self.fill(text, request, place);
        step.body =
            PlannedBody::Text(if is_form { self.secrets.hidden_fields(&filled, place) } else { filled });
    }
}

/// Whether an object has a key that is known only in a run.
fn has_marked_key(document: &Ordered) -> bool {
    let below =
        document.entries().iter().any(|(key, value)| !markers(key).is_empty() || has_marked_key(value));
    below || document.items().iter().any(has_marked_key)
}

/// Gives each step the values that later ones need.
fn extracting(mut drafts: Vec<StepDraft>, holes: &Holes) -> Vec<StepDraft> {
    for draft in &mut drafts {
        let own = holes.extracts.iter().filter(|extract| extract.step == draft.number);
        draft.step.extract = own.map(|extract| (extract.name.clone(), extract.expression.clone())).collect();
    }
    drafts
}
