//! The built-in source: request templates drawn by weight.

use crate::bucket::Arrival;
use crate::outbox::Outbox;
use crate::outcome::Outcome;
use crate::random::{Draw, Draws};
use crate::seams::{Call, End, EndedAt, Source, StepFacts};
use crate::template::Template;

/// One request of a mix or of a flow, encoded for its protocol.
#[derive(Clone, Debug)]
pub struct EncodedStep {
    /// The bytes to send, with their holes.
    pub template: Template,
    /// How often it is drawn, relative to the others.
    pub weight: u32,
    /// True when the response has no body whatever its head says, as for HEAD.
    pub is_bodyless: bool,
}

/// Weighted templates.
#[derive(Clone, Debug)]
pub struct Mix {
    templates: Vec<Template>,
    facts: Vec<StepFacts>,
    /// Weights summed up: step k is drawn for numbers below `cumulated[k]` and not below the one before.
    cumulated: Vec<u64>,
    draws: Draws,
}

impl Mix {
    /// The mix of a scenario. Panics on an empty mix or one that weighs nothing, which no plan holds.
    pub fn new(steps: Vec<EncodedStep>, draws: Draws) -> Mix {
        let sum = |total: &mut u64, step: &EncodedStep| {
            *total += u64::from(step.weight);
            Some(*total)
        };
        let cumulated: Vec<u64> = steps.iter().scan(0, sum).collect();
        assert!(cumulated.last().is_some_and(|&total| total > 0), "a plan's requests weigh something");
        let facts = |step: &EncodedStep| StepFacts {
            constant: step.template.constant(),
            bytes_max: step.template.bytes_max(),
            is_bodyless: step.is_bodyless,
            is_looked_at: false,
        };
        let facts = steps.iter().map(facts).collect();
        Mix { templates: steps.into_iter().map(|step| step.template).collect(), facts, cumulated, draws }
    }
}

impl Source for Mix {
    #[inline]
    fn steps(&self) -> &[StepFacts] {
        &self.facts
    }

    #[inline]
    fn begin(&mut self, arrival: Arrival) -> Call {
        let step = match self.cumulated.len() {
            1 => 0,
            steps => {
                let total = self.cumulated[steps - 1];
                let drawn = self.draws.at(Draw::Step, arrival.number).between(0, total - 1);
                self.cumulated.partition_point(|&bound| bound <= drawn)
            }
        };
        Call { step: step as u32, session: 0 }
    }

    #[inline]
    fn render(&mut self, call: Call, number: u64, out: &mut Outbox<'_>) {
        self.templates[call.step as usize].render(number, self.draws, out);
    }

    #[inline]
    fn end(&mut self, _call: Call, end: End, _at: EndedAt) -> Outcome {
        end.outcome()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{outbox, template};

    fn step(text: &str, weight: u32) -> EncodedStep {
        EncodedStep {
            template: Template::new(template::parse(text).unwrap()).unwrap(),
            weight,
            is_bodyless: false,
        }
    }

    fn arrival(number: u64) -> Arrival {
        Arrival { number, intended_ns: 0 }
    }

    #[test]
    fn steps_are_drawn_by_weight() {
        let mut mix = Mix::new(vec![step("a", 1), step("b", 0), step("c", 9)], Draws::new(1, 0));
        let mut drawn = [0_u32; 3];
        (0..10_000).for_each(|number| drawn[mix.begin(arrival(number)).step as usize] += 1);
        assert_eq!(drawn[1], 0);
        assert!(drawn[0].abs_diff(1_000) < 150, "{drawn:?}");
    }

    #[test]
    fn a_request_is_that_of_its_arrival_in_whatever_order_they_are_rendered() {
        let texts = ["{{seq}}", "{{rand 1 1000000}} {{uuid}}", "constant"];
        let steps = || texts.iter().map(|text| step(text, 1)).collect();
        let mut mix = Mix::new(steps(), Draws::new(1, 0));
        let mut rendered = |number| {
            let call = mix.begin(arrival(number));
            let bytes_max = mix.steps()[call.step as usize].bytes_max;
            let out = outbox::collected(bytes_max, |out| mix.render(call, number, out));
            (call.step, String::from_utf8(out).unwrap())
        };
        let forwards: Vec<_> = (0..200).map(&mut rendered).collect();
        let mut backwards: Vec<_> = (0..200).rev().map(rendered).collect();
        backwards.reverse();
        assert_eq!(forwards, backwards);
        let is_numbered =
            |(number, (step, text)): (usize, &(u32, String))| *step > 0 || *text == number.to_string();
        assert!(forwards.iter().enumerate().all(is_numbered), "{forwards:?}");
        let steps_drawn: std::collections::BTreeSet<u32> = forwards.iter().map(|(step, _)| *step).collect();
        assert_eq!(steps_drawn.len(), texts.len());
    }
}
