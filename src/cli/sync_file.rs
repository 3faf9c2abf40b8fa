//! The file of `sync`: stores and sources. Their settings are the flags of `apply`, by the same names, so that both are
//! read and refused alike.

use super::applying::ApplyArguments;
use crate::error::{Error, ErrorKind, Result};
use clap::{Args, FromArgMatches};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use toml::{Spanned, Table, Value};

/// One source with all that `apply` needs to know of it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) source: String,
    pub(super) arguments: ApplyArguments,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SyncFile {
    /// Each has a `path`; its other settings hold for all of its sources.
    stores: BTreeMap<String, Table>,
    sources: Vec<Spanned<Table>>,
}

/// Reads the file and checks all of it. Paths in it are relative to its folder.
///
/// Errors: `Usage` with file and line for what is no setting or no value of it; `InvalidInput` where the file cannot be
/// read.
pub(super) fn read(path: &Path) -> Result<Vec<Job>> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::new(ErrorKind::InvalidInput, "the file cannot be read").at(path.display().to_string()).because(error)
    })?;
    let at = |offset: usize| format!("{}, line {}", path.display(), line_of(&text, offset));
    let file: SyncFile = toml::from_str(&text).map_err(|error| {
        let message = error.message().trim().replace('\n', ", ");
        usage(message).at(at(error.span().map_or(0, |span| span.start)))
    })?;
    let base = path.parent().unwrap_or(Path::new(""));
    let mut jobs: Vec<Job> = Vec::new();
    for source in file.sources {
        let place = at(source.span().start);
        let job = job(source.into_inner(), &file.stores, base).map_err(|error| error.at(place.clone()))?;
        let is_same = |other: &&Job| other.source == job.source && other.arguments.store == job.arguments.store;
        if jobs.iter().any(|other| is_same(&other)) {
            return Err(usage(format!("the store has two sources {:?}", job.source)).at(place));
        }
        jobs.push(job);
    }
    match jobs.is_empty() {
        true => Err(usage("no source is given").at(path.display().to_string()).advice("add one under [[sources]]")),
        false => Ok(jobs),
    }
}

fn usage(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Usage, message)
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn job(mut source: Table, stores: &BTreeMap<String, Table>, base: &Path) -> Result<Job> {
    let name = match source.remove("name") {
        Some(Value::String(name)) if !name.is_empty() => name,
        _ => return Err(usage("a source needs a name").advice("write name = \"…\"")),
    };
    let mut settings = store_of(&mut source, stores)?.clone();
    let Some(Value::String(path)) = settings.remove("path") else {
        return Err(usage("a store needs a path").advice("write path = \"…\" under [stores.NAME]"));
    };
    let inputs = match source.remove("inputs") {
        Some(Value::String(input)) => vec![input],
        Some(Value::Array(inputs)) => inputs.iter().map(text).collect::<Result<_>>()?,
        _ => {
            return Err(usage("a source needs inputs").advice("write inputs = [\"…\"]: files, folders, patterns, URLs"));
        }
    };
    settings.extend(source);
    let mut words = vec![base.join(path).display().to_string(), format!("--source={name}")];
    for (key, value) in settings {
        match key.as_str() {
            "source" => return Err(usage("a source's name is its `name`").advice("leave `source` out")),
            "converter" => words.push(format!("--converter={}", base.join(text(&value)?).display())),
            _ => push_flag(&key, &value, &mut words)?,
        }
    }
    // What follows is no flag, whatever it begins with.
    words.push("--".to_owned());
    words.extend(inputs.into_iter().map(|input| relative_to(base, input)).collect::<Result<Vec<_>>>()?);
    Ok(Job { source: name, arguments: parse(words)? })
}

/// The settings of a source's store.
fn store_of<'a>(source: &mut Table, stores: &'a BTreeMap<String, Table>) -> Result<&'a Table> {
    let names = || format!("the stores are: {}", stores.keys().map(String::as_str).collect::<Vec<_>>().join(", "));
    let mut all = stores.values();
    match (source.remove("store"), all.next(), all.next()) {
        (Some(Value::String(name)), ..) => {
            stores.get(&name).ok_or_else(|| usage(format!("there is no store {name:?}")).advice(names()))
        }
        (None, Some(only), None) => Ok(only),
        _ => Err(usage("a source needs a store").advice(format!("write store = \"…\"; {}", names()))),
    }
}

/// An input: URLs and absolute paths as they are, others below the folder of the file.
fn relative_to(base: &Path, input: String) -> Result<String> {
    match input.as_str() {
        "-" => Err(usage("standard input is no input of a sync").advice("give files, folders, patterns or URLs")),
        url if url.contains("://") => Ok(input),
        path => Ok(base.join(path).display().to_string()),
    }
}

/// A setting as the flag of its name: each element of an array is one, and each entry of a table, as `KEY=VALUE`.
fn push_flag(key: &str, value: &Value, words: &mut Vec<String>) -> Result<()> {
    let flag = format!("--{}", key.replace('_', "-"));
    match value {
        Value::Boolean(true) => words.push(flag),
        Value::Boolean(false) => {}
        Value::Array(values) => {
            for value in values {
                words.push(format!("{flag}={}", text(value)?));
            }
        }
        Value::Table(entries) => {
            for (name, value) in entries {
                words.push(format!("{flag}={name}={}", composite(value)?));
            }
        }
        other => words.push(format!("{flag}={}", text(other)?)),
    }
    Ok(())
}

/// The value of a table's entry: an array is one of several columns, `A+B`.
fn composite(value: &Value) -> Result<String> {
    match value {
        Value::Array(values) => Ok(values.iter().map(text).collect::<Result<Vec<_>>>()?.join("+")),
        other => text(other),
    }
}

fn text(value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Datetime(time) => Ok(time.to_string()),
        Value::Boolean(_) | Value::Array(_) | Value::Table(_) => {
            Err(usage(format!("a {} is no value of a setting", value.type_str())).advice("write it as a text"))
        }
    }
}

/// The arguments, as `apply` reads them.
fn parse(words: Vec<String>) -> Result<ApplyArguments> {
    let command = ApplyArguments::augment_args(clap::Command::new("source"));
    let command = command.no_binary_name(true).disable_help_flag(true);
    let matches = command.try_get_matches_from(words).map_err(|error| usage(in_one_line(&error)))?;
    ApplyArguments::from_arg_matches(&matches).map_err(|error| usage(in_one_line(&error)))
}

/// What is wrong with a flag, and what might be meant, without how to call a command.
fn in_one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let lines =
        text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let text = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

#[cfg(test)]
#[path = "sync_file_tests.rs"]
mod tests;
