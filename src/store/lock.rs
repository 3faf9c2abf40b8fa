//! Who holds the store.

use crate::error::{Error, ErrorKind};
use std::path::Path;

/// The error for a store that another process holds, with that process's name where the system tells.
pub(super) fn locked(path: &Path) -> Error {
    let holder = holder(&path.join("LOCK")).unwrap_or_else(|| "another process".into());
    Error::new(ErrorKind::Locked, format!("the store is locked by {holder}"))
        .at(path.display().to_string())
        .advice("wait until it is done, or open the store read-only")
}

/// Linux lists file locks with the process and the inode in /proc/locks.
#[cfg(target_os = "linux")]
fn holder(lock_file: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let inode = std::fs::metadata(lock_file).ok()?.ino();
    let pid = process_of_lock(&std::fs::read_to_string("/proc/locks").ok()?, inode)?;
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let command = String::from_utf8_lossy(&command).trim_end_matches('\0').replace('\0', " ");
    match pid == std::process::id() {
        true => Some("this process, which has it open already".into()),
        false => Some(format!("process {pid} ({command})")),
    }
}

#[cfg(not(target_os = "linux"))]
fn holder(_lock_file: &Path) -> Option<String> {
    None
}

/// A line reads `1: POSIX  ADVISORY  WRITE 4711 fd:01:123456 0 EOF`.
#[cfg(target_os = "linux")]
fn process_of_lock(locks: &str, inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| word.split(':').count() == 3)?;
        let found: u64 = words[at].rsplit(':').next()?.parse().ok()?;
        (found == inode && at > 0).then(|| words[at - 1].parse().ok()).flatten()
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_found_by_the_inode_of_the_lock() {
        let locks = "1: FLOCK  ADVISORY  WRITE 12 00:1a:99 0 EOF\n2: POSIX  ADVISORY  WRITE 4711 fd:01:123 0 EOF\n";
        assert_eq!(process_of_lock(locks, 123), Some(4711));
        assert_eq!(process_of_lock(locks, 99), Some(12));
        assert_eq!(process_of_lock(locks, 1), None);
    }
}
