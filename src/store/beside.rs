//! Opening for reading beside a process that writes.
//!
//! The writer moves rows from its log into sorted files, merges those, and deletes what it no longer needs, all while
//! a reader reads the list of files (RocksDB's manifest), then the files, then the logs. A file that goes away in
//! between is an error. Two things are none and would show a part of a commit: a log that goes away, since its rows are
//! in none of the files that the reader knows of; and a large batch that comes in between, since its rows arrive as
//! files, behind the list that was read, and its commit stands in the log that is read afterwards.
//!
//! So the reader makes a view first: a folder with a copy of the list, and a hard link to each file and log. Of the
//! newest log, which still grows, the view has what was there then. All this takes about a millisecond. What makes a
//! log superfluous or brings files is in the list before it shows elsewhere, so when the list is the same afterwards as
//! before, the view is what one moment left. It is opened at leisure: its links keep what the writer deletes. Once
//! open, it holds all its files and the folder can go.

use super::{StoreOptions, open_error, options};
use crate::error::{Error, ErrorKind, Result};
use rocksdb::DB;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a reader tries to find a moment in which the list of files does not change.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(1);
/// What the names of views begin with, in the store's folder.
const VIEW: &str = "view-";

/// Opens the database for reading as one moment left it.
pub(super) fn open(path: &Path, options: &StoreOptions) -> Result<DB> {
    match tempfile::Builder::new().prefix(VIEW).tempdir_in(path) {
        Ok(view) => {
            make_view(path, view.path())?;
            open_files(view.path(), options).map_err(|error| open_error(path, error))
        }
        // Where nothing can be written there is no writer beside, or not one whose files can be linked.
        Err(_) => open_unlinked(path, options),
    }
}

/// Takes views away that a killed reader left.
pub(super) fn remove_views(path: &Path) -> Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(VIEW) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn open_files(path: &Path, options: &StoreOptions) -> std::result::Result<DB, rocksdb::Error> {
    DB::open_cf_descriptors_read_only(&options::database(options), path, options::families(options), false)
}

fn make_view(path: &Path, view: &Path) -> Result<()> {
    let begun = Instant::now();
    loop {
        let made = try_view(path, view);
        match made {
            Ok(true) => return Ok(()),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound || begun.elapsed() > PATIENCE => {
                return Err(Error::from(error).at(path.display().to_string()));
            }
            Ok(false) if begun.elapsed() > PATIENCE => return Err(too_fast(path)),
            _ => std::thread::sleep(PAUSE),
        }
        std::fs::read_dir(view)?.try_for_each(|entry| std::fs::remove_file(entry?.path()))?;
    }
}

/// True where the list of files did not change while the view was made.
fn try_view(path: &Path, view: &Path) -> std::io::Result<bool> {
    let (current, length) = list(path)?;
    copy_start(&path.join(current.trim_end()), length, &view.join(current.trim_end()))?;
    std::fs::write(view.join("CURRENT"), &current)?;
    let mut newest_log = None;
    for entry in std::fs::read_dir(path)? {
        let name = PathBuf::from(entry?.file_name());
        let kind = name.extension().and_then(OsStr::to_str);
        if matches!(kind, Some("sst" | "log")) {
            std::fs::hard_link(path.join(&name), view.join(&name))?;
        }
        if kind == Some("log") {
            // Numbers with leading zeros, up to a length: the longer name is the higher number.
            newest_log = newest_log.max(Some((name.as_os_str().len(), name)));
        }
    }
    let Some(newest_log) = newest_log.map(|(_, name)| view.join(name)) else { return Ok(false) };
    let log_length = std::fs::metadata(&newest_log)?.len();
    if list(path)? != (current, length) {
        return Ok(false);
    }
    let growing = newest_log.with_extension("growing");
    std::fs::rename(&newest_log, &growing)?;
    copy_start(&growing, log_length, &newest_log)?;
    std::fs::remove_file(growing)?;
    Ok(true)
}

fn copy_start(from: &Path, length: u64, to: &Path) -> std::io::Result<()> {
    std::io::copy(&mut std::fs::File::open(from)?.take(length), &mut std::fs::File::create(to)?)?;
    Ok(())
}

/// Which list of files is the current one, and how long it is: it only grows.
fn list(path: &Path) -> std::io::Result<(String, u64)> {
    let current = std::fs::read_to_string(path.join("CURRENT"))?;
    let length = std::fs::metadata(path.join(current.trim_end()))?.len();
    Ok((current, length))
}

fn open_unlinked(path: &Path, options: &StoreOptions) -> Result<DB> {
    let begun = Instant::now();
    loop {
        let before = list(path).ok();
        let opened = open_files(path, options);
        let is_unchanged = before.is_some() && before == list(path).ok();
        match opened {
            Ok(db) if is_unchanged => return Ok(db),
            Err(error) if is_unchanged || begun.elapsed() > PATIENCE => return Err(open_error(path, error)),
            Ok(_) if begun.elapsed() > PATIENCE => return Err(too_fast(path)),
            _ => std::thread::sleep(PAUSE),
        }
    }
}

fn too_fast(path: &Path) -> Error {
    Error::new(ErrorKind::Io, "the store changes too fast to be opened beside its writer")
        .at(path.display().to_string())
        .advice("try again when the writer has less to do")
}
