//! Keys of which the store refused a row.
//!
//! The store keeps refused rows as JSON, with the columns that their files had. They are read once more as the extract's
//! rows are: by the same map of columns, time zone and unit of time. A row whose key cannot be found so is of no key.

use super::options::Plan;
use crate::error::{Error, Result};
use crate::ingest::{self, Rules, Scratch};
use crate::model::arena::Pool;
use crate::model::json;
use crate::model::rejection::Rule;
use crate::model::schema::Schema;
use crate::query;
use crate::source::{self, Dialect, FileFormat, InputFile, Mapping, SourceOptions};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io::{BufWriter, Write};

/// Refused rows that are read at a time.
const CHUNK: usize = 1 << 13;

/// The commit that refused a row last, and by which rule.
pub(super) type RejectedBy = (u64, Rule);

/// The keys that are wanted and of which a commit up to the snapshot's refused a row, by their hashes.
pub(super) fn rejected(
    plan: &Plan<'_>,
    source: &SourceOptions,
    is_wanted: &dyn Fn(u128) -> bool,
) -> Result<HashMap<u128, RejectedBy>> {
    // What a converter read has the columns that it made.
    let mapping = if source.converter.is_some() { Mapping::default() } else { source.mapping.clone() };
    let (dialect, format) = (Dialect::Backfill, Some(FileFormat::Json));
    let source = SourceOptions { dialect, format, mapping, converter: None, ..source.clone() };
    let mut found = HashMap::new();
    let mut chunk: Vec<(RejectedBy, String)> = Vec::with_capacity(CHUNK);
    for rejection in plan.snapshot.store().rejections() {
        let (sequence, mut rejection) = rejection?;
        if sequence > plan.snapshot.sequence() {
            break;
        }
        let is_object = rejection.row.starts_with('{') && json::validate(rejection.row.as_bytes()).is_ok();
        if is_object {
            query::one_line(&mut rejection.row);
            chunk.push(((sequence, rejection.rule), rejection.row));
        }
        if chunk.len() == CHUNK {
            plan.check_stop()?;
            read(plan, &source, &std::mem::take(&mut chunk), is_wanted, &mut found)?;
        }
    }
    read(plan, &source, &chunk, is_wanted, &mut found)?;
    Ok(found)
}

/// Finds the keys of some rows.
fn read(
    plan: &Plan<'_>,
    source: &SourceOptions,
    rows: &[(RejectedBy, String)],
    is_wanted: &dyn Fn(u128) -> bool,
    found: &mut HashMap<u128, RejectedBy>,
) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let file = tempfile::NamedTempFile::new()?;
    let mut out = BufWriter::new(file.as_file());
    rows.iter().try_for_each(|(_, row)| writeln!(out, "{row}"))?;
    out.into_inner().map_err(|error| Error::from(error.into_error()))?;
    let (schema, rules) = (Mutex::new(Schema::default()), Rules { precision: plan.precision(), ..Rules::default() });
    let mut scratch = Scratch::new(&Pool::new(plan.memory / 16));
    for part in source::parts(&InputFile::new(file.path(), "rejected rows"), source)? {
        let mut part = part?;
        part.payload = [].into();
        for row in &ingest::prepare(&part, 0, &schema, &rules, &mut scratch)?.rows {
            let by = usize::try_from(row.place.row() - 1).ok().and_then(|line| rows.get(line));
            if let Some((by, _)) = by.filter(|_| is_wanted(row.key_hash)) {
                found.insert(row.key_hash, *by);
            }
        }
    }
    Ok(())
}
