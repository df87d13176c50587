//! k6 scripts: what they do becomes steps, loads and conditions, and what is left out is told.

use crate::{assert_noted, plan, read_with, table};
use engine::plan::Plan;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use toml::Table;
use vajra_import::{K6Choices, Made, MadeFile, ReadsScriptFile, WrongImport, from_k6};

const SHOP: &str = include_str!("data/k6/shop.js");

/// Files that scripts of these tests may read.
fn files() -> ReadsScriptFile {
    Rc::new(|path: &str| match path {
        "lib.js" => Ok(include_bytes!("data/k6/lib.js").to_vec()),
        "users.json" => Ok(include_bytes!("data/k6/users.json").to_vec()),
        "names.csv" => Ok(b"first name,age\nann,7\nbob,8\n".to_vec()),
        "broken.js" => Ok(b"export const a = 1;\nexport const = 2;\n".to_vec()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    })
}

fn tried(text: &str, variables: &[(&str, &str)]) -> Result<Made, WrongImport> {
    let environment: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    from_k6(text, "script.js", files(), &K6Choices { environment, ..K6Choices::default() })
}

pub(crate) fn made(text: &str) -> Made {
    tried(text, &[]).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// The plan of a script, read with the files that there are.
pub(crate) fn planned(made: &Made) -> Plan {
    let read_file = |path: &str| match made.files.iter().find(|file| file.path == path) {
        Some(file) => Ok(file.text.clone().into_bytes()),
        None => files()(path).map_err(|error| error.to_string()),
    };
    read_with(&made.plan, &read_file).unwrap_or_else(|wrong| panic!("{wrong:#?}\n{}", made.plan))
}

/// A script with one request and something more in its iteration, with these options.
pub(crate) fn script(options: &str, more: &str) -> String {
    format!(
        "import http from 'k6/http';\nimport {{ check, sleep, group }} from 'k6';\n\
         export const options = {options};\nexport default function () {{\n  const res = http.get('http://h/');\n{more}\n}}\n"
    )
}

/// The checks of the first step, for a function that is given its response as `r`.
fn checks(test: &str) -> Result<Vec<String>, Vec<String>> {
    let made = made(&script("{}", &format!("  check(res, {{ 'the check': (r) => {test} }});")));
    let table = table(&made);
    let texts = |value: &toml::Value| match value {
        toml::Value::Array(all) => all.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
        one => vec![one.as_str().unwrap().to_owned()],
    };
    match table["step"][0].get("check") {
        Some(value) => Ok(texts(value)),
        None => Err(made.notes),
    }
}

/// The requests of steps, those of flows that they run in the places of these.
fn laid_out<'t>(table: &'t Table, steps: &'t toml::Value) -> Vec<&'t toml::Value> {
    let one = |step: &'t toml::Value| match step.get("run") {
        Some(name) => laid_out(table, &table["flow"][name.as_str().unwrap()]),
        None => vec![step],
    };
    steps.as_array().unwrap().iter().flat_map(one).collect()
}

#[test]
fn a_script_becomes_a_flow() {
    let made = tried(SHOP, &[]).unwrap();
    assert!(made.files.is_empty(), "users.json can be read as it is");
    planned(&made);
    let table: Table = made.plan.parse().unwrap();
    let steps = laid_out(&table, &table["step"]);
    let step = |at: usize| steps[at];
    let names: Vec<&str> = steps.iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(table["step"][1].as_table(), Some(&"run = 'browse'".parse().unwrap()));
    assert_eq!(
        names,
        [
            "Login",
            "browse: GET /items",
            "browse: GET /items/{id}",
            "browse: GET /ping",
            "browse: GET /ping (2)",
            "GET /form",
            "POST /orders",
            "GET {location}",
            "DELETE /carts/{id}"
        ]
    );
    assert_eq!(
        step(0)["json"].to_string(),
        "{ name = \"{{users.name}}\", pass = \"{{users.pass}}\", n = \"{{iteration | number}}\" }"
    );
    assert_eq!(step(6)["extract"]["location"].as_str(), Some("header Location"));
    assert_eq!(step(7)["get"].as_str(), Some("{{location}}"));
    assert_eq!(step(0)["extract"]["token"].as_str(), Some("json /token"));
    assert_eq!(step(0)["think"].as_str(), Some("1s"));
    assert_eq!(step(1)["get"].as_str(), Some("/items?page={{rand 1 10}}&q=a%20b"));
    assert_eq!(step(1)["headers"]["Authorization"].as_str(), Some("Bearer {{token}}"));
    assert_eq!(step(1)["extract"]["id"].as_str(), Some("json /items/0/id"));
    assert_eq!(step(2)["get"].as_str(), Some("/items/{{id}}"));
    assert_eq!(step(3)["repeat"].as_integer(), Some(2));
    assert_eq!(step(4)["think"].as_str(), Some("uniform:1s,4s"));
    assert_eq!(step(5)["extract"]["csrf"].as_str(), Some("regex name=\"csrf\" value=\"(\\w+)\""));
    assert_eq!(step(6)["form"]["item"].as_str(), Some("{{rand 1 50}}"));
    assert_eq!(step(6)["form"]["key"].as_str(), Some("{{uuid}}"));
    assert_eq!(step(8)["delete"].as_str(), Some("/carts/{{id}}"));
    assert_eq!(step(8)["headers"]["Authorization"].as_str(), Some("Basic {{env AUTHORIZATION}}"));
    let checks = step(0)["check"].as_array().unwrap();
    assert_eq!(
        checks.iter().map(|c| c.as_str().unwrap()).collect::<Vec<_>>(),
        ["status == 201", "json /token exists", "time < 400ms"]
    );
    assert_eq!(table["load"]["stages"][1]["to"].as_integer(), Some(50));
    assert_eq!(table["run"]["connections"].as_integer(), Some(50));
    assert_eq!(table["feed"]["users"]["file"].as_str(), Some("users.json"));
    assert_eq!(table["thresholds"]["response"][1]["after"].as_str(), Some("10s"));
    assert_eq!(table["thresholds"]["response{step=Login}"].as_str(), Some("p(99)<900ms"));
    for parts in [
        &["the metric `waits`"][..],
        &["the check `is odd` is left out"],
        &["`waits: avg<10` is left out"],
        &["users are counted from 0"],
        &["AUTHORIZATION"],
        &["k6 follows redirects"],
        &["GET {location}: the path is a value of a response, which has to begin with a slash"],
    ] {
        assert_noted(&made, parts);
    }
}

#[test]
fn checks_are_found_by_asking_them() {
    for (test, found) in [
        ("r.status === 200", &["status == 200"][..]),
        ("r.status == 404", &["status == 404"]),
        ("r.status >= 200 && r.status < 300", &["status in 200..299"]),
        ("r.status < 400", &["status < 400"]),
        ("r.status !== 500", &["status != 500"]),
        ("[200, 201, 304].includes(r.status)", &["status in 200..201, 304"]),
        ("r.status === 200 || r.status === 204", &["status in 200, 204"]),
        ("r.status === 200 && r.body.includes('x\"y')", &["status == 200", "body contains \"x\\\"y\""]),
        ("!r.body.includes('no')", &["body not contains \"no\""]),
        ("r.body.indexOf('x') !== -1", &["body contains \"x\""]),
        ("r.body.indexOf('x') === 0", &["body matches \"^x\""]),
        ("r.body.startsWith('a.b')", &["body matches \"^a\\.b\""]),
        ("/^v\\d+$/i.test(r.body)", &["body matches \"(?i)^v\\d+$\""]),
        ("r.body.match(/ab+c/)", &["body matches \"ab+c\""]),
        ("r.body === 'OK'", &["body == \"OK\""]),
        ("r.body.length > 0", &["size >= 1"]),
        ("r.body.length === 512", &["size == 512"]),
        ("r.json('a.b') === 1", &["json /a/b == 1"]),
        ("r.json('a.b') == 1", &["json /a/b == 1"]),
        ("r.json().a[0].name === 'ann'", &["json /a/0/name == \"ann\""]),
        ("JSON.parse(r.body).ok === true", &["json /ok == true"]),
        ("r.json('ok')", &["json /ok exists"]),
        ("r.json('id') !== undefined", &["json /id exists"]),
        ("r.json('id') !== null", &["json /id != null"]),
        ("r.json('error') === undefined", &["json /error not exists"]),
        ("r.json('n') > 10", &["json /n > 10"]),
        ("r.json('n') <= 2.5", &["json /n <= 2.5"]),
        ("r.json('list').length >= 3", &["json /list/2 exists"]),
        ("r.json('token').length > 0", &["json /token matches \".\""]),
        ("r.json('id').length === 36", &["json /id matches \"(?s)^.{36}$\""]),
        ("r.json().hasOwnProperty('id')", &["json /id exists"]),
        ("'id' in r.json()", &["json /id exists"]),
        ("r.headers['Content-Type'].includes('json')", &["header Content-Type contains \"json\""]),
        ("r.headers['X-Id'] !== undefined", &["header X-Id exists"]),
        ("r.headers.Location === '/a'", &["header Location == \"/a\""]),
        ("r.cookies.sid !== undefined", &["cookie sid exists"]),
        ("r.timings.duration < 250", &["time < 250ms"]),
    ] {
        let found: Vec<String> = found.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(checks(test), Ok(found), "{test}");
    }
}

#[test]
fn checks_that_no_plan_has_are_told() {
    for test in [
        "r.json('n') % 2 === 1",
        "r.status === 200 || r.body.includes('x')",
        "r.html().find('h1').text() === 'x'",
        "r.timings.waiting < 100",
        "typeof r.json('a') === 'string'",
        "r.json('list').every((one) => one.ok)",
        "true",
        "false",
        "(() => { throw new Error('no'); })()",
        "r.body.match(/(?<=a)b/)",
        "http.get('http://h/other').status === 200",
    ] {
        let notes = checks(test).expect_err(test);
        assert!(
            notes.iter().any(|note| note.starts_with("the check `the check` is left out: ")),
            "{test}: {notes:?}"
        );
    }
}

#[test]
fn each_executor_has_its_load() {
    let one = |stated: &str| script(&format!("{{ scenarios: {{ one: {{ {stated} }} }} }}"), "");
    for (text, load, run) in [
        (
            one(
                "executor: 'constant-arrival-rate', rate: 90, timeUnit: '1m', duration: '10s', preAllocatedVUs: 5",
            ),
            "rate = \"90/m\"",
            "connections = 5\nduration = \"10s\"",
        ),
        (
            one(
                "executor: 'ramping-arrival-rate', startRate: 0, timeUnit: '1s', stages: [{ target: 5, duration: '10s' }, { target: 5, duration: 0 }, { target: 5, duration: '1m' }]",
            ),
            "shape = \"stages\"\n[[stages]]\nshape = \"ramp\"\nfrom = 0\nto = 5\nduration = \"10s\"\n[[stages]]\nrate = 5\nduration = \"60s\"",
            "",
        ),
        (
            one("executor: 'constant-vus', vus: 3, duration: '1m30s', gracefulStop: '2s'"),
            "users = 3",
            "duration = \"90s\"\ngraceful = \"2s\"",
        ),
        (
            one(
                "executor: 'ramping-vus', startVUs: 0, stages: [{ target: 10, duration: '20s' }, { target: 0, duration: '5s' }, { target: 0, duration: '5s' }]",
            ),
            "of = \"users\"\n[[stages]]\nshape = \"ramp\"\nfrom = 0\nto = 10\nduration = \"20s\"\n[[stages]]\nshape = \"ramp\"\nfrom = 10\nto = 0\nduration = \"5s\"\n[[stages]]\nshape = \"ramp\"\nfrom = 0\nto = 0.4\nduration = \"5s\"",
            "",
        ),
        (
            one("executor: 'per-vu-iterations', vus: 4, iterations: 20, maxDuration: '1m'"),
            "users = 4\nloops = 20",
            "duration = \"60s\"",
        ),
        (
            one("executor: 'shared-iterations', vus: 4, iterations: 200"),
            "users = 4",
            "duration = \"600s\"\nrequests = 200",
        ),
        (script("{ vus: 10, duration: '30s' }", ""), "users = 10", "duration = \"30s\""),
        (
            script("{ vus: 10, iterations: 40, duration: '30s' }", ""),
            "users = 10",
            "duration = \"30s\"\nrequests = 40",
        ),
        (
            script("{ stages: [{ target: 7, duration: '3s' }] }", ""),
            "of = \"users\"\n[[stages]]\nshape = \"ramp\"\nfrom = 1\nto = 7\nduration = \"3s\"",
            "",
        ),
        (script("{}", ""), "users = 1", "duration = \"600s\"\nrequests = 1"),
    ] {
        let made = made(&text);
        let table = table(&made);
        let load: Table = load.parse().unwrap();
        let run: Table = format!("timeout = \"60s\"\n{run}").parse().unwrap();
        assert_eq!(table["load"].as_table(), Some(&load), "{text}");
        assert_eq!(table["run"].as_table(), Some(&run), "{text}");
    }
}

#[test]
fn several_scenarios_stand_side_by_side() {
    let text = "import http from 'k6/http';\n
        export const options = { scenarios: {
            read: { executor: 'constant-vus', vus: 2, duration: '10s', exec: 'read', env: { WHO: 'reader' } },
            write: { executor: 'constant-arrival-rate', rate: 5, duration: '10s', preAllocatedVUs: 3, exec: 'write', startTime: '5s' },
            other: { executor: 'externally-controlled', vus: 1 },
        }, thresholds: { 'http_req_duration{scenario:read}': ['p(95)<100'], 'http_req_failed{scenario:none}': ['rate<1'], iterations: ['count>5'], iteration_duration: ['avg<900'] } };
        export function read() { http.get(`http://a/${__ENV.WHO}`); }
        export function write() { http.put('http://b/x', 'text'); }";
    let made = made(text);
    let plan = plan(&made);
    assert_eq!(plan.scenarios.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["read", "write"]);
    let table = table(&made);
    assert_eq!(table["scenario"]["read"]["step"][0]["get"].as_str(), Some("/reader"));
    assert_eq!(table["scenario"]["write"]["url"].as_str(), Some("http://b"));
    assert_eq!(table["scenario"]["write"]["starts"].as_str(), Some("5s"));
    assert_eq!(table["scenario"]["write"]["step"][0]["body"].as_str(), Some("text"));
    assert_eq!(table["thresholds"]["response{scenario=read}"].as_str(), Some("p(95)<100ms"));
    assert_eq!(table["thresholds"]["duration{scenario=write}"].as_str(), Some("avg<900ms"));
    assert_noted(&made, &["`iterations: count>5` is left out"]);
    assert_noted(&made, &["`other` is left out", "externally-controlled"]);
    assert_noted(&made, &["`http_req_failed{scenario:none}: rate<1` is left out"]);
}

#[test]
fn rows_that_no_file_has_are_written() {
    let text = "import http from 'k6/http';
        import { SharedArray } from 'k6/data';
        import papaparse from 'https://jslib.k6.io/papaparse/5.1.1/index.js';
        import { randomItem } from 'https://jslib.k6.io/k6-utils/1.2.0/index.js';
        const names = new SharedArray('names', () => papaparse.parse(open('./names.csv'), { header: true }).data);
        const words = new SharedArray('user', () => ['red', 'a,b']);
        export default () => { http.get(`http://h/${names[Math.floor(Math.random() * names.length)]['first name']}?w=${randomItem(words)}`); };";
    let made = tried(text, &[]).unwrap();
    planned(&made);
    assert!(made.plan.contains("get = \"/{{names.first_name}}?w={{user_row.value}}\""), "{}", made.plan);
    let file = |path: &str, text: &str| MadeFile { path: path.to_owned(), text: text.to_owned() };
    assert_eq!(
        made.files,
        [
            file("names_rows.csv", "first_name,age\nann,7\nbob,8\n"),
            file("user_row.csv", "value\nred\n\"a,b\"\n")
        ]
    );
    assert_eq!(made.plan.matches("rows = \"random\"").count(), 2, "{}", made.plan);
}

#[test]
fn requests_to_other_servers_name_them_as_targets() {
    let text = "import http from 'k6/http';
        export const options = { scenarios: {
            buy: { executor: 'constant-vus', vus: 2, duration: '1s', exec: 'buy' },
            look: { executor: 'constant-vus', vus: 1, duration: '1s', exec: 'look' },
        }, insecureSkipTLSVerify: true };
        export function buy() {
            const token = http.post('https://auth.local/token').json('token');
            http.get('http://shop.local/a', { headers: { Authorization: `Bearer ${token}` } });
            http.get('http://shop.local/a');
            http.get('http://static.local/a');
        }
        export function look() {
            http.get('http://static.local/b');
            http.get('http://static.local/c');
            http.get('http://shop.local/d');
        }";
    let made = made(text);
    let plan = planned(&made);
    let of_step = |step: &engine::plan::Step| plan.target_of(step).url.authority.clone();
    let of_scenario = |name: &str| {
        let scenario = &plan.scenarios[plan.scenario_named(name).unwrap()];
        scenario.steps().iter().map(of_step).collect::<Vec<_>>()
    };
    assert_eq!(
        of_scenario("buy"),
        ["auth.local", "shop.local", "shop.local", "static.local"],
        "{}",
        made.plan
    );
    assert_eq!(of_scenario("look"), ["static.local", "static.local", "shop.local"], "{}", made.plan);
    let table = table(&made);
    assert_eq!(table["target"]["auth-local"]["url"].as_str(), Some("https://auth.local"));
    assert_eq!(table["tls"]["verify"].as_bool(), Some(false));
    assert!(table["scenario"]["buy"]["step"][1].get("target").is_none(), "{}", made.plan);
}

#[test]
fn what_is_not_translated_is_told() {
    let text = "import http from 'k6/http';
        import ws from 'k6/ws';
        import { Client } from 'k6/net/grpc';
        import { describe } from 'https://jslib.k6.io/k6chaijs/4.3.4.3/index.js';
        import { sleep } from 'k6';
        export const options = { thresholds: { vus: ['value>1'] }, rps: 5, dns: { ttl: '1m' } };
        export function handleSummary() { return {}; }
        const client = new Client();
        export default function () {
            sleep(1);
            ws.connect('ws://h/', () => {});
            describe('x', () => {});
            const page = http.get('http://h/a').html().find('a').attr('href');
            http.get(`http://h/${page}`);
            http.get('http://elsewhere/');
            http.get(`${__ENV.NOTHING}/x`);
            http.batch([['GET', 'http://h/b'], { method: 'POST', url: 'http://h/c', body: 'x' }]);
            http.post('http://h/late', Date.now());
            http.post('http://h/day', new Date().toISOString().slice(0, 10));
        }";
    let made = made(text);
    let table = table(&made);
    let steps = table["step"].as_array().unwrap();
    assert_eq!(steps.len(), 7, "{}", made.plan);
    assert_eq!(steps[5]["body"].as_str(), Some("{{now ms}}"));
    for parts in [
        &["k6/ws.connect"][..],
        &["k6/net/grpc: Client"],
        &["k6chaijs", "describe"],
        &["`html` is not translated"],
        &["comes from `html().find().attr()`"],
        &["the request to `undefined/x` is left out", "-e NAME=VALUE"],
        &["a pause before the first request"],
        &["`vus: value>1` is left out"],
        &["options that are left out: ", "rps"],
        &["`handleSummary()` is left out"],
        &["`http.batch`"],
        &["a date is in it"],
    ] {
        assert_noted(&made, parts);
    }
}

#[test]
fn requests_of_setup_are_made_before_the_start_and_their_values_are_known_to_all() {
    let text = |used: &str| {
        format!(
            "import http from 'k6/http';
            import {{ check, sleep }} from 'k6';
            export function setup() {{
                const login = http.post('http://login/session', JSON.stringify({{ name: 'ann' }}));
                check(login, {{ 'is in': (r) => r.status === 201 }});
                sleep(1);
                return {{ token: login.json('token'), items: http.get('http://login/items').json('ids') }};
            }}
            export default function (data) {{
                const own = http.post('http://h/a', {{}}, {{ headers: {{ Authorization: {used} }} }});
                http.get(`http://h/items/${{data.items[0]}}?t=${{own.json('token')}}`);
            }}"
        )
    };
    let made = made(&text("`Bearer ${data.token}`"));
    let table = table(&made);
    let setup = table["setup"]["step"].as_array().unwrap();
    assert_eq!(table["setup"]["url"].as_str(), Some("http://login"));
    assert_eq!(setup[0]["post"].as_str(), Some("/session"));
    assert_eq!(setup[0]["check"].as_str(), Some("status == 201"));
    assert_eq!(setup[0]["extract"]["token"].as_str(), Some("json /token"));
    assert_eq!(setup[1]["extract"]["ids"].as_str(), Some("json /ids/0"));
    let steps = table["step"].as_array().unwrap();
    assert_eq!(steps[0]["headers"]["Authorization"].as_str(), Some("Bearer {{token}}"));
    assert_eq!(steps[0]["extract"]["token_2"].as_str(), Some("json /token"));
    assert_eq!(steps[1]["get"].as_str(), Some("/items/{{ids}}?t={{token_2}}"));
    assert_eq!(steps.len(), 2);
    assert_noted(&made, &["requests of `setup()` are made once before the start"]);
    assert_noted(&made, &["pauses in `setup()`"]);
}

#[test]
fn what_setup_brings_is_called_the_same_in_all_scenarios() {
    let text = "import http from 'k6/http';
        export const options = { scenarios: {
            one: { executor: 'constant-vus', vus: 1, duration: '1s', exec: 'one' },
            two: { executor: 'constant-vus', vus: 1, duration: '1s', exec: 'two' } } };
        export function setup() { const login = http.post('http://h/login'); return { token: login.json('token'), id: login.json('id') }; }
        export function one(data) { const t = http.get(`http://h/a/${data.token}`).json('token'); http.get(`http://h/${t}`); }
        export function two(data) { const i = http.get('http://i/b').json('id'); http.get(`http://i/${i}/${data.id}/${data.token}`); }";
    let made = made(text);
    let table = table(&made);
    let setup = &table["setup"];
    assert_eq!(setup["url"].as_str(), Some("http://h"));
    assert_eq!(
        setup["step"][0]["extract"].to_string(),
        "{ setup_token = \"json /token\", setup_id = \"json /id\" }"
    );
    let get = |scenario: &str, step: usize| {
        table["scenario"][scenario]["step"][step]["get"].as_str().unwrap().to_owned()
    };
    assert_eq!((get("one", 0), get("one", 1)), ("/a/{{setup_token}}".to_owned(), "/{{token}}".to_owned()));
    assert_eq!(get("two", 1), "/{{id}}/{{setup_id}}/{{setup_token}}");
}

#[test]
fn setup_keeps_no_cookies_and_more_requests_than_a_plan_has_may_bring_nothing() {
    let text = |requests: usize, used: usize| {
        format!(
            "import http from 'k6/http';
            export function setup() {{
                const ids = [];
                for (let i = 0; i < {requests}; i++) {{ ids.push(http.post(`http://h/items?${{i}}`).json('id')); }}
                return ids;
            }}
            export default function (ids) {{ http.get(`http://h/items/${{ids[{used}]}}`); }}"
        )
    };
    let cookies = |made: &Made| made.notes.iter().any(|note| note.contains("k6 sends cookies"));
    let one = made(&text(1, 0));
    assert!(!cookies(&one), "{:?}", one.notes);
    let most = made(&text(100, 63));
    planned(&most);
    assert!(cookies(&most));
    assert_noted(&most, &["`setup()` makes 100 requests: the first 64 are in the plan"]);
    let wrong = tried(&text(100, 80), &[]).unwrap_err();
    assert!(
        wrong.problem.contains("`setup()` makes 100 requests") && wrong.problem.contains("`id`"),
        "{wrong}"
    );
    assert_eq!(wrong.place, "script.js");
}

#[test]
fn what_another_scenario_takes_of_a_setup_that_differs_is_known_or_refused() {
    let text = |setup: &str| {
        format!(
            "import http from 'k6/http';
            export const options = {{ scenarios: {{
                one: {{ executor: 'constant-vus', vus: 1, duration: '1s', exec: 'one', env: {{ WHO: 'ann' }} }},
                two: {{ executor: 'constant-vus', vus: 1, duration: '1s', exec: 'two', env: {{ WHO: 'bob' }} }} }} }};
            export function setup() {{ {setup} return {{ token: login.json('token'), id: login.json('id') }}; }}
            export function one(data) {{ http.get(`http://h/a/${{data.token}}`); }}
            export function two(data) {{ http.get(`http://h/b/${{data.id}}`); }}"
        )
    };
    let made = made(&text("const login = http.post('http://h/login', { name: __ENV.WHO });"));
    planned(&made);
    assert_noted(&made, &["`setup()` does not do the same for all scenarios"]);
    assert_eq!(
        table(&made)["setup"]["step"][0]["extract"].to_string(),
        "{ setup_token = \"json /token\", setup_id = \"json /id\" }"
    );
    let wrong = tried(&text("const login = http.post(`http://h/${__ENV.WHO}`);"), &[]).unwrap_err();
    assert!(wrong.problem.contains("`setup_id`"), "{wrong}");
}

#[test]
fn a_path_begins_with_a_value_only_where_a_response_or_a_row_brings_it() {
    let text = |first: &str, url: &str| {
        format!(
            "import http from 'k6/http';
            import {{ SharedArray }} from 'k6/data';
            const rows = new SharedArray('rows', () => [{{ path: '/a' }}, {{ path: '/b' }}]);
            export default function () {{
                const row = rows[Math.floor(Math.random() * rows.length)];
                const res = http.get('{first}/');
                http.get('http://h/x'); http.get('http://h/y');
                http.get(`http://h{url}`);
            }}"
        )
    };
    let (of_response, of_row) = (
        "a value of a response, which has to begin with a slash",
        "a value of a row, which has to begin with a slash",
    );
    for (first, url, path, note) in [
        ("http://h", "${res.json('next')}", "{{next}}", of_response),
        ("http://h", "${res.json('next')}/x", "{{next}}/x", of_response),
        ("http://other", "${res.json('next')}", "{{next}}", of_response),
        ("http://h", "${row.path}?a=1", "{{rows.path}}?a=1", of_row),
    ] {
        let made = made(&text(first, url));
        planned(&made);
        assert_eq!(table(&made)["step"][3]["get"].as_str(), Some(path), "{}", made.plan);
        assert_noted(&made, &[note]);
    }
    for url in [
        "${res.html().find('a').attr('href')}",
        "${Math.floor(Math.random() * 3)}/x",
        "${encodeURIComponent(res.json('next'))}",
        ":${res.json('port')}/x",
    ] {
        let made = made(&text("http://h", url));
        planned(&made);
        assert!(!made.plan.contains("not-translated"), "{}", made.plan);
        let table = table(&made);
        let steps = table["step"].as_array().unwrap();
        let paths: Vec<&str> = steps.iter().filter_map(|step| step["get"].as_str()).collect();
        assert_eq!(paths, ["/", "/x", "/y"], "{url}");
        assert_noted(&made, &["the request to `http://h", "is left out"]);
    }
}

#[test]
fn a_setup_that_takes_rows_is_a_part_of_each_iteration_or_none() {
    let text = |used: &str| {
        format!(
            "import http from 'k6/http';
            import {{ SharedArray }} from 'k6/data';
            const users = new SharedArray('users', () => [{{ name: 'ann' }}, {{ name: 'bob' }}]);
            export function setup() {{ return {{ token: http.post('http://h/login', users[0].name).json('token') }}; }}
            export default function (data) {{ http.get(`http://h/a?{used}`); }}"
        )
    };
    let with = made(&text("t=${data.token}"));
    let steps = table(&with)["step"].as_array().unwrap().clone();
    assert_eq!(steps[0]["extract"]["token"].as_str(), Some("json /token"), "{}", with.plan);
    assert_noted(&with, &["requests of `setup()` are the first steps"]);
    let without = made(&text("none"));
    assert_eq!(table(&without)["step"].as_array().unwrap().len(), 1, "{}", without.plan);
    assert!(!without.plan.contains("[setup]") && !without.plan.contains("setup.step"), "{}", without.plan);
    assert_noted(&without, &["requests of `setup()` are left out"]);
}

#[test]
fn what_is_drawn_once_and_sent_twice_is_told() {
    let text = |used: &str| {
        format!(
            "import http from 'k6/http';
            import {{ randomString }} from 'https://jslib.k6.io/k6-utils/1.4.0/index.js';
            export default function () {{
                const name = randomString(8), id = Math.floor(Math.random() * 1000), other = Math.floor(Math.random() * 1000);
                http.get(`http://h/a/${{name}}/${{id}}`);
                http.get(`http://h/b/{used}`);
            }}"
        )
    };
    for used in ["${name}", "${id}"] {
        assert_noted(&made(&text(used)), &["is drawn once by the script and sent in several requests"]);
    }
    for used in ["${randomString(8)}", "${other}"] {
        let made = made(&text(used));
        assert!(made.notes.iter().all(|note| !note.contains("drawn once")), "{used}: {:?}", made.notes);
        assert_eq!(made.plan.matches("{{rand").count(), 3, "{}", made.plan);
    }
}

#[test]
fn secrets_become_variables() {
    let text = "import http from 'k6/http';
        export default function () {
            http.post('http://h/login', JSON.stringify({ user: 'ann', password: 'hunter2', key: __ENV.API_SECRET }), { headers: { Authorization: `Bearer ${__ENV.API_SECRET}` } });
        }";
    let made = tried(text, &[("API_SECRET", "s3cr3t-value")]).unwrap();
    let table = table(&made);
    assert_eq!(table["step"][0]["headers"]["Authorization"].as_str(), Some("Bearer {{env API_SECRET}}"));
    assert_eq!(table["step"][0]["json"]["key"].as_str(), Some("{{env API_SECRET}}"));
    assert_eq!(table["step"][0]["json"]["password"].as_str(), Some("{{env PASSWORD}}"));
    assert!(!made.plan.contains("s3cr3t") && !made.plan.contains("hunter2"), "{}", made.plan);
    assert_noted(&made, &["set these variables before a run: API_SECRET"]);
}

#[test]
fn a_script_that_cannot_be_imported_is_told_with_its_place() {
    for (text, parts) in [
        (
            "import http from 'k6/http';\nexport default function () {\n  const = 1;\n}",
            &["SyntaxError", "script.js, line 3"][..],
        ),
        (
            "import http from 'k6/http';\nthrow new Error('not today');",
            &["Error: not today", "script.js, line 2"],
        ),
        ("export default function () { nowhere.to.go(); }", &["ReferenceError", "script.js, line 1"]),
        ("import x from 'lodash';\nexport default function () {}", &["`lodash`", "`./`"]),
        ("import x from './none.js';\nexport default function () {}", &["none.js", "cannot be read"]),
        (
            "import x from './broken.js';\nexport default function () {}",
            &["SyntaxError", "broken.js, line 2"],
        ),
        ("export default function () { while (true) {} }", &["does not come to an end"]),
        ("while (true) {}", &["does not come to an end"]),
        ("const all = []; for (;;) all.push(new Array(1000000).fill(1));", &["memory"]),
        ("export default function () { (function f() { f(); })(); }", &["RangeError", "script.js, line 1"]),
        ("export default async function () { await new Promise(() => {}); }", &["never kept"]),
        ("export default function () {}", &["makes no request"]),
        ("export const options = {};", &["exports no function `default`"]),
        ("import http from 'k6/http';\nhttp.get('http://h/');", &["init context", "line 2"]),
        ("\0", &["script.js"]),
        ("export default 5;", &["exports no function `default`"]),
        ("throw { a: 1 };", &["a value of type object"]),
        ("throw 'words';", &["words"]),
        ("export default () => Promise.reject(new Error('late'));", &["Error: late", "line 1"]),
        ("open('./none.csv');", &["'./none.csv' cannot be read", "line 1"]),
    ] {
        let wrong = tried(text, &[]).expect_err(text).to_string();
        parts.iter().for_each(|part| assert!(wrong.contains(part), "{part}: {wrong}"));
    }
}

#[test]
fn a_script_that_throws_later_is_imported_as_far_as_it_went() {
    let made = made(&script("{}", "  res.json().items.sort();\n  http.get('http://h/b');"));
    assert_eq!(table(&made)["step"].as_array().unwrap().len(), 1);
    assert_noted(&made, &["TypeError", "script.js, line 6", "is not in the plan"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_path_of_json_is_taken_and_sent_on(path in prop::collection::vec("[a-zA-Z_][a-zA-Z0-9_]{0,8}|[0-9]{1,2}", 1..5)) {
        let text = script("{}", &format!("  http.get(`http://h/x/${{res.json('{}')}}`);", path.join(".")));
        let made = tried(&text, &[]).unwrap();
        let table = table(&made);
        let taken = table["step"][0]["extract"].as_table().unwrap();
        let (name, expression) = taken.iter().next().unwrap();
        let pointer = format!("json /{}", path.join("/"));
        let hole = format!("/x/{{{{{name}}}}}");
        prop_assert_eq!(expression.as_str(), Some(pointer.as_str()));
        prop_assert_eq!(table["step"][1]["get"].as_str(), Some(hole.as_str()));
    }

    #[test]
    fn any_script_is_imported_or_told(text in "(import|export|default|function|http|get|'|\"|\\{|\\}|\\(|\\)|;|=>|`|\\$| |\n|x|1){0,40}") {
        let _ = tried(&text, &[]);
    }
}
