//! Plans as they are written down: without their secrets.

use super::{is_secret, mark, secrets, subprotocol, text};
use crate::flow::{FlowAction, FlowItem};
use crate::plan::{Plan, Step, TargetProtocol};
use crate::revision::{Change, Revision};
use crate::template::Piece;
use crate::threshold::Threshold;
use std::ops::Range;

/// The plan as it is written down: as it is, if its secrets are to be kept.
pub fn written(plan: &Plan) -> Plan {
    if plan.keeps_secrets { plan.clone() } else { self::plan(plan) }
}

/// The plan without its secrets, whether they are to be kept or not.
pub fn plan(plan: &Plan) -> Plan {
    plan.rewritten(|fields| {
        fields.name = text(&fields.name);
        for target in &mut fields.targets {
            (target.name, target.url.path) = (text(&target.name), text(&target.url.path));
            if let TargetProtocol::WebSocket { subprotocols, .. } = &mut target.protocol {
                subprotocols.iter_mut().for_each(|name| *name = subprotocol(name));
            }
        }
        for scenario in &mut fields.scenarios {
            scenario.name = text(&scenario.name);
            scenario.steps_mut().iter_mut().for_each(step);
            scenario.flow_mut().into_iter().for_each(|flow| flow_names(&mut flow.items));
        }
        fields.setup.iter_mut().flat_map(|setup| &mut setup.steps).for_each(step);
        fields.thresholds.iter_mut().for_each(threshold);
    })
}

/// A threshold as it is written down with the names of a plan without secrets.
pub fn threshold(threshold: &mut Threshold) {
    let (mut shown, mut is_known) = (threshold.text.clone(), true);
    let scope = &mut threshold.scope;
    for name in [&mut scope.scenario, &mut scope.step, &mut scope.flow].into_iter().flatten() {
        let redacted = text(name);
        is_known &= shown.contains(&*name);
        shown = shown.replace(&*name, &redacted);
        *name = redacted;
    }
    // Where a secret begins in a name that is written otherwise, what follows it is taken for a part of it.
    threshold.text = if is_known { shown } else { text(&threshold.text) };
}

/// What was changed of a run as it is written down: scenarios and requests may be called by their URLs.
pub fn revision(revision: &Revision) -> Revision {
    let mut shown = revision.clone();
    shown.scenario = text(&shown.scenario);
    match &mut shown.change {
        Change::Thinks(times) => times.iter_mut().for_each(|time| time.name = text(&time.name)),
        Change::Thresholds(thresholds) => thresholds.iter_mut().for_each(threshold),
        _ => {}
    }
    shown
}

/// The names of flows, which are told wherever these are gone through.
fn flow_names(items: &mut [FlowItem]) {
    for item in items {
        item.flow.iter_mut().for_each(|name| *name = text(name));
        match &mut item.action {
            FlowAction::Request(_) => {}
            FlowAction::Items(items) => flow_names(items),
            FlowAction::OneOf(branches) => branches.iter_mut().for_each(|branch| {
                branch.flow.iter_mut().for_each(|name| *name = text(name));
                flow_names(&mut branch.items);
            }),
        }
    }
}

fn step(step: &mut Step) {
    step.name = text(&step.name);
    step.request.map_payloads(pieces);
    if let Some(request) = step.request.http_mut() {
        request.path = pieces(&request.path);
    }
    for (name, value) in step.request.fields_mut().into_iter().flatten() {
        *value = if is_secret(name) { whole(value) } else { pieces(value) };
    }
}

/// A value that is a secret as a whole. What is drawn anew for each request is none, unless it is drawn from texts of the plan.
fn whole(value: &[Piece]) -> Vec<Piece> {
    let holds_text = |piece: &Piece| match piece {
        Piece::Bytes(_) => true,
        Piece::Value(hole) => !hole.values().is_empty(),
        _ => false,
    };
    if !value.iter().any(holds_text) {
        return value.iter().map(|piece| hole_shown(piece, false)).collect();
    }
    vec![Piece::Bytes(mark(&Flat::new(value).between(0..usize::MAX)).into_bytes())]
}

/// A hole without the keys in it, which are secrets wherever it stands; and without its other texts where those are.
fn hole_shown(piece: &Piece, also_values: bool) -> Piece {
    match piece {
        Piece::Value(hole) => {
            Piece::Value(Box::new(hole.with_texts(also_values, |text| mark(text.as_bytes()))))
        }
        other => other.clone(),
    }
}

/// The same of all pieces of a text: a secret that is picked from texts of the plan stands in its hole.
fn holes_shown(pieces: &[Piece]) -> Vec<Piece> {
    let mut before = Vec::new();
    let mut shown = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => {
                before.extend_from_slice(bytes);
                shown.push(piece.clone());
            }
            hole => {
                // A letter stands for it, so that it can be told whether it is part of a secret.
                before.push(b'x');
                let is_secret = secrets(&before).last().is_some_and(|secret| secret.end == before.len());
                shown.push(hole_shown(hole, is_secret));
            }
        }
    }
    shown
}

/// A text with holes, without the secrets in it.
fn pieces(pieces: &[Piece]) -> Vec<Piece> {
    let pieces = match pieces.iter().any(|piece| matches!(piece, Piece::Value(_))) {
        true => holes_shown(pieces),
        false => pieces.to_vec(),
    };
    let flat = Flat::new(&pieces);
    let found = secrets(&flat.bytes);
    if found.is_empty() {
        return pieces;
    }
    let (mut shown, mut at) = (Vec::new(), 0);
    for secret in found {
        flat.copy(at..secret.start, &mut shown);
        at = secret.end;
        shown.push(Piece::Bytes(mark(&flat.between(secret)).into_bytes()));
    }
    flat.copy(at..flat.bytes.len(), &mut shown);
    // A hole right behind the last secret is part of it.
    joined(shown)
}

/// The bytes of a text with holes in one, and where between them the holes are.
struct Flat {
    bytes: Vec<u8>,
    holes: Vec<(usize, Piece)>,
}

impl Flat {
    fn new(pieces: &[Piece]) -> Flat {
        let mut flat = Flat { bytes: Vec::new(), holes: Vec::new() };
        for piece in pieces {
            match piece {
                Piece::Bytes(bytes) => flat.bytes.extend_from_slice(bytes),
                hole => flat.holes.push((flat.bytes.len(), hole.clone())),
            }
        }
        flat
    }

    /// What a secret is known by: its bytes, and its holes in words.
    fn between(&self, range: Range<usize>) -> Vec<u8> {
        let end = range.end.min(self.bytes.len());
        let (mut known, mut at) = (Vec::new(), range.start);
        for (place, hole) in self.holes.iter().filter(|(place, _)| (range.start..=end).contains(place)) {
            known.extend_from_slice(&self.bytes[at..*place]);
            known.extend_from_slice(format!("{{{{{hole:?}}}}}").as_bytes());
            at = *place;
        }
        known.extend_from_slice(&self.bytes[at..end]);
        known
    }

    /// Copies what is no secret. Holes at its bounds belong to the secrets there, but for those at the ends of all.
    fn copy(&self, range: Range<usize>, shown: &mut Vec<Piece>) {
        let mut at = range.start;
        let is_inside = |place: usize| {
            (place > range.start || range.start == 0) && (place < range.end || range.end == self.bytes.len())
        };
        for (place, hole) in &self.holes {
            if (range.start..=range.end).contains(place) && is_inside(*place) {
                shown.push(Piece::Bytes(self.bytes[at..*place].to_vec()));
                shown.push(hole.clone());
                at = *place;
            }
        }
        shown.push(Piece::Bytes(self.bytes[at..range.end].to_vec()));
    }
}

fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (joined.last_mut(), piece) {
            (_, Piece::Bytes(bytes)) if bytes.is_empty() => {}
            (Some(Piece::Bytes(before)), Piece::Bytes(bytes)) => before.extend(bytes),
            (_, piece) => joined.push(piece),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Document, Format, Layers};
    use crate::plan::HttpRequest;

    fn plan_of(text: &str) -> Plan {
        let document = Document { name: "p".into(), text: text.into(), format: Format::Toml };
        let config = Layers::new(Some(document)).unwrap().config().unwrap();
        Plan::new(&config, &|_| Ok(b"\xff\x00password=s3cret&x=\xfe".to_vec())).unwrap()
    }

    const PLAN: &str = "url = 'http://h/a?api_key=s3cret'\n[headers]\nAuthorization = 'Bearer s3cret'\nCookie = 'a=s3cret'\n\
        Referer = 'http://h/?token=s3cret{{seq}}'\nX-Token = '{{uuid}}'\n[[request]]\n[[request]]\npath = '/{{seq}}?x={{rand 1 9}}&token=s3{{seq}}cret{{seq}}&y={{uuid}}'\n\
        body = '{\"password\": \"s3cret\", \"n\": {{seq}}}'\n[[request]]\nbody = '@file'\n";

    fn requests(plan: &Plan) -> Vec<HttpRequest> {
        plan.steps().filter_map(|step| step.request.http().cloned()).collect()
    }

    #[test]
    fn a_plan_is_written_without_its_secrets_and_read_again() {
        let plan = plan_of(PLAN);
        let shown = written(&plan);
        let json = serde_json::to_string(&shown).unwrap();
        for secret in ["s3cret", "cret", "czNjcmV0"] {
            assert!(!json.contains(secret), "{json}");
        }
        assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), shown);
        assert_eq!(super::plan(&shown), shown, "once is enough");
        let HttpRequest { path, .. } = &requests(&shown)[1];
        let holes = path.iter().filter(|piece| !matches!(piece, Piece::Bytes(_))).count();
        assert_eq!(holes, 3, "what is drawn and no part of a secret stays: {path:?}");
        let headers = &requests(&shown)[0].headers;
        let token = headers.iter().find(|(name, _)| name == "X-Token").unwrap();
        assert_eq!(token.1, [Piece::Uuid], "what is drawn anew is no secret");
        let name = &shown.steps().next().unwrap().name;
        assert_eq!(*name, format!("GET /a?api_key={}", mark(b"s3cret")));
        let kept = plan.changed(|fields| fields.keeps_secrets = true).unwrap();
        assert_eq!(written(&kept), kept);
        assert_eq!(written(&plan_of("url = 'http://h/?a=1'")), plan_of("url = 'http://h/?a=1'"));
    }

    #[test]
    fn named_flows_and_conditions_on_them_are_called_the_same_without_their_secrets() {
        let plan = plan_of(
            "url = 'http://h/'\n[run]\nduration = '5s'\n[scenario.a]\nload = { rate = 1 }\nflow = ['in?token=s3cret', 'b']\n\
             [[flow.'in?token=s3cret']]\nget = '/a'\n[[flow.b]]\nchoose = { 'out?token=s3cret' = 1, c = 1 }\n\
             [[flow.c]]\nget = '/c'\n[[flow.'out?token=s3cret']]\nget = '/b'\n\
             [thresholds]\n'response{flow=in?token=s3cret}' = 'p(99)<1s'\n'failed{flow=out?token=s3cret}' = 'rate<1%'",
        );
        assert_eq!(plan.scenarios[0].named_flows().len(), 4);
        let shown = written(&plan);
        let json = serde_json::to_string(&shown).unwrap();
        assert!(!json.contains("s3cret"), "{json}");
        let known = shown.scenarios[0].named_flows();
        for threshold in &shown.thresholds {
            let flow = threshold.scope.flow.as_deref().unwrap();
            assert!(known.contains(&flow) && threshold.text.contains(flow), "{threshold:?}");
        }
        assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), shown);
    }

    #[test]
    fn openings_messages_and_subprotocols_are_written_without_their_secrets() {
        let plan = plan_of(
            "url = 'ws://h/ws?token=s3cret'\n[headers]\nCookie = 's3cret'\n\
             [websocket]\nsubprotocols = ['chat', 'bearer.token.s3cret']\n\
             [[request]]\ntext = '{\"password\": \"s3cret\", \"n\": {{seq}}}'\n[[request]]\nbinary = '@file'",
        );
        let json = serde_json::to_string(&written(&plan)).unwrap();
        assert!(!json.contains("s3cret") && !json.contains("czNjcmV0"), "{json}");
        assert!(json.contains("\"chat\""), "{json}");
        assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), written(&plan));
    }

    #[test]
    fn the_same_secret_is_the_same_plan_and_another_is_another() {
        let sent = |plan: &str| requests(&super::plan(&plan_of(plan)));
        let one = sent(PLAN);
        assert_eq!(one, sent(PLAN));
        for (from, to) in [
            ("Bearer s3cret", "Bearer other"),
            ("s3{{seq}}cret", "s3{{uuid}}cret"),
            ("\"s3cret\"", "\"other\""),
        ] {
            assert_ne!(one, sent(&PLAN.replace(from, to)), "{from}");
        }
    }

    /// What is written of a text with values, as JSON.
    fn shown_in(name: &str, text: &str) -> String {
        let value = crate::template::parse(text).unwrap();
        let shown = if is_secret(name) { whole(&value) } else { pieces(&value) };
        serde_json::to_string(&shown).unwrap()
    }

    #[test]
    fn keys_in_holes_are_secrets_and_so_are_texts_that_are_picked_for_one() {
        for (name, text) in [
            ("X-Signature", "{{seq | hmac_sha256 's3cret'}}"),
            ("X-Check", "{{seq | hmac_sha256 's3cret'}}"),
            ("X-Api-Key", "{{pick s3cret 's3cret two'}}"),
            ("X-Api-Key", "{{pick s3cret 's3cret two'}}-{{seq}}"),
            ("path", "/a?x=1&token={{pick s3cret 's3cret two'}}&y={{token}}"),
            ("path", "/a?token=s3{{pick s3cret two}}cret"),
        ] {
            let shown = shown_in(name, text);
            assert!(!shown.contains("cret") && shown.contains(super::super::MARK), "{text}: {shown}");
            let again: Vec<Piece> = serde_json::from_str(&shown).unwrap();
            let again = if is_secret(name) { whole(&again) } else { pieces(&again) };
            assert_eq!(serde_json::to_string(&again).unwrap(), shown, "once is enough");
        }
        for text in ["/a?q={{pick red green}}&token={{token}}", "{{iteration}}"] {
            let value = crate::template::parse(text).unwrap();
            assert_eq!(pieces(&value), value, "{text}");
        }
        assert_ne!(shown_in("x", "{{seq | hmac_sha256 'a'}}"), shown_in("x", "{{seq | hmac_sha256 'b'}}"));
    }

    #[test]
    fn what_comes_from_the_environment_is_a_secret_where_its_place_is_one() {
        let text = "url = 'http://h/'\n[headers]\nAuthorization = 'Bearer {{env TOKEN}}'\n\
                    [[request]]\npath = '/?token={{env TOKEN}}'\nform = { pass = '{{env TOKEN}}' }\n\
                    [[request]]\njson = { password = '{{env TOKEN}}' }\n\
                    [[request]]\nmultipart = { password = '{{env TOKEN}}', note = 'kept', key = 'h1dden{{seq}}' }";
        let document = Document { name: "p".into(), text: text.into(), format: Format::Toml };
        let mut layers = Layers::new(Some(document)).unwrap();
        layers.set_environment([("TOKEN".to_owned(), "s3cret".to_owned())]);
        let (plan, _) =
            Plan::read(&layers.read(), &|_| Err(String::new()), crate::plan::Purpose::Run).unwrap();
        assert_eq!(requests(&plan)[0].headers[0].1[1], Piece::Bytes(b"s3cret".to_vec()));
        let shown = serde_json::to_string(&written(&plan)).unwrap();
        assert!(
            !shown.contains("s3cret")
                && !shown.contains("h1dden")
                && shown.contains("note")
                && shown.contains("kept"),
            "{shown}"
        );
        assert!(!format!("{layers:?}").contains("s3cret"));
    }
}
