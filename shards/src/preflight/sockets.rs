//! What opening a WebSocket came to, and what became of a message on it, in words.

use super::check::{Check, REQUEST};
use super::exchange::Came;
use crate::protocol::Response;
use crate::protocol::websocket::{CloseCode, WebSocketGreeting};
use engine::code;
use engine::plain::plain;
use engine::redact;
use std::io;

/// What a check of the opening is called.
const WEBSOCKET: &str = "websocket";

/// What was asked of whom, for how long, and what the target said beside what is counted.
pub(super) struct SocketWords<'a> {
    pub(super) shown: &'a str,
    pub(super) place: &'a str,
    pub(super) took: &'a str,
    pub(super) greeting: &'a WebSocketGreeting,
}

/// Of an opening; nothing where that is told as it is of any request.
pub(super) fn opening(said: &SocketWords<'_>, came: &io::Result<Came>, offered: &[String]) -> Option<Check> {
    let SocketWords { shown, place, took, greeting } = *said;
    let line = plain(&greeting.line);
    match came {
        Ok(Came::Agreed) => {
            let status = line.split_once(' ').map_or("101", |(_, status)| status);
            let found = format!("{shown} → {status}, {}, {took}", chosen(greeting, offered));
            Some(match greeting.subprotocol.is_none() && !offered.is_empty() {
                true => Check::warn(
                    WEBSOCKET,
                    found,
                    "offer one that the target knows, or leave `subprotocols` out",
                ),
                false => Check::pass(WEBSOCKET, found),
            })
        }
        Ok(Came::Nonsense(why, _)) if line.starts_with("HTTP/") => {
            let found = format!("{shown} → {place} opens no WebSocket: {why}; it said {line:?}");
            Some(Check::fail_of_target(WEBSOCKET, found, fix_of(&line)))
        }
        Ok(Came::Closed) => {
            let found =
                format!("{shown} → {place} accepts connections and closes them without opening a WebSocket");
            let fix = "check that it is a server of WebSocket, and whether it wants TLS (`wss://`)";
            Some(Check::fail_of_target(WEBSOCKET, found, fix))
        }
        Ok(Came::Silent) => {
            let found = format!(
                "{shown} → {place} accepts connections and opens no WebSocket within the connect timeout"
            );
            let fix = "check that it is a server of WebSocket; a slow one needs a longer --connect-timeout";
            Some(Check::fail_of_target(WEBSOCKET, found, fix))
        }
        _ => None,
    }
}

fn chosen(greeting: &WebSocketGreeting, offered: &[String]) -> String {
    match &greeting.subprotocol {
        Some(name) => format!("subprotocol {}", plain(&redact::subprotocol(name))),
        None if offered.is_empty() => "no subprotocol".to_owned(),
        None => {
            let names: Vec<String> = offered.iter().map(|name| redact::subprotocol(name)).collect();
            format!("none of the subprotocols that were offered ({})", plain(&names.join(", ")))
        }
    }
}

/// What to do about a response that opens nothing.
fn fix_of(line: &str) -> &'static str {
    match line.split(' ').nth(1).unwrap_or_default() {
        "101" => "check what stands between here and the server: it has to pass an upgrade on as it is",
        "401" | "403" => {
            "give what the target wants to know of you: `-H 'Authorization: …'`, a cookie, `-H 'Origin: …'`"
        }
        "404" => "check the path",
        "426" => "check which version of WebSocket, or of HTTP, the target speaks",
        status if status.starts_with('3') => "write the address that it points to",
        _ => "check the path, and that it is a server of WebSocket",
    }
}

/// Of a message; nothing where that is told as it is of any request.
pub(super) fn message(said: &SocketWords<'_>, came: &io::Result<Came>) -> Option<Check> {
    let SocketWords { shown, place, took, greeting } = *said;
    match came {
        Ok(Came::Whole(Response { code: code::SENT, .. })) => {
            Some(Check::pass(REQUEST, format!("{shown} → sent, {took}")))
        }
        Ok(Came::Whole(Response { code: code::REPLIED, bytes, .. })) => {
            Some(Check::pass(REQUEST, format!("{shown} → replied to, {bytes} bytes, {took}")))
        }
        Ok(Came::Whole(Response { code, .. })) => {
            let found =
                format!("{shown} → {place} closed the WebSocket by {}, {took}", farewell(*code, greeting));
            let fix = "the run counts this as a failure: check what the target expects of a message";
            Some(Check::warn(REQUEST, found, fix))
        }
        Ok(Came::Nonsense(why, _) | Came::Broken(why)) => {
            let found = format!("{shown} → what {place} says is not WebSocket: {why}");
            Some(Check::fail_of_target(
                REQUEST,
                found,
                "check the server, and what stands between it and here",
            ))
        }
        Ok(Came::Silent) => {
            let found = format!("{shown} → {place} does not reply to the message");
            let fix = "if nobody is to reply, write `match = \"none\"` under `[websocket]` (`--match none`); a slow target needs a longer --timeout";
            Some(Check::fail_of_target(REQUEST, found, fix))
        }
        Ok(Came::Closed) => {
            let found =
                format!("{shown} → {place} closed the connection without a reply and without a close frame");
            Some(Check::fail_of_target(REQUEST, found, "check what the target expects of a message"))
        }
        _ => None,
    }
}

/// A code, what it means, and the target's own words.
fn farewell(code: u16, greeting: &WebSocketGreeting) -> String {
    let meaning = CloseCode(code).meaning().map_or_else(String::new, |meaning| format!(", {meaning}"));
    let words = greeting.farewell.as_ref().map(|(_, words)| plain(words)).filter(|words| !words.is_empty());
    format!("{code}{meaning}{}", words.map_or_else(String::new, |words| format!(": {words:?}")))
}
