//! What sessions do about failures, and with cookies, without a loop: each test plays the target.

use super::item::{Extract, FlowAction, FlowItem, FlowScript, StepLooks};
use super::rows::NoRows;
use super::{CookieRules, FlowConstants, FlowParts, FlowSource, Think};
use crate::breaker::BreakerRules;
use crate::bucket::{Arrival, Share};
use crate::extract::Expression;
use crate::mix::EncodedStep;
use crate::outcome::{Kind, Outcome};
use crate::quantity::{MILLISECOND_NS as MS, SECOND_NS};
use crate::random::Draws;
use crate::record::EndedAttempt;
use crate::resilience::{ClientBreaker, Resilience};
use crate::retry::{RetryCause, RetryRules, RetryWait};
use crate::seams::{Call, End, EndedAt, Following, Source, Started};
use crate::template::{self, Template};

const REFUSED: End = End::Response { code: 503, is_ok: false };
const FINE: End = End::Response { code: 200, is_ok: true };

fn retrying(attempts: u32, wait: RetryWait, budget: Option<f64>) -> Resilience {
    let retry = RetryRules { attempts, on: vec![RetryCause::Status(503)], wait, budget };
    Resilience { retry: Some(retry), breaker: None }
}

/// Waits for a millisecond, or for as long as the target asks, up to five seconds.
const WAIT: RetryWait = RetryWait::Constant { wait_ns: MS, longest_ns: 5 * SECOND_NS };

/// Iterations of one request, with think time behind it where some is given.
fn source(resilience: Resilience, think: Option<&str>, share: Share) -> FlowSource<NoRows> {
    let looks = StepLooks::default();
    made(resilience, (think, 1 + usize::from(think.is_some())), &looks, None, share)
}

fn made(
    resilience: Resilience,
    (think, requests): (Option<&str>, usize),
    looks: &StepLooks,
    cookies: Option<CookieRules>,
    share: Share,
) -> FlowSource<NoRows> {
    let think = think.map(|text| Think::parse(text).unwrap());
    let item = FlowItem { think, ..FlowItem::new(FlowAction::Request(0)) };
    let script = FlowScript {
        items: vec![item; requests],
        sessions_max: 1_000,
        graceful_ns: 0,
        resilience,
        cookies: cookies.is_some(),
    };
    let template = Template::new(template::parse("x").unwrap()).unwrap();
    FlowSource::new(FlowParts {
        script: &script,
        steps: vec![(EncodedStep { template, weight: 1, is_bodyless: false }, looks)],
        draws: Draws::new(7, 0),
        sessions_max: 1_000,
        users: None,
        feeds: &[],
        rows: NoRows,
        share,
        unix_offset_ns: 0,
        cookies,
        constants: FlowConstants::default(),
        redirects: Vec::new(),
    })
}

const ALONE: Share = Share { shard: 0, shards: 1 };

fn begin(source: &mut FlowSource<NoRows>, number: u64, intended_ns: u64) -> Call {
    match source.start(Arrival { number, intended_ns }) {
        Started::Call(call) => call,
        other => panic!("its request is due at once: {other:?}"),
    }
}

/// Ends a request that was sent a millisecond before, and returns what attempt it was.
fn end(source: &mut FlowSource<NoRows>, call: Call, end: End, done_ns: u64) -> EndedAttempt {
    source.end(call, end, EndedAt { sent_ns: done_ns - MS, done_ns, lag_ns: 0 });
    source.ended_attempt().expect("attempts are counted")
}

#[test]
fn a_target_that_asks_for_time_is_given_it_up_to_the_longest_wait() {
    let mut source = source(retrying(9, WAIT, None), None, ALONE);
    assert!(source.steps()[0].is_looked_at, "a field of a response may say how long to wait");
    let mut call = begin(&mut source, 0, 0);
    let mut done_ns = MS;
    for (asked, waited_ns) in [
        (Some("2"), 2 * SECOND_NS),
        (None, MS),
        (Some(" 3 "), 3 * SECOND_NS),
        (Some("9"), 5 * SECOND_NS),
        (Some("soon"), MS),
    ] {
        source.prepare(call, done_ns - MS).expect("no breaker is open");
        asked.into_iter().for_each(|asked| source.field(call, b"retry-AFTER", asked.as_bytes()));
        assert!(end(&mut source, call, REFUSED, done_ns).is_tried_again);
        assert_eq!(source.next_due_ns(), Some(done_ns + waited_ns), "{asked:?}");
        let Following { call: next, arrival, due_ns } = source.take_due();
        assert_eq!(
            (arrival.intended_ns, due_ns),
            (0, done_ns + waited_ns),
            "its times are from the first on"
        );
        (call, done_ns) = (next, due_ns + MS);
    }
}

#[test]
fn a_budget_lets_as_many_be_tried_again_as_its_share_says() {
    let mut source = source(retrying(3, WAIT, Some(0.5)), None, ALONE);
    let mut shown = Vec::new();
    for number in 0..6 {
        let mut call = begin(&mut source, number, number * 10 * MS);
        let mut done_ns = number * 10 * MS + MS;
        let attempt = loop {
            let attempt = end(&mut source, call, REFUSED, done_ns);
            if !attempt.is_tried_again {
                break attempt;
            }
            call = source.take_due().call;
            done_ns += 2 * MS;
        };
        shown.push((attempt.made, attempt.is_over_budget, attempt.is_exhausted));
    }
    // Each request brings half an attempt, and every second one can take a whole.
    let (poor, rich) = ((1, true, false), (2, true, false));
    assert_eq!(shown, [poor, rich, poor, rich, poor, rich]);
}

#[test]
fn a_request_is_exhausted_after_its_last_attempt_and_not_before() {
    let mut source = source(retrying(3, WAIT, None), None, ALONE);
    let mut call = begin(&mut source, 0, 0);
    for made in 1..=3 {
        let attempt = end(&mut source, call, REFUSED, u64::from(made) * 10 * MS);
        let is_last = made == 3;
        assert_eq!(
            (attempt.made, attempt.is_further, attempt.is_tried_again, attempt.is_exhausted),
            (made, made > 1, !is_last, is_last)
        );
        if !is_last {
            call = source.take_due().call;
        }
    }
    let call = begin(&mut source, 1, 0);
    let attempt = end(&mut source, call, End::Failed(Kind::Eof), MS);
    assert!(!attempt.is_tried_again && !attempt.is_exhausted, "no such failure is tried again");
}

#[test]
fn what_waits_to_be_tried_again_is_found_among_sessions_that_think_and_all_of_them_end() {
    let mut source = source(retrying(3, WAIT, None), Some("1s"), ALONE);
    // Those that think come before and behind the others.
    let ends = [FINE, REFUSED, FINE, REFUSED, FINE];
    for (number, done) in (0..).zip(ends) {
        let call = begin(&mut source, number, number * MS);
        end(&mut source, call, done, 2 * MS + number * MS);
    }
    for number in [1, 3] {
        let Following { call, arrival, .. } = source.take_untried().expect("two were to be tried again");
        assert_eq!(arrival.number, number);
        let attempt = end(&mut source, call, End::Failed(Kind::Unfinished), 10 * MS);
        assert!(!attempt.was_made && !attempt.is_tried_again && attempt.made == 1, "{attempt:?}");
    }
    assert_eq!((source.take_untried(), source.under_way()), (None, 3));
    assert_eq!(source.next_due_ns(), Some(2 * MS + SECOND_NS), "the others are due as they were");
    let call = begin(&mut source, 5, 10 * MS);
    source.abandon_waiting(11 * MS);
    assert_eq!((source.next_due_ns(), source.under_way()), (None, 1), "what is on its way may end");
    end(&mut source, call, FINE, 12 * MS);
    source.abandon_waiting(13 * MS);
    let mut ended: Vec<u64> = std::iter::from_fn(|| source.next_ended()).map(|one| one.number).collect();
    ended.sort_unstable();
    assert_eq!((ended, source.under_way()), ((0..6).collect(), 0));
}

#[test]
fn an_iteration_has_sent_something_where_a_request_was_let_through() {
    let rules = BreakerRules { failures: 1, window: 1, stays_open_ns: SECOND_NS, probes: 1 };
    let breaker = Some(ClientBreaker { clients: 1, rules });
    let mut source = source(Resilience { retry: None, breaker }, None, ALONE);
    let mut shown = Vec::new();
    for number in 0..3 {
        let now_ns = number * 10 * MS;
        let call = begin(&mut source, number, now_ns);
        let is_let_through = source.prepare(call, now_ns).is_ok();
        let done = if is_let_through { REFUSED } else { End::Failed(Kind::Breaker) };
        source.end(call, done, EndedAt { sent_ns: now_ns, done_ns: now_ns + MS, lag_ns: 0 });
        shown.push(source.next_ended().map(|iteration| iteration.has_sent));
    }
    assert_eq!(shown, [Some(true), Some(false), Some(false)]);
}

/// The numbers of the arrivals that are rejected, where all of one client of four fail.
fn rejected(shards: u64) -> Vec<u64> {
    let rules = BreakerRules { failures: 2, window: 2, stays_open_ns: SECOND_NS, probes: 1 };
    let breaker = Some(ClientBreaker { clients: 4, rules });
    let resilience = Resilience { retry: None, breaker };
    let shares = (0..shards).map(|shard| Share { shard, shards });
    let mut sources: Vec<_> = shares.map(|share| source(resilience.clone(), None, share)).collect();
    let mut rejected = Vec::new();
    for number in 0..64_u64 {
        let source = &mut sources[(number % shards) as usize];
        let now_ns = number * MS;
        let call = begin(source, number, now_ns);
        let done = match source.prepare(call, now_ns) {
            Ok(()) if number % 4 == 1 => REFUSED,
            Ok(()) => FINE,
            Err(_) => {
                rejected.push(number);
                End::Failed(Kind::Breaker)
            }
        };
        source.end(call, done, EndedAt { sent_ns: now_ns, done_ns: now_ns, lag_ns: 0 });
    }
    rejected
}

#[test]
fn of_a_load_with_a_rate_clients_are_the_same_on_any_number_of_shards_that_divides_theirs() {
    let expected: Vec<u64> = (0..64).filter(|number| number % 4 == 1).skip(2).collect();
    for shards in [1, 2, 4] {
        assert_eq!(rejected(shards), expected, "{shards} shards");
    }
}

#[test]
fn too_many_cookies_fail_a_response_and_a_long_header_of_another_name_does_not() {
    let from = Expression::parse("header x-big ?").unwrap();
    let extracts = vec![Extract { name: "big".into(), from }];
    let looks = StepLooks { extracts, ..StepLooks::default() };
    let path = || Template::new(template::parse("/").unwrap()).unwrap();
    let rules = || CookieRules { host: "h".into(), is_secure: false, paths: vec![path()] };
    let ended = |headers: Vec<(&str, String)>| {
        let mut source = made(Resilience::default(), (None, 1), &looks, Some(rules()), ALONE);
        let call = begin(&mut source, 0, 0);
        for (name, value) in &headers {
            source.field(call, name.as_bytes(), value.as_bytes());
        }
        let outcome = source.end(call, FINE, EndedAt { sent_ns: 0, done_ns: MS, lag_ns: 0 });
        (outcome, source.why())
    };
    let cookies = |count: usize, bytes: usize| -> Vec<(&str, String)> {
        (0..count).map(|number| ("Set-Cookie", format!("c{number}={}", "x".repeat(bytes)))).collect()
    };
    assert_eq!(ended(cookies(50, 1)), (Outcome::Ok(200), ""));
    let (outcome, why) = ended(cookies(51, 1));
    assert!(outcome == Outcome::ValueMissing(200) && why.contains("more cookies than it keeps"), "{why}");
    // All of one name: the jar has room for the last, and no response is read on for so long.
    let one_name = (0..20).map(|_| ("set-cookie", format!("c={}", "x".repeat(1_000)))).collect();
    let (outcome, why) = ended(one_name);
    assert!(outcome == Outcome::ValueMissing(200) && why.contains("than are read of one"), "{why}");
    let (outcome, why) = ended(vec![("X-Big", "x".repeat(20_000)), ("Set-Cookie", "a=b".to_owned())]);
    assert_eq!((outcome, why), (Outcome::Ok(200), ""), "it need not be there, and sets no cookie");
}
