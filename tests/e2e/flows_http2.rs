//! Flows over HTTP/2: what is taken from responses, with several sessions at a time on each connection.

use crate::peers::{self, Peer};
use crate::vajra::Vajra;

/// Sessions with a token and a name of their own, which every step checks.
fn logins(url: &str, http: &str) -> String {
    format!(
        "url = '{url}'\n{http}\nrun = {{ duration = '60s', connections = 2 }}\nload = {{ users = 12, loops = 5 }}\n\
         [[step]]\nname = 'login'\npost = '/session'\njson = {{ name = 'user-{{{{user}}}}', pass = 'p' }}\n\
         check = ['status == 201', 'json /user exists', 'header content-type contains json']\n\
         extract = {{ token = 'json /token', kind = 'header content-type' }}\n\
         [[step]]\nname = 'private'\nget = '/private?user=user-{{{{user}}}}'\nheaders.Authorization = 'Bearer {{{{token}}}}'\n\
         headers.X-Kind = '{{{{kind}}}}'\nrepeat = 3\ncheck = 'status == 200'\n\
         [[step]]\nname = 'long'\nget = '/bytes/100000'\ncheck = 'size == 100000'\n\
         [[step]]\nname = 'logout'\ndelete = '/session'\nheaders.Authorization = 'Bearer {{{{token}}}}'\ncheck = 'status == 204'\n"
    )
}

fn assert_each_has_its_own(plan: &str) {
    let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", plan).done();
    assert!([0, 3].contains(&done.code), "{}{}", done.stdout, done.stderr);
    done.assert_accounted();
    let iterations = ["ok", "failed"].map(|end| done.count(&format!("/iterations/{end}")));
    assert_eq!(iterations, [60, 0], "{}", done.stdout);
    assert_eq!(done.count("/requests/ok"), 60 * 6, "{}", done.stdout);
}

#[test]
fn each_session_has_its_own_token_on_shared_connections() {
    let testbed = peers::testbed(&[]);
    assert_each_has_its_own(&logins(
        &testbed.url("/"),
        "http = { version = '2-prior-knowledge', streams = 8 }",
    ));
}

#[test]
fn the_same_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem").display().to_string();
    let testbed = peers::testbed(&["--tls", "--tls-ca", &ca]);
    let url = testbed.url("/").replace("http:", "https:");
    let http = format!("http = {{ version = '2', streams = 8 }}\ntls = {{ ca = '{ca}' }}");
    assert_each_has_its_own(&logins(&url, &http));
}

/// What a server by other hands says is looked at: a small body, a large one, and fields.
fn assert_looked_at(peer: &Peer) {
    let plan = format!(
        "url = '{}'\nhttp = {{ version = '2-prior-knowledge', streams = 4 }}\nrun = {{ duration = '60s', connections = 2 }}\n\
         load = {{ users = 8, loops = 5 }}\n\
         [[step]]\nget = '/index.html'\ncheck = ['size == 12', 'body contains hello world', 'header content-length == 12']\nextract = {{ server = 'header server' }}\n\
         [[step]]\nget = '/1m'\nbody_max = '2MiB'\nheaders.X-Seen = '{{{{server}}}}'\ncheck = ['size == 1048576', 'body matches ^x+$']\n\
         [[step]]\nget = '/64k'\ncheck = 'size == 1'\n",
        peer.url("/")
    );
    let done = Vajra::run("plan.toml", &["--force"]).file("plan.toml", &plan).done();
    done.assert_accounted();
    assert_eq!(done.count("/iterations/failed"), 40, "{}", done.stdout);
    assert_eq!((done.count("/requests/ok"), done.errors("check")), (80, 40), "{}", done.stdout);
}

#[test]
fn what_nginx_answers_is_looked_at() {
    assert_looked_at(&peers::nginx_http2(1_000_000));
}

#[test]
fn what_nghttpd_answers_is_looked_at() {
    assert_looked_at(&peers::nghttpd(&[]));
}
