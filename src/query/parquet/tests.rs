#![allow(clippy::unwrap_used)]

use super::*;
use crate::model::key::EventKey;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Events with their values in columns `c0`, `c1`, …, and the schema that a store would keep of them.
fn table(rows: &[Vec<Option<Value>>]) -> (Vec<Column>, Vec<Event>) {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut columns: Vec<Column> = (0..width).map(|n| Column { name: format!("c{n}"), types: 0 }).collect();
    let mut events = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let mut event = Event::new(EventKey::new("ann", format!("i{number}"), number as i64));
        for (place, value) in row.iter().enumerate() {
            if let Some(value) = value {
                columns[place].types |= 1 << row::tag(value.as_ref());
                event = event.with(columns[place].name.clone(), value.clone());
            }
        }
        events.push(event);
    }
    (columns, events)
}

fn write(columns: &[Column], events: &[Event], precision: TimePrecision) -> RecordBatch {
    let all = || events.iter().cloned().map(Ok);
    let mut plan = ParquetPlan::new(columns);
    if plan.is_in_doubt() {
        plan.settle(all(), columns).unwrap();
    }
    let mut out = Vec::new();
    assert_eq!(write_parquet(all(), columns, &plan, precision, &mut out).unwrap(), events.len() as u64);
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes(out)).unwrap().with_batch_size(1 << 20);
    let schema = reader.schema().clone();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    arrow::compute::concat_batches(&schema, &batches).unwrap()
}

/// The reader takes files and `bytes::Bytes`, which is no dependency of ours: a file it is.
fn bytes(content: Vec<u8>) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&content).unwrap();
    file
}

fn check(values: Vec<Option<Value>>, data_type: DataType, expected: &[&str]) {
    let rows: Vec<_> = values.into_iter().map(|value| vec![value]).collect();
    let (columns, events) = table(&rows);
    let batch = write(&columns, &events, TimePrecision::Millis);
    assert_eq!(*batch.column(3).data_type(), data_type);
    // Without a database of time zones Arrow shows times without a zone only.
    let array = match data_type {
        DataType::Timestamp(unit, _) => {
            arrow::compute::cast(batch.column(3), &DataType::Timestamp(unit, None)).unwrap()
        }
        _ => batch.column(3).clone(),
    };
    let options = arrow::util::display::FormatOptions::default().with_null("null");
    let shown = arrow::util::display::ArrayFormatter::try_new(&array, &options).unwrap();
    let shown: Vec<String> = (0..array.len()).map(|row| shown.value(row).to_string()).collect();
    assert_eq!(shown, expected);
}

#[test]
fn every_type_of_value_has_its_column() {
    let utc = |unit| DataType::Timestamp(unit, Some("UTC".into()));
    let time = |count, unit| Some(Value::Timestamp(count, unit));
    check(vec![Some(Value::Bool(true)), None, Some(Value::Bool(false))], DataType::Boolean, &["true", "null", "false"]);
    check(vec![Some(Value::Int(i64::MIN)), None], DataType::Int64, &["-9223372036854775808", "null"]);
    check(vec![Some(Value::UInt(u64::MAX))], DataType::UInt64, &["18446744073709551615"]);
    check(vec![None, Some(Value::Float(-0.5))], DataType::Float64, &["null", "-0.5"]);
    check(vec![Some(Value::Text("a".into())), Some(Value::Text(String::new()))], DataType::Utf8, &["a", ""]);
    check(vec![Some(Value::Bytes(vec![0, 255]))], DataType::Binary, &["00ff"]);
    check(vec![Some(Value::Date(-1))], DataType::Date32, &["1969-12-31"]);
    check(vec![time(1, TimeUnit::Second)], utc(dt::TimeUnit::Millisecond), &["1970-01-01T00:00:01"]);
    check(vec![time(1, TimeUnit::Millisecond)], utc(dt::TimeUnit::Millisecond), &["1970-01-01T00:00:00.001"]);
    check(vec![time(1, TimeUnit::Microsecond)], utc(dt::TimeUnit::Microsecond), &["1970-01-01T00:00:00.000001"]);
    check(vec![time(1, TimeUnit::Nanosecond)], utc(dt::TimeUnit::Nanosecond), &["1970-01-01T00:00:00.000000001"]);
    check(vec![None], DataType::Utf8, &["null"]);
}

#[test]
fn what_no_type_keeps_is_json_text() {
    check(vec![Some(Value::Json("{\"b\": 1}".into()))], DataType::Utf8, &["{\"b\": 1}"]);
    check(vec![Some(Value::Decimal("62.00".into())), Some(Value::Int(1))], DataType::Utf8, &["62.00", "1"]);
    check(vec![Some(Value::Text("1".into())), Some(Value::Int(1)), None], DataType::Utf8, &["\"1\"", "1", "null"]);
    check(vec![Some(Value::UInt(u64::MAX)), Some(Value::Int(1))], DataType::Utf8, &["18446744073709551615", "1"]);
    let times = vec![Some(Value::Timestamp(0, TimeUnit::Second)), Some(Value::Timestamp(0, TimeUnit::Microsecond))];
    check(times, DataType::Utf8, &["\"1970-01-01T00:00:00Z\"", "\"1970-01-01T00:00:00.000000Z\""]);
}

#[test]
fn a_column_in_doubt_is_typed_only_if_no_value_changes() {
    check(vec![Some(Value::Int(1 << 53)), Some(Value::Float(0.5))], DataType::Float64, &["9007199254740992.0", "0.5"]);
    let too_large = vec![Some(Value::Int((1 << 53) + 1)), Some(Value::Float(0.5))];
    check(too_large, DataType::Utf8, &["9007199254740993", "0.5"]);
    let beyond = vec![Some(Value::Timestamp(i64::MAX, TimeUnit::Second))];
    check(beyond, DataType::Utf8, &["9223372036854775807"]);
}

#[test]
fn the_key_comes_first_in_the_precision_of_the_store() {
    let (columns, events) = table(&[vec![Some(Value::Int(1))]]);
    for (precision, unit) in
        [(TimePrecision::Millis, dt::TimeUnit::Millisecond), (TimePrecision::Micros, dt::TimeUnit::Microsecond)]
    {
        let batch = write(&columns, &events, precision);
        let schema = batch.schema();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["user_id", "insert_id", "event_time", "c0"]);
        assert_eq!(*batch.column(2).data_type(), DataType::Timestamp(unit, Some("UTC".into())));
        assert!(!schema.field(0).is_nullable());
    }
}

#[test]
fn many_rows_and_no_rows() {
    let rows: Vec<_> = (0..20_000).map(|n| vec![(n % 3 == 0).then_some(Value::Int(n))]).collect();
    let (columns, events) = table(&rows);
    let batch = write(&columns, &events, TimePrecision::Millis);
    let column = batch.column(3).as_primitive::<dt::Int64Type>();
    assert_eq!(batch.num_rows(), 20_000);
    for row in 0..20_000 {
        assert_eq!((!column.is_null(row)).then(|| column.value(row)), (row % 3 == 0).then_some(row as i64));
    }
    assert_eq!(write(&columns, &[], TimePrecision::Millis).num_rows(), 0);
}

#[test]
fn a_value_of_a_type_that_the_schema_does_not_list_is_an_error() {
    let (mut columns, events) = table(&[vec![Some(Value::Text("a".into()))]]);
    columns[0].types = 1 << row::tag(ValueRef::Int(0));
    let plan = ParquetPlan::new(&columns);
    let result = write_parquet(events.into_iter().map(Ok), &columns, &plan, TimePrecision::Millis, Vec::new());
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Corrupt);
}
