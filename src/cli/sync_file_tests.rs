//! The file of `sync`, by what becomes of its settings and by what is refused.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::model::change::Operation;
use crate::source::Dialect;
use std::path::PathBuf;

const STORE: &str = "[stores.shop]\npath = 'mirror'\n";

fn read_text(text: &str) -> (Result<Vec<Job>>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eventmirror.toml");
    std::fs::write(&path, text).unwrap();
    (read(&path), folder)
}

/// The error's text, with the file's path cut down to its name.
fn refused(text: &str) -> String {
    let (jobs, folder) = read_text(text);
    let error = jobs.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    error.to_string().replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn settings_are_the_flags_of_apply() {
    let text = format!(
        "{STORE}memory = '1GiB'\nid_rules = 'amplitude'\n
        [[sources]]
        name = 'orders'
        inputs = ['s3://bucket/orders/', 'more', '/all/of/it']
        dialect = 'backfill'
        ops = ['insert', 'delete']
        map = {{ user_id = 'CustomerID', insert_id = ['InvoiceNo', 'StockCode'] }}
        converter = 'converters/a.json'
        max_delete_percent = 2.5
        memory = 1048576
        strict = true
        relist = false

        [[sources]]
        name = 'web'
        inputs = 'web/*.json'"
    );
    let (jobs, folder) = read_text(&text);
    let jobs = jobs.unwrap();
    let path = |name: &str| folder.path().join(name);
    let [orders, web] = &jobs[..] else { panic!("{jobs:?}") };
    let arguments = &orders.arguments;
    assert_eq!((orders.source.as_str(), arguments.source.as_deref()), ("orders", Some("orders")));
    assert_eq!(arguments.store, path("mirror"));
    assert_eq!(arguments.inputs, ["s3://bucket/orders/", path("more").to_str().unwrap(), "/all/of/it"]);
    assert_eq!(arguments.changes.dialect, Some(Dialect::Backfill));
    assert_eq!(arguments.ops, [Operation::Insert, Operation::Delete]);
    assert_eq!(arguments.map, ["insert_id=InvoiceNo+StockCode", "user_id=CustomerID"]);
    assert_eq!(arguments.converter, Some(path("converters/a.json")));
    assert_eq!((arguments.max_delete_percent, arguments.strict, arguments.relist), (2.5, true, false));
    // The source's own setting goes before that of its store.
    assert_eq!((arguments.reading.memory, web.arguments.reading.memory), (1 << 20, 1 << 30));
    assert_eq!(web.arguments.inputs, [path("web/*.json").display().to_string()]);
    assert_eq!((web.arguments.changes.dialect, web.arguments.strict), (None, false));
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_what_might_be_meant() {
    let source = |settings: &str| refused(&format!("{STORE}\n[[sources]]\nname = 'a'\n{settings}\n"));
    for (text, parts) in [
        (source("inputs = 'x'\ndialekt = 's3'"), &["line 4", "--dialekt", "--dialect"][..]),
        (source("inputs = 'x'\ndialect = 'oracle'"), &["line 4", "oracle", "s3, snowflake"]),
        (source("inputs = 'x'\nmemory = 'much'"), &["line 4", "--memory", "512MB"]),
        (source("inputs = 'x'\nstore = 'b'"), &["no store \"b\"", "shop"]),
        (source("inputs = 'x'\nsource = 'b'"), &["`name`"]),
        (source("inputs = 'x'\nmap = { user_id = true }"), &["boolean"]),
        (source("inputs = '-'"), &["standard input"]),
        (source(""), &["inputs", "line 4"]),
        (source("inputs = []"), &["INPUT"]),
        (source("inputs = 'x'\n[[sources]]\nname = 'a'\ninputs = 'y'"), &["two sources \"a\"", "line 7"]),
        (refused(&format!("{STORE}[[sources]]\ninputs = 'x'")), &["needs a name"]),
        (refused("[stores.shop]\n[[sources]]\nname = 'a'\ninputs = 'x'"), &["needs a path"]),
        (refused("sources = []\n[stores]"), &["no source is given"]),
        (refused(&format!("{STORE}[[source]]\nname = 'a'")), &["line 3", "unknown field `source`"]),
        (refused("[stores.a]\npath = 1 2\n"), &["line 2"]),
        (refused("[stores.a]\npath='a'\n[stores.b]\npath='b'\n[[sources]]\nname='a'\ninputs='x'"), &["a, b"]),
    ] {
        assert!(parts.iter().all(|part| text.contains(part)) && text.contains("eventmirror.toml"), "{text}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = read(&PathBuf::from("nowhere/eventmirror.toml")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("nowhere/eventmirror.toml"), "{error}");
}
