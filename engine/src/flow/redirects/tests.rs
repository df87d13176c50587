//! Sessions that are led from one place to the next, each test playing the target.

use super::super::rows::NoRows;
use super::super::*;
use super::*;
use crate::bucket::{Arrival, Share};
use crate::mix::EncodedStep;
use crate::outbox;
use crate::outcome::{Kind, Outcome};
use crate::quantity::MILLISECOND_NS;
use crate::record::{Iteration, IterationEnd, Layout, LookedFor, Recorder, RedirectCounts};
use crate::resilience::Resilience;
use crate::retry::{RetryCause, RetryRules, RetryWait};
use crate::seams::{End, EndedAt, Following, Source, Started};
use crate::template::{HolePlace, Piece};
use proptest::prelude::*;
use url::Url;

const FIRST_NS: u64 = 100 * MILLISECOND_NS;
/// How long each response takes, and how much of it is the generator's.
const SERVICE_NS: u64 = 2 * MILLISECOND_NS;
const LAG_NS: u64 = MILLISECOND_NS / 2;
const START: &str = "/a/b?n=7";

fn bytes(text: &str) -> Piece {
    Piece::Bytes(text.into())
}

fn value(source: HoleSource, place: HolePlace) -> Piece {
    Piece::Value(Box::new(Hole { place, ..Hole::new(source) }))
}

fn template(pieces: Vec<Piece>) -> Template {
    Template::new(pieces).unwrap()
}

/// A flow of one request `METHOD /a/b?n=7 h=DRAWN DRAWN`, of which so many redirects are followed.
fn source(method: &str, hops_max: u32, resilience: Resilience) -> FlowSource<NoRows> {
    let drawn = || value(HoleSource::Rand { low: 1, high: 1_000_000 }, HolePlace::Body);
    let path = || vec![bytes("/a/b?n="), value(HoleSource::Seq, HolePlace::Path)];
    let request = |method: &str, path: Vec<Piece>, has_body: bool| {
        let mut pieces = vec![bytes(&format!("{method} "))];
        pieces.extend(path);
        pieces.extend([bytes(" h="), drawn()]);
        if has_body {
            pieces.extend([bytes(" "), drawn()]);
        }
        template(pieces)
    };
    let led = || vec![value(HoleSource::Location, HolePlace::Path)];
    let asking = if method == "HEAD" { "HEAD" } else { "GET" };
    let has_body = method == "POST" || method == "PUT";
    let forms = RedirectForms {
        hops_max,
        method: method.to_owned(),
        target: RedirectTarget::new(false, b"h.example:8080"),
        path: template(path()),
        kept: request(method, led(), has_body),
        asking: request(asking, led(), false),
    };
    let step = EncodedStep { template: request(method, path(), has_body), weight: 1, is_bodyless: false };
    let looks = StepLooks { redirects: hops_max, ..StepLooks::default() };
    let script = FlowScript {
        items: vec![FlowItem::new(FlowAction::Request(0))],
        sessions_max: 10,
        graceful_ns: 0,
        resilience,
        cookies: false,
    };
    FlowSource::new(FlowParts {
        script: &script,
        steps: vec![(step, &looks)],
        draws: Draws::new(7, 0),
        sessions_max: 10,
        users: None,
        feeds: &[],
        rows: NoRows,
        share: Share { shard: 0, shards: 1 },
        unix_offset_ns: 0,
        cookies: None,
        constants: FlowConstants::default(),
        redirects: vec![Some(forms)],
    })
}

/// What the target answers: a status, and where it leads.
type Answer = (u16, Option<String>);

/// What was played.
struct Played {
    /// What was sent, and when it was intended and due.
    sent: Vec<(String, u64, u64)>,
    outcome: Outcome,
    ended: Iteration,
    recorder: Recorder,
}

/// One arrival, number 7, whose requests are answered in turn.
fn played(source: &mut FlowSource<NoRows>, answers: &[Answer]) -> Played {
    let arrival = Arrival { number: 7, intended_ns: FIRST_NS };
    let mut recorder = Recorder::new(
        0,
        &Layout::new([1]).with_flows([0]),
        crate::phase::Phases { measure_from_ns: 0, measure_to_ns: u64::MAX },
    );
    let Started::Call(call) = source.start(arrival) else { panic!("it begins at once") };
    let mut next = Some(Following { call, arrival, due_ns: FIRST_NS });
    let (mut sent, mut outcome) = (Vec::new(), Outcome::Ok(0));
    let mut answers = answers.iter();
    while let Some(Following { call, arrival, due_ns }) = next {
        source.prepare(call, due_ns).unwrap();
        let bytes_max = source.steps()[0].bytes_max;
        let rendered = outbox::collected(bytes_max, |out| source.render(call, arrival.number, out));
        sent.push((String::from_utf8(rendered).unwrap(), arrival.intended_ns, due_ns));
        let (code, location) = answers.next().expect("no more is asked than is answered");
        if let Some(location) = location {
            source.field(call, b"LOCATION", location.as_bytes());
        }
        let (sent_ns, done_ns) = (due_ns + LAG_NS, due_ns + LAG_NS + SERVICE_NS);
        let end = End::Response { code: *code, is_ok: *code < 400 };
        outcome = source.end(call, end, EndedAt { sent_ns, done_ns, lag_ns: LAG_NS });
        let instants =
            crate::record::Instants { intended: arrival.intended_ns, sent: sent_ns, done: done_ns };
        let attempt = source.ended_attempt().expect("what may be redirected is attempted");
        recorder.attempted(0, outcome, instants, Some((LAG_NS, 10)), &attempt);
        if let Some(looked) = source.looked() {
            recorder.looked(0, instants, &looked, !attempt.is_tried_again);
        }
        next = source.next_due_ns().map(|_| source.take_due());
    }
    assert_eq!(answers.next(), None, "all that is answered was asked");
    let ended = source.next_ended().expect("what has begun has ended");
    assert_eq!((source.next_ended(), source.under_way()), (None, 0));
    Played { sent, outcome, ended, recorder }
}

fn to(code: u16, location: &str) -> Answer {
    (code, Some(location.to_owned()))
}

#[test]
fn a_chain_is_one_request_from_the_moment_it_was_intended_to_the_last_response() {
    let mut source = source("GET", 5, Resilience::default());
    let answers = [to(302, "../c"), to(307, "http://h.example:8080/d?e"), (200, None)];
    let Played { sent, outcome, ended, recorder } = played(&mut source, &answers);
    assert_eq!(outcome, Outcome::Ok(200));
    let paths: Vec<&str> = sent.iter().map(|(text, ..)| text.split(' ').nth(1).unwrap()).collect();
    assert_eq!(paths, [START, "/c", "/d?e"]);
    // Each hop is due when the response before it would have come without the generator's part in it, and has the first intended moment.
    let moments: Vec<(u64, u64)> = sent.iter().map(|(_, intended, due)| (*intended, *due)).collect();
    assert_eq!(moments, [0, 1, 2].map(|hop| (FIRST_NS, FIRST_NS + hop * SERVICE_NS)));
    assert_eq!((ended.end, ended.waited_ns), (IterationEnd::Ok, 3 * SERVICE_NS + LAG_NS));
    let series = &recorder.requests.series.measured[0];
    assert_eq!(
        (series.ok, series.failed(), series.statuses.iter().collect::<Vec<_>>()),
        (1, 0, vec![(200, 1)])
    );
    assert_eq!(series.response.max_ns(), recorded(3 * SERVICE_NS + LAG_NS));
    assert_eq!(series.service.max_ns(), recorded(3 * SERVICE_NS));
    assert_eq!((series.slip.max_ns(), series.lag.count()), (recorded(LAG_NS), 3));
    assert_eq!(series.bytes_received, 30);
    assert!(series.attempts.is_none(), "nothing is done about failures, so no attempts are counted");
    assert_eq!(recorder.looks.of(0).unwrap().redirects.followed, 2);
}

/// A time as the histogram has it.
fn recorded(ns: u64) -> u64 {
    let mut distribution = crate::distribution::Distribution::new();
    distribution.record(ns);
    distribution.max_ns()
}

#[test]
fn values_of_a_request_are_the_same_in_its_hops() {
    let mut source = source("POST", 5, Resilience::default());
    let Played { sent, .. } =
        played(&mut source, &[to(308, "/kept"), to(303, "/asked"), to(307, "/again"), (200, None)]);
    let [first, kept, asked, again] = &sent[..] else { panic!("{sent:?}") };
    let (head, body) = first.0.strip_prefix("POST /a/b?n=7 ").unwrap().split_once(' ').unwrap();
    assert_ne!(head.strip_prefix("h="), Some(body), "two values draw apart");
    assert_eq!(kept.0, format!("POST /kept {head} {body}"));
    assert_eq!(asked.0, format!("GET /asked {head}"));
    assert_eq!(again.0, format!("GET /again {head}"), "what asks alone goes on so");
}

#[test]
fn what_cannot_be_followed_fails_the_request_and_says_where_it_led() {
    for (answers, outcome, counted, example) in [
        (vec![to(302, "/x"), to(302, "/y"), to(302, "/z")], Outcome::Refused(302), [2, 1, 0, 0], "302 to /z"),
        (vec![to(301, "http://other/x")], Outcome::Refused(301), [0, 0, 1, 0], "301 to http://other/x"),
        (
            vec![to(302, "https://h.example:8080/")],
            Outcome::Refused(302),
            [0, 0, 1, 0],
            "302 to https://h.example:8080/",
        ),
        (vec![to(302, "/x"), to(302, "http:x")], Outcome::Refused(302), [1, 0, 0, 1], "302 to http:x"),
    ] {
        let mut source = source("GET", 2, Resilience::default());
        let Played { outcome: was, ended, recorder, .. } = played(&mut source, &answers);
        assert_eq!((was, ended.end), (outcome, IterationEnd::Failed), "{answers:?}");
        let looks = recorder.looks.of(0).unwrap();
        let RedirectCounts { followed, over_limit, elsewhere, unusable } = looks.redirects;
        assert_eq!([followed, over_limit, elsewhere, unusable], counted);
        assert_eq!(looks.redirect.first.as_ref().map(|first| first.came.as_str()), Some(example));
        assert_eq!(looks.redirect.blamed, 1);
        assert_eq!(recorder.requests.series.measured[0].errors[Kind::Status as usize], 1);
    }
    // A location longer than is kept of headers.
    let mut source = source("GET", 2, Resilience::default());
    let Played { outcome, recorder, .. } = played(&mut source, &[to(302, &"x".repeat(20_000))]);
    assert_eq!((outcome, recorder.looks.of(0).unwrap().redirects.unusable), (Outcome::Refused(302), 1));
}

#[test]
fn a_response_that_leads_nowhere_is_the_response() {
    for answer in [(302, None), to(304, "/x"), to(201, "/x"), to(300, "/x"), (200, None)] {
        let mut source = source("GET", 2, Resilience::default());
        let Played { outcome, recorder, .. } = played(&mut source, std::slice::from_ref(&answer));
        assert_eq!(outcome, Outcome::Ok(answer.0));
        assert!(recorder.looks.is_empty());
    }
}

#[test]
fn a_request_that_is_tried_again_begins_where_it_began_and_its_hops_are_one_attempt() {
    let wait_ns = 5 * MILLISECOND_NS;
    let retry = RetryRules {
        attempts: 3,
        on: vec![RetryCause::Status(503)],
        wait: RetryWait::Constant { wait_ns, longest_ns: wait_ns },
        budget: None,
    };
    let resilience = Resilience { retry: Some(retry), breaker: None };
    let mut source = source("POST", 3, resilience);
    let answers = [to(307, "/x"), (503, None), to(303, "/y"), (200, None)];
    let Played { sent, outcome, recorder, .. } = played(&mut source, &answers);
    assert_eq!(outcome, Outcome::Ok(200));
    assert_eq!(sent[2].0, sent[0].0, "each attempt sends the same bytes");
    assert!(sent[3].0.starts_with("GET /y "), "{sent:?}");
    let series = &recorder.requests.series.measured[0];
    let attempts = series.attempts.as_deref().unwrap();
    assert_eq!((attempts.made, attempts.further, attempts.sent, attempts.ok), (2, 1, 2, 1));
    assert_eq!(
        attempts.service.max_ns(),
        recorded(2 * SERVICE_NS),
        "from the first hop of an attempt to its last"
    );
    assert_eq!((series.ok, series.failed(), recorder.looks.of(0).unwrap().redirects.followed), (1, 0, 2));
}

#[test]
fn what_is_led_on_when_the_run_ends_is_unfinished_and_accounted() {
    let mut source = source("GET", 3, Resilience::default());
    let arrival = Arrival { number: 7, intended_ns: FIRST_NS };
    let Started::Call(call) = source.start(arrival) else { panic!("it begins at once") };
    source.prepare(call, FIRST_NS).unwrap();
    source.field(call, b"location", b"/x");
    let at = EndedAt { sent_ns: FIRST_NS, done_ns: FIRST_NS + 1, lag_ns: 0 };
    source.end(call, End::Response { code: 302, is_ok: true }, at);
    let next = source.take_untried().expect("the request has been sent, and has to end");
    assert_eq!(source.end(next.call, End::Failed(Kind::Unfinished), at), Outcome::Failed(Kind::Unfinished));
    assert!(!source.ended_attempt().unwrap().is_tried_again);
    assert_eq!(source.take_untried(), None);
    assert_eq!(source.next_ended().map(|ended| ended.end), Some(IterationEnd::Unfinished));
}

proptest! {
    /// Any chain ends where the url crate says that it leads, with the method that RFC 9110 and the fetch standard say it has, or at the limit.
    #[test]
    fn chains_lead_where_others_lead(
        method in prop::sample::select(vec!["GET", "HEAD", "POST", "PUT", "DELETE"]),
        hops in prop::collection::vec(
            (prop::sample::select(vec![301_u16, 302, 303, 307, 308]), prop::sample::select(vec![
                "/x", "/x/y/?q=1", "z", "../z", "./", "?only=query", "..", "#fragment", "/a/b?n=7",
                "http://h.example:8080", "http://H.EXAMPLE:8080/w/./v", "//h.example:8080/u/../t",
            ])),
            0..8,
        ),
        hops_max in 1_u32..8,
    ) {
        let mut answers: Vec<Answer> = hops.iter().map(|(code, location)| to(*code, location)).collect();
        let is_over = hops.len() > hops_max as usize;
        answers.truncate(hops_max as usize + 1);
        if !is_over {
            answers.push((200, None));
        }
        let mut source = source(method, hops_max, Resilience::default());
        let Played { sent, outcome, recorder, ended } = played(&mut source, &answers);
        let (mut at, mut asked) = (Url::parse(&format!("http://h.example:8080{START}")).unwrap(), method);
        for (hop, (text, ..)) in sent.iter().enumerate() {
            let path = &at[url::Position::BeforePath..url::Position::AfterQuery];
            prop_assert!(text.starts_with(&format!("{asked} {path} ")), "{} is not {} {}", text, asked, path);
            let (code, location) = &answers[hop];
            let Some(location) = location else { break };
            at = at.join(location).unwrap();
            if *code == 303 && asked != "HEAD" || asked == "POST" && matches!(code, 301 | 302) {
                asked = "GET";
            }
        }
        let (code, _) = answers.last().unwrap();
        prop_assert_eq!(outcome, if is_over { Outcome::Refused(*code) } else { Outcome::Ok(200) });
        let counts = recorder.looks.of(0).map(|looks| looks.redirects).unwrap_or_default();
        let followed = hops.len().min(hops_max as usize) as u64;
        prop_assert_eq!((counts.followed, counts.over_limit), (followed, u64::from(is_over)));
        prop_assert_eq!(ended.end == IterationEnd::Ok, !is_over);
        let series = &recorder.requests.series.measured[0];
        prop_assert_eq!(series.ok + series.failed(), 1);
        let blamed = source.looked().and_then(|looked| looked.blamed);
        prop_assert_eq!(blamed, is_over.then_some(LookedFor::Redirect));
    }
}
