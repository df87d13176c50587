//! What the calls of a plan are, by the `.proto` files that it names: found out before anything is sent.

use engine::config::{Diagnostic, Layers};
use engine::plan::{Broken, GrpcCall, Plan, Request, Step, Target};
use grpc::{CallPart, Descriptors, WrongCall};

/// A call of a plan: the number of its scenario, and its own.
pub(crate) type StepNumber = (usize, usize);

/// Calls, each with where it is.
pub(crate) type NumberedCalls = Vec<(StepNumber, GrpcCall)>;

/// What is wrong with calls, each with where it is.
pub(crate) type WrongCalls = Vec<(StepNumber, WrongCall)>;

/// The calls to a target of which it is not known what they are.
pub(crate) fn unknown(plan: &Plan, target: usize) -> NumberedCalls {
    let is_meant = |step: &Step| plan.pools[step.pool].target == target;
    let mut calls = Vec::new();
    for (number, scenario) in plan.scenarios.iter().enumerate() {
        for (index, step) in scenario.steps().iter().enumerate().filter(|(_, step)| is_meant(step)) {
            if let Request::Grpc(call) = &step.request
                && call.described.is_none()
            {
                calls.push(((number, index), call.clone()));
            }
        }
    }
    calls
}

/// The plan with what was found out of calls.
pub(crate) fn with_described(plan: &Plan, described: NumberedCalls) -> Result<Plan, Broken> {
    plan.changed(|fields| {
        for ((scenario, index), mut call) in described {
            let step = &mut fields.scenarios[scenario].steps_mut()[index];
            let reply = call.described.as_mut().and_then(|method| method.reply.take());
            // What nobody looks at is not told.
            step.looks.message = reply.filter(|_| step.looks.wants().body_bytes_max > 0);
            step.request = Request::Grpc(call);
        }
    })
}

/// Describes calls; what is wrong is told of each.
pub(crate) fn describe(descriptors: &Descriptors, calls: NumberedCalls) -> (NumberedCalls, WrongCalls) {
    let (mut described, mut wrong) = (Vec::new(), Vec::new());
    for (number, call) in calls {
        match descriptors.describe(&call) {
            Ok(method) => described.push((number, GrpcCall { described: Some(method), ..call })),
            Err(found) => wrong.extend(found.into_iter().map(|found| (number, found))),
        }
    }
    (described, wrong)
}

/// The plan with all that its files say of its calls, or what is wrong with either.
pub(crate) fn by_files(plan: Plan, layers: &Layers) -> Result<Plan, Vec<Diagnostic>> {
    let (mut found, mut diagnostics) = (Vec::new(), Vec::new());
    for (target, calls) in
        plan.targets.iter().enumerate().map(|(index, target)| (target, unknown(&plan, index)))
    {
        let Some(source) = target.grpc.as_ref().filter(|source| !source.proto.is_empty()) else { continue };
        if calls.is_empty() {
            continue;
        }
        match Descriptors::compile(&source.proto, &source.import_paths) {
            Ok(descriptors) => {
                let (described, wrong) = describe(&descriptors, calls);
                found.extend(described);
                diagnostics
                    .extend(wrong.into_iter().map(|(number, wrong)| told(&plan, layers, number, wrong)));
            }
            Err(wrong) => {
                diagnostics.push(Diagnostic::at(key_of_files(target, layers), wrong.problem, wrong.fix));
            }
        }
    }
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    if found.is_empty() {
        return Ok(plan);
    }
    with_described(&plan, found)
        .map_err(|broken| vec![Diagnostic::at("request", broken.to_string(), "change the call")])
}

/// Where the files of a target were typed.
fn key_of_files(target: &Target, layers: &Layers) -> String {
    let own = format!("target.{}.grpc.proto", target.name);
    let is_own = layers.get_at(&["target", &target.name, "grpc", "proto"]).is_some();
    if is_own { own } else { "grpc.proto".to_owned() }
}

/// What is wrong with a call, where it was typed.
fn told(plan: &Plan, layers: &Layers, (scenario, index): StepNumber, wrong: WrongCall) -> Diagnostic {
    let name = &plan.scenarios[scenario].name;
    let table: Vec<&str> = match layers.get("scenario").is_some() {
        true => vec!["scenario", name],
        false => Vec::new(),
    };
    let request = |key: &str| {
        let number = index.to_string();
        [table.as_slice(), &["request", &number, key]].concat().join(".")
    };
    let is_typed = |key: &str| {
        let path = [table.as_slice(), &["request"]].concat();
        let requests = layers.get_at(&path).and_then(toml::Value::as_array);
        requests.and_then(|requests| requests.get(index)?.get(key)).is_some()
    };
    let keys: &[&str] = match wrong.part {
        CallPart::Method => &["call"],
        CallPart::Pace => &["every", "ping_pong"],
        CallPart::Message(_) => &["message", "body", "messages"],
    };
    let path = match (keys.iter().find(|key| is_typed(key)), wrong.part) {
        (Some(&"messages"), CallPart::Message(number)) => format!("{}.{number}", request("messages")),
        (Some(key), _) => request(key),
        // The URL says what is called.
        (None, _) => [table.as_slice(), &["url"]].concat().join("."),
    };
    let problem = match wrong.part {
        CallPart::Method | CallPart::Pace => wrong.problem,
        CallPart::Message(_) => format!("in the message: {}", wrong.problem),
    };
    Diagnostic::at(path, problem, wrong.fix)
}
