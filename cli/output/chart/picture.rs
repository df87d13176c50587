//! A picture as SVG: a title, lines under it, and plots below each other.
//!
//! Each plot has a legend above it, two axes, lines and marks. Colours are those of the reader's scheme, light or dark. None of
//! them alone tells two things apart: lines are dashed and marks have shapes.

use super::axis::Axis;
use crate::output::plain::plain;
use std::fmt::Write;

pub(super) const WIDTH: f64 = 960.0;
/// How high a picture with one plot is.
pub(super) const HEIGHT: f64 = 540.0;
const LEFT: f64 = 104.0;
const RIGHT: f64 = 896.0;
const MARGIN: f64 = 24.0;
pub(super) const TITLE_PX: f64 = 20.0;
pub(super) const TEXT_PX: f64 = 13.0;
const ROW_PX: f64 = 20.0;
const SAMPLE_PX: f64 = 34.0;
/// A name in less room than this says nothing.
const NAME_MIN_PX: f64 = 80.0;
/// Below a plot: the labels of its axis, and the axis's name.
const FOOT_PX: f64 = 60.0;
/// The widest character of a label, in parts of its height.
const CHARACTER_EM: f64 = 0.6;

const STYLE: &str = "
text{font-family:sans-serif;font-size:13px;fill:#24292f}.title{font-size:20px;font-weight:600}.soft{fill:#57606a}
.over{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}
.paper{fill:#fff}.grid{stroke:#e1e4e8}.axis{stroke:#57606a}.line,.mark{fill:none;stroke-width:2;stroke-linejoin:round}
.first{stroke:#2f5db3}.second{stroke:#c2510c;stroke-dasharray:9 4}.limit{stroke:#57606a;stroke-dasharray:2 4}
.answer{stroke:#1a7f37}.refused{stroke:#b3263a;stroke-dasharray:6 3}.mark{stroke:#24292f}.dot{fill:#24292f}.hollow{fill:#fff}
.shade{fill:#57606a;fill-opacity:.14}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.soft{fill:#9da7b3}.paper,.hollow{fill:#0d1117}.over{stroke:#0d1117}
.grid{stroke:#2d333b}.axis,.limit{stroke:#9da7b3}.first{stroke:#79a8ff}.second{stroke:#ff9b57}.answer{stroke:#56d364}
.refused{stroke:#ff7b86}.mark{stroke:#e6edf3}.dot{fill:#e6edf3}.shade{fill:#9da7b3}}
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

/// What stands at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Dot,
    Cross,
    Hollow,
}

/// What a name of the legend stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum LegendKey {
    Line(Stroke),
    Point(Mark),
    Shade,
}

pub(super) struct Picture {
    body: String,
    title: String,
    /// What is drawn next is below this.
    at: f64,
}

/// The place of a plot in its picture, and its axes.
#[derive(Debug)]
pub(super) struct Plot {
    top: f64,
    bottom: f64,
    x: Axis,
    y: Axis,
    /// Where the name of the next level has room, so that two names never lie on each other.
    name_from: f64,
}

impl Picture {
    /// A title and lines under it. Whatever is too long for the picture is shortened.
    pub(super) fn new(title: &str, lines: &[String]) -> Picture {
        let mut picture = Picture { body: String::new(), title: plain(title), at: 34.0 };
        let (from, room) = (MARGIN, WIDTH - 2.0 * MARGIN);
        picture.text((from, 34.0), "title", "start", &fitted(title, room, TITLE_PX));
        for line in lines {
            picture.at += ROW_PX;
            picture.text((from, picture.at), "soft", "start", &fitted(line, room, TEXT_PX));
        }
        picture
    }

    /// Names, one beside the other as long as there is room.
    pub(super) fn legend(&mut self, names: &[(LegendKey, String)]) {
        let mut from = MARGIN;
        self.at += ROW_PX + 4.0;
        for (key, name) in names {
            let name = fitted(name, WIDTH - 2.0 * MARGIN - SAMPLE_PX, TEXT_PX);
            let width = SAMPLE_PX + text_px(&name, TEXT_PX);
            if from > MARGIN && from + width > WIDTH - MARGIN {
                (from, self.at) = (MARGIN, self.at + ROW_PX);
            }
            let middle = self.at - 4.0;
            match key {
                LegendKey::Line(stroke) => self.path(*stroke, &[(from, middle), (from + 26.0, middle)]),
                LegendKey::Point(mark) => self.point(*mark, (from + 13.0, middle)),
                LegendKey::Shade => self.shade((from, self.at - 11.0), (from + 26.0, self.at + 2.0)),
            }
            self.text((from + SAMPLE_PX, self.at), "", "start", &name);
            from += width + 26.0;
        }
    }

    /// What is left of a picture of the usual height for one more plot, with rows above it for the names of what stands up in it.
    pub(super) fn room_px(&self, rows: u32) -> f64 {
        HEIGHT - FOOT_PX - self.at - plot_head_px(rows)
    }

    /// An empty plot with its axes and their names.
    pub(super) fn plot(&mut self, height: f64, rows: u32, names: [&str; 2], (x, y): (Axis, Axis)) -> Plot {
        let top = self.at + plot_head_px(rows);
        let plot = Plot { top, bottom: top + height, x, y, name_from: LEFT + 6.0 };
        let foot = plot.bottom;
        for (value, label) in &plot.x.ticks {
            let x = plot.x_of(*value);
            self.rule("grid", (x, top), (x, foot));
            self.text((x, foot + 20.0), "", "middle", label);
        }
        for (value, label) in &plot.y.ticks {
            let y = plot.y_of(*value);
            self.rule("grid", (LEFT, y), (RIGHT, y));
            self.text((LEFT - 10.0, y + 4.5), "", "end", label);
        }
        self.rule("axis", (LEFT, foot), (RIGHT, foot));
        self.text((LEFT.midpoint(RIGHT), foot + 44.0), "soft", "middle", names[0]);
        self.text((MARGIN, self.at + 26.0), "soft", "start", names[1]);
        self.at = foot + FOOT_PX;
        plot
    }

    /// Points, joined; one alone is a dot.
    pub(super) fn line(&mut self, plot: &Plot, stroke: Stroke, points: &[(f64, f64)]) {
        let places: Vec<(f64, f64)> = points.iter().map(|point| plot.place(*point)).collect();
        match places[..] {
            [only] => self.point(Mark::Dot, only),
            _ => self.path(stroke, &places),
        }
    }

    pub(super) fn mark(&mut self, plot: &Plot, mark: Mark, point: (f64, f64)) {
        self.point(mark, plot.place(point));
    }

    /// A level across the plot, with its name at the left: above it, or below it where it is near the top.
    pub(super) fn level(&mut self, plot: &mut Plot, value: f64, name: &str) {
        let y = plot.y_of(value);
        self.path(Stroke::Limit, &[(LEFT, y), (RIGHT, y)]);
        let room = RIGHT - plot.name_from;
        if room < NAME_MIN_PX {
            // There is no room beside the others; whoever draws it says elsewhere what it is.
            return;
        }
        let name = fitted(name, room, TEXT_PX);
        let name_y = if y - plot.top < ROW_PX { y + 16.0 } else { y - 6.0 };
        self.text((plot.name_from, name_y), "over", "start", &name);
        plot.name_from += text_px(&name, TEXT_PX) + 26.0;
    }

    /// A value up the plot, with its name in one of the rows above it.
    pub(super) fn upright(&mut self, plot: &Plot, stroke: Stroke, value: f64, row: u32, name: &str) {
        let (x, half) = (plot.x_of(value), text_px(name, TEXT_PX) / 2.0);
        let name_y = plot.top - 6.0 - f64::from(row) * ROW_PX;
        self.path(stroke, &[(x, name_y + 3.0), (x, plot.bottom)]);
        self.text((x.clamp(MARGIN + half, WIDTH - MARGIN - half), name_y), "over", "middle", name);
    }

    /// Shades a plot from its left to a value.
    pub(super) fn shade_to(&mut self, plot: &Plot, value: f64) {
        self.shade((LEFT, plot.top), (plot.x_of(value), plot.bottom));
    }

    /// Says in a plot why there is nothing in it.
    pub(super) fn remark(&mut self, plot: &Plot, text: &str) {
        let middle = (LEFT.midpoint(RIGHT), plot.top.midpoint(plot.bottom) - 4.0);
        self.text(middle, "over", "middle", &fitted(text, RIGHT - LEFT, TEXT_PX));
    }

    pub(super) fn finish(self) -> String {
        let (title, body, height) = (escaped(&self.title), self.body, self.at.max(120.0).round());
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
             role=\"img\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
             <rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\"/>\n{body}</svg>\n"
        )
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

    fn shade(&mut self, (left, top): (f64, f64), (right, bottom): (f64, f64)) {
        let (width, height) = (right - left, bottom - top);
        let _ = writeln!(
            self.body,
            "<rect class=\"shade\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
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

    fn point(&mut self, mark: Mark, (x, y): (f64, f64)) {
        let _ = match mark {
            Mark::Dot => writeln!(self.body, "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>"),
            Mark::Hollow => {
                writeln!(self.body, "<circle class=\"mark hollow\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>")
            }
            Mark::Cross => {
                let (left, right, top, bottom) = (x - 5.0, x + 5.0, y - 5.0, y + 5.0);
                writeln!(
                    self.body,
                    "<path class=\"mark\" d=\"M{left:.1} {top:.1}L{right:.1} {bottom:.1}M{left:.1} {bottom:.1}L{right:.1} {top:.1}\"/>"
                )
            }
        };
    }
}

impl Plot {
    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x_of(x), self.y_of(y))
    }

    fn x_of(&self, value: f64) -> f64 {
        LEFT + self.x.share(value) * (RIGHT - LEFT)
    }

    fn y_of(&self, value: f64) -> f64 {
        self.bottom - self.y.share(value) * (self.bottom - self.top)
    }
}

/// Above a plot: the name of its upright axis, and rows for other names.
fn plot_head_px(rows: u32) -> f64 {
    40.0 + f64::from(rows) * ROW_PX
}

/// How wide a text is, about: wider than most fonts make it, so that what fits here fits there.
pub(super) fn text_px(text: &str, font_px: f64) -> f64 {
    text.chars().map(|c| if c.is_ascii() { CHARACTER_EM } else { 1.0 }).sum::<f64>() * font_px
}

/// A text without what would steer a terminal, and without what does not fit.
fn fitted(text: &str, room_px: f64, font_px: f64) -> String {
    let mut text = plain(text);
    if text_px(&text, font_px) <= room_px {
        return text;
    }
    while text_px(&text, font_px) > room_px - font_px && text.pop().is_some() {}
    format!("{}…", text.trim_end())
}

fn escaped(text: &str) -> String {
    let legal = text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
    legal.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
