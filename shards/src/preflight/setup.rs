//! What a plan wants done before the start: its requests, and the values that their responses bring.
//!
//! They are sent one after the other, each on a connection of its own. They go through the flow of a run, by hand: the same source fills them in, and looks at what comes.

use super::check::Check;
use super::exchange::{AskedRequest, Came, Exchange};
use super::requests::{connect, unreachable_target};
use super::secured;
use crate::assembly::{any_shared, sources};
use crate::clock::monotonic_ns;
use crate::protocol::Response;
use crate::protocol::any::AnyShared;
use engine::any_source::AnySource;
use engine::bucket::{Arrival, Share};
use engine::code;
use engine::failure::{FailureKind, RunFailure};
use engine::flow::rows::NoRows;
use engine::flow::{FlowSource, SetupValues};
use engine::outcome::Outcome;
use engine::plain::plain;
use engine::plan::{Plan, Step};
use engine::quantity::{MILLISECOND_NS, SECOND_NS, counted, show_ns};
use engine::redact;
use engine::seams::{Call, End, EndedAt, Source, Started, Unprepared};
use socket2::SockAddr;
use std::time::{Duration, Instant};

/// What a check of the setup is called.
pub const SETUP: &str = "setup";
/// One shard, which has all of it.
const ALONE: Share = Share { shard: 0, shards: 1 };
/// How much of the body of a response that is no success is shown.
const SHOWN_BYTES_MAX: usize = 160;
/// Of how long values are good, how much passes before they are taken anew.
const LIFE_PART: f64 = 0.9;
/// But no sooner than this: whoever gives values that are good for less is not asked all the time.
const AGAIN_NS_MIN: u64 = 100 * MILLISECOND_NS;

/// The requests that are sent before the start, and again where that is asked for.
pub(crate) struct SetupRunner {
    /// They alone.
    plan: Plan,
    names: Vec<String>,
    lifetime: Option<String>,
    refresh_ns: Option<u64>,
    /// Those of their target.
    addresses: Vec<SockAddr>,
    /// How often they have been sent.
    turns: u64,
}

/// What was taken of their responses.
#[derive(Clone, Debug)]
pub(crate) struct TakenValues {
    pub(crate) values: SetupValues,
    /// After how long they are to be taken anew.
    pub(crate) again_ns: Option<u64>,
    /// How long it took.
    pub(crate) took_ns: u64,
}

/// A request under way, for telling what becomes of it.
struct AskedStep<'a> {
    step: &'a Step,
    place: String,
    begun: Instant,
}

/// What is done before the start, for people; nothing where nothing is. Nothing is sent.
pub(super) fn check(plan: &Plan) -> Option<Check> {
    let setup = plan.setup.as_ref()?;
    let names: Vec<String> = setup.steps.iter().map(|step| shown_name(&step.name)).collect();
    let values = plan.setup_names();
    let gives = match values.is_empty() {
        true => String::new(),
        false => format!("; for {}", values.join(", ")),
    };
    let again = match (setup.refresh_ns, &setup.lifetime) {
        (Some(ns), _) => format!("; again every {}", shown_period(ns)),
        (None, Some(_)) => "; again before it expires".to_owned(),
        (None, None) => String::new(),
    };
    let steps = counted(names.len() as u64, "request");
    let found = format!("{steps} before the start: {}{gives}{again}", names.join(", "));
    Some(Check::pass(SETUP, plain(&found)))
}

/// A time as it may have been typed.
fn shown_period(ns: u64) -> String {
    let units = [("h", 3_600 * SECOND_NS), ("m", 60 * SECOND_NS), ("s", SECOND_NS), ("ms", MILLISECOND_NS)];
    let whole = units.into_iter().find(|(_, unit_ns)| ns.is_multiple_of(*unit_ns));
    whole.map_or_else(|| show_ns(ns), |(unit, unit_ns)| format!("{}{unit}", ns / unit_ns))
}

/// What a request is called, without secrets.
fn shown_name(name: &str) -> String {
    plain(&redact::text(name))
}

impl SetupRunner {
    /// Of a plan whose targets have these addresses; nothing where nothing is done before the start.
    pub(crate) fn of(plan: &Plan, addresses: &[Vec<SockAddr>]) -> Option<SetupRunner> {
        let setup = plan.setup.as_ref()?;
        Some(SetupRunner {
            plan: plan.setup_plan()?,
            names: plan.setup_names().into_iter().map(str::to_owned).collect(),
            lifetime: setup.lifetime.clone(),
            refresh_ns: setup.refresh_ns,
            addresses: addresses[setup.target].clone(),
            turns: 0,
        })
    }

    /// Sends its requests, and takes the values. An error says which request failed, what came, and what to do.
    pub(crate) fn take(&mut self) -> Result<TakenValues, RunFailure> {
        let begun = Instant::now();
        let mut sources = sources(&self.plan, ALONE, || NoRows)?;
        let Some(AnySource::Flow(source)) = sources.first_mut() else {
            unreachable!("the requests of a setup follow each other")
        };
        let mut shared = any_shared(&self.plan, 0)?;
        let number = self.turns;
        self.turns += 1;
        let Started::Call(first) = source.start(Arrival { number, intended_ns: 0 }) else {
            unreachable!("the first request of a setup is due at once")
        };
        let mut next = Some(first);
        while let Some(call) = next {
            self.ask(source, &mut shared, call, number)?;
            next = source.next_due_ns().map(|_| source.take_due().call);
        }
        let value = |name: &String| (name.clone(), source.value(first.session, name).map(<[u8]>::to_vec));
        let values = SetupValues::new(self.names.iter().map(value));
        let again_ns = self.refresh_ns.or_else(|| self.life_ns(&values));
        Ok(TakenValues { values, again_ns, took_ns: begun.elapsed().as_nanos() as u64 })
    }

    /// How long the values may be used, by what one of them says in seconds.
    fn life_ns(&self, values: &SetupValues) -> Option<u64> {
        let text = values.named(self.lifetime.as_ref()?)??;
        let seconds: f64 = std::str::from_utf8(text).ok()?.trim().parse().ok()?;
        (seconds > 0.0).then_some(((seconds * LIFE_PART * SECOND_NS as f64) as u64).max(AGAIN_NS_MIN))
    }

    /// Sends one request, and looks at its response.
    fn ask(
        &self,
        source: &mut FlowSource<NoRows>,
        shared: &mut AnyShared,
        call: Call,
        number: u64,
    ) -> Result<(), RunFailure> {
        let step = &self.plan.scenarios[0].steps()[call.step as usize];
        let address = &self.addresses[number as usize % self.addresses.len()];
        let asked = AskedStep { step, place: self.place(address), begun: Instant::now() };
        if let Err(Unprepared { why, .. }) = source.prepare(call, monotonic_ns()) {
            return Err(asked.failure(&format!("it was not sent: {why}"), "check the values in it"));
        }
        let timeout = Duration::from_nanos(step.timeout_ns);
        let connect_timeout = Duration::from_nanos(self.plan.targets[0].connect_timeout_ns);
        let socket = connect(address, connect_timeout).map_err(|error| {
            let Check { found, fix, .. } = unreachable_target(&asked.place, &error, connect_timeout);
            asked.failure(&found, &fix)
        })?;
        let bytes_max = source.steps()[call.step as usize].bytes_max;
        let broke = |error: std::io::Error| {
            asked.failure(&format!("the connection broke off: {error}"), "check that it is an HTTP server")
        };
        let mut exchange = Exchange::new(socket, shared, bytes_max).map_err(broke)?;
        let mut request = AskedRequest { source, call, number, timeout, connect_timeout };
        let came = match exchange.agree(&mut request).map_err(broke)? {
            Some(came) => came,
            None => exchange.ask(&mut request).map_err(broke)?,
        };
        let Came::Whole(response) = came else {
            let agreed = match &came {
                Came::NotAgreed(why) => Some(secured::failure(&asked.place, why, exchange.tls())),
                _ => None,
            };
            let (found, fix) =
                agreed.map_or_else(|| unanswered(came, timeout), |Check { found, fix, .. }| (found, fix));
            return Err(asked.failure(&found, &fix));
        };
        let taken = |name: String| {
            let text = source.value(call.session, &name).map(<[u8]>::to_vec);
            (name, text)
        };
        let known = SetupValues::new(self.names.iter().cloned().map(taken));
        let said = said(exchange.body(), &known);
        exchange.leave();
        asked.judge(source, call, response, &said)
    }

    fn place(&self, address: &SockAddr) -> String {
        match address.as_socket() {
            Some(socket) => socket.to_string(),
            None => redact::text(&self.plan.targets[0].url.to_string()),
        }
    }
}

impl AskedStep<'_> {
    /// What a response comes to: an error where a check does not hold, a value is not there, or it is no success.
    fn judge(
        &self,
        source: &mut FlowSource<NoRows>,
        call: Call,
        Response { code, is_ok, bytes }: Response,
        said: &str,
    ) -> Result<(), RunFailure> {
        let done_ns = self.begun.elapsed().as_nanos() as u64;
        let at = EndedAt { sent_ns: 0, done_ns, lag_ns: 0 };
        let came = format!("{}, {bytes} bytes, {}", code::show(code), show_ns(done_ns));
        match source.end(call, End::Response { code, is_ok }, at) {
            Outcome::Ok(_) => Ok(()),
            Outcome::CheckFailed(_) => {
                let checks = &self.step.looks.checks;
                let check = source.failed_check().and_then(|check| checks.get(check));
                let check = check.map_or_else(|| "a check".to_owned(), |check| format!("`{check}`"));
                let said = if is_ok { "" } else { said };
                let found = format!("{came}: {check} did not hold{said}");
                Err(self.failure(&found, "check what is sent, and what the check asks for"))
            }
            Outcome::ValueMissing(_) => {
                let is_missing = |name: &str| source.value(call.session, name).is_none();
                let extracts = &self.step.looks.extracts;
                let missing =
                    extracts.iter().find(|known| !known.from.is_optional() && is_missing(&known.name));
                let what = missing.map_or_else(
                    || "a value was not found".to_owned(),
                    |missing| format!("no `{}` was found ({})", missing.name, missing.from),
                );
                let said = if is_ok { "" } else { said };
                let fix = "check where the value stands in the response, and that it has at most 4096 bytes";
                Err(self.failure(&format!("{came}: {what}{said}"), fix))
            }
            Outcome::Refused(_) | Outcome::Failed(_) => {
                let fix = "check its method, its path and who asks; a response that is meant to be so needs a `check` of its status";
                Err(self.failure(&format!("{came}: that is no success{said}"), fix))
            }
        }
    }

    fn failure(&self, found: &str, fix: &str) -> RunFailure {
        let name = shown_name(&self.step.name);
        FailureKind::Setup.with_fix(format!("setup step `{name}` to {}: {found}", self.place), fix)
    }
}

/// The beginning of a body that is text, without the secrets in it.
fn said(body: &[u8], known: &SetupValues) -> String {
    // Hidden before it is cut: a value may go on behind what is shown.
    let text = redact::text(known.hidden_in(&String::from_utf8_lossy(body)).trim());
    let text: String = plain(&text).chars().take(SHOWN_BYTES_MAX).collect();
    if text.is_empty() { text } else { format!("; it said {text}") }
}

/// What came in the place of a response, and what to do.
fn unanswered(came: Came, timeout: Duration) -> (String, String) {
    let check = "check the address and the port, and that it is an HTTP server".to_owned();
    match came {
        Came::Nonsense(why, _) | Came::Ended(why) | Came::Broken(why) | Came::NotAgreed(why) => {
            (why.to_owned(), check)
        }
        Came::Part { response, why, .. } => (format!("{}, and then {why}", code::show(response.code)), check),
        Came::Closed => ("it closed the connection without a response".to_owned(), check),
        Came::Agreed | Came::Silent | Came::Whole(_) => (
            format!("it did not respond within {timeout:?}"),
            "give it more time (`timeout` under `[setup]`), or check the address".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::config::{Document, Format, Layers};

    fn runner(setup: &str) -> SetupRunner {
        let text = format!("url = 'http://h/'\n[setup]\n{setup}");
        let document = Document { name: "p".into(), text, format: Format::Toml };
        let config = Layers::new(Some(document)).unwrap().config().unwrap();
        let plan = Plan::new(&config, &|_| Err(String::new())).unwrap();
        SetupRunner::of(&plan, &vec![Vec::new(); plan.targets.len()]).unwrap()
    }

    #[test]
    fn a_token_is_taken_anew_when_nine_tenths_of_its_life_have_passed() {
        let oauth = "oauth = { token_url = 'http://h/token', client_id = 'a', client_secret = 'b' }";
        let life = |said: Option<&str>| {
            let said = said.map(|text| text.as_bytes().to_vec());
            runner(oauth).life_ns(&SetupValues::new([("expires_in".to_owned(), said)]))
        };
        assert_eq!(life(Some("3600")), Some(3_240 * SECOND_NS));
        assert_eq!(life(Some(" 0.5 ")), Some(SECOND_NS * 9 / 20));
        for said in [None, Some("0"), Some("-1"), Some("soon"), Some("NaN")] {
            assert_eq!(life(said), None, "{said:?}");
        }
        assert_eq!(life(Some("1e300")), Some(u64::MAX), "for good");
        assert_eq!(life(Some("0.001")), Some(AGAIN_NS_MIN), "it is not asked all the time");
        let steps = runner("refresh = '1m'\n[[setup.step]]\nget = '/'");
        assert_eq!((steps.refresh_ns, steps.lifetime), (Some(60 * SECOND_NS), None));
        let shown = [3_000, 90, 7_200].map(|seconds| shown_period(seconds * SECOND_NS));
        assert_eq!(shown, ["50m", "90s", "2h"]);
    }

    #[test]
    fn what_a_response_says_is_shown_without_secrets_and_in_one_line() {
        let none = SetupValues::default();
        let shown = said(b"{\"error\": \"no\",\n \"token\": \"s3cret\"}", &none);
        assert!(shown.starts_with("; it said {\"error\"") && !shown.contains("s3cret"), "{shown}");
        assert!(!shown.contains('\n'), "{shown}");
        assert_eq!(said(b" \n", &none), "");
        assert!(said(&[b'x'; 1_000], &none).len() < SHOWN_BYTES_MAX + 20);
    }
}
