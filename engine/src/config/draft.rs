//! A plan on its way from what was typed to what is read.
//!
//! Each mistake is told, and then taken as it was meant where that is clear, so that the next one can be found, and none is
//! told that only follows from another.

use super::diagnostic::{Diagnostic, Spot};
use super::document::Format;
use toml::{Table, Value};

/// What has become of a plan so far.
pub(super) struct PlanDraft {
    pub(super) table: Table,
    pub(super) format: Format,
    pub(super) wrong: Vec<Diagnostic>,
    /// Paths of values that are not known: they were taken out.
    pub(super) doubtful: Vec<String>,
    /// Where values stand that were typed elsewhere: the path now, and the path before. Later ones are of paths as they are after
    /// earlier ones.
    moves: Vec<(String, String)>,
}

impl PlanDraft {
    pub(super) fn new(table: Table, format: Format) -> PlanDraft {
        PlanDraft { table, format, wrong: Vec::new(), doubtful: Vec::new(), moves: Vec::new() }
    }

    /// The moves that were made.
    pub(super) fn into_parts(self) -> (Table, Vec<Diagnostic>, Vec<String>, Moves) {
        (self.table, self.wrong, self.doubtful, Moves(self.moves))
    }

    /// Tells a mistake at a key.
    pub(super) fn tell_key(&mut self, path: &[String], problem: impl Into<String>, fix: impl Into<String>) {
        self.push(Diagnostic::at(path.join("."), problem, fix).spotted(Spot::Key));
    }

    /// Keeps a mistake, at the place where its value was typed.
    pub(super) fn push(&mut self, mut diagnostic: Diagnostic) {
        diagnostic.path = typed_path(&self.moves, &diagnostic.path);
        self.wrong.push(diagnostic);
    }

    /// The value at a path.
    pub(super) fn at(&mut self, path: &[String]) -> Option<&mut Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.table.get_mut(first)?, |value, key| match value {
            Value::Table(table) => table.get_mut(key),
            Value::Array(values) => values.get_mut(key.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The table at a path; the whole plan at none.
    pub(super) fn table_at(&mut self, path: &[String]) -> Option<&mut Table> {
        if path.is_empty() {
            return Some(&mut self.table);
        }
        self.at(path)?.as_table_mut()
    }

    /// Takes a value out.
    pub(super) fn take(&mut self, path: &[String]) -> Option<Value> {
        let (key, parent) = path.split_last()?;
        self.table_at(parent)?.remove(key)
    }

    /// Takes a value out that could not be read: what depends on it is not known either.
    pub(super) fn doubt(&mut self, path: &[String]) {
        // An element of a list leaves its place to nobody.
        if self.take(path).is_none()
            && let Some(value) = self.at(path)
        {
            *value = Value::Table(Table::new());
        }
        self.doubtful.push(path.join("."));
    }

    /// Moves a value to where it was meant to be. What stands there already stays; of a table, what is not there comes to it.
    pub(super) fn shift(&mut self, from: &[String], to: &[String]) {
        let Some(value) = self.take(from) else { return };
        if let (Value::Table(inner), Some(_)) = (&value, self.table_at(to)) {
            for (key, value) in inner.clone() {
                if self.put(&joined(to, key.as_str()), value) {
                    self.moves.push((joined(to, key.as_str()).join("."), joined(from, key).join(".")));
                }
            }
            return;
        }
        if self.put(to, value) {
            self.moves.push((to.join("."), from.join(".")));
        } else if self.at(to).is_none() {
            self.doubtful.push(to.join("."));
        }
    }

    /// Puts a value where none is, making the tables on the way.
    fn put(&mut self, path: &[String], value: Value) -> bool {
        let Some((key, parents)) = path.split_last() else { return false };
        let mut table = &mut self.table;
        for parent in parents {
            let entry = table.entry(parent.as_str()).or_insert_with(|| Value::Table(Table::new()));
            let Some(next) = entry.as_table_mut() else { return false };
            table = next;
        }
        if table.contains_key(key) {
            return false;
        }
        table.insert(key.clone(), value);
        true
    }

    /// Whether what is at a path now was typed at another, which was told.
    pub(super) fn was_moved(&self, path: &[String]) -> bool {
        let path = path.join(".");
        self.moves.iter().any(|(now, _)| *now == path)
    }

    /// Says that what is at a path now was typed at another: a list was made of one table, or the other way round.
    pub(super) fn note_move(&mut self, now: &[String], before: &[String]) {
        self.moves.push((now.join("."), before.join(".")));
    }
}

/// Where values were typed that stand elsewhere now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moves(Vec<(String, String)>);

impl Moves {
    /// Where what is at a path now was typed.
    pub(crate) fn typed(&self, path: &str) -> String {
        typed_path(&self.0, path)
    }
}

fn typed_path(moves: &[(String, String)], path: &str) -> String {
    moves.iter().rev().fold(path.to_owned(), |path, (now, before)| match path.strip_prefix(now.as_str()) {
        Some("") => before.clone(),
        Some(rest) if rest.starts_with('.') => format!("{before}{rest}"),
        _ => path,
    })
}

/// A path, one key longer.
pub(super) fn joined(path: &[String], key: impl Into<String>) -> Vec<String> {
    path.iter().cloned().chain([key.into()]).collect()
}
