//! The built program against real servers.
//!
//! Nothing here has a limit on time: machines that run tests are slow and shared. What is checked is counts, codes, words,
//! and bounds that hold however slow the machine is.

mod archive;
mod bad_input;
mod broken_plans;
mod calibrate;
mod charts;
mod checks;
mod commands;
mod control;
mod dns;
mod earlier;
mod evidence;
mod examples;
mod feeds;
mod flows;
mod flows_http2;
mod flows_named;
mod grpc;
mod grpc_looks;
mod habits;
mod http;
mod http2;
mod import;
mod import_k6;
mod import_log;
mod interop;
mod interop_http2;
mod load;
mod machine;
mod manners;
mod otlp;
mod outputs;
mod per_user;
mod preflight;
mod redirects;
mod repeat;
mod retry;
mod scenarios;
mod secrets;
mod setup;
mod signals;
mod spool;
mod statuses;
mod targets;
mod tcp;
mod tcp_faults;
pub(crate) mod telemetry;
mod testbed;
mod thresholds;
mod time_namespace;
mod tls;
mod tls_faults;
mod udp;
mod websocket;
mod websocket_faults;
