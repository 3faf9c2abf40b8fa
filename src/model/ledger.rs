//! What the store keeps of every applied batch.

use super::counts::Counts;
use super::key::EventKey;
use super::position::Position;
use serde::{Deserialize, Serialize};

/// A batch as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// The commit sequence: 1 for the first batch, one more for each that follows.
    pub sequence: u64,
    /// The source.
    pub source: String,
    /// Where the batch stood in its source.
    pub position: Position,
    /// What became of its rows.
    pub counts: Counts,
    /// Rows in the table afterwards.
    pub rows: u64,
    /// When it was committed, milliseconds since 1970.
    pub committed_at: i64,
    /// Hints for UPDATEs that matched nothing, the first few.
    pub near_matches: Vec<NearMatch>,
}

/// A key that an UPDATE probably meant: same user and insert id, another time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearMatch {
    /// The key that the UPDATE has.
    pub key: EventKey,
    /// The time of the event in the store minus that of the UPDATE, in the store's unit.
    pub offset: i64,
}

/// The result of applying a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The ledger entry: this batch's, or that of the earlier delivery where the batch was applied already.
    pub entry: LedgerEntry,
    /// The position was known: nothing was read or changed now.
    pub already_applied: bool,
    /// The name was known, but its content is another one now. It was not applied.
    pub changed_after_apply: bool,
}
