//! Codes of responses, as their protocols call them: those of HTTP and closes of WebSocket by number, those of gRPC and DNS by name.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};
use std::collections::BTreeMap;

/// The statuses of HTTP that there can be (RFC 9110, section 15).
const HTTP: std::ops::RangeInclusive<u16> = 100..=599;
/// From this status of HTTP on, a response is no success.
const HTTP_UNSUCCESSFUL: u16 = 400;
/// The codes by which a WebSocket can be closed (RFC 6455, section 7.4.2).
const CLOSES: std::ops::RangeInclusive<u16> = 1_000..=4_999;
/// The codes from here on are statuses of gRPC, so that no number means two things.
const GRPC: u16 = 1 << 15;

/// The codes from here on are those of DNS: the low four bits of a header can say no more than sixteen.
const DNS: u16 = 1 << 14;

/// The codes of DNS by number (RFC 1035, section 4.1.1, and IANA, "DNS RCODEs").
const DNS_NAMES: [&str; 16] = [
    "NOERROR",
    "FORMERR",
    "SERVFAIL",
    "NXDOMAIN",
    "NOTIMP",
    "REFUSED",
    "YXDOMAIN",
    "YXRRSET",
    "NXRRSET",
    "NOTAUTH",
    "NOTZONE",
    "DSOTYPENI",
    "RCODE12",
    "RCODE13",
    "RCODE14",
    "RCODE15",
];
/// The name is there; and it is not, which is an answer as well.
const DNS_SUCCESSES: [u16; 2] = [DNS, DNS + 3];

/// A reply came, of a protocol whose replies have no code: UDP, WebSocket, streams of bytes.
pub const REPLIED: u16 = 1 << 13;
/// A message of such a protocol to which no reply is to come was sent, and is over.
pub const SENT: u16 = REPLIED + 1;
const PLAIN_NAMES: [&str; 2] = ["REPLIED", "SENT"];

/// The code of a message of DNS, of whose number the low four bits count.
pub const fn of_dns(rcode: u8) -> u16 {
    DNS + (rcode & 0x0f) as u16
}

/// The name of a code that is of no protocol, or of one that names them.
pub(crate) fn name(code: u16) -> Option<&'static str> {
    let of = |first: u16, names: &'static [&'static str]| {
        names.get(usize::from(code.checked_sub(first)?)).copied()
    };
    of(REPLIED, &PLAIN_NAMES).or_else(|| of(DNS, &DNS_NAMES)).or_else(|| grpc_name(code))
}

/// The statuses of gRPC, in the order of their numbers (grpc.io, "Status codes and their use in gRPC").
const GRPC_NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];
/// What stands for a status of gRPC that the standard does not have.
const GRPC_UNKNOWN: u16 = 2;

/// The code of a status of gRPC. One that the standard does not have is UNKNOWN.
pub const fn of_grpc(status: u16) -> u16 {
    if (status as usize) < GRPC_NAMES.len() { GRPC + status } else { GRPC + GRPC_UNKNOWN }
}

/// The status of gRPC that a status of HTTP stands for, where a proxy has answered in the place of the target (grpc.io, "HTTP to gRPC
/// Status Code Mapping").
pub const fn grpc_of_http(status: u16) -> u16 {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502..=504 => 14,
        _ => GRPC_UNKNOWN,
    }
}

/// The name of a code of DNS, if a code is one.
pub(crate) fn dns_name(code: u16) -> Option<&'static str> {
    DNS_NAMES.get(usize::from(code.checked_sub(DNS)?)).copied()
}

/// The number of a status of gRPC, if a code is one.
pub fn grpc_status(code: u16) -> Option<u16> {
    code.checked_sub(GRPC).filter(|status| usize::from(*status) < GRPC_NAMES.len())
}

/// The name of a status of gRPC, if a code is one.
pub fn grpc_name(code: u16) -> Option<&'static str> {
    grpc_status(code).map(|status| GRPC_NAMES[usize::from(status)])
}

/// Whether a code is one by which a WebSocket was closed.
fn is_close(code: u16) -> bool {
    CLOSES.contains(&code)
}

/// Whether any protocol has such a code.
pub fn is_known(code: u16) -> bool {
    HTTP.contains(&code) || is_close(code) || name(code).is_some()
}

/// Whether a code is one of success and goes without saying.
pub fn is_usual(code: u16) -> bool {
    matches!(code, 200 | GRPC | DNS | REPLIED | SENT)
}

/// Whether its protocol takes a code for a success.
pub fn is_success(code: u16) -> bool {
    let is_named = matches!(code, GRPC | REPLIED | SENT) || DNS_SUCCESSES.contains(&code);
    is_named || (*HTTP.start()..HTTP_UNSUCCESSFUL).contains(&code)
}

/// A code as a report has it: by its number, or by its name.
fn written(code: u16) -> String {
    name(code).map_or_else(|| code.to_string(), str::to_owned)
}

/// A code as its protocol calls it: `503`, `close 1001`, `UNAVAILABLE`.
pub fn show(code: u16) -> String {
    if is_close(code) { format!("close {code}") } else { written(code) }
}

/// A code as it is told of a response: `status 503`, `close 1001`, `UNAVAILABLE`.
pub fn tell(code: u16) -> String {
    if is_close(code) || name(code).is_some() { show(code) } else { format!("status {code}") }
}

/// What [`Kind::Status`](crate::outcome::Kind::Status) means where responses had these codes, of one protocol or of several.
pub fn meaning_of_failures(codes: &[u16]) -> &'static str {
    let are = |is_of: fn(u16) -> bool| codes.iter().all(|code| is_success(*code) || is_of(*code));
    match () {
        () if are(|code| HTTP.contains(&code)) => "the response's status was 400 or above",
        () if are(|code| grpc_name(code).is_some()) => "the call's status was not OK",
        () if are(|code| (DNS..DNS + DNS_NAMES.len() as u16).contains(&code)) => {
            "the target's code was neither NOERROR nor NXDOMAIN"
        }
        () if are(is_close) => "the target closed the WebSocket instead of replying",
        () => "the response's status says that it failed",
    }
}

/// Reads what is typed of a response to be: a number, or the name that its protocol has for it. Those with names are known by these alone:
/// their numbers are ours, and no protocol has them.
pub(crate) fn typed(text: &str) -> Option<u16> {
    parse(text).filter(|code| name(*code).is_none_or(|name| name == text))
}

/// The name that was probably meant by a word in other letters.
pub(crate) fn meant_name(text: &str) -> Option<&'static str> {
    let upper = text.to_ascii_uppercase();
    parse(&upper).and_then(name).filter(|name| *name == upper)
}

/// Reads what a report has written.
pub fn parse(text: &str) -> Option<u16> {
    let lists: [(u16, &[&str]); 3] = [(GRPC, &GRPC_NAMES), (DNS, &DNS_NAMES), (REPLIED, &PLAIN_NAMES)];
    let named = lists.into_iter().find_map(|(first, names)| {
        let number = names.iter().position(|name| *name == text)?;
        Some(first + number as u16)
    });
    named.or_else(|| text.parse().ok())
}

fn parsed<E: Error>(text: &str) -> Result<u16, E> {
    parse(text).ok_or_else(|| E::custom(format!("`{text}` is no status")))
}

/// Counts by code, in JSON by what codes are called.
pub mod counted {
    use super::{BTreeMap, Deserialize, Deserializer, Serializer, parsed, written};

    /// Writes them.
    pub fn serialize<S: Serializer>(counts: &BTreeMap<u16, u64>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(counts.iter().map(|(code, count)| (written(*code), count)))
    }

    /// Reads them.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<u16, u64>, D::Error> {
        let named = BTreeMap::<String, u64>::deserialize(deserializer)?;
        named.into_iter().map(|(name, count)| Ok((parsed(&name)?, count))).collect()
    }
}

/// A code that may be absent: a number, or a name.
pub mod optional {
    use super::{Deserialize, Deserializer, Serializer, name, parsed};

    /// Writes it.
    pub fn serialize<S: Serializer>(code: &Option<u16>, serializer: S) -> Result<S::Ok, S::Error> {
        match code.map(|code| (code, name(code))) {
            None => serializer.serialize_none(),
            Some((_, Some(name))) => serializer.serialize_str(name),
            Some((code, None)) => serializer.serialize_u16(code),
        }
    }

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum WrittenCode {
            Number(u16),
            Name(String),
        }
        match Option::<WrittenCode>::deserialize(deserializer)? {
            None => Ok(None),
            Some(WrittenCode::Number(code)) => Ok(Some(code)),
            Some(WrittenCode::Name(text)) => parsed(&text).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Written {
        #[serde(with = "counted")]
        counts: BTreeMap<u16, u64>,
        #[serde(with = "optional")]
        code: Option<u16>,
    }

    #[test]
    fn codes_are_written_as_their_protocols_call_them_and_read_again() {
        let counts = BTreeMap::from([(200, 7), (503, 1), (of_grpc(0), 5), (of_grpc(14), 2)]);
        for (code, shown) in [(None, "null"), (Some(503), "503"), (Some(of_grpc(14)), "\"UNAVAILABLE\"")] {
            let written = Written { counts: counts.clone(), code };
            let json = serde_json::to_string(&written).unwrap();
            let expected =
                format!(r#"{{"counts":{{"200":7,"503":1,"OK":5,"UNAVAILABLE":2}},"code":{shown}}}"#);
            assert_eq!(json, expected);
            assert_eq!(serde_json::from_str::<Written>(&json).unwrap(), written);
        }
        assert!(serde_json::from_str::<Written>(r#"{"counts":{"GOOD":1},"code":null}"#).is_err());
    }

    #[test]
    fn ok_is_the_only_success_of_grpc_and_an_unheard_of_status_is_unknown() {
        assert!((1..17).all(|status| !is_success(of_grpc(status)) && is_known(of_grpc(status))));
        assert!(is_success(of_grpc(0)) && is_success(302) && !is_success(404) && !is_success(0));
        assert_eq!((of_grpc(99), show(of_grpc(99))), (of_grpc(2), "UNKNOWN".to_owned()));
        assert_eq!((tell(of_grpc(4)), tell(503)), ("DEADLINE_EXCEEDED".to_owned(), "status 503".to_owned()));
        assert_eq!((tell(1_001), show(4_000)), ("close 1001".to_owned(), "close 4000".to_owned()));
        assert!(is_known(1_000) && is_known(4_999) && !is_success(1_000));
        assert!(!is_known(1) && !is_usual(101) && !is_usual(204));
        assert!(!is_known(99) && !is_known(600) && !is_known(5_000) && !is_known(GRPC + 17));
    }

    #[test]
    fn what_a_failure_by_status_means_is_said_as_its_protocol_does() {
        for (codes, words) in [
            (&[200, 503][..], "400 or above"),
            (&[of_grpc(0), of_grpc(14)], "not OK"),
            (&[101, 1_008], "closed the WebSocket"),
            (&[503, of_grpc(14)], "says that it failed"),
        ] {
            assert!(meaning_of_failures(codes).contains(words), "{codes:?}");
        }
    }

    #[test]
    fn codes_of_dns_have_names_of_which_two_are_successes() {
        let names = [
            (0, "NOERROR"),
            (2, "SERVFAIL"),
            (3, "NXDOMAIN"),
            (5, "REFUSED"),
            (15, "RCODE15"),
            (19, "NXDOMAIN"),
        ];
        for (rcode, name) in names {
            let code = of_dns(rcode);
            assert_eq!((show(code).as_str(), parse(name), is_known(code)), (name, Some(code), true));
        }
        let successes: Vec<u8> = (0..16).filter(|rcode| is_success(of_dns(*rcode))).collect();
        assert_eq!(successes, [0, 3]);
        assert!(is_usual(of_dns(0)) && !is_usual(of_dns(3)));
        assert!(meaning_of_failures(&[of_dns(0), of_dns(2)]).contains("neither NOERROR"));
    }

    #[test]
    fn bytes_that_no_protocol_gives_a_meaning_are_replied_to_or_sent() {
        for (code, name) in [(REPLIED, "REPLIED"), (SENT, "SENT")] {
            assert_eq!((tell(code).as_str(), parse(name)), (name, Some(code)));
            assert!(is_known(code) && is_success(code) && is_usual(code));
        }
        assert!(!is_known(SENT + 1) && !is_known(DNS - 1) && !is_known(DNS + 16));
    }

    #[test]
    fn a_proxys_status_stands_for_the_status_that_grpc_says_it_does() {
        let names = |status: u16| grpc_name(of_grpc(grpc_of_http(status))).unwrap();
        assert_eq!(names(404), "UNIMPLEMENTED");
        assert_eq!([429, 502, 503, 504].map(names), ["UNAVAILABLE"; 4]);
        assert_eq!([400, 401, 403].map(names), ["INTERNAL", "UNAUTHENTICATED", "PERMISSION_DENIED"]);
        assert_eq!([200, 500, 302].map(names), ["UNKNOWN"; 3]);
    }
}
