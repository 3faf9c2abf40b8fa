//! Exported Databricks change feeds: the rows of `table_changes()`.
//!
//! ```text
//! user_id  insert_id  time  …  _change_type      _commit_version  _commit_timestamp
//! u-10003  ord-1003   …        insert            41               2025-11-04T00:05:11.000Z
//! u-10001  ord-1001   …        update_preimage   42               …
//! u-10001  ord-1001   …        update_postimage  42               …
//! u-10002  ord-1002   …        delete            43               …
//! u-10002  ord-1002   …        insert            43               …                          an update, written as MERGE may
//! ```
//!
//! The feed is a full log: its order is that of the commit versions, and within one version a put outranks a delete.
//! Nothing joins the halves of an update but their version and key. Labels are exact; any other is refused.
//!
//! Sources: Delta Lake's pages on the change data feed and its protocol (`spec/amplitude.md` section 4).

use super::SourceOptions;
use super::dialect::{Arrays, Changes};
use super::ids::ids;
use super::labels::{Label, Labels};
use super::mapping::{ChangeColumn, ChangeField};
use super::text::{Text, excerpt};
use crate::error::Result;
use crate::model::change::{Operation, Operations, Refused};
use crate::model::rejection::Rule;
use std::collections::HashMap;

pub(super) const COLUMNS: &[ChangeColumn] = &[
    ChangeColumn { field: ChangeField::Op, usual: &["_change_type"], is_required: true },
    ChangeColumn { field: ChangeField::Version, usual: &["_commit_version"], is_required: true },
    ChangeColumn { field: ChangeField::Timestamp, usual: &["_commit_timestamp"], is_required: false },
];

const LABELS: Labels = Labels(&[
    ("insert", Operation::Insert),
    ("update_preimage", Operation::PreImage),
    ("update_postimage", Operation::Update),
    ("delete", Operation::Delete),
]);

/// The sequence of rows whose version cannot be read: they are refused, and no version that was applied has it.
pub(super) const NO_VERSION: u64 = u64::MAX;

/// What the rows of a part do.
pub(super) fn changes(columns: &Arrays<'_>, options: &SourceOptions, refused: &mut Vec<Refused>) -> Result<Changes> {
    let labels = columns.labels(&LABELS, options).unwrap_or_else(|| vec![Label::Missing; columns.rows]);
    Ok(Changes {
        operations: Operations::Each(labels.into_iter().map(Label::operation).collect()),
        sequence: Some(versions(columns, refused)?),
        pair: None,
        notes: Vec::new(),
    })
}

/// The commit versions of a part's rows.
pub(super) fn versions(columns: &Arrays<'_>, refused: &mut Vec<Refused>) -> Result<Vec<u64>> {
    let mut versions = vec![NO_VERSION; columns.rows];
    let mut refuse = |row: usize, detail: String| refused.push(Refused { row, rule: Rule::BadSequence, detail });
    let Some((column, meaning)) = columns.get(ChangeField::Version) else {
        (0..columns.rows).for_each(|row| refuse(row, "the commit version is absent".to_owned()));
        return Ok(versions);
    };
    let mut not_whole = Vec::new();
    let column = ids(column, meaning, Rule::BadSequence, &mut not_whole)?;
    let not_whole: HashMap<usize, String> =
        not_whole.into_iter().map(|refused| (refused.row, refused.detail)).collect();
    let text = Text::of(&column);
    for (row, version) in versions.iter_mut().enumerate() {
        match text.as_ref().and_then(|text| text.get(row)) {
            Some(text) => match text.parse().ok().filter(|version| *version != NO_VERSION) {
                Some(number) => *version = number,
                None => refuse(row, format!("{} is no commit version", excerpt(text))),
            },
            None => match not_whole.get(&row) {
                Some(why) => refuse(row, format!("the commit version: {why}")),
                None => refuse(row, "the commit version is null or absent".to_owned()),
            },
        }
    }
    Ok(versions)
}
