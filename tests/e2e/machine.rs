//! Preflight: a target that is not there, and a machine that cannot. What it asks is in `preflight.rs`.

use crate::peers::{self, scripted};
use crate::vajra::Vajra;
use std::io::{Read, Write};
use std::time::Duration;

/// Makes the io_uring system calls fail, as a container's seccomp profile does, and becomes the program.
const WITHOUT_IO_URING: &str = r"
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
load, equal, ret = 0x20, 0x15, 0x06
code = [(load, 0, 0, 0)]
for call in (425, 426, 427):
    code += [(equal, 0, 1, call), (ret, 0, 0, 0x00050000 | 1)]
code += [(ret, 0, 0, 0x7fff0000)]
filters = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *c) for c in code))
class Program(ctypes.Structure):
    _fields_ = [('count', ctypes.c_ushort), ('filters', ctypes.c_void_p)]
program = Program(len(code), ctypes.cast(filters, ctypes.c_void_p))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
";

#[test]
fn a_target_that_refuses_is_told_and_ends_with_4() {
    let port = peers::free_port();
    let url = format!("http://127.0.0.1:{port}/");
    let done = Vajra::new(&["run", &url]).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["FAIL target", "refuses connections", "is the server running", "no load was sent"]);
    assert_eq!(Vajra::new(&["check", &url]).done().code, 4);
}

#[test]
fn an_unknown_host_is_told() {
    let done = Vajra::new(&["run", "http://no-such-host.invalid/"]).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["does not resolve"]);
}

#[test]
fn other_protocols_and_silence_are_told_apart() {
    let ssh = scripted(|mut stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n");
        std::thread::sleep(Duration::from_secs(5));
    });
    let done = Vajra::new(&["run", &format!("http://127.0.0.1:{ssh}/")]).done();
    assert_eq!(done.code, 4);
    done.assert_says(&["does not speak HTTP/1", "SSH-2.0-OpenSSH_9.2"]);

    let silent = scripted(|mut stream| {
        let _ = stream.read(&mut [0; 1_000]);
        std::thread::sleep(Duration::from_secs(30));
    });
    let done = Vajra::new(&["run", &format!("http://127.0.0.1:{silent}/"), "--timeout", "300ms"]).done();
    assert_eq!(done.code, 4);
    done.assert_says(&["does not answer"]);

    let closing = scripted(|mut stream| {
        let _ = stream.read(&mut [0; 1_000]);
    });
    let done = Vajra::new(&["run", &format!("http://127.0.0.1:{closing}/")]).done();
    assert_eq!(done.code, 4);
    done.assert_says(&["closes them without a response"]);
}

#[test]
fn force_runs_what_preflight_refuses_and_zero_responses_never_pass() {
    let port = peers::free_port();
    let words = ["-R", "50", "-d", "1s", "-c", "2", "--force", "--connect-timeout", "200ms"];
    let done = Vajra::run(&format!("http://127.0.0.1:{port}/"), &words).done();
    assert_eq!(done.code, 1, "{}", done.stderr);
    done.assert_says(&["not one request succeeded"]);
    assert!(done.errors("connect") > 0, "{}", done.report["requests"]);
    assert_eq!(
        done.count("/requests/ok") + done.count("/requests/failed") + done.count("/requests/unsent"),
        50
    );
}

#[test]
fn a_machine_without_io_uring_is_told_how_to_allow_it() {
    let words = ["run", "testbed:", "-n", "1"];
    let done = Vajra::under(&["python3", "-c", WITHOUT_IO_URING], &words).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["FAIL io_uring", "seccomp", "help:", "docs/INSTALL.md#containers"]);
}

#[test]
fn too_few_descriptors_and_too_little_locked_memory_are_told_with_the_command() {
    let done = Vajra::under(&["prlimit", "--nofile=100:100"], &["run", "testbed:", "-c", "500"]).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["FAIL descriptors", "ulimit -n"]);
    let done = Vajra::under(&["prlimit", "--memlock=65536:65536"], &["run", "testbed:", "-n", "1"]).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["FAIL locked memory", "ulimit -l"]);
}

#[test]
fn a_soft_limit_on_descriptors_is_raised() {
    let wrapper = ["prlimit", "--nofile=100:4096"];
    let done = Vajra::under(&wrapper, &["check", "testbed:", "-c", "200"]).done();
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stdout.contains("limit raised from 100"), "{}", done.stdout);
}

#[test]
fn a_shard_that_cannot_start_ends_the_run_in_its_own_words() {
    let testbed = peers::testbed(&[]);
    // One shard gets 1,001 connections, which is one more than may be registered; the other gets 1,000 and comes up.
    let words = ["run", &testbed.url("/"), "-c", "2001", "-t", "2", "-d", "10m", "--force", "-q"];
    let done = Vajra::under(&["prlimit", "--nofile=1000:1000"], &words).done();
    assert_eq!(done.code, 1, "{}", done.stderr);
    // If the other one is quick it has taken all descriptors by then, and that is what this one says.
    let own = ["io_uring cannot be set up for 1001 connections", "Too many open files"];
    assert!(own.iter().any(|words| done.stderr.contains(words)), "{}", done.stderr);
}

#[test]
fn cores_outside_the_cpuset_are_refused() {
    let done = Vajra::under(&["taskset", "-c", "0"], &["run", "testbed:", "--cores", "1"]).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["FAIL cores", "core 1"]);
    let done = Vajra::new(&["run", "testbed:", "--cores", "4096"]).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["does not exist"]);
}

#[test]
fn check_says_what_it_looked_at() {
    let testbed = peers::testbed(&[]);
    let done = Vajra::new(&["check", &testbed.url("/"), "--json"]).done();
    assert_eq!(done.code, 0, "{}", done.stdout);
    let checks: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    let names: Vec<&str> =
        checks["checks"].as_array().unwrap().iter().filter_map(|check| check["name"].as_str()).collect();
    assert_eq!(
        names,
        [
            "io_uring",
            "locked memory",
            "descriptors",
            "cores",
            "CPU quota",
            "local ports",
            "target",
            "request"
        ]
    );
}
