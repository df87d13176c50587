//! Whether this machine has local ports enough.
//!
//! There has to be one for each connection to an address of the target, and where connections are used once, one for each that was
//! closed a short while ago.

use super::check::Check;
use crate::machine::sysctl;
use engine::load::Load;
use engine::plan::{Plan, Scenario, TargetProtocol};
use engine::quantity::counted;
use engine::schedule::Segment;
use engine::url::Endpoint;
use socket2::SockAddr;

/// What the check is called.
const LOCAL_PORTS: &str = "local ports";
/// For how long the kernel keeps the port of a connection that this side closed first (TCP_TIMEWAIT_LEN), in seconds.
const KEPT_S: f64 = 60.0;
/// The same where it may be taken for a new connection (net.ipv4.tcp_tw_reuse).
const KEPT_IF_TAKEN_AGAIN_S: f64 = 1.0;
const WIDEN: &str = "sysctl -w net.ipv4.ip_local_port_range='1024 65535'";

/// What the kernel has of them.
#[derive(Clone, Copy, Debug)]
struct LocalPorts {
    /// Over all addresses of the target: each has the whole range for itself.
    available: u64,
    kept_s: f64,
}

/// Nothing where the target is not reached by TCP, or the kernel does not say.
pub(super) fn check(plan: &Plan, target: usize, addresses: &[SockAddr]) -> Option<Check> {
    if !matches!(plan.targets[target].endpoint(), Endpoint::Tcp { .. }) {
        return None;
    }
    Some(judge(plan, target, LocalPorts::read(addresses)?))
}

fn judge(plan: &Plan, target: usize, ports: LocalPorts) -> Check {
    let LocalPorts { available, kept_s } = ports;
    let pools = plan.pools.iter().filter(|pool| pool.target == target);
    let asked: u64 = pools.map(|pool| u64::from(pool.connections.count())).sum();
    let found = format!("{} for {}", counted(available, "local port"), counted(asked, "connection"));
    let kept = kept_at_once(plan, target, kept_s);
    let (whose, instead) = match plan.targets[target].reuse() {
        true => ("iteration", "let users come and stay (`of = \"users\"`)"),
        false => ("request", "use connections again (leave out --disable-keepalive)"),
    };
    match asked {
        asked if asked > available => Check::fail(LOCAL_PORTS, found, WIDEN),
        _ if kept > available => Check::warn(
            LOCAL_PORTS,
            format!(
                "{}; each {whose} has a connection of its own, whose port is kept for {kept_s} s unless the target closes first: up to \
                 {kept} at a time",
                counted(available, "local port")
            ),
            format!("{instead}, ask for less, or {WIDEN} net.ipv4.tcp_tw_reuse=1"),
        ),
        asked if asked > available * 4 / 5 => Check::warn(LOCAL_PORTS, found, WIDEN),
        _ => Check::pass(LOCAL_PORTS, found),
    }
}

/// How many ports connections for single requests, or for single iterations, may keep after their end, at the most; 0 where connections are
/// used again, where a response is over once the target has closed its connection, and of closed loops, whose rate nobody knows.
fn kept_at_once(plan: &Plan, target: usize, kept_s: f64) -> u64 {
    let (reuse, protocol) = (plan.targets[target].reuse(), &plan.targets[target].protocol);
    if matches!(protocol, TargetProtocol::Tcp { .. }) && !reuse {
        return 0;
    }
    let is_closed = |pool: usize| {
        let pool = plan.pools[pool];
        pool.target == target && (!reuse || pool.connections.is_per_session())
    };
    let is_meant = |scenario: &&Scenario| scenario.pools().into_iter().any(is_closed);
    plan.scenarios.iter().filter(is_meant).map(|scenario| kept_of(scenario, kept_s)).sum()
}

fn kept_of(scenario: &Scenario, kept_s: f64) -> u64 {
    let (Load::Open { segments, .. }, Some(schedule)) = (&scenario.load, scenario.schedule()) else {
        return 0;
    };
    let highest_rps = segments.iter().map(Segment::highest_rps).fold(0.0, f64::max);
    let all = schedule.arrivals_before(scenario.ends_ns());
    ((highest_rps * kept_s) as u64).min(all).min(scenario.requests_max.unwrap_or(u64::MAX))
}

impl LocalPorts {
    fn read(addresses: &[SockAddr]) -> Option<LocalPorts> {
        let range = sysctl("net.ipv4.ip_local_port_range")?;
        let mut bounds = range.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
        let (low, high) = (bounds.next()?, bounds.next()?);
        let available = (high.saturating_sub(low) + 1) * addresses.len() as u64;
        let setting = sysctl("net.ipv4.tcp_tw_reuse").unwrap_or_default();
        Some(LocalPorts { available, kept_s: kept_s(&setting, addresses.iter().all(is_loopback)) })
    }
}

/// By net.ipv4.tcp_tw_reuse: 0 is never, 1 always, and 2, the default, on the loopback alone.
fn kept_s(setting: &str, is_loopback: bool) -> f64 {
    match (setting, is_loopback) {
        ("1", _) | ("2", true) => KEPT_IF_TAKEN_AGAIN_S,
        _ => KEPT_S,
    }
}

fn is_loopback(address: &SockAddr) -> bool {
    address.as_socket().is_some_and(|socket| socket.ip().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::super::check::Grade;
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

    fn grade(text: &str, available: u64) -> Grade {
        judge(&plan(text), 0, LocalPorts { available, kept_s: KEPT_S }).grade
    }

    #[test]
    fn each_connection_takes_a_port() {
        let text = "[run]\nconnections = 100";
        assert_eq!(grade(text, 200), Grade::Pass);
        assert_eq!(grade(text, 110), Grade::Warn);
        assert_eq!(grade(text, 99), Grade::Fail);
    }

    #[test]
    fn a_connection_for_each_request_keeps_its_port_for_a_minute() {
        let text = |reuse, duration| {
            format!("[run]\nduration = '{duration}'\n[load]\nrate = 500\n[http]\nreuse = {reuse}")
        };
        assert_eq!(grade(&text(false, "10m"), 29_999), Grade::Warn);
        assert_eq!(grade(&text(false, "10m"), 30_000), Grade::Pass);
        assert_eq!(grade(&text(true, "10m"), 29_999), Grade::Pass);
        assert_eq!(grade(&text(false, "10s"), 5_000), Grade::Pass, "it ends before a port is free again");
        assert_eq!(grade(&text(false, "10s"), 4_999), Grade::Warn);
        assert_eq!(
            grade("[http]\nreuse = false", 1_000),
            Grade::Pass,
            "nobody knows how fast a closed loop is"
        );
        let check = judge(&plan(&text(false, "10m")), 0, LocalPorts { available: 28_232, kept_s: KEPT_S });
        assert!(check.found.contains("kept for 60 s") && check.found.contains("up to 30000"), "{check:?}");
        assert!(check.fix.contains("tcp_tw_reuse=1"), "{check:?}");
    }

    #[test]
    fn a_connection_for_each_iteration_keeps_its_port_too_and_that_of_a_user_does_not() {
        let text = |load| {
            format!(
                "[run]\nduration = '10m'\nconnections = 'per user'\nsessions = 500\n[load]\n{load}\n[[step]]\nget = '/'"
            )
        };
        let judged = |load, available| judge(&plan(&text(load)), 0, LocalPorts { available, kept_s: KEPT_S });
        assert_eq!(judged("rate = 100", 6_000).grade, Grade::Pass);
        let check = judged("rate = 100", 5_999);
        assert_eq!(check.grade, Grade::Warn);
        assert!(check.found.contains("each iteration") && check.fix.contains("users"), "{check:?}");
        assert_eq!(judged("users = 100", 5_999).grade, Grade::Pass);
        assert_eq!(judged("users = 100", 99).grade, Grade::Fail, "each has one");
    }

    #[test]
    fn how_long_a_port_is_kept_is_the_kernels_to_say() {
        assert_eq!(kept_s("0", true), KEPT_S);
        assert_eq!(kept_s("2", false), KEPT_S);
        assert_eq!(kept_s("2", true), KEPT_IF_TAKEN_AGAIN_S);
        assert_eq!(kept_s("1", false), KEPT_IF_TAKEN_AGAIN_S);
        assert_eq!(kept_s("", true), KEPT_S, "an old kernel has no such setting");
    }
}
