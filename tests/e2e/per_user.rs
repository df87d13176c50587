//! Connections of users' own against real servers, which say on which connection each request came.

use super::flows::ledger;
use crate::peers::certificates::{Authority, KeyKind};
use crate::peers::{self, datagrams, rogue};
use crate::vajra::{Done, Vajra, one_line};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// What each user sent its requests on, which no other did: how many connections each had, by what requests say of whose they are.
fn connections_each(requests: impl Iterator<Item = (String, String)>) -> BTreeMap<String, usize> {
    let (mut of_user, mut of_connection) = (BTreeMap::<String, BTreeSet<String>>::new(), BTreeMap::new());
    for (connection, user) in requests {
        let other = of_connection.insert(connection.clone(), user.clone());
        assert!(other.is_none_or(|other| other == user), "{connection} is shared");
        of_user.entry(user).or_default().insert(connection);
    }
    of_user.into_iter().map(|(user, connections)| (user, connections.len())).collect()
}

fn made(done: &Done) -> u64 {
    done.count("/connections/attempts/made")
}

/// Three requests of each iteration, which preflight does not send.
fn steps(whose: &str) -> String {
    let post = format!("[[step]]\npost = '/{{{{{whose}}}}}'\n");
    format!("{post}think = '2ms'\n{post}repeat = 2\n")
}

fn run_plan(plan: &str) -> Done {
    let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", plan).done();
    assert!([0, 3].contains(&done.code), "{}{}", done.stdout, done.stderr);
    done.assert_accounted();
    done
}

#[test]
fn a_user_keeps_its_connection_and_an_iteration_of_a_rate_has_a_new_one_as_the_server_sees_it() {
    for (shards, load, whose) in
        [(2, "users = 6, loops = 5", "user"), (1, "rate = 60", "seq"), (2, "rate = 60", "seq")]
    {
        let nginx = peers::nginx_logging_as("$connection $request_method $request_uri");
        let done = run_plan(&format!(
            "url = '{}'\nrun = {{ duration = '1s', connections = 'per user', sessions = 100, shards = {shards} }}\n\
             load = {{ {load} }}\n{}",
            nginx.url("/"),
            steps(whose)
        ));
        let iterations = done.count("/iterations/ok");
        assert_eq!(done.count("/requests/failed"), 0, "{}", done.stdout);
        let lines = nginx.log(3 * iterations as usize);
        let posts = lines.iter().filter_map(|line| {
            let [connection, "POST", path] = line.split(' ').collect::<Vec<_>>()[..] else { return None };
            Some((connection.to_owned(), path.to_owned()))
        });
        let each = connections_each(posts);
        let expected = if whose == "user" { 6 } else { iterations };
        assert_eq!(each.len() as u64, expected, "{shards} shards, {load}: {each:?}");
        assert!(each.values().all(|count| *count == 1), "{shards} shards, {load}: {each:?}");
        assert_eq!((made(&done), done.count("/connections/reconnects")), (expected, 0), "{}", done.stdout);
        let at_most = if whose == "user" { 6 } else { 100 };
        assert_eq!(done.count("/connections/asked"), at_most);
        let said = format!("one per user, at most {at_most}, {expected} made");
        assert!(done.stdout.contains(&said), "{said}: {}", done.stdout);
    }
}

#[test]
fn a_connection_that_the_server_ends_is_made_again_for_its_user() {
    // nginx ends each connection with its fourth request.
    let nginx = peers::nginx(4);
    let done = run_plan(&format!(
        "url = '{}'\nrun = {{ duration = '60s', connections = 'per user' }}\nload = {{ users = 3, loops = 10 }}\n\
         [[step]]\nget = '/index.html'\nrepeat = 2\n",
        nginx.url("/")
    ));
    assert_eq!((done.count("/requests/ok"), done.count("/iterations/ok")), (60, 30), "{}", done.stdout);
    assert_eq!((made(&done), done.count("/connections/reconnects")), (15, 12), "{}", done.stdout);
}

#[test]
fn each_user_has_a_handshake_of_its_own_inside_tls() {
    let authority = Authority::new();
    let signed = authority.server("127.0.0.1", KeyKind::Ecdsa);
    for (load, whose) in [("users = 4, loops = 5", "user"), ("rate = 20", "seq")] {
        let came: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let log = came.clone();
        let port = rogue::secured(rogue::config(&signed), move |mut conversation| {
            while let Some(head) = conversation.request() {
                if let Some(path) = head.strip_prefix("POST ").and_then(|rest| rest.split(' ').next()) {
                    log.lock().unwrap().push((conversation.number.to_string(), path.to_owned()));
                }
                conversation.answer(OK);
            }
        });
        let done = run_plan(&format!(
            "url = 'https://127.0.0.1:{port}/'\nrun = {{ duration = '1s', connections = 'per user', sessions = 50 }}\n\
             tls = {{ ca = '{}' }}\nload = {{ {load} }}\n{}",
            authority.ca(),
            steps(whose)
        ));
        let each = connections_each(came.lock().unwrap().clone().into_iter());
        let expected = if whose == "user" { 4 } else { done.count("/iterations/ok") };
        assert_eq!(each.len() as u64, expected, "{load}: {each:?}");
        assert!(each.values().all(|count| *count == 1), "{load}: {each:?}");
        assert_eq!((made(&done), done.count("/connections/attempts/tls_ns/count")), (expected, expected));
        // The handshake is a part of the time of the request that needs it.
        let handshake_ns = done.count("/connections/attempts/ready_ns/min");
        let first_ns = done.count("/scenarios/0/steps/0/response_ns/max");
        assert!(first_ns >= handshake_ns && handshake_ns > 0, "{first_ns} {handshake_ns}");
    }
}

#[test]
fn users_have_a_connection_each_to_each_target_and_over_each_protocol() {
    let (auth, api) = (peers::testbed(&[]), peers::testbed(&[]));
    for version in ["", "http = { version = '2-prior-knowledge' }\n"] {
        let done = run_plan(&format!(
            "run = {{ duration = '60s', connections = 'per user', shards = 2 }}\nload = {{ users = 5, loops = 8 }}\n\
             [target.auth]\nurl = '{}'\n{version}[target.api]\nurl = '{}'\n\
             [[step]]\ntarget = 'auth'\npost = '/session'\njson = {{ name = 'u-{{{{user}}}}', pass = 'p' }}\ncheck = 'status == 201'\n\
             extract = {{ token = 'json /token' }}\n[[step]]\ntarget = 'api'\npost = '/ledger?id={{{{token}}}}'\n\
             [[step]]\ntarget = 'auth'\ndelete = '/session'\nheaders.Authorization = 'Bearer {{{{token}}}}'\nalways = true\n",
            auth.url("/"),
            api.url("/")
        ));
        assert_eq!((done.count("/iterations/ok"), made(&done)), (40, 10), "{version}: {}", done.stdout);
    }
    let told = ledger(&auth.url("/"));
    assert_eq!((told["logins"].as_u64(), told["logged_in"].as_u64()), (Some(80), Some(0)), "{told}");
    let (echo, port) = datagrams::testbed(&[]);
    let socket = auth.url("/ws").replacen("http", "ws", 1);
    for url in [socket, format!("udp://127.0.0.1:{port}")] {
        for (load, each_is_new) in [("users = 4, loops = 6", false), ("rate = 30", true)] {
            let done = run_plan(&format!(
                "url = '{url}'\nrun = {{ duration = '1s', connections = 'per user', sessions = 40 }}\nload = {{ {load} }}\n\
                 [[step]]\ntext = 'a'\n[[step]]\ntext = 'b'\nrepeat = 2\n"
            ));
            let iterations = done.count("/iterations/ok");
            let expected = if each_is_new { iterations } else { 4 };
            assert_eq!(
                (made(&done), done.count("/requests/failed")),
                (expected, 0),
                "{url}: {}",
                done.stdout
            );
            assert_eq!(done.count("/requests/ok"), 3 * iterations, "{url}: {}", done.stdout);
        }
    }
    drop(echo);
}

#[test]
fn what_users_connections_need_is_told_before_anything_is_sent() {
    let testbed = peers::testbed(&[]);
    let plan = |run: &str, load: &str| {
        format!("url = '{}'\nrun = {{ {run} }}\nload = {{ {load} }}\n[[step]]\nget = '/'\n", testbed.url("/"))
    };
    let check = |wrapper: &[&str], plan: &str| {
        Vajra::under(wrapper, &["check", "plan.toml"]).file("plan.toml", plan).done()
    };
    let of_users = plan("connections = 'per user'", "users = 300");
    let done = check(&[], &of_users);
    assert!(one_line(&done.stdout).contains("connections are one per user, at most 300"), "{}", done.stdout);
    let done = check(&["prlimit", "--nofile=200:200"], &of_users);
    assert_eq!(done.code, 4, "{}", done.stdout);
    for said in
        ["FAIL descriptors", "one per user, at most 300", "ulimit -n 380, or allow fewer `sessions` or users"]
    {
        assert!(one_line(&done.stdout).contains(said), "{said}: {}", done.stdout);
    }
    let done = check(&[], &plan("connections = 'per-user'", "users = 3"));
    assert_eq!(done.code, 2, "{}", done.stdout);
    done.assert_says(&["or `per user`, and this is the text", "write `connections = \"per user\"`"]);
    let done = check(&[], &plan("connections = 'per user', duration = '1s'", ""));
    assert_eq!(done.code, 2, "{}", done.stdout);
    done.assert_says(&["nothing says how many users there are", "give `load` as many `users`"]);
}
