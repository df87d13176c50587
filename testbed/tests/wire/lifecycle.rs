//! Starting and stopping.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use vajra_testbed::{Server, ServerOptions, StartError};

use crate::client::{Client, ask, server};

/// What requests under way are given when the server stops.
const GRACE: Duration = Duration::from_secs(1);

#[test]
fn stopping_does_not_wait_for_idle_connections() {
    let stop = || {
        let mut server = server("");
        let (mut used, mut unused) = (Client::connect(&server), Client::connect(&server));
        used.send("GET", "/");
        used.response();
        let asked = Instant::now();
        server.stop();
        let took = asked.elapsed();
        assert!(used.is_closed() && unused.is_closed());
        took
    };
    // A busy machine can make it slow each time but one; a server that waits is never quick.
    assert!((0..20).any(|_| stop() < GRACE));
}

/// A client whose request the server has begun to read: it has said 100 Continue.
fn client_under_way(server: &Server, target: &str) -> Client {
    let mut client = Client::connect(server);
    client.write(&format!(
        "POST {target} HTTP/1.1\r\nhost: t\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n"
    ));
    assert_eq!(client.head().expect("an interim response").status, 100);
    client.write("x");
    client
}

#[test]
fn a_request_under_way_is_still_answered() {
    let mut server = server("");
    let mut client = client_under_way(&server, "/echo?service=fixed:50ms");
    server.stop();
    let response = client.response();
    assert_eq!((response.status, response.text()), (200, "x"));
    assert_eq!(response.header("connection"), Some("close"));
}

#[test]
fn a_request_that_takes_too_long_is_cut_off() {
    let mut server = server("");
    let mut client = client_under_way(&server, "/?service=fixed:1h");
    let asked = Instant::now();
    server.stop();
    assert!(asked.elapsed() >= GRACE);
    assert!(client.is_closed());
}

#[test]
fn a_stopped_server_no_longer_listens_and_still_tells_what_it_served() {
    let mut server = server("");
    ask(&server, "/");
    server.stop();
    server.stop();
    assert!(TcpStream::connect(server.address()).is_err());
    assert_eq!(server.served(), 1);
}

#[test]
fn dropping_a_server_stops_it() {
    let server = server("");
    let address = server.address();
    drop(server);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_port_in_use_is_named_with_what_to_do() {
    let first = server("");
    let address = first.address();
    let error =
        Server::start(ServerOptions { address, ..ServerOptions::default() }).expect_err("the port is taken");
    let message = error.to_string();
    assert!(message.contains(&address.to_string()), "{message}");
    assert!(message.contains("in use") && message.contains("choose another"), "{message}");
}

#[test]
fn an_address_of_another_machine_is_told_apart() {
    let address = "192.0.2.1:0".parse().expect("an address");
    let error =
        Server::start(ServerOptions { address, ..ServerOptions::default() }).expect_err("not our address");
    assert!(error.to_string().contains("no interface of this machine"), "{error}");
}

#[test]
fn a_server_runs_pinned_to_a_core_there_is_and_refuses_one_there_is_not() {
    let core = core_affinity::get_core_ids().and_then(|cores| cores.first().copied()).expect("a core").id;
    let server = Server::start(ServerOptions { core: Some(core), ..ServerOptions::default() })
        .expect("a core to run on");
    assert_eq!(ask(&server, "/").status, 200);
    for core in [1023, 1024, usize::MAX] {
        let error = Server::start(ServerOptions { core: Some(core), ..ServerOptions::default() })
            .expect_err("no such core");
        assert!(matches!(error, StartError::Core { core: refused } if refused == core));
    }
}
