//! Operations: what the gate counts and the micro-benchmarks time, defined once.
//!
//! An operation is prepared once and then done as often as asked. What preparing costs can be told from what doing costs,
//! because the cost of doing it 2N times less the cost of doing it N times is the cost of doing it N times, and nothing
//! else. Each checks the work it did, so that none gets cheap by doing nothing.
//!
//! No clock, no kernel and no randomness from outside: the same count is the same work, instruction by instruction.

mod bare;
pub mod dispatch;
pub mod extract;
pub mod flow;
pub mod grpc;
pub mod http1;
pub mod http2;
pub mod https;
pub mod merge;
mod operation;
pub mod record;
pub mod schedule;
pub mod tcp;
pub mod template;
pub mod tls;
pub mod udp;
pub mod websocket;

pub use operation::{CountedOperation, Work};

/// Every operation that has a baseline, in the order of a request's way.
pub fn all() -> impl Iterator<Item = &'static CountedOperation> {
    let nouns: [&'static [CountedOperation]; 14] = [
        &schedule::OPERATIONS,
        &template::OPERATIONS,
        &http1::OPERATIONS,
        &https::OPERATIONS,
        &http2::OPERATIONS,
        &grpc::OPERATIONS,
        &websocket::OPERATIONS,
        &tcp::OPERATIONS,
        &udp::OPERATIONS,
        &extract::OPERATIONS,
        &record::OPERATIONS,
        &merge::OPERATIONS,
        &dispatch::OPERATIONS,
        &flow::OPERATIONS,
    ];
    nouns.into_iter().flatten()
}

/// The operation of a title.
pub fn find(title: &str) -> Option<&'static CountedOperation> {
    all().find(|operation| operation.title() == title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_operation_can_be_done_and_done_again() {
        for operation in all() {
            let mut work = (operation.make)();
            work(operation.batch);
            work(2 * operation.batch);
        }
    }

    #[test]
    fn titles_name_one_operation_each() {
        let titles: BTreeSet<String> = all().map(CountedOperation::title).collect();
        assert_eq!(titles.len(), all().count());
        for title in &titles {
            assert_eq!(find(title).map(CountedOperation::title).as_ref(), Some(title));
        }
        assert!(find("schedule/nothing").is_none());
    }
}
