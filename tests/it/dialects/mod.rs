//! Change files of the warehouses: what they hold, how they make up windows, what is counted.

mod commands;
mod files;
mod outages;
mod samples;
mod sets;
mod versions;
mod volume;
mod windows;

use crate::support::notation::{report, short, table};
use crate::support::{dump, fast_folder};
use eventmirror::{Applied, ApplyOptions, Dialect, EventStore, Result, SourceOptions, StoreOptions, apply_files};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// A store, and a folder for its change files.
struct Mirror {
    store: EventStore,
    options: ApplyOptions,
    /// Behind the store, so that it is closed before its folder is removed.
    folder: tempfile::TempDir,
}

impl Mirror {
    fn new() -> Mirror {
        let folder = fast_folder();
        let store = EventStore::open(folder.path().join("store"), StoreOptions::default()).unwrap();
        Mirror { store, options: ApplyOptions::default(), folder }
    }

    /// A store that holds a table of the notation.
    fn holding(text: &str) -> Mirror {
        let mirror = Mirror::new();
        let records: String = text.split('|').map(|row| format!("| + {row}")).collect();
        let mut batch = crate::support::notation::batches(&records, eventmirror::model::change::WindowKind::Net);
        batch[0].source = "before".to_owned();
        mirror.store.apply(batch[0].to_change_batch()).unwrap();
        mirror
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("changes").join(name)
    }

    /// Writes files, each of which is one window or a part of one.
    fn write(&self, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = self.path(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    fn apply(&self, inputs: &[&str], source: &SourceOptions) -> Result<Vec<Applied>> {
        let inputs: Vec<String> = inputs.iter().map(|input| self.path(input).display().to_string()).collect();
        apply_files(&self.store, &inputs, source, &self.options, &AtomicBool::new(false), &mut |_| {})
    }

    /// Applies one window that must be accepted. What came of it, in short.
    fn window(&self, input: &str, source: &SourceOptions) -> String {
        let applied = self.apply(&[input], source).unwrap();
        assert_eq!(applied.len(), 1, "one window");
        self.short(&applied[0])
    }

    fn short(&self, applied: &Applied) -> String {
        assert!(applied.entry.counts.balances());
        if applied.already_applied { "already applied".to_owned() } else { short(&report(&self.store, applied)) }
    }

    /// The table must be this one.
    #[track_caller]
    fn holds(&self, text: &str) {
        assert_eq!(dump(&self.store.snapshot()).unwrap(), table(text));
    }

    /// The rejected rows as `row number: rule: detail`.
    fn rejected(&self) -> Vec<String> {
        let line = |rejection: Result<(u64, eventmirror::Rejection)>| {
            let (_, rejection) = rejection.unwrap();
            format!("{}: {}: {}", rejection.row_number, rejection.rule.name(), rejection.detail)
        };
        self.store.rejections().unwrap().map(line).collect()
    }
}

fn of(dialect: Dialect) -> SourceOptions {
    SourceOptions { dialect, is_dialect_given: true, ..SourceOptions::default() }
}
