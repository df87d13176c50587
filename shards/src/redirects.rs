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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{http1, http2};
    use engine::config::{Document, Format, Layers};
    use engine::outbox;
    use engine::random::Draws;
    use engine::template::FilledValues;

    fn plan() -> Plan {
        let text = "url = 'http://h:80/'\nload = { rate = 1 }\n[[request]]\npost = '/a/{{rand 1 9}}'\nheaders.X-A = '{{uuid}}'\n\
                    headers.Content-Type = 'text/x'\nbody = 'b {{seq}}'\nredirects = 2\n[[request]]\nget = '/plain'\n";
        let document = Document { name: "p".into(), text: text.into(), format: Format::Toml };
        Plan::new(&Layers::new(Some(document)).unwrap().config().unwrap(), &|_| Err(String::new())).unwrap()
    }

    fn rendered(template: &Template, texts: &[&str]) -> String {
        let mut filled = FilledValues::default();
        texts.iter().for_each(|text| filled.push(|out| out.extend_from_slice(text.as_bytes())));
        let write = |out: &mut outbox::Outbox<'_>| template.render_filled(7, Draws::new(1, 0), &filled, out);
        String::from_utf8(outbox::collected(template.bytes_max(), write)).unwrap()
    }

    #[test]
    fn a_hop_has_the_values_of_its_request_and_one_that_asks_alone_nothing_of_its_body() {
        let plan = plan();
        let encode = |step: &plan::Step| http1::encode(step, "h:80", true);
        let forms = forms(&plan, &plan.scenarios[0], encode).unwrap();
        let [Some(of_post), None] = &forms[..] else { panic!("of the first request alone: {forms:?}") };
        let kept = rendered(&of_post.kept, &["/x", "UUID", "7"]);
        assert!(kept.starts_with("POST /x HTTP/1.1\r\n") && kept.ends_with("\r\n\r\nb 7"), "{kept}");
        assert!(
            kept.contains("Content-Type: text/x\r\n") && kept.contains("Content-Length: 3\r\n"),
            "{kept}"
        );
        let asking = rendered(&of_post.asking, &["/x", "UUID"]);
        assert!(
            asking.starts_with("GET /x HTTP/1.1\r\n") && asking.ends_with("X-A: UUID\r\n\r\n"),
            "{asking}"
        );
        assert!(!asking.contains("Content-"), "{asking}");
        let path = rendered(&of_post.path, &["5"]);
        assert_eq!((path.as_str(), of_post.hops_max, of_post.method.as_str()), ("/a/5", 2, "POST"));
    }

    #[test]
    fn over_http_2_requests_and_their_hops_differ_in_what_is_rendered_alone() {
        let plan = plan();
        let step = filled_once(&plan.scenarios[0].steps()[0]).into_owned();
        let holes =
            |step: &plan::Step| http2::encode(step, "http", "h:80").unwrap().0.template.holes().count();
        assert_eq!([holes(&step), holes(&hop(&step, false)), holes(&hop(&step, true))], [3, 3, 2]);
    }
}
