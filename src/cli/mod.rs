//! The command line: arguments in, one call of the library, its result out.
//!
//! Data goes to standard output, everything else to standard error. On a terminal results are tables, otherwise one
//! line of JSON each; `--json` asks for the JSON form anywhere. Names of commands and flags, JSON keys and exit codes
//! are public: a change of one is a change of the API.

mod apply;
mod applying;
mod arguments;
mod comparing;
mod convert;
mod diff;
mod digest;
mod digesting;
mod export;
mod gc;
mod generate;
mod interrupt;
mod log;
mod output;
mod parse;
mod progress;
mod read;
mod reading;
mod report;
mod status;
mod sync;
mod sync_file;
mod table;
#[cfg(test)]
mod tests;
mod verify;
mod verify_digest;

use crate::error::{Error, ErrorKind, Result};
use arguments::{Cli, Command};
use clap::Parser;
use output::{Console, say};
use std::process::ExitCode;

/// How a command that did not fail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Done.
    Done,
    /// The key is not in the store.
    NotFound,
    /// What was compared differs.
    Different,
    /// Done, but `--strict` was given and rows were rejected or files were changed after they were applied.
    Refused,
}

impl Outcome {
    fn exit_code(self) -> u8 {
        match self {
            Outcome::Done => 0,
            Outcome::NotFound | Outcome::Different => 1,
            Outcome::Refused => 8,
        }
    }
}

/// The exit code of a failed command, as `--help` documents it.
fn exit_code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Usage | ErrorKind::Unsupported => 2,
        ErrorKind::InvalidInput | ErrorKind::Io => 3,
        ErrorKind::Corrupt => 4,
        ErrorKind::Locked => 5,
        ErrorKind::HistoryGap => 6,
        ErrorKind::Interrupted => 7,
    }
}

/// Runs the command of the process's arguments and returns its exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return no_command(&error),
    };
    let mut console = Console::standard();
    let result = run(&cli, &mut console).and_then(|outcome| console.flush().map(|()| outcome));
    ExitCode::from(match result {
        Ok(outcome) => outcome.exit_code(),
        // Who reads our output has seen enough: `eventmirror scan … | head` did what it was asked for.
        Err(error) if output::is_closed_pipe(&error) => 0,
        Err(error) => {
            say(&error.to_string());
            exit_code(error.kind())
        }
    })
}

/// Help and version go to standard output and are a success, the rest is wrong usage.
fn no_command(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    match error.use_stderr() {
        true => match text.strip_prefix("error: ") {
            Some(text) => say(text.trim_end()),
            None => output::write_stderr(&text),
        },
        // A closed pipe: nobody reads the help any more.
        false => drop(error.print()),
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn run(cli: &Cli, console: &mut Console) -> Result<Outcome> {
    let json = cli.json;
    match &cli.command {
        Command::Apply(arguments) => apply::run(arguments, json, console),
        Command::Sync(arguments) => sync::run(arguments, json, console),
        Command::Convert(arguments) => convert::run(arguments, console),
        Command::Verify(arguments) => verify::run(arguments, json, console),
        Command::Diff(arguments) => diff::run(arguments, json, console),
        Command::Digest(arguments) => digest::run(arguments, json, console),
        Command::Get(arguments) => read::get(arguments, console),
        Command::Scan(arguments) => export::scan(arguments, json, console),
        Command::Count(arguments) => read::count(arguments, json, console),
        Command::Gc(arguments) => gc::run(arguments, json, console),
        Command::Log(arguments) => log::log(arguments, json, console),
        Command::Status(arguments) => status::status(arguments, json, console),
        Command::Rejected(arguments) => log::rejected(arguments, json, console),
        Command::Completions(arguments) => generate::completions(arguments, json, console),
        Command::Man(arguments) => generate::man(arguments, json, console),
    }
}

/// An error of how the command was called.
fn usage(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Usage, message)
}
