//! Inputs of this machine: a file, a folder, a glob, or standard input.

use super::content::for_each_chunk;
use super::{At, InputFile, WILDCARDS, beside_folders, is_left_out};
use crate::error::{Error, ErrorKind, Result};
use std::fs::{self, File, Metadata};
use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The input that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// The copy of standard input, which goes away with its last user.
#[derive(Debug, Clone)]
pub(super) struct Copied {
    pub(super) path: Arc<tempfile::TempPath>,
    pub(super) hash: [u8; 32],
}

/// Size, and time of last modification in nanoseconds since 1970.
pub(super) fn stat(path: &Path) -> Result<(u64, Option<i64>)> {
    let metadata = fs::metadata(path).map_err(|e| unreadable(e, path))?;
    Ok((metadata.len(), modified(&metadata)))
}

/// A file, at its start.
pub(super) fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|e| unreadable(e, path))
}

/// Adds the files of an input.
pub(super) fn list(input: &str, files: &mut Vec<InputFile>) -> Result<()> {
    if input == STANDARD_INPUT {
        files.push(spool(&mut std::io::stdin().lock())?);
        return Ok(());
    }
    let path = Path::new(input);
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => walk(path, path, files),
        Ok(metadata) if metadata.is_file() => {
            let name = path.file_name().map_or(path, Path::new);
            files.push(InputFile::new(path, text_of(name, path)?));
            Ok(())
        }
        Ok(_) => Err(Error::new(ErrorKind::Usage, "the input is neither a file nor a folder")
            .at(input)
            .advice("to read from a pipe, give - as input")),
        Err(_) if input.contains(WILDCARDS) => list_glob(input, files),
        Err(error) => Err(unreadable(error, path)),
    }
}

/// Adds the files below `folder`, named relative to `base`. Links to folders are not followed: they may form a ring.
fn walk(folder: &Path, base: &Path, files: &mut Vec<InputFile>) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(|e| unreadable(e, folder))? {
        let entry = entry.map_err(|e| unreadable(e, folder))?;
        let path = entry.path();
        if entry.file_name().to_str().is_some_and(is_left_out) {
            continue;
        }
        let kind = entry.file_type().map_err(|e| unreadable(e, &path))?;
        if kind.is_dir() {
            walk(&path, base, files)?;
        } else if fs::metadata(&path).map_err(|e| unreadable(e, &path))?.is_file() {
            files.push(InputFile::new(&path, relative_name(&path, base)?));
        }
    }
    Ok(())
}

fn list_glob(pattern: &str, files: &mut Vec<InputFile>) -> Result<()> {
    let base = fixed_folder(pattern);
    for path in matches(pattern)? {
        let name = relative_name(&path, &base)?;
        if name.split('/').any(is_left_out) {
            continue;
        }
        match fs::metadata(&path).map_err(|e| unreadable(e, &path))? {
            metadata if metadata.is_dir() => walk(&path, &base, files)?,
            metadata if metadata.is_file() => files.push(InputFile::new(&path, name)),
            _ => {}
        }
    }
    // A pattern such as `**` yields a folder and the files in it.
    files.sort_by(|a, b| (a.place(), &a.name).cmp(&(b.place(), &b.name)));
    files.dedup_by(|a, b| (a.place(), &a.name) == (b.place(), &b.name));
    Ok(())
}

/// The paths that a pattern matches.
fn matches(pattern: &str) -> Result<Vec<PathBuf>> {
    let wrong = |error: glob::PatternError| {
        Error::new(ErrorKind::Usage, "the input is no pattern for file names").at(pattern).because(error)
    };
    let unreadable = |e| Error::new(ErrorKind::Io, "a folder cannot be read").at(pattern).because(e);
    glob::glob(pattern).map_err(wrong)?.map(|path| path.map_err(unreadable)).collect()
}

/// The folders directly below an input, or those that it matches as a pattern, each with its files; see
/// [`folders`](super::folders).
pub(super) fn folders(input: &str) -> Result<Vec<(String, Vec<InputFile>)>> {
    let path = Path::new(input);
    let (base, paths): (PathBuf, Vec<PathBuf>) = match path.is_dir() {
        true => {
            let entries = fs::read_dir(path).map_err(|e| unreadable(e, path))?;
            let paths = entries.map(|entry| Ok(entry.map_err(|e| unreadable(e, path))?.path()));
            (path.to_owned(), paths.collect::<Result<_>>()?)
        }
        false if path.exists() || !input.contains(WILDCARDS) => {
            return Err(Error::new(ErrorKind::Usage, "the input is no folder")
                .at(input)
                .advice("--window-per-folder takes folders of folders, and patterns"));
        }
        false => (fixed_folder(input), matches(input)?),
    };
    let mut folders = Vec::new();
    for path in paths {
        let name = relative_name(&path, &base)?;
        if name.split('/').any(is_left_out) {
            continue;
        }
        if !path.is_dir() {
            return Err(beside_folders(path.display().to_string()));
        }
        let folder = path.to_string_lossy().into_owned();
        folders.push((name, super::list(&[folder])?));
    }
    Ok(folders)
}

/// The name of a folder.
pub(super) fn folder_name(path: &Path) -> Option<String> {
    let folder = path.is_dir().then(|| path.canonicalize().ok()).flatten()?;
    folder.file_name().and_then(|name| name.to_str()).map(str::to_owned)
}

/// The folder that a pattern names before its first part with a wildcard.
fn fixed_folder(pattern: &str) -> PathBuf {
    let is_fixed = |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains(WILDCARDS);
    Path::new(pattern).components().take_while(is_fixed).collect()
}

fn relative_name(path: &Path, base: &Path) -> Result<String> {
    let below = path.strip_prefix(base).unwrap_or(path);
    let mut name = String::new();
    for part in below.components() {
        if let Component::Normal(part) = part {
            if !name.is_empty() {
                name.push('/');
            }
            name.push_str(&text_of(Path::new(part), path)?);
        }
    }
    Ok(name)
}

fn text_of(name: &Path, path: &Path) -> Result<String> {
    name.to_str().map(str::to_owned).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, "the file's name is not UTF-8")
            .at(path.display().to_string())
            .advice("rename it: names are how applied files are remembered")
    })
}

/// Copies a stream to a temporary file: its hash is its name, which is needed before its rows are read.
fn spool(input: &mut dyn Read) -> Result<InputFile> {
    let place = "standard input";
    let mut file = tempfile::Builder::new().prefix("eventmirror-stdin-").tempfile()?;
    let mut hasher = blake3::Hasher::new();
    for_each_chunk(input, |bytes| {
        hasher.update(bytes);
        file.as_file_mut().write_all(bytes)
    })
    .map_err(|e| e.at(place))?;
    let hash = hasher.finalize();
    let copied = Copied { path: Arc::new(file.into_temp_path()), hash: *hash.as_bytes() };
    Ok(InputFile { name: format!("stdin-{}", hash.to_hex().get(..16).unwrap_or_default()), at: At::Copy(copied) })
}

fn modified(metadata: &Metadata) -> Option<i64> {
    let since = metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_nanos()).ok()
}

fn unreadable(error: std::io::Error, path: &Path) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::InvalidInput,
        _ => ErrorKind::Io,
    };
    Error::new(kind, "the input cannot be read").at(path.display().to_string()).because(error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn standard_input_is_named_by_its_hash_and_its_copy_goes_away() {
        let file = spool(&mut &b"abc"[..]).unwrap();
        assert_eq!(file.name, format!("stdin-{}", &blake3::hash(b"abc").to_hex()[..16]));
        let At::Copy(copied) = &file.at else { panic!("{file:?}") };
        let path = copied.path.to_path_buf();
        assert_eq!(fs::read(&path).unwrap(), b"abc");
        assert_eq!(file.hash().unwrap(), *blake3::hash(b"abc").as_bytes());
        drop(file);
        assert!(!path.exists());
    }
}
