//! What all tests share: change batches as plain data ([`batch`]), the naive twin of the store ([`oracle`]), a text
//! form of both ([`notation`]), and folders and dumps (here). Nothing below depends on proptest, so that fuzz targets
//! can share it.

pub mod batch;
#[cfg(feature = "cli")]
pub mod engines;
pub mod fuzz_bodies;
pub mod notation;
pub mod oracle;
pub mod raw;

use eventmirror::{EventStore, Result, ScanRange, Snapshot, Value};
use oracle::Key;
use std::collections::BTreeMap;
use std::path::Path;

/// A table as tests compare it: the columns of every key.
pub type Table = BTreeMap<Key, BTreeMap<String, Value>>;

/// A new folder for stores that are written thousands of times: in memory where the system has such a file system,
/// since a synced write to a disk takes a hundred times as long as all the rest.
pub fn fast_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.unwrap()
}

/// Everything that a snapshot shows.
pub fn dump(snapshot: &Snapshot) -> Result<Table> {
    scan(snapshot, ScanRange::default())
}

/// What a snapshot shows of a range. Keys must come strictly rising within a bucket and never twice.
pub fn scan(snapshot: &Snapshot, range: ScanRange) -> Result<Table> {
    let mut table = Table::new();
    let mut last: Option<Vec<u8>> = None;
    for event in snapshot.scan(range)? {
        let event = event?;
        let encoded = event.key.encode();
        assert!(last.is_none_or(|last| last < encoded), "a scan must come in the order of keys: {:?}", event.key);
        last = Some(encoded);
        let key = (event.key.user_id, event.key.insert_id, event.key.event_time);
        table.insert(key, event.columns.into_iter().collect());
    }
    Ok(table)
}

/// The rejected rows of a commit: number in their file and rule.
pub fn rejections_of(store: &EventStore, sequence: u64) -> Result<Vec<(u64, eventmirror::Rule)>> {
    let mut found = Vec::new();
    for rejection in store.rejections()? {
        let (of, rejection) = rejection?;
        if of == sequence {
            found.push((rejection.row_number, rejection.rule));
        }
    }
    found.sort_unstable();
    Ok(found)
}
