//! What the caller names as INPUT, listed as files with names: a file, a folder, a glob, or standard input.

use super::content::for_each_chunk;
use crate::error::{Error, ErrorKind, Result};
use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The input that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// A file to read, and the name under which it is applied exactly once.
#[derive(Debug, Clone)]
pub struct InputFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its path below the folder or below the glob's fixed part, its file name where it was given alone; with `/`.
    /// `stdin-` and 16 hexadecimal digits of its hash for standard input.
    pub name: String,
    /// The copy of standard input.
    spooled: Option<Arc<Spooled>>,
}

/// A copy that goes away with its last user.
#[derive(Debug)]
struct Spooled {
    hash: [u8; 32],
    _path: tempfile::TempPath,
}

impl InputFile {
    /// A file under a name of the caller's choice.
    pub fn new(path: impl Into<PathBuf>, name: impl Into<String>) -> Self {
        InputFile { path: path.into(), name: name.into(), spooled: None }
    }

    /// Size in bytes, and time of last modification in nanoseconds since 1970 where the system tells one. Cheap.
    pub fn stat(&self) -> Result<(u64, Option<i64>)> {
        let metadata = fs::metadata(&self.path).map_err(|e| unreadable(e, &self.path))?;
        Ok((metadata.len(), modified(&metadata)))
    }

    /// BLAKE3 of the content. Reads the whole file, but for standard input, which was hashed when it was copied.
    pub fn hash(&self) -> Result<[u8; 32]> {
        if let Some(hash) = self.known_hash() {
            return Ok(hash);
        }
        let mut hasher = blake3::Hasher::new();
        for_each_chunk(&mut self.open()?, |bytes| {
            hasher.update(bytes);
            Ok(())
        })
        .map_err(|e| e.at(self.place()))?;
        Ok(*hasher.finalize().as_bytes())
    }

    /// The hash where it is known without reading.
    pub(super) fn known_hash(&self) -> Option<[u8; 32]> {
        self.spooled.as_ref().map(|spooled| spooled.hash)
    }

    /// The file, at its start.
    pub(super) fn open(&self) -> Result<File> {
        File::open(&self.path).map_err(|e| unreadable(e, &self.path))
    }

    /// Rows of a file that changed while it was read are rows of no file at all.
    pub(super) fn check_unchanged(&self, stat: (u64, Option<i64>)) -> Result<()> {
        match self.stat()? == stat {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::InvalidInput, "the file changed while it was read")
                .at(self.place())
                .advice("apply it again when it is complete")),
        }
    }

    /// How errors name the file: its path, or `standard input`.
    pub(super) fn place(&self) -> String {
        match self.spooled {
            Some(_) => "standard input".to_owned(),
            None => self.path.display().to_string(),
        }
    }
}

/// Lists the files of all inputs in byte order of their names. Each input is a file, a folder (with its folders; names
/// that begin with `.` or `_` are left out), a glob, or `-` for standard input, which is copied to a temporary file.
///
/// Errors: `Usage` where two files would have one name, `InvalidInput` where an input has no file.
pub fn list(inputs: &[String]) -> Result<Vec<InputFile>> {
    let mut files = Vec::new();
    for input in inputs {
        let before = files.len();
        list_one(input, &mut files)?;
        if files.len() == before {
            return Err(Error::new(ErrorKind::InvalidInput, "no change file was found")
                .at(input.clone())
                .advice("names that begin with '.' or '_' are left out"));
        }
    }
    if files.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "no input was given").advice("name a file, a folder, a glob, or -"));
    }
    files.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()).then_with(|| a.path.cmp(&b.path)));
    refuse_equal_names(&files)?;
    Ok(files)
}

fn refuse_equal_names(files: &[InputFile]) -> Result<()> {
    let mut seen: HashMap<&str, &Path> = HashMap::new();
    for file in files {
        if let Some(other) = seen.insert(&file.name, &file.path) {
            let both = format!("{} and {}", other.display(), file.path.display());
            return Err(Error::new(ErrorKind::Usage, format!("two files have the name {:?}", file.name))
                .at(both)
                .advice("a file is applied once per name: give their common folder instead"));
        }
    }
    Ok(())
}

fn list_one(input: &str, files: &mut Vec<InputFile>) -> Result<()> {
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
        Err(_) if input.contains(['*', '?', '[']) => list_glob(input, files),
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
    let wrong = |error: glob::PatternError| {
        Error::new(ErrorKind::Usage, "the input is no pattern for file names").at(pattern).because(error)
    };
    let base = fixed_folder(pattern);
    for path in glob::glob(pattern).map_err(wrong)? {
        let path = path.map_err(|e| Error::new(ErrorKind::Io, "a folder cannot be read").at(pattern).because(e))?;
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
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files.dedup_by(|a, b| a.path == b.path && a.name == b.name);
    Ok(())
}

/// The folder that a pattern names before its first part with a wildcard.
fn fixed_folder(pattern: &str) -> PathBuf {
    let is_fixed = |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']);
    Path::new(pattern).components().take_while(is_fixed).collect()
}

/// Marker files of other tools (`_SUCCESS`), their logs (`_delta_log`), and hidden files hold no changes.
fn is_left_out(name: &str) -> bool {
    name.starts_with(['.', '_'])
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
    let path = file.into_temp_path();
    Ok(InputFile {
        path: path.to_path_buf(),
        name: format!("stdin-{}", hash.to_hex().get(..16).unwrap_or_default()),
        spooled: Some(Arc::new(Spooled { hash: *hash.as_bytes(), _path: path })),
    })
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

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        folder
    }

    fn names(inputs: &[String]) -> Vec<String> {
        list(inputs).unwrap().into_iter().map(|file| file.name).collect()
    }

    #[test]
    fn a_folder_is_listed_in_byte_order_without_hidden_and_marker_files() {
        let folder = folder(&["b.json", "a/2.json", "a/10.json", "_SUCCESS", ".hidden", "_delta_log/0.json", "a/Z"]);
        assert_eq!(names(&[folder.path().display().to_string()]), ["a/10.json", "a/2.json", "a/Z", "b.json"]);
    }

    #[test]
    fn a_glob_names_files_below_its_fixed_folder() {
        let folder = folder(&["x/2025/01.csv", "x/2025/02.json", "x/2026/01.csv", "x/_old/01.csv"]);
        let pattern = format!("{}/x/*/*.csv", folder.path().display());
        assert_eq!(names(&[pattern]), ["2025/01.csv", "2026/01.csv"]);
        let everything = format!("{}/x/**", folder.path().display());
        assert_eq!(names(&[everything]), ["2025/01.csv", "2025/02.json", "2026/01.csv"]);
    }

    #[test]
    fn two_files_of_one_name_are_refused_with_the_way_out() {
        let folder = folder(&["a/1.csv", "b/1.csv"]);
        let inputs = ["a", "b"].map(|f| folder.path().join(f).join("1.csv").display().to_string());
        let error = list(&inputs).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains("common folder"), "{error}");
    }

    #[test]
    fn an_input_without_files_is_an_error() {
        let folder = folder(&["_SUCCESS"]);
        let path = folder.path().display().to_string();
        for input in [path.clone(), format!("{path}/*.csv"), format!("{path}/none.csv")] {
            let error = list(std::slice::from_ref(&input)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            assert!(error.to_string().contains(&path), "{error}");
        }
    }

    #[test]
    fn a_file_tells_size_and_hash() {
        let folder = folder(&["1.csv"]);
        let file = list(&[folder.path().join("1.csv").display().to_string()]).unwrap().remove(0);
        let (size, modified) = file.stat().unwrap();
        assert_eq!((file.name.as_str(), size), ("1.csv", 5));
        assert!(modified.is_some());
        assert_eq!(file.hash().unwrap(), *blake3::hash(b"1.csv").as_bytes());
    }

    #[test]
    fn standard_input_is_named_by_its_hash_and_its_copy_goes_away() {
        let file = spool(&mut &b"abc"[..]).unwrap();
        assert_eq!(file.name, format!("stdin-{}", &blake3::hash(b"abc").to_hex()[..16]));
        assert_eq!(fs::read(&file.path).unwrap(), b"abc");
        assert_eq!(file.hash().unwrap(), *blake3::hash(b"abc").as_bytes());
        let path = file.path.clone();
        drop(file);
        assert!(!path.exists());
    }
}
