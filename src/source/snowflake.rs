//! Unloaded Snowflake streams and CHANGES queries.
//!
//! ```text
//! USER_ID  INSERT_ID  TIME  …  METADATA$ACTION  METADATA$ISUPDATE  METADATA$ROW_ID
//! u-10003  ord-1003   …        INSERT           false              b7c1f0e2a1        a new row
//! u-10001  ord-1001   …        DELETE           true               3fa9d1c004        an update: the values at the
//! u-10001  ord-1001   …        INSERT           true               3fa9d1c004        window's start and at its end
//! u-10002  ord-1002   …        DELETE           false              77e0aa9b12        a row that is gone
//! ```
//!
//! A window is the net change between two offsets, as a set: the rows stand in any order and in any number of files. So
//! all of them share one sequence, at which a put outranks a delete. What joins the halves of an update is the row id;
//! `METADATA$ISUPDATE` and `METADATA$ROW_ID` may be left out of the unload, and then halves are joined by their key.
//!
//! Sources: Snowflake's pages on streams, the CHANGES clause and data unloading (`spec/amplitude.md` section 3).

use super::SourceOptions;
use super::dialect::{Arrays, Changes};
use super::ids::ids;
use super::labels::{Label, Labels, flags};
use super::mapping::{ChangeColumn, ChangeField};
use super::text::Text;
use crate::error::Result;
use crate::model::change::{Operation, Operations, Refused};
use crate::model::rejection::Rule;
use xxhash_rust::xxh3::xxh3_128;

pub(super) const COLUMNS: &[ChangeColumn] = &[
    ChangeColumn { field: ChangeField::Op, usual: &["METADATA$ACTION"], is_required: true },
    ChangeColumn { field: ChangeField::IsUpdate, usual: &["METADATA$ISUPDATE"], is_required: false },
    ChangeColumn { field: ChangeField::RowId, usual: &["METADATA$ROW_ID"], is_required: false },
];

const LABELS: Labels = Labels(&[("INSERT", Operation::Insert), ("DELETE", Operation::Delete)]);

/// The sequence of all rows of a window.
const SEQUENCE: u64 = 0;

/// What the rows of a part do.
pub(super) fn changes(columns: &Arrays<'_>, options: &SourceOptions, refused: &mut Vec<Refused>) -> Result<Changes> {
    let labels = columns.labels(&LABELS, options).unwrap_or_else(|| vec![Label::Missing; columns.rows]);
    let is_update = match columns.get(ChangeField::IsUpdate) {
        Some((column, meaning)) => flags(column, meaning, ChangeField::IsUpdate.name(), refused)?,
        None => Vec::new(),
    };
    let operation = |(row, label): (usize, Label)| match (
        label.operation(),
        is_update.get(row).copied().flatten().unwrap_or(false),
    ) {
        (Operation::Insert, true) => Operation::Update,
        (Operation::Delete, true) => Operation::PreImage,
        (operation, _) => operation,
    };
    Ok(Changes {
        operations: Operations::Each(labels.into_iter().enumerate().map(operation).collect()),
        sequence: Some(vec![SEQUENCE; columns.rows]),
        pair: pairs(columns)?,
        notes: Vec::new(),
    })
}

/// What joins the halves of an update. A row without an id is joined to none.
fn pairs(columns: &Arrays<'_>) -> Result<Option<Vec<u128>>> {
    let Some((column, meaning)) = columns.get(ChangeField::RowId) else { return Ok(None) };
    // An id that cannot be read costs the count of a key change, not the row.
    let column = ids(column, meaning, Rule::BadMutationType, &mut Vec::new())?;
    let text = Text::of(&column);
    let pair = |row: usize| match text.as_ref().and_then(|text| text.get(row)) {
        Some(id) => xxh3_128(id.as_bytes()),
        None => {
            let place = columns.first_place.wrapping_add(row as u64);
            xxh3_128(&[b"no row id".as_slice(), place.to_le_bytes().as_slice()].concat())
        }
    };
    Ok(Some((0..columns.rows).map(pair).collect()))
}
