//! Groups of k6 scripts: which named flows they become, and conditions on them.

use crate::k6::{made, planned, script};
use crate::{assert_noted, table};
use toml::Table;

/// What is done, as `step`, or `flow*times+think(…)`, with names of flows.
fn outline(table: &Table, steps: &toml::Value) -> String {
    let one = |step: &toml::Value| {
        let times = step.get("repeat").map_or(String::new(), |times| format!("*{times}"));
        let think = step.get("think").map_or(String::new(), |think| format!("+{}", think.as_str().unwrap()));
        match step.get("run").and_then(toml::Value::as_str) {
            Some(name) => format!("{name}{times}{think}({})", outline(table, &table["flow"][name])),
            None => format!("{}{times}{think}", step["get"].as_str().unwrap()),
        }
    };
    steps.as_array().unwrap().iter().map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn groups_are_named_flows() {
    let get = |path: &str| format!("http.get('http://h/{path}');");
    for (iteration, expected) in [
        (format!("group('buy', () => {{ {} sleep(1); {} }});", get("a"), get("b")), "/ buy(/a+1s /b)"),
        (
            format!(
                "group('out', () => {{ {} group('in', () => {{ {} }}); {} }});",
                get("a"),
                get("b"),
                get("c")
            ),
            "/ out(/a in(/b) /c)",
        ),
        // What passes outside a group is no part of it, and inside it is.
        (format!("group('g', () => {{ {} sleep(2); }}); sleep(1);", get("a")), "/ g+1s(/a+2s)"),
        (format!("sleep(3); group('g', () => {{ sleep(4); {} }});", get("a")), "/+7s g(/a)"),
        (
            format!("group('o', () => {{ group('i', () => {{ {} }}); sleep(1); }}); sleep(2);", get("a")),
            "/ o+2s(i+1s(/a))",
        ),
        // The same again is repeated, something else is another flow.
        (
            format!("for (let i = 0; i < 3; i += 1) group('g', () => {{ {} {} }});", get("a"), get("b")),
            "/ g*3(/a /b)",
        ),
        (
            format!("for (let i = 0; i < 3; i += 1) {{ group('g', () => {{ {} }}); sleep(1); }}", get("a")),
            "/ g*3+1s(/a)",
        ),
        (
            "for (const p of ['a', 'a', 'b']) group('g', () => { http.get(`http://h/${p}`); });".to_owned(),
            "/ g*2(/a) g_2(/b)",
        ),
        (
            format!("const g = () => group('g', () => {{ {} }}); g(); {} g();", get("a"), get("b")),
            "/ g(/a) /b g(/a)",
        ),
        // No request, no flow; and what throws leaves its group.
        (format!("group('none', () => {{ sleep(1); }}); {}", get("a")), "/+1s /a"),
        (
            format!(
                "try {{ group('g', () => {{ {} throw new Error('x'); }}); }} catch {{}} {}",
                get("a"),
                get("b")
            ),
            "/ g(/a) /b",
        ),
        (
            format!(
                "group('a', () => {{ group('same', () => {{ {} }}); }}); group('same', () => {{ {} }});",
                get("x"),
                get("y")
            ),
            "/ a(same(/x)) same_2(/y)",
        ),
    ] {
        let made = made(&script("{}", &iteration));
        let (table, plan) = (table(&made), planned(&made));
        assert_eq!(outline(&table, &table["step"]), expected, "{iteration}\n{}", made.plan);
        let flows = table.get("flow").map_or(0, |flows| flows.as_table().unwrap().len());
        assert_eq!(plan.scenarios[0].named_flows().len(), flows, "all are run: {}", made.plan);
        let is_told = made.notes.iter().any(|note| note.contains("the group `g` is the flow `g_2`"));
        assert_eq!(is_told, expected.contains("g_2"), "{:?}", made.notes);
    }
}

#[test]
fn what_a_plan_has_no_room_for_is_written_out_and_names_are_made_fit() {
    let get = |path: &str| format!("http.get('http://h/{path}');");
    let body = |lines: &[String]| lines.join("\n");
    let deep = (0..10).rev().fold(get("a"), |inside, at| format!("group('g{at}', () => {{ {inside} }});"));
    let made_deep = made(&script("{}", &deep));
    planned(&made_deep);
    let table_deep = table(&made_deep);
    assert!(outline(&table_deep, &table_deep["step"]).contains("g7(/a)"), "{}", made_deep.plan);
    assert_noted(&made_deep, &["the group `g8` is no flow of its own", "more than 8 deep"]);
    let many = (0..40)
        .map(|at| format!("group('g{at}', () => {{ {} }}); sleep(1);", get(&at.to_string())))
        .collect::<Vec<_>>();
    let made_many = made(&script("{}", &body(&many)));
    assert_eq!(planned(&made_many).scenarios[0].steps().len(), 41, "none is lost");
    let table_many = table(&made_many);
    assert!(
        outline(&table_many, &table_many["step"])
            .ends_with("g31+1s(/31) /32+1s /33+1s /34+1s /35+1s /36+1s /37+1s /38+1s /39+1s")
    );
    assert_noted(&made_many, &["the group `g32` is no flow of its own"]);
    // What is done again and again is one step, and a pause after a group none after each of its requests.
    let looped = many[..32].join("\n")
        + &format!("for (let i = 0; i < 40; i++) group('poll', () => {{ {} sleep(2); }});", get("poll"))
        + &format!(
            "for (let i = 0; i < 2; i++) {{ group('three', () => {{ for (let j = 0; j < 3; j++) {} }}); sleep(1); }}",
            get("three")
        );
    let made_looped = made(&script("{}", &looped));
    planned(&made_looped);
    let table_looped = table(&made_looped);
    let outline_looped = outline(&table_looped, &table_looped["step"]);
    assert!(
        outline_looped.ends_with("g31+1s(/31) /poll*40+2s /three*2 /three+1s /three*2 /three+1s"),
        "{outline_looped}"
    );
    assert!(
        !made_looped.notes.iter().any(|note| note.contains("are in the plan")),
        "{:?}",
        made_looped.notes
    );
    let odd = made(&script("{}", &format!("group('Buy now, {{all}}!', () => {{ {} }});", get("a"))));
    planned(&odd);
    assert_noted(&odd, &["the group `Buy now, {all}!` is the flow `Buy_now_all`"]);
}

#[test]
fn thresholds_on_groups_are_conditions_on_flows() {
    let options = "{ thresholds: {
        'group_duration{group:::shop}': ['p(95)<2000', 'avg<900'],
        'group_duration{group:::shop::pay now}': 'max<=5000',
        'group_duration': 'avg<1', 'group_duration{group:::none}': 'avg<1',
        'http_req_duration{group:::shop}': 'p(99)<300', 'http_req_failed{group:::shop::pay now}': 'rate<0.1',
        'checks{group:::shop}': 'rate>0.9', 'checks{group:::shop::pay now}': 'rate>0.9',
        'http_reqs{group:::shop}': 'count>1', 'iteration_duration{group:::shop}': 'avg<1',
        'http_req_duration{group:::shop,name:Cart}': 'avg<70', 'http_req_duration{group:::,name:Cart}': 'avg<70',
        'group_duration{group:::twice}': 'avg<50' } }";
    let iteration = "group('shop', () => {
          check(http.get('http://h/cart', { tags: { name: 'Cart' } }), { ok: (r) => r.status === 200 });
          group('pay now', () => { http.get('http://h/pay'); });
        });
        group('twice', () => { http.get('http://h/1'); });
        group('twice', () => { http.get('http://h/2'); });";
    let made = made(&script(options, iteration));
    planned(&made);
    let table = table(&made);
    let expected = "'duration{flow=shop}' = ['p(95)<2000ms', 'avg<900ms']\n'duration{flow=pay_now}' = 'max<=5000ms'\n\
        'response{flow=shop}' = ['p(99)<300ms', 'count>1']\n'failed{flow=pay_now}' = 'rate<0.1'\n'checks{flow=shop}' = 'rate>0.9'\n\
        'response{step=Cart}' = 'avg<70ms'\n'duration{flow=twice}' = 'avg<50ms'\n'duration{flow=twice_2}' = 'avg<50ms'";
    assert_eq!(table["thresholds"].as_table(), Some(&expected.parse().unwrap()), "{}", made.plan);
    for left_out in [
        "group_duration: avg<1",
        "group_duration{group:::none}: avg<1",
        "checks{group:::shop::pay now}: rate>0.9",
        "iteration_duration{group:::shop}: avg<1",
        "http_req_duration{group:::,name:Cart}: avg<70",
    ] {
        assert_noted(&made, &[&format!("the threshold `{left_out}` is left out")]);
    }
    assert_noted(&made, &["`group_duration{group:::twice}: avg<50` is a condition on each of the flows"]);
}

#[test]
fn scenarios_that_go_through_the_same_group_share_its_flow() {
    let text = "import http from 'k6/http';\nimport { group } from 'k6';\n
        export const options = { scenarios: {
            a: { executor: 'constant-vus', vus: 1, duration: '1s', exec: 'first' },
            b: { executor: 'constant-vus', vus: 1, duration: '1s', exec: 'second' },
        }, thresholds: { 'group_duration{group:::login}': 'avg<1000', 'group_duration{scenario:b,group:::work}': 'avg<2000',
            'group_duration{scenario:a,group:::other}': 'avg<1', 'iteration_duration': 'avg<9' } };
        const login = () => group('login', () => { http.get('http://h/login'); http.get('http://h/me'); });
        export function first() { login(); group('work', () => { http.get('http://h/1'); }); }
        export function second() { login(); group('work', () => { http.get('http://h/2'); group('other', () => { http.get('http://h/3'); }); }); }";
    let made = made(text);
    let plan = planned(&made);
    let table = table(&made);
    assert_eq!(outline(&table, &table["scenario"]["a"]["step"]), "login(/login /me) work(/1)");
    assert_eq!(outline(&table, &table["scenario"]["b"]["step"]), "login(/login /me) work_2(/2 other(/3))");
    assert_eq!(plan.scenarios[1].named_flows(), ["login", "work_2", "other"]);
    let expected = "'duration{flow=login}' = 'avg<1000ms'\n'duration{scenario=b,flow=work_2}' = 'avg<2000ms'\n\
        'duration{scenario=a}' = 'avg<9ms'\n'duration{scenario=b}' = 'avg<9ms'";
    assert_eq!(table["thresholds"].as_table(), Some(&expected.parse().unwrap()), "{}", made.plan);
    assert_noted(&made, &["`group_duration{scenario:a,group:::other}: avg<1` is left out"]);
}
