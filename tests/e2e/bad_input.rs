//! What is wrong is said with its place, its cause and what to do, and nothing is sent.

use crate::peers::scripted;
use crate::vajra::Vajra;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A target that counts the connections made to it.
pub(crate) fn counting_target() -> (u16, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    let port = scripted(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    (port, count)
}

#[test]
fn wrong_flags_end_with_2_and_name_the_flag_the_cause_and_the_fix() {
    let (port, count) = counting_target();
    let url = format!("http://127.0.0.1:{port}/");
    let table: [(&[&str], &[&str]); 18] = [
        (&["-R", "0"], &["flag -R 0", "rate of 0", "help:"]),
        (&["-R", "fast"], &["flag -R fast", "not a rate"]),
        (&["-R", "100:"], &["flag -R 100:", "not a rate"]),
        (&["-d", "-5s"], &["negative"]),
        (&["-d", "10x"], &["flag -d 10x", "not a duration"]),
        (&["-c", "2", "-t", "3"], &["2 connections", "3 shards", "help:"]),
        (&["--warmup", "10s", "-d", "10s"], &["flag --warmup 10s", "leaves nothing"]),
        (&["--threshold", "latency p(99)<5ms"], &["latency", "not a metric"]),
        (&["--threshold", "respons p(99)<5ms"], &["did you mean `response`"]),
        (&["-b", "@/no/such/file"], &["/no/such/file", "cannot be read"]),
        (&["-H", "no colon"], &["not a header"]),
        (&["-H", "Content-Length: 5"], &["set by Vajra"]),
        (&["-H", "Bad Name: 5"], &["not a header name"]),
        (&["--wait", "nap"], &["flag --wait nap", "spin"]),
        (&["--cores", "5-3"], &["flag --cores 5-3"]),
        (&["-R", "10", "--overload", "shed"], &["shed", "deadline"]),
        (&["--threshold", "rate ratio>0.9"], &["--threshold 'rate ratio>0.9'", "closed loop", "give a rate"]),
        (&["--threshold", "slip p(99)<1ms"], &["--threshold 'slip p(99)<1ms'", "closed loop", "give a rate"]),
    ];
    for (words, parts) in table {
        // A value that begins with a dash has to be joined to its flag.
        let joined: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let joined = if words[1] == "-5s" { vec!["--duration=-5s".to_owned()] } else { joined };
        let words: Vec<&str> =
            [&["run", url.as_str()][..], &joined.iter().map(String::as_str).collect::<Vec<_>>()].concat();
        let done = Vajra::new(&words).done();
        assert_eq!(done.code, 2, "{words:?}: {}", done.stderr);
        done.assert_says(parts);
    }
    assert_eq!(count.load(Ordering::SeqCst), 0, "nothing was sent");
}

#[test]
fn wrong_plans_end_with_2_and_point_at_the_line() {
    let table: [(&str, &[&str]); 11] = [
        (
            "url = 'http://h/'\n[run]\nconections = 5\n",
            &["plan.toml:3", "conections", "did you mean `connections`"],
        ),
        ("url = 'http://h/'\n[run]\nshards = 'two'\n", &["plan.toml:3", "'two'"]),
        ("url = 'http://h/'\n[load]\nrate = 0\n", &["plan.toml:3", "rate of 0"]),
        ("url = 'http://h/\n", &["plan.toml:1", "a text is not closed"]),
        ("url = 'h2c://h/'\n", &["plan.toml:1", "`h2c` is not supported yet"]),
        ("url = 'udp://h/'\n", &["plan.toml:1", "there is no port in it"]),
        (
            "url = 'dns://h/'\n[[request]]\ndns = 'a AAAAA'\n",
            &["plan.toml:3", "`AAAAA` is no type of records", "did you mean `AAAA`"],
        ),
        ("[run]\nshards = 1\n", &["no target"]),
        ("url = 'http://h/'\n[load]\nshape = 'rampp'\n", &["plan.toml:3", "did you mean `ramp`"]),
        ("url = 'http://h/'\n[thresholds]\nlatency = 'p(99)<1s'\n", &["plan.toml:3", "not a metric"]),
        ("url = 'http://h/'\n[[request]]\npath = '/{{nope}}'\n", &["plan.toml:3", "{{nope}}"]),
    ];
    for (plan, parts) in table {
        let done = Vajra::new(&["run", "plan.toml"]).file("plan.toml", plan).done();
        assert_eq!(done.code, 2, "{plan}: {}", done.stderr);
        done.assert_says(parts);
    }
}

#[test]
fn every_mistake_of_a_plan_is_told_at_once() {
    let plan = "url = 'http://h/'\n[run]\nwait = 'nap'\ntimeout = '0s'\n[load]\nrate = 0\n";
    let done = Vajra::new(&["run", "plan.toml"]).file("plan.toml", plan).done();
    done.assert_says(&["plan.toml:3", "plan.toml:4", "plan.toml:6"]);
}

#[test]
fn mistakes_in_json_and_in_variables_have_their_place_too() {
    let done = Vajra::new(&["run", "plan.json"])
        .file("plan.json", "{\n \"url\": \"http://h/\",\n \"run\": {\"shards\": -1}\n}")
        .done();
    assert_eq!(done.code, 2);
    done.assert_says(&["plan.json:3", "-1"]);
    let done = Vajra::new(&["run", "http://h/"]).variable("VAJRA_RUN__WAIT", "nap").done();
    assert_eq!(done.code, 2);
    done.assert_says(&["environment VAJRA_RUN__WAIT=nap", "spin"]);
}

#[test]
fn variables_stand_between_the_file_and_the_flags() {
    let plan = "url = 'testbed:'\n[run]\nrequests = 10\nconnections = 1\nseed = 1\n";
    let vajra = Vajra::run("plan.toml", &["--seed", "3"]).file("plan.toml", plan);
    let done = vajra.variable("VAJRA_RUN__CONNECTIONS", "2").variable("VAJRA_RUN__SEED", "2").done();
    assert_eq!(
        (done.count("/plan/pools/0/connections/shared"), done.count("/plan/seed")),
        (2, 3),
        "{}",
        done.stderr
    );
}

#[test]
fn a_missing_plan_and_a_missing_target_are_told() {
    let done = Vajra::new(&["run", "missing.toml"]).done();
    assert_eq!(done.code, 2);
    done.assert_says(&["missing.toml", "cannot be read"]);
    assert_eq!(Vajra::new(&["run"]).done().code, 2);
    assert_eq!(Vajra::new(&[]).done().code, 2);
}

#[test]
fn wrong_behaviour_of_the_testbed_is_refused() {
    let done = Vajra::new(&["testbed", "--service", "slowly"]).done();
    assert_eq!(done.code, 2);
    done.assert_says(&["slowly", "--service"]);
}
