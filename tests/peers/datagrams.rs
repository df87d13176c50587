//! Servers of datagrams: the testbed's echo, unbound, and one of dnspython that does as the test says. Ports are of 127.0.0.1.

use super::{PATIENCE, Peer, free_port, site, start};
use crate::vajra;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The built-in server, which returns datagrams, and the port on which it does.
pub(crate) fn testbed(words: &[&str]) -> (Peer, u16) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(vajra::binary());
    command.args(["testbed", "--port", "0", "--udp-echo", "0"]).args(words);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut port_behind = |words: &str| loop {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).unwrap() > 0, "it does not say `{words}`");
        if let Some((_, address)) = line.split_once(words) {
            let digits = address.rsplit(':').next().unwrap_or_default();
            let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
            return digits.parse::<u16>().unwrap();
        }
    };
    let port = port_behind("testbed listens on http://127.0.0.1");
    let udp_port = port_behind("testbed returns UDP on ");
    // It is heard to its end.
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    (Peer { child, folder, port }, udp_port)
}

/// What the built-in server says that it has counted of what it returns.
pub(crate) fn returned(server: &Peer, name: &str) -> u64 {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.write_all(b"GET /stats HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let body = response.split_once("\r\n\r\n").unwrap().1;
    let stats: serde_json::Value = serde_json::from_str(body).unwrap();
    stats["echo"][name].as_u64().unwrap_or_else(|| panic!("no `{name}` in {stats}"))
}

/// A port on which nobody listens.
pub(crate) fn nobodys_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// unbound, which knows a few names of `example.test`, and refuses to ask others for the rest.
pub(crate) fn unbound() -> Peer {
    let (folder, port) = (site(), free_port());
    let root = folder.path().display();
    let config = format!(
        "server:\n interface: 127.0.0.1\n port: {port}\n do-daemonize: no\n username: \"\"\n chroot: \"\"\n directory: \"{root}\"\n\
         \x20pidfile: \"\"\n use-syslog: no\n num-threads: 1\n module-config: \"iterator\"\n local-zone: \".\" refuse\n\
         \x20local-zone: \"example.test.\" static\n local-data: \"www.example.test. 60 IN A 192.0.2.1\"\n\
         \x20local-data: \"www.example.test. 60 IN AAAA 2001:db8::1\"\n local-data: \"example.test. 60 IN MX 10 www.example.test.\"\n\
         remote-control:\n control-enable: no\n"
    );
    fs::write(folder.path().join("unbound.conf"), config).unwrap();
    let path = folder.path().join("unbound.conf");
    // Debian has it where only root looks.
    start(Command::new("/usr/sbin/unbound").arg("-d").arg("-c").arg(path), folder, port)
}

const PYTHON: &str = r"
import socket, sys, dns.edns, dns.flags, dns.message, dns.rcode, dns.rdatatype, dns.rrset
port, log, manner = int(sys.argv[1]), sys.argv[2], sys.argv[3]
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
datagrams.bind(('127.0.0.1', port))
# Whoever waits for the server asks by TCP.
listener = socket.create_server(('127.0.0.1', port))
lines, held = open(log, 'a', buffering=1), None
while True:
    wire, sender = datagrams.recvfrom(65535)
    query = dns.message.from_wire(wire)
    question = query.question[0]
    recursion = 'rd' if query.flags & dns.flags.RD else 'no'
    edns = query.payload if query.edns >= 0 else 'none'
    lines.write(f'{question.name} {dns.rdatatype.to_text(question.rdtype)} {recursion} {edns}\n')
    reply = dns.message.make_response(query)
    if manner == 'truncated':
        reply.flags |= dns.flags.TC
    if manner == 'servfail':
        reply.set_rcode(dns.rcode.SERVFAIL)
    if manner == 'silent':
        continue
    if manner == 'forged':
        forged = dns.message.make_response(dns.message.make_query('other.example', 'A', id=query.id))
        datagrams.sendto(forged.to_wire(), sender)
    datagrams.sendto(reply.to_wire(), sender)
    if manner == 'twice':
        datagrams.sendto(reply.to_wire(), sender)
";

/// A server of DNS by `dnspython`, which writes a line for each query. `manner` is `right`, `truncated`, `servfail`, `forged` (a
/// reply to another question comes first), `twice` or `silent`.
pub(crate) fn dnspython(manner: &str) -> Peer {
    let (folder, port) = (site(), free_port());
    let path = folder.path().join("server.py");
    fs::write(&path, PYTHON).unwrap();
    // Debian's own Python, which has Debian's package.
    let mut command = Command::new("/usr/bin/python3");
    command.arg(path).arg(port.to_string()).arg(folder.path().join("access.log")).arg(manner);
    start(&mut command, folder, port)
}

/// Waits until something is so of a server.
pub(crate) fn await_so(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
