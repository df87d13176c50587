//! The commands around a run: completion, manual pages, version, help, and a server that does not come up.

use crate::vajra::{self, Vajra};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// What bash completes when these words were typed, the last of which is still being typed.
fn completed(words: &[&str]) -> Vec<String> {
    let folder = vajra::binary().parent().expect("a file").display().to_string();
    let typed: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let last = words.len() - 1;
    let script = format!(
        "eval \"$(vajra completions bash)\"; COMP_WORDS=({}); COMP_CWORD={last}; \
         _vajra vajra '{}' '{}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        typed.join(" "),
        words[last],
        words[last - 1]
    );
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
    let output = Command::new("bash").args(["--norc", "-c", &script]).env("PATH", path).output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(str::to_owned)
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
fn bash_completes_commands_flags_and_values() {
    for (words, expected) in [
        (&["vajra", "comp"][..], &["compare", "completions"][..]),
        (&["vajra", "archive", "ex"], &["export"]),
        (&["vajra", "run", "--conn"], &["--connections", "--connect-timeout", "--connect-to"]),
        (&["vajra", "gate", "--ag"], &["--against"]),
        (&["vajra", "run", "--wait", "s"], &["spin"]),
        (&["vajra", "run", "--arrivals", ""], &["uniform", "poisson"]),
        (&["vajra", "run", "--warmup", ""], &["auto"]),
        (&["vajra", "find-max", "--overload", "q"], &["queue"]),
        (&["vajra", "run", "-m", "P"], &["POST", "PUT", "PATCH"]),
        (&["vajra", "run", "--color", "n"], &["never"]),
        (&["vajra", "completions", "z"], &["zsh"]),
    ] {
        let mut found = completed(words);
        found.sort();
        let mut expected: Vec<&str> = expected.to_vec();
        expected.sort();
        assert_eq!(found, expected, "{words:?}");
    }
}

#[test]
fn zsh_and_fish_have_scripts_of_all_commands() {
    for (shell, start) in [("zsh", "#compdef vajra"), ("fish", "# Print an optspec")] {
        let done = Vajra::new(&["completions", shell]).done();
        assert_eq!((done.code, done.stderr.as_str()), (0, ""));
        assert!(done.stdout.starts_with(start), "{shell}: {}", done.stdout);
        for word in ["find-max", "calibrate", "connections", "poisson", "spin"] {
            assert!(done.stdout.contains(word), "{shell} does not know {word}");
        }
    }
}

#[test]
fn manual_pages_have_the_sections_of_manuals() {
    for (words, title, parts) in [
        (&["man"][..], ".TH vajra 1", &["vajra\\-run(1)", "find\\-max"][..]),
        (&["man", "run"], ".TH vajra-run 1", &["TARGET AND LOAD", "\\-\\-connect\\-timeout", "\\-\\-until"]),
        (&["man", "archive", "list"], ".TH vajra-archive-list 1", &["\\-\\-tag"]),
    ] {
        let done = Vajra::new(words).done();
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{words:?}");
        assert!(done.stdout.contains(title), "{words:?}: {}", done.stdout);
        for section in
            ["NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "\"EXIT CODES\"", "ENVIRONMENT", "FILES"]
        {
            assert!(done.stdout.contains(&format!(".SH {section}\n")), "{words:?} has no {section}");
        }
        parts.iter().for_each(|part| assert!(done.stdout.contains(part), "{words:?} has no {part}"));
    }
    let done = Vajra::new(&["man", "comapre"]).done();
    assert_eq!(done.code, 2);
    done.assert_says(&["did you mean `compare`?"]);
}

#[test]
fn a_manual_page_is_typeset_without_a_warning() {
    let page = Vajra::new(&["man", "run"]).done();
    let file = page.folder.path().join("run.1");
    std::fs::write(&file, &page.stdout).unwrap();
    // What `man -l` calls; on small systems `man` itself is a note that there are no manuals.
    let words = ["-K", "utf8", "-man", "-Tutf8", "-P-cbou", "-ww"];
    let output = Command::new("groff").args(words).arg(&file).output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(
        shown.contains("EXIT CODES") && shown.contains("98  a regression against the baseline"),
        "{shown}"
    );
}

#[test]
fn the_version_is_told_alike_by_flag_and_command() {
    let told = ["-V", "--version", "version"].map(|word| Vajra::new(&[word]).done().stdout);
    assert!(told[0].starts_with(concat!("vajra ", env!("CARGO_PKG_VERSION"))), "{}", told[0]);
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
}

#[test]
fn bare_words_are_answered_with_what_to_do() {
    let done = Vajra::new(&[]).done();
    assert_eq!(done.code, 2);
    done.assert_says(&["Usage:", "find-max"]);
    let done = Vajra::new(&["gate", "plan.toml"]).file("plan.toml", "url = 'testbed:'\n").done();
    assert_eq!(done.code, 2);
    done.assert_says(&[
        "vajra gate plan.toml --against URL",
        "vajra gate plan.toml --baseline main",
        "--save-baseline",
    ]);
}

/// A socket where nothing ever listens.
fn silent_url(folder: &TempDir) -> String {
    format!("unix:{}:/", folder.path().join("silent.sock").display())
}

#[test]
fn a_server_that_does_not_listen_is_told_long_before_it_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let url = silent_url(&folder);
    let mut command = Command::new(vajra::binary());
    let words = ["gate", &url, "--against", "exec sleep 1000", "--with", "exec sleep 1001", "-d", "1s"];
    let mut child = command.args(words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let told = lines.find(|line| line.starts_with("waiting for"));
    let stopped = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let told = told.expect("a line");
    assert!(
        told.contains("`exec sleep 1000`") && told.contains("silent.sock") && told.contains(" of 60 s"),
        "{told}"
    );
}

#[test]
fn a_server_that_ends_at_once_is_told_with_how_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let url = silent_url(&folder);
    let done =
        Vajra::new(&["gate", &url, "--against", "exit 7", "--with", "exec sleep 1001", "-d", "1s"]).done();
    assert_eq!(done.code, 1, "{}", done.stderr);
    done.assert_says(&["`exit 7` ended (exit status: 7)", "standard output is not shown"]);
}
