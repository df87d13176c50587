//! What the calls of a plan are, by what their targets say of themselves: asked before anything else is sent.

use crate::exit::{Failure, PREFLIGHT, USAGE};
use crate::input::calls::{self, NumberedCalls, StepNumber, WrongCalls};
use crate::session::Session;
use engine::failure::RunFailure;
use engine::plan::{Broken, Plan, Target};
use engine::redact;
use engine::template::Piece;
use grpc::{ReflectedFiles, WrongCall, WrongFile};
use shards::preflight::Reflection;
use socket2::SockAddr;
use std::collections::BTreeSet;

/// Why a target has not told what its methods are.
enum Untold {
    /// It cannot be asked, or does not say it.
    Target(RunFailure),
    /// What it says is of no use.
    Files(WrongFile),
    /// What it says is not what the plan does.
    Calls(WrongCalls),
    /// The plan cannot be as it says.
    Plan(Broken),
}

/// The plan with what targets say of its calls; nothing where all is known.
pub(crate) fn described(
    plan: &Plan,
    addresses: &[Result<Vec<SockAddr>, RunFailure>],
    session: &Session,
) -> Result<Option<Plan>, Failure> {
    let mut described = None;
    for (target, addresses) in addresses.iter().enumerate() {
        let unknown = calls::unknown(plan, target);
        let Some((number, _)) = unknown.first() else { continue };
        let address = match addresses {
            Ok(addresses) => addresses[0].clone(),
            Err(failure) => return Err(failure.clone().into()),
        };
        let own = plan.targets[target].clone();
        let metadata = metadata(&plan.scenarios[number.0].steps()[number.1].request);
        let asked = session.heeding(move || ask(&own, &address, metadata, unknown))?;
        let before = described.as_ref().unwrap_or(plan);
        let told = asked.and_then(|calls| calls::with_described(before, calls).map_err(Untold::Plan));
        described = Some(told.map_err(|untold| failure(plan, untold))?);
    }
    Ok(described)
}

/// The metadata of a call that is the same for each.
fn metadata(request: &engine::plan::Request) -> Vec<(String, Vec<Piece>)> {
    let is_constant = |value: &[Piece]| value.iter().all(|piece| matches!(piece, Piece::Bytes(_)));
    request.fields().iter().filter(|(_, value)| is_constant(value)).cloned().collect()
}

/// Asks for all files that say something of the services that are called, and describes the calls by them.
fn ask(
    target: &Target,
    address: &SockAddr,
    metadata: Vec<(String, Vec<Piece>)>,
    calls: NumberedCalls,
) -> Result<NumberedCalls, Untold> {
    let mut reflection = Reflection::new(target, address, metadata);
    let (mut files, mut wrong) = (ReflectedFiles::default(), Vec::new());
    let mut asked: BTreeSet<&str> = BTreeSet::new();
    for (number, call) in &calls {
        let service = call.method.split('/').next().unwrap_or_default();
        if !asked.insert(service) {
            continue;
        }
        match reflection.files_of(service).map_err(Untold::Target)? {
            Some(found) => files.take(&found).map_err(Untold::Files)?,
            None => {
                let services = reflection.services().map_err(Untold::Target)?;
                wrong.push((*number, ReflectedFiles::unknown(&call.method, &services)));
            }
        }
    }
    if !wrong.is_empty() {
        return Err(Untold::Calls(wrong));
    }
    while let Some(name) = files.missing() {
        files.take(&reflection.file_named(&name).map_err(Untold::Target)?).map_err(Untold::Files)?;
        if !files.has(&name) {
            let problem = format!("the target does not hand out `{name}`, which its other files need");
            let fix = "name `.proto` files instead (`--proto`)".to_owned();
            return Err(Untold::Files(WrongFile { problem, fix }));
        }
    }
    let descriptors = files.descriptors().map_err(Untold::Files)?;
    let (described, wrong) = calls::describe(&descriptors, calls);
    if wrong.is_empty() { Ok(described) } else { Err(Untold::Calls(wrong)) }
}

fn failure(plan: &Plan, untold: Untold) -> Failure {
    let told = |problem: &str, fix: &str| format!("{}\n  help: {}", redact::told(problem), redact::told(fix));
    match untold {
        Untold::Target(RunFailure { text, fix, .. }) => {
            Failure::new(PREFLIGHT, told(&text, fix.as_deref().unwrap_or("check the address")))
        }
        Untold::Files(WrongFile { problem, fix }) => Failure::new(PREFLIGHT, told(&problem, &fix)),
        Untold::Plan(broken) => Failure::new(USAGE, broken.to_string()),
        Untold::Calls(wrong) => {
            let one = |((scenario, index), WrongCall { part, problem, fix }): &(StepNumber, WrongCall)| {
                let name = &plan.scenarios[*scenario].steps()[*index].name;
                let place = match part {
                    grpc::CallPart::Method | grpc::CallPart::Pace => String::new(),
                    grpc::CallPart::Message(_) => "in the message: ".to_owned(),
                };
                told(&format!("request `{name}`: {place}{problem}"), fix)
            };
            Failure::new(USAGE, wrong.iter().map(one).collect::<Vec<_>>().join("\n"))
        }
    }
}
