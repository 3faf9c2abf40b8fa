//! The files of a call, put together to windows: what is applied whole or not at all.
//!
//! | the caller says | a window is | its name |
//! |---|---|---|
//! | nothing, dialects `s3` and `backfill`; `--window-per-file` | one file | the file's |
//! | nothing, the warehouses' dialects | all files of the call | that of the one input, if it is a folder; else that of the innermost folder that holds them all and of the first file in it, since warehouses give every export the same names of files |
//! | `--window-per-folder` | the files below one folder in an input folder, or below one folder that a pattern matches | the folder's path below that |
//!
//! The position of a window is its name with size and hash, unless it is numbered: by `--position`, or, for Databricks,
//! by its commit versions. Size, time and hash of several files are the sum of their sizes, the time of the newest, and
//! the BLAKE3 hash of their BLAKE3 hashes in the order of these: a window is the same however its files are named.

use super::inputs::content::{FilesContent, OpenedFile, together};
use super::inputs::{self, Found, Known, Stat};
use super::{Dialect, InputFile, InputOptions, SourceOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::model::change::RowPlace;
use crate::model::position::{BatchPosition, Position, Unread};
use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Which files belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WindowFiles {
    /// All files of the call.
    Call,
    /// The files of each folder.
    Folder,
    /// Each file stands alone.
    File,
}

/// The files of one window.
#[derive(Debug, Clone)]
pub struct InputWindow {
    /// The name under which it is applied exactly once, unless it is numbered.
    pub name: String,
    /// The files, in byte order of their names.
    pub files: Vec<InputFile>,
    pub(super) number: Option<Numbers>,
}

/// The numbered positions that a window covers.
#[derive(Debug, Clone)]
pub(super) struct Numbers {
    /// Where the window covers a range: its first number.
    pub(super) first: Option<u64>,
    pub(super) last: u64,
    /// What told the files' content apart when the numbers were read from them.
    pub(super) stats: Vec<Stat>,
}

impl InputWindow {
    pub(super) fn of_file(file: InputFile) -> Self {
        InputWindow { name: file.name.clone(), files: vec![file], number: None }
    }

    /// Whether the window is known by its name.
    pub fn is_named(&self) -> bool {
        self.number.is_none()
    }

    /// Bytes of all files, and the time of last modification of the newest, in nanoseconds since 1970, where the system
    /// tells that of each. Cheap.
    pub fn stat(&self) -> Result<Stat> {
        Ok(stat_together(&self.files.iter().map(InputFile::stat).collect::<Result<Vec<_>>>()?))
    }

    /// The hash of the content. Reads all files.
    pub fn hash(&self) -> Result<[u8; 32]> {
        Ok(together(self.files.iter().map(InputFile::hash).collect::<Result<_>>()?))
    }

    /// The files as they are now, or were when the window's numbers were read from them.
    pub(super) fn opened(&self) -> Result<Arc<[OpenedFile]>> {
        let known = self.number.as_ref().map(|numbers| numbers.stats.as_slice()).unwrap_or_default();
        let stat = |(index, file): (usize, &InputFile)| known.get(index).map_or_else(|| file.stat(), |stat| Ok(*stat));
        let files = self.files.iter().enumerate();
        files.map(|(index, file)| Ok(OpenedFile::new(file, stat((index, file))?, self.is_named()))).collect()
    }

    /// The window's position. Where it is a name, the content is hashed while it is decoded.
    pub(super) fn position(&self, opened: Arc<[OpenedFile]>) -> BatchPosition {
        if let Some(numbers) = &self.number {
            return Position::Numbered(numbers.last).into();
        }
        let (size, modified) = stat_together(&opened.iter().map(|file| file.stat).collect::<Vec<_>>());
        let content = Box::new(FilesContent { files: opened });
        BatchPosition::Unread(Unread { name: self.name.clone(), size, modified, content })
    }
}

fn stat_together(files: &[Stat]) -> Stat {
    let newest = files.iter().map(|(_, modified)| *modified).collect::<Option<Vec<_>>>();
    (files.iter().map(|(size, _)| size).sum(), newest.and_then(|times| times.into_iter().max()))
}

/// The windows of all inputs.
#[derive(Debug, Default)]
pub struct Windows {
    /// The windows in byte order of their names.
    pub windows: Vec<InputWindow>,
    /// How many objects were left out because they were applied before and are as they were.
    pub known: u64,
    /// The listings of URLs that are complete once all windows are applied: the input as it was given, and the time of
    /// its newest object.
    pub listings: Vec<(String, Option<i64>)>,
    /// Names of the files that the converter's `filterPattern` leaves out.
    pub left_out: Vec<String>,
}

/// Puts the files of all inputs together to windows; see [`list`](super::list) for what an input may be. Where each file
/// is a window with a name, objects that are `known` are left out.
///
/// Errors: those of `list`, and `Usage` where files cannot be put together to windows.
pub fn windows(inputs: &[String], options: &SourceOptions, known: Option<&dyn Known>) -> Result<Windows> {
    let by_dialect = if options.dialect.has_a_window_a_file() { WindowFiles::File } else { WindowFiles::Call };
    let kind = options.window.unwrap_or(by_dialect);
    let known = known.filter(|_| kind == WindowFiles::File && options.position.is_none());
    let mut all = Windows::default();
    if kind == WindowFiles::Folder {
        all.windows = of_folders(inputs, options, &mut all.left_out)?;
    } else {
        let Found { files, known, listings } = inputs::find(inputs, &options.inputs, known)?;
        if kind == WindowFiles::File {
            (all.known, all.listings) = (known, listings);
        }
        let files = select(files, options, &mut all.left_out)?;
        match kind {
            WindowFiles::File => all.windows = files.into_iter().map(InputWindow::of_file).collect(),
            _ if files.is_empty() => {}
            _ => all.windows.push(of_call(inputs, files)?),
        }
    }
    for window in &all.windows {
        check(window, options.dialect)?;
    }
    if let Some(first) = options.position {
        for (window, last) in all.windows.iter_mut().zip(first..) {
            window.number = Some(Numbers { first: None, last, stats: Vec::new() });
        }
    }
    Ok(all)
}

/// The files that a converter takes, or all.
fn select(files: Vec<InputFile>, options: &SourceOptions, left_out: &mut Vec<String>) -> Result<Vec<InputFile>> {
    let Some(converter) = &options.converter else { return Ok(files) };
    let (taken, mut others) = converter.select(files)?;
    left_out.append(&mut others);
    Ok(taken)
}

fn of_call(inputs: &[String], files: Vec<InputFile>) -> Result<InputWindow> {
    let name = match inputs {
        [input] => inputs::folder_name(input, &files),
        _ => None,
    };
    let name = match (name, files.first()) {
        (Some(name), _) => name,
        (None, Some(first)) if !first.is_copy() => {
            let (folder, path) = (common_folder(&files)?, absolute(&first.path())?);
            let below = path.strip_prefix(folder.parent().unwrap_or(&folder)).unwrap_or(&path);
            below.to_string_lossy().into_owned()
        }
        (None, first) => first.map(|first| first.name.clone()).unwrap_or_default(),
    };
    Ok(InputWindow { name, files, number: None })
}

fn of_folders(inputs: &[String], options: &SourceOptions, left_out: &mut Vec<String>) -> Result<Vec<InputWindow>> {
    // A window is all of its files: those that were applied before belong to it too.
    let listing = InputOptions { relist: true, ..options.inputs.clone() };
    let mut windows = Vec::new();
    for input in inputs {
        let folders = inputs::folders(input, &listing)?.into_iter();
        windows.extend(folders.map(|(name, files)| InputWindow { name, files, number: None }));
    }
    windows.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    let mut seen = HashSet::new();
    if let Some(twice) = windows.iter().find(|window| !seen.insert(window.name.as_str())) {
        return Err(usage(format!("two folders have the name {:?}", twice.name))
            .advice("a window is applied once per name: give their common folder instead"));
    }
    // A converter's filter is for names below the input, of which the window's name is a part.
    let full_name = |window: &str, file: &InputFile| format!("{window}/{}", file.name);
    let full = |window: &InputWindow| -> Vec<InputFile> {
        window.files.iter().map(|file| file.renamed(full_name(&window.name, file))).collect()
    };
    select(windows.iter().flat_map(full).collect(), options, left_out)?;
    let others: HashSet<&str> = left_out.iter().map(String::as_str).collect();
    for InputWindow { name, files, .. } in &mut windows {
        files.retain(|file| !others.contains(full_name(name, file).as_str()));
    }
    windows.retain(|window| !window.files.is_empty());
    Ok(windows)
}

/// A Snowflake window is a set without order: two of them taken for one would mix up what came first.
fn check(window: &InputWindow, dialect: Dialect) -> Result<()> {
    if window.files.len() > RowPlace::MOST_FILES {
        return Err(usage(format!("a window has more than {} files", RowPlace::MOST_FILES)).at(window.name.clone()));
    }
    if dialect != Dialect::Snowflake || window.files.len() < 2 {
        return Ok(());
    }
    let common = common_folder(&window.files)?;
    for file in &window.files {
        let path = absolute(&file.path())?;
        let below = path.strip_prefix(&common).ok().and_then(Path::parent).unwrap_or(Path::new(""));
        // An unload partitioned by a column has folders `column=value`.
        let is_own = |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains('=');
        if below.components().any(|part| is_own(&part)) {
            return Err(usage("the files of one window lie in several folders, which may be several windows")
                .at(file.place())
                .advice(
                    "a Snowflake window has no order in itself: give --window-per-folder, or one folder at a time",
                ));
        }
    }
    Ok(())
}

/// The innermost folder that holds all files.
fn common_folder(files: &[InputFile]) -> Result<PathBuf> {
    let mut common: Option<PathBuf> = None;
    for file in files {
        let path = absolute(&file.path())?;
        let folder = path.parent().unwrap_or(&path).to_owned();
        common = Some(match common {
            None => folder,
            Some(common) => {
                let same = common.components().zip(folder.components()).take_while(|(a, b)| a == b);
                same.map(|(part, _)| part).collect()
            }
        });
    }
    Ok(common.unwrap_or_default())
}

/// A path from the root on; what it leads to need not exist. URLs are.
fn absolute(path: &Path) -> Result<PathBuf> {
    if path.to_str().is_some_and(|path| path.contains("://")) {
        return Ok(path.to_owned());
    }
    let has_own_name = path.components().all(|part| !matches!(part, Component::ParentDir));
    let absolute = if has_own_name { std::path::absolute(path) } else { path.canonicalize() };
    let failed = |error| Error::new(ErrorKind::Io, "the path cannot be followed").because(error);
    absolute.map_err(|error| failed(error).at(path.display().to_string()))
}

fn usage(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Usage, text)
}

#[cfg(test)]
#[path = "windows_tests.rs"]
mod tests;
