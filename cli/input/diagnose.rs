//! Mistakes, shown where they are: a line and a caret in a file, a flag, or a variable; then the cause; then what to do.

use crate::exit::Failure;
use crate::output::layout;
use crate::output::plain::plain;
use crate::output::screen::{Screen, Tone};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use engine::config::{Diagnostic, Document, Layers, Location, Origin, Spot};
use engine::redact;
use std::ops::Range;

/// What stands beside the words of a snippet: the number of the line, and what they are.
const MARGIN: usize = 18;

/// All mistakes of a plan as one failure, in the order of the file, then those of flags and variables.
pub(crate) fn failure(layers: &Layers, diagnostics: &[Diagnostic]) -> Failure {
    let mut placed: Vec<(Location, &Diagnostic)> =
        diagnostics.iter().map(|diagnostic| (layers.place(diagnostic), diagnostic)).collect();
    placed.sort_by_key(|(place, _)| match place {
        Location::File(span) => span.start,
        Location::Origin(_) | Location::Nowhere => usize::MAX,
    });
    let places: Vec<(Location, bool)> =
        placed.iter().map(|(place, one)| (place.clone(), matches!(one.spot, Spot::Span(_)))).collect();
    let mut shown: Vec<String> = Vec::new();
    for (place, diagnostic) in placed {
        // What is said of a value says how it is written, too.
        let is_of_syntax = matches!(diagnostic.spot, Spot::Span(_));
        if is_of_syntax && places.contains(&(place.clone(), false)) {
            continue;
        }
        let shape =
            ShownMistake { level: Level::ERROR, problem: &diagnostic.problem, fix: &layers.fix(diagnostic) };
        let text = shape.show(place, layers, &diagnostic.path);
        // What stands once and is used in several places is told once.
        if !shown.contains(&text) {
            shown.push(text);
        }
    }
    // The file is named where something in it is wrong.
    let is_in_file = diagnostics.iter().any(|one| matches!(layers.place(one), Location::File(_)));
    counted(shown, layers.document().filter(|_| is_in_file))
}

/// What is no mistake, and may not be what was meant: as text for standard error.
pub(crate) fn note(layers: &Layers, note: &Diagnostic) -> String {
    let told = ShownMistake { level: Level::WARNING, problem: &note.problem, fix: &layers.fix(note) };
    told.show(layers.place(note), layers, &note.path)
}

/// A file that is not TOML or JSON at all.
pub(crate) fn failure_of_syntax(diagnostics: &[Diagnostic], document: &Document) -> Failure {
    let show = |diagnostic: &Diagnostic| {
        let told = ShownMistake { level: Level::ERROR, problem: &diagnostic.problem, fix: &diagnostic.fix };
        match &diagnostic.spot {
            Spot::Span(span) => told.in_file(document, span.clone()),
            _ => told.plainly(Some(document.name.clone())),
        }
    };
    counted(diagnostics.iter().map(show).collect(), Some(document))
}

/// All that is told, with how much it is where it is several.
fn counted(shown: Vec<String>, document: Option<&Document>) -> Failure {
    let mut text = shown.join("\n\n");
    if shown.len() > 1 {
        let place = document.map_or(String::new(), |document| format!(" in {}", plain(&document.name)));
        text = format!("{text}\n\n{} mistakes{place}; nothing was sent", shown.len());
    }
    Failure::rendered(text)
}

/// What is told: how bad it is, what it is, and what to do.
struct ShownMistake<'a> {
    level: Level<'static>,
    problem: &'a str,
    fix: &'a str,
}

impl ShownMistake<'_> {
    fn show(&self, place: Location, layers: &Layers, path: &str) -> String {
        match (place, layers.document()) {
            (Location::File(span), Some(document)) => self.in_file(document, span),
            (Location::Origin(Origin::Flag(flag)), _) => {
                let kind = if flag.starts_with('-') { "flag" } else { "argument" };
                self.plainly(Some(format!("{kind} {flag}")))
            }
            (Location::Origin(Origin::Environment(variable)), _) => {
                let value = std::env::var(&variable).unwrap_or_default();
                let value = redact::value(&variable, &value);
                self.plainly(Some(format!("environment {variable}={value}")))
            }
            _ if path.is_empty() => self.plainly(None),
            _ => self.plainly(Some(format!("key `{path}`"))),
        }
    }

    fn in_file(&self, document: &Document, span: Range<usize>) -> String {
        let end = document.text.len();
        let span = span.start.min(end)..span.end.min(end);
        // One line is pointed at: the first of what is wrong.
        let line_end = document.text[span.start..].find('\n').map_or(end, |length| span.start + length);
        let span = span.start..span.end.min(line_end).max(span.start);
        // Places stay as they are: a mask is as long as what it hides.
        let text = redact::masked(&document.text);
        let columns = Screen::stderr().message_width() - MARGIN;
        let (problem, fix) = (redact::told(self.problem), redact::told(self.fix));
        let (problem, fix) = (wrapped(columns, &problem), wrapped(columns, &fix));
        let snippet = Snippet::source(text.as_str())
            .path(document.name.as_str())
            .annotation(AnnotationKind::Primary.span(span));
        let help = Level::HELP.message(fix.as_str());
        let report = [self.level.clone().primary_title(problem.as_str()).element(snippet).element(help)];
        renderer().render(&report).to_string()
    }

    fn plainly(&self, place: Option<String>) -> String {
        let screen = Screen::stderr();
        let told = |text: &str| plain(&redact::told(text));
        let (tone, word) = match self.level == Level::WARNING {
            true => (Tone::Caution, "warning:"),
            false => (Tone::Bad, "error:"),
        };
        let line = |prefix: &str, text: &str| layout::hanging(screen.message_width(), prefix, &told(text));
        let problem = line(&format!("{} ", screen.paint(tone, word)), self.problem);
        let place = place.map_or(String::new(), |place| line("  --> ", &place));
        format!("{problem}{place}{}", line("  help: ", self.fix)).trim_end().to_owned()
    }
}

fn wrapped(columns: usize, text: &str) -> String {
    layout::hanging(columns, "", text).trim_end().to_owned()
}

fn renderer() -> Renderer {
    let screen = Screen::stderr();
    let renderer = if screen.has_colour() { Renderer::styled() } else { Renderer::plain() };
    renderer.term_width(screen.width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::config::Format;

    #[test]
    fn a_line_is_shown_without_the_secrets_in_it() {
        let text = "url = 'http://h/?token=s3cret'\nheader = { Authorization = 'Bearer s3cret' }\n";
        let document = Document { name: "plan.toml".into(), text: text.into(), format: Format::Toml };
        let layers = Layers::new(Some(document)).unwrap();
        let shown = failure(&layers, &layers.config().unwrap_err()).message;
        assert!(shown.contains("plan.toml:2") && shown.contains("Authorization = '****"), "{shown}");
        assert!(!shown.contains("cret"), "{shown}");
    }

    #[test]
    fn a_header_that_was_written_as_a_line_is_shown_without_its_secret() {
        for written in [
            "headers = \"Authorization: Bearer s3cret phrase\"",
            "headers = [\"Authorization: Bearer s3cret phrase\"]",
            "request = \"{\\\"password\\\": \\\"my s3cret phrase\\\"}\"",
        ] {
            let text = format!("url = 'http://h/'\n{written}\n");
            let document = Document { name: "plan.toml".into(), text, format: Format::Toml };
            let layers = Layers::new(Some(document)).unwrap();
            let shown = failure(&layers, &layers.config().unwrap_err()).message;
            assert!(shown.contains("plan.toml:2"), "{shown}");
            assert!(!shown.contains("s3cret") && !shown.contains("phrase"), "{shown}");
        }
        let mut layers = Layers::new(None).unwrap();
        layers.set_variable("VAJRA_HEADERS", "Authorization: Bearer s3cret phrase");
        let wrong = layers.config().unwrap_err();
        let place = Some("environment VAJRA_HEADERS=Authorization: Bearer s3cret phrase".into());
        let told =
            ShownMistake { level: Level::ERROR, problem: &wrong[0].problem, fix: &layers.fix(&wrong[0]) };
        for shown in [failure(&layers, &wrong).message, told.plainly(place)] {
            assert!(shown.contains("VAJRA_HEADERS"), "{shown}");
            assert!(!shown.contains("s3cret") && !shown.contains("phrase"), "{shown}");
        }
    }

    #[test]
    fn a_mistake_in_a_file_has_its_line_and_column() {
        let text = "url = \"x\"\n[run]\nconections = 5\n";
        let document = Document { name: "plan.toml".into(), text: text.into(), format: Format::Toml };
        let layers = Layers::new(Some(document)).unwrap();
        let shown = failure(&layers, &layers.config().unwrap_err()).message;
        for part in
            ["unknown key `conections`", "plan.toml:3:1", "conections = 5", "did you mean `connections`?"]
        {
            assert!(shown.contains(part), "{part} is not in:\n{shown}");
        }
    }
}
