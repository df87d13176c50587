//! From words to a plan: flags above the environment above the file above the defaults, all read by one set of rules.

use crate::exit::{Failure, USAGE};
use crate::input::connection_flags::targets;
use crate::input::flags::PlanArgs;
use crate::input::typed;
use crate::input::{calls, diagnose, document};
use crate::output::messages::{Severity, tell};
use engine::config::{Diagnostic, Document, Format, Layers, Origin, VariableUse};
use engine::feed::FEED_HEAD_BYTES;
use engine::plan::{FileHead, Plan, PlanFiles, Purpose};
use engine::quantity::{parse_duration_ns, rate_ends};
use engine::redact;
use engine::report::repeat::plan_in;
use engine::threshold::{Threshold, WrongCondition};
use engine::url::{Scheme, Url};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use toml::Value;

/// The plan that the command line asks for. Mistakes are told all at once, each at its place.
pub(crate) fn plan(args: &PlanArgs) -> Result<Plan, Failure> {
    plan_of(document::of_target(&args.target)?, args, Notes::Told)
}

/// Whether what is no mistake is told: of a document that several plans are read of, once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notes {
    Told,
    Untold,
}

/// The plan of a document that was read before, or of a URL where there is none.
pub(crate) fn plan_of(document: Option<Document>, args: &PlanArgs, notes: Notes) -> Result<Plan, Failure> {
    read(document, args, Purpose::Run, notes)
}

/// The same plan again, of which what is no mistake has been told.
pub(crate) fn plan_again(args: &PlanArgs) -> Result<Plan, Failure> {
    plan_of(document::of_target(&args.target)?, args, Notes::Untold)
}

/// The same of a plan that is only run as probes, each at a rate of its own.
pub(crate) fn plan_to_probe(args: &PlanArgs) -> Result<Plan, Failure> {
    read(document::of_target(&args.target)?, args, Purpose::Probes, Notes::Told)
}

fn read(
    document: Option<Document>,
    args: &PlanArgs,
    purpose: Purpose,
    notes: Notes,
) -> Result<Plan, Failure> {
    let is_url = document.is_none();
    let planned = document.as_ref().and_then(report_in).transpose()?;
    let mut layers = match document {
        Some(document) if planned.is_some() => Layers::beside(document),
        document => {
            Layers::new(document).map_err(|unread| diagnose::failure_of_syntax(&unread.0, &unread.1))?
        }
    };
    read_environment(&mut layers, notes);
    let mut diagnostics = Vec::new();
    if is_url {
        layers.set("url", Value::String(args.target.clone()), Origin::Flag(args.target.clone()));
    }
    read_flags(args, planned.as_ref(), &mut layers, &mut diagnostics);
    args.calls.read(&mut layers, &mut diagnostics);
    args.transport.read(planned.as_ref(), &mut layers, &mut diagnostics);
    let reading = layers.read();
    let read = match planned {
        Some(planned) => planned.repeated(&reading, &read_file),
        None => Plan::read_with(&reading, PlanFiles { whole: &read_file, head: &read_head }, purpose),
    };
    match read {
        Ok((plan, found)) if diagnostics.is_empty() => {
            let told = found.iter().filter(|_| notes == Notes::Told);
            told.for_each(|note| eprintln!("{}", diagnose::note(&layers, note)));
            let described = calls::by_files(plan, &layers);
            let plan = described.map_err(|found| diagnose::failure(&layers, &found))?;
            Ok(plan.keeping_secrets(args.keep_secrets))
        }
        Ok(_) => Err(diagnose::failure(&layers, &diagnostics)),
        Err(found) => {
            diagnostics.extend(found);
            Err(diagnose::failure(&layers, &diagnostics))
        }
    }
}

/// The plan of a report, if the document is one: its run is to be repeated.
fn report_in(document: &Document) -> Option<Result<Plan, Failure>> {
    let planned = Some(document).filter(|document| document.format == Format::Json);
    let planned = planned.and_then(|document| plan_in(&document.text))?;
    Some(planned.map_err(|reason| {
        let name = redact::text(&document.name);
        let help = "repeat a run of this version of Vajra, or run a plan file";
        Failure::new(USAGE, format!("{reason}\n  --> {name}\n  help: {help}"))
    }))
}

fn read_environment(layers: &mut Layers, notes: Notes) {
    let all = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    layers.set_environment(all);
    // Others may set what is no text; none of it is a key.
    let texts = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let ours = texts.filter(|(name, value)| name.starts_with("VAJRA_") && !value.is_empty());
    let mut variables: Vec<(String, String)> =
        ours.map(|(name, value)| (name, value.to_string_lossy().into_owned())).collect();
    variables.sort();
    for (name, value) in variables {
        let usage = layers.set_variable(&name, &value);
        if let (VariableUse::Ignored { meant }, Notes::Told) = (usage, notes) {
            tell(Severity::Note, &format!("{name} is ignored; did you mean {meant}?"));
        }
    }
}

fn read_file(name: &str) -> Result<Vec<u8>, String> {
    std::fs::read(name).map_err(|error| error.to_string())
}

/// The beginning of a data file. A pipe could be read only once, and a file of rows is read again.
fn read_head(name: &str) -> Result<FileHead, String> {
    let read = || -> io::Result<FileHead> {
        let about = std::fs::metadata(name)?;
        if !about.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        let mut bytes = Vec::new();
        File::open(name)?.take(FEED_HEAD_BYTES as u64).read_to_end(&mut bytes)?;
        let is_whole = bytes.len() as u64 >= about.len();
        Ok(FileHead { bytes, is_whole })
    };
    read().map_err(|error| error.to_string())
}

fn read_flags(
    args: &PlanArgs,
    planned: Option<&Plan>,
    layers: &mut Layers,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let texts = [
        ("url", "--url", &args.url),
        ("run.duration", "-d", &args.duration),
        ("run.requests", "-n", &args.requests),
        ("run.timeout", "--timeout", &args.timeout),
        ("run.connect_timeout", "--connect-timeout", &args.connect_timeout),
        ("run.cores", "--cores", &args.cores),
        ("run.wait", "--wait", &args.wait),
        ("run.warmup", "--warmup", &args.warmup),
        ("run.until", "--until", &args.until),
        ("run.interval", "--interval", &args.interval),
        ("load.arrivals", "--arrivals", &args.arrivals),
    ];
    for (path, flag, value) in texts {
        if let Some(value) = value {
            set(layers, path, flag, Value::String(value.clone()), value);
        }
    }
    let numbers = [
        ("run.shards", "-t", args.shards.map(u64::from)),
        ("run.connections", "-c", args.connections.map(u64::from)),
        ("run.pipeline", "--pipeline", args.pipeline.map(u64::from)),
        ("run.seed", "--seed", args.seed),
    ];
    for (path, flag, value) in numbers {
        if let Some(value) = value {
            let integer = i64::try_from(value).unwrap_or(i64::MAX);
            set(layers, path, flag, Value::Integer(integer), &value.to_string());
        }
    }
    read_rate(args, layers, diagnostics);
    read_overload(args, layers, diagnostics);
    read_request(args, planned, layers, diagnostics);
    read_headers(args, layers, diagnostics);
    read_thresholds(args, layers, diagnostics);
}

fn set(layers: &mut Layers, path: &str, flag: &str, value: Value, shown: &str) {
    layers.set(path, value, Origin::Flag(format!("{flag} {shown}")));
}

/// `-R` replaces the plan's whole shape; what the plan says of arrivals and overload stays.
fn read_rate(args: &PlanArgs, layers: &mut Layers, diagnostics: &mut Vec<Diagnostic>) {
    let Some(rate) = &args.rate else { return };
    let shape_keys = [
        "shape",
        "rate",
        "from",
        "to",
        "over",
        "rates",
        "every",
        "peak",
        "at",
        "length",
        "mean",
        "amplitude",
        "offsets",
        "speed",
        "period",
        "stages",
    ];
    shape_keys.iter().for_each(|key| layers.remove(&format!("load.{key}")));
    let two = rate.split_once(':').or_else(|| rate_ends(rate));
    if two.is_some() && !rate.contains(':') {
        let problem = format!("`{rate}` is two rates, the ends of a ramp");
        let (from, to) = two.unwrap_or_default();
        let fix = format!("write `-R {from}:{to}`");
        diagnostics.push(Diagnostic::of_flag(format!("-R {rate}"), problem, fix));
    }
    match two {
        Some((from, to)) => {
            set(layers, "load.shape", "-R", Value::String("ramp".into()), rate);
            set(layers, "load.from", "-R", Value::String(from.into()), rate);
            set(layers, "load.to", "-R", Value::String(to.into()), rate);
        }
        None => set(layers, "load.rate", "-R", Value::String(rate.clone()), rate),
    }
}

/// `queue`, `shed=TIME`, or `degrade`, to which a time may be added too.
fn read_overload(args: &PlanArgs, layers: &mut Layers, diagnostics: &mut Vec<Diagnostic>) {
    let Some(policy) = &args.overload else { return };
    ["load.deadline", "load.slip", "load.floor"].into_iter().for_each(|key| layers.remove(key));
    let (word, deadline) =
        policy.split_once('=').map_or((policy.as_str(), None), |(word, time)| (word, Some(time)));
    if policy == "shed" {
        let problem = "`shed` needs to know how long an arrival may wait: its deadline";
        let fix = "write `--overload shed=100ms` or the like";
        diagnostics.push(Diagnostic::of_flag("--overload shed", problem, fix));
        return;
    }
    let deadline = deadline.map(|deadline| {
        let Ok(deadline) = typed::time(deadline);
        deadline
    });
    if let Some(Err(cause)) = deadline.as_deref().map(parse_duration_ns) {
        let meant = cause.instead.unwrap_or_else(|| cause.example.to_owned());
        let fix = format!("write `--overload {word}={meant}`");
        diagnostics.push(Diagnostic::of_flag(format!("--overload {policy}"), cause.problem, fix));
        return;
    }
    set(layers, "load.overload", "--overload", Value::String(word.into()), policy);
    if let Some(deadline) = deadline {
        let key = if word == "degrade" { "load.slip" } else { "load.deadline" };
        set(layers, key, "--overload", Value::String(deadline), policy);
    }
}

/// Method or call, and body, make the one request of the run; they cannot change the several requests of a plan.
fn read_request(
    args: &PlanArgs,
    planned: Option<&Plan>,
    layers: &mut Layers,
    diagnostics: &mut Vec<Diagnostic>,
) {
    // A body is a message there.
    let targets = targets(planned, layers);
    let takes_messages =
        |url: &Url| url.scheme.is_websocket() || url.scheme.is_stream() || url.scheme == Scheme::Udp;
    let is_message = !targets.is_empty() && targets.iter().all(|(_, url)| takes_messages(url));
    if args.binary && !is_message {
        let problem =
            "`--binary` is about messages of WebSocket, of streams and of UDP, and the target takes none";
        let fix = "leave it out, or write a `ws://`, `tcp://` or `udp://` URL";
        diagnostics.push(Diagnostic::of_flag("--binary", problem, fix));
        return;
    }
    let body = match (is_message, args.binary) {
        (true, true) => "binary",
        (true, false) => "text",
        (false, _) => "body",
    };
    let given: Vec<(&str, &str, &String)> =
        [("method", "-m", &args.method), ("call", "--call", &args.calls.call), (body, "-b", &args.body)]
            .into_iter()
            .filter_map(|(key, flag, value)| value.as_ref().map(|value| (key, flag, value)))
            .collect();
    let Some((_, flag, _)) = given.first() else { return };
    if layers.get("request").is_some() {
        let problem = format!("`{flag}` cannot change the requests that the plan names");
        let fix = "change the plan's [[request]], or leave the flag out";
        diagnostics.push(Diagnostic::of_flag(*flag, problem, fix));
        return;
    }
    let mut request: toml::Table =
        given.iter().map(|(key, _, value)| ((*key).to_owned(), Value::String((*value).clone()))).collect();
    if args.template {
        request.insert("template".to_owned(), Value::Boolean(true));
    }
    let shown: Vec<String> = given.iter().map(|(_, flag, value)| format!("{flag} {value}")).collect();
    layers.set("request", Value::Array(vec![Value::Table(request)]), Origin::Flag(shown.join(" ")));
    for (key, flag, value) in given {
        layers.set_origin(&format!("request.0.{key}"), Origin::Flag(format!("{flag} {value}")));
    }
}

fn read_headers(args: &PlanArgs, layers: &mut Layers, diagnostics: &mut Vec<Diagnostic>) {
    let says_who_asks = |name: &str| name.trim().eq_ignore_ascii_case("authorization");
    let is_authorization =
        |header: &String| header.split_once(':').is_some_and(|(name, _)| says_who_asks(name));
    if args.user.is_some() && args.headers.iter().any(is_authorization) {
        let problem = "`--user` makes an Authorization header, and `-H` gives one";
        diagnostics.push(Diagnostic::of_flag("--user", problem, "leave one out"));
        return;
    }
    let mut headers: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    // Name and password are typed apart, and sent as the header that they are by now.
    for header in args.headers.iter().chain(&args.user) {
        match header.split_once(':') {
            Some((name, value)) => {
                headers.entry(name.trim()).or_default().push(Value::String(value.trim().to_owned()));
            }
            None => {
                // What it was to be is not known, so it may be a secret as a whole.
                let first = header.split_whitespace().next().filter(|word| word.len() < header.len());
                let shown = first.map_or("…".into(), |word| format!("{word} …"));
                let problem = format!("`{shown}` is not a header: there is no colon in it");
                let fix = "headers look like `-H 'Accept: text/html'`";
                diagnostics.push(Diagnostic::of_flag(format!("-H {shown}"), problem, fix));
            }
        }
    }
    for (name, values) in headers {
        // A flag replaces the plan's header of that name, however either is spelt.
        let written: Vec<String> = match layers.get("headers") {
            Some(Value::Table(table)) => {
                table.keys().filter(|key| key.eq_ignore_ascii_case(name)).cloned().collect()
            }
            _ => Vec::new(),
        };
        written.iter().for_each(|key| layers.remove_at(&["headers", key]));
        if says_who_asks(name) {
            // The plan's other ways to write it.
            ["bearer", "basic"].into_iter().for_each(|key| layers.remove(key));
        }
        let shown = values.iter().filter_map(Value::as_str).map(|value| redact::value(name, value));
        let shown = shown.collect::<Vec<_>>().join(", ");
        layers.set_at(
            &["headers", name],
            Value::Array(values),
            Origin::Flag(format!("-H '{name}: {shown}'")),
        );
    }
}

/// Conditions from flags come on top of the plan's.
fn read_thresholds(args: &PlanArgs, layers: &mut Layers, diagnostics: &mut Vec<Diagnostic>) {
    for text in &args.thresholds {
        let threshold = match Threshold::parse(text) {
            Ok(threshold) => threshold,
            Err(WrongCondition { problem, fix, instead }) => {
                let fix = instead.map_or(fix, |instead| format!("write `{instead}`"));
                let flag = format!("--threshold '{text}'");
                diagnostics.push(Diagnostic::of_flag(flag, problem, fix));
                continue;
            }
        };
        let subject = threshold.subject();
        let expression = threshold.text[subject.len()..].trim_start().to_owned();
        let mut expressions = match layers.get_at(&["thresholds", &subject]) {
            Some(Value::Array(values)) => values.clone(),
            Some(value) => vec![value.clone()],
            None => Vec::new(),
        };
        expressions.push(Value::String(expression));
        let origin = Origin::Flag(format!("--threshold '{text}'"));
        layers.set_at(&["thresholds", &subject], Value::Array(expressions), origin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::connection_flags::ConnectionArgs;
    use engine::load::Load;
    use engine::plan::{TlsSettings, TlsVersion};
    use engine::template::Piece;

    fn args(target: &str) -> PlanArgs {
        PlanArgs { target: target.into(), ..PlanArgs::default() }
    }

    #[test]
    fn flags_make_a_plan() {
        let plan = plan(&PlanArgs {
            rate: Some("100:5000".into()),
            headers: vec!["X-A: 1".into(), "X-A: 2".into()],
            body: Some("{{seq}}".into()),
            overload: Some("shed=5ms".into()),
            thresholds: vec!["response p(99)<1s".into(), "response max<2s".into()],
            ..args("http://h/")
        })
        .unwrap();
        let only = &plan.scenarios[0];
        assert!(matches!(&only.load, Load::Open { name, .. } if name == "ramp"));
        let request = only.steps()[0].request.http().unwrap();
        assert_eq!((request.method.as_str(), request.headers.len()), ("POST", 2));
        assert_eq!(plan.thresholds.len(), 2);
    }

    #[test]
    fn who_asks_by_a_flag_asks_in_the_place_of_whom_the_plan_says() {
        let header = |text: &str, more: PlanArgs| {
            let text = format!("url = 'http://h/'\n{text}");
            let document = Document { name: "p".into(), text, format: Format::Toml };
            let plan = plan_of(Some(document), &more, Notes::Untold)?;
            Ok::<_, Failure>(plan.scenarios[0].steps()[0].request.http().unwrap().headers.clone())
        };
        let flag = || PlanArgs { headers: vec!["authorization: x".into()], ..PlanArgs::default() };
        let user = || PlanArgs { user: Some("Authorization: Basic eA==".into()), ..PlanArgs::default() };
        for text in
            ["bearer = 'abc'", "basic = { user = 'a', password = 'b' }", "headers.Authorization = 'abc'"]
        {
            for (args, value) in [(flag(), "x"), (user(), "Basic eA==")] {
                let headers =
                    header(text, args).unwrap_or_else(|failure| panic!("{text}: {}", failure.message));
                let [(name, pieces)] = &headers[..] else { panic!("{text}: {headers:?}") };
                assert!(name.eq_ignore_ascii_case("authorization"), "{text}");
                assert_eq!(*pieces, [Piece::Bytes(value.into())], "{text}");
            }
        }
        let wrong = header("[[request]]\nbearer = 'abc'", flag()).unwrap_err().message;
        assert!(wrong.contains("given twice"), "{wrong}");
    }

    #[test]
    fn flags_of_connections_are_keys_of_the_plan() {
        let transport = ConnectionArgs {
            insecure: true,
            at_least_1_3: true,
            groups: Some("x25519:secp256r1".into()),
            server_name: Some("api".into()),
            no_resumption: true,
            disable_keepalive: true,
            http1_1: true,
            connect_to: vec!["h:443:10.0.0.7:8443".into()],
            ..ConnectionArgs::default()
        };
        let plan = plan(&PlanArgs { transport, ..args("https://h/") }).unwrap();
        let target = &plan.targets[0];
        let settings = TlsSettings {
            verify: false,
            oldest: TlsVersion::V1_3,
            groups: vec!["x25519".into(), "secp256r1".into()],
            server_name: Some("api".into()),
            resumption: false,
            ..TlsSettings::default()
        };
        assert_eq!((target.tls(), target.reuse()), (Some(&settings), false));
        assert_eq!(
            (target.endpoint().to_string().as_str(), target.url.authority.as_str()),
            ("10.0.0.7:8443", "h")
        );
    }

    #[test]
    fn another_address_is_of_the_targets_that_have_the_host_and_port() {
        let plan_file = "[target.a]\nurl = 'https://h/'\n[target.b]\nurl = 'http://h/'\n[scenario.x]\ntarget = 'a'\n\
                         [scenario.y]\ntarget = 'b'";
        let document = || Document { name: "p".into(), text: plan_file.into(), format: Format::Toml };
        let read = |resolve: &str| {
            let transport = ConnectionArgs { resolve: vec![resolve.into()], ..ConnectionArgs::default() };
            plan_of(Some(document()), &PlanArgs { transport, ..args("p") }, Notes::Told)
        };
        let plan = read("h:443:10.0.0.7").unwrap();
        let endpoints: Vec<String> =
            plan.targets.iter().map(|target| target.endpoint().to_string()).collect();
        assert_eq!(endpoints, ["10.0.0.7:443", "h:80"]);
        let refused = read("h:8080:10.0.0.7").unwrap_err();
        assert!(refused.message.contains("targets are h:443, h:80"), "{}", refused.message);
    }

    #[test]
    fn a_plan_to_probe_may_ask_how_its_rate_is_kept_though_it_has_none() {
        for condition in ["rate ratio>0.99", "slip p(99)<1ms"] {
            let args = || PlanArgs { thresholds: vec![condition.into()], ..args("http://h/") };
            let refused = plan(&args()).unwrap_err();
            assert!(refused.message.contains("means nothing in a closed loop"), "{}", refused.message);
            assert_eq!(plan_to_probe(&args()).unwrap().thresholds.len(), 1);
        }
    }

    #[test]
    fn a_flag_that_is_wrong_is_named() {
        let failure = |args: PlanArgs| plan(&args).unwrap_err();
        let wrong = failure(PlanArgs { rate: Some("0".into()), ..args("http://h/") });
        assert_eq!(wrong.code, USAGE);
        assert!(wrong.message.contains("-R 0"), "{}", wrong.message);
        let wrong = failure(PlanArgs { thresholds: vec!["latency<5".into()], ..args("http://h/") });
        assert!(wrong.message.contains("latency"), "{}", wrong.message);
        let wrong = failure(PlanArgs { headers: vec!["no colon".into()], ..args("http://h/") });
        assert!(wrong.message.contains("not a header"), "{}", wrong.message);
        assert!(failure(args("missing.toml")).message.contains("cannot be read"));
    }
}
