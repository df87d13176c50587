//! Cipher suites and groups by the names that IANA has for them.

use rustls::{NamedGroup, SupportedCipherSuite};

/// Of a cipher suite. rustls puts the version into the names of those of TLS 1.3.
pub(super) fn cipher_name(suite: SupportedCipherSuite) -> &'static str {
    match suite.suite().as_str() {
        Some("TLS13_AES_128_GCM_SHA256") => "TLS_AES_128_GCM_SHA256",
        Some("TLS13_AES_256_GCM_SHA384") => "TLS_AES_256_GCM_SHA384",
        Some("TLS13_CHACHA20_POLY1305_SHA256") => "TLS_CHACHA20_POLY1305_SHA256",
        Some(name) => name,
        None => "unknown",
    }
}

/// Of a group.
pub(super) fn group_name(group: NamedGroup) -> &'static str {
    match group {
        NamedGroup::X25519 => "x25519",
        group => group.as_str().unwrap_or("unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_iana() {
        let provider = rustls::crypto::ring::default_provider();
        let ciphers: Vec<_> = provider.cipher_suites.iter().map(|suite| cipher_name(*suite)).collect();
        let groups: Vec<_> = provider.kx_groups.iter().map(|group| group_name(group.name())).collect();
        let expected = [
            "TLS_AES_256_GCM_SHA384",
            "TLS_AES_128_GCM_SHA256",
            "TLS_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        ];
        assert_eq!(ciphers, expected);
        assert_eq!(groups, ["x25519", "secp256r1", "secp384r1"]);
    }
}
