//! Layers and what is read of them: places, kinds, and that one mistake is told once.

use super::*;
use crate::plan::{Plan, Purpose};
use proptest::prelude::*;

fn layers(text: &str, format: Format) -> Layers {
    let document = Document { name: "plan".into(), text: text.into(), format };
    Layers::new(Some(document)).unwrap_or_else(|unread| panic!("{:?}", unread.0))
}

/// Each mistake of a plan: its path, and what of the file is pointed at.
fn pointed_at(text: &str, format: Format) -> Vec<(String, String)> {
    let layers = layers(text, format);
    let wrong = Plan::read(&layers.read(), &|_| Err(String::new()), Purpose::Run).unwrap_err();
    let shown = |diagnostic: &Diagnostic| match layers.place(diagnostic) {
        Location::File(span) => (diagnostic.path.clone(), text[span].to_owned()),
        place => panic!("{diagnostic:?} at {place:?}"),
    };
    wrong.iter().map(shown).collect()
}

#[test]
fn what_is_wrong_is_pointed_at_in_both_languages() {
    for (text, format, path, part) in [
        ("url='h'\n[run]\nconections = 5", Format::Toml, "run.conections", "conections"),
        ("url='h'\n[run]\nshards = \"two\"", Format::Toml, "run.shards", "\"two\""),
        ("url='h'\nheaders = { A = [1, true] }", Format::Toml, "headers.A.1", "true"),
        ("url='h'\n[headers]\n'a.b' = ['x', '{{y}}']", Format::Toml, "headers.a.b.1", "{{y}}"),
        ("url='h'\n[load]\nshape = 'ramp'\nfrom = 1", Format::Toml, "load.to", "load"),
        ("{\"url\":\"h\",\"request\":[{},{\"weight\":-3}]}", Format::Json, "request.1.weight", "-3"),
        ("{\"url\":\"h\",\"rn\":{},\"run\":{\"sed\":1}}", Format::Json, "run.sed", "\"sed\""),
        ("url='h'\n[scenarios.a]\nload = {rate = 'x'}", Format::Toml, "scenarios.a.load.rate", "'x'"),
        (
            "url='h'\n[thresholds]\n'response{step=\"a.b\"}' = 'p(9)<x'",
            Format::Toml,
            "thresholds.response{step=\"a.b\"}",
            "'p(9)<x'",
        ),
    ] {
        let found = pointed_at(text, format);
        assert!(found.contains(&(path.to_owned(), part.to_owned())), "{text}: {found:?}");
    }
}

#[test]
fn nothing_is_told_that_only_follows_from_another_mistake() {
    for (text, paths) in [
        ("urll = 'h'", &["urll"][..]),
        ("url = true", &["url"]),
        ("url='h'\n[run]\nduration='5'\nwarmup='20s'", &["run.duration"]),
        ("url='h'\n[run]\nduration=true\nwarmup='20s'", &["run.duration"]),
        ("url='h'\n[run]\nrequests=true\nwarmup='20s'", &["run.requests"]),
        ("url='h'\n[run]\nduration='5'\n[load]\nshape='ramp'\nfrom=1\nto=2\nover='20s'", &["run.duration"]),
        ("url='h'\n[load]\nratte=5\narrivals='poisson'\n[thresholds]\nslip='max<1s'", &["load.ratte"]),
        ("url='h'\n[load]\nrate='x'\n[thresholds]\nrate='ratio>0.9'", &["load.rate"]),
        ("url='h'\n[run]\nshards='many'\nconnections=5", &["run.shards"]),
        ("[target.a]\nurl='h'\n[scenario.x]\ntarget='b'", &["scenario.x.target"]),
        ("[target.a]\nurl='h'\n[scenario.x]\ntarget=true", &["scenario.x.target"]),
        ("[targets.a]\nurl='h'\n[scenario.x]\ntarget='a'", &["targets"]),
        (
            "url='h'\n[scenario.a]\nduration='5'\n[scenario.b]\nafter='a'\nduration='1s'",
            &["scenario.a.duration"],
        ),
        ("url='h'\n[scenario.a]\nrequests=5\nload='x'\n[scenario.b]\nafter='a'", &["scenario.a.load"]),
        ("url='h'\n[[request]]\nnam='x'\n[thresholds]\n'response{step=x}'='max<1s'", &["request.0.nam"]),
        ("url='h'\n[[request]]\nname=true\n[thresholds]\n'response{step=x}'='max<1s'", &["request.0.name"]),
        ("url='h'\n[[request]]\npath='/{{x}}'", &["request.0.path"]),
        (
            "url='h'\n[load]\nshape='stages'\n[[load.stages]]\nduration='1'\nrate=5",
            &["load.stages.0.duration"],
        ),
        ("url='{{x}}'\n", &["url"]),
    ] {
        let found = pointed_at(text, Format::Toml);
        let found: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(found, paths, "{text}");
    }
}

#[test]
fn syntax_errors_have_a_place() {
    for (text, format) in
        [("a = = 1", Format::Toml), ("{\"a\": }", Format::Json), ("{", Format::Json), ("[", Format::Toml)]
    {
        let document = Document { name: "plan".into(), text: text.into(), format };
        let wrong = Layers::new(Some(document)).unwrap_err().0;
        assert!(matches!(wrong[0].spot, Spot::Span(_)), "{wrong:?}");
    }
}

#[test]
fn flags_stand_above_the_environment_above_the_file() {
    let mut layers = layers("[run]\nconnections = 1\nshards = 1\npipeline = 1", Format::Toml);
    layers.set_variable("VAJRA_RUN__CONNECTIONS", "2");
    layers.set_variable("VAJRA_RUN__SHARDS", "2");
    layers.set("run.connections", toml::Value::Integer(3), Origin::Flag("-c 3".into()));
    let run = layers.config().unwrap().run;
    assert_eq!((run.connections, run.shards, run.pipeline), (Some(3.into()), Some(2), Some(1)));
    let place = layers.place(&Diagnostic::at("run.shards", "", ""));
    assert_eq!(place, Location::Origin(Origin::Environment("VAJRA_RUN__SHARDS".into())));
}

#[test]
fn numbers_may_stand_where_text_is_read() {
    let config = layers("[load]\nrate = 500\nrates = [1, \"2k\"]", Format::Toml).config().unwrap();
    assert_eq!(config.load.rate, Some(Text("500".into())));
    assert_eq!(config.load.rates, Some(Texts(vec!["1".into(), "2k".into()])));
}

#[test]
fn what_to_write_is_in_the_language_of_its_place() {
    let fix = |layers: &Layers| {
        let wrong = Plan::read(&layers.read(), &|_| Err(String::new()), Purpose::Run).unwrap_err();
        layers.fix(&wrong[0])
    };
    assert_eq!(fix(&layers("url='h'\n[run]\ntimeout='5'", Format::Toml)), "write `timeout = \"5s\"`");
    let json = layers("{\"url\":\"h\",\"run\":{\"timeout\":5}}", Format::Json);
    assert_eq!(fix(&json), "write `\"timeout\": \"5s\"`");
    let mut typed = layers("url='h'", Format::Toml);
    typed.set("run.timeout", "5".into(), Origin::Flag("--timeout 5".into()));
    assert_eq!(fix(&typed), "write `--timeout 5s`");
    let mut set = layers("url='h'", Format::Toml);
    set.set_variable("VAJRA_RUN__TIMEOUT", "5");
    assert_eq!(fix(&set), "write `VAJRA_RUN__TIMEOUT=5s`");
}

/// A value of any kind, with keys that plans have and others.
fn any_value() -> impl Strategy<Value = toml::Value> {
    let key = prop::sample::select(vec![
        "url",
        "headers",
        "run",
        "load",
        "request",
        "requests",
        "target",
        "scenario",
        "scenarios",
        "feed",
        "file",
        "thresholds",
        "rate",
        "rates",
        "stages",
        "shards",
        "duration",
        "body",
        "template",
        "weight",
        "vus",
        "config",
        "options",
        "path",
        "name",
        "after",
        "http_req_duration",
        "x",
        "p99",
    ]);
    let leaf = prop_oneof![
        any::<bool>().prop_map(toml::Value::Boolean),
        any::<i64>().prop_map(toml::Value::Integer),
        any::<f64>().prop_map(toml::Value::Float),
        prop::sample::select(vec!["", "5", "10s", "100-5000", "a: b", "/x", "{{y}}", "http://h/", "p(9)<5"])
            .prop_map(toml::Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(toml::Value::Array),
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|members| {
                toml::Value::Table(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    /// Whatever stands in a plan, every mistake is one of a key or a value: none is left to the words of a library.
    #[test]
    fn any_table_is_read_or_refused_in_our_words(whole in any_value()) {
        let toml::Value::Table(table) = whole else { return Ok(()) };
        let text = toml::to_string(&table).unwrap();
        let Ok(layers) = Layers::new(Some(Document { name: "p".into(), text, format: Format::Toml })) else {
            return Ok(());
        };
        let read = layers.read();
        for wrong in &read.wrong {
            prop_assert!(!wrong.problem.contains("expected") && !wrong.path.is_empty(), "{wrong:?}");
            layers.place(wrong);
            prop_assert!(!layers.fix(wrong).is_empty(), "{wrong:?}");
        }
        let _ = Plan::read(&read, &|_| Err(String::new()), Purpose::Run);
    }

    #[test]
    fn any_text_is_read_or_refused_at_a_place_in_it(text in "[a-z=\\[\\]{}\"',:.\n 0-9é]{0,80}", is_json: bool) {
        let format = if is_json { Format::Json } else { Format::Toml };
        let document = Document { name: "p".into(), text: text.clone(), format };
        if let Err(unread) = Layers::new(Some(document)) {
            prop_assert!(!unread.0.is_empty());
            for wrong in unread.0 {
                let Spot::Span(span) = wrong.spot else { panic!("{wrong:?}") };
                prop_assert!(text.get(span.clone()).is_some(), "{span:?}");
            }
        }
    }
}
