//! `counters`: what every operation and every request of the real loop costs, in counts, beside their baselines. Counts do not
//! depend on time.

use crate::baseline::{self, Count, CounterBaseline, Toolchain};
use crate::budgets;
use crate::budgets::Gate;
use crate::callgrind;
use crate::cases::{CaseServers, LoopCase, RequestBytes, Spoken};
use crate::cores::{GENERATOR_CORE, SERVER_CORE};
use crate::counter::{CounterKind, CounterStanding, STRICT, WIDE};
use crate::driver::PerRequest;
use crate::perf_stat::{self, SYSTEM_CALLS};
use crate::process::{self, shown};
use crate::repeat;
use crate::table::Table;
use clap::Args;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use vajra_perf::operations::{self, CountedOperation};

/// Requests of one case of the real loop.
const LOOP_REQUESTS: u64 = 50_000;

/// How often a case is run whose switches are counted.
const SWITCHES_RUNS: usize = 5;

/// The cases of the real loop that are counted: each way to send, the two loads, and TLS and HTTP/2 in the one that goes as fast
/// as its server.
const CASES: [LoopCase; 6] = [
    LoopCase::CLOSED,
    LoopCase { bytes: RequestBytes::Rendered, ..LoopCase::CLOSED },
    LoopCase { pipeline: 8, ..LoopCase::CLOSED },
    LoopCase::OPEN,
    LoopCase { spoken: Spoken::Https1, ..LoopCase::CLOSED },
    LoopCase { pipeline: 8, spoken: Spoken::Http2, ..LoopCase::CLOSED },
];

/// What to count, and against what.
#[derive(Args, Clone, Debug)]
pub(crate) struct Selection {
    /// Count only what has this in its title, such as record or loop/closed
    #[arg(long, default_value = "")]
    pub(crate) only: String,
    /// How much more is too much, such as 1% or 10% [default: 1%, or 10% in CI and with another toolchain]
    #[arg(long, value_parser = parse_limit)]
    pub(crate) limit: Option<f64>,
    /// Print only what is not within its limit
    #[arg(long)]
    pub(crate) brief: bool,
}

#[derive(Args)]
pub(crate) struct Saved {
    #[command(flatten)]
    pub(crate) options: Selection,
    /// Write what was counted as the new baseline
    #[arg(long)]
    save: bool,
}

/// `counters`: counts, and saves or compares.
pub(crate) fn run(arguments: &Saved) -> Result<Gate, String> {
    if !arguments.save {
        return compare(&arguments.options);
    }
    let counted = count(&arguments.options)?;
    let toolchain = Toolchain::here()?;
    let path = baseline::path();
    let baseline = match CounterBaseline::load(&path) {
        Ok(old) if !arguments.options.only.is_empty() => old.updated(toolchain, &counted),
        _ => CounterBaseline::new(toolchain, &counted),
    };
    baseline.save(&path)?;
    println!("{} counts saved to {}", counted.len(), path.display());
    Ok(Gate::Passed)
}

/// Counts, prints the table, and fails when anything is beyond its limit.
pub(crate) fn compare(options: &Selection) -> Result<Gate, String> {
    let baseline = CounterBaseline::load(&baseline::path())?;
    let limit = limit(options, &baseline.toolchain.differences(&Toolchain::here()?));
    let counted = count(options)?;
    if options.only.is_empty() {
        let left_over = baseline.left_over(&counted);
        if !left_over.is_empty() {
            println!("baselines of what is not counted any more, or not here: {}", left_over.join(", "));
        }
    }
    judge(&baseline, &counted, limit, options.brief)
}

/// Everything that was asked for.
fn count(options: &Selection) -> Result<Vec<Count>, String> {
    if cfg!(debug_assertions) {
        return Err("counts are of release builds: cargo run --release -p vajra-perf".into());
    }
    let is_wanted = |title: &str| title.contains(&options.only);
    let wanted: Vec<&CountedOperation> = operations::all().filter(|one| is_wanted(&one.title())).collect();
    let mut counted = count_operations(&wanted)?;
    let cases: Vec<LoopCase> = CASES.into_iter().filter(|case| is_wanted(&loop_title(*case))).collect();
    if !cases.is_empty() {
        counted.extend(count_cases(&cases)?);
    }
    if counted.is_empty() {
        return Err(format!("nothing that is counted has `{}` in its title", options.only));
    }
    Ok(counted)
}

fn limit(options: &Selection, differences: &[String]) -> f64 {
    let is_ci = std::env::var_os("CI").is_some();
    for difference in differences {
        println!("another toolchain: {difference}");
    }
    let limit = options.limit.unwrap_or(if is_ci || !differences.is_empty() { WIDE } else { STRICT });
    println!("limit {} %{}", limit * 100.0, if is_ci { ", in CI" } else { "" });
    limit
}

/// Counts operations, as many at a time as there are cores: the counts do not mind.
fn count_operations(wanted: &[&'static CountedOperation]) -> Result<Vec<Count>, String> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, counted) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(operation) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let counts = count_operation(operation);
                    counted.lock().expect("no worker panics while it holds it").push(counts);
                }
            });
        }
    });
    let counted = counted.into_inner().expect("no worker panicked while it held it");
    Ok(counted.into_iter().collect::<Result<Vec<_>, String>>()?.concat())
}

fn count_operation(operation: &'static CountedOperation) -> Result<Vec<Count>, String> {
    let cost = callgrind::count(operation)?;
    let once = repeat::allocated(operation, operation.batch).count;
    let twice = repeat::allocated(operation, 2 * operation.batch).count;
    let allocations = twice.saturating_sub(once) as f64 / operation.batch as f64;
    let count = |kind, value| Count { kind, title: operation.title(), value };
    Ok(vec![
        count(CounterKind::Instructions, cost.instructions),
        count(CounterKind::Calls, cost.calls),
        count(CounterKind::Allocations, allocations),
    ])
}

fn loop_title(case: LoopCase) -> String {
    format!("loop/{}", case.title())
}

fn count_cases(cases: &[LoopCase]) -> Result<Vec<Count>, String> {
    let servers = CaseServers::start(Some(SERVER_CORE))?;
    let can_trace = perf_stat::available()?.contains(&SYSTEM_CALLS);
    if !can_trace {
        println!("loop_other_calls are not counted: perf cannot read the tracepoint {SYSTEM_CALLS} here");
    }
    let counted = cases.iter().map(|case| count_case(*case, servers.address(*case), can_trace));
    Ok(counted.collect::<Result<Vec<_>, String>>()?.concat())
}

/// One case. What it gives its core away for is counted several times over, and the least of it is the loop's own: a machine
/// that is busy adds to it and takes nothing away. Everything else is the first run's.
fn count_case(case: LoopCase, address: SocketAddr, can_trace: bool) -> Result<Vec<Count>, String> {
    let mut counts = drive_case(case, address, can_trace)?;
    for _ in 1..SWITCHES_RUNS {
        let Some(least) = counts.iter_mut().find(|count| count.kind == CounterKind::LoopSwitches) else {
            break;
        };
        let again = drive_case(case, address, can_trace)?;
        let same = again.iter().find(|count| count.kind == least.kind);
        least.value = same.map_or(least.value, |count| count.value.min(least.value));
    }
    Ok(counts)
}

/// One run of a case, in a process of its own on its own core.
fn drive_case(case: LoopCase, address: SocketAddr, can_trace: bool) -> Result<Vec<Count>, String> {
    let program = std::env::current_exe().map_err(|error| format!("this program has no path: {error}"))?;
    let mut command = Command::new("taskset");
    command.args(["-c", &GENERATOR_CORE.to_string()]).arg(program).args(["drive", &case.title()]);
    command.args(["--address", &address.to_string(), "--requests", &LOOP_REQUESTS.to_string()]);
    let (ended, counts) = match can_trace {
        true => perf_stat::run(&command, &[SYSTEM_CALLS])?,
        false => (process::run(&mut command)?, perf_stat::Counts::new()),
    };
    if !ended.status.success() {
        return Err(format!("`{}` ended with {}: {}", shown(&command), ended.status, ended.stderr.trim()));
    }
    let each = PerRequest::from_json(ended.stdout.trim())?;
    Ok(counts_of(case, each, counts.get(SYSTEM_CALLS).copied()))
}

fn counts_of(case: LoopCase, each: PerRequest, calls: Option<f64>) -> Vec<Count> {
    let count = |kind, value| Count { kind, title: loop_title(case), value };
    let mut counts = vec![count(CounterKind::LoopAllocations, each.allocations)];
    if case.pipeline == 1 {
        // With more under way, how many responses come in one buffer is the server's choice.
        counts.push(count(CounterKind::LoopSubmissions, each.submissions));
        counts.push(count(CounterKind::LoopCompletions, each.completions));
    }
    if case.is_open_loop {
        // A closed loop sleeps until a response comes: how often is up to the server's speed and the neighbours.
        counts.push(count(CounterKind::LoopSwitches, each.switches));
    } else {
        // An open loop that waits by watching the clock has turns without a call.
        counts.push(count(CounterKind::LoopEnters, each.enters_per_turn));
    }
    if let Some(calls) = calls {
        counts.push(count(CounterKind::LoopOtherCalls, (calls / each.requests - each.enters).max(0.0)));
    }
    counts
}

/// Prints the table and what it means.
fn judge(baseline: &CounterBaseline, counted: &[Count], limit: f64, is_brief: bool) -> Result<Gate, String> {
    let mut table =
        Table::new(&["operation", "counter", "baseline", "measured", "difference", "allowed", "verdict"]);
    let (mut worse, mut better) = (Vec::new(), 0);
    for count in counted {
        let base = baseline.of(count.kind, &count.title).ok_or_else(|| {
            format!(
                "there is no baseline for {} of {}; make one with `counters --save`",
                count.kind.name(),
                count.title
            )
        })?;
        let standing = standing(count, base, limit);
        match standing {
            CounterStanding::Worse => worse.push(format!("{} of {}", count.kind.name(), count.title)),
            CounterStanding::Better => better += 1,
            CounterStanding::Within => {}
        }
        if !is_brief || standing != CounterStanding::Within {
            table.push(row(count, base, limit, standing));
        }
    }
    print!("{}", table.text());
    if better > 0 {
        println!(
            "{better} are better than their baselines by more than the limit: save them, so that they stay"
        );
    }
    match worse.as_slice() {
        [] => println!("{} counters within their limits: {}", counted.len(), Gate::Passed.word()),
        _ => println!(
            "{} of {} counters: {}: {}",
            worse.len(),
            counted.len(),
            Gate::Failed.word(),
            worse.join(", ")
        ),
    }
    Ok(Gate::when(worse.is_empty()))
}

/// What is promised outright needs no baseline.
fn standing(count: &Count, base: f64, limit: f64) -> CounterStanding {
    if count.kind == CounterKind::LoopAllocations && count.value > budgets::ALLOCATIONS as f64 {
        return CounterStanding::Worse;
    }
    count.kind.judge(base, count.value, limit)
}

fn row(count: &Count, base: f64, limit: f64, standing: CounterStanding) -> Vec<String> {
    let difference = match base {
        0.0 => format!("{:+.3}", count.value - base),
        _ => format!("{:+.2} %", (count.value / base - 1.0) * 100.0),
    };
    let verdict = match standing {
        CounterStanding::Within => Gate::Passed.word(),
        CounterStanding::Better => "better",
        CounterStanding::Worse => Gate::Failed.word(),
    };
    vec![
        count.title.clone(),
        count.kind.name().into(),
        format!("{base:.3}"),
        format!("{:.3}", count.value),
        difference,
        count.kind.allowed(limit),
        verdict.into(),
    ]
}

/// Reads `1%`, `0.5 %` or `0.01`.
fn parse_limit(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.trim().strip_suffix('%') {
        Some(percent) => (percent.trim(), 0.01),
        None => (text.trim(), 1.0),
    };
    let limit = number.parse::<f64>().ok().map(|number| number * unit);
    limit
        .filter(|limit| (0.0..=1.0).contains(limit))
        .ok_or_else(|| "a limit is a share from 0% to 100%, such as 1%".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(kind: CounterKind, value: f64) -> Count {
        Count { kind, title: "a".into(), value }
    }

    #[test]
    fn a_limit_is_a_share() {
        assert_eq!(parse_limit("1%"), Ok(0.01));
        assert_eq!(parse_limit("0.1"), Ok(0.1));
        for bad in ["", "x", "-1%", "101%", "nan"] {
            assert!(parse_limit(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_allocation_in_the_real_loop_is_no_matter_of_baselines() {
        let one = count(CounterKind::LoopAllocations, 0.1);
        assert_eq!(standing(&one, 0.1, WIDE), CounterStanding::Worse);
        assert_eq!(standing(&count(CounterKind::LoopAllocations, 0.0), 0.0, WIDE), CounterStanding::Within);
    }

    #[test]
    fn a_worse_counter_fails_the_gate_and_a_missing_baseline_is_an_error() {
        let before = [count(CounterKind::Instructions, 100.0), count(CounterKind::Calls, 0.0)];
        let toolchain = CounterBaseline::load(&baseline::path()).unwrap().toolchain;
        let baseline = CounterBaseline::new(toolchain, &before);
        let judge = |counts: &[Count]| judge(&baseline, counts, STRICT, true);
        assert_eq!(judge(&before), Ok(Gate::Passed));
        assert_eq!(judge(&[count(CounterKind::Instructions, 103.5)]), Ok(Gate::Failed));
        assert_eq!(judge(&[count(CounterKind::Calls, 1.0)]), Ok(Gate::Failed));
        assert!(judge(&[count(CounterKind::Allocations, 0.0)]).unwrap_err().contains("no baseline"));
    }

    #[test]
    fn every_operation_and_case_has_its_baseline() {
        let baseline = CounterBaseline::load(&baseline::path()).unwrap();
        for operation in operations::all() {
            for kind in [CounterKind::Instructions, CounterKind::Calls, CounterKind::Allocations] {
                assert!(baseline.of(kind, &operation.title()).is_some(), "{}", operation.title());
            }
        }
        for case in CASES {
            assert_eq!(baseline.of(CounterKind::LoopAllocations, &loop_title(case)), Some(0.0));
        }
    }
}
