//! `scan`: events to the terminal, a pipe or a file.

use super::arguments::{ScanArguments, ScanFormat};
use super::output::{Console, say};
use super::parse::{self, Rounding};
use super::table::{Align, columns_that_fit, plural, table};
use super::{Outcome, interrupt, read, usage};
use crate::error::{Error, Result};
use crate::model::event_json::KEY_FIELDS;
use crate::model::key::TimePrecision;
use crate::model::text;
use crate::model::value::Event;
use crate::query;
use crate::{ScanRange, Snapshot};
use std::collections::HashSet;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Rows that a table shows unless a limit is given.
const TABLE_LIMIT: u64 = 50;

pub(super) fn scan(arguments: &ScanArguments, json: bool, console: &mut Console) -> Result<Outcome> {
    let format = format(arguments, json, console.is_terminal());
    if format == ScanFormat::Parquet && arguments.output.is_none() && console.is_terminal() {
        return Err(usage("a Parquet file does not belong on a terminal").advice("give a file with -o"));
    }
    let store = read::open(&arguments.store)?;
    let snapshot = read::snapshot(&store, arguments.as_of)?;
    let bound = |text: &Option<String>, flag| match text {
        Some(text) => parse::time(text, store.precision(), Rounding::Up, flag).map(Some),
        None => Ok(None),
    };
    let mut export = Export {
        snapshot: &snapshot,
        precision: store.precision(),
        user_id: arguments.user_id.clone(),
        bounds: (bound(&arguments.from, "--from")?, bound(&arguments.to, "--to")?),
        limit: arguments.limit,
        stop: None,
    };
    match &arguments.output {
        None => export.write(format, console.stream())?,
        Some(path) => {
            // A signal must not leave a temporary file behind.
            export.stop = Some(interrupt::flag()?);
            let count = write_file(path, |out| export.write(format, out))?;
            say(&format!("{} written to {}", plural(count, "event"), path.display()));
            count
        }
    };
    Ok(Outcome::Done)
}

/// The format asked for; or told by the ending of the output file; or a table on a terminal, lines otherwise.
pub(super) fn format(arguments: &ScanArguments, json: bool, is_terminal: bool) -> ScanFormat {
    if json {
        return ScanFormat::Ndjson;
    }
    arguments.format.unwrap_or_else(|| match &arguments.output {
        Some(path) => match path.extension().and_then(|ending| ending.to_str()) {
            Some("csv") => ScanFormat::Csv,
            Some("parquet") => ScanFormat::Parquet,
            _ => ScanFormat::Ndjson,
        },
        None if is_terminal => ScanFormat::Table,
        None => ScanFormat::Ndjson,
    })
}

struct Export<'a> {
    snapshot: &'a Snapshot,
    /// For Parquet, whose times have a unit.
    #[cfg_attr(not(feature = "parquet"), allow(dead_code))]
    precision: TimePrecision,
    user_id: Option<String>,
    bounds: (Option<i64>, Option<i64>),
    limit: Option<u64>,
    stop: Option<&'static AtomicBool>,
}

impl Export<'_> {
    fn events(&self, limit: Option<u64>) -> Result<impl Iterator<Item = Result<Event>>> {
        let range = ScanRange { user_id: self.user_id.clone(), from: self.bounds.0, to: self.bounds.1 };
        let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let stop = self.stop;
        let is_stopped = move || stop.is_some_and(|stop| stop.load(Ordering::Relaxed));
        let checked = move |event| if is_stopped() { Err(interrupt::error()) } else { event };
        Ok(self.snapshot.scan(range)?.take(limit).map(checked))
    }

    fn write(&self, format: ScanFormat, out: &mut (dyn Write + Send)) -> Result<u64> {
        match format {
            ScanFormat::Ndjson => query::write_ndjson(self.events(self.limit)?, out),
            ScanFormat::Csv => query::write_csv(self.events(self.limit)?, self.snapshot.schema().columns(), out),
            ScanFormat::Parquet => self.parquet(out),
            ScanFormat::Table => self.table(out),
        }
    }

    #[cfg(feature = "parquet")]
    fn parquet(&self, out: &mut (dyn Write + Send)) -> Result<u64> {
        let columns = self.snapshot.schema().columns();
        let mut plan = query::ParquetPlan::new(columns);
        if plan.is_in_doubt() {
            plan.settle(self.events(self.limit)?, columns)?;
        }
        query::write_parquet(self.events(self.limit)?, columns, &plan, self.precision, out)
    }

    #[cfg(not(feature = "parquet"))]
    fn parquet(&self, _out: &mut (dyn Write + Send)) -> Result<u64> {
        let text = "this eventmirror was built without Parquet";
        Err(Error::new(crate::error::ErrorKind::Unsupported, text).advice("write csv or ndjson"))
    }

    fn table(&self, out: &mut (dyn Write + Send)) -> Result<u64> {
        let limit = self.limit.unwrap_or(TABLE_LIMIT);
        // One more than is shown tells whether there are more.
        let mut events = self.events(Some(limit.saturating_add(1)))?.collect::<Result<Vec<Event>>>()?;
        let is_cut = events.len() as u64 > limit;
        if is_cut {
            events.pop();
        }
        let (table, left_out) = events_table(&events, self.snapshot);
        writeln!(out, "{table}")?;
        if left_out > 0 {
            say(&format!("{} left out; --format ndjson shows all", plural(left_out as u64, "column")));
        }
        if is_cut {
            say(&format!("only {} shown; --limit N shows more, --format ndjson all", plural(limit, "event")));
        }
        Ok(events.len() as u64)
    }
}

/// A table with the columns that have a value in one of the events, as many as fit, and how many do not.
fn events_table(events: &[Event], snapshot: &Snapshot) -> (comfy_table::Table, usize) {
    let seen: HashSet<&str> =
        events.iter().flat_map(|event| event.columns.iter().map(|(name, _)| name.as_str())).collect();
    let names = snapshot.schema().columns().iter().map(|column| column.name.as_str());
    let mut names: Vec<&str> = names.filter(|name| seen.contains(name)).collect();
    let left_out = columns_that_fit().map_or(0, |fit| (KEY_FIELDS.len() + names.len()).saturating_sub(fit.max(4)));
    names.truncate(names.len() - left_out.min(names.len()));
    let titles: Vec<(&str, Align)> = KEY_FIELDS.iter().chain(&names).map(|name| (*name, Align::Left)).collect();
    let rows = events.iter().map(|event| {
        let key = [event.key.user_id.clone(), event.key.insert_id.clone(), event.key.event_time.to_string()];
        let cell = |name: &&str| {
            let mut cell = String::new();
            if let Some(value) = event.get(name) {
                text::append_plain(value.as_ref(), &mut cell);
            }
            cell
        };
        key.into_iter().chain(names.iter().map(cell)).collect()
    });
    (table(&titles, rows), left_out)
}

/// Writes a file that appears whole or not at all: into a temporary file beside it, which then takes its name. What
/// exists and is no file (a pipe, `/dev/null`) is written to as it is.
pub(super) fn write_file(path: &Path, write: impl FnOnce(&mut (dyn Write + Send)) -> Result<u64>) -> Result<u64> {
    let place = |error: std::io::Error| Error::from(error).at(path.display().to_string());
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        let file = std::fs::OpenOptions::new().write(true).open(path).map_err(place)?;
        let mut out = BufWriter::new(file);
        let count = write(&mut out)?;
        out.flush().map_err(place)?;
        return Ok(count);
    }
    // Behind a symbolic link stands the file that is meant.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut out = BufWriter::new(temporary_file(folder).map_err(place)?);
    let count = write(&mut out)?;
    let file = out.into_inner().map_err(|error| place(error.into_error()))?;
    file.as_file().sync_all().map_err(place)?;
    file.persist(&target).map_err(|error| place(error.error))?;
    Ok(count)
}

fn temporary_file(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".eventmirror-").suffix(".tmp");
    #[cfg(unix)]
    {
        // A temporary file is its owner's alone by default; this one becomes an ordinary file.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.csv");
        let failed = write_file(&path, |out| {
            out.write_all(b"half")?;
            Err(interrupt::error())
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        for text in ["first", "second"] {
            let write = |out: &mut (dyn Write + Send)| Ok(out.write_all(text.as_bytes()).map(|()| 1)?);
            assert_eq!(write_file(&path, write).unwrap(), 1);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_stays_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::fs::write(folder.path().join("target"), "old").unwrap();
        std::os::unix::fs::symlink(folder.path().join("target"), &link).unwrap();
        write_file(&link, |out| Ok(out.write_all(b"new").map(|()| 1)?)).unwrap();
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(std::fs::read_to_string(folder.path().join("target")).unwrap(), "new");
        write_file(Path::new("/dev/null"), |out| Ok(out.write_all(b"new").map(|()| 1)?)).unwrap();
        assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
    }
}
