//! Calls of gRPC as they are written, against what other code makes of the bytes that they become.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod files;
mod messages;
mod oracle;
mod rig;
mod told;
