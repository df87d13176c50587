//! What other load generators call the keys of a plan: k6, Artillery, Locust, wrk, oha, vegeta and JMeter, and what one would guess.

/// Which keys a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TableKind {
    Top,
    Run,
    Load,
    Request,
    Target,
    Tls,
    Http,
    WebSocket,
    Tcp,
    Udp,
    Scenario,
    /// Any names.
    Free,
}

/// What stands for a word of another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ours {
    /// A key: of the whole plan for words at its top and in `[run]`, else of the same table.
    Key(&'static str),
    /// Nothing by itself: what to do, in words.
    Words(&'static str),
    /// Each key in it by itself.
    Inside,
}

const ADVICE_RAMP: &str = "write `shape = \"ramp\"` with `from` and `to` in each stage";
const ADVICE_CHECKS: &str =
    "leave it out: a condition on failures is `failed = \"rate<1%\"` in `[thresholds]`";

const ADVICE_INSECURE: &str = "write `verify = false` under `[tls]`";
const ADVICE_ONE_ITERATION_EACH: &str =
    "write `connections = \"per user\"`, and a rate: each iteration has connections of its own then";
const ADVICE_ONE_REQUEST_EACH: &str = "write `reuse = false` under `[http]`";
const ADVICE_HTTP2: &str = "write `version = \"2\"` under `[http]`";

const ADVICE_ENDS: &str = "write `ends = \"delimiter:\\\\n\"`, `\"length:be32\"` or the like under `[tcp]`";
const ADVICE_PIPELINE: &str = "write `pipeline` under `[run]`, or in the target's table";

/// Words of others, and what stands for them.
type Words = &'static [(&'static [&'static str], Ours)];

const TOP: Words = &[
    (&["options", "config", "settings"], Ours::Inside),
    (
        &["vus", "users", "concurrency", "conns", "virtual_users", "max_vus", "maxvus", "clients"],
        Ours::Key("run.connections"),
    ),
    (&["iterations", "number", "num_requests", "amount", "count", "max_requests"], Ours::Key("run.requests")),
    (&["rps", "qps", "arrivalrate", "request_rate", "throughput", "spawn_rate"], Ours::Key("load.rate")),
    (&["threads", "workers", "cpus"], Ours::Key("run.shards")),
    (&["time", "run_time", "runtime", "test_duration"], Ours::Key("run.duration")),
    (&["phases"], Ours::Key("load.stages")),
    (
        &["uri", "host", "address", "endpoint", "base_url", "baseurl", "target_url", "server"],
        Ours::Key("url"),
    ),
    (&["header", "defaults"], Ours::Key("headers")),
    (&["http_timeout", "request_timeout"], Ours::Key("run.timeout")),
    (&["title", "description", "label"], Ours::Key("name")),
    (&["slo", "ensure", "conditions", "limits"], Ours::Key("thresholds")),
    (&["scenarios", "flows"], Ours::Key("scenario")),
    (&["ws", "wss", "websockets", "socket"], Ours::Key("websocket")),
    (&["subprotocol", "sec_websocket_protocol"], Ours::Key("websocket.subprotocols")),
    (&["delimiter", "terminator", "eol", "framing"], Ours::Words(ADVICE_ENDS)),
    (&["targets", "upstream", "hosts"], Ours::Key("target")),
    (&["requests", "mix", "calls", "endpoints"], Ours::Key("request")),
    (&["steps"], Ours::Key("step")),
    (&["http2", "h2", "http_2", "http3"], Ours::Words(ADVICE_HTTP2)),
    (
        &[
            "insecure",
            "insecureskiptlsverify",
            "insecure_skip_tls_verify",
            "insecure_skip_verify",
            "skip_verify",
        ],
        Ours::Words(ADVICE_INSECURE),
    ),
    (
        &["noconnectionreuse", "no_connection_reuse", "disable_keepalive"],
        Ours::Words(ADVICE_ONE_REQUEST_EACH),
    ),
    (&["novuconnectionreuse"], Ours::Words(ADVICE_ONE_ITERATION_EACH)),
    (&["keepalive", "keep_alive"], Ours::Key("http.reuse")),
    (
        &["tlsauth", "tls_auth", "client_cert", "client_certificate"],
        Ours::Words("write the files' names as `cert` and `key` under `[tls]`"),
    ),
    (
        &["tlsversion", "tls_version", "tls_versions"],
        Ours::Words("write `versions = \"1.2-1.3\"` or the like under `[tls]`"),
    ),
    (&["tlsciphersuites", "tls_cipher_suites", "cipher_suites"], Ours::Key("tls.ciphers")),
    (&["cacert", "ca_cert", "cacerts", "root_ca"], Ours::Key("tls.ca")),
    (&["ssl"], Ours::Key("tls")),
    (
        &["resolve", "connect_to", "hosts_override"],
        Ours::Words("write `connect = \"10.0.0.7:8443\"` or the like beside the `url`"),
    ),
    (&["checks", "expect"], Ours::Words(ADVICE_CHECKS)),
];

const RUN: Words = &[
    (&["vus", "users", "concurrency", "conns", "clients"], Ours::Key("run.connections")),
    (&["iterations", "number", "count", "amount"], Ours::Key("run.requests")),
    (&["rps", "qps", "throughput"], Ours::Key("load.rate")),
    (&["threads", "workers"], Ours::Key("run.shards")),
    (&["time", "length", "run_time"], Ours::Key("run.duration")),
    (&["cpus", "affinity", "cpu"], Ours::Key("run.cores")),
    (&["ramp_up", "rampup", "warm_up"], Ours::Key("run.warmup")),
];

const LOAD: Words = &[
    (&["type", "kind", "mode", "pattern", "profile", "name", "executor"], Ours::Key("shape")),
    (
        &["rps", "qps", "target_rate", "arrivalrate", "arrival_rate", "requests_per_second", "constant"],
        Ours::Key("rate"),
    ),
    (&["start", "start_rate", "startrate", "initial", "begin"], Ours::Key("from")),
    (&["end", "end_rate", "rampto", "final", "stop"], Ours::Key("to")),
    (&["target"], Ours::Words(ADVICE_RAMP)),
    (&["distribution", "spacing", "arrival"], Ours::Key("arrivals")),
    (&["max_wait", "queue_timeout"], Ours::Key("deadline")),
    (&["step_duration", "interval"], Ours::Key("every")),
    (&["base", "baseline"], Ours::Key("rate")),
];

const REQUEST: Words = &[
    (&["url", "uri", "route", "endpoint"], Ours::Key("path")),
    (&["type", "verb"], Ours::Key("method")),
    (&["data", "payload", "content"], Ours::Key("body")),
    (&["json_body", "body_json"], Ours::Key("json")),
    (&["form_data", "formdata", "urlencoded", "form_params"], Ours::Key("form")),
    (&["form_files", "files", "multipart_form"], Ours::Key("multipart")),
    (&["send", "txt"], Ours::Key("text")),
    (&["bytes", "blob", "bin"], Ours::Key("binary")),
    (&["qname", "lookup", "domain"], Ours::Key("dns")),
    (&["header"], Ours::Key("headers")),
    (&["share", "ratio", "probability", "percent", "frequency"], Ours::Key("weight")),
    (&["id", "label", "title", "tag"], Ours::Key("name")),
    (
        &["body_file", "file", "body_from"],
        Ours::Words("write the file's name behind an `@`: `body = \"@body.json\"`"),
    ),
    (&["query", "params", "qs"], Ours::Words("write it into the path: `path = \"/items?page=2\"`")),
    (&["expect", "checks", "assert", "status", "validate"], Ours::Key("check")),
    (&["sleep", "pause", "delay", "wait_time"], Ours::Key("think")),
];

const SCENARIO: Words = &[
    (&["vus", "users", "concurrency", "conns", "clients", "max_vus", "maxvus"], Ours::Key("connections")),
    (&["iterations", "number", "count"], Ours::Key("requests")),
    (&["start", "start_time", "starttime", "begins", "at", "delay", "offset"], Ours::Key("starts")),
    (&["rps", "qps", "arrivalrate"], Ours::Key("load.rate")),
    (&["time", "length"], Ours::Key("duration")),
    (&["mix", "calls"], Ours::Key("request")),
    (&["steps"], Ours::Key("step")),
    (&["uri", "host", "address"], Ours::Key("url")),
    (&["follows", "depends_on", "then"], Ours::Key("after")),
    (&["header"], Ours::Key("headers")),
    (&["stages", "phases"], Ours::Key("load.stages")),
    (
        &[
            "executor",
            "time_unit",
            "timeunit",
            "graceful_stop",
            "gracefulstop",
            "pre_allocated_vus",
            "preallocatedvus",
            "exec",
        ],
        Ours::Words("leave it out: with a `rate` in its `load` it is open, without one closed"),
    ),
];

const TARGET: Words = &[
    (&["uri", "host", "address", "endpoint", "base_url", "baseurl", "server"], Ours::Key("url")),
    (&["header"], Ours::Key("headers")),
    (&["http2", "h2", "http_2", "http3"], Ours::Words(ADVICE_HTTP2)),
    (
        &[
            "insecure",
            "insecureskiptlsverify",
            "insecure_skip_tls_verify",
            "insecure_skip_verify",
            "skip_verify",
        ],
        Ours::Words(ADVICE_INSECURE),
    ),
    (
        &["noconnectionreuse", "no_connection_reuse", "disable_keepalive"],
        Ours::Words(ADVICE_ONE_REQUEST_EACH),
    ),
    (&["novuconnectionreuse"], Ours::Words(ADVICE_ONE_ITERATION_EACH)),
    (&["keepalive", "keep_alive"], Ours::Key("http.reuse")),
    (
        &["tlsauth", "tls_auth", "client_cert", "client_certificate"],
        Ours::Words("write the files' names as `cert` and `key` under `[tls]`"),
    ),
    (
        &["tlsversion", "tls_version", "tls_versions"],
        Ours::Words("write `versions = \"1.2-1.3\"` or the like under `[tls]`"),
    ),
    (&["tlsciphersuites", "tls_cipher_suites", "cipher_suites"], Ours::Key("tls.ciphers")),
    (&["cacert", "ca_cert", "cacerts", "root_ca"], Ours::Key("tls.ca")),
    (&["ssl"], Ours::Key("tls")),
    (
        &["resolve", "connect_to", "hosts_override"],
        Ours::Words("write `connect = \"10.0.0.7:8443\"` or the like beside the `url`"),
    ),
];

const TLS: Words = &[
    (&["rejectunauthorized", "reject_unauthorized", "verify_peer", "check"], Ours::Key("verify")),
    (
        &[
            "insecure",
            "insecure_skip_verify",
            "insecureskiptlsverify",
            "insecure_skip_tls_verify",
            "skip_verify",
        ],
        Ours::Words("write `verify = false` instead"),
    ),
    (&["cacert", "ca_cert", "ca_file", "cafile", "root_ca", "trust", "roots"], Ours::Key("ca")),
    (&["cert_file", "certfile", "certificate", "client_cert", "crt"], Ours::Key("cert")),
    (&["key_file", "keyfile", "private_key", "client_key"], Ours::Key("key")),
    (&["sni", "servername", "hostname", "host"], Ours::Key("server_name")),
    (&["version", "protocols", "tls_version", "tlsversion"], Ours::Key("versions")),
    (
        &["min_version", "minversion", "min", "max_version", "maxversion", "max"],
        Ours::Words("write `versions = \"1.2-1.3\"`: the oldest and the newest"),
    ),
    (&["cipher_suites", "ciphersuites", "cipher"], Ours::Key("ciphers")),
    (&["curves", "curve", "ecdh_curve"], Ours::Key("groups")),
    (&["alpn_list", "alpnprotocols", "alpn_protocols"], Ours::Key("alpn")),
    (
        &["resume", "session_resumption", "tickets", "session_tickets", "session_reuse"],
        Ours::Key("resumption"),
    ),
    (&["key_log", "sslkeylogfile", "keylogfile", "keylog_file"], Ours::Key("keylog")),
    (
        &["passphrase", "password", "pfx", "p12"],
        Ours::Words("leave it out: keys are read from PEM files without a password"),
    ),
];

const HTTP: Words = &[
    (&["keepalive", "keep_alive", "connection_reuse", "persistent"], Ours::Key("reuse")),
    (
        &["noconnectionreuse", "no_connection_reuse", "disable_keepalive"],
        Ours::Words("write `reuse = false` instead"),
    ),
    (&["protocol", "http_version"], Ours::Key("version")),
    (&["http2", "h2"], Ours::Words(ADVICE_HTTP2)),
    (&["max_concurrent_streams"], Ours::Key("streams")),
    (&["pipelining"], Ours::Words("write `pipeline` under `[run]`, or in the target's table")),
];

const WEBSOCKET: Words = &[
    (&["subprotocol", "protocol", "protocols", "sec_websocket_protocol"], Ours::Key("subprotocols")),
    (&["matching", "match_by", "correlation", "correlate", "reply", "replies", "expect"], Ours::Key("match")),
    (&["heartbeat", "keepalive", "keep_alive", "ping_interval", "pinginterval"], Ours::Key("ping")),
    (
        &["pipelining", "window", "in_flight"],
        Ours::Words("write `pipeline` under `[run]`, or in the target's table"),
    ),
    (
        &["headers", "header", "origin"],
        Ours::Words("write it under `[headers]`: those are the headers of the opening"),
    ),
];

const TCP: Words = &[
    (&["end", "framing", "frame", "response_end"], Ours::Key("ends")),
    (&["banner", "greets", "hello", "read_first"], Ours::Key("greeting")),
    (
        &[
            "delimiter",
            "terminator",
            "separator",
            "eol",
            "eol_byte",
            "length",
            "length_field",
            "bytes",
            "size",
        ],
        Ours::Words(ADVICE_ENDS),
    ),
    (&["one_way", "oneway", "fire_and_forget"], Ours::Words("write `ends = \"none\"` instead")),
    (&["pipelining", "window", "in_flight"], Ours::Words(ADVICE_PIPELINE)),
    (
        &["reuse", "reuse_connection", "close"],
        Ours::Words("write `ends = \"close\"` where the target closes after a response"),
    ),
];

const UDP: Words = &[
    (&["matching", "match_by", "correlation", "correlate", "reply", "replies", "expect"], Ours::Key("match")),
    (&["recurse", "recursive", "rd"], Ours::Key("recursion")),
    (&["edns0", "bufsize", "payload_size", "edns_size"], Ours::Key("edns")),
    (
        &["pipelining", "window", "in_flight", "outstanding"],
        Ours::Words("write `pipeline` under `[run]`, or in the target's table"),
    ),
];

/// What stands for a word in a table of a kind.
pub(super) fn meant(kind: TableKind, word: &str) -> Option<Ours> {
    let words = match kind {
        TableKind::Top => TOP,
        TableKind::Run => RUN,
        TableKind::Load => LOAD,
        TableKind::Request => REQUEST,
        TableKind::Scenario => SCENARIO,
        TableKind::Target => TARGET,
        TableKind::Tls => TLS,
        TableKind::Http => HTTP,
        TableKind::WebSocket => WEBSOCKET,
        TableKind::Tcp => TCP,
        TableKind::Udp => UDP,
        TableKind::Free => &[],
    };
    let word = word.replace('-', "_").to_lowercase();
    words.iter().find(|(theirs, _)| theirs.contains(&word.as_str())).map(|(_, ours)| *ours)
}

/// The metric that k6 and others call so.
pub(crate) fn metric(word: &str) -> Option<&'static str> {
    Some(match word {
        "http_req_duration" | "latency" | "response_time" | "time" | "responses" => "response",
        "http_req_waiting" | "service_time" => "service",
        "iteration_duration" | "group_duration" => "duration",
        "http_req_blocked" | "lag" => "slip",
        "http_req_failed" | "errors" | "error_rate" | "error" | "failures" | "error-rate" => "failed",
        "check" | "successful_checks" => "checks",
        "http_reqs" | "iterations" | "throughput" | "rps" | "requests" | "qps" => "rate",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::form::Forms;

    #[test]
    fn what_words_stand_for_is_a_key_that_there_is_and_no_word_is_one_itself() {
        let forms = Forms::new();
        let bases: [(&[&str], Words); 11] = [
            (&[], TOP),
            (&["run"], RUN),
            (&["load"], LOAD),
            (&["request", "0"], REQUEST),
            (&["scenario", "a"], SCENARIO),
            (&["target", "a"], TARGET),
            (&["tls"], TLS),
            (&["target", "a", "http"], HTTP),
            (&["websocket"], WEBSOCKET),
            (&["tcp"], TCP),
            (&["udp"], UDP),
        ];
        for (base, words) in bases {
            for (theirs, ours) in words {
                let known = forms.keys(forms.at(base).unwrap());
                assert!(theirs.iter().all(|word| !known.contains(word)), "{theirs:?}");
                let Ours::Key(path) = ours else { continue };
                let from = if base == ["run"] { &[][..] } else { base };
                let path: Vec<&str> = from.iter().copied().chain(path.split('.')).collect();
                assert!(forms.at(&path).is_some(), "{path:?}");
            }
        }
    }
}
