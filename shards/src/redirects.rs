//! What is sent where a redirect leads: forms of a plan's requests, encoded as their protocol has them.

use engine::failure::{FailureKind, RunFailure};
use engine::flow::RedirectForms;
use engine::mix::EncodedStep;
use engine::plan::{self, HttpRequest, Plan, Scenario};
use engine::redirect::{OF_BODY, RedirectTarget};
use engine::template::{Hole, HolePlace, HoleSource, Piece, Template};
use std::borrow::Cow;

/// How redirects of each step of a scenario are followed; nothing where none is.
pub(crate) fn forms(
    plan: &Plan,
    scenario: &Scenario,
    encode: impl Fn(&plan::Step) -> Result<EncodedStep, RunFailure>,
) -> Result<Vec<Option<RedirectForms>>, RunFailure> {
    let of_step = |step: &plan::Step| {
        let Some(request) = step.request.http().filter(|_| step.looks.redirects > 0) else { return Ok(None) };
        let url = &plan.target_of(step).url;
        let mut target = RedirectTarget::new(url.scheme.is_tls(), url.authority.as_bytes());
        // Where requests say that they are for another name, the target is known by that as well.
        for (_, host) in request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("host")) {
            if let [Piece::Bytes(name)] = &host[..] {
                target.know_as(name);
            }
        }
        let form = |is_asking| Ok(encode(&hop(step, is_asking))?.template);
        Ok(Some(RedirectForms {
            hops_max: step.looks.redirects,
            method: request.method.clone(),
            target,
            path: path(step)?,
            kept: form(false)?,
            asking: form(true)?,
        }))
    };
    match scenario.steps().iter().any(|step| step.looks.redirects > 0) {
        true => scenario.steps().iter().map(of_step).collect(),
        false => Ok(Vec::new()),
    }
}

/// The path of a request that a session sends, with its query.
pub(crate) fn path(step: &plan::Step) -> Result<Template, RunFailure> {
    let step = filled_once(step);
    let request = step.request.http().expect("paths are asked for of requests of HTTP");
    Template::new(request.path.clone()).map_err(|problem| FailureKind::Plan.failure(problem))
}

/// A step whose values are all filled in before it is rendered, where redirects are followed: what is drawn while it is rendered would be
/// drawn anew for a hop without some of it.
pub(crate) fn filled_once(step: &plan::Step) -> Cow<'_, plan::Step> {
    if step.looks.redirects == 0 {
        return Cow::Borrowed(step);
    }
    let mut step = step.clone();
    if let Some(request) = step.request.http_mut() {
        fill_before(&mut request.path, HolePlace::Path);
        request.headers.iter_mut().for_each(|(_, value)| fill_before(value, HolePlace::Header));
        request.body.iter_mut().for_each(|body| fill_before(body, HolePlace::Body));
    }
    Cow::Owned(step)
}

fn fill_before(pieces: &mut [Piece], place: HolePlace) {
    for piece in pieces {
        let source = match piece {
            Piece::Seq => HoleSource::Seq,
            Piece::Uuid => HoleSource::Uuid,
            &mut Piece::Rand { low, high } => HoleSource::Rand { low, high },
            _ => continue,
        };
        *piece = Piece::Value(Box::new(Hole { place, ..Hole::new(source) }));
    }
}

/// A step as it is sent where a redirect leads: with its method and body, or as one that asks alone (RFC 9110, section 15.4).
fn hop(step: &plan::Step, is_asking: bool) -> plan::Step {
    let mut step = filled_once(step).into_owned();
    let Some(HttpRequest { method, path, headers, body }) = step.request.http_mut() else { return step };
    *path = vec![Piece::Value(Box::new(Hole { place: HolePlace::Path, ..Hole::new(HoleSource::Location) }))];
    if is_asking {
        if method != "HEAD" {
            *method = "GET".to_owned();
        }
        *body = None;
        headers.retain(|(name, _)| !OF_BODY.iter().any(|of_body| name.eq_ignore_ascii_case(of_body)));
    }
    step
}
