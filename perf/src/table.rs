//! Tables: for a terminal, and as Markdown. The first column is text and the others are aligned to the right, but for the
//! last, which is text again.

/// Rows of cells under a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    pub(crate) fn new(head: &[&str]) -> Table {
        Table { head: head.iter().map(|cell| (*cell).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row. Panics unless it is as long as the head.
    pub(crate) fn push(&mut self, row: Vec<String>) {
        assert_eq!(row.len(), self.head.len(), "a row has a cell for each column");
        self.rows.push(row);
    }

    /// Lines for a terminal.
    pub(crate) fn text(&self) -> String {
        let widths = self.widths();
        let lines = std::iter::once(&self.head).chain(&self.rows).map(|row| line(row, &widths));
        lines.collect()
    }

    /// A table in Markdown.
    pub(crate) fn markdown(&self) -> String {
        let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let last = self.head.len() - 1;
        let rule = (0..=last).map(|column| if column == 0 || column == last { "---" } else { "---:" });
        let rule: Vec<String> = rule.map(str::to_owned).collect();
        let rows: String = self.rows.iter().map(|cells| row(cells)).collect();
        format!("{}{}{rows}", row(&self.head), row(&rule))
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column: usize| {
            let cells = std::iter::once(&self.head).chain(&self.rows).map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        };
        (0..self.head.len()).map(width).collect()
    }
}

fn line(row: &[String], widths: &[usize]) -> String {
    let last = row.len() - 1;
    let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, &width))| match column {
        0 => format!("{cell:<width$}"),
        _ if column == last => cell.clone(),
        _ => format!("{cell:>width$}"),
    });
    format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["what", "figure", "verdict"]);
        table.push(vec!["one".into(), "1.5 µs".into(), "pass".into()]);
        table.push(vec!["another".into(), "10".into(), "FAIL: ten".into()]);
        table
    }

    #[test]
    fn columns_are_aligned() {
        let expected = "what     figure  verdict\none      1.5 µs  pass\nanother      10  FAIL: ten\n";
        assert_eq!(table().text(), expected);
    }

    #[test]
    fn markdown_has_a_rule_below_the_head() {
        let expected = "| what | figure | verdict |\n| --- | ---: | --- |\n| one | 1.5 µs | pass |\n| another | 10 | FAIL: ten |\n";
        assert_eq!(table().markdown(), expected);
    }
}
