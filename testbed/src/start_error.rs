//! Why a server did not start, and what to do about it.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::links::SettingsError;

/// Why there are no certificates or settings of TLS. What rcgen and rustls say is for reading alone.
pub(crate) type SetupError = Box<dyn Error + Send + Sync>;

/// Why a server did not start.
#[derive(Debug)]
pub enum StartError {
    /// The address cannot be listened on.
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// The thread cannot be pinned to this core.
    Core {
        /// The core that was asked for.
        core: usize,
    },
    /// The kernel gave no thread.
    Thread(io::Error),
    /// The kernel gave no epoll, event or timer descriptor.
    Runtime(io::Error),
    /// The settings of the links service cannot be taken.
    Settings(SettingsError),
    /// There are no certificates to speak TLS with.
    Tls(SetupError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Bind { address, source } => {
                write!(f, "the testbed cannot listen on {address}: {source}{}", remedy(source.kind()))
            }
            StartError::Core { core } => write!(
                f,
                "the testbed cannot be pinned to core {core}: this machine or this container has no such core; \
                 `nproc` and `taskset -p $$` show those there are"
            ),
            StartError::Thread(source) => {
                write!(f, "the testbed cannot start its thread: {source}; see `ulimit -u`")
            }
            StartError::Runtime(source) => {
                write!(f, "the testbed cannot start its event loop: {source}; see `ulimit -n`")
            }
            StartError::Settings(source) => source.fmt(f),
            StartError::Tls(source) => {
                write!(
                    f,
                    "the testbed cannot make its certificates: {source}; they need the system's random numbers and its time"
                )
            }
        }
    }
}

fn remedy(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::AddrInUse => "; another process has this port: choose another, or 0 for a free one",
        io::ErrorKind::AddrNotAvailable => "; no interface of this machine has this address",
        io::ErrorKind::PermissionDenied => {
            "; ports below net.ipv4.ip_unprivileged_port_start are reserved: choose a higher one"
        }
        _ => "",
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            StartError::Bind { source, .. } | StartError::Thread(source) | StartError::Runtime(source) => {
                Some(source)
            }
            StartError::Settings(source) => Some(source),
            StartError::Tls(source) => Some(source.as_ref()),
            StartError::Core { .. } => None,
        }
    }
}
