//! Plans whose users have connections of their own: how many there are, and what no such plan can be like.

use super::*;
use crate::config::{Document, Format, Layers};

fn read(text: &str) -> Result<Plan, Vec<Diagnostic>> {
    let document = Document { name: "plan".into(), text: text.into(), format: Format::Toml };
    let reading = Layers::new(Some(document)).unwrap().read();
    Plan::read(&reading, &|_| Err("no such file".into()), Purpose::Run).map(|(plan, _)| plan)
}

fn of(run: &str, rest: &str) -> Result<Plan, Vec<Diagnostic>> {
    read(&format!("url = 'http://h/'\n[run]\nconnections = 'per user'\n{run}\n{rest}"))
}

const STEP: &str = "[[step]]\nget = '/'\n";

#[test]
fn there_is_one_for_each_user_or_for_each_iteration_that_may_be_under_way() {
    for (run, rest, count) in [
        ("", "[load]\nusers = 20\n[[step]]\nget = '/'", 20),
        ("shards = 3", "[load]\nusers = 2\n[[step]]\nget = '/'", 3),
        ("", "[load]\nusers = 20_000\n[[step]]\nget = '/'", 20_000),
        ("", "[load]\nrate = 5\n[[step]]\nget = '/'", 10_000),
        ("sessions = 70", "[load]\nrate = 5\n[[step]]\nget = '/'", 70),
        // Requests that are drawn: each is an iteration of its own.
        ("sessions = 70", "[load]\nrate = 5\n[[request]]\nget = '/'", 70),
        ("", "[load]\nusers = 9\n[[request]]\nget = '/'", 9),
    ] {
        let plan = of(run, rest).unwrap_or_else(|wrong| panic!("{rest}: {wrong:?}"));
        assert_eq!(plan.pools[0].connections, PoolSize::PerSession(count), "{run} {rest}");
        assert!(plan.scenarios[0].flow().is_some(), "{rest}");
        assert_eq!(plan.connections_per_user(), count);
        // What is stored reads as it was.
        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
    }
}

#[test]
fn each_target_of_a_scenario_has_one_for_each_user_and_other_scenarios_have_their_own() {
    let plan = read(
        "[target.a]\nurl = 'http://a/'\n[target.b]\nurl = 'http://b/'\n[scenario.one]\ntarget = 'a'\nconnections = 'per user'\n\
         load = { users = 7 }\nstep = [ { get = '/' }, { get = '/', target = 'b' } ]\n[scenario.two]\ntarget = 'b'\nconnections = 5\n",
    )
    .unwrap();
    let sizes: Vec<PoolSize> = plan.pools.iter().map(|pool| pool.connections).collect();
    assert_eq!(sizes, [PoolSize::PerSession(7), PoolSize::PerSession(7), PoolSize::Shared(5)]);
    assert_eq!((plan.connections(), plan.connections_per_user()), (19, 14));
}

#[test]
fn what_has_no_users_or_too_many_or_shares_in_part_is_told_where_it_stands() {
    let two = "[target.a]\nurl = 'http://a/'\n[target.b]\nurl = 'http://b/'\nconnections = 4\n";
    let scenario = |connections: &str| {
        format!(
            "{two}[scenario.s]\ntarget = 'a'\n{connections}load = {{ users = 7 }}\nstep = [ {{ get = '/' }}, {{ get = '/', target = 'b' }} ]\n"
        )
    };
    for (text, path, problem) in [
        (format!("url = 'h'\n[run]\nconnections = 'per user'\n{STEP}"), "run.connections", "how many users"),
        ("url = 'h'\n[run]\nconnections = 'per user'\n".to_owned(), "run.connections", "how many users"),
        (
            format!("url = 'h'\n[run]\nconnections = 'per user'\n[load]\nusers = 2_000_000\n{STEP}"),
            "run.connections",
            "too many",
        ),
        (
            format!(
                "url = 'h'\n[run]\nconnections = 'per user'\nsessions = 2_000_000\n[load]\nrate = 1\n{STEP}"
            ),
            "run.connections",
            "too many",
        ),
        (scenario("connections = 'per user'\n"), "target.b.connections", "those to `b` have a number"),
        (
            format!("[run]\nconnections = 'per user'\n{}", scenario("")),
            "target.b.connections",
            "share those to another",
        ),
        (
            format!("url = 'h'\n[run]\nconnections = 'peruser'\n[load]\nusers = 2\n{STEP}"),
            "run.connections",
            "`per user`",
        ),
        (
            format!("url = 'h'\n[run]\nconnections = 0\n{STEP}"),
            "run.connections",
            "from 1 to 1,000,000, or `per user`",
        ),
    ] {
        let wrong = read(&text).expect_err(&text);
        let told = wrong.iter().any(|found| found.path == path && found.problem.contains(problem));
        assert!(told, "{text}: {wrong:?}");
    }
}

#[test]
fn fields_from_elsewhere_keep_the_same_rules() {
    let plan = of("", &format!("[load]\nusers = 4\n{STEP}")).unwrap();
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut json = serde_json::to_value(&plan).unwrap();
        change(&mut json);
        serde_json::from_value::<Plan>(json).unwrap_err().to_string()
    };
    let few = with(&|json| json["pools"][0]["connections"] = serde_json::json!({ "per_session": 3 }));
    assert!(few.contains("4 users at a time, and connections for 3"), "{few}");
    let mix = with(&|json| {
        let steps = json["scenarios"][0]["script"]["flow"]["steps"].clone();
        json["scenarios"][0]["script"] = serde_json::json!({ "mix": steps });
    });
    assert!(mix.contains("drawn by weight have no users"), "{mix}");
}

#[test]
fn a_report_that_is_run_again_with_another_load_has_as_many_as_that_has_users() {
    let users = of("", &format!("[load]\nusers = 4\n{STEP}")).unwrap();
    let again_of = |plan: &Plan, text: &str| {
        let document = Document { name: "plan".into(), text: text.into(), format: Format::Toml };
        let reading = Layers::new(Some(document)).unwrap().read();
        plan.repeated(&reading, &|_| Err("no such file".into())).map(|(plan, _)| plan)
    };
    let again = |text: &str| again_of(&users, text);
    for (text, count) in [
        ("[load]\nusers = 9", 9),
        ("[load]\nusers = 2", 2),
        ("[load]\nrate = 5", 10_000),
        ("[run]\nshards = 6", 6),
    ] {
        let plan = again(text).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
        assert_eq!(plan.pools[0].connections, PoolSize::PerSession(count), "{text}");
    }
    let rate = of("sessions = 1_000_000", &format!("[load]\nrate = 5\n{STEP}")).unwrap();
    assert_eq!(again_of(&rate, "").unwrap(), rate, "what was said stays");
    let many = again_of(&rate, "[load]\nusers = 20_000").unwrap();
    assert_eq!(many.pools[0].connections, PoolSize::PerSession(20_000));
    let wrong = again("[run]\nconnections = 3").unwrap_err();
    assert!(wrong.iter().any(|wrong| wrong.path == "run.connections"), "{wrong:?}");
}
