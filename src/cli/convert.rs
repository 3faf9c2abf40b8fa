//! `convert`: what a converter makes of files, without a store.

use super::applying::ConvertArguments;
use super::output::{Console, say};
use super::table::plural;
use super::{Outcome, interrupt, reading};
use crate::error::Result;
use crate::ingest::{Rules, Scratch, prepare};
use crate::model::arena::Pool;
use crate::model::change::{ChangePart, Operation};
use crate::model::event_json::arrow_row;
use crate::model::schema::Schema;
use crate::source::{self, Converter, FileFormat, InputFile, SourceOptions};
use parking_lot::Mutex;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) fn run(arguments: &ConvertArguments, console: &mut Console) -> Result<Outcome> {
    let source = reading::change_options(&arguments.reading, &arguments.changes, Some(&arguments.converter))?;
    let stop = interrupt::flag()?;
    let mut files = source::find(&arguments.inputs, &source.inputs, None)?.files;
    if let Some(converter) = &source.converter {
        let (taken, names) = converter.select(files)?;
        files = taken;
        if !names.is_empty() {
            say(&reading::left_out(&names));
        }
    }
    let rules = Rules { id_rules: arguments.changes.id_rules, ..Rules::default() };
    let limit = arguments.limit.unwrap_or(u64::MAX);
    let mut run = Run {
        rules,
        limit,
        events: 0,
        ignored: 0,
        rejected: 0,
        scratch: Scratch::new(&Pool::new(0)),
        out: console.stream(),
    };
    for file in &files {
        run.file(file, &source, stop)?;
    }
    let Run { events, ignored, rejected, .. } = run;
    console.flush()?;
    let more = [(ignored, "ignored"), (rejected, "rejected")].into_iter().filter(|(count, _)| *count > 0);
    let more: String = more.map(|(count, what)| format!(", {} {what}", plural(count, "row"))).collect();
    say(&format!("{} converted{more}", plural(events, "event")));
    Ok(if arguments.strict && rejected > 0 { Outcome::Refused } else { Outcome::Done })
}

struct Run<'a> {
    rules: Rules,
    /// Events that are still to be printed.
    limit: u64,
    events: u64,
    ignored: u64,
    rejected: u64,
    scratch: Scratch,
    out: &'a mut (dyn Write + Send),
}

impl Run<'_> {
    fn file(&mut self, file: &InputFile, source: &SourceOptions, stop: &AtomicBool) -> Result<()> {
        if self.limit == 0 {
            return Ok(());
        }
        let schema = Mutex::new(Schema::default());
        for part in source::parts(file, source)? {
            if stop.load(Ordering::Relaxed) {
                return Err(interrupt::error());
            }
            let part = part?;
            // What `apply` would refuse is refused here too.
            let prepared = prepare(&part, 0, &schema, &self.rules, &mut self.scratch)?;
            let mut rejections = prepared.rejections.into_iter().peekable();
            for row in 0..part.rows.num_rows() {
                if self.limit == 0 {
                    return Ok(());
                }
                let number = part.row_numbers.get(row);
                match rejections.next_if(|rejection| rejection.place == part.place(row)) {
                    Some(rejection) => {
                        self.rejected += 1;
                        let unit = if is_parquet(file, source) { "row" } else { "line" };
                        let (rule, detail) = (rejection.rule.name(), rejection.detail);
                        say(&format!("rejected {}, {unit} {number}: {rule}: {detail}", file.name));
                    }
                    None => self.row(&part, row)?,
                }
            }
        }
        Ok(())
    }

    fn row(&mut self, part: &ChangePart, row: usize) -> Result<()> {
        if part.operations.get(row) == Operation::Ignored {
            self.ignored += 1;
            return Ok(());
        }
        self.limit -= 1;
        self.events += 1;
        Ok(writeln!(self.out, "{}", arrow_row(&part.rows, row))?)
    }
}

/// Whether a file's row numbers count rows; as far as its name and the options tell.
fn is_parquet(file: &InputFile, source: &SourceOptions) -> bool {
    let told = source.format.or_else(|| source.converter.as_ref().and_then(Converter::file_type));
    told.map_or_else(|| file.name.ends_with(".parquet"), |format| format == FileFormat::Parquet)
}
