//! Access logs that are repeated row by row: what comes at a server is what had come at another, in its order.

use crate::peers::{self, Peer, ROWS_FORMAT};
use crate::vajra::{Done, Vajra, one_line};

/// The plan that an import wrote, and the rows beside it.
struct Imported {
    done: Done,
    plan: String,
    rows: String,
}

fn imported(log: &str, words: &[&str]) -> Imported {
    let fixed = ["import", "log", "access.log", "--as", "recorded", "-o", "again.toml"];
    let done = Vajra::new(&[&fixed[..], words].concat()).file("access.log", log).done();
    assert_eq!((done.code, done.stdout.as_str()), (0, ""), "{}", done.stderr);
    let read = |name: &str| std::fs::read_to_string(done.folder.path().join(name)).unwrap();
    Imported { plan: read("again.toml"), rows: read("again.csv"), done }
}

impl Imported {
    /// Repeats it; all of it is sent.
    fn run(&self, peer: &Peer, words: &[&str]) -> Done {
        let url = peer.url("/");
        let words = [&["--url", url.as_str(), "--force"], words].concat();
        let run = Vajra::run("again.toml", &words).file("again.toml", &self.plan);
        let done = run.file("again.csv", &self.rows).done();
        assert!([0, 3].contains(&done.code), "{}{}", done.stdout, done.stderr);
        done.assert_accounted();
        let rows = self.rows.lines().count() as u64 - 1;
        assert_eq!(done.count("/requests/ok"), rows, "{}", done.stdout);
        done
    }

    /// Methods and paths of the rows, which have no quotes here.
    fn asked(&self) -> Vec<String> {
        self.rows.lines().skip(1).map(|row| row.replace(['"'], "").replacen(',', " ", 1)).collect()
    }
}

/// Methods and paths in a server's log, in the order of its lines.
fn logged(peer: &Peer, lines: usize) -> Vec<String> {
    asked_by(&peer.log(lines))
}

/// The same of lines that were read.
fn asked_by(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| line.splitn(3, ' ').nth(2).unwrap().to_owned()).collect()
}

/// A log of so many requests, 10 ms apart and all over the place: the later of each two stands first.
fn log(requests: u64) -> String {
    const PATHS: [&str; 6] = ["/", "/a,b?c=%20d&e", "/ü", "/x?q=\\x22y\\x22", "/100%25", "/;p='1'?a[]=b"];
    const METHODS: [&str; 4] = ["GET", "POST", "HEAD", "DELETE"];
    let line = |number: u64| {
        let ms = 1_800_000_000_000 + 10 * number;
        let path = PATHS[(number % 6) as usize];
        let mark = if path.contains('?') { '&' } else { '?' };
        let method = METHODS[(number % 7 % 4) as usize];
        format!("{}.{:03} 0.000 {method} {path}{mark}n={number}\n", ms / 1_000, ms % 1_000)
    };
    (0..requests).map(|number| line(number ^ 1)).collect()
}

const ALL: [&str; 4] = ["--methods", "GET,POST,HEAD,DELETE", "--format", ROWS_FORMAT];

#[test]
fn one_connection_repeats_the_log_in_its_order() {
    let nginx = peers::nginx_logging();
    let url = nginx.url("/");
    let words = [&ALL[..], &["--url", url.as_str(), "--speed", "2"]].concat();
    let log = format!("{}-\n1800000009.000 0.000 CONNECT h:443\n", log(120));
    let imported = imported(&log, &words);
    imported.done.assert_says(&[
        "2 lines have another form",
        "POST, DELETE are sent without bodies",
        "Request n is row n of again.csv, at its own moment: 120 rows",
        "`again.csv` is written",
    ]);
    let numbers = imported.asked().into_iter().map(|row| row.rsplit_once("n=").unwrap().1.to_owned());
    assert!(numbers.eq((0..120).map(|number| number.to_string())), "{}", imported.rows);
    let check = Vajra::new(&["check", "again.toml"]).file("again.toml", &imported.plan);
    let check = check.file("again.csv", &imported.rows).done();
    assert_eq!(check.code, 0, "{}{}", check.stdout, check.stderr);
    assert!(one_line(&check.stdout).contains("120 rows of 2 columns (method, path), sequential"));
    let run = imported.run(&nginx, &["-c", "1"]);
    assert_eq!(run.arrivals(), 120);
    let load = &run.report["plan"]["scenarios"][0]["load"]["open"];
    let offsets = load["segments"][0]["shape"]["recorded"]["offsets_ns"].as_array().unwrap();
    // 10 ms at twice the speed.
    assert!(offsets.iter().map(|ns| ns.as_u64().unwrap()).eq((0..120).map(|number| 5_000_000 * number)));
    assert_eq!(logged(&nginx, 120), imported.asked());
}

#[test]
fn shards_repeat_together_what_the_log_has() {
    let nginx = peers::nginx_logging();
    let imported = imported(&log(150), &[&ALL[..], &["--url", "http://h", "--speed", "3"]].concat());
    imported.run(&nginx, &["-t", "2", "-c", "6"]);
    let (mut came, mut asked) = (logged(&nginx, 150), imported.asked());
    came.sort();
    asked.sort();
    assert_eq!(came, asked);
}

#[test]
fn what_came_at_a_server_comes_again() {
    let first = peers::nginx_logging();
    let plan = format!(
        "url = '{}'\nrun = {{ duration = '500ms', connections = 1 }}\nload = {{ rate = 200, arrivals = 'poisson' }}\n\
         [[request]]\nget = '/a?n={{{{seq}}}}'\n[[request]]\nhead = '/b/{{{{uuid}}}}'\n",
        first.url("/")
    );
    // What is asked before the run is in the log, too.
    let run = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan).done();
    let requests = run.count("/requests/ok") as usize;
    assert!(requests > 0, "{}", run.stdout);
    let lines = first.log(requests);
    let imported = imported(&(lines.join("\n") + "\n"), &["--format", ROWS_FORMAT, "--url", "http://h"]);
    let second = peers::nginx_logging();
    imported.run(&second, &["-c", "1", "-d", "20s"]);
    assert_eq!(logged(&second, lines.len()), imported.asked());
    let (mut came, mut comes) = (asked_by(&lines), imported.asked());
    came.sort();
    comes.sort();
    assert_eq!(came, comes);
}

/// The words of an import row by row of this log.
fn row_by_row(log: &str) -> [&str; 9] {
    ["import", "log", log, "--url", "http://h", "--as", "recorded", "--format", ROWS_FORMAT]
}

#[test]
fn rows_replace_no_file_unasked() {
    let words = row_by_row("a.log");
    let to_file = [&words[..], &["-o", "again.toml"]].concat();
    let done = Vajra::new(&to_file).file("a.log", &log(3)).file("again.csv", "mine").done();
    assert_eq!(done.code, 2);
    done.assert_says(&["`again.csv` is there already", "flag -o again.toml", "--force"]);
    assert!(!done.folder.path().join("again.toml").exists());
    let done = Vajra::new(&words).file("a.log", &log(3)).done();
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stdout.contains("file = \"log.csv\""), "{}", done.stdout);
    done.assert_says(&["rows in `log.csv`", "with -o PLAN it is written beside it"]);
}

#[test]
fn rows_never_take_the_place_of_the_log_that_is_read() {
    let words = row_by_row("a.csv");
    for more in [&["-o", "a.toml"][..], &["-o", "./a.toml", "--force"]] {
        let done = Vajra::new(&[&words[..], more].concat()).file("a.csv", &log(3)).done();
        assert_eq!(done.code, 0, "{}", done.stderr);
        let read = |name: &str| std::fs::read_to_string(done.folder.path().join(name)).unwrap();
        assert_eq!(read("a.csv"), log(3));
        assert!(read("a.rows.csv").starts_with("method,path\n"), "{}", read("a.rows.csv"));
        assert!(read("a.toml").contains("a.rows.csv"), "{}", read("a.toml"));
    }
}

#[test]
fn a_path_that_a_response_brings_is_asked_for_as_it_is_and_one_without_a_slash_is_not() {
    let testbed = peers::testbed(&[]);
    let plan = |from: &str| {
        format!(
            "url = '{}'\nload = {{ rate = 50 }}\nrun = {{ requests = 10 }}\n[[step]]\nget = '/redirect/1'\n\
             check = 'status == 302'\nextract = {{ next = '{from}' }}\n\
             [[step]]\nname = 'next'\nget = '{{{{next}}}}'\ncheck = 'body contains arrived'\n",
            testbed.url("/")
        )
    };
    let run = |from: &str| Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan(from)).done();
    let led = run("header Location");
    assert_eq!(led.count("/iterations/ok"), 10, "{}{}", led.stdout, led.stderr);
    let lost = run("header Server ?");
    assert_eq!((lost.count("/iterations/ok"), lost.errors("template")), (0, 10), "{}", lost.stdout);
    let status = run("status");
    assert_eq!((status.count("/iterations/ok"), status.errors("template")), (0, 10), "{}", status.stdout);
    assert!(one_line(&status.stdout).contains("which does not begin with `/`"), "{}", status.stdout);
}
