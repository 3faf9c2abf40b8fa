//! The sample files of the fact sheet (`spec/amplitude.md`), each with the result that stands beside it there.

use super::{Mirror, of};
use eventmirror::{ApplyOptions, Dialect, IdRules, SourceOptions};

const S3_JSON: &str = include_str!("../../data/spec/s3.json");

const S3_CSV: &str = include_str!("../../data/spec/s3.csv");

const SNOWFLAKE_CSV: &str = r#""USER_ID","INSERT_ID","TIME","EVENT_TYPE","EVENT_PROPERTIES","METADATA$ACTION","METADATA$ISUPDATE","METADATA$ROW_ID"
"u-10003","ord-1003",1762214399999,"Order Placed","{""total"":19.9}","INSERT",false,"b7c1f0e2a1"
"u-10001","ord-1001",1762161300123,"Order Placed","{""total"":20}","DELETE",true,"3fa9d1c004"
"u-10001","ord-1001",1762161300123,"Order Placed","{""coupon"":""FALL"",""total"":18.4}","INSERT",true,"3fa9d1c004"
"u-10002","ord-1002",1762161390000,"Order Placed","{""total"":5}","DELETE",false,"77e0aa9b12"
"u-10009","ord-1009",1762242312500,"Order Placed","{""total"":3}","DELETE",true,"90cc12ab34"
"u-10009","ord-1009",1762242312501,"Order Placed","{""total"":3}","INSERT",true,"90cc12ab34"
"#;

const SNOWFLAKE_DEFAULT_LINE: &str = r#"u-10003,ord-1003,1762214399999,Order Placed,{"sku":"A1"\,"total":19.9},INSERT,false,b7c1f0e2a1
"#;

const SNOWFLAKE_JSON: &str = r#"{"EVENT_PROPERTIES":{"total":19.9},"EVENT_TYPE":"Order Placed","INSERT_ID":"ord-1003","METADATA$ACTION":"INSERT","METADATA$ISUPDATE":false,"METADATA$ROW_ID":"b7c1f0e2a1","TIME":1762214399999,"USER_ID":"u-10003"}
{"EVENT_PROPERTIES":{"total":20},"EVENT_TYPE":"Order Placed","INSERT_ID":"ord-1001","METADATA$ACTION":"DELETE","METADATA$ISUPDATE":true,"METADATA$ROW_ID":"3fa9d1c004","TIME":1762161300123,"USER_ID":"u-10001"}
{"EVENT_PROPERTIES":{"coupon":"FALL","total":18.4},"EVENT_TYPE":"Order Placed","INSERT_ID":"ord-1001","METADATA$ACTION":"INSERT","METADATA$ISUPDATE":true,"METADATA$ROW_ID":"3fa9d1c004","TIME":1762161300123,"USER_ID":"u-10001"}
{"EVENT_PROPERTIES":{"total":5},"EVENT_TYPE":"Order Placed","INSERT_ID":"ord-1002","METADATA$ACTION":"DELETE","METADATA$ISUPDATE":false,"METADATA$ROW_ID":"77e0aa9b12","TIME":1762161390000,"USER_ID":"u-10002"}
{"EVENT_PROPERTIES":{"total":1},"EVENT_TYPE":"Page Viewed","INSERT_ID":"pv-1","METADATA$ACTION":"INSERT","METADATA$ISUPDATE":false,"METADATA$ROW_ID":"d00d","TIME":1762243200000}
{"EVENT_PROPERTIES":"{\"total\":\"7\"}","EVENT_TYPE":"Order Placed","INSERT_ID":"ord-1010","METADATA$ACTION":"INSERT","METADATA$ISUPDATE":"FALSE","METADATA$ROW_ID":"beef","TIME":"1762243200000","USER_ID":"u-10010"}
"#;

const DATABRICKS_JSON: &str = r#"{"user_id":"u-10003","insert_id":"ord-1003","time":1762214399999,"event_type":"Order Placed","event_properties":{"total":19.9},"_change_type":"insert","_commit_version":41,"_commit_timestamp":"2025-11-04T00:05:11.000Z"}
{"user_id":"u-10001","insert_id":"ord-1001","time":1762161300123,"event_type":"Order Placed","event_properties":{"total":20.0},"_change_type":"update_preimage","_commit_version":42,"_commit_timestamp":"2025-11-04T00:06:02.000Z"}
{"user_id":"u-10001","insert_id":"ord-1001","time":1762161300123,"event_type":"Order Placed","event_properties":{"coupon":"FALL","total":18.4},"_change_type":"update_postimage","_commit_version":42,"_commit_timestamp":"2025-11-04T00:06:02.000Z"}
{"user_id":"u-10002","insert_id":"ord-1002","time":1762161390000,"event_type":"Order Placed","event_properties":{"total":5.0},"_change_type":"delete","_commit_version":43,"_commit_timestamp":"2025-11-04T00:07:40.000Z"}
{"user_id":"u-10002","insert_id":"ord-1002","time":1762161390000,"event_type":"Order Placed","event_properties":{"total":6.0},"_change_type":"insert","_commit_version":43,"_commit_timestamp":"2025-11-04T00:07:40.000Z"}
{"user_id":"u-10009","insert_id":"ord-1009","time":1762242312500,"event_type":"Order Placed","event_properties":{"total":3.0},"_change_type":"update_preimage","_commit_version":44,"_commit_timestamp":"2025-11-04T00:09:00.000Z"}
{"user_id":"u-10011","insert_id":"ord-1009","time":1762242312500,"event_type":"Order Placed","event_properties":{"total":3.0},"_change_type":"update_postimage","_commit_version":44,"_commit_timestamp":"2025-11-04T00:09:00.000Z"}
{"user_id":"u-10003","insert_id":"ord-1003","time":1762214399999,"event_type":"Order Placed","event_properties":{"total":19.9},"_change_type":"delete","_commit_version":45,"_commit_timestamp":"2025-11-04T00:12:00.000Z"}
"#;

const DATABRICKS_CSV: &str = "\
user_id,insert_id,time,event_type,total,_change_type,_commit_version,_commit_timestamp
u-10020,inv-1,1762242312500,Invoice Paid,100.00,insert,7,2025-11-04T08:00:00.000Z
u-10020,inv-1,1762242312500,Invoice Paid,100.00,update_preimage,8,2025-11-04T08:01:00.000Z
u-10020,inv-1,1762242312500,Invoice Paid,100.00,update_postimage,8,2025-11-04T08:01:00.000Z
u-10021,inv-2,1762242312501,Invoice Paid,5.00,delete,9,2025-11-04T08:02:00.000Z
u-10022,inv-3,1762243200000,Invoice Paid,,update_postimage,9,2025-11-04T08:02:00.000Z
";

const BIGQUERY_JSON: &str = r#"{"user_id":"u-10003","insert_id":"ord-1003","time":"1762214399999","event_type":"Order Placed","event_properties":{"total":19.9},"change_type":"INSERT","change_timestamp":"2025-11-04 00:05:11.102938 UTC","change_is_for_update":false}
{"user_id":"u-10001","insert_id":"ord-1001","time":"1762161300123","event_type":"Order Placed","event_properties":{"total":20},"change_type":"DELETE","change_timestamp":"2025-11-04 00:06:02 UTC","change_is_for_update":true}
{"user_id":"u-10001","insert_id":"ord-1001","time":"1762161300123","event_type":"Order Placed","event_properties":{"coupon":"FALL","total":18.4},"change_type":"UPDATE","change_timestamp":"2025-11-04 00:06:02 UTC","change_is_for_update":false}
{"user_id":"u-10002","insert_id":"ord-1002","time":"1762161390000","event_type":"Order Placed","event_properties":{"total":5},"change_type":"DELETE","change_timestamp":"2025-11-04 00:07:40 UTC","change_is_for_update":false}
{"user_id":"u-10009","insert_id":"ord-1009","time":"1762242312500","event_type":"Order Placed","event_properties":{"note":"profit\u0026loss","total":3},"change_type":"DELETE","change_timestamp":"2025-11-04 00:09:00 UTC","change_is_for_update":true}
{"user_id":"u-10009","insert_id":"ord-1009b","time":"1762242312500","event_type":"Order Placed","event_properties":{"note":"profit\u0026loss","total":3},"change_type":"UPDATE","change_timestamp":"2025-11-04 00:09:00 UTC","change_is_for_update":false}
"#;

const BIGQUERY_CSV: &str = "\
user_id,insert_id,time,event_type,total,change_type,change_time
u-10020,inv-1,1762242312500,Invoice Paid,100,INSERT,2025-11-04 08:00:00 UTC
u-10020,inv-1,1762242312500,Invoice Paid,100,DELETE,2025-11-04 08:01:00 UTC
u-10020,inv-1,1762242312500,Invoice Paid,90,UPDATE,2025-11-04 08:01:00 UTC
u-10021,inv-2,1762242312501,Invoice Paid,5,DELETE,2025-11-04 08:02:00 UTC
u-10022,inv-3,1762243200000,Invoice Paid,1,UPDATE,2025-11-04 08:03:00 UTC
";

/// What the mirror holds before the windows of orders: A and B of the first sample, and the event whose key changes.
const ORDERS: &str = r#"u-10001 ord-1001 1762161300123 event_properties={"total":20}
    | u-10002 ord-1002 1762161390000 event_properties={"total":5}
    | u-10009 ord-1009 1762242312500 event_properties={"total":3}"#;
/// Likewise for the windows of invoices.
const INVOICES: &str = "u-10021 inv-2 1762242312501 total='5' | u-10022 inv-3 1762243200000 total='1'";

/// Spaces cannot stand in a word of the notation.
fn with_event_types(mirror: &Mirror, rows: &str) {
    let found = crate::support::dump(&mirror.store.snapshot()).unwrap();
    let mut expected = crate::support::notation::table(rows);
    for (key, columns) in &mut expected {
        if let Some(eventmirror::Value::Text(text)) = columns.get_mut("event_type") {
            *text = text.replace('_', " ");
        }
        assert_eq!(found.get(key), Some(&*columns), "{key:?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:?}");
}

#[test]
fn sample_2_4_s3_json() {
    let mirror = Mirror::holding(ORDERS);
    mirror.write(&[("events/2025-11-04_00.json", S3_JSON)]);
    assert_eq!(
        mirror.window("events", &of(Dialect::S3)),
        "inserted=2 updated deleted coalesced without_effect rejected:missing_user_id rejected:bad_mutation_type \
         update_without_match delete_without_match order_hazard op_missing volume=6"
    );
    let rejected = mirror.rejected();
    assert!(rejected[0].starts_with("6: missing_user_id") && rejected[1].starts_with("7: bad_mutation_type"));
    with_event_types(
        &mirror,
        r#"u-10001 ord-1001 1762161300123 event_type=Order_Placed event_properties={"total":18.40,"coupon":"FALL","source":"backfill"}
        | u-10001 ord-1001 1762161300124 event_type=Order_Placed event_properties={"total":0}
        | u-10003 ord-1003 1762214399999 event_type=Order_Placed event_properties={"total":19.90,"sku":["A1","B2"]}
        | u-10009 ord-1009 1762242312500 event_properties={"total":3}"#,
    );
}

#[test]
fn sample_2_4_s3_json_without_regard_to_case() {
    let mirror = Mirror::holding(ORDERS);
    mirror.write(&[("events/2025-11-04_00.json", S3_JSON)]);
    let any_case = SourceOptions { op_case_insensitive: true, ..of(Dialect::S3) };
    assert_eq!(
        mirror.window("events", &any_case),
        "inserted updated deleted coalesced=2 without_effect=2 rejected:missing_user_id update_without_match \
         delete_without_match order_hazard=2 op_missing volume=7"
    );
}

#[test]
fn sample_2_5_s3_csv() {
    let mut mirror = Mirror::new();
    mirror.options = ApplyOptions { id_rules: IdRules::Amplitude, ..ApplyOptions::default() };
    mirror.write(&[("events/2025-11-04_01.csv", S3_CSV)]);
    assert_eq!(
        mirror.window("events", &of(Dialect::S3)),
        "inserted=2 coalesced=3 rejected:user_id_too_short rejected:bad_mutation_type order_hazard=2 op_missing volume=5"
    );
    let found = crate::support::dump(&mirror.store.snapshot()).unwrap();
    let text = |text: &str| eventmirror::Value::Text(text.to_owned());
    let json = |text: &str| eventmirror::Value::Json(text.to_owned());
    let row =
        |insert_id: &str| found.iter().find(|(key, _)| key.1 == insert_id).map(|(_, columns)| columns.clone()).unwrap();
    let expected = [
        ("coupon", text("WELCOME")),
        ("event_type", text("Order Placed")),
        ("props_json", json(r#"{"ship":{"zip":"94110"}}"#)),
        ("total", text("12.50")),
    ];
    assert_eq!(row("ord-1005"), expected.map(|(name, value)| (name.to_owned(), value)).into());
    assert_eq!(row("ord-1006")["coupon"], text("A,B \"quoted\""));
    assert_eq!(row("ord-1006")["props_json"], json("{}"));
}

const SNOWFLAKE_AFTER: &str = r#"u-10001 ord-1001 1762161300123 event_type=Order_Placed event_properties={"coupon":"FALL","total":18.4}
    | u-10003 ord-1003 1762214399999 event_type=Order_Placed event_properties={"total":19.9}"#;

#[test]
fn sample_3_4_snowflake_csv() {
    let mirror = Mirror::holding(ORDERS);
    mirror.write(&[("unload/data_0_0_0.csv", SNOWFLAKE_CSV)]);
    assert_eq!(
        mirror.window("unload", &of(Dialect::Snowflake)),
        "inserted=2 updated deleted=2 coalesced update_without_match key_change volume=5"
    );
    let moved = r#"| u-10009 ord-1009 1762242312501 event_type=Order_Placed event_properties={"total":3}"#;
    with_event_types(&mirror, &format!("{SNOWFLAKE_AFTER} {moved}"));
}

#[test]
fn sample_3_4_snowflake_csv_in_its_default_form() {
    let mirror = Mirror::new();
    mirror.write(&[("unload/data_0_0_0.csv", SNOWFLAKE_DEFAULT_LINE)]);
    let columns = [
        "USER_ID",
        "INSERT_ID",
        "TIME",
        "EVENT_TYPE",
        "EVENT_PROPERTIES",
        "METADATA$ACTION",
        "METADATA$ISUPDATE",
        "METADATA$ROW_ID",
    ];
    let options = SourceOptions { header: Some(columns.map(str::to_owned).into()), ..of(Dialect::Snowflake) };
    assert_eq!(mirror.window("unload", &options), "inserted volume");
    with_event_types(
        &mirror,
        r#"u-10003 ord-1003 1762214399999 event_type=Order_Placed event_properties={"sku":"A1","total":19.9}"#,
    );
}

#[test]
fn sample_3_5_snowflake_json() {
    let mirror = Mirror::holding(ORDERS);
    mirror.write(&[("unload/data_0_0_0.json", SNOWFLAKE_JSON)]);
    assert_eq!(
        mirror.window("unload", &of(Dialect::Snowflake)),
        "inserted=2 updated deleted coalesced rejected:missing_user_id properties_were_string volume=4"
    );
    assert_eq!(mirror.rejected(), ["5: missing_user_id: user_id is null, absent or empty"]);
    let others = r#"| u-10009 ord-1009 1762242312500 event_properties={"total":3}
        | u-10010 ord-1010 1762243200000 event_type=Order_Placed event_properties={"total":"7"}"#;
    with_event_types(&mirror, &format!("{SNOWFLAKE_AFTER} {others}"));
}

#[test]
fn sample_4_3_databricks_json() {
    let mirror = Mirror::holding(ORDERS);
    mirror.write(&[("export/part-00000.json", DATABRICKS_JSON)]);
    assert_eq!(
        mirror.window("export", &of(Dialect::Databricks)),
        "inserted updated=2 deleted coalesced=3 without_effect update_without_match key_change volume=4"
    );
    with_event_types(
        &mirror,
        r#"u-10001 ord-1001 1762161300123 event_type=Order_Placed event_properties={"coupon":"FALL","total":18.4}
        | u-10002 ord-1002 1762161390000 event_type=Order_Placed event_properties={"total":6.0}
        | u-10011 ord-1009 1762242312500 event_type=Order_Placed event_properties={"total":3.0}"#,
    );
}

#[test]
fn sample_4_4_databricks_csv() {
    let mirror = Mirror::holding(INVOICES);
    mirror.write(&[("export/part-00000.csv", DATABRICKS_CSV)]);
    assert_eq!(
        mirror.window("export", &of(Dialect::Databricks)),
        "inserted updated deleted coalesced=2 volume=3",
        "the update that changes nothing leaves the insert an insert"
    );
    with_event_types(
        &mirror,
        "u-10020 inv-1 1762242312500 event_type=Invoice_Paid total='100.00'
        | u-10022 inv-3 1762243200000 event_type=Invoice_Paid",
    );
}

#[test]
fn sample_5_3_bigquery_json() {
    let mirror = Mirror::holding(ORDERS);
    mirror.write(&[("changes/000000000000.json", BIGQUERY_JSON)]);
    assert_eq!(
        mirror.window("changes", &of(Dialect::Bigquery)),
        "inserted=2 updated deleted=2 coalesced update_without_match key_change volume=5"
    );
    let moved = r#"| u-10009 ord-1009b 1762242312500 event_type=Order_Placed
        event_properties={"note":"profit\u0026loss","total":3}"#;
    with_event_types(&mirror, &format!("{SNOWFLAKE_AFTER} {moved}"));
}

#[test]
fn sample_5_4_bigquery_csv_without_the_column_of_halves() {
    // The order of rows within one time of change does not matter.
    let lines: Vec<&str> = BIGQUERY_CSV.lines().collect();
    let turned = [0, 5, 3, 2, 4, 1].map(|line| format!("{}\n", lines[line])).concat();
    for text in [BIGQUERY_CSV, turned.as_str()] {
        let mirror = Mirror::holding(INVOICES);
        mirror.write(&[("changes/000000000000.csv", text)]);
        assert_eq!(mirror.window("changes", &of(Dialect::Bigquery)), "inserted updated deleted coalesced=2 volume=3");
        with_event_types(
            &mirror,
            "u-10020 inv-1 1762242312500 event_type=Invoice_Paid total='90'
            | u-10022 inv-3 1762243200000 event_type=Invoice_Paid total='1'",
        );
    }
}
