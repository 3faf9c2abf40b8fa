//! A table's storage and its log.

use super::bounded::BoundedEngine;
use super::commits;
use super::fault::{Table, gone, missing_file};
use crate::error::{Error, ErrorKind, Result};
use crate::source::SourceOptions;
use delta_kernel::object_store::local::LocalFileSystem;
use delta_kernel::object_store::{DynObjectStore, ObjectStoreScheme};
use delta_kernel::{Engine, KernelResult};
use delta_kernel_default_engine::storage::store_from_url_opts;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use url::Url;

/// The folder of a table's log.
const LOG: &str = "_delta_log";
/// The environment's variables that speak of object storage begin with one of these. Others may have the name of a
/// setting, such as TIMEOUT, and mean something else.
const SETTINGS: [&str; 3] = ["AWS_", "AZURE_", "GOOGLE_"];

/// Where a table is, and what reads it.
#[derive(Clone)]
pub(super) struct Log {
    pub(super) table: Table,
    pub(super) url: Url,
    pub(super) engine: Arc<dyn Engine>,
}

impl Log {
    /// The table in a folder or behind a URL; nothing is read yet.
    pub(super) fn of(input: &str, options: &SourceOptions) -> Result<Log> {
        let (table, url) = (Table::named(input), url_of(input)?);
        let engine = table.read("the table", || Ok(Arc::new(BoundedEngine::new(store_of(&url)?, options))))?;
        Ok(Log { table, url, engine })
    }

    /// Whether there is a log.
    pub(super) fn exists(input: &str) -> Result<bool> {
        if !input.contains("://") {
            return Ok(Path::new(input).join(LOG).is_dir());
        }
        let log = Log::of(input, &SourceOptions::default())?;
        // A web server has no folders; what stands there is one file.
        if let Ok((ObjectStoreScheme::Http, _)) = ObjectStoreScheme::parse(&log.url) {
            return Ok(false);
        }
        log.table.read("the table's log", || {
            let files = log.engine.storage_handler().list_from(&log.url.join(&format!("{LOG}/"))?);
            let first = files.and_then(|mut files| files.next().transpose());
            match first {
                Ok(first) => Ok(first.is_some()),
                Err(error) if missing_file(&error).is_some() => Ok(false),
                Err(error) => Err(error),
            }
        })
    }

    /// The texts of the commits of a range.
    pub(super) fn commits(&self, range: RangeInclusive<u64>) -> Result<impl Iterator<Item = Result<impl AsRef<[u8]>>>> {
        let (mut version, table) = (*range.start(), &self.table);
        let mut texts = table.read("the table's log", || {
            let file = |version| Ok((self.url.join(&format!("{LOG}/{version:020}.json"))?, None));
            self.engine.storage_handler().read_files(range.map(file).collect::<KernelResult<_>>()?)
        })?;
        Ok(std::iter::from_fn(move || {
            let what = format!("version {version} of the table's log");
            version += 1;
            table.read(&what, || texts.next().transpose()).transpose()
        }))
    }

    /// Calls the kernel to read rows. Where a file is gone, the error names the version of `range` that has it.
    pub(super) fn read_rows<T>(
        &self,
        what: &str,
        range: Option<&RangeInclusive<u64>>,
        read: impl FnOnce() -> KernelResult<T>,
    ) -> Result<T> {
        let mut lost = None;
        let read = || read().inspect_err(|error| lost = missing_file(error));
        let result = self.table.read(what, read);
        match (lost, range) {
            (Some(file), Some(range)) => result.map_err(|error| match self.version_of(&file, range.clone()) {
                Some(version) => {
                    gone(format!("the changes of version {version} are gone: there is no file {file}"), &self.table)
                }
                None => error,
            }),
            _ => result,
        }
    }

    /// The first version of a range whose commit names a file, if its log can be read.
    fn version_of(&self, file: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let commits = range.clone().zip(self.commits(range).ok()?);
        let mut readable = commits.map_while(|(version, text)| Some((version, text.ok()?)));
        readable.find_map(|(version, text)| commits::names_file(text.as_ref(), file).then_some(version))
    }
}

/// The URL of a table's folder.
fn url_of(input: &str) -> Result<Url> {
    let wrong = || Error::new(ErrorKind::InvalidInput, "there is no Delta table").at(input);
    if input.contains("://") {
        let folder = if input.ends_with('/') { input.to_owned() } else { format!("{input}/") };
        return Url::parse(&folder).map_err(|error| wrong().because(error));
    }
    let path = std::fs::canonicalize(input).map_err(|error| wrong().because(error))?;
    Url::from_directory_path(path).map_err(|()| wrong())
}

fn store_of(url: &Url) -> KernelResult<Arc<DynObjectStore>> {
    match url.scheme() {
        "file" => Ok(Arc::new(LocalFileSystem::new())),
        _ => store_from_url_opts(url, settings()),
    }
}

fn settings() -> impl Iterator<Item = (String, String)> {
    let all =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    all.filter(|(name, _)| SETTINGS.iter().any(|start| name.starts_with(start)))
}
