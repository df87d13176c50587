//! Logs that are repeated: arrival n of the run is row n of the log, at its moment, on any number of shards.

use crate::{assert_noted, plan, table};
use engine::bucket::{Poll, Share, TokenBucket};
use engine::feed::{FeedOrder, FeedTable, RowAt};
use engine::phase::Phases;
use engine::plan::Plan;
use engine::random::Draws;
use proptest::prelude::*;
use vajra_import::{LogChoices, LogImport, LogShape, Made, WrongImport};

const FORMAT: &str = "$msec $request_time $status $request_method $request_uri";
const METHODS: [&str; 3] = ["GET", "POST", "HEAD"];

fn import(log: &str, choices: LogChoices) -> Result<Made, WrongImport> {
    let mut import = LogImport::new("access.log", choices)?;
    log.lines().for_each(|line| import.line(line.as_bytes()));
    import.finish()
}

fn choices(speed: f64) -> LogChoices {
    LogChoices {
        url: Some("http://h:81/".into()),
        format: Some(FORMAT.into()),
        methods: METHODS.map(str::to_owned).into(),
        shape: LogShape::Recorded,
        rows_file: Some("again.csv".into()),
        speed,
    }
}

/// Each arrival of a run on so many shards: when it is intended, and the method and path of its row.
fn arrivals(made: &Made, plan: &Plan, shards: u64) -> Vec<(u64, String, String)> {
    let feed = &plan.feeds[0];
    let rows = FeedTable::read(feed, made.files[0].text.as_bytes()).unwrap();
    let order = FeedOrder::new(feed, 0, plan.seed);
    let phases = Phases { measure_from_ns: 0, measure_to_ns: u64::MAX };
    let mut found = Vec::new();
    for shard in 0..shards {
        let (share, draws) = (Share { shard, shards }, Draws::new(plan.seed, 0));
        let load = &plan.scenarios[0].load;
        let mut bucket = TokenBucket::new((0, load), phases, share, draws, None).unwrap();
        while let Poll::Due(arrival) = bucket.poll_due(u64::MAX) {
            let RowAt::Row(row) = order.row_of(arrival.number, rows.rows()) else {
                panic!("arrival {} has no row", arrival.number)
            };
            let text = |column| String::from_utf8(rows.field(row, column).to_vec()).unwrap();
            found.push((arrival.number, (arrival.intended_ns, text(0), text(1))));
        }
    }
    found.sort();
    assert!(found.iter().map(|(number, _)| *number).eq(0..rows.rows()));
    found.into_iter().map(|(_, arrival)| arrival).collect()
}

/// What goes over the wire for a path: letters that no path has are escaped, byte by byte.
fn on_the_wire(path: &str) -> String {
    let escaped = |letter: char| match letter {
        ' ' | '"' | '<' | '>' | '^' | '`' | '\u{80}'.. => {
            let mut bytes = [0; 4];
            letter.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")).collect()
        }
        letter => letter.to_string(),
    };
    path.chars().map(escaped).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arrival_n_is_row_n_on_any_number_of_shards(
        rows in prop::collection::vec((0_u64..20_000, 0_u64..900, 0_usize..3, "/[a-z%?&=,;\"'+ ü漢]{0,20}"), 1..60),
        foreign in prop::collection::vec("[a-z ]{0,10}", 60),
        is_fast: bool,
    ) {
        let (mut log, mut expected) = (String::new(), Vec::new());
        for ((ms, took_ms, method, path), foreign) in rows.iter().zip(&foreign) {
            let (from_ms, method) = (1_800_000_000_000 + ms, METHODS[*method]);
            let ended_ms = from_ms + took_ms;
            log.push_str(&format!(
                "{}.{:03} 0.{took_ms:03} 200 {method} {path}\n{foreign}\n", ended_ms / 1_000, ended_ms % 1_000
            ));
            expected.push((from_ms * 1_000_000, method.to_owned(), on_the_wire(path)));
        }
        // A space at the end of a line is a part of its path.
        expected.sort_by_key(|(at, ..)| *at);
        if expected.iter().all(|(at, ..)| at % 1_000_000_000 == 0) {
            // Whole seconds are spread: that is asserted elsewhere.
            return Ok(());
        }
        let first_ns = expected[0].0;
        let speed = if is_fast { 2 } else { 1 };
        expected.iter_mut().for_each(|(at, ..)| *at = (*at - first_ns) / speed);
        let made = import(&log, choices(speed as f64)).unwrap();
        let plan = plan(&made);
        for shards in 1..=3 {
            prop_assert_eq!(arrivals(&made, &plan, shards), expected.clone());
        }
    }

    #[test]
    fn no_row_of_any_log_is_one_that_a_plan_cannot_send(
        lines in prop::collection::vec("[ -~é\\\\\"%]{0,40}|[\u{1}-\u{1f}]{3}|[a]{4090,4100}", 1..20),
    ) {
        let log: String = lines.iter().map(|text| format!("1800000000.5 0.1 200 GET /{text}\n")).collect();
        match import(&log, choices(1.0)) {
            Ok(made) => {
                let rows = FeedTable::read(&plan(&made).feeds[0], made.files[0].text.as_bytes()).unwrap();
                for row in 0..rows.rows() {
                    let path = rows.field(row, 1);
                    prop_assert!(path.len() <= 4_096 && path.starts_with(b"/"), "{path:?}");
                    prop_assert!(path.iter().all(|byte| (0x21..0x7f).contains(byte)), "{path:?}");
                }
            }
            Err(wrong) => prop_assert!(wrong.problem.contains("longer than 4096 bytes"), "{wrong}"),
        }
    }
}

#[test]
fn each_method_has_a_step_that_only_its_rows_go_through() {
    let log = "1800000000.001 0.001 200 GET /a?x=\"1,2\"\n1800000000.011 0.001 200 POST /b\n- - 400 - -\n\
               1800000000.021 0.001 405 CONNECT h:443\n1800000000.021 0.001 404 DELETE /c\n";
    let made = import(log, choices(2.0)).unwrap();
    let table = table(&made);
    let steps: Vec<(Option<&str>, &str)> = table["step"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            let path = ["get", "post"].iter().find_map(|key| step.get(key)?.as_str());
            (path, step["if"].as_str().unwrap())
        })
        .collect();
    let path = Some("{{log.path}}");
    assert_eq!(steps, [(path, "log.method == GET"), (path, "log.method == POST")]);
    assert_eq!(made.files[0].path, "again.csv");
    assert_eq!(
        made.files[0].text,
        "method,path\nGET,/a?x=%221,2%22\nPOST,/b\n".replace("/a?x=%221,2%22", "\"/a?x=%221,2%22\"")
    );
    for parts in [
        &["2 lines have another form", "the first is line 3"][..],
        &["Left out: 1 DELETE"],
        &["POST are sent without bodies"],
        &["$request_time"],
        &["Request n is row n of again.csv", "2 rows"],
    ] {
        assert_noted(&made, parts);
    }
}

#[test]
fn paths_that_no_plan_can_send_are_left_out_with_their_moments() {
    let line = |ms: u64, path: &str| format!("1800000000.{ms:03} 0.000 200 GET {path}\n");
    let long = format!("/{}", "x".repeat(4_096));
    let log = format!("{}{}{}", line(1, "/first"), line(2, &long), line(5, "/last"));
    let made = import(&log, choices(1.0)).unwrap();
    assert_noted(&made, &["1 request is left out", "4096 bytes", "the first is in line 2: /xxx"]);
    let offsets = table(&made)["load"]["offsets"].clone();
    assert_eq!(offsets, toml::Value::from(vec!["0s", "0.004s"]));
    assert_eq!(made.files[0].text, "method,path\nGET,/first\nGET,/last\n");
    let wrong = import(&line(2, &long), choices(1.0)).unwrap_err();
    assert!(wrong.problem.contains("1 request is left out") && wrong.place == "access.log", "{wrong}");
}
