//! Whether a word can be a target at all: a URL, a host, or a plan file. Nothing is looked up for a word that cannot.

use engine::config::closest;
use engine::redact;
use std::path::Path;

/// Other programs' scripts, by how their names end, and what they are.
const SCRIPTS: [(&str, &str); 6] = [
    ("js", "a k6 script"),
    ("mjs", "a k6 script"),
    ("ts", "a k6 script"),
    ("lua", "a wrk script"),
    ("jmx", "a JMeter plan"),
    ("scala", "a Gatling simulation"),
];
/// Plans, or what is meant as one, by how their names end.
const PLANS: [&str; 4] = ["toml", "json", "yaml", "yml"];

/// Why a word cannot be a target, with what to do; nothing for one that can.
pub(crate) fn problem(word: &str) -> Option<String> {
    let is_url = word.contains("://") || ["unix:", "testbed:"].iter().any(|start| word.starts_with(start));
    if is_url || word == "-" {
        return None;
    }
    let path = Path::new(word);
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    let shown = redact::text(word);
    if let Some((_, what)) = SCRIPTS.iter().find(|(script, _)| *script == ending) {
        return Some(format!("`{shown}` is {what}: requests are written in a plan here, see docs/PLANS.md"));
    }
    if path.is_dir() {
        return Some(format!("`{shown}` is a directory: give a plan file{}", such_as(path)));
    }
    let is_yaml = ending.starts_with('y') && PLANS.contains(&ending.as_str());
    match path.exists() {
        true if is_yaml => Some(format!("`{shown}` is YAML: plans are TOML or JSON here, see docs/PLANS.md")),
        true => None,
        false if is_meant_as_file(word, &ending) => {
            let hint = similar(path).map_or(String::new(), |found| format!("; did you mean `{found}`?"));
            let kind = if is_yaml { "; plans are TOML or JSON" } else { "" };
            Some(format!("plan `{shown}` cannot be read: there is no such file{kind}{hint}"))
        }
        false if is_host(word) => None,
        false => {
            let hint = similar(path).map_or(String::new(), |found| format!("; did you mean `{found}`?"));
            Some(format!("`{shown}` is neither a file nor a URL; as a host it is `http://{shown}/`{hint}"))
        }
    }
}

/// True for a word that names no host: it ends as plans do, or begins as paths do, or in a folder that is here.
fn is_meant_as_file(word: &str, ending: &str) -> bool {
    let first = word.split('/').next().unwrap_or_default();
    let is_in_folder = word.contains('/') && !first.contains(':') && Path::new(first).is_dir();
    PLANS.contains(&ending) || word.starts_with(['/', '~']) || is_in_folder
}

/// A dot, a colon or a slash makes a host; the only one without is this machine.
fn is_host(word: &str) -> bool {
    word == "localhost" || word.contains(['.', ':', '/'])
}

/// The plan beside a path whose name is most like the path's.
fn similar(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let names = plans_in(folder.unwrap_or(Path::new(".")));
    // The ending is left out: it makes any two names alike.
    let stem = |name: &str| Path::new(name).file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
    let stems: Vec<String> = names.iter().filter_map(|name| stem(name)).collect();
    let stems: Vec<&str> = stems.iter().map(String::as_str).collect();
    let like = closest(path.file_stem()?.to_str()?, &stems)?;
    let name = names.iter().find(|name| stem(name).as_deref() == Some(like))?;
    Some(folder.map_or_else(|| name.clone(), |folder| folder.join(name).display().to_string()))
}

/// One of the plans in a directory, as an example.
fn such_as(folder: &Path) -> String {
    let first = plans_in(folder).into_iter().next();
    first.map_or(String::new(), |name| format!(", such as `{}`", folder.join(name).display()))
}

/// The plans in a folder, in order.
fn plans_in(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let mut plans: Vec<String> =
        names.filter(|name| [".toml", ".json"].iter().any(|ending| name.ends_with(ending))).collect();
    plans.sort();
    plans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_words_that_look_like_hosts() {
        for host in [
            "localhost",
            "localhost:80",
            "10.0.0.1",
            "example.com/path",
            "api:8080",
            "api/health",
            "[::1]:80",
            "http://api/",
            "testbed:",
            "unix:/run/x.sock:/",
            "-",
            "/dev/stdin",
        ] {
            assert_eq!(problem(host), None, "{host}");
        }
        for word in ["api", "dir", "localhost2", "./api", "/no/such/file", "~/plan", "plan.yaml", "script.js"]
        {
            assert!(problem(word).is_some(), "{word}");
        }
    }

    #[test]
    fn files_are_told_by_what_they_are_and_what_is_like_them() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["plan.toml", "old.yaml", "notes.md"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let of = |name: &str| problem(folder.path().join(name).to_str().unwrap()).unwrap_or_default();
        assert!(of("pln.toml").contains("there is no such file; did you mean `"), "{}", of("pln.toml"));
        assert!(of("plan").contains("plan.toml`?"), "{}", of("plan"));
        assert!(of("zzz.json").ends_with("there is no such file"), "{}", of("zzz.json"));
        assert!(of("plan.yaml").contains("TOML or JSON; did you mean `"), "{}", of("plan.yaml"));
        assert!(of("old.yaml").contains("is YAML"), "{}", of("old.yaml"));
        assert!(of("").contains("is a directory: give a plan file, such as `"), "{}", of(""));
        assert!(of("load.js").contains("k6 script"), "{}", of("load.js"));
        assert_eq!(of("plan.toml") + &of("notes.md"), "");
    }
}
