//! `vajra import k6`: a script becomes a plan that does on a server what the script does, and as often.

use super::flows::ledger;
use crate::peers;
use crate::vajra::{Done, Vajra};

const SCRIPT: &str = "import http from 'k6/http';
import { check, sleep } from 'k6';
import exec from 'k6/execution';
import { SharedArray } from 'k6/data';

const users = new SharedArray('users', () => ['ann', 'bob', 'cid'].map((name) => ({ name, pass: 'x' })));

export const options = {
  scenarios: { shop: { executor: 'constant-arrival-rate', rate: 50, timeUnit: '1s', duration: '2s', preAllocatedVUs: 20 } },
  thresholds: { http_req_failed: ['rate<0.01'], checks: ['rate>0.99'], 'http_req_duration{name:login}': ['p(95)<5000'] },
};

export default function () {
  const user = users[exec.scenario.iterationInTest % users.length];
  const json = { headers: { 'Content-Type': 'application/json' }, tags: { name: 'login' } };
  const login = http.post(`${__ENV.BASE}/session`, JSON.stringify(user), json);
  check(login, { 'is in': (r) => r.status === 201 && r.json('token').length > 0, 'is the user': (r) => r.json('user') !== undefined });
  sleep(0.05);
  const headers = { Authorization: `Bearer ${login.json('token')}` };
  const own = http.get(`${__ENV.BASE}/private?user=${user.name}`, { headers });
  check(own, { 'is let in': (r) => r.status === 200, 'knows who': (r) => r.body.includes('visits') });
  http.post(`${__ENV.BASE}/ledger?id=${exec.scenario.iterationInTest}`);
  check(http.get(`${__ENV.BASE}/nowhere`), { 'is not there': (r) => r.status === 404 });
}
";

fn imported(script: &str, words: &[&str]) -> Done {
    let words = [&["import", "k6", "script.js"], words].concat();
    Vajra::new(&words).file("script.js", script).done()
}

#[test]
fn a_script_becomes_a_plan_that_does_as_often_what_the_script_does() {
    let testbed = peers::testbed(&[]);
    let base = format!("BASE={}", testbed.url(""));
    let done = imported(SCRIPT, &["-e", &base, "-o", "plan.toml"]);
    assert_eq!((done.code, done.stdout.as_str()), (0, ""), "{}", done.stderr);
    done.assert_says(&["rows of `users` are taken in their order", "`users.csv` is written"]);
    let read = |name: &str| std::fs::read_to_string(done.folder.path().join(name)).unwrap();
    let (plan, rows) = (read("plan.toml"), read("users.csv"));
    assert!(plan.contains("checks = \"rate>0.99\""), "{plan}");
    assert_eq!(rows, "name,pass\nann,x\nbob,x\ncid,x\n");
    let check = Vajra::new(&["check", "plan.toml"]).file("plan.toml", &plan).file("users.csv", &rows).done();
    assert_eq!(check.code, 0, "{}\n{}\n{plan}", check.stdout, check.stderr);
    let run = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan).file("users.csv", &rows).done();
    assert!([0, 3].contains(&run.code), "{}{}", run.stdout, run.stderr);
    let ok = run.assert_none_failed(100);
    // Requests that are intended behind the window are in no count.
    assert_eq!(run.count("/requests/failed"), 0, "{}", run.stdout);
    assert!(run.count("/requests/status/404") > 0, "{}", run.stdout);
    let ledger = ledger(&testbed.url("/"));
    for (key, count) in
        [("entries", ok), ("distinct", ok), ("repeated", 0), ("logins", ok), ("mismatches", 0)]
    {
        assert_eq!(ledger[key].as_u64(), Some(count), "{key}: {ledger}");
    }
}

#[test]
fn what_setup_does_is_done_once_before_the_start() {
    const SETUP: &str = "import http from 'k6/http';
import { check } from 'k6';
export const options = { scenarios: { own: { executor: 'constant-arrival-rate', rate: 40, timeUnit: '1s', duration: '1s', preAllocatedVUs: 20 } } };
export function setup() {
  const login = http.post(`${__ENV.BASE}/session`, JSON.stringify({ name: 'ann', pass: 'x' }), { headers: { 'Content-Type': 'application/json' } });
  check(login, { 'is in': (r) => r.status === 201 });
  return { token: login.json('token') };
}
export default function (data) {
  const own = http.get(`${__ENV.BASE}/private?user=ann`, { headers: { Authorization: `Bearer ${data.token}` } });
  check(own, { 'is let in': (r) => r.status === 200 });
}
";
    let testbed = peers::testbed(&[]);
    let base = format!("BASE={}", testbed.url(""));
    let done = imported(SETUP, &["-e", &base, "-o", "plan.toml"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    done.assert_says(&["requests of `setup()` are made once before the start", "PASS (POST /session)"]);
    let plan = std::fs::read_to_string(done.folder.path().join("plan.toml")).unwrap();
    let run = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan).variable("PASS", "x").done();
    assert!([0, 3].contains(&run.code), "{}{}", run.stdout, run.stderr);
    assert_eq!((run.arrivals(), run.count("/requests/failed")), (40, 0), "{}", run.stdout);
    assert_eq!(ledger(&testbed.url("/"))["logins"].as_u64(), Some(1));
    // Whoever is not let in is told before anything of the run is sent.
    let lost = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan.replace("== 201", "== 202"));
    let lost = lost.variable("PASS", "x").done();
    assert_eq!(lost.code, 4, "{}{}", lost.stdout, lost.stderr);
}

#[test]
fn data_files_replace_nothing_unasked_and_go_beside_the_plan() {
    let words = ["import", "k6", "script.js", "-e", "BASE=http://127.0.0.1:1", "-o", "plan.toml"];
    let there = Vajra::new(&words).file("script.js", SCRIPT).file("users.csv", "mine").done();
    assert_eq!(there.code, 2);
    there.assert_says(&["`users.csv` is there already", "--force"]);
    assert!(!there.folder.path().join("plan.toml").exists());
    let forced = Vajra::new(&[&words[..], &["--force"]].concat())
        .file("script.js", SCRIPT)
        .file("users.csv", "mine")
        .done();
    assert_eq!(forced.code, 0, "{}", forced.stderr);
    let shown = imported(SCRIPT, &["-e", "BASE=http://127.0.0.1:1"]);
    assert!(shown.stdout.contains("file = \"users.csv\""), "{}", shown.stdout);
    shown.assert_says(&["with -o PLAN it is written beside it"]);
}

#[test]
fn a_script_that_cannot_be_imported_is_told_with_place_cause_and_fix() {
    for (script, words, parts) in [
        (
            "export default function () {\n  const = 1;\n}",
            &[][..],
            &["SyntaxError", "--> script.js, line 2", "help:"][..],
        ),
        ("import x from './other.js';", &[], &["`other.js` is imported and cannot be read", "help:"]),
        (
            "export default function () {}",
            &["-e", "BASE"],
            &["`BASE` is no variable", "--> flag -e BASE", "help:"],
        ),
        ("for (;;) {}", &[], &["does not come to an end", "--> script.js", "help:"]),
    ] {
        let done = imported(script, words);
        assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{}", done.stderr);
        done.assert_says(parts);
    }
    let none = Vajra::new(&["import", "k6", "none.js"]).done();
    assert_eq!(none.code, 2);
    none.assert_says(&["`none.js` cannot be read"]);
}
