//! Calls of gRPC as they are written, against what other code makes of the bytes that they become.

mod files;
mod messages;
mod oracle;
mod rig;
