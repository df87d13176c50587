//! Before the load: can this machine carry the plan, is the target there, and what does it say to the plan's requests?
//!
//! Each check says what was found and, if that is not enough, the command that fixes it.

mod check;
mod datagrams;
mod exchange;
mod feeds;
mod greeting;
mod moments;
mod policies;
mod ports;
mod reflection;
mod requests;
mod secured;
mod setup;
mod sockets;
mod streams;

pub use check::{Check, Grade, REQUEST};
pub use feeds::feeds;
pub use reflection::Reflection;
pub use requests::connect;
pub use setup::SETUP;
pub(crate) use setup::{SetupRunner, TakenValues};

use crate::machine::{allowed_cores, core_count, quota_cores, sysctl, usable_cores};
use crate::sys::{Ring, Setup};
use engine::failure::RunFailure;
use engine::load::Load;
use engine::plan::{Plan, Scenario};
use engine::quantity::counted;
use engine::report::Calibrated;
use engine::schedule::Segment;
use engine::verdict::has_room_for_a_shard;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::SockAddr;
use std::io;

/// What one executor needs locked, in bytes.
const LOCKED_BYTES_PER_SHARD: u64 = 512 << 10;
/// Descriptors that are not connections: rings, files, pipes of the executors.
const DESCRIPTORS_BESIDES: u64 = 64;
const DESCRIPTORS_PER_SHARD: u64 = 16;
/// What to do where io_uring is forbidden, and where it is told at length.
const CONTAINERS: &str = "`docker run --security-opt seccomp=seccomp.json`, see docs/INSTALL.md#containers";
/// A shard that is asked for more than this share of what it can carry has little time left to be on time.
const CAPACITY_SHARE_MAX: f64 = 0.8;

/// All checks. `addresses` are those of each target, or why there are none. With `sends_all` the plan's requests that are not safe
/// are sent as well, once each.
pub fn check(plan: &Plan, addresses: &[Result<Vec<SockAddr>, RunFailure>], sends_all: bool) -> Vec<Check> {
    let mut checks = vec![ring(), locked_memory(plan), descriptors(plan), cores(plan), quota(plan)];
    checks.extend(policies::check(plan));
    checks.extend(moments::check(plan));
    checks.extend(setup::check(plan));
    for (target, addresses) in addresses.iter().enumerate() {
        let of_target = match addresses {
            Err(failure) => {
                vec![Check::fail("target", &failure.text, "check the host name, or give an address")]
            }
            Ok(addresses) => {
                let ports = ports::check(plan, target, addresses).into_iter();
                ports.chain(requests::check(plan, target, &addresses[0], sends_all)).collect()
            }
        };
        checks.extend(of_target.into_iter().map(|check| named(plan, target, check)));
    }
    checks
}

/// A check of one of several targets says which.
fn named(plan: &Plan, target: usize, mut check: Check) -> Check {
    if plan.targets.len() > 1 {
        check.found = format!("{}: {}", plan.targets[target].name, check.found);
    }
    check
}

/// Whether the shards can carry the rate that is asked for, by what was measured of them. Nothing where nothing was, and
/// for a closed loop, which asks for no rate.
pub fn capacity(plan: &Plan, calibration: Option<&Calibrated>) -> Option<Check> {
    capacity_on(plan, calibration, usable_cores())
}

fn capacity_on(plan: &Plan, calibration: Option<&Calibrated>, cores: u64) -> Option<Check> {
    let calibration = calibration?;
    let capacity_rps = calibration.capacity_rps_per_shard?;
    let of_scenario = |scenario: &Scenario| match &scenario.load {
        Load::Closed | Load::Users(_) => None,
        Load::Open { segments, .. } => Some(segments.iter().map(Segment::highest_rps).fold(0.0, f64::max)),
    };
    // Scenarios may reach their highest rates at the same time.
    let asked_rps =
        plan.scenarios.iter().filter_map(of_scenario).reduce(|a, b| a + b)? / f64::from(plan.machine.shards);
    let share = asked_rps / capacity_rps;
    // Nobody has measured what it can carry of TLS, which is less.
    let without = if plan.targets.iter().any(|target| target.tls().is_some()) { " without TLS" } else { "" };
    let found = format!(
        "{asked_rps:.0}/s asked of each shard, {:.1} % of the {capacity_rps:.0}/s that one can carry{without} ({})",
        share * 100.0,
        calibration.origin()
    );
    Some(match share {
        share if share > CAPACITY_SHARE_MAX => {
            let fix = match has_room_for_a_shard(plan.machine.shards.into(), cores) {
                true => "use more shards (-t), or ask for less",
                false => "ask for less, or use a machine with more cores",
            };
            Check::warn("capacity", found, format!("{fix}; if the machine has changed, `vajra calibrate`"))
        }
        _ => Check::pass("capacity", found),
    })
}

/// What io_uring offers here, in words.
pub fn ring_features() -> String {
    match probe_ring() {
        Ok(features) => features,
        Err(error) => format!("not available: {error}"),
    }
}

fn probe_ring() -> io::Result<String> {
    let ring = Ring::new(Setup {
        slots: 1,
        buffers: 1,
        addresses: Vec::new(),
        constants: Vec::new(),
        copy_bytes_max: 0,
        has_datagrams: false,
    })?;
    let features = ring.features();
    let mut words = vec!["multishot receive", "provided buffers", "fixed files"];
    if features.deferred_taskrun {
        words.push("deferred task work");
    }
    if features.absolute_timeouts {
        words.push("absolute timeouts");
    }
    Ok(words.join(", "))
}

fn ring() -> Check {
    match probe_ring() {
        Ok(features) => Check::pass("io_uring", features),
        Err(error) => {
            let disabled = sysctl("kernel.io_uring_disabled").unwrap_or_else(|| "0".into());
            let (found, fix) = explain_ring_error(&error, &disabled);
            Check::fail("io_uring", found, fix)
        }
    }
}

/// The likely cause of a ring that cannot be made, and what fixes it.
fn explain_ring_error(error: &io::Error, disabled: &str) -> (String, String) {
    let errno = error.raw_os_error().unwrap_or(0);
    match (errno, disabled) {
        (_, "1" | "2") => (
            format!("switched off by kernel.io_uring_disabled = {disabled}"),
            "sysctl -w kernel.io_uring_disabled=0".into(),
        ),
        (libc::EPERM | libc::EACCES, _) => (
            "forbidden to this process, most likely by a container's seccomp profile".into(),
            format!("allow the io_uring system calls: {CONTAINERS}"),
        ),
        // Podman's profile answers so for every call that it does not list, Docker's with EPERM.
        (libc::ENOSYS, _) => (
            "this kernel has none, or a container's seccomp profile forbids it".into(),
            format!("use Linux 6.0 or later, with io_uring built in; in a container, {CONTAINERS}"),
        ),
        (libc::ENOMEM, _) => ("not enough lockable memory for a ring".into(), "ulimit -l unlimited".into()),
        (libc::EINVAL, _) => (
            "this kernel lacks a feature that is needed (provided buffer rings)".into(),
            "use Linux 6.0 or later".into(),
        ),
        _ => (format!("cannot be set up: {error}"), "see `man io_uring_setup` for this error".into()),
    }
}

fn locked_memory(plan: &Plan) -> Check {
    let needed = LOCKED_BYTES_PER_SHARD * u64::from(plan.machine.shards);
    let (limit, _) = getrlimit(Resource::RLIMIT_MEMLOCK).unwrap_or((u64::MAX, u64::MAX));
    let found =
        if limit == u64::MAX { "unlimited".into() } else { format!("{} KiB may be locked", limit >> 10) };
    if limit >= needed {
        return Check::pass("locked memory", found);
    }
    Check::fail(
        "locked memory",
        format!("{found}, {} are needed", needed >> 10),
        format!("ulimit -l {}", needed >> 10),
    )
}

/// Raises the soft limit if the hard one allows it: that is what it is for.
fn descriptors(plan: &Plan) -> Check {
    let besides = DESCRIPTORS_BESIDES + DESCRIPTORS_PER_SHARD * u64::from(plan.machine.shards);
    let needed = u64::from(plan.connections()) + besides;
    let needed_words = format!("{needed} are needed{}", one_per_user(plan));
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((u64::MAX, u64::MAX));
    if soft >= needed {
        return Check::pass("descriptors", format!("{soft} may be open, {needed_words}"));
    }
    if hard >= needed && setrlimit(Resource::RLIMIT_NOFILE, needed, hard).is_ok() {
        let found = format!("limit raised from {soft} to {needed}{}", one_per_user(plan));
        return Check::pass("descriptors", found);
    }
    let fewer = if plan.connections_per_user() > 0 { ", or allow fewer `sessions` or users" } else { "" };
    Check::fail(
        "descriptors",
        format!("{soft} may be open, {needed_words}"),
        format!("ulimit -n {needed}{fewer}"),
    )
}

/// How many connections are of one user each, if any are.
fn one_per_user(plan: &Plan) -> String {
    match plan.connections_per_user() {
        0 => String::new(),
        all if all == plan.connections() => format!(": connections are one per user, at most {all}"),
        some => format!(": {some} connections at most are one per user"),
    }
}

fn cores(plan: &Plan) -> Check {
    let (allowed, count) = (allowed_cores(), core_count());
    if let Some(core) = plan.machine.cores.iter().find(|core| !allowed.contains(core)) {
        let why = if (*core as u64) < count { "is not in this process's cpuset" } else { "does not exist" };
        let list: Vec<String> = allowed.iter().map(usize::to_string).collect();
        return Check::fail(
            "cores",
            format!("core {core} {why}"),
            format!("use some of --cores {}", list.join(",")),
        );
    }
    let shards = plan.machine.shards as usize;
    let found = format!(
        "{} on {}",
        counted(u64::from(plan.machine.shards), "shard"),
        counted(allowed.len() as u64, "core")
    );
    match allowed.len() {
        allowed if shards > allowed => {
            Check::fail("cores", found, format!("use at most -t {allowed}, or a larger machine"))
        }
        1 => Check::warn(
            "cores",
            found,
            "the collector and the kernel have no core of their own: use a larger machine",
        ),
        allowed if shards == allowed => {
            Check::warn("cores", found, "leave one core to the collector and the kernel: use fewer shards")
        }
        _ => Check::pass("cores", found),
    }
}

fn quota(plan: &Plan) -> Check {
    match quota_cores() {
        None => Check::pass("CPU quota", "none"),
        Some(cores) if cores < f64::from(plan.machine.shards) => Check::warn(
            "CPU quota",
            format!(
                "{cores:.2} cores, less than {}: the kernel will stop them in turns",
                counted(u64::from(plan.machine.shards), "shard")
            ),
            if plan.machine.shards == 1 {
                "raise the container's CPU limit"
            } else {
                "raise the container's CPU limit, or use fewer shards"
            },
        ),
        Some(cores) => Check::pass("CPU quota", format!("{cores:.2} cores")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Plan {
        let document = engine::config::Document {
            name: "p".into(),
            text: format!("url = 'http://h/'\n{text}"),
            format: engine::config::Format::Toml,
        };
        let layers = engine::config::Layers::new(Some(document)).unwrap();
        Plan::new(&layers.config().unwrap(), &|_| Err(String::new())).unwrap()
    }

    #[test]
    fn a_rate_near_what_a_shard_was_calibrated_to_carry_is_warned_of() {
        let calibrated = Calibrated { capacity_rps_per_shard: Some(10_000.0), ..Calibrated::default() };
        let grade = |load: &str| capacity(&plan(load), Some(&calibrated)).map(|check| check.grade);
        assert_eq!(grade("[load]\nrate = 8000"), Some(Grade::Pass));
        assert_eq!(grade("[load]\nrate = 8001"), Some(Grade::Warn));
        assert_eq!(grade("[run]\nshards = 2\n[load]\nrate = 16000"), Some(Grade::Pass), "shared by both");
        assert_eq!(grade("[load]\nshape = 'ramp'\nfrom = 9000\nto = 10"), Some(Grade::Warn));
        let sine = "[load]\nshape = 'sine'\nmean = 5000\namplitude = 4000\nperiod = '5s'";
        assert_eq!(grade(sine), Some(Grade::Warn), "its crest");
        assert_eq!(grade(""), None, "a closed loop asks for no rate");
        let check = |cores| capacity_on(&plan("[load]\nrate = 9000"), Some(&calibrated), cores).unwrap();
        assert!(check(8).found.contains("90.0 %") && check(8).fix.contains("-t"), "{:?}", check(8));
        assert!(
            !check(2).fix.contains("-t"),
            "a second shard would take the collector's core: {:?}",
            check(2)
        );
    }

    #[test]
    fn nothing_is_said_of_capacity_where_none_was_measured() {
        let plan = plan("[load]\nrate = 9000");
        assert_eq!(capacity(&plan, None), None);
        assert_eq!(capacity(&plan, Some(&Calibrated::default())), None);
    }

    #[test]
    fn a_ring_that_cannot_be_made_is_explained_with_the_command_that_mends_it() {
        let explain = |errno, disabled| explain_ring_error(&io::Error::from_raw_os_error(errno), disabled);
        assert!(explain(libc::EPERM, "2").1.contains("sysctl -w kernel.io_uring_disabled=0"));
        assert!(explain(libc::EPERM, "0").1.contains("seccomp"));
        assert!(explain(libc::ENOSYS, "0").1.contains("docs/INSTALL.md#containers"));
        assert!(explain(libc::ENOMEM, "0").1.contains("ulimit -l"));
        assert!(explain(libc::ENOSYS, "0").1.contains("Linux 6.0"));
    }
}
