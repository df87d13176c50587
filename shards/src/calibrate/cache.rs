//! How a calibration is kept: one file for each machine, kernel, number of cores and build, because the figures hold for
//! nothing else. It is written whole or not at all, and read with suspicion.

use super::calibration::{Calibration, SCHEMA};
use super::host::Host;
use engine::failure::{FailureKind, RunFailure};
use serde::Deserialize;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Keeps a calibration in a folder, which is made if it is not there, and returns the file. A reader at the same time sees
/// the old one or the new one. Errors are sentences that name the file.
pub fn store(folder: &Path, calibration: &Calibration) -> Result<PathBuf, RunFailure> {
    let path = folder.join(calibration.host.file_name());
    let unfinished = folder.join(format!(".{}.{}", calibration.host.file_name(), std::process::id()));
    let written = fs::create_dir_all(folder)
        .and_then(|()| write(&unfinished, calibration))
        .and_then(|()| fs::rename(&unfinished, &path));
    written.map_err(|error| {
        // It may not even have been begun.
        let _ = fs::remove_file(&unfinished);
        FailureKind::System.failure(format!("`{}` cannot be written: {error}", path.display()))
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
pub fn load(folder: &Path, host: &Host) -> Result<Option<Calibration>, RunFailure> {
    let path = folder.join(host.file_name());
    let unusable = |why: UnusableCalibration| {
        let text = format!("the calibration in `{}` cannot be used: {why}", path.display());
        FailureKind::System.failure(text)
    };
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|error| unusable(UnusableCalibration::Unreadable(error)))?,
    };
    parse(&text, host).map(Some).map_err(unusable)
}

/// Why a file is no calibration to go by.
#[derive(Debug)]
enum UnusableCalibration {
    Unreadable(io::Error),
    Broken(serde_json::Error),
    OtherSchema(u32),
    /// In what it is another.
    OtherHost(String),
    NoRate(f64),
}

impl fmt::Display for UnusableCalibration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnusableCalibration::Unreadable(error) => write!(formatter, "{error}"),
            UnusableCalibration::Broken(error) => write!(formatter, "it is no calibration ({error})"),
            UnusableCalibration::OtherSchema(schema) => {
                write!(formatter, "its version is {schema}, and this program reads {SCHEMA}")
            }
            UnusableCalibration::OtherHost(difference) => write!(formatter, "it is of {difference}"),
            UnusableCalibration::NoRate(rps) => write!(formatter, "a capacity of {rps} is none"),
        }
    }
}

/// A calibration from its text, if it is one, whole, of this version, and of this host.
fn parse(text: &str, host: &Host) -> Result<Calibration, UnusableCalibration> {
    #[derive(Deserialize)]
    struct SchemaOnly {
        schema: u32,
    }
    let head: SchemaOnly = serde_json::from_str(text).map_err(UnusableCalibration::Broken)?;
    if head.schema != SCHEMA {
        return Err(UnusableCalibration::OtherSchema(head.schema));
    }
    let calibration: Calibration = serde_json::from_str(text).map_err(UnusableCalibration::Broken)?;
    if calibration.host != *host {
        return Err(UnusableCalibration::OtherHost(difference(&calibration.host, host)));
    }
    let is_rate = |rps: f64| rps.is_finite() && rps > 0.0;
    match calibration.capacity.iter().find(|scaling| !is_rate(scaling.rps_per_shard)) {
        Some(scaling) => Err(UnusableCalibration::NoRate(scaling.rps_per_shard)),
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
            assert!(error.text.contains(why), "{why} is not in: {error}");
            assert!(error.text.contains(&path.display().to_string()), "{error}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let in_the_way = folder.path().join("file");
        fs::write(&in_the_way, "here before").unwrap();
        let error = store(&in_the_way, &sample()).unwrap_err();
        assert!(
            error.text.contains("cannot be written") && error.text.contains("file/calibration-"),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&in_the_way).unwrap(), "here before");
    }
}
