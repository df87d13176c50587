//! What is promised, in numbers: section 9 of the design, each row with its limit, and the reason where it is missed. No
//! measuring here; `scenarios` does that.

/// CPU time per request against wrk's, closed loop, bodies of a few bytes.
pub(crate) const CPU_SHARE_SMALL_MAX: f64 = 0.80;
/// The same, bodies of 64 KiB.
pub(crate) const CPU_SHARE_64K_MAX: f64 = 0.55;
/// The same, bodies of 1 MiB.
pub(crate) const CPU_SHARE_1M_MAX: f64 = 0.25;
/// The same over TLS 1.3 with AES-128-GCM, handshakes left out, bodies of a few bytes.
pub(crate) const CPU_SHARE_TLS_SMALL_MAX: f64 = 0.80;
/// The same, bodies of 64 KiB.
pub(crate) const CPU_SHARE_TLS_64K_MAX: f64 = 0.70;
/// CPU time per request against h2load's over HTTP/2 without TLS, bodies of a few bytes, by how many requests are under way on a
/// connection at least.
pub(crate) const CPU_SHARES_HTTP2_MAX: [(u32, f64); 3] = [(1, 0.85), (16, 0.50), (64, 0.45)];
/// CPU time per unary call of gRPC against k6's, what is done once left out.
pub(crate) const CPU_SHARE_GRPC_MAX: f64 = 1.0 / 30.0;
/// CPU time per request against gcannon's, closed loop, bodies of a few bytes.
pub(crate) const CPU_SHARE_GCANNON_MAX: f64 = 0.95;
/// CPU time per request against the least that a program on io_uring can do, closed loop, bodies of a few bytes.
pub(crate) const CPU_SHARE_FLOOR_MAX: f64 = 1.06;

/// How far the achieved rate may be from the one asked for, as a share of it.
pub(crate) const RATE_ERROR_MAX: f64 = 0.0001;
/// Sent − intended at 10,000/s on one spinning shard, outside detected stalls.
pub(crate) const SLIP_P50_NS_MAX: u64 = 1_000;
/// The same, 99th percentile.
pub(crate) const SLIP_P99_NS_MAX: u64 = 20_000;

/// How far the time between two requests of a log that is repeated may be from the log's own, 99th percentile.
pub(crate) const GAP_ERROR_P99_NS_MAX: u64 = 1_000_000;

/// CPU time of shards for a request with telemetry, as a share of that without.
pub(crate) const TELEMETRY_SHARD_CPU_RATIO_MAX: f64 = 1.01;
/// CPU time of telemetry's threads, milliseconds in each second: of ten series or fewer.
pub(crate) const TELEMETRY_FEW_MS_PER_S_MAX: f64 = 15.0;
/// The same with that of the collector of snapshots, of up to a hundred series of two shards.
pub(crate) const TELEMETRY_MANY_MS_PER_S_MAX: f64 = 150.0;
/// Memory that telemetry takes, MiB.
pub(crate) const TELEMETRY_MEMORY_MIB_MAX: f64 = 12.0;

/// Allocations of a run on a shard's thread, once its connections are made and warm.
pub(crate) const ALLOCATIONS: u64 = 0;

/// Whether what was measured is what was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Passed,
    Failed,
}

impl Gate {
    pub(crate) fn when(is_passed: bool) -> Gate {
        if is_passed { Gate::Passed } else { Gate::Failed }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Gate::Passed => "pass",
            Gate::Failed => "FAIL",
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// What it is about, in words.
    pub(crate) what: &'static str,
    pub(crate) limit: Limit,
    pub(crate) unit: Unit,
    /// Why it is missed where it was last seen to be; shown only when it is.
    pub(crate) if_missed: &'static str,
}

/// Where the promise ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    AtMost(f64),
    AtLeast(f64),
    /// Nothing was promised; it is shown because it explains something that was.
    Shown,
}

/// What a figure is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Ratio,
    Share,
    Nanoseconds,
    Seconds,
    Bytes,
    Count,
    PerSecond,
}

const KIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * KIB;

const fn row(
    name: &'static str,
    what: &'static str,
    limit: Limit,
    unit: Unit,
    if_missed: &'static str,
) -> Budget {
    Budget { name, what, limit, unit, if_missed }
}

const SHARED_MACHINE: &str = "a machine whose cores are shared with others; measure again when it is quiet";

/// Every row, in the order of the table.
pub(crate) const BUDGETS: [Budget; 32] = [
    row(
        "cpu-small",
        "CPU per request against wrk, 12 B, 64 connections",
        Limit::AtMost(CPU_SHARE_SMALL_MAX),
        Unit::Ratio,
        "most of the time is the kernel's TCP, which wrk pays as well; what wrk pays besides are its four system calls per request, and where those are cheap there is less to save",
    ),
    row(
        "cpu-64k",
        "the same, 64 KiB",
        Limit::AtMost(CPU_SHARE_64K_MAX),
        Unit::Ratio,
        "both wait for the same kernel to move the same bytes through loopback; the copy that Vajra saves is a smaller part of it on this processor",
    ),
    row("cpu-1m", "the same, 1 MiB", Limit::AtMost(CPU_SHARE_1M_MAX), Unit::Ratio, SHARED_MACHINE),
    row(
        "cpu-tls-small",
        "CPU per request against wrk over TLS 1.3, 12 B, 64 connections",
        Limit::AtMost(CPU_SHARE_TLS_SMALL_MAX),
        Unit::Ratio,
        "as without TLS most of the time is the kernel's TCP, which wrk pays as well",
    ),
    row(
        "cpu-tls-64k",
        "the same, 64 KiB",
        Limit::AtMost(CPU_SHARE_TLS_64K_MAX),
        Unit::Ratio,
        "the kernel moves the same bytes and the cipher opens them, for both",
    ),
    row(
        "cpu-gcannon",
        "CPU per request against gcannon, 12 B, 64 connections",
        Limit::AtMost(CPU_SHARE_GCANNON_MAX),
        Unit::Ratio,
        "it asks the kernel for the same things, through the same kind of ring, and keeps no more than one histogram; what is left to save is a part of user space, which is some 3 % of the whole",
    ),
    row(
        "cpu-floor",
        "CPU per request against a bare ring client, 12 B, 64 connections",
        Limit::AtMost(CPU_SHARE_FLOOR_MAX),
        Unit::Ratio,
        "a run begins with preflight and with histograms of some megabytes, tens of milliseconds that a short run spreads over few requests; and each request is parsed, scheduled and recorded four times, some 1,100 instructions where the floor takes some 200",
    ),
    row(
        "rate",
        "achieved over target at 10,000/s for 2 minutes: off by",
        Limit::AtMost(RATE_ERROR_MAX),
        Unit::Ratio,
        SHARED_MACHINE,
    ),
    row(
        "slip-p50",
        "slip at 10,000/s, one spinning shard, outside stalls, p50",
        Limit::AtMost(SLIP_P50_NS_MAX as f64),
        Unit::Nanoseconds,
        SHARED_MACHINE,
    ),
    row(
        "slip-p99",
        "the same, p99",
        Limit::AtMost(SLIP_P99_NS_MAX as f64),
        Unit::Nanoseconds,
        "while a response is taken in and the next request handed to the kernel the loop cannot send, and stalls below the 1 ms that count as one are in it",
    ),
    row(
        "recording",
        "recording one request, all histograms",
        Limit::AtMost(15.0),
        Unit::Nanoseconds,
        "four histograms of three digits, a count and a sum each, are some 80 instructions apiece",
    ),
    row(
        "recording-share",
        "recording on against off: its part of a request's CPU time",
        Limit::AtMost(0.01),
        Unit::Share,
        "see recording",
    ),
    row(
        "allocations",
        "allocations on the request path, all ways to use the loop",
        Limit::AtMost(ALLOCATIONS as f64),
        Unit::Count,
        "",
    ),
    row(
        "memory",
        "resident memory, one shard, 64 connections, 10 s",
        Limit::AtMost(16.0 * MIB),
        Unit::Bytes,
        "recorders hold what an interval holds, the snapshot of the run what it has seen, and the history of slices grows until it is full",
    ),
    row(
        "memory-connection",
        "resident memory of each connection from 64 to 10,000",
        Limit::AtMost(2.0 * KIB),
        Unit::Bytes,
        "the receive buffers that the ring provides are more with more connections",
    ),
    row(
        "memory-flat",
        "resident memory at the end of 2 minutes over that at half of it",
        Limit::AtMost(1.02),
        Unit::Ratio,
        "the history of slices still grows; it is full with 512",
    ),
    row(
        "in-flight",
        "requests in flight at a time, one shard, real sockets",
        Limit::AtLeast(50_000.0),
        Unit::Count,
        "",
    ),
    row(
        "in-flight-lag",
        "the same: lateness that is Vajra's own, p99",
        Limit::AtMost(500_000.0),
        Unit::Nanoseconds,
        SHARED_MACHINE,
    ),
    row(
        "in-flight-lag-p50",
        "the same, p50 (an aim)",
        Limit::AtMost(2_000.0),
        Unit::Nanoseconds,
        "answers are taken in together and the requests that follow are sent together, at most 16 in a turn, a system call of some microseconds each",
    ),
    row("in-flight-cpu", "the same: CPU per request, waiting excluded", Limit::Shown, Unit::Nanoseconds, ""),
    row("loop-64", "the loop alone, 64 in flight: per request", Limit::Shown, Unit::Nanoseconds, ""),
    row("loop-10k", "the same, 10,000 in flight", Limit::Shown, Unit::Nanoseconds, ""),
    row(
        "loop-50k",
        "the loop alone, 50,000 in flight: per request",
        Limit::AtMost(2_000.0),
        Unit::Nanoseconds,
        SHARED_MACHINE,
    ),
    row("loop-100k", "the same, 100,000 in flight", Limit::Shown, Unit::Nanoseconds, ""),
    row(
        "loop-1m",
        "the same, 1,000,000 in flight, 16 on each connection",
        Limit::Shown,
        Unit::Nanoseconds,
        "",
    ),
    row(
        "null",
        "requests per second of one core, null responder",
        Limit::AtLeast(300_000.0),
        Unit::PerSecond,
        "a request is one way through the kernel's TCP and back, which takes a core of this machine longer than 3.3 µs",
    ),
    row(
        "null-pipelined",
        "the same, 32 on each connection",
        Limit::AtLeast(5_000_000.0),
        Unit::PerSecond,
        "each request is found, recorded and released in user space; see loop-64 and recording for what that takes",
    ),
    row("million", "the same, asked for: a million", Limit::AtLeast(1_000_000.0), Unit::PerSecond, ""),
    row(
        "shards-1",
        "CPU per request, 1 shard, null responder, 32 on each",
        Limit::Shown,
        Unit::Nanoseconds,
        "",
    ),
    row("shards-2", "the same, 2 shards on 2 cores", Limit::Shown, Unit::Nanoseconds, ""),
    row("interrupt", "SIGINT to exit, every response outstanding", Limit::AtMost(5.0), Unit::Seconds, ""),
    row("preflight", "preflight", Limit::AtMost(5.0), Unit::Seconds, ""),
];

impl Limit {
    /// Whether a figure keeps the promise; `None` where nothing was promised.
    pub(crate) fn is_kept(self, measured: f64) -> Option<bool> {
        match self {
            Limit::AtMost(limit) => Some(measured <= limit),
            Limit::AtLeast(limit) => Some(measured >= limit),
            Limit::Shown => None,
        }
    }

    /// How much of the limit is left, as a share of it; negative beyond it.
    pub(crate) fn margin(self, measured: f64) -> Option<f64> {
        match self {
            Limit::AtMost(0.0) | Limit::Shown => None,
            Limit::AtMost(limit) => Some(1.0 - measured / limit),
            Limit::AtLeast(limit) => Some(measured / limit - 1.0),
        }
    }

    /// The limit in words.
    pub(crate) fn show(self, unit: Unit) -> String {
        match self {
            Limit::AtMost(limit) if limit == 0.0 => unit.show(limit),
            Limit::AtMost(limit) => format!("≤ {}", unit.show(limit)),
            Limit::AtLeast(limit) => format!("≥ {}", unit.show(limit)),
            Limit::Shown => "–".into(),
        }
    }
}

impl Unit {
    /// A figure for people, with three digits.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Unit::Ratio if value == 0.0 => "0".into(),
            Unit::Ratio if value > 0.0 && value < 0.01 => format!("{value:.1e}"),
            Unit::Ratio => format!("{value:.3} ×"),
            Unit::Share => format!("{:.2} %", value * 100.0),
            Unit::Nanoseconds if value >= 1e6 => format!("{} ms", digits(value / 1e6)),
            Unit::Nanoseconds if value >= 1e3 => format!("{} µs", digits(value / 1e3)),
            Unit::Nanoseconds => format!("{} ns", digits(value)),
            Unit::Seconds => format!("{value:.2} s"),
            Unit::Bytes if value >= MIB => format!("{:.1} MiB", value / MIB),
            Unit::Bytes if value >= KIB => format!("{:.2} KiB", value / KIB),
            Unit::Bytes => format!("{value:.0} B"),
            Unit::Count => thousands(value),
            Unit::PerSecond => format!("{}/s", thousands(value)),
        }
    }
}

fn digits(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

fn thousands(value: f64) -> String {
    let text = format!("{value:.0}");
    let digits = text.len();
    let grouped = text.chars().enumerate().flat_map(|(place, digit)| {
        let is_group = place > 0 && (digits - place).is_multiple_of(3);
        is_group.then_some(',').into_iter().chain([digit])
    });
    grouped.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_budget_is_kept_up_to_the_limit_itself() {
        assert_eq!(Limit::AtMost(0.8).is_kept(0.8), Some(true));
        assert_eq!(Limit::AtMost(0.8).is_kept(0.81), Some(false));
        assert_eq!(Limit::AtLeast(5.0).is_kept(4.9), Some(false));
        assert_eq!(Limit::Shown.is_kept(1e9), None);
    }

    #[test]
    fn a_margin_is_what_is_left_of_the_limit() {
        assert_eq!(Limit::AtMost(2.0).margin(1.5), Some(0.25));
        assert_eq!(Limit::AtLeast(2.0).margin(3.0), Some(0.5));
        assert_eq!(Limit::AtMost(2.0).margin(3.0), Some(-0.5));
        assert_eq!(Limit::AtMost(0.0).margin(0.0), None);
    }

    #[test]
    fn figures_are_shown_in_the_unit_they_are_small_in() {
        assert_eq!(Unit::Nanoseconds.show(999.4), "999 ns");
        assert_eq!(Unit::Nanoseconds.show(20_000.0), "20.0 µs");
        assert_eq!(Unit::Bytes.show(16.0 * MIB), "16.0 MiB");
        assert_eq!(Unit::PerSecond.show(5_000_000.0), "5,000,000/s");
        assert_eq!(Unit::Count.show(50_000.0), "50,000");
        assert_eq!(Unit::Ratio.show(0.00001), "1.0e-5");
        assert_eq!(Limit::AtMost(0.8).show(Unit::Ratio), "≤ 0.800 ×");
    }

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<&str> = BUDGETS.iter().map(|budget| budget.name).collect();
        assert_eq!(names.len(), BUDGETS.len());
    }
}
