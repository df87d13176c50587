//! A picture of one plot as SVG: heads above it, a legend, two axes, lines and marks. Colours are those of the reader's
//! scheme, light or dark; none of them alone tells two things apart, because lines are dashed and marks have shapes.

use super::axis::Axis;
use crate::output::plain::plain;
use std::fmt::Write;

pub(super) const WIDTH: f64 = 960.0;
pub(super) const HEIGHT: f64 = 540.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 904.0;
const BOTTOM: f64 = 476.0;
const MARGIN: f64 = 24.0;
const TITLE_PX: f64 = 20.0;
const TEXT_PX: f64 = 13.0;
const ROW_PX: f64 = 20.0;
const SAMPLE_PX: f64 = 34.0;

const STYLE: &str = "
text{font-family:sans-serif;font-size:13px;fill:#24292f}.title{font-size:20px;font-weight:600}.soft{fill:#57606a}
.paper{fill:#fff}.grid{stroke:#e1e4e8}.axis{stroke:#57606a}.line,.mark{fill:none;stroke-width:2;stroke-linejoin:round}
.first{stroke:#2f5db3}.second{stroke:#c2510c;stroke-dasharray:9 4}.limit{stroke:#57606a;stroke-dasharray:2 4}
.answer{stroke:#1a7f37}.refused{stroke:#b3263a;stroke-dasharray:6 3}.mark{stroke:#24292f}.dot{fill:#24292f}.hollow{fill:#fff}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.soft{fill:#9da7b3}.paper,.hollow{fill:#0d1117}.grid{stroke:#2d333b}
.axis,.limit{stroke:#9da7b3}.first{stroke:#79a8ff}.second{stroke:#ff9b57}.answer{stroke:#56d364}.refused{stroke:#ff7b86}
.mark{stroke:#e6edf3}.dot{fill:#e6edf3}}
";

/// How a line is drawn: the class of its style.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stroke {
    First,
    Second,
    Limit,
    Answer,
    Refused,
}

/// The shape of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Dot,
    Cross,
    Hollow,
}

/// What a row of the legend stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sample {
    Line(Stroke),
    Mark(Shape),
}

/// What is written above a plot, and beside its axes.
#[derive(Debug)]
pub(super) struct Heads {
    pub(super) title: String,
    pub(super) lines: Vec<String>,
    pub(super) x: &'static str,
    pub(super) y: &'static str,
}

pub(super) struct Picture {
    body: String,
    title: String,
    top: f64,
    x: Axis,
    y: Axis,
}

impl Picture {
    /// A plot with nothing in it but its axes. Whatever is too long for the picture is shortened.
    pub(super) fn new(heads: &Heads, legend: &[(Sample, String)], x: Axis, y: Axis) -> Picture {
        let mut picture = Picture { body: String::new(), title: plain(&heads.title), top: 0.0, x, y };
        let mut at = 34.0;
        picture.text((MARGIN, at), "title", "start", &fitted(&heads.title, WIDTH - 2.0 * MARGIN, TITLE_PX));
        for line in &heads.lines {
            at += ROW_PX;
            picture.text((MARGIN, at), "soft", "start", &fitted(line, WIDTH - 2.0 * MARGIN, TEXT_PX));
        }
        at = picture.legend(legend, at + ROW_PX + 4.0);
        picture.top = at + 38.0;
        picture.axes(heads);
        picture
    }

    fn legend(&mut self, rows: &[(Sample, String)], mut at: f64) -> f64 {
        let mut from = MARGIN;
        for (sample, name) in rows {
            let name = fitted(name, WIDTH - 2.0 * MARGIN - SAMPLE_PX, TEXT_PX);
            let width = SAMPLE_PX + text_px(&name, TEXT_PX);
            if from > MARGIN && from + width > WIDTH - MARGIN {
                (from, at) = (MARGIN, at + ROW_PX);
            }
            match sample {
                Sample::Line(stroke) => self.path(*stroke, &[(from, at - 4.0), (from + 26.0, at - 4.0)]),
                Sample::Mark(shape) => self.shape(*shape, (from + 13.0, at - 4.0)),
            }
            self.text((from + SAMPLE_PX, at), "", "start", &name);
            from += width + 26.0;
        }
        at
    }

    fn axes(&mut self, heads: &Heads) {
        for (value, label) in self.x.ticks.clone() {
            let x = self.x_of(value);
            self.rule("grid", (x, self.top), (x, BOTTOM));
            self.text((x, BOTTOM + 20.0), "", "middle", &label);
        }
        for (value, label) in self.y.ticks.clone() {
            let y = self.y_of(value);
            self.rule("grid", (LEFT, y), (RIGHT, y));
            self.text((LEFT - 10.0, y + 4.5), "", "end", &label);
        }
        self.rule("axis", (LEFT, BOTTOM), (RIGHT, BOTTOM));
        self.text((LEFT.midpoint(RIGHT), BOTTOM + 46.0), "soft", "middle", heads.x);
        self.text((MARGIN, self.top - 16.0), "soft", "start", heads.y);
    }

    pub(super) fn line(&mut self, stroke: Stroke, points: &[(f64, f64)]) {
        let places: Vec<(f64, f64)> = points.iter().map(|point| self.place(*point)).collect();
        self.path(stroke, &places);
    }

    pub(super) fn mark(&mut self, shape: Shape, point: (f64, f64)) {
        self.shape(shape, self.place(point));
    }

    /// A level across the plot, with its name above it at the left.
    pub(super) fn level(&mut self, stroke: Stroke, value: f64, name: &str) {
        let y = self.y_of(value);
        self.path(stroke, &[(LEFT, y), (RIGHT, y)]);
        self.text((LEFT + 6.0, y - 6.0), "", "start", &fitted(name, (RIGHT - LEFT) / 2.0, TEXT_PX));
    }

    /// A value up the plot, with its name beside it: before it, or after it.
    pub(super) fn upright(&mut self, stroke: Stroke, value: f64, name: &str, is_before: bool) {
        let x = self.x_of(value);
        self.path(stroke, &[(x, self.top), (x, BOTTOM)]);
        let room = if is_before { x - LEFT } else { RIGHT - x };
        let is_before = if room > text_px(name, TEXT_PX) + 12.0 { is_before } else { !is_before };
        let (at, anchor) = if is_before { (x - 6.0, "end") } else { (x + 6.0, "start") };
        // The two names stand on different heights, so that neither is over the other where their lines are close.
        let y = if matches!(stroke, Stroke::Answer) { BOTTOM - 10.0 } else { BOTTOM - 28.0 };
        self.text((at, y), "", anchor, name);
    }

    pub(super) fn finish(self) -> String {
        let (title, body) = (escaped(&self.title), self.body);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             role=\"img\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
             <rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n{body}</svg>\n"
        )
    }

    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x_of(x), self.y_of(y))
    }

    fn x_of(&self, value: f64) -> f64 {
        LEFT + self.x.share(value) * (RIGHT - LEFT)
    }

    fn y_of(&self, value: f64) -> f64 {
        BOTTOM - self.y.share(value) * (BOTTOM - self.top)
    }

    fn text(&mut self, (x, y): (f64, f64), class: &str, anchor: &str, text: &str) {
        let text = escaped(text);
        let _ = writeln!(
            self.body,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\" text-anchor=\"{anchor}\">{text}</text>"
        );
    }

    fn rule(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let _ = writeln!(
            self.body,
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        );
    }

    fn path(&mut self, stroke: Stroke, places: &[(f64, f64)]) {
        let class = match stroke {
            Stroke::First => "first",
            Stroke::Second => "second",
            Stroke::Limit => "limit",
            Stroke::Answer => "answer",
            Stroke::Refused => "refused",
        };
        let points: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(self.body, "<polyline class=\"line {class}\" points=\"{}\"/>", points.join(" "));
    }

    fn shape(&mut self, shape: Shape, (x, y): (f64, f64)) {
        let _ = match shape {
            Shape::Dot => writeln!(self.body, "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>"),
            Shape::Hollow => {
                writeln!(self.body, "<circle class=\"mark hollow\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>")
            }
            Shape::Cross => {
                let (left, right, top, bottom) = (x - 5.0, x + 5.0, y - 5.0, y + 5.0);
                writeln!(
                    self.body,
                    "<path class=\"mark\" d=\"M{left:.1} {top:.1}L{right:.1} {bottom:.1}M{left:.1} {bottom:.1}L{right:.1} {top:.1}\"/>"
                )
            }
        };
    }
}

/// How wide a text is, about: wider than most fonts make it, so that what fits here fits there.
pub(super) fn text_px(text: &str, font_px: f64) -> f64 {
    text.chars().map(|c| if c.is_ascii() { 0.58 } else { 1.0 }).sum::<f64>() * font_px
}

/// A text without what would steer a terminal, and without what does not fit.
fn fitted(text: &str, room_px: f64, font_px: f64) -> String {
    let mut text = plain(text);
    if text_px(&text, font_px) <= room_px {
        return text;
    }
    while text_px(&text, font_px) > room_px - font_px && text.pop().is_some() {}
    text + "…"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
