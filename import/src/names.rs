//! Methods and names of headers that a plan can have.

/// Methods that everybody knows: one that is a letter away from one of them is a mistake.
const METHODS: [&str; 9] = ["GET", "POST", "PUT", "HEAD", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"];

/// Whether a plan takes a method: not `CONNECT`, which asks for no path, and none that looks misspelt.
pub(crate) fn is_method(method: &str) -> bool {
    let is_misspelt = || {
        let is_near = |known: &&str| strsim::osa_distance(known, method) == 1;
        method.len() > 2 && METHODS.iter().any(is_near)
    };
    is_token(method) && method != "CONNECT" && (METHODS.contains(&method) || !is_misspelt())
}

/// Whether a header can be called so.
pub(crate) fn is_header(name: &str) -> bool {
    is_token(name)
}

/// A token of HTTP (RFC 9110, section 5.6.2).
fn is_token(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_a_word_that_is_not_misspelt() {
        for method in ["GET", "PURGE", "PROPFIND", "get", "A"] {
            assert!(is_method(method), "{method}");
        }
        for method in ["", "GTE", "GETS", "CONNECT", "GET /", "G\u{e9}T"] {
            assert!(!is_method(method), "{method}");
        }
    }
}
