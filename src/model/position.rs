//! Where a change batch stands in its source.

use serde::{Deserialize, Serialize};

/// The position of a change batch in its source: what makes "exactly once" decidable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Position {
    /// One of a totally ordered, contiguous sequence (a Delta commit version, `--position N`). Progress is the
    /// highest one applied, the source's watermark.
    Numbered(u64),
    /// A file, folder or object: exactly once per name.
    Named(Named),
}

/// A named position with what tells whether its content is still the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The name below the input: unique within a source, names apply in byte order.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Time of last modification in nanoseconds since 1970, where the storage tells one.
    pub modified: Option<i64>,
    /// BLAKE3 of the content.
    pub hash: [u8; 32],
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Position::Numbered(number) => write!(f, "{number}"),
            Position::Named(named) => f.write_str(&named.name),
        }
    }
}
