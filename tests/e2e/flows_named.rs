//! Named flows against the testbed's logins: how often each was gone through, in each output, and conditions on them.

use super::flows::ledger;
use crate::peers;
use crate::vajra::{Vajra, one_line};
use serde_json::Value;

const FLOWS: &str = "[[flow.login]]\npost = '/session'\njson = { name = 'user-{{seq}}', pass = 'p' }\n\
    check = 'status == 201'\nextract = { token = 'json /token' }\nthink = '10ms'\n\
    [[flow.ticket]]\nget = '/private?user=user-{{seq}}'\nheaders.Authorization = 'Bearer {{token}}'\n\
    check = 'status == 200'\nthink = '20ms'\n[[flow.ticket]]\nrun = 'answer'\nchance = '50%'\n\
    [[flow.answer]]\npost = '/ledger?id={{seq}}'\n\
    [[flow.logout]]\ndelete = '/session'\nheaders.Authorization = 'Bearer {{token}}'\nalways = true\n";

fn agents(url: &str, run: &str, thresholds: &str) -> String {
    format!(
        "url = '{url}'\nrun = {{ duration = '60s', {run} }}\n[scenario.agents]\nflow = ['login', 'ticket*2..4', 'logout']\n\
         load = {{ users = 6, loops = 8 }}\n{FLOWS}[thresholds]\n{thresholds}"
    )
}

/// Of each named flow of a report: its name, how often it was entered, and how that ended.
fn flows(report: &Value) -> Vec<(String, [u64; 4])> {
    let count = |flow: &Value, key: &str| flow[key].as_u64().unwrap();
    let of = |flow: &Value| {
        let counts = ["entered", "ok", "failed", "unfinished"].map(|key| count(flow, key));
        (flow["name"].as_str().unwrap().to_owned(), counts)
    };
    report["scenarios"][0]["flows"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn each_flow_is_counted_as_often_as_the_target_saw_it() {
    for shards in [1, 2] {
        let testbed = peers::testbed(&[]);
        let run = format!("shards = {shards}");
        let thresholds = "'iteration{flow=ticket}' = 'p(95)<1h'\n'duration{flow=ticket}' = ['min>=0s', 'p(50)<1ns']\n\
            'iteration{flow=answer,scenario=agents}' = 'count>=1'\n'failed{flow=login}' = 'rate<=0%'\n\
            'response{group=ticket}' = 'count>=1'\n'checks{flow=login}' = 'rate>=100%'\n";
        let series = if shards == 1 { "out.ndjson" } else { "out.csv" };
        let done = Vajra::run("plan.toml", &["--force", "--timeseries", series])
            .file("plan.toml", &agents(&testbed.url("/"), &run, thresholds))
            .done();
        done.assert_accounted();
        let all = flows(&done.report);
        let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["login", "ticket", "answer", "logout"]);
        for (name, [entered, ok, failed, unfinished]) in &all {
            assert_eq!(*entered, ok + failed + unfinished, "{name}");
        }
        let [login, ticket, answer, logout] = [0, 1, 2, 3].map(|at| all[at].1);
        let ledger = ledger(&testbed.url("/"));
        assert_eq!(ledger["logins"].as_u64(), Some(login[1]), "{ledger}");
        assert_eq!(ledger["entries"].as_u64(), Some(answer[0]), "{ledger}");
        assert_eq!(ledger["logged_in"].as_u64(), Some(login[1] - logout[1]), "{ledger}");
        assert_eq!((done.count("/iterations/ok"), login[1], logout[1]), (48, 48, 48), "{}", done.stdout);
        let steps = |step: usize| done.count(&format!("/scenarios/0/steps/{step}/requests/sent"));
        assert_eq!((ticket[0], answer[0]), (steps(1), steps(2)), "each time has one request of its own");
        assert!(ticket[0] >= 2 * logout[1] && ticket[0] <= 4 * login[0] && answer[0] < ticket[0], "{all:?}");
        let met: Vec<(&str, bool)> = (done.report["thresholds"].as_array().unwrap().iter())
            .map(|result| (result["text"].as_str().unwrap(), result["ok"].as_bool().unwrap()))
            .collect();
        let expected = [
            ("checks{flow=login} rate>=100%", true),
            ("duration{flow=ticket} min>=0s", true),
            ("duration{flow=ticket} p(50)<1ns", false),
            ("failed{flow=login} rate<=0%", true),
            ("iteration{flow=ticket} p(95)<1h", true),
            ("iteration{scenario=agents,flow=answer} count>=1", true),
            ("response{flow=ticket} count>=1", true),
        ];
        assert_eq!(met.iter().copied().collect::<std::collections::BTreeSet<_>>(), expected.into());
        let said = one_line(&done.stdout);
        assert!(said.contains("Flow entered ok failed"), "{said}");
        // On a machine that is busy, intervals may be lost.
        if shards == 2 {
            assert_rows(
                &std::fs::read_to_string(done.folder.path().join(series)).unwrap(),
                [login, ticket, answer, logout],
            );
            continue;
        }
        let lines = done.json_lines(series);
        if lines.iter().all(|line| line["lost"].as_u64() == Some(0)) {
            assert_eq!(sums(&lines, "ticket"), ticket, "{}", done.stdout);
        }
    }
}

/// Whether the rows of a time series add up to how often each flow was gone through, and say nothing of requests.
fn assert_rows(csv: &str, flows: [[u64; 4]; 4]) {
    let mut rows = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = rows.next().unwrap();
    let column =
        |name: &str| header.iter().position(|column| *column == name).unwrap_or_else(|| panic!("{name}"));
    let rows: Vec<Vec<&str>> = rows.collect();
    let of =
        |flow: &str| -> Vec<&Vec<&str>> { rows.iter().filter(|row| row[column("flow")] == flow).collect() };
    assert!(rows.iter().all(|row| row.len() == header.len()), "{csv}");
    for (name, expected) in ["login", "ticket", "answer", "logout"].into_iter().zip(flows) {
        let sum =
            |key: &str| of(name).iter().map(|row| row[column(key)].parse::<u64>().unwrap()).sum::<u64>();
        let keys = ["iterations_begun", "iterations_ok", "iterations_failed", "iterations_unfinished"];
        let is_whole = of(name).len() == of("").len();
        // On a machine that is busy, intervals may be lost; of what is there, each has a row of each flow.
        assert!(is_whole && keys.iter().zip(expected).all(|(key, all)| sum(key) <= all), "{name}: {csv}");
        for row in of(name) {
            assert_eq!(
                (row[column("scenario")], row[column("sent")], row[column("response_p50_ns")]),
                ("agents", "", "")
            );
            let has_times = row[column("iterations_ok")] != "0";
            assert_eq!(row[column("iteration_p50_ns")].is_empty(), !has_times, "{row:?}");
            assert_eq!(row[column("duration_max_ns")].is_empty(), !has_times, "{row:?}");
        }
    }
    let whole = of("");
    let begun = whole.iter().map(|row| row[column("iterations_begun")].parse::<u64>().unwrap()).sum::<u64>();
    assert!(begun <= 48 && whole.iter().any(|row| !row[column("duration_p50_ns")].is_empty()), "{csv}");
}

#[test]
fn a_gate_names_the_flow_that_became_slower_and_holds_conditions_on_it() {
    let (base, candidate) =
        (peers::testbed(&["--service", "fixed:20ms"]), peers::testbed(&["--service", "fixed:200ms"]));
    // What the query says is the same on both sides; what it leaves out is the server's.
    let plan = format!(
        "url = '{}'\nrun = {{ duration = '3s', connections = 300 }}\n[scenario.s]\nflow = ['same', 'work']\nload = {{ rate = 60 }}\n\
         [[flow.same]]\nget = '/?service=fixed:30ms'\n[[flow.work]]\nget = '/'\n[[flow.work]]\nget = '/bytes/10'\n\
         [thresholds]\n'iteration{{flow=same}}' = 'p(50)<1h'\n",
        candidate.url("/")
    );
    let base = base.url("/");
    let words =
        ["gate", "plan.toml", "--against", &base, "--runs", "1", "--force", "--allow", "invalid,slices"];
    let conditions =
        ["--threshold", "50%", "--threshold", "iteration{flow=work} p(50)<100ms", "--json", "g.json"];
    let done = Vajra::new(&[&words[..], &conditions].concat()).file("plan.toml", &plan).done();
    // How sure the comparison is depends on how calm the machine was; that the condition is broken does not.
    assert!([98, 99].contains(&done.code), "{}: {}{}", done.code, done.stdout, done.stderr);
    done.assert_says(&["iteration{flow=work} p(50)<100ms"]);
    assert!(!done.stderr.contains("iteration{flow=same}"), "that one is met: {}", done.stderr);
    let text = std::fs::read_to_string(done.folder.path().join("g.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let rows = json["rows"].as_array().unwrap().iter().zip(json["regression"]["rows"].as_array().unwrap());
    let of = |flow: Option<&str>| {
        let is_it = |row: &Value| row["metric"] == "iteration_p50" && row["flow"].as_str() == flow;
        let (row, held) =
            rows.clone().find(|(row, _)| is_it(row)).unwrap_or_else(|| panic!("{flow:?}: {text}"));
        assert_eq!((&held["flow"], &held["metric"]), (&row["flow"], &row["metric"]));
        assert!(row["is_decisive"] == true && held["limit"] == 0.5, "{row}{held}");
        [row["base"].as_f64().unwrap(), row["candidate"].as_f64().unwrap()]
    };
    // Two requests, of 20 ms each, or of 200 ms; and one of 30 ms on both sides.
    let ([base, candidate], same, all) = (of(Some("work")), of(Some("same")), of(None));
    assert!(base >= 39e6 && candidate >= 399e6, "{base} {candidate}");
    assert!(same[0] >= 29e6 && same[1] >= 29e6 && all[1] >= 429e6, "{same:?} {all:?}");
    assert!(one_line(&done.stdout).contains("work/ iteration p50"), "{}", done.stdout);
}

/// What the lines of a time series say of a flow, together.
fn sums(lines: &[Value], name: &str) -> [u64; 4] {
    let of = |key: &str| lines.iter().map(|line| line["flows"][name][key].as_u64().unwrap()).sum();
    ["entered", "ok", "failed", "unfinished"].map(of)
}

#[test]
fn a_flow_whose_request_fails_has_failed_and_the_condition_on_it_ends_the_run() {
    let plan = "url = 'testbed:'\nrun = { duration = '60s', connections = 8 }\n[scenario.s]\nflow = ['good', 'bad']\nload = { rate = 50 }\n\
        [[flow.good]]\nget = '/'\n[[flow.bad]]\nget = '/status/503'\non_failure = 'continue'\n\
        [thresholds]\n'failed{flow=bad}' = { limit = 'rate<50%', abort = true }\n'failed{flow=good}' = 'rate<50%'\n";
    let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", plan).done();
    let [(_, good), (_, bad)] = &flows(&done.report)[..] else { panic!("there are two") };
    assert!(good[2] == 0 && bad[1] == 0 && bad[2] > 0 && bad[2] <= good[1], "{good:?} {bad:?}");
    let said = one_line(&done.stdout);
    assert!(said.contains("`failed{flow=bad} rate<50%; abort` was broken"), "{said}");
}

#[test]
fn what_is_wrong_with_a_condition_on_a_flow_is_said_and_check_shows_those_there_are() {
    for (threshold, parts) in [
        ("'iteration{flow=logn}' = 'p(95)<2s'", &["there is no named flow `logn`", "login"][..]),
        ("'iteration{flow=login,step=x}' = 'p(95)<2s'", &["an iteration is of all steps"]),
        ("'rate{flow=login}' = '>=1'", &["a flow has no rate of its own"]),
        ("'attempts{flow=login}' = 'ratio<2'", &["leave `flow` out of the scope"]),
        ("'response{flow=login,step=\"DELETE /session\"}' = 'p(95)<2s'", &["there is no request"]),
        ("'checks{flow=logout}' = 'rate>=100%'", &["no request has a check"]),
        ("'response{flw=login}' = 'p(95)<2s'", &["there are scenario, step and flow"]),
    ] {
        let plan = agents("http://127.0.0.1:1/", "shards = 1", threshold);
        let done = Vajra::new(&["check", "plan.toml"]).file("plan.toml", &plan).done();
        assert_eq!(done.code, 2, "{threshold}: {}{}", done.stdout, done.stderr);
        done.assert_says(parts);
    }
    let plan = "url = 'http://127.0.0.1:1/'\nload = { rate = 1 }\n[[step]]\nget = '/'\n[thresholds]\n'iteration{flow=a}' = 'p(95)<2s'\n";
    let done = Vajra::new(&["check", "plan.toml"]).file("plan.toml", plan).done();
    assert_eq!(done.code, 2, "{}", done.stdout);
    done.assert_says(&["there is no named flow `a`", "[[flow.a]]"]);
    let plan = agents("testbed:", "shards = 1", "");
    let done = Vajra::new(&["check", "plan.toml"]).file("plan.toml", &plan).done();
    let said = one_line(&done.stdout);
    assert!(said.contains("login, ticket, answer, logout: each has figures of its own"), "{said}");
}

#[test]
fn a_report_is_run_again_with_its_flows() {
    let plan = "url = 'testbed:'\nrun = { duration = '300ms' }\n[scenario.s]\nflow = ['a*2']\nload = { rate = 20 }\n[[flow.a]]\nget = '/'\n";
    let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", plan).done();
    let again = Vajra::run("report.json", &["--force"]).file("report.json", &done.report.to_string()).done();
    let [(name, counts)] = &flows(&again.report)[..] else { panic!("there is one: {}", again.stderr) };
    assert_eq!((name.as_str(), counts[0]), ("a", 2 * again.count("/iterations/ok")), "{}", again.stdout);
}
