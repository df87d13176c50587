//! What plans are read from, and what none can be read from.

use super::*;
use crate::config::{Document, Format, Layers};
use crate::quantity::SECOND_NS;
use crate::record::Layout;
use crate::template::Piece;
use crate::url::Url;

fn read(text: &str) -> Result<Plan, Vec<Diagnostic>> {
    let document = Document { name: "plan".into(), text: text.into(), format: Format::Toml };
    let config = Layers::new(Some(document)).unwrap().config().unwrap();
    Plan::new(&config, &|name| match name {
        "there" => Ok(b"{{bytes}}".to_vec()),
        _ => Err("no such file".into()),
    })
}

#[test]
fn a_url_is_a_plan() {
    let plan = read("url = 'http://h:1/a'").unwrap();
    assert_eq!((plan.machine.shards, plan.connections(), plan.is_closed()), (1, 64, true));
    assert_eq!((plan.layout().series(), plan.scenarios[0].steps()[0].name.as_str()), (1, "GET /a"));
    assert_eq!(plan.phases, Phases { measure_from_ns: 0, measure_to_ns: 10 * SECOND_NS });
}

#[test]
fn a_plan_survives_being_sent() {
    let plan = read(
        "url = 'testbed:'\n[run]\nwarmup = '1s'\n[load]\nrate = '100/m'\n[[request]]\npath = '/{{seq}}'\nbody = '@there'\n\
         [thresholds]\nresponse = ['p(99)<1s', 'max<2s']",
    )
    .unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    let request = plan.scenarios[0].steps()[0].request.http().unwrap();
    assert_eq!(request.body, Some(vec![Piece::Bytes(b"{{bytes}}".to_vec())]));
}

#[test]
fn every_mistake_is_found_at_once_and_says_where_and_what_to_do() {
    let diagnostics = read(
        "url = 'http://h/'\n[run]\nshards = 3\nconnections = 2\nwait = 'nap'\nwarmup = '20s'\ntimeout = '0s'\n\
         [headers]\n'bad name' = 'x'\n[[request]]\nbody = '@gone'\n[thresholds]\nlatency = 'p(99)<1s'",
    )
    .unwrap_err();
    let paths: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic.path.as_str()).collect();
    for path in [
        "run.connections",
        "run.wait",
        "run.warmup",
        "run.timeout",
        "headers.bad name",
        "request.0.body",
        "thresholds.latency",
    ] {
        assert!(paths.contains(&path), "{path} is not among {paths:?}");
    }
    assert!(
        diagnostics.iter().all(|diagnostic| !diagnostic.fix.is_empty() && !diagnostic.problem.is_empty())
    );
}

#[test]
fn impossible_loads_are_refused() {
    for (text, path) in [
        ("rate = 0", "load.rate"),
        ("rate = '-5'", "load.rate"),
        ("shape = 'ramp'\nfrom = 1", "load.to"),
        ("shape = 'ramp'\nfrom = 0\nto = 0", "load.to"),
        ("shape = 'hill'", "load.shape"),
        ("shape = 'sine'\nmean = 5\namplitude = 6\nperiod = '1s'", "load.amplitude"),
        ("shape = 'closed'\nrate = 5", "load.rate"),
        ("rate = 5\nfrom = 3", "load.from"),
        ("rate = 5\noverload = 'shed'", "load.deadline"),
        ("rate = 5\narrivals = 'gauss'", "load.arrivals"),
        ("shape = 'stages'", "load.stages"),
        ("overload = 'shed'\ndeadline = '1s'", "load.overload"),
    ] {
        let diagnostics = read(&format!("url = 'h'\n[load]\n{text}")).unwrap_err();
        assert_eq!(diagnostics[0].path, path, "{text}: {diagnostics:?}");
    }
}

#[test]
fn a_plan_that_calls_segments_stretches_is_the_same() {
    let plan = read("url = 'h'\n[load]\nshape = 'ramp'\nfrom = 1\nto = 9").unwrap();
    let today = serde_json::to_string(&plan).unwrap();
    let earlier = today.replace("\"segments\"", "\"stretches\"");
    assert_ne!(earlier, today);
    assert_eq!(serde_json::from_str::<Plan>(&earlier).unwrap(), plan);
}

#[test]
fn shapes_become_segments_that_fill_the_run() {
    for (text, arrivals, seconds) in [
        ("rate = '600/m'", 100, 10),
        ("shape = 'ramp'\nfrom = 100\nto = 5000", 25_500, 10),
        ("shape = 'ramp'\nfrom = 0\nto = 100\nover = '2s'", 900, 10),
        ("shape = 'steps'\nrates = [10, 20]", 150, 10),
        ("shape = 'steps'\nrates = [10, 20]\nevery = '1s'", 30, 2),
        ("shape = 'spike'\nrate = 10\npeak = 100\nat = '2s'\nlength = '1s'", 190, 10),
        (
            "shape = 'spike'\nrate = 10\npeak = 100\nat = '1s'\nlength = '1s'\nevery = '4s'",
            10 * 10 + 3 * 90,
            10,
        ),
        ("shape = 'sine'\nmean = 100\namplitude = 50\nperiod = '5s'", 1_000, 10),
        (
            "shape = 'stages'\n[[load.stages]]\nrate = 10\nduration = '1s'\n\
             [[load.stages]]\nshape = 'ramp'\nfrom = 10\nto = 30\nduration = '2s'",
            50,
            3,
        ),
    ] {
        let plan = read(&format!("url = 'h'\n[load]\n{text}")).unwrap();
        let schedule = plan.scenarios[0].schedule().unwrap();
        assert_eq!(schedule.arrivals_before(u64::MAX), arrivals, "{text}");
        assert_eq!(plan.phases.measure_to_ns, seconds * SECOND_NS, "{text}");
        assert_eq!(schedule.end_ns(), seconds * SECOND_NS, "{text}");
    }
}

#[test]
fn conditions_on_a_schedule_are_refused_where_there_is_none() {
    let closed = "url = 'h'\n[thresholds]\nslip = 'p(99)<1ms'\nrate = ['ratio>0.9', 'rate>10']";
    let diagnostics = read(closed).unwrap_err();
    let paths: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic.path.as_str()).collect();
    assert_eq!(paths, ["thresholds.rate.0", "thresholds.slip"], "not the rate itself");
    assert!(read(&format!("{closed}\n[load]\nrate = 10")).is_ok());
}

#[test]
fn a_probe_changes_the_load_alone() {
    let plan = read(
        "url = 'h'\n[run]\nrequests = 10\n[load]\nrate = 5\narrivals = 'poisson'\n[thresholds]\nfailed = 'rate<1%'",
    )
    .unwrap();
    let probe = plan.probe(Probed::Sum, Rate::per_second(700), SECOND_NS, 3 * SECOND_NS).unwrap();
    let only = &probe.scenarios[0];
    let Load::Open { arrivals, segments, .. } = &only.load else { panic!("{:?}", only.load) };
    assert_eq!((*arrivals, segments.len()), (Arrivals::Poisson, 1));
    assert_eq!(only.schedule().unwrap().arrivals_before(SECOND_NS), 700);
    assert_eq!(probe.phases, Phases { measure_from_ns: SECOND_NS, measure_to_ns: 3 * SECOND_NS });
    let planned = &plan.scenarios[0];
    assert_eq!((only.requests_max, probe.thresholds.len(), &only.script), (None, 0, &planned.script));
    let plan = plan.changed(|fields| fields.warmup = Warmup::Auto).unwrap();
    let probe = plan.probe(Probed::Sum, Rate::per_second(700), SECOND_NS, 30 * SECOND_NS).unwrap();
    assert_eq!((probe.warmup, probe.phases.measure_from_ns), (Warmup::Auto, 15 * SECOND_NS));
}

/// Two scenarios on two targets, the second after the first.
const TWO: &str = "[target.api]\nurl = 'http://a:1/x'\npipeline = 2\n[target.other]\nurl = 'b:2'\n\
    [scenario.read]\ntarget = 'api'\nconnections = 5\nduration = '4s'\nload = { rate = 90 }\n\
    thresholds = { response = 'p(99)<20ms', failed = 'rate<1%' }\n\
    [[scenario.read.request]]\nget = '/a'\nweight = 9\n[[scenario.read.request]]\nget = '/b?{{rand 1 9}}'\n\
    [scenario.write]\ntarget = 'other'\nafter = 'read'\nrequests = 7\nload = { rate = 10 }\n\
    [[scenario.write.request]]\nput = '/c'\nbody = '@there'\n\
    [run]\nconnections = 3\n[thresholds]\n'response{scenario=write,step=\"PUT /c\"}' = 'max<1s'";

#[test]
fn scenarios_stand_side_by_side_each_with_its_own() {
    let plan = read(TWO).unwrap();
    let names: Vec<&str> = plan.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    assert_eq!((names.as_slice(), plan.name.as_str()), (&["read", "write"][..], "read, write"));
    assert_eq!(plan.layout(), Layout::new([2, 1]));
    let [read, write] = &plan.scenarios[..] else { panic!("{plan:?}") };
    assert_eq!((read.starts_ns, read.length_ns, read.requests_max), (0, 4 * SECOND_NS, None));
    assert_eq!((write.starts_ns, write.requests_max), (4 * SECOND_NS, Some(7)));
    assert_eq!(write.length_ns, 7 * SECOND_NS / 10, "as long as its requests take");
    assert_eq!(plan.phases.measure_to_ns, write.ends_ns());
    let counts: Vec<u32> = plan.pools.iter().map(|pool| pool.connections.count()).collect();
    assert_eq!((counts, plan.connections_of(0, 0)), (vec![5, 3], 5));
    let pipelines: Vec<u32> = plan.steps().map(|step| plan.target_of(step).pipeline()).collect();
    assert_eq!(pipelines, [2, 2, 1]);
    let conditions: Vec<&str> = plan.thresholds.iter().map(|threshold| threshold.text.as_str()).collect();
    assert_eq!(
        conditions,
        [
            "response{scenario=write,step=\"PUT /c\"} max<1s",
            "failed{scenario=read} rate<1%",
            "response{scenario=read} p(99)<20ms"
        ]
    );
    assert_eq!(plan.offered().rate_rps_at(SECOND_NS), Some(90.0));
    assert_eq!(plan.offered().rate_rps_at(4 * SECOND_NS + 1), Some(10.0));
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
}

#[test]
fn scenarios_of_one_url_go_to_one_target_on_connections_of_their_own() {
    let plan = read("url = 'h'\n[scenario.a]\n[scenario.b]\nurl = 'i'\n[scenario.c]").unwrap();
    let targets: Vec<usize> = plan.pools.iter().map(|pool| pool.target).collect();
    assert_eq!((targets.as_slice(), plan.targets.len()), (&[0, 1, 0][..], 2));
}

#[test]
fn a_probe_of_one_scenario_keeps_the_others_and_one_of_all_their_proportions() {
    let plan =
        read("url = 'h'\n[scenario.a]\nload = { rate = 30 }\n[scenario.b]\nload = { rate = 10 }").unwrap();
    let rates = |probed| -> Vec<f64> {
        let probe = plan.probe(probed, Rate::per_second(80), 0, SECOND_NS).unwrap();
        probe.scenarios.iter().map(|scenario| scenario.load.constant_rate().unwrap().rps()).collect()
    };
    assert_eq!(rates(Probed::Sum), [60.0, 20.0]);
    assert_eq!(rates(Probed::Scenario(1)), [30.0, 80.0]);
}

#[test]
fn mistakes_in_scenarios_are_told_at_their_place() {
    let base = "url = 'h'\n[scenario.read]\n[scenario.write]\n";
    for (text, path, said) in [
        ("[scenario.a]\nafter = 'b'\n[scenario.b]\nafter = 'a'", "scenario.b.after", "a after b after a"),
        ("[scenario.a]\nafter = 'wrte'", "scenario.a.after", "no scenario `wrte`"),
        ("[scenario.a]\ntarget = 'api'", "scenario.a.target", "no target `api`"),
        ("[target.spare]\nurl = 'x'", "target.spare", "no scenario uses the target `spare`"),
        (
            "[thresholds]\n'response{scenario=raed}' = 'max<1s'",
            "thresholds.response{scenario=raed}",
            "`raed`",
        ),
        ("[thresholds]\n'failed{step=x}' = '<1%'", "thresholds.failed{step=x}", "no request `x`"),
        ("[load]\nrate = 5", "load", "no scenario"),
        ("[run]\nrequests = 5", "run.requests", "no scenario"),
        ("[scenario.a]\nconnections = 1\n[run]\nshards = 2", "scenario.a.connections", "cannot be shared"),
        (
            "[scenario.a]\nstarts = '20s'\n[run]\nduration = '10s'",
            "scenario.a.starts",
            "when the run is over",
        ),
        (
            "[scenario.a]\nduration = '20s'\n[run]\nduration = '10s'",
            "scenario.a.duration",
            "the run ends before",
        ),
        ("[scenario.'a b']", "scenario.a b", "cannot be a name"),
        ("[[scenario.a.request]]\nget = '/'\npost = '/'", "scenario.a.request.0.post", "leave one out"),
    ] {
        let diagnostics = read(&format!("{base}{text}")).expect_err(text);
        let found = diagnostics.iter().find(|diagnostic| diagnostic.path == path);
        let found = found.unwrap_or_else(|| panic!("{text}: {diagnostics:?}"));
        let whole = format!("{} {}", found.problem, found.fix);
        assert!(whole.contains(said), "{text}: {whole}");
    }
    let many: String = (0..65).map(|n| format!("[[scenario.read.request]]\nget = '/{n}'\n")).collect();
    let diagnostics = read(&format!("url = 'h'\n{many}")).unwrap_err();
    assert!(diagnostics[0].problem.contains("65 requests"), "{diagnostics:?}");
    let wide: String = (0..5)
        .flat_map(|s| (0..60).map(move |n| format!("[[scenario.s{s}.request]]\nget = '/{n}'\n")))
        .collect();
    let diagnostics = read(&format!("url = 'h'\n{wide}")).unwrap_err();
    assert!(diagnostics[0].problem.contains("300 requests"), "{diagnostics:?}");
    let unused = read("url = 'h'\n[scenario.a]\nurl = 'x'").unwrap_err();
    assert_eq!((unused[0].path.as_str(), unused.len()), ("url", 1));
}

#[test]
fn fields_that_break_a_rule_become_no_plan() {
    let plan = read(TWO).unwrap();
    let json = serde_json::to_value(&plan).unwrap();
    for (pointer, value, place) in [
        ("/machine/shards", serde_json::json!(0), "plan.machine.shards"),
        ("/pools/0/connections", serde_json::json!({ "shared": 0 }), "plan.pools[0].connections"),
        ("/pools/1/target", serde_json::json!(7), "plan.pools[1].connections"),
        ("/scenarios/1/name", serde_json::json!("read"), "plan.scenarios[1].name"),
        ("/scenarios/0/script/mix/1/pool", serde_json::json!(9), "plan.scenarios[0].script.mix[1]"),
        (
            "/scenarios/0/script/mix/0/timeout_ns",
            serde_json::json!(0),
            "plan.scenarios[0].script.mix[0].timeout",
        ),
        ("/scenarios/0/load/open/segments", serde_json::json!([]), "plan.scenarios[0].load"),
        ("/phases/measure_from_ns", serde_json::json!(u64::MAX), "plan.phases"),
        ("/interval_ns", serde_json::json!(1), "plan.interval_ns"),
        (
            "/targets/0/url",
            serde_json::to_value(Url::parse("https://h/").unwrap()).unwrap(),
            "plan.targets[0].transport",
        ),
        ("/targets/0/transport", serde_json::json!({ "tls": {} }), "plan.targets[0].transport"),
        ("/thresholds/0/scope/scenario", serde_json::json!("gone"), "plan.thresholds[0]"),
    ] {
        let mut broken = json.clone();
        *broken.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} in {json}")) = value;
        let error = serde_json::from_value::<Plan>(broken).unwrap_err().to_string();
        assert!(error.contains(place), "{pointer}: {error}");
    }
}

/// What flags and variables give, for a plan that is repeated.
fn given(table: &str) -> ReadConfig {
    let document = Document { name: "given".into(), text: table.into(), format: Format::Toml };
    Layers::new(Some(document)).unwrap().read()
}

#[test]
fn a_seed_does_not_change_what_was_drawn_for_one_of_several() {
    let plan = read(
        "[scenario.a]\nurl = 'h'\nrequests = 50\nload = { rate = 10, arrivals = 'poisson' }\n[scenario.b]\nurl = 'h'\n\
         load = { rate = 1 }\n[run]\nduration = '60s'",
    )
    .unwrap();
    let refused = plan.repeated(&given("[run]\nseed = 77"), &|_| Err(String::new())).unwrap_err();
    assert!(refused[0].problem.contains("how long `a` takes"), "{refused:?}");
}

#[test]
fn a_repeated_plan_is_the_same_but_for_what_is_given() {
    let no_file: ReadFile = &|_| Err(String::new());
    for text in [
        TWO,
        "url = 'http://h/a?x={{rand 1 9}}'\n[run]\nwarmup = 'auto'\nduration = '60s'\nseed = 9",
        "url = 'h'\n[run]\nrequests = 500\n[load]\nrate = '100/m'\narrivals = 'poisson'",
        "url = 'h'\n[load]\nshape = 'steps'\nrates = [1, 5]\noverload = 'shed'\ndeadline = '5ms'\n[[request]]\nbody = '@there'",
    ] {
        let plan = read(text).unwrap();
        let again = plan.repeated(&ReadConfig::default(), no_file).unwrap().0;
        assert_eq!(again, plan, "{text}");
        let other = plan.repeated(&given("[run]\nseed = 77\n[headers]\nX-A = 'b'"), no_file).unwrap().0;
        assert_eq!(other.seed, 77);
        let fields = other.changed(|fields| {
            fields.seed = plan.seed;
            // When the last of a number of random arrivals comes is drawn, too.
            if plan.scenarios[0].requests_max.is_some() {
                fields.scenarios[0].load = plan.scenarios[0].load.clone();
                fields.scenarios[0].length_ns = plan.scenarios[0].length_ns;
                fields.phases = plan.phases;
            }
            for step in fields.scenarios.iter_mut().flat_map(Scenario::steps_mut) {
                let request = step.request.http_mut().unwrap();
                assert_eq!(request.headers.pop().unwrap().0, "X-A");
            }
        });
        assert_eq!(fields.unwrap(), plan, "{text}: nothing else changed");
    }
}

#[test]
fn what_is_given_to_a_repeated_plan_is_as_if_the_plan_had_said_it() {
    let no_file: ReadFile = &|_| Err(String::new());
    let base = "url = 'http://h:1/a'\n[run]\nconnections = 4\nduration = '4s'\n[load]\nrate = 30\narrivals = 'poisson'\n";
    let plan = read(base).unwrap();
    for (given_text, text) in [
        ("[run]\nduration = '2s'", base.replace("'4s'", "'2s'")),
        ("[run]\nrequests = 20", base.replace("'4s'", "'4s'\nrequests = 20")),
        ("[run]\nconnections = 8\nwarmup = '1s'", base.replace("= 4\n", "= 8\nwarmup = '1s'\n")),
        ("url = 'http://i:2/b'", base.replace("h:1/a", "i:2/b")),
        ("load = { rate = '9' }", base.replace("30", "9")),
        (
            "load = { shape = 'ramp', from = 1, to = 9 }",
            base.replace("rate = 30", "shape = 'ramp'\nfrom = 1\nto = 9"),
        ),
        ("[[request]]\nbody = 'x'", format!("{base}[[request]]\nbody = 'x'")),
        ("thresholds = { rate = 'ratio>0.9' }", format!("{base}[thresholds]\nrate = 'ratio>0.9'")),
        (
            "[run]\nshards = 2\npipeline = 3\ntimeout = '1s'",
            base.replace("= 4\n", "= 4\nshards = 2\npipeline = 3\ntimeout = '1s'\n"),
        ),
    ] {
        let repeated = plan.repeated(&given(given_text), no_file).unwrap().0;
        assert_eq!(repeated, read(&text).unwrap(), "{given_text}");
    }
    let multiplexed = format!("{base}[http]\nversion = '2-prior-knowledge'\nstreams = 4\nwindow = '1MiB'\n");
    let plan_2 = read(&multiplexed).unwrap();
    for (given_text, text) in [
        ("", multiplexed.clone()),
        ("http = { streams = 9 }", multiplexed.replace("= 4\nwindow", "= 9\nwindow")),
        ("http = { window = '64KiB' }", multiplexed.replace("1MiB", "64KiB")),
        ("http = { version = '1.1' }", base.to_owned()),
        (
            "http = { version = '2-prior-knowledge', header_table = 0 }",
            format!("{multiplexed}header_table = 0"),
        ),
    ] {
        let repeated = plan_2.repeated(&given(given_text), no_file).unwrap().0;
        assert_eq!(repeated, read(&text).unwrap(), "{given_text}");
    }
    let two = read(TWO).unwrap();
    for (plan, given_text, path) in [
        (&plan_2, "[run]\npipeline = 2", "run.pipeline"),
        (&plan_2, "http = { reuse = false }", "http.reuse"),
        (&two, "http = { version = '2-prior-knowledge' }", "http"),
        (&two, "load = { rate = 5 }", "load"),
        (&two, "[run]\nduration = '5s'", "run.duration"),
        (&two, "url = 'x'", "url"),
        (&two, "[scenario.read]\n", "scenario"),
        (&plan, "[run]\nwarmup = '9s'", "run.warmup"),
        (&plan, "[run]\ntimeout = '9'", "run.timeout"),
        (&plan, "[thresholds]\nresponse = 'p(99)<5'", "thresholds.response"),
        (&plan, "[headers]\nX = '{{y}}'", "headers.X"),
    ] {
        let wrong = plan.repeated(&given(given_text), no_file).unwrap_err();
        assert_eq!(wrong[0].path, path, "{given_text}: {wrong:?}");
    }
}

#[test]
fn what_is_given_of_connections_is_of_the_one_target_of_a_repeated_plan() {
    let read_file: ReadFile =
        &|name| if name == "gone" { Err("no such file".into()) } else { Ok(Vec::new()) };
    let base = "url = 'https://h/a'\nconnect = 'c:1'\n[http]\nreuse = false\n[tls]\nca = 'there'\nversions = '1.3'\n\
                server_name = 'n'\ncert = 'there'\nkey = 'there'\n";
    let plan = read(base).unwrap();
    for (given_text, text) in [
        ("", base.to_owned()),
        ("tls = { verify = false, groups = 'x25519' }", format!("{base}verify = false\ngroups = 'x25519'")),
        ("tls = { versions = '1.2', keylog = 'k' }", base.replace("1.3", "1.2") + "keylog = 'k'"),
        ("connect = 'd:2'", base.replace("c:1", "d:2")),
        ("http = { reuse = true }", base.replace("[http]\nreuse = false\n", "")),
        ("url = 'https://i/b'", base.replace("h/a", "i/b").replace("connect = 'c:1'\n", "")),
        ("url = 'http://i/b'", "url = 'http://i/b'\n[http]\nreuse = false\n".to_owned()),
    ] {
        let repeated = plan.repeated(&given(given_text), read_file).unwrap().0;
        assert_eq!(repeated, read(&text).unwrap(), "{given_text}");
    }
    let secure = read("url = 'http://h/a'")
        .unwrap()
        .repeated(&given("url = 'https://h/a'\n[tls]\nca = 'x'"), read_file);
    assert_eq!(secure.unwrap().0.targets[0].tls().unwrap().ca.as_deref(), Some("x"));
    let gone = plan.changed(|fields| {
        let Transport::Tls(settings) = &mut fields.targets[0].transport else { panic!("it has TLS") };
        settings.ca = Some("gone".to_owned());
    });
    let plain = read("url = 'http://h/a'").unwrap();
    for (plan, given_text, path) in [
        (&read(TWO).unwrap(), "[tls]\nverify = false", "tls"),
        (&read(TWO).unwrap(), "connect = 'x:1'", "connect"),
        (&plain, "[tls]\nverify = false", "tls"),
        (&plan, "[run]\npipeline = 2", "http.reuse"),
        (&plan, "[tls]\nciphers = 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'", "tls.ciphers"),
        (&gone.unwrap(), "", "plan.targets.0.transport.tls.ca"),
    ] {
        let wrong = plan.repeated(&given(given_text), read_file).unwrap_err();
        assert_eq!(wrong[0].path, path, "{given_text}: {wrong:?}");
    }
}

#[test]
fn a_repeated_number_of_requests_sets_the_length_anew() {
    let no_file: ReadFile = &|_| Err(String::new());
    let base = "url = 'http://h:1/a'\n[run]\nrequests = 20\nseed = 3\n[load]\nrate = 200\n";
    let poisson = &format!("{base}arrivals = 'poisson'\n");
    let bounded = &base.replace("seed", "duration = '5s'\nseed");
    let closed = &base.replace("rate = 200", "shape = 'closed'");
    let ramp = &base.replace("rate = 200", "shape = 'ramp'\nfrom = 100\nto = 300");
    let rate = |text: &str, rate: &str| text.replace("rate = 200", &format!("rate = {rate}"));
    for (planned, given_text, text) in [
        (base, "[run]\nrequests = 100", base.replace("20\n", "100\n")),
        (base, "load = { rate = 100 }", rate(base, "100")),
        (base, "[run]\nduration = '50ms'", base.replace("seed", "duration = '50ms'\nseed")),
        (poisson, "[run]\nrequests = 100", poisson.replace("20\n", "100\n")),
        (poisson, "load = { rate = 100 }", rate(poisson, "100")),
        (poisson, "[run]\nseed = 9", poisson.replace("seed = 3", "seed = 9")),
        (bounded, "[run]\nrequests = 100", bounded.replace("20\n", "100\n")),
        (bounded, "[run]\nrequests = 5000", bounded.replace("20\n", "5000\n")),
        (bounded, "load = { rate = 1 }", rate(bounded, "1")),
        (closed, "[run]\nrequests = 100", closed.replace("20\n", "100\n")),
        (closed, "load = { rate = 100 }", rate(base, "100")),
        (ramp, "[run]\nrequests = 100", ramp.replace("20\n", "100\n")),
    ] {
        let repeated = read(planned).unwrap().repeated(&given(given_text), no_file).unwrap().0;
        assert_eq!(repeated, read(&text).unwrap(), "{planned} with {given_text}");
    }
    let wrong = read(poisson).unwrap().repeated(&given("[run]\nrequests = '1G'"), no_file).unwrap_err();
    assert!(wrong[0].path == "run.requests" && wrong[0].problem.contains("too many"), "{wrong:?}");
}

#[test]
fn the_manner_of_a_repeated_load_changes_without_its_rates() {
    let no_file: ReadFile = &|_| Err(String::new());
    let constant = "url = 'h'\n[run]\nduration = '4s'\n[load]\nrate = 30\n";
    let counted = "url = 'h'\n[run]\nrequests = 50\n[load]\nrate = '100/m'\n";
    let ramp = "url = 'h'\n[load]\nshape = 'ramp'\nfrom = 1\nto = 9\n";
    for base in [constant, counted, ramp] {
        for manner in [
            "arrivals = 'poisson'\n",
            "overload = 'shed'\ndeadline = '5ms'\n",
            "arrivals = 'poisson'\noverload = 'shed'\ndeadline = '5ms'\n",
        ] {
            let plan = read(base).unwrap();
            let repeated = plan.repeated(&given(&format!("[load]\n{manner}")), no_file).unwrap().0;
            assert_eq!(repeated, read(&format!("{base}{manner}")).unwrap(), "{base} with {manner}");
        }
        let shed = read(&format!("{base}overload = 'shed'\ndeadline = '5ms'\n")).unwrap();
        let repeated = shed.repeated(&given("[load]\ndeadline = '7ms'"), no_file).unwrap().0;
        assert_eq!(repeated, read(&format!("{base}overload = 'shed'\ndeadline = '7ms'\n")).unwrap());
        let repeated = shed.repeated(&given("[load]\noverload = 'queue'"), no_file).unwrap().0;
        assert_eq!(repeated, read(base).unwrap());
    }
    let closed = read("url = 'h'").unwrap();
    let wrong = closed.repeated(&given("[load]\narrivals = 'poisson'"), no_file).unwrap_err();
    assert!(wrong[0].problem.contains("means nothing in a closed loop"), "{wrong:?}");
}

#[test]
fn a_variable_is_offered_for_a_missing_header_where_a_shell_can_export_it() {
    let text = "url = 'h'\n[headers]\nX-Api-Key = 'redacted:sha256:1ec1c26b'\nAuthorization = 'redacted:sha256:1ec1c26b'\n";
    let wrong = read(text).unwrap().repeated(&ReadConfig::default(), &|_| Err(String::new())).unwrap_err();
    let fix_of = |name: &str| &wrong.iter().find(|wrong| wrong.problem.contains(name)).unwrap().fix;
    assert!(fix_of("Authorization").contains("VAJRA_HEADERS__AUTHORIZATION"), "{wrong:?}");
    assert!(!fix_of("X-Api-Key").contains("VAJRA_"), "{wrong:?}");
}

#[test]
fn messages_without_a_name_are_numbered_alike_whatever_carries_them() {
    let named = "[[request]]\ntext = 'b'\nname = 'own'\n";
    for url in ["ws://h/chat", "wss://h/", "tcp://h:9", "tls://h:9", "udp://h:9"] {
        let one = "[[request]]\ntext = 'a'\n";
        let plan = read(&format!("url = '{url}'\n{one}{named}{one}")).unwrap();
        let names: Vec<&str> = plan.steps().map(|step| step.name.as_str()).collect();
        assert_eq!(names, ["message", "own", "message 3"], "{url}");
        let alone = read(&format!("url = '{url}'")).unwrap();
        assert_eq!(alone.steps().next().unwrap().name, "message", "{url}");
    }
    let queries = "url = 'dns://h'\n[[request]]\ndns = 'a.b'\n[[request]]\ndns = 'c.d MX'\n[[request]]\ndns = 'a.b A'\n";
    let plan = read(queries).unwrap();
    let names: Vec<&str> = plan.steps().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["dns a.b A", "dns c.d MX", "dns a.b A 3"]);
}

#[test]
fn a_path_may_begin_with_a_value_that_brings_the_slash() {
    let flow = |path: &str| {
        read(&format!(
            "url = 'h'\nload = {{ rate = 1 }}\n[[step]]\nget = '/'\nextract = {{ next = 'json /next' }}\n[[step]]\nget = '{path}'\n"
        ))
    };
    for path in [
        "{{next}}",
        "{{next}}?page=2",
        "{{next | trim | lower}}",
        "{{pick /a /b}}",
        "{{pick \" /a\" /b | trim}}",
    ] {
        let plan = flow(path).unwrap_or_else(|wrong| panic!("{path}: {wrong:?}"));
        let stored = serde_json::to_string(&plan).unwrap();
        assert!(stored.contains("path_start"), "{stored}");
        assert_eq!(serde_json::from_str::<Plan>(&stored).unwrap(), plan);
    }
    let filtered = ["url", "hex", "base64", "number", "sha256", "trim | md5"];
    let filtered = filtered.map(|filter| format!("{{{{next | {filter}}}}}"));
    let others = [
        "{{seq}}",
        "{{user}}",
        "x{{next}}",
        "{{next}} x",
        "{{pick a b}}",
        "{{pick /a b}}",
        "{{pick /a /b | url}}",
    ];
    for path in others.into_iter().chain(filtered.iter().map(String::as_str)) {
        let wrong = flow(path).expect_err(path);
        assert!(wrong[0].problem.starts_with("path `"), "{path}: {}", wrong[0].problem);
        assert_eq!(wrong[0].path, "step.1.get", "{path}");
    }
}
