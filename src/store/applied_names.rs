//! Names that were applied, as callers ask for them.

use super::keyspace::{meta, names};
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

    /// The last name before the first one, in byte order, that was modified at a time or later. None where the first of
    /// all names was, or none was.
    pub fn name_before(&self, source: &str, modified: i64) -> Result<Option<String>> {
        let prefix = names::prefix(source);
        let mut names = self.0.db.raw_iterator_cf(self.0.families().names());
        names.seek(&prefix);
        let mut before = None;
        while let Some((key, value)) = names.item().filter(|(key, _)| key.starts_with(&prefix)) {
            if names::decode(value)?.named.modified.is_some_and(|time| time >= modified) {
                return Ok(before.and_then(|name| String::from_utf8(name).ok()));
            }
            let name = before.get_or_insert_with(Vec::new);
            name.clear();
            name.extend_from_slice(key.get(prefix.len()..).unwrap_or_default());
            names.next();
        }
        names.status()?;
        Ok(None)
    }

    /// Whether an input was listed and applied whole, and the time of its newest object then.
    pub fn listed(&self, source: &str, input: &str) -> Result<Option<Option<i64>>> {
        let value = self.0.db.get_pinned_cf(self.0.families().meta(), meta::listed_key(source, input))?;
        value.map(|value| meta::decode_listed(&value)).transpose()
    }

    /// Notes that an input was listed, and all of it applied.
    pub fn note_listed(&self, source: &str, input: &str, newest: Option<i64>) -> Result<()> {
        self.check_writable()?;
        let key = meta::listed_key(source, input);
        Ok(self.0.db.put_cf(self.0.families().meta(), key, meta::encode_listed(newest)?)?)
    }
}
