//! Names that were applied, as callers ask for them.

use super::keyspace::names;
use super::{NameRecord, Store};
use crate::error::Result;

impl Store {
    /// What is kept of an applied name.
    pub fn name(&self, source: &str, name: &str) -> Result<Option<NameRecord>> {
        let value = self.0.db.get_pinned_cf(self.0.families().names(), names::key(source, name))?;
        value.map(|value| names::decode(&value)).transpose()
    }

    /// Notes that an applied name has another time of last modification now, with the same content as before: the next
    /// time need not read it again to know.
    pub fn note_modified(&self, source: &str, name: &str, modified: Option<i64>) -> Result<()> {
        self.check_writable()?;
        let Some(mut record) = self.name(source, name)? else { return Ok(()) };
        record.named.modified = modified;
        let family = self.0.families().names();
        Ok(self.0.db.put_cf(family, names::key(source, name), names::encode(&record)?)?)
    }
}
