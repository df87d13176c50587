//! Tables that fit: where there is not enough room, long names are shortened, then the least important columns left out.

use crate::output::layout::{hanging, shortened};
use crate::output::screen::{Screen, Tone};
use textwrap::core::display_width;

/// Columns between two columns.
const GAP: usize = 2;

/// One column.
pub(crate) struct Column {
    title: &'static str,
    kind: ColumnKind,
    /// 0 is never left out; of the others the highest goes first.
    left_out: u8,
}

#[derive(Clone, Copy)]
enum ColumnKind {
    /// Right-aligned.
    Figure,
    /// Left-aligned, as long as it is.
    Word,
    /// Left-aligned, and shortened to no less than so many columns.
    Name(usize),
    /// The last one: it wraps.
    Text,
}

/// What stands at one place.
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

/// Rows under their titles.
pub(crate) struct TextTable {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Column {
    /// A figure, right-aligned.
    pub(crate) fn figure(title: &'static str) -> Column {
        Column { title, kind: ColumnKind::Figure, left_out: 0 }
    }

    /// A word that is never shortened.
    pub(crate) fn word(title: &'static str) -> Column {
        Column { title, kind: ColumnKind::Word, left_out: 0 }
    }

    /// A name that may be shortened, to no less than so many columns.
    pub(crate) fn name(title: &'static str, columns_min: usize) -> Column {
        Column { title, kind: ColumnKind::Name(columns_min), left_out: 0 }
    }

    /// A text that goes on in the next line; only the last column can be one.
    pub(crate) fn text(title: &'static str) -> Column {
        Column { title, kind: ColumnKind::Text, left_out: 0 }
    }

    /// The same, left out where there is no room: the highest number first.
    pub(crate) fn left_out(self, order: u8) -> Column {
        Column { left_out: order, ..self }
    }
}

impl Cell {
    /// A text in a tone.
    pub(crate) fn toned(text: impl Into<String>, tone: Tone) -> Cell {
        Cell { text: text.into(), tone }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell::toned(text, Tone::Plain)
    }
}

impl TextTable {
    /// No row yet.
    pub(crate) fn new(columns: Vec<Column>) -> TextTable {
        TextTable { columns, rows: Vec::new() }
    }

    /// Adds a row: a cell for each column.
    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        assert_eq!(row.len(), self.columns.len(), "a row has a cell for each column");
        self.rows.push(row);
    }

    /// Whether there is nothing to show.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether a column is shown, or left out because there is no room.
    pub(crate) fn has_room_for(&self, column: usize, screen: &Screen) -> bool {
        self.widths(screen.width)[column].is_some()
    }

    /// The table as lines, without trailing blanks.
    pub(crate) fn show(&self, screen: &Screen) -> String {
        let widths = self.widths(screen.width);
        let titles: Vec<Cell> =
            self.columns.iter().map(|column| Cell::toned(column.title, Tone::Faint)).collect();
        let has_titles = self.columns.iter().any(|column| !column.title.is_empty());
        let rows = has_titles.then_some(&titles).into_iter().chain(&self.rows);
        rows.map(|row| self.line(row, &widths, screen)).collect()
    }

    /// The width of each column; nothing for one that is left out.
    fn widths(&self, width: usize) -> Vec<Option<usize>> {
        let natural = |index: usize| {
            let cells = self.rows.iter().map(|row| display_width(&row[index].text));
            cells.max().unwrap_or(0).max(display_width(self.columns[index].title))
        };
        let mut widths: Vec<Option<usize>> =
            (0..self.columns.len()).map(|index| self.has_content(index).then(|| natural(index))).collect();
        loop {
            let excess = self.excess(&widths, width);
            if excess == 0 || self.shorten(&mut widths, excess) {
                return widths;
            }
            let least = (0..self.columns.len())
                .filter(|&index| widths[index].is_some() && self.columns[index].left_out > 0)
                .max_by_key(|&index| self.columns[index].left_out);
            match least {
                Some(index) => widths[index] = None,
                None => {
                    self.shorten(&mut widths, usize::MAX);
                    return widths;
                }
            }
        }
    }

    /// Whether a column says anything; one that may be left out does not stand there empty.
    fn has_content(&self, index: usize) -> bool {
        self.columns[index].left_out == 0 || self.rows.iter().any(|row| !row[index].text.is_empty())
    }

    /// By how much the columns are wider than there is room. A text takes what it is given, but not less than its title.
    fn excess(&self, widths: &[Option<usize>], width: usize) -> usize {
        let shown = widths.iter().zip(&self.columns).filter_map(|(width, column)| Some(((*width)?, column)));
        let needed: usize = shown
            .map(|(width, column)| {
                GAP + if matches!(column.kind, ColumnKind::Text) { width.min(TEXT_MIN) } else { width }
            })
            .sum();
        needed.saturating_sub(GAP).saturating_sub(width)
    }

    /// Shortens names by so many columns, the longest first; false when they cannot be shortened so far.
    fn shorten(&self, widths: &mut [Option<usize>], excess: usize) -> bool {
        let slack = |index: usize, widths: &[Option<usize>]| match self.columns[index].kind {
            ColumnKind::Name(least) => widths[index].map_or(0, |width| width.saturating_sub(least)),
            _ => 0,
        };
        let all: usize = (0..widths.len()).map(|index| slack(index, widths)).sum();
        if all < excess && excess != usize::MAX {
            return false;
        }
        for _ in 0..excess.min(all) {
            let most = (0..widths.len()).max_by_key(|&index| slack(index, widths));
            if let Some(width) = most.and_then(|index| widths[index].as_mut()) {
                *width -= 1;
            }
        }
        true
    }

    fn line(&self, row: &[Cell], widths: &[Option<usize>], screen: &Screen) -> String {
        let mut line = String::new();
        let shown: Vec<usize> = (0..row.len()).filter(|&index| widths[index].is_some()).collect();
        for (position, &index) in shown.iter().enumerate() {
            let (cell, width) = (&row[index], widths[index].unwrap_or(0));
            let is_last = position + 1 == shown.len();
            if let (ColumnKind::Text, true) = (self.columns[index].kind, is_last) {
                return hanging(screen.width, &line, &screen.paint(cell.tone, &cell.text));
            }
            let text = shortened(&cell.text, width);
            let padding = " ".repeat(width.saturating_sub(display_width(&text)));
            let painted = screen.paint(cell.tone, &text);
            match self.columns[index].kind {
                ColumnKind::Figure => line.extend([padding.as_str(), &painted]),
                _ => line.extend([painted.as_str(), &padding]),
            }
            if !is_last {
                line.push_str(&" ".repeat(GAP));
            }
        }
        format!("{}\n", line.trim_end())
    }
}

/// A text has at least this room before columns are left out for it.
const TEXT_MIN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> TextTable {
        let mut table = TextTable::new(vec![
            Column::word("RUN"),
            Column::figure("P99"),
            Column::figure("P50").left_out(1),
            Column::name("NAME", 6),
        ]);
        table.push(vec!["a1".into(), "1.23 ms".into(), "120 us".into(), "a-long-name-of-a-run".into()]);
        table.push(vec!["b2".into(), "-".into(), "-".into(), "short".into()]);
        table
    }

    #[test]
    fn what_does_not_fit_is_shortened_and_then_left_out() {
        let whole = "RUN      P99     P50  NAME\na1   1.23 ms  120 us  a-long-name-of-a-run\nb2         -       -  short\n";
        assert_eq!(table().show(&Screen::plain(80)), whole);
        let shorter =
            "RUN      P99     P50  NAME\na1   1.23 ms  120 us  a-long…\nb2         -       -  short\n";
        assert_eq!(table().show(&Screen::plain(29)), shorter);
        let least = "RUN      P99  NAME\na1   1.23 ms  a-long-na…\nb2         -  short\n";
        assert_eq!(table().show(&Screen::plain(24)), least);
    }

    #[test]
    fn the_last_text_wraps_under_itself() {
        let mut table = TextTable::new(vec![Column::figure("RATE"), Column::text("OUTCOME")]);
        table.push(vec!["100/s".into(), "not sustained: p99 is too long".into()]);
        assert_eq!(
            table.show(&Screen::plain(24)),
            " RATE  OUTCOME\n100/s  not sustained:\n       p99 is too long\n"
        );
    }

    #[test]
    fn no_line_is_longer_than_the_screen() {
        for width in 24..80 {
            let shown = table().show(&Screen::plain(width));
            assert!(shown.lines().all(|line| display_width(line) <= width), "{width}\n{shown}");
        }
    }
}
