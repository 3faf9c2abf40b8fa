//! Delta tables, read natively: those that other programs wrote, and small ones made here for what those lack.

mod made;
mod outages;
mod refusals;
mod runs;
mod schemas;
mod tables;

use crate::support::{Table, dump, fast_folder};
use eventmirror::{
    Applied, ApplyOptions, Dialect, EventStore, Mapping, Result, SourceOptions, StoreOptions, TableStart, apply_files,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Tables that are shipped.
const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/delta");

fn shipped(table: &str) -> PathBuf {
    Path::new(SHIPPED).join("tables").join(table)
}

/// A copy that may be damaged.
fn copy(table: &Path) -> tempfile::TempDir {
    fn copy_all(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let (entry, to) = (entry.unwrap(), to.to_owned());
            match entry.path().is_dir() {
                true => copy_all(&entry.path(), &to.join(entry.file_name())),
                false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
            }
        }
    }
    let folder = fast_folder();
    copy_all(table, folder.path());
    folder
}

fn commit(table: &Path, version: u64) -> PathBuf {
    table.join(format!("_delta_log/{version:020}.json"))
}

/// Options for a table whose key is in these columns.
fn keyed(columns: [&str; 3]) -> SourceOptions {
    let fields = ["user_id", "insert_id", "event_time"];
    let maps: Vec<String> = fields.iter().zip(columns).map(|(field, column)| format!("{field}={column}")).collect();
    SourceOptions {
        dialect: Dialect::Databricks,
        is_dialect_given: true,
        mapping: Mapping::parse(&maps).unwrap(),
        ..SourceOptions::default()
    }
}

fn from_first(options: SourceOptions) -> SourceOptions {
    SourceOptions { start: Some(TableStart::First), ..options }
}

/// A store.
struct Mirror {
    store: EventStore,
    options: ApplyOptions,
    /// Behind the store, so that it is closed before its folder is removed.
    _folder: tempfile::TempDir,
}

impl Mirror {
    fn new() -> Mirror {
        let folder = fast_folder();
        let store = EventStore::open(folder.path().join("store"), StoreOptions::default()).unwrap();
        Mirror { store, options: ApplyOptions::default(), _folder: folder }
    }

    fn apply(&self, table: &Path, source: &SourceOptions) -> Result<Vec<Applied>> {
        self.apply_with(table, source, &mut |_| {})
    }

    fn apply_with(
        &self,
        table: &Path,
        source: &SourceOptions,
        progress: &mut dyn FnMut(eventmirror::Progress<'_>),
    ) -> Result<Vec<Applied>> {
        let inputs = [table.to_str().unwrap().to_owned()];
        let applied = apply_files(&self.store, &inputs, source, &self.options, &AtomicBool::new(false), progress)?;
        assert!(applied.iter().all(|applied| applied.entry.counts.balances()));
        Ok(applied)
    }

    fn holds(&self) -> Table {
        dump(&self.store.snapshot()).unwrap()
    }
}
