//! Where output goes, and in which shape.

use crate::error::{Error, Result};
use serde::Serialize;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

/// The shape of a command's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `--json`: the documented JSON form.
    Json,
    /// A terminal without `--json`: tables.
    Table,
    /// A pipe or file without `--json`: one line of JSON a record.
    Lines,
}

/// Standard output.
pub(super) struct Console {
    out: Box<dyn Write + Send>,
    is_terminal: bool,
}

impl Console {
    pub(super) fn standard() -> Console {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        Console { out: Box::new(BufWriter::<Stdout>::with_capacity(1 << 16, stdout)), is_terminal }
    }

    #[cfg(test)]
    pub(super) fn new(out: impl Write + Send + 'static, is_terminal: bool) -> Console {
        Console { out: Box::new(out), is_terminal }
    }

    pub(super) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    pub(super) fn shape(&self, json: bool) -> Shape {
        match (json, self.is_terminal) {
            (true, _) => Shape::Json,
            (false, true) => Shape::Table,
            (false, false) => Shape::Lines,
        }
    }

    /// The stream itself, for bulk data.
    pub(super) fn stream(&mut self) -> &mut (dyn Write + Send) {
        &mut *self.out
    }

    /// Writes a line of text.
    pub(super) fn line(&mut self, text: impl std::fmt::Display) -> Result<()> {
        Ok(writeln!(self.out, "{text}")?)
    }

    /// Writes a record as one line of JSON.
    pub(super) fn json(&mut self, record: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string(record).map_err(io::Error::from)?;
        self.line(text)
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        Ok(self.out.flush()?)
    }
}

/// Whether output failed because its reader went away.
pub(super) fn is_closed_pipe(error: &Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Says something on standard error, with the program's name in front.
pub(super) fn say(message: &str) {
    write_stderr(&format!("eventmirror: {message}\n"));
}

pub(super) fn write_stderr(text: &str) {
    // Where standard error cannot be written there is nowhere left to say so.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn the_shape_follows_the_terminal_unless_json_is_asked_for() {
        let console = |is_terminal| Console::new(Vec::new(), is_terminal);
        assert_eq!(console(true).shape(false), Shape::Table);
        assert_eq!(console(false).shape(false), Shape::Lines);
        assert_eq!(console(true).shape(true), Shape::Json);
    }

    #[test]
    fn a_closed_pipe_is_told_from_other_errors() {
        assert!(is_closed_pipe(&io::Error::from(io::ErrorKind::BrokenPipe).into()));
        assert!(!is_closed_pipe(&io::Error::from(io::ErrorKind::StorageFull).into()));
        assert!(!is_closed_pipe(&Error::new(ErrorKind::Io, "no source")));
    }
}
