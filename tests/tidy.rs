//! Rules about the source tree that no compiler checks.

mod circles;
mod errors;
mod map;
mod names;
mod size;
mod sources;
mod words;

use sources::{all_files, code, files_naming, relative, root, sources};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Which of ours may depend on which, besides the root package, which may on all.
const EDGES: [(&str, &[&str]); 10] = [
    ("engine", &["sdk"]),
    ("grpc", &["engine"]),
    ("import", &[]),
    ("shards", &["engine", "sdk"]),
    ("archive", &["engine"]),
    ("telemetry", &["engine"]),
    ("testbed", &[]),
    ("perf", &["engine", "shards", "testbed"]),
    ("fuzzing", &["engine"]),
    ("vajra", &["engine", "grpc", "import", "shards", "archive", "testbed", "sdk", "telemetry", "fleet"]),
];
const OURS: [&str; 10] =
    ["engine", "grpc", "import", "shards", "archive", "testbed", "sdk", "telemetry", "fleet", "fuzzing"];

#[test]
fn only_the_allowed_edges_exist_between_our_crates() {
    for (member, allowed) in EDGES {
        let folder = if member == "vajra" { root().to_owned() } else { root().join(member) };
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let table =
            manifest.split("\n[dependencies]\n").nth(1).unwrap_or("").split("\n[").next().unwrap_or("");
        for line in table.lines() {
            let name = line.split(['.', ' ', '=']).next().unwrap_or("");
            assert!(!OURS.contains(&name) || allowed.contains(&name), "{member} must not depend on {name}");
        }
    }
}

#[test]
fn every_dependency_says_why_it_is_there() {
    for folder in
        ["", "engine", "grpc", "import", "shards", "archive", "telemetry", "testbed", "perf", "fuzzing"]
    {
        let manifest = Path::new(folder).join("Cargo.toml");
        let text = fs::read_to_string(root().join(&manifest)).unwrap();
        let mut is_dependencies = false;
        for line in text.lines() {
            if line.starts_with('[') {
                is_dependencies = line.contains("dependencies");
            } else if is_dependencies && line.contains('=') && !line.contains("path = ") {
                assert!(line.contains('#'), "{}: `{line}` gives no reason", manifest.display());
            }
        }
    }
}

#[test]
fn one_file_names_glommio_and_one_the_ring() {
    let ours = sources::PRODUCT;
    assert_eq!(files_naming(&ours, "glommio::"), ["shards/src/executor.rs"]);
    assert_eq!(files_naming(&ours, "io_uring::"), ["shards/src/sys.rs"]);
}

#[test]
fn unsafe_code_has_its_place() {
    let ours: Vec<&str> = sources::PRODUCT.into_iter().filter(|folder| *folder != "perf/src").collect();
    assert_eq!(
        files_naming(&ours, "unsafe {"),
        ["shards/src/name_services.rs", "shards/src/sys.rs", "shards/src/sys/tests.rs"]
    );
    // perf counts allocations, and an allocator cannot be written without.
    let perf = files_naming(&["perf/src"], "unsafe ");
    assert!(perf.len() <= 1, "{perf:?}");
}

#[test]
fn the_engine_knows_no_clock_socket_file_or_thread() {
    let banned = [
        "Instant::now",
        "SystemTime",
        "std::net",
        "std::fs",
        "std::thread",
        "async ",
        "std::env",
        "std::process",
    ];
    for (path, text) in sources("engine/src") {
        for word in banned {
            assert!(!code(&text).contains(word), "{path} names {word}");
        }
    }
}

#[test]
fn nothing_is_shared_on_the_shards_path() {
    let mut path: BTreeMap<String, String> = sources("shards/src/protocol");
    path.extend(sources("shards/src/shard"));
    for name in ["connection.rs", "timeouts.rs", "pace.rs", "shard.rs"] {
        let file = format!("shards/src/{name}");
        path.insert(file.clone(), fs::read_to_string(root().join(file)).unwrap());
    }
    for (path, text) in path {
        for word in ["Mutex", "RwLock", "Atomic", "thread_local", "static mut", "RefCell"] {
            assert!(!code(&text).contains(word), "{path} names {word}");
        }
        // The one handle a shard holds is to what it is controlled by.
        let handles = code(&text).matches("Arc<").count();
        assert_eq!(handles, code(&text).matches("Arc<Control>").count(), "{path} shares something");
    }
}

#[test]
fn nothing_below_the_command_line_prints_exits_or_reads_the_environment() {
    for folder in
        ["engine/src", "grpc/src", "import/src", "shards/src", "archive/src", "telemetry/src", "testbed/src"]
    {
        for (path, text) in sources(folder) {
            for word in ["println!", "print!(", "process::exit", "env::var"] {
                assert!(!code(&text).contains(word), "{path} names {word}");
            }
        }
    }
}

#[test]
fn no_unwrap_outside_tests() {
    for folder in sources::PRODUCT {
        for (path, text) in sources::product(folder) {
            for word in [".unwrap()", "todo!(", "unimplemented!(", "dbg!(", "FIXME", "XXX"] {
                assert!(!text.contains(word), "{path} has {word}");
            }
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for folder in [
        "cli",
        "engine/src",
        "grpc/src",
        "grpc/tests",
        "import/src",
        "import/tests",
        "shards/src",
        "archive/src",
        "telemetry/src",
        "testbed/src",
        "perf/src",
        "benches",
        "tests",
        "archive/tests",
        "shards/tests",
    ] {
        for (path, text) in sources(folder) {
            assert!(text.starts_with("//! "), "{path} has no head");
        }
    }
}

#[test]
fn nothing_committed_names_a_machine() {
    // Put together here, so that this file does not hold what it looks for.
    let banned =
        [format!("{}{}", "/wo", "rk/"), format!("{}{}", "/ro", "ot/"), format!("{}{}", "/ho", "me/")];
    for path in all_files() {
        let text = fs::read_to_string(&path).unwrap_or_default();
        for word in &banned {
            assert!(!text.contains(word.as_str()), "{} names {word}", relative(&path));
        }
    }
}
