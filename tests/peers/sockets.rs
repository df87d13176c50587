//! Servers of WebSocket by other hands, and proxies before them. Each server writes a line into `access.log` for each message that came.

use super::{Peer, free_port, scripted, site, start};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use tungstenite::handshake::derive_accept_key;

const PYTHON: &str = r"
import asyncio, sys, websockets
port, log, manner = int(sys.argv[1]), sys.argv[2], sys.argv[3]

async def serve(socket):
    held = []
    async for message in socket:
        with open(log, 'a') as lines:
            lines.write(f'{type(message).__name__} {len(message)}\n')
        if manner == 'silent':
            continue
        held.append(message)
        # What came last is replied to first.
        if manner == 'echo' or len(held) == 4:
            while held:
                await socket.send(held.pop())

async def main():
    async with websockets.serve(serve, '127.0.0.1', port, subprotocols=['v2.chat', 'v1.chat'], max_size=None):
        await asyncio.Future()

asyncio.run(main())
";

/// The `websockets` package of Python. `manner` is `echo`, `backwards` (four by four, the last first) or `silent`.
pub(crate) fn python(manner: &str) -> Peer {
    let (folder, port) = (site(), free_port());
    let path = folder.path().join("server.py");
    fs::write(&path, PYTHON).unwrap();
    // Debian's own Python, which has Debian's package.
    let mut command = Command::new("/usr/bin/python3");
    command.arg(path).arg(port.to_string()).arg(folder.path().join("access.log")).arg(manner);
    start(&mut command, folder, port)
}

const NODE: &str = r"
const fs = require('fs'), { WebSocketServer } = require('ws'), [port, log] = process.argv.slice(2);
new WebSocketServer({ host: '127.0.0.1', port: Number(port) }).on('connection', socket => {
    socket.on('message', (data, isBinary) => {
        fs.appendFileSync(log, `${isBinary ? 'binary' : 'text'} ${data.length}\n`);
        // In fragments, with a ping between.
        socket.send(data.subarray(0, 2), { binary: isBinary, fin: false });
        socket.ping('are you there');
        socket.send(data.subarray(2), { binary: isBinary, fin: true });
    });
    socket.on('ping', () => fs.appendFileSync(log, 'ping\n'));
    socket.on('close', code => fs.appendFileSync(log, `closed ${code}\n`));
});
";

/// The `ws` package of node. It replies in fragments, with a ping between.
pub(crate) fn node() -> Peer {
    let (folder, port) = (site(), free_port());
    let path = folder.path().join("server.js");
    fs::write(&path, NODE).unwrap();
    let mut command = Command::new("node");
    // Debian's packages are no part of what another node looks through.
    command.env("NODE_PATH", "/usr/share/nodejs").arg(path);
    start(command.arg(port.to_string()).arg(folder.path().join("access.log")), folder, port)
}

/// nginx before a server of WebSocket, which passes on what it is told to, and no more.
pub(crate) fn nginx(behind: &Peer, passes_upgrade: bool) -> Peer {
    let (folder, port) = (site(), free_port());
    let root = folder.path().display();
    let upgrade = match passes_upgrade {
        true => "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection Upgrade;",
        false => "",
    };
    let config = format!(
        "daemon off; master_process off; pid {root}/pid; error_log {root}/error.log;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off;\n\
         client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;\n\
         uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;\n\
         server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{}; proxy_http_version 1.1; {upgrade} }} }} }}\n",
        behind.port
    );
    fs::write(folder.path().join("nginx.conf"), config).unwrap();
    let path = folder.path().join("nginx.conf");
    start(Command::new("nginx").arg("-c").arg(path).arg("-p").arg(folder.path()), folder, port)
}

/// A server that opens a WebSocket, or something like it, and then does what the test says. `response` is made of the right accept.
pub(crate) fn odd(
    response: impl Fn(&str) -> String + Send + Clone + 'static,
    then: impl Fn(&mut TcpStream) + Send + Clone + 'static,
) -> u16 {
    scripted(move |mut stream| {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read(&mut byte).is_ok_and(|bytes| bytes == 0) {
                return;
            }
            head.push(byte[0]);
        }
        let text = String::from_utf8_lossy(&head);
        let key = text.split("Sec-WebSocket-Key: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let accept = derive_accept_key(key.unwrap_or_default().as_bytes());
        if stream.write_all(response(&accept).as_bytes()).is_ok() {
            then(&mut stream);
        }
        // Until the other side has left: what it was sent is not to be thrown away.
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    })
}

/// The response that opens a WebSocket.
pub(crate) fn switching(accept: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}

/// A server that opens WebSockets, and says these bytes to each message.
pub(crate) fn saying(bytes: &'static [u8]) -> u16 {
    odd(switching, move |stream| {
        // A frame comes in one piece, as it was sent.
        while stream.read(&mut [0; 4_096]).is_ok_and(|read| read > 0) {
            if stream.write_all(bytes).is_err() {
                return;
            }
        }
    })
}
