//! What is done before the start: its requests as a plan of their own, and its values in the place of their names.

use super::bounds::REFRESH_NS_MIN;
use super::fields::{
    Fields, HttpRequest, Machine, Pool, Request, Scenario, Script, Step, TargetProtocol, Wait,
};
use super::mistake::Mistake;
use super::pool_size::PoolSize;
use super::setup_script::SetupScript;
use crate::flow::{FlowAction, FlowItem, FlowScript, SetupValues};
use crate::load::{Load, UserLoad};
use crate::phase::{Phases, Warmup};
use crate::quantity::{DURATION_NS_MAX, SECOND_NS, show_ns};
use crate::resilience::Resilience;
use crate::template::{Hole, HoleName, HoleSource, Piece};
use std::collections::BTreeSet;
use std::fmt;

/// What the seed of a run is changed by, so that nothing that is drawn before the start is drawn again in the run.
const SEED_APART: u64 = 0x5e7_0000_0000;

/// A request of the run that cannot be filled with a value of the setup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfilledStep {
    /// What the request is called.
    pub step: String,
    /// The values that it names.
    pub names: Vec<String>,
    /// What is wrong.
    pub why: String,
}

impl fmt::Display for UnfilledStep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnfilledStep { step, names, why } = self;
        write!(formatter, "`{}` of the setup cannot stand in `{step}`: {why}", names.join("`, `"))
    }
}

impl std::error::Error for UnfilledStep {}

/// The names of the values that it gives, each once, in the order in which they are taken.
pub(super) fn names(setup: &SetupScript<Step>) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for extract in setup.steps.iter().flat_map(|step| &step.looks.extracts) {
        if !names.contains(&extract.name.as_str()) {
            names.push(&extract.name);
        }
    }
    names
}

/// Those of the plan's, if it has any.
pub(super) fn names_of(fields: &Fields) -> BTreeSet<&str> {
    fields.setup.iter().flat_map(|setup| names(setup)).collect()
}

/// Whether all that a hole depends on is known when the run begins, and stays as it is.
pub(super) fn is_given(hole: &Hole, names: &BTreeSet<&str>) -> bool {
    let is_name = |name: &HoleName| matches!(name, HoleName::Variable(name) if names.contains(name.as_str()));
    matches!(hole.source, HoleSource::Text(_) | HoleSource::Named(_)) && hole.all_names().all(is_name)
}

/// Tells of the holes of a plan whether they can be filled once, when its run begins.
pub(super) fn known_at_start(fields: &Fields) -> impl Fn(&Hole) -> bool {
    let is_renewed = fields.setup.as_ref().is_some_and(|setup| setup.is_renewed());
    let names = if is_renewed { BTreeSet::new() } else { names_of(fields) };
    move |hole| is_given(hole, &names)
}

/// Its requests as a plan of their own: one iteration of a flow.
pub(super) fn own_fields(fields: &Fields, setup: &SetupScript<Step>) -> Fields {
    let steps: Vec<Step> = setup.steps.iter().map(|step| Step { pool: 0, ..step.clone() }).collect();
    let items = (0..steps.len()).map(|step| FlowItem::new(FlowAction::Request(step))).collect();
    let flow = FlowScript {
        items,
        sessions_max: 1,
        graceful_ns: 0,
        resilience: Resilience::default(),
        cookies: false,
    };
    Fields {
        name: "setup".into(),
        targets: fields.targets.get(setup.target).cloned().into_iter().collect(),
        pools: vec![Pool { target: 0, connections: PoolSize::Shared(1) }],
        feeds: fields.feeds.clone(),
        scenarios: vec![Scenario {
            name: "setup".into(),
            starts_ns: 0,
            length_ns: SECOND_NS,
            load: Load::Users(UserLoad::constant(1, SECOND_NS)),
            requests_max: None,
            script: Script::Flow { steps, flow },
        }],
        machine: Machine { shards: 1, cores: Vec::new(), wait: Wait::Park },
        phases: Phases { measure_from_ns: 0, measure_to_ns: SECOND_NS },
        warmup: Warmup::Fixed,
        until: None,
        seed: fields.seed ^ SEED_APART,
        interval_ns: SECOND_NS,
        thresholds: Vec::new(),
        keeps_secrets: fields.keeps_secrets,
        setup: None,
    }
}

/// What is wrong with it beside what would be wrong with any plan, each with the number of its step or one of its keys, if it is of one.
pub(super) fn mistakes(
    fields: &Fields,
    setup: &SetupScript<Step>,
) -> Vec<(Option<usize>, &'static str, Mistake)> {
    let mut mistakes: Vec<(Option<usize>, &'static str, Mistake)> = Vec::new();
    let mut wrong =
        |step, key, problem: String, fix: &str| mistakes.push((step, key, Mistake::new(problem, fix)));
    let Some(target) = fields.targets.get(setup.target) else {
        wrong(None, "", format!("there is no target {}", setup.target), "name one that there is");
        return mistakes;
    };
    let is_http = matches!(target.protocol, TargetProtocol::Http1 { .. } | TargetProtocol::Http2 { .. });
    if !is_http || target.grpc.is_some() {
        let problem = format!(
            "what is done before the start are requests of HTTP, and {} is no target of it",
            target.url
        );
        wrong(None, "", problem, "give the setup a `url` of its own");
    }
    if setup.steps.is_empty() {
        wrong(None, "", "the setup sends no request".into(), "give it a step, or leave it out");
    }
    if let Some(refresh_ns) = setup.refresh_ns
        && !(REFRESH_NS_MIN..=DURATION_NS_MAX).contains(&refresh_ns)
    {
        let problem = format!("{} from one refresh to the next cannot be", show_ns(refresh_ns));
        wrong(None, "refresh", problem, &format!("give at least {}", show_ns(REFRESH_NS_MIN)));
    }
    if let Some(name) = &setup.lifetime
        && !names(setup).contains(&name.as_str())
    {
        let problem = format!("`{name}` is to say how long values are good, and no step takes it");
        wrong(None, "", problem, "take it from a response");
    }
    for (index, step) in setup.steps.iter().enumerate() {
        let pieces = step.request.parts().flatten();
        let holes = pieces.filter_map(|piece| match piece {
            Piece::Value(hole) => Some(hole),
            _ => None,
        });
        if let Some((feed, column)) = holes.flat_map(|hole| hole.columns()).next() {
            let problem = format!("`{feed}.{column}` is of an iteration's row, and the setup is none");
            let fix = "write the value itself, or `{{env NAME}}`";
            wrong(Some(index), "", problem, fix);
        }
    }
    mistakes
}

/// Puts values in the place of their names, wherever nothing else is needed to fill in what stands there.
pub(super) fn fill(fields: &mut Fields, values: &SetupValues) -> Result<(), UnfilledStep> {
    // In a flow a condition may pass over the step that names what is absent, which then keeps its name.
    let steps = fields.scenarios.iter_mut().flat_map(|scenario| {
        let may_lack = scenario.flow().is_some();
        scenario.steps_mut().iter_mut().map(move |step| (step, may_lack))
    });
    for (step, may_lack) in steps {
        let mut first = None;
        let mut filled = |pieces: &[Piece]| -> Vec<Piece> {
            pieces.iter().map(|piece| filled_piece(piece, values, may_lack, &mut first)).collect()
        };
        if let Some(HttpRequest { path, .. }) = step.request.http_mut() {
            *path = filled(path);
        }
        for (_, value) in step.request.fields_mut().into_iter().flatten() {
            *value = filled(value);
        }
        // Messages of gRPC are encoded by now; no value of the setup stands in them.
        if !matches!(step.request, Request::Grpc(_)) {
            let carried: Vec<Vec<Piece>> = step.request.payloads().map(&mut filled).collect();
            if let [carried] = &carried[..] {
                step.request.map_payloads(|_| carried.clone());
            }
        }
        if let Some((names, why)) = first {
            return Err(UnfilledStep { step: step.name.clone(), names, why });
        }
    }
    Ok(())
}

/// A piece with values in the place of names. The first that cannot be is kept with its reason.
fn filled_piece(
    piece: &Piece,
    values: &SetupValues,
    may_lack: bool,
    first: &mut Option<(Vec<String>, String)>,
) -> Piece {
    let Piece::Value(hole) = piece else { return piece.clone() };
    if may_lack && hole.names().any(|name| values.named(name) == Some(None)) {
        return piece.clone();
    }
    match hole.with_constants(|name| values.named(name)) {
        Some(Ok(bytes)) => Piece::Bytes(bytes),
        Some(Err(unfilled)) => {
            first.get_or_insert_with(|| {
                let names = hole.names().map(str::to_owned).collect();
                let is_missing = hole.names().any(|name| values.named(name) == Some(None));
                let why = match is_missing {
                    true => "it was in no response".to_owned(),
                    false => unfilled.to_string(),
                };
                (names, why)
            });
            piece.clone()
        }
        None => piece.clone(),
    }
}
