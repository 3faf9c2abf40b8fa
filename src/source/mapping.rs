//! Which column of a file is which field.
//!
//! A column used whole as a key field, or as one of the dialect's own fields, is not payload. Parts of a composite key
//! stay payload, since they could not be told from the key again.

use super::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::model::change::TextMeaning;
use arrow::array::{Array, RecordBatch};
use arrow::datatypes::Schema;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Usual names of the user id's column.
const USER_ID_COLUMNS: &[&str] = &["user_id"];
/// Usual names of the insert id's column: the vendor's input and its export.
const INSERT_ID_COLUMNS: &[&str] = &["insert_id", "$insert_id"];
/// Usual names of the event time's column: the vendor's export and its input.
const EVENT_TIME_COLUMNS: &[&str] = &["event_time", "time"];
/// The vendor's fields that are objects (HTTP V2 API); in CSV and Parquet they are text that holds JSON.
const OBJECT_COLUMNS: &[&str] = &["event_properties", "user_properties", "groups", "group_properties", "plan"];
/// Ending of other columns whose text holds JSON.
const JSON_ENDING: &str = "_json";
const FIELDS: &str = "user_id, insert_id, event_time, op, is_update, row_id, version, timestamp, json_columns";

/// A field that tells how a row changes the table, and is none of its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ChangeField {
    /// The operation.
    Op,
    /// Whether the row is one half of an update.
    IsUpdate,
    /// What joins the halves of an update.
    RowId,
    /// The commit version.
    Version,
    /// The time of the change.
    Timestamp,
}

impl ChangeField {
    const ALL: [ChangeField; 5] =
        [ChangeField::Op, ChangeField::IsUpdate, ChangeField::RowId, ChangeField::Version, ChangeField::Timestamp];

    /// The name, as `--map` takes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            ChangeField::Op => "op",
            ChangeField::IsUpdate => "is_update",
            ChangeField::RowId => "row_id",
            ChangeField::Version => "version",
            ChangeField::Timestamp => "timestamp",
        }
    }
}

/// Where a dialect has one of its fields.
#[derive(Debug)]
pub(super) struct ChangeColumn {
    pub(super) field: ChangeField,
    /// Usual names, first choice first.
    pub(super) usual: &'static [&'static str],
    /// Whether a file with a header must have it.
    pub(super) is_required: bool,
}

/// The fields that the caller maps; the others are found by their usual names in any case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mapping {
    user_id: Option<Vec<String>>,
    insert_id: Option<Vec<String>>,
    event_time: Option<Vec<String>>,
    change: BTreeMap<ChangeField, Vec<String>>,
    json_columns: Vec<String>,
    /// No column's text is taken for JSON.
    is_literal: bool,
}

impl Mapping {
    /// Reads texts `FIELD=COLUMN`. The fields are `user_id`, `insert_id`, `event_time`; those of the dialect (`op`,
    /// `is_update`, `row_id`, `version`, `timestamp`); and `json_columns` (columns whose text holds JSON; may be given
    /// several times). `user_id`, `insert_id` and `json_columns` take several columns:
    /// `insert_id=InvoiceNo+StockCode`. A `+` or `\` in a column's name is written `\+` or `\\`.
    ///
    /// Column names of a mapping are exact. Errors are `Usage`.
    ///
    /// ```
    /// use eventmirror::source::Mapping;
    /// let mapping = Mapping::parse(&["user_id=CustomerID", "insert_id=InvoiceNo+StockCode", "event_time=InvoiceDate"])?;
    /// assert!(Mapping::parse(&["user=CustomerID"]).is_err());
    /// # Ok::<(), eventmirror::Error>(())
    /// ```
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Mapping> {
        let mut mapping = Mapping::default();
        for text in texts {
            mapping.add(text.as_ref())?;
        }
        Ok(mapping)
    }

    /// No field is mapped, and no column's text is taken for JSON, whatever its name: for a converter, which says so
    /// itself.
    pub(super) fn literal() -> Mapping {
        Mapping { is_literal: true, ..Mapping::default() }
    }

    /// The fields are these columns.
    pub(super) fn exact(user_id: &str, insert_id: &str, event_time: &str, op: Option<&str>) -> Mapping {
        let column = |name: &str| Some(vec![name.to_owned()]);
        Mapping {
            user_id: column(user_id),
            insert_id: column(insert_id),
            event_time: column(event_time),
            change: op.and_then(column).map(|column| (ChangeField::Op, column)).into_iter().collect(),
            ..Mapping::default()
        }
    }

    fn add(&mut self, text: &str) -> Result<()> {
        let wrong = |why: String| Error::new(ErrorKind::Usage, why).at(format!("--map {text}"));
        let (field, columns) = text.split_once('=').ok_or_else(|| {
            wrong("a mapping has the form FIELD=COLUMN".to_owned()).advice(format!("the fields are {FIELDS}"))
        })?;
        let columns = split_columns(columns);
        if columns.iter().any(String::is_empty) {
            return Err(wrong("a mapping names no column".to_owned()));
        }
        if field == "json_columns" {
            self.json_columns.extend(columns);
            return Ok(());
        }
        if columns.len() > 1 && !matches!(field, "user_id" | "insert_id") {
            return Err(wrong(format!("{field} is one column")).advice(r"a + in a column's name is written \+"));
        }
        let earlier = match field {
            "user_id" => self.user_id.replace(columns),
            "insert_id" => self.insert_id.replace(columns),
            "event_time" => self.event_time.replace(columns),
            _ => match ChangeField::ALL.into_iter().find(|known| known.name() == field) {
                Some(known) => self.change.insert(known, columns),
                None => return Err(wrong(format!("{field:?} is no field")).advice(format!("the fields are {FIELDS}"))),
            },
        };
        match earlier {
            None => Ok(()),
            Some(_) => Err(wrong(format!("{field} is mapped twice"))),
        }
    }

    /// Errors, of kind `Usage`, where a field is mapped that the dialect does not have.
    pub(super) fn check(&self, dialect: Dialect) -> Result<()> {
        let known = |field: &ChangeField| dialect.change_columns().iter().any(|column| column.field == *field);
        match self.change.keys().find(|field| !known(field)) {
            None => Ok(()),
            Some(field) => {
                let own = dialect.change_columns().iter().map(|column| column.field.name());
                let fields: Vec<&str> =
                    ["user_id", "insert_id", "event_time"].into_iter().chain(own).chain(["json_columns"]).collect();
                let text = format!("the dialect {} has no field {}", dialect.name(), field.name());
                Err(Error::new(ErrorKind::Usage, text)
                    .at(format!("--map {}", field.name()))
                    .advice(format!("its fields are {}", fields.join(", "))))
            }
        }
    }

    /// How the text of a CSV or Parquet column is meant.
    pub(super) fn text_meaning(&self, column: &str) -> TextMeaning {
        let is_json = OBJECT_COLUMNS.iter().any(|name| name.eq_ignore_ascii_case(column))
            || column.len() > JSON_ENDING.len() && column.to_ascii_lowercase().ends_with(JSON_ENDING)
            || self.json_columns.iter().any(|name| name == column);
        if is_json && !self.is_literal { TextMeaning::JsonText } else { TextMeaning::Plain }
    }
}

/// Splits at `+`; `\` takes away the meaning of what follows.
pub(crate) fn split_columns(text: &str) -> Vec<String> {
    let mut columns = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let literal = match c {
            '+' => {
                columns.push(String::new());
                continue;
            }
            '\\' => chars.next().unwrap_or('\\'),
            c => c,
        };
        if let Some(last) = columns.last_mut() {
            last.push(literal);
        }
    }
    columns
}

/// The names under which a field's columns are looked for.
#[derive(Debug, Clone)]
enum Wanted {
    /// Exactly these columns.
    Mapped(Vec<String>),
    /// One of these, in any case.
    Usual(&'static [&'static str]),
}

/// Finds the columns of one file's fields; its decisions hold for the whole file.
#[derive(Debug)]
pub(super) struct Resolver {
    user_id: Wanted,
    insert_id: Wanted,
    event_time: Wanted,
    change: Vec<(&'static ChangeColumn, Wanted)>,
}

/// Column indices of one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    /// Empty where the part has no such column (JSON lines).
    pub(super) user_id: Vec<usize>,
    pub(super) insert_id: Vec<usize>,
    pub(super) event_time: Option<usize>,
    /// The dialect's own fields that the part has.
    pub(super) change: Vec<(ChangeField, usize)>,
    pub(super) payload: Arc<[usize]>,
}

impl Resolver {
    pub(super) fn new(mapping: &Mapping, dialect: Dialect) -> Self {
        let wanted = |mapped: &Option<Vec<String>>, usual| {
            mapped.as_ref().map_or(Wanted::Usual(usual), |columns| Wanted::Mapped(columns.clone()))
        };
        Resolver {
            user_id: wanted(&mapping.user_id, USER_ID_COLUMNS),
            insert_id: wanted(&mapping.insert_id, INSERT_ID_COLUMNS),
            event_time: wanted(&mapping.event_time, EVENT_TIME_COLUMNS),
            change: {
                let own = dialect.change_columns().iter();
                own.map(|column| (column, wanted(&mapping.change.get(&column.field).cloned(), column.usual))).collect()
            },
        }
    }

    /// Settles the fields by a file's header. Of several usual names the first in the documented order wins.
    /// Errors where a mapped column or a key field is missing.
    pub(super) fn settle(&mut self, schema: &Schema, place: &str) -> Result<()> {
        let key =
            [("user_id", &mut self.user_id), ("insert_id", &mut self.insert_id), ("event_time", &mut self.event_time)];
        for (field, wanted) in key {
            wanted.settle(field, schema, place, true)?;
        }
        for (column, wanted) in &mut self.change {
            wanted.settle(column.field.name(), schema, place, column.is_required)?;
        }
        Ok(())
    }

    /// Settles the fields that are not settled yet by the rows of a part of a file without a header. The column that
    /// first has a value wins, within one row the first in the documented order: so what is a key does not depend on
    /// how the rows are cut into parts.
    pub(super) fn settle_by_rows(&mut self, rows: &RecordBatch) {
        let key = [&mut self.user_id, &mut self.insert_id, &mut self.event_time];
        for wanted in key.into_iter().chain(self.change.iter_mut().map(|(_, wanted)| wanted)) {
            if let Wanted::Usual(usual) = wanted {
                let first = |column: &usize| first_value(rows, *column);
                let found = candidates(usual, rows.schema_ref()).into_iter().filter(|c| first(c).is_some());
                if let Some(column) = found.min_by_key(first) {
                    *wanted = Wanted::Mapped(vec![rows.schema_ref().field(column).name().clone()]);
                }
            }
        }
    }

    /// The columns of a part. `extra` is a column of it that is no field of the rows.
    pub(super) fn columns(&self, schema: &Schema, extra: Option<usize>) -> Columns {
        let find = |wanted: &Wanted| match wanted {
            Wanted::Usual(_) => Vec::new(),
            Wanted::Mapped(names) => {
                names.iter().map_while(|name| find(schema, name).filter(|c| Some(*c) != extra)).collect()
            }
        };
        let whole = |wanted: &Wanted| match (find(wanted), wanted) {
            (found, Wanted::Mapped(names)) if found.len() == names.len() => found,
            _ => Vec::new(),
        };
        let (user_id, insert_id) = (whole(&self.user_id), whole(&self.insert_id));
        let event_time = whole(&self.event_time).first().copied();
        let change = self.change.iter().filter_map(|(column, wanted)| Some((column.field, *whole(wanted).first()?)));
        let change: Vec<(ChangeField, usize)> = change.collect();
        let single = |columns: &[usize]| if let [one] = columns { Some(*one) } else { None };
        let mut used = vec![single(&user_id), single(&insert_id), event_time, extra];
        used.extend(change.iter().map(|(_, column)| Some(*column)));
        let payload = (0..schema.fields().len()).filter(|c| !used.contains(&Some(*c))).collect();
        Columns { user_id, insert_id, event_time, change, payload }
    }
}

impl Wanted {
    fn settle(&mut self, field: &str, schema: &Schema, place: &str, required: bool) -> Result<()> {
        match self {
            Wanted::Mapped(names) => match names.iter().find(|name| find(schema, name).is_none()) {
                None => Ok(()),
                Some(name) => {
                    Err(missing(field, &format!("the column {name:?}, mapped to {field}, is"), schema, place))
                }
            },
            Wanted::Usual(usual) => match candidates(usual, schema).first() {
                Some(column) => {
                    *self = Wanted::Mapped(vec![schema.field(*column).name().clone()]);
                    Ok(())
                }
                None if required => {
                    Err(missing(field, &format!("a column for {field} ({}) is", usual.join(", ")), schema, place))
                }
                None => Ok(()),
            },
        }
    }
}

fn missing(field: &str, what: &str, schema: &Schema, place: &str) -> Error {
    const SHOWN: usize = 50;
    let mut names: Vec<&str> = schema.fields().iter().take(SHOWN).map(|f| f.name().as_str()).collect();
    if schema.fields().len() > SHOWN {
        names.push("…");
    }
    Error::new(ErrorKind::InvalidInput, format!("{what} not in the file"))
        .at(place)
        .advice(format!("its columns are {}; name one with --map {field}=COLUMN", names.join(", ")))
}

fn find(schema: &Schema, name: &str) -> Option<usize> {
    schema.fields().iter().position(|field| field.name() == name)
}

/// The columns that have one of the usual names: by the order of those names, exact before other case.
fn candidates(usual: &[&str], schema: &Schema) -> Vec<usize> {
    let mut found = Vec::new();
    for name in usual {
        let fields = || schema.fields().iter().enumerate();
        found.extend(fields().filter(|(_, f)| f.name() == name).map(|(c, _)| c));
        found.extend(fields().filter(|(_, f)| f.name() != name && f.name().eq_ignore_ascii_case(name)).map(|(c, _)| c));
    }
    found
}

fn first_value(rows: &RecordBatch, column: usize) -> Option<usize> {
    let array = rows.columns().get(column)?;
    (0..array.len()).find(|row| array.is_valid(*row))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::array::StringArray;
    use arrow::datatypes::{DataType, Field};

    fn schema(names: &[&str]) -> Schema {
        Schema::new(names.iter().map(|n| Field::new(*n, DataType::Utf8, true)).collect::<Vec<_>>())
    }

    fn columns(maps: &[&str], dialect: Dialect, names: &[&str]) -> Result<Columns> {
        let mut resolver = Resolver::new(&Mapping::parse(maps)?, dialect);
        resolver.settle(&schema(names), "f.csv")?;
        Ok(resolver.columns(&schema(names), None))
    }

    #[test]
    fn usual_names_are_found_in_any_case_and_in_the_documented_order() {
        let found = columns(&[], Dialect::S3, &["time", "EVENT_TIME", "x", "$Insert_Id", "User_Id", "MUTATION_TYPE"]);
        let found = found.unwrap();
        assert_eq!((found.user_id, found.insert_id, found.event_time), (vec![4], vec![3], Some(1)));
        assert_eq!(found.change, [(ChangeField::Op, 5)]);
        assert_eq!(&*found.payload, [0, 2]);
        let exact = columns(&[], Dialect::S3, &["USER_ID", "user_id", "insert_id", "time"]).unwrap();
        assert_eq!((exact.user_id, exact.event_time, exact.change), (vec![1], Some(3), vec![]));
    }

    #[test]
    fn a_backfill_has_no_operation_column() {
        let found = columns(&[], Dialect::Backfill, &["user_id", "insert_id", "time", "mutation_type"]).unwrap();
        assert_eq!((found.change, &*found.payload), (vec![], &[3][..]));
    }

    #[test]
    fn the_columns_of_a_warehouse_are_found_or_mapped_and_are_no_payload() {
        let own = ["USER_ID", "INSERT_ID", "TIME", "METADATA$ACTION", "metadata$isupdate", "RID", "X"];
        let found = columns(&["row_id=RID"], Dialect::Snowflake, &own).unwrap();
        assert_eq!(found.change, [(ChangeField::Op, 3), (ChangeField::IsUpdate, 4), (ChangeField::RowId, 5)]);
        assert_eq!(&*found.payload, [6]);
        let error = columns(&[], Dialect::Databricks, &["user_id", "insert_id", "time", "_change_type"]).unwrap_err();
        assert!(
            error.to_string().contains("_commit_version") && error.to_string().contains("--map version"),
            "{error}"
        );
        let error = columns(&["op=kind"], Dialect::Bigquery, &["user_id", "insert_id", "time"]).unwrap_err();
        assert!(error.to_string().contains("\"kind\", mapped to op"), "{error}");
    }

    #[test]
    fn a_field_that_the_dialect_does_not_have_is_a_usage_error() {
        let check = |map: &str, dialect| Mapping::parse(&[map]).unwrap().check(dialect);
        let error = check("row_id=r", Dialect::Databricks).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        let expected = "the dialect databricks has no field row_id (--map row_id); its fields are user_id, insert_id, \
                        event_time, op, version, timestamp, json_columns";
        assert_eq!(error.to_string(), expected);
        assert!(check("op=o", Dialect::Backfill).is_err() && check("op=o", Dialect::S3).is_ok());
    }

    #[test]
    fn parts_of_a_composite_stay_payload() {
        let maps = ["user_id=CustomerID", "insert_id=InvoiceNo+StockCode", "event_time=InvoiceDate"];
        let found =
            columns(&maps, Dialect::Backfill, &["InvoiceNo", "StockCode", "InvoiceDate", "CustomerID"]).unwrap();
        assert_eq!((found.insert_id, &*found.payload), (vec![0, 1], &[0, 1][..]));
    }

    #[test]
    fn a_missing_column_is_an_error_that_names_everything() {
        for maps in [&[][..], &["user_id=uid"][..]] {
            let error = columns(maps, Dialect::S3, &["who", "insert_id", "time"]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            let text = error.to_string();
            assert!(["f.csv", "user_id", "who, insert_id, time", "--map"].iter().all(|t| text.contains(t)), "{text}");
        }
    }

    #[test]
    fn wrong_mappings_are_usage_errors() {
        for map in ["user=x", "user_id", "user_id=", "user_id=a+", "event_time=a+b", "op=a+b"] {
            assert_eq!(Mapping::parse(&[map]).unwrap_err().kind(), ErrorKind::Usage, "{map}");
        }
        assert_eq!(Mapping::parse(&["op=a", "op=b"]).unwrap_err().kind(), ErrorKind::Usage);
        let known = Mapping::parse(&["user=x"]).unwrap_err().to_string();
        assert!(known.contains(FIELDS), "{known}");
    }

    #[test]
    fn a_plus_in_a_column_name_can_be_written() {
        assert_eq!(split_columns(r"a\+b+c\\d+e=f"), ["a+b", r"c\d", "e=f"]);
    }

    #[test]
    fn object_columns_are_json_text() {
        let mapping = Mapping::parse(&["json_columns=a+b", "json_columns=c"]).unwrap();
        let json = ["event_properties", "USER_PROPERTIES", "plan", "props_json", "a", "b", "c"];
        assert!(json.iter().all(|c| mapping.text_meaning(c) == TextMeaning::JsonText));
        assert!(["d", "_json", "platform"].iter().all(|c| mapping.text_meaning(c) == TextMeaning::Plain));
    }

    #[test]
    fn without_a_header_the_first_column_with_a_value_decides_for_the_file() {
        let rows = |time: [Option<&str>; 2], event_time: [Option<&str>; 2]| {
            let columns: [Arc<dyn Array>; 2] =
                [Arc::new(StringArray::from(time.to_vec())), Arc::new(StringArray::from(event_time.to_vec()))];
            RecordBatch::try_new(Arc::new(schema(&["time", "event_time"])), columns.to_vec()).unwrap()
        };
        let decide = |parts: &[RecordBatch]| {
            let mut resolver = Resolver::new(&Mapping::default(), Dialect::S3);
            parts.iter().for_each(|part| resolver.settle_by_rows(part));
            resolver.columns(parts[0].schema_ref(), None).event_time
        };
        assert_eq!(decide(&[rows([Some("1"), None], [None, Some("2")])]), Some(0));
        assert_eq!(decide(&[rows([Some("1"), None], [Some("1"), Some("2")])]), Some(1));
        let first = rows([Some("1"), None], [None, None]);
        assert_eq!(decide(&[first, rows([None, None], [Some("1"), Some("2")])]), Some(0));
    }
}
