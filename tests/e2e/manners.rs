//! What a person or a script sees of real runs: lines that fit, figures without noise, series that can be joined with other data.

use crate::peers;
use crate::vajra::{Done, Vajra};
use serde_json::Value;
use std::fs;
use std::process::Stdio;

fn assert_fits(done: &Done, width: usize) {
    for line in done.stdout.lines().chain(done.stderr.lines()) {
        assert!(line.chars().count() <= width, "wider than {width}: {line}\n{}{}", done.stdout, done.stderr);
    }
}

/// Numbers with more digits than anything is known to.
fn noisy(text: &str) -> Vec<&str> {
    let is_noisy = |word: &&str| {
        let digits = word.split(['e', 'E']).next().unwrap_or_default();
        let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
        word.contains('.') && digits.trim_start_matches('0').len() > 12
    };
    text.split(|c: char| !c.is_ascii_digit() && !".eE+-".contains(c)).filter(is_noisy).collect()
}

#[test]
fn real_outputs_fit_the_screen_and_have_no_noise() {
    let testbed = peers::testbed(&["--error", "0.3"]);
    let url = testbed.url("/");
    let plan = format!(
        "[target.api]\nurl = '{url}'\n[run]\nduration = '1s'\n[scenario.read]\ntarget = 'api'\nload = {{ rate = 100, \
         arrivals = 'poisson' }}\n[[scenario.read.request]]\nget = '/bytes/100?a-long-query-that-is-nobodys-business={{{{seq}}}}'\n\
         [[scenario.read.request]]\nhead = '/'\n[scenario.write]\ntarget = 'api'\nload = {{ rate = 50 }}\n\
         [thresholds]\nresponse = 'p(99)<1us'\n"
    );
    for width in [80, 140] {
        let columns = width.to_string();
        let run = |words: &[&str]| {
            let vajra = Vajra::new(words).file("plan.toml", &plan).variable("COLUMNS", &columns);
            let done = vajra.done();
            if !words.contains(&"--json") {
                assert_fits(&done, width);
            }
            assert_eq!(noisy(&done.stdout), Vec::<&str>::new(), "{}", done.stdout);
            done
        };
        run(&["run", "plan.toml"]);
        run(&["run", &url, "-n", "200", "-c", "4"]);
        run(&["check", "plan.toml"]);
        run(&["check", "plan.toml", "--json"]);
        let json = run(&["run", &url, "-R", "200", "-d", "1s", "--json", "report.json"]);
        let text = fs::read_to_string(json.folder.path().join("report.json")).unwrap();
        assert_eq!(noisy(&text), Vec::<&str>::new());
        run(&[
            "find-max",
            &url,
            "--slo",
            "failed<1%",
            "-d",
            "300ms",
            "--from",
            "100",
            "--to",
            "120",
            "-c",
            "4",
        ]);
    }
}

#[test]
fn colours_come_when_they_are_asked_for_and_say_nothing_alone() {
    let testbed = peers::testbed(&[]);
    let run = |words: &[&str], variable: (&str, &str)| {
        let url = testbed.url("/");
        let words = [&["run", &url, "-n", "20"], words].concat();
        Vajra::new(&words).variable(variable.0, variable.1).done().stdout
    };
    let plain = run(&[], ("COLUMNS", "80"));
    assert!(!plain.contains('\u{1b}'), "{plain}");
    let coloured = run(&["--color", "always"], ("NO_COLOR", "1"));
    assert!(coloured.contains('\u{1b}') && coloured.contains("20 ok"), "{coloured}");
    assert!(!run(&["--color", "never"], ("CLICOLOR_FORCE", "1")).contains('\u{1b}'));
}

#[test]
fn the_time_series_says_when_and_of_which_run_and_of_each_kind_of_request() {
    let testbed = peers::testbed(&[]);
    let plan = format!(
        "url = '{}'\n[run]\nduration = '2s'\n[load]\nrate = 100\n[[request]]\nname = 'a'\nget = '/'\n\
         [[request]]\nname = 'b, or not'\nget = '/bytes/9'\n",
        testbed.url("/")
    );
    let run = |series: &str| {
        let words = ["run", "plan.toml", "--timeseries", series, "--json", "report.json"];
        let done = Vajra::new(&words).file("plan.toml", &plan).done();
        assert!([0, 3, 99].contains(&done.code), "{}", done.stderr);
        done
    };
    let done = run("seconds.ndjson");
    let lines = done.json_lines("seconds.ndjson");
    let started = done.report["started_at"].as_str().unwrap();
    for (second, line) in lines.iter().enumerate() {
        assert_eq!(line["run_id"], done.report["run_id"]);
        let time = line["time"].as_str().unwrap();
        assert!(time > started && time.starts_with("20") && time.ends_with('Z'), "{second}: {time}");
        let of = |step: &str| line["steps"][step]["requests"]["ok"].as_u64().unwrap();
        assert_eq!(of("a") + of("b, or not"), line["requests"]["ok"].as_u64().unwrap(), "{line}");
        assert!(line["phase"] != "drain" || line["requests"]["ok"] != 0, "{line}");
        assert!(line["response_ns"]["p95"].is_u64(), "{line}");
    }
    let ok: u64 = lines.iter().map(|line| line["requests"]["ok"].as_u64().unwrap()).sum();
    assert_eq!(ok, done.count("/requests/ok"));
    let done = run("seconds.csv");
    let text = fs::read_to_string(done.folder.path().join("seconds.csv")).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let column = |name: &str| rows[0].iter().position(|title| *title == name).unwrap();
    let sum: u64 = rows[1..].iter().map(|row| row[column("ok")].parse::<u64>().unwrap()).sum();
    assert_eq!((sum, rows[1][column("run_id")]), (100.max(sum), done.report["run_id"].as_str().unwrap()));
    assert_eq!(sum, done.count("/requests/ok"), "{text}");
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{text}");
    assert!(rows[1][column("response_p95_ns")].parse::<u64>().unwrap() > 0, "{text}");
}

#[test]
fn a_goal_out_of_reach_is_given_up_early_and_says_what_it_would_take() {
    let testbed = peers::testbed(&["--service", "lognormal:1ms,1"]);
    let words = ["-R", "100", "-d", "45s", "--until", "p99 ± 0.2%", "-c", "20", "--strict"];
    let done = Vajra::run(&testbed.url("/"), &words).done();
    let until = &done.report["until"];
    assert_eq!((&until["given_up"], &until["reached"]), (&Value::Bool(true), &Value::Bool(false)), "{until}");
    assert!(done.number("/window_s") < 40.0 && done.number("/until/needed_s") > 100.0, "{until}");
    assert!(done.stdout.contains("given up"), "{}", done.stdout);
    done.assert_says(&["until p99 ± 0.2%: not known yet"]);
}

#[test]
fn a_simple_terminal_gets_one_line_after_the_other() {
    let testbed = peers::testbed(&[]);
    // `script` gives the program a terminal; what it draws comes back as it was written.
    let run = |term: &str, beside: &[(&str, &str)]| {
        let folder = tempfile::tempdir().unwrap();
        let command = format!(
            "stty cols 80 rows 24; exec {} run {} -R 50 -d 1s --interval 100ms --no-archive",
            crate::vajra::binary().display(),
            testbed.url("/")
        );
        let mut script = std::process::Command::new("script");
        script.args(["-qec", &command, "/dev/null"]).env("TERM", term).stdin(Stdio::null());
        script.current_dir(folder.path()).env_remove("NO_COLOR").env("SHELL", "/bin/sh");
        script.env_remove("CLICOLOR_FORCE").env_remove("CI").envs(beside.iter().copied());
        String::from_utf8_lossy(&script.output().unwrap().stdout).into_owned()
    };
    // Pipelines and systems that set these two mean terminals that have colours.
    for beside in [&[][..], &[("CI", "true")], &[("CLICOLOR", "1")]] {
        let dumb = run("dumb", beside);
        assert!(!dumb.contains('\u{1b}') && dumb.matches("s of 1 s").count() > 1, "{beside:?}: {dumb:?}");
        for line in dumb.lines() {
            assert!(line.trim_end().chars().count() <= 80, "{line}");
        }
    }
    let live = run("xterm-256color", &[]);
    assert!(live.contains("\u{1b}[1m") && live.contains("s of 1 s"), "{live:?}");
}
