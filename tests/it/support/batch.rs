//! Change batches as plain data: what tests write down or generate, what the oracle reads, and what becomes a real
//! [`ChangeBatch`] of Arrow columns.

use arrow::array::{ArrayRef, BinaryArray, Int64Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use eventmirror::model::change::{
    ChangeBatch, ChangePart, Operation, Operations, Refused, RowNumbers, TEXT_MEANING, TextMeaning, WindowKind,
};
use eventmirror::model::row;
use eventmirror::{Error, ErrorKind, Named, Position, Rule, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// One change record as a source would hand it over.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub operation: Operation,
    pub user_id: Option<String>,
    pub insert_id: Option<String>,
    /// Microseconds since 1970 and the nanoseconds beyond them.
    pub time: Option<(i64, u16)>,
    /// Where no record of a batch has one, the batch has no sequence.
    pub sequence: Option<u64>,
    /// Likewise.
    pub pair: Option<u128>,
    /// `None` is a null, which must mean the same as no entry.
    pub columns: BTreeMap<String, Option<Value>>,
    /// The source refused the row.
    pub refused: Option<Rule>,
}

impl Record {
    /// A record whose time is in milliseconds.
    pub fn new(operation: Operation, user_id: &str, insert_id: &str, millis: i64) -> Record {
        Record {
            operation,
            user_id: Some(user_id.to_owned()),
            insert_id: Some(insert_id.to_owned()),
            time: Some((millis * 1_000, 0)),
            sequence: None,
            pair: None,
            columns: BTreeMap::new(),
            refused: None,
        }
    }

    pub fn with(mut self, column: &str, value: Value) -> Record {
        self.columns.insert(column.to_owned(), Some(value));
        self
    }
}

/// A change batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    pub source: String,
    pub position: Position,
    pub window: WindowKind,
    pub records: Vec<Record>,
    /// Where a numbered batch covers several numbers: the first of them.
    pub first: Option<u64>,
    /// Lengths of the parts that the records come in; the rest is a part of its own.
    pub parts: Vec<usize>,
}

impl Batch {
    pub fn new(source: &str, position: Position, window: WindowKind, records: Vec<Record>) -> Batch {
        Batch { source: source.to_owned(), position, window, records, first: None, parts: Vec::new() }
    }

    /// The sequence of a record: its own, or its place where the batch has none.
    pub fn sequence(&self, index: usize) -> u64 {
        match self.has_sequence() {
            true => self.records[index].sequence.unwrap_or_default(),
            false => index as u64,
        }
    }

    fn has_sequence(&self) -> bool {
        self.records.iter().any(|record| record.sequence.is_some())
    }

    /// Line of a record in its file: a header first, and every third line is empty.
    pub fn row_number(index: usize) -> u64 {
        let index = index as u64;
        2 + index + index / 2
    }

    pub fn to_change_batch(&self) -> ChangeBatch {
        self.change_batch(None)
    }

    /// The same batch, whose input turns out to be damaged behind its last record.
    pub fn to_broken_change_batch(&self) -> ChangeBatch {
        self.change_batch(Some(Error::new(ErrorKind::InvalidInput, "the file is cut off")))
    }

    fn change_batch(&self, error: Option<Error>) -> ChangeBatch {
        let mut parts = Vec::new();
        let mut first = 0;
        for length in self.parts.iter().copied().chain([usize::MAX]) {
            let end = first + length.min(self.records.len() - first);
            if end > first {
                parts.push(Ok(self.part(first, end)));
            }
            first = end;
        }
        parts.extend(error.map(Err));
        let mut batch =
            ChangeBatch::new(self.source.clone(), self.position.clone(), self.window, Box::new(parts.into_iter()));
        batch.first = self.first;
        batch
    }

    fn part(&self, first: usize, end: usize) -> ChangePart {
        let records = &self.records[first..end];
        let ids =
            |id: fn(&Record) -> Option<&str>| -> ArrayRef { Arc::new(StringArray::from_iter(records.iter().map(id))) };
        let rows = payload(records);
        let has_pairs = self.records.iter().any(|record| record.pair.is_some());
        // A record without a pair has a row id that no other record has.
        let pair = |index: usize| self.records[index].pair.unwrap_or((1 << 64) + index as u128);
        let refused = |(row, record): (usize, &Record)| {
            record.refused.map(|rule| Refused { row, rule, detail: "the source cannot read it".into() })
        };
        ChangePart {
            payload: (0..rows.num_columns()).collect(),
            rows,
            user_id: ids(|record| record.user_id.as_deref()),
            insert_id: ids(|record| record.insert_id.as_deref()),
            event_time: Int64Array::from_iter(records.iter().map(|record| record.time.map(|(micros, _)| micros))),
            sub_micros: match records.iter().all(|record| record.time.is_none_or(|(_, nanos)| nanos == 0)) {
                true => Vec::new(),
                false => records.iter().map(|record| record.time.map_or(0, |(_, nanos)| nanos)).collect(),
            },
            operations: Operations::Each(records.iter().map(|record| record.operation).collect()),
            sequence: self.has_sequence().then(|| (first..end).map(|index| self.sequence(index)).collect()),
            pair: has_pairs.then(|| (first..end).map(pair).collect()),
            file: 0,
            row_numbers: RowNumbers::Each((first..end).map(Self::row_number).collect()),
            notes: Vec::new(),
            refused: records.iter().enumerate().filter_map(refused).collect(),
        }
    }
}

/// The columns that any of the records has.
fn payload(records: &[Record]) -> RecordBatch {
    let names: BTreeSet<&String> = records.iter().flat_map(|record| record.columns.keys()).collect();
    let meaning = TextMeaning::EncodedField.metadata().unwrap().to_owned();
    let metadata = HashMap::from([(TEXT_MEANING.to_owned(), meaning)]);
    let field = |name: &&String| Field::new(*name, DataType::Binary, true).with_metadata(metadata.clone());
    let cell = |record: &Record, name: &String| {
        let value = record.columns.get(name)?.as_ref()?;
        let mut out = Vec::new();
        row::put(0, value.as_ref(), &mut out);
        Some(out)
    };
    let column = |name: &&String| -> ArrayRef {
        Arc::new(records.iter().map(|record| cell(record, name)).collect::<BinaryArray>())
    };
    let schema = Schema::new(names.iter().map(field).collect::<Vec<_>>());
    let options = RecordBatchOptions::new().with_row_count(Some(records.len()));
    RecordBatch::try_new_with_options(Arc::new(schema), names.iter().map(column).collect(), &options).unwrap()
}

/// A named position whose content is told by one number.
pub fn named(name: &str, content: u8) -> Position {
    Position::Named(Named { name: name.to_owned(), size: 1, modified: None, hash: [content; 32] })
}
