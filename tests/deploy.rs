//! What releases are made of, as far as it can be checked without building one. The package's files, one version everywhere,
//! scripts that parse, and the seccomp profile with the built program under it.

use crate::peers;
use crate::vajra::{Done, Vajra, binary};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PROFILE: &str = "deploy/oci/seccomp.json";
/// Docker's mask of the flags of clone that make a namespace (clone(2)).
const NAMESPACES: u64 = 0x7e02_0000;

fn at_root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    fs::read_to_string(at_root(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn profile() -> Value {
    serde_json::from_str(&text(PROFILE)).unwrap()
}

/// The groups of the profile: the names in each, and its conditions.
fn groups() -> Vec<(Vec<String>, Value)> {
    let of_group = |group: &Value| {
        assert_eq!(group["action"], "SCMP_ACT_ALLOW");
        let names = group["names"].as_array().unwrap().iter();
        (names.map(|name| name.as_str().unwrap().to_owned()).collect(), group["args"].clone())
    };
    profile()["syscalls"].as_array().unwrap().iter().map(of_group).collect()
}

#[test]
fn the_seccomp_profile_allows_io_uring_and_nothing_that_leaves_a_container() {
    let listed: Vec<String> = groups().into_iter().flat_map(|(names, _)| names).collect();
    let unique: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
    assert_eq!(unique.len(), listed.len(), "a call is listed twice");
    for call in ["io_uring_setup", "io_uring_enter", "io_uring_register", "execve"] {
        assert!(unique.contains(call), "{call}");
    }
    for call in ["clone3", "unshare", "setns", "mount", "ptrace", "bpf", "keyctl", "init_module", "reboot"] {
        assert!(!unique.contains(call), "{call}");
    }
    assert_eq!(profile()["defaultAction"], "SCMP_ACT_ERRNO");
    for (names, conditions) in groups() {
        let is_clone = names.iter().any(|name| name == "clone");
        assert_eq!(
            conditions[0]["value"],
            if is_clone { NAMESPACES.into() } else { Value::Null },
            "{names:?}"
        );
    }
}

/// The program as a container has it, with the archive of this folder.
fn confined(data: &Path, words: &[&str]) -> Done {
    let (script, profile) = (at_root("tests/fixtures/under_seccomp.py"), at_root(PROFILE));
    let wrapper = ["python3", script.to_str().unwrap(), profile.to_str().unwrap()];
    Vajra::under(&wrapper, words).variable("XDG_DATA_HOME", data.to_str().unwrap()).done()
}

#[test]
fn every_command_does_its_work_under_the_seccomp_profile() {
    let data = tempfile::tempdir().unwrap();
    let testbed = peers::testbed(&[]);
    let url = testbed.url("/");
    let passes = |words: &[&str]| {
        let done = confined(data.path(), words);
        // 3 is INVALID, and 99 a target that fell behind: the machine is busy, and the work is done.
        assert!([0, 3, 99].contains(&done.code), "{words:?} ended with {}: {}", done.code, done.stderr);
        done
    };
    assert!(passes(&["check", "testbed:"]).stdout.contains("PASS io_uring"));
    passes(&["run", "testbed:", "-n", "20", "-c", "2", "--tag", "first", "--timeseries", "seconds.ndjson"]);
    let report =
        passes(&["run", "testbed:", "-n", "20", "-R", "200", "-c", "2", "--json", "report.json"]).report;
    assert_eq!(report["requests"]["ok"], 20);
    assert!(passes(&["archive", "list"]).stdout.contains("first"));
    passes(&["archive", "export", "first", "-o", "first.vajra"]);
    passes(&[
        "find-max",
        &url,
        "--slo",
        "failed<1%",
        "-d",
        "1s",
        "--from",
        "50",
        "--to",
        "100",
        "--tolerance",
        "50%",
    ]);

    let port = peers::free_port();
    let serve = format!("exec {} testbed --port {port}", binary().display());
    let target = format!("http://127.0.0.1:{port}/");
    let words = [
        "gate", &target, "--with", &serve, "-R", "100", "-d", "1s", "--runs", "2", "--allow", "invalid",
        "--allow", "slices",
    ];
    passes(&[&words[..], &["--baseline", "base", "--save-baseline"]].concat());
    assert!(passes(&["archive", "baselines"]).stdout.contains("base"));
}

#[test]
fn the_package_names_files_that_are_there_or_that_the_release_writes() {
    let manifest: toml::Table = text("Cargo.toml").parse().unwrap();
    let package = &manifest["package"]["metadata"]["deb"];
    let release = text("deploy/release");
    for asset in package["assets"].as_array().unwrap() {
        let source = asset[0].as_str().unwrap();
        let is_written = match source.strip_prefix("target/dist/files/") {
            Some(name) => release.contains(&format!("$dist/files/{}", name.trim_end_matches(".gz"))),
            None => source == "target/release/vajra" || at_root(source).is_file(),
        };
        assert!(is_written, "{source}");
    }
    for copied in release.lines().find(|line| line.contains("install -m 644 LICENSE")).unwrap().split(' ') {
        let is_file = copied.contains('.') && !copied.contains('$');
        assert!(!is_file || at_root(copied).is_file(), "{copied}");
    }
}

#[test]
fn the_plan_of_the_job_can_run() {
    let job = text("deploy/kubernetes/job.yaml");
    let (_, below) = job.split_once("  plan.toml: |\n").unwrap();
    let plan: Vec<&str> =
        below.lines().map_while(|line| line.strip_prefix("    ").or(line.is_empty().then_some(""))).collect();
    assert!(plan.len() > 5, "{plan:?}");
    let done =
        Vajra::new(&["check", "plan.toml", "--url", "testbed:"]).file("plan.toml", &plan.join("\n")).done();
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
}

#[test]
fn one_version_stands_everywhere() {
    let manifest: toml::Table = text("Cargo.toml").parse().unwrap();
    let version = manifest["workspace"]["package"]["version"].as_str().unwrap();
    let named = [
        ("docs/INSTALL.md", format!("vajra-{version}-x86_64-linux.tar.gz")),
        ("docs/INSTALL.md", format!("vajra_{version}_amd64.deb")),
        ("deploy/kubernetes/job.yaml", format!("vajra:{version}\n")),
        ("examples/ci/github-actions.yml", format!("RELEASE: {version}\n")),
        ("examples/ci/gitlab-ci.yml", format!("RELEASE: {version}\n")),
    ];
    for (path, words) in named {
        assert!(text(path).contains(&words), "{path} does not say {words}");
    }
    let rust = manifest["workspace"]["package"]["rust-version"].as_str().unwrap();
    assert!(text("deploy/oci/Containerfile").contains(&format!("rust:{rust}-")), "built by another Rust");
}

#[test]
fn the_scripts_parse_and_the_folders_documents_exist() {
    for script in ["deploy/release", "deploy/smoke", ".ci/run"] {
        let checked = Command::new("bash").arg("-n").arg(at_root(script)).output().unwrap();
        assert!(checked.status.success(), "{script}: {}", String::from_utf8_lossy(&checked.stderr));
    }
    let compiles = "import ast, sys; ast.parse(open(sys.argv[1]).read())";
    let checked =
        Command::new("python3").args(["-c", compiles]).arg(at_root("deploy/notices")).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    // What preflight and the deployment point to.
    let install = text("docs/INSTALL.md");
    assert!(install.contains("\n## Containers\n") && install.contains("\n## Kubernetes\n"));
}
