//! Real data that nobody here wrote. It stays where it is: a test says so and ends where its folder is absent.

use crate::support::fast_folder;
use eventmirror::{ApplyOptions, Counts, Dialect, EventStore, Mapping, Rule, SourceOptions, StoreOptions, apply_files};
use std::path::Path;
use std::sync::atomic::AtomicBool;

const RETAIL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/retail/by-day");

#[test]
fn three_months_of_online_retail_balance_to_their_distinct_keys() {
    if !Path::new(RETAIL).exists() {
        println!("skipped: {RETAIL} is absent");
        return;
    }
    let folder = fast_folder();
    let store = EventStore::open(folder.path().join("mirror"), StoreOptions::default()).unwrap();
    let map = ["user_id=CustomerID", "insert_id=InvoiceNo+StockCode", "event_time=InvoiceDate"];
    let source = SourceOptions {
        dialect: Dialect::Backfill,
        mapping: Mapping::parse(&map).unwrap(),
        ..SourceOptions::default()
    };
    let apply = || {
        let stop = AtomicBool::new(false);
        apply_files(&store, &[RETAIL.to_owned()], &source, &ApplyOptions::default(), &stop, &mut |_| {}).unwrap()
    };
    let mut total = Counts::default();
    for applied in apply() {
        assert!(applied.entry.counts.balances());
        total.add(&applied.entry.counts);
    }
    assert_eq!((total.read, total.rejections[&Rule::MissingUserId], total.inserted), (105_335, 36_210, 67_354));
    assert_eq!(store.snapshot().count(), 67_354);
    let before = store.snapshot().fingerprints().unwrap();
    assert!(apply().iter().all(|applied| applied.already_applied));
    assert_eq!((store.snapshot().sequence(), store.snapshot().fingerprints().unwrap()), (68, before.clone()));
    assert_eq!(store.snapshot().fingerprints_of_rows().unwrap(), before);
}
