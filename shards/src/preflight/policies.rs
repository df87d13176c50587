//! What the clients of a plan do of their own accord, told before the load: overload, failures, cookies, named flows.

use super::check::Check;
use engine::load::{Load, Overload};
use engine::plan::{Plan, Scenario};
use engine::quantity::show_ns;

/// One check for each such thing of each scenario; nothing where nothing was asked for.
pub(super) fn check(plan: &Plan) -> Vec<Check> {
    let of_scenario = |scenario: &Scenario| -> Vec<Check> {
        let said = [
            ("overload", overload(scenario)),
            ("failures", failures(scenario)),
            ("cookies", cookies(scenario)),
            ("flows", flows(scenario)),
        ];
        let named = |text: String| match plan.scenarios.len() {
            1 => text,
            _ => format!("{}: {text}", scenario.name),
        };
        said.into_iter().filter_map(|(name, text)| Some(Check::pass(name, named(text?)))).collect()
    };
    plan.scenarios.iter().flat_map(of_scenario).collect()
}

fn overload(scenario: &Scenario) -> Option<String> {
    let Load::Open { overload, .. } = &scenario.load else { return None };
    match *overload {
        Overload::Queue => None,
        Overload::Shed { deadline_ns } => {
            Some(format!("shed: arrivals are dropped that have waited for {}", show_ns(deadline_ns)))
        }
        Overload::Degrade { slip_ns, floor_ppm } => Some(format!(
            "degrade: fewer are sent while the oldest waits for longer than {}, {} % at the least",
            show_ns(slip_ns),
            f64::from(floor_ppm) / 1e4
        )),
    }
}

fn failures(scenario: &Scenario) -> Option<String> {
    let resilience = &scenario.flow()?.resilience;
    (!resilience.is_nothing()).then(|| resilience.to_string())
}

fn cookies(scenario: &Scenario) -> Option<String> {
    scenario.flow()?.cookies.then(|| "each iteration keeps its own, and begins with none".to_owned())
}

/// Its named flows, which are reported each by itself.
fn flows(scenario: &Scenario) -> Option<String> {
    let all = scenario.flow()?.all_named_flows();
    let reported = scenario.named_flows();
    let others = all.len() - reported.len();
    let left_out = match others {
        0 => String::new(),
        others => format!("; {others} more have no figures of their own"),
    };
    (!all.is_empty()).then(|| format!("{}: each has figures of its own{left_out}", reported.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::config::{Document, Format, Layers};

    fn found(text: &str) -> Vec<(&'static str, String)> {
        let document = Document { name: "p".into(), text: text.into(), format: Format::Toml };
        let config = Layers::new(Some(document)).unwrap().config().unwrap();
        let plan = Plan::new(&config, &|_| Err(String::new())).unwrap();
        check(&plan).into_iter().map(|check| (check.name, check.found)).collect()
    }

    #[test]
    fn what_clients_do_of_their_own_accord_is_shown_and_nothing_else() {
        assert_eq!(found("url = 'http://h/'\nload = { rate = 5 }"), []);
        let one = found(
            "url = 'http://h/'\ncookies = true\nretry = { on = ['connect', '5xx'], wait = '100ms' }\n\
             load = { rate = 5, overload = 'shed', deadline = '20ms' }\n[[step]]\nget = '/'",
        );
        let expected = [
            ("overload", "shed: arrivals are dropped that have waited for 20.0 ms"),
            ("failures", "3 attempts on connect, 5xx after 100ms"),
            ("cookies", "each iteration keeps its own, and begins with none"),
        ];
        assert_eq!(one, expected.map(|(name, text)| (name, text.to_owned())));
        let flows = found(
            "url = 'http://h/'\n[scenario.a]\nflow = ['b*2', 'a']\nload = { rate = 5 }\n[[flow.a]]\nget = '/'\n\
             [[flow.b]]\nrun = 'c'\n[[flow.c]]\nget = '/'",
        );
        assert_eq!(flows, [("flows", "b, c, a: each has figures of its own".to_owned())]);
        let two = found(
            "url = 'http://h/'\n[scenario.a]\nload = { rate = 5, overload = 'degrade' }\n[scenario.b]\n\
             load = { rate = 5 }\nbreaker = { opens = '50% of 20' }",
        );
        assert!(two[0].1.starts_with("a: degrade") && two[0].1.contains("10 % at the least"), "{two:?}");
        assert!(two[1].1.starts_with("b: 1 client whose breaker opens at 10 failures of 20"), "{two:?}");
        assert_eq!(two.len(), 2);
    }
}
