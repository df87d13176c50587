//! What is printed on: how wide it is, whether it takes colours, and whether a line on it can be drawn anew. The one place that
//! knows of terminals, so that all output looks the same.

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Effects, Style};
use clap::ValueEnum;
use std::io::{self, IsTerminal};
use terminal_size::{Height, Width, terminal_size_of};

/// The width where nobody says another one: a pipe, a file, a terminal that does not tell.
const WIDTH_DEFAULT: usize = 80;
/// Lines are no longer than this, however wide the screen is: they would not be read.
const WIDTH_MAX: usize = 140;
/// Nothing is laid out for less.
const WIDTH_MIN: usize = 40;

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum WhenColour {
    /// On terminals that have them, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// One of the two streams that a person reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Screen {
    /// Columns of a line.
    pub(crate) width: usize,
    has_colour: bool,
    is_terminal: bool,
    is_live: bool,
}

/// What a piece of text says, beside its words. Colours never say anything alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// To be looked at.
    Caution,
    /// Wrong.
    Bad,
    /// A title.
    Strong,
    /// Less than the rest.
    Faint,
    /// Nothing beside its words.
    Plain,
}

/// Decides for the whole process when colours are used.
pub(crate) fn use_colour(when: WhenColour) {
    let choice = match when {
        // `anstream` gives colours to a simple terminal where CI or CLICOLOR is set, though it cannot show them.
        WhenColour::Auto if is_dumb() && std::env::var_os("CLICOLOR_FORCE").is_none() => ColorChoice::Never,
        WhenColour::Auto => ColorChoice::Auto,
        WhenColour::Always => ColorChoice::AlwaysAnsi,
        WhenColour::Never => ColorChoice::Never,
    };
    choice.write_global();
}

impl Screen {
    /// Standard output.
    pub(crate) fn stdout() -> Screen {
        let stream = io::stdout();
        Screen::of(stream.is_terminal(), terminal_size_of(&stream), AutoStream::choice(&stream))
    }

    /// Standard error.
    pub(crate) fn stderr() -> Screen {
        let stream = io::stderr();
        Screen::of(stream.is_terminal(), terminal_size_of(&stream), AutoStream::choice(&stream))
    }

    /// Standard error where a document is on standard output, and standard output otherwise.
    pub(crate) fn beside(uses_stdout: bool) -> Screen {
        if uses_stdout { Screen::stderr() } else { Screen::stdout() }
    }

    /// The same, with so many columns taken by something else.
    pub(crate) fn narrower(self, columns: usize) -> Screen {
        Screen { width: self.width.saturating_sub(columns), ..self }
    }

    /// Without colours, so wide.
    #[cfg(test)]
    pub(crate) fn plain(width: usize) -> Screen {
        Screen { width, has_colour: false, is_terminal: false, is_live: false }
    }

    fn of(is_terminal: bool, size: Option<(Width, Height)>, choice: ColorChoice) -> Screen {
        let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let width = size.map(|(width, _)| usize::from(width.0)).filter(|width| *width > 0).or(told);
        Screen {
            width: width.unwrap_or(WIDTH_DEFAULT).clamp(WIDTH_MIN, WIDTH_MAX),
            has_colour: choice != ColorChoice::Never,
            is_terminal,
            is_live: is_terminal && !is_dumb(),
        }
    }

    /// Whether a line can be drawn anew. Pipes, files and simple terminals get one line after the other.
    pub(crate) fn is_live(&self) -> bool {
        self.is_live
    }

    /// Whether it takes colours.
    pub(crate) fn has_colour(&self) -> bool {
        self.has_colour
    }

    /// How wide messages are that other programs may search: as wide as they come, unless a person looks at them.
    pub(crate) fn message_width(&self) -> usize {
        if self.is_terminal || std::env::var_os("COLUMNS").is_some() { self.width } else { usize::MAX }
    }

    /// A text in its tone.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        let style = tone.style();
        match self.has_colour && tone != Tone::Plain && !text.is_empty() {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }
}

/// Whether the terminal says that it is a simple one.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term == "dumb")
}

impl Tone {
    fn style(self) -> Style {
        let bold = Style::new().effects(Effects::BOLD);
        match self {
            Tone::Good => bold.fg_color(Some(AnsiColor::Green.into())),
            Tone::Caution => bold.fg_color(Some(AnsiColor::Yellow.into())),
            Tone::Bad => bold.fg_color(Some(AnsiColor::Red.into())),
            Tone::Strong => bold,
            Tone::Faint => Style::new().effects(Effects::DIMMED),
            Tone::Plain => Style::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_as_wide_as_it_says_within_what_can_be_read() {
        let width =
            |columns: u16| Screen::of(true, Some((Width(columns), Height(24))), ColorChoice::Never).width;
        assert_eq!([0, 10, 80, 100, 300].map(width), [WIDTH_DEFAULT, WIDTH_MIN, 80, 100, WIDTH_MAX]);
    }

    #[test]
    fn a_tone_is_nothing_without_colours() {
        let coloured = Screen { has_colour: true, ..Screen::plain(80) };
        assert_eq!(coloured.paint(Tone::Bad, "INVALID"), "\u{1b}[1m\u{1b}[31mINVALID\u{1b}[0m");
        assert_eq!(coloured.paint(Tone::Plain, "x"), "x");
        assert_eq!(Screen::plain(80).paint(Tone::Bad, "INVALID"), "INVALID");
    }
}
