//! Opening for reading beside a process that writes.
//!
//! The writer moves rows from its log into sorted files, merges those, and deletes what it no longer needs, all while
//! the reader is reading the list of files and then the files. A reader that finds a file gone has an old list and
//! begins again. A log that goes away in between leaves no error but a hole: its rows are in none of the files that
//! the reader knows of. So the logs that were there before must be there afterwards.

use super::{StoreOptions, open_error, options};
use crate::error::{Error, ErrorKind, Result};
use rocksdb::DB;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(5);

/// Opens the database for reading as one moment left it.
pub(super) fn open(path: &Path, options: &StoreOptions) -> Result<DB> {
    let mut tries = 0;
    loop {
        tries += 1;
        let before = logs(path)?;
        let opened =
            DB::open_cf_descriptors_read_only(&options::database(options), path, options::families(options), false);
        match opened {
            Ok(db) if before.is_subset(&logs(path)?) => return Ok(db),
            Err(error) if tries == TRIES || !error.as_ref().contains("No such file") => {
                return Err(open_error(path, error));
            }
            Ok(_) if tries == TRIES => {
                return Err(Error::new(ErrorKind::Io, "the store changes too fast to be opened beside its writer")
                    .at(path.display().to_string())
                    .advice("try again"));
            }
            _ => std::thread::sleep(PAUSE),
        }
    }
}

fn logs(path: &Path) -> Result<BTreeSet<OsString>> {
    let mut logs = BTreeSet::new();
    for entry in std::fs::read_dir(path)? {
        let name = entry?.file_name();
        if Path::new(&name).extension().is_some_and(|extension| extension == "log") {
            logs.insert(name);
        }
    }
    Ok(logs)
}
