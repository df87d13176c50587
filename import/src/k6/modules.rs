//! Modules that a k6 script imports: which there are, where a name leads, and what is asked of those that are absent.

/// A module of a script, by what it is called where it is imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ScriptModule {
    /// One of those that stand in for k6's own, by the name that it has among them.
    Own(String),
    /// One that is not translated: of k6, or from an address.
    Foreign(String),
    /// A file, by its path.
    File(String),
    /// A name that leads nowhere: k6 has no packages.
    Unknown(String),
}

/// Modules that stand in for those of k6.
const OWN: [&str; 8] =
    ["k6", "k6/http", "k6/data", "k6/metrics", "k6/encoding", "k6/crypto", "k6/execution", "k6/timers"];
/// Modules of k6's library that are known, by a part of their address.
const LIBRARY: [(&str, &str); 2] = [("k6-utils", "k6-utils"), ("papaparse", "papaparse")];

/// What a name means in a module.
pub(super) fn module(base: &str, name: &str) -> ScriptModule {
    if OWN.contains(&name) {
        return ScriptModule::Own(name.to_owned());
    }
    if name.starts_with("https://") || name.starts_with("http://") || name.starts_with("cdnjs.com/") {
        let known = LIBRARY.iter().find(|(part, _)| name.contains(part));
        return match known {
            Some((_, own)) => ScriptModule::Own((*own).to_owned()),
            None => ScriptModule::Foreign(name.to_owned()),
        };
    }
    if name == "k6" || name.starts_with("k6/") {
        return ScriptModule::Foreign(name.to_owned());
    }
    if name.starts_with("./")
        || name.starts_with("../")
        || name.starts_with('/')
        || name.starts_with("file://")
    {
        return ScriptModule::File(path(base, name));
    }
    ScriptModule::Unknown(name.to_owned())
}

/// The path of a file that is named in another.
pub(super) fn path(base: &str, name: &str) -> String {
    let name = name.strip_prefix("file://").unwrap_or(name);
    if name.starts_with('/') {
        return name.to_owned();
    }
    let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
    let is_rooted =
        folder.starts_with('/') || base.rsplit_once('/').is_some_and(|(folder, _)| folder.is_empty());
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(name.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("{}{}", if is_rooted { "/" } else { "" }, parts.join("/"))
}

/// What a module imports: addresses, each with the names that are asked for.
pub(super) fn imports(source: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    for (at, _) in source.match_indices("import") {
        let is_word =
            source[..at].chars().next_back().is_none_or(|c| c.is_whitespace() || c == ';' || c == '}');
        let rest = &source[at + "import".len()..];
        let Some(quote) = rest.find(['\'', '"']) else { continue };
        let clause = &rest[..quote];
        let is_clause =
            clause.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "{},*_$".contains(c));
        if !is_word || !is_clause {
            continue;
        }
        let behind = &rest[quote + 1..];
        let Some(end) = behind.find(&rest[quote..=quote]) else { continue };
        let inner =
            clause.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(inner, _)| inner);
        let name = |part: &str| part.split_whitespace().next().map(str::to_owned);
        let names = inner.split(',').filter_map(name).filter(|name| name != "default").collect();
        found.push((behind[..end].to_owned(), names));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_a_module_or_a_file() {
        let file = |path: &str| ScriptModule::File(path.to_owned());
        assert_eq!(module("a/b/script.js", "./lib.js"), file("a/b/lib.js"));
        assert_eq!(module("a/b/script.js", "../c/lib.js"), file("a/c/lib.js"));
        assert_eq!(module("script.js", "../../lib.js"), file("../../lib.js"));
        assert_eq!(module("/a/script.js", "file:///b/lib.js"), file("/b/lib.js"));
        assert_eq!(module("/script.js", "./lib.js"), file("/lib.js"));
        assert_eq!(module("s", "k6/http"), ScriptModule::Own("k6/http".into()));
        assert_eq!(module("s", "k6/ws"), ScriptModule::Foreign("k6/ws".into()));
        assert_eq!(
            module("s", "https://jslib.k6.io/k6-utils/1.4.0/index.js"),
            ScriptModule::Own("k6-utils".into())
        );
        assert_eq!(module("s", "lodash"), ScriptModule::Unknown("lodash".into()));
    }

    #[test]
    fn the_names_of_an_import_are_read() {
        let source = "// important: 'x'\nimport http, { batch as b,\n  get } from 'k6/http';\nimport * as all from \"./a.js\"\n\
                      import './b.js';import {x} from 'https://h/x.js';\nconst important = 'no';";
        let found = imports(source);
        let names: Vec<(&str, Vec<&str>)> = found
            .iter()
            .map(|(from, names)| (from.as_str(), names.iter().map(String::as_str).collect()))
            .collect();
        assert_eq!(
            names,
            [
                ("k6/http", vec!["batch", "get"]),
                ("./a.js", vec![]),
                ("./b.js", vec![]),
                ("https://h/x.js", vec!["x"])
            ]
        );
    }
}
