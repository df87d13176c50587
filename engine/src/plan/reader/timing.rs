//! When each scenario begins, how long it lasts, and what it offers meanwhile. Some begin when others end, so these come first.

use super::{DURATION_NS_DEFAULT, PlanReader, Typed};
use crate::config::{Text, closest};
use crate::length;
use crate::load::Load;
use crate::quantity::{parse_count, show_ns};
use crate::random::Draws;

/// When a scenario schedules, and what.
#[derive(Clone)]
pub(super) struct ScenarioTiming {
    pub(super) starts_ns: u64,
    pub(super) length_ns: u64,
    pub(super) load: Load,
    pub(super) requests_max: Option<u64>,
    /// The load could be read; otherwise a closed loop stands for it.
    pub(super) is_read: bool,
    /// It ends with the last of its requests, and nobody knows before when that is.
    is_open_ended: bool,
}

impl PlanReader<'_> {
    /// The timing of every scenario, in their order.
    pub(super) fn timings(&mut self, typed: &[Typed]) -> Vec<ScenarioTiming> {
        let mut settled = vec![None; typed.len()];
        let asked_ns = self.duration(&self.config.run.duration, "run.duration");
        for index in 0..typed.len() {
            self.settle(index, typed, asked_ns, &mut settled, &mut Vec::new());
        }
        settled.into_iter().map(|timing| timing.expect("settled on the lines above")).collect()
    }

    /// Settles a scenario, and before it the one that it follows. `path` is what led here.
    fn settle(
        &mut self,
        index: usize,
        typed: &[Typed],
        asked_ns: Option<u64>,
        settled: &mut [Option<ScenarioTiming>],
        path: &mut Vec<usize>,
    ) -> u64 {
        if let Some(timing) = &settled[index] {
            return timing.starts_ns.saturating_add(timing.length_ns);
        }
        path.push(index);
        let starts_ns = match self.followed(&typed[index], typed) {
            None => self.duration(&typed[index].config.starts, &typed[index].at("starts")).unwrap_or(0),
            Some(followed) if path.contains(&followed) => {
                let name = |index: &usize| typed[*index].name.unwrap_or_default();
                let from = path.iter().position(|index| *index == followed).unwrap_or(0);
                let circle = path[from..].iter().chain([&followed]).map(name).collect::<Vec<_>>();
                let problem = format!("scenarios wait for each other: {}", circle.join(" after "));
                self.wrong(&typed[index].at("after"), problem, "let one of them have a `starts`");
                0
            }
            Some(followed) => {
                let ends_ns = self.settle(followed, typed, asked_ns, settled, path);
                if settled[followed].as_ref().is_some_and(|timing| timing.is_open_ended) {
                    let name = typed[followed].name.unwrap_or_default();
                    let problem =
                        format!("when `{name}` has sent the last of its requests is not known before");
                    let fix = format!("give `{name}` a `duration`, or let this one begin at a time");
                    self.wrong(&typed[index].at("after"), problem, fix);
                }
                ends_ns
            }
        };
        path.pop();
        // Every scenario of a probe begins and ends with it.
        let starts_ns = if self.is_probed { 0 } else { starts_ns };
        let draws = Draws::new(self.seed, index as u32);
        let timing = self.timing(&typed[index], starts_ns, asked_ns, draws);
        settled[index].insert(timing).ends_ns()
    }

    /// The scenario that this one follows, if it is to follow one that there is.
    fn followed(&mut self, typed: &Typed, all: &[Typed]) -> Option<usize> {
        let Text(name) = typed.config.after.as_ref()?;
        if typed.config.starts.is_some() {
            let problem = "a scenario begins at a time or after another, and not both";
            self.wrong(&typed.at("after"), problem, "leave out `starts` or `after`");
        }
        let found = all.iter().position(|other| other.name == Some(name));
        if found.is_none() {
            let names: Vec<&str> = all.iter().filter_map(|other| other.name).collect();
            let fix = match closest(name, &names) {
                Some(guess) => format!("did you mean `{guess}`?"),
                None => format!("there are {}", names.join(", ")),
            };
            self.wrong(&typed.at("after"), format!("there is no scenario `{name}`"), fix);
        }
        found
    }

    fn timing(
        &mut self,
        typed: &Typed,
        starts_ns: u64,
        asked_ns: Option<u64>,
        draws: Draws,
    ) -> ScenarioTiming {
        let config = &typed.config;
        let requests_max = self.requests_max(typed);
        let duration_key = typed.at("duration");
        let own_ns = match typed.name {
            Some(_) => self.duration(&config.duration, &duration_key),
            None => asked_ns,
        };
        let own_ns = if self.is_probed { asked_ns } else { own_ns };
        let is_too_late = asked_ns.is_some_and(|asked_ns| starts_ns >= asked_ns) && typed.name.is_some();
        if is_too_late {
            let problem = format!("it would begin after {}, when the run is over", show_ns(starts_ns));
            let key = if config.after.is_some() { "after" } else { "starts" };
            let fix = "let it begin earlier, give what it follows a `duration`, or make the run longer";
            self.wrong(&typed.at(key), problem, fix);
        }
        let left_ns = asked_ns.map(|asked_ns| asked_ns.saturating_sub(starts_ns));
        if let (Some(own_ns), Some(left_ns), Some(_), false) = (own_ns, left_ns, typed.name, is_too_late)
            && own_ns > left_ns
        {
            let ends = show_ns(starts_ns.saturating_add(own_ns));
            let problem = format!("it would last until {ends}, and the run ends before");
            self.wrong(&duration_key, problem, "let it be shorter, or the run longer");
        }
        let length_ns = if is_too_late { None } else { own_ns.or(left_ns) };
        if length_ns == Some(0) {
            self.wrong(&duration_key, "must be longer than zero", super::DURATION_FIX);
        }
        let covered = self.arrivals_to_cover(typed, length_ns, requests_max, draws);
        let length_ns = length_ns.filter(|&ns| ns > 0);
        let places = (typed.at("load"), duration_key);
        let read = Load::read((&places.0, &places.1), &config.load, length_ns, covered, DURATION_NS_DEFAULT);
        let is_read = read.is_ok();
        let (load, length_ns) = read.unwrap_or_else(|diagnostics| {
            self.diagnostics.extend(diagnostics);
            (Load::Closed, length_ns.unwrap_or(DURATION_NS_DEFAULT))
        });
        let is_open_ended =
            asked_ns.is_none() && own_ns.is_none() && requests_max.is_some() && load.is_closed();
        let length_ns = requests_max
            .and_then(|requests| length::instant_of(&load, requests, draws))
            .map_or(length_ns, |ns| ns.min(length_ns));
        ScenarioTiming { starts_ns, length_ns, load, requests_max, is_read, is_open_ended }
    }

    fn requests_max(&mut self, typed: &Typed) -> Option<u64> {
        let Text(text) = typed.config.requests.as_ref()?;
        self.take(&typed.at("requests"), parse_count(text), "give a whole number of requests")
    }

    /// How many arrivals of an even schedule the scenario is to be long enough for, if its length was left to it.
    fn arrivals_to_cover(
        &mut self,
        typed: &Typed,
        asked_ns: Option<u64>,
        requests_max: Option<u64>,
        draws: Draws,
    ) -> Option<u64> {
        let is_random = typed.config.load.arrivals.as_ref().is_some_and(|text| text.0 == "poisson");
        let requests = requests_max?;
        if !is_random || asked_ns.is_some() {
            return requests_max;
        }
        let covered = length::arrivals_to_cover(requests, draws);
        self.take(&typed.at("requests"), covered, "give a duration as well, or ask for fewer")
    }
}

impl ScenarioTiming {
    fn ends_ns(&self) -> u64 {
        self.starts_ns.saturating_add(self.length_ns)
    }
}
