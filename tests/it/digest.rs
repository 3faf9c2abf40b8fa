//! Digests: the SQL is run in DuckDB and PostgreSQL, and must tell what the store tells; for the engines that cannot be
//! run here, its text is what was reviewed.
#![cfg(all(feature = "cli", feature = "parquet"))]

use super::support::engines::{Database, DuckDb, Postgres};
use super::support::fast_folder;
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Values of each column as SQL that both engines read; a row takes the next of each list, and the lists have different
/// lengths. `RAW` stands for the type of bytes.
const COLUMNS: [(&str, &str, &[&str]); 12] = [
    (
        "plan",
        "TEXT",
        &["NULL", "''", "'-'", "'1:a'", "'Zo\u{eb}'", "'Zoe\u{308}'", "'\u{1f600}\u{1f469}\u{200d}\u{1f4bb}'"],
    ),
    ("quoted \"name\"", "TEXT", &["'it''s \"so\"'", "'back\\slash\\n'", "'two\nlines\r\n\t'", "'%_'", "' '", "NULL"]),
    ("ok", "BOOLEAN", &["TRUE", "FALSE", "NULL"]),
    ("n", "BIGINT", &["0", "-1", "9223372036854775807", "-9223372036854775807", "NULL", "10", "1000000"]),
    (
        "price",
        "DECIMAL(38, 6)",
        &["-0.05", "0", "0.000001", "-99999999999999999999999999999999.999999", "12.5", "100", "NULL", "0.1"],
    ),
    ("rate", "DECIMAL(9, 9)", &["0.000000001", "-0.5", "0", "NULL", "0.123456789"]),
    (
        "score",
        "DOUBLE PRECISION",
        &[
            "0.1",
            "2.675",
            "-1e-7",
            "5e-7",
            "-5e-7",
            "1.0000005",
            "123456.7890125",
            "-8999999999.999999",
            "NULL",
            "0",
            "1e-300",
        ],
    ),
    ("day", "DATE", &["'1969-12-31'", "'2024-02-29'", "'9999-12-31'", "'0001-01-01'", "NULL"]),
    (
        "seen",
        "TIMESTAMPTZ",
        &["'2025-11-04 10:00:00.123456+02'", "'1969-12-31 23:59:59.999999+00'", "NULL", "'1900-01-01 00:00:00-05'"],
    ),
    ("local", "TIMESTAMP", &["'2025-03-09 02:30:00'", "'0001-01-01 00:00:00'", "'9999-12-31 23:59:59.999999'", "NULL"]),
    ("raw", "RAW", &["'\\x00'", "'\\xFF'", "''", "NULL"]),
    ("event_properties", "TEXT", &["'{\"b\": 1, \"a\": [null, 1.50]}'", "NULL", "'{}'", "'[1,  2]'"]),
];
const ROWS: usize = 120;
const TIMES: [&str; 4] = [
    "'2025-11-04 10:00:00.123456'",
    "'1969-12-31 23:59:59.999999'",
    "'2025-11-04 10:00:00'",
    "'1970-01-01 00:00:00.000999'",
];
const FORM: [&str; 2] = ["--form", "event_properties=text"];

/// The table, and rows of whom the last three have no usable key.
fn table(raw: &str) -> String {
    let name = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let columns: Vec<String> =
        COLUMNS.iter().map(|(column, of, _)| format!("{} {}", name(column), of.replace("RAW", raw))).collect();
    let row = |row: usize| {
        let value = |(_, of, values): &(&str, &str, &[&str])| {
            format!("CAST({} AS {})", values[row % values.len()], of.replace("RAW", raw))
        };
        let values: Vec<String> = COLUMNS.iter().map(value).collect();
        let user = format!("'user {}\u{e9}'", row % 50);
        let (user, insert, time) = match ROWS - row {
            1 => ("NULL".into(), "'i'".into(), "NULL"),
            2 => ("''".into(), "'i'".into(), TIMES[0]),
            3 => (user, "NULL".into(), TIMES[0]),
            _ => (user, format!("'i~/{row}'"), TIMES[row % TIMES.len()]),
        };
        format!("({user}, {insert}, CAST({time} AS TIMESTAMP), {})", values.join(", "))
    };
    let rows: Vec<String> = (0..ROWS).map(row).collect();
    let columns = columns.join(", ");
    format!(
        "CREATE TABLE events (user_id TEXT, insert_id TEXT, event_time TIMESTAMP, {columns});\nINSERT INTO events VALUES {};\n",
        rows.join(",\n")
    )
}

struct World {
    folder: tempfile::TempDir,
    duckdb: DuckDb,
}

impl World {
    /// A table in DuckDB, and a store of its rows.
    fn new(precision: &str) -> World {
        let world = World { folder: fast_folder(), duckdb: DuckDb::start() };
        world.duckdb.run(&table("BLOB"));
        world.export("SELECT * FROM events", "base.parquet");
        let base = world.path("base.parquet");
        world.run(
            &["apply", &world.store(), base.to_str().unwrap(), "--dialect", "backfill", "--precision", precision],
            0,
        );
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn store(&self) -> String {
        self.path("mirror").to_str().unwrap().to_owned()
    }

    fn export(&self, query: &str, file: &str) {
        let query = query.trim().trim_end_matches(';');
        self.duckdb.run(&format!("COPY ({query}) TO '{}' (FORMAT parquet)", self.path(file).display()));
    }

    fn run(&self, words: &[&str], code: i32) -> (String, String) {
        let mut command = Command::new(cargo_bin!("eventmirror"));
        std::env::vars().filter(|(name, _)| name.starts_with("EVENTMIRROR_")).for_each(|(name, _)| {
            command.env_remove(name);
        });
        let output = command.args(words).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(output.stdout), text(output.stderr));
        assert_eq!(output.status.code(), Some(code), "{words:?}\n{out}\n{err}");
        (out, err)
    }

    fn sql(&self, engine: &str, more: &[&str]) -> String {
        self.run(&[&["digest", "sql", &self.store(), "--for", engine], more].concat(), 0).0
    }

    /// What `verify --digest` finds in the result of a query.
    fn compare(&self, database: &dyn Database, query: &str, code: i32) -> Value {
        fs::write(self.path("digest.csv"), database.csv(query)).unwrap();
        let file = self.path("digest.csv");
        let words = ["verify", &self.store(), "--digest", file.to_str().unwrap(), "--json"];
        serde_json::from_str(&self.run(&words, code).0).unwrap()
    }

    /// The digest of the store's bucket in which a user is.
    fn bucket(&self, user: &str) -> u64 {
        u64::from(eventmirror::model::key::bucket(user))
    }
}

fn postgres() -> Postgres {
    let postgres = Postgres::start();
    // Both engines read one table: a backslash in front of hexadecimal digits is one byte in DuckDB, all in PostgreSQL.
    postgres.run(&table("BYTEA"));
    postgres
}

fn buckets(found: &Value) -> Vec<u64> {
    found["buckets"].as_array().unwrap().iter().map(|bucket| bucket["bucket"].as_u64().unwrap()).collect()
}

/// Compares, then changes one value after the other.
fn every_change_is_found(world: &World, database: &dyn Database, engine: &str) {
    let query = world.sql(engine, &FORM);
    let found = world.compare(database, &query, 0);
    assert_eq!(found["verdict"], "identical", "{found}");
    assert_eq!(found["rows"], serde_json::json!({"expected": ROWS - 3, "actual": ROWS - 3}));
    assert_eq!((&found["left_out"], &found["incomparable"]), (&3.into(), &0.into()));
    assert_eq!(found["not_compared"], serde_json::json!([]));
    for (index, (column, change)) in [
        ("plan", "NULL"),
        ("plan", "''"),
        ("quoted \"name\"", "'it''s \"so\" '"),
        ("ok", "NOT COALESCE(ok, FALSE)"),
        ("n", "COALESCE(n, 5) - 1"),
        ("price", "COALESCE(price, 1) + 0.000001"),
        ("rate", "COALESCE(rate, 0.1) / 2 + 0.000000001"),
        ("score", "COALESCE(score, 1) + 0.000002"),
        ("score", "1e300"),
        ("day", "DATE '2000-01-01'"),
        ("seen", "TIMESTAMPTZ '2025-11-04 10:00:00.123457+02'"),
        ("local", "TIMESTAMP '2025-03-09 02:30:00.000001'"),
        ("event_properties", "'{ }'"),
    ]
    .into_iter()
    .enumerate()
    {
        // Row 11 has a value other than the change in each of these columns.
        let (user, column) = (format!("user {}\u{e9}", 11), format!("\"{}\"", column.replace('"', "\"\"")));
        let row = "insert_id = 'i~/11'";
        database.run(&format!(
            "CREATE TABLE kept AS SELECT * FROM events WHERE {row}; UPDATE events SET {column} = {change} WHERE {row};"
        ));
        let found = world.compare(database, &query, 1);
        assert_eq!(buckets(&found), [world.bucket(&user)], "{index}: {column} = {change}: {found}");
        database
            .run(&format!("DELETE FROM events WHERE {row}; INSERT INTO events SELECT * FROM kept; DROP TABLE kept;"));
    }
    assert_eq!(world.compare(database, &query, 0)["verdict"], "identical");
}

#[test]
fn duckdb_and_the_store_have_one_digest() {
    let world = World::new("us");
    every_change_is_found(&world, &world.duckdb, "duckdb");
}

#[test]
fn postgres_and_the_store_have_one_digest() {
    let world = World::new("us");
    every_change_is_found(&world, &postgres(), "postgres");
}

#[test]
fn rows_that_came_and_went_are_found_in_both_engines() {
    let world = World::new("ms");
    let postgres = postgres();
    for (database, engine) in [(&world.duckdb as &dyn Database, "duckdb"), (&postgres, "postgres")] {
        // In milliseconds: times before 1970 are floored, too.
        let query = world.sql(engine, &[]);
        assert_eq!(world.compare(database, &query, 0)["not_compared"], serde_json::json!(["event_properties"]));
        database.run(
            "DELETE FROM events WHERE insert_id = 'i~/1'; UPDATE events SET insert_id = 'i' WHERE insert_id = 'i~/2';\
            INSERT INTO events (user_id, insert_id, event_time) VALUES ('new', 'i', TIMESTAMP '2025-01-01 00:00:00');",
        );
        let found = world.compare(database, &query, 1);
        let expected: BTreeSet<u64> =
            ["user 1\u{e9}", "user 2\u{e9}", "new"].iter().map(|user| world.bucket(user)).collect();
        assert_eq!(buckets(&found), Vec::from_iter(expected), "{found}");
        assert_eq!(found["rows"], serde_json::json!({"expected": ROWS - 3, "actual": ROWS - 3}));
    }
}

#[test]
fn ids_of_two_columns_and_times_in_numbers() {
    let folder = fast_folder();
    let world = World { folder, duckdb: DuckDb::start() };
    let rows = "CREATE TABLE \"my orders\" (customer BIGINT, invoice TEXT, stock TEXT, moment BIGINT, total DECIMAL(10, 2));\
        INSERT INTO \"my orders\" VALUES (1, 'a/b~', 'c', -1, 1.50), (2, '', '/', 1762250400123, NULL);";
    let postgres = Postgres::start();
    world.duckdb.run(rows);
    postgres.run(rows);
    world.export("SELECT * FROM \"my orders\"", "base.parquet");
    let base = world.path("base.parquet");
    let maps = ["--map", "user_id=customer", "--map", "insert_id=invoice+stock", "--map", "event_time=moment"];
    let apply = ["apply", &world.store(), base.to_str().unwrap(), "--dialect", "backfill"];
    world.run(&[&apply[..], &maps].concat(), 0);
    for (database, engine) in [(&world.duckdb as &dyn Database, "duckdb"), (&postgres, "postgres")] {
        let more = ["--table", "\"my orders\"", "--event-time-as", "ms"];
        let query = world.sql(engine, &[&more[..], &maps].concat());
        assert_eq!(world.compare(database, &query, 0)["rows"]["actual"], 2);
        database.run("UPDATE \"my orders\" SET stock = 'd' WHERE customer = 1");
        let found = world.compare(database, &query, 1);
        assert_eq!(buckets(&found), [world.bucket("1")]);
    }
}

#[test]
fn a_change_is_followed_from_its_digest_to_its_row() {
    let world = World::new("us");
    let query = world.sql("duckdb", &[]);
    world.duckdb.run("UPDATE events SET n = 77 WHERE insert_id = 'i~/60'");
    let (file, export) = (world.path("digest.csv"), world.path("export.sql"));
    fs::write(&file, world.duckdb.csv(&query)).unwrap();
    let words =
        ["verify", &world.store(), "--digest", file.to_str().unwrap(), "--export-sql", export.to_str().unwrap()];
    let (_, told) = world.run(&words, 1);
    let bucket = world.bucket("user 10\u{e9}").to_string();
    assert!(told.contains(&format!("EXTRACT --buckets {bucket}`\n")), "{told}");
    world.export(&fs::read_to_string(export).unwrap(), "rows.parquet");
    let rows = world.path("rows.parquet");
    let verify = ["verify", &world.store(), rows.to_str().unwrap(), "--buckets", &bucket, "--json"];
    for full in [&[][..], &["--full"]] {
        let found: Value = serde_json::from_str(&world.run(&[&verify[..], full].concat(), 1).0).unwrap();
        assert_eq!(found["rows"], serde_json::json!({"expected": 3, "actual": 3}), "{found}");
        assert_eq!(found["differences"], serde_json::json!({"missing": 0, "unexpected": 0, "mismatched": 1}));
        assert_eq!(found["samples"][0]["key"]["insert_id"], "i~/60");
        assert_eq!(found["samples"][0]["columns"][0]["column"], "n");
    }
}

#[test]
fn two_stores_are_compared_by_a_file_of_one() {
    let world = World::new("us");
    let file = world.path("mirror.digest");
    let write = ["digest", &world.store(), "-o", file.to_str().unwrap()];
    world.run(&write, 0);
    let verify = ["verify", &world.store(), "--digest", file.to_str().unwrap(), "--json"];
    let found: Value = serde_json::from_str(&world.run(&verify, 0).0).unwrap();
    assert_eq!((&found["verdict"], &found["export_sql"]), (&"identical".into(), &Value::Null));
    let empty = world.run(&[&verify[..], &["--as-of", "0"]].concat(), 1).0;
    let found: Value = serde_json::from_str(&empty).unwrap();
    assert_eq!(found["rows"], serde_json::json!({"expected": ROWS - 3, "actual": 0}));
    assert_eq!(world.run(&write[..2], 0).0, fs::read_to_string(&file).unwrap());
}

#[test]
fn a_digest_of_other_settings_is_refused() {
    let (micros, millis) = (World::new("us"), World::new("ms"));
    let file = micros.path("mirror.digest");
    let path = file.to_str().unwrap();
    micros.run(&["digest", &micros.store(), "-o", path], 0);
    let (_, told) = millis.run(&["verify", &millis.store(), "--digest", path], 2);
    assert!(told.contains("the digest has event times in us, the store in ms; compute the digest again"), "{told}");
    let text = fs::read_to_string(&file).unwrap().replace("\"\"rate\"\"", "\"\"fee\"\"");
    fs::write(&file, text).unwrap();
    let (_, told) = micros.run(&["verify", &micros.store(), "--digest", path], 2);
    assert!(told.contains("a column \"fee\", which the store has not"), "{told}");
    fs::write(&file, "user_id,plan\nann,pro\n").unwrap();
    let (_, told) = micros.run(&["verify", &micros.store(), "--digest", path], 3);
    assert!(told.contains("no digest file") && told.contains("mirror.digest"), "{told}");
}

#[test]
fn what_a_digest_leaves_out_is_said() {
    let world = World::new("us");
    let (_, told) = world.run(&["digest", "sql", &world.store(), "--for", "duckdb"], 0);
    assert!(told.contains("column \"event_properties\" is not compared: it holds JSON"), "{told}");
    assert!(told.contains("column \"score\" holds doubles, which are compared to 6 decimals"), "{told}");
    let form = ["--form", "plan=bool"];
    let (_, told) = world.run(&[&["digest", &world.store()], &form[..]].concat(), 0);
    assert!(told.contains("values of the store have another type than their column's form"), "{told}");
    for (words, part) in [
        (vec!["--columns", "none"], "no column \"none\""),
        (vec!["--columns", "event_properties"], "--form event_properties=text"),
        (vec!["--map", "price"], "FIELD=COLUMN"),
        (vec!["--map", "colour=c"], "\"colour\" is no field"),
        (vec!["--map", "price=a+b"], "price is one column"),
        (vec!["--map", "price="], "names no column"),
        (vec!["--map", "price=a,price=b"], "mapped twice"),
        (vec!["--form", "price=json"], "\"json\" is no form"),
    ] {
        let (_, told) =
            world.run(&[&["digest", "sql", &world.store(), "--for", "duckdb"], words.as_slice()].concat(), 2);
        assert!(told.contains(part), "{words:?}: {told}");
    }
}

/// The text of the SQL is public, and that of three engines cannot be run here: what is reviewed is what is written.
#[test]
fn the_sql_of_each_engine_is_the_reviewed_one() {
    let world = World::new("ms");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digest_sql");
    for engine in ["snowflake", "databricks", "bigquery", "postgres", "duckdb"] {
        let more = ["--table", "shop.events", "--map", "insert_id=invoice+stock"];
        let found = world.sql(engine, &[&more[..], &FORM].concat());
        let path = golden.join(engine).with_extension("sql");
        if std::env::var_os("EVENTMIRROR_BLESS").is_some() {
            fs::write(&path, &found).unwrap();
        }
        assert_eq!(
            found,
            fs::read_to_string(&path).unwrap_or_default(),
            "{}: EVENTMIRROR_BLESS=1 writes it",
            path.display()
        );
    }
}
