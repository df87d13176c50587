//! A server of gRPC that costs are compared on: grpcio's, in Python, with one method that answers the same each time.

use crate::process::explain;
use crate::scratch::workspace;
use crate::target::{free_address, wait_until_it_accepts};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Python with the packages that tests need, as `.ci/run` makes it.
const PYTHON: &str = "target/peers/bin/python";
/// What is called, and with which message.
pub(crate) const METHOD: &str = "greet.Greeter/SayHello";
pub(crate) const REQUEST: &str = r#"{ "name": "world" }"#;
const PROTO: &str = "syntax = \"proto3\";\npackage greet;\nmessage HelloRequest { string name = 1; }\n\
    message HelloReply { string text = 1; }\nservice Greeter { rpc SayHello(HelloRequest) returns (HelloReply); }\n";
const SERVER: &str = r#"import sys
from concurrent import futures
import grpc
REPLY = b"\x0a\x0bhello world"
say_hello = grpc.unary_unary_rpc_method_handler(lambda request, context: REPLY)
server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("greet.Greeter", {"SayHello": say_hello}),))
server.add_insecure_port(sys.argv[1])
server.start()
server.wait_for_termination()
"#;

/// A running server. Dropping it stops it.
pub(crate) struct Grpcio {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Grpcio {
    /// Starts one on a core, on a port that is free; returns when it accepts connections.
    pub(crate) fn start(core: usize) -> Result<Grpcio, String> {
        let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
        let cannot = |error| format!("cannot write into {}: {error}", folder.path().display());
        fs::write(folder.path().join("server.py"), SERVER).map_err(cannot)?;
        fs::write(folder.path().join("greet.proto"), PROTO).map_err(cannot)?;
        let address = free_address()?;
        let mut command = Command::new("taskset");
        command.args(["-c", &core.to_string()]).arg(workspace().join(PYTHON));
        command.arg(folder.path().join("server.py")).arg(address.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| explain(&command, &error))?;
        let mut server = Grpcio { child, address, folder };
        match wait_until_it_accepts(&mut server.child, address) {
            true => Ok(server),
            false => Err(format!(
                "grpcio's server did not start: make {PYTHON} with `python3 -m venv target/peers && \
                 target/peers/bin/pip install -r tests/peers/requirements.txt`"
            )),
        }
    }

    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// The file that says what it takes.
    pub(crate) fn proto(&self) -> PathBuf {
        self.folder.path().join("greet.proto")
    }
}

impl Drop for Grpcio {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
