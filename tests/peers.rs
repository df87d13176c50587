//! Real servers, each in a folder and on a port of its own. One that is not installed fails the test: `.ci/run` installs all.

pub(crate) mod certificates;
pub(crate) mod datagrams;
pub(crate) mod frames;
pub(crate) mod grpc;
pub(crate) mod multiplexed;
pub(crate) mod otlp;
pub(crate) mod prometheus;
pub(crate) mod rogue;
pub(crate) mod secured;
pub(crate) mod sockets;
pub(crate) mod streams;

use crate::vajra;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a server may take to listen. Generous: it is no measurement.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A server, stopped when dropped.
pub(crate) struct Peer {
    child: Child,
    folder: TempDir,
    pub(crate) port: u16,
}

impl Peer {
    /// A URL on the server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub(crate) fn signal(&self, signal: &str) {
        send(signal, &self.child.id().to_string());
    }

    /// The lines of its log, one for each request, once there are so many at least. A server writes them when it has answered.
    pub(crate) fn log(&self, lines_min: usize) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let text = fs::read_to_string(self.path("access.log")).unwrap_or_default();
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            if lines.len() >= lines_min {
                return lines;
            }
            assert!(begun.elapsed() < PATIENCE, "{} lines of {lines_min} in its log", lines.len());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Those that a server has started would outlive it, where it has no time to stop them.
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let _ = self.child.kill();
        children.split_whitespace().for_each(|child| send("KILL", child));
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process, if it is still there.
fn send(signal: &str, process: &str) {
    let sent = Command::new("kill").args([&format!("-{signal}"), process]).stderr(Stdio::null()).status();
    sent.unwrap_or_else(|error| panic!("kill: {error}; .ci/run installs it"));
}

/// nginx with one worker, files of 12 B, 64 KiB and 1 MiB, redirects, and a limit on requests per connection.
pub(crate) fn nginx(keepalive_requests: u32) -> Peer {
    nginx_listening("", keepalive_requests)
}

/// The same, which speaks HTTP/2 without TLS.
pub(crate) fn nginx_http2(keepalive_requests: u32) -> Peer {
    nginx_listening(" http2", keepalive_requests)
}

fn nginx_listening(how: &str, keepalive_requests: u32) -> Peer {
    let (folder, port) = (site(), free_port());
    let root = folder.path().display();
    let config = format!(
        "daemon off; master_process off; pid {root}/pid; error_log {root}/error.log;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; sendfile on; keepalive_requests {keepalive_requests};\n\
         client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;\n\
         uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;\n\
         server {{ listen 127.0.0.1:{port}{how}; listen unix:{root}/nginx.sock{how}; root {root}/site;\n\
         location = /moved {{ return 301 /index.html; }} location = /see {{ return 303 /index.html; }}\n\
         location = /away {{ return 302 http://other.example/; }} location = /loop {{ return 307 /loop; }}\n\
         location = /login {{ add_header Set-Cookie \"sid=1; Path=/\"; return 302 /in; }}\n\
         location = /in {{ default_type text/plain; if ($cookie_sid != 1) {{ return 403; }} return 200 in; }} }} }}\n"
    );
    fs::write(folder.path().join("nginx.conf"), config).unwrap();
    let path = folder.path().join("nginx.conf");
    start(Command::new("nginx").arg("-c").arg(path).arg("-p").arg(folder.path()), folder, port)
}

/// nginx that answers everything and writes down when what came: when it had ended, how long it took, its method and its path.
pub(crate) fn nginx_logging() -> Peer {
    nginx_logging_as(ROWS_FORMAT)
}

/// The same, whose log has something else of each request.
pub(crate) fn nginx_logging_as(format: &str) -> Peer {
    let (folder, port) = (site(), free_port());
    let root = folder.path().display();
    let config = format!(
        "daemon off; master_process off; pid {root}/pid; error_log {root}/error.log;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ log_format rows '{format}'; access_log {root}/access.log rows; keepalive_requests 1000000;\n\
         client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;\n\
         uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;\n\
         server {{ listen 127.0.0.1:{port}; location / {{ return 200 ok; }} }} }}\n"
    );
    fs::write(folder.path().join("nginx.conf"), config).unwrap();
    let path = folder.path().join("nginx.conf");
    start(Command::new("nginx").arg("-c").arg(path).arg("-p").arg(folder.path()), folder, port)
}

/// What a line of its log is.
pub(crate) const ROWS_FORMAT: &str = "$msec $request_time $request_method $request_uri";

/// nghttpd, the server of nghttp2, without TLS. What is posted to it comes back.
pub(crate) fn nghttpd(words: &[&str]) -> Peer {
    let (folder, port) = (site(), free_port());
    let site = folder.path().join("site");
    let fixed = ["--no-tls", "--address=127.0.0.1", "--echo-upload", "--htdocs"];
    start(Command::new("nghttpd").args(words).args(fixed).arg(site).arg(port.to_string()), folder, port)
}

/// Apache with its event module, which ends a connection after some requests.
pub(crate) fn apache() -> Peer {
    let (folder, port) = (site(), free_port());
    let (root, modules) = (folder.path().display(), "/usr/lib/apache2/modules");
    let config = format!(
        "ServerName localhost\nServerRoot {root}\nPidFile {root}/pid\nErrorLog {root}/error.log\nListen 127.0.0.1:{port}\n\
         DefaultRuntimeDir {root}\nMutex posixsem\n\
         LoadModule mpm_event_module {modules}/mod_mpm_event.so\nLoadModule authz_core_module {modules}/mod_authz_core.so\n\
         LoadModule dir_module {modules}/mod_dir.so\n\
         User www-data\nGroup www-data\nKeepAlive On\nMaxKeepAliveRequests 20\nDocumentRoot {root}/site\n\
         <Directory {root}/site>\nRequire all granted\n</Directory>\n"
    );
    fs::write(folder.path().join("apache.conf"), config).unwrap();
    open_to_all(&folder);
    let path = folder.path().join("apache.conf");
    start(Command::new("apache2").arg("-f").arg(path).arg("-DFOREGROUND"), folder, port)
}

/// Python's `http.server`: HTTP/1.0, one request per connection.
pub(crate) fn python() -> Peer {
    let (folder, port) = (site(), free_port());
    let site = folder.path().join("site");
    let words =
        ["-m", "http.server", &port.to_string(), "--bind", "127.0.0.1", "--directory"].map(String::from);
    start(Command::new("python3").args(words).arg(site), folder, port)
}

/// The built-in server as a process of its own.
pub(crate) fn testbed(words: &[&str]) -> Peer {
    testbed_on(0, words)
}

/// The same on a given port, such as that of one which was killed.
pub(crate) fn testbed_on(port: u16, words: &[&str]) -> Peer {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(vajra::binary());
    command.args(["testbed", "--port", &port.to_string()]).args(words);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let after = line.split("127.0.0.1:").nth(1).unwrap_or_else(|| panic!("it said `{line}`"));
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    Peer { child, folder, port: digits.parse().unwrap() }
}

fn start(command: &mut Command, folder: TempDir, port: u16) -> Peer {
    start_with(command.stdout(Stdio::null()), folder, port)
}

/// The same; its standard output goes where the command says.
fn start_with(command: &mut Command, folder: TempDir, port: u16) -> Peer {
    let errors = fs::File::create(folder.path().join("standard-error")).unwrap();
    let spawned = command.stderr(errors).spawn();
    let child =
        spawned.unwrap_or_else(|error| panic!("{command:?} does not start ({error}); .ci/run installs it"));
    let mut peer = Peer { child, folder, port };
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = peer.child.try_wait().unwrap();
        let read = |name: &str| fs::read_to_string(peer.folder.path().join(name)).unwrap_or_default();
        let log = ["error.log", "standard-error"].map(read).concat();
        assert!(
            ended.is_none() && begun.elapsed() < PATIENCE,
            "{command:?} does not listen: {ended:?} {log}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    peer
}

fn site() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    fs::create_dir(&site).unwrap();
    fs::write(site.join("index.html"), "hello world\n").unwrap();
    fs::write(site.join("64k"), vec![b'x'; 64 << 10]).unwrap();
    fs::write(site.join("1m"), vec![b'x'; 1 << 20]).unwrap();
    open_to_all(&folder);
    folder
}

/// Servers that change their user must still be able to read their files.
fn open_to_all(folder: &TempDir) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until a server that was just started can be connected to.
pub(crate) fn await_port(port: u16) {
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A server written in the test: `serve` is called with each connection, on a thread.
pub(crate) fn scripted(serve: impl Fn(TcpStream) + Send + Clone + 'static) -> u16 {
    scripted_on("127.0.0.1:0", serve)
}

pub(crate) fn scripted_on(address: &str, serve: impl Fn(TcpStream) + Send + Clone + 'static) -> u16 {
    let listener = TcpListener::bind(address).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream));
        }
    });
    port
}
