//! What a datagram that was sent before the run came to, in words: nothing is made or agreed on before it is.

use super::check::{Check, REQUEST};
use super::exchange::Came;
use crate::protocol::Response;
use engine::code;
use engine::plan::DatagramMatching;
use std::io;
use std::time::Duration;

/// What was sent to whom, how long a reply was waited for, and for how long it took.
pub(super) struct DatagramWords<'a> {
    pub(super) shown: &'a str,
    pub(super) place: &'a str,
    pub(super) timeout: Duration,
    pub(super) took: &'a str,
}

/// Of a socket with an address: nobody was asked yet.
pub(super) fn addressed(place: &str) -> Check {
    Check::pass(
        "target",
        format!("{place} takes datagrams, if anybody is there: UDP does not say before one is sent"),
    )
}

/// Of a message, or a query.
pub(super) fn message(
    said: &DatagramWords<'_>,
    came: &io::Result<Came>,
    matching: DatagramMatching,
) -> Option<Check> {
    let DatagramWords { shown, place, timeout, took } = *said;
    match came {
        Ok(Came::Whole(Response { code: code::SENT, .. })) => {
            Some(Check::pass(REQUEST, format!("{shown} → sent, {took}; nobody is to reply")))
        }
        Ok(Came::Whole(response)) => {
            let said = if response.code == code::REPLIED {
                "replied to".to_owned()
            } else {
                code::show(response.code)
            };
            let found = format!("{shown} → {said}, {} bytes, {took}", response.bytes);
            Some(match response.is_ok {
                true => Check::pass(REQUEST, found),
                false => Check::warn(
                    REQUEST,
                    found,
                    "the run counts this as a failure: check the name, and what the target is to answer for",
                ),
            })
        }
        Ok(Came::Silent) => {
            let found = format!("{shown} → no reply from {place} within {timeout:?}");
            let fix = match matching {
                DatagramMatching::Dns => {
                    "is a server of DNS there, and does it answer for this name? a slow one needs a longer --timeout"
                }
                DatagramMatching::Field(_) => {
                    "is the server there, and does it return the field that replies are matched by as it came? a slow one needs a longer --timeout"
                }
                _ => {
                    "is the server there? if nobody is to reply, write `match = \"none\"` under `[udp]` (`--match none`); a slow one needs a longer --timeout"
                }
            };
            Some(Check::fail_of_target(REQUEST, found, fix))
        }
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            let found = format!("{shown} → {place} refuses datagrams: nobody listens on its port (ICMP)");
            Some(Check::fail_of_target(REQUEST, found, "is the server running, and on this port?"))
        }
        _ => None,
    }
}
