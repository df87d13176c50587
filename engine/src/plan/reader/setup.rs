//! What is done before the start, as typed: its requests, and how often they are sent again.

use super::requests::StepContext;
use super::{PlanReader, ScenarioKeys, Typed, flows};
use crate::config::{Diagnostic, OAuthConfig, RequestConfig, ScenarioConfig, SetupConfig, Text, Texts};
use crate::plan::fields::{Step, Target, TargetProtocol};
use crate::plan::setup_script::SetupScript;
use crate::quantity::parse_duration_ns;
use indexmap::IndexMap;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The value that a token of OAuth becomes.
const TOKEN: &str = "token";
/// The value that says for how many seconds it is good.
const EXPIRES_IN: &str = "expires_in";
const NEVER: &str = "never";
const STEP_FIX: &str = "write `[[setup.step]]` with `post = \"/session\"` or the like";

impl PlanReader<'_> {
    /// The names of the values that the setup gives, whether it can be read or not.
    pub(super) fn names_of_setup(&self) -> BTreeSet<String> {
        let Some(setup) = &self.config.setup else { return BTreeSet::new() };
        let of_oauth = setup.oauth.iter().flat_map(|_| [TOKEN.to_owned(), EXPIRES_IN.to_owned()]);
        setup.step.iter().flat_map(|step| step.extract.keys().cloned()).chain(of_oauth).collect()
    }

    /// Whether its values may change while the run goes on.
    pub(super) fn is_setup_renewed(&self) -> bool {
        let is_renewed = |setup: &SetupConfig| match &setup.refresh {
            Some(Text(text)) => text != NEVER,
            None => setup.oauth.is_some(),
        };
        self.config.setup.as_ref().is_some_and(is_renewed)
    }

    /// The setup as a scenario whose requests go to one target, if there is one.
    pub(super) fn typed_setup(&self) -> Option<Typed<'static>> {
        let setup = self.config.setup.as_ref()?;
        let url = setup.url.clone().or_else(|| setup.oauth.as_ref()?.token_url.clone());
        let config = ScenarioConfig {
            target: setup.target.clone(),
            url,
            headers: setup.headers.clone(),
            timeout: setup.timeout.clone(),
            ..ScenarioConfig::default()
        };
        Some(Typed { name: Some("setup"), config: Cow::Owned(config), is_setup: true })
    }

    /// What is done before the start, if anything is.
    pub(super) fn setup(&mut self, targets: &mut Vec<Target>) -> Option<Box<SetupScript<Step>>> {
        let (setup, typed) = (self.config.setup.as_ref()?, self.typed_setup()?);
        self.check_setup_form(setup);
        let known = self.diagnostics.len();
        self.keys.scenarios.push(ScenarioKeys::of_setup());
        self.has_values = true;
        let target = self.target_of(&typed, targets);
        let context = self.step_context(&typed, &targets[target], 0);
        let steps = match &setup.oauth {
            // What requests of another protocol have wrong follows from that.
            _ if !is_http(&targets[target]) => {
                let problem = format!(
                    "what is done before the start are requests of HTTP, and {} is no target of it",
                    targets[target].url
                );
                self.wrong("setup", problem, "give the setup a `url` of its own");
                Vec::new()
            }
            Some(oauth) => vec![self.token_step(oauth, &context)],
            None => self.setup_steps(setup, &context),
        };
        self.has_values = !self.setup_names.is_empty();
        self.keys.setup = self.keys.scenarios.pop();
        if setup.oauth.is_some() {
            // Its request was typed as other keys.
            for wrong in &mut self.diagnostics[known..] {
                wrong.path = oauth_key(&wrong.path);
            }
        }
        let (refresh_ns, is_never) = self.refresh(setup);
        let follows_token = setup.oauth.is_some() && refresh_ns.is_none() && !is_never;
        let lifetime = follows_token.then(|| EXPIRES_IN.to_owned());
        Some(Box::new(SetupScript { target, steps, refresh_ns, lifetime }))
    }

    fn check_setup_form(&mut self, setup: &SetupConfig) {
        if setup.oauth.is_some() {
            let others = [
                ("step", !setup.step.is_empty()),
                ("url", setup.url.is_some()),
                ("target", setup.target.is_some()),
            ];
            for (key, _) in others.into_iter().filter(|(_, is_given)| *is_given) {
                let problem =
                    format!("`oauth` says where a token is asked for, and how: `{key}` means nothing");
                self.wrong(&format!("setup.{key}"), problem, "leave one out");
            }
        } else if setup.step.is_empty() {
            self.wrong("setup", "the setup has no request", STEP_FIX);
        }
    }

    fn setup_steps(&mut self, setup: &SetupConfig, context: &StepContext<'_, '_>) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for (index, config) in setup.step.iter().enumerate() {
            let table = format!("setup.step.{index}");
            if config.target.is_some() {
                let fix = "write it into `[setup]`, for all of its steps";
                self.wrong(&format!("{table}.target"), "the steps of the setup go to one target", fix);
            }
            let of_flows = flows::given_step_keys(config).filter(|key| !["extract", "target"].contains(key));
            for key in of_flows.chain(config.weight.map(|_| "weight")) {
                let problem =
                    format!("`{key}` is of a step of a flow, and steps of the setup are done once, in order");
                let fix = "leave it out; what is done again and again is a step of the run, `[[step]]`";
                self.wrong(&format!("{table}.{key}"), problem, fix);
            }
            let step = self.step_of(config, context, table, false, &steps);
            steps.push(step);
        }
        steps
    }

    /// The request for a token of OAuth.
    fn token_step(&mut self, oauth: &OAuthConfig, context: &StepContext<'_, '_>) -> Step {
        let OAuthConfig { token_url, client_id, client_secret, scope, audience } = oauth;
        let needed = [("token_url", token_url), ("client_id", client_id), ("client_secret", client_secret)];
        for (key, _) in needed.iter().filter(|(_, text)| text.is_none()) {
            let problem = format!("`oauth` has no `{key}`");
            let fix = "write `oauth = { token_url = \"https://…\", client_id = \"…\", client_secret = \"{{env SECRET}}\" }`";
            self.wrong("setup.oauth", problem, fix);
        }
        let given = [
            ("client_id", client_id),
            ("client_secret", client_secret),
            ("scope", scope),
            ("audience", audience),
        ];
        let given = given.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?.0.clone())));
        let grant = [("grant_type", "client_credentials".to_owned())];
        let form: IndexMap<String, Texts> =
            grant.into_iter().chain(given).map(|(name, text)| (name.to_owned(), Texts(vec![text]))).collect();
        let extract = [(TOKEN, "json /access_token"), (EXPIRES_IN, "json /expires_in ?")]
            .map(|(name, from)| (name.to_owned(), Text(from.to_owned())));
        let config = RequestConfig {
            name: Some(Text("token".to_owned())),
            method: Some(Text("POST".to_owned())),
            form: Some(form),
            extract: extract.into_iter().collect(),
            ..RequestConfig::default()
        };
        self.step_of(&config, context, "setup.oauth".to_owned(), false, &[])
    }

    /// After how long it is done again, and whether that is said to be never.
    fn refresh(&mut self, setup: &SetupConfig) -> (Option<u64>, bool) {
        match &setup.refresh {
            None => (None, false),
            Some(Text(text)) if text == NEVER => (None, true),
            Some(Text(text)) => {
                let wrong = |cause| Diagnostic::unreadable("setup.refresh", cause);
                (self.take_with(parse_duration_ns(text), wrong), false)
            }
        }
    }
}

fn is_http(target: &Target) -> bool {
    let is_http = matches!(target.protocol, TargetProtocol::Http1 { .. } | TargetProtocol::Http2 { .. });
    is_http && target.grpc.is_none()
}

/// The key that was typed for a part of the request for a token.
fn oauth_key(path: &str) -> String {
    let Some(part) = path.strip_prefix("setup.oauth.form.") else {
        return match path {
            "setup.url" => "setup.oauth.token_url".to_owned(),
            other => other.to_owned(),
        };
    };
    format!("setup.oauth.{part}")
}
