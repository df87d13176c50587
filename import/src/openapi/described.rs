//! A document of OpenAPI, read: its parts by their references, and nothing that stands outside of it.

use crate::ordered::Ordered;
use crate::wrong::WrongImport;

/// The most references that lead from one to the next.
const REFERENCES_MAX: usize = 16;
/// The most lists, objects and values of a document in YAML.
const NODES_MAX: usize = 4_000_000;

/// A document of OpenAPI 3.
pub(super) struct Described {
    pub(super) root: Ordered,
}

impl Described {
    /// Reads JSON or YAML; `name` is what the file is called.
    pub(super) fn read(text: &str, name: &str) -> Result<Described, WrongImport> {
        let text = text.trim_start_matches('\u{feff}');
        let root: Ordered = match text.trim_start().starts_with('{') {
            true => serde_json::from_str(text).map_err(|error| {
                WrongImport::new(format!("it is no JSON: {error}"), "correct it there").at(format!(
                    "{name}, line {}, column {}",
                    error.line(),
                    error.column()
                ))
            })?,
            false => serde_saphyr::from_str_with_options(text, yaml_options()).map_err(|error| {
                let location = error.location();
                let place = location.map_or(name.to_owned(), |at| {
                    format!("{name}, line {}, column {}", at.line(), at.column())
                });
                let told = error.to_string();
                let first = told.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
                WrongImport::new(
                    format!("it is no YAML: {first}"),
                    "correct it there; an OpenAPI document is JSON or YAML",
                )
                .at(place)
            })?,
        };
        check_version(&root).map_err(|wrong| wrong.at(name))?;
        Ok(Described { root })
    }

    /// A part, or what it refers to: a reference to another file leads nowhere.
    pub(super) fn resolved<'d>(&'d self, part: &'d Ordered) -> Option<&'d Ordered> {
        let mut part = part;
        for _ in 0..REFERENCES_MAX {
            match part.get("$ref").and_then(Ordered::text) {
                None => return Some(part),
                Some(reference) => {
                    let pointer = crate::urls::decoded(reference.strip_prefix('#')?);
                    part = self.root.pointer(&pointer)?;
                }
            }
        }
        None
    }

    /// A part of a part, resolved.
    pub(super) fn part<'d>(&'d self, of: &'d Ordered, key: &str) -> Option<&'d Ordered> {
        of.get(key).and_then(|part| self.resolved(part))
    }
}

/// YAML 1.2, as OpenAPI has it: `n` and `on` are texts. Descriptions of large services are longer than most documents.
fn yaml_options() -> serde_saphyr::Options {
    let mut budget = serde_saphyr::Budget::default();
    budget.max_nodes = NODES_MAX;
    budget.max_events = 2 * NODES_MAX;
    let mut options = serde_saphyr::Options::default();
    options.strict_booleans = true;
    options.budget = Some(budget);
    options
}

fn check_version(root: &Ordered) -> Result<(), WrongImport> {
    let version = |key: &str| root.get(key).and_then(Ordered::scalar);
    match (version("openapi"), version("swagger")) {
        (Some(version), _) if version.starts_with("3.") || version == "3" => Ok(()),
        (Some(version), _) => Err(WrongImport::new(
            format!("it is of OpenAPI {version}, which is not read"),
            "versions 3.0 and 3.1 are",
        )),
        (None, Some(version)) => Err(WrongImport::new(
            format!("it is of Swagger {version}, which is not read"),
            "convert it to OpenAPI 3, as https://converter.swagger.io does",
        )),
        (None, None) => Err(WrongImport::new(
            "it is no OpenAPI document: it has no `openapi: 3.…`",
            "name the file that has `openapi` and `paths`",
        )),
    }
}
