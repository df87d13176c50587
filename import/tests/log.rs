//! Access logs: those of nginx and others, with lines that belong to none.

use crate::{assert_noted, plan, table};
use engine::plan::Request;
use vajra_import::{LogChoices, LogImport, LogShape, Made, WrongImport};

/// A log of 300 requests in 100 seconds: two thirds of them for items, the last in a rush.
fn access_log() -> String {
    let line = |second: u64, method: &str, path: &str| {
        format!(
            "10.0.0.{} - - [28/Nov/2026:12:{:02}:{:02} +0100] \"{method} {path} HTTP/1.1\" 200 12 \"-\" \"agent\"\n",
            second % 250,
            second / 60,
            second % 60
        )
    };
    let mut log = String::new();
    for second in 0..100 {
        log.push_str(&line(second, "GET", &format!("/items/{}?page=1", 10 + second)));
        log.push_str(&line(second, "GET", &format!("/items/{}?page=2", 500 - second)));
        log.push_str(&line(second, if second % 10 == 0 { "POST" } else { "GET" }, "/"));
    }
    log
}

fn import(log: &str, choices: LogChoices) -> Result<Made, WrongImport> {
    let mut import = LogImport::new("access.log", choices)?;
    log.lines().for_each(|line| import.line(line.as_bytes()));
    import.finish()
}

fn choices() -> LogChoices {
    LogChoices { url: Some("http://h:81/api/".into()), ..Default::default() }
}

#[test]
fn a_mix_has_the_weights_and_the_rate_of_the_log() {
    let log = format!("{}nonsense\n\n\u{1b}[31m more\n", access_log());
    let made = import(&log, choices()).unwrap();
    let plan = plan(&made);
    let steps: Vec<(String, u64)> =
        plan.scenarios[0].steps().iter().map(|step| (step.name.clone(), u64::from(step.weight))).collect();
    assert_eq!(steps, [("GET /items/{n}?page={n}".to_owned(), 200), ("GET /api/".to_owned(), 90)]);
    let Request::Http(first) = &plan.scenarios[0].steps()[0].request else { panic!() };
    assert_eq!(first.method, "GET");
    let table = table(&made);
    assert_eq!(table["request"][0]["get"].as_str(), Some("/api/items/{{rand 10 500}}?page={{rand 1 2}}"));
    assert_eq!(table["load"]["rate"].as_str(), Some("2.9"));
    assert_eq!(table["run"]["duration"].as_str(), Some("100s"));
    assert_noted(&made, &["2 lines have another form", "the first is line 301: nonsense"]);
    assert_noted(&made, &["Left out: 10 POST"]);
}

#[test]
fn stages_follow_the_rate_as_it_changed() {
    let speed = LogChoices { speed: 2.0, shape: LogShape::Stages, ..choices() };
    let quiet = "1.2.3.4 - - [28/Nov/2026:13:00:00 +0100] \"GET / HTTP/1.1\" 200 1\n";
    let made = import(&format!("{}{quiet}", access_log()), speed).unwrap();
    let stages = table(&made)["load"]["stages"].as_array().unwrap().clone();
    let total: f64 = stages
        .iter()
        .map(|stage| {
            let duration = stage["duration"].as_str().unwrap();
            let whole = duration.strip_suffix("ms").map(|ms| ms.parse::<f64>().unwrap() / 1e3);
            let seconds =
                whole.unwrap_or_else(|| duration.strip_suffix('s').unwrap().parse::<f64>().unwrap());
            stage["rate"].as_str().unwrap().parse::<f64>().unwrap() * seconds
        })
        .sum();
    assert!((total - 291.0).abs() < 3.0, "{total}: {stages:?}");
    plan(&made);
}

#[test]
fn a_log_is_repeated_at_its_own_moments() {
    let line = |at: &str| format!("1.2.3.4 - - [28/Nov/2026:12:00:{at} +0000] \"GET /a HTTP/1.1\" 200 1\n");
    let log: String = ["04", "02", "02", "04"].into_iter().map(line).collect();
    let recorded = || LogChoices { speed: 2.0, shape: LogShape::Recorded, ..choices() };
    let made = import(&log, recorded()).unwrap();
    let load = table(&made)["load"].clone();
    let offsets: Vec<&str> =
        load["offsets"].as_array().unwrap().iter().filter_map(|at| at.as_str()).collect();
    assert_eq!(offsets, ["0s", "0.5s", "2s", "2.5s"]);
    assert_eq!((load["shape"].as_str(), load["speed"].as_str()), (Some("recorded"), Some("2")));
    assert_noted(&made, &["The log has whole seconds"]);
    assert_noted(&made, &["Request n is row n of log.csv", "4 rows"]);
    let table = table(&made);
    assert_eq!(table["request"][0]["get"].as_str(), Some("/api{{log.path}}"));
    let feed = "file = \"log.csv\"\nrows = \"sequential\"\nat_end = \"stop\"".parse().unwrap();
    assert_eq!(table["feed"]["log"], toml::Value::Table(feed));
    assert_eq!(made.files[0].text, "method,path\nGET,/a\nGET,/a\nGET,/a\nGET,/a\n");
}

#[test]
fn a_log_that_is_longer_than_a_run_is_a_mix_or_stages_that_are_faster() {
    let line =
        |month: &str| format!("1.2.3.4 - - [28/{month}/2026:12:00:00 +0100] \"GET / HTTP/1.1\" 200 1\n");
    let log = format!("{}{}", line("Jan"), line("Nov"));
    plan(&import(&log, choices()).unwrap());
    let stages = |speed| LogChoices { speed, shape: LogShape::Stages, ..choices() };
    let wrong = import(&log, stages(1.0)).unwrap_err();
    assert!(wrong.problem.contains("305 days long at this speed, and no run is longer than 52"), "{wrong}");
    assert!(wrong.fix.ends_with("`--speed 6`") && wrong.place == "access.log", "{wrong}");
    plan(&import(&log, stages(6.0)).unwrap());
}

#[test]
fn methods_that_are_named_are_sent_without_bodies() {
    let posts = LogChoices { methods: vec!["post".into()], ..choices() };
    let made = import(&access_log(), posts).unwrap();
    assert_eq!(table(&made)["request"][0]["post"].as_str(), Some("/api/"));
    assert_noted(&made, &["post are sent without bodies"]);
    plan(&made);
}

#[test]
fn paths_beyond_the_most_asked_for_are_counted() {
    let line =
        |path: usize| format!("1.2.3.4 - - [28/Nov/2026:12:00:00 +0100] \"GET /p-{path} HTTP/1.1\" 200 1\n");
    let log: String = (0..100).map(line).chain((0..64).map(line)).collect();
    let made = import(&log, choices()).unwrap();
    assert_eq!(plan(&made).scenarios[0].steps().len(), 64);
    assert_noted(&made, &["36 requests were for other paths than the 64"]);
}

#[test]
fn what_is_no_log_is_told_with_its_first_line_and_the_formats() {
    for (log, choices, problem, fix) in [
        ("", choices(), "the log is empty", "name the log"),
        ("a b c\nd", choices(), "a b c", "`combined`, `common`, `json`"),
        ("a /b?token=s3cret c\nd", choices(), "a /b?\u{2026} c", "`combined`, `common`, `json`"),
        ("{\"a\": 1}", choices(), "{\"a\": 1}", "`combined`, `common`, `json`"),
        (
            "1.2.3.4 - - [28/Nov/2026:12:00:00 +0100] \"POST / HTTP/1.1\" 200 1",
            choices(),
            "1 POST",
            "--methods",
        ),
        (
            "1.2.3.4 - - [28/Nov/2026:12:00:00 +0100] \"GET / HTTP/1.1\" 200 1",
            LogChoices::default(),
            "does not say which server",
            "--url",
        ),
        ("", LogChoices { speed: -1.0, ..choices() }, "a speed of -1", "--speed 2"),
        ("", LogChoices { url: Some("h".into()), ..choices() }, "`h` is no URL", "--url http://"),
        (
            "",
            LogChoices { format: Some("combnied".into()), ..choices() },
            "`combnied` is no format",
            "`combined`",
        ),
    ] {
        let wrong = import(log, choices).unwrap_err();
        assert!(
            wrong.problem.contains(problem) && wrong.fix.contains(fix) && !wrong.place.is_empty(),
            "{wrong}"
        );
    }
}

#[test]
fn a_path_of_many_numbers_has_no_more_holes_than_a_request_may() {
    let path = |from: u32| (from..from + 40).map(|number| format!("/{number}")).collect::<String>();
    let line =
        |from| format!("1.2.3.4 - - [28/Nov/2026:12:00:00 +0100] \"GET {} HTTP/1.1\" 200 1\n", path(from));
    let made = import(&format!("{0}{0}", line(1)), choices()).unwrap();
    assert_eq!(table(&made)["request"][0]["get"].as_str().unwrap().matches('/').count(), 41);
    plan(&made);
    let other = line(1).replacen("/1/", "/7/", 1);
    plan(&import(&format!("{}{other}", line(1)), choices()).unwrap());
}

#[test]
fn a_log_that_says_its_server_needs_no_url() {
    let own = LogChoices {
        format: Some("$host [$time_iso8601] $request_method $request_uri".into()),
        ..Default::default()
    };
    let made =
        import("h:81 [2026-11-28T12:00:00Z] GET /a\nother [2026-11-28T12:00:01Z] GET /a", own).unwrap();
    assert_eq!(table(&made)["url"].as_str(), Some("http://h:81"));
    assert_noted(&made, &["1 requests were for other servers"]);
}
