//! Exported BigQuery change history: the rows of `CHANGES()`.
//!
//! ```text
//! user_id  insert_id  time  …  change_type  change_timestamp                change_is_for_update
//! u-10003  ord-1003   …        INSERT       2025-11-04 00:05:11.102938 UTC  false
//! u-10001  ord-1001   …        DELETE       2025-11-04 00:06:02 UTC         true                    an update: the old row
//! u-10001  ord-1001   …        UPDATE       2025-11-04 00:06:02 UTC         false                   and the new one
//! u-10002  ord-1002   …        DELETE       2025-11-04 00:07:40 UTC         false
//! ```
//!
//! The history is a full log: its order is that of the times of change, and at one time a put outranks a delete. The
//! pseudo columns `_CHANGE_TYPE`, `_CHANGE_TIMESTAMP` and `_CHANGE_IS_FOR_UPDATE` cannot be written under their own
//! names, so exports have aliases. Without the last one, an old half is a delete that the put of the same time outranks.
//! Windows end before their end, so that consecutive ones share no row.
//!
//! Sources: Google's pages on the function `CHANGES` and on data export (`spec/amplitude.md` section 5).

use super::SourceOptions;
use super::dialect::{Arrays, Changes};
use super::labels::{Label, Labels, flags};
use super::mapping::{ChangeColumn, ChangeField};
use super::time::{TimeRules, Times, times};
use crate::error::Result;
use crate::model::change::{Operation, Operations, Refused};
use crate::model::rejection::Rule;
use crate::model::value::TimeUnit;
use arrow::array::Array;
use std::collections::HashMap;

pub(super) const COLUMNS: &[ChangeColumn] = &[
    ChangeColumn { field: ChangeField::Op, usual: &["_CHANGE_TYPE", "change_type"], is_required: true },
    ChangeColumn {
        field: ChangeField::Timestamp,
        usual: &["_CHANGE_TIMESTAMP", "change_timestamp", "change_time"],
        is_required: true,
    },
    ChangeColumn {
        field: ChangeField::IsUpdate,
        usual: &["_CHANGE_IS_FOR_UPDATE", "change_is_for_update"],
        is_required: false,
    },
];

const LABELS: Labels =
    Labels(&[("INSERT", Operation::Insert), ("UPDATE", Operation::Update), ("DELETE", Operation::Delete)]);

/// What the rows of a part do.
pub(super) fn changes(columns: &Arrays<'_>, options: &SourceOptions, refused: &mut Vec<Refused>) -> Result<Changes> {
    let labels = columns.labels(&LABELS, options).unwrap_or_else(|| vec![Label::Missing; columns.rows]);
    let is_half = match columns.get(ChangeField::IsUpdate) {
        Some((column, meaning)) => flags(column, meaning, ChangeField::IsUpdate.name(), refused)?,
        None => Vec::new(),
    };
    let operation = |(row, label): (usize, Label)| match label.operation() {
        Operation::Delete if is_half.get(row) == Some(&Some(true)) => Operation::PreImage,
        operation => operation,
    };
    Ok(Changes {
        operations: Operations::Each(labels.into_iter().enumerate().map(operation).collect()),
        sequence: Some(change_times(columns, refused)?),
        pair: None,
        notes: Vec::new(),
    })
}

/// The times of change in microseconds since 1970, which is as fine as BigQuery has them.
fn change_times(columns: &Arrays<'_>, refused: &mut Vec<Refused>) -> Result<Vec<u64>> {
    let mut refuse = |row: usize, detail: String| refused.push(Refused { row, rule: Rule::BadSequence, detail });
    let Some((column, meaning)) = columns.get(ChangeField::Timestamp) else {
        (0..columns.rows).for_each(|row| refuse(row, "the time of the change is absent".to_owned()));
        return Ok(vec![u64::MAX; columns.rows]);
    };
    // Of plain numbers only the order matters, and times without a zone are UTC in BigQuery.
    let rules = TimeRules::new(TimeUnit::Microsecond, &jiff::tz::TimeZone::UTC);
    let mut unreadable = Vec::new();
    let Times { micros, .. } = times(column, meaning, &rules, &mut unreadable)?;
    let unreadable: HashMap<usize, String> =
        unreadable.into_iter().map(|refused| (refused.row, refused.detail)).collect();
    for row in 0..columns.rows {
        let time = micros.is_valid(row).then(|| micros.value(row));
        match (time, unreadable.get(&row)) {
            (Some(0..), _) => {}
            (_, Some(why)) => refuse(row, format!("the time of the change: {why}")),
            (Some(_), None) => refuse(row, "the time of the change is before 1970".to_owned()),
            (None, None) => refuse(row, "the time of the change is null or absent".to_owned()),
        }
    }
    Ok(micros.iter().map(|time| time.and_then(|time| u64::try_from(time).ok()).unwrap_or(u64::MAX)).collect())
}
