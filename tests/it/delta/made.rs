//! Tables made here, commit by commit, for what no table of other programs at hand has.

use crate::support::fast_folder;
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// Name and Delta type of a column.
pub(super) type Columns<'a> = &'a [(&'a str, &'a str)];

/// The columns that every table here has.
pub(super) const KEY: [(&str, &str); 3] = [("user_id", "string"), ("insert_id", "string"), ("time", "timestamp")];

/// The columns of a table: the key and these.
pub(super) fn with_key<'a>(columns: Columns<'a>) -> Vec<(&'a str, &'a str)> {
    KEY.iter().chain(columns).copied().collect()
}

/// A table.
pub(super) struct Made {
    folder: tempfile::TempDir,
    versions: u64,
    files: u64,
}

impl Made {
    pub(super) fn new() -> Made {
        let folder = fast_folder();
        std::fs::create_dir(folder.path().join("_delta_log")).unwrap();
        Made { folder, versions: 0, files: 0 }
    }

    /// A table with the change feed on and one version, which has no rows.
    pub(super) fn with_columns(columns: Columns<'_>) -> Made {
        let mut made = Made::new();
        made.commit(&[protocol(), metadata(columns, json!({}))]);
        made
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Adds a version.
    pub(super) fn commit(&mut self, actions: &[Value]) {
        let text: String = actions.iter().map(|action| format!("{action}\n")).collect();
        std::fs::write(super::commit(self.path(), self.versions), text).unwrap();
        self.versions += 1;
    }

    /// Adds a version whose rows are these, as JSON lines.
    pub(super) fn insert(&mut self, columns: Columns<'_>, rows: &str) {
        let add = self.add(columns, rows, json!({}));
        self.commit(&[add]);
    }

    /// Adds a version with these change rows, as JSON lines with a `_change_type`. The rows of the table are not kept.
    pub(super) fn change(&mut self, columns: Columns<'_>, rows: &str) {
        let columns: Vec<_> = columns.iter().chain(&[("_change_type", "string")]).copied().collect();
        std::fs::create_dir_all(self.path().join("_change_data")).unwrap();
        let (path, size) = self.write("_change_data/", &columns, rows);
        self.commit(&[json!({"cdc": {"path": path, "size": size, "partitionValues": {}, "dataChange": false}})]);
    }

    /// Writes a data file and gives the action that adds it.
    pub(super) fn add(&mut self, columns: Columns<'_>, rows: &str, partition_values: Value) -> Value {
        let (path, size) = self.write("", columns, rows);
        json!({"add": {"path": path, "size": size, "partitionValues": partition_values, "modificationTime": 0,
            "dataChange": true}})
    }

    fn write(&mut self, folder: &str, columns: Columns<'_>, rows: &str) -> (String, u64) {
        self.files += 1;
        let name = format!("{folder}part-{:05}.parquet", self.files);
        let batch = batch(columns, rows);
        let mut writer =
            ArrowWriter::try_new(std::fs::File::create(self.path().join(&name)).unwrap(), batch.schema(), None)
                .unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let size = std::fs::metadata(self.path().join(&name)).unwrap().len();
        (name, size)
    }
}

pub(super) fn protocol() -> Value {
    json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 4}})
}

/// The protocol of a table with reader features.
pub(super) fn features(reader: &[&str], writer: &[&str]) -> Value {
    let writer: Vec<&str> = reader.iter().chain(writer).chain(&["changeDataFeed"]).copied().collect();
    json!({"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": reader, "writerFeatures": writer}})
}

/// Sets the schema; the change feed is on unless `configuration` says otherwise.
pub(super) fn metadata(columns: Columns<'_>, configuration: Value) -> Value {
    let field = |(name, kind): &(&str, &str)| json!({"name": name, "type": kind, "nullable": true, "metadata": {}});
    metadata_of(columns.iter().map(field).collect(), configuration)
}

/// The same for fields that say more of themselves.
pub(super) fn metadata_of(fields: Vec<Value>, configuration: Value) -> Value {
    let mut settings = json!({"delta.enableChangeDataFeed": "true"});
    settings.as_object_mut().unwrap().extend(configuration.as_object().unwrap().clone());
    json!({"metaData": {"id": "made", "format": {"provider": "parquet", "options": {}}, "partitionColumns": [],
        "schemaString": json!({"type": "struct", "fields": fields}).to_string(), "configuration": settings,
        "createdTime": 0}})
}

fn batch(columns: Columns<'_>, rows: &str) -> RecordBatch {
    let field = |(name, kind): &(&str, &str)| {
        let data_type = match *kind {
            "string" => DataType::Utf8,
            "integer" => DataType::Int32,
            "long" => DataType::Int64,
            "{a: long}" => DataType::Struct(vec![Field::new("a", DataType::Int64, true)].into()),
            "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            other => panic!("{other}"),
        };
        Field::new(*name, data_type, true)
    };
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let mut reader = arrow::json::ReaderBuilder::new(schema.clone()).build(rows.as_bytes()).unwrap();
    reader.next().unwrap_or_else(|| Ok(RecordBatch::new_empty(schema))).unwrap()
}

/// A row as a JSON line: the key (`u` and `i` with their number, at that second), and `rest` as more members.
pub(super) fn row(number: u32, rest: &str) -> String {
    let rest = if rest.is_empty() { String::new() } else { format!(",{rest}") };
    format!(
        "{{\"user_id\":\"u{number}\",\"insert_id\":\"i{number}\",\"time\":\"1970-01-01T00:00:0{number}Z\"{rest}}}\n"
    )
}
