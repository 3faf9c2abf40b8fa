//! Pure: change records in, one net mutation a key out. No file, no clock, no RocksDB.
//!
//! [`prepare`] turns the Arrow rows of a part into encoded keys and rows and refuses what a rule forbids;
//! [`coalesce`] sorts the rows of a whole batch by key and leaves one net mutation of each.

mod coalesce;
mod columns;
mod halves;
mod prepare;
mod sort;

pub use coalesce::{Coalesced, Coalescing, coalesce};
pub use halves::{LoneHalves, Pair, key_changes};
pub use prepare::{PreparedRow, PreparedRows, Scratch, prepare};

use crate::model::change::Operation;
use crate::model::key::TimePrecision;
use crate::model::mutation::Policies;
use crate::model::scope::Scope;
use std::collections::HashSet;
use std::sync::Arc;

/// The operations that are switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnabledOperations {
    /// INSERT.
    pub insert: bool,
    /// UPDATE.
    pub update: bool,
    /// DELETE.
    pub delete: bool,
}

impl Default for EnabledOperations {
    fn default() -> Self {
        EnabledOperations { insert: true, update: true, delete: true }
    }
}

impl EnabledOperations {
    /// Whether change records of this operation are applied. The old half of an update follows UPDATE.
    pub fn allows(self, operation: Operation) -> bool {
        match operation {
            Operation::Insert => self.insert,
            Operation::Update | Operation::PreImage => self.update,
            Operation::Delete => self.delete,
            Operation::Unknown | Operation::Ignored => true,
        }
    }
}

/// Optional rules for ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdRules {
    /// Any id that is not empty.
    #[default]
    Any,
    /// The vendor's: at least five characters, none of the literals it refuses (`spec/amplitude.md` section 6.3).
    Amplitude,
}

/// The options of design section 3 that apply to a batch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    /// The operations that are switched on; others are skipped and counted.
    pub operations: EnabledOperations,
    /// Optional rules for ids.
    pub id_rules: IdRules,
    /// Precision of event times, as the store was created.
    pub precision: TimePrecision,
    /// Forgotten users, whose rows are rejected.
    pub suppressed: Arc<HashSet<String>>,
    /// What is decided against the store.
    pub policies: Policies,
    /// The event times that the source is responsible for; rows of others are skipped and counted.
    pub scope: Scope,
    /// Rows up to this sequence were applied by an earlier batch: they are skipped.
    pub applied_up_to: Option<u64>,
}
