//! Flows whose steps go to several targets, against several testbeds: each is sent what is meant for it, and nothing else.

use super::flows::ledger;
use crate::peers;
use crate::vajra::Vajra;

#[test]
fn each_target_has_its_own_steps_in_its_ledger_whatever_it_speaks() {
    for (shards, http) in [
        ("1", ""),
        ("2", "http = { version = '2-prior-knowledge', streams = 4 }\n"),
        ("2", "http = { reuse = false }\n"),
    ] {
        let (auth, api) = (peers::testbed(&[]), peers::testbed(&[]));
        let plan = format!(
            "run = {{ duration = '60s', connections = 4, shards = {shards} }}\nload = {{ users = 6, loops = 10 }}\n\
             [target.auth]\nurl = '{}'\n[target.api]\nurl = '{}'\n{http}headers.X-Api = 'yes'\n\
             [[step]]\nname = 'login'\ntarget = 'auth'\npost = '/session'\njson = {{ name = 'user-{{{{user}}}}', pass = 'p' }}\n\
             check = 'status == 201'\nextract = {{ token = 'json /token' }}\n\
             [[step]]\nname = 'echo'\ntarget = 'api'\npost = '/echo'\nbody = '{{{{token}}}}'\ncheck = 'body contains {{{{token}}}}'\n\
             [[step]]\nname = 'note'\ntarget = 'api'\npost = '/ledger?id={{{{user}}}}-{{{{iteration}}}}'\nrepeat = 2\n\
             [[step]]\nname = 'who'\ntarget = 'auth'\nget = '/private?user=user-{{{{user}}}}'\n\
             headers.Authorization = 'Bearer {{{{token}}}}'\ncheck = 'status == 200'\n\
             [[step]]\nname = 'logout'\ntarget = 'auth'\ndelete = '/session'\nheaders.Authorization = 'Bearer {{{{token}}}}'\nalways = true\n",
            auth.url("/"),
            api.url("/")
        );
        let plan = plan.replace("check = 'body contains {{token}}'\n", "check = 'size > 10'\n");
        let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan).done();
        assert!([0, 3].contains(&done.code), "{}{}", done.stdout, done.stderr);
        done.assert_accounted();
        let iterations = ["ok", "failed"].map(|end| done.count(&format!("/iterations/{end}")));
        assert_eq!(iterations, [60, 0], "{http}: {}", done.stdout);
        let (of_auth, of_api) = (ledger(&auth.url("/")), ledger(&api.url("/")));
        for (key, at_auth, at_api) in [("logins", 60, 0), ("entries", 0, 120), ("distinct", 0, 60)] {
            assert_eq!(of_auth[key].as_u64(), Some(at_auth), "{key}, {http}: {of_auth}");
            assert_eq!(of_api[key].as_u64(), Some(at_api), "{key}, {http}: {of_api}");
        }
        for key in ["mismatches", "unauthorized", "logged_in"] {
            assert_eq!((of_auth[key].as_u64(), of_api[key].as_u64()), (Some(0), Some(0)), "{key}: {of_auth}");
        }
    }
}

#[test]
fn cookies_that_one_target_sets_are_sent_to_no_other() {
    // Both are at one address, and only the port tells them apart, which a browser's cookies do not look at.
    let (auth, api) = (peers::testbed(&[]), peers::testbed(&[]));
    let plan = format!(
        "run = {{ duration = '60s', connections = 4 }}\nload = {{ users = 3, loops = 5 }}\ncookies = true\n\
         [target.auth]\nurl = '{}'\n[target.api]\nurl = '{}'\n\
         [[step]]\ntarget = 'auth'\npost = '/session'\njson = {{ name = 'user-{{{{user}}}}', pass = 'p' }}\n\
         [[step]]\ntarget = 'api'\nget = '/private?user=user-{{{{user}}}}'\non_failure = 'continue'\n\
         [[step]]\ntarget = 'auth'\nget = '/private?user=user-{{{{user}}}}'\n[[step]]\ntarget = 'auth'\ndelete = '/session'\n",
        auth.url("/"),
        api.url("/")
    );
    let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan).done();
    done.assert_accounted();
    assert_eq!(done.count("/requests/ok"), 3 * 15, "{}", done.stdout);
    let (of_auth, of_api) = (ledger(&auth.url("/")), ledger(&api.url("/")));
    assert_eq!(
        (of_auth["logins"].as_u64(), of_auth["unauthorized"].as_u64()),
        (Some(15), Some(0)),
        "{of_auth}"
    );
    assert_eq!((of_api["logins"].as_u64(), of_api["unauthorized"].as_u64()), (Some(0), Some(15)), "{of_api}");
}

#[test]
fn one_target_speaks_http_2_inside_tls_and_another_none_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem").display().to_string();
    let (secured, plain) = (peers::testbed(&["--tls", "--tls-ca", &ca]), peers::testbed(&[]));
    let plan = format!(
        "run = {{ duration = '60s', requests = 40, connections = 4, shards = 2 }}\nload = {{ rate = 200 }}\n\
         [target.secured]\nurl = '{}'\nhttp = {{ version = '2' }}\ntls = {{ ca = '{ca}' }}\n[target.plain]\nurl = '{}'\n\
         [[step]]\nname = 'in'\ntarget = 'secured'\npost = '/ledger?id={{{{seq}}}}'\ncheck = 'json /is == first'\n\
         [[step]]\nname = 'out'\ntarget = 'plain'\npost = '/ledger?id={{{{seq}}}}'\ncheck = 'json /is == first'\n\
         [thresholds]\n'failed{{step=in}}' = 'count==0'\n",
        secured.url("/").replace("http:", "https:"),
        plain.url("/")
    );
    let checked = Vajra::new(&["check", "plan.toml"]).file("plan.toml", &plan).done();
    for said in ["target: secured: ", "target: plain: ", "accepts connections"] {
        assert!(checked.stdout.contains(said), "{said}: {}{}", checked.stdout, checked.stderr);
    }
    let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan).done();
    assert!([0, 3].contains(&done.code), "{}{}", done.stdout, done.stderr);
    done.assert_accounted();
    assert_eq!(done.count("/iterations/ok"), 40, "{}", done.stdout);
    assert_eq!(ledger(&plain.url("/"))["entries"].as_u64(), Some(40));
    let ok = |step: u32| done.count(&format!("/scenarios/0/steps/{step}/requests/ok"));
    // What follows may be intended after the last arrival, with which the window ends.
    assert!(ok(0) == 40 && ok(1) <= 40, "{}", done.stdout);
}

#[test]
fn a_step_to_a_target_that_cannot_be_is_refused_where_it_stands() {
    for (step, said) in [
        ("get = '/'\ntarget = 'auht'", "did you mean `auth`?"),
        ("text = 'x'\ntarget = 'bytes'", "which have to speak HTTP"),
    ] {
        let plan = format!(
            "url = 'http://127.0.0.1:9'\nload = {{ rate = 1 }}\n[[step]]\nget = '/a'\n[[step]]\n{step}\n[[step]]\nget = '/c'\n\
             target = 'auth'\n[target.auth]\nurl = 'http://127.0.0.1:8'\n[target.bytes]\nurl = 'tcp://127.0.0.1:7'\n"
        );
        let done = Vajra::new(&["check", "plan.toml"]).file("plan.toml", &plan).done();
        assert_eq!(done.code, 2, "{}", done.stdout);
        done.assert_says(&[said]);
    }
}
