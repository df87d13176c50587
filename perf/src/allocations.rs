//! Whether the loop of a shard allocates once it is warm, and how much work the ring has per request.
//!
//! Closed and open loop, bytes that never change and bytes rendered for each request, one and eight requests under way
//! per connection, and over TLS: each case is one run against the built-in server inside this process.

use crate::budgets;
use crate::budgets::Gate;
use crate::cases::{CONNECTIONS, CaseServers, LoopCase, RATE_RPS, UNCOUNTED};
use crate::drive::Driven;
use clap::Args;

#[derive(Args)]
pub(crate) struct AllocationsOptions {
    /// Requests to count in each case
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    requests: u64,
}

/// Counts every case, prints a table, and fails if anything was allocated.
pub(crate) fn run(options: &AllocationsOptions) -> Result<Gate, String> {
    let servers = CaseServers::start(None)?;
    println!(
        "{CONNECTIONS} connections, testbed in this process, counted after the first {UNCOUNTED} responses"
    );
    println!(
        "{:<20} {:>8} {:>11} {:>6} {:>9} {:>9} {:>9}",
        "case", "counted", "allocations", "bytes", "SQEs/rq", "CQEs/rq", "enters/rq"
    );
    let mut is_passed = true;
    for case in LoopCase::all() {
        let driven = case.drive(servers.address(case), UNCOUNTED, options.requests, RATE_RPS)?;
        print_row(case, &driven);
        is_passed &= driven.allocations.count == budgets::ALLOCATIONS;
    }
    let gate = Gate::when(is_passed);
    println!("allocations in the loop = {}: {}", budgets::ALLOCATIONS, gate.word());
    Ok(gate)
}

/// Allocations in all cases together, so many requests in each.
pub(crate) fn total(requests: u64) -> Result<u64, String> {
    let servers = CaseServers::start(None)?;
    let mut total = 0;
    for case in LoopCase::all() {
        let driven = case.drive(servers.address(case), UNCOUNTED, requests, RATE_RPS)?;
        total += driven.allocations.count;
    }
    Ok(total)
}

fn print_row(case: LoopCase, driven: &Driven) {
    let stats = &driven.stats;
    let per_request = |count: u64| count as f64 / stats.finished.max(1) as f64;
    println!(
        "{:<20} {:>8} {:>11} {:>6} {:>9.3} {:>9.3} {:>9.3}",
        case.title(),
        driven.counted,
        driven.allocations.count,
        driven.allocations.bytes,
        per_request(stats.submissions),
        per_request(stats.completions),
        per_request(stats.enters),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::RequestBytes;
    use crate::counting::{self, Allocations};
    use engine::outcome::Outcome;
    use engine::phase::Phases;
    use engine::quantity::SECOND_NS;
    use engine::random::Random;
    use engine::record::{Instants, Layout, Recorder, Snapshot};
    use vajra_perf::operations::{CountedOperation, grpc, tcp, tls, udp, websocket};

    /// Kinds of request of a very large plan, how many of each come in an interval, and what memory they may take.
    const SERIES: usize = 100;
    const REQUESTS: u64 = 20;
    const SERIES_BYTES_MAX: u64 = 64 << 10;

    fn write(recorder: &mut Recorder, random: &mut Random) {
        for series in 0..SERIES {
            for n in 0..REQUESTS {
                let (slip, service) = (random.between(50, 1_000), random.between(100_000, 10_000_000));
                let at = Instants { intended: n, sent: n + slip, done: n + slip + service };
                recorder.sent(series, n, at.sent, 100);
                recorder.done(
                    series,
                    {
                        let code = 200 + (n % 8) as u16 * 40;
                        Outcome::of_response(code, code < 400)
                    },
                    at,
                    slip,
                    100,
                );
            }
        }
    }

    fn counted(work: impl FnOnce()) -> Allocations {
        let before = counting::on_this_thread();
        work();
        counting::on_this_thread() - before
    }

    #[test]
    fn an_interval_of_a_hundred_kinds_takes_the_memory_of_what_came_in_it_and_recording_it_none() {
        let phases = Phases { measure_from_ns: SECOND_NS, measure_to_ns: 2 * SECOND_NS };
        let (layout, mut random) = (Layout::new([SERIES]), Random::new(1, 0));
        let mut recorder = Recorder::new(0, &layout, phases);
        let recording = counted(|| write(&mut recorder, &mut random));
        assert_eq!(recording, Allocations::default(), "however many pages each histogram needs");
        let mut slice = Snapshot::new(1, &layout, phases);
        let merging = counted(|| slice.absorb(&recorder));
        let each = merging.bytes / SERIES as u64;
        assert!((1..=SERIES_BYTES_MAX).contains(&each), "{each} bytes for each kind");
        assert!(
            slice.bytes() as u64 >= merging.bytes / 8,
            "what a sink's queue counts is what was allocated"
        );
        recorder.clear(SECOND_NS);
        assert_eq!(counted(|| write(&mut recorder, &mut random)), Allocations::default());
    }

    /// Every case of these bytes, short: enough to be warm, and then some.
    fn assert_no_allocations(wanted: &[RequestBytes]) {
        let servers = CaseServers::start(None).unwrap();
        for case in LoopCase::all().filter(|case| wanted.contains(&case.bytes)) {
            let driven = case.drive(servers.address(case), 1_000, 2_000, 2_000).unwrap();
            assert_eq!(driven.allocations, Allocations::default(), "{}", case.title());
            assert!(driven.stats.submissions > 0 && driven.stats.finished >= 3_000, "{}", case.title());
        }
    }

    #[test]
    fn a_warm_loop_never_allocates() {
        assert_no_allocations(&[RequestBytes::Constant, RequestBytes::Rendered]);
    }

    #[test]
    fn a_rare_large_request_allocates_nothing_either() {
        assert_no_allocations(&[RequestBytes::Mixed]);
    }

    /// What is allocated for a request and its response, once all is warm.
    fn of_operation(operation: &CountedOperation) -> u64 {
        let mut work = (operation.make)();
        work(10);
        counted(|| work(1_000)).count
    }

    #[test]
    fn messages_of_websocket_and_their_replies_take_no_memory() {
        for operation in &websocket::OPERATIONS {
            assert_eq!(of_operation(operation), 0, "{}", operation.title());
        }
    }

    #[test]
    fn messages_of_bytes_and_their_responses_take_no_memory() {
        for operation in &tcp::OPERATIONS {
            assert_eq!(of_operation(operation), 0, "{}", operation.title());
        }
    }

    #[test]
    fn datagrams_and_their_replies_take_no_memory() {
        for operation in &udp::OPERATIONS {
            assert_eq!(of_operation(operation), 0, "{}", operation.title());
        }
    }

    #[test]
    fn a_call_of_grpc_that_was_made_before_allocates_nothing() {
        for operation in &grpc::OPERATIONS {
            assert_eq!(of_operation(operation), 0, "{}", operation.title());
        }
    }

    #[test]
    fn records_of_tls_are_sealed_and_opened_without_an_allocation() {
        let [ours, of_rustls] = &tls::OPERATIONS;
        assert_eq!(of_operation(ours), 0);
        assert!(of_operation(of_rustls) >= 2_000, "the way that was not taken allocates for each record");
    }
}
