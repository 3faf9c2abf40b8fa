//! What is read of a table, whether or not this build can read tables.

use crate::model::change::ChangeBatch;

/// Where the mirror of a table begins, if the store has no position of its source yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TableStart {
    /// With all rows of the last version that is asked for.
    #[default]
    Latest,
    /// With the changes of version 0.
    First,
    /// With all rows of this version; the changes after it follow.
    At(u64),
}

/// The change feed of a range of versions.
pub struct Feed {
    /// All changes of the range; its position is the last version.
    pub batch: ChangeBatch,
    /// Bytes of the files that they are in.
    pub bytes: u64,
    /// What the feed does not say, as sentences for people.
    pub notices: Vec<String>,
}
