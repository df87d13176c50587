//! Several processes save at the same time, and a process is killed while it saves: nothing that was said to be saved is
//! missing, and what is there is whole.
//!
//! The program is its own child: with a path and a name as arguments it saves runs there, and says each when it is saved.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod sample;

use engine::random::Random;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use vajra_archive::{Archive, Filter, Manifest};

const CHILDREN: u64 = 8;
const RUNS_OF_A_CHILD: u64 = 6;
/// How often a child is killed, and the most runs it saves if it is not.
const KILLS: u64 = 15;
const RUNS_UNTIL_KILLED_MAX: u64 = 500;
const SEED: u64 = 20_261_120;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    match words.as_slice() {
        [_, verb, path, name, runs] if verb == "save" => save(Path::new(path), name, runs.parse().unwrap()),
        // Whatever flags a test harness would be given.
        _ => {
            processes_that_save_at_the_same_time_lose_nothing();
            a_killed_process_leaves_whole_runs_and_all_that_it_said_to_have_saved();
        }
    }
}

fn save(path: &Path, name: &str, runs: u64) {
    for run in 0..runs {
        let archive = Archive::open(path).unwrap();
        let run_id = format!("{name}-{run}");
        archive.save(&sample::report(&run_id, run), &Manifest::default()).unwrap();
        archive.tag(&run_id, "saved").unwrap();
        let mut out = std::io::stdout();
        writeln!(out, "{run_id}").and_then(|()| out.flush()).unwrap();
    }
}

fn child(path: &Path, name: &str, runs: u64) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["save", path.to_str().unwrap(), name, &runs.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap()
}

fn said(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok)
}

fn processes_that_save_at_the_same_time_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive.db");
    let mut children: Vec<Child> =
        (0..CHILDREN).map(|number| child(&path, &format!("child-{number}"), RUNS_OF_A_CHILD)).collect();
    for child in &mut children {
        assert_eq!(said(child).count() as u64, RUNS_OF_A_CHILD);
        assert!(child.wait().unwrap().success());
    }
    let archive = Archive::open_read_only(&path).unwrap();
    assert_eq!(archive.list(&Filter::default()).unwrap().len() as u64, CHILDREN * RUNS_OF_A_CHILD);
    assert_eq!(archive.find("saved").unwrap().len() as u64, CHILDREN * RUNS_OF_A_CHILD);
    println!("test processes_that_save_at_the_same_time_lose_nothing ... ok");
}

fn a_killed_process_leaves_whole_runs_and_all_that_it_said_to_have_saved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive.db");
    let mut random = Random::new(SEED, 0);
    let mut saved: Vec<String> = Vec::new();
    for kill in 0..KILLS {
        let mut child = child(&path, &format!("kill-{kill}"), RUNS_UNTIL_KILLED_MAX);
        let mut lines = said(&mut child);
        saved.extend((0..random.between(0, 4)).filter_map(|_| lines.next()));
        std::thread::sleep(Duration::from_micros(random.between(0, 40_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        saved.extend(lines);
        let archive = Archive::open(&path).unwrap();
        let there = archive.list(&Filter::default()).unwrap();
        for run_id in &saved {
            assert!(there.iter().any(|entry| entry.run_id == *run_id), "{run_id} is lost (seed {SEED})");
        }
        for entry in &there {
            let (_, run) = entry.run_id.rsplit_once('-').unwrap();
            let whole = sample::report(&entry.run_id, run.parse().unwrap());
            assert!(archive.report(&entry.run_id).unwrap() == whole, "{} (seed {SEED})", entry.run_id);
        }
    }
    assert!(!saved.is_empty());
    println!(
        "test a_killed_process_leaves_whole_runs_and_all_that_it_said_to_have_saved ... ok: {} saved",
        saved.len()
    );
}
