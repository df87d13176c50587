//! Servers by many hands that speak HTTP/2 as well as HTTP/1.1, with TLS and without. Those that keep a log write a line into `access.log` for
//! each request: the version of HTTP that it came in, its status, its method and, last, the port of its client.

use super::certificates::Signed;
use super::grpc::PYTHON;
use super::{Peer, free_port, site, start, start_with};
use std::fs;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// What is to be spoken to a server. Under TLS each of them speaks both, and ALPN decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Http {
    V1_1,
    V2,
}

/// Under which path a server takes what is posted.
pub(crate) const TAKES: &str = "/take";

/// The files, and one that stands for what takes what is posted, where files do.
fn site_that_takes() -> TempDir {
    let folder = site();
    fs::write(folder.path().join("site/take"), "taken\n").unwrap();
    folder
}

/// Writes a file into a server's folder.
fn written(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

/// nginx. It ends a connection after so many requests.
pub(crate) fn nginx(http: Http, signed: Option<&Signed>, keepalive_requests: u32) -> Peer {
    let (folder, port) = (site_that_takes(), free_port());
    let root = folder.path().display();
    let how = match (http, signed) {
        (_, Some(_)) => " ssl http2",
        (Http::V2, None) => " http2",
        (Http::V1_1, None) => "",
    };
    let secured = signed.map_or_else(String::new, |signed| {
        format!("ssl_certificate {}; ssl_certificate_key {};", signed.certificate, signed.key)
    });
    let config = format!(
        "daemon off; master_process off; pid {root}/pid; error_log {root}/error.log;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ log_format line '$server_protocol $status $request_method $remote_port';\n\
         access_log {root}/access.log line; keepalive_requests {keepalive_requests};\n\
         client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;\n\
         uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi; {secured}\n\
         server {{ listen 127.0.0.1:{port}{how}; root {root}/site;\n\
         location = {TAKES} {{ return 200 \"taken\\n\"; }} }} }}\n"
    );
    let path = written(&folder, "nginx.conf", &config);
    start(Command::new("nginx").arg("-c").arg(path).arg("-p").arg(folder.path()), folder, port)
}

/// Apache with mod_http2, for which the number of requests on a connection has no limit.
pub(crate) fn apache(signed: Option<&Signed>) -> Peer {
    apache_of_keep_alive(signed, "60")
}

/// The same, which ends a connection when nothing has come on it for some time: a number of seconds, or one with a unit.
pub(crate) fn apache_of_keep_alive(signed: Option<&Signed>, keep_alive: &str) -> Peer {
    let (folder, port) = (site_that_takes(), free_port());
    let (root, modules) = (folder.path().display(), "/usr/lib/apache2/modules");
    let secured = signed.map_or_else(String::new, |signed| {
        format!(
            "LoadModule ssl_module {modules}/mod_ssl.so\nSSLEngine on\nSSLSessionCache none\n\
             SSLCertificateFile {}\nSSLCertificateKeyFile {}\n",
            signed.certificate, signed.key
        )
    });
    let config = format!(
        "ServerName localhost\nServerRoot {root}\nPidFile {root}/pid\nErrorLog {root}/error.log\nListen 127.0.0.1:{port}\n\
         DefaultRuntimeDir {root}\nMutex posixsem\n\
         LoadModule mpm_event_module {modules}/mod_mpm_event.so\nLoadModule authz_core_module {modules}/mod_authz_core.so\n\
         LoadModule http2_module {modules}/mod_http2.so\n{secured}\
         Protocols h2 h2c http/1.1\nCustomLog {root}/access.log \"%H %>s %m %{{remote}}p\"\n\
         User www-data\nGroup www-data\nKeepAlive On\nKeepAliveTimeout {keep_alive}\nMaxKeepAliveRequests 0\nDocumentRoot {root}/site\n\
         <Directory {root}/site>\nRequire all granted\n</Directory>\n"
    );
    let path = written(&folder, "apache.conf", &config);
    start(Command::new("apache2").arg("-f").arg(path).arg("-DFOREGROUND"), folder, port)
}

/// HAProxy, which passes on in HTTP/1.1 what it takes over TLS, and in the version that it comes in what it takes without.
pub(crate) fn haproxy(http: Http, signed: Option<&Signed>, behind: &Peer) -> Peer {
    let (folder, port) = (site(), free_port());
    let unasked = if http == Http::V2 && signed.is_none() { "proto h2" } else { "" };
    let bound = signed.map_or_else(
        || unasked.to_owned(),
        |signed| {
            let both = [&signed.certificate, &signed.key].map(|path| fs::read_to_string(path).unwrap());
            let pem = written(&folder, "both.pem", &both.concat());
            format!("ssl crt {} alpn h2,http/1.1", pem.display())
        },
    );
    // With several threads it leaves out the line of one that finds another writing.
    let config = format!(
        "global\n  nbthread 1\n  log stdout format raw local0\n  maxconn 1000\n\
         defaults\n  mode http\n  log global\n  option dontlognull\n  timeout connect 30s\n  timeout client 60s\n  timeout server 60s\n\
         frontend front\n  bind 127.0.0.1:{port} {bound}\n\
         \x20 log-format \"%HV %ST %HM %cp\"\n  default_backend behind\n\
         backend behind\n  server one 127.0.0.1:{} {unasked}\n",
        behind.port
    );
    let path = written(&folder, "haproxy.cfg", &config);
    let log = File::create(folder.path().join("access.log")).unwrap();
    start_with(Command::new("haproxy").arg("-W").arg("-f").arg(path).stdout(log), folder, port)
}

/// h2o. What is posted comes back.
pub(crate) fn h2o(signed: Option<&Signed>) -> Peer {
    let (folder, port) = (site(), free_port());
    let root = folder.path().display();
    let secured = signed.map_or_else(String::new, |signed| {
        format!(
            "      ssl:\n        certificate-file: {}\n        key-file: {}\n        ocsp-update-interval: 0\n",
            signed.certificate, signed.key
        )
    });
    let config = format!(
        "num-threads: 1\naccess-log:\n  path: {root}/access.log\n  format: \"%H %s %m %{{remote}}p\"\n\
         hosts:\n  default:\n    listen:\n      host: 127.0.0.1\n      port: {port}\n{secured}\
         \x20   paths:\n      \"{TAKES}\":\n        mruby.handler: |\n\
         \x20         Proc.new do |env|\n            [200, {{}}, [env[\"rack.input\"].read]]\n          end\n\
         \x20     \"/\":\n        file.dir: {root}/site\n"
    );
    let path = written(&folder, "h2o.conf", &config);
    start(Command::new("h2o").arg("-m").arg("worker").arg("-c").arg(path), folder, port)
}

const NODE: &str = r"
const fs = require('fs'), http = require('http'), http2 = require('http2');
const [port, log, root, version, requests, cert, key] = process.argv.slice(2);
const read = name => fs.readFileSync(`${root}/${name}`);
const files = { '/index.html': read('index.html'), '/64k': read('64k'), '/1m': read('1m') };
const answer = (request, response) => {
    const words = [`HTTP/${request.httpVersion}`, 200, request.method, request.socket.remotePort];
    fs.appendFileSync(log, words.join(' ') + '\n');
    if (request.method === 'POST') request.pipe(response);
    else response.end(files[request.url]);
};
const options = () => ({ cert: fs.readFileSync(cert), key: fs.readFileSync(key), allowHTTP1: true });
const server = cert ? http2.createSecureServer(options(), answer)
    : version === 'V2' ? http2.createServer(answer) : http.createServer(answer);
// It says that it will take no more once it has so many requests on a connection, and answers these.
if (requests > 0) server.on('session', session => {
    let taken = 0;
    session.on('stream', () => { if (++taken == requests) session.close(); });
});
server.listen(Number(port), '127.0.0.1');
";

/// node's own http and http2. What is posted comes back. Of HTTP/2 it ends a connection after so many requests, if that is not 0.
pub(crate) fn node(http: Http, signed: Option<&Signed>, requests: u32) -> Peer {
    let (folder, port) = (site(), free_port());
    let path = written(&folder, "server.js", NODE);
    let mut command = Command::new("node");
    command.arg(path).arg(port.to_string()).arg(folder.path().join("access.log"));
    command.arg(folder.path().join("site")).args([format!("{http:?}"), requests.to_string()]);
    command.args(signed.iter().flat_map(|signed| [&signed.certificate, &signed.key]));
    start(&mut command, folder, port)
}

/// Caddy, whose HTTP is Go's. It can be made to load its configuration again, through the socket `admin`.
pub(crate) fn caddy(signed: Option<&Signed>) -> Peer {
    let (folder, port) = (site_that_takes(), free_port());
    let root = folder.path().display();
    let (scheme, secured) = match signed {
        None => ("http", String::new()),
        Some(signed) => ("https", format!("tls {} {}\n", signed.certificate, signed.key)),
    };
    let config = format!(
        "{{\n admin unix/{root}/admin\n auto_https disable_redirects\n storage file_system {root}/storage\n\
         servers {{\n protocols h1 h2 h2c\n }}\n}}\n\
         {scheme}://:{port} {{\n bind 127.0.0.1\n {secured} root * {root}/site\n respond {TAKES} \"taken\"\n file_server\n\
         log {{\n output file {root}/access.log\n }}\n}}\n"
    );
    let path = written(&folder, "Caddyfile", &config);
    start(
        caddy_command(folder.path()).arg("run").args(["--adapter", "caddyfile", "--config"]).arg(path),
        folder,
        port,
    )
}

/// Caddy, which must not find what whoever runs the tests has set up.
fn caddy_command(folder: &Path) -> Command {
    let mut command = Command::new("caddy");
    command.env("HOME", folder).env_remove("XDG_CONFIG_HOME").env_remove("XDG_DATA_HOME");
    command
}

/// Has Caddy begin anew with the configuration that it has.
pub(crate) fn reload_caddy(peer: &Peer) {
    let mut command = caddy_command(peer.folder.path());
    command.args(["reload", "--force", "--adapter", "caddyfile", "--config", &peer.path("Caddyfile")]);
    command.args(["--address", &format!("unix/{}", peer.path("admin"))]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

const HYPERCORN: &str = r"
FILES = {'/index.html': b'hello world\n', '/64k': b'x' * (64 << 10), '/1m': b'x' * (1 << 20)}

async def answer(scope, receive, send):
    if scope['type'] != 'http':
        return
    body, has_more = b'', True
    while has_more:
        part = await receive()
        body += part.get('body', b'')
        has_more = part.get('more_body', False)
    body = body or FILES[scope['path']]
    with open('access.log', 'a') as lines:
        print('HTTP/' + scope['http_version'], 200, scope['method'], scope['client'][1], file=lines)
    length = [(b'content-length', str(len(body)).encode())]
    await send({'type': 'http.response.start', 'status': 200, 'headers': length})
    await send({'type': 'http.response.body', 'body': body})
";

/// hypercorn, whose HTTP/2 is that of the Python packages h2 and hpack. What is posted comes back.
pub(crate) fn hypercorn(signed: Option<&Signed>) -> Peer {
    let (folder, port) = (site(), free_port());
    written(&folder, "server.py", HYPERCORN);
    let secured = signed.map_or_else(String::new, |signed| {
        format!("certfile = '{}'\nkeyfile = '{}'\n", signed.certificate, signed.key)
    });
    // Without workers it is one process. It drops what it has when a connection has had its number of requests.
    let config = format!(
        "bind = ['127.0.0.1:{port}']\nworkers = 0\nkeep_alive_max_requests = 1000000\n\
         alpn_protocols = ['h2', 'http/1.1']\n{secured}"
    );
    let path = written(&folder, "hypercorn.toml", &config);
    let mut command = Command::new(PYTHON);
    command.args(["-m", "hypercorn", "--config"]).arg(path).arg("server:answer");
    command.current_dir(folder.path());
    start(&mut command, folder, port)
}

/// nghttpd over TLS. It keeps no log, and what is posted comes back.
pub(crate) fn nghttpd(signed: &Signed) -> Peer {
    let (folder, port) = (site(), free_port());
    let mut command = Command::new("nghttpd");
    command.args(["--address=127.0.0.1", "--echo-upload", "--htdocs"]).arg(folder.path().join("site"));
    start(command.args([&port.to_string(), &signed.key, &signed.certificate]), folder, port)
}
