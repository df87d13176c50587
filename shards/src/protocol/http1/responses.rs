//! A table of responses from RFC 9110 and RFC 9112, each with its outcome, however it is cut on its way.
//!
//! Where Vajra is more lenient or stricter than they are, the row names the difference, which `docs/REPORT.md` explains.

use super::{CLOSED, HEAD_BYTES_MAX, HEADERS_MAX, HeadMemo, Http1, LINE_BYTES_MAX, receive};
use crate::protocol::{Protocol, Response, Single};
use engine::random::Random;
use engine::seams::StepFacts;
use std::collections::BTreeSet;

/// What was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Get,
    Head,
}
use Asked::{Get, Head};

/// What became of the response. Of one that is refused, the reason holds these words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ResponseOutcome {
    /// Complete, with so many bytes of body, as they are on the wire; the connection can be used again.
    Keeps(u16, usize),
    /// Complete, likewise; the connection cannot.
    Closes(u16, usize),
    /// Complete when the connection ends, and no sooner.
    AtEnd(u16, usize),
    /// Not complete when the connection ends.
    Cut,
    Refused(&'static str),
}
use ResponseOutcome::{AtEnd, Closes, Cut, Keeps, Refused};

struct Case {
    name: &'static str,
    asked: Asked,
    head: String,
    body: String,
    outcome: ResponseOutcome,
    /// The difference from the RFC in this row, as `docs/REPORT.md` calls it.
    differs: Option<&'static str>,
}

/// A row. `|` is CR and LF.
fn row(name: &'static str, head: &str, body: &str, outcome: ResponseOutcome) -> Case {
    let text = |text: &str| text.replace('|', "\r\n");
    Case { name, asked: Get, head: text(head), body: text(body), outcome, differs: None }
}

/// A row with fields, after the usual status line.
fn ok(name: &'static str, fields: &str, body: &str, outcome: ResponseOutcome) -> Case {
    row(name, &format!("HTTP/1.1 200 OK|{fields}|"), body, outcome)
}

/// A row with a chunked body.
fn chunked(name: &'static str, body: &str, outcome: ResponseOutcome) -> Case {
    ok(name, "Transfer-Encoding: chunked|", body, outcome)
}

impl Case {
    fn of_head(self) -> Case {
        Case { asked: Head, ..self }
    }

    fn differs(self, difference: &'static str) -> Case {
        Case { differs: Some(difference), ..self }
    }
}

const MALFORMED: ResponseOutcome = Refused("head is malformed");
const NO_NUMBER: ResponseOutcome = Refused("Content-Length is not a number");
const NO_LENGTH: &str = "Content-Length: 0|";

#[rustfmt::skip]
fn status_lines() -> Vec<Case> {
    let line = |name, line: &str, outcome| row(name, &format!("{line}|Content-Length: 0||"), "", outcome);
    vec![
        line("a reason", "HTTP/1.1 200 OK", Keeps(200, 0)),
        line("no reason", "HTTP/1.1 200 ", Keeps(200, 0)),
        line("neither a reason nor its space", "HTTP/1.1 200", Keeps(200, 0)).differs("status-line-space"),
        line("a reason of several words and a tab", "HTTP/1.1 404 Not \t Found", Keeps(404, 0)),
        line("a reason beyond ASCII", "HTTP/1.1 200 Très bien", Keeps(200, 0)),
        line("a control character in the reason", "HTTP/1.1 200 O\x01K", Refused("status line is malformed")),
        line("a bare CR in the reason", "HTTP/1.1 200 O\rK", Refused("status line is malformed")),
        line("HTTP/1.0", "HTTP/1.0 200 OK", Closes(200, 0)),
        line("a later minor version", "HTTP/1.2 200 OK", Refused("HTTP/1.0 or HTTP/1.1")).differs("minor-version"),
        line("a later major version", "HTTP/2.0 200 OK", Refused("HTTP/1.0 or HTTP/1.1")),
        line("a name in lower case", "http/1.1 200 OK", Refused("HTTP/1.0 or HTTP/1.1")),
        line("no version", "200 OK", Refused("HTTP/1.0 or HTTP/1.1")),
        line("a version of two digits", "HTTP/1.10 200 OK", Refused("")),
        line("another protocol", "SSH-2.0-OpenSSH_9.2", Refused("HTTP/1.0 or HTTP/1.1")),
        line("two spaces before the status", "HTTP/1.1  200 OK", Refused("status line is malformed")),
        line("no status", "HTTP/1.1 ", Refused("status line is malformed")),
        line("a status of two digits", "HTTP/1.1 20 OK", Refused("status line is malformed")),
        line("a status of four digits", "HTTP/1.1 2000 OK", Refused("status line is malformed")),
        line("a status of letters", "HTTP/1.1 2xx OK", Refused("status line is malformed")),
        line("status 000", "HTTP/1.1 000 Zero", Refused("below 100")),
        line("status 099", "HTTP/1.1 099 Low", Refused("below 100")),
        line("status 299, unknown", "HTTP/1.1 299 Odd", Keeps(299, 0)),
        line("status 600, beyond all classes", "HTTP/1.1 600 High", Keeps(600, 0)),
        line("status 999", "HTTP/1.1 999 Highest", Keeps(999, 0)),
        line("blank lines before the status line", "||HTTP/1.1 200 OK", Keeps(200, 0)).differs("leading-blank-line"),
        row("nothing", "", "", Cut),
        row("half a status line", "HTTP/1.1 2", "", Cut),
        row("a head without its end", "HTTP/1.1 200 OK|Content-Length: 0|", "", Cut),
        row("a head that ends in bare LFs", "HTTP/1.1 200 OK\nContent-Length: 5\n\n", "hello", Keeps(200, 5)).differs("bare-lf"),
    ]
}

#[rustfmt::skip]
fn fields() -> Vec<Case> {
    vec![
        ok("no fields", "", "hello", AtEnd(200, 5)),
        ok("names in any case", "CONTENT-length: 5|", "hello", Keeps(200, 5)),
        ok("white space around a value", "Content-Length: \t 5 \t|", "hello", Keeps(200, 5)),
        ok("no white space", "Content-Length:5|", "hello", Keeps(200, 5)),
        ok("an empty value", "X:|Content-Length: 5|", "hello", Keeps(200, 5)),
        ok("a value beyond ASCII", "X: é|Content-Length: 5|", "hello", Keeps(200, 5)),
        ok("white space before the colon", "Content-Length : 5|", "hello", MALFORMED).differs("space-before-colon"),
        ok("white space before the first field", " X: y|Content-Length: 5|", "hello", MALFORMED),
        ok("no colon", "Content-Length|", "hello", MALFORMED),
        ok("no name", ": y|Content-Length: 5|", "hello", MALFORMED),
        ok("a name with a space", "Content Length: 5|", "hello", MALFORMED),
        ok("a NUL in a value", "X: a\0b|Content-Length: 5|", "hello", MALFORMED),
        ok("a control character in a value", "X: a\x07b|Content-Length: 5|", "hello", MALFORMED),
        ok("a bare CR in a value", "X: a\rb|Content-Length: 5|", "hello", MALFORMED),
        ok("a fold by a space", "X: a| b|Content-Length: 5|", "hello", Keeps(200, 5)),
        ok("folds by tabs, twice", "X: a|\tb|\t c|Content-Length: 5|", "hello", Keeps(200, 5)),
        ok("a fold at the head's end", "Content-Length: 5|X: a| |", "hello", Keeps(200, 5)),
        ok("a folded Content-Length", "Content-Length:| 5|", "hello", Keeps(200, 5)),
        ok("a fold within a number", "Content-Length: 1| 0|", "0123456789", NO_NUMBER),
        ok("a folded Transfer-Encoding", "Transfer-Encoding: gzip,| chunked|", "5|hello|0||", Keeps(200, 15)),
        ok("a folded Connection", "Connection: foo,|\tclose|Content-Length: 0|", "", Closes(200, 0)),
        ok("as many fields as are taken", &"X: y|".repeat(HEADERS_MAX), "hello", AtEnd(200, 5)),
        ok("more fields than are taken", &"X: y|".repeat(HEADERS_MAX + 1), "", Refused("128 header fields")).differs("limits"),
        row("a head that is too long", &format!("HTTP/1.1 200 OK|X: {}", "y".repeat(HEAD_BYTES_MAX)), "", Refused("64 KiB")).differs("limits"),
    ]
}

#[rustfmt::skip]
fn lengths() -> Vec<Case> {
    let length = |name, value: &str, outcome| ok(name, &format!("Content-Length: {value}|"), "hello", outcome);
    vec![
        length("a length", "5", Keeps(200, 5)),
        length("no length, and more", "0", Keeps(200, 0)),
        length("a shorter length, and more", "3", Keeps(200, 3)),
        length("a longer length", "6", Cut),
        length("the longest length", "18446744073709551615", Cut),
        length("a longer length than that", "18446744073709551616", Refused("64 bits")),
        length("a length of thirty digits", "000000000000000000000000000005", Keeps(200, 5)),
        length("an equal length in a list", "5, 5", Keeps(200, 5)),
        length("another length in a list", "5, 6", Refused("two different lengths")),
        length("an empty element in a list", "5,", NO_NUMBER),
        length("an empty length", "", NO_NUMBER),
        length("a sign", "+5", NO_NUMBER),
        length("a negative length", "-5", NO_NUMBER),
        length("two numbers", "5 5", NO_NUMBER),
        length("a hexadecimal length", "0x5", NO_NUMBER),
        length("a fraction", "5.0", NO_NUMBER),
        length("a word", "five", NO_NUMBER),
        length("an equal length in another field", "5|Content-Length: 5", Keeps(200, 5)),
        length("another length in another field", "5|Content-Length: 6", Refused("two different lengths")),
        length("another length in a third field", "5|Content-Length: 5|Content-Length: 6", Refused("two different lengths")),
        length("no number after a number", "5|Content-Length: x", NO_NUMBER),
        length("a number after no number", "x|Content-Length: 5", NO_NUMBER),
        row("HTTP/1.0 with a length", "HTTP/1.0 200 OK|Content-Length: 5||", "hello", Closes(200, 5)),
        row("HTTP/1.0 without one", "HTTP/1.0 200 OK||", "hello", AtEnd(200, 5)),
    ]
}

#[rustfmt::skip]
fn codings() -> Vec<Case> {
    let coded = |name, value: &str, outcome| ok(name, &format!("Transfer-Encoding: {value}|"), "5|hello|0||", outcome);
    vec![
        coded("chunked", "chunked", Keeps(200, 15)),
        coded("chunked in any case", "Chunked", Keeps(200, 15)),
        coded("gzip, then chunked", "gzip, chunked", Keeps(200, 15)),
        coded("gzip, then chunked, in two fields", "gzip|Transfer-Encoding: chunked", Keeps(200, 15)),
        coded("chunked, then gzip", "chunked, gzip", AtEnd(200, 15)),
        coded("chunked, then gzip, in two fields", "chunked|Transfer-Encoding: gzip", AtEnd(200, 15)),
        coded("gzip alone", "gzip", AtEnd(200, 15)),
        coded("identity, which is no more", "identity", AtEnd(200, 15)),
        coded("an unknown coding", "xchunked", AtEnd(200, 15)),
        coded("another unknown coding", "chunkedx", AtEnd(200, 15)),
        coded("no coding", "", AtEnd(200, 15)),
        coded("empty elements", ", gzip,, chunked ,", Keeps(200, 15)),
        coded("an empty field after chunked", "chunked|Transfer-Encoding:", Keeps(200, 15)),
        coded("a parameter of gzip", "gzip;q=\"a, b\", chunked", Keeps(200, 15)),
        coded("a parameter of chunked", "chunked;q=1", Refused("parameters")),
        coded("a parameter of chunked, apart", "chunked ; q=1", Refused("parameters")),
        coded("chunked twice", "chunked, chunked", Keeps(200, 15)).differs("chunked-twice"),
        coded("and a length after it", "chunked|Content-Length: 5", Closes(200, 15)),
        coded("and two lengths", "chunked|Content-Length: 5|Content-Length: 6", Closes(200, 15)),
        coded("and no length after it", "chunked|Content-Length: five", Closes(200, 15)),
        coded("gzip alone, and a length", "gzip|Content-Length: 5", AtEnd(200, 15)),
        ok("a length, and then chunked", "Content-Length: 5|Transfer-Encoding: chunked|", "5|hello|0||", Closes(200, 15)),
        row("HTTP/1.0 with chunked", "HTTP/1.0 200 OK|Transfer-Encoding: chunked||", "5|hello|0||", Closes(200, 15)),
        row("HTTP/1.0 with chunked that would be kept", "HTTP/1.0 200 OK|Connection: keep-alive|Transfer-Encoding: chunked||", "5|hello|0||", Closes(200, 15)),
    ]
}

#[rustfmt::skip]
fn chunks() -> Vec<Case> {
    vec![
        chunked("no chunks", "0||", Keeps(200, 5)),
        chunked("several chunks", "5|hello|6| world|0||", Keeps(200, 26)),
        chunked("sizes in both cases, with zeros", "00a|0123456789|A|0123456789|000||", Keeps(200, 39)),
        chunked("extensions", "5;a;b=c;d=\"e\"|hello|0;z||", Keeps(200, 29)),
        chunked("white space around an extension", "5 ; a = b|hello|0||", Keeps(200, 23)),
        chunked("a semicolon in a quoted extension", "5;a=\";\"|hello|0||", Keeps(200, 21)),
        chunked("trailers", "5|hello|0|X: y|Z: w||", Keeps(200, 27)),
        chunked("a trailer that says another length", "5|hello|0|Content-Length: 9||", Keeps(200, 34)),
        chunked("and more", "5|hello|0||more", Keeps(200, 15)),
        chunked("no body at all", "", Cut),
        chunked("cut within a size", "5", Cut),
        chunked("cut within a chunk", "5|hel", Cut),
        chunked("cut before the last chunk", "5|hello|", Cut),
        chunked("cut before the last line", "5|hello|0|", Cut),
        chunked("cut within a trailer", "5|hello|0|X: y|", Cut),
        chunked("a line without a size", "|hello|0||", Refused("no size")),
        chunked("an extension without a size", ";a|hello|0||", Refused("hexadecimal")),
        chunked("no hexadecimal size", "xyz|hello|0||", Refused("hexadecimal")),
        chunked("a size with a prefix", "0x5|hello|0||", Refused("hexadecimal")),
        chunked("a sign before a size", "+5|hello|0||", Refused("hexadecimal")),
        chunked("a negative size", "-5|hello|0||", Refused("hexadecimal")),
        chunked("white space before a size", " 5|hello|0||", Refused("hexadecimal")),
        chunked("the largest size", "ffffffffffffffff|hello", Cut),
        chunked("a larger size than that", "10000000000000000|hello", Refused("64 bits")),
        chunked("a chunk longer than its size", "4|hello|0||", Refused("longer than its size")),
        chunked("a chunk without its line end", "5|hello0||", Refused("longer than its size")),
        chunked("a size line that is too long", &format!("5;{}|", "a".repeat(LINE_BYTES_MAX as usize)), Refused("8 KiB")).differs("limits"),
        chunked("a trailer that is too long", &format!("0|{}|", "a".repeat(LINE_BYTES_MAX as usize + 1)), Refused("8 KiB")).differs("limits"),
        chunked("bare LFs", "5\nhello\n0\n\n", Keeps(200, 11)).differs("bare-lf"),
        chunked("a size that takes in the CR", "6|hello|0||", Keeps(200, 15)).differs("bare-lf"),
        chunked("a CR too many after a size", "5\r|hello|0||", Keeps(200, 16)).differs("chunk-size-line"),
        chunked("a bare CR within a size", "5\r0|hello|0||", Keeps(200, 17)).differs("chunk-size-line"),
        chunked("white space after a size", "5 |hello|0||", Keeps(200, 16)).differs("chunk-size-line"),
        chunked("a second number after a size", "5 7|hello|0||", Keeps(200, 17)).differs("chunk-size-line"),
        chunked("an extension without a name", "5;|hello|0||", Keeps(200, 16)).differs("chunk-size-line"),
        chunked("a control character in an extension", "5;\x01|hello|0||", Keeps(200, 17)).differs("chunk-size-line"),
        chunked("a CR too many after a chunk", "5|hello\r|0||", Keeps(200, 16)).differs("chunk-end"),
        chunked("a trailer without a colon", "0|no field||", Keeps(200, 15)).differs("trailer"),
        chunked("a bare CR in a trailer", "0|X: \ry||", Keeps(200, 12)).differs("trailer"),
    ]
}

#[rustfmt::skip]
fn connections() -> Vec<Case> {
    let says = |name, value: &str, outcome| ok(name, &format!("Connection: {value}|{NO_LENGTH}"), "", outcome);
    let old = |name, fields: &str, outcome| row(name, &format!("HTTP/1.0 200 OK|{fields}{NO_LENGTH}|"), "", outcome);
    vec![
        says("close", "close", Closes(200, 0)),
        says("close in any case, in a list", "foo, Close", Closes(200, 0)),
        says("close between empty elements", ",close ,", Closes(200, 0)),
        says("keep-alive", "keep-alive", Keeps(200, 0)),
        says("an unknown option", "foo", Keeps(200, 0)),
        says("an option that only begins alike", "closed", Keeps(200, 0)),
        says("both", "close, keep-alive", Closes(200, 0)),
        says("close, then keep-alive, in two fields", "close|Connection: keep-alive", Closes(200, 0)),
        says("keep-alive, then close, in two fields", "keep-alive|Connection: close", Closes(200, 0)),
        says("close, then an unknown option, in two fields", "close|Connection: foo", Closes(200, 0)),
        says("close among three fields", "foo|Connection: close|Connection: bar", Closes(200, 0)),
        ok("an option of proxies", &format!("Proxy-Connection: close|{NO_LENGTH}"), "", Keeps(200, 0)),
        ok("close, and a body", "Connection: close|Content-Length: 5|", "hello", Closes(200, 5)),
        ok("close, and chunks", "Connection: close|Transfer-Encoding: chunked|", "5|hello|0||", Closes(200, 15)),
        ok("keep-alive, and no length", "Connection: keep-alive|", "hello", AtEnd(200, 5)),
        old("HTTP/1.0 with keep-alive", "connection: Keep-Alive|", Keeps(200, 0)),
        old("HTTP/1.0 with keep-alive in a second field", "Connection: foo|Connection: keep-alive|", Keeps(200, 0)),
        old("HTTP/1.0 with both", "Connection: keep-alive, close|", Closes(200, 0)),
        old("HTTP/1.0 with an unknown option", "Connection: foo|", Closes(200, 0)),
    ]
}

#[rustfmt::skip]
fn without_bodies() -> Vec<Case> {
    let final_head = "HTTP/1.1 200 OK|Content-Length: 5||";
    let after = |name, first: &str, outcome| row(name, &format!("{first}{final_head}"), "hello", outcome);
    vec![
        ok("HEAD and a length", "Content-Length: 5|", "hello", Keeps(200, 0)).of_head(),
        ok("HEAD and chunked", "Transfer-Encoding: chunked|", "5|hello|0||", Keeps(200, 0)).of_head(),
        ok("HEAD and no length", "", "", Keeps(200, 0)).of_head(),
        ok("HEAD and no such length", "Content-Length: five|", "", Keeps(200, 0)).of_head(),
        ok("HEAD and close", "Connection: close|", "", Closes(200, 0)).of_head(),
        ok("HEAD and two framings", "Content-Length: 5|Transfer-Encoding: chunked|", "", Closes(200, 0)).of_head(),
        row("HEAD and 404", "HTTP/1.1 404 Not Found|Content-Length: 5||", "", Keeps(404, 0)).of_head(),
        row("204", "HTTP/1.1 204 No Content||", "", Keeps(204, 0)),
        row("204 with a length", "HTTP/1.1 204 No Content|Content-Length: 5||", "hello", Keeps(204, 0)),
        row("204 with chunked", "HTTP/1.1 204 No Content|Transfer-Encoding: chunked||", "5|hello|0||", Keeps(204, 0)),
        row("204 with no such length", "HTTP/1.1 204 No Content|Content-Length: five||", "", Keeps(204, 0)),
        row("205 with no length", "HTTP/1.1 205 Reset Content|Content-Length: 0||", "", Keeps(205, 0)),
        row("205 that does not say", "HTTP/1.1 205 Reset Content||", "", AtEnd(205, 0)),
        row("304", "HTTP/1.1 304 Not Modified||", "", Keeps(304, 0)),
        row("304 with a length", "HTTP/1.1 304 Not Modified|Content-Length: 5||", "", Keeps(304, 0)),
        row("304 with chunked", "HTTP/1.1 304 Not Modified|Transfer-Encoding: chunked||", "", Keeps(304, 0)),
        row("304 of HTTP/1.0", "HTTP/1.0 304 Not Modified||", "", Closes(304, 0)),
        after("100 first", "HTTP/1.1 100 Continue||", Keeps(200, 5)),
        after("100 without a reason first", "HTTP/1.1 100 ||", Keeps(200, 5)),
        after("102 and 103 first", "HTTP/1.1 102 Processing||HTTP/1.1 103 Early Hints|Link: x||", Keeps(200, 5)),
        after("199 first", "HTTP/1.1 199 Odd||", Keeps(200, 5)),
        after("100 with a length first", "HTTP/1.1 100 Continue|Content-Length: 7||", Keeps(200, 5)),
        after("100 with chunked first", "HTTP/1.1 100 Continue|Transfer-Encoding: chunked||", Keeps(200, 5)),
        after("100 with no such length first", "HTTP/1.1 100 Continue|Content-Length: x||", Keeps(200, 5)),
        after("101", "HTTP/1.1 101 Switching Protocols|Upgrade: x||", Refused("101")),
        after("HEAD and 100 first", "HTTP/1.1 100 Continue||", Keeps(200, 0)).of_head(),
        row("100 alone", "HTTP/1.1 100 Continue||", "", Cut),
    ]
}

fn cases() -> Vec<Case> {
    [status_lines(), fields(), lengths(), codings(), chunks(), connections(), without_bodies()]
        .into_iter()
        .flatten()
        .collect()
}

/// What becomes of a response that comes in these pieces and is followed by the connection's end.
fn outcome<'a>(memo: &mut HeadMemo, case: &Case, pieces: impl Iterator<Item = &'a [u8]>) -> ResponseOutcome {
    let step =
        StepFacts { constant: None, bytes_max: 0, is_bodyless: case.asked == Head, is_looked_at: false };
    let (mut http, mut on) = (Http1::default(), Single::new(&step));
    for piece in pieces {
        let received = receive(&mut http, memo, piece, &mut on);
        match (on.response, received) {
            // What follows a response is the business of the next request, which there is not.
            (Some(Response { code, bytes, .. }), received) => {
                let body = bytes as usize - case.head.len();
                return if received == Err(CLOSED) { Closes(code, body) } else { Keeps(code, body) };
            }
            (None, Err(unusable)) => return Refused(unusable.why),
            (None, Ok(())) => {}
        }
    }
    assert_eq!(http.ended(&mut on), CLOSED);
    match on.response {
        Some(Response { code, bytes, .. }) => AtEnd(code, bytes as usize - case.head.len()),
        None => Cut,
    }
}

fn assert_outcome(case: &Case, how: &str, outcome: ResponseOutcome) {
    let is_right = match (case.outcome, outcome) {
        (Refused(words), Refused(reason)) => reason.contains(words),
        (wanted, outcome) => wanted == outcome,
    };
    assert!(is_right, "{}, {how}: {outcome:?}, not {:?}", case.name, case.outcome);
}

/// Cuts bytes where the dice say.
fn split<'a>(bytes: &'a [u8], random: &mut Random) -> Vec<&'a [u8]> {
    let (mut rest, mut pieces) = (bytes, Vec::new());
    while !rest.is_empty() {
        let length = random.between(1, 1 + rest.len().min(40) as u64).min(rest.len() as u64);
        let (piece, after) = rest.split_at(length as usize);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

#[test]
fn every_response_of_the_table_comes_out_as_it_says_however_it_is_cut() {
    let cases = cases();
    assert!(cases.len() >= 84, "{}", cases.len());
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len(), "each row has a name of its own");
    let mut random = Random::new(9_112, 0);
    // One memo for all, as a shard has one for all its connections: whatever it remembers must not change an outcome.
    let mut memo = HeadMemo::default();
    for case in &cases {
        let bytes = [case.head.as_bytes(), case.body.as_bytes()].concat();
        assert_outcome(case, "whole", outcome(&mut memo, case, std::iter::once(&bytes[..])));
        assert_outcome(case, "whole again", outcome(&mut memo, case, std::iter::once(&bytes[..])));
        // A head that is too long is looked at from its beginning for each piece: not byte by byte, which would take minutes.
        if bytes.len() < 10_000 {
            assert_outcome(case, "byte by byte", outcome(&mut memo, case, bytes.chunks(1)));
        }
        for _ in 0..if bytes.len() < 10_000 { 50 } else { 1 } {
            let pieces = split(&bytes, &mut random);
            let how =
                format!("in pieces of {:?}", pieces.iter().map(|piece| piece.len()).collect::<Vec<_>>());
            assert_outcome(case, &how, outcome(&mut memo, case, pieces.into_iter()));
        }
    }
}

#[test]
fn what_was_remembered_of_one_response_changes_no_other() {
    // Each after each, in one memo: the second is recalled, or is not, and is the same.
    let cases: Vec<Case> = cases().into_iter().filter(|case| case.head.len() < 1_000).collect();
    for first in &cases {
        for second in &cases {
            let mut memo = HeadMemo::default();
            for case in [first, second] {
                let bytes = [case.head.as_bytes(), case.body.as_bytes()].concat();
                let how = format!("after {}", first.name);
                assert_outcome(case, &how, outcome(&mut memo, case, std::iter::once(&bytes[..])));
            }
        }
    }
}

#[test]
fn the_report_lists_every_difference_of_the_table_and_no_other() {
    const REPORT: &str = include_str!("../../../../docs/REPORT.md");
    const TITLE: &str = "## Where Vajra is more lenient or stricter than RFC 9112";
    /// Found in the shard's loop, which knows what is under way; the table knows responses alone.
    const OF_CONNECTIONS: [&str; 1] = ["unasked-crlf"];
    let section = REPORT.split_once(TITLE).expect("the report has the section").1;
    let section = section.split("\n## ").next().unwrap_or(section);
    let listed: BTreeSet<&str> =
        section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let found = cases().into_iter().filter_map(|case| case.differs).chain(OF_CONNECTIONS).collect();
    assert_eq!(listed, found);
}
