//! What a server's TLS is to be: which versions, whose certificates it asks for, and what is wrong with its own.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use crate::quantity::ValueError;

/// How the server speaks TLS. The default is versions 1.2 and 1.3, and a certificate that holds.
///
/// The server makes a certificate authority of its own when it starts, and a certificate for `localhost`, `127.0.0.1`,
/// `::1` and the address it listens on; see [`crate::Server::ca_pem`]. Keys are ECDSA on P-256, sessions are resumed by ticket
/// or, with 1.2, by id, and HTTP/2 and HTTP/1.1 are offered by ALPN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TlsOptions {
    /// What is wrong with the server's certificate.
    pub fault: Option<TlsFault>,
    /// Which versions it speaks.
    pub versions: TlsVersions,
    /// Whether a client has to show a certificate that the server's authority signed; see [`crate::Server::client_identity`].
    pub requires_client_certificate: bool,
    /// Where bytes come back as they were, under TLS and without HTTP. `None`: nowhere.
    pub echo: Option<SocketAddr>,
}

/// What is wrong with a certificate, so that a client that looks at it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFault {
    /// `expired`: it was valid until yesterday.
    Expired,
    /// `not-yet-valid`: it will be in thirty days.
    NotYetValid,
    /// `wrong-host`: it is another host's.
    WrongHost,
    /// `self-signed`: no authority signed it.
    SelfSigned,
    /// `unknown-ca`: an authority signed it that is not the one the server tells of.
    UnknownAuthority,
}

impl TlsFault {
    /// Each fault with how it is written.
    pub const ALL: [(&'static str, TlsFault); 5] = [
        ("expired", TlsFault::Expired),
        ("not-yet-valid", TlsFault::NotYetValid),
        ("wrong-host", TlsFault::WrongHost),
        ("self-signed", TlsFault::SelfSigned),
        ("unknown-ca", TlsFault::UnknownAuthority),
    ];
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = TlsFault::ALL.iter().find(|(_, fault)| fault == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

impl FromStr for TlsFault {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<TlsFault, ValueError> {
        let known = TlsFault::ALL.iter().find(|(name, _)| *name == text);
        known.map(|(_, fault)| *fault).ok_or_else(|| {
            let names = TlsFault::ALL.map(|(name, _)| name).join(", ");
            ValueError::new(format!("`{text}` is not a fault of a certificate; the faults are {names}"))
        })
    }
}

/// Which versions of TLS a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsVersions {
    /// `1.2`: that one alone.
    Only12,
    /// `1.3`: that one alone.
    Only13,
    /// `1.2-1.3`: whichever of the two the client prefers.
    #[default]
    Both,
}

impl FromStr for TlsVersions {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<TlsVersions, ValueError> {
        match text {
            "1.2" => Ok(TlsVersions::Only12),
            "1.3" => Ok(TlsVersions::Only13),
            "1.2-1.3" => Ok(TlsVersions::Both),
            _ => Err(ValueError::new(format!(
                "`{text}` is not what the testbed speaks of TLS; write 1.2, 1.3 or 1.2-1.3"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_read_as_it_is_written() {
        for (name, fault) in TlsFault::ALL {
            assert_eq!((name.parse(), fault.to_string().as_str()), (Ok(fault), name));
        }
        let error = "outdated".parse::<TlsFault>().expect_err("not a fault").to_string();
        assert!(error.contains("the faults are expired, not-yet-valid"), "{error}");
    }

    #[test]
    fn versions_are_one_or_both() {
        assert_eq!("1.2".parse(), Ok(TlsVersions::Only12));
        assert_eq!("1.3".parse(), Ok(TlsVersions::Only13));
        assert_eq!("1.2-1.3".parse(), Ok(TlsVersions::default()));
        for text in ["", "1.1", "1.0-1.3", "TLSv1.2"] {
            assert!(text.parse::<TlsVersions>().is_err(), "{text}");
        }
    }
}
