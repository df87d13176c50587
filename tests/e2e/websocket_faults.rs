//! Targets that open no WebSocket, or break its rules: told before the run where they can be, and by their kind in the report.

use crate::peers::sockets::{odd, saying, switching};
use crate::peers::{self, scripted};
use crate::vajra::{Done, Vajra, one_line};
use std::io::{Read, Write};

fn url(port: u16) -> String {
    format!("ws://127.0.0.1:{port}/ws")
}

/// Looks before a run at a target that opens no WebSocket, and says what is told.
#[track_caller]
fn refused(port: u16, says: &[&str]) {
    let done = Vajra::run(&url(port), &["-n", "10"]).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(says);
}

/// Runs against a target that says these bytes to each message; all fail by this kind, for this reason. The same is told before the run
/// where messages may be sent then.
#[track_caller]
fn breaks(bytes: &'static [u8], why: &str) {
    let port = saying(bytes);
    // Each connection that breaks waits longer for the next attempt.
    let done = Vajra::run(&url(port), &["-n", "8", "-c", "2"]).done();
    done.assert_accounted();
    assert_eq!(
        (done.errors("protocol"), done.count("/requests/failed")),
        (8, 8),
        "{}",
        done.report["requests"]
    );
    assert!(done.report.to_string().contains(why), "{}", done.report["requests"]);
    let looked = Vajra::new(&["check", &url(port), "--probe-all"]).done();
    assert!(one_line(&looked.stdout).contains(why), "{}", looked.stdout);
}

#[test]
fn a_page_where_a_websocket_was_expected() {
    let server = peers::testbed(&[]);
    let done = Vajra::run(&server.url("/bytes/10").replacen("http", "ws", 1), &["-n", "10"]).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&[
        "GET /bytes/10",
        "opens no WebSocket: the response to the opening is 200, and no 101",
    ]);
    let port = odd(|_| "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".into(), |_| {});
    refused(
        port,
        &["opens no WebSocket: the response to the opening is 200, and no 101; it said \"HTTP/1.1 200 OK\""],
    );
}

#[test]
fn a_path_that_is_not_there_and_a_door_that_is_closed() {
    let port = odd(|_| "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".into(), |_| {});
    refused(port, &["the response to the opening is 404", "check the path"]);
    let port = odd(|_| "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".into(), |_| {});
    refused(port, &["the response to the opening is 403", "give what the target wants to know of you"]);
}

#[test]
fn an_accept_that_is_not_that_of_the_key() {
    let port = odd(|_| switching("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), |_| {});
    refused(port, &["the Sec-WebSocket-Accept of the response is not the one of our key"]);
}

#[test]
fn an_extension_that_nobody_offered_and_a_subprotocol_that_nobody_did() {
    let with = |field: &'static str| {
        odd(move |accept| switching(accept).replacen("Upgrade:", &format!("{field}\r\nUpgrade:"), 1), |_| {})
    };
    refused(
        with("Sec-WebSocket-Extensions: permessage-deflate"),
        &["chose an extension, and none was offered"],
    );
    refused(with("Sec-WebSocket-Protocol: chat"), &["chose a subprotocol that was not offered"]);
}

#[test]
fn a_target_that_says_nothing_and_one_that_hangs_up() {
    let port = scripted(|mut stream| {
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let done = Vajra::run(&url(port), &["-n", "10", "--connect-timeout", "500ms"]).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["opens no WebSocket within the connect timeout"]);
    let port = scripted(|mut stream| {
        let _ = stream.read(&mut [0; 4_096]);
    });
    refused(port, &["closes them without opening a WebSocket"]);
}

#[test]
fn something_else_than_http() {
    let port = scripted(|mut stream| {
        let _ = stream.read(&mut [0; 4_096]);
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n");
        let _ = stream.read(&mut [0; 4_096]);
    });
    refused(port, &["does not speak WebSocket: the response to the opening is not HTTP/1.1", "SSH-2.0"]);
}

#[test]
fn tls_where_there_is_none_and_none_where_there_is() {
    let plain = peers::testbed(&[]);
    let done = Vajra::run(&format!("wss://127.0.0.1:{}/ws", plain.port), &["-n", "10", "-k"]).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["tls"]);
    let secured = peers::testbed(&["--tls"]);
    let done = Vajra::run(&url(secured.port), &["-n", "10"]).done();
    assert_eq!(done.code, 4, "{}", done.stderr);
    done.assert_says(&["wss://"]);
}

#[test]
fn a_masked_frame() {
    breaks(b"\x81\x85\x00\x00\x00\x00hello", "a frame is masked, as those of clients are");
}

#[test]
fn a_reserved_bit_and_a_reserved_opcode() {
    breaks(b"\xc1\x05hello", "a frame has a reserved bit, and no extension was offered");
    breaks(b"\x83\x05hello", "a frame has an opcode that is reserved");
}

#[test]
fn text_that_is_not_utf_8() {
    breaks(b"\x81\x02\xc3\x28", "a message of text is not UTF-8");
}

#[test]
fn a_message_that_does_not_end() {
    breaks(b"\x82\x7f\x00\x00\x00\x00\x01\x00\x00\x01", "a message is longer than 16 MiB");
}

/// Each message is replied to by a close with this code.
fn closing(bytes: &'static [u8], words: &[&str]) -> Done {
    let done = Vajra::run(&url(saying(bytes)), &[&["-n", "20", "-c", "2"], words].concat()).done();
    done.assert_accounted();
    done
}

#[test]
fn closes_with_codes_of_the_standard_and_of_applications() {
    for (bytes, code) in
        [(&b"\x88\x02\x03\xea"[..], "1002"), (b"\x88\x09\x0f\xa0go away", "4000"), (b"\x88\x00", "1005")]
    {
        let done = closing(bytes, &[]);
        assert_eq!(done.count(&format!("/requests/status/{code}")), 20, "{}", done.report["requests"]);
        assert!(done.stdout.contains(&format!("close {code}: 20")), "{}", done.stdout);
    }
    let port = saying(b"\x88\x09\x0f\xa0go away");
    let looked = Vajra::new(&["check", &url(port), "--probe-all"]).done();
    let said = one_line(&looked.stdout);
    assert!(said.contains("closed the WebSocket by 4000: \"go away\""), "{said}");
}

#[test]
fn a_connection_that_ends_without_a_close() {
    let port = odd(switching, |stream| {
        let _ = stream.read(&mut [0; 4_096]);
        let _ = stream.shutdown(std::net::Shutdown::Both);
    });
    let done = Vajra::run(&url(port), &["-n", "8", "-c", "2"]).done();
    done.assert_accounted();
    assert_eq!(done.errors("eof") + done.errors("receive"), 8, "{}", done.report["requests"]);
}

#[test]
fn openings_that_are_refused_in_the_run_are_attempts_that_say_why() {
    let port = odd(|_| "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".into(), |_| {});
    let done =
        Vajra::run(&url(port), &["-R", "50", "-d", "1s", "-c", "2", "--force", "--timeout", "1s"]).done();
    assert_eq!(done.count("/requests/ok"), 0);
    assert_eq!(done.count("/connections/attempts/made"), 0, "{}", done.report["connections"]);
    let said = done.report["connections"]["attempts"].to_string();
    assert!(said.contains("the response to the opening is 503, and no 101"), "{said}");
}

#[test]
fn pings_without_an_end_from_a_target_that_does_not_read() {
    // It never reads what it is sent, and says so much that all buffers on the way are full of replies to it.
    let port = odd(switching, |stream| {
        let pings = b"\x89\x7d".iter().copied().chain([b'p'; 125]).collect::<Vec<u8>>().repeat(500);
        for _ in 0..200 {
            if stream.write_all(&pings).is_err() {
                return;
            }
        }
    });
    for words in [&["-c", "1"][..], &["-c", "2", "--pipeline", "4"]] {
        let done = Vajra::run(&url(port), &[&["-d", "2s", "--timeout", "500ms"], words].concat()).done();
        done.assert_accounted();
        assert_eq!(done.count("/requests/ok"), 0, "{}", done.report["requests"]);
        assert!(done.count("/requests/failed") > 0, "{}", done.report["requests"]);
    }
}
