//! How WebSocket is to be spoken with a target, as its plan says.

use engine::plan::ReplyMatching;

/// How WebSocket is to be spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketOptions {
    /// Subprotocols to offer, the most wanted first.
    pub subprotocols: Vec<String>,
    /// How replies find their messages.
    pub matching: ReplyMatching,
    /// Messages under way on one connection at a time.
    pub messages: u32,
    /// How often the target is pinged on each connection, if it is.
    pub ping_ns: Option<u64>,
}
