//! What points of metrics are made of: what each is of, and how much.

use crate::names::{self, MetricName};
use crate::point_times::PointTimes;
use crate::totals::{RunLevels, RunTotals};
use engine::run_facts::RunFacts;
use std::borrow::Cow;

/// A metric and its points.
#[derive(Debug)]
pub struct Family<'a> {
    /// Which it is.
    pub metric: &'static MetricName,
    /// Its points, no two of which have the same attributes.
    pub points: Vec<Point<'a>>,
}

/// A value, and whose it is.
#[derive(Debug)]
pub struct Point<'a> {
    /// What it is of, by the names of attributes.
    pub attributes: Vec<(&'static str, AttributeValue<'a>)>,
    /// How much it is.
    pub value: PointValue<'a>,
}

/// What an attribute says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeValue<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// A number.
    Number(i64),
}

/// How much something is.
#[derive(Clone, Debug)]
pub enum PointValue<'a> {
    /// A count or a level.
    Count(u64),
    /// One that is no whole number.
    Real(f64),
    /// Times.
    Times(PointTimes<'a>),
}

/// What points are made from.
#[derive(Clone, Copy, Debug)]
pub struct Figures<'a> {
    /// Whose figures they are.
    pub facts: &'a RunFacts,
    /// What was counted.
    pub totals: &'a RunTotals,
    /// What is so at the moment.
    pub levels: &'a RunLevels,
}

/// Whose a point is.
pub(crate) type Attributes<'a> = Vec<(&'static str, AttributeValue<'a>)>;

/// Of the run as a whole.
pub(crate) fn whole(figures: Figures<'_>, count: u64) -> Point<'_> {
    Point { attributes: of_run(figures), value: PointValue::Count(count) }
}

/// What every point of a run has.
pub(crate) fn of_run<'a>(figures: Figures<'a>) -> Attributes<'a> {
    text(names::RUN_ID, &figures.facts.run_id)
}

/// An attribute that is a text.
pub(crate) fn text<'a>(name: &'static str, value: &'a str) -> Attributes<'a> {
    vec![(name, AttributeValue::Text(Cow::Borrowed(value)))]
}
