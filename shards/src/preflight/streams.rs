//! What came on a stream of bytes before anything was asked, and what became of a message on it, in words.

use super::check::{Check, REQUEST};
use super::exchange::Came;
use crate::protocol::Response;
use engine::code;
use engine::plain::plain;
use engine::plan::MessageEnd;
use std::io;
use std::time::Duration;

/// What a check of a connection is called.
const STREAM: &str = "stream";
/// For how long a connection is listened to before anything is asked: who speaks first does so at once.
pub(super) const PATIENCE: Duration = Duration::from_millis(250);
/// How what speaks TLS alone answers other bytes: a record with an alert.
const TLS_ALERT: [u8; 2] = [21, 3];

/// What was asked of whom, for how long, and how what came begins.
pub(super) struct StreamWords<'a> {
    pub(super) shown: &'a str,
    pub(super) place: &'a str,
    pub(super) took: &'a str,
    pub(super) first: &'a [u8],
    pub(super) ends: &'a MessageEnd,
}

impl StreamWords<'_> {
    /// The first line of what came, where there is one to be read.
    fn said(&self) -> String {
        let line = self.first.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end();
        let is_readable = !line.is_empty() && !line.contains(|letter: char| letter.is_control());
        if is_readable { format!("; it said {:?}", plain(line)) } else { String::new() }
    }

    /// How a response ends, for people.
    fn end(&self) -> String {
        match self.ends {
            MessageEnd::Close => "responses end with their connection".to_owned(),
            MessageEnd::None => "there are no responses".to_owned(),
            ends => format!("responses end by {ends}"),
        }
    }

    fn of_tls(&self) -> Option<Check> {
        self.first.starts_with(&TLS_ALERT).then(|| {
            let found = format!("{} → {} speaks TLS, and was asked without", self.shown, self.place);
            Check::fail_of_target(REQUEST, found, "write tls://")
        })
    }
}

/// Of a connection on which nothing was asked; nothing where that is told as it is of any request.
pub(super) fn opening(said: &StreamWords<'_>, came: &io::Result<Came>, greets: bool) -> Option<Check> {
    let StreamWords { place, took, .. } = *said;
    match came {
        Ok(Came::Agreed) if greets => {
            Some(Check::pass(STREAM, format!("{place} greeted, {took}; {}{}", said.end(), said.said())))
        }
        Ok(Came::Agreed) => Some(Check::pass(STREAM, format!("{place} waits to be asked; {}", said.end()))),
        Ok(Came::Whole(_) | Came::Part { .. }) => {
            let found = format!("{place} speaks first{}", said.said());
            let fix =
                "what it says would be taken for the first response: write `greeting = true` under `[tcp]`";
            Some(Check::warn(STREAM, found, fix))
        }
        Ok(Came::Silent) if greets => {
            let found = format!("{place} does not greet within the connect timeout{}", said.said());
            let fix = "leave out `greeting`, or say by `ends` how a greeting and a response end";
            Some(Check::fail_of_target(STREAM, found, fix))
        }
        Ok(Came::Closed) => {
            let found = format!("{place} accepts connections and closes them before anything is asked");
            let fix = "check that it is the server that is meant, whether it wants TLS (`tls://`), and that it is ready";
            Some(Check::fail_of_target(STREAM, found, fix))
        }
        _ => None,
    }
}

/// Of a message; nothing where that is told as it is of any request.
pub(super) fn message(said: &StreamWords<'_>, came: &io::Result<Came>) -> Option<Check> {
    let StreamWords { shown, place, took, .. } = *said;
    let failed = |found: String, fix: &str| Some(Check::fail_of_target(REQUEST, found, fix));
    match came {
        Ok(Came::Whole(Response { code: code::SENT, .. })) => {
            Some(Check::pass(REQUEST, format!("{shown} → sent, {took}")))
        }
        Ok(Came::Whole(Response { bytes, .. })) => Some(Check::pass(
            REQUEST,
            format!("{shown} → a response of {bytes} bytes, {took}{}", said.said()),
        )),
        Ok(Came::Part { .. } | Came::Nonsense(..) | Came::Closed) if said.of_tls().is_some() => said.of_tls(),
        Ok(Came::Part { response, why, .. }) => failed(
            format!("{shown} → {} bytes, and then {why}: {}{}", response.bytes, said.end(), said.said()),
            "say what ends a response: `ends` under `[tcp]` (`--ends`)",
        ),
        Ok(Came::Nonsense(why, _) | Came::Broken(why)) => failed(
            format!("{shown} → what {place} says is no response: {why}{}", said.said()),
            "say what ends a response: `ends` under `[tcp]` (`--ends`)",
        ),
        Ok(Came::Silent) => failed(
            format!("{shown} → {place} says nothing to the message"),
            "check how a message has to end; if nobody is to respond, write `ends = \"none\"` (`--ends none`); a slow target needs a longer --timeout",
        ),
        Ok(Came::Closed) => failed(
            format!("{shown} → {place} closed the connection without a response"),
            "check what the target expects of a message",
        ),
        _ => None,
    }
}
