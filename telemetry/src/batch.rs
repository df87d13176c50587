//! An encoded request that is on its way to a collector: the unit that is sent, kept on disk and sent again.

use hyper::body::Bytes;

/// An encoded `Export…ServiceRequest`: the same bytes for the body of HTTP, the message of gRPC and the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportBatch {
    /// What it tells of.
    pub signal: ExportSignal,
    /// The request.
    pub body: Bytes,
    /// How many points are in it.
    pub points: u64,
    /// Its counts are of a stretch of time. Whoever receives it twice counts twice, unless it looks at the times of points.
    pub is_delta: bool,
}

/// What a request tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportSignal {
    /// Metrics.
    Metrics,
}

impl ExportSignal {
    /// Its name, as reports and the names of files have it.
    pub fn name(self) -> &'static str {
        match self {
            ExportSignal::Metrics => "metrics",
        }
    }

    /// Its number in files.
    pub(crate) fn code(self) -> u8 {
        match self {
            ExportSignal::Metrics => 1,
        }
    }

    /// The one with this number.
    pub(crate) fn of_code(code: u8) -> Option<ExportSignal> {
        [ExportSignal::Metrics].into_iter().find(|signal| signal.code() == code)
    }
}
