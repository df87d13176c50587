//! How a calibration is kept: one file for each machine, kernel, number of cores and build, because the figures hold for
//! nothing else. It is written whole or not at all, and read with suspicion.

use super::calibration::{Calibration, SCHEMA};
use super::host::Host;
use serde::Deserialize;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Keeps a calibration in a folder, which is made if it is not there, and returns the file. A reader at the same time sees
/// the old one or the new one. Errors are sentences that name the file.
pub fn store(folder: &Path, calibration: &Calibration) -> Result<PathBuf, String> {
    let path = folder.join(calibration.host.file_name());
    let unfinished = folder.join(format!(".{}.{}", calibration.host.file_name(), std::process::id()));
    let written = fs::create_dir_all(folder)
        .and_then(|()| write(&unfinished, calibration))
        .and_then(|()| fs::rename(&unfinished, &path));
    written.map_err(|error| {
        // It may not even have been begun.
        let _ = fs::remove_file(&unfinished);
        format!("`{}` cannot be written: {error}", path.display())
    })?;
    Ok(path)
}

fn write(path: &Path, calibration: &Calibration) -> io::Result<()> {
    let mut file = File::create(path)?;
    let text = serde_json::to_string_pretty(calibration)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// The calibration of a host, if one is kept in this folder. An error, which is a sentence that names the file, when there is
/// one that cannot be used.
pub fn load(folder: &Path, host: &Host) -> Result<Option<Calibration>, String> {
    let path = folder.join(host.file_name());
    let unusable = |why: String| format!("the calibration in `{}` cannot be used: {why}", path.display());
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|error| unusable(error.to_string()))?,
    };
    parse(&text, host).map(Some).map_err(unusable)
}

/// A calibration from its text, if it is one, whole, of this version, and of this host.
fn parse(text: &str, host: &Host) -> Result<Calibration, String> {
    #[derive(Deserialize)]
    struct SchemaOnly {
        schema: u32,
    }
    let broken = |error: serde_json::Error| format!("it is no calibration ({error})");
    let head: SchemaOnly = serde_json::from_str(text).map_err(broken)?;
    if head.schema != SCHEMA {
        return Err(format!("its version is {}, and this program reads {SCHEMA}", head.schema));
    }
    let calibration: Calibration = serde_json::from_str(text).map_err(broken)?;
    if calibration.host != *host {
        return Err(format!("it is of {}", difference(&calibration.host, host)));
    }
    let is_rate = |rps: f64| rps.is_finite() && rps > 0.0;
    match calibration.capacity.iter().find(|scaling| !is_rate(scaling.rps_per_shard)) {
        Some(scaling) => Err(format!("a capacity of {} is none", scaling.rps_per_shard)),
        None => Ok(calibration),
    }
}

/// The first thing in which a host is another.
fn difference(found: &Host, wanted: &Host) -> String {
    let (found_cores, wanted_cores) = (found.cores.to_string(), wanted.cores.to_string());
    let parts = [
        ("machine", &found.name, &wanted.name),
        ("processor", &found.cpu, &wanted.cpu),
        ("kernel", &found.kernel, &wanted.kernel),
        ("number of cores", &found_cores, &wanted_cores),
        ("version", &found.vajra, &wanted.vajra),
        ("build", &found.build, &wanted.build),
    ];
    let other = parts.into_iter().find(|(_, found, wanted)| found != wanted);
    other.map_or_else(String::new, |(what, found, wanted)| {
        format!("another {what}: `{found}`, not `{wanted}`")
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::sample;
    use super::*;

    #[test]
    fn what_is_kept_is_found_again_and_nothing_else_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("made/on/the/way");
        assert_eq!(load(&inner, &Host::here()), Ok(None));
        let path = store(&inner, &sample()).unwrap();
        assert_eq!(load(&inner, &Host::here()), Ok(Some(sample())));
        let newer = Calibration { measured_at: "later".into(), ..sample() };
        assert_eq!(store(&inner, &newer).unwrap(), path);
        assert_eq!(load(&inner, &Host::here()).unwrap().unwrap().measured_at, "later");
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_of_no_use_is_named_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = store(folder.path(), &sample()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let other_kernel =
            text.replace(&format!("\"kernel\": \"{}\"", Host::here().kernel), "\"kernel\": \"2.4\"");
        for (text, why) in [
            ("", "it is no calibration"),
            ("not JSON", "it is no calibration"),
            ("{\"schema\": 1}", "missing field"),
            (&text[..text.len() / 2], "it is no calibration"),
            (
                &text.replacen("\"schema\": 1", "\"schema\": 2", 1),
                "its version is 2, and this program reads 1",
            ),
            (&other_kernel, "another kernel: `2.4`"),
            (
                &text.replace("\"rps_per_shard\": 100000.0", "\"rps_per_shard\": 0.0"),
                "a capacity of 0 is none",
            ),
        ] {
            fs::write(&path, text).unwrap();
            let error = load(folder.path(), &Host::here()).unwrap_err();
            assert!(error.contains(why), "{why} is not in: {error}");
            assert!(error.contains(&path.display().to_string()), "{error}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let in_the_way = folder.path().join("file");
        fs::write(&in_the_way, "here before").unwrap();
        let error = store(&in_the_way, &sample()).unwrap_err();
        assert!(error.contains("cannot be written") && error.contains("file/calibration-"), "{error}");
        assert_eq!(fs::read_to_string(&in_the_way).unwrap(), "here before");
    }
}
