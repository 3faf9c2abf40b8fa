//! `status`: the store as a whole.

use super::arguments::StatusArguments;
use super::gc::{HorizonJson, horizon_text};
use super::output::{Console, Shape};
use super::table::{Align, grouped, table};
use super::{Outcome, read};
use crate::Status;
use crate::error::Result;
use crate::model::row;
use crate::model::text::rfc3339;
use crate::model::value::{TimeUnit, ValueRef};
use serde::Serialize;

/// The store. Keys are public.
#[derive(Serialize)]
struct StatusJson<'a> {
    schema: &'static str,
    store: String,
    format_version: u32,
    precision: &'static str,
    created_at: String,
    sequence: u64,
    horizon: Option<HorizonJson>,
    rows: u64,
    columns: Vec<ColumnJson<'a>>,
    sources: Vec<SourceJson<'a>>,
    rejections: u64,
    suppressed_users: u64,
    disk_bytes: u64,
}

#[derive(Serialize)]
struct ColumnJson<'a> {
    name: &'a str,
    types: Vec<&'static str>,
}

#[derive(Serialize)]
struct SourceJson<'a> {
    source: &'a str,
    watermark: Option<u64>,
    names: u64,
    last_name: Option<&'a str>,
    last_sequence: u64,
    applied_at: String,
    newest: Option<String>,
}

impl<'a> From<&'a Status> for StatusJson<'a> {
    fn from(status: &'a Status) -> Self {
        let columns = status.columns.iter();
        let sources = status.sources.iter().map(|source| SourceJson {
            source: &source.source,
            watermark: source.watermark,
            names: source.names,
            last_name: source.last_name.as_deref(),
            last_sequence: source.last_sequence,
            applied_at: rfc3339(source.applied_at),
            newest: source.newest.map(rfc3339),
        });
        StatusJson {
            schema: "eventmirror.status/1",
            store: status.path.display().to_string(),
            format_version: status.format_version,
            precision: status.precision.name(),
            created_at: rfc3339(status.created_at),
            sequence: status.sequence,
            horizon: status.horizon.map(Into::into),
            rows: status.rows,
            columns: columns.map(|column| ColumnJson { name: &column.name, types: types(column.types) }).collect(),
            sources: sources.collect(),
            rejections: status.rejections,
            suppressed_users: status.suppressed_users,
            disk_bytes: status.disk_bytes,
        }
    }
}

/// Names of a set of types seen.
fn types(set: u16) -> Vec<&'static str> {
    let of_unit = |unit| ValueRef::Timestamp(0, unit);
    let names = [
        (ValueRef::Bool(false), "bool"),
        (ValueRef::Bool(true), "bool"),
        (ValueRef::Int(0), "int"),
        (ValueRef::UInt(0), "uint"),
        (ValueRef::Float(0.0), "float"),
        (ValueRef::Decimal(""), "decimal"),
        (ValueRef::Text(""), "text"),
        (ValueRef::Bytes(&[]), "bytes"),
        (ValueRef::Date(0), "date"),
        (of_unit(TimeUnit::Second), "timestamp_s"),
        (of_unit(TimeUnit::Millisecond), "timestamp_ms"),
        (of_unit(TimeUnit::Microsecond), "timestamp_us"),
        (of_unit(TimeUnit::Nanosecond), "timestamp_ns"),
        (ValueRef::Json(""), "json"),
    ];
    let seen = names.into_iter().filter(|(value, _)| set & (1 << row::tag(*value)) != 0);
    let mut seen: Vec<&str> = seen.map(|(_, name)| name).collect();
    seen.dedup();
    seen
}

pub(super) fn status(arguments: &StatusArguments, json: bool, console: &mut Console) -> Result<Outcome> {
    let status = read::open(&arguments.store)?.status()?;
    match console.shape(json) {
        Shape::Table => print(&status, console)?,
        _ => console.json(&StatusJson::from(&status))?,
    }
    Ok(Outcome::Done)
}

fn print(status: &Status, console: &mut Console) -> Result<()> {
    let facts = [
        ("format version", status.format_version.to_string()),
        ("time precision", status.precision.name().to_owned()),
        ("created at", rfc3339(status.created_at)),
        ("sequence", status.sequence.to_string()),
        ("horizon", horizon_text(status.horizon)),
        ("rows", grouped(status.rows)),
        ("rejected rows", grouped(status.rejections)),
        ("forgotten users", grouped(status.suppressed_users)),
        ("bytes on disk", grouped(status.disk_bytes)),
    ];
    let facts = facts.map(|(name, value)| vec![name.to_owned(), value]);
    let path = status.path.display().to_string();
    console.line(table(&[("store", Align::Left), (path.as_str(), Align::Left)], facts))?;
    let sources = status.sources.iter().map(|source| {
        let watermark = source.watermark.map(|watermark| watermark.to_string()).unwrap_or_default();
        let last_name = source.last_name.clone().unwrap_or_default();
        vec![source.source.clone(), watermark, grouped(source.names), last_name, source.last_sequence.to_string()]
    });
    let titles = [
        ("source", Align::Left),
        ("watermark", Align::Right),
        ("names", Align::Right),
        ("last name", Align::Left),
        ("last commit", Align::Right),
    ];
    console.line(table(&titles, sources))?;
    let columns = status.columns.iter().map(|column| vec![column.name.clone(), types(column.types).join(", ")]);
    console.line(table(&[("column", Align::Left), ("types seen", Align::Left)], columns))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::key::TimePrecision;
    use crate::model::schema::Column;
    use crate::{Horizon, SourceStatus};

    #[test]
    fn the_status_by_its_exact_text() {
        let status = Status {
            path: "mirror".into(),
            format_version: 1,
            precision: TimePrecision::Millis,
            created_at: 5,
            sequence: 2,
            horizon: Some(Horizon { sequence: 2, committed_at: 6, collected_at: 9, is_finished: true }),
            rows: 7,
            columns: vec![Column { name: "plan".into(), types: 1 << 1 | 1 << 2 | 1 << 7 }],
            sources: vec![SourceStatus {
                source: "s3".into(),
                watermark: None,
                names: 2,
                last_name: Some("0002.json".into()),
                last_sequence: 2,
                applied_at: 6,
                newest: Some(4),
            }],
            rejections: 1,
            suppressed_users: 0,
            disk_bytes: 4096,
        };
        let expected = "{\"schema\":\"eventmirror.status/1\",\"store\":\"mirror\",\"format_version\":1,".to_owned()
            + "\"precision\":\"ms\",\"created_at\":\"1970-01-01T00:00:00.005Z\",\"sequence\":2,"
            + "\"horizon\":{\"commit_sequence\":2,\"committed_at\":\"1970-01-01T00:00:00.006Z\"},\"rows\":7,"
            + "\"columns\":[{\"name\":\"plan\",\"types\":[\"bool\",\"text\"]}],"
            + "\"sources\":[{\"source\":\"s3\",\"watermark\":null,\"names\":2,\"last_name\":\"0002.json\","
            + "\"last_sequence\":2,\"applied_at\":\"1970-01-01T00:00:00.006Z\",\"newest\":\"1970-01-01T00:00:00.004Z\"}],\"rejections\":1,\"suppressed_users\":0,\"disk_bytes\":4096}";
        assert_eq!(serde_json::to_string(&StatusJson::from(&status)).unwrap(), expected);
    }

    #[test]
    fn every_type_has_a_name() {
        // Tags 1 and 2 are both of booleans; 0 and 15 are not used.
        assert_eq!(types(0x7ffe).len(), 13);
    }
}
