//! Plans whose steps go to several targets: where each goes, on how many connections, and what no such plan can be like.

use super::*;
use crate::config::{Document, Format, Layers};

fn read(text: &str) -> Result<Plan, Vec<Diagnostic>> {
    let document = Document { name: "plan".into(), text: text.into(), format: Format::Toml };
    let reading = Layers::new(Some(document)).unwrap().read();
    Plan::read(&reading, &|_| Err("no such file".into()), Purpose::Run).map(|(plan, _)| plan)
}

const TARGETS: &str = "[target.auth]\nurl = 'http://auth:1/'\nheaders.X-Auth = 'yes'\nconnections = 4\n[target.api]\n\
                       url = 'https://api/v1'\nheaders.X-Api = 'yes'\nhttp = { version = '2' }\n";

/// Of each step, its target and the names of its headers.
fn steps(plan: &Plan) -> Vec<(&str, Vec<&str>)> {
    let of = |step| {
        let names =
            Step::clone(step).request.fields().iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        (plan.target_of(step).name.as_str(), names)
    };
    let leaked = |names: Vec<String>| names.into_iter().map(|name| &*name.leak()).collect();
    plan.steps().map(of).map(|(target, names)| (target, leaked(names))).collect()
}

#[test]
fn each_step_goes_to_the_target_that_it_names_with_the_headers_of_that_one() {
    let plan = read(&format!(
        "[scenario.s]\ntarget = 'api'\nconnections = 64\nload = {{ rate = 1 }}\nheaders.X-S = 'yes'\nflow = ['login', 'browse']\n\
         [[flow.login]]\npost = '/session'\ntarget = 'auth'\n[[flow.browse]]\nget = '/a'\n[[flow.browse]]\nget = '/b'\ntarget = 'api'\n\
         [[flow.browse]]\nrun = 'login'\n{TARGETS}"
    ))
    .unwrap();
    let api = ("api", vec!["X-Api", "X-S"]);
    assert_eq!(steps(&plan), [("auth", vec!["X-Auth", "X-S"]), api.clone(), api]);
    let of_pools = |pool: &Pool| (plan.targets[pool.target].name.as_str(), pool.connections.count());
    // A named target has as many connections as it says, and any other as many as the scenario.
    assert_eq!(plan.pools.iter().map(of_pools).collect::<Vec<_>>(), [("api", 64), ("auth", 4)]);
    assert_eq!(plan.scenarios[0].pools(), [1, 0]);
    assert_eq!(plan.scenarios[0].steps().len(), 3, "a flow that is run twice has its steps once");
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
}

#[test]
fn where_every_step_names_a_target_nothing_else_needs_to() {
    let steps_of = "[[step]]\nget = '/a'\ntarget = 'auth'\n[[step]]\nget = '/b'\ntarget = 'api'\n";
    let plan = read(&format!("load = {{ rate = 1 }}\n{steps_of}{TARGETS}")).unwrap();
    let names: Vec<&str> = steps(&plan).into_iter().map(|(target, _)| target).collect();
    assert_eq!((names, plan.pools.len(), plan.targets.len()), (vec!["auth", "api"], 2, 2));
    // A target of the scenario's own that no step goes to is used by nobody.
    let wrong = read(&format!("url = 'http://h/'\nload = {{ rate = 1 }}\n{steps_of}{TARGETS}")).unwrap_err();
    assert!(wrong.iter().any(|wrong| wrong.problem.contains("no scenario uses the target")), "{wrong:?}");
    let only = read(
        "load = { rate = 1 }\n[[step]]\nget = '/a'\ntarget = 'a'\n[[step]]\nget = '/b'\n[target.a]\nurl = 'h'",
    );
    assert!(only.unwrap_err().iter().any(|wrong| wrong.problem == "no target"));
}

#[test]
fn what_names_no_target_is_never_sent_to_one_that_some_flow_names() {
    let other =
        "[scenario.a]\nflow = ['a']\nload = { rate = 1 }\n[[flow.a]]\npost = '/token'\ntarget = 'auth'\n";
    let auth = "[target.auth]\nurl = 'http://auth/'\n";
    for (more, path) in [
        ("[scenario.m]\nload = { rate = 1 }\n[[scenario.m.request]]\nget = '/x'\n", "scenario.m.url"),
        ("[scenario.m]\nload = { rate = 1 }\n", "scenario.m.url"),
        ("[setup]\n[[setup.step]]\npost = '/token'\nbasic = { user = 'u', password = 'p' }\n", "setup.url"),
        ("[[setup.step]]\nget = '/a'\n[[setup.step]]\nget = '/b'\n", "setup.url"),
    ] {
        let wrong = read(&format!("{other}{more}{auth}")).expect_err(more);
        let found = wrong.iter().find(|wrong| wrong.path == path);
        assert!(found.is_some_and(|wrong| wrong.problem == "no target"), "{more}: {wrong:?}");
    }
    read(&format!("{other}{auth}")).unwrap();
}

#[test]
fn whether_every_step_names_a_target_is_asked_of_the_flows_that_a_scenario_enters() {
    let plan = read(&format!(
        "[scenario.a]\nflow = ['x*1..2']\nload = {{ rate = 1 }}\n[scenario.b]\ntarget = 'api'\nflow = ['y']\nload = {{ rate = 1 }}\n\
         [[flow.x]]\nrun = 'z'\n[[flow.x]]\nchoose = {{ v = 1 }}\n[[flow.y]]\nget = '/y'\n[[flow.z]]\nget = '/z'\ntarget = 'auth'\n\
         [[flow.v]]\nget = '/v'\ntarget = 'auth'\n[[flow.unused]]\nget = '/unused'\n{TARGETS}"
    ))
    .unwrap();
    let names: Vec<&str> = steps(&plan).into_iter().map(|(target, _)| target).collect();
    assert_eq!(names, ["auth", "auth", "api"]);
    // One that is entered by another, and names none, has nowhere to go; one that runs itself is told as that.
    let text = |more: &str| {
        let flows = "[[flow.x]]\nget = '/x'\ntarget = 'auth'\n[[flow.x]]\nrun = 'z'\n";
        format!(
            "[scenario.a]\nflow = ['x']\nload = {{ rate = 1 }}\n{flows}{more}[target.auth]\nurl = 'http://auth/'\n"
        )
    };
    let wrong = read(&text("[[flow.z]]\nget = '/z'\n")).unwrap_err();
    assert!(wrong.iter().any(|wrong| wrong.problem == "no target"), "{wrong:?}");
    let wrong = read(&text("[[flow.z]]\nrun = 'x'\n")).unwrap_err();
    assert!(wrong.iter().any(|wrong| wrong.problem.contains("runs itself")), "{wrong:?}");
}

#[test]
fn users_without_a_number_are_as_many_as_connections_to_the_target_with_the_most() {
    let plan = read(&format!(
        "[scenario.s]\ntarget = 'api'\nconnections = 7\n[[scenario.s.step]]\nget = '/a'\n[[scenario.s.step]]\nget = '/b'\ntarget = 'auth'\n{TARGETS}"
    ))
    .unwrap();
    assert_eq!(plan.scenarios[0].load.users().map(|users| users.most()), Some(7));
}

#[test]
fn what_no_flow_to_several_targets_can_be_is_told_at_its_place() {
    let base = "url = 'http://h/'\nload = { rate = 1 }\n";
    let more = "[target.auth]\nurl = 'http://auth:1/'\n[target.bytes]\nurl = 'tcp://h:7'\n[target.calls]\nurl = 'grpc://h:8'\n";
    for (text, path, problem, fix) in [
        ("[[step]]\nget = '/'\ntarget = 'auht'\n", "step.0.target", "there is no target `auht`", "`auth`"),
        (
            "[[request]]\nget = '/'\ntarget = 'auth'\n",
            "request.0.target",
            "one of several that are drawn",
            "[[step]]",
        ),
        (
            "[[step]]\nget = '/'\n[[step]]\ntext = 'x'\ntarget = 'bytes'\n",
            "step.1",
            "have to speak HTTP",
            "a scenario of its own",
        ),
        (
            "[[step]]\nget = '/'\n[[step]]\ncall = 'a.B/C'\ntarget = 'calls'\n",
            "step.1",
            "have to speak HTTP",
            "a scenario of its own",
        ),
        (
            "[[step]]\nget = '/'\n[[step]]\nrun = 'f'\ntarget = 'auth'\n[[flow.f]]\nget = '/'\n",
            "step.1.target",
            "a step with `run` sends none itself",
            "leave one out",
        ),
        (
            "[[step]]\nget = '/'\n[[setup.step]]\nget = '/'\ntarget = 'auth'\n[setup]\n",
            "setup.step.0.target",
            "the steps of the setup go to one target",
            "[setup]",
        ),
        (
            "[[step]]\nget = '/'\n[[step]]\nget = '/'\ntarget = 'few'\n[target.few]\nurl = 'http://few/'\nconnections = 1\n[run]\nshards = 2\n",
            "target.few.connections",
            "cannot be shared by 2 shards",
            "at least one connection",
        ),
        ("[[step]]\nget = '/'\n", "target.auth", "no scenario uses the target `auth`", "leave it out"),
    ] {
        let wrong = read(&format!("{base}{text}{more}")).expect_err(text);
        let found = wrong.iter().find(|wrong| wrong.path.starts_with(path));
        let found = found.unwrap_or_else(|| panic!("{text}: {wrong:?}"));
        assert!(found.problem.contains(problem) && found.fix.contains(fix), "{text}: {found:?}");
    }
}

#[test]
fn a_mistake_in_the_headers_of_all_targets_is_told_once_and_one_of_a_target_for_that_one() {
    let text = "url = 'http://h/'\nload = { rate = 1 }\nheaders.X-A = '{{nothing 1}}'\n[[step]]\nget = '/'\n[[step]]\nget = '/b'\n\
                target = 'b'\n[target.b]\nurl = 'http://b/'\nheaders.X-B = '{{rand 1}}'\n";
    let wrong = read(text).unwrap_err();
    let mut paths: Vec<&str> = wrong.iter().map(|wrong| wrong.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["headers.X-A", "target.b.headers.X-B"], "{wrong:?}");
}

#[test]
fn pools_of_a_flow_that_share_a_target_or_a_mix_that_has_several_become_no_plan() {
    let plan = read(&format!(
        "load = {{ rate = 1 }}\n[[step]]\nget = '/a'\ntarget = 'auth'\n[[step]]\nget = '/b'\ntarget = 'api'\n{TARGETS}"
    ))
    .unwrap();
    let shared = plan.changed(|fields| fields.pools[1].target = fields.pools[0].target);
    assert!(shared.unwrap_err().to_string().contains("one target on connections of two kinds"));
    let mix = plan.changed(|fields| {
        let steps = fields.scenarios[0].steps().to_vec();
        fields.scenarios[0].script = Script::Mix(steps);
    });
    assert!(mix.unwrap_err().to_string().contains("go to different targets"));
}

#[test]
fn the_plan_of_a_report_with_several_targets_keeps_its_urls_and_its_connections() {
    let plan = read(&format!(
        "load = {{ rate = 1 }}\n[[step]]\nget = '/a'\ntarget = 'auth'\n[[step]]\nget = '/b'\ntarget = 'api'\n{TARGETS}"
    ))
    .unwrap();
    let given = |table: &str| {
        let document = Document { name: "given".into(), text: table.into(), format: Format::Toml };
        Layers::new(Some(document)).unwrap().read()
    };
    let nothing = |_: &str| Err("no files".to_owned());
    let (same, _) = plan.repeated(&given("load = { rate = 5 }"), &nothing).unwrap();
    assert_eq!((&same.pools, &same.targets), (&plan.pools, &plan.targets));
    for (table, key) in [("url = 'http://other/'", "url"), ("run = { connections = 9 }", "run.connections")] {
        let wrong = plan.repeated(&given(table), &nothing).unwrap_err();
        assert_eq!((wrong.len(), wrong[0].path.as_str()), (1, key), "{wrong:?}");
        assert!(wrong[0].problem.contains("not clear of which part"), "{wrong:?}");
    }
}
