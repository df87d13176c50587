//! Servers by many hands, with TLS and without. Each writes a line into `access.log` for each request: under TLS its version, its cipher
//! suite, and whether the session is an earlier one.

use super::certificates::{Authority, KeyKind, Signed};
use super::{Peer, free_port, site, start, start_with};
use std::fs;
use std::fs::File;
use std::process::{Command, Stdio};

/// The versions of TLS that a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Versions {
    Only1_2,
    Only1_3,
    Both,
}

/// How a server speaks TLS.
pub(crate) struct ServerTls<'a> {
    pub(crate) signed: &'a Signed,
    pub(crate) versions: Versions,
    /// Whether it lets clients take up sessions.
    pub(crate) has_tickets: bool,
    /// An authority, if clients have to show a certificate that it signed.
    pub(crate) client_ca: Option<String>,
}

impl<'a> ServerTls<'a> {
    pub(crate) fn new(signed: &'a Signed) -> ServerTls<'a> {
        ServerTls { signed, versions: Versions::Both, has_tickets: true, client_ca: None }
    }
}

impl Versions {
    /// One of three words.
    fn choose(self, only_1_2: &'static str, only_1_3: &'static str, both: &'static str) -> &'static str {
        match self {
            Versions::Only1_2 => only_1_2,
            Versions::Only1_3 => only_1_3,
            Versions::Both => both,
        }
    }
}

/// nginx.
pub(crate) fn nginx(tls: Option<&ServerTls<'_>>) -> Peer {
    let (folder, port) = (site(), free_port());
    let root = folder.path().display();
    let secured = tls.map_or_else(String::new, |tls| {
        let (certificate, key) = (&tls.signed.certificate, &tls.signed.key);
        let versions = tls.versions.choose("TLSv1.2", "TLSv1.3", "TLSv1.2 TLSv1.3");
        let tickets = if tls.has_tickets { "on" } else { "off" };
        let client = tls
            .client_ca
            .as_ref()
            .map_or_else(String::new, |ca| format!("ssl_verify_client on; ssl_client_certificate {ca};"));
        format!(
            "ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols {versions};\n\
             ssl_session_tickets {tickets}; ssl_session_cache off; {client}"
        )
    });
    let ssl = if tls.is_some() { "ssl" } else { "" };
    let config = format!(
        "daemon off; master_process off; pid {root}/pid; error_log {root}/error.log;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ log_format line '$ssl_protocol $ssl_cipher $ssl_session_reused';\n\
         access_log {root}/access.log line; keepalive_requests 1000000;\n\
         client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;\n\
         uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi; {secured}\n\
         server {{ listen 127.0.0.1:{port} {ssl}; root {root}/site; }} }}\n"
    );
    fs::write(folder.path().join("nginx.conf"), config).unwrap();
    let path = folder.path().join("nginx.conf");
    start(Command::new("nginx").arg("-c").arg(path).arg("-p").arg(folder.path()), folder, port)
}

/// Apache with mod_ssl, which is OpenSSL.
pub(crate) fn apache(tls: Option<&ServerTls<'_>>) -> Peer {
    let (folder, port) = (site(), free_port());
    let (root, modules) = (folder.path().display(), "/usr/lib/apache2/modules");
    let secured = tls.map_or_else(String::new, |tls| {
        let (certificate, key) = (&tls.signed.certificate, &tls.signed.key);
        let versions = tls.versions.choose("-all +TLSv1.2", "-all +TLSv1.3", "-all +TLSv1.2 +TLSv1.3");
        let tickets = if tls.has_tickets { "on" } else { "off" };
        format!(
            "LoadModule ssl_module {modules}/mod_ssl.so\nSSLEngine on\nSSLCertificateFile {certificate}\n\
             SSLCertificateKeyFile {key}\nSSLProtocol {versions}\nSSLSessionTickets {tickets}\nSSLSessionCache none\n\
             CustomLog {root}/access.log \"%{{SSL_PROTOCOL}}x %{{SSL_CIPHER}}x %{{SSL_SESSION_RESUMED}}x\"\n"
        )
    });
    let plain_log =
        if tls.is_none() { format!("CustomLog {root}/access.log plain\n") } else { String::new() };
    let config = format!(
        "ServerName localhost\nServerRoot {root}\nPidFile {root}/pid\nErrorLog {root}/error.log\nListen 127.0.0.1:{port}\n\
         DefaultRuntimeDir {root}\nMutex posixsem\n\
         LoadModule mpm_event_module {modules}/mod_mpm_event.so\nLoadModule authz_core_module {modules}/mod_authz_core.so\n\
         LoadModule dir_module {modules}/mod_dir.so\n{secured}{plain_log}\
         User www-data\nGroup www-data\nKeepAlive On\nMaxKeepAliveRequests 0\nDocumentRoot {root}/site\n\
         <Directory {root}/site>\nRequire all granted\n</Directory>\n"
    );
    fs::write(folder.path().join("apache.conf"), config).unwrap();
    let path = folder.path().join("apache.conf");
    start(Command::new("apache2").arg("-f").arg(path).arg("-DFOREGROUND"), folder, port)
}

/// HAProxy before another server of plain HTTP.
pub(crate) fn haproxy(tls: Option<&ServerTls<'_>>, behind: &Peer) -> Peer {
    // With several threads it leaves out the line of one that finds another writing.
    let (folder, port) = (site(), free_port());
    let secured = tls.map_or_else(String::new, |tls| {
        let pem = folder.path().join("both.pem");
        let both = [&tls.signed.certificate, &tls.signed.key].map(|path| fs::read_to_string(path).unwrap());
        fs::write(&pem, both.concat()).unwrap();
        let versions = tls.versions.choose(
            "ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.2",
            "ssl-min-ver TLSv1.3",
            "ssl-min-ver TLSv1.2",
        );
        format!("ssl crt {} alpn http/1.1 {versions}", pem.display())
    });
    let config = format!(
        "global\n  nbthread 1\n  log stdout format raw local0\n  maxconn 1000\n\
         defaults\n  mode http\n  log global\n  option dontlognull\n  timeout connect 30s\n  timeout client 60s\n  timeout server 60s\n\
         frontend front\n  bind 127.0.0.1:{port} {secured}\n\
         \x20 log-format \"%sslv %sslc %[ssl_fc_is_resumed]\"\n  default_backend behind\n\
         backend behind\n  server one 127.0.0.1:{}\n",
        behind.port
    );
    let path = folder.path().join("haproxy.cfg");
    fs::write(&path, config).unwrap();
    let log = File::create(folder.path().join("access.log")).unwrap();
    start_with(Command::new("haproxy").arg("-db").arg("-f").arg(path).stdout(log), folder, port)
}

/// OpenSSL's test server, with the files of the folder: HTTP/1.0, one connection at a time.
pub(crate) fn openssl(tls: &ServerTls<'_>, more: &[&str]) -> Peer {
    let (folder, port) = (site(), free_port());
    let mut command = Command::new("openssl");
    command.args(["s_server", "-accept", &format!("127.0.0.1:{port}"), "-WWW"]);
    command.args(["-cert", &tls.signed.certificate, "-key", &tls.signed.key]);
    let versions = tls.versions.choose("-tls1_2", "-tls1_3", "");
    command.args([versions].iter().filter(|word| !word.is_empty()));
    command.args(more).current_dir(folder.path().join("site"));
    start(command.stdin(Stdio::null()), folder, port)
}

/// GnuTLS's test server: HTTP/1.0, a page about the connection.
pub(crate) fn gnutls(tls: &ServerTls<'_>) -> Peer {
    let (folder, port) = (site(), free_port());
    let mut command = Command::new("gnutls-serv");
    command.args(["--http", "--quiet", "--disable-client-cert", "--port", &port.to_string()]);
    command.args(["--x509certfile", &tls.signed.certificate, "--x509keyfile", &tls.signed.key]);
    let versions = tls.versions.choose(
        "NORMAL:-VERS-ALL:+VERS-TLS1.2",
        "NORMAL:-VERS-ALL:+VERS-TLS1.3",
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2",
    );
    command.args(["--priority", versions]);
    start(&mut command, folder, port)
}

const NODE: &str = r"
const fs = require('fs'), [port, log, cert, key, oldest, newest] = process.argv.slice(2);
const answer = (request, response) => {
    const { socket } = request;
    const words = cert ? [socket.getProtocol(), socket.getCipher().standardName, socket.isSessionReused()] : ['plain'];
    fs.appendFileSync(log, words.join(' ') + '\n');
    response.end('hello world\n');
};
const options = () => ({ cert: fs.readFileSync(cert), key: fs.readFileSync(key), minVersion: oldest, maxVersion: newest });
const server = cert ? require('https').createServer(options(), answer) : require('http').createServer(answer);
server.listen(Number(port), '127.0.0.1');
";

/// node's own http and https.
pub(crate) fn node(tls: Option<&ServerTls<'_>>) -> Peer {
    let (folder, port) = (site(), free_port());
    let path = folder.path().join("server.js");
    fs::write(&path, NODE).unwrap();
    let mut command = Command::new("node");
    command.arg(path).arg(port.to_string()).arg(folder.path().join("access.log"));
    if let Some(tls) = tls {
        let oldest = tls.versions.choose("TLSv1.2", "TLSv1.3", "TLSv1.2");
        let newest = tls.versions.choose("TLSv1.2", "TLSv1.3", "TLSv1.3");
        command.args([&tls.signed.certificate, &tls.signed.key, oldest, newest]);
    }
    start(&mut command, folder, port)
}

const PYTHON: &str = r"
import http.server, ssl, sys
port, log, cert, key, oldest, newest = sys.argv[1:]

class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        tls = self.connection
        words = [tls.version(), tls.cipher()[0], str(tls.session_reused)] if cert else ['plain']
        with open(log, 'a') as lines:
            lines.write(' '.join(words) + '\n')
        self.send_response(200)
        self.send_header('Content-Length', '12')
        self.end_headers()
        self.wfile.write(b'hello world\n')

    def log_message(self, *arguments):
        pass

class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128

    # The handshake is the connection's, on its own thread: one that does not come stops no other.
    def finish_request(self, request, client):
        if cert:
            request = context.wrap_socket(request, server_side=True)
        super().finish_request(request, client)
        if cert:
            request.unwrap()

    def handle_error(self, request, client):
        pass

if cert:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.minimum_version = ssl.TLSVersion[oldest]
    context.maximum_version = ssl.TLSVersion[newest]
Server(('127.0.0.1', int(port)), Answer).serve_forever()
";

/// Python's http.server under its ssl.
pub(crate) fn python(tls: Option<&ServerTls<'_>>) -> Peer {
    let (folder, port) = (site(), free_port());
    let path = folder.path().join("server.py");
    fs::write(&path, PYTHON).unwrap();
    let mut command = Command::new("python3");
    command.arg(path).arg(port.to_string()).arg(folder.path().join("access.log"));
    match tls {
        None => command.args(["", "", "", ""]),
        Some(tls) => {
            let oldest = tls.versions.choose("TLSv1_2", "TLSv1_3", "TLSv1_2");
            let newest = tls.versions.choose("TLSv1_2", "TLSv1_3", "TLSv1_3");
            command.args([&tls.signed.certificate, &tls.signed.key, oldest, newest])
        }
    };
    start(&mut command, folder, port)
}

/// Caddy, whose TLS is Go's.
pub(crate) fn caddy(tls: Option<&ServerTls<'_>>) -> Peer {
    let (folder, port) = (site(), free_port());
    let root = folder.path().display();
    let (scheme, secured) = match tls {
        None => ("http", String::new()),
        Some(tls) => {
            let versions = tls.versions.choose("tls1.2 tls1.2", "tls1.3 tls1.3", "tls1.2 tls1.3");
            let (certificate, key) = (&tls.signed.certificate, &tls.signed.key);
            ("https", format!("tls {certificate} {key} {{\n protocols {versions}\n }}\n"))
        }
    };
    let config = format!(
        "{{\n admin off\n auto_https disable_redirects\n storage file_system {root}/storage\n}}\n\
         {scheme}://:{port} {{\n bind 127.0.0.1\n {secured} root * {root}/site\n file_server\n\
         log {{\n output file {root}/access.log\n }}\n}}\n"
    );
    let path = folder.path().join("Caddyfile");
    fs::write(&path, config).unwrap();
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(path).env("HOME", folder.path());
    start(command.env_remove("XDG_CONFIG_HOME").env_remove("XDG_DATA_HOME"), folder, port)
}

/// An authority, and a certificate of it for a server.
pub(crate) fn signed(kind: KeyKind) -> (Authority, Signed) {
    let authority = Authority::new();
    let signed = authority.server("server", kind);
    (authority, signed)
}
