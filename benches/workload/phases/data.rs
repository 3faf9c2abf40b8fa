//! The folder that the generator wrote.

use super::Failure;
use arrow::array::{AsArray, StringArray};
use arrow::datatypes::TimestampMicrosecondType;
use eventmirror::EventKey;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

pub(super) struct Data<'a> {
    folder: &'a Path,
    /// How many rows, changes and sums the generator says there are.
    pub(super) manifest: Value,
}

impl<'a> Data<'a> {
    pub(super) fn open(folder: &'a Path) -> Result<Self, Failure> {
        Ok(Data { folder, manifest: json(&folder.join("manifest.json"))? })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The files of the batches of `b`, `c` or `d` in their order.
    pub(super) fn batches(&self, phase: &str) -> Result<Vec<PathBuf>, Failure> {
        let is_of_phase = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&format!("{phase}_")) && name.ends_with(".parquet")
        };
        let entries = std::fs::read_dir(self.folder)?.map(|entry| Ok(entry?.path()));
        let mut files: Vec<PathBuf> = entries.collect::<std::io::Result<_>>()?;
        files.retain(is_of_phase);
        files.sort();
        Ok(files)
    }

    /// What the manifest says of a batch.
    pub(super) fn batch(&self, file: &Path) -> &Value {
        &self.manifest["files"][&*file.file_name().unwrap_or_default().to_string_lossy()]
    }

    /// Keys that are there after `c`.
    pub(super) fn probe_keys(&self) -> Result<Vec<EventKey>, Failure> {
        let mut keys = Vec::new();
        let file = File::open(self.path("probe_keys.parquet"))?;
        for batch in ParquetRecordBatchReaderBuilder::try_new(file)?.build()? {
            let batch = batch?;
            let text = |column: usize| -> &StringArray { batch.column(column).as_string() };
            let times = batch.column(2).as_primitive::<TimestampMicrosecondType>();
            let key = |row| EventKey::new(text(0).value(row), text(1).value(row), times.value(row));
            keys.extend((0..batch.num_rows()).map(key));
        }
        Ok(keys)
    }

    /// Users that have events after `c`.
    pub(super) fn probe_users(&self) -> Result<Vec<String>, Failure> {
        let mut users = Vec::new();
        let file = File::open(self.path("probe_users.parquet"))?;
        for batch in ParquetRecordBatchReaderBuilder::try_new(file)?.build()? {
            let batch = batch?;
            let column: &StringArray = batch.column(0).as_string();
            users.extend(column.iter().flatten().map(str::to_owned));
        }
        Ok(users)
    }

    /// The keys of one kind of planted difference.
    pub(super) fn planted(&self, kind: &str) -> Result<BTreeSet<(String, String, i64)>, Failure> {
        let mut planted = json(&self.path("planted.json"))?;
        Ok(serde_json::from_value(planted[kind].take())?)
    }
}

fn json(path: &Path) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(serde_json::from_str(&text)?)
}
