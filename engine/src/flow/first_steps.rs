//! Which requests an iteration may begin with: an arrival begins when a connection is free to one of their targets.

use super::item::{FlowAction, FlowItem, FlowScript};

impl FlowScript {
    /// The steps that an iteration may send first, whatever is drawn, and whatever conditions come to.
    pub fn first_steps(&self) -> Vec<usize> {
        let mut first = Vec::new();
        add_first(&self.items, &mut first);
        first.sort_unstable();
        first.dedup();
        first
    }
}

/// Adds what some items may send first. True when it may be nothing, so that what comes behind them may be the first.
fn add_first(items: &[FlowItem], first: &mut Vec<usize>) -> bool {
    items.iter().all(|item| {
        let never = item.repeat.is_some_and(|times| times.max == 0) || item.chance == Some(0.0);
        if never {
            return true;
        }
        let may_be_nothing = match &item.action {
            FlowAction::Request(step) => {
                first.push(*step);
                false
            }
            FlowAction::Items(items) => add_first(items, first),
            FlowAction::OneOf(branches) => {
                let mut may_be_nothing = false;
                for branch in branches.iter().filter(|branch| branch.weight > 0) {
                    may_be_nothing |= add_first(&branch.items, first);
                }
                may_be_nothing
            }
        };
        let is_skipped = item.condition.is_some()
            || item.chance.is_some_and(|chance| chance < 1.0)
            || item.repeat.is_some_and(|times| times.min == 0);
        may_be_nothing || is_skipped
    })
}

#[cfg(test)]
mod tests {
    use crate::config::{Document, Format, Layers};
    use crate::plan::Plan;

    fn first(steps: &str) -> Vec<usize> {
        let text = format!("url = 'http://h/'\nload = {{ rate = 1 }}\n{steps}");
        let document = Document { name: "p".into(), text: text.clone(), format: Format::Toml };
        let config = Layers::new(Some(document)).unwrap().config().expect(&text);
        let plan = Plan::new(&config, &|_| Err(String::new())).expect(&text);
        plan.scenarios[0].flow().expect("it has steps").first_steps()
    }

    #[test]
    fn an_iteration_begins_with_the_first_step_or_with_what_may_be_skipped_before_it() {
        let behind = "[[step]]\nget = '/1'\n[[step]]\nget = '/2'\n";
        for (before, expected) in [
            ("[[step]]\nget = '/0'\n", vec![0]),
            ("[[step]]\nget = '/0'\nchance = '20%'\n", vec![0, 1]),
            ("[[step]]\nget = '/0'\nchance = '100%'\n", vec![0]),
            ("[[step]]\nget = '/0'\nchance = '0%'\n", vec![1]),
            ("[[step]]\nget = '/0'\nrepeat = '0..3'\n", vec![0, 1]),
            ("[[step]]\nget = '/0'\nrepeat = '1..3'\n", vec![0]),
            ("[[step]]\nget = '/0'\nrepeat = '0'\n", vec![1]),
        ] {
            assert_eq!(first(&format!("{before}{behind}")), expected, "{before}");
        }
    }

    #[test]
    fn of_a_choice_each_branch_that_can_be_drawn_may_be_the_first() {
        let flows =
            "[[flow.a]]\nget = '/a'\n[[flow.b]]\nget = '/b'\nchance = '50%'\n[[flow.c]]\nget = '/c'\n";
        let step = |choose: &str| format!("[[step]]\nchoose = {choose}\n[[step]]\nget = '/last'\n{flows}");
        assert_eq!(first(&step("{ a = 1, c = 2 }")), [0, 1]);
        assert_eq!(first(&step("{ a = 1, c = 0 }")), [0]);
        // What comes behind a branch that may be nothing is the last step.
        assert_eq!(first(&step("{ a = 1, b = 1 }")), [0, 1, 2]);
    }
}
