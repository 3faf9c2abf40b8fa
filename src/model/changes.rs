//! Change batches that a program builds out of events.

use super::change::{
    ChangeBatch, ChangePart, Operation, Operations, RowNumbers, TEXT_MEANING, TextMeaning, WindowKind,
};
use super::key::{EventKey, TimePrecision};
use super::position::Position;
use super::row;
use super::value::Event;
use arrow::array::{ArrayRef, BinaryBuilder, Int64Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use std::collections::HashMap;
use std::sync::Arc;

/// One change of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Adds an event.
    Insert(Event),
    /// Replaces an event.
    Update(Event),
    /// Removes the event with a key.
    Delete(EventKey),
}

impl Change {
    fn key(&self) -> &EventKey {
        match self {
            Change::Insert(event) | Change::Update(event) => &event.key,
            Change::Delete(key) => key,
        }
    }

    fn operation(&self) -> Operation {
        match self {
            Change::Insert(_) => Operation::Insert,
            Change::Update(_) => Operation::Update,
            Change::Delete(_) => Operation::Delete,
        }
    }

    fn columns(&self) -> &[(String, super::value::Value)] {
        match self {
            Change::Insert(event) | Change::Update(event) => &event.columns,
            Change::Delete(_) => &[],
        }
    }
}

impl ChangeBatch {
    /// A batch of changes whose event times are milliseconds, for a store with that precision (the default). Later
    /// changes of a key outrank earlier ones; the value of a column that an event names twice is the last one.
    pub fn of_changes(source: impl Into<String>, position: Position, changes: Vec<Change>) -> ChangeBatch {
        ChangeBatch::of_changes_in(TimePrecision::Millis, source, position, changes)
    }

    /// [`of_changes`](ChangeBatch::of_changes) for a store with another precision.
    pub fn of_changes_in(
        precision: TimePrecision,
        source: impl Into<String>,
        position: Position,
        changes: Vec<Change>,
    ) -> ChangeBatch {
        let parts = (!changes.is_empty()).then(|| Ok(part(&changes, precision)));
        let parts = Box::new(parts.into_iter());
        ChangeBatch::new(source, position, WindowKind::Net, parts)
    }
}

fn part(changes: &[Change], precision: TimePrecision) -> ChangePart {
    let mut names: Vec<&str> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for (name, _) in changes.iter().flat_map(Change::columns) {
        known.entry(name).or_insert_with(|| {
            names.push(name);
            names.len() - 1
        });
    }
    let mut cells: Vec<BinaryBuilder> = names.iter().map(|_| BinaryBuilder::new()).collect();
    for change in changes {
        let mut row: Vec<Option<Vec<u8>>> = vec![None; names.len()];
        for (name, value) in change.columns() {
            let mut field = Vec::new();
            row::put(0, value.as_ref(), &mut field);
            row[known[name.as_str()]] = Some(field);
        }
        cells.iter_mut().zip(row).for_each(|(cells, field)| cells.append_option(field));
    }
    let meaning = TextMeaning::EncodedField.metadata().unwrap_or_default().to_owned();
    let metadata = HashMap::from([(TEXT_MEANING.to_owned(), meaning)]);
    let fields: Vec<Field> =
        names.iter().map(|name| Field::new(*name, DataType::Binary, true).with_metadata(metadata.clone())).collect();
    let columns: Vec<ArrayRef> = cells.iter_mut().map(|cells| Arc::new(cells.finish()) as ArrayRef).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(changes.len()));
    // Every column was built with one entry a change, so the lengths agree.
    #[allow(clippy::expect_used)]
    let rows = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
        .expect("columns of one length");
    let ids = |id: fn(&EventKey) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(changes.iter().map(|change| id(change.key()))))
    };
    // Times beyond what microseconds can tell do not fit the store's sources either.
    let micros = changes.iter().map(|change| change.key().event_time.checked_mul(precision.micros()));
    ChangePart {
        rows,
        payload: (0..names.len()).collect(),
        user_id: ids(|key| &key.user_id),
        insert_id: ids(|key| &key.insert_id),
        event_time: Int64Array::from_iter(micros),
        sub_micros: Vec::new(),
        operations: Operations::Each(changes.iter().map(Change::operation).collect()),
        sequence: None,
        pair: None,
        file: 0,
        row_numbers: RowNumbers::From(1),
        refused: Vec::new(),
        notes: Vec::new(),
    }
}
