//! Where a change batch stands in its source.

use crate::error::Result;
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

/// The position of a batch that is to be applied.
pub enum BatchPosition {
    /// All of it is known.
    Known(Position),
    /// A name whose content is hashed while its rows are decoded, so that it is read once.
    Unread(Unread),
}

/// A named position before its content was read.
pub struct Unread {
    /// See [`Named`].
    pub name: String,
    /// See [`Named`].
    pub size: u64,
    /// See [`Named`].
    pub modified: Option<i64>,
    /// What is to be hashed.
    pub content: Box<dyn Content>,
}

/// The bytes behind a named position, hashed once.
pub trait Content: Send {
    /// BLAKE3 of all bytes. Those that the batch's parts have not read yet are read now, and are lost to the parts:
    /// ask when the parts have ended, or when they are not wanted.
    ///
    /// # Errors
    /// Those of reading; `InvalidInput` where the bytes are not those that the position was made of.
    fn hash(&mut self) -> Result<[u8; 32]>;
}

impl BatchPosition {
    /// The position with the hash of its content. Asks for it as [`Content::hash`] says.
    pub fn complete(&mut self) -> Result<Position> {
        Ok(match self {
            BatchPosition::Known(position) => position.clone(),
            BatchPosition::Unread(Unread { name, size, modified, content }) => {
                let hash = content.hash()?;
                Position::Named(Named { name: name.clone(), size: *size, modified: *modified, hash })
            }
        })
    }
}

impl From<Position> for BatchPosition {
    fn from(position: Position) -> Self {
        BatchPosition::Known(position)
    }
}

impl std::fmt::Display for BatchPosition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BatchPosition::Known(position) => position.fmt(f),
            BatchPosition::Unread(unread) => f.write_str(&unread.name),
        }
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Position::Numbered(number) => write!(f, "{number}"),
            Position::Named(named) => f.write_str(&named.name),
        }
    }
}
