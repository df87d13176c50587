//! The TLS of `vajra testbed`: its flags, and the files with what its clients need.

use crate::exit::{Failure, USAGE};
use crate::output::destination::Output;
use ::testbed::{ClientIdentity, TlsOptions, ValueError};
use clap::Args;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use tempfile::NamedTempFile;

/// How a server is to speak TLS.
#[derive(Args)]
#[command(next_help_heading = "TLS")]
pub(super) struct TestbedTlsArgs {
    /// Speak TLS, HTTP/2 and HTTP/1.1 by ALPN, with a certificate authority made for this run.
    #[arg(long)]
    pub(super) tls: bool,
    /// Write the authority's certificate here, as PEM [default: a file in the temporary folder].
    #[arg(long, value_name = "FILE", requires = "tls")]
    tls_ca: Option<PathBuf>,
    /// Show a certificate that is expired, not-yet-valid, wrong-host, self-signed or unknown-ca.
    #[arg(long, value_name = "FAULT", requires = "tls")]
    tls_fault: Option<String>,
    /// Speak these versions: 1.2, 1.3 or 1.2-1.3 [default: 1.2-1.3].
    #[arg(long, value_name = "VERSIONS", requires = "tls")]
    tls_versions: Option<String>,
    /// Ask clients for a certificate that the same authority signed, and refuse those without.
    #[arg(long, requires = "tls")]
    tls_client_ca: bool,
    /// Write such a certificate here [default: a file in the temporary folder].
    #[arg(long, value_name = "FILE", requires = "tls_client_ca")]
    tls_client_cert: Option<PathBuf>,
    /// Write its key here [default: a file in the temporary folder].
    #[arg(long, value_name = "FILE", requires = "tls_client_ca")]
    tls_client_key: Option<PathBuf>,
}

impl TestbedTlsArgs {
    /// `None` without `--tls`. `echo` is where bytes are to come back under it.
    pub(super) fn options(&self, echo: Option<SocketAddr>) -> Result<Option<TlsOptions>, Failure> {
        let fault = parsed("--tls-fault", self.tls_fault.as_deref())?;
        let versions = parsed("--tls-versions", self.tls_versions.as_deref())?.unwrap_or_default();
        let requires_client_certificate = self.tls_client_ca;
        let options = TlsOptions { fault, versions, requires_client_certificate, echo };
        Ok(self.tls.then_some(options))
    }

    /// Writes what a server's clients need.
    pub(super) fn write(
        &self,
        authority: &str,
        client: Option<&ClientIdentity>,
    ) -> Result<ClientFiles, Failure> {
        let authority = PemFile::public(self.tls_ca.as_deref(), "--tls-ca", authority)?;
        let client = client.map(|identity| self.write_client(identity)).transpose()?;
        Ok(ClientFiles { authority, client })
    }

    fn write_client(&self, identity: &ClientIdentity) -> Result<(PemFile, PemFile), Failure> {
        let ClientIdentity { certificate_pem, key_pem } = identity;
        let certificate =
            PemFile::public(self.tls_client_cert.as_deref(), "--tls-client-cert", certificate_pem)?;
        Ok((certificate, PemFile::private(self.tls_client_key.as_deref(), "--tls-client-key", key_pem)?))
    }
}

fn parsed<T: FromStr<Err = ValueError>>(flag: &str, text: Option<&str>) -> Result<Option<T>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let value = text.parse::<T>();
    value.map(Some).map_err(|error| Failure::new(USAGE, format!("{error}\n  --> flag {flag} {text}")))
}

/// The files that a server's clients need.
pub(super) struct ClientFiles {
    authority: PemFile,
    client: Option<(PemFile, PemFile)>,
}

impl ClientFiles {
    /// What to tell a client, in the flags of curl and of ours.
    pub(super) fn hint(&self) -> String {
        let authority = self.authority.path().display();
        match &self.client {
            None => format!("trust it with --cacert {authority}"),
            Some((certificate, key)) => format!(
                "trust it with --cacert {authority}, be trusted with --cert {} --key {}",
                certificate.path().display(),
                key.path().display()
            ),
        }
    }
}

/// A file that a client reads. One that nobody named goes when the server does.
enum PemFile {
    Named(PathBuf),
    Temporary(NamedTempFile),
}

impl PemFile {
    fn public(path: Option<&Path>, flag: &str, pem: &str) -> Result<PemFile, Failure> {
        let Some(path) = path else { return PemFile::temporary(flag, pem) };
        Output::open(path, flag)?.finish(|out| out.write_all(pem.as_bytes()))?;
        Ok(PemFile::Named(path.to_owned()))
    }

    /// For its owner alone, also where it replaces a file that others could read.
    fn private(path: Option<&Path>, flag: &str, pem: &str) -> Result<PemFile, Failure> {
        let Some(path) = path else { return PemFile::temporary(flag, pem) };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let written = filled(NamedTempFile::new_in(folder), pem)
            .and_then(|file| file.persist(path).map_err(|refusal| refusal.error));
        written.map_err(|error| refused(flag, path, &error))?;
        Ok(PemFile::Named(path.to_owned()))
    }

    fn temporary(flag: &str, pem: &str) -> Result<PemFile, Failure> {
        let new = tempfile::Builder::new().prefix("vajra-testbed-").suffix(".pem").tempfile();
        let file = filled(new, pem).map_err(|error| refused(flag, &std::env::temp_dir(), &error))?;
        Ok(PemFile::Temporary(file))
    }

    fn path(&self) -> &Path {
        match self {
            PemFile::Named(path) => path,
            PemFile::Temporary(file) => file.path(),
        }
    }
}

/// The file, once all is in it.
fn filled(file: io::Result<NamedTempFile>, text: &str) -> io::Result<NamedTempFile> {
    let mut file = file?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

fn refused(flag: &str, path: &Path, error: &io::Error) -> Failure {
    let shown = path.display();
    let message = format!(
        "no file can be written in `{shown}`: {error}\n  --> flag {flag}\n  help: name a file in a folder that exists and is yours"
    );
    Failure::new(USAGE, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let temporary = PemFile::private(None, "--tls-client-key", "new").unwrap();
        let named = PemFile::private(Some(&path), "--tls-client-key", "new").unwrap();
        for file in [named.path(), temporary.path()] {
            assert_eq!(std::fs::read_to_string(file).unwrap(), "new");
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
        }
    }

    #[test]
    fn a_file_nobody_named_goes_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let named = PemFile::public(Some(&path), "--tls-ca", "pem").unwrap();
        let temporary = PemFile::public(None, "--tls-ca", "pem").unwrap();
        let temporary_path = temporary.path().to_owned();
        assert!(temporary_path.starts_with(std::env::temp_dir()) && temporary_path.exists());
        drop((named, temporary));
        assert!(path.exists() && !temporary_path.exists());
    }
}
