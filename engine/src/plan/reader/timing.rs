//! When each scenario begins, how long it lasts, and what it offers meanwhile. Some begin when others end, so these come first.

use super::load::{self, LoadPlace};
use super::{DURATION_NS_DEFAULT, PlanReader, Typed};
use crate::config::{Diagnostic, Text, hint};
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
    /// Nothing of it was wrong, nor of what it follows: otherwise nothing is held against its bounds.
    pub(super) is_known: bool,
    /// It ends with the last of its requests, and nobody knows before when that is.
    is_open_ended: bool,
}

impl PlanReader<'_> {
    /// The timing of every scenario, in their order.
    pub(super) fn timings(&mut self, typed: &[Typed]) -> Vec<ScenarioTiming> {
        let mut settled = vec![None; typed.len()];
        let before = self.diagnostics.len();
        let asked_ns = self.duration(&self.config.run.duration, "run.duration");
        self.is_length_known = self.diagnostics.len() == before && !self.is_doubtful("run.duration");
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
    ) {
        if settled[index].is_some() {
            return;
        }
        path.push(index);
        let begin = self.begin(index, typed, asked_ns, settled, path);
        path.pop();
        // Every scenario of a probe begins and ends with it.
        let begin = begin.map(|starts_ns| if self.is_probed { 0 } else { starts_ns });
        let draws = Draws::new(self.seed, index as u32);
        let timing = self.timing(&typed[index], begin, asked_ns, draws);
        settled[index] = Some(timing);
    }

    /// When a scenario begins; `None` when that is not known, because something is wrong with it.
    fn begin(
        &mut self,
        index: usize,
        typed: &[Typed],
        asked_ns: Option<u64>,
        settled: &mut [Option<ScenarioTiming>],
        path: &mut Vec<usize>,
    ) -> Option<u64> {
        let own = &typed[index];
        let is_doubtful = self.is_doubtful(&own.at("starts")) || self.is_doubtful(&own.at("after"));
        if own.config.after.is_none() {
            let begin = self.duration(&own.config.starts, &own.at("starts"));
            return if own.config.starts.is_none() && !is_doubtful { Some(0) } else { begin };
        }
        let followed = self.followed(own, typed)?;
        if path.contains(&followed) {
            let name = |index: &usize| typed[*index].name.unwrap_or_default();
            let from = path.iter().position(|index| *index == followed).unwrap_or(0);
            let circle = path[from..].iter().chain([&followed]).map(name).collect::<Vec<_>>();
            let problem = format!("scenarios wait for each other: {}", circle.join(" after "));
            self.wrong(&own.at("after"), problem, "let one of them have a `starts`");
            return None;
        }
        self.settle(followed, typed, asked_ns, settled, path);
        let timing = settled[followed].clone().expect("settled on the line above");
        if timing.is_open_ended && timing.is_known {
            let name = typed[followed].name.unwrap_or_default();
            let problem = format!("when `{name}` has sent the last of its requests is not known before");
            let fix = format!("give `{name}` a `duration`, or let this one begin at a time");
            self.wrong(&own.at("after"), problem, fix);
            return None;
        }
        timing.is_known.then(|| timing.starts_ns.saturating_add(timing.length_ns))
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
            let fix = hint(name, &names);
            if !self.is_doubtful("scenario") {
                self.wrong(&typed.at("after"), format!("there is no scenario `{name}`"), fix);
            }
        }
        found
    }

    fn timing(
        &mut self,
        typed: &Typed,
        begin: Option<u64>,
        asked_ns: Option<u64>,
        draws: Draws,
    ) -> ScenarioTiming {
        let before = self.diagnostics.len();
        let starts_ns = begin.unwrap_or(0);
        let requests_max = self.requests_max(typed);
        let duration_key = typed.at("duration");
        let own_ns = match typed.name {
            Some(_) => self.duration(&typed.config.duration, &duration_key),
            None => asked_ns,
        };
        let own_ns = if self.is_probed { asked_ns } else { own_ns };
        let doubts = [duration_key.as_str(), &typed.at("requests")].map(|key| self.is_doubtful(key));
        let is_length_known = begin.is_some()
            && self.is_length_known
            && self.diagnostics.len() == before
            && !doubts.contains(&true);
        let length_ns = self.asked_length(typed, starts_ns, own_ns, asked_ns, is_length_known);
        let covered = self.arrivals_to_cover(typed, length_ns, requests_max, draws);
        let length_ns = length_ns.filter(|&ns| ns > 0);
        let key = typed.at("load");
        let place = LoadPlace {
            key: &key,
            duration_key: &duration_key,
            doubtful: self.doubtful,
            is_length_known,
            asked_ns: length_ns,
            requests_max: covered,
            default_ns: DURATION_NS_DEFAULT,
        };
        let read = load::read(&place, &typed.config.load);
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
        let is_known = is_length_known && is_read && self.diagnostics.len() == before;
        ScenarioTiming { starts_ns, length_ns, load, requests_max, is_read, is_known, is_open_ended }
    }

    /// How long a scenario is to last, as far as that was asked for and can be: it begins and ends within the run.
    fn asked_length(
        &mut self,
        typed: &Typed,
        starts_ns: u64,
        own_ns: Option<u64>,
        asked_ns: Option<u64>,
        is_known: bool,
    ) -> Option<u64> {
        let duration_key = typed.at("duration");
        let left_ns = asked_ns.map(|asked_ns| asked_ns.saturating_sub(starts_ns));
        let is_too_late = asked_ns.is_some_and(|asked_ns| starts_ns >= asked_ns) && typed.name.is_some();
        let is_too_long = matches!((own_ns, left_ns), (Some(own), Some(left)) if own > left);
        if is_too_late && is_known && asked_ns != Some(0) {
            let problem = format!("it would begin after {}, when the run is over", show_ns(starts_ns));
            let key = if typed.config.after.is_some() { "after" } else { "starts" };
            let fix = "let it begin earlier, give what it follows a `duration`, or make the run longer";
            self.wrong(&typed.at(key), problem, fix);
        } else if is_too_long && is_known && typed.name.is_some() && !is_too_late {
            let ends = show_ns(starts_ns.saturating_add(own_ns.unwrap_or(0)));
            let problem = format!("it would last until {ends}, and the run ends before");
            self.wrong(&duration_key, problem, "let it be shorter, or the run longer");
        }
        let length_ns = if is_too_late { None } else { own_ns.or(left_ns) };
        if length_ns == Some(0) || own_ns == Some(0) || asked_ns == Some(0) {
            let key = if own_ns == Some(0) { duration_key } else { "run.duration".to_owned() };
            self.wrong(&key, "must be longer than zero", super::DURATION_FIX);
        }
        length_ns
    }

    fn requests_max(&mut self, typed: &Typed) -> Option<u64> {
        let Text(text) = typed.config.requests.as_ref()?;
        let path = typed.at("requests");
        self.take_with(parse_count(text), |cause| Diagnostic::unreadable(path, cause))
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
