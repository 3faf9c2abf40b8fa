//! `log` and `rejected`: what was applied, and what was not.

use super::arguments::{LogArguments, RejectedArguments};
use super::output::{Console, Shape};
use super::report::{CountsJson, NearMatchJson, PositionJson};
use super::table::{Align, grouped, table};
use super::{Outcome, read};
use crate::error::Result;
use crate::model::ledger::LedgerEntry;
use crate::model::rejection::Rejection;
use crate::model::text::{self, rfc3339};
use crate::model::value::{TimeUnit, ValueRef};
use crate::query;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::VecDeque;

/// A batch of the log. Keys are public.
#[derive(Serialize)]
struct EntryJson {
    sequence: u64,
    source: String,
    position: PositionJson,
    committed_at: String,
    #[serde(flatten)]
    counts: CountsJson,
    rows: u64,
    near_matches: Vec<NearMatchJson>,
}

impl From<&LedgerEntry> for EntryJson {
    fn from(entry: &LedgerEntry) -> Self {
        EntryJson {
            sequence: entry.sequence,
            source: entry.source.clone(),
            position: (&entry.position).into(),
            committed_at: rfc3339(entry.committed_at),
            counts: (&entry.counts).into(),
            rows: entry.rows,
            near_matches: entry.near_matches.iter().map(Into::into).collect(),
        }
    }
}

pub(super) fn log(arguments: &LogArguments, json: bool, console: &mut Console) -> Result<Outcome> {
    let store = read::open(&arguments.store)?;
    let limit = arguments.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    match arguments.reverse {
        false => print_log(store.log()?.take(limit), json, console)?,
        true => print_log(newest(store.log()?, limit)?.into_iter().rev().map(Ok), json, console)?,
    }
    Ok(Outcome::Done)
}

/// The last entries of a log.
fn newest(log: impl Iterator<Item = Result<LedgerEntry>>, limit: usize) -> Result<VecDeque<LedgerEntry>> {
    let mut newest = VecDeque::new();
    for entry in log {
        newest.push_back(entry?);
        if newest.len() > limit {
            newest.pop_front();
        }
    }
    Ok(newest)
}

fn print_log(mut entries: impl Iterator<Item = Result<LedgerEntry>>, json: bool, console: &mut Console) -> Result<()> {
    if console.shape(json) != Shape::Table {
        return entries.try_for_each(|entry| console.json(&EntryJson::from(&entry?)));
    }
    let titles = ["commit", "source", "position", "committed at", "read", "inserted", "updated", "deleted", "rejected"];
    let is_text = |title| matches!(title, "source" | "position" | "committed at");
    let titles = titles.map(|title| (title, if is_text(title) { Align::Left } else { Align::Right }));
    let titles: Vec<_> = titles.into_iter().chain([("rows", Align::Right)]).collect();
    let rows = entries.map(|entry| entry.map(log_row)).collect::<Result<Vec<_>>>()?;
    console.line(table(&titles, rows))
}

fn log_row(entry: LedgerEntry) -> Vec<String> {
    let counts = &entry.counts;
    // Whole seconds: the table is wide enough without the rest.
    let mut time = String::new();
    let seconds = entry.committed_at.div_euclid(1_000);
    text::append_plain(ValueRef::Timestamp(seconds, TimeUnit::Second), &mut time);
    let texts = [entry.sequence.to_string(), entry.source.clone(), entry.position.to_string(), time];
    let numbers = [counts.read, counts.inserted, counts.updated, counts.deleted, counts.rejected, entry.rows];
    texts.into_iter().chain(numbers.map(grouped)).collect()
}

/// A rejected row. Keys are public.
#[derive(Serialize)]
struct RejectedJson<'a> {
    commit_sequence: u64,
    source: Option<&'a str>,
    position: Option<PositionJson>,
    row_number: u64,
    rule: &'static str,
    detail: &'a str,
    row: RowJson<'a>,
}

/// The row: as it is where it is JSON, as text otherwise.
#[derive(Serialize)]
#[serde(untagged)]
enum RowJson<'a> {
    Json(Box<RawValue>),
    Text(&'a str),
}

impl<'a> From<&'a str> for RowJson<'a> {
    fn from(row: &'a str) -> Self {
        let mut line = row.to_owned();
        query::one_line(&mut line);
        RawValue::from_string(line).map_or(RowJson::Text(row), RowJson::Json)
    }
}

pub(super) fn rejected(arguments: &RejectedArguments, json: bool, console: &mut Console) -> Result<Outcome> {
    let store = read::open(&arguments.store)?;
    let limit = arguments.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let wanted = |rejection: &Result<(u64, Rejection)>| match (rejection, arguments.rule) {
        (Ok((_, rejection)), Some(rule)) => rejection.rule == rule,
        _ => true,
    };
    let mut batches = Batches { log: store.log()?, current: None };
    let rejections = store.rejections()?.filter(wanted).take(limit);
    let is_table = console.shape(json) == Shape::Table;
    let mut rows = Vec::new();
    for rejection in rejections {
        let (sequence, rejection) = rejection?;
        let batch = batches.of(sequence)?;
        match is_table {
            true => rows.push(rejected_row(sequence, batch, &rejection)),
            false => console.json(&rejected_json(sequence, batch, &rejection))?,
        }
    }
    if is_table {
        let titles = ["commit", "position", "row number", "rule", "detail", "row"];
        let align = |title| if matches!(title, "commit" | "row number") { Align::Right } else { Align::Left };
        console.line(table(&titles.map(|title| (title, align(title))), rows))?;
    }
    Ok(Outcome::Done)
}

/// Finds the batch of a rejected row. Both come in the order of commits, so each is read once.
struct Batches<I> {
    log: I,
    current: Option<LedgerEntry>,
}

impl<I: Iterator<Item = Result<LedgerEntry>>> Batches<I> {
    fn of(&mut self, sequence: u64) -> Result<Option<&LedgerEntry>> {
        while self.current.as_ref().is_none_or(|entry| entry.sequence < sequence) {
            match self.log.next() {
                Some(entry) => self.current = Some(entry?),
                None => break,
            }
        }
        Ok(self.current.as_ref().filter(|entry| entry.sequence == sequence))
    }
}

fn rejected_json<'a>(sequence: u64, batch: Option<&'a LedgerEntry>, rejection: &'a Rejection) -> RejectedJson<'a> {
    RejectedJson {
        commit_sequence: sequence,
        source: batch.map(|batch| batch.source.as_str()),
        position: batch.map(|batch| (&batch.position).into()),
        row_number: rejection.row_number,
        rule: rejection.rule.name(),
        detail: &rejection.detail,
        row: rejection.row.as_str().into(),
    }
}

fn rejected_row(sequence: u64, batch: Option<&LedgerEntry>, rejection: &Rejection) -> Vec<String> {
    vec![
        sequence.to_string(),
        batch.map(|batch| batch.position.to_string()).unwrap_or_default(),
        rejection.row_number.to_string(),
        rejection.rule.name().to_owned(),
        rejection.detail.clone(),
        rejection.row.clone(),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::tests::entry;
    use super::*;
    use crate::model::rejection::Rule;

    #[test]
    fn a_line_of_the_log_by_its_exact_text() {
        let text = serde_json::to_string(&EntryJson::from(&entry(3, "0003.json"))).unwrap();
        let expected = "{\"sequence\":3,\"source\":\"s3\",\"position\":\"0003.json\",".to_owned()
            + "\"committed_at\":\"1970-01-01T00:00:00.003Z\",\"read\":4,\"inserted\":2,\"updated\":1,\"deleted\":0,"
            + "\"unchanged\":0,\"coalesced\":0,\"without_effect\":0,\"skipped\":0,\"rejected\":1,"
            + "\"counters\":{\"update_without_match\":1},\"rejections\":{\"missing_user_id\":1},\"event_volume\":3,"
            + "\"rows\":30,\"near_matches\":[{\"user_id\":\"ann\",\"insert_id\":\"a1\",\"event_time\":5,\"offset\":-2}]}";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_newest_entries_are_kept() {
        let log = || (1..=5).map(|sequence| Ok(entry(sequence, "f")));
        let sequences = |limit| newest(log(), limit).unwrap().iter().map(|entry| entry.sequence).collect::<Vec<_>>();
        assert_eq!(sequences(2), [4, 5]);
        assert_eq!(sequences(9), [1, 2, 3, 4, 5]);
        assert_eq!(sequences(0), [0u64; 0]);
    }

    #[test]
    fn a_rejected_row_by_its_exact_text() {
        let check = |row: &str, shown: &str| {
            let rejection =
                Rejection { rule: Rule::MissingUserId, row_number: 7, detail: "why".into(), row: row.into() };
            let batch = entry(3, "0003.json");
            let text = serde_json::to_string(&rejected_json(3, Some(&batch), &rejection)).unwrap();
            let expected = "{\"commit_sequence\":3,\"source\":\"s3\",\"position\":\"0003.json\",\"row_number\":7,"
                .to_owned()
                + "\"rule\":\"missing_user_id\",\"detail\":\"why\",\"row\":"
                + shown
                + "}";
            assert_eq!(text, expected);
        };
        check("{\"n\": 62.00}", "{\"n\": 62.00}");
        check("{\n\"n\":1}", "{ \"n\":1}");
        check("[1,", "\"[1,\"");
        check("no\nJSON", "\"no\\nJSON\"");
        check("", "\"\"");
    }

    #[test]
    fn each_rejected_row_finds_its_batch() {
        let mut batches = Batches { log: [1, 2, 4].map(|n| Ok(entry(n, &format!("f{n}")))).into_iter(), current: None };
        let mut position = |sequence| batches.of(sequence).unwrap().map(|batch| batch.position.to_string());
        assert_eq!(position(1).as_deref(), Some("f1"));
        assert_eq!(position(1).as_deref(), Some("f1"));
        assert_eq!(position(3), None);
        assert_eq!(position(4).as_deref(), Some("f4"));
        assert_eq!(position(9), None);
    }
}
