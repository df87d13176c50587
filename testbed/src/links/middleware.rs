//! What every response of the links service has: the request's id, and how long it took.

use std::time::Duration;

use hyper::Response;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// The longest id that is taken from a client.
const ID_BYTES_MAX: usize = 64;

/// The id that a client gave its request, or one of our own, which is the request's number.
pub(crate) fn request_id(headers: &HeaderMap, number: u64) -> HeaderValue {
    let given = headers.get(REQUEST_ID).filter(|id| is_id(id.as_bytes()));
    given
        .cloned()
        .unwrap_or_else(|| HeaderValue::from_str(&format!("{number:016x}")).expect("hexadecimal digits"))
}

fn is_id(bytes: &[u8]) -> bool {
    (1..=ID_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

/// Puts both into a response.
pub(crate) fn mark<B>(response: &mut Response<B>, id: HeaderValue, took: Duration) {
    let timing = format!("app;dur={:.3}", took.as_secs_f64() * 1e3);
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(SERVER_TIMING, HeaderValue::from_str(&timing).expect("letters and digits"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_clients_if_it_is_short_and_printable() {
        let id = |given: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(given).expect("a header's value"));
            request_id(&headers, 255)
        };
        assert_eq!(id(b"a-1"), "a-1");
        for given in [&b""[..], b"two words", &[b'x'; 65], "ü".as_bytes()] {
            assert_eq!(id(given), "00000000000000ff");
        }
        assert_eq!(request_id(&HeaderMap::new(), 1), "0000000000000001");
    }
}
