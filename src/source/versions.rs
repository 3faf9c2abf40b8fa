//! Windows whose position is the commit versions in them: Databricks exports.
//!
//! ```text
//! watermark 40    a.parquet 41–44    b.parquet 45–47        the windows are applied in this order, whatever their names
//!                 covers 41 to 44    covers 45 to 47        with --from-version 41 --to-version 47 also commits in between
//!                                                           that changed no row, and so left none in the export
//! ```
//!
//! Only the rows tell the versions, so the files are read once for them. A range that goes on beyond the watermark is
//! applied without the rows up to it; one that begins behind it leaves versions out, and is refused unless the caller
//! says that the export covers them. Windows of one call that share a version are parts of one export.

use super::inputs::Stat;
use super::inputs::content::OpenedFile;
use super::parts::Parts;
use super::windows::Numbers;
use super::{InputWindow, SourceOptions};
use crate::error::{Error, ErrorKind, Result};
use std::ops::RangeInclusive;

/// The lowest and highest version of rows; `None` without rows.
type Versions = Option<RangeInclusive<u64>>;

/// Numbers windows by the commit versions of their rows and puts them in that order. Windows without rows are left out,
/// since they have no version, unless the caller says which ones they cover. `before_each` is called before each file.
///
/// Errors: those of reading the files, `InvalidInput` where the rows of a window have no version, `Usage` where windows
/// overlap or the rows have versions that the caller says are not there.
pub fn number_by_version(
    windows: Vec<InputWindow>,
    options: &SourceOptions,
    before_each: &mut dyn FnMut() -> Result<()>,
) -> Result<Vec<InputWindow>> {
    let mut found = Vec::with_capacity(windows.len());
    for mut window in windows {
        let (range, stats) = read(&window, options, before_each)?;
        window.number = Some(Numbers { first: None, last: 0, stats });
        found.push((range, window));
    }
    if found.iter().any(|(range, _)| range.is_some()) || options.to_version.is_none() {
        found.retain(|(range, _)| range.is_some());
    } else {
        // No window has a row: the first stands for all that the caller says.
        found.truncate(1);
    }
    found.sort_by_key(|(range, _)| range.as_ref().map(|range| *range.start()));
    cover(found, options)
}

/// The versions of a window, and what tells its files apart.
fn read(
    window: &InputWindow,
    options: &SourceOptions,
    before_each: &mut dyn FnMut() -> Result<()>,
) -> Result<(Versions, Vec<Stat>)> {
    let (mut all, mut rows, mut stats) = (Versions::None, 0, Vec::new());
    for file in &window.files {
        before_each()?;
        let stat = file.stat()?;
        let (range, count) = Parts::open(&OpenedFile::new(file, stat, false), 0, options)?.0.versions()?;
        stats.push(stat);
        rows += count;
        all = match (all, range) {
            (Some(a), Some(b)) => Some(*a.start().min(b.start())..=*a.end().max(b.end())),
            (a, b) => a.or(b),
        };
    }
    match (&all, rows) {
        (None, 1..) => Err(Error::new(ErrorKind::InvalidInput, "no row has a commit version (_commit_version)")
            .at(window.name.clone())
            .advice("name its column with --map version=COLUMN")),
        _ => Ok((all, stats)),
    }
}

/// Says which versions each window covers.
fn cover(found: Vec<(Versions, InputWindow)>, options: &SourceOptions) -> Result<Vec<InputWindow>> {
    let (from, to) = (options.from_version, options.to_version);
    let is_declared = from.is_some() || to.is_some();
    let count = found.len();
    let mut windows: Vec<InputWindow> = Vec::with_capacity(count);
    let mut before: Option<(u64, String)> = None;
    for (index, (range, mut window)) in found.into_iter().enumerate() {
        check(range.as_ref(), &window.name, before.as_ref(), options)?;
        let seen = range.map(RangeInclusive::into_inner);
        let declared = to.filter(|_| index + 1 == count);
        let Some(last) = declared.or(seen.map(|(_, last)| last)) else { continue };
        let lowest = seen.map_or(last, |(first, _)| first);
        let first = match &before {
            None => from.unwrap_or(lowest),
            Some((end, _)) if is_declared => end + 1,
            Some(_) => lowest,
        };
        if let Some(numbers) = &mut window.number {
            (numbers.first, numbers.last) = (Some(first), last);
        }
        before = Some((last, window.name.clone()));
        windows.push(window);
    }
    Ok(windows)
}

fn check(
    range: Option<&RangeInclusive<u64>>,
    name: &str,
    before: Option<&(u64, String)>,
    options: &SourceOptions,
) -> Result<()> {
    let usage = |text: String| Error::new(ErrorKind::Usage, text).at(name.to_owned());
    if let (Some(from), Some(to)) = (options.from_version, options.to_version)
        && from > to
    {
        return Err(usage(format!("--from-version {from} is above --to-version {to}")));
    }
    let Some((first, last)) = range.map(|range| (*range.start(), *range.end())) else { return Ok(()) };
    if let Some(from) = options.from_version.filter(|from| first < *from) {
        return Err(usage(format!("a row has the commit version {first}, below --from-version {from}")));
    }
    if let Some(to) = options.to_version.filter(|to| last > *to) {
        return Err(usage(format!("a row has the commit version {last}, above --to-version {to}")));
    }
    match before.filter(|(end, _)| first <= *end) {
        None => Ok(()),
        Some((end, other)) => Err(usage(format!(
            "the commit versions {first} to {last} begin at or before version {end}, the last of {other}: the two are \
             parts of one export"
        ))
        .advice("apply them as one window: without --window-per-file and --window-per-folder")),
    }
}

#[cfg(test)]
#[path = "versions_tests.rs"]
mod tests;
