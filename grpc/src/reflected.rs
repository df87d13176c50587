//! Files that a target hands out by server reflection, gathered until none is missing that another needs.

use crate::descriptors::{self, Descriptors, no_service};
use crate::wrong::{WrongCall, WrongFile};
use prost_types::FileDescriptorProto;
use std::collections::BTreeMap;

/// The most files that are taken from a target.
const FILES_MAX: usize = 10_000;

/// Files by their names.
#[derive(Debug, Default)]
pub struct ReflectedFiles {
    files: BTreeMap<String, FileDescriptorProto>,
}

impl ReflectedFiles {
    /// Takes files as they came.
    pub fn take(&mut self, files: &[Vec<u8>]) -> Result<(), WrongFile> {
        for bytes in files {
            let file = descriptors::file(bytes)?;
            self.files.insert(file.name().to_owned(), file);
            if self.files.len() > FILES_MAX {
                let problem = format!("the target hands out more than {FILES_MAX} files");
                return Err(WrongFile { problem, fix: "name `.proto` files instead (`--proto`)".into() });
            }
        }
        Ok(())
    }

    /// The name of a file that another needs and that has not come.
    pub fn missing(&self) -> Option<String> {
        let needed = self.files.values().flat_map(|file| &file.dependency);
        needed.into_iter().find(|name| !self.files.contains_key(*name)).cloned()
    }

    /// Whether the file of this name has come.
    pub fn has(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// What they say, once none is missing.
    pub fn descriptors(self) -> Result<Descriptors, WrongFile> {
        Descriptors::reflected(self.files.into_values().collect())
    }

    /// Why nothing can be said of a method: its service is not among those that the target has.
    pub fn unknown(method: &str, services: &[String]) -> WrongCall {
        let (service, method) = method.split_once('/').unwrap_or((method, ""));
        no_service(service, method, services)
    }
}
