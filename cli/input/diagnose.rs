//! Mistakes, shown where they are: a line and a caret in a file, a flag, or a variable; then the cause; then what to do.

use crate::exit::Failure;
use crate::output::plain::plain;
use crate::output::screen::Screen;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use engine::config::{Diagnostic, Document, Layers, Location, Origin};
use engine::redact;
use std::ops::Range;

/// All mistakes of a plan as one failure.
pub(crate) fn failure(layers: &Layers, diagnostics: &[Diagnostic]) -> Failure {
    let shown: Vec<String> = diagnostics.iter().map(|diagnostic| show(diagnostic, layers)).collect();
    Failure::rendered(shown.join("\n\n"))
}

/// A file that is not TOML or JSON at all.
pub(crate) fn failure_of_syntax(diagnostic: &Diagnostic, document: &Document) -> Failure {
    let shown = match &diagnostic.span {
        Some(span) => show_in_file(diagnostic, document, span.clone()),
        None => show_plainly(diagnostic, Some(document.name.clone())),
    };
    Failure::rendered(shown)
}

fn show(diagnostic: &Diagnostic, layers: &Layers) -> String {
    match (layers.place(diagnostic), layers.document()) {
        (Location::File(span), Some(document)) => show_in_file(diagnostic, document, span),
        (Location::Origin(Origin::Flag(flag)), _) => show_plainly(diagnostic, Some(format!("flag {flag}"))),
        (Location::Origin(Origin::Environment(variable)), _) => {
            let value = std::env::var(&variable).unwrap_or_default();
            let value = redact::value(&variable, &value);
            show_plainly(diagnostic, Some(format!("environment {variable}={value}")))
        }
        _ if diagnostic.path.is_empty() => show_plainly(diagnostic, None),
        _ => show_plainly(diagnostic, Some(format!("key `{}`", diagnostic.path))),
    }
}

fn show_in_file(diagnostic: &Diagnostic, document: &Document, span: Range<usize>) -> String {
    let end = document.text.len();
    let span = span.start.min(end)..span.end.min(end);
    // Places stay as they are: a mask is as long as what it hides.
    let text = redact::masked(&document.text);
    let (problem, fix) = (redact::told(&diagnostic.problem), redact::told(&diagnostic.fix));
    let snippet = Snippet::source(text.as_str())
        .path(document.name.as_str())
        .annotation(AnnotationKind::Primary.span(span).label(fix.as_str()));
    let report = [Level::ERROR.primary_title(problem.as_str()).element(snippet)];
    renderer().render(&report).to_string()
}

fn show_plainly(diagnostic: &Diagnostic, place: Option<String>) -> String {
    let told = |text: &str| plain(&redact::told(text));
    let place = place.map_or(String::new(), |place| format!("\n  --> {}", told(&place)));
    format!("error: {}{place}\n  help: {}", told(&diagnostic.problem), told(&diagnostic.fix))
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
        let diagnostic = layers.config().unwrap_err();
        let shown = show(&diagnostic, &layers);
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
            let shown = show(&layers.config().unwrap_err(), &layers);
            assert!(shown.contains("plan.toml:2"), "{shown}");
            assert!(!shown.contains("s3cret") && !shown.contains("phrase"), "{shown}");
        }
        let mut layers = Layers::new(None).unwrap();
        layers.set_variable("VAJRA_HEADERS", "Authorization: Bearer s3cret phrase");
        let diagnostic = layers.config().unwrap_err();
        let place = Some("environment VAJRA_HEADERS=Authorization: Bearer s3cret phrase".into());
        for shown in [show(&diagnostic, &layers), show_plainly(&diagnostic, place)] {
            assert!(shown.contains("VAJRA_HEADERS"), "{shown}");
            assert!(!shown.contains("s3cret") && !shown.contains("phrase"), "{shown}");
        }
    }

    #[test]
    fn a_mistake_in_a_file_has_its_line_and_column() {
        let text = "url = \"x\"\n[run]\nconections = 5\n";
        let document = Document { name: "plan.toml".into(), text: text.into(), format: Format::Toml };
        let layers = Layers::new(Some(document)).unwrap();
        let diagnostic = layers.config().unwrap_err();
        let shown = show(&diagnostic, &layers);
        for part in
            ["unknown key `conections`", "plan.toml:3:1", "conections = 5", "did you mean `connections`?"]
        {
            assert!(shown.contains(part), "{part} is not in:\n{shown}");
        }
    }
}
