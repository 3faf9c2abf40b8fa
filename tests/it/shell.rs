//! The built binary in a folder of its own.

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// A folder with files, in which commands run. No variable of ours reaches them.
pub(crate) struct Shell(tempfile::TempDir);

impl Shell {
    pub(crate) fn new(files: &[(&str, &str)]) -> Shell {
        let shell = Shell(crate::support::fast_folder());
        files.iter().for_each(|(name, text)| shell.write(name, text));
        shell
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(cargo_bin!("eventmirror"));
        command.current_dir(self.0.path()).args(words);
        std::env::vars().filter(|(name, _)| name.starts_with("EVENTMIRROR_")).for_each(|(name, _)| {
            command.env_remove(name);
        });
        command
    }

    /// Exit code, standard output and standard error.
    pub(crate) fn run(&self, words: &[&str]) -> (i32, String, String) {
        let output = self.command(words).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(output.stdout), text(output.stderr));
        assert!(!err.contains("panicked"), "{err}");
        (output.status.code().unwrap(), out, err)
    }

    /// The JSON that a command prints which succeeds.
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        let (code, out, err) = self.run(words);
        assert_eq!(code, 0, "{err}");
        serde_json::from_str(&out).unwrap()
    }
}
