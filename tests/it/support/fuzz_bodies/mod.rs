//! What each fuzz target does with its bytes. The same functions run the saved inputs in `cargo test`.

use eventmirror::{Error, ErrorKind};

mod change_file;
mod converter;
mod json_text;
mod key_and_row;
mod schedule;

pub use change_file::change_file;
pub use converter::converter;
pub use json_text::json_text;
pub use key_and_row::key_and_row;
pub use schedule::schedule;

/// A file read twice gives the same; an error names it, and says that it is at fault.
fn read_twice<T: PartialEq + std::fmt::Debug>(read: impl Fn() -> Result<T, Error>) {
    match read() {
        Ok(rows) => assert_eq!(read().unwrap(), rows, "a file read twice gives the same"),
        Err(error) => {
            assert!(error.to_string().contains(FILE), "an error names the file: {error}");
            // A header for a file that has names of its own is wrong usage.
            let kinds = [ErrorKind::InvalidInput, ErrorKind::Unsupported, ErrorKind::Usage];
            assert!(kinds.contains(&error.kind()), "the file is at fault: {error}");
        }
    }
}

/// The name of the file that an input is written to.
const FILE: &str = "the-file";

/// Takes values off the front of an input; zeros follow behind its end.
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// A number below `count`.
    pub fn below(&mut self, count: u8) -> usize {
        usize::from(self.byte() % count)
    }

    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        head
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
