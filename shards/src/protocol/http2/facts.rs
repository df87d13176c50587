//! What a header block says of a response, and whether it may say so (RFC 9113, sections 8.1 to 8.3).

/// What is kept of a header block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockFacts {
    /// `:status`; 0 where there is none, as in trailers.
    pub(super) status: u16,
    /// `content-length`, if there is one.
    pub(super) content_length: Option<u64>,
    /// `grpc-status`; [`GRPC_STATUS_NONE`] where there is none.
    pub(super) grpc_status: u16,
    /// `content-type` says that there are messages of gRPC.
    pub(super) is_grpc: bool,
    /// Why no response can have these fields.
    pub(super) wrong: Option<&'static str>,
}

/// What stands for a `grpc-status` that is not there, and for one that is no number.
pub(super) const GRPC_STATUS_NONE: u16 = u16::MAX;
const GRPC_STATUS_OTHER: u16 = u16::MAX - 1;

/// Reads the fields of one block.
#[derive(Debug)]
pub(super) struct FactsReader {
    facts: BlockFacts,
    /// A field without a colon has come.
    is_regular: bool,
}

/// Fields of a connection, which HTTP/2 does not have in messages.
pub(super) const HOP_BY_HOP: [&[u8]; 5] =
    [b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"];

impl FactsReader {
    pub(super) fn new() -> FactsReader {
        let facts = BlockFacts {
            status: 0,
            content_length: None,
            grpc_status: GRPC_STATUS_NONE,
            is_grpc: false,
            wrong: None,
        };
        FactsReader { facts, is_regular: false }
    }

    pub(super) fn finish(self) -> BlockFacts {
        self.facts
    }

    /// The next field.
    pub(super) fn field(&mut self, name: &[u8], value: &[u8]) {
        if let Err(wrong) = self.read(name, value) {
            self.facts.wrong.get_or_insert(wrong);
        }
    }

    fn read(&mut self, name: &[u8], value: &[u8]) -> Result<(), &'static str> {
        if !is_value(value) {
            return Err("PROTOCOL_ERROR: the value of a header field has a byte that none may have");
        }
        if name.first() == Some(&b':') {
            return self.pseudo(name, value);
        }
        self.is_regular = true;
        if !is_name(name) {
            return Err(
                "PROTOCOL_ERROR: the name of a header field has a byte that none may have, such as a capital",
            );
        }
        if HOP_BY_HOP.contains(&name) {
            return Err("PROTOCOL_ERROR: the response has a header field of HTTP/1.1's connections");
        }
        match name {
            b"grpc-status" => {
                let status = number(value).and_then(|status| u16::try_from(status).ok());
                self.facts.grpc_status = status.unwrap_or(GRPC_STATUS_OTHER).min(GRPC_STATUS_OTHER);
            }
            b"content-type" => self.facts.is_grpc = value.starts_with(b"application/grpc"),
            _ => {}
        }
        if name == b"content-length" {
            let length =
                number(value).ok_or("PROTOCOL_ERROR: the response's content-length is not a number")?;
            if self.facts.content_length.replace(length).is_some_and(|before| before != length) {
                return Err("PROTOCOL_ERROR: the response has two different lengths");
            }
        }
        Ok(())
    }

    fn pseudo(&mut self, name: &[u8], value: &[u8]) -> Result<(), &'static str> {
        match value {
            _ if self.is_regular => Err("PROTOCOL_ERROR: a pseudo-header field stands behind others"),
            _ if name != b":status" => {
                Err("PROTOCOL_ERROR: the response has a pseudo-header field that is not :status")
            }
            _ if self.facts.status != 0 => Err("PROTOCOL_ERROR: the response has :status twice"),
            [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9'] => {
                self.facts.status =
                    value.iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
                Ok(())
            }
            _ => Err("PROTOCOL_ERROR: the response's :status is not a number of three digits"),
        }
    }
}

/// Whether a name is one as section 8.2.1 has it: no capital, control or space, nothing beyond ASCII.
pub(super) fn is_name(name: &[u8]) -> bool {
    let is_wrong = |byte: &u8| matches!(byte, 0..=0x20 | b'A'..=b'Z' | b':' | 0x7f..=0xff);
    !name.is_empty() && !name.iter().any(is_wrong)
}

/// Whether a value is one: no end of line, no zero, no space around it.
pub(super) fn is_value(value: &[u8]) -> bool {
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let has_wrong = value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n'));
    !has_wrong && !is_space(value.first()) && !is_space(value.last())
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let next = |number: u64, digit: &u8| number.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
    digits.iter().try_fold(0, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(fields: &[(&str, &str)]) -> BlockFacts {
        let mut reader = FactsReader::new();
        fields.iter().for_each(|(name, value)| reader.field(name.as_bytes(), value.as_bytes()));
        reader.finish()
    }

    #[test]
    fn a_status_and_a_length_are_read() {
        let read = facts(&[(":status", "206"), ("content-length", "18446744073709551615"), ("x", "")]);
        assert_eq!((read.status, read.content_length, read.wrong), (206, Some(u64::MAX), None));
        assert_eq!((read.grpc_status, read.is_grpc), (GRPC_STATUS_NONE, false));
        assert_eq!(facts(&[("grpc-status", "0")]).status, 0);
        assert_eq!(
            facts(&[(":status", "200"), ("content-length", "5"), ("content-length", "5")]).wrong,
            None
        );
    }

    #[test]
    fn the_status_of_grpc_is_a_number() {
        let status = |value: &str| facts(&[("grpc-status", value)]).grpc_status;
        assert_eq!((status("0"), status("16"), status("99")), (0, 16, 99));
        assert_eq!([status("x"), status(""), status("65535")], [GRPC_STATUS_OTHER; 3]);
        assert!(facts(&[(":status", "200"), ("content-type", "application/grpc+proto")]).is_grpc);
    }

    #[test]
    fn fields_that_no_response_may_have_are_told() {
        for (fields, why) in [
            (&[(":status", "200"), ("Server", "x")][..], "capital"),
            (&[("server", "x"), (":status", "200")], "behind others"),
            (&[(":status", "200"), (":status", "200")], "twice"),
            (&[(":status", "20")], "three digits"),
            (&[(":status", "000")], "three digits"),
            (&[(":status", "2000")], "three digits"),
            (&[(":path", "/")], "not :status"),
            (&[(":status", "200"), ("connection", "close")], "HTTP/1.1's"),
            (&[(":status", "200"), ("transfer-encoding", "chunked")], "HTTP/1.1's"),
            (&[(":status", "200"), ("content-length", "-1")], "not a number"),
            (&[(":status", "200"), ("content-length", "18446744073709551616")], "not a number"),
            (&[(":status", "200"), ("content-length", "1"), ("content-length", "2")], "two different"),
            (&[(":status", "200"), ("x", "a\r\nb: c")], "value"),
            (&[(":status", "200"), ("x", " a")], "value"),
            (&[(":status", "200"), ("", "a")], "name"),
            (&[(":status", "200"), ("a b", "a")], "name"),
        ] {
            let wrong = facts(fields).wrong.unwrap();
            assert!(wrong.contains(why) && wrong.starts_with("PROTOCOL_ERROR: "), "{fields:?}: {wrong}");
        }
    }
}
