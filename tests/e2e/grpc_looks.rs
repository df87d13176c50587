//! What is looked at of replies of gRPC, against grpcio's server: messages as JSON, metadata and trailers, statuses.

use crate::peers::grpc::{GREET, greeter, seen};
use crate::peers::{self, Peer};
use crate::vajra::{Done, Vajra, one_line};

const FILE: &str = "greet.proto";

fn plan(server: &Peer, steps: &str) -> String {
    let url = server.url("").replace("http:", "grpc:");
    format!(
        "url = '{url}'\n[grpc]\nproto = '{FILE}'\n[run]\nduration = '60s'\n[load]\nusers = 2\nloops = 15\n{steps}"
    )
}

fn run(server: &Peer, steps: &str) -> Done {
    let done = Vajra::run("plan.toml", &["--force"])
        .file("plan.toml", &plan(server, steps))
        .file(FILE, GREET)
        .done();
    done.assert_accounted();
    done
}

#[test]
fn values_of_replies_are_taken_checked_and_sent_on() {
    let server = greeter(false);
    let done = run(
        &server,
        "[[step]]\ncall = 'greet.Greeter/SayHello'\nmessage = '{\"name\": \"u-{{seq}}\"}'\n\
         check = ['status == OK', 'json /number == 1', 'json /text matches ^hello u-\\d+$', 'size < 100']\n\
         extract = { text = 'json /text', kind = 'header content-type' }\n\
         [[step]]\ncall = 'greet.Greeter/SayHello'\nmessage = '{\"name\": \"x\"}'\nmetadata.x-key = '{{text}} {{kind}}'\n\
         check = 'json /text == \"hello x\"'\n",
    );
    let iterations = done.count("/iterations/ok");
    assert_eq!(done.count("/iterations/failed"), 0, "{}", done.stdout);
    assert_eq!((iterations, done.count("/requests/ok")), (30, 60), "{}", done.stdout);
    // What came back in metadata is what was taken of the message, and of metadata.
    let seen = seen(&server, 2 * iterations);
    let keys: Vec<&str> =
        seen["metadata"].as_array().unwrap().iter().filter_map(|key| key.as_str()).collect();
    assert_eq!(keys.len() as u64, iterations, "{seen}");
    assert!(
        keys.iter().all(|key| key.starts_with("hello u-") && key.ends_with(" application/grpc")),
        "{keys:?}"
    );
}

#[test]
fn of_several_messages_the_last_is_looked_at_and_trailers_are_as_headers() {
    let server = greeter(false);
    let done = run(
        &server,
        "[[step]]\ncall = 'greet.Greeter/SayOften'\nmessage = '{\"name\": \"a\", \"times\": 7}'\n\
         check = ['json /number == 7', 'header grpc-status == 0']\n\
         [[step]]\ncall = 'greet.Greeter/Chat'\nmessage = '{\"name\": \"b\"}'\ncount = 3\ncheck = 'json /number == 3'\n\
         [[step]]\ncall = 'greet.Greeter/SayHello'\nmessage = '{\"fails_with\": 5}'\n\
         check = ['status == NOT_FOUND', 'header grpc-message contains asked']\n\
         [[step]]\ncall = 'greet.Greeter/SayOften'\nmessage = '{\"name\": \"c\"}'\ncheck = 'status == OK'\n",
    );
    assert_eq!(done.count("/iterations/failed"), 0, "{}", done.stdout);
    assert!(done.count("/iterations/ok") > 0, "{}", done.stdout);
    for check in done.report["scenarios"][0]["checks"].as_array().unwrap() {
        assert!(check["failed"] == 0 && check["passed"].as_u64() > Some(0), "{check}");
    }
}

#[test]
fn what_is_not_in_a_reply_is_told_with_what_came() {
    let server = greeter(false);
    let done = run(
        &server,
        "[[step]]\nname = 'hello'\ncall = 'greet.Greeter/SayHello'\nmessage = '{\"name\": \"x\"}'\ncheck = 'json /text == \"bye\"'\n",
    );
    assert_eq!(done.count("/iterations/ok"), 0, "{}", done.stdout);
    assert_eq!(done.errors("check"), done.count("/iterations/failed"), "{}", done.stdout);
    let said = one_line(&done.stdout);
    assert!(said.contains("hello x"), "{said}");
    // No message came of what failed, and none is made up.
    let done = run(
        &server,
        "[[step]]\ncall = 'greet.Greeter/SayHello'\nmessage = '{\"fails_with\": 5}'\ncheck = ['status == NOT_FOUND', 'json /number == 0']\n",
    );
    assert_eq!(done.errors("check"), done.count("/iterations/failed"), "{}", done.stdout);
    assert!(one_line(&done.stdout).contains("the body is empty"), "{}", done.stdout);
    let plan = plan(&server, "[[step]]\ncall = 'greet.Greeter/SayHello'\nextract = { c = 'cookie sid' }\n");
    let done = Vajra::new(&["check", "plan.toml"]).file("plan.toml", &plan).file(FILE, GREET).done();
    assert_eq!(done.code, 2, "{}", done.stdout);
    done.assert_says(&["cookies are of HTTP", "take a `header`"]);
}

#[test]
fn a_report_with_replies_that_are_looked_at_can_be_run_again_without_the_files() {
    let server = greeter(true);
    let url = server.url("").replace("http:", "grpc:");
    let text = format!(
        "url = '{url}'\n[run]\nduration = '500ms'\nconnections = 1\n[load]\nrate = 20\n[[request]]\n\
         call = 'greet.Greeter/SayHello'\nmessage = '{{\"name\": \"x\"}}'\ncheck = 'json /number == 1'\n"
    );
    let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &text).done();
    assert!(done.count("/iterations/ok") > 0 && done.count("/iterations/failed") == 0, "{}", done.stdout);
    let silent: Peer = peers::grpc::greeter(false);
    let other = silent.url("").replace("http:", "grpc:");
    let again =
        Vajra::run("r.json", &["--force", "--url", &other]).file("r.json", &done.report.to_string()).done();
    assert!(again.count("/iterations/ok") > 0 && again.count("/iterations/failed") == 0, "{}", again.stdout);
}
