//! The static table of HPACK (RFC 7541, appendix A).

/// Names and values, from index 1 on.
pub(super) const STATIC_TABLE: [(&[u8], &[u8]); 61] = [
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":status", b"200"),
    (b":status", b"204"),
    (b":status", b"206"),
    (b":status", b"304"),
    (b":status", b"400"),
    (b":status", b"404"),
    (b":status", b"500"),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept-language", b""),
    (b"accept-ranges", b""),
    (b"accept", b""),
    (b"access-control-allow-origin", b""),
    (b"age", b""),
    (b"allow", b""),
    (b"authorization", b""),
    (b"cache-control", b""),
    (b"content-disposition", b""),
    (b"content-encoding", b""),
    (b"content-language", b""),
    (b"content-length", b""),
    (b"content-location", b""),
    (b"content-range", b""),
    (b"content-type", b""),
    (b"cookie", b""),
    (b"date", b""),
    (b"etag", b""),
    (b"expect", b""),
    (b"expires", b""),
    (b"from", b""),
    (b"host", b""),
    (b"if-match", b""),
    (b"if-modified-since", b""),
    (b"if-none-match", b""),
    (b"if-range", b""),
    (b"if-unmodified-since", b""),
    (b"last-modified", b""),
    (b"link", b""),
    (b"location", b""),
    (b"max-forwards", b""),
    (b"proxy-authenticate", b""),
    (b"proxy-authorization", b""),
    (b"range", b""),
    (b"referer", b""),
    (b"refresh", b""),
    (b"retry-after", b""),
    (b"server", b""),
    (b"set-cookie", b""),
    (b"strict-transport-security", b""),
    (b"transfer-encoding", b""),
    (b"user-agent", b""),
    (b"vary", b""),
    (b"via", b""),
    (b"www-authenticate", b""),
];

/// The index of a field with this name and value.
pub(super) fn static_field(name: &[u8], value: &[u8]) -> Option<usize> {
    STATIC_TABLE.iter().position(|field| *field == (name, value)).map(|place| place + 1)
}

/// The index of the first field with this name.
pub(super) fn static_name(name: &[u8]) -> Option<usize> {
    STATIC_TABLE.iter().position(|field| field.0 == name).map(|place| place + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_at_the_indices_of_the_appendix() {
        assert_eq!(static_field(b":method", b"GET"), Some(2));
        assert_eq!(static_field(b":status", b"500"), Some(14));
        assert_eq!(static_field(b"accept-encoding", b"gzip, deflate"), Some(16));
        assert_eq!((static_name(b":path"), static_name(b"www-authenticate")), (Some(4), Some(61)));
        assert_eq!((static_field(b":path", b"/x"), static_name(b"x")), (None, None));
    }
}
