//! Two sides of a comparison, their response times laid over each other.

use super::picture::Picture;
use super::{by_percentile, minute, requests};
use crate::output::comparison_text::headline;
use crate::output::figures::typed_percentage;
use crate::output::layout::shortened;
use crate::output::text::short_id;
use engine::compare::{Comparison, Regression, SideSummary};
use engine::distribution::UnreadableHistogram;
use std::collections::BTreeSet;

/// Characters of the names of a side, so that what follows them has room.
const NAMES_MAX: usize = 50;

/// The chart of a comparison, with the verdict; of a gate, with that of the gate.
pub(crate) fn comparison(
    comparison: &Comparison,
    regression: Option<&Regression>,
) -> Result<String, UnreadableHistogram> {
    let (base, candidate) = (comparison.base.response()?, comparison.candidate.response()?);
    let sides = [&comparison.base, &comparison.candidate];
    let targets: BTreeSet<String> = sides.iter().flat_map(|side| side.targets.iter().cloned()).collect();
    let sureness = format!("confidence {}", typed_percentage(comparison.confidence));
    let facts = std::iter::once(sureness).chain(targets).collect::<Vec<String>>().join(" · ");
    let mut picture = Picture::new("Response time by percentile", &[headline(comparison, regression), facts]);
    let curves =
        [(named("base", &comparison.base), &base), (named("candidate", &comparison.candidate), &candidate)];
    by_percentile(&mut picture, None, curves);
    Ok(picture.finish())
}

/// What takes the place of a chart where there are no figures: a title, and why.
pub(crate) fn without_figures(title: &str, why: &str) -> String {
    Picture::new(title, &[why.to_owned()]).finish()
}

/// A side by its names, its run or how many runs it has, when it began, and how many requests it has.
fn named(role: &str, side: &SideSummary) -> String {
    let names = shortened(&side.names.join(", "), NAMES_MAX);
    let runs = match side.run_ids.as_slice() {
        [id] => format!("run {}", short_id(id)),
        ids => format!("{} runs", ids.len()),
    };
    let began = side.started_at.iter().min().map_or_else(String::new, |at| format!(", {}", minute(at)));
    format!("{role}: {names}, {runs}{began}, {}", requests(side.ok))
}
