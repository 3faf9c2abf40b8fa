//! The table of section 10 of the fact sheet: ten operations on four events in two windows, as each warehouse writes
//! them down.
//!
//! | event | first window | second window |
//! |---|---|---|
//! | a | insert, update, update | update |
//! | b | insert, delete | |
//! | c | update | delete |
//! | d | delete, insert | |

use super::files::{Form, write};
use super::{Mirror, of};
use crate::support::notation::records;
use eventmirror::{Dialect, SourceOptions, WindowFiles};

/// Event volume of each window.
fn volumes(dialect: Dialect, windows: [&str; 2]) -> [u64; 2] {
    let mirror = Mirror::holding("c c 1 v=1 | d d 1 v=1");
    std::fs::create_dir_all(mirror.path("w")).unwrap();
    for (name, text) in ["1.json", "2.json"].into_iter().zip(windows) {
        let records = records(text);
        write(&mirror.path("w").join(name), &records, &records, dialect, Form::Json);
    }
    let options = SourceOptions { window: Some(WindowFiles::File), ..of(dialect) };
    let applied = mirror.apply(&["w"], &options).unwrap();
    mirror.holds("a a 1 v=4 | d d 1 v=2");
    let kept: Vec<u64> = mirror.store.log().unwrap().map(|entry| entry.unwrap().counts.event_volume).collect();
    let found = [applied[0].entry.counts.event_volume, applied[1].entry.counts.event_volume];
    assert_eq!(kept[1..], found, "the ledger keeps them");
    found
}

#[test]
fn s3_counts_every_operation() {
    let windows = [
        "+ a a 1 v=1 | ~ a a 1 v=2 | ~ a a 1 v=3 | + b b 1 | - b b 1 | ~ c c 1 v=2 | - d d 1 | + d d 1 v=2",
        "~ a a 1 v=4 | - c c 1",
    ];
    assert_eq!(volumes(Dialect::S3, windows), [8, 2]);
}

#[test]
fn snowflake_returns_and_counts_the_net_change_of_a_window() {
    let windows = [
        "+ a a 1 %1 v=3 | < c c 1 %3 v=1 | ~ c c 1 %3 v=2 | - d d 1 %4 v=1 | + d d 1 %5 v=2",
        "< a a 1 %1 v=3 | ~ a a 1 %1 v=4 | - c c 1 %3 v=2",
    ];
    assert_eq!(volumes(Dialect::Snowflake, windows), [3, 2]);
}

#[test]
fn databricks_and_bigquery_count_an_event_once_a_window_and_not_where_it_came_and_went() {
    let windows = [
        "+ a a 1 @1 v=1 | < a a 1 @2 v=1 | ~ a a 1 @2 v=2 | < a a 1 @3 v=2 | ~ a a 1 @3 v=3 | + b b 1 @4 v=1
        | - b b 1 @5 v=1 | < c c 1 @6 v=1 | ~ c c 1 @6 v=2 | - d d 1 @7 v=1 | + d d 1 @8 v=2",
        "< a a 1 @9 v=3 | ~ a a 1 @9 v=4 | - c c 1 @10 v=2",
    ];
    assert_eq!(volumes(Dialect::Databricks, windows), [3, 2]);
    assert_eq!(volumes(Dialect::Bigquery, windows), [3, 2]);
}
